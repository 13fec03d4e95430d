"""The planned course of one session, before anything was given: bands in blood and at the effect site.

In: models that `selection` chose, a person, the planned doses. Out: for each model the middle and the 50 % and 90 % bands at
the model's own sampling site and at the effect site, on one grid of minutes.

Bands hold how people differ (and days, where published) and how uncertain the effect site's half-life is. They do not hold
the error of a blood test, because nothing here is compared with one.
"""

from dataclasses import dataclass

import numpy as np

from vigil.kinetics.bands import Bands, bands_of
from vigil.kinetics.box import refusal
from vigil.kinetics.courses import courses_of
from vigil.kinetics.draws import EFFECT_SITE, SITE, Drawn, draw, inputs_of
from vigil.kinetics.facts import Dose, EffectSite, FloatArray, Model, Subject

DRAWS = 1000
"""Drawn people for a page: the edge of a 90 % band then has 50 people beyond it, and moves by about 1 % between seeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCourse:
    """One model's answer. `time_minutes`: shape (T,), from 0; `in_blood` is at the model's sampling site."""

    model: Model
    effect_site: EffectSite
    time_minutes: FloatArray
    in_blood: Bands
    at_effect: Bands


def planned_course(
    model: Model,
    subject: Subject,
    doses: tuple[Dose, ...],
    *,
    effect_site: EffectSite,
    until_minutes: int,
    draws: int = DRAWS,
    seed: int,
) -> PlannedCourse:
    """What one model says of a planned session.

    Args:
        model: one that `selection.choose` accepted for this person and these doses.
        subject: age and weight known.
        doses: as planned, from minute 0.
        effect_site: the published constant that joins blood and effect site.
        until_minutes: last minute, 1 or more; the grid has one point a minute.
        draws: people drawn, 2 or more.
        seed: the same seed draws the same people.
    """
    assert refusal(model, subject, doses) is None, "the choice of models refuses before"
    routes = tuple(sorted({dose.route for dose in doses}))
    drawn = draw(model, subject, effect_site=effect_site, routes=routes, draws=draws, seed=seed)
    inputs = inputs_of(drawn, given=doses, rest=())
    time = np.arange(0.0, until_minutes + 1)
    in_blood, at_effect = (
        bands_of(courses_of(drawn, inputs, time, row=row, chosen=slice(None)))
        for row in (SITE, EFFECT_SITE)
    )
    return PlannedCourse(
        model=model,
        effect_site=effect_site,
        time_minutes=time,
        in_blood=in_blood,
        at_effect=at_effect,
    )


def bands_so_far(drawn: Drawn, given: tuple[Dose, ...], time_minutes: FloatArray) -> Bands:
    """The bands at the effect site for what was given, at times up to now: what the forecast's own curves come from.

    Args:
        drawn: of a prepared forecast.
        given: what was really given.
        time_minutes: shape (T,), rising.
    """
    inputs = inputs_of(drawn, given=given, rest=())
    return bands_of(courses_of(drawn, inputs, time_minutes, row=EFFECT_SITE, chosen=slice(None)))
