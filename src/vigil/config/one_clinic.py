"""Which clinic a command is about, and the flags that every such command has.

In: `--clinic` or nothing. Out: the one clinic, or a reason with the ids to choose from.
"""

import argparse
import sys
from typing import TYPE_CHECKING

from vigil.config.unfit import Unfit
from vigil.units.refusals import Refused

if TYPE_CHECKING:
    from vigil.people.domain.facts import Clinic


def add_flags(parser: argparse.ArgumentParser) -> None:
    """`--clinic` and `--json`."""
    parser.add_argument("--clinic", metavar="ID", help="which clinic, when there are several")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def chosen_clinic(asked: str | None) -> "Clinic":
    """The clinic with that id, or the only one."""
    from vigil.people.queries import clinics

    known = clinics()
    if asked is None and len(known) == 1:
        return known[0]
    for one in known:
        if str(one.clinic_id) == asked:
            return one
    if not known:
        raise Unfit("there is no clinic here yet. Start one with `vigil demo` or `vigil up`.")
    names = "; ".join(f"{one.clinic_id} {one.name}" for one in known)
    raise Unfit(f"which clinic? Name one with --clinic: {names}")


def say_refused(refused: Refused) -> int:
    """Print why not, with its code; the exit code for it."""
    print(f"vigil: {refused.code}: {refused.message}", file=sys.stderr)
    return 1
