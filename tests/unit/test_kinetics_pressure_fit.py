"""The search for the most probable person and the slope's own posterior, where both can be written down. INV-KIN-82, 83."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a_small_model import HALF_LIFE, PAPER, PERSON, bolus, small_model
from vigil.kinetics import pressure_fit, pressure_marginal
from vigil.kinetics.facts import Covariance, Dose
from vigil.kinetics.pressure_course import ModesNotSeparate, Sitting
from vigil.kinetics.pressure_fit import (
    PeakNotFound,
    decrement_of,
    errors_of,
    most_probable,
    pose,
    pressures_and_slopes,
    surprise_of,
)
from vigil.kinetics.pressure_marginal import BASELINE, SLOPE, Marginal, slope_marginal
from vigil.kinetics.pressure_prior import PressurePrior, PriorValue

READ = (0.0, 10.0, 20.0, 40.0, 60.0)
MODEL = small_model(variances={"v": 0.02, "cl": 0.03}, covariances=(Covariance(a="v", b="cl", value=0.01),))  # fmt: skip
DOSE = Dose(amount_ug=20_000, route="iv", duration_minutes=40.0)


def prior(*, baseline_cv=0.1, slope_cv=1.0, half_life_cv=0.3, day_sd=5.0, reading_sd=6.0) -> PressurePrior:  # fmt: skip
    def number(name: str, value: float, cv: float | None = None) -> PriorValue:
        return PriorValue(name=name, value=value, unit="u", certainty="R", source="s", locator="l", cv=cv)  # fmt: skip

    return PressurePrior(
        name="p", version=1, title="t", drug="esketamine", site="venous", is_enabled=True, basis="b",
        baseline=number("baseline", 120.0, baseline_cv), slope=number("slope", 0.08, slope_cv),
        half_life=number("half_life", HALF_LIFE, half_life_cv), day_sd=number("day_sd", day_sd),
        reading_sd=number("reading_sd", reading_sd), sources=(PAPER,),
    )  # fmt: skip


def problem_of(pressures=None, *, model=MODEL, sittings: int = 4, minutes=READ, doses=(DOSE,), **widths):  # fmt: skip
    posed = pose(
        prior(**widths), model, PERSON,
        tuple(Sitting(doses=doses, minutes=minutes) for _ in range(sittings)),
        np.zeros(sittings * len(minutes)),
    )  # fmt: skip
    if pressures is None:
        pressures = pressures_and_slopes(posed, np.zeros(len(posed.names)))[0]
    return dataclasses.replace(posed, pressures=np.asarray(pressures, dtype=float))


def noisy(seed: int, *, spread: float = 6.0, **widths):
    """A problem whose person and scatter are drawn."""
    plain = problem_of(**widths)
    random = np.random.default_rng(seed)
    person = random.multivariate_normal(np.zeros(5), plain.covariance)
    expected = pressures_and_slopes(plain, person)[0]
    return dataclasses.replace(plain, pressures=expected + random.normal(0, spread, len(expected)))


# --- the problem --------------------------------------------------------------------------------


def test_the_prior_covariance_is_put_together_by_hand() -> None:
    found = problem_of()

    assert found.names == ("baseline", "slope", "v", "cl", "half_life")
    wanted = np.diag([math.log(1.01), math.log(2.0), 0.02, 0.03, math.log(1.09)])
    wanted[2, 3] = wanted[3, 2] = 0.01
    np.testing.assert_allclose(found.covariance, wanted)
    np.testing.assert_allclose(found.precision @ wanted, np.eye(5), atol=1e-10)


def test_days_of_the_model_are_not_between_people() -> None:
    """One value for all sessions: what differs between days is left to the day's own deviation."""
    days = small_model(variances={"cl": 0.03}, occasions={"cl": 0.5})

    assert problem_of(model=days).covariance[2, 2] == 0.03


