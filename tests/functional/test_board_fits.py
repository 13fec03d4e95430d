"""The chair board shows what a nurse must see without scrolling, at a desk, on a tablet and on a wall."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from django.test import Client

sys.path.insert(0, str(Path(__file__).parent))

from axe import violations
from browser import chromium
from pages import page_of

from session_views import made_alarm, made_board, made_chair, made_id
from vigil.people.models import Staff
from vigil.record.clock import now
from vigil.session import queries

pytestmark = [pytest.mark.functional, pytest.mark.django_db]

MUST_BE_SEEN = (
    ".strip", ".chair-top", ".who", ".allergy", ".chair-progress", ".numbers", ".number-value",
    ".duty", ".duty strong", ".duty-clock", ".chair-end button",
)  # fmt: skip
SIZES = [(1366, 860), (1366, 768), (1024, 768), (1920, 1080)]
OUTSIDE = """([selectors]) => {
  const found = [];
  for (const chair of document.querySelectorAll(".chair")) {
    const card = chair.getBoundingClientRect();
    for (const selector of selectors) for (const part of chair.querySelectorAll(selector)) {
      const box = part.getBoundingClientRect();
      const name = chair.querySelector(".chair-name").textContent + " " + selector;
      if (box.height < 8) found.push(name + " has no height");
      if (box.bottom > innerHeight || box.top < 0) found.push(name + " ends at " + Math.round(box.bottom));
      if (box.bottom > card.bottom + 1 || box.right > card.right + 1) found.push(name + " leaves its card");
      if (part.scrollWidth > part.clientWidth + 1 && getComputedStyle(part).display !== "inline") found.push(name + " is cut");
    }
  }
  if (document.documentElement.scrollHeight > innerHeight) found.push("scrolls: " + document.documentElement.scrollHeight);
  if (document.documentElement.scrollWidth > innerWidth) found.push("wide: " + document.documentElement.scrollWidth);
  return found;
}"""


@pytest.fixture(scope="module")
def browser():
    """The browser's driver keeps a loop in this thread, which Django would refuse; pages still run one by one."""
    with pytest.MonkeyPatch.context() as patch, chromium() as found:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield found


@pytest.fixture
def nurse_at_work(nurse):
    client = Client()
    client.force_login(Staff.objects.get(login=nurse.login))
    return client


def worst_board(clinic_id, *, at, chairs):
    """The design sheet's chairs again and again, each with an alarm that nobody has seen."""
    found = []
    for number in range(chairs):
        view = made_board(clinic_id, at=at)[number % 4].session
        alarm = made_alarm(
            made_id(f"alarm {number}"), at=at, metric="observation", priority="low", value=5,
            limit_id="pressure-missed", message="Blood pressure was not taken when due. Take it now.",
        )  # fmt: skip
        alarms = (*view.alarms, alarm)
        view = replace(view, session_id=made_id(f"seat {number}"), alarms=alarms)
        found.append(made_chair(view, f"Chair {number + 1}"))
    return tuple(found)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("chairs", [4, 8])
def test_nothing_that_must_be_seen_is_below_the_fold(
    browser, nurse_at_work, clinic, monkeypatch, size, chairs
):
    """Hazard: the next duty and the Seen button are there, and nobody sees them."""
    board = worst_board(clinic.clinic_id, at=now(), chairs=chairs)
    monkeypatch.setattr(queries, "board", lambda clinic_id, *, now: board)

    with page_of(browser, nurse_at_work, theme="dark") as page:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.goto("/board")
        page.wait_for_timeout(300)
        if folder := os.environ.get("VIGIL_SHOTS"):
            page.screenshot(path=f"{folder}/board-{chairs}-{size[0]}x{size[1]}.png")
        outside = page.evaluate(OUTSIDE, [list(MUST_BE_SEEN)])
        rows = page.eval_on_selector_all(
            ".chair", "chairs => new Set(chairs.map(c => c.getBoundingClientRect().top)).size"
        )

        assert outside == []
        assert page.get_by_role("button", name="Seen — I am going").count() == chairs
        assert rows == (1 if chairs == 4 else 2)
        assert violations(page) == []


def test_on_a_phone_the_chairs_with_alarms_come_first(browser, nurse_at_work, clinic, monkeypatch):
    board = made_board(clinic.clinic_id, at=now())
    monkeypatch.setattr(queries, "board", lambda clinic_id, *, now: board)

    with page_of(browser, nurse_at_work, theme="dark", width=390) as page:
        page.goto("/board")
        names = page.eval_on_selector_all(
            ".chair",
            "chairs => chairs.toSorted((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)"
            ".map(chair => chair.querySelector('.chair-name').textContent)",
        )
        if folder := os.environ.get("VIGIL_SHOTS"):
            page.screenshot(path=f"{folder}/board-phone.png", full_page=True)

        assert names == ["Chair 4", "Chair 2", "Chair 1", "Chair 3"]
        assert page.evaluate("document.documentElement.scrollWidth") == 390
