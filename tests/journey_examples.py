"""Examples that tests of the front half share: answers, an assessed patient, a request for a plan."""

from datetime import date, timedelta

from vigil.evidence.protocols import load_protocol
from vigil.people.domain.consent import CONSENT_VERSION
from vigil.plan.domain.facts import PlanRequest

YES = {"rems_enrolled"}
"""The questions to which an eligible patient answers yes."""

NUMBERS = {"resting_sbp": 120, "resting_dbp": 75, "failed_trials": 4}


def eligible_answers(protocol_id="ket-mdd-iv"):
    """Answers to every question that exclude nobody and warn of nothing."""
    return {
        question.name: question.name in YES if question.kind == "bool" else NUMBERS[question.name]
        for question in load_protocol(protocol_id).questions
    }


def plan_request(patient, *, today=date(2026, 11, 23), **changes):
    """A request that can be signed, with changes."""
    protocol_id = changes.get("protocol_id", "ket-mdd-iv")
    is_iv = protocol_id == "ket-mdd-iv"
    asked = {
        "patient_id": patient.patient_id,
        "protocol_id": protocol_id,
        "ug_per_kg": 500 if is_iv else None,
        "fixed_ug": None if is_iv else 56_000,
        "sessions": 6 if is_iv else 8,
        "intention": "Get up with my son on school days",
        "measure": "Mornings I get up",
        "measure_baseline": 2,
        "review_on": today + timedelta(days=42),
        "is_consent_given": True,
        "consent_text_version": CONSENT_VERSION,
        "replaces_version": 0,
        "reason": "",
    }
    return PlanRequest(**{**asked, **changes})


def adopt(protocol_id, *, by, at, key):
    """The clinic adopts the protocol as its file stands."""
    from vigil.plan.actions import adopt_protocol

    return adopt_protocol(
        protocol_id=protocol_id,
        content_hash=load_protocol(protocol_id).content_hash,
        by=by,
        at=at,
        key=key,
    )


def assess(patient, *, by, at, key, protocol_id="ket-mdd-iv", **answers):
    """The patient is assessed as eligible, but for the given answers."""
    from vigil.assessment.actions import record_assessment

    return record_assessment(
        patient_id=patient.patient_id,
        protocol_id=protocol_id,
        answers={**eligible_answers(protocol_id), **answers},
        by=by,
        at=at,
        key=key,
    )
