"""Where containers stand, and how stock comes and goes on paper: decisions. Pure, as `decide` is.

In: containers as they stand, a request. Out: the act, or the refusal and nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from vigil.custody.domain.decide import (
    CONTAINERS_PER_RECEIPT_MAX,
    refuse_no_reason,
    refuse_on_the_way,
    refuse_self,
)
from vigil.custody.domain.deeds import (
    Arrived,
    ContainerOut,
    Ordered,
    PlaceOpened,
    Recipient,
    Sent,
    SentOut,
)
from vigil.custody.domain.things import Container, Person, Place, PlaceKind, Product
from vigil.units.refusals import Refused

TRANSFER_HOURS = 2
"""A transfer that is not received by then is alarmed. Inside one clinic a walk takes minutes; the rest is the
time in which a receiver may be bound at a chair."""

TRANSFER_HOURS_MAX = 72
"""A courier between two sites over a weekend; longer is not on the way, it is missing."""


def decide_order(
    *,
    product: Product,
    containers: int,
    supplier: str,
    reference: str,
    order_id: UUID,
    by: Person,
    at: datetime,
) -> Ordered | Refused:
    """Write down an order, unless its number or its paper cannot be right."""
    if not 1 <= containers <= CONTAINERS_PER_RECEIPT_MAX:
        return Refused(
            code="CUS-ORDER-NUMBER",
            message=f"{containers} containers is not between 1 and {CONTAINERS_PER_RECEIPT_MAX}.",
        )
    if not supplier.strip() or not reference.strip():
        return Refused(
            code="CUS-ORDER-PAPER", message="An order needs its supplier and its number."
        )
    return Ordered(
        order_id=order_id,
        product=product,
        containers=containers,
        supplier=supplier.strip(),
        reference=reference.strip(),
        by=by,
        at=at,
    )


def decide_open_place(
    known: Sequence[Place],
    *,
    kind: PlaceKind,
    name: str,
    place_id: UUID,
    by: Person,
    at: datetime,
) -> PlaceOpened | Refused:
    """Open a cabinet, another safe or a quarantine shelf; two places never share a name."""
    assert kind != "transfer", "nobody opens a way"
    if not name.strip() or name.strip().casefold() in {each.name.casefold() for each in known}:
        return Refused(
            code="CUS-PLACE-NAME", message="Give the place a name that no other place has."
        )
    place = Place(place_id=place_id, kind=kind, name=name.strip())
    return PlaceOpened(place=place, by=by, at=at)


def decide_send(
    containers: Sequence[Container],
    *,
    target: Place,
    reason: str,
    within_hours: int,
    transfer_id: UUID,
    by: Person,
    at: datetime,
) -> Sent | Refused:
    """Send containers to another place; from now on they are on the way and nothing is drawn from them."""
    if not containers:
        return Refused(code="CUS-TRANSFER-NONE", message="Choose at least one container.")
    if not 1 <= within_hours <= TRANSFER_HOURS_MAX:
        return Refused(
            code="CUS-TRANSFER-HOURS",
            message=f"Say within how many hours it arrives: 1 to {TRANSFER_HOURS_MAX}.",
        )
    for each in containers:
        if (refused := refuse_on_the_way(each)) is not None:
            return refused
        if each.place == target:
            return Refused(
                code="CUS-TRANSFER-SAME", message=f"{each.label} already stands in {target.name}."
            )
    if (refused := refuse_no_reason(reason)) is not None:
        return refused
    return Sent(
        transfer_id=transfer_id,
        container_ids=tuple(each.container_id for each in containers),
        labels=tuple(each.label for each in containers),
        target=target,
        reason=reason.strip(),
        due_at=at + timedelta(hours=within_hours),
        by=by,
        at=at,
    )


def decide_arrive(sent: Sent, *, is_received: bool, by: Person, at: datetime) -> Arrived | Refused:
    """Receive all that was sent, once, by a second person; what is missing is counted, not left out."""
    if is_received:
        return Refused(code="CUS-TRANSFER-DONE", message="This transfer was already received.")
    if by.staff_id == sent.by.staff_id:
        return Refused(
            code="CUS-TRANSFER-SELF",
            message="You sent it. A second person receives it, so that two people had it in hand.",
        )
    return Arrived(
        transfer_id=sent.transfer_id,
        container_ids=sent.container_ids,
        labels=sent.labels,
        target=sent.target,
        by=by,
        at=at,
    )


def decide_send_out(
    containers: Sequence[Container],
    *,
    to: Recipient,
    recipient: str,
    reference: str,
    reason: str,
    dispatch_id: UUID,
    by: Person,
    witness: Person,
    at: datetime,
) -> SentOut | Refused:
    """Send stock out of the clinic with all that is in it; held and expired stock is what this is for."""
    if (refused := refuse_self(by, witness) or refuse_no_reason(reason)) is not None:
        return refused
    if not recipient.strip() or not reference.strip():
        return Refused(
            code="CUS-OUT-PAPER",
            message="Stock leaves only with a paper: who gets it, and the number of the form.",
        )
    full = [each for each in containers if each.remaining_ug]
    if not full or len(full) != len(containers):
        return Refused(code="CUS-OUT-EMPTY", message="Choose containers that still hold drug.")
    for each in full:
        if (refused := refuse_on_the_way(each)) is not None:
            return refused
    return SentOut(
        dispatch_id=dispatch_id,
        to=to,
        recipient=recipient.strip(),
        reference=reference.strip(),
        containers=tuple(
            ContainerOut(
                container_id=each.container_id,
                label=each.label,
                product=each.product,
                lot=each.lot,
                amount_ug=each.remaining_ug,
            )
            for each in full
        ),
        reason=reason.strip(),
        by=by,
        witness=witness,
        at=at,
    )
