"""The only writers of custody. This file: receive, count, draw, give, waste, put back, hold, release.

The doors beside it are named here too, so that a caller needs this module alone: `stock` (orders, places, transfers,
stock that leaves), `preparation` (dilute, claims, dead space), `reckoning` (corrections, losses, closing, the law).
Each is one transaction: lock the row, decide (pure), then the act, its movements and its entry in the chained
register, or a `Refused` and nothing. The same key again gives the same answer and no second effect.
"""

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from vigil.custody import catalogue, queries
from vigil.custody.acts import (
    day_of,
    locked_container,
    locked_draw,
    locked_draw_and_container,
    locked_lot,
    new_ids,
    once,
    once_witnessed,
    person,
)
from vigil.custody.authority import authorisation_of
from vigil.custody.domain import decide
from vigil.custody.domain.counting import decide_count
from vigil.custody.domain.facts import (
    Act,
    Counted,
    CountKind,
    Drawn,
    Given,
    Held,
    Person,
    PutBack,
    Received,
    Released,
    Wasted,
)
from vigil.custody.models import Account as AccountRow
from vigil.custody.models import Act as ActRow
from vigil.custody.models import Container as ContainerRow
from vigil.custody.preparation import (
    book_dead_space,
    change_use,
    dilute,
    set_dead_space,
)
from vigil.custody.reckoning import (
    adopt_jurisdiction,
    close_discrepancy,
    correct,
    declare_loss,
)
from vigil.custody.rows import CONTAINER_ROWS, container_fact
from vigil.custody.stock import arrive, open_place, order, send, send_out
from vigil.custody.writing import open_outside_account
from vigil.people.actions import lacks_duty
from vigil.people.domain.facts import Staff
from vigil.people.duties import Duty
from vigil.record.clock import new_id
from vigil.units.refusals import Refused

__all__ = (
    "adopt_jurisdiction",
    "arrive",
    "book_dead_space",
    "change_use",
    "close_discrepancy",
    "correct",
    "count",
    "declare_loss",
    "dilute",
    "draw",
    "give",
    "hold_lot",
    "open_place",
    "order",
    "put_back",
    "receive",
    "release_lot",
    "send",
    "send_out",
    "set_dead_space",
    "waste",
)

RECEIPT_NUMBER_FIRST = 20_001
"""Labels begin with five digits, so that a label is never read as an amount."""


def receive(
    *,
    product_id: UUID,
    lot: str,
    expires_on: date,
    containers: int,
    invoice: str,
    by: Staff,
    at: datetime,
    key: UUID,
    order_id: UUID | None = None,
) -> Received | Refused:
    """Take a delivery of one lot in: `containers` full vials or devices, labelled here.

    With `order_id` the answer says how many of that order were still waited for (`ordered`, `surplus`).
    """
    if (refused := lacks_duty(by, Duty.RECEIVE)) is not None:
        return refused
    product = next(
        (each for each in catalogue.products(by.clinic_id) if each.product_id == product_id), None
    )
    if product is None:
        return Refused(code="CUS-PRODUCT-UNKNOWN", message="Choose a product from the list.")
    asked: tuple[object, ...] = ("receive", product_id, lot, expires_on, containers, invoice)
    if order_id is not None:
        asked = (*asked, order_id)

    def choose() -> Act | Refused:
        # The supplier's row puts deliveries in a line: each takes the next number for its labels.
        supplier = open_outside_account(by.clinic_id, "supplier")
        AccountRow.objects.select_for_update(no_key=True).get(id=supplier)
        ordered = None if order_id is None else queries.order(order_id, clinic_id=by.clinic_id)
        if order_id is not None and ordered is None:
            return Refused(code="CUS-ORDER-UNKNOWN", message="There is no such order here.")
        received = ActRow.objects.filter(clinic_id=by.clinic_id, kind="received").count()
        known = ContainerRow.objects.filter(
            clinic_id=by.clinic_id, product_id=product_id, lot=lot.strip()
        ).first()
        return decide.decide_receive(
            product=product,
            lot=lot,
            expires_on=expires_on,
            invoice=invoice,
            container_ids=new_ids(containers),
            receipt_number=RECEIPT_NUMBER_FIRST + received,
            known_expiry=None if known is None else known.expires_on,
            receipt_id=new_id(),
            on=day_of(by, at),
            by=person(by),
            at=at,
            order=None if ordered is None else ordered.ordered,
            waiting=0 if ordered is None else ordered.waiting,
        )

    return once(Received, asked, choose, by=by, key=key)


