"""The effect-site concentration at each reading and its exact slopes with respect to a person's deviations.

In: a model, a person, sessions with doses and the minutes of readings, deviations. Out: concentrations and slopes. The slopes are
those of the closed form: with eigen-modes A = V diag(p) V^-1, a change dA of the rates changes exp(A t) by V (F o V^-1 dA V)
V^-1, where F holds the divided differences of exp(p t) between every two modes; an infusion is the integral of that.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from vigil.kinetics.draws import CONDITION_MAX, kept_states
from vigil.kinetics.dual import Dual, slopes_of, value_of
from vigil.kinetics.facts import Dose, FloatArray, Model, Route, Subject
from vigil.kinetics.system import Entry, entries, transfer_rate, values_for

CLOSE = 1e-6
"""Two rates closer than this, relative, have the slope between them at their middle: exact to its square."""


class ModesNotSeparate(ArithmeticError):
    """At these deviations the eigen-modes cannot be told apart, so the closed form has no trusted slopes."""

    def __init__(self, condition: float) -> None:
        self.condition = condition
        super().__init__(
            f"The condition of the eigen-modes is {condition:.3g}; at most {CONDITION_MAX:g} is trusted."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """One session of a person: its doses, and the minutes at which something was read, on one time axis."""

    doses: tuple[Dose, ...]
    minutes: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Everything about the readings that no deviation changes; made once for a fit.

    `effects`: names of the P deviating parameters, `half_life` last. Q pairs of a reading and an input that began before it:
    `since`, `over`: shape (Q,), minutes since it began and since it ended; `is_bolus`: shape (Q,); `reading`: shape (Q,);
    `entry`: shape (Q,), which input.
    """

    model: Model
    effects: tuple[str, ...]
    states: tuple[str, ...]
    typical: dict[str, float]
    kinds: tuple[str, ...]
    half_life_minutes: float
    sittings: tuple[Sitting, ...]
    readings: int
    since: FloatArray
    over: FloatArray
    is_bolus: Any
    reading: Any
    entry: Any
    entry_states: tuple[int, ...]
    entry_amounts: FloatArray
    is_amount_fixed: bool
    flows: "_Flows | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flows:
    """Rates that are products of powers of the deviating parameters: each is base * exp(powers @ deviations).

    `into`, `out_of`: shape (F,), places in the rate matrix; `base`: shape (F,); `powers`: shape (F, P).
    """

    into: Any
    out_of: Any
    base: FloatArray
    powers: FloatArray


def varying_effects(model: Model, routes: tuple[Route, ...]) -> tuple[str, ...]:
    """Parameters that differ between people and that the concentration of the drug itself depends on.

    What differs only between days of one person is none: one value for all sessions would be wrong.
    """
    states = kept_states(model, routes)
    used: set[str | None] = {c.volume for c in model.compartments if c.name in states}
    for transfer in model.transfers:
        if transfer.from_compartment in states:
            used |= {transfer.clearance, transfer.rate, transfer.mean_time, transfer.share_rest_of}
            used |= set(transfer.share)
    for route in model.routes:
        if route.route in routes:
            used |= {route.later_device}
            for path in route.paths:
                if path.to_compartment in states:
                    used |= {*path.share, path.share_rest_of, path.duration}
    return tuple(
        p.name
        for p in model.parameters
        if p.variability is not None and p.variability.variance > 0 and p.name in used
    )


def varying_durations(model: Model, routes: tuple[Route, ...]) -> tuple[str, ...]:
    """Parameters that say how long an input lasts and differ between people: the closed form has no slope for them."""
    effects = varying_effects(model, routes)
    return tuple(
        path.duration
        for route in model.routes
        if route.route in routes
        for path in route.paths
        if path.duration in effects and path.duration is not None
    )


