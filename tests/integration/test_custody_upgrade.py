"""An update of the program adds; it rewrites no row. On a database of its own, with rows of the release before."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from vigil.config import postgres

ROOT = Path(__file__).resolve().parents[2]
OLD = ("people 0003", "custody 0003")
MIGRATE = (
    "import sys, django; django.setup(); from django.core.management import call_command as run; "
    "run('migrate', *sys.argv[1:], verbosity=0)"
)
ID = "00000000-0000-0000-0000-00000000000{}"
CLINIC, NURSE, SECOND, PRODUCT, VIAL, SUPPLIER = (ID.format(n) for n in range(1, 7))
ROWS = f"""
INSERT INTO people_clinic (id, name, time_zone, is_simulated, phone) VALUES ('{CLINIC}', 'Old', 'UTC', true, '');
INSERT INTO people_staff (id, clinic_id, login, name, duties, is_active, password) VALUES
    ('{NURSE}', '{CLINIC}', 'a', 'A', '{{prepare}}', true, 'x'),
    ('{SECOND}', '{CLINIC}', 'b', 'B', '{{witness}}', true, 'x');
INSERT INTO custody_product (id, clinic_id, name, drug, form, strength_ug_per_ml, content_ug, is_second_strength)
    VALUES ('{PRODUCT}', '{CLINIC}', 'K', 'ketamine', 'vial', 10000, 200000, false);
INSERT INTO custody_act (act_id, clinic_id, kind, at, recorded_at, by_id, key, request_hash, body)
    VALUES (gen_random_uuid(), '{CLINIC}', 'received', '2026-11-20', '2026-11-20', '{NURSE}', gen_random_uuid(), 'x', '{{}}');
INSERT INTO custody_container (id, clinic_id, product_id, lot, expires_on, label, filled_ug, remaining_ug, is_held)
    VALUES ('{VIAL}', '{CLINIC}', '{PRODUCT}', 'K1', '2027-08-31', '20001-01', 200000, 0, false);
INSERT INTO custody_account (id, clinic_id, kind, container_id) VALUES
    ('{VIAL}', '{CLINIC}', 'container', '{VIAL}'), ('{SUPPLIER}', '{CLINIC}', 'supplier', NULL);
INSERT INTO custody_movement (clinic_id, act_id, source_id, target_id, ug)
    SELECT clinic_id, id, '{SUPPLIER}', '{VIAL}', 200000 FROM custody_act;
INSERT INTO custody_act (act_id, clinic_id, kind, at, recorded_at, by_id, witness_id, key, request_hash, body)
    VALUES (gen_random_uuid(), '{CLINIC}', 'counted', '2026-11-20', '2026-11-20', '{NURSE}', '{SECOND}',
            gen_random_uuid(), 'x', '{{}}');
INSERT INTO custody_count (id, clinic_id, act_id, kind, day)
    SELECT gen_random_uuid(), clinic_id, id, 'opening', '2026-11-20' FROM custody_act WHERE kind = 'counted';
INSERT INTO custody_countline (clinic_id, count_id, container_id, expected_ug, counted_ug)
    SELECT clinic_id, id, '{VIAL}', 200000, 200000 FROM custody_count;
"""
TABLES = ("act", "product", "container", "account", "movement", "count", "countline")
WASTE_BY_THE_OLD_PROGRAM = f"""
INSERT INTO custody_act (act_id, clinic_id, kind, at, recorded_at, by_id, witness_id, key, request_hash, body)
    VALUES (gen_random_uuid(), '{CLINIC}', 'wasted', '2026-11-21', '2026-11-21', '{NURSE}', '{SECOND}',
            gen_random_uuid(), 'y', '{{}}');
INSERT INTO custody_account (id, clinic_id, kind) VALUES ('{ID.format(7)}', '{CLINIC}', 'waste');
INSERT INTO custody_movement (clinic_id, act_id, source_id, target_id, ug)
    SELECT clinic_id, id, '{VIAL}', '{ID.format(7)}', 500 FROM custody_act WHERE kind = 'wasted';
"""


def columns(db: psycopg.Connection, table: str) -> list[str]:
    found = db.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY 1",
        [f"custody_{table}"],
    )
    return [row[0] for row in found]


def rows(db: psycopg.Connection, table: str, names: list[str]) -> list[tuple[object, ...]]:
    """Every row with PostgreSQL's own mark of which transaction wrote it: a rewrite changes the mark."""
    return db.execute(
        f"SELECT xmin::text, {', '.join(names)} FROM custody_{table} ORDER BY 2"
    ).fetchall()


@pytest.fixture(scope="module")
def upgraded():
    """The database after the update, and its rows as they were before."""
    with tempfile.TemporaryDirectory(prefix="vigil-upgrade-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        cluster = postgres.create(root)
        server = postgres.start(cluster)
        try:
            for target in OLD:
                _migrate(cluster.url, *target.split())
            with psycopg.connect(cluster.url) as db:
                db.execute(ROWS)
                db.commit()
                names = {table: columns(db, table) for table in TABLES}
                before = {table: rows(db, table, names[table]) for table in TABLES}
            _migrate(cluster.url)
            with psycopg.connect(cluster.url) as db:
                yield db, names, before
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(20)


def _migrate(url: str, *target: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MIGRATE, *target],
        env={
            **os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "vigil.config.settings",
            "PYTHONPATH": str(ROOT / "src"),
        },
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("table", TABLES)
def test_no_row_is_rewritten_by_the_update(upgraded, table):
    """Append-only also for ourselves: same values, written by the same transaction."""
    db, names, before = upgraded

    assert before[table]
    assert rows(db, table, names[table]) == before[table]


def test_new_columns_say_nothing_about_old_rows(upgraded):
    """In the safe, nowhere on the way, not estimated."""
    db, _, _ = upgraded

    assert db.execute("SELECT place_id, transfer_id FROM custody_container").fetchall() == [
        (None, None)
    ]
    assert db.execute("SELECT is_estimate FROM custody_countline").fetchall() == [(False,)]


def test_the_program_before_still_writes_and_its_balance_moves(upgraded):
    """The statements of the first release on the new schema: an older program beside it goes on."""
    db, _, _ = upgraded

    with db.transaction(force_rollback=True):
        db.execute(WASTE_BY_THE_OLD_PROGRAM)
        db.execute("SET CONSTRAINTS ALL IMMEDIATE")
        left = db.execute("SELECT remaining_ug FROM custody_container").fetchone()
    assert left == (199_500,)
