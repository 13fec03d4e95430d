"""Pages of what leaves the safe: the draw for a session, its waste and put-back, a container's waste.

In: forms. Out: acts by two people, or the form again with what was chosen, but never a password.
"""

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from vigil.custody import actions, queries
from vigil.custody.authority import authorisation_of
from vigil.custody.domain.decide import amount_text, choose_container
from vigil.custody.domain.facts import Container, Draw
from vigil.custody.domain.preparing import dead_space_ug_max
from vigil.people import queries as people
from vigil.record.clock import now
from vigil.session import queries as session
from vigil.session.domain.facts import SessionView
from vigil.units.refusals import Refused
from vigil.web.custody_forms import (
    allowed,
    key_for_page,
    key_of,
    posted,
    read_uuid,
    read_whole,
    status_of,
    today_of,
    witnesses_of,
)
from vigil.web.custody_scans import Scan, scan_of, scanned_container
from vigil.web.session_chart import drug_detail, drug_now

WASTE_REASONS = (
    "Left after the dose",
    "Stopped early",
    "Dropped or broken",
    "Drawn and not needed",
)


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
    container_id, amount_ug = (
        read_uuid(request.POST.get("container")),
        read_whole(request.POST.get("ug")),
    )
    if container_id is None or amount_ug is None:
        return _draw_page(request, view, refused=_CHOOSE_CONTAINER)
    if (refused := _refuse_other_than_scanned(request, view)) is not None:
        return _draw_page(request, view, refused=refused)
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
        key=key_of(request),
    )
    if isinstance(answer, Refused):
        return _draw_page(request, view, refused=answer)
    messages.success(
        request,
        f"Drawn {amount_text(answer.product, answer.drawn_ug)} from {answer.container_label}, "
        f"witness {answer.witness.name}.",
    )
    if due_ug_of(view) > 0:
        return redirect("custody:draw", session_id=session_id)
    return redirect(f"/sessions/{session_id}")


