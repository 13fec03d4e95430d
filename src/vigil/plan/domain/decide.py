"""Whether a plan may be signed, and the plan that then stands.

Data in: what the prescriber asks, the protocol, the clinic's adoption, the newest assessment and plan. Data out: a
signed plan, or the refusal.
"""

import hashlib
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from vigil.assessment.domain.facts import Assessment
from vigil.evidence.protocols import Protocol
from vigil.people.domain.facts import Staff
from vigil.plan.domain.dose import show_ug_per_kg
from vigil.plan.domain.facts import Adoption, Plan, PlanRequest
from vigil.record.canonical import canonical
from vigil.units.amounts import show_mg
from vigil.units.durations import elapsed
from vigil.units.refusals import Refused

REVIEW_DAYS_MAX = 366
"""Latest review, days from signing: a date beyond a year is taken for a slip of the keyboard."""

MEASURE_MAX = 10
"""Top of the patient's own scale: 0 is not at all, 10 is fully."""


def decide_sign(
    request: PlanRequest,
    *,
    protocol: Protocol,
    adoption: Adoption | None,
    assessment: Assessment | None,
    newest: Plan | None,
    plan_id: UUID,
    consent_id: UUID,
    by: Staff,
    today: date,
    at: datetime,
) -> Plan | Refused:
    """The signed plan, unless protocol, assessment, dose, goal or consent do not carry it.

    Args:
        adoption: the clinic's adoption of exactly this protocol file, or None.
        assessment: the patient's newest assessment for this protocol, or None.
        newest: the patient's newest signed plan, or None.
        today: the clinic's date at `at`.
    """
    refused = (
        _refuse_protocol(protocol, adoption)
        or _refuse_assessment(protocol, assessment, at=at)
        or _refuse_version(request, newest)
        or _refuse_dose(request, protocol, newest)
        or _refuse_course(request, protocol, today=today)
        or _refuse_goal(request)
    )
    if refused is not None:
        return refused
    assert assessment is not None, "_refuse_assessment refuses a missing one"
    unsealed = Plan(
        plan_id=plan_id,
        clinic_id=by.clinic_id,
        patient_id=request.patient_id,
        assessment_id=assessment.assessment_id,
        version=request.replaces_version + 1,
        reason=request.reason.strip(),
        protocol_id=protocol.protocol_id,
        protocol_version=protocol.version,
        protocol_hash=protocol.content_hash,
        drug=protocol.drug,
        route=protocol.route,
        ug_per_kg=request.ug_per_kg,
        fixed_ug=request.fixed_ug,
        infusion_minutes=protocol.dosing.infusion_minutes,
        sessions=request.sessions,
        interval_hours_min=protocol.interval_hours_min,
        intention=request.intention.strip(),
        measure=request.measure.strip(),
        measure_baseline=request.measure_baseline,
        review_on=request.review_on,
        consent_id=consent_id,
        consented_at=at,
        signed_by=by.staff_id,
        signed_by_name=by.name,
        signed_at=at,
        content_hash="",
    )
    return replace(unsealed, content_hash=plan_hash(unsealed))


UNSEALED = frozenset({"content_hash", "consented_at", "signed_by_name"})
"""Fields outside the seal: the seal itself, and two that are read from other rows by id."""


def plan_text(plan: Plan) -> str:
    """The canonical text of a plan: what its seal is computed from."""
    return canonical(
        {
            field.name: getattr(plan, field.name)
            for field in fields(plan)
            if field.name not in UNSEALED
        }
    )


def plan_hash(plan: Plan) -> str:
    """SHA-256 of the plan's canonical text, as hexadecimal."""
    return hashlib.sha256(plan_text(plan).encode()).hexdigest()


def _refuse_protocol(protocol: Protocol, adoption: Adoption | None) -> Refused | None:
    if adoption is None or adoption.protocol_hash != protocol.content_hash:
        return Refused(
            code="PLN-NOT-ADOPTED",
            message=f"The clinic has not adopted {protocol.title}, version {protocol.version}. "
            "Read and adopt it under Protocols first.",
        )
    return None


