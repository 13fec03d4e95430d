"""A whole running system for tests: its own folder, its own ports, its own processes."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil

PATIENCE_SECONDS = 300.0
"""Longest wait for anything here, after which it hangs; a two-core machine with other work took more than 60."""

FOUND_CLINIC = """
import django
django.setup()
from vigil.people.actions import found_clinic
from vigil.record.clock import now
found_clinic(name="Test clinic", time_zone="UTC", is_simulated=True, at=now())
"""


def free_ports() -> tuple[int, int, int]:
    """Three ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(3)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return tuple(one.getsockname()[1] for one in sockets)
    finally:
        for one in sockets:
            one.close()


def eventually(claim: Callable[[], object], *, seconds: float = PATIENCE_SECONDS) -> object:
    """The first true answer of the claim; fails when none comes in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = claim()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds:g} s: {claim}")


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class System:
    """`vigil up` from a folder of its own."""

    def __init__(
        self, *words: str, home: Path | None = None, wants_clinic: bool = True, **environment: str
    ) -> None:
        self.wants_clinic = wants_clinic
        self.home = home or Path(tempfile.mkdtemp(prefix="vigil-up-"))
        # The database's own user must pass through when root runs the tests.
        self.home.chmod(0o711)
        self.web_port, self.stream_port, self.mllp_port = free_ports()
        self.words = words or ("up",)
        removed = {"DATABASE_URL", "VIGIL_SECRET_KEY", "VIGIL_TEST_CLOCK"}
        self.environment = {k: v for k, v in os.environ.items() if k not in removed} | {
            "VIGIL_HOME": str(self.home),
            "VIGIL_WEB_PORT": str(self.web_port),
            "VIGIL_STREAM_PORT": str(self.stream_port),
            "VIGIL_MLLP_PORT": str(self.mllp_port),
            **environment,
        }
        self.process: subprocess.Popen[str] | None = None
        self.ready: dict = {}

    def launch(self) -> subprocess.Popen[str]:
        """Start the supervisor without waiting for the system."""
        self.events = open(self.home / "events", "a+")  # noqa: SIM115 - closed by `close`
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vigil.config.command", *self.words, "--json"],
            env=self.environment, stdout=subprocess.PIPE, stderr=self.events, text=True,
        )  # fmt: skip
        return self.process

    def start(self) -> "System":
        """Start the supervisor and wait until it says that everything is ready."""
        line = self.launch().stdout.readline()
        assert line, f"it did not start:\n{self.said()}"
        self.ready = json.loads(line)
        if not self.ready["clinics"] and self.wants_clinic:
            self._found_clinic()
        return self

    def _found_clinic(self) -> None:
        """A simulated clinic: without one, nothing can arrive and nothing waits to be sealed."""
        environment = self.environment | {"DJANGO_SETTINGS_MODULE": "vigil.config.settings"}
        subprocess.run([sys.executable, "-c", FOUND_CLINIC], env=environment, check=True)

    def said(self) -> str:
        """Every line of its events so far."""
        return (self.home / "events").read_text()

    def pids(self) -> dict[str, int]:
        """Who runs now, by name."""
        return json.loads((self.home / "pids.json").read_text())["pids"]

    def family(self) -> set[int]:
        """Every process that the supervisor started, and theirs."""
        found = set(self.pids().values())
        for pid in tuple(found):
            try:
                found |= {child.pid for child in psutil.Process(pid).children(recursive=True)}
            except psutil.NoSuchProcess:
                continue
        return found

    def health(self) -> dict | None:
        """What /healthz says, or None when nobody answers."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.web_port}/healthz", timeout=5
            ) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)
        except (OSError, ValueError):
            return None

    def is_well(self) -> bool:
        """Whether database, worker and gateway are all at work."""
        return (self.health() or {}).get("status") == "ok"

    def answers(self, name: str) -> bool:
        """Whether that process does its work now."""
        ports = {"web": self.web_port, "stream": self.stream_port, "gateway": self.mllp_port}
        if name in ports:
            try:
                socket.create_connection(("127.0.0.1", ports[name]), timeout=1).close()
            except OSError:
                return False
        return True

    def stop(self) -> int:
        """Ask it to stop; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)

    def close(self, *, keep: bool = False) -> None:
        """Stop it, whatever state it is in, and remove its folder."""
        if self.process is not None:
            if self.process.poll() is None:
                self.stop()
            self.process.stdout.close()
            self.events.close()
        if not keep:
            shutil.rmtree(self.home, ignore_errors=True)
