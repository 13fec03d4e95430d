"""Courses against calculus: one compartment, one effect site, boluses and infusions that begin, overlap and end. INV-KIN-60."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a_small_model import (
    CLEARANCE,
    LEAVES,
    PERSON,
    SURE,
    VOLUME,
    alike,
    blood_after_bolus,
    blood_of_infusion,
    bolus,
    effect_after_bolus,
    small_model,
)
from vigil.kinetics import courses
from vigil.kinetics.courses import by_exponentials, by_superposition, courses_of, recurrence
from vigil.kinetics.draws import EFFECT_SITE, SITE, draw, inputs_of
from vigil.kinetics.facts import Dose

PEOPLE = alike()
TIME = np.array([0.0, 0.5, 1.0, 7.0, 20.0, 39.0, 40.0, 41.0, 75.5, 300.0])
WAYS = ("compiled", "sum", "exponentials")


def infusion(start: float, lasting: float, amount_ug: int) -> Dose:
    return Dose(amount_ug=amount_ug, route="iv", start_minutes=start, duration_minutes=lasting)


def found_by(monkeypatch, way: str, doses, time=TIME, row: int = SITE) -> np.ndarray:
    """The first draw's course in one of the three ways."""
    people = PEOPLE
    if way == "sum":
        monkeypatch.setattr(courses, "recurrence", lambda: None)
    if way == "exponentials":
        people = dataclasses.replace(PEOPLE, is_modal=np.zeros(2, dtype=bool))
    inputs = inputs_of(people, given=tuple(doses), rest=())
    return courses_of(people, inputs, time, row=row, chosen=slice(None))[:, 0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("at", [0.0, 0.5, 6.25])
def test_a_bolus_decays_from_dose_over_volume(monkeypatch, way, at) -> None:
    found = found_by(monkeypatch, way, [bolus(10_000, at)])

    np.testing.assert_allclose(found, blood_after_bolus(10_000, TIME - at), rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("way", WAYS)
def test_at_the_very_minute_of_a_bolus_the_value_is_the_one_after_it(monkeypatch, way) -> None:
    found = found_by(monkeypatch, way, [bolus(10_000, 7.0)])

    assert found[:3].tolist() == [0.0, 0.0, 0.0]
    assert found[3] == pytest.approx(10_000 / VOLUME)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("start", "lasting"), [(0.0, 40.0), (7.0, 33.0), (0.25, 0.5)])
def test_an_infusion_rises_to_its_end_and_decays(monkeypatch, way, start, lasting) -> None:
    found = found_by(monkeypatch, way, [infusion(start, lasting, 30_000)])

    wanted = blood_of_infusion(30_000, lasting, TIME - start)
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-9)


@pytest.mark.parametrize("way", WAYS)
def test_the_effect_site_follows_a_bolus_and_begins_at_nothing(monkeypatch, way) -> None:
    found = found_by(monkeypatch, way, [bolus(10_000, 0.5)], row=EFFECT_SITE)

    wanted = effect_after_bolus(10_000, TIME - 0.5)
    assert wanted[1] == 0.0 < wanted[2]
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("way", WAYS)
def test_overlapping_doses_add(monkeypatch, way) -> None:
    """An infusion through another one, and a bolus at the moment when one ends and the other begins again."""
    doses = [infusion(0.0, 40.0, 20_000), infusion(20.0, 21.0, 5_000), bolus(3_000, 40.0)]

    found = found_by(monkeypatch, way, doses)

    wanted = (
        blood_of_infusion(20_000, 40.0, TIME)
        + blood_of_infusion(5_000, 21.0, TIME - 20.0)
        + blood_after_bolus(3_000, TIME - 40.0)
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-9)


