"""Peak, its time, area and time above a level of many people, as machine code: the steps of `exposure`, person after person.

In: each person's flow and events, until when, a level. Out: arrays that the caller made, filled in place. Zeros are found as
`crossings` finds them: differentiated until one change of sign is left, bracketed, none missed.
"""

# mypy: allow-untyped-defs, allow-untyped-calls
# Numba knows the types of what it is given; a reader finds the shapes in `fill_courses` and `find_modes`.

import math

import numpy as np

from vigil.kinetics.compiled import compiled
from vigil.kinetics.crossings import JUST_ABOVE_ZERO
from vigil.kinetics.many_courses import enter, recall, see, trust
from vigil.kinetics.many_modes import find_modes
from vigil.kinetics.many_powers import raise_matrix
from vigil.kinetics.pieces import HIGHER, SERIES_TERMS, SPAN

_TURNS_MAX = 200
"""More than a bracket of any length needs to shrink to one float."""
_FLAT = 1e-13
"""Differences of neighbouring coefficients below this share of them are rounding; a peak so flat changes by less."""


@compiled
def _changes(coefficients, count):
    """How often the sign changes along the coefficients, zeros passed over."""
    changes, last = 0, 0.0
    for k in range(count):
        if coefficients[k] != 0.0:
            if last * coefficients[k] < 0.0:
                changes += 1
            last = math.copysign(1.0, coefficients[k])
    return changes


@compiled
def _value(coefficients, rates, count, is_series, t):
    """sum of c[k] t^k / k!, or sum of c[r] exp((rates[r] - slowest) t), whose slowest term neither falls nor rises.

    Only where the slowest term that is there at all is divided out can no value vanish, and with it a sign.
    """
    total = 0.0
    if is_series:
        for k in range(count - 1, -1, -1):
            total = coefficients[k] + total * t / (k + 1)
        return total
    slowest = 0
    while slowest < count - 1 and coefficients[slowest] == 0.0:
        slowest += 1
    for r in range(slowest, count):
        if coefficients[r] != 0.0:
            total += coefficients[r] * math.exp((rates[r] - rates[slowest]) * t)
    return total


@compiled
def _bracketed(coefficients, rates, count, is_series, low, at_low, high, at_high):
    """The zero between two points of opposite sign: false position, halved whenever it stalls."""
    for turn in range(_TURNS_MAX):
        middle = (low + high) / 2
        # A height that is only a sign gives no line to follow.
        if turn % 3 < 2 and abs(at_low) > JUST_ABOVE_ZERO:
            guess = low + at_low / (at_low - at_high) * (high - low)
            if low < guess < high:
                middle = guess
        at_middle = _value(coefficients, rates, count, is_series, middle)
        if at_middle == 0.0 or not low < middle < high:
            return middle
        if (at_middle < 0.0) != (at_low < 0.0):
            high, at_high = middle, at_middle
            if turn % 3 == 1:
                at_low = at_low / 2
        else:
            low, at_low = middle, at_middle
            if turn % 3 == 1:
                at_high = at_high / 2
        if high - low <= 4e-16 * abs(high):
            break
    return (low + high) / 2


@compiled
def find_zeros(chain, relative, count, is_series, length, zeros):
    """How many zeros lie in (0, length); they fill `zeros`, rising.

    Args:
        chain: shape (D, C); the first row holds the coefficients, the others are overwritten by derivatives.
        relative: shape (C,), rates of the decays, falling; not read for a series.
        count: how many coefficients.
        is_series: whether they belong to t^k / k! and not to decays.
        length: of the piece; for a series in turns of its loss.
        zeros: shape (C + 2,), filled.
    """
    depth = 0
    while _changes(chain[depth, depth:count], count - depth) > 1:
        if is_series:
            for k in range(depth + 1, count):
                chain[depth + 1, k] = chain[depth, k]
        else:
            for k in range(depth + 1, count):
                chain[depth + 1, k] = chain[depth, k] * (relative[k] - relative[depth])
        depth += 1
    found = 0
    if _changes(chain[depth, depth:count], count - depth) == 0:
        if depth == 0:
            return 0
        depth -= 1
    while True:
        own, rates, left = chain[depth, depth:count], relative[depth:count], count - depth
        kept, low = 0, 0.0
        at_low = _value(own, rates, left, is_series, low)
        if is_series and at_low == 0.0:
            # As in `crossings`: just after 0 a series has the sign of its first coefficient that is not 0.
            for k in range(left):
                if own[k] != 0.0:
                    at_low = JUST_ABOVE_ZERO if own[k] > 0.0 else -JUST_ABOVE_ZERO
                    break
        for knot in range(found + 1):
            high = zeros[knot] if knot < found else length
            at_high = _value(own, rates, left, is_series, high)
            if (at_low < 0.0 < at_high) or (at_high < 0.0 < at_low):
                zeros[kept] = _bracketed(own, rates, left, is_series, low, at_low, high, at_high)
                kept += 1
            elif at_high == 0.0 and knot < found:
                zeros[kept] = high
                kept += 1
            low, at_low = high, at_high
        found = kept
        if depth == 0:
            return found
        depth -= 1


