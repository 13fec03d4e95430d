"""What the page at the chair draws and lists: the chart's past, the table behind it, the words for the drug.

In: the session's view, its protocol, samples and alarms. Out: plain values ready for JSON or a template. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from vigil.evidence.protocols import Protocol
from vigil.evidence.scales import load_scale
from vigil.record.canonical import plain
from vigil.scales.scoring import Option
from vigil.session.domain.facts import AlarmView, DutyDue, MetricSample, SessionView
from vigil.units.amounts import show_mg
from vigil.units.durations import elapsed
from vigil.web.history import decimate, hollow, plain_columns, pressures

BEFORE = timedelta(minutes=10)
"""The chart begins this long before the drug, to show what is usual for this patient."""
AHEAD = timedelta(minutes=10)
"""Room to the right of now, so that the newest value is not at the edge."""
SPAN_MINUTES = 60
"""The least time that the chart shows, so that a session's first minute is not stretched over it."""

LINES = ("hr", "spo2", "rr")
CADENCE_SECONDS = 15
TABLE_COLUMNS = (
    ("bp", "Pressure"), ("hr", "Heart rate"), ("spo2", "SpO₂"), ("rr", "Breaths"),
    ("moaas", "MOAA/S"), ("dissociation", "Dissociation"),
)  # fmt: skip
ROWS_MAX = 1_500


def history(
    view: SessionView,
    protocol: Protocol,
    samples: Sequence[MetricSample],
    *,
    alarms: Sequence[AlarmView],
    columns: int,
    now: datetime,
) -> dict[str, object]:
    """The chart's past: seconds count from `start`, values are in the unit of their metric."""
    start, end = span(view, samples, now=now)
    length = elapsed(start, end).total_seconds()
    by_metric = {metric: [s for s in samples if s.metric == metric] for metric in (*LINES, "pulse")}
    if not any(sample.is_good for sample in by_metric["hr"]):
        by_metric["hr"] = by_metric["pulse"]
    return {
        "start": plain(start),
        "seconds": length,
        "now": elapsed(start, now).total_seconds(),
        "after": max((sample.sample_id for sample in samples), default=0),
        "lines": {
            metric: plain_columns(
                decimate(
                    by_metric[metric],
                    start=start,
                    column_seconds=length / columns,
                    gap_seconds=CADENCE_SECONDS,
                )
            )
            | {
                "hollow": [
                    [round(one.at_seconds, 1), one.value_milli / 1000, one.why]
                    for one in hollow(by_metric[metric], start=start)
                ]
            }
            for metric in LINES
        },
        "pressures": [
            [
                round(p.at_seconds, 1),
                p.sbp_milli / 1000,
                p.dbp_milli / 1000,
                p.is_believed,
                p.source,
            ]
            for p in pressures(samples, start=start)
        ],
        "limits": limits(view, protocol),
        "dose": _dose(view, start, now),
        "events": [[elapsed(start, event.at).total_seconds(), event.text] for event in view.events],
        "alarms": [_alarm(alarm, start) for alarm in alarms],
    }


def span(
    view: SessionView, samples: Sequence[MetricSample], *, now: datetime
) -> tuple[datetime, datetime]:
    """From ten minutes before the drug (or check-in) to a little after now."""
    start = (view.started_at or view.checked_in_at) - BEFORE
    last = view.closed_at or view.discharged_at or now
    end = max(last + AHEAD, start + timedelta(minutes=SPAN_MINUTES))
    return start, end


def limits(view: SessionView, protocol: Protocol) -> dict[str, list[dict[str, object]]]:
    """The lines of the adopted protocol that this chart can show, by metric, mildest first."""
    found: dict[str, list[dict[str, object]]] = {}
    for limit in protocol.limits:
        if limit.rule not in ("above", "below") or limit.metric not in ("sbp", "dbp", *LINES):
            continue
        found.setdefault(limit.metric, []).append(
            {"at": limit.limit, "rule": limit.rule, "priority": limit.priority}
        )
    return found


def _dose(view: SessionView, start: datetime, now: datetime) -> dict[str, object] | None:
    if view.started_at is None:
        return None
    planned = None
    if view.infusion_minutes is not None:
        planned = view.started_at + timedelta(minutes=view.infusion_minutes)
    return {
        "from": elapsed(start, view.started_at).total_seconds(),
        "to": elapsed(start, view.stopped_at or now).total_seconds(),
        "planned": elapsed(start, planned).total_seconds() if planned else None,
        "is_running": view.stopped_at is None,
        "words": f"{show_mg(view.dose_ug)} {view.route}",
    }


