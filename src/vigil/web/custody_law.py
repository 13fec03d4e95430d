"""The page of the law: which rules of which place the clinic took, and what they allow to be estimated.

In: requests. Out: a page; an adoption signed with the person's own password; a declaration by two people.
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from vigil.custody import actions, queries
from vigil.evidence.jurisdictions import jurisdiction_ids, load_jurisdiction
from vigil.record.clock import now
from vigil.units.refusals import Refused
from vigil.web.custody_amounts import read_volume
from vigil.web.custody_forms import (
    allowed,
    key_for_page,
    key_of,
    read_uuid,
    signed_by_witness,
    status_of,
    witnesses_of,
)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def law(request: HttpRequest) -> HttpResponse:
    """The rules of each place as they are written, and the one that counts here."""
    refused: Refused | None = None
    if request.method == "POST":
        answer = actions.adopt_jurisdiction(
            jurisdiction_id=request.POST.get("jurisdiction", ""),
            content_hash=request.POST.get("content_hash", ""),
            signed_off=request.POST.getlist("signed_off"),
            password=request.POST.get("password", ""),
            by=request.staff,
            at=now(),
            key=key_of(request),
        )
        if not isinstance(answer, Refused):
            messages.success(request, "The rules are adopted. Their clocks run from now on.")
            return redirect("custody:law")
        refused = answer
    return _law_page(request, refused)


def _law_page(request: HttpRequest, refused: Refused | None) -> HttpResponse:
    clinic_id = request.staff.clinic_id
    context = {
        "places": [load_jurisdiction(each) for each in jurisdiction_ids()],
        "law": queries.adopted_law(clinic_id),
        "inventory": queries.inventory_clocks(clinic_id),
        "vials": [
            (each, queries.declared_ul(each.product_id, clinic_id=clinic_id))
            for each in queries.products(clinic_id)
            if not each.is_device
        ],
        "may_dead_space": queries.is_allowed("dead-space", clinic_id),
        "witnesses": witnesses_of(request.staff),
        "typed": request.POST,
        "refused": refused,
        "kept": "Nothing was recorded. The password was not kept." if refused else "",
        "key": key_for_page(request, refused),
        **allowed(request.staff),
    }
    return render(request, "custody/law.html", context, status=status_of(refused))


@sensitive_post_parameters("witness_password")
@require_POST
def dead_space_limit(request: HttpRequest) -> HttpResponse:
    """Declare how much of a product may stay in hub and needle, by two people."""
    product_id = read_uuid(request.POST.get("product"))
    volume_ul = read_volume(request.POST.get("volume", ""))
    if product_id is None:
        return _law_page(
            request, Refused(code="CUS-PRODUCT-UNKNOWN", message="Choose a product from the list.")
        )
    if isinstance(volume_ul, Refused):
        return _law_page(request, volume_ul)
    answer = actions.set_dead_space(
        product_id=product_id,
        volume_ul_max=volume_ul,
        reason=request.POST.get("reason", "")[:200],
        **signed_by_witness(request),
        by=request.staff,
        at=now(),
        key=key_of(request),
    )
    if isinstance(answer, Refused):
        return _law_page(request, answer)
    messages.success(request, f"Declared for {answer.product.name}.")
    return redirect("custody:law")
