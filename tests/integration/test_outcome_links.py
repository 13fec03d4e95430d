"""Outcome: a patient's link, from the making to the thank-you, and every way it can go wrong."""

import re
from datetime import timedelta

import pytest
from django.core import signing
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from vigil.evidence.scales import load_scale
from vigil.outcome import actions, links, queries
from vigil.outcome.domain.fold import asked_items
from vigil.outcome.models import Answer, Completed, Flag, Invitation, Link
from vigil.record.models import Entry
from vigil.units.refusals import Refused

pytestmark = pytest.mark.django_db

ITEMS = [item.item_id for item in asked_items(load_scale("phq-9"))]
SAFETY = "item-9"


@pytest.fixture
def invited(nurse, patient, at, key):
    return actions.invite(
        patient_id=patient.patient_id, scale_id="phq-9", due_at=at, by=nurse, at=at, key=key()
    )


@pytest.fixture
def reply(at, key):
    """Answers one item through a link."""

    def _reply(invited, item, value, *, when=at, once=None):
        return actions.answer(
            token=invited.token, item=item, value=value, at=when, key=once or key()
        )

    return _reply


def answer_all(reply, invited, value=1):
    for item in ITEMS:
        reply(invited, item, 0 if item == SAFETY else value)


def test_a_token_has_128_random_bits_and_only_its_hash_is_stored(invited):
    """INV-OUT-01: who reads the database cannot open a patient's link."""
    random, _, signature = invited.token.partition(".")

    assert len(random) == 22
    assert len(signature) == 43
    assert Link.objects.get().token_hash == links.token_hash(invited.token)
    stored = [str(value) for row in Link.objects.values() for value in row.values()]
    stored += list(Entry.objects.values_list("body", flat=True))
    assert not any(random in text or invited.token in text for text in stored)


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: "A" * 22 + token[22:],
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token.partition(".")[0],
        lambda token: "",
        lambda token: token + "A" * 5000,
        lambda token: "é" + token,
        lambda token: signing.Signer(salt="other", sep=".").sign("A" * 22),
        lambda token: signing.Signer(key="other", salt=links._SALT, sep=".").sign("A" * 22),
    ],
)
def test_a_forged_token_is_refused_without_reading_the_database(invited, at, forge):
    """INV-OUT-02: guessing costs nothing and learns nothing."""
    with CaptureQueriesContext(
        connection,
    ) as asked:
        found = queries.by_token(forge(invited.token), now=at)

    assert found is None
    assert len(asked) == 0


def test_a_token_that_we_signed_but_never_gave_out_opens_nothing(invited, at, key):
    token = links.new_token()

    refused = actions.answer(token=token, item=ITEMS[0], value=1, at=at, key=key())

    assert queries.by_token(token, now=at) is None
    assert refused.code == "OUT-LINK"


def test_a_link_works_from_due_for_72_hours_and_not_a_microsecond_more(nurse, patient, at, key):
    """INV-OUT-03: the window is [due, due + 72 h)."""
    due = at + timedelta(hours=20)
    invited = actions.invite(
        patient_id=patient.patient_id, scale_id="phq-9", due_at=due, by=nurse, at=at, key=key()
    )
    tick = timedelta(microseconds=1)

    outcomes = {
        name: actions.answer(token=invited.token, item=ITEMS[0], value=1, at=when, key=key())
        for name, when in {
            "before": due - tick,
            "first": due,
            "last": due + timedelta(hours=72) - tick,
            "after": due + timedelta(hours=72),
        }.items()
    }

    assert {name: isinstance(o, Refused) for name, o in outcomes.items()} == {
        "before": True, "first": False, "last": False, "after": True,
    }  # fmt: skip
    assert queries.by_token(invited.token, now=due + timedelta(hours=72)) is None


def test_the_last_answer_of_an_item_counts_and_every_one_is_kept(invited, reply, at):
    reply(invited, ITEMS[0], 3)
    reply(invited, ITEMS[0], 1)

    current = queries.by_token(invited.token, now=at)

    assert current.answers == {ITEMS[0]: 1}
    assert list(Answer.objects.order_by("id").values_list("value", flat=True)) == [3, 1]


def test_a_double_tap_records_once(invited, reply, key):
    """INV-OUT-04: the same key is one answer."""
    once = key()

    first = reply(invited, ITEMS[0], 2, once=once)
    second = reply(invited, ITEMS[0], 2, once=once)

    assert first == second
    assert Answer.objects.count() == 1


def test_a_key_of_another_questionnaire_answers_nothing(nurse, patient, at, key, reply, invited):
    other = actions.invite(
        patient_id=patient.patient_id, scale_id="phq-9", due_at=at, by=nurse, at=at, key=key()
    )
    once = key()
    reply(invited, ITEMS[0], 2, once=once)

    refused = reply(other, ITEMS[0], 2, once=once)

    assert refused.code == "OUT-LINK"
    assert Answer.objects.count() == 1


