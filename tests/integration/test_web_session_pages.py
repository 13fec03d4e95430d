"""The session's pages, from check-in to a free chair, through the real door: the policy table and forms."""

import pytest
from django.test import Client

from a_session_scene import morning
from conftest import PASSWORD
from vigil.record.clock import new_id, now
from vigil.session import queries
from vigil.session.domain.facts import OpenItem

pytestmark = pytest.mark.django_db


@pytest.fixture
def day(clinic, patient, nurse, second_nurse, prescriber, compliance):
    """Pages use the server's clock, so this morning is now."""
    return morning(clinic, patient, nurse, second_nurse, prescriber, compliance, now())


def signed_in(login: str) -> Client:
    from vigil.people.models import Staff

    client = Client()
    client.force_login(Staff.objects.get(login=login))
    return client


@pytest.fixture
def web(day):
    return signed_in("nurse1")


def text(answer) -> str:
    return answer.content.decode()


def checked_in(day, web):
    answer = web.post(
        f"/patients/{day.patient.patient_id}/check-in",
        {
            "key": new_id(), "chair": day.chair.chair_id, "weight": "70.0", "sbp": "124", "dbp": "78",
            "ate_at": "", "drank_at": "", "escort_name": "R. Example", "escort_phone": "",
        },
    )  # fmt: skip
    assert answer.status_code == 302, text(answer)
    day.session_id = answer["Location"].rsplit("/", 1)[1]
    return answer


def infusing(day):
    for answer in (day.check_in(), day.draw(), day.start()):
        assert not hasattr(answer, "code"), answer
    return f"/sessions/{day.session_id}"


def test_a_check_in_seats_the_patient_and_shows_what_the_dose_waits_for(day, web):
    page = web.get(checked_in(day, web)["Location"])

    assert "70.0 kg" in text(page)
    assert "Not ready yet" in text(page)
    assert "35 mg over 40 min" in text(page)


def test_a_check_in_that_cannot_be_read_keeps_what_was_typed(day, web):
    answer = web.post(
        f"/patients/{day.patient.patient_id}/check-in",
        {
            "key": new_id(),
            "chair": day.chair.chair_id,
            "weight": "70,5",
            "escort_name": "R. Example",
        },
    )

    assert answer.status_code == 422
    assert "a comma could mean thousands or a decimal" in text(answer)
    assert 'value="70,5"' in text(answer)
    assert 'value="R. Example"' in text(answer)


def test_a_start_that_is_not_ready_says_why_and_starts_nothing(day, web):
    checked_in(day, web)

    answer = web.post(f"/sessions/{day.session_id}/start", {"key": new_id()})

    assert answer.status_code == 422
    assert "Not done." in text(answer)
    assert (
        queries.view(day.session_id, clinic_id=day.clinic.clinic_id, now=now()).started_at is None
    )


@pytest.mark.parametrize(
    "path", ["", "/live", "/table", "/table?every=1", "/note", "/discharge", "/close"]
)
def test_every_page_of_a_running_session_opens(day, web, path):
    url = infusing(day)
    day.send(hr=80, spo2=97, rr=14, sbp=130, dbp=80)

    answer = web.get(url + path)

    assert answer.status_code == 200
    assert day.patient.name in text(answer)


def test_the_seven_things_stand_on_the_page_at_the_chair(day, web):
    url = infusing(day)
    day.send(hr=80, spo2=97)

    page = text(web.get(url))

    for one in (
        day.patient.name,
        "None known",
        "70.0 kg",
        "Racemic ketamine IV 52.5 mg/h",
        "data-since=",
        "Next duty",
        "data-age=",
    ):
        assert one in page