def test_readings_of_one_day_share_its_deviation_and_days_are_apart() -> None:
    """Whitening undone: variance day + reading on the diagonal, day beside it, nothing between days."""
    found = problem_of(sittings=2, minutes=(0.0, 9.0))

    back = np.linalg.inv(found.whiten)
    wanted = np.kron(np.eye(2), np.array([[61.0, 25.0], [25.0, 61.0]]))
    np.testing.assert_allclose(back @ back.T, wanted, atol=1e-9)


def test_pressure_is_baseline_and_slope_times_concentration_by_hand() -> None:
    """Twice the slope adds the same again; a baseline of 10 % more adds 12 mmHg; before the drug only the baseline."""
    plain = problem_of(sittings=1)
    typical = pressures_and_slopes(plain, np.zeros(5))[0]

    steeper = pressures_and_slopes(plain, np.array([0.0, math.log(2.0), 0, 0, 0]))[0]
    higher = pressures_and_slopes(plain, np.array([math.log(1.1), 0, 0, 0, 0]))[0]

    assert typical[0] == 120.0
    assert typical[3] > 130.0
    np.testing.assert_allclose(steeper - 120.0, 2.0 * (typical - 120.0))
    np.testing.assert_allclose(higher - typical, np.full(5, 12.0))


def test_errors_are_readings_less_predictions() -> None:
    plain = problem_of(sittings=1)

    more = dataclasses.replace(plain, pressures=plain.pressures + 7.0)

    np.testing.assert_allclose(errors_of(more, np.zeros(5)), np.full(5, 7.0))


@given(seed=st.integers(0, 999))
@settings(deadline=None, max_examples=15)
def test_slopes_and_gradient_are_those_of_small_steps(seed) -> None:
    posed = noisy(seed)
    at = np.random.default_rng(seed + 1).normal(0.0, 0.2, 5)
    step = 1e-5

    _, slopes = pressures_and_slopes(posed, at)
    _, gradient, _ = surprise_of(posed, at)

    for place, unit in enumerate(np.eye(5)):
        up, down = at + step * unit, at - step * unit
        of_pressure = (pressures_and_slopes(posed, up)[0] - pressures_and_slopes(posed, down)[0]) / (2 * step)  # fmt: skip
        np.testing.assert_allclose(slopes[:, place], of_pressure, rtol=1e-5, atol=1e-4)
        of_surprise = (surprise_of(posed, up)[0] - surprise_of(posed, down)[0]) / (2 * step)
        assert gradient[place] == pytest.approx(of_surprise, rel=1e-4, abs=1e-4)


def test_the_surprise_of_the_typical_person_is_that_of_the_scatter_alone() -> None:
    """One reading, 13 mmHg off, variance 25 + 144: half of one."""
    posed = problem_of([133.0], sittings=1, minutes=(0.0,), reading_sd=12.0)

    surprise, gradient, _ = surprise_of(posed, np.zeros(5))

    assert surprise == pytest.approx(0.5)
    # d/db of 0.5 (133 - 120 e^b)^2 / 169 at 0.
    assert gradient[0] == pytest.approx(-13.0 * 120.0 / 169.0)
    np.testing.assert_allclose(gradient[1:], np.zeros(4), atol=1e-12)


def test_a_deviation_costs_its_square_in_the_priors_standard_deviations() -> None:
    posed = problem_of(sittings=1)
    one_sd = np.array([0.0, 0.0, 0.0, 0.0, math.sqrt(math.log(1.09))])

    matched = dataclasses.replace(posed, pressures=pressures_and_slopes(posed, one_sd)[0])

    assert surprise_of(matched, one_sd)[0] == pytest.approx(0.5)


