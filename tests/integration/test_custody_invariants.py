"""Each invariant of the ledger as a query: silent on honest work, and loud on a violation planted past the guards.

The violation is planted in a transaction that is thrown away, with triggers and the named constraint taken off: the
query must see by itself what the constraint would have refused.
"""

import pytest
from django.db import connection

from a_custody_scene import Scene, count_all, sign_plan, stock
from conftest import PASSWORD
from vigil.custody import actions
from vigil.custody.invariants import INVARIANTS, OVERDUE, broken
from vigil.record.clock import new_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(patient, prescriber, compliance, nurse, second_nurse, at) -> Scene:
    """Two vials, one draw of 50 mg given in part, one count that differed, a correction, a transfer received."""
    vial, _ = stock(compliance, at, containers=2)
    count_all(nurse, second_nurse, at)
    scene = Scene(
        vial=vial, patient=patient, plan_id=sign_plan(patient, prescriber, at), nurse=nurse,
        witness=second_nurse, at=at,
    )  # fmt: skip
    drawn = scene.draw(50_000)
    key = new_id()
    actions.give(draw_id=drawn.draw_id, amount_ug=30_000, by=nurse, at=at, key=key)
    count_all(nurse, second_nurse, at, kind="spot", off={vial.container_id: -500})
    actions.correct(
        act_id=act_of(key), is_ug=35_000, reason="typed wrong", witness_login="nurse2",
        witness_password=PASSWORD, by=nurse, at=at, key=new_id(),
    )  # fmt: skip
    cabinet = actions.open_place(kind="cabinet", name="Cabinet", by=nurse, at=at, key=new_id())
    sent = actions.send(
        container_ids=[vial.container_id], place_id=cabinet.place.place_id, reason="for the day",
        by=nurse, at=at, key=new_id(),
    )  # fmt: skip
    actions.arrive(transfer_id=sent.transfer_id, by=second_nurse, at=at, key=new_id())
    return scene


def act_of(key):
    with connection.cursor() as cursor:
        cursor.execute("SELECT act_id FROM custody_act WHERE key = %s", [key])
        return cursor.fetchone()[0]


def names() -> set[str]:
    return {each.invariant for each in broken()}


def test_honest_work_breaks_nothing(scene):
    """No false alarm: draw, give, count, correction, transfer."""
    assert broken() == ()


def test_nothing_is_broken_in_an_empty_database(db):
    assert broken() == ()


MOVE = (
    "INSERT INTO custody_movement (clinic_id, act_id, source_id, target_id, ug) "
    "SELECT clinic_id, (SELECT max(id) FROM custody_act), {source}, {target}, {ug} FROM custody_act LIMIT 1"
)
VIAL = "(SELECT container_id FROM custody_draw LIMIT 1)"
OTHER_VIAL = f"(SELECT id FROM custody_container WHERE id <> {VIAL} LIMIT 1)"
DRAW = "(SELECT id FROM custody_draw LIMIT 1)"
PATIENT = "(SELECT id FROM custody_account WHERE kind = 'patient')"
SUPPLIER = "(SELECT id FROM custody_account WHERE kind = 'supplier')"
OTHER_CLINIC = (
    "INSERT INTO people_clinic (id, name, time_zone, is_simulated, phone) "
    "VALUES (gen_random_uuid(), 'Other', 'UTC', true, '')"
)
OTHER = "(SELECT id FROM people_clinic WHERE name = 'Other')"

