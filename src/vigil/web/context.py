"""What every page needs: who is signed in, which clinic, what they may open, and how it looks."""

from django.conf import settings
from django.http import HttpRequest

from vigil.people import queries as people
from vigil.people.duties import Duty, may
from vigil.record import clock
from vigil.web.theme import chosen_theme

NAVIGATION = (
    ("people:today", "/", "Today"),
    ("session:board", "/board", "Chairs"),
    ("people:patients", "/patients", "Patients"),
    ("custody:safe", "/safe", "Safe"),
    ("surveillance:claim", "/claim", "Claim"),
    ("record:record", "/record", "Record"),
)
"""Route, address and word of each page of the top bar; shown only to whom the policy table lets in."""

MENU = (
    ("plan:protocols", "/protocols", "Protocols"),
    ("system:status", "/status", "System status"),
)
"""The same for the menu of the person: pages that nobody needs every hour."""


def everywhere(request: HttpRequest) -> dict[str, object]:
    """The signed-in person, their clinic and their navigation; nearly empty on public pages."""
    staff = getattr(request, "staff", None)
    theme = chosen_theme(request)
    return {
        "staff": staff,
        "clinic": people.clinic(staff.clinic_id) if staff else None,
        "stream_port": settings.STREAM_PORT,
        "theme": theme or "auto",
        "chair_theme": theme or "dark",
        "navigation": _navigation(request, staff.duties) if staff else (),
        "menu": _menu(staff.duties) if staff else (),
        "is_test_clock": bool(getattr(clock, "is_test_clock", lambda: False)()),
    }


def _menu(duties: frozenset[Duty]) -> tuple[tuple[str, str], ...]:
    """Address and word of each page of the menu that the person may open."""
    return tuple((url, word) for route, url, word in MENU if may(duties, route, method="GET"))


def _navigation(request: HttpRequest, duties: frozenset[Duty]) -> tuple[dict[str, object], ...]:
    match = request.resolver_match
    here = match.view_name if match else ""
    own = {route for route, _, _ in NAVIGATION}
    return tuple(
        {
            "url": url,
            "word": word,
            "is_here": here == route,
            # Every page about one patient is under Patients; Today holds no other page.
            "is_near": here not in own
            and route != "people:today"
            and here.partition(":")[0] == route.partition(":")[0],
        }
        for route, url, word in NAVIGATION
        if may(duties, route, method="GET")
    )
