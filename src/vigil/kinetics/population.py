"""Many people at once: their deviations, courses and quantiles.

In: a model, people, doses, times, and either their deviations or a seed. Out: arrays over people, or the refusal of the box.
The work is cut into slabs of people, shared among threads, reported after each slab and stopped when the caller says so.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vigil.kinetics.box import Purpose, refusal
from vigil.kinetics.cohort import Cohort, build_cohort, pattern_of
from vigil.kinetics.compiled import IS_COMPILED
from vigil.kinetics.draws import deviations_from
from vigil.kinetics.exposure import check_end, check_level
from vigil.kinetics.facts import Dose, EffectSite, FloatArray, Model, Site, Subject
from vigil.kinetics.filling import SLAB, Progress, fill, in_slabs
from vigil.kinetics.filling import Stopped as Stopped
from vigil.kinetics.many_exposures import fill_exposures
from vigil.kinetics.modes import check_rates, groups_of
from vigil.kinetics.one_group_exposures import fill_one_group
from vigil.kinetics.system import MINUTES_PER_HOUR
from vigil.units.refusals import Refused

SHORT_SLAB = 1024
"""People between two reports where each takes a microsecond."""
ONE_GROUP_STATES_MAX = 4
"""Jacobi's rotations of more states than this would need more sweeps than are made (`one_group_exposures`)."""

STRETCH_BYTES = 256 * 2**20
"""Courses held at once while quantiles are made."""

Doses = tuple[Dose, ...] | Sequence[tuple[Dose, ...]]


class ProbabilityInvalid(ValueError):
    """A quantile that nobody can stand at."""

    def __init__(self, probabilities: Sequence[float]) -> None:
        self.probabilities = tuple(probabilities)
        super().__init__(
            f"Probabilities are {self.probabilities}; expected numbers from 0 to 1, such as (0.05, 0.5, 0.95)."
        )


