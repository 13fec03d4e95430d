"""A clinic day, walked whole in a real browser on the real processes: from registration to a verified record.

One vial and one patient go through every room. The clock is the test clock, so forty minutes pass when told.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from a_supervised_system import System, eventually
from functional.axe import violations
from functional.browser import chromium
from vigil.config import postgres

pytestmark = pytest.mark.functional

PASSWORD = "a simulated clinic day"
STAFF = {
    "desk": ("Test Front Desk", "register"),
    "doctor": ("Test Prescriber", "assess,prescribe,review,witness"),
    "ana": ("Test Nurse Ana", "prepare,witness,give,monitor,discharge,reconcile"),
    "ben": ("Test Nurse Ben", "prepare,witness,give,monitor,discharge,reconcile"),
    "clara": ("Test Compliance", "receive,reconcile,review,witness"),
    "owner": ("Test Owner", "administer,review"),
}
VERIFIER = Path(__file__).parents[2] / "verifier" / "verify.py"
PATIENCE_MS = 30_000


class Day:
    """The system, the browser, one window for each person, and the test clock."""

    def __init__(self, system: System, browser: Browser, clock: Path) -> None:
        self.system, self.browser, self.clock = system, browser, clock
        self.base = f"http://127.0.0.1:{system.web_port}"
        self.pages: dict[str, Page] = {}
        self.children: list[subprocess.Popen] = []
        self.offset = timedelta(0)

    def vigil(self, *words: str, given: str | None = None) -> str:
        """What a `vigil` command prints."""
        done = subprocess.run(
            [sys.executable, "-m", "vigil.config.command", *words],
            env=self.system.environment, input=given, text=True, capture_output=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def set_time(self, moment: datetime) -> None:
        """Let it be this moment for every process."""
        self.offset = moment - datetime.now(UTC)
        fresh = self.clock.with_suffix(".new")
        fresh.write_text(f"{self.offset.total_seconds():.3f}")
        fresh.replace(self.clock)

    def as_(self, login: str) -> Page:
        """The window of a person, signed in."""
        if login not in self.pages:
            context = self.browser.new_context(viewport={"width": 1180, "height": 820})
            context.set_default_timeout(PATIENCE_MS)
            page = context.new_page()
            page.goto(f"{self.base}/sign-in")
            page.get_by_label("Login name").fill(login)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_role("heading", name="Today")).to_be_visible()
            self.pages[login] = page
        return self.pages[login]

    def go(self, login: str, path: str) -> Page:
        page = self.as_(login)
        page.goto(self.base + path)
        return page

    def one(self, sql: str, *values: object) -> object:
        """One value from the database itself."""
        url = postgres.find(self.system.home / "database").url
        with psycopg.connect(url) as database:
            row = database.execute(sql, values).fetchone()
        return row[0] if row else None


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder = tmp_path_factory.mktemp("day")
    folder.chmod(0o755)
    clock = folder / "clock"
    clock.write_text("0")
    # The clinic is opened later, by the commands that a person would use.
    system = System(wants_clinic=False, VIGIL_TEST_CLOCK=str(clock))
    with chromium() as browser:
        walked = Day(system, browser, clock)
        system.start()
        try:
            yield walked
        finally:
            for child in walked.children:
                child.kill()
                child.wait()
            system.close()


def witness(page: Page, login: str) -> None:
    page.get_by_label("Their login name").fill(login)
    page.get_by_label("Their password").fill(PASSWORD)


def check_accessible(page: Page) -> None:
    assert violations(page) == []


def test_a_clinic_day(day: Day, tmp_path: Path) -> None:
    """Every room, in the order of the day; a later step rests on what an earlier one recorded."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(hour=8, minute=0, second=0)
    day.set_time(tomorrow)
    open_the_clinic(day)
    patient = register(day)
    assess_and_plan(day, patient)
    receive_and_count(day)
    session = check_in(day, patient)
    draw(day, session)
    start(day, session)
    surge(day, session)
    late_observation(day, session)
    leave(day, session)
    reconcile(day, session)
    note(day, session)
    next_morning(day, patient)
    claim(day)
    export(day, tmp_path)


