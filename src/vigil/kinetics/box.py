"""Whether a model may be asked about this person and these doses: nothing, or the refusal in words.

In: a model with its box, a person, doses. Out: None, or the first reason why not. The box is enforced, not warned about:
a child's model used on an adult gives twice what every other model gives, and looks just as smooth.

No message holds a detail of the person; it names the model's own limits and the next step.
"""

import math
from fractions import Fraction
from typing import Literal

from vigil.kinetics.facts import Dose, DoseLimit, Model, RouteModel, Subject
from vigil.units.amounts import show_mg
from vigil.units.refusals import Refused

Purpose = Literal["care", "research"]

CHILD_BELOW_YEARS = 18
"""Ketamine therapy is given to adults only; below this age a person is a child in law and for the label."""

START_MINUTES_MAX = 366 * 24 * 60
"""A year: models describe hours to weeks, and a later start is a unit error."""

DAY_MINUTES = 24 * 60

ROUTES_OF_FIRST_PASS = ("oral", "sublingual")
"""What is swallowed meets CYP2B6 and CYP3A before it is measured: an inhibitor multiplies it, an inducer takes it away."""

_DRUGS_OF: dict[str, tuple[str | None, ...]] = {
    "racemate": (None, "ketamine"),
    "S": (None, "esketamine"),
    "mixed": (None, "ketamine", "esketamine"),
}
"""Which drug each kind of model may be asked about. None is the model's own."""


def refusal(
    model: Model, subject: Subject, doses: tuple[Dose, ...], *, purpose: Purpose = "care"
) -> Refused | None:
    """Nothing when the model speaks of this person and these doses, or the first reason why it does not.

    Args:
        model: a loaded model; one without a traced source or with another checksum never loads.
        subject: what is known of the person. None for `is_pregnant` or the liver means that nobody said yes; whoever
            knows the person must say.
        doses: all that is given, in any order.
        purpose: only `research` may ask a model of children.

    Returns:
        None, or `Refused` with KIN-PREGNANCY, KIN-LIVER, KIN-AGE-UNKNOWN, KIN-WEIGHT-UNKNOWN, KIN-CHILD,
        KIN-AGE-OUTSIDE, KIN-WEIGHT-OUTSIDE, KIN-DOSE-NONE, KIN-ROUTE, KIN-INTERACTION, KIN-DRUG, KIN-DOSE-NUMBER,
        KIN-DEVICE, KIN-DOSE-OUTSIDE, KIN-DURATION-OUTSIDE, KIN-TIME-OUTSIDE or KIN-DAY-OUTSIDE.
    """
    refused = _refuse_person(model, subject, purpose)
    if refused is not None:
        return refused
    if not doses:
        return NO_DOSE
    for dose in doses:
        refused = _refuse_dose(model, subject, dose)
        if refused is not None:
            return refused
    return _refuse_days(model, doses)


def _refuse_person(model: Model, subject: Subject, purpose: Purpose) -> Refused | None:
    if subject.is_pregnant:
        return PREGNANT
    if subject.has_severe_hepatic_impairment:
        return LIVER
    if subject.age_years is None:
        return AGE_UNKNOWN
    if subject.weight_kg is None:
        return WEIGHT_UNKNOWN
    box = model.box
    # A NaN is in no range: every comparison here is the one that must hold, never its opposite.
    if not subject.age_years >= CHILD_BELOW_YEARS and not (
        box.is_of_children and purpose == "research"
    ):
        return CHILD if subject.age_years >= 0 else _age_outside(model)
    if box.is_of_children and purpose != "research":
        return MODEL_OF_CHILDREN
    if not box.age_years_min <= subject.age_years <= box.age_years_max:
        return _age_outside(model)
    if not box.weight_kg_min <= subject.weight_kg <= box.weight_kg_max:
        return Refused(
            code="KIN-WEIGHT-OUTSIDE",
            message=f"The weight is outside what {model.name} speaks of: {box.weight_kg_min:g} to "
            f"{box.weight_kg_max:g} kg. Weigh again, or ask a model made for this weight.",
        )
    return None


def _refuse_dose(model: Model, subject: Subject, dose: Dose) -> Refused | None:
    route = next((r for r in model.routes if r.route == dose.route), None)
    if route is None:
        return _no_such_route(model)
    if subject.interacting and dose.route in ROUTES_OF_FIRST_PASS:
        return INTERACTION
    if dose.drug not in _DRUGS_OF[model.enantiomer]:
        return _other_drug(model)
    limit = next(limit for limit in model.box.doses if limit.route == dose.route)
    return _refuse_amount(model, subject, dose, route, limit) or _refuse_times(model, dose, limit)


def _refuse_amount(
    model: Model, subject: Subject, dose: Dose, route: RouteModel, limit: DoseLimit
) -> Refused | None:
    # `type` and not `isinstance`: True is an int in Python and never an amount.
    if type(dose.amount_ug) is not int or dose.amount_ug <= 0:
        return NOT_WHOLE
    if route.device_ug is not None and dose.amount_ug % route.device_ug:
        return Refused(
            code="KIN-DEVICE",
            message=f"The dose is not a whole number of devices of {show_mg(route.device_ug)}, and a device is never "
            "given in part.",
        )
    if not limit.dose_ug_min <= dose.amount_ug <= limit.dose_ug_max:
        return Refused(
            code="KIN-DOSE-OUTSIDE",
            message=f"The dose is outside what {model.name} speaks of by the {dose.route} route: "
            f"{show_mg(limit.dose_ug_min)} to {show_mg(limit.dose_ug_max)} at once.",
        )
    if limit.dose_ug_per_kg_max is not None and dose.amount_ug > (
        limit.dose_ug_per_kg_max * _as_written(subject.weight_kg)
    ):
        return Refused(
            code="KIN-DOSE-OUTSIDE",
            message=f"The dose is above what {model.name} speaks of for this weight by the {dose.route} route: "
            f"{show_mg(limit.dose_ug_per_kg_max)}/kg.",
        )
    return None


