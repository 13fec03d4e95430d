"""What is told of one person, worked out on the small model: values, intervals, units, thresholds and words. INV-KIN-82 to 89."""

import dataclasses
import math

import numpy as np
import pytest

from a_small_model import HALF_LIFE, PAPER, PERSON, bolus, small_model
from vigil.kinetics import individual
from vigil.kinetics.facts import Dose
from vigil.kinetics.individual import (
    BETTER_BY,
    INTERVAL_SHARE,
    READINGS_MIN,
    SESSIONS_MIN,
    SHRINKAGE_MAX,
    Individual,
    LeftOut,
    Reading,
    ReadingInvalid,
    SessionReadings,
    leave_one_out,
    shrinkage_of,
    update,
)
from vigil.kinetics.pressure_course import Sitting
from vigil.kinetics.pressure_fit import pose, pressures_and_slopes
from vigil.kinetics.pressure_prior import PressurePrior, PriorValue
from vigil.units.refusals import Refused

DOSE = Dose(amount_ug=20_000, route="iv", duration_minutes=40.0)
MINUTES = (0.0, 10.0, 20.0, 40.0, 60.0)
MODEL = small_model(variances={"v": 0.02, "cl": 0.03})
FRACTION = small_model(variances={"f": 0.4}, kinds={"f": "logit"})


def prior(**changes) -> PressurePrior:
    def number(name: str, value: float, unit: str, cv: float | None = None) -> PriorValue:
        return PriorValue(name=name, value=value, unit=unit, certainty="R", source="s", locator="l", cv=cv)  # fmt: skip

    plain = PressurePrior(
        name="p", version=4, title="t", drug="esketamine", site="venous", is_enabled=True, basis="Ours.",
        baseline=number("baseline", 120.0, "mmHg", 0.1), slope=number("slope", 0.08, "mmHg per ng/mL", 1.0),
        half_life=number("half_life", HALF_LIFE, "min", 0.3), day_sd=number("day_sd", 3.0, "mmHg"),
        reading_sd=number("reading_sd", 4.0, "mmHg"), sources=(PAPER,), notes=("Weak.",),
    )  # fmt: skip
    return dataclasses.replace(plain, **changes)


def sessions_of(*deviations: float, count: int = 6, doses=(DOSE,), model=MODEL, add: float = 0.0):
    """Readings exactly as a person with these deviations would give them, to the whole mmHg."""
    sitting = Sitting(doses=doses, minutes=MINUTES)
    posed = pose(prior(), model, PERSON, (sitting,), np.zeros(5))
    at = np.array([*deviations, *([0.0] * (len(posed.names) - len(deviations)))])
    pressures = pressures_and_slopes(posed, at)[0] + add
    readings = tuple(
        Reading(minute=m, sbp_mmhg=round(float(p))) for m, p in zip(MINUTES, pressures, strict=True)
    )
    return tuple(SessionReadings(doses=doses, readings=readings) for _ in range(count))


def told(*deviations: float, model=MODEL, **named) -> Individual:
    found = update(prior(), model, PERSON, sessions_of(*deviations, model=model, **named))
    assert isinstance(found, Individual), found
    return found


def test_the_thresholds_are_those_of_the_reference() -> None:
    """INV-KIN-84: 3 sessions, 12 readings, shrinkage of a half, 90 % intervals, a tenth better than anybody."""
    assert (SESSIONS_MIN, READINGS_MIN) == (3, 12)
    assert (SHRINKAGE_MAX, INTERVAL_SHARE, BETTER_BY) == (0.5, 0.9, 0.1)


def test_a_persons_own_baseline_and_slope_are_found() -> None:
    """Baseline 132, slope three times the population's: both within their intervals and far from 120 and 0.08."""
    baseline, slope, *_ = told(math.log(1.1), math.log(3.0), count=12).estimates

    assert baseline.value == pytest.approx(132.0, abs=1.5)
    assert baseline.low90 < 132.0 < baseline.high90
    assert slope.low90 < 0.24 < slope.high90
    assert slope.low90 > 0.08
    assert slope.value == pytest.approx(0.24, rel=0.2)