def ask(
    model: Model,
    subject: Subject,
    sittings: tuple[Sitting, ...],
    *,
    half_life_minutes: float,
    effects: tuple[str, ...],
) -> Question:
    """The fixed part of every evaluation."""
    routes = tuple(sorted({dose.route for sitting in sittings for dose in sitting.doses}))
    states = kept_states(model, routes)
    typical = values_for(model, subject)
    pairs: list[tuple[int, int, float, float, bool]] = []
    places: list[int] = []
    amounts: list[float] = []
    readings = 0
    for sitting in sittings:
        found = _entries(model, typical, sitting, states)
        for minute in sitting.minutes:
            for number, entry in enumerate(found):
                since = minute - entry.start_minutes
                if since < 0:
                    continue
                over = max(since - entry.minutes, 0.0)
                pairs.append((readings, len(places) + number, since, over, entry.minutes == 0.0))
            readings += 1
        places += [states.index(e.to_compartment) for e in found]
        amounts += [e.amount_ug / (e.minutes or 1.0) for e in found]
    kinds = []
    for name in effects:
        variability = model.parameter(name).variability
        assert variability is not None
        kinds.append(variability.kind)
    reading, entry_of, since_of, over_of, bolus = (
        zip(*pairs, strict=True) if pairs else ((), (), (), (), ())
    )
    question = Question(
        model=model,
        effects=(*effects, "half_life"),
        states=states,
        typical=typical,
        kinds=tuple(kinds),
        half_life_minutes=half_life_minutes,
        sittings=sittings,
        readings=readings,
        since=np.array(since_of, dtype=np.float64),
        over=np.array(over_of, dtype=np.float64),
        is_bolus=np.array(bolus, dtype=bool),
        reading=np.array(reading, dtype=np.int64),
        entry=np.array(entry_of, dtype=np.int64),
        entry_states=tuple(places),
        entry_amounts=np.array(amounts),
        is_amount_fixed=not any(
            path.share or path.share_rest_of
            for route in model.routes
            if route.route in routes
            for path in route.paths
        ),
        flows=None,
    )
    return replace(question, flows=_flows(question))


def _flows(question: Question) -> _Flows | None:
    """The rates as products of powers, where every deviating parameter only multiplies or divides; else None.

    The powers are the slopes of the logarithms at the typical person; a sum (one minus a share) or a logit has no constant one.
    """
    rests = {t.share_rest_of for t in question.model.transfers}
    if "logit" in question.kinds or rests & set(question.effects):
        return None
    values, half_life = _deviated(question, np.zeros(len(question.effects)))
    found = list(_each_rate(question, values, half_life))
    effects = len(question.effects)
    base = np.array([value_of(rate) for _, _, rate in found])
    slopes = np.array([slopes_of(rate, effects) for _, _, rate in found])
    return _Flows(
        into=np.array([to for to, _, _ in found]),
        out_of=np.array([source for _, source, _ in found]),
        base=base,
        powers=slopes / base[:, None],
    )


def _entries(model: Model, values: Any, sitting: Sitting, states: tuple[str, ...]) -> list[Entry]:
    return [e for e in entries(model, values, sitting.doses) if e.to_compartment in states]


