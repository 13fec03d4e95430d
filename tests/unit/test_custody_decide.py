"""Custody decisions, boundaries first: each refusal, and the last value that is still allowed."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil.custody.domain import decide
from vigil.custody.domain.counting import decide_count
from vigil.custody.domain.facts import (
    Authorisation,
    Container,
    Counted,
    Draw,
    Drawn,
    Given,
    Held,
    Person,
    Product,
    PutBack,
    Received,
    Released,
    Wasted,
)
from vigil.custody.domain.ledger import movements_of, signed_lines
from vigil.custody.domain.reading import read_counted
from vigil.units.refusals import Refused

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)
ANA = Person(staff_id=UUID(int=1), name="Ana")
BEN = Person(staff_id=UUID(int=2), name="Ben")
VIAL_10 = Product(
    product_id=UUID(int=10), name="Ketamine 10 mg/mL", drug="ketamine", form="vial",
    strength_ug_per_ml=10_000, content_ug=200_000,
)  # fmt: skip
VIAL_50 = Product(
    product_id=UUID(int=50), name="Ketamine 50 mg/mL", drug="ketamine", form="vial",
    strength_ug_per_ml=50_000, content_ug=500_000, is_second_strength=True,
)  # fmt: skip
DEVICE = Product(
    product_id=UUID(int=28), name="Esketamine 28 mg", drug="esketamine", form="device",
    strength_ug_per_ml=None, content_ug=28_000,
)  # fmt: skip
PLAN = Authorisation(plan_id=UUID(int=100), patient_id=UUID(int=101), drug="ketamine", form="vial")
NASAL = replace(PLAN, drug="esketamine", form="device")


def container(product: Product = VIAL_10, **changes: object) -> Container:
    full = Container(
        container_id=UUID(int=7), product=product, lot="K1", expires_on=TODAY, label="20001-01",
        filled_ug=product.content_ug, remaining_ug=product.content_ug, status="sealed",
    )  # fmt: skip
    return replace(full, **changes)


def draw(product: Product = VIAL_10, *, drawn_ug: int = 50_000, remaining_ug: int = 50_000) -> Draw:
    return Draw(
        draw_id=UUID(int=8), container_id=UUID(int=7), container_label="20001-01", lot="K1",
        expires_on=TODAY, product=product, patient_id=PLAN.patient_id, plan_id=PLAN.plan_id,
        purpose_id=UUID(int=9), drawn_ug=drawn_ug, given_ug=drawn_ug - remaining_ug, wasted_ug=0,
        returned_ug=0, remaining_ug=remaining_ug, drawn_by=ANA.staff_id, drawn_by_name="Ana",
        witness=BEN.staff_id, witness_name="Ben", at=NOON,
    )  # fmt: skip


def ask_draw(held: Container | None = None, **changes: object) -> Drawn | Refused:
    ask = {
        "authorisation": PLAN, "amount_ug": 35_000, "purpose_id": UUID(int=9), "reason": "",
        "is_day_open": True, "draw_id": UUID(int=8), "on": TODAY, "by": ANA, "witness": BEN,
        "at": NOON,
    }  # fmt: skip
    return decide.decide_draw(held or container(), **{**ask, **changes})


def ask_receive(**changes: object) -> Received | Refused:
    ask = {
        "product": VIAL_10, "lot": " K1 ", "expires_on": TODAY, "invoice": "I-1",
        "container_ids": [UUID(int=7)], "receipt_number": 20_001, "known_expiry": None,
        "receipt_id": UUID(int=6), "on": TODAY, "by": ANA, "at": NOON,
    }  # fmt: skip
    return decide.decide_receive(**{**ask, **changes})


def ask_count(containers: list[Container], counted: dict[UUID, int], **changes: object):
    ask = {
        "kind": "opening", "counted_ug": counted, "is_day_open": False, "seen_by": {},
        "count_id": UUID(int=5), "day": TODAY, "by": ANA, "witness": BEN, "at": NOON,
    }  # fmt: skip
    return decide_count(containers, **{**ask, **changes})


@given(held=st.integers(0, 200_000), asked=st.integers(-10, 210_000))
def test_a_draw_is_allowed_exactly_when_the_vial_holds_it_in_whole_microlitres(held, asked):
    """INV-CUS-01: no container below zero; the hand can measure what the book says."""
    answer = ask_draw(container(remaining_ug=held), amount_ug=asked)

    assert isinstance(answer, Drawn) == (0 < asked <= held and asked % 10 == 0)


@given(held=st.integers(0, 60_000), asked=st.integers(-10, 70_000))
def test_giving_and_wasting_are_allowed_exactly_when_the_draw_holds_it(held, asked):
    """INV-CUS-02: a draw is never below zero."""
    syringe = draw(drawn_ug=60_000, remaining_ug=held)

    given_ = decide.decide_give(syringe, amount_ug=asked, by=ANA, at=NOON)
    wasted = decide.decide_waste_draw(
        syringe, amount_ug=asked, reason="left", by=ANA, witness=BEN, at=NOON
    )

    assert isinstance(given_, Given) == isinstance(wasted, Wasted) == (0 < asked <= held)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"witness": ANA}, "CUS-WITNESS-SELF"),
        ({"is_day_open": False}, "CUS-DAY-NOT-OPEN"),
        ({"authorisation": NASAL}, "CUS-DRUG-OTHER"),
        ({"on": TODAY + timedelta(days=1)}, "CUS-EXPIRED"),
        ({"amount_ug": 0}, "CUS-AMOUNT-ZERO"),
        ({"amount_ug": 200_010}, "CUS-VOLUME-OVER"),
        ({"amount_ug": 35_001}, "CUS-NOT-MEASURABLE"),
        ({"held": container(status="held")}, "CUS-HELD"),
        ({"held": container(VIAL_50)}, "CUS-STRENGTH-SECOND"),
        ({"held": container(VIAL_50), "reason": "  "}, "CUS-STRENGTH-SECOND"),
        ({"held": container(DEVICE), "authorisation": NASAL, "amount_ug": 14_000}, "CUS-DEVICE-WHOLE"),
        ({"held": container(DEVICE), "authorisation": NASAL, "amount_ug": 56_000}, "CUS-DEVICE-WHOLE"),
        (
            {"held": container(DEVICE, remaining_ug=0), "authorisation": NASAL, "amount_ug": 28_000},
            "CUS-VOLUME-OVER",
        ),
    ],
)  # fmt: skip
def test_a_draw_is_refused_with_its_code(changes, code):
    """Each way a draw can be wrong has one stable code."""
    assert ask_draw(**changes).code == code


@pytest.mark.parametrize(
    "changes",
    [
        {"on": TODAY},
        {"amount_ug": 200_000},
        {"amount_ug": 10},
        {"held": container(VIAL_50), "reason": "first strength out of stock"},
        {"held": container(DEVICE), "authorisation": NASAL, "amount_ug": 28_000},
    ],
)
def test_a_draw_at_the_boundary_is_allowed(changes):
    """The last day, the last drop, the smallest volume, the agreed second strength, the whole device."""
    assert isinstance(ask_draw(**changes), Drawn)


def test_the_first_strength_is_never_taken_for_the_second():
    """H02: the same volume of another strength is another amount; the book counts the amount."""
    first, second = ask_draw(), ask_draw(container(VIAL_50), reason="agreed")

    assert first.product.volume_ul(first.drawn_ug) == 3_500
    assert second.product.volume_ul(second.drawn_ug) == 700
    assert first.drawn_ug == second.drawn_ug


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"container_ids": []}, "CUS-RECEIVE-NUMBER"),
        ({"container_ids": [UUID(int=i) for i in range(201)]}, "CUS-RECEIVE-NUMBER"),
        ({"lot": " "}, "CUS-RECEIVE-PAPER"),
        ({"invoice": ""}, "CUS-RECEIVE-PAPER"),
        ({"expires_on": TODAY - timedelta(days=1)}, "CUS-LOT-EXPIRED"),
        ({"known_expiry": TODAY + timedelta(days=1)}, "CUS-LOT-EXPIRY"),
    ],
)
def test_a_delivery_is_refused_with_its_code(changes, code):
    """What cannot be right does not come into the safe."""
    assert ask_receive(**changes).code == code


def test_a_delivery_at_the_boundary_is_received_full_and_labelled():
    """200 containers, expiring today, of a lot known with the same expiry."""
    received = ask_receive(container_ids=[UUID(int=i) for i in range(1, 201)], known_expiry=TODAY)

    assert [each.label for each in received.containers[:2]] == ["20001-01", "20001-02"]
    assert received.lot == "K1"
    assert sum(movement.ug for movement in movements_of(received)) == 200 * 200_000


def test_a_closed_draw_takes_nothing_more():
    """What is already given, wasted or put back in full cannot be given or wasted again."""
    closed = draw(remaining_ug=0)
    sign = {"by": ANA, "witness": BEN, "at": NOON}

    answers = [
        decide.decide_give(closed, amount_ug=1, by=ANA, at=NOON),
        decide.decide_waste_draw(closed, amount_ug=1, reason="left", **sign),
        decide.decide_put_back(closed, **sign),
    ]

    assert [answer.code for answer in answers] == ["CUS-DRAW-CLOSED"] * 3


def test_waste_needs_a_reason_and_another_person():
    """A second name and a written reason, or nothing."""
    sign = {"by": ANA, "at": NOON}
    syringe = draw()

    alone = decide.decide_waste_draw(syringe, amount_ug=1, reason="left", witness=ANA, **sign)
    mute = decide.decide_waste_draw(syringe, amount_ug=1, reason=" ", witness=BEN, **sign)
    held = decide.decide_waste_container(
        container(status="held"), amount_ug=10, reason="x", witness=BEN, **sign
    )
    expired = decide.decide_waste_container(
        container(expires_on=TODAY - timedelta(days=9)), amount_ug=200_000, reason="expired",
        witness=BEN, **sign,
    )  # fmt: skip

    assert (alone.code, mute.code, held.code) == ("CUS-WITNESS-SELF", "CUS-REASON", "CUS-HELD")
    assert isinstance(expired, Wasted)


def test_only_a_whole_unused_device_goes_back():
    """What was in a syringe never goes back into a vial."""
    sign = {"by": ANA, "witness": BEN, "at": NOON}

    vial = decide.decide_put_back(draw(), **sign)
    used = decide.decide_put_back(draw(DEVICE, drawn_ug=28_000, remaining_ug=14_000), **sign)
    whole = decide.decide_put_back(draw(DEVICE, drawn_ug=28_000, remaining_ug=28_000), **sign)

    assert vial.code == used.code == "CUS-RETURN-OPENED"
    assert isinstance(whole, PutBack)


VIAL = container(remaining_ug=79_200)
DEVICE_THERE = container(DEVICE, container_id=UUID(int=71), label="20002-01")
EMPTY = container(container_id=UUID(int=72), label="20001-02", remaining_ug=0)
ALL = {VIAL.container_id: 79_200, DEVICE_THERE.container_id: 28_000}


@pytest.mark.parametrize(
    ("counted", "changes", "code"),
    [
        (ALL, {"witness": ANA}, "CUS-WITNESS-SELF"),
        (ALL, {"is_day_open": True}, "CUS-DAY-OPENED"),
        (ALL, {"kind": "closing"}, "CUS-DAY-NOT-OPEN"),
        ({VIAL.container_id: 79_200}, {}, "CUS-COUNT-INCOMPLETE"),
        ({}, {"kind": "spot"}, "CUS-COUNT-INCOMPLETE"),
        ({**ALL, UUID(int=99): 0}, {}, "CUS-CONTAINER-UNKNOWN"),
        ({**ALL, DEVICE_THERE.container_id: 14_000}, {}, "CUS-DEVICE-WHOLE"),
        ({**ALL, VIAL.container_id: 200_010}, {}, "CUS-COUNT-OVER"),
        ({**ALL, VIAL.container_id: -10}, {}, "CUS-COUNT-OVER"),
        (
            {VIAL.container_id: 79_200},
            {"kind": "spot", "seen_by": {VIAL.container_id: frozenset({BEN.staff_id})}},
            "CUS-COUNT-NOT-BLIND",
        ),
    ],
)
def test_a_count_is_refused_with_its_code(counted, changes, code):
    """Self-signed, twice, too little, unknown, impossible or not blind."""
    assert ask_count([VIAL, DEVICE_THERE, EMPTY], counted, **changes).code == code


def test_a_count_that_differs_is_an_answer_with_its_arithmetic():
    """I10: the book does not change; the difference stands beside what was expected."""
    counted = ask_count([VIAL, DEVICE_THERE, EMPTY], {**ALL, VIAL.container_id: 77_200})

    assert isinstance(counted, Counted)
    (off,) = counted.mismatches
    assert (off.expected_ug, off.counted_ug, off.difference_ug) == (79_200, 77_200, -2_000)
    assert movements_of(counted) == ()


def test_a_spot_count_by_others_or_of_something_else_is_blind():
    """Only the people who were shown this container's book amount must not recount it."""
    seen = {VIAL.container_id: frozenset({UUID(int=33)})}

    answer = ask_count([VIAL], {VIAL.container_id: 79_200}, kind="spot", seen_by=seen)

    assert isinstance(answer, Counted)


