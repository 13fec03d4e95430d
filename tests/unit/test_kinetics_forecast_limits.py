"""When a forecast is refused and which questions contradict themselves: boundaries, words, and infusions put together. INV-KIN-46, 47."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a_small_model import PERSON, bolus, small_model
from vigil.kinetics.facts import Dose, DoseLimit
from vigil.kinetics.forecast import DRAWS
from vigil.kinetics.forecast_limits import (
    MODELS_MIN,
    ForecastInvalid,
    check_doses,
    check_levels,
    grid,
    refuse_doses,
    refuse_models,
    refuse_old_record,
    refuse_person,
    refuse_without_residual,
)

VARYING = small_model("varying", variances={"cl": 0.1}, residual=(0.1, 0.0))
OTHER = dataclasses.replace(VARYING, name="other")
SILENT = small_model("silent", variances={"v": 0.1})
INF, NAN = math.inf, math.nan


def limited(*, least: int = 1, most: int = 10**6, day: int = 10**7, longest: float | None = None):
    """The varying model with these limits by vein."""
    limit = DoseLimit(
        route="iv", dose_ug_min=least, dose_ug_max=most, day_ug_max=day,
        duration_minutes_max=longest, source="s", locator="l",
    )  # fmt: skip
    others = tuple(each for each in VARYING.box.doses if each.route != "iv")
    return dataclasses.replace(VARYING, box=dataclasses.replace(VARYING.box, doses=(limit, *others)))  # fmt: skip


def piece(start: float, lasting: float, amount_ug: int, **changes) -> Dose:
    return Dose(amount_ug=amount_ug, route="iv", start_minutes=start, duration_minutes=lasting, **changes)  # fmt: skip


def code(refused) -> str | None:
    return None if refused is None else refused.code


def invalid(call, *arguments) -> ForecastInvalid:
    with pytest.raises(ForecastInvalid) as caught:
        call(*arguments)
    return caught.value


# --- models -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("models", "wanted"),
    [
        ((), "KIN-ONE-MODEL"),
        ((VARYING,), "KIN-ONE-MODEL"),
        ((VARYING, VARYING, VARYING), "KIN-ONE-MODEL"),
        ((VARYING, OTHER), None),
        ((VARYING, OTHER, SILENT), None),
        ((VARYING, small_model("alike")), "KIN-NO-VARIABILITY"),
        ((small_model("alike"), VARYING), "KIN-NO-VARIABILITY"),
    ],
)
def test_two_different_models_that_each_differ_between_people_are_needed(models, wanted) -> None:
    assert code(refuse_models(models)) == wanted


def test_one_varying_parameter_is_enough_of_a_band() -> None:
    """Most models have fixed parameters beside varying ones."""
    assert sum(p.variability is None for p in VARYING.parameters) > 1
    assert refuse_models((VARYING, SILENT)) is None


def test_the_refusals_say_how_many_and_which() -> None:
    assert f"at least {MODELS_MIN} published models" in refuse_models((VARYING,)).message
    assert MODELS_MIN == 2
    refused = refuse_models((VARYING, small_model("alike")))
    assert "The model alike has no published variability" in refused.message
    assert "Choose another model." in refused.message


def test_a_hundred_draws_lie_beyond_each_edge_of_the_wide_band() -> None:
    assert DRAWS * 0.05 == 100


@pytest.mark.parametrize(
    ("models", "wanted"),
    [((VARYING, OTHER), None), ((VARYING, SILENT), "silent"), ((SILENT, VARYING), "silent"), ((), None)],
)  # fmt: skip
def test_bands_to_compare_need_the_error_of_every_model(models, wanted) -> None:
    refused = refuse_without_residual(models)

    assert code(refused) == (None if wanted is None else "KIN-NO-RESIDUAL")
    if wanted:
        assert f"The model {wanted} has no published error" in refused.message


def test_an_error_of_another_analyte_is_none() -> None:
    """The error of the metabolite's measurement says nothing of the drug's; one of several is enough."""
    (own,) = VARYING.residuals
    foreign = dataclasses.replace(own, analyte="norketamine")

    assert code(refuse_without_residual((dataclasses.replace(VARYING, residuals=(foreign,)),))) == "KIN-NO-RESIDUAL"  # fmt: skip
    assert refuse_without_residual((dataclasses.replace(VARYING, residuals=(foreign, own)),)) is None  # fmt: skip


# --- the record of the rate ---------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [0, 0.0, 15.0, 29.999, 30.0])
def test_a_record_of_up_to_half_an_hour_is_believed(minutes) -> None:
    assert refuse_old_record(minutes) is None


@pytest.mark.parametrize("minutes", [None, 30.001, 1e9, -0.001, -INF, INF, NAN])
def test_an_older_or_impossible_record_is_not(minutes) -> None:
    refused = refuse_old_record(minutes)

    assert refused.code == "KIN-RATE-OLD"
    assert "in the last 30 minutes" in refused.message
    assert "Record the rate" in refused.message


# --- person and doses ---------------------------------------------------------------------------


def test_a_person_inside_every_box_is_not_refused_for_having_no_dose_yet() -> None:
    assert refuse_person((VARYING, OTHER), PERSON) is None


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"weight_kg": None}, "KIN-WEIGHT-UNKNOWN"),
        ({"age_years": 17.9}, "KIN-CHILD"),
        ({"age_years": 80.1}, "KIN-AGE-OUTSIDE"),
        ({"weight_kg": 150.1}, "KIN-WEIGHT-OUTSIDE"),
        ({"weight_kg": 150.0}, None),
        ({"is_pregnant": True}, "KIN-PREGNANCY"),
    ],
)
def test_a_person_outside_any_box_is_refused_by_the_first_that_says_so(changes, wanted) -> None:
    wide = dataclasses.replace(OTHER, box=dataclasses.replace(OTHER.box, age_years_max=200.0, weight_kg_max=900.0))  # fmt: skip
    person = dataclasses.replace(PERSON, **changes)

    assert code(refuse_person((VARYING, wide), person)) == wanted
    assert code(refuse_person((wide, VARYING), person)) == wanted


def test_what_was_given_and_the_rest_are_judged_together() -> None:
    """Half of the dose is given, half of it is still to come: the day holds both."""
    model = limited(day=9_000)

    assert refuse_doses((model,), PERSON, (bolus(4_500),), (bolus(4_500, 10.0),)) is None
    assert code(refuse_doses((model,), PERSON, (bolus(4_500),), (bolus(4_501, 10.0),))) == "KIN-DAY-OUTSIDE"  # fmt: skip
    assert code(refuse_doses((model,), PERSON, (bolus(9_001),), ())) == "KIN-DAY-OUTSIDE"
    assert code(refuse_doses((model,), PERSON, (), (bolus(9_001),))) == "KIN-DAY-OUTSIDE"
    assert code(refuse_doses((model,), PERSON, (), ())) == "KIN-DOSE-NONE"


def test_any_model_may_refuse_the_doses() -> None:
    strict = limited(most=5_000)

    for models in ((VARYING, strict), (strict, VARYING)):
        assert code(refuse_doses(models, PERSON, (bolus(5_001),), ())) == "KIN-DOSE-OUTSIDE"
        assert refuse_doses(models, PERSON, (bolus(5_000),), ()) is None


@pytest.mark.parametrize("count", [1, 2, 7])
def test_pieces_are_neither_too_small_nor_a_way_around_a_limit(count) -> None:
    """Least 700, most 7,000: pieces of 100 and of 1,000 are parts of one infusion, and boluses are doses."""
    model = limited(least=700, most=6_999)
    small = tuple(piece(float(k), 1.0, 700 // count) for k in range(count))
    large = tuple(piece(float(k), 1.0, 7_000 // count) for k in range(count))

    assert refuse_doses((model,), PERSON, small, ()) is None
    assert code(refuse_doses((model,), PERSON, large, ())) == "KIN-DOSE-OUTSIDE"
    if count > 1:
        many = tuple(bolus(700 // count, float(k)) for k in range(count))
        assert code(refuse_doses((model,), PERSON, many, ())) == "KIN-DOSE-OUTSIDE"


@pytest.mark.parametrize(
    ("pieces", "lasts"),
    [
        (((0.0, 10.0), (10.0, 10.0)), 20.0),
        (((0.0, 10.0), (25.0, 5.0)), 30.0),  # a pause is part of it
        (((25.0, 5.0), (0.0, 10.0)), 30.0),  # whatever the order of the record
        (((3.0, 10.0), (13.0, 4.0)), 14.0),  # from its own start
        (((0.0, 50.0), (10.0, 5.0)), 50.0),  # a piece inside another
        (((0.0, 50.0), (10.0, 5.0), (20.0, 35.0)), 55.0),
    ],
)
def test_an_infusion_lasts_from_its_first_start_to_its_last_end(pieces, lasts) -> None:
    doses = tuple(piece(start, lasting, 100) for start, lasting in pieces)

    assert refuse_doses((limited(longest=lasts),), PERSON, doses, ()) is None
    shorter = limited(longest=lasts - 0.01)
    assert code(refuse_doses((shorter,), PERSON, doses, ())) == "KIN-DURATION-OUTSIDE"


def test_infusions_of_two_drugs_or_by_two_ways_are_two() -> None:
    pooled = dataclasses.replace(limited(most=1_000), enantiomer="mixed")
    two_drugs = (piece(0.0, 5.0, 900, drug="ketamine"), piece(5.0, 5.0, 900, drug="esketamine"))
    one_drug = (piece(0.0, 5.0, 900, drug="ketamine"), piece(5.0, 5.0, 900, drug="ketamine"))

    assert refuse_doses((pooled,), PERSON, two_drugs, ()) is None
    assert code(refuse_doses((pooled,), PERSON, one_drug, ())) == "KIN-DOSE-OUTSIDE"


def test_a_drug_that_the_model_does_not_speak_of_is_refused_also_in_pieces() -> None:
    wrong = (piece(0.0, 5.0, 9, drug="ketamine"), piece(5.0, 5.0, 9, drug="ketamine"))

    assert code(refuse_doses((VARYING,), PERSON, wrong, ())) == "KIN-DRUG"


def test_a_bolus_beside_an_infusion_stays_a_dose_of_its_own() -> None:
    model = limited(most=1_000, day=1_900)

    assert refuse_doses((model,), PERSON, (bolus(900), piece(0.0, 9.0, 1_000)), ()) is None
    assert code(refuse_doses((model,), PERSON, (bolus(901), piece(0.0, 9.0, 1_000)), ())) == "KIN-DAY-OUTSIDE"  # fmt: skip


@given(
    cuts=st.lists(st.integers(1, 99), unique=True, max_size=8).map(sorted),
    most=st.integers(5_000, 15_000),
    longest=st.sampled_from([99.0, 100.0, 101.0]),
    order=st.randoms(use_true_random=False),
)
@settings(deadline=None)
def test_however_an_infusion_is_cut_the_box_says_the_same(cuts, most, longest, order) -> None:
    """INV-KIN-46: 10,000 ug over 100 min, in one line or in nine."""
    edges = [0, *cuts, 100]
    pieces = [piece(float(a), float(b - a), 100 * (b - a)) for a, b in zip(edges, edges[1:], strict=False)]  # noqa: RUF007 # fmt: skip
    order.shuffle(pieces)
    model = limited(most=most, longest=longest)

    whole = refuse_doses((model,), PERSON, (piece(0.0, 100.0, 10_000),), ())

    assert refuse_doses((model,), PERSON, tuple(pieces), ()) == whole
    assert (whole is None) == (most >= 10_000 and longest >= 100.0)


# --- the grid -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "until", "every", "wanted"),
    [
        (0.0, 2.0, 1.0, [0.0, 1.0, 2.0]),
        (5.0, 8.9, 1.0, [5.0, 6.0, 7.0, 8.0]),
        (5.0, 6.0, 0.5, [5.0, 5.5, 6.0]),
        (0.0, 10.0, 5.0, [0.0, 5.0, 10.0]),
        (0.0, 14.9, 5.0, [0.0, 5.0, 10.0]),
    ],
)
def test_the_grid_by_hand(now, until, every, wanted) -> None:
    assert grid(now, until, every).tolist() == wanted


def test_a_step_that_binary_cannot_hold_still_reaches_the_end() -> None:
    """0.3 / 0.1 is 2.9999999999999996 in a computer; the last time is not lost to that."""
    np.testing.assert_allclose(grid(0.0, 0.3, 0.1), [0.0, 0.1, 0.2, 0.3])
    assert len(grid(0.0, 0.7, 0.1)) == 8


@pytest.mark.parametrize(
    ("now", "until", "every", "field", "value"),
    [
        (0.0, 9.0, 0.0, "every_minutes", 0.0),
        (0.0, 9.0, -1.0, "every_minutes", -1.0),
        (0.0, 9.0, INF, "every_minutes", INF),
        (-0.001, 9.0, 1.0, "now_minutes", -0.001),
        (INF, 9.0, 1.0, "now_minutes", INF),
        (7.0, 8.99, 1.0, "until_minutes", 8.99),
        (7.0, 6.0, 1.0, "until_minutes", 6.0),
        (7.0, INF, 1.0, "until_minutes", INF),
        (0.0, 1500.0, 1.0, "until_minutes", 1500.0),
        (0.0, 750.0, 0.5, "until_minutes", 750.0),
    ],
)
def test_a_grid_that_makes_no_sense_names_what_is_wrong(now, until, every, field, value) -> None:
    error = invalid(grid, now, until, every)

    assert (error.field, error.value) == (field, value)
    assert str(error) == f"{field} is {value!r}; {error.limit}."


def test_the_limits_of_a_grid_are_told() -> None:
    assert invalid(grid, 7.0, 8.0, 1.0).limit == "2 to 1500 steps of 1 min after 7"
    assert invalid(grid, 0.0, 9.0, 0.0).limit == "a step is more than 0 minutes"
    assert invalid(grid, -1.0, 9.0, 1.0).limit == "it counts from the first minute of the session"


def test_the_longest_and_the_shortest_grid_are_accepted() -> None:
    """A day of minutes has 1,441 points; 1,500 steps are one too many, two are enough."""
    assert len(grid(0.0, 1440.0, 1.0)) == 1441
    assert len(grid(0.0, 1499.0, 1.0)) == 1500
    assert len(grid(0.0, 2.0, 1.0)) == 3


@given(now=st.integers(0, 5_000), steps=st.integers(2, 1_499), every=st.sampled_from([0.1, 0.25, 1.0, 7.5]), part=st.floats(0.0, 0.99))  # fmt: skip
@settings(deadline=None, max_examples=60)
def test_a_grid_is_even_starts_now_and_never_passes_its_end(now, steps, every, part) -> None:
    until = now + (steps + part) * every

    found = grid(float(now), until, every)

    assert len(found) in (steps + 1, steps + 2)
    assert found[0] == now
    assert found[-1] <= until + 1e-5 * every
    assert found[-1] > until - every
    np.testing.assert_allclose(np.diff(found), every, rtol=1e-6)


# --- doses and levels ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dose", "value"),
    [
        (bolus(1, 20.1), 20.1),
        (piece(0.0, 20.1, 1), 20.1),
        (piece(19.0, 2.0, 1), 21.0),
        (piece(0.0, INF, 1), INF),
        (bolus(1, 20.00001), 20.00001),
    ],
)
def test_what_was_given_ended_by_now(dose, value) -> None:
    error = invalid(check_doses, (bolus(1), dose), (), 20.0)

    assert (error.field, error.value) == ("given", value)
    assert "ended by now, minute 20" in error.limit


@pytest.mark.parametrize("start", [0.0, 19.9, 19.99999, NAN])
def test_the_rest_starts_from_now_on(start) -> None:
    error = invalid(check_doses, (), (bolus(1, 30.0), piece(start, 40.0, 1)), 20.0)

    assert error.field == "rest"
    assert repr(error.value) == repr(start)
    assert "starts from now on, minute 20" in error.limit


def test_now_itself_belongs_to_both_and_a_clock_may_round() -> None:
    check_doses((bolus(1, 20.0), piece(0.0, 20.0, 1), bolus(1, 20.0 + 5e-7)), (bolus(1, 20.0), bolus(1, 20.0 - 5e-7)), 20.0)  # fmt: skip
    check_doses((), (), 0.0)


@pytest.mark.parametrize("level", [0.0, -1.0, INF, NAN])
def test_a_level_that_nothing_falls_below_is_an_error(level) -> None:
    error = invalid(check_levels, (121.0, level))

    assert error.field == "levels_ng_per_ml"
    assert repr(error.value) == repr(level)
    assert error.limit == "a level is more than 0 ng/mL"


def test_any_number_above_nothing_is_a_level() -> None:
    check_levels((1e-12, 121.0, 1e12))
    check_levels(())
