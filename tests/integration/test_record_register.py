"""The record: appended with the act, chained, never edited."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.db.utils import Error

from vigil.record import queries, unlinked
from vigil.record.actions import CARE, CUSTODY, append, entry_text, seal
from vigil.record.canonical import FIRST_HASH, NotCanonical, link_hash
from vigil.record.models import Entry, Head, Link

pytestmark = pytest.mark.django_db

CLINIC = UUID(int=1)


def write(register: str, at: datetime, *, subject: object = "p-1", **body: object) -> UUID:
    with transaction.atomic():
        return append(
            clinic_id=CLINIC, register=register, kind="test.Happened", subject=subject, by="gateway",
            at=at, body=body,
        )  # fmt: skip


def test_a_custody_act_is_linked_in_its_own_transaction(at: datetime) -> None:
    entry_id = write(CUSTODY, at, ug=5)

    link = Link.objects.get(clinic_id=CLINIC, register=CUSTODY)
    assert (link.seq, link.previous_hash, link.entry.entry_id) == (1, FIRST_HASH, entry_id)
    assert link.hash == link_hash(FIRST_HASH, 1, entry_text(link.entry))


def test_a_care_act_waits_until_it_is_sealed(at: datetime) -> None:
    write(CARE, at)
    write(CARE, at)

    assert not Link.objects.filter(clinic_id=CLINIC).exists()
    assert {row.register: row.entries for row in queries.waiting(CLINIC)} == {CARE: 2, CUSTODY: 0}
    assert seal(clinic_id=CLINIC) == 2
    assert seal(clinic_id=CLINIC) == 0
    assert {row.register: row.entries for row in queries.waiting(CLINIC)} == {CARE: 0, CUSTODY: 0}


def test_each_link_holds_the_hash_of_the_one_before(at: datetime) -> None:
    for number in range(5):
        write(CUSTODY, at, number=number)

    links = list(Link.objects.filter(clinic_id=CLINIC, register=CUSTODY).order_by("seq"))
    assert [link.seq for link in links] == [1, 2, 3, 4, 5]
    assert [link.previous_hash for link in links] == [FIRST_HASH, *(one.hash for one in links[:-1])]
    head = next(row for row in queries.heads(CLINIC) if row.register == CUSTODY)
    assert (head.seq, head.hash) == (5, links[-1].hash)


def test_sealing_in_two_rounds_gives_the_chain_of_one(at: datetime) -> None:
    for number in range(5):
        write(CARE, at, number=number)

    assert [seal(clinic_id=CLINIC, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    links = list(Link.objects.filter(clinic_id=CLINIC, register=CARE).order_by("seq"))
    assert [link.entry_id for link in links] == sorted(link.entry_id for link in links)
    hashed = FIRST_HASH
    for link in links:
        hashed = link_hash(hashed, link.seq, entry_text(link.entry))
        assert link.hash == hashed


@pytest.fixture
def settled(monkeypatch):
    """Says up to which entry this connection believes that nothing is left to link."""

    def _settled(upto: int) -> None:
        known = {connection.connection: {(CLINIC, CARE): upto}}
        monkeypatch.setattr(unlinked, "_settled", known)

    return _settled


def test_a_thorough_round_finds_what_a_quick_one_takes_for_settled(at: datetime, settled) -> None:
    """An entry put in by hand below the others is linked at the latest by the next export."""
    write(CARE, at)
    settled(Entry.objects.get(clinic_id=CLINIC).id)

    assert seal(clinic_id=CLINIC) == 0
    assert seal(clinic_id=CLINIC, is_thorough=True) == 1


def test_a_record_shorter_than_what_was_settled_is_looked_at_from_its_beginning(
    at: datetime, settled
) -> None:
    """A backup was put back under a running worker: its ids are given out again."""
    write(CARE, at)
    settled(Entry.objects.get(clinic_id=CLINIC).id + 1)

    assert seal(clinic_id=CLINIC) == 1


def test_clinics_and_registers_have_chains_of_their_own(at: datetime) -> None:
    write(CUSTODY, at)
    with transaction.atomic():
        append(
            clinic_id=UUID(int=2), register=CUSTODY, kind="test.Happened", subject="x", by="gateway",
            at=at, body={},
        )  # fmt: skip

    assert [link.seq for link in Link.objects.filter(register=CUSTODY).order_by("id")] == [1, 1]
    assert len(queries.recent_entries(CLINIC)) == 1


def test_the_text_of_an_entry_names_its_clinic_and_register(at: datetime) -> None:
    """INV-REC-03: an entry cannot be moved to another clinic's record."""
    write(CUSTODY, at)
    entry = Entry.objects.get(clinic_id=CLINIC)
    before = entry_text(entry)

    entry.clinic_id = UUID(int=2)
    assert entry_text(entry) != before
    entry.clinic_id, entry.register = CLINIC, CARE
    assert entry_text(entry) != before