def _alarm(alarm: AlarmView, start: datetime) -> dict[str, object]:
    return {
        "at": elapsed(start, alarm.condition_at).total_seconds(),
        "to": None if alarm.ended_at is None else elapsed(start, alarm.ended_at).total_seconds(),
        "metric": alarm.metric,
        "priority": alarm.priority,
        "words": alarm.message.partition(". ")[0].rstrip("."),
    }


# --- the drug in words -------------------------------------------------------------------------


def drug_now(view: SessionView) -> str:
    """What is being given at this moment, or why nothing is."""
    drug = (
        f"{'Racemic ketamine' if view.drug == 'ketamine' else view.drug.capitalize()} {view.route}"
    )
    if view.phase in ("checked-in", "ready"):
        return f"{drug}, not started"
    if view.phase == "running" and view.rate_ug_per_hour:
        return f"{drug} {_per_hour(view.rate_ug_per_hour)}"
    if view.phase == "paused":
        return f"{drug}, paused"
    if view.phase == "running":
        return drug
    return f"{drug}, stopped"


def _per_hour(rate_ug_per_hour: int) -> str:
    return f"{rate_ug_per_hour // 1000}.{rate_ug_per_hour // 100 % 10} mg/h"


def drug_detail(view: SessionView) -> str:
    """The order behind it."""
    if view.infusion_minutes is None:
        return f"{show_mg(view.dose_ug)} by device"
    return f"{show_mg(view.dose_ug)} over {view.infusion_minutes} min"


def next_words(view: SessionView) -> str:
    """What is next when no observation is due: before the dose and after the patient left."""
    if view.phase == "checked-in":
        return "Draw the dose"
    if view.phase == "ready":
        return "Start the dose"
    if view.phase == "discharged":
        return "Waste what is left" if view.unreconciled_ug else "Close the chair"
    return ""


SET_KINDS = ("sedation", "dissociation", "pressure")
"""Kinds of duty that stand beside their own control of the set."""


def due_by_kind(view: SessionView) -> tuple[dict[str, DutyDue], tuple[DutyDue, ...]]:
    """The most pressing duty of each kind that the set asks for, and every other duty."""
    first: dict[str, DutyDue] = {}
    extra = []
    for duty in view.duties:
        if duty.kind in SET_KINDS and duty.kind not in first:
            first[duty.kind] = duty
        else:
            extra.append(duty)
    return first, tuple(extra)


# --- ratings -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """One thing a nurse rates by one tap: its name, question and anchored options."""

    metric: str
    title: str
    question: str
    options: tuple[Option, ...]


def rating_scales() -> tuple[Rating, ...]:
    """The two ratings that protocols ask for, with their anchors from evidence."""
    return tuple(
        Rating(
            metric=metric, title=scale.title, question=scale.instruction,
            options=scale.items[0].options,
        )
        for metric, scale in (
            ("moaas", load_scale("moaas")),
            ("dissociation", load_scale("dissociation")),
        )
    )  # fmt: skip


# --- the table behind the chart ----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteRow:
    """What was believed last within one minute; a cell of None was not known."""

    at: datetime
    cells: tuple[str | None, ...]


def table_rows(samples: Sequence[MetricSample], *, is_every: bool) -> tuple[object, ...]:
    """Newest first: every stored sample, or one row a minute."""
    newest_first = sorted(samples, key=lambda s: (s.measured_at, s.sample_id), reverse=True)
    if is_every:
        return tuple(newest_first)
    return tuple(
        _minute_row(minute, tuple(group))
        for minute, group in groupby(
            newest_first, key=lambda s: s.measured_at.replace(second=0, microsecond=0)
        )
    )


def _minute_row(minute: datetime, newest_first: Sequence[MetricSample]) -> MinuteRow:
    believed: dict[str, int] = {}
    for sample in newest_first:
        if sample.is_good:
            believed.setdefault(sample.metric, sample.value)
    pressure = None
    if "sbp" in believed and "dbp" in believed:
        pressure = f"{believed['sbp']}/{believed['dbp']}"
    rest = (believed.get(metric) for metric, _ in TABLE_COLUMNS[1:])
    return MinuteRow(
        at=minute, cells=(pressure, *(None if value is None else str(value) for value in rest))
    )
