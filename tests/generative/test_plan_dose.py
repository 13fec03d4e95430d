"""Plan: what a dose is, for any weight."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil.evidence.protocols import load_protocol
from vigil.plan.domain.dose import WrongProtocol, planned_dose_ug, read_dose
from vigil.plan.domain.facts import Plan

KETAMINE = load_protocol("ket-mdd-iv")
ESKETAMINE = load_protocol("esk-trd-us")
weights_g = st.integers(20_000, 300_000)
doses_ug_per_kg = st.integers(1, KETAMINE.dosing.ug_per_kg_max)


def plan_for(protocol, **dose):
    """A plan with only what a dose is computed from."""
    held = dict.fromkeys(Plan.__dataclass_fields__)
    return Plan(**{**held, "protocol_id": protocol.protocol_id, **dose})


@given(weight_g=weights_g, ug_per_kg=doses_ug_per_kg)
def test_the_dose_is_the_largest_whole_step_within_order_and_cap(weight_g, ug_per_kg):
    """INV-PLN-05: by exact fractions, derived another way: never above, and never a whole step below."""
    dosing = KETAMINE.dosing
    plan = plan_for(KETAMINE, ug_per_kg=ug_per_kg)

    dose = planned_dose_ug(plan, KETAMINE, weight_g=weight_g)

    wanted = min(Fraction(weight_g * ug_per_kg, 1000), Fraction(dosing.total_ug_max))
    assert dose % dosing.step_ug == 0
    assert dose <= wanted < dose + dosing.step_ug


@given(weight_g=weights_g, fixed_ug=st.sampled_from(ESKETAMINE.dosing.fixed_ug))
def test_a_fixed_dose_does_not_depend_on_the_weight(weight_g, fixed_ug):
    """56 mg is 56 mg for everybody."""
    plan = plan_for(ESKETAMINE, fixed_ug=fixed_ug)

    assert planned_dose_ug(plan, ESKETAMINE, weight_g=weight_g) == fixed_ug


def test_half_a_milligram_per_kilogram_of_seventy_kilograms_is_35_milligrams():
    """The textbook order, worked by hand: 0.5 x 70 = 35 mg, 3.5 mL of 10 mg/mL."""
    reading = read_dose(
        KETAMINE.dosing, weight_g=70_000, ug_per_kg=500, fixed_ug=None, strength_ug_per_ml=10_000
    )

    assert (reading.dose_ug, reading.volume_ul) == (35_000, 3_500)
    assert (reading.rounded_ug, reading.is_capped) == (0, False)


@given(weight_g=weights_g, ug_per_kg=doses_ug_per_kg)
def test_the_order_form_shows_the_dose_that_would_be_given(weight_g, ug_per_kg):
    """The arithmetic on the page adds up: what rounding took plus the dose is the order, unless a cap decided."""
    dose = planned_dose_ug(plan_for(KETAMINE, ug_per_kg=ug_per_kg), KETAMINE, weight_g=weight_g)

    reading = read_dose(
        KETAMINE.dosing, weight_g=weight_g, ug_per_kg=ug_per_kg, fixed_ug=None,
        strength_ug_per_ml=10_000,
    )  # fmt: skip

    assert reading.dose_ug == dose
    assert reading.volume_ul * 10_000 == dose * 1_000
    assert reading.actual_ug_per_kg <= ug_per_kg
    if reading.is_capped:
        assert reading.asked_ug > KETAMINE.dosing.total_ug_max
    else:
        assert reading.rounded_ug + reading.dose_ug == reading.asked_ug
        assert 0 <= reading.rounded_ug < KETAMINE.dosing.step_ug


def test_a_plan_of_another_protocol_has_no_dose_here():
    """A ketamine order is never read by the esketamine protocol."""
    plan = plan_for(ESKETAMINE, fixed_ug=56_000)

    with pytest.raises(WrongProtocol):
        planned_dose_ug(plan, KETAMINE, weight_g=70_000)
    assert planned_dose_ug(
        replace(plan, protocol_id="ket-mdd-iv", fixed_ug=None, ug_per_kg=500), KETAMINE, weight_g=70_000
    ) == 35_000  # fmt: skip
