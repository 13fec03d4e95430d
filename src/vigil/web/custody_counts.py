"""Pages of the count: blind to fill in, and afterwards found beside book.

In: amounts as typed. Out: a count by two people, or the form again with what was typed, but never a password.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from vigil.custody import actions, queries
from vigil.custody.domain.decide import amount_text
from vigil.custody.domain.facts import Container, CountKind, Product
from vigil.custody.domain.reading import read_counted
from vigil.custody.domain.things import SAFE
from vigil.record.clock import now
from vigil.units.refusals import Refused
from vigil.web.custody_forms import (
    key_for_page,
    key_of,
    signed_by_witness,
    status_of,
    today_of,
    witnesses_of,
)
from vigil.web.record_heads import newest_cards

COUNT_WORDS: dict[str, str] = {
    "opening": "Opening count",
    "closing": "Closing count",
    "spot": "Spot count",
    "handover": "Handover count",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRow:
    """One box of the count form: nothing here tells what the book says."""

    container_id: UUID
    label: str
    lot: str
    expires_on: date
    product: Product
    is_held: bool
    place: str
    may_estimate: bool
    is_estimated: bool
    text: str
    error: str

    @property
    def name(self) -> str:
        return f"counted-{self.container_id}"

    @property
    def shelf(self) -> tuple[str, Product]:
        return self.place, self.product

    @property
    def estimate_name(self) -> str:
        return f"estimated-{self.container_id}"


@never_cache
@sensitive_post_parameters("witness_password")
@require_http_methods(["GET", "POST"])
def count(request: HttpRequest) -> HttpResponse:
    """The blind count: what is found is typed, the book stays closed until both have signed."""
    kind = _count_kind(request)
    containers = [each for each in queries.containers(request.staff.clinic_id) if each.remaining_ug]
    if request.method == "GET":
        return _count_page(request, kind, _count_rows(request, containers))
    counted_ug: dict[UUID, int] = {}
    errors: dict[UUID, str] = {}
    for each in containers:
        text = request.POST.get(f"counted-{each.container_id}", "").strip()
        if not text and kind == "spot":
            continue
        reading = read_counted(text, each.product)
        if isinstance(reading, Refused):
            errors[each.container_id] = reading.message
        else:
            counted_ug[each.container_id] = reading
    rows = _count_rows(request, containers, errors)
    if errors:
        refused = Refused(
            code="CUS-DOSE-TEXT",
            message=f"{len(errors)} of the amounts cannot be read exactly. See beside each.",
        )
        return _count_page(request, kind, rows, refused=refused)
    answer = actions.count(
        kind=kind,
        counted_ug=counted_ug,
        estimated=frozenset(
            each for each in counted_ug if request.POST.get(f"estimated-{each}") == "yes"
        ),
        **signed_by_witness(request),
        by=request.staff,
        at=now(),
        key=key_of(request),
    )
    if isinstance(answer, Refused):
        return _count_page(request, kind, rows, refused=answer)
    return redirect("custody:counted", count_id=answer.count_id)


@never_cache
@require_GET
def counted(request: HttpRequest, count_id: UUID) -> HttpResponse:
    """What a count found, beside the book, with its arithmetic."""
    found = queries.count(count_id, clinic_id=request.staff.clinic_id)
    if found is None:
        raise Http404
    opened = {
        each.container_id: each
        for each in queries.discrepancies(request.staff.clinic_id)
        if each.count_id == count_id
    }
    products = {
        each.container_id: each.product for each in queries.containers(request.staff.clinic_id)
    }
    lines = [
        {
            "line": line,
            "found": amount_text(products[line.container_id], line.counted_ug),
            "book": amount_text(products[line.container_id], line.expected_ug),
            "off": amount_text(products[line.container_id], abs(line.difference_ug)),
            "opened": opened.get(line.container_id),
        }
        for line in found.lines
    ]
    context = {"counted": found, "word": COUNT_WORDS[found.kind], "lines": lines}
    return render(request, "custody/counted.html", context)


@never_cache
@require_GET
def count_sheet(request: HttpRequest) -> HttpResponse:
    """A blind sheet to print: each container with an empty box, and the heads of the record to keep on paper."""
    kind = _count_kind(request)
    containers = [each for each in queries.containers(request.staff.clinic_id) if each.remaining_ug]
    context = {
        "word": COUNT_WORDS[kind],
        "rows": _count_rows(request, containers),
        "cards": newest_cards(request.staff.clinic_id),
        "printed_at": now(),
    }
    return render(request, "custody/count_sheet.html", context)


def _count_kind(request: HttpRequest) -> CountKind:
    asked = request.POST.get("kind") or request.GET.get("kind")
    if asked == "opening" or asked == "closing" or asked == "spot" or asked == "handover":
        return asked
    today = today_of(request.staff, now())
    return "spot" if queries.is_day_open(request.staff.clinic_id, today) else "opening"


def _kinds_now(request: HttpRequest) -> list[tuple[str, str]]:
    """The counts that may be made now: the day opens with one and closes with one."""
    today = today_of(request.staff, now())
    is_open = queries.is_day_open(request.staff.clinic_id, today)
    kinds = ("spot", "handover", "closing") if is_open else ("opening", "spot")
    return [(kind, COUNT_WORDS[kind]) for kind in kinds]


def _count_rows(
    request: HttpRequest, containers: Iterable[Container], errors: dict[UUID, str] | None = None
) -> tuple[CountRow, ...]:
    may_estimate = queries.is_allowed("estimate", request.staff.clinic_id)
    return tuple(
        CountRow(
            container_id=each.container_id,
            label=each.label,
            lot=each.lot,
            expires_on=each.expires_on,
            product=each.product,
            is_held=each.is_held,
            place=each.place.name,
            # Offered for every vial, opened or not: which are open is the book's to know.
            may_estimate=may_estimate and not each.product.is_device,
            is_estimated=request.POST.get(f"estimated-{each.container_id}") == "yes",
            text=request.POST.get(f"counted-{each.container_id}", ""),
            error=(errors or {}).get(each.container_id, ""),
        )
        for each in sorted(
            containers,
            key=lambda each: (
                each.place.name != SAFE.name,
                each.place.name,
                each.product.name,
                each.label,
            ),
        )
    )


def _count_page(
    request: HttpRequest,
    kind: CountKind,
    rows: tuple[CountRow, ...],
    *,
    refused: Refused | None = None,
) -> HttpResponse:
    context = {
        "kind": kind,
        "word": COUNT_WORDS[kind],
        "kinds": _kinds_now(request),
        "rows": rows,
        "witnesses": witnesses_of(request.staff),
        "typed": request.POST,
        "refused": refused,
        "kept": "What you counted was kept; the password was not." if refused else "",
        "key": key_for_page(request, refused),
    }
    return render(request, "custody/count.html", context, status=status_of(refused))
