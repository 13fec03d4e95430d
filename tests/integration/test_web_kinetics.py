"""Pages of the kinetics: what is drawn for whom, what is refused in words, and that nothing else depends on it."""

import json
import re
from uuid import uuid4

import pytest
from django.test import Client

from a_session_scene import morning
from journey_examples import adopt, assess
from vigil.people.actions import employ, found_clinic
from vigil.people.duties import Duty
from vigil.people.models import Staff as StaffRow
from vigil.plan import queries as plans
from vigil.record.clock import new_id, now
from vigil.record.models import Entry
from vigil.session import actions
from vigil.web import kinetics

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_():
    """A browser in which this person is signed in."""

    def _as(person):
        client = Client()
        client.force_login(StaffRow.objects.get(pk=person.staff_id))
        return client

    return _as


@pytest.fixture
def day(clinic, patient, nurse, second_nurse, prescriber, compliance):
    return morning(clinic, patient, nurse, second_nurse, prescriber, compliance, now())


@pytest.fixture
def nasal_day(clinic, patient, nurse, second_nurse, prescriber, compliance):
    return morning(
        clinic, patient, nurse, second_nurse, prescriber, compliance, now(), protocol_id="esk-trd-us"
    )  # fmt: skip


@pytest.fixture
def running(day):
    for answer in (day.check_in(), day.draw(), day.start()):
        assert not hasattr(answer, "code"), answer
    return day


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch):
    """Each test has its own keeper: another test's seconds are not this one's."""
    monkeypatch.setattr(kinetics, "KEEPER", kinetics.Keeper())


def course(client, plan_id, **more):
    return client.get(f"/plans/{plan_id}/course", **more)


