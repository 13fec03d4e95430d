"""The proven modes of one of many people, as machine code: the steps of `modes`, in arrays given by the caller.

In: a rate matrix and the groups of states in the order drug flows through them. Out: rates, vectors and duals of the modes
that reproduce the matrix, slowest first, and how many there are.
"""

# mypy: allow-untyped-defs, allow-untyped-calls
# Numba knows the types of what it is given; a reader finds the shapes in `fill_courses` and `find_modes`.

import math

from vigil.kinetics.compiled import compiled
from vigil.kinetics.modes import BALANCE, GAP_MIN, RESIDUAL_MAX

_SWEEPS = 12
"""Jacobi sweeps at most; a group of six states needs four to six."""
_OFF_MAX = 1e-17
"""An entry off the diagonal this small beside the diagonal turns nothing any more."""


@compiled
def _symmetric_modes(a, size, vectors):
    """Turn `a` (symmetric) into its eigenvalues on the diagonal, `vectors[:, k]` the k-th, by Jacobi's rotations."""
    for i in range(size):
        for j in range(size):
            vectors[i, j] = 1.0 if i == j else 0.0
    for _ in range(_SWEEPS):
        off = 0.0
        for i in range(size):
            for j in range(i):
                if a[i, j] != 0.0:
                    share = abs(a[i, j]) / math.sqrt(abs(a[i, i] * a[j, j]))
                    off = max(off, share)
        if off < _OFF_MAX:
            return
        for p in range(size - 1):
            for q in range(p + 1, size):
                if a[p, q] == 0.0:
                    continue
                theta = (a[q, q] - a[p, p]) / (2.0 * a[p, q])
                t = 1.0 / (abs(theta) + math.sqrt(theta * theta + 1.0))
                if theta < 0:
                    t = -t
                c = 1.0 / math.sqrt(t * t + 1.0)
                s = t * c
                turned = t * a[p, q]
                a[p, p] -= turned
                a[q, q] += turned
                a[p, q] = 0.0
                a[q, p] = 0.0
                for k in range(size):
                    if k not in (p, q):
                        kp, kq = a[k, p], a[k, q]
                        a[k, p] = c * kp - s * kq
                        a[p, k] = a[k, p]
                        a[k, q] = s * kp + c * kq
                        a[q, k] = a[k, q]
                    vp, vq = vectors[k, p], vectors[k, q]
                    vectors[k, p] = c * vp - s * vq
                    vectors[k, q] = s * vp + c * vq


@compiled
def _group_modes(rates, states, first, size, own, right, left, values, scale):
    """Modes of the group states[first : first + size]; whether its flows balance in detail.

    `right[state, mode]`, `left[mode, state]` and `values[mode]` are filled for the modes first to first + size.
    """
    for i in range(size):
        scale[i] = 0.0
    scale[0] = 1.0
    for _ in range(size):
        for i in range(size):
            for j in range(size):
                there = rates[states[first + j], states[first + i]]
                back = rates[states[first + i], states[first + j]]
                if scale[i] > 0 and scale[j] == 0 and there > 0 and back > 0:
                    scale[j] = scale[i] * math.sqrt(back / there)
    for i in range(size):
        if scale[i] == 0:
            return False
        for j in range(size):
            own[i, j] = scale[i] * rates[states[first + i], states[first + j]] / scale[j]
    for i in range(size):
        for j in range(i):
            if abs(own[i, j] - own[j, i]) > BALANCE * abs(own[i, j]):
                return False
            own[i, j] = own[j, i] = 0.5 * (own[i, j] + own[j, i])
    vectors = own[size : 2 * size]
    _symmetric_modes(own, size, vectors)
    for k in range(size):
        values[first + k] = own[k, k]
        for s in range(size):
            right[states[first + s], first + k] = vectors[s, k] / scale[s]
            left[first + k, states[first + s]] = vectors[s, k] * scale[s]
    return True


@compiled
def _push(vector, force, along, across, values, states, starts, group, rate):
    """Carry a vector into one group: vector += sum over its modes of along * (across . force) / gap.

    Returns whether every gap is wide enough.
    """
    for mode in range(starts[group], starts[group + 1]):
        pushed = 0.0
        for place in range(starts[group], starts[group + 1]):
            pushed += across[mode, states[place]] * force[states[place]]
        if pushed == 0.0:
            continue
        gap = rate - values[mode]
        if abs(gap) <= GAP_MIN * abs(values[mode]):
            return False
        for place in range(starts[group], starts[group + 1]):
            vector[states[place]] += along[mode, states[place]] * pushed / gap
    return True


