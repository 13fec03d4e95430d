"""Numbers with slopes: each rule of calculus, by hand and by what must cancel. INV-KIN-81."""

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil.kinetics.dual import Dual, slopes_of, value_of

THREE = Dual(3.0, np.array([1.0, 0.0]))
FOUR = Dual(4.0, np.array([0.0, 1.0]))
CURVED = Dual(2.0, np.array([5.0, -7.0]))

numbers = st.floats(-8.0, 8.0).filter(lambda x: abs(x) > 0.1)
duals = st.builds(lambda value, *slopes: Dual(value, np.array(slopes)), numbers, numbers, numbers)


def same(found: object, value: float, *slopes: float) -> None:
    assert isinstance(found, Dual)
    np.testing.assert_allclose(found.value, value, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.slopes, slopes, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("apply", "value", "by_first", "by_second"),
    [
        (operator.add, 7.0, 1.0, 1.0),
        (operator.sub, -1.0, 1.0, -1.0),
        (operator.mul, 12.0, 4.0, 3.0),
        # d(x / y) = dx / y - x dy / y^2
        (operator.truediv, 0.75, 0.25, -3.0 / 16.0),
    ],
)
def test_two_numbers_differentiate_by_the_rules(apply, value, by_first, by_second) -> None:
    same(apply(THREE, FOUR), value, by_first, by_second)


@pytest.mark.parametrize(
    ("found", "value", "slope"),
    [
        (THREE + 10.0, 13.0, 1.0),
        (10.0 + THREE, 13.0, 1.0),
        (THREE - 10.0, -7.0, 1.0),
        (10.0 - THREE, 7.0, -1.0),
        (THREE * 10.0, 30.0, 10.0),
        (10.0 * THREE, 30.0, 10.0),
        (THREE / 10.0, 0.3, 0.1),
        # d(10 / x) = -10 / x^2
        (10.0 / THREE, 10.0 / 3.0, -10.0 / 9.0),
        (-THREE, -3.0, -1.0),
    ],
)
def test_a_plain_number_has_no_slope_of_its_own(found, value, slope) -> None:
    same(found, value, slope, 0.0)


def test_whole_numbers_count_as_plain_ones() -> None:
    same(2 * CURVED, 4.0, 10.0, -14.0)
    same(1 - CURVED, -1.0, -5.0, 7.0)
    same(CURVED / 2, 1.0, 2.5, -3.5)
    same(6 / CURVED, 3.0, -7.5, 10.5)


def test_a_value_and_its_slopes_can_be_taken_out() -> None:
    assert value_of(CURVED) == 2.0
    assert value_of(7) == 7.0
    assert isinstance(value_of(7), float)
    assert slopes_of(CURVED, 2) is CURVED.slopes
    for effects in (0, 1, 3):
        assert slopes_of(1.5, effects).tolist() == [0.0] * effects


def test_two_numbers_are_never_equal_by_accident() -> None:
    """Equality over arrays would be ambiguous, so there is none but identity."""
    assert Dual(1.0, np.zeros(2)) != Dual(1.0, np.zeros(2))
    kept = Dual(1.0, np.zeros(2))
    assert kept == kept


def test_arithmetic_leaves_its_operands_alone() -> None:
    first, second = Dual(3.0, np.array([1.0, 2.0])), Dual(4.0, np.array([5.0, 6.0]))

    for apply in (operator.add, operator.sub, operator.mul, operator.truediv):
        apply(first, second)

    same(first, 3.0, 1.0, 2.0)
    same(second, 4.0, 5.0, 6.0)


@given(a=duals, b=duals)
def test_subtraction_undoes_addition_and_division_undoes_multiplication(a, b) -> None:
    same((a + b) - b, a.value, *a.slopes)
    same((a * b) / b, a.value, *a.slopes)
    same(operator.neg(operator.neg(a)), a.value, *a.slopes)


@given(a=duals, b=duals, c=duals)
def test_products_distribute_over_sums(a, b, c) -> None:
    left, right = a * (b + c), a * b + a * c

    same(left, right.value, *right.slopes)


@given(a=duals, plain=numbers)
def test_a_plain_number_is_a_number_with_slopes_of_nothing(a, plain) -> None:
    dressed = Dual(plain, np.zeros(2))

    for apply in (operator.add, operator.sub, operator.mul, operator.truediv):
        for one, other in (
            (apply(a, plain), apply(a, dressed)),
            (apply(plain, a), apply(dressed, a)),
        ):
            same(one, other.value, *other.slopes)


@given(a=duals)
def test_a_number_over_itself_is_one_and_does_not_move(a) -> None:
    same(a / a, 1.0, 0.0, 0.0)
    same(a - a, 0.0, 0.0, 0.0)
    same(a * (1.0 / a), 1.0, 0.0, 0.0)


@given(a=duals, times=st.integers(1, 6))
def test_the_power_rule_follows_from_the_product_rule(a, times) -> None:
    """d(x^n) = n x^(n-1) dx, which nobody wrote down in the code."""
    power = a
    for _ in range(times - 1):
        power = power * a

    slope = times * a.value ** (times - 1)
    np.testing.assert_allclose(power.value, a.value**times, rtol=1e-9)
    np.testing.assert_allclose(power.slopes, slope * a.slopes, rtol=1e-9, atol=1e-9)


@given(a=duals, scale=numbers)
def test_slopes_scale_with_the_unit_of_the_effect(a, scale) -> None:
    """Per hour instead of per minute: every slope of every formula changes by the same factor."""
    scaled = Dual(a.value, a.slopes * scale)

    for formula in (lambda x: x * x + 1.0, lambda x: 1.0 / x, lambda x: (x - 2.0) * 3.0 / (x * x)):
        np.testing.assert_allclose(
            formula(scaled).slopes, formula(a).slopes * scale, rtol=1e-9, atol=1e-9
        )