def text(answer):
    """The words of a page, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def forecast(client, session_id):
    answer = client.get(f"/sessions/{session_id}/forecast")
    assert answer.status_code == 200
    return json.loads(answer.content)


# --- the planned course -------------------------------------------------------------------------


def test_a_plan_of_somebody_never_weighed_says_so_and_draws_nothing(day, as_, prescriber):
    page = course(as_(prescriber), day.plan_id)

    assert page.status_code == 200
    assert "The weight is not known" in text(page)
    assert "k-mid" not in page.content.decode()


def test_a_typed_weight_is_drawn_and_not_recorded(day, as_, prescriber):
    before = Entry.objects.count()

    page = course(as_(prescriber), day.plan_id, data={"weight": "68 kg"})

    assert "0.5 mg/kg × 68.0 kg = 34 mg = 3.4 mL of 10 mg/mL = 5.1 mL/h for 40 min" in text(page)
    assert "typed to see it and not recorded" in text(page)
    assert page.content.decode().count('class="k-mid s-') == 4
    assert Entry.objects.count() == before


def test_the_newest_measured_weight_is_used_without_being_typed(running, as_, prescriber):
    page = course(as_(prescriber), running.plan_id)

    assert "For 70.0 kg , measured" in text(page)
    assert "× 70.0 kg = 35 mg" in text(page)


def test_the_page_names_site_model_version_population_and_what_was_borrowed(running, as_, nurse):
    """Reference, section 4: the site on every axis, name and version, of whom it is typical."""
    said = text(course(as_(nurse), running.plan_id))

    for part in (
        "ng/mL, arterial blood and venous blood", "ng/mL, effect site", "Kamp 2020 version 1",
        "Clements 1981 version 1", "Typical of 18 studies", "borrowed from Simons 2022",
        "borrowed from Otto 2021", "Dark band: 50 % of people, light band: 90 %", "Olofsen 2022",
        "A picture of the order, not advice",
    ):  # fmt: skip
        assert part in said, part


def test_the_plans_page_asks_for_a_part_and_gets_no_second_page(running, as_, nurse):
    part = course(as_(nurse), running.plan_id, headers={"HX-Request": "true"})

    assert "<html" not in part.content.decode()
    assert "k-panel" in part.content.decode()
    assert "HX-Request" in part["Vary"]


@pytest.mark.parametrize("typed", ["70", "7e1 kg", "-70 kg", "0 kg", "999 kg", "70,5 kg", "½ kg"])
def test_a_weight_that_is_no_weight_is_said_and_nothing_drawn(day, as_, prescriber, typed):
    page = course(as_(prescriber), day.plan_id, data={"weight": typed})

    assert page.status_code == 200
    assert "No course." in text(page)
    assert "k-mid" not in page.content.decode()


def test_a_weight_outside_every_model_is_refused_in_words(day, as_, prescriber):
    page = course(as_(prescriber), day.plan_id, data={"weight": "190 kg"})

    assert "No curve is drawn." in text(page)
    assert "KIN-NO-MODEL" in text(page)
    assert "k-mid" not in page.content.decode()


def test_a_pregnancy_in_the_newest_assessment_refuses(day, patient, as_, prescriber, key):
    assess(patient, by=prescriber, at=now(), key=key(), pregnant=True)

    page = course(as_(prescriber), day.plan_id, data={"weight": "68 kg"})

    assert "KIN-PREGNANCY" in text(page)


def test_nasal_esketamine_says_that_one_model_is_no_set(nasal_day, as_, prescriber):
    page = course(as_(prescriber), nasal_day.plan_id, data={"weight": "80 kg"})

    assert "Only one model has been published with traced numbers" in text(page)
    assert page.content.decode().count('class="k-mid s-one"') == 2


def test_a_weight_that_only_one_model_speaks_of_says_so_and_names_the_others(day, as_, prescriber):
    page = text(course(as_(prescriber), day.plan_id, data={"weight": "130 kg"}))

    assert "Only one published model speaks of this patient and dose" in page
    assert "Not asked for this patient" in page
    assert "Clements 1981: The weight is outside" in page


def test_the_table_holds_every_model_and_site(running, as_, nurse):
    page = course(as_(nurse), running.plan_id).content.decode()

    table = page[page.index("<table") : page.index("</table>")]
    for head in ("Kamp 2020, arterial blood", "Kamp 2020, effect site", "Clements 1981, venous blood"):  # fmt: skip
        assert head in table
    assert table.count("<tr>") == 14


def test_a_plan_of_another_clinic_is_not_found(day, as_, at):
    other = found_clinic(name="Other", time_zone="UTC", is_simulated=True, at=at)
    stranger = employ(
        clinic_id=other.clinic_id, login="stranger", name="Stranger",
        duties=[Duty.PRESCRIBE, Duty.MONITOR], password="correct horse battery staple", by="setup", at=at,
    )  # fmt: skip

    assert course(as_(stranger), day.plan_id).status_code == 404
    assert as_(stranger).get(f"/sessions/{uuid4()}/forecast").status_code == 404


def test_the_plan_page_stands_when_the_course_is_broken(day, as_, nurse, monkeypatch):
    """The picture is asked for by the open page: nothing of the plan waits for it."""

    def broken(**more):
        raise ZeroDivisionError

    monkeypatch.setattr(kinetics, "planned_view", broken)

    page = as_(nurse).get(f"/plans/{day.plan_id}")

    assert page.status_code == 200
    assert f"/plans/{day.plan_id}/course" in page.content.decode()


# --- the order form -----------------------------------------------------------------------------


@pytest.fixture
def ordering(patient, prescriber, key, as_):
    for protocol_id in ("ket-mdd-iv", "esk-trd-us"):
        adopt(protocol_id, by=prescriber, at=now(), key=key())
        assess(patient, by=prescriber, at=now(), key=key(), protocol_id=protocol_id)
    client = as_(prescriber)

    def ask(**typed):
        return client.get(
            f"/patients/{patient.patient_id}/plan/course", {"protocol": "ket-mdd-iv", **typed}
        )

    return ask


def test_the_order_is_drawn_while_it_is_typed(ordering):
    page = ordering(dose="0.5 mg/kg", weight="68 kg")

    assert page.content.decode().count('class="k-mid s-') == 4
    assert "<html" not in page.content.decode()


@pytest.mark.parametrize("dose", ["", "0.", "half", "0 mg/kg", "0.9 mg/kg", "5 mg", "0.5 mg/kg x"])
def test_half_an_order_draws_nothing_and_proposes_nothing(ordering, dose):
    page = ordering(dose=dose, weight="68 kg")

    assert page.status_code == 200
    assert "k-mid" not in page.content.decode()
    assert "once the order can be read" in text(page)
    assert not re.search(r"\d mg", text(page))


def test_a_fixed_order_is_drawn_by_device(ordering):
    page = ordering(protocol="esk-trd-us", dose="56000", weight="80 kg")

    assert page.content.decode().count('<rect class="k-dose"') == 4
    assert "once the order can be read" in text(ordering(protocol="esk-trd-us", dose="57000", weight="80 kg"))  # fmt: skip


def test_an_unknown_protocol_or_patient_is_not_found(ordering, as_, prescriber):
    assert ordering(protocol="wibble").status_code == 404
    gone = as_(prescriber).get(f"/patients/{uuid4()}/plan/course", {"protocol": "ket-mdd-iv"})
    assert gone.status_code == 404


def test_who_does_not_prescribe_does_not_see_an_order_being_typed(patient, as_, nurse):
    assert as_(nurse).get(f"/patients/{patient.patient_id}/plan/course").status_code == 403


# --- the forecast at the chair ------------------------------------------------------------------


def test_before_the_start_there_is_nothing_to_forecast(day, as_, nurse):
    day.check_in()

    assert forecast(as_(nurse), day.session_id) == {"state": "none"}
    assert "Nothing to forecast" in text(as_(nurse).get(f"/sessions/{day.session_id}/forecast/table"))  # fmt: skip


def test_a_running_session_is_forecast_by_two_models(running, as_, nurse):
    told = forecast(as_(nurse), running.session_id)

    assert told["state"] == "drawn"
    assert [model["title"] for model in told["models"]] == ["Kamp 2020", "Clements 1981"]
    assert told["ready"]["note"].startswith("Floor 60 min after the pump stops")


def test_a_forecast_is_never_cached_and_never_recorded(running, as_, nurse):
    before = Entry.objects.count()

    answer = as_(nurse).get(f"/sessions/{running.session_id}/forecast")

    assert answer["Cache-Control"] == "no-store"
    assert Entry.objects.count() == before


def test_times_are_on_the_clinics_clock(running, as_, nurse, clinic):
    """The clinic is in New York; the server is not."""
    from zoneinfo import ZoneInfo

    told = forecast(as_(nurse), running.session_id)
    floor = running.now.astimezone(ZoneInfo(clinic.time_zone))

    (minute,) = re.findall(r"Floor 60 min after the pump stops: (\d\d:\d\d)", told["ready"]["note"])
    expected = (floor.hour * 60 + floor.minute + 100) % 1440
    hours, minutes = map(int, minute.split(":"))
    assert abs(hours * 60 + minutes - expected) <= 1


def test_after_the_patient_left_nobody_is_forecast(running, as_, nurse, monkeypatch):
    running.later(minutes=40)
    assert not hasattr(running.act(actions.stop), "code")
    monkeypatch.setattr(kinetics, "now", lambda: running.now)
    assert forecast(as_(nurse), running.session_id)["state"] == "drawn"
    running.settle()
    assert not hasattr(running.discharge(), "code")

    assert forecast(as_(nurse), running.session_id) == {"state": "none"}


def test_an_old_rate_is_refused_and_one_tap_brings_the_forecast_back(
    running, as_, nurse, monkeypatch, tmp_path
):
    """Nobody said for 31 minutes what the pump does; the button on the page says it."""
    client = as_(nurse)
    (tmp_path / "clock").write_text(str(31 * 60))
    monkeypatch.setenv("VIGIL_TEST_CLOCK", str(tmp_path / "clock"))
    assert forecast(client, running.session_id)["code"] == "KIN-RATE-OLD"
    page = client.get(f"/sessions/{running.session_id}").content.decode()
    form = page[page.index('id="still-runs"') :]
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[: form.index("</form>")]))

    answer = client.post(f"/sessions/{running.session_id}/rate", fields)

    assert answer.status_code == 302
    assert running.view().rate_ug_per_hour == 52_500
    assert forecast(client, running.session_id)["state"] == "drawn"


def test_only_who_may_give_is_asked_to_confirm_the_rate(running, as_, hire):
    watcher = hire("watcher", "monitor")

    page = as_(watcher).get(f"/sessions/{running.session_id}").content.decode()

    assert 'id="coming"' in page
    assert 'id="still-runs"' not in page


def test_the_page_at_the_chair_stands_when_the_forecast_is_broken(running, as_, nurse, monkeypatch):
    """INV-WEB-07: a forecast never breaks the page, the live part or the values' history."""
    client = as_(nurse)

    def broken(*args, **more):
        raise ZeroDivisionError

    monkeypatch.setattr(kinetics.KEEPER, "answer", broken)
    client.raise_request_exception = False

    assert client.get(f"/sessions/{running.session_id}/forecast").status_code == 500
    for path in ("", "/live", "/history", "/table"):
        assert client.get(f"/sessions/{running.session_id}{path}").status_code == 200


