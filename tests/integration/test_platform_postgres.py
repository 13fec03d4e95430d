"""The embedded PostgreSQL: it starts after every kind of death, or says exactly why not."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from vigil.config import postgres, server_account
from vigil.config.postgres import Cluster
from vigil.config.unfit import Unfit

Process = subprocess.Popen


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    # Not pytest's tmp_path: its parents are closed to other users, and as root the server is another user.
    made = Path(tempfile.mkdtemp(prefix="vigil-pg-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Cluster:
    return postgres.create(folder / "database")


@pytest.fixture
def start(cluster: Cluster) -> Iterator[Callable[[], Process]]:
    """Starts the server; stops every one started when the test ends."""
    started: list[Process] = []

    def _start() -> Process:
        started.append(postgres.start(cluster))
        return started[-1]

    yield _start
    for process in started:
        postgres.stop(process)


def refuses_by_itself(cluster: Cluster) -> str:
    """What PostgreSQL says when it is started without us taking over the lock."""
    said = subprocess.run(
        [cluster.bin / "postgres", "-D", cluster.data, "-k", cluster.socket, "-h", ""],
        capture_output=True, text=True, timeout=20, check=False,
        **server_account.run_as(cluster.account),
    )  # fmt: skip
    assert said.returncode != 0
    return said.stderr


def lock_names(cluster: Cluster, pid: int) -> None:
    """Put a pid into the lock that a killed server left behind."""
    lock = cluster.data / "postmaster.pid"
    lock.write_text("\n".join([str(pid), *lock.read_text().splitlines()[1:]]) + "\n")


def kill_server(process: Process) -> None:
    process.kill()
    process.wait()
    time.sleep(0.3)


def answers(cluster: Cluster) -> bool:
    with psycopg.connect(cluster.url) as database:
        return database.execute("SELECT 1").fetchone() == (1,)


def test_it_starts_over_the_lock_of_a_live_unrelated_process(cluster, start) -> None:
    """After a power cut the old pid may belong to anything; the wheel's own launcher never starts again."""
    kill_server(start())
    with subprocess.Popen(["sleep", "60"], **server_account.run_as(cluster.account)) as stranger:
        lock_names(cluster, stranger.pid)
        assert "already exists" in refuses_by_itself(cluster)  # positive control

        start()

        assert answers(cluster)
        assert stranger.poll() is None, "the unrelated process must not be touched"
        stranger.kill()


