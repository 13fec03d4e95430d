"""Stock as a whole on a real database: orders, places, transfers, lots, stock that leaves, draws that are prepared."""

from datetime import timedelta

import pytest

from a_custody_scene import Scene, count_all, product_named, sign_plan, stock
from conftest import PASSWORD
from vigil.custody import actions, queries
from vigil.custody.domain.deeds import Arrived, Diluted, Ordered, Sent, SentOut
from vigil.custody.domain.facts import Drawn, Period, Wasted
from vigil.custody.domain.things import SAFE, Strength
from vigil.evidence.jurisdictions import load_jurisdiction
from vigil.record.clock import new_id
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


@pytest.fixture
def buyer(hire):
    return hire("buyer", "order")


def once(scene: Scene, **more: object) -> dict[str, object]:
    return {"by": scene.nurse, "at": scene.at, "key": new_id(), **more}


def witnessed(scene: Scene, **more: object) -> dict[str, object]:
    witness = {"witness_login": scene.witness.login, "witness_password": PASSWORD}
    return once(scene, **{**witness, **more})


# --- orders ----------------------------------------------------------------------------------------


def ordered(buyer, at, number: int = 3) -> Ordered:
    return actions.order(
        product_id=product_named(buyer.clinic_id, "10 mg/mL").product_id, containers=number,
        supplier="Wholesaler", reference="PO-1", by=buyer, at=at, key=new_id(),
    )  # fmt: skip


def come(compliance, at, order_id, number: int, *, part: str = "10 mg/mL"):
    return actions.receive(
        product_id=product_named(compliance.clinic_id, part).product_id, lot=f"L{part[:2]}",
        expires_on=at.date() + timedelta(days=300), containers=number, invoice="INV", by=compliance,
        at=at, key=new_id(), order_id=order_id,
    )  # fmt: skip


def test_a_delivery_says_what_it_brought_of_its_order(buyer, compliance, at, clinic):
    """Less, the rest, and more than was ordered: each is taken in and said, because it is there."""
    order = ordered(buyer, at)

    first = come(compliance, at, order.order_id, 2)
    assert (first.ordered, first.surplus) == (3, -1)
    assert queries.order(order.order_id, clinic_id=clinic.clinic_id).waiting == 1
    more = come(compliance, at, order.order_id, 4)
    assert (more.ordered, more.surplus) == (1, 3)
    assert queries.order(order.order_id, clinic_id=clinic.clinic_id).waiting == -3
    assert queries.orders(clinic.clinic_id, is_open_only=True) == ()
    assert len(queries.containers(clinic.clinic_id)) == 6


def test_ordering_receiving_and_preparing_are_separate_duties(buyer, compliance, nurse, at):
    """Who orders may not receive by that duty, and the other way round."""
    order = ordered(buyer, at)

    assert come(buyer, at, order.order_id, 1).code == "PEO-DUTY"
    assert ordered(compliance, at).code == "PEO-DUTY"
    assert ordered(nurse, at).code == "PEO-DUTY"


def test_a_delivery_of_another_product_is_not_that_orders(buyer, compliance, at):
    order = ordered(buyer, at)

    assert come(compliance, at, order.order_id, 1, part="28 mg").code == "CUS-ORDER-OTHER"
    assert come(compliance, at, new_id(), 1).code == "CUS-ORDER-UNKNOWN"


# --- places ----------------------------------------------------------------------------------------


@pytest.fixture
def cabinet(scene):
    return actions.open_place(kind="cabinet", name="Cabinet", **once(scene)).place


def send(scene: Scene, place_id, **changes: object):
    return actions.send(
        container_ids=[scene.vial.container_id], place_id=place_id, reason="for the day",
        **once(scene, **changes),
    )  # fmt: skip


