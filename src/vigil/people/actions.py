"""The only writers of people: clinics, staff, patients, presence."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.db import IntegrityError, transaction

from vigil.people import attempts
from vigil.people.domain.consent import consent_hash
from vigil.people.domain.correction import decide_correction, why_no_birth_date, why_no_name
from vigil.people.domain.facts import Clinic, Consent, Correction, Patient, Staff
from vigil.people.duties import Duty
from vigil.people.models import Clinic as ClinicRow
from vigil.people.models import Consent as ConsentRow
from vigil.people.models import Correction as CorrectionRow
from vigil.people.models import Patient as PatientRow
from vigil.people.models import Presence as PresenceRow
from vigil.people.models import Staff as StaffRow
from vigil.people.queries import clinic, consent_fact, corrections, patient_fact, staff_fact
from vigil.record.actions import CARE, append
from vigil.record.clock import new_id
from vigil.units.refusals import Refused

MATCHES_NOTHING = "!"
"""What no password matches; checking against it takes as long as against a real one."""

SEXES = ("female", "male", "intersex", "unknown")
"""What the registration form offers; `unknown` means nobody asked yet."""


def lacks_duty(by: Staff, *any_of: Duty) -> Refused | None:
    """The refusal for a person who holds none of these duties, or None when they hold one."""
    if by.duties & frozenset(any_of):
        return None
    wanted = " or ".join(duty.value for duty in any_of)
    return Refused(code="PEO-DUTY", message=f"This needs the duty to {wanted}. Ask who holds it.")


def found_clinic(
    *, name: str, time_zone: str, is_simulated: bool, at: datetime, phone: str = ""
) -> Clinic:
    """Open a clinic. Run once by setup or by the demo."""
    with transaction.atomic():
        row = ClinicRow.objects.create(
            name=name, time_zone=time_zone, is_simulated=is_simulated, phone=phone
        )
        append(
            clinic_id=row.id,
            register=CARE,
            kind="people.ClinicFounded",
            subject=row.id,
            by="setup",
            at=at,
            body={
                "name": name,
                "time_zone": time_zone,
                "is_simulated": is_simulated,
                "phone": phone,
            },
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


def dismiss(*, staff_id: UUID, by: Staff, at: datetime) -> Refused | None:
    """End a person's sign-in, now and for sessions that are open; what they did stays."""
    if (refused := lacks_duty(by, Duty.ADMINISTER)) is not None:
        return refused
    if staff_id == by.staff_id:
        return Refused(
            code="PEO-DISMISS-SELF", message="You cannot end your own sign-in. Ask a second person."
        )
    return end_sign_in(staff_id=staff_id, clinic_id=by.clinic_id, by=str(by.staff_id), at=at)


def end_sign_in(*, staff_id: UUID, clinic_id: UUID, by: str, at: datetime) -> Refused | None:
    """End a person's sign-in for `dismiss`, and for whoever holds the machine (`by` "setup")."""
    return _change_staff(
        {"is_active": False}, "people.StaffDismissed", {},
        staff_id=staff_id, clinic_id=clinic_id, by=by, at=at,
    )  # fmt: skip


def change_duties(
    *, staff_id: UUID, clinic_id: UUID, duties: Iterable[Duty], by: str, at: datetime
) -> Refused | None:
    """Give a person exactly these duties, from their next request on."""
    held = sorted(str(duty) for duty in duties)
    return _change_staff(
        {"duties": held}, "people.DutiesChanged", {"duties": held},
        staff_id=staff_id, clinic_id=clinic_id, by=by, at=at,
    )  # fmt: skip


def change_password(
    *, staff_id: UUID, clinic_id: UUID, password: str, by: str, at: datetime
) -> Refused | None:
    """Give a person another password; every session that is open under the old one ends."""
    return _change_staff(
        {"password": make_password(password)}, "people.PasswordChanged", {},
        staff_id=staff_id, clinic_id=clinic_id, by=by, at=at,
    )  # fmt: skip


