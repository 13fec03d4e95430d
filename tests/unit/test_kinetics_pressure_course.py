"""Concentration at each reading and its slopes, on a model solved with a pencil. INV-KIN-80, 81."""

import dataclasses
import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a_small_model import (
    HALF_LIFE,
    LEAVES,
    PERSON,
    VOLUME,
    blood_after_swallowing,
    bolus,
    chain,
    effect_after_bolus,
    small_model,
)
from vigil.kinetics.draws import CONDITION_MAX
from vigil.kinetics.facts import Dose
from vigil.kinetics.pressure_course import (
    ModesNotSeparate,
    Question,
    Sitting,
    ask,
    concentrations_and_slopes,
    varying_durations,
    varying_effects,
)

KE0 = math.log(2.0) / HALF_LIFE
READ = (0.0, 1.0, 10.0, 35.0, 60.0, 200.0)
AT = np.array(READ)


def asked(model, *sittings: Sitting, half_life: float = HALF_LIFE) -> Question:
    routes = tuple({dose.route for sitting in sittings for dose in sitting.doses})
    return ask(
        model, PERSON, sittings, half_life_minutes=half_life, effects=varying_effects(model, routes)
    )


def sat(*doses: Dose, minutes=READ) -> Sitting:
    return Sitting(doses=doses, minutes=tuple(minutes))


def infusion(start: float, lasting: float, amount_ug: int) -> Dose:
    return Dose(amount_ug=amount_ug, route="iv", start_minutes=start, duration_minutes=lasting)


def values_of(question: Question, *deviations: float) -> np.ndarray:
    given_deviations = np.array(deviations or [0.0] * len(question.effects))
    return concentrations_and_slopes(question, given_deviations)[0]


def differences(question: Question, at: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Slopes by central differences, shape (R, P)."""
    columns = []
    for unit in np.eye(len(at)):
        up, down = (concentrations_and_slopes(question, at + s * unit)[0] for s in (step, -step))
        columns.append((up - down) / (2 * step))
    return np.column_stack(columns)


CLEARED = small_model(variances={"cl": 0.1})
BOTH = small_model(variances={"v": 0.1, "cl": 0.1})
SWALLOWED = small_model(variances={"cl": 0.1, "f": 0.2}, kinds={"f": "logit"})


# --- values -------------------------------------------------------------------------------------


def test_after_a_bolus_the_effect_site_is_that_of_the_pencil() -> None:
    question = asked(CLEARED, sat(bolus(10_000)))

    np.testing.assert_allclose(values_of(question), effect_after_bolus(10_000, AT), rtol=1e-10, atol=1e-10)  # fmt: skip


def test_an_infusion_is_the_mean_of_boluses_over_its_time() -> None:
    """A thousand small boluses at the middles of equal parts: the midpoint rule."""
    question = asked(CLEARED, sat(infusion(5.0, 30.0, 10_000)))
    middles = 5.0 + 30.0 * (np.arange(4_000) + 0.5) / 4_000

    wanted = effect_after_bolus(10_000, AT[:, None] - middles).mean(axis=1)

    np.testing.assert_allclose(values_of(question), wanted, rtol=1e-5, atol=1e-6)


def test_a_reading_during_an_infusion_knows_only_what_has_entered() -> None:
    """What the second half brings does not reach back."""
    whole = asked(CLEARED, sat(infusion(0.0, 40.0, 8_000), minutes=(10.0, 20.0)))
    half = asked(CLEARED, sat(infusion(0.0, 20.0, 4_000), minutes=(10.0, 20.0)))

    np.testing.assert_allclose(values_of(whole), values_of(half), rtol=1e-12)


def test_readings_before_the_first_dose_hold_nothing_and_no_slope() -> None:
    question = asked(CLEARED, sat(bolus(10_000, 30.0), minutes=(0.0, 29.9, 30.0, 31.0)))

    found, slopes = concentrations_and_slopes(question, np.zeros(2))

    assert found[:2].tolist() == [0.0, 0.0]
    assert not slopes[:2].any()
    assert abs(found[2]) < 1e-10 < found[3]


def test_no_reading_at_all_is_no_error() -> None:
    question = asked(CLEARED, sat(bolus(10_000), minutes=()))

    found, slopes = concentrations_and_slopes(question, np.zeros(2))

    assert (found.shape, slopes.shape) == ((0,), (0, 2))


def test_sessions_do_not_reach_into_each_other() -> None:
    """Each has its own clock and its own doses; their readings stand one after the other."""
    first, second = sat(bolus(10_000)), sat(bolus(600, 2.0), minutes=(5.0, 9.0))

    together = values_of(asked(CLEARED, first, second))

    apart = [values_of(asked(CLEARED, s)) for s in (first, second)]
    np.testing.assert_allclose(together, np.concatenate(apart), rtol=1e-12)


def test_doses_of_one_session_add() -> None:
    doses = (bolus(10_000), infusion(3.0, 20.0, 4_000), bolus(700, 50.0))

    together = values_of(asked(CLEARED, sat(*doses)))

    np.testing.assert_allclose(
        together, sum(values_of(asked(CLEARED, sat(d))) for d in doses), rtol=1e-10, atol=1e-12
    )


def test_what_is_swallowed_passes_the_depot_first() -> None:
    """Three rates in a row; the share of the dose that is taken up is f at the typical person."""
    question = asked(SWALLOWED, sat(bolus(10_000, 0.0, "oral")))
    fine = np.linspace(0.0, 60.0, 60_001)
    blood = blood_after_swallowing(10_000, 0.5, fine)
    # Ce is the convolution of blood with ke0 exp(-ke0 t), by the trapezium rule.
    wanted = np.trapezoid(KE0 * np.exp(-KE0 * (60.0 - fine)) * blood, fine)

    assert values_of(question)[4] == pytest.approx(wanted, rel=1e-6)


def test_deviations_are_the_persons_own_parameters() -> None:
    """Twice the clearance, half the half-life: the pencil's formula with these numbers."""
    question = asked(CLEARED, sat(bolus(10_000)))

    found = values_of(question, math.log(2.0), -math.log(2.0))

    wanted = 10_000 / VOLUME * 2 * KE0 / (2 * LEAVES) * chain(2 * LEAVES, 2 * KE0, AT)
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10)


