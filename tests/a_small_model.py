"""A model small enough to solve with a pencil: one compartment, a depot, a metabolite that never comes back.

Its courses have closed forms, written here a second time from calculus and not from the engine. No paper has it; its numbers are round on
purpose.
"""

import math

import numpy as np

from vigil.kinetics.draws import Drawn, draw
from vigil.kinetics.facts import (
    Box,
    Compartment,
    Covariance,
    Dose,
    DoseLimit,
    EffectSite,
    Model,
    Output,
    Parameter,
    Path,
    Residual,
    RouteModel,
    Source,
    Subject,
    Transfer,
    Variability,
)

PAPER = Source(source_id="s", citation="c", read_as="r")
PERSON = Subject(age_years=40.0, weight_kg=70.0)
VOLUME, CLEARANCE, UPTAKE = 20.0, 1.0, 0.2
"""Litres, litres per minute, per minute: drug leaves blood with 1 / 20 per minute."""
LEAVES = CLEARANCE / VOLUME
HALF_LIFE = 10.0
"""Minutes, of the effect site."""


def effect_site(*, low: float = 5.0, high: float = 20.0, follows: str = "venous") -> EffectSite:
    return EffectSite(
        name="site", version=1, title="t", half_life_minutes=HALF_LIFE, half_life_low=low,
        half_life_high=high, follows=follows, effect="e", population="p", certainty="R",  # type: ignore[arg-type]
        source=PAPER, locator="l",
    )  # fmt: skip


SURE = effect_site(low=HALF_LIFE, high=HALF_LIFE)
"""A half-life without any doubt."""


def small_model(
    name: str = "small",
    *,
    variances: dict[str, float] | None = None,
    occasions: dict[str, float] | None = None,
    kinds: dict[str, str] | None = None,
    covariances: tuple[Covariance, ...] = (),
    residual: tuple[float, float] | None = None,
    site: str = "venous",
    enantiomer: str = "S",
    notes: tuple[str, ...] = (),
) -> Model:
    """The small model; who differs by how much is the caller's choice."""
    variances, occasions, kinds = variances or {}, occasions or {}, kinds or {}

    def number(called: str, value: float, unit: str) -> Parameter:
        varies = called in variances or called in occasions
        return Parameter(
            name=called, value=value, unit=unit, source="s", locator="l", certainty="R",  # type: ignore[arg-type]
            variability=Variability(
                kind=kinds.get(called, "lognormal"), variance=variances.get(called, 0.0),  # type: ignore[arg-type]
                occasion_variance=occasions.get(called, 0.0), published="p",
            ) if varies else None,
        )  # fmt: skip

    limits = tuple(
        DoseLimit(route=route, dose_ug_min=1, dose_ug_max=10**6, day_ug_max=10**7, source="s", locator="l")  # type: ignore[arg-type]
        for route in ("iv", "oral", "sublingual", "nasal")
    )  # fmt: skip
    return Model(
        name=name, version=2, title=f"The {name} one", drug="esketamine", enantiomer=enantiomer,  # type: ignore[arg-type]
        site=site, population="p", notes=notes, covariances=covariances, sources=(PAPER,),  # type: ignore[arg-type]
        parameters=(
            number("v", VOLUME, "L"), number("cl", CLEARANCE, "L/min"), number("ka", UPTAKE, "1/min"),
            number("f", 0.5, "1"), number("later", 0.8, "1"), number("d", 15.0, "min"),
            number("k_lost", 0.01, "1/min"),
        ),
        compartments=(Compartment(name="central", volume="v"), Compartment(name="depot"), Compartment(name="lost")),
        transfers=(
            Transfer(from_compartment="central", to_compartment="lost", clearance="cl"),
            Transfer(from_compartment="depot", to_compartment="central", rate="ka"),
            Transfer(from_compartment="lost", rate="k_lost"),
        ),
        routes=(
            RouteModel(route="iv", paths=(Path(to_compartment="central"),)),
            RouteModel(route="oral", paths=(Path(to_compartment="depot", share=("f",)), Path(to_compartment="lost", share_rest_of="f"))),
            RouteModel(route="sublingual", paths=(Path(to_compartment="central", duration="d"),)),
            RouteModel(
                route="nasal", paths=(Path(to_compartment="depot", share=("f",)),), device_ug=28_000,
                later_device="later", later_device_of="f", sitting_minutes=60.0,
            ),
        ),
        outputs=(Output(analyte="ketamine", compartment="central"),),
        box=Box(
            age_years_min=18.0, age_years_max=80.0, weight_kg_min=40.0, weight_kg_max=150.0,
            is_of_children=False, doses=limits, source="s", locator="l",
        ),
        residuals=() if residual is None else (
            Residual(
                analyte="ketamine", proportional=residual[0], additive_ng_per_ml=residual[1],
                source="s", locator="l", published="p",
            ),
        ),
    )  # fmt: skip


def alike(draws: int = 2, *, routes: tuple[str, ...] = ("iv",), seed: int = 1) -> Drawn:
    """Draws of people who do not differ."""
    return draw(small_model(), PERSON, effect_site=SURE, routes=routes, draws=draws, seed=seed)  # type: ignore[arg-type]


def bolus(amount_ug: int, at: float = 0.0, route: str = "iv") -> Dose:
    return Dose(amount_ug=amount_ug, route=route, start_minutes=at)  # type: ignore[arg-type]


# --- closed forms, from calculus ----------------------------------------------------------------


def decay(rate: float, minutes: np.ndarray) -> np.ndarray:
    """exp(-rate t) from 0 on and nothing before."""
    return np.where(minutes >= 0, np.exp(-rate * np.maximum(minutes, 0.0)), 0.0)


def chain(first: float, second: float, minutes: np.ndarray) -> np.ndarray:
    """What is in the second place of a chain that began with one microgram in the first: rates differ."""
    return first / (second - first) * (decay(first, minutes) - decay(second, minutes))


def blood_after_bolus(amount_ug: float, minutes: np.ndarray, *, leaves: float = LEAVES) -> np.ndarray:  # fmt: skip
    return amount_ug / VOLUME * decay(leaves, minutes)


def effect_after_bolus(amount_ug: float, minutes: np.ndarray) -> np.ndarray:
    """ng/mL at the effect site: it is filled from blood with ke0 and empties with ke0."""
    ke0 = math.log(2.0) / HALF_LIFE
    return amount_ug / VOLUME * ke0 / LEAVES * chain(LEAVES, ke0, minutes)


def blood_of_infusion(amount_ug: float, lasting: float, minutes: np.ndarray) -> np.ndarray:
    """A constant rate for `lasting` minutes: rises to rate / clearance, then decays."""
    rate = amount_ug / lasting
    during = rate / CLEARANCE * (1.0 - decay(LEAVES, minutes))
    after = rate / CLEARANCE * (decay(LEAVES, minutes - lasting) - decay(LEAVES, minutes))
    return np.where(minutes < 0, 0.0, np.where(minutes < lasting, during, after))


def blood_after_swallowing(amount_ug: float, share: float, minutes: np.ndarray) -> np.ndarray:
    return share * amount_ug / VOLUME * chain(UPTAKE, LEAVES, minutes)
