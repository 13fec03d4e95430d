"""Pages around the stock: transfers, lots, differences, what stood when. Through a browser's requests only."""

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
from vigil.record.clock import new_id, now
from vigil.session import actions as session
from vigil.session import queries as sessions

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


@pytest.fixture
def open_day(compliance, nurse, second_nurse, at):
    """Two lots of the first strength, one vial of the second, an open day."""
    first = stock(compliance, at, containers=2, lot="K2291")
    later = stock(compliance, at, lot="K9999", expires_on=first[0].expires_on + timedelta(days=90))
    strong = stock(compliance, at, part="50 mg/mL", lot="K3310")
    count_all(nurse, second_nurse, at)
    return (*first, *later, *strong)


# --- transfers, sending out, lots ----------------------------------------------------------------


def test_a_vial_goes_to_a_cabinet_by_two_people(as_, nurse, second_nurse, compliance, clinic, at):
    """I13: one place at a time; who sent it cannot receive it."""
    first, second = stock(compliance, at, containers=2)
    browser = as_(compliance)
    browser.post("/safe/places", {"key": str(new_id()), "kind": "cabinet", "name": "Cabinet 2"})
    place = queries.places(clinic.clinic_id)[1]
    form = {
        "key": str(new_id()), "container": [str(first.container_id)], "place": str(place.place_id), "hours": "2",
        "reason": "Room 2",
    }  # fmt: skip

    browser.post("/safe/transfers", form)
    (transfer,) = queries.open_transfers(clinic.clinic_id)
    on_the_way = text_of(browser.get("/safe"))
    own = browser.post(
        f"/safe/transfers/{transfer.sent.transfer_id}/arrive", {"key": str(new_id())}, follow=True
    )
    as_(nurse).post(f"/safe/transfers/{transfer.sent.transfer_id}/arrive", {"key": str(new_id())})

    assert "On the way to Cabinet 2" in on_the_way
    assert "You sent it" in text_of(own)
    assert (
        queries.container(first.container_id, clinic_id=clinic.clinic_id).place.name == "Cabinet 2"
    )
    assert queries.container(second.container_id, clinic_id=clinic.clinic_id).place.name == "Safe"
    assert queries.open_transfers(clinic.clinic_id) == ()


def test_a_refused_transfer_keeps_what_was_ticked(as_, compliance, at):
    first, _ = stock(compliance, at, containers=2)

    page = as_(compliance).post(
        "/safe/transfers",
        {
            "key": str(new_id()),
            "container": [str(first.container_id)],
            "place": "safe",
            "hours": "2",
            "reason": "x",
        },
    )

    assert page.status_code == 409
    assert "CUS-TRANSFER-SAME" in text_of(page)
    assert re.search(rf'value="{first.container_id}" checked', page.content.decode())


def test_stock_leaves_the_clinic_with_a_paper_and_two_people(
    as_, compliance, nurse, second_nurse, clinic, at
):
    first, second = stock(compliance, at, containers=2)
    form = {
        "key": str(new_id()), "container": [str(first.container_id)], "to": "distributor", "recipient": "Reverse Ltd",
        "reference": "F41-9", "reason": "expired", "witness_login": nurse.login, "witness_password": "wrong",
    }  # fmt: skip
    browser = as_(compliance)

    refused = browser.post("/safe/send-out", form)
    browser.post("/safe/send-out", {**form, "witness_password": PASSWORD})

    assert refused.status_code == 409
    assert "wrong" not in text_of(refused).partition("<main")[2].replace("What went wrong", "")
    assert queries.container(first.container_id, clinic_id=clinic.clinic_id).remaining_ug == 0
    assert (
        queries.container(second.container_id, clinic_id=clinic.clinic_id).remaining_ug == 200_000
    )
    assert queries.totals(clinic.clinic_id).distributor_ug == 200_000


