"""Orders worked out as on a pharmacy's worksheet: mg, mL and mL/h with a pencil, then in `Decimal`, then by the product.

The product counts nanograms and microlitres as ints. Here everything is what stands on paper: milligrams, millilitres and
kilograms as decimals, cut with `ROUND_FLOOR`. The literals of each row were worked out by hand; the pencil and the decimals
must agree before the product is asked. INV-KIN-30 to INV-KIN-39.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil.kinetics.devices import CountedDevices, Device, count_devices
from vigil.kinetics.preparation import (
    Caps,
    DrawnReading,
    Order,
    Prepared,
    Syringe,
    Vial,
    exact_amount_ug,
    exact_volume_ul,
    prepare,
    read_drawn,
)
from vigil.kinetics.pump import ClosedOut, Pump, PumpSetting, close_out, set_pump
from vigil.units.refusals import Refused

D = Decimal
RACEMATE, S_FORM = "ketamine", "esketamine"


def thousandfold(text: str) -> int:
    """`41.2` mg as 41,200 ug, `0.82` mL as 820 uL, `82.4` kg as 82,400 g: every unit here has its thousandth."""
    value = D(text) * 1000
    assert value == int(value), text
    return int(value)


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One worksheet, all as text in mg, mL and kg. `mg_per_kg` or `mg`; `cap_mg_per_kg` "" means none is signed."""

    drug: str = RACEMATE
    mg_per_kg: str = ""
    mg: str = ""
    kg: str
    mg_per_ml: str
    line_ml: str = "0.01"
    vial_ml: str
    cap_mg_per_kg: str = "0.75"
    cap_mg: str = "100"

    def prepared(self, **changed) -> Prepared:
        answer = prepare(**{**self.question(), **changed})
        assert isinstance(answer, Prepared), answer
        return answer

    def question(self) -> dict:
        vial = Vial(
            drug=self.drug, strength_as="base", ug_per_ml=thousandfold(self.mg_per_ml),
            content_ul=thousandfold(self.vial_ml),
        )  # fmt: skip
        return {
            "order": Order(
                drug=self.drug,
                ug_per_kg=thousandfold(self.mg_per_kg) if self.mg_per_kg else None,
                fixed_ug=thousandfold(self.mg) if self.mg else None,
            ),
            "weight_g": thousandfold(self.kg),
            "vial": vial,
            "syringe": Syringe(step_ul=thousandfold(self.line_ml)),
            "caps": Caps(
                total_ug_max=thousandfold(self.cap_mg),
                ug_per_kg_max=thousandfold(self.cap_mg_per_kg) if self.cap_mg_per_kg else None,
            ),
        }


@dataclass(frozen=True, kw_only=True)
class Pencil:
    """What the pencil said, as text in mg and mL."""

    asked_mg: str
    allowed_mg: str
    by: str = "order"
    ml: str
    drawn_mg: str
    vials: int = 1
    left_ml: str


