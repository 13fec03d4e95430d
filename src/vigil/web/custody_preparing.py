"""Pages of a draw before and after it is given: made up to a volume, and what stays in hub and needle.

In: forms. Out: acts by two people, or the form again with what was typed, but never a password.
"""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from vigil.custody import actions, queries
from vigil.custody.domain.facts import Draw
from vigil.custody.domain.preparing import dead_space_ug_max
from vigil.people import queries as people
from vigil.record.clock import now
from vigil.units.amounts import show_mg, show_ml
from vigil.units.refusals import Refused
from vigil.web.custody_amounts import read_volume
from vigil.web.custody_forms import (
    key_for_page,
    key_of,
    read_whole,
    signed_by_witness,
    status_of,
    witnesses_of,
)

DILUENTS = ("Sodium chloride 0.9 %", "Glucose 5 %")


@never_cache
@sensitive_post_parameters("witness_password")
@require_http_methods(["GET", "POST"])
def dilute(request: HttpRequest, draw_id: UUID) -> HttpResponse:
    """Make a draw up to a bag's volume; the strength is computed, never typed."""
    found = _draw(request, draw_id)
    if request.method == "GET":
        return _page(request, found, "custody/dilute.html", None)
    volume_ul = read_volume(request.POST.get("volume", ""))
    if isinstance(volume_ul, Refused):
        return _page(request, found, "custody/dilute.html", volume_ul)
    answer = actions.dilute(
        draw_id=draw_id,
        to_volume_ul=volume_ul,
        diluent=request.POST.get("diluent", "")[:64],
        **signed_by_witness(request),
        by=request.staff,
        at=now(),
        key=key_of(request),
    )
    if isinstance(answer, Refused):
        return _page(request, found, "custody/dilute.html", answer)
    messages.success(
        request,
        f"{show_mg(found.drawn_ug)} made up to {show_ml(answer.to_volume_ul)} with {answer.diluent}.",
    )
    return redirect(f"/sessions/{found.purpose_id}")


@never_cache
@sensitive_post_parameters("witness_password")
@require_http_methods(["GET", "POST"])
def dead_space(request: HttpRequest, draw_id: UUID) -> HttpResponse:
    """Book what stayed in hub and needle, where the adopted law lets it be estimated."""
    found = _draw(request, draw_id)
    if request.method == "GET":
        return _page(request, found, "custody/dead_space.html", None)
    answer = actions.book_dead_space(
        draw_id=draw_id,
        amount_ug=read_whole(request.POST.get("ug")) or 0,
        **signed_by_witness(request),
        by=request.staff,
        at=now(),
        key=key_of(request),
    )
    if isinstance(answer, Refused):
        return _page(request, found, "custody/dead_space.html", answer)
    messages.success(request, f"{show_mg(answer.amount_ug)} booked as left in hub and needle.")
    return redirect(f"/sessions/{found.purpose_id}")


def _draw(request: HttpRequest, draw_id: UUID) -> Draw:
    found = queries.draw(draw_id, clinic_id=request.staff.clinic_id)
    if found is None:
        raise Http404
    return found


def _page(
    request: HttpRequest, found: Draw, template: str, refused: Refused | None
) -> HttpResponse:
    clinic_id = request.staff.clinic_id
    declared_ul = queries.declared_ul(found.product.product_id, clinic_id=clinic_id)
    context = {
        "draw": found,
        "patient": people.patient(found.patient_id, clinic_id=clinic_id),
        "drawn_ul": found.product.volume_ul(found.drawn_ug),
        "declared_ul": declared_ul,
        "limit_ug": dead_space_ug_max(found, volume_ul_max=declared_ul),
        "diluents": DILUENTS,
        "witnesses": witnesses_of(request.staff),
        "typed": request.POST,
        "refused": refused,
        "kept": "Nothing was recorded. What you typed was kept; the password was not."
        if refused
        else "",
        "key": key_for_page(request, refused),
    }
    return render(request, template, context, status=status_of(refused))
