"""The planned chart, measured with a ruler: every coordinate, tick and bar from the field's own width and a straight line.

The bands drawn here are made of a few round numbers, so each point of a path is known beforehand; the axis steps are
checked by what an axis is for (round numbers, few of them, the finest that still fits), not by the table that the product keeps.
"""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vigil.evidence.models import default_effect_site, load_model, model_names
from vigil.kinetics.bands import Bands
from vigil.kinetics.facts import Dose
from vigil.kinetics.planned import PlannedCourse
from vigil.web.kinetics_chart import Chart, draw_planned, peak_words, short_title

WIDE = 1000.0
"""The field is a thousand by a thousand, and y counts from the top."""
NAMES = ("kamp_2020", "clements_1981", "simons_2022")


def band(*middle: float, spread: float = 10.0) -> Bands:
    """A band whose edges stand `spread` and twice `spread` beside the middle, never below 0."""
    values = np.array(middle, dtype=float)
    return Bands(
        median=values,
        low50=np.maximum(values - spread, 0), high50=values + spread,
        low90=np.maximum(values - 2 * spread, 0), high90=values + 2 * spread,
    )  # fmt: skip


def course(
    *middle: float, name: str = "kamp_2020", every: float = 10.0, effect=None
) -> PlannedCourse:
    return PlannedCourse(
        model=load_model(name), effect_site=default_effect_site(),
        time_minutes=every * np.arange(len(middle)), in_blood=band(*middle),
        at_effect=band(*(effect or middle)),
    )  # fmt: skip


def draw(*courses: PlannedCourse, doses: tuple[Dose, ...] = (), titles=None) -> Chart:
    return draw_planned(courses, doses=doses, titles=titles or {})


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path)]


def height(value: float, top: float) -> float:
    """Where a value stands on paper: the top of the field is 0, its foot is 1000."""
    return WIDE - WIDE * value / top


# --- curves --------------------------------------------------------------------------------------


def test_each_point_of_each_path_is_where_the_ruler_says() -> None:
    """0, 80, 40, 20, 10 ng/mL every ten minutes; the highest edge is 80 + 20 = 100, and 6 % stay free above it."""
    middle = (0.0, 80.0, 40.0, 20.0, 10.0)
    panel = draw(course(*middle)).panels[0]
    across = [0.0, 250.0, 500.0, 750.0, 1000.0]

    (curve,) = panel.curves
    assert curve.middle.startswith("M")
    assert "Z" not in curve.middle
    assert points(curve.middle) == [
        pytest.approx((x, height(v, 106.0)), abs=0.051) for x, v in zip(across, middle, strict=True)
    ]
    for path, wide in ((curve.band90, 20.0), (curve.band50, 10.0)):
        upper = [(x, height(v + wide, 106.0)) for x, v in zip(across, middle, strict=True)]
        lower = [
            (x, height(max(v - wide, 0.0), 106.0)) for x, v in zip(across, middle, strict=True)
        ]
        # A band is walked along its upper edge and back along its lower one, then closed.
        assert points(path) == [pytest.approx(p, abs=0.051) for p in upper + lower[::-1]]
        assert (path[0], path[-1]) == ("M", "Z")


@pytest.mark.parametrize("begin", [0.0, 30.0, 240.0])
def test_the_field_begins_at_the_first_time_whenever_that_is(begin: float) -> None:
    """The picture of a time that begins later is the same picture."""
    plain = course(10.0, 50.0, 20.0)
    later = replace(plain, time_minutes=plain.time_minutes + begin)

    assert [p.curves for p in draw(later).panels] == [p.curves for p in draw(plain).panels]


def test_both_panels_share_the_top_of_the_higher_one_wherever_it_is() -> None:
    """Heights compare: half the concentration is half the height, in either panel and for either model."""
    high_blood = draw(course(0.0, 200.0, effect=(0.0, 100.0)), course(0.0, 50.0, name=NAMES[1]))
    high_effect = draw(course(0.0, 100.0, effect=(0.0, 200.0)), course(0.0, 50.0, name=NAMES[1]))
    top = 1.06 * 220.0

    for drawn, first, second in ((high_blood, 200.0, 100.0), (high_effect, 100.0, 200.0)):
        for panel, value in zip(drawn.panels, (first, second), strict=True):
            found = [points(curve.middle)[-1][1] for curve in panel.curves]
            assert found == pytest.approx([height(value, top), height(50.0, top)], abs=0.051)