def _as_written(weight_kg: float | None) -> Fraction:
    """The weight as the decimal it was written as: 70.1 kg is 70.1, not the float just below it."""
    assert weight_kg is not None, "an unknown weight was refused before"
    return Fraction(repr(float(weight_kg)))


def _refuse_times(model: Model, dose: Dose, limit: DoseLimit) -> Refused | None:
    if not 0 <= dose.start_minutes <= START_MINUTES_MAX:
        return Refused(
            code="KIN-TIME-OUTSIDE",
            message=f"A dose starts at 0 to {START_MINUTES_MAX} min (a year). Write its start in minutes.",
        )
    if dose.duration_minutes is None:
        return None
    if dose.route != "iv":
        return Refused(
            code="KIN-DURATION-OUTSIDE",
            message=f"A dose by the {dose.route} route has no infusion time; {model.name} knows how it is taken up.",
        )
    longest = math.inf if limit.duration_minutes_max is None else limit.duration_minutes_max
    if not 0 < dose.duration_minutes <= longest or math.isinf(dose.duration_minutes):
        return Refused(
            code="KIN-DURATION-OUTSIDE",
            message=f"The infusion time is outside what {model.name} speaks of: more than 0 and at most "
            f"{'a finite number of' if math.isinf(longest) else f'{longest:g}'} min.",
        )
    return None


def _refuse_days(model: Model, doses: tuple[Dose, ...]) -> Refused | None:
    for limit in model.box.doses:
        given = sorted((d.start_minutes, d.amount_ug) for d in doses if d.route == limit.route)
        first, sum_ug = 0, 0
        for start, amount_ug in given:
            sum_ug += amount_ug
            # A dose exactly 24 hours later is the next day's.
            while start - given[first][0] >= DAY_MINUTES:
                sum_ug -= given[first][1]
                first += 1
            if sum_ug > limit.day_ug_max:
                return Refused(
                    code="KIN-DAY-OUTSIDE",
                    message=f"Within 24 hours more is given than {model.name} speaks of by the {limit.route} route: "
                    f"{show_mg(limit.day_ug_max)}.",
                )
    return None


def _age_outside(model: Model) -> Refused:
    return Refused(
        code="KIN-AGE-OUTSIDE",
        message=f"The age is outside what {model.name} speaks of: {model.box.age_years_min:g} to "
        f"{model.box.age_years_max:g} years. Ask a model made for this age.",
    )


def _no_such_route(model: Model) -> Refused:
    known = ", ".join(r.route for r in model.routes)
    return Refused(
        code="KIN-ROUTE",
        message=f"{model.name} knows only {known}. A dose is never converted from one route to another, because no "
        "single factor does that; ask a model that has this route.",
    )


def _other_drug(model: Model) -> Refused:
    own, other = (
        ("racemic ketamine", "esketamine")
        if model.enantiomer == "racemate"
        else ("esketamine", "racemic ketamine")
    )
    return Refused(
        code="KIN-DRUG",
        message=f"{model.name} speaks of {own} and was asked about {other}. Milligrams of one are not milligrams of "
        f"the other; ask a model of {other}.",
    )


PREGNANT = Refused(
    code="KIN-PREGNANCY",
    message="No model here speaks of pregnancy. Ask a specialist; nothing was calculated.",
)
LIVER = Refused(
    code="KIN-LIVER",
    message="No model here speaks of severe hepatic impairment. Ask a specialist; nothing was calculated.",
)
AGE_UNKNOWN = Refused(
    code="KIN-AGE-UNKNOWN", message="The age is not known. Say it in years; no age is assumed."
)
WEIGHT_UNKNOWN = Refused(
    code="KIN-WEIGHT-UNKNOWN",
    message="The weight is not known. Weigh first; no weight is assumed.",
)
CHILD = Refused(
    code="KIN-CHILD",
    message=f"Nothing is calculated for the care of a person below {CHILD_BELOW_YEARS} years. Published models of "
    "children can be asked for research only.",
)
MODEL_OF_CHILDREN = Refused(
    code="KIN-CHILD",
    message="This is a model of children; it can be asked for research only, and never for an adult outside it.",
)
NO_DOSE = Refused(
    code="KIN-DOSE-NONE",
    message="No dose was named. One is never proposed here; name what was ordered.",
)
INTERACTION = Refused(
    code="KIN-INTERACTION",
    message="With a strong inhibitor or inducer of CYP2B6 or CYP3A no model speaks of what is swallowed or put under "
    "the tongue. Ask a pharmacist; nothing was calculated.",
)
NOT_WHOLE = Refused(
    code="KIN-DOSE-NUMBER",
    message="A dose is a whole number of micrograms, more than 0. Read it with vigil.kinetics.parse_dose.",
)
