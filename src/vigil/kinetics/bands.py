"""What many drawn courses say together: bands at each time, and when they peak and fall below a level.

In: drawn courses, shape (T, D). Out: bands, and moments as intervals over the draws.
"""

from dataclasses import dataclass

import numpy as np

from vigil.kinetics.facts import FloatArray

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Edges of the bands that hold 90 % and 50 % of the draws, around the middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """The middle and the two bands of a course, each shape (T,), ng/mL."""

    median: FloatArray
    low50: FloatArray
    high50: FloatArray
    low90: FloatArray
    high90: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """When something happens: the middle of the draws and the minutes between which half and nine tenths of them lie.

    A minute before the first moment looked at is that first moment; a minute after the last one looked at is None.
    `share_already`: the share of draws in which it has happened by the first moment. `share_later`: the share in which it
    has not happened by the last. A reader must see both: a middle of None says "not within the time shown".
    """

    median: float | None
    low50: float | None
    high50: float | None
    low90: float | None
    high90: float | None
    share_already: float
    share_later: float


def bands_of(courses: FloatArray) -> Bands:
    """The bands at each time.

    Args:
        courses: shape (T, D), ng/mL, D at least 2.

    Returns:
        Quantiles between neighbouring draws, linearly: those of `numpy.quantile`.
    """
    # A whole sort is faster than ten partitions, and the same for every share.
    low90, low50, median, high50, high90 = _quantiles(np.sort(courses, axis=1))
    return Bands(median=median, low50=low50, high50=high50, low90=low90, high90=high90)


def _quantiles(ordered: FloatArray) -> list[FloatArray]:
    last = ordered.shape[1] - 1
    found = []
    for share in SHARES:
        below = int(share * last)
        above = min(below + 1, last)
        part = share * last - below
        found.append(np.asarray(ordered[:, below] + (ordered[:, above] - ordered[:, below]) * part))
    return found


def interval_of(minutes: FloatArray, *, first: float, last: float) -> Interval:
    """The interval over draws.

    Args:
        minutes: shape (D,); not after `first`: it has already happened; infinite: not by `last`.
        first: the first moment looked at.
        last: the last one.
    """
    ordered = np.sort(np.maximum(minutes, first))
    # Between the last draw that happens and one that never does there is no minute: the nearest draw is taken.
    places = [round(share * (len(ordered) - 1)) for share in SHARES]
    low90, low50, median, high50, high90 = (
        None if not ordered[place] <= last else float(ordered[place]) for place in places
    )
    return Interval(
        median=median,
        low50=low50,
        high50=high50,
        low90=low90,
        high90=high90,
        share_already=float(np.mean(minutes <= first)),
        share_later=float(np.mean(minutes > last)),
    )


def peak_minutes(courses: FloatArray, time_minutes: FloatArray) -> FloatArray:
    """When each draw is highest.

    Args:
        courses: shape (T, D), T at least 3, on evenly spaced times.
        time_minutes: shape (T,).

    Returns:
        Shape (D,), minutes: the top of the parabola through the highest point and its neighbours. Falling from the first
        time on: that time. Highest at the last: infinite, because the peak is not within the times. Sharper than the
        step in the middle, to within one step at the first time.
    """
    top = courses.argmax(axis=0)
    inside = np.clip(top, 1, len(time_minutes) - 2)
    draws = np.arange(courses.shape[1])
    before, at, after = (courses[inside + shift, draws] for shift in (-1, 0, 1))
    bend = before - 2.0 * at + after
    shift = np.divide(0.5 * (before - after), bend, out=np.zeros_like(at), where=bend < 0.0)
    step = time_minutes[1] - time_minutes[0]
    # Highest at the first time: the top may still lie within the first step, or it has passed.
    shift = np.where(top == 0, np.where(bend < 0.0, np.clip(shift, -1.0, 0.0), -1.0), shift)
    found = time_minutes[inside] + np.clip(shift, np.where(top == 0, -1.0, -0.5), 0.5) * step
    return np.asarray(np.where(top == len(time_minutes) - 1, np.inf, found))


def below_minutes(courses: FloatArray, time_minutes: FloatArray, level: float) -> FloatArray:
    """From when on each draw stays below the level.

    Args:
        courses: shape (T, D).
        time_minutes: shape (T,), rising.
        level: ng/mL.

    Returns:
        Shape (D,), minutes, interpolated linearly. Below at every time: the first time. Not below at the last: infinite.
    """
    high = courses >= level
    last_high = len(time_minutes) - 1 - high[::-1].argmax(axis=0)
    never = ~high.any(axis=0)
    index = np.clip(last_high, 0, len(time_minutes) - 2)
    draws = np.arange(courses.shape[1])
    above, under = courses[index, draws], courses[index + 1, draws]
    part = np.divide(above - level, above - under, out=np.zeros_like(above), where=above > under)
    found = time_minutes[index] + part * (time_minutes[index + 1] - time_minutes[index])
    found = np.where(last_high == len(time_minutes) - 1, np.inf, found)
    return np.asarray(np.where(never, time_minutes[0], found))


def shares_by(minutes: FloatArray, time_minutes: FloatArray) -> FloatArray:
    """The share of draws for which it has happened by each time, shape (T,).

    Args:
        minutes: shape (D,), when it happens in each draw; infinite: never.
        time_minutes: shape (T,), rising.
    """
    happened = np.searchsorted(np.sort(minutes), time_minutes, side="right")
    return np.asarray(happened / len(minutes), dtype=np.float64)


def share_between(
    shares: FloatArray, time_minutes: FloatArray, wanted_minutes: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The least and most that the share can be at each wanted minute: those of the known times around it.

    Args:
        shares: shape (T,), never falling.
        time_minutes: shape (T,), rising.
        wanted_minutes: shape (W,). Before the first time the least is 0; after the last one the most is 1.
    """
    before = np.searchsorted(time_minutes, wanted_minutes, side="right")
    after = np.searchsorted(time_minutes, wanted_minutes, side="left")
    return np.append(0.0, shares)[before], np.append(shares, 1.0)[after]