def test_an_act_outside_a_transaction_is_our_bug(at: datetime, monkeypatch) -> None:
    monkeypatch.setattr(transaction.get_connection(), "in_atomic_block", False)

    with pytest.raises(AssertionError, match="with the act itself"):
        append(
            clinic_id=CLINIC, register=CARE, kind="test.Happened", subject="x", by="gateway", at=at,
            body={},
        )  # fmt: skip


def test_an_act_that_cannot_be_written_leaves_nothing(at: datetime) -> None:
    """INV-REC-04: what cannot be sealed is refused with the act, so sealing never stops at it."""
    naive = at.replace(tzinfo=None)
    for moment, subject, body in (
        (naive, "x", {}), (at, "x\ud800", {}), (at, "x", {"ug": 1.5}), (at, "x", {"seen": naive}),
    ):  # fmt: skip
        with pytest.raises(NotCanonical):
            write(CARE, moment, subject=subject, **body)

    assert not Entry.objects.filter(clinic_id=CLINIC).exists()


def test_a_fact_that_is_too_long_for_the_export_is_refused(at: datetime) -> None:
    write(CARE, at, note="µ" * 499_990)
    with pytest.raises(NotCanonical, match="1000000 bytes"):
        write(CARE, at, note="µ" * 499_998)


def test_the_entries_of_a_subject_come_oldest_first_with_their_seal(at: datetime) -> None:
    write(CARE, at, subject="p-1", number=1)
    write(CUSTODY, at + timedelta(minutes=1), subject="p-1", number=2)
    write(CARE, at, subject="p-2", number=3)

    found = queries.entries_of("p-1", clinic_id=CLINIC)

    assert [entry.body for entry in found] == ['{"number":1}', '{"number":2}']
    assert [entry.seq for entry in found] == [None, 1]
    assert queries.entries_of("p-1", clinic_id=uuid4()) == ()


def test_an_empty_register_has_the_first_hash() -> None:
    assert [(head.register, head.seq, head.hash) for head in queries.heads(CLINIC)] == [
        (CARE, 0, FIRST_HASH),
        (CUSTODY, 0, FIRST_HASH),
    ]


STATEMENTS = [
    "UPDATE record_entry SET body = '{}'",
    "UPDATE record_link SET hash = repeat('0', 64)",
    "DELETE FROM record_entry",
    "DELETE FROM record_link",
    "TRUNCATE record_entry CASCADE",
    "TRUNCATE record_link CASCADE",
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_database_refuses_to_change_the_record(statement: str, at: datetime) -> None:
    """INV-REC-01, by raw SQL: also for the owner of the tables."""
    write(CUSTODY, at)

    with connection.cursor() as cursor:
        # Else PostgreSQL refuses a TRUNCATE for another reason: the deferred foreign keys are unchecked.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(Error, match="pgtrigger: Cannot"), transaction.atomic():
            cursor.execute(statement)

    assert Link.objects.filter(clinic_id=CLINIC).count() == 1


@pytest.mark.parametrize("model", [Entry, Link])
def test_the_orm_cannot_change_the_record_either(model: type, at: datetime) -> None:
    write(CUSTODY, at)
    row = model.objects.get(clinic_id=CLINIC)
    attempts = (
        lambda: model.objects.filter(pk=row.pk).update(register="other"),
        lambda: row.save(),
        lambda: model.objects.filter(pk=row.pk).delete(),
        lambda: row.delete(),
    )

    for attempt in attempts:
        with pytest.raises(Error), transaction.atomic():
            attempt()


@pytest.mark.parametrize(
    ("table", "trigger_like", "statement"),
    [
        ("record_entry", "%entry_row%", "UPDATE record_entry SET body = 'forged'"),
        ("record_link", "%link_row%", "DELETE FROM record_link"),
        ("record_link", "%link_all%", "TRUNCATE record_link, record_signedhead, record_anchor"),
    ],
)
def test_it_is_the_trigger_that_refuses(
    table: str, trigger_like: str, statement: str, at: datetime
) -> None:
    """Positive control: with the guard off, in a transaction that is rolled back, the change goes through."""
    write(CUSTODY, at)
    place = transaction.savepoint()
    with connection.cursor() as cursor:
        # Deferred foreign keys are checked first, or the table cannot be altered.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE %s",
            [table, trigger_like],
        )
        (name,) = [row[0] for row in cursor.fetchall()]
        cursor.execute(f'ALTER TABLE {table} DISABLE TRIGGER "{name}"')
        # They name links, so they can only be emptied together.
        for dependent in ("record_signedhead", "record_anchor"):
            cursor.execute(f"ALTER TABLE {dependent} DISABLE TRIGGER USER")
        cursor.execute(statement)
        if statement.startswith("UPDATE"):
            assert Entry.objects.get(clinic_id=CLINIC).body == "forged"
        else:
            assert not Link.objects.filter(clinic_id=CLINIC).exists()
    transaction.savepoint_rollback(place)

    assert Link.objects.filter(clinic_id=CLINIC).count() == 1
    assert Entry.objects.get(clinic_id=CLINIC).body == "{}"


