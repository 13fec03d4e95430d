"""The most probable deviations of one person, from readings and a prior.

In: a prior, a model, sessions as numbers. Out: the peak of the posterior, found by damped Newton steps along exact
slopes, and the normal curve with the same peak and curvature (Laplace).
"""

import math
from dataclasses import dataclass

import numpy as np

from vigil.kinetics.facts import FloatArray, Model, Subject
from vigil.kinetics.pressure_course import (
    ModesNotSeparate,
    Question,
    Sitting,
    ask,
    concentrations_and_slopes,
    varying_effects,
)
from vigil.kinetics.pressure_prior import PressurePrior
from vigil.kinetics.system import covariance_of

_STEPS_MAX = 60
_DECREMENT_MIN = 1e-8
"""The search ends within 1e-4 standard deviations of the peak."""
_DECREMENT_MAX = 1e-4
"""After the last step it must stand within a hundredth of a standard deviation, or there is no answer."""
_DAMPING_START, _DAMPING_UP, _DAMPING_DOWN = 1e-3, 8.0, 0.1
_POOR_SHARE, _GOOD_SHARE = 0.3, 0.7
"""Of the gain that the curvature promised: below the first the next step is shorter, above the second longer."""
_STEP_MAX = 2.0
"""No effect moves further at once: a factor of seven is a leap for any of them."""


