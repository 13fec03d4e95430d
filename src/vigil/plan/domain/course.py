"""What the kinetic models are told of a plan: the person, and the doses of one session.

In: what is recorded of the person, and an order turned into an amount. Out: `kinetics.facts.Subject` and `Dose`s. Nothing
is added that nobody recorded: an unknown weight stays unknown, and the models refuse it.
"""

from collections.abc import Mapping
from datetime import date
from typing import Literal

from vigil.evidence.protocols import Dosing
from vigil.kinetics.facts import Dose, Drug, Route, Subject

G_PER_KG = 1_000

PREGNANT = ("pregnant", "pregnant_or_breastfeeding")
"""Questions of the protocols whose yes means that no model speaks: the wider question refuses more, never less."""
SEVERE_LIVER_DISEASE = ("severe_liver_disease",)

_SEX: Mapping[str, Literal["f", "m"]] = {"female": "f", "male": "m"}
_ROUTES: Mapping[str, Route] = {"IV": "iv", "IN": "nasal"}


class UnknownRoute(ValueError):
    """The order names a route that no protocol has."""

    def __init__(self, route: str) -> None:
        self.route = route
        super().__init__(f"Route {route!r} is not one of {', '.join(_ROUTES)}.")


def age_years(born_on: date, *, on: date) -> int:
    """Completed years of life on a day; negative before the birth date, which the models refuse.

    >>> age_years(date(1972, 3, 14), on=date(2026, 3, 13)), age_years(date(1972, 3, 14), on=date(2026, 3, 14))
    (53, 54)
    """
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))


def read_subject(
    *,
    born_on: date,
    sex: str,
    weight_g: int | None,
    answers: Mapping[str, bool | int | None],
    on: date,
) -> Subject:
    """The person as the models need to know them.

    Args:
        born_on: date of birth.
        sex: as registered; anything but "female" and "male" is told as unknown.
        weight_g: measured weight, grams, or None when nobody weighed.
        answers: of the newest assessment; {} when there is none. A question that was not asked or not answered is
            unknown, never a no.
        on: the day of the session, in the clinic's calendar.

    Returns:
        `Subject`. Its population stays unknown (Vigil records no ethnicity) and so does what the person takes: neither
        changes a course by vein, and a nasal course is then the one of people in general.
    """
    return Subject(
        age_years=float(age_years(born_on, on=on)),
        weight_kg=None if weight_g is None else weight_g / G_PER_KG,
        sex=_SEX.get(sex),
        is_pregnant=_any(answers, PREGNANT),
        has_severe_hepatic_impairment=_any(answers, SEVERE_LIVER_DISEASE),
    )


def _any(answers: Mapping[str, bool | int | None], names: tuple[str, ...]) -> bool | None:
    """True when one of them is a yes, False when one is a no and none a yes, None when nothing is known."""
    given = [answers[name] for name in names if isinstance(answers.get(name), bool)]
    return any(given) if given else None


def planned_doses(
    *, drug: Drug, route: str, dosing: Dosing, dose_ug: int, infusion_minutes: int | None
) -> tuple[Dose, ...]:
    """The doses of one session as planned, from minute 0: one infusion, or devices one after the other.

    Args:
        drug: of the plan.
        route: of the plan, "IV" or "IN".
        dosing: of the plan's protocol; says what a device holds and how long to rest between two.
        dose_ug: the session's amount, micrograms, more than 0.
        infusion_minutes: of the plan; None for devices.

    Returns:
        Doses whose amounts add up to `dose_ug`. What is left over after whole devices stays one part of a device, and
        every model refuses it.

    Raises:
        UnknownRoute: the route is none of a protocol.
    """
    assert dose_ug > 0, "the order form and the protocol refuse zero"
    if route not in _ROUTES:
        raise UnknownRoute(route)
    if dosing.device_ug is None:
        minutes = None if infusion_minutes is None else float(infusion_minutes)
        return (Dose(amount_ug=dose_ug, route=_ROUTES[route], duration_minutes=minutes, drug=drug),)
    whole, part_ug = divmod(dose_ug, dosing.device_ug)
    amounts = [dosing.device_ug] * whole + ([part_ug] if part_ug else [])
    rest = dosing.device_rest_minutes or 0
    return tuple(
        Dose(amount_ug=amount_ug, route=_ROUTES[route], start_minutes=float(k * rest), drug=drug)
        for k, amount_ug in enumerate(amounts)
    )