def open_the_clinic(day: Day) -> None:
    day.vigil("clinic", "found", "Test clinic", "--time-zone", "UTC", "--simulated")
    for login, (name, duties) in STAFF.items():
        day.vigil(
            "clinic", "employ", login, "--name", name, "--duties", duties, "--password-stdin",
            given=PASSWORD + "\n",
        )  # fmt: skip
    for number in (1, 2):
        day.vigil("clinic", "chair", f"Chair {number}", "--location", f"TEST^ROOM^{number}")


def register(day: Day) -> str:
    page = day.go("desk", "/patients/new")
    page.get_by_label("Full name").fill("Simulated Willow")
    page.get_by_label("Birth date").fill("1972-03-14")
    page.get_by_label("Female").check()
    page.get_by_label("Yes, listed below").check()
    page.get_by_label("Which allergies").fill("penicillin")
    page.get_by_role("button", name="Register").dblclick()
    page.wait_for_url(re.compile(r"/patients/[0-9a-f-]{36}"))
    check_accessible(page)
    assert day.one("SELECT count(*) FROM people_patient") == 1, "a double click registers once"
    return page.url.removeprefix(day.base).split("?")[0].rstrip("/")


def assess_and_plan(day: Day, patient: str) -> None:
    page = day.go("doctor", "/")
    page.get_by_role("button", name="I am on site").click()
    page = day.go("doctor", "/protocols/ket-mdd-iv")
    page.get_by_role("button", name="Adopt for this clinic").click()
    expect(page.get_by_role("heading", name="Adopted")).to_be_visible()

    page = day.go("doctor", f"{patient}/assessment?protocol=ket-mdd-iv")
    page.get_by_label("Systolic pressure at rest").fill("124")
    page.get_by_label("Diastolic pressure at rest").fill("78")
    page.get_by_label("How many antidepressants").fill("4")
    for radio in page.locator("input[type=radio][value=no]").all():
        radio.check(force=True)
    unknown = page.locator("input[name=q-active_psychosis][value=unknown]")
    unknown.check(force=True)
    page.get_by_role("button", name="Save the assessment").click()
    expect(page.get_by_role("heading", name="More answers needed")).to_be_visible()
    page.goto(f"{day.base}{patient}/plan?protocol=ket-mdd-iv")
    expect(page.get_by_text("A plan cannot be signed")).to_be_visible()

    page.goto(f"{day.base}{patient}/assessment?protocol=ket-mdd-iv")
    page.locator("input[name=q-active_psychosis][value=no]").check(force=True)
    page.get_by_role("button", name="Save the assessment").click()
    expect(page.get_by_role("heading", name="Eligible")).to_be_visible()
    check_accessible(page)

    page.goto(f"{day.base}{patient}/plan?protocol=ket-mdd-iv")
    page.get_by_label("What the patient wants").fill("Get up with my son on school days")
    page.get_by_label("How the patient will know").fill("School mornings out of five")
    page.get_by_label("Where it stands today").select_option("1")
    page.get_by_label("Dose for each session").fill("0,5 mg/kg")
    page.get_by_label("Review date").fill((day.now() + timedelta(days=42)).date().isoformat())
    page.get_by_label("The patient has read or heard").check()
    page.get_by_label("Your password, to sign").fill(PASSWORD)
    page.get_by_role("button", name="Sign the plan").click()
    expect(page.get_by_text("0,5 mg/kg").first).to_be_visible()
    expect(page.get_by_text("comma").first).to_be_visible()
    expect(page.get_by_label("What the patient wants")).to_have_value(re.compile("Get up"))

    page.get_by_label("Dose for each session").fill("0.5 mg/kg")
    page.get_by_label("Your password, to sign").fill(PASSWORD)
    page.get_by_role("button", name="Sign the plan").click()
    page.wait_for_url(re.compile(r"/plans/|/patients/[0-9a-f-]{36}/?$"))
    assert day.one("SELECT count(*) FROM plan_plan") == 1