@pytest.mark.parametrize("way", WAYS)
def test_two_doses_at_one_moment_are_one_dose(monkeypatch, way) -> None:
    twice = found_by(monkeypatch, way, [bolus(1_000, 7.0), bolus(1_000, 7.0)])
    once = found_by(monkeypatch, way, [bolus(2_000, 7.0)])

    np.testing.assert_allclose(twice, once, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("way", WAYS)
def test_times_before_every_dose_hold_nothing(monkeypatch, way) -> None:
    found = found_by(monkeypatch, way, [infusion(400.0, 5.0, 9_000), bolus(5, 500.0)])

    assert found.tolist() == [0.0] * len(TIME)


@pytest.mark.parametrize("way", WAYS)
def test_a_long_infusion_comes_to_rest_at_rate_over_clearance(monkeypatch, way) -> None:
    """Steady state: what enters leaves, in blood and at the effect site alike."""
    forever, late = [infusion(0.0, 2_000.0, 2_000_000)], np.array([1_900.0])

    for row in (SITE, EFFECT_SITE):
        found = found_by(monkeypatch, way, forever, late, row)
        assert found[0] == pytest.approx(1_000 / CLEARANCE, rel=1e-9)


@pytest.mark.parametrize("way", WAYS)
def test_a_single_time_is_enough(monkeypatch, way) -> None:
    found = found_by(monkeypatch, way, [bolus(10_000, 1.0)], np.array([21.0]))

    assert found == pytest.approx(10_000 / VOLUME * math.exp(-1.0))


@pytest.mark.parametrize("way", WAYS)
def test_steps_that_change_between_times_are_each_their_own(monkeypatch, way) -> None:
    """Doubling and halving steps: a decay kept for the wrong step would show at once."""
    time = np.cumsum([1.0, 1.0, 2.0, 4.0, 4.0, 1.0, 0.5, 0.5, 1.0])

    found = found_by(monkeypatch, way, [bolus(10_000)], time)

    np.testing.assert_allclose(found, blood_after_bolus(10_000, time), rtol=1e-12)


@pytest.mark.parametrize("way", WAYS)
def test_steps_that_differ_by_milliseconds_are_not_one_step(monkeypatch, way) -> None:
    """A minute, and half a thousandth of a minute more: a decay kept for the other one would be off in the fifth digit."""
    time = np.cumsum([1.0, 1.0005, 1.0, 1.0009])

    found = found_by(monkeypatch, way, [bolus(10_000)], time)

    np.testing.assert_allclose(found, blood_after_bolus(10_000, time), rtol=1e-9)


@pytest.mark.parametrize("way", WAYS)
def test_an_infusion_of_a_moment_ends(monkeypatch, way) -> None:
    """Half a thousandth of a minute long: after it, nothing enters any more."""
    found = found_by(monkeypatch, way, [infusion(0.0, 0.0005, 10_000)])

    np.testing.assert_allclose(found[1:], blood_after_bolus(10_000, TIME[1:]), rtol=1e-4)


def test_nothing_chosen_is_nothing_at_all_times() -> None:
    inputs = inputs_of(PEOPLE, given=(bolus(10_000),), rest=())

    found = courses_of(PEOPLE, inputs, TIME, row=SITE, chosen=slice(0, 0))

    assert found.shape == (len(TIME), 2)
    assert not found.any()


def test_only_the_chosen_inputs_count() -> None:
    inputs = inputs_of(PEOPLE, given=(bolus(10_000), bolus(500, 1.0)), rest=(bolus(70, 7.0),))

    for chosen, doses in (
        (slice(0, 1), [(10_000, 0.0)]),
        (slice(1, 2), [(500, 1.0)]),
        (slice(1, None), [(500, 1.0), (70, 7.0)]),
    ):
        found = courses_of(PEOPLE, inputs, TIME, row=SITE, chosen=chosen)[:, 0]
        wanted = sum(blood_after_bolus(amount, TIME - at) for amount, at in doses)
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-9)


def test_each_draw_follows_its_own_numbers() -> None:
    """Twenty people, each by the pencil's formula with their own clearance."""
    people = draw(
        small_model(variances={"cl": 0.3}), PERSON, effect_site=SURE, routes=("iv",), draws=20, seed=4
    )  # fmt: skip
    inputs = inputs_of(people, given=(bolus(10_000, 1.0),), rest=())

    found = courses_of(people, inputs, TIME, row=SITE, chosen=slice(None))

    assert np.ptp(people.values["cl"]) > 0.5
    for index, clearance in enumerate(people.values["cl"]):
        wanted = blood_after_bolus(10_000, TIME - 1.0, leaves=clearance / VOLUME)
        np.testing.assert_allclose(found[:, index], wanted, rtol=1e-10, atol=1e-9)


def test_only_the_draws_that_cannot_be_trusted_take_the_slow_way(monkeypatch) -> None:
    """Said by what is called: the third draw alone, with its own index."""
    people = draw(small_model(variances={"cl": 0.3}), PERSON, effect_site=SURE, routes=("iv",), draws=4, seed=4)  # fmt: skip
    spoilt = dataclasses.replace(people, is_modal=np.array([True, True, False, True]))
    asked = []

    def watched(drawn, index, *rest, **named):
        asked.append(index)
        return by_exponentials(drawn, index, *rest, **named)

    monkeypatch.setattr(courses, "by_exponentials", watched)
    inputs = inputs_of(people, given=(infusion(0.0, 40.0, 9_000),), rest=())

    found = courses_of(spoilt, inputs, TIME, row=SITE, chosen=slice(None))

    assert asked == [2]
    wanted = courses_of(people, inputs, TIME, row=SITE, chosen=slice(None))
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-9)


def test_equal_rates_have_no_separate_modes_and_still_the_right_answer() -> None:
    """Blood and effect site with one rate: Ce = dose / V * k t exp(-k t), which no sum of exponentials is."""
    half_life = math.log(2.0) / LEAVES
    site = dataclasses.replace(
        SURE, half_life_minutes=half_life, half_life_low=half_life, half_life_high=half_life
    )
    people = draw(small_model(), PERSON, effect_site=site, routes=("iv",), draws=2, seed=1)
    inputs = inputs_of(people, given=(bolus(10_000),), rest=())

    found = courses_of(people, inputs, TIME, row=EFFECT_SITE, chosen=slice(None))

    assert not people.is_modal.any()
    wanted = 10_000 / VOLUME * LEAVES * TIME * np.exp(-LEAVES * TIME)
    np.testing.assert_allclose(found[:, 1], wanted, rtol=1e-9, atol=1e-9)


