"""Courses drawn: a PNG or SVG in the look of the pages.

In: courses of one or several models, their bands, what was given. Out: a file. matplotlib draws it; it comes with the extra
`research`, and is imported only when somebody asks for a drawing.

The site stands on the axis, because what is measured in an artery and in a vein of the same person differs more than two
people do. A band says which share of simulated people it holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vigil.kinetics.facts import Course
from vigil.kinetics.table import Spread, analytes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TEXT, MUTED, LINE, SURFACE = "#152022", "#4f5e63", "#d5dbd8", "#ffffff"
"""The light colours of `web/static/vigil/vigil.css`; paper is light."""

SERIES = ("#4a4fc4", "#9c4a12", "#177345", "#8a3f8e", "#4f5e63")
"""Accent and the hues of vital signs. Red, yellow and cyan are alarm priorities and draw no course."""

STYLES = ("-", "--", "-.", ":")
"""Colours come again with another stroke, so that no two of twenty courses look alike."""

FONT = "DejaVu Sans"
"""It comes with matplotlib, so a drawing has the same letters on every machine; the pages' Inter does not."""

PANEL_WIDTH_INCHES, PANEL_HEIGHT_INCHES, MARGIN_INCHES = 8.0, 3.1, 1.5
DOTS_PER_INCH = 150
MINUTES_AXIS_MAX = 300
"""Longer courses are read in hours, and from HOURS_AXIS_MAX on in days."""
HOURS_AXIS_MAX = 96 * 60
LOG_DECADES = 4
"""A logarithmic axis ends this far below the highest value: below it nothing can be measured."""

SHADES = {"90": 0.16, "50": 0.26}

_SETTINGS = {"font.family": FONT, "svg.hashsalt": "vigil", "svg.fonttype": "path"}
"""The salt makes the names inside an SVG the same each time; letters are drawn as outlines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One course to draw, with its bands if there are any."""

    course: Course
    spread: Spread | None = None


def draw_courses(
    drawn: Sequence[Drawn],
    path: Path,
    *,
    kind: Literal["png", "svg"],
    given: Sequence[str],
    person: str,
    is_logarithmic: bool = False,
) -> None:
    """Write the drawing; the same courses give the same bytes.

    Args:
        drawn: one or more courses at the same times.
        path: where to; replaced when it exists.
        kind: what to write.
        given: the doses in words.
        person: whom the course is of, in words.
        is_logarithmic: the axis of concentrations.

    Raises:
        ImportError: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    import matplotlib as mpl

    # Not pyplot: it keeps every figure alive and asks for a screen.
    with mpl.rc_context(_SETTINGS):
        figure = _figure(drawn, given=given, person=person, is_logarithmic=is_logarithmic)
        # The date is the one thing that would make two drawings of the same courses differ.
        figure.savefig(path, format=kind, dpi=DOTS_PER_INCH, metadata=_metadata(kind))


def _metadata(kind: str) -> dict[str, str | None]:
    return {"Software": None} if kind == "png" else {"Date": None, "Creator": "Vigil"}


def _figure(
    drawn: Sequence[Drawn], *, given: Sequence[str], person: str, is_logarithmic: bool
) -> "Figure":
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    analytes = analytes_of([one.course for one in drawn])
    height = PANEL_HEIGHT_INCHES * len(analytes) + MARGIN_INCHES
    figure = Figure(figsize=(PANEL_WIDTH_INCHES, height), facecolor=SURFACE, layout="constrained")
    panels = figure.subplots(len(analytes), 1, sharex=True, squeeze=False)[:, 0]
    scale, unit = _time_axis(float(drawn[0].course.time_minutes.max()))
    for panel, analyte in zip(panels, analytes, strict=True):
        shown = [one for one in drawn if analyte in one.course.concentrations]
        for one in shown:
            _draw_one(panel, one, analyte, number=drawn.index(one), scale=scale)
        _dress(panel, shown, analyte, is_logarithmic=is_logarithmic)
    panels[-1].set_xlabel(f"{unit} after the start", color=MUTED)
    panels[-1].set_xlim(0.0, float(drawn[0].course.time_minutes.max()) / scale)
    # Ticks by 10, 30 or 60 minutes (and 1, 3 or 6 hours) are read off faster than by 50.
    panels[-1].xaxis.set_major_locator(MaxNLocator(nbins=9, steps=[1, 3, 6, 10]))
    figure.suptitle(_title(given), x=0.01, ha="left", color=TEXT, fontweight="bold")
    figure.supxlabel(_small_print(drawn, person), x=0.01, ha="left", color=MUTED, fontsize=8)  # fmt: skip
    return figure


def _time_axis(minutes: float) -> tuple[float, str]:
    if minutes <= MINUTES_AXIS_MAX:
        return 1.0, "minutes"
    return (60.0, "hours") if minutes <= HOURS_AXIS_MAX else (1440.0, "days")


def _draw_one(panel: "Axes", one: Drawn, analyte: str, *, number: int, scale: float) -> None:
    colour = SERIES[number % len(SERIES)]
    style = STYLES[number // len(SERIES) % len(STYLES)]
    times = one.course.time_minutes / scale
    if one.spread is not None and analyte in one.spread.bands:
        found = one.spread.bands[analyte]
        for share, alpha in SHADES.items():
            panel.fill_between(
                times, getattr(found, f"low{share}"), getattr(found, f"high{share}"),
                color=colour, alpha=alpha, linewidth=0,
            )  # fmt: skip
    panel.plot(
        times, one.course.concentrations[analyte],
        color=colour, linestyle=style, linewidth=1.8, label=f"{one.course.model} ({one.course.site})",
    )  # fmt: skip


def _dress(panel: "Axes", shown: Sequence[Drawn], analyte: str, *, is_logarithmic: bool) -> None:
    panel.set_ylabel(f"{analyte}, ng/mL\n{_site_words(shown, analyte)}", color=MUTED)
    top = max(float(one.course.concentrations[analyte].max()) for one in shown)
    # Before the first dose there is nothing that a logarithmic axis could show.
    if is_logarithmic and top > 0:
        panel.set_yscale("log")
        panel.set_ylim(bottom=top / 10**LOG_DECADES)
    else:
        panel.set_ylim(bottom=0.0)
    panel.set_facecolor(SURFACE)
    panel.grid(color=LINE, linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color(LINE)
    panel.tick_params(colors=MUTED, labelcolor=TEXT, labelsize=9)
    panel.legend(frameon=False, labelcolor=TEXT, fontsize=9, loc="upper right")  # fmt: skip


def _site_words(shown: Sequence[Drawn], analyte: str) -> str:
    if analyte == "effect":
        return "at the effect site"
    sites = list(dict.fromkeys(one.course.site for one in shown))
    return f"in {' and '.join(sites)} plasma"


def _title(given: Sequence[str]) -> str:
    many = f" and {len(given) - 3} more doses" if len(given) > 3 else ""
    return ", ".join(given[:3]) + many


def _small_print(drawn: Sequence[Drawn], person: str) -> str:
    lines = [f"Lines: the typical person, {person}."]
    spread = [one.spread for one in drawn if one.spread is not None]
    if spread:
        lines.append(
            f"Bands: the middle 50 % and 90 % of {spread[0].people} simulated people each (seed {spread[0].seed}), "
            "without the error of a measurement."
        )
    lines.append("A published model, not a measurement, and no advice about a dose.")
    return "\n".join(lines)
