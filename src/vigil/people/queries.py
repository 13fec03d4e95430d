"""The only readers of people that other rooms may call; they return frozen facts."""

from uuid import UUID

from vigil.people.domain.facts import Clinic, Consent, Patient, Presence, Staff
from vigil.people.duties import Duty
from vigil.people.models import Clinic as ClinicRow
from vigil.people.models import Consent as ConsentRow
from vigil.people.models import Correction as CorrectionRow
from vigil.people.models import Patient as PatientRow
from vigil.people.models import Presence as PresenceRow
from vigil.people.models import Staff as StaffRow


def clinic(clinic_id: UUID) -> Clinic:
    """The clinic with this id."""
    return _clinic(ClinicRow.objects.get(pk=clinic_id))


def clinics() -> tuple[Clinic, ...]:
    """Every clinic of this installation."""
    return tuple(_clinic(row) for row in ClinicRow.objects.order_by("name"))


def staff(staff_id: UUID) -> Staff:
    """The member of staff with this id."""
    return staff_fact(StaffRow.objects.get(pk=staff_id))


def staff_of(clinic_id: UUID, *, duty: Duty | None = None) -> tuple[Staff, ...]:
    """Active staff of a clinic, by name; with a duty, only those who hold it."""
    rows = StaffRow.objects.filter(clinic_id=clinic_id, is_active=True).order_by("name")
    if duty is not None:
        rows = rows.filter(duties__contains=[duty.value])
    return tuple(staff_fact(row) for row in rows)


def staff_by_login(login: str, *, clinic_id: UUID) -> tuple[Staff, bool] | None:
    """The person with this login and whether they may still sign in, or None."""
    row = StaffRow.objects.filter(login=login, clinic_id=clinic_id).first()
    return None if row is None else (staff_fact(row), row.is_active)


def is_login_taken(login: str) -> bool:
    """Whether the login was ever given to anybody: it is never given to a second person."""
    return StaffRow.objects.filter(login=login).exists()


def corrections(patient_id: UUID, *, clinic_id: UUID) -> int:
    """How often the patient's details were corrected; a form says which state it saw."""
    return CorrectionRow.objects.filter(patient_id=patient_id, clinic_id=clinic_id).count()


def patient(patient_id: UUID, *, clinic_id: UUID) -> Patient | None:
    """The patient of this clinic with this id, or None."""
    row = PatientRow.objects.filter(pk=patient_id, clinic_id=clinic_id).first()
    return None if row is None else patient_fact(row)


def patients(clinic_id: UUID) -> tuple[Patient, ...]:
    """Every patient of a clinic, by number."""
    rows = PatientRow.objects.filter(clinic_id=clinic_id).order_by("number")
    return tuple(patient_fact(row) for row in rows)


def prescribers_on_site(clinic_id: UUID) -> tuple[Presence, ...]:
    """Prescribers whose newest presence row says they are on site."""
    newest = (
        PresenceRow.objects.filter(clinic_id=clinic_id)
        .order_by("staff_id", "-id")
        .distinct("staff_id")
        .select_related("staff")
    )
    return tuple(
        Presence(staff_id=row.staff_id, name=row.staff.name, since=row.at)
        for row in newest
        if row.is_on_site
    )


def consent(patient_id: UUID, *, protocol_hash: str, clinic_id: UUID) -> Consent | None:
    """The newest word of this patient on this exact protocol, given or taken back, or None."""
    row = (
        ConsentRow.objects.filter(
            clinic_id=clinic_id, patient_id=patient_id, protocol_hash=protocol_hash
        )
        .order_by("-at", "-id")
        .first()
    )
    return None if row is None else consent_fact(row)


def staff_fact(row: StaffRow) -> Staff:
    """The frozen fact of a staff row (also used for `request.user`)."""
    return Staff(
        staff_id=row.id,
        clinic_id=row.clinic_id,
        name=row.name,
        login=row.login,
        duties=frozenset(Duty(duty) for duty in row.duties),
    )


def patient_fact(row: PatientRow) -> Patient:
    """The frozen fact of a patient row."""
    return Patient(
        patient_id=row.id,
        clinic_id=row.clinic_id,
        number=row.number,
        name=row.name,
        born_on=row.born_on,
        sex=row.sex,
        phone=row.phone,
        allergies=None if row.allergies is None else tuple(row.allergies),
        is_simulated=row.is_simulated,
    )


def consent_fact(row: ConsentRow) -> Consent:
    """The frozen fact of a consent row."""
    return Consent(
        consent_id=row.id,
        patient_id=row.patient_id,
        protocol_id=row.protocol_id,
        protocol_version=row.protocol_version,
        protocol_hash=row.protocol_hash,
        text_version=row.text_version,
        is_given=row.is_given,
        recorded_by=row.recorded_by_id,
        at=row.at,
    )


def _clinic(row: ClinicRow) -> Clinic:
    return Clinic(
        clinic_id=row.id,
        name=row.name,
        time_zone=row.time_zone,
        is_simulated=row.is_simulated,
        phone=row.phone,
    )
