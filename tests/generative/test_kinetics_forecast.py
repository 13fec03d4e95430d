"""Properties of the forecast: three ways to one answer, courses that add, bands and moments as defined."""

import dataclasses
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from a_forecast_scene import (
    DOMINO,
    EFFECT_SITE,
    GIVEN,
    KAMP,
    NOW,
    OTTO,
    PEREZ,
    REST,
    SIMONS,
    SUBJECT,
    YOUNG,
    infusion,
    prepared,
    refreshed,
    schedule_of,
    system_of,
)
from vigil.kinetics import courses, slow
from vigil.kinetics.bands import (
    SHARES,
    bands_of,
    below_minutes,
    interval_of,
    peak_minutes,
    share_between,
    shares_by,
)
from vigil.kinetics.courses import by_exponentials, by_superposition, courses_of
from vigil.kinetics.draws import EFFECT_SITE as EFFECT_ROW
from vigil.kinetics.draws import SITE, draw, inputs_of, root_of
from vigil.kinetics.facts import Dose
from vigil.kinetics.forecast import Forecast, forecast

SCENES = {
    "kamp iv": (KAMP, SUBJECT, ("iv",)),
    "domino iv": (DOMINO, SUBJECT, ("iv",)),
    "otto iv": (OTTO, YOUNG, ("iv",)),
    "simons iv": (SIMONS, YOUNG, ("iv",)),
    "simons under the tongue": (SIMONS, YOUNG, ("sublingual",)),
    "perez nasal": (PEREZ, SUBJECT, ("nasal",)),
    "perez by three routes": (PEREZ, SUBJECT, ("iv", "nasal", "oral")),
}
DRAWN = {
    name: draw(model, subject, effect_site=EFFECT_SITE, routes=routes, draws=12, seed=5)
    for name, (model, subject, routes) in SCENES.items()
}

moments = st.integers(0, 1_200).map(lambda tenths: tenths / 10)


@st.composite
def doses_of(draw_from, routes: tuple[str, ...]) -> tuple[Dose, ...]:
    found = []
    for _ in range(draw_from(st.integers(1, 6))):
        route = draw_from(st.sampled_from(routes))
        start = draw_from(moments)
        if route == "iv":
            lasting = draw_from(st.one_of(st.none(), st.integers(1, 600).map(lambda t: t / 10)))
            found.append(
                Dose(
                    amount_ug=draw_from(st.integers(1, 40_000)),
                    route="iv",
                    start_minutes=start,
                    duration_minutes=lasting,
                )
            )
        else:
            amount = 28_000 * draw_from(st.integers(1, 3)) if route == "nasal" else 25_000
            found.append(Dose(amount_ug=amount, route=route, start_minutes=start))
    return tuple(found)


scenes = st.sampled_from(sorted(SCENES)).flatmap(
    lambda name: st.tuples(st.just(name), doses_of(SCENES[name][2]))
)
grids = st.tuples(st.integers(0, 200), st.integers(1, 60), st.sampled_from((0.5, 1.0, 2.5))).map(
    lambda g: g[0] / 2 + g[2] * np.arange(g[1])
)


def agree(found: np.ndarray, wanted: np.ndarray) -> None:
    """To 1e-9 of the value, of 1e-6 of the peak where the value is next to nothing, and to rounding where it is nothing."""
    floor = 1e-6 * np.abs(wanted).max(initial=0.0)
    assert np.all(np.abs(found - wanted) <= 1e-9 * (np.abs(wanted) + floor) + 1e-11)


@settings(deadline=None, max_examples=120)
@given(scene=scenes, time=grids, row=st.sampled_from((SITE, EFFECT_ROW)), index=st.integers(0, 11))
def test_every_draw_follows_the_slow_engine(scene, time, row, index) -> None:
    """INV-KIN-40: a forecast is the exact answer of its drawn person, to 1e-9."""
    name, doses = scene
    drawn = DRAWN[name]

    found = courses_of(
        drawn, inputs_of(drawn, given=doses, rest=()), time, row=row, chosen=slice(None)
    )

    wanted = slow.concentrations(system_of(drawn, index), schedule_of(drawn, index, doses), time)
    agree(found[:, index], wanted[row])


