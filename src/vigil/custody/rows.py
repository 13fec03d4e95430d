"""Rows to facts: what the database keeps, as the frozen facts of the domain. `writing` is the other way.

In: a row of custody. Out: the frozen fact.
"""

import msgspec

from vigil.custody.domain.deeds import (
    Adopted,
    Arrived,
    Closed,
    Corrected,
    DeadSpaceBooked,
    DeadSpaceSet,
    Diluted,
    Lost,
    Ordered,
    PlaceOpened,
    Sent,
    SentOut,
    UseChanged,
)
from vigil.custody.domain.facts import (
    Act,
    Container,
    Counted,
    Draw,
    Drawn,
    Given,
    Held,
    Product,
    PutBack,
    Received,
    Released,
    Wasted,
)
from vigil.custody.domain.fold import status_of
from vigil.custody.domain.things import SAFE, Place, PlaceKind, on_the_way_to
from vigil.custody.models import Act as ActRow
from vigil.custody.models import Container as ContainerRow
from vigil.custody.models import Draw as DrawRow
from vigil.custody.models import Place as PlaceRow
from vigil.custody.models import Product as ProductRow

KINDS: dict[str, type[Act]] = {
    "received": Received,
    "drawn": Drawn,
    "given": Given,
    "wasted": Wasted,
    "put-back": PutBack,
    "counted": Counted,
    "held": Held,
    "released": Released,
    "ordered": Ordered,
    "place-opened": PlaceOpened,
    "sent": Sent,
    "arrived": Arrived,
    "sent-out": SentOut,
    "diluted": Diluted,
    "dead-space-set": DeadSpaceSet,
    "dead-space": DeadSpaceBooked,
    "use-changed": UseChanged,
    "lost": Lost,
    "corrected": Corrected,
    "closed": Closed,
    "adopted": Adopted,
}
KIND_OF: dict[type[Act], str] = {fact: kind for kind, fact in KINDS.items()}


def act_fact(row: ActRow) -> Act:
    """The act exactly as it was first answered."""
    return msgspec.json.decode(row.body, type=KINDS[row.kind])


def product_fact(row: ProductRow) -> Product:
    """The product of a row."""
    return Product(
        product_id=row.id,
        name=row.name,
        drug=row.drug,
        form="device" if row.form == "device" else "vial",
        strength_ug_per_ml=row.strength_ug_per_ml,
        content_ug=row.content_ug,
        is_second_strength=row.is_second_strength,
    )


def place_fact(row: PlaceRow | None) -> Place:
    """The place of a row; no row is the safe."""
    if row is None:
        return SAFE
    kind = PLACE_KINDS[row.kind]
    return Place(place_id=row.id, kind=kind, name=row.name)


PLACE_KINDS: dict[str, PlaceKind] = {
    "safe": "safe",
    "cabinet": "cabinet",
    "quarantine": "quarantine",
}

CONTAINER_ROWS = ("product", "place", "transfer__target")
"""What must be loaded with a container's row to make its fact."""


def container_fact(row: ContainerRow) -> Container:
    """The container of a row whose CONTAINER_ROWS are loaded."""
    if (row.transfer_id and row.transfer is None) or (row.place_id and row.place is None):
        # The row was locked after a wait and is newer than what was loaded beside it: load that again.
        row = ContainerRow.objects.select_related(*CONTAINER_ROWS).get(id=row.id)
    transfer = row.transfer
    return Container(
        container_id=row.id,
        product=product_fact(row.product),
        lot=row.lot,
        expires_on=row.expires_on,
        label=row.label,
        filled_ug=row.filled_ug,
        remaining_ug=row.remaining_ug,
        status=status_of(
            filled_ug=row.filled_ug, remaining_ug=row.remaining_ug, is_held=row.is_held
        ),
        place=place_fact(row.place)
        if transfer is None
        else on_the_way_to(place_fact(transfer.target)),
        transfer_id=row.transfer_id,
    )


def draw_fact(row: DrawRow) -> Draw:
    """The draw of a row whose act and container are loaded."""
    drawn = act_fact(row.act)
    assert isinstance(drawn, Drawn)
    return Draw(
        draw_id=row.id,
        container_id=row.container_id,
        container_label=drawn.container_label,
        lot=drawn.lot,
        expires_on=drawn.expires_on,
        product=drawn.product,
        patient_id=row.patient_id,
        plan_id=row.plan_id,
        purpose_id=row.purpose_id,
        drawn_ug=row.drawn_ug,
        given_ug=row.given_ug,
        wasted_ug=row.wasted_ug,
        returned_ug=row.returned_ug,
        remaining_ug=row.remaining_ug,
        drawn_by=drawn.by.staff_id,
        drawn_by_name=drawn.by.name,
        witness=drawn.witness.staff_id,
        witness_name=drawn.witness.name,
        at=drawn.at,
        lost_ug=row.lost_ug,
        diluted_to_ul=row.diluted_to_ul,
        is_in_use=row.is_in_use,
    )
