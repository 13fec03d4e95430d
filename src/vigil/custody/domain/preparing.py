"""What is done with a draw before and while it is given: make up, mark in use, estimate what stays behind. Pure.

In: a draw as it stands, a request. Out: the act, or the refusal and nothing.
"""

from datetime import datetime
from uuid import UUID

from vigil.custody.domain.decide import (
    refuse_draw_amount,
    refuse_in_use,
    refuse_no_reason,
    refuse_self,
)
from vigil.custody.domain.deeds import DeadSpaceBooked, DeadSpaceSet, Diluted, UseChanged
from vigil.custody.domain.things import Draw, Person, Product
from vigil.units.amounts import show_mg, show_ml
from vigil.units.refusals import Refused

BAG_UL_MAX = 1_000_000
"""One litre: the largest infusion bag; more is a slip of the decimal point."""

DEAD_SPACE_UL_MAX = 500
"""Hub and needle of the largest syringe hold tenths of a millilitre; more is not a dead space, it is drug."""


def decide_dilute(
    draw: Draw, *, to_volume_ul: int, diluent: str, by: Person, witness: Person, at: datetime
) -> Diluted | Refused:
    """Make a draw up to a volume, once, before any of it is given; no amount changes."""
    refused = refuse_self(by, witness) or refuse_draw_amount(draw, draw.remaining_ug)
    if refused is not None:
        return refused
    drawn_ul = draw.product.volume_ul(draw.drawn_ug)
    if drawn_ul is None or draw.diluted_to_ul is not None or draw.remaining_ug != draw.drawn_ug:
        return Refused(
            code="CUS-DILUTE-STATE",
            message="Only a whole, undiluted draw from a vial is made up to a volume, and only once.",
        )
    if not drawn_ul < to_volume_ul <= BAG_UL_MAX:
        return Refused(
            code="CUS-DILUTE-VOLUME",
            message=f"{show_ml(to_volume_ul)} is not more than the {show_ml(drawn_ul)} drawn "
            f"and at most {show_ml(BAG_UL_MAX)}.",
        )
    if not diluent.strip():
        return Refused(code="CUS-DILUENT", message="Name what it was made up with.")
    return Diluted(
        draw_id=draw.draw_id,
        container_id=draw.container_id,
        container_label=draw.container_label,
        to_volume_ul=to_volume_ul,
        diluent=diluent.strip(),
        by=by,
        witness=witness,
        at=at,
    )


def decide_use(
    draw: Draw, *, is_in_use: bool, purpose_id: UUID, by: Person, at: datetime
) -> UseChanged | Refused:
    """Claim a draw while something is given from it, or give the claim back; its purpose alone may."""
    if draw.purpose_id != purpose_id:
        return Refused(code="CUS-USE-OTHER", message="This draw was made for another purpose.")
    if draw.is_in_use == is_in_use:
        return Refused(
            code="CUS-USE-SAME",
            message="This draw is already in use." if is_in_use else "This draw is not in use.",
        )
    if is_in_use and draw.remaining_ug == 0:
        return Refused(code="CUS-DRAW-CLOSED", message="This draw holds nothing to give.")
    return UseChanged(
        draw_id=draw.draw_id,
        container_id=draw.container_id,
        container_label=draw.container_label,
        is_in_use=is_in_use,
        by=by,
        at=at,
    )


def decide_set_dead_space(
    product: Product,
    *,
    volume_ul_max: int,
    is_allowed: bool,
    reason: str,
    declaration_id: UUID,
    by: Person,
    witness: Person,
    at: datetime,
) -> DeadSpaceSet | Refused:
    """Declare how much of a product may stay in hub and needle; 0 takes the declaration back.

    `is_allowed`: an adopted rule of the clinic's jurisdiction lets such a rest be estimated.
    """
    if (refused := refuse_self(by, witness) or refuse_no_reason(reason)) is not None:
        return refused
    if not is_allowed:
        return Refused(
            code="CUS-DEAD-SPACE-LAW",
            message="No adopted rule of this clinic lets a rest be estimated. Waste what can be measured.",
        )
    if product.is_device or not 0 <= volume_ul_max <= DEAD_SPACE_UL_MAX:
        return Refused(
            code="CUS-DEAD-SPACE-VOLUME",
            message=f"A dead space is of a vial's product and 0 to {show_ml(DEAD_SPACE_UL_MAX)}.",
        )
    return DeadSpaceSet(
        declaration_id=declaration_id,
        product=product,
        volume_ul_max=volume_ul_max,
        reason=reason.strip(),
        by=by,
        witness=witness,
        at=at,
    )


def dead_space_ug_max(draw: Draw, *, volume_ul_max: int) -> int:
    """How much of this draw the declared volume can hold, µg, rounded down; 0 without a declaration."""
    strength = draw.strength
    return 0 if strength is None else strength.amount_ug_at_most(volume_ul_max)


def decide_dead_space(
    draw: Draw,
    *,
    amount_ug: int,
    volume_ul_max: int,
    by: Person,
    witness: Person,
    at: datetime,
) -> DeadSpaceBooked | Refused:
    """Book what stayed in hub and needle, within the declaration, once nothing else is left in the draw."""
    refused = refuse_self(by, witness) or refuse_in_use(draw) or refuse_draw_amount(draw, amount_ug)
    if refused is not None:
        return refused
    limit_ug = dead_space_ug_max(draw, volume_ul_max=volume_ul_max)
    if amount_ug > limit_ug:
        return Refused(
            code="CUS-DEAD-SPACE-OVER",
            message=f"{show_mg(amount_ug)} is more than the {show_mg(limit_ug)} declared for hub and "
            "needle. Waste the rest with a witness, or count it as missing.",
        )
    if amount_ug != draw.remaining_ug:
        return Refused(
            code="CUS-DEAD-SPACE-LAST",
            message="A dead space is the last line of a draw: it books all that is left.",
        )
    return DeadSpaceBooked(
        draw_id=draw.draw_id,
        container_id=draw.container_id,
        container_label=draw.container_label,
        amount_ug=amount_ug,
        by=by,
        witness=witness,
        at=at,
    )
