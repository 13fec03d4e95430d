"""The two kinds of piece, and the kernels that move amounts, each against sums that a calculator could make."""

import math
from itertools import pairwise

import numpy as np
import pytest

from a_kinetics_by_hand import CASES, Case, bateman, bolus, chain, exchange, label, one_bolus, ring
from vigil.kinetics import many_courses, many_powers, pieces
from vigil.kinetics.cohort import pattern_of
from vigil.kinetics.modes import flow_of
from vigil.kinetics.pieces import Decays, Series, TimesInvalid, pieces_of, step_of, steps_of


@pytest.mark.parametrize("loss", [0.1, 2.0])
def test_a_series_of_one_power_is_a_gamma_density(loss: float) -> None:
    """c (s t)^k / k! exp(-s t), and its area is c/s times the chance of more than k arrivals."""
    times = np.array([0.0, 0.3, 1.0, 1.7])
    for power in (0, 1, 4):
        coefficients = np.zeros((1, 6))
        coefficients[0, power] = 7.0
        series = Series(start=5.0, end=6.7, loss=loss, coefficients=coefficients)
        turns = loss * times

        found = series.at(times)[0]

        expected = 7.0 * turns**power / math.factorial(power) * np.exp(-turns)
        np.testing.assert_allclose(found, expected, rtol=1e-14)
        whole = loss * 1.7
        at_most = math.fsum(whole**j / math.factorial(j) for j in range(power + 1))
        area = 7.0 / loss * (1.0 - math.exp(-whole) * at_most)
        assert series.area().tolist() == pytest.approx([area], rel=1e-9)


def test_a_series_of_no_length_has_no_area() -> None:
    """One moment; shape (M,)."""
    series = Series(start=5.0, end=5.0, loss=0.3, coefficients=np.ones((3, 4)))

    assert series.area().tolist() == [0.0, 0.0, 0.0]
    assert series.at(np.zeros(1))[:, 0].tolist() == [1.0, 1.0, 1.0]


def test_decays_add_up_and_so_do_their_areas() -> None:
    """4 exp(-t) - exp(-3 t) beside a constant: 4 (1 - exp(-2)) - (1 - exp(-6))/3, and 5 times the length."""
    decays = Decays(
        start=1.0,
        end=3.0,
        rates=np.array([0.0, -1.0, -3.0]),
        coefficients=np.array([[0.0, 4.0, -1.0], [5.0, 0.0, 0.0]]),
    )

    found = decays.at(np.array([0.0, 0.5, 2.0]))

    t = np.array([0.0, 0.5, 2.0])
    np.testing.assert_allclose(found[0], 4 * np.exp(-t) - np.exp(-3 * t), rtol=1e-15)
    assert found[1].tolist() == [5.0] * 3
    first = 4 * (1 - math.exp(-2)) - (1 - math.exp(-6)) / 3
    assert decays.area().tolist() == pytest.approx([first, 10.0], rel=1e-14)


@pytest.mark.parametrize("count", [1, 511, 512, 513, 768, 769, 2000])
def test_a_table_of_powers_is_the_exponential_at_each_time(count: int) -> None:
    """On either side of the length from which the table is used, and at its seams."""
    decays = Decays(
        start=0.0, end=1e3, rates=np.array([-0.01, -2.0]), coefficients=np.array([[3.0, 2.0]])
    )
    times = 0.7 + 0.25 * np.arange(count)

    found = decays.at(times)

    assert found.shape == (1, count)
    np.testing.assert_allclose(
        found[0], 3 * np.exp(-0.01 * times) + 2 * np.exp(-2 * times), rtol=1e-12
    )
    uneven = times + 1e-3 * (np.arange(count) % 2)
    np.testing.assert_allclose(
        decays.at(uneven)[0], 3 * np.exp(-0.01 * uneven) + 2 * np.exp(-2 * uneven), rtol=1e-12
    )


