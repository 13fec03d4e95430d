"""Several processes write and seal one clinic's record at once, and one is killed: the chains stay whole."""

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


def run(environment: dict[str, str], *words: str) -> None:
    ran = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


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
            said, _ = writer.communicate(timeout=120)
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
