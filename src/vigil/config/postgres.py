"""The embedded PostgreSQL: binaries from a wheel, run under our own supervision.

In: a directory. Out: a running server on a private socket, and its connection text. Why not the wheel's own
launcher: it takes a dead or an unrelated process for a running server, and trusts every local user.
"""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from vigil.config.server_account import (
    SHARED,
    Account,
    binaries,
    can_enter,
    give,
    reachable_binaries,
    run_as,
    server_account,
    short_hash,
    user_name,
)
from vigil.config.unfit import Unfit, reason

__all__ = ["Cluster", "Unfit", "binaries", "create", "find", "running_pid", "start", "stop"]

SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_BYTES_MAX = 103
"""Longest path of a Unix socket that both systems take: 107 bytes on Linux, 103 on macOS."""

MOVED = "moved-to"
"""File in the asked-for folder that names the folder where the data really is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Where one embedded server lives."""

    root: Path
    bin: Path
    account: Account | None = None

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def log(self) -> Path:
        return self.root / "postgres.log"

    @property
    def socket(self) -> Path:
        """The folder of the socket: private, and short enough for the system's limit."""
        folder = self.root / "socket"
        if len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX:
            return folder
        short = Path(tempfile.gettempdir())
        if len(os.fsencode(short)) > SOCKET_PATH_BYTES_MAX - 50:
            short = Path("/tmp")  # noqa: S108 - the folder made in it is private and its owner is checked
        return short / f"vigil-{short_hash(str(self.root))}"

    @property
    def url(self) -> str:
        password = (self.root / "password").read_text().strip()
        return f"postgresql://vigil:{password}@/vigil?host={self.socket}"


def find(root: Path) -> Cluster | None:
    """The cluster made for this folder earlier, or None; starts nothing and changes nothing."""
    root = _real_root(root.resolve())
    if not (root / "data" / "PG_VERSION").exists():
        return None
    return Cluster(root=root, bin=binaries())


def create(root: Path) -> Cluster:
    """Make the cluster's folders and files, unless they stand already.

    Raises:
        Unfit: the disk is read-only or full, or the data belongs to another user.
    """
    asked = root.resolve()
    root = _real_root(asked)
    try:
        account = server_account(root / "data")
        root.mkdir(parents=True, exist_ok=True)
        root = _reachable_root(asked, root, account)
        cluster = Cluster(root=root, bin=reachable_binaries(account), account=account)
        _make_private(cluster.socket, account)
        if not (cluster.data / "PG_VERSION").exists():
            _initialise(cluster)
    except OSError as error:
        raise Unfit(f"The database cannot be kept in {root}: {reason(error)}.") from error
    return cluster


def start(
    cluster: Cluster,
    *,
    timeout_seconds: float = 20.0,
    is_wanted: Callable[[], bool] = lambda: True,
) -> subprocess.Popen[bytes]:
    """Start the server and wait until it answers; returns its process.

    A server that a killed supervisor left behind on the same data is stopped first; a lock that names a dead,
    a zombie or an unrelated process is taken over.
    """
    deadline = time.monotonic() + timeout_seconds
    left = running_pid(cluster)
    if left is not None:
        _stop_pid(left, deadline=deadline)
    while True:
        _take_over_lock(cluster)
        process = _launch(cluster)
        while process.poll() is None:
            if _answers(cluster):
                return process
            if not is_wanted() or time.monotonic() > deadline:
                stop(process)
                raise Unfit(
                    f"PostgreSQL did not answer within {timeout_seconds:g} s; see {cluster.log}."
                )
            time.sleep(0.03)
        # Backends of a killed server may hold its memory for a moment; PostgreSQL rightly waits for them.
        if "is still in use" not in _log_tail(cluster) or time.monotonic() > deadline:
            raise Unfit(_why_it_stopped(cluster))
        time.sleep(0.2)


def stop(process: subprocess.Popen[bytes], *, timeout_seconds: float = 30.0) -> None:
    """Stop the server cleanly: its transactions end, its files are flushed."""
    if process.poll() is not None:
        return
    # SIGINT is PostgreSQL's fast stop; SIGTERM would wait for every client to leave.
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        # Immediate stop: safe for the data, the next start replays the log.
        process.send_signal(signal.SIGQUIT)
        process.wait(10)


def running_pid(cluster: Cluster) -> int | None:
    """The live postmaster of exactly this data folder, or None."""
    pid = _locked_pid(cluster)
    if pid is None:
        return None
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or process.name() != "postgres":
            return None
        # A postmaster works inside its data folder; its command line names it too.
        return pid if str(cluster.data) in process.cmdline() else None
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        # Somebody else's process: it cannot be the server that we run as ourselves.
        return None


def _real_root(root: Path) -> Path:
    moved = root / MOVED
    return Path(moved.read_text().strip()) if moved.exists() else root


