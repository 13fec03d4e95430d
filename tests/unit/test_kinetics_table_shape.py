"""The plain table and its columns where courses have one, two or three analytes and long names. INV-KIN-76."""

import itertools

import numpy as np
import pytest

from a_small_model import (  # fmt: skip
    PERSON,
    SURE,
    blood_after_bolus,
    blood_of_infusion,
    bolus,
    effect_after_bolus,
    small_model,
)
from vigil.kinetics.bands import bands_of
from vigil.kinetics.facts import Course, Dose, Exposure
from vigil.kinetics.simulation import EtaNotFinite, GridInvalid, notes_for, simulate
from vigil.kinetics.table import Spread, TimesDiffer, analytes_of, as_columns, as_json, render_plain

NAMES = ("ketamine", "norketamine", "effect")


def course(name: str, analytes: int, *, times=(0.0, 90.0), notes=()) -> Course:
    numbers = {a: np.array([1.5 + k, 1234.56 + k]) for k, a in enumerate(NAMES[:analytes])}
    return Course(
        model=name, model_version=1, site="venous", effect_site=None, time_minutes=np.array(times),
        concentrations=numbers, notes=notes,
        metrics={a: Exposure(cmax_ng_per_ml=12.3456, tmax_minutes=9.87654, auc_ng_h_per_ml=123.4567) for a in numbers},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("analytes", "name"), list(itertools.product((1, 2, 3), ("m", "a_name_longer_than_any_three_headings_together_are")))
)  # fmt: skip
def test_every_line_of_a_table_ends_at_one_column(analytes, name) -> None:
    """The name stands over its own columns, two spaces between all of them; only a long name widens its first one."""
    lines = list(render_plain([course(name, analytes), course("n", 1)]))

    over, headings, first, second, empty = lines[:5]
    assert len({len(line) for line in (over, headings, first, second)}) == 1
    assert empty == ""
    needed = sum(len(f"{a} ng/mL") for a in NAMES[:analytes]) + 2 * (analytes - 1)
    width = max(needed, len(f"{name}, venous"))
    assert over == " " * 9 + "  " + f"{name}, venous".rjust(width) + "  " + "n, venous".rjust(len("ketamine ng/mL"))  # fmt: skip
    assert headings.split("  ")[-1].strip() == "ketamine ng/mL"
    assert headings.startswith("  minutes  ")
    assert [c for c in first.split() if c] == ["0", "1.5", *(["2.5", "3.5"][: analytes - 1]), "1.5"]
    assert second.split()[:2] == ["90", "1235"]


def test_a_cell_ends_under_the_end_of_its_heading() -> None:
    _, headings, first, *_ = render_plain([course("m", 2)])

    for heading, cell in (("norketamine ng/mL", "2.5"), ("  ketamine ng/mL", "1.5")):
        end = headings.index(heading) + len(heading)
        assert first[end - len(cell) : end] == cell


def test_peaks_are_told_to_four_digits_and_areas_to_five() -> None:
    lines = list(render_plain([course("m", 1, notes=("first", "second"))]))

    assert lines[5:] == [
        "m, venous: ketamine peaks at 12.35 ng/mL after 9.877 min; area 123.46 ng*h/mL",
        "  note: first",
        "  note: second",
    ]


def test_the_second_course_at_other_times_is_named_with_the_first() -> None:
    three = [course("a", 1), course("b", 1), course("c", 1, times=(0.0, 91.0))]

    with pytest.raises(TimesDiffer) as caught:
        list(render_plain(three))

    assert caught.value.models == ("a", "c")
    assert "a and c were asked at different times" in str(caught.value)


def test_as_many_spreads_as_courses() -> None:
    """A spread for the wrong course would be somebody else's band: a list of another length is an error."""
    one, two = course("a", 1), course("b", 1)
    spread = Spread(people=2, seed=1, bands={"ketamine": bands_of(np.ones((2, 2)))})

    for spreads in ([spread], [spread, None, None]):
        with pytest.raises(ValueError, match="zip"):
            as_columns([one, two], spreads)
    assert "ketamine_ng_per_ml_median" in as_columns([one, two], [None, spread])
    assert "ketamine_ng_per_ml_median" not in as_columns([one, two], [None, None])


