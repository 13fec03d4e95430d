"""What every page needs: who is signed in, which clinic, whether it is simulated."""

from django.conf import settings
from django.http import HttpRequest

from vigil.people import queries as people


def everywhere(request: HttpRequest) -> dict[str, object]:
    """The signed-in person and their clinic; empty on public pages."""
    staff = getattr(request, "staff", None)
    return {
        "staff": staff,
        "clinic": people.clinic(staff.clinic_id) if staff else None,
        "stream_port": settings.STREAM_PORT,
    }
