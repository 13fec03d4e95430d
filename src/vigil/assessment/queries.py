"""The only readers of assessment that other rooms may call; they return frozen facts."""

from uuid import UUID

from vigil.assessment.domain.facts import Assessment, Reason
from vigil.assessment.models import Assessment as AssessmentRow


def latest(
    patient_id: UUID, *, clinic_id: UUID, protocol_id: str | None = None
) -> Assessment | None:
    """The newest assessment of a patient, of one protocol or of any, or None."""
    rows = AssessmentRow.objects.filter(clinic_id=clinic_id, patient_id=patient_id)
    if protocol_id is not None:
        rows = rows.filter(protocol_id=protocol_id)
    row = rows.order_by(*NEWEST_FIRST).select_related("completed_by").first()
    return None if row is None else assessment_fact(row)


def history(patient_id: UUID, *, clinic_id: UUID) -> tuple[Assessment, ...]:
    """Every assessment of a patient, newest first."""
    rows = AssessmentRow.objects.filter(clinic_id=clinic_id, patient_id=patient_id)
    rows = rows.order_by(*NEWEST_FIRST).select_related("completed_by")
    return tuple(assessment_fact(row) for row in rows)


def newest_of_clinic(clinic_id: UUID) -> dict[UUID, Assessment]:
    """Patient id -> their newest assessment of any protocol, for every patient who has one."""
    rows = (
        AssessmentRow.objects.filter(clinic_id=clinic_id)
        .order_by("patient_id", *NEWEST_FIRST)
        .distinct("patient_id")
        .select_related("completed_by")
    )
    return {row.patient_id: assessment_fact(row) for row in rows}


NEWEST_FIRST = ("-completed_at", "-id")
"""Ids sort by the server's time, so two rows of one moment still have one order."""


def assessment_fact(row: AssessmentRow) -> Assessment:
    """The frozen fact of an assessment row."""
    return Assessment(
        assessment_id=row.id,
        clinic_id=row.clinic_id,
        patient_id=row.patient_id,
        protocol_id=row.protocol_id,
        protocol_version=row.protocol_version,
        protocol_hash=row.protocol_hash,
        answers=row.answers,
        verdict=row.verdict,
        findings=tuple(
            Reason(**{**found, "missing": tuple(found["missing"])}) for found in row.findings
        ),
        completed_by=row.completed_by_id,
        completed_by_name=row.completed_by.name,
        completed_at=row.completed_at,
    )
