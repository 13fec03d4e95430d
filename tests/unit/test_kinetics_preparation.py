"""Dose arithmetic: what is worked out by hand, what is refused, what is a bug of the caller."""

import dataclasses
from fractions import Fraction

import pytest

from vigil.kinetics.preparation import (
    WEIGHT_G_MAX,
    WEIGHT_G_MIN,
    Caps,
    DrawnReading,
    NotWholeNumber,
    Order,
    Prepared,
    StepNotWholeMicrograms,
    Syringe,
    Vial,
    prepare,
    read_drawn,
    refuse_order,
    refuse_substance,
    refuse_weight,
    require_whole,
    whole_ug,
)
from vigil.units.refusals import Refused

VIAL = Vial(drug="ketamine", strength_as="base", ug_per_ml=10_000, content_ul=20_000)
SYRINGE = Syringe(step_ul=10)
CAPS = Caps(total_ug_max=100_000, ug_per_kg_max=750)
ORDER = Order(drug="ketamine", ug_per_kg=500)
NOT_WHOLE = [1.0, 35.5, True, "35", Fraction(70_000), float("nan")]


def prepared(order=ORDER, *, weight_g=70_000, vial=VIAL, syringe=SYRINGE, caps=CAPS):
    """An answer that must not be a refusal."""
    answer = prepare(order, weight_g=weight_g, vial=vial, syringe=syringe, caps=caps)
    assert isinstance(answer, Prepared), answer
    return answer


def code_of(answer) -> str:
    assert isinstance(answer, Refused), answer
    return answer.code


# --- worked by hand -----------------------------------------------------------------------------


def test_the_textbook_order_is_thirty_five_milligrams_in_three_and_a_half_millilitres():
    """0.5 mg/kg x 70.0 kg = 35 mg = 3.5 mL of 10 mg/mL; 16.5 mL stay in the vial of 20 mL."""
    answer = prepared()

    assert (answer.asked_ng, answer.allowed_ng, answer.allowed_by) == (
        35_000_000,
        35_000_000,
        "order",
    )
    assert (answer.drawn_ul, answer.drawn_ng, answer.drawn_ug) == (3_500, 35_000_000, 35_000)
    assert (answer.capped_ng, answer.rounding_ng, answer.rounding_ug, answer.rounding_ppm) == (
        0, 0, 0, 0,
    )  # fmt: skip
    assert (answer.vial_count, answer.left_ul, answer.left_ug) == (1, 16_500, 165_000)
    assert answer.ug_per_kg == 500


def test_every_step_of_a_rounded_dose_is_open():
    """0.333 mg/kg x 70.05 kg = 23.32665 mg; 2.33 mL hold 23.3 mg: 26.65 ug less, 1,142.47 ppm, told as 27 and 1,143."""
    answer = prepared(Order(drug="ketamine", ug_per_kg=333), weight_g=70_050)

    assert answer.asked_ng == 23_326_650
    assert (answer.drawn_ul, answer.drawn_ug) == (2_330, 23_300)
    assert (answer.rounding_ng, answer.rounding_ug, answer.rounding_ppm) == (-26_650, -27, -1_143)
    assert answer.ug_per_kg == Fraction(23_300_000, 70_050)
    assert (answer.left_ul, answer.left_ug) == (17_670, 176_700)


def test_a_rounding_error_is_told_in_parts_of_the_asked_dose():
    """0.3 mg on lines of 0.02 mL (0.2 mg): a third less, 333,333.3 ppm, told as 333,334."""
    answer = prepared(Order(drug="ketamine", fixed_ug=300), syringe=Syringe(step_ul=20))

    assert (answer.drawn_ug, answer.rounding_ug, answer.rounding_ppm) == (200, -100, -333_334)


def test_every_amount_of_the_answer_is_an_int():
    """INV-KIN-33: 165000.0 would equal 165000."""
    answer = prepared()

    for name in (
        "asked_ng", "allowed_ng", "drawn_ul", "drawn_ng", "drawn_ug", "capped_ng", "rounding_ng", "rounding_ug",
        "rounding_ppm", "vial_count", "left_ul", "left_ug",
    ):  # fmt: skip
        assert type(getattr(answer, name)) is int, name


def test_what_went_in_stands_in_the_answer():
    answer = prepared()

    assert (answer.order, answer.weight_g, answer.vial, answer.syringe, answer.caps) == (
        ORDER, 70_000, VIAL, SYRINGE, CAPS,
    )  # fmt: skip


