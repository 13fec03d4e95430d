"""Custody on a real database: acts, retries, witnesses, counts, and what the page of the day says."""

import json
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from a_custody_scene import Scene, count_all, product_named, sign_plan, stock
from conftest import PASSWORD
from vigil.custody import actions, queries
from vigil.custody.domain.facts import Counted, Drawn, Given, PutBack, Received, Wasted
from vigil.custody.domain.fold import fold
from vigil.custody.models import Act as ActRow
from vigil.custody.models import Discrepancy as DiscrepancyRow
from vigil.custody.models import Movement as MovementRow
from vigil.custody.rows import act_fact
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


def test_a_day_ends_at_exactly_zero_unexplained(scene, clinic):
    """INV-CUS-03: received = given + wasted + returned + stock + in syringes, at every step."""
    seen = [queries.unexplained_ug(clinic.clinic_id)]

    drawn = scene.draw(50_000)
    seen.append(queries.unexplained_ug(clinic.clinic_id))
    actions.give(draw_id=drawn.draw_id, amount_ug=35_000, by=scene.nurse, at=scene.at, key=new_id())
    seen.append(queries.unexplained_ug(clinic.clinic_id))
    scene.waste(drawn.draw_id, 15_000)
    seen.append(queries.unexplained_ug(clinic.clinic_id))

    totals = queries.totals(clinic.clinic_id)
    (draw,) = queries.draws_for(drawn.purpose_id, clinic_id=clinic.clinic_id)
    assert seen == [0, 0, 0, 0]
    assert (totals.received_ug, totals.given_ug, totals.wasted_ug) == (200_000, 35_000, 15_000)
    assert (totals.stock_ug, totals.in_syringes_ug) == (150_000, 0)
    assert (draw.given_ug, draw.wasted_ug, draw.remaining_ug) == (35_000, 15_000, 0)
    assert queries.disagreements(clinic.clinic_id) == ()


def test_the_fold_of_the_acts_equals_the_balance_rows(scene, clinic):
    """INV-CUS-04: two derivations, one truth."""
    drawn = scene.draw(50_000)
    actions.give(draw_id=drawn.draw_id, amount_ug=35_000, by=scene.nurse, at=scene.at, key=new_id())

    book = fold(act_fact(row) for row in ActRow.objects.order_by("id"))

    assert tuple(book.containers.values()) == queries.containers(clinic.clinic_id)
    assert book.draws[drawn.draw_id] == queries.draw(drawn.draw_id, clinic_id=clinic.clinic_id)


def test_every_act_stands_in_the_chained_register_and_sums_to_zero(scene):
    """I1: each entry's movements sum to zero, negative for out."""
    drawn = scene.draw(35_000)

    entries = Entry.objects.filter(register="custody").order_by("id")
    lines = [json.loads(entry.body)["movements"] for entry in entries]

    assert [entry.kind for entry in entries] == [
        "custody.Received", "custody.Counted", "custody.Drawn",
    ]  # fmt: skip
    assert all(sum(line["ug"] for line in each) == 0 for each in lines)
    assert lines[-1] == [
        {"account": f"container:{scene.vial.container_id}", "ug": -35_000},
        {"account": f"draw:{drawn.draw_id}", "ug": 35_000},
    ]
    assert all(entry.link.seq for entry in entries)


def test_a_lost_reply_and_a_retry_record_once(scene):
    """I7: the same key gives the same answer, byte for byte, and no second effect."""
    key, purpose = new_id(), new_id()

    first = scene.draw(key=key, purpose_id=purpose)
    before = written()
    second = scene.draw(key=key, purpose_id=purpose, at=scene.at + timedelta(minutes=5))

    assert first == second
    assert written() == before
    assert scene.vial_now().remaining_ug == 165_000


def test_the_same_key_for_another_request_is_refused(scene):
    """A form used twice for two different things is a defect to show, not to guess about."""
    key = new_id()
    scene.draw(35_000, key=key)
    before = written()

    second = scene.draw(36_000, key=key)

    assert isinstance(second, Refused)
    assert second.code == "CUS-KEY-REUSED"
    assert written() == before