@given(seed=st.integers(0, 999))
@settings(deadline=None, max_examples=15)
def test_the_curvature_is_exact_in_baseline_and_slope_near_the_peak(seed) -> None:
    """Second differences of the surprise in the two effects whose second slopes are known without further work."""
    posed = noisy(seed)
    at, _, _ = most_probable(posed)
    step = 1e-4

    _, _, curvature = surprise_of(posed, at)

    np.testing.assert_allclose(curvature, curvature.T)
    assert np.all(np.linalg.eigvalsh(curvature) > 0)
    for place in (BASELINE, SLOPE):
        unit = step * np.eye(5)[place]
        up, down = (surprise_of(posed, at + way * unit)[1] for way in (1, -1))
        wanted = (up - down) / (2 * step)
        np.testing.assert_allclose(curvature[place, place], wanted[place], rtol=1e-4)
        np.testing.assert_allclose(curvature[SLOPE, place], wanted[SLOPE], rtol=1e-3, atol=1e-3)


def test_where_the_exact_curvature_is_none_the_straight_one_is_used() -> None:
    """Readings far below any course: the exact second slopes bend the wrong way; a positive definite matrix remains."""
    posed = problem_of(np.full(20, 30.0))

    _, _, curvature = surprise_of(posed, np.array([0.5, 3.0, 0.0, 0.0, 0.0]))

    assert np.all(np.linalg.eigvalsh(curvature) > 0)


# --- the peak -----------------------------------------------------------------------------------


def test_readings_of_the_typical_person_are_answered_with_the_typical_person() -> None:
    found, covariance, steps = most_probable(problem_of())

    np.testing.assert_array_equal(found, np.zeros(5))
    assert steps == 0
    assert np.all(np.diag(covariance) <= np.diag(problem_of().covariance) + 1e-12)


def test_the_baseline_alone_has_an_answer_by_hand() -> None:
    """Readings before any drug: a normal prior and a normal scatter about 120 e^b, both about nought; Newton in one line."""
    posed = problem_of(np.full(8, 126.0), sittings=8, minutes=(0.0,), day_sd=3.0, reading_sd=4.0)

    found, covariance, _ = most_probable(posed)

    b, width = 0.0, math.log(1.01)
    for _ in range(50):
        fit = 120.0 * math.exp(b)
        slope = b / width - 8 * (126.0 - fit) * fit / 25.0
        b -= slope / (1.0 / width + 8 * fit * fit / 25.0)
    assert found[0] == pytest.approx(b, abs=1e-6)
    fit = 120.0 * math.exp(b)
    wanted = 1.0 / (1.0 / width + 8 * (fit * fit - (126.0 - fit) * fit) / 25.0)
    assert covariance[0, 0] == pytest.approx(wanted, rel=1e-3)
    np.testing.assert_allclose(np.diag(covariance)[1:], np.diag(posed.covariance)[1:], rtol=1e-9)


@given(seed=st.integers(0, 9_999), spread=st.sampled_from([0.1, 6.0, 40.0]))
@settings(deadline=None, max_examples=25)
def test_the_peak_is_flat_and_no_worse_than_the_population(seed, spread) -> None:
    posed = noisy(seed, spread=spread)

    found, covariance, steps = most_probable(posed)

    surprise, gradient, curvature = surprise_of(posed, found)
    assert decrement_of(gradient, curvature) < 1e-4
    assert surprise <= surprise_of(posed, np.zeros(5))[0] + 1e-12
    np.testing.assert_allclose(covariance @ curvature, np.eye(5), atol=1e-7)
    assert steps <= 60
    for unit in np.eye(5):
        for way in (-0.05, 0.05):
            assert surprise_of(posed, found + way * unit)[0] > surprise


def test_many_exact_readings_find_the_person_that_made_them() -> None:
    plain = problem_of(sittings=60, day_sd=0.05, reading_sd=0.05)
    person = np.array([0.08, -0.7, 0.1, -0.1, 0.25])

    found, covariance, _ = most_probable(
        dataclasses.replace(plain, pressures=pressures_and_slopes(plain, person)[0])
    )

    np.testing.assert_allclose(found[:2], person[:2], atol=0.03)
    assert np.all(np.abs(found - person) < 4 * np.sqrt(np.diag(covariance)) + 1e-3)


