"""Visits of simulated patients, written through the rooms' own actions at the times they would happen.

In: a crew, a signed plan, a chair, a start. Out: sessions in the record: whole, running or just arrived.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from vigil.custody import actions as custody
from vigil.custody import queries as safe
from vigil.evidence.physiology import load_physiology
from vigil.evidence.protocols import load_protocol
from vigil.exchange.devices.simulator import (
    Planted,
    SimulatedPatient,
    draw_patient,
    vitals_at,
)
from vigil.people.domain.facts import Patient, Staff
from vigil.plan.domain.facts import Plan
from vigil.plan.queries import signed_plan
from vigil.programme.actions import start_session
from vigil.record.clock import new_id
from vigil.session import actions as session
from vigil.session.domain.facts import MILLI, UNITS, Chair, Incoming, SessionState
from vigil.session.queries import view
from vigil.units.durations import elapsed
from vigil.units.refusals import Refused

Fact = TypeVar("Fact")
AtTime = Callable[[datetime], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """The clinic's people and chairs, as the visits need them."""

    clinic_id: UUID
    time_zone: str
    password: str
    desk: Staff
    prescriber: Staff
    nurse: Staff
    second_nurse: Staff
    compliance: Staff
    chairs: tuple[Chair, ...]


def done(answer: Fact | Refused) -> Fact:
    """The fact, or a stop of the demo with the reason: the demo takes no short cuts."""
    if isinstance(answer, Refused):
        raise RuntimeError(f"The demo was refused: {answer.code}: {answer.message}")
    return answer


def open_day(crew: Crew, at: datetime) -> None:
    """Count every container that holds drug and find it equal."""
    held = {
        container.container_id: container.remaining_ug
        for container in safe.containers(crew.clinic_id)
        if container.remaining_ug
    }
    done(
        custody.count(
            kind="opening", counted_ug=held, witness_login=crew.second_nurse.login,
            witness_password=crew.password, by=crew.nurse, at=at, key=new_id(),
        )
    )  # fmt: skip


def ensure_open(crew: Crew, at: datetime) -> None:
    """Make the opening count of this moment's date, unless it stands: a visit may run past midnight."""
    if not safe.is_day_open(crew.clinic_id, at.astimezone(ZoneInfo(crew.time_zone)).date()):
        open_day(crew, at)


def close_day(crew: Crew, at: datetime) -> None:
    """Destroy what opened vials still hold, before a second person."""
    for container in safe.containers(crew.clinic_id):
        if container.status == "open":
            done(
                custody.waste(
                    container_id=container.container_id, amount_ug=container.remaining_ug,
                    witness_login=crew.second_nurse.login, witness_password=crew.password,
                    reason="Opened vial, end of day", by=crew.nurse, at=at, key=new_id(),
                )
            )  # fmt: skip


def seed_of(patient: Patient) -> int:
    """The simulated body of a patient: always the same for the same number."""
    return int(patient.number.removeprefix("A-"))


def body_of(patient: Patient) -> SimulatedPatient:
    """The simulated person whose vital signs the monitor of this patient sends."""
    return draw_patient(seed_of(patient), load_physiology())


def monitor_name(location: str) -> str:
    """The name of the simulated monitor at a chair; each has its own, as each real one has."""
    return f"SIMULATED-{location.rsplit('^', 1)[-1]}"


def arrive(
    crew: Crew, patient: Patient, *, chair: int, weight_g: int, at: datetime
) -> SessionState:
    """Check the patient in."""
    plan = signed_plan(patient.patient_id, clinic_id=crew.clinic_id)
    assert plan is not None
    rest = body_of(patient)
    return done(
        session.check_in(
            patient_id=patient.patient_id, plan_id=plan.plan_id, chair_id=crew.chairs[chair].chair_id,
            weight_g=weight_g, sbp=round(rest.resting_sbp), dbp=round(rest.resting_dbp), escort_name="Simulated Friend",
            escort_phone="555 0100", food_minutes=540, drink_minutes=150, by=crew.nurse, at=at,
            key=new_id(),
        )
    )  # fmt: skip


def _draw(crew: Crew, seated: SessionState, plan: Plan, *, at: datetime) -> None:
    """Draw the dose from the first container of the right drug that holds enough, in use-first order."""
    form = load_protocol(plan.protocol_id).form
    needed_ug = seated.dose_ug
    if form == "device":
        usable = [
            each
            for each in safe.containers(crew.clinic_id)
            if each.product.drug == plan.drug and each.remaining_ug
        ]
        devices = needed_ug // usable[0].product.content_ug
        chosen = [(each, each.product.content_ug) for each in usable[:devices]]
    else:
        vials = [
            each
            for each in safe.containers(crew.clinic_id)
            if each.product.drug == plan.drug
            and not each.product.is_second_strength
            and each.remaining_ug >= needed_ug
        ]
        vials.sort(key=lambda each: (each.status != "open", each.label))
        chosen = [(vials[0], needed_ug)]
    for container, amount_ug in chosen:
        done(
            custody.draw(
                container_id=container.container_id, amount_ug=amount_ug, plan_id=plan.plan_id,
                patient_id=seated.patient_id, purpose_id=seated.session_id,
                witness_login=crew.second_nurse.login, witness_password=crew.password,
                by=crew.nurse, at=at, key=new_id(),
            )
        )  # fmt: skip


