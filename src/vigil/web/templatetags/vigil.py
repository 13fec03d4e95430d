"""What templates may say: amounts, weights and times, each in one way; a fresh key; a built island.

In: integers of the smallest unit, aware datetimes. Out: text in the clinic's own words and zone.
"""

from datetime import datetime
from uuid import UUID

from django import template
from django.utils import timezone
from django.utils.safestring import SafeString

from vigil.record.clock import new_id, now
from vigil.units.amounts import show_kg, show_mg, show_ml
from vigil.units.durations import elapsed, whole_minutes
from vigil.web.assets import island_tags

register = template.Library()

ABSENT = "–"
"""What stands where a value is not known; never an empty space, which reads as zero."""


@register.filter
def mg(amount_ug: int | None) -> str:
    """Micrograms as exact milligrams: `35000` is `35 mg`."""
    return ABSENT if amount_ug is None or amount_ug == "" else show_mg(amount_ug)


@register.filter
def ml(volume_ul: int | None) -> str:
    """Microlitres as exact millilitres: `3500` is `3.5 mL`."""
    return ABSENT if volume_ul is None or volume_ul == "" else show_ml(volume_ul)


@register.filter
def kg(weight_g: int | None) -> str:
    """Grams as exact kilograms: `68000` is `68.0 kg`."""
    return ABSENT if weight_g is None or weight_g == "" else show_kg(weight_g)


@register.filter
def clinic_time(moment: datetime | None) -> str:
    """The moment on the clinic's own clock: `09:58`."""
    return _local(moment, "%H:%M")


@register.filter
def clinic_datetime(moment: datetime | None) -> str:
    """The moment on the clinic's own calendar and clock: `2026-11-23 09:58`."""
    return _local(moment, "%Y-%m-%d %H:%M")


@register.filter
def clinic_seconds(moment: datetime | None) -> str:
    """The moment to the second: `09:58:03`."""
    return _local(moment, "%H:%M:%S")


@register.filter
def minutes_since(moment: datetime | None) -> int | str:
    """Whole minutes from the moment to the server's now, rounded down."""
    return ABSENT if not moment else whole_minutes(moment, now())


@register.filter
def clock(seconds: int | float | None) -> str:
    """Seconds as a running clock: `83` is `1:23`, `3723` is `1:02:03`; a minus sign is dropped."""
    if seconds is None or seconds == "":
        return ABSENT
    whole = abs(int(seconds))
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@register.filter
def seconds_since(moment: datetime | None) -> int | str:
    """Whole seconds from the moment to the server's now."""
    return "" if not moment else int(elapsed(moment, now()).total_seconds())


@register.filter
def from_milli(value_milli: int | None) -> str:
    """A stored vital sign as its number: `97000` is `97`, `36600` is `36.6`."""
    if value_milli is None or value_milli == "":
        return ABSENT
    whole, rest = divmod(abs(value_milli), 1000)
    sign = "−" if value_milli < 0 else ""
    fraction = f"{rest:03d}".rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


@register.filter
def age_years(born_on: object, on: object = None) -> int | str:
    """Completed years of life today, in the clinic's calendar."""
    if not born_on:
        return ABSENT
    today = on or timezone.localdate(now())
    before_birthday = (today.month, today.day) < (born_on.month, born_on.day)
    return today.year - born_on.year - before_birthday


@register.filter
def item(posted: object, name: str) -> str:
    """What was posted under that name, to show it again; empty when nothing was."""
    return posted.get(name, "") if posted else ""


@register.filter
def split_commas(text: str) -> list[str]:
    """The words between commas, for a short fixed list in a template."""
    return text.split(",")


@register.simple_tag
def new_key() -> UUID:
    """A fresh idempotency key for a form: sent twice, the act is recorded once."""
    return new_id()


@register.simple_tag
def server_now() -> str:
    """The server's clock as ISO text, for clocks that run on the page."""
    return now().isoformat()


@register.simple_tag
def island(name: str) -> SafeString:
    """The script and styles of an island, by its hashed files.

    Raises:
        vigil.web.assets.NotBuilt: the islands were not built; the message names the command.
    """
    return island_tags(name)


@register.simple_tag
def base_island() -> SafeString:
    """The page furniture (font, running clocks, forms that send once); nothing when not built.

    A page without it still works: it falls back to the system's font and to the server's keys.
    """
    return island_tags("base", is_optional=True)


def _local(moment: datetime | None, pattern: str) -> str:
    return timezone.localtime(moment).strftime(pattern) if moment else ABSENT
