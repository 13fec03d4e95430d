"""Dose arithmetic for any order, weight, vial, syringe and caps, against exact fractions of clinic units."""

import math
from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from vigil.evidence.protocols import dose_ug, load_protocol
from vigil.kinetics.preparation import (
    Caps,
    Order,
    Prepared,
    Syringe,
    Vial,
    drawable_ul,
    exact_amount_ug,
    exact_volume_ul,
    prepare,
    read_drawn,
)
from vigil.units.refusals import Refused

KETAMINE = load_protocol("ket-mdd-iv").dosing

weights_g = st.integers(30_000, 200_000)
doses_ug_per_kg = st.integers(1, 5_000)
# Strengths of 0.1 mg/mL and syringe lines of 0.01 mL make whole micrograms, as every product does.
strengths_ug_per_ml = st.integers(1, 2_000).map(lambda tenths: tenths * 100)
lines_ul = st.sampled_from([10, 20, 50, 100, 200, 1_000])
contents_ul = st.sampled_from([2_000, 5_000, 10_000, 20_000, 50_000])
vials = st.builds(
    Vial,
    drug=st.just("ketamine"),
    strength_as=st.just("base"),
    ug_per_ml=strengths_ug_per_ml,
    content_ul=contents_ul,
)
syringes = st.builds(Syringe, step_ul=lines_ul)
caps_of_a_protocol = st.builds(
    Caps, total_ug_max=st.integers(1, 500_000), ug_per_kg_max=st.integers(1, 3_000)
)
orders = st.one_of(
    st.builds(Order, drug=st.just("ketamine"), ug_per_kg=doses_ug_per_kg),
    st.builds(Order, drug=st.just("ketamine"), fixed_ug=st.integers(1, 500_000)),
)


def allowed_mg(order: Order, weight_g: int, caps: Caps) -> dict[str, Fraction]:
    """Every bound on the dose in mg, by name: slow, obvious, in the units of the clinic."""
    kilograms = Fraction(weight_g, 1_000)
    return {
        "order": Fraction(order.fixed_ug, 1_000)
        if order.ug_per_kg is None
        else Fraction(order.ug_per_kg, 1_000) * kilograms,
        "per-kg cap": Fraction(caps.ug_per_kg_max, 1_000) * kilograms,
        "total cap": Fraction(caps.total_ug_max, 1_000),
    }


@given(order=orders, weight_g=weights_g, vial=vials, syringe=syringes, caps=caps_of_a_protocol)
def test_the_volume_is_the_largest_on_a_line_within_order_and_caps(
    order, weight_g, vial, syringe, caps
):
    """INV-KIN-30, INV-KIN-31: floor of an exact fraction of mL, never above the order or a cap."""
    answer = prepare(order, weight_g=weight_g, vial=vial, syringe=syringe, caps=caps)

    bounds = allowed_mg(order, weight_g, caps)
    line_ml = Fraction(syringe.step_ul, 1_000)
    mg_per_ml = Fraction(vial.ug_per_ml, 1_000)
    lines = math.floor(min(bounds.values()) / mg_per_ml / line_ml)
    if lines == 0:
        assert isinstance(answer, Refused)
        assert answer.code == "KIN-DRAW-ZERO"
        return
    assert isinstance(answer, Prepared)
    assert Fraction(answer.drawn_ul, 1_000) == lines * line_ml
    assert Fraction(answer.drawn_ug, 1_000) == lines * line_ml * mg_per_ml
    assert all(Fraction(answer.drawn_ug, 1_000) <= bound for bound in bounds.values())
    assert Fraction(answer.asked_ng, 10**6) == bounds["order"]
    assert Fraction(answer.allowed_ng, 10**6) == min(bounds.values())
    # dict order breaks a tie as the product does: order first, then the cap per kilogram.
    assert answer.allowed_by == min(bounds, key=bounds.__getitem__)


