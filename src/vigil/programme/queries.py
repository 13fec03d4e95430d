"""The only readers of the programme room that web may call; they return frozen facts."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from vigil.assessment import queries as assessments
from vigil.custody import queries as custody
from vigil.evidence.protocols import Protocol, load_protocol
from vigil.people import queries as people
from vigil.people.domain.facts import Staff
from vigil.people.duties import Duty
from vigil.plan import queries as plans
from vigil.plan.domain.dose import planned_dose_ug
from vigil.plan.domain.facts import Plan
from vigil.programme.domain.facts import Gate, GateFacts, ReviewDue
from vigil.programme.domain.gate import decide_gate, is_ready
from vigil.session import queries as sessions
from vigil.session.domain.facts import CheckedIn, SessionView
from vigil.units.durations import whole_minutes

MINUTES_PER_HOUR = 60
LARGE_CHANGE_TENTHS = 1
"""A weight that moved by more than one tenth is looked at twice (hazard H03)."""


def gate(
    session_id: UUID, *, clinic_id: UUID, by: Staff | None = None, now: datetime
) -> Gate | None:
    """The gate of this session at `now`; without `by`, whether anyone of the clinic may give counts."""
    seen = sessions.view(session_id, clinic_id=clinic_id, now=now)
    checked_in = sessions.check_in(session_id, clinic_id=clinic_id)
    if seen is None or checked_in is None:
        return None
    items = decide_gate(_gate_facts(seen, checked_in, by=by, now=now))
    return Gate(session_id=session_id, is_ready=is_ready(items), items=items)


def reviews_due(clinic_id: UUID, *, now: datetime) -> tuple[ReviewDue, ...]:
    """Signed plans whose review date has come, the latest ones first."""
    today = now.astimezone(ZoneInfo(people.clinic(clinic_id).time_zone)).date()
    due = [
        ReviewDue(
            patient_id=plan.patient_id,
            plan_id=plan.plan_id,
            review_on=plan.review_on,
            days_late=(today - plan.review_on).days,
        )
        for plan in plans.newest_of_clinic(clinic_id).values()
        if plan.review_on <= today
    ]
    return tuple(sorted(due, key=lambda each: (-each.days_late, str(each.patient_id))))


def _gate_facts(
    seen: SessionView, checked_in: CheckedIn, *, by: Staff | None, now: datetime
) -> GateFacts:
    clinic_id = seen.clinic_id
    plan = plans.plan(seen.plan_id, clinic_id=clinic_id)
    newest = plans.signed_plan(seen.patient_id, clinic_id=clinic_id)
    assert plan is not None
    protocol = load_protocol(plan.protocol_id)
    sat_minutes = whole_minutes(checked_in.at, now)
    last = _last_start(seen)
    today = now.astimezone(ZoneInfo(people.clinic(clinic_id).time_zone)).date()
    return GateFacts(
        is_plan_newest=newest is not None and newest.plan_id == plan.plan_id,
        is_protocol_adopted=plans.adoption_of(plan.protocol_id, clinic_id=clinic_id) is not None,
        is_protocol_unchanged=plan.protocol_hash
        == checked_in.protocol_hash
        == protocol.content_hash,
        is_assessment_eligible=_is_eligible(plan),
        is_consented=plan.consented_at is not None,
        is_first_session=last is None,
        hours_since_last=None if last is None else whole_minutes(last, now) // MINUTES_PER_HOUR,
        interval_hours=plan.interval_hours_min,
        sessions_done=_sessions_done(seen),
        sessions_planned=plan.sessions,
        weight_age_hours=whole_minutes(checked_in.weighed_at, now) // MINUTES_PER_HOUR,
        weight_age_hours_max=protocol.weight_age_hours_max,
        is_weight_change_large=_is_large_change(checked_in),
        is_weight_confirmed=checked_in.is_weight_confirmed,
        sbp=_newest_value(seen, "sbp"),
        dbp=_newest_value(seen, "dbp"),
        sbp_review=protocol.start.sbp_review,
        dbp_review=protocol.start.dbp_review,
        sbp_defer=protocol.start.sbp_defer,
        dbp_defer=protocol.start.dbp_defer,
        is_prescriber_on_site=bool(people.prescribers_on_site(clinic_id)),
        escort_name=seen.escort_name,
        food_minutes=_plus(checked_in.food_minutes, sat_minutes),
        food_minutes_needed=protocol.start.food_minutes,
        drink_minutes=_plus(checked_in.drink_minutes, sat_minutes),
        drink_minutes_needed=protocol.start.fluid_minutes,
        is_day_open=custody.is_day_open(clinic_id, today),
        dose_ug=_dose_ug(plan, protocol, seen),
        in_syringe_ug=seen.unreconciled_ug,
        has_give_duty=_may_give(by, clinic_id),
    )


def _may_give(by: Staff | None, clinic_id: UUID) -> bool:
    if by is None:
        return bool(people.staff_of(clinic_id, duty=Duty.GIVE))
    return Duty.GIVE in by.duties


def _is_eligible(plan: Plan) -> bool | None:
    """Whether the newest assessment for this protocol says eligible; None when there is none."""
    found = assessments.latest(
        plan.patient_id, clinic_id=plan.clinic_id, protocol_id=plan.protocol_id
    )
    if found is None or found.verdict == "more-needed":
        return None
    return found.verdict == "eligible"


def _dose_ug(plan: Plan, protocol: Protocol, seen: SessionView) -> int | None:
    """The dose that was fixed at check-in, or None when the plan no longer says the same."""
    planned_ug = planned_dose_ug(plan, protocol, weight_g=seen.weight_g)
    return seen.dose_ug if planned_ug == seen.dose_ug else None


def _last_start(seen: SessionView) -> datetime | None:
    """When the patient's last dose before this session began, whatever plan it was of."""
    before = [
        each.started_at
        for each in sessions.sessions_of(seen.patient_id, clinic_id=seen.clinic_id)
        if each.started_at is not None and each.session_id != seen.session_id
    ]
    return max(before, default=None)


def _sessions_done(seen: SessionView) -> int:
    return sum(
        each.started_at is not None and each.plan_id == seen.plan_id
        for each in sessions.sessions_of(seen.patient_id, clinic_id=seen.clinic_id)
        if each.session_id != seen.session_id
    )


def _is_large_change(checked_in: CheckedIn) -> bool:
    """Whether the weight moved by more than a tenth; a first weight has nothing to differ from."""
    before_g = checked_in.weight_before_g
    if before_g is None:
        return False
    return abs(checked_in.weight_g - before_g) * 10 > before_g * LARGE_CHANGE_TENTHS


def _newest_value(seen: SessionView, metric: str) -> int | None:
    """The newest believed value taken since the patient sat down."""
    latest = seen.latest.get(metric)
    if latest is None or latest.measured_at is None or latest.measured_at < seen.checked_in_at:
        return None
    return latest.value


def _plus(minutes: int | None, more: int) -> int | None:
    return None if minutes is None else minutes + more