@settings(deadline=None, max_examples=60)
@given(scene=scenes, time=grids)
def test_compiled_and_plain_sum_and_exponentials_agree(scene, time) -> None:
    """INV-KIN-40: without Numba, or without trusted modes, the numbers are the same."""
    name, doses = scene
    drawn = DRAWN[name]
    inputs = inputs_of(drawn, given=doses, rest=())
    compiled = courses_of(drawn, inputs, time, row=EFFECT_ROW, chosen=slice(None))

    plain = _without_numba(drawn, inputs, time)
    untrusted = dataclasses.replace(drawn, is_modal=np.zeros(12, dtype=bool))
    exponentials = courses_of(untrusted, inputs, time, row=EFFECT_ROW, chosen=slice(None))

    agree(plain, compiled)
    agree(exponentials, compiled)


def _without_numba(drawn, inputs, time) -> np.ndarray:
    kept = courses.recurrence
    courses.recurrence = lambda: None
    try:
        return courses_of(drawn, inputs, time, row=EFFECT_ROW, chosen=slice(None))
    finally:
        courses.recurrence = kept


def test_a_pole_of_zero_keeps_what_it_was_given() -> None:
    """A compartment that nothing leaves: the plain sum's integral is the time itself."""
    arguments = (
        np.zeros((1, 1)), np.ones((1, 1, 1)), np.array([0]), np.array([2.0]),
        np.array([[4.0]]), np.array([[3.0]]), np.array([0.0, 2.0, 3.0, 6.0, 9.0]),
    )  # fmt: skip
    compiled = courses.recurrence()
    assert compiled is not None

    for run in (by_superposition, compiled):
        assert run(*arguments)[:, 0].tolist() == [0.0, 0.0, 3.0, 12.0, 12.0]


@settings(deadline=None, max_examples=60)
@given(scene=scenes, time=grids, cut=st.integers(0, 6))
def test_what_was_given_and_the_rest_add_to_the_whole(scene, time, cut) -> None:
    """INV-KIN-41: both questions of a forecast are one computation; nothing is counted twice or lost."""
    name, doses = scene
    ordered = tuple(sorted(doses, key=lambda d: d.start_minutes))
    drawn = DRAWN[name]
    inputs = inputs_of(drawn, given=ordered[:cut], rest=ordered[cut:])
    ask = {"row": EFFECT_ROW}

    whole = courses_of(drawn, inputs, time, chosen=slice(None), **ask)
    before = courses_of(drawn, inputs, time, chosen=slice(0, inputs.given), **ask)
    after = courses_of(drawn, inputs, time, chosen=slice(inputs.given, None), **ask)

    agree(before + after, whole)
    alone = inputs_of(drawn, given=ordered[:cut], rest=())
    agree(courses_of(drawn, alone, time, chosen=slice(None), **ask), before)


@settings(deadline=None, max_examples=40)
@given(
    edges=st.lists(st.integers(1, 399), min_size=1, max_size=30, unique=True).map(sorted),
    time=grids,
)
def test_an_infusion_in_pieces_is_the_infusion(edges, time) -> None:
    """INV-KIN-42: a history written minute by minute gives what one line gives."""
    drawn = DRAWN["kamp iv"]
    cuts = [0, *edges, 400]
    pieces = tuple(infusion(a / 10, b / 10, 100 * (b - a)) for a, b in pairwise(cuts))

    in_pieces, whole = (
        courses_of(
            drawn,
            inputs_of(drawn, given=doses, rest=()),
            time,
            row=EFFECT_ROW,
            chosen=slice(None),
        )
        for doses in (pieces, (infusion(0.0, 40.0, 40_000),))
    )

    agree(in_pieces, whole)