PLANTS = [
    ("I1-zero-sum", ["custody_movement custody_movement_positive"],
     MOVE.format(source=VIAL, target=PATIENT, ug=-10)),
    ("I1-zero-sum", ["custody_movement custody_movement_two_sides"],
     MOVE.format(source=VIAL, target=VIAL, ug=10)),
    ("I1-one-lot", [], MOVE.format(source=DRAW, target=OTHER_VIAL, ug=10)),
    ("I1-known-ways", [], MOVE.format(source=VIAL, target=PATIENT, ug=10)),
    ("I1-known-ways", [], MOVE.format(source=PATIENT, target=DRAW, ug=10)),
    ("I2-every-prefix", [], MOVE.format(source=VIAL, target=DRAW, ug=150_010)),
    ("I2-every-prefix", [], MOVE.format(source=SUPPLIER, target=OTHER_VIAL, ug=10)),
    ("I2-balance-row", [], "UPDATE custody_container SET remaining_ug = remaining_ug - 10"),
    ("I2-balance-row", [], MOVE.format(source=VIAL, target=DRAW, ug=10)),
    ("I3-draw-accounted", ["custody_draw custody_draw_balances"],
     "UPDATE custody_draw SET given_ug = given_ug + 10"),
    ("I3-draw-accounted", ["custody_draw custody_draw_never_under"],
     "UPDATE custody_draw SET given_ug = given_ug + remaining_ug + 10, remaining_ug = -10"),
    ("I4-witness", ["custody_act custody_act_witness_is_other"],
     "UPDATE custody_act SET witness_id = by_id WHERE kind = 'drawn'"),
    ("I4-witness", ["custody_act custody_act_witness_needed"],
     "UPDATE custody_act SET witness_id = NULL WHERE kind = 'drawn'"),
    ("I4-witness", ["custody_act custody_act_witness_needed_since"],
     "UPDATE custody_act SET witness_id = NULL WHERE kind = 'corrected'"),
    ("I5-one-plan-one-patient", [], "UPDATE custody_draw SET patient_id = gen_random_uuid()"),
    ("I6-as-recorded", [],
     "UPDATE custody_act SET body = replace(body, '50000', '40000') WHERE kind = 'drawn'"),
    ("I6-as-recorded", [], "UPDATE custody_movement SET ug = ug - 10 WHERE ug = 50000"),
    ("I6-as-recorded", [], "DELETE FROM custody_movement WHERE ug = 50000"),
    ("I6-correction-is-a-pair", [], "DELETE FROM custody_correction"),
    ("I6-correction-is-a-pair", ["custody_correction custody_correction_has_reason"],
     "UPDATE custody_correction SET reason = ''"),
    ("I6-correction-is-a-pair", [], "UPDATE custody_correction SET is_ug = is_ug + 10"),
    ("I6-guards-are-on", [], "ALTER TABLE custody_movement DISABLE TRIGGER custody_post"),
    ("I6-guards-are-on", [], "DROP TRIGGER custody_guard_draw ON custody_draw"),
    ("I7-once", [], "DELETE FROM record_link WHERE seq = 2; DELETE FROM record_entry e WHERE "
     "register = 'custody' AND NOT EXISTS (SELECT 1 FROM record_link WHERE entry_id = e.id)"),
    ("I7-once", ["custody_act custody_act_key_key"],
     "UPDATE custody_act SET key = (SELECT min(key::text)::uuid FROM custody_act)"),
    ("I8-sequence", [], "DELETE FROM record_link WHERE seq = 2"),
    ("I8-sequence", [], "UPDATE record_link SET previous_hash = repeat('1', 64) WHERE seq = 3"),
    ("I8-sequence", [], "UPDATE record_link SET seq = seq + 1 WHERE seq = (SELECT max(seq) FROM record_link "
     "WHERE register = 'custody') AND register = 'custody'"),
    ("I10-difference-is-open", [], "DELETE FROM custody_discrepancy"),
    ("I10-difference-is-open", [],
     "UPDATE custody_countline SET expected_ug = expected_ug - 500 WHERE counted_ug <> expected_ug"),
    ("I12-one-clinic", [], f"UPDATE custody_movement SET clinic_id = {OTHER}"),
    ("I12-one-clinic", [], f"UPDATE custody_container SET clinic_id = {OTHER}"),
    ("I12-one-clinic", [], f"UPDATE custody_account SET clinic_id = {OTHER} WHERE kind = 'draw'"),
    ("I12-one-clinic", [], f"UPDATE custody_countline SET clinic_id = {OTHER}"),
    ("I13-one-place", [], "UPDATE custody_container SET place_id = NULL"),
    ("I13-one-place", [], "UPDATE custody_container SET place_id = (SELECT id FROM custody_place)"),
    ("I13-one-place", [], "UPDATE custody_container SET place_id = NULL, "
     "transfer_id = (SELECT id FROM custody_transfer) WHERE place_id IS NOT NULL"),
    ("I13-one-place", [], "UPDATE custody_act SET by_id = (SELECT by_id FROM custody_act WHERE kind = 'sent') "
     "WHERE kind = 'arrived'"),
    ("I13-one-place", [], "UPDATE custody_placement SET place_id = NULL WHERE transfer_id IS NULL"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "constraints", "sql"), PLANTS, ids=[f"{p[0]}-{i}" for i, p in enumerate(PLANTS)]
)
def test_a_planted_violation_is_found(scene, name, constraints, sql):
    """Positive control of each query: with the guards off, it finds the row by itself."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(OTHER_CLINIC)
        for constraint in constraints:
            table, constraint_name = constraint.split()
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint_name}")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql)
        changed = cursor.rowcount
        cursor.execute("SET session_replication_role = origin")

    assert changed != 0, "the plant grew"
    assert name in names()


def test_every_invariant_is_planted_at_least_once():
    """No query of which nobody knows whether it can find anything."""
    assert {each[0] for each in PLANTS} == {each.name for each in INVARIANTS}


def test_a_transfer_that_nobody_received_is_named_when_it_is_due(scene):
    """I13: the pair within N hours, or the alarm."""
    other = actions.send(
        container_ids=[scene.vial.container_id], place_id=None, reason="back", by=scene.nurse,
        at=scene.at, key=new_id(), within_hours=1,
    )  # fmt: skip

    with connection.cursor() as cursor:
        for minutes, expected in ((59, []), (60, [other.transfer_id])):
            cursor.execute(OVERDUE, [scene.at.replace(hour=9 + minutes // 60, minute=minutes % 60)])
            assert [row[0] for row in cursor.fetchall()] == expected
    assert broken() == ()