_CHOOSE_CONTAINER = Refused(
    code="CUS-CONTAINER-UNKNOWN", message="Choose the container to draw from, then sign again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the draw page offers: containers that fit the plan, the one it takes, and what a scan said of it."""

    usable: tuple[Container, ...]
    chosen: Container | None
    scan: Scan
    is_scanned: bool
    refused: Refused | None


def _choice(request: HttpRequest, view: SessionView) -> Choice:
    clinic_id = request.staff.clinic_id
    today = today_of(request.staff, now())
    scan = scan_of(request, today=today)
    authorisation = authorisation_of(view.plan_id, patient_id=view.patient_id, clinic_id=clinic_id)
    if isinstance(authorisation, Refused):
        return Choice(usable=(), chosen=None, scan=scan, is_scanned=False, refused=authorisation)
    everything = queries.containers(clinic_id)
    usable = choose_container(everything, authorisation=authorisation, on=today)
    asked = read_uuid(posted(request).get("container"))
    chosen = next((each for each in usable if each.container_id == asked), None)
    is_asked_for = chosen is not None
    chosen = chosen or (usable[0] if usable else None)
    if chosen is None or scan.scanned is None:
        return Choice(
            usable=usable, chosen=chosen, scan=scan, is_scanned=False, refused=scan.refused
        )
    found = scanned_container(
        scan.scanned,
        chosen=chosen,
        is_asked_for=is_asked_for,
        usable=usable,
        everything=everything,
        today=today,
    )
    if isinstance(found, Refused):
        return Choice(usable=usable, chosen=chosen, scan=scan, is_scanned=False, refused=found)
    return Choice(usable=usable, chosen=found, scan=scan, is_scanned=True, refused=None)


def _refuse_other_than_scanned(request: HttpRequest, view: SessionView) -> Refused | None:
    """The refusal when the container that is signed for is not the one whose code was scanned."""
    choice = _choice(request, view)
    return choice.refused if choice.scan.texts else None


def _draw_page(
    request: HttpRequest, view: SessionView, *, refused: Refused | None = None
) -> HttpResponse:
    clinic_id, at = request.staff.clinic_id, now()
    choice = _choice(request, view)
    refused = refused or choice.refused
    chosen = choice.chosen
    due_ug = due_ug_of(view)
    amount_ug = 0
    if chosen is not None and due_ug > 0:
        amount_ug = (
            chosen.filled_ug if chosen.product.is_device else min(due_ug, chosen.remaining_ug)
        )
    context = {
        "view": view,
        "patient": view.patient,
        **_running(view),
        "due_ug": due_ug,
        "due_devices": -(-due_ug // chosen.filled_ug) if chosen and chosen.product.is_device else 0,
        "usable": choice.usable,
        "chosen": chosen,
        "scan": choice.scan,
        "is_scanned": choice.is_scanned,
        "is_scan_refused": bool(choice.scan.texts) and choice.refused is not None,
        "asked": posted(request).get("container", ""),
        "amount_ug": amount_ug,
        "volume_ul": chosen.product.volume_ul(amount_ug) if chosen else None,
        "amount_words": amount_text(chosen.product, amount_ug) if chosen else "",
        "after_words": amount_text(chosen.product, chosen.remaining_ug - amount_ug)
        if chosen
        else "",
        "draws": queries.draws_for(view.session_id, clinic_id=clinic_id),
        "is_day_open": queries.is_day_open(clinic_id, today_of(request.staff, at)),
        "witnesses": witnesses_of(request.staff),
        "typed": posted(request),
        "refused": refused,
        "kept": "Nothing was drawn. Your choices were kept; the password was not."
        if refused and request.method == "POST"
        else "",
        "key": key_for_page(request, refused),
        **allowed(request.staff),
    }
    # A scan that does not fit is an answer of the page, not a failed act.
    status = status_of(refused) if request.method == "POST" or not choice.scan.texts else 200
    return render(request, "custody/draw.html", context, status=status)


GIVING = ("running", "paused")
"""Phases in which drug leaves the syringe, so that nobody can say yet what is left in it."""


def _running(view: SessionView | None) -> dict[str, object]:
    """What the patient gets at this moment, for the identity bar."""
    if view is None:
        return {}
    return {"drug_now": drug_now(view), "drug_detail": drug_detail(view)}


def due_ug_of(view: SessionView) -> int:
    """What of the dose is neither given nor in a hand yet."""
    draws = queries.draws_for(view.session_id, clinic_id=view.clinic_id)
    return max(0, view.dose_ug - sum(each.given_ug + each.remaining_ug for each in draws))


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
    if (refused := _being_given(found, request.staff.clinic_id)) is not None:
        return _waste_page(request, found, refused=refused)
    amount_ug = read_whole(request.POST.get("ug"))
    answer = actions.waste(
        draw_id=draw_id,
        # The amount that was on the page: what changed since is refused, not silently taken along.
        amount_ug=0 if amount_ug is None else amount_ug,
        witness_login=request.POST.get("witness_login", "").strip(),
        witness_password=request.POST.get("witness_password", ""),
        reason=_reason(request),
        by=request.staff,
        at=now(),
        key=key_of(request),
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
        key=key_of(request),
    )
    if isinstance(answer, Refused):
        return _waste_page(request, found, refused=answer)
    messages.success(request, f"Put back: device {answer.container_label}, whole and unused.")
    return redirect("custody:safe")


def _being_given(found: Draw, clinic_id: UUID) -> Refused | None:
    """The refusal while an infusion runs from this syringe: what is left is known once it has stopped."""
    view = session.view(found.purpose_id, clinic_id=clinic_id, now=now())
    if found.product.is_device or view is None or view.phase not in GIVING:
        return None
    return Refused(
        code="CUS-BEING-GIVEN",
        message="The infusion still runs from this syringe. Record its end first; then waste what is left.",
    )


def _waste_page(
    request: HttpRequest, found: Draw, *, refused: Refused | None = None
) -> HttpResponse:
    clinic_id = request.staff.clinic_id
    view = session.view(found.purpose_id, clinic_id=clinic_id, now=now())
    declared_ul = queries.declared_ul(found.product.product_id, clinic_id=clinic_id)
    limit_ug = dead_space_ug_max(found, volume_ul_max=declared_ul)
    context = {
        "draw": found,
        "patient": people.patient(found.patient_id, clinic_id=clinic_id),
        "view": view,
        **_running(view),
        "can_dead_space": 0 < found.remaining_ug <= limit_ug,
        "limit_ug": limit_ug,
        "can_put_back": found.product.is_device and found.remaining_ug == found.drawn_ug,
        "reasons": WASTE_REASONS,
        **_waste_context(request, refused),
    }
    return render(request, "custody/waste.html", context, status=status_of(refused))


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
        amount_ug = read_whole(request.POST.get("ug"))
        answer = actions.waste(
            container_id=container_id,
            amount_ug=0 if amount_ug is None else amount_ug,
            witness_login=request.POST.get("witness_login", "").strip(),
            witness_password=request.POST.get("witness_password", ""),
            reason=_reason(request),
            by=request.staff,
            at=now(),
            key=key_of(request),
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
        "reasons": ("Expired", "Broken or leaking", "Returned by nobody, seal doubtful"),
        **_waste_context(request, refused),
    }
    return render(request, "custody/waste_container.html", context, status=status_of(refused))


def _waste_context(request: HttpRequest, refused: Refused | None) -> dict[str, object]:
    return {
        "witnesses": witnesses_of(request.staff),
        "typed": request.POST,
        "refused": refused,
        "kept": "Nothing was recorded. Your reason was kept; the password was not."
        if refused
        else "",
        "key": key_for_page(request, refused),
    }


def _reason(request: HttpRequest) -> str:
    reason = request.POST.get("reason", "").strip()
    note = request.POST.get("note", "").strip()
    return ": ".join(part for part in (reason, note) if part)[:200]
