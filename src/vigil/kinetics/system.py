"""One person's linear system and dose schedule, from a model.

In: a model, a person, doses, and the person's deviations (etas). Out: `LinearSystem` and `Schedule`, which every engine
takes. Nothing is refused here: `box` decides before.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vigil.kinetics.facts import (
    Dose,
    EffectSite,
    FloatArray,
    LinearSystem,
    Model,
    Parameter,
    Path,
    RouteModel,
    Schedule,
    Subject,
    Transfer,
)

MINUTES_PER_HOUR = 60.0
EFFECT = "effect"
"""Name of the effect site among the analytes and states."""

TO_MINUTES = {
    "L": 1.0,
    "1": 1.0,
    "min": 1.0,
    "h": MINUTES_PER_HOUR,
    "L/min": 1.0,
    "1/min": 1.0,
    "L/h": 1.0 / MINUTES_PER_HOUR,
    "1/h": 1.0 / MINUTES_PER_HOUR,
}


def values_for(
    model: Model, subject: Subject, *, etas: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Each parameter's value for this person, in litres and minutes.

    Args:
        model: any shipped model.
        subject: age and weight known (`box` has refused otherwise).
        etas: deviation of each parameter that differs between people; missing ones are 0.

    Raises:
        KeyError: an eta names a parameter that the model does not have or that does not vary.
    """
    asked = dict(etas or {})
    values = {}
    for parameter in model.parameters:
        eta = asked.pop(parameter.name, 0.0) if parameter.variability is not None else 0.0
        values[parameter.name] = _value(parameter, subject, eta) * TO_MINUTES[parameter.unit]
    if asked:
        raise KeyError(f"{model.name} has no varying parameter named {sorted(asked)}")
    return values


def _value(parameter: Parameter, subject: Subject, eta: float) -> float:
    assert subject.weight_kg is not None
    assert subject.age_years is not None
    value = parameter.value
    if parameter.weight_exponent:
        value *= (subject.weight_kg / parameter.weight_reference_kg) ** parameter.weight_exponent
    if parameter.age_slope is not None:
        years = max(0.0, subject.age_years - parameter.age_slope.above_years)
        value += parameter.age_slope.change * years
    for factor in parameter.population_factors:
        if factor.population == subject.population:
            value *= factor.factor
    if parameter.variability is None or eta == 0.0:
        return value
    if parameter.variability.kind == "logit":
        return 1.0 / (1.0 + (1.0 - value) / value * math.exp(-eta))
    return value * math.exp(eta)


def build_system(
    model: Model, values: Mapping[str, float], *, effect_site: EffectSite | None = None
) -> LinearSystem:
    """The linear system of one person.

    Args:
        model: the model.
        values: what `values_for` gave.
        effect_site: appended as a last state that follows the first output and takes nothing from it.
    """
    names = [c.name for c in model.compartments]
    size = len(names) + (effect_site is not None)
    volumes = {c.name: values[c.volume] for c in model.compartments if c.volume is not None}
    rates = np.zeros((size, size))
    for transfer in model.transfers:
        source = names.index(transfer.from_compartment)
        rate = transfer_rate(transfer, values, volumes)
        rates[source, source] -= rate
        if transfer.to_compartment is not None:
            rates[names.index(transfer.to_compartment), source] += rate
    outputs = np.zeros((len(model.outputs) + (effect_site is not None), size))
    for row, output in enumerate(model.outputs):
        ratio = 1.0 if output.ratio is None else values[output.ratio]
        outputs[row, names.index(output.compartment)] = ratio / volumes[output.compartment]
    analytes = [output.analyte for output in model.outputs]
    if effect_site is not None:
        ke0 = math.log(2.0) / effect_site.half_life_minutes
        rates[-1, :] = ke0 * outputs[0, :]
        rates[-1, -1] = -ke0
        outputs[-1, -1] = 1.0
        names.append(EFFECT)
        analytes.append(EFFECT)
    return LinearSystem(states=tuple(names), analytes=tuple(analytes), rates=rates, outputs=outputs)


def transfer_rate(
    transfer: Transfer, values: Mapping[str, float], volumes: Mapping[str, float]
) -> float:
    """The first-order rate of one transfer, 1/min."""
    if transfer.clearance is not None:
        rate = values[transfer.clearance] / volumes[transfer.from_compartment]
    elif transfer.rate is not None:
        rate = values[transfer.rate]
    else:
        assert transfer.mean_time is not None, "the loader refuses a transfer without a rate"
        rate = transfer.steps / values[transfer.mean_time]
    return rate * _part(transfer.share, transfer.share_rest_of, values)


def _part(share: tuple[str, ...], rest_of: str | None, values: Mapping[str, float]) -> float:
    part = 1.0
    for name in share:
        part *= values[name]
    return part if rest_of is None else part * (1.0 - values[rest_of])