def test_a_lot_is_held_by_one_and_released_by_two():
    """Stopping is easy, going on is not."""
    sign = {"hold_id": UUID(int=4), "at": NOON, "by": ANA}
    stopped = decide.decide_hold([container()], reason="recall", **sign)
    held = container(status="held")

    assert isinstance(stopped, Held)
    assert decide.decide_hold([held], reason="recall", **sign).code == "CUS-HOLD-NONE"
    assert decide.decide_hold([container()], reason=" ", **sign).code == "CUS-REASON"
    assert isinstance(decide.decide_release([held], reason="ok", witness=BEN, **sign), Released)
    alone = decide.decide_release([held], reason="ok", witness=ANA, **sign)
    assert alone.code == "CUS-WITNESS-SELF"
    none = decide.decide_release([container()], reason="ok", witness=BEN, **sign)
    assert none.code == "CUS-HOLD-NONE"


def test_the_container_to_use_first_is_open_then_soonest_to_expire():
    """Few vials stand open, nothing expires unused, the second strength comes last."""
    later = TODAY + timedelta(days=90)
    sealed_soon = container(container_id=UUID(int=1), label="A")
    sealed_late = container(container_id=UUID(int=2), label="B", expires_on=later)
    opened = container(
        container_id=UUID(int=3), label="C", expires_on=later, remaining_ug=10, status="open"
    )
    second = container(VIAL_50, container_id=UUID(int=4), label="D")
    unfit = [
        container(container_id=UUID(int=5), status="held"),
        container(container_id=UUID(int=6), remaining_ug=0, status="empty"),
        container(container_id=UUID(int=8), expires_on=TODAY - timedelta(days=1)),
        container(DEVICE, container_id=UUID(int=9)),
    ]

    chosen = decide.choose_container(
        [second, sealed_late, *unfit, sealed_soon, opened], authorisation=PLAN, on=TODAY
    )

    assert [each.label for each in chosen] == ["C", "A", "B", "D"]


