"""The story of a session, one plain line for each fact."""

from collections.abc import Callable, Mapping
from typing import Any

from vigil.session.domain.facts import (
    MILLI,
    CheckedIn,
    Closed,
    DeviceGiven,
    Discharged,
    Noted,
    Observed,
    Paused,
    RateChanged,
    Resumed,
    SessionEvent,
    SessionFact,
    Started,
    Stopped,
)
from vigil.units.amounts import show_kg, show_mg

METRIC_NAMES: Mapping[str, str] = {
    "sbp": "systolic", "dbp": "diastolic", "map": "mean pressure", "hr": "heart rate", "pulse": "pulse",
    "spo2": "SpO₂", "rr": "breaths", "temp": "temperature", "etco2": "EtCO₂", "moaas": "MOAA/S",
    "dissociation": "dissociation", "anxiety": "anxiety", "nausea": "nausea", "pain": "pain",
}  # fmt: skip


def story_line(fact: SessionFact) -> SessionEvent:
    """The line that tells this fact."""
    return SessionEvent(
        fact_id=fact.fact_id,
        kind=type(fact).__name__,
        text=_TEXTS[type(fact)](fact),
        at=fact.at,
        by_name=fact.by_name,
    )


def show_values(values_milli: Mapping[str, int]) -> str:
    """The values of a set in words, the pressure as one.

    >>> show_values({"dbp": 80000, "moaas": 5000, "sbp": 128000})
    'pressure 128/80, MOAA/S 5'
    """
    rest = {name: value // MILLI for name, value in values_milli.items()}
    parts = []
    if "sbp" in rest and "dbp" in rest:
        parts.append(f"pressure {rest.pop('sbp')}/{rest.pop('dbp')}")
    parts += [f"{METRIC_NAMES.get(name, name)} {value}" for name, value in rest.items()]
    return ", ".join(parts)


def _with_reason(text: str, reason: str) -> str:
    return f"{text}: {reason}" if reason else text


def _started(fact: Started) -> str:
    if fact.rate_ug_per_hour is None:
        return "Giving began"
    return f"Infusion started at {show_mg(fact.rate_ug_per_hour)}/h"


_TEXTS: Mapping[type[SessionFact], Callable[[Any], str]] = {
    CheckedIn: lambda f: f"Checked in at {f.chair}, {show_kg(f.weight_g)}",
    Started: _started,
    RateChanged: lambda f: _with_reason(f"Rate now {show_mg(f.rate_ug_per_hour)}/h", f.reason),
    Paused: lambda f: _with_reason("Paused", f.reason),
    Resumed: lambda f: f"Resumed at {show_mg(f.rate_ug_per_hour)}/h",
    DeviceGiven: lambda f: f"Device of {show_mg(f.amount_ug)} given",
    Stopped: lambda f: _with_reason(f"Drug ended, {show_mg(f.given_ug)} given", f.reason),
    Observed: lambda f: f"Observed {show_values(f.values_milli)}",
    Noted: lambda f: _with_reason(f.name.capitalize(), f.text),
    Discharged: lambda f: f"Discharged with {f.escort_name}",
    Closed: lambda f: _with_reason("Closed", f.reason),
}
