"""Which published models speak of a person and doses, and which two are drawn first.

In: every loaded model, a person, doses. Out: the models that may be asked, the two to draw, and why each other one was
left out; or the refusal in words. Nobody chooses a model by hand, so nobody chooses the curve that looks best.

The two drawn are the pair that shows how far published models are apart: one sampled in an artery and one in a vein where
both exist, because that differs more than people do. Within a site the order is: a model of the very drug before a pooled
one of esketamine and racemate (a pooled one counts as one of the racemate, which most pooled studies gave), then the model
whose own limits hold the widest range of people, then the one whose paper states the site, then by name.
"""

from dataclasses import dataclass

from vigil.kinetics.box import Purpose, refusal
from vigil.kinetics.facts import Dose, Model, Subject
from vigil.units.refusals import Refused

MODELS_DRAWN = 2
"""Never one curve (decision 0011); with three pairs of bands in one picture nothing could be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A model that does not speak of this person and these doses, and why."""

    model: Model
    why: Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The models that may be asked: those to draw, in that order, and the rest.

    `drawn` has at least one; `others` may be asked too; `left_out` are models of this drug and route that do not speak of
    this person or dose.
    """

    drawn: tuple[Model, ...]
    others: tuple[Model, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def is_one(self) -> bool:
        """Whether only one model speaks: then no set of models can be shown."""
        return len(self.drawn) + len(self.others) == 1


def choose(
    models: tuple[Model, ...],
    subject: Subject,
    doses: tuple[Dose, ...],
    *,
    count: int = MODELS_DRAWN,
    purpose: Purpose = "care",
) -> Choice | Refused:
    """The models that speak of this person and these doses, or the refusal when none does.

    Args:
        models: all that are shipped, in any order.
        subject: what is known of the person.
        doses: all that is given or planned, at least one; each names its drug.
        count: how many are drawn, 1 or more.
        purpose: as in `box.refusal`.

    Returns:
        `Choice`; or `Refused`: with the one reason that all models of this drug and route give, or KIN-NO-MODEL with
        the reason of each.
    """
    assert count >= 1
    accepted: list[Model] = []
    left_out: list[LeftOut] = []
    about = (model for model in models if _is_about(model, doses))
    for model in sorted(about, key=lambda m: _rank(m, doses)):
        why = refusal(model, subject, doses, purpose=purpose)
        if why is None:
            accepted.append(model)
        elif purpose == "research" or not model.box.is_of_children:
            left_out.append(LeftOut(model=model, why=why))
    if not accepted:
        return _refusal_of(left_out)
    drawn = _spread(accepted, count)
    return Choice(
        drawn=drawn,
        others=tuple(model for model in accepted if model not in drawn),
        left_out=tuple(left_out),
    )


def _is_about(model: Model, doses: tuple[Dose, ...]) -> bool:
    """Whether it is a model of these drugs and routes; any other says nothing about the person."""
    routes = {route.route for route in model.routes}
    drugs = {dose.drug for dose in doses} - {None}
    is_of_drug = model.enantiomer == "mixed" or drugs <= {model.drug}
    return is_of_drug and {dose.route for dose in doses} <= routes


def _rank(model: Model, doses: tuple[Dose, ...]) -> tuple[bool, float, bool, str]:
    """Lowest first; see the module's head for the reasons."""
    is_of_esketamine = any(dose.drug == "esketamine" for dose in doses)
    box = model.box
    people = (box.age_years_max - box.age_years_min) * (box.weight_kg_max - box.weight_kg_min)
    is_pooled = is_of_esketamine and model.enantiomer != "S"
    return is_pooled, -people, not model.site_is_stated, model.name


def _spread(accepted: list[Model], count: int) -> tuple[Model, ...]:
    """The first model of each site in turn, then whoever comes next; arterial before venous."""
    first = [
        next((model for model in accepted if model.site == site), None)
        for site in ("arterial", "venous")
    ]
    spread = [model for model in first if model is not None]
    rest = [model for model in accepted if model not in spread]
    return tuple((spread + rest)[:count])


def _refusal_of(left_out: list[LeftOut]) -> Refused:
    """One refusal out of every model's reason: what all share is said once, with the limits of the widest model."""
    if not left_out:
        return NO_MODEL
    reasons = [each.why for each in left_out]
    if len(set(reasons)) == 1:
        return reasons[0]
    if len({reason.code for reason in reasons}) == 1:
        said = f"The one with the widest limits says: {reasons[0].message}"
    else:
        said = " ".join(dict.fromkeys(reason.message for reason in reasons))
    return Refused(
        code="KIN-NO-MODEL",
        message=f"No published model speaks of this person and dose, so no curve is drawn. {said}",
    )


NO_MODEL = Refused(
    code="KIN-NO-MODEL",
    message="No model with traced numbers was published for this drug by this route, so no curve is drawn. A dose is "
    "never converted to another route or drug.",
)
