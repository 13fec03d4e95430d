"""Every shipped model at every corner of its box, and one step outside through each face, asked through `simulate`.

The corners are read from the TOML files here, by `tomllib`, and neither by the loader nor by the facts. A model must answer at all of
its corners (a box that promises more than the engine gives would be a trap) and at none beyond. INV-KIN-63.
"""

import itertools
import math
import tomllib
from collections.abc import Iterator
from fractions import Fraction
from importlib import resources

import numpy as np
import pytest

from vigil.evidence.models import load_model
from vigil.kinetics import simulate
from vigil.kinetics.facts import Course, Dose, Subject
from vigil.kinetics.population import simulate_population
from vigil.units.refusals import Refused

FOLDER = resources.files("vigil.evidence") / "data" / "kinetics"
FILES = {
    file.name.removesuffix(".toml"): tomllib.loads(file.read_text(encoding="utf-8"))
    for file in sorted(FOLDER.iterdir(), key=lambda file: file.name)
    if file.name.endswith(".toml")
}
NAMES = list(FILES)
TIMES = np.array([0.0, 1.0, 10.0, 40.0, 41.0, 120.0, 1440.0, 10_080.0])
DAY = 1440.0
UP, DOWN = math.inf, -math.inf


def limits(name: str) -> list[dict]:
    return FILES[name]["box"]["doses"]


def device_ug(name: str, route: str) -> int:
    """What one device holds, or 1 where a dose is any number of micrograms."""
    return next(r.get("device_ug", 1) for r in FILES[name]["routes"] if r["route"] == route)


def people(name: str) -> list[Subject]:
    """The four corners of age and weight."""
    row = FILES[name]["box"]
    ages, weights = ([row[f"{of}_min"], row[f"{of}_max"]] for of in ("age_years", "weight_kg"))
    return [Subject(age_years=a, weight_kg=w) for a, w in itertools.product(ages, weights)]


def most_ug(name: str, limit: dict, subject: Subject) -> int:
    """The largest dose of this route for this weight, in whole devices, by exact fractions of the written weight."""
    by_weight = limit.get("dose_ug_per_kg_max")
    most = limit["dose_ug_max"]
    if by_weight is not None:
        most = min(most, math.floor(by_weight * Fraction(str(subject.weight_kg))))
    size = device_ug(name, limit["route"])
    return most // size * size


def dose_of(limit: dict, amount_ug: int, *, start: float = 0.0, longest: bool = False) -> Dose:
    minutes = limit.get("duration_minutes_max") if longest else None
    return Dose(
        amount_ug=amount_ug, route=limit["route"], start_minutes=start, duration_minutes=minutes
    )


def corners(name: str) -> Iterator[tuple[Subject, dict, Dose]]:
    """Least and most dose of each route, at once and as slowly as allowed, for each corner of the person."""
    for subject, limit in itertools.product(people(name), limits(name)):
        for amount_ug in (limit["dose_ug_min"], most_ug(name, limit, subject)):
            yield subject, limit, dose_of(limit, amount_ug)
            if limit["route"] == "iv":
                yield subject, limit, dose_of(limit, amount_ug, longest=True)


def ask(name: str, subject: Subject, *doses: Dose) -> Course | Refused:
    """Adult models for care and models of children for research: the only purposes under which each answers."""
    purpose = "research" if FILES[name]["box"]["is_of_children"] else "care"
    return simulate(load_model(name), subject, doses, TIMES, purpose=purpose)


def code(answer: object) -> str:
    assert isinstance(answer, Refused), answer
    return answer.code


@pytest.mark.parametrize("name", NAMES)
def test_a_model_answers_at_every_corner_of_its_box(name: str) -> None:
    """INV-KIN-63: nothing negative, nothing infinite, and something at all."""
    asked = list(corners(name))

    assert len(asked) == 4 * sum(2 * (1 + (r["route"] == "iv")) for r in limits(name))
    for subject, limit, dose in asked:
        course = ask(name, subject, dose)
        assert isinstance(course, Course), (subject, limit["route"], course)
        for analyte, values in course.concentrations.items():
            metric = course.metrics[analyte]
            assert np.isfinite(values).all(), (analyte, subject)
            assert (values >= 0).all(), (analyte, subject)
            assert values.max() <= metric.cmax_ng_per_ml * (1 + 1e-9)
            assert metric.auc_ng_h_per_ml > 0


@pytest.mark.parametrize("name", NAMES)
def test_from_corner_to_corner_the_course_grows_with_the_dose(name: str) -> None:
    """INV-KIN-13: the least and the most dose give one shape; of devices, later ones give less than the first."""
    for subject, limit in itertools.product(people(name)[::3], limits(name)):
        least, most = limit["dose_ug_min"], most_ug(name, limit, subject)
        small, large = (ask(name, subject, dose_of(limit, x)) for x in (least, most))
        assert isinstance(small, Course)
        assert isinstance(large, Course)
        ratio = (
            large.metrics["ketamine"].auc_ng_h_per_ml / small.metrics["ketamine"].auc_ng_h_per_ml
        )
        if device_ug(name, limit["route"]) == 1:
            assert ratio == pytest.approx(most / least, rel=1e-9)
        else:
            assert 1 < ratio < most / least


