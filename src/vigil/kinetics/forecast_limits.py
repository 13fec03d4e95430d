"""When a forecast is refused, and which questions make no sense.

In: the models, the person, the doses and the moment of a forecast. Out: the refusal in words, or nothing; for a question
that contradicts itself a typed error.
"""

import numpy as np

from vigil.kinetics import box
from vigil.kinetics.facts import Dose, FloatArray, Model, Subject
from vigil.units.refusals import Refused

MODELS_MIN = 2
"""Published models differ more than people do; one curve alone would hide it (reference, finding 1)."""

RATE_RECORD_MINUTES_MAX = 30.0
"""Older than this, what the pump does is not known and a forecast would be a guess (reference, section 4)."""

POINTS_MAX = 1500
"""A day at one-minute points, with room; more is a mistake in the minutes."""

_TIE_MINUTES = 1e-6
"""A dose that ends or starts within 60 microseconds of now ends or starts now."""


class ForecastInvalid(ValueError):
    """The question makes no sense; no answer can be given, not even a refusal."""

    def __init__(self, field: str, value: object, limit: str) -> None:
        self.field = field
        self.value = value
        self.limit = limit
        super().__init__(f"{field} is {value!r}; {limit}.")


def refuse_models(models: tuple[Model, ...]) -> Refused | None:
    """KIN-ONE-MODEL below two different models, KIN-NO-VARIABILITY when one has none."""
    if len({model.name for model in models}) < MODELS_MIN:
        return Refused(
            code="KIN-ONE-MODEL",
            message=f"A forecast needs at least {MODELS_MIN} published models, because models differ more than people do. "
            "Fewer speak of this person, drug and route.",
        )
    for model in models:
        if not any(parameter.variability for parameter in model.parameters):
            return Refused(
                code="KIN-NO-VARIABILITY",
                message=f"The model {model.name} has no published variability between people, so no honest band can be "
                "drawn from it. Choose another model.",
            )
    return None


def refuse_old_record(minutes_ago: float | None) -> Refused | None:
    """KIN-RATE-OLD when the last record of the rate is older than allowed, in the future or absent."""
    # Written so that a NaN is refused too.
    if minutes_ago is not None and 0 <= minutes_ago <= RATE_RECORD_MINUTES_MAX:
        return None
    return Refused(
        code="KIN-RATE-OLD",
        message=f"Nobody has recorded in the last {RATE_RECORD_MINUTES_MAX:g} minutes what the pump does, so what was given "
        "is not known. Record the rate; the forecast then returns.",
    )


def refuse_without_residual(models: tuple[Model, ...]) -> Refused | None:
    """KIN-NO-RESIDUAL when a model has no error of measurement for its first output."""
    for model in models:
        if not any(residual.analyte == model.outputs[0].analyte for residual in model.residuals):
            return Refused(
                code="KIN-NO-RESIDUAL",
                message=f"The model {model.name} has no published error of measurement, so its bands cannot be compared "
                "with measured values.",
            )
    return None


def refuse_person(models: tuple[Model, ...], subject: Subject) -> Refused | None:
    """What the box of any model refuses of the person, before any dose is known."""
    for model in models:
        refused = box.refusal(model, subject, ())
        if refused != box.NO_DOSE:
            return refused
    return None


def refuse_doses(
    models: tuple[Model, ...], subject: Subject, given: tuple[Dose, ...], rest: tuple[Dose, ...]
) -> Refused | None:
    """What the box of any model refuses; the pieces of one infusion are judged as the one infusion they are."""
    doses = _whole_infusions((*given, *rest))
    for model in models:
        refused = box.refusal(model, subject, doses)
        if refused is not None:
            return refused
    return None


def _whole_infusions(doses: tuple[Dose, ...]) -> tuple[Dose, ...]:
    """Doses as ordered: a rate change or a pause makes no new dose, else small pieces would slip under a limit."""
    whole: dict[tuple[str, str | None], Dose] = {}
    others = []
    for dose in sorted(doses, key=lambda d: d.start_minutes):
        if dose.duration_minutes is None:
            others.append(dose)
            continue
        key = (dose.route, dose.drug)
        first = whole.get(key)
        if first is None:
            whole[key] = dose
            continue
        assert first.duration_minutes is not None
        end = max(
            first.start_minutes + first.duration_minutes, dose.start_minutes + dose.duration_minutes
        )
        whole[key] = Dose(
            amount_ug=first.amount_ug + dose.amount_ug,
            route=dose.route,
            start_minutes=first.start_minutes,
            duration_minutes=end - first.start_minutes,
            drug=dose.drug,
        )
    return (*whole.values(), *others)


def grid(now: float, until: float, every: float) -> FloatArray:
    """The times of a forecast, shape (T,), evenly from now.

    Raises:
        ForecastInvalid: fewer than 3 times, too many, or a minute that is not a number.
    """
    if not 0 < every < np.inf:
        raise ForecastInvalid("every_minutes", every, "a step is more than 0 minutes")
    if not 0 <= now < np.inf:
        raise ForecastInvalid("now_minutes", now, "it counts from the first minute of the session")
    steps = (until - now) / every
    if not 2 <= steps + _TIE_MINUTES < POINTS_MAX:
        raise ForecastInvalid(
            "until_minutes", until, f"2 to {POINTS_MAX} steps of {every:g} min after {now:g}"
        )
    return np.asarray(now + every * np.arange(int(steps + _TIE_MINUTES) + 1))


def check_doses(given: tuple[Dose, ...], rest: tuple[Dose, ...], now: float) -> None:
    """Return when what was given lies before now and the rest from now on.

    Raises:
        ForecastInvalid: it does not.
    """
    for dose in given:
        end = dose.start_minutes + (dose.duration_minutes or 0.0)
        if not end <= now + _TIE_MINUTES:
            raise ForecastInvalid(
                "given", end, f"what was given ended by now, minute {now:g}; the rest is `rest`"
            )
    for dose in rest:
        if not dose.start_minutes >= now - _TIE_MINUTES:
            raise ForecastInvalid(
                "rest", dose.start_minutes, f"the rest starts from now on, minute {now:g}"
            )


def check_levels(levels_ng_per_ml: tuple[float, ...]) -> None:
    """Return when every level can be fallen below.

    Raises:
        ForecastInvalid: one is not more than 0, or not finite.
    """
    for level in levels_ng_per_ml:
        if not 0 < level < np.inf:
            raise ForecastInvalid("levels_ng_per_ml", level, "a level is more than 0 ng/mL")
