"""Read the time in a device message.

In: HL7 DTM text and the clinic's zone. Out: an aware UTC moment and whose zone it was read in. No clock.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

_TIME = re.compile(
    r"(?P<day>[0-9]{8})(?P<minute>[0-9]{4})(?:(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,6}))?)?"
    r"(?P<zone>[+-][0-9]{4})?",
    re.ASCII,
)

DEVICE_ZONE = "device"
"""Said of a moment whose zone the device sent itself."""


class NotATime(ValueError):
    """The text is not one exact moment; nothing was guessed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A moment, and the zone it was read in: `device`, or the name of the clinic's."""

    at: datetime
    zone: str


def read_time(text: str, *, zone: ZoneInfo, near: datetime) -> Moment:
    """The moment the text names, in UTC.

    Args:
        text: `YYYYMMDDHHMM[SS[.f{1,6}]][+hhmm]`; a day alone is refused.
        zone: the clinic's, used when the text has none.
        near: when the message arrived. In the hour that comes twice in autumn, the reading
            nearest to it is taken.

    Raises:
        NotATime: another form, no such day, or an hour that the clinic's zone skips in spring.

    >>> read_time("20261123050000.250-0500", zone=ZoneInfo("UTC"), near=datetime.now(UTC)).at.isoformat()
    '2026-11-23T10:00:00.250000+00:00'
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise NotATime(f"{text[:40]!r} is not a time YYYYMMDDHHMMSS")
    try:
        naive = datetime.strptime(  # noqa: DTZ007 - the zone is put on below
            match["day"] + match["minute"] + (match["second"] or "00"), "%Y%m%d%H%M%S"
        )
    except ValueError:
        raise NotATime(f"{text[:40]!r} names no day or hour that exists") from None
    naive += timedelta(microseconds=int((match["fraction"] or "0").ljust(6, "0")))
    if match["zone"]:
        return Moment(at=_with_offset(naive, match["zone"], text), zone=DEVICE_ZONE)
    return Moment(at=_in_zone(naive, zone, near), zone=zone.key)


def _with_offset(naive: datetime, offset: str, text: str) -> datetime:
    hours, minutes = int(offset[1:3]), int(offset[3:5])
    if hours > 14 or minutes > 59:
        raise NotATime(f"{text[:40]!r} has a zone that does not exist")
    away = timedelta(hours=hours, minutes=minutes)
    zone = timezone(-away if offset[0] == "-" else away)
    try:
        return naive.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        raise NotATime(f"{text[:40]!r} is outside the calendar") from None


def _in_zone(naive: datetime, zone: ZoneInfo, near: datetime) -> datetime:
    try:
        readings = {naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
        real = [at for at in readings if at.astimezone(zone).replace(tzinfo=None) == naive]
    except OverflowError:
        raise NotATime(f"{naive} is outside the calendar") from None
    if not real:
        raise NotATime(f"{naive} does not exist in {zone.key}: the clocks were put forward")
    return min(real, key=lambda at: (abs(at - near.astimezone(UTC)), at))


def write_time(at: datetime) -> str:
    """The moment as a device with a zone writes it, to the millisecond, in UTC."""
    assert at.tzinfo is not None
    return at.astimezone(UTC).strftime("%Y%m%d%H%M%S.%f")[:-3] + "+0000"
