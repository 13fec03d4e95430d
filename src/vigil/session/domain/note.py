"""The administration note: what happened, in sentences, each with the facts that it came from.

In: the facts of one session. Out: a `Note`. Nothing is copied from an earlier note and nothing is retyped; a value
that nobody recorded is written "not recorded". A sentence names every fact that it reads, so that changing one
fact changes only the sentences that name it (INV-SES-09).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from vigil.custody.domain.facts import Draw
from vigil.evidence.protocols import Protocol
from vigil.people.domain.facts import Patient
from vigil.plan.domain.facts import Plan
from vigil.session.domain.facts import (
    MILLI,
    AlarmView,
    CheckedIn,
    Closed,
    DeviceGiven,
    Discharged,
    MetricSample,
    Noted,
    Paused,
    RateChanged,
    Resumed,
    SessionFact,
    Started,
    Stopped,
)
from vigil.session.domain.fold import F
from vigil.session.domain.note_facts import FlowRow, Note, NoteSection, Sentence
from vigil.session.domain.story import story_line
from vigil.units.amounts import show_kg, show_mg
from vigil.units.durations import elapsed, whole_minutes

NOT_RECORDED = "not recorded"

FLOW_METRICS = ("hr", "spo2", "rr", "moaas", "dissociation", "anxiety", "nausea", "pain")
FLOW_COLUMNS = ("Pressure", "HR", "SpO₂", "RR", "MOAA/S", "Dissoc.", "Anxiety", "Nausea", "Pain")

BESIDE = timedelta(seconds=60)
"""A device's continuous value stands in the row of a pressure when it is at most this much older."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteFacts:
    """Everything that a note may say."""

    clinic_name: str
    zone: ZoneInfo
    patient: Patient
    plan: Plan
    protocol: Protocol
    facts: tuple[SessionFact, ...]
    samples: tuple[MetricSample, ...]
    draws: tuple[Draw, ...]
    alarms: tuple[AlarmView, ...]


def administration_note(known: NoteFacts) -> Note:
    """The note of one session."""
    checked_in = known.facts[0]
    assert isinstance(checked_in, CheckedIn)
    sections = (
        NoteSection(title="Before", sentences=_before(known, checked_in)),
        NoteSection(title="Drug", sentences=_drug(known, checked_in)),
        NoteSection(title="Course", sentences=_course(known)),
        NoteSection(title="Alarms", sentences=_alarms(known)),
        NoteSection(title="Discharge", sentences=_discharge(known)),
    )
    return Note(
        session_id=checked_in.session_id,
        title=f"{known.clinic_name}: administration of {checked_in.drug} {checked_in.route}",
        sections=sections,
        flow_columns=FLOW_COLUMNS,
        flow=_flow(known),
    )


# --- sections ----------------------------------------------------------------------------------


def _before(known: NoteFacts, checked_in: CheckedIn) -> tuple[Sentence, ...]:
    patient, plan = known.patient, known.plan
    first = _id(checked_in)
    pressure = NOT_RECORDED if checked_in.sbp is None else f"{checked_in.sbp}/{checked_in.dbp} mmHg"
    return (
        _say(
            f"{patient.name}, number {patient.number}, born {patient.born_on}. "
            f"Allergies: {_allergies(patient)}.",
            f"patient:{patient.patient_id}",
        ),
        _say(
            f"Plan version {plan.version} signed by {plan.signed_by_name} on "
            f"{_day(known, plan.signed_at)}. The patient's intention: {plan.intention}.",
            f"plan:{plan.plan_id}",
        ),
        _say(
            f"Consent: {NOT_RECORDED if plan.consented_at is None else _day(known, plan.consented_at)}.",
            f"plan:{plan.plan_id}",
        ),
        _say(
            f"Checked in at {checked_in.chair} at {_time(known, checked_in.at)} by {checked_in.by_name}.",
            first,
        ),
        _say(
            f"Weight {show_kg(checked_in.weight_g)}, measured {_day(known, checked_in.weighed_at)} "
            f"{_time(known, checked_in.weighed_at)}.",
            first,
        ),
        _say(f"Pressure before: {pressure}.", first),
        _say(
            f"Last food: {_minutes(checked_in.food_minutes)}. "
            f"Last drink: {_minutes(checked_in.drink_minutes)}.",
            first,
        ),
        _say(
            f"Escort named at check-in: {checked_in.escort_name or NOT_RECORDED}, "
            f"telephone {checked_in.escort_phone or NOT_RECORDED}.",
            first,
        ),
    )


