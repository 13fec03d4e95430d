"""`vigil up`: start the whole system and keep it running.

In: ports and a home folder. Out: a running system, its address, one line per event; Ctrl-C stops it.
"""

import argparse
import json
import os
import signal
import sys
import time

from vigil.config import ports as port_numbers
from vigil.config.home import default_home, open_home, take_lock
from vigil.config.programs import programs
from vigil.config.supervisor import Supervisor
from vigil.config.unfit import Unfit


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("up", help="start the database, pages, live stream and devices")
    add_flags(parser)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Flags shared with `vigil demo`."""
    port_numbers.add_flags(parser)
    parser.add_argument(
        "--json", action="store_true", help="print one JSON line with addresses and pids when ready"
    )


def run(args: argparse.Namespace) -> int:
    """Start, watch, stop."""
    return supervise(args, is_demo=False)


def supervise(args: argparse.Namespace, *, is_demo: bool) -> int:
    """Run the system until a signal; with `is_demo`, in the demo clinic with simulated monitors."""
    began = time.monotonic()

    def say(text: str) -> None:
        # With --json, standard output holds the one JSON line and nothing else.
        print(f"[{time.monotonic() - began:7.1f} s] {text}", flush=True,
              file=sys.stderr if args.json else sys.stdout)  # fmt: skip

    ports = port_numbers.chosen(args)
    home = open_home(default_home())
    lock = take_lock(home)
    taken = port_numbers.busy(ports)
    if taken:
        raise Unfit("\n       ".join(taken))
    supervisor = Supervisor(
        home=home,
        lock=lock,
        ports=ports,
        programs=programs(ports, home.heartbeats, is_demo=is_demo),
        say=say,
        database_url=os.environ.get("DATABASE_URL") or None,
        brings_back="VIGIL_TEST_NO_RESTART" not in os.environ,
    )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, supervisor.ask_to_stop)
    try:
        supervisor.start_database()
        facts = supervisor.prepare(*(["--demo"] if is_demo else []))
        if not supervisor.is_stopping:
            say("Starting pages, live stream, devices and worker.")
            supervisor.start_programs()
        if not supervisor.is_stopping:
            ready = supervisor.facts() | facts | {"seconds": round(time.monotonic() - began, 2)}
            _announce(ready, say, is_json=args.json, is_demo=is_demo)
            supervisor.watch()
        say("Stopping.")
    finally:
        supervisor.stop()
    say("Stopped. Everything entered is kept.")
    return 0


def _announce(ready: dict, say, *, is_json: bool, is_demo: bool) -> None:
    if is_json:
        print(json.dumps(ready), flush=True)
        return
    say(f"Vigil is ready: {ready['web']}  (devices: MLLP on {ready['mllp']})")
    for login, password, duties in ready["logins"]:
        say(f"  sign in as {login:<12} {password:<30} {duties}")
    if not ready["clinics"] and not is_demo:
        say(
            "There is no clinic in this database yet; `vigil clinic found` opens one, `vigil demo` makes a simulated one."
        )
    say("Ctrl-C stops it.")