@given(order=orders, weight_g=weights_g, vial=vials, syringe=syringes, caps=caps_of_a_protocol)
def test_every_number_shown_adds_up(order, weight_g, vial, syringe, caps):
    """INV-KIN-34: asked + cap + rounding = drawn; drawn + left = whole vials; no error is told too small."""
    answer = prepare(order, weight_g=weight_g, vial=vial, syringe=syringe, caps=caps)
    if isinstance(answer, Refused):
        return

    assert answer.asked_ng + answer.capped_ng + answer.rounding_ng == answer.drawn_ng
    assert answer.drawn_ng == answer.drawn_ug * 1_000
    assert answer.capped_ng <= 0
    assert -vial.ug_per_ml * syringe.step_ul < answer.rounding_ng <= 0
    assert answer.rounding_ug == math.floor(Fraction(answer.rounding_ng, 1_000))
    assert answer.rounding_ppm == math.floor(
        Fraction(answer.rounding_ng, answer.asked_ng) * 1_000_000
    )
    assert answer.ug_per_kg * Fraction(weight_g, 1_000) == answer.drawn_ug
    full = answer.vial_count * vial.content_ul
    assert full - vial.content_ul < answer.drawn_ul <= full
    assert answer.left_ul + answer.drawn_ul == full
    assert (answer.left_ug + answer.drawn_ug) * 1_000 == full * vial.ug_per_ml


@given(order=orders, weight_g=weights_g, vial=vials, syringe=syringes, caps=caps_of_a_protocol)
def test_what_is_drawn_reads_back_as_itself(order, weight_g, vial, syringe, caps):
    """INV-KIN-35: mg/kg to mL to mg/kg meets exactly; ordering what was drawn draws it again without rounding."""
    answer = prepare(order, weight_g=weight_g, vial=vial, syringe=syringe, caps=caps)
    if isinstance(answer, Refused):
        return

    back = read_drawn(answer.drawn_ul, drug="ketamine", weight_g=weight_g, vial=vial)
    again = prepare(
        Order(drug="ketamine", fixed_ug=answer.drawn_ug),
        weight_g=weight_g, vial=vial, syringe=syringe, caps=caps,
    )  # fmt: skip

    assert (back.amount_ng, back.amount_ug) == (answer.drawn_ng, answer.drawn_ug)
    assert back.ug_per_kg == answer.ug_per_kg
    assert isinstance(again, Prepared)
    assert (again.drawn_ul, again.rounding_ng, again.allowed_by) == (answer.drawn_ul, 0, "order")


@given(
    order=orders, weights=st.tuples(weights_g, weights_g), vial=vials, syringe=syringes,
    caps=caps_of_a_protocol,
)  # fmt: skip
def test_a_heavier_person_is_never_drawn_less(order, weights, vial, syringe, caps):
    lighter, heavier = (
        0 if isinstance(answer, Refused) else answer.drawn_ul
        for answer in (
            prepare(order, weight_g=weight, vial=vial, syringe=syringe, caps=caps)
            for weight in sorted(weights)
        )
    )

    assert lighter <= heavier


@given(
    order=orders, weight_g=weights_g, vial=vials, caps=caps_of_a_protocol,
    line=st.integers(1, 30), times=st.integers(2, 20),
)  # fmt: skip
def test_a_coarser_syringe_never_draws_more(order, weight_g, vial, caps, line, times):
    """Every line of the coarser syringe is a line of the finer one."""
    fine, coarse = (
        0 if isinstance(answer, Refused) else answer.drawn_ul
        for answer in (
            prepare(order, weight_g=weight_g, vial=vial, syringe=Syringe(step_ul=step), caps=caps)
            for step in (line * 10, line * 10 * times)
        )
    )

    assert coarse <= fine < coarse + line * 10 * times


@given(
    ug_per_kg=doses_ug_per_kg, weight_g=weights_g,
    strength=st.sampled_from([10_000, 50_000, 100_000]), line=st.sampled_from([10, 100, 1_000]),
)  # fmt: skip
def test_it_never_draws_more_than_the_plan_says(ug_per_kg, weight_g, strength, line):
    """The plan's own dose (evidence.dose_ug) is the ceiling, and is met when its step is the syringe's line."""
    planned_ug = dose_ug(KETAMINE, weight_g=weight_g, ug_per_kg=ug_per_kg, fixed_ug=None)
    vial = Vial(drug="ketamine", strength_as="base", ug_per_ml=strength, content_ul=20_000)

    answer = prepare(
        Order(drug="ketamine", ug_per_kg=ug_per_kg),
        weight_g=weight_g,
        vial=vial,
        syringe=Syringe(step_ul=line),
        caps=Caps(total_ug_max=KETAMINE.total_ug_max, ug_per_kg_max=KETAMINE.ug_per_kg_max),
    )

    drawn_ug = 0 if isinstance(answer, Refused) else answer.drawn_ug
    line_ug = line * strength // 1_000
    assert drawn_ug <= planned_ug < drawn_ug + line_ug
    if line_ug == KETAMINE.step_ug:
        assert drawn_ug == planned_ug


