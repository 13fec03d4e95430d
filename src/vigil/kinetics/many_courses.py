"""Courses of many people on a grid of times, as machine code: the steps of `pieces`, one person after another.

In: each person's flow, modes' groups and events; times, rising. Out: an array that the caller made, filled in place.

From an event on, a table of the positive series moves a block of grid points at a time, until the modes are measured to be
as good; from there a table of powers of each mode's decay does, and modes that have died away are dropped. Both inner loops
are sums of a few products over a block that fits the nearest cache, so that writing the answer takes longer than computing it.
"""

# mypy: allow-untyped-defs, allow-untyped-calls
# Numba knows the types of what it is given; a reader finds the shapes in `fill_courses` and `find_modes`.

import math

import numpy as np

from vigil.kinetics.compiled import compiled, stream
from vigil.kinetics.many_modes import find_modes
from vigil.kinetics.many_powers import fill_powers, move, raise_matrix, step_by
from vigil.kinetics.pieces import CANCEL_MAX, LEFT_OUT_MAX, SPAN

DOUBLINGS = 6
SERIES_BLOCK = 2**DOUBLINGS
"""Grid points moved by one table of the series; a longer table costs more than it saves."""
LANES = 8
"""Doubles in the widest vector register there is; rows are padded to whole registers."""
DECAY_BLOCK = 512
"""Grid points in one table of decays: eight modes of 512 doubles fill the 32 KiB of the nearest cache."""
LONG_BLOCK = 1024
"""The same where at most four modes are left."""
_FEW = 4
DEAD = 1e-18
"""A mode below this share of its course's peak cannot change the tenth digit of a value above 1e-6 of the peak."""
_TINY = 1e-290
"""Below this a value is written as 0: numbers without a full mantissa are a hundred times slower and mean nothing."""


@compiled
def _series_table(outputs, one, table, work):
    """table[o, s, j] = (outputs @ one^j)[o, s]."""
    size = len(one)
    row, following = work[0], work[1]
    for o in range(len(outputs)):
        row[:] = 0.0
        for s in range(size):
            row[s] = outputs[o, s]
        for j in range(SERIES_BLOCK):
            following[:] = 0.0
            for s in range(size):
                table[o, s, j] = row[s]
                if row[s] != 0.0:
                    share = row[s]
                    for k in range(one.shape[1]):
                        following[k] += share * one[s, k]
            for k in range(one.shape[1]):
                row[k] = following[k]


@compiled
def _felt(reach, felt, ways):
    """felt[o, :ways[o]] = the states whose drug can ever be seen in output o."""
    for o in range(len(reach)):
        ways[o] = 0
        for s in range(reach.shape[1]):
            if reach[o, s] > 0.0:
                felt[o, ways[o]] = s
                ways[o] += 1


@compiled
def _decay_table(rates, count, step, block, table):
    """table[r, j] = exp(rates[r] * j * step), each power a product of at most nine exact ones."""
    for r in range(count):
        row = table[r]
        row[0] = 1.0
        filled = 1
        while filled < block:
            ahead = math.exp(rates[r] * step * filled)
            for j in range(min(filled, block - filled)):
                row[filled + j] = row[j] * ahead
            filled *= 2


@compiled
def _combine(weights, chosen, count, table, n, out):
    """out[:n] = sum over the chosen rows of weight * table row, four rows at a time."""
    done = 0
    while done < count or done == 0:
        left = count - done
        if left == 0:
            for j in range(n):
                out[j] = 0.0
            return
        a = weights[chosen[done]]
        t0 = table[chosen[done]]
        if left == 1:
            if done == 0:
                for j in range(n):
                    out[j] = a * t0[j]
            else:
                for j in range(n):
                    out[j] += a * t0[j]
            return
        b = weights[chosen[done + 1]]
        t1 = table[chosen[done + 1]]
        if left == 2:
            if done == 0:
                for j in range(n):
                    out[j] = a * t0[j] + b * t1[j]
            else:
                for j in range(n):
                    out[j] += a * t0[j] + b * t1[j]
            return
        c = weights[chosen[done + 2]]
        t2 = table[chosen[done + 2]]
        if left == 3:
            if done == 0:
                for j in range(n):
                    out[j] = a * t0[j] + b * t1[j] + c * t2[j]
            else:
                for j in range(n):
                    out[j] += a * t0[j] + b * t1[j] + c * t2[j]
            return
        d = weights[chosen[done + 3]]
        t3 = table[chosen[done + 3]]
        if done == 0:
            for j in range(n):
                out[j] = a * t0[j] + b * t1[j] + (c * t2[j] + d * t3[j])
        else:
            for j in range(n):
                out[j] += a * t0[j] + b * t1[j] + (c * t2[j] + d * t3[j])
        done += 4
        if done >= count:
            return