WORKSHEETS = {
    # 0.5 mg/kg x 70 kg = 35 mg; 35 / 10 = 3.5 mL; 20 - 3.5 = 16.5 mL stay.
    "textbook": (
        Sheet(mg_per_kg="0.5", kg="70", mg_per_ml="10", vial_ml="20"),
        Pencil(asked_mg="35", allowed_mg="35", ml="3.5", drawn_mg="35", left_ml="16.5"),
    ),
    # 0.5 x 82.4 = 41.2 mg; / 50 = 0.824 mL -> 0.82 mL = 41.0 mg.
    "strong vial": (
        Sheet(mg_per_kg="0.5", kg="82.4", mg_per_ml="50", vial_ml="10"),
        Pencil(asked_mg="41.2", allowed_mg="41.2", ml="0.82", drawn_mg="41", left_ml="9.18"),
    ),
    # The same with tenths: 0.8 mL = 40 mg.
    "strong vial, coarse syringe": (
        Sheet(mg_per_kg="0.5", kg="82.4", mg_per_ml="50", line_ml="0.1", vial_ml="10"),
        Pencil(asked_mg="41.2", allowed_mg="41.2", ml="0.8", drawn_mg="40", left_ml="9.2"),
    ),
    # 0.5 x 68.35 = 34.175 mg; / 100 = 0.34175 mL -> 0.34 mL = 34 mg.
    "strongest vial": (
        Sheet(mg_per_kg="0.5", kg="68.35", mg_per_ml="100", vial_ml="5"),
        Pencil(asked_mg="34.175", allowed_mg="34.175", ml="0.34", drawn_mg="34", left_ml="4.66"),
    ),
    # 0.75 x 133.4 = 100.05 mg; the total cap is 100 mg = 10 mL.
    "just over the total cap": (
        Sheet(mg_per_kg="0.75", kg="133.4", mg_per_ml="10", line_ml="0.1", vial_ml="20"),
        Pencil(
            asked_mg="100.05", allowed_mg="100", by="total cap", ml="10", drawn_mg="100",
            left_ml="10",
        ),
    ),
    # 1 x 90 = 90 mg; 0.75 x 90 = 67.5 mg; 6.75 mL -> 6.7 mL = 67 mg.
    "over the cap per kilogram": (
        Sheet(mg_per_kg="1", kg="90", mg_per_ml="10", line_ml="0.1", vial_ml="20"),
        Pencil(
            asked_mg="90", allowed_mg="67.5", by="per-kg cap", ml="6.7", drawn_mg="67",
            left_ml="13.3",
        ),
    ),
    # 1 x 150 = 150 mg; 0.75 x 150 = 112.5 mg; the total cap of 100 mg is lower still; five vials of 20 mg.
    "over both caps": (
        Sheet(mg_per_kg="1", kg="150", mg_per_ml="10", line_ml="0.1", vial_ml="2"),
        Pencil(
            asked_mg="150", allowed_mg="100", by="total cap", ml="10", drawn_mg="100", vials=5,
            left_ml="0",
        ),
    ),
    # 0.25 x 55.5 = 13.875 mg; / 5 = 2.775 mL -> 2.77 mL = 13.85 mg.
    "S form, weak ampoule": (
        Sheet(drug=S_FORM, mg_per_kg="0.25", kg="55.5", mg_per_ml="5", vial_ml="5"),
        Pencil(
            asked_mg="13.875", allowed_mg="13.875", ml="2.77", drawn_mg="13.85", left_ml="2.23"
        ),
    ),
    # 0.4 x 101.3 = 40.52 mg; / 25 = 1.6208 mL -> 1.62 mL = 40.5 mg.
    "S form, strong ampoule": (
        Sheet(drug=S_FORM, mg_per_kg="0.4", kg="101.3", mg_per_ml="25", vial_ml="2",
              cap_mg_per_kg="0.5", cap_mg="60"),
        Pencil(asked_mg="40.52", allowed_mg="40.52", ml="1.62", drawn_mg="40.5", left_ml="0.38"),
    ),
    # 0.5 x 120 = 60 mg; / 5 = 12 mL: two ampoules of 5 mL and 2 mL of a third, 3 mL stay.
    "two ampoules are not enough": (
        Sheet(drug=S_FORM, mg_per_kg="0.5", kg="120", mg_per_ml="5", line_ml="0.1", vial_ml="5",
              cap_mg_per_kg="0.5", cap_mg="60"),
        Pencil(asked_mg="60", allowed_mg="60", ml="12", drawn_mg="60", vials=3, left_ml="3"),
    ),
    # 10 mg / 50 = 0.2 mL, whoever it is for.
    "fixed, no cap per kilogram": (
        Sheet(mg="10", kg="70", mg_per_ml="50", vial_ml="10", cap_mg_per_kg=""),
        Pencil(asked_mg="10", allowed_mg="10", ml="0.2", drawn_mg="10", left_ml="9.8"),
    ),
    # 33.3 mg / 10 = 3.33 mL -> 3 mL on a syringe of whole millilitres = 30 mg.
    "fixed, whole millilitres": (
        Sheet(mg="33.3", kg="47", mg_per_ml="10", line_ml="1", vial_ml="20"),
        Pencil(asked_mg="33.3", allowed_mg="33.3", ml="3", drawn_mg="30", left_ml="17"),
    ),
    # 0.1 x 30 = 3 mg; 0.3 mL: the lightest who is answered.
    "lightest": (
        Sheet(mg_per_kg="0.1", kg="30", mg_per_ml="10", vial_ml="20"),
        Pencil(asked_mg="3", allowed_mg="3", ml="0.3", drawn_mg="3", left_ml="19.7"),
    ),
    # 0.5 x 200 = 100 mg, which is both caps exactly, so neither took anything.
    "heaviest, at both caps": (
        Sheet(mg_per_kg="0.5", kg="200", mg_per_ml="10", vial_ml="20", cap_mg_per_kg="0.5"),
        Pencil(asked_mg="100", allowed_mg="100", ml="10", drawn_mg="100", left_ml="10"),
    ),
    # 0.123 x 71.234 = 8.761782 mg; 0.8761782 mL -> 0.87 mL = 8.7 mg.
    "odd everything": (
        Sheet(mg_per_kg="0.123", kg="71.234", mg_per_ml="10", vial_ml="20"),
        Pencil(
            asked_mg="8.761782", allowed_mg="8.761782", ml="0.87", drawn_mg="8.7", left_ml="19.13"
        ),
    ),
}  # fmt: skip
SHEETS = pytest.mark.parametrize(("sheet", "pencil"), WORKSHEETS.values(), ids=list(WORKSHEETS))