def _change_staff(
    values: dict[str, object],
    kind: str,
    body: dict[str, object],
    *,
    staff_id: UUID,
    clinic_id: UUID,
    by: str,
    at: datetime,
) -> Refused | None:
    """Write one change of a person who may sign in, with the duties that they held before."""
    with transaction.atomic():
        row = (
            StaffRow.objects.select_for_update()
            .filter(pk=staff_id, clinic_id=clinic_id, is_active=True)
            .first()
        )
        if row is None:
            return Refused(code="PEO-STAFF-UNKNOWN", message="No such person works here.")
        StaffRow.objects.filter(pk=staff_id).update(**values)
        append(
            clinic_id=clinic_id,
            register=CARE,
            kind=kind,
            subject=staff_id,
            by=by,
            at=at,
            body={"duties_before": row.duties, **body},
        )
    return None


def note_sign_in(*, by: Staff, at: datetime) -> None:
    """Record that a person signed in."""
    with transaction.atomic():
        append(
            clinic_id=by.clinic_id,
            register=CARE,
            kind="people.SignedIn",
            subject=by.staff_id,
            by=by.staff_id,
            at=at,
            body={},
        )


def confirm_self(*, password: str, by: Staff) -> Refused | None:
    """Nothing when the signed-in person proves themselves again at this moment, or the refusal.

    A signature asks for this, because a screen left open is not a person.
    """
    attempt = attempts.begin(login=by.login, source=f"performer {by.staff_id}")
    if isinstance(attempt, Refused):
        return attempt
    row = StaffRow.objects.filter(pk=by.staff_id, clinic_id=by.clinic_id, is_active=True).first()
    if check_password(password, row.password if row else MATCHES_NOTHING) and row is not None:
        attempts.succeeded(attempt)
        return None
    return Refused(code="PEO-PASSWORD", message="Your password is not right. Nothing was signed.")


def hold_patient(patient_id: UUID, *, clinic_id: UUID) -> Patient | None:
    """The patient, with their row locked until the caller's transaction ends, or None.

    Puts the acts on one patient in a line: no plan is signed while an assessment is being written.
    """
    assert transaction.get_connection().in_atomic_block, "a lock lives as long as its transaction"
    row = PatientRow.objects.select_for_update().filter(pk=patient_id, clinic_id=clinic_id).first()
    return None if row is None else patient_fact(row)


def confirm_witness(*, login: str, password: str, for_performer: Staff) -> Staff | Refused:
    """The second person, proved by their own sign-in at this moment, or the refusal.

    The witness is active, of the same clinic, holds the duty, and is never the performer.
    """
    attempt = attempts.begin(login=login, source=f"performer {for_performer.staff_id}")
    if isinstance(attempt, Refused):
        return attempt
    row = StaffRow.objects.filter(
        login=login, clinic_id=for_performer.clinic_id, is_active=True
    ).first()
    if not check_password(password, row.password if row else MATCHES_NOTHING) or row is None:
        return Refused(
            code="PEO-WITNESS-SIGN-IN",
            message="The witness's sign-in is not right. Nothing was recorded.",
        )
    attempts.succeeded(attempt)
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
    if (refused := why_no_name(name)) is not None:
        return refused
    if sex not in SEXES:
        return Refused(code="PEO-SEX", message=f"Sex is one of: {', '.join(SEXES)}.")
    if (refused := why_no_birth_date(born_on, today=at.date())) is not None:
        return refused
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


