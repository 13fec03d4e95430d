"""The record page, its download, and the command: the same file, no patient detail on the page."""

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.db import transaction
from django.template import Context, Template
from django.utils.html import escape

from a_record_home import CLINIC, a_day, a_home, exported, judged
from two_verifiers import Verdict
from vigil.config.commands import record as command
from vigil.config.unfit import Unfit
from vigil.people.domain.facts import Patient, Staff
from vigil.record.actions import CARE, CUSTODY, append, seal
from vigil.record.anchors import anchor, anchored
from vigil.record.heads import sign_heads
from vigil.web.record_heads import card, sheet_cards

pytestmark = pytest.mark.django_db

VERIFIER = Path(__file__).parents[2] / "verifier" / "verify.py"


@pytest.fixture
def browser(client, compliance: Staff):
    from django.contrib.auth import get_user_model

    client.force_login(get_user_model().objects.get(login=compliance.login))
    return client


def accepted(path: Path) -> bool:
    return subprocess.run([sys.executable, str(VERIFIER), str(path)], check=False).returncode == 0


def test_the_page_shows_heads_and_acts_but_no_patient(
    browser, compliance: Staff, patient: Patient, at: datetime
) -> None:
    with transaction.atomic():
        append(
            clinic_id=compliance.clinic_id, register=CUSTODY, kind="custody.Held",
            subject=patient.patient_id, by=compliance.staff_id, at=at, body={"name": patient.name},
        )  # fmt: skip
    seal(clinic_id=compliance.clinic_id)

    page = browser.get("/record").content.decode()

    assert "Everything is sealed." in page
    assert compliance.name in page
    assert "Held" in page
    assert patient.name not in page
    assert str(patient.patient_id) not in page


def test_late_sealing_is_said(browser, compliance: Staff, at: datetime, monkeypatch) -> None:
    import vigil.record.actions
    import vigil.web.record

    seal(clinic_id=compliance.clinic_id)
    monkeypatch.setattr(vigil.record.actions, "now", lambda: at)
    with transaction.atomic():
        append(
            clinic_id=compliance.clinic_id, register=CARE, kind="session.Started", subject="s",
            by="gateway", at=at, body={},
        )  # fmt: skip
    monkeypatch.setattr(vigil.web.record, "now", lambda: at + timedelta(seconds=4))
    assert "Sealing is late" not in browser.get("/record").content.decode()

    monkeypatch.setattr(vigil.web.record, "now", lambda: at + timedelta(seconds=61))
    page = browser.get("/record").content.decode()

    assert "Sealing is late" in page
    assert "the oldest for 61 s" in page


def test_the_download_is_a_file_that_verifies(browser, patient: Patient, tmp_path: Path) -> None:
    answer = browser.get("/record/export")

    path = tmp_path / "record.jsonl"
    path.write_bytes(b"".join(answer.streaming_content))
    assert answer["Content-Disposition"].startswith('attachment; filename="vigil-record-')
    assert "no-store" in answer["Cache-Control"]
    assert accepted(path)


def test_a_heads_sheet_is_written_once_and_shows_what_was_sealed_then(
    browser, compliance: Staff, at: datetime, tmp_path: Path
) -> None:
    """The QR code, the words and the digits are one head, and the verifiers find it in a later export."""
    with a_home(tmp_path / "home"):
        a_day(at, clinic_id=compliance.clinic_id)
        answer = browser.post("/record/sheets", follow=True)
        (address, _) = answer.redirect_chain[-1]
        page = answer.content.decode()
        a_day(at, clinic_id=compliance.clinic_id)
        again = browser.get(address).content.decode()
        heads = anchored(UUID(address.split("/")[-1]), clinic_id=compliance.clinic_id)
        cards = sheet_cards(compliance.clinic_id, heads)
        export = exported(compliance.clinic_id)

    assert [shown.register for shown in cards] == [CUSTODY, CARE]
    for shown in cards:
        for text in (shown.words, " ".join(shown.groups), shown.image):
            assert escape(text) in page
            assert escape(text) in again
        assert page.count("QR code of the head") == 2
        assert judged(
            export, heads=[shown.argument, shown.words, "".join(shown.groups)]
        ) == Verdict(None)
    assert "Weaker: only one place" in browser.get("/record").content.decode()