class EtasOrSeed(ValueError):
    """Deviations were given in two ways."""

    def __init__(self) -> None:
        super().__init__(
            "Both etas and a seed were given; expected one of them. Leave out the seed."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationCourse:
    """Courses of P people at T times: `concentrations` has shape (P, M, T), ng/mL, analytes in the order of `analytes`.

    `etas`: shape (P, Q), the deviations they were made with, or None for typical people.
    """

    model: str
    model_version: int
    site: Site
    effect_site: str | None
    time_minutes: FloatArray
    analytes: tuple[str, ...]
    concentrations: FloatArray
    etas: FloatArray | None

    def of(self, analyte: str) -> FloatArray:
        """The courses of one analyte, shape (P, T).

        Raises:
            ValueError: the model has no such analyte.
        """
        return self.concentrations[:, self.analytes.index(analyte)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationExposures:
    """Peak, its time, area and time above the level asked for, each of shape (P, M)."""

    analytes: tuple[str, ...]
    cmax_ng_per_ml: FloatArray
    tmax_minutes: FloatArray
    auc_ng_h_per_ml: FloatArray
    above_minutes: FloatArray | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationQuantiles:
    """Quantiles over people: `concentrations` has shape (Q, M, T), ng/mL, in the order of `probabilities`, shape (Q,)."""

    analytes: tuple[str, ...]
    probabilities: FloatArray
    time_minutes: FloatArray
    concentrations: FloatArray


def draw_etas(model: Model, people: int, *, seed: int) -> FloatArray:
    """Deviations of so many people, shape (P, Q), columns in the order of `covariance_of(model)`.

    Args:
        model: its published variances and covariances, between people and between days together.
        people: how many, 0 or more.
        seed: the same seed gives the same people.
    """
    return deviations_from(np.random.default_rng(seed), model, people)[1]


def simulate_population(
    model: Model,
    subjects: Sequence[Subject],
    doses: Doses,
    time_minutes: FloatArray,
    *,
    etas: FloatArray | None = None,
    seed: int | None = None,
    effect_site: EffectSite | None = None,
    purpose: Purpose = "care",
    progress: Progress | None = None,
    into: FloatArray | None = None,
) -> PopulationCourse | Refused:
    """Everybody's courses, or why the model does not answer for one of them.

    Args:
        model: from `vigil.evidence.load_model`.
        subjects: P people; `[subject] * 1000` for a thousand like one.
        doses: the same for everybody, or a tuple of doses for each, alike but for the amounts.
        time_minutes: shape (T,), finite, rising or not.
        etas: shape (P, Q); or `seed`, with which they are drawn; with neither everybody is typical.
        effect_site: adds the analyte `effect`, which follows the first output.
        purpose: `research` opens the models of children.
        progress: called after each slab of people.
        into: where to write, shape (P, M, T), float64, C order; made when None.

    Raises:
        TimesInvalid, EtasInvalid, DosesDiffer, EtasOrSeed: bad input.
        Stopped: `progress` returned False.
    """
    cohort = _cohort_for(model, subjects, doses, etas, seed, effect_site, purpose)
    if isinstance(cohort, Refused):
        return cohort
    built, drawn = cohort
    times = np.asarray(time_minutes, dtype=np.float64)
    shape = (len(built), len(built.analytes), len(times))
    courses = np.empty(shape) if into is None else into
    assert courses.shape == shape
    fill(built, times, courses, progress=progress)
    return PopulationCourse(
        model=model.name,
        model_version=model.version,
        site=model.site,
        effect_site=None if effect_site is None else effect_site.name,
        time_minutes=times,
        analytes=built.analytes,
        concentrations=courses,
        etas=drawn,
    )


def exposures(
    model: Model,
    subjects: Sequence[Subject],
    doses: Doses,
    *,
    end_minutes: float,
    level_ng_per_ml: float | None = None,
    etas: FloatArray | None = None,
    seed: int | None = None,
    effect_site: EffectSite | None = None,
    purpose: Purpose = "care",
    progress: Progress | None = None,
) -> PopulationExposures | Refused:
    """Everybody's peak, its time, area and time above a level, from the closed form; no course is made.

    Args:
        end_minutes: 0 or later.
        level_ng_per_ml: more than 0, or None: no time above is wanted.
        The others as in `simulate_population`.

    Raises:
        EndInvalid, LevelInvalid, EtasInvalid, DosesDiffer, EtasOrSeed: bad input.
        Stopped: `progress` returned False.
    """
    check_end(end_minutes)
    if level_ng_per_ml is not None:
        check_level(level_ng_per_ml)
    cohort = _cohort_for(model, subjects, doses, etas, seed, effect_site, purpose)
    if isinstance(cohort, Refused):
        return cohort
    return measure(
        cohort[0], end_minutes=end_minutes, level_ng_per_ml=level_ng_per_ml, progress=progress
    )


def measure(
    cohort: Cohort,
    *,
    end_minutes: float,
    level_ng_per_ml: float | None = None,
    progress: Progress | None = None,
) -> PopulationExposures:
    """`exposures` of people that are already built."""
    found = np.zeros((4, len(cohort), len(cohort.analytes)))
    level = level_ng_per_ml or 0.0
    if cohort.minutes.shape[1]:
        place = _one_group(cohort) if IS_COMPILED else None
        work = (
            _general(cohort, end_minutes, level, found)
            if place is None
            else _short(cohort, place, end_minutes, level, found)
        )
        for _ in in_slabs(
            work, len(cohort), progress=progress, slab=SLAB if place is None else SHORT_SLAB
        ):
            pass
    return PopulationExposures(
        analytes=cohort.analytes,
        cmax_ng_per_ml=found[0],
        tmax_minutes=found[1],
        auc_ng_h_per_ml=found[2] / MINUTES_PER_HOUR,
        above_minutes=None if level_ng_per_ml is None else found[3],
    )


def quantiles(
    model: Model,
    subjects: Sequence[Subject],
    doses: Doses,
    time_minutes: FloatArray,
    *,
    probabilities: Sequence[float],
    etas: FloatArray | None = None,
    seed: int | None = None,
    effect_site: EffectSite | None = None,
    purpose: Purpose = "care",
    progress: Progress | None = None,
) -> PopulationQuantiles | Refused:
    """Quantiles over people at each time, without ever holding more than a stretch of everybody's courses.

    They are exact: what sorting all P values gives, with a straight line between two neighbours.

    Args:
        probabilities: Q of them, each from 0 to 1, in any order.
        progress: called after each stretch with times done and times in all.
        The others as in `simulate_population`.

    Raises:
        ProbabilityInvalid, TimesInvalid, EtasInvalid, DosesDiffer, EtasOrSeed: bad input.
        Stopped: `progress` returned False.
    """
    chances = np.asarray(probabilities, dtype=np.float64)
    if chances.ndim != 1 or not np.all((chances >= 0) & (chances <= 1)):
        raise ProbabilityInvalid(probabilities)
    cohort = _cohort_for(model, subjects, doses, etas, seed, effect_site, purpose)
    if isinstance(cohort, Refused):
        return cohort
    built = cohort[0]
    times = np.asarray(time_minutes, dtype=np.float64)
    rows = len(built.analytes)
    found = np.empty((len(chances), rows, len(times)))
    width = max(1, STRETCH_BYTES // (8 * rows * max(1, len(built))))
    held = np.empty(len(built) * rows * min(width, len(times)))
    for first in range(0, len(times), width):
        part = times[first : first + width]
        courses = held[: len(built) * rows * len(part)].reshape(len(built), rows, len(part))
        fill(built, part, courses)
        columns = courses.reshape(len(built), -1)
        into = np.empty((len(chances), columns.shape[1]))

        def order(some: slice, columns: FloatArray = columns, into: FloatArray = into) -> None:
            into[:, some] = _at(np.sort(columns[:, some].T, axis=1), chances)

        for _ in in_slabs(order, columns.shape[1]):
            pass
        found[:, :, first : first + width] = into.reshape(len(chances), rows, -1)
        done = first + len(part)
        if progress is not None and progress(done, len(times)) is False:
            raise Stopped(done, len(times), of="times")
    return PopulationQuantiles(
        analytes=built.analytes,
        probabilities=chances,
        time_minutes=times,
        concentrations=found,
    )


def _at(ordered: FloatArray, chances: FloatArray) -> FloatArray:
    """The quantiles, shape (Q, T), of rising rows, shape (T, P): on a straight line between two neighbours.

    A whole sort is faster than a partition at each neighbour.
    """
    places = chances * (ordered.shape[1] - 1)
    below = places.astype(np.int64)
    above = np.minimum(below + 1, ordered.shape[1] - 1)
    low = ordered[:, below]
    return np.asarray((low + (ordered[:, above] - low) * (places - below)).T)


def _general(
    cohort: Cohort, end_minutes: float, level: float, found: FloatArray
) -> Callable[[slice], None]:
    """Measures a slab of any people into `found`, shape (4, P, M)."""
    pattern = pattern_of(cohort.rates)

    def run(part: slice) -> None:
        fill_exposures(  # type: ignore[no-untyped-call]
            cohort.rates[part],
            cohort.outputs[part],
            cohort.reach[part],
            pattern.states,
            pattern.starts,
            pattern.rows,
            pattern.columns,
            cohort.minutes[part],
            cohort.boluses[part],
            cohort.inputs[part],
            end_minutes,
            level,
            *found[:, part],
        )

    return run


def _short(
    cohort: Cohort, place: int, end_minutes: float, level: float, found: FloatArray
) -> Callable[[slice], None]:
    """Measures a slab of people of one group; those for whom the short way fails, the general way."""
    size = len(cohort.states)
    rates = np.ascontiguousarray(cohort.rates[:, :size, :size])
    outputs = np.ascontiguousarray(cohort.outputs[:, 0, :size])
    boluses = np.ascontiguousarray(cohort.boluses[:, :, place])
    inputs = cohort.inputs.sum(axis=2)
    missed = np.zeros(len(cohort))
    general = _general(cohort, end_minutes, level, found)

    def run(part: slice) -> None:
        fill_one_group(  # type: ignore[no-untyped-call, call-arg]
            rates[part],
            outputs[part],
            place,
            cohort.minutes[0],
            boluses[part],
            inputs[part],
            end_minutes,
            level,
            *found[:, part, 0],
            missed[part],
        )
        for person in np.flatnonzero(missed[part]) + part.start:
            general(slice(int(person), int(person) + 1))

    return run


def _one_group(cohort: Cohort) -> int | None:
    """The compartment by which drug enters, is measured and leaves, if that is so for everybody, else None.

    All states are one balanced group without a ring, one course is measured, and everybody's events are the same minutes.
    """
    size = len(cohort.states)
    if len(cohort.analytes) != 1 or size > ONE_GROUP_STATES_MAX:
        return None
    filled = (cohort.rates[:, :size, :size] != 0).any(axis=0)
    seen = np.flatnonzero((cohort.outputs[:, 0, :size] != 0).any(axis=0))
    entered = set(cohort.into) | set(
        np.flatnonzero((cohort.boluses != 0).any(axis=(0, 1))).tolist()
    )
    pairs = np.count_nonzero(filled & ~np.eye(size, dtype=bool)) // 2
    is_one = (
        len(groups_of(filled.astype(np.float64))) == 1
        and np.array_equal(filled, filled.T)
        and pairs == size - 1
        and len(seen) == 1
        and entered <= {int(seen[0])}
        and np.all(cohort.minutes == cohort.minutes[0])
        # Every mode must fade: somewhere drug must leave.
        and np.all(cohort.rates[:, :size, :size].sum(axis=1).min(axis=1) < 0)
    )
    return int(seen[0]) if is_one else None


def _cohort_for(
    model: Model,
    subjects: Sequence[Subject],
    doses: Doses,
    etas: FloatArray | None,
    seed: int | None,
    effect_site: EffectSite | None,
    purpose: Purpose,
) -> tuple[Cohort, FloatArray | None] | Refused:
    """The cohort and its deviations, if the box holds everybody."""
    refused = refusal_of_any(model, subjects, doses, purpose=purpose)
    if refused is not None:
        return refused
    if etas is not None and seed is not None:
        raise EtasOrSeed
    if seed is not None:
        etas = draw_etas(model, len(subjects), seed=seed)
    built = build_cohort(model, subjects, doses, etas=etas, effect_site=effect_site)
    check_rates(built.rates)
    return built, etas


def refusal_of_any(
    model: Model, subjects: Sequence[Subject], doses: Doses, *, purpose: Purpose = "care"
) -> Refused | None:
    """The refusal of somebody whom the model does not speak of, or None when it speaks of everybody.

    With the same doses for all, the box is asked about the youngest, the oldest, the lightest, the heaviest and whoever
    is refused for a reason of their own: its limits are intervals, so that the others lie between those.
    """
    if doses and not isinstance(doses[0], Dose):
        for subject, own in zip(subjects, doses, strict=False):
            refused = refusal(model, subject, own, purpose=purpose)  # type: ignore[arg-type]
            if refused is not None:
                return refused
        return None
    for subject in outermost(subjects):
        refused = refusal(model, subject, tuple(doses), purpose=purpose)  # type: ignore[arg-type]
        if refused is not None:
            return refused
    return None


def outermost(subjects: Sequence[Subject]) -> list[Subject]:
    """The few people of whom one is refused exactly when anybody is."""
    distinct = {id(subject): subject for subject in subjects}.values()
    special = [s for s in distinct if _is_special(s)]
    plain = [s for s in distinct if not _is_special(s)]
    if not plain:
        return special
    ages, weights = (lambda s: s.age_years or 0.0), (lambda s: s.weight_kg or 0.0)
    return special + [f(plain, key=of) for of in (ages, weights) for f in (min, max)]


def _is_special(subject: Subject) -> bool:
    """Whether anything but age and weight could refuse the person, or these are not numbers that can be ordered."""
    return bool(
        subject.is_pregnant
        or subject.has_severe_hepatic_impairment
        or subject.interacting
        or subject.age_years is None
        or subject.weight_kg is None
        or math.isnan(subject.age_years)
        or math.isnan(subject.weight_kg)
    )
