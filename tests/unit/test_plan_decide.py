"""Plan: what may be signed."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest

from journey_examples import eligible_answers, plan_request
from vigil.assessment.domain.decide import decide_assessment
from vigil.assessment.domain.facts import Assessment
from vigil.evidence.protocols import load_protocol
from vigil.people.domain.facts import Staff
from vigil.people.duties import Duty
from vigil.plan.domain.decide import REVIEW_DAYS_MAX, UNSEALED, decide_sign, plan_hash
from vigil.plan.domain.facts import Adoption, Plan
from vigil.units.refusals import Refused

NINE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CLINIC, PATIENT = UUID(int=1), SimpleNamespace(patient_id=UUID(int=2))
ANA = Staff(
    staff_id=UUID(int=3), clinic_id=CLINIC, name="Ana", login="ana",
    duties=frozenset({Duty.ASSESS, Duty.PRESCRIBE}),
)  # fmt: skip


def adoption(protocol, **changes):
    held = Adoption(
        adoption_id=uuid4(), clinic_id=CLINIC, protocol_id=protocol.protocol_id,
        protocol_version=protocol.version, protocol_hash=protocol.content_hash,
        adopted_by=ANA.staff_id, adopted_by_name="Ana", adopted_at=NINE,
    )  # fmt: skip
    return replace(held, **changes)


def assessment(protocol, *, answers=(), **changes):
    given = {**eligible_answers(protocol.protocol_id), **dict(answers)}
    decision = decide_assessment(protocol, given)
    held = Assessment(
        assessment_id=uuid4(), clinic_id=CLINIC, patient_id=PATIENT.patient_id,
        protocol_id=protocol.protocol_id, protocol_version=protocol.version,
        protocol_hash=protocol.content_hash, answers=given, verdict=decision.verdict,
        findings=decision.findings, completed_by=ANA.staff_id, completed_by_name="Ana",
        completed_at=NINE,
    )  # fmt: skip
    return replace(held, **changes)


def sign(request=None, **changes):
    """Decide on a request where everything else is as it should be, but for the changes."""
    request = request or plan_request(PATIENT)
    protocol = load_protocol(request.protocol_id)
    given = {
        "protocol": protocol, "adoption": adoption(protocol), "assessment": assessment(protocol),
        "newest": None, "plan_id": UUID(int=4), "consent_id": UUID(int=5), "by": ANA,
        "today": date(2026, 11, 23), "at": NINE,
    }  # fmt: skip
    return decide_sign(request, **{**given, **changes})


def code(answer):
    assert isinstance(answer, Refused), answer
    return answer.code


def test_a_plan_that_everything_carries_is_signed_and_sealed():
    """What was asked is what is signed; the rest comes from the protocol."""
    plan = sign()

    assert isinstance(plan, Plan)
    assert (plan.version, plan.ug_per_kg, plan.fixed_ug, plan.sessions) == (1, 500, None, 6)
    assert (plan.drug, plan.route, plan.infusion_minutes) == ("ketamine", "IV", 40)
    assert plan.consented_at == plan.signed_at == NINE
    assert plan.content_hash == plan_hash(plan)


def test_a_protocol_must_be_adopted_as_its_file_stands():
    """INV-PLN-02: no adoption, or one of other bytes, carries no plan."""
    protocol = load_protocol("ket-mdd-iv")

    assert code(sign(adoption=None)) == "PLN-NOT-ADOPTED"
    assert code(sign(adoption=adoption(protocol, protocol_hash="0" * 64))) == "PLN-NOT-ADOPTED"


@pytest.mark.parametrize(
    ("answers", "expected"),
    [({"pregnant": True}, "PLN-EXCLUDED"), ({"pregnant": None}, "PLN-MORE-NEEDED")],
)
def test_only_an_eligible_assessment_carries_a_plan(answers, expected):
    """INV-PLN-01: an unknown is not a no, here either."""
    protocol = load_protocol("ket-mdd-iv")

    assert code(sign(assessment=assessment(protocol, answers=answers))) == expected


def test_an_assessment_of_another_protocol_or_of_other_bytes_carries_no_plan():
    """The questions must have been those of this very protocol."""
    protocol = load_protocol("ket-mdd-iv")
    other = assessment(load_protocol("esk-trd-us"))

    assert code(sign(assessment=None)) == "PLN-NOT-ASSESSED"
    assert code(sign(assessment=other)) == "PLN-NOT-ASSESSED"
    changed = assessment(protocol, protocol_hash="0" * 64)
    assert code(sign(assessment=changed)) == "PLN-ASSESSED-OTHER"


def test_an_assessment_may_be_as_old_as_the_protocol_allows_and_not_a_microsecond_older():
    """The boundary belongs to the patient; one step past it does not."""
    protocol = load_protocol("ket-mdd-iv")
    oldest = NINE - timedelta(days=protocol.assessment_age_days_max)
    too_old = oldest - timedelta(microseconds=1)

    assert isinstance(sign(assessment=assessment(protocol, completed_at=oldest)), Plan)
    assert code(sign(assessment=assessment(protocol, completed_at=too_old))) == "PLN-ASSESSED-OLD"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ug_per_kg": 751}, "PLN-DOSE-OVER"),
        ({"ug_per_kg": 0}, "PLN-DOSE"),
        ({"ug_per_kg": -1}, "PLN-DOSE"),
        ({"ug_per_kg": None}, "PLN-DOSE"),
        ({"fixed_ug": 56_000}, "PLN-DOSE"),
        ({"sessions": 0}, "PLN-SESSIONS"),
        ({"sessions": 7}, "PLN-SESSIONS"),
        ({"intention": "  \n "}, "PLN-INTENTION"),
        ({"measure": ""}, "PLN-INTENTION"),
        ({"measure_baseline": None}, "PLN-MEASURE"),
        ({"measure_baseline": 11}, "PLN-MEASURE"),
        ({"measure_baseline": -1}, "PLN-MEASURE"),
        ({"review_on": date(2026, 11, 23)}, "PLN-REVIEW"),
        ({"review_on": date(2026, 11, 23) + timedelta(days=REVIEW_DAYS_MAX + 1)}, "PLN-REVIEW"),
        ({"is_consent_given": False}, "PLN-CONSENT"),
        ({"replaces_version": 1}, "PLN-CHANGED"),
    ],
)
def test_a_request_outside_the_protocol_or_without_the_patient_is_refused(changes, expected):
    """One wrong thing is enough."""
    assert code(sign(plan_request(PATIENT, **changes))) == expected


@pytest.mark.parametrize("ug_per_kg", [1, 500, 750])
def test_a_dose_up_to_the_cap_is_signed_as_asked(ug_per_kg):
    """The cap itself is allowed; nothing is rounded at signing."""
    assert sign(plan_request(PATIENT, ug_per_kg=ug_per_kg)).ug_per_kg == ug_per_kg


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"fixed_ug": 56_000}, None),
        ({"fixed_ug": 84_000}, "PLN-DOSE-FIRST"),
        ({"fixed_ug": 28_000}, "PLN-DOSE"),
        ({"fixed_ug": None}, "PLN-DOSE"),
        ({"ug_per_kg": 500}, "PLN-DOSE"),
    ],
)
def test_a_fixed_protocol_gives_its_devices_and_begins_low(changes, expected):
    """56 mg first; 84 mg only as a change of a plan that began with 56 mg."""
    answer = sign(plan_request(PATIENT, protocol_id="esk-trd-us", **changes))

    assert (answer.code if isinstance(answer, Refused) else None) == expected


def test_a_change_is_the_next_version_with_a_reason():
    """INV-PLN-03: nothing signed is edited, and no change goes unexplained."""
    first = sign(plan_request(PATIENT, protocol_id="esk-trd-us"))
    change = plan_request(
        PATIENT, protocol_id="esk-trd-us", fixed_ug=84_000, replaces_version=1, reason="Tolerated"
    )

    assert sign(change, newest=first).version == 2
    assert code(sign(replace(change, reason=" "), newest=first)) == "PLN-REASON"
    assert code(sign(replace(change, replaces_version=0), newest=first)) == "PLN-CHANGED"


def test_the_seal_covers_every_field_but_the_three_that_are_read_by_id():
    """INV-PLN-04: a plan whose words were changed afterwards no longer matches its hash."""
    plan = sign()
    other = {int: 99, str: "other", date: date(2031, 1, 1), datetime: NINE + timedelta(days=1)}

    for field in fields(plan):
        held = getattr(plan, field.name)
        changed = uuid4() if isinstance(held, UUID) else other.get(type(held), 99)
        moved = plan_hash(replace(plan, **{field.name: changed})) != plan.content_hash
        assert moved == (field.name not in UNSEALED), field.name
