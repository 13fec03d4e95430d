"""Zeros of series and of decays whose places are known: roots multiplied out, logarithms, quadratics in exp(-t)."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from vigil.kinetics.crossings import _between, _bracketed, decay_zeros, series_zeros, sign_changes
from vigil.kinetics.many_exposures import _changes, _value, find_zeros

Zeros = Callable[[list[float], list[float] | None, float], list[float]]


def plainly(coefficients: list[float], rates: list[float] | None, length: float) -> list[float]:
    """The zeros by the engine of one person; `rates` None: of a series."""
    own = np.array(coefficients)
    if rates is None:
        return series_zeros(own, turns=length)
    return decay_zeros(own, np.array(rates), minutes=length)


def by_twin(coefficients: list[float], rates: list[float] | None, length: float) -> list[float]:
    """The zeros by the engine of many people."""
    count = len(coefficients)
    chain, zeros = np.zeros((count + 3, count + 3)), np.zeros(count + 3)
    chain[0, :count] = coefficients
    relative = np.zeros(count) if rates is None else np.array(rates)
    found = find_zeros(chain, relative, count, rates is None, length, zeros)
    return [float(z) for z in zeros[:found]]


BOTH = pytest.mark.parametrize("zeros", [plainly, by_twin])


def multiplied_out(roots: list[float]) -> list[float]:
    """Coefficients c[k] of x^k / k! of the polynomial with these roots, times plus one."""
    terms = [1.0]
    for root in roots:
        terms = [
            (terms[k - 1] if k else 0.0) - root * (terms[k] if k < len(terms) else 0.0)
            for k in range(len(terms) + 1)
        ]
    return [c * math.factorial(k) for k, c in enumerate(terms)]


@BOTH
@pytest.mark.parametrize(
    "roots",
    [[], [1.0], [0.5, 2.0], [0.25, 1.0, 3.0], [0.3, 0.9, 1.7, 3.1], [0.01, 3.99], [1.0, 1.001]],
    ids=len,
)
def test_a_series_is_zero_where_its_roots_are(zeros: Zeros, roots: list[float]) -> None:
    """INV-KIN-20: in order, none twice, none missed."""
    assert zeros(multiplied_out(roots), None, 4.0) == pytest.approx(roots, rel=1e-9)


@BOTH
@pytest.mark.parametrize("roots", [[4.5], [0.5, 6.0], [5.0, 6.0, 7.0], [1.0, 2.0, 9.0]])
def test_zeros_beyond_the_end_are_not_told(zeros: Zeros, roots: list[float]) -> None:
    """The interval is open at its end."""
    inside = [root for root in roots if root < 4.0]

    assert zeros(multiplied_out(roots), None, 4.0) == pytest.approx(inside, rel=1e-9)


@BOTH
@pytest.mark.parametrize("quotient", [1.5, 10.0, 1e6])
@pytest.mark.parametrize("rate", [0.01, 3.0])
def test_two_decays_cross_at_a_logarithm(zeros: Zeros, quotient: float, rate: float) -> None:
    """exp(-r t) - q exp(-3 r t) is 0 at ln(q) / (2 r)."""
    found = zeros([1.0, -quotient], [-rate, -3 * rate], 1e4)

    assert found == pytest.approx([math.log(quotient) / (2 * rate)], rel=1e-13)


@BOTH
@pytest.mark.parametrize("minutes", [0.6, 0.7, 1.2, 1.5, 3.0])
def test_a_cubic_in_the_exponential_is_zero_at_three_logarithms(
    zeros: Zeros, minutes: float
) -> None:
    """(z - 1/2)(z - 1/3)(z - 1/4) with z = exp(-t): ln 2, ln 3, ln 4, those before the end."""
    coefficients = [-1 / 24, 1 / 6 + 1 / 12 + 1 / 8, -13 / 12, 1.0]

    found = zeros(coefficients, [0.0, -1.0, -2.0, -3.0], minutes)

    known = [math.log(n) for n in (2, 3, 4) if math.log(n) < minutes]
    assert found == pytest.approx(known, rel=1e-11)


@BOTH
@pytest.mark.parametrize("shift", [0.0, 200.0, -200.0])
def test_a_common_decay_moves_no_zero(zeros: Zeros, shift: float) -> None:
    """Multiplied by exp(-200 t) no sign changes, though every value is too small for a float."""
    rates = [-1.0 + shift, -2.0 + shift, -3.0 + shift]
    # (z - 1/2)(z - 1/100), z = exp(-t)
    found = zeros([1 / 200, -0.51, 1.0], rates, 6.0)

    assert found == pytest.approx([math.log(2.0), math.log(100.0)], rel=1e-11)


@BOTH
def test_coefficients_of_nothing_change_nothing(zeros: Zeros) -> None:
    """In front, between and behind: the same logarithm; alone: no zero."""
    padded = [0.0, 1.0, 0.0, -5.0, 0.0]

    found = zeros(padded, [-0.1, -1.0, -1.5, -2.0, -7.0], 100.0)

    assert found == pytest.approx([math.log(5.0)], rel=1e-13)
    assert zeros([0.0, 0.0, 0.0], [-1.0, -2.0, -3.0], 9.0) == []
    assert zeros([0.0, 0.0, 0.0], None, 9.0) == []
    assert zeros([2.0], [-1.0], 9.0) == []


@BOTH
def test_one_sign_has_no_zero_and_a_pair_may_have_none(zeros: Zeros) -> None:
    """z^2 - z + 1 has two changes of sign and no real root."""
    assert zeros([1.0, 2.0, 3.0], [-1.0, -2.0, -3.0], 50.0) == []
    assert zeros([-1.0, -0.5], None, 4.0) == []
    assert zeros([1.0, -1.0, 1.0], [0.0, -1.0, -2.0], 50.0) == []
    assert zeros([1.0, -1.0, 2.0], None, 4.0) == []


@BOTH
def test_a_zero_may_lie_very_near_either_end(zeros: Zeros) -> None:
    """1e-9 after the start, 1e-9 before the end."""
    near_start = zeros([1.0, -math.exp(1e-9)], [0.0, -1.0], 10.0)
    near_end = zeros([1.0, -math.exp(10.0 - 1e-9)], [0.0, -1.0], 10.0)

    assert near_start == pytest.approx([1e-9], rel=1e-6)
    assert near_end == pytest.approx([10.0 - 1e-9], rel=1e-15)


@BOTH
@pytest.mark.parametrize("small", [1e-300, 1e-200, 1.0, 1e200])
def test_the_size_of_the_coefficients_does_not_matter(zeros: Zeros, small: float) -> None:
    """Products of two small heights would be 0: signs are compared instead."""
    found = zeros([small, -3.0 * small], [0.0, -1.0], 50.0)

    assert found == pytest.approx([math.log(3.0)], rel=1e-12)


@BOTH
def test_a_zero_at_a_turning_point_is_told_once(zeros: Zeros) -> None:
    """(x - 1)^2 touches 0 and turns: at most one zero there, and none elsewhere."""
    found = zeros(multiplied_out([1.0, 1.0]), None, 4.0)

    assert len(found) <= 1
    assert found == pytest.approx([1.0] * len(found))


@pytest.mark.parametrize(
    ("signs", "changes"),
    [([1, 2], 0), ([1, -2], 1), ([-1, 0, 0, 1], 1), ([0, -1, 1, 0, -1], 2), ([1, -1, 1, -1], 3)],
)
def test_both_count_the_same_changes(signs: list[int], changes: int) -> None:
    """Descartes' count, zeros passed over; tiny numbers have a sign too."""
    for scale in (1.0, 1e-200):
        own = np.array(signs) * scale
        assert sign_changes(own) == changes
    assert _changes(np.array(signs, dtype=float), len(signs)) == changes


