"""How a shipped kinetic model is asked for a number that others measured.

In: a model, a person, the person's deviations. Out: one number. Every question passes the model's box first; peaks and
courses come from the product's engine, areas to infinity from the balance of the compartments (what leaves is what came),
which uses no engine at all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from vigil.evidence.models import load_model
from vigil.kinetics.box import refusal
from vigil.kinetics.engine import concentrations
from vigil.kinetics.exposure import exposures
from vigil.kinetics.facts import Dose, Exposure, FloatArray, LinearSystem, Model, Schedule, Subject
from vigil.kinetics.system import build_schedule, build_system, covariance_of, values_for

DRAWS = 300
SEED = 20_261_124
HOUR = 60.0
DAY = 24 * HOUR
DEVICE_REST_MINUTES = 5.0
"""Between two nasal devices, by the product's label."""

Etas = Mapping[str, float]
Doses = Callable[[Subject], tuple[Dose, ...]]
Ask = Callable[[Model, Subject, Etas], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One published number, and how a model is asked for it."""

    case: str
    what: str
    model: str
    observed: float
    source: str
    ask: Ask
    weight_kg: float = 70.0
    weight_sd_kg: float = 0.0
    age_years: float = 30.0
    population: str | None = None

    @property
    def label(self) -> str:
        return f"{self.case} {self.what} by {self.model}"


# ---- doses ------------------------------------------------------------------------------------------


def by_vein(
    mg: float = 0.0, *, mg_per_kg: float = 0.0, minutes: float | None = None, at: float = 0.0
) -> Doses:
    def doses(subject: Subject) -> tuple[Dose, ...]:
        amount = _ug(subject, mg, mg_per_kg)
        return (Dose(amount_ug=amount, route="iv", start_minutes=at, duration_minutes=minutes),)

    return doses


def by_mouth(mg: float = 0.0, *, mg_per_kg: float = 0.0) -> Doses:
    return lambda subject: (Dose(amount_ug=_ug(subject, mg, mg_per_kg), route="oral"),)


def under_the_tongue(mg: float) -> Doses:
    return lambda subject: (Dose(amount_ug=_ug(subject, mg, 0.0), route="sublingual"),)


def film_then_vein(mg: float) -> Doses:
    """A film, and 20 mg over 20 minutes six hours later."""
    return lambda subject: (
        under_the_tongue(mg)(subject) + by_vein(20, minutes=20, at=6 * HOUR)(subject)
    )


def devices(count: int, *, at: float = 0.0) -> tuple[Dose, ...]:
    return tuple(
        Dose(amount_ug=28_000, route="nasal", start_minutes=at + k * DEVICE_REST_MINUTES)
        for k in range(count)
    )


def by_nose(count: int) -> Doses:
    return lambda _: devices(count)


def _ug(subject: Subject, mg: float, mg_per_kg: float) -> int:
    assert subject.weight_kg is not None
    return round((mg + mg_per_kg * subject.weight_kg) * 1000)


# ---- answers ----------------------------------------------------------------------------------------


def built(
    model: Model, subject: Subject, etas: Etas, doses: tuple[Dose, ...]
) -> tuple[LinearSystem, Schedule]:
    """The person's system and schedule, when the model's box admits both."""
    refused = refusal(model, subject, doses)
    assert refused is None, f"{model.name} refuses this protocol: {refused}"
    values = values_for(model, subject, etas=etas)
    system = build_system(model, values)
    return system, build_schedule(model, values, doses, states=system.states)


def course(
    model: Model, subject: Subject, etas: Etas, doses: tuple[Dose, ...], minutes: list[float]
) -> FloatArray:
    """Shape (analytes, minutes), ng/mL."""
    system, schedule = built(model, subject, etas, doses)
    return concentrations(system, schedule, np.array(minutes, dtype=np.float64))


def metrics(
    model: Model, subject: Subject, etas: Etas, doses: tuple[Dose, ...], end: float = DAY
) -> Mapping[str, Exposure]:
    return _metrics(model.name, subject, tuple(etas.items()), doses, end)


@lru_cache(maxsize=20_000)
def _metrics(
    name: str,
    subject: Subject,
    etas: tuple[tuple[str, float], ...],
    doses: tuple[Dose, ...],
    end: float,
) -> Mapping[str, Exposure]:
    system, schedule = built(load_model(name), subject, dict(etas), doses)
    return exposures(system, schedule, end_minutes=end)


def areas(model: Model, subject: Subject, etas: Etas, doses: tuple[Dose, ...]) -> dict[str, float]:
    """Area to infinity of each analyte, ng.h/mL, from what entered each state."""
    system, schedule = built(model, subject, etas, doses)
    spans = np.diff(np.append(schedule.minutes, schedule.minutes[-1]))
    entered = schedule.boluses.sum(axis=0) + spans @ schedule.rates
    found = system.outputs @ np.linalg.solve(-system.rates, entered) / HOUR
    return dict(zip(system.analytes, map(float, found), strict=True))


# ---- questions --------------------------------------------------------------------------------------


def peak(doses: Doses, *, analyte: str = "ketamine") -> Ask:
    return lambda model, subject, etas: (
        metrics(model, subject, etas, doses(subject))[analyte].cmax_ng_per_ml
    )


def area_of_a_day(doses: Doses, *, analyte: str = "ketamine") -> Ask:
    return lambda model, subject, etas: (
        metrics(model, subject, etas, doses(subject))[analyte].auc_ng_h_per_ml
    )


def area(doses: Doses) -> Ask:
    return lambda model, subject, etas: areas(model, subject, etas, doses(subject))["ketamine"]


def level(doses: Doses, *, minute: float) -> Ask:
    return lambda model, subject, etas: float(
        course(model, subject, etas, doses(subject), [minute])[0, 0]
    )


def bioavailability(doses: Doses) -> Ask:
    """Area by this route over area by vein, per milligram."""

    def ask(model: Model, subject: Subject, etas: Etas) -> float:
        given = doses(subject)
        whole = areas(model, subject, etas, given)["ketamine"]
        vein = areas(model, subject, etas, by_vein(1.0)(subject))["ketamine"]
        return whole / vein / (sum(d.amount_ug for d in given) / 1000)

    return ask


def metabolite_ratio(doses: Doses, *, analyte: str) -> Ask:
    def ask(model: Model, subject: Subject, etas: Etas) -> float:
        found = areas(model, subject, etas, doses(subject))
        return found[analyte] / found["ketamine"]

    return ask


def clearance_ml_per_minute(doses: Doses) -> Ask:
    def ask(model: Model, subject: Subject, etas: Etas) -> float:
        given = doses(subject)
        whole = areas(model, subject, etas, given)["ketamine"]
        return sum(d.amount_ug for d in given) / whole * 1000 / HOUR

    return ask


def clearance_per_kg(doses: Doses) -> Ask:
    def ask(model: Model, subject: Subject, etas: Etas) -> float:
        assert subject.weight_kg is not None
        return clearance_ml_per_minute(doses)(model, subject, etas) / subject.weight_kg

    return ask


def steady_volume_per_kg(*volumes: str) -> Ask:
    def ask(model: Model, subject: Subject, etas: Etas) -> float:
        assert subject.weight_kg is not None
        values = values_for(model, subject, etas=etas)
        return sum(values[v] for v in volumes) / subject.weight_kg

    return ask


def half_life_hours(doses: Doses) -> Ask:
    """From the fall between hour 12 and hour 24."""

    def ask(model: Model, subject: Subject, etas: Etas) -> float:
        early, late = course(model, subject, etas, doses(subject), [12 * HOUR, 24 * HOUR])[0]
        return float(12 * np.log(2) / np.log(early / late))

    return ask


def minutes_after_last_device(count: int) -> Ask:
    return lambda model, subject, etas: (
        metrics(model, subject, etas, devices(count))["ketamine"].tmax_minutes
        - (count - 1) * DEVICE_REST_MINUTES
    )


# ---- predictions ------------------------------------------------------------------------------------


@cache
def predicted(quantity: Quantity) -> FloatArray:
    """What the drawn people give, shape (DRAWS,)."""
    model = load_model(quantity.model)
    names, covariance = covariance_of(model)
    generator = np.random.default_rng(SEED)
    deviations = generator.multivariate_normal(np.zeros(len(names)), covariance, size=DRAWS)
    weights = np.clip(
        quantity.weight_kg + quantity.weight_sd_kg * generator.standard_normal(DRAWS),
        model.box.weight_kg_min,
        model.box.weight_kg_max,
    )
    found = []
    for row, weight in zip(deviations, weights, strict=True):
        person = Subject(
            age_years=quantity.age_years,
            weight_kg=float(weight),
            population=quantity.population,
        )
        found.append(quantity.ask(model, person, dict(zip(names, map(float, row), strict=True))))
    return np.array(found)


def interval(quantity: Quantity) -> tuple[float, float]:
    """The 5th and the 95th percentile."""
    low, high = np.percentile(predicted(quantity), [5, 95])
    return float(low), float(high)


def is_inside(quantity: Quantity) -> bool:
    low, high = interval(quantity)
    return low <= quantity.observed <= high


def typical(model: str, subject: Subject, ask: Ask) -> float:
    """What the typical person of a model gives."""
    return ask(load_model(model), subject, {})
