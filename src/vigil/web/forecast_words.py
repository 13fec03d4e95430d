"""A forecast as the values a chart draws and the sentences a nurse reads.

In: an `Answer` of `session_forecast` and the clinic's clock. Out: plain values for JSON, lines of words, rows of a table. Pure: a
moment becomes text through the function it is given.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vigil.evidence.models import load_model
from vigil.kinetics.bands import Bands, Interval
from vigil.kinetics.facts import Dose, FloatArray
from vigil.kinetics.forecast import Forecast, ModelForecast
from vigil.kinetics.readiness import Reached
from vigil.web.kinetics_chart import STYLES, short_title
from vigil.web.session_forecast import Answer, SoFar

RATE_REMIND_MINUTES = 20.0
"""From this age of the record on, the page asks to read the pump: ten minutes before the forecast goes away."""

ROW_MINUTES = 5
"""One row of the table for every five minutes, the interval of the densest observations."""

ALREADY_SHARE = 0.95
"""As many of the drawn people past a moment: it is told as past, and no sooner."""

Clock = Callable[[datetime], str]
"""The clinic's own clock: a moment to text such as `11:42`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one model says in words."""

    style: str
    title: str
    site: str
    peak: str
    below: str
    below_if_stopped: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: a moment, then for each model as planned and if stopped now."""

    at: str
    minute: int
    is_past: bool
    cells: tuple[str, ...]


def caption(answer: Answer) -> str:
    """The line under the chart: what is fact, what is forecast, from which models."""
    assert answer.forecast is not None
    names = ", ".join(f"{_short(each)} {each.site}" for each in answer.forecast.models)
    count = {2: "two", 3: "three"}.get(
        len(answer.forecast.models), str(len(answer.forecast.models))
    )
    return (
        f"Facts solid, forecast light (effect site, {count} models: {names}; 90 % band, and 90 % "
        "of times in brackets; not used by any alarm)."
    )


def planned_word(answer: Answer) -> str:
    """What the curve as planned stands for: while paused, what a resumption now would bring."""
    giving = answer.asked.giving
    if giving.is_paused:
        return "If resumed now"
    return "As it is" if giving.is_over or not giving.rest else "As planned"


def level_words(answer: Answer) -> str:
    """What the level is, and what it is not; its notes stand with the table."""
    level = answer.level
    title = level.title[:1].lower() + level.title[1:]
    return f"{level.ng_per_ml:g} ng/mL is {title}. Being below it ticks nothing."


def lines(answer: Answer, clock: Clock) -> tuple[Line, ...]:
    """Each model's peak and the time below the level, in the clinic's time."""
    assert answer.forecast is not None
    start = answer.asked.giving.started_at
    level = answer.level.ng_per_ml
    is_same = not answer.asked.giving.rest
    return tuple(
        Line(
            style=style,
            title=_short(each),
            site=each.site,
            peak=_peak(each.peak, start, clock),
            below=_below(each.below[level], answer, clock),
            below_if_stopped="" if is_same else _below(each.below_if_stopped[level], answer, clock),
        )
        for style, each in zip(STYLES, answer.forecast.models, strict=False)
    )


def _short(each: ModelForecast) -> str:
    return short_title(load_model(each.model))


def _peak(peak: Interval, start: datetime, clock: Clock) -> str:
    if peak.share_already > ALREADY_SHARE:
        return "past its peak"
    if peak.median is None:
        return "its peak is beyond the time shown"
    return f"peak about {_at(peak.median, start, clock)}{_range(peak, start, clock)}"


def _below(below: Interval, answer: Answer, clock: Clock) -> str:
    start, level = answer.asked.giving.started_at, f"{answer.level.ng_per_ml:g} ng/mL"
    if below.share_already > ALREADY_SHARE:
        return f"below {level} from now on"
    if below.median is None:
        return f"not below {level} within the time shown"
    return (
        f"below {level} from about {_at(below.median, start, clock)}{_range(below, start, clock)}"
    )


def _at(minutes: float, start: datetime, clock: Clock) -> str:
    return clock(start + timedelta(minutes=minutes))


def _range(interval: Interval, start: datetime, clock: Clock) -> str:
    """The 90 % interval in brackets; an open end is said."""
    low = None if interval.low90 is None else _at(interval.low90, start, clock)
    high = None if interval.high90 is None else _at(interval.high90, start, clock)
    if low is None:
        return ""
    if high is None:
        return f" ({low} or later)"
    return "" if low == high else f" ({low} to {high})"


# --- ready to leave -----------------------------------------------------------------------------

ITEM_WORDS = {
    "SES-SEDATION": "sedation", "SES-DISSOCIATION": "dissociation", "SES-PRESSURE": "pressure",
    "SES-OXYGEN": "oxygen", "SES-ORIENTATION": "orientation", "SES-GAIT": "gait",
    "SES-ALARM": "a standing alarm",
}  # fmt: skip


def ready(answer: Answer, clock: Clock) -> dict[str, str] | None:
    """When the patient may be ready to leave, in three short texts; None when nothing is known."""
    found = answer.ready
    if found is None:
        return None
    start = answer.asked.giving.started_at
    floor = _at(found.floor_minute, start, clock)
    half = _reached_words(found.half_by, found.floor_minute, start, clock)
    ninety = _reached_words(found.ninety_by, found.floor_minute, start, clock)
    rule = answer.asked.protocol.discharge
    since = "the start" if rule.floor_from == "start" else "the pump stops"
    open_words = ", ".join(ITEM_WORDS.get(code, code) for code in found.uncovered_items)
    unknown = f" Nothing published says how long these take: {open_words}." if open_words else ""
    return {
        "half": half or f"not before {floor}",
        "words": _ninety_words(found.half_by, ninety),
        "note": f"Floor {rule.floor_minutes} min after {since}: {floor}. This never ticks a box.{unknown}",
    }


def _ninety_words(half_by: Reached, ninety: str) -> str:
    """What stands beside the moment of half; without a latest moment there is nothing to add but that."""
    if half_by.early is None or half_by.late is None:
        return "how soon after is not known"
    if not ninety:
        return "half by then; 90 % later than shown"
    return f"half by then; 90 % {ninety if ninety.startswith('not') else f'by {ninety}'}"


def _reached_words(reached: Reached, floor: float, start: datetime, clock: Clock) -> str:
    """A moment, a range, or what is known of its beginning; "" when nothing is."""
    if reached.early is None:
        return ""
    # The curve has a point a minute: its first one past the floor is the floor.
    is_floor = reached.early - floor < 1
    early = _at(floor if is_floor else reached.early, start, clock)
    if reached.late is None:
        return f"not before {early}"
    late = _at(reached.late, start, clock)
    return early if early == late else f"{early} to {late}"


# --- for the chart ------------------------------------------------------------------------------


def body(answer: Answer, clock: Clock) -> dict[str, object]:
    """The answer as plain values: minutes count from `started`, concentrations are ng/mL."""
    giving = answer.asked.giving
    told: dict[str, object] = {
        "started": giving.started_at.isoformat(),
        "now": _r(giving.now_minutes),
        "until": answer.until_minutes,
        "given": [_span(dose) for dose in giving.given],
        "rest": [_span(dose) for dose in giving.rest],
        "asks_rate": giving.rate_record_minutes_ago > RATE_REMIND_MINUTES,
        "planned_word": planned_word(answer),
        "ready": ready(answer, clock),
    }
    if answer.refused is not None:
        return told | {
            "state": "refused",
            "words": f"No forecast. {answer.refused.message}",
            "code": answer.refused.code,
        }
    assert answer.forecast is not None
    assert answer.so_far is not None
    return told | {
        "state": "drawn",
        "caption": caption(answer),
        "level": answer.level.ng_per_ml,
        "level_words": level_words(answer),
        "models": _models(answer.forecast, answer.so_far),
        "lines": [
            {
                "style": line.style,
                "title": f"{line.title}, {line.site}",
                "words": f"{line.peak}; {line.below}.",
                "stopped": f"If stopped now: {line.below_if_stopped}."
                if line.below_if_stopped
                else "",
            }
            for line in lines(answer, clock)
        ],
        "has_rest": bool(giving.rest),
    }


def _models(forecast: Forecast, so_far: SoFar) -> list[dict[str, object]]:
    return [
        {
            "style": style,
            "title": _short(each),
            "site": each.site,
            "so_far": _curve(so_far.time_minutes, past),
            "planned": _curve(forecast.time_minutes, each.as_planned),
            "stopped": _curve(forecast.time_minutes, each.if_stopped),
        }
        for style, each, past in zip(STYLES, forecast.models, so_far.bands, strict=False)
    ]


def _curve(time: FloatArray, bands: Bands) -> dict[str, list[float]]:
    return {
        "t": [_r(minute) for minute in time],
        "mid": [_r(value) for value in bands.median],
        "low50": [_r(value) for value in bands.low50],
        "high50": [_r(value) for value in bands.high50],
        "low90": [_r(value) for value in bands.low90],
        "high90": [_r(value) for value in bands.high90],
    }


def _span(dose: Dose) -> list[float]:
    return [_r(dose.start_minutes), _r(dose.start_minutes + (dose.duration_minutes or 0.0))]


def _r(value: float) -> float:
    """To 0.1: finer than any model knows, and half the bytes."""
    return round(float(value), 1)


# --- for the table ------------------------------------------------------------------------------


def columns(answer: Answer) -> tuple[str, ...]:
    """The heads of the table after the time: each model as planned, and if stopped now when that differs."""
    assert answer.forecast is not None
    ways = _ways(answer)
    return tuple(
        f"{_short(each)} ({each.site}), {way}" for each in answer.forecast.models for way in ways
    )


def _ways(answer: Answer) -> tuple[str, ...]:
    first = planned_word(answer).lower()
    return (first, "if stopped now") if answer.asked.giving.rest else (first,)


def rows(answer: Answer, clock: Clock) -> tuple[Row, ...]:
    """What came before, then now, then what is coming, one row every five minutes."""
    assert answer.forecast is not None
    assert answer.so_far is not None
    giving, forecast, so_far = answer.asked.giving, answer.forecast, answer.so_far
    ways = len(_ways(answer))
    before = [
        _row(minute, [b for b in so_far.bands for _ in range(ways)], place, giving.started_at, clock, is_past=True)
        for place, minute in enumerate(so_far.time_minutes[:-1])
        if round(float(minute)) % ROW_MINUTES == 0
    ]  # fmt: skip
    ahead: list[Bands] = []
    for each in forecast.models:
        ahead += [each.as_planned, each.if_stopped][:ways]
    after = [
        _row(minute, ahead, place, giving.started_at, clock, is_past=False)
        for place, minute in enumerate(forecast.time_minutes)
        if place % ROW_MINUTES == 0
    ]
    return (*before, *after)


def _row(
    minute: float,
    bands: Sequence[Bands],
    place: int,
    start: datetime,
    clock: Clock,
    *,
    is_past: bool,
) -> Row:
    return Row(
        at=_at(float(minute), start, clock),
        minute=int(minute),
        is_past=is_past,
        cells=tuple(
            f"{b.median[place]:.0f} ({b.low90[place]:.0f}–{b.high90[place]:.0f})" for b in bands
        ),
    )