def test_a_sequence_number_is_used_once(at: datetime) -> None:
    write(CUSTODY, at)
    entry_id = write(CARE, at)
    entry = Entry.objects.get(entry_id=entry_id)

    with pytest.raises(Error, match="record_link_seq_once"), transaction.atomic():
        Link.objects.create(
            clinic_id=CLINIC, register=CUSTODY, seq=1, entry=entry, previous_hash=FIRST_HASH,
            hash=FIRST_HASH, sealed_at=at,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("seq", "previous"), [(3, "the last"), (2, "another"), (2, "the first")], ids=str
)
def test_a_link_continues_its_register(at: datetime, seq: int, previous: str) -> None:
    """I8 by the database: no gap, and no branch; the positive control is the same row with the right words."""
    write(CUSTODY, at)
    write(CARE, at)
    last = Head.objects.get(clinic_id=CLINIC, register=CUSTODY).hash
    hashes = {"the last": last, "another": "1" * 64, "the first": FIRST_HASH}
    link = {
        "clinic_id": CLINIC, "register": CUSTODY, "entry": Entry.objects.get(register=CARE),
        "hash": FIRST_HASH, "sealed_at": at,
    }  # fmt: skip

    with pytest.raises(Error, match="does not follow"), transaction.atomic():
        Link.objects.create(seq=seq, previous_hash=hashes[previous], **link)

    Link.objects.create(seq=2, previous_hash=last, **link)


def test_links_that_come_together_follow_each_other(at: datetime) -> None:
    """The worker seals many at once: a gap between two of them is refused as one after the last is."""
    for _ in range(3):
        write(CARE, at)
    Head.objects.create(clinic_id=CLINIC, register=CARE)
    rows = [
        Link(
            clinic_id=CLINIC, register=CARE, seq=seq, entry=entry, previous_hash=previous, hash=digest,
            sealed_at=at,
        )
        for entry, seq, previous, digest in zip(
            Entry.objects.order_by("id"), (1, 2, 4), (FIRST_HASH, "1" * 64, "2" * 64),
            ("1" * 64, "2" * 64, "3" * 64), strict=True,
        )
    ]  # fmt: skip

    with pytest.raises(Error, match="link 4 of care does not follow"), transaction.atomic():
        Link.objects.bulk_create(rows)

    rows[-1].seq = 3
    Link.objects.bulk_create(rows)


def test_a_register_that_somebody_cut_still_takes_an_act(at: datetime) -> None:
    """A dose is not refused because of an old crime: the verifiers name it, the clinic works on."""
    write(CUSTODY, at)
    write(CUSTODY, at)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE record_link DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM record_link WHERE seq = 2")
        cursor.execute("ALTER TABLE record_link ENABLE TRIGGER USER")

    write(CUSTODY, at)

    assert [link.seq for link in Link.objects.order_by("seq")] == [1, 3]


def test_there_is_one_head_for_each_register(at: datetime) -> None:
    write(CUSTODY, at)

    with pytest.raises(Error, match="record_head_once"), transaction.atomic():
        Head.objects.create(clinic_id=CLINIC, register=CUSTODY)
