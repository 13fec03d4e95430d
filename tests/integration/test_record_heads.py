"""Signed heads: made when due, exported with the record, checked by both verifiers; the key stays in the home."""

import json
import stat
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.utils import Error

from a_record_home import CLINIC, OTHER, a_day, a_home, exported, judged, unguarded, write
from two_verifiers import Verdict
from vigil.record.actions import CARE, CUSTODY, seal
from vigil.record.heads import COUNTED, SIGN_EVERY, keys_of, newest_signed, sign_due, sign_heads
from vigil.record.models import Key, SignedHead
from vigil.record.signing import (
    KeyUnusable,
    fits,
    head_message,
    key_path,
    make_key,
    own_key,
    rotate_key,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def home(tmp_path: Path):
    with a_home(tmp_path / "home") as path:
        yield path


def test_a_signed_record_is_accepted_by_both_with_the_key_from_outside(
    home: Path, at: datetime
) -> None:
    a_day(at)
    content = exported()

    header, trailer = json.loads(content.split(b"\n")[0]), json.loads(content.split(b"\n")[-2])
    assert (header["version"], trailer["signed"]) == (2, 2)
    assert judged(content, keys=[own_key().public_key]) == Verdict(None)
    assert judged(content, keys=["ab" * 32]).line == 1


def test_the_private_key_is_the_owners_alone_and_is_made_once(home: Path) -> None:
    before = key_path().read_bytes()

    assert stat.S_IMODE(key_path().stat().st_mode) == 0o600
    assert make_key() is False
    assert key_path().read_bytes() == before


def test_the_database_never_holds_the_private_key(home: Path, at: datetime) -> None:
    a_day(at)
    exported()
    private = own_key().private.private_bytes_raw()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_name LIKE 'record_%'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT {table}::text FROM {table}")
            held = "\n".join(row[0] for row in cursor.fetchall())
            assert private.hex() not in held
            assert "PRIVATE" not in held
    assert private.hex().encode() not in exported()


def test_without_a_key_nothing_is_signed_and_the_record_is_whole(
    tmp_path: Path, at: datetime
) -> None:
    with a_home(tmp_path / "bare", has_key=False):
        a_day(at)
        content = exported()

    assert json.loads(content.split(b"\n")[-2])["signed"] == 0
    assert judged(content) == Verdict(None)
    assert judged(content, keys=["ab" * 32]).line == content.count(b"\n")


def test_a_key_that_is_something_else_is_said(home: Path) -> None:
    key_path().write_text("not a key")

    with pytest.raises(KeyUnusable, match="backup"):
        own_key()


def test_an_export_does_not_need_a_key_that_can_be_read(home: Path, at: datetime) -> None:
    a_day(at)
    key_path().write_text("not a key")

    assert judged(exported()) == Verdict(None)


def test_a_head_is_signed_when_it_grew_and_an_hour_has_passed(home: Path, at: datetime) -> None:
    write(CUSTODY, at)
    assert sign_due(clinic_id=CLINIC, at=at) == 1
    write(CUSTODY, at)
    soon, later = at + SIGN_EVERY - timedelta(seconds=1), at + SIGN_EVERY

    assert sign_due(clinic_id=CLINIC, at=soon) == 0
    assert sign_due(clinic_id=CLINIC, at=later) == 1
    assert sign_due(clinic_id=CLINIC, at=later + SIGN_EVERY) == 0
    assert [head.seq for head in newest_signed(CLINIC)] == [2]


def test_a_count_is_signed_at_once(home: Path, at: datetime) -> None:
    """The head on the count sheet covers the count itself."""
    write(CUSTODY, at)
    sign_due(clinic_id=CLINIC, at=at)
    write(CUSTODY, at, kind=COUNTED)

    assert sign_due(clinic_id=CLINIC, at=at + timedelta(seconds=1)) == 1
    assert newest_signed(CLINIC)[0].seq == 2


def test_the_kind_of_a_count_is_what_custody_writes() -> None:
    """Positive control: the name is the real one."""
    from vigil.custody.domain.facts import Counted

    assert f"custody.{Counted.__name__}" == COUNTED


def test_a_clock_that_was_set_back_does_not_stop_the_signing(home: Path, at: datetime) -> None:
    write(CUSTODY, at)
    sign_due(clinic_id=CLINIC, at=at + timedelta(days=300))
    write(CUSTODY, at)

    assert sign_due(clinic_id=CLINIC, at=at) == 1


def test_a_head_is_signed_once_by_one_key(home: Path, at: datetime) -> None:
    a_day(at)
    first = sign_heads(clinic_id=CLINIC, at=at, reason="asked")

    assert sign_heads(clinic_id=CLINIC, at=at + timedelta(days=1), reason="asked") == first
    assert SignedHead.objects.filter(clinic_id=CLINIC).count() == len(first)


def test_a_rotated_key_leaves_the_old_signatures_good(home: Path, at: datetime) -> None:
    a_day(at)
    sign_heads(clinic_id=CLINIC, at=at, reason="asked")
    old = own_key().public_key
    new = rotate_key().public_key
    a_day(at)
    content = exported()

    assert old != new
    assert {key.public_key for key in keys_of(CLINIC)} == {old, new}
    assert stat.S_IMODE(key_path().stat().st_mode) == 0o600
    assert judged(content, keys=[old, new]) == Verdict(None)
    assert judged(content, keys=[new]).line == 1


def test_a_signature_says_clinic_register_number_hash_key_and_time(
    home: Path, at: datetime
) -> None:
    """Whatever of it is changed, the signature no longer fits."""
    write(CUSTODY, at)
    (head,) = sign_heads(clinic_id=CLINIC, at=at, reason="asked")
    said = {"clinic_id": CLINIC, "register": CUSTODY, "seq": 1, "digest": head.hash,
            "key_id": head.key_id, "signed_at": at}  # fmt: skip
    changes = {"clinic_id": OTHER, "register": CARE, "seq": 2, "digest": "0" * 64, "key_id": "0" * 16,
               "signed_at": at + timedelta(microseconds=1)}  # fmt: skip
    key = own_key().public_key

    assert fits(public_key=key, signature=head.signature, message=head_message(**said))
    for name, value in changes.items():
        message = head_message(**{**said, name: value})
        assert not fits(public_key=key, signature=head.signature, message=message), name


def test_who_rewrites_the_database_without_the_key_is_found_by_the_signature(
    home: Path, at: datetime
) -> None:
    """A DBA changes an old amount and computes the whole chain again: the first signed head after it does not fit."""
    from vigil.record.actions import entry_text
    from vigil.record.canonical import FIRST_HASH, link_hash
    from vigil.record.models import Entry, Head, Link

    a_day(at)
    before = exported()
    assert judged(before) == Verdict(None)
    with unguarded():
        entry = Entry.objects.filter(clinic_id=CLINIC, kind="custody.Given").order_by("id").first()
        Entry.objects.filter(pk=entry.pk).update(by="somebody else")
        previous = FIRST_HASH
        for link in Link.objects.filter(clinic_id=CLINIC, register=CUSTODY).order_by("seq"):
            digest = link_hash(previous, link.seq, entry_text(link.entry))
            Link.objects.filter(pk=link.pk).update(previous_hash=previous, hash=digest)
            previous = digest
        Head.objects.filter(clinic_id=CLINIC, register=CUSTODY).update(hash=previous)

    content = exported()

    lines = content.split(b"\n")
    signed = [
        n
        for n, line in enumerate(lines, start=1)
        if line.startswith(b'{"hash"') and b'"custody"' in line
    ]
    assert judged(content).line == signed[0]


@pytest.mark.parametrize("statement", [
    "UPDATE record_signedhead SET signature = repeat('0', 128)", "DELETE FROM record_signedhead", "UPDATE record_key SET public_key = repeat('0', 64)",
    "DELETE FROM record_key", "TRUNCATE record_signedhead", "TRUNCATE record_key CASCADE",
])  # fmt: skip
def test_signed_heads_and_keys_are_never_changed(statement: str, home: Path, at: datetime) -> None:
    """INV-REC-01 for what is signed, by raw SQL, also for the owner."""
    write(CUSTODY, at)
    sign_heads(clinic_id=CLINIC, at=at, reason="asked")

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(Error, match="pgtrigger: Cannot"), transaction.atomic():
            cursor.execute(statement)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [({"seq": 9}, "record_signedhead_link"), ({"clinic_id": uuid4()}, "record_signedhead_"), ({"key_id": "0" * 16}, "record_signedhead_key"),
     ({"hash": "X" * 64}, "record_signedhead_hex"), ({"signature": "00"}, "record_signedhead_hex"), ({"reason": "whim"}, "record_signedhead_reason"),
     ({}, "record_signedhead_once")],
)  # fmt: skip
def test_a_signed_head_names_a_link_and_a_key_of_its_clinic(
    change: dict, constraint: str, home: Path, at: datetime
) -> None:
    write(CUSTODY, at)
    sign_heads(clinic_id=CLINIC, at=at, reason="asked")
    row = SignedHead.objects.get(clinic_id=CLINIC)
    values = {
        name: getattr(row, name)
        for name in (
            "clinic_id",
            "register",
            "seq",
            "hash",
            "key_id",
            "signature",
            "signed_at",
            "reason",
        )
    }

    with pytest.raises(Error, match=constraint), transaction.atomic():
        _create_and_check(**{**values, **change})


