"""State and a request to one act, or the refusal. Pure: no clock, no database, no randomness.

New ids and moments come in as arguments. A refusal changes nothing; the code is stable.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from vigil.custody.domain.deeds import Ordered
from vigil.custody.domain.facts import (
    Authorisation,
    Container,
    Draw,
    Drawn,
    Given,
    Held,
    Person,
    Product,
    PutBack,
    Received,
    ReceivedContainer,
    Released,
    Wasted,
)
from vigil.units.amounts import show_mg, show_ml
from vigil.units.refusals import Refused

CONTAINERS_PER_RECEIPT_MAX = 200
"""More in one delivery line is a typing error: a clinic's order is tens of vials."""


def decide_receive(
    *,
    product: Product,
    lot: str,
    expires_on: date,
    invoice: str,
    container_ids: Sequence[UUID],
    receipt_number: int,
    known_expiry: date | None,
    receipt_id: UUID,
    on: date,
    by: Person,
    at: datetime,
    order: Ordered | None = None,
    waiting: int = 0,
) -> Received | Refused:
    """Take a delivery in, unless lot, expiry, invoice or number cannot be right.

    `known_expiry` is the expiry that this lot of this product already has here, if any. `waiting` is how many
    containers of `order` did not come yet; a delivery of more or fewer is taken in and says so (`surplus`).
    """
    if not 1 <= len(container_ids) <= CONTAINERS_PER_RECEIPT_MAX:
        return Refused(
            code="CUS-RECEIVE-NUMBER",
            message=f"{len(container_ids)} containers is not between 1 and "
            f"{CONTAINERS_PER_RECEIPT_MAX}. Count the delivery again.",
        )
    if not lot.strip() or not invoice.strip():
        return Refused(
            code="CUS-RECEIVE-PAPER",
            message="A delivery needs its lot and its invoice number, as printed.",
        )
    if expires_on < on:
        return Refused(
            code="CUS-LOT-EXPIRED",
            message=f"Lot {lot} expired on {expires_on}. Do not take it in; call the supplier.",
        )
    if known_expiry is not None and known_expiry != expires_on:
        return Refused(
            code="CUS-LOT-EXPIRY",
            message=f"Lot {lot} is known here with expiry {known_expiry}, not {expires_on}. "
            "Read the label again.",
        )
    if order is not None and order.product != product:
        return Refused(
            code="CUS-ORDER-OTHER",
            message=f"The order {order.reference} is for {order.product.name}, not {product.name}. "
            "Choose the right order, or take it in without one.",
        )
    containers = tuple(
        ReceivedContainer(container_id=container_id, label=f"{receipt_number}-{place:02d}")
        for place, container_id in enumerate(container_ids, start=1)
    )
    return Received(
        receipt_id=receipt_id,
        product=product,
        lot=lot.strip(),
        expires_on=expires_on,
        invoice=invoice.strip(),
        containers=containers,
        by=by,
        at=at,
        order_id=None if order is None else order.order_id,
        ordered=None if order is None else waiting,
    )


def decide_draw(
    container: Container,
    *,
    authorisation: Authorisation,
    amount_ug: int,
    purpose_id: UUID,
    reason: str,
    is_day_open: bool,
    draw_id: UUID,
    on: date,
    by: Person,
    witness: Person,
    at: datetime,
) -> Drawn | Refused:
    """Draw for one patient, unless person, day, plan, container or amount stands against it."""
    refused = (
        refuse_self(by, witness)
        or (None if is_day_open else DAY_NOT_OPEN)
        or _refuse_other_drug(container, authorisation)
        or _refuse_out_of_use(container, on)
        or _refuse_amount(container, amount_ug)
    )
    if refused is not None:
        return refused
    if container.product.is_second_strength and not reason.strip():
        return Refused(
            code="CUS-STRENGTH-SECOND",
            message=f"{container.product.name} is the second strength. "
            "Write the prescriber-approved reason for drawing from it, or take the first strength.",
        )
    return Drawn(
        draw_id=draw_id,
        container_id=container.container_id,
        container_label=container.label,
        lot=container.lot,
        expires_on=container.expires_on,
        product=container.product,
        patient_id=authorisation.patient_id,
        plan_id=authorisation.plan_id,
        purpose_id=purpose_id,
        drawn_ug=amount_ug,
        reason=reason.strip(),
        by=by,
        witness=witness,
        at=at,
    )


def decide_give(draw: Draw, *, amount_ug: int, by: Person, at: datetime) -> Given | Refused:
    """Record what went into the patient, unless the syringe holds less."""
    if (refused := refuse_draw_amount(draw, amount_ug)) is not None:
        return refused
    return Given(
        draw_id=draw.draw_id,
        container_id=draw.container_id,
        container_label=draw.container_label,
        amount_ug=amount_ug,
        by=by,
        at=at,
    )


