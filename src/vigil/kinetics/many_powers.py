"""The positive series and its powers of one matrix, as machine code: what moves amounts over any time at all.

In: the filled places of a rate matrix, amounts. Out: the amounts later, in arrays that the caller made. No term is negative, so
that nothing cancels; slower than the modes, and never wrong where they cannot be trusted.
"""

# mypy: allow-untyped-defs, allow-untyped-calls
# Numba knows the types of what it is given; `many_courses.fill_courses` says the shapes.

import math

from vigil.kinetics.compiled import compiled
from vigil.kinetics.pieces import SPAN

_LEFT = 1e-24
"""The series stops when a term is below this share of the largest possible sum."""
_TERMS_MAX = 60
"""More than any norm up to `SPAN` needs."""
_HALF = 0.5
"""Norm up to which the matrix series is summed before squaring."""


@compiled
def raise_matrix(rates, rows, columns, raised):
    """The entries of 1 + rates / s at these places, none negative; returns s, the largest rate of loss, 1/min."""
    loss = 0.0
    for i in range(len(rates)):
        loss = max(loss, -rates[i, i])
    if loss == 0.0:
        loss = 1.0
    for e in range(len(rows)):
        own = loss if rows[e] == columns[e] else 0.0
        raised[e] = (rates[rows[e], columns[e]] + own) / loss
    return loss


@compiled
def _terms(turns, size):
    """How many powers the series needs for this norm.

    The first power that reaches a state may be as high as there are states: the rest must be small beside that one too.
    """
    terms, share = 1, turns
    while share > _LEFT and terms < _TERMS_MAX:
        terms += 1
        share *= turns / terms
    return terms + size


@compiled
def move(raised, rows, columns, loss, x, minutes, work):
    """x becomes the amounts `minutes` later: exp(-s t) * sum of (s t)^k / k! * raised^k @ x, in pieces of `SPAN`."""
    if minutes == 0.0:
        # Every term but the first is 0: x stays as it is, without summing them.
        return
    size = len(x)
    pieces = max(1, math.ceil(loss * minutes / SPAN))
    turns = loss * minutes / pieces
    terms = _terms(turns, size)
    kept = math.exp(-turns)
    start, total = work[0], work[1]
    for _ in range(pieces):
        for i in range(size):
            start[i] = x[i]
        for k in range(terms, 0, -1):
            for i in range(size):
                total[i] = 0.0
            for e in range(len(rows)):
                total[rows[e]] += raised[e] * x[columns[e]]
            for i in range(size):
                x[i] = start[i] + turns / k * total[i]
        for i in range(size):
            x[i] *= kept


@compiled
def _square(a, out):
    """out = a @ a, zeros passed over; `a` is as wide as a whole number of vector registers."""
    for i in range(len(a)):
        for k in range(a.shape[1]):
            out[i, k] = 0.0
        for j in range(len(a)):
            if a[i, j] != 0.0:
                share = a[i, j]
                for k in range(a.shape[1]):
                    out[i, k] += share * a[j, k]


@compiled
def fill_powers(raised, rows, columns, loss, minutes, powers, work):
    """powers[d] = exp(rates * minutes * 2^d), by the positive series and squaring."""
    size = powers.shape[1]
    turns, halvings = loss * minutes, 0
    while turns > _HALF:
        turns *= 0.5
        halvings += 1
    terms = _terms(turns, size)
    out = powers[0]
    out[:] = 0.0
    for i in range(size):
        out[i, i] = 1.0
    for k in range(terms, 0, -1):
        work[:] = 0.0
        for e in range(len(rows)):
            share = raised[e] * turns / k
            for j in range(out.shape[1]):
                work[rows[e], j] += share * out[columns[e], j]
        for i in range(size):
            for j in range(out.shape[1]):
                out[i, j] = work[i, j]
            out[i, i] += 1.0
    kept = math.exp(-turns)
    for i in range(size):
        for j in range(out.shape[1]):
            out[i, j] *= kept
    for _ in range(halvings):
        _square(out, work)
        out[:] = work
    for d in range(1, len(powers)):
        _square(powers[d - 1], powers[d])


@compiled
def step_by(powers, x, steps, work):
    """x becomes the amounts that many steps later, by the powers of two in `steps`."""
    size = len(x)
    total = work[0]
    for d in range(len(powers)):
        if steps >> d & 1:
            for s in range(size):
                amount = 0.0
                for j in range(size):
                    amount += powers[d, s, j] * x[j]
                total[s] = amount
            for s in range(size):
                x[s] = total[s]
