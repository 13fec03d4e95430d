"""What the kinetic models are told of a plan: the order, the weight, and nothing that nobody said."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil.evidence.protocols import load_protocol
from vigil.plan.domain.course import (
    PREGNANT,
    SEVERE_LIVER_DISEASE,
    UnknownRoute,
    age_years,
    planned_doses,
    read_subject,
)

IV = load_protocol("ket-mdd-iv")
NASAL = load_protocol("esk-trd-us")
DAY = date(2026, 11, 24)
answered = st.booleans() | st.none()


def subject(**changes):
    asked = {
        "born_on": date(1972, 3, 14), "sex": "female", "weight_g": 68_000, "answers": {}, "on": DAY,
    }  # fmt: skip
    return read_subject(**(asked | changes))


@given(st.dates(date(1900, 1, 1), date(2020, 1, 1)), st.integers(0, 40_000))
def test_the_age_is_the_number_of_birthdays_that_were(born_on, days):
    """Counted the slow way: the anniversaries that lie behind."""
    on = born_on + timedelta(days=days)

    birthdays = [_anniversary(born_on, year) for year in range(born_on.year + 1, on.year + 1)]
    assert age_years(born_on, on=on) == sum(birthday <= on for birthday in birthdays)


def test_before_the_birth_date_the_age_is_negative_and_so_refused():
    assert age_years(date(2030, 1, 1), on=DAY) < 0


def _anniversary(born_on: date, year: int) -> date:
    # Who was born on 29 February turns a year older on 1 March of other years.
    try:
        return born_on.replace(year=year)
    except ValueError:
        return date(year, 3, 1)


@given(st.integers(1, 400_000))
def test_the_weight_is_told_in_kilograms_exactly(weight_g):
    assert round(subject(weight_g=weight_g).weight_kg * 1000) == weight_g


def test_an_unknown_weight_stays_unknown():
    """INV: no forecast from a guess; `box` refuses it."""
    assert subject(weight_g=None).weight_kg is None


@pytest.mark.parametrize(("sex", "told"), [("female", "f"), ("male", "m"), ("other", None), ("", None)])  # fmt: skip
def test_sex_is_told_as_registered_or_not_at_all(sex, told):
    assert subject(sex=sex).sex == told


@given(answered, answered)
def test_a_yes_to_either_question_about_pregnancy_is_a_yes(one, other):
    answers = dict(zip(PREGNANT, (one, other), strict=True))

    expected = True if True in (one, other) else False if False in (one, other) else None
    assert subject(answers=answers).is_pregnant is expected


@given(answered)
def test_an_unanswered_question_is_unknown_and_never_a_no(answer):
    (name,) = SEVERE_LIVER_DISEASE

    assert subject(answers={name: answer}).has_severe_hepatic_impairment is answer
    assert subject(answers={}).has_severe_hepatic_impairment is None


def test_a_number_is_no_yes_to_a_question():
    """`1` is what a person typed into a number field, not an answer."""
    assert subject(answers={PREGNANT[0]: 1}).is_pregnant is None


@pytest.mark.parametrize("protocol", [IV, NASAL], ids=lambda p: p.protocol_id)
def test_every_protocol_asks_what_the_models_refuse(protocol):
    """A protocol whose question is spelled otherwise would leave a pregnancy untold."""
    asked = {question.name for question in protocol.questions}

    assert asked & set(PREGNANT)
    assert asked & set(SEVERE_LIVER_DISEASE)


def test_nobody_is_told_to_be_of_a_population_or_to_take_a_medicine():
    """Vigil records neither; a guess would change a nasal course by a third."""
    told = subject()

    assert (told.population, told.interacting) == (None, ())


@given(st.integers(1, 200_000), st.integers(1, 240))
def test_an_infusion_is_one_dose_over_its_minutes(dose_ug, minutes):
    (dose,) = planned_doses(
        drug="ketamine", route="IV", dosing=IV.dosing, dose_ug=dose_ug, infusion_minutes=minutes
    )

    assert (dose.amount_ug, dose.duration_minutes) == (dose_ug, float(minutes))
    assert (dose.route, dose.drug, dose.start_minutes) == ("iv", "ketamine", 0.0)


@given(st.integers(1, 200_000))
def test_devices_hold_the_dose_whole_and_a_part_stays_a_part(dose_ug):
    """A part of a device is not hidden by rounding: the models then refuse it in words."""
    doses = planned_doses(
        drug="esketamine", route="IN", dosing=NASAL.dosing, dose_ug=dose_ug, infusion_minutes=None
    )

    assert sum(dose.amount_ug for dose in doses) == dose_ug
    assert [d.amount_ug for d in doses[:-1]] == [28_000] * (len(doses) - 1)
    assert 0 < doses[-1].amount_ug <= 28_000
    assert all(dose.duration_minutes is None for dose in doses)


def test_devices_rest_as_the_protocol_says():
    doses = planned_doses(
        drug="esketamine", route="IN", dosing=NASAL.dosing, dose_ug=84_000, infusion_minutes=None
    )

    assert [dose.start_minutes for dose in doses] == [0.0, 5.0, 10.0]
    assert {dose.route for dose in doses} == {"nasal"}


@pytest.mark.parametrize("route", ["iv", "oral", ""])
def test_a_route_of_no_protocol_is_refused_loudly(route):
    with pytest.raises(UnknownRoute):
        planned_doses(
            drug="ketamine", route=route, dosing=IV.dosing, dose_ug=1, infusion_minutes=40
        )


@given(st.dates(date(1930, 1, 1), date(2020, 1, 1)))
def test_one_day_makes_at_most_one_year(born_on):
    before, after = (age_years(born_on, on=DAY + timedelta(days=d)) for d in (0, 1))

    assert after - before in (0, 1)
