"""The wider ledger's guards: what raw SQL may not do to corrections, places, claims and held stock."""

import pytest
from django.db import DatabaseError, connection, transaction

from a_custody_scene import Scene, count_all, sign_plan, stock
from vigil.custody import actions
from vigil.custody.domain.ledger import FLOWS
from vigil.custody.models import Act as ActRow
from vigil.custody.writing import open_outside_account
from vigil.record.clock import new_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(patient, prescriber, compliance, nurse, second_nurse, at) -> Scene:
    vial, _ = stock(compliance, at, containers=2)
    count_all(nurse, second_nurse, at)
    return Scene(
        vial=vial, patient=patient, plan_id=sign_plan(patient, prescriber, at), nurse=nurse,
        witness=second_nurse, at=at,
    )  # fmt: skip


def run(*statements: tuple[str, list[object]]) -> None:
    """Statements in one savepoint, with the deferred constraints asked at its end."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for sql, values in statements:
            cursor.execute(sql, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def refuses(because: str, *statements: tuple[str, list[object]]) -> None:
    with pytest.raises(DatabaseError, match=because):
        run(*statements)


def act(kind: str, *, by: str = "by_id", witness: str = "witness_id") -> tuple[str, list[object]]:
    """A new act by hand, copied from the first draw."""
    return (
        "INSERT INTO custody_act (act_id, clinic_id, kind, at, recorded_at, by_id, witness_id, key, "
        f"request_hash, body) SELECT gen_random_uuid(), clinic_id, %s, at, recorded_at, {by}, {witness}, "
        "gen_random_uuid(), request_hash, body FROM custody_act WHERE kind = 'drawn' ORDER BY id LIMIT 1",
        [kind],
    )  # fmt: skip


LAST = "(SELECT max(id) FROM custody_act)"


def move(*legs: tuple[object, object, int]) -> tuple[str, list[object]]:
    """Movements of the newest act, in one statement."""
    rows = " UNION ALL ".join(["SELECT %s::uuid AS s, %s::uuid AS t, %s AS ug"] * len(legs))
    return (
        "INSERT INTO custody_movement (clinic_id, act_id, source_id, target_id, ug) "
        f"SELECT a.clinic_id, a.id, legs.s, legs.t, legs.ug FROM ({rows}) legs, custody_act a "
        f"WHERE a.id = {LAST}",
        [value for leg in legs for value in leg],
    )


def correction(
    corrects: int, container: object, draw: object, was: int, now: int, reason="typed wrong"
):
    return (
        "INSERT INTO custody_correction (id, clinic_id, act_id, corrects_id, container_id, draw_id, was_ug, "
        f"is_ug, reason) SELECT gen_random_uuid(), clinic_id, {LAST}, %s, %s, %s, %s, %s, %s "
        "FROM custody_act WHERE id = %s",
        [corrects, container, draw, was, now, reason, corrects],
    )


@pytest.fixture
def drawn(scene):
    return scene.draw(50_000)


@pytest.fixture
def first_draw(drawn) -> int:
    return ActRow.objects.get(kind="drawn").id


def test_a_correction_by_hand_that_is_a_true_pair_is_taken(scene, drawn, first_draw):
    """Control of the refusals below: the same statements, right, pass."""
    vial, draw = scene.vial.container_id, drawn.draw_id

    run(
        act("corrected"),
        correction(first_draw, vial, draw, 50_000, 40_000),
        move((draw, vial, 50_000), (vial, draw, 40_000)),
    )

    assert scene.vial_now().remaining_ug == 160_000


def test_a_correction_names_the_act_it_corrects(scene, drawn):
    """I6: movements backwards without a reference are refused at commit."""
    vial, draw = scene.vial.container_id, drawn.draw_id

    refuses("names the act", act("corrected"), move((draw, vial, 50_000), (vial, draw, 40_000)))


@pytest.mark.parametrize(
    ("was", "now", "back", "forth"),
    [
        (50_000, 40_000, 50_000, 45_000),
        (50_000, 40_000, 45_000, 40_000),
        (45_000, 40_000, 45_000, 40_000),
    ],
)
def test_a_correction_takes_back_what_was_booked(scene, drawn, first_draw, was, now, back, forth):
    """I6: neither half may say another amount than the row, and the row not another than the act."""
    vial, draw = scene.vial.container_id, drawn.draw_id

    refuses(
        "takes back what was booked",
        act("corrected"),
        correction(first_draw, vial, draw, was, now),
        move((draw, vial, back), (vial, draw, forth)),
    )


def test_a_correction_has_a_reason_a_change_and_a_second_person(scene, drawn, first_draw):
    """I6 and I4, each at the table."""
    vial, draw = scene.vial.container_id, drawn.draw_id
    pair = move((draw, vial, 50_000), (vial, draw, 40_000))

    refuses(
        "has_reason", act("corrected"), correction(first_draw, vial, draw, 50_000, 40_000, ""), pair
    )
    refuses("changes", act("corrected"), correction(first_draw, vial, draw, 50_000, 50_000), pair)
    refuses("witness_needed_since", act("corrected", witness="NULL"))
    refuses("witness_is_other", act("corrected", witness="by_id"))


def test_an_act_is_corrected_once(scene, drawn, first_draw):
    """A second correction must correct the first one, so that the chain of amounts is one line."""
    vial, draw = scene.vial.container_id, drawn.draw_id
    run(
        act("corrected"),
        correction(first_draw, vial, draw, 50_000, 40_000),
        move((draw, vial, 50_000), (vial, draw, 40_000)),
    )

    refuses(
        "custody_correction_once",
        act("corrected"),
        correction(first_draw, vial, draw, 50_000, 30_000),
        move((draw, vial, 50_000), (vial, draw, 30_000)),
    )


def test_a_correction_never_takes_a_balance_below_zero(scene, drawn, first_draw):
    """I2: the pair is booked by its net, and the net meets the same checks."""
    vial, draw = scene.vial.container_id, drawn.draw_id
    actions.give(draw_id=draw, amount_ug=45_000, by=scene.nurse, at=scene.at, key=new_id())

    refuses(
        "custody_draw_never_under",
        act("corrected"),
        correction(first_draw, vial, draw, 50_000, 40_000),
        move((draw, vial, 50_000), (vial, draw, 40_000)),
    )
    refuses(
        "custody_container_never_over_or_under",
        act("corrected"),
        correction(first_draw, vial, draw, 50_000, 200_010),
        move((draw, vial, 50_000), (vial, draw, 200_010)),
    )


def test_drug_goes_backwards_only_in_a_correction(scene, drawn, clinic):
    """The reverse of each way needs an act that says it is a correction."""
    account = {
        kind: open_outside_account(clinic.clinic_id, kind)
        for kind in ("supplier", "patient", "waste", "returned", "distributor", "loss")
    } | {"container": scene.vial.container_id, "draw": drawn.draw_id}
    # A put-back is a way of its own, so draw to container is no reverse.
    backwards = {(target, source) for source, target in FLOWS} - FLOWS

    for source, target in sorted(backwards):
        refuses("does not move", act("given"), move((account[source], account[target], 10)))


def test_a_draw_belongs_to_its_own_container(scene, drawn, compliance, at):
    """I1 per lot: nothing is poured from one vial's syringe into another vial, nor drawn for it."""
    (other,) = stock(compliance, at, lot="K9999")

    refuses("its own container", act("put-back"), move((drawn.draw_id, other.container_id, 10)))
    refuses("its own container", act("drawn"), move((other.container_id, drawn.draw_id, 10)))


