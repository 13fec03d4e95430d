"""Makes the database and the static files ready before any process serves.

In: settings. Out (standard output, one JSON object a line): `say` lines for people, then one `facts` line.
A process of its own, so that the supervisor stays small. Run: `python -m vigil.config.prepare [--demo]`.
"""

import json
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import django

from vigil.config.unfit import Unfit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vigil.config.settings")


def main(arguments: list[str]) -> int:
    """Prepare everything; 1 and a reason on standard error when this database must not be used."""
    django.setup()
    try:
        require_durable()
        _migrate()
        _collect_static()
        logins = _build_demo() if "--demo" in arguments else []
        require_simulated_clock()
    except Unfit as refusal:
        print(refusal, file=sys.stderr)
        return 1
    from vigil.people.queries import clinics

    _tell(facts={"clinics": len(clinics()), "logins": logins})
    return 0


def require_durable() -> None:
    """Refuse a server that may lose what it has confirmed.

    Raises:
        Unfit: it does not answer, or one of its guards is off.
    """
    from django.db import OperationalError

    from vigil.record.durability import durability

    try:
        found = durability()
    except OperationalError as error:
        raise Unfit(f"The database does not answer: {str(error).strip()}") from error
    off = [name for name, value in found.items() if value == "off"]
    if off:
        raise Unfit(
            f"This PostgreSQL has {' and '.join(f'{name}=off' for name in off)}: a power cut would "
            "lose acts that were already confirmed. Set it to on in the server's configuration, "
            "restart the server, then start Vigil again."
        )


def require_simulated_clock() -> None:
    """Refuse a test clock beside a real clinic.

    Raises:
        Unfit: a test clock is set and a clinic here is real.
    """
    from vigil.people.queries import clinics
    from vigil.record.clock import is_test_clock

    if is_test_clock() and not all(clinic.is_simulated for clinic in clinics()):
        raise Unfit(
            "VIGIL_TEST_CLOCK is set, but this database holds a real clinic: every time in its "
            "record would be false. Unset VIGIL_TEST_CLOCK."
        )


def pending_migrations() -> int:
    """How many migrations this version has that the database lacks."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _migrate() -> None:
    from django.core.management import call_command

    waiting = pending_migrations()
    if waiting:
        _tell(say=f"Bringing the database up to date: {waiting} migrations.")
        call_command("migrate", verbosity=0, interactive=False)


def _collect_static() -> None:
    """Copy and hash the pages' own files, only when one of them changed."""
    from django.conf import settings
    from django.contrib.staticfiles.finders import get_finders
    from django.core.management import call_command

    version = sorted(
        f"{path}:{os.stat(storage.path(path)).st_mtime_ns}"
        for finder in get_finders()
        for path, storage in finder.list([])
    )
    mark = Path(settings.STATIC_ROOT) / ".version"
    wanted = json.dumps([django.get_version(), version])
    if mark.exists() and mark.read_text() == wanted:
        return
    _tell(say=f"Preparing the pages' files: {len(version)}.")
    call_command("collectstatic", verbosity=0, interactive=False, clear=True)
    mark.write_text(wanted)


def _build_demo() -> list[list[str]]:
    """Make the demo clinic in an empty database; returns login, password and duties of its staff."""
    from vigil.people.queries import clinics

    if find_spec("vigil.config.demo") is None:
        _tell(say="The demo clinic is not part of this build: starting without it.")
        return []
    demo = import_module("vigil.config.demo")
    if not clinics():
        _tell(say="Making the demo clinic.")
        demo.build(lambda text: _tell(say=text))
    elif clinics()[0].is_simulated:
        demo.keep_current(lambda text: _tell(say=text))
    return [list(row) for row in getattr(demo, "LOGINS", ())]


def _tell(**message: object) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
