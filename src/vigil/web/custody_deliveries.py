"""The pages that order stock and take a delivery in, by scan or by hand.

In: a form, or the codes of a box. Out: labelled containers, or the form again with what was typed.
"""

from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from vigil.custody import actions, queries
from vigil.custody.domain.facts import Received
from vigil.record.clock import now
from vigil.units.refusals import Refused
from vigil.web.custody_forms import (
    allowed,
    key_for_page,
    key_of,
    posted,
    read_date,
    read_uuid,
    read_whole,
    status_of,
    today_of,
)
from vigil.web.custody_scans import Scan, refuse_expired, scan_of


@never_cache
@require_http_methods(["GET", "POST"])
def receive(request: HttpRequest) -> HttpResponse:
    """Take a delivery in; the labels to write come back."""
    today = today_of(request.staff, now())
    scan = scan_of(request, today=today)
    refused = scan.refused or refuse_expired(scan, today=today) or _refuse_own_label(scan)
    if request.method == "GET" or refused is not None:
        return _receive_page(request, scan, refused=refused)
    answer = _received(request, scan)
    if isinstance(answer, Refused):
        return _receive_page(request, scan, refused=answer)
    first, last = answer.containers[0].label, answer.containers[-1].label
    labels = first if first == last else f"{first} to {last}"
    messages.success(
        request,
        f"Received {len(answer.containers)} × {answer.product.name}, lot {answer.lot}. "
        f"Write these labels on them: {labels}.{_beside_the_order(answer)}",
    )
    return redirect("custody:safe")


def _refuse_own_label(scan: Scan) -> Refused | None:
    if scan.scanned is None or scan.scanned.label.own is None:
        return None
    return Refused(
        code="CUS-SCAN",
        message=f"{scan.scanned.label.own} is a label of this clinic: it was received already. Scan the box.",
    )


def _received(request: HttpRequest, scan: Scan) -> Received | Refused:
    product_id = read_uuid(request.POST.get("product"))
    expires_on = read_date(request.POST.get("expires_on"))
    containers = read_whole(request.POST.get("containers"))
    if product_id is None or expires_on is None or containers is None:
        return Refused(
            code="CUS-RECEIVE-FORM",
            message="Choose the product, and give the expiry as a date and the number as a whole number.",
        )
    lot = request.POST.get("lot", "")[:64]
    if (refused := _refuse_other_than_scanned(scan, product_id, lot, expires_on)) is not None:
        return refused
    return actions.receive(
        product_id=product_id,
        lot=lot,
        expires_on=expires_on,
        containers=containers,
        invoice=request.POST.get("invoice", "")[:64],
        order_id=read_uuid(request.POST.get("order")),
        by=request.staff,
        at=now(),
        key=key_of(request),
    )


def _refuse_other_than_scanned(
    scan: Scan, product_id: object, lot: str, expires_on: date
) -> Refused | None:
    """The refusal when what is sent differs from what the box's codes say."""
    if scan.scanned is None:
        return None
    label, product = scan.scanned.label, scan.scanned.product
    pairs = (
        ("product", None if product is None else product.product_id, product_id),
        ("lot", label.lot, lot.strip()),
        ("expiry", label.expires_on, expires_on),
    )
    wrong = [name for name, said, sent in pairs if said is not None and said != sent]
    if not wrong:
        return None
    return Refused(
        code="CUS-SCAN-DIFFERS",
        message=f"The {' and '.join(wrong)} differ{'s' if len(wrong) == 1 else ''} from the scanned code. "
        "Scan the box again, or clear the scan.",
    )


def _beside_the_order(received: Received) -> str:
    """How the delivery stands to its order, in words; nothing without one."""
    if received.surplus is None:
        return ""
    if received.surplus > 0:
        return f" That is {received.surplus} more than the order still waited for: tell whoever orders."
    if received.surplus < 0:
        return f" The order still waits for {-received.surplus}."
    return " The order is complete."


def _receive_page(
    request: HttpRequest, scan: Scan, *, refused: Refused | None = None
) -> HttpResponse:
    clinic_id = request.staff.clinic_id
    label = None if scan.scanned is None else scan.scanned.label
    typed = posted(request)
    context = {
        "products": queries.products(clinic_id),
        "orders": queries.orders(clinic_id, is_open_only=True),
        "scan": scan,
        "scanned_product": None if scan.scanned is None else scan.scanned.product,
        "scanned_lot": None if label is None else label.lot,
        "scanned_expiry": None if label is None else label.expires_on,
        "scanned_number": None if scan.scanned is None else scan.scanned.containers,
        "typed": typed,
        "refused": refused,
        "kept": "What you typed was kept." if refused and request.method == "POST" else "",
        "key": key_for_page(request, refused),
    }
    # A scan that does not fit is an answer of the page, not a failed act.
    status = status_of(refused) if request.method == "POST" else 200
    return render(request, "custody/receive.html", context, status=status)


@never_cache
@require_http_methods(["GET", "POST"])
def order(request: HttpRequest) -> HttpResponse:
    """What was ordered and what came of it; and a new order."""
    refused: Refused | None = None
    may_order = allowed(request.staff)["may_order"]
    if request.method == "POST":
        product_id = read_uuid(request.POST.get("product"))
        number = read_whole(request.POST.get("containers"))
        if product_id is None or number is None:
            refused = Refused(
                code="CUS-ORDER-NUMBER", message="Choose the product and give a whole number."
            )
        else:
            answer = actions.order(
                product_id=product_id,
                containers=number,
                supplier=request.POST.get("supplier", "")[:120],
                reference=request.POST.get("reference", "")[:64],
                by=request.staff,
                at=now(),
                key=key_of(request),
            )
            if not isinstance(answer, Refused):
                messages.success(
                    request,
                    f"Order {answer.reference} written down: {answer.containers} × {answer.product.name}.",
                )
                return redirect("custody:order")
            refused = answer
    context = {
        "orders": queries.orders(request.staff.clinic_id),
        "products": queries.products(request.staff.clinic_id),
        "may_order": may_order,
        "typed": request.POST,
        "refused": refused,
        "kept": "What you typed was kept." if refused else "",
        "key": key_for_page(request, refused),
    }
    return render(request, "custody/order.html", context, status=status_of(refused))
