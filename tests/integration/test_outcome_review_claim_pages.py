"""Outcome, claim and review pages by the test client, and the follow-ups that sessions call for."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from vigil.evidence.scales import load_scale
from vigil.outcome import actions, queries
from vigil.outcome.domain.fold import asked_items
from vigil.outcome.models import Answer, Completed, Invitation
from vigil.record.clock import new_id
from vigil.session.domain.facts import SessionSummary
from vigil.surveillance import actions as surveillance_actions
from vigil.surveillance import queries as surveillance
from vigil.surveillance.definition import load_definition
from vigil.surveillance.models import Adjudication
from vigil.units.refusals import Refused

pytestmark = pytest.mark.django_db

ITEMS = asked_items(load_scale("phq-9"))
HOUR = timedelta(hours=1)


@pytest.fixture
def clock(monkeypatch, at):
    """A clock for the pages that a test can set."""
    import vigil.web.outcome
    import vigil.web.programme
    import vigil.web.surveillance

    held = {"now": at}
    for page in (vigil.web.outcome, vigil.web.programme, vigil.web.surveillance):
        monkeypatch.setattr(page, "now", lambda: held["now"])
    return held


@pytest.fixture
def sessions(monkeypatch):
    """The patient's sessions, as the session room would tell them; newest first."""
    from vigil.session import queries as session_queries

    held: dict = {}
    monkeypatch.setattr(
        session_queries,
        "sessions_of",
        lambda patient_id, *, clinic_id: tuple(held.get(patient_id, ())),
    )
    return held


def session_of(patient, started_at, *, given_ug=34_000, protocol_id="ket-mdd-iv"):
    return SessionSummary(
        session_id=new_id(), patient_id=patient.patient_id, plan_id=new_id(),
        protocol_id=protocol_id, chair="Chair 1", phase="closed", drug="ketamine", route="IV",
        dose_ug=given_ug, given_ug=given_ug, weight_g=68_000, weighed_at=started_at - HOUR,
        checked_in_at=started_at - HOUR, started_at=started_at, stopped_at=started_at + HOUR,
        discharged_at=started_at + 2 * HOUR, closed_at=started_at + 2 * HOUR,
    )  # fmt: skip


@pytest.fixture
def invited(nurse, patient, at, key):
    return actions.invite(
        patient_id=patient.patient_id, scale_id="phq-9", due_at=at, by=nurse, at=at, key=key()
    )


def answered(patient, nurse, key, when, values):
    """A finished questionnaire with these nine values."""
    made = actions.invite(
        patient_id=patient.patient_id, scale_id="phq-9", due_at=when, by=nurse, at=when, key=key()
    )
    for item, value in zip(ITEMS, values, strict=True):
        actions.answer(token=made.token, item=item.item_id, value=value, at=when, key=key())
    assert not isinstance(actions.complete(token=made.token, at=when), Refused)


def sign_in(client, staff):
    from vigil.people.models import Staff

    client.force_login(Staff.objects.get(pk=staff.staff_id))
    return client


def post(client, path, place, value=None, go="next", once=None):
    fields = {"item": ITEMS[place - 1].item_id, "key": str(once or new_id()), "go": go}
    if value is not None:
        fields["value"] = value
    return client.post(f"{path}?n={place}", fields)


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


# --- the phone ---


def test_the_phone_walks_from_the_first_question_to_thanks(client, clock, invited):
    path = invited.path

    first = client.get(path)
    assert "1 of 9" in text_of(first)
    for place in range(1, 9):
        assert post(client, path, place, 1).headers["Location"] == f"?n={place + 1}"
    last = client.get(f"{path}?n=9")
    assert "Finish and send" in text_of(last)
    assert post(client, path, 9, 0).headers["Location"] == "?"

    assert "Thank you" in text_of(client.get(path))
    assert Completed.objects.get().total == 8


def test_the_phone_names_no_patient_and_no_drug(client, clock, invited, patient):
    """INV-OUT-09: a phone left on a table tells nothing."""
    pages = [client.get(invited.path), client.get(f"{invited.path}?help=1")]
    pages += [post(client, invited.path, 9, 2)]

    for page in pages:
        shown = page.content.decode().lower()
        for word in (patient.name.lower(), patient.number.lower(), "ketamin", "vigil · ", "phq"):
            assert word not in shown


