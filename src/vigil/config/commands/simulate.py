"""`vigil simulate patient`: a simulated patient under a simulated monitor, sent through the gateway.

In: a chair, a seed, events to plant. Out: vital signs that answer the infusion of the session there, and the
comparison of what was sent with what is stored.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from vigil.config.commands.replay import Seat, add_feed_flags, feed, find_seat, set_up_django
from vigil.config.unfit import Unfit

if TYPE_CHECKING:
    from vigil.exchange.devices.replay import Due
    from vigil.exchange.devices.simulator import Monitor, SimulatedPatient
    from vigil.session.domain.facts import SessionState

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

    seat = find_seat(args)
    planted = Planted(
        surge_minute=args.surge_at,
        desaturation_minute=args.desaturation_at,
        dropout_minute=args.dropout_at,
    )
    patient = _with_pressure_at_check_in(draw_patient(args.seed, load_physiology()), seat)
    monitor = Monitor(patient=patient, planted=planted)
    minute = _minute(seat, speed=args.speed, from_now=args.from_now)
    total = int(args.minutes * 60)
    return feed(
        args,
        seat,
        name=f"simulated patient {args.seed}",
        due=_due(monitor, total=total, speed=args.speed, minute=minute),
        total=total,
        monitor=MONITOR,
    )


def _with_pressure_at_check_in(patient: "SimulatedPatient", seat: Seat) -> "SimulatedPatient":
    """The simulated patient, resting at the pressure that the session's nurse took."""
    found = _state(seat)
    if found is None or found.baseline_sbp is None or found.baseline_dbp is None:
        return patient
    return replace(patient, resting_sbp=found.baseline_sbp, resting_dbp=found.baseline_dbp)


def _state(seat: Seat) -> "SessionState | None":
    from vigil.record.clock import now
    from vigil.session.queries import state

    if seat.session_id is None or seat.clinic_id is None:
        return None
    return state(seat.session_id, clinic_id=seat.clinic_id, now=now())


def _due(
    monitor: "Monitor", *, total: int, speed: float, minute: Callable[[float], float]
) -> "Iterator[Due]":
    """One message each simulated second; what it says is read when it is sent."""
    from vigil.exchange.devices.replay import Due, whole_ms
    from vigil.record.clock import now

    for second in range(total):
        yield Due(
            after_seconds=second / speed,
            read=lambda before=(second - total) / 60: monitor.read(minute(before), whole_ms(now())),
        )


def _minute(seat: Seat, *, speed: float, from_now: bool) -> Callable[[float], float]:
    """Says which minute of the infusion it is; before the infusion, the (negative) minute it is given.

    The session is asked now and then whether its infusion has begun; from then on time runs at `speed`.
    """
    from vigil.record.clock import now
    from vigil.units.durations import elapsed

    # The server's clock, not the machine's: a test clock that jumps takes the simulated body with it.
    begun: tuple[float, datetime] | None = (0.0, now()) if from_now else None
    asked = -ASK_SECONDS

    def minute(before: float) -> float:
        nonlocal begun, asked
        if begun is None and time.monotonic() - asked >= ASK_SECONDS:
            asked = time.monotonic()
            found = _state(seat)
            if found is not None and found.started_at is not None:
                at = now()
                begun = elapsed(found.started_at, at).total_seconds() / 60, at
        if begun is None:
            return before
        return begun[0] + elapsed(begun[1], now()).total_seconds() * speed / 60

    return minute