def test_a_vial_is_in_the_safe_on_the_way_or_in_the_cabinet_and_never_twice(scene, cabinet, clinic):
    """I13: out and in are a pair by two people; on the way nothing is drawn, and it is late after its hours."""
    assert scene.vial_now().place == SAFE
    sent = send(scene, cabinet.place_id, within_hours=3)
    on_the_way = scene.vial_now()
    refused = scene.draw(1_000)
    (waiting,) = queries.open_transfers(clinic.clinic_id)
    by_oneself = actions.arrive(transfer_id=sent.transfer_id, **once(scene))
    arrived = actions.arrive(transfer_id=sent.transfer_id, **once(scene, by=scene.witness))

    assert isinstance(sent, Sent)
    assert on_the_way.place.kind == "transfer"
    assert refused.code == "CUS-ON-THE-WAY"
    assert not waiting.is_overdue(scene.at + timedelta(hours=2, minutes=59))
    assert waiting.is_overdue(scene.at + timedelta(hours=3))
    assert by_oneself.code == "CUS-TRANSFER-SELF"
    assert isinstance(arrived, Arrived)
    assert scene.vial_now().place == cabinet
    assert queries.open_transfers(clinic.clinic_id) == ()
    assert isinstance(scene.draw(1_000), Drawn)
    back = send(scene, None)
    actions.arrive(transfer_id=back.transfer_id, **once(scene, by=scene.witness))
    assert scene.vial_now().place == SAFE


def test_places_have_names_of_their_own(scene, cabinet, clinic):
    assert (
        actions.open_place(kind="cabinet", name=" cabinet ", **once(scene)).code == "CUS-PLACE-NAME"
    )
    assert actions.open_place(kind="safe", name="Safe", **once(scene)).code == "CUS-PLACE-NAME"
    assert [each.name for each in queries.places(clinic.clinic_id)] == ["Safe", "Cabinet"]


def test_the_story_of_a_vial_tells_where_it_was(scene, cabinet, clinic):
    sent = send(scene, cabinet.place_id)
    actions.arrive(transfer_id=sent.transfer_id, **once(scene, by=scene.witness))

    story = queries.history(scene.vial.container_id, clinic_id=clinic.clinic_id)

    assert [line.text for line in story.lines[-2:]] == ["Sent to Cabinet", "Received in Cabinet"]


# --- recall and stock that leaves ------------------------------------------------------------------


def test_a_recall_names_every_container_and_every_patient_who_got_it(scene, compliance, clinic):
    """One act holds all; the list of patients is what the movements say, not what somebody remembers."""
    stock(compliance, scene.at)
    stock(compliance, scene.at, lot="OTHER")
    drawn = scene.draw(50_000)
    wasted_only = scene.draw(10_000)
    actions.give(draw_id=drawn.draw_id, amount_ug=35_000, **once(scene))
    scene.waste(wasted_only.draw_id, 10_000)
    product_id = scene.vial.product.product_id

    held = actions.hold_lot(
        product_id=product_id, lot="K2291", reason="recall", **once(scene, by=compliance)
    )
    (patient,) = queries.patients_of_lot(clinic.clinic_id, product_id=product_id, lot="K2291")
    recalled, other = queries.lots(clinic.clinic_id)

    assert len(held.container_ids) == 2
    assert (patient.patient_id, patient.draw_id, patient.given_ug) == (
        scene.patient.patient_id, drawn.draw_id, 35_000,
    )  # fmt: skip
    assert (recalled.lot, recalled.containers, recalled.held, recalled.patients) == (
        "K2291",
        2,
        2,
        1,
    )
    assert (recalled.remaining_ug, recalled.in_syringes_ug) == (340_000, 15_000)
    assert (other.lot, other.held) == ("OTHER", 0)
    assert other.is_expired(other.expires_on) is False
    assert other.is_expired(other.expires_on + timedelta(days=1)) is True


def send_out(scene: Scene, **changes: object):
    ask = {
        "container_ids": [scene.vial.container_id], "to": "distributor", "recipient": "Returns Ltd",
        "reference": "F41-7", "reason": "recalled",
    }  # fmt: skip
    return actions.send_out(**witnessed(scene, **{**ask, **changes}))