def by_decimals(sheet: Sheet) -> Pencil:
    """The worksheet again, step by step as a pharmacist writes it, in decimals of mg and mL."""
    kg, strength, line, vial = map(D, (sheet.kg, sheet.mg_per_ml, sheet.line_ml, sheet.vial_ml))
    asked = D(sheet.mg) if sheet.mg else D(sheet.mg_per_kg) * kg
    bounds = [("order", asked)]
    if sheet.cap_mg_per_kg:
        bounds.append(("per-kg cap", D(sheet.cap_mg_per_kg) * kg))
    bounds.append(("total cap", D(sheet.cap_mg)))
    # `min` keeps the first of equals: the order before a cap that equals it.
    by, allowed = min(bounds, key=lambda bound: bound[1])
    lines = (allowed / strength / line).to_integral_value(rounding=ROUND_FLOOR)
    ml = lines * line
    vials = (ml / vial).to_integral_value(rounding=ROUND_CEILING)
    return Pencil(
        asked_mg=plain(asked), allowed_mg=plain(allowed), by=by, ml=plain(ml),
        drawn_mg=plain(ml * strength), vials=int(vials), left_ml=plain(vials * vial - ml),
    )  # fmt: skip


def plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@SHEETS
def test_pencil_and_decimals_agree(sheet: Sheet, pencil: Pencil) -> None:
    """The table checks itself before it checks the product."""
    assert by_decimals(sheet) == pencil


@SHEETS
def test_the_product_draws_what_the_worksheet_says(sheet: Sheet, pencil: Pencil) -> None:
    """INV-KIN-30, INV-KIN-31: the floor to a line, never above order or cap."""
    answer = sheet.prepared()

    assert D(answer.asked_ng) / 10**6 == D(pencil.asked_mg)
    assert D(answer.allowed_ng) / 10**6 == D(pencil.allowed_mg)
    assert answer.allowed_by == pencil.by
    assert answer.drawn_ul == thousandfold(pencil.ml)
    assert answer.drawn_ug == thousandfold(pencil.drawn_mg)
    assert (answer.vial_count, answer.left_ul) == (pencil.vials, thousandfold(pencil.left_ml))
    assert D(answer.left_ug) / 1000 == D(pencil.left_ml) * D(sheet.mg_per_ml)


