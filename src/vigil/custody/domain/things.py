"""What stands in the safe and what is in a hand: people, products, places, containers, draws. Frozen.

Amounts are whole micrograms, volumes whole microlitres; nothing here says how a thing came to be so.
"""

from dataclasses import dataclass
from datetime import date, datetime
from math import gcd
from typing import Literal
from uuid import UUID

from vigil.units.amounts import UL_PER_ML

Form = Literal["vial", "device"]
Status = Literal["sealed", "open", "empty", "held"]
PlaceKind = Literal["safe", "cabinet", "quarantine", "transfer"]


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
class Strength:
    """So many micrograms in so many microlitres, as a reduced fraction: never rounded, never a float."""

    ug: int
    per_ul: int

    @classmethod
    def of(cls, ug: int, *, in_ul: int) -> "Strength":
        """The strength of `ug` in `in_ul`, both more than zero.

        >>> Strength.of(35_000, in_ul=100_000)
        Strength(ug=7, per_ul=20)
        """
        assert ug > 0
        assert in_ul > 0
        common = gcd(ug, in_ul)
        return cls(ug=ug // common, per_ul=in_ul // common)

    def volume_ul(self, amount_ug: int) -> int | None:
        """The volume that holds the amount, or None when it is no whole number of microlitres."""
        volume_ul, rest = divmod(amount_ug * self.per_ul, self.ug)
        return None if rest else volume_ul

    def amount_ug(self, volume_ul: int) -> int | None:
        """The amount in the volume, or None when it is no whole number of micrograms."""
        amount_ug, rest = divmod(volume_ul * self.ug, self.per_ul)
        return None if rest else amount_ug

    def amount_ug_at_most(self, volume_ul: int) -> int:
        """The amount in the volume, rounded down to whole micrograms: a limit, never an entry."""
        return volume_ul * self.ug // self.per_ul


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where containers stand. The safe has no id: it is where a container is until it was moved."""

    place_id: UUID | None
    kind: PlaceKind
    name: str

    @property
    def is_for_use(self) -> bool:
        """Whether drug may be drawn from what stands here."""
        return self.kind in ("safe", "cabinet")


SAFE = Place(place_id=None, kind="safe", name="Safe")


def on_the_way_to(place: Place) -> Place:
    """Where a container is that was sent to a place and not received there yet."""
    return Place(place_id=None, kind="transfer", name=f"On the way to {place.name}")


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
    place: Place = SAFE
    transfer_id: UUID | None = None

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
    lost_ug: int = 0
    diluted_to_ul: int | None = None
    is_in_use: bool = False

    @property
    def strength(self) -> Strength | None:
        """What stands in the syringe or bag, exactly; None for a device and for a draw corrected to nothing."""
        if self.drawn_ug == 0:
            return None
        if self.diluted_to_ul is not None:
            return Strength.of(self.drawn_ug, in_ul=self.diluted_to_ul)
        if self.product.strength_ug_per_ml is None:
            return None
        return Strength.of(self.product.strength_ug_per_ml, in_ul=UL_PER_ML)
