"""Properties of the individual estimate: exact slopes, a true peak, honest shrinkage."""

import dataclasses
import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from a_forecast_scene import (
    ARTERIAL,
    EFFECT_SITE,
    OTTO,
    PEREZ,
    SIGNED,
    SIMONS,
    YOUNG,
    empty_sessions,
    infusion,
    with_pressures,
)
from vigil.kinetics import slow
from vigil.kinetics.dual import Dual, slopes_of, value_of
from vigil.kinetics.facts import Dose
from vigil.kinetics.individual import SHRINKAGE_MAX, Individual, shrinkage_of, update
from vigil.kinetics.pressure_course import (
    Sitting,
    ask,
    concentrations_and_slopes,
    varying_effects,
)
from vigil.kinetics.pressure_fit import most_probable, pose, pressures_and_slopes, surprise_of
from vigil.kinetics.pressure_marginal import SLOPE, slope_marginal
from vigil.kinetics.system import build_schedule, build_system, values_for

HALF_LIFE = 5.1
SCENES = {
    "simons": (SIMONS, (infusion(0.0, 15.0, 12_000), infusion(22.0, 40.0, 9_000))),
    "otto": (OTTO, (infusion(0.0, 40.0, 25_000), Dose(amount_ug=5_000, route="iv", start_minutes=50.0))),
    "perez nasal": (PEREZ, (Dose(amount_ug=56_000, route="nasal"), Dose(amount_ug=28_000, route="nasal", start_minutes=10.0))),
    "perez iv": (PEREZ, (infusion(0.0, 30.0, 25_000),)),
}  # fmt: skip
minutes_read = st.lists(st.integers(0, 240).map(lambda m: m / 2), min_size=1, max_size=8).map(tuple)


def question_of(name: str, minutes: tuple[float, ...]):
    model, doses = SCENES[name]
    routes = tuple({dose.route for dose in doses})
    return ask(
        model,
        YOUNG,
        (Sitting(doses=doses, minutes=minutes), Sitting(doses=doses[:1], minutes=minutes[:2])),
        half_life_minutes=HALF_LIFE,
        effects=varying_effects(model, routes),
    )


def deviations_for(question, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.4, len(question.effects))


scenes = st.sampled_from(sorted(SCENES))
seeds = st.integers(0, 10_000)


@settings(deadline=None, max_examples=60)
@given(name=scenes, minutes=minutes_read, seed=seeds)
def test_the_concentration_at_each_reading_is_that_of_the_slow_engine(name, minutes, seed) -> None:
    """INV-KIN-51: the closed form of the estimate and the slow engine are one course."""
    question = question_of(name, minutes)
    deviations = deviations_for(question, seed)

    found, _ = concentrations_and_slopes(question, deviations)

    wanted = np.concatenate([by_slow_engine(question, s, deviations) for s in question.sittings])
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def by_slow_engine(question, sitting: Sitting, deviations: np.ndarray) -> np.ndarray:
    etas = dict(zip(question.effects[:-1], map(float, deviations[:-1]), strict=True))
    values = values_for(question.model, YOUNG, etas=etas)
    site = dataclasses.replace(
        EFFECT_SITE,
        half_life_minutes=HALF_LIFE * math.exp(deviations[-1]),
    )
    system = build_system(question.model, values, effect_site=site)
    schedule = build_schedule(question.model, values, sitting.doses, states=system.states)
    return slow.concentrations(system, schedule, np.array(sitting.minutes))[-1]


@settings(deadline=None, max_examples=60)
@given(name=scenes, minutes=minutes_read, seed=seeds)
def test_slopes_are_those_of_central_differences(name, minutes, seed) -> None:
    """INV-KIN-81: the analytic slopes against Richardson differences of the closed form."""
    question = question_of(name, minutes)
    deviations = deviations_for(question, seed)

    _, slopes = concentrations_and_slopes(question, deviations)

    for place in range(len(deviations)):
        wanted = (
            4 * central(question, deviations, place, 1e-3)
            - central(question, deviations, place, 2e-3)
        ) / 3
        np.testing.assert_allclose(slopes[:, place], wanted, rtol=2e-7, atol=2e-7)


def central(question, deviations, place, step) -> np.ndarray:
    up, down = deviations.copy(), deviations.copy()
    up[place] += step
    down[place] -= step
    return (
        concentrations_and_slopes(question, up)[0] - concentrations_and_slopes(question, down)[0]
    ) / (2 * step)