def _start(
    crew: Crew,
    patient: Patient,
    *,
    chair: int,
    weight_g: int,
    started_at: datetime,
    at_time: AtTime,
) -> tuple[SessionState, Plan]:
    seated = arrive(
        crew,
        patient,
        chair=chair,
        weight_g=weight_g,
        at=at_time(started_at - timedelta(minutes=20)),
    )
    plan = signed_plan(patient.patient_id, clinic_id=crew.clinic_id)
    assert plan is not None
    drawn_at = at_time(started_at - timedelta(minutes=8))
    ensure_open(crew, drawn_at)
    _draw(crew, seated, plan, at=drawn_at)
    ensure_open(crew, at_time(started_at))
    started = done(
        start_session(
            session_id=seated.session_id, by=crew.nurse, at=at_time(started_at), key=new_id()
        )
    )
    if plan.infusion_minutes is None:
        _give_other_devices(crew, seated.session_id, started_at, at_time)
    return started, plan


def _give_other_devices(
    crew: Crew, session_id: UUID, started_at: datetime, at_time: AtTime
) -> None:
    """Five minutes of rest between devices, as the label asks."""
    waiting = [d for d in safe.draws_for(session_id, clinic_id=crew.clinic_id) if d.remaining_ug]
    for number, draw in enumerate(waiting, start=1):
        done(
            session.give_device(
                session_id=session_id, draw_id=draw.draw_id, by=crew.nurse,
                at=at_time(started_at + timedelta(minutes=5 * number)), key=new_id(),
            )
        )  # fmt: skip


class Feed:
    """The simulated monitor beside one visit: stores what it would have sent, up to each moment asked for."""

    def __init__(
        self, crew: Crew, patient: Patient, chair: int, *, started_at: datetime, step: timedelta
    ) -> None:
        self.crew, self.started_at, self.step = crew, started_at, step
        self.body = body_of(patient)
        self.place = crew.chairs[chair].device_location
        self.next_at = started_at - timedelta(minutes=5)

    def run_to(self, moment: datetime) -> None:
        """Store everything up to and with `moment`."""
        batch: list[Incoming] = []
        while self.next_at <= moment:
            batch += self._values(self.next_at)
            self.next_at += self.step
        session.record_samples(batch)

    def _values(self, moment: datetime) -> list[Incoming]:
        minute = elapsed(self.started_at, moment).total_seconds() / 60
        found = vitals_at(self.body, minute, Planted())
        values = {"hr": found.hr, "spo2": found.spo2, "rr": found.rr}
        if minute == int(minute) and int(minute) in PRESSURES:
            values |= {"sbp": found.sbp, "dbp": found.dbp}
        return [
            Incoming(
                clinic_id=self.crew.clinic_id,
                location=self.place,
                device=monitor_name(self.place),
                metric=metric,
                value_milli=round(value) * MILLI,
                unit=UNITS[metric],
                measured_at=moment,
                measured_at_source="OBX-14",
                received_at=moment,
                message_id=f"demo-{moment.timestamp():.0f}",
                sub_id="1",
            )
            for metric, value in values.items()
            if value is not None
        ]


PRESSURES = frozenset({-5, 0, 10, 20, 30, 40, 55, 70, 85, 100, 102, 115, 124})
"""Minutes from the start at which the simulated cuff inflates."""

RATINGS = {15: (5, None), 20: (None, 4), 30: (5, None), 40: (None, 3), 45: (5, None),
           60: (5, None), 70: (None, 1), 75: (5, None), 90: (5, None), 100: (5, 0)}  # fmt: skip
"""Minutes from the start -> MOAA/S and dissociation as a simulated nurse rates them."""


def _ratings(started_at: datetime, until: int) -> Iterator[tuple[int, datetime, dict[str, int]]]:
    for minutes, (moaas, dissociation) in RATINGS.items():
        if minutes <= until:
            values = {"moaas": moaas, "dissociation": dissociation}
            rated = {name: value for name, value in values.items() if value is not None}
            yield minutes, started_at + timedelta(minutes=minutes), rated


def _look(crew: Crew, session_id: UUID, at: datetime, values: dict[str, int]) -> None:
    done(
        session.observe(
            session_id=session_id, measured_at=at, values=values, by=crew.nurse, at=at, key=new_id()
        )
    )