def test_a_retry_is_answered_even_when_the_vial_is_empty_by_now(scene):
    """The first answer stands: a retry after the last drop is not a shortage."""
    key, purpose = new_id(), new_id()
    first = scene.draw(200_000, key=key, purpose_id=purpose)

    assert scene.draw(200_000, key=key, purpose_id=purpose) == first


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"witness_password": "wrong"}, "PEO-WITNESS-SIGN-IN"),
        ({"witness_login": "nobody"}, "PEO-WITNESS-SIGN-IN"),
        ({"witness_login": "nurse1"}, "PEO-WITNESS-SELF"),
        ({"witness_login": "desk"}, "PEO-DUTY"),
    ],
)
def test_a_witness_who_cannot_sign_leaves_nothing_written(scene, changes, code):
    """INV-CUS-05: no row anywhere, neither for a draw nor for waste nor for a count."""
    drawn = scene.draw(35_000)
    before = written()

    answers = [
        scene.draw(10_000, **changes),
        scene.waste(drawn.draw_id, 35_000, **changes),
        actions.count(
            **{
                "kind": "closing", "counted_ug": {scene.vial.container_id: 165_000},
                "witness_login": "nurse2", "witness_password": PASSWORD, "by": scene.nurse,
                "at": scene.at, "key": new_id(), **changes,
            }
        ),
    ]  # fmt: skip

    assert [answer.code for answer in answers] == [code] * 3
    assert written() == before


def test_a_person_without_the_duty_is_refused(scene, front_desk, compliance):
    """Preparing, giving, receiving and reconciling are separate duties."""
    drawn = scene.draw(35_000)
    before = written()

    answers = [
        scene.draw(by=front_desk),
        scene.waste(drawn.draw_id, 35_000, by=compliance),
        actions.give(
            draw_id=drawn.draw_id, amount_ug=35_000, by=compliance, at=scene.at, key=new_id()
        ),
        actions.receive(
            product_id=scene.vial.product.product_id, lot="L", expires_on=date(2028, 1, 1),
            containers=1, invoice="I", by=scene.nurse, at=scene.at, key=new_id(),
        ),
        count_all(front_desk, scene.witness, scene.at),
    ]  # fmt: skip

    assert [answer.code for answer in answers] == ["PEO-DUTY"] * 5
    assert written() == before


def test_the_day_opens_by_the_wall_clock_of_the_clinic(scene, second_nurse, nurse):
    """H13: 03:30 UTC on the 24th is still the evening of the 23rd in New York."""
    late = datetime(2026, 11, 24, 3, 30, tzinfo=UTC)
    next_morning = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

    assert isinstance(scene.draw(1_000, at=late), Drawn)
    assert scene.draw(1_000, at=next_morning).code == "CUS-DAY-NOT-OPEN"
    count_all(nurse, second_nurse, next_morning)
    assert isinstance(scene.draw(1_000, at=next_morning), Drawn)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 11, 1), 25), (date(2027, 3, 14), 23), (date(2026, 12, 1), 24)]
)
def test_the_day_is_the_clinics_date_also_when_the_clocks_change(
    scene, nurse, second_nurse, day, hours
):
    """Counted at its first moment, a day is open to its last second, and closed at the midnight that ends it."""
    zone = ZoneInfo("America/New_York")
    begins, ends = (
        datetime.combine(each, time(), zone).astimezone(UTC)
        for each in (day, day + timedelta(days=1))
    )
    assert ends - begins == timedelta(hours=hours)
    count_all(nurse, second_nurse, begins)

    assert isinstance(scene.draw(1_000, at=begins), Drawn)
    assert isinstance(scene.draw(1_000, at=ends - timedelta(seconds=1)), Drawn)
    assert scene.draw(1_000, at=ends).code == "CUS-DAY-NOT-OPEN"


def test_a_closing_count_closes_the_day(scene, nurse, second_nurse):
    """After the closing count nothing is drawn until a new opening count."""
    count_all(nurse, second_nurse, scene.at, kind="closing")

    refused = scene.draw(1_000)

    assert refused.code == "CUS-DAY-NOT-OPEN"
    assert isinstance(count_all(nurse, second_nurse, scene.at), Counted)
    assert isinstance(scene.draw(1_000), Drawn)


def test_a_difference_opens_a_discrepancy_with_owner_and_clock(
    scene, clinic, compliance, nurse, second_nurse
):
    """I10: it opens in the same act, shows its arithmetic, and belongs to someone who did not count."""
    count_all(nurse, second_nurse, scene.at, kind="spot", off={scene.vial.container_id: -2_000})

    (found,) = queries.discrepancies(clinic.clinic_id)

    assert (found.expected_ug, found.counted_ug, found.difference_ug) == (200_000, 198_000, -2_000)
    assert found.owner_id == compliance.staff_id
    assert found.opened_at == scene.at
    assert scene.vial_now().remaining_ug == 200_000
    assert queries.unexplained_ug(clinic.clinic_id) == 0