@pytest.mark.parametrize("effect", ["clk1", "vk1", "clk3", "half_life"])
def test_a_slope_agrees_with_fifty_digits(effect) -> None:
    """INV-KIN-81: mpmath differences of the matrix exponential, 1e-11 relative."""
    mpmath.mp.dps = 50
    question = ask(
        SIMONS, YOUNG, (Sitting(doses=(infusion(0.0, 40.0, 25_000),), minutes=(55.0,)),),
        half_life_minutes=HALF_LIFE, effects=varying_effects(SIMONS, ("iv",)),
    )  # fmt: skip
    place = question.effects.index(effect)
    deviations = np.array([0.1, -0.2, 0.05, 0.3])

    _, slopes = concentrations_and_slopes(question, deviations)

    step = mpmath.mpf(10) ** -15
    up, down = (in_fifty_digits(question, deviations, place, sign * step) for sign in (1, -1))
    wanted = (up - down) / (2 * step)
    assert abs(slopes[0, place] / wanted - 1) < 1e-11


def in_fifty_digits(question, deviations, place, shift) -> mpmath.mpf:
    """Ce 15 minutes after a 40-minute infusion, by the exponential of the four-state matrix with its input."""
    exact = [mpmath.mpf(float(d)) for d in deviations]
    exact[place] += shift
    value = {n: mpmath.mpf(v) for n, v in question.typical.items()}
    for name, deviation in zip(question.effects[:-1], exact[:-1], strict=True):
        value[name] *= mpmath.exp(deviation)
    ke0 = mpmath.log(2) / (mpmath.mpf(HALF_LIFE) * mpmath.exp(exact[-1]))
    v1, v2, v3 = value["vk1"], value["vk2"], value["vk3"]
    cl, q2, q3 = value["clk1"], value["clk2"], value["clk3"]
    rates = mpmath.matrix([
        [-(cl + q2 + q3) / v1, q2 / v2, q3 / v3, 0, mpmath.mpf(25_000) / 40],
        [q2 / v1, -q2 / v2, 0, 0, 0],
        [q3 / v1, 0, -q3 / v3, 0, 0],
        [ke0 / v1, 0, 0, -ke0, 0],
        [0, 0, 0, 0, 0],
    ])  # fmt: skip
    state = mpmath.expm(rates * 40) * mpmath.matrix([0, 0, 0, 0, 1])
    state[4] = 0
    return (mpmath.expm(rates * 15) * state)[3]


@settings(deadline=None, max_examples=40)
@given(seed=seeds, close=st.floats(0, 1e-7))
def test_rates_that_meet_still_have_slopes(seed, close) -> None:
    """The half-life is moved onto a rate of the blood: divided differences turn into the derivative without a jump."""
    question = question_of("otto", (45.0, 70.0))
    deviations = deviations_for(question, seed)
    values = values_for(
        OTTO, YOUNG, etas=dict(zip(question.effects[:-1], map(float, deviations[:-1]), strict=True))
    )
    system = build_system(OTTO, values)
    rate = -np.sort(np.linalg.eigvals(system.rates[:3, :3]).real)[1]
    deviations[-1] = math.log(math.log(2) / (rate * (1 + 1e-6 + close)) / HALF_LIFE)

    try:
        found, slopes = concentrations_and_slopes(question, deviations)
    except ArithmeticError:
        return  # Refused in words above this level: never a wrong number.

    wanted = np.concatenate([by_slow_engine(question, s, deviations) for s in question.sittings])
    np.testing.assert_allclose(found, wanted, rtol=1e-7)
    for place in range(len(deviations)):
        np.testing.assert_allclose(
            slopes[:, place], by_slow_differences(question, deviations, place), rtol=1e-4, atol=1e-4
        )


def by_slow_differences(question, deviations, place, step=1e-4) -> np.ndarray:
    ends = []
    for sign in (1, -1):
        moved = deviations.copy()
        moved[place] += sign * step
        ends.append(np.concatenate([by_slow_engine(question, s, moved) for s in question.sittings]))
    return (ends[0] - ends[1]) / (2 * step)


# --- numbers with slopes ------------------------------------------------------------------------

FORMULAS = (
    lambda a, b: a * b + 3.0,
    lambda a, b: a / b - b,
    lambda a, b: 2.0 / a + b * 0.5,
    lambda a, b: (1.0 - a) * b / (a + b),
    lambda a, b: -a * 2.0 * b / 4.0,
    lambda a, b: 7.0 + a - 2.0 * b,
)