def test_the_same_set_sent_twice_is_recorded_once(day, web):
    url, key = infusing(day), new_id()
    posted = {"key": key, "moaas": "5", "dissociation": "3"}

    answers = [web.post(f"{url}/observe", posted) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    found = queries.samples(day.session_id, clinic_id=day.clinic.clinic_id, metrics=("moaas",))
    assert [sample.value for sample in found] == [5]


@pytest.mark.parametrize(
    ("act", "posted"),
    [
        ("observe", {"sbp": "140"}), ("rate", {"act": "pause"}), ("rate", {"act": "change", "rate": "5,1"}),
        ("stop", {"pump": "about 20"}), ("event", {"name": "note"}), ("event", {"name": "dance"}),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_on_the_page_and_nothing_is_recorded(day, web, act, posted):
    url = infusing(day)
    before = queries.view(day.session_id, clinic_id=day.clinic.clinic_id, now=now())

    answer = web.post(f"{url}/{act}", {"key": new_id(), **posted})

    after = queries.view(day.session_id, clinic_id=day.clinic.clinic_id, now=now())
    assert answer.status_code == 422
    assert "Nothing was recorded" in text(answer)
    assert (after.phase, after.events) == (before.phase, before.events)


def test_a_form_without_a_key_records_nothing(day, web):
    url = infusing(day)

    answer = web.post(f"{url}/stop", {"pump": "", "reason": ""})

    assert answer.status_code == 400
    assert (
        queries.view(day.session_id, clinic_id=day.clinic.clinic_id, now=now()).phase == "running"
    )


def test_pause_resume_and_stop_are_recorded_from_the_page(day, web):
    url = infusing(day)

    phases = []
    for act, posted in (
        ("rate", {"act": "pause", "reason": "Anxiety"}),
        ("rate", {"act": "resume"}),
        ("stop", {"pump": "", "reason": "asked to stop"}),
    ):
        answer = web.post(f"{url}/{act}", {"key": new_id(), **posted})
        assert answer.status_code == 302, text(answer)
        phases.append(queries.view(day.session_id, clinic_id=day.clinic.clinic_id, now=now()).phase)

    assert phases == ["paused", "running", "observing"]


def test_a_discharge_too_early_lists_what_it_waits_for_and_keeps_the_answers(day, web):
    url = infusing(day)
    web.post(f"{url}/stop", {"key": new_id(), "pump": "", "reason": "asked to stop"})
    view = queries.view(day.session_id, clinic_id=day.clinic.clinic_id, now=now())
    asked = [item.asks for item in view.discharge_items if isinstance(item, OpenItem) and item.asks]

    answer = web.post(
        f"{url}/discharge",
        {"key": new_id(), "escort_name": "R. Example", **dict.fromkeys(asked, "yes")},
    )

    assert answer.status_code == 422
    assert "Not done." in text(answer)
    assert text(answer).count("checked") >= len(asked)


def test_the_chart_gets_its_past_with_limits_and_dose(day, web):
    url = infusing(day)
    day.send(hr=80, spo2=97, rr=14, sbp=130, dbp=80)

    past = web.get(f"{url}/history?columns=300").json()

    assert past["lines"]["hr"]["mid"] == [80]
    assert [row[1:3] for row in past["pressures"]][-1] == [130.0, 80.0]
    assert {"at": 180, "rule": "above", "priority": "medium"} in past["limits"]["sbp"]
    assert past["dose"]["is_running"]
    assert past["after"] > 0
    assert web.get(f"{url}/history?columns=rubbish").status_code == 200


def test_the_board_shows_every_chair_and_the_fragment_alone(day, web):
    infusing(day)

    page, fragment = web.get("/board"), web.get("/board/chairs")

    assert day.patient.name in text(page)
    assert "Not a primary alarm" in text(page)
    assert day.patient.name in text(fragment)
    assert "<html" not in text(fragment)


def test_a_session_of_another_clinic_is_not_there(day, web):
    infusing(day)

    assert web.get(f"/sessions/{new_id()}").status_code == 404
    assert web.get(f"/sessions/{new_id()}/history").status_code == 404


def test_the_front_desk_sees_the_board_and_not_the_chair(day, front_desk):
    url = infusing(day)
    desk = signed_in(front_desk.login)

    assert desk.get("/board").status_code == 200
    assert desk.get(url).status_code == 403
    assert "Seen — I am going" not in text(desk.get("/board"))
    assert desk.post(f"{url}/stop", {"key": new_id()}).status_code == 403


def test_the_bar_shows_only_what_the_duties_open(day, front_desk, web):
    desk = text(signed_in(front_desk.login).get("/board"))

    assert ">Patients</a>" in desk
    assert ">Safe</a>" not in desk
    assert ">Safe</a>" in text(web.get("/board"))


def test_a_chair_page_is_dark_until_somebody_chose(day, web):
    assert 'data-theme="dark"' in text(web.get("/board"))

    web.post("/theme", {"theme": "light"})

    assert 'data-theme="light"' in text(web.get("/board"))
    assert PASSWORD not in text(web.get("/board"))


def test_what_the_dose_or_the_way_home_needs_is_never_called_optional(day, web):
    day_page = text(web.get(f"/patients/{day.patient.patient_id}/check-in"))
    for name in ("sbp", "dbp"):
        label = day_page.split(f'<label for="id_{name}">')[1].split("</label>")[0]
        assert "needed before the dose" in label
        assert "optional" not in label
    day.run_to_observing()

    leaving = text(web.get(f"/sessions/{day.session_id}/discharge"))

    assert leaving.count("needed to leave") == 6
    assert "optional" not in leaving


def test_a_button_that_cannot_be_pressed_says_why(day, web):
    page = text(web.get(checked_in(day, web)["Location"]))
    assert "Not yet: " in page.split('id="start-why"')[1][:40]
    assert 'disabled aria-describedby="start-why"' in page
    day.draw()

    closing = text(web.get(f"/sessions/{day.session_id}/close"))

    assert "Not yet: 35 mg is left to waste." in closing


def test_the_waste_page_says_what_runs_and_every_alarm_has_its_own_button(day, web):
    address = infusing(day)
    draw_id = day.view().draws[0].draw_id
    day.send(sbp=210, dbp=115, hr=80, spo2=97, rr=14)
    day.watch().run_once(day.now)

    bar = text(web.get(f"/safe/waste/{draw_id}")).split('class="id-drug"')[1][:200]
    page = text(web.get(address))

    assert "nothing running" not in bar
    assert len(day.view().alarms) > 1
    for alarm in day.view().alarms:
        assert f'id="seen-{alarm.alarm_id}"' in page
