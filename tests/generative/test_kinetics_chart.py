"""Any courses can be drawn: zero, one moment, very small and very large numbers, many models. INV-KIN-79."""

import warnings

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vigil.config import kinetics_chart
from vigil.config.kinetics_chart import Drawn
from vigil.kinetics.bands import bands_of
from vigil.kinetics.facts import Course, Exposure
from vigil.kinetics.table import Spread

PEAK = Exposure(cmax_ng_per_ml=1.0, tmax_minutes=1.0, auc_ng_h_per_ml=1.0)
VALUES = st.just(0.0) | st.floats(1e-9, 1e9)


@st.composite
def pictures(draw: st.DrawFn) -> list[Drawn]:
    """One to four courses at the same times."""
    end = draw(st.floats(0.01, 5e5))
    times = np.linspace(0.0, end, draw(st.integers(2, 6)))
    drawn = []
    for index in range(draw(st.integers(1, 4))):
        names = draw(st.lists(st.sampled_from(["norketamine", "effect"]), unique=True))
        values = {
            name: np.array(draw(st.lists(VALUES, min_size=len(times), max_size=len(times))))
            for name in ["ketamine", *names]
        }
        course = Course(
            model=f"model_{index}", model_version=1, site=draw(st.sampled_from(["arterial", "venous"])),
            effect_site=None, time_minutes=times, concentrations=values, metrics=dict.fromkeys(values, PEAK),
        )  # fmt: skip
        bands = {n: bands_of(np.stack([v / 2, v, v * 2], axis=1)) for n, v in values.items()}
        spread = draw(st.sampled_from([None, Spread(people=3, seed=1, bands=bands)]))
        drawn.append(Drawn(course=course, spread=spread))
    return drawn


@given(
    drawn=pictures(),
    is_logarithmic=st.booleans(),
    given_=st.lists(st.text(max_size=12), min_size=1, max_size=5),
    person=st.text(max_size=12),
)
@settings(deadline=None, max_examples=40)
def test_any_courses_are_drawn_without_a_warning(drawn, is_logarithmic, given_, person) -> None:
    """INV-KIN-79: every course of a model that has the analyte is a line in its panel, with its own numbers."""
    # A dollar sign begins a formula in matplotlib, and some signs are in no font: doses and people hold neither.
    plain = ["".join(c for c in text if c.isalnum() and c.isascii()) for text in (*given_, person)]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = kinetics_chart._figure(
            drawn, given=plain[:-1], person=plain[-1], is_logarithmic=is_logarithmic
        )
        made.canvas.draw() if hasattr(made.canvas, "draw") else made.savefig(
            "/dev/null", format="svg"
        )

    analytes = [panel.get_ylabel().partition(",")[0] for panel in made.axes]
    assert analytes == [
        name
        for name in ("ketamine", "norketamine", "effect")
        if any(name in one.course.concentrations for one in drawn)
    ]
    for panel, analyte in zip(made.axes, analytes, strict=True):
        shown = [one for one in drawn if analyte in one.course.concentrations]
        assert len(panel.lines) == len(shown)
        assert len(panel.collections) == 2 * sum(one.spread is not None for one in shown)
        for line, one in zip(panel.lines, shown, strict=True):
            assert np.array_equal(line.get_ydata(), one.course.concentrations[analyte])
            assert one.course.site in line.get_label()
        low, high = panel.get_ylim()
        assert np.isfinite([low, high]).all()
        assert high > low