def receive_and_count(day: Day) -> None:
    page = day.go("clara", "/safe/receive")
    page.get_by_label("Ketamine 10 mg/mL").check()
    page.get_by_label("Lot").fill("SIM-1")
    page.get_by_label("Expiry").fill((day.now() + timedelta(days=300)).date().isoformat())
    page.get_by_label("Number of vials").fill("2")
    page.get_by_label("Invoice number").fill("SIM-INV-1")
    page.get_by_role("button", name="Record the delivery").click()
    expect(page.get_by_text("SIM-1").first).to_be_visible()

    page = day.go("ana", "/safe/count")
    assert "200 mg" not in page.locator("main").inner_text(), "the count is blind"
    for field in page.locator(".count-list input").all():
        field.fill("20")
    witness(page, "ana")
    page.get_by_role("button", name="Record the opening count").click()
    expect(page.get_by_role("alert").first).to_contain_text("second person")
    assert day.one("SELECT count(*) FROM custody_count") == 0, "nobody witnesses their own count"
    for field in page.locator(".count-list input").all():
        field.fill("20")
    witness(page, "ben")
    page.get_by_role("button", name="Record the opening count").click()
    expect(page.get_by_text("equal").first).to_be_visible()


def check_in(day: Day, patient: str) -> str:
    page = day.go("ana", f"{patient}/check-in")
    page.get_by_label("Chair 1").check()
    page.get_by_label("Weight today").fill("68.0 kg")
    page.get_by_label("Upper pressure").fill("124")
    page.get_by_label("Lower pressure").fill("78")
    page.get_by_label("Last ate at").fill("21:00")
    page.get_by_label("Last drank at").fill("05:30")
    page.get_by_label("Who takes them home").fill("Simulated Friend")
    page.get_by_role("button", name="Check in").click()
    page.wait_for_url(re.compile("/sessions/"))
    session = page.url.removeprefix(day.base)
    expect(page.get_by_role("button", name=re.compile("^Start"))).to_be_disabled()
    check_accessible(page)
    return session


def draw(day: Day, session: str) -> None:
    page = day.go("ana", session.replace("/sessions/", "/safe/draw/"))
    expect(page.get_by_text("3.4 mL").first).to_be_visible()
    witness(page, "ben")
    page.get_by_label("Their password").fill("not the password at all")
    page.get_by_role("button", name=re.compile("^Record")).click()
    expect(page.get_by_role("alert").first).to_contain_text("Nothing was recorded")
    assert day.one("SELECT count(*) FROM custody_draw") == 0, "one who cannot sign leaves nothing"
    witness(page, "ben")
    page.get_by_role("button", name=re.compile("^Record")).click()
    eventually(lambda: day.one("SELECT count(*) FROM custody_draw") == 1)


