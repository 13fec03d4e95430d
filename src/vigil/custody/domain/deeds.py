"""Acts around the stock: ordering, places, preparing, sending out, losses, corrections, closing. As they happened.

The acts at the vial itself (received, drawn, given, wasted, put back, counted, held) are in `facts`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from vigil.custody.domain.things import Person, Place, Product

Recipient = Literal["distributor", "returned"]
"""Who gets stock that leaves: a reverse distributor, or the supplier it came from."""

ClosedBy = Literal["correction", "counting-error", "loss"]
"""What explains a difference: the book was wrong, the count was wrong, or drug is missing."""

Side = Literal[
    "supplier", "container", "draw", "patient", "waste", "returned", "distributor", "loss"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """Containers of one product were ordered on a paper with a number. Nothing moved yet."""

    order_id: UUID
    product: Product
    containers: int
    supplier: str
    reference: str
    by: Person
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOpened:
    """A cabinet, a second safe or a quarantine shelf came into use."""

    place: Place
    by: Person
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Containers left their place for another; they are on the way until a second person has them."""

    transfer_id: UUID
    container_ids: tuple[UUID, ...]
    labels: tuple[str, ...]
    target: Place
    reason: str
    due_at: datetime
    by: Person
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A second person has, at the other place, every container that was sent."""

    transfer_id: UUID
    container_ids: tuple[UUID, ...]
    labels: tuple[str, ...]
    target: Place
    by: Person
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerOut:
    """One container that left the clinic, with what was in it."""

    container_id: UUID
    label: str
    product: Product
    lot: str
    amount_ug: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SentOut:
    """Stock left the clinic with a paper: to a reverse distributor, or back to the supplier."""

    dispatch_id: UUID
    to: Recipient
    recipient: str
    reference: str
    containers: tuple[ContainerOut, ...]
    reason: str
    by: Person
    witness: Person
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Diluted:
    """A draw was made up to a volume: the amount is the same, the strength is a new exact fraction."""

    draw_id: UUID
    container_id: UUID
    container_label: str
    to_volume_ul: int
    diluent: str
    by: Person
    witness: Person
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadSpaceSet:
    """Two people declared how much of a product may stay in hub and needle; it replaces the one before."""

    declaration_id: UUID
    product: Product
    volume_ul_max: int
    reason: str
    by: Person
    witness: Person
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadSpaceBooked:
    """What stayed in hub and needle of a draw, estimated within the declaration: a line of its own."""

    draw_id: UUID
    container_id: UUID
    container_label: str
    amount_ug: int
    by: Person
    witness: Person
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UseChanged:
    """Whoever draws were made for said that a draw is in use, or no longer: in use, only giving moves it."""

    draw_id: UUID
    container_id: UUID
    container_label: str
    is_in_use: bool
    by: Person
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A confirmed shortage, moved by two people to loss under investigation. It names nobody."""

    loss_id: UUID
    container_id: UUID
    container_label: str
    draw_id: UUID | None
    discrepancy_id: UUID | None
    amount_ug: int
    reason: str
    by: Person
    witness: Person
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """An amount was booked wrong: the wrong movement reversed and the right one made, by two people.

    `corrects` is the act (or the earlier correction of it) whose amount on this container was `was_ug`.
    """

    correction_id: UUID
    corrects: UUID
    corrected_kind: str
    container_id: UUID
    container_label: str
    draw_id: UUID | None
    source: Side
    target: Side
    was_ug: int
    is_ug: int
    reason: str
    by: Person
    witness: Person
    at: datetime

    @property
    def change_ug(self) -> int:
        """How much more (or, negative, less) went from source to target than was booked."""
        return self.is_ug - self.was_ug


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """Two people closed a discrepancy, with what explains it. The difference itself stays readable."""

    closing_id: UUID
    discrepancy_id: UUID
    container_id: UUID
    container_label: str
    how: ClosedBy
    references: tuple[UUID, ...]
    note: str
    by: Person
    witness: Person
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """A named person took a jurisdiction file for the clinic and signed off its unconfirmed rows by name."""

    adoption_id: UUID
    jurisdiction_id: str
    version: int
    content_hash: str
    signed_off: tuple[str, ...]
    by: Person
    at: datetime