@settings(deadline=None)
@given(a=st.floats(0.1, 5.0), b=st.floats(0.1, 5.0), formula=st.sampled_from(FORMULAS))
def test_arithmetic_differentiates_itself(a, b, formula) -> None:
    """INV-KIN-81: by complex steps, which have no cancellation."""
    found = formula(Dual(a, np.array([1.0, 0.0])), Dual(b, np.array([0.0, 1.0])))

    step = 1e-30
    wanted = [formula(a + 1j * step, b).imag / step, formula(a, b + 1j * step).imag / step]
    assert math.isclose(value_of(found), formula(a, b), rel_tol=1e-12, abs_tol=1e-12)
    np.testing.assert_allclose(slopes_of(found, 2), wanted, rtol=1e-12, atol=1e-12)
    assert slopes_of(4.0, 3).tolist() == [0.0, 0.0, 0.0]


# --- the peak -----------------------------------------------------------------------------------


def a_problem(model, prior, seed: int, *, sessions: int = 4):
    """A patient drawn from the prior, and the true deviations."""
    generator = np.random.default_rng(seed)
    empty = empty_sessions(sessions)
    sittings = tuple(
        Sitting(doses=s.doses, minutes=tuple(r.minute for r in s.readings)) for s in empty
    )
    problem = pose(prior, model, YOUNG, sittings, np.zeros(sum(len(s.minutes) for s in sittings)))
    true = generator.multivariate_normal(np.zeros(len(problem.names)), problem.covariance)
    exact, _ = pressures_and_slopes(problem, true)
    day = np.repeat(generator.normal(0, prior.day_sd.value, sessions), len(sittings[0].minutes))
    pressures = exact + day + generator.normal(0, prior.reading_sd.value, len(exact))
    return dataclasses.replace(problem, pressures=pressures), true, with_pressures(empty, pressures)


priors = st.sampled_from([(SIMONS, ARTERIAL), (OTTO, SIGNED)])


@settings(deadline=None, max_examples=40)
@given(which=priors, seed=seeds)
def test_the_gradient_is_that_of_the_surprise(which, seed) -> None:
    """INV-KIN-81."""
    problem, true, _ = a_problem(*which, seed)

    _, gradient, curvature = surprise_of(problem, true)

    for place in range(len(true)):
        ends = []
        for sign in (1, -1):
            moved = true.copy()
            moved[place] += sign * 1e-5
            ends.append(surprise_of(problem, moved)[0])
        wanted = (ends[0] - ends[1]) / 2e-5
        assert math.isclose(gradient[place], wanted, rel_tol=1e-5, abs_tol=1e-4)
    np.testing.assert_allclose(curvature, curvature.T)
    assert np.all(np.linalg.eigvalsh(curvature) > 0)


@settings(deadline=None, max_examples=25)
@given(which=priors, seed=seeds)
def test_the_peak_is_the_one_that_scipy_finds(which, seed) -> None:
    """INV-KIN-82: another optimiser, started at our peak and at nothing, finds no better place."""
    problem, _, _ = a_problem(*which, seed)

    peak, covariance, _ = most_probable(problem)

    ours = surprise_of(problem, peak)[0]
    for start in (peak, np.zeros(len(peak))):
        judge = minimize(
            lambda d: surprise_of(problem, d)[:2], start, jac=True, method="L-BFGS-B",
            bounds=[(-4.0, 4.0)] * len(peak), options={"ftol": 1e-14, "gtol": 1e-9},
        )  # fmt: skip
        assert ours <= judge.fun + 1e-5
    assert np.all(np.linalg.eigvalsh(covariance) > 0)
    assert np.all(np.diag(covariance) <= np.diag(problem.covariance) * 1.5)


@settings(deadline=None, max_examples=25)
@given(which=priors, seed=seeds)
def test_the_marginal_is_a_density_and_its_quantiles_turn_back(which, seed) -> None:
    """INV-KIN-83."""
    problem, _, _ = a_problem(*which, seed)
    peak, covariance, _ = most_probable(problem)

    marginal = slope_marginal(problem, peak, covariance)

    assert np.all(marginal.density >= 0)
    assert math.isclose(float(np.trapezoid(marginal.density, marginal.at)), 1.0, rel_tol=1e-9)
    assert np.all(np.diff(marginal.below) >= 0)
    for share in (0.05, 0.5, 0.95):
        assert math.isclose(marginal.share_below(marginal.deviation_at(share)), share, abs_tol=1e-9)
    assert marginal.variance > 0
    assert 0 < marginal.baseline_variance <= problem.covariance[0, 0] * 1.05


