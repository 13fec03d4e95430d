"""Bands and moments over draws, by hand and by what must not change under shift, scale and order. INV-KIN-64, 65."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil.kinetics.bands import (
    SHARES,
    bands_of,
    below_minutes,
    interval_of,
    peak_minutes,
    share_between,
    shares_by,
)

INF = math.inf


def _courses(seed: int, times: int, draws: int, most: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, most, (times, draws)).astype(float)


courses = st.builds(
    _courses, st.integers(0, 2**32), st.integers(3, 9), st.integers(2, 11), st.sampled_from([3, 1000])
)  # fmt: skip
"""Whole numbers, so that ties and exact answers happen; few of them half of the time."""


def rows(bands) -> np.ndarray:
    return np.array([bands.low90, bands.low50, bands.median, bands.high50, bands.high90])


def one(*values: float) -> np.ndarray:
    """One draw at minutes 0, 1, 2, ..."""
    return np.array(values)[:, None]


def peak_of(*values: float, first: float = 0.0, step: float = 1.0) -> float:
    return float(peak_minutes(one(*values), first + step * np.arange(len(values)))[0])


def below_of(*values: float, level: float, first: float = 0.0, step: float = 1.0) -> float:
    return float(below_minutes(one(*values), first + step * np.arange(len(values)), level)[0])


# --- bands --------------------------------------------------------------------------------------


def test_the_shares_hold_fifty_and_ninety_per_cent_around_the_middle() -> None:
    low90, low50, middle, high50, high90 = SHARES

    assert middle == 0.5
    assert high90 - low90 == pytest.approx(0.90)
    assert high50 - low50 == pytest.approx(0.50)
    assert low90 + high90 == low50 + high50 == pytest.approx(1.0)


def test_the_bands_of_a_ruler_stand_at_its_marks() -> None:
    """Draws 0 to 20 are 5 % apart: each edge is a draw."""
    found = bands_of(np.tile(np.random.default_rng(1).permutation(np.arange(21.0)), (2, 1)))

    np.testing.assert_allclose(rows(found), [[1.0] * 2, [5.0] * 2, [10.0] * 2, [15.0] * 2, [19.0] * 2])  # fmt: skip


def test_between_two_draws_an_edge_lies_on_the_straight_line() -> None:
    found = bands_of(np.array([[10.0, 20.0]]))

    np.testing.assert_allclose(rows(found)[:, 0], [10.5, 12.5, 15.0, 17.5, 19.5])


def test_people_who_do_not_differ_have_bands_without_width() -> None:
    np.testing.assert_array_equal(rows(bands_of(np.full((3, 7), 4.0))), np.full((5, 3), 4.0))


def test_one_draw_is_its_own_band() -> None:
    np.testing.assert_array_equal(rows(bands_of(np.array([[6.0]]))), np.full((5, 1), 6.0))


@given(values=courses, factor=st.integers(1, 50), shift=st.integers(-500, 500))
def test_bands_scale_and_shift_with_their_courses(values, factor, shift) -> None:
    """Micrograms for milligrams, or a constant on top: the picture is the same picture."""
    plain, changed = rows(bands_of(values)), rows(bands_of(values * factor + shift))

    np.testing.assert_allclose(changed, plain * factor + shift, atol=1e-9)


@given(values=courses, seed=st.integers(0, 99))
def test_the_order_of_draws_does_not_count_and_each_time_stands_alone(values, seed) -> None:
    mixed = np.random.default_rng(seed).permuted(values, axis=1)

    np.testing.assert_array_equal(rows(bands_of(mixed)), rows(bands_of(values)))
    for place in range(len(values)):
        alone = rows(bands_of(values[place : place + 1]))
        np.testing.assert_array_equal(alone[:, 0], rows(bands_of(values))[:, place])


@given(values=courses)
def test_turned_upside_down_the_lower_edges_are_the_upper_ones(values) -> None:
    np.testing.assert_allclose(rows(bands_of(-values)), -rows(bands_of(values))[::-1], atol=1e-9)


@given(values=courses)
def test_asking_for_bands_leaves_the_courses_as_they_were(values) -> None:
    kept = values.copy()

    bands_of(values)

    np.testing.assert_array_equal(values, kept)


# --- intervals ----------------------------------------------------------------------------------


def test_an_interval_of_a_ruler() -> None:
    found = interval_of(np.arange(21.0), first=0.0, last=20.0)

    assert dataclasses.asdict(found) == {
        "median": 10.0, "low50": 5.0, "high50": 15.0, "low90": 1.0, "high90": 19.0,
        "share_already": pytest.approx(1 / 21), "share_later": 0.0,
    }  # fmt: skip


def test_what_happened_before_the_first_moment_is_told_at_it() -> None:
    found = interval_of(np.arange(21.0), first=12.0, last=20.0)

    assert (found.low90, found.low50, found.median) == (12.0, 12.0, 12.0)
    assert (found.high50, found.high90) == (15.0, 19.0)
    assert found.share_already == pytest.approx(13 / 21)


def test_what_happens_after_the_last_moment_has_no_minute() -> None:
    found = interval_of(np.arange(21.0), first=0.0, last=12.0)

    assert (found.low90, found.low50, found.median) == (1.0, 5.0, 10.0)
    assert (found.high50, found.high90) == (None, None)
    assert found.share_later == pytest.approx(8 / 21)


@pytest.mark.parametrize(("moment", "already", "later"), [(4.0, 1.0, 0.0), (9.0, 0.0, 0.0), (INF, 0.0, 1.0)])  # fmt: skip
def test_the_ends_belong_to_the_time_looked_at(moment, already, later) -> None:
    """At the first moment it has happened; at the last one it has not yet been missed."""
    found = interval_of(np.array([moment]), first=4.0, last=9.0)

    assert (found.share_already, found.share_later) == (already, later)
    assert found.median == (None if later else moment)


def test_never_beside_soon_is_never_mixed_into_a_minute() -> None:
    """Half of the draws never happen: an edge is one draw, and no number between 5 and infinity."""
    found = interval_of(np.array([5.0, INF, 5.0, INF, 5.0]), first=0.0, last=10.0)

    assert (found.low90, found.low50, found.median, found.high50) == (5.0, 5.0, 5.0, None)
    assert found.share_later == pytest.approx(0.4)


# --- the peak -----------------------------------------------------------------------------------


@pytest.mark.parametrize("top", [1.6, 2.0, 2.3, 2.5, 3.0])
def test_the_top_of_a_parabola_is_found_exactly(top) -> None:
    assert peak_of(*(100.0 - (np.arange(6.0) - top) ** 2)) == pytest.approx(top, abs=1e-12)


@given(top=st.floats(1.0, 7.0), first=st.integers(0, 300), step=st.sampled_from([0.25, 0.5, 2.0, 5.0]))  # fmt: skip
def test_a_peak_moves_with_the_clock_and_stretches_with_the_step(top, first, step) -> None:
    hill = tuple(50.0 - (np.arange(9.0) - top) ** 2)

    assert peak_of(*hill, first=float(first), step=step) == pytest.approx(first + step * top)


@pytest.mark.parametrize(
    ("values", "moment"),
    [
        ((9.0, 5.0, 3.0), 0.0),  # falls, and ever less steeply
        ((9.0, 9.0, 3.0), 0.5),  # as high at both ends of the first step: the top is between them
        (
            (9.0, 8.0, 3.0),
            0.25,
        ),  # 9 - 8 is a quarter of the bend of 4 away from the middle of the step
        ((9.0, 6.0, 1.0), 0.0),  # the parabola's top lies before: it has passed
        ((9.0, 9.0, 9.0), 0.0),
        ((3.0, 5.0, 9.0), INF),
        ((3.0, 9.0, 9.0), 1.5),
        ((0.0, 4.0, 0.0), 1.0),
        ((1.0, 4.0, 3.0), 1.25),  # (3 - 1) / 2 / (1 - 8 + 3): a quarter of a step after
        ((3.0, 4.0, 1.0), 0.75),
        ((9.0, 8.9, 5.0), 0.5 - 0.1 / 3.8),
    ],
)
def test_peaks_by_hand(values, moment) -> None:
    assert peak_of(*values) == pytest.approx(moment, abs=1e-12)


def test_a_top_within_the_first_step_is_not_before_it() -> None:
    """A steep fall on a parabola whose top lies left of the first time."""
    assert peak_of(10.0, 7.0, 0.0, first=30.0) == 30.0


def test_two_equal_tops_are_told_at_the_first() -> None:
    assert peak_of(0.0, 4.0, 0.0, 4.0, 0.0) == 1.0


@given(values=courses, factor=st.integers(1, 9))
def test_a_peak_does_not_move_when_the_dose_is_multiplied(values, factor) -> None:
    time = np.arange(float(len(values)))

    np.testing.assert_allclose(
        peak_minutes(values * factor, time), peak_minutes(values, time), atol=1e-9
    )


@given(values=courses)
def test_a_peak_lies_within_a_step_of_the_highest_value(values) -> None:
    time = np.arange(float(len(values)))

    found = peak_minutes(values, time)

    for column, moment in zip(values.T, found, strict=True):
        top = int(column.argmax())
        if top == len(column) - 1:
            assert moment == INF
        elif top == 0:
            assert 0.0 <= moment <= 1.0
        else:
            assert abs(moment - top) <= 0.5


# --- falling below ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "level", "moment"),
    [
        ((8.0, 4.0, 0.0), 6.0, 0.5),
        ((8.0, 4.0, 0.0), 1.0, 1.75),
        ((8.0, 4.0, 0.0), 9.0, 0.0),
        ((8.0, 4.0, 3.0), 2.0, INF),
        ((8.0, 4.0, 2.0), 2.0, INF),  # at the level is not below it
        ((8.0, 4.0, 2.0), 4.0, 1.0),
        ((1.0, 1.0, 9.0, 1.0, 1.0), 5.0, 2.5),  # it rises above the level once more: that counts
        ((9.0, 1.0, 9.0, 1.0, 1.0), 5.0, 2.5),
        ((0.0, 0.0, 0.0), 5.0, 0.0),
        ((5.0, 5.0, 5.0), 5.0, INF),
    ],
)
def test_moments_of_falling_below_by_hand(values, level, moment) -> None:
    assert below_of(*values, level=level) == pytest.approx(moment, abs=1e-12)


@given(values=courses, level=st.integers(1, 999), first=st.integers(0, 99), step=st.sampled_from([0.5, 3.0]))  # fmt: skip
def test_falling_below_moves_with_the_clock(values, level, first, step) -> None:
    time = np.arange(float(len(values)))

    plain = below_minutes(values, time, float(level))
    moved = below_minutes(values, first + step * time, float(level))

    np.testing.assert_allclose(moved, first + step * plain, rtol=1e-12)


@given(values=courses, low=st.integers(1, 998), more=st.integers(1, 500), factor=st.integers(2, 7))
def test_a_higher_level_is_fallen_below_no_later_and_units_do_not_count(
    values, low, more, factor
) -> None:
    time = np.arange(float(len(values)))
    at_low = below_minutes(values, time, float(low))

    assert np.all(below_minutes(values, time, float(low + more)) <= at_low)
    np.testing.assert_allclose(below_minutes(values * factor, time, float(low * factor)), at_low)


# --- shares -------------------------------------------------------------------------------------


def test_shares_by_hand() -> None:
    """Half-way: it has happened at its own minute."""
    found = shares_by(np.array([30.0, 10.0, INF, 20.0]), np.array([0.0, 10.0, 19.9, 20.0, 500.0]))

    assert found.tolist() == [0.0, 0.25, 0.25, 0.5, 0.75]


def test_known_times_bound_the_share_between_them() -> None:
    """A known minute is known exactly; between two of them it is between their shares."""
    shares, time = np.array([0.1, 0.4, 0.9]), np.array([10.0, 20.0, 30.0])

    least, most = share_between(shares, time, np.array([9.0, 10.0, 15.0, 20.0, 30.0, 31.0]))

    assert least.tolist() == [0.0, 0.1, 0.1, 0.4, 0.9, 0.9]
    assert most.tolist() == [0.1, 0.1, 0.4, 0.4, 0.9, 1.0]


@given(minutes=st.lists(st.integers(0, 50), min_size=1, max_size=20), extra=st.integers(0, 50))
def test_one_person_more_moves_a_share_by_at_most_one_person(minutes, extra) -> None:
    time = np.arange(51.0)
    before = shares_by(np.array(minutes, dtype=float), time)

    after = shares_by(np.array([*minutes, extra], dtype=float), time)

    assert np.all(np.abs(after - before) <= 1 / (len(minutes) + 1) + 1e-12)
    assert before[-1] == after[-1] == 1.0
