"""`vigil claim report`: the claim report in words or as JSON, derived again from the record.

In: a moment (now, when none is named) and a clinic (the only one, when none is named). Out: the report.
"""

import argparse
import dataclasses
import json
import os
import sys
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from vigil.config.unfit import Unfit


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("claim", help="the claim report: is dependence rare here?")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    report = verbs.add_parser("report", help="print the report")
    report.add_argument(
        "--at", metavar="TIME", help="as of this ISO time with its zone, or a date (its end, UTC)"
    )
    report.add_argument(
        "--clinic", metavar="ID", help="id or name of the clinic, when there are several"
    )
    report.add_argument("--json", action="store_true", help="print every number as JSON")


def run(args: argparse.Namespace) -> int:
    """Derive the report and print it."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vigil.config.settings")
    django.setup()
    from vigil.people import queries as people
    from vigil.record import clock
    from vigil.surveillance import queries

    clinic = _chosen(people.clinics(), args.clinic)
    at = clock.now() if args.at is None else parse_moment(args.at)
    report = queries.claim(clinic.clinic_id, now=at)
    if args.json:
        json.dump(as_json(report), sys.stdout, indent=2, ensure_ascii=False)
        print()
    else:
        print("\n".join(in_words(report)))
    return 0


def parse_moment(text: str) -> datetime:
    """The moment that the text says.

    Raises:
        Unfit: it is no ISO date or time, or a time without its zone.
    """
    try:
        if len(text) == len("2026-11-23"):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, 23, 59, 59, 999999, tzinfo=UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Unfit(f"--at {text!r} is no ISO date or time, such as 2026-11-23T09:00:00Z") from None
    if moment.tzinfo is None:
        raise Unfit(f"--at {text!r} has no time zone; write 2026-11-23T09:00:00Z")
    return moment


def as_json(value: Any) -> Any:
    """The report as JSON kinds; times in UTC, exact counts as whole numbers."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, tuple | list):
        return [as_json(item) for item in value]
    return value


def in_words(report: Any) -> list[str]:
    """The report in a few lines; the page says it all."""
    claim = report.claim
    lines = [
        f"{report.clinic_name}{' (simulated data)' if report.is_simulated else ''}, "
        f"as of {as_json(report.at)}",
        claim.verdict,
        f"{claim.events} confirmed cases in {claim.person_years:.2f} patient-years "
        f"of {report.patients_treated} treated patients",
    ]
    if report.years_missing_as_seen:
        lines.append(f"{report.years_missing_as_seen:.2f} more patient-years are needed at least")
    if claim.years_missing:
        lines.append(
            f"{claim.years_missing:.2f} more with detection {report.sensitivity:g}, as our rule asks"
        )
    if claim.upper_per_100 is not None:
        lines.append(f"the rate may be up to {claim.upper_per_100:.2f} per 100 patient-years")
    return lines + [f"open: {reason}" for reason in claim.reasons]


def _chosen(clinics: tuple[Any, ...], wanted: str | None) -> Any:
    named = [one for one in clinics if wanted in (None, str(one.clinic_id), one.name)]
    if len(named) == 1:
        return named[0]
    names = ", ".join(f"{one.name} ({one.clinic_id})" for one in clinics) or "none"
    raise Unfit(f"Name one clinic with --clinic. Here: {names}")