class PeakNotFound(ArithmeticError):
    """The search did not come to rest."""

    def __init__(self, decrement: float) -> None:
        self.decrement = decrement
        super().__init__(
            f"After {_STEPS_MAX} steps the search is {decrement**0.5:.2g} SD from its peak; at most "
            f"{_DECREMENT_MAX**0.5:g} is accepted."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Readings as numbers: `pressures`, shape (R,); `whiten`, shape (R, R), makes their errors independent, SD 1."""

    question: Question
    prior: PressurePrior
    names: tuple[str, ...]
    pressures: FloatArray
    whiten: FloatArray
    covariance: FloatArray
    precision: FloatArray


def pose(
    prior: PressurePrior,
    model: Model,
    subject: Subject,
    sittings: tuple[Sitting, ...],
    pressures: FloatArray,
) -> Problem:
    """The readings as a problem to be searched.

    Args:
        prior: what is believed of anybody.
        model: whose concentrations the slope speaks of.
        subject: age and weight known.
        sittings: the sessions, each with the minutes of its readings.
        pressures: shape (R,), mmHg, in the order of the sittings and their minutes.
    """
    routes = tuple(sorted({d.route for sitting in sittings for d in sitting.doses}))
    effects = varying_effects(model, routes)
    question = ask(
        model,
        subject,
        sittings,
        half_life_minutes=prior.half_life.value,
        effects=effects,
    )
    names = ("baseline", "slope", *question.effects)
    covariance = np.zeros((len(names), len(names)))
    covariance[0, 0] = prior.baseline.log_variance
    covariance[1, 1] = prior.slope.log_variance
    covariance[-1, -1] = prior.half_life.log_variance
    all_names, between = covariance_of(model, with_occasion=False)
    places = [all_names.index(name) for name in effects]
    covariance[2:-1, 2:-1] = between[np.ix_(places, places)]
    return Problem(
        question=question,
        prior=prior,
        names=names,
        pressures=pressures,
        whiten=_whitening(prior, tuple(len(s.minutes) for s in sittings)),
        covariance=covariance,
        precision=np.asarray(np.linalg.inv(covariance)),
    )


def _whitening(prior: PressurePrior, sizes: tuple[int, ...]) -> FloatArray:
    """Readings of one day share that day's deviation; the matrix that makes errors independent with SD 1."""
    whiten = np.zeros((sum(sizes), sum(sizes)))
    start = 0
    for size in sizes:
        shared = np.full((size, size), prior.day_sd.value**2)
        own = np.eye(size) * prior.reading_sd.value**2
        place = slice(start, start + size)
        whiten[place, place] = np.linalg.inv(np.linalg.cholesky(shared + own))
        start += size
    return whiten


def pressures_and_slopes(problem: Problem, deviations: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Predicted systolic pressures, shape (R,), mmHg, and their slopes, shape (R, P)."""
    baseline = problem.prior.baseline.value * math.exp(float(deviations[0]))
    slope = problem.prior.slope.value * math.exp(float(deviations[1]))
    effect, effect_slopes = concentrations_and_slopes(problem.question, deviations[2:])
    slopes = np.empty((len(effect), len(deviations)))
    slopes[:, 0] = baseline
    slopes[:, 1] = slope * effect
    slopes[:, 2:] = slope * effect_slopes
    return baseline + slope * effect, slopes


def errors_of(problem: Problem, deviations: FloatArray) -> FloatArray:
    """Reading less prediction, shape (R,), mmHg."""
    return np.asarray(problem.pressures - pressures_and_slopes(problem, deviations)[0])


def surprise_of(problem: Problem, deviations: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Minus the logarithm of the posterior (less a constant), its gradient, and its curvature, positive definite.

    The curvature is that of a straight line through the prediction (Gauss-Newton), with the second slopes of baseline and
    slope, which are known without further work, where the sum stays positive definite. The second slopes of the kinetics among
    themselves are left out: their prior is narrow.
    """
    predicted, slopes = pressures_and_slopes(problem, deviations)
    residual = problem.whiten @ (problem.pressures - predicted)
    steep = problem.whiten @ slopes
    pull = problem.precision @ deviations
    surprise = 0.5 * float(residual @ residual) + 0.5 * float(deviations @ pull)
    misfit = steep.T @ residual
    straight = steep.T @ steep + problem.precision
    # baseline * exp(b): its second slope is its first. slope * exp(s) * Ce: so is every second slope that has s in it.
    curved = straight.copy()
    curved[0, 0] -= misfit[0]
    curved[1, 1:] -= misfit[1:]
    curved[2:, 1] -= misfit[2:]
    return surprise, pull - misfit, curved if _is_positive(curved) else straight


def _is_positive(matrix: FloatArray) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def most_probable(problem: Problem) -> tuple[FloatArray, FloatArray, int]:
    """The peak of the posterior, its Laplace covariance and the steps taken: damped Newton.

    Raises:
        ModesNotSeparate: already at the population's values.
        PeakNotFound: the search did not come to rest.
    """
    deviations = np.zeros(len(problem.names))
    surprise, gradient, curvature = surprise_of(problem, deviations)
    damping = _DAMPING_START
    for step in range(_STEPS_MAX):
        if decrement_of(gradient, curvature) < _DECREMENT_MIN:
            return deviations, np.asarray(np.linalg.inv(curvature)), step
        change = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), -gradient)
        change *= min(1.0, _STEP_MAX / float(np.abs(change).max()))
        hoped = -float(gradient @ change) - 0.5 * float(change @ curvature @ change)
        try:
            trial = surprise_of(problem, deviations + change)
        except ModesNotSeparate:
            trial = (math.inf, gradient, curvature)
        gained = surprise - trial[0]
        if gained > 0.0:
            deviations = deviations + change
            surprise, gradient, curvature = trial
        # What is left out of the curvature makes steps too long: a step that gained little of what it promised is damped.
        if gained < _POOR_SHARE * hoped:
            damping = max(damping, _DAMPING_START) * _DAMPING_UP
        elif gained > _GOOD_SHARE * hoped:
            damping *= _DAMPING_DOWN
    decrement = decrement_of(gradient, curvature)
    if decrement > _DECREMENT_MAX:
        raise PeakNotFound(decrement)
    return deviations, np.asarray(np.linalg.inv(curvature)), _STEPS_MAX


def decrement_of(gradient: FloatArray, curvature: FloatArray) -> float:
    """Twice what a full step would gain: the squared distance to the peak in standard deviations."""
    return float(gradient @ np.linalg.solve(curvature, gradient))