def test_recalled_stock_leaves_with_a_paper_and_two_people(scene, compliance, clinic):
    """A held vial cannot be wasted or drawn, but it can be sent to a reverse distributor with all that is in it."""
    scene.waste(scene.draw(50_000).draw_id, 50_000)
    actions.hold_lot(
        product_id=scene.vial.product.product_id, lot="K2291", reason="recall",
        **once(scene, by=compliance),
    )  # fmt: skip

    no_paper = send_out(scene, by=compliance, reference=" ")
    alone = send_out(scene, by=compliance, witness_login="compliance")
    gone = send_out(scene, by=compliance)
    again = send_out(scene, by=compliance)

    assert isinstance(gone, SentOut)
    assert (no_paper.code, alone.code) == ("CUS-OUT-PAPER", "PEO-WITNESS-SELF")
    assert again.code == "CUS-OUT-EMPTY"
    assert gone.containers[0].amount_ug == 150_000
    totals = queries.totals(clinic.clinic_id)
    assert (totals.distributor_ug, totals.stock_ug, totals.unexplained_ug) == (150_000, 0, 0)


def test_stock_that_goes_back_to_the_supplier_is_a_return(scene, compliance, clinic):
    send_out(scene, by=compliance, to="returned", recipient="Wholesaler", reference="RMA-3")

    totals = queries.totals(clinic.clinic_id)
    (page,) = queries.register(
        clinic.clinic_id, Period(start=scene.at, end=scene.at + timedelta(days=1))
    )
    assert (totals.returned_ug, totals.distributor_ug) == (200_000, 0)
    assert (page.rows[-1].out_ug, page.rows[-1].balance_ug, page.rows[-1].reference) == (
        200_000, 0, "RMA-3",
    )  # fmt: skip


# --- draws that are prepared -----------------------------------------------------------------------


def test_a_bag_keeps_the_amount_and_gets_an_exact_strength(scene, clinic):
    """35 mg in 100 mL is 7 µg in 20 µL: never rounded; a volume that is no whole microgram is told."""
    drawn = scene.draw(35_000)
    bag = actions.dilute(
        draw_id=drawn.draw_id, to_volume_ul=100_000, diluent="NaCl 0.9 %", **witnessed(scene)
    )
    twice = actions.dilute(
        draw_id=drawn.draw_id, to_volume_ul=200_000, diluent="NaCl 0.9 %", **witnessed(scene)
    )

    draw = queries.draw(drawn.draw_id, clinic_id=clinic.clinic_id)
    assert isinstance(bag, Diluted)
    assert twice.code == "CUS-DILUTE-STATE"
    assert (draw.remaining_ug, draw.diluted_to_ul) == (35_000, 100_000)
    assert draw.strength == Strength(ug=7, per_ul=20)
    assert (draw.strength.amount_ug(50_000), draw.strength.amount_ug(1)) == (17_500, None)
    assert (draw.strength.volume_ul(7), draw.strength.volume_ul(1)) == (20, None)


def use(scene: Scene, drawn: Drawn, is_in_use: bool, **changes: object):
    ask = {"draw_id": drawn.draw_id, "is_in_use": is_in_use, "purpose_id": drawn.purpose_id}
    return actions.change_use(**once(scene, **{**ask, **changes}))


def test_nothing_is_wasted_from_a_draw_that_its_purpose_claimed(scene, clinic):
    """What is left while it runs is not known; giving goes on, and the claim is given back by its purpose alone."""
    drawn = scene.draw(50_000)
    use(scene, drawn, True)

    refused = scene.waste(drawn.draw_id, 1_000)
    other = use(scene, drawn, False, purpose_id=new_id())
    given = actions.give(draw_id=drawn.draw_id, amount_ug=35_000, **once(scene))
    assert queries.draw(drawn.draw_id, clinic_id=clinic.clinic_id).is_in_use
    use(scene, drawn, False)
    wasted = scene.waste(drawn.draw_id, 15_000)

    assert (refused.code, other.code) == ("CUS-BEING-GIVEN", "CUS-USE-OTHER")
    assert not isinstance(given, Refused)
    assert isinstance(wasted, Wasted)


