"""The command line `vigil`.

In: words. Out: an exit code: 0 done, 1 failed or refused (the reason is on standard error), 2 misused.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version

from vigil.config.commands import (
    claim,
    clinic,
    custody,
    demo,
    doctor,
    kinetics,
    record,
    replay,
    session,
    simulate,
    up,
)
from vigil.config.unfit import Unfit

MODULES = (up, demo, doctor, clinic, replay, simulate, session, claim, record, kinetics, custody)
"""One module for each subcommand, in the order of the help. None imports Django before it runs."""

SUBCOMMANDS = tuple(module.__name__.rpartition(".")[2] for module in MODULES)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code."""
    if sys.flags.optimize:
        # `python -O` drops assertions, and they guard our own mistakes.
        print("vigil: refuses to run under python -O or PYTHONOPTIMIZE.", file=sys.stderr)
        return 1
    args = _parser().parse_args(argv)
    try:
        return int(args.run(args))
    except Unfit as refusal:
        print(f"vigil: {refusal}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of our output went away (`vigil ... | head`): not our failure.
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vigil",
        description="Vigil: the open clinic system for supervised ketamine therapy.",
        epilog="Exit codes: 0 done; 1 failed or refused, the reason is on standard error; 2 misused.",
    )
    parser.add_argument("--version", action="version", version=f"vigil {version('vigil')}")
    subparsers = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
    for name, module in zip(SUBCOMMANDS, MODULES, strict=True):
        module.add_parser(subparsers)
        subparsers.choices[name].set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