def test_the_phone_needs_no_sign_in_sets_no_cookie_and_leaks_no_address(client, clock, invited):
    page = client.get(invited.path)

    assert page.status_code == 200
    assert not page.cookies
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in page.headers["Cache-Control"]


def test_no_link_reaches_a_log(client, clock, invited, at, caplog):
    """INV-OUT-10: who reads the log cannot open a patient's link."""
    post(client, invited.path, 1)
    post(client, invited.path, 1, "7")
    clock["now"] = at + timedelta(hours=72)
    client.get(invited.path)

    assert invited.token not in caplog.text


def test_it_resumes_where_the_patient_stopped(client, clock, invited):
    post(client, invited.path, 1, 1)
    post(client, invited.path, 2, go="skip")

    page = text_of(client.get(invited.path))

    assert "3 of 9" in page
    assert "Saved as you go" in page


def test_back_keeps_the_answer_and_shows_it_again(client, clock, invited):
    post(client, invited.path, 1, 3)
    moved = post(client, invited.path, 2, 2, go="back")

    assert moved.headers["Location"] == "?n=1"
    assert 'value="3" checked' in client.get(f"{invited.path}?n=1").content.decode()
    assert 'value="2" checked' in client.get(f"{invited.path}?n=2").content.decode()


def test_next_without_a_choice_asks_again_and_saves_nothing(client, clock, invited):
    page = post(client, invited.path, 1)

    assert page.status_code == 422
    assert "Choose the answer that fits best" in text_of(page)
    assert not Answer.objects.exists()


@pytest.mark.parametrize("value", ["1_0", "٣", "-1", "7", "x", "1.0"])
def test_a_strange_value_is_refused_kindly(client, clock, invited, value):
    page = post(client, invited.path, 1, value)

    assert page.status_code == 422
    assert not Answer.objects.exists()


def test_a_double_submit_of_a_page_records_once(client, clock, invited):
    once = new_id()

    first = post(client, invited.path, 1, 2, once=once)
    second = post(client, invited.path, 1, 2, once=once)

    assert first.headers["Location"] == second.headers["Location"]
    assert Answer.objects.count() == 1


@pytest.mark.parametrize("value", [1, 2, 3])
def test_item_9_shows_whom_to_call_at_once_even_when_it_finishes(client, clock, invited, value):
    """INV-OUT-06: never just a thank-you."""
    for place in range(1, 9):
        post(client, invited.path, place, 0)

    page = post(client, invited.path, 9, value)

    shown = text_of(page)
    assert page.status_code == 200
    assert "Please talk to someone now" in shown
    assert "988" in shown
    assert "911" in shown
    assert "reached your clinic" in shown
    assert len(queries.open_flags(invited.clinic_id)) == 1
    assert Completed.objects.exists()
    # Whoever opens the link later does not learn it.
    later = text_of(client.get(invited.path))
    assert "Thank you" in later
    assert "better off dead" not in later


def test_a_repeated_last_tap_shows_the_same_crisis_page(client, clock, invited):
    for place in range(1, 9):
        post(client, invited.path, place, 0)
    once = new_id()

    first = post(client, invited.path, 9, 2, once=once)
    second = post(client, invited.path, 9, 2, once=once)

    assert text_of(first) == text_of(second)
    assert Completed.objects.count() == 1


def test_item_9_before_the_others_shows_help_and_the_way_on(client, clock, invited):
    page = text_of(post(client, invited.path, 9, 1))

    assert "Please talk to someone now" in page
    assert "Go on with the questions" in page


def test_unknown_forged_and_expired_links_look_the_same(client, clock, invited, at):
    """INV-OUT-02: a guesser learns nothing, and a patient learns what to do."""
    from vigil.outcome import links

    clock["now"] = at + timedelta(hours=72)
    pages = [
        client.get(invited.path),
        client.get(f"/q/{links.new_token()}"),
        client.get("/q/nonsense"),
    ]
    pages += [post(client, invited.path, 1, 1), client.post("/q/nonsense", {})]

    assert {page.status_code for page in pages} == {404}
    assert len({page.content for page in pages}) == 1
    assert len({tuple(sorted(page.headers.items())) for page in pages}) == 1
    assert "ask for a new link" in text_of(pages[0])
    assert "911" in text_of(pages[0]) or "988" in text_of(pages[0])