def test_the_value_of_a_series_is_its_sum() -> None:
    """1 + 2x + 3x^2/2 + 4x^3/6 at 2 is 1 + 4 + 6 + 16/3."""
    own = np.array([1.0, 2.0, 3.0, 4.0])

    assert _value(own, own, 4, True, 2.0) == pytest.approx(11.0 + 16 / 3, rel=1e-15)
    assert _value(own, own, 1, True, 2.0) == 1.0


def test_the_value_of_decays_is_counted_from_the_slowest_there_is() -> None:
    """A slower one with coefficient 0 is passed over, so that nothing vanishes."""
    own, rates = np.array([0.0, 2.0, -1.0]), np.array([0.0, -500.0, -501.0])

    assert _value(own, rates, 3, False, 2.0) == pytest.approx(2.0 - math.exp(-2.0), rel=1e-15)


@pytest.mark.parametrize("root", [1e-8, 0.3, 1.0, 77.0, 99.99999])
@pytest.mark.parametrize("power", [1, 3, 9])
def test_a_bracket_closes_on_its_zero_however_flat(root: float, power: int) -> None:
    """An odd power is flat at its zero; false position alone would stall."""

    def value(x: float) -> float:
        return (x - root) ** power

    found = _bracketed(value, 0.0, value(0.0), 100.0, value(100.0))

    assert value(found) == pytest.approx(0.0, abs=1e-14 ** min(power, 2))
    assert found == pytest.approx(root, rel=1e-12 if power == 1 else 1e-2, abs=1e-5)


def test_between_knots_only_inner_zeros_count() -> None:
    """A zero exactly at an inner knot counts once; at the first or the last not at all."""

    def line(x: float) -> float:
        return x * (x - 2.0) * (x - 4.0)

    assert _between(line, [0.0, 1.0, 2.0, 3.0, 4.0]) == [2.0]
    assert _between(line, [1.0, 3.0]) == pytest.approx([2.0])
    assert _between(line, [2.0, 4.0]) == []
    assert _between(lambda x: x - 0.5, [0.0, 1.0]) == [0.5]
    assert _between(lambda x: 0.5 - x, [0.0, 1.0]) == [0.5]


@pytest.mark.parametrize("root", [1e-3, 0.3, 50.0, 99.0])
@pytest.mark.parametrize("power", [1, 3, 9])
def test_a_bracket_never_asks_much_more_often_than_halving_would(root: float, power: int) -> None:
    """Halving alone needs some sixty; two steps in three are free to be cleverer, so never three times that."""
    asked: list[float] = []

    def value(x: float) -> float:
        asked.append(x)
        return math.copysign(abs(x - root) ** power, x - root)

    found = _bracketed(value, 0.0, value(0.0), 100.0, value(100.0))

    assert found == pytest.approx(root, rel=1e-12, abs=1e-14)
    assert len(asked) <= (8 if power == 1 else 180)
    assert all(0.0 <= x <= 100.0 for x in asked)