def build_schedule(
    model: Model, values: Mapping[str, float], doses: tuple[Dose, ...], *, states: tuple[str, ...]
) -> Schedule:
    """What enters each state when.

    Args:
        model: the model; its route models say where a dose goes.
        values: what `values_for` gave.
        doses: in any order; each by a route that the model has.
        states: of the system that the schedule is for.
    """
    boluses: list[tuple[float, int, float]] = []
    flows: list[tuple[float, float, int, float]] = []
    for entry in entries(model, values, doses):
        state = states.index(entry.to_compartment)
        start, minutes = entry.start_minutes, entry.minutes
        if minutes:
            flows.append((start, start + minutes, state, entry.amount_ug / minutes))
        else:
            boluses.append((start, state, entry.amount_ug))
    return _piecewise(boluses, flows, size=len(states))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A part of a dose on its way into one compartment, over `minutes` at a constant rate (0: all at once)."""

    start_minutes: float
    minutes: float
    to_compartment: str
    amount_ug: float


def entries(model: Model, values: Mapping[str, float], doses: tuple[Dose, ...]) -> list[Entry]:
    """Each part of each dose, by the time of the dose; doses of one time keep their order.

    Args:
        model: the model; its route models say where a dose goes.
        values: what `values_for` gave, or the same names with an array over people: then `minutes` and `amount_ug` of
            an entry are such arrays where they depend on a value.
        doses: in any order; each by a route that the model has.
    """
    found = []
    for dose, later in _with_device_order(model, doses):
        route = _route(model, dose.route)
        seen = values if not later else _later_values(route, values)
        for path in route.paths:
            found.append(
                Entry(
                    start_minutes=dose.start_minutes,
                    minutes=_duration(path, dose, values),
                    to_compartment=path.to_compartment,
                    amount_ug=dose.amount_ug * _part(path.share, path.share_rest_of, seen),
                )
            )
    return found


def _duration(path: Path, dose: Dose, values: Mapping[str, float]) -> float:
    if dose.duration_minutes is not None:
        return dose.duration_minutes
    return 0.0 if path.duration is None else values[path.duration]


def _route(model: Model, route: str) -> RouteModel:
    return next(r for r in model.routes if r.route == route)


def _with_device_order(model: Model, doses: tuple[Dose, ...]) -> list[tuple[Dose, bool]]:
    """Each dose, one device at a time where the route counts devices, and whether an earlier one was given at the
    same sitting."""
    ordered: list[tuple[Dose, bool]] = []
    sitting: dict[str, float] = {}
    for dose in sorted(doses, key=lambda d: d.start_minutes):
        route = _route(model, dose.route)
        if route.device_ug is None:
            ordered.append((dose, False))
            continue
        for _ in range(dose.amount_ug // route.device_ug):
            first = sitting.get(dose.route)
            is_later = first is not None and dose.start_minutes - first <= route.sitting_minutes
            if not is_later:
                sitting[dose.route] = dose.start_minutes
            device = Dose(
                amount_ug=route.device_ug,
                route=dose.route,
                start_minutes=dose.start_minutes,
                duration_minutes=dose.duration_minutes,
                drug=dose.drug,
            )
            ordered.append((device, is_later))
    return ordered


def _later_values(route: RouteModel, values: Mapping[str, float]) -> dict[str, float]:
    assert route.later_device is not None
    assert route.later_device_of is not None
    changed = dict(values)
    changed[route.later_device_of] = values[route.later_device_of] * values[route.later_device]
    return changed


def _piecewise(
    boluses: list[tuple[float, int, float]],
    flows: list[tuple[float, float, int, float]],
    *,
    size: int,
) -> Schedule:
    """Boluses and flows on one rising list of minutes."""
    minutes = sorted({m for m, _, _ in boluses} | {m for f in flows for m in f[:2]})
    added = np.zeros((len(minutes), size))
    rates = np.zeros((len(minutes), size))
    for minute, state, amount in boluses:
        added[minutes.index(minute), state] += amount
    for start, end, state, rate in flows:
        rates[minutes.index(start) : minutes.index(end), state] += rate
    return Schedule(minutes=np.array(minutes, dtype=np.float64), boluses=added, rates=rates)


def covariance_of(
    model: Model, *, with_occasion: bool = True
) -> tuple[tuple[str, ...], FloatArray]:
    """The names of the varying parameters and the covariance matrix of their etas, shape (P, P)."""
    varying = [p for p in model.parameters if p.variability is not None]
    names = tuple(p.name for p in varying)
    matrix = np.zeros((len(names), len(names)))
    for index, parameter in enumerate(varying):
        assert parameter.variability is not None
        matrix[index, index] = parameter.variability.variance
        if with_occasion:
            matrix[index, index] += parameter.variability.occasion_variance
    for covariance in model.covariances:
        a, b = names.index(covariance.a), names.index(covariance.b)
        matrix[a, b] = matrix[b, a] = covariance.value
    return names, matrix