def test_a_rest_in_hub_and_needle_is_a_signed_line_within_its_declaration(
    scene, compliance, clinic
):
    """Never hidden: only where the law was adopted by name, only declared, only the last line, and read as its own."""
    drawn = scene.draw(50_000)
    actions.give(draw_id=drawn.draw_id, amount_ug=49_000, **once(scene))
    product_id = scene.vial.product.product_id

    def declare(volume_ul: int):
        return actions.set_dead_space(
            product_id=product_id, volume_ul_max=volume_ul, reason="weighed ten syringes",
            **witnessed(scene),
        )  # fmt: skip

    def book(amount_ug: int):
        return actions.book_dead_space(
            draw_id=drawn.draw_id, amount_ug=amount_ug, **witnessed(scene)
        )

    assert declare(100).code == "CUS-DEAD-SPACE-LAW"
    assert book(1_000).code == "CUS-DEAD-SPACE-OVER"
    law = load_jurisdiction("us-dea")
    actions.adopt_jurisdiction(
        jurisdiction_id="us-dea", content_hash=law.content_hash, signed_off=["dead-space-estimate"],
        password=PASSWORD, **once(scene, by=compliance),
    )  # fmt: skip
    assert declare(501).code == "CUS-DEAD-SPACE-VOLUME"
    declare(90)
    assert book(1_000).code == "CUS-DEAD-SPACE-OVER"
    declare(100)
    assert queries.declared_ul(product_id, clinic_id=clinic.clinic_id) == 100
    assert book(500).code == "CUS-DEAD-SPACE-LAST"
    booked = book(1_000)

    story = queries.history(scene.vial.container_id, clinic_id=clinic.clinic_id)
    assert not isinstance(booked, Refused)
    assert story.lines[-1].text == "Left in hub and needle, estimated: 1 mg"
    assert story.lines[-1].witness_name == scene.witness.name
    assert queries.unexplained_ug(clinic.clinic_id) == 0


# --- balances at any instant -----------------------------------------------------------------------


def test_the_balance_of_anything_at_any_instant_sums_to_zero(scene, clinic):
    """Before, between and after: each account as it was, and all of them together nothing."""
    drawn = scene.draw(50_000, at=scene.at + timedelta(hours=1))
    actions.give(
        draw_id=drawn.draw_id, amount_ug=35_000, **once(scene, at=scene.at + timedelta(hours=2))
    )

    def held(hours: float) -> dict[str, int]:
        rows = queries.balance(clinic.clinic_id, scene.at + timedelta(hours=hours))
        assert sum(each.ug for each in rows) == 0
        return {each.kind: each.ug for each in rows}

    assert held(-1) == {}
    assert held(0) == {"supplier": -200_000, "container": 200_000}
    assert held(0.99) == held(0)
    assert held(1) == {"supplier": -200_000, "container": 150_000, "draw": 50_000}
    assert held(2) == held(9) == {
        "supplier": -200_000, "container": 150_000, "draw": 15_000, "patient": 35_000,
    }  # fmt: skip
    now = {each.kind: each for each in queries.balance(clinic.clinic_id)}
    assert now["draw"].of == drawn.draw_id
    assert now["draw"].label == now["container"].label == scene.vial.label
    assert (now["patient"].of, now["patient"].product) == (None, None)


def test_the_acts_of_an_hour_name_people_containers_and_reasons(scene, clinic):
    """Half-open in time, in the server's order; of one container or of all."""
    later = scene.at + timedelta(hours=1)
    drawn = scene.draw(50_000, at=later)
    scene.waste(drawn.draw_id, 50_000, at=later + timedelta(minutes=1))

    lines = queries.acts_between(
        clinic.clinic_id, start=later, end=later + timedelta(minutes=1),
        container_id=scene.vial.container_id,
    )  # fmt: skip
    everything = queries.acts_between(
        clinic.clinic_id, start=scene.at, end=later + timedelta(hours=1)
    )

    assert [(each.kind, each.container_labels) for each in lines] == [
        ("drawn", (scene.vial.label,))
    ]
    assert (lines[0].by.name, lines[0].witness.name) == (scene.nurse.name, scene.witness.name)
    assert [each.kind for each in everything] == ["received", "counted", "drawn", "wasted"]
    assert everything[-1].reason == "left in the syringe"
    assert (
        queries.acts_between(clinic.clinic_id, start=scene.at, end=later, container_id=new_id())
        == ()
    )
