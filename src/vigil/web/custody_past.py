"""The page of what every container held at a past instant. From the safe: one click here, one on the instant.

In: a moment. Out: a page.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from vigil.custody import queries
from vigil.custody.domain.readings import Balance
from vigil.record.clock import now
from vigil.units.refusals import Refused
from vigil.web.custody_counts import COUNT_WORDS
from vigil.web.custody_forms import read_moment, today_of, zone_of

COUNTS_OFFERED = 8
"""Moments of the newest counts offered by name: about a week of openings or closings."""

DAYS_OFFERED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A moment that is often asked for."""

    words: str
    at: datetime


@never_cache
@require_GET
def past(request: HttpRequest) -> HttpResponse:
    """What stood where at the moment that was asked for; without one, the moments to choose from."""
    clinic_id, zone = request.staff.clinic_id, zone_of(request.staff)
    text = request.GET.get("at", "")
    at = read_moment(text, zone=zone)
    refused: Refused | None = None
    if text and at is None:
        refused = Refused(code="CUS-TIME", message="Give the moment as a date and a time.")
    elif at is not None and at > now():
        refused, at = Refused(code="CUS-TIME", message="That moment has not come yet."), None
    balances = () if at is None else queries.balance(clinic_id, at)
    context = {
        "at": at,
        "typed": timezone.localtime(at or now(), zone).strftime("%Y-%m-%dT%H:%M"),
        "containers": [each for each in balances if each.kind == "container"],
        "draws": [each for each in balances if each.kind == "draw" and each.ug],
        "outside": [each for each in balances if each.of is None],
        "sums": _sums(balances),
        "offered": _offered(request),
        "refused": refused,
    }
    return render(request, "custody/past.html", context)


def _sums(balances: tuple[Balance, ...]) -> list[tuple[str, int]]:
    """Product name and what the safe held of it."""
    sums: dict[str, int] = {}
    for each in balances:
        if each.kind == "container" and each.product is not None:
            sums[each.product.name] = sums.get(each.product.name, 0) + each.ug
    return sorted(sums.items())


def _offered(request: HttpRequest) -> list[Offered]:
    zone, at = zone_of(request.staff), now()
    today = today_of(request.staff, at)
    days = [
        Offered(words=f"Start of {day.isoformat()}", at=datetime.combine(day, time(), tzinfo=zone))
        for day in (today - timedelta(days=back) for back in range(DAYS_OFFERED))
    ]
    counts = [
        Offered(words=f"{COUNT_WORDS[each.kind]}, {each.day.isoformat()}", at=each.at)
        for each in queries.counts(request.staff.clinic_id)[:COUNTS_OFFERED]
    ]
    return [*counts, *days]