def test_completing_scores_closes_and_cannot_be_read_back(invited, reply, at):
    """INV-OUT-05: a finished questionnaire takes no answer, and its link tells none."""
    answer_all(reply, invited, value=2)

    done = actions.complete(token=invited.token, at=at)
    again = actions.complete(token=invited.token, at=at + timedelta(minutes=1))
    late = reply(invited, ITEMS[0], 0)

    assert (done.completed.total, done.completed.band) == (16, "moderately severe")
    assert again.completed == done.completed
    assert late.code == "OUT-LINK"
    assert dict(queries.by_token(invited.token, now=at).answers) == {}
    assert Completed.objects.count() == 1


def test_the_table_itself_refuses_an_answer_after_completion(invited, reply, at, key):
    """INV-OUT-05 holds a second time in the database."""
    answer_all(reply, invited)
    actions.complete(token=invited.token, at=at)
    row = Invitation.objects.get()

    with pytest.raises(DatabaseError, match="completed"), transaction.atomic():
        Answer.objects.create(
            clinic_id=row.clinic_id, invitation=row, item=ITEMS[0], value=1, answered_at=at,
            key=key(),
        )  # fmt: skip


def test_it_cannot_be_completed_while_a_question_was_never_seen(invited, reply, at):
    for item in ITEMS[:-1]:
        reply(invited, item, 1)

    refused = actions.complete(token=invited.token, at=at)

    assert refused.code == "OUT-UNANSWERED"
    assert not Completed.objects.exists()


def test_a_skipped_question_leaves_no_total_and_is_never_zero(invited, reply, at):
    for item in ITEMS:
        reply(invited, item, None if item == ITEMS[2] else 0)

    done = actions.complete(token=invited.token, at=at)

    assert done.completed.total is None
    assert done.completed.band is None


@pytest.mark.parametrize("value", [1, 2, 3])
def test_item_9_raises_a_flag_at_once_and_once(invited, reply, value, clinic, patient):
    """INV-OUT-06: any thought of self-harm reaches the clinic before the questionnaire is finished."""
    reply(invited, SAFETY, value)
    reply(invited, SAFETY, 3)

    (flag,) = queries.open_flags(clinic.clinic_id)

    assert flag.kind == "suicidal-thoughts"
    assert flag.patient_id == patient.patient_id
    assert not Completed.objects.exists()


def test_taking_the_answer_back_does_not_take_the_flag_back(invited, reply, clinic):
    reply(invited, SAFETY, 2)
    reply(invited, SAFETY, 0)

    assert len(queries.open_flags(clinic.clinic_id)) == 1


def test_item_9_at_zero_raises_nothing_and_skipped_is_not_a_no(invited, reply, clinic):
    reply(invited, SAFETY, 0)
    assert queries.open_flags(clinic.clinic_id) == ()

    reply(invited, SAFETY, None)
    assert [flag.kind for flag in queries.open_flags(clinic.clinic_id)] == [
        "suicidal-thoughts-unanswered"
    ]


def test_a_flag_stays_until_a_named_person_says_what_they_did(
    invited, reply, clinic, nurse, second_nurse, front_desk, at, key
):
    """INV-OUT-07: acknowledged once, by a named person, with words."""
    reply(invited, SAFETY, 1)
    (flag,) = queries.open_flags(clinic.clinic_id)
    once = key()

    def take(by, note, key):
        return actions.acknowledge(flag_id=flag.flag_id, note=note, by=by, at=at, key=key)

    assert take(front_desk, "Called", key()).code == "PEO-DUTY"
    assert take(nurse, "  ", key()).code == "OUT-FLAG-NOTE"
    taken = take(nurse, "Called 10:20, safe", once)
    assert take(nurse, "Called 10:20, safe", once) == taken
    assert take(second_nurse, "Me too", key()).code == "OUT-FLAG-DONE"
    assert taken.acknowledged_by_name == nurse.name
    assert queries.open_flags(clinic.clinic_id) == ()


@pytest.mark.parametrize("value", [-1, 4, 99])
def test_an_answer_that_the_item_does_not_offer_is_refused(invited, reply, value):
    assert reply(invited, ITEMS[0], value).code == "OUT-ANSWER"
    assert not Answer.objects.exists()


def test_an_unknown_item_is_refused(invited, reply):
    assert reply(invited, "item-10", 1).code == "OUT-ANSWER"
    assert reply(invited, "difficulty", 1).code == "OUT-ANSWER"


