"""What can be true in the safe. Frozen; amounts are whole micrograms, volumes whole microlitres.

Products, containers and draws as they stand now; acts as they happened; lines of register and story.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

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
from vigil.custody.domain.things import Container, Draw, Form, Person, Product, Status

__all__ = ("Container", "Draw", "Form", "Person", "Product", "Status")
"""Said here too, where the first rooms that read custody look for them."""

CountKind = Literal["opening", "closing", "spot", "handover"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """The part of a signed plan that a draw must agree with."""

    plan_id: UUID
    patient_id: UUID
    drug: str
    form: Form


# --- acts, as they happened ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedContainer:
    """One container of a receipt: its new id and the label to put on it."""

    container_id: UUID
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A delivery of one lot came in by an invoice; every container is full."""

    receipt_id: UUID
    product: Product
    lot: str
    expires_on: date
    invoice: str
    containers: tuple[ReceivedContainer, ...]
    by: Person
    at: datetime
    order_id: UUID | None = None
    ordered: int | None = None

    @property
    def surplus(self) -> int | None:
        """Containers more (or, negative, fewer) than the order still waited for; None without an order."""
        return None if self.ordered is None else len(self.containers) - self.ordered


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """An amount left its container for one patient, before a witness."""

    draw_id: UUID
    container_id: UUID
    container_label: str
    lot: str
    expires_on: date
    product: Product
    patient_id: UUID
    plan_id: UUID
    purpose_id: UUID
    drawn_ug: int
    reason: str
    by: Person
    witness: Person
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An amount of a draw went into the patient."""

    draw_id: UUID
    container_id: UUID
    container_label: str
    amount_ug: int
    by: Person
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Wasted:
    """An amount was destroyed before a witness, from a draw or straight from a container."""

    container_id: UUID
    container_label: str
    draw_id: UUID | None
    amount_ug: int
    reason: str
    by: Person
    witness: Person
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack:
    """An unused whole device went back to its place before a witness."""

    draw_id: UUID
    container_id: UUID
    container_label: str
    amount_ug: int
    by: Person
    witness: Person
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CountLine:
    """One container as counted, beside what the book said at that moment."""

    container_id: UUID
    label: str
    expected_ug: int
    counted_ug: int
    is_estimate: bool = False

    @property
    def difference_ug(self) -> int:
        """Counted less expected: negative is missing, positive is too much."""
        return self.counted_ug - self.expected_ug


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Two people counted without seeing the book. The book does not change by a count."""

    count_id: UUID
    kind: CountKind
    day: date
    lines: tuple[CountLine, ...]
    by: Person
    witness: Person
    at: datetime

    @property
    def mismatches(self) -> tuple[CountLine, ...]:
        return tuple(line for line in self.lines if line.difference_ug)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A lot is set aside: nothing is drawn from these containers."""

    hold_id: UUID
    lot: str
    product: Product
    container_ids: tuple[UUID, ...]
    reason: str
    by: Person
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A lot that was set aside may be used again, by two people."""

    hold_id: UUID
    lot: str
    product: Product
    container_ids: tuple[UUID, ...]
    reason: str
    by: Person
    witness: Person
    at: datetime


Act = (
    Received
    | Drawn
    | Given
    | Wasted
    | PutBack
    | Counted
    | Held
    | Released
    | Ordered
    | PlaceOpened
    | Sent
    | Arrived
    | SentOut
    | Diluted
    | DeadSpaceSet
    | DeadSpaceBooked
    | UseChanged
    | Lost
    | Corrected
    | Closed
    | Adopted
)


# --- what readers get ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From `start` up to but not including `end`, both aware."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """A count that did not equal the book. It has an owner and its clock runs; it blames nobody."""

    discrepancy_id: UUID
    container_id: UUID
    container_label: str
    product: Product
    expected_ug: int
    counted_ug: int
    difference_ug: int
    owner_id: UUID
    owner_name: str
    opened_at: datetime
    count_id: UUID | None = None
    is_estimate: bool = False
    closing: Closed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountSummary:
    """A count in one line."""

    count_id: UUID
    kind: CountKind
    day: date
    at: datetime
    by_name: str
    witness_name: str
    containers: int
    mismatches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLine:
    """One act in the life of a container, with the balance after it."""

    act_id: UUID
    kind: str
    at: datetime
    recorded_at: datetime
    text: str
    change_ug: int
    balance_ug: int
    in_syringes_ug: int
    by_name: str
    witness_name: str | None
    reason: str
    patient_id: UUID | None
    purpose_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerStory:
    """The whole life of one container, oldest first."""

    container: Container
    lines: tuple[StoryLine, ...]
    draws: tuple[Draw, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterRow:
    """One line of the controlled-drug register of one product.

    `balance_ug` is what the safe holds of the product after the line. Given and wasted amounts of a
    draw left the safe when they were drawn: they stand in `used_ug` and move no balance.
    """

    act_id: UUID
    kind: str
    at: datetime
    recorded_at: datetime
    product: Product
    text: str
    container_label: str
    lot: str
    patient_id: UUID | None
    in_ug: int
    out_ug: int
    used_ug: int
    balance_ug: int
    by_name: str
    witness_name: str | None
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterPage:
    """The register of one product in a period: what it opened with, its lines, what it closed with."""

    product: Product
    opening_ug: int
    rows: tuple[RegisterRow, ...]
    closing_ug: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Where all the drug ever received is now, computed from the movements alone."""

    received_ug: int
    given_ug: int
    wasted_ug: int
    returned_ug: int
    stock_ug: int
    in_syringes_ug: int
    distributor_ug: int = 0
    under_investigation_ug: int = 0

    @property
    def unexplained_ug(self) -> int:
        """Received less everything that has a place: zero until a loss was declared, and then that loss.

        A loss under investigation has no place: it stays in this figure until a correction finds it.
        """
        return self.received_ug - (
            self.given_ug
            + self.wasted_ug
            + self.returned_ug
            + self.distributor_ug
            + self.stock_ug
            + self.in_syringes_ug
        )


SeenBy = Mapping[UUID, frozenset[UUID]]
"""For each container, the people who were shown its book amount and for whom nothing moved since."""
