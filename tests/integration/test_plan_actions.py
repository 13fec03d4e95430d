"""Plan and assessment: the acts, what they write, what the database holds a second time."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from conftest import PASSWORD
from journey_examples import adopt, assess, plan_request
from vigil.assessment import queries as assessments
from vigil.assessment.actions import record_assessment
from vigil.assessment.models import Assessment as AssessmentRow
from vigil.evidence import protocols
from vigil.people.models import Consent as ConsentRow
from vigil.plan import actions, queries
from vigil.plan.domain.decide import plan_hash
from vigil.plan.domain.facts import Plan
from vigil.plan.models import Adoption as AdoptionRow
from vigil.plan.models import Plan as PlanRow
from vigil.record.models import Entry
from vigil.units.refusals import Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def adopted(prescriber, at, key):
    return adopt("ket-mdd-iv", by=prescriber, at=at, key=key())


@pytest.fixture
def eligible(patient, prescriber, at, key):
    return assess(patient, by=prescriber, at=at, key=key())


@pytest.fixture
def sign(prescriber, patient, at, key):
    """Signs a plan for the patient, with changes to the request."""

    def _sign(*, password=PASSWORD, by=prescriber, at=at, key=key, **changes):
        return actions.sign(
            request=plan_request(patient, **changes), password=password, by=by, at=at, key=key()
        )

    return _sign


def code(answer):
    assert isinstance(answer, Refused), answer
    return answer.code


def rows():
    """How much there is of everything that a signature writes."""
    return PlanRow.objects.count(), ConsentRow.objects.count(), Entry.objects.count()


# --- assessment --------------------------------------------------------------------------------


def test_a_saved_assessment_comes_back_as_it_was_saved(eligible, patient, clinic):
    """The fact that the action answers is the fact that a reader gets."""
    held = assessments.latest(patient.patient_id, clinic_id=clinic.clinic_id)

    assert held == eligible
    assert held.verdict == "eligible"
    assert held.protocol_hash == protocols.load_protocol("ket-mdd-iv").content_hash


def test_an_incomplete_assessment_is_saved_and_taken_up_again(patient, prescriber, clinic, at, key):
    """Each save is a row of its own; the newest counts, the older stays."""
    begun = record_assessment(
        patient_id=patient.patient_id, protocol_id="ket-mdd-iv", answers={"pregnant": False},
        by=prescriber, at=at, key=key(),
    )  # fmt: skip
    done = assess(patient, by=prescriber, at=at + timedelta(minutes=5), key=key())

    assert begun.verdict == "more-needed"
    assert "active_psychosis" in begun.missing
    assert "pregnant" not in begun.missing
    assert assessments.latest(patient.patient_id, clinic_id=clinic.clinic_id) == done
    assert assessments.history(patient.patient_id, clinic_id=clinic.clinic_id) == (done, begun)


def test_the_same_key_saves_one_assessment(patient, prescriber, at, key):
    """A double click records once."""
    once = key()

    first = assess(patient, by=prescriber, at=at, key=once)
    again = assess(patient, by=prescriber, at=at, key=once, pregnant=True)

    assert again == first
    assert AssessmentRow.objects.count() == 1


def test_an_assessment_of_one_protocol_is_not_one_of_another(patient, prescriber, clinic, at, key):
    """Asked by protocol, the other protocol's answers do not count."""
    assess(patient, by=prescriber, at=at, key=key(), protocol_id="esk-trd-us")

    held = assessments.latest(
        patient.patient_id, clinic_id=clinic.clinic_id, protocol_id="ket-mdd-iv"
    )
    assert held is None


def test_a_saved_assessment_is_not_edited(eligible):
    """What was answered stays as it was answered."""
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        AssessmentRow.objects.update(verdict="excluded")


# --- adoption ----------------------------------------------------------------------------------


