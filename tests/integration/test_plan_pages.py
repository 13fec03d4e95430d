"""Pages of assessment and plan: what is asked, what is refused and kept, what is signed."""

import re
from datetime import timedelta

import pytest
from django.test import Client

from conftest import PASSWORD
from journey_examples import adopt, assess, eligible_answers
from vigil.assessment import queries as assessments
from vigil.assessment.models import Assessment as AssessmentRow
from vigil.evidence.protocols import load_protocol
from vigil.people.domain.consent import CONSENT_VERSION
from vigil.people.models import Staff as StaffRow
from vigil.plan import queries as plans
from vigil.plan.models import Plan as PlanRow
from vigil.record.clock import new_id, now
from vigil.web.certainty import CERTAINTY_WORDS

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_(db):
    """A browser in which this person is signed in."""

    def _as(person):
        client = Client()
        client.force_login(StaffRow.objects.get(pk=person.staff_id))
        return client

    return _as


@pytest.fixture
def ready(patient, prescriber, key):
    """Both protocols adopted, the patient eligible for both."""
    for protocol_id in ("ket-mdd-iv", "esk-trd-us"):
        adopt(protocol_id, by=prescriber, at=now(), key=key())
        assess(patient, by=prescriber, at=now(), key=key(), protocol_id=protocol_id)


def answers_form(answers, *, protocol="ket-mdd-iv", **more):
    spelled = {True: "yes", False: "no", None: "unknown"}
    posted = {
        f"q-{name}": spelled[value] if value is None or isinstance(value, bool) else str(value)
        for name, value in answers.items()
    }
    return {"key": str(new_id()), "protocol": protocol, **posted, **more}


def order(**changes):
    asked = {
        "key": str(new_id()), "protocol": "ket-mdd-iv", "replaces_version": "0",
        "consent_version": str(CONSENT_VERSION), "intention": "Get up with my son",
        "measure": "Mornings I get up", "measure_baseline": "2", "dose": "0.5 mg/kg",
        "sessions": "6", "review_on": str(now().date() + timedelta(days=42)),
        "is_consent_given": "on", "password": PASSWORD,
    }  # fmt: skip
    return {name: value for name, value in {**asked, **changes}.items() if value is not None}


# --- the assessment page -----------------------------------------------------------------------


def test_a_new_assessment_has_nothing_answered_for_the_patient(as_, patient, prescriber):
    """INV-ASM-04: no answer is preselected, no number stands there."""
    page = as_(prescriber).get(f"/patients/{patient.patient_id}/assessment").content.decode()

    assert page.count('type="radio"') >= 3
    assert " checked" not in page
    assert not re.search(r'name="q-resting_sbp"[^>]*value="[^"]', page)


def test_answers_are_saved_as_given_and_the_verdict_is_shown(as_, patient, prescriber, clinic):
    """Yes, no, a number, not known yet and not asked all arrive as what they are."""
    url = f"/patients/{patient.patient_id}/assessment"
    answers = eligible_answers() | {"pregnant": None, "resting_sbp": 142}
    del answers["porphyria"]
    browser = as_(prescriber)

    answer = browser.post(url, answers_form(answers))

    held = assessments.latest(patient.patient_id, clinic_id=clinic.clinic_id)
    assert answer["Location"] == f"{url}?protocol=ket-mdd-iv#verdict"
    assert held.answers == answers
    assert held.verdict == "more-needed"
    assert set(held.missing) == {"pregnant", "porphyria"}
    page = browser.get(f"{url}?protocol=ket-mdd-iv").content.decode()
    assert "More answers needed" in page
    assert 'name="q-pregnant" value="unknown" checked' in page
    assert page.count("needed for a verdict") == 2


def test_every_reason_links_to_its_rule_and_says_how_sure_it_is(as_, patient, prescriber, key):
    """Nothing excludes a patient without its source beside it."""
    assess(patient, by=prescriber, at=now(), key=key(), pregnant=True, takes_benzodiazepine=True)

    page = as_(prescriber).get(f"/patients/{patient.patient_id}/assessment").content.decode()

    for rule_id, certainty in (("KET-X-PREGNANCY", "r"), ("KET-W-BENZODIAZEPINE", "R")):
        assert f"/protocols/ket-mdd-iv#{rule_id}" in page
        assert CERTAINTY_WORDS[certainty] in page


@pytest.mark.parametrize("typed", ["12x", "１２０", "-5", "120.5", "1e2", "999", "0x10"])
def test_a_number_that_cannot_be_read_saves_nothing_and_keeps_the_form(
    typed, as_, patient, prescriber
):
    """The page says what it read, and the other answers stay."""
    form = answers_form(eligible_answers(), **{"q-resting_sbp": typed})

    answer = as_(prescriber).post(f"/patients/{patient.patient_id}/assessment", form)

    page = answer.content.decode()
    assert answer.status_code == 400
    assert AssessmentRow.objects.count() == 0
    assert f'value="{typed}"' in page
    assert "Read" in page
    assert 'name="q-pregnant" value="no" checked' in page


