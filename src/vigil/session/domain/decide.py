"""State and a request in; what may happen, or the refusal. Pure: no clock, no tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vigil.evidence.protocols import DischargeRule, ObservationDuty
from vigil.session.domain.clearance import Clearance
from vigil.session.domain.facts import (
    MILLI,
    AlarmView,
    OpenItem,
    Phase,
    SessionState,
)
from vigil.session.domain.gate import PHYSICAL_RANGE
from vigil.session.domain.given import planned_rate_ug_per_hour
from vigil.units.amounts import show_mg
from vigil.units.durations import elapsed
from vigil.units.refusals import Refused

CLEARANCE_LIFE = timedelta(minutes=10)
"""A clearance older than this says nothing about now."""

WEIGHT_G = range(20_000, 400_001)
"""Weights accepted at check-in: outside, it is pounds, a slip of the finger, or not this clinic's patient."""

FRESH_MINUTES = 15
"""How long a value counts as now at discharge when no duty of the protocol says how often it is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A good value and when it was measured."""

    value_milli: int
    measured_at: datetime


def decide_check_in(
    *, weight_g: int, weighed_at: datetime, sbp: int | None, dbp: int | None, at: datetime
) -> Refused | None:
    """The refusal of what was typed at check-in, or None."""
    if weight_g not in WEIGHT_G:
        return Refused(
            code="SES-WEIGHT",
            message=f"{weight_g} g is not between 20 kg and 400 kg. Was it read in pounds?",
        )
    if weighed_at > at:
        return Refused(code="SES-WEIGHT", message="The weight was measured after this moment.")
    if (sbp is None) != (dbp is None):
        return Refused(
            code="SES-PRESSURE", message="A pressure has two numbers; one of them is missing."
        )
    if sbp is not None and dbp is not None and sbp <= dbp:
        return Refused(
            code="SES-PRESSURE", message=f"{sbp}/{dbp}: the first number must be the higher one."
        )
    values = {"sbp": sbp, "dbp": dbp}
    return decide_values({name: value for name, value in values.items() if value is not None})


def decide_values(values: Mapping[str, int]) -> Refused | None:
    """The refusal of values that a person typed, in whole units, or None when all can be real."""
    for metric, value in values.items():
        if metric not in PHYSICAL_RANGE:
            return Refused(
                code="SES-METRIC", message=f"{metric!r} is nothing that is observed here."
            )
        low, high = PHYSICAL_RANGE[metric]
        if not low <= value <= high:
            return Refused(
                code="SES-VALUE",
                message=f"{metric} {value} is not between {low} and {high}. Nothing was recorded.",
            )
    if ("sbp" in values) != ("dbp" in values):
        return Refused(
            code="SES-PRESSURE", message="A pressure has two numbers; one of them is missing."
        )
    if "sbp" in values and values["sbp"] <= values["dbp"]:
        return Refused(
            code="SES-PRESSURE",
            message=f"{values['sbp']}/{values['dbp']}: the first number must be the higher one.",
        )
    return None


def decide_phase(state: SessionState, allowed: Sequence[Phase], *, act: str) -> Refused | None:
    """The refusal of an act that does not belong to this phase, or None."""
    if state.phase in allowed:
        return None
    return Refused(code="SES-PHASE", message=f"The session is {state.phase}: it cannot {act} now.")


def decide_start(
    state: SessionState,
    clearance: Clearance,
    *,
    plan_hash: str | None,
    in_syringe_ug: int,
    at: datetime,
) -> Refused | None:
    """The refusal to start, or None: a fresh clearance of this session, this plan, this drawn dose."""
    if (refused := decide_phase(state, ["checked-in"], act="start")) is not None:
        return refused
    if clearance.session_id != state.session_id or clearance.plan_id != state.plan_id:
        return Refused(
            code="SES-CLEARANCE-OTHER", message="The clearance is of another session or plan."
        )
    if not timedelta(0) <= elapsed(clearance.given_at, at) < CLEARANCE_LIFE:
        return Refused(
            code="SES-CLEARANCE-OLD",
            message="The clearance is more than 10 minutes old. Check the gate again.",
        )
    if plan_hash is None or not plan_hash == clearance.plan_hash == state.plan_hash:
        return Refused(
            code="SES-CLEARANCE-PLAN",
            message="The plan is not the one that was cleared. Check the gate again.",
        )
    if (clearance.dose_ug, clearance.weight_g) != (state.dose_ug, state.weight_g):
        return Refused(
            code="SES-CLEARANCE-DOSE", message="The clearance is of another dose or weight."
        )
    if in_syringe_ug != state.dose_ug:
        return Refused(
            code="SES-DRAW",
            message=f"{show_mg(in_syringe_ug)} is drawn for this session; "
            f"the dose is {show_mg(state.dose_ug)}.",
        )
    return None