def _reachable_root(asked: Path, root: Path, account: Account | None) -> Path:
    """The folder itself, or one under /var/lib/vigil when the server's user cannot reach it."""
    if account is None or root != asked:
        return root
    os.chown(root, account.uid, account.gid)
    if can_enter(account, root):
        return root
    shared = SHARED / f"database-{short_hash(str(asked))}"
    SHARED.mkdir(parents=True, exist_ok=True)
    SHARED.chmod(0o755)
    if not shared.exists():
        shutil.copytree(
            root, shared, symlinks=True, ignore=shutil.ignore_patterns("postmaster.pid")
        )
    give(shared, account)
    (asked / MOVED).write_text(f"{shared}\n")
    # What was there stays as a copy under another name: never two live databases, never a deleted one.
    if (asked / "data").exists():
        (asked / "data").rename(asked / "data.before-move")
    return shared


def _make_private(folder: Path, account: Account | None) -> None:
    """A folder that only the server's user can enter; refuses one that somebody else put there."""
    wanted = account.uid if account else os.geteuid()
    try:
        folder.mkdir(mode=0o700, parents=True)
        if account:
            os.chown(folder, account.uid, account.gid)
    except FileExistsError:
        found = folder.lstat()
        if folder.is_symlink() or found.st_uid != wanted:
            raise Unfit(
                f"The socket folder {folder} belongs to user {user_name(found.st_uid)}. "
                "Remove it, or choose another folder with VIGIL_HOME."
            ) from None
    folder.chmod(0o700)


def _initialise(cluster: Cluster) -> None:
    password, fresh = cluster.root / "password", cluster.root / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    password.touch(mode=0o600)
    password.write_text(secrets.token_urlsafe(24))
    give(password, cluster.account)
    made = subprocess.run(
        [
            cluster.bin / "initdb", "-D", fresh, "-U", "vigil", "--auth=scram-sha-256",
            "--pwfile", password, "-E", "UTF8", "--locale=C",
        ],
        check=False, capture_output=True, text=True, **run_as(cluster.account),
    )  # fmt: skip
    if made.returncode != 0:
        raise Unfit(f"PostgreSQL could not make its files in {fresh}: {made.stderr.strip()[-600:]}")
    # Renamed when complete: a power cut in the middle leaves no half-made database that looks whole.
    fresh.rename(cluster.data)


def _launch(cluster: Cluster) -> subprocess.Popen[bytes]:
    try:
        with open(cluster.log, "ab") as log:
            return subprocess.Popen(
                [cluster.bin / "postgres", "-D", cluster.data, "-k", cluster.socket, "-h", ""],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                process_group=0, **run_as(cluster.account),
            )  # fmt: skip
    except OSError as error:
        raise Unfit(f"PostgreSQL cannot be started: {reason(error)}.") from error


def _locked_pid(cluster: Cluster) -> int | None:
    try:
        return abs(int((cluster.data / "postmaster.pid").read_text().splitlines()[0]))
    except (FileNotFoundError, IndexError, ValueError):
        return None
    except PermissionError as error:
        raise Unfit(f"The database belongs to another user: {reason(error)}.") from error


def _take_over_lock(cluster: Cluster) -> None:
    """Let PostgreSQL start over a lock whose process is dead, a zombie or an unrelated program."""
    lock = cluster.data / "postmaster.pid"
    try:
        if lock.exists():
            lines = lock.read_text().splitlines()
            if len(lines) < 7:
                # Cut short by a power loss; PostgreSQL would refuse an empty lock for ever.
                lock.unlink()
            else:
                # PostgreSQL takes a lock with its parent's pid for its own old one. The rest stays: it names
                # the shared memory, so a surviving backend of the old server is still found and refused.
                lock.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
        for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
            (cluster.socket / name).unlink(missing_ok=True)
    except OSError as error:
        raise Unfit(f"The database's lock cannot be taken over: {reason(error)}.") from error


def _stop_pid(pid: int, *, deadline: float) -> None:
    server = psutil.Process(pid)
    try:
        server.send_signal(signal.SIGINT)
        server.wait(max(1.0, deadline - time.monotonic()))
    except psutil.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)
        server.wait(10)
    except psutil.NoSuchProcess:
        return


def _answers(cluster: Cluster) -> bool:
    import psycopg

    try:
        with psycopg.connect(cluster.url.replace("/vigil?", "/postgres?"), autocommit=True) as db:
            found = db.execute("SELECT 1 FROM pg_database WHERE datname = 'vigil'").fetchone()
            if not found:
                db.execute("CREATE DATABASE vigil")
        return True
    except psycopg.OperationalError:
        return False


def _log_tail(cluster: Cluster) -> str:
    try:
        return cluster.log.read_text(errors="replace")[-1500:]
    except OSError:
        return ""


def _why_it_stopped(cluster: Cluster) -> str:
    fatal = [line for line in _log_tail(cluster).splitlines() if "FATAL" in line or "PANIC" in line]
    said = fatal[-1].split("] ", 1)[-1] if fatal else "it left no reason"
    return f"PostgreSQL stopped at once: {said} The whole story is in {cluster.log}."
