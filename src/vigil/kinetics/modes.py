"""The eigen-modes of a compartment system, kept only where they are proven.

In: a linear system. Out: `Flow` (the system with its inputs as constant states, so that nothing enters from outside between
two events) and `Modes` (decay rates with right and left vectors).

Drug flows down a line of groups: depot, then the central group, then the metabolite's. Inside a group it may flow back. A
group whose flows balance in detail can be written as a symmetric matrix, whose modes are real and exact. The vectors are
carried to the other groups by substitution. Two groups with the same rate (a chain of equal transit compartments) have no
pair of independent vectors; a group with a one-way ring may have complex rates. Such modes are left out, as is every mode whose
vectors do not reproduce the matrix. What is left out is not lost: the engine moves it by the matrix exponential until it
has measurably died away (`pieces`).
"""

from dataclasses import dataclass

import numpy as np

from vigil.kinetics.facts import FloatArray, LinearSystem
from vigil.kinetics.system import EFFECT

BALANCE = 1e-12
"""Largest relative difference between the two ways round a group that still counts as balanced: rounding only."""
GAP_MIN = 1e-7
"""Closest two rates may be, relative, for one vector to be carried past the other: half of the 16 digits are left."""
RESIDUAL_MAX = 1e-11
"""Largest share of its own terms by which A v may differ from rate * v; above it the mode is left out."""
_CREATED_MAX = 1e-9
"""Share of what leaves a compartment that may arrive in excess of it: rounding of the sums only."""


class NotACompartmentSystem(ValueError):
    """The matrix moves drug from a compartment that does not hold it."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        super().__init__(
            f"The rate matrix holds {rate:g} 1/min; expected finite numbers, 0 or more between compartments and 0 or "
            "less on the diagonal. Check the sign of the transfers."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A system that is its own input: x' = rates @ x, and every entry off the diagonal is 0 or more.

    The first N of the S states are those of the system, ug. Each further one is a constant input to the state that
    `inputs` names, ug/min. `reach`: shape (M, S), the highest concentration, ng/mL, that one unit in a state can ever
    cause, infinite when no bound is known.
    """

    rates: FloatArray
    outputs: FloatArray
    inputs: tuple[int, ...]
    reach: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Modes:
    """The proven modes: x(t) = vectors @ (exp(rates * t) * (duals @ x(0))) + what the left-out modes hold.

    `rates`: shape (R,), 1/min, 0 or less. `vectors`: shape (S, R). `duals`: shape (R, S).
    """

    rates: FloatArray
    vectors: FloatArray
    duals: FloatArray


def flow_of(system: LinearSystem, inputs: tuple[int, ...]) -> Flow:
    """The system with one constant state for each of `inputs`.

    Raises:
        NotACompartmentSystem: an entry off the diagonal is negative, or any entry is not finite.
    """
    size = len(system.states)
    rates = np.zeros((size + len(inputs), size + len(inputs)))
    rates[:size, :size] = system.rates
    rates[inputs, range(size, size + len(inputs))] = 1.0
    check_rates(rates)
    outputs = np.zeros((len(system.analytes), len(rates)))
    outputs[:, :size] = system.outputs
    reach = reach_of(system.states, rates[None], outputs[None])[0]
    return Flow(rates=rates, outputs=outputs, inputs=inputs, reach=reach)


def check_rates(rates: FloatArray) -> None:
    """Return when every matrix, shape (..., S, S), moves drug only from where it is.

    Raises:
        NotACompartmentSystem: an entry off the diagonal is negative, one on it is positive, or any is not finite.
    """
    own = np.eye(rates.shape[-1], dtype=bool)
    signed = np.where(own, -rates, rates)
    wrong = ~(np.isfinite(signed) & (signed >= 0))
    if np.any(wrong):
        raise NotACompartmentSystem(float(rates[wrong][0]))


def reach_of(states: tuple[str, ...], rates: FloatArray, outputs: FloatArray) -> FloatArray:
    """The highest concentration that one unit in a state can ever cause, of each of P people; shape (P, M, S).

    What holds drug can at most pass all of it to the measured compartment. An effect site takes nothing and follows,
    so it never exceeds what it follows. For an input, and for matrices that create drug, there is no bound.
    """
    size = len(states)
    holds = np.zeros(rates.shape[-1], dtype=bool)
    holds[:size] = [name != EFFECT for name in states]
    lost = -np.diagonal(rates, axis1=1, axis2=2)
    passed = (rates * holds[None, :, None]).sum(axis=1)
    creates = ((passed > _CREATED_MAX * lost) & holds).any(axis=1)
    arrives = _arrives((rates != 0).any(axis=0).astype(np.float64))
    reach = np.full(outputs.shape, np.inf)
    for row in range(outputs.shape[1]):
        own = outputs[:, row]
        seen = np.where(holds, own, 0.0)
        for state in range(size):
            if not holds[state]:
                lasting = lost[:, state, None] + (lost[:, state, None] == 0)
                gain = rates[:, state] / lasting * own[:, state, None]
                seen = np.maximum(seen, np.where(holds, gain, 0.0))
        touched = arrives[(seen > 0).any(axis=0)].any(axis=0) & holds
        most = np.where(touched, seen.max(axis=1, keepdims=True), np.where(holds, 0.0, own))
        reach[:, row, :size] = np.where(creates[:, None], np.inf, most)[:, :size]
    return reach


