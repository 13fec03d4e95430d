"""Light, dark, or as the device says: remembered in a cookie, rendered by the server.

In: a choice. Out: the cookie, and the page the choice came from. Pages at the chair are dark unless
somebody chose otherwise.
"""

from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

COOKIE = "vigil_theme"
CHOICES = ("light", "dark")
YEAR_SECONDS = 365 * 24 * 60 * 60


def chosen_theme(request: HttpRequest) -> str | None:
    """`light` or `dark` when somebody chose; None when the page decides."""
    value = request.COOKIES.get(COOKIE)
    return value if value in CHOICES else None


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember the choice and go back to where it was made."""
    answer = HttpResponseRedirect(_back(request))
    choice = request.POST.get("theme", "")
    if choice in CHOICES:
        answer.set_cookie(COOKIE, choice, max_age=YEAR_SECONDS, samesite="Lax", httponly=True)
    else:
        answer.delete_cookie(COOKIE, samesite="Lax")
    return answer


def _back(request: HttpRequest) -> str:
    came_from = request.headers.get("referer", "")
    if url_has_allowed_host_and_scheme(came_from, allowed_hosts={request.get_host()}):
        parts = urlsplit(came_from)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path
    return "/"


app_name = "look"
urlpatterns = [path("theme", theme, name="theme")]
