"""The only writers of people: clinics, staff, patients, presence."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from django.contrib.auth.hashers import check_password
from django.db import IntegrityError, transaction

from vigil.people.domain.facts import Clinic, Patient, Staff
from vigil.people.duties import Duty
from vigil.people.models import Clinic as ClinicRow
from vigil.people.models import Patient as PatientRow
from vigil.people.models import Presence as PresenceRow
from vigil.people.models import Staff as StaffRow
from vigil.people.queries import clinic, patient_fact, staff_fact
from vigil.record.actions import CARE, append
from vigil.units.refusals import Refused


def lacks_duty(by: Staff, *any_of: Duty) -> Refused | None:
    """The refusal for a person who holds none of these duties, or None when they hold one."""
    if by.duties & frozenset(any_of):
        return None
    wanted = " or ".join(duty.value for duty in any_of)
    return Refused(code="PEO-DUTY", message=f"This needs the duty to {wanted}. Ask who holds it.")


def found_clinic(*, name: str, time_zone: str, is_simulated: bool, at: datetime) -> Clinic:
    """Open a clinic. Run once by setup or by the demo."""
    with transaction.atomic():
        row = ClinicRow.objects.create(name=name, time_zone=time_zone, is_simulated=is_simulated)
        append(
            clinic_id=row.id,
            register=CARE,
            kind="people.ClinicFounded",
            subject=row.id,
            by="setup",
            at=at,
            body={"name": name, "time_zone": time_zone, "is_simulated": is_simulated},
        )
    return clinic(row.id)


def employ(
    *,
    clinic_id: UUID,
    login: str,
    name: str,
    duties: Iterable[Duty],
    password: str,
    by: str,
    at: datetime,
) -> Staff:
    """Give a person a sign-in and duties."""
    with transaction.atomic():
        row = StaffRow(
            clinic_id=clinic_id, login=login, name=name, duties=sorted(str(d) for d in duties)
        )
        row.set_password(password)
        row.save(force_insert=True)
        append(
            clinic_id=clinic_id,
            register=CARE,
            kind="people.StaffEmployed",
            subject=row.id,
            by=by,
            at=at,
            body={"login": login, "name": name, "duties": row.duties},
        )
    return staff_fact(row)


def confirm_witness(*, login: str, password: str, for_performer: Staff) -> Staff | Refused:
    """The second person, proved by their own sign-in at this moment, or the refusal.

    The witness is active, of the same clinic, holds the duty, and is never the performer.
    """
    row = StaffRow.objects.filter(
        login=login, clinic_id=for_performer.clinic_id, is_active=True
    ).first()
    if not check_password(password, row.password if row else None) or row is None:
        return Refused(
            code="PEO-WITNESS-SIGN-IN",
            message="The witness's sign-in is not right. Nothing was recorded.",
        )
    if row.id == for_performer.staff_id:
        return Refused(
            code="PEO-WITNESS-SELF",
            message="You cannot witness your own act. Ask a second person to sign.",
        )
    witness = staff_fact(row)
    return lacks_duty(witness, Duty.WITNESS) or witness


def register_patient(
    *,
    name: str,
    born_on: date,
    sex: str,
    phone: str,
    allergies: tuple[str, ...] | None,
    by: Staff,
    at: datetime,
    key: UUID,
) -> Patient | Refused:
    """Register a patient; the same key again gives the same patient."""
    if (refused := lacks_duty(by, Duty.REGISTER)) is not None:
        return refused
    if not name.strip():
        return Refused(code="PEO-NAME", message="A patient needs a name.")
    if not date(1900, 1, 1) <= born_on <= at.date():
        return Refused(
            code="PEO-BORN", message=f"Born on {born_on} is not between 1900-01-01 and today."
        )
    for _ in range(5):
        try:
            with transaction.atomic():
                return _register(name.strip(), born_on, sex, phone, allergies, by, at, key)
        except IntegrityError:
            # Two desks took the same number, or this key came before: look, then try again.
            again = PatientRow.objects.filter(key=key, clinic_id=by.clinic_id).first()
            if again is not None:
                return patient_fact(again)
    return Refused(code="PEO-BUSY", message="The register is busy. Try once more.")


def set_presence(*, is_on_site: bool, by: Staff, at: datetime) -> None | Refused:
    """A prescriber says that they are on site, or that they leave."""
    if (refused := lacks_duty(by, Duty.PRESCRIBE)) is not None:
        return refused
    with transaction.atomic():
        PresenceRow.objects.create(
            clinic_id=by.clinic_id, staff_id=by.staff_id, is_on_site=is_on_site, at=at
        )
        append(
            clinic_id=by.clinic_id,
            register=CARE,
            kind="people.PresenceSet",
            subject=by.staff_id,
            by=by.staff_id,
            at=at,
            body={"is_on_site": is_on_site},
        )
    return None


def _register(
    name: str,
    born_on: date,
    sex: str,
    phone: str,
    allergies: tuple[str, ...] | None,
    by: Staff,
    at: datetime,
    key: UUID,
) -> Patient:
    count = PatientRow.objects.filter(clinic_id=by.clinic_id).count()
    row = PatientRow.objects.create(
        clinic_id=by.clinic_id,
        number=f"A-{1001 + count}",
        name=name,
        born_on=born_on,
        sex=sex,
        phone=phone,
        allergies=None if allergies is None else list(allergies),
        is_simulated=clinic(by.clinic_id).is_simulated,
        registered_at=at,
        key=key,
    )
    fact = patient_fact(row)
    append(
        clinic_id=by.clinic_id,
        register=CARE,
        kind="people.PatientRegistered",
        subject=row.id,
        by=by.staff_id,
        at=at,
        body=fact,
    )
    return fact
