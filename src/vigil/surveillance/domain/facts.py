"""What can be true of surveillance: a case definition, an adjudication, the time a patient was watched."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from vigil.statistics.claim import Claim

YEAR_SECONDS = 31_557_600
"""A Julian year, 365.25 days: the year of person-time."""

Verdict = Literal["case", "no-case", "cannot-tell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One criterion of the case definition."""

    criterion_id: str
    text: str
    counts_under_supervision: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A time, in days from the first dose, when every treated patient is to be asked."""

    name: str
    day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDefinition:
    """What counts as a case, frozen before any case was looked for."""

    version: int
    frozen_on: date
    name: str
    criteria_needed: int
    needs_distress: bool
    criteria: tuple[Criterion, ...]
    source: str
    certainty: str
    checks: tuple[Check, ...]
    days_early: int
    days_late: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjudicated:
    """A named person asked every criterion and decided. None of a criterion means: not asked."""

    adjudication_id: UUID
    clinic_id: UUID
    patient_id: UUID
    definition_version: int
    criteria: Mapping[str, bool | None]
    has_distress: bool | None
    verdict: Verdict
    onset_on: date | None
    reason: str
    met: int
    met_under_supervision: int
    adjudicated_by: UUID
    adjudicated_by_name: str
    at: datetime

    @property
    def is_complete(self) -> bool:
        """Whether every criterion was asked: only then a check counts as done."""
        return None not in self.criteria.values() and self.has_distress is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One patient as surveillance sees them. No name: nothing here needs one."""

    patient_id: UUID
    first_dose_at: datetime | None
    last_contact_at: datetime | None
    case_at: datetime | None
    checked_at: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonTime:
    """How long one treated patient was watched, in whole seconds, and how long nobody saw them."""

    patient_id: UUID
    seconds: int
    unseen_seconds: int
    is_unknown: bool
    is_case: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckTally:
    """How many patients had a check fall due, and how many were asked in time."""

    name: str
    due: int
    done: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """An upper bound under one stated assumption; None without patient-time."""

    name: str
    assumption: str
    upper_per_100: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A count of people with its exact interval in percent; the interval is None without people."""

    events: int
    people: int
    percent: float | None
    low_percent: float | None
    high_percent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimReport:
    """The claim report at one moment: everything that the page and the command show."""

    clinic_id: UUID
    clinic_name: str
    is_simulated: bool
    at: datetime
    claim: Claim
    claim_text: str
    policy_version: int
    policy_hash: str
    definition: CaseDefinition
    sensitivity: float
    ascertainment_percent_min: int
    unknown_after_days: int
    patients_registered: int
    patients_treated: int
    patients_unknown: int
    sessions: int
    person_seconds: int
    unseen_seconds: int
    years_needed_as_seen: float
    years_missing_as_seen: float
    outlook_rate_per_100: float
    outlook_years: float
    outlook_years_missing: float
    checks: tuple[CheckTally, ...]
    scenarios: tuple[Scenario, ...]
    worse: Share
    unexplained_ug: int
    per_100_patients: Share
    benchmark: Share
    benchmark_title: str
    benchmark_caveat: str
    benchmark_source: str
