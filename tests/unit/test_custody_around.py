"""Decisions around the ledger at their edges, and words for every act: pure, no database."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a_custody_room import NOON, PEOPLE, PureRoom
from vigil.custody.domain.correcting import since_of
from vigil.custody.domain.deeds import Adopted, DeadSpaceSet, PlaceOpened
from vigil.custody.domain.fold import fold
from vigil.custody.domain.ledger import movements_of, recorded_lines, signed_lines
from vigil.custody.domain.placing import TRANSFER_HOURS_MAX, decide_send
from vigil.custody.domain.preparing import decide_dilute
from vigil.custody.domain.things import SAFE, Place, Strength
from vigil.custody.domain.wording import text_of
from vigil.custody.rows import KINDS
from vigil.units.refusals import Refused

CABINET = Place(place_id=UUID(int=77), kind="cabinet", name="Cabinet")


@pytest.fixture
def room() -> PureRoom:
    room = PureRoom()
    room.receive(0, 2, "L2", 300, 0)
    room.open_days[0] = True
    return room


def send(room: PureRoom, **changes: object):
    ask = {
        "target": CABINET, "reason": "busy", "within_hours": 2, "transfer_id": UUID(int=9),
        "by": PEOPLE[0], "at": NOON,
    }  # fmt: skip
    return decide_send([room.container(room.containers[0])], **{**ask, **changes})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"within_hours": 0}, "CUS-TRANSFER-HOURS"),
        ({"within_hours": TRANSFER_HOURS_MAX + 1}, "CUS-TRANSFER-HOURS"),
        ({"target": SAFE}, "CUS-TRANSFER-SAME"),
        ({"reason": " "}, "CUS-REASON"),
    ],
)
def test_a_transfer_needs_another_place_a_reason_and_a_possible_time(room, changes, code):
    assert send(room, **changes).code == code


@given(hours=st.integers(1, TRANSFER_HOURS_MAX))
def test_a_transfer_is_due_after_its_hours(hours):
    room = PureRoom()
    room.receive(0, 1, "L2", 300, 0)

    assert send(room, within_hours=hours).due_at == NOON + timedelta(hours=hours)


def test_nothing_is_sent_when_nothing_was_chosen():
    answer = decide_send(
        [],
        target=CABINET,
        reason="x",
        within_hours=2,
        transfer_id=UUID(int=9),
        by=PEOPLE[0],
        at=NOON,
    )

    assert answer.code == "CUS-TRANSFER-NONE"


def test_a_bag_names_what_it_was_made_up_with(room):
    drawn, _ = room.draw(room.containers[0], 20_000, False, 0, 1, UUID(int=7))

    answer = decide_dilute(
        room.drawn(drawn.draw_id), to_volume_ul=100_000, diluent=" ", by=PEOPLE[0],
        witness=PEOPLE[1], at=NOON,
    )  # fmt: skip

    assert answer.code == "CUS-DILUENT"


def test_a_container_came_full_or_not_at_all(room):
    """A delivery is corrected to nothing or not at all; and only for the container that is named."""
    received = room.act_ids[0]
    vial = room.containers[0]

    assert room.correct(received, None, 0, 0, 1)[0].code == "CUS-CORRECT-WHICH"
    assert room.correct(received, vial, 100_000, 0, 1)[0].code == "CUS-RECEIVE-WHOLE"
    assert not isinstance(room.correct(received, vial, 0, 0, 1)[0], Refused)
    assert room.container(vial).remaining_ug == 0


def test_a_put_back_is_not_corrected_but_drawn_again():
    room = PureRoom()
    room.receive(1, 1, "L2", 300, 0)
    room.open_days[0] = True
    drawn, _ = room.draw(room.containers[0], 28_000, True, 0, 1, UUID(int=7))
    _, put_back = room.put_back(drawn.draw_id, 0, 1)

    assert room.correct(put_back, None, 0, 0, 1)[0].code == "CUS-NOT-CORRECTABLE"
    assert not isinstance(
        room.draw(room.containers[0], 28_000, True, 0, 1, UUID(int=8))[0], Refused
    )


@given(
    start=st.integers(-100, 100), changes=st.lists(st.integers(-50, 50)), shift=st.integers(-200, 200),
    limit=st.none() | st.integers(0, 200),
)  # fmt: skip
def test_a_shift_is_refused_exactly_when_some_prefix_would_leave_its_bounds(
    start, changes, shift, limit
):
    """I2: against every prefix added up one by one."""
    since = since_of(changes, start_ug=start, limit_ug=limit)

    prefixes = [start + sum(changes[:n]) + shift for n in range(len(changes) + 1)]
    bad = any(ug < 0 or (limit is not None and ug > limit) for ug in prefixes)
    assert since.refuses(shift) == bad


@given(ug=st.integers(1, 10**6), in_ul=st.integers(1, 10**6), volume_ul=st.integers(0, 10**6))
def test_a_strength_never_rounds(ug, in_ul, volume_ul):
    """What it answers is exact both ways; what is not exact is not answered; the limit is never above."""
    strength = Strength.of(ug, in_ul=in_ul)

    amount_ug = strength.amount_ug(volume_ul)
    if amount_ug is None:
        assert volume_ul * ug % in_ul
    else:
        assert amount_ug * in_ul == volume_ul * ug
        assert strength.volume_ul(amount_ug) == volume_ul
    assert 0 <= volume_ul * ug - strength.amount_ug_at_most(volume_ul) * in_ul < in_ul


@given(
    was=st.integers(1, 20).map(lambda n: n * 1_000), now=st.integers(0, 20).map(lambda n: n * 1_000)
)
def test_the_record_of_a_correction_keeps_both_halves(was, now):
    """The signed lines are not netted: a reader sees what was taken back and what was booked."""
    room = PureRoom()
    room.receive(0, 1, "L2", 300, 0)
    room.open_days[0] = True
    drawn, act_id = room.draw(room.containers[0], was, False, 0, 1, UUID(int=7))
    corrected, _ = room.correct(act_id, None, now, 0, 1)

    if was == now:
        assert corrected.code == "CUS-CORRECT-SAME"
        return
    lines = recorded_lines(corrected)
    assert len(lines) == (4 if now else 2)
    assert sum(ug for _, ug in lines) == 0
    assert sum(abs(ug) for _, ug in lines) == 2 * (was + now)
    net = dict(signed_lines(movements_of(corrected)))
    assert net[f"draw:{drawn.draw_id}"] == now - was


def test_every_kind_of_act_has_words(room):
    """A day with one act of each kind: none is without a sentence, none shows a code."""
    vial, other = room.containers
    room.order(0, 1, "PO-1", 0)
    place, _ = room.open_place("cabinet", "Cabinet", 0)
    room.set_dead_space(0, 100, 0, 1)
    first, act_id = room.draw(vial, 50_000, False, 0, 1, UUID(int=7))
    room.dilute(first.draw_id, 100_000, 0, 1)
    room.use(first.draw_id, True, UUID(int=7), 0)
    room.use(first.draw_id, False, UUID(int=7), 0)
    room.give(first.draw_id, 40_000, 0)
    room.correct(act_id, None, 45_000, 0, 1)
    room.waste_draw(first.draw_id, 4_990, "left", 0, 1)
    room.book_dead_space(first.draw_id, 10, 0, 1)
    second, _ = room.draw(vial, 10_000, False, 0, 1, UUID(int=7))
    room.lose_draw(second.draw_id, 10_000, 0, 1)
    sent, _ = room.send([vial], place.place.place_id, 0)
    room.arrive(sent.transfer_id, 1)
    counted, _ = room.count("spot", {other: 199_000}, 0, 1, {})
    (gap,) = room.gaps_of(counted).values()
    _, loss = room.lose_gap(gap, 1_000, 2, 3)
    room.close(gap, "loss", [loss], 2, 3)
    room.hold(0, "L2", 0)
    room.release(0, "L2", 0, 1)
    room.send_out([vial], "distributor", "F-41", 0, 1)
    acts = [
        *room.acts,
        Adopted(
            adoption_id=UUID(int=1), jurisdiction_id="us-dea", version=1, content_hash="x",
            signed_off=(), by=PEOPLE[0], at=NOON,
        ),
    ]  # fmt: skip

    kinds = {type(act) for act in acts}
    missing = {kind.__name__ for kind in KINDS.values()} - {kind.__name__ for kind in kinds}
    assert missing == {"PutBack"}, "only devices go back"
    assert {PlaceOpened, DeadSpaceSet} <= kinds
    for act in acts:
        for container_id in (None, vial):
            words = text_of(act, container_id)
            assert words[0].isupper()
            assert "_" not in words
            assert "UUID" not in words
    assert fold(room.acts).containers[vial].remaining_ug == 0