def concentrations_and_slopes(
    question: Question, deviations: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """What the effect site holds at each reading.

    Args:
        question: of one person's readings.
        deviations: shape (P,), of the effects, on their own scale (logarithm, or logit for a fraction).

    Returns:
        Shape (R,), ng/mL; and shape (R, P), its slopes.

    Raises:
        ModesNotSeparate: the modes cannot be trusted here.
    """
    effects = len(question.effects)
    rates, changes = _rates(question, deviations)
    poles, vectors = np.linalg.eig(rates)
    back = np.linalg.inv(vectors)
    condition = float(np.linalg.norm(vectors) * np.linalg.norm(back))
    if not condition < CONDITION_MAX or np.iscomplexobj(poles):
        raise ModesNotSeparate(condition)
    amounts, amount_slopes = _amounts(question, deviations)
    left = vectors[-1]
    right = back[:, question.entry_states].T[question.entry]
    held = _held(question, poles)
    turned = back @ changes @ vectors
    # One pair: sum over modes i, j of left[i] turned[p, i, j] right[j] F[i, j].
    weighted = _divided(question, poles, held) * (left[:, None] * right[:, None, :])
    size = len(poles)
    by_rates = weighted.reshape(-1, size * size) @ turned.reshape(effects, size * size).T
    alone = (held * (left * right)).sum(axis=1)
    gathered = np.zeros((question.readings, 1 + effects))
    strength = amounts[question.entry]
    terms = np.empty((len(strength), 1 + effects))
    terms[:, 0] = strength * alone
    terms[:, 1:] = strength[:, None] * by_rates
    if amount_slopes is not None:
        terms[:, 1:] += amount_slopes[question.entry] * alone[:, None]
    np.add.at(gathered, question.reading, terms)
    return gathered[:, 0], gathered[:, 1:]


def _deviated(question: Question, deviations: FloatArray) -> tuple[dict[str, Any], Dual]:
    """Each parameter as a number with slopes where it deviates."""
    values: dict[str, Any] = dict(question.typical)
    unit = np.eye(len(question.effects))
    for place, kind in enumerate(question.kinds):
        name, eta = question.effects[place], float(deviations[place])
        typical = question.typical[name]
        if kind == "logit":
            value = 1.0 / (1.0 + (1.0 - typical) / typical * math.exp(-eta))
            values[name] = Dual(value, unit[place] * (value * (1.0 - value)))
        else:
            value = typical * math.exp(eta)
            values[name] = Dual(value, unit[place] * value)
    half_life = question.half_life_minutes * math.exp(float(deviations[-1]))
    return values, Dual(half_life, unit[-1] * half_life)


def _rates(question: Question, deviations: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The rate matrix, shape (N, N), and its slopes, shape (P, N, N); the effect site is the last state."""
    effects, size = len(question.effects), len(question.states) + 1
    flows = question.flows
    if flows is not None:
        rate = flows.base * np.exp(flows.powers @ deviations)
        into, out_of, terms = (
            flows.into,
            flows.out_of,
            np.column_stack([rate, rate[:, None] * flows.powers]),
        )
    else:
        found = list(_each_rate(question, *_deviated(question, deviations)))
        into, out_of = [to for to, _, _ in found], [source for _, source, _ in found]
        terms = np.array([[value_of(r), *slopes_of(r, effects)] for _, _, r in found])
    both = np.zeros((size, size, 1 + effects))
    np.add.at(both, (into, out_of), terms)
    return both[:, :, 0], both[:, :, 1:].transpose(2, 0, 1)


def _each_rate(
    question: Question, values: dict[str, Any], half_life: Dual
) -> Iterator[tuple[int, int, Dual | float]]:
    """Row, column and rate of each entry of the rate matrix; entries at one place add."""
    model, states = question.model, question.states
    volumes = {c.name: values[c.volume] for c in model.compartments if c.volume is not None}
    for transfer in model.transfers:
        if transfer.from_compartment not in states:
            continue
        source = states.index(transfer.from_compartment)
        rate = cast(Any, transfer_rate(transfer, values, volumes))
        yield source, source, -rate
        if transfer.to_compartment in states:
            yield states.index(transfer.to_compartment), source, rate
    measured = model.outputs[0]
    ke0 = math.log(2.0) / half_life
    share = 1.0 if measured.ratio is None else values[measured.ratio]
    place = states.index(measured.compartment)
    yield len(states), place, ke0 * share / volumes[measured.compartment]
    yield len(states), len(states), -ke0


def _amounts(question: Question, deviations: FloatArray) -> tuple[FloatArray, FloatArray | None]:
    """What each input brings, ug or ug/min, and its slopes where a share of the dose deviates."""
    if question.is_amount_fixed:
        return question.entry_amounts, None
    effects = len(question.effects)
    values, _ = _deviated(question, deviations)
    amounts, slopes = [], []
    for sitting in question.sittings:
        for entry in _entries(question.model, values, sitting, question.states):
            amount = cast(Any, entry.amount_ug) / (entry.minutes or 1.0)
            amounts.append(value_of(amount))
            slopes.append(slopes_of(amount, effects))
    return np.array(amounts), np.array(slopes)


def _held(question: Question, poles: FloatArray) -> FloatArray:
    """What each mode still holds of each input, shape (Q, N): exp(p since), or its integral over the input."""
    decayed = np.exp(np.multiply.outer(question.over, poles))
    ran = np.expm1(np.multiply.outer(question.since - question.over, poles)) / poles
    return np.asarray(np.where(question.is_bolus[:, None], decayed, decayed * ran))


def _divided(question: Question, poles: FloatArray, held: FloatArray) -> FloatArray:
    """Divided differences of `_held` between every two modes, shape (Q, N, N)."""
    gap = poles[:, None] - poles[None, :]
    close = np.abs(gap) <= CLOSE * np.abs(poles).max()
    divided = (held[:, :, None] - held[:, None, :]) / np.where(close, 1.0, gap)
    first, second = np.nonzero(close)
    divided[:, first, second] = _derivative(question, (poles[first] + poles[second]) / 2.0)
    return np.asarray(divided)


def _derivative(question: Question, poles: FloatArray) -> FloatArray:
    """Slope of `_held` with respect to the pole."""
    over, since = question.over[:, None], question.since[:, None]
    late, early = np.exp(over * poles), np.exp(since * poles)
    ran = (since * early - over * late - late * np.expm1((since - over) * poles) / poles) / poles
    return np.asarray(np.where(question.is_bolus[:, None], over * late, ran))
