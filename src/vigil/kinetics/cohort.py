"""Many people's systems and schedules at once, as arrays.

In: a model, people, their deviations (etas), doses. Out: `Cohort`, which the compiled engine takes; each row is what
`system.build_system`, `system.build_schedule` and `modes.flow_of` give for that person. Nothing is refused here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from vigil.kinetics.facts import (
    Dose,
    EffectSite,
    FloatArray,
    LinearSystem,
    Model,
    Parameter,
    Schedule,
    Subject,
)
from vigil.kinetics.modes import check_rates, groups_of, reach_of
from vigil.kinetics.system import (
    EFFECT,
    TO_MINUTES,
    Entry,
    covariance_of,
    entries,
    transfer_rate,
)

IntArray = NDArray[np.int64]


class EtasInvalid(ValueError):
    """The deviations do not fit the people and the model."""

    def __init__(self, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
        self.shape = shape
        self.expected = expected
        super().__init__(
            f"The etas have shape {shape}; expected {expected}, all finite: a row for each person, a column for each "
            "varying parameter in the order of covariance_of(model)."
        )


class DosesDiffer(ValueError):
    """People of one cohort may get other amounts, but not other routes, times or durations."""

    def __init__(self, person: int) -> None:
        self.person = person
        super().__init__(
            f"The doses of person {person} differ from the first person's in more than the amount. Simulate those "
            "people in a cohort of their own."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """P people's flows and events.

    `rates`: shape (P, S, S), 1/min; the first N states are those of the system, each further one is a constant input.
    `outputs`, `reach`: shape (P, M, S), see `modes.Flow`. `minutes`: shape (P, K), rising. `boluses`: shape (P, K, N),
    ug. `inputs`: shape (P, K, S - N), ug/min from that event on. `into`: the state that each input enters.
    """

    states: tuple[str, ...]
    analytes: tuple[str, ...]
    rates: FloatArray
    outputs: FloatArray
    reach: FloatArray
    minutes: FloatArray
    boluses: FloatArray
    inputs: FloatArray
    into: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.rates)

    def system(self, person: int) -> LinearSystem:
        """One person's system."""
        size = len(self.states)
        return LinearSystem(
            states=self.states,
            analytes=self.analytes,
            rates=self.rates[person, :size, :size],
            outputs=self.outputs[person, :, :size],
        )

    def schedule(self, person: int) -> Schedule:
        """One person's schedule."""
        rates = np.zeros(self.boluses.shape[1:])
        for column, state in enumerate(self.into):
            rates[:, state] += self.inputs[person, :, column]
        return Schedule(minutes=self.minutes[person], boluses=self.boluses[person], rates=rates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """What all people of a cohort share: the groups of states in the order drug flows, and the places that are filled."""

    states: IntArray
    starts: IntArray
    rows: IntArray
    columns: IntArray


def pattern_of(rates: FloatArray) -> Pattern:
    """The common pattern of matrices of shape (P, S, S)."""
    filled = (rates != 0).any(axis=0)
    groups = groups_of(filled.astype(np.float64))
    rows, columns = np.nonzero(filled | np.eye(len(filled), dtype=bool))
    return Pattern(
        states=np.array([s for group in groups for s in group], dtype=np.int64),
        starts=np.cumsum([0, *map(len, groups)]).astype(np.int64),
        rows=rows.astype(np.int64),
        columns=columns.astype(np.int64),
    )


def cohort_of_one(system: LinearSystem, schedule: Schedule) -> Cohort:
    """One person as a cohort.

    Raises:
        NotACompartmentSystem: the matrix is not one of a compartment system.
    """
    size = len(system.states)
    into = tuple(int(s) for s in np.flatnonzero(schedule.rates.any(axis=0)))
    rates = np.zeros((1, size + len(into), size + len(into)))
    rates[0, :size, :size] = system.rates
    rates[0, into, range(size, size + len(into))] = 1.0
    check_rates(rates)
    outputs = np.zeros((1, len(system.analytes), size + len(into)))
    outputs[0, :, :size] = system.outputs
    return Cohort(
        states=system.states,
        analytes=system.analytes,
        rates=rates,
        outputs=outputs,
        reach=reach_of(system.states, rates, outputs),
        minutes=np.ascontiguousarray(schedule.minutes, dtype=np.float64)[None],
        boluses=np.ascontiguousarray(schedule.boluses, dtype=np.float64)[None],
        inputs=np.ascontiguousarray(schedule.rates[:, list(into)], dtype=np.float64)[None],
        into=into,
    )


def build_cohort(
    model: Model,
    subjects: Sequence[Subject],
    doses: tuple[Dose, ...] | Sequence[tuple[Dose, ...]],
    *,
    etas: FloatArray | None = None,
    effect_site: EffectSite | None = None,
) -> Cohort:
    """Everybody's system and schedule.

    Args:
        model: any shipped model.
        subjects: P people, age and weight known.
        doses: the same for everybody, or P tuples that differ only in the amounts.
        etas: shape (P, Q), columns in the order of `covariance_of(model)`; None: everybody is typical.
        effect_site: appended as a last state that follows the first output.

    Raises:
        EtasInvalid: `etas` has another shape or is not finite.
        DosesDiffer: a person's doses differ from the first person's in more than the amount.
    """
    values = values_of_many(model, subjects, etas)
    states, analytes, rates, outputs = _systems(model, values, effect_site)
    found = entries(model, cast(Any, values), _common_doses(doses, len(subjects)))
    size, people = len(states), len(subjects)
    flowing = [e for e in found if not _is_bolus(e)]
    into = tuple(sorted({states.index(e.to_compartment) for e in flowing}))
    minutes, boluses, inputs = _events(found, states, into, people)
    grown = np.zeros((people, size + len(into), size + len(into)))
    grown[:, :size, :size] = rates
    grown[:, into, range(size, size + len(into))] = 1.0
    seen = np.zeros((people, len(analytes), size + len(into)))
    seen[:, :, :size] = outputs
    return Cohort(
        states=states,
        analytes=analytes,
        rates=grown,
        outputs=seen,
        reach=reach_of(states, grown, seen),
        minutes=minutes,
        boluses=boluses,
        inputs=inputs,
        into=into,
    )


def values_of_many(
    model: Model, subjects: Sequence[Subject], etas: FloatArray | None
) -> dict[str, FloatArray]:
    """Each parameter's value for each person, shape (P,), litres and minutes: `system.values_for` of each.

    Raises:
        EtasInvalid: `etas` has another shape or is not finite.
    """
    names, _ = covariance_of(model)
    people = len(subjects)
    if etas is not None:
        etas = np.asarray(etas, dtype=np.float64)
        if etas.shape != (people, len(names)) or not np.all(np.isfinite(etas)):
            raise EtasInvalid(etas.shape, (people, len(names)))
    values = {}
    for parameter in model.parameters:
        typical = _typical(parameter, subjects) * TO_MINUTES[parameter.unit]
        if etas is None or parameter.variability is None:
            values[parameter.name] = typical
            continue
        eta = etas[:, names.index(parameter.name)]
        if parameter.variability.kind == "logit":
            values[parameter.name] = 1.0 / (1.0 + (1.0 - typical) / typical * np.exp(-eta))
        else:
            values[parameter.name] = typical * np.exp(eta)
    return values


def _typical(parameter: Parameter, subjects: Sequence[Subject]) -> FloatArray:
    """The value of each person before variability, in the parameter's own unit."""
    value = np.full(len(subjects), parameter.value)
    if parameter.weight_exponent:
        weight = np.array([s.weight_kg for s in subjects], dtype=np.float64)
        value *= (weight / parameter.weight_reference_kg) ** parameter.weight_exponent
    if parameter.age_slope is not None:
        age = np.array([s.age_years for s in subjects], dtype=np.float64)
        value += parameter.age_slope.change * np.maximum(0.0, age - parameter.age_slope.above_years)
    for factor in parameter.population_factors:
        value[[s.population == factor.population for s in subjects]] *= factor.factor
    return value


def _systems(
    model: Model, values: dict[str, FloatArray], effect_site: EffectSite | None
) -> tuple[tuple[str, ...], tuple[str, ...], FloatArray, FloatArray]:
    """States, analytes, rates (P, N, N) and outputs (P, M, N): `system.build_system` of each person."""
    names = [c.name for c in model.compartments]
    analytes = [output.analyte for output in model.outputs]
    people = len(next(iter(values.values())))
    size = len(names) + (effect_site is not None)
    volumes = {c.name: values[c.volume] for c in model.compartments if c.volume is not None}
    rates = np.zeros((people, size, size))
    for transfer in model.transfers:
        source = names.index(transfer.from_compartment)
        # The arithmetic is the same for one person and for many; only the type says one.
        rate = transfer_rate(transfer, cast(Any, values), cast(Any, volumes))
        rates[:, source, source] -= rate
        if transfer.to_compartment is not None:
            rates[:, names.index(transfer.to_compartment), source] += rate
    outputs = np.zeros((people, len(model.outputs) + (effect_site is not None), size))
    for row, output in enumerate(model.outputs):
        ratio = 1.0 if output.ratio is None else values[output.ratio]
        outputs[:, row, names.index(output.compartment)] = ratio / volumes[output.compartment]
    if effect_site is not None:
        ke0 = math.log(2.0) / effect_site.half_life_minutes
        rates[:, -1, :] = ke0 * outputs[:, 0, :]
        rates[:, -1, -1] = -ke0
        outputs[:, -1, -1] = 1.0
        names.append(EFFECT)
        analytes.append(EFFECT)
    return tuple(names), tuple(analytes), rates, outputs


def _common_doses(
    doses: tuple[Dose, ...] | Sequence[tuple[Dose, ...]], people: int
) -> tuple[Dose, ...]:
    """One tuple of doses; where people get other amounts, `amount_ug` is an array over them."""
    if not doses or isinstance(doses[0], Dose):
        return cast(tuple[Dose, ...], tuple(doses))
    each = cast(Sequence[tuple[Dose, ...]], doses)
    if len(each) != people:
        raise DosesDiffer(min(len(each), people))
    shape = [replace(dose, amount_ug=0) for dose in each[0]]
    for person, own in enumerate(each):
        if [replace(dose, amount_ug=0) for dose in own] != shape:
            raise DosesDiffer(person)
    columns = np.array([[dose.amount_ug for dose in own] for own in each]).reshape(people, -1).T
    if np.all(columns == columns[:, :1]):
        return each[0]
    return tuple(
        replace(dose, amount_ug=cast(Any, amounts))
        for dose, amounts in zip(each[0], columns, strict=True)
    )


def _is_bolus(entry: Entry) -> bool:
    return np.ndim(entry.minutes) == 0 and entry.minutes == 0


def _events(
    found: list[Entry], states: tuple[str, ...], into: tuple[int, ...], people: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Times (P, K), boluses (P, K, N) and inputs (P, K, I) on each person's rising list of times."""
    ends = [
        np.broadcast_to(e.start_minutes + np.asarray(e.minutes, dtype=np.float64), people)
        for e in found
    ]
    # A person's moments, each once where everybody has the same ones; a repeated moment is an event of no length.
    columns = {
        np.full(people, e.start_minutes).tobytes(): np.full(people, e.start_minutes) for e in found
    }
    columns.update({end.tobytes(): end for end in ends})
    minutes = np.sort(np.array(list(columns.values())).reshape(-1, people), axis=0).T.copy()
    boluses = np.zeros((*minutes.shape, len(states)))
    inputs = np.zeros((*minutes.shape, len(into)))
    everybody = np.arange(people)
    for entry, end in zip(found, ends, strict=True):
        state = states.index(entry.to_compartment)
        amount = np.broadcast_to(np.asarray(entry.amount_ug, dtype=np.float64), people)
        if _is_bolus(entry):
            first = np.argmax(minutes == entry.start_minutes, axis=1)
            boluses[everybody, first, state] += amount
            continue
        running = (minutes >= entry.start_minutes) & (minutes < end[:, None])
        rate = amount / np.broadcast_to(np.asarray(entry.minutes, dtype=np.float64), people)
        inputs[:, :, into.index(state)] += np.where(running, rate[:, None], 0.0)
    return minutes, boluses, inputs
