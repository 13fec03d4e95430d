"""The planned course as shapes: nothing outside the field, nothing told by colour alone, the same in words and rows."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vigil.evidence.models import default_effect_site, load_model
from vigil.kinetics.bands import Bands
from vigil.kinetics.facts import Dose
from vigil.kinetics.planned import PlannedCourse
from vigil.web.kinetics_chart import SIDE, SITE_WORDS, STYLES, draw_planned, peak_words, short_title

SITE = default_effect_site()
INFUSION = Dose(amount_ug=34_000, route="iv", duration_minutes=40.0, drug="ketamine")
TITLES = {"simons_2022": "Simons 2022", "otto_2021": "Otto 2021"}


def bands(peak, until, *, at=0.4):
    time = np.linspace(0, 1, until + 1)
    shape = np.where(time <= at, time / at, np.exp(-(time - at) * 3))
    return Bands(
        median=peak * shape, low50=0.9 * peak * shape, high50=1.1 * peak * shape,
        low90=0.7 * peak * shape, high90=1.4 * peak * shape,
    )  # fmt: skip


def course(name="kamp_2020", peak=200.0, until=120, at=0.4):
    return PlannedCourse(
        model=load_model(name), effect_site=SITE, time_minutes=np.arange(0.0, until + 1),
        in_blood=bands(peak, until, at=at), at_effect=bands(0.8 * peak, until, at=at),
    )  # fmt: skip


def chart(*courses, doses=(INFUSION,)):
    return draw_planned(
        courses or (course(), course("clements_1981", 150.0)), doses=doses, titles=TITLES
    )


peaks = st.floats(1.0, 3000.0)
minutes = st.integers(30, 1000)


@given(peaks, minutes)
@settings(max_examples=60)
def test_every_curve_stays_in_its_field_and_ends_at_its_edge(peak, until):
    drawn = chart(course(peak=peak, until=until), course("clements_1981", peak / 2, until))

    for panel in drawn.panels:
        for curve in panel.curves:
            for path in (curve.band90, curve.band50, curve.middle):
                numbers = [float(n) for n in re.findall(r"-?\d+\.\d+", path)]
                assert all(-0.05 <= n <= SIDE + 0.05 for n in numbers)
                assert max(numbers[0::2]) == pytest.approx(SIDE)


@given(peaks, minutes)
@settings(max_examples=60)
def test_the_axes_carry_a_few_round_numbers_in_place(peak, until):
    one = course(peak=peak, until=until)
    drawn = chart(one)
    top = 1.06 * float(one.in_blood.high90.max())

    assert 2 <= len(drawn.minutes) <= 9
    for panel in drawn.panels:
        assert len(panel.ticks) <= 7
        assert panel.ticks[0].label == "0"
        for tick in panel.ticks:
            assert tick.percent == pytest.approx(100 * (1 - float(tick.label) / top), abs=0.05)
    for tick in drawn.minutes:
        assert tick.percent == pytest.approx(100 * float(tick.label) / until, abs=0.05)


def test_both_panels_have_one_scale_so_that_heights_compare():
    blood, effect = chart().panels

    assert blood.ticks == effect.ticks


def test_the_sampling_site_stands_on_every_axis():
    """INV-WEB-06 (decision 0011): never a concentration without where it was measured."""
    blood, effect = chart().panels

    assert "arterial blood and venous blood" in blood.label
    assert "effect site" in effect.label
    assert "ng/mL" in blood.label
    assert "ng/mL" in effect.label


@pytest.mark.parametrize(
    ("names", "words"),
    [(("kamp_2020",), "arterial blood"), (("clements_1981", "otto_2021"), "venous blood")],
)
def test_a_site_is_named_once_however_many_models_share_it(names, words):
    blood, _ = chart(*(course(name) for name in names)).panels

    assert blood.site == words


def test_every_model_has_a_style_of_its_own_in_curve_and_legend():
    drawn = chart(course(), course("clements_1981"), course("otto_2021"))

    styles = [key.style for key in drawn.keys]
    assert styles == list(STYLES[:3])
    for panel in drawn.panels:
        assert [curve.style for curve in panel.curves] == styles


def test_the_legend_says_of_whom_a_model_is_typical_and_what_it_borrowed():
    kamp, clements = chart().keys

    assert kamp.typical_of.startswith("18 studies")
    assert (kamp.borrowed_from, clements.borrowed_from) == ("Simons 2022", "Otto 2021")
    assert (kamp.site_is_ours, clements.site_is_ours) == (True, False)


def test_a_model_with_its_own_variability_borrows_nothing():
    (key,) = chart(course("simons_2022")).keys

    assert key.borrowed_from == ""


@pytest.mark.parametrize("name", ["kamp_2020", "otto_2021", "perez_ruixo_2021", "simons_2022"])
def test_a_short_title_is_author_and_year(name):
    assert re.fullmatch(r"[A-Z][\w-]+ \d{4}", short_title(load_model(name)))


def test_rows_are_every_ten_minutes_and_hold_what_the_curve_shows():
    one = course()
    drawn = chart(one)

    assert [row.minute for row in drawn.rows] == list(range(0, 121, 10))
    assert len(drawn.columns) == 2
    for row in drawn.rows:
        middle = re.match(r"(\d+) \((\d+)–(\d+)\)", row.cells[0]).groups()
        expected = (one.in_blood.median, one.in_blood.low90, one.in_blood.high90)
        assert [int(n) for n in middle] == [round(float(f"{v[row.minute]:.0f}")) for v in expected]


def test_every_column_says_model_and_site():
    drawn = chart()

    assert drawn.columns == (
        "Kamp 2020, arterial blood", "Kamp 2020, effect site",
        "Clements 1981, venous blood", "Clements 1981, effect site",
    )  # fmt: skip
    assert all(len(row.cells) == len(drawn.columns) for row in drawn.rows)


@given(peaks, st.integers(1, 119))
@settings(max_examples=60)
def test_the_peak_in_words_is_the_highest_middle_value_and_its_minute(peak, minute):
    one = course(peak=peak, at=minute / 120)

    middle, low, high, at = map(
        float,
        re.fullmatch(r"(\d+) ng/mL \((\d+) to (\d+)\) at (\d+) min", peak_words(one.in_blood, one.time_minutes)).groups(),
    )  # fmt: skip

    assert at == minute
    assert middle == pytest.approx(peak, abs=0.51)
    assert low <= middle <= high


def test_an_infusion_is_a_bar_of_its_length_and_a_device_a_mark_that_can_be_seen():
    device = Dose(amount_ug=28_000, route="nasal", start_minutes=5.0, drug="esketamine")

    (infusion,) = chart(course()).bars
    (mark,) = chart(course(), doses=(device,)).bars

    assert (infusion.x, infusion.width) == (0.0, pytest.approx(100 * 40 / 120, abs=0.01))
    assert mark.x == pytest.approx(100 * 5 / 120, abs=0.01)
    assert 0.5 <= mark.width <= 2
    assert infusion.words == "34 mg"


def test_the_words_for_a_screen_reader_name_every_model_site_and_peak():
    words = chart().words

    for part in ("Kamp 2020", "Clements 1981", *SITE_WORDS.values(), "effect site", "min"):
        assert part in words


def test_the_band_is_never_drawn_without_its_middle():
    for panel in chart().panels:
        for curve in panel.curves:
            assert curve.band90.endswith("Z")
            assert curve.band50.endswith("Z")
            assert not curve.middle.endswith("Z")


def test_a_flat_zero_course_is_drawn_as_one():
    """A dose so small that nothing is seen must not divide by nothing."""
    silent = replace(course(), in_blood=bands(1e-9, 120), at_effect=bands(1e-9, 120))

    drawn = chart(silent)

    assert drawn.panels[0].ticks[0].label == "0"
