"""Many possible versions of one person, drawn once for a session and kept.

In: a model, a person, an effect site, a seed. Out: the eigen-modes of each drawn person, from which `bands` answers every
refresh. What is drawn: every parameter that differs between people or days, with its published variance and covariance,
and the half-life of the effect site within its own published interval.

Only compartments that drug enters by the routes asked for and from which it reaches the measured place are kept: the
metabolites change nothing that a forecast shows.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from vigil.kinetics.facts import Dose, EffectSite, FloatArray, Model, Route, Subject
from vigil.kinetics.system import EFFECT, covariance_of, entries, transfer_rate, values_for

SITE, EFFECT_SITE = 0, 1
"""Rows of what is seen: the concentration where the model's study sampled, and at the effect site."""

INTERVAL_SHARE = 0.95
"""The published interval of an equilibration half-life is a 95 % one in every effect-site file."""

CONDITION_MAX = 1e6
"""Eigen-modes are trusted while they lose at most six of sixteen digits; other draws go the slow, exact way."""

_ETA_STREAM, _HALF_LIFE_STREAM, _RESIDUAL_STREAM = 0, 1, 2
"""Separate random numbers for each use, so that asking for one never changes another."""


class RouteNotPrepared(ValueError):
    """A dose comes by a route for which no draws were prepared."""

    def __init__(self, route: str, prepared: tuple[str, ...]) -> None:
        self.route = route
        self.prepared = prepared
        super().__init__(
            f"A dose comes by the route {route!r}; the draws were prepared for {', '.join(prepared)}. Prepare again."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One model's possible versions of a person: D draws, I modes, N compartments and the effect site.

    `values`: parameter -> shape (D,). `half_life_minutes`: shape (D,). `rates`: shape (D, N, N), 1/min. `seen`: shape
    (D, 2, N), ng/mL per microgram, rows SITE and EFFECT_SITE. `poles`: shape (D, N), 1/min. `left`: shape (D, 2, N) and
    `right`: shape (D, N, N), so that a microgram put into compartment j gives left[:, row, i] * right[:, i, j] *
    exp(poles[:, i] * t), summed over i. `is_modal`: shape (D,); where it is False the modes are not to be used.
    """

    model: Model
    routes: tuple[Route, ...]
    states: tuple[str, ...]
    values: Mapping[str, FloatArray]
    half_life_minutes: FloatArray
    rates: FloatArray
    seen: FloatArray
    poles: FloatArray
    left: FloatArray
    right: FloatArray
    is_modal: NDArray[np.bool_]
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What enters each draw, in time order: K inputs, a share of them `given` before the rest.

    `begin`: shape (K,), minutes. `lasting`: shape (K, D), minutes, 0: all at once. `strength`: shape (K, D), micrograms
    for what enters at once, else micrograms per minute. `state`: K places in `Drawn.states`. `given`: how many of them,
    from the first, belong to the doses already given.
    """

    begin: FloatArray
    lasting: FloatArray
    strength: FloatArray
    state: tuple[int, ...]
    given: int


def draw(
    model: Model,
    subject: Subject,
    *,
    effect_site: EffectSite,
    routes: tuple[Route, ...],
    draws: int,
    seed: int,
) -> Drawn:
    """Possible versions of one person.

    Args:
        model: with variability; a model without any gives draws that are all alike.
        subject: age and weight known (`box` has refused otherwise).
        effect_site: its half-life is drawn log-normally: median as published, spread so that the published interval is
            as wide as the drawn one.
        routes: by which doses may come.
        draws: how many, 2 or more.
        seed: the same seed gives the same people.
    """
    assert draws >= 2
    values = _draw_values(model, subject, draws=draws, seed=seed)
    half_life = _draw_half_life(effect_site, draws=draws, seed=seed)
    states = kept_states(model, routes)
    rates, seen = _systems(model, values, half_life, states)
    poles, left, right, is_modal = _modes(rates, seen)
    return Drawn(
        model=model,
        routes=routes,
        states=(*states, EFFECT),
        values=values,
        half_life_minutes=half_life,
        rates=rates,
        seen=seen,
        poles=poles,
        left=left,
        right=right,
        is_modal=is_modal,
        seed=seed,
    )


def _draw_values(model: Model, subject: Subject, *, draws: int, seed: int) -> dict[str, FloatArray]:
    """Each parameter's value in each draw, litres and minutes."""
    typical = values_for(model, subject)
    values = {name: np.full(draws, value) for name, value in typical.items()}
    names, etas = deviations_from(np.random.default_rng([seed, _ETA_STREAM]), model, draws)
    for column, name in enumerate(names):
        values[name] = varied(model, name, typical[name], etas[:, column])
    return values


def deviations_from(
    generator: np.random.Generator, model: Model, people: int
) -> tuple[tuple[str, ...], FloatArray]:
    """The names of the varying parameters and so many people's deviations, shape (P, Q).

    Args:
        generator: whose next normal numbers are taken; forecasts and cohorts each have seeds of their own.
        model: its published variances and covariances, between people and between days together.
        people: how many, 0 or more.
    """
    names, covariance = covariance_of(model)
    normal = generator.standard_normal((people, len(names)))
    return names, np.asarray(normal @ root_of(covariance).T)


def varied(model: Model, name: str, typical: float, eta: FloatArray) -> FloatArray:
    """A parameter's value where it deviates by `eta`, as its kind of variability says."""
    variability = model.parameter(name).variability
    assert variability is not None
    if variability.kind == "logit":
        return np.asarray(1.0 / (1.0 + (1.0 - typical) / typical * np.exp(-eta)))
    return np.asarray(typical * np.exp(eta))


def root_of(covariance: FloatArray) -> FloatArray:
    """A matrix R with R @ R.T the covariance, also where that has zero directions."""
    spread, directions = np.linalg.eigh(covariance)
    assert np.all(spread >= -1e-9 * max(1.0, float(spread.max(initial=0.0)))), "not a covariance"
    return np.asarray(directions * np.sqrt(np.clip(spread, 0.0, None)))


def half_life_sd(effect_site: EffectSite) -> float:
    """SD of the logarithm of the half-life, from the width of its published interval."""
    reach = NormalDist().inv_cdf((1.0 + INTERVAL_SHARE) / 2.0)
    return math.log(effect_site.half_life_high / effect_site.half_life_low) / (2.0 * reach)


def _draw_half_life(effect_site: EffectSite, *, draws: int, seed: int) -> FloatArray:
    normal = np.random.default_rng([seed, _HALF_LIFE_STREAM]).standard_normal(draws)
    spread = half_life_sd(effect_site)
    return np.asarray(effect_site.half_life_minutes * np.exp(spread * normal))


def residual_draws(drawn: Drawn, times: int) -> FloatArray:
    """Standard normal scatter of a measurement at each time, shape (T, D), the same at every refresh."""
    generator = np.random.default_rng([drawn.seed, _RESIDUAL_STREAM])
    return generator.standard_normal((times, drawn.poles.shape[0]))


def kept_states(model: Model, routes: tuple[Route, ...]) -> tuple[str, ...]:
    """Compartments that a dose reaches and from which drug reaches the measured place."""
    links = [(t.from_compartment, t.to_compartment) for t in model.transfers]
    entered = {
        path.to_compartment
        for route in model.routes
        if route.route in routes
        for path in route.paths
    }
    reached = _closure(entered, links)
    leading = _closure({model.outputs[0].compartment}, [(b, a) for a, b in links])
    return tuple(c.name for c in model.compartments if c.name in reached & leading)


def _closure(start: set[str], links: list[Any]) -> set[str]:
    found = set(start)
    while True:
        further = {b for a, b in links if a in found and b is not None} - found
        if not further:
            return found
        found |= further


def _systems(
    model: Model,
    values: Mapping[str, FloatArray],
    half_life: FloatArray,
    states: tuple[str, ...],
) -> tuple[FloatArray, FloatArray]:
    """Rate matrices and what is seen of them, the effect site as the last state."""
    draws, size = len(half_life), len(states) + 1
    volumes = {c.name: values[c.volume] for c in model.compartments if c.volume is not None}
    rates = np.zeros((draws, size, size))
    for transfer in model.transfers:
        if transfer.from_compartment not in states:
            continue
        source = states.index(transfer.from_compartment)
        # The arithmetic is the same for one person and for many; only the type says one.
        rate = transfer_rate(transfer, cast(Any, values), cast(Any, volumes))
        rates[:, source, source] -= rate
        if transfer.to_compartment in states:
            rates[:, states.index(transfer.to_compartment), source] += rate
    measured = model.outputs[0]
    seen = np.zeros((draws, 2, size))
    share = 1.0 if measured.ratio is None else values[measured.ratio]
    seen[:, SITE, states.index(measured.compartment)] = share / volumes[measured.compartment]
    seen[:, EFFECT_SITE, -1] = 1.0
    ke0 = math.log(2.0) / half_life
    rates[:, -1, :] = ke0[:, None] * seen[:, SITE, :]
    rates[:, -1, -1] = -ke0
    return rates, seen


def _modes(
    rates: FloatArray, seen: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.bool_]]:
    """Poles, both sides of the modes, and whether they may be trusted."""
    poles, vectors = np.linalg.eig(rates)
    condition = np.linalg.cond(vectors)
    # A defective matrix has singular eigenvectors; they are replaced before inverting and never used.
    is_modal = (condition < CONDITION_MAX) & (np.abs(poles.imag).max(axis=1) == 0.0)
    vectors = np.where(is_modal[:, None, None], vectors.real, np.eye(rates.shape[1]))
    left = seen @ vectors
    right = np.linalg.inv(vectors)
    return np.ascontiguousarray(poles.real), left, right, is_modal


