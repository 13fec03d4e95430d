"""The role that pages act as, on a database of its own: it can do its work, and no more.

Every refusal here is PostgreSQL's own "permission denied" (42501), before any trigger is asked; the positive controls are the owner, who is
let through by the rights and stopped by the trigger.
"""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, RaiseException

from vigil.config import app_role
from vigil.config.home import Home

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def server(django_db_setup, django_db_blocker) -> str:
    """The server of this test run, as its superuser."""
    from django.db import connections

    place = connections["default"].settings_dict
    return psycopg.conninfo.make_conninfo(
        host=place["HOST"], port=place["PORT"] or None, user=place["USER"] or None,
        password=place["PASSWORD"] or None, dbname="postgres",
    )  # fmt: skip


@pytest.fixture(scope="module")
def make_database(server: str) -> Iterator:
    """Makes databases, and removes them with their roles at the end."""
    made: list[tuple[str, str | None]] = []

    def _make(owner: str | None = None) -> str:
        name = f"role_{uuid4().hex}"
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}"' + (f' OWNER "{owner}"' if owner else ""))
        made.append((name, owner))
        return psycopg.conninfo.make_conninfo(server, dbname=name)

    yield _make
    with psycopg.connect(server, autocommit=True) as admin:
        for name, owner in made:
            (oid,) = admin.execute(
                "SELECT oid FROM pg_database WHERE datname = %s", [name]
            ).fetchone()
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            admin.execute(f"DROP ROLE IF EXISTS vigil_app_{oid}")
            if owner:
                admin.execute(f'DROP ROLE "{owner}"')


def django(url: str, *words: str) -> None:
    environment = {
        **os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "vigil.config.settings",
        "PYTHONPATH": str(ROOT / "src"),
    }  # fmt: skip
    ran = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-3000:]


WRITE = """
import django; django.setup()
from uuid import UUID
from django.db import transaction
from vigil.record.actions import CUSTODY, append, seal
from vigil.record.clock import now
with transaction.atomic():
    append(clinic_id=UUID(int=1), register=CUSTODY, kind="test.Happened", subject="s", by="b", at=now(), body={})
with transaction.atomic():
    append(clinic_id=UUID(int=1), register="care", kind="test.Happened", subject="s", by="b", at=now(), body={})
assert seal(clinic_id=UUID(int=1)) == 1
"""


@pytest.fixture(scope="module")
def owner_url(make_database) -> str:
    """A database with every table, and a day in it that the owner wrote."""
    url = make_database()
    django(url, "-m", "django", "migrate", "--skip-checks", "-v", "0")
    django(url, "-c", WRITE)
    return url


@pytest.fixture(scope="module")
def home(owner_url: str, tmp_path_factory) -> Home:
    home = Home(path=tmp_path_factory.mktemp("home"))
    assert app_role.ensure(home, owner_url) is None
    return home


@pytest.fixture
def app(home: Home) -> Iterator[psycopg.Connection]:
    with psycopg.connect(home.app_url()) as db:
        yield db


