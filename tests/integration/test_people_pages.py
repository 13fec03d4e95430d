"""Pages of people: signing in and out, today, presence, patients."""

from datetime import date

import pytest
from django.test import Client

from conftest import PASSWORD
from vigil.people import actions, queries
from vigil.people.models import Patient as PatientRow
from vigil.people.models import Staff as StaffRow
from vigil.record.clock import new_id
from vigil.record.models import Entry

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_(db):
    """A browser in which this person is signed in."""

    def _as(person):
        client = Client()
        client.force_login(StaffRow.objects.get(pk=person.staff_id))
        return client

    return _as


def sign_in(client, *, login="prescriber", password=PASSWORD, **more):
    return client.post("/sign-in", {"login": login, "password": password, **more})


def test_signing_in_leads_to_the_page_that_was_asked_for(client, prescriber):
    """The way in is remembered, and the sign-in is recorded."""
    asked = client.get("/patients?q=a")
    assert asked["Location"] == "/sign-in?next=%2Fpatients%3Fq%3Da"

    answer = sign_in(client, next="/patients?q=a")

    assert answer["Location"] == "/patients?q=a"
    assert client.get("/patients?q=a").status_code == 200
    assert Entry.objects.filter(kind="people.SignedIn", by=str(prescriber.staff_id)).count() == 1


@pytest.mark.parametrize(
    "target",
    ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)", "http:///x", "",
     "\\\\elsewhere.example", "https:elsewhere.example"],
)  # fmt: skip
def test_signing_in_never_leads_away_from_the_clinic(target, client, prescriber):
    """`next` is followed only on our own host."""
    assert sign_in(client, next=target)["Location"] == "/"


@pytest.mark.parametrize(
    ("login", "password"),
    [("prescriber", "wrong horse battery staple"), ("nobody", PASSWORD), ("prescriber", ""),
     ("", ""), ("prescriber", "x" * 5000), ("pre\x00scriber", PASSWORD)],
)  # fmt: skip
def test_a_failed_sign_in_says_nothing_about_which_half_was_wrong(
    login, password, client, prescriber
):
    """No cookie, no hint, no crash."""
    answer = sign_in(client, login=login, password=password)

    assert answer.status_code == 400
    assert b"unknown" not in answer.content.lower()
    assert PASSWORD.encode() not in answer.content
    assert client.get("/").status_code == 302


def test_wrong_name_and_wrong_password_read_the_same(client, prescriber):
    """The two failures cannot be told apart by their words."""

    def words(login, password):
        form = sign_in(client, login=login, password=password).context["form"]
        return form.non_field_errors()

    assert words("nobody", PASSWORD) == words("prescriber", "not the password at all")


def test_who_was_dismissed_is_out_at_once(client, prescriber, owner, at):
    """An open browser of a person who left opens nothing any more."""
    sign_in(client)
    assert client.get("/").status_code == 200

    actions.dismiss(staff_id=prescriber.staff_id, by=owner, at=at)

    assert client.get("/").status_code == 302
    assert sign_in(client).status_code == 400


def test_signing_out_needs_a_form_and_ends_the_session(client, prescriber):
    """A link in a message cannot sign anybody out."""
    sign_in(client)

    assert client.get("/sign-out").status_code == 405
    assert client.get("/").status_code == 200
    assert client.post("/sign-out").status_code == 302
    assert client.get("/").status_code == 302