def test_a_machine_is_slowed_and_what_it_saved_stays(invited, reply, at):
    for _ in range(30):
        reply(invited, ITEMS[0], 1)

    fast = reply(invited, ITEMS[0], 2)
    later = reply(invited, ITEMS[0], 2, when=at + timedelta(minutes=1, seconds=1))

    assert fast.code == "OUT-RATE"
    assert later.answers == {ITEMS[0]: 2}


def test_inviting_needs_the_duty_and_a_patient_of_the_clinic(front_desk, nurse, patient, at, key):
    ask = {"patient_id": patient.patient_id, "scale_id": "phq-9", "due_at": at, "at": at}

    assert actions.invite(**ask, by=front_desk, key=key()).code == "PEO-DUTY"
    ask["patient_id"] = key()
    assert actions.invite(**ask, by=nurse, key=key()).code == "OUT-PATIENT"
    assert not Invitation.objects.exists()


def test_the_same_key_asks_once_and_makes_a_new_link(nurse, patient, at, key):
    """The first link is stored nowhere, so a repeated form gets one more: both work."""
    once = key()
    ask = {"patient_id": patient.patient_id, "scale_id": "phq-9", "due_at": at, "at": at}

    first = actions.invite(**ask, by=nurse, key=once)
    second = actions.invite(**ask, by=nurse, key=once)

    assert first.invitation_id == second.invitation_id
    assert first.token != second.token
    assert Invitation.objects.count() == 1
    assert queries.by_token(first.token, now=at) == queries.by_token(second.token, now=at)


def test_another_clinic_sees_and_touches_nothing(invited, reply, at, key):
    from vigil.people.actions import employ, found_clinic
    from vigil.people.duties import Duty

    reply(invited, SAFETY, 1)
    (flag,) = queries.open_flags(invited.clinic_id)
    other = found_clinic(name="Other", time_zone="UTC", is_simulated=True, at=at)
    spy = employ(
        clinic_id=other.clinic_id, login="spy", name="Spy", duties=list(Duty),
        password="a password of fifteen", by="setup", at=at,
    )  # fmt: skip

    assert queries.open_flags(other.clinic_id) == ()
    assert queries.flag(flag.flag_id, clinic_id=other.clinic_id) is None
    assert queries.trajectory(invited.patient_id, clinic_id=other.clinic_id) == ()
    assert queries.due_invitations(other.clinic_id, now=at) == ()
    assert (
        actions.make_link(invitation_id=invited.invitation_id, by=spy, at=at).code
        == "OUT-INVITATION"
    )
    taken = actions.acknowledge(flag_id=flag.flag_id, note="x", by=spy, at=at, key=key())
    assert taken.code == "OUT-FLAG"
    asked = actions.invite(
        patient_id=invited.patient_id, scale_id="phq-9", due_at=at, by=spy, at=at, key=key()
    )
    assert asked.code == "OUT-PATIENT"


@pytest.mark.parametrize("table", [Invitation, Link, Answer, Completed, Flag])
def test_no_row_can_be_changed_or_deleted(invited, reply, at, table):
    """INV-OUT-08: corrections are new facts."""
    for item in ITEMS:
        reply(invited, item, 1)
    actions.complete(token=invited.token, at=at)
    name = table._meta.db_table
    assert table.objects.exists()

    for change in (f'UPDATE "{name}" SET clinic_id = clinic_id', f'DELETE FROM "{name}"'):
        with (
            pytest.raises(DatabaseError, match="Cannot"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(change)


def test_a_row_cannot_point_into_another_clinic(invited, at, key):
    from vigil.people.actions import found_clinic

    other = found_clinic(name="Other", time_zone="UTC", is_simulated=True, at=at)

    def point_across() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            Answer.objects.create(
                clinic_id=other.clinic_id, invitation_id=invited.invitation_id, item=ITEMS[0],
                value=1, answered_at=at, key=key(),
            )  # fmt: skip
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(DatabaseError, match="same_clinic"):
        point_across()


def test_every_act_is_in_the_record(invited, reply, at, nurse, clinic, key):
    answer_all(reply, invited)
    reply(invited, SAFETY, 1)
    actions.complete(token=invited.token, at=at)
    (flag,) = queries.open_flags(clinic.clinic_id)
    actions.acknowledge(flag_id=flag.flag_id, note="Called", by=nurse, at=at, key=key())

    kinds = re.sub(r"outcome\.", "", " ".join(
        Entry.objects.filter(kind__startswith="outcome.").order_by("id")
        .values_list("kind", flat=True)
    )).split()  # fmt: skip

    assert kinds == [
        "Invited",
        "LinkMade",
        *["Answered"] * 10,
        "FlagRaised",
        "Completed",
        "FlagAcknowledged",
    ]
