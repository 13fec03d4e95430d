"""`vigil custody balance`, `history`, `pack` and `invariants`: the book in words, as JSON, as papers, and whether it is sound.

In: a moment, a container, a period. Out: text, JSON, or files in a new folder. Nothing is written to the book.
"""

import argparse
import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from vigil.config.commands.replay import set_up_django
from vigil.config.one_clinic import add_flags, chosen_clinic
from vigil.config.unfit import Unfit

if TYPE_CHECKING:
    from vigil.custody.domain.facts import Container, ContainerStory
    from vigil.custody.domain.readings import Balance
    from vigil.people.domain.facts import Clinic


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("custody", help="balances, histories and papers of the book")
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    balance = acts.add_parser("balance", help="what every container held at an instant, or now")
    balance.add_argument(
        "--at", metavar="TIME", help="an ISO time with its zone, or a date (its end, by the clinic)"
    )
    balance.set_defaults(do=_balance)
    history = acts.add_parser("history", help="the whole life of one container")
    history.add_argument(
        "container", metavar="CONTAINER", help="its label, such as 20001-03, or id"
    )
    history.set_defaults(do=_history)
    pack = acts.add_parser("pack", help="the inspection pack of a period, as CSV and PDF")
    pack.add_argument("--from", dest="first", metavar="DAY", required=True, help="first day")
    pack.add_argument("--to", dest="last", metavar="DAY", required=True, help="last day, included")
    pack.add_argument("--out", metavar="DIR", required=True, help="a new or empty folder")
    pack.add_argument(
        "--registrant", default="", metavar="TEXT", help="name, number, address as registered"
    )
    pack.add_argument("--no-pdf", action="store_true", help="CSV alone, on a machine without Pango")
    pack.set_defaults(do=_pack)
    for each in (balance, history, pack):
        add_flags(each)
    invariants = acts.add_parser("invariants", help="ask whether all holds that must always hold")
    invariants.add_argument("--json", action="store_true", help="print the answers as JSON")
    invariants.set_defaults(do=_invariants)


def run(args: argparse.Namespace) -> int:
    """Do the act; a database that does not answer is said in words."""
    set_up_django()
    from django.db import OperationalError, ProgrammingError

    try:
        return int(args.do(args))
    except (OperationalError, ProgrammingError) as error:
        raise Unfit("the database does not answer. Start it with `vigil up`.") from error


# --- balance ---------------------------------------------------------------------------------------


def _balance(args: argparse.Namespace) -> int:
    from vigil.custody import queries
    from vigil.record.clock import now

    clinic = chosen_clinic(args.clinic)
    at = now() if args.at is None else read_moment(args.at, zone=ZoneInfo(clinic.time_zone))
    if at > now():
        raise Unfit(f"--at {args.at!r} has not come yet.")
    balances = queries.balance(clinic.clinic_id, at)
    if args.json:
        found = {
            "at": _utc(at),
            "clinic_id": str(clinic.clinic_id),
            "accounts": [_account(each) for each in balances],
        }
        print(json.dumps(found, ensure_ascii=False))
        return 0
    print("\n".join(_balance_words(clinic, at, balances)))
    return 0


def read_moment(text: str, *, zone: ZoneInfo) -> datetime:
    """The moment that the text says; a date is its last instant on the clinic's clock.

    Raises:
        Unfit: it is no ISO date or time, or a time without its zone.
    """
    try:
        if len(text) == len("2026-11-23"):
            after = date.fromisoformat(text) + timedelta(days=1)
            return datetime.combine(after, time(), tzinfo=zone) - timedelta(microseconds=1)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unfit(f"--at {text!r} is no ISO date or time, such as 2026-11-23T09:00:00Z") from None
    raise Unfit(f"--at {text!r} has no time zone; write 2026-11-23T09:00:00Z")


def _account(each: "Balance") -> dict[str, Any]:
    return {
        "account": each.account,
        "kind": each.kind,
        "label": each.label,
        "product": None if each.product is None else each.product.name,
        "lot": each.lot,
        "ug": each.ug,
    }


def _balance_words(clinic: "Clinic", at: datetime, balances: tuple["Balance", ...]) -> list[str]:
    from vigil.units.amounts import show_mg

    wall = at.astimezone(ZoneInfo(clinic.time_zone))
    lines = [f"{clinic.name}, {wall.isoformat(sep=' ', timespec='minutes')} ({clinic.time_zone})"]
    for each in balances:
        if each.product is not None and (each.ug or each.kind == "container"):
            where = each.label if each.kind == "container" else f"drawn from {each.label}"
            lines.append(
                f"  {where:<22} {show_mg(each.ug):>12}  {each.product.name}, lot {each.lot}"
            )
    return lines if len(lines) > 1 else [*lines, "  nothing had been received"]


# --- history ---------------------------------------------------------------------------------------


