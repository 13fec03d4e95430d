"""The folder of one installation: keys, logs, the embedded database, and who runs from it.

In: a path. Out: a folder that is ready, and the right to be its only supervisor.
"""

import fcntl
import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from vigil.config.unfit import Unfit, reason

LOG_BYTES_MAX = 10_000_000
"""A log longer than this is set aside at the next start; one older log is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The folder of one installation."""

    path: Path

    @property
    def database(self) -> Path:
        return self.path / "database"

    @property
    def pids(self) -> Path:
        return self.path / "pids.json"

    @property
    def heartbeats(self) -> Path:
        return self.path / "heartbeats"

    @property
    def app_database(self) -> Path:
        """The connection text of the role that programs act as; only `vigil.config.app_role` writes it."""
        return self.path / "app-database"

    def app_url(self) -> str | None:
        """That text, if `vigil up` could make the role."""
        return self.app_database.read_text().strip() if self.app_database.exists() else None

    def log(self, name: str) -> Path:
        return self.path / "logs" / f"{name}.log"

    def open_log(self, name: str) -> IO[bytes]:
        """The process's log, to append to; a very long one is set aside first."""
        path = self.log(name)
        if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
            path.replace(path.with_suffix(".log.1"))
        return open(path, "ab")

    def write_pids(self, facts: dict[str, object]) -> None:
        """Publish who runs, in one step: a reader never sees half of it."""
        partial = self.pids.with_suffix(".new")
        partial.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
        partial.replace(self.pids)


def default_home() -> Path:
    """VIGIL_HOME, or `.vigil` in the working folder."""
    return Path(os.environ.get("VIGIL_HOME") or ".vigil").resolve()


def open_home(path: Path) -> Home:
    """Make the folder, its secret key and its log folder, unless they stand already.

    Raises:
        Unfit: the folder cannot be made or written (read-only disk, another user's).
    """
    home = Home(path=path)
    try:
        # PostgreSQL's own user must pass through when root starts us; others may not list it.
        path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        (path / "logs").mkdir(mode=0o700, exist_ok=True)
        home.heartbeats.mkdir(exist_ok=True)
        _make_secret_key(path / "secret-key")
    except OSError as error:
        raise Unfit(
            f"Vigil's folder {path} cannot be used: {reason(error)}. "
            "Choose another one with VIGIL_HOME."
        ) from error
    return home


def take_lock(home: Home, *, patience_seconds: float = 15.0) -> IO[str]:
    """Become the one supervisor of the folder; the lock lasts as long as the file is open.

    Raises:
        Unfit: another supervisor runs here.
    """
    try:
        lock = open(home.path / "lock", "a+")  # noqa: SIM115 - held until the supervisor ends
    except OSError as error:
        raise Unfit(f"Vigil's lock cannot be opened: {reason(error)}.") from error
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            lock.seek(0)
            holder = lock.read().strip()
            # A killed supervisor's guard holds the lock while it stops what was left: wait for that.
            is_alive = holder.isdigit() and psutil.pid_exists(int(holder))
            if is_alive or time.monotonic() > deadline:
                raise Unfit(
                    f"Vigil already runs from {home.path} (process {holder or 'unknown'}). "
                    "Stop it first, or choose another folder with VIGIL_HOME."
                ) from None
            time.sleep(0.1)
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _make_secret_key(path: Path) -> None:
    if path.exists():
        return
    partial = path.with_suffix(".new")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    partial.write_text(secrets.token_urlsafe(48) + "\n")
    partial.replace(path)
