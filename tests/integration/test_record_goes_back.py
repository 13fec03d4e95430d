"""History that went back: a restored older backup, a cut end or a chain made anew, as the machine itself notices it."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection

from a_record_home import CLINIC, OTHER, a_day, a_home, unguarded, write
from vigil.record.actions import CARE, CUSTODY, seal
from vigil.record.models import Entry, Head, Link
from vigil.record.own_heads import (
    FILE_BYTES_MAX,
    KEEP_EVERY,
    accept_loss,
    heads_path,
    keep_heads,
    went_back,
)
from vigil.record.signing import fits, head_message, own_key
from vigil.units.refusals import Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def home(tmp_path: Path):
    with a_home(tmp_path / "home") as path:
        yield path


def cut(register: str, after_seq: int) -> None:
    """What the restore of an older backup leaves: the rows up to there, honest to the byte."""
    with unguarded(), connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM record_link WHERE register = %s AND seq > %s RETURNING entry_id",
            [register, after_seq],
        )
        gone = [row[0] for row in cursor.fetchall()]
        cursor.execute("DELETE FROM record_entry WHERE id = ANY(%s)", [gone])
        kept = Link.objects.filter(clinic_id=CLINIC, register=register).order_by("-seq").first()
        Head.objects.filter(clinic_id=CLINIC, register=register).update(
            seq=kept.seq if kept else 0, hash=kept.hash if kept else "0" * 64
        )


@pytest.fixture
def kept(home: Path, at: datetime) -> datetime:
    a_day(at)
    seal(clinic_id=CLINIC)
    assert keep_heads(clinic_id=CLINIC, at=at) == 2
    return at


def test_an_untouched_record_did_not_go_back(kept: datetime) -> None:
    a_day(kept)

    assert went_back(CLINIC) == ()


@pytest.mark.parametrize("register", [CARE, CUSTODY])
@pytest.mark.parametrize("left", [0, 1, 3])
def test_an_older_backup_is_noticed_and_the_lost_row_named(
    register: str, left: int, kept: datetime
) -> None:
    newest = Head.objects.get(clinic_id=CLINIC, register=register).seq

    cut(register, left)

    (lost,) = went_back(CLINIC)
    assert (lost.register, lost.seq, lost.has_other) == (register, newest, False)


def test_it_stays_noticed_when_the_clinic_goes_on(kept: datetime) -> None:
    """New acts take the numbers of the lost ones; the newest kept line stays the proof."""
    cut(CUSTODY, 2)
    for _ in range(9):
        write(CUSTODY, kept)

    assert keep_heads(clinic_id=CLINIC, at=kept + 5 * KEEP_EVERY) == 0
    (lost,) = went_back(CLINIC)
    assert (lost.seq, lost.has_other) == (5, True)


def test_a_loss_is_accepted_with_a_reason_and_named_in_the_record(kept: datetime) -> None:
    cut(CUSTODY, 2)
    refused = accept_loss(clinic_id=CLINIC, reason="  ", by="b", at=kept)
    assert isinstance(refused, Refused)
    assert refused.code == "REC-REASON"

    lost = accept_loss(clinic_id=CLINIC, reason="restored after the flood", by="b", at=kept)

    assert not isinstance(lost, Refused)
    entry = Entry.objects.get(clinic_id=CLINIC, kind="record.HistoryWentBack")
    body = json.loads(entry.body)
    assert (body["reason"], body["lost"][0]["seq"], body["lost"][0]["hash"]) == (
        "restored after the flood",
        5,
        lost[0].hash,
    )
    assert went_back(CLINIC) == ()
    assert keep_heads(clinic_id=CLINIC, at=kept + KEEP_EVERY) >= 1
    cut(CUSTODY, 1)
    assert len(went_back(CLINIC)) == 1


def test_a_head_is_kept_at_most_once_a_minute_and_only_when_it_grew(kept: datetime) -> None:
    assert keep_heads(clinic_id=CLINIC, at=kept + KEEP_EVERY) == 0
    write(CUSTODY, kept)

    assert keep_heads(clinic_id=CLINIC, at=kept + KEEP_EVERY - timedelta(seconds=1)) == 0
    assert keep_heads(clinic_id=CLINIC, at=kept + KEEP_EVERY) == 1


def test_a_clock_set_back_does_not_stop_the_keeping(kept: datetime) -> None:
    write(CUSTODY, kept)

    assert keep_heads(clinic_id=CLINIC, at=kept - timedelta(days=400)) == 1


def test_what_is_kept_is_signed(kept: datetime) -> None:
    for line in [json.loads(text) for text in heads_path().read_text().split("\n") if text]:
        message = head_message(
            clinic_id=CLINIC, register=line["register"], seq=line["seq"], digest=line["hash"],
            key_id=line["key_id"], signed_at=line["at"],
        )  # fmt: skip
        assert fits(public_key=own_key().public_key, signature=line["signature"], message=message)


def test_a_line_that_a_power_cut_tore_spoils_no_other(kept: datetime) -> None:
    path = heads_path()
    with open(path, "ab") as file:
        file.write(b'\n{"at":"2026-11-23T09:00:00.000000Z","clinic_id":"000')
    write(CUSTODY, kept)
    keep_heads(clinic_id=CLINIC, at=kept + KEEP_EVERY)

    assert went_back(CLINIC) == ()
    cut(CUSTODY, 5)
    assert [lost.seq for lost in went_back(CLINIC)] == [6]


def test_another_database_is_not_taken_for_a_loss(kept: datetime) -> None:
    """The home may be used with another server for a while: a clinic that it never knew says nothing."""
    path = heads_path()
    path.write_text(path.read_text().replace(str(CLINIC), str(OTHER)))

    assert went_back(OTHER) == ()
    assert went_back(CLINIC) == ()


def test_a_long_file_is_set_aside_and_its_heads_are_still_known(kept: datetime) -> None:
    path = heads_path()
    filler = (
        json.dumps(
            {"clinic_id": str(OTHER), "register": "care", "seq": 1, "hash": "x", "at": "2026"}
        )
        + "\n"
    )
    with open(path, "a") as file:
        file.write(filler * (FILE_BYTES_MAX // len(filler) + 1))
    write(CUSTODY, kept)
    keep_heads(clinic_id=CLINIC, at=kept + KEEP_EVERY)

    assert path.stat().st_size < 10_000
    assert path.with_suffix(".1.jsonl").exists()
    cut(CARE, 1)
    assert [lost.register for lost in went_back(CLINIC)] == [CARE]


def test_it_is_said_at_start(kept: datetime, clinic, capsys) -> None:
    """What `vigil up` prints, of a real clinic."""
    from vigil.config.prepare import _look_back

    a_day(kept, clinic_id=clinic.clinic_id)
    keep_heads(clinic_id=clinic.clinic_id, at=kept)
    _look_back()
    assert capsys.readouterr().out == ""
    text = heads_path().read_text()
    newest = (
        Link.objects.filter(clinic_id=clinic.clinic_id, register=CUSTODY).order_by("-seq").first()
    )
    heads_path().write_text(text.replace(newest.hash, "0" * 64))

    _look_back()

    assert "HISTORY WENT BACK" in capsys.readouterr().out


def test_the_record_page_and_the_status_say_it(kept: datetime, client, compliance) -> None:
    from django.contrib.auth import get_user_model

    clinic_id = compliance.clinic_id
    a_day(kept, clinic_id=clinic_id)
    keep_heads(clinic_id=clinic_id, at=kept)
    client.force_login(get_user_model().objects.get(login=compliance.login))
    assert "History went back" not in client.get("/record").content.decode()
    newest = Link.objects.filter(clinic_id=clinic_id, register=CUSTODY).order_by("-seq").first()
    heads_path().write_text(heads_path().read_text().replace(newest.hash, "0" * 64))

    assert "History went back" in client.get("/record").content.decode()
    assert "HISTORY WENT BACK" in client.get("/status").content.decode()
