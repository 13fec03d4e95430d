"""What readers of custody get beyond the ledger itself: balances, lots, orders, transfers, clocks. Frozen.

Computed from stored facts; nothing here is stored.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from vigil.custody.domain.deeds import Ordered, Sent
from vigil.custody.domain.things import Person, Product
from vigil.evidence.jurisdictions import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What one account held at an instant. `of` names the container or draw; outside accounts have none."""

    account: str
    kind: str
    of: UUID | None
    label: str
    product: Product | None
    lot: str
    ug: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActLine:
    """One act in one line, for lists over many containers."""

    act_id: UUID
    kind: str
    at: datetime
    recorded_at: datetime
    text: str
    container_labels: tuple[str, ...]
    by: Person
    witness: Person | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LotSummary:
    """All containers of one lot of one product, empty ones too."""

    product: Product
    lot: str
    expires_on: date
    containers: int
    with_drug: int
    held: int
    remaining_ug: int
    in_syringes_ug: int
    patients: int

    def is_expired(self, on: date) -> bool:
        """Whether the printed day has ended by the clinic's date."""
        return self.expires_on < on


@dataclass(frozen=True, slots=True, kw_only=True)
class LotPatient:
    """A patient who got drug of a lot: from which container, by which draw, how much, when it was drawn."""

    patient_id: UUID
    draw_id: UUID
    purpose_id: UUID
    container_label: str
    given_ug: int
    drawn_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    """An order and what came of it. `waiting` is negative when more came than was ordered."""

    ordered: Ordered
    received: int

    @property
    def waiting(self) -> int:
        return self.ordered.containers - self.received


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferState:
    """Containers on the way. Overdue from `sent.due_at` on: somebody looks where they are."""

    sent: Sent

    def is_overdue(self, now: datetime) -> bool:
        return now >= self.sent.due_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A time that the adopted law sets, running from the moment a difference was found."""

    rule: Rule
    started_at: datetime
    due_at: datetime

    def is_over(self, now: datetime) -> bool:
        return now >= self.due_at


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDefect:
    """Something in this program, or in how drug is counted, that can make a difference where nothing is missing."""

    name: str
    says: str
    since: str
    until: str = ""
