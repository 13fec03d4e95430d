"""The planned course: bands that hold what they say, at the right site, of the dose that was asked."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vigil.evidence.models import default_effect_site, load_model, model_names
from vigil.kinetics.box import refusal
from vigil.kinetics.draws import draw
from vigil.kinetics.facts import Dose, Subject
from vigil.kinetics.planned import bands_so_far, planned_course
from vigil.kinetics.slow import concentrations
from vigil.kinetics.system import build_schedule, build_system, values_for

ADULT = Subject(age_years=40.0, weight_kg=70.0)
SITE = default_effect_site()
RACEMATE = (Dose(amount_ug=35_000, route="iv", duration_minutes=40.0, drug="ketamine"),)
DEVICES = tuple(
    Dose(amount_ug=28_000, route="nasal", start_minutes=minute, drug="esketamine")
    for minute in (0.0, 5.0)
)
ASKED = {
    name: doses
    for name in model_names()
    for doses in (RACEMATE, tuple(replace(d, drug="esketamine", amount_ug=10_000) for d in RACEMATE), DEVICES)
    if refusal(load_model(name), ADULT, doses) is None
}  # fmt: skip
"""Every shipped model of adults, with doses that it speaks of."""


def planned(name, doses=None, *, draws=400, seed=1, until=120, effect_site=SITE):
    return planned_course(
        load_model(name), ADULT, doses or ASKED[name], effect_site=effect_site,
        until_minutes=until, draws=draws, seed=seed,
    )  # fmt: skip


def slowly(name, doses, times):
    """The typical course, by the slow engine alone: blood, then the effect site."""
    model = load_model(name)
    values = values_for(model, ADULT)
    system = build_system(model, values, effect_site=SITE)
    schedule = build_schedule(model, values, doses, states=system.states)
    found = concentrations(system, schedule, times)
    return found[0], found[-1]


@pytest.mark.parametrize("name", ASKED)
def test_with_one_typical_person_the_picture_is_the_slow_engines(name):
    """INV-KIN: what is drawn is what the obvious engine computes; variability and the half-life's width taken away."""
    model = load_model(name)
    narrow = tuple(
        p if p.variability is None else replace(p, variability=replace(p.variability, variance=1e-18, occasion_variance=0.0))
        for p in model.parameters
    )  # fmt: skip
    sure = replace(
        SITE, half_life_low=SITE.half_life_minutes, half_life_high=SITE.half_life_minutes
    )

    found = planned_course(
        replace(model, parameters=narrow, covariances=()), ADULT, ASKED[name],
        effect_site=sure, until_minutes=180, draws=2, seed=1,
    )  # fmt: skip

    blood, effect = slowly(name, ASKED[name], found.time_minutes)
    assert found.in_blood.median == pytest.approx(blood, rel=1e-6, abs=1e-6)
    assert found.at_effect.median == pytest.approx(effect, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", ASKED)
def test_the_bands_lie_one_in_the_other(name):
    for bands in (planned(name).in_blood, planned(name).at_effect):
        ordered = (bands.low90, bands.low50, bands.median, bands.high50, bands.high90)
        for lower, higher in zip(ordered, ordered[1:], strict=False):  # noqa: RUF007
            assert np.all(lower <= higher + 1e-9)
        assert np.all(bands.low90 >= -1e-9)


@pytest.mark.parametrize("name", ASKED)
def test_the_bands_hold_the_share_of_people_that_they_state(name):
    """Other people of the same model, drawn from another seed: 90 % and 50 % of them lie inside, within 4 SD of chance."""
    draws = 800
    course = planned(name, draws=4000, seed=1)
    at = int(np.argmax(course.in_blood.median))
    others = draw(
        load_model(name), ADULT, effect_site=SITE,
        routes=tuple({dose.route for dose in ASKED[name]}), draws=draws, seed=2,
    )  # fmt: skip
    one_by_one = _each(name, others, course.time_minutes[: at + 1])

    for low, high, share in (("low90", "high90", 0.9), ("low50", "high50", 0.5)):
        inside = np.mean(
            (one_by_one >= getattr(course.in_blood, low)[at])
            & (one_by_one <= getattr(course.in_blood, high)[at])
        )
        assert abs(inside - share) < 4 * (share * (1 - share) / draws) ** 0.5


def _each(name, drawn, times):
    """Each drawn person's value at the last time, from their own parameter values, by the slow engine."""
    model = load_model(name)
    found = []
    for index in range(len(drawn.half_life_minutes)):
        values = {key: float(value[index]) for key, value in drawn.values.items()}
        system = build_system(model, values)
        schedule = build_schedule(model, values, ASKED[name], states=system.states)
        found.append(float(concentrations(system, schedule, times[-1:])[0][0]))
    return np.array(found)


@pytest.mark.parametrize("name", ASKED)
def test_nothing_is_there_before_the_dose_and_the_effect_site_lags(name):
    course = planned(name)

    assert course.at_effect.median[0] == pytest.approx(0.0, abs=1e-9)
    assert course.at_effect.median.argmax() >= course.in_blood.median.argmax()
    assert course.at_effect.median.max() <= course.in_blood.median.max()


@given(st.integers(2, 8), st.integers(1, 10**6))
@settings(max_examples=15)
def test_twice_the_dose_is_twice_the_picture(times, seed):
    """Every shipped model is linear: superposition, whoever was drawn."""
    once = tuple(replace(dose, amount_ug=4_000) for dose in RACEMATE)
    more = tuple(replace(dose, amount_ug=4_000 * times) for dose in RACEMATE)

    small = planned("kamp_2020", once, draws=20, seed=seed)
    large = planned("kamp_2020", more, draws=20, seed=seed)

    assert large.in_blood.high90 == pytest.approx(times * small.in_blood.high90, rel=1e-9)
    assert large.at_effect.low50 == pytest.approx(times * small.at_effect.low50, rel=1e-9)


def test_the_same_seed_draws_the_same_picture_and_another_seed_another():
    assert np.array_equal(planned("kamp_2020").in_blood.low90, planned("kamp_2020").in_blood.low90)
    assert not np.array_equal(
        planned("kamp_2020").in_blood.low90, planned("kamp_2020", seed=2).in_blood.low90
    )


def test_the_grid_has_a_point_a_minute_to_the_end():
    course = planned("kamp_2020", until=97)

    assert course.time_minutes[0] == 0.0
    assert course.time_minutes[-1] == 97.0
    assert np.all(np.diff(course.time_minutes) == 1.0)


def test_a_model_outside_its_box_is_our_mistake():
    """The choice of models refuses before; asking all the same is a bug, not an answer."""
    with pytest.raises(AssertionError):
        planned("otto_2021", RACEMATE)


@pytest.mark.parametrize("now", [1.0, 17.0, 40.0, 95.0])
def test_what_came_so_far_is_the_planned_course_when_all_went_as_planned(now):
    """The lane behind now and the picture on the plan are one course."""
    drawn = draw(load_model("kamp_2020"), ADULT, effect_site=SITE, routes=("iv",), draws=400, seed=1)  # fmt: skip
    course = planned("kamp_2020", RACEMATE)
    given_so_far = tuple(
        replace(d, amount_ug=round(35_000 * min(now, 40) / 40), duration_minutes=min(now, 40.0))
        for d in RACEMATE
    )
    times = np.arange(0.0, now + 1)

    found = bands_so_far(drawn, given_so_far, times)

    assert found.median == pytest.approx(course.at_effect.median[: len(times)], rel=1e-3, abs=1e-6)