@SHEETS
def test_what_caps_and_rounding_took_is_the_difference_on_the_sheet(
    sheet: Sheet, pencil: Pencil
) -> None:
    """INV-KIN-34: the steps add up, and no error is told smaller than it is."""
    answer = sheet.prepared()
    lost_mg = D(pencil.drawn_mg) - D(pencil.allowed_mg)
    ppm = (lost_mg / D(pencil.asked_mg) * 10**6).to_integral_value(rounding=ROUND_FLOOR)

    assert D(answer.capped_ng) / 10**6 == D(pencil.allowed_mg) - D(pencil.asked_mg)
    assert D(answer.rounding_ng) / 10**6 == lost_mg
    assert answer.rounding_ug == (lost_mg * 1000).to_integral_value(rounding=ROUND_FLOOR)
    assert answer.rounding_ppm == ppm


@SHEETS
def test_the_syringe_reads_back_as_the_worksheet(sheet: Sheet, pencil: Pencil) -> None:
    """INV-KIN-33: mL to mg to mg/kg, the way back."""
    vial = sheet.question()["vial"]
    reading = read_drawn(
        thousandfold(pencil.ml), drug=sheet.drug, weight_g=thousandfold(sheet.kg), vial=vial
    )

    assert isinstance(reading, DrawnReading)
    assert reading.amount_ug == thousandfold(pencil.drawn_mg)
    mg_per_kg = Fraction(pencil.drawn_mg) / Fraction(sheet.kg)
    assert reading.ug_per_kg == mg_per_kg * 1000 == sheet.prepared().ug_per_kg


@SHEETS
def test_the_next_line_of_the_syringe_would_be_too_much(sheet: Sheet, pencil: Pencil) -> None:
    """INV-KIN-30: the largest line, not just one that is small enough."""
    one_more = (D(pencil.ml) + D(sheet.line_ml)) * D(sheet.mg_per_ml)

    assert D(pencil.drawn_mg) <= D(pencil.allowed_mg) < one_more
    assert sheet.prepared().drawn_ul == thousandfold(pencil.ml)


@SHEETS
def test_an_order_per_kilogram_is_the_fixed_order_of_its_milligrams(
    sheet: Sheet, pencil: Pencil
) -> None:
    """Two ways to write one order, wherever its milligrams are whole micrograms."""
    if D(pencil.asked_mg) * 1000 % 1:
        # 0.123 mg/kg for 71.234 kg is no whole number of micrograms, so nobody can write it as a fixed order.
        with pytest.raises(AssertionError):
            thousandfold(pencil.asked_mg)
        return
    fixed = Order(drug=sheet.drug, fixed_ug=thousandfold(pencil.asked_mg))

    assert sheet.prepared(order=fixed).drawn_ul == sheet.prepared().drawn_ul
    assert sheet.prepared(order=fixed).allowed_by == pencil.by


# --- changes that must not matter, or matter in a known way -------------------------------------

doses_ug_per_kg = st.integers(100, 1_500)
weights_g = st.integers(30_000, 200_000)
strengths_mg = st.sampled_from([5, 10, 25, 50, 100])


def sheet_of(ug_per_kg: int, weight_g: int, mg_per_ml: int, line_ml: str = "0.01") -> Sheet:
    return Sheet(
        mg_per_kg=plain(D(ug_per_kg) / 1000), kg=plain(D(weight_g) / 1000), mg_per_ml=str(mg_per_ml),
        vial_ml="20", line_ml=line_ml,
    )  # fmt: skip


@given(doses_ug_per_kg, weights_g, strengths_mg)
def test_twice_the_strength_on_half_the_lines_is_the_same_dose(ug_per_kg, weight_g, mg_per_ml):
    """A line holds the same milligrams, so only the millilitres halve."""
    weak = sheet_of(ug_per_kg, weight_g, mg_per_ml, "0.02").prepared()
    strong = sheet_of(ug_per_kg, weight_g, 2 * mg_per_ml, "0.01").prepared()

    assert strong.drawn_ng == weak.drawn_ng
    assert 2 * strong.drawn_ul == weak.drawn_ul
    assert (strong.rounding_ng, strong.allowed_by) == (weak.rounding_ng, weak.allowed_by)


