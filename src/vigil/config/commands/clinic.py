"""`vigil clinic ACT`: open a clinic; give people a sign-in, change it, end it; put chairs in.

In: names, duties, a password typed or on standard input. Out: one line (or JSON) that names what was done.
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
PHONE_LETTERS_MAX = 32


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("clinic", help="open a clinic; its staff and chairs")
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    found = acts.add_parser("found", help="open the clinic")
    found.add_argument("name", help="as it stands on every printed page")
    found.add_argument("--time-zone", required=True, help="such as America/New_York")
    found.add_argument(
        "--simulated", action="store_true", help="every patient of it is labelled as simulated"
    )
    found.add_argument(
        "--phone", default="", help="the number that patients call; their question pages show it"
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
    dismiss = acts.add_parser("dismiss", help="end a person's sign-in, now")
    dismiss.add_argument("login")
    password = acts.add_parser("password", help="give a person another password")
    password.add_argument("login")
    password.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )
    duties = acts.add_parser("duties", help="give a person exactly these duties")
    duties.add_argument("login")
    duties.add_argument("--duties", required=True, help="all of them, such as prepare,witness")
    for each in (found, employ, chair, dismiss, password, duties):
        each.add_argument("--json", action="store_true", help="print what was done as JSON")


def run(args: argparse.Namespace) -> int:
    """Do one of the acts, print what was done."""
    set_up_django()
    acts = {
        "found": _found, "employ": _employ, "chair": _chair,
        "dismiss": _dismiss, "password": _password, "duties": _duties,
    }  # fmt: skip
    made = acts[args.act](args)
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
    if len(args.phone) > PHONE_LETTERS_MAX:
        raise Unfit(f"--phone has more than {PHONE_LETTERS_MAX} letters.")
    clinic = found_clinic(
        name=args.name, time_zone=args.time_zone, is_simulated=args.simulated, phone=args.phone,
        at=now(),
    )  # fmt: skip
    return {"clinic": clinic.name, "clinic_id": str(clinic.clinic_id)}


def _employ(args: argparse.Namespace) -> dict[str, str]:
    from vigil.people.actions import employ
    from vigil.people.queries import is_login_taken
    from vigil.record.clock import now

    clinic = _the_clinic()
    duties = _read_duties(args.duties)
    if is_login_taken(args.login):
        raise Unfit(
            f"somebody signs in as {args.login!r} already, or did: a login is never given twice."
        )
    password = _new_password(args)
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


def _dismiss(args: argparse.Namespace) -> dict[str, str]:
    from vigil.people.actions import end_sign_in
    from vigil.record.clock import now

    person = _the_person(args.login)
    _done(end_sign_in(staff_id=person.staff_id, clinic_id=person.clinic_id, by="setup", at=now()))
    return {"dismissed": person.login, "staff_id": str(person.staff_id)}


def _password(args: argparse.Namespace) -> dict[str, str]:
    from vigil.people.actions import change_password
    from vigil.record.clock import now

    person = _the_person(args.login)
    password = _new_password(args)
    _done(
        change_password(
            staff_id=person.staff_id, clinic_id=person.clinic_id, password=password, by="setup",
            at=now(),
        )
    )  # fmt: skip
    return {"new password of": person.login, "staff_id": str(person.staff_id)}


def _duties(args: argparse.Namespace) -> dict[str, str]:
    from vigil.people.actions import change_duties
    from vigil.record.clock import now

    person = _the_person(args.login)
    duties = _read_duties(args.duties)
    _done(
        change_duties(
            staff_id=person.staff_id, clinic_id=person.clinic_id, duties=duties, by="setup",
            at=now(),
        )
    )  # fmt: skip
    return {
        "login": person.login,
        "duties": " ".join(sorted(duties)),
        "before": " ".join(sorted(person.duties)),
    }


def _done(refused: object) -> None:
    """Nothing, unless the act was refused."""
    if refused is not None:
        raise Unfit(refused.message)


def _the_person(login: str):
    """Who signs in with this login and still may."""
    from vigil.people.queries import staff_by_login

    found = staff_by_login(login, clinic_id=_the_clinic().clinic_id)
    if found is None:
        raise Unfit(f"nobody signs in as {login!r}.")
    person, is_active = found
    if not is_active:
        raise Unfit(f"the sign-in {login!r} has ended and does not come back.")
    return person


def _read_duties(text: str) -> list:
    from vigil.people.duties import Duty

    try:
        return sorted({Duty(word.strip()) for word in text.split(",")})
    except ValueError as error:
        raise Unfit(f"--duties: {error}; the duties are {', '.join(Duty)}.") from None


def _new_password(args: argparse.Namespace) -> str:
    password = sys.stdin.readline().rstrip("\n") if args.password_stdin else _typed_password()
    if len(password) < PASSWORD_LETTERS_MIN:
        raise Unfit(
            f"the password needs at least {PASSWORD_LETTERS_MIN} letters; nothing was changed."
        )
    return password


def _the_clinic():
    from vigil.people.queries import clinics

    found = clinics()
    if not found:
        raise Unfit("there is no clinic yet: `vigil clinic found NAME --time-zone ZONE` first.")
    return found[0]


def _typed_password() -> str:
    first = getpass.getpass("New password: ")
    if getpass.getpass("Once more: ") != first:
        raise Unfit("the two passwords differ; nothing was changed.")
    return first
