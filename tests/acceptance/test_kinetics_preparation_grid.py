"""Every case of the dose grid, one call of the shipped function each, against a scale that counts.

Source: kinetics reference, section 4 ("Dose from weight") and goal G13. The whole grid is measured by
`benchmarks/dose_grid.py`; no time is asserted here.
"""

from decimal import ROUND_DOWN, Decimal, localcontext

import pytest

from a_dose_grid import (
    BEYOND_EVERY_DOSE,
    CLINICAL,
    FULL,
    GRAIN_UG,
    GRAINS_PER_LINE,
    LINES_UL,
    SIGNED,
    STRENGTHS_MG_PER_ML,
    WEIGHTS_TENTHS,
    check_grid,
    counted_lines,
)
from vigil.evidence.protocols import load_protocol
from vigil.kinetics import preparation
from vigil.kinetics.preparation import Order, Prepared, Syringe, Vial, prepare


def test_the_full_grid_of_ten_million_cases_has_no_error():
    """INV-KIN-30, G13: 1,701 weights x 654 doses x 3 strengths x 3 syringes."""
    tally = check_grid(FULL)

    assert tally.cases == 1_701 * 654 * 3 * 3 == 10_012_086
    assert tally.errors == 0, tally.examples


def test_every_clinical_dose_stays_within_the_signed_caps():
    """INV-KIN-31: 0.05 to 2 mg/kg under the shipped protocol's 0.75 mg/kg and 100 mg."""
    tally = check_grid(CLINICAL, is_capped=True)

    assert tally.cases == 1_701 * 40 * 3 * 3
    assert tally.errors == 0, tally.examples


def test_the_caps_of_the_capped_grid_are_those_of_the_shipped_protocol():
    dosing = load_protocol("ket-mdd-iv").dosing

    assert (SIGNED.ug_per_kg_max, SIGNED.total_ug_max) == (
        dosing.ug_per_kg_max,
        dosing.total_ug_max,
    )


@pytest.mark.parametrize("strength", STRENGTHS_MG_PER_ML)
@pytest.mark.parametrize("line", LINES_UL)
def test_half_a_milligram_per_kilogram_by_decimals_at_every_weight(strength: int, line: str):
    """INV-KIN-30: a third derivation, in the decimals that a pharmacist writes: kg, mg/kg, mg/mL, mL."""
    vial = Vial(drug="ketamine", strength_as="base", ug_per_ml=strength * 1_000, content_ul=20_000)

    with localcontext(prec=50):
        for tenths in WEIGHTS_TENTHS:
            kilograms = Decimal(tenths) / 10
            answer = prepare(
                Order(drug="ketamine", ug_per_kg=500),
                weight_g=int(kilograms * 1_000),
                vial=vial,
                syringe=Syringe(step_ul=LINES_UL[line]),
                caps=BEYOND_EVERY_DOSE,
            )

            asked_mg = kilograms * Decimal("0.5")
            lines = (asked_mg / strength / Decimal(line.removesuffix(" mL"))).to_integral_value(
                rounding=ROUND_DOWN
            )
            volume_ml = lines * Decimal(line.removesuffix(" mL"))
            if volume_ml == 0:
                assert answer == preparation.DRAW_ZERO
                continue
            assert isinstance(answer, Prepared)
            assert Decimal(answer.asked_ng) == asked_mg * 1_000_000
            assert Decimal(answer.drawn_ul) == volume_ml * 1_000
            assert Decimal(answer.drawn_ug) == volume_ml * strength * 1_000
            assert Decimal(answer.rounding_ng) == (volume_ml * strength - asked_mg) * 1_000_000


def test_the_scale_agrees_with_doses_worked_by_hand():
    """The oracle is checked too: 0.5 mg/kg x 70.0 kg = 35 mg = 350 lines of 0.01 mL at 10 mg/mL, 7 of 0.1 mL at 50."""
    at_70_kg = WEIGHTS_TENTHS.index(700)

    assert list(counted_lines(10, GRAINS_PER_LINE[10, "0.01 mL"]))[at_70_kg] == (7_000, 7_000, 350)
    assert list(counted_lines(10, GRAINS_PER_LINE[50, "0.1 mL"]))[at_70_kg] == (7_000, 7_000, 7)
    assert list(counted_lines(10, 20, grains_max=6_999))[at_70_kg] == (7_000, 6_999, 349)
    assert 7_000 * GRAIN_UG == 35_000


def test_a_line_of_the_scale_holds_what_the_label_says():
    for (strength, line), grains in GRAINS_PER_LINE.items():
        assert Decimal(line.removesuffix(" mL")) * strength == Decimal(grains * GRAIN_UG) / 1_000


@pytest.mark.parametrize(
    "slip",
    [
        lambda amount_ng, *, ug_per_ml, step_ul: -(-amount_ng // (ug_per_ml * step_ul)) * step_ul,
        lambda amount_ng, *, ug_per_ml, step_ul: round(amount_ng / ug_per_ml / step_ul) * step_ul,
        lambda amount_ng, *, ug_per_ml, step_ul: (amount_ng - 1) // (ug_per_ml * step_ul) * step_ul,
        lambda amount_ng, *, ug_per_ml, step_ul: int(amount_ng * 1e-6 / (ug_per_ml * 1e-3) * 1e3 / step_ul) * step_ul,
    ],
    ids=["rounds up", "rounds to nearest", "loses an exact line", "binary floating point in mg and mL"],
)  # fmt: skip
def test_the_grid_sees_a_slip_in_the_rounding(slip, monkeypatch: pytest.MonkeyPatch):
    """Positive control: each of these four common slips is wrong somewhere in 0.5 mg/kg alone."""
    monkeypatch.setattr(preparation, "drawable_ul", slip)

    assert check_grid(range(10, 11)).errors > 0
