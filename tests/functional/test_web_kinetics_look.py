"""What models say, in a real browser: readable at every size and theme, on paper, and never in the way of the facts."""

import re
import sys
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import expect

sys.path.insert(0, str(Path(__file__).parent))

from axe import violations
from browser import chromium
from pages import page_of

from a_session_scene import morning
from vigil.people.models import Staff
from vigil.record.clock import now
from vigil.web import kinetics

pytestmark = [pytest.mark.functional, pytest.mark.django_db]


@pytest.fixture(scope="module")
def browser():
    with pytest.MonkeyPatch.context() as patch, chromium() as found:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield found


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch):
    monkeypatch.setattr(kinetics, "KEEPER", kinetics.Keeper())


@pytest.fixture
def day(clinic, patient, nurse, second_nurse, prescriber, compliance):
    day = morning(clinic, patient, nurse, second_nurse, prescriber, compliance, now())
    for answer in (day.check_in(), day.draw(), day.start()):
        assert not hasattr(answer, "code"), answer
    day.send(hr=88, spo2=97, rr=14, sbp=131, dbp=82)
    return day


def signed_in(login):
    client = Client()
    client.force_login(Staff.objects.get(login=login))
    return client


PATHS = (
    "/plans/{plan}",
    "/plans/{plan}/course",
    "/plans/{plan}/course?weight=190 kg",
    "/plans/{plan}/course?weight=heavy",
    "/sessions/{session}",
    "/sessions/{session}/forecast/table",
)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 1024, 390])
def test_every_page_with_a_course_is_accessible_and_fits(browser, day, theme, width):
    """0 violations once everything has been drawn, and nothing beside the screen."""
    found = []
    with page_of(browser, signed_in("nurse1"), theme=theme, width=width) as page:
        for path in PATHS:
            page.goto(path.format(plan=day.plan_id, session=day.session_id))
            page.wait_for_load_state("networkidle")
            page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")
            found += [f"{path}: {line}" for line in violations(page)]
            if page.evaluate("document.documentElement.scrollWidth") > width:
                found.append(f"{path}: wider than the screen")

    assert found == []


def test_the_lane_is_drawn_under_the_facts_and_said_in_words(browser, day):
    with page_of(browser, signed_in("nurse1"), theme="dark") as page:
        page.goto(f"/sessions/{day.session_id}")

        expect(page.locator("[data-caption]")).to_contain_text("Facts solid, forecast light")
        # Four kinds of values, the forecast, the dose: one canvas each.
        expect(page.locator("[data-panels] canvas")).to_have_count(6)
        expect(page.locator("[data-lines] li")).to_have_count(2)
        expect(page.locator("#ready")).to_be_visible()
        expect(page.locator("#ready")).to_contain_text("This never ticks a box.")


def test_if_stopped_now_is_shown_on_demand(browser, day):
    with page_of(browser, signed_in("nurse1"), theme="dark") as page:
        page.goto(f"/sessions/{day.session_id}")
        button = page.get_by_role("button", name="If stopped now")
        stopped = page.locator(".k-stopped").first
        expect(button).to_have_attribute("aria-pressed", "false")
        expect(stopped).to_be_hidden()
        before = _lane(page)

        button.click()

        expect(button).to_have_attribute("aria-pressed", "true")
        expect(stopped).to_be_visible()
        # The chart is drawn anew within half a second.
        for _ in range(20):
            if _lane(page) != before:
                break
            page.wait_for_timeout(250)
        assert _lane(page) != before


def _lane(page):
    """The picture of the forecast's lane: the fifth canvas."""
    return page.locator("[data-panels] canvas").nth(4).screenshot()


def test_a_forecast_that_fails_leaves_words_and_every_fact(browser, day, monkeypatch):
    """INV-WEB-07: the server's error in a forecast takes no value, duty or alarm with it."""

    def broken(*args, **more):
        raise ZeroDivisionError

    monkeypatch.setattr(kinetics.KEEPER, "answer", broken)
    client = signed_in("nurse1")
    client.raise_request_exception = False
    with page_of(browser, client, theme="dark") as page:
        page.goto(f"/sessions/{day.session_id}")

        expect(page.locator("[data-caption]")).to_contain_text("The forecast cannot be shown now")
        expect(page.locator("[data-panels] canvas")).to_have_count(5)
        expect(page.locator('[data-metric="hr"] [data-value]')).to_have_text("88")
        expect(page.locator("#ready")).to_be_hidden()


