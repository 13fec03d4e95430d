"""What can be true of plans and of the protocols a clinic has adopted. Frozen; read by rooms above."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """The clinic took on one exact protocol: a person signed for the bytes of its file."""

    adoption_id: UUID
    clinic_id: UUID
    protocol_id: str
    protocol_version: int
    protocol_hash: str
    adopted_by: UUID
    adopted_by_name: str
    adopted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What the prescriber asks to sign. Amounts in micrograms; exactly one of the two doses."""

    patient_id: UUID
    protocol_id: str
    ug_per_kg: int | None
    fixed_ug: int | None
    sessions: int
    intention: str
    measure: str
    measure_baseline: int | None
    review_on: date
    is_consent_given: bool
    consent_text_version: int
    replaces_version: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A signed plan. Never edited: a change is the next version, with its reason.

    `consented_at` is None once the patient has taken the consent back; the plan then carries no session.
    """

    plan_id: UUID
    clinic_id: UUID
    patient_id: UUID
    assessment_id: UUID
    version: int
    reason: str
    protocol_id: str
    protocol_version: int
    protocol_hash: str
    drug: Literal["ketamine", "esketamine"]
    route: Literal["IV", "IN"]
    ug_per_kg: int | None
    fixed_ug: int | None
    infusion_minutes: int | None
    sessions: int
    interval_hours_min: int
    intention: str
    measure: str
    measure_baseline: int | None
    review_on: date
    consent_id: UUID
    consented_at: datetime | None
    signed_by: UUID
    signed_by_name: str
    signed_at: datetime
    content_hash: str
