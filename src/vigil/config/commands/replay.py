"""`vigil replay RECORD`: play recorded vital signs into a chair, and compare sample for sample.

In: a recording and a chair. Out: every value through the gateway, and each difference between what was sent
and what is stored; exit code 1 when there is one.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from vigil.config.unfit import Unfit

if TYPE_CHECKING:
    from vigil.exchange.devices.replay import Comparison, Due, Played

MONITOR = "VIGIL-REPLAY"
FASTEST = 10_000.0


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "replay",
        help="play recorded vital signs into a chair and compare what was stored",
        description="Plays a recording (a *_Numerics.csv or WFDB numerics record) as a monitor would, through "
        "the device gateway, and compares what was sent with what is stored, sample for sample.",
    )
    parser.add_argument(
        "record",
        metavar="RECORD",
        help="a file, or a name found under ./data, ../shared/data or $VIGIL_DATA",
    )
    parser.add_argument(
        "--start",
        choices=("now", "NOW", "as-recorded"),
        default="now",
        help="stamp values so that the last is measured as it is sent, or with the recording's own date "
        "(default: now)",
    )
    add_feed_flags(parser)


def add_feed_flags(parser: argparse.ArgumentParser) -> None:
    """Flags shared with `vigil simulate patient`."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--chair", metavar="NAME", help="chair; may be left out when one is in use")
    place.add_argument(
        "--location", metavar="UNIT^ROOM^BED", help="the place to send, instead of a chair's"
    )
    parser.add_argument(
        "--speed", type=_speed, default=1.0, help="times faster than real time, or `max` (replay)"
    )
    parser.add_argument("--host", default="127.0.0.1", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help="port of the gateway (default: VIGIL_MLLP_PORT)")
    parser.add_argument(
        "--no-compare", action="store_true", help="do not compare with what is stored"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _speed(text: str) -> float:
    if text == "max":
        return 0.0
    try:
        speed = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number or `max`") from None
    if not 0 < speed <= FASTEST:
        raise argparse.ArgumentTypeError(f"{text} is not more than 0 and at most {FASTEST:g}")
    return speed


def run(args: argparse.Namespace) -> int:
    """Play, compare, print."""
    from vigil.exchange.devices.recordings import (
        RecordUnreadable,
        find_recording,
        read_recording,
    )

    try:
        recording = read_recording(find_recording(args.record, folders=data_folders()))
    except RecordUnreadable as error:
        raise Unfit(str(error)) from error
    as_recorded = args.start == "as-recorded"
    if as_recorded and recording.started_at is None:
        raise Unfit(f"{recording.name} has no date of its own. Use --start now.")
    if not args.json and recording.not_sent:
        say(f"Not sent, no code in the device table: {', '.join(recording.not_sent)}.")
    set_up_django()
    from vigil.exchange.devices.replay import due_rows, stamped_from
    from vigil.record.clock import now

    seat = find_seat(args)
    started_at = stamped_from(recording, now=now(), speed=args.speed)
    if as_recorded and recording.started_at:
        started_at = recording.started_at
    due = due_rows(
        recording,
        started_at=started_at,
        speed=args.speed,
        keep_times=as_recorded,
    )
    return feed(
        args, seat, name=recording.name, due=due, total=len(recording.rows), monitor=MONITOR
    )


def data_folders() -> tuple[Path, ...]:
    """Where recordings are looked for."""
    named = os.environ.get("VIGIL_DATA")
    return (
        *([Path(named)] if named else []),
        Path("data"),
        Path("../shared/data"),
    )


def say(text: str) -> None:
    """A line for the person at the terminal; results go to standard output."""
    print(text, file=sys.stderr, flush=True)


def set_up_django() -> None:
    """Make the rooms readable from a command."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vigil.config.settings")
    django.setup()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Where the messages go: a place, and the session there (None when nothing is to be compared)."""

    location: str
    clinic_id: UUID | None
    session_id: UUID | None


def find_seat(args: argparse.Namespace) -> Seat:
    """The place to send to and the session that is open there."""
    from django.db import OperationalError, ProgrammingError

    if args.location and args.no_compare:
        return Seat(location=args.location, clinic_id=None, session_id=None)
    try:
        return _seat_in_database(args)
    except (OperationalError, ProgrammingError) as error:
        raise Unfit(
            "the database does not answer. Start it with `vigil up`, or use --location and --no-compare."
        ) from error


def _seat_in_database(args: argparse.Namespace) -> Seat:
    from vigil.people.queries import clinics
    from vigil.session.queries import chairs, open_sessions

    known = [(clinic, chair) for clinic in clinics() for chair in chairs(clinic.clinic_id)]
    in_use = {
        session.chair_id: session
        for clinic in clinics()
        for session in open_sessions(clinic.clinic_id)
    }
    if args.chair:
        wanted = [pair for pair in known if pair[1].name == args.chair]
    elif args.location:
        wanted = [pair for pair in known if pair[1].device_location == args.location]
    else:
        wanted = [pair for pair in known if pair[1].chair_id in in_use]
    names = ", ".join(chair.name for _, chair in known) or "none"
    if len(wanted) != 1:
        asked = args.chair or args.location
        raise Unfit(
            f"no chair {asked!r}. Chairs: {names}."
            if asked
            else f"{len(wanted)} chairs are in use. Name one with --chair. Chairs: {names}."
        )
    clinic, chair = wanted[0]
    session = in_use.get(chair.chair_id)
    if session is None and not args.no_compare:
        raise Unfit(
            f"no session is open at {chair.name}, so there is nothing to compare with. Check a "
            "patient in there first, or use --no-compare."
        )
    return Seat(
        location=chair.device_location,
        clinic_id=clinic.clinic_id,
        session_id=session.session_id if session else None,
    )


def feed(
    args: argparse.Namespace,
    seat: Seat,
    *,
    name: str,
    due: "Iterable[Due]",
    total: int,
    monitor: str,
) -> int:
    """Send all, wait for every answer, compare, print; the exit code."""
    from django.conf import settings

    from vigil.exchange.devices.codes import load_codes
    from vigil.exchange.devices.replay import play
    from vigil.exchange.devices.sender import NoGateway, Sender
    from vigil.record.clock import new_id, now

    # The random end of the id, not its time: two plays begun together must differ.
    run_id = new_id().hex[-12:].upper()
    port = settings.MLLP_PORT if args.port is None else args.port
    sender = Sender(host=args.host, port=port)
    if not args.json:
        say(f"Playing {name} into {seat.location} on port {port}. Ctrl-C stops.")
    try:
        played = play(
            due,
            total=total,
            sender=sender,
            codes=load_codes(),
            run_id=run_id,
            monitor=monitor,
            location=seat.location,
            clock=now,
            progress=_progress(args),
        )
    except NoGateway as error:
        raise Unfit(str(error)) from error
    finally:
        sender.close()
    comparison = None if args.no_compare else compare_stored(played, seat, run_id=run_id)
    _report(args, name=name, seat=seat, played=played, comparison=comparison, run_id=run_id)
    if played.refused or (comparison is not None and not comparison.is_equal):
        return 1
    return 130 if played.is_stopped else 0


def _progress(args: argparse.Namespace) -> "Callable[[Played], None]":
    last = 0.0

    def progress(played: "Played") -> None:
        nonlocal last
        is_last = played.messages == played.total
        if args.json or (time.monotonic() - last < 1.0 and not is_last):
            return
        last = time.monotonic()
        share = 100 * played.messages // max(played.total, 1)
        say(
            f"  {share:3d} %  {played.messages} of {played.total} messages sent, "
            f"{played.acknowledged} acknowledged, {len(played.refused)} refused, "
            f"{played.resent} sent again"
        )

    return progress


def compare_stored(played: "Played", seat: Seat, *, run_id: str) -> "Comparison":
    """What was sent against what the session holds now."""
    from vigil.exchange.devices.replay import compare
    from vigil.session.queries import samples

    assert seat.session_id is not None
    stored, after_id = [], 0
    while page := samples(seat.session_id, clinic_id=seat.clinic_id, after_id=after_id):
        stored += page
        after_id = page[-1].sample_id
    return compare(played.expected, stored, run_id=run_id)


def _report(
    args: argparse.Namespace,
    *,
    name: str,
    seat: Seat,
    played: "Played",
    comparison: "Comparison | None",
    run_id: str,
) -> None:
    if args.json:
        facts = {
            "name": name,
            "run": run_id,
            "location": seat.location,
            "session": None if seat.session_id is None else str(seat.session_id),
            "messages": played.messages,
            "values": played.values,
            "acknowledged": played.acknowledged,
            "refused": played.refused,
            "sent_again": played.resent,
            "stopped": played.is_stopped,
            "notes": sorted(played.notes),
            "comparison": None
            if comparison is None
            else {**asdict(comparison), "is_equal": comparison.is_equal},
        }
        print(json.dumps(facts, indent=2))
        return
    for note in sorted(played.notes):
        say(f"The gateway says: {note}")
    for control_id, reason in list(played.refused.items())[:10]:
        say(f"Refused: {control_id}: {reason}")
    print(
        f"{name}: {played.messages} messages with {played.values} values, {played.acknowledged} acknowledged."
    )
    if comparison is None:
        return
    for line in comparison.differences:
        print(f"  {line}")
    verdict = "Equal" if comparison.is_equal else "DIFFERENT"
    print(
        f"{verdict}: {comparison.sent} samples to store, {comparison.stored} stored, "
        f"{comparison.missing} missing, {comparison.extra} extra, {comparison.different} different. "
        f"{comparison.without_value} without a value, {comparison.gated} kept but not believed."
    )
