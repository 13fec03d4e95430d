"""What can be true before a dose and between sessions. Frozen."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class GateItem:
    """One condition of the gate. `is_met` None means that nobody knows, and that blocks as a no does.

    `text` says what is required; `waits_for` says what to do about it ("" when met).
    """

    code: str
    text: str
    is_met: bool | None
    waits_for: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Whether this dose may start now; ready only when every item is met."""

    session_id: UUID
    is_ready: bool
    items: tuple[GateItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFacts:
    """What the gate looks at. None is unknown everywhere."""

    is_plan_newest: bool | None
    is_protocol_adopted: bool | None
    is_protocol_unchanged: bool | None
    is_assessment_eligible: bool | None
    is_consented: bool | None
    is_first_session: bool
    hours_since_last: int | None
    interval_hours: int
    sessions_done: int | None
    sessions_planned: int
    weight_age_hours: int | None
    weight_age_hours_max: int
    is_weight_change_large: bool | None
    is_weight_confirmed: bool | None
    sbp: int | None
    dbp: int | None
    sbp_review: int
    dbp_review: int
    sbp_defer: int | None
    dbp_defer: int | None
    is_prescriber_on_site: bool | None
    escort_name: str
    food_minutes: int | None
    food_minutes_needed: int
    drink_minutes: int | None
    drink_minutes_needed: int
    is_day_open: bool | None
    dose_ug: int | None
    in_syringe_ug: int | None
    has_give_duty: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewDue:
    """A plan whose review date has come."""

    patient_id: UUID
    plan_id: UUID
    review_on: date
    days_late: int