def test_more_readings_never_widen_what_is_known_of_the_baseline() -> None:
    widths = [most_probable(problem_of(sittings=n))[1][0, 0] for n in (1, 2, 4, 8)]

    assert widths == sorted(widths, reverse=True)


def test_a_wall_in_the_way_shortens_the_step(monkeypatch) -> None:
    """Where modes cannot be told apart the step is taken shorter, and the same peak is found."""
    posed = noisy(5)
    wanted, _, _ = most_probable(posed)
    honest, calls = pressure_fit.surprise_of, []

    def walled(problem, deviations):
        calls.append(1)
        if len(calls) == 2:
            raise ModesNotSeparate(1e9)
        return honest(problem, deviations)

    monkeypatch.setattr(pressure_fit, "surprise_of", walled)
    found, _, _ = most_probable(posed)

    np.testing.assert_allclose(found, wanted, atol=1e-3)
    assert len(calls) > 3


def test_a_wall_at_the_population_is_told(monkeypatch) -> None:
    def walled(problem, deviations):
        raise ModesNotSeparate(1e9)

    monkeypatch.setattr(pressure_fit, "surprise_of", walled)

    with pytest.raises(ModesNotSeparate):
        most_probable(noisy(5))


def test_a_search_without_rest_says_how_far_it_was(monkeypatch) -> None:
    monkeypatch.setattr(pressure_fit, "_STEPS_MAX", 0)

    with pytest.raises(PeakNotFound) as caught:
        most_probable(noisy(5))

    posed = noisy(5)
    _, gradient, curvature = surprise_of(posed, np.zeros(5))
    assert caught.value.decrement == pytest.approx(decrement_of(gradient, curvature))
    assert "at most 0.01 is accepted" in str(caught.value)


def test_a_search_that_rests_at_its_last_step_has_an_answer(monkeypatch) -> None:
    """At the last step it need only be within a hundredth of a standard deviation."""
    monkeypatch.setattr(pressure_fit, "_STEPS_MAX", 0)

    found, covariance, steps = most_probable(problem_of())

    np.testing.assert_array_equal(found, np.zeros(5))
    np.testing.assert_allclose(covariance, np.linalg.inv(surprise_of(problem_of(), found)[2]))
    assert steps == 0


def test_the_decrement_is_the_squared_distance_in_standard_deviations() -> None:
    """Curvature 4 is an SD of one half; a gradient of 6 is 1.5 away, three SD."""
    assert decrement_of(np.array([6.0]), np.array([[4.0]])) == pytest.approx(9.0)
    assert decrement_of(np.zeros(2), np.eye(2)) == 0.0
    assert decrement_of(np.array([3.0, 4.0]), np.eye(2)) == pytest.approx(25.0)


# --- the slope alone ----------------------------------------------------------------------------


def marginal_of(posed) -> Marginal:
    found, covariance, _ = most_probable(posed)
    return slope_marginal(posed, found, covariance)


def triangle() -> Marginal:
    """A density of height 1 at 0, falling to nothing at -1 and 1."""
    at = np.linspace(-1.0, 1.0, 2_001)
    density = 1.0 - np.abs(at)
    below = np.append(0.0, np.cumsum(np.diff(at) * (density[1:] + density[:-1]) / 2.0))
    return Marginal(at=at, density=density, below=below, baseline=0.0, baseline_variance=1.0)


def test_a_triangles_shares_and_width_by_hand() -> None:
    found = triangle()

    assert found.share_below(0.0) == pytest.approx(0.5)
    assert found.share_below(-0.5) == pytest.approx(0.125)
    assert found.deviation_at(0.875) == pytest.approx(0.5, abs=1e-3)
    assert found.variance == pytest.approx(1.0 / 6.0, rel=1e-4)
    assert (found.share_below(-9.0), found.share_below(9.0)) == (0.0, pytest.approx(1.0))