def test_a_fraction_deviates_by_its_odds() -> None:
    """Odds of one, times three, are three quarters: half as much again of everything."""
    question = asked(SWALLOWED, sat(bolus(10_000, 0.0, "oral")))
    place = question.effects.index("f")
    deviations = np.zeros(3)
    deviations[place] = math.log(3.0)

    found = values_of(question, *deviations)

    np.testing.assert_allclose(found, 1.5 * values_of(question), rtol=1e-10)


# --- slopes -------------------------------------------------------------------------------------


def test_the_slope_of_the_volume_by_hand() -> None:
    """By the first instants: C = D / V exp(-cl t / V), so dC / dlog V = C (cl t / V - 1), seen through a fast effect site."""
    question = asked(BOTH, sat(bolus(10_000), minutes=(30.0,)), half_life=1e-3)
    found, slopes = concentrations_and_slopes(question, np.zeros(3))

    blood = 10_000 / VOLUME * math.exp(-LEAVES * 30.0)
    assert found[0] == pytest.approx(blood, rel=1e-3)
    by = dict(zip(question.effects, slopes[0], strict=True))
    assert by["v"] == pytest.approx(blood * (LEAVES * 30.0 - 1.0), rel=1e-2)
    assert by["cl"] == pytest.approx(-blood * LEAVES * 30.0, rel=1e-2)
    assert abs(by["half_life"]) < 1e-3 * blood


def test_volume_clearance_and_time_have_one_unit_of_volume_between_them() -> None:
    """Scaling volume and clearance together divides the concentration: the slopes add to minus the value (Euler)."""
    question = asked(BOTH, sat(bolus(10_000), infusion(20.0, 30.0, 9_000)))
    deviations = np.array([0.2, -0.3, 0.4])

    found, slopes = concentrations_and_slopes(question, deviations)

    by = dict(zip(question.effects, slopes.T, strict=True))
    np.testing.assert_allclose(by["v"] + by["cl"], -found, rtol=1e-9, atol=1e-9)


SCENES = {
    "bolus": (BOTH, (bolus(10_000),)),
    "infusion": (BOTH, (infusion(5.0, 30.0, 20_000),)),
    "both": (BOTH, (bolus(3_000, 2.0), infusion(5.0, 30.0, 20_000))),
    "swallowed": (SWALLOWED, (bolus(9_000, 1.0, "oral"),)),
    "devices": (SWALLOWED, (bolus(56_000, 0.0, "nasal"),)),
    "uptake differs": (small_model(variances={"ka": 0.2, "v": 0.1}), (bolus(9_000, 0.0, "oral"),)),
}


@pytest.mark.parametrize("name", SCENES)
@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=8)
def test_every_slope_is_that_of_small_steps(name, seed) -> None:
    """INV-KIN-81: central differences know nothing of modes or divided differences."""
    model, doses = SCENES[name]
    question = asked(model, sat(*doses), sat(*doses[:1], minutes=(4.0,)))
    at = np.random.default_rng(seed).normal(0.0, 0.25, len(question.effects))

    found, slopes = concentrations_and_slopes(question, at)

    wanted = differences(question, at)
    np.testing.assert_allclose(slopes, wanted, rtol=1e-5, atol=1e-5 * np.abs(found).max())