def test_the_population_is_told_in_units_by_hand() -> None:
    """Middle and 5 % and 95 % of each log-normal prior: value * exp(-+ 1.645 SD)."""
    found = told()
    widths = {"baseline": math.log(1.01), "slope": math.log(2.0), "v": 0.02, "cl": 0.03, "half_life": math.log(1.09)}  # fmt: skip
    middles = {"baseline": 120.0, "slope": 0.08, "v": 20.0, "cl": 1.0, "half_life": HALF_LIFE}

    assert [e.name for e in found.estimates] == list(widths)
    for estimate in found.estimates:
        middle, reach = middles[estimate.name], 1.6448536 * math.sqrt(widths[estimate.name])
        assert estimate.population == pytest.approx(middle)
        assert estimate.population_low90 == pytest.approx(middle * math.exp(-reach), rel=1e-6)
        assert estimate.population_high90 == pytest.approx(middle * math.exp(reach), rel=1e-6)
    assert [e.unit for e in found.estimates] == ["mmHg", "mmHg per ng/mL", "L", "L/min", "min"]


def test_a_fraction_stays_a_fraction_in_its_interval() -> None:
    """Odds of one, and 1.645 SD of the logit on each side."""
    found = told(model=FRACTION, doses=(bolus(60_000, 0.0, "oral"),))

    (fraction,) = (e for e in found.estimates if e.name == "f")
    reach = 1.6448536 * math.sqrt(0.4)
    assert fraction.population == pytest.approx(0.5)
    assert fraction.population_low90 == pytest.approx(1 / (1 + math.exp(reach)), rel=1e-6)
    assert fraction.population_high90 == pytest.approx(1 / (1 + math.exp(-reach)), rel=1e-6)
    assert fraction.unit == "1"


@pytest.mark.parametrize(("unit", "shown", "value"), [("L/h", "L/min", 1.0), ("L/min", "L/min", 60.0)])  # fmt: skip
def test_a_value_is_told_in_the_unit_that_it_is_in(unit, shown, value) -> None:
    """60 L/h is 1 L/min: the paper's unit and the engine's are never mixed."""
    model = dataclasses.replace(
        MODEL,
        parameters=tuple(
            dataclasses.replace(p, unit=unit, value=60.0) if p.name == "cl" else p
            for p in MODEL.parameters
        ),
    )

    found = told(model=model)

    (clearance,) = (e for e in found.estimates if e.name == "cl")
    assert (clearance.unit, clearance.population) == (shown, pytest.approx(value))


@pytest.mark.parametrize(("unit", "shown"), [("1/h", "1/min"), ("1/min", "1/min")])
def test_rates_per_hour_are_told_per_minute(unit, shown) -> None:
    plain = small_model(variances={"ka": 0.1})
    model = dataclasses.replace(
        plain,
        parameters=tuple(dataclasses.replace(p, unit=unit, value=6.0) if p.name == "ka" else p for p in plain.parameters),
    )  # fmt: skip

    found = told(model=model, doses=(bolus(60_000, 0.0, "oral"),))

    (uptake,) = (e for e in found.estimates if e.name == "ka")
    assert (uptake.unit, uptake.population) == (shown, pytest.approx(0.1 if unit == "1/h" else 6.0))


def test_hours_until_something_passes_are_told_in_minutes() -> None:
    plain = small_model(variances={"ka": 0.1})
    depot = plain.transfers[1]
    model = dataclasses.replace(
        plain,
        parameters=tuple(dataclasses.replace(p, unit="h", value=0.5) if p.name == "ka" else p for p in plain.parameters),
        transfers=(plain.transfers[0], dataclasses.replace(depot, rate=None, mean_time="ka"), plain.transfers[2]),
    )  # fmt: skip

    found = told(model=model, doses=(bolus(60_000, 0.0, "oral"),))

    (passing,) = (e for e in found.estimates if e.name == "ka")
    assert (passing.unit, passing.population) == ("min", pytest.approx(30.0))


def test_intervals_are_those_of_the_marginal_on_the_scale_of_the_value() -> None:
    """The slope by its quantiles; the baseline as a log-normal of the marginal's mean and variance; the rest by Laplace."""
    found = told(0.05, 0.4, count=8)
    baseline, slope, _, clearance, _ = found.estimates
    marginal = found.marginal

    for value, share in ((slope.low90, 0.05), (slope.value, 0.5), (slope.high90, 0.95)):
        assert value == pytest.approx(0.08 * math.exp(marginal.deviation_at(share)), rel=1e-9)
    reach = 1.6448536270 * math.sqrt(marginal.baseline_variance)
    for value, way in ((baseline.low90, -1), (baseline.value, 0), (baseline.high90, 1)):
        assert value == pytest.approx(120.0 * math.exp(marginal.baseline + way * reach), rel=1e-9)
    assert slope.shrinkage == shrinkage_of(marginal.variance, math.log(2.0))
    assert baseline.shrinkage == shrinkage_of(marginal.baseline_variance, math.log(1.01))
    assert clearance.shrinkage == pytest.approx(shrinkage_of(found.covariance[3, 3], 0.03))


