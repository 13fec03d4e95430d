"""What is coming: bands of concentration at the effect site, as planned and if the drug were stopped now.

In: at least two published models, a person, what was really given, what the plan still holds, the moment. Out: for each
model the bands, the minute of the peak and the minutes of falling below stated levels, each as an interval; or the refusal
in words. Nothing here proposes a dose, commands a pump or ticks a criterion.

`prepare` draws the possible versions of the person once for a session; `refresh` answers every second from the same draws,
so that bands move only when time or doses do. `refresh` starts from the doses each time and keeps nothing between calls.

The bands hold how people differ, how a person differs between days, and how uncertain the half-life of the effect site is.
They do not hold what the model itself has wrong: that is why there are two models. Error of measurement is not in them,
because nobody measures an effect site; `compared_with_measurement` gives bands of blood at the model's own sampling site with
that error, for the one purpose of laying measured values beside them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vigil.kinetics.bands import (
    Bands,
    Interval,
    bands_of,
    below_minutes,
    interval_of,
    peak_minutes,
    shares_by,
)
from vigil.kinetics.courses import courses_of
from vigil.kinetics.draws import (
    EFFECT_SITE,
    SITE,
    Drawn,
    draw,
    half_life_sd,
    inputs_of,
    residual_draws,
)
from vigil.kinetics.facts import Dose, EffectSite, FloatArray, Model, Route, Site, Subject
from vigil.kinetics.forecast_limits import (
    ForecastInvalid,
    check_doses,
    check_levels,
    grid,
    refuse_doses,
    refuse_models,
    refuse_old_record,
    refuse_person,
    refuse_without_residual,
)
from vigil.units.refusals import Refused

DRAWS = 2000
"""Drawn people for each model: 100 lie beyond each edge of a 90 % band, so the edge itself moves by less than 1 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The draws of one person for every model; made once for a session."""

    subject: Subject
    effect_site: EffectSite
    drawn: tuple[Drawn, ...]
    draws: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelForecast:
    """One model's answer.

    `as_planned`, `if_stopped`: bands, shape (T,), ng/mL. `peak`: when the planned course is highest from now on. `below`:
    level -> from when on the planned course stays below it, `share_already` being the share of draws that are never above
    it from now on; `below_if_stopped`: the same if the drug were stopped now. `stays_below`: level -> shape (T,), the share
    of draws whose planned course stays below it from each time on.
    """

    model: str
    model_version: int
    title: str
    site: Site
    effect_site: str | None
    as_planned: Bands
    if_stopped: Bands
    peak: Interval
    below: Mapping[float, Interval]
    below_if_stopped: Mapping[float, Interval]
    stays_below: Mapping[float, FloatArray]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """All models' answers on one grid. `time_minutes`: shape (T,); `notes` hold for every model."""

    now_minutes: float
    time_minutes: FloatArray
    models: tuple[ModelForecast, ...]
    notes: tuple[str, ...]


def forecast(
    models: tuple[Model, ...],
    subject: Subject,
    *,
    given: tuple[Dose, ...],
    rest: tuple[Dose, ...],
    now_minutes: float,
    until_minutes: float,
    every_minutes: float = 1.0,
    draws: int = DRAWS,
    seed: int,
    effect_site: EffectSite,
    levels_ng_per_ml: tuple[float, ...] = (),
    last_rate_record_minutes_ago: float | None,
) -> Forecast | Refused:
    """`prepare` and `refresh` in one, for whoever asks once. See there."""
    routes = tuple(sorted({dose.route for dose in (*given, *rest)}))
    refused = refuse_models(models) or refuse_doses(models, subject, given, rest)
    if refused is not None:
        return refused
    prepared = prepare(
        models, subject, effect_site=effect_site, routes=routes, draws=draws, seed=seed
    )
    if isinstance(prepared, Refused):
        return prepared
    return refresh(
        prepared,
        given=given,
        rest=rest,
        now_minutes=now_minutes,
        until_minutes=until_minutes,
        every_minutes=every_minutes,
        levels_ng_per_ml=levels_ng_per_ml,
        last_rate_record_minutes_ago=last_rate_record_minutes_ago,
    )


