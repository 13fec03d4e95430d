"""Every shipped model against its paper's own differential equations, typed a second time and solved by another's solver.

INV-KIN-02, 03 and 10: the file, the matrix made of it, the schedule made of the doses and the closed form are together one
answer; here stands another, `a_paper_equations`, that shares none of them. What LSODA promises is ten digits a step.
"""

import numpy as np
import pytest

from a_paper_equations import PAPERS, Given, integrate
from vigil.evidence.models import load_model, model_names
from vigil.kinetics.facts import Course, Dose, Subject
from vigil.kinetics.simulation import simulate

AGREE = 1e-6
"""Share of the value itself, or of a thousandth of the peak where it is lower: what many steps of the solver leave, and the
six digits to which a file writes the ratio of two molar masses."""
ROUNDED = 3e-6
"""Ten digits of an older paper's rate constants, turned into clearances in the file."""
BY_RATE_CONSTANTS = ("clements_1981", "domino_1982", "hijazi_2003")

ADULT = Subject(age_years=40.0, weight_kg=70.0)
LIGHT = Subject(age_years=22.0, weight_kg=54.0)
HEAVY = Subject(age_years=44.0, weight_kg=87.0)
OLD = Subject(age_years=75.0, weight_kg=58.0)
ASIAN = Subject(age_years=35.0, weight_kg=61.0, population="asian")
JAPANESE = Subject(age_years=66.0, weight_kg=52.0, population="japanese")
CHILD = Subject(age_years=6.0, weight_kg=21.0)
SMALL_CHILD = Subject(age_years=2.0, weight_kg=12.5)

INFUSION = (Given(route="iv", ug=8_000, minutes=40.0),)
BOLUS = (Given(route="iv", ug=5_000),)
SEVERAL = (
    Given(route="iv", ug=2_000),
    Given(route="iv", ug=6_000, start=10.0, minutes=30.0),
    Given(route="iv", ug=1_500, start=25.5, minutes=60.0),
)
"""A bolus, an infusion, and a slower one that overlaps it: boxes of 10 mg hold all of it."""
FILM = (Given(route="sublingual", ug=50_000),)
FILM_AND_VEIN = (*FILM, Given(route="iv", ug=10_000, start=90.0, minutes=20.0))
TABLET = (Given(route="oral", ug=17_500),)
SPRAYS = tuple(
    Given(route="nasal", ug=28_000, start=start, nth=nth) for nth, start in enumerate((0, 5, 10))
)
TWO_DAYS = (
    Given(route="nasal", ug=28_000),
    Given(route="nasal", ug=28_000, start=5.0, nth=1),
    Given(route="nasal", ug=28_000, start=2880.0),
)
"""The third device opens a new sitting, and is a first one."""
SPRAY_AND_TABLET = (Given(route="nasal", ug=28_000), Given(route="oral", ug=20_000, start=60.0))

VEIN = (INFUSION, BOLUS, SEVERAL)
CASES = [
    *[("kamp_2020", who, how) for who in (ADULT, LIGHT, OLD) for how in VEIN],
    *[("domino_1982", who, how) for who in (ADULT, HEAVY) for how in VEIN],
    *[("clements_1981", who, how) for who in (ADULT, HEAVY) for how in VEIN],
    *[("hijazi_2003", who, how) for who in (ADULT, HEAVY) for how in VEIN],
    *[("otto_2021", who, how) for who in (ADULT, LIGHT, HEAVY) for how in VEIN],
    *[("herd_2007", who, how) for who in (CHILD, SMALL_CHILD) for how in VEIN],
    *[("hornik_2018", who, how) for who in (CHILD, SMALL_CHILD) for how in VEIN],
    *[("flint_2017", who, how) for who in (CHILD, SMALL_CHILD) for how in VEIN],
    *[("ashraf_2018", who, how) for who in (ADULT, LIGHT) for how in (INFUSION, BOLUS, TABLET)],
    *[
        ("simons_2022", who, how)
        for who in (ADULT, LIGHT, HEAVY)
        for how in (*VEIN, FILM, FILM_AND_VEIN)
    ],
    *[
        ("perez_ruixo_2021", who, how)
        for who in (ADULT, OLD, ASIAN, JAPANESE)
        for how in (INFUSION, SEVERAL, TABLET, SPRAYS, TWO_DAYS, SPRAY_AND_TABLET)
    ],
]