def test_nothing_is_drawn_from_a_held_lot_even_by_hand(scene, drawn, compliance):
    """A recall holds at the table too."""
    actions.hold_lot(
        product_id=scene.vial.product.product_id, lot="K2291", reason="recall", by=compliance,
        at=scene.at, key=new_id(),
    )  # fmt: skip

    refuses("set aside", act("drawn"), move((scene.vial.container_id, drawn.draw_id, 10)))


@pytest.fixture
def quarantine(scene):
    opened = actions.open_place(
        kind="quarantine", name="Quarantine", by=scene.nurse, at=scene.at, key=new_id()
    )
    return opened.place.place_id


def send(scene, place_id):
    return actions.send(
        container_ids=[scene.vial.container_id], place_id=place_id, reason="doubtful seal",
        by=scene.nurse, at=scene.at, key=new_id(),
    )  # fmt: skip


def test_nothing_is_drawn_on_the_way_or_in_quarantine_even_by_hand(scene, drawn, quarantine):
    """I13: what is between two places, or set apart, is not used."""
    take = move((scene.vial.container_id, drawn.draw_id, 10))
    sent = send(scene, quarantine)

    refuses("on the way", act("drawn"), take)
    actions.arrive(transfer_id=sent.transfer_id, by=scene.witness, at=scene.at, key=new_id())
    refuses("set aside or on the way", act("drawn"), take)