def prepare(
    models: tuple[Model, ...],
    subject: Subject,
    *,
    effect_site: EffectSite,
    routes: tuple[Route, ...],
    draws: int = DRAWS,
    seed: int,
) -> Prepared | Refused:
    """The draws that every refresh of one session is answered from.

    Args:
        models: two or more, each with variability, each with every route.
        subject: weight and age known.
        effect_site: its published interval is drawn too.
        routes: by which the session's doses come.
        draws: 2 or more.
        seed: of this session; the same seed gives the same bands.

    Returns:
        Draws, or KIN-ONE-MODEL, KIN-NO-VARIABILITY, KIN-WEIGHT-UNKNOWN and whatever else `box` refuses.

    Raises:
        ForecastInvalid: `draws` below 2 or `seed` negative.
    """
    if draws < 2:
        raise ForecastInvalid("draws", draws, "a band needs at least 2")
    if seed < 0:
        raise ForecastInvalid("seed", seed, "it must be 0 or more")
    refused = refuse_models(models) or refuse_person(models, subject)
    if refused is not None:
        return refused
    for model in models:
        missing = set(routes) - {route.route for route in model.routes}
        if missing:
            return Refused(
                code="KIN-ROUTE",
                message=f"The model {model.name} does not speak of this route ({', '.join(sorted(missing))}). A dose by "
                "one route is never converted to another.",
            )
    drawn = tuple(
        draw(model, subject, effect_site=effect_site, routes=routes, draws=draws, seed=seed)
        for model in models
    )
    return Prepared(subject=subject, effect_site=effect_site, drawn=drawn, draws=draws, seed=seed)


def refresh(
    prepared: Prepared,
    *,
    given: tuple[Dose, ...],
    rest: tuple[Dose, ...],
    now_minutes: float,
    until_minutes: float,
    every_minutes: float = 1.0,
    levels_ng_per_ml: tuple[float, ...] = (),
    last_rate_record_minutes_ago: float | None,
    compared_with_measurement: bool = False,
) -> Forecast | Refused:
    """What is coming, from the same draws as before.

    Args:
        prepared: of this session.
        given: what was really given: starts, and infusions end, not after now. Pauses and rate changes make several.
        rest: what the plan still holds: nothing of it starts before now.
        now_minutes: since the session's first minute.
        until_minutes: end of the forecast; at least two steps after now.
        every_minutes: step of the grid, which starts now.
        levels_ng_per_ml: each more than 0; from evidence, with its source.
        last_rate_record_minutes_ago: since somebody last recorded what the pump does, 0 when nothing can flow any more;
            None: nobody ever did.
        compared_with_measurement: bands of blood at the model's sampling site with the error of measurement.

    Returns:
        A forecast, or KIN-RATE-OLD, KIN-NO-RESIDUAL (only when compared) and whatever `box` refuses.

    Raises:
        ForecastInvalid: a dose on the wrong side of now, a grid or a level that makes no sense.
        RouteNotPrepared: a dose by a route that was not prepared.
    """
    time = grid(now_minutes, until_minutes, every_minutes)
    check_doses(given, rest, now_minutes)
    check_levels(levels_ng_per_ml)
    models = tuple(drawn.model for drawn in prepared.drawn)
    refused = refuse_old_record(last_rate_record_minutes_ago) or refuse_doses(
        models, prepared.subject, given, rest
    )
    if refused is None and compared_with_measurement:
        refused = refuse_without_residual(models)
    if refused is not None:
        return refused
    return Forecast(
        now_minutes=now_minutes,
        time_minutes=time,
        models=tuple(
            _model_forecast(
                drawn,
                prepared.effect_site,
                given,
                rest,
                time,
                levels_ng_per_ml,
                compared_with_measurement,
            )
            for drawn in prepared.drawn
        ),
        notes=_notes(prepared, compared_with_measurement),
    )