def test_a_recount_by_eyes_that_know_the_answer_is_refused(scene, nurse, second_nurse, compliance):
    """A spot count after a difference needs two people who were not shown the book."""
    count_all(nurse, second_nurse, scene.at, kind="spot", off={scene.vial.container_id: -2_000})

    again = count_all(nurse, second_nurse, scene.at, kind="spot")
    by_others = count_all(compliance, second_nurse, scene.at, kind="spot")
    scene.draw(1_000)
    after_a_movement = count_all(nurse, second_nurse, scene.at, kind="spot")

    assert again.code == "CUS-COUNT-NOT-BLIND"
    assert by_others.code == "CUS-COUNT-NOT-BLIND"
    assert isinstance(after_a_movement, Counted)
    assert DiscrepancyRow.objects.count() == 1


def test_a_plan_that_is_not_the_newest_draws_nothing(scene, second_nurse):
    """A draw belongs to exactly one signed plan of that patient."""
    assert scene.draw(plan_id=new_id()).code == "CUS-PLAN"
    assert scene.draw(patient_id=new_id()).code == "CUS-PLAN"


def test_a_nasal_plan_takes_whole_devices_and_no_vial(
    patient, prescriber, compliance, nurse, second_nurse, at, clinic
):
    """Esketamine is given from whole devices; an unused one goes back, a used one does not."""
    (vial,) = stock(compliance, at)
    devices = stock(compliance, at, part="28 mg device", containers=2, lot="E77")
    count_all(nurse, second_nurse, at)
    scene = Scene(
        vial=devices[0], patient=patient, nurse=nurse, witness=second_nurse, at=at,
        plan_id=sign_plan(patient, prescriber, at, protocol_id="esk-trd-us"),
    )  # fmt: skip
    back = {"witness_login": "nurse2", "witness_password": PASSWORD, "by": nurse, "at": at}

    assert scene.draw(28_000, container_id=vial.container_id).code == "CUS-DRUG-OTHER"
    assert scene.draw(14_000).code == "CUS-DEVICE-WHOLE"
    first = scene.draw(28_000)
    second = scene.draw(28_000, container_id=devices[1].container_id)
    actions.give(draw_id=first.draw_id, amount_ug=14_000, by=nurse, at=at, key=new_id())
    used = actions.put_back(draw_id=first.draw_id, key=new_id(), **back)
    unused = actions.put_back(draw_id=second.draw_id, key=new_id(), **back)

    assert used.code == "CUS-RETURN-OPENED"
    assert isinstance(unused, PutBack)
    assert queries.draw(second.draw_id, clinic_id=clinic.clinic_id).returned_ug == 28_000
    assert queries.container(devices[1].container_id, clinic_id=clinic.clinic_id).status == "sealed"
    assert queries.unexplained_ug(clinic.clinic_id) == 0


def test_a_held_lot_is_not_drawn_until_two_people_release_it(scene, compliance, nurse):
    """A recall reaches every container of the lot at once."""
    lot = {"product_id": scene.vial.product.product_id, "lot": "K2291", "at": scene.at}
    actions.hold_lot(**lot, reason="recall K2291", by=compliance, key=new_id())
    refused = scene.draw(1_000)

    released = actions.release_lot(
        **lot, reason="recall withdrawn", by=compliance, key=new_id(), witness_login="nurse1",
        witness_password=PASSWORD,
    )  # fmt: skip

    assert refused.code == "CUS-HELD"
    assert released.container_ids == (scene.vial.container_id,)
    assert isinstance(scene.draw(1_000), Drawn)


def test_an_expired_vial_is_wasted_not_drawn(scene, clinic):
    """Expiry counts by the clinic's date; the last day itself is still good."""
    last_day = datetime(2027, 8, 31, 16, 0, tzinfo=UTC)
    count_all(scene.nurse, scene.witness, last_day)
    good = scene.draw(1_000, at=last_day)
    next_day = last_day + timedelta(days=1)
    count_all(scene.nurse, scene.witness, next_day)
    expired = scene.draw(1_000, at=next_day)

    wasted = scene.waste(
        None, 199_000, container_id=scene.vial.container_id, reason="expired", at=next_day
    )

    assert isinstance(good, Drawn)
    assert expired.code == "CUS-EXPIRED"
    assert isinstance(wasted, Wasted)
    assert queries.totals(clinic.clinic_id).stock_ug == 0