def test_a_place_changes_only_with_a_transfer(scene, quarantine):
    """I13: no statement puts a container somewhere."""
    moved = "changes only with a transfer"
    sent = send(scene, quarantine)

    refuses(moved, ("UPDATE custody_container SET transfer_id = NULL", []))
    refuses(
        "changes only|at_one_place", ("UPDATE custody_container SET place_id = %s", [quarantine])
    )
    refuses(
        "already",
        act_like_sent(),
        (
            "INSERT INTO custody_placement (clinic_id, act_id, container_id, transfer_id) "
            f"SELECT clinic_id, {LAST}, %s, %s FROM custody_act LIMIT 1",
            [scene.vial.container_id, sent.transfer_id],
        ),
    )
    refuses(
        "only by its transfer",
        act_like_sent(),
        (
            "INSERT INTO custody_placement (clinic_id, act_id, container_id, place_id) "
            f"SELECT clinic_id, {LAST}, %s, NULL FROM custody_act LIMIT 1",
            [scene.vial.container_id],
        ),
    )


def act_like_sent() -> tuple[str, list[object]]:
    return (
        "INSERT INTO custody_act (act_id, clinic_id, kind, at, recorded_at, by_id, key, request_hash, body) "
        "SELECT gen_random_uuid(), clinic_id, 'arrived', at, recorded_at, by_id, gen_random_uuid(), "
        "request_hash, body FROM custody_act WHERE kind = 'sent' LIMIT 1",
        [],
    )


def test_who_sent_does_not_receive_and_all_that_was_sent_arrives(scene, quarantine):
    """I13: two people, once, whole."""
    sent = send(scene, quarantine)
    arrival = (
        "INSERT INTO custody_arrival (clinic_id, act_id, transfer_id) "
        f"SELECT clinic_id, {LAST}, %s FROM custody_act LIMIT 1",
        [sent.transfer_id],
    )
    by_another = (
        "INSERT INTO custody_act (act_id, clinic_id, kind, at, recorded_at, by_id, key, request_hash, body) "
        "SELECT gen_random_uuid(), clinic_id, 'arrived', at, recorded_at, %s, gen_random_uuid(), "
        "request_hash, body FROM custody_act WHERE kind = 'sent' LIMIT 1",
        [scene.witness.staff_id],
    )

    refuses("does not receive it", act_like_sent(), arrival)
    refuses("received whole", by_another, arrival)


def test_a_draw_in_use_is_only_given_even_by_hand(scene, drawn, clinic):
    """H13: what runs into a patient cannot be wasted on paper meanwhile."""
    waste = open_outside_account(clinic.clinic_id, "waste")
    actions.change_use(
        draw_id=drawn.draw_id, is_in_use=True, purpose_id=drawn.purpose_id, by=scene.nurse,
        at=scene.at, key=new_id(),
    )  # fmt: skip

    refuses("only given", act("wasted"), move((drawn.draw_id, waste, 10)))
    refuses("moves only with a movement", ("UPDATE custody_draw SET is_in_use = false", []))
    refuses(
        "changes whether",
        act("use-changed"),
        (
            "INSERT INTO custody_use (clinic_id, act_id, draw_id, is_in_use) "
            f"SELECT clinic_id, {LAST}, %s, true FROM custody_act LIMIT 1",
            [drawn.draw_id],
        ),
    )


