"""Exposure of many people where drug enters, is measured and leaves by one compartment of one balanced group.

In: rate matrices of such systems, events that are the same minutes for everybody. Out: peak, its time, area, time above a
level, and for whom the short way does not hold (`many_exposures` then answers).

There a unit that enters gives a sum of a[k] exp(-l[k] t) with every a[k] 0 or more: a[k] is the squared share of the
compartment in the k-th symmetric mode over its volume. So each mode is a tank of its own, u' = input - l u, and y = sum of a u.
Where y only falls it bends upward, and where it only rises under a constant input it bends downward: Newton's step from
anywhere lands before the crossing and from there on never passes it.

People stand in the innermost index, so that one instruction serves several of them.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math

import numpy as np

from vigil.kinetics.compiled import bits_of, compiled, double_of
from vigil.kinetics.pieces import HIGHER

TOGETHER = 64
"""People computed together: their numbers fit the nearest cache."""
_SWEEPS = 6
"""Jacobi sweeps: with up to four compartments the entries off the diagonal are gone after five."""
_STEPS_MAX = 40
"""Newton steps; from anywhere some ten are needed, from the last dose's crossing three."""
_CLOSE = 1e-14
_CLOSE_MINUTES = 1e-12
"""Step, relative and in minutes, after which a crossing is found: what rounding of the concentration still moves it by."""
_SMALL = 0.5
"""Below this 1 - exp(-x) is summed as a series, because the difference would lose digits."""
_LOG2_E = 1.4426950408889634
_LN2_HIGH = 0.6931471803691238
_LN2_LOW = 1.9082149292705877e-10
"""ln 2 in two parts, the first with zeros at its end: k times it is exact."""
_MAGIC = 6755399441055744.0
"""1.5 * 2^52: adding it rounds to a whole number and leaves that number in the lowest bits."""
_ONE_BITS = 1023 << 52
_LOWEST = -700.0
"""exp of less is 0 for every purpose, and below it the exponent would leave its bits."""


@compiled
def _exp(x):
    """exp(x) for x of 0 or less, within two units of the last digit, in steps that a vector register can take."""
    x = max(x, _LOWEST)
    shifted = x * _LOG2_E + _MAGIC
    k = shifted - _MAGIC
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    return p * double_of((bits_of(shifted) << 52) + _ONE_BITS)


@compiled
def _lasting(x):
    """(1 - exp(-x)) / x for x of 0 or more."""
    p = 1.0
    for k in range(15, 0, -1):
        p = 1.0 - x / (k + 1) * p
    direct = (1.0 - _exp(-x)) / max(x, _SMALL)
    return p if x < _SMALL else direct


@compiled
def _tanks(rates, outputs, place, lanes, a, share, losses):
    """losses[k, i] and share[k, i] = a[k] of person i: Jacobi's rotations, all people at once. Whether they converged."""
    size = a.shape[0]
    for i in range(lanes):
        for p in range(size):
            for q in range(size):
                a[p, q, i] = -math.sqrt(rates[i, p, q] * rates[i, q, p])
            a[p, p, i] = -rates[i, p, p]
    for k in range(size):
        for i in range(lanes):
            share[k, i] = 1.0 if k == place else 0.0
    for _ in range(_SWEEPS):
        for p in range(size - 1):
            for q in range(p + 1, size):
                _rotate(a, share, p, q, lanes)
    worst = 0.0
    for p in range(size):
        for q in range(p):
            for i in range(lanes):
                worst = max(worst, abs(a[p, q, i]) / a[p, p, i])
    for k in range(size):
        for i in range(lanes):
            losses[k, i] = a[k, k, i]
            share[k, i] = share[k, i] * share[k, i] * outputs[i, place]
    return worst < 1e-15


@compiled
def _rotate(a, share, p, q, lanes):
    """One rotation that makes a[p, q] zero, of every person."""
    size = a.shape[0]
    for i in range(lanes):
        off = a[p, q, i]
        safe = off if off != 0.0 else 1.0
        theta = (a[q, q, i] - a[p, p, i]) / (2.0 * safe)
        t = math.copysign(1.0, theta) / (abs(theta) + math.sqrt(theta * theta + 1.0))
        t = t if off != 0.0 else 0.0
        c = 1.0 / math.sqrt(t * t + 1.0)
        s = t * c
        a[p, p, i] -= t * off
        a[q, q, i] += t * off
        a[p, q, i] = 0.0
        a[q, p, i] = 0.0
        for k in range(size):
            if k not in (p, q):
                kp, kq = a[k, p, i], a[k, q, i]
                a[k, p, i] = c * kp - s * kq
                a[p, k, i] = a[k, p, i]
                a[k, q, i] = s * kp + c * kq
                a[q, k, i] = a[k, q, i]
        sp, sq = share[p, i], share[q, i]
        share[p, i] = c * sp - s * sq
        share[q, i] = s * sp + c * sq


@compiled
def _cross(u, share, losses, rate, level, lanes, within, guess, found, active):
    """Where y passes the level, of every person for whom `active` is not 0; whether every one was found."""
    size = len(losses)
    for i in range(lanes):
        found[i] = min(guess[i], within)
    for _ in range(_STEPS_MAX):
        worst = 0.0
        for i in range(lanes):
            t, value, slope = found[i], 0.0, 0.0
            for k in range(size):
                left = _exp(-losses[k, i] * t)
                steady = rate[i] / losses[k, i]
                value += share[k, i] * (steady + (u[k, i] - steady) * left)
                slope += share[k, i] * (rate[i] - losses[k, i] * u[k, i]) * left
            moved = min(max(t + (level - value) / slope, 0.0), within)
            moved = moved if active[i] != 0.0 else t
            worst = max(worst, abs(moved - t) - _CLOSE * moved - _CLOSE_MINUTES)
            found[i] = moved
        if worst <= 0.0:
            return True
    return False


