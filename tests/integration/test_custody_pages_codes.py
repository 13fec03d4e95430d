"""Codes scanned on the pages that receive and draw: what they bring, what they stop. Through a browser's requests only."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode

import pytest
from django.test import Client

from a_custody_scene import count_all, sign_plan, stock
from conftest import PASSWORD
from vigil.custody import actions, queries
from vigil.people.actions import set_presence
from vigil.record.clock import new_id
from vigil.session import actions as session

pytestmark = pytest.mark.django_db

GTIN_10 = "02900000000100"
GTIN_10_BOX = "02900000000117"
GTIN_50 = "02900000000124"
WITNESS = {"witness_login": "nurse2", "witness_password": PASSWORD}


@pytest.fixture
def at(server_morning):
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


@pytest.fixture
def seated(patient, prescriber, nurse, clinic, at):
    """A patient in a chair whose ketamine is due; returns the session id."""
    set_presence(is_on_site=True, by=prescriber, at=at)
    chair = session.add_chair(
        clinic_id=clinic.clinic_id, name="Chair 1", device_location="C1", by="setup", at=at
    )
    return session.check_in(
        patient_id=patient.patient_id, plan_id=sign_plan(patient, prescriber, at), chair_id=chair.chair_id,
        weight_g=70_000, sbp=124, dbp=78, escort_name="Escort", escort_phone="1", food_minutes=300,
        drink_minutes=120, by=nurse, at=at, key=new_id(),
    ).session_id  # fmt: skip


def text_of(page) -> str:
    return unescape(page.content.decode())


def field(page, name: str) -> str:
    """The value that a page's field holds."""
    found = re.search(rf'name="{name}"[^>]*? value="([^"]*)"', page.content.decode())
    assert found, f"no field {name}"
    return unescape(found[1])


def scanned(browser, address: str, *codes: str):
    return browser.get(f"{address}?{urlencode([('scan', code) for code in codes])}")


# --- receiving by scan ---------------------------------------------------------------------------


def test_a_scanned_box_brings_product_lot_expiry_and_number(as_, compliance, clinic):
    """H02: nobody types the concentration; what the code says cannot be typed over."""
    browser = as_(compliance)
    code = f"01{GTIN_10_BOX}17301000" + "10K2291"

    page = scanned(browser, "/safe/receive", code)
    form = {
        "key": field(page, "key"), "scan": code, "product": field(page, "product"), "lot": "K2291",
        "expires_on": "2030-10-31", "containers": "10", "invoice": "INV-1",
    }  # fmt: skip
    other = browser.post("/safe/receive", {**form, "lot": "K2292"})
    browser.post("/safe/receive", form)

    assert (field(page, "lot"), field(page, "containers")) == ("K2291", "10")
    assert field(page, "expires_on") == "2030-10-31"
    assert other.status_code == 409
    assert "CUS-SCAN-DIFFERS" in text_of(other)
    held = queries.containers(clinic.clinic_id)
    assert {(each.product.name, each.lot, str(each.expires_on)) for each in held} == {
        ("Ketamine 10 mg/mL, 20 mL vial", "K2291", "2030-10-31")
    }
    assert len(held) == 10


@pytest.mark.parametrize("field_name", ["product", "expires_on"])
def test_a_form_that_says_another_thing_than_the_box_is_refused(
    as_, compliance, clinic, field_name
):
    browser = as_(compliance)
    code = f"01{GTIN_10}17301031" + "10K2291"
    page = scanned(browser, "/safe/receive", code)
    wrong = {
        "product": str(queries.products(clinic.clinic_id)[1].product_id),
        "expires_on": "2030-10-30",
    }
    form = {
        "key": field(page, "key"), "scan": code, "product": field(page, "product"), "lot": "K2291",
        "expires_on": "2030-10-31", "containers": "1", "invoice": "INV-1", field_name: wrong[field_name],
    }  # fmt: skip

    answer = browser.post("/safe/receive", form)

    assert "CUS-SCAN-DIFFERS" in text_of(answer)
    assert queries.containers(clinic.clinic_id) == ()


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        ("01095011015300031730123110AB", "CUS-SCAN-UNKNOWN"),
        (f"01{GTIN_10[:-1]}917301231", "CUS-SCAN"),
        (f"01{GTIN_10}1720013110OLD", "CUS-SCAN-EXPIRED"),
        (f"01{GTIN_10}17301331", "CUS-SCAN"),
        ("what a keyboard says", "CUS-SCAN"),
        ("20001-01", "CUS-SCAN"),
    ],
)
def test_a_code_that_cannot_be_used_says_why_and_takes_nothing_in(
    as_, compliance, clinic, code, refusal
):
    browser = as_(compliance)

    page = scanned(browser, "/safe/receive", code)
    form = {
        "key": str(new_id()), "scan": code, "product": str(queries.products(clinic.clinic_id)[0].product_id),
        "lot": "AB", "expires_on": "2030-12-31", "containers": "1", "invoice": "INV-1",
    }  # fmt: skip
    sent = browser.post("/safe/receive", form)

    assert refusal in text_of(page)
    assert refusal in text_of(sent)
    assert queries.containers(clinic.clinic_id) == ()


def test_two_codes_of_one_box_are_read_together_and_of_two_boxes_refused(as_, compliance):
    browser = as_(compliance)

    both = scanned(browser, "/safe/receive", f"01{GTIN_10}", "1730123110K9")
    two = scanned(browser, "/safe/receive", f"01{GTIN_10}", f"01{GTIN_50}")

    assert field(both, "lot") == "K9"
    assert "Ketamine 10 mg/mL" in text_of(both)
    assert "they differ" in text_of(two)


