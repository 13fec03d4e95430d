"""`vigil session samples SESSION`: every stored sample of a session, with its times.

In: a session id. Out: CSV, JSON or a short table on standard output; nothing is left out.
"""

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import UUID

from vigil.config.commands.replay import set_up_django
from vigil.config.unfit import Unfit

if TYPE_CHECKING:
    from vigil.session.domain.facts import MetricSample

COLUMNS = (
    "sample_id", "metric", "value", "unit", "quality", "source", "measured_at", "measured_at_source",
    "received_at", "recorded_at", "device", "location", "sub_id", "message_id",
)  # fmt: skip


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("session", help="print what is stored of a session")
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    samples = acts.add_parser("samples", help="every stored sample with its three times")
    samples.add_argument("session", metavar="SESSION", help="id of the session")
    form = samples.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="as CSV (the default)")
    form.add_argument("--json", action="store_true", help="as one JSON list")


def run(args: argparse.Namespace) -> int:
    """Print every sample of the session, in the server's sequence."""
    try:
        session_id = UUID(args.session)
    except ValueError:
        raise Unfit(f"{args.session!r} is not the id of a session.") from None
    set_up_django()
    from django.db import OperationalError, ProgrammingError

    try:
        clinic_id = _clinic_of(session_id)
        rows = _rows(session_id, clinic_id)
        _print(rows, as_json=args.json)
    except (OperationalError, ProgrammingError) as error:
        raise Unfit("the database does not answer. Start it with `vigil up`.") from error
    return 0


def _clinic_of(session_id: UUID) -> UUID:
    from vigil.people.queries import clinics
    from vigil.record.clock import now
    from vigil.session.queries import state

    for clinic in clinics():
        if state(session_id, clinic_id=clinic.clinic_id, now=now()) is not None:
            return clinic.clinic_id
    raise Unfit(f"no session {session_id} is known here.")


def _rows(session_id: UUID, clinic_id: UUID) -> Iterator[dict[str, object]]:
    from vigil.session.queries import samples

    after_id = 0
    while page := samples(session_id, clinic_id=clinic_id, after_id=after_id):
        yield from (_row(sample) for sample in page)
        after_id = page[-1].sample_id


def _row(sample: "MetricSample") -> dict[str, object]:
    from vigil.exchange.devices.decimals import show_milli

    value = "" if sample.value_milli is None else show_milli(sample.value_milli)
    return {
        "sample_id": sample.sample_id,
        "metric": sample.metric,
        "value": value,
        "unit": sample.unit,
        "quality": sample.quality,
        "source": sample.source,
        "measured_at": sample.measured_at.isoformat(timespec="milliseconds"),
        "measured_at_source": sample.measured_at_source,
        "received_at": sample.received_at.isoformat(timespec="milliseconds"),
        "recorded_at": sample.recorded_at.isoformat(timespec="milliseconds"),
        "device": sample.device,
        "location": sample.location,
        "sub_id": sample.sub_id,
        "message_id": sample.message_id,
    }


def _print(rows: Iterator[dict[str, object]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([_with_null(row) for row in rows], indent=1))
        return
    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _with_null(row: dict[str, object]) -> dict[str, object]:
    """A value that is not there is null in JSON and an empty cell in CSV."""
    return {**row, "value": row["value"] or None}