@pytest.mark.parametrize("case", CASES, ids=label)
def test_steps_move_amounts_as_the_course_says(case: Case) -> None:
    """Half a piece, a whole piece, nothing: outputs of what was moved are the course; powers are those of 1 + A/s."""
    if case.schedule.rates.any() or len(case.schedule.minutes) > 1:
        case = one_bolus()
    flow = flow_of(case.system, ())
    steps = steps_of(flow)
    start = float(case.schedule.minutes[0])
    amounts = case.schedule.boluses[0]

    assert steps.span_minutes * steps.loss == pytest.approx(4.0, rel=1e-15)
    assert steps.loss == np.max(-np.diag(flow.rates))
    np.testing.assert_array_equal(steps.powers[0], np.eye(len(flow.rates)))
    np.testing.assert_allclose(
        steps.powers[2], np.linalg.matrix_power(np.eye(len(flow.rates)) + flow.rates / steps.loss, 2),
        atol=1e-15,
    )  # fmt: skip
    assert np.all(steps.powers >= 0)
    for share in (0.0, 0.5, 1.0):
        minutes = share * steps.span_minutes
        moved = steps.moved(amounts, minutes)
        expected = case.course(np.array([start + minutes]))[0]
        assert float(flow.outputs[0] @ moved) == pytest.approx(expected, rel=1e-12, abs=1e-13)
        series = steps.series(amounts, start=start, end=start + minutes)
        assert (series.start, series.end) == (start, start + minutes)
        assert float(series.at(np.array([minutes]))[0, 0]) == pytest.approx(
            expected, rel=1e-12, abs=1e-13
        )


def test_pieces_end_at_each_event_and_at_the_end_asked_for() -> None:
    """No piece at all when the first event is later; the last one is cut."""
    case = bateman()
    schedule = bolus(2, (10.0, 0, 100.0), (25.0, 0, 50.0), (90.0, 0, 50.0))

    assert list(pieces_of(case.system, schedule, end_minutes=9.9)) == []
    found = list(pieces_of(case.system, schedule, end_minutes=60.0))
    edges = [found[0].start, *(p.end for p in found)]
    assert edges[0] == 10.0
    assert edges[-1] == 60.0
    assert 25.0 in edges
    assert edges == sorted(edges)
    assert all(a.end == b.start for a, b in pairwise(found))


def test_what_has_modes_ends_as_decays_and_what_has_none_stays_a_series() -> None:
    """INV-KIN-17: a one-compartment bolus is one piece; a ring and a chain are series throughout."""
    plain = one_bolus()
    assert [type(p) for p in pieces_of(plain.system, plain.schedule, end_minutes=500.0)] == [Decays]
    series_only = pieces_of(plain.system, plain.schedule, end_minutes=500.0, with_modes=False)
    assert {type(p) for p in series_only} == {Series}
    for case in (ring(), chain(3)):
        kinds = [type(p) for p in pieces_of(case.system, case.schedule, end_minutes=500.0)]
        assert set(kinds) == {Series}
    kinds = [type(p) for p in pieces_of(bateman().system, bateman().schedule, end_minutes=500.0)]
    assert kinds[0] is Series
    assert kinds[-1] is Decays


@pytest.mark.parametrize(
    ("times", "step"),
    [
        ([0.0, 0.5, 1.0], 0.5),
        ([-3.0, -1.0, 1.0], 2.0),
        ([0.0, 1.0], 1.0),
        ([0.0, 0.5, 1.0001], 0.0),
    ],
)
def test_both_ways_know_an_even_list(times: list[float], step: float) -> None:
    """The twin says -1 where the list falls or is not finite."""
    assert step_of(np.array(times)) == step
    assert many_courses.even_step(np.array(times), pieces.ULPS) == step
    assert many_courses.even_step(np.array(times[::-1]), pieces.ULPS) == -1.0
    assert many_courses.even_step(np.array([*times, np.nan]), pieces.ULPS) == -1.0
    assert many_courses.even_step(np.array(times[:1]), pieces.ULPS) == 0.0