def test_slopes_do_not_jump_where_two_rates_meet() -> None:
    """Half-lives of blood and effect site that cross: closer than a millionth the middle's slope is used."""
    meeting = math.log(2.0) / LEAVES
    # So near that modes cannot be told apart, it says so; a hundred-thousandth away it must still be exact.
    question = asked(CLEARED, sat(bolus(10_000)), half_life=meeting * (1 + 1e-5))

    found, slopes = concentrations_and_slopes(question, np.zeros(2))

    wanted = 10_000 / VOLUME * LEAVES * AT * np.exp(-LEAVES * AT)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-6)
    # d/dlog(cl) of k0 (e^-kt - e^-k0 t) / (k0 - k) at k = k0 is -k^2 t^2 e^-kt / 2 times dose over volume.
    by_clearance = -10_000 / VOLUME * LEAVES**2 * AT**2 / 2 * np.exp(-LEAVES * AT)
    np.testing.assert_allclose(slopes[:, 0], by_clearance, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("gap", [8e-4, -8e-4, 2e-3])
def test_near_rates_keep_eight_digits_of_their_slopes(gap) -> None:
    """In forty digits: d/dlog k of D/V k0 (e^-kt - e^-k0t) / (k0 - k), where k0 is within a thousandth of k."""
    question = asked(CLEARED, sat(bolus(10_000)), half_life=math.log(2.0) / (LEAVES * (1 + gap)))

    _, slopes = concentrations_and_slopes(question, np.zeros(2))

    with mpmath.workdps(40):
        k, k0 = mpmath.mpf(LEAVES), mpmath.log(2) / mpmath.mpf(question.half_life_minutes)
        for t, slope in zip(READ, slopes[:, 0], strict=True):
            between = (mpmath.exp(-k * t) - mpmath.exp(-k0 * t)) / (k0 - k)
            moved = (between - t * mpmath.exp(-k * t)) / (k0 - k)
            wanted = float(10_000 / mpmath.mpf(VOLUME) * k0 * k * moved)
            assert slope == pytest.approx(wanted, rel=1e-8, abs=2e-6)


def test_a_reading_moments_after_a_dose_counts() -> None:
    question = asked(CLEARED, sat(bolus(10_000), minutes=(0.25, 0.5)))

    wanted = effect_after_bolus(10_000, np.array([0.25, 0.5]))
    np.testing.assert_allclose(values_of(question), wanted, rtol=1e-9)


def test_a_share_that_differs_counts_also_where_the_model_has_one_way_only() -> None:
    one_way = dataclasses.replace(SWALLOWED, routes=SWALLOWED.routes[1:2])
    question = asked(one_way, sat(bolus(9_000, 0.0, "oral")))

    found, slopes = concentrations_and_slopes(question, np.zeros(3))

    by = dict(zip(question.effects, slopes.T, strict=True))
    # The logit's own slope at one half: f (1 - f) / f of the value.
    np.testing.assert_allclose(by["f"], 0.5 * found, rtol=1e-9)


def test_a_metabolite_that_is_measured_too_moves_nothing() -> None:
    (blood,) = CLEARED.outputs
    compartments = (*CLEARED.compartments[:2], dataclasses.replace(CLEARED.compartments[2], volume="v"))  # fmt: skip
    metabolite = dataclasses.replace(blood, analyte="norketamine", compartment="lost")
    two = dataclasses.replace(CLEARED, compartments=compartments, outputs=(blood, metabolite))

    np.testing.assert_array_equal(
        values_of(asked(two, sat(bolus(9_000)))), values_of(asked(CLEARED, sat(bolus(9_000))))
    )


@pytest.mark.parametrize("gap", [0.0, 1e-12])
def test_modes_that_meet_are_refused_with_their_condition(gap) -> None:
    question = asked(CLEARED, sat(bolus(10_000)), half_life=math.log(2.0) / LEAVES * (1 + gap))

    with pytest.raises(ModesNotSeparate) as caught:
        concentrations_and_slopes(question, np.zeros(2))

    assert not caught.value.condition < CONDITION_MAX
    assert "at most 1e+06 is trusted" in str(caught.value)


def test_a_share_of_what_leaves_has_slopes_too() -> None:
    """A first pass: one minus a share is no power of it, so the quick form is not used and the answer must not change."""
    passed = dataclasses.replace(
        small_model(variances={"f": 0.1, "cl": 0.1}),
        transfers=tuple(
            dataclasses.replace(t, share_rest_of="f") if t.from_compartment == "depot" else t
            for t in SWALLOWED.transfers
        ),
    )
    question = asked(passed, sat(bolus(9_000, 0.0, "oral")))

    at = np.array([0.1, -0.2, 0.3])
    _, slopes = concentrations_and_slopes(question, at)

    assert question.flows is None
    np.testing.assert_allclose(slopes, differences(question, at), rtol=1e-5, atol=1e-3)
    quick = asked(BOTH, sat(bolus(9_000, 0.0, "oral")))
    assert quick.flows is not None


def test_a_fraction_of_what_passes_has_slopes_away_from_the_typical_person() -> None:
    """A logit is no power either: the quick form would be right at the typical person and wrong beside it."""
    slowed = dataclasses.replace(
        SWALLOWED,
        transfers=tuple(
            dataclasses.replace(t, share=("f",)) if t.from_compartment == "depot" else t
            for t in SWALLOWED.transfers
        ),
    )
    question = asked(slowed, sat(bolus(9_000, 0.0, "oral")))
    at = np.array([0.1, 0.9, -0.2])

    found, slopes = concentrations_and_slopes(question, at)

    assert question.flows is None
    np.testing.assert_allclose(slopes, differences(question, at), rtol=1e-5, atol=1e-3)
    share = 1.0 / (1.0 + math.exp(-at[question.effects.index("f")]))
    typical = dataclasses.replace(
        slowed,
        parameters=tuple(
            dataclasses.replace(p, value=share) if p.name == "f" else p for p in slowed.parameters
        ),
    )
    at[question.effects.index("f")] = 0.0
    by_value = values_of(asked(typical, sat(bolus(9_000, 0.0, "oral"))), *at)
    np.testing.assert_allclose(found, by_value, rtol=1e-9)


def test_quick_and_general_forms_are_one_answer() -> None:
    """The products of powers against numbers that differentiate themselves."""
    question = asked(BOTH, sat(bolus(9_000), infusion(4.0, 9.0, 500)))
    general = dataclasses.replace(question, flows=None)

    for at in (np.zeros(3), np.array([0.7, -0.4, 0.2])):
        for one, other in zip(
            concentrations_and_slopes(question, at),
            concentrations_and_slopes(general, at),
            strict=True,
        ):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


@given(factor=st.integers(2, 20), shift=st.integers(1, 90))
@settings(deadline=None, max_examples=20)
def test_values_and_slopes_scale_with_the_dose_and_move_with_the_clock(factor, shift) -> None:
    plain = asked(BOTH, sat(infusion(2.0, 9.0, 900)))
    more = asked(BOTH, sat(infusion(2.0, 9.0, 900 * factor)))
    later = asked(BOTH, sat(infusion(2.0 + shift, 9.0, 900), minutes=tuple(AT + shift)))
    at = np.array([0.1, 0.2, 0.3])

    wanted = concentrations_and_slopes(plain, at)

    for one, other, times in (
        *zip(concentrations_and_slopes(more, at), wanted, (factor, factor), strict=True),
        *zip(concentrations_and_slopes(later, at), wanted, (1, 1), strict=True),
    ):
        np.testing.assert_allclose(one, times * other, rtol=1e-9, atol=1e-10)


# --- what is an effect --------------------------------------------------------------------------

EVERYTHING = small_model(
    variances=dict.fromkeys(("v", "cl", "ka", "f", "later", "d", "k_lost"), 0.1),
)


@pytest.mark.parametrize(
    ("routes", "effects"),
    [
        (("iv",), ("v", "cl")),
        (("oral",), ("v", "cl", "ka", "f")),
        (("nasal",), ("v", "cl", "ka", "f", "later")),
        (("sublingual",), ("v", "cl", "d")),
        (("iv", "nasal", "sublingual"), ("v", "cl", "ka", "f", "later", "d")),
    ],
)
def test_only_what_a_dose_by_these_ways_meets_is_an_effect(routes, effects) -> None:
    """In the order of the model; what happens to the metabolite is none."""
    assert varying_effects(EVERYTHING, routes) == effects


def test_what_differs_between_days_alone_is_no_effect() -> None:
    days = small_model(variances={"cl": 0.1}, occasions={"v": 0.1, "cl": 0.2})

    assert varying_effects(days, ("iv",)) == ("cl",)
    assert varying_effects(small_model(), ("iv",)) == ()


@pytest.mark.parametrize(("routes", "durations"), [(("iv", "oral", "nasal"), ()), (("sublingual",), ("d",)), (("iv", "sublingual"), ("d",))])  # fmt: skip
def test_durations_that_differ_are_named_by_route(routes, durations) -> None:
    assert varying_durations(EVERYTHING, routes) == durations
    assert varying_durations(small_model(variances={"cl": 0.1}), routes) == ()


def test_the_half_life_is_always_the_last_effect() -> None:
    assert asked(BOTH, sat(bolus(1))).effects == ("v", "cl", "half_life")
    assert asked(SWALLOWED, sat(bolus(1, 0.0, "oral"))).kinds == ("lognormal", "logit")
    assert asked(small_model(), sat(bolus(1))).effects == ("half_life",)
