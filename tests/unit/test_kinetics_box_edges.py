"""Every bound of every shipped model: the edge is inside, the next value is not; and which reason comes first. INV-KIN-63."""

import math
from dataclasses import replace
from itertools import combinations

import pytest

from vigil.evidence.models import load_model, model_names
from vigil.kinetics.box import refusal
from vigil.kinetics.facts import Dose, DoseLimit, Model, Subject
from vigil.units.refusals import Refused

LIMITS = [
    pytest.param(load_model(name), limit, id=f"{name}-{limit.route}")
    for name in model_names()
    for limit in load_model(name).box.doses
]


def code(answer: Refused | None) -> str | None:
    return None if answer is None else answer.code


def step_of(model: Model, limit: DoseLimit) -> int:
    """The smallest change of a dose by that route: a microgram, or a device."""
    (route,) = (route for route in model.routes if route.route == limit.route)
    return route.device_ug or 1


def person(model: Model, limit: DoseLimit, *, amount_ug: int) -> Subject:
    """A person inside the box, heavy enough that the dose for each kilogram is not what decides."""
    box = model.box
    weight = box.weight_kg_max
    if limit.dose_ug_per_kg_max is not None:
        assert amount_ug <= limit.dose_ug_per_kg_max * weight * 1.001, "the edge cannot be reached"
    return Subject(age_years=(box.age_years_min + box.age_years_max) / 2, weight_kg=weight)


def ask(model: Model, subject: Subject, *doses: Dose) -> str | None:
    return code(refusal(model, subject, doses, purpose="research"))


@pytest.mark.parametrize(("model", "limit"), LIMITS)
def test_the_least_and_the_most_of_one_dose_are_inside(model: Model, limit: DoseLimit) -> None:
    """INV-KIN-63: for each model and route of the files as they are shipped."""
    step = step_of(model, limit)
    per_kg = limit.dose_ug_per_kg_max
    most = limit.dose_ug_max if per_kg is None else min(limit.dose_ug_max, math.floor(per_kg * model.box.weight_kg_max))  # fmt: skip
    most -= most % step
    subject = person(model, limit, amount_ug=most)

    assert ask(model, subject, Dose(amount_ug=limit.dose_ug_min, route=limit.route)) is None
    assert ask(model, subject, Dose(amount_ug=most, route=limit.route)) is None
    below = Dose(amount_ug=limit.dose_ug_min - step, route=limit.route)
    above = Dose(amount_ug=most + step, route=limit.route)
    assert ask(model, subject, below) in {"KIN-DOSE-OUTSIDE", "KIN-DOSE-NUMBER"}
    assert ask(model, subject, above) == "KIN-DOSE-OUTSIDE"