@settings(deadline=None, max_examples=40)
@given(steps=st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_refreshing_again_and_again_changes_nothing(steps) -> None:
    """INV-KIN-43: a refresh depends on doses and time, never on the refreshes before it."""
    scene = prepared(draws=50)
    now = NOW
    for step in steps:
        now += step / 4
        refreshed(scene, now_minutes=now, rest=(), until_minutes=now + 30)

    kept = refreshed(scene, now_minutes=now, rest=(), until_minutes=now + 30)
    fresh = refreshed(prepared(draws=50), now_minutes=now, rest=(), until_minutes=now + 30)

    for mine, theirs in zip(kept.models, fresh.models, strict=True):
        np.testing.assert_array_equal(mine.as_planned.high90, theirs.as_planned.high90)
        assert mine.peak == theirs.peak


@settings(deadline=None, max_examples=40)
@given(now=st.integers(0, 39), until=st.integers(3, 120))
def test_bands_are_ordered_and_stopping_never_gives_more(now, until) -> None:
    """INV-KIN-44: low90 <= low50 <= median <= high50 <= high90, and what is not given cannot raise a curve."""
    given_so_far = (infusion(0.0, float(now), 800 * now),) if now else ()
    answer = refreshed(
        prepared(draws=60),
        given=given_so_far,
        rest=(infusion(float(now), 40.0, 800 * (40 - now)),),
        now_minutes=float(now),
        until_minutes=float(now + until),
        levels_ng_per_ml=(121.0, 60.0),
    )

    for model in answer.models:
        for bands in (model.as_planned, model.if_stopped):
            rows = (bands.low90, bands.low50, bands.median, bands.high50, bands.high90)
            for lower, higher in pairwise(rows):
                assert np.all(lower <= higher)
        for name in ("low90", "low50", "median", "high50", "high90"):
            assert np.all(getattr(model.if_stopped, name) <= getattr(model.as_planned, name) + 1e-9)
        for level in (121.0, 60.0):
            assert np.all(np.diff(model.stays_below[level]) >= 0)
            assert (
                model.below_if_stopped[level].share_later <= model.below[level].share_later + 1e-12
            )
        # A higher level is fallen below earlier.
        assert np.all(model.stays_below[121.0] >= model.stays_below[60.0])


@settings(deadline=None, max_examples=80)
@given(
    values=hnp.arrays(
        np.float64,
        st.tuples(st.integers(1, 5), st.integers(2, 60)),
        elements=st.floats(0, 1e4, allow_subnormal=False),
    )
)
def test_bands_are_the_quantiles_of_numpy(values) -> None:
    """INV-KIN-44: second derivation of the quantiles."""
    bands = bands_of(values)

    wanted = np.quantile(values, SHARES, axis=1)
    found = (bands.low90, bands.low50, bands.median, bands.high50, bands.high90)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-9)


@settings(deadline=None, max_examples=100)
@given(
    top=st.floats(3.0, 27.0),
    height=st.floats(1.0, 500.0),
    width=st.floats(2.0, 20.0),
)
def test_the_peak_of_a_smooth_hill_is_found_between_the_minutes(top, height, width) -> None:
    time = np.arange(31.0)
    hill = (height * np.exp(-(((time - top) / width) ** 2)))[:, None]

    assert abs(peak_minutes(hill, time)[0] - top) < 0.06


@settings(deadline=None, max_examples=100)
@given(rate=st.floats(0.01, 0.3), start=st.floats(50.0, 400.0), part=st.floats(0.1, 0.9))
def test_the_moment_of_falling_below_is_that_of_the_closed_form(rate, start, part) -> None:
    time = np.arange(400.0)
    level = start * part
    wanted = np.log(start / level) / rate

    found = below_minutes((start * np.exp(-rate * time))[:, None], time, level)[0]

    assert abs(found - wanted) < 0.05 if wanted < 398 else not np.isfinite(found)


@settings(deadline=None, max_examples=150)
@given(
    values=hnp.arrays(
        np.float64, st.tuples(st.integers(2, 12), st.just(3)), elements=st.floats(0, 10)
    ),
    level=st.floats(0.1, 9.9),
)
def test_below_means_below_from_then_on(values, level) -> None:
    """INV-KIN-45: after the told moment no value reaches the level; at the last value before it, one did."""
    time = np.arange(float(len(values)))

    found = below_minutes(values, time, level)

    for column, moment in zip(values.T, found, strict=True):
        assert np.all(column[time > moment] < level)
        if np.isfinite(moment) and moment > 0:
            assert column[int(np.floor(moment - 1e-12))] >= level or np.any(
                column[time <= moment] >= level
            )
        if not np.isfinite(moment):
            assert column[-1] >= level


