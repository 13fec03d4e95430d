"""The grid of doses in which every case is checked, and a way to its answers that shares nothing with the product.

The product multiplies grams by micrograms per kilogram and divides. Here nothing is multiplied or divided on the way:
a scale counts up. Each further 0.1 kg at `n` twentieths of a mg/kg adds `n` grains of 5 ug (0.1 kg x 0.05 mg/kg), and the
syringe moves on by one line whenever one more line would still hold no more than what is on the scale.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vigil.kinetics.preparation import Caps, Order, Prepared, Syringe, Vial, prepare

GRAIN_UG = 5
"""0.1 kg x 0.05 mg/kg: what one step of weight adds at one step of dose."""

WEIGHTS_TENTHS = range(300, 2001)
"""30.0 to 200.0 kg in steps of 0.1 kg: 1,701 weights."""

STRENGTHS_MG_PER_ML = (10, 50, 100)
LINES_UL = {"0.01 mL": 10, "0.1 mL": 100, "1 mL": 1_000}
GRAINS_PER_LINE = {
    # One line holds 0.01, 0.1 or 1 mL of the strength; a grain is 0.005 mg. Worked by hand: 0.01 mL of 10 mg/mL is
    # 0.1 mg, 20 grains.
    (10, "0.01 mL"): 20,
    (10, "0.1 mL"): 200,
    (10, "1 mL"): 2_000,
    (50, "0.01 mL"): 100,
    (50, "0.1 mL"): 1_000,
    (50, "1 mL"): 10_000,
    (100, "0.01 mL"): 200,
    (100, "0.1 mL"): 2_000,
    (100, "1 mL"): 20_000,
}

FULL = range(1, 655)
"""0.05 to 32.7 mg/kg in steps of 0.05: far beyond any clinical dose, chosen so that the grid has 1.0e7 cases."""

CLINICAL = range(1, 41)
"""0.05 to 2.00 mg/kg: up to the dose of an anaesthetic induction."""

BEYOND_EVERY_DOSE = Caps(total_ug_max=10_000_000, ug_per_kg_max=100_000)
"""Caps that no case of the grid reaches (200 kg x 32.7 mg/kg is 6.54 g), so that rounding alone decides."""

SIGNED = Caps(total_ug_max=100_000, ug_per_kg_max=750)
"""The caps of the shipped protocol ket-mdd-iv: 0.75 mg/kg and 100 mg."""

SIGNED_GRAINS_TOTAL = 20_000
SIGNED_DOSE_STEPS = 15
"""The same caps as the scale counts them: 100 mg are 20,000 grains, 0.75 mg/kg are 15 steps of 0.05."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many cases were checked, how many were wrong, and the first wrong ones."""

    cases: int
    errors: int
    examples: tuple[str, ...]


def counted_lines(
    steps: int, grains_per_line: int, *, grains_max: int | None = None
) -> Iterator[tuple[int, int, int]]:
    """For each weight of the grid: the grains asked, the grains allowed, the syringe lines that they fill."""
    on_scale = lines = held = 0
    for tenths in range(1, WEIGHTS_TENTHS.stop):
        on_scale += steps
        allowed = on_scale if grains_max is None else min(on_scale, grains_max)
        while held + grains_per_line <= allowed:
            held += grains_per_line
            lines += 1
        if tenths >= WEIGHTS_TENTHS.start:
            yield on_scale, allowed, lines


def check_grid(dose_steps: range, *, is_capped: bool = False) -> Tally:
    """Every weight x dose x strength x syringe through the shipped `prepare`, one call for each case.

    `is_capped` uses the shipped protocol's caps; otherwise no cap is reached.
    """
    cases = errors = 0
    examples: list[str] = []
    for (strength, line), grains_per_line in GRAINS_PER_LINE.items():
        vial = Vial(
            drug="ketamine", strength_as="base", ug_per_ml=strength * 1_000, content_ul=20_000
        )
        syringe = Syringe(step_ul=LINES_UL[line])
        for steps in dose_steps:
            found = _wrong_at(steps, grains_per_line, vial, syringe, is_capped=is_capped)
            cases += len(WEIGHTS_TENTHS)
            errors += len(found)
            examples += found[:1]
    return Tally(cases=cases, errors=errors, examples=tuple(examples[:5]))


def _wrong_at(
    steps: int, grains_per_line: int, vial: Vial, syringe: Syringe, *, is_capped: bool
) -> list[str]:
    """The cases of one dose, strength and syringe in which the product and the scale differ."""
    order = Order(drug="ketamine", ug_per_kg=steps * 50)
    caps = SIGNED if is_capped else BEYOND_EVERY_DOSE
    scale = counted_lines(
        min(steps, SIGNED_DOSE_STEPS) if is_capped else steps,
        grains_per_line,
        grains_max=SIGNED_GRAINS_TOTAL if is_capped else None,
    )
    step_ul, line_ng, wrong = syringe.step_ul, grains_per_line * GRAIN_UG * 1_000, []
    for tenths, (_, allowed, lines) in zip(WEIGHTS_TENTHS, scale, strict=True):
        answer = prepare(order, weight_g=tenths * 100, vial=vial, syringe=syringe, caps=caps)
        if lines == 0:
            is_right = not isinstance(answer, Prepared) and answer.code == "KIN-DRAW-ZERO"
        else:
            is_right = (
                isinstance(answer, Prepared)
                and answer.drawn_ul == lines * step_ul
                and answer.drawn_ng == lines * line_ng
                and answer.allowed_ng == allowed * (GRAIN_UG * 1_000)
            )
        if not is_right:
            wrong.append(f"{tenths / 10} kg, {steps * 0.05:.2f} mg/kg, {vial}, {syringe}: {answer}")
    return wrong
