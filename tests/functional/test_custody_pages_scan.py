"""A scanner at the pages of the safe, and how many taps the daily acts take, in a real browser."""

import sys
from pathlib import Path

import pytest
from django.test import Client

sys.path.insert(0, str(Path(__file__).parent))

from browser import chromium
from pages import page_of

from a_custody_scene import count_all, sign_plan, stock
from conftest import PASSWORD
from vigil.custody import queries
from vigil.people.actions import set_presence
from vigil.people.models import Staff
from vigil.record.clock import new_id
from vigil.session import actions as session

pytestmark = [pytest.mark.functional, pytest.mark.django_db]

BOX = "0102900000000117" + "17301031" + "10K2291"


@pytest.fixture(scope="module")
def browser():
    with pytest.MonkeyPatch.context() as patch, chromium() as found:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield found


@pytest.fixture
def at(server_morning):
    """The pages read the server's clock, so these acts happen by it too."""
    return server_morning


def signed_in(login: str) -> Client:
    client = Client()
    client.force_login(Staff.objects.get(login=login))
    return client


TYPE_FAST = """(text) => {
  const target = document.activeElement;
  for (const key of [...text, "Enter"]) {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ctrlKey: false });
    const goesOn = target.dispatchEvent(event);
    if (goesOn && key.length === 1 && "value" in target) target.value += key;
  }
}"""
"""What a scanner does: every key at once, then Enter; a key that nobody stopped lands in the field with the cursor."""


def test_a_scan_reaches_its_field_from_wherever_the_cursor_stands(browser, compliance):
    """The invoice that was typed stays; the code goes to the scan; product, lot and expiry come from it."""
    with page_of(browser, signed_in("compliance")) as page:
        page.goto("/safe/receive")
        page.get_by_label("Invoice number").fill("INV-9")
        page.evaluate(TYPE_FAST, BOX)
        page.locator(".scanned-name").wait_for()

        assert page.get_by_label("Invoice number").input_value() == "INV-9"
        assert page.get_by_label("Lot").input_value() == "K2291"
        assert page.get_by_label("Expiry").input_value() == "2030-10-31"
        assert page.get_by_label("Number of vials").input_value() == "10"
        assert "Ketamine 10 mg/mL" in page.locator(".scanned-name").inner_text()


def test_the_separator_of_a_scanner_arrives(browser, compliance):
    """ASCII 29, which a text field would drop."""
    with page_of(browser, signed_in("compliance")) as page:
        page.goto("/safe/receive")
        page.evaluate(TYPE_FAST, "010290000000010010K2291")
        page.locator(".scanned-name").wait_for()
        page.evaluate(
            """() => { for (const [key, ctrlKey] of [...[..."10K2291"].map(k => [k, false]), ["]", true], ...[..."17301031"].map(k => [k, false]), ["Enter", false]])
              document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, ctrlKey, bubbles: true, cancelable: true })); }"""
        )
        page.locator("#lot-scanned").wait_for()

        assert page.get_by_label("Lot").input_value() == "K2291"
        assert page.get_by_label("Expiry").input_value() == "2030-10-31"


def test_a_slow_hand_is_no_scanner(browser, compliance):
    """What a person types stays where it was typed, and Enter asks for the missing fields as ever."""
    with page_of(browser, signed_in("compliance")) as page:
        page.goto("/safe/receive")
        page.get_by_label("Invoice number").press_sequentially("INV-2026-118", delay=90)
        page.keyboard.press("Enter")

        assert page.get_by_label("Invoice number").input_value() == "INV-2026-118"
        assert page.locator(".scanned-name").count() == 0
        assert page.locator(".refused").count() == 0


@pytest.fixture
def seated(patient, prescriber, compliance, nurse, second_nurse, clinic, at):
    stock(compliance, at, containers=2)
    count_all(nurse, second_nurse, at)
    set_presence(is_on_site=True, by=prescriber, at=at)
    chair = session.add_chair(
        clinic_id=clinic.clinic_id, name="Chair 1", device_location="C1", by="setup", at=at
    )
    return session.check_in(
        patient_id=patient.patient_id, plan_id=sign_plan(patient, prescriber, at), chair_id=chair.chair_id,
        weight_g=70_000, sbp=124, dbp=78, escort_name="Escort", escort_phone="1", food_minutes=300,
        drink_minutes=120, by=nurse, at=at, key=new_id(),
    ).session_id  # fmt: skip


@pytest.mark.parametrize("width", [1366, 390])
def test_draw_and_waste_take_at_most_three_taps_beside_the_witness(browser, clinic, seated, width):
    """From the session: Draw, Record. Waste, why, Record. The second person's sign-in is theirs and not counted."""
    with page_of(browser, signed_in("nurse1"), width=width) as page:
        taps = 0

        def tap(what) -> None:
            nonlocal taps
            taps += 1
            what.click()

        def witness() -> None:
            page.get_by_label("Their login name").fill("nurse2")
            page.get_by_label("Their password").fill(PASSWORD)

        page.goto(f"/sessions/{seated}")
        tap(page.locator(f'a[href*="/safe/draw/{seated}"]').first)
        page.get_by_label("Their login name").wait_for()
        witness()
        tap(page.get_by_role("button", name="Record:"))
        page.wait_for_url(f"**/sessions/{seated}")
        drawn_taps, taps = taps, 0
        (drawn,) = queries.draws_for(seated, clinic_id=clinic.clinic_id)
        page.goto("/safe")
        tap(page.locator(f'a[href*="/safe/waste/{drawn.draw_id}"]').first)
        tap(page.get_by_text("Drawn and not needed"))
        witness()
        tap(page.get_by_role("button", name="Record: waste"))
        page.wait_for_url(f"**/sessions/{seated}")

    (drawn,) = queries.draws_for(seated, clinic_id=clinic.clinic_id)
    assert drawn.drawn_ug == drawn.wasted_ug == 35_000
    assert drawn_taps <= 3
    assert taps <= 3
