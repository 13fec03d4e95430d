"""Pages and files to show to others: the register, its UK form, the inspection pack, the draft of a loss report.

In: a period. Out: pages made to print, and the files of a pack.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from vigil.custody import papers as deeds
from vigil.custody import queries
from vigil.custody.domain.facts import Drawn, Period, Received, RegisterPage, RegisterRow
from vigil.people import queries as people
from vigil.people.domain.facts import Patient
from vigil.plan import queries as plans
from vigil.record.clock import now
from vigil.units.refusals import Refused
from vigil.web.custody_forms import read_date, status_of, today_of, zone_of
from vigil.web.custody_pack import Pack, Sum, pack_of
from vigil.web.custody_stories import entered_later
from vigil.web.papers import NoPdf, csv_of, pdf_of, zip_of

DAYS_OFFERED = 91
"""The pack page opens with the last quarter; any period may be asked for."""

REGISTRANT_LETTERS_MAX = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """A period in whole days of the clinic, both ends included."""

    first: date
    last: date
    period: Period


def days_of(first: date, last: date, *, zone: ZoneInfo) -> Days:
    """The days as a period; the earlier one is the first, whatever order they came in."""
    first, last = min(first, last), max(first, last)
    return Days(
        first=first,
        last=last,
        period=Period(
            start=datetime.combine(first, time(), tzinfo=zone),
            end=datetime.combine(last + timedelta(days=1), time(), tzinfo=zone),
        ),
    )


@never_cache
@require_GET
def register(request: HttpRequest) -> HttpResponse:
    """The controlled-drug register of a period, to read and to print; `form=uk` in the columns of the UK."""
    today = today_of(request.staff, now())
    last = read_date(request.GET.get("to")) or today
    first = min(read_date(request.GET.get("from")) or last, last)
    days = days_of(first, last, zone=zone_of(request.staff))
    is_uk = request.GET.get("form") == "uk"
    context = {
        **_register_context(request.staff.clinic_id, days, is_uk=is_uk),
        "printed_at": now(),
        "totals": queries.totals(request.staff.clinic_id),
    }
    return render(
        request, "custody/register_uk.html" if is_uk else "custody/register.html", context
    )


def _register_context(clinic_id: UUID, days: Days, *, is_uk: bool) -> dict[str, object]:
    patients = {each.patient_id: each for each in people.patients(clinic_id)}
    pages = queries.register(clinic_id, days.period)
    said = _said(clinic_id, days.period) if is_uk else {}
    return {
        "first": days.first,
        "last": days.last,
        "pages": [(page, _register_lines(page, patients, said)) for page in pages],
    }


def _said(clinic_id: UUID, period: Period) -> dict[UUID, str]:
    """What the UK form asks beside an act: who sent a delivery, where it was matched to an order; who signed the plan."""
    found: dict[UUID, str] = {}
    for each in deeds.deeds_between(clinic_id, start=period.start, end=period.end):
        if isinstance(each.act, Received) and each.act.order_id is not None:
            order = queries.order(each.act.order_id, clinic_id=clinic_id)
            found[each.act_id] = "" if order is None else order.ordered.supplier
        elif isinstance(each.act, Drawn):
            signed = plans.plan(each.act.plan_id, clinic_id=clinic_id)
            found[each.act_id] = "" if signed is None else signed.signed_by_name
    return found


def _register_lines(
    page: RegisterPage, patients: dict[UUID, Patient], said: dict[UUID, str]
) -> list[tuple[RegisterRow, Patient | None, bool, str]]:
    return [
        (row, patients.get(row.patient_id), is_later, said.get(row.act_id, ""))
        for row, is_later in entered_later(page.rows)
    ]


@never_cache
@require_GET
def pack(request: HttpRequest) -> HttpResponse:
    """Choose a period; see its sums; take the pack."""
    days, registrant = _asked(request)
    found = pack_of(request.staff.clinic_id, days.period, registrant=registrant, made_at=now())
    return _pack_page(request, days, found, None)


def _asked(request: HttpRequest) -> tuple[Days, str]:
    today = today_of(request.staff, now())
    last = read_date(request.GET.get("to")) or today
    first = read_date(request.GET.get("from")) or last - timedelta(days=DAYS_OFFERED)
    registrant = request.GET.get("registrant", "")[:REGISTRANT_LETTERS_MAX]
    return days_of(first, last, zone=zone_of(request.staff)), registrant


def _pack_page(
    request: HttpRequest, days: Days, found: Pack, refused: Refused | None
) -> HttpResponse:
    context = {
        "first": days.first,
        "last": days.last,
        "pack": found,
        "registrant": request.GET.get("registrant", "")[:REGISTRANT_LETTERS_MAX],
        "refused": refused,
    }
    return render(request, "custody/pack.html", context, status=status_of(refused))


@never_cache
@require_GET
def pack_file(request: HttpRequest) -> HttpResponse:
    """The pack as one archive of CSV and PDF."""
    days, registrant = _asked(request)
    found = pack_of(request.staff.clinic_id, days.period, registrant=registrant, made_at=now())
    try:
        files = files_of(found, days, with_pdf=request.GET.get("pdf") != "no")
    except NoPdf as error:
        return _pack_page(request, days, found, Refused(code="CUS-PDF", message=str(error)))
    name = f"inspection-pack-{days.first.isoformat()}-{days.last.isoformat()}.zip"
    return HttpResponse(
        zip_of(files),
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def files_of(found: Pack, days: Days, *, with_pdf: bool) -> dict[str, bytes]:
    """Every file of the pack by its name, the list of their hashes last.

    Raises:
        NoPdf: PDF was wanted and cannot be made here.
    """
    files = {f"{each.name}.csv": csv_of(each.columns, each.rows) for each in found.tables}
    files["sums.csv"] = csv_of(SUM_COLUMNS, [_sum_row(each) for each in found.sums])
    if with_pdf:
        with timezone.override(ZoneInfo(found.clinic.time_zone)):
            context = {"pack": found, "first": days.first, "last": days.last}
            files["inspection-pack.pdf"] = pdf_of(
                render_to_string("custody/pack_paper.html", context)
            )
            uk = _register_context(found.clinic.clinic_id, days, is_uk=True)
            uk |= {"clinic": found.clinic, "registrant": found.registrant, "made_at": found.made_at}
            files["register-uk.pdf"] = pdf_of(
                render_to_string("custody/register_uk_paper.html", uk)
            )
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    listed = {
        "clinic": found.clinic.name,
        "registrant": found.registrant,
        "first_day": days.first.isoformat(),
        "last_day": days.last.isoformat(),
        "made_at": found.made_at.isoformat(),
        "is_simulated": found.clinic.is_simulated,
        "sha256": hashes,
        "record_heads": {
            register: {"seq": seq, "hash": digest} for register, seq, digest in found.heads
        },
        "unexplained_ug": found.unexplained_ug,
    }
    text = json.dumps(listed, indent=2, ensure_ascii=False, sort_keys=True)
    return {**files, "pack.json": text.encode()}


SUM_COLUMNS = (
    "product", "opening_ug", "received_ug", "given_ug", "wasted_ug", "returned_ug", "distributor_ug",
    "loss_ug", "closing_ug", "unexplained_ug",
)  # fmt: skip


def _sum_row(each: Sum) -> tuple[str | int, ...]:
    return tuple(
        each.product.name if name == "product" else getattr(each, name) for name in SUM_COLUMNS
    )


@never_cache
@require_GET
def loss_draft(request: HttpRequest, discrepancy_id: UUID) -> HttpResponse:
    """The draft of a theft or loss report, filled with what the book knows. Nothing is sent."""
    clinic_id = request.staff.clinic_id
    found = queries.discrepancy(discrepancy_id, clinic_id=clinic_id)
    if found is None:
        raise Http404
    explained = deeds.explanations(discrepancy_id, clinic_id=clinic_id)
    container = queries.container(found.container_id, clinic_id=clinic_id)
    assert container is not None
    context = {
        "found": found,
        "container": container,
        "lost_ug": sum(each.amount_ug for each in explained.losses),
        "missing_ug": max(0, -found.difference_ug),
        "losses": explained.losses,
        "clocks": queries.clocks(found, clinic_id=clinic_id),
        "law": queries.adopted_law(clinic_id),
        "printed_at": now(),
    }
    return render(request, "custody/loss_draft.html", context)
