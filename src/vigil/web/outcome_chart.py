"""The trajectory as shapes: scores, gaps and doses on one time axis.

In: facts. Out: numbers of an SVG that a template draws without any script. Facts only: no forecast.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from vigil.outcome.domain.course import Course, fold_course
from vigil.outcome.domain.facts import Gap, ScorePoint
from vigil.scales.scoring import Scale
from vigil.session.domain.facts import SessionSummary
from vigil.units.amounts import show_mg
from vigil.units.durations import elapsed

WIDTH, HEIGHT = 1000, 472
LEFT, RIGHT, TOP, BOTTOM = 40, 856, 22, 318
MISSED_Y = 340
LANE_TOP, LANE_BOTTOM = 398, 440
SPAN_MIN = timedelta(days=14)
TICKS_MAX = 8
TICK_STEPS_DAYS = (1, 2, 7, 14, 28, 91, 182, 364)
LABEL_GAP = 62
"""Least distance between two dose labels; every dose is in the table as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    y: int
    height: int
    name: str
    range: str
    is_even: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A score: its place, its number, whether it has one."""

    x: int
    y: int
    label: str
    title: str
    is_scored: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    x: int
    y: int
    height: int
    label_y: int
    mg: str
    per_kg: str
    is_labelled: bool
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    y: int
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    x: int
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    x: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Everything that the template draws, and the same in words."""

    bands: tuple[Band, ...]
    marks: tuple[Mark, ...]
    paths: tuple[str, ...]
    doses: tuple[Dose, ...]
    missed: tuple[Missed, ...]
    lines: tuple[Line, ...]
    ticks: tuple[Tick, ...]
    scores: tuple[Tick, ...]
    now_x: int
    course: Course
    summary: str


def draw_chart(
    *,
    scale: Scale,
    points: Sequence[ScorePoint],
    gaps: Sequence[Gap],
    sessions: Sequence[SessionSummary],
    now: datetime,
) -> Chart:
    """The chart of one patient on one scale; `points` and `sessions` oldest first."""
    moments = [now, *(p.at for p in points), *(g.due_at for g in gaps)]
    moments += [s.started_at for s in sessions if s.started_at is not None]
    start, end = min(moments), max(moments)
    start = min(start, end - SPAN_MIN)
    margin = elapsed(start, end) / 40

    def at_x(moment: datetime) -> int:
        whole = elapsed(start - margin, end + margin)
        share = elapsed(start - margin, moment) / whole
        return round(LEFT + min(max(share, 0), 1) * (RIGHT - LEFT))

    first = sessions[0].started_at if sessions else None
    course = fold_course(points, first_dose_at=first, scale=scale)
    return Chart(
        bands=_bands(scale),
        marks=tuple(_mark(point, at_x(point.at), scale) for point in points),
        paths=_paths(points, gaps, scale, at_x),
        doses=_doses(sessions, at_x),
        missed=_missed(gaps, at_x),
        lines=_lines(scale, course),
        ticks=_ticks(start, end, at_x),
        scores=tuple(
            Tick(x=_y(scale, total), label=str(total)) for total in range(0, scale.high + 1, 5)
        ),
        now_x=at_x(now),
        course=course,
        summary=_summary(scale, course, len(points), len(sessions), len(gaps)),
    )


def _y(scale: Scale, total: float) -> int:
    return round(BOTTOM - total / scale.high * (BOTTOM - TOP))


def _bands(scale: Scale) -> tuple[Band, ...]:
    drawn = []
    for place, band in enumerate(scale.bands):
        top = _y(scale, min(band.high + 0.5, scale.high))
        bottom = _y(scale, max(band.low - 0.5, 0))
        drawn.append(
            Band(
                y=top,
                height=bottom - top,
                name=band.name,
                range=f"{band.low}–{band.high}",
                is_even=place % 2 == 0,
            )
        )
    return tuple(drawn)


def _mark(point: ScorePoint, x: int, scale: Scale) -> Mark:
    when = f"{timezone.localtime(point.at):%Y-%m-%d %H:%M}"
    if point.total is None:
        return Mark(
            x=x, y=BOTTOM - 8, label="?", title=f"{when}: too much skipped for a total",
            is_scored=False,
        )  # fmt: skip
    return Mark(
        x=x,
        y=_y(scale, point.total),
        label=str(point.total),
        title=f"{when}: {point.total} ({point.band})",
        is_scored=True,
    )


