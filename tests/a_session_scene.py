"""A clinic on a morning with one patient in a chair, for session and programme tests. Through real actions only."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from a_custody_scene import count_all, sign_plan, stock
from conftest import PASSWORD
from vigil.custody import actions as custody
from vigil.people.actions import set_presence
from vigil.people.domain.facts import Clinic, Patient, Staff
from vigil.programme import actions as programme
from vigil.record.clock import new_id
from vigil.session import actions, queries
from vigil.session.domain.facts import Chair, Incoming, SessionState
from vigil.session.watch import AlarmWatch

LOCATION = "WARD^^CHAIR1"
FOOD_AND_DRINK = {"food_minutes": 600, "drink_minutes": 300}
YES = {
    "orientation": True, "gait": True, "escort_identity": True, "escort_arrived": True,
    "instructions": True,
}  # fmt: skip


@dataclass(kw_only=True)
class Morning:
    """One chair, one patient, two nurses, an open safe. `now` moves on with `later`."""

    clinic: Clinic
    patient: Patient
    plan_id: UUID
    chair: Chair
    containers: tuple
    nurse: Staff
    second_nurse: Staff
    prescriber: Staff
    now: datetime
    session_id: UUID | None = None
    message: int = field(default=0)

    def later(self, *, minutes: float = 0, seconds: float = 0) -> datetime:
        """Time passes."""
        self.now += timedelta(minutes=minutes, seconds=seconds)
        return self.now

    def check_in(self, **changes):
        """The patient is seated; 70 kg makes 35 mg."""
        ask = {
            "patient_id": self.patient.patient_id, "plan_id": self.plan_id,
            "chair_id": self.chair.chair_id, "weight_g": 70_000, "sbp": 124, "dbp": 78,
            "escort_name": "R. Example", "escort_phone": "555 0100", **FOOD_AND_DRINK,
            "by": self.nurse, "at": self.now, "key": new_id(),
        }  # fmt: skip
        answer = actions.check_in(**{**ask, **changes})
        if isinstance(answer, SessionState):
            self.session_id = answer.session_id
        return answer

    def draw(self, amount_ug: int = 35_000, container: int = 0):
        """The dose is drawn for the session, before a witness."""
        return custody.draw(
            container_id=self.containers[container].container_id, amount_ug=amount_ug,
            plan_id=self.plan_id, patient_id=self.patient.patient_id, purpose_id=self.session_id,
            witness_login=self.second_nurse.login, witness_password=PASSWORD, by=self.nurse,
            at=self.now, key=new_id(),
        )  # fmt: skip

    def start(self, **changes):
        """The gate is checked and the drug started."""
        ask = {"session_id": self.session_id, "by": self.nurse, "at": self.now, "key": new_id()}
        return programme.start_session(**{**ask, **changes})

    def act(self, what, **changes):
        """One act of the session room by the first nurse, now."""
        ask = {"session_id": self.session_id, "by": self.nurse, "at": self.now, "key": new_id()}
        return what(**{**ask, **changes})

    def observe(self, **values: int):
        """The nurse takes a set now."""
        return self.act(actions.observe, measured_at=self.now, values=values)

    def waste(self, amount_ug: int):
        """What is left of the newest draw is destroyed before a witness."""
        (draw, *_) = [d for d in self.view().draws if d.remaining_ug]
        return custody.waste(
            draw_id=draw.draw_id, amount_ug=amount_ug, reason="left in the syringe",
            witness_login=self.second_nurse.login, witness_password=PASSWORD, by=self.nurse,
            at=self.now, key=new_id(),
        )  # fmt: skip

    def incoming(self, metric: str, value: int | None, **changes) -> Incoming:
        """One value of the chair's monitor, now."""
        self.message += 1
        ask = {
            "clinic_id": self.clinic.clinic_id, "location": self.chair.device_location,
            "device": "MON-1", "metric": metric,
            "value_milli": None if value is None else value * 1000, "unit": "",
            "measured_at": self.now, "measured_at_source": "device", "received_at": self.now,
            "message_id": f"M{self.message}",
        }  # fmt: skip
        return Incoming(**{**ask, **changes})

    def send(self, **values: int):
        """The monitor sends these values now."""
        return actions.record_samples([self.incoming(m, v) for m, v in values.items()])

    def view(self):
        """The session as a screen shows it now."""
        return queries.view(self.session_id, clinic_id=self.clinic.clinic_id, now=self.now)

    def watch(self) -> AlarmWatch:
        """A watch that has just been started."""
        return AlarmWatch(self.clinic)

    def run_to_observing(self) -> None:
        """Check in, draw, start, infuse for 40 minutes, stop."""
        for answer in (self.check_in(), self.draw(), self.start()):
            assert not hasattr(answer, "code"), answer
        self.later(minutes=40)
        answer = self.act(actions.stop)
        assert not hasattr(answer, "code"), answer

    def settle(self) -> None:
        """An hour later everything that a discharge looks at is well."""
        self.later(minutes=60)
        self.observe(sbp=126, dbp=80, moaas=5, dissociation=0, spo2=97)

    def discharge(self, **changes):
        """The discharge with every answer a yes."""
        ask = {"answers": YES, "escort_name": "R. Example"}
        return self.act(actions.discharge, **{**ask, **changes})


def morning(
    clinic, patient, nurse, second_nurse, prescriber, compliance, at, *, protocol_id="ket-mdd-iv"
) -> Morning:
    """The clinic with everything ready for a check-in."""
    plan_id = sign_plan(patient, prescriber, at, protocol_id=protocol_id)
    part, containers = ("10 mg/mL", 1) if protocol_id == "ket-mdd-iv" else ("28 mg", 2)
    held = stock(compliance, at, part=part, containers=containers)
    count_all(nurse, second_nurse, at)
    set_presence(is_on_site=True, by=prescriber, at=at)
    chair = actions.add_chair(
        clinic_id=clinic.clinic_id, name="Chair 1", device_location=LOCATION, by="setup", at=at
    )
    return Morning(
        clinic=clinic, patient=patient, plan_id=plan_id, chair=chair, containers=held, nurse=nurse,
        second_nurse=second_nurse, prescriber=prescriber, now=at,
    )  # fmt: skip
