"""The programs that one supervisor runs, how each is started, and how to see that it is ready.

In: ports. Out: frozen descriptions; no process is started here.
"""

import http.client
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vigil.config.ports import HOST, Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One long-running process.

    `is_ready` is asked again and again after each start. `stop_seconds`: how long it may take to finish after
    SIGTERM before it is killed. The system is not ready without an essential one.
    """

    name: str
    argv: tuple[str, ...]
    is_ready: Callable[[float], bool]
    stop_seconds: float = 5.0
    is_essential: bool = True
    stop_signal: signal.Signals = signal.SIGTERM


def programs(ports: Ports, heartbeats: Path, *, is_demo: bool) -> tuple[Program, ...]:
    """Everything above the database, in starting order; it stops in the reverse order."""
    found = [
        Program(
            name="web",
            argv=_granian("wsgi", ports.web, "--blocking-threads", "4"),
            is_ready=lambda started: _answers_http(ports.web, "/healthz"),
        ),
        Program(
            name="stream",
            argv=_granian("asginl", ports.stream),
            is_ready=lambda started: _answers_http(ports.stream, "/"),
            # An open stream never ends by itself; browsers reconnect.
            stop_seconds=2.0,
        ),
        Program(
            name="worker",
            argv=_python("vigil.config.worker"),
            is_ready=lambda started: _beats(heartbeats / "worker", started),
        ),
    ]
    if find_spec("vigil.exchange.devices.gateway"):
        found.append(
            Program(
                name="gateway",
                argv=_python("vigil.exchange.devices.gateway"),
                is_ready=lambda started: _accepts(ports.mllp),
            )
        )
    if is_demo and find_spec("vigil.config.demo_feed"):
        found.append(
            Program(
                name="feed",
                argv=_python("vigil.config.demo_feed"),
                is_ready=lambda started: True,
                is_essential=False,
            )
        )
    return tuple(found)


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module)


def _granian(interface: str, port: int, *more: str) -> tuple[str, ...]:
    application = "vigil.config.wsgi" if interface == "wsgi" else "vigil.config.asgi"
    return (
        *_python("granian"), "--interface", interface, "--host", HOST, "--port", str(port),
        "--workers", "1", "--workers-kill-timeout", "2", "--no-ws", "--log-level", "warning",
        *more, f"{application}:application",
    )  # fmt: skip


def _answers_http(port: int, path: str) -> bool:
    """Whether any HTTP answer comes: a page that says 'not found' is a server at work."""
    asked = http.client.HTTPConnection(HOST, port, timeout=2.0)
    try:
        asked.request("GET", path)
        return asked.getresponse().status > 0
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asked.close()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=0.5).close()
    except OSError:
        return False
    return True


def _beats(file: Path, started: float) -> bool:
    try:
        return file.stat().st_mtime > started
    except FileNotFoundError:
        return False