def test_it_starts_over_the_lock_of_a_zombie(cluster, start) -> None:
    """A parent that never waits leaves a dead server looking alive."""
    kill_server(start())
    zombie = subprocess.Popen(["true"], **server_account.run_as(cluster.account))
    while psutil.Process(zombie.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    lock_names(cluster, zombie.pid)
    assert "already exists" in refuses_by_itself(cluster)  # positive control

    start()

    assert answers(cluster)
    zombie.wait()


def test_it_starts_over_a_lock_cut_short(cluster, start) -> None:
    """A power cut may leave an empty lock file; PostgreSQL refuses it for ever."""
    kill_server(start())
    (cluster.data / "postmaster.pid").write_text("")
    assert "is empty" in refuses_by_itself(cluster)  # positive control

    start()

    assert answers(cluster)


def test_what_was_committed_survives_kill_9(cluster, start) -> None:
    process = start()
    with psycopg.connect(cluster.url, autocommit=True) as database:
        database.execute("CREATE TABLE kept (id int)")
        database.execute("INSERT INTO kept VALUES (42)")
    kill_server(process)

    start()

    with psycopg.connect(cluster.url) as database:
        assert database.execute("SELECT id FROM kept").fetchall() == [(42,)]


def test_a_server_left_running_is_stopped_and_replaced(cluster, start) -> None:
    """A killed supervisor may leave its server; two on one folder would ruin it."""
    left = start()
    assert postgres.running_pid(cluster) == left.pid

    fresh = start()

    assert left.wait(5) is not None
    assert postgres.running_pid(cluster) == fresh.pid
    assert answers(cluster)


def test_a_folder_with_a_very_long_name_works(folder: Path) -> None:
    """A Unix socket's path holds about 100 bytes; a deep checkout has more."""
    deep = folder / ("d" * 60) / ("e" * 60) / "database"
    cluster = postgres.create(deep)
    process = postgres.start(cluster)

    assert len(os.fsencode(cluster.socket)) < 90
    assert cluster.socket.stat().st_mode & 0o777 == 0o700
    assert answers(cluster)
    postgres.stop(process)
    shutil.rmtree(cluster.socket)


def test_a_wrong_password_is_refused(cluster, start) -> None:
    """Other users of the machine must not read the record."""
    start()
    password = (cluster.root / "password").read_text().strip()

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(cluster.url.replace(password, "guessed"))
    assert (cluster.root / "password").stat().st_mode & 0o077 == 0


def test_a_folder_the_server_cannot_reach_is_moved_or_is_our_own(folder: Path) -> None:
    """As root under a closed folder, the data goes where the server's user can reach it, and is found again."""
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    cluster = postgres.create(closed / "database")
    process = postgres.start(cluster)
    assert answers(cluster)
    postgres.stop(process)

    again = postgres.create(closed / "database")

    assert again.root == cluster.root
    assert postgres.find(closed / "database").root == cluster.root
    is_moved = cluster.root.is_relative_to(server_account.SHARED)
    assert is_moved == (os.geteuid() == 0)
    if is_moved:
        shutil.rmtree(cluster.root)


def test_programs_the_server_cannot_reach_are_copied(folder: Path, monkeypatch) -> None:
    """As root with the environment under /root, the server's user gets its own copy of the programs."""
    closed = folder / "closed-programs"
    closed.mkdir(mode=0o755)
    installed = server_account.binaries().parent.parent
    for tree in (installed, installed.with_name(installed.name + ".libs")):
        if tree.exists():
            shutil.copytree(tree, closed / tree.name, symlinks=True)
    closed.chmod(0o700)
    inside = closed / installed.name / server_account.binaries().parent.name / "bin"
    monkeypatch.setattr(server_account, "binaries", lambda: inside)
    account = server_account.server_account(folder / "nothing-yet")

    found = server_account.reachable_binaries(account)

    said = subprocess.run(
        [found / "postgres", "--version"], capture_output=True, text=True, check=True,
        **server_account.run_as(account),
    )  # fmt: skip
    assert "PostgreSQL" in said.stdout
    assert (found != inside) == (os.geteuid() == 0)
    if found != inside:
        shutil.rmtree(server_account.SHARED / found.relative_to(server_account.SHARED).parts[0])


def refused_as_ordinary_user(act: Callable[[], object]) -> str:
    """The refusal that an ordinary user meets, whoever runs the tests."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                nobody = pwd.getpwnam("nobody")
                os.setgroups([])
                os.setegid(nobody.pw_gid)
                os.seteuid(nobody.pw_uid)
            act()
            os.write(writer, b"nothing was refused")
        except Unfit as refusal:
            os.write(writer, str(refusal).encode())
        except BaseException as error:
            os.write(writer, f"not our refusal: {error!r}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with open(reader, "rb") as said:
        return said.read().decode()


def test_a_read_only_folder_is_named_with_its_reason(folder: Path) -> None:
    closed = folder / "read-only"
    closed.mkdir(mode=0o555)

    said = refused_as_ordinary_user(lambda: postgres.create(closed / "database"))

    assert "cannot be kept" in said
    assert str(closed) in said
    assert "Permission denied" in said


def test_a_full_or_read_only_disk_is_named_with_its_reason(folder: Path, monkeypatch) -> None:
    """The system's own words reach the person, whatever the disk's trouble is."""

    def refuse(*args: object, **more: object) -> None:
        raise OSError(30, "Read-only file system", str(folder / "new" / "database"))

    monkeypatch.setattr(Path, "mkdir", refuse)

    with pytest.raises(Unfit, match="Read-only file system"):
        postgres.create(folder / "new" / "database")


def test_another_users_database_is_named_with_its_owner(folder: Path, monkeypatch) -> None:
    theirs = folder / "theirs"
    (theirs / "data").mkdir(parents=True)
    if os.geteuid() != 0:
        # Only root can give a folder away: then we look at it as somebody else.
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    said = refused_as_ordinary_user(lambda: postgres.create(theirs))

    assert "belongs to user" in said
    assert server_account.user_name((theirs / "data").stat().st_uid) in said


@pytest.mark.parametrize("name", ["fsync", "synchronous_commit", "full_page_writes"])
def test_a_forgetful_server_is_refused(folder: Path, cluster, start, name: str) -> None:
    """Decision 0006: the product never runs on a server that loses confirmed acts at a power cut."""
    extra = cluster.data / "postgresql.auto.conf"
    kept = extra.read_text()
    extra.write_text(f"{name} = off\n")
    try:
        start()
        said = subprocess.run(
            [sys.executable, "-m", "vigil.config.prepare"],
            env=os.environ | {"DATABASE_URL": cluster.url, "VIGIL_HOME": str(folder / "home")},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        extra.write_text(kept)

    assert said.returncode == 1
    assert f"{name}=off" in said.stderr
    with psycopg.connect(cluster.url) as database:
        assert not database.execute(
            "SELECT 1 FROM pg_tables WHERE tablename = 'people_clinic'"
        ).fetchall()


def test_a_stop_is_clean(cluster, start) -> None:
    """A clean stop leaves no lock and nothing to replay."""
    process = start()

    postgres.stop(process)

    assert process.returncode == 0
    assert not (cluster.data / "postmaster.pid").exists()
    assert postgres.running_pid(cluster) is None