def test_too_early_says_when_in_the_clinics_own_time(client, clock, nurse, patient, at, key):
    due = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
    early = actions.invite(
        patient_id=patient.patient_id, scale_id="phq-9", due_at=due, by=nurse, at=at, key=key()
    )

    page = text_of(client.get(early.path))

    assert "Tuesday 24 November at 09:00" in page
    assert post(client, early.path, 1, 1).status_code == 200
    assert not Answer.objects.exists()


def test_someone_now_is_one_tap_away_on_every_page(client, clock, invited):
    assert "?help=1" in client.get(invited.path).content.decode()
    page = client.get(f"{invited.path}?help=1&n=4")
    assert 'href="tel:988"' in page.content.decode()
    assert 'href="?n=4"' in page.content.decode()


def test_help_lines_are_never_guessed():
    from vigil.outcome.help_lines import UNKNOWN, help_lines

    assert help_lines("America/New_York").crisis == "988"
    assert help_lines("Europe/Berlin") == UNKNOWN
    assert help_lines("America/Toronto") == UNKNOWN


# --- follow-ups of sessions ---


def test_each_session_is_followed_up_once_per_protocol_rule(sessions, clinic, patient, at):
    from vigil.evidence.protocols import load_protocol

    done = session_of(patient, at - 3 * HOUR)
    sessions[patient.patient_id] = [done, replace(done, session_id=new_id(), stopped_at=None)]
    rules = load_protocol("ket-mdd-iv").follow_up
    assert rules

    assert actions.invite_due(clinic.clinic_id, at) == len(rules)
    assert actions.invite_due(clinic.clinic_id, at) == 0

    row = Invitation.objects.order_by("due_at").first()
    first = min(rules, key=lambda rule: rule.hours_after)
    assert row.due_at == done.stopped_at + timedelta(hours=first.hours_after)
    assert row.invited_by is None
    assert row.links.count() == 0


def test_the_invite_page_shows_the_link_once_with_words_to_send(client, clock, nurse, patient, at):
    sign_in(client, nurse)
    path = f"/patients/{patient.patient_id}/invite"

    made = client.post(path, {"scale_id": "phq-9", "opens": "morning", "key": str(new_id())})
    link = re.search(r"http://testserver/q/[\w.-]+", made.content.decode()).group()

    assert "Vigil sends no messages itself" in text_of(made)
    assert Invitation.objects.get().due_at == datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
    assert link not in client.get(path).content.decode()
    message = re.search(r"<textarea[^>]*>(.*?)</textarea>", made.content.decode(), re.DOTALL)[1]
    assert patient.name not in message
    assert "ketamin" not in message.lower()
    again = client.post(path, {"invitation_id": str(Invitation.objects.get().id)})
    assert re.search(r"http://testserver/q/[\w.-]+", again.content.decode()).group() != link


# --- trajectory and flags ---


def test_the_trajectory_draws_scores_doses_lines_and_gaps(
    client, clock, sessions, prescriber, nurse, patient, at, key
):
    start = at - timedelta(days=20)
    answered(patient, nurse, key, start, [2] * 8 + [0])
    actions.invite(
        patient_id=patient.patient_id, scale_id="phq-9", due_at=start + timedelta(days=5),
        by=nurse, at=start, key=key(),
    )  # fmt: skip
    answered(patient, nurse, key, at - timedelta(days=1), [1] * 7 + [0, 0])
    sessions[patient.patient_id] = [
        session_of(patient, at - timedelta(days=2), given_ug=51_000),
        session_of(patient, start + timedelta(days=1)),
    ]

    page = sign_in(client, prescriber).get(f"/patients/{patient.patient_id}/trajectory")
    shown = text_of(page)

    assert page.status_code == 200
    assert "PHQ-9 16 before the first dose, 7 now" in shown
    assert "34 mg" in shown
    assert "0.5 mg/kg" in shown
    assert "0.75 mg/kg" in shown
    assert "response: 50 % under the first 16" in shown
    assert "remission: under 5" in shown
    assert "not answered: unknown" in shown
    # The two points are not joined: between them nobody answered.
    assert 'class="c-path"' not in page.content.decode()
    assert "style=" not in page.content.decode().partition("<svg")[2].partition("</svg>")[0]