# --- the answer --------------------------------------------------------------------------------


def _model_forecast(
    drawn: Drawn,
    effect_site: EffectSite,
    given: tuple[Dose, ...],
    rest: tuple[Dose, ...],
    time: FloatArray,
    levels: tuple[float, ...],
    compared: bool,
) -> ModelForecast:
    row = SITE if compared else EFFECT_SITE
    inputs = inputs_of(drawn, given=given, rest=rest)
    stopped = courses_of(drawn, inputs, time, row=row, chosen=slice(0, inputs.given))
    planned = stopped
    if rest:
        # Courses of several inputs add: what was given is computed once for both questions.
        planned = stopped + courses_of(
            drawn, inputs, time, row=row, chosen=slice(inputs.given, None)
        )
    stopped_bands = bands_of(_measured(drawn, stopped) if compared else stopped)
    planned_bands = stopped_bands
    if rest:
        planned_bands = bands_of(_measured(drawn, planned) if compared else planned)
    if_stopped = {level: below_minutes(stopped, time, level) for level in levels}
    as_planned = if_stopped
    if rest:
        as_planned = {level: below_minutes(planned, time, level) for level in levels}
    return ModelForecast(
        model=drawn.model.name,
        model_version=drawn.model.version,
        title=drawn.model.title,
        site=drawn.model.site,
        effect_site=None if compared else effect_site.name,
        as_planned=planned_bands,
        if_stopped=stopped_bands,
        peak=_over_draws(peak_minutes(planned, time), time),
        below={level: _over_draws(minutes, time) for level, minutes in as_planned.items()},
        below_if_stopped={
            level: _over_draws(minutes, time) for level, minutes in if_stopped.items()
        },
        stays_below={level: shares_by(minutes, time) for level, minutes in as_planned.items()},
        notes=_model_notes(drawn.model, effect_site, compared),
    )


def _over_draws(minutes: FloatArray, time: FloatArray) -> Interval:
    return interval_of(minutes, first=float(time[0]), last=float(time[-1]))


def _measured(drawn: Drawn, courses: FloatArray) -> FloatArray:
    """The courses as a laboratory would have measured them."""
    analyte = drawn.model.outputs[0].analyte
    residual = next(r for r in drawn.model.residuals if r.analyte == analyte)
    spread = np.hypot(residual.proportional * courses, residual.additive_ng_per_ml)
    return np.asarray(np.maximum(courses + spread * residual_draws(drawn, len(courses)), 0.0))


def _notes(prepared: Prepared, compared: bool) -> tuple[str, ...]:
    if compared:
        return (
            "Bands of blood at each model's sampling site, with the error of measurement: to lay measured values beside.",
        )
    site = prepared.effect_site
    return (
        f"The half-life of the effect site was drawn around {site.half_life_minutes:g} min, as wide as its published "
        f"interval of {site.half_life_low:g} to {site.half_life_high:g} min (SD of the logarithm {half_life_sd(site):.2f}). "
        "That interval says how well the mean is known; people differ more.",
        "Error of measurement is not in these bands: they are not for comparison with measured values.",
    )


def _model_notes(model: Model, effect_site: EffectSite, compared: bool) -> tuple[str, ...]:
    notes = []
    if model.borrowed_variability_from is not None:
        notes.append(
            f"Its paper gives no variability between people: that of {model.borrowed_variability_from} is used."
        )
    if not compared and model.site != effect_site.follows:
        notes.append(
            f"The model's samples are {model.site} and the effect site follows {effect_site.follows} blood: peaks at the "
            "effect site are drawn too low and too late."
        )
    return (*notes, *model.notes)
