"""The identity bar outside the session pages, and the pages that lead on from a patient's page."""

import pytest
from django.test import Client, override_settings

from a_session_scene import morning
from vigil.outcome import actions as outcome
from vigil.people.models import Staff as StaffRow
from vigil.record.clock import new_id, now
from vigil.session import actions as session

pytestmark = pytest.mark.django_db


def browser_of(person):
    client = Client()
    client.force_login(StaffRow.objects.get(pk=person.staff_id))
    return client


@pytest.fixture
def day(clinic, patient, nurse, second_nurse, prescriber, compliance):
    return morning(clinic, patient, nurse, second_nurse, prescriber, compliance, now())


@pytest.fixture
def infusing(day):
    for answer in (day.check_in(), day.draw(), day.start()):
        assert not hasattr(answer, "code"), answer
    day.send(hr=80, spo2=97, rr=14, sbp=120, dbp=76)
    return day


def pages(day):
    own = f"/patients/{day.patient.patient_id}"
    return [
        own, f"{own}/trajectory", f"{own}/invite", f"{own}/review", f"{own}/assessment",
        f"{own}/plan", f"{own}/edit", f"/plans/{day.plan_id}", f"/claim/adjudicate/{day.patient.patient_id}",
    ]  # fmt: skip


@pytest.fixture
def everything(hire):
    from vigil.people.duties import Duty

    return hire("everything", *[duty.value for duty in Duty])


def test_every_page_about_the_patient_says_that_they_are_being_infused(infusing, everything):
    """Hazard: a page that says "nothing running" beside a patient who gets ketamine."""
    browser = browser_of(everything)

    for path in pages(infusing):
        page = browser.get(path).content.decode()
        for words in ("70.0 kg", "ketamine IV", "35 mg over 40 min", "data-since", "data-age"):
            assert words in page, (path, words)
        for words in ("not weighed today", "nothing running", "not started", "no monitor"):
            assert words not in page, (path, words)
        assert "Next duty · Nurse1" in page, path


def test_without_an_open_session_the_pages_say_so(day, everything):
    browser = browser_of(everything)

    for path in pages(day):
        page = browser.get(path).content.decode()
        for words in ("not weighed today", "nothing running", "not started", "no monitor"):
            assert words in page, (path, words)
        assert 'hx-trigger="every 5s"' not in page, path


def test_the_bar_renews_itself_until_the_session_is_over(infusing, everything):
    """Only the facts are exchanged, so that nothing a person is typing is lost."""
    browser = browser_of(everything)
    path = f"/patients/{infusing.patient.patient_id}/bar"

    page = browser.get(path).content.decode()

    assert f'hx-get="{path}"' in browser.get(pages(infusing)[0]).content.decode()
    assert 'id="id-facts"' in page
    assert 'hx-swap-oob="true"' in page
    assert f'hx-get="{path}"' in page
    assert "ketamine IV" in page
    assert "<form" not in page


def test_the_bar_of_a_patient_without_a_session_asks_no_more(day, everything):
    page = browser_of(everything).get(f"/patients/{day.patient.patient_id}/bar").content.decode()

    assert 'hx-swap-oob="true"' in page
    assert "hx-get" not in page


def test_after_the_stop_the_drug_is_told_as_stopped(infusing, everything):
    infusing.later(minutes=20)
    assert not hasattr(infusing.act(session.stop, pump_ug=17_000, reason="early"), "code")

    page = browser_of(everything).get(f"/patients/{infusing.patient.patient_id}").content.decode()

    assert "ketamine IV, stopped" in page


# --- where a patient's page leads --------------------------------------------------------------


def hrefs(browser, day):
    own = f"/patients/{day.patient.patient_id}"
    page = browser.get(own).content.decode()
    return {
        name for name in ("trajectory", "invite", "review", "edit") if f'"{own}/{name}"' in page
    }


def test_the_patients_page_leads_to_what_the_person_may_open(
    day, nurse, prescriber, compliance, front_desk
):
    """Each link is one that opens; nobody needs to write an address by hand."""
    assert hrefs(browser_of(nurse), day) == {"trajectory", "invite", "review", "edit"}
    assert hrefs(browser_of(prescriber), day) == {"trajectory", "invite", "review", "edit"}
    assert hrefs(browser_of(compliance), day) == {"trajectory", "review"}
    assert hrefs(browser_of(front_desk), day) == {"edit"}
    for path in pages(day)[:4]:
        assert browser_of(nurse).get(path).status_code == 200


def test_an_answered_questionnaire_is_part_of_what_happened(day, nurse, front_desk):
    """With its score for those who care for the patient; the desk sees that it came."""
    from vigil.evidence.scales import load_scale
    from vigil.outcome.domain.fold import asked_items

    asked = outcome.invite(
        patient_id=day.patient.patient_id, scale_id="phq-9", due_at=day.now, by=nurse, at=day.now,
        key=new_id(),
    )  # fmt: skip
    for item in asked_items(load_scale("phq-9")):
        outcome.answer(token=asked.token, item=item.item_id, value=1, at=day.now, key=new_id())
    outcome.complete(token=asked.token, at=day.now)
    path = f"/patients/{day.patient.patient_id}"

    mine = browser_of(nurse).get(path).content.decode()
    desk = browser_of(front_desk).get(path).content.decode()

    assert "PHQ-9 answered" in mine
    assert "score 9" in mine
    assert "PHQ-9 answered" in desk
    assert "score 9" not in desk


def test_the_menu_holds_the_pages_that_nobody_needs_every_hour(nurse, front_desk):
    """Protocols for whom the table lets in; a page that is refused names no page that is not there."""
    assert b'href="/protocols"' in browser_of(nurse).get("/").content
    assert b'href="/status"' in browser_of(nurse).get("/").content
    desk = browser_of(front_desk)
    assert b'href="/protocols"' not in desk.get("/").content
    assert b'href="/status"' in desk.get("/").content
    refused = desk.get("/protocols")
    assert refused.status_code == 403
    assert b"staff list" not in refused.content


def test_the_chosen_protocol_is_listed_first(day, prescriber):
    browser = browser_of(prescriber)

    for chosen in ("ket-mdd-iv", "esk-trd-us"):
        page = browser.get(f"/patients/{day.patient.patient_id}/assessment?protocol={chosen}")
        assert page.context["protocols"][0].protocol_id == chosen
        assert len(page.context["protocols"]) == 2


# --- the address that patients get -------------------------------------------------------------


def link(day, nurse, **request):
    path = f"/patients/{day.patient.patient_id}/invite"
    asked = {"scale_id": "phq-9", "opens": "now", "key": str(new_id())}
    return browser_of(nurse).post(path, asked, **request)


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000"])
def test_a_link_of_this_computer_says_that_no_phone_opens_it(host, day, nurse):
    page = link(day, nurse, HTTP_HOST=host)

    assert b"on this computer only" in page.content
    assert page.context["link"].startswith(f"http://{host}/q/")


def test_a_link_of_another_host_says_nothing(day, nurse):
    with override_settings(ALLOWED_HOSTS=["vigil.clinic.example"]):
        page = link(day, nurse, HTTP_HOST="vigil.clinic.example")

    assert b"on this computer only" not in page.content


def test_the_link_begins_with_the_public_address(day, nurse):
    with override_settings(PUBLIC_ADDRESS="https://vigil.clinic.example"):
        page = link(day, nurse, HTTP_HOST="localhost:8000")

    assert page.context["link"].startswith("https://vigil.clinic.example/q/")
    assert b"on this computer only" not in page.content
