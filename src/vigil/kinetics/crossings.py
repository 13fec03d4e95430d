"""Every moment at which a closed-form course crosses zero, none missed.

In: the coefficients of a power series or of a sum of decays, and how long it runs. Out: the times of its zeros, rising.

A series whose coefficients change sign v times has at most v zeros, and an even number fewer (Descartes; the same holds for decays
in order of rate). With v = 0 there is none, with v = 1 the two ends tell. With more, the function is differentiated after
its slowest term is divided out: that has one sign change fewer, its zeros are found first, and between two of them the
function only rises or only falls, so that each of its zeros is bracketed.
"""

from collections.abc import Callable

import numpy as np

from vigil.kinetics.facts import FloatArray

_HALVINGS_MAX = 200
"""More than a bracket of any length needs to shrink to one float."""

JUST_ABOVE_ZERO = 1e-250
"""A height that only has a sign: below any course, and far above where halving it would reach 0."""

Function = Callable[[float], float]


def sign_changes(coefficients: FloatArray) -> int:
    """How often the sign changes along the coefficients, zeros passed over."""
    signs = np.sign(coefficients)
    signs = signs[signs != 0]
    return int(np.count_nonzero(signs[1:] != signs[:-1]))


def series_zeros(coefficients: FloatArray, *, turns: float) -> list[float]:
    """Zeros in (0, turns) of the sum over k of coefficients[k] * x^k / k!."""

    def value(x: float) -> float:
        total = 0.0
        for k in range(len(coefficients) - 1, -1, -1):
            total = coefficients[k] + total * x / (k + 1)
        return total

    changes = sign_changes(coefficients)
    if changes == 0:
        return []
    # Here the slowest term is the constant: differentiating drops it, and shifts the others.
    turning = series_zeros(coefficients[1:], turns=turns) if changes > 1 else []
    # Where drug arrives only through other places the first coefficients are 0, and so is the height at 0: just after it the
    # series has the sign of the first that is not.
    first = float(np.sign(coefficients[np.flatnonzero(coefficients)[0]]))
    return _between(value, [0.0, *turning, turns], just_after=first)


def decay_zeros(coefficients: FloatArray, rates: FloatArray, *, minutes: float) -> list[float]:
    """Zeros in (0, minutes) of the sum over r of coefficients[r] * exp(rates[r] * t).

    Args:
        coefficients: shape (R,).
        rates: shape (R,), 1/min, falling.
        minutes: length of the course.
    """
    kept = np.flatnonzero(coefficients)
    changes = sign_changes(coefficients)
    if changes == 0:
        return []
    own, relative = coefficients[kept], rates[kept] - rates[kept[0]]

    def value(t: float) -> float:
        return float(own @ np.exp(relative * t))

    turning: list[float] = []
    if changes > 1:
        turning = decay_zeros(own[1:] * relative[1:], relative[1:], minutes=minutes)
    return _between(value, [0.0, *turning, minutes])


def _between(value: Function, knots: list[float], *, just_after: float = 0.0) -> list[float]:
    """The zeros of a function that only rises or only falls from each knot to the next.

    `just_after`: the sign right after the first knot, told when the height there may be 0.
    """
    heights = [float(value(knot)) for knot in knots]
    heights[0] = heights[0] or just_after * JUST_ABOVE_ZERO
    found = []
    for k in range(len(knots) - 1):
        if (heights[k] < 0 < heights[k + 1]) or (heights[k + 1] < 0 < heights[k]):
            found.append(_bracketed(value, knots[k], heights[k], knots[k + 1], heights[k + 1]))
        elif heights[k + 1] == 0 and 0 < k + 1 < len(knots) - 1:
            found.append(knots[k + 1])
    return found


def _bracketed(value: Function, low: float, at_low: float, high: float, at_high: float) -> float:
    """The zero between two points of opposite sign: false position, halved whenever it stalls."""
    for turn in range(_HALVINGS_MAX):
        middle = (low + high) / 2
        if turn % 3 < 2 and abs(at_low) > JUST_ABOVE_ZERO:
            # A height that is only a sign, or was halved away to nothing, gives no line to follow.
            spread = at_low - at_high
            guess = low + at_low / spread * (high - low) if spread != 0 else middle
            middle = guess if low < guess < high else middle
        at_middle = float(value(middle))
        if at_middle == 0 or not low < middle < high:
            return middle
        # Signs are compared, not multiplied: the product of two small numbers is 0.
        if (at_middle < 0) != (at_low < 0):
            high, at_high = middle, at_middle
            at_low = at_low / 2 if turn % 3 == 1 else at_low
        else:
            low, at_low = middle, at_middle
            at_high = at_high / 2 if turn % 3 == 1 else at_high
        if high - low <= np.spacing(high) * 2:
            break
    return (low + high) / 2