def test_a_recalled_lot_names_its_containers_and_its_patients(
    as_, compliance, nurse, second_nurse, clinic, patient, seated, at
):
    """A recall needs three lists on one page: what stands here, what is in a hand, who got it."""
    (vial,) = stock(compliance, at, lot="K/22 91")
    count_all(nurse, second_nurse, at)
    view = sessions.view(seated, clinic_id=clinic.clinic_id, now=now())
    drawn = actions.draw(
        container_id=vial.container_id, amount_ug=view.dose_ug, plan_id=view.plan_id, patient_id=patient.patient_id,
        purpose_id=seated, by=nurse, at=at, key=new_id(), **WITNESS,
    )  # fmt: skip
    actions.give(draw_id=drawn.draw_id, amount_ug=20_000, by=nurse, at=at, key=new_id())
    browser = as_(compliance)
    address = "/safe/lot?" + urlencode({"product": vial.product.product_id, "lot": vial.lot})

    page = text_of(browser.get(address))
    browser.post(
        f"/safe/containers/{vial.container_id}/hold",
        {"reason": "recall", "key": str(new_id()), "from": "lot"},
    )
    held = text_of(browser.get(address))

    assert f"{patient.number} {patient.name}" in page
    assert "20 mg" in page
    assert vial.label in page
    assert f"drawn for {patient.number}" in page
    assert "held: nothing is drawn" in held
    assert queries.container(vial.container_id, clinic_id=clinic.clinic_id).is_held


# --- differences ---------------------------------------------------------------------------------


@pytest.fixture
def short(compliance, nurse, second_nurse, clinic, at):
    """A vial that a count found 2 mg short; returns it and the difference."""
    (vial,) = stock(compliance, at)
    count_all(nurse, second_nurse, at)
    count_all(nurse, second_nurse, at, kind="spot", off={vial.container_id: -2_000})
    (found,) = queries.discrepancies(clinic.clinic_id)
    return vial, found


def test_a_difference_shows_its_arithmetic_and_blames_nobody(as_, compliance, short):
    """INV-CUS-07, decision 0014: start, every act, book, counted, difference; the notice; no word of blame."""
    vial, found = short
    browser = as_(compliance)

    listed = text_of(browser.get("/safe/differences"))
    page = text_of(browser.get(f"/safe/differences/{found.discrepancy_id}"))
    draft = text_of(browser.get(f"/safe/differences/{found.discrepancy_id}/report"))

    assert vial.label in listed
    assert "less than a minute" in listed or "minute" in listed
    for shown in (
        "200 mg",
        "198 mg",
        "−2 mg",
        "says nothing about",
        "Vials hold a little more",
        found.owner_name,
    ):
        assert shown in page, shown
    assert "A draft. Nothing was sent." in draft
    for page_text in (listed, page, draft):
        words = re.sub(r"<[^>]+>", " ", page_text).lower()
        for blame in (
            "suspect",
            "culprit",
            "responsible for the loss",
            "accus",
            "stole",
            "diverted",
        ):
            assert blame not in words


def test_a_correction_needs_reason_and_second_person_and_explains_the_difference(
    as_, compliance, nurse, clinic, patient, seated, second_nurse, at
):
    """I6: a draw was written 2 mg too small; the pair puts it right, and then the difference can be closed."""
    (vial,) = stock(compliance, at)
    count_all(nurse, second_nurse, at)
    view = sessions.view(seated, clinic_id=clinic.clinic_id, now=now())
    actions.draw(
        container_id=vial.container_id, amount_ug=33_000, plan_id=view.plan_id, patient_id=patient.patient_id,
        purpose_id=seated, by=nurse, at=at, key=new_id(), **WITNESS,
    )  # fmt: skip
    count_all(nurse, second_nurse, at, kind="spot", off={vial.container_id: -2_000})
    (found,) = queries.discrepancies(clinic.clinic_id)
    browser = as_(compliance)
    address = f"/safe/differences/{found.discrepancy_id}"
    link = re.search(
        r'href="(/safe/acts/[^"]+)"[^>]*>Correct<span class="visually-hidden">: Drawn',
        text_of(browser.get(address)),
    )
    form = {
        "key": str(new_id()), "container": str(vial.container_id), "difference": str(found.discrepancy_id),
        "right": "35 mg", "reason": "read 33 on the syringe, it was 35", **WITNESS,
    }  # fmt: skip
    to = link[1].partition("?")[0]

    no_reason = browser.post(to, {**form, "reason": " "})
    done = browser.post(to, form)
    page = browser.get(address)
    (correction,) = re.findall(r'name="correction" value="([^"]+)"', text_of(page))
    closed = browser.post(
        f"{address}/close",
        {
            "key": str(new_id()),
            "how": "correction",
            "correction": [correction],
            "note": "misread",
            **WITNESS,
        },
    )

    assert "CUS-REASON" in text_of(no_reason)
    assert done.status_code == 302
    assert closed.status_code == 302
    assert queries.container(vial.container_id, clinic_id=clinic.clinic_id).remaining_ug == 165_000
    assert queries.discrepancies(clinic.clinic_id, is_open_only=True) == ()
    assert queries.unexplained_ug(clinic.clinic_id) == 0


