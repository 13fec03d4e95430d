"""What the board says about a chair, and the session page about its numbers: words and shapes, no decisions.

In: the session room's frozen views, the protocol, recent samples. Out: frozen cards ready to render. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vigil.evidence.protocols import Protocol
from vigil.session.domain.facts import (
    AlarmView,
    ChairView,
    DutyDue,
    Latest,
    MetricSample,
    SessionView,
)
from vigil.units.amounts import show_mg
from vigil.units.durations import elapsed, whole_minutes
from vigil.web.history import decimate, pressures

FRESH_SECONDS = 5
"""Older than this, a number of a continuous channel is drawn hollow and the chair says "no data"."""

CONTINUOUS = frozenset({"hr", "pulse", "spo2", "rr", "etco2"})

LABELS = {
    "bp": "Pressure", "sbp": "Pressure", "dbp": "Pressure", "spo2": "SpO₂", "hr": "Heart rate",
    "pulse": "Pulse", "rr": "Breaths", "moaas": "MOAA/S", "dissociation": "dissociation",
    "anxiety": "anxiety", "nausea": "nausea", "pain": "pain",
}  # fmt: skip

ICONS = {"high": "▲▲▲", "medium": "▲▲", "low": "▲"}
"""As many marks as the priority weighs, so that no priority is told by colour alone."""

TREND = timedelta(minutes=45)
"""How far back the small trend of the board looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One big number. `is_hollow`: it is old or not believed, and must not be read as now."""

    metric: str
    label: str
    text: str
    unit: str
    age_seconds: int | None
    is_live: bool
    is_hollow: bool
    is_by_hand: bool
    delta: str
    quality: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """The head of a chair: `kind` is calm, low, medium, high or silent."""

    kind: str
    icon: str
    words: str
    priority: str
    since: datetime | None
    alarm: AlarmView | None
    others: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the giving or the watching has come."""

    phase: str
    words: str
    detail: str
    percent: int
    is_watching: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A small picture of the last minutes in a box of `WIDTH` x `HEIGHT`."""

    bars: tuple[tuple[float, float, float], ...]
    line: str
    levels: tuple[tuple[int, float], ...]
    gap_from: float | None
    gap_width: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChairCard:
    """Everything that one chair of the board shows."""

    chair: ChairView
    session: SessionView | None
    strip: Strip | None
    progress: Progress | None
    numbers: tuple[Number, ...]
    rated: str
    waits: tuple[str, ...]
    trend: Trend | None
    duty: DutyDue | None
    advice: str


def chair_card(
    chair: ChairView, *, protocol: Protocol | None, trend: Trend | None, now: datetime
) -> ChairCard:
    """The card of a chair; an empty chair has a name and nothing else."""
    view = chair.session
    if view is None:
        return ChairCard(
            chair=chair, session=None, strip=None, progress=None, numbers=(), rated="", waits=(),
            trend=None, duty=None, advice="",
        )  # fmt: skip
    head = strip(view, now=now)
    return ChairCard(
        chair=chair,
        session=view,
        strip=head,
        progress=progress(view, protocol, now=now),
        numbers=numbers(view),
        rated=rated(view),
        waits=waits(view),
        trend=trend,
        duty=view.next_duty,
        advice=advice(head.alarm),
    )


def strip(view: SessionView, *, now: datetime) -> Strip:
    """The most pressing thing about a chair: a high alarm, then silence, then other alarms, then calm."""
    top = view.top_alarm
    silent = view.is_data_silent and view.phase != "discharged"
    others = max(len(view.alarms) - 1, 0)
    if silent and (top is None or top.priority != "high"):
        since = now - timedelta(seconds=view.data_age_seconds or 0)
        return Strip(
            kind="silent", icon="▨", words="No data — look at patient", priority="technical",
            since=since, alarm=top, others=len(view.alarms) - 1 if top else 0,
        )  # fmt: skip
    if top is None:
        return Strip(
            kind="calm", icon="", words="No alarm", priority="", since=None, alarm=None, others=0
        )
    return Strip(
        kind=top.priority, icon=ICONS[top.priority], words=alarm_words(top, view),
        priority=top.priority, since=top.condition_at, alarm=top, others=others,
    )  # fmt: skip


def alarm_words(alarm: AlarmView, view: SessionView) -> str:
    """What is wrong, in as few words as a glance takes; the value is the one that raised it."""
    if alarm.metric in ("sbp", "dbp") and _pressure(view):
        return f"Pressure {_pressure(view)}"
    if alarm.metric in ("hr", "pulse", "spo2", "rr") and not _is_technical(alarm):
        return f"{LABELS[alarm.metric]} {alarm.value}"
    return alarm.message.partition(". ")[0].rstrip(".")


def advice(alarm: AlarmView | None) -> str:
    """What the adopted protocol says to do about it: its message after the first sentence."""
    return "" if alarm is None else alarm.message.partition(". ")[2].rstrip(".")


def _is_technical(alarm: AlarmView) -> bool:
    return "silent" in alarm.limit_id or "flat" in alarm.limit_id


def numbers(view: SessionView) -> tuple[Number, ...]:
    """Pressure, saturation, heart rate (or pulse) and breaths, each with its true age."""
    heart = "hr" if _held(view, "hr") or not _held(view, "pulse") else "pulse"
    return (
        _pressure_number(view),
        *(_number(view, metric) for metric in ("spo2", heart, "rr")),
    )


def _held(view: SessionView, metric: str) -> Latest | None:
    latest = view.latest.get(metric)
    return latest if latest is not None and latest.value_milli is not None else None


def _pressure(view: SessionView) -> str:
    sbp, dbp = _held(view, "sbp"), _held(view, "dbp")
    return f"{sbp.value}/{dbp.value}" if sbp and dbp else ""


def _pressure_number(view: SessionView) -> Number:
    sbp, dbp = _held(view, "sbp"), _held(view, "dbp")
    delta = ""
    if sbp and dbp and sbp.from_baseline is not None and dbp.from_baseline is not None:
        delta = f"{_signed(sbp.from_baseline)} / {_signed(dbp.from_baseline)}"
    is_believed = bool(sbp and dbp and sbp.quality == "good" and dbp.quality == "good")
    return Number(
        metric="bp",
        label="Pressure",
        text=_pressure(view) or "–",
        unit="mmHg",
        age_seconds=sbp.age_seconds if sbp else None,
        is_live=False,
        is_hollow=bool(sbp) and (view.is_data_silent or not is_believed),
        is_by_hand=bool(sbp and sbp.source == "manual"),
        delta=delta,
        quality=sbp.quality if sbp else "",
    )


def _number(view: SessionView, metric: str) -> Number:
    latest = _held(view, metric)
    if latest is None:
        return Number(
            metric=metric, label=LABELS[metric], text="–", unit="", age_seconds=None, is_live=False,
            is_hollow=False, is_by_hand=False, delta="", quality="",
        )  # fmt: skip
    by_hand = latest.source == "manual"
    is_old = (latest.age_seconds or 0) > FRESH_SECONDS and not by_hand
    return Number(
        metric=metric,
        label=LABELS[metric],
        text=str(latest.value),
        unit=latest.unit,
        age_seconds=latest.age_seconds,
        is_live=not by_hand,
        is_hollow=is_old or latest.quality != "good",
        is_by_hand=by_hand,
        delta="",
        quality=latest.quality,
    )


def _signed(difference: int) -> str:
    return f"+{difference}" if difference >= 0 else f"−{-difference}"


def rated(view: SessionView) -> str:
    """What a nurse rated last, as one line."""
    scales = (("moaas", ""), ("dissociation", "/10"), ("anxiety", "/10"), ("nausea", "/3"))
    parts = [
        f"{LABELS[metric]} {latest.value}{of}"
        for metric, of in scales
        if (latest := _held(view, metric)) is not None
    ]
    return " · ".join(parts)


def waits(view: SessionView) -> tuple[str, ...]:
    """What the discharge still waits for, once the drug has stopped."""
    if view.phase != "observing":
        return ()
    return tuple(item.waits_for or item.text for item in view.discharge_items if not item.is_met)


PHASES = {
    "checked-in": "Checked in",
    "ready": "Ready",
    "running": "Infusing",
    "paused": "Paused",
    "observing": "Observing",
    "discharged": "Discharged",
    "closed": "Closed",
}


def progress(view: SessionView, protocol: Protocol | None, *, now: datetime) -> Progress:
    """How far along the session is, in minutes and milligrams."""
    dose = f"{show_running_mg(view.given_ug)} of {show_mg(view.dose_ug)}"
    if view.started_at is None:
        return Progress(
            phase=PHASES[view.phase], words="", detail=f"{view.drug} {show_mg(view.dose_ug)} planned",
            percent=0, is_watching=False,
        )  # fmt: skip
    if view.phase in ("running", "paused"):
        planned = view.infusion_minutes
        done = whole_minutes(view.started_at, now)
        word = "Giving" if planned is None else PHASES[view.phase]
        return Progress(
            phase="Paused" if view.phase == "paused" else word,
            words=_minutes(done, planned),
            detail=f"{dose} {view.route}",
            percent=min(100, view.given_ug * 100 // max(view.dose_ug, 1)),
            is_watching=False,
        )
    return _watching(view, protocol, now=now)


def _minutes(done: int, planned: int | None) -> str:
    if planned is None:
        return f"{done} min"
    return f"{done} of {planned} min" if done <= planned else f"{done} min, planned {planned}"


def _watching(view: SessionView, protocol: Protocol | None, *, now: datetime) -> Progress:
    floor = protocol.discharge.floor_minutes if protocol else 0
    since = view.started_at
    if protocol is not None and protocol.discharge.floor_from == "stop":
        since = view.stopped_at or view.started_at
    done = whole_minutes(since, view.discharged_at or now)
    return Progress(
        phase=PHASES[view.phase],
        words=f"{done} of {floor} min" if floor else f"{done} min",
        detail=f"{view.drug} {show_mg(view.given_ug)} {view.route} given",
        percent=min(100, done * 100 // floor) if floor else 100,
        is_watching=True,
    )


def show_running_mg(given_ug: int) -> str:
    """An amount that is still rising, to 0.1 mg and never rounded up: the exact one stands in the note.

    >>> show_running_mg(19_680)
    '19.6'
    """
    return f"{given_ug // 1000}.{given_ug // 100 % 10}"


WIDTH, HEIGHT = 300, 130
LOWEST, HIGHEST = 40, 200


def draw_trend(samples: Sequence[MetricSample], *, now: datetime) -> Trend:
    """The last 45 minutes: pressures as bars, heart rate as a line with its gaps."""
    start = now - TREND
    bars = tuple(
        (_x(reading.at_seconds), _y(reading.sbp_milli), _y(reading.dbp_milli))
        for reading in pressures(samples, start=start)
        if reading.is_believed
    )
    hearts = [sample for sample in samples if sample.metric == "hr"] or [
        sample for sample in samples if sample.metric == "pulse"
    ]
    columns = decimate(hearts, start=start, column_seconds=TREND.total_seconds() / WIDTH)
    seen = [sample.measured_at for sample in hearts if sample.is_good]
    silent = elapsed(max(seen), now).total_seconds() if seen else 0
    return Trend(
        bars=bars,
        line=_path(columns),
        levels=tuple((level, _y(level * 1000)) for level in (80, 120, 160)),
        gap_from=_x(TREND.total_seconds() - silent) if silent > FRESH_SECONDS else None,
        gap_width=_x(min(silent, TREND.total_seconds())),
        words=_trend_words(columns, len(bars)),
    )


def _path(columns: Sequence) -> str:
    steps, is_new = [], True
    for column in columns:
        if column.is_gap:
            is_new = True
            continue
        steps.append(
            f"{'M' if is_new else 'L'}{_x(column.at_seconds):.1f} {_y(column.middle_milli):.1f}"
        )
        is_new = False
    return "".join(steps)


def _trend_words(columns: Sequence, bars: int) -> str:
    values = [column for column in columns if not column.is_gap]
    if not values:
        return f"Last 45 minutes: {bars} pressures, no heart rate."
    low = min(column.low_milli for column in values) // 1000
    high = max(column.high_milli for column in values) // 1000
    return f"Last 45 minutes: heart rate {low} to {high}, {bars} pressures."


def _x(at_seconds: float) -> float:
    return round(at_seconds / TREND.total_seconds() * (WIDTH - 26), 1)


def _y(value_milli: int) -> float:
    share = (value_milli / 1000 - LOWEST) / (HIGHEST - LOWEST)
    return round(HEIGHT - 4 - min(max(share, 0), 1) * (HEIGHT - 8), 1)
