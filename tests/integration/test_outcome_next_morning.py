"""The morning after a real session: asked, answered on a phone, seen beside the dose, counted in the claim."""

import re
from datetime import timedelta

import pytest

from a_session_scene import morning
from vigil.evidence.scales import load_scale
from vigil.outcome import actions, queries
from vigil.outcome.domain.fold import asked_items
from vigil.outcome.models import Invitation
from vigil.people.models import Staff
from vigil.plan import queries as plans
from vigil.record.clock import new_id
from vigil.session.actions import stop
from vigil.surveillance import queries as surveillance

pytestmark = pytest.mark.django_db

ITEMS = asked_items(load_scale("phq-9"))


@pytest.fixture
def day(clinic, patient, nurse, second_nurse, prescriber, compliance, at):
    """A morning in which 17.5 mg were given, 20 minutes of the planned 40."""
    made = morning(clinic, patient, nurse, second_nurse, prescriber, compliance, at)
    made.check_in()
    made.draw()
    made.start()
    made.later(minutes=20)
    made.act(stop, reason="anxious")
    return made


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.fixture
def page_at(monkeypatch):
    """Sets the clock of the pages."""
    import vigil.web.outcome
    import vigil.web.programme
    import vigil.web.surveillance

    def _page_at(moment):
        for page in (vigil.web.outcome, vigil.web.programme, vigil.web.surveillance):
            monkeypatch.setattr(page, "now", lambda: moment)

    return _page_at


def test_the_next_morning_of_a_real_session(
    client, day, clinic, patient, nurse, prescriber, page_at
):
    stopped = day.view().stopped_at
    plan = plans.signed_plan(patient.patient_id, clinic_id=clinic.clinic_id)
    assert actions.invite_due(clinic.clinic_id, day.now) == 1
    assert actions.invite_due(clinic.clinic_id, day.now) == 0
    asked = Invitation.objects.get()
    assert asked.due_at == stopped + timedelta(hours=20)
    invited = actions.make_link(invitation_id=asked.id, by=nurse, at=day.now)

    next_morning = asked.due_at + timedelta(hours=1)
    page_at(next_morning)
    for place, item in enumerate(ITEMS, start=1):
        client.post(
            f"{invited.path}?n={place}",
            {
                "item": item.item_id,
                "value": 0 if place == 9 else 1,
                "go": "next",
                "key": str(new_id()),
            },
        )
    assert "Thank you" in text_of(client.get(invited.path))
    (point,) = queries.trajectory(patient.patient_id, clinic_id=clinic.clinic_id)
    assert (point.total, point.band) == (8, "mild")

    client.force_login(Staff.objects.get(pk=prescriber.staff_id))
    course = text_of(client.get(f"/patients/{patient.patient_id}/trajectory"))
    assert "17.5 mg" in course
    assert "0.25 mg/kg" in course
    assert plan.intention in course.replace("&#x27;", "'")
    assert "No score was taken before the first dose" in course

    review = text_of(client.get(f"/patients/{patient.patient_id}/review"))
    assert f"1 of {plan.sessions} sessions" in review
    assert "Not known. No PHQ-9 was answered before the first dose." in review
    assert "Change: sign a new version" in review

    claim = text_of(client.get("/claim"))
    report = surveillance.claim(clinic.clinic_id, now=next_morning)
    assert "Not enough evidence yet" in claim
    assert report.person_seconds == (20 + 21 * 60) * 60
    assert f"{report.years_missing_as_seen:.2f}" in claim


def test_a_person_who_asked_already_stops_the_follow_up(day, clinic, patient, nurse):
    """Nobody is asked the same twice after one session."""
    actions.invite(
        patient_id=patient.patient_id, scale_id="phq-9", due_at=day.now + timedelta(hours=3),
        by=nurse, at=day.now, key=new_id(),
    )  # fmt: skip

    assert actions.invite_due(clinic.clinic_id, day.now) == 0


def test_a_follow_up_that_nobody_answered_is_a_gap(day, clinic, patient):
    """INV-OUT-03: unknown, never 'no change'."""
    actions.invite_due(clinic.clinic_id, day.now)
    ends = Invitation.objects.get().expires_at
    who = {"clinic_id": clinic.clinic_id}

    assert queries.gaps(patient.patient_id, now=ends - timedelta(seconds=1), **who) == ()
    assert len(queries.gaps(patient.patient_id, now=ends, **who)) == 1
    assert queries.due_invitations(now=ends, **who) == ()