def draw(
    *,
    container_id: UUID,
    amount_ug: int,
    plan_id: UUID,
    patient_id: UUID,
    purpose_id: UUID,
    witness_login: str,
    witness_password: str,
    by: Staff,
    at: datetime,
    key: UUID,
    reason: str = "",
) -> Drawn | Refused:
    """Draw an amount from a container for one patient, before a second person who signs in now.

    `reason` is needed for a second strength only.
    """
    if (refused := lacks_duty(by, Duty.PREPARE)) is not None:
        return refused
    asked = (
        "draw",
        container_id,
        amount_ug,
        plan_id,
        patient_id,
        purpose_id,
        witness_login,
        reason,
    )

    def choose(witness: Person) -> Act | Refused:
        container = locked_container(container_id, by)
        if isinstance(container, Refused):
            return container
        authorisation = authorisation_of(plan_id, patient_id=patient_id, clinic_id=by.clinic_id)
        if isinstance(authorisation, Refused):
            return authorisation
        day = day_of(by, at)
        return decide.decide_draw(
            container,
            authorisation=authorisation,
            amount_ug=amount_ug,
            purpose_id=purpose_id,
            reason=reason,
            is_day_open=queries.is_day_open(by.clinic_id, day),
            draw_id=new_id(),
            on=day,
            by=person(by),
            witness=witness,
            at=at,
        )

    return once_witnessed(Drawn, asked, choose, witness_login, witness_password, by=by, key=key)


def give(*, draw_id: UUID, amount_ug: int, by: Staff, at: datetime, key: UUID) -> Given | Refused:
    """Record what of a draw went into its patient."""
    if (refused := lacks_duty(by, Duty.GIVE)) is not None:
        return refused

    def choose() -> Act | Refused:
        drawn = locked_draw(draw_id, by)
        if isinstance(drawn, Refused):
            return drawn
        return decide.decide_give(drawn, amount_ug=amount_ug, by=person(by), at=at)

    return once(Given, ("give", draw_id, amount_ug), choose, by=by, key=key)


def waste(
    *,
    amount_ug: int,
    witness_login: str,
    witness_password: str,
    reason: str,
    by: Staff,
    at: datetime,
    key: UUID,
    draw_id: UUID | None = None,
    container_id: UUID | None = None,
) -> Wasted | Refused:
    """Destroy what is left of a draw, or of a container (name exactly one), before a second person."""
    assert (draw_id is None) != (container_id is None), "waste names a draw or a container"
    if (refused := lacks_duty(by, Duty.PREPARE)) is not None:
        return refused
    asked = ("waste", draw_id, container_id, amount_ug, witness_login, reason)

    def choose(witness: Person) -> Act | Refused:
        act = {
            "amount_ug": amount_ug, "reason": reason, "by": person(by), "witness": witness, "at": at,
        }  # fmt: skip
        if draw_id is not None:
            drawn = locked_draw(draw_id, by)
            return drawn if isinstance(drawn, Refused) else decide.decide_waste_draw(drawn, **act)
        assert container_id is not None
        container = locked_container(container_id, by)
        if isinstance(container, Refused):
            return container
        return decide.decide_waste_container(container, **act)

    return once_witnessed(Wasted, asked, choose, witness_login, witness_password, by=by, key=key)


