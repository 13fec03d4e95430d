"""`vigil simulate patient`: a simulated patient under a simulated monitor, sent through the gateway.

In: a chair, a seed, events to plant. Out: vital signs that answer the infusion of the session there, and the
comparison of what was sent with what is stored.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from vigil.config.commands.replay import Seat, add_feed_flags, feed, find_seat, set_up_django
from vigil.config.unfit import Unfit

if TYPE_CHECKING:
    from vigil.exchange.devices.replay import Due
    from vigil.exchange.devices.simulator import Monitor

MONITOR = "VIGIL-SIMULATED"
ASK_SECONDS = 2.0
"""How often the session is asked whether its infusion has begun."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("simulate", help="send vital signs of a simulated patient")
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    patient = kinds.add_parser(
        "patient",
        help="one patient at one chair",
        description="A simulated patient at rest until the infusion of the session begins, then answering it "
        "around published means. Minutes count from the start of the infusion.",
    )
    patient.add_argument("--minutes", type=float, default=120.0, help="how long (default: 120)")
    patient.add_argument("--seed", type=int, default=1, help="which patient (default: 1)")
    patient.add_argument("--surge-at", type=float, metavar="MIN", help="plant a pressure surge")
    patient.add_argument(
        "--desaturation-at", type=float, metavar="MIN", help="plant a fall of SpO2"
    )
    patient.add_argument(
        "--dropout-at", type=float, metavar="MIN", help="plant a probe that falls off"
    )
    patient.add_argument(
        "--from-now",
        action="store_true",
        help="as if the infusion began now, whatever the session says",
    )
    add_feed_flags(patient)


def run(args: argparse.Namespace) -> int:
    """Simulate, send, compare, print."""
    if args.speed == 0:
        raise Unfit("a simulated patient lives in time; `--speed max` is for replay.")
    if not 0 < args.minutes <= 24 * 60:
        raise Unfit(f"--minutes {args.minutes:g} is not more than 0 and at most a day.")
    set_up_django()
    from vigil.evidence.physiology import load_physiology
    from vigil.exchange.devices.simulator import Monitor, Planted, draw_patient
    from vigil.record.clock import now

    seat = find_seat(args)
    begun = now()
    started = (lambda: begun) if args.from_now else _infusion_start(seat)
    planted = Planted(
        surge_minute=args.surge_at,
        desaturation_minute=args.desaturation_at,
        dropout_minute=args.dropout_at,
    )
    monitor = Monitor(patient=draw_patient(args.seed, load_physiology()), planted=planted)
    total = int(args.minutes * 60)
    return feed(
        args,
        seat,
        name=f"simulated patient {args.seed}",
        due=_due(monitor, total=total, speed=args.speed, started=started),
        total=total,
        monitor=MONITOR,
    )


def _due(
    monitor: "Monitor", *, total: int, speed: float, started: Callable[[], datetime | None]
) -> "Iterator[Due]":
    """One message each simulated second, stamped when it is sent."""
    from vigil.exchange.devices.replay import Due, whole_ms
    from vigil.record.clock import now
    from vigil.units.durations import elapsed

    begun = time.monotonic()
    for second in range(total):
        after_seconds = second / speed
        # Read when it is due, so that a start of the infusion is answered at once.
        time.sleep(max(0.0, after_seconds - (time.monotonic() - begun)))
        at, since = now(), started()
        minute = (
            (second - total) / 60
            if since is None
            else elapsed(since, at).total_seconds() * speed / 60
        )
        values = monitor.read(minute, whole_ms(at))
        yield Due(after_seconds=after_seconds, values=values)


def _infusion_start(seat: Seat) -> Callable[[], datetime | None]:
    """Says when the session's infusion began, None before; asks the database now and then."""
    from vigil.record.clock import now
    from vigil.session.queries import state

    if seat.session_id is None or seat.clinic_id is None:
        return lambda: None
    session_id, clinic_id = seat.session_id, seat.clinic_id
    known: datetime | None = None
    asked = -ASK_SECONDS

    def started() -> datetime | None:
        nonlocal known, asked
        if known is None and time.monotonic() - asked >= ASK_SECONDS:
            asked = time.monotonic()
            found = state(session_id, clinic_id=clinic_id, now=now())
            known = None if found is None else found.started_at
        return known

    return started