def test_the_plan_of_a_draw_is_the_plan_of_its_patient(scene, drawn, front_desk, at):
    """I5: at the table, whoever writes."""
    from datetime import date

    from vigil.people.actions import register_patient

    other = register_patient(
        name="Other Patient", born_on=date(1980, 1, 1), sex="male", phone="", allergies=(),
        by=front_desk, at=at, key=new_id(),
    )  # fmt: skip

    refuses(
        "the plan of its patient",
        act("drawn"),
        (
            "INSERT INTO custody_draw (id, clinic_id, act_id, container_id, patient_id, plan_id, purpose_id, "
            "drawn_ug, given_ug, wasted_ug, returned_ug, remaining_ug) SELECT gen_random_uuid(), clinic_id, "
            f"{LAST}, container_id, %s, plan_id, purpose_id, 0, 0, 0, 0, 0 FROM custody_draw LIMIT 1",
            [other.patient_id],
        ),
    )


def test_an_older_program_can_still_write_a_draw(scene, drawn):
    """Columns that came later have defaults in the database: the INSERT of the first release still works."""
    before = scene.vial_now().remaining_ug
    run(
        act("drawn"),
        (
            "INSERT INTO custody_draw (id, clinic_id, act_id, container_id, patient_id, plan_id, purpose_id, "
            "drawn_ug, given_ug, wasted_ug, returned_ug, remaining_ug) SELECT %s, clinic_id, "
            f"{LAST}, container_id, patient_id, plan_id, purpose_id, 0, 0, 0, 0, 0 FROM custody_draw LIMIT 1",
            [(new := new_id())],
        ),
        (
            "INSERT INTO custody_account (id, clinic_id, kind, draw_id) "
            "SELECT %s, clinic_id, 'draw', %s FROM custody_draw LIMIT 1",
            [new, new],
        ),
        move((scene.vial.container_id, new, 500)),
    )

    assert scene.vial_now().remaining_ug == before - 500


@pytest.mark.parametrize(
    "table",
    ["order", "delivery", "place", "transfer", "arrival", "placement", "dilution", "use", "deadspace",
     "loss", "correction", "closing", "adoption"],
)  # fmt: skip
def test_no_row_around_the_ledger_is_edited(table):
    """I6: a trigger for each row and one for the table, on each of the new tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgtype FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal "
            "AND tgenabled = 'O' AND (tgtype & 2) = 2",
            [f"custody_{table}"],
        )
        kinds = [row[0] for row in cursor.fetchall()]

    # Bits of tgtype: 1 row, 8 delete, 16 update, 32 truncate.
    assert any(kind & 1 and kind & 8 and kind & 16 for kind in kinds)
    assert any(kind & 32 for kind in kinds)
    refuses("annot truncate|never deleted", (f"TRUNCATE custody_{table} CASCADE", []))


def test_a_loss_was_counted_or_was_a_draw(scene, drawn):
    """Nothing goes from a vial to loss without the count that found it."""
    refuses(
        "loss_was_counted",
        act("lost"),
        (
            "INSERT INTO custody_loss (id, clinic_id, act_id, container_id, amount_ug) "
            f"SELECT gen_random_uuid(), clinic_id, {LAST}, %s, 10 FROM custody_act LIMIT 1",
            [scene.vial.container_id],
        ),
    )


def test_wrong_words_are_refused(scene, drawn, first_draw):
    """Kinds of acts, places and closings are lists that the table knows."""
    refuses("known_kind", act("borrowed"))
    refuses(
        "place_known_kind",
        act("place-opened"),
        (
            "INSERT INTO custody_place (id, clinic_id, act_id, kind, name) "
            f"SELECT gen_random_uuid(), clinic_id, {LAST}, 'pocket', 'Pocket' FROM custody_act LIMIT 1",
            [],
        ),
    )