def test_labels_number_each_delivery_and_each_container(compliance, at):
    """Two deliveries never share a label, and one lot has one expiry."""
    first = stock(compliance, at, containers=2)
    second = stock(compliance, at)
    product = product_named(compliance.clinic_id, "10 mg/mL")

    other_expiry = actions.receive(
        product_id=product.product_id, lot="K2291", expires_on=date(2028, 1, 31), containers=1,
        invoice="INV-8", by=compliance, at=at, key=new_id(),
    )  # fmt: skip

    assert [each.label for each in first + second] == ["20001-01", "20001-02", "20002-01"]
    assert other_expiry.code == "CUS-LOT-EXPIRY"


def test_another_clinic_sees_and_moves_nothing(scene, at):
    """I12: an id of another clinic is unknown here."""
    from vigil.people.actions import employ, found_clinic
    from vigil.people.duties import Duty

    other = found_clinic(name="Other", time_zone="UTC", is_simulated=True, at=at)
    stranger = employ(
        clinic_id=other.clinic_id, login="stranger", name="Stranger", duties=list(Duty),
        password=PASSWORD, by="setup", at=at,
    )  # fmt: skip
    employ(
        clinic_id=other.clinic_id, login="stranger2", name="Stranger 2", duties=list(Duty),
        password=PASSWORD, by="setup", at=at,
    )  # fmt: skip
    drawn = scene.draw(35_000)

    draw = scene.draw(by=stranger, witness_login="stranger2")
    give = actions.give(draw_id=drawn.draw_id, amount_ug=1, by=stranger, at=at, key=new_id())

    assert draw.code == "CUS-CONTAINER-UNKNOWN"
    assert give.code == "CUS-DRAW-UNKNOWN"
    assert queries.containers(other.clinic_id) == ()
    assert queries.container_story(scene.vial.container_id, clinic_id=other.clinic_id) is None


def test_the_story_of_a_vial_ends_at_what_it_holds(scene, clinic):
    """Every line carries the balance after it; the last is the vial now."""
    drawn = scene.draw(41_000)
    actions.give(draw_id=drawn.draw_id, amount_ug=35_000, by=scene.nurse, at=scene.at, key=new_id())
    scene.waste(drawn.draw_id, 6_000)

    story = queries.container_story(scene.vial.container_id, clinic_id=clinic.clinic_id)

    assert [(line.kind, line.change_ug, line.balance_ug, line.in_syringes_ug) for line in story.lines] == [
        ("received", 200_000, 200_000, 0),
        ("counted", 0, 200_000, 0),
        ("drawn", -41_000, 159_000, 41_000),
        ("given", 0, 159_000, 6_000),
        ("wasted", 0, 159_000, 0),
    ]  # fmt: skip
    assert story.lines[-1].balance_ug == story.container.remaining_ug


def test_the_register_runs_its_balance_per_product(scene, clinic, compliance):
    """The register of a period opens where the one before it closed."""
    from vigil.custody.domain.facts import Period

    tomorrow = scene.at + timedelta(days=1)
    drawn = scene.draw(41_000)
    stock(compliance, tomorrow, lot="K2300")

    first = Period(start=scene.at, end=tomorrow)
    second = Period(start=tomorrow, end=tomorrow + timedelta(days=1))
    (today,) = queries.register(clinic.clinic_id, first)
    (next_day,) = queries.register(clinic.clinic_id, second)

    assert [(row.in_ug, row.out_ug, row.balance_ug) for row in today.rows] == [
        (200_000, 0, 200_000), (0, 41_000, 159_000),
    ]  # fmt: skip
    assert today.rows[1].patient_id == drawn.patient_id
    assert (today.opening_ug, today.closing_ug) == (0, 159_000)
    assert (next_day.opening_ug, next_day.closing_ug) == (159_000, 359_000)


def test_facts_come_back_as_they_were_answered(scene):
    """A stored act decodes to the equal fact, of the same type."""
    drawn = scene.draw(35_000)
    given = actions.give(
        draw_id=drawn.draw_id, amount_ug=35_000, by=scene.nurse, at=scene.at, key=new_id()
    )

    kept = [act_fact(row) for row in ActRow.objects.order_by("id")]

    assert [type(each) for each in kept] == [Received, Counted, Drawn, Given]
    assert kept[2:] == [drawn, given]