def test_the_answer_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        prepared().drawn_ul = 4_000


def test_the_cap_per_kilogram_cuts_the_order():
    """1 mg/kg x 70 kg = 70 mg; the cap of 0.75 mg/kg leaves 52.5 mg."""
    answer = prepared(Order(drug="ketamine", ug_per_kg=1_000))

    assert (answer.allowed_by, answer.allowed_ng, answer.drawn_ug) == (
        "per-kg cap", 52_500_000, 52_500,
    )  # fmt: skip
    assert (answer.capped_ng, answer.rounding_ng) == (-17_500_000, 0)


def test_the_total_cap_cuts_what_the_cap_per_kilogram_leaves():
    """1 mg/kg x 180 kg = 180 mg; 0.75 mg/kg leaves 135 mg, the total cap 100 mg."""
    answer = prepared(Order(drug="ketamine", ug_per_kg=1_000), weight_g=180_000)

    assert (answer.allowed_by, answer.allowed_ng) == ("total cap", 100_000_000)
    assert answer.capped_ng == -80_000_000


def test_a_fixed_order_is_cut_by_a_cap_per_kilogram_too():
    """60 mg for 70 kg is above 0.75 mg/kg = 52.5 mg."""
    answer = prepared(Order(drug="ketamine", fixed_ug=60_000))

    assert (answer.asked_ng, answer.allowed_by, answer.drawn_ug) == (
        60_000_000, "per-kg cap", 52_500,
    )  # fmt: skip


def test_a_fixed_order_needs_no_cap_per_kilogram():
    answer = prepared(
        Order(drug="ketamine", fixed_ug=60_000), caps=Caps(total_ug_max=50_000)
    )  # fmt: skip

    assert (answer.allowed_by, answer.drawn_ug) == ("total cap", 50_000)


@pytest.mark.parametrize(
    ("order", "weight_g"),
    [
        (Order(drug="ketamine", ug_per_kg=750), 70_000),
        (Order(drug="ketamine", fixed_ug=52_500), 70_000),
        (Order(drug="ketamine", fixed_ug=100_000), 200_000),
    ],
    ids=["at the cap per kg", "fixed at the cap per kg", "at the total cap"],
)
def test_an_order_equal_to_a_cap_is_the_orders_own(order: Order, weight_g: int):
    """A cap that takes nothing did not decide."""
    answer = prepared(order, weight_g=weight_g)

    assert (answer.allowed_by, answer.capped_ng) == ("order", 0)


def test_one_microgram_over_a_cap_is_cut():
    answer = prepared(Order(drug="ketamine", fixed_ug=52_501))

    assert (answer.allowed_by, answer.capped_ng) == ("per-kg cap", -1_000)


def test_two_caps_that_cut_alike_name_the_one_per_kilogram():
    answer = prepared(
        Order(drug="ketamine", ug_per_kg=1_000), weight_g=100_000,
        caps=Caps(total_ug_max=75_000, ug_per_kg_max=750),
    )  # fmt: skip

    assert (answer.allowed_by, answer.allowed_ng) == ("per-kg cap", 75_000_000)


def test_a_volume_that_empties_its_vials_leaves_nothing_and_opens_no_other():
    """5 mL are exactly one vial of 5 mL; 5.01 mL open a second."""
    small = Vial(drug="ketamine", strength_as="base", ug_per_ml=10_000, content_ul=5_000)

    whole = prepared(Order(drug="ketamine", fixed_ug=50_000), vial=small)
    more = prepared(Order(drug="ketamine", fixed_ug=50_100), vial=small)

    assert (whole.vial_count, whole.left_ul, whole.left_ug) == (1, 0, 0)
    assert (more.vial_count, more.left_ul, more.left_ug) == (2, 4_990, 49_900)


def test_a_coarser_line_never_gives_more():
    """35.9 mg at 10 mg/mL: 3.59 mL, 3.5 mL, 3 mL."""
    order = Order(drug="ketamine", fixed_ug=35_900)

    assert [prepared(order, syringe=Syringe(step_ul=step)).drawn_ul for step in (10, 100, 1_000)] == [
        3_590, 3_500, 3_000,
    ]  # fmt: skip