@compiled
def _note_peak(value, minute, o, peaks, times):
    if value > peaks[o] * HIGHER:
        times[o] = minute
    peaks[o] = max(peaks[o], value)


@compiled
def _note_above(own, rates, count, is_series, zeros, found, length):
    """How long a course is above zero, between its zeros."""
    above, low = 0.0, 0.0
    for knot in range(found + 1):
        high = zeros[knot] if knot < found else length
        if _value(own, rates, count, is_series, (low + high) / 2) > 0.0:
            above += high - low
        low = high
    return above


@compiled
def _series_piece(powers, loss, now, minutes, level, chain, zeros, o, peaks, times, areas, aboves):
    """One series piece of one course; `powers[k]` are its coefficients."""
    turns, count = loss * minutes, SERIES_TERMS + 1
    # The share of the k-th power in the area: chance that a Poisson count of this mean exceeds k.
    chances, term, tail, total = chain[1], math.exp(-turns), 0.0, 0.0
    for k in range(1, 2 * count):
        term *= turns / k
        if k > count:
            tail += term
        else:
            chances[k] = term
    for k in range(count - 1, -1, -1):
        tail += chances[k + 1]
        total += powers[k] * tail
    areas[o] += total / loss
    _note_peak(powers[0], now, o, peaks, times)
    highest = 0.0
    for k in range(count):
        highest = max(highest, powers[k])
    # A series never exceeds its highest coefficient: where that is below the peak there is nothing to look for.
    found = 0
    for k in range(count - 1 if highest > peaks[o] else 0):
        slope = powers[k + 1] - powers[k]
        chain[0, k] = slope if abs(slope) > _FLAT * powers[k + 1] else 0.0
    if highest > peaks[o]:
        found = find_zeros(chain, powers, count - 1, True, turns, zeros)
    for z in range(found + 1 if highest > peaks[o] else 0):
        at = zeros[z] if z < found else turns
        value = _value(powers, powers, count, True, at) * math.exp(-at)
        _note_peak(value, now + at / loss, o, peaks, times)
    if level > 0 and highest > level:
        for k in range(count):
            chain[0, k] = powers[k] - level
        found = find_zeros(chain, powers, count, True, turns, zeros)
        for k in range(count):
            chain[0, k] = powers[k] - level
        aboves[o] += _note_above(chain[0], powers, count, True, zeros, found, turns) / loss


@compiled
def _decay_piece(
    own, rates, count, now, minutes, level, chain, lowered, zeros, o, peaks, times, areas, aboves
):
    """One sum of decays of one course."""
    value, highest = 0.0, 0.0
    for r in range(count):
        value += own[r]
        highest += max(own[r], 0.0)
        areas[o] += own[r] * (
            math.expm1(rates[r] * minutes) / rates[r] if rates[r] < 0 else minutes
        )
        chain[0, r] = own[r] * rates[r]
    _note_peak(value, now, o, peaks, times)
    # The sum never exceeds its rising terms.
    found = find_zeros(chain, rates, count, False, minutes, zeros) if highest > peaks[o] else 0
    for z in range(found + 1 if highest > peaks[o] else 0):
        at, value = zeros[z] if z < found else minutes, 0.0
        for r in range(count):
            value += own[r] * math.exp(rates[r] * at)
        _note_peak(value, now + at, o, peaks, times)
    if level > 0 and highest > level:
        lowered[0] = 0.0
        chain[0, 0] = -level
        for r in range(count):
            lowered[r + 1] = rates[r]
            chain[0, r + 1] = own[r]
            if rates[r] == 0.0:
                chain[0, 0] += own[r]
                chain[0, r + 1] = 0.0
        found = find_zeros(chain, lowered, count + 1, False, minutes, zeros)
        aboves[o] += _note_above(chain[0], lowered, count + 1, False, zeros, found, minutes)