def test_what_does_not_explain_all_of_it_closes_nothing(as_, compliance, clinic, short):
    _, found = short
    browser = as_(compliance)

    for form in ({"how": "loss"}, {"how": "correction"}, {"how": "counting-error"}, {}):
        answer = browser.post(
            f"/safe/differences/{found.discrepancy_id}/close",
            {"key": str(new_id()), "note": "x", **form, **WITNESS},
        )
        assert answer.status_code == 409, form

    assert len(queries.discrepancies(clinic.clinic_id, is_open_only=True)) == 1


def test_a_confirmed_shortage_moves_to_loss_and_stays_visible(as_, compliance, clinic, short):
    vial, found = short
    browser = as_(compliance)
    address = f"/safe/differences/{found.discrepancy_id}"

    browser.post(
        f"{address}/loss",
        {"key": str(new_id()), "ug": "2000", "reason": "looked everywhere", **WITNESS},
    )
    browser.post(
        f"{address}/close", {"key": str(new_id()), "how": "loss", "note": "not found", **WITNESS}
    )

    assert queries.container(vial.container_id, clinic_id=clinic.clinic_id).remaining_ug == 198_000
    assert queries.discrepancies(clinic.clinic_id, is_open_only=True) == ()
    assert "2 000 µg" in text_of(browser.get("/safe")).replace("\u202f", " ")


# --- what stood when -----------------------------------------------------------------------------


def test_a_past_instant_is_two_clicks_from_the_safe(
    as_, compliance, nurse, second_nurse, clinic, at
):
    """Click one: the page of moments. Click two: one of them. What came later is not in it."""
    (old,) = stock(compliance, at - timedelta(hours=5), lot="OLD1")
    count_all(nurse, second_nurse, at - timedelta(hours=4))
    (new,) = stock(compliance, at - timedelta(hours=1), lot="NEW1")
    browser = as_(compliance)

    safe = text_of(browser.get("/safe"))
    moments = text_of(browser.get(re.search(r'href="(/safe/past)"', safe)[1]))
    link = re.search(r'href="(\?at=[^"]+)">Opening count', moments)[1]
    page = text_of(browser.get("/safe/past" + link))

    assert old.label in page
    assert new.label not in page


@pytest.mark.parametrize(
    "text", ["2999-01-01T00:00", "yesterday", "0001-01-01T00:00", "9999-12-31", "2026-13-01T00:00"]
)
def test_a_moment_that_is_none_is_refused_in_words(as_, compliance, text):
    page = as_(compliance).get("/safe/past", {"at": text})

    assert page.status_code == 409 or page.status_code == 200
    assert "CUS-TIME" in text_of(page)


@pytest.mark.parametrize("address", ["/safe/register", "/safe/register?form=uk&", "/safe/pack"])
@pytest.mark.parametrize(
    "days", ["from=9999-12-31&to=9999-12-31", "from=0001-01-01&to=x", "from=2026-02-30"]
)
def test_odd_days_of_a_paper_never_break_its_page(as_, compliance, address, days):
    mark = "" if "?" in address else "?"

    assert as_(compliance).get(f"{address}{mark}{days}").status_code == 200


def test_nobody_without_the_duty_sees_or_does(as_, front_desk, nurse, short):
    """Default deny: the front desk sees none of it, a nurse takes no pack."""
    _, found = short
    browser = as_(front_desk)
    for address in (
        "/safe/lots",
        "/safe/transfers",
        "/safe/differences",
        "/safe/past",
        "/safe/law",
        "/safe/orders",
        "/safe/pack",
    ):
        assert browser.get(address).status_code == 403, address
    assert browser.post(f"/safe/differences/{found.discrepancy_id}/close", {}).status_code == 403
    assert as_(nurse).get("/safe/send-out").status_code == 200
    assert as_(front_desk).get("/safe/pack.zip").status_code == 403


