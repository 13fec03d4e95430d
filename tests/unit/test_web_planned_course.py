"""What a plan's page says of a course: a picture with its doubts, or a refusal in words; never a dose, never a score."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from session_views import made_id, made_patient
from vigil.evidence.protocols import load_protocol
from vigil.kinetics.facts import Dose
from vigil.web import planned_course
from vigil.web.planned_course import Vial, Weight, horizon_minutes, planned_view

IV, NASAL = load_protocol("ket-mdd-iv"), load_protocol("esk-trd-us")
PATIENT = made_patient(made_id("clinic"))
TEN = Vial(strength_ug_per_ml=10_000, content_ug=200_000)
DAY = date(2026, 11, 24)
WEIGHED = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def view(protocol=IV, weight_g=68_000, **changes):
    is_iv = protocol.protocol_id == IV.protocol_id
    asked = {
        "patient": PATIENT, "answers": {}, "protocol": protocol, "ug_per_kg": 500 if is_iv else None,
        "fixed_ug": None if is_iv else 56_000, "weight": Weight(weight_g=weight_g, measured_at=WEIGHED),
        "vial": TEN if is_iv else None, "on": DAY,
    }  # fmt: skip
    return planned_view(**(asked | changes))


def words_of(found):
    """Everything in words that a template may show."""
    parts = [found.line, found.line_refused, found.effect_site_note]
    parts += [found.refused.message if found.refused else ""]
    if found.chart:
        parts += [found.chart.words, *found.chart.columns]
        parts += [f"{k.typical_of} {k.peak_in_blood} {k.peak_at_effect_site}" for k in found.chart.keys]  # fmt: skip
    parts += [f"{o.title} {o.peak}" for o in found.others]
    parts += [f"{o.title} {o.why}" for o in found.left_out]
    return " ".join(parts)


def test_a_racemate_plan_is_drawn_by_two_models_of_two_sites():
    found = view()

    assert [key.title for key in found.chart.keys] == ["Kamp 2020", "Clements 1981"]
    assert [key.site for key in found.chart.keys] == ["arterial blood", "venous blood"]
    assert found.is_one is False
    assert found.refused is None


def test_what_is_not_drawn_is_named_with_its_peak():
    """The spread of models is not hidden by the two that are drawn."""
    others = {other.title: other for other in view().others}

    assert set(others) == {"Domino 1982", "Hijazi 2003"}
    assert all(re.match(r"\d+ ng/mL \(", other.peak) for other in others.values())


def test_nasal_esketamine_is_drawn_with_the_word_that_one_model_is_no_set():
    found = view(NASAL)

    assert len(found.chart.keys) == 1
    assert found.is_one is True
    assert found.line == ""
    assert len(found.chart.bars) == 2


def test_the_line_is_that_of_the_weight():
    assert view().line.startswith("0.5 mg/kg × 68.0 kg = 34 mg = 3.4 mL of 10 mg/mL = 5.1 mL/h")
    assert "× 70.0 kg = 35 mg" in view(weight_g=70_000).line


def test_without_a_stocked_vial_there_is_no_volume_and_still_a_course():
    found = view(vial=None)

    assert (found.line, found.line_refused) == ("", "")
    assert found.chart is not None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"weight": Weight(weight_g=None)}, "KIN-WEIGHT-UNKNOWN"),
        ({"weight": Weight(weight_g=200_000)}, "KIN-NO-MODEL"),
        ({"weight": Weight(weight_g=30_000)}, "KIN-NO-MODEL"),
        ({"answers": {"pregnant": True}}, "KIN-PREGNANCY"),
        ({"answers": {"severe_liver_disease": True}}, "KIN-LIVER"),
        ({"patient": replace(PATIENT, born_on=date(2010, 1, 1))}, "KIN-CHILD"),
        ({"patient": replace(PATIENT, born_on=date(1930, 1, 1))}, "KIN-NO-MODEL"),
        ({"ug_per_kg": None, "fixed_ug": 35_000}, "KIN-ORDER"),
        ({"ug_per_kg": 1}, "KIN-DRAW-ZERO"),
    ],
)
def test_outside_every_model_there_are_words_and_no_curve(changes, code):
    """INV-WEB-06: enforced, not warned about."""
    found = view(**changes)

    assert found.refused.code == code
    assert found.chart is None
    assert found.others == ()


def test_no_refusal_names_another_dose():
    """No dose is proposed where none was ordered: no amount in mg/kg but the one asked about."""
    for changes in ({"ug_per_kg": None, "fixed_ug": 35_000}, {"ug_per_kg": 1}):
        assert not re.search(r"\d mg", view(**changes).refused.message)


@given(st.integers(30_000, 200_000), st.integers(1, 750))
@settings(max_examples=25, deadline=None)
def test_a_view_has_a_chart_or_a_refusal_and_never_both(weight_g, ug_per_kg):
    found = view(weight=Weight(weight_g=weight_g), ug_per_kg=ug_per_kg)

    assert (found.chart is None) == (found.refused is not None)


@pytest.mark.parametrize("protocol", [IV, NASAL], ids=lambda p: p.protocol_id)
def test_no_score_no_target_and_no_advice_is_ever_said(protocol):
    """INV-WEB-06 (decision 0011): no MADRS from dose, no therapeutic target, no proposal."""
    words = words_of(view(protocol)).lower()

    for banned in ("madrs", "phq", "remission", "recommend", "suggest", "target", "optimal", "increase the dose"):  # fmt: skip
        assert banned not in words


def test_the_same_plan_draws_the_same_picture():
    assert view().chart == view().chart


def test_the_weight_is_what_was_measured_or_typed_and_says_which():
    assert view().weight.measured_at == WEIGHED
    assert view(weight=Weight(weight_g=70_000)).weight.measured_at is None


@pytest.mark.parametrize(
    ("protocol", "doses", "until"),
    [
        (IV, (Dose(amount_ug=34_000, route="iv", duration_minutes=40.0),), 120),
        (IV, (Dose(amount_ug=34_000, route="iv", duration_minutes=41.0),), 140),
        (NASAL, (Dose(amount_ug=28_000, route="nasal", start_minutes=5.0),), 160),
    ],
)
def test_the_axis_ends_past_the_minimum_stay_at_a_number_it_carries(protocol, doses, until):
    """40 + 60 + 20 = 120; 41 + 80 rounds up to 140; 5 + 120 + 20 rounds up to 160."""
    assert horizon_minutes(doses, protocol) == until


def test_the_effect_site_says_which_models_it_was_not_estimated_for():
    assert "Clements 1981" in view().effect_site_note
    assert "Kamp 2020" not in view().effect_site_note


def test_models_left_out_say_why_in_words():
    esketamine = replace(IV, drug="esketamine")

    found = view(esketamine, patient=replace(PATIENT, born_on=date(1972, 3, 14)), vial=None, ug_per_kg=200)  # fmt: skip

    assert found.chart is not None
    assert {one.title for one in found.left_out} >= {"Otto 2021", "Simons 2022"}
    assert all(one.why for one in found.left_out)


def test_esketamine_by_vein_is_drawn_by_models_of_esketamine():
    young = replace(PATIENT, born_on=date(1996, 1, 1))
    esketamine = replace(IV, drug="esketamine")

    found = view(esketamine, patient=young, vial=None, ug_per_kg=200)

    assert {key.model.enantiomer for key in found.chart.keys} == {"S"}
    assert {key.site for key in found.chart.keys} == {"arterial blood", "venous blood"}


def test_a_course_is_computed_once_however_often_it_is_looked_at(monkeypatch):
    calls = []
    real = planned_course.planned_course
    planned_course._course.cache_clear()
    monkeypatch.setattr(
        planned_course, "planned_course", lambda *a, **k: calls.append(1) or real(*a, **k)
    )

    for _ in range(3):
        view()

    # Two models are drawn and two are told with their peak.
    assert len(calls) == 4