def _arrives(rates: FloatArray) -> np.ndarray:
    """Whether anything in the second state ever arrives in the first; shape (S, S), true on the diagonal."""
    arrives = (rates != 0) | np.eye(len(rates), dtype=bool)
    for _ in range(len(rates).bit_length()):
        arrives = arrives @ arrives
    return np.asarray(arrives)


def groups_of(rates: FloatArray) -> list[list[int]]:
    """The groups of states among which drug flows back and forth, in the order it flows through them."""
    arrives = _arrives(rates)
    both = arrives & arrives.T
    firsts = sorted({int(np.argmax(row)) for row in both}, key=lambda s: int(arrives[s].sum()))
    return [[int(s) for s in np.flatnonzero(both[first])] for first in firsts]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """One group with its own modes; `rates` None: it has none that can be trusted."""

    states: list[int]
    rates: FloatArray | None
    right: FloatArray
    left: FloatArray


def modes_of(flow: Flow) -> Modes:
    """The modes that reproduce the matrix."""
    groups = [_group(flow.rates, states) for states in groups_of(flow.rates)]
    found: list[tuple[float, FloatArray, FloatArray]] = []
    for index, group in enumerate(groups):
        if group.rates is None:
            continue
        for k, rate in enumerate(group.rates):
            vector = _carry(flow.rates, groups[index + 1 :], group.states, group.right[:, k], rate)
            before = [_flipped(g) for g in reversed(groups[:index])]
            dual = _carry(flow.rates.T, before, group.states, group.left[k], rate)
            if vector is not None and dual is not None and _holds(flow.rates, rate, vector, dual):
                found.append((float(rate), vector, dual))
    found.sort(key=lambda mode: -mode[0])
    size = len(flow.rates)
    return Modes(
        rates=np.array([rate for rate, _, _ in found]),
        vectors=np.array([v for _, v, _ in found]).reshape(-1, size).T,
        duals=np.array([w for _, _, w in found]).reshape(-1, size),
    )


def _group(rates: FloatArray, states: list[int]) -> _Group:
    own = rates[np.ix_(states, states)]
    if len(states) == 1:
        one = np.ones((1, 1))
        return _Group(states=states, rates=own[0], right=one, left=one)
    scale = _balance(own)
    if scale is None:
        return _Group(states=states, rates=None, right=own, left=own)
    symmetric = scale[:, None] * own / scale[None, :]
    values, vectors = np.linalg.eigh((symmetric + symmetric.T) / 2)
    return _Group(
        states=states,
        rates=values,
        right=vectors / scale[:, None],
        left=vectors.T * scale[None, :],
    )


def _flipped(group: _Group) -> _Group:
    """The group as the transposed matrix sees it."""
    return _Group(states=group.states, rates=group.rates, right=group.left.T, left=group.right.T)


def _balance(own: FloatArray) -> FloatArray | None:
    """Scales that make the group symmetric, or None when its flows do not balance in detail."""
    scale = np.zeros(len(own))
    scale[0] = 1.0
    waiting = [0]
    while waiting:
        here = waiting.pop()
        for other in np.flatnonzero(own[:, here]):
            if scale[other] == 0 and own[here, other] > 0:
                scale[other] = scale[here] * np.sqrt(own[here, other] / own[other, here])
                waiting.append(int(other))
    if np.any(scale == 0):
        return None
    symmetric = scale[:, None] * own / scale[None, :]
    balanced = np.abs(symmetric - symmetric.T) <= BALANCE * np.abs(symmetric)
    return scale if np.all(balanced) else None


def _carry(
    rates: FloatArray, later: list[_Group], states: list[int], own: FloatArray, rate: float
) -> FloatArray | None:
    """The whole vector of a mode, from its part in its own group; None when a later group has the same rate."""
    vector = np.zeros(len(rates))
    vector[states] = own
    for group in later:
        force = rates[group.states] @ vector
        if not np.any(force):
            continue
        if group.rates is None:
            inside = rates[np.ix_(group.states, group.states)] - rate * np.eye(len(group.states))
            if np.linalg.cond(inside) > 1 / GAP_MIN:
                return None
            vector[group.states] = np.linalg.solve(inside, -force)
            continue
        gap = rate - group.rates
        pushed = group.left @ force
        if np.any((np.abs(gap) <= GAP_MIN * np.abs(group.rates)) & (pushed != 0)):
            return None
        vector[group.states] = group.right @ (pushed / np.where(gap == 0, 1.0, gap))
    return vector


def _holds(rates: FloatArray, rate: float, vector: FloatArray, dual: FloatArray) -> bool:
    """Whether both vectors belong to the rate: measured against the matrix, entry by entry."""
    scale = float(-rates.diagonal().min()) or 1.0
    for matrix, v in ((rates, vector), (rates.T, dual)):
        terms = np.abs(matrix) @ np.abs(v) + np.abs(rate * v)
        off = np.abs(matrix @ v - rate * v)
        if np.any(off > RESIDUAL_MAX * np.maximum(terms, scale * np.abs(v))):
            return False
    return abs(float(dual @ vector) - 1.0) <= RESIDUAL_MAX * float(np.abs(dual) @ np.abs(vector))