def _refuse_assessment(
    protocol: Protocol, assessment: Assessment | None, *, at: datetime
) -> Refused | None:
    if assessment is None or assessment.protocol_id != protocol.protocol_id:
        return Refused(
            code="PLN-NOT-ASSESSED",
            message="The patient has not been assessed for this protocol. Assess first.",
        )
    if assessment.protocol_hash != protocol.content_hash:
        return Refused(
            code="PLN-ASSESSED-OTHER",
            message="The protocol changed after the assessment. Assess again.",
        )
    if assessment.verdict == "excluded":
        return Refused(
            code="PLN-EXCLUDED", message="The newest assessment excludes this patient. No plan."
        )
    if assessment.verdict != "eligible":
        return Refused(
            code="PLN-MORE-NEEDED",
            message="The newest assessment still lacks answers. An unknown is not a no: "
            "complete the assessment first.",
        )
    days_max = protocol.assessment_age_days_max
    if elapsed(assessment.completed_at, at) > timedelta(days=days_max):
        return Refused(
            code="PLN-ASSESSED-OLD",
            message=f"The assessment is older than {days_max} days. Assess again.",
        )
    return None


def _refuse_version(request: PlanRequest, newest: Plan | None) -> Refused | None:
    version = 0 if newest is None else newest.version
    if request.replaces_version != version:
        return Refused(
            code="PLN-CHANGED",
            message="Another version was signed while this page was open. Read it first.",
        )
    if newest is not None and not request.reason.strip():
        return Refused(
            code="PLN-REASON",
            message=f"This replaces version {newest.version}. Say why it changes.",
        )
    return None


def _refuse_dose(request: PlanRequest, protocol: Protocol, newest: Plan | None) -> Refused | None:
    dosing = protocol.dosing
    if dosing.kind == "per-kg":
        return _refuse_per_kg(request, limit_ug_per_kg=dosing.ug_per_kg_max or 0)
    if request.ug_per_kg is not None or request.fixed_ug not in dosing.fixed_ug:
        offered = " or ".join(show_mg(amount) for amount in dosing.fixed_ug)
        return Refused(code="PLN-DOSE", message=f"This protocol gives {offered}. Choose one.")
    begins = newest is None or newest.protocol_id != protocol.protocol_id
    if begins and dosing.first_fixed_ug not in (None, request.fixed_ug):
        return Refused(
            code="PLN-DOSE-FIRST",
            message=f"This protocol begins with {show_mg(dosing.first_fixed_ug)}. Sign that first, "
            "and change the plan after the first session.",
        )
    return None


def _refuse_per_kg(request: PlanRequest, *, limit_ug_per_kg: int) -> Refused | None:
    if request.fixed_ug is not None or not request.ug_per_kg or request.ug_per_kg < 0:
        return Refused(code="PLN-DOSE", message="This protocol needs a dose in mg/kg, above 0.")
    if request.ug_per_kg > limit_ug_per_kg:
        return Refused(
            code="PLN-DOSE-OVER",
            message=f"Read {show_ug_per_kg(request.ug_per_kg)}; the protocol allows at most "
            f"{show_ug_per_kg(limit_ug_per_kg)}.",
        )
    return None


def _refuse_course(request: PlanRequest, protocol: Protocol, *, today: date) -> Refused | None:
    if not 1 <= request.sessions <= protocol.sessions:
        return Refused(
            code="PLN-SESSIONS",
            message=f"The protocol allows 1 to {protocol.sessions} sessions before a new decision.",
        )
    if not today < request.review_on <= today + timedelta(days=REVIEW_DAYS_MAX):
        return Refused(
            code="PLN-REVIEW",
            message=f"Read {request.review_on} as the review date; it lies after today and within "
            f"{REVIEW_DAYS_MAX} days.",
        )
    return None


def _refuse_goal(request: PlanRequest) -> Refused | None:
    if not request.intention.strip() or not request.measure.strip():
        return Refused(
            code="PLN-INTENTION",
            message="Write what the patient wants from this, in their own words, and how they will "
            "measure it.",
        )
    baseline = request.measure_baseline
    if baseline is None or not 0 <= baseline <= MEASURE_MAX:
        return Refused(
            code="PLN-MEASURE", message=f"Ask where it stands today, from 0 to {MEASURE_MAX}."
        )
    if not request.is_consent_given:
        return Refused(
            code="PLN-CONSENT",
            message="Without the patient's consent there is no plan. Read it with them first.",
        )
    return None
