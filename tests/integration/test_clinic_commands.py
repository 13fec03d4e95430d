"""`vigil clinic`: what whoever holds the machine does to a clinic and its staff, each act in the record."""

import io
import json

import pytest
from django.test import Client

from conftest import PASSWORD
from vigil.config.command import main
from vigil.people import queries
from vigil.people.duties import Duty
from vigil.record.models import Entry

pytestmark = pytest.mark.django_db

OTHER = "another horse battery staple"


def said(capsys, *words):
    """Exit code and what was printed."""
    code = main(["clinic", *words])
    out = capsys.readouterr()
    return code, out.out or out.err


def signed_in(login, password=PASSWORD):
    client = Client()
    client.post("/sign-in", {"login": login, "password": password})
    return client


def is_in(client):
    return client.get("/").status_code == 200


def test_a_clinic_is_found_with_its_phone(db, capsys):
    """The number that the patients' pages show."""
    code, _ = said(
        capsys, "found", "Harbour", "--time-zone", "Europe/Berlin", "--phone", "555 0100"
    )

    (clinic,) = queries.clinics()
    assert code == 0
    assert (clinic.name, clinic.phone) == ("Harbour", "555 0100")
    assert "555 0100" in Entry.objects.get(kind="people.ClinicFounded").body


def test_a_phone_that_is_too_long_founds_no_clinic(db, capsys):
    code, text = said(capsys, "found", "H", "--time-zone", "UTC", "--phone", "5" * 33)

    assert code == 1
    assert "--phone" in text
    assert queries.clinics() == ()


def test_a_dismissed_person_is_out_at_once_and_stays_out(nurse, capsys):
    """Hazard: somebody who left still signs. Open sessions end with the next request."""
    client = signed_in("nurse1")
    assert is_in(client)

    code, _ = said(capsys, "dismiss", "nurse1")

    assert code == 0
    assert not is_in(client)
    assert not is_in(signed_in("nurse1"))
    entry = Entry.objects.get(kind="people.StaffDismissed")
    assert (entry.subject, entry.by) == (str(nurse.staff_id), "setup")


@pytest.mark.parametrize(
    "words",
    [
        ("dismiss", "nurse1"),
        ("duties", "nurse1", "--duties", "monitor"),
        ("password", "nurse1", "--password-stdin"),
        ("employ", "nurse1", "--name", "X", "--duties", "monitor", "--password-stdin"),
    ],
)
def test_a_sign_in_that_ended_does_not_come_back(words, nurse, capsys, monkeypatch):
    """Not by a new password, not under the same login for another person."""
    said(capsys, "dismiss", "nurse1")
    before = Entry.objects.count()
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{OTHER}\n"))

    code, text = said(capsys, *words)

    assert code == 1
    assert "nurse1" in text
    assert Entry.objects.count() == before
    assert not is_in(signed_in("nurse1", OTHER))


def test_a_new_password_ends_what_is_open_under_the_old_one(nurse, capsys, monkeypatch):
    client = signed_in("nurse1")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{OTHER}\n"))

    code, text = said(capsys, "password", "nurse1", "--password-stdin")

    assert code == 0
    assert OTHER not in text
    assert not is_in(client)
    assert not is_in(signed_in("nurse1"))
    assert is_in(signed_in("nurse1", OTHER))
    entry = Entry.objects.get(kind="people.PasswordChanged")
    assert OTHER not in entry.body


def test_a_short_password_changes_nothing(nurse, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))

    code, text = said(capsys, "password", "nurse1", "--password-stdin")

    assert code == 1
    assert "15 letters" in text
    assert is_in(signed_in("nurse1"))


def test_duties_are_exactly_those_given_from_the_next_request_on(nurse, clinic, capsys):
    client = signed_in("nurse1")
    assert client.get("/safe").status_code == 200

    code, text = said(capsys, "duties", "nurse1", "--duties", "register, witness", "--json")

    (person, _) = queries.staff_by_login("nurse1", clinic_id=clinic.clinic_id)
    assert code == 0
    assert json.loads(text)["duties"] == "register witness"
    assert person.duties == {Duty.REGISTER, Duty.WITNESS}
    assert client.get("/safe").status_code == 403
    entry = Entry.objects.get(kind="people.DutiesChanged")
    assert '"duties":["register","witness"]' in entry.body
    assert '"duties_before":["discharge","give","monitor"' in entry.body


@pytest.mark.parametrize(
    "words",
    [("dismiss", "nobody"), ("duties", "nobody", "--duties", "give"), ("duties", "nurse1", "--duties", "fly"),
     ("password", "nobody", "--password-stdin")],
)  # fmt: skip
def test_who_or_what_is_unknown_changes_nothing(words, nurse, capsys):
    before = Entry.objects.count()

    assert said(capsys, *words)[0] == 1
    assert Entry.objects.count() == before