@pytest.mark.parametrize(("count", "each", "is_answered"), [(3, 4, True), (3, 5, True), (4, 3, True), (2, 5, False), (3, 3, False)])  # fmt: skip
def test_three_sessions_and_twelve_readings_are_enough_for_both_doors(count, each, is_answered) -> None:  # fmt: skip
    some = tuple(
        dataclasses.replace(s, readings=s.readings[:each]) for s in sessions_of(0.1, count=count)
    )

    assert isinstance(leave_one_out(prior(), MODEL, PERSON, some), LeftOut) == is_answered
    assert update(prior(), MODEL, PERSON, some).basis == ("individual" if is_answered else "population")  # fmt: skip


def test_what_is_withheld_says_why_and_shows_no_number() -> None:
    found = told()

    by = {e.name: e for e in found.estimates}
    never = "Never told for one person: clinic readings cannot identify it."
    assert by["v"].withheld == by["half_life"].withheld == never
    assert by["cl"].shrinkage > SHRINKAGE_MAX
    assert by["cl"].withheld == f"Not identifiable from these readings: shrinkage {by['cl'].shrinkage:.0%}."  # fmt: skip
    assert by["baseline"].withheld == by["slope"].withheld == ""
    for estimate in found.estimates:
        shown = (estimate.value, estimate.low90, estimate.high90)
        assert (None in shown) == bool(estimate.withheld)
        assert len({number is None for number in shown}) == 1


def test_exactly_half_shrunken_is_still_told(monkeypatch) -> None:
    monkeypatch.setattr(individual, "shrinkage_of", lambda *_: 0.5)
    assert all(e.value is not None for e in told().estimates if e.name not in ("v", "half_life"))

    monkeypatch.setattr(individual, "shrinkage_of", lambda *_: 0.500001)
    assert all(e.value is None for e in told().estimates)


def test_more_sessions_shrink_less_and_narrow_the_interval() -> None:
    few, many = (told(0.0, 0.5, count=n).estimates for n in (3, 20))

    for place in (0, 1):
        assert many[place].shrinkage < few[place].shrinkage
        assert many[place].high90 - many[place].low90 < few[place].high90 - few[place].low90


def test_the_answer_says_what_it_rests_on() -> None:
    found = told(count=4)

    assert (found.basis, found.model, found.prior, found.prior_version) == ("individual", "small", "p", 4)  # fmt: skip
    assert (found.sessions, found.readings) == (4, 20)
    assert found.notes == ("Ours.", "Weak.")
    assert found.marginal is not None
    assert found.deviations.shape == (5,)
    assert found.covariance.shape == (5, 5)
    assert 0 < found.steps < 60


def test_too_few_is_the_population_word_for_word() -> None:
    found = told(count=2)

    assert (found.basis, found.marginal, found.steps) == ("population", None, 0)
    assert {e.withheld for e in found.estimates} == {individual.TOO_FEW.message}
    assert individual.TOO_FEW.code == "KIN-TOO-FEW"
    np.testing.assert_allclose(np.diag(found.covariance)[:2], [math.log(1.01), math.log(2.0)])


@pytest.mark.parametrize("door", [update, leave_one_out])
@pytest.mark.parametrize(
    ("change", "model", "code", "words"),
    [
        ({"is_enabled": False}, MODEL, "KIN-PRIOR-UNSIGNED", "A named clinician must accept the prior first."),
        ({"site": "arterial"}, MODEL, "KIN-PRIOR-SITE", "The prior speaks of arterial concentrations and small predicts venous ones"),
        ({"drug": "ketamine"}, MODEL, "KIN-PRIOR-DRUG", "The prior speaks of ketamine, and small does not predict"),
        ({}, dataclasses.replace(MODEL, enantiomer="racemate"), "KIN-PRIOR-DRUG", "The prior speaks of esketamine"),
        ({}, dataclasses.replace(MODEL, enantiomer="mixed"), "KIN-PRIOR-DRUG", "The prior speaks of esketamine"),
    ],
)  # fmt: skip
def test_a_prior_of_something_else_is_refused_in_words(door, change, model, code, words) -> None:
    found = door(prior(**change), model, PERSON, sessions_of())

    assert isinstance(found, Refused)
    assert found.code == code
    assert words in found.message


def test_a_racemic_prior_serves_a_racemic_or_pooled_model() -> None:
    for enantiomer in ("racemate", "mixed"):
        model = dataclasses.replace(MODEL, enantiomer=enantiomer)
        assert isinstance(update(prior(drug="ketamine"), model, PERSON, sessions_of()), Individual)


