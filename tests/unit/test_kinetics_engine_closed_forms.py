"""Every way to a course against formulas worked out by hand (`a_kinetics_by_hand`)."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from a_kinetics_by_hand import CASES, FADING, Case, bateman, label, one_bolus, one_infusion, ring
from vigil.kinetics import engine, slow
from vigil.kinetics.cohort import cohort_of_one
from vigil.kinetics.facts import FloatArray, LinearSystem, Schedule
from vigil.kinetics.filling import fill
from vigil.kinetics.pieces import TimesInvalid, pieces_of, piecewise

Way = Callable[[LinearSystem, Schedule, FloatArray], FloatArray]


def filled(system: LinearSystem, schedule: Schedule, times: FloatArray) -> FloatArray:
    """The way of many people, for one."""
    out = np.full((1, len(system.analytes), len(times)), np.nan)
    fill(cohort_of_one(system, schedule), times, out)
    return np.asarray(out[0])


def without_modes(system: LinearSystem, schedule: Schedule, times: FloatArray) -> FloatArray:
    """The series alone."""
    found = np.zeros((len(system.analytes), len(times)))
    end = float(times[-1])
    for piece in pieces_of(system, schedule, end_minutes=end, with_modes=False):
        inside = (times >= piece.start) & (times <= piece.end)
        found[:, inside] = piece.at(times[inside] - piece.start)
    return found


WAYS: dict[str, Way] = {
    "slow": slow.concentrations,
    "fast": engine.concentrations,
    "pieces": piecewise,
    "many": filled,
    "series": without_modes,
}
EVERY_WAY = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
EVERY_CASE = pytest.mark.parametrize("case", CASES, ids=label)
EVEN = np.arange(0.0, 241.0, 4.0)
UNEVEN = np.array([0.0, 0.001, 0.5, 1.0, 2.0, 2.5, 3.0, 7.75, 31.9, 32.0, 45.0, 90.0, 180.5, 400.0])


@EVERY_WAY
@EVERY_CASE
@pytest.mark.parametrize("times", [EVEN, UNEVEN], ids=["even", "uneven"])
def test_every_way_gives_the_hand_derived_course(case: Case, way: Way, times: FloatArray) -> None:
    """INV-KIN-10, 17, 18: one number, and it is the one on paper."""
    found = way(case.system, case.schedule, times)

    expected = case.course(times)
    assert found.shape == (len(case.system.analytes), len(times))
    # A formula that subtracts near-equal terms loses digits of its own where next to nothing is there.
    np.testing.assert_allclose(found[0], expected, rtol=2e-11, atol=1e-12 * expected.max())


@EVERY_WAY
@EVERY_CASE
def test_before_the_first_event_there_is_nothing(case: Case, way: Way) -> None:
    """Zero exactly, and the course is not shifted by the wait."""
    later = replace(case.schedule, minutes=case.schedule.minutes + 1000.0)
    times = np.array([0.0, 500.0, 999.0, 1010.0, 1100.0])

    found = way(case.system, later, times)[0]

    assert found[:3].tolist() == [0.0, 0.0, 0.0]
    np.testing.assert_allclose(found[3:], case.course(times[3:] - 1000.0), rtol=1e-10)


@EVERY_WAY
def test_long_after_the_last_dose_the_digits_are_still_there(way: Way) -> None:
    """A course that fell by ten powers of ten is still a plain exponential."""
    case = one_bolus(at=0.0)
    times = np.array([0.0, 230.25850929940458, 460.51701859880916])

    found = way(case.system, case.schedule, times)[0]

    np.testing.assert_allclose(found, [50.0, 50.0e-5, 50.0e-10], rtol=1e-11)


@EVERY_WAY
def test_small_values_just_after_a_dose_are_not_lost_in_large_ones(way: Way) -> None:
    """INV-KIN-10: the fourth power of a short time, where modes would cancel ten digits away."""
    k, t = 0.1, np.array([0.0, 0.01, 0.02, 0.04])
    rates = -k * np.eye(5) + k * np.eye(5, k=-1)
    system = LinearSystem(
        states=tuple("abcde"),
        analytes=("last",),
        rates=rates,
        outputs=np.array([[0.0, 0.0, 0.0, 0.0, 1.0]]),
    )
    schedule = Schedule(
        minutes=np.zeros(1), boluses=np.array([[24.0, 0, 0, 0, 0]]), rates=np.zeros((1, 5))
    )

    found = way(system, schedule, t)[0]

    np.testing.assert_allclose(found, (k * t) ** 4 * np.exp(-k * t), rtol=1e-10)


@EVERY_WAY
def test_two_infusions_that_overlap_are_the_sum_of_each(way: Way) -> None:
    """INV-KIN-12: rates add where they overlap, 10 to 25 minutes."""
    k, v = 0.06, 3.0
    first = one_infusion(k=k, v=v, rate=9.0, at=0.0, lasting=25.0)
    second = one_infusion(k=k, v=v, rate=4.0, at=10.0, lasting=50.0)
    together = Schedule(
        minutes=np.array([0.0, 10.0, 25.0, 60.0]),
        boluses=np.zeros((4, 1)),
        rates=np.array([[9.0], [13.0], [4.0], [0.0]]),
    )
    times = np.arange(0.0, 200.0, 2.5)

    found = way(first.system, together, times)[0]

    np.testing.assert_allclose(found, first.course(times) + second.course(times), rtol=1e-11)


@EVERY_WAY
def test_inputs_into_two_places_at_once_are_both_felt(way: Way) -> None:
    """A depot and the central place fed at one time: Bateman's integral beside the plain one."""
    ka, k, minutes = 0.2, 0.05, 30.0
    system = LinearSystem(
        states=("depot", "central"),
        analytes=("ketamine",),
        rates=np.array([[-ka, 0.0], [ka, -k]]),
        outputs=np.array([[0.0, 1.0]]),
    )
    schedule = Schedule(
        minutes=np.array([0.0, minutes]),
        boluses=np.zeros((2, 2)),
        rates=np.array([[6.0, 2.0], [0.0, 0.0]]),
    )
    t = np.array([0.0, 1.0, 7.0, 15.0, 29.0])

    found = way(system, schedule, t)[0]

    by_depot = 6.0 / k - 6.0 / (ka - k) * (ka / k * np.exp(-k * t) - np.exp(-ka * t))
    direct = 2.0 / k * -np.expm1(-k * t)
    np.testing.assert_allclose(found, by_depot + direct, rtol=1e-11, atol=1e-12)


