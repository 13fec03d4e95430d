"""What can be true in the safe. Frozen; amounts are whole micrograms, volumes whole microlitres.

Products, containers and draws as they stand now; acts as they happened; lines of register and story.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from vigil.units.amounts import UL_PER_ML

Form = Literal["vial", "device"]
Status = Literal["sealed", "open", "empty", "held"]
CountKind = Literal["opening", "closing", "spot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who signed, by id and by the name they had at that moment."""

    staff_id: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A drug in one strength and one kind of container. The concentration comes from here only."""

    product_id: UUID
    name: str
    drug: str
    form: Form
    strength_ug_per_ml: int | None
    content_ug: int
    is_second_strength: bool = False

    @property
    def is_device(self) -> bool:
        return self.form == "device"

    def volume_ul(self, amount_ug: int) -> int | None:
        """The volume that holds the amount, or None when it is no whole number of microlitres.

        >>> from uuid import UUID
        >>> vial = Product(product_id=UUID(int=1), name="k", drug="ketamine", form="vial",
        ...                strength_ug_per_ml=10_000, content_ug=200_000)
        >>> vial.volume_ul(35_000), vial.volume_ul(35_001)
        (3500, None)
        """
        if self.strength_ug_per_ml is None:
            return None
        volume_ul, rest = divmod(amount_ug * UL_PER_ML, self.strength_ug_per_ml)
        return None if rest else volume_ul

    def amount_ug(self, volume_ul: int) -> int | None:
        """The amount in the volume, or None when it is no whole number of micrograms."""
        if self.strength_ug_per_ml is None:
            return None
        amount_ug, rest = divmod(volume_ul * self.strength_ug_per_ml, UL_PER_ML)
        return None if rest else amount_ug


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One vial or device, as it stands now."""

    container_id: UUID
    product: Product
    lot: str
    expires_on: date
    label: str
    filled_ug: int
    remaining_ug: int
    status: Status

    @property
    def is_held(self) -> bool:
        return self.status == "held"

    @property
    def full_percent(self) -> int:
        """How full, in whole percent, rounded down: for the picture only."""
        return self.remaining_ug * 100 // self.filled_ug


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What was taken out for one patient and one purpose, and where it went since."""

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
    given_ug: int
    wasted_ug: int
    returned_ug: int
    remaining_ug: int
    drawn_by: UUID
    drawn_by_name: str
    witness: UUID
    witness_name: str
    at: datetime


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


Act = Received | Drawn | Given | Wasted | PutBack | Counted | Held | Released


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

    @property
    def unexplained_ug(self) -> int:
        """Received less everything that has a place: zero, always."""
        return self.received_ug - (
            self.given_ug + self.wasted_ug + self.returned_ug + self.stock_ug + self.in_syringes_ug
        )


SeenBy = Mapping[UUID, frozenset[UUID]]
"""For each container, the people who were shown its book amount and for whom nothing moved since."""
