"""The nine families of mistakes that open controlled-drug registers made before us, each by its letter.

They are a contract: a family may get more tests, never fewer. What each was is told in its docstring.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction

from a_custody_scene import Scene, count_all, sign_plan, stock
from conftest import PASSWORD
from vigil.custody import actions, queries
from vigil.custody.models import Act as ActRow
from vigil.custody.models import Movement as MovementRow
from vigil.record.clock import new_id
from vigil.record.models import Entry
from vigil.units.refusals import Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(patient, prescriber, compliance, nurse, second_nurse, at) -> Scene:
    (vial,) = stock(compliance, at)
    count_all(nurse, second_nurse, at)
    return Scene(
        vial=vial, patient=patient, plan_id=sign_plan(patient, prescriber, at), nurse=nurse,
        witness=second_nurse, at=at,
    )  # fmt: skip


def written() -> tuple[int, int, int]:
    return ActRow.objects.count(), MovementRow.objects.count(), Entry.objects.count()


def run(sql: str, values: tuple[object, ...]) -> None:
    """Raw SQL in its own savepoint, with the deferred constraints asked before and after it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(sql, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def sql_refuses(sql: str, *values: object, because: str) -> None:
    with pytest.raises(DatabaseError, match=because):
        run(sql, values)


ACT_BY_HAND = (
    "INSERT INTO custody_act (act_id, clinic_id, kind, at, recorded_at, by_id, witness_id, key, request_hash, "
    "body) SELECT gen_random_uuid(), clinic_id, 'wasted', at, recorded_at, by_id, {witness}, "
    "gen_random_uuid(), request_hash, body FROM custody_act WHERE kind = 'drawn' LIMIT 1"
)


def test_a_waste_without_a_witness_is_refused_by_the_database(scene):
    """Family (a): the witness flag was hard-coded true. Here the second person is a row that must be there."""
    scene.draw()

    sql_refuses(ACT_BY_HAND.format(witness="NULL"), because="custody_act_witness_needed")


def test_b_the_witness_is_never_the_performer(scene):
    """Family (b): one person signed twice. Refused by the sign-in, by the decision and by the database."""
    drawn = scene.draw()
    before = written()

    by_sign_in = scene.waste(drawn.draw_id, 1_000, witness_login="nurse1")

    assert by_sign_in.code == "PEO-WITNESS-SELF"
    assert written() == before
    sql_refuses(ACT_BY_HAND.format(witness="by_id"), because="custody_act_witness_is_other")


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper(), PASSWORD + " "])
def test_c_a_failed_sign_in_never_answers_ok(scene, password):
    """Family (c): the waste was saved although the PIN had failed. Here nothing is written, in any room."""
    drawn = scene.draw()
    before = written()

    answer = scene.waste(drawn.draw_id, 1_000, witness_password=password)

    assert isinstance(answer, Refused)
    assert answer.code == "PEO-WITNESS-SIGN-IN"
    assert written() == before
    assert queries.draw(drawn.draw_id, clinic_id=scene.nurse.clinic_id).remaining_ug == 35_000


def test_d_an_amendment_never_changes_the_drawn_amount(scene):
    """Family (d): editing a draw changed its amount. Here the row cannot be edited, a correction is a new pair, and the
    first act says for ever what it said; upward it never goes beyond what the container held.
    """
    drawn = scene.draw(50_000)
    row = ActRow.objects.get(kind="drawn")
    ask = {
        "act_id": row.act_id, "reason": "typed wrong", "witness_login": "nurse2",
        "witness_password": PASSWORD, "by": scene.nurse, "at": scene.at,
    }  # fmt: skip

    sql_refuses(
        "UPDATE custody_draw SET drawn_ug = 40000, remaining_ug = 40000", because="movement"
    )
    sql_refuses("UPDATE custody_act SET body = '{}'", because="annot update")
    sql_refuses("UPDATE custody_movement SET ug = 40000", because="annot update")
    beyond = actions.correct(is_ug=200_010, key=new_id(), **ask)
    actions.correct(is_ug=40_000, key=new_id(), **ask)

    assert beyond.code == "CUS-CORRECT-OVER"
    assert ActRow.objects.get(kind="drawn").body == row.body
    assert queries.draw(drawn.draw_id, clinic_id=scene.nurse.clinic_id).drawn_ug == 40_000
    story = queries.history(scene.vial.container_id, clinic_id=scene.nurse.clinic_id)
    assert [line.change_ug for line in story.lines if line.kind == "drawn"] == [-50_000]
    assert [line.change_ug for line in story.lines if line.kind == "corrected"] == [10_000]


def test_e_waste_and_given_and_earlier_returns_are_what_was_drawn(scene):
    """Family (e): the sum of a draw was checked against the last part only. Here against all of them, always."""
    drawn = scene.draw(50_000)
    give = {"draw_id": drawn.draw_id, "by": scene.nurse, "at": scene.at}
    actions.give(amount_ug=20_000, key=new_id(), **give)
    scene.waste(drawn.draw_id, 10_000)
    actions.give(amount_ug=5_000, key=new_id(), **give)

    too_much = scene.waste(drawn.draw_id, 15_001)
    rest = scene.waste(drawn.draw_id, 15_000)

    draw = queries.draw(drawn.draw_id, clinic_id=scene.nurse.clinic_id)
    assert too_much.code == "CUS-DRAW-OVER"
    assert not isinstance(rest, Refused)
    assert draw.given_ug + draw.wasted_ug + draw.returned_ug == draw.drawn_ug == 50_000
    sql_refuses("UPDATE custody_draw SET wasted_ug = wasted_ug + 1", because="movement|balances")


