"""What can be true of people: patients, staff, clinics. Frozen; read by every room above."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from uuid import UUID

from vigil.people.duties import Duty


class Unchanged(Enum):
    """The one value that says: leave it. None would say that nobody asked."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """A clinic: every row of the product belongs to one."""

    clinic_id: UUID
    name: str
    time_zone: str
    is_simulated: bool
    phone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """A member of staff, as `by=` of every act."""

    staff_id: UUID
    clinic_id: UUID
    name: str
    login: str
    duties: frozenset[Duty]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A patient. `allergies` is None until someone asked: an unknown is not a no."""

    patient_id: UUID
    clinic_id: UUID
    number: str
    name: str
    born_on: date
    sex: str
    phone: str
    allergies: tuple[str, ...] | None
    is_simulated: bool

    @property
    def initials(self) -> str:
        """Two letters to stand where a photograph would."""
        parts = [part for part in self.name.split() if part]
        return "".join(part[0] for part in (parts[:1] + parts[-1:]))[:2].upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What a form wants to stand in a patient's details. A field of `UNCHANGED` stays as it is."""

    name: str | Unchanged = UNCHANGED
    born_on: date | Unchanged = UNCHANGED
    phone: str | Unchanged = UNCHANGED
    allergies: tuple[str, ...] | Unchanged | None = UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A prescriber who is on site, since when."""

    staff_id: UUID
    name: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """The newest word of a patient on one version of one protocol: agreed, or took it back."""

    consent_id: UUID
    patient_id: UUID
    protocol_id: str
    protocol_version: int
    protocol_hash: str
    text_version: int
    is_given: bool
    recorded_by: UUID
    at: datetime
