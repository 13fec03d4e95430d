"""How much time passed: the one function that subtracts two moments.

In: two aware datetimes. Out: the true time between them.
"""

from datetime import UTC, datetime, timedelta


class NaiveTime(ValueError):
    """A moment without a time zone says nothing."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment
        super().__init__(f"{moment.isoformat()} has no time zone; expected an aware datetime.")


def elapsed(start: datetime, end: datetime) -> timedelta:
    """The true time from start to end, negative when end is earlier.

    Subtracting two aware datetimes of the same zone ignores clock changes, so both go to UTC first.

    Raises:
        NaiveTime: one of them has no time zone.

    >>> from zoneinfo import ZoneInfo
    >>> eastern = ZoneInfo("America/New_York")
    >>> elapsed(datetime(2026, 11, 1, 0, 30, tzinfo=eastern), datetime(2026, 11, 1, 2, 30, tzinfo=eastern))
    datetime.timedelta(seconds=10800)
    """
    for moment in (start, end):
        if moment.tzinfo is None:
            raise NaiveTime(moment)
    return end.astimezone(UTC) - start.astimezone(UTC)


def whole_minutes(start: datetime, end: datetime) -> int:
    """Whole minutes that have passed, rounded down, so a minimum is never met early."""
    return int(elapsed(start, end).total_seconds() // 60)