def _paths(
    points: Sequence[ScorePoint], gaps: Sequence[Gap], scale: Scale, at_x: Callable[[datetime], int]
) -> tuple[str, ...]:
    """Lines between neighbours; none across an unanswered questionnaire or a score without a total."""
    drawn = []
    for before, after in itertools.pairwise(points):
        is_broken = any(before.at < gap.due_at < after.at for gap in gaps)
        if before.total is None or after.total is None or is_broken:
            continue
        drawn.append(
            f"M{at_x(before.at)} {_y(scale, before.total)}"
            f"L{at_x(after.at)} {_y(scale, after.total)}"
        )
    return tuple(drawn)


def _doses(sessions: Sequence[SessionSummary], at_x: Callable[[datetime], int]) -> tuple[Dose, ...]:
    most = max((one.given_ug for one in sessions), default=0)
    drawn, labelled_x = [], -LABEL_GAP
    for one in sessions:
        x = at_x(one.started_at)
        height = round(4 + (LANE_BOTTOM - LANE_TOP - 4) * one.given_ug / most) if most else 4
        is_labelled = x - labelled_x >= LABEL_GAP
        labelled_x = x if is_labelled else labelled_x
        drawn.append(
            Dose(
                x=x,
                y=LANE_BOTTOM - height,
                height=height,
                label_y=LANE_BOTTOM - height - 6,
                mg=show_mg(one.given_ug),
                per_kg=dose_per_kg(one),
                is_labelled=is_labelled,
                title=f"{timezone.localtime(one.started_at):%Y-%m-%d}: {one.drug} "
                f"{show_mg(one.given_ug)} ({dose_per_kg(one)}) {one.route}",
            )
        )
    return tuple(drawn)


def dose_per_kg(session: SessionSummary) -> str:
    """What was given for each kilogram of the weight used that day, to 0.01 mg/kg."""
    if not session.weight_g:
        return "–"
    # Whole numbers: ug of drug over g of weight is mg/kg; rounded to the nearest 10 ug/kg.
    tens = (session.given_ug * 1000 + session.weight_g * 5) // (session.weight_g * 10)
    return f"{show_mg(tens * 10)}/kg"


def _missed(gaps: Sequence[Gap], at_x: Callable[[datetime], int]) -> tuple[Missed, ...]:
    return tuple(
        Missed(
            x=at_x(gap.due_at),
            title=f"Asked for {timezone.localtime(gap.due_at):%Y-%m-%d}, not answered: unknown",
        )
        for gap in gaps
    )


def _lines(scale: Scale, course: Course) -> tuple[Line, ...]:
    drawn = []
    if scale.remission_below is not None:
        drawn.append(
            Line(
                y=_y(scale, scale.remission_below - 0.5),
                label=f"remission: under {scale.remission_below}",
            )
        )
    if course.baseline is not None and course.baseline.total and scale.response_percent:
        line = course.baseline.total * (100 - scale.response_percent) / 100
        drawn.append(
            Line(
                y=_y(scale, line),
                label=f"response: {scale.response_percent} % under the first {course.baseline.total}",
            )
        )
    return tuple(drawn)


def _ticks(start: datetime, end: datetime, at_x: Callable[[datetime], int]) -> tuple[Tick, ...]:
    days = elapsed(start, end).days + 1
    step = next((one for one in TICK_STEPS_DAYS if days / one <= TICKS_MAX), TICK_STEPS_DAYS[-1])
    # The middle of the local day, so that a label never falls on the day before in any zone.
    day = timezone.localtime(start).replace(hour=12, minute=0, second=0, microsecond=0)
    drawn = []
    while day <= end + timedelta(hours=12):
        if day >= start - timedelta(hours=12):
            drawn.append(Tick(x=at_x(day), label=f"{day.day} {day:%b}"))
        day += timedelta(days=step)
    return tuple(drawn)


def _summary(scale: Scale, course: Course, points: int, sessions: int, gaps: int) -> str:
    name = scale.scale_id.upper()
    counted = f"{points} {name} answered, {gaps} not answered, {sessions} sessions."
    if course.latest is None:
        return f"No {name} after the first dose yet. {counted}"
    if course.baseline is None:
        return f"Latest {name} {course.latest.total}; none before the first dose. {counted}"
    return f"{name} {course.baseline.total} before the first dose, {course.latest.total} now. {counted}"
