"""Facts in, state out: what is true of a session at a moment."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from vigil.session.domain.facts import (
    MILLI,
    CheckedIn,
    Closed,
    DeviceGiven,
    Discharged,
    Observed,
    Paused,
    Phase,
    RateChanged,
    Resumed,
    SessionFact,
    SessionState,
    Started,
    Stopped,
)
from vigil.session.domain.given import Stretch, integrated_ug

F = TypeVar("F", bound=SessionFact)


def fold(facts: Sequence[SessionFact], *, clinic_id: UUID, now: datetime) -> SessionState:
    """The state that the facts, in the server's sequence, make at `now`."""
    checked_in = facts[0]
    assert isinstance(checked_in, CheckedIn), "a session begins with its check-in"
    started = _only(facts, Started)
    stopped = _only(facts, Stopped)
    discharged = _only(facts, Discharged)
    closed = _only(facts, Closed)
    drawn_ug = started.drawn_ug if started else 0
    return SessionState(
        session_id=checked_in.session_id,
        clinic_id=clinic_id,
        patient_id=checked_in.patient_id,
        plan_id=checked_in.plan_id,
        plan_hash=checked_in.plan_hash,
        protocol_id=checked_in.protocol_id,
        chair_id=checked_in.chair_id,
        chair=checked_in.chair,
        phase=_phase(facts),
        drug=checked_in.drug,
        route=checked_in.route,
        dose_ug=checked_in.dose_ug,
        infusion_minutes=checked_in.infusion_minutes,
        weight_g=checked_in.weight_g,
        weighed_at=checked_in.weighed_at,
        checked_in_at=checked_in.at,
        started_at=started.at if started else None,
        started_by=started.by_name if started else None,
        stopped_at=stopped.at if stopped else None,
        discharged_at=discharged.at if discharged else None,
        closed_at=closed.at if closed else None,
        rate_ug_per_hour=rate_now(facts),
        drawn_ug=drawn_ug,
        given_ug=stopped.given_ug if stopped else given_by_rate(facts, now=now),
        baseline_sbp=baseline(facts, "sbp"),
        baseline_dbp=baseline(facts, "dbp"),
        escort_name=discharged.escort_name if discharged else checked_in.escort_name,
        escort_phone=checked_in.escort_phone,
    )


def baseline(facts: Sequence[SessionFact], metric: str) -> int | None:
    """The pressure (mmHg) that rises are counted from: at check-in, or else the last before the start."""
    checked_in = facts[0]
    assert isinstance(checked_in, CheckedIn)
    found = checked_in.sbp if metric == "sbp" else checked_in.dbp
    if found is not None:
        return found
    for fact in facts:
        if isinstance(fact, Started):
            break
        if isinstance(fact, Observed) and metric in fact.values_milli:
            found = fact.values_milli[metric] // MILLI
    return found


def given_by_rate(facts: Sequence[SessionFact], *, now: datetime) -> int:
    """Micrograms given at `now`: devices given whole plus the rate over time, capped at the draw."""
    started = _only(facts, Started)
    if started is None:
        return 0
    devices_ug = sum(fact.amount_ug for fact in facts if isinstance(fact, DeviceGiven))
    return integrated_ug(_stretches(facts, now), drawn_ug=started.drawn_ug) + devices_ug


def rate_now(facts: Sequence[SessionFact]) -> int:
    """Micrograms an hour that the pump runs at; 0 when paused, stopped or nasal."""
    rate = 0
    for fact in facts:
        rate = _rate_after(fact, rate)
    return rate


def rate_before_pause(facts: Sequence[SessionFact]) -> int:
    """The rate that a paused infusion ran at."""
    rates = [fact.rate_ug_per_hour for fact in facts if isinstance(fact, RateChanged | Resumed)]
    started = _only(facts, Started)
    assert started is not None
    return rates[-1] if rates else started.rate_ug_per_hour or 0


def _rate_after(fact: SessionFact, rate: int) -> int:
    if isinstance(fact, Started):
        return fact.rate_ug_per_hour or 0
    if isinstance(fact, RateChanged | Resumed):
        return fact.rate_ug_per_hour
    if isinstance(fact, Paused | Stopped):
        return 0
    return rate


def _stretches(facts: Sequence[SessionFact], now: datetime) -> list[Stretch]:
    stretches, rate, since = [], 0, now
    for fact in facts:
        after = _rate_after(fact, rate)
        if isinstance(fact, Started | RateChanged | Resumed | Paused | Stopped):
            stretches.append(Stretch(rate_ug_per_hour=rate, start=since, end=fact.at))
            rate, since = after, fact.at
    stretches.append(Stretch(rate_ug_per_hour=rate, start=since, end=now))
    return [stretch for stretch in stretches if stretch.rate_ug_per_hour]


def _phase(facts: Sequence[SessionFact]) -> Phase:
    phase: Phase = "checked-in"
    for fact in facts:
        phase = _AFTER.get(type(fact), phase)
    return phase


_AFTER: dict[type[SessionFact], Phase] = {
    Started: "running",
    Paused: "paused",
    Resumed: "running",
    Stopped: "observing",
    Discharged: "discharged",
    Closed: "closed",
}


def _only(facts: Sequence[SessionFact], kind: type[F]) -> F | None:
    found = [fact for fact in facts if isinstance(fact, kind)]
    assert len(found) <= 1, f"{kind.__name__} happens once"
    return found[0] if found else None