def test_a_moved_density_has_the_same_variance() -> None:
    found = triangle()

    assert dataclasses.replace(found, at=found.at + 5.0).variance == pytest.approx(found.variance)
    assert dataclasses.replace(found, at=found.at * 2.0, density=found.density / 2.0).variance == pytest.approx(4 * found.variance)  # fmt: skip


def test_without_any_drug_in_the_readings_the_slope_is_the_priors() -> None:
    """Readings at minute 0 only: mean 0, the prior's variance, half below the middle."""
    posed = problem_of(np.full(6, 131.0), sittings=6, minutes=(0.0,))

    found = marginal_of(posed)

    assert found.variance == pytest.approx(math.log(2.0), rel=2e-3)
    assert found.share_below(0.0) == pytest.approx(0.5, abs=1e-3)
    reach = 1.6448536 * math.sqrt(math.log(2.0))
    # Points are a quarter of an SD apart with straight lines between: a share is good to a few thousandths.
    assert found.share_below(reach) == pytest.approx(0.95, abs=4e-3)
    # The baseline of the marginal is the one of the peak: the slope has nothing to say about it.
    peak, covariance, _ = most_probable(posed)
    assert found.baseline == pytest.approx(peak[BASELINE], abs=1e-3)
    assert found.baseline_variance == pytest.approx(covariance[BASELINE, BASELINE], rel=0.02)


@given(seed=st.integers(0, 9_999))
@settings(deadline=None, max_examples=12)
def test_a_marginal_is_a_density_with_rising_shares(seed) -> None:
    found = marginal_of(noisy(seed))

    assert np.all(np.diff(found.at) > 0)
    assert np.all(found.density >= 0)
    assert np.all(np.diff(found.below) >= 0)
    assert (found.below[0], found.below[-1]) == (0.0, pytest.approx(1.0))
    assert np.trapezoid(found.density, found.at) == pytest.approx(1.0)
    assert found.baseline_variance > 0
    for share in (0.05, 0.5, 0.95):
        assert found.share_below(found.deviation_at(share)) == pytest.approx(share)


@pytest.mark.parametrize(("seed", "count"), [(1, 1), (2, 3), (3, 6)])
def test_with_two_effects_the_marginal_is_that_of_a_grid_over_both(seed, count) -> None:
    """INV-KIN-83: nobody's kinetics differ and the half-life is sure: baseline and slope are summed over a plane, point by point."""
    plain = problem_of(model=small_model(), sittings=count, half_life_cv=1e-6)
    random = np.random.default_rng(seed)
    expected = pressures_and_slopes(plain, np.array([0.05, -0.5, 0.0]))[0]
    posed = dataclasses.replace(plain, pressures=expected + random.normal(0, 6, len(expected)))

    found = marginal_of(posed)

    b, s = np.linspace(-0.25, 0.25, 201), np.linspace(-5.5, 3.0, 681)
    course = (pressures_and_slopes(plain, np.zeros(3))[0] - 120.0) / 0.08
    fit = 120.0 * np.exp(b)[:, None, None] + 0.08 * np.exp(s)[None, :, None] * course
    errors = (posed.pressures - fit) @ posed.whiten.T
    log = -0.5 * ((errors**2).sum(axis=2) + b[:, None] ** 2 / math.log(1.01) + s**2 / math.log(2.0))
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    of_s, of_b = weight.sum(axis=0), weight.sum(axis=1)
    mean = float(of_s @ s)
    assert np.sqrt(found.variance) == pytest.approx(np.sqrt(float(of_s @ (s - mean) ** 2)), rel=0.02)  # fmt: skip
    for share in (0.05, 0.5, 0.95):
        wanted = float(np.interp(share, of_s.cumsum(), s))
        assert found.deviation_at(share) == pytest.approx(wanted, abs=0.03)
    middle = float(of_b @ b)
    variance = float(of_b @ (b - middle) ** 2)
    # At each slope the baseline is taken at its peak; a log-normal's mean lies a little beside it.
    assert abs(found.baseline - middle) < 0.1 * math.sqrt(variance)
    assert found.baseline_variance == pytest.approx(variance, rel=0.04)


