"""How much was given by a moment: the exact integral of the rate, in whole micrograms.

In: stretches of time with a rate. Out: micrograms, rounded down and never above what was drawn.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from vigil.units.durations import elapsed

MICROSECONDS_PER_HOUR = 3_600_000_000
MINUTES_PER_HOUR = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The pump ran at one rate from `start` to `end`."""

    rate_ug_per_hour: int
    start: datetime
    end: datetime


def integrated_ug(stretches: Iterable[Stretch], *, drawn_ug: int) -> int:
    """What the stretches gave together, rounded down once, at most `drawn_ug`.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    >>> integrated_ug(
    ...     [Stretch(rate_ug_per_hour=51_000, start=noon, end=noon + timedelta(minutes=20))],
    ...     drawn_ug=34_000,
    ... )
    17000
    """
    total = 0
    for stretch in stretches:
        assert stretch.rate_ug_per_hour >= 0
        passed = elapsed(stretch.start, stretch.end) // timedelta(microseconds=1)
        # A moment that was recorded before the start gives nothing, never a negative amount.
        total += stretch.rate_ug_per_hour * max(passed, 0)
    return min(total // MICROSECONDS_PER_HOUR, drawn_ug)


def planned_rate_ug_per_hour(dose_ug: int, *, infusion_minutes: int) -> int:
    """The rate that gives the whole dose within the minutes, rounded up (the draw is the cap).

    >>> planned_rate_ug_per_hour(34_000, infusion_minutes=40)
    51000
    """
    assert dose_ug > 0
    assert infusion_minutes > 0
    return -(-dose_ug * MINUTES_PER_HOUR // infusion_minutes)
