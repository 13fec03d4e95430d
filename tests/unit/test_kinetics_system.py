"""A model, a person and doses become the right matrix and the right input (INV-KIN-02, INV-KIN-03)."""

import dataclasses
import math

import numpy as np
import pytest

from vigil.kinetics.facts import (
    AgeSlope,
    Box,
    Compartment,
    Covariance,
    Dose,
    DoseLimit,
    EffectSite,
    Model,
    Output,
    Parameter,
    Path,
    PopulationFactor,
    RouteModel,
    Source,
    Subject,
    Transfer,
    Variability,
)
from vigil.kinetics.system import build_schedule, build_system, covariance_of, values_for

PERSON = Subject(age_years=40, weight_kg=70)


def number(name: str, value: float, unit: str = "1", **more: object) -> Parameter:
    return Parameter(
        name=name,
        value=value,
        unit=unit,  # type: ignore[arg-type]
        source="s",
        locator="l",
        certainty="D",
        **more,  # type: ignore[arg-type]
    )


def varying(kind: str = "lognormal", **more: float) -> Variability:
    return Variability(kind=kind, variance=0.04, published="omega2 0.04", **more)  # type: ignore[arg-type]


INVENTED = Model(
    name="invented",
    version=1,
    title="Invented for a test",
    drug="esketamine",
    enantiomer="S",
    site="venous",
    population="nobody",
    parameters=(
        number("v", 10.0, "L", weight_exponent=1.0, variability=varying()),
        number("vn", 20.0, "L"),
        number(
            "cl", 60.0, "L/h", weight_exponent=0.75, variability=varying(occasion_variance=0.01)
        ),
        number("fm", 0.8),
        number("ka", 3.0, "1/h"),
        number("mtt", 20.0, "min"),
        number("cln", 30.0, "L/h", age_slope=AgeSlope(above_years=60.0, change=-0.5)),
        number("nose", 0.5, variability=varying("logit")),
        number("later", 0.6),
        number(
            "gut", 0.9, population_factors=(PopulationFactor(population="japanese", factor=0.5),)
        ),
        number("d", 0.5, "h"),
        number("ratio", 0.94),
    ),
    compartments=(
        Compartment(name="depot"),
        Compartment(name="central", volume="v"),
        Compartment(name="chain1"),
        Compartment(name="chain2"),
        Compartment(name="metabolite", volume="vn"),
    ),
    transfers=(
        Transfer(from_compartment="depot", to_compartment="central", rate="ka"),
        Transfer(from_compartment="central", to_compartment="chain1", clearance="cl"),
        Transfer(from_compartment="chain1", to_compartment="chain2", mean_time="mtt", steps=2),
        Transfer(
            from_compartment="chain2",
            to_compartment="metabolite",
            mean_time="mtt",
            steps=2,
            share=("fm",),
        ),
        Transfer(from_compartment="chain2", mean_time="mtt", steps=2, share_rest_of="fm"),
        Transfer(from_compartment="metabolite", clearance="cln"),
    ),
    routes=(
        RouteModel(route="iv", paths=(Path(to_compartment="central"),)),
        RouteModel(
            route="nasal",
            paths=(
                Path(to_compartment="depot", share=("nose",)),
                Path(to_compartment="depot", share=("gut",), share_rest_of="nose", duration="d"),
            ),
            device_ug=28_000,
            later_device="later",
            later_device_of="nose",
            sitting_minutes=60.0,
        ),
    ),
    outputs=(
        Output(analyte="ketamine", compartment="central"),
        Output(analyte="norketamine", compartment="metabolite", ratio="ratio"),
    ),
    box=Box(
        age_years_min=18,
        age_years_max=90,
        weight_kg_min=40,
        weight_kg_max=150,
        is_of_children=False,
        doses=tuple(
            DoseLimit(
                route=route,  # type: ignore[arg-type]
                dose_ug_min=1,
                dose_ug_max=10**6,
                dose_ug_per_kg_max=None,
                day_ug_max=10**7,
                duration_minutes_max=None,
                source="s",
                locator="l",
            )
            for route in ("iv", "nasal")
        ),
        source="s",
        locator="l",
    ),
    sources=(Source(source_id="s", citation="c", read_as="nothing"),),
    covariances=(Covariance(a="v", b="cl", value=0.02),),
)

