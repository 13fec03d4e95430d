"""Eight tablets draw from one vial at once, on a database of their own; and the twin that overdraws.

The twin is the positive control: the same eight clients, with the balance read and then written without a lock.
If the twin did not overdraw, this test could not see an overdraw at all.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import psycopg
import pytest

from vigil.config import postgres

CLIENTS = 8
ROOT = Path(__file__).resolve().parents[2]
MIGRATE = (
    "import django; django.setup(); from django.core.management import call_command as run; "
    "run('migrate', verbosity=0)"
)


@pytest.fixture(scope="module")
def server():
    """A server of this test alone, with the custody tables; stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="vigil-custody-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        cluster = postgres.create(root)
        with (cluster.data / "postgresql.conf").open("a") as conf:
            conf.write("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n")
        process = postgres.start(cluster)
        try:
            _django(cluster.url, "-c", MIGRATE)
            yield cluster.url
        finally:
            process.terminate()
            process.wait(15)


@pytest.fixture(scope="module")
def outcomes(server):
    """What two runs of the contention told: every tablet with its own key, then all with one key."""
    return json.loads(_django(server, str(ROOT / "tests/a_custody_contention.py"), str(CLIENTS)))


def test_eight_tablets_never_overdraw_one_vial(outcomes):
    """I2 under contention: a row lock and a CHECK; every refusal is the plain 'holds less'."""
    told = outcomes["own-keys"]

    assert told["drawn_ug"] + told["left_ug"] == 200_000
    assert told["left_ug"] >= 0
    assert told["drawn"] == 4, "4 x 45 mg of 200 mg"
    assert told["codes"] == {"CUS-VOLUME-OVER": 2 * CLIENTS - 4}
    assert told["unexplained_ug"] == 0
    assert told["disagreements"] == 0
    assert told["links"] == told["entries"], "every act is in the chain, in one line without a gap"


def test_the_same_key_from_eight_tablets_records_once(outcomes):
    """I7 under contention: a retry that overtakes its first try writes nothing more."""
    told = outcomes["one-key"]

    assert told["drawn"] == 2 * CLIENTS, "each of them gets the answer"
    assert told["answers"] == 1, "and it is the same answer"
    assert told["drawn_ug"] == 45_000
    assert told["codes"] == {}


def test_the_twin_without_a_lock_overdraws(server):
    """Positive control: read the balance, then insert, at READ COMMITTED (reliability.md 0.3)."""
    with psycopg.connect(server, autocommit=True) as db:
        db.execute("CREATE TABLE twin (vial int, ug int)")
        db.execute("INSERT INTO twin VALUES (1, 200000)")
    together = threading.Barrier(CLIENTS)

    def draw_unlocked() -> None:
        with psycopg.connect(server) as db:
            held = db.execute("SELECT sum(ug) FROM twin WHERE vial = 1").fetchone()[0]
            together.wait(10)
            if held >= 45_000:
                db.execute("INSERT INTO twin VALUES (1, -45000)")

    clients = [threading.Thread(target=draw_unlocked) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(15)

    with psycopg.connect(server) as db:
        left = db.execute("SELECT sum(ug) FROM twin WHERE vial = 1").fetchone()[0]
    assert left == 200_000 - CLIENTS * 45_000 < 0


def _django(url: str, *command: str) -> str:
    """What a process of the product prints, on the given database."""
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "vigil.config.settings",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")]),
    }
    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""
