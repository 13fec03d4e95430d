"""People drawn and moved by the slow engine, to hold forecasts against: nothing of a forecast's own draws or modes."""

import dataclasses
import math
from functools import cache

import numpy as np

from a_forecast_scene import DOMINO, EFFECT_SITE, KAMP
from vigil.kinetics import slow
from vigil.kinetics.facts import Dose, Model, Subject
from vigil.kinetics.forecast import Prepared, prepare
from vigil.kinetics.system import build_schedule, build_system, covariance_of, values_for

DRAWS = 2_000
MODELS = (KAMP, DOMINO)


def subject(weight_kg: float) -> Subject:
    return Subject(age_years=40, weight_kg=weight_kg)


@cache
def scene(weight_kg: float, half_life_spread: float) -> Prepared:
    site = dataclasses.replace(
        EFFECT_SITE,
        half_life_low=EFFECT_SITE.half_life_minutes
        / (EFFECT_SITE.half_life_minutes / EFFECT_SITE.half_life_low) ** half_life_spread,
        half_life_high=EFFECT_SITE.half_life_minutes
        * (EFFECT_SITE.half_life_high / EFFECT_SITE.half_life_minutes) ** half_life_spread,
    )
    answer = prepare(
        MODELS, subject(weight_kg), effect_site=site, routes=("iv",), draws=DRAWS, seed=17
    )
    assert isinstance(answer, Prepared)
    return answer


def truth_course(
    model: Model,
    person: Subject,
    doses: tuple[Dose, ...],
    minutes: np.ndarray,
    generator: np.random.Generator,
) -> np.ndarray:
    """The effect-site concentrations of one person drawn here, by the slow engine."""
    names, covariance = covariance_of(model)
    etas = generator.multivariate_normal(np.zeros(len(names)), covariance)
    values = values_for(model, person, etas=dict(zip(names, map(float, etas), strict=True)))
    width = math.log(EFFECT_SITE.half_life_high / EFFECT_SITE.half_life_low) / (2 * 1.959964)
    half_life = EFFECT_SITE.half_life_minutes * math.exp(width * generator.normal())
    system = build_system(
        model, values, effect_site=dataclasses.replace(EFFECT_SITE, half_life_minutes=half_life)
    )
    schedule = build_schedule(model, values, doses, states=system.states)
    return slow.concentrations(system, schedule, minutes)[-1]