@compiled
def trust(x, outputs, reach, seen, vectors, duals, count, floors, strengths, left):
    """Whether from these amounts on the modes are as good as the series; fills their strengths.

    `seen`: shape (M, R), outputs of each mode. `floors`: shape (M,), concentrations below which nobody looks. `left`: shape
    (S,), overwritten.
    """
    size = len(x)
    for s in range(size):
        left[s] = x[s]
    for r in range(count):
        strength = 0.0
        for s in range(size):
            strength += duals[r, s] * x[s]
        strengths[r] = strength
        for s in range(size):
            left[s] -= vectors[r, s] * strength
    for o in range(len(outputs)):
        value, terms = 0.0, 0.0
        for s in range(size):
            value += outputs[o, s] * x[s]
        value = max(value, floors[o])
        for r in range(count):
            terms += abs(seen[o, r] * strengths[r])
        if terms > CANCEL_MAX * value:
            return False
        allowed = LEFT_OUT_MAX * value
        for s in range(size):
            if reach[o, s] > 0.0 and left[s] != 0.0:
                allowed -= abs(left[s]) * reach[o, s]
        if allowed < 0.0:
            return False
    return True


@compiled
def even_step(times, ulps):
    """Minutes between neighbours of an even list; 0 when it is uneven but rises; -1 when it falls or is not finite.

    What `pieces.step_of` finds, in one pass that makes no array.
    """
    count = len(times)
    for g in range(count):
        if not math.isfinite(times[g]) or (g > 0 and times[g] < times[g - 1]):
            return -1.0
    if count < 2 or times[0] == times[-1]:
        return 0.0
    step = (times[-1] - times[0]) / (count - 1)
    largest = max(abs(times[0]), abs(times[-1]))
    rounding = ulps * (np.nextafter(largest, np.inf) - largest)
    for g in range(count):
        if abs(times[g] - (times[0] + step * g)) > rounding:
            return 0.0
    return step


@compiled
def _first_at_or_after(times, minute):
    low, high = 0, len(times)
    while low < high:
        middle = (low + high) // 2
        if times[middle] < minute:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def enter(x, boluses, inputs, size):
    """Add what enters at one event, and set the inputs that run from it on."""
    for s in range(size):
        x[s] += boluses[s]
    for i in range(len(inputs)):
        x[size + i] = inputs[i]


