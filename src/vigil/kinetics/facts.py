"""What a kinetic model, a person and a dose are, as frozen facts.

In: values that a loader or a caller checked. Out: facts that `system`, `box` and the engines read. Amounts are whole
micrograms; concentrations are ng/mL (the same number as ug/L); time is minutes; volumes are litres.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Site = Literal["arterial", "venous"]
Route = Literal["iv", "im", "nasal", "oral", "sublingual"]
Drug = Literal["ketamine", "esketamine"]
Certainty = Literal["R", "r", "D"]
"""R: read in the primary paper; r: read in a public transcription that names the paper's table; D: arithmetic of ours on
such figures. A value of lower certainty is not shipped in a model."""

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variability:
    """How one parameter differs between people, or in one person between days.

    `lognormal`: value * exp(eta). `logit`: the value's logit plus eta (for a fraction). eta is normal with mean 0 and
    `variance` between people plus `occasion_variance` between days.
    """

    kind: Literal["lognormal", "logit"]
    variance: float
    occasion_variance: float = 0.0
    published: str
    """The figure as printed, such as `CV 61.5 %` or `omega2 0.057`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationFactor:
    """The parameter is multiplied by `factor` in people of this population."""

    population: str
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeSlope:
    """The parameter changes by `change` (in its own unit) for each year above `above_years`."""

    above_years: float
    change: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One published number of a model, with its paper.

    The value for a person is value * (weight / weight_reference_kg) ** weight_exponent, then the age slope, then the
    population factors, then the variability.
    """

    name: str
    value: float
    unit: Literal["L", "L/h", "L/min", "1/h", "1/min", "h", "min", "1"]
    source: str
    locator: str
    certainty: Certainty
    weight_exponent: float = 0.0
    weight_reference_kg: float = 70.0
    variability: Variability | None = None
    population_factors: tuple[PopulationFactor, ...] = ()
    age_slope: AgeSlope | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Covariance:
    """Covariance of the etas of two parameters of one person."""

    a: str
    b: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Compartment:
    """A place that holds drug; `volume` names a parameter when its concentration matters."""

    name: str
    volume: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Drug that leaves one compartment in proportion to what it holds.

    The rate is exactly one of: the parameter `clearance` divided by the volume of `from_compartment`; the parameter
    `rate`; `steps` divided by the parameter `mean_time`. It is multiplied by every parameter in `share` and by one
    minus the parameter `share_rest_of`. `to_compartment` None: it leaves the model.
    """

    from_compartment: str
    to_compartment: str | None = None
    clearance: str | None = None
    rate: str | None = None
    mean_time: str | None = None
    steps: int = 1
    share: tuple[str, ...] = ()
    share_rest_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Where a part of a dose goes.

    The part is the product of the parameters in `share`, times one minus the parameter `share_rest_of`. It arrives at
    once, or over the parameter `duration` at a constant rate; an intravenous dose brings its own duration instead.
    """

    to_compartment: str
    share: tuple[str, ...] = ()
    share_rest_of: str | None = None
    duration: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteModel:
    """How a dose by one route enters.

    `device_ug`: the dose is counted in whole devices of this content. `later_device` names the parameter by which
    `later_device_of` is multiplied for the second and each further device of one sitting (devices not more than
    `sitting_minutes` after the first).
    """

    route: Route
    paths: tuple[Path, ...]
    device_ug: int | None = None
    later_device: str | None = None
    later_device_of: str | None = None
    sitting_minutes: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A measured concentration: amount of a compartment / its volume * the parameter `ratio` (a mass ratio)."""

    analyte: str
    compartment: str
    ratio: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """Scatter of one measurement about the course: SD = sqrt((proportional * c)^2 + additive^2)."""

    analyte: str
    proportional: float
    additive_ng_per_ml: float
    source: str
    locator: str
    published: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseLimit:
    """The doses by one route that the model may be asked about, each bound with its reason in `source`.

    `dose_ug_max` and `dose_ug_per_kg_max` bound one dose; `day_ug_max` bounds what starts within any 24 hours;
    `duration_minutes_max` bounds one infusion. TOML has no null: a bound that does not apply is left out.
    """

    route: Route
    dose_ug_min: int
    dose_ug_max: int
    dose_ug_per_kg_max: int | None = None
    day_ug_max: int
    duration_minutes_max: float | None = None
    source: str
    locator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """The people and doses a model speaks of. Outside it the model is refused, not warned about."""

    age_years_min: float
    age_years_max: float
    weight_kg_min: float
    weight_kg_max: float
    is_of_children: bool
    doses: tuple[DoseLimit, ...]
    source: str
    locator: str
    """Where the ranges come from; certainty K is possible here and means: narrowed by us, see the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A publication that a parameter comes from. `read_as` says what was really opened."""

    source_id: str
    citation: str
    read_as: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One published kinetic model, whole.

    `borrowed_variability_from` names the model whose variances stand in `parameters` when its own paper gave none;
    every band made with them says so. `site_is_stated` False: what was read does not say where the blood was drawn, and
    `site` is our reading of it, with the reason in `notes`.
    """

    name: str
    version: int
    title: str
    drug: Drug
    enantiomer: Literal["racemate", "S", "mixed"]
    site: Site
    population: str
    parameters: tuple[Parameter, ...]
    compartments: tuple[Compartment, ...]
    transfers: tuple[Transfer, ...]
    routes: tuple[RouteModel, ...]
    outputs: tuple[Output, ...]
    box: Box
    sources: tuple[Source, ...]
    covariances: tuple[Covariance, ...] = ()
    residuals: tuple[Residual, ...] = ()
    borrowed_variability_from: str | None = None
    site_is_stated: bool = True
    notes: tuple[str, ...] = ()
    content_hash: str = ""

    def parameter(self, name: str) -> Parameter:
        """The parameter of that name.

        Raises:
            KeyError: there is none.
        """
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise KeyError(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectSite:
    """How fast an effect follows the concentration at a site: one published equilibration half-life, minutes."""

    name: str
    version: int
    title: str
    half_life_minutes: float
    half_life_low: float
    half_life_high: float
    follows: Site
    effect: str
    population: str
    certainty: Certainty
    source: Source
    locator: str
    is_default: bool = False
    content_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A person as a model needs to know them. None means: not known.

    `is_pregnant`, `has_severe_hepatic_impairment` and `interacting` (strong CYP2B6 or CYP3A inhibitors or inducers that
    the person takes) only ever lead to a refusal.
    """

    age_years: float | None
    weight_kg: float | None
    sex: Literal["f", "m"] | None = None
    population: str | None = None
    is_pregnant: bool | None = None
    has_severe_hepatic_impairment: bool | None = None
    interacting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """One dose: micrograms of base of `drug` (None: the drug the model is of), when and how.

    `duration_minutes` None: all at once.
    """

    amount_ug: int
    route: Route
    start_minutes: float = 0.0
    duration_minutes: float | None = None
    drug: Drug | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearSystem:
    """One person's model as dx/dt = rates @ x + input, y = outputs @ x.

    `rates`: shape (N, N), 1/min. `outputs`: shape (M, N); y is ng/mL when x is micrograms. `analytes`: M names; an
    effect site is the last, named `effect`.
    """

    states: tuple[str, ...]
    analytes: tuple[str, ...]
    rates: FloatArray
    outputs: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What enters when, piecewise constant.

    `minutes`: shape (K,), rising. `boluses`: shape (K, N), micrograms added at minutes[k]. `rates`: shape (K, N),
    ug/min from minutes[k] until minutes[k+1]; the last row is zero.
    """

    minutes: FloatArray
    boluses: FloatArray
    rates: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Peak, its time and the area under one course, from the closed form. `auc` runs over the times asked for."""

    cmax_ng_per_ml: float
    tmax_minutes: float
    auc_ng_h_per_ml: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Concentrations over time of one person, typical unless etas were given.

    `concentrations`: analyte -> shape (T,), ng/mL, at the model's site (`effect`: at the effect site). `notes` hold what
    a reader must know: borrowed variability, an S model given racemate.
    """

    model: str
    model_version: int
    site: Site
    effect_site: str | None
    time_minutes: FloatArray
    concentrations: Mapping[str, FloatArray]
    metrics: Mapping[str, Exposure]
    notes: tuple[str, ...] = field(default=())
