"""What can be true of outcomes: a questionnaire that was asked for, its answers, its score, its flags."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

OPEN_FOR = timedelta(hours=72)
"""How long a patient's link works after the questionnaire falls due (test programme S8)."""

Phase = Literal["not-open", "open", "completed", "expired"]
FlagKind = Literal["suicidal-thoughts", "suicidal-thoughts-unanswered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A patient was asked to answer one version of one scale.

    `token` and `path` are there only in the answer to the act that made the link: they are stored
    nowhere, so nobody can look them up later. `session_id` is the session that it follows up, or None.
    """

    invitation_id: UUID
    clinic_id: UUID
    patient_id: UUID
    scale_id: str
    scale_version: int
    session_id: UUID | None
    due_at: datetime
    expires_at: datetime
    invited_by: UUID | None
    invited_at: datetime
    completed_at: datetime | None = None
    last_answered_at: datetime | None = None
    links: int = 0
    token: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One answer as the patient gave it; `value` is None for a question that was skipped."""

    item: str
    value: int | None
    answered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A finished questionnaire: what it adds up to. `total` is None when too much was skipped."""

    total: int | None
    band: str | None
    flags: tuple[str, ...]
    completed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Questionnaire:
    """Where one patient stands in one questionnaire, folded from its facts."""

    invitation: Invitation
    answers: Mapping[str, int | None]
    completed: Completed | None
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePoint:
    """One point of a trajectory: a total on a scale, and when it was completed."""

    scale_id: str
    total: int | None
    at: datetime
    band: str | None
    invitation_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A questionnaire that fell due and was never finished: unknown, never 'no change'."""

    scale_id: str
    due_at: datetime
    expires_at: datetime
    invitation_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """An answer that a person of the clinic must act on, until one says that they did."""

    flag_id: UUID
    clinic_id: UUID
    patient_id: UUID
    invitation_id: UUID
    kind: FlagKind
    raised_at: datetime
    acknowledged_by: UUID | None = None
    acknowledged_by_name: str | None = None
    acknowledged_at: datetime | None = None
    note: str = ""
