"""Actions on a draw: make it up to a volume, claim it while it is given, estimate what stays in hub and needle.

Each is one transaction, as in `actions`, which is the door that other rooms use.
"""

from datetime import datetime
from uuid import UUID

from vigil.custody import catalogue, law
from vigil.custody.acts import locked_draw, once, once_witnessed, person
from vigil.custody.domain.deeds import DeadSpaceBooked, DeadSpaceSet, Diluted, UseChanged
from vigil.custody.domain.facts import Act, Person
from vigil.custody.domain.preparing import (
    decide_dead_space,
    decide_dilute,
    decide_set_dead_space,
    decide_use,
)
from vigil.people.actions import lacks_duty
from vigil.people.domain.facts import Staff
from vigil.people.duties import Duty
from vigil.record.clock import new_id
from vigil.units.refusals import Refused


def dilute(
    *,
    draw_id: UUID,
    to_volume_ul: int,
    diluent: str,
    witness_login: str,
    witness_password: str,
    by: Staff,
    at: datetime,
    key: UUID,
) -> Diluted | Refused:
    """Make a draw up to a volume (PREPARE), before a second person; its strength becomes an exact fraction."""
    if (refused := lacks_duty(by, Duty.PREPARE)) is not None:
        return refused

    def choose(witness: Person) -> Act | Refused:
        drawn = locked_draw(draw_id, by)
        if isinstance(drawn, Refused):
            return drawn
        return decide_dilute(
            drawn,
            to_volume_ul=to_volume_ul,
            diluent=diluent,
            by=person(by),
            witness=witness,
            at=at,
        )

    asked = ("dilute", draw_id, to_volume_ul, diluent, witness_login)
    return once_witnessed(Diluted, asked, choose, witness_login, witness_password, by=by, key=key)


def change_use(
    *, draw_id: UUID, is_in_use: bool, purpose_id: UUID, by: Staff, at: datetime, key: UUID
) -> UseChanged | Refused:
    """Claim a draw while something is given from it, or give the claim back (GIVE).

    Called by the room that a draw was made for: while the claim stands, only giving moves the draw. `purpose_id`
    must be the draw's own; what a purpose is, custody does not know.
    """
    if (refused := lacks_duty(by, Duty.GIVE)) is not None:
        return refused

    def choose() -> Act | Refused:
        drawn = locked_draw(draw_id, by)
        if isinstance(drawn, Refused):
            return drawn
        return decide_use(drawn, is_in_use=is_in_use, purpose_id=purpose_id, by=person(by), at=at)

    asked = ("use", draw_id, is_in_use, purpose_id)
    return once(UseChanged, asked, choose, by=by, key=key)


def set_dead_space(
    *,
    product_id: UUID,
    volume_ul_max: int,
    reason: str,
    witness_login: str,
    witness_password: str,
    by: Staff,
    at: datetime,
    key: UUID,
) -> DeadSpaceSet | Refused:
    """Declare, by two people, how much of a product may stay in hub and needle; 0 takes it back (RECONCILE)."""
    if (refused := lacks_duty(by, Duty.RECONCILE)) is not None:
        return refused
    product = next(
        (each for each in catalogue.products(by.clinic_id) if each.product_id == product_id), None
    )
    if product is None:
        return Refused(code="CUS-PRODUCT-UNKNOWN", message="Choose a product from the list.")

    def choose(witness: Person) -> Act | Refused:
        return decide_set_dead_space(
            product,
            volume_ul_max=volume_ul_max,
            is_allowed=law.is_allowed("dead-space", by.clinic_id),
            reason=reason,
            declaration_id=new_id(),
            by=person(by),
            witness=witness,
            at=at,
        )

    asked = ("set-dead-space", product_id, volume_ul_max, reason, witness_login)
    return once_witnessed(
        DeadSpaceSet, asked, choose, witness_login, witness_password, by=by, key=key
    )


def book_dead_space(
    *,
    draw_id: UUID,
    amount_ug: int,
    witness_login: str,
    witness_password: str,
    by: Staff,
    at: datetime,
    key: UUID,
) -> DeadSpaceBooked | Refused:
    """Book what stayed in hub and needle as the last line of a draw, within the declaration (PREPARE)."""
    if (refused := lacks_duty(by, Duty.PREPARE)) is not None:
        return refused

    def choose(witness: Person) -> Act | Refused:
        drawn = locked_draw(draw_id, by)
        if isinstance(drawn, Refused):
            return drawn
        return decide_dead_space(
            drawn,
            amount_ug=amount_ug,
            volume_ul_max=law.declared_ul(drawn.product.product_id, clinic_id=by.clinic_id),
            by=person(by),
            witness=witness,
            at=at,
        )

    asked = ("dead-space", draw_id, amount_ug, witness_login)
    return once_witnessed(
        DeadSpaceBooked, asked, choose, witness_login, witness_password, by=by, key=key
    )
