"""Whatever dies comes back, and what was committed is kept. Real processes, real signals."""

import os
import signal
import time
from collections.abc import Iterator

import psutil
import psycopg
import pytest

from a_supervised_system import System, eventually, is_alive
from vigil.config import postgres

pytestmark = pytest.mark.functional


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    running = System().start()
    yield running
    running.close()


def database(system: System) -> psycopg.Connection:
    return psycopg.connect(postgres.find(system.home / "database").url, autocommit=True)


def test_everything_is_well_once_it_says_so(system: System) -> None:
    """The supervisor says `ready` only when pages, stream, devices, worker and database all answer."""
    assert set(system.ready["pids"]) >= {
        "supervisor",
        "postgres",
        "web",
        "stream",
        "worker",
        "gateway",
    }
    assert all(is_alive(pid) for pid in system.ready["pids"].values())
    health = eventually(lambda: system.is_well() and system.health())
    assert health["database"] == "ok"
    assert health["gateway_beat_age_seconds"] < 5
    assert health["worker_beat_age_seconds"] < 5


def test_the_secret_key_is_private(system: System) -> None:
    key = system.home / "secret-key"

    assert key.stat().st_mode & 0o777 == 0o600
    assert len(key.read_text().strip()) >= 50


def test_every_process_has_a_group_of_its_own(system: System) -> None:
    """A Ctrl-C of the terminal reaches the supervisor only; it stops the others in order."""
    own = os.getpgid(system.process.pid)

    assert own not in {
        os.getpgid(pid) for name, pid in system.pids().items() if name != "supervisor"
    }


@pytest.mark.parametrize("name", ["web", "stream", "worker", "gateway", "postgres"])
def test_a_killed_process_comes_back(system: System, name: str) -> None:
    """kill -9 of any process: a new one serves within seconds, and the system is well again."""
    eventually(system.is_well)
    killed = system.pids()[name]
    with database(system) as before:
        before.execute("CREATE TABLE IF NOT EXISTS drill (name text)")
        before.execute("INSERT INTO drill VALUES (%s)", [name])

    os.kill(killed, signal.SIGKILL)
    began = time.monotonic()
    eventually(lambda: system.pids().get(name) not in (None, killed))
    eventually(lambda: system.answers(name) and system.is_well())

    assert not is_alive(killed)
    assert time.monotonic() - began < 30
    assert f"{name} stopped (killed by SIGKILL)" in system.said()
    eventually(lambda: f"{name} is back." in system.said())
    with database(system) as after:
        assert after.execute("SELECT 1 FROM drill WHERE name = %s", [name]).fetchall()


def test_a_killed_server_process_behind_the_pages_comes_back(system: System) -> None:
    """Granian's own child holds the port: its death must not leave a silent parent."""
    eventually(system.is_well)
    (inner,) = [
        child
        for child in psutil.Process(system.pids()["web"]).children()
        if "resource_tracker" not in " ".join(child.cmdline())
    ]

    inner.kill()

    eventually(lambda: not is_alive(inner.pid) and system.is_well())


def test_a_second_supervisor_of_the_same_folder_is_refused(system: System) -> None:
    other = System(home=system.home)
    process = other.launch()

    assert process.wait(30) == 1
    assert "already runs" in other.said()
    assert str(system.process.pid) in other.said()
    eventually(system.is_well)
    other.close(keep=True)


def test_a_busy_port_is_named(system: System) -> None:
    other = System(VIGIL_WEB_PORT=str(system.web_port))
    process = other.launch()

    assert process.wait(30) == 1
    assert f"Port {system.web_port} (pages) is taken" in other.said()
    assert "VIGIL_WEB_PORT" in other.said()
    other.close()
