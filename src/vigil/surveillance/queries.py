"""The only readers of surveillance that other rooms and pages may call; they return frozen facts."""

from datetime import datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from vigil.custody import queries as custody
from vigil.evidence.claim import load_claim_policy
from vigil.evidence.scales import load_scale
from vigil.outcome import queries as outcome
from vigil.outcome.domain.course import fold_course
from vigil.people import queries as people
from vigil.session import queries as sessions
from vigil.session.domain.facts import SessionSummary
from vigil.statistics.claim import Claim, decide_claim
from vigil.statistics.intervals import years_needed
from vigil.surveillance.definition import load_definition
from vigil.surveillance.domain.adjudicate import count_met
from vigil.surveillance.domain.facts import (
    YEAR_SECONDS,
    Adjudicated,
    CheckTally,
    ClaimReport,
    PersonTime,
    Share,
    Watched,
)
from vigil.surveillance.domain.report import scenarios, share, years_for_answer
from vigil.surveillance.domain.watch import (
    ascertainment_percent,
    person_time,
    person_years,
    tally_checks,
)
from vigil.surveillance.models import Adjudication

OUTLOOK_POWER = 0.9
"""Chance of an answer that the outlook is computed for (reference, claim report 5.2)."""


def claim(clinic_id: UUID, *, now: datetime) -> ClaimReport:
    """The claim report as the record allowed it at `now`; later facts do not enter."""
    clinic = people.clinic(clinic_id)
    policy, definition = load_claim_policy(), load_definition()
    given = _sessions_by_patient(clinic_id, now=now)
    watched = tuple(
        _watched(patient_id, done, clinic_id=clinic_id, zone=clinic.time_zone, now=now)
        for patient_id, done in given.items()
    )
    times = _times(watched, now=now, unknown_after_days=policy.unknown_after_days)
    checks = tally_checks(watched, definition, now=now)
    decided = _decide(times, checks)
    needed = years_needed(policy.margin_per_100, decided.events, policy.confidence)
    unseen = sum(one.unseen_seconds for one in times)
    benchmark = share(policy.benchmark.events, policy.benchmark.patients, policy.confidence)
    assumed = round(benchmark.percent or 0.0, 2)
    outlook = years_for_answer(
        margin_per_100=policy.margin_per_100,
        true_rate_per_100=assumed,
        confidence=policy.confidence,
        power=OUTLOOK_POWER,
    )
    return ClaimReport(
        clinic_id=clinic_id,
        clinic_name=clinic.name,
        is_simulated=clinic.is_simulated,
        at=now,
        claim=decided,
        claim_text=policy.claim,
        policy_version=policy.version,
        policy_hash=policy.content_hash,
        definition=definition,
        sensitivity=policy.sensitivity,
        ascertainment_percent_min=policy.ascertainment_percent_min,
        unknown_after_days=policy.unknown_after_days,
        patients_registered=len(given),
        patients_treated=len(times),
        patients_unknown=sum(one.is_unknown for one in times),
        sessions=sum(len(done) for done in given.values()),
        person_seconds=sum(one.seconds for one in times),
        unseen_seconds=unseen,
        years_needed_as_seen=needed,
        years_missing_as_seen=max(0.0, needed - decided.person_years),
        outlook_rate_per_100=assumed,
        outlook_years=outlook or 0.0,
        outlook_years_missing=max(0.0, (outlook or 0.0) - decided.person_years),
        checks=checks,
        scenarios=scenarios(
            decided, unseen_years=unseen / YEAR_SECONDS, sensitivity=policy.sensitivity
        ),
        worse=_worse(given, clinic_id=clinic_id, now=now),
        unexplained_ug=custody.unexplained_ug(clinic_id),
        per_100_patients=share(decided.events, len(times), policy.confidence),
        benchmark=benchmark,
        benchmark_title=policy.benchmark.title,
        benchmark_caveat=policy.benchmark.caveat,
        benchmark_source=policy.benchmark.source,
    )


def adjudications_of(patient_id: UUID, *, clinic_id: UUID) -> tuple[Adjudicated, ...]:
    """Every adjudication of a patient, newest first; the first one counts."""
    rows = Adjudication.objects.filter(clinic_id=clinic_id, patient_id=patient_id)
    return tuple(
        adjudication_fact(row)
        for row in rows.select_related("adjudicated_by").order_by("-at", "-id")
    )


