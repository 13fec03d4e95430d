"""The session's pages in a real browser: accessible, at every size, light and dark; honest when news stops."""

import sys
from pathlib import Path

import pytest
from django.test import Client

sys.path.insert(0, str(Path(__file__).parent))

from axe import violations
from browser import chromium
from pages import page_of

from a_session_scene import morning
from vigil.people.models import Staff
from vigil.record.clock import new_id, now
from vigil.session import actions, queries

pytestmark = [pytest.mark.functional, pytest.mark.django_db]


@pytest.fixture(scope="module")
def browser():
    """The browser's driver keeps a loop in this thread, which Django would refuse; pages still run one by one."""
    with pytest.MonkeyPatch.context() as patch, chromium() as found:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield found


@pytest.fixture
def day(clinic, patient, nurse, second_nurse, prescriber, compliance):
    day = morning(clinic, patient, nurse, second_nurse, prescriber, compliance, now())
    actions.add_chair(
        clinic_id=clinic.clinic_id, name="Chair 2", device_location="C2", by="setup", at=now()
    )
    for answer in (day.check_in(), day.draw(), day.start()):
        assert not hasattr(answer, "code"), answer
    day.send(hr=88, spo2=97, rr=14, sbp=186, dbp=112)
    day.watch().run_once(now=day.now)
    return day


@pytest.fixture
def nurse_at_work(day):
    client = Client()
    client.force_login(Staff.objects.get(login="nurse1"))
    assert client.get("/board").status_code == 200
    return client


PATHS = (
    "/board",
    "{s}",
    "{s}/table",
    "{s}/table?every=1",
    "{s}/note",
    "{s}/discharge",
    "{s}/close",
    "/nowhere",
)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 1024, 390])
def test_every_session_page_is_accessible_and_fits(browser, day, nurse_at_work, theme, width):
    """Hazard: a nurse who cannot read, reach or see the number. 0 violations, nothing beside the screen."""
    found = []
    with page_of(browser, nurse_at_work, theme=theme, width=width) as page:
        for path in PATHS:
            page.goto(path.format(s=f"/sessions/{day.session_id}"))
            found += [f"{path}: {line}" for line in violations(page)]
            if page.evaluate("document.documentElement.scrollWidth") > width:
                found.append(f"{path}: wider than the screen")

    assert found == []


def test_a_silent_stream_is_said_loudly(browser, day, nurse_at_work):
    """INV-WEB-04: a display without news for a few seconds says so over everything else."""
    with page_of(browser, nurse_at_work, theme="dark") as page:
        page.goto(f"/sessions/{day.session_id}")
        lost = page.get_by_text("Monitoring display lost")
        assert not lost.is_visible()

        lost.wait_for(state="visible", timeout=12_000)

        assert page.locator("body.is-lost").count() == 1


def test_a_double_click_records_once(browser, day, nurse_at_work):
    with page_of(browser, nurse_at_work) as page:
        page.goto(f"/sessions/{day.session_id}")
        page.get_by_label("5: Answers at once").check()

        page.get_by_role("button", name="Save this set").dblclick()
        page.get_by_text("Saved: MOAA/S 5").wait_for()

    rated = queries.samples(day.session_id, clinic_id=day.clinic.clinic_id, metrics=("moaas",))
    assert [sample.value for sample in rated] == [5]


def test_the_page_at_the_chair_works_without_its_script(browser, day, nurse_at_work):
    """The stream, the chart and the clocks may fail; a set is still taken and the numbers still stand."""
    with page_of(browser, nurse_at_work, java_script_enabled=False) as page:
        page.goto(f"/sessions/{day.session_id}")
        page.get_by_label("4: Answers slowly").check(force=True)
        page.get_by_role("button", name="Save this set").click()

        page.get_by_text("Saved: MOAA/S 4").wait_for()
        assert page.get_by_text("186/112").first.is_visible()


def test_the_chart_is_drawn_from_what_is_stored(browser, day, nurse_at_work):
    with page_of(browser, nurse_at_work, theme="dark") as page:
        page.goto(f"/sessions/{day.session_id}")
        # Pressure, heart rate, saturation, breaths, the forecast and the dose; the forecast comes last.
        page.locator(".panels canvas").nth(5).wait_for()

        assert page.locator(".panels canvas").count() == 6
        assert "highest pressure 186/112" in page.locator("#chart-words").inner_text()


def test_the_note_on_paper_carries_the_patient_and_no_navigation(browser, day, nurse_at_work):
    with page_of(browser, nurse_at_work) as page:
        page.goto(f"/sessions/{day.session_id}/note")
        page.emulate_media(media="print")

        assert not page.get_by_role("navigation").is_visible()
        assert page.locator(".sheet-head").get_by_text(day.patient.name).is_visible()


def test_every_act_posts_its_own_key(browser, day, nurse_at_work):
    with page_of(browser, nurse_at_work) as page:
        page.goto(f"/sessions/{day.session_id}")
        keys = page.eval_on_selector_all("input[name=key]", "boxes => boxes.map(box => box.value)")

    assert len(keys) > 4
    assert len(set(keys)) == len(keys)
    assert str(new_id()) not in keys
