"""Thirty-two tablets at one vial in six shapes of contention, on a database of their own; and the twin that overdraws.

The twin is the positive control: the same clients, with the balance read and then written without a lock.
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

CLIENTS = 32
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
    """What six runs of the contention told, each in a clinic of its own."""
    return json.loads(_django(server, str(ROOT / "tests/a_custody_contention.py"), str(CLIENTS)))


SHAPES = (
    "many_draws", "one_key", "two_nurses_one_draw", "count_during_draws", "transfers", "corrections",
)  # fmt: skip
ASKED = 2 * CLIENTS


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_lost_doubled_or_unexplained_in_any_shape(outcomes, shape):
    """I1, I2, I7, I8 under contention: every answer is one act, one entry, one link."""
    told = outcomes[shape]

    assert sum(told["done"].values()) + sum(told["codes"].values()) == ASKED
    assert told["left_ug"] >= 0
    assert told["unexplained_ug"] == 0
    assert told["disagreements"] == 0
    assert told["acts"] == told["entries"] == told["links"], (
        "each act is in the chain, without a gap"
    )


def test_no_invariant_query_finds_anything_after_all_shapes(outcomes):
    assert outcomes["broken"] == []


def test_many_tablets_never_overdraw_one_vial(outcomes):
    """I2: a row lock and a CHECK; every refusal is the plain 'holds less'."""
    told = outcomes["many_draws"]

    assert told["done"] == {"Drawn": 4}, "4 x 45 mg of 200 mg"
    assert told["left_ug"] == 20_000
    assert told["codes"] == {"CUS-VOLUME-OVER": ASKED - 4}


def test_the_same_key_from_many_tablets_records_once(outcomes):
    """I7: a retry that overtakes its first try writes nothing more."""
    told = outcomes["one_key"]

    assert told["done"] == {"Drawn": ASKED}, "each of them gets the answer"
    assert told["different"] == 1, "and it is the same answer"
    assert told["left_ug"] == 155_000
    assert told["codes"] == {}


def test_two_nurses_at_one_syringe_never_take_more_than_it_holds(outcomes):
    """I3: 50 mg is sixteen times 3 mg and a rest of 2 mg, whoever is first."""
    told = outcomes["two_nurses_one_draw"]

    assert sum(told["done"].values()) == 16
    assert told["draw_left_ug"] == 2_000
    assert set(told["codes"]) == {"CUS-DRAW-OVER"}


def test_a_count_between_draws_expects_what_the_book_held_then(outcomes):
    """I10: `expected` is the prefix of its own moment (asked by the invariant query); draws go on around it."""
    told = outcomes["count_during_draws"]

    assert told["done"]["Drawn"] == CLIENTS
    assert told["left_ug"] == 200_000 - CLIENTS * 5_000
    assert set(told["codes"]) <= {"CUS-COUNT-NOT-BLIND"}


def test_a_vial_is_never_at_two_places(outcomes):
    """I13: of two cabinets that ask at once one gets it; the other hears where it is."""
    told = outcomes["transfers"]

    assert told["done"]["Sent"] - told["done"].get("Arrived", 0) in (0, 1)
    assert set(told["codes"]) <= {
        "CUS-ON-THE-WAY", "CUS-TRANSFER-SAME", "CUS-TRANSFER-DONE", "NOTHING-SENT",
    }  # fmt: skip


def test_an_act_is_corrected_once_and_a_discrepancy_closed_once(outcomes):
    """I6: whoever is second hears that it was done, or that nothing explains the difference yet."""
    told = outcomes["corrections"]

    assert told["done"]["Corrected"] <= 1
    assert told["done"].get("Closed", 0) <= 1
    assert set(told["codes"]) <= {
        "CUS-CORRECTED", "CUS-CORRECT-OVER", "CUS-NOT-EXPLAINED", "CUS-CLOSED", "CUS-DRAW-OVER",
        "CUS-DRAW-CLOSED",
    }  # fmt: skip


def test_the_twin_without_a_lock_overdraws(server):
    """Positive control: read the balance, then insert, at READ COMMITTED (reliability.md 0.3)."""
    with psycopg.connect(server, autocommit=True) as db:
        db.execute("CREATE TABLE twin (vial int, ug int)")
        db.execute("INSERT INTO twin VALUES (1, 200000)")
    together = threading.Barrier(CLIENTS)

    def draw_unlocked() -> None:
        with psycopg.connect(server) as db:
            held = db.execute("SELECT sum(ug) FROM twin WHERE vial = 1").fetchone()[0]
            together.wait(600)
            if held >= 45_000:
                db.execute("INSERT INTO twin VALUES (1, -45000)")

    clients = [threading.Thread(target=draw_unlocked) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(600)

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
        [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=1200
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""
