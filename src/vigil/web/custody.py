"""Pages of the safe: what is where, how full, what needs a person; and all routes of custody.

In: requests. Out: pages. The acts have modules of their own, one for each errand.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from vigil.custody import queries
from vigil.custody.domain.facts import Container, Draw, Product
from vigil.custody.domain.readings import Clock, LotSummary
from vigil.custody.domain.things import SAFE, Place
from vigil.people import queries as people
from vigil.people.domain.facts import Patient
from vigil.record.clock import now
from vigil.session import queries as session
from vigil.web.custody_counts import count, count_sheet, counted
from vigil.web.custody_deliveries import order, receive
from vigil.web.custody_differences import (
    age_words,
    close,
    correct,
    difference,
    differences,
    lose,
)
from vigil.web.custody_draws import GIVING, draw, due_ug_of, put_back, waste, waste_container
from vigil.web.custody_forms import allowed, today_of
from vigil.web.custody_law import dead_space_limit, law
from vigil.web.custody_lots import hold, lot, lots, release
from vigil.web.custody_moves import arrive, place_new, send_out, transfers
from vigil.web.custody_papers import loss_draft, pack, pack_file, register
from vigil.web.custody_past import past
from vigil.web.custody_preparing import dead_space, dilute
from vigil.web.custody_stories import container

EXPIRES_SOON = timedelta(days=60)
"""Shown this long before the expiry: two monthly orders, so nothing is thrown away for want of a look."""

NEEDS = ("differences", "transfers", "open_draws", "held_lots", "expiring", "orders", "inventory")
"""What the page lists under "Needs a person"."""

INVENTORY_SOON = timedelta(days=60)
"""An inventory that the law wants is named this long before: two monthly rounds of the compliance lead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """One product at one place, and its containers that still hold drug."""

    place: Place
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
    known_lots = queries.lots(clinic_id)
    open_differences = queries.discrepancies(clinic_id, is_open_only=True)
    context: dict[str, Any] = {
        "shelves": _shelves(containers),
        "has_stock": bool(containers),
        "is_day_open": queries.is_day_open(clinic_id, today),
        "counts": queries.counts(clinic_id, on=today),
        "totals": queries.totals(clinic_id),
        "disagreements": queries.disagreements(clinic_id),
        "differences": [(each, age_words(each.opened_at, at)) for each in open_differences],
        "differing": {each.container_id for each in open_differences},
        "open_draws": _with_patients(_left_over(clinic_id), clinic_id),
        "held_lots": [each for each in known_lots if each.held and each.with_drug],
        "expiring": _expiring(known_lots, containers, today),
        "transfers": [
            (each.sent, each.is_overdue(at)) for each in queries.open_transfers(clinic_id)
        ],
        "orders": queries.orders(clinic_id, is_open_only=True),
        "inventory": _inventory_due(clinic_id, at),
        "today": today,
        "waiting": _waiting(clinic_id, at),
        **allowed(request.staff),
    }
    context["needs_number"] = sum(len(context[name]) for name in NEEDS)
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
    """Place by place, the safe first; at each place the first strength before the second, devices last."""
    standing: dict[tuple[Place, Product], list[Container]] = defaultdict(list)
    for each in containers:
        if each.remaining_ug:
            standing[each.place, each.product].append(each)
    shelves = (
        Shelf(place=place, product=product, containers=tuple(held))
        for (place, product), held in standing.items()
    )
    return tuple(
        sorted(
            shelves,
            key=lambda shelf: (
                shelf.place != SAFE,
                not shelf.place.is_for_use,
                shelf.place.name,
                shelf.product.is_device,
                shelf.product.is_second_strength,
                shelf.product.name,
            ),
        )
    )


def _expiring(
    lots: Iterable[LotSummary], containers: Iterable[Container], today: date
) -> list[tuple[LotSummary, tuple[Container, ...]]]:
    """Lots that end soon, and of those that ended the containers to waste."""
    soon = [each for each in lots if each.with_drug and each.expires_on <= today + EXPIRES_SOON]
    soon.sort(key=lambda each: (each.expires_on, each.lot))
    over = [each for each in containers if each.remaining_ug and each.expires_on < today]
    return [
        (lot, tuple(each for each in over if (each.product, each.lot) == (lot.product, lot.lot)))
        for lot in soon
    ]


def _inventory_due(clinic_id: UUID, at: datetime) -> tuple[Clock, ...]:
    """The inventories of the adopted law that are due soon."""
    return tuple(
        each for each in queries.inventory_clocks(clinic_id) if each.due_at <= at + INVENTORY_SOON
    )


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


def _with_patients(draws: Iterable[Draw], clinic_id: UUID) -> list[tuple[Draw, Patient | None]]:
    return [(each, people.patient(each.patient_id, clinic_id=clinic_id)) for each in draws]


app_name = "custody"
urlpatterns = [
    path("safe", safe, name="safe"),
    path("safe/past", past, name="past"),
    path("safe/receive", receive, name="receive"),
    path("safe/orders", order, name="order"),
    path("safe/count", count, name="count"),
    path("safe/count-sheet", count_sheet, name="count-sheet"),
    path("safe/counts/<uuid:count_id>", counted, name="counted"),
    path("safe/containers/<uuid:container_id>", container, name="container"),
    path("safe/containers/<uuid:container_id>/waste", waste_container, name="waste-container"),
    path("safe/containers/<uuid:container_id>/hold", hold, name="hold"),
    path("safe/containers/<uuid:container_id>/release", release, name="release"),
    path("safe/lots", lots, name="lots"),
    path("safe/lot", lot, name="lot"),
    path("safe/transfers", transfers, name="transfers"),
    path("safe/transfers/<uuid:transfer_id>/arrive", arrive, name="arrive"),
    path("safe/places", place_new, name="place-new"),
    path("safe/send-out", send_out, name="send-out"),
    path("safe/differences", differences, name="differences"),
    path("safe/differences/<uuid:discrepancy_id>", difference, name="difference"),
    path("safe/differences/<uuid:discrepancy_id>/loss", lose, name="lose"),
    path("safe/differences/<uuid:discrepancy_id>/close", close, name="close"),
    path("safe/differences/<uuid:discrepancy_id>/report", loss_draft, name="loss-draft"),
    path("safe/acts/<uuid:act_id>/correct", correct, name="correct"),
    path("safe/draw/<uuid:session_id>", draw, name="draw"),
    path("safe/draws/<uuid:draw_id>/dilute", dilute, name="dilute"),
    path("safe/draws/<uuid:draw_id>/dead-space", dead_space, name="dead-space"),
    path("safe/waste/<uuid:draw_id>", waste, name="waste"),
    path("safe/put-back/<uuid:draw_id>", put_back, name="put-back"),
    path("safe/register", register, name="register"),
    path("safe/pack", pack, name="pack"),
    path("safe/pack.zip", pack_file, name="pack-file"),
    path("safe/law", law, name="law"),
    path("safe/dead-space", dead_space_limit, name="dead-space-limit"),
]
