"""A number together with its slopes: arithmetic that differentiates itself, exactly.

In: numbers whose slopes are known. Out: their sums, products and quotients with slopes, by the rules of calculus. With it the
formulas of `system` give their own derivatives, and no second set of formulas can drift away from the first.
"""

from dataclasses import dataclass

import numpy as np

from vigil.kinetics.facts import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Dual:
    """`value` and `slopes`, shape (P,): its derivative with respect to each of P effects."""

    value: float
    slopes: FloatArray

    def __add__(self, other: "Dual | float") -> "Dual":
        if isinstance(other, Dual):
            return Dual(self.value + other.value, self.slopes + other.slopes)
        return Dual(self.value + other, self.slopes)

    __radd__ = __add__

    def __neg__(self) -> "Dual":
        return Dual(-self.value, -self.slopes)

    def __sub__(self, other: "Dual | float") -> "Dual":
        return self + -other

    def __rsub__(self, other: float) -> "Dual":
        return -self + other

    def __mul__(self, other: "Dual | float") -> "Dual":
        if isinstance(other, Dual):
            return Dual(
                self.value * other.value, self.slopes * other.value + other.slopes * self.value
            )
        return Dual(self.value * other, self.slopes * other)

    __rmul__ = __mul__

    def __truediv__(self, other: "Dual | float") -> "Dual":
        if isinstance(other, Dual):
            value = self.value / other.value
            return Dual(value, (self.slopes - other.slopes * value) / other.value)
        return Dual(self.value / other, self.slopes / other)

    def __rtruediv__(self, other: float) -> "Dual":
        value = other / self.value
        return Dual(value, self.slopes * (-value / self.value))


def value_of(number: Dual | float) -> float:
    """The value alone."""
    return number.value if isinstance(number, Dual) else float(number)


def slopes_of(number: Dual | float, effects: int) -> FloatArray:
    """The slopes, shape (P,); those of a plain number are 0."""
    return number.slopes if isinstance(number, Dual) else np.zeros(effects)
