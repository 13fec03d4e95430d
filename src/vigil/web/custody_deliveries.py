"""The page that takes a delivery in.

In: a form. Out: labelled containers, or the form again with what was typed.
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from vigil.custody import actions, queries
from vigil.custody.domain.facts import Product
from vigil.record.clock import now
from vigil.units.refusals import Refused
from vigil.web.custody_forms import (
    key_for_page,
    key_of,
    read_date,
    read_uuid,
    read_whole,
    status_of,
)


@never_cache
@require_http_methods(["GET", "POST"])
def receive(request: HttpRequest) -> HttpResponse:
    """Take a delivery in; the labels to write come back."""
    products = queries.products(request.staff.clinic_id)
    if request.method == "GET":
        return _receive_page(request, products)
    product_id = read_uuid(request.POST.get("product"))
    expires_on = read_date(request.POST.get("expires_on"))
    containers = read_whole(request.POST.get("containers"))
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
        key=key_of(request),
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
        "key": key_for_page(request, refused),
    }
    return render(request, "custody/receive.html", context, status=status_of(refused))
