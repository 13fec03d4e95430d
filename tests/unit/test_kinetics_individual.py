"""The individual estimate: off by default, its refusals, its thresholds and its words."""

import dataclasses
import math

import numpy as np
import pytest

from a_forecast_scene import (
    ARTERIAL,
    KAMP,
    OTTO,
    PEREZ,
    PRIOR,
    SIGNED,
    SIMONS,
    YOUNG,
    empty_sessions,
    infusion,
    with_pressures,
)
from vigil.kinetics import pressure_fit
from vigil.kinetics.facts import Dose, Subject
from vigil.kinetics.individual import (
    READINGS_MIN,
    SESSIONS_MIN,
    Individual,
    LeftOut,
    Reading,
    ReadingInvalid,
    SessionReadings,
    leave_one_out,
    shrinkage_of,
    update,
)
from vigil.kinetics.pressure_course import ModesNotSeparate, varying_durations, varying_effects
from vigil.kinetics.pressure_fit import PeakNotFound, decrement_of
from vigil.kinetics.pressure_prior import PriorValue
from vigil.units.refusals import Refused

STEADY = with_pressures(empty_sessions(), np.tile([124.0, 130, 136, 140, 138, 132], 5))
DOORS = (update, leave_one_out)


def code_of(answer: object) -> str:
    assert isinstance(answer, Refused), "an answer was given"
    assert answer.message
    return answer.code


def answer_of(*arguments, **named) -> Individual:
    answer = update(*arguments, **named)
    assert isinstance(answer, Individual), answer
    return answer


# --- off by default -----------------------------------------------------------------------------


@pytest.mark.parametrize("door", DOORS)
def test_the_shipped_prior_answers_nothing_until_somebody_signs(door) -> None:
    """INV-KIN-88: our own weak prior stays off; a caller must name the sign-off each time."""
    assert code_of(door(PRIOR, OTTO, YOUNG, STEADY)) == "KIN-PRIOR-UNSIGNED"
    assert not isinstance(door(PRIOR, OTTO, YOUNG, STEADY, is_signed_off=True), Refused)
    assert not isinstance(door(SIGNED, OTTO, YOUNG, STEADY), Refused)


def test_every_answer_carries_the_basis_of_its_prior() -> None:
    """INV-KIN-88: said in words, also after a sign-off."""
    answer = answer_of(PRIOR, OTTO, YOUNG, STEADY, is_signed_off=True)

    assert answer.notes[0] == PRIOR.basis
    assert "not signed" in answer.notes[0]
    assert (answer.prior, answer.prior_version) == (PRIOR.name, PRIOR.version)


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("prior", "model", "subject", "code"),
    [
        (SIGNED, SIMONS, YOUNG, "KIN-PRIOR-SITE"),
        (ARTERIAL, KAMP, YOUNG, "KIN-PRIOR-DRUG"),
        (SIGNED, OTTO, Subject(age_years=30, weight_kg=None), "KIN-WEIGHT-UNKNOWN"),
        (SIGNED, OTTO, Subject(age_years=12, weight_kg=40), "KIN-CHILD"),
        (SIGNED, OTTO, Subject(age_years=30, weight_kg=70, is_pregnant=True), "KIN-PREGNANCY"),
    ],
)
def test_a_prior_speaks_of_one_drug_one_site_and_people_inside_the_box(
    door, prior, model, subject, code
) -> None:
    """INV-KIN-89: a slope per venous ng/mL means another effect per arterial ng/mL."""
    assert code_of(door(prior, model, subject, STEADY)) == code


def test_a_dose_outside_the_box_in_any_session_is_refused() -> None:
    odd = SessionReadings(doses=(infusion(0.0, 40.0, 10_000_000),), readings=STEADY[0].readings)

    assert code_of(update(SIGNED, OTTO, YOUNG, (*STEADY, odd))) == "KIN-DOSE-OUTSIDE"


def test_a_session_without_a_dose_is_refused() -> None:
    odd = SessionReadings(doses=(), readings=STEADY[0].readings)

    assert code_of(update(SIGNED, OTTO, YOUNG, (*STEADY, odd))) == "KIN-DOSE-NONE"