def test_a_draw_is_made_up_to_a_volume_by_two_people_and_once(
    as_, nurse, clinic, patient, seated, open_day, at
):
    """H02: the strength of a bag is computed from drug and volume, never typed; a second time is refused."""
    view = sessions.view(seated, clinic_id=clinic.clinic_id, now=now())
    drawn = actions.draw(
        container_id=open_day[0].container_id, amount_ug=view.dose_ug, plan_id=view.plan_id,
        patient_id=patient.patient_id, purpose_id=seated, by=nurse, at=at, key=new_id(), **WITNESS,
    )  # fmt: skip
    browser = as_(nurse)
    address = f"/safe/draws/{drawn.draw_id}/dilute"
    form = {"volume": "100", "diluent": "Sodium chloride 0.9 %", **WITNESS}

    little = browser.post(address, {**form, "key": str(new_id()), "volume": "1"})
    odd = browser.post(address, {**form, "key": str(new_id()), "volume": "1e2"})
    done = browser.post(address, {**form, "key": str(new_id())})
    again = browser.post(address, {**form, "key": str(new_id())})

    held = queries.draw(drawn.draw_id, clinic_id=clinic.clinic_id)
    assert "CUS-DILUTE-VOLUME" in text_of(little)
    assert "CUS-DOSE-TEXT" in text_of(odd)
    assert done.status_code == 302
    assert "CUS-DILUTE-STATE" in text_of(again)
    assert (held.drawn_ug, held.diluted_to_ul) == (view.dose_ug, 100_000)


def test_rules_are_adopted_with_ones_own_password_and_start_their_clocks(
    as_, compliance, clinic, short
):
    """Nothing runs that nobody adopted; what nobody signed off stays off; the clock is that of the count."""
    from vigil.evidence.jurisdictions import load_jurisdiction

    _, found = short
    law = load_jurisdiction("us-dea")
    browser = as_(compliance)
    before = text_of(browser.get(f"/safe/differences/{found.discrepancy_id}"))
    form = {"jurisdiction": "us-dea", "content_hash": law.content_hash, "signed_off": ["form-106"]}

    wrong = browser.post("/safe/law", {**form, "key": str(new_id()), "password": "not mine"})
    browser.post("/safe/law", {**form, "key": str(new_id()), "password": PASSWORD})
    after = text_of(browser.get(f"/safe/differences/{found.discrepancy_id}"))

    assert "no clock of the law runs" in before
    assert wrong.status_code == 409
    assert queries.adopted_law(clinic.clinic_id).adopted.signed_off == ("form-106",)
    assert "Written notice" in after
    assert "DEA Form 106" in after
    assert "the end of" in after


def test_a_handover_counts_all_and_an_estimate_needs_an_adopted_rule(
    as_, compliance, nurse, second_nurse, clinic, at
):
    """I10: a handover leaves nothing out; an estimate is refused until a rule that allows it is adopted."""
    first, second = stock(compliance, at, containers=2)
    count_all(nurse, second_nurse, at)
    browser = as_(nurse)
    sheet = text_of(browser.get("/safe/count-sheet?kind=handover"))
    form = {"kind": "handover", f"counted-{first.container_id}": "20", **WITNESS}

    part = browser.post(
        "/safe/count", {**form, "key": str(new_id()), f"counted-{second.container_id}": ""}
    )
    estimated = browser.post(
        "/safe/count",
        {
            **form,
            "key": str(new_id()),
            f"counted-{second.container_id}": "20",
            f"estimated-{second.container_id}": "yes",
        },
    )
    whole = browser.post(
        "/safe/count", {**form, "key": str(new_id()), f"counted-{second.container_id}": "20"}
    )

    assert "20 mL" not in sheet.replace("20 mL vial", "")
    assert "200 mg" not in sheet
    assert first.label in sheet
    assert part.status_code == 409
    assert "CUS-ESTIMATE" in text_of(estimated)
    assert whole.status_code == 302
    assert queries.counts(clinic.clinic_id)[0].kind == "handover"


def test_an_order_is_matched_by_its_delivery_and_a_surplus_is_said(as_, hire, compliance, clinic):
    """Ordering and receiving are two duties; what comes more than ordered is taken in and said aloud."""
    buyer = hire("buyer", "order")
    product = queries.products(clinic.clinic_id)[0]
    browser = as_(buyer)
    browser.post(
        "/safe/orders",
        {
            "key": str(new_id()),
            "product": str(product.product_id),
            "containers": "2",
            "supplier": "Supply Ltd",
            "reference": "PO-7",
        },
    )
    (order,) = queries.orders(clinic.clinic_id)
    refused = browser.post("/safe/receive", {})

    answer = as_(compliance).post(
        "/safe/receive",
        {
            "key": str(new_id()), "product": str(product.product_id), "lot": "K1", "expires_on": "2030-01-31",
            "containers": "3", "invoice": "INV-1", "order": str(order.ordered.order_id),
        },
        follow=True,
    )  # fmt: skip

    assert refused.status_code == 403
    assert "1 more than the order still waited for" in text_of(answer)
    assert queries.orders(clinic.clinic_id, is_open_only=True) == ()
