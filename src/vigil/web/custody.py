"""Pages of the custody room: the safe, deliveries, counts, draws, waste, the register.

In: forms. Out: pages, and acts of the custody room. A refusal comes back with what was typed, but never a password.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from vigil.custody import actions, queries
from vigil.custody.authority import authorisation_of
from vigil.custody.domain.decide import amount_text, choose_container
from vigil.custody.domain.facts import Container, CountKind, Draw, Period, Product, RegisterPage
from vigil.custody.domain.reading import read_counted
from vigil.people import queries as people
from vigil.people.domain.facts import Patient, Staff
from vigil.people.duties import Duty, may
from vigil.record.clock import new_id, now
from vigil.session import queries as session
from vigil.session.domain.facts import SessionView
from vigil.units.refusals import Refused

EXPIRES_SOON = timedelta(days=60)
"""Shown this long before the expiry: two monthly orders, so nothing is thrown away for want of a look."""

WASTE_REASONS = (
    "Left after the dose",
    "Stopped early",
    "Dropped or broken",
    "Drawn and not needed",
)
COUNT_WORDS: dict[str, str] = {
    "opening": "Opening count",
    "closing": "Closing count",
    "spot": "Spot count",
}


# --- the safe ------------------------------------------------------------------------------------


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
    today = _today(request.staff, at)
    containers = queries.containers(clinic_id)
    context = {
        "shelves": _shelves(containers),
        "has_stock": bool(containers),
        "is_day_open": queries.is_day_open(clinic_id, today),
        "counts": queries.counts(clinic_id, on=today),
        "totals": queries.totals(clinic_id),
        "disagreements": queries.disagreements(clinic_id),
        "discrepancies": queries.discrepancies(clinic_id),
        "open_draws": _with_patients(queries.open_draws(clinic_id), clinic_id),
        "held_lots": _lots(each for each in containers if each.is_held and each.remaining_ug),
        "expiring": _expiring(containers, today),
        "today": today,
        "waiting": _waiting(clinic_id, at),
        **_allowed(request.staff),
    }
    return render(request, "custody/safe.html", context)


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
        Waiting(session_id=view.session_id, chair=name, due_ug=_due_ug(view))
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
        "lines": [(line, numbers.get(line.patient_id)) for line in story.lines],
        "container": story.container,
        "today": _today(request.staff, now()),
        **_allowed(request.staff),
    }
    return render(request, "custody/container.html", context)


# --- deliveries ----------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "POST"])
def receive(request: HttpRequest) -> HttpResponse:
    """Take a delivery in; the labels to write come back."""
    products = queries.products(request.staff.clinic_id)
    if request.method == "GET":
        return _receive_page(request, products)
    product_id = _uuid(request.POST.get("product"))
    expires_on = _date(request.POST.get("expires_on"))
    containers = _whole(request.POST.get("containers"))
    if product_id is None or expires_on is None or containers is None:
        refused = Refused(
            code="CUS-RECEIVE-FORM",
            message="Choose the product, and give the expiry as a date and the number as a whole number.",
        )
        return _receive_page(request, products, refused=refused)
    answer = actions.receive(
        product_id=product_id,
        lot=request.POST.get("lot", "")[:64],
        expires_on=expires_on,
        containers=containers,
        invoice=request.POST.get("invoice", "")[:64],
        by=request.staff,
        at=now(),
        key=_key(request),
    )
    if isinstance(answer, Refused):
        return _receive_page(request, products, refused=answer)
    first, last = answer.containers[0].label, answer.containers[-1].label
    labels = first if first == last else f"{first} to {last}"
    messages.success(
        request,
        f"Received {len(answer.containers)} × {answer.product.name}, lot {answer.lot}. "
        f"Write these labels on them: {labels}.",
    )
    return redirect("custody:safe")


def _receive_page(
    request: HttpRequest, products: tuple[Product, ...], *, refused: Refused | None = None
) -> HttpResponse:
    context = {
        "products": products,
        "typed": request.POST,
        "refused": refused,
        "kept": "What you typed was kept." if refused else "",
        "key": _key_for_page(request, refused),
    }
    return render(request, "custody/receive.html", context, status=_status(refused))


# --- counts --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRow:
    """One box of the count form: nothing here tells what the book says."""

    container_id: UUID
    label: str
    lot: str
    expires_on: date
    product: Product
    is_held: bool
    text: str
    error: str

    @property
    def name(self) -> str:
        return f"counted-{self.container_id}"


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
        witness_login=request.POST.get("witness_login", "").strip(),
        witness_password=request.POST.get("witness_password", ""),
        by=request.staff,
        at=now(),
        key=_key(request),
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
    owners = {
        each.container_id: each.owner_name
        for each in queries.discrepancies(request.staff.clinic_id)
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
            "owner": owners.get(line.container_id),
        }
        for line in found.lines
    ]
    context = {"counted": found, "word": COUNT_WORDS[found.kind], "lines": lines}
    return render(request, "custody/counted.html", context)


def _count_kind(request: HttpRequest) -> CountKind:
    asked = request.POST.get("kind") or request.GET.get("kind")
    if asked == "opening" or asked == "closing" or asked == "spot":
        return asked
    today = _today(request.staff, now())
    return "spot" if queries.is_day_open(request.staff.clinic_id, today) else "opening"


def _count_rows(
    request: HttpRequest, containers: Iterable[Container], errors: dict[UUID, str] | None = None
) -> tuple[CountRow, ...]:
    return tuple(
        CountRow(
            container_id=each.container_id,
            label=each.label,
            lot=each.lot,
            expires_on=each.expires_on,
            product=each.product,
            is_held=each.is_held,
            text=request.POST.get(f"counted-{each.container_id}", ""),
            error=(errors or {}).get(each.container_id, ""),
        )
        for each in sorted(containers, key=lambda each: (each.product.name, each.label))
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
        "rows": rows,
        "witnesses": _witnesses(request.staff),
        "typed": request.POST,
        "refused": refused,
        "kept": "What you counted was kept; the password was not." if refused else "",
        "key": _key_for_page(request, refused),
    }
    return render(request, "custody/count.html", context, status=_status(refused))


# --- draw ----------------------------------------------------------------------------------------


@never_cache
@sensitive_post_parameters("witness_password")
@require_http_methods(["GET", "POST"])
def draw(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Draw the dose that is due from the right container, before a second person."""
    view = session.view(session_id, clinic_id=request.staff.clinic_id, now=now())
    if view is None:
        raise Http404
    if request.method == "GET":
        return _draw_page(request, view)
    container_id, amount_ug = _uuid(request.POST.get("container")), _whole(request.POST.get("ug"))
    if container_id is None or amount_ug is None:
        return _draw_page(request, view, refused=_CHOOSE_CONTAINER)
    answer = actions.draw(
        container_id=container_id,
        amount_ug=amount_ug,
        plan_id=view.plan_id,
        patient_id=view.patient_id,
        purpose_id=session_id,
        witness_login=request.POST.get("witness_login", "").strip(),
        witness_password=request.POST.get("witness_password", ""),
        reason=request.POST.get("reason", "")[:200],
        by=request.staff,
        at=now(),
        key=_key(request),
    )
    if isinstance(answer, Refused):
        return _draw_page(request, view, refused=answer)
    messages.success(
        request,
        f"Drawn {amount_text(answer.product, answer.drawn_ug)} from {answer.container_label}, "
        f"witness {answer.witness.name}.",
    )
    if _due_ug(view) > 0:
        return redirect("custody:draw", session_id=session_id)
    return redirect(f"/sessions/{session_id}")