def kernels_of(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """The raised entries of a case, their places, and the loss."""
    pattern = pattern_of(case.system.rates[None])
    raised = np.empty(len(pattern.rows))
    loss = many_powers.raise_matrix(case.system.rates, pattern.rows, pattern.columns, raised)
    return raised, pattern.rows, pattern.columns, loss


@pytest.mark.parametrize("case", [bateman(), chain(3), ring(), exchange()], ids=label)
@pytest.mark.parametrize("minutes", [0.0, 1e-6, 1.0, 39.9, 700.0])
def test_the_kernel_moves_amounts_along_the_course(case: Case, minutes: float) -> None:
    """One move, many pieces long or none."""
    raised, rows, columns, loss = kernels_of(case)
    x = case.schedule.boluses[0].copy()

    many_powers.move(raised, rows, columns, loss, x, minutes, np.empty((2, 8)))

    expected = case.course(np.array([minutes]))[0]
    assert float(case.system.outputs[0] @ x) == pytest.approx(expected, rel=1e-11, abs=1e-13)
    assert np.all(raised >= 0)


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 21, 64, 127])
def test_powers_of_two_reach_any_number_of_steps(steps: int) -> None:
    """Binary: the sum of those chosen is the whole; a step of 1.5 minutes."""
    case = bateman()
    raised, rows, columns, loss = kernels_of(case)
    powers, x = np.empty((7, 2, 8)), case.schedule.boluses[0].copy()

    many_powers.fill_powers(raised, rows, columns, loss, 1.5, powers, np.empty((2, 8)))
    many_powers.step_by(powers, x, steps, np.empty((2, 8)))

    expected = case.course(np.array([1.5 * steps]))[0]
    assert float(case.system.outputs[0] @ x) == pytest.approx(expected, rel=1e-11, abs=1e-13)
    assert x[0] == pytest.approx(100.0 * math.exp(-0.3 * steps), rel=1e-11)


@pytest.mark.parametrize("count", range(10))
@pytest.mark.parametrize("length", [1, 7])
def test_rows_are_combined_four_at_a_time_to_the_same_sum(count: int, length: int) -> None:
    """None, one to four, and on both sides of eight; what lies behind is left alone."""
    table = np.arange(12.0)[:, None] + np.arange(8.0) / 8
    weights, chosen = 2.0 ** np.arange(12.0), np.arange(11, 1, -1)
    out = np.full(8, -1.0)

    many_courses._combine(weights, chosen, count, table, length, out)

    expected = sum((weights[r] * table[r, :length] for r in chosen[:count]), np.zeros(length))
    assert out[:length].tolist() == expected.tolist()
    assert np.all(out[length:] == -1.0)


@pytest.mark.parametrize("block", [1, 2, 3, 64, 100])
def test_a_decay_table_is_the_exponential(block: int) -> None:
    """exp(rate * j * step), row by row; rows beyond the count are left alone."""
    table = np.full((3, block), -1.0)

    many_courses._decay_table(np.array([0.0, -0.2, -9.0]), 2, 0.25, block, table)

    assert np.all(table[0] == 1.0)
    np.testing.assert_allclose(table[1], np.exp(-0.05 * np.arange(block)), rtol=1e-14)
    assert np.all(table[2] == -1.0)


@pytest.mark.parametrize(("minute", "place"), [(-1.0, 0), (0.0, 0), (0.5, 1), (2.0, 2), (9.0, 4)])
def test_the_first_time_at_or_after_a_minute_is_found(minute: float, place: int) -> None:
    """Of repeated ones the first; beyond the last, the length."""
    assert many_courses._first_at_or_after(np.array([0.0, 1.0, 2.0, 2.0]), minute) == place


def test_what_enters_is_added_and_what_runs_is_set() -> None:
    """Boluses add up, inputs replace each other."""
    x = np.array([1.0, 2.0, 30.0])

    many_courses.enter(x, np.array([10.0, 0.5]), np.array([7.0]), 2)

    assert x.tolist() == [11.0, 2.5, 7.0]


def test_what_the_modes_recall_is_never_below_nothing() -> None:
    """Two vectors that cancel: rounding below 0 is 0."""
    x, vectors = np.empty(2), np.array([[1.0, 1.0], [-1.0, 2.0]])

    many_courses.recall(x, vectors, np.array([0.0, -1.0]), np.array([3.0, 4.0]), 2, math.log(2.0))

    assert x.tolist() == pytest.approx([1.0, 7.0])
    many_courses.recall(x, vectors, np.array([0.0, -1.0]), np.array([1.0, 4.0]), 2, 0.0)
    assert x.tolist() == [0.0, 9.0]


def test_a_time_that_is_none_keeps_its_value() -> None:
    """INV-KIN-27."""
    assert TimesInvalid(math.inf).minutes == math.inf
    assert str(TimesInvalid(math.nan)).startswith("Time is nan min; expected a finite number.")
