"""The slow, obvious engine: one matrix exponential from each moment to the next.

In: a linear system, a schedule, times. Out: amounts and concentrations. It is what the fast engine is compared with; no
speed is asked of it.

Rate input is held in one extra state that is constant and feeds the others, so that a single exponential of the enlarged
matrix moves amounts and input together, whether or not the rate matrix can be inverted.

Drug only ever leaves a compartment in proportion to what it holds, so every entry off the diagonal is 0 or more. Moved up by
the largest rate of loss the matrix has no negative entry at all: exp(A t) = exp(-s t) exp((A + s) t) is then a sum and a
product of numbers that are 0 or more. Nothing cancels, and small amounts are as exact as large ones.
"""

import numpy as np

from vigil.kinetics.facts import FloatArray, LinearSystem, Schedule

_TAYLOR_TERMS = 64
"""Terms of the series: with a norm of at most 8 the first one left out is below 1e-30 of the sum."""
_NORM_MAX = 8.0
"""Largest norm given to the series. Each squaring doubles the error made before it, so squarings are kept few."""


def matrix_exponential(matrix: FloatArray) -> FloatArray:
    """exp(matrix), shape (N, N), for a matrix with no negative entry off its diagonal.

    The error of each entry is relative to that entry: about 1e-15 times the norm of the matrix.
    """
    size = matrix.shape[0]
    shift = float(np.max(-np.diag(matrix), initial=0.0))
    raised = matrix + shift * np.eye(size)
    assert np.all(raised >= 0), "drug flows the wrong way"
    norm = max(shift, float(raised.sum(axis=0).max(initial=0.0)))
    halvings = int(np.ceil(np.log2(norm / _NORM_MAX))) if norm > _NORM_MAX else 0
    small = raised / 2.0**halvings
    total = np.eye(size)
    term = np.eye(size)
    for k in range(1, _TAYLOR_TERMS + 1):
        term = term @ small / k
        total = total + term
    total = total * np.exp(-shift / 2.0**halvings)
    for _ in range(halvings):
        total = total @ total
    return np.asarray(total, dtype=np.float64)


def move(
    system: LinearSystem, amounts: FloatArray, input_rates: FloatArray, minutes: float
) -> FloatArray:
    """The amounts `minutes` later under constant input, shape (N,)."""
    size = len(system.states)
    # The input is counted in a unit that keeps its column no larger than the others, else it would set the norm.
    unit = float(np.max(input_rates, initial=0.0)) / (float(np.max(-np.diag(system.rates))) or 1.0)
    enlarged = np.zeros((size + 1, size + 1))
    enlarged[:size, :size] = system.rates * minutes
    if unit > 0:
        enlarged[:size, size] = input_rates / unit * minutes
    state = np.append(amounts, unit)
    return np.asarray((matrix_exponential(enlarged) @ state)[:size], dtype=np.float64)


def concentrations(
    system: LinearSystem, schedule: Schedule, time_minutes: FloatArray
) -> FloatArray:
    """Concentration of each analyte at each time.

    Args:
        system: of one person.
        schedule: what enters when; before its first minute nothing is there.
        time_minutes: shape (T,), in any order.

    Returns:
        Shape (M, T), ng/mL. At the very minute of a bolus the value is the one after it.
    """
    size = len(system.states)
    courses = np.zeros((len(system.analytes), len(time_minutes)))
    starts = schedule.minutes
    amounts = np.zeros(size)
    for k, start in enumerate(starts):
        amounts = amounts + schedule.boluses[k]
        end = starts[k + 1] if k + 1 < len(starts) else np.inf
        inside = np.flatnonzero((time_minutes >= start) & (time_minutes < end))
        for index in inside:
            then = move(system, amounts, schedule.rates[k], float(time_minutes[index] - start))
            courses[:, index] = system.outputs @ then
        if np.isfinite(end):
            amounts = move(system, amounts, schedule.rates[k], float(end - start))
    return courses