def inputs_of(drawn: Drawn, *, given: tuple[Dose, ...], rest: tuple[Dose, ...]) -> Inputs:
    """What the doses put into each draw, those given first.

    Raises:
        RouteNotPrepared: a dose by a route that the draws were not prepared for.
    """
    for dose in (*given, *rest):
        if dose.route not in drawn.routes:
            raise RouteNotPrepared(dose.route, drawn.routes)
    values = cast(Any, drawn.values)
    # A later nasal device gives less than the first one: the whole order is asked for at once, and what belongs to the
    # doses already given stands first because nothing of the rest starts before them.
    ordered = entries(drawn.model, values, (*given, *rest))
    before = len(entries(drawn.model, values, given))
    draws = len(drawn.half_life_minutes)
    kept = [(k, e) for k, e in enumerate(ordered) if e.to_compartment in drawn.states]
    lasting = np.array([np.broadcast_to(e.minutes, draws) for _, e in kept]).reshape(-1, draws)
    amount = np.array([np.broadcast_to(e.amount_ug, draws) for _, e in kept]).reshape(-1, draws)
    return Inputs(
        begin=np.array([e.start_minutes for _, e in kept], dtype=np.float64),
        lasting=lasting,
        strength=np.where(lasting > 0, amount / np.where(lasting > 0, lasting, 1.0), amount),
        state=tuple(drawn.states.index(e.to_compartment) for _, e in kept),
        given=sum(k < before for k, _ in kept),
    )
