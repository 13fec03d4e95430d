"""A real system: pages, stream, devices and worker act as the role that owns nothing; an older installation gets it at its next start."""

import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from a_supervised_system import System, eventually
from vigil.config import postgres
from vigil.config.home import Home

pytestmark = pytest.mark.functional


def owner_url(system: System) -> str:
    cluster = postgres.find(system.home / "database")
    assert cluster is not None
    return cluster.url


def users(system: System) -> dict[str, int]:
    """Who is connected to the clinic's database, but for the one that asks."""
    with psycopg.connect(owner_url(system)) as db:
        rows = db.execute(
            "SELECT usename, count(*) FROM pg_stat_activity WHERE datname = 'vigil' AND pid <> pg_backend_pid() GROUP BY 1"
        ).fetchall()
    return dict(rows)


def doctor(system: System) -> dict[str, dict]:
    ran = subprocess.run(
        [sys.executable, "-m", "vigil.config.command", "doctor", "--json"], env=system.environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return {check["name"]: check for check in json.loads(ran.stdout)}


@pytest.fixture(scope="module")
def system():
    running = System()
    try:
        yield running.start()
    finally:
        running.close()


def test_nothing_that_runs_for_long_is_the_owner(system: System) -> None:
    eventually(system.is_well)
    role = psycopg.conninfo.conninfo_to_dict(Home(path=system.home).app_url())["user"]

    found = users(system)

    assert set(found) == {role}
    assert found[role] >= 2
    assert doctor(system)["rights on the record"]["is_well"]


def test_acts_are_sealed_signed_and_kept_outside_by_the_worker(system: System) -> None:
    def kept() -> str:
        path = system.home / "heads.jsonl"
        return path.read_text() if path.exists() else ""

    eventually(lambda: '"register":"care"' in kept())

    with psycopg.connect(owner_url(system)) as db:
        assert eventually(
            lambda: db.execute("SELECT count(*) FROM record_signedhead").fetchone()[0]
        )
    assert (system.home / "record-key.pem").stat().st_mode & 0o777 == 0o600
    assert "Write its public half down" in system.said()


def test_an_installation_without_the_role_gets_it_at_its_next_start(system: System) -> None:
    """What the landed version made: same data, no role, no key, no file."""
    with psycopg.connect(owner_url(system), autocommit=True) as db:
        role = psycopg.conninfo.conninfo_to_dict(Home(path=system.home).app_url())["user"]
        assert system.stop() == 0
        db.close()
    _without_role(system, role)

    system.start()
    eventually(system.is_well)

    assert set(users(system)) == {role}


def _without_role(system: System, role: str) -> None:
    cluster = postgres.create(system.home / "database")
    server = postgres.start(cluster)
    try:
        with psycopg.connect(cluster.url, autocommit=True) as db:
            db.execute(f"DROP OWNED BY {role}")
            db.execute(f"DROP ROLE {role}")
    finally:
        postgres.stop(server)
    for name in ("app-database", "record-key.pem"):
        (system.home / name).unlink()


def test_a_restored_older_backup_is_raised_loudly_at_start_and_by_the_doctor(
    system: System, tmp_path: Path
) -> None:
    """The whole database folder is put back while the home stays: history went back."""
    eventually(system.is_well)
    assert system.stop() == 0
    old = tmp_path / "old"
    folder = system.home / "database"
    moved = folder / "moved-to"
    real = Path(moved.read_text().strip()) if moved.exists() else folder
    subprocess.run(["cp", "-a", str(real / "data"), str(old)], check=True)
    system.start()
    eventually(system.is_well)
    assert doctor(system)["history of the record"]["is_well"]
    _one_more_act(system)
    before = (system.home / "heads.jsonl").read_text()
    eventually(lambda: _newest_kept(system) > _newest_in(before))
    assert system.stop() == 0
    said = len(system.said())

    subprocess.run(["rm", "-rf", str(real / "data")], check=True)
    subprocess.run(["cp", "-a", str(old), str(real / "data")], check=True)
    system.start()
    eventually(system.is_well)

    assert "HISTORY WENT BACK" in system.said()[said:]
    check = doctor(system)["history of the record"]
    assert not check["is_well"]
    assert "HISTORY WENT BACK" in check["found"]
    # The proof stays: nothing new is kept over it.
    assert _newest_kept(system) > _newest_in(before)
    ran = subprocess.run(
        [sys.executable, "-m", "vigil.config.command", "record", "anchor", "accept-loss", "--reason", "restored after the flood"],
        env=system.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert doctor(system)["history of the record"]["is_well"]


def _newest_in(text: str) -> int:
    return max(json.loads(line)["seq"] for line in text.split("\n") if '"register":"care"' in line)


def _newest_kept(system: System) -> int:
    return _newest_in((system.home / "heads.jsonl").read_text())


ACT = """
import django; django.setup()
from django.db import transaction
from vigil.people.queries import clinics
from vigil.record.actions import append
from vigil.record.clock import now
for _ in range(3):
    with transaction.atomic():
        append(clinic_id=clinics()[0].clinic_id, register="care", kind="test.Happened", subject="s", by="b", at=now(), body={})
"""


def _one_more_act(system: System) -> None:
    # A minute must have passed since the last kept head: the test clock of the machine is not moved, the file's line is.
    path = system.home / "heads.jsonl"
    path.write_text(path.read_text().replace('{"at":"2026', '{"at":"2025'))
    environment = system.environment | {"DJANGO_SETTINGS_MODULE": "vigil.config.settings"}
    subprocess.run([sys.executable, "-c", ACT], env=environment, check=True)