@given(amount_ng=st.integers(0, 10**10), ug_per_ml=st.integers(1, 10**6), step_ul=lines_ul)
@example(amount_ng=0, ug_per_ml=1, step_ul=10)
def test_the_drawable_volume_is_bracketed_by_its_line(amount_ng, ug_per_ml, step_ul):
    """INV-KIN-30, by multiplication alone: what is drawn fits, one more line does not."""
    volume_ul = drawable_ul(amount_ng, ug_per_ml=ug_per_ml, step_ul=step_ul)

    assert volume_ul % step_ul == 0
    assert volume_ul * ug_per_ml <= amount_ng < (volume_ul + step_ul) * ug_per_ml


@given(volume_ul=st.integers(0, 100_000), ug_per_ml=st.integers(1, 200_000))
def test_an_exact_amount_is_given_exactly_when_there_is_one(volume_ul, ug_per_ml):
    amount = Fraction(volume_ul, 1_000) * ug_per_ml

    found = exact_amount_ug(volume_ul, ug_per_ml=ug_per_ml)

    assert found == (amount if amount.denominator == 1 else None)
    if found is not None:
        assert exact_volume_ul(found, ug_per_ml=ug_per_ml) == volume_ul


@given(amount_ug=st.integers(0, 10**6), ug_per_ml=st.integers(1, 200_000))
def test_an_exact_volume_is_given_exactly_when_there_is_one(amount_ug, ug_per_ml):
    volume = Fraction(amount_ug, ug_per_ml) * 1_000

    found = exact_volume_ul(amount_ug, ug_per_ml=ug_per_ml)

    assert found == (volume if volume.denominator == 1 else None)


anything = st.one_of(st.none(), st.integers(-(10**6), 10**6))


@given(
    drug=st.sampled_from(["ketamine", "esketamine", "arketamine", "Ketamine", ""]),
    product=st.sampled_from(["ketamine", "esketamine", "arketamine", "Ketamine", ""]),
    strength_as=st.sampled_from(["base", "hydrochloride", "", "Base"]),
    ug_per_kg=anything, fixed_ug=anything, weight_g=anything,
    total_ug_max=st.integers(1, 10**6), ug_per_kg_max=st.one_of(st.none(), st.integers(1, 10**4)),
    step_ul=lines_ul,
)  # fmt: skip
@example(
    drug="ketamine", product="ketamine", strength_as="base", ug_per_kg=500, fixed_ug=None,
    weight_g=200_000, total_ug_max=10**6, ug_per_kg_max=750, step_ul=10,
)  # fmt: skip
def test_nothing_outside_the_box_is_ever_prepared(
    drug, product, strength_as, ug_per_kg, fixed_ug, weight_g, total_ug_max, ug_per_kg_max, step_ul
):
    """INV-KIN-32, G14: an answer means one positive dose, one drug as base, a weight in range, a cap that holds."""
    doses = [dose for dose in (ug_per_kg, fixed_ug) if dose is not None]

    answer = prepare(
        Order(drug=drug, ug_per_kg=ug_per_kg, fixed_ug=fixed_ug),
        weight_g=weight_g,
        vial=Vial(drug=product, strength_as=strength_as, ug_per_ml=10_000, content_ul=20_000),
        syringe=Syringe(step_ul=step_ul),
        caps=Caps(total_ug_max=total_ug_max, ug_per_kg_max=ug_per_kg_max),
    )

    is_in_box = (
        len(doses) == 1
        and doses[0] > 0
        and drug == product
        and drug in {"ketamine", "esketamine"}
        and strength_as == "base"
        and weight_g is not None
        and 30_000 <= weight_g <= 200_000
        and (ug_per_kg is None or ug_per_kg_max is not None)
    )
    if not is_in_box:
        assert isinstance(answer, Refused)
        assert answer.code != "KIN-DRAW-ZERO"
    elif isinstance(answer, Refused):
        assert answer.code == "KIN-DRAW-ZERO"
    else:
        assert 0 < answer.drawn_ug <= total_ug_max