def test_a_protocol_is_adopted_once_and_named_with_what_is_unverified(adopted, prescriber, at, key):
    """INV-PLN-02: two clicks are one adoption, and the record names the numbers taken on."""
    again = adopt("ket-mdd-iv", by=prescriber, at=at, key=key())

    assert again == adopted
    assert AdoptionRow.objects.count() == 1
    assert "discharge.floor_minutes" in Entry.objects.get(kind="plan.ProtocolAdopted").body


def test_a_protocol_that_changed_while_it_was_read_is_not_adopted(prescriber, at, key):
    """What is signed is what was on the page."""
    answer = actions.adopt_protocol(
        protocol_id="ket-mdd-iv", content_hash="0" * 64, by=prescriber, at=at, key=key()
    )

    assert code(answer) == "PLN-PROTOCOL-CHANGED"
    assert AdoptionRow.objects.count() == 0


def test_a_changed_file_is_not_adopted_any_more(adopted, eligible, sign, clinic, monkeypatch):
    """One other byte in the file, and the adoption no longer holds: no plan can be signed."""
    held = protocols.load_protocol("ket-mdd-iv")
    changed = replace(held, content_hash="f" * 64)
    monkeypatch.setattr(queries, "load_protocol", lambda name: changed)
    monkeypatch.setattr(actions, "load_protocol", lambda name: changed)

    assert queries.adopted_protocols(clinic.clinic_id) == ()
    assert len(queries.adoptions(clinic.clinic_id)) == 1
    assert code(sign()) == "PLN-NOT-ADOPTED"


# --- signing -----------------------------------------------------------------------------------


def test_a_signature_writes_plan_consent_and_record_together(
    adopted, eligible, sign, patient, clinic
):
    """INV-PLN-04: what comes back from the database still matches its seal."""
    plan = sign()

    assert isinstance(plan, Plan)
    held = queries.signed_plan(patient.patient_id, clinic_id=clinic.clinic_id)
    assert held == plan == queries.plan(plan.plan_id, clinic_id=clinic.clinic_id)
    assert plan_hash(held) == held.content_hash
    assert ConsentRow.objects.get().id == plan.consent_id
    assert Entry.objects.filter(kind__in=["plan.PlanSigned", "people.ConsentGiven"]).count() == 2


@pytest.mark.parametrize("password", ["", "wrong horse battery staple"])
def test_a_signature_needs_the_signers_password_again(password, adopted, eligible, sign):
    """INV-PLN-06: a screen left open signs nothing."""
    before = rows()

    assert code(sign(password=password)) == "PEO-PASSWORD"
    assert rows() == before


def test_the_same_key_signs_once(adopted, eligible, sign, key):
    """A double click signs one version, with one consent."""
    once = key()
    first = sign(key=lambda: once)
    before = rows()

    assert sign(key=lambda: once) == first
    assert rows() == before


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ug_per_kg": 751}, "PLN-DOSE-OVER"),
        ({"is_consent_given": False}, "PLN-CONSENT"),
        ({"consent_text_version": 0}, "PLN-CONSENT-OTHER"),
        ({"replaces_version": 3}, "PLN-CHANGED"),
        ({"protocol_id": "esk-trd-us"}, "PLN-NOT-ADOPTED"),
    ],
)
def test_a_refused_signature_writes_nothing(changes, expected, adopted, eligible, sign):
    """Neither half a plan nor a consent without one."""
    before = rows()

    assert code(sign(**changes)) == expected
    assert rows() == before


def test_the_newest_assessment_decides_not_the_best_one(
    adopted, eligible, sign, patient, prescriber, at, key
):
    """INV-PLN-01: an exclusion found later stops the plan that was possible before."""
    assess(patient, by=prescriber, at=at + timedelta(minutes=1), key=key(), pregnant=True)

    assert code(sign(at=at + timedelta(minutes=2))) == "PLN-EXCLUDED"


def test_a_change_is_a_new_version_and_the_old_one_stays(adopted, eligible, sign, patient, clinic):
    """INV-PLN-03: both versions can be read; the newest counts."""
    first = sign()
    second = sign(replaces_version=1, reason="Too drowsy at 0.5 mg/kg", ug_per_kg=400)

    assert second.version == 2
    assert queries.signed_plan(patient.patient_id, clinic_id=clinic.clinic_id) == second
    assert queries.versions(patient.patient_id, clinic_id=clinic.clinic_id) == (second, first)


