"""A simulated clinic for the pressure estimate: patients drawn from the prior, five sessions of six cuff readings each.

The truth is moved by the slow engine, not by the closed form that the estimate uses.
"""

import dataclasses
import math

import numpy as np

from a_forecast_scene import EFFECT_SITE, YOUNG, empty_sessions, with_pressures
from vigil.kinetics import slow
from vigil.kinetics.facts import Model
from vigil.kinetics.individual import Individual, SessionReadings, update
from vigil.kinetics.pressure_course import varying_effects
from vigil.kinetics.pressure_prior import PressurePrior
from vigil.kinetics.system import build_schedule, build_system, covariance_of, values_for


@dataclasses.dataclass(frozen=True)
class Patient:
    true: dict[str, float]
    answer: Individual

    def rank(self, name: str) -> float:
        """Posterior share below the truth, for baseline and slope."""
        marginal = self.answer.marginal
        assert marginal is not None
        if name == "slope":
            return marginal.share_below(self.true["slope"])
        spread = math.sqrt(marginal.baseline_variance)
        return 0.5 * (
            1 + math.erf((self.true["baseline"] - marginal.baseline) / spread / math.sqrt(2))
        )


def simulate(
    model: Model,
    prior: PressurePrior,
    *,
    patients: int,
    seed: int,
    sessions: int = 5,
    believed: PressurePrior | None = None,
) -> list[Patient]:
    """Patients and what was learned of them; `believed` is another prior than the one they were drawn from."""
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(patients):
        true, given = a_patient(model, prior, generator, sessions)
        answer = update(believed or prior, model, YOUNG, given)
        assert isinstance(answer, Individual), answer
        found.append(Patient(true=true, answer=answer))
    return found


def a_patient(
    model: Model, prior: PressurePrior, generator: np.random.Generator, sessions: int
) -> tuple[dict[str, float], tuple[SessionReadings, ...]]:
    effects = varying_effects(model, ("iv",))
    names, between = covariance_of(model, with_occasion=False)
    etas = dict(
        zip(names, generator.multivariate_normal(np.zeros(len(names)), between), strict=True)
    )
    true = {name: float(etas[name]) for name in effects}
    for name in ("baseline", "slope", "half_life"):
        spread = math.sqrt(getattr(prior, name).log_variance)
        true[name] = float(generator.normal(0.0, spread))
    values = values_for(model, YOUNG, etas={name: true[name] for name in effects})
    site = dataclasses.replace(
        EFFECT_SITE, half_life_minutes=prior.half_life.value * math.exp(true["half_life"])
    )
    system = build_system(model, values, effect_site=site)
    empty = empty_sessions(sessions)
    times = np.array([r.minute for r in empty[0].readings])
    schedule = build_schedule(model, values, empty[0].doses, states=system.states)
    effect = slow.concentrations(system, schedule, times)[-1]
    course = (
        prior.baseline.value * math.exp(true["baseline"])
        + prior.slope.value * math.exp(true["slope"]) * effect
    )
    day = np.repeat(generator.normal(0.0, prior.day_sd.value, sessions), len(times))
    noise = generator.normal(0.0, prior.reading_sd.value, len(day))
    return true, with_pressures(empty, np.tile(course, sessions) + day + noise)


def recovery(patients: list[Patient]) -> dict[str, tuple[float, float, float]]:
    """For each effect: correlation of true and estimated, shrinkage over patients, mean shrinkage told."""
    names = [estimate.name for estimate in patients[0].answer.estimates]
    table = {}
    for place, name in enumerate(names):
        true = np.array([p.true[name] for p in patients])
        found = np.array([p.answer.deviations[place] for p in patients])
        told = np.array([p.answer.estimates[place].shrinkage for p in patients])
        table[name] = (
            float(np.corrcoef(true, found)[0, 1]),
            float(1 - found.std() / true.std()),
            float(told.mean()),
        )
    return table
