"""Properties of the readiness curve: it never falls, never beats the floor, never ticks an item."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vigil.kinetics.bands import Bands, Interval
from vigil.kinetics.facts import Source
from vigil.kinetics.forecast import Forecast, ModelForecast
from vigil.kinetics.readiness import (
    OPEN_MAX,
    EffectLevel,
    Item,
    ReadinessAnchors,
    ReadyShare,
    curve,
)

CODES = ("SES-SEDATION", "SES-DISSOCIATION", "SES-PRESSURE", "SES-GAIT", "SES-ESCORT-ARRIVED")
SOURCE = Source(source_id="s", citation="c", read_as="abstract")
LEVEL = 121.0
NOTHING = Interval(
    median=None,
    low50=None,
    high50=None,
    low90=None,
    high90=None,
    share_already=0.0,
    share_later=1.0,
)


def level_of(covers=("SES-DISSOCIATION",), bounds="most") -> EffectLevel:
    return EffectLevel(
        name="level", version=1, title="half effect", ng_per_ml=LEVEL, low_ng_per_ml=90.0,
        high_ng_per_ml=157.0, covers=tuple(covers), bounds=bounds, certainty="D", source=SOURCE,
        locator="abstract",
    )  # fmt: skip


def anchors_of(shares, covers=CODES[:4]) -> ReadinessAnchors:
    return ReadinessAnchors(
        name="a", version=1, title="Judged ready", route="nasal", population="349 adults",
        covers=tuple(covers), sources=(SOURCE,),
        shares=tuple(
            ReadyShare(minutes=m, low=low, high=high, certainty="R", source="s", locator="l")
            for m, low, high in shares
        ),
    )  # fmt: skip


def forecast_of(now: float, shares_by_model, *, every: float = 1.0) -> Forecast:
    count = len(shares_by_model[0])
    time = now + every * np.arange(count)
    bands = Bands(**{n: np.zeros(count) for n in ("median", "low50", "high50", "low90", "high90")})
    return Forecast(
        now_minutes=now,
        time_minutes=time,
        models=tuple(
            ModelForecast(
                model=f"model-{k}", model_version=1, title="t", site="venous", effect_site="o",
                as_planned=bands, if_stopped=bands, peak=NOTHING, below={LEVEL: NOTHING},
                below_if_stopped={LEVEL: NOTHING}, stays_below={LEVEL: np.array(shares)}, notes=(),
            )
            for k, shares in enumerate(shares_by_model)
        ),
        notes=(),
    )  # fmt: skip


rising = st.lists(st.floats(0, 1), min_size=3, max_size=40).map(sorted)
pairs_of_shares = st.integers(3, 40).flatmap(
    lambda n: st.tuples(*[st.lists(st.floats(0, 1), min_size=n, max_size=n).map(sorted)] * 2)
)
items = st.lists(
    st.sampled_from([True, False, None]), min_size=len(CODES), max_size=len(CODES)
).map(lambda met: tuple(Item(code=c, is_met=m) for c, m in zip(CODES, met, strict=True)))
published = st.lists(
    st.tuples(st.integers(1, 300), st.floats(0, 1), st.floats(0, 1)), max_size=4, unique_by=lambda s: s[0]
).map(
    lambda rows: [
        (float(m), low, max(low, high))
        for m, low, high in zip(
            sorted(m for m, _, _ in rows), sorted(a for _, a, _ in rows), sorted(b for _, _, b in rows), strict=True
        )
    ]
)  # fmt: skip
covers = st.sets(st.sampled_from(CODES)).map(lambda c: tuple(sorted(c)))


@st.composite
def questions(draw):
    now = float(draw(st.integers(0, 240)))
    shares = draw(pairs_of_shares)
    return {
        "elapsed_minutes": now,
        "floor_minute": float(draw(st.integers(0, 300))),
        "until_minute": now + draw(st.integers(1, 200)),
        "items": draw(items),
        "forecast": forecast_of(now, shares),
        "level": draw(
            st.one_of(st.none(), st.builds(level_of, covers, st.sampled_from(["most", "both"])))
        ),
        "anchors": draw(st.one_of(st.none(), st.builds(anchors_of, published, covers))),
    }


@settings(deadline=None, max_examples=400)
@given(question=questions())
def test_the_curve_never_falls_and_stays_within_one(question) -> None:
    """INV-KIN-90: both bounds rise, least is never above most, and both are shares."""
    found = curve(**question)

    assert np.all(np.diff(found.low) >= -1e-12)
    assert np.all(np.diff(found.high) >= -1e-12)
    assert np.all((found.low >= 0) & (found.high <= 1))
    assert np.all(found.low <= found.high + 1e-12)
    assert found.minutes[0] == question["elapsed_minutes"]
    assert found.minutes[-1] <= question["until_minute"]


@settings(deadline=None, max_examples=400)
@given(question=questions())
def test_nothing_is_ready_before_the_floor(question) -> None:
    """INV-KIN-91: the minimum stay is never shortened, whatever evidence and items say."""
    found = curve(**question)

    early = found.minutes < question["floor_minute"]
    assert np.all(found.low[early] == 0)
    assert np.all(found.high[early] == 0)
    for reached in (found.half_by, found.ninety_by):
        for moment in (reached.early, reached.late):
            assert moment is None or moment >= question["floor_minute"]


@settings(deadline=None, max_examples=400)
@given(question=questions())
def test_an_open_item_keeps_the_answer_below_certain_and_now_at_nothing(question) -> None:
    """INV-KIN-92: unknown is not a yes; the curve never ticks an item."""
    found = curve(**question)

    opened = [item.code for item in question["items"] if item.is_met is not True]
    assert list(found.open_items) == opened
    if opened:
        assert np.all(found.high <= OPEN_MAX)
        assert found.high[0] == 0
    else:
        late = found.minutes >= question["floor_minute"]
        assert np.all(found.low[late] == 1)
        assert np.all(found.high[late] == 1)


@settings(deadline=None, max_examples=300)
@given(question=questions())
def test_an_item_of_which_nothing_is_known_leaves_the_least_at_nothing(question) -> None:
    """INV-KIN-93."""
    found = curve(**question)

    known: set[str] = set()
    if question["level"] is not None:
        known |= set(question["level"].covers)
    if question["anchors"] is not None:
        known |= set(question["anchors"].covers)
    assert set(found.uncovered_items) == set(found.open_items) - known
    if found.uncovered_items:
        assert np.all(found.low == 0)
        assert found.half_by.late is None
        assert all(code in " ".join(found.notes) for code in found.uncovered_items)


@settings(deadline=None, max_examples=200)
@given(question=questions(), code=st.sampled_from(CODES))
def test_ticking_an_item_never_lowers_the_least(question, code) -> None:
    """INV-KIN-94: knowing more that is good can only help; leaving one open can only hurt."""
    met = tuple(
        Item(code=i.code, is_met=True if i.code == code else i.is_met) for i in question["items"]
    )

    before, after = curve(**question), curve(**{**question, "items": met})

    assert np.all(after.low >= before.low - 1e-12)


@settings(deadline=None, max_examples=200)
@given(question=questions(), later=st.integers(1, 120))
def test_a_longer_stay_never_raises_the_curve(question, later) -> None:
    """INV-KIN-91."""
    longer = {**question, "floor_minute": question["floor_minute"] + later}

    before, after = curve(**question), curve(**longer)

    assert np.all(after.low <= before.low)
    assert np.all(after.high <= before.high)


@settings(deadline=None, max_examples=200)
@given(question=questions())
def test_the_minutes_told_are_where_the_bounds_cross(question) -> None:
    found = curve(**question)

    for share, reached in ((0.5, found.half_by), (0.9, found.ninety_by)):
        for moment, bound in ((reached.early, found.high), (reached.late, found.low)):
            if moment is None:
                assert np.all(bound < share)
            else:
                place = int(np.flatnonzero(found.minutes == moment)[0])
                assert bound[place] >= share
                assert np.all(bound[:place] < share)
        if reached.late is not None:
            assert reached.early is not None
            assert reached.early <= reached.late


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    mix=st.floats(0, 1),
    now=st.integers(0, 60),
)
def test_the_bounds_hold_however_the_ways_to_be_unready_hang_together(seed, mix, now) -> None:
    """INV-KIN-95: the Frechet bounds, against simulated patients whose two delays depend on each other at will."""
    generator = np.random.default_rng(seed)
    shared, own = generator.normal(size=(2, 4_000))
    first = 60.0 * np.exp(0.4 * shared)
    second = 70.0 * np.exp(0.3 * (mix * shared * generator.choice([-1, 1]) + (1 - mix) * own))
    time = np.arange(now, 240.0)
    dissociation = [float(np.mean(first <= t)) for t in time]
    at = [90.0, 120.0]
    judged = [(t, float(np.mean(second <= t)), float(np.mean(second <= t))) for t in at]
    ready = np.maximum(first, second)
    waiting = (first > now) & (second > now)
    question = {
        "elapsed_minutes": float(now),
        "floor_minute": 0.0,
        "until_minute": float(time[-1]),
        "items": tuple(Item(code=c, is_met=False) for c in ("SES-DISSOCIATION", "SES-GAIT")),
        "forecast": forecast_of(float(now), [dissociation, dissociation]),
        "level": level_of(bounds="both"),
        "anchors": anchors_of(judged, covers=("SES-GAIT",)),
    }

    found = curve(**question)

    true = np.array([np.mean(ready[waiting] <= t) for t in found.minutes])
    # The shares are those of these very patients, so the bounds hold for them without any noise.
    later = found.minutes > now
    assert np.all(found.low[later] <= true[later] + 1e-9)
    assert np.all(found.high[later] >= np.minimum(true[later], OPEN_MAX) - 1e-9)


@pytest.mark.parametrize("bounds", ["most", "both"])
def test_half_of_an_effect_bounds_from_above_only(bounds) -> None:
    """INV-KIN-93: below a C50 is needed, not enough; only a level that is enough lifts the least."""
    shares = [0.0, 0.2, 0.6, 1.0]

    found = curve(
        elapsed_minutes=10.0, floor_minute=0.0, until_minute=13.0,
        items=(Item(code="SES-DISSOCIATION", is_met=False),),
        forecast=forecast_of(10.0, [shares, shares]), level=level_of(bounds=bounds),
    )  # fmt: skip

    np.testing.assert_allclose(found.high, [0.0, 0.2, 0.6, OPEN_MAX], atol=1e-12)
    wanted = [0.0, 0.2, 0.6, OPEN_MAX] if bounds == "both" else [0.0] * 4
    np.testing.assert_allclose(found.low, wanted, atol=1e-12)