@given(doses_ug_per_kg, weights_g, strengths_mg, st.sampled_from([10, 50, 100]))
def test_lines_ten_times_finer_lie_within_the_coarse_one(ug_per_kg, weight_g, mg_per_ml, step_ul):
    """The finer syringe finds what the coarse one left, and the coarse one is the finer one cut again."""
    sheet = sheet_of(ug_per_kg, weight_g, mg_per_ml)
    fine = sheet.prepared(syringe=Syringe(step_ul=step_ul // 10 or 1))
    coarse = prepare(**{**sheet.question(), "syringe": Syringe(step_ul=step_ul)})

    cut_again = fine.drawn_ul - fine.drawn_ul % step_ul
    assert (0 if isinstance(coarse, Refused) else coarse.drawn_ul) == cut_again


@given(doses_ug_per_kg, weights_g, strengths_mg, st.integers(1, 8))
def test_smaller_vials_change_the_count_and_never_the_draw(ug_per_kg, weight_g, mg_per_ml, parts):
    """One large vial or the same volume in parts: the syringe is the same, and less is left over."""
    sheet = sheet_of(ug_per_kg, weight_g, mg_per_ml)
    large = sheet.prepared(
        vial=Vial(drug=RACEMATE, strength_as="base", ug_per_ml=mg_per_ml * 1000,
                  content_ul=840 * parts)
    )  # fmt: skip
    small = sheet.prepared(
        vial=Vial(drug=RACEMATE, strength_as="base", ug_per_ml=mg_per_ml * 1000, content_ul=840)
    )

    assert small.drawn_ul == large.drawn_ul
    assert large.vial_count <= small.vial_count <= parts * large.vial_count
    assert 0 <= small.left_ul <= large.left_ul
    assert (large.left_ul - small.left_ul) % 840 == 0


@given(doses_ug_per_kg, doses_ug_per_kg, weights_g, strengths_mg)
def test_two_orders_drawn_apart_never_hold_more_than_their_sum(one, two, weight_g, mg_per_ml):
    """Rounding down twice loses at least what rounding down once does, and at most one line more."""
    free = Caps(total_ug_max=10**9, ug_per_kg_max=10**6)
    apart = [sheet_of(x, weight_g, mg_per_ml).prepared(caps=free).drawn_ul for x in (one, two)]
    together = sheet_of(one + two, weight_g, mg_per_ml).prepared(caps=free).drawn_ul

    assert 0 <= together - sum(apart) <= 10


# --- the pump ------------------------------------------------------------------------------------

PUMPED = {
    # id: (sheet, made up to mL, minutes, step mL/h) -> (exact mL/h, set mL/h, lasts "min:s")
    # 3.5 mL / 40 min = 5.25 -> 5.2 mL/h; 3.5 / 5.2 h = 40 min 23.08 s.
    "undiluted": ("textbook", "", 40, "0.1", "5.25", "5.2", "40:24"),
    # 50 mL / 40 min = 75 mL/h.
    "to fifty": ("strong vial", "50", 40, "0.1", "75", "75", "40:00"),
    # 50 mL / 60 min = 50 mL/h.
    "to fifty in an hour": ("textbook", "50", 60, "0.1", "50", "50", "60:00"),
    # 50 / 45 min = 66.667 -> 66.6; 50 / 66.6 h = 45 min 2.70 s.
    "a third of a tenth": ("textbook", "50", 45, "0.1", "200/3", "66.6", "45:03"),
    # 10 mL / 40 min = 15 mL/h on a pump of whole millilitres.
    "whole millilitres": ("just over the total cap", "", 40, "1", "15", "15", "40:00"),
    # 6.7 / 40 min = 10.05 -> 10 mL/h; 6.7 / 10 h = 40.2 min = 40 min 12 s.
    "an even tenth": ("over the cap per kilogram", "", 40, "0.1", "10.05", "10", "40:12"),
    # 2.77 / 40 min = 4.155 -> 4.15; 2.77 / 4.15 h = 2402.9 s.
    "hundredths": ("S form, weak ampoule", "", 40, "0.01", "4.155", "4.15", "40:03"),
    # 0.2 mL in one minute = 12 mL/h.
    "one minute": ("fixed, no cap per kilogram", "", 1, "0.1", "12", "12", "1:00"),
    # 3.5 mL / 100 min = 2.1 mL/h.
    "slow": ("textbook", "", 100, "0.1", "2.1", "2.1", "100:00"),
    # 12 mL / 240 min = 3 mL/h.
    "four hours": ("two ampoules are not enough", "", 240, "0.5", "3", "3", "240:00"),
}
RUNS = pytest.mark.parametrize(
    ("name", "made_up", "minutes", "step", "exact", "rate", "lasts"), PUMPED.values(), ids=PUMPED
)


def pump_for(name: str, made_up: str, minutes: int, step: str) -> PumpSetting:
    answer = set_pump(
        WORKSHEETS[name][0].prepared(),
        pump=Pump(step_ul_per_hour=thousandfold(step)),
        infusion_minutes=minutes,
        made_up_to_ul=thousandfold(made_up) if made_up else None,
    )
    assert isinstance(answer, PumpSetting), answer
    return answer


@RUNS
def test_the_pump_is_set_as_on_the_worksheet(name, made_up, minutes, step, exact, rate, lasts):
    """INV-KIN-38: the highest step that is not faster than ordered, and how long the syringe then lasts."""
    setting = pump_for(name, made_up, minutes, step)
    pencil = WORKSHEETS[name][1]
    held_ml = D(made_up or pencil.ml)
    whole, seconds = map(int, lasts.split(":"))

    assert (
        setting.exact_ul_per_hour == Fraction(exact) * 1000 == Fraction(held_ml) * 60_000 / minutes
    )
    assert setting.rate_ul_per_hour == thousandfold(rate)
    assert setting.duration_seconds == 60 * whole + seconds
    assert setting.ug_per_ml == Fraction(pencil.drawn_mg) / Fraction(held_ml) * 1000
    assert setting.limited_by == "infusion time"
    assert D(exact if "/" not in exact else "66.666") - D(rate) < D(step)


@RUNS
def test_the_syringe_is_dry_in_the_second_that_is_told(
    name, made_up, minutes, step, exact, rate, lasts
):
    """Second by second on whole numbers: a rate in uL/h is that many 3,600ths of a microlitre a second."""
    setting = pump_for(name, made_up, minutes, step)
    left, seconds = thousandfold(made_up or WORKSHEETS[name][1].ml) * 3600, 0

    while left > 0:
        left -= thousandfold(rate)
        seconds += 1

    assert setting.duration_seconds == seconds
    assert setting.given_by(Fraction(seconds, 60)).given_ul == setting.infused_ul
    assert setting.given_by(Fraction(seconds - 1, 60)).given_ul < setting.infused_ul


@RUNS
def test_stopped_half_way_the_rest_is_wasted_to_the_microgram(
    name, made_up, minutes, step, exact, rate, lasts
):
    """INV-KIN-35: drawn = given + wasted, with the part of a microgram on the side of the waste."""
    setting = pump_for(name, made_up, minutes, step)
    given_ul = setting.infused_ul // 2
    drawn_mg = D(WORKSHEETS[name][1].drawn_mg)

    closed = close_out(setting, given_ul=given_ul, wasted_ul=setting.infused_ul - given_ul)

    assert isinstance(closed, ClosedOut)
    with localcontext() as context:
        context.prec = 60
        given_ug = (drawn_mg * 1000 * given_ul / setting.infused_ul).to_integral_value(ROUND_FLOOR)
    assert closed.given_ug == given_ug
    assert closed.given_ug + closed.wasted_ug == drawn_mg * 1000


def test_a_dose_rate_cap_is_worked_through_milligrams_an_hour():
    """0.6 mg/kg/h x 70 kg = 42 mg/h; 10 mg/mL makes 4.2 mL/h; 3.5 mL then last 50 minutes instead of 40.

    Made up to 50 mL a millilitre holds 0.7 mg, so the same 42 mg/h are 60 mL/h and the 50 minutes stay.
    """
    caps = Caps(total_ug_max=100_000, ug_per_kg_max=750, ug_per_kg_per_hour_max=600)
    prepared = WORKSHEETS["textbook"][0].prepared(caps=caps)

    for made_up_to_ul, rate in ((None, 4_200), (50_000, 60_000)):
        setting = set_pump(
            prepared, pump=Pump(step_ul_per_hour=100), infusion_minutes=40, made_up_to_ul=made_up_to_ul
        )  # fmt: skip
        assert isinstance(setting, PumpSetting)
        assert (setting.rate_ul_per_hour, setting.limited_by) == (rate, "dose rate cap")
        assert setting.duration_seconds == 50 * 60
        assert setting.ug_per_kg_per_hour == 600


# --- devices -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order_mg", "cap_mg", "count", "given_mg", "by"),
    [
        # The labelled doses: 28, 56 and 84 mg are one, two and three devices.
        ("28", "84", 1, "28", "order"),
        ("56", "84", 2, "56", "order"),
        ("84", "84", 3, "84", "order"),
        # Four devices where three are allowed; a cap a microgram short of three leaves two.
        ("112", "84", 3, "84", "total cap"),
        ("84", "83.999", 2, "56", "total cap"),
        ("84", "56", 2, "56", "total cap"),
        ("84", "55.999", 1, "28", "total cap"),
        ("84", "28", 1, "28", "total cap"),
        ("112", "140", 4, "112", "order"),
    ],
)  # fmt: skip
def test_devices_are_laid_side_by_side(order_mg, cap_mg, count, given_mg, by):
    """INV-KIN-37: devices are laid out one after another until the order or the cap is reached."""
    laid, left = 0, min(D(order_mg), D(cap_mg))
    while left >= 28:
        laid, left = laid + 1, left - 28

    answer = count_devices(
        Order(drug=S_FORM, fixed_ug=thousandfold(order_mg)),
        device=Device(drug=S_FORM, content_as="base", content_ug=28_000),
        caps=Caps(total_ug_max=thousandfold(cap_mg)),
    )

    assert isinstance(answer, CountedDevices)
    assert answer.device_count == count == laid
    assert (answer.amount_ug, answer.allowed_by) == (thousandfold(given_mg), by)
    assert answer.capped_ug == thousandfold(given_mg) - thousandfold(order_mg)


# --- exact there and back ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mg", "mg_per_ml", "ml"),
    [
        ("35", "10", "3.5"),
        ("0.05", "50", "0.001"),
        ("33.333", "100", None),
        ("28", "5", "5.6"),
        ("1", "3", None),
        ("0.005", "10", None),
        ("0", "10", "0"),
    ],
)
def test_an_amount_is_a_volume_only_when_the_division_ends(mg, mg_per_ml, ml) -> None:
    """INV-KIN-33: mg / (mg/mL) with a pencil; what is no whole microlitre is no volume, never a rounded one."""
    amount, strength = thousandfold(mg), thousandfold(mg_per_ml)

    found = exact_volume_ul(amount, ug_per_ml=strength)

    assert found == (None if ml is None else thousandfold(ml))
    if found is not None:
        assert Fraction(mg) / Fraction(mg_per_ml) == Fraction(ml)
        assert exact_amount_ug(found, ug_per_ml=strength) == amount


@pytest.mark.parametrize(
    ("ml", "mg_per_ml", "mg"),
    [
        ("3.5", "10", "35"),
        ("0.001", "10.5", None),
        ("0.002", "10.5", "0.021"),
        ("20", "50", "1000"),
    ],
)
def test_a_volume_is_an_amount_only_when_it_is_whole_micrograms(ml, mg_per_ml, mg) -> None:
    found = exact_amount_ug(thousandfold(ml), ug_per_ml=thousandfold(mg_per_ml))

    assert found == (None if mg is None else thousandfold(mg))
    assert (Fraction(ml) * Fraction(mg_per_ml) * 1000).denominator == (1 if mg else 2)