SITE = EffectSite(
    name="e",
    version=1,
    title="t",
    half_life_minutes=8.0,
    half_life_low=5.0,
    half_life_high=13.0,
    follows="arterial",
    effect="e",
    population="p",
    certainty="D",
    source=Source(source_id="s", citation="c", read_as="nothing"),
    locator="l",
)


def test_values_are_in_litres_and_minutes() -> None:
    values = values_for(INVENTED, PERSON)

    assert values["v"] == 10.0
    assert values["cl"] == 1.0
    assert values["ka"] == pytest.approx(0.05)
    assert values["d"] == 30.0
    assert values["mtt"] == 20.0


def test_weight_scales_as_the_exponent_says() -> None:
    heavy = values_for(INVENTED, dataclasses.replace(PERSON, weight_kg=140.0))

    assert heavy["v"] == pytest.approx(20.0)
    assert heavy["cl"] == pytest.approx(2.0**0.75)
    assert heavy["vn"] == 20.0


@pytest.mark.parametrize(("age", "cln"), [(30.0, 30.0), (60.0, 30.0), (70.0, 25.0), (61.0, 29.5)])
def test_age_bends_above_its_year_only(age: float, cln: float) -> None:
    values = values_for(INVENTED, dataclasses.replace(PERSON, age_years=age))

    assert values["cln"] * 60.0 == pytest.approx(cln)


@pytest.mark.parametrize(("population", "gut"), [(None, 0.9), ("japanese", 0.45), ("other", 0.9)])
def test_a_population_factor_holds_for_its_people_only(population: str | None, gut: float) -> None:
    values = values_for(INVENTED, dataclasses.replace(PERSON, population=population))

    assert values["gut"] == pytest.approx(gut)


def test_a_lognormal_deviation_multiplies_and_a_logit_one_keeps_a_fraction_a_fraction() -> None:
    values = values_for(INVENTED, PERSON, etas={"v": 0.3, "nose": 5.0})

    assert values["v"] == pytest.approx(10.0 * math.exp(0.3))
    assert values["nose"] == pytest.approx(1.0 / (1.0 + math.exp(-5.0)))
    assert values_for(INVENTED, PERSON, etas={"nose": 0.0})["nose"] == 0.5


@pytest.mark.parametrize("name", ["vn", "nothing"])
def test_a_deviation_of_what_does_not_vary_is_an_error(name: str) -> None:
    with pytest.raises(KeyError, match=name):
        values_for(INVENTED, PERSON, etas={name: 0.1})


def test_every_transfer_stands_in_the_matrix() -> None:
    system = build_system(INVENTED, values_for(INVENTED, PERSON))

    depot, central, chain1, chain2, metabolite = range(5)
    expected = np.zeros((5, 5))
    expected[depot, depot] = -0.05
    expected[central, depot] = 0.05
    expected[central, central] = -0.1
    expected[chain1, central] = 0.1
    expected[chain1, chain1] = expected[chain2, chain2] = -0.1
    expected[chain2, chain1] = 0.1
    expected[metabolite, chain2] = 0.08
    expected[metabolite, metabolite] = -0.5 / 20.0
    assert system.rates == pytest.approx(expected)
    assert system.analytes == ("ketamine", "norketamine")
    assert system.outputs[0, central] == pytest.approx(0.1)
    assert system.outputs[1, metabolite] == pytest.approx(0.94 / 20.0)
    assert np.count_nonzero(system.outputs) == 2


def test_an_effect_site_follows_the_first_output_and_takes_nothing() -> None:
    values = values_for(INVENTED, PERSON)
    plain = build_system(INVENTED, values)

    system = build_system(INVENTED, values, effect_site=SITE)

    ke0 = math.log(2.0) / 8.0
    assert system.rates[:5, :5] == pytest.approx(plain.rates)
    assert not system.rates[:5, 5].any()
    assert system.rates[5, 1] == pytest.approx(ke0 / 10.0)
    assert system.rates[5, 5] == pytest.approx(-ke0)
    assert system.analytes[-1] == system.states[-1] == "effect"


