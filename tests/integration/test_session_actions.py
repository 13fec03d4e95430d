"""The session's acts on the database: what they write, what they refuse, what a repeat does."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from a_session_scene import YES, morning
from vigil.custody import queries as custody
from vigil.custody.domain.facts import Drawn
from vigil.programme.models import Clearance as ClearanceRow
from vigil.record.clock import new_id
from vigil.record.models import Entry
from vigil.session import actions, queries
from vigil.session.domain.clearance import Clearance
from vigil.session.domain.facts import SessionState
from vigil.session.models import AlarmFact, Sample, Session, SessionFact
from vigil.units.refusals import Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def day(clinic, patient, nurse, second_nurse, prescriber, compliance, at):
    return morning(clinic, patient, nurse, second_nurse, prescriber, compliance, at)


def code(answer):
    assert isinstance(answer, Refused), answer
    return answer.code


def state(answer):
    assert isinstance(answer, SessionState), answer
    return answer


def written():
    """How much there is of everything that an act writes."""
    return SessionFact.objects.count(), Sample.objects.count(), Entry.objects.count()


# --- the whole morning -------------------------------------------------------------------------


def test_a_morning_ends_at_exactly_zero(day):
    """INV-SES-06: given, wasted and left make what was drawn, and nothing is left."""
    assert state(day.check_in()).dose_ug == 35_000
    assert isinstance(day.draw(), Drawn)
    assert day.view().phase == "ready"
    assert state(day.start()).rate_ug_per_hour == 52_500

    day.later(minutes=20)
    assert day.view().given_ug == 17_500
    assert state(day.act(actions.stop, reason="anxious")).given_ug == 17_500
    day.settle()
    assert state(day.discharge()).phase == "discharged"
    assert code(day.act(actions.close)) == "SES-DRUG-LEFT"
    day.waste(17_500)
    assert state(day.act(actions.close)).phase == "closed"

    (draw,) = custody.draws_for(day.session_id, clinic_id=day.clinic.clinic_id)
    assert (draw.drawn_ug, draw.given_ug, draw.wasted_ug, draw.remaining_ug) == (
        35_000, 17_500, 17_500, 0,
    )  # fmt: skip
    assert custody.unexplained_ug(day.clinic.clinic_id) == 0
    assert queries.board(day.clinic.clinic_id, now=day.now)[0].session is None


def test_every_act_is_an_entry_of_the_record(day):
    day.run_to_observing()

    kinds = list(
        Entry.objects.filter(kind__startswith="session.")
        .order_by("id")
        .values_list("kind", flat=True)
    )

    assert kinds == [
        "session.ChairAdded",
        "session.CheckedIn",
        "session.Started",
        "session.Stopped",
    ]
    assert Entry.objects.filter(kind="programme.Cleared").count() == 1


def test_the_pump_reading_wins_over_the_rate(day):
    """The syringe that was pushed says more than the clock."""
    day.check_in(), day.draw(), day.start()
    day.later(minutes=10)

    ended = state(day.act(actions.stop, pump_ug=9_000))

    assert ended.given_ug == 9_000
    assert day.view().draws[0].given_ug == 9_000


def test_a_pause_gives_nothing(day):
    day.check_in(), day.draw(), day.start()
    day.later(minutes=10)
    day.act(actions.pause, reason="pressure")
    day.later(minutes=30)
    assert day.view().given_ug == 8_750
    assert state(day.act(actions.resume)).rate_ug_per_hour == 52_500
    state(day.act(actions.change_rate, rate_ug_per_hour=30_000, reason="slower"))
    day.later(minutes=10)
    assert day.view().given_ug == 13_750


# --- repeats -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step", ["check-in", "start", "pause", "observe", "stop", "discharge", "close"]
)
def test_the_same_key_again_has_no_second_effect(day, step):
    """INV-SES-05: a commit whose reply was lost is repeated without harm (H15)."""
    key = new_id()
    if step == "check-in":
        act = lambda: day.check_in(key=key)  # noqa: E731
    elif step == "start":
        day.check_in(), day.draw()
        act = lambda: day.start(key=key)  # noqa: E731
    elif step in ("pause", "observe", "stop"):
        day.check_in(), day.draw(), day.start()
        day.later(minutes=5)
        extra = {
            "pause": {"reason": ""}, "stop": {},
            "observe": {"measured_at": day.now, "values": {"sbp": 130, "dbp": 80}},
        }[step]  # fmt: skip
        act = lambda: day.act(getattr(actions, step), key=key, **extra)  # noqa: E731
    else:
        day.run_to_observing()
        day.settle()
        if step == "discharge":
            act = lambda: day.discharge(key=key)  # noqa: E731
        else:
            day.discharge()
            act = lambda: day.act(actions.close, key=key)  # noqa: E731

    first = state(act())
    before = written()
    again = state(act())

    assert again == first
    assert written() == before
    assert all(draw.given_ug <= draw.drawn_ug for draw in day.view().draws)


def test_a_key_of_another_act_is_refused(day):
    day.check_in(), day.draw(), day.start()
    key = new_id()
    state(day.act(actions.pause, reason="", key=key))

    assert code(day.act(actions.resume, key=key)) == "SES-KEY"


# --- refusals ----------------------------------------------------------------------------------


CHECK_INS_THAT_CANNOT_BE = [
    ({"weight_g": 19_999}, "SES-WEIGHT"),
    ({"weight_g": 400_001}, "SES-WEIGHT"),
    ({"sbp": None}, "SES-PRESSURE"),
    ({"sbp": 78, "dbp": 124}, "SES-PRESSURE"),
    ({"sbp": 301}, "SES-VALUE"),
    ({"plan_id": new_id()}, "SES-PLAN"),
    ({"patient_id": new_id()}, "SES-PATIENT-UNKNOWN"),
    ({"chair_id": new_id()}, "SES-CHAIR-UNKNOWN"),
]


def test_a_check_in_that_cannot_be_is_refused(day):
    before = written()

    for changes, why in CHECK_INS_THAT_CANNOT_BE:
        assert code(day.check_in(**changes)) == why, changes
    assert written() == before


def test_one_patient_and_one_chair_hold_one_session(day):
    """INV-SES-01."""
    state(day.check_in())

    assert code(day.check_in()) in ("SES-PATIENT-OPEN", "SES-CHAIR-TAKEN")


def test_an_act_needs_its_duty(day, front_desk):
    day.check_in(), day.draw()
    before = written()
    calls = {
        "check_in": lambda: day.check_in(by=front_desk),
        "observe": lambda: day.act(
            actions.observe, measured_at=day.now, values={"moaas": 5}, by=front_desk
        ),
        "stop": lambda: day.act(actions.stop, by=front_desk),
        "discharge": lambda: day.discharge(by=front_desk),
        "close": lambda: day.act(actions.close, by=front_desk),
        "start": lambda: day.start(by=front_desk),
    }

    for name, call in calls.items():
        assert code(call()) == "PEO-DUTY", name
    assert written() == before


def test_an_act_out_of_its_phase_is_refused(day):
    day.check_in()
    acts = [
        (actions.pause, {"reason": ""}),
        (actions.resume, {}),
        (actions.stop, {}),
        (actions.change_rate, {"rate_ug_per_hour": 1_000, "reason": ""}),
        (actions.discharge, {"answers": YES, "escort_name": "R."}),
    ]

    for act, extra in acts:
        assert code(day.act(act, **extra)) == "SES-PHASE", act.__name__


def test_a_rate_above_the_plan_is_refused(day):
    """INV-SES-04."""
    day.check_in(), day.draw(), day.start()

    for rate in (0, -1, 52_501):
        refused = day.act(actions.change_rate, rate_ug_per_hour=rate, reason="")
        assert code(refused) == "SES-RATE", rate


@pytest.mark.parametrize("pump_ug", [-1, 35_001])
def test_a_pump_cannot_have_given_more_than_was_drawn(day, pump_ug):
    day.check_in(), day.draw(), day.start()
    day.later(minutes=40)

    assert code(day.act(actions.stop, pump_ug=pump_ug)) == "SES-PUMP"
    assert day.view().phase == "running"


def clearance_of(day, **changes):
    checked_in = queries.check_in(day.session_id, clinic_id=day.clinic.clinic_id)
    whole = {
        "clearance_id": new_id(), "session_id": day.session_id, "plan_id": day.plan_id,
        "plan_hash": checked_in.plan_hash, "protocol_hash": checked_in.protocol_hash, "dose_ug": 35_000,
        "weight_g": 70_000, "items": (), "given_at": day.now, "given_by": day.nurse.staff_id,
    }  # fmt: skip
    return Clearance(**{**whole, **changes})


CLEARANCES_OF_SOMETHING_ELSE = [
    ({"session_id": new_id()}, "SES-CLEARANCE-OTHER"),
    ({"plan_id": new_id()}, "SES-CLEARANCE-OTHER"),
    ({"plan_hash": "0" * 64}, "SES-CLEARANCE-PLAN"),
    ({"dose_ug": 34_000}, "SES-CLEARANCE-DOSE"),
    ({"weight_g": 71_000}, "SES-CLEARANCE-DOSE"),
]


def test_a_clearance_of_something_else_starts_nothing(day):
    """INV-SES-02."""
    day.check_in(), day.draw()

    for changes, why in CLEARANCES_OF_SOMETHING_ELSE:
        asked = clearance_of(day, **changes)
        assert code(day.act(actions.start, clearance=asked)) == why, changes


@pytest.mark.parametrize(("minutes", "starts"), [(0, True), (9.99, True), (10, False), (-1, False)])
def test_a_clearance_lives_ten_minutes(day, minutes, starts):
    """INV-SES-02: the gate must hold now, not this morning."""
    day.check_in(), day.draw()
    clearance = clearance_of(day, given_at=day.now - timedelta(minutes=minutes))

    answer = day.act(actions.start, clearance=clearance)

    assert isinstance(answer, SessionState) == starts
    assert starts or code(answer) == "SES-CLEARANCE-OLD"


@pytest.mark.parametrize("amount_ug", [None, 34_000])
def test_nothing_starts_without_the_drawn_dose(day, amount_ug):
    """INV-SES-03."""
    day.check_in()
    if amount_ug:
        day.draw(amount_ug)

    assert code(day.act(actions.start, clearance=clearance_of(day))) == "SES-DRAW"


def test_a_session_of_another_clinic_does_not_exist(day):
    from vigil.people.actions import employ, found_clinic
    from vigil.people.duties import Duty

    day.check_in()
    other = found_clinic(name="Other", time_zone="UTC", is_simulated=True, at=day.now)
    stranger = employ(
        clinic_id=other.clinic_id, login="stranger", name="Stranger", duties=list(Duty),
        password="correct horse battery staple", by="setup", at=day.now,
    )  # fmt: skip

    assert (
        code(day.act(actions.observe, measured_at=day.now, values={"moaas": 5}, by=stranger))
        == "SES-UNKNOWN"
    )
    assert queries.view(day.session_id, clinic_id=other.clinic_id, now=day.now) is None
    assert queries.note(day.session_id, clinic_id=other.clinic_id) is None


# --- nasal -------------------------------------------------------------------------------------


def test_nasal_devices_are_given_one_by_one(
    clinic, patient, nurse, second_nurse, prescriber, compliance, at
):
    """INV-SES-06: each device is entered in the register when it is given; the last one ends the giving."""
    day = morning(
        clinic, patient, nurse, second_nurse, prescriber, compliance, at, protocol_id="esk-trd-us"
    )
    assert state(day.check_in()).dose_ug == 56_000
    assert isinstance(day.draw(28_000, container=0), Drawn)
    assert isinstance(day.draw(28_000, container=1), Drawn)

    started = state(day.start())
    assert (started.phase, started.given_ug, started.rate_ug_per_hour) == ("running", 28_000, 0)
    assert code(day.act(actions.pause, reason="")) == "SES-NO-RATE"
    day.later(minutes=5)
    (left,) = [draw for draw in day.view().draws if draw.remaining_ug]
    key = new_id()
    ended = state(day.act(actions.give_device, draw_id=left.draw_id, key=key))
    assert state(day.act(actions.give_device, draw_id=left.draw_id, key=key)) == ended

    assert (ended.phase, ended.given_ug) == ("observing", 56_000)
    assert [draw.given_ug for draw in day.view().draws] == [28_000, 28_000]


def test_a_nasal_session_stopped_early_gives_nothing_twice(
    clinic, patient, nurse, second_nurse, prescriber, compliance, at
):
    day = morning(
        clinic, patient, nurse, second_nurse, prescriber, compliance, at, protocol_id="esk-trd-us"
    )
    day.check_in(), day.draw(28_000, container=0), day.draw(28_000, container=1), day.start()

    ended = state(day.act(actions.stop, reason="the patient asked"))

    assert (ended.given_ug, day.view().unreconciled_ug) == (28_000, 28_000)


# --- discharge ---------------------------------------------------------------------------------


def test_a_discharge_lists_everything_it_waits_for(day):
    """INV-SES-07."""
    day.run_to_observing()

    refused = day.discharge(answers={}, escort_name="")

    assert code(refused) == "SES-DISCHARGE"
    for words in ("60 more min", "MOAA/S", "Dissociation", "Pressure", "saturation", "Walks", "Knows",
                  "escort", "identity", "driving"):  # fmt: skip
        assert words in refused.message, words


def test_a_value_from_before_the_end_is_not_fresh(day):
    """H08: the pressure that was well during the infusion says nothing about now."""
    day.check_in(), day.draw(), day.start()
    day.later(minutes=39)
    day.observe(sbp=126, dbp=80, moaas=5, dissociation=0, spo2=97)
    day.later(minutes=1)
    day.act(actions.stop)
    day.later(minutes=61)

    refused = day.discharge()

    assert code(refused) == "SES-DISCHARGE"
    assert "Pressure: a new value" in refused.message


def test_one_minute_before_the_floor_is_too_early(day):
    day.run_to_observing()
    day.later(minutes=59, seconds=59)
    day.observe(sbp=126, dbp=80, moaas=5, dissociation=0, spo2=97)
    refused = day.discharge()
    assert code(refused) == "SES-DISCHARGE"
    assert refused.message == "Not yet. It waits for: 1 more min of observation."

    day.later(seconds=1)

    assert state(day.discharge()).phase == "discharged"


def test_a_session_that_never_started_closes_with_a_reason(day):
    day.check_in()

    assert code(day.act(actions.close)) == "SES-REASON"
    assert state(day.act(actions.close, reason="the patient went home")).phase == "closed"
    assert state(day.check_in()).phase == "checked-in"


# --- samples -----------------------------------------------------------------------------------


def test_a_sample_is_bound_to_the_session_open_at_its_place(day):
    """INV-SES-08 (H07)."""
    (before,) = day.send(hr=80)
    day.check_in()
    (during,) = day.send(hr=82)
    (elsewhere,) = actions.record_samples([day.incoming("hr", 90, location="NOWHERE")])
    day.act(actions.close, reason="went home")
    (after,) = day.send(hr=81)

    assert [each.session_id for each in (before, during, elsewhere, after)] == [
        None, day.session_id, None, None,
    ]  # fmt: skip
    assert {each.status for each in (before, during, elsewhere, after)} == {"stored"}


def test_what_is_sent_again_is_stored_once(day):
    """INV-SES-08: also within one batch, and when the device states no time."""
    day.check_in()
    timed = day.incoming("hr", 80)
    untimed = day.incoming("spo2", 97, measured_at_source="received")

    first = actions.record_samples([timed, timed, untimed])
    day.later(seconds=3)
    again = actions.record_samples(
        [
            timed,
            day.incoming("spo2", 97, measured_at_source="received", message_id=untimed.message_id),
        ]
    )

    assert [each.status for each in first] == ["stored", "duplicate", "stored"]
    assert [each.status for each in again] == ["duplicate", "duplicate"]
    assert Sample.objects.filter(source="device").count() == 2


def test_no_value_and_odd_values_are_kept_but_not_believed(day):
    day.check_in()
    stored = actions.record_samples(
        [
            day.incoming("spo2", None, quality="none:---"),
            day.incoming("spo2", 0),
            day.incoming("spo2", 97),
            day.incoming("spo2", 60),
            day.incoming("wibble", 3),
            day.incoming("hr", 80),
            day.incoming("hr", 81, measured_at=day.now - timedelta(seconds=5)),
        ]
    )

    assert [each.quality for each in stored] == [
        "none:---", "gated:range", "good", "gated:slew", "gated:unknown-metric", "good", "gated:late",
    ]  # fmt: skip
    assert day.view().latest["spo2"].value == 97


def test_a_batch_tells_its_listeners_once(day):
    """One message to `vigil_session`, inside the transaction, and none for what was known already."""
    day.check_in()
    batch = [
        day.incoming(metric, value) for metric, value in (("hr", 80), ("spo2", 97), ("rr", 14))
    ]

    with CaptureQueriesContext(connection) as first:
        actions.record_samples(batch)
    with CaptureQueriesContext(connection) as again:
        actions.record_samples(batch)

    told = [query["sql"] for query in first if "pg_notify" in query["sql"]]
    assert len(told) == 1
    assert f"{day.session_id} samples" in told[0]
    assert not [query for query in again if "pg_notify" in query["sql"]]


# --- the view ----------------------------------------------------------------------------------


def test_every_number_has_its_age_and_silence_is_said(day):
    """H05, H06: data older than five seconds of a running session are called silent."""
    day.check_in(), day.draw(), day.start()
    day.send(hr=80, sbp=142, dbp=86)
    assert (day.view().data_age_seconds, day.view().is_data_silent) == (0, False)
    assert day.view().latest["sbp"].from_baseline == 18

    day.later(seconds=6)

    assert (day.view().data_age_seconds, day.view().is_data_silent) == (6, True)
    assert day.view().latest["hr"].age_seconds == 6


def test_a_device_clock_ahead_cannot_make_a_value_young(day):
    """H21."""
    day.check_in()
    actions.record_samples([day.incoming("hr", 80, measured_at=day.now + timedelta(hours=1))])
    day.later(seconds=90)

    assert day.view().latest["hr"].age_seconds == 90


def test_values_of_the_future_never_hide_the_ones_of_now(day):
    """H21: a monitor whose clock ran an hour ahead is put right; its next value is believed and shown."""
    day.check_in()
    ahead = day.incoming("hr", 150, measured_at=day.now + timedelta(hours=1))
    assert [one.quality for one in actions.record_samples([ahead])] == ["gated:ahead"]
    assert day.view().latest["hr"].quality == "gated:ahead"
    assert day.view().latest["hr"].value_milli is None
    day.later(seconds=2)

    assert [one.quality for one in day.send(hr=80)] == ["good"]

    shown = day.view().latest["hr"]
    assert (shown.value, shown.quality, shown.age_seconds) == (80, "good", 0)
    day.later(seconds=3)
    assert day.view().latest["hr"].age_seconds == 3


def test_a_value_of_the_future_that_was_stored_as_good_hides_nothing_either(day):
    """Rows from before stamps ahead of their arrival were gated."""
    day.check_in()
    actions.record_samples([day.incoming("hr", 150)])
    row = Sample.objects.get(metric="hr")
    row.pk, row.message_id = None, "M-ahead"
    row.measured_at = row.stated_at = day.now + timedelta(hours=1)
    row.save(force_insert=True)
    day.later(seconds=1)

    assert [one.quality for one in day.send(hr=140)] == ["good"]
    assert day.view().latest["hr"].value == 140


def test_alarms_that_nobody_has_seen_stand_before_those_that_were_seen(day):
    """H: an acknowledged high alarm must not cover a new one below it."""
    day.check_in(), day.draw(), day.start()
    day.send(sbp=210, dbp=100, hr=80, spo2=97, rr=14)
    watch = day.watch()
    watch.run_once(day.now)
    first = day.view().top_alarm
    assert first.priority == "high"
    others = [each.limit_id for each in day.view().alarms[1:]]
    assert others

    actions.acknowledge(alarm_id=first.alarm_id, by=day.nurse, at=day.now, key=new_id())

    assert [each.limit_id for each in day.view().alarms] == [*others, first.limit_id]


def test_a_late_observation_is_late_until_it_is_taken(day):
    day.check_in(), day.draw(), day.start()
    assert {due.state for due in day.view().duties} == {"coming"}
    day.later(minutes=13)
    late = day.view().next_duty
    assert (late.duty_id, late.state, late.late_by_seconds) == ("pressure", "late", 180)

    day.observe(sbp=130, dbp=80)

    assert "late" not in {due.state for due in day.view().duties}
    assert day.view().next_duty.owner == day.nurse.name


def test_a_cuff_reading_of_the_monitor_satisfies_the_pressure_duty(day):
    day.check_in(), day.draw(), day.start()
    day.later(minutes=13)

    day.send(sbp=130)
    assert day.view().next_duty.state == "late"
    day.send(dbp=80)

    assert day.view().next_duty.state == "coming"


# --- constraints: a bug in the actions does not reach the tables --------------------------------


def refused_by_database(change, because):
    def committed():
        with transaction.atomic():
            change()
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(DatabaseError, match=because):
        committed()


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({}, "session_one_open_per"),
        ({"phase": "asleep"}, "session_known_phase"),
        ({"weight_g": 0, "phase": "closed"}, "session_weight_and_dose"),
        ({"dose_ug": 0, "phase": "closed"}, "session_weight_and_dose"),
    ],
)
def test_the_database_refuses_a_session_that_cannot_be(day, changes, because):
    day.check_in()
    row = Session.objects.get(pk=day.session_id)
    for name, value in {"pk": new_id(), **changes}.items():
        setattr(row, name, value)
    row._state.adding = True

    refused_by_database(lambda: row.save(force_insert=True), because)


def test_the_database_refuses_a_child_of_another_clinic(day):
    from vigil.people.actions import found_clinic

    day.check_in()
    other = found_clinic(name="Other", time_zone="UTC", is_simulated=True, at=day.now)
    row = SessionFact.objects.get(session_id=day.session_id)
    row.pk, row.clinic_id, row.key, row.seq, row.kind = None, other.clinic_id, new_id(), 99, "Noted"

    refused_by_database(lambda: row.save(force_insert=True), "same_clinic")


def test_the_database_refuses_a_second_start_and_a_second_key(day):
    day.check_in(), day.draw(), day.start()
    row = SessionFact.objects.get(kind="Started")
    key = row.key
    row.pk, row.key, row.seq = None, new_id(), 99
    refused_by_database(lambda: row.save(force_insert=True), "session_fact_happens_once")
    row.pk, row.key, row.kind = None, key, "Noted"
    refused_by_database(lambda: row.save(force_insert=True), "key")


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"value_milli": None}, "session_sample_value_or_none"),
        ({"quality": "none:empty"}, "session_sample_value_or_none"),
        ({"seq": None}, "session_sample_bound_whole"),
        ({"source": "guess"}, "session_sample_source"),
    ],
)
def test_the_database_refuses_a_sample_that_cannot_be(day, changes, because):
    day.check_in()
    day.send(hr=80)
    row = Sample.objects.get(metric="hr")
    for name, value in {"pk": None, "message_id": "other", **changes}.items():
        setattr(row, name, value)

    refused_by_database(lambda: row.save(force_insert=True), because)


@pytest.mark.parametrize("table", ["fact", "sample", "alarm", "clearance"])
def test_what_happened_cannot_be_changed_or_deleted(day, table):
    day.check_in(), day.draw(), day.start()
    day.send(sbp=210, dbp=100)
    day.watch().run_once(day.now)
    rows = {"fact": SessionFact, "sample": Sample, "alarm": AlarmFact, "clearance": ClearanceRow}[
        table
    ]
    assert rows.objects.exists()

    refused_by_database(lambda: rows.objects.update(clinic_id=F("clinic_id")), "Cannot update")
    refused_by_database(
        lambda: rows.objects.all()._raw_delete("default"), "Cannot update or delete"
    )
