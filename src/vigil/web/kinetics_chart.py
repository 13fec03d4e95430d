"""The planned course as shapes: blood and effect site, one panel each, several models on one axis.

In: courses of `kinetics.planned` and the doses. Out: numbers of an SVG that a template draws without any script, and the same
in rows and words. The field of each panel is stretched to the screen while its words keep their size, so a phone shows
the same as paper.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vigil.kinetics.bands import Bands
from vigil.kinetics.facts import Dose, FloatArray, Model
from vigil.kinetics.planned import PlannedCourse

SIDE = 1000
"""Width and height of a panel's field before it is stretched."""
TICK_STEPS = (5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000)
TICKS_MAX = 5
MINUTE_STEPS = (10, 20, 30, 60, 120, 240)
MINUTE_TICKS_MAX = 6
"""More would touch one another on a phone."""
HEADROOM = 1.06
"""The highest band ends this far below the top, so that it does not look cut."""
ROW_MINUTES = 10
"""One row of the table for each ten minutes: what a person reads out, not what a program computes with."""
STYLES = ("one", "two", "three")
"""CSS classes of the models in the order drawn: solid, dashed, dotted; no model is told by colour alone."""

SITE_WORDS = {"arterial": "arterial blood", "venous": "venous blood"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A value on an axis; `percent` from the left or from the top."""

    percent: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One model in one panel: the 90 % band, the 50 % band, the middle."""

    style: str
    band90: str
    band50: str
    middle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One axis of concentration; `site` stands on it."""

    name: str
    site: str
    curves: tuple[Curve, ...]
    ticks: tuple[Tick, ...]
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One dose on the time axis, in percent of its width."""

    x: float
    width: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One model of the legend, in words."""

    style: str
    title: str
    model: Model
    site: str
    site_is_ours: bool
    typical_of: str
    borrowed_from: str
    peak_in_blood: str
    peak_at_effect_site: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: a minute, then for each model blood and effect site."""

    minute: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Everything that the template draws, and the same in words."""

    panels: tuple[Panel, ...]
    minutes: tuple[Tick, ...]
    bars: tuple[Bar, ...]
    keys: tuple[Key, ...]
    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    words: str


def draw_planned(
    courses: Sequence[PlannedCourse], *, doses: Sequence[Dose], titles: dict[str, str]
) -> Chart:
    """The chart of a planned session.

    Args:
        courses: one for each model drawn, on the same times; at least one.
        doses: as planned, from minute 0.
        titles: name of a model -> its title, for models whose variability was borrowed.
    """
    assert courses
    time = courses[0].time_minutes
    top = HEADROOM * max(float(b.high90.max()) for c in courses for b in (c.in_blood, c.at_effect))
    return Chart(
        panels=(
            _panel("In blood", _sites(courses), [c.in_blood for c in courses], time, top),
            _panel("At the effect site", "effect site", [c.at_effect for c in courses], time, top),
        ),
        minutes=_minute_ticks(float(time[-1])),
        bars=tuple(_bar(dose, float(time[-1])) for dose in doses),
        keys=tuple(
            _key(course, style, titles) for course, style in zip(courses, STYLES, strict=False)
        ),
        rows=_rows(courses),
        columns=tuple(
            f"{short_title(course.model)}, {site}"
            for course in courses
            for site in (SITE_WORDS[course.model.site], "effect site")
        ),
        words=_words(courses),
    )


def short_title(model: Model) -> str:
    """Author and year: what stands before the first comma or bracket of the title."""
    return model.title.partition(",")[0].partition(" (")[0]


def _sites(courses: Sequence[PlannedCourse]) -> str:
    """The sampling sites of the panel, each once, in the order drawn."""
    return " and ".join(dict.fromkeys(SITE_WORDS[c.model.site] for c in courses))


def _panel(name: str, site: str, bands: Sequence[Bands], time: FloatArray, top: float) -> Panel:
    curves = tuple(_curve(one, style, time, top) for one, style in zip(bands, STYLES, strict=False))
    return Panel(
        name=name, site=site, curves=curves, ticks=_value_ticks(top), label=f"ng/mL, {site}"
    )


def _curve(bands: Bands, style: str, time: FloatArray, top: float) -> Curve:
    x = SIDE * (time - time[0]) / (time[-1] - time[0])

    def points(values: FloatArray) -> list[str]:
        y = SIDE * (1 - values / top)
        return [f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True)]

    def area(low: FloatArray, high: FloatArray) -> str:
        return f"M{'L'.join([*points(high), *reversed(points(low))])}Z"

    return Curve(
        style=style,
        band90=area(bands.low90, bands.high90),
        band50=area(bands.low50, bands.high50),
        middle=f"M{'L'.join(points(bands.median))}",
    )


def _value_ticks(top: float) -> tuple[Tick, ...]:
    step = next((one for one in TICK_STEPS if top / one <= TICKS_MAX), TICK_STEPS[-1])
    return tuple(
        Tick(percent=round(100 * (1 - value / top), 2), label=str(value))
        for value in range(0, int(top) + 1, step)
    )


def _minute_ticks(until: float) -> tuple[Tick, ...]:
    step = next((s for s in MINUTE_STEPS if until / s <= MINUTE_TICKS_MAX), MINUTE_STEPS[-1])
    return tuple(
        Tick(percent=round(100 * minute / until, 2), label=str(minute))
        for minute in range(0, int(until) + 1, step)
    )


def _bar(dose: Dose, until: float) -> Bar:
    minutes = dose.duration_minutes or 0.0
    # A device has no length in time; it is drawn as a mark that can be seen.
    least = 100 * 1.2 / until
    return Bar(
        x=round(100 * dose.start_minutes / until, 2),
        width=round(max(100 * minutes / until, least), 2),
        words=f"{dose.amount_ug / 1000:g} mg",
    )


def _key(course: PlannedCourse, style: str, titles: dict[str, str]) -> Key:
    model = course.model
    borrowed = model.borrowed_variability_from
    return Key(
        style=style,
        title=short_title(model),
        model=model,
        site=SITE_WORDS[model.site],
        site_is_ours=not model.site_is_stated,
        typical_of=model.population[:1].lower() + model.population[1:],
        borrowed_from="" if borrowed is None else titles.get(borrowed, borrowed),
        peak_in_blood=peak_words(course.in_blood, course.time_minutes),
        peak_at_effect_site=peak_words(course.at_effect, course.time_minutes),
    )


def peak_words(bands: Bands, time: FloatArray) -> str:
    """The highest middle value, its 90 % band at that minute, and the minute."""
    at = int(np.argmax(bands.median))
    return (
        f"{bands.median[at]:.0f} ng/mL ({bands.low90[at]:.0f} to {bands.high90[at]:.0f}) "
        f"at {time[at]:.0f} min"
    )


def _rows(courses: Sequence[PlannedCourse]) -> tuple[Row, ...]:
    time = courses[0].time_minutes
    return tuple(
        Row(
            minute=round(float(minute)),
            cells=tuple(
                _cell(bands, place)
                for course in courses
                for bands in (course.in_blood, course.at_effect)
            ),
        )
        for place, minute in enumerate(time)
        if round(float(minute)) % ROW_MINUTES == 0
    )


def _cell(bands: Bands, place: int) -> str:
    return f"{bands.median[place]:.0f} ({bands.low90[place]:.0f}–{bands.high90[place]:.0f})"


def _words(courses: Sequence[PlannedCourse]) -> str:
    """What a screen reader hears in place of the picture."""
    return " ".join(
        f"{short_title(c.model)}: {SITE_WORDS[c.model.site]} highest at "
        f"{peak_words(c.in_blood, c.time_minutes)}; effect site at "
        f"{peak_words(c.at_effect, c.time_minutes)}."
        for c in courses
    )
