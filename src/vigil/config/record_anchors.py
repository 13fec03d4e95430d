"""`vigil record anchor`: write heads to places outside, read what comes back, keep other clinics' heads.

In: a place, a file. Out: files for the place, states in words; exit code 1 when something is refused, disputed or lost.
"""

import argparse
import json
import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

from vigil.config.one_clinic import add_flags, chosen_clinic, say_refused
from vigil.config.unfit import Unfit
from vigil.record.canonical import plain
from vigil.units.refusals import Refused

BY = "command"
"""Who acted, in the record: whoever may run commands on this machine."""

PLACE_WORDS = {
    "sheet": "count sheet", "mail": "mail", "clinic": "second clinic", "stamp": "time stamp",
}  # fmt: skip


def add_acts(acts: argparse._SubParsersAction) -> None:
    """Describe `anchor` and what it does."""
    anchor = acts.add_parser("anchor", help="write heads to places outside, and look after them")
    own = anchor.add_subparsers(dest="anchor_act", metavar="ACT", required=True)
    write = own.add_parser("write", help="write the heads as files for a place outside")
    write.add_argument("--place", required=True, choices=["mail", "clinic", "stamp"])
    write.add_argument("--to", metavar="DIR", required=True, help="folder for the files")
    write.add_argument("--address", default="", help="whom the mail is for")
    write.set_defaults(do=_write)
    stamped = own.add_parser("stamped", help="read the time stamp that came back for a heads file")
    stamped.add_argument("response", metavar="RESPONSE", help="the authority's answer (.tsr)")
    stamped.add_argument("--heads", metavar="FILE", required=True, help="the stamped heads file")
    stamped.add_argument(
        "--authority", metavar="PEM", help="its certificate: then openssl checks it"
    )
    stamped.set_defaults(do=_stamped)
    taken = own.add_parser("import", help="keep another clinic's heads file for it")
    taken.add_argument("file", metavar="FILE")
    taken.set_defaults(do=_import)
    held = own.add_parser("held", help="print the heads kept for other clinics")
    held.add_argument("--of", metavar="ID", help="only this clinic's")
    held.set_defaults(do=_held)
    checked = own.add_parser(
        "check", help="is an export of another clinic the record we keep heads of?"
    )
    checked.add_argument("export", metavar="EXPORT")
    checked.set_defaults(do=_check)
    status = own.add_parser("status", help="where the last anchors stand, and what they prove")
    status.set_defaults(do=_status)
    loss = own.add_parser("accept-loss", help="record why history went back, and go on from here")
    loss.add_argument("--reason", required=True)
    loss.set_defaults(do=_accept_loss)
    for each in (write, stamped, taken, held, checked, status, loss):
        add_flags(each)


def _write(args: argparse.Namespace) -> int:
    from django.db import transaction

    from vigil.record.anchors import anchor
    from vigil.record.clock import now
    from vigil.record.head_file import mail_with
    from vigil.record.time_stamp import request

    clinic, at, folder = chosen_clinic(args.clinic), now(), Path(args.to)
    if not folder.is_dir():
        raise Unfit(f"{folder} is no folder. Make it first, or name another with --to.")
    if "\n" in args.address or "\r" in args.address:
        raise Unfit("--address takes one line.")
    stem = folder / f"heads-{at:%Y%m%d-%H%M%S}"
    # Together or not at all: a file that cannot be written leaves no anchor behind that says it was.
    with transaction.atomic():
        found = anchor(
            clinic_id=clinic.clinic_id, clinic_name=clinic.name, place=args.place,
            detail=f"{stem.name} {args.address}".strip(), by=BY, at=at,
        )  # fmt: skip
        if isinstance(found, Refused):
            return say_refused(found)
        files = {stem.with_suffix(".json"): found.content}
        if args.place == "mail":
            files[stem.with_suffix(".eml")] = mail_with(
                found.content, clinic_id=clinic.clinic_id, clinic_name=clinic.name, heads=found.heads,
                to=args.address, at=at,
            )  # fmt: skip
        if args.place == "stamp":
            files[stem.with_suffix(".tsq")] = request(found.content, nonce=secrets.randbits(64))
        for path, content in files.items():
            _write_new(path, content)
    names = [str(path) for path in files]
    _say(args, {"anchor_id": str(found.anchor_id), "files": names, "place": args.place},
         [f"Wrote {name}" for name in names] + [NEXT_STEP[args.place]])  # fmt: skip
    return 0


NEXT_STEP = {
    "mail": "Open the .eml in a mail program and send it to somebody outside the clinic.",
    "clinic": "Give the file to the other clinic: there, vigil record anchor import FILE",
    "stamp": "Send the .tsq to a time-stamping authority; then: vigil record anchor stamped RESPONSE --heads FILE",
}


