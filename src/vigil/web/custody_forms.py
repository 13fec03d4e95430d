"""What the forms of the custody pages said, and what every such page needs to ask again.

In: requests. Out: values, or None for what cannot be read; people, keys and dates for a page.
"""

from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest

from vigil.people import queries as people
from vigil.people.domain.facts import Staff
from vigil.people.duties import Duty, may
from vigil.record.clock import new_id
from vigil.units.refusals import Refused


def allowed(staff: Staff) -> dict[str, object]:
    """What this person may do here, so that a page shows no button that would be refused."""
    routes = ("receive", "count", "draw", "waste", "register", "hold", "release")
    return {
        f"may_{route}": may(staff.duties, f"custody:{route}", method="POST")
        or (route == "register" and may(staff.duties, "custody:register", method="GET"))
        for route in routes
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
    """The date that the text says, or None."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def read_whole(text: str | None) -> int | None:
    """The whole number that plain ASCII digits say, or None."""
    if not text or len(text) > 9 or not (text.isascii() and text.isdigit()):
        return None
    return int(text)