def first_dose_at(patient_id: UUID, *, clinic_id: UUID, now: datetime) -> datetime | None:
    """When the patient's first dose began, or None."""
    started = [one.started_at for one in _started(patient_id, clinic_id=clinic_id, now=now)]
    return min(started, default=None)


def adjudication_fact(row: Adjudication) -> Adjudicated:
    """The frozen fact of an adjudication row."""
    definition = load_definition()
    return Adjudicated(
        adjudication_id=row.id,
        clinic_id=row.clinic_id,
        patient_id=row.patient_id,
        definition_version=row.definition_version,
        criteria=dict(row.criteria),
        has_distress=row.has_distress,
        verdict=row.verdict,
        onset_on=row.onset_on,
        reason=row.reason,
        met=count_met(row.criteria, definition, under_supervision=False),
        met_under_supervision=count_met(row.criteria, definition, under_supervision=True),
        adjudicated_by=row.adjudicated_by_id,
        adjudicated_by_name=row.adjudicated_by.name,
        at=row.at,
    )


def _decide(times: tuple[PersonTime, ...], checks: tuple[CheckTally, ...]) -> Claim:
    policy = load_claim_policy()
    return decide_claim(
        events=sum(one.is_case for one in times),
        person_years=person_years(times),
        ascertainment_percent=ascertainment_percent(checks),
        margin_per_100=policy.margin_per_100,
        confidence=policy.confidence,
        sensitivity=policy.sensitivity,
        ascertainment_percent_min=policy.ascertainment_percent_min,
        patient_years_min=policy.patient_years_min,
    )


def _times(
    watched: tuple[Watched, ...], *, now: datetime, unknown_after_days: int
) -> tuple[PersonTime, ...]:
    found = (person_time(one, now=now, unknown_after_days=unknown_after_days) for one in watched)
    return tuple(one for one in found if one is not None)


def _sessions_by_patient(
    clinic_id: UUID, *, now: datetime
) -> dict[UUID, tuple[SessionSummary, ...]]:
    return {
        patient.patient_id: _started(patient.patient_id, clinic_id=clinic_id, now=now)
        for patient in people.patients(clinic_id)
    }


def _started(patient_id: UUID, *, clinic_id: UUID, now: datetime) -> tuple[SessionSummary, ...]:
    """Sessions in which drug was begun by `now`: the exposure, newest first."""
    return tuple(
        one
        for one in sessions.sessions_of(patient_id, clinic_id=clinic_id)
        if one.started_at is not None and one.started_at <= now
    )


def _watched(
    patient_id: UUID,
    done: tuple[SessionSummary, ...],
    *,
    clinic_id: UUID,
    zone: str,
    now: datetime,
) -> Watched:
    decided = [one for one in adjudications_of(patient_id, clinic_id=clinic_id) if one.at <= now]
    moments = [
        moment
        for one in done
        for moment in (one.started_at, one.stopped_at, one.discharged_at, one.closed_at)
        if moment is not None and moment <= now
    ]
    moments += [one.at for one in decided]
    answered = outcome.last_contact(patient_id, clinic_id=clinic_id, until=now)
    if answered is not None:
        moments.append(answered)
    onset = decided[0].onset_on if decided and decided[0].verdict == "case" else None
    return Watched(
        patient_id=patient_id,
        first_dose_at=min((one.started_at for one in done), default=None),
        last_contact_at=max(moments, default=None),
        # Noon of the clinic's day, for a date has no hour; never after the person who decided.
        case_at=None
        if onset is None
        else min(datetime.combine(onset, time(12), tzinfo=ZoneInfo(zone)), decided[0].at),
        checked_at=tuple(one.at for one in decided if one.is_complete),
    )


def _worse(
    given: dict[UUID, tuple[SessionSummary, ...]], *, clinic_id: UUID, now: datetime
) -> Share:
    """How many treated patients with a score before and after have a higher one now."""
    scale = load_scale("phq-9")
    known = []
    for patient_id, done in given.items():
        if not done:
            continue
        points = outcome.trajectory(patient_id, clinic_id=clinic_id, scale_id=scale.scale_id)
        course = fold_course(
            [point for point in points if point.at <= now],
            first_dose_at=min(one.started_at for one in done),
            scale=scale,
        )
        if course.is_worse is not None:
            known.append(course.is_worse)
    return share(sum(known), len(known))