@compiled
def _holds(rates, rate, vector, dual):
    """Whether both vectors belong to the rate; the dual is scaled to give 1 on the vector."""
    size = len(rates)
    fastest = 0.0
    for i in range(size):
        fastest = max(fastest, -rates[i, i])
    product, absolute = 0.0, 0.0
    for i in range(size):
        made, terms, dual_made, dual_terms = 0.0, 0.0, 0.0, 0.0
        for j in range(size):
            made += rates[i, j] * vector[j]
            terms += abs(rates[i, j] * vector[j])
            dual_made += rates[j, i] * dual[j]
            dual_terms += abs(rates[j, i] * dual[j])
        own, dual_own = rate * vector[i], rate * dual[i]
        limit = RESIDUAL_MAX * max(terms + abs(own), fastest * abs(vector[i]))
        dual_limit = RESIDUAL_MAX * max(dual_terms + abs(dual_own), fastest * abs(dual[i]))
        if abs(made - own) > limit or abs(dual_made - dual_own) > dual_limit:
            return False
        product += dual[i] * vector[i]
        absolute += abs(dual[i] * vector[i])
    return abs(product - 1.0) <= RESIDUAL_MAX * absolute


@compiled
def find_modes(rates, states, starts, found_rates, vectors, duals, work):
    """How many modes are proven; they fill the first rows of the arrays, slowest first.

    Args:
        rates: shape (S, S).
        states: shape (S,), the states group by group, in the order drug flows.
        starts: shape (G + 1,), where in `states` each group starts.
        found_rates: shape (S,), filled.
        vectors: shape (S, S), filled: a row for each mode.
        duals: shape (S, S), filled: a row for each mode.
        work: shape (7, max(2 * S, 4), S), overwritten.
    """
    size, groups = len(rates), len(starts) - 1
    work[:] = 0.0
    own, right, left, along = work[0], work[1], work[2], work[3]
    values, scale, force, balanced = work[4, 0], work[4, 1], work[4, 2], work[4, 3]
    for group in range(groups):
        first = starts[group]
        fine = _group_modes(
            rates, states, first, starts[group + 1] - first, own, right, left, values, scale
        )
        balanced[group] = 1.0 if fine else 0.0
    for i in range(size):
        for j in range(size):
            along[j, i] = right[i, j]
    count = 0
    for group in range(groups):
        for mode in range(starts[group], starts[group + 1]):
            vector, dual = work[5, 0], work[5, 1]
            vector[:] = along[mode]
            dual[:] = left[mode]
            fine = balanced[group] > 0
            rate = values[mode]
            for other in range(group + 1, groups):
                if not fine:
                    break
                touched = _force(rates, vector, force, states, starts, other, False)
                if touched:
                    fine = balanced[other] > 0 and _push(
                        vector, force, along, left, values, states, starts, other, rate
                    )
            for other in range(group - 1, -1, -1):
                if not fine:
                    break
                touched = _force(rates, dual, force, states, starts, other, True)
                if touched:
                    fine = balanced[other] > 0 and _push(
                        dual, force, left, along, values, states, starts, other, rate
                    )
            if fine and _holds(rates, rate, vector, dual):
                _insert(found_rates, vectors, duals, count, rate, vector, dual)
                count += 1
    return count


@compiled
def _force(rates, vector, force, states, starts, group, is_dual):
    """What the vector's other parts push into the states of a group; whether anything at all."""
    touched = False
    for place in range(starts[group], starts[group + 1]):
        state = states[place]
        total = 0.0
        for j in range(len(vector)):
            total += vector[j] * (rates[j, state] if is_dual else rates[state, j])
        force[state] = total
        touched = touched or total != 0.0
    return touched


@compiled
def _insert(found_rates, vectors, duals, count, rate, vector, dual):
    """Put a mode in its place among those found, slowest first."""
    place = count
    while place > 0 and found_rates[place - 1] < rate:
        found_rates[place] = found_rates[place - 1]
        vectors[place] = vectors[place - 1]
        duals[place] = duals[place - 1]
        place -= 1
    found_rates[place] = rate
    vectors[place] = vector
    duals[place] = dual
