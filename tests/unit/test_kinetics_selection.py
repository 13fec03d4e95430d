"""Which models are drawn: chosen by drug, route, site and box, never by hand."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vigil.evidence.models import load_model, model_names
from vigil.kinetics.box import refusal
from vigil.kinetics.facts import Dose, Subject
from vigil.kinetics.selection import MODELS_DRAWN, NO_MODEL, Choice, choose
from vigil.units.refusals import Refused

MODELS = tuple(load_model(name) for name in model_names())
ADULT = Subject(age_years=40.0, weight_kg=70.0)
RACEMATE = Dose(amount_ug=35_000, route="iv", duration_minutes=40.0, drug="ketamine")
S_BY_VEIN = Dose(amount_ug=20_000, route="iv", duration_minutes=40.0, drug="esketamine")
DEVICES = tuple(
    Dose(amount_ug=28_000, route="nasal", start_minutes=minute, drug="esketamine")
    for minute in (0.0, 5.0)
)

subjects = st.builds(
    Subject,
    age_years=st.none() | st.integers(0, 100).map(float),
    weight_kg=st.none() | st.integers(20, 220).map(float),
    is_pregnant=st.sampled_from([None, False, True]),
    has_severe_hepatic_impairment=st.sampled_from([None, False, True]),
)
doses = st.builds(
    Dose,
    amount_ug=st.integers(1, 250_000),
    route=st.sampled_from(["iv", "nasal", "oral", "sublingual", "im"]),
    duration_minutes=st.none() | st.integers(1, 500).map(float),
    drug=st.sampled_from(["ketamine", "esketamine"]),
)


def names(models):
    return [model.name for model in models]


@given(subjects, doses)
@settings(max_examples=400)
def test_no_model_is_drawn_outside_its_box(subject, dose):
    """INV-KIN: the box is enforced for what a screen shows as for anything else."""
    chosen = choose(MODELS, subject, (dose,))

    if isinstance(chosen, Choice):
        for model in (*chosen.drawn, *chosen.others):
            assert refusal(model, subject, (dose,)) is None


@given(subjects, doses)
@settings(max_examples=400)
def test_every_model_that_speaks_is_named_and_none_is_lost(subject, dose):
    chosen = choose(MODELS, subject, (dose,))
    speaks = {m.name for m in MODELS if refusal(m, subject, (dose,)) is None}

    if isinstance(chosen, Refused):
        assert speaks == set()
    else:
        assert set(names((*chosen.drawn, *chosen.others))) == speaks
        assert len(chosen.drawn) == min(MODELS_DRAWN, len(speaks))
        assert not set(names(chosen.drawn)) & set(names(chosen.others))
        assert chosen.is_one == (len(speaks) == 1)


@given(subjects, doses, st.permutations(MODELS))
@settings(max_examples=100)
def test_the_order_of_the_files_changes_nothing(subject, dose, shuffled):
    assert choose(tuple(shuffled), subject, (dose,)) == choose(MODELS, subject, (dose,))


@given(subjects, doses)
@settings(max_examples=200)
def test_a_model_of_children_is_never_drawn_for_care(subject, dose):
    chosen = choose(MODELS, subject, (dose,))

    if isinstance(chosen, Choice):
        shown = (*chosen.drawn, *chosen.others, *(each.model for each in chosen.left_out))
        assert not [model.name for model in shown if model.box.is_of_children]


@given(subjects, doses)
@settings(max_examples=200)
def test_both_sites_are_drawn_when_both_can_be(subject, dose):
    """What differs most between models is where the blood was drawn, so a pair must show it."""
    chosen = choose(MODELS, subject, (dose,))

    if isinstance(chosen, Choice) and len(chosen.drawn) > 1:
        possible = {m.site for m in (*chosen.drawn, *chosen.others)}
        assert {m.site for m in chosen.drawn} == possible


def test_a_racemate_by_vein_is_drawn_arterial_and_venous():
    """The pooled set and the venous one; neither is a model of esketamine alone."""
    chosen = choose(MODELS, ADULT, (RACEMATE,))

    assert names(chosen.drawn) == ["kamp_2020", "clements_1981"]
    assert [m.site for m in chosen.drawn] == ["arterial", "venous"]
    assert all(m.enantiomer != "S" for m in (*chosen.drawn, *chosen.others))


def test_intensive_care_is_not_drawn_first_for_a_person_in_a_chair():
    chosen = choose(MODELS, ADULT, (RACEMATE,))

    assert "hijazi_2003" in names(chosen.others)


def test_esketamine_by_vein_is_drawn_from_models_of_esketamine_alone():
    """A pooled model speaks too, but a model of the very drug comes first."""
    chosen = choose(MODELS, ADULT, (S_BY_VEIN,))

    assert {m.enantiomer for m in chosen.drawn} == {"S"}
    assert [m.site for m in chosen.drawn] == ["arterial", "venous"]
    assert "kamp_2020" in names(chosen.others)


def test_nasal_esketamine_has_what_was_published_and_says_when_it_is_one():
    """INV-KIN: one model is no set of models; `is_one` is what the page's words rest on."""
    chosen = choose(MODELS, ADULT, DEVICES)
    nasal = [m for m in MODELS if any(r.route == "nasal" for r in m.routes)]

    assert set(names((*chosen.drawn, *chosen.others))) == set(names(nasal))
    assert chosen.is_one == (len(nasal) == 1)