def correct_patient(
    *,
    patient_id: UUID,
    correction: Correction,
    reason: str,
    seen_corrections: int,
    by: Staff,
    at: datetime,
    key: UUID,
) -> Patient | Refused:
    """Correct what is known of a patient; old, new and the reason stay in the record.

    Args:
        seen_corrections: how many there were when the form was made (`queries.corrections`). A form
            that did not see the newest one is refused: it would put back what somebody else mended.
    """
    if (refused := lacks_duty(by, Duty.REGISTER, Duty.MONITOR, Duty.ASSESS)) is not None:
        return refused
    with transaction.atomic():
        held = hold_patient(patient_id, clinic_id=by.clinic_id)
        if held is None:
            return Refused(code="PEO-PATIENT-UNKNOWN", message="No such patient in this clinic.")
        if CorrectionRow.objects.filter(key=key, patient_id=patient_id).exists():
            return held
        if seen_corrections != corrections(patient_id, clinic_id=by.clinic_id):
            return Refused(
                code="PEO-CHANGED",
                message="Somebody else corrected these details meanwhile. Open the page again.",
            )
        changes = decide_correction(held, correction, reason=reason, by=by, today=at.date())
        if isinstance(changes, Refused):
            return changes
        return _correct(held, changes, reason.strip(), by=by, at=at, key=key)


def _correct(
    held: Patient,
    changes: dict[str, object],
    reason: str,
    *,
    by: Staff,
    at: datetime,
    key: UUID,
) -> Patient:
    before = {name: _plain(getattr(held, name)) for name in changes}
    after = {name: _plain(value) for name, value in changes.items()}
    stored = {
        name: list(value) if isinstance(value, tuple) else value for name, value in changes.items()
    }
    PatientRow.objects.filter(pk=held.patient_id).update(**stored)
    CorrectionRow.objects.create(
        clinic_id=by.clinic_id,
        patient_id=held.patient_id,
        before=before,
        after=after,
        reason=reason,
        corrected_by_id=by.staff_id,
        at=at,
        key=key,
    )
    append(
        clinic_id=by.clinic_id,
        register=CARE,
        kind="people.PatientCorrected",
        subject=held.patient_id,
        by=by.staff_id,
        at=at,
        body={"before": before, "after": after, "reason": reason},
    )
    return patient_fact(PatientRow.objects.get(pk=held.patient_id))


def _plain(value: object) -> object:
    """A detail as JSON holds it."""
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def set_presence(*, is_on_site: bool, by: Staff, at: datetime) -> Refused | None:
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


def record_consent(
    *,
    patient_id: UUID,
    protocol_id: str,
    protocol_version: int,
    protocol_hash: str,
    text_version: int,
    is_given: bool,
    by: Staff,
    at: datetime,
    key: UUID,
    consent_id: UUID | None = None,
) -> Consent | Refused:
    """Record that the patient agreed to this version of a protocol, or took it back.

    `consent_id` is given by a caller whose own fact must name the consent before it is written.
    """
    duties = (Duty.PRESCRIBE,) if is_given else (Duty.PRESCRIBE, Duty.ASSESS, Duty.MONITOR)
    if (refused := lacks_duty(by, *duties)) is not None:
        return refused
    with transaction.atomic():
        if hold_patient(patient_id, clinic_id=by.clinic_id) is None:
            return Refused(code="PEO-PATIENT-UNKNOWN", message="No such patient in this clinic.")
        again = ConsentRow.objects.filter(key=key, clinic_id=by.clinic_id).first()
        if again is not None:
            return consent_fact(again)
        row = ConsentRow.objects.create(
            id=consent_id or new_id(),
            clinic_id=by.clinic_id,
            patient_id=patient_id,
            protocol_id=protocol_id,
            protocol_version=protocol_version,
            protocol_hash=protocol_hash,
            text_version=text_version,
            text_hash=consent_hash(text_version),
            is_given=is_given,
            recorded_by_id=by.staff_id,
            at=at,
            key=key,
        )
        fact = consent_fact(row)
        append(
            clinic_id=by.clinic_id,
            register=CARE,
            kind="people.ConsentGiven" if is_given else "people.ConsentWithdrawn",
            subject=patient_id,
            by=by.staff_id,
            at=at,
            body={"consent": fact, "text_hash": row.text_hash},
        )
    return fact


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