@pytest.mark.parametrize(
    ("text", "product", "amount_ug"),
    [
        ("20", VIAL_10, 200_000),
        ("7.92 mL", VIAL_10, 79_200),
        (" 7.92 ", VIAL_10, 79_200),
        ("0", VIAL_10, 0),
        ("0.001", VIAL_50, 50),
        ("1", DEVICE, 28_000),
        ("0 devices", DEVICE, 0),
    ],
)
def test_a_counted_amount_is_read_exactly(text, product, amount_ug):
    """The volume is what the hand reads; the product's strength makes the amount."""
    assert read_counted(text, product) == amount_ug


@pytest.mark.parametrize(
    "text",
    ["", "7,92", ".5", "5.", "1e3", "1_0", "-1", "１２", "٣", "79.2 mg", "0.0001", "007", "NaN", "5 m L"],
)  # fmt: skip
def test_a_counted_amount_that_is_not_exact_is_refused(text):
    """CUS-DOSE-TEXT shows the reading it refused; nothing is guessed."""
    refused = read_counted(text, VIAL_10)

    assert isinstance(refused, Refused)
    assert refused.code == "CUS-DOSE-TEXT"


@pytest.mark.parametrize("text", ["2", "1.0", "28", "yes", ""])
def test_a_device_is_there_or_it_is_not(text):
    """Half a device is never counted."""
    assert read_counted(text, DEVICE).code == "CUS-DOSE-TEXT"


def test_signed_lines_are_negative_for_out():
    """The record keeps each account's change; the changes of an act sum to zero."""
    lines = dict(signed_lines(movements_of(ask_draw())))

    assert lines == {f"container:{UUID(int=7)}": -35_000, f"draw:{UUID(int=8)}": 35_000}