def test_an_absorption_whose_length_differs_between_people_is_refused() -> None:
    """The closed form has no slope for a duration; it is said, not approximated."""
    differs = dataclasses.replace(
        SIMONS,
        parameters=tuple(
            dataclasses.replace(p, variability=dataclasses.replace(p.variability, variance=0.1))
            if p.name == "d1" else p
            for p in SIMONS.parameters
        ),
    )  # fmt: skip
    under_tongue = tuple(
        dataclasses.replace(s, doses=(Dose(amount_ug=50_000, route="sublingual"),)) for s in STEADY
    )

    assert varying_durations(SIMONS, ("sublingual",)) == ()
    assert varying_durations(differs, ("sublingual",)) == ("d1",)
    assert code_of(update(ARTERIAL, differs, YOUNG, under_tongue)) == "KIN-INDIVIDUAL-MODEL"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("error", "code"),
    [(ModesNotSeparate(1e9), "KIN-MODES"), (PeakNotFound(0.04), "KIN-NO-PEAK")],
)
def test_a_search_that_cannot_be_trusted_ends_in_words(monkeypatch, door, error, code) -> None:
    def fail(*_):
        raise error

    monkeypatch.setattr("vigil.kinetics.individual.most_probable", fail)

    assert code_of(door(SIGNED, OTTO, YOUNG, STEADY)) == code


def test_a_search_cut_short_says_how_far_it_was_from_its_peak(monkeypatch) -> None:
    monkeypatch.setattr(pressure_fit, "_STEPS_MAX", 1)

    assert code_of(update(SIGNED, OTTO, YOUNG, STEADY)) == "KIN-NO-PEAK"
    assert "0.2 SD" in str(PeakNotFound(0.04))
    assert decrement_of(np.array([2.0]), np.array([[4.0]])) == 1.0


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("reading", "field"),
    [
        (Reading(minute=-0.1, sbp_mmhg=120), "minute"),
        (Reading(minute=math.nan, sbp_mmhg=120), "minute"),
        (Reading(minute=math.inf, sbp_mmhg=120), "minute"),
        (Reading(minute=5.0, sbp_mmhg=29), "sbp_mmhg"),
        (Reading(minute=5.0, sbp_mmhg=351), "sbp_mmhg"),
    ],
)
def test_a_reading_that_no_cuff_gives_is_an_error(door, reading, field) -> None:
    odd = dataclasses.replace(STEADY[0], readings=(reading,))

    with pytest.raises(ReadingInvalid) as caught:
        door(SIGNED, OTTO, YOUNG, (*STEADY, odd))

    assert caught.value.field == field
    assert repr(caught.value.value) in str(caught.value)


@pytest.mark.parametrize("pressure", [30, 350])
def test_the_ends_of_what_a_cuff_gives_are_accepted(pressure) -> None:
    odd = dataclasses.replace(STEADY[0], readings=(Reading(minute=0.0, sbp_mmhg=pressure),))

    answer_of(SIGNED, OTTO, YOUNG, (*STEADY, odd))


# --- too few ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sessions", "readings_each", "basis"),
    [(2, 6, "population"), (3, 3, "population"), (3, 4, "individual"), (12, 1, "individual"),
     (11, 1, "population"), (1, 6, "population")],
)  # fmt: skip
def test_fewer_than_three_sessions_or_twelve_readings_is_the_population(
    sessions, readings_each, basis
) -> None:
    """INV-KIN-84: the boundary: exactly 3 and exactly 12 are enough."""
    assert (SESSIONS_MIN, READINGS_MIN) == (3, 12)
    few = tuple(
        dataclasses.replace(STEADY[0], readings=STEADY[0].readings[:readings_each])
        for _ in range(sessions)
    )

    answer = answer_of(SIGNED, OTTO, YOUNG, few)

    assert answer.basis == basis
    assert (answer.sessions, answer.readings) == (sessions, sessions * readings_each)
    if basis == "population":
        assert all(e.value is None and e.withheld for e in answer.estimates)
        assert all(e.shrinkage == 1.0 for e in answer.estimates)
        assert np.all(answer.deviations == 0)
        assert code_of(leave_one_out(SIGNED, OTTO, YOUNG, few)) == "KIN-TOO-FEW"


def test_a_session_without_readings_does_not_count() -> None:
    silent = SessionReadings(doses=STEADY[0].doses, readings=())

    answer = answer_of(SIGNED, OTTO, YOUNG, (STEADY[0], STEADY[1], silent))

    assert answer.basis == "population"
    assert answer.sessions == 2


# --- the answer ---------------------------------------------------------------------------------


def test_the_estimates_stand_in_a_fixed_order_with_units() -> None:
    answer = answer_of(ARTERIAL, SIMONS, YOUNG, STEADY)

    assert [e.name for e in answer.estimates] == [
        "baseline", "slope", "vk1", "clk1", "clk3", "half_life"
    ]  # fmt: skip
    assert [e.unit for e in answer.estimates] == [
        "mmHg", "mmHg per ng/mL", "L", "L/min", "L/min", "min"
    ]  # fmt: skip
    assert answer.estimates[0].population == ARTERIAL.baseline.value
    assert answer.estimates[5].population == ARTERIAL.half_life.value
    assert answer.estimates[3].population == 1.48