def _write_new(path: Path, content: bytes) -> None:
    try:
        with open(path, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Unfit(f"{path} could not be written: {error.strerror}.") from error


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Unfit(f"{path} could not be read: {error.strerror}.") from error


def _stamped(args: argparse.Namespace) -> int:
    from vigil.record.anchors import anchor_stamped
    from vigil.record.clock import now
    from vigil.record.time_stamp import read_response

    content = _read(args.heads)
    asked = Path(args.heads).with_suffix(".tsq")
    stamp = read_response(_read(args.response), content=content, asked=_read(str(asked)))
    if isinstance(stamp, Refused):
        return say_refused(stamp)
    how = _authority_says(args.response, asked, args.authority) if args.authority else "not checked"
    found = anchor_stamped(
        clinic_id=chosen_clinic(args.clinic).clinic_id, content=content,
        detail=f"stamped {plain(stamp.at)}, serial {stamp.serial}, authority {how}", by=BY, at=now(),
    )  # fmt: skip
    if isinstance(found, Refused):
        return say_refused(found)
    _say(args, {"anchor_id": str(found.anchor_id), "authority": how, "stamped_at": plain(stamp.at)},
         [f"Stamped at {plain(stamp.at)}; the authority's signature: {how}."])  # fmt: skip
    return 0


def _authority_says(response: str, asked: Path, certificate: str) -> str:
    """ "checked" when openssl finds the authority's signature sound; Unfit otherwise."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise Unfit("openssl is not installed here: leave --authority out, and check elsewhere.")
    ran = subprocess.run(
        [openssl, "ts", "-verify", "-queryfile", asked, "-in", response, "-CAfile", certificate],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ran.returncode != 0 or "Verification: OK" not in ran.stdout:
        raise Unfit(f"the authority's signature does not hold: {ran.stderr.strip()[-300:]}")
    return "checked"


def _import(args: argparse.Namespace) -> int:
    from vigil.record.anchors import hold
    from vigil.record.clock import now

    found = hold(
        clinic_id=chosen_clinic(args.clinic).clinic_id, content=_read(args.file), by=BY, at=now()
    )
    if isinstance(found, Refused):
        return say_refused(found)
    lines = [f"Kept {found.kept} new heads of {found.clinic_name} ({found.clinic_id})."]
    if found.is_key_new:
        lines.append(
            "LOOK: signed by a key that was not seen before. Ask them whether they rotated it."
        )
    for fact in found.disputed:
        lines.append(
            f"TWO HISTORIES: {fact.register} {fact.seq} was kept with another hash: {fact.hash}"
        )
    _say(args, {
        "clinic_id": str(found.clinic_id), "kept": found.kept, "is_key_new": found.is_key_new,
        "disputed": [fact.argument for fact in found.disputed],
    }, lines)  # fmt: skip
    return 1 if found.disputed else 0


def _held(args: argparse.Namespace) -> int:
    from uuid import UUID

    from vigil.record.anchors import held

    try:
        of = UUID(args.of) if args.of else None
    except ValueError as error:
        raise Unfit("--of takes the id of a clinic.") from error
    facts = held(chosen_clinic(args.clinic).clinic_id, of_clinic_id=of)
    _say(args, [plain(fact) | {"head": fact.argument} for fact in facts],
         [f"--head {fact.argument}{'  DISPUTED' if fact.is_disputed else ''}" for fact in facts]
         or ["No heads of other clinics are kept here."])  # fmt: skip
    return 1 if any(fact.is_disputed for fact in facts) else 0


def _check(args: argparse.Namespace) -> int:
    from vigil.record.anchors import held

    path = Path(args.export)
    facts = held(chosen_clinic(args.clinic).clinic_id)
    with open(path, "rb") if path.exists() else _unreadable(path) as file:
        try:
            of_clinic = json.loads(file.readline()).get("clinic_id")
            hashes = {(row.get("register"), row.get("seq")): row.get("hash")
                      for row in map(json.loads, file) if "entry" in row}  # fmt: skip
        except (ValueError, AttributeError, TypeError) as error:
            raise Unfit(f"{path} is no exported record. Run a verifier on it.") from error
    own = [fact for fact in facts if str(fact.of_clinic_id) == of_clinic]
    if not own:
        raise Unfit(
            f"no heads of the clinic {of_clinic} are kept here: there is nothing to compare."
        )
    bad = [fact for fact in own if hashes.get((fact.register, fact.seq)) != fact.hash]
    lines = [
        f"MISSING: {fact.register} {fact.seq} {fact.hash}, signed {fact.signed_at}" for fact in bad
    ]
    _say(args, {"clinic_id": of_clinic, "kept": len(own), "missing": [fact.argument for fact in bad]},
         lines or [f"The export holds all {len(own)} heads kept here. Verify the file itself too."])  # fmt: skip
    return 1 if bad else 0


def _unreadable(path: Path) -> Any:
    raise Unfit(f"{path} could not be read: there is no such file.")


def _status(args: argparse.Namespace) -> int:
    from vigil.record.anchors import guarantee, places
    from vigil.record.clock import now
    from vigil.record.own_heads import went_back

    clinic_id = chosen_clinic(args.clinic).clinic_id
    states = places(clinic_id, at=now())
    lost = went_back(clinic_id)
    lines = []
    for state in states:
        told = "never" if state.newest_at is None else f"{plain(state.newest_at)} ({state.detail})"
        lines.append(f"{PLACE_WORDS[state.place]:<14} {told}; {state.behind} acts of drugs since")
    lines.append(guarantee(states))
    lines += [loss_text(one) for one in lost]
    _say(
        args,
        {"places": plain(states), "guarantee": guarantee(states), "went_back": plain(lost)},
        lines,
    )
    return 1 if lost else 0


def loss_text(lost: Any) -> str:
    """One lost row in words."""
    how = "another row stands there now" if lost.has_other else "it is gone"
    return f"HISTORY WENT BACK: register {lost.register}, entry {lost.seq} was sealed here at {lost.kept_at}, and {how}."


def _accept_loss(args: argparse.Namespace) -> int:
    from vigil.record.clock import now
    from vigil.record.own_heads import accept_loss

    found = accept_loss(
        clinic_id=chosen_clinic(args.clinic).clinic_id, reason=args.reason, by=BY, at=now()
    )
    if isinstance(found, Refused):
        return say_refused(found)
    _say(
        args,
        {"lost": plain(found)},
        ["Recorded. What was lost is named in the record.", *map(loss_text, found)],
    )
    return 0


def _say(args: argparse.Namespace, facts: object, lines: list[str]) -> None:
    print(json.dumps(facts, sort_keys=True) if args.json else "\n".join(lines))