def test_without_a_score_before_the_first_dose_no_response_is_claimed(
    client, clock, sessions, prescriber, nurse, patient, at, key
):
    sessions[patient.patient_id] = [session_of(patient, at - timedelta(days=3))]
    answered(patient, nurse, key, at - timedelta(days=1), [0] * 9)

    shown = text_of(sign_in(client, prescriber).get(f"/patients/{patient.patient_id}/trajectory"))

    assert "No score was taken before the first dose" in shown
    assert "under the first" not in shown


def test_an_empty_trajectory_says_what_to_do(client, clock, sessions, prescriber, patient):
    shown = text_of(sign_in(client, prescriber).get(f"/patients/{patient.patient_id}/trajectory"))

    assert "Send the questions before the first dose" in shown


def test_a_flag_is_taken_on_by_name_on_its_page(client, clock, sessions, invited, nurse, patient):
    post(client, invited.path, 9, 2)
    (flag,) = queries.open_flags(invited.clinic_id)
    sign_in(client, nurse)

    assert "Nobody has taken it on yet" in text_of(
        client.get(f"/patients/{patient.patient_id}/trajectory")
    )
    empty = client.post(f"/flags/{flag.flag_id}", {"note": "", "key": str(new_id())})
    assert empty.status_code == 422
    done = client.post(f"/flags/{flag.flag_id}", {"note": "Called, safe", "key": str(new_id())})

    assert done.status_code == 302
    shown = text_of(client.get(f"/patients/{patient.patient_id}/trajectory"))
    assert "Called, safe" in shown
    assert nurse.name in shown


# --- the claim ---


@pytest.fixture
def treated(sessions, patient, at):
    """Seen first 100 days ago and last 40 days ago: 60 days of patient-time."""
    sessions[patient.patient_id] = [
        session_of(patient, at - timedelta(days=40) - 2 * HOUR),
        session_of(patient, at - timedelta(days=100) - 2 * HOUR),
    ]
    return 60 * 86_400 + 2 * 3600


def test_the_claim_says_how_many_patient_years_are_missing(treated, clinic, at):
    report = surveillance.claim(clinic.clinic_id, now=at)

    assert report.claim.verdict == "NOT ENOUGH EVIDENCE YET"
    assert report.person_seconds == treated
    assert report.years_missing_as_seen == pytest.approx(
        299.573227 - treated / 31_557_600, abs=1e-6
    )
    assert report.claim.years_missing == pytest.approx(374.466534 - treated / 31_557_600, abs=1e-6)


def test_the_claim_as_of_an_earlier_day_ignores_what_came_later(
    treated, clinic, patient, nurse, at, key
):
    """INV-SUR-06: the report of a day can be derived again on any later day."""
    then = at - timedelta(days=50)
    before = surveillance.claim(clinic.clinic_id, now=then)
    answered(patient, nurse, key, at, [1] * 9)

    after = surveillance.claim(clinic.clinic_id, now=then)

    assert before == after
    assert before.sessions == 1
    assert surveillance.claim(clinic.clinic_id, now=at).person_seconds == 100 * 86_400 + 2 * 3600


def test_silence_is_counted_as_unknown(treated, clinic, at):
    report = surveillance.claim(clinic.clinic_id, now=at + timedelta(days=30))

    assert report.patients_unknown == 1
    assert report.person_seconds == treated
    assert report.unseen_seconds == 70 * 86_400


def adjudicate(patient, by, at, key, **kwargs):
    no = {one.criterion_id: False for one in load_definition().criteria}
    asked = {
        "verdict": "no-case", "criteria": no, "has_distress": False, "onset_on": None,
        "reason": "Interview",
    }  # fmt: skip
    return surveillance_actions.adjudicate(
        patient_id=patient.patient_id, by=by, at=at, key=key, **(asked | kwargs)
    )