@pytest.mark.parametrize("name", ["vk1", "half_life"])
def test_a_volume_and_the_half_life_are_never_told_even_when_they_could_be(name) -> None:
    """INV-KIN-84: whatever the shrinkage: the words say never, not "not from these readings"."""
    answer = answer_of(ARTERIAL, SIMONS, YOUNG, STEADY)

    (estimate,) = (e for e in answer.estimates if e.name == name)
    assert estimate.value is None
    assert estimate.withheld.startswith("Never told")


def test_more_pressure_in_the_readings_is_a_steeper_slope_and_higher_rest_a_higher_baseline() -> (
    None
):
    """INV-KIN-82: the direction of both effects, by hand-made readings."""
    shape = np.array([0.0, 6, 12, 16, 14, 8])

    def estimate(rest: float, rise: float) -> tuple[float, float]:
        sessions = with_pressures(empty_sessions(), np.tile(rest + rise * shape, 5))
        baseline, slope, *_ = answer_of(SIGNED, OTTO, YOUNG, sessions).estimates
        assert baseline.value is not None
        assert slope.value is not None
        return baseline.value, slope.value

    assert estimate(124, 2)[1] > estimate(124, 1)[1]
    assert estimate(140, 1)[0] > estimate(124, 1)[0] > estimate(110, 1)[0]


def test_readings_without_any_answer_to_the_drug_hide_a_steep_slope() -> None:
    """A flat course: the upper end of the slope's interval lies below the population's middle."""
    flat = with_pressures(empty_sessions(), np.full(30, 124.0))

    _, slope, *_ = answer_of(SIGNED, OTTO, YOUNG, flat).estimates

    upper = slope.high90 if slope.high90 is not None else slope.population_high90
    assert upper < slope.population or slope.value is None


def test_one_odd_day_moves_the_baseline_less_than_one_odd_reading_each_day() -> None:
    """Readings of one day share that day: ten readings of a bad day are not ten witnesses."""
    level = np.tile([124.0, 128, 132, 134, 132, 128], 5)
    one_day, each_day = level.copy(), level.copy()
    one_day[:6] += 20
    each_day += 4

    def baseline(pressures) -> float:
        value = (
            answer_of(SIGNED, OTTO, YOUNG, with_pressures(empty_sessions(), pressures))
            .estimates[0]
            .value
        )
        assert value is not None
        return value

    plain = baseline(level)
    assert abs(baseline(one_day) - baseline(each_day)) < 0.5
    assert 2.0 < baseline(each_day) - plain < 4.5


def test_a_left_out_session_is_compared_with_the_population() -> None:
    high = with_pressures(empty_sessions(), np.tile([150.0, 156, 162, 166, 164, 158], 5))

    answer = leave_one_out(SIGNED, OTTO, YOUNG, high)

    assert isinstance(answer, LeftOut)
    assert answer.individual_mmhg < 8 < 20 < answer.population_mmhg
    assert answer.is_shown


# --- which effects ------------------------------------------------------------------------------


def test_only_what_moves_the_drug_and_differs_between_people_is_an_effect() -> None:
    """Metabolites, and what differs between days only, are none."""
    assert varying_effects(SIMONS, ("iv",)) == ("vk1", "clk1", "clk3")
    assert varying_effects(SIMONS, ("sublingual",)) == ("vk1", "clk1", "clk3")
    assert set(varying_effects(OTTO, ("iv",))) == {"v1", "cl"}
    assert set(varying_effects(PEREZ, ("iv",))) < set(varying_effects(PEREZ, ("nasal",)))


def test_shrinkage_at_its_ends() -> None:
    assert shrinkage_of(0.0, 2.0) == 0.0
    assert shrinkage_of(2.0, 2.0) == 1.0
    assert shrinkage_of(3.0, 2.0) == 1.0, "a posterior wider than the prior tells nothing"
    assert math.isclose(shrinkage_of(0.75, 1.0), 0.5)


def test_a_width_is_a_variance_of_the_logarithm() -> None:
    by_cv = PriorValue(
        name="n", value=1.0, unit="1", certainty="K", source="s", locator="l", cv=1.0
    )
    by_interval = dataclasses.replace(by_cv, cv=None, low=0.5, high=2.0, share=0.95)

    assert math.isclose(by_cv.log_variance, math.log(2))
    assert math.isclose(
        math.sqrt(by_interval.log_variance), math.log(4) / (2 * 1.959964), rel_tol=1e-6
    )
    with pytest.raises(ValueError, match="neither cv nor low"):
        _ = dataclasses.replace(by_interval, share=None).log_variance