def test_the_page_at_the_chair_never_computes_a_forecast(running, as_, nurse, monkeypatch):
    """It is asked for by the open page, apart: vital signs never wait for it."""
    client = as_(nurse)
    asked = []
    monkeypatch.setattr(kinetics.KEEPER, "answer", lambda *a, **k: asked.append(1))

    for path in ("", "/live", "/history"):
        client.get(f"/sessions/{running.session_id}{path}")

    assert asked == []


def test_while_another_chair_is_computed_the_chart_is_told_to_ask_later(
    running, as_, nurse, monkeypatch
):
    monkeypatch.setattr(kinetics.KEEPER, "answer", lambda *a, **k: None)

    assert forecast(as_(nurse), running.session_id) == {"state": "later"}


def test_the_table_says_the_same_as_the_chart(running, as_, nurse):
    client = as_(nurse)
    told = forecast(client, running.session_id)

    page = text(client.get(f"/sessions/{running.session_id}/forecast/table"))

    assert told["caption"] in page
    assert told["ready"]["half"] in page
    for line in told["lines"]:
        assert line["words"] in page


def test_a_nasal_session_has_words_instead_of_a_lane(nasal_day, as_, nurse):
    day = nasal_day
    for answer in (
        day.check_in(weight_g=80_000), day.draw(28_000, 0), day.draw(28_000, 1), day.start(),
    ):  # fmt: skip
        assert not hasattr(answer, "code"), answer

    told = forecast(as_(nurse), day.session_id)

    assert (told["state"], told["code"]) == ("refused", "KIN-ONE-MODEL")
    assert told["ready"] is not None
    assert "No forecast." in text(as_(nurse).get(f"/sessions/{day.session_id}/forecast/table"))


