"""The identity bar and the patient's pages in a real browser: accessible, whole words at every size, renewed."""

import sys
from pathlib import Path

import pytest
from django.test import Client

sys.path.insert(0, str(Path(__file__).parent))

from axe import violations
from browser import chromium
from pages import page_of

from a_session_scene import morning
from vigil.people import actions as people
from vigil.people.domain.facts import Correction
from vigil.people.models import Staff
from vigil.record.clock import new_id, now

pytestmark = [pytest.mark.functional, pytest.mark.django_db]

ALLERGIES = ("penicillin", "latex", "metoclopramide")

BROKEN_WORDS = """
() => [...document.querySelectorAll('.id-facts dd')].flatMap(dd => {
  const broken = [], walker = document.createTreeWalker(dd, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());)
    for (const word of node.data.matchAll(/\\S+/g)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      if (range.getClientRects().length > 1) broken.push(word[0]);
    }
  return broken;
})
"""


@pytest.fixture(scope="module")
def browser():
    with pytest.MonkeyPatch.context() as patch, chromium() as found:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield found


@pytest.fixture
def day(clinic, patient, nurse, second_nurse, prescriber, compliance, front_desk):
    day = morning(clinic, patient, nurse, second_nurse, prescriber, compliance, now())
    corrected = people.correct_patient(
        patient_id=patient.patient_id, correction=Correction(allergies=ALLERGIES),
        reason="asked", seen_corrections=0, by=front_desk, at=day.now, key=new_id(),
    )  # fmt: skip
    for answer in (corrected, day.check_in(), day.draw(), day.start()):
        assert not hasattr(answer, "code"), answer
    day.send(hr=88, spo2=97, rr=14, sbp=126, dbp=82)
    return day


@pytest.fixture
def nurse_at_work(day):
    client = Client()
    client.force_login(Staff.objects.get(login="nurse1"))
    assert client.get("/").status_code == 200
    return client


@pytest.mark.parametrize("width", [1366, 1024, 760, 390])
def test_every_page_about_a_patient_is_accessible_and_fits(browser, day, nurse_at_work, width):
    """Hazard: an allergy that cannot be read. 0 violations, no word cut in two, nothing beside the screen."""
    found = []
    with page_of(browser, nurse_at_work, theme="light", width=width) as page:
        for end in ("", "/edit", "/invite", "/trajectory", "/review", "/assessment"):
            page.goto(f"/patients/{day.patient.patient_id}{end}")
            found += [f"{end}: {line}" for line in violations(page)]
            found += [f"{end}: cut: {word}" for word in page.evaluate(BROKEN_WORDS)]
            if page.evaluate("document.documentElement.scrollWidth") > width:
                found.append(f"{end}: wider than the screen")

    assert found == []


def test_the_bar_is_renewed_and_what_is_typed_stays(browser, day, nurse_at_work):
    """A page that stays open beside an infusion tells the truth, and takes nothing from the person."""
    with page_of(browser, nurse_at_work) as page:
        page.goto(f"/patients/{day.patient.patient_id}/edit")
        page.get_by_label("Why").fill("asked again")
        page.evaluate("document.querySelector('#id-facts').dataset.old = 'yes'")

        page.locator("#id-facts:not([data-old])").wait_for(timeout=12_000)

        assert page.get_by_label("Why").input_value() == "asked again"
        assert page.evaluate("document.activeElement.name") == "reason"
        assert "ketamine IV" in page.locator("#id-facts").inner_text()
        assert page.locator(".id-facts").count() == 1
