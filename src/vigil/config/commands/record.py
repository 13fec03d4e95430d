"""`vigil record`: export the record of a clinic, show its heads, write them to places outside, rotate the key.

In: an act and, when there are several clinics, which. Out: files, heads, states; exit code 1 when something is refused or wrong.
"""

import argparse
import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from vigil.config import record_anchors
from vigil.config.one_clinic import add_flags, chosen_clinic
from vigil.config.unfit import Unfit
from vigil.record.canonical import plain


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser(
        "record", help="export the sealed record, show and keep its heads"
    )
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    one = acts.add_parser("export", help="write the record as one file that anyone can verify")
    one.add_argument("file", metavar="FILE", help="a new file; an existing one is not overwritten")
    one.set_defaults(do=lambda args: export(Path(args.file), clinic=args.clinic, as_json=args.json))
    shown = acts.add_parser("heads", help="print the current heads, signed, with their words")
    shown.set_defaults(do=lambda args: heads(clinic=args.clinic, as_json=args.json))
    key = acts.add_parser("key", help="print the public keys; `key rotate` makes a new one")
    key.add_argument("change", nargs="?", choices=["rotate"], help="put a new private key in place")
    key.set_defaults(
        do=lambda args: key_act(clinic=args.clinic, change=args.change, as_json=args.json)
    )
    record_anchors.add_acts(acts)
    for each in (one, shown, key):
        add_flags(each)


def run(args: argparse.Namespace) -> int:
    """Do the act; a database that does not answer is said in words."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vigil.config.settings")
    django.setup()
    from django.db import OperationalError

    from vigil.record.signing import KeyUnusable

    try:
        return int(args.do(args))
    except OperationalError as error:
        raise Unfit("the database does not answer. Start it with `vigil up`.") from error
    except KeyUnusable as error:
        raise Unfit(str(error)) from error


def heads(*, clinic: str | None, as_json: bool) -> int:
    """Sign and print the heads as they stand now."""
    from vigil.record.actions import CARE, seal
    from vigil.record.clock import now
    from vigil.record.head_file import head_argument
    from vigil.record.heads import sign_heads
    from vigil.record.queries import heads as heads_now
    from vigil.record.words import words_of

    one = chosen_clinic(clinic)
    seal(clinic_id=one.clinic_id, register=CARE)
    signed = {
        head.register: head
        for head in sign_heads(clinic_id=one.clinic_id, at=now(), reason="asked")
    }
    rows = []
    for head in heads_now(one.clinic_id):
        by = signed.get(head.register)
        rows.append(
            {
                "register": head.register, "seq": head.seq, "hash": head.hash,
                "words": words_of(head.hash) if head.seq else None,
                "sealed_at": text_of(head.sealed_at),
                "head": head_argument(one.clinic_id, head.register, head.seq, head.hash),
                "key_id": by.key_id if by else None,
                "signature": by.signature if by else None,
                "signed_at": text_of(by.signed_at) if by else None,
            }
        )  # fmt: skip
    if as_json:
        print(json.dumps({"clinic_id": str(one.clinic_id), "heads": rows}, sort_keys=True))
        return 0
    for row in rows:
        print(f"{row['register']:<8} {row['seq']:>8} entries  {row['hash']}")
        if row["seq"]:
            print(f"         words    {row['words']}")
            print(f"         signed   {row['signed_at'] or 'not signed: no key here'}")
    print("Write them down outside this machine, or: vigil record anchor write --help")
    return 0


def key_act(*, clinic: str | None, change: str | None, as_json: bool) -> int:
    """Print the public keys that signed for the clinic; with `rotate`, make a new private key first."""
    from vigil.record.clock import now
    from vigil.record.heads import keys_of, sign_heads
    from vigil.record.signing import own_key, rotate_key

    one = chosen_clinic(clinic)
    if change == "rotate":
        # The old key's last word, so that nothing stands between the two unsigned.
        sign_heads(clinic_id=one.clinic_id, at=now(), reason="asked")
        rotate_key()
        sign_heads(clinic_id=one.clinic_id, at=now(), reason="asked")
    own = own_key()
    rows = [
        {
            "key_id": key.key_id, "public_key": key.public_key, "made_at": text_of(key.made_at),
            "is_current": own is not None and own.key_id == key.key_id,
        }
        for key in keys_of(one.clinic_id)
    ]  # fmt: skip
    if as_json:
        print(json.dumps({"clinic_id": str(one.clinic_id), "keys": rows}, sort_keys=True))
    else:
        for row in rows:
            now_or_before = "signs now" if row["is_current"] else "signed before"
            print(f"{row['public_key']}  {now_or_before}, since {row['made_at']}")
        print("Write them down outside this machine; the verifiers take them as --key.")
    return 0


def text_of(at: datetime | None) -> str | None:
    """A moment as the record writes it."""
    return None if at is None else str(plain(at))


def export(path: Path, *, clinic: str | None, as_json: bool) -> int:
    """Write the file whole or not at all, and print its heads."""
    from vigil.record.export import export_record

    clinic_id = chosen_clinic(clinic).clinic_id
    # Written beside its place first, so that a broken export never looks like a record.
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(partial, "xb") as file:
            found = export_record(clinic_id, file)
            file.flush()
            os.fsync(file.fileno())
        # A link, not a rename: it fails when the name is taken.
        os.link(partial, path)
    except FileExistsError as error:
        raise Unfit(
            f"{path} exists already; nothing was overwritten. Choose a new name."
        ) from error
    except OSError as error:
        raise Unfit(f"{path} could not be written: {error.strerror}.") from error
    finally:
        partial.unlink(missing_ok=True)
    _say(path, clinic_id, found, as_json=as_json)
    return 0


def _say(path: Path, clinic_id: UUID, found: Any, *, as_json: bool) -> None:
    if as_json:
        answer = {
            "clinic_id": str(clinic_id),
            "count": found.count,
            "file": str(path),
            "heads": {head.register: {"hash": head.hash, "seq": head.seq} for head in found.heads},
            "sha256": found.sha256,
        }
        print(json.dumps(answer, sort_keys=True))
        return
    print(f"Wrote {found.count} entries to {path}.")
    for head in found.heads:
        print(f"  {head.register:<8} {head.seq:>8} entries, head {head.hash}")
    print("Write the heads down outside this machine; then check the file with")
    print(f"  python verifier/verify.py {path} --head HASH")
    sys.stdout.flush()