def decide_rate(state: SessionState, rate_ug_per_hour: int) -> Refused | None:
    """The refusal of a rate that is zero or above the plan's, or None."""
    if (refused := decide_phase(state, ["running"], act="change its rate")) is not None:
        return refused
    if state.infusion_minutes is None:
        return Refused(code="SES-NO-RATE", message="A nasal device has no rate.")
    highest = planned_rate_ug_per_hour(state.dose_ug, infusion_minutes=state.infusion_minutes)
    if not 0 < rate_ug_per_hour <= highest:
        return Refused(
            code="SES-RATE",
            message=f"The rate must be more than 0 and at most {show_mg(highest)}/h, "
            "the rate of the plan. To stop the flow, pause it.",
        )
    return None


def decide_given(
    state: SessionState, *, by_rate_ug: int, pump_ug: int | None
) -> tuple[int, str] | Refused:
    """How much was given when the drug ended, and where that number is from."""
    if pump_ug is None:
        return by_rate_ug, "devices" if state.infusion_minutes is None else "rate"
    if state.infusion_minutes is None:
        return Refused(code="SES-NO-RATE", message="A nasal device has no pump to read.")
    if not 0 <= pump_ug <= state.drawn_ug:
        return Refused(
            code="SES-PUMP",
            message=f"The pump reads {show_mg(max(pump_ug, 0))}, and {show_mg(state.drawn_ug)} was drawn. "
            "Read it again.",
        )
    return pump_ug, "pump"


def decide_discharge(items: Sequence[OpenItem]) -> Refused | None:
    """The refusal that lists everything the discharge waits for, or None when every item is met."""
    waiting = [item for item in items if item.is_met is not True]
    if not waiting:
        return None
    return Refused(
        code="SES-DISCHARGE",
        message="Not yet. It waits for: " + " ".join(item.waits_for for item in waiting),
    )


def decide_close(state: SessionState, *, remaining_ug: int) -> Refused | None:
    """The refusal to free the chair, or None: discharged (or never started) and no drug left over."""
    allowed: list[Phase] = ["discharged", "checked-in"]
    if (refused := decide_phase(state, allowed, act="close")) is not None:
        return refused
    if remaining_ug != 0:
        return Refused(
            code="SES-DRUG-LEFT",
            message=f"{show_mg(remaining_ug)} of this session is still in a syringe or device. "
            "Waste it with a witness, then close.",
        )
    return None


# --- discharge ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DischargeFacts:
    """What a discharge looks at. `readings` holds the newest good value of each metric."""

    state: SessionState
    rule: DischargeRule
    duties: tuple[ObservationDuty, ...]
    readings: Mapping[str, Reading]
    alarms: tuple[AlarmView, ...]
    answers: Mapping[str, bool | None]
    escort_name: str


def discharge_items(facts: DischargeFacts, *, now: datetime) -> tuple[OpenItem, ...]:
    """Every condition of discharge, each met, not met or unknown, and what it waits for."""
    rule = facts.rule
    items = [
        _floor(facts, now),
        _at_least(facts, "moaas", "sedation", rule.sedation_min, "MOAA/S", now),
        _at_most(facts, "dissociation", "dissociation", rule.dissociation_max, "Dissociation", now),
        _pressure(facts, now),
        _at_least(facts, "spo2", "oxygen", rule.spo2_min, "Oxygen saturation", now),
        _alarms(facts),
    ]
    if rule.needs_orientation:
        items.append(_asked(facts, "orientation", "Knows name, place and day"))
    if rule.needs_gait:
        items.append(_asked(facts, "gait", "Walks steadily"))
    if rule.needs_escort:
        named = bool(facts.escort_name.strip())
        items.append(_item("SES-ESCORT", "Escort named", named or None, "The name of the escort."))
        items.append(_asked(facts, "escort_identity", "Escort's identity seen"))
        items.append(_asked(facts, "escort_arrived", "Escort is here"))
    if rule.needs_driving_advice:
        items.append(
            _asked(facts, "instructions", "Told in writing: no driving until after a night's sleep")
        )
    return tuple(items)


def _item(
    code: str, text: str, is_met: bool | None, waits_for: str, *, asks: str = "", source: str = ""
) -> OpenItem:
    return OpenItem(
        code=code,
        text=text,
        is_met=is_met,
        waits_for="" if is_met else waits_for,
        asks=asks,
        source=source,
    )