@EVERY_WAY
def test_every_output_is_its_own_row(way: Way) -> None:
    """Depot and central side by side: exp, and Bateman; a ratio scales only its own row."""
    case = bateman(v=1.0)
    both = replace(case.system, analytes=("d", "c"), outputs=np.array([[0.5, 0.0], [0.0, 3.0]]))
    times = np.arange(0.0, 60.0, 1.5)

    found = way(both, case.schedule, times)

    np.testing.assert_allclose(found[0], 50.0 * np.exp(-0.2 * times), rtol=1e-11)
    np.testing.assert_allclose(found[1], 3.0 * case.course(times), rtol=1e-11)


@pytest.mark.parametrize("way", [slow.concentrations, engine.concentrations, filled])
@EVERY_CASE
def test_times_may_come_in_any_order_and_twice(case: Case, way: Way) -> None:
    """INV-KIN-25: a value belongs to its time."""
    times = np.array([90.0, 1.0, 45.0, 90.0, 0.0, 31.5])

    found = way(case.system, case.schedule, times)[0]

    assert found[0] == found[3]
    np.testing.assert_allclose(found, case.course(times), rtol=1e-11, atol=1e-13)


@EVERY_WAY
def test_a_place_that_nothing_leaves_fills_in_a_straight_line(way: Way) -> None:
    """R t while it runs, R T ever after: a rate of loss of 0 is a rate."""
    system = LinearSystem(
        states=("s",), analytes=("a",), rates=np.zeros((1, 1)), outputs=np.ones((1, 1))
    )
    schedule = Schedule(
        minutes=np.array([2.0, 12.0]), boluses=np.zeros((2, 1)), rates=np.array([[3.0], [0.0]])
    )

    found = way(system, schedule, np.array([2.0, 5.0, 12.0, 20.0, 100.0]))[0]

    np.testing.assert_allclose(found, [0.0, 9.0, 30.0, 30.0, 30.0], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("length", [4095, 4096, 5000])
def test_a_long_list_of_times_has_the_same_course(length: int) -> None:
    """INV-KIN-18: past the length from which compiled code answers, in any order too."""
    case = bateman()
    times = np.linspace(0.0, 600.0, length)

    found = engine.concentrations(case.system, case.schedule, times)
    turned = engine.concentrations(case.system, case.schedule, times[::-1])

    np.testing.assert_allclose(found[0], case.course(times), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(turned[:, ::-1], found, rtol=1e-12)


@pytest.mark.parametrize("length", [3, 4096])
def test_no_doses_are_zero_at_every_time(length: int) -> None:
    """Shape (M, T), whatever the length."""
    case = one_bolus()
    empty = Schedule(minutes=np.zeros(0), boluses=np.zeros((0, 1)), rates=np.zeros((0, 1)))

    found = engine.concentrations(case.system, empty, np.linspace(0.0, 10.0, length))

    assert found.shape == (1, length)
    assert not found.any()


@pytest.mark.parametrize("length", [2, 4100])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_time_that_is_none_is_named(length: int, bad: float) -> None:
    """INV-KIN-27: the value and what to do, at any length of the list."""
    case = one_bolus()
    times = np.linspace(0.0, 10.0, length)
    times[1] = bad

    with pytest.raises(TimesInvalid, match=f"Time is {bad:g} min.*Check the time grid") as raised:
        engine.concentrations(case.system, case.schedule, times)

    assert raised.value.minutes == bad or math.isnan(bad)


def test_negative_times_are_times() -> None:
    """What lies before minute 0 may be asked about; the dose may lie there too."""
    case = one_bolus(at=-20.0)

    found = engine.concentrations(case.system, case.schedule, np.array([-30.0, -20.0, 0.0]))[0]

    np.testing.assert_allclose(found, [0.0, 50.0, 50.0 / math.e], rtol=1e-12)


@pytest.mark.parametrize("minutes", [0.0, 1e-9, 0.3, 5.0, 90.0, 5000.0])
@pytest.mark.parametrize("rate", [0.0, 7.0, 1e6])
def test_one_move_of_the_slow_engine_is_the_closed_form(minutes: float, rate: float) -> None:
    """x exp(-k t) + R/k (1 - exp(-k t)), relative to itself, for inputs of any size."""
    case = one_bolus(k=0.05)

    found = slow.move(case.system, np.array([10.0]), np.array([rate]), minutes)

    expected = 10.0 * math.exp(-0.05 * minutes) + rate / 0.05 * -math.expm1(-0.05 * minutes)
    assert found.tolist() == pytest.approx([expected], rel=1e-12)


@pytest.mark.parametrize("turns", [0.0, 0.5, 7.9, 8.0, 8.1, 40.0, 200.0])
def test_the_exponential_of_a_triangle_is_the_poisson_share(turns: float) -> None:
    """exp of t (-1, 1 below): entry (i, 0) is t^i / i! exp(-t), each to its own last digits, with and without halving."""
    size = 6
    matrix = turns * (np.eye(size, k=-1) - np.eye(size))

    found = slow.matrix_exponential(matrix)

    poisson = [turns**i / math.factorial(i) * math.exp(-turns) for i in range(size)]
    assert found.shape == (size, size)
    np.testing.assert_allclose(found[:, 0], poisson, rtol=1e-12)
    assert np.all(np.triu(found, 1) == 0)


def test_the_exponential_of_nothing_is_the_identity() -> None:
    """Also of a matrix without states."""
    assert slow.matrix_exponential(np.zeros((3, 3))).tolist() == np.eye(3).tolist()
    assert slow.matrix_exponential(np.zeros((0, 0))).shape == (0, 0)


def test_the_exponential_of_a_ring_turns_all_three_alike() -> None:
    """Columns add up to one, and the three are one another shifted round."""
    found = slow.matrix_exponential(ring(k=1.0).system.rates * 2.5)

    np.testing.assert_allclose(found.sum(axis=0), 1.0, rtol=1e-14)
    np.testing.assert_allclose(found[:, 1], np.roll(found[:, 0], 1), rtol=1e-14)
    np.testing.assert_allclose(
        found[0, 0], (1 + 2 * math.exp(-3.75) * math.cos(math.sqrt(3) / 2 * 2.5)) / 3, rtol=1e-13
    )


def test_drug_that_flows_backwards_is_our_own_bug_in_the_slow_engine() -> None:
    """It asserts: callers have checked before."""
    with pytest.raises(AssertionError, match="wrong way"):
        slow.matrix_exponential(np.array([[-1.0, -0.2], [0.0, -1.0]]))


@pytest.mark.parametrize("case", FADING, ids=label)
def test_a_course_fades_to_nothing_and_never_below(case: Case) -> None:
    """INV-KIN-16: after a hundred half-lives nothing negative is left of the subtractions."""
    times = np.array([0.0, 3000.0, 10_000.0, 100_000.0])

    for way in (engine.concentrations, filled):
        found = way(case.system, case.schedule, times)[0]

        assert np.all(found >= 0.0)
        assert found[-1] <= 1e-30 * case.cmax


@pytest.mark.parametrize("start", [0.0, 1.0, 240.0])
def test_a_schedule_may_begin_at_or_after_the_last_time_asked(start: float) -> None:
    """At the last moment: the bolus itself; after it: nothing."""
    case = one_bolus(at=start)
    times = np.array([0.0, 1.0])

    for way in (engine.concentrations, filled, piecewise):
        found = way(case.system, case.schedule, times)[0]

        np.testing.assert_allclose(found, case.course(times), rtol=1e-13)
