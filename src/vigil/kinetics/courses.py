"""The concentration in every draw at every time, from what entered and the draw's eigen-modes.

In: draws, inputs, times. Out: shape (T, D), ng/mL. Three ways that must agree, and are tested to: a compiled recurrence
from each time to the next (the one used), the sum over all inputs in NumPy (without Numba), and one matrix exponential
after another for draws whose modes cannot be trusted.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vigil.kinetics.draws import Drawn, Inputs
from vigil.kinetics.facts import FloatArray
from vigil.kinetics.slow import matrix_exponential

SAME_STEP_MINUTES = 1e-11
"""Two steps that differ by less are one step: they differ by rounding, and the decay is computed once."""

Recurrence = Callable[..., FloatArray]


def courses_of(
    drawn: Drawn, inputs: Inputs, time_minutes: FloatArray, *, row: int, chosen: slice
) -> FloatArray:
    """What the chosen inputs alone bring about; courses of several inputs add.

    Args:
        drawn: D draws.
        inputs: what enters.
        time_minutes: shape (T,), rising.
        row: `draws.SITE` or `draws.EFFECT_SITE`.
        chosen: which inputs.

    Returns:
        Shape (T, D), ng/mL. At the very minute of a bolus the value is the one after it.
    """
    begin, lasting = inputs.begin[chosen], inputs.lasting[chosen]
    strength, state = inputs.strength[chosen], inputs.state[chosen]
    if not state:
        return np.zeros((len(time_minutes), len(drawn.half_life_minutes)))
    places = sorted(set(state))
    weight = np.ascontiguousarray(
        (drawn.left[:, row, :, None] * drawn.right[:, :, places]).transpose(2, 0, 1)
    )
    run = recurrence() or by_superposition
    found = run(
        drawn.poles,
        weight,
        np.array([places.index(s) for s in state]),
        np.ascontiguousarray(begin),
        np.ascontiguousarray(lasting),
        np.ascontiguousarray(strength),
        np.ascontiguousarray(time_minutes, dtype=np.float64),
    )
    for index in np.flatnonzero(~drawn.is_modal):
        found[:, index] = by_exponentials(
            drawn, int(index), state, begin, lasting, strength, time_minutes, row=row
        )
    return found


def by_superposition(
    poles: FloatArray,
    weight: FloatArray,
    place: NDArray[np.int64],
    begin: FloatArray,
    lasting: FloatArray,
    strength: FloatArray,
    time_minutes: FloatArray,
) -> FloatArray:
    """The recurrence's answer as a plain sum over inputs and modes.

    Args:
        poles: shape (D, I), 1/min.
        weight: shape (J, D, I), ng/mL per microgram put into each of J places.
        place: shape (K,), the place of each input.
        begin: shape (K,), minutes.
        lasting: shape (K, D), minutes, 0: all at once.
        strength: shape (K, D), micrograms, or micrograms per minute.
        time_minutes: shape (T,).

    Returns:
        Shape (T, D), ng/mL.
    """
    total = np.zeros((len(time_minutes), len(poles)))
    for k, start in enumerate(begin):
        since = np.maximum(time_minutes - start, 0.0)[:, None, None]
        over = np.maximum(since - lasting[k][None, :, None], 0.0)
        # What enters at once has decayed since; what ran is the sum of what entered between `since` and `over` ago.
        decayed = np.exp(poles * over)
        ran = decayed * _integral(poles, since - over)
        shape = np.where(lasting[k][None, :, None] > 0, ran, decayed)
        began = (time_minutes >= start)[:, None]
        total += began * (shape * weight[place[k]]).sum(axis=2) * strength[k]
    return total


def _integral(poles: FloatArray, minutes: FloatArray) -> FloatArray:
    """Integral of exp(pole * t) over the minutes."""
    still = poles == 0.0
    return np.asarray(
        np.where(still, minutes, np.expm1(poles * minutes) / np.where(still, 1.0, poles))
    )


def by_exponentials(
    drawn: Drawn,
    index: int,
    state: tuple[int, ...],
    begin: FloatArray,
    lasting: FloatArray,
    strength: FloatArray,
    time_minutes: FloatArray,
    *,
    row: int,
) -> FloatArray:
    """The course of one draw, shape (T,), without its modes: exact whatever the rate matrix is like."""
    size, places = len(drawn.states), sorted(set(state))
    ends = begin + lasting[:, index]
    enlarged = np.zeros((size + len(places), size + len(places)))
    enlarged[:size, :size] = drawn.rates[index]
    enlarged[places, range(size, size + len(places))] = 1.0
    moves: dict[float, FloatArray] = {}
    held = np.zeros(size + len(places))
    course = np.zeros(len(time_minutes))
    last = 0.0
    moments = sorted({*begin.tolist(), *ends.tolist(), *time_minutes.tolist()})
    wanted = {t: k for k, t in enumerate(time_minutes.tolist())}
    for k, moment in enumerate(moments):
        step = round(moment - last, 12) if k else 0.0
        if step not in moves:
            moves[step] = matrix_exponential(enlarged * step)
        held = moves[step] @ held
        for n, where in enumerate(state):
            if lasting[n, index] == 0.0:
                held[where] += strength[n, index] * (begin[n] == moment)
            else:
                change = float(begin[n] == moment) - float(ends[n] == moment)
                held[size + places.index(where)] += strength[n, index] * change
        if moment in wanted:
            course[wanted[moment]] = drawn.seen[index, row] @ held[:size]
        last = moment
    return course


@cache
def recurrence() -> Recurrence | None:
    """The compiled recurrence, compiled once and kept on disk; None without Numba.

    Same arguments and answer as `by_superposition`.
    """
    try:
        from numba import njit
    except ImportError:
        return None
    # The cast to Any: Numba's decorator has no types of its own.
    compiled: Any = njit(cache=True, error_model="numpy")(_advance)
    return compiled  # type: ignore[no-any-return]


def _advance(  # pragma: no cover - compiled
    poles: FloatArray,
    weight: FloatArray,
    place: NDArray[np.int64],
    begin: FloatArray,
    lasting: FloatArray,
    strength: FloatArray,
    time_minutes: FloatArray,
) -> FloatArray:
    """One draw after another, from event to event and time to time."""
    times, inputs = len(time_minutes), len(begin)
    draws, modes = poles.shape
    found = np.zeros((times, draws))
    held, flow, decay, gain = np.zeros(modes), np.zeros(modes), np.zeros(modes), np.zeros(modes)
    event_time, event_input = np.zeros(2 * inputs), np.zeros(2 * inputs, np.int64)
    for d in range(draws):
        held[:] = 0.0
        flow[:] = 0.0
        events = 0
        for k in range(inputs):
            # Inserted in time order; code 2k: begins, 2k + 1: ends.
            for end in range(2 if lasting[k, d] > 0.0 else 1):
                moment = begin[k] + lasting[k, d] * end
                at = events
                while at > 0 and event_time[at - 1] > moment:
                    event_time[at], event_input[at] = event_time[at - 1], event_input[at - 1]
                    at -= 1
                event_time[at], event_input[at] = moment, 2 * k + end
                events += 1
        last_step = -1.0
        now = event_time[0]
        done = 0
        for t in range(times):
            is_there = False
            while not is_there:
                is_there = done == events or event_time[done] > time_minutes[t]
                target = time_minutes[t] if is_there else event_time[done]
                step = target - now
                if step > 0.0:
                    if abs(step - last_step) > SAME_STEP_MINUTES:
                        last_step = step
                        for i in range(modes):
                            pole = poles[d, i]
                            less = np.expm1(pole * step)
                            decay[i] = less + 1.0
                            gain[i] = less / pole if pole != 0.0 else step
                    for i in range(modes):
                        held[i] = held[i] * decay[i] + flow[i] * gain[i]
                    now = target
                if not is_there:
                    k, end = event_input[done] // 2, event_input[done] % 2
                    sign = strength[k, d] * (1.0 - 2.0 * end)
                    for i in range(modes):
                        if lasting[k, d] > 0.0:
                            flow[i] += sign * weight[place[k], d, i]
                        else:
                            held[i] += sign * weight[place[k], d, i]
                    done += 1
            total = 0.0
            for i in range(modes):
                total += held[i]
            found[t, d] = total
    return found
