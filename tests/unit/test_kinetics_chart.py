"""Drawings: site on the axis, bands with their coverage, colours that are no alarm. INV-KIN-79."""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image
from matplotlib.figure import Figure

from vigil.config import kinetics_chart
from vigil.config.kinetics_chart import SERIES, STYLES, Drawn, draw_courses
from vigil.kinetics.bands import bands_of
from vigil.kinetics.facts import Course, Exposure
from vigil.kinetics.table import Spread

ROOT = Path(__file__).resolve().parents[2]
LOOK = (ROOT / "src/vigil/web/static/vigil/vigil.css").read_text()
PEAK = Exposure(cmax_ng_per_ml=1.0, tmax_minutes=1.0, auc_ng_h_per_ml=1.0)


def drawn(
    name: str, site: str = "venous", *, minutes: float = 240.0, spread=False, **scale: float
) -> Drawn:
    """A rising and falling course, scaled for each analyte."""
    times = np.linspace(0.0, minutes, 121)
    shape = times / minutes * np.exp(-5 * times / minutes)
    values = {analyte: shape * factor for analyte, factor in scale.items()}
    people = Spread(
        people=100,
        seed=4,
        bands={a: bands_of(np.outer(v, np.linspace(0.5, 2.0, 50))) for a, v in values.items()},
    )
    course = Course(
        model=name, model_version=1, site=site, effect_site=None, time_minutes=times,  # type: ignore[arg-type]
        concentrations=values, metrics=dict.fromkeys(values, PEAK),
    )  # fmt: skip
    return Drawn(course=course, spread=people if spread else None)


def figure(
    *courses: Drawn, is_logarithmic: bool = False, given=("84 mg nasal at 0 min",)
) -> Figure:
    return kinetics_chart._figure(
        courses, given=given, person="40 years, 70 kg", is_logarithmic=is_logarithmic
    )


def test_every_analyte_has_a_panel_and_every_model_a_line() -> None:
    made = figure(drawn("one", ketamine=500.0, norketamine=90.0), drawn("two", ketamine=300.0))

    ketamine, norketamine = made.axes
    assert [line.get_label() for line in ketamine.lines] == ["one (venous)", "two (venous)"]
    assert [line.get_label() for line in norketamine.lines] == ["one (venous)"]
    assert [t.get_text() for t in ketamine.get_legend().get_texts()] == ["one (venous)", "two (venous)"]  # fmt: skip


def test_a_line_holds_the_numbers_of_its_course() -> None:
    """INV-KIN-79: a drawing is the course and no smoothing of it."""
    one = drawn("one", ketamine=500.0)

    (line,) = figure(one).axes[0].lines

    assert np.array_equal(line.get_xdata(), one.course.time_minutes)
    assert np.array_equal(line.get_ydata(), one.course.concentrations["ketamine"])


@pytest.mark.parametrize(
    ("sites", "words"),
    [
        (("venous",), "in venous plasma"),
        (("arterial", "arterial"), "in arterial plasma"),
        (("arterial", "venous"), "in arterial and venous plasma"),
    ],
)
def test_the_site_stands_on_the_axis(sites: tuple[str, ...], words: str) -> None:
    """Reference, section 4: a site label on every axis."""
    made = figure(*(drawn(f"m{k}", site, ketamine=9.0, effect=5.0) for k, site in enumerate(sites)))

    ketamine, effect = made.axes
    assert ketamine.get_ylabel() == f"ketamine, ng/mL\n{words}"
    assert effect.get_ylabel() == "effect, ng/mL\nat the effect site"


@pytest.mark.parametrize(
    ("minutes", "unit", "last"),
    [
        (240.0, "minutes", 240.0),
        (300.0, "minutes", 300.0),
        (1440.0, "hours", 24.0),
        (40320.0, "days", 28.0),
    ],
)
def test_time_is_read_in_the_unit_that_fits(minutes: float, unit: str, last: float) -> None:
    made = figure(drawn("one", minutes=minutes, ketamine=1.0))

    assert made.axes[-1].get_xlabel() == f"{unit} after the start"
    assert made.axes[-1].get_xlim() == (0.0, pytest.approx(last))
    assert max(made.axes[0].lines[0].get_xdata()) == pytest.approx(last)


