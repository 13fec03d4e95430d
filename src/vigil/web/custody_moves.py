"""Pages of stock that changes its place: to a cabinet or another safe, and out of the clinic.

In: forms. Out: acts of the custody room, or the form again with what was chosen, but never a password.
"""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from vigil.custody import actions, queries
from vigil.custody.domain.deeds import Recipient, Sent, SentOut
from vigil.custody.domain.placing import TRANSFER_HOURS, TRANSFER_HOURS_MAX
from vigil.custody.domain.things import PlaceKind
from vigil.record.clock import now
from vigil.units.refusals import Refused
from vigil.web.custody_forms import (
    allowed,
    chosen_containers,
    key_for_page,
    key_of,
    read_uuid,
    read_whole,
    signed_by_witness,
    status_of,
    witnesses_of,
)

PLACE_WORDS: tuple[tuple[PlaceKind, str], ...] = (
    ("cabinet", "Cabinet: drug may be drawn there"),
    ("safe", "Another safe: drug may be drawn there"),
    ("quarantine", "Quarantine shelf: nothing is drawn there"),
)
RECIPIENT_WORDS: tuple[tuple[Recipient, str], ...] = (
    ("distributor", "Reverse distributor, to be destroyed"),
    ("returned", "Back to the supplier"),
)


@never_cache
@require_http_methods(["GET", "POST"])
def transfers(request: HttpRequest) -> HttpResponse:
    """What is on the way, and a form that sends containers to another place."""
    refused: Refused | None = None
    if request.method == "POST":
        answer = _send(request)
        if isinstance(answer, Sent):
            messages.success(
                request,
                f"On the way to {answer.target.name}: {', '.join(answer.labels)}. "
                "A second person receives it there.",
            )
            return redirect("custody:transfers")
        refused = answer
    return _transfers_page(request, refused)


def _transfers_page(request: HttpRequest, refused: Refused | None) -> HttpResponse:
    clinic_id, at = request.staff.clinic_id, now()
    context = {
        "transfers": [
            (each.sent, each.is_overdue(at), each.sent.by.staff_id == request.staff.staff_id)
            for each in queries.open_transfers(clinic_id)
        ],
        "containers": [
            each
            for each in queries.containers(clinic_id)
            if each.remaining_ug and each.transfer_id is None
        ],
        "places": queries.places(clinic_id),
        "hours": TRANSFER_HOURS,
        "hours_max": TRANSFER_HOURS_MAX,
        "place_kinds": PLACE_WORDS,
        "chosen": set(request.POST.getlist("container")),
        "typed": request.POST,
        "refused": refused,
        "kept": "What you chose was kept." if refused else "",
        "key": key_for_page(request, refused),
        **allowed(request.staff),
    }
    return render(request, "custody/transfers.html", context, status=status_of(refused))


def _send(request: HttpRequest) -> Sent | Refused:
    container_ids = chosen_containers(request)
    place = request.POST.get("place", "")
    place_id = read_uuid(place)
    if place_id is None and place != "safe":
        return Refused(code="CUS-PLACE-UNKNOWN", message="Choose where it goes.")
    return actions.send(
        container_ids=container_ids,
        place_id=place_id,
        reason=request.POST.get("reason", "")[:200],
        within_hours=read_whole(request.POST.get("hours")) or 0,
        by=request.staff,
        at=now(),
        key=key_of(request),
    )


@require_POST
def arrive(request: HttpRequest, transfer_id: UUID) -> HttpResponse:
    """Receive a whole transfer."""
    answer = actions.arrive(
        transfer_id=transfer_id, by=request.staff, at=now(), key=key_of(request)
    )
    if isinstance(answer, Refused):
        messages.warning(request, f"Not done. {answer.message}")
    else:
        messages.success(request, f"Received in {answer.target.name}: {', '.join(answer.labels)}.")
    return redirect("custody:transfers")


@require_POST
def place_new(request: HttpRequest) -> HttpResponse:
    """Bring a cabinet, a safe or a shelf into use."""
    kind = next((kind for kind, _ in PLACE_WORDS if kind == request.POST.get("kind")), None)
    if kind is None:
        messages.warning(request, "Not done. Choose what kind of place it is.")
        return redirect("custody:transfers")
    answer = actions.open_place(
        kind=kind,
        name=request.POST.get("name", "")[:64],
        by=request.staff,
        at=now(),
        key=key_of(request),
    )
    if isinstance(answer, Refused):
        messages.warning(request, f"Not done. {answer.message}")
    else:
        messages.success(request, f"{answer.place.name} is in use.")
    return redirect("custody:transfers")


@never_cache
@sensitive_post_parameters("witness_password")
@require_http_methods(["GET", "POST"])
def send_out(request: HttpRequest) -> HttpResponse:
    """Send stock out of the clinic with its paper, by two people."""
    refused: Refused | None = None
    if request.method == "POST":
        answer = _send_out(request)
        if isinstance(answer, SentOut):
            messages.success(
                request, f"Sent out to {answer.recipient}: {len(answer.containers)} containers."
            )
            return redirect("custody:safe")
        refused = answer
    containers = [
        each
        for each in queries.containers(request.staff.clinic_id)
        if each.remaining_ug and each.transfer_id is None
    ]
    context = {
        # What this page is for stands first: held and expired stock.
        "containers": sorted(
            containers, key=lambda each: (not each.is_held, each.expires_on, each.label)
        ),
        "recipients": RECIPIENT_WORDS,
        "chosen": set(request.POST.getlist("container") or request.GET.getlist("container")),
        "witnesses": witnesses_of(request.staff),
        "typed": request.POST,
        "refused": refused,
        "kept": "Nothing was recorded. What you chose was kept; the password was not."
        if refused
        else "",
        "key": key_for_page(request, refused),
    }
    return render(request, "custody/send_out.html", context, status=status_of(refused))


def _send_out(request: HttpRequest) -> SentOut | Refused:
    to = next((to for to, _ in RECIPIENT_WORDS if to == request.POST.get("to")), None)
    if to is None:
        return Refused(code="CUS-OUT-PAPER", message="Say who gets it.")
    return actions.send_out(
        container_ids=chosen_containers(request),
        to=to,
        recipient=request.POST.get("recipient", "")[:120],
        reference=request.POST.get("reference", "")[:64],
        reason=request.POST.get("reason", "")[:200],
        **signed_by_witness(request),
        by=request.staff,
        at=now(),
        key=key_of(request),
    )