def _drug(known: NoteFacts, checked_in: CheckedIn) -> tuple[Sentence, ...]:
    started, stopped = _first(known, Started), _first(known, Stopped)
    planned = f"Planned: {checked_in.drug} {checked_in.route} {show_mg(checked_in.dose_ug)}"
    if checked_in.infusion_minutes is not None:
        planned += f" over {checked_in.infusion_minutes} min"
    said = [_say(f"{planned}, for {show_kg(checked_in.weight_g)}.", _id(checked_in))]
    said += [_draw_sentence(draw) for draw in known.draws] or [_say(f"Draw: {NOT_RECORDED}.")]
    if started is None:
        said.append(_say(f"Start: {NOT_RECORDED}."))
    else:
        said.append(
            _say(
                f"{story_line(started).text} at {_time(known, started.at)} by {started.by_name}.",
                _id(started),
            )
        )
    for device in _all(known, DeviceGiven):
        said.append(
            _say(
                f"Device of {show_mg(device.amount_ug)} given at {_time(known, device.at)} "
                f"by {device.by_name}.",
                _id(device),
            )
        )
    if stopped is None:
        said.append(_say(f"End of the drug and amount given: {NOT_RECORDED}."))
    else:
        said.append(_say(_given_text(known, stopped), _id(stopped)))
    return tuple(said)


_GIVEN_FROM = {
    "rate": "from the rate over time",
    "pump": "read from the pump",
    "devices": "devices given whole",
}


def _given_text(known: NoteFacts, stopped: Stopped) -> str:
    reason = f" Reason: {stopped.reason}." if stopped.reason else ""
    return (
        f"The drug ended at {_time(known, stopped.at)}. Given: {show_mg(stopped.given_ug)} "
        f"({_GIVEN_FROM[stopped.given_from]}), by {stopped.by_name}.{reason}"
    )


def _draw_sentence(draw: Draw) -> Sentence:
    strength = (
        f"{draw.product.strength_ug_per_ml // MILLI} mg/mL"
        if draw.product.strength_ug_per_ml
        else f"{show_mg(draw.product.content_ug)} a device"
    )
    return _say(
        f"{draw.product.name}, {strength}, lot {draw.lot}, container {draw.container_label}: drawn "
        f"{show_mg(draw.drawn_ug)}, given {show_mg(draw.given_ug)}, wasted {show_mg(draw.wasted_ug)}, "
        f"returned {show_mg(draw.returned_ug)}, left {show_mg(draw.remaining_ug)}. "
        f"Drawn by {draw.drawn_by_name}, witnessed by {draw.witness_name}.",
        f"draw:{draw.draw_id}",
    )


def _course(known: NoteFacts) -> tuple[Sentence, ...]:
    told = (RateChanged, Paused, Resumed, Noted)
    return tuple(
        _say(f"{_time(known, fact.at)}: {story_line(fact).text}. {fact.by_name}.", _id(fact))
        for fact in known.facts
        if isinstance(fact, told)
    ) or (_say("No change of rate, no pause and no event was recorded."),)


def _alarms(known: NoteFacts) -> tuple[Sentence, ...]:
    return tuple(_alarm_sentence(known, alarm) for alarm in known.alarms) or (
        _say("No alarm was raised in Vigil."),
    )


def _alarm_sentence(known: NoteFacts, alarm: AlarmView) -> Sentence:
    value = "" if alarm.value is None else f" ({alarm.metric} {alarm.value})"
    seen = (
        f"acknowledged {_time(known, alarm.acknowledged_at)} by {alarm.acknowledged_by}"
        if alarm.acknowledged_at
        else "not acknowledged"
    )
    cleared = f"cleared {_time(known, alarm.cleared_at)}" if alarm.cleared_at else "not cleared"
    message = alarm.message.rstrip(".")
    return _say(
        f"{_time(known, alarm.condition_at)}: {alarm.priority} alarm{value}: {message}; {seen}; {cleared}.",
        f"alarm:{alarm.alarm_id}",
    )