@settings(deadline=None, max_examples=150)
@given(
    minutes=st.lists(
        st.one_of(st.floats(0, 100), st.just(float("inf"))), min_size=1, max_size=80
    ).map(np.array),
    first=st.floats(0, 50),
    length=st.floats(1, 60),
)
def test_an_interval_tells_every_draw_once(minutes, first, length) -> None:
    """INV-KIN-45: already + within + later is everybody, and a told minute lies within the times."""
    last = first + length

    found = interval_of(minutes, first=first, last=last)

    within = np.mean((minutes > first) & (minutes <= last))
    assert abs(found.share_already + within + found.share_later - 1.0) < 1e-12
    told = (found.low90, found.low50, found.median, found.high50, found.high90)
    for moment in told:
        assert moment is None or first <= moment <= last
    known = [moment for moment in told if moment is not None]
    assert known == sorted(known)
    # Once a quantile lies beyond the times, every later one does.
    assert [m is None for m in told] == sorted(m is None for m in told)
    if found.share_later > 0.5 + 1 / len(minutes):
        assert found.median is None


@settings(deadline=None, max_examples=100)
@given(
    minutes=hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 100)),
    wanted=st.lists(st.floats(-10, 120), min_size=1, max_size=12).map(sorted).map(np.array),
)
def test_the_share_by_a_minute_lies_between_its_bounds(minutes, wanted) -> None:
    time = np.arange(0.0, 91.0, 10.0)
    shares = shares_by(minutes, time)

    least, most = share_between(shares, time, wanted)

    exact = np.array([np.mean(minutes <= moment) for moment in wanted])
    assert np.all(least <= exact)
    assert np.all(exact <= most)
    assert np.all(np.diff(least) >= 0)


@settings(deadline=None, max_examples=60)
@given(
    half=hnp.arrays(np.float64, st.integers(1, 5).map(lambda n: (n, n)), elements=st.floats(-1, 1))
)
def test_the_root_of_a_covariance_gives_it_back(half) -> None:
    covariance = half @ half.T

    root = root_of(covariance)

    np.testing.assert_allclose(root @ root.T, covariance, atol=1e-12)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_asking_once_is_preparing_and_refreshing(seed) -> None:
    """INV-KIN-43: the two doors give the same numbers."""
    answer = forecast(
        (KAMP, DOMINO), SUBJECT, given=GIVEN, rest=REST, now_minutes=NOW, until_minutes=60.0,
        draws=40, seed=seed, effect_site=EFFECT_SITE, levels_ng_per_ml=(100.0,),
        last_rate_record_minutes_ago=3.0,
    )  # fmt: skip
    assert isinstance(answer, Forecast)

    other = refreshed(prepared(draws=40, seed=seed), until_minutes=60.0, levels_ng_per_ml=(100.0,))

    for mine, theirs in zip(answer.models, other.models, strict=True):
        np.testing.assert_array_equal(mine.as_planned.median, theirs.as_planned.median)
        assert mine.below == theirs.below


def test_exponentials_tell_one_draw() -> None:
    """The slow way of one draw equals the slow engine exactly where modes are not looked at."""
    drawn = DRAWN["perez nasal"]
    doses = (Dose(amount_ug=56_000, route="nasal", start_minutes=0.0),)
    inputs = inputs_of(drawn, given=doses, rest=())
    time = np.arange(0.0, 120.0, 7.0)

    found = by_exponentials(
        drawn, 4, inputs.state, inputs.begin, inputs.lasting, inputs.strength, time, row=SITE
    )

    wanted = slow.concentrations(system_of(drawn, 4), schedule_of(drawn, 4, doses), time)[SITE]
    agree(found, wanted)
