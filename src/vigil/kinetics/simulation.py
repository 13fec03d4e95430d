"""The course of one person after doses: the box first, then the engine.

In: a model, a person, doses, times. Out: a `Course` with peak, its time and area of each analyte, or the refusal in words.
"""

import math
from collections.abc import Mapping

import numpy as np

from vigil.kinetics.box import Purpose, refusal
from vigil.kinetics.engine import concentrations
from vigil.kinetics.exposure import exposures
from vigil.kinetics.facts import Course, Dose, EffectSite, FloatArray, Model, Subject
from vigil.kinetics.system import build_schedule, build_system, values_for
from vigil.units.refusals import Refused


class GridInvalid(ValueError):
    """The times asked for are not a list of minutes from 0 on."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"time_minutes: {reason}. Expected one dimension of finite minutes, 0 or more, such as np.arange(0.0, 1441.0)."
        )


class EtaNotFinite(ValueError):
    """A deviation of a parameter is no number."""

    def __init__(self, name: str, value: float) -> None:
        self.name = name
        self.value = value
        super().__init__(
            f"The eta of {name} is {value!r}; expected a finite number, 0 for the typical person."
        )


def simulate(
    model: Model,
    subject: Subject,
    doses: tuple[Dose, ...],
    time_minutes: FloatArray,
    *,
    effect_site: EffectSite | None = None,
    etas: Mapping[str, float] | None = None,
    purpose: Purpose = "care",
) -> Course | Refused:
    """The concentrations of each analyte at each time, or why the model does not answer.

    Args:
        model: from `vigil.evidence.load_model`.
        subject: age and weight known.
        doses: in any order; `parse_dose` reads them from text.
        time_minutes: shape (T,), finite, 0 or more, in any order.
        effect_site: adds the analyte `effect`, which follows the first output.
        etas: deviation of each varying parameter; missing ones are 0, the typical person.
        purpose: `research` opens the models of children.

    Returns:
        `Course` with arrays of shape (T,), ng/mL at the model's site; its metrics run from 0 to the last time and come from
        the closed form, not from the times asked for. `Refused` when `box.refusal` says no.

    Raises:
        GridInvalid: `time_minutes` is empty, not one-dimensional, negative or not finite.
        EtaNotFinite: an eta is NaN or infinite.
        KeyError: an eta names no varying parameter of the model.
    """
    times = _checked_times(time_minutes)
    for name, value in (etas or {}).items():
        if not math.isfinite(value):
            raise EtaNotFinite(name, value)
    refused = refusal(model, subject, doses, purpose=purpose)
    if refused is not None:
        return refused
    values = values_for(model, subject, etas=etas)
    system = build_system(model, values, effect_site=effect_site)
    schedule = build_schedule(model, values, doses, states=system.states)
    courses = concentrations(system, schedule, times)
    assert courses.shape == (len(system.analytes), len(times))
    return Course(
        model=model.name,
        model_version=model.version,
        site=model.site,
        effect_site=None if effect_site is None else effect_site.name,
        time_minutes=times,
        concentrations=dict(zip(system.analytes, courses, strict=True)),
        metrics=exposures(system, schedule, end_minutes=float(times.max())),
        notes=notes_for(model, subject, doses, effect_site=effect_site),
    )


def notes_for(
    model: Model,
    subject: Subject,
    doses: tuple[Dose, ...],
    *,
    effect_site: EffectSite | None = None,
) -> tuple[str, ...]:
    """What a reader of a course must know: the model's own notes (also what it borrowed), how a dose was read, which
    facts of the person changed nothing."""
    notes = list(model.notes)
    if any(dose.drug is None for dose in doses):
        notes.append(f"A dose without a drug was read as {_own_drug(model)}.")
    if effect_site is not None and effect_site.follows != model.site:
        notes.append(
            f"{effect_site.name} was estimated with {effect_site.follows} samples and follows {model.site} ones here."
        )
    known = {f.population for p in model.parameters for f in p.population_factors}
    if subject.population is not None and subject.population not in known:
        notes.append(f"The population {subject.population!r} changes nothing in this model.")
    if subject.sex is not None:
        notes.append("Sex changes nothing in this model.")
    return tuple(notes)


def _own_drug(model: Model) -> str:
    if model.enantiomer == "mixed":
        return "what this model pools: racemic ketamine and esketamine alike"
    return "esketamine" if model.enantiomer == "S" else "racemic ketamine"


def _checked_times(time_minutes: FloatArray) -> FloatArray:
    times = np.asarray(time_minutes, dtype=np.float64)
    if times.ndim != 1:
        raise GridInvalid(f"it has {times.ndim} dimensions")
    if not len(times):
        raise GridInvalid("it is empty")
    if not np.isfinite(times).all():
        raise GridInvalid("it holds a value that is no finite number")
    if times.min() < 0:
        raise GridInvalid("it holds a time before 0")
    return times