@compiled
def fill_exposures(
    rates, outputs, reach, states, starts, rows, columns, minutes, boluses, inputs, end_minutes, level,
    peaks, times, areas, aboves,
):  # fmt: skip
    """peaks, times, areas (ng/mL * min) and aboves (min) of person p and output o until `end_minutes`, shape (P, M) each.

    The other arguments are those of `many_courses.fill_courses`. `level`: ng/mL, 0: no time above is wanted.
    """
    people, size, outs = rates.shape[0], rates.shape[1], outputs.shape[1]
    held, events = boluses.shape[2], minutes.shape[1]
    found, vectors, duals = np.empty(size), np.empty((size, size)), np.empty((size, size))
    work, raised = np.empty((7, max(2 * size, 4), size)), np.empty(len(rows))
    seen, strengths, left = np.empty((outs, size)), np.empty(size), np.empty(size)
    powers, x = np.empty((outs, SERIES_TERMS + 1)), np.empty(size)
    deep = max(SERIES_TERMS, size) + 3
    chain, lowered, zeros = np.empty((deep, deep)), np.empty(deep), np.empty(deep)
    own, after, following = np.empty(size), np.empty(size), np.empty(size)
    floors = np.zeros(outs)
    for p in range(people):
        count = find_modes(rates[p], states, starts, found, vectors, duals, work)
        see(outputs[p], vectors, count, seen)
        loss = raise_matrix(rates[p], rows, columns, raised)
        x[:] = 0.0
        peaks[p] = 0.0
        areas[p] = 0.0
        aboves[p] = 0.0
        times[p] = min(minutes[p, 0], end_minutes)
        for k in range(events):
            if minutes[p, k] > end_minutes:
                break
            enter(x, boluses[p, k], inputs[p, k], held)
            now = minutes[p, k]
            end = min(minutes[p, k + 1], end_minutes) if k + 1 < events else end_minutes
            is_trusted = False
            while True:
                _set_floors(x, duals, seen, found, count, end - now, level, peaks[p], floors)
                is_trusted = trust(
                    x, outputs[p], reach[p], seen, vectors, duals, count, floors, strengths, left
                )
                if is_trusted:
                    break
                span = min(SPAN / loss, end - now)
                _spread(raised, rows, columns, outputs[p], x, loss * span, powers, after, following)
                for o in range(outs):
                    _series_piece(
                        powers[o], loss, now, span, level, chain, zeros, o,
                        peaks[p], times[p], areas[p], aboves[p],
                    )  # fmt: skip
                if span == end - now:
                    break
                now += span
            if not is_trusted:
                continue
            for o in range(outs):
                for r in range(count):
                    own[r] = seen[o, r] * strengths[r]
                _decay_piece(
                    own, found, count, now, end - now, level, chain, lowered, zeros, o,
                    peaks[p], times[p], areas[p], aboves[p],
                )  # fmt: skip
            recall(x, vectors, found, strengths, count, end - now)


@compiled
def _set_floors(x, duals, seen, found, count, minutes, level, peaks, floors):
    """Concentrations that set the scale of an error here: a peak already seen, or one to come before the next event.

    What is far below them changes neither peak nor area in the digits that are promised; a level asked for may.
    """
    for o in range(len(floors)):
        floors[o] = peaks[o]
        if count == len(x):
            ahead = 0.0
            for r in range(count):
                strength = 0.0
                for s in range(len(x)):
                    strength += duals[r, s] * x[s]
                ahead += seen[o, r] * strength * math.exp(found[r] * minutes)
            floors[o] = max(floors[o], ahead)
        if level > 0:
            floors[o] = min(floors[o], level)


@compiled
def _spread(raised, rows, columns, outputs, x, turns, powers, after, following):
    """Coefficients of the series that starts at x, and x moved to its end."""
    share = math.exp(-turns)
    for s in range(len(x)):
        after[s] = x[s]
        x[s] *= share
    for k in range(SERIES_TERMS + 1):
        for o in range(len(outputs)):
            total = 0.0
            for s in range(len(x)):
                total += outputs[o, s] * after[s]
            powers[o, k] = total
        for s in range(len(x)):
            following[s] = 0.0
        for e in range(len(rows)):
            following[rows[e]] += raised[e] * after[columns[e]]
        share *= turns / (k + 1)
        for s in range(len(x)):
            after[s] = following[s]
            x[s] += share * after[s]