def test_durations_without_a_slope_are_named() -> None:
    model = small_model(variances={"d": 0.1})
    under_tongue = sessions_of(doses=(bolus(9_000, 0.0, "sublingual"),))

    found = update(prior(), model, PERSON, under_tongue)

    assert found.code == "KIN-INDIVIDUAL-MODEL"
    assert "In small how long a dose takes to enter differs between people (d)" in found.message


@pytest.mark.parametrize(
    ("minute", "mmhg", "is_taken"),
    [(0.0, 30, True), (0.0, 350, True), (1e6, 120, True), (-1e-9, 120, False), (0.0, 29, False), (0.0, 351, False)],
)  # fmt: skip
def test_what_a_cuff_can_say(minute, mmhg, is_taken) -> None:
    odd = SessionReadings(doses=(DOSE,), readings=(Reading(minute=minute, sbp_mmhg=mmhg),))

    if is_taken:
        assert isinstance(update(prior(), MODEL, PERSON, (*sessions_of(), odd)), Individual)
    else:
        with pytest.raises(ReadingInvalid, match="expected a minute of 0 or more and 30 to 350 mmHg"):  # fmt: skip
            update(prior(), MODEL, PERSON, (*sessions_of(), odd))


# --- left out -----------------------------------------------------------------------------------


def test_the_populations_error_is_that_of_its_own_prediction_by_hand() -> None:
    """Every reading 20 mmHg above the typical course: the population errs by 20 (to the rounding of a cuff)."""
    found = leave_one_out(prior(), MODEL, PERSON, sessions_of(add=20.0))

    assert isinstance(found, LeftOut)
    assert found.population_mmhg == pytest.approx(20.0, abs=0.4)
    assert found.individual_mmhg < 4.0
    assert found.is_shown


def test_somebody_like_everybody_is_not_shown_as_an_individual() -> None:
    found = leave_one_out(prior(), MODEL, PERSON, sessions_of())

    assert found.population_mmhg < 0.5
    assert found.is_shown == (found.individual_mmhg <= 0.9 * found.population_mmhg)


def test_sessions_without_readings_are_neither_left_out_nor_counted() -> None:
    silent = SessionReadings(doses=(DOSE,), readings=())

    plain = leave_one_out(prior(), MODEL, PERSON, sessions_of(add=20.0))

    assert leave_one_out(prior(), MODEL, PERSON, (silent, *sessions_of(add=20.0), silent)) == plain
    few = leave_one_out(prior(), MODEL, PERSON, (silent, *sessions_of(count=2), silent))
    assert few == individual.TOO_FEW


@pytest.mark.parametrize(("individual_error", "is_shown"), [(9.0, True), (9.01, False), (10.0, False), (0.0, True)])  # fmt: skip
def test_a_tenth_better_is_the_least_that_is_shown(monkeypatch, individual_error, is_shown) -> None:
    """The population errs by 10; the person's own estimates by exactly the stated number."""
    monkeypatch.setattr(individual, "most_probable", lambda problem: (np.ones(5), np.eye(5), 1))
    monkeypatch.setattr(
        individual, "errors_of", lambda problem, at: np.full(5, individual_error if at.any() else 10.0)
    )  # fmt: skip

    found = leave_one_out(prior(), MODEL, PERSON, sessions_of())

    assert (found.individual_mmhg, found.population_mmhg) == (pytest.approx(individual_error), 10.0)
    assert found.is_shown == is_shown


def test_each_session_is_predicted_from_all_the_others(monkeypatch) -> None:
    honest, seen = individual.most_probable, []

    def watched(problem):
        seen.append(len(problem.pressures))
        return honest(problem)

    monkeypatch.setattr(individual, "most_probable", watched)
    leave_one_out(prior(), MODEL, PERSON, sessions_of(count=4))

    assert seen == [15] * 4


@pytest.mark.parametrize(
    ("posterior", "wanted"), [(1.0, 1.0), (0.0, 0.0), (0.75, 0.5), (0.96, 0.8), (0.36, 0.2), (2.0, 1.0)]
)  # fmt: skip
def test_shrinkage_by_hand(posterior, wanted) -> None:
    """1 - sqrt(1 - posterior / prior): 0.64 told is a spread of 0.8."""
    assert shrinkage_of(posterior, 1.0) == pytest.approx(wanted)
    assert shrinkage_of(posterior * 7.0, 7.0) == pytest.approx(wanted)
