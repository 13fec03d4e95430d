"""What the board says about a chair, and the session page about its numbers: words and shapes, no decisions.

In: the session room's frozen views, the protocol, recent samples. Out: frozen cards ready to render. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
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
    """One big number. `is_hollow`: it is old or not believed, and must not be read as now.

    `doubt` is the word that stands beside it then: "old" or "not believed".
    """

    metric: str
    label: str
    text: str
    unit: str
    age_seconds: int | None
    is_live: bool
    is_hollow: bool
    doubt: str
    is_by_hand: bool
    delta: str
    quality: str

    @property
    def short(self) -> str:
        """The label where there is no room for words."""
        return {"bp": "BP", "hr": "HR", "rr": "RR"}.get(self.metric, self.label)

    @property
    def age_words(self) -> str:
        return "" if self.age_seconds is None else age_words(self.age_seconds)


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
    marks: tuple[tuple[int, float], ...]
    """The levels again with their height in percent: the words beside the picture are not stretched with it."""
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
    to_see: AlarmView | None
    """The alarm that the Seen button is for: the first that nobody has seen."""
    to_see_words: str
    """Its words, where the strip says something else."""

    @property
    def more_waits(self) -> int:
        """How many open items the card does not name."""
        return max(len(self.waits) - 1, 0)


def chair_card(
    chair: ChairView, *, protocol: Protocol | None, trend: Trend | None, now: datetime
) -> ChairCard:
    """The card of a chair; an empty chair has a name and nothing else."""
    view = chair.session
    if view is None:
        return ChairCard(
            chair=chair, session=None, strip=None, progress=None, numbers=(), rated="", waits=(),
            trend=None, duty=None, advice="", to_see=None, to_see_words="",
        )  # fmt: skip
    head = strip(view, now=now)
    to_see = next((alarm for alarm in view.alarms if alarm.acknowledged_at is None), None)
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
        to_see=to_see,
        to_see_words="" if to_see is None or to_see is head.alarm else alarm_words(to_see, view),
    )


def strip(view: SessionView, *, now: datetime) -> Strip:
    """The most pressing thing about a chair: a high alarm nobody saw, silence, other alarms, calm."""
    return strips(view, now=now)[0]


def strips(view: SessionView, *, now: datetime) -> tuple[Strip, ...]:
    """Everything that stands, one strip each, the most pressing first; one calm strip when nothing does.

    `others` of the first one says how many follow it.
    """
    standing = [_alarm_strip(alarm, view) for alarm in view.alarms]
    if view.is_data_silent and view.phase != "discharged":
        top = view.top_alarm
        is_louder = top is not None and top.priority == "high" and top.acknowledged_at is None
        standing.insert(1 if is_louder else 0, _silent_strip(view, now))
    if not standing:
        return (
            Strip(kind="calm", icon="", words="No alarm", priority="", since=None, alarm=None, others=0),
        )  # fmt: skip
    return (replace(standing[0], others=len(standing) - 1), *standing[1:])


def _alarm_strip(alarm: AlarmView, view: SessionView) -> Strip:
    return Strip(
        kind=alarm.priority, icon=ICONS[alarm.priority], words=alarm_words(alarm, view),
        priority=alarm.priority, since=alarm.condition_at, alarm=alarm, others=0,
    )  # fmt: skip


def _silent_strip(view: SessionView, now: datetime) -> Strip:
    return Strip(
        kind="silent", icon="▨", words="No data — look at patient", priority="technical",
        since=now - timedelta(seconds=view.data_age_seconds or 0), alarm=None, others=0,
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
    doubt = _doubt(
        [one.quality for one in (sbp, dbp) if one],
        is_old=view.is_data_silent or _is_overdue(view, "pressure"),
    )
    return Number(
        metric="bp",
        label="Pressure",
        text=_pressure(view) or "–",
        unit="mmHg",
        age_seconds=sbp.age_seconds if sbp else None,
        is_live=False,
        is_hollow=bool(sbp and doubt),
        doubt=doubt if sbp else "",
        is_by_hand=bool(sbp and sbp.source == "manual"),
        delta=delta,
        quality=sbp.quality if sbp else "",
    )


def _number(view: SessionView, metric: str) -> Number:
    latest = _held(view, metric)
    if latest is None:
        sent = view.latest.get(metric)
        doubt = _doubt([sent.quality], is_old=False) if sent else ""
        return Number(
            metric=metric, label=LABELS[metric], text="–", unit="", age_seconds=None, is_live=False,
            is_hollow=bool(doubt), doubt=doubt, is_by_hand=False, delta="", quality="",
        )  # fmt: skip
    by_hand = latest.source == "manual"
    if by_hand:
        is_old = metric == "spo2" and _is_overdue(view, "oxygen")
    else:
        is_old = (latest.age_seconds or 0) > FRESH_SECONDS
    doubt = _doubt([latest.quality], is_old=is_old)
    return Number(
        metric=metric,
        label=LABELS[metric],
        text=str(latest.value),
        unit=latest.unit,
        age_seconds=latest.age_seconds,
        is_live=not by_hand,
        is_hollow=bool(doubt),
        doubt=doubt,
        is_by_hand=by_hand,
        delta="",
        quality=latest.quality,
    )


def _doubt(qualities: Iterable[str], *, is_old: bool) -> str:
    """Why a number is not to be read as now, in a word; "" when it is."""
    found = tuple(qualities)
    if any(quality.startswith("gated:") for quality in found):
        return "not believed"
    return "old" if is_old or any(quality != "good" for quality in found) else ""


def _is_overdue(view: SessionView, kind: str) -> bool:
    """Whether the newest value of this kind is older than its duty allows: its interval and its allowance."""
    return any(duty.kind == kind and duty.state == "late" for duty in view.duties)


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
    open_items = (item for item in view.discharge_items if not item.is_met)
    return tuple((item.waits_for or item.text).rstrip(".") for item in open_items)


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


def age_words(seconds: int) -> str:
    """How old a value is, as a person says it.

    >>> age_words(59), age_words(1_559), age_words(3_900)
    ('now', '25 min ago', '1 h 5 min ago')
    """
    hours, minutes = divmod(seconds // 60, 60)
    if not hours:
        return f"{minutes} min ago" if minutes else "now"
    return f"{hours} h {minutes} min ago" if minutes else f"{hours} h ago"


def show_running_mg(given_ug: int) -> str:
    """An amount that is still rising, to 0.1 mg and never rounded up: the exact one stands in the note.

    >>> show_running_mg(19_680)
    '19.6'
    """
    return f"{given_ug // 1000}.{given_ug // 100 % 10}"


WIDTH, HEIGHT = 300, 130
LOWEST, HIGHEST = 40, 200
LEVELS = (80, 120, 160)


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
        levels=tuple((level, _y(level * 1000)) for level in LEVELS),
        marks=tuple((level, round(100 * _y(level * 1000) / HEIGHT, 1)) for level in LEVELS),
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
