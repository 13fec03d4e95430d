"""Pump arithmetic: worked by hand, refused, closed out."""

import dataclasses
from fractions import Fraction

import pytest

from vigil.kinetics.preparation import Caps, NotWholeNumber, Order, Syringe, Vial, prepare
from vigil.kinetics.pump import (
    ClosedOut,
    MinutesNegative,
    Pump,
    PumpSetting,
    close_out,
    read_rate,
    set_pump,
)
from vigil.units.refusals import Refused

VIAL = Vial(drug="ketamine", strength_as="base", ug_per_ml=10_000, content_ul=20_000)
CAPS = Caps(total_ug_max=100_000, ug_per_kg_max=750)
PUMP = Pump(step_ul_per_hour=100)
NOT_WHOLE = [40.0, True, "40", float("nan")]


def drawn(*, ug_per_kg: int = 500, weight_g: int = 70_000, caps: Caps = CAPS):
    return prepare(
        Order(drug="ketamine", ug_per_kg=ug_per_kg),
        weight_g=weight_g, vial=VIAL, syringe=Syringe(step_ul=10), caps=caps,
    )  # fmt: skip


def setting(prepared=None, *, pump=PUMP, minutes=40, made_up_to_ul=None) -> PumpSetting:
    answer = set_pump(
        prepared or drawn(), pump=pump, infusion_minutes=minutes, made_up_to_ul=made_up_to_ul
    )
    assert isinstance(answer, PumpSetting), answer
    return answer


def code_of(answer) -> str:
    assert isinstance(answer, Refused), answer
    return answer.code


# --- worked by hand -----------------------------------------------------------------------------


def test_three_and_a_half_millilitres_in_forty_minutes():
    """3.5 mL / 40 min = 5.25 mL/h; the pump shows 5.2; 3.5 / 5.2 h = 40.3846 min = 40 min 23.08 s."""
    answer = setting()

    assert (answer.infused_ul, answer.ug_per_ml) == (3_500, 10_000)
    assert (answer.exact_ul_per_hour, answer.limited_by) == (5_250, "infusion time")
    assert answer.rate_ul_per_hour == 5_200
    # 50 of 5,250 uL/h are 9,523.8 ppm.
    assert (answer.rounding_ul_per_hour, answer.rounding_ppm) == (-50, -9_524)
    assert answer.duration_minutes == Fraction(3_500 * 60, 5_200)
    assert answer.duration_seconds == 2_424
    # 52 mg an hour for 70 kg.
    assert answer.ug_per_kg_per_hour == Fraction(52_000, 70)


def test_a_rate_that_the_pump_shows_exactly_is_not_rounded():
    """50 mL in 40 min are 75 mL/h; 35 mg in 50 mL are 0.7 mg/mL."""
    answer = setting(made_up_to_ul=50_000)

    assert (answer.infused_ul, answer.rate_ul_per_hour, answer.rounding_ppm) == (50_000, 75_000, 0)
    assert answer.ug_per_ml == 700
    assert (answer.duration_minutes, answer.duration_seconds) == (40, 2_400)


def test_a_diluted_concentration_stays_exact():
    """35 mg in 24 mL are 35/24 mg/mL, which no decimal can write."""
    answer = setting(made_up_to_ul=24_000)

    assert answer.ug_per_ml == Fraction(35_000, 24)
    assert answer.rate_ul_per_hour == 36_000
    assert answer.given_by(40).given_ug == 35_000


def test_what_went_in_stands_in_the_answer():
    prepared = drawn()
    answer = setting(prepared)

    assert (answer.prepared, answer.pump, answer.infusion_minutes) == (prepared, PUMP, 40)
    with pytest.raises(dataclasses.FrozenInstanceError):
        answer.rate_ul_per_hour = 1


def test_a_dose_rate_cap_slows_the_pump():
    """0.6 mg/kg/h x 70 kg = 42 mg/h = 4.2 mL/h of 10 mg/mL, where the time alone asks for 5.25."""
    capped = drawn(caps=dataclasses.replace(CAPS, ug_per_kg_per_hour_max=600))

    answer = setting(capped)

    assert (answer.exact_ul_per_hour, answer.limited_by) == (4_200, "dose rate cap")
    assert (answer.rate_ul_per_hour, answer.ug_per_kg_per_hour) == (4_200, 600)
    assert answer.duration_minutes == 50


