"""One supervisor for the whole system: starts it in order, brings back what dies, stops it cleanly.

In: a home folder, ports, perhaps the address of a PostgreSQL server. Out: running processes, and one line of
text for each thing that happens. It imports no Django: everything that knows tables runs in a child.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from vigil.config import postgres
from vigil.config.home import Home
from vigil.config.ports import HOST, Ports
from vigil.config.programs import Program
from vigil.config.unfit import Unfit
from vigil.record.clock import machine_now

LOOK_EVERY_SECONDS = 0.1
RESTART_FIRST_SECONDS = 0.2
RESTART_SECONDS_MAX = 10.0
HEALTHY_SECONDS = 30.0
"""A process that ran this long starts again at once when it dies; a shorter life doubles the wait."""

READY_SECONDS_MAX = 180.0
"""Longest wait for the first start of all processes; a slow laptop needs a tenth of that."""

RECOVERY_SECONDS_MAX = 600.0
"""Longest replay of the database's log that is waited for after a power cut."""


@dataclass(slots=True, kw_only=True)
class Child:
    """One program at run time."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    is_ready: bool = False
    failures: int = 0
    start_at: float | None = None


class Supervisor:
    """Runs the database and the programs until it is told to stop."""

    def __init__(
        self,
        *,
        home: Home,
        lock: IO[str],
        ports: Ports,
        programs: tuple[Program, ...],
        say: Callable[[str], None],
        database_url: str | None,
        brings_back: bool = True,
    ) -> None:
        self.home = home
        self.ports = ports
        self.say = say
        self.database_url = database_url
        self.brings_back = brings_back
        self.is_stopping = False
        self._lock = lock
        self._children = [Child(program=program) for program in programs]
        self._cluster: postgres.Cluster | None = None
        self._database: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    # --- start ---------------------------------------------------------------------------------

    def start_database(self) -> None:
        """Start the guard and, unless a server was named, the embedded PostgreSQL."""
        self._start_guard()
        if self.database_url:
            self.say("Using the PostgreSQL server that DATABASE_URL names.")
            return
        self.say("Starting the database.")
        self._cluster = postgres.create(self.home.database)
        self._launch_database()
        self.database_url = self._cluster.url

    def prepare(self, *arguments: str) -> dict[str, object]:
        """Check the server, migrate and collect static files in a child; returns its facts."""
        child = subprocess.Popen(
            [sys.executable, "-m", "vigil.config.prepare", *arguments],
            env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, process_group=0,
        )  # fmt: skip
        self._tell_guard(f"watch {child.pid} {int(signal.SIGTERM)}")
        assert child.stdout is not None
        assert child.stderr is not None
        facts: dict[str, object] = {}
        for line in child.stdout:
            message = json.loads(line)
            if "say" in message:
                self.say(message["say"])
            facts.update(message.get("facts", {}))
            if self.is_stopping:
                child.terminate()
        complaint = child.stderr.read().strip()
        self._tell_guard(f"forget {child.pid}")
        if child.wait() != 0 and not self.is_stopping:
            raise Unfit(complaint or "The database could not be prepared.")
        return facts

    def start_programs(self) -> None:
        """Start every program at once and wait until each essential one is ready."""
        for child in self._children:
            self._launch(child)
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not self.is_stopping:
            self._look()
            waiting = [c for c in self._children if c.program.is_essential and not c.is_ready]
            if not waiting:
                return
            for child in waiting:
                if child.failures >= 3 or time.monotonic() > deadline:
                    raise Unfit(self._why_not_ready(child))
            time.sleep(LOOK_EVERY_SECONDS)

    def environment(self) -> dict[str, str]:
        """What every child finds in its environment."""
        kept = {
            name: value
            for name, value in os.environ.items()
            # A stray setting of the server program must not change how a clinic's pages are served.
            if not name.startswith(("GRANIAN_", "PGOPTIONS"))
        }
        assert self.database_url is not None
        return kept | {
            "DJANGO_SETTINGS_MODULE": "vigil.config.settings",
            "VIGIL_HOME": str(self.home.path),
            "DATABASE_URL": self.database_url,
            "VIGIL_WEB_PORT": str(self.ports.web),
            "VIGIL_STREAM_PORT": str(self.ports.stream),
            "VIGIL_MLLP_PORT": str(self.ports.mllp),
            "PYTHONUNBUFFERED": "1",
        }

    def program_environment(self) -> dict[str, str]:
        """As `environment`, but acting as the role that owns nothing, when `prepare` could make it."""
        url = self.home.app_url()
        return self.environment() | ({"DATABASE_URL": url} if url else {})

    # --- watch ---------------------------------------------------------------------------------

    def watch(self) -> None:
        """Bring back what dies, until told to stop."""
        while not self.is_stopping:
            self._look()
            time.sleep(LOOK_EVERY_SECONDS)

    def ask_to_stop(self, number: int, frame: object) -> None:
        """Signal handler: finish the current step, then stop everything."""
        self.is_stopping = True

    def facts(self) -> dict[str, object]:
        """Addresses and process ids, for people, scripts and tests."""
        pids = {c.program.name: c.process.pid for c in self._children if c.process is not None}
        if self._database is not None:
            pids["postgres"] = self._database.pid
        return {
            "web": f"http://{HOST}:{self.ports.web}",
            "stream": f"http://{HOST}:{self.ports.stream}",
            "mllp": f"{HOST}:{self.ports.mllp}",
            "home": str(self.home.path),
            "pids": pids | {"supervisor": os.getpid()},
        }

    def _look(self) -> None:
        """One round: the guard, the database, then every program."""
        if self._guard is not None and self._guard.poll() is not None:
            self._start_guard()
        if self._database is not None and self._database.poll() is not None and self.brings_back:
            self._bring_back_database()
        for child in self._children:
            self._look_at(child)

    def _look_at(self, child: Child) -> None:
        name = child.program.name
        if child.process is None:
            if child.start_at is not None and time.monotonic() >= child.start_at:
                self._launch(child)
            return
        code = child.process.poll()
        if code is not None:
            self._bury(child, code)
        elif not child.is_ready and child.program.is_ready(child.started):
            child.is_ready = True
            if child.failures:
                self.say(f"{name} is back.")
        elif child.is_ready and child.failures and _now() - child.started > HEALTHY_SECONDS:
            child.failures = 0

    def _bury(self, child: Child, code: int) -> None:
        assert child.process is not None
        # A killed server process may leave its own children behind, holding its port.
        _signal_group(child.process, signal.SIGKILL)
        self._tell_guard(f"forget {child.process.pid}")
        child.process, child.is_ready = None, False
        child.failures += 1
        wait = min(RESTART_FIRST_SECONDS * 2 ** (child.failures - 1), RESTART_SECONDS_MAX)
        child.start_at = time.monotonic() + wait if self.brings_back else None
        then = f"starting it again in {wait:g} s" if self.brings_back else "it stays stopped"
        self.say(f"{child.program.name} stopped ({_how(code)}); {then}.")
        self._publish()

    def _bring_back_database(self) -> None:
        assert self._database is not None
        self.say(f"postgres stopped ({_how(self._database.returncode)}); starting it again.")
        self._tell_guard(f"forget {self._database.pid}")
        try:
            self._launch_database()
        except Unfit as refusal:
            self.say(f"postgres did not start: {refusal} Trying again in 5 s.")
            time.sleep(5)
            return
        self.say("postgres is back.")
        self._publish()

    # --- stop ----------------------------------------------------------------------------------

    def stop(self) -> None:
        """Stop everything, the last started first and the database last."""
        running = [child for child in reversed(self._children) if child.process is not None]
        for child in running:
            assert child.process is not None
            _signal_group(child.process, child.program.stop_signal)
        for child in running:
            self._finish(child)
        if self._database is not None:
            postgres.stop(self._database)
            self._database = None
        self._tell_guard("bye")
        if self._guard is not None:
            assert self._guard.stdin is not None
            self._guard.stdin.close()
            self._guard.wait(5)
        self.home.pids.unlink(missing_ok=True)

    def _finish(self, child: Child) -> None:
        assert child.process is not None
        try:
            child.process.wait(child.program.stop_seconds)
        except subprocess.TimeoutExpired:
            self.say(f"{child.program.name} did not stop by itself and was ended.")
        _signal_group(child.process, signal.SIGKILL)
        child.process.wait()
        child.process = None

    # --- processes -----------------------------------------------------------------------------

    def _launch(self, child: Child) -> None:
        child.started, child.start_at = _now(), None
        with self.home.open_log(child.program.name) as log:
            child.process = subprocess.Popen(
                child.program.argv, env=self.program_environment(), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, process_group=0,
            )  # fmt: skip
        self._tell_guard(f"watch {child.process.pid} {int(child.program.stop_signal)}")
        self._publish()

    def _launch_database(self) -> None:
        assert self._cluster is not None
        self._database = postgres.start(
            self._cluster,
            timeout_seconds=RECOVERY_SECONDS_MAX,
            is_wanted=lambda: not self.is_stopping,
        )
        self._tell_guard(f"watch {self._database.pid} {int(signal.SIGINT)}")

    def _start_guard(self) -> None:
        self._guard = subprocess.Popen(
            [sys.executable, "-m", "vigil.config.guard"],
            stdin=subprocess.PIPE, process_group=0,
            # It keeps our lock until all is stopped, so that a new supervisor waits for it.
            pass_fds=[self._lock.fileno()],
        )  # fmt: skip
        if self._database is not None:
            self._tell_guard(f"watch {self._database.pid} {int(signal.SIGINT)}")
        for child in self._children:
            if child.process is not None:
                self._tell_guard(f"watch {child.process.pid} {int(child.program.stop_signal)}")

    def _tell_guard(self, line: str) -> None:
        if self._guard is None or self._guard.stdin is None:
            return
        try:
            self._guard.stdin.write(f"{line}\n".encode())
            self._guard.stdin.flush()
        except (BrokenPipeError, ValueError):
            # It died; the next round starts another one and tells it everything.
            return

    def _publish(self) -> None:
        self.home.write_pids(self.facts())

    def _why_not_ready(self, child: Child) -> str:
        log = self.home.log(child.program.name)
        lines = log.read_text(errors="replace").splitlines()[-12:] if log.exists() else []
        return "\n".join([f"{child.program.name} does not start; the end of {log}:", *lines])


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        # macOS answers PermissionError for a group that holds only a zombie.
        return


def _now() -> float:
    """Seconds of the machine's clock: comparable with the change time of a heartbeat's file."""
    return machine_now().timestamp()


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