def test_the_desk_sees_no_forecast(running, as_, front_desk):
    assert as_(front_desk).get(f"/sessions/{running.session_id}/forecast").status_code == 403


def test_a_session_of_another_clinic_is_not_found(running, as_, at):
    other = found_clinic(name="Other", time_zone="UTC", is_simulated=True, at=at)
    stranger = employ(
        clinic_id=other.clinic_id, login="stranger", name="Stranger", duties=[Duty.MONITOR],
        password="correct horse battery staple", by="setup", at=at,
    )  # fmt: skip

    for path in ("forecast", "forecast/table"):
        assert as_(stranger).get(f"/sessions/{running.session_id}/{path}").status_code == 404


def test_nothing_of_it_can_be_posted(running, as_, nurse, prescriber):
    for path in (
        f"/plans/{running.plan_id}/course", f"/sessions/{running.session_id}/forecast",
        f"/sessions/{running.session_id}/forecast/table",
    ):  # fmt: skip
        assert as_(nurse).post(path, {"key": str(new_id())}).status_code in (403, 405)


def test_a_replaced_plan_is_drawn_and_says_that_it_was_replaced(running, as_, prescriber):
    plan = plans.plan(running.plan_id, clinic_id=running.clinic.clinic_id)

    page = course(as_(prescriber), plan.plan_id)

    assert "Replaced plan" not in text(page)