def test_a_withdrawn_consent_empties_the_plan_until_a_new_one(
    adopted, eligible, sign, nurse, patient, clinic, at, key
):
    """Any clinician records it; the seal still holds; the next signature brings a new consent."""
    plan = sign()
    later = at + timedelta(hours=1)

    actions.withdraw_consent(plan_id=plan.plan_id, by=nurse, at=later, key=key())

    held = queries.plan(plan.plan_id, clinic_id=clinic.clinic_id)
    assert held.consented_at is None
    assert plan_hash(held) == held.content_hash
    renewed = sign(replaces_version=1, reason="Asked to go on", at=later + timedelta(hours=1))
    assert queries.signed_plan(patient.patient_id, clinic_id=clinic.clinic_id) == renewed
    assert renewed.consented_at is not None


def test_a_patient_of_another_clinic_has_no_plan_here(adopted, patient, at, key):
    """An id from elsewhere is nobody."""
    from vigil.people.actions import employ, found_clinic
    from vigil.people.duties import Duty

    other = found_clinic(name="Other", time_zone="UTC", is_simulated=True, at=at)
    stranger = employ(
        clinic_id=other.clinic_id, login="stranger", name="Stranger", duties=list(Duty),
        password=PASSWORD, by="setup", at=at,
    )  # fmt: skip

    answer = actions.sign(
        request=plan_request(patient), password=PASSWORD, by=stranger, at=at, key=key()
    )
    assessed = assess(patient, by=stranger, at=at, key=key())

    assert code(answer) == "PLN-PATIENT-UNKNOWN"
    assert code(assessed) == "ASM-PATIENT-UNKNOWN"


# --- the database holds it a second time -------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"fixed_ug": 56_000}, "plan_one_dose"),
        ({"ug_per_kg": None}, "plan_one_dose"),
        ({"ug_per_kg": 0}, "plan_one_dose"),
        ({"version": 1}, "plan_version_once"),
        ({"version": 0}, "plan_counts_from_1"),
        ({"sessions": 0}, "plan_counts_from_1"),
        ({"reason": ""}, "plan_change_has_reason"),
        ({"intention": ""}, "plan_has_intention"),
        ({"measure_baseline": 11}, "plan_measure_0_to_10"),
    ],
)
def test_the_database_refuses_a_plan_that_cannot_be(changes, because, adopted, eligible, sign, key):
    """A bug in the action does not reach the table."""
    row = PlanRow.objects.get(pk=sign().plan_id)
    fields = {"pk": key(), "key": key(), "version": 2, "reason": "Because", **changes}
    for name, value in fields.items():
        setattr(row, name, value)
    row._state.adding = True

    with pytest.raises(DatabaseError, match=because), transaction.atomic():
        row.save(force_insert=True)


@pytest.mark.parametrize("table", ["plan_plan", "plan_adoption", "assessment_assessment"])
def test_rows_of_a_patient_stay_in_their_clinic(table, adopted, eligible, sign, key, at):
    """A copy of a row under another clinic's name is refused, for every table of these rooms."""
    from vigil.people.actions import found_clinic

    sign()
    other = found_clinic(name="Other", time_zone="UTC", is_simulated=True, at=at)
    model = {
        "plan_plan": PlanRow, "plan_adoption": AdoptionRow, "assessment_assessment": AssessmentRow,
    }[table]  # fmt: skip
    row = model.objects.get()
    row.pk, row.key, row.clinic_id = key(), key(), other.clinic_id
    if table == "plan_plan":
        row.version, row.reason = 2, "Because"
    row._state.adding = True

    def write_and_check():
        with transaction.atomic(), connection.cursor() as cursor:
            row.save(force_insert=True)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(DatabaseError, match="same_clinic"):
        write_and_check()