def decide_waste_draw(
    draw: Draw, *, amount_ug: int, reason: str, by: Person, witness: Person, at: datetime
) -> Wasted | Refused:
    """Record waste from a syringe, unless the witness is the wasting person or it holds less."""
    refused = (
        refuse_self(by, witness)
        or refuse_in_use(draw)
        or refuse_draw_amount(draw, amount_ug)
        or refuse_no_reason(reason)
    )
    if refused is not None:
        return refused
    return Wasted(
        container_id=draw.container_id,
        container_label=draw.container_label,
        draw_id=draw.draw_id,
        amount_ug=amount_ug,
        reason=reason.strip(),
        by=by,
        witness=witness,
        at=at,
    )


def decide_waste_container(
    container: Container,
    *,
    amount_ug: int,
    reason: str,
    by: Person,
    witness: Person,
    at: datetime,
) -> Wasted | Refused:
    """Record waste straight from a container; an expired one may be wasted, a held one may not."""
    refused = (
        refuse_self(by, witness)
        or _refuse_held(container)
        or refuse_on_the_way(container)
        or _refuse_amount(container, amount_ug)
        or refuse_no_reason(reason)
    )
    if refused is not None:
        return refused
    return Wasted(
        container_id=container.container_id,
        container_label=container.label,
        draw_id=None,
        amount_ug=amount_ug,
        reason=reason.strip(),
        by=by,
        witness=witness,
        at=at,
    )


def decide_put_back(draw: Draw, *, by: Person, witness: Person, at: datetime) -> PutBack | Refused:
    """Put an unused device back, whole; what was in a syringe never goes back into a vial."""
    refused = (
        refuse_self(by, witness)
        or refuse_in_use(draw)
        or refuse_draw_amount(draw, draw.remaining_ug)
    )
    if refused is not None:
        return refused
    if not draw.product.is_device or draw.remaining_ug != draw.drawn_ug:
        return Refused(
            code="CUS-RETURN-OPENED",
            message="Only an unused, whole device goes back. Waste what is left, with a witness.",
        )
    return PutBack(
        draw_id=draw.draw_id,
        container_id=draw.container_id,
        container_label=draw.container_label,
        amount_ug=draw.remaining_ug,
        by=by,
        witness=witness,
        at=at,
    )


def decide_hold(
    containers: Sequence[Container], *, reason: str, hold_id: UUID, by: Person, at: datetime
) -> Held | Refused:
    """Set every container of one lot aside that still holds drug; one person alone may do it."""
    waiting = [each for each in containers if not each.is_held and each.remaining_ug]
    if not waiting:
        return Refused(code="CUS-HOLD-NONE", message="Nothing of this lot is left to set aside.")
    if (refused := refuse_no_reason(reason)) is not None:
        return refused
    return Held(
        hold_id=hold_id,
        lot=waiting[0].lot,
        product=waiting[0].product,
        container_ids=tuple(each.container_id for each in waiting),
        reason=reason.strip(),
        by=by,
        at=at,
    )


def decide_release(
    containers: Sequence[Container],
    *,
    reason: str,
    hold_id: UUID,
    by: Person,
    witness: Person,
    at: datetime,
) -> Released | Refused:
    """Give a lot that was set aside back to use; this takes two people."""
    held = [each for each in containers if each.is_held]
    if not held:
        return Refused(code="CUS-HOLD-NONE", message="Nothing of this lot is set aside.")
    if (refused := refuse_self(by, witness) or refuse_no_reason(reason)) is not None:
        return refused
    return Released(
        hold_id=hold_id,
        lot=held[0].lot,
        product=held[0].product,
        container_ids=tuple(each.container_id for each in held),
        reason=reason.strip(),
        by=by,
        witness=witness,
        at=at,
    )


def choose_container(
    containers: Iterable[Container], *, authorisation: Authorisation, on: date
) -> tuple[Container, ...]:
    """The containers that may serve the plan, best first.

    First strength before second, open before sealed, then the earliest expiry, then the label: drug
    that would expire is used first and few vials stand open.
    """
    usable = [
        each
        for each in containers
        if _refuse_other_drug(each, authorisation) is None
        and _refuse_out_of_use(each, on) is None
        and each.remaining_ug
    ]
    return tuple(sorted(usable, key=_order_of_use))


def _order_of_use(container: Container) -> tuple[bool, bool, date, str]:
    product = container.product
    return (
        product.is_second_strength,
        container.status != "open",
        container.expires_on,
        container.label,
    )


