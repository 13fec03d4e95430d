"""Courses as columns, as JSON kinds and as a plain table.

In: courses, and how simulated people differ where somebody asked for it. Out: lists and text; whoever writes a file
takes them from here, so that every file and every screen says the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from vigil.kinetics.bands import Bands
from vigil.kinetics.facts import Course, FloatArray
from vigil.kinetics.system import EFFECT

EDGES = tuple(field.name for field in fields(Bands))
"""The edges of the bands by name: the middle, and the ends of what holds 50 % and 90 %."""

Column = list[float] | list[float | None] | list[str]


_MINUTES_WIDTH = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How simulated people of one model differ: the bands of each analyte over `people` of them."""

    people: int
    seed: int
    bands: Mapping[str, Bands]


class TimesDiffer(ValueError):
    """Courses at different times do not stand in one table."""

    def __init__(self, models: tuple[str, str]) -> None:
        self.models = models
        super().__init__(
            f"{models[0]} and {models[1]} were asked at different times. Ask both at the same times."
        )


def as_columns(
    courses: Sequence[Course], spreads: Sequence[Spread | None] | None = None
) -> dict[str, Column]:
    """Every course under the one before, one row for each model and time.

    Returns:
        `model`, `site`, `time_minutes`, then ANALYTE_ng_per_ml of every analyte of any course, each followed by the
        edges of its bands when there are any. None: this model does not have that analyte.
    """
    found = [None] * len(courses) if spreads is None else list(spreads)
    columns: dict[str, Column] = {
        "model": [course.model for course in courses for _ in course.time_minutes],
        "site": [str(course.site) for course in courses for _ in course.time_minutes],
        "time_minutes": [t for course in courses for t in course.time_minutes.tolist()],
    }
    for analyte in analytes_of(courses):
        name = f"{analyte}_ng_per_ml"
        columns[name] = _stacked(courses, [c.concentrations.get(analyte) for c in courses])
        if not any(found):
            continue
        for edge in EDGES:
            parts = [None if s is None else s.bands.get(analyte) for s in found]
            columns[f"{name}_{edge}"] = _stacked(
                courses, [None if part is None else getattr(part, edge) for part in parts]
            )
    return columns


def analytes_of(courses: Sequence[Course]) -> list[str]:
    """Each analyte once, in the order of the first course that has it; the effect site last."""
    found = dict.fromkeys(name for course in courses for name in course.concentrations)
    return sorted(found, key=lambda name: name == EFFECT)


def _stacked(courses: Sequence[Course], parts: Sequence[FloatArray | None]) -> list[float | None]:
    values: list[float | None] = []
    for course, part in zip(courses, parts, strict=True):
        values += [None] * len(course.time_minutes) if part is None else part.tolist()
    return values


def as_json(course: Course, spread: Spread | None = None) -> dict[str, object]:
    """One course as JSON kinds: what the command line promises, then the version, the notes and what was asked for beyond."""
    shown: dict[str, object] = {
        "model": course.model,
        "site": course.site,
        "time_minutes": course.time_minutes.tolist(),
    }
    for analyte, values in course.concentrations.items():
        shown[f"{analyte}_ng_per_ml"] = values.tolist()
    shown["metrics"] = {
        analyte: {
            "cmax_ng_per_ml": metric.cmax_ng_per_ml,
            "tmax_minutes": metric.tmax_minutes,
            "auc_ng_h_per_ml": metric.auc_ng_h_per_ml,
        }
        for analyte, metric in course.metrics.items()
    }
    if spread is not None:
        shown["bands"] = {"people": spread.people, "seed": spread.seed} | {
            f"{analyte}_ng_per_ml": {edge: getattr(bands, edge).tolist() for edge in EDGES}
            for analyte, bands in spread.bands.items()
        }
    shown["model_version"] = course.model_version
    if course.effect_site is not None:
        shown["effect_site"] = course.effect_site
    shown["notes"] = list(course.notes)
    return shown


def render_plain(courses: Sequence[Course]) -> Iterator[str]:
    """The lines of a plain table: a row for each time, a column for each analyte of each model; then the peaks and areas.

    Raises:
        TimesDiffer: the courses were asked at different times.
    """
    for course in courses[1:]:
        if course.time_minutes.tolist() != courses[0].time_minutes.tolist():
            raise TimesDiffer((courses[0].model, course.model))
    widths = [_widths(course) for course in courses]
    over = [
        f"{course.model}, {course.site}".rjust(sum(w) + 2 * len(w) - 2)
        for course, w in zip(courses, widths, strict=True)
    ]
    yield "  ".join([" " * _MINUTES_WIDTH, *over])
    names = [
        f"{_heading(analyte):>{width}}"
        for course, w in zip(courses, widths, strict=True)
        for analyte, width in zip(course.concentrations, w, strict=True)
    ]
    yield "  ".join([f"{'minutes':>{_MINUTES_WIDTH}}", *names])
    columns = [
        (values, width)
        for course, w in zip(courses, widths, strict=True)
        for values, width in zip(course.concentrations.values(), w, strict=True)
    ]
    for index, minutes in enumerate(courses[0].time_minutes.tolist()):
        cells = [f"{float(values[index]):>{width}.4g}" for values, width in columns]
        yield "  ".join([f"{minutes:>{_MINUTES_WIDTH}.6g}", *cells])
    yield ""
    for course in courses:
        yield from _render_metrics(course)


def _heading(analyte: str) -> str:
    return f"{analyte} ng/mL"


def _widths(course: Course) -> list[int]:
    """The width of each column of a course; the first one is wide enough for the name above them all."""
    widths = [len(_heading(analyte)) for analyte in course.concentrations]
    missing = len(f"{course.model}, {course.site}") - (sum(widths) + 2 * len(widths) - 2)
    widths[0] += max(0, missing)
    return widths


def _render_metrics(course: Course) -> Iterator[str]:
    for analyte, metric in course.metrics.items():
        yield (
            f"{course.model}, {course.site}: {analyte} peaks at {metric.cmax_ng_per_ml:.4g} ng/mL after "
            f"{metric.tmax_minutes:.4g} min; area {metric.auc_ng_h_per_ml:.5g} ng*h/mL"
        )
    for note in course.notes:
        yield f"  note: {note}"
