"""The only writer of assessment."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from vigil.assessment.domain.decide import checked_answers, decide_assessment
from vigil.assessment.domain.facts import Answer, Assessment
from vigil.assessment.models import Assessment as AssessmentRow
from vigil.assessment.queries import assessment_fact
from vigil.evidence.protocols import load_protocol
from vigil.people.actions import hold_patient, lacks_duty
from vigil.people.domain.facts import Staff
from vigil.people.duties import Duty
from vigil.record.actions import CARE, append
from vigil.record.canonical import plain
from vigil.units.refusals import Refused


def record_assessment(
    *,
    patient_id: UUID,
    protocol_id: str,
    answers: Mapping[str, Answer],
    by: Staff,
    at: datetime,
    key: UUID,
) -> Assessment | Refused:
    """Save the answers with what the protocol's rules say of them; the same key saves once.

    An incomplete assessment is saved too, as more-needed: it can be taken up again.

    Raises:
        UnfitAnswers: an answer that is not an answer to the protocol's question.
    """
    if (refused := lacks_duty(by, Duty.ASSESS)) is not None:
        return refused
    protocol = load_protocol(protocol_id)
    kept = checked_answers(protocol.questions, answers)
    decision = decide_assessment(protocol, kept)
    with transaction.atomic():
        if hold_patient(patient_id, clinic_id=by.clinic_id) is None:
            return Refused(code="ASM-PATIENT-UNKNOWN", message="No such patient in this clinic.")
        again = AssessmentRow.objects.filter(key=key, clinic_id=by.clinic_id).first()
        if again is not None:
            return assessment_fact(again)
        row = AssessmentRow.objects.create(
            clinic_id=by.clinic_id,
            patient_id=patient_id,
            protocol_id=protocol.protocol_id,
            protocol_version=protocol.version,
            protocol_hash=protocol.content_hash,
            answers=kept,
            findings=plain(decision.findings),
            verdict=decision.verdict,
            completed_by_id=by.staff_id,
            completed_at=at,
            key=key,
        )
        fact = assessment_fact(row)
        append(
            clinic_id=by.clinic_id,
            register=CARE,
            kind="assessment.Assessed",
            subject=patient_id,
            by=by.staff_id,
            at=at,
            body=fact,
        )
    return fact