@given(st.lists(st.floats(1.0, 3000.0), min_size=2, max_size=12), st.floats(0.5, 4.0))
@settings(max_examples=60, deadline=None)
def test_taller_by_any_factor_is_the_same_picture(middle: list[float], factor: float) -> None:
    """The field is stretched to its highest edge, so only the numbers on the axis tell a factor."""
    one = course(*middle)
    more = replace(
        one, in_blood=Bands(**{e: factor * getattr(one.in_blood, e) for e in EDGES}),
        at_effect=Bands(**{e: factor * getattr(one.at_effect, e) for e in EDGES}),
    )  # fmt: skip

    for small, large in zip(draw(one).panels, draw(more).panels, strict=True):
        a, b = points(small.curves[0].band90), points(large.curves[0].band90)
        # A tenth of a thousandth of the field is where the text is cut, and a factor may tip it.
        assert b == [pytest.approx(p, abs=0.101) for p in a]


EDGES = ("median", "low50", "high50", "low90", "high90")


# --- axes ----------------------------------------------------------------------------------------


def rounds(*leading: int, powers: range) -> list[int]:
    return sorted(d * 10**p for d in leading for p in powers)


@given(st.floats(2.0, 20_000.0))
@settings(max_examples=150, deadline=None)
def test_the_axis_of_concentration_takes_the_finest_round_step_that_fits(peak: float) -> None:
    """Steps of 1, 2, 2.5 or 5 times a power of ten, from 5 on; at most five of them below the top."""
    drawn = draw(course(0.0, peak))
    top = 1.06 * (peak + 20.0)
    values = [int(tick.label) for tick in drawn.panels[0].ticks]
    fitting = [
        step
        for step in [5, *rounds(1, 2, 5, powers=range(1, 4)), 25, 250]
        if step <= 5000 and top / step <= 5
    ]

    assert values[0] == 0
    assert set(np.diff(values)) <= {min(fitting)}
    assert values[-1] <= top < values[-1] + min(fitting)
    assert drawn.panels[0].ticks == drawn.panels[1].ticks
    for tick, value in zip(drawn.panels[0].ticks, values, strict=True):
        assert tick.percent == pytest.approx(height(value, top) / 10, abs=0.0051)


@given(st.integers(1, 72))
def test_the_axis_of_time_takes_the_finest_step_of_a_clock_that_fits(twenties: int) -> None:
    """Ten, twenty, thirty minutes, or one, two, four hours; at most six steps, so that numbers do not touch."""
    until = 20 * twenties
    drawn = draw(course(10.0, 50.0, every=float(until)))
    minutes = [int(tick.label) for tick in drawn.minutes]
    step = next(s for s in (10, 20, 30, 60, 120, 240) if 6 * s >= until)

    assert minutes == [step * k for k in range(until // step + 1)]
    assert [t.percent for t in drawn.minutes] == [
        pytest.approx(100 * m / until, abs=0.0051) for m in minutes
    ]


@pytest.mark.parametrize("hours", [25, 48, 100])
def test_beyond_a_day_the_widest_step_of_time_stays(hours: int) -> None:
    minutes = [int(t.label) for t in draw(course(1.0, 2.0, every=60.0 * hours)).minutes]

    assert set(np.diff(minutes)) == {240}
    assert minutes[-1] == hours // 4 * 240


def test_a_giant_concentration_keeps_the_widest_step() -> None:
    """60,000 ng/mL is no dose of this clinic; the axis still ends below its top and begins at nothing."""
    values = [int(t.label) for t in draw(course(0.0, 60_000.0)).panels[0].ticks]

    assert set(np.diff(values)) == {5000}
    assert values[-1] == 60_000


# --- doses ---------------------------------------------------------------------------------------


@given(st.integers(0, 100), st.integers(5, 100), st.integers(1, 200_000))
def test_an_infusion_is_as_wide_as_it_is_long(start: int, minutes: int, amount_ug: int) -> None:
    dose = Dose(amount_ug=amount_ug, route="iv", start_minutes=float(start), duration_minutes=float(minutes))  # fmt: skip
    (bar,) = draw(course(1.0, 2.0, every=200.0), doses=(dose,)).bars

    # Two hundred minutes wide: a minute is half a percent.
    assert bar.x == pytest.approx(start / 2, abs=0.0051)
    assert bar.width == pytest.approx(minutes / 2, abs=0.0051)
    number, unit = bar.words.split()
    assert unit == "mg"
    assert float(number) == pytest.approx(amount_ug / 1000, rel=5e-6)


@pytest.mark.parametrize(
    ("minutes", "width"), [(None, 0.6), (0.5, 0.6), (1.2, 0.6), (1.4, 0.7), (200.0, 100.0)]
)
def test_a_short_dose_is_a_mark_of_a_minute_and_a_fifth(minutes, width) -> None:
    """Narrower than that nobody sees it: 1.2 of 200 minutes are 0.6 %."""
    dose = Dose(amount_ug=28_000, route="nasal", start_minutes=10.0, duration_minutes=minutes)
    (bar,) = draw(course(1.0, 2.0, every=200.0), doses=(dose,)).bars

    assert (bar.x, bar.width, bar.words) == (5.0, width, "28 mg")


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3])
def test_each_model_has_its_own_stroke_in_both_panels_and_in_the_legend(count: int) -> None:
    """One is solid, two dashed, three dotted: the classes of the style sheet, in the order drawn."""
    drawn = draw(*(course(10.0, 50.0, name=name) for name in NAMES[:count]))
    strokes = ["one", "two", "three"][:count]

    assert [key.style for key in drawn.keys] == strokes
    for panel in drawn.panels:
        assert [curve.style for curve in panel.curves] == strokes