# --- the sum by itself --------------------------------------------------------------------------


def plain(*, pole: float, lasting: float, time: list[float], begin: float = 0.0, weight=1.0):
    return by_superposition(
        np.array([[pole]]), np.full((1, 1, 1), weight), np.array([0]), np.array([begin]),
        np.array([[lasting]]), np.array([[1.0]]), np.array(time),
    )[:, 0]  # fmt: skip


def test_the_sum_of_one_mode_by_hand() -> None:
    """exp(-t) at once; (1 - exp(-t)) while it runs for two minutes; (exp(2) - 1) exp(-t) after."""
    np.testing.assert_allclose(
        plain(pole=-1.0, lasting=0.0, time=[0.0, 1.0, 2.0]), np.exp([0.0, -1.0, -2.0])
    )
    np.testing.assert_allclose(
        plain(pole=-1.0, lasting=2.0, time=[0.0, 1.0, 2.0, 5.0]),
        [0.0, 1 - math.exp(-1), 1 - math.exp(-2), (math.exp(2) - 1) * math.exp(-5)],
    )


def test_what_never_leaves_grows_with_the_time_that_it_ran() -> None:
    assert plain(pole=0.0, lasting=4.0, time=[1.0, 3.0, 6.0, 9.0], begin=2.0).tolist() == [
        0.0, 1.0, 4.0, 4.0
    ]  # fmt: skip
    assert plain(pole=0.0, lasting=0.0, time=[1.0, 2.0, 9.0], begin=2.0).tolist() == [0.0, 1.0, 1.0]


@given(pole=st.floats(-3.0, -1e-3), lasting=st.floats(0.5, 60.0), weight=st.floats(0.1, 9.0))
@settings(deadline=None, max_examples=40)
def test_the_area_of_an_input_is_its_weight_over_its_rate(pole, lasting, weight) -> None:
    """The integral over all time of one microgram: that of its decay times how long it ran."""
    time = np.linspace(0.0, lasting + 30.0 / -pole, 40_001)

    area = np.trapezoid(plain(pole=pole, lasting=lasting, time=list(time), weight=weight), time)

    assert area == pytest.approx(weight * lasting / -pole, rel=2e-3)


@given(seed=st.integers(0, 2**32), modes=st.integers(1, 4), inputs=st.integers(1, 5), people=st.integers(1, 3))  # fmt: skip
@settings(deadline=None, max_examples=60)
def test_recurrence_and_sum_agree_on_any_numbers(seed, modes, inputs, people) -> None:
    """INV-KIN-60: also on rates, weights and orders that no model has; a rate of zero among them."""
    random = np.random.default_rng(seed)
    poles = -random.choice([0.0, 0.01, 0.3, 2.0], (people, modes)) - 0.1 * random.integers(0, 2)
    arguments = (
        poles,
        random.normal(size=(2, people, modes)),
        random.integers(0, 2, inputs),
        random.integers(0, 30, inputs).astype(float),
        random.choice([0.0, 0.5, 12.0], (inputs, people)),
        random.uniform(0.0, 5.0, (inputs, people)),
        np.sort(random.choice(120, 15, replace=False) / 2.0),
    )
    run = recurrence()
    assert run is not None

    found, wanted = run(*arguments), by_superposition(*arguments)

    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9 * np.abs(wanted).max() + 1e-12)


@given(
    amounts=st.lists(st.integers(1, 50_000), min_size=1, max_size=4),
    shift=st.integers(1, 300),
    factor=st.integers(2, 9),
)
@settings(deadline=None, max_examples=30)
def test_courses_shift_with_the_clock_and_scale_with_the_dose(amounts, shift, factor) -> None:
    doses = tuple(bolus(a, 3.0 * k) for k, a in enumerate(amounts))
    moved = tuple(dataclasses.replace(d, start_minutes=d.start_minutes + shift) for d in doses)
    more = tuple(dataclasses.replace(d, amount_ug=d.amount_ug * factor) for d in doses)

    def of(given, time):
        return courses_of(PEOPLE, inputs_of(PEOPLE, given=given, rest=()), time, row=EFFECT_SITE, chosen=slice(None))  # fmt: skip

    plain_course = of(doses, TIME)
    np.testing.assert_allclose(of(moved, TIME + shift), plain_course, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(of(more, TIME), factor * plain_course, rtol=1e-10, atol=1e-9)


def test_mass_is_kept_between_blood_and_its_exit() -> None:
    """What has left by any time, clearance times the area so far, and what is still there are the dose."""
    time = np.linspace(0.0, 200.0, 20_001)
    inputs = inputs_of(PEOPLE, given=(bolus(10_000), infusion(10.0, 30.0, 6_000)), rest=())

    found = courses_of(PEOPLE, inputs, time, row=SITE, chosen=slice(None))[:, 0]

    left = CLEARANCE * np.trapezoid(found, time)
    assert left + VOLUME * found[-1] == pytest.approx(16_000, rel=1e-3)