def test_a_decided_assessment_is_never_copied_into_a_new_one(as_, patient, prescriber, key):
    """Old answers in a new form are how wrong records are made."""
    assess(patient, by=prescriber, at=now(), key=key())

    page = as_(prescriber).get(f"/patients/{patient.patient_id}/assessment").content.decode()

    assert "Eligible" in page
    assert " checked" not in page


def test_an_unfinished_assessment_from_too_long_ago_starts_empty(as_, patient, prescriber, key):
    """After as long as the protocol lets an assessment live, everything is asked again."""
    days = load_protocol("ket-mdd-iv").assessment_age_days_max
    assess(patient, by=prescriber, at=now() - timedelta(days=days + 1), key=key(), pregnant=None)

    page = as_(prescriber).get(f"/patients/{patient.patient_id}/assessment").content.decode()

    assert " checked" not in page


# --- protocols ---------------------------------------------------------------------------------


def test_a_protocol_page_shows_every_number_with_source_and_certainty(as_, nurse):
    """What is adopted is what is read: no number is left out."""
    held = load_protocol("ket-mdd-iv")

    page = as_(nurse).get("/protocols/ket-mdd-iv")

    shown = {one["row"].name: one["certainty"] for one in page.context["parameters"]}
    assert shown == {row.name: CERTAINTY_WORDS[row.certainty] for row in held.parameters}
    for row in held.parameters:
        assert f'<th scope="row">{row.name}</th>' in page.content.decode()
    assert b"Adopt for this clinic</button>" not in page.content


def test_adopting_names_what_is_signed_and_holds_from_then_on(as_, prescriber, clinic):
    """The form carries the hash that was read."""
    browser = as_(prescriber)
    page = browser.get("/protocols/ket-mdd-iv").content.decode()
    fields = dict(re.findall(r'name="(key|content_hash)" value="([^"]+)"', page))
    assert f"{len(load_protocol('ket-mdd-iv').unverified)} numbers" in page

    assert browser.post("/protocols/ket-mdd-iv", fields).status_code == 302

    assert [one.protocol_id for one in plans.adopted_protocols(clinic.clinic_id)] == ["ket-mdd-iv"]
    assert b"Adopt for this clinic</button>" not in browser.get("/protocols/ket-mdd-iv").content


def test_adopting_other_bytes_than_were_read_is_refused(as_, prescriber, clinic):
    """A stale page adopts nothing."""
    answer = as_(prescriber).post("/protocols/ket-mdd-iv", {"content_hash": "0" * 64})

    assert answer.status_code == 400
    assert b"PLN-PROTOCOL-CHANGED" in answer.content
    assert plans.adoptions(clinic.clinic_id) == ()


def test_without_an_adopted_protocol_the_page_says_what_to_do(as_, patient, prescriber):
    """An empty state is not a dead end."""
    page = as_(prescriber).get(f"/patients/{patient.patient_id}/plan").content

    assert b"Read the protocols" in page


# --- the order form ----------------------------------------------------------------------------


def test_a_signed_plan_can_be_read_with_its_seal(as_, ready, patient, prescriber, nurse, clinic):
    """The whole way: form, signature, the record that a nurse reads."""
    answer = as_(prescriber).post(f"/patients/{patient.patient_id}/plan", order())

    plan = plans.signed_plan(patient.patient_id, clinic_id=clinic.clinic_id)
    assert answer["Location"] == f"/plans/{plan.plan_id}"
    assert (plan.ug_per_kg, plan.sessions, plan.measure_baseline) == (500, 6, 2)
    page = as_(nurse).get(answer["Location"]).content.decode()
    assert plan.content_hash in page
    assert "computed again, the same" in page
    assert "Get up with my son" in page


@pytest.mark.parametrize(
    "dose",
    [".5 mg/kg", "0,5 mg/kg", "0.5", "5e-1 mg/kg", "0.5 mg", "0.50000001 mg/kg", "００.5 mg/kg",
     "1_0 mg/kg", "-0.5 mg/kg", "NaN mg/kg", "", "5. mg/kg"],
)  # fmt: skip
def test_a_dose_that_is_not_exact_is_refused_with_what_was_read(
    dose, as_, ready, patient, prescriber
):
    """INV-PLN-07: nothing is guessed; the form keeps everything but the password."""
    answer = as_(prescriber).post(f"/patients/{patient.patient_id}/plan", order(dose=dose))

    page = answer.content.decode()
    assert answer.status_code == 400
    assert PlanRow.objects.count() == 0
    assert answer.context["form"].errors.keys() == {"dose"}
    if dose:
        assert f"Read {dose!r}" in answer.context["form"].errors["dose"][0]
    assert "Get up with my son" in page
    assert PASSWORD not in page


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"dose": "0.751 mg/kg"}, "PLN-DOSE-OVER"),
        ({"dose": "0 mg/kg"}, "PLN-DOSE"),
        ({"password": "wrong horse battery staple"}, "PEO-PASSWORD"),
        ({"review_on": "2020-01-01"}, "PLN-REVIEW"),
        ({"replaces_version": "4"}, "PLN-CHANGED"),
        ({"consent_version": "0"}, "PLN-CONSENT-OTHER"),
    ],
)
def test_a_refusal_names_its_code_and_keeps_the_form(
    changes, code, as_, ready, patient, prescriber
):
    """The expected no, on the page it belongs to."""
    answer = as_(prescriber).post(f"/patients/{patient.patient_id}/plan", order(**changes))

    assert answer.status_code == 400
    assert code in answer.content.decode()
    assert "Get up with my son" in answer.content.decode()
    assert PlanRow.objects.count() == 0