def test_panels_say_what_they_show_in_which_blood() -> None:
    """Arterial and venous blood are never told as one."""
    mixed = draw(course(1.0, 2.0), course(1.0, 2.0, name="clements_1981"))
    venous = draw(*(course(1.0, 2.0, name=n) for n in ("clements_1981", "otto_2021")))

    assert [(p.name, p.site, p.label) for p in mixed.panels] == [
        ("In blood", "arterial blood and venous blood", "ng/mL, arterial blood and venous blood"),
        ("At the effect site", "effect site", "ng/mL, effect site"),
    ]
    assert venous.panels[0].label == "ng/mL, venous blood"
    assert mixed.columns == (
        "Kamp 2020, arterial blood", "Kamp 2020, effect site",
        "Clements 1981, venous blood", "Clements 1981, effect site",
    )  # fmt: skip


def test_rows_are_the_tens_and_hold_each_model_in_blood_then_at_its_effect_site() -> None:
    """Every five minutes are drawn, every ten are printed."""
    first = course(100.4, 60.0, 30.6, every=5.0, effect=(0.0, 20.0, 40.0))
    second = course(50.0, 40.0, 30.0, every=5.0, name="clements_1981")

    rows = draw(first, second).rows

    assert [row.minute for row in rows] == [0, 10]
    assert rows[0].cells == ("100 (80–120)", "0 (0–20)", "50 (30–70)", "50 (30–70)")
    assert rows[1].cells == ("31 (11–51)", "40 (20–60)", "30 (10–50)", "30 (10–50)")


def test_the_peak_is_told_at_its_own_minute_for_each_place() -> None:
    """The first of equal peaks; the band is the one of that minute."""
    values = course(10.0, 90.0, 90.0, 20.0, effect=(0.0, 30.0, 60.0, 40.0))
    drawn = draw(values)
    (key,) = drawn.keys

    assert key.peak_in_blood == "90 ng/mL (70 to 110) at 10 min"
    assert key.peak_at_effect_site == "60 ng/mL (40 to 80) at 20 min"
    assert peak_words(values.in_blood, values.time_minutes) == key.peak_in_blood
    assert drawn.words == (
        "Kamp 2020: arterial blood highest at 90 ng/mL (70 to 110) at 10 min; "
        "effect site at 60 ng/mL (40 to 80) at 20 min."
    )


@pytest.mark.parametrize("name", model_names())
def test_the_legend_tells_of_whom_each_shipped_model_speaks(name: str) -> None:
    """Author and year, whose blood, whose variability; a lender without a known title is told by its name."""
    model = load_model(name)
    drawn = draw(course(1.0, 2.0, name=name), titles={"simons_2022": "Simons 2022"})
    (key,) = drawn.keys
    author, year = name.rsplit("_", 1)

    assert key.title == short_title(model)
    assert key.title.endswith(year)
    assert key.title.lower().startswith(author.split("_")[0])
    assert key.site == f"{model.site} blood"
    assert key.site_is_ours is not model.site_is_stated
    assert key.typical_of.lower() == model.population.lower()
    assert key.typical_of[0].islower() or not key.typical_of[0].isalpha()
    lender = model.borrowed_variability_from
    assert key.borrowed_from == {None: "", "simons_2022": "Simons 2022"}.get(lender, lender)


@pytest.mark.parametrize(
    ("title", "short"),
    [
        ("Kamp 2020, pooled data", "Kamp 2020"),
        ("Domino 1982 (adults, by vein), two", "Domino 1982"),
        ("Perez-Ruixo 2021", "Perez-Ruixo 2021"),
    ],
)
def test_a_short_title_ends_at_the_first_comma_or_bracket(title: str, short: str) -> None:
    assert short_title(replace(load_model("kamp_2020"), title=title)) == short


def test_no_number_of_a_picture_is_infinite_or_missing() -> None:
    """A path with `nan` draws nothing and says nothing; the browser keeps silent about it."""
    drawn = draw(*(course(0.0, 0.0, 1e-6, name=name) for name in NAMES))

    for panel in drawn.panels:
        for curve in panel.curves:
            for path in (curve.band90, curve.band50, curve.middle):
                assert all(math.isfinite(n) for point in points(path) for n in point)
                assert not re.search("nan|inf|e", path)
