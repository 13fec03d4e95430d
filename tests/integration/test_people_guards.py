"""People: what the database refuses, who may witness, who is here, who is registered."""

from datetime import date, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from conftest import PASSWORD
from vigil.people import actions, queries
from vigil.people.domain.consent import CONSENT_VERSION
from vigil.people.duties import Duty
from vigil.people.models import Consent as ConsentRow
from vigil.people.models import Patient as PatientRow
from vigil.people.models import Presence as PresenceRow
from vigil.people.models import Staff as StaffRow
from vigil.record.models import Entry
from vigil.units.refusals import Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def elsewhere(at):
    """Another clinic of this installation."""
    return actions.found_clinic(name="Other", time_zone="UTC", is_simulated=True, at=at)


@pytest.fixture
def stranger(elsewhere, at):
    """A person of the other clinic, with every duty."""
    return actions.employ(
        clinic_id=elsewhere.clinic_id, login="stranger", name="Stranger", duties=list(Duty),
        password=PASSWORD, by="setup", at=at,
    )  # fmt: skip


def refuses(write, *, because):
    """Run a write and let every deferred constraint speak."""

    def write_and_check():
        with transaction.atomic(), connection.cursor() as cursor:
            write()
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(DatabaseError, match=because):
        write_and_check()


# --- the database ------------------------------------------------------------------------------


def test_presence_of_another_clinics_person_is_refused_by_the_database(clinic, stranger, at):
    """A child can only point to a parent of its own clinic."""
    refuses(
        lambda: PresenceRow.objects.create(
            clinic_id=clinic.clinic_id, staff_id=stranger.staff_id, is_on_site=True, at=at
        ),
        because="same_clinic",
    )


@pytest.mark.parametrize("foreign", ["patient", "recorded_by"])
def test_consent_across_clinics_is_refused_by_the_database(
    foreign, clinic, elsewhere, stranger, prescriber, patient, at, key
):
    """Neither another clinic's patient nor another clinic's witness of the words."""
    theirs = actions.register_patient(
        name="Theirs", born_on=date(1980, 1, 1), sex="male", phone="", allergies=None,
        by=stranger, at=at, key=key(),
    )  # fmt: skip
    ids = {"patient": patient.patient_id, "recorded_by": prescriber.staff_id}
    ids |= {foreign: {"patient": theirs.patient_id, "recorded_by": stranger.staff_id}[foreign]}

    refuses(
        lambda: ConsentRow.objects.create(
            clinic_id=clinic.clinic_id, patient_id=ids["patient"],
            recorded_by_id=ids["recorded_by"], protocol_id="ket-mdd-iv", protocol_version=1,
            protocol_hash="0" * 64, text_version=1, text_hash="0" * 64, is_given=True, at=at,
            key=key(),
        ),
        because="same_clinic",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "because"),
    [
        (lambda row: setattr(row, "name", ""), "people_patient_has_name"),
        (lambda row: setattr(row, "number", "A-1001"), "people_patient_number"),
    ],
)
def test_a_patient_without_a_name_or_with_anothers_number_is_refused(
    change, because, patient, front_desk, at, key
):
    """INV-PEO-02: the number on the door belongs to one patient."""
    second = actions.register_patient(
        name="Second", born_on=date(1980, 1, 1), sex="male", phone="", allergies=None,
        by=front_desk, at=at, key=key(),
    )  # fmt: skip
    row = PatientRow.objects.get(pk=second.patient_id)
    change(row)

    refuses(row.save, because=because)


def test_a_duty_that_does_not_exist_is_refused_by_the_database(nurse):
    """INV-PEO-01: nobody is trusted with a word that the policy table does not know."""
    row = StaffRow.objects.get(pk=nurse.staff_id)
    row.duties = ["monitor", "everything"]

    refuses(row.save, because="people_staff_known_duties")


