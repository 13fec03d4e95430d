"""The alarm watch: what it writes, and that a restarted one says the same and nothing twice."""

from datetime import timedelta

import pytest

from a_session_scene import morning
from vigil.session import actions, queries
from vigil.session.models import AlarmFact
from vigil.units.refusals import Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def day(clinic, patient, nurse, second_nurse, prescriber, compliance, at):
    day = morning(clinic, patient, nurse, second_nurse, prescriber, compliance, at)
    for answer in (day.check_in(), day.draw(), day.start()):
        assert not isinstance(answer, Refused), answer
    return day


def told():
    return list(AlarmFact.objects.order_by("id").values_list("limit_id", "ordinal", "kind"))


def quiet(day):
    """The monitor sends what worries nobody, often enough to be no silence."""
    return day.send(spo2=97, hr=80, rr=14)


def test_a_surge_is_raised_seen_and_cleared(day):
    """The surge of the day: above the limit, acknowledged, back below the clearing value."""
    watch = day.watch()
    quiet(day)
    day.send(sbp=186, dbp=100)
    watch.run_once(day.now)
    active = day.view().alarms
    assert {alarm.limit_id for alarm in active} == {"sbp-high", "sbp-rise"}
    high = next(alarm for alarm in active if alarm.limit_id == "sbp-high")
    assert (high.value, high.condition_at, high.signal_at) == (186, day.now, day.now)

    seen = actions.acknowledge(
        alarm_id=high.alarm_id, by=day.nurse, at=day.now, key=day.patient.patient_id
    )
    assert (seen.acknowledged_by, seen.is_active) == (day.nurse.name, True)
    again = actions.acknowledge(
        alarm_id=high.alarm_id, by=day.nurse, at=day.later(seconds=2), key=day.plan_id
    )
    assert again == seen
    quiet(day)
    day.send(sbp=176, dbp=90)
    watch.run_once(day.now)
    assert "sbp-high" in {alarm.limit_id for alarm in day.view().alarms}
    day.later(seconds=2)
    quiet(day)
    day.send(sbp=140, dbp=85)
    watch.run_once(day.now)

    assert day.view().alarms == ()
    past = {alarm.limit_id: alarm for alarm in day.view().alarms_past}
    assert past["sbp-high"].cleared_at == day.now
    gone = actions.acknowledge(
        alarm_id=past["sbp-rise"].alarm_id, by=day.nurse, at=day.now, key=day.session_id
    )
    assert gone.code == "SES-ALARM-CLEARED"


def test_an_acknowledgement_never_clears_a_latched_high(day):
    """INV-SES-12, through the store."""
    watch = day.watch()
    quiet(day)
    day.send(sbp=210, dbp=100)
    watch.run_once(day.now)
    high = day.view().top_alarm
    assert (high.limit_id, high.priority, high.is_latched) == ("sbp-very-high", "high", True)

    actions.acknowledge(alarm_id=high.alarm_id, by=day.nurse, at=day.now, key=day.plan_id)
    watch.run_once(day.now)

    (still,) = [each for each in day.view().alarms if each.limit_id == "sbp-very-high"]
    assert (still.is_active, still.acknowledged_by) == (True, day.nurse.name)


def test_a_latched_high_that_nobody_saw_stands_after_its_end_and_blocks_discharge(day):
    watch = day.watch()
    quiet(day)
    day.send(sbp=210, dbp=100)
    watch.run_once(day.now)
    day.later(minutes=40)
    day.act(actions.stop)
    day.settle()
    watch.run_once(day.now)
    standing = [alarm for alarm in day.view().alarms if alarm.is_latched]
    assert [(alarm.limit_id, alarm.ended_at) for alarm in standing] == [("sbp-very-high", day.now)]

    refused = day.discharge()
    assert refused.code == "SES-DISCHARGE"
    assert "sbp-very-high" in refused.message
    actions.acknowledge(alarm_id=standing[0].alarm_id, by=day.nurse, at=day.now, key=day.plan_id)
    watch.run_once(day.now)

    assert day.discharge().phase == "discharged"
    watch.run_once(day.now)
    assert day.view().alarms == ()


