"""The line from order to pump: it adds up, it never rounds up, and it is the dose of the session."""

import re
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil.evidence.protocols import dose_ug, load_protocol
from vigil.plan.domain.dose import read_dose
from vigil.plan.domain.preparing import (
    PUMP,
    STEP_NO_VOLUME,
    Preparation,
    prepare_order,
    show_percent,
)
from vigil.units.refusals import Refused

DOSING = load_protocol("ket-mdd-iv").dosing
weights_g = st.integers(30_000, 200_000)
orders = st.integers(1, DOSING.ug_per_kg_max)
strengths = st.sampled_from([10_000, 50_000, 100_000])


def prepared(weight_g=68_000, ug_per_kg=500, strength=10_000, **changes):
    asked = {
        "drug": "ketamine", "weight_g": weight_g, "ug_per_kg": ug_per_kg, "fixed_ug": None,
        "strength_ug_per_ml": strength, "content_ug": 200_000,
    }  # fmt: skip
    return prepare_order(changes.pop("dosing", DOSING), **(asked | changes))


@given(weights_g, orders, strengths)
def test_the_amount_is_the_one_the_session_books(weight_g, ug_per_kg, strength):
    """INV-PLN-05, at a second code path: two ways to a dose must be one dose."""
    found = prepared(weight_g, ug_per_kg, strength)
    booked = dose_ug(DOSING, weight_g=weight_g, ug_per_kg=ug_per_kg, fixed_ug=None)

    if isinstance(found, Refused):
        assert booked == 0 or found.code == "KIN-RATE-ZERO"
    else:
        assert found.prepared.drawn_ug == booked


@given(weights_g, orders, strengths)
def test_the_volume_is_the_one_the_order_form_shows(weight_g, ug_per_kg, strength):
    found = prepared(weight_g, ug_per_kg, strength)
    reading = read_dose(
        DOSING, weight_g=weight_g, ug_per_kg=ug_per_kg, fixed_ug=None, strength_ug_per_ml=strength
    )

    if isinstance(found, Preparation):
        assert found.prepared.drawn_ul == reading.volume_ul


@given(weights_g, orders, strengths)
def test_the_pump_is_never_faster_than_ordered_and_loses_less_than_one_step(
    weight_g, ug_per_kg, strength
):
    found = prepared(weight_g, ug_per_kg, strength)

    if isinstance(found, Preparation):
        exact = Fraction(found.prepared.drawn_ul * 60, DOSING.infusion_minutes)
        assert found.setting.rate_ul_per_hour <= exact
        assert exact - found.setting.rate_ul_per_hour < PUMP.step_ul_per_hour


NUMBER = r"(\d+(?:\.\d+)?)"


@given(weights_g, orders, strengths)
def test_every_number_of_the_line_follows_from_the_one_before(weight_g, ug_per_kg, strength):
    """Read back from the text as a nurse would with a calculator, by exact fractions."""
    found = prepared(weight_g, ug_per_kg, strength)
    if isinstance(found, Refused):
        return
    line = found.line

    per_kg, kg, asked = map(Fraction, re.match(rf"{NUMBER} mg/kg × {NUMBER} kg = {NUMBER} mg", line).groups())  # fmt: skip
    assert per_kg * kg == asked
    ml, mg_per_ml = map(Fraction, re.search(rf"{NUMBER} mL of {NUMBER} mg/mL", line).groups())
    drawn = ml * mg_per_ml
    cut = re.search(rf"cut by the total cap to {NUMBER} mg", line)
    allowed = Fraction(cut[1]) if cut else asked
    assert drawn <= allowed <= asked
    assert ("drawn" in line) == (drawn != allowed)
    if "drawn" in line:
        assert Fraction(re.search(rf"drawn {NUMBER} mg", line)[1]) == drawn
    rate = Fraction(re.search(rf"{NUMBER} mL/h", line)[1])
    minutes, seconds = re.search(r"for (\d+) min(?: (\d+) s)?", line).groups()
    lasts = Fraction(int(minutes) * 60 + int(seconds or 0), 3600)
    assert 0 <= lasts - ml / rate < Fraction(1, 3600)
    percent = Fraction(re.search(rf"rounding −?{NUMBER} %", line)[1])
    assert 0 <= percent - (allowed - drawn) * 100 / asked < Fraction(1, 100) + Fraction(1, 10_000)


@given(weights_g, orders)
def test_the_line_holds_no_float_noise_and_no_exponent(weight_g, ug_per_kg):
    found = prepared(weight_g, ug_per_kg)

    if isinstance(found, Preparation):
        assert not re.search(r"e[+-]?\d|\d{8,}|\.\d{7,}|None|nan", found.line)


def test_the_line_of_the_textbook_order():
    """Worked by hand: 0.5 x 68 = 34 mg; 34 / 10 = 3.4 mL; 3.4 mL in 40 min is 5.1 mL/h."""
    assert prepared().line == (
        "0.5 mg/kg × 68.0 kg = 34 mg = 3.4 mL of 10 mg/mL = 5.1 mL/h for 40 min, rounding 0 %"
    )


def test_a_rounded_dose_is_told_apart_from_the_order_and_never_called_equal_to_it():
    """28.65 mg is ordered, 28.6 mg can be drawn: 0.05 / 28.65 = 0.175 %."""
    assert prepared(57_300).line.startswith(
        "0.5 mg/kg × 57.3 kg = 28.65 mg; drawn 28.6 mg = 2.86 mL of 10 mg/mL"
    )
    assert prepared(57_300).line.endswith("rounding −0.18 %")


def test_a_cap_says_that_it_cut():
    assert "114 mg, cut by the total cap to 100 mg = 10 mL" in prepared(190_000, 600).line


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"weight_g": None}, "KIN-WEIGHT-UNKNOWN"),
        ({"weight_g": 29_999}, "KIN-WEIGHT-RANGE"),
        ({"weight_g": 200_001}, "KIN-WEIGHT-RANGE"),
        ({"ug_per_kg": None}, "KIN-ORDER-NONE"),
        ({"fixed_ug": 10_000}, "KIN-ORDER-TWO"),
        ({"ug_per_kg": 0}, "KIN-DOSE-ZERO"),
        ({"drug": "wibble"}, "KIN-DRUG-UNCLEAR"),
        ({"ug_per_kg": 1}, "KIN-DRAW-ZERO"),
    ],
)
def test_without_an_order_or_a_weight_nothing_is_worked_out(changes, code):
    """No dose is proposed where none was ordered."""
    answer = prepared(**changes)

    assert isinstance(answer, Refused)
    assert answer.code == code


def test_a_step_that_no_syringe_shows_is_refused():
    odd = replace(DOSING, step_ug=1)

    assert prepared(dosing=odd) == STEP_NO_VOLUME


def test_without_an_infusion_time_there_is_no_rate():
    pushed = prepared(dosing=replace(DOSING, infusion_minutes=None))

    assert pushed.setting is None
    assert "mL/h" not in pushed.line


@given(st.integers(0, 1_000_000))
def test_a_rounding_is_never_shown_smaller_than_it_is(ppm):
    shown = show_percent(-ppm)

    if ppm == 0:
        assert shown == "0 %"
    else:
        percent = Fraction(shown.removeprefix("−").removesuffix(" %"))
        assert 0 <= percent - Fraction(ppm, 10_000) < Fraction(1, 100)
