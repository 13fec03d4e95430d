"""Correcting what is known of a patient: who may, what stays, what is refused."""

from datetime import date

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from vigil.people import actions, queries
from vigil.people.domain.facts import Correction, Patient
from vigil.people.models import Correction as CorrectionRow
from vigil.people.models import Staff as StaffRow
from vigil.record.clock import new_id
from vigil.record.models import Entry
from vigil.units.refusals import Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def unasked(front_desk, at, key):
    return actions.register_patient(
        name="Ada Unasked", born_on=date(1990, 1, 1), sex="female", phone="", allergies=None,
        by=front_desk, at=at, key=key(),
    )  # fmt: skip


def correct(patient, by, at, *, key=None, reason="asked the patient", seen=0, **details):
    return actions.correct_patient(
        patient_id=patient.patient_id, correction=Correction(**details), reason=reason,
        seen_corrections=seen, by=by, at=at, key=key or new_id(),
    )  # fmt: skip


def test_a_nurse_writes_down_the_answer_about_allergies(unasked, nurse, at):
    """INV-PEO-05: old, new and the reason are in the record, under the name of who asked."""
    answer = correct(unasked, nurse, at, allergies=("Penicillin",))

    held = queries.patient(unasked.patient_id, clinic_id=unasked.clinic_id)
    entry = Entry.objects.get(kind="people.PatientCorrected")
    assert answer == held
    assert held.allergies == ("Penicillin",)
    assert entry.by == str(nurse.staff_id)
    assert entry.subject == str(unasked.patient_id)
    assert '"before":{"allergies":null}' in entry.body
    assert '"after":{"allergies":["Penicillin"]}' in entry.body
    assert "asked the patient" in entry.body


def test_the_desk_corrects_every_detail(unasked, front_desk, at):
    answer = correct(
        unasked, front_desk, at, name=" Ada Asked ", born_on=date(1991, 1, 1), phone="555 0100",
        allergies=(),
    )  # fmt: skip

    assert isinstance(answer, Patient)
    assert (answer.name, answer.born_on, answer.phone, answer.allergies) == (
        "Ada Asked", date(1991, 1, 1), "555 0100", (),
    )  # fmt: skip
    row = CorrectionRow.objects.get()
    assert row.before == {
        "name": "Ada Unasked", "born_on": "1990-01-01", "phone": "", "allergies": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    "details", [{"name": "Eve"}, {"born_on": date(1980, 1, 1)}, {"phone": "555 0199"}]
)
def test_a_nurse_corrects_allergies_and_nothing_else(details, unasked, nurse, at):
    """INV-ACC-03: each detail asks for its own duty, also beside one that is allowed."""
    answer = correct(unasked, nurse, at, allergies=("Latex",), **details)

    assert answer.code == "PEO-DUTY"
    assert queries.patient(unasked.patient_id, clinic_id=unasked.clinic_id) == unasked
    assert not CorrectionRow.objects.exists()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": " "}, "PEO-NAME"),
        ({"name": "x" * 121}, "PEO-NAME"),
        ({"born_on": date(1899, 12, 31)}, "PEO-BORN"),
        ({"born_on": date(2026, 11, 24)}, "PEO-BORN"),
        ({"phone": "5" * 33}, "PEO-PHONE"),
        ({"allergies": ("x" * 121,)}, "PEO-ALLERGY"),
        ({"allergies": ("",)}, "PEO-ALLERGY"),
        ({"phone": "555", "reason": "  "}, "PEO-REASON"),
        ({"phone": "555", "reason": "x" * 201}, "PEO-REASON"),
        ({}, "PEO-UNCHANGED"),
        ({"name": "Ada Unasked", "allergies": None}, "PEO-UNCHANGED"),
        ({"phone": "555", "seen": 1}, "PEO-CHANGED"),
    ],
)
def test_a_correction_that_cannot_be_right_is_refused(changes, code, unasked, front_desk, at):
    """Nothing is written, neither the patient nor an entry of the record."""
    before = Entry.objects.count()

    answer = correct(unasked, front_desk, at, **changes)

    assert isinstance(answer, Refused)
    assert answer.code == code
    assert queries.patient(unasked.patient_id, clinic_id=unasked.clinic_id) == unasked
    assert (CorrectionRow.objects.count(), Entry.objects.count()) == (0, before)


def test_the_same_key_corrects_once(unasked, nurse, at):
    """A double click is one correction, and both clicks get the same answer."""
    once = new_id()

    answers = [correct(unasked, nurse, at, key=once, allergies=()) for _ in range(2)]

    assert answers[0] == answers[1]
    assert CorrectionRow.objects.count() == 1
    assert Entry.objects.filter(kind="people.PatientCorrected").count() == 1