def test_the_qr_code_says_what_the_verifiers_take(compliance: Staff) -> None:
    """Made again from its text by the same standard: the same picture, black on white with the border that readers need."""
    import segno

    shown = sheet_card(compliance.clinic_id)
    same = segno.make(shown.argument, error="m", micro=False)

    assert same.svg_data_uri(border=4, dark="#000", light="#fff") == shown.image
    assert shown.argument.count(":") == 3
    assert same.designator.endswith("M")


def sheet_card(clinic_id: UUID):
    return card(clinic_id, register=CUSTODY, seq=7, digest="ab" * 32, signed_at=None)


def test_a_sheet_of_another_clinic_or_place_is_not_found(
    browser, compliance: Staff, at: datetime, tmp_path: Path
) -> None:
    with a_home(tmp_path / "home"):
        a_day(at)
        a_day(at, clinic_id=compliance.clinic_id)
        strange = anchor(clinic_id=CLINIC, clinic_name="x", place="sheet", detail="", by="b", at=at)
        mail = anchor(
            clinic_id=compliance.clinic_id, clinic_name="x", place="mail", detail="", by="b", at=at
        )  # fmt: skip

    for made in (strange, mail):
        assert browser.get(f"/record/sheets/{made.anchor_id}").status_code == 404


def test_without_a_key_the_sheet_is_refused_in_words(
    browser, compliance: Staff, at: datetime, tmp_path: Path
) -> None:
    with a_home(tmp_path / "home", has_key=False):
        a_day(at, clinic_id=compliance.clinic_id)
        page = browser.post("/record/sheets", follow=True).content.decode()

    assert "nothing signed to write down" in page


def test_any_page_can_print_the_heads(compliance: Staff, at: datetime, tmp_path: Path, rf) -> None:
    """`{% record_heads %}`, for the count sheet."""
    request = rf.get("/")
    request.staff = compliance
    show = Template("{% load record_heads %}{% record_heads %}")
    with a_home(tmp_path / "home"):
        assert "No head is signed yet" in show.render(Context({"request": request}))
        a_day(at, clinic_id=compliance.clinic_id)
        sign_heads(clinic_id=compliance.clinic_id, at=at, reason="count")

        assert show.render(Context({"request": request})).count("QR code of the head") == 1


def test_a_nurse_without_the_duty_is_turned_away(client, front_desk: Staff) -> None:
    from django.contrib.auth import get_user_model

    client.force_login(get_user_model().objects.get(login=front_desk.login))

    assert client.get("/record").status_code == 403
    assert client.get("/record/export").status_code == 403
    assert client.post("/record/sheets").status_code == 403


def test_the_command_writes_a_file_that_verifies(patient: Patient, tmp_path: Path, capsys) -> None:
    path = tmp_path / "record.jsonl"

    assert command.export(path, clinic=None, as_json=True) == 0

    printed = json.loads(capsys.readouterr().out)
    assert accepted(path)
    assert printed["clinic_id"] == str(patient.clinic_id)
    assert printed["heads"] == json.loads(path.read_text().splitlines()[-1])["heads"]
    assert [file.name for file in tmp_path.iterdir()] == ["record.jsonl"]


def test_the_command_overwrites_nothing(patient: Patient, tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    path.write_text("mine")

    with pytest.raises(Unfit, match="exists already"):
        command.export(path, clinic=None, as_json=False)

    assert path.read_text() == "mine"
    assert [file.name for file in tmp_path.iterdir()] == ["record.jsonl"]


def test_the_command_leaves_nothing_half_written(
    patient: Patient, tmp_path: Path, monkeypatch
) -> None:
    import vigil.record.export

    def broken(clinic_id: object, file: object) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(vigil.record.export, "export_record", broken)

    with pytest.raises(Unfit, match="No space left"):
        command.export(tmp_path / "record.jsonl", clinic=None, as_json=False)

    assert list(tmp_path.iterdir()) == []


def test_the_command_asks_which_clinic(patient: Patient, tmp_path: Path, at: datetime) -> None:
    from vigil.people.actions import found_clinic

    with pytest.raises(Unfit, match="which clinic"):
        command.export(tmp_path / "a", clinic="other", as_json=False)
    found_clinic(name="Second", time_zone="UTC", is_simulated=True, at=at)
    with pytest.raises(Unfit, match="Second"):
        command.export(tmp_path / "a", clinic=None, as_json=False)

    assert command.export(tmp_path / "a", clinic=str(patient.clinic_id), as_json=False) == 0
