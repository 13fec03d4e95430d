"""The bounds of "ready by", worked out by hand: shares, floors, grids and words. INV-KIN-90 to 95."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a_small_model import PAPER
from vigil.kinetics.bands import Bands, Interval
from vigil.kinetics.forecast import Forecast, ModelForecast
from vigil.kinetics.readiness import (
    OPEN_MAX,
    EffectLevel,
    Item,
    ReadinessAnchors,
    ReadinessInvalid,
    ReadyShare,
    curve,
)

LEVEL = 100.0
NEVER = Interval(median=None, low50=None, high50=None, low90=None, high90=None, share_already=0.0, share_later=1.0)  # fmt: skip


def level(bounds: str = "both", *covers: str) -> EffectLevel:
    return EffectLevel(
        name="l", version=1, title="Half effect", ng_per_ml=LEVEL, low_ng_per_ml=50.0, high_ng_per_ml=150.0,
        covers=covers or ("mind",), bounds=bounds, certainty="D", source=PAPER, locator="l",  # type: ignore[arg-type]
    )  # fmt: skip


def anchors(*shares: tuple[float, float, float], covers=("walk",)) -> ReadinessAnchors:
    return ReadinessAnchors(
        name="a", version=1, title="Judged ready", route="nasal", population="349 adults", covers=covers,
        sources=(PAPER,),
        shares=tuple(
            ReadyShare(minutes=m, low=low, high=high, certainty="R", source="s", locator="l")
            for m, low, high in shares
        ),
    )  # fmt: skip


def forecast(*shares: list[float], now: float = 0.0, every: float = 10.0) -> Forecast:
    count = len(shares[0])
    none = np.zeros(count)
    bands = Bands(median=none, low50=none, high50=none, low90=none, high90=none)
    models = tuple(
        ModelForecast(
            model=f"m{k}", model_version=1, title="t", site="venous", effect_site="s", as_planned=bands,
            if_stopped=bands, peak=NEVER, below={}, below_if_stopped={},
            stays_below={LEVEL: np.array(row)}, notes=(),
        )
        for k, row in enumerate(shares)
    )  # fmt: skip
    return Forecast(now_minutes=now, time_minutes=now + every * np.arange(count), models=models, notes=())  # fmt: skip


def asked(*items: tuple[str, bool | None], now=0.0, floor=0.0, until=30.0, every=10.0, **evidence):
    return curve(
        elapsed_minutes=now, floor_minute=floor, until_minute=until, every_minutes=every,
        items=tuple(Item(code=code, is_met=met) for code, met in items), **evidence,
    )  # fmt: skip


def close(found: np.ndarray, *wanted: float) -> None:
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def wrong(field: str, limit: str, *items, **question) -> None:
    with pytest.raises(ReadinessInvalid) as caught:
        asked(*items, **question)
    assert caught.value.field == field
    assert caught.value.limit == limit
    assert str(caught.value) == f"{field} is {caught.value.value!r}; {caught.value.limit}."


# --- one piece of evidence ----------------------------------------------------------------------

MIND, WALK = ("mind", None), ("walk", None)


def test_two_models_give_the_least_and_the_most_of_them() -> None:
    found = asked(MIND, forecast=forecast([0.1, 0.3, 0.5, 0.8], [0.0, 0.4, 0.7, 0.9]), level=level())  # fmt: skip

    close(found.low, 0.0, 0.3, 0.5, 0.8)
    close(found.high, 0.0, 0.4, 0.7, 0.9)


def test_recorded_as_not_met_takes_those_away_who_would_be_ready_now() -> None:
    """F(now) 0.2 by both: of the other 0.8, 0.3 are ready when F is 0.5."""
    row = [0.2, 0.5, 0.6, 1.0]

    found = asked(("mind", False), forecast=forecast(row, row), level=level())

    close(found.low, 0.0, 0.3 / 0.8, 0.5, OPEN_MAX)
    close(found.high, 0.0, 0.3 / 0.8, 0.5, OPEN_MAX)


def test_models_that_disagree_on_now_widen_the_bounds_by_both_ends() -> None:
    """Between 0.1 and 0.4 are ready now. Least: 1 - (1 - 0.5) / 0.6. Most: the larger of (0.7 - 0.4) / 0.6 and (0.7 - 0.1) / 0.9."""
    found = asked(("mind", False), until=10.0, forecast=forecast([0.1, 0.5], [0.4, 0.7]), level=level())  # fmt: skip

    close(found.low, 0.0, 1 - 0.5 / 0.6)
    close(found.high, 0.0, max(0.3 / 0.6, 0.6 / 0.9))


def test_a_share_falls_to_nothing_where_too_many_should_be_ready_already() -> None:
    """Every drawn person below the level, and this one recorded as not met: the evidence says nothing of them."""
    found = asked(("mind", False), until=10.0, forecast=forecast([1.0, 1.0], [1.0, 1.0]), level=level())  # fmt: skip

    close(found.low, 0.0, 0.0)
    close(found.high, 0.0, OPEN_MAX)


def test_between_published_minutes_the_least_waits_and_the_most_leads() -> None:
    found = asked(WALK, until=50.0, anchors=anchors((20.0, 0.3, 0.4), (40.0, 0.6, 0.7)))

    close(found.low, 0.0, 0.0, 0.3, 0.3, 0.6, 0.6)
    close(found.high, 0.0, 0.4, 0.4, 0.7, 0.7, OPEN_MAX)


def test_published_shares_are_read_in_the_order_of_their_minutes() -> None:
    forward = asked(WALK, until=50.0, anchors=anchors((20.0, 0.3, 0.4), (40.0, 0.6, 0.7)))
    backward = asked(WALK, until=50.0, anchors=anchors((40.0, 0.6, 0.7), (20.0, 0.3, 0.4)))

    close(forward.low, *backward.low)
    close(forward.high, *backward.high)


def test_a_loose_published_bound_is_tightened_by_its_neighbours() -> None:
    """Nobody becomes unready: at most 0.5 by 40 min is also at most 0.5 by 20; at least 0.3 by 20 is so by 40."""
    found = asked(WALK, until=50.0, anchors=anchors((20.0, 0.3, 0.9), (40.0, 0.1, 0.5)))

    close(found.low, 0.0, 0.0, 0.3, 0.3, 0.3, 0.3)
    close(found.high, 0.0, 0.5, 0.5, 0.5, 0.5, OPEN_MAX)


def test_a_share_of_nobody_stays_exactly_nothing() -> None:
    row = [0.0, 0.0, 0.0, 0.4]

    found = asked(MIND, forecast=forecast(row, row), level=level())

    assert found.high.tolist() == [0.0, 0.0, 0.0, 0.4]


def test_published_shares_of_now_are_taken_from_the_whole_too() -> None:
    """Judged not ready at minute 20, when 0.3 to 0.4 were. By 40: least 1 - (1 - 0.6) / 0.6, most (0.7 - 0.3) / 0.7."""
    found = asked(("walk", False), now=20.0, until=50.0, anchors=anchors((20.0, 0.3, 0.4), (40.0, 0.6, 0.7)))  # fmt: skip

    close(found.low, 0.0, 0.0, 1 - 0.4 / 0.6, 1 - 0.4 / 0.6)
    close(found.high, 0.0, 0.4 / 0.7, 0.4 / 0.7, OPEN_MAX)


# --- two pieces ---------------------------------------------------------------------------------


def test_shortfalls_fall_on_different_people_at_worst_and_the_rarest_decides_at_best() -> None:
    """0.7 of one and 0.8 of the other: at least 0.5 are both, at most 0.7."""
    row = [0.0, 0.7]

    found = asked(MIND, WALK, until=10.0, forecast=forecast(row, row), level=level(), anchors=anchors((10.0, 0.8, 0.8)))  # fmt: skip

    close(found.low, 0.0, 0.5)
    close(found.high, 0.0, 0.7)


def test_shortfalls_larger_than_everybody_leave_nothing() -> None:
    row = [0.0, 0.3]

    found = asked(MIND, WALK, until=10.0, forecast=forecast(row, row), level=level(), anchors=anchors((10.0, 0.4, 0.4)))  # fmt: skip

    close(found.low, 0.0, 0.0)
    close(found.high, 0.0, 0.3)


def test_a_no_to_one_item_makes_the_other_relatively_more_common() -> None:
    """0.2 would be clear now and this one is not. Of the other 0.8 all who walk (0.6 at most) may be among them: 0.75."""
    row = [0.2, 1.0]

    found = asked(("mind", False), WALK, until=10.0, forecast=forecast(row, row), level=level(), anchors=anchors((10.0, 0.6, 0.6)))  # fmt: skip

    close(found.low, 0.0, 1 - 0.4 / 0.8)
    close(found.high, 0.0, 0.6 / 0.8)


def test_evidence_of_a_met_item_does_not_count() -> None:
    row = [0.0, 0.1]

    found = asked(("mind", True), WALK, until=10.0, forecast=forecast(row, row), level=level(), anchors=anchors((10.0, 0.6, 0.7)))  # fmt: skip

    close(found.low, 0.0, 0.6)
    close(found.high, 0.0, 0.7)
    assert found.based_on == ("Judged ready: 349 adults.",)


def test_a_level_that_is_only_needed_bounds_from_above_alone() -> None:
    row = [0.0, 0.7]

    found = asked(MIND, WALK, until=10.0, forecast=forecast(row, row), level=level("most"), anchors=anchors((10.0, 0.8, 0.8)))  # fmt: skip

    close(found.low, 0.0, 0.0)
    close(found.high, 0.0, 0.7)


@given(
    f=st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted),
    g=st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted),
)
@settings(deadline=None)
def test_one_piece_of_evidence_more_never_raises_the_most(f, g) -> None:
    """INV-KIN-95: where nobody has said no, further evidence can only take away."""
    alone = asked(MIND, WALK, until=20.0, forecast=forecast(f, f), level=level())

    both = asked(MIND, WALK, until=20.0, forecast=forecast(f, f), level=level(), anchors=anchors(*((10.0 * k + 1.0, s, s) for k, s in enumerate(g))))  # fmt: skip

    assert np.all(both.high <= alone.high + 1e-12)


# --- the floor and the minutes ------------------------------------------------------------------


def test_before_the_floor_nothing_at_it_the_evidence() -> None:
    row = [0.6, 0.7, 0.8, 0.95]

    found = asked(MIND, floor=20.0, forecast=forecast(row, row), level=level())

    close(found.low, 0.0, 0.0, 0.8, 0.95)
    close(found.high, 0.0, 0.0, 0.8, 0.95)
    assert found.floor_minute == 20.0
    assert (found.half_by.early, found.half_by.late) == (20.0, 20.0)
    assert (found.ninety_by.early, found.ninety_by.late) == (30.0, 30.0)


def test_everything_met_is_certain_from_the_floor_on_and_not_before() -> None:
    found = asked(("mind", True), ("walk", True), floor=20.0)

    close(found.low, 0.0, 0.0, 1.0, 1.0)
    close(found.high, 0.0, 0.0, 1.0, 1.0)
    assert (found.open_items, found.uncovered_items, found.based_on) == ((), (), ())
    assert found.notes == ("A person decides; this ticks nothing and does not shorten the minimum stay.",)  # fmt: skip


def test_no_conditions_at_all_leave_only_the_minimum_stay() -> None:
    close(asked(floor=10.0).low, 0.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("row", "half", "ninety"),
    [
        ([0.0, 0.5, 0.9, 1.0], 10.0, 20.0),  # exactly there is there
        ([0.0, 0.49, 0.89, 0.899], 20.0, None),
        ([0.0, 0.1, 0.2, 0.3], None, None),
        ([0.0, 0.95, 1.0, 1.0], 10.0, 10.0),
    ],
)
def test_half_and_ninety_are_told_at_the_first_minute_that_reaches_them(row, half, ninety) -> None:
    found = asked(MIND, forecast=forecast(row, row), level=level())

    assert (found.half_by.early, found.half_by.late) == (half, half)
    assert (found.ninety_by.early, found.ninety_by.late) == (ninety, ninety)


def test_bounds_reach_their_shares_at_different_minutes() -> None:
    found = asked(MIND, forecast=forecast([0.0, 0.2, 0.5, 0.9], [0.0, 0.6, 0.9, 1.0]), level=level())  # fmt: skip

    assert (found.half_by.early, found.half_by.late) == (10.0, 20.0)
    assert (found.ninety_by.early, found.ninety_by.late) == (20.0, 30.0)


@pytest.mark.parametrize(
    ("now", "until", "every", "minutes"),
    [(0.0, 3.0, 1.0, [0, 1, 2, 3]), (5.0, 6.0, 1.0, [5, 6]), (5.0, 9.9, 2.0, [5, 7, 9]), (0.0, 1.0, 0.25, [0, 0.25, 0.5, 0.75, 1.0])],
)  # fmt: skip
def test_the_minutes_by_hand(now, until, every, minutes) -> None:
    assert asked(WALK, now=now, until=until, every=every).minutes.tolist() == minutes


def test_as_many_minutes_as_a_day_and_a_half_and_no_more() -> None:
    assert len(asked(WALK, until=1999.0, every=1.0).minutes) == 2000
    wrong("until_minute", "1 to 2000 steps of 1 min after 0", WALK, until=2000.0, every=1.0)


@pytest.mark.parametrize(
    ("change", "field", "limit"),
    [
        ({"now": -0.1}, "elapsed_minutes", "it counts from the first dose"),
        ({"now": math.inf}, "elapsed_minutes", "it counts from the first dose"),
        ({"floor": -0.1}, "floor_minute", "the minimum stay is 0 minutes or more"),
        ({"floor": math.nan}, "floor_minute", "the minimum stay is 0 minutes or more"),
        ({"floor": math.inf}, "floor_minute", "the minimum stay is 0 minutes or more"),
        ({"every": 0.0}, "every_minutes", "a step is more than 0 minutes"),
        ({"every": -1.0}, "every_minutes", "a step is more than 0 minutes"),
        ({"every": math.inf}, "every_minutes", "a step is more than 0 minutes"),
        ({"until": 9.9}, "until_minute", "1 to 2000 steps of 10 min after 0"),
        ({"until": -5.0}, "until_minute", "1 to 2000 steps of 10 min after 0"),
    ],
)
def test_minutes_that_make_no_sense_are_told_by_field(change, field, limit) -> None:
    wrong(field, limit, WALK, **change)


@pytest.mark.parametrize("floor", [0.0, 1e6])
def test_any_floor_from_nothing_on_is_accepted(floor) -> None:
    assert asked(WALK, floor=floor).floor_minute == floor


def test_a_step_is_a_minute_unless_said() -> None:
    found = curve(elapsed_minutes=5.0, floor_minute=0.0, until_minute=8.0, items=())

    assert found.minutes.tolist() == [5.0, 6.0, 7.0, 8.0]


def test_an_item_is_recorded_once() -> None:
    wrong("items", "an item is recorded once", MIND, WALK, ("mind", True))


# --- the forecast -------------------------------------------------------------------------------


@pytest.mark.parametrize(("now", "is_now"), [(0.0, True), (10.0, True), (10.1, False), (95.0, False)])  # fmt: skip
def test_a_forecast_is_of_now_within_one_of_its_steps(now, is_now) -> None:
    made = forecast([0.0] * 20, [0.0] * 20, now=0.0)

    if is_now:
        assert asked(MIND, now=now, until=now + 30, forecast=made, level=level()).based_on
    else:
        wrong("forecast", f"it must be made now, at minute {now:g}", MIND, now=now, until=now + 30, forecast=made, level=level())  # fmt: skip


def test_a_forecast_made_later_than_now_is_none_either() -> None:
    made = forecast([0.0] * 9, [0.0] * 9, now=50.0)

    wrong("forecast", "it must be made now, at minute 39", MIND, now=39.0, until=80.0, forecast=made, level=level())  # fmt: skip


def test_every_model_must_have_the_level() -> None:
    made = forecast([0.0] * 4, [0.0] * 4)
    lacking = dataclasses.replace(made, models=(made.models[0], dataclasses.replace(made.models[1], stays_below={})))  # fmt: skip

    wrong("forecast", "the forecast must have this level among its levels", MIND, forecast=lacking, level=level())  # fmt: skip


def test_beyond_the_forecast_everybody_may_be_ready_and_nobody_must() -> None:
    found = asked(MIND, until=40.0, forecast=forecast([0.0, 0.2, 0.4], [0.0, 0.2, 0.4]), level=level())  # fmt: skip

    close(found.low, 0.0, 0.2, 0.4, 0.4, 0.4)
    close(found.high, 0.0, 0.2, 0.4, OPEN_MAX, OPEN_MAX)


@pytest.mark.parametrize("missing", ["forecast", "level"])
def test_a_forecast_without_level_or_a_level_without_forecast_says_nothing(missing) -> None:
    evidence = {"forecast": forecast([0.9] * 4, [0.9] * 4), "level": level()}
    del evidence[missing]

    found = asked(MIND, **evidence)

    assert found.based_on == ()
    close(found.low, 0.0, 0.0, 0.0, 0.0)


# --- words --------------------------------------------------------------------------------------


def test_the_basis_is_told_in_words() -> None:
    found = asked(MIND, WALK, forecast=forecast([0.0] * 4, [0.0] * 4), level=level(), anchors=anchors((10.0, 0.5, 0.6)))  # fmt: skip

    assert found.based_on == (
        "Forecast of the effect site falling below 100 ng/mL (Half effect; m0, m1).",
        "Judged ready: 349 adults.",
    )
    assert found.open_items == ("mind", "walk")
    assert len(found.notes) == 1


def test_what_nothing_is_known_of_is_named_in_the_order_of_the_list() -> None:
    found = asked(("escort", False), MIND, ("home", None), ("fed", True), forecast=forecast([0.5] * 4, [0.5] * 4), level=level())  # fmt: skip

    assert found.open_items == ("escort", "mind", "home")
    assert found.uncovered_items == ("escort", "home")
    assert found.notes[1:] == ("Nothing is known of when these are met: escort, home. Until then the least is 0.",)  # fmt: skip
    close(found.low, 0.0, 0.0, 0.0, 0.0)
    close(found.high, 0.0, 0.5, 0.5, 0.5)


def test_without_evidence_it_says_that_only_the_stay_bounds_it() -> None:
    found = asked(MIND)

    assert found.notes[1] == "No evidence speaks of the open items: only the minimum stay bounds this curve."  # fmt: skip
    assert found.notes[2].startswith("Nothing is known of when these are met: mind.")
    close(found.high, 0.0, OPEN_MAX, OPEN_MAX, OPEN_MAX)
