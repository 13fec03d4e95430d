"""Pages of the safe: what is where, the story of a container, a lot set aside, the register; and all routes.

In: requests. Out: pages, and acts of the custody room.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from vigil.custody import actions, queries
from vigil.custody.domain.facts import (
    Container,
    Draw,
    Period,
    Product,
    RegisterPage,
    RegisterRow,
    StoryLine,
)
from vigil.people import queries as people
from vigil.people.domain.facts import Patient
from vigil.record.clock import now
from vigil.session import queries as session
from vigil.units.refusals import Refused
from vigil.web.custody_counts import count, counted
from vigil.web.custody_deliveries import receive
from vigil.web.custody_draws import GIVING, draw, due_ug_of, put_back, waste, waste_container
from vigil.web.custody_forms import (
    allowed,
    key_of,
    read_date,
    today_of,
)

EXPIRES_SOON = timedelta(days=60)
"""Shown this long before the expiry: two monthly orders, so nothing is thrown away for want of a look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """One product and its containers that still hold drug."""

    product: Product
    containers: tuple[Container, ...]

    @property
    def total_ug(self) -> int:
        return sum(each.remaining_ug for each in self.containers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A session whose drug is not all drawn yet."""

    session_id: UUID
    chair: str
    due_ug: int


@never_cache
@require_GET
def safe(request: HttpRequest) -> HttpResponse:
    """What is where, how full, what is unexplained, and what needs a person."""
    clinic_id, at = request.staff.clinic_id, now()
    today = today_of(request.staff, at)
    containers = queries.containers(clinic_id)
    context = {
        "shelves": _shelves(containers),
        "has_stock": bool(containers),
        "is_day_open": queries.is_day_open(clinic_id, today),
        "counts": queries.counts(clinic_id, on=today),
        "totals": queries.totals(clinic_id),
        "disagreements": queries.disagreements(clinic_id),
        "discrepancies": queries.discrepancies(clinic_id),
        "open_draws": _with_patients(_left_over(clinic_id), clinic_id),
        "held_lots": _lots(each for each in containers if each.is_held and each.remaining_ug),
        "expiring": _expiring(containers, today),
        "today": today,
        "waiting": _waiting(clinic_id, at),
        **allowed(request.staff),
    }
    return render(request, "custody/safe.html", context)


def _left_over(clinic_id: UUID) -> tuple[Draw, ...]:
    """Draws that still hold drug and from which nothing is being given now."""
    giving = {each.session_id for each in session.open_sessions(clinic_id) if each.phase in GIVING}
    return tuple(
        each
        for each in queries.open_draws(clinic_id)
        if each.product.is_device or each.purpose_id not in giving
    )


def _shelves(containers: Iterable[Container]) -> tuple[Shelf, ...]:
    by_product: dict[Product, list[Container]] = defaultdict(list)
    for container in containers:
        if container.remaining_ug:
            by_product[container.product].append(container)
    shelves = (
        Shelf(product=product, containers=tuple(held)) for product, held in by_product.items()
    )
    return tuple(
        sorted(
            shelves, key=lambda shelf: (shelf.product.is_device, shelf.product.is_second_strength)
        )
    )


def _lots(containers: Iterable[Container]) -> tuple[tuple[str, str, int], ...]:
    """Lot, product name and number of containers, for each lot."""
    number: dict[tuple[str, str], int] = defaultdict(int)
    for each in containers:
        number[each.lot, each.product.name] += 1
    return tuple((lot, name, count) for (lot, name), count in sorted(number.items()))


def _expiring(containers: Iterable[Container], today: date) -> tuple[Container, ...]:
    soon = [
        each for each in containers if each.remaining_ug and each.expires_on <= today + EXPIRES_SOON
    ]
    return tuple(sorted(soon, key=lambda each: (each.expires_on, each.label)))


def _waiting(clinic_id: UUID, at: datetime) -> tuple[Waiting, ...]:
    seats = [
        (chair.name, chair.session)
        for chair in session.board(clinic_id, now=at)
        if chair.session is not None and chair.session.phase in ("checked-in", "ready")
    ]
    waiting = (
        Waiting(session_id=view.session_id, chair=name, due_ug=due_ug_of(view))
        for name, view in seats
    )
    return tuple(each for each in waiting if each.due_ug > 0)


@never_cache
@require_GET
def container(request: HttpRequest, container_id: UUID) -> HttpResponse:
    """The life of one container as a readable story."""
    story = queries.container_story(container_id, clinic_id=request.staff.clinic_id)
    if story is None:
        raise Http404
    numbers = {each.patient_id: each.number for each in people.patients(request.staff.clinic_id)}
    context = {
        "story": story,
        "lines": [
            (line, numbers.get(line.patient_id), is_later)
            for line, is_later in entered_later(story.lines)
        ],
        "container": story.container,
        "today": today_of(request.staff, now()),
        **allowed(request.staff),
    }
    return render(request, "custody/container.html", context)


Line = TypeVar("Line", StoryLine, RegisterRow)


def entered_later(
    lines: Iterable[Line],
) -> list[tuple[Line, bool]]:
    """Each line with whether it was entered after an act that happened later."""
    found: list[tuple[Line, bool]] = []
    latest: datetime | None = None
    for line in lines:
        found.append((line, latest is not None and line.at < latest))
        latest = line.at if latest is None else max(latest, line.at)
    return found


def _with_patients(draws: Iterable[Draw], clinic_id: UUID) -> list[tuple[Draw, Patient | None]]:
    return [(each, people.patient(each.patient_id, clinic_id=clinic_id)) for each in draws]


@require_POST
def hold(request: HttpRequest, container_id: UUID) -> HttpResponse:
    """Set the whole lot of a container aside at once."""
    found = queries.container(container_id, clinic_id=request.staff.clinic_id)
    if found is None:
        raise Http404
    answer = actions.hold_lot(
        product_id=found.product.product_id,
        lot=found.lot,
        reason=request.POST.get("reason", "").strip()[:200],
        by=request.staff,
        at=now(),
        key=key_of(request),
    )
    if isinstance(answer, Refused):
        messages.warning(request, f"Not done. {answer.message}")
    else:
        number = len(answer.container_ids)
        messages.success(request, f"Lot {answer.lot} set aside: {number} containers.")
    return redirect("custody:container", container_id=container_id)


@sensitive_post_parameters("witness_password")
@require_POST
def release(request: HttpRequest, container_id: UUID) -> HttpResponse:
    """Give the whole lot of a container back to use, by two people."""
    found = queries.container(container_id, clinic_id=request.staff.clinic_id)
    if found is None:
        raise Http404
    answer = actions.release_lot(
        product_id=found.product.product_id,
        lot=found.lot,
        reason=request.POST.get("reason", "").strip()[:200],
        witness_login=request.POST.get("witness_login", "").strip(),
        witness_password=request.POST.get("witness_password", ""),
        by=request.staff,
        at=now(),
        key=key_of(request),
    )
    if isinstance(answer, Refused):
        messages.warning(request, f"Not done. {answer.message}")
    else:
        messages.success(request, f"Lot {answer.lot} may be used again.")
    return redirect("custody:container", container_id=container_id)


@never_cache
@require_GET
def register(request: HttpRequest) -> HttpResponse:
    """The controlled-drug register of a period, to read and to print."""
    zone = ZoneInfo(people.clinic(request.staff.clinic_id).time_zone)
    today = today_of(request.staff, now())
    last = read_date(request.GET.get("to")) or today
    first = min(read_date(request.GET.get("from")) or last, last)
    period = Period(
        start=datetime.combine(first, time(), tzinfo=zone),
        end=datetime.combine(last + timedelta(days=1), time(), tzinfo=zone),
    )
    patients = {each.patient_id: each for each in people.patients(request.staff.clinic_id)}
    pages = queries.register(request.staff.clinic_id, period)
    context = {
        "first": first,
        "last": last,
        "pages": [(page, _register_lines(page, patients)) for page in pages],
        "printed_at": now(),
        "totals": queries.totals(request.staff.clinic_id),
    }
    return render(request, "custody/register.html", context)


def _register_lines(
    page: RegisterPage, patients: dict[UUID, Patient]
) -> list[tuple[RegisterRow, Patient | None, bool]]:
    return [
        (row, patients.get(row.patient_id), is_later) for row, is_later in entered_later(page.rows)
    ]


app_name = "custody"
urlpatterns = [
    path("safe", safe, name="safe"),
    path("safe/receive", receive, name="receive"),
    path("safe/count", count, name="count"),
    path("safe/counts/<uuid:count_id>", counted, name="counted"),
    path("safe/containers/<uuid:container_id>", container, name="container"),
    path("safe/containers/<uuid:container_id>/waste", waste_container, name="waste-container"),
    path("safe/containers/<uuid:container_id>/hold", hold, name="hold"),
    path("safe/containers/<uuid:container_id>/release", release, name="release"),
    path("safe/draw/<uuid:session_id>", draw, name="draw"),
    path("safe/waste/<uuid:draw_id>", waste, name="waste"),
    path("safe/put-back/<uuid:draw_id>", put_back, name="put-back"),
    path("safe/register", register, name="register"),
]