def _discharge(known: NoteFacts) -> tuple[Sentence, ...]:
    discharged, closed = _first(known, Discharged), _first(known, Closed)
    said: list[Sentence] = []
    if discharged is None:
        said.append(_say(f"Discharge: {NOT_RECORDED}."))
    else:
        said.append(
            _say(
                f"Discharged at {_time(known, discharged.at)} by {discharged.by_name}, "
                f"with {discharged.escort_name or NOT_RECORDED}.",
                _id(discharged),
            )
        )
        said.append(_say(f"Held at discharge: {'; '.join(discharged.items)}.", _id(discharged)))
        said.append(_observed_minutes(known, discharged))
    if closed is not None:
        reason = f": {closed.reason}" if closed.reason else ""
        said.append(
            _say(f"Closed at {_time(known, closed.at)} by {closed.by_name}{reason}.", _id(closed))
        )
    return tuple(said)


def _observed_minutes(known: NoteFacts, discharged: Discharged) -> Sentence:
    started = _first(known, Started)
    if started is None:
        return _say(f"Minutes under observation: {NOT_RECORDED}.", _id(discharged))
    minutes = whole_minutes(started.at, discharged.at)
    return _say(
        f"Minutes under observation from the start: {minutes}.", _id(started), _id(discharged)
    )


# --- the flowsheet -----------------------------------------------------------------------------


def _flow(known: NoteFacts) -> tuple[FlowRow, ...]:
    """A row for each set by hand and for each pressure of a device, by time of measurement."""
    started = _first(known, Started)
    good = [sample for sample in known.samples if sample.is_good]
    sets: dict[tuple[datetime, str], list[MetricSample]] = {}
    for sample in good:
        if sample.source == "manual" or sample.metric in ("sbp", "dbp"):
            sets.setdefault((sample.measured_at, sample.device), []).append(sample)
    continuous = [sample for sample in good if sample.source == "device"]
    rows = []
    for (measured_at, device), taken in sorted(sets.items(), key=lambda item: item[0]):
        if taken[0].source == "device":
            taken = taken + _beside(continuous, measured_at)
        rows.append(_flow_row(taken, measured_at, device, started))
    return tuple(rows)


def _beside(continuous: Sequence[MetricSample], measured_at: datetime) -> list[MetricSample]:
    """The newest value of each continuous channel just before a pressure."""
    found: dict[str, MetricSample] = {}
    for sample in continuous:
        age = elapsed(sample.measured_at, measured_at)
        if sample.metric in ("hr", "spo2", "rr") and timedelta(0) <= age <= BESIDE:
            before = found.get(sample.metric)
            if before is None or sample.measured_at >= before.measured_at:
                found[sample.metric] = sample
    return list(found.values())


def _flow_row(
    taken: Sequence[MetricSample], measured_at: datetime, device: str, started: Started | None
) -> FlowRow:
    values = {sample.metric: sample.value for sample in taken}
    pressure = f"{values['sbp']}/{values['dbp']}" if {"sbp", "dbp"} <= values.keys() else ""
    cells = [pressure] + [
        "" if values.get(metric) is None else str(values[metric]) for metric in FLOW_METRICS
    ]
    ids = [f"sample:{sample.sample_id}" for sample in taken]
    return FlowRow(
        minutes=None
        if started is None
        else elapsed(started.at, measured_at) // timedelta(minutes=1),
        measured_at=measured_at,
        source=taken[0].source,
        by_name=device.removeprefix("by hand: "),
        cells=tuple(cells),
        facts=tuple(sorted(ids) + ([_id(started)] if started else [])),
    )


# --- words -------------------------------------------------------------------------------------


def _say(text: str, *facts: str) -> Sentence:
    return Sentence(text=text, facts=facts)


def _id(fact: SessionFact) -> str:
    return f"fact:{fact.fact_id}"


def _all(known: NoteFacts, kind: type[F]) -> Iterable[F]:
    return (fact for fact in known.facts if isinstance(fact, kind))


def _first(known: NoteFacts, kind: type[F]) -> F | None:
    return next(iter(_all(known, kind)), None)


def _time(known: NoteFacts, moment: datetime) -> str:
    return moment.astimezone(known.zone).strftime("%H:%M")


def _day(known: NoteFacts, moment: datetime) -> str:
    return moment.astimezone(known.zone).strftime("%Y-%m-%d")


def _minutes(minutes: int | None) -> str:
    return NOT_RECORDED if minutes is None else f"{minutes} min before"


def _allergies(patient: Patient) -> str:
    if patient.allergies is None:
        return "not asked"
    return ", ".join(patient.allergies) or "none known"
