"""What waits for a person today, sorted by their duties, read from every room.

In: who looks, and when. Out: groups of items, each with the page that moves it on.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from vigil.assessment import queries as assessment
from vigil.custody import queries as custody
from vigil.outcome import queries as outcome
from vigil.people import queries as people
from vigil.people.domain.facts import Patient, Staff
from vigil.people.duties import CLINICAL, Duty
from vigil.plan import queries as plan
from vigil.programme import queries as programme
from vigil.session import queries as session
from vigil.session.domain.facts import SessionSummary
from vigil.web.journey import Journey, Treated, read_journey

ITEMS_SHOWN = 6
"""Lines of one group on the page: more than this is a list, and lists have their own pages."""

NEW_ANSWERS = timedelta(hours=24)
"""How long an answered questionnaire counts as new on the page: from one morning to the next."""

EVER = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
"""Before the first session of any clinic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TodayItem:
    """One thing that waits for the person who looks."""

    title: str
    detail: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TodayGroup:
    """What waits of one kind; `shown` is cut to a few, `count` is the truth."""

    title: str
    items: tuple[TodayItem, ...]

    @property
    def count(self) -> int:
        return len(self.items)

    @property
    def shown(self) -> tuple[TodayItem, ...]:
        return self.items[:ITEMS_SHOWN]

    @property
    def hidden(self) -> int:
        return max(0, self.count - ITEMS_SHOWN)


@dataclass(frozen=True, kw_only=True)
class Day:
    """What the sources of today's items read; the larger reads happen once, when first needed."""

    clinic_id: UUID
    at: datetime

    @cached_property
    def patients(self) -> tuple[Patient, ...]:
        return people.patients(self.clinic_id)

    @cached_property
    def by_id(self) -> dict[UUID, Patient]:
        return {patient.patient_id: patient for patient in self.patients}

    @cached_property
    def journeys(self) -> dict[UUID, Journey]:
        return read_journeys(self.clinic_id, at=self.at)

    def at_stage(self, stage: str) -> Iterator[Patient]:
        """Patients who stand at this stage of the journey."""
        for patient in self.patients:
            if self.journeys[patient.patient_id].stage == stage:
                yield patient


def _of(patient: Patient, detail: str, route: str, target: UUID | None = None) -> TodayItem:
    """An item about one patient."""
    return TodayItem(
        title=patient.name,
        detail=f"{patient.number}: {detail}",
        href=reverse(route, args=[target or patient.patient_id]),
    )


def _flagged(day: Day) -> Iterable[TodayItem]:
    for flag in outcome.open_flags(day.clinic_id):
        detail = "an answer needs a person now"
        yield _of(day.by_id[flag.patient_id], detail, "outcome:flag", flag.flag_id)


def _in_chairs(day: Day) -> Iterable[TodayItem]:
    for one in session.open_sessions(day.clinic_id):
        detail = f"{one.chair}, {one.phase}"
        yield _of(day.by_id[one.patient_id], detail, "session:session", one.session_id)


def _to_assess(day: Day) -> Iterable[TodayItem]:
    for patient in day.at_stage("Answers missing"):
        yield _of(patient, "assessment begun, answers missing", "assessment:assess")
    for patient in day.at_stage("To assess"):
        yield _of(patient, "not assessed yet", "assessment:assess")


def _to_sign(day: Day) -> Iterable[TodayItem]:
    for patient in day.at_stage("Ready to plan"):
        yield _of(patient, "eligible, no plan signed yet", "plan:new")


def _to_review(day: Day) -> Iterable[TodayItem]:
    due = {one.patient_id: one for one in programme.reviews_due(day.clinic_id, now=day.at)}
    for patient_id, one in due.items():
        detail = f"review was due on {one.review_on}"
        yield _of(day.by_id[patient_id], detail, "programme:review")
    for patient in day.at_stage("Course complete"):
        if patient.patient_id not in due:
            yield _of(patient, "all planned sessions are given", "programme:review")


def _to_adopt(day: Day) -> Iterable[TodayItem]:
    if not plan.adopted_protocols(day.clinic_id):
        yield TodayItem(
            title="No protocol is adopted",
            detail="No plan can be signed until a prescriber adopts one",
            href=reverse("plan:protocols"),
        )