def test_forms_without_the_token_of_the_page_are_refused(prescriber):
    """Another site cannot sign anybody in or out, or set presence."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(StaffRow.objects.get(pk=prescriber.staff_id))

    for url in ("/sign-in", "/sign-out", "/presence"):
        assert client.post(url, {}).status_code == 403


def test_today_shows_what_waits_for_the_duties_of_who_looks(
    as_, front_desk, prescriber, owner, patient, at, key
):
    """The same patient waits for the prescriber to assess, and for nobody else."""
    ada = actions.register_patient(
        name="Ada Unasked", born_on=date(1990, 1, 1), sex="female", phone="", allergies=None,
        by=front_desk, at=at, key=key(),
    )  # fmt: skip

    def waiting(person):
        groups = as_(person).get("/").context["groups"]
        return {g.title: [item.title for item in g.items] for g in groups}

    assert waiting(prescriber) == {
        "Assess": ["Test Patient", "Ada Unasked"],
        "Adopt a protocol": ["No protocol is adopted"],
    }
    assert waiting(front_desk) == {"Ask about allergies": [ada.name]}
    assert waiting(owner) == {}


def test_presence_is_set_from_today(as_, prescriber, nurse, clinic):
    """On, off; and a nurse cannot say it for the prescriber."""
    browser = as_(prescriber)

    browser.post("/presence", {"is_on_site": "yes"})
    assert [one.name for one in queries.prescribers_on_site(clinic.clinic_id)] == ["Prescriber"]
    assert b"I am leaving" in browser.get("/").content

    browser.post("/presence", {"is_on_site": "no"})
    assert queries.prescribers_on_site(clinic.clinic_id) == ()
    assert as_(nurse).post("/presence", {"is_on_site": "yes"}).status_code == 403


def registration(**changes):
    asked = {
        "key": str(new_id()), "name": "Ada Example", "born_on": "1990-02-28", "sex": "female",
        "phone": "", "allergies_known": "none", "allergies": "",
    }  # fmt: skip
    return {**asked, **changes}


@pytest.mark.parametrize(
    ("known", "listed", "held"),
    [("none", "", []), ("unknown", "", None), ("some", "Latex\n\n Nuts ", ["Latex", "Nuts"])],
)
def test_a_registration_keeps_what_was_said_of_allergies(known, listed, held, as_, front_desk):
    """None known, a list, and not asked are three answers."""
    posted = registration(allergies_known=known, allergies=listed)

    answer = as_(front_desk).post("/patients/new", posted)

    row = PatientRow.objects.get()
    assert answer["Location"] == f"/patients/{row.pk}"
    assert row.allergies == held


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"born_on": "28.02.1990"},
        {"born_on": "1890-01-01"},
        {"sex": ""},
        {"allergies_known": ""},
        {"allergies_known": "some", "allergies": "  "},
        {"allergies_known": "none", "allergies": "Latex"},
        {"allergies_known": "unknown", "allergies": "Latex"},
        {"key": "not a key"},
    ],
)
def test_a_registration_that_is_not_whole_is_refused_and_kept(changes, as_, front_desk):
    """Nothing is registered, and nothing that was typed is lost. No answer is preselected."""
    posted = registration(phone="555 0100", **changes)

    answer = as_(front_desk).post("/patients/new", posted)

    assert answer.status_code == 400
    assert b'value="555 0100"' in answer.content
    assert PatientRow.objects.count() == 0


def test_the_empty_registration_form_answers_nothing_by_itself(as_, front_desk):
    """No sex and no allergy answer stands there before somebody asked."""
    assert b"checked" not in as_(front_desk).get("/patients/new").content


def test_a_double_click_registers_one_patient(as_, front_desk):
    """The same form sent twice is one patient."""
    posted = registration()
    browser = as_(front_desk)

    first, second = (browser.post("/patients/new", posted)["Location"] for _ in range(2))

    assert first == second
    assert PatientRow.objects.count() == 1


@pytest.mark.parametrize(
    ("asked", "found"),
    [("", 2), ("test", 1), ("PATIENT test", 1), ("a-1001", 1), ("1972-03", 1), ("ada 1972", 0)],
)
def test_patients_are_found_by_name_number_or_birth_date(
    asked, found, as_, front_desk, patient, at, key
):
    """Every word must fit, in any order, in any case."""
    actions.register_patient(
        name="Ada Example", born_on=date(1990, 1, 1), sex="female", phone="", allergies=None,
        by=front_desk, at=at, key=key(),
    )  # fmt: skip

    assert len(as_(front_desk).get("/patients", {"q": asked}).context["rows"]) == found


def test_a_patient_of_another_clinic_does_not_exist_here(as_, patient, at, key):
    """Guessing an id opens nothing."""
    other = actions.found_clinic(name="Other", time_zone="UTC", is_simulated=True, at=at)
    stranger = actions.employ(
        clinic_id=other.clinic_id, login="stranger", name="Stranger", duties=["register", "assess"],
        password=PASSWORD, by="setup", at=at,
    )  # fmt: skip
    browser = as_(stranger)

    assert browser.get(f"/patients/{patient.patient_id}").status_code == 404
    assert browser.get(f"/patients/{patient.patient_id}/assessment").status_code == 404
    assert not browser.get("/patients").context["rows"]


def test_markup_in_a_name_is_shown_as_text(as_, front_desk, at, key):
    """A name is never a script."""
    name = "<script>alert(1)</script>"
    actions.register_patient(
        name=name, born_on=date(1990, 1, 1), sex="female", phone="", allergies=("<b>x</b>",),
        by=front_desk, at=at, key=key(),
    )  # fmt: skip

    page = as_(front_desk).get("/patients").content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_somebody_with_every_duty_sees_every_kind_of_work(as_, hire, patient, at, key):
    """Each source of today's items can be read, and each of its items leads to a page that opens."""
    from journey_examples import adopt, assess, plan_request
    from vigil.people.duties import Duty
    from vigil.plan.actions import sign
    from vigil.record.clock import now

    everything = hire("everything", *[duty.value for duty in Duty])
    adopt("ket-mdd-iv", by=everything, at=at, key=key())
    assess(patient, by=everything, at=now(), key=key())
    signed = sign(
        request=plan_request(patient, today=now().date()), password=PASSWORD, by=everything,
        at=now(), key=key(),
    )  # fmt: skip
    assert signed.version == 1
    browser = as_(everything)

    groups = {group.title: group.items for group in browser.get("/").context["groups"]}

    assert [item.title for item in groups["Ready for a session"]] == ["Test Patient"]
    for items in groups.values():
        for item in items:
            assert browser.get(item.href).status_code == 200, item
    assert b"Check in" in browser.get(f"/patients/{patient.patient_id}").content


def test_a_fragment_after_the_sign_in_ended_takes_the_whole_page_to_the_sign_in(client):
    """A board left open does not swap a sign-in form into its chairs."""
    answer = client.get(
        "/board/chairs",
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/board"},
    )

    assert answer.status_code == 200
    assert answer["HX-Redirect"] == "/sign-in?next=%2Fboard"
    assert answer.content == b""