@pytest.mark.parametrize(("model", "limit"), [p for p in LIMITS if p.values[1].dose_ug_per_kg_max])
@pytest.mark.parametrize("part", [0.0, 0.37, 1.0])
def test_the_most_for_each_kilogram_is_inside_at_every_weight(model, limit, part: float) -> None:
    """INV-KIN-68: at the lightest, the heaviest and between; a microgram more is refused."""
    box = model.box
    weight = round(box.weight_kg_min + (box.weight_kg_max - box.weight_kg_min) * part, 1)
    subject = Subject(age_years=box.age_years_min, weight_kg=weight)
    # Whole hundreds of grams times whole micrograms: no float enters.
    most = min(limit.dose_ug_max, limit.dose_ug_per_kg_max * round(weight * 10) // 10)

    assert ask(model, subject, Dose(amount_ug=most, route=limit.route)) is None
    assert ask(model, subject, Dose(amount_ug=most + 1, route=limit.route)) == "KIN-DOSE-OUTSIDE"


@pytest.mark.parametrize(("model", "limit"), LIMITS)
def test_the_most_within_a_day_is_inside_and_the_next_day_is_free(model, limit) -> None:
    """INV-KIN-66: as many equal doses as the day holds; one more within 24 hours is refused, after them it is not."""
    step = step_of(model, limit)
    one = max(limit.dose_ug_min, step)
    most = limit.day_ug_max // one
    if most > 400:
        # Hundreds of doses of a microgram say nothing: take four equal ones.
        one, most = limit.day_ug_max // 4, 4
    subject = person(model, limit, amount_ug=one)
    minutes = [1439.0 * k / most for k in range(most)]
    doses = [Dose(amount_ug=one, route=limit.route, start_minutes=m) for m in minutes]

    assert ask(model, subject, *doses) is None
    assert ask(model, subject, *doses, replace(doses[0], start_minutes=1439.5)) == "KIN-DAY-OUTSIDE"
    rest = limit.day_ug_max - one * most
    if rest < one:
        assert ask(model, subject, *doses, replace(doses[0], start_minutes=1440.0)) is None


@pytest.mark.parametrize(("model", "limit"), [p for p in LIMITS if p.values[1].route == "iv"])
def test_the_longest_infusion_is_inside(model: Model, limit: DoseLimit) -> None:
    """INV-KIN-63: the longest published infusion, and the float after it."""
    longest = limit.duration_minutes_max
    assert longest is not None, "every vein has a longest infusion"
    subject = person(model, limit, amount_ug=limit.dose_ug_min)
    dose = Dose(amount_ug=limit.dose_ug_min, route="iv", duration_minutes=longest)

    assert ask(model, subject, dose) is None
    later = replace(dose, duration_minutes=math.nextafter(longest, math.inf))
    assert ask(model, subject, later) == "KIN-DURATION-OUTSIDE"
    assert ask(model, subject, replace(dose, duration_minutes=5e-324)) is None
    assert ask(model, subject, replace(dose, duration_minutes=0.0)) == "KIN-DURATION-OUTSIDE"


@pytest.mark.parametrize("name", model_names())
@pytest.mark.parametrize("field", ["age_years", "weight_kg"])
def test_both_ends_of_age_and_weight_are_inside(name: str, field: str) -> None:
    """INV-KIN-63: and the float beyond each is not."""
    model = load_model(name)
    low, high = getattr(model.box, f"{field}_min"), getattr(model.box, f"{field}_max")
    limit = model.box.doses[0]
    middle = person(model, limit, amount_ug=limit.dose_ug_min)
    dose = Dose(amount_ug=limit.dose_ug_min, route=limit.route)
    outside = {"KIN-AGE-OUTSIDE", "KIN-CHILD"} if field == "age_years" else {"KIN-WEIGHT-OUTSIDE"}
    # The least dose by weight: at the lightest person it must still be allowed.
    for edge, beyond in ((low, -math.inf), (high, math.inf)):
        assert ask(model, replace(middle, **{field: edge}), dose) is None
        next_one = math.nextafter(edge, beyond)
        assert ask(model, replace(middle, **{field: next_one}), dose) in outside


ORDER = {
    "KIN-PREGNANCY": {"is_pregnant": True},
    "KIN-LIVER": {"has_severe_hepatic_impairment": True},
    "KIN-AGE-UNKNOWN": {"age_years": None},
    "KIN-WEIGHT-UNKNOWN": {"weight_kg": None},
    "KIN-AGE-OUTSIDE": {"age_years": 120.0},
    "KIN-WEIGHT-OUTSIDE": {"weight_kg": 400.0},
}
"""Reasons of a person from the gravest on. What no better measurement mends comes before what one would."""


@pytest.mark.parametrize(("first", "second"), list(combinations(ORDER, 2)))
def test_of_two_reasons_the_graver_is_said(first: str, second: str) -> None:
    """Somebody who is pregnant must not first be sent to the scales."""
    if ORDER[first].keys() & ORDER[second].keys():
        return
    model = load_model("perez_ruixo_2021")
    subject = Subject(age_years=40, weight_kg=70)
    dose = Dose(amount_ug=28_000, route="nasal")

    changed = replace(subject, **(ORDER[second] | ORDER[first]))

    assert ask(model, changed, dose) == first
    assert ask(model, replace(subject, **ORDER[second]), dose) == second


@pytest.mark.parametrize("reason", ORDER)
def test_the_person_comes_before_the_doses(reason: str) -> None:
    """A list of wrong doses does not hide that nobody may be asked about at all."""
    model = load_model("perez_ruixo_2021")
    subject = replace(Subject(age_years=40, weight_kg=70), **ORDER[reason])

    for doses in [(), (Dose(amount_ug=1, route="im"),), (Dose(amount_ug=-5, route="nasal"),)]:
        assert ask(model, subject, *doses) == reason


@pytest.mark.parametrize("place", range(4))
def test_one_wrong_dose_anywhere_in_the_list_is_enough(place: int) -> None:
    """INV-KIN-63: no dose hides behind the ones before it."""
    model = load_model("perez_ruixo_2021")
    subject = Subject(age_years=40, weight_kg=70)
    doses = [Dose(amount_ug=28_000, route="nasal", start_minutes=1440.0 * k) for k in range(4)]

    assert ask(model, subject, *doses) is None
    for wrong, expected in (
        (replace(doses[place], amount_ug=27_999), "KIN-DEVICE"),
        (replace(doses[place], route="im"), "KIN-ROUTE"),
        (replace(doses[place], drug="ketamine"), "KIN-DRUG"),
        (replace(doses[place], start_minutes=float("nan")), "KIN-TIME-OUTSIDE"),
    ):
        changed = [*doses[:place], wrong, *doses[place + 1 :]]
        assert ask(model, subject, *changed) == expected