def whole_visit(
    crew: Crew,
    patient: Patient,
    *,
    chair: int,
    weight_g: int,
    started_at: datetime,
    at_time: AtTime,
    chance: random.Random,
) -> None:
    """A past visit from check-in to a free chair, with an infusion that sometimes ends early."""
    started, plan = _start(
        crew, patient, chair=chair, weight_g=weight_g, started_at=started_at, at_time=at_time
    )
    session_id = started.session_id
    runs = plan.infusion_minutes is not None
    ends = 40 if chance.random() > 0.35 else chance.randint(34, 39)
    leaving = started_at + timedelta(minutes=103 if runs else 125)
    feed = Feed(crew, patient, chair, started_at=started_at, step=timedelta(minutes=1))
    for minutes, moment, values in _ratings(started_at, 100):
        if runs and minutes >= ends:
            stopped_at = at_time(started_at + timedelta(minutes=ends))
            feed.run_to(stopped_at)
            done(session.stop(session_id=session_id, by=crew.nurse, at=stopped_at, key=new_id()))
            runs = False
        feed.run_to(at_time(moment))
        _look(crew, session_id, moment, values)
    last = at_time(leaving - timedelta(minutes=1))
    feed.run_to(last)
    _look(crew, session_id, last, {"moaas": 5, "dissociation": 0})
    _leave(crew, session_id, at_time(leaving))


def _leave(crew: Crew, session_id: UUID, at: datetime) -> None:
    """Discharge, destroy what is left in the syringe before a second person, free the chair."""
    seen = view(session_id, clinic_id=crew.clinic_id, now=at)
    assert seen is not None
    answers: dict[str, bool | None] = {
        item.asks: True for item in seen.discharge_items if item.asks
    }
    done(
        session.discharge(
            session_id=session_id,
            answers=answers,
            escort_name="Simulated Friend",
            by=crew.nurse,
            at=at,
            key=new_id(),
        )
    )
    _release(crew, session_id, at)


def _release(crew: Crew, session_id: UUID, at: datetime) -> None:
    _waste_rest(crew, session_id, "Infusion ended early", at)
    done(session.close(session_id=session_id, by=crew.nurse, at=at, key=new_id()))


def _waste_rest(crew: Crew, session_id: UUID, reason: str, at: datetime) -> None:
    """Destroy what is left in syringes and devices of the session, before a second person."""
    for draw in safe.draws_for(session_id, clinic_id=crew.clinic_id):
        if draw.remaining_ug:
            done(
                custody.waste(
                    draw_id=draw.draw_id,
                    amount_ug=draw.remaining_ug,
                    witness_login=crew.second_nurse.login,
                    witness_password=crew.password,
                    reason=reason,
                    by=crew.nurse,
                    at=at,
                    key=new_id(),
                )
            )


def running_visit(
    crew: Crew,
    patient: Patient,
    *,
    chair: int,
    weight_g: int,
    started_at: datetime,
    until: datetime,
    at_time: AtTime,
) -> None:
    """A visit that is going on now, with each second of the monitor's values so far."""
    started, _ = _start(
        crew, patient, chair=chair, weight_g=weight_g, started_at=started_at, at_time=at_time
    )
    feed = Feed(crew, patient, chair, started_at=started_at, step=timedelta(seconds=1))
    minutes = int(elapsed(started_at, until).total_seconds() // 60)
    for _, moment, values in _ratings(started_at, minutes):
        feed.run_to(at_time(moment))
        _look(crew, started.session_id, moment, values)
    feed.run_to(at_time(until))


def stop_old_visit(crew: Crew, session_id: UUID, at: datetime) -> None:
    """End the infusion of a visit that was left running when the demo was stopped."""
    seen = view(session_id, clinic_id=crew.clinic_id, now=at)
    assert seen is not None
    if seen.phase in ("running", "paused"):
        done(session.stop(session_id=session_id, by=crew.nurse, at=at, key=new_id()))


def finish_old_visit(crew: Crew, session_id: UUID, at: datetime) -> None:
    """End a visit that was left open when the demo was stopped: observe, discharge, waste, close."""
    seen = view(session_id, clinic_id=crew.clinic_id, now=at)
    assert seen is not None
    if seen.phase == "observing":
        rest = body_of(seen.patient)
        _look(
            crew,
            session_id,
            at,
            {
                "moaas": 5,
                "dissociation": 0,
                "spo2": 98,
                "sbp": round(rest.resting_sbp),
                "dbp": round(rest.resting_dbp),
            },
        )
        _leave(crew, session_id, at)
    elif seen.phase == "discharged":
        _release(crew, session_id, at)
    else:
        _waste_rest(crew, session_id, "Session did not take place", at)
        done(
            session.close(
                session_id=session_id, reason="Left over from an earlier demo", by=crew.nurse, at=at,
                key=new_id(),
            )
        )  # fmt: skip
