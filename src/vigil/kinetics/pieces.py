"""A course as pieces that have a closed form: a positive series just after an event, then a sum of decays.

In: one person's system and schedule, and until when. Out: pieces in order of time; each gives its values, its area and its
rates of change anywhere inside.

Just after an event a concentration may be many orders below the modes that cancel to give it, and modes that were left out
still hold drug. There the course is exp(-s t) * sum of c[k] (s t)^k / k! with every c[k] 0 or more (the matrix exponential, with
the matrix raised until it has no negative entry): nothing cancels. The sum of decays takes over at the first piece where
it is measured to be as good: it gives the same values, its terms cancel by less than `_CANCEL_MAX`, and what it leaves out cannot
reach `_LEFT_OUT_MAX` of any value.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np

from vigil.kinetics.facts import FloatArray, LinearSystem, Schedule
from vigil.kinetics.modes import Flow, Modes, flow_of, modes_of

SERIES_TERMS = 40
"""Powers in the series. With `SPAN` 4 the first one left out is below 4^41/41! = 1e-25 of the sum."""
SPAN = 4.0
"""Length of one series piece times the largest rate of loss: longer ones need more powers, shorter ones more pieces."""
CANCEL_MAX = 1e3
"""Largest sum of absolute terms over their sum: of 16 digits 13 are left, 10 are promised."""
LEFT_OUT_MAX = 1e-13
"""Largest share of a value that may be left out for ever after."""

ULPS = 4.0
"""How far a time may lie from an even grid, in steps of its own rounding, to count as on it."""
HIGHER = 1.0 + 1e-12
"""How much higher a later peak must be to be another one: of peaks equal but for rounding the first counts."""
TABLE_TIMES = 256
"""Times in one table of powers of the decays on an even grid."""


class TimesInvalid(ValueError):
    """A time that no clock can show."""

    def __init__(self, minutes: float) -> None:
        self.minutes = minutes
        super().__init__(f"Time is {minutes:g} min; expected a finite number. Check the time grid.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """y(start + t) = exp(-s t) * sum over k of coefficients[:, k] * (s t)^k / k!, all of them 0 or more.

    `loss`: s, 1/min. `coefficients`: shape (M, K).
    """

    start: float
    end: float
    loss: float
    coefficients: FloatArray

    def at(self, minutes: FloatArray) -> FloatArray:
        """Values at these times since `start`, shape (M, T)."""
        turns = self.loss * minutes
        total = np.repeat(self.coefficients[:, -1:], len(minutes), axis=1)
        for k in range(self.coefficients.shape[1] - 1, 0, -1):
            total *= turns / k
            total += self.coefficients[:, k - 1 : k]
        return np.asarray(total * np.exp(-turns), dtype=np.float64)

    def area(self) -> FloatArray:
        """Area under each course over the piece, shape (M,), ng/mL * min."""
        turns = self.loss * (self.end - self.start)
        if turns == 0:
            return np.zeros(len(self.coefficients))
        beyond = np.arange(1, self.coefficients.shape[1] + SERIES_TERMS)
        terms = np.exp(-turns) * np.cumprod(turns / beyond)
        # The share of the k-th power: chance that a Poisson count of this mean exceeds k.
        above = np.cumsum(terms[::-1])[::-1][: self.coefficients.shape[1]]
        return np.asarray(self.coefficients @ above / self.loss, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decays:
    """y(start + t) = sum over r of coefficients[:, r] * exp(rates[r] * t); rates are 0 or less, falling."""

    start: float
    end: float
    rates: FloatArray
    coefficients: FloatArray

    def at(self, minutes: FloatArray) -> FloatArray:
        """Values at these times since `start`, shape (M, T)."""
        step = step_of(minutes) if len(minutes) > 2 * TABLE_TIMES else 0.0
        if not step:
            return np.asarray(self.coefficients @ np.exp(np.outer(self.rates, minutes)))
        # On an even grid one table of powers serves every block of times: a few products take the place of each exp.
        starts = np.exp(np.outer(self.rates, minutes[::TABLE_TIMES]))
        table = np.exp(np.outer(self.rates, step * np.arange(TABLE_TIMES)))
        blocks = np.einsum("mr,rb->mbr", self.coefficients, starts) @ table
        return np.asarray(blocks.reshape(len(self.coefficients), -1)[:, : len(minutes)])

    def area(self) -> FloatArray:
        """Area under each course over the piece, shape (M,), ng/mL * min."""
        minutes = self.end - self.start
        still = self.rates == 0
        safe = np.where(still, -1.0, self.rates)
        lasting = np.where(still, minutes, np.expm1(safe * minutes) / safe)
        return np.asarray(self.coefficients @ lasting, dtype=np.float64)


Piece = Series | Decays


def step_of(rising: FloatArray) -> float:
    """Minutes between two neighbours of an evenly spaced list, 0 when it is not one."""
    if len(rising) < 2 or rising[0] == rising[-1]:
        return 0.0
    step = float(rising[-1] - rising[0]) / (len(rising) - 1)
    even = rising[0] + step * np.arange(len(rising))
    rounding = ULPS * np.spacing(max(abs(rising[0]), abs(rising[-1])))
    return step if np.max(np.abs(rising - even)) <= rounding else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """How a flow moves by the positive series.

    `loss`: s, 1/min. `powers`: shape (K, S, S), (1 + rates / s)^k. `seen`: shape (K, M, S), outputs @ powers.
    """

    flow: Flow
    loss: float
    seen: FloatArray
    powers: FloatArray

    @property
    def span_minutes(self) -> float:
        """Length of a whole piece."""
        return SPAN / self.loss

    def series(self, amounts: FloatArray, *, start: float, end: float) -> Series:
        """The course from these amounts."""
        coefficients = (self.seen @ amounts).T
        return Series(start=start, end=end, loss=self.loss, coefficients=coefficients)

    def moved(self, amounts: FloatArray, minutes: float) -> FloatArray:
        """The amounts at most one whole piece later."""
        turns = self.loss * minutes
        steps = turns / np.arange(1, SERIES_TERMS + 1)
        weights = np.exp(-turns) * np.concatenate([[1.0], np.cumprod(steps)])
        return np.asarray(weights @ (self.powers @ amounts), dtype=np.float64)


def steps_of(flow: Flow) -> Steps:
    """The positive series of a flow."""
    # A system in which nothing is lost still needs a length of piece: one minute per turn.
    loss = float(np.max(-np.diag(flow.rates))) or 1.0
    raised = (flow.rates + loss * np.eye(len(flow.rates))) / loss
    powers = np.empty((SERIES_TERMS + 1, *raised.shape))
    powers[0] = np.eye(len(raised))
    for k in range(SERIES_TERMS):
        powers[k + 1] = raised @ powers[k]
    return Steps(flow=flow, loss=loss, seen=flow.outputs @ powers, powers=powers)


def pieces_of(
    system: LinearSystem, schedule: Schedule, *, end_minutes: float, with_modes: bool = True
) -> Iterator[Piece]:
    """The course from the first event until `end_minutes`, piece after piece without a gap.

    Args:
        system: of one person.
        schedule: what enters when.
        end_minutes: last moment wanted; no piece when the first event is later.
        with_modes: False: the matrix exponential throughout (what remains when no mode can be trusted).

    Raises:
        NotACompartmentSystem: the matrix is not one of a compartment system.
    """
    inputs = tuple(int(s) for s in np.flatnonzero(schedule.rates.any(axis=0)))
    flow = flow_of(system, inputs)
    steps = steps_of(flow)
    modes = modes_of(flow) if with_modes else None
    size = len(system.states)
    amounts = np.zeros(len(flow.rates))
    for k, start in enumerate(schedule.minutes):
        if start > end_minutes:
            return
        amounts[:size] += schedule.boluses[k]
        amounts[size:] = schedule.rates[k, list(inputs)]
        last = k + 1 == len(schedule.minutes)
        end = end_minutes if last else min(float(schedule.minutes[k + 1]), end_minutes)
        amounts = yield from _between(steps, modes, amounts, start=float(start), end=end)


def _between(
    steps: Steps, modes: Modes | None, amounts: FloatArray, *, start: float, end: float
) -> Generator[Piece, None, FloatArray]:
    """The pieces between two events; returns the amounts at the end."""
    while True:
        strengths = None if modes is None else _trusted(steps.flow, modes, amounts)
        if strengths is not None:
            assert modes is not None
            yield Decays(
                start=start,
                end=end,
                rates=modes.rates,
                coefficients=(steps.flow.outputs @ modes.vectors) * strengths,
            )
            left = modes.vectors @ (strengths * np.exp(modes.rates * (end - start)))
            return np.maximum(left, 0.0)
        if end - start <= steps.span_minutes:
            yield steps.series(amounts, start=start, end=end)
            return steps.moved(amounts, end - start)
        middle = start + steps.span_minutes
        yield steps.series(amounts, start=start, end=middle)
        amounts = steps.moved(amounts, middle - start)
        start = middle


def _trusted(flow: Flow, modes: Modes, amounts: FloatArray) -> FloatArray | None:
    """The strength of each mode, shape (R,), when from here on the modes are as good as the series."""
    strengths = np.asarray(modes.duals @ amounts, dtype=np.float64)
    values = flow.outputs @ amounts
    terms = (flow.outputs @ modes.vectors) * strengths
    if np.any(np.abs(terms).sum(axis=1) > CANCEL_MAX * values):
        return None
    left_out = np.abs(amounts - modes.vectors @ strengths)
    at_most = np.where(left_out > 0, left_out, 0.0) * np.where(left_out > 0, flow.reach, 0.0)
    return strengths if np.all(at_most.sum(axis=1) <= LEFT_OUT_MAX * values) else None


def piecewise(system: LinearSystem, schedule: Schedule, ordered: FloatArray) -> FloatArray:
    """Concentrations at rising times, shape (M, T), from the pieces, by NumPy alone."""
    found = np.zeros((len(system.analytes), len(ordered)))
    for piece in pieces_of(system, schedule, end_minutes=float(ordered[-1])):
        first = np.searchsorted(ordered, piece.start)
        # The next piece begins where this one ends and overwrites that moment; the last one has no next.
        beyond = np.searchsorted(ordered, piece.end, side="right")
        if first < beyond:
            found[:, first:beyond] = piece.at(ordered[first:beyond] - piece.start)
    return found
