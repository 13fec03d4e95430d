"""A small clinic for custody tests: signed plans, stock in the safe, an open day. Through real actions only."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from conftest import PASSWORD
from vigil.assessment import actions as assessment
from vigil.custody import actions, queries
from vigil.custody.domain.facts import Container, Counted, Drawn, Product
from vigil.evidence.protocols import load_protocol
from vigil.people.domain.consent import CONSENT_VERSION
from vigil.people.domain.facts import Patient, Staff
from vigil.plan import actions as plan
from vigil.plan.domain.facts import PlanRequest
from vigil.record.clock import new_id

EXPIRY = date(2027, 8, 31)


def sign_plan(
    patient: Patient, prescriber: Staff, at: datetime, *, protocol_id: str = "ket-mdd-iv"
) -> UUID:
    """A signed plan of the protocol for the patient; returns its id."""
    protocol = load_protocol(protocol_id)
    numbers = {"resting_sbp": 124, "resting_dbp": 78, "failed_trials": 4}
    answers = {
        question.name: numbers.get(question.name, question.name == "rems_enrolled")
        for question in protocol.questions
    }
    assessment.record_assessment(
        patient_id=patient.patient_id, protocol_id=protocol_id, answers=answers, by=prescriber,
        at=at, key=new_id(),
    )  # fmt: skip
    plan.adopt_protocol(
        protocol_id=protocol_id, content_hash=protocol.content_hash, by=prescriber, at=at,
        key=new_id(),
    )  # fmt: skip
    fixed_ug = protocol.dosing.fixed_ug[0] if protocol.dosing.fixed_ug else None
    signed = plan.sign(
        request=PlanRequest(
            patient_id=patient.patient_id, protocol_id=protocol_id,
            ug_per_kg=protocol.dosing.ug_per_kg, fixed_ug=fixed_ug,
            sessions=min(6, protocol.sessions), intention="Walk the dog again", measure="How far I walk",
            measure_baseline=7, review_on=at.date() + timedelta(days=30), is_consent_given=True,
            consent_text_version=CONSENT_VERSION, replaces_version=0, reason="",
        ),
        password=PASSWORD, by=prescriber, at=at, key=new_id(),
    )  # fmt: skip
    assert hasattr(signed, "plan_id"), signed
    return signed.plan_id


def product_named(clinic_id: UUID, part: str) -> Product:
    """The one product whose name holds `part`."""
    (found,) = [each for each in queries.products(clinic_id) if part in each.name]
    return found


def stock(
    compliance: Staff, at: datetime, *, part: str = "10 mg/mL", containers: int = 1,
    lot: str = "K2291", expires_on: date = EXPIRY,
) -> tuple[Container, ...]:  # fmt: skip
    """New containers in the safe, by label."""
    received = actions.receive(
        product_id=product_named(compliance.clinic_id, part).product_id, lot=lot,
        expires_on=expires_on, containers=containers, invoice="INV-7", by=compliance, at=at,
        key=new_id(),
    )  # fmt: skip
    assert hasattr(received, "containers"), received
    return tuple(
        queries.container(each.container_id, clinic_id=compliance.clinic_id)
        for each in received.containers
    )


def count_all(
    by: Staff,
    witness: Staff,
    at: datetime,
    *,
    kind: str = "opening",
    off: dict[UUID, int] | None = None,
) -> Counted:
    """A count of every container, equal to the book but for `off` (container id -> difference, ug)."""
    counted_ug = {
        each.container_id: each.remaining_ug + (off or {}).get(each.container_id, 0)
        for each in queries.containers(by.clinic_id)
    }
    return actions.count(
        kind=kind, counted_ug=counted_ug, witness_login=witness.login, witness_password=PASSWORD,
        by=by, at=at, key=new_id(),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Scene:
    """An open day with one vial, a patient with a plan, and two nurses."""

    vial: Container
    patient: Patient
    plan_id: UUID
    nurse: Staff
    witness: Staff
    at: datetime

    def draw(self, amount_ug: int = 35_000, **changes: object) -> Drawn:
        """A draw from the vial, or what it was refused with."""
        ask = {
            "container_id": self.vial.container_id, "amount_ug": amount_ug,
            "plan_id": self.plan_id, "patient_id": self.patient.patient_id,
            "purpose_id": new_id(), "witness_login": self.witness.login,
            "witness_password": PASSWORD, "by": self.nurse, "at": self.at, "key": new_id(),
        }  # fmt: skip
        return actions.draw(**{**ask, **changes})

    def waste(self, draw_id: UUID, amount_ug: int, **changes: object):
        """Waste from a draw, or what it was refused with."""
        ask = {
            "draw_id": draw_id, "amount_ug": amount_ug, "reason": "left in the syringe",
            "witness_login": self.witness.login, "witness_password": PASSWORD, "by": self.nurse,
            "at": self.at, "key": new_id(),
        }  # fmt: skip
        return actions.waste(**{**ask, **changes})

    def vial_now(self) -> Container:
        """The vial as it stands in the database."""
        return queries.container(self.vial.container_id, clinic_id=self.nurse.clinic_id)