def _history(args: argparse.Namespace) -> int:
    from vigil.custody import queries

    clinic = chosen_clinic(args.clinic)
    found = _container(args.container, clinic.clinic_id)
    story = queries.history(found.container_id, clinic_id=clinic.clinic_id)
    assert story is not None, "the container was found a moment ago"
    if args.json:
        print(json.dumps(_story(story), ensure_ascii=False))
        return 0
    print("\n".join(_story_words(story, ZoneInfo(clinic.time_zone))))
    return 0


def _container(asked: str, clinic_id: UUID) -> "Container":
    from vigil.custody import queries

    for each in queries.containers(clinic_id):
        if asked in (each.label, str(each.container_id)):
            return each
    raise Unfit(f"no container {asked!r} is in this book. `vigil custody balance` lists them.")


def _story(story: "ContainerStory") -> dict[str, Any]:
    held = story.container
    return {
        "container_id": str(held.container_id),
        "label": held.label,
        "product": held.product.name,
        "lot": held.lot,
        "expires_on": held.expires_on.isoformat(),
        "place": held.place.name,
        "status": held.status,
        "filled_ug": held.filled_ug,
        "remaining_ug": held.remaining_ug,
        "acts": [
            {
                "act_id": str(line.act_id),
                "kind": line.kind,
                "at": _utc(line.at),
                "recorded_at": _utc(line.recorded_at),
                "text": line.text,
                "change_ug": line.change_ug,
                "balance_ug": line.balance_ug,
                "in_syringes_ug": line.in_syringes_ug,
                "by": line.by_name,
                "witness": line.witness_name,
                "reason": line.reason,
            }
            for line in story.lines
        ],
    }


def _story_words(story: "ContainerStory", zone: ZoneInfo) -> list[str]:
    from vigil.units.amounts import show_mg

    held = story.container
    lines = [f"{held.label}, {held.product.name}, lot {held.lot}, {held.place.name}, {held.status}"]
    for line in story.lines:
        when = line.at.astimezone(zone).isoformat(sep=" ", timespec="minutes")
        signed = (
            line.by_name if line.witness_name is None else f"{line.by_name}, {line.witness_name}"
        )
        lines.append(f"  {when}  {line.text}  [{signed}]  {show_mg(line.balance_ug)}")
    return [*lines, f"  now {show_mg(held.remaining_ug)}"]


# --- pack ------------------------------------------------------------------------------------------


def _pack(args: argparse.Namespace) -> int:
    from vigil.record.clock import now
    from vigil.web.custody_pack import pack_of
    from vigil.web.custody_papers import days_of, files_of
    from vigil.web.papers import NoPdf

    clinic = chosen_clinic(args.clinic)
    first, last = _day(args.first, "--from"), _day(args.last, "--to")
    if last < first:
        raise Unfit(f"--to {args.last} lies before --from {args.first}.")
    days = days_of(first, last, zone=ZoneInfo(clinic.time_zone))
    folder = _new_folder(Path(args.out))
    found = pack_of(clinic.clinic_id, days.period, registrant=args.registrant, made_at=now())
    try:
        files = files_of(found, days, with_pdf=not args.no_pdf)
    except NoPdf as error:
        raise Unfit(f"{error} Here: --no-pdf.") from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise Unfit(f"{folder} could not be written: {error.strerror}.") from error
    if found.unexplained_ug:
        raise Unfit(
            f"the sums do not close by {found.unexplained_ug} µg: a fault of the software. "
            f"The files are in {folder}; do not hand them out before it is looked into."
        )
    if args.json:
        print((folder / "pack.json").read_text(encoding="utf-8"))
    else:
        print(f"Wrote {len(files)} files to {folder}. The sums close to the microgram.")
    return 0


# --- invariants ------------------------------------------------------------------------------------


def _invariants(args: argparse.Namespace) -> int:
    """Over the whole database: an invariant that held for one clinic alone would be none."""
    from vigil.custody.invariants import INVARIANTS, broken

    found = broken()
    if args.json:
        rows = [
            {
                "name": each.name,
                "says": each.says,
                "sql": " ".join(each.sql.split()),
                "broken": [
                    {"what": one.what, "detail": one.detail}
                    for one in found
                    if one.invariant == each.name
                ],
            }
            for each in INVARIANTS
        ]
        print(json.dumps(rows, ensure_ascii=False))
    else:
        for each in INVARIANTS:
            bad = [one for one in found if one.invariant == each.name]
            print(f"{'BROKEN' if bad else 'holds':<7} {each.name:<24} {each.says}")
            for one in bad:
                print(f"{'':<8}{one.what}: {one.detail}")
    return 1 if found else 0


def _day(text: str, flag: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise Unfit(f"{flag} {text!r} is no day, such as 2026-11-23.") from None
    if not 1900 <= found.year < 2200:
        raise Unfit(f"{flag} {text!r} lies outside any clinic's days.")
    return found


def _new_folder(folder: Path) -> Path:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Unfit(
            f"{folder} holds something already; nothing was overwritten. Choose a new folder."
        )
    return folder


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