def test_the_effect_site_stands_last_whoever_has_it_first() -> None:
    first = Course(**{f: getattr(course("a", 3), f) for f in Course.__dataclass_fields__} | {"concentrations": {"effect": np.zeros(2), "ketamine": np.ones(2)}})  # fmt: skip

    assert analytes_of([first, course("b", 2)]) == ["ketamine", "norketamine", "effect"]
    assert analytes_of([]) == []


def test_a_course_of_times_without_an_effect_site_does_not_name_one() -> None:
    shown = as_json(course("a", 1, notes=("n",)))

    assert "effect_site" not in shown
    assert "bands" not in shown
    assert (shown["model_version"], shown["notes"]) == (1, ["n"])


# --- courses of one person ----------------------------------------------------------------------

TIMES = np.array([120.0, 0.0, 3.0, 40.0, 41.0])


def test_a_course_is_the_pencils_and_keeps_the_order_of_its_times() -> None:
    infusion = Dose(amount_ug=8_000, route="iv", duration_minutes=40.0)

    found = simulate(small_model(), PERSON, (bolus(10_000, 3.0), infusion), TIMES, effect_site=SURE)

    assert isinstance(found, Course)
    blood = blood_after_bolus(10_000, TIMES - 3.0) + blood_of_infusion(8_000, 40.0, TIMES)
    np.testing.assert_allclose(found.concentrations["ketamine"], blood, rtol=1e-9, atol=1e-9)
    alone = simulate(small_model(), PERSON, (bolus(10_000, 3.0),), TIMES, effect_site=SURE)
    np.testing.assert_allclose(alone.concentrations["effect"], effect_after_bolus(10_000, TIMES - 3.0), rtol=1e-9, atol=1e-9)  # fmt: skip
    assert (found.effect_site, found.model, found.model_version) == ("site", "small", 2)


def test_the_area_of_a_bolus_to_the_end_is_what_has_left_over_the_clearance() -> None:
    """Dose less what is still there, over one litre a minute, in hours."""
    found = simulate(small_model(), PERSON, (bolus(10_000),), np.array([0.0, 60.0]))

    left = 10_000 * (1 - np.exp(-3.0))
    assert found.metrics["ketamine"].auc_ng_h_per_ml == pytest.approx(left / 60.0)
    assert found.metrics["ketamine"].cmax_ng_per_ml == pytest.approx(500.0)
    assert found.metrics["ketamine"].tmax_minutes == 0.0


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        (7.0, "it has 0 dimensions"),
        ([[1.0]], "it has 2 dimensions"),
        ([], "it is empty"),
        ([1.0, np.nan], "it holds a value that is no finite number"),
        ([-np.inf], "it holds a value that is no finite number"),
        ([3.0, -1e-9], "it holds a time before 0"),
    ],
)
def test_times_that_are_none_say_why(times, reason) -> None:
    with pytest.raises(GridInvalid) as caught:
        simulate(small_model(), PERSON, (bolus(1),), np.array(times))

    assert caught.value.reason == reason
    assert str(caught.value).startswith(f"time_minutes: {reason}. Expected one dimension")


def test_one_time_at_nothing_is_a_list_of_minutes() -> None:
    found = simulate(small_model(), PERSON, (bolus(10_000),), np.array([0.0]))

    assert found.concentrations["ketamine"].tolist() == [500.0]
    assert found.metrics["ketamine"].auc_ng_h_per_ml == 0.0


def test_a_bad_eta_is_told_before_anything_else() -> None:
    with pytest.raises(EtaNotFinite) as caught:
        simulate(small_model(variances={"cl": 0.1}), PERSON, (), np.array([1.0]), etas={"cl": np.nan})  # fmt: skip

    assert caught.value.name == "cl"
    assert "The eta of cl is nan" in str(caught.value)


@pytest.mark.parametrize(
    ("enantiomer", "words"),
    [
        ("S", "A dose without a drug was read as esketamine."),
        ("racemate", "A dose without a drug was read as racemic ketamine."),
        ("mixed", "A dose without a drug was read as what this model pools: racemic ketamine and esketamine alike."),
    ],
)  # fmt: skip
def test_what_was_assumed_of_a_dose_is_said(enantiomer, words) -> None:
    model = small_model(enantiomer=enantiomer, notes=("own",))

    assert notes_for(model, PERSON, (bolus(1),)) == ("own", words)
    named = Dose(amount_ug=1, route="iv", drug="esketamine")
    assert notes_for(model, PERSON, (named,)) == ("own",)
    assert notes_for(model, PERSON, (named, bolus(1))) == ("own", words)
