"""L4: the writer or the whole database dies at a random moment; nothing acknowledged is lost, nothing is doubled.

`VIGIL_KILL_ROUNDS` asks for more rounds than the normal run's (`make custody-kill`: 200). The server is the product's own,
with its own settings: nothing about durability is switched off here.
"""

import contextlib
import json
import os
import random
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import UUID, uuid5

import psutil
import psycopg
import pytest

from vigil.config import postgres

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = int(os.environ.get("VIGIL_KILL_ROUNDS", "20"))
SEED = int(os.environ.get("VIGIL_KILL_SEED", "1"))
STEP_UG = 10

HANGS_SECONDS = 600
"""What has not answered by then hangs. No test of speed: a busy machine is slow and right."""
MIGRATE = (
    "import django; django.setup(); from django.core.management import call_command as run; "
    "run('migrate', verbosity=0)"
)


class Killing:
    """A server, a scene on it, and every number that was tried or acknowledged."""

    def __init__(self, root: Path) -> None:
        self.cluster = postgres.create(root)
        self.server = postgres.start(self.cluster)
        self.run("-c", MIGRATE)
        self.scene = root / "scene.json"
        self.scene.write_text(self.run(str(ROOT / "tests/a_custody_writer.py"), "setup"))
        self.tried: set[int] = set()
        self.acked: set[int] = set()
        self.writer_pid = 0
        self.nursery = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/a_custody_writer.py"), "write", str(self.scene)],
            env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
        )  # fmt: skip
        self.waiting = selectors.DefaultSelector()
        self.waiting.register(self.nursery.stdout, selectors.EVENT_READ)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DATABASE_URL": self.cluster.url,
            "DJANGO_SETTINGS_MODULE": "vigil.config.settings",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")]),
        }

    def run(self, *command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command], env=self.environment, capture_output=True, text=True,
            timeout=HANGS_SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""

    def next_number(self) -> int:
        """What was tried and not acknowledged is tried again first: the lost reply."""
        unanswered = self.tried - self.acked
        return min(unanswered) if unanswered else max(self.tried, default=0) + 1

    def round(self, chance: random.Random, *, kills_database: bool) -> None:
        """One writer from start to a violent end."""
        self.nursery.stdin.write(f"{self.next_number()}\n".encode())
        self.nursery.stdin.flush()
        self.read(until_acks=chance.randint(1, 40))
        # From the middle of one act to the middle of some other: anywhere in a few milliseconds.
        time.sleep(chance.uniform(0, 0.02))
        if kills_database:
            self.kill_server()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.writer_pid, signal.SIGKILL)
        self.read(until_acks=None)
        if kills_database:
            self.server = postgres.start(self.cluster)

    def read(self, *, until_acks: int | None) -> None:
        """Take in what the writer says: so many acknowledgements, or all until its end."""
        seen = 0
        while until_acks is None or seen < until_acks:
            assert self.waiting.select(HANGS_SECONDS), "the writer hangs"
            word, number = self.nursery.stdout.readline().split()
            if word == b"end":
                assert until_acks is None, "the writer ended by itself"
                return
            if word == b"pid":
                self.writer_pid = int(number)
            else:
                (self.acked if word == b"ack" else self.tried).add(int(number))
                seen += word == b"ack"

    def kill_server(self) -> None:
        """SIGKILL to the server and each of its processes: no goodbye, no checkpoint."""
        master = psutil.Process(self.server.pid)
        family = [*master.children(recursive=True), master]
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(family, timeout=HANGS_SECONDS)

    def stored(self) -> dict[int, int]:
        """How many acts each number that was ever tried has in the database."""
        with psycopg.connect(self.cluster.url) as db:
            found = db.execute("SELECT key, count(*) FROM custody_act GROUP BY key").fetchall()
        acts = dict(found)
        return {number: acts.get(uuid5(UUID(int=0xC0DE), str(number)), 0) for number in self.tried}


@pytest.fixture(scope="module")
def killed():
    """The scene after all rounds, with the server running."""
    with tempfile.TemporaryDirectory(prefix="vigil-kill-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        killing = Killing(root)
        chance = random.Random(SEED)
        try:
            for number in range(ROUNDS):
                killing.round(chance, kills_database=number % 2 == 1)
            yield killing
        finally:
            killing.nursery.kill()
            killing.nursery.wait(20)
            killing.server.send_signal(signal.SIGINT)
            killing.server.wait(20)


def test_no_acknowledged_act_is_lost_and_none_is_doubled(killed):
    """L4, I7: acknowledged = once; tried again after a lost reply = once; never tried = never."""
    stored = killed.stored()

    assert len(killed.acked) >= ROUNDS, "the writers got somewhere"
    assert {number for number in killed.acked if stored[number] != 1} == set()
    assert set(stored.values()) <= {0, 1}
    assert sum(count == 0 for count in stored.values()) <= 1, "only the very last try may be open"


def test_the_balance_is_what_was_stored(killed):
    """I2: the vial's row, the movements and the acts tell one number after every crash."""
    drawn = sum(killed.stored().values())

    with psycopg.connect(killed.cluster.url) as db:
        filled, left = db.execute(
            "SELECT filled_ug, remaining_ug FROM custody_container"
        ).fetchone()
        moved = db.execute(
            "SELECT count(*) FROM custody_movement WHERE ug = %s", [STEP_UG]
        ).fetchone()

    assert filled - left == drawn * STEP_UG
    assert moved[0] == drawn


def test_no_invariant_is_broken_after_the_crashes(killed):
    assert json.loads(killed.run(str(ROOT / "tests/a_custody_writer.py"), "check")) == []
