"""The three ports of an installation.

In: flags and the environment. Out: port numbers nobody else listens on, or a clear no.
"""

import argparse
import os
import socket
from dataclasses import dataclass

from vigil.config.unfit import Unfit

HOST = "127.0.0.1"
"""Loopback only: a clinic that opens Vigil to its network puts its own TLS door in front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where pages, live stream and devices are answered."""

    web: int
    stream: int
    mllp: int


NAMES = (
    ("web", "VIGIL_WEB_PORT", "pages"),
    ("stream", "VIGIL_STREAM_PORT", "live stream"),
    ("mllp", "VIGIL_MLLP_PORT", "devices"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Give a subcommand the three port flags."""
    for name, variable, what in NAMES:
        parser.add_argument(
            f"--{name}-port", type=int, metavar="PORT", help=f"port of the {what} ({variable})"
        )


def chosen(args: argparse.Namespace) -> Ports:
    """The ports to use: the flag, else the environment, else the usual number.

    Raises:
        Unfit: a number that is no port, or the same port twice.
    """
    web = _number(args.web_port, "VIGIL_WEB_PORT", 8000)
    ports = Ports(
        web=web,
        stream=_number(args.stream_port, "VIGIL_STREAM_PORT", web + 1),
        mllp=_number(args.mllp_port, "VIGIL_MLLP_PORT", 2575),
    )
    if len({ports.web, ports.stream, ports.mllp}) < 3:
        raise Unfit("Pages, live stream and devices need three different ports.")
    return ports


def busy(ports: Ports) -> list[str]:
    """One sentence for each port that somebody else listens on."""
    found = []
    for name, variable, what in NAMES:
        port = getattr(ports, name)
        if not _is_free(port):
            found.append(
                f"Port {port} ({what}) is taken by another program, or not allowed for this user. "
                f"Choose another one with --{name}-port or {variable}."
            )
    return found


def _number(flag: int | None, variable: str, usual: int) -> int:
    text = str(flag) if flag is not None else os.environ.get(variable) or str(usual)
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise Unfit(f"{variable}: {text!r} is no port number; expected 1 to 65535.")
    return int(text)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
