"""Where a patient stands: one stage, four steps, one next step, from the facts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest

from vigil.people.duties import POLICY, Duty
from vigil.web.journey import Treated, read_journey

NINE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def assessed(verdict, *, at=NINE):
    missing = ("pregnant", "porphyria") if verdict == "more-needed" else ()
    return SimpleNamespace(verdict=verdict, missing=missing, completed_at=at)


def planned(**changes):
    held = {
        "plan_id": uuid4(), "protocol_id": "ket-mdd-iv", "version": 1, "sessions": 3,
        "signed_by_name": "Ana", "signed_at": NINE + timedelta(hours=1), "consented_at": NINE,
    }  # fmt: skip
    return SimpleNamespace(**{**held, **changes})


GIVEN = Treated(
    session_id=uuid4(), protocol_id="ket-mdd-iv", chair="Chair 1",
    started_at=NINE + timedelta(hours=2), closed_at=NINE + timedelta(hours=4),
)  # fmt: skip

CASES = {
    "To assess": {"assessment": None, "plan": None},
    "Answers missing": {"assessment": assessed("more-needed"), "plan": None},
    "Excluded": {"assessment": assessed("excluded"), "plan": None},
    "Ready to plan": {"assessment": assessed("eligible"), "plan": None},
    "Session 1 of 3 next": {"assessment": assessed("eligible"), "plan": planned()},
    "Session 3 of 3 next": {
        "assessment": assessed("eligible"), "plan": planned(), "sessions": [GIVEN, GIVEN],
    },
    "Course complete": {
        "assessment": assessed("eligible"), "plan": planned(), "sessions": [GIVEN] * 3,
    },
    "Consent withdrawn": {
        "assessment": assessed("eligible"), "plan": planned(consented_at=None),
    },
    "At Chair 1 now": {
        "assessment": assessed("eligible"), "plan": planned(),
        "sessions": [replace(GIVEN, closed_at=None)],
    },
}  # fmt: skip


@pytest.mark.parametrize("stage", CASES)
def test_each_stage_has_one_next_step_that_somebody_may_do(stage):
    """No stage is a dead end, and the next step's page is open to whose duty it is."""
    journey = read_journey(**CASES[stage])

    assert journey.stage == stage
    assert journey.next_step.duty in POLICY[journey.next_step.route].see


@pytest.mark.parametrize(
    ("change", "done"),
    [
        ({}, 1),
        ({"started_at": None}, 0),
        ({"closed_at": None}, 0),
        ({"protocol_id": "esk-trd-us"}, 0),
    ],
)
def test_only_a_closed_session_of_this_protocol_that_was_started_counts(change, done):
    """A check-in that came to nothing, a session under way, another drug: none of them is one of the six."""
    journey = read_journey(
        assessment=assessed("eligible"), plan=planned(), sessions=[replace(GIVEN, **change)]
    )

    assert journey.sessions_done == done
    assert journey.dots == (True,) * done + (False,) * (3 - done)


def test_an_exclusion_found_after_the_plan_stops_the_journey():
    """The later word counts: no check-in is offered to an excluded patient."""
    later = assessed("excluded", at=NINE + timedelta(days=1))

    journey = read_journey(assessment=later, plan=planned())

    assert journey.stage == "Excluded"
    assert journey.next_step.duty == Duty.ASSESS


def test_a_patient_found_eligible_again_keeps_the_plan():
    """A new assessment that agrees does not hide the course that is under way."""
    later = assessed("eligible", at=NINE + timedelta(days=1))

    journey = read_journey(assessment=later, plan=planned(), sessions=[GIVEN])

    assert journey.stage == "Session 2 of 3 next"