def put_back(
    *,
    draw_id: UUID,
    witness_login: str,
    witness_password: str,
    by: Staff,
    at: datetime,
    key: UUID,
) -> PutBack | Refused:
    """Put an unused whole device back into the safe, before a second person."""
    if (refused := lacks_duty(by, Duty.PREPARE)) is not None:
        return refused

    def choose(witness: Person) -> Act | Refused:
        drawn = locked_draw_and_container(draw_id, by)
        if isinstance(drawn, Refused):
            return drawn
        return decide.decide_put_back(drawn, by=person(by), witness=witness, at=at)

    return once_witnessed(
        PutBack, ("put-back", draw_id, witness_login), choose, witness_login, witness_password,
        by=by, key=key,
    )  # fmt: skip


def count(
    *,
    kind: CountKind,
    counted_ug: Mapping[UUID, int],
    witness_login: str,
    witness_password: str,
    by: Staff,
    at: datetime,
    key: UUID,
    estimated: frozenset[UUID] = frozenset(),
) -> Counted | Refused:
    """Record a blind count by two people; each difference opens a discrepancy with owner and clock.

    At a handover the one who hands over counts (`by`) and the one who takes over signs in as the second person.
    `estimated` names opened vials judged by eye, where an adopted rule of the jurisdiction allows it.
    """
    if (refused := lacks_duty(by, Duty.RECONCILE)) is not None:
        return refused
    asked: tuple[object, ...] = (
        "count", kind, sorted((str(each), ug) for each, ug in counted_ug.items()), witness_login,
    )  # fmt: skip
    if estimated:
        asked = (*asked, estimated)

    def choose(witness: Person) -> Act | Refused:
        # Every container stands still while its book amount is compared.
        rows = (
            ContainerRow.objects.filter(clinic_id=by.clinic_id)
            .order_by("id")
            .select_for_update(no_key=True, of=("self",))
            .select_related(*CONTAINER_ROWS)
        )
        day = day_of(by, at)
        return decide_count(
            [container_fact(row) for row in rows],
            kind=kind,
            counted_ug=counted_ug,
            is_day_open=queries.is_day_open(by.clinic_id, day),
            seen_by=queries.book_amounts_seen_by(by.clinic_id),
            count_id=new_id(),
            day=day,
            by=person(by),
            witness=witness,
            at=at,
            estimated=estimated,
            may_estimate=bool(estimated) and queries.is_allowed("estimate", by.clinic_id),
        )

    return once_witnessed(Counted, asked, choose, witness_login, witness_password, by=by, key=key)


def hold_lot(
    *, product_id: UUID, lot: str, reason: str, by: Staff, at: datetime, key: UUID
) -> Held | Refused:
    """Set a lot aside (recall, doubt): from now on nothing of it is drawn. One person may do it."""
    if (refused := lacks_duty(by, Duty.RECEIVE, Duty.PREPARE, Duty.RECONCILE)) is not None:
        return refused

    def choose() -> Act | Refused:
        lot_containers = locked_lot(product_id, lot, by)
        return decide.decide_hold(
            lot_containers, reason=reason, hold_id=new_id(), by=person(by), at=at
        )

    return once(Held, ("hold", product_id, lot, reason), choose, by=by, key=key)


def release_lot(
    *,
    product_id: UUID,
    lot: str,
    reason: str,
    witness_login: str,
    witness_password: str,
    by: Staff,
    at: datetime,
    key: UUID,
) -> Released | Refused:
    """Give a lot that was set aside back to use, by two people."""
    if (refused := lacks_duty(by, Duty.RECONCILE)) is not None:
        return refused

    def choose(witness: Person) -> Act | Refused:
        return decide.decide_release(
            locked_lot(product_id, lot, by),
            reason=reason, hold_id=new_id(), by=person(by), witness=witness, at=at,
        )  # fmt: skip

    return once_witnessed(
        Released, ("release", product_id, lot, reason, witness_login), choose,
        witness_login, witness_password, by=by, key=key,
    )  # fmt: skip
