"""Peak, its time, area and time above a level of one person's courses, from the closed form.

In: a linear system, a schedule, until when. Out: `Exposure` for each analyte, and the stretches above a level. No grid: the
area is integrated, and each turning point and crossing is bracketed (`crossings`), so none is missed.
"""

import math

import numpy as np

from vigil.kinetics.crossings import decay_zeros, series_zeros
from vigil.kinetics.facts import Exposure, FloatArray, LinearSystem, Schedule
from vigil.kinetics.pieces import HIGHER, Piece, Series, pieces_of
from vigil.kinetics.system import MINUTES_PER_HOUR

_FLAT = 1e-15
"""Differences of neighbouring coefficients below this share of them are rounding, not a turning point."""


class EndInvalid(ValueError):
    """Nothing can be measured until then."""

    def __init__(self, end_minutes: float) -> None:
        self.end_minutes = end_minutes
        super().__init__(
            f"End is {end_minutes:g} min; expected a finite time, 0 or later. Give the last minute wanted."
        )


class LevelInvalid(ValueError):
    """No course can be above or below that level."""

    def __init__(self, level_ng_per_ml: float) -> None:
        self.level_ng_per_ml = level_ng_per_ml
        super().__init__(
            f"Level is {level_ng_per_ml:g} ng/mL; expected more than 0 and finite. Check the unit."
        )


def exposures(
    system: LinearSystem, schedule: Schedule, *, end_minutes: float
) -> dict[str, Exposure]:
    """Peak, time of the first highest value, and area of each analyte until `end_minutes`.

    Args:
        system: of one person.
        schedule: what enters when.
        end_minutes: 0 or later. What comes before the first event counts as 0.

    Returns:
        By analyte. A course that is 0 throughout peaks at the first event, or at 0 when there is none.

    Raises:
        EndInvalid: `end_minutes` is negative or not finite.
        NotACompartmentSystem: the matrix is not one of a compartment system.
    """
    check_end(end_minutes)
    first = float(schedule.minutes[0]) if len(schedule.minutes) else 0.0
    rows = len(system.analytes)
    peaks, times, areas = [0.0] * rows, [min(first, end_minutes)] * rows, np.zeros(rows)
    for piece in pieces_of(system, schedule, end_minutes=end_minutes):
        areas += piece.area()
        for row in range(rows):
            moments = _moments(piece, _turning(piece, row))
            values = piece.at(moments)[row]
            best = int(np.argmax(values))
            if values[best] > peaks[row] * HIGHER:
                times[row] = piece.start + float(moments[best])
            peaks[row] = max(peaks[row], float(values[best]))
    return {
        analyte: Exposure(
            cmax_ng_per_ml=peaks[row],
            tmax_minutes=times[row],
            auc_ng_h_per_ml=float(areas[row]) / MINUTES_PER_HOUR,
        )
        for row, analyte in enumerate(system.analytes)
    }


def stretches_above(
    system: LinearSystem, schedule: Schedule, *, level_ng_per_ml: float, end_minutes: float
) -> dict[str, tuple[tuple[float, float], ...]]:
    """The stretches of time, (from minute, to minute), in which each analyte is above the level.

    Raises:
        EndInvalid: `end_minutes` is negative or not finite.
        LevelInvalid: the level is not more than 0, or not finite.
        NotACompartmentSystem: the matrix is not one of a compartment system.
    """
    check_end(end_minutes)
    check_level(level_ng_per_ml)
    found: list[list[tuple[float, float]]] = [[] for _ in system.analytes]
    for piece in pieces_of(system, schedule, end_minutes=end_minutes):
        for row, stretches in enumerate(found):
            moments = _moments(piece, _crossing(piece, row, level_ng_per_ml))
            middles = piece.at((moments[1:] + moments[:-1]) / 2)[row]
            for k in np.flatnonzero(middles > level_ng_per_ml):
                _append(stretches, piece.start + moments[k], piece.start + moments[k + 1])
    return {analyte: tuple(found[row]) for row, analyte in enumerate(system.analytes)}


def time_above(
    system: LinearSystem, schedule: Schedule, *, level_ng_per_ml: float, end_minutes: float
) -> dict[str, float]:
    """Minutes that each analyte spends above the level until `end_minutes`; raises as `stretches_above`."""
    stretches = stretches_above(
        system, schedule, level_ng_per_ml=level_ng_per_ml, end_minutes=end_minutes
    )
    return {
        analyte: math.fsum(end - start for start, end in of_one)
        for analyte, of_one in stretches.items()
    }


def check_level(level_ng_per_ml: float) -> None:
    """Return when a course can be above the level, else raise `LevelInvalid`."""
    if not (math.isfinite(level_ng_per_ml) and level_ng_per_ml > 0):
        raise LevelInvalid(level_ng_per_ml)


def check_end(end_minutes: float) -> None:
    """Return when something can be measured until then, else raise `EndInvalid`."""
    if not (math.isfinite(end_minutes) and end_minutes >= 0):
        raise EndInvalid(end_minutes)


def _append(stretches: list[tuple[float, float]], start: float, end: float) -> None:
    """Add a stretch, joined to the last one when they touch."""
    if stretches and stretches[-1][1] >= start:
        stretches[-1] = (stretches[-1][0], float(end))
    else:
        stretches.append((float(start), float(end)))


def _moments(piece: Piece, inside: list[float]) -> FloatArray:
    """Both ends of a piece and the moments inside it, since its start."""
    return np.array([0.0, *inside, piece.end - piece.start])


def _turning(piece: Piece, row: int) -> list[float]:
    """Where the course neither rises nor falls."""
    own = piece.coefficients[row]
    minutes = piece.end - piece.start
    if not isinstance(piece, Series):
        return decay_zeros(own * piece.rates, piece.rates, minutes=minutes)
    slopes = np.diff(own)
    slopes[np.abs(slopes) <= _FLAT * own[1:]] = 0.0
    return [x / piece.loss for x in series_zeros(slopes, turns=minutes * piece.loss)]


def _crossing(piece: Piece, row: int, level: float) -> list[float]:
    """Where the course passes the level."""
    own = piece.coefficients[row]
    minutes = piece.end - piece.start
    if isinstance(piece, Series):
        return [x / piece.loss for x in series_zeros(own - level, turns=minutes * piece.loss)]
    if np.any(piece.rates == 0):
        lowered = np.where(piece.rates == 0, own - level / np.count_nonzero(piece.rates == 0), own)
        return decay_zeros(lowered, piece.rates, minutes=minutes)
    return decay_zeros(
        np.concatenate([[-level], own]), np.concatenate([[0.0], piece.rates]), minutes=minutes
    )