DAY_NOT_OPEN = Refused(
    code="CUS-DAY-NOT-OPEN",
    message="The day is not open: no opening count stands for today. Count first, then draw.",
)


def refuse_self(by: Person, witness: Person) -> Refused | None:
    """The refusal when one person signs twice, else None."""
    if by.staff_id != witness.staff_id:
        return None
    return Refused(
        code="CUS-WITNESS-SELF",
        message="You cannot witness your own act. Ask a second person to sign.",
    )


def refuse_no_reason(reason: str) -> Refused | None:
    """The refusal when nothing is written where a reason belongs, else None."""
    if reason.strip():
        return None
    return Refused(code="CUS-REASON", message="Write the reason. It stands in the register.")


def _refuse_other_drug(container: Container, authorisation: Authorisation) -> Refused | None:
    product = container.product
    if product.drug == authorisation.drug and product.form == authorisation.form:
        return None
    return Refused(
        code="CUS-DRUG-OTHER",
        message=f"The plan orders {authorisation.drug} ({authorisation.form}). "
        f"{container.label} is {product.name}. Put it back.",
    )


def _refuse_out_of_use(container: Container, on: date) -> Refused | None:
    refused = _refuse_held(container) or _refuse_elsewhere(container)
    if refused is not None:
        return refused
    if container.expires_on < on:
        return Refused(
            code="CUS-EXPIRED",
            message=f"{container.label}, lot {container.lot}, expired on {container.expires_on}. "
            "Take another, and waste this one with a witness.",
        )
    return None


def _refuse_elsewhere(container: Container) -> Refused | None:
    if (refused := refuse_on_the_way(container)) is not None or container.place.is_for_use:
        return refused
    return Refused(
        code="CUS-QUARANTINE",
        message=f"{container.label} stands in {container.place.name}: nothing is drawn there.",
    )


def refuse_on_the_way(container: Container) -> Refused | None:
    """The refusal while a container is between two places, else None."""
    if container.transfer_id is None:
        return None
    return Refused(
        code="CUS-ON-THE-WAY",
        message=f"{container.label}: {container.place.name.lower()}. Receive it there first.",
    )


def refuse_in_use(draw: Draw) -> Refused | None:
    """The refusal while something is being given from the draw: what is left is not known yet."""
    if not draw.is_in_use:
        return None
    return Refused(
        code="CUS-BEING-GIVEN",
        message="Drug is being given from this draw. Record its end first; then waste what is left.",
    )


def _refuse_held(container: Container) -> Refused | None:
    if not container.is_held:
        return None
    return Refused(
        code="CUS-HELD",
        message=f"{container.label}, lot {container.lot}, is set aside. Take another lot.",
    )


def _refuse_amount(container: Container, amount_ug: int) -> Refused | None:
    product = container.product
    if amount_ug <= 0:
        return Refused(code="CUS-AMOUNT-ZERO", message="The amount must be more than zero.")
    if product.is_device and amount_ug != container.filled_ug:
        return Refused(
            code="CUS-DEVICE-WHOLE",
            message=f"A device is used whole: {show_mg(container.filled_ug)}, "
            f"not {show_mg(amount_ug)}.",
        )
    if amount_ug > container.remaining_ug:
        return Refused(
            code="CUS-VOLUME-OVER",
            message=f"{container.label} holds {amount_text(product, container.remaining_ug)}, "
            f"not {amount_text(product, amount_ug)}.",
        )
    if not product.is_device and product.volume_ul(amount_ug) is None:
        return Refused(
            code="CUS-NOT-MEASURABLE",
            message=f"{show_mg(amount_ug)} is no whole number of microlitres of {product.name}.",
        )
    return None


def refuse_draw_amount(draw: Draw, amount_ug: int) -> Refused | None:
    """The refusal when a draw does not hold the amount, else None."""
    if draw.remaining_ug == 0:
        return Refused(
            code="CUS-DRAW-CLOSED",
            message="This draw is closed: all of it is already given, wasted or put back.",
        )
    if amount_ug <= 0:
        return Refused(code="CUS-AMOUNT-ZERO", message="The amount must be more than zero.")
    if amount_ug > draw.remaining_ug:
        return Refused(
            code="CUS-DRAW-OVER",
            message=f"This draw still holds {show_mg(draw.remaining_ug)}, "
            f"not {show_mg(amount_ug)}.",
        )
    return None


def amount_text(product: Product, amount_ug: int) -> str:
    """The amount as the hand measures it and as the book counts it: `3.5 mL (35 mg)`."""
    volume_ul = product.volume_ul(amount_ug)
    mg = show_mg(amount_ug)
    return mg if volume_ul is None else f"{show_ml(volume_ul)} ({mg})"