def schedule_of(*doses: Dose):
    values = values_for(INVENTED, PERSON)
    system = build_system(INVENTED, values)
    return build_schedule(INVENTED, values, doses, states=system.states)


def test_an_infusion_runs_at_its_rate_and_stops() -> None:
    schedule = schedule_of(
        Dose(amount_ug=40_000, route="iv", start_minutes=5.0, duration_minutes=40.0)
    )

    assert schedule.minutes.tolist() == [5.0, 45.0]
    assert schedule.rates[:, 1].tolist() == [1000.0, 0.0]
    assert not schedule.boluses.any()


def test_overlapping_doses_add_up_whatever_their_order() -> None:
    one = Dose(amount_ug=10_000, route="iv", start_minutes=0.0, duration_minutes=10.0)
    two = Dose(amount_ug=40_000, route="iv", start_minutes=5.0, duration_minutes=20.0)
    push = Dose(amount_ug=700, route="iv", start_minutes=5.0)

    schedule = schedule_of(one, two, push)
    other = schedule_of(push, two, one)

    assert schedule.minutes.tolist() == [0.0, 5.0, 10.0, 25.0]
    assert schedule.rates[:, 1].tolist() == [1000.0, 3000.0, 2000.0, 0.0]
    assert schedule.boluses[:, 1].tolist() == [0.0, 700.0, 0.0, 0.0]
    assert other.rates.tolist() == schedule.rates.tolist()


def entered_ug(schedule) -> float:
    """All that ever enters, micrograms."""
    lengths = np.diff(schedule.minutes)
    return float(schedule.boluses.sum() + (schedule.rates[:-1].sum(axis=1) * lengths).sum())


def test_eighty_four_milligrams_in_the_nose_are_three_devices() -> None:
    whole = schedule_of(Dose(amount_ug=84_000, route="nasal"))
    apart = schedule_of(*(Dose(amount_ug=28_000, route="nasal") for _ in range(3)))

    nose = 28_000 * (0.5 + 2 * 0.3)
    swallowed = 28_000 * 0.9 * (0.5 + 2 * 0.7)
    assert whole.boluses.sum() == pytest.approx(nose)
    assert entered_ug(whole) == pytest.approx(nose + swallowed)
    assert apart.boluses.tolist() == whole.boluses.tolist()
    assert apart.rates.tolist() == whole.rates.tolist()


@pytest.mark.parametrize(("gap", "is_later"), [(5.0, True), (60.0, True), (61.0, False)])
def test_a_later_device_is_one_of_the_same_sitting(gap: float, is_later: bool) -> None:
    schedule = schedule_of(
        Dose(amount_ug=28_000, route="nasal"),
        Dose(amount_ug=28_000, route="nasal", start_minutes=gap),
    )

    assert schedule.boluses.sum() == pytest.approx(28_000 * (0.5 + (0.3 if is_later else 0.5)))


def test_a_sitting_is_counted_from_its_first_device() -> None:
    """Devices at 0, 40 and 80 minutes: the third begins a new sitting, 80 minutes after the first."""
    schedule = schedule_of(
        *(Dose(amount_ug=28_000, route="nasal", start_minutes=m) for m in (80.0, 0.0, 40.0))
    )

    assert schedule.boluses.sum() == pytest.approx(28_000 * (0.5 + 0.3 + 0.5))


def test_covariances_stand_beside_both_kinds_of_variance() -> None:
    names, matrix = covariance_of(INVENTED)
    _, between = covariance_of(INVENTED, with_occasion=False)

    v, cl = names.index("v"), names.index("cl")
    assert set(names) == {"v", "cl", "nose"}
    assert matrix[v, cl] == matrix[cl, v] == 0.02
    assert matrix[cl, cl] == pytest.approx(0.05)
    assert between[cl, cl] == 0.04