@pytest.fixture
def owner(owner_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(owner_url) as db:
        yield db


def guarded_tables(db: psycopg.Connection) -> list[str]:
    from vigil.record.privileges import APPEND_ONLY

    rows = db.execute(
        f"SELECT oid::regclass::text FROM ({APPEND_ONLY.replace('%%', '%')}) t ORDER BY 1"
    ).fetchall()
    return [row[0] for row in rows]


def test_its_text_is_for_its_owner_alone(home: Home) -> None:
    assert stat.S_IMODE(home.app_database.stat().st_mode) == 0o600
    assert app_role.app_role_name(home).startswith("vigil_app_")


def test_it_is_nobody_special(app: psycopg.Connection) -> None:
    flags = app.execute(
        "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    owned = app.execute(
        "SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = current_user"
    ).fetchone()
    member = app.execute(
        "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = current_user"
    ).fetchone()

    assert flags == (False,) * 5
    assert owned == (0,)
    assert member == (0,)


def test_the_database_says_which_tables_are_guarded(owner: psycopg.Connection) -> None:
    """Positive control: the list is found by trigger, and holds what every room calls append-only."""
    from django.apps import apps

    declared = {
        model._meta.db_table
        for model in apps.get_models()
        if any(
            "_row" in trigger.name and trigger.name.endswith("_row")
            for trigger in getattr(model._meta, "triggers", [])
        )
    }

    assert len(declared) > 25
    assert set(guarded_tables(owner)) >= declared


CHANGES = ("UPDATE {table} SET {column} = {column}", "DELETE FROM {table}", "TRUNCATE {table} CASCADE",
           "ALTER TABLE {table} DISABLE TRIGGER ALL", "DROP TABLE {table} CASCADE", "ALTER TABLE {table} ADD COLUMN x int",
           "CREATE RULE r AS ON DELETE TO {table} DO INSTEAD NOTHING", "LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_no_guarded_table_can_be_changed(change: str, app: psycopg.Connection) -> None:
    """INV-REC-01 by right: refused by privilege in every table, whatever its triggers say."""
    tables = guarded_tables(app)
    assert len(tables) > 25
    for table in tables:
        # Any column but the key, on which a few tables grant the right to lock a row.
        column = app.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 1 AND NOT attisdropped ORDER BY attnum LIMIT 1",
            [table],
        ).fetchone()[0]
        with pytest.raises(InsufficientPrivilege):
            app.execute(change.format(table=table, column=f'"{column}"'))
        app.rollback()


@pytest.mark.parametrize(
    "change",
    ["CREATE TABLE mine (x int)", "SET session_replication_role = replica", "CREATE ROLE another", "SET ROLE vigil", "INSERT INTO django_migrations (app, name, applied) VALUES ('x', 'y', now())",
     "DROP TRIGGER ON record_entry", "CREATE TRIGGER t BEFORE INSERT ON record_entry EXECUTE FUNCTION suppress_redundant_updates_trigger()",
     "CREATE OR REPLACE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "COPY record_entry TO '/tmp/x'"],
)  # fmt: skip
def test_the_guard_itself_is_out_of_its_reach(
    change: str, app: psycopg.Connection, owner: psycopg.Connection
) -> None:
    if change.startswith("DROP TRIGGER"):
        (name,) = owner.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'record_entry'::regclass AND tgname LIKE '%row%'"
        ).fetchone()
        change = f'DROP TRIGGER "{name}" ON record_entry'

    with pytest.raises(InsufficientPrivilege):
        app.execute(change)


def test_the_owner_is_let_through_by_the_rights_and_stopped_by_the_trigger(
    owner: psycopg.Connection,
) -> None:
    """Positive control: without the role there is only one guard."""
    for change in ("UPDATE record_entry SET body = body", "DELETE FROM record_link"):
        with pytest.raises(RaiseException, match="pgtrigger: Cannot"):
            owner.execute(change)
        owner.rollback()


@pytest.mark.parametrize("table", app_role.ROW_LOCKED)
def test_a_row_lock_is_allowed_where_writers_need_it_and_changes_nothing(
    table: str, app: psycopg.Connection
) -> None:
    app.execute(f"SELECT * FROM {table} FOR UPDATE")
    (column,) = app.execute(
        "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE i.indisprimary AND i.indrelid = %s::regclass",
        [table],
    ).fetchone()
    granted = app.execute(
        "SELECT column_name FROM information_schema.column_privileges WHERE grantee = current_user AND privilege_type = 'UPDATE' AND table_name = %s",
        [table],
    ).fetchall()

    assert granted == [(column,)]


def test_every_other_table_can_be_worked_in(app: psycopg.Connection) -> None:
    guarded = set(guarded_tables(app))
    rows = app.execute(
        """SELECT c.relname, has_table_privilege(c.oid, 'SELECT'), has_table_privilege(c.oid, 'INSERT'),
                  has_table_privilege(c.oid, 'UPDATE'), has_table_privilege(c.oid, 'DELETE')
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r'"""
    ).fetchall()

    assert len(rows) > 35
    for name, *rights in rows:
        if name == "django_migrations":
            assert rights == [True, False, False, False]
        else:
            may_change = name not in guarded
            assert rights == [True, True, may_change, may_change], name


def test_its_work_goes_through_and_the_record_is_sealed(home: Home) -> None:
    """What web and worker do: append, link in the transaction, seal."""
    django(home.app_url(), "-c", WRITE)


def test_a_second_start_keeps_the_password_and_gives_new_tables_their_rights(
    home: Home, owner_url: str
) -> None:
    before = home.app_url()
    with psycopg.connect(owner_url) as db:
        db.execute("CREATE TABLE later (id int PRIMARY KEY, x int)")

    assert app_role.ensure(home, owner_url) is None

    assert home.app_url() == before
    with psycopg.connect(home.app_url()) as db:
        db.execute("INSERT INTO later VALUES (1, 1)")
        db.execute("UPDATE later SET x = 2")


def test_rights_that_somebody_gave_by_hand_are_taken_back(home: Home, owner_url: str) -> None:
    role = app_role.app_role_name(home)
    with psycopg.connect(owner_url) as db:
        db.execute(f"GRANT ALL ON record_entry TO {role}")

    assert app_role.ensure(home, owner_url) is None

    with psycopg.connect(home.app_url()) as db, pytest.raises(InsufficientPrivilege):
        db.execute("DELETE FROM record_entry")


def test_a_lost_file_or_a_changed_password_makes_a_new_one(home: Home, owner_url: str) -> None:
    before = home.app_url()
    with psycopg.connect(owner_url, autocommit=True) as db:
        db.execute(f"ALTER ROLE {app_role.app_role_name(home)} PASSWORD 'other'")

    assert app_role.ensure(home, owner_url) is None
    after = home.app_url()
    home.app_database.unlink()
    assert app_role.ensure(home, owner_url) is None

    assert len({before, after, home.app_url()}) == 3
    psycopg.connect(home.app_url()).close()


def test_an_owner_who_may_not_make_roles_is_told_and_nothing_is_left(
    server: str, make_database, tmp_path: Path
) -> None:
    """A PostgreSQL of the clinic's own: pages then act as the owner, and the reason is in words."""
    name = f"plain_{uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
    url = psycopg.conninfo.make_conninfo(make_database(name), user=name, password="x")
    home = Home(path=tmp_path)
    home.app_database.write_text("host=old")

    assert "permission denied" in app_role.ensure(home, url)
    assert home.app_url() is None
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"ALTER ROLE {name} CREATEROLE")
    # Its own tables: the role can be made now, and gets its rights.
    with psycopg.connect(url) as db:
        db.execute(
            "CREATE TABLE django_migrations (id int PRIMARY KEY, app text, name text, applied timestamptz)"
        )
    assert app_role.ensure(home, url) is None
    psycopg.connect(home.app_url()).close()


def test_a_server_that_does_not_answer_is_said(tmp_path: Path) -> None:
    said = app_role.ensure(Home(path=tmp_path), "host=/nonexistent dbname=x")

    assert said
    assert Home(path=tmp_path).app_url() is None


@pytest.mark.django_db
def test_the_check_sees_what_a_role_may_do(home: Home) -> None:
    """Positive control: of the test run's superuser it says that only triggers stand in the way."""
    from vigil.record.privileges import privileges

    found = privileges()

    assert found is not None
    assert found.is_superuser
    assert len(found.changeable) == found.guarded > 25
    assert privileges("no_such_role") is None