def grid_of(given: tuple[Given, ...]) -> np.ndarray:
    """Minutes while drug comes in and for ten hours after the last dose began, closer at first, sums exact."""
    last = max(dose.start for dose in given)
    near = np.arange(0.0, 120.0, 2.5)
    return np.unique(np.concatenate([near, last + near, last + np.arange(120.0, 601.0, 30.0)]))


def answer_of(name: str, person: Subject, given: tuple[Given, ...], times: np.ndarray) -> Course:
    """What the product says."""
    doses = tuple(
        Dose(
            amount_ug=int(dose.ug),
            route=dose.route,
            start_minutes=dose.start,
            duration_minutes=dose.minutes or None,
        )
        for dose in given
    )
    found = simulate(load_model(name), person, doses, times, purpose="research")
    assert isinstance(found, Course), found
    return found


def test_every_shipped_model_has_its_equations_here() -> None:
    """A model that is added is typed twice before it is used."""
    assert tuple(sorted(PAPERS)) == model_names()
    assert {name for name, _, _ in CASES} == set(PAPERS)


def test_every_route_of_every_model_is_asked() -> None:
    """No way in stays unproven."""
    for name in PAPERS:
        asked = {dose.route for model, _, how in CASES if model == name for dose in how}
        assert asked == {route.route for route in load_model(name).routes}, name


@pytest.mark.parametrize(
    ("name", "person", "given"),
    CASES,
    ids=[
        f"{name}-{who.age_years:g}y-{who.weight_kg:g}kg-{who.population or 'any'}-{how[0].route}-{k}"
        for k, (name, who, how) in enumerate(CASES)
    ],
)
def test_the_answer_is_that_of_the_papers_equations(
    name: str, person: Subject, given: tuple[Given, ...]
) -> None:
    """Every analyte, at every minute asked, for this person."""
    times = grid_of(given)
    expected = integrate(PAPERS[name], person, given, times)

    found = answer_of(name, person, given, times)

    assert list(found.concentrations) == list(expected)
    agree = ROUNDED if name in BY_RATE_CONSTANTS else AGREE
    for analyte, course in expected.items():
        floor = 1e-3 * course.max()
        assert course.max() > 0
        off = np.abs(found.concentrations[analyte] - course) / np.maximum(course, floor)
        assert off.max() <= agree, (analyte, times[off.argmax()], off.max())


@pytest.mark.parametrize("name", sorted(PAPERS))
def test_the_peak_and_the_area_are_those_of_the_papers_equations(name: str) -> None:
    """Closed-form metrics against a fine grid: the area by Simpson's rule between the stops, the peak from below."""
    person = CHILD if load_model(name).box.is_of_children else ADULT
    # A whole number of quarter minutes each side of the end of the infusion.
    times = np.arange(0.0, 480.25, 0.25)
    expected = integrate(PAPERS[name], person, INFUSION, times)

    found = answer_of(name, person, INFUSION, times)

    for analyte, course in expected.items():
        metrics = found.metrics[analyte]
        area = sum(simpson(course[part], 0.25) for part in (slice(0, 161), slice(160, None)))
        assert metrics.auc_ng_h_per_ml == pytest.approx(area / 60.0, rel=1e-5)
        assert course.max() * (1 - 1e-6) <= metrics.cmax_ng_per_ml <= course.max() * (1 + 1e-4)
        assert abs(metrics.tmax_minutes - times[course.argmax()]) <= 0.25


def simpson(values: np.ndarray, step: float) -> float:
    """The area under an odd number of evenly spaced values."""
    assert len(values) % 2 == 1
    inside = 4.0 * values[1:-1:2].sum() + 2.0 * values[2:-2:2].sum()
    return float((values[0] + inside + values[-1]) * step / 3.0)


SLIPS = [
    ("otto_2021", INFUSION, 1.001, "the dose is a thousandth larger"),
    ("perez_ruixo_2021", SPRAYS, 1.001, "the dose is a thousandth larger"),
    ("simons_2022", FILM, 1.001, "the dose is a thousandth larger"),
]


@pytest.mark.parametrize(("name", "given", "factor", "_why"), SLIPS)
def test_a_slip_of_a_thousandth_would_be_noticed(
    name: str, given: tuple[Given, ...], factor: float, _why: str
) -> None:
    """Positive control: the comparison is not so loose that it passes anything."""
    times = grid_of(given)
    expected = integrate(PAPERS[name], ADULT, given, times)

    course = answer_of(name, ADULT, given, times).concentrations["ketamine"] * factor

    off = np.abs(course - expected["ketamine"]) / np.maximum(
        expected["ketamine"], 1e-3 * expected["ketamine"].max()
    )
    assert off.max() > 1000 * AGREE