def test_a_dose_rate_cap_slows_a_diluted_dose_in_proportion():
    """Twice the volume, twice the mL/h, the same mg/h."""
    capped = drawn(caps=dataclasses.replace(CAPS, ug_per_kg_per_hour_max=600))

    answer = setting(capped, made_up_to_ul=7_000)

    assert (answer.rate_ul_per_hour, answer.ug_per_kg_per_hour) == (8_400, 600)


def test_a_slow_pump_sets_its_own_limit():
    answer = setting(pump=Pump(step_ul_per_hour=100, ul_per_hour_max=5_099))

    assert (answer.exact_ul_per_hour, answer.limited_by) == (5_099, "pump")
    assert answer.rate_ul_per_hour == 5_000


@pytest.mark.parametrize(
    ("caps", "pump"),
    [
        (dataclasses.replace(CAPS, ug_per_kg_per_hour_max=750), PUMP),
        (CAPS, Pump(step_ul_per_hour=100, ul_per_hour_max=5_250)),
    ],
    ids=["dose rate cap", "pump"],
)
def test_a_limit_equal_to_the_ordered_rate_did_not_decide(caps: Caps, pump: Pump):
    """0.75 mg/kg/h x 70 kg = 52.5 mg/h is what 35 mg in 40 min ask for."""
    answer = setting(drawn(caps=caps), pump=pump)

    assert (answer.exact_ul_per_hour, answer.limited_by) == (5_250, "infusion time")


def test_the_dose_rate_cap_wins_over_a_pump_limit_that_equals_it():
    capped = drawn(caps=dataclasses.replace(CAPS, ug_per_kg_per_hour_max=600))

    answer = setting(capped, pump=Pump(step_ul_per_hour=100, ul_per_hour_max=4_200))

    assert answer.limited_by == "dose rate cap"


def test_what_was_given_by_a_minute():
    """5.2 mL/h for 30 min = 2.6 mL = 26 mg; 866 2/3 ug a minute; 0.371 mg/kg."""
    reading = setting().given_by(30)

    assert (reading.rate_ul_per_hour, reading.minutes, reading.weight_g) == (5_200, 30, 70_000)
    assert (reading.given_ul, reading.given_ng, reading.given_ug) == (2_600, 26_000_000, 26_000)
    assert reading.ng_per_minute == Fraction(52_000_000, 60)
    assert reading.ug_per_kg_per_hour == Fraction(52_000, 70)
    assert reading.ug_per_kg == Fraction(26_000, 70)


def test_a_part_of_a_microgram_is_not_yet_given():
    """5.2 mL/h for 1 min = 866.67 ug."""
    assert setting().given_by(1).given_ug == 866


def test_the_syringe_gives_no_more_than_it_held():
    answer = setting()

    last = answer.given_by(answer.duration_minutes)

    assert last.given_ul == 3_500
    assert answer.given_by(1_000).given_ng == last.given_ng == 35_000_000
    assert answer.given_by(0).given_ng == 0


def test_stopped_on_time_a_rounded_rate_leaves_a_little():
    """40 min at 5.2 mL/h are 3.4666 mL: 34.666 mg of 35."""
    assert setting().given_by(40).given_ug == 34_666


# --- refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [None, 0, -40])
def test_no_rate_without_an_ordered_time(minutes):
    """INV-KIN-32: never a default duration."""
    answer = set_pump(drawn(), pump=PUMP, infusion_minutes=minutes)

    assert code_of(answer) == "KIN-MINUTES"
    assert "prescriber" in answer.message


def test_one_minute_is_a_time():
    assert setting(minutes=1).rate_ul_per_hour == 210_000


@pytest.mark.parametrize(
    ("made_up_to_ul", "code"),
    [
        (3_499, "KIN-DILUTION-LESS"),
        (3_490, "KIN-DILUTION-LESS"),
        (0, "KIN-DILUTION-LESS"),
        (-50_000, "KIN-DILUTION-LESS"),
        (3_501, "KIN-DILUTION-STEP"),
        (50_005, "KIN-DILUTION-STEP"),
    ],
)
def test_a_dilution_that_cannot_be_made_is_refused(made_up_to_ul: int, code: str):
    answer = set_pump(drawn(), pump=PUMP, infusion_minutes=40, made_up_to_ul=made_up_to_ul)

    assert code_of(answer) == code
    assert answer.message.endswith(".")


def test_made_up_to_the_drawn_volume_is_undiluted():
    assert setting(made_up_to_ul=3_500) == setting()