def test_a_dose_of_exactly_one_line_is_drawn():
    """0.1 mg is one line of 0.01 mL; a microgram less is none."""
    assert prepared(Order(drug="ketamine", fixed_ug=100)).drawn_ul == 10
    assert code_of(
        prepare(Order(drug="ketamine", fixed_ug=99), weight_g=70_000, vial=VIAL, syringe=SYRINGE, caps=CAPS)
    ) == "KIN-DRAW-ZERO"  # fmt: skip


def test_the_way_back_from_the_syringe_is_exact():
    """3.5 mL of 10 mg/mL are 35 mg; for 70 kg 0.5 mg/kg."""
    reading = read_drawn(3_500, drug="ketamine", weight_g=70_000, vial=VIAL)

    assert isinstance(reading, DrawnReading)
    assert (reading.volume_ul, reading.weight_g) == (3_500, 70_000)
    assert (reading.amount_ng, reading.amount_ug, reading.ug_per_kg) == (35_000_000, 35_000, 500)


def test_a_volume_with_a_part_of_a_microgram_has_no_whole_amount():
    odd = Vial(drug="ketamine", strength_as="base", ug_per_ml=10_500, content_ul=20_000)

    reading = read_drawn(1, drug="ketamine", weight_g=70_000, vial=odd)

    assert isinstance(reading, DrawnReading)
    assert (reading.amount_ng, reading.amount_ug) == (10_500, None)
    assert whole_ug(10_000) == 10


# --- refused ------------------------------------------------------------------------------------

REFUSED = {
    "nothing ordered": ({"order": None}, "KIN-ORDER-NONE"),
    "an order without a dose": ({"order": Order(drug="ketamine")}, "KIN-ORDER-NONE"),
    "two doses": ({"order": Order(drug="ketamine", ug_per_kg=500, fixed_ug=35_000)}, "KIN-ORDER-TWO"),
    "0 mg/kg": ({"order": Order(drug="ketamine", ug_per_kg=0)}, "KIN-DOSE-ZERO"),
    "-1 ug/kg": ({"order": Order(drug="ketamine", ug_per_kg=-1)}, "KIN-DOSE-ZERO"),
    "0 mg": ({"order": Order(drug="ketamine", fixed_ug=0)}, "KIN-DOSE-ZERO"),
    "weight unknown": ({"weight_g": None}, "KIN-WEIGHT-UNKNOWN"),
    "weight 0": ({"weight_g": 0}, "KIN-WEIGHT-RANGE"),
    "weight below 0": ({"weight_g": -70_000}, "KIN-WEIGHT-RANGE"),
    "1 g too light": ({"weight_g": WEIGHT_G_MIN - 1}, "KIN-WEIGHT-RANGE"),
    "1 g too heavy": ({"weight_g": WEIGHT_G_MAX + 1}, "KIN-WEIGHT-RANGE"),
    "racemate ordered, S form at hand": (
        {"vial": dataclasses.replace(VIAL, drug="esketamine")}, "KIN-DRUG-OTHER",
    ),
    "S form ordered, racemate at hand": (
        {"order": Order(drug="esketamine", ug_per_kg=250)}, "KIN-DRUG-OTHER",
    ),
    "order that could be either": ({"order": Order(drug="Ketamine", ug_per_kg=500)}, "KIN-DRUG-UNCLEAR"),
    "vial that could be either": ({"vial": dataclasses.replace(VIAL, drug="ketalar")}, "KIN-DRUG-UNCLEAR"),
    "both unclear alike": (
        {"order": Order(drug="ket", ug_per_kg=500), "vial": dataclasses.replace(VIAL, drug="ket")},
        "KIN-DRUG-UNCLEAR",
    ),
    "strength as hydrochloride": (
        {"vial": dataclasses.replace(VIAL, strength_as="hydrochloride")}, "KIN-SALT-BASE",
    ),
    "strength not declared": ({"vial": dataclasses.replace(VIAL, strength_as="")}, "KIN-SALT-BASE"),
    "no cap per kg": ({"caps": Caps(total_ug_max=100_000)}, "KIN-CAP-NONE"),
    "less than a line": (
        {"order": Order(drug="ketamine", fixed_ug=9_999), "syringe": Syringe(step_ul=1_000)},
        "KIN-DRAW-ZERO",
    ),
    "cap less than a line": ({"caps": Caps(total_ug_max=99, ug_per_kg_max=750)}, "KIN-DRAW-ZERO"),
}  # fmt: skip