def test_demo_codes_count_only_in_a_simulated_clinic(db, at, client):
    """A made-up code must never be believed on a real box."""
    from django.contrib.auth import get_user_model

    from vigil.people.actions import employ, found_clinic
    from vigil.people.duties import Duty

    real = found_clinic(name="Real", time_zone="UTC", is_simulated=False, at=at)
    who = employ(
        clinic_id=real.clinic_id, login="rec", name="Rec", duties=[Duty.RECEIVE], password=PASSWORD,
        by="setup", at=at,
    )  # fmt: skip
    client.force_login(get_user_model().objects.get(pk=who.staff_id))

    page = scanned(client, "/safe/receive", f"01{GTIN_10}")

    assert "CUS-SCAN-UNKNOWN" in text_of(page)


def test_a_clinics_own_file_of_codes_is_believed_when_it_is_sound_and_void_when_not(
    as_, compliance, tmp_path, settings
):
    """The file of the clinic's home names real boxes; a slip in it makes all of it void, in words."""
    settings.HOME = tmp_path
    file = tmp_path / "product-codes.yaml"
    browser = as_(compliance)
    answers = []
    for text in (
        "- product: ketamine-50\n  gtin: '09501101530003'\n",
        "- product: ketamine-50\n  gtin: '09501101530004'\n",
        "- product: ketamine-500\n  gtin: '09501101530003'\n",
    ):
        file.write_text(text)
        answers.append(text_of(scanned(browser, "/safe/receive", "0109501101530003")))

    assert "code read" in answers[0]
    assert "Ketamine 50 mg/mL" in answers[0]
    assert "CUS-SCAN-FILE" in answers[1]
    assert "CUS-SCAN-FILE" in answers[2]


# --- drawing by scan -----------------------------------------------------------------------------


@pytest.fixture
def open_day(compliance, nurse, second_nurse, at):
    """Two lots of the first strength, one vial of the second, an open day."""
    first = stock(compliance, at, containers=2, lot="K2291")
    later = stock(compliance, at, lot="K9999", expires_on=first[0].expires_on + timedelta(days=90))
    strong = stock(compliance, at, part="50 mg/mL", lot="K3310")
    count_all(nurse, second_nurse, at)
    return (*first, *later, *strong)


def test_a_scan_of_the_chosen_vial_is_confirmed_and_drawn(as_, nurse, clinic, seated, open_day):
    browser = as_(nurse)
    vial = open_day[0]
    address = f"/safe/draw/{seated}"
    code = f"01{GTIN_10}17{vial.expires_on:%y%m%d}10{vial.lot}"

    page = scanned(browser, address, code)
    answer = browser.post(
        address,
        {"key": field(page, "key"), "container": field(page, "container"), "ug": field(page, "ug"), "scan": code, **WITNESS},
    )  # fmt: skip

    assert "product and lot K2291 fit" in text_of(page)
    assert answer.status_code == 302
    assert (
        queries.draws_for(seated, clinic_id=clinic.clinic_id)[0].container_id == vial.container_id
    )


def test_a_scan_of_the_clinics_own_label_chooses_that_container(as_, nurse, seated, open_day):
    page = scanned(as_(nurse), f"/safe/draw/{seated}", open_day[2].label)

    assert field(page, "container") == str(open_day[2].container_id)


@pytest.mark.parametrize(
    ("codes", "refusal"),
    [
        (["01029000000001311730010110E1"], "CUS-SCAN-PRODUCT"),
        ([f"01{GTIN_10}10NOLOT"], "CUS-SCAN-LOT"),
        ([f"01{GTIN_10}1731010110K2291"], "CUS-SCAN-EXPIRY"),
        (["20999-01"], "CUS-SCAN-LOT"),
        (["20001-01", f"01{GTIN_50}"], "CUS-SCAN"),
    ],
)
def test_a_wrong_vial_in_the_hand_is_refused_and_nothing_can_be_recorded(
    as_, nurse, clinic, seated, open_day, codes, refusal
):
    """H02: product, lot and expiry of the code must be those of the book; the button is gone, and a sent form refused."""
    browser = as_(nurse)
    address = f"/safe/draw/{seated}"

    page = scanned(browser, address, *codes)
    sent = browser.post(
        address,
        {"key": str(new_id()), "container": str(open_day[0].container_id), "ug": "35000", "scan": codes, **WITNESS},
    )  # fmt: skip

    assert refusal in text_of(page)
    assert 'form="draw-form"' not in text_of(page)
    assert sent.status_code == 409
    assert queries.draws_for(seated, clinic_id=clinic.clinic_id) == ()


def test_a_scan_of_another_lot_than_the_chosen_one_is_refused(as_, nurse, seated, open_day):
    page = as_(nurse).get(
        f"/safe/draw/{seated}",
        {"container": str(open_day[0].container_id), "scan": f"01{GTIN_10}10K9999"},
    )

    assert "CUS-SCAN-LOT" in text_of(page)
    assert "chose 20001-01" in text_of(page)


def test_a_scan_of_a_held_lot_says_that_it_is_held(as_, nurse, compliance, seated, open_day, at):
    actions.hold_lot(
        product_id=open_day[2].product.product_id, lot="K9999", reason="recall", by=compliance, at=at, key=new_id()
    )  # fmt: skip

    page = scanned(as_(nurse), f"/safe/draw/{seated}", f"01{GTIN_10}10K9999")

    assert "CUS-SCAN-NOT-USABLE" in text_of(page)
    assert "is held" in text_of(page)