def test_a_route_that_nobody_modelled_is_refused_and_never_converted():
    racemate_by_nose = replace(DEVICES[0], drug="ketamine")

    assert choose(MODELS, ADULT, (racemate_by_nose,)) == NO_MODEL


def test_two_routes_need_a_model_that_has_both():
    only_vein = Dose(amount_ug=10_000, route="iv", duration_minutes=20.0, drug="esketamine")

    chosen = choose(MODELS, ADULT, (DEVICES[0], only_vein))

    for model in (*chosen.drawn, *chosen.others):
        assert {"iv", "nasal"} <= {route.route for route in model.routes}


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        (replace(ADULT, is_pregnant=True), "KIN-PREGNANCY"),
        (replace(ADULT, has_severe_hepatic_impairment=True), "KIN-LIVER"),
        (replace(ADULT, weight_kg=None), "KIN-WEIGHT-UNKNOWN"),
        (replace(ADULT, age_years=None), "KIN-AGE-UNKNOWN"),
        (replace(ADULT, age_years=17.0), "KIN-CHILD"),
    ],
)
def test_a_reason_that_all_share_is_said_once(subject, code):
    answer = choose(MODELS, subject, (RACEMATE,))

    assert isinstance(answer, Refused)
    assert answer.code == code


def test_one_kind_of_reason_is_told_by_the_widest_model():
    """Nobody reads four times that a weight is outside; the widest limits say how far outside."""
    heavy = replace(ADULT, weight_kg=200.0)

    answer = choose(MODELS, heavy, (RACEMATE,))

    asked = [m for m in MODELS if m.enantiomer != "S" and not m.box.is_of_children]
    widest = max(asked, key=lambda m: m.box.weight_kg_max)
    assert answer.code == "KIN-NO-MODEL"
    assert f"to {widest.box.weight_kg_max:g} kg" in answer.message
    assert answer.message.count("The weight is outside") == 1


def test_different_kinds_of_reasons_are_all_said():
    """Old for some, too heavy for others: each is told once."""
    old_and_heavy = replace(ADULT, age_years=78.0, weight_kg=150.0)

    answer = choose(MODELS, old_and_heavy, (RACEMATE,))

    assert answer.code == "KIN-NO-MODEL"
    assert "The age is outside" in answer.message
    assert "The weight is outside" in answer.message


@given(subjects, doses)
@settings(max_examples=200)
def test_no_refusal_tells_anything_about_the_person(subject, dose):
    """A message may stand on a screen that others see: it names the model's limits, not the person's numbers."""
    answer = choose(MODELS, replace(subject, weight_kg=187.25), (dose,))

    if isinstance(answer, Refused):
        assert "187.25" not in answer.message


def test_left_out_models_say_why():
    chosen = choose(MODELS, replace(ADULT, weight_kg=110.0), (S_BY_VEIN,))

    assert {each.model.name: each.why.code for each in chosen.left_out}["simons_2022"] == (
        "KIN-WEIGHT-OUTSIDE"
    )


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_as_many_are_drawn_as_asked_and_speak(count):
    chosen = choose(MODELS, ADULT, (RACEMATE,), count=count)
    everybody = len(chosen.drawn) + len(chosen.others)

    assert len(chosen.drawn) == min(count, everybody)


def test_without_models_there_is_no_curve():
    assert choose((), ADULT, (RACEMATE,)) == NO_MODEL


def test_research_may_ask_the_models_of_children():
    child = Subject(age_years=8.0, weight_kg=30.0)
    dose = Dose(amount_ug=30_000, route="iv", drug="ketamine")

    assert isinstance(choose(MODELS, child, (dose,)), Refused)
    chosen = choose(MODELS, child, (dose,), purpose="research")
    assert all(m.box.is_of_children for m in chosen.drawn)