@pytest.mark.parametrize(
    "missing", ["intention", "measure", "measure_baseline", "is_consent_given", "password"]
)
def test_nothing_is_signed_without(missing, as_, ready, patient, prescriber):
    """Own words, their measure, where it stands, consent, and the person who signs."""
    url = f"/patients/{patient.patient_id}/plan"

    answer = as_(prescriber).post(url, order(**{missing: None}))

    assert answer.status_code == 400
    assert missing in answer.context["form"].errors
    assert PlanRow.objects.count() == 0


def test_a_device_protocol_offers_its_devices(as_, ready, patient, prescriber, clinic):
    """56 mg can be signed; a dose per kilogram is not a choice."""
    url = f"/patients/{patient.patient_id}/plan"
    browser = as_(prescriber)

    refused = browser.post(url, order(protocol="esk-trd-us", sessions="8"))
    browser.post(url, order(protocol="esk-trd-us", dose="56000", sessions="8"))

    assert "dose" in refused.context["form"].errors
    plan = plans.signed_plan(patient.patient_id, clinic_id=clinic.clinic_id)
    assert (plan.fixed_ug, plan.ug_per_kg, plan.route) == (56_000, None, "IN")


def test_a_change_asks_why_and_consent_again(as_, ready, patient, prescriber, clinic):
    """INV-PLN-03: the second version is signed with a reason; consent is never ticked beforehand."""
    url = f"/patients/{patient.patient_id}/plan"
    browser = as_(prescriber)
    browser.post(url, order())
    page = browser.get(url).content.decode()
    assert "Why the plan changes" in page
    assert " checked" not in page

    silent = browser.post(url, order(replaces_version="1", dose="0.4 mg/kg"))
    told = browser.post(url, order(replaces_version="1", dose="0.4 mg/kg", reason="Too drowsy"))

    assert "reason" in silent.context["form"].errors
    assert told.status_code == 302
    assert plans.signed_plan(patient.patient_id, clinic_id=clinic.clinic_id).version == 2


@pytest.mark.parametrize(
    ("dose", "weight", "shown"),
    [
        ("0.5 mg/kg", "70 kg", ["35 mg", "0.5 mg/kg", "3.5 mL", "10 mg/mL", "no rounding"]),
        ("0.5 mg/kg", "68.3 kg", ["34.1 mg", "34.15 mg", "0.05 mg less", "3.41 mL"]),
        ("0.75 mg/kg", "180 kg", ["100 mg", "limit"]),
        ("0.9 mg/kg", "70 kg", ["Cannot be shown", "0.75 mg/kg"]),
        (".5 mg/kg", "70 kg", ["Cannot be shown", "a digit is missing"]),
        ("0.5 mg/kg", "70", ["Cannot be shown", "unit is missing"]),
        ("0.5 mg/kg", "70000 kg", ["Cannot be shown"]),
        ("0.5 mg/kg", "0 kg", ["Cannot be shown"]),
    ],
)
def test_the_dose_for_a_weight_is_shown_with_its_arithmetic(
    dose, weight, shown, as_, ready, patient, prescriber
):
    """mg, mg/kg and mL with the rounding laid open, or why there is none."""
    page = as_(prescriber).get(
        f"/patients/{patient.patient_id}/plan/dose",
        {"protocol": "ket-mdd-iv", "dose": dose, "weight": weight},
    )

    text = page.content.decode()
    assert page.status_code == 200
    for words in shown:
        assert words in text, words


def test_withdrawing_consent_shows_on_the_plan(as_, ready, patient, prescriber, nurse, clinic):
    """A nurse records it; the plan says so and no longer carries a session."""
    as_(prescriber).post(f"/patients/{patient.patient_id}/plan", order())
    plan = plans.signed_plan(patient.patient_id, clinic_id=clinic.clinic_id)
    browser = as_(nurse)

    browser.post(f"/plans/{plan.plan_id}/withdraw", {"key": str(new_id())})

    page = browser.get(f"/plans/{plan.plan_id}").content.decode()
    assert "Consent withdrawn" in page
    assert "computed again, the same" in page
