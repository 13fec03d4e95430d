"""The posterior of a person's slope alone, where a normal curve would be wrong.

In: readings and the peak of their posterior. Out: the density of the logarithm of the slope on a grid, and the baseline over it. When a person's pressure
hardly answers, the readings exclude a steep slope but no flat one, and the posterior has a long side towards nought that no
normal curve has. For each slope on a grid the other effects are set to their most probable values, and the volume of their spread is
counted (Laplace at every point of the grid). The concentrations are taken along their slopes at the peak; nothing else is.
"""

from dataclasses import dataclass

import numpy as np

from vigil.kinetics.facts import FloatArray
from vigil.kinetics.pressure_course import concentrations_and_slopes
from vigil.kinetics.pressure_fit import Problem

BASELINE, SLOPE = 0, 1
"""Places among the effects."""

_REACH_SD = 7.0
"""How far the fine grid reaches on both sides of the peak, in its standard deviations."""
_FINE, _COARSE = 57, 20
"""Points of the fine grid (a quarter of a standard deviation apart) and of the one from there towards nought."""
_PRIOR_REACH_SD = 5.0
"""The coarse grid ends this many standard deviations of the prior below its middle."""
_TURNS = 3
"""Newton steps of the other effects: all but the baseline are found in one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marginal:
    """`at`: shape (G,), rising deviations; `density`, `below`: shape (G,), the density and the share below.

    `baseline`, `baseline_variance`: the baseline's deviation over all slopes, which a long side of the slope moves too.
    """

    at: FloatArray
    density: FloatArray
    below: FloatArray
    baseline: float
    baseline_variance: float

    def share_below(self, deviation: float) -> float:
        """The posterior share below a deviation."""
        return float(np.interp(deviation, self.at, self.below))

    def deviation_at(self, share: float) -> float:
        """The deviation below which this share lies."""
        return float(np.interp(share, self.below, self.at))

    @property
    def variance(self) -> float:
        """Of the deviation."""
        mean = float(np.trapezoid(self.at * self.density, self.at))
        return float(np.trapezoid((self.at - mean) ** 2 * self.density, self.at))


def slope_marginal(problem: Problem, deviations: FloatArray, covariance: FloatArray) -> Marginal:
    """The posterior of the slope's deviation.

    Args:
        problem: the readings.
        deviations: shape (P,), the peak.
        covariance: shape (P, P), of the Laplace curve there; only the grid's spacing comes from it.
    """
    at = _grid(deviations[SLOPE], covariance[SLOPE, SLOPE], problem.covariance[SLOPE, SLOPE])
    logs, baselines, variances = _log_density(problem, deviations, at)
    density = np.exp(logs - logs.max())
    steps = np.diff(at) * (density[1:] + density[:-1]) / 2.0
    whole = float(steps.sum())
    density = density / whole
    baseline = float(np.trapezoid(baselines * density, at))
    spread = (baselines - baseline) ** 2 + variances
    return Marginal(
        at=at,
        density=density,
        below=np.append(0.0, steps.cumsum()) / whole,
        baseline=baseline,
        baseline_variance=float(np.trapezoid(spread * density, at)),
    )


def _grid(peak: float, variance: float, prior_variance: float) -> FloatArray:
    reach = _REACH_SD * float(np.sqrt(variance))
    fine = np.linspace(peak - reach, peak + reach, _FINE)
    end = -_PRIOR_REACH_SD * float(np.sqrt(prior_variance))
    if end >= fine[0]:
        return fine
    return np.append(np.linspace(end, fine[0], _COARSE, endpoint=False), fine)


def _log_density(
    problem: Problem, deviations: FloatArray, at: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Logarithm of the density at each point of the grid, less a constant; the baseline there and its variance."""
    effect, effect_slopes = concentrations_and_slopes(problem.question, deviations[2:])
    ones = np.ones(len(effect))
    seen = np.column_stack([problem.pressures, ones, effect, effect_slopes])
    # Only inner products of these columns matter, and the triangle of their QR has the same ones in far fewer rows.
    short = np.asarray(np.linalg.qr(problem.whiten @ seen).R)
    measured, level, course, turn = short[:, 0], short[:, 1], short[:, 2], short[:, 3:]
    level = level * problem.prior.baseline.value
    others = np.delete(np.arange(len(deviations)), SLOPE)
    precision = problem.precision[np.ix_(others, others)]
    strength = problem.prior.slope.value * np.exp(at)
    kinetic = deviations[2:]
    guess = np.tile(deviations[others], (len(at), 1))
    slopes = np.empty((len(at), len(measured), len(others)))
    slopes[:, :, 1:] = strength[:, None, None] * turn

    def look() -> tuple[FloatArray, FloatArray]:
        """Residuals, shape (G, R), and curvature, shape (G, P - 1, P - 1), at the guess."""
        slopes[:, :, 0] = np.exp(guess[:, :1]) * level
        along = course + (guess[:, 1:] - kinetic) @ turn.T
        residual = measured - slopes[:, :, 0] - strength[:, None] * along
        curvature = slopes.transpose(0, 2, 1) @ slopes + precision
        return residual, curvature

    for _ in range(_TURNS):
        residual, curvature = look()
        gradient = guess @ precision - np.einsum("grp,gr->gp", slopes, residual)
        guess = guess - np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0]
    residual, curvature = look()
    surprise = (residual**2).sum(axis=1) + np.einsum("gp,pq,gq->g", guess, precision, guess)
    surprise += at**2 * problem.precision[SLOPE, SLOPE]
    logs = -0.5 * (surprise + np.linalg.slogdet(curvature)[1])
    return np.asarray(logs), guess[:, 0], np.asarray(np.linalg.inv(curvature)[:, 0, 0])
