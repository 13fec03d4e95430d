"""It stops cleanly, leaves nothing behind, and starts again with everything that was entered."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psycopg
import pytest

from a_supervised_system import System, eventually, is_alive
from vigil.config import postgres

pytestmark = pytest.mark.functional


@pytest.fixture
def system() -> Iterator[System]:
    made = System()
    yield made
    made.close()


def database(system: System) -> psycopg.Connection:
    return psycopg.connect(postgres.find(system.home / "database").url, autocommit=True)


def test_a_stop_leaves_no_process_and_a_second_start_keeps_the_data(system: System) -> None:
    system.start()
    with database(system) as entered:
        entered.execute("CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)")
    key = (system.home / "secret-key").read_text()
    family = system.family()

    assert system.stop() == 0

    assert not [pid for pid in family if is_alive(pid)]
    assert not (system.home / "pids.json").exists()
    system.start()
    with database(system) as entered:
        assert entered.execute("SELECT id FROM kept").fetchall() == [(7,)]
    assert (system.home / "secret-key").read_text() == key, "a new key would sign everybody out"


def test_ctrl_c_stops_it_cleanly(system: System) -> None:
    system.start()
    family = system.family()

    system.process.send_signal(signal.SIGINT)

    assert system.process.wait(30) == 0
    assert not [pid for pid in family if is_alive(pid)]
    assert "Stopped." in system.said()


def test_a_killed_supervisor_leaves_nothing_behind_and_can_start_again(system: System) -> None:
    """kill -9 of the supervisor itself: its guard stops the rest, the database cleanly and last."""
    system.start()
    family = system.family()

    system.process.kill()
    system.process.wait()

    eventually(lambda: not [pid for pid in family if is_alive(pid)], seconds=20)
    log = (postgres.find(system.home / "database").root / "postgres.log").read_text()
    assert "database system is shut down" in log.splitlines()[-1]
    system.start()
    eventually(system.is_well)


def test_a_new_start_waits_for_the_guard_of_a_killed_one(system: System) -> None:
    """Two supervisors never overlap on one database, even when the second comes at once."""
    system.start()
    system.process.kill()
    system.process.wait()

    system.start()

    eventually(system.is_well)


def test_with_restart_switched_off_the_killed_web_stays_dead() -> None:
    """Positive control of the restart tests: they would see a process that does not come back."""
    system = System(VIGIL_TEST_NO_RESTART="1").start()
    try:
        killed = system.pids()["web"]

        os.kill(killed, signal.SIGKILL)
        time.sleep(3)

        assert "web" not in system.pids()
        assert system.health() is None
        assert "it stays stopped" in system.said()
    finally:
        system.close()


def test_it_refuses_to_start_on_a_forgetful_database(system: System) -> None:
    """Decision 0006, for the embedded server too; and nothing is left running."""
    system.start()
    system.stop()
    data = postgres.find(system.home / "database").data
    with open(data / "postgresql.conf", "a") as settings:
        settings.write("fsync = off\n")

    process = system.launch()

    assert process.wait(30) == 1
    assert "fsync=off" in system.said()
    assert not (data / "postmaster.pid").exists()


def test_a_named_server_is_used_instead_of_the_embedded_one(system: System) -> None:
    """DATABASE_URL: somebody else's server is neither started nor stopped by us."""
    server = System()
    cluster = postgres.create(server.home / "theirs")
    process = postgres.start(cluster)
    try:
        system.environment["DATABASE_URL"] = cluster.url
        system.start()

        assert "postgres" not in system.pids()
        assert not (system.home / "database").exists()
        eventually(system.is_well)
        assert system.stop() == 0
        assert process.poll() is None
        with psycopg.connect(cluster.url) as theirs:
            assert theirs.execute("SELECT count(*) FROM people_clinic").fetchone() == (1,)
    finally:
        postgres.stop(process)
        server.close()


def test_doctor_finds_a_running_system_well_and_a_stopped_one_not(system: System) -> None:
    def doctor() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "vigil.config.command", "doctor"],
            env=system.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    system.start()
    eventually(system.is_well)
    said = doctor()
    assert said.returncode == 0, said.stdout + said.stderr

    system.stop()
    said = doctor()
    assert said.returncode == 1
    assert "vigil up" in said.stdout