_CHOOSE_CONTAINER = Refused(
    code="CUS-CONTAINER-UNKNOWN", message="Choose the container to draw from, then sign again."
)


def _draw_page(
    request: HttpRequest, view: SessionView, *, refused: Refused | None = None
) -> HttpResponse:
    clinic_id, at = request.staff.clinic_id, now()
    today = _today(request.staff, at)
    authorisation = authorisation_of(view.plan_id, patient_id=view.patient_id, clinic_id=clinic_id)
    usable: tuple[Container, ...] = ()
    if isinstance(authorisation, Refused):
        refused = refused or authorisation
    else:
        usable = choose_container(
            queries.containers(clinic_id), authorisation=authorisation, on=today
        )
    asked = _uuid(request.POST.get("container") or request.GET.get("container"))
    chosen = next((each for each in usable if each.container_id == asked), None)
    chosen = chosen or (usable[0] if usable else None)
    due_ug = _due_ug(view)
    amount_ug = 0
    if chosen is not None and due_ug > 0:
        amount_ug = (
            chosen.filled_ug if chosen.product.is_device else min(due_ug, chosen.remaining_ug)
        )
    context = {
        "view": view,
        "patient": view.patient,
        "due_ug": due_ug,
        "due_devices": -(-due_ug // chosen.filled_ug) if chosen and chosen.product.is_device else 0,
        "usable": usable,
        "chosen": chosen,
        "amount_ug": amount_ug,
        "volume_ul": chosen.product.volume_ul(amount_ug) if chosen else None,
        "amount_words": amount_text(chosen.product, amount_ug) if chosen else "",
        "after_words": amount_text(chosen.product, chosen.remaining_ug - amount_ug)
        if chosen
        else "",
        "draws": queries.draws_for(view.session_id, clinic_id=clinic_id),
        "is_day_open": queries.is_day_open(clinic_id, today),
        "witnesses": _witnesses(request.staff),
        "typed": request.POST,
        "refused": refused,
        "kept": "Nothing was drawn. Your choices were kept; the password was not."
        if refused
        else "",
        "key": _key_for_page(request, refused),
        **_allowed(request.staff),
    }
    return render(request, "custody/draw.html", context, status=_status(refused))


def _due_ug(view: SessionView) -> int:
    """What of the dose is neither given nor in a hand yet."""
    draws = queries.draws_for(view.session_id, clinic_id=view.clinic_id)
    return max(0, view.dose_ug - sum(each.given_ug + each.remaining_ug for each in draws))


# --- waste and put back --------------------------------------------------------------------------


@never_cache
@sensitive_post_parameters("witness_password")
@require_http_methods(["GET", "POST"])
def waste(request: HttpRequest, draw_id: UUID) -> HttpResponse:
    """Destroy what is left of a draw; the amount is computed, never typed."""
    found = queries.draw(draw_id, clinic_id=request.staff.clinic_id)
    if found is None:
        raise Http404
    if request.method == "GET":
        return _waste_page(request, found)
    amount_ug = _whole(request.POST.get("ug"))
    answer = actions.waste(
        draw_id=draw_id,
        # The amount that was on the page: what changed since is refused, not silently taken along.
        amount_ug=0 if amount_ug is None else amount_ug,
        witness_login=request.POST.get("witness_login", "").strip(),
        witness_password=request.POST.get("witness_password", ""),
        reason=_reason(request),
        by=request.staff,
        at=now(),
        key=_key(request),
    )
    if isinstance(answer, Refused):
        return _waste_page(request, found, refused=answer)
    messages.success(
        request,
        f"Wasted {amount_text(found.product, answer.amount_ug)}, witness {answer.witness.name}.",
    )
    return redirect(f"/sessions/{found.purpose_id}")


@never_cache
@sensitive_post_parameters("witness_password")
@require_POST
def put_back(request: HttpRequest, draw_id: UUID) -> HttpResponse:
    """Put an unused whole device back into the safe."""
    found = queries.draw(draw_id, clinic_id=request.staff.clinic_id)
    if found is None:
        raise Http404
    answer = actions.put_back(
        draw_id=draw_id,
        witness_login=request.POST.get("witness_login", "").strip(),
        witness_password=request.POST.get("witness_password", ""),
        by=request.staff,
        at=now(),
        key=_key(request),
    )
    if isinstance(answer, Refused):
        return _waste_page(request, found, refused=answer)
    messages.success(request, f"Put back: device {answer.container_label}, whole and unused.")
    return redirect("custody:safe")


def _waste_page(
    request: HttpRequest, found: Draw, *, refused: Refused | None = None
) -> HttpResponse:
    clinic_id = request.staff.clinic_id
    context = {
        "draw": found,
        "patient": people.patient(found.patient_id, clinic_id=clinic_id),
        "view": session.view(found.purpose_id, clinic_id=clinic_id, now=now()),
        "amount_words": amount_text(found.product, found.remaining_ug),
        "volume_ul": found.product.volume_ul(found.remaining_ug),
        "can_put_back": found.product.is_device and found.remaining_ug == found.drawn_ug,
        "reasons": WASTE_REASONS,
        **_waste_context(request, refused),
    }
    return render(request, "custody/waste.html", context, status=_status(refused))


@never_cache
@sensitive_post_parameters("witness_password")
@require_http_methods(["GET", "POST"])
def waste_container(request: HttpRequest, container_id: UUID) -> HttpResponse:
    """Destroy all that is left in a container, such as an expired vial."""
    found = queries.container(container_id, clinic_id=request.staff.clinic_id)
    if found is None:
        raise Http404
    refused: Refused | None = None
    if request.method == "POST":
        amount_ug = _whole(request.POST.get("ug"))
        answer = actions.waste(
            container_id=container_id,
            amount_ug=0 if amount_ug is None else amount_ug,
            witness_login=request.POST.get("witness_login", "").strip(),
            witness_password=request.POST.get("witness_password", ""),
            reason=_reason(request),
            by=request.staff,
            at=now(),
            key=_key(request),
        )
        if not isinstance(answer, Refused):
            messages.success(
                request,
                f"Wasted {amount_text(found.product, answer.amount_ug)} of {found.label}, "
                f"witness {answer.witness.name}.",
            )
            return redirect("custody:safe")
        refused = answer
    context = {
        "container": found,
        "amount_words": amount_text(found.product, found.remaining_ug),
        "reasons": ("Expired", "Broken or leaking", "Returned by nobody, seal doubtful"),
        **_waste_context(request, refused),
    }
    return render(request, "custody/waste_container.html", context, status=_status(refused))


def _waste_context(request: HttpRequest, refused: Refused | None) -> dict[str, object]:
    return {
        "witnesses": _witnesses(request.staff),
        "typed": request.POST,
        "refused": refused,
        "kept": "Nothing was recorded. Your reason was kept; the password was not."
        if refused
        else "",
        "key": _key_for_page(request, refused),
    }


def _reason(request: HttpRequest) -> str:
    reason = request.POST.get("reason", "").strip()
    note = request.POST.get("note", "").strip()
    return ": ".join(part for part in (reason, note) if part)[:200]


# --- a lot set aside -----------------------------------------------------------------------------


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
        key=_key(request),
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
        key=_key(request),
    )
    if isinstance(answer, Refused):
        messages.warning(request, f"Not done. {answer.message}")
    else:
        messages.success(request, f"Lot {answer.lot} may be used again.")
    return redirect("custody:container", container_id=container_id)