@pytest.mark.parametrize("name", NAMES)
def test_a_model_holds_its_whole_day_and_not_a_dose_more(name: str) -> None:
    """The most of a day in equal doses is answered; a dose more within the day is not, and a day later it is."""
    for subject, limit in itertools.product(people(name)[:1], limits(name)):
        most = most_ug(name, limit, subject)
        count = limit["day_ug_max"] // most
        least = limit["dose_ug_min"]
        full = [dose_of(limit, most, start=float(k)) for k in range(count)]
        left = limit["day_ug_max"] - count * most
        over = max(least, left + 1)
        size = device_ug(name, limit["route"])
        over = -(-over // size) * size
        if over > most:
            continue
        late = dose_of(limit, over, start=DAY - 0.5)
        next_day = dose_of(limit, over, start=DAY + count)

        assert isinstance(ask(name, subject, *full), Course)
        assert code(ask(name, subject, *full, late)) == "KIN-DAY-OUTSIDE"
        assert isinstance(ask(name, subject, *full, next_day), Course)


def faces_of_the_person(name: str) -> Iterator[tuple[Subject, str]]:
    """One float beyond each end of age and weight, from each end of the other."""
    row = FILES[name]["box"]
    for weight in (row["weight_kg_min"], row["weight_kg_max"]):
        young = math.nextafter(row["age_years_min"], DOWN)
        too_young = "KIN-AGE-OUTSIDE" if row["is_of_children"] else "KIN-CHILD"
        yield Subject(age_years=young, weight_kg=weight), too_young
        old = math.nextafter(row["age_years_max"], UP)
        yield Subject(age_years=old, weight_kg=weight), "KIN-AGE-OUTSIDE"
    for age in (row["age_years_min"], row["age_years_max"]):
        for end, way in (("min", DOWN), ("max", UP)):
            weight = math.nextafter(row[f"weight_kg_{end}"], way)
            yield Subject(age_years=age, weight_kg=weight), "KIN-WEIGHT-OUTSIDE"


@pytest.mark.parametrize("name", NAMES)
def test_one_float_beyond_the_person_is_refused_by_one_and_by_many(name: str) -> None:
    """INV-KIN-63: the least step that a float can make, through all eight faces; a crowd is no way around it."""
    limit = limits(name)[0]
    dose = dose_of(limit, limit["dose_ug_min"])
    inside = people(name)[0]
    purpose = "research" if FILES[name]["box"]["is_of_children"] else "care"

    for subject, expected in faces_of_the_person(name):
        crowd = simulate_population(
            load_model(name), [inside, subject, inside], (dose,), TIMES, purpose=purpose
        )
        assert code(ask(name, subject, dose)) == expected, subject
        assert code(crowd) == expected, subject


@pytest.mark.parametrize("name", NAMES)
def test_one_microgram_device_or_moment_beyond_a_dose_is_refused(name: str) -> None:
    """INV-KIN-63: through every face of every route, for each corner of the person."""
    for subject, limit in itertools.product(people(name), limits(name)):
        size = device_ug(name, limit["route"])
        least, most = limit["dose_ug_min"], most_ug(name, limit, subject)
        below = dose_of(limit, least - size)
        assert code(ask(name, subject, below)) == (
            "KIN-DOSE-OUTSIDE" if least > size else "KIN-DOSE-NUMBER"
        )
        assert code(ask(name, subject, dose_of(limit, most + size))) == "KIN-DOSE-OUTSIDE"
        if size > 1:
            assert code(ask(name, subject, dose_of(limit, least + 1))) == "KIN-DEVICE"
        before = dose_of(limit, least, start=math.nextafter(0.0, DOWN))
        assert code(ask(name, subject, before)) == "KIN-TIME-OUTSIDE"
        longest = limit.get("duration_minutes_max")
        if longest is not None:
            long = Dose(
                amount_ug=least, route="iv", duration_minutes=math.nextafter(longest, UP)
            )  # fmt: skip
            assert code(ask(name, subject, long)) == "KIN-DURATION-OUTSIDE"


@pytest.mark.parametrize("name", NAMES)
def test_every_route_beyond_the_files_own_is_refused(name: str) -> None:
    """INV-KIN-64: no factor turns one route into another."""
    own = {limit["route"] for limit in limits(name)}

    for route in {"iv", "im", "nasal", "oral", "sublingual"} - own:
        answer = ask(name, people(name)[0], Dose(amount_ug=28_000, route=route))
        assert code(answer) == "KIN-ROUTE"


@pytest.mark.parametrize("name", NAMES)
def test_care_and_research_open_what_they_should_at_each_corner(name: str) -> None:
    """A model of children answers no corner for care; an adult model answers all of them for both."""
    is_of_children = FILES[name]["box"]["is_of_children"]
    limit = limits(name)[0]
    dose = dose_of(limit, limit["dose_ug_min"])

    for subject in people(name):
        found = {
            purpose: simulate(load_model(name), subject, (dose,), TIMES, purpose=purpose)
            for purpose in ("care", "research")
        }
        assert isinstance(found["research"], Course)
        if is_of_children:
            assert code(found["care"]) == "KIN-CHILD"
        else:
            assert isinstance(found["care"], Course)
            for analyte, values in found["care"].concentrations.items():
                assert np.array_equal(values, found["research"].concentrations[analyte])