@compiled
def fill_one_group(
    rates, outputs, place, minutes, boluses, inputs, end_minutes, level, peaks, times, areas, aboves, missed
):  # fmt: skip
    """peaks, times, areas (ng/mL * min), aboves (min) of each person, shape (P,); `missed` is 1 where the short way fails.

    Args:
        rates: shape (P, N, N), one balanced group. outputs: shape (P, N), of `place` alone.
        minutes: shape (K,), rising. boluses, inputs: shape (P, K), ug and ug/min into `place`.
    """
    people, size, events = rates.shape[0], rates.shape[1], len(minutes)
    a, share, losses = (
        np.empty((size, size, TOGETHER)),
        np.empty((size, TOGETHER)),
        np.empty((size, TOGETHER)),
    )
    u, after = np.empty((size, TOGETHER)), np.empty((size, TOGETHER))
    left, gained = np.empty((events, size, TOGETHER)), np.empty((events, size, TOGETHER))
    given, rate = np.empty(TOGETHER), np.empty(TOGETHER)
    before, then = np.empty(TOGETHER), np.empty(TOGETHER)
    rise, fall = np.empty(TOGETHER), np.empty(TOGETHER)
    found, active = np.empty(TOGETHER), np.empty(TOGETHER)
    spans = np.empty(events)
    for k in range(events):
        end = minutes[k + 1] if k + 1 < events else end_minutes
        spans[k] = max(0.0, min(end, end_minutes) - minutes[k])
    for first in range(0, people, TOGETHER):
        lanes = min(TOGETHER, people - first)
        part = slice(first, first + lanes)
        peak, at, area, above, miss = (
            peaks[part],
            times[part],
            areas[part],
            aboves[part],
            missed[part],
        )
        fine = _tanks(rates[part], outputs[part], place, lanes, a, share, losses)
        for i in range(lanes):
            miss[i] = 0.0 if fine else 1.0
            peak[i], above[i], given[i] = 0.0, 0.0, 0.0
            at[i] = min(minutes[0], end_minutes)
            rise[i], fall[i] = 0.0, 0.0
        u[:] = 0.0
        for e in range(events):
            span = spans[e]
            if minutes[e] > end_minutes:
                break
            same = e
            # Doses repeat: what a stretch of the same length left before, it leaves again.
            for other in range(e):
                if spans[other] == span:
                    same = other
                    break
            if same == e:
                for k in range(size):
                    for i in range(lanes):
                        left[e, k, i] = _exp(-losses[k, i] * span)
                        gained[e, k, i] = _lasting(losses[k, i] * span) * span
            for i in range(lanes):
                rate[i] = inputs[first + i, e]
                given[i] += boluses[first + i, e] + rate[i] * span
                before[i], then[i] = 0.0, 0.0
                lowest, highest = 0.0, 0.0
                for k in range(size):
                    u[k, i] += boluses[first + i, e]
                    after[k, i] = u[k, i] * left[same, k, i] + rate[i] * gained[same, k, i]
                    before[i] += share[k, i] * u[k, i]
                    then[i] += share[k, i] * after[k, i]
                    turn = share[k, i] * (rate[i] - losses[k, i] * u[k, i])
                    lowest, highest = min(lowest, turn), max(highest, turn)
                # With rates of change of both signs the course may turn inside: somebody else looks closer.
                miss[i] = 1.0 if lowest < 0.0 < highest else miss[i]
                # Of equal peaks the first counts; rounding does not make a later one higher.
                at[i] = minutes[e] if before[i] > peak[i] * HIGHER else at[i]
                peak[i] = max(peak[i], before[i])
                at[i] = minutes[e] + span if then[i] > peak[i] * HIGHER else at[i]
                peak[i] = max(peak[i], then[i])
            if level > 0.0:
                any_up, any_down = False, False
                for i in range(lanes):
                    above[i] += span if min(before[i], then[i]) > level else 0.0
                    any_up = any_up or (before[i] <= level < then[i])
                    any_down = any_down or (then[i] <= level < before[i])
                for is_rising in (True, False):
                    if not (any_up if is_rising else any_down):
                        continue
                    guess = rise if is_rising else fall
                    for i in range(lanes):
                        low, high = (before[i], then[i]) if is_rising else (then[i], before[i])
                        active[i] = 1.0 if low <= level < high and miss[i] == 0.0 else 0.0
                    fine = _cross(u, share, losses, rate, level, lanes, span, guess, found, active)
                    for i in range(lanes):
                        miss[i] = miss[i] if fine else 1.0
                        guess[i] = found[i] if active[i] != 0.0 else guess[i]
                        more = span - found[i] if is_rising else found[i]
                        above[i] += more if active[i] != 0.0 else 0.0
            for k in range(size):
                for i in range(lanes):
                    u[k, i] = after[k, i]
        for i in range(lanes):
            area[i] = 0.0
            for k in range(size):
                area[i] += share[k, i] * (given[i] - u[k, i]) / losses[k, i]