# --- the register --------------------------------------------------------------------------------


@never_cache
@require_GET
def register(request: HttpRequest) -> HttpResponse:
    """The controlled-drug register of a period, to read and to print."""
    zone = ZoneInfo(people.clinic(request.staff.clinic_id).time_zone)
    today = _today(request.staff, now())
    last = _date(request.GET.get("to")) or today
    first = min(_date(request.GET.get("from")) or last, last)
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
) -> list[tuple[object, Patient | None]]:
    return [(row, patients.get(row.patient_id)) for row in page.rows]


# --- what the pages share ------------------------------------------------------------------------


def _allowed(staff: Staff) -> dict[str, object]:
    """What this person may do here, so that a page shows no button that would be refused."""
    routes = ("receive", "count", "draw", "waste", "register", "hold", "release")
    return {
        f"may_{route}": may(staff.duties, f"custody:{route}", method="POST")
        or (route == "register" and may(staff.duties, "custody:register", method="GET"))
        for route in routes
    }


def _witnesses(staff: Staff) -> tuple[Staff, ...]:
    others = people.staff_of(staff.clinic_id, duty=Duty.WITNESS)
    return tuple(each for each in others if each.staff_id != staff.staff_id)


def _with_patients(draws: Iterable[Draw], clinic_id: UUID) -> list[tuple[Draw, Patient | None]]:
    return [(each, people.patient(each.patient_id, clinic_id=clinic_id)) for each in draws]


def _today(staff: Staff, at: datetime) -> date:
    """The date on the clinic's own wall."""
    return at.astimezone(ZoneInfo(people.clinic(staff.clinic_id).time_zone)).date()


def _status(refused: Refused | None) -> int:
    return 200 if refused is None else 409


def _key(request: HttpRequest) -> UUID:
    # A form without its key cannot be told from a double click: it is treated as new.
    return _uuid(request.POST.get("key")) or new_id()


def _key_for_page(request: HttpRequest, refused: Refused | None) -> UUID:
    # A refused act wrote nothing, so its key is still free; a key spent elsewhere is replaced.
    if refused is None or refused.code == "CUS-KEY-REUSED":
        return new_id()
    return _key(request)


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _whole(text: str | None) -> int | None:
    """The whole number that plain ASCII digits say, or None."""
    if not text or len(text) > 9 or not (text.isascii() and text.isdigit()):
        return None
    return int(text)


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
