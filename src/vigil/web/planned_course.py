"""What published models say of a planned session: the picture, its words, or why there is none.

In: a patient, a protocol, an order, a weight. Out: a frozen `PlannedView` for a template. Nothing here is recorded, no dose is
proposed and no score predicted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from vigil.evidence.models import (
    default_effect_site,
    load_model,
    model_names,
)
from vigil.evidence.protocols import DoseNotOffered, Protocol, dose_ug
from vigil.kinetics.box import WEIGHT_UNKNOWN
from vigil.kinetics.facts import Dose, EffectSite, Model, Subject
from vigil.kinetics.planned import PlannedCourse, planned_course
from vigil.kinetics.selection import Choice, choose
from vigil.people.domain.facts import Patient
from vigil.plan.domain.course import planned_doses, read_subject
from vigil.plan.domain.preparing import Preparation, prepare_order
from vigil.units.refusals import Refused
from vigil.web.kinetics_chart import SITE_WORDS, Chart, draw_planned, peak_words, short_title

SEED = 1
"""The same plan draws the same people each time, so that a printed page can be drawn again."""

AFTER_FLOOR_MINUTES = 20
"""The picture goes on this long after the earliest moment at which the protocol lets the patient leave."""
WHOLE_MINUTES = 20
"""The time axis ends at a multiple of this, where it carries a number."""

COURSES_KEPT = 128
"""Courses kept in memory: some 10 kB each; the same plan is looked at many times and never changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """The weight that a course is drawn for. `measured_at` None: typed to see a course, and nothing else."""

    weight_g: int | None
    measured_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vial:
    """The vial that the clinic stocks for the drug."""

    strength_ug_per_ml: int
    content_ug: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherPeak:
    """A model that speaks of this person and is not drawn: its name, site and peak in blood."""

    title: str
    site: str
    peak: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOutWords:
    """A model that does not speak of this person or dose, and why."""

    title: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedView:
    """What `kinetics/_course.html` shows: a chart and its words, or a refusal; never both."""

    weight: Weight
    line: str = ""
    line_refused: str = ""
    refused: Refused | None = None
    chart: Chart | None = None
    is_one: bool = False
    others: tuple[OtherPeak, ...] = ()
    left_out: tuple[LeftOutWords, ...] = ()
    effect_site: EffectSite | None = None
    effect_site_note: str = ""
    drug_words: str = ""


def planned_view(
    *,
    patient: Patient,
    answers: Mapping[str, bool | int | None],
    protocol: Protocol,
    ug_per_kg: int | None,
    fixed_ug: int | None,
    weight: Weight,
    vial: Vial | None,
    on: date,
) -> PlannedView:
    """The planned course of one session.

    Args:
        patient: the person.
        answers: of the newest assessment, {} without one.
        protocol: of the plan or the order.
        ug_per_kg: the order per weight, or None.
        fixed_ug: the order as an amount, or None.
        weight: measured, or typed to see a course.
        vial: that the clinic stocks; None for a device or when none is stocked.
        on: today, in the clinic's calendar.
    """
    line, line_refused = _line(protocol, ug_per_kg, fixed_ug, weight, vial)
    told = {"weight": weight, "line": line, "line_refused": line_refused}
    if weight.weight_g is None:
        return PlannedView(refused=WEIGHT_UNKNOWN, **told)
    subject = read_subject(
        born_on=patient.born_on, sex=patient.sex, weight_g=weight.weight_g, answers=answers, on=on
    )
    asked = _doses(protocol, ug_per_kg, fixed_ug, weight.weight_g)
    if isinstance(asked, Refused):
        return PlannedView(refused=asked, **told)
    choice = choose(all_models(), subject, asked)
    if isinstance(choice, Refused):
        return PlannedView(refused=choice, **told)
    until = horizon_minutes(asked, protocol)
    drawn = courses_of(choice.drawn, subject, asked, until_minutes=until)
    others = courses_of(choice.others, subject, asked, until_minutes=until)
    effect_site = default_effect_site()
    return PlannedView(
        chart=draw_planned(drawn, doses=asked, titles=_titles()),
        is_one=choice.is_one,
        others=tuple(_other(course) for course in others),
        left_out=left_out_words(choice),
        effect_site=effect_site,
        effect_site_note=effect_site_note(choice.drawn, effect_site),
        drug_words=protocol.drug,
        **told,
    )


