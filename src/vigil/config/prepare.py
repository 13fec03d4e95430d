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
        _make_app_role()
        _make_signing_key()
        _collect_static()
        logins = _build_demo() if "--demo" in arguments else []
        require_simulated_clock()
        _look_back()
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


def _make_app_role() -> None:
    """The role that pages and devices act as; without it they act as the owner, and that is said."""
    from django.conf import settings

    from vigil.config.app_role import ensure
    from vigil.config.home import Home

    why_not = ensure(Home(path=Path(settings.HOME)), settings.DATABASE_URL)
    if why_not is not None:
        _tell(
            say=f"Pages act as the owner of the tables: no role of their own can be made ({why_not}). "
            "Triggers still refuse every change of the record; `vigil doctor` says what to do."
        )


def _make_signing_key() -> None:
    """The private key that signs heads, at the first start; its public half is printed to be written down."""
    from vigil.record.signing import KeyUnusable, make_key, own_key

    try:
        is_new = make_key()
        key = own_key()
    except (KeyUnusable, OSError) as error:
        raise Unfit(str(error)) from error
    if is_new and key is not None:
        _tell(
            say=f"Made the key that signs the record. Write its public half down: {key.public_key}"
        )


def _look_back() -> None:
    """Say loudly when the database lacks what this machine has seen sealed."""
    from vigil.config.record_anchors import loss_text
    from vigil.people.queries import clinics
    from vigil.record.own_heads import went_back

    for clinic in clinics():
        for lost in went_back(clinic.clinic_id):
            _tell(say=f"{clinic.name}: {loss_text(lost)}")
            _tell(
                say="Was a backup restored? Then record it: vigil record anchor accept-loss --reason ... "
                "Otherwise keep everything as it is and find out who changed it."
            )


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
