"""Actions on stock as a whole: order, open a place, send and receive between places, send out of the clinic.

Each is one transaction, as in `actions`, which is the door that other rooms use.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from vigil.custody import catalogue
from vigil.custody.acts import locked_containers, once, once_witnessed, person
from vigil.custody.domain.deeds import Arrived, Ordered, PlaceOpened, Recipient, Sent, SentOut
from vigil.custody.domain.facts import Act, Person
from vigil.custody.domain.placing import (
    TRANSFER_HOURS,
    decide_arrive,
    decide_open_place,
    decide_order,
    decide_send,
    decide_send_out,
)
from vigil.custody.domain.things import SAFE, Place, PlaceKind
from vigil.custody.models import Arrival as ArrivalRow
from vigil.custody.models import Place as PlaceRow
from vigil.custody.models import Transfer as TransferRow
from vigil.custody.rows import act_fact, place_fact
from vigil.people.actions import lacks_duty
from vigil.people.domain.facts import Staff
from vigil.people.duties import Duty
from vigil.record.clock import new_id
from vigil.units.refusals import Refused


def order(
    *,
    product_id: UUID,
    containers: int,
    supplier: str,
    reference: str,
    by: Staff,
    at: datetime,
    key: UUID,
) -> Ordered | Refused:
    """Write down an order (ORDER): receiving it, by whoever holds that duty, is matched against it."""
    if (refused := lacks_duty(by, Duty.ORDER)) is not None:
        return refused
    product = next(
        (each for each in catalogue.products(by.clinic_id) if each.product_id == product_id), None
    )
    if product is None:
        return Refused(code="CUS-PRODUCT-UNKNOWN", message="Choose a product from the list.")

    def choose() -> Act | Refused:
        return decide_order(
            product=product,
            containers=containers,
            supplier=supplier,
            reference=reference,
            order_id=new_id(),
            by=person(by),
            at=at,
        )

    asked = ("order", product_id, containers, supplier, reference)
    return once(Ordered, asked, choose, by=by, key=key)


def open_place(
    *, kind: PlaceKind, name: str, by: Staff, at: datetime, key: UUID
) -> PlaceOpened | Refused:
    """Open a cabinet, another safe or a quarantine shelf (RECONCILE or ADMINISTER)."""
    if (refused := lacks_duty(by, Duty.RECONCILE, Duty.ADMINISTER)) is not None:
        return refused

    def choose() -> Act | Refused:
        rows = PlaceRow.objects.filter(clinic_id=by.clinic_id)
        return decide_open_place(
            [SAFE, *(place_fact(row) for row in rows)],
            kind=kind,
            name=name,
            place_id=new_id(),
            by=person(by),
            at=at,
        )

    return once(PlaceOpened, ("open-place", kind, name), choose, by=by, key=key)


def send(
    *,
    container_ids: Sequence[UUID],
    place_id: UUID | None,
    reason: str,
    by: Staff,
    at: datetime,
    key: UUID,
    within_hours: int = TRANSFER_HOURS,
) -> Sent | Refused:
    """Send containers to another place (None: the safe); they are on the way until a second person has them."""
    if (refused := lacks_duty(by, Duty.PREPARE, Duty.RECEIVE, Duty.RECONCILE)) is not None:
        return refused

    def choose() -> Act | Refused:
        containers = locked_containers(container_ids, by)
        if isinstance(containers, Refused):
            return containers
        target = _place(place_id, by)
        if isinstance(target, Refused):
            return target
        return decide_send(
            containers,
            target=target,
            reason=reason,
            within_hours=within_hours,
            transfer_id=new_id(),
            by=person(by),
            at=at,
        )

    asked = ("send", tuple(container_ids), place_id, reason, within_hours)
    return once(Sent, asked, choose, by=by, key=key)


def arrive(*, transfer_id: UUID, by: Staff, at: datetime, key: UUID) -> Arrived | Refused:
    """Receive a whole transfer at its place, by a person who did not send it."""
    if (refused := lacks_duty(by, Duty.PREPARE, Duty.RECEIVE, Duty.RECONCILE)) is not None:
        return refused

    def choose() -> Act | Refused:
        row = (
            TransferRow.objects.filter(id=transfer_id, clinic_id=by.clinic_id)
            .select_for_update(no_key=True, of=("self",))
            .select_related("act")
            .first()
        )
        if row is None:
            return Refused(code="CUS-TRANSFER-UNKNOWN", message="There is no such transfer here.")
        sent = act_fact(row.act)
        assert isinstance(sent, Sent)
        is_received = ArrivalRow.objects.filter(transfer_id=transfer_id).exists()
        return decide_arrive(sent, is_received=is_received, by=person(by), at=at)

    return once(Arrived, ("arrive", transfer_id), choose, by=by, key=key)


def send_out(
    *,
    container_ids: Sequence[UUID],
    to: Recipient,
    recipient: str,
    reference: str,
    reason: str,
    witness_login: str,
    witness_password: str,
    by: Staff,
    at: datetime,
    key: UUID,
) -> SentOut | Refused:
    """Send stock with all that is in it to a reverse distributor or back to the supplier, by two people."""
    if (refused := lacks_duty(by, Duty.RECONCILE, Duty.RECEIVE)) is not None:
        return refused

    def choose(witness: Person) -> Act | Refused:
        containers = locked_containers(container_ids, by)
        if isinstance(containers, Refused):
            return containers
        return decide_send_out(
            containers,
            to=to,
            recipient=recipient,
            reference=reference,
            reason=reason,
            dispatch_id=new_id(),
            by=person(by),
            witness=witness,
            at=at,
        )

    asked = ("send-out", tuple(container_ids), to, recipient, reference, reason, witness_login)
    return once_witnessed(SentOut, asked, choose, witness_login, witness_password, by=by, key=key)


def _place(place_id: UUID | None, by: Staff) -> Place | Refused:
    if place_id is None:
        return SAFE
    row = PlaceRow.objects.filter(id=place_id, clinic_id=by.clinic_id).first()
    if row is None:
        return Refused(code="CUS-PLACE-UNKNOWN", message="There is no such place here.")
    return place_fact(row)