@settings(deadline=None, max_examples=8)
@given(seed=seeds)
def test_the_marginal_is_that_of_brute_force(seed) -> None:
    """INV-KIN-83: a grid of 360,000 slopes and baselines, where the kinetics are nearly certain."""
    sure = dataclasses.replace(SIGNED, half_life=dataclasses.replace(SIGNED.half_life, cv=0.01))
    calm = dataclasses.replace(
        OTTO,
        covariances=(),
        parameters=tuple(
            dataclasses.replace(p, variability=dataclasses.replace(p.variability, variance=1e-6))
            if p.variability else p
            for p in OTTO.parameters
        ),
    )  # fmt: skip
    problem, _, _ = a_problem(calm, sure, seed)
    peak, covariance, _ = most_probable(problem)

    marginal = slope_marginal(problem, peak, covariance)

    at = np.linspace(-5.0, 4.0, 1_200)
    baseline = np.linspace(peak[0] - 0.25, peak[0] + 0.25, 300)
    effect, _ = concentrations_and_slopes(problem.question, peak[2:])
    level = sure.baseline.value * np.exp(baseline)
    logs = np.empty((len(at), len(baseline)))
    for row, deviation in enumerate(at):
        predicted = level[:, None] + sure.slope.value * math.exp(deviation) * effect
        residual = (problem.pressures - predicted) @ problem.whiten.T
        logs[row] = -0.5 * (
            (residual**2).sum(axis=1)
            + deviation**2 * problem.precision[SLOPE, SLOPE]
            + baseline**2 * problem.precision[0, 0]
        )
    weight = np.exp(logs - logs.max()).sum(axis=1)
    share = (weight.cumsum() - weight / 2) / weight.sum()
    for probability in (0.05, 0.25, 0.5, 0.75, 0.95):
        wanted = float(np.interp(probability, share, at))
        assert abs(marginal.share_below(wanted) - probability) < 0.015


# --- what is told -------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(which=priors, seed=seeds, sessions=st.integers(1, 6))
def test_nothing_is_told_that_the_readings_do_not_know(which, seed, sessions) -> None:
    """INV-KIN-84: above 50 % shrinkage, too few readings, a volume or the half-life: no value, and a reason."""
    model, prior = which
    _, _, readings = a_problem(model, prior, seed, sessions=sessions)

    answer = update(prior, model, YOUNG, readings)

    assert isinstance(answer, Individual)
    assert (answer.basis == "population") == (sessions < 3)
    volumes = {c.volume for c in model.compartments} | {"half_life"}
    for estimate in answer.estimates:
        assert 0 <= estimate.shrinkage <= 1
        told = estimate.value is not None
        assert told == (not estimate.withheld)
        assert (estimate.low90 is not None) == told == (estimate.high90 is not None)
        assert estimate.population_low90 < estimate.population < estimate.population_high90
        if estimate.name in volumes or sessions < 3 or estimate.shrinkage > SHRINKAGE_MAX:
            assert not told
        else:
            assert estimate.low90 < estimate.value < estimate.high90


@settings(deadline=None)
@given(told=st.floats(0, 1), prior=st.floats(1e-6, 10))
def test_shrinkage_is_one_less_the_spread_of_estimates(told, prior) -> None:
    """Var(estimate) = prior - posterior: the definition over many people and the one of one person agree."""
    posterior = prior * told

    found = shrinkage_of(posterior, prior)

    assert math.isclose(found, 1 - math.sqrt((prior - posterior) / prior), abs_tol=1e-6)


@settings(deadline=None, max_examples=20)
@given(seed=seeds, shuffle=seeds)
def test_the_order_of_sessions_and_readings_does_not_matter(seed, shuffle) -> None:
    """INV-KIN-82."""
    _, _, sessions = a_problem(OTTO, SIGNED, seed)
    generator = np.random.default_rng(shuffle)
    mixed = tuple(
        dataclasses.replace(
            sessions[k],
            readings=tuple(generator.permutation(np.array(sessions[k].readings, dtype=object))),
        )
        for k in generator.permutation(len(sessions))
    )

    one, other = (update(SIGNED, OTTO, YOUNG, given) for given in (sessions, mixed))

    assert isinstance(one, Individual)
    assert isinstance(other, Individual)
    np.testing.assert_allclose(one.deviations, other.deviations, atol=1e-3)