def _asked(facts: DischargeFacts, name: str, text: str) -> OpenItem:
    answer = facts.answers.get(name)
    waits_for = f"{text}: not answered." if answer is None else f"{text}: no."
    code = f"SES-{name.upper().replace('_', '-')}"
    return _item(code, text, answer, waits_for, asks=name, source="the nurse's answer")


def _floor(facts: DischargeFacts, now: datetime) -> OpenItem:
    rule, state = facts.rule, facts.state
    counted_from = state.started_at if rule.floor_from == "start" else state.stopped_at
    word = "the start" if rule.floor_from == "start" else "the drug ended"
    text = f"{rule.floor_minutes} minutes since {word}"
    if counted_from is None or state.stopped_at is None:
        return _item("SES-FLOOR", text, None, "The end of the drug.", source="server time")
    left = timedelta(minutes=rule.floor_minutes) - elapsed(counted_from, now)
    minutes_left = -(-left // timedelta(minutes=1))
    return _item(
        "SES-FLOOR",
        text,
        left <= timedelta(0),
        f"{minutes_left} more min of observation.",
        source="server time",
    )


def _fresh(facts: DischargeFacts, metric: str, kind: str, now: datetime) -> Reading | None:
    """The newest value, when it was taken after the drug ended and no longer ago than its duty allows."""
    reading, stopped_at = facts.readings.get(metric), facts.state.stopped_at
    if reading is None or stopped_at is None or reading.measured_at < stopped_at:
        return None
    allowed = [
        duty.every_minutes_after + duty.late_after_minutes
        for duty in facts.duties
        if duty.kind == kind and duty.every_minutes_after is not None
    ]
    if elapsed(reading.measured_at, now) > timedelta(minutes=min(allowed, default=FRESH_MINUTES)):
        return None
    return reading


def _at_least(
    facts: DischargeFacts, metric: str, kind: str, low: int, name: str, now: datetime
) -> OpenItem:
    reading = _fresh(facts, metric, kind, now)
    met = None if reading is None else reading.value_milli >= low * MILLI
    return _item(
        f"SES-{kind.upper()}", f"{name} {low} or more", met, _missing(reading, name), source=name
    )


def _at_most(
    facts: DischargeFacts, metric: str, kind: str, high: int, name: str, now: datetime
) -> OpenItem:
    reading = _fresh(facts, metric, kind, now)
    met = None if reading is None else reading.value_milli <= high * MILLI
    return _item(
        f"SES-{kind.upper()}", f"{name} {high} or less", met, _missing(reading, name), source=name
    )


def _missing(reading: Reading | None, name: str) -> str:
    if reading is None:
        return f"{name}: a new value, taken after the drug ended."
    return f"{name}: it is {reading.value_milli // MILLI}."


def _pressure(facts: DischargeFacts, now: datetime) -> OpenItem:
    rule, state = facts.rule, facts.state
    text = f"Pressure no more than {rule.sbp_rise_max}/{rule.dbp_rise_max} above check-in"
    sbp, dbp = (_fresh(facts, metric, "pressure", now) for metric in ("sbp", "dbp"))
    if sbp is None or dbp is None:
        waits_for = "Pressure: a new value, taken after the drug ended."
        return _item("SES-PRESSURE", text, None, waits_for, source="pressure")
    if state.baseline_sbp is None or state.baseline_dbp is None:
        waits_for = "Pressure: no value from before the dose to compare with. Ask the prescriber."
        return _item("SES-PRESSURE", text, None, waits_for, source="pressure")
    rises = (
        sbp.value_milli - state.baseline_sbp * MILLI,
        dbp.value_milli - state.baseline_dbp * MILLI,
    )
    met = rises[0] <= rule.sbp_rise_max * MILLI and rises[1] <= rule.dbp_rise_max * MILLI
    waits_for = f"Pressure: it is {sbp.value_milli // MILLI}/{dbp.value_milli // MILLI}."
    return _item("SES-PRESSURE", text, met, waits_for, source="pressure")


def _alarms(facts: DischargeFacts) -> OpenItem:
    standing = [
        alarm
        for alarm in facts.alarms
        if alarm.is_active and (alarm.priority == "high" or alarm.is_latched)
    ]
    return _item(
        "SES-ALARM",
        "No high alarm stands",
        not standing,
        "Alarms: " + ", ".join(alarm.limit_id for alarm in standing) + ".",
        source="alarms",
    )
