"""The gate on real rows, the clearance, and what a refused start leaves behind: nothing."""

from datetime import timedelta

import pytest

from a_session_scene import morning
from vigil.people.actions import set_presence
from vigil.programme import queries
from vigil.programme.models import Clearance as ClearanceRow
from vigil.record.clock import new_id
from vigil.session import actions
from vigil.session.domain.facts import SessionState
from vigil.session.models import SessionFact
from vigil.units.refusals import Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def day(clinic, patient, nurse, second_nurse, prescriber, compliance, at):
    return morning(clinic, patient, nurse, second_nurse, prescriber, compliance, at)


def open_items(day):
    gate = queries.gate(day.session_id, clinic_id=day.clinic.clinic_id, by=day.nurse, now=day.now)
    assert gate.is_ready == all(item.is_met is True for item in gate.items)
    return {item.code: item.is_met for item in gate.items if item.is_met is not True}


def test_the_gate_says_what_is_missing_and_then_lets_the_dose_start(day, front_desk):
    """INV-PRO-01."""
    day.check_in(sbp=None, dbp=None, food_minutes=119, escort_name="R. Example")
    set_presence(is_on_site=False, by=day.prescriber, at=day.now)
    assert open_items(day) == {
        "PRO-PRESSURE": None, "PRO-FOOD": False, "PRO-PRESCRIBER": False,
        "PRO-DRAW": False,
    }  # fmt: skip
    refused = day.start()
    assert (refused.code, "Take the pressure." in refused.message) == ("PRO-GATE", True)
    assert day.start(by=front_desk).code == "PEO-DUTY"
    assert not ClearanceRow.objects.exists()

    set_presence(is_on_site=True, by=day.prescriber, at=day.now)
    day.draw()
    day.later(minutes=361)
    day.observe(sbp=120, dbp=75)
    assert open_items(day) == {}

    assert isinstance(day.start(), SessionState)
    assert ClearanceRow.objects.get().dose_ug == 35_000


def test_a_question_that_was_not_asked_blocks(day):
    day.check_in(food_minutes=None, drink_minutes=None, escort_name="")
    day.draw()

    assert open_items(day) == {"PRO-FOOD": None, "PRO-DRINK": None, "PRO-ESCORT": None}


def test_a_start_repeated_with_its_key_clears_and_starts_once(day):
    """INV-PRO-02 (H15): a double click, a lost reply."""
    day.check_in(), day.draw()
    key = new_id()
    first = day.start(key=key)
    day.later(minutes=20)

    again = day.start(key=key)

    assert isinstance(first, SessionState)
    assert again.started_at == first.started_at
    assert ClearanceRow.objects.count() == 1
    assert SessionFact.objects.filter(kind="Started").count() == 1
    assert day.start().code == "PRO-PHASE"


def test_a_start_that_the_session_refuses_leaves_no_clearance(day, monkeypatch):
    """INV-PRO-02."""
    day.check_in(), day.draw()
    no = Refused(code="SES-DRAW", message="no")
    monkeypatch.setattr("vigil.programme.actions.session_actions.start", lambda **_: no)

    assert day.start() == no
    assert not ClearanceRow.objects.exists()


def test_the_next_dose_waits_for_its_interval(day):
    day.run_to_observing()
    day.settle()
    day.discharge()
    closed = day.act(actions.close)
    assert isinstance(closed, SessionState), closed
    day.later(minutes=60)
    day.check_in(weight_g=78_000)
    day.draw(39_000)

    assert open_items(day) == {"PRO-INTERVAL": False, "PRO-WEIGHT-CHANGE": False}


def test_an_old_weight_and_a_high_pressure_block(day):
    day.check_in(weighed_at=day.now - timedelta(hours=24), sbp=200, dbp=80)
    day.draw()

    assert open_items(day) == {"PRO-WEIGHT": False, "PRO-PRESSURE": False}


def test_a_new_plan_makes_the_seated_session_wait(day):
    from conftest import PASSWORD
    from journey_examples import plan_request
    from vigil.plan.actions import sign

    day.check_in(), day.draw()
    signed = sign(
        request=plan_request(day.patient, replaces_version=1, reason="Fewer sessions", sessions=4),
        password=PASSWORD, by=day.prescriber, at=day.later(minutes=1), key=new_id(),
    )  # fmt: skip
    assert hasattr(signed, "plan_id"), signed

    assert open_items(day) == {"PRO-PLAN": False}
    assert day.start().code == "PRO-GATE"


def test_reviews_are_due_from_their_date(day, at):
    clinic_id = day.clinic.clinic_id
    assert queries.reviews_due(clinic_id, now=at + timedelta(days=29)) == ()

    (due,) = queries.reviews_due(clinic_id, now=at + timedelta(days=33))

    assert (due.plan_id, due.days_late) == (day.plan_id, 3)