def test_f_successive_partial_returns_chain_their_balances(scene, clinic):
    """Family (f): the second partial return started from the first balance. Here each line starts from the last."""
    drawn = scene.draw(50_000)
    for amount_ug in (5_000, 10_000, 20_000, 15_000):
        scene.waste(drawn.draw_id, amount_ug)

    story = queries.history(scene.vial.container_id, clinic_id=clinic.clinic_id)

    assert [line.in_syringes_ug for line in story.lines if line.kind == "wasted"] == [
        45_000, 35_000, 15_000, 0,
    ]  # fmt: skip
    assert queries.unexplained_ug(clinic.clinic_id) == 0


def test_g_a_retry_with_the_same_id_of_the_client_records_once(scene):
    """Family (g): a lost reply and a second try booked twice. Here the first answer comes again, for every act."""
    drawn = scene.draw(50_000)
    keys = [new_id() for _ in range(3)]

    def all_of_them():
        return (
            actions.give(
                draw_id=drawn.draw_id, amount_ug=10_000, by=scene.nurse, at=scene.at, key=keys[0]
            ),
            scene.waste(drawn.draw_id, 5_000, key=keys[1]),
            actions.correct(
                act_id=ActRow.objects.get(key=keys[0]).act_id, is_ug=12_000, reason="typed wrong",
                witness_login="nurse2", witness_password=PASSWORD, by=scene.nurse, at=scene.at,
                key=keys[2],
            ),
        )  # fmt: skip

    first = all_of_them()
    before = written()

    assert all_of_them() == first
    assert written() == before


@pytest.mark.parametrize("table", ["act", "movement", "account", "draw", "container", "correction"])
def test_h_the_ledger_is_neither_updated_nor_deleted(scene, table):
    """Family (h), by trigger: whoever writes, also the owner of the tables."""
    scene.draw()
    actions.correct(
        act_id=ActRow.objects.get(kind="drawn").act_id, is_ug=30_000, reason="typed wrong",
        witness_login="nurse2", witness_password=PASSWORD, by=scene.nurse, at=scene.at, key=new_id(),
    )  # fmt: skip
    column = "label" if table == "container" else "clinic_id"
    other = "'X'" if table == "container" else "gen_random_uuid()"

    refused = "annot update|never changes|moves only with"
    sql_refuses(f"UPDATE custody_{table} SET {column} = {other}", because=refused)
    sql_refuses(f"DELETE FROM custody_{table}", because="annot .*delete|never deleted")
    sql_refuses(f"TRUNCATE custody_{table} CASCADE", because="annot truncate|never deleted")


def test_h_a_role_without_the_privilege_is_refused_before_any_trigger(scene):
    """Family (h), by privilege: a role that may only read and add is told so by the server itself."""
    scene.draw()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("CREATE ROLE custody_adds_only")
        cursor.execute("GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO custody_adds_only")
        cursor.execute("SET LOCAL ROLE custody_adds_only")

    for sql in (
        "UPDATE custody_act SET kind = kind",
        "DELETE FROM custody_movement",
        "TRUNCATE custody_act",
    ):
        sql_refuses(sql, because="permission denied")

    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")


ON_A_FULL_DISK = """
import errno, os, sys
import django
django.setup()
from django.db import DatabaseError, connection
try:
    connection.ensure_connection()
    print("connected")
except DatabaseError:
    print("refused")
"""


def test_i_a_write_that_failed_never_answers_success(scene, monkeypatch):
    """Family (i): the disk was full and the page said saved. Here every step of a write is made to fail in turn, and
    each time the caller gets the error, and nothing of the act stays.
    """
    from vigil.custody import writing

    before = written()
    steps = ["_write_children", "_write_movements", "append"]

    for step in steps:
        with monkeypatch.context() as broken:

            def full(*arguments, **named):
                raise DatabaseError("could not extend file: No space left on device")

            broken.setattr(writing, step, full)
            with pytest.raises(DatabaseError, match="No space left"), transaction.atomic():
                scene.draw()
        assert written() == before, step

    assert scene.vial_now().remaining_ug == 200_000
    assert not isinstance(scene.draw(), Refused), "and once there is space it goes on"


@pytest.mark.django_db(transaction=False)
def test_i_a_server_that_is_gone_is_an_error_and_no_answer(tmp_path: Path):
    """Family (i): no connection, no success: the programme says so instead of going on."""
    done = subprocess.run(
        [sys.executable, "-c", ON_A_FULL_DISK],
        env={
            **os.environ, "DJANGO_SETTINGS_MODULE": "vigil.config.settings",
            "DATABASE_URL": f"postgresql://nobody@/none?host={tmp_path}",
            "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src"),
        },
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.stdout.strip() == "refused", done.stderr[-500:]
