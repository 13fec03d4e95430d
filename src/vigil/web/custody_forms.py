"""What the forms of the custody pages said, and what every such page needs to ask again.

In: requests. Out: values, or None for what cannot be read; people, keys and dates for a page.
"""

from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest, QueryDict

from vigil.people import queries as people
from vigil.people.domain.facts import Staff
from vigil.people.duties import Duty, may
from vigil.record.clock import new_id
from vigil.units.refusals import Refused

YEARS = range(1900, 2200)
"""Years that a form may name: outside them lies a slip of the hand, and the end of the calendar."""

ROUTES = (
    "arrive", "close", "container", "correct", "count", "difference", "draw", "hold", "law", "lose",
    "order", "pack", "past", "place-new", "receive", "register", "release", "send-out", "transfers",
    "waste",
)  # fmt: skip
"""Routes that pages here offer as a link or a form."""

READING = frozenset({"container", "difference", "pack", "past", "register"})
"""Those that are only looked at; the others are acts."""


def allowed(staff: Staff) -> dict[str, bool]:
    """What this person may do here, so that a page shows no button that would be refused."""
    return {
        f"may_{route.replace('-', '_')}": may(
            staff.duties, f"custody:{route}", method="GET" if route in READING else "POST"
        )
        for route in ROUTES
    }


def witnesses_of(staff: Staff) -> tuple[Staff, ...]:
    """The people who may sign beside this one."""
    others = people.staff_of(staff.clinic_id, duty=Duty.WITNESS)
    return tuple(each for each in others if each.staff_id != staff.staff_id)


def today_of(staff: Staff, at: datetime) -> date:
    """The date on the clinic's own wall."""
    return at.astimezone(ZoneInfo(people.clinic(staff.clinic_id).time_zone)).date()


def status_of(refused: Refused | None) -> int:
    """The HTTP status of a form that comes back."""
    return 200 if refused is None else 409


def posted(request: HttpRequest) -> QueryDict:
    """What the form sent: its own fields after a press, the address's before."""
    return request.POST if request.method == "POST" else request.GET


def key_of(request: HttpRequest) -> UUID:
    """The key of this act, made when its form was shown."""
    # A form without its key cannot be told from a double click: it is treated as new.
    return read_uuid(request.POST.get("key")) or new_id()


def key_for_page(request: HttpRequest, refused: Refused | None) -> UUID:
    """The key for the form that is shown now."""
    # A refused act wrote nothing, so its key is still free; a key spent elsewhere is replaced.
    if refused is None or refused.code == "CUS-KEY-REUSED":
        return new_id()
    return key_of(request)


def read_uuid(text: str | None) -> UUID | None:
    """The id that the text is, or None."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


def read_date(text: str | None) -> date | None:
    """The date that the text says, or None for what is no date of a clinic."""
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.year in YEARS else None


def read_whole(text: str | None) -> int | None:
    """The whole number that plain ASCII digits say, or None."""
    if not text or len(text) > 9 or not (text.isascii() and text.isdigit()):
        return None
    return int(text)


def chosen_containers(request: HttpRequest) -> tuple[UUID, ...]:
    """The containers whose boxes are ticked; what is no id is left out."""
    ids = (read_uuid(text) for text in request.POST.getlist("container"))
    return tuple(each for each in ids if each is not None)


def signed_by_witness(request: HttpRequest) -> dict[str, str]:
    """What the second person typed to sign this one act."""
    return {
        "witness_login": request.POST.get("witness_login", "").strip(),
        "witness_password": request.POST.get("witness_password", ""),
    }


def read_moment(text: str | None, *, zone: ZoneInfo) -> datetime | None:
    """The moment that a date, or a date and time, names on the clinic's wall, or None."""
    try:
        found = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    if found.year not in YEARS:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=zone)


def zone_of(staff: Staff) -> ZoneInfo:
    """The clinic's time zone."""
    return ZoneInfo(people.clinic(staff.clinic_id).time_zone)