def test_what_was_said_is_not_edited_or_deleted(prescriber, at):
    """Presence rows are appended, never changed."""
    actions.set_presence(is_on_site=True, by=prescriber, at=at)

    refuses(lambda: PresenceRow.objects.update(is_on_site=False), because="Cannot update")
    refuses(lambda: PresenceRow.objects.all().delete(), because="Cannot update or delete")


# --- witnesses and passwords -------------------------------------------------------------------


def witness(by, login, password=PASSWORD):
    answer = actions.confirm_witness(login=login, password=password, for_performer=by)
    return answer.code if isinstance(answer, Refused) else answer


def test_a_second_person_with_the_duty_and_their_own_password_is_a_witness(nurse, second_nurse):
    """The answer is the person, so that the act can name them."""
    assert witness(nurse, "nurse2") == second_nurse


def test_nobody_else_is_a_witness(nurse, second_nurse, front_desk, stranger, owner, at):
    """INV-PEO-03: not oneself, not a guess, not another clinic, not without the duty, not who left."""
    assert witness(nurse, "nurse1") == "PEO-WITNESS-SELF"
    assert witness(nurse, "nurse2", "wrong horse battery staple") == "PEO-WITNESS-SIGN-IN"
    assert witness(nurse, "nurse2", "") == "PEO-WITNESS-SIGN-IN"
    assert witness(nurse, "nobody") == "PEO-WITNESS-SIGN-IN"
    assert witness(nurse, "stranger") == "PEO-WITNESS-SIGN-IN"
    assert witness(nurse, "desk") == "PEO-DUTY"

    assert actions.dismiss(staff_id=second_nurse.staff_id, by=owner, at=at) is None
    assert witness(nurse, "nurse2") == "PEO-WITNESS-SIGN-IN"


def test_a_person_proves_themselves_with_their_own_password_only(prescriber, nurse, stranger):
    """A signature needs the person who is signed in, and nobody else's password will do."""
    wrong = actions.confirm_self(password="wrong horse battery staple", by=prescriber)

    assert actions.confirm_self(password=PASSWORD, by=prescriber) is None
    assert isinstance(wrong, Refused)
    assert wrong.code == "PEO-PASSWORD"


def test_only_an_administrator_ends_a_sign_in_of_their_own_clinic(nurse, owner, stranger, at):
    """Not a colleague, not oneself, not another clinic's person."""
    codes = [
        actions.dismiss(staff_id=owner.staff_id, by=nurse, at=at).code,
        actions.dismiss(staff_id=owner.staff_id, by=owner, at=at).code,
        actions.dismiss(staff_id=stranger.staff_id, by=owner, at=at).code,
    ]

    assert codes == ["PEO-DUTY", "PEO-DISMISS-SELF", "PEO-STAFF-UNKNOWN"]
    assert StaffRow.objects.filter(is_active=False).count() == 0


# --- presence ----------------------------------------------------------------------------------


def test_the_newest_word_on_presence_counts(clinic, prescriber, at):
    """On site, gone, and on site again."""

    def here():
        return [one.name for one in queries.prescribers_on_site(clinic.clinic_id)]

    assert here() == []
    for minutes, is_on_site in enumerate([True, False, True]):
        then = at + timedelta(minutes=minutes)
        assert actions.set_presence(is_on_site=is_on_site, by=prescriber, at=then) is None
        assert here() == (["Prescriber"] if is_on_site else [])


def test_presence_is_of_this_clinic(clinic, prescriber, stranger, at):
    """A prescriber in another building is not on site."""
    actions.set_presence(is_on_site=True, by=stranger, at=at)

    assert queries.prescribers_on_site(clinic.clinic_id) == ()


# --- patients ----------------------------------------------------------------------------------