def test_a_rate_below_one_step_of_the_pump_is_refused():
    """3.5 mL in 40 min are 5.25 mL/h; a pump that steps by 5.25 shows it, one that steps by 5.251 shows nothing."""
    assert setting(pump=Pump(step_ul_per_hour=5_250)).rate_ul_per_hour == 5_250
    answer = set_pump(drawn(), pump=Pump(step_ul_per_hour=5_251), infusion_minutes=40)
    assert code_of(answer) == "KIN-RATE-ZERO"


# --- closed out ---------------------------------------------------------------------------------


def test_given_and_wasted_are_what_was_drawn():
    """2.6 of 3.5 mL given: 26 mg given, 9 mg wasted."""
    answer = close_out(setting(), given_ul=2_600, wasted_ul=900)

    assert answer == ClosedOut(
        drawn_ug=35_000, given_ul=2_600, wasted_ul=900, given_ug=26_000, wasted_ug=9_000
    )


def test_a_part_of_a_microgram_goes_to_the_waste():
    """1 uL of 35 mg in 24 mL is 1.458 ug."""
    answer = close_out(setting(made_up_to_ul=24_000), given_ul=1, wasted_ul=23_999)

    assert (answer.given_ug, answer.wasted_ug) == (1, 34_999)


@pytest.mark.parametrize(("given_ul", "expected_ug"), [(0, 0), (3_500, 35_000)])
def test_nothing_or_everything_given_closes_too(given_ul: int, expected_ug: int):
    answer = close_out(setting(), given_ul=given_ul, wasted_ul=3_500 - given_ul)

    assert (answer.given_ug, answer.wasted_ug) == (expected_ug, 35_000 - expected_ug)


@pytest.mark.parametrize(
    ("given_ul", "wasted_ul"), [(2_600, 899), (2_600, 901), (0, 0), (3_500, 1)]
)
def test_a_missing_or_extra_microlitre_blocks_the_close_out(given_ul: int, wasted_ul: int):
    """INV-KIN-36."""
    answer = close_out(setting(), given_ul=given_ul, wasted_ul=wasted_ul)

    assert code_of(answer) == "KIN-CLOSE-MISMATCH"


# --- a caller's bug -----------------------------------------------------------------------------

READING = {"minutes": 30, "held_ul": 3_500, "held_ng": 35_000_000, "weight_g": 70_000}


BUILD = {
    "step_ul_per_hour": (lambda value: Pump(step_ul_per_hour=value), 1),
    "ul_per_hour_max": (lambda value: Pump(step_ul_per_hour=1, ul_per_hour_max=value), 1),
    "infusion_minutes": (lambda value: setting(minutes=value), None),
    "made_up_to_ul": (lambda value: setting(made_up_to_ul=value), None),
    "given_ul": (lambda value: close_out(setting(), given_ul=value, wasted_ul=3_500), 0),
    "wasted_ul": (lambda value: close_out(setting(), given_ul=3_500, wasted_ul=value), 0),
    "rate_ul_per_hour": (lambda value: read_rate(value, **READING), 0),
    "held_ul": (lambda value: read_rate(5_200, **(READING | {"held_ul": value})), 1),
    "held_ng": (lambda value: read_rate(5_200, **(READING | {"held_ng": value})), 0),
    "weight_g": (lambda value: read_rate(5_200, **(READING | {"weight_g": value})), 1),
    "minutes": (lambda value: read_rate(5_200, **(READING | {"minutes": value})), None),
}
"""For each quantity, how it is handed in, and the least it can be when less is a bug and not a refusal."""


@pytest.mark.parametrize("value", NOT_WHOLE, ids=repr)
@pytest.mark.parametrize("name", BUILD)
def test_an_amount_that_is_no_int_is_never_calculated_with(name, value):
    """INV-KIN-33: the quantity is named."""
    with pytest.raises(NotWholeNumber, match=f"^{name} is "):
        BUILD[name][0](value)


@pytest.mark.parametrize("name", [name for name, (_, least) in BUILD.items() if least is not None])
def test_the_smallest_possible_value_is_taken_and_one_less_is_a_bug(name):
    build, least = BUILD[name]

    build(least)
    with pytest.raises(NotWholeNumber, match=f"^{name} is {least - 1};"):
        build(least - 1)


@pytest.mark.parametrize("minutes", [-1, Fraction(-1, 1_000)])
def test_a_moment_before_the_start_is_a_bug(minutes):
    with pytest.raises(MinutesNegative, match="before the start") as caught:
        setting().given_by(minutes)

    assert caught.value.minutes == minutes
