"""How strongly one person's pressure answers the drug, learned from that person's own cuff readings.

In: a prior, a model, sessions with doses and readings. Out: estimates with interval and shrinkage, or the population's values
where the readings cannot say more, or the refusal in words. Off unless the prior was signed: `PressurePrior.is_enabled`, or
the caller names the sign-off.

systolic(reading) = baseline * exp(b) + slope * exp(s) * Ce(reading; the person's kinetics) + day + error. Six effects with the
three-compartment models: baseline, slope, half-life of the effect site, and the parameters of the model that differ between
people. The search finds the most probable set of deviations (MAP); intervals are those of the normal curve with the same peak
and curvature (Laplace), but for slope and baseline, whose posterior is told along a grid of slopes and whose value is its middle.

Shrinkage is 1 - sqrt(1 - posterior variance / prior variance): 0 when the readings say everything, 1 when they say nothing and
the estimate is the population's. Above SHRINKAGE_MAX the value is withheld. A volume and the half-life of the effect site are
never reported for a person: from clinic readings nobody can tell them.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from vigil.kinetics import box
from vigil.kinetics.facts import Dose, FloatArray, Model, Subject
from vigil.kinetics.pressure_course import ModesNotSeparate, Sitting, varying_durations
from vigil.kinetics.pressure_fit import (
    PeakNotFound,
    Problem,
    errors_of,
    most_probable,
    pose,
)
from vigil.kinetics.pressure_marginal import BASELINE, SLOPE, Marginal, slope_marginal
from vigil.kinetics.pressure_prior import PressurePrior
from vigil.units.refusals import Refused

SESSIONS_MIN = 3
READINGS_MIN = 12
"""Fewer sessions or readings: the population's values only (reference, section 4)."""

SHRINKAGE_MAX = 0.5
"""Above it the estimate is more the population's than the person's (issue, item 6)."""

INTERVAL_SHARE = 0.9
"""The share of the interval shown, that of the wide band of a forecast."""

_REACH = NormalDist().inv_cdf((1.0 + INTERVAL_SHARE) / 2.0)
"""Standard deviations on each side of a normal curve's middle."""

BETTER_BY = 0.10
"""A session left out must be predicted at least this much better than by the population (reference, section 4)."""

SBP_MIN_MMHG, SBP_MAX_MMHG = 30, 350
"""Outside it a cuff did not measure a living person's pressure."""


