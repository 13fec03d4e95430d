"""`vigil demo`: the whole system with a simulated clinic in it.

In: as `vigil up`. Out: as `vigil up`, plus a demo clinic on the first run, its logins, and simulated monitors.
"""

import argparse

from vigil.config.commands.up import add_flags, supervise


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describe the subcommand."""
    parser = subparsers.add_parser("demo", help="start everything with a simulated clinic")
    add_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Start, watch, stop."""
    return supervise(args, is_demo=True)