def start(day: Day, session: str) -> None:
    day.children.append(
        subprocess.Popen(
            [
                sys.executable, "-m", "vigil.config.command", "simulate", "patient", "--chair", "Chair 1",
                "--minutes", "60", "--surge-at", "20", "--no-compare",
            ],
            env=day.system.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
    )  # fmt: skip
    page = day.go("ana", session)
    button = page.get_by_role("button", name="Start 34 mg over 40 min")
    expect(button).to_be_enabled()
    button.click()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    eventually(lambda: day.one("SELECT count(*) FROM session_sample WHERE source = 'device'") > 20)
    expect(page.locator("#live")).to_contain_text("SpO")
    expect(page.locator("#chart canvas").first).to_be_visible()
    expect(page.get_by_text("Not a primary alarm").first).to_be_visible()
    seven_things(page)


def seven_things(page: Page) -> None:
    """Identity, allergy, weight, drug now, time since start, next duty, age of the data: without a click."""
    bar = page.locator("#identity-part")
    for words in (
        "Simulated Willow", "penicillin", "68.0 kg", "Racemic ketamine IV 51", "Since start",
        "Next duty", "Data",
    ):  # fmt: skip
        expect(bar).to_contain_text(words)


def started_at(day: Day) -> datetime:
    found = day.one("SELECT at FROM session_sessionfact WHERE kind = 'Started'")
    assert isinstance(found, datetime)
    return found


def surge(day: Day, session: str) -> None:
    board = day.go("ben", "/board")
    expect(board.get_by_text("Simulated Willow")).to_be_visible()
    day.set_time(started_at(day) + timedelta(minutes=20, seconds=40))
    raised = (
        "SELECT count(*) FROM session_alarmfact WHERE kind = 'raised' AND metric IN ('sbp', 'dbp')"
    )
    eventually(lambda: day.one(raised) >= 1)
    expect(board.get_by_text(re.compile("pressure", re.I)).first).to_be_visible()
    check_accessible(board)
    open_ = """SELECT count(DISTINCT alarm_id) FROM session_alarmfact a WHERE kind = 'raised' AND NOT EXISTS
        (SELECT 1 FROM session_alarmfact b WHERE b.alarm_id = a.alarm_id AND b.kind IN (%s, 'cleared'))"""
    for _ in range(12):
        if day.one(open_, "acknowledged") == 0:
            break
        seen = board.get_by_role("button", name=re.compile("^Seen"))
        if seen.count():
            seen.first.click()
        time.sleep(0.5)
        board.goto(f"{day.base}/board")
    acknowledged = """SELECT count(*) FROM session_alarmfact WHERE kind = 'acknowledged'
        AND metric IN ('sbp', 'dbp') AND by_name = 'Test Nurse Ben'"""
    assert day.one(acknowledged) >= 1
    day.set_time(started_at(day) + timedelta(minutes=30, seconds=40))
    cleared = (
        "SELECT count(*) FROM session_alarmfact WHERE kind = 'cleared' AND metric IN ('sbp', 'dbp')"
    )
    eventually(lambda: day.one(cleared) == day.one(raised))


def late_observation(day: Day, session: str) -> None:
    """The sedation check of minute 30 is nine minutes old: visibly late, then taken with one tap."""
    day.set_time(started_at(day) + timedelta(minutes=38))
    page = day.go("ana", session)
    # The word is written by the style sheet, so that a clock that runs on needs no new page.
    word = page.locator("#identity-part [data-when=late]").evaluate(
        "each => getComputedStyle(each, '::before').content"
    )
    assert "late" in word
    page.locator("input[name=moaas][value='5']").check(force=True)
    page.locator("input[name=dissociation][value='4']").check(force=True)
    page.get_by_role("button", name="Save this set").click()
    eventually(
        lambda: day.one("SELECT count(*) FROM session_sessionfact WHERE kind = 'Observed'") == 1
    )
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Record the stop").click()
    expect(page.get_by_role("link", name="Discharge")).to_be_visible()


def leave(day: Day, session: str) -> None:
    """Refused while anything is open, with each open item named; then given."""
    page = day.go("ana", f"{session}/discharge")
    page.get_by_role("button", name="Discharge").click()
    expect(page.get_by_role("alert").first).to_contain_text("waits for")
    assert day.one("SELECT count(*) FROM session_sessionfact WHERE kind = 'Discharged'") == 0
    day.set_time(started_at(day) + timedelta(minutes=104))
    page = day.go("ana", session)
    page.locator("input[name=moaas][value='5']").check(force=True)
    page.locator("input[name=dissociation][value='0']").check(force=True)
    page.get_by_label("Upper pressure").fill("128")
    page.get_by_label("Lower pressure").fill("80")
    page.get_by_role("button", name="Save this set").click()
    eventually(
        lambda: day.one("SELECT count(*) FROM session_sessionfact WHERE kind = 'Observed'") == 2
    )
    page = day.go("ana", f"{session}/discharge")
    for name in ("orientation", "gait", "escort_identity", "escort_arrived", "instructions"):
        page.locator(f"input[name={name}][value=yes]").check(force=True)
    check_accessible(page)
    page.get_by_role("button", name="Discharge").click()
    eventually(
        lambda: day.one("SELECT count(*) FROM session_sessionfact WHERE kind = 'Discharged'") == 1
    )
    day.children[0].kill()


def reconcile(day: Day, session: str) -> None:
    """What was not given is wasted before a witness; the register stands at exactly zero."""
    page = day.go("ana", f"{session}/close")
    expect(page.get_by_role("button", name=re.compile("^Close"))).to_be_disabled()
    page.get_by_role("link", name=re.compile("^Waste")).click()
    page.locator("input[name=reason]").first.check(force=True)
    witness(page, "ben")
    page.get_by_role("button", name=re.compile("^Record")).click()
    eventually(lambda: day.one("SELECT remaining_ug FROM custody_draw") == 0)
    page = day.go("ana", f"{session}/close")
    page.get_by_role("button", name=re.compile("^Close")).click()
    eventually(lambda: day.one("SELECT phase FROM session_session") == "closed")
    given, wasted, drawn = (
        day.one(f"SELECT {column} FROM custody_draw")
        for column in ("given_ug", "wasted_ug", "drawn_ug")
    )
    assert drawn == 34_000
    assert given + wasted == drawn
    assert 0 < wasted < drawn
    page = day.go("ana", "/safe")
    expect(page.get_by_text("0 µg").first).to_be_visible()
    check_accessible(page)


def note(day: Day, session: str) -> None:
    page = day.go("doctor", f"{session}/note")
    written = page.locator("main").inner_text()
    for words in ("68.0 kg", "SIM-1", "Test Nurse Ben", "34 mg", "MOAA/S"):
        assert words in written, words
    assert page.locator("main input, main textarea").count() == 0, "nothing is retyped"
    check_accessible(page)


def next_morning(day: Day, patient: str) -> None:
    """The patient answers on a phone; the prescriber sees the curve and the dose."""
    day.set_time(day.now() + timedelta(hours=22))
    page = day.go("ana", f"{patient}/invite")
    asked = page.get_by_role("button", name=re.compile("^Make the link"))
    # The worker asks on its own, now and then; nobody has to remember it.
    eventually(lambda: page.reload() and asked.count())
    asked.first.click()
    link = page.get_by_label("Only the link").input_value()
    phone = day.browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    phone.goto(day.base + "/" + link.split("/", 3)[3])
    assert "Willow" not in phone.content()
    assert "ketamine" not in phone.content().lower()
    for place in range(1, 10):
        expect(phone.get_by_text(f"{place} of 9", exact=True).first).to_be_visible()
        check_accessible(phone)
        phone.locator("input[name=value]").nth(1 if place < 9 else 0).check(force=True)
        phone.get_by_role("button", name=re.compile("^(Next|Finish)")).click()
    expect(phone.get_by_text("Thank you")).to_be_visible()
    assert day.one("SELECT total FROM outcome_completed") == 8
    page = day.go("doctor", f"{patient}/trajectory")
    expect(page.locator("main svg").first).to_contain_text("0.48 mg/kg")
    expect(page.locator("main")).to_contain_text("School mornings out of five")
    check_accessible(page)


def claim(day: Day) -> None:
    page = day.go("doctor", "/claim")
    expect(page.get_by_text("Not enough evidence yet", exact=False).first).to_be_visible()
    missing = page.locator("main").inner_text()
    assert re.search(r"\d[\d,.]* (more )?patient-years", missing), missing
    report = json.loads(day.vigil("claim", "report", "--json"))
    assert report["claim"]["verdict"] == "NOT ENOUGH EVIDENCE YET"
    check_accessible(page)


def export(day: Day, folder: Path) -> None:
    """A stranger's verifier accepts the record, and names the first bad row of a changed copy."""
    page = day.go("clara", "/record")
    eventually(lambda: day.one(
        "SELECT count(*) FROM record_entry e LEFT JOIN record_link l ON l.entry_id = e.id"
        " WHERE l.id IS NULL") == 0)  # fmt: skip
    with page.expect_download() as waiting:
        page.get_by_role("link", name=re.compile("export|download", re.I)).first.click()
    whole = folder / "record.jsonl"
    waiting.value.save_as(whole)
    assert verify(whole)[0] == 0
    content = bytearray(whole.read_bytes())
    lines = content.split(b"\n")
    place = sum(len(line) + 1 for line in lines[:7]) + len(lines[7]) // 2
    content[place] ^= 1
    changed = folder / "changed.jsonl"
    changed.write_bytes(bytes(content))
    code, found = verify(changed)
    assert code == 1
    assert found["line"] == 8, found


def verify(file: Path) -> tuple[int, dict]:
    done = subprocess.run(
        [sys.executable, "-I", str(VERIFIER), str(file), "--json"], capture_output=True, text=True
    )
    return done.returncode, json.loads(done.stdout)
