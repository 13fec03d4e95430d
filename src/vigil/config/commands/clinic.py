"""`vigil clinic found | employ | chair`: open a clinic, give people a sign-in, put chairs in it.

In: names, duties, a password typed or on standard input. Out: one line (or JSON) that names what was made.
The first clinic and the first person can only come from here: whoever runs this already holds the machine.
"""

import argparse
import getpass
import json
import sys
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from vigil.config.commands.replay import set_up_django
from vigil.config.unfit import Unfit

PASSWORD_LETTERS_MIN = 15


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("clinic", help="open a clinic; add its staff and chairs")
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    found = acts.add_parser("found", help="open the clinic")
    found.add_argument("name", help="as it stands on every printed page")
    found.add_argument("--time-zone", required=True, help="such as America/New_York")
    found.add_argument(
        "--simulated", action="store_true", help="every patient of it is labelled as simulated"
    )
    employ = acts.add_parser("employ", help="give a person a sign-in and duties")
    employ.add_argument("login")
    employ.add_argument("--name", required=True, help="the person's own name")
    employ.add_argument("--duties", required=True, help="such as prepare,witness,give,monitor")
    employ.add_argument(
        "--password-stdin", action="store_true", help="read the first password from standard input"
    )
    chair = acts.add_parser("chair", help="add a chair")
    chair.add_argument("name", help="such as 'Chair 1'")
    chair.add_argument(
        "--location", required=True, metavar="UNIT^ROOM^BED", help="the place its monitor sends"
    )
    for each in (found, employ, chair):
        each.add_argument("--json", action="store_true", help="print what was made as JSON")


def run(args: argparse.Namespace) -> int:
    """Do one of the three, print what was made."""
    set_up_django()
    made = {"found": _found, "employ": _employ, "chair": _chair}[args.act](args)
    if args.json:
        print(json.dumps(made))
    else:
        print(", ".join(f"{name} {value}" for name, value in made.items()))
    return 0


def _found(args: argparse.Namespace) -> dict[str, str]:
    from vigil.people.actions import found_clinic
    from vigil.people.queries import clinics
    from vigil.record.clock import now

    if clinics():
        raise Unfit(f"this database holds a clinic already: {clinics()[0].name}.")
    try:
        ZoneInfo(args.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise Unfit(
            f"--time-zone {args.time_zone!r} is not a time zone, such as Europe/Berlin."
        ) from None
    clinic = found_clinic(
        name=args.name, time_zone=args.time_zone, is_simulated=args.simulated, at=now()
    )
    return {"clinic": clinic.name, "clinic_id": str(clinic.clinic_id)}


def _employ(args: argparse.Namespace) -> dict[str, str]:
    from vigil.people.actions import employ
    from vigil.people.duties import Duty
    from vigil.people.queries import staff_of
    from vigil.record.clock import now

    clinic = _the_clinic()
    try:
        duties = [Duty(word.strip()) for word in args.duties.split(",")]
    except ValueError as error:
        raise Unfit(f"--duties: {error}; the duties are {', '.join(Duty)}.") from None
    if any(each.login == args.login for each in staff_of(clinic.clinic_id)):
        raise Unfit(f"somebody signs in as {args.login!r} already.")
    password = sys.stdin.readline().rstrip("\n") if args.password_stdin else _typed_password()
    if len(password) < PASSWORD_LETTERS_MIN:
        raise Unfit(
            f"the password needs at least {PASSWORD_LETTERS_MIN} letters; nobody was added."
        )
    made = employ(
        clinic_id=clinic.clinic_id, login=args.login, name=args.name, duties=duties,
        password=password, by="setup", at=now(),
    )  # fmt: skip
    return {"login": made.login, "staff_id": str(made.staff_id), "duties": " ".join(sorted(duties))}


def _chair(args: argparse.Namespace) -> dict[str, str]:
    from vigil.record.clock import now
    from vigil.session.actions import add_chair
    from vigil.units.refusals import Refused

    chair = add_chair(
        clinic_id=_the_clinic().clinic_id, name=args.name, device_location=args.location,
        by="setup", at=now(),
    )  # fmt: skip
    if isinstance(chair, Refused):
        raise Unfit(chair.message)
    return {"chair": chair.name, "chair_id": str(chair.chair_id), "location": chair.device_location}


def _the_clinic():
    from vigil.people.queries import clinics

    found = clinics()
    if not found:
        raise Unfit("there is no clinic yet: `vigil clinic found NAME --time-zone ZONE` first.")
    return found[0]


def _typed_password() -> str:
    first = getpass.getpass("First password: ")
    if getpass.getpass("Once more: ") != first:
        raise Unfit("the two passwords differ; nobody was added.")
    return first