@compiled
def fill_courses(
    rates,
    outputs,
    reach,
    states,
    starts,
    rows,
    columns,
    minutes,
    boluses,
    inputs,
    times,
    step,
    out,
    past,
):
    """out[p, o, g] = concentration of output o of person p at times[g].

    Args:
        rates: shape (P, S, S). outputs: shape (P, M, S). reach: shape (P, M, S).
        states: shape (S,) and starts: shape (G + 1,), as `find_modes` takes them.
        rows, columns: shape (E,), places of `rates` that anybody fills, the diagonal among them.
        minutes: shape (P, K), rising for each person; an infinite one is no event.
        boluses: shape (P, K, N), ug. inputs: shape (P, K, S - N), ug/min from this event on.
        times: shape (T,), rising. step: minutes between two of them, 0 when they are not evenly spaced.
        out: shape (P, M, T), C order.
        past: whether to write past the caches, for an answer far larger than they are.
    """
    people, size, outs = rates.shape[0], rates.shape[1], outputs.shape[1]
    held, events = boluses.shape[2], minutes.shape[1]
    wide = (size + LANES - 1) // LANES * LANES
    found, vectors, duals = np.empty(size), np.empty((size, size)), np.empty((size, size))
    work = np.empty((7, max(2 * size, 4), size))
    raised, square, small = np.empty(len(rows)), np.empty((size, wide)), np.empty((2, wide))
    powers = np.empty((DOUBLINGS + 1, size, wide))
    table = np.empty((outs, size, SERIES_BLOCK))
    decays = np.empty((size, LONG_BLOCK))
    seen, strengths = np.empty((outs, size)), np.empty(size)
    felt, ways = np.empty((outs, size), np.int64), np.empty(outs, np.int64)
    peak, x = np.empty(outs), np.empty(size)
    floors = np.zeros(outs)
    for p in range(people):
        count = find_modes(rates[p], states, starts, found, vectors, duals, work)
        see(outputs[p], vectors, count, seen)
        loss = raise_matrix(rates[p], rows, columns, raised)
        # Without an even grid the same powers help to pass long gaps.
        unit, block = step if step > 0 else SPAN / loss, 1
        fill_powers(raised, rows, columns, loss, unit, powers, square)
        if step > 0:
            _series_table(outputs[p], powers[0], table, small)
            _felt(reach[p], felt, ways)
            block = LONG_BLOCK if count <= _FEW + 1 else DECAY_BLOCK
            _decay_table(found, count, step, min(block, len(times)), decays[:, :block])
        x[:] = 0.0
        peak[:] = 0.0
        g = _first_at_or_after(times, minutes[p, 0])
        out[p, :, :g] = 0.0
        for k in range(events):
            if g >= len(times) or not minutes[p, k] < math.inf:
                break
            enter(x, boluses[p, k], inputs[p, k], held)
            now = minutes[p, k]
            end = minutes[p, k + 1] if k + 1 < events else math.inf
            until = _first_at_or_after(times, end)
            while not trust(
                x, outputs[p], reach[p], seen, vectors, duals, count, floors, strengths, small[0]
            ):
                if g >= until:
                    if until < len(times):
                        _pass(raised, rows, columns, loss, powers, unit, x, end - now, small)
                    now = end
                    break
                move(raised, rows, columns, loss, x, times[g] - now, small)
                now = times[g]
                n = min(SERIES_BLOCK, until - g) if step > 0 else 1
                for o in range(outs):
                    if step > 0:
                        _combine(x, felt[o], ways[o], table[o], n, out[p, o, g : g + n])
                    else:
                        out[p, o, g] = _dot(outputs[p, o], x)
                    peak[o] = max(peak[o], out[p, o, g], out[p, o, g + n - 1])
                g += n
                # To the last point of the block when the next event comes first, else to the next point.
                steps = n if g < until else n - 1
                if step > 0:
                    step_by(powers, x, steps, small)
                    now = times[g] if g < until else times[g - 1]
            if now >= end:
                continue
            _fill_decays(
                times,
                block,
                g,
                until,
                now,
                found,
                count,
                seen,
                strengths,
                decays,
                peak,
                out[p],
                past,
            )
            g = until
            if until < len(times):
                recall(x, vectors, found, strengths, count, end - now)


@compiled
def see(outputs, vectors, count, seen):
    """seen[o, r] = outputs[o] . vectors[r]."""
    for o in range(len(outputs)):
        for r in range(count):
            seen[o, r] = _dot(outputs[o], vectors[r])


@compiled
def _dot(a, b):
    total = 0.0
    for s in range(len(a)):
        total += a[s] * b[s]
    return total


@compiled
def _pass(raised, rows, columns, loss, powers, unit, x, minutes, work):
    """Move over a stretch in which nothing is asked."""
    longest = unit * 2 ** (len(powers) - 1)
    while minutes >= longest:
        step_by(powers, x, 2 ** (len(powers) - 1), work)
        minutes -= longest
    steps = int(minutes / unit)
    step_by(powers, x, steps, work)
    move(raised, rows, columns, loss, x, max(0.0, minutes - steps * unit), work)


@compiled
def _fill_decays(
    times, block, g, until, now, found, count, seen, strengths, decays, peak, out, past
):
    """The courses from `now` on as sums of decays, at the points g to until, a block at a time."""
    weights, chosen = np.empty(len(found)), np.empty(len(found), np.int64)
    held, buffer = np.empty(len(found)), np.empty(LONG_BLOCK)
    while g < until:
        n = min(block, until - g)
        for r in range(count):
            left = strengths[r] * math.exp(found[r] * (times[g] - now))
            held[r] = left if abs(left) > _TINY else 0.0
        for o in range(len(out)):
            value, kept = 0.0, 0
            for r in range(count):
                weights[r] = held[r] * seen[o, r]
                value += weights[r]
            peak[o] = max(peak[o], value)
            for r in range(count):
                if abs(weights[r]) > DEAD * peak[o]:
                    chosen[kept] = r
                    kept += 1
            if block == 1:
                out[o, g] = value
            elif past:
                _combine(weights, chosen, kept, decays, n, buffer)
                stream(out[o, g : g + n], buffer, n)
            else:
                _combine(weights, chosen, kept, decays, n, out[o, g : g + n])
        g += n


@compiled
def recall(x, vectors, found, strengths, count, minutes):
    """x = the amounts that the modes hold `minutes` later."""
    for s in range(len(x)):
        x[s] = 0.0
    for r in range(count):
        left = strengths[r] * math.exp(found[r] * minutes)
        for s in range(len(x)):
            x[s] += vectors[r, s] * left
    for s in range(len(x)):
        x[s] = max(x[s], 0.0)