def test_with_many_exact_readings_the_marginal_is_the_normal_curve_of_the_peak() -> None:
    plain = problem_of(sittings=40, day_sd=0.5, reading_sd=0.5)
    found, covariance, _ = most_probable(plain)

    marginal = slope_marginal(plain, found, covariance)

    assert marginal.variance == pytest.approx(covariance[SLOPE, SLOPE], rel=0.1)
    # Concentrations are taken along their slopes at the peak, so the counted volume of the kinetics grows with the slope where
    # it should not: the middle stands lower by up to one variance, here 0.15 of a standard deviation.
    sd = math.sqrt(covariance[SLOPE, SLOPE])
    assert -0.25 * sd < marginal.deviation_at(0.5) - found[SLOPE] < 0.05 * sd
    # 57 points within seven SD, and 20 from there down to five SD of the prior.
    reach = 7.0 * math.sqrt(covariance[SLOPE, SLOPE])
    assert len(marginal.at) == 77
    assert marginal.at[0] == pytest.approx(-5.0 * math.sqrt(math.log(2.0)))
    np.testing.assert_allclose(marginal.at[20:], np.linspace(-reach, reach, 57), atol=1e-9)
    np.testing.assert_allclose(np.diff(marginal.at[:21]), np.diff(marginal.at)[0], rtol=1e-9)


def test_a_pressure_that_does_not_answer_has_a_long_side_towards_nought() -> None:
    """No flat slope is excluded: the lower side is longer than the upper one, and the grid reaches down for it."""
    posed = problem_of(np.full(20, 120.0), day_sd=1.0, reading_sd=2.0)

    found = marginal_of(posed)

    low, middle, high = (found.deviation_at(share) for share in (0.05, 0.5, 0.95))
    assert middle - low > 1.2 * (high - middle)
    assert high < 0.0
    # The fine grid itself reaches below five SD of the prior here: no coarse one is needed.
    assert found.at[0] < -5.0 * math.sqrt(math.log(2.0))
    assert len(found.at) == 57


def test_the_answer_does_not_hang_on_the_spacing_of_the_grid(monkeypatch) -> None:
    """Four times as many points, further out: the same shares to a part in a thousand."""
    posed = noisy(3)
    plain = marginal_of(posed)
    monkeypatch.setattr(pressure_marginal, "_FINE", 401)
    monkeypatch.setattr(pressure_marginal, "_COARSE", 160)
    monkeypatch.setattr(pressure_marginal, "_REACH_SD", 9.0)
    monkeypatch.setattr(pressure_marginal, "_TURNS", 8)

    fine = marginal_of(posed)

    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert plain.deviation_at(share) == pytest.approx(fine.deviation_at(share), abs=0.01)
    assert plain.variance == pytest.approx(fine.variance, rel=0.01)
    assert plain.baseline == pytest.approx(fine.baseline, abs=1e-4)


def test_only_the_grid_comes_from_the_normal_curve() -> None:
    """A normal curve half as wide or half as wide again spaces the points, and changes no answer."""
    posed = noisy(8)
    found, covariance, _ = most_probable(posed)
    plain = slope_marginal(posed, found, covariance)

    for factor in (0.6, 1.5):
        other = slope_marginal(posed, found, covariance * factor)
        for share in (0.05, 0.5, 0.95):
            assert other.deviation_at(share) == pytest.approx(plain.deviation_at(share), abs=0.01)


def test_doses_of_a_bolus_and_of_two_sessions_are_posed_alike() -> None:
    """One session twice is twice the information, in the order of sessions and minutes."""
    posed = problem_of(doses=(bolus(9_000),), sittings=2)

    predicted = pressures_and_slopes(posed, np.zeros(5))[0]

    np.testing.assert_allclose(predicted[:5], predicted[5:])
    assert posed.whiten.shape == (10, 10)
