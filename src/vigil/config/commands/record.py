"""`vigil record export FILE`: write the whole record of a clinic, for anyone to check without Vigil.

In: a file name and, when there are several clinics, which. Out: the file, its heads, its hash.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from vigil.config.unfit import Unfit


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("record", help="export the sealed record of a clinic")
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    export = acts.add_parser("export", help="write the record as one file that anyone can verify")
    export.add_argument(
        "file", metavar="FILE", help="a new file; an existing one is not overwritten"
    )
    export.add_argument("--clinic", metavar="ID", help="which clinic, when there are several")
    export.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Write the file whole or not at all, and print its heads."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vigil.config.settings")
    django.setup()
    return export(Path(args.file), clinic=args.clinic, as_json=args.json)


def export(path: Path, *, clinic: str | None, as_json: bool) -> int:
    """Write the file whole or not at all, and print its heads."""
    from django.db import OperationalError

    from vigil.record.export import export_record

    try:
        clinic_id = _clinic_id(clinic)
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
    except OperationalError as error:
        raise Unfit("the database does not answer. Start it with `vigil up`.") from error
    _say(path, clinic_id, found, as_json=as_json)
    return 0


def _clinic_id(asked: str | None) -> UUID:
    from vigil.people.queries import clinics

    known = clinics()
    if asked is None and len(known) == 1:
        return known[0].clinic_id
    for one in known:
        if str(one.clinic_id) == asked:
            return one.clinic_id
    if not known:
        raise Unfit("there is no clinic here yet. Start one with `vigil demo` or `vigil up`.")
    names = "; ".join(f"{one.clinic_id} {one.name}" for one in known)
    raise Unfit(f"which clinic? Name one with --clinic: {names}")


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