def test_an_adjudicated_case_counts_once_and_a_later_check_corrects_it(
    treated, clinic, patient, prescriber, nurse, at, key
):
    yes = {one.criterion_id: True for one in load_definition().criteria}
    case = {
        "verdict": "case",
        "criteria": yes,
        "has_distress": True,
        "onset_on": (at - timedelta(days=50)).date(),
    }
    once = key()

    assert adjudicate(patient, nurse, at, key(), **case).code == "PEO-DUTY"
    found = adjudicate(patient, prescriber, at, once, **case)
    assert adjudicate(patient, prescriber, at, once, **case) == found
    assert Adjudication.objects.count() == 1
    assert (found.met, found.met_under_supervision) == (10, 9)
    report = surveillance.claim(clinic.clinic_id, now=at)
    assert report.claim.events == 1
    assert report.claim.verdict == "NOT ENOUGH EVIDENCE YET"

    later = at + timedelta(days=1)
    adjudicate(patient, prescriber, later, key())
    assert surveillance.claim(clinic.clinic_id, now=later).claim.events == 0
    assert surveillance.claim(clinic.clinic_id, now=at).claim.events == 1


def test_an_adjudication_cannot_be_changed(treated, patient, prescriber, at, key):
    from django.db import DatabaseError

    adjudicate(patient, prescriber, at, key())

    with pytest.raises(DatabaseError, match="Cannot"):
        Adjudication.objects.update(verdict="case")


def test_the_claim_page_says_it_in_words_and_names_nobody(
    client, clock, treated, clinic, patient, prescriber, at
):
    page = sign_in(client, prescriber).get("/claim")
    shown = text_of(page)

    assert "Not enough evidence yet" in shown
    assert f"{299.573227 - treated / 31_557_600:.2f}" in shown
    assert "simulated data" in shown
    assert "Not comparable" in shown
    assert "vigil claim report --json --at 2026-11-23T" in shown
    assert patient.name not in shown
    assert patient.number not in shown


def test_the_claim_page_of_an_empty_clinic_still_answers(client, clock, sessions, prescriber):
    shown = text_of(sign_in(client, prescriber).get("/claim"))

    assert "Not enough evidence yet" in shown
    assert "299.57" in shown
    assert "Nobody has been treated yet" in shown


def test_the_command_prints_the_same_numbers(treated, clinic, at, capsys):
    import json

    from vigil.config.command import main

    assert main(["claim", "report", "--json", "--at", at.isoformat()]) == 0

    printed = json.loads(capsys.readouterr().out)
    report = surveillance.claim(clinic.clinic_id, now=at)
    assert printed["claim"]["verdict"] == "NOT ENOUGH EVIDENCE YET"
    assert printed["person_seconds"] == report.person_seconds
    assert printed["years_missing_as_seen"] == report.years_missing_as_seen
    assert main(["claim", "report", "--at", "yesterday"]) == 1
    assert main(["claim", "report", "--at", "2026-11-23T09:00:00"]) == 1


def test_the_adjudication_page_keeps_answers_when_it_refuses(
    client, clock, treated, prescriber, patient
):
    sign_in(client, prescriber)
    path = f"/claim/adjudicate/{patient.patient_id}"

    unasked = {one.criterion_id: "not-asked" for one in load_definition().criteria}
    fields = unasked | {"has_distress": "not-asked", "verdict": "no-case", "reason": "Interview"}

    refused = client.post(path, fields | {"craving": "yes", "key": str(new_id())})
    assert refused.status_code == 422
    assert "do not exclude a case" in text_of(refused)
    assert not Adjudication.objects.exists()

    answers = {one.criterion_id: "no" for one in load_definition().criteria}
    done = client.post(
        path, answers | {"has_distress": "no", "verdict": "no-case", "reason": "Interview", "key": str(new_id())}
    )  # fmt: skip
    assert done.status_code == 302
    assert "Not a case" in text_of(client.get(path))


# --- the review ---


def test_the_review_without_a_plan_leads_to_one(client, clock, sessions, prescriber, patient):
    page = sign_in(client, prescriber).get(f"/patients/{patient.patient_id}/review")

    assert page.status_code == 200
    assert f"/patients/{patient.patient_id}/plan" in page.content.decode()


@pytest.mark.parametrize("page", ["trajectory", "review", "invite"])
def test_another_clinics_patient_is_not_found(client, clock, sessions, prescriber, page, key):
    response = sign_in(client, prescriber).get(f"/patients/{key()}/{page}")

    assert response.status_code == 404
