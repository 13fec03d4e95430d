"""The only readers of plan that other rooms may call; they return frozen facts."""

from uuid import UUID

from vigil.evidence.protocols import load_protocol, protocol_ids
from vigil.people import queries as people
from vigil.plan.domain.facts import Adoption
from vigil.plan.domain.facts import Plan as PlanFact
from vigil.plan.models import Adoption as AdoptionRow
from vigil.plan.models import Plan as PlanRow


def signed_plan(patient_id: UUID, *, clinic_id: UUID) -> PlanFact | None:
    """The newest signed plan of a patient, or None."""
    row = _plans(clinic_id).filter(patient_id=patient_id).order_by("-version").first()
    return None if row is None else plan_fact(row)


def plan(plan_id: UUID, *, clinic_id: UUID) -> PlanFact | None:
    """The plan with this id, newest or not, or None."""
    row = _plans(clinic_id).filter(pk=plan_id).first()
    return None if row is None else plan_fact(row)


def versions(patient_id: UUID, *, clinic_id: UUID) -> tuple[PlanFact, ...]:
    """Every signed plan of a patient, newest first."""
    rows = _plans(clinic_id).filter(patient_id=patient_id).order_by("-version")
    return tuple(plan_fact(row) for row in rows)


def newest_of_clinic(clinic_id: UUID) -> dict[UUID, PlanFact]:
    """Patient id -> their newest signed plan, for every patient who has one."""
    rows = _plans(clinic_id).order_by("patient_id", "-version").distinct("patient_id")
    return {row.patient_id: plan_fact(row) for row in rows}


def adopted_protocols(clinic_id: UUID) -> tuple[Adoption, ...]:
    """The adoptions that hold now: of protocol files whose bytes are still those that were signed for."""
    standing = {name: load_protocol(name).content_hash for name in protocol_ids()}
    return tuple(
        adoption
        for adoption in adoptions(clinic_id)
        if standing.get(adoption.protocol_id) == adoption.protocol_hash
    )


def adoption_of(protocol_id: str, *, clinic_id: UUID) -> Adoption | None:
    """The adoption of a protocol that holds now, or None when there is none or its file changed."""
    held = (a for a in adopted_protocols(clinic_id) if a.protocol_id == protocol_id)
    return next(held, None)


def adoptions(clinic_id: UUID) -> tuple[Adoption, ...]:
    """Every adoption that was ever signed, oldest first, also of files that changed since."""
    rows = AdoptionRow.objects.filter(clinic_id=clinic_id).order_by("adopted_at", "id")
    return tuple(adoption_fact(row) for row in rows.select_related("adopted_by"))


def adoption_fact(row: AdoptionRow) -> Adoption:
    """The frozen fact of an adoption row."""
    return Adoption(
        adoption_id=row.id,
        clinic_id=row.clinic_id,
        protocol_id=row.protocol_id,
        protocol_version=row.protocol_version,
        protocol_hash=row.protocol_hash,
        adopted_by=row.adopted_by_id,
        adopted_by_name=row.adopted_by.name,
        adopted_at=row.adopted_at,
    )


def plan_fact(row: PlanRow) -> PlanFact:
    """The frozen fact of a plan row, with consent as it stands now."""
    consent = people.consent(
        row.patient_id, protocol_hash=row.protocol_hash, clinic_id=row.clinic_id
    )
    return PlanFact(
        plan_id=row.id,
        clinic_id=row.clinic_id,
        patient_id=row.patient_id,
        assessment_id=row.assessment_id,
        version=row.version,
        reason=row.reason,
        protocol_id=row.protocol_id,
        protocol_version=row.protocol_version,
        protocol_hash=row.protocol_hash,
        drug=row.drug,
        route=row.route,
        ug_per_kg=row.ug_per_kg,
        fixed_ug=row.fixed_ug,
        infusion_minutes=row.infusion_minutes,
        sessions=row.sessions,
        interval_hours_min=row.interval_hours_min,
        intention=row.intention,
        measure=row.measure,
        measure_baseline=row.measure_baseline,
        review_on=row.review_on,
        consent_id=row.consent_id,
        consented_at=row.consented_at if consent is not None and consent.is_given else None,
        signed_by=row.signed_by_id,
        signed_by_name=row.signed_by.name,
        signed_at=row.signed_at,
        content_hash=row.content_hash,
    )


def _plans(clinic_id: UUID):
    return PlanRow.objects.filter(clinic_id=clinic_id).select_related("signed_by")
