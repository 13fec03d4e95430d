"""The only writers of plan: adopting a protocol, signing a plan."""

from datetime import datetime
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from django.db import transaction

from vigil.assessment import queries as assessment
from vigil.evidence.protocols import load_protocol
from vigil.people import queries as people
from vigil.people.actions import confirm_self, hold_patient, lacks_duty, record_consent
from vigil.people.domain.consent import CONSENT_VERSION
from vigil.people.domain.facts import Consent, Staff
from vigil.people.duties import Duty
from vigil.plan.domain.decide import decide_sign
from vigil.plan.domain.facts import Adoption, Plan, PlanRequest
from vigil.plan.models import Adoption as AdoptionRow
from vigil.plan.models import Plan as PlanRow
from vigil.plan.queries import adoption_fact, adoption_of, plan, plan_fact, signed_plan
from vigil.record.actions import CARE, append
from vigil.record.clock import new_id
from vigil.units.refusals import Refused


def adopt_protocol(
    *, protocol_id: str, content_hash: str, by: Staff, at: datetime, key: UUID
) -> Adoption | Refused:
    """Adopt, for the clinic, the exact protocol that the prescriber read.

    `content_hash` is the one that was on the page: a file that changed in between is not adopted unread.
    """
    if (refused := lacks_duty(by, Duty.PRESCRIBE)) is not None:
        return refused
    protocol = load_protocol(protocol_id)
    if content_hash != protocol.content_hash:
        return Refused(
            code="PLN-PROTOCOL-CHANGED",
            message="The protocol changed while you were reading it. Read it again, then adopt it.",
        )
    with transaction.atomic():
        # One statement that two screens can run at once: the second finds the first's row.
        row, is_new = AdoptionRow.objects.get_or_create(
            clinic_id=by.clinic_id,
            protocol_id=protocol_id,
            protocol_hash=protocol.content_hash,
            defaults={
                "protocol_version": protocol.version,
                "adopted_by_id": by.staff_id,
                "adopted_at": at,
                "key": key,
            },
        )
        fact = adoption_fact(row)
        if is_new:
            append(
                clinic_id=by.clinic_id,
                register=CARE,
                kind="plan.ProtocolAdopted",
                subject=protocol_id,
                by=by.staff_id,
                at=at,
                body={
                    "adoption": fact,
                    "unverified": [row.name for row in protocol.unverified],
                },
            )
    return fact


def sign(
    *, request: PlanRequest, password: str, by: Staff, at: datetime, key: UUID
) -> Plan | Refused:
    """Sign the next version of a patient's plan and record the consent it rests on, together.

    The prescriber proves themselves again with `password`; the same key signs once.
    """
    if (refused := lacks_duty(by, Duty.PRESCRIBE)) is not None:
        return refused
    if (refused := confirm_self(password=password, by=by)) is not None:
        return refused
    if request.consent_text_version != CONSENT_VERSION:
        return Refused(
            code="PLN-CONSENT-OTHER",
            message="The consent text changed while the page was open. Read the new one together.",
        )
    protocol = load_protocol(request.protocol_id)
    zone = ZoneInfo(people.clinic(by.clinic_id).time_zone)
    with transaction.atomic():
        if hold_patient(request.patient_id, clinic_id=by.clinic_id) is None:
            return Refused(code="PLN-PATIENT-UNKNOWN", message="No such patient in this clinic.")
        again = PlanRow.objects.filter(key=key, clinic_id=by.clinic_id).first()
        if again is not None:
            return plan_fact(again)
        signed = decide_sign(
            request,
            protocol=protocol,
            adoption=adoption_of(request.protocol_id, clinic_id=by.clinic_id),
            assessment=assessment.latest(
                request.patient_id, clinic_id=by.clinic_id, protocol_id=request.protocol_id
            ),
            newest=signed_plan(request.patient_id, clinic_id=by.clinic_id),
            plan_id=new_id(),
            consent_id=new_id(),
            by=by,
            today=at.astimezone(zone).date(),
            at=at,
        )
        if isinstance(signed, Refused):
            return signed
        _write(signed, text_version=request.consent_text_version, by=by, key=key)
    return signed


def withdraw_consent(*, plan_id: UUID, by: Staff, at: datetime, key: UUID) -> Consent | Refused:
    """Record that the patient takes back the consent of a plan: it carries no session from now on."""
    duties = (Duty.PRESCRIBE, Duty.ASSESS, Duty.MONITOR)
    if (refused := lacks_duty(by, *duties)) is not None:
        return refused
    standing = plan(plan_id, clinic_id=by.clinic_id)
    if standing is None:
        return Refused(code="PLN-UNKNOWN", message="No such plan in this clinic.")
    return record_consent(
        patient_id=standing.patient_id,
        protocol_id=standing.protocol_id,
        protocol_version=standing.protocol_version,
        protocol_hash=standing.protocol_hash,
        text_version=CONSENT_VERSION,
        is_given=False,
        by=by,
        at=at,
        key=key,
    )


def _write(signed: Plan, *, text_version: int, by: Staff, key: UUID) -> None:
    consent = record_consent(
        patient_id=signed.patient_id,
        protocol_id=signed.protocol_id,
        protocol_version=signed.protocol_version,
        protocol_hash=signed.protocol_hash,
        text_version=text_version,
        is_given=True,
        by=by,
        at=signed.signed_at,
        # The consent is one act with the signature, so its key follows from the signature's.
        key=uuid5(key, "consent"),
        consent_id=signed.consent_id,
    )
    assert isinstance(consent, Consent), "whoever may sign may record the consent"
    adoption = adoption_of(signed.protocol_id, clinic_id=by.clinic_id)
    assert adoption is not None, "decide_sign refuses a protocol that is not adopted"
    PlanRow.objects.create(
        id=signed.plan_id,
        clinic_id=signed.clinic_id,
        patient_id=signed.patient_id,
        assessment_id=signed.assessment_id,
        consent_id=signed.consent_id,
        adoption_id=adoption.adoption_id,
        version=signed.version,
        reason=signed.reason,
        protocol_id=signed.protocol_id,
        protocol_version=signed.protocol_version,
        protocol_hash=signed.protocol_hash,
        drug=signed.drug,
        route=signed.route,
        ug_per_kg=signed.ug_per_kg,
        fixed_ug=signed.fixed_ug,
        infusion_minutes=signed.infusion_minutes,
        sessions=signed.sessions,
        interval_hours_min=signed.interval_hours_min,
        intention=signed.intention,
        measure=signed.measure,
        measure_baseline=signed.measure_baseline,
        review_on=signed.review_on,
        consented_at=signed.signed_at,
        signed_by_id=signed.signed_by,
        signed_at=signed.signed_at,
        content_hash=signed.content_hash,
        key=key,
    )
    append(
        clinic_id=signed.clinic_id,
        register=CARE,
        kind="plan.PlanSigned",
        subject=signed.patient_id,
        by=by.staff_id,
        at=signed.signed_at,
        body=signed,
    )