def test_silence_and_missed_observations_are_raised_by_time_alone(day):
    """INV-SES-14; no sample has to arrive for an alarm that says that none does."""
    watch = day.watch()
    quiet(day)
    day.later(seconds=10)
    assert watch.run_once(day.now) == ()
    day.later(seconds=1)
    assert {t.limit_id for t in watch.run_once(day.now)} == {
        "spo2-silent",
        "hr-silent",
        "rr-silent",
    }
    quiet(day)
    watch.run_once(day.now)
    assert day.view().alarms == ()
    day.later(minutes=13)

    watch.run_once(day.now)

    missed = next(alarm for alarm in day.view().alarms if alarm.limit_id == "pressure-missed")
    assert missed.priority == "low"


@pytest.mark.parametrize("restart_every", [1, 3])
def test_a_restarted_watch_says_the_same_and_nothing_twice(day, restart_every):
    """INV-SES-11: killed at any moment, it goes on from the store."""
    script = [
        {"spo2": 97, "hr": 80, "rr": 14}, {"spo2": 88}, {"spo2": 87, "hr": 80, "rr": 14}, {"sbp": 205, "dbp": 121},
        {"spo2": 95}, {"spo2": 96, "hr": 80, "rr": 14}, {}, {"sbp": 150, "dbp": 90}, {"spo2": 97, "hr": 81},
        {"sbp": 206, "dbp": 100}, {"spo2": 97, "hr": 80, "rr": 14}, {"sbp": 130, "dbp": 80},
    ]  # fmt: skip
    watch, expected = day.watch(), []
    for index, values in enumerate(script):
        day.later(seconds=7)
        if values:
            day.send(**values)
        if index == 5:
            high = next(alarm for alarm in day.view().alarms if alarm.is_latched)
            actions.acknowledge(alarm_id=high.alarm_id, by=day.nurse, at=day.now, key=day.plan_id)
        if index % restart_every == 0:
            watch = day.watch()
        expected += watch.run_once(day.now)
        assert watch.run_once(day.now) == ()
        assert day.watch().run_once(day.now) == ()

    written = told()
    by_engine = [each for each in written if each[2] != "acknowledged"]
    assert by_engine == [(t.limit_id, t.ordinal, t.kind) for t in expected]
    steps = list(AlarmFact.objects.exclude(step=None).values_list("alarm_id", "step"))
    assert len(steps) == len(set(steps)) == len(expected)
    assert {"sbp-very-high", "spo2-low", "hr-silent"} <= {limit_id for limit_id, *_ in written}
    last = day.watch()
    last.run_once(day.now)
    watch.run_once(day.now)
    assert last._followed[day.session_id].state == watch._followed[day.session_id].state


def test_two_watches_at_once_write_each_change_once(day):
    """The one that comes second finds the rows and replays them."""
    first, second = day.watch(), day.watch()
    quiet(day)
    first.run_once(day.now), second.run_once(day.now)
    day.send(sbp=210, dbp=100)

    assert first.run_once(day.now)
    assert second.run_once(day.now) == ()
    assert second.run_once(day.now) == ()

    assert len([kind for limit_id, _, kind in told() if limit_id == "sbp-very-high"]) == 1
    assert queries.alarms(day.session_id, clinic_id=day.clinic.clinic_id)


def test_a_value_of_the_future_neither_raises_an_alarm_nor_keeps_the_next_from_it(day):
    """Gated as ahead: the engine sees only what is of now."""
    watch = day.watch()
    quiet(day)
    ahead = day.now + timedelta(hours=1)
    actions.record_samples(
        [
            day.incoming(metric, value, measured_at=ahead)
            for metric, value in {"sbp": 210, "dbp": 120}.items()
        ]
    )
    watch.run_once(day.now)
    assert day.view().alarms == ()

    day.later(seconds=1)
    quiet(day)
    day.send(sbp=186, dbp=100)
    watch.run_once(day.now)

    assert {alarm.limit_id for alarm in day.view().alarms} == {"sbp-high", "sbp-rise"}
