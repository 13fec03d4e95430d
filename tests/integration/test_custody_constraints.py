"""The database holds the ledger a second time: what raw SQL may not do, whoever writes it."""

import pytest
from django.db import DatabaseError, connection, transaction

from a_custody_scene import Scene, count_all, sign_plan, stock
from vigil.custody import queries
from vigil.custody.domain.ledger import FLOWS
from vigil.custody.models import Account, Act, Movement
from vigil.custody.writing import open_outside_account
from vigil.record.clock import new_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(patient, prescriber, compliance, nurse, second_nurse, at) -> Scene:
    (vial,) = stock(compliance, at)
    count_all(nurse, second_nurse, at)
    return Scene(
        vial=vial, patient=patient, plan_id=sign_plan(patient, prescriber, at), nurse=nurse,
        witness=second_nurse, at=at,
    )  # fmt: skip


def run(sql: str, *values: object) -> None:
    """Raw SQL in its own savepoint, with the deferred constraints asked at once."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(sql, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def refuses(sql: str, *values: object, because: str) -> None:
    with pytest.raises(DatabaseError, match=because):
        run(sql, *values)


MOVE = (
    "INSERT INTO custody_movement (clinic_id, act_id, source_id, target_id, ug) "
    "SELECT clinic_id, id, %s, %s, %s FROM custody_act ORDER BY id LIMIT 1"
)


@pytest.fixture
def drawn(scene):
    return scene.draw(50_000)


@pytest.fixture
def outside(clinic):
    return {
        kind: open_outside_account(clinic.clinic_id, kind)
        for kind in ("supplier", "patient", "waste", "returned", "distributor", "loss")
    }


def test_a_vial_goes_neither_below_zero_nor_over_full(scene, drawn, outside):
    """INV-CUS-01: a movement inserted by hand moves the balance, and meets its CHECK."""
    vial = scene.vial.container_id

    run(MOVE, vial, outside["waste"], 150_000)
    assert scene.vial_now().remaining_ug == 0
    refuses(MOVE, vial, outside["waste"], 1, because="custody_container_never_over_or_under")
    run(MOVE, outside["supplier"], vial, 200_000)
    refuses(MOVE, outside["supplier"], vial, 1, because="custody_container_never_over_or_under")


def test_a_draw_never_goes_below_zero(scene, drawn, outside):
    """INV-CUS-02: given + wasted + returned never exceed what was drawn."""
    run(MOVE, drawn.draw_id, outside["patient"], 50_000)

    refuses(MOVE, drawn.draw_id, outside["waste"], 1, because="custody_draw_never_under")


def test_a_balance_moves_only_with_a_movement(scene, drawn):
    """INV-CUS-04: no statement sets a balance, makes a full container, or takes one away."""
    moved = "moves only with a movement"
    refuses("UPDATE custody_container SET remaining_ug = remaining_ug - 10", because=moved)
    refuses(
        "UPDATE custody_draw SET given_ug = 10, remaining_ug = remaining_ug - 10", because=moved
    )
    refuses("UPDATE custody_container SET lot = 'OTHER'", because="never changes")
    refuses("UPDATE custody_container SET filled_ug = filled_ug * 2", because="never changes")
    refuses("UPDATE custody_draw SET patient_id = %s", new_id(), because="never changes")
    refuses("DELETE FROM custody_container", because="never deleted")
    refuses("DELETE FROM custody_draw", because="never deleted")
    refuses("TRUNCATE custody_draw CASCADE", because="never deleted|annot truncate")
    refuses(
        "INSERT INTO custody_container (id, clinic_id, product_id, lot, expires_on, label, filled_ug, "
        "remaining_ug, is_held) SELECT %s, clinic_id, product_id, lot, expires_on, 'X', filled_ug, 10, "
        "false FROM custody_container LIMIT 1",
        new_id(),
        because="starts at zero",
    )


PRODUCT = (
    "INSERT INTO custody_product (id, clinic_id, name, drug, form, strength_ug_per_ml, content_ug, "
    "is_second_strength) VALUES (%s, %s, 'X', 'ketamine', %s, %s, 1000, false)"
)


@pytest.mark.parametrize(
    ("form", "strength", "because"),
    [
        ("vial", None, "custody_product_vial_has_strength"),
        ("vial", 0, "custody_product_strength_fits_form"),
        ("device", 10_000, "custody_product_strength_fits_form"),
        ("powder", None, "custody_product_strength_fits_form"),
    ],
)
def test_a_vial_has_a_strength_and_a_device_has_none(clinic, form, strength, because):
    """Without its strength no volume of a vial can be told."""
    run(PRODUCT, new_id(), clinic.clinic_id, "vial", 10_000)
    run(PRODUCT, new_id(), clinic.clinic_id, "device", None)

    refuses(PRODUCT, new_id(), clinic.clinic_id, form, strength, because=because)


@pytest.mark.parametrize("kind", ["container", "draw"])
def test_an_account_in_the_safe_names_its_container_or_draw(clinic, kind):
    """I1: drug moved into an account without a place would leave every balance and nobody would see it."""
    refuses(
        "INSERT INTO custody_account (id, clinic_id, kind) VALUES (%s, %s, %s)",
        new_id(), clinic.clinic_id, kind, because="custody_account_names_its_place",
    )  # fmt: skip


@pytest.mark.parametrize("ug", [0, -1])
def test_a_movement_is_more_than_zero(scene, outside, ug):
    """I1: a negative movement would be a second way to write one, and a way to hide one."""
    refuses(
        MOVE, scene.vial.container_id, outside["waste"], ug, because="custody_movement_positive"
    )


def test_a_movement_has_two_sides(scene):
    """I1: one account alone cannot change."""
    vial = scene.vial.container_id
    refuses(MOVE, vial, vial, 10, because="custody_movement_two_sides|does not move")
    refuses(MOVE, vial, None, 10, because="null value|query returned no rows")


def test_drug_moves_only_along_the_known_ways(scene, drawn, outside):
    """The database's list of ways is the code's list: every other pair is refused."""
    account = {**outside, "container": scene.vial.container_id, "draw": drawn.draw_id}
    kinds = sorted(account)

    for source in kinds:
        for target in kinds:
            if source == target:
                continue
            if (source, target) in FLOWS:
                with transaction.atomic():
                    run(MOVE, account[source], account[target], 1) if source != "supplier" else None
                    transaction.set_rollback(True)
            else:
                refuses(MOVE, account[source], account[target], 1, because="does not move")


@pytest.mark.parametrize(
    "table",
    ["act", "movement", "account", "product", "count", "countline", "discrepancy"],
)
def test_what_happened_is_never_edited(scene, drawn, nurse, second_nurse, table):
    """I6: append-only, by trigger."""
    count_all(nurse, second_nurse, scene.at, kind="spot", off={scene.vial.container_id: -500})

    refuses(f"UPDATE custody_{table} SET clinic_id = clinic_id", because="annot update")
    refuses(f"DELETE FROM custody_{table}", because="annot .*delete")
    refuses(f"TRUNCATE custody_{table} CASCADE", because="annot truncate|never deleted")


COPY_ACT = (
    "INSERT INTO custody_act (act_id, clinic_id, kind, at, recorded_at, by_id, witness_id, key, "
    "request_hash, body) SELECT %s, clinic_id, {kind}, at, recorded_at, by_id, {witness}, {key}, "
    "request_hash, body FROM custody_act WHERE kind = 'drawn' LIMIT 1"
)


def test_nobody_witnesses_their_own_act(scene, drawn):
    """I4 and H14: refused at the table, not only in the form."""
    own = COPY_ACT.format(kind="kind", witness="by_id", key="gen_random_uuid()")
    alone = COPY_ACT.format(kind="kind", witness="NULL", key="gen_random_uuid()")
    waste = COPY_ACT.format(kind="'wasted'", witness="NULL", key="gen_random_uuid()")

    refuses(own, new_id(), because="custody_act_witness_is_other")
    refuses(alone, new_id(), because="custody_act_witness_needed")
    refuses(waste, new_id(), because="custody_act_witness_needed")


def test_a_key_is_written_once(scene, drawn):
    """I7: UNIQUE, whatever the code believes."""
    refuses(
        COPY_ACT.format(kind="kind", witness="witness_id", key="key"), new_id(), because="unique"
    )


def test_a_child_stays_in_its_clinic(scene, drawn, at, outside):
    """I12: rows of one clinic never point into another."""
    from vigil.people.actions import found_clinic

    other = found_clinic(name="Other", time_zone="UTC", is_simulated=True, at=at)
    waste_there = open_outside_account(other.clinic_id, "waste")

    refuses(MOVE, scene.vial.container_id, waste_there, 10, because="target_id_same_clinic")
    refuses(
        "INSERT INTO custody_account (id, clinic_id, kind, container_id) VALUES (%s, %s, 'loss', NULL),"
        " (%s, %s, 'container', %s)",
        new_id(), other.clinic_id, new_id(), other.clinic_id, scene.vial.container_id,
        because="is_one_place|same_clinic",
    )  # fmt: skip


def test_a_count_that_differs_cannot_stay_silent(scene, clinic):
    """I10: a line that differs without a discrepancy is refused when the transaction ends."""
    line = (
        "INSERT INTO custody_countline (clinic_id, count_id, container_id, expected_ug, counted_ug) "
        "SELECT c.clinic_id, %s, v.id, 200000, 199000 FROM custody_count c, custody_container v LIMIT 1"
    )
    count_id = new_id()
    count = (
        "INSERT INTO custody_act (act_id, clinic_id, kind, at, recorded_at, by_id, witness_id, key, "
        "request_hash, body) SELECT gen_random_uuid(), clinic_id, kind, at, recorded_at, by_id, witness_id, "
        "gen_random_uuid(), request_hash, body FROM custody_act WHERE kind = 'counted' LIMIT 1"
    )
    run(count)
    run(
        "INSERT INTO custody_count (id, clinic_id, act_id, kind, day) "
        "SELECT %s, clinic_id, max(id), 'spot', '2026-11-23' FROM custody_act GROUP BY clinic_id",
        count_id,
    )

    refuses(line, count_id, because="opens a discrepancy")
    assert queries.discrepancies(clinic.clinic_id) == ()


def test_drug_that_went_to_no_place_is_counted_as_unexplained(scene, clinic, outside):
    """INV-CUS-03 can see: a movement to the loss account is not explained away."""
    run(MOVE, scene.vial.container_id, outside["loss"], 700)

    assert queries.unexplained_ug(clinic.clinic_id) == 700


def test_a_balance_that_left_its_movements_is_found(scene, clinic):
    """INV-CUS-04 can see: with the guards off, a changed balance is named."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE custody_container DISABLE TRIGGER custody_guard_container")
        cursor.execute("UPDATE custody_container SET remaining_ug = remaining_ug - 10")
        cursor.execute("ALTER TABLE custody_container ENABLE TRIGGER custody_guard_container")

    assert queries.disagreements(clinic.clinic_id) == (scene.vial.container_id,)


def test_each_container_and_draw_has_its_account(scene, drawn, clinic):
    """The account of a container is the container: no look-up can go wrong."""
    accounts = Account.objects.filter(clinic_id=clinic.clinic_id)

    assert accounts.get(kind="container").container_id == scene.vial.container_id
    assert accounts.get(kind="draw").draw_id == drawn.draw_id
    assert Movement.objects.count() == Act.objects.exclude(kind="counted").count() == 2