def all_models() -> tuple[Model, ...]:
    """Every shipped model."""
    return tuple(load_model(name) for name in model_names())


def _titles() -> dict[str, str]:
    return {model.name: short_title(model) for model in all_models()}


def _line(
    protocol: Protocol,
    ug_per_kg: int | None,
    fixed_ug: int | None,
    weight: Weight,
    vial: Vial | None,
) -> tuple[str, str]:
    """The line from order to pump, and why there is none when a vial is stocked; both empty without a vial."""
    if vial is None or weight.weight_g is None:
        return "", ""
    prepared = prepare_order(
        protocol.dosing,
        drug=protocol.drug,
        weight_g=weight.weight_g,
        ug_per_kg=ug_per_kg,
        fixed_ug=fixed_ug,
        strength_ug_per_ml=vial.strength_ug_per_ml,
        content_ug=vial.content_ug,
    )
    return (prepared.line, "") if isinstance(prepared, Preparation) else ("", prepared.message)


def _doses(
    protocol: Protocol, ug_per_kg: int | None, fixed_ug: int | None, weight_g: int
) -> tuple[Dose, ...] | Refused:
    """The doses of one session, or why the order is none."""
    try:
        amount_ug = dose_ug(
            protocol.dosing, weight_g=weight_g, ug_per_kg=ug_per_kg, fixed_ug=fixed_ug
        )
    except DoseNotOffered:
        return NOT_OFFERED
    if amount_ug == 0:
        return NOT_DRAWABLE
    return planned_doses(
        drug=protocol.drug,
        route=protocol.route,
        dosing=protocol.dosing,
        dose_ug=amount_ug,
        infusion_minutes=protocol.dosing.infusion_minutes,
    )


def horizon_minutes(doses: tuple[Dose, ...], protocol: Protocol) -> int:
    """The last minute drawn: past the protocol's own minimum stay, rounded up to a number of the axis."""
    ends = max(dose.start_minutes + (dose.duration_minutes or 0.0) for dose in doses)
    last = ends + protocol.discharge.floor_minutes + AFTER_FLOOR_MINUTES
    return -int(-last // WHOLE_MINUTES) * WHOLE_MINUTES


def courses_of(
    models: tuple[Model, ...], subject: Subject, doses: tuple[Dose, ...], *, until_minutes: int
) -> tuple[PlannedCourse, ...]:
    """The planned course of each model, computed once for each question."""
    return tuple(_course(model.name, subject, doses, until_minutes) for model in models)


@lru_cache(maxsize=COURSES_KEPT)
def _course(
    name: str, subject: Subject, doses: tuple[Dose, ...], until_minutes: int
) -> PlannedCourse:
    return planned_course(
        load_model(name),
        subject,
        doses,
        effect_site=default_effect_site(),
        until_minutes=until_minutes,
        seed=SEED,
    )


def _other(course: PlannedCourse) -> OtherPeak:
    return OtherPeak(
        title=short_title(course.model),
        site=SITE_WORDS[course.model.site],
        peak=peak_words(course.in_blood, course.time_minutes),
    )


def left_out_words(choice: Choice) -> tuple[LeftOutWords, ...]:
    """The models that do not speak here, by title."""
    return tuple(
        LeftOutWords(title=short_title(each.model), why=each.why.message)
        for each in choice.left_out
    )


def effect_site_note(models: tuple[Model, ...], effect_site: EffectSite) -> str:
    """Which models the effect-site constant was not estimated for, in words; "" when it fits all."""
    off = [short_title(model) for model in models if model.site != effect_site.follows]
    if not off:
        return ""
    return (
        f"It follows {effect_site.follows} blood; {' and '.join(off)} has the other site, so its "
        "effect-site curve peaks too low and too late."
    )


NOT_OFFERED = Refused(
    code="KIN-ORDER",
    message="This order is not one that the protocol offers. Nothing is drawn for it, and no other dose is proposed.",
)
NOT_DRAWABLE = Refused(
    code="KIN-DRAW-ZERO",
    message="For this weight the order is less than the protocol's smallest step, so there is nothing to draw.",
)
