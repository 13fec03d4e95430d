"""Several processes write and seal one clinic's record at once, and one is killed: the chains stay whole."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

ROOT = Path(__file__).parents[2]
CLINIC = "00000000-0000-0000-0000-000000000001"
ACTS = 25
"""Acts of each kind that a writer makes."""

WRITER = f"""
import sys
from uuid import UUID
import django
django.setup()
from django.db import transaction
from vigil.record.actions import CARE, CUSTODY, append
from vigil.record.clock import now
for number in range(int(sys.argv[1])):
    for register in (CUSTODY, CARE):
        with transaction.atomic():
            entry_id = append(clinic_id=UUID("{CLINIC}"), register=register, kind="test.Happened",
                              subject=number, by="writer", at=now(), body={{"number": number}})
        print(entry_id, flush=True)
"""

SEALER = f"""
import time
from uuid import UUID
import django
django.setup()
from vigil.record.actions import seal
while True:
    seal(clinic_id=UUID("{CLINIC}"), limit=7)
    time.sleep(0.01)
"""

LATE = f"""
import json, os, threading, time
from uuid import UUID
import django, psycopg
django.setup()
from django.db import connection, transaction
from vigil.record.actions import append, seal
from vigil.record.clock import now
from vigil.record.models import Entry, Link
from vigil.record.unlinked import settled_id

CLINIC = UUID("{CLINIC}")
OWN = dict(clinic_id=CLINIC, register="care")
INSERT = (
    "INSERT INTO record_entry (entry_id, clinic_id, register, kind, subject, by, at, recorded_at, body)"
    " VALUES (gen_random_uuid(), '{CLINIC}', 'care', 'test.Late', 'x', 'other', now(), now(), "
)

def write():
    with transaction.atomic():
        append(**OWN, kind="test.Happened", subject="x", by="writer", at=now(), body={{}})

def seen():
    write()
    return [[seal(**OWN) for _ in range(3)], settled_id(**OWN)]

def ask(query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]

def until(query):
    end = time.monotonic() + 30
    while not ask(query):
        assert time.monotonic() < end, query
        time.sleep(0.01)

told = {{"quiet": seen()}}
# An act that is written, and committed only after a later one is linked.
other = psycopg.connect(os.environ["DATABASE_URL"])
other.execute(INSERT + "'written')")
told["while one is written"] = seen()
other.commit()
told["after its commit"] = [seal(**OWN), seal(**OWN), settled_id(**OWN)]
# An act that has its number and nothing else yet: no row, and no transaction number to tell it by.
connection.cursor().execute("SELECT pg_advisory_lock(1)")
slow = threading.Thread(target=other.execute, args=(INSERT + "(SELECT pg_advisory_lock(1)::text))",))
slow.start()
until("SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'advisory'")
told["its transaction number"] = ask("SELECT backend_xid::text FROM pg_stat_activity WHERE wait_event = 'advisory'")
told["while one has its number"] = seen()
connection.cursor().execute("SELECT pg_advisory_unlock(1)")
slow.join(30)
told["before its commit"] = seen()
other.commit()
told["after the second commit"] = [seal(**OWN), seal(**OWN), settled_id(**OWN)]
# Links that are taken back leave their entries waiting.
write()
try:
    with transaction.atomic():
        assert seal(**OWN) == 1
        raise LookupError
except LookupError:
    pass
told["after a seal that was taken back"] = [seal(**OWN), settled_id(**OWN)]
told["chain"] = list(Link.objects.order_by("seq").values_list("entry_id", flat=True))
told["entries"] = list(Entry.objects.order_by("id").values_list("id", flat=True))
connection.close()
seal(**OWN)
told["on a new connection"] = settled_id(**OWN)
told["thorough"] = seal(**OWN, is_thorough=True)
told["cache"] = ask("SELECT seqcache FROM pg_sequence WHERE seqrelid = pg_get_serial_sequence('record_entry', 'id')::regclass")
print(json.dumps(told))
"""

EXPORTER = f"""
import sys
from uuid import UUID
import django
django.setup()
from vigil.record.export import export_record
with open(sys.argv[1], "wb") as file:
    export_record(UUID("{CLINIC}"), file)
"""


@pytest.fixture
def environment(django_db_setup, django_db_blocker) -> Iterator[dict[str, str]]:
    """A database of its own on the server of this test run: real commits, no shared transaction."""
    from django.db import connections

    place = connections["default"].settings_dict
    name = f"record_{uuid4().hex}"
    server = psycopg.conninfo.make_conninfo(
        host=place["HOST"], port=place["PORT"] or None, user=place["USER"] or None,
        password=place["PASSWORD"] or None,
    )  # fmt: skip
    with psycopg.connect(server, dbname="postgres", autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    found = {
        **os.environ,
        "DATABASE_URL": psycopg.conninfo.make_conninfo(server, dbname=name),
        "DJANGO_SETTINGS_MODULE": "vigil.config.settings",
        "PYTHONPATH": str(ROOT / "src"),
    }
    run(found, "-m", "django", "migrate", "record", "--skip-checks", "-v", "0")
    yield found
    with psycopg.connect(server, dbname="postgres", autocommit=True) as admin:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def run(environment: dict[str, str], *words: str) -> str:
    ran = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def start(environment: dict[str, str], programme: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", programme, *words],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_writers_a_sealer_and_a_kill_leave_whole_chains_with_every_committed_act(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """INV-REC-02, and nothing that was committed is lost."""
    sealer = start(environment, SEALER)
    writers = [start(environment, WRITER, str(ACTS)) for _ in range(3)]
    doomed = start(environment, WRITER, "100000")
    try:
        committed = [doomed.stdout.readline().strip() for _ in range(20)]
        time.sleep(0.05)
        doomed.kill()
        committed += doomed.stdout.read().split()
        for writer in writers:
            said, _ = writer.communicate(timeout=600)
            assert writer.returncode == 0
            committed += said.split()
    finally:
        for process in (sealer, doomed, *writers):
            process.kill()
            process.wait(10)
    path = tmp_path / "record.jsonl"
    run(environment, "-c", EXPORTER, str(path))

    run(environment, str(ROOT / "verifier" / "verify.py"), str(path))
    exported = path.read_text()
    assert len(committed) >= 3 * 2 * ACTS + 20
    assert [one for one in committed if one not in exported] == []
    # The killed writer may have committed one act whose answer was lost; it may not have made more.
    assert 0 <= exported.count('"register":"c') - len(committed) <= 1


def test_an_act_that_commits_after_a_later_one_was_linked_is_not_skipped(
    environment: dict[str, str],
) -> None:
    """INV-REC-06: ids are taken in one order and seen in another; a round of sealing misses none."""
    told = json.loads(run(environment, "-c", LATE))

    assert told["quiet"] == [[1, 0, 0], 1]
    assert told["while one is written"] == [[1, 0, 0], 1]
    assert told["after its commit"] == [1, 0, 3]
    assert told["its transaction number"] is None
    assert told["while one has its number"] == [[1, 0, 0], 3]
    assert told["before its commit"] == [[1, 0, 0], 3]
    assert told["after the second commit"] == [1, 0, 6]
    assert told["after a seal that was taken back"] == [1, 7]
    assert told["entries"] == [1, 2, 3, 4, 5, 6, 7]
    assert told["chain"] == [1, 3, 2, 5, 6, 4, 7]
    assert told["on a new connection"] == 7
    assert told["thorough"] == 0
    # A sequence that handed out ids in blocks would break the argument.
    assert told["cache"] == 1