def register(by, at, key, **changes):
    asked = {
        "name": "Ana",
        "born_on": date(1980, 1, 1),
        "sex": "female",
        "phone": "",
        "allergies": (),
    }
    return actions.register_patient(**{**asked, **changes}, by=by, at=at, key=key())


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "   "}, "PEO-NAME"),
        ({"name": "x" * 121}, "PEO-NAME"),
        ({"born_on": date(1899, 12, 31)}, "PEO-BORN"),
        ({"born_on": date(2026, 11, 24)}, "PEO-BORN"),
        ({"sex": "other thing"}, "PEO-SEX"),
    ],
)
def test_a_registration_that_cannot_be_right_is_refused(changes, code, front_desk, at, key):
    """Nothing is written, neither the patient nor an entry of the record."""
    before = Entry.objects.count()

    answer = register(front_desk, at, key, **changes)

    assert answer.code == code
    assert (PatientRow.objects.count(), Entry.objects.count()) == (0, before)


@pytest.mark.parametrize("allergies", [None, (), ("Latex", "Penicillin")])
def test_an_allergy_nobody_asked_about_stays_unknown(allergies, clinic, front_desk, at, key):
    """Unknown, none and a list are three different things, also after a round trip."""
    patient = register(front_desk, at, key, allergies=allergies)

    held = queries.patient(patient.patient_id, clinic_id=clinic.clinic_id)
    assert held.allergies == allergies


def test_numbers_follow_each_other_and_other_clinics_see_nobody(
    clinic, elsewhere, stranger, front_desk, at, key
):
    """A patient of one clinic does not exist for the other."""
    first, second = (register(front_desk, at, key) for _ in range(2))

    assert (first.number, second.number) == ("A-1001", "A-1002")
    assert queries.patient(first.patient_id, clinic_id=elsewhere.clinic_id) is None
    assert register(stranger, at, key).number == "A-1001"


# --- consent -----------------------------------------------------------------------------------


def consent(patient, by, at, key, **changes):
    asked = {
        "patient_id": patient.patient_id, "protocol_id": "ket-mdd-iv", "protocol_version": 1,
        "protocol_hash": "a" * 64, "text_version": CONSENT_VERSION, "is_given": True,
    }  # fmt: skip
    return actions.record_consent(**{**asked, **changes}, by=by, at=at, key=key())


def test_consent_is_for_one_version_and_can_be_taken_back(clinic, patient, prescriber, at, key):
    """INV-PEO-04: the newest word counts, and it says nothing about another version."""

    def newest(protocol_hash="a" * 64):
        return queries.consent(
            patient.patient_id, protocol_hash=protocol_hash, clinic_id=clinic.clinic_id
        )

    consent(patient, prescriber, at, key)
    assert newest().is_given
    assert newest("b" * 64) is None

    consent(patient, prescriber, at + timedelta(minutes=1), key, is_given=False)
    assert not newest().is_given


def test_consent_of_another_clinics_patient_is_refused(stranger, patient, at, key):
    """An id from elsewhere names nobody here."""
    answer = consent(patient, stranger, at, key)

    assert answer.code == "PEO-PATIENT-UNKNOWN"
    assert ConsentRow.objects.count() == 0


def test_two_rows_of_one_key_cannot_exist(patient, prescriber, at, key):
    """The database holds the idempotency of a consent, not only the action."""
    once = key()
    first = consent(patient, prescriber, at, lambda: once)
    again = consent(patient, prescriber, at, lambda: once)
    row = ConsentRow.objects.get()
    row.pk = key()
    row._state.adding = True

    assert again == first
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_an_open_stream_ends_with_the_sign_in(client, nurse, django_user_model):
    """A stream asks again while it is open: signed out, let go or without the duty, it ends."""
    from vigil.web.stream import still_may

    row = django_user_model.objects.get(pk=nurse.staff_id)
    client.force_login(row)
    key = client.session.session_key
    assert still_may(key, "stream:board")
    assert not still_may(key, "stream:unknown")

    row.duties = ["receive"]
    row.save(update_fields=["duties"])
    assert not still_may(key, "stream:board")

    row.duties = ["monitor"]
    row.is_active = False
    row.save(update_fields=["duties", "is_active"])
    assert not still_may(key, "stream:board")

    row.is_active = True
    row.save(update_fields=["is_active"])
    assert still_may(key, "stream:board")
    client.logout()
    assert not still_may(key, "stream:board")