def _answered(day: Day) -> Iterable[TodayItem]:
    for patient in day.patients:
        points = outcome.trajectory(patient.patient_id, clinic_id=day.clinic_id)
        for point in points:
            if day.at - NEW_ANSWERS < point.at <= day.at:
                total = "not every item answered" if point.total is None else f"{point.total}"
                detail = f"{point.scale_id.upper()} {total}"
                yield _of(patient, detail, "outcome:trajectory")


def _to_check_in(day: Day) -> Iterable[TodayItem]:
    for patient in day.patients:
        journey = day.journeys[patient.patient_id]
        if journey.next_step is not None and journey.next_step.route == "session:check-in":
            yield _of(patient, journey.stage.lower(), "people:patient")


def _to_count(day: Day) -> Iterable[TodayItem]:
    today = timezone.localdate(day.at)
    if custody.containers(day.clinic_id) and not custody.is_day_open(day.clinic_id, today):
        yield TodayItem(
            title="Opening count",
            detail="Nothing is drawn until the safe has been counted",
            href=reverse("custody:count"),
        )


def _to_explain(day: Day) -> Iterable[TodayItem]:
    for one in custody.discrepancies(day.clinic_id, is_open_only=True):
        yield TodayItem(
            title=one.container_label,
            detail=f"count and book differ; owner {one.owner_name}",
            href=reverse("custody:difference", args=[one.discrepancy_id]),
        )


def _to_ask(day: Day) -> Iterable[TodayItem]:
    for patient in day.patients:
        if patient.allergies is None:
            yield _of(patient, "nobody has asked about allergies yet", "people:patient-edit")


TODAY: tuple[tuple[str, frozenset[Duty], Callable[[Day], Iterable[TodayItem]]], ...] = (
    ("Answers that need a person now", frozenset({Duty.PRESCRIBE, Duty.ASSESS}), _flagged),
    ("At the chairs now", CLINICAL, _in_chairs),
    ("Count the safe", frozenset({Duty.RECONCILE}), _to_count),
    ("Explain a difference", frozenset({Duty.RECONCILE}), _to_explain),
    ("Sign a plan", frozenset({Duty.PRESCRIBE}), _to_sign),
    ("Review a course", frozenset({Duty.PRESCRIBE}), _to_review),
    ("Adopt a protocol", frozenset({Duty.PRESCRIBE}), _to_adopt),
    ("Assess", frozenset({Duty.ASSESS}), _to_assess),
    ("New answers", frozenset({Duty.PRESCRIBE, Duty.ASSESS}), _answered),
    ("Ready for a session", frozenset({Duty.MONITOR}), _to_check_in),
    ("Ask about allergies", frozenset({Duty.REGISTER, Duty.MONITOR}), _to_ask),
)
"""What can wait for somebody: a title, the duties it belongs to, where its items come from, most pressing first.

Add a line to add a source.
"""


def waiting_for(staff: Staff, *, at: datetime) -> list[TodayGroup]:
    """What waits for this person, most pressing first; groups with nothing in them are left out."""
    day = Day(clinic_id=staff.clinic_id, at=at)
    groups = (
        TodayGroup(title=title, items=tuple(source(day)))
        for title, duties, source in TODAY
        if staff.duties & duties
    )
    return [group for group in groups if group.items]


def read_journeys(clinic_id: UUID, *, at: datetime) -> dict[UUID, Journey]:
    """Patient id -> journey, for every patient of the clinic, in a handful of reads."""
    assessed = assessment.newest_of_clinic(clinic_id)
    planned = plan.newest_of_clinic(clinic_id)
    given: dict[UUID, list[Treated]] = defaultdict(list)
    # The end of the period is not part of it, and a session that began this moment is.
    until = at + timedelta(seconds=1)
    for row in session.sessions_between(clinic_id, start=EVER, end=until):
        given[row.patient_id].append(treated(row))
    return {
        patient.patient_id: read_journey(
            assessment=assessed.get(patient.patient_id),
            plan=planned.get(patient.patient_id),
            sessions=given[patient.patient_id],
        )
        for patient in people.patients(clinic_id)
    }


def treated(row: SessionSummary) -> Treated:
    """A session, as the journey needs it."""
    return Treated(
        session_id=row.session_id,
        protocol_id=row.protocol_id,
        chair=row.chair,
        started_at=row.started_at,
        closed_at=row.closed_at,
    )