@pytest.mark.parametrize(("changed", "code"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_prepared_is_refused_in_words(changed, code):
    """INV-KIN-32: an expected no has a stable code and a sentence that says what to do."""
    asked = {"order": ORDER, "weight_g": 70_000, "vial": VIAL, "syringe": SYRINGE, "caps": CAPS}

    answer = prepare(**(asked | changed))

    assert code_of(answer) == code
    assert answer.message.endswith(".")
    assert len(answer.message.split(". ")) >= 2 or ", " in answer.message


WORDS = {
    "order": (lambda: refuse_order(Order(drug="ketamine")), "none is proposed"),
    "two": (
        lambda: refuse_order(Order(drug="ketamine", ug_per_kg=500, fixed_ug=35_000)),
        "which one",
    ),
    "zero": (lambda: refuse_order(Order(drug="ketamine", fixed_ug=0)), "more than zero"),
    "salt": (
        lambda: refuse_substance("ketamine", product="ketamine", strength_as="hydrochloride"),
        "given as hydrochloride, and doses are ordered as base. Enter the base equivalent",
    ),
    "silent label": (
        lambda: refuse_substance("ketamine", product="ketamine", strength_as=""),
        "given as not stated",
    ),
    "other": (
        lambda: refuse_substance("esketamine", product="ketamine", strength_as="base"),
        "for esketamine, the product is ketamine. The racemate and the S form are not exchanged",
    ),
    "unclear": (
        lambda: refuse_substance("ketamine", product="ketalar", strength_as="base"),
        "'ketalar' does not say whether the racemate or the S form",
    ),
    "no weight": (lambda: refuse_weight(None), "Weigh the patient"),
    "range": (lambda: refuse_weight(1), "outside 30 to 200 kg"),
}


@pytest.mark.parametrize(("refuse", "words"), WORDS.values(), ids=WORDS)
def test_a_refusal_says_what_is_wrong(refuse, words):
    assert words in refuse().message


def test_a_refusal_never_tells_the_weight():
    """STYLE 6: no patient detail in a message."""
    answer = refuse_weight(271_828)

    assert "271" not in answer.message


@pytest.mark.parametrize(
    "weight_g", [WEIGHT_G_MIN, WEIGHT_G_MIN + 1, WEIGHT_G_MAX - 1, WEIGHT_G_MAX]
)
def test_the_ends_of_the_weight_range_are_answered(weight_g: int):
    """30.0 and 200.0 kg are in the grid."""
    assert refuse_weight(weight_g) is None
    assert prepared(weight_g=weight_g).asked_ng == 500 * weight_g


def test_the_weight_range_is_that_of_the_reference_grid():
    assert (WEIGHT_G_MIN, WEIGHT_G_MAX) == (30_000, 200_000)


@pytest.mark.parametrize("drug", ["ketamine", "esketamine"])
def test_the_right_drug_as_base_is_not_refused(drug: str):
    assert refuse_substance(drug, product=drug, strength_as="base") is None
    assert prepared(
        Order(drug=drug, ug_per_kg=500), vial=dataclasses.replace(VIAL, drug=drug)
    ).drawn_ug == 35_000  # fmt: skip


@pytest.mark.parametrize("dose", [1, 500])
def test_one_positive_dose_is_an_order(dose: int):
    assert refuse_order(Order(drug="ketamine", ug_per_kg=dose)) is None
    assert refuse_order(Order(drug="ketamine", fixed_ug=dose)) is None


READ_REFUSED = {
    "empty": ({"volume_ul": 0}, "KIN-VOLUME-ZERO"),
    "below empty": ({"volume_ul": -1}, "KIN-VOLUME-ZERO"),
    "no weight": ({"weight_g": None}, "KIN-WEIGHT-UNKNOWN"),
    "too heavy": ({"weight_g": WEIGHT_G_MAX + 1}, "KIN-WEIGHT-RANGE"),
    "other drug": ({"drug": "esketamine"}, "KIN-DRUG-OTHER"),
    "salt": ({"vial": dataclasses.replace(VIAL, strength_as="hydrochloride")}, "KIN-SALT-BASE"),
}


@pytest.mark.parametrize(("changed", "code"), READ_REFUSED.values(), ids=READ_REFUSED)
def test_the_way_back_refuses_what_the_way_there_refuses(changed, code):
    """INV-KIN-32."""
    asked = {"volume_ul": 3_500, "drug": "ketamine", "weight_g": 70_000, "vial": VIAL} | changed

    answer = read_drawn(asked.pop("volume_ul"), **asked)

    assert code_of(answer) == code
    assert answer.message.endswith(".")


def test_one_microlitre_is_read():
    assert read_drawn(1, drug="ketamine", weight_g=70_000, vial=VIAL).amount_ug == 10


# --- a caller's bug -----------------------------------------------------------------------------


BUILD = {
    "ug_per_kg": [lambda value: Order(drug="ketamine", ug_per_kg=value)],
    "fixed_ug": [lambda value: Order(drug="ketamine", fixed_ug=value)],
    "ug_per_ml": [lambda value: dataclasses.replace(VIAL, ug_per_ml=value)],
    "content_ul": [lambda value: dataclasses.replace(VIAL, content_ul=value)],
    "step_ul": [lambda value: Syringe(step_ul=value)],
    "total_ug_max": [lambda value: Caps(total_ug_max=value)],
    "ug_per_kg_max": [lambda value: Caps(total_ug_max=1, ug_per_kg_max=value)],
    "ug_per_kg_per_hour_max": [lambda value: Caps(total_ug_max=1, ug_per_kg_per_hour_max=value)],
    "weight_g": [
        lambda value: prepared(weight_g=value),
        lambda value: read_drawn(3_500, drug="ketamine", weight_g=value, vial=VIAL),
    ],
    "volume_ul": [lambda value: read_drawn(value, drug="ketamine", weight_g=70_000, vial=VIAL)],
}
"""For each quantity, every way to hand it in."""


@pytest.mark.parametrize("value", NOT_WHOLE, ids=repr)
@pytest.mark.parametrize("name", BUILD)
def test_an_amount_that_is_no_int_is_never_calculated_with(name, value):
    """INV-KIN-33: no float, no bool, no text ever enters the arithmetic; the quantity is named."""
    for build in BUILD[name]:
        with pytest.raises(NotWholeNumber, match=f"^{name} is .*expected a whole number"):
            build(value)


@pytest.mark.parametrize("value", [0, -1])
@pytest.mark.parametrize(
    "name",
    [
        "ug_per_ml",
        "content_ul",
        "step_ul",
        "total_ug_max",
        "ug_per_kg_max",
        "ug_per_kg_per_hour_max",
    ],
)
def test_a_strength_line_or_cap_of_nothing_is_a_bug(name, value):
    for build in BUILD[name]:
        with pytest.raises(NotWholeNumber, match=rf"^{name} is {value}; .* \(int\) of 1 or more"):
            build(value)


def test_the_smallest_of_everything_is_accepted():
    assert Syringe(step_ul=1).step_ul == 1
    assert Caps(total_ug_max=1, ug_per_kg_max=1, ug_per_kg_per_hour_max=1).total_ug_max == 1
    assert Vial(drug="ketamine", strength_as="base", ug_per_ml=1, content_ul=1_000).ug_per_ml == 1
    assert Vial(drug="ketamine", strength_as="base", ug_per_ml=1_000, content_ul=1).content_ul == 1


def test_the_exception_names_the_quantity_its_value_and_the_next_step():
    with pytest.raises(NotWholeNumber) as caught:
        require_whole("weight_g", 70.5)

    assert (caught.value.name, caught.value.value, caught.value.least) == ("weight_g", 70.5, None)
    with pytest.raises(NotWholeNumber) as bounded:
        require_whole("step_ul", 0, least=1)

    assert bounded.value.least == 1
    assert str(caught.value) == (
        "weight_g is 70.5; expected a whole number (int). Read it with vigil.units.amounts.parse_amount."
    )


def test_a_line_that_holds_a_part_of_a_microgram_is_no_line_for_a_register():
    """0.01 mL of 10.05 mg/mL is 100.5 ug; 0.1 mL is 1,005 ug."""
    odd = dataclasses.replace(VIAL, ug_per_ml=10_050)

    with pytest.raises(StepNotWholeMicrograms, match="10 uL of 10050 ug/mL") as caught:
        prepared(vial=odd)

    assert (caught.value.volume_ul, caught.value.ug_per_ml) == (10, 10_050)
    assert prepared(vial=odd, syringe=Syringe(step_ul=100)).drawn_ug == 34 * 1_005


def test_a_vial_that_holds_a_part_of_a_microgram_is_no_vial():
    with pytest.raises(StepNotWholeMicrograms):
        Vial(drug="ketamine", strength_as="base", ug_per_ml=1_001, content_ul=1_001)
