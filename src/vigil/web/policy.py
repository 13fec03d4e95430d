"""The door: every request passes the one policy table before any page sees it.

In: a request and the name of its route. Out: the page, the sign-in page, or a plain 'not allowed'.
"""

from collections.abc import Callable
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect

from vigil.people.duties import POLICY, may
from vigil.people.queries import clinic, staff_fact


class PolicyMiddleware:
    """Refuses every route that the policy table does not open to this person."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self.get_response(request)
        finally:
            # Threads are used again: the next clinic's pages must not read this one's clock.
            timezone.deactivate()

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: object
    ) -> HttpResponse | None:
        route = request.resolver_match.view_name
        policy = POLICY.get(route)
        if policy is not None and policy.public:
            return None
        if not request.user.is_authenticated:
            if route.startswith("stream:"):
                return HttpResponse("Sign in first.", status=401)
            if request.headers.get("HX-Request"):
                # A fragment of an open page: the whole page goes to the sign-in, and back to itself after.
                here = urlsplit(request.headers.get("HX-Current-URL", "")).path or "/"
                return HttpResponseClientRedirect(_sign_in(here))
            return HttpResponseRedirect(_sign_in(request.get_full_path()))
        request.staff = staff_fact(request.user)
        timezone.activate(ZoneInfo(clinic(request.staff.clinic_id).time_zone))
        if may(request.staff.duties, route, method=request.method):
            return None
        if route.startswith("stream:"):
            return HttpResponse("This is not among your duties.", status=403)
        return render(request, "web/not_allowed.html", status=403)


def _sign_in(back_to: str) -> str:
    return f"{reverse('people:sign-in')}?{urlencode({'next': back_to})}"