def test_bands_are_shaded_and_their_coverage_is_said() -> None:
    """Reference, section 4: bands of stated coverage; residual error is left out, and said to be."""
    one = drawn("one", ketamine=100.0, spread=True)

    made = figure(one)

    assert len(made.axes[0].collections) == 2
    words = made._supxlabel.get_text()  # type: ignore[attr-defined]
    assert "the middle 50 % and 90 % of 100 simulated people each (seed 4)" in words
    assert "without the error of a measurement" in words
    outer, inner = (c.get_datalim(made.axes[0].transData).height for c in made.axes[0].collections)
    assert outer > inner > 0


def test_without_bands_nothing_is_said_of_them() -> None:
    words = figure(drawn("one", ketamine=1.0))._supxlabel.get_text()  # type: ignore[attr-defined]

    assert "Bands" not in words
    assert "typical person, 40 years, 70 kg" in words
    assert "not a measurement, and no advice about a dose" in words


def test_a_logarithmic_axis_ends_above_nothing() -> None:
    """A course begins at 0, which no logarithmic axis can show: it ends four decades below the peak."""
    one = drawn("one", ketamine=100.0)

    panel = figure(one, is_logarithmic=True).axes[0]

    low, high = panel.get_ylim()
    peak = one.course.concentrations["ketamine"].max()
    assert panel.get_yscale() == "log"
    assert low == pytest.approx(peak / 1e4)
    assert high >= peak
    assert figure(one).axes[0].get_ylim()[0] == 0.0


def test_no_two_of_twenty_models_look_alike() -> None:
    """Colour alone tells nothing: each also has its name, and colours come again with another stroke."""
    made = figure(*(drawn(f"m{k}", ketamine=1.0 + k) for k in range(20)))

    looks = {(line.get_color(), line.get_linestyle()) for line in made.axes[0].lines}
    assert len(looks) == 20 == len(SERIES) * len(STYLES)


def test_the_colours_are_those_of_the_pages_and_none_is_an_alarm() -> None:
    """Red, yellow and cyan are alarm priorities and nothing else."""
    used = {*SERIES, kinetics_chart.TEXT, kinetics_chart.MUTED, kinetics_chart.LINE, kinetics_chart.SURFACE}  # fmt: skip
    own = re.findall(r"--([a-z-]+): (?:light-dark\()?(#[0-9a-f]{6})", LOOK)
    alarms = {colour for name, colour in own if name.startswith("alarm")}

    assert len(alarms) >= 5
    assert used <= {colour for _, colour in own}
    assert not used & (alarms - {kinetics_chart.SURFACE})


@pytest.mark.parametrize(
    ("given", "title"),
    [
        (["84 mg nasal at 0 min"], "84 mg nasal at 0 min"),
        (["a", "b", "c"], "a, b, c"),
        (["a", "b", "c", "d", "e"], "a, b, c and 2 more doses"),
    ],
)
def test_the_title_is_what_was_given(given: list[str], title: str) -> None:
    assert figure(drawn("one", ketamine=1.0), given=given)._suptitle.get_text() == title  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["png", "svg"])
@pytest.mark.parametrize("is_logarithmic", [False, True])
def test_a_drawing_is_the_same_bytes_each_time(tmp_path: Path, kind, is_logarithmic: bool) -> None:
    """INV-KIN-79: no date, no random name."""
    courses = [drawn("one", ketamine=500.0, norketamine=90.0, spread=True), drawn("two", "arterial", ketamine=9.0)]  # fmt: skip
    paths = tmp_path / "a", tmp_path / "b"

    for path in paths:
        draw_courses(courses, path, kind=kind, given=["x"], person="y", is_logarithmic=is_logarithmic)  # fmt: skip

    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert not re.search(rb"20[0-9]{2}-[0-9]{2}-[0-9]{2}", paths[0].read_bytes())


def test_every_line_is_seen_in_the_picture(tmp_path: Path) -> None:
    """INV-KIN-79: pixels of each model's colour are really there, and the paper is white."""
    path = tmp_path / "course.png"
    courses = [drawn(f"m{k}", ketamine=100.0 * (k + 1)) for k in range(4)]

    draw_courses(courses, path, kind="png", given=["x"], person="y")

    picture = (image.imread(path)[..., :3] * 255).round().astype(int)
    assert picture[0, -1].tolist() == [255, 255, 255]
    for colour in SERIES[:4]:
        wanted = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
        assert int((np.abs(picture - wanted).max(axis=-1) <= 2).sum()) > 200, colour