class ReadingInvalid(ValueError):
    """A reading that no cuff gives."""

    def __init__(self, field: str, value: float) -> None:
        self.field = field
        self.value = value
        super().__init__(
            f"{field} is {value!r}; expected a minute of 0 or more and {SBP_MIN_MMHG} to {SBP_MAX_MMHG} mmHg."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One cuff reading: minutes since the start of its session (0: before the drug), whole mmHg."""

    minute: float
    sbp_mmhg: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReadings:
    """One session of the person: what was really given, and what the cuff said. Each session has its own time."""

    doses: tuple[Dose, ...]
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One effect. `value`, `low90`, `high90` are None when withheld, and `withheld` says why.

    `population`, `population_low90`, `population_high90`: what is believed of anybody. `shrinkage`: in [0, 1].
    """

    name: str
    unit: str
    value: float | None
    low90: float | None
    high90: float | None
    shrinkage: float
    population: float
    population_low90: float
    population_high90: float
    withheld: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Individual:
    """What the readings say of this person. `basis` "population": too few readings, every value is withheld.

    `deviations`, `covariance`: the peak and the Laplace covariance of all effects in the order of `estimates`, shapes (P,)
    and (P, P), on the scale of the logarithm (logit for a fraction); zeros and the prior's covariance for "population".
    `marginal`: of the slope, from which its interval comes; None for "population".
    """

    basis: Literal["individual", "population"]
    model: str
    prior: str
    prior_version: int
    estimates: tuple[Estimate, ...]
    sessions: int
    readings: int
    steps: int
    notes: tuple[str, ...]
    deviations: FloatArray
    covariance: FloatArray
    marginal: Marginal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """How well each session is predicted from the others. Errors are root mean squares, mmHg.

    `is_shown`: the person's own estimates predict at least BETTER_BY better than the population; else nothing individual
    may be displayed.
    """

    individual_mmhg: float
    population_mmhg: float
    is_shown: bool


def update(
    prior: PressurePrior,
    model: Model,
    subject: Subject,
    sessions: tuple[SessionReadings, ...],
    *,
    is_signed_off: bool = False,
) -> Individual | Refused:
    """What the readings say of this person's pressure.

    Args:
        prior: what is believed of anybody.
        model: its concentrations are those that the prior's slope speaks of: same drug, same site.
        subject: age and weight known.
        sessions: at least one dose each; readings in any order.
        is_signed_off: a named person has accepted a prior that is not enabled by itself.

    Returns:
        Estimates, or KIN-PRIOR-UNSIGNED, KIN-PRIOR-SITE, KIN-PRIOR-DRUG, KIN-INDIVIDUAL-MODEL, KIN-MODES, KIN-NO-PEAK and whatever
        `box` refuses.

    Raises:
        ReadingInvalid: a reading that no cuff gives.
    """
    _check_readings(sessions)
    refused = _refuse(prior, model, subject, sessions, is_signed_off)
    if refused is not None:
        return refused
    problem = _posed(prior, model, subject, sessions)
    readings = sum(len(session.readings) for session in sessions)
    held = sum(bool(session.readings) for session in sessions)
    if held < SESSIONS_MIN or readings < READINGS_MIN:
        deviations = np.zeros(len(problem.names))
        return _individual(problem, "population", deviations, problem.covariance, held, 0)
    try:
        deviations, covariance, steps = most_probable(problem)
    except ModesNotSeparate:
        return MODES
    except PeakNotFound:
        return NO_PEAK
    marginal = slope_marginal(problem, deviations, covariance)
    return _individual(problem, "individual", deviations, covariance, held, steps, marginal)


def leave_one_out(
    prior: PressurePrior,
    model: Model,
    subject: Subject,
    sessions: tuple[SessionReadings, ...],
    *,
    is_signed_off: bool = False,
) -> LeftOut | Refused:
    """Whether the person's own estimates predict a session that they have not seen better than the population does.

    Args and refusals as `update`; also KIN-TOO-FEW below SESSIONS_MIN sessions with readings or READINGS_MIN readings.
    """
    _check_readings(sessions)
    refused = _refuse(prior, model, subject, sessions, is_signed_off)
    if refused is not None:
        return refused
    kept = tuple(session for session in sessions if session.readings)
    if len(kept) < SESSIONS_MIN or sum(len(s.readings) for s in kept) < READINGS_MIN:
        return TOO_FEW
    own, anybody = [], []
    try:
        for number, left_out in enumerate(kept):
            others = kept[:number] + kept[number + 1 :]
            deviations, _, _ = most_probable(_posed(prior, model, subject, others))
            asked = _posed(prior, model, subject, (left_out,))
            own.append(errors_of(asked, deviations))
            anybody.append(errors_of(asked, np.zeros(len(deviations))))
    except ModesNotSeparate:
        return MODES
    except PeakNotFound:
        return NO_PEAK
    individual = float(np.sqrt(np.mean(np.concatenate(own) ** 2)))
    population = float(np.sqrt(np.mean(np.concatenate(anybody) ** 2)))
    return LeftOut(
        individual_mmhg=individual,
        population_mmhg=population,
        is_shown=individual <= (1.0 - BETTER_BY) * population,
    )


# --- refusals ----------------------------------------------------------------------------------


MODES = Refused(
    code="KIN-MODES",
    message="This model's rates lie too close together for its slopes to be trusted, so nothing individual is estimated.",
)
NO_PEAK = Refused(
    code="KIN-NO-PEAK",
    message="No single most probable answer was found from these readings; the population's values stand.",
)
TOO_FEW = Refused(
    code="KIN-TOO-FEW",
    message=f"An individual estimate needs at least {SESSIONS_MIN} sessions and {READINGS_MIN} readings; the population's "
    "values stand.",
)


def _check_readings(sessions: tuple[SessionReadings, ...]) -> None:
    for session in sessions:
        for reading in session.readings:
            if not 0 <= reading.minute < math.inf:
                raise ReadingInvalid("minute", reading.minute)
            if not SBP_MIN_MMHG <= reading.sbp_mmhg <= SBP_MAX_MMHG:
                raise ReadingInvalid("sbp_mmhg", reading.sbp_mmhg)


def _refuse(
    prior: PressurePrior,
    model: Model,
    subject: Subject,
    sessions: tuple[SessionReadings, ...],
    is_signed_off: bool,
) -> Refused | None:
    if not prior.is_enabled and not is_signed_off:
        return Refused(
            code="KIN-PRIOR-UNSIGNED",
            message="Individual pressure estimates are off: their starting values are this project's own and nobody has "
            "signed them. A named clinician must accept the prior first.",
        )
    if model.site != prior.site:
        return Refused(
            code="KIN-PRIOR-SITE",
            message=f"The prior speaks of {prior.site} concentrations and {model.name} predicts {model.site} ones; the same "
            "number would mean another effect.",
        )
    if (model.enantiomer == "S") != (prior.drug == "esketamine"):
        return Refused(
            code="KIN-PRIOR-DRUG",
            message=f"The prior speaks of {prior.drug}, and {model.name} does not predict its concentration.",
        )
    for session in sessions:
        refused = box.refusal(model, subject, session.doses)
        if refused is not None:
            return refused
    routes = tuple(sorted({d.route for session in sessions for d in session.doses}))
    durations = varying_durations(model, routes)
    if durations:
        return Refused(
            code="KIN-INDIVIDUAL-MODEL",
            message=f"In {model.name} how long a dose takes to enter differs between people ({', '.join(durations)}), and "
            "this estimate has no slope for that.",
        )
    return None


def _posed(
    prior: PressurePrior, model: Model, subject: Subject, sessions: tuple[SessionReadings, ...]
) -> Problem:
    sittings = tuple(
        Sitting(doses=s.doses, minutes=tuple(r.minute for r in s.readings)) for s in sessions
    )
    pressures = np.array([float(r.sbp_mmhg) for s in sessions for r in s.readings])
    return pose(prior, model, subject, sittings, pressures)


# --- the answer --------------------------------------------------------------------------------


def _individual(
    problem: Problem,
    basis: Literal["individual", "population"],
    deviations: FloatArray,
    covariance: FloatArray,
    sessions: int,
    steps: int,
    marginal: Marginal | None = None,
) -> Individual:
    model = problem.question.model
    never = {c.volume for c in model.compartments} | {"half_life"}
    estimates = []
    for place, name in enumerate(problem.names):
        low, middle, high, variance = _posterior(problem, place, deviations, covariance, marginal)
        shrinkage = shrinkage_of(variance, float(problem.covariance[place, place]))
        withheld = ""
        if basis == "population":
            withheld = TOO_FEW.message
        elif name in never:
            withheld = "Never told for one person: clinic readings cannot identify it."
        elif shrinkage > SHRINKAGE_MAX:
            withheld = f"Not identifiable from these readings: shrinkage {shrinkage:.0%}."
        anybody = _REACH * math.sqrt(float(problem.covariance[place, place]))
        estimates.append(
            Estimate(
                name=name,
                unit=_unit(problem, place),
                value=None if withheld else _in_unit(problem, place, middle),
                low90=None if withheld else _in_unit(problem, place, low),
                high90=None if withheld else _in_unit(problem, place, high),
                shrinkage=shrinkage,
                population=_in_unit(problem, place, 0.0),
                population_low90=_in_unit(problem, place, -anybody),
                population_high90=_in_unit(problem, place, anybody),
                withheld=withheld,
            )
        )
    return Individual(
        basis=basis,
        model=model.name,
        prior=problem.prior.name,
        prior_version=problem.prior.version,
        estimates=tuple(estimates),
        sessions=sessions,
        readings=len(problem.pressures),
        steps=steps,
        notes=(problem.prior.basis, *problem.prior.notes),
        deviations=deviations,
        covariance=covariance,
        marginal=marginal,
    )


def shrinkage_of(posterior_variance: float, prior_variance: float) -> float:
    """How far an estimate is drawn to the population: 0 not at all, 1 wholly.

    >>> shrinkage_of(0.19, 1.0)
    0.1
    """
    told = max(0.0, 1.0 - posterior_variance / prior_variance)
    return round(1.0 - math.sqrt(min(1.0, told)), 12)


def _posterior(
    problem: Problem,
    place: int,
    deviations: FloatArray,
    covariance: FloatArray,
    marginal: Marginal | None,
) -> tuple[float, float, float, float]:
    """Low, middle, high and variance of one effect's deviation."""
    middle, variance = float(deviations[place]), float(covariance[place, place])
    if marginal is not None and place == SLOPE:
        low, middle, high = (
            marginal.deviation_at(share)
            for share in ((1.0 - INTERVAL_SHARE) / 2.0, 0.5, (1.0 + INTERVAL_SHARE) / 2.0)
        )
        return low, middle, high, marginal.variance
    if marginal is not None and place == BASELINE:
        middle, variance = marginal.baseline, marginal.baseline_variance
    reach = _REACH * math.sqrt(variance)
    return middle - reach, middle, middle + reach, variance


def _in_unit(problem: Problem, place: int, deviation: float) -> float:
    prior, question = problem.prior, problem.question
    typical = {0: prior.baseline.value, 1: prior.slope.value}.get(place)
    if problem.names[place] == "half_life":
        typical = prior.half_life.value
    if typical is None:
        typical = question.typical[problem.names[place]]
        if question.kinds[place - 2] == "logit":
            return 1.0 / (1.0 + (1.0 - typical) / typical * math.exp(-deviation))
    return typical * math.exp(deviation)


def _unit(problem: Problem, place: int) -> str:
    prior = problem.prior
    name = problem.names[place]
    own = {0: prior.baseline.unit, 1: prior.slope.unit}.get(place)
    if name == "half_life":
        return prior.half_life.unit
    if own is not None:
        return own
    # `values_for` gives litres and minutes whatever the paper's unit is.
    return {"L/h": "L/min", "1/h": "1/min", "h": "min"}.get(
        problem.question.model.parameter(name).unit,
        problem.question.model.parameter(name).unit,
    )