def test_an_old_form_does_not_put_back_what_somebody_mended(unasked, nurse, front_desk, at):
    """The desk's page was open before the nurse asked: its "not asked yet" may not win."""
    correct(unasked, nurse, at, allergies=("Latex",))

    answer = correct(unasked, front_desk, at, phone="555 0100", allergies=None)

    assert answer.code == "PEO-CHANGED"
    held = queries.patient(unasked.patient_id, clinic_id=unasked.clinic_id)
    assert held.allergies == ("Latex",)


def test_a_patient_of_another_clinic_is_not_corrected(unasked, at):
    other = actions.found_clinic(name="Other", time_zone="UTC", is_simulated=True, at=at)
    stranger = actions.employ(
        clinic_id=other.clinic_id, login="stranger", name="Stranger", duties=["register"],
        password="correct horse battery staple", by="setup", at=at,
    )  # fmt: skip
    from vigil.people.duties import Duty

    assert stranger.duties == {Duty.REGISTER}
    assert correct(unasked, stranger, at, phone="555").code == "PEO-PATIENT-UNKNOWN"


def test_a_person_without_one_of_the_duties_corrects_nothing(unasked, compliance, at):
    assert correct(unasked, compliance, at, allergies=()).code == "PEO-DUTY"


def test_a_correction_is_never_edited_and_names_a_patient_of_its_clinic(unasked, nurse, at):
    """The database holds it, whatever the program does."""
    correct(unasked, nurse, at, allergies=())

    with pytest.raises(Exception, match="Cannot update or delete"), transaction.atomic():
        CorrectionRow.objects.update(reason="another")
    other = actions.found_clinic(name="Other", time_zone="UTC", is_simulated=True, at=at)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError, match="same_clinic"), transaction.atomic():
        CorrectionRow.objects.create(
            clinic_id=other.clinic_id, patient_id=unasked.patient_id, before={}, after={},
            reason="x", corrected_by_id=nurse.staff_id, at=at, key=new_id(),
        )  # fmt: skip


# --- the page ----------------------------------------------------------------------------------


def browser_of(person):
    client = Client()
    client.force_login(StaffRow.objects.get(pk=person.staff_id))
    return client


def form_of(answer):
    """What the page would post, as it stands."""
    form = answer.context["form"]
    values = {name: form[name].value() for name in form.fields}
    return {name: "" if value is None else value for name, value in values.items()}


def test_the_list_of_today_leads_to_the_answer(unasked, nurse):
    """No dead end: from Today to the form, and the patient waits no longer."""
    browser = browser_of(nurse)
    groups = {group.title: group.items for group in browser.get("/").context["groups"]}
    (item,) = groups["Ask about allergies"]

    page = browser.get(item.href)
    posted = form_of(page) | {"allergies_known": "some", "allergies": "Latex\nNuts"}
    answer = browser.post(item.href, posted | {"reason": "asked at check-in"})

    assert b"checked" not in page.content, "no answer is chosen before somebody asked"
    assert answer["Location"] == f"/patients/{unasked.patient_id}"
    held = queries.patient(unasked.patient_id, clinic_id=unasked.clinic_id)
    assert held.allergies == ("Latex", "Nuts")
    assert "Ask about allergies" not in {g.title for g in browser.get("/").context["groups"]}


def test_the_page_offers_what_the_person_may_correct(patient, nurse, front_desk):
    path = f"/patients/{patient.patient_id}/edit"

    assert {"name", "born_on", "phone"} <= set(
        browser_of(front_desk).get(path).context["form"].fields
    )
    assert not {"name", "born_on", "phone"} & set(
        browser_of(nurse).get(path).context["form"].fields
    )


def test_a_posted_name_of_a_nurse_changes_no_name(patient, nurse):
    """Fields that the page did not offer are not read."""
    browser = browser_of(nurse)
    path = f"/patients/{patient.patient_id}/edit"
    posted = form_of(browser.get(path)) | {
        "allergies_known": "some", "allergies": "Latex", "reason": "asked", "name": "Eve",
    }  # fmt: skip

    browser.post(path, posted)

    held = queries.patient(patient.patient_id, clinic_id=patient.clinic_id)
    assert (held.name, held.allergies) == (patient.name, ("Latex",))


def test_a_refused_correction_keeps_what_was_typed(patient, front_desk):
    browser = browser_of(front_desk)
    path = f"/patients/{patient.patient_id}/edit"
    posted = form_of(browser.get(path)) | {"phone": "555 0100"}

    answer = browser.post(path, posted)

    assert answer.status_code == 400
    assert b'value="555 0100"' in answer.content
    assert not CorrectionRow.objects.exists()
