"""The pages of the safe: what they show, what they hide, and what they keep after a refusal."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils.html import escape

from a_custody_scene import count_all, sign_plan, stock
from conftest import PASSWORD
from vigil.custody import actions, queries
from vigil.custody.models import Act as ActRow
from vigil.people.actions import set_presence
from vigil.record.clock import new_id, now
from vigil.session import actions as session

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(server_morning) -> datetime:
    """The pages read the server's clock, so these acts happen by it too."""
    return server_morning


@pytest.fixture
def as_(client):
    """A browser signed in as a member of staff."""
    from django.contrib.auth import get_user_model

    def _as(staff) -> Client:
        client.force_login(get_user_model().objects.get(pk=staff.staff_id))
        return client

    return _as


def typed(page, name: str) -> str:
    """The value that a page's hidden field holds."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.content.decode())
    assert found, f"no field {name}"
    return found[1]


@pytest.fixture
def seat(patient, prescriber, nurse, clinic, at):
    """Checks the patient in at a chair; returns the session id."""

    def _seat(protocol_id: str = "ket-mdd-iv"):
        set_presence(is_on_site=True, by=prescriber, at=at)
        chair = session.add_chair(
            clinic_id=clinic.clinic_id, name="Chair 1", device_location="C1", by="setup", at=at
        )
        seated = session.check_in(
            patient_id=patient.patient_id,
            plan_id=sign_plan(patient, prescriber, at, protocol_id=protocol_id),
            chair_id=chair.chair_id, weight_g=70_000, sbp=124, dbp=78, escort_name="Escort",
            escort_phone="1", food_minutes=300, drink_minutes=120, by=nurse, at=at, key=new_id(),
        )  # fmt: skip
        return seated.session_id

    return _seat


WITNESS = {"witness_login": "nurse2", "witness_password": PASSWORD}


def test_an_empty_safe_says_what_to_do_next(as_, compliance, nurse):
    """The empty state leads whoever may receive; others read whom to ask."""
    for_receiver = as_(compliance).get("/safe").content.decode()
    for_nurse = as_(nurse).get("/safe").content.decode()

    assert 'href="/safe/receive"' in for_receiver
    assert "The safe is empty" in for_nurse
    assert 'href="/safe/receive"' not in for_nurse


def test_a_delivery_is_received_and_its_labels_come_back(as_, compliance, clinic, at):
    """Receive by product, lot, expiry, number and invoice; sent twice, it arrives once."""
    browser = as_(compliance)
    page = browser.get("/safe/receive")
    form = {
        "key": typed(page, "key"), "product": str(queries.products(clinic.clinic_id)[0].product_id),
        "lot": "K2291", "expires_on": "2028-08-31", "containers": "6", "invoice": "INV-1",
    }  # fmt: skip

    browser.post("/safe/receive", form)
    answer = browser.post("/safe/receive", form, follow=True)

    assert "20001-01 to 20001-06" in answer.content.decode()
    assert len(queries.containers(clinic.clinic_id)) == 6


def test_a_refused_delivery_keeps_what_was_typed(as_, compliance, clinic):
    """The refusal shows its code; product, lot and number stand as typed."""
    browser = as_(compliance)
    form = {
        "key": str(new_id()), "product": str(queries.products(clinic.clinic_id)[0].product_id),
        "lot": "K<9>", "expires_on": "2020-01-31", "containers": "6", "invoice": "INV-1",
    }  # fmt: skip

    page = browser.post("/safe/receive", form)

    text = page.content.decode()
    assert page.status_code == 409
    assert "CUS-LOT-EXPIRED" in text
    assert escape("K<9>") in text
    assert 'value="6"' in text
    assert "checked" in text
    assert typed(page, "key") == form["key"]
    assert queries.containers(clinic.clinic_id) == ()


def test_the_count_page_is_blind(as_, nurse, second_nurse, compliance, clinic, seat, patient, at):
    """No amount that the book holds is anywhere on the count page, nor in its boxes."""
    (vial,) = stock(compliance, at)
    count_all(nurse, second_nurse, at)
    session_id = seat()
    drawn = _draw(session_id, vial, patient, nurse, at, clinic)
    assert drawn.drawn_ug == 35_000

    text = as_(nurse).get("/safe/count?kind=closing").content.decode()

    assert vial.label in text
    for shown in ("16.5", "165", "200 mg", "20 mL (", "200000", "165000"):
        assert shown not in text


def _draw(session_id, vial, patient, nurse, at, clinic):
    view = session_view(session_id, clinic)
    return actions.draw(
        container_id=vial.container_id, amount_ug=view.dose_ug, plan_id=view.plan_id,
        patient_id=patient.patient_id, purpose_id=session_id, by=nurse, at=at, key=new_id(), **WITNESS,
    )  # fmt: skip


def session_view(session_id, clinic):
    from vigil.session import queries as sessions

    return sessions.view(session_id, clinic_id=clinic.clinic_id, now=now())


def test_a_count_that_cannot_be_read_keeps_every_box(as_, nurse, second_nurse, compliance, at):
    """The amount is refused with the reading; the others stay; no password comes back."""
    first, second = stock(compliance, at, containers=2)
    browser = as_(nurse)

    page = browser.post(
        "/safe/count",
        {
            "kind": "opening", "key": str(new_id()), f"counted-{first.container_id}": "19,5",
            f"counted-{second.container_id}": "20", **WITNESS,
        },
    )  # fmt: skip

    text = page.content.decode()
    assert page.status_code == 409
    assert "CUS-DOSE-TEXT" in text
    assert escape("'19,5'") in text
    assert 'value="19,5"' in text
    assert 'value="20"' in text
    assert PASSWORD not in text
    assert ActRow.objects.filter(kind="counted").count() == 0


def test_a_count_shows_its_arithmetic_only_after_both_signed(
    as_, nurse, second_nurse, compliance, clinic, at
):
    """A difference stands with what was found, what the book said, and its owner."""
    (vial,) = stock(compliance, at)
    browser = as_(nurse)

    page = browser.post(
        "/safe/count",
        {
            "kind": "opening", "key": str(new_id()), f"counted-{vial.container_id}": "19.8",
            **WITNESS,
        },
        follow=True,
    )  # fmt: skip

    text = page.content.decode()
    assert "19.8 mL (198 mg)" in text
    assert "20 mL (200 mg)" in text
    assert "not a finding against anyone" in text
    assert compliance.name in text
    assert "counted 19.8 mL" in browser.get("/safe").content.decode()


def test_the_dose_is_drawn_in_one_form_and_the_register_follows(
    as_, nurse, second_nurse, compliance, clinic, seat, at
):
    """The dose due comes from the session, the volume from the product; nothing is typed but the witness."""
    stock(compliance, at, part="50 mg/mL", lot="K5")
    (vial,) = stock(compliance, at)
    count_all(nurse, second_nurse, at)
    session_id = seat()
    browser = as_(nurse)

    page = browser.get(f"/safe/draw/{session_id}")
    text = page.content.decode()
    browser.post(
        f"/safe/draw/{session_id}",
        {name: typed(page, name) for name in ("key", "container", "ug")} | WITNESS,
    )

    assert "3.5 mL" in text
    assert "16.5 mL (165 mg)" in text
    assert typed(page, "container") == str(vial.container_id), "the first strength is chosen first"
    (drawn,) = queries.draws_for(session_id, clinic_id=clinic.clinic_id)
    assert (drawn.drawn_ug, drawn.witness_name) == (35_000, second_nurse.name)
    assert "Everything is drawn" in browser.get(f"/safe/draw/{session_id}").content.decode()
    register = browser.get("/safe/register").content.decode()
    assert "Drawn 3.5 mL (35 mg)" in register
    assert "165 mg" in register


def test_a_witness_who_cannot_sign_is_told_and_nothing_is_kept_of_the_password(
    as_, nurse, second_nurse, compliance, seat, at
):
    """The choice is kept, the password is not, and no row is written."""
    stock(compliance, at)
    count_all(nurse, second_nurse, at)
    session_id = seat()
    browser = as_(nurse)
    page = browser.get(f"/safe/draw/{session_id}")
    before = ActRow.objects.count()

    refused = browser.post(
        f"/safe/draw/{session_id}",
        {name: typed(page, name) for name in ("key", "container", "ug")}
        | {"witness_login": "nurse2", "witness_password": "guess guess guess"},
    )

    text = refused.content.decode()
    assert refused.status_code == 409
    assert "PEO-WITNESS-SIGN-IN" in text
    assert 'value="nurse2"' in text
    assert "guess" not in text
    assert ActRow.objects.count() == before


def test_two_devices_are_taken_one_after_the_other(
    as_, nurse, second_nurse, compliance, clinic, seat, at
):
    """56 mg is two whole devices; the page asks until both are taken."""
    stock(compliance, at, part="28 mg device", containers=3, lot="E77")
    count_all(nurse, second_nurse, at)
    session_id = seat("esk-trd-us")
    browser = as_(nurse)

    for _ in range(2):
        page = browser.get(f"/safe/draw/{session_id}")
        browser.post(
            f"/safe/draw/{session_id}",
            {name: typed(page, name) for name in ("key", "container", "ug")} | WITNESS,
        )

    draws = queries.draws_for(session_id, clinic_id=clinic.clinic_id)
    assert [each.drawn_ug for each in draws] == [28_000, 28_000]
    assert "Everything is drawn" in browser.get(f"/safe/draw/{session_id}").content.decode()


def test_waste_takes_exactly_what_is_left(
    as_, nurse, second_nurse, compliance, clinic, seat, patient, at
):
    """The remaining amount is computed; if it changed since the page was made, the form is refused."""
    (vial,) = stock(compliance, at)
    count_all(nurse, second_nurse, at)
    session_id = seat()
    drawn = _draw(session_id, vial, patient, nurse, at, clinic)
    browser = as_(nurse)
    address = f"/safe/waste/{drawn.draw_id}"
    old_page = browser.get(address)
    actions.give(draw_id=drawn.draw_id, amount_ug=30_000, by=nurse, at=at, key=new_id())
    form = {"reason": "Stopped early", **WITNESS}

    old = browser.post(address, form | {name: typed(old_page, name) for name in ("key", "ug")})
    page = browser.get(address)
    browser.post(address, form | {name: typed(page, name) for name in ("key", "ug")})

    assert "CUS-DRAW-OVER" in old.content.decode()
    assert "0.5 mL" in page.content.decode()
    assert queries.draw(drawn.draw_id, clinic_id=clinic.clinic_id).wasted_ug == 5_000
    assert "Nothing is left" in browser.get(address).content.decode()
    assert queries.unexplained_ug(clinic.clinic_id) == 0


def test_nothing_is_drawn_before_the_opening_count(as_, nurse, compliance, seat, at):
    """The page leads to the count instead of to a refusal."""
    stock(compliance, at)
    session_id = seat()

    text = as_(nurse).get(f"/safe/draw/{session_id}").content.decode()

    assert "The day is not open" in text
    assert "draw-form" not in text


def test_another_clinics_ids_are_not_found(as_, nurse, compliance, at):
    """An id from elsewhere is a page that does not exist."""
    browser = as_(nurse)

    for address in ("containers", "draw", "waste", "counts"):
        assert browser.get(f"/safe/{address}/{new_id()}").status_code == 404


def test_a_lot_is_set_aside_from_the_page_of_one_vial(as_, nurse, compliance, clinic, at):
    """Every container of the lot is held; the safe says so."""
    (vial, _) = stock(compliance, at, containers=2)
    browser = as_(nurse)

    page = browser.post(
        f"/safe/containers/{vial.container_id}/hold", {"reason": "recall", "key": str(new_id())},
        follow=True,
    )  # fmt: skip

    assert "Lot K2291 set aside: 2 containers" in page.content.decode()
    assert "Lot K2291 held: 2" in browser.get("/safe").content.decode()


def test_what_can_be_done_with_a_vial_is_reached_from_the_safe(as_, nurse, compliance, at):
    """The panel of the safe loads the story alone, so its acts stand in the story."""
    (vial,) = stock(compliance, at, containers=1)
    own_page = f"/safe/containers/{vial.container_id}"
    browser = as_(nurse)

    panel = browser.get(own_page, headers={"hx-request": "true"}).content.decode()
    story = panel[panel.index('id="story"') : panel.index('class="story-lines"')]

    assert f'href="{own_page}"' in story
    assert f'href="{own_page}/waste"' in story
    assert f'href="{own_page}?act=hold#act"' in story
    assert (
        '<details class="card no-print" id="act" open>'
        in browser.get(f"{own_page}?act=hold").content.decode()
    )


def test_an_expired_vial_is_wasted_from_its_page(as_, nurse, second_nurse, compliance, clinic, at):
    """The safe names what expired and leads to its waste."""
    today = at.astimezone(UTC).date()
    (vial,) = stock(
        compliance, at - timedelta(days=9), expires_on=today - timedelta(days=3), lot="OLD"
    )
    browser = as_(nurse)
    address = f"/safe/containers/{vial.container_id}/waste"
    page = browser.get(address)

    safe = browser.get("/safe").content.decode()
    browser.post(
        address,
        {"key": typed(page, "key"), "ug": typed(page, "ug"), "reason": "Expired", **WITNESS},
    )

    assert address in safe
    assert queries.totals(clinic.clinic_id).wasted_ug == 200_000