def test_an_unknown_pump_is_said_and_asked_for(browser, day, monkeypatch, tmp_path):
    (tmp_path / "clock").write_text(str(31 * 60))
    monkeypatch.setenv("VIGIL_TEST_CLOCK", str(tmp_path / "clock"))
    with page_of(browser, signed_in("nurse1"), theme="dark") as page:
        page.goto(f"/sessions/{day.session_id}")
        expect(page.locator("[data-caption]")).to_contain_text("No forecast.")
        expect(page.locator("[data-panels] canvas")).to_have_count(5)

        page.get_by_role("button", name="The pump still runs at 52.5 mg/h").click()

        expect(page.locator("[data-caption]")).to_contain_text("Facts solid, forecast light")


def test_nothing_on_the_pages_breaks_the_content_security_policy(browser, day):
    """No inline script, no inline style: the browser would say so."""
    said = []
    with page_of(browser, signed_in("nurse1")) as page:
        page.on(
            "console",
            lambda m: said.append(m.text) if "Content Security Policy" in m.text else None,
        )
        for path in PATHS:
            page.goto(path.format(plan=day.plan_id, session=day.session_id))
            page.wait_for_load_state("networkidle")

    assert said == []


def test_the_plans_page_fetches_its_course_by_itself(browser, day):
    with page_of(browser, signed_in("prescriber")) as page:
        page.goto(f"/plans/{day.plan_id}")

        expect(page.locator(".k-panel")).to_have_count(2)
        expect(page.locator(".k-line")).to_contain_text("0.5 mg/kg × 70.0 kg = 35 mg = 3.5 mL")


def test_the_order_is_drawn_while_the_prescriber_types(browser, day, patient):
    with page_of(browser, signed_in("prescriber")) as page:
        page.goto(f"/patients/{patient.patient_id}/plan")
        expect(page.locator(".k-for")).to_contain_text("70.0 kg, measured")

        page.fill("#weight", "80 kg")

        expect(page.locator(".k-for")).to_contain_text("80.0 kg, typed to see it")
        expect(page.locator(".k-line")).to_contain_text("40 mg = 4 mL")
        page.fill("[name=dose]", "0.25")
        expect(page.locator(".k-order")).to_contain_text("once the order can be read")
        expect(page.locator(".k-panel")).to_have_count(0)


@pytest.mark.parametrize("width", [390, 1366])
def test_the_words_on_the_axes_keep_their_size_and_lie_apart(browser, day, width):
    """The picture is stretched, its words are not: 12 px on a phone as on a desk, none over another."""
    with page_of(browser, signed_in("nurse1"), width=width) as page:
        page.goto(f"/plans/{day.plan_id}/course")

        sizes = page.eval_on_selector_all(
            ".k-plot text", "e => e.map(t => getComputedStyle(t).fontSize)"
        )
        overlaps = page.evaluate(OVERLAPS)

    assert set(sizes) == {"12px"}
    assert overlaps == []


OVERLAPS = """() => {
  const found = [];
  for (const axis of document.querySelectorAll(".k-x, .k-y")) {
    const boxes = [...axis.querySelectorAll("text")].map(text => [text.textContent, text.getBoundingClientRect()]);
    for (const [i, [name, a]] of boxes.entries()) for (const [other, b] of boxes.slice(i + 1))
      if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) found.push(name + " over " + other);
  }
  return found;
}"""


def test_on_paper_the_curves_their_legend_and_the_table_are_there(browser, day):
    """Print is a design target: nothing folded away, no control left on the sheet."""
    with page_of(browser, signed_in("nurse1")) as page:
        page.goto(f"/plans/{day.plan_id}/course")
        page.emulate_media(media="print")

        expect(page.locator(".k-panel").first).to_be_visible()
        expect(page.locator(".k-key").first).to_be_visible()
        expect(page.locator(".k-table tbody tr").first).to_be_visible()
        expect(page.locator(".k-weight")).to_be_hidden()
        said = page.locator(".print-only").first.inner_text()

    assert re.search(r"Planned course · printed \d{4}-\d\d-\d\d", said)