def _create_and_check(**values: object) -> None:
    SignedHead.objects.create(**values)
    connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_public_key_is_kept_once_and_in_its_form(home: Path, at: datetime) -> None:
    write(CUSTODY, at)
    sign_heads(clinic_id=CLINIC, at=at, reason="asked")
    key = Key.objects.get(clinic_id=CLINIC)

    with pytest.raises(Error, match="record_key_once"), transaction.atomic():
        Key.objects.create(clinic_id=CLINIC, key_id=key.key_id, public_key="0" * 64, made_at=at)
    with pytest.raises(Error, match="record_key_hex"), transaction.atomic():
        Key.objects.create(clinic_id=CLINIC, key_id="x" * 16, public_key="0" * 64, made_at=at)


def test_the_worker_signs_and_keeps_heads(home: Path, clinic, at: datetime) -> None:
    """What the worker does once a second, on a real clinic."""
    from vigil.config.worker import keep_once
    from vigil.record.own_heads import heads_path

    write(CUSTODY, at, clinic_id=clinic.clinic_id)
    seal(clinic_id=clinic.clinic_id)

    assert keep_once() == 2
    assert keep_once() == 0
    kept = [json.loads(line) for line in heads_path().read_text().split("\n") if line]
    assert {line["register"] for line in kept} == {CARE, CUSTODY}
    assert stat.S_IMODE(heads_path().stat().st_mode) == 0o600


def test_the_worker_goes_on_without_a_key_that_can_be_read(home: Path, clinic, caplog) -> None:
    from vigil.config.worker import keep_once

    seal(clinic_id=clinic.clinic_id)
    key_path().write_text("not a key")

    assert keep_once() == 0
    assert "heads are not signed" in caplog.text
