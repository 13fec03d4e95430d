"""Pages of lots: what is left of each, when it expires, who got it; set aside, recalled, given back.

In: requests. Out: pages, and acts of the custody room.
"""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from vigil.custody import actions, queries
from vigil.custody.domain.facts import Container
from vigil.people import queries as people
from vigil.record.clock import now
from vigil.units.refusals import Refused
from vigil.web.custody_forms import (
    allowed,
    key_of,
    read_uuid,
    signed_by_witness,
    today_of,
    witnesses_of,
)


@never_cache
@require_GET
def lots(request: HttpRequest) -> HttpResponse:
    """Every lot ever received, those with drug first, by expiry."""
    today = today_of(request.staff, now())
    found = sorted(
        queries.lots(request.staff.clinic_id),
        key=lambda each: (not each.with_drug, each.expires_on, each.product.name, each.lot),
    )
    context = {"lots": [(each, each.is_expired(today)) for each in found]}
    return render(request, "custody/lots.html", context)


@never_cache
@require_GET
def lot(request: HttpRequest) -> HttpResponse:
    """One lot: its containers, and every patient who got drug of it. What a recall needs, on one page."""
    clinic_id = request.staff.clinic_id
    product_id, name = read_uuid(request.GET.get("product")), request.GET.get("lot", "")
    found = next(
        (
            each
            for each in queries.lots(clinic_id)
            if each.product.product_id == product_id and each.lot == name
        ),
        None,
    )
    if found is None:
        raise Http404
    containers = [
        each
        for each in queries.containers(clinic_id)
        if each.product.product_id == product_id and each.lot == name
    ]
    patients = {each.patient_id: each for each in people.patients(clinic_id)}
    given = queries.patients_of_lot(clinic_id, product_id=found.product.product_id, lot=name)
    context = {
        "lot": found,
        "is_expired": found.is_expired(today_of(request.staff, now())),
        "containers": containers,
        # The forms of a lot stand at one of its containers: a held one if there is one, else one with drug.
        "container": min(containers, key=lambda each: (not each.is_held, not each.remaining_ug)),
        "given": [(each, patients.get(each.patient_id)) for each in given],
        "reached": len({each.patient_id for each in given}),
        "in_hands": [
            (each, patients.get(each.patient_id))
            for each in queries.open_draws(clinic_id)
            if each.product == found.product and each.lot == name
        ],
        "witnesses": witnesses_of(request.staff),
        "printed_at": now(),
        **allowed(request.staff),
    }
    return render(request, "custody/lot.html", context)


@require_POST
def hold(request: HttpRequest, container_id: UUID) -> HttpResponse:
    """Set the whole lot of a container aside at once."""
    found = _container(request, container_id)
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
    return _back(request, found)


@sensitive_post_parameters("witness_password")
@require_POST
def release(request: HttpRequest, container_id: UUID) -> HttpResponse:
    """Give the whole lot of a container back to use, by two people."""
    found = _container(request, container_id)
    answer = actions.release_lot(
        product_id=found.product.product_id,
        lot=found.lot,
        reason=request.POST.get("reason", "").strip()[:200],
        **signed_by_witness(request),
        by=request.staff,
        at=now(),
        key=key_of(request),
    )
    if isinstance(answer, Refused):
        messages.warning(request, f"Not done. {answer.message}")
    else:
        messages.success(request, f"Lot {answer.lot} may be used again.")
    return _back(request, found)


def lot_address(container: Container) -> str:
    """The page of a container's lot."""
    named = {"product": container.product.product_id, "lot": container.lot}
    return f"{reverse('custody:lot')}?{urlencode(named)}"


def _back(request: HttpRequest, found: Container) -> HttpResponse:
    if request.POST.get("from") == "lot":
        return redirect(lot_address(found))
    return redirect("custody:container", container_id=found.container_id)


def _container(request: HttpRequest, container_id: UUID) -> Container:
    found = queries.container(container_id, clinic_id=request.staff.clinic_id)
    if found is None:
        raise Http404
    return found
