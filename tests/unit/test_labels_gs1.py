"""Codes on boxes and vials: what each field may hold, and what is refused with its name."""

from datetime import date, timedelta

import pytest

from vigil.labels import Label, LabelUnreadable, combine, read_label
from vigil.labels.gs1 import SEPARATOR_SPELLINGS, check_digit, expiry_of, gtin_of
from vigil.labels.ndc import ndcs_of, ndcs_of_gtin

TODAY = date(2026, 11, 24)
GTIN = "02900000000100"
GS = "\x1d"


def field_of(text: str) -> str:
    """The field that a refused code is refused for."""
    with pytest.raises(LabelUnreadable) as refused:
        read_label(text, today=TODAY)
    assert refused.value.field in str(refused.value)
    return refused.value.field


@pytest.mark.parametrize(
    ("digits", "check"),
    # GS1's own worked examples, of four lengths.
    [("9638507", "4"), ("61414121022", "0"), ("629104150021", "3"), ("1061414100041", "5")],
)
def test_the_check_digit_is_the_one_that_gs1_prints(digits, check):
    assert check_digit(digits) == check
    assert gtin_of(digits + check) == (digits + check).zfill(14)


@pytest.mark.parametrize("place", range(14))
def test_one_misread_digit_of_a_gtin_is_always_found(place):
    """Weights of 3 and 1 are coprime to ten: every single error changes the check digit."""
    for wrong in "0123456789":
        misread = GTIN[:place] + wrong + GTIN[place + 1 :]
        if misread != GTIN:
            assert field_of(f"01{misread}17271231") == "GTIN (01)"


@pytest.mark.parametrize(
    ("digits", "day"),
    [
        ("270800", date(2027, 8, 31)),
        ("280200", date(2028, 2, 29)),
        ("270200", date(2027, 2, 28)),
        ("271231", date(2027, 12, 31)),
        ("261124", date(2026, 11, 24)),
    ],
)
def test_day_00_is_the_last_day_of_its_month(digits, day):
    assert expiry_of(digits, today=TODAY) == day


@pytest.mark.parametrize(
    "digits", ["271301", "270001", "270231", "270230", "27123", "2712311", "27123x", "²71231"]
)
def test_a_day_that_is_none_is_refused_by_name(digits):
    with pytest.raises(LabelUnreadable) as refused:
        expiry_of(digits, today=TODAY)

    assert refused.value.field == "expiry (17)"


def test_the_century_is_the_one_that_is_nearest():
    """A two-digit year lies at most 50 years ahead and 49 behind: each of a hundred years has one."""
    years = {expiry_of(f"{year:02d}0101", today=TODAY).year for year in range(100)}

    assert years == set(range(2026 - 49, 2026 + 51))


def test_a_whole_box_is_read_in_any_order_of_fields():
    expected = Label(gtin=GTIN, expires_on=date(2027, 8, 31), lot="K2291", serial="A-7/1")

    for text in (
        f"01{GTIN}1727080010K2291{GS}21A-7/1",
        f"01{GTIN}21A-7/1{GS}1727080010K2291",
        f"{GS}10K2291{GS}01{GTIN}17270800{GS}21A-7/1",
        f"]d201{GTIN}1727080010K2291{GS}21A-7/1",
        f"]C1{GS}01{GTIN}1727080010K2291{GS}21A-7/1\r",
        f"(01){GTIN}(17)270800(10)K2291(21)A-7/1",
        f" (01) {GTIN} (17) 270800 (10) K2291 (21) A-7/1 ",
    ):
        assert read_label(text, today=TODAY) == expected, text


@pytest.mark.parametrize("spelling", SEPARATOR_SPELLINGS)
def test_a_scanner_may_spell_the_separator(spelling):
    read = read_label(f"01{GTIN}10K2291{spelling}17270800", today=TODAY)

    assert (read.lot, read.expires_on) == ("K2291", date(2027, 8, 31))


def test_a_dropped_separator_never_moves_a_date_into_a_lot_in_silence():
    """Without it the lot runs on to the end: it is too long, or it is one odd lot and no expiry. Nothing is guessed."""
    assert field_of(f"01{GTIN}10K229112345678901727080021A7") == "lot (10)"
    assert read_label(f"01{GTIN}10K229117270800", today=TODAY).expires_on is None


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "scan"),
        ("   \r\n", "scan"),
        ("9" * 201, "scan"),
        (f"01{GTIN[:13]}", "GTIN (01)"),
        (f"01{GTIN}1727080", "expiry (17)"),
        (f"01{GTIN}10", "lot (10)"),
        (f"01{GTIN}10" + "L" * 21, "lot (10)"),
        (f"01{GTIN}10LÖT", "lot (10)"),
        (f"01{GTIN}10A B", "lot (10)"),
        (f"01{GTIN}10A{GS}10B", "lot (10)"),
        (f"01{GTIN}21", "serial (21)"),
        (f"01{GTIN}88x", "application identifier"),
        ("hello", "application identifier"),
        ("(99x)", "application identifier"),
        ("(88)1", "application identifier"),
        ("240ABC", "scan"),
        ("123456789", "GTIN (01)"),
        ("NDC 12-34-5", "NDC"),
        ("12345-12345-1", "NDC"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_names_its_field(text, field):
    assert field_of(text) == field


def test_the_message_never_repeats_what_was_read():
    """A scanner may be pointed at a patient's wristband: what it says goes into no message and no log."""
    with pytest.raises(LabelUnreadable) as refused:
        read_label("Wristband Muster 1970", today=TODAY)

    assert "Muster" not in str(refused.value)


@pytest.mark.parametrize(
    ("printed", "eleven"),
    # The labeller 00000 is nobody's: these are forms, not products.
    [
        ("0000-0010-20", "00000001020"),
        ("00000-010-20", "00000001020"),
        ("00000-0010-2", "00000001002"),
        ("00000-0010-20", "00000001020"),
        ("00000001020", "00000001020"),
    ],
)
def test_each_printed_form_of_an_ndc_has_one_form_of_eleven_digits(printed, eleven):
    assert ndcs_of(printed) == (eleven,)
    assert read_label(f"NDC {printed}", today=TODAY).ndcs == (eleven,)


def test_ten_bare_digits_can_be_three_codes_and_a_gtin_holds_the_same_ten():
    """The form was lost with the dashes; the catalogue decides, never a guess."""
    ten = "1234567890"
    candidates = ("01234567890", "12345067890", "12345678900")

    assert ndcs_of(ten) == candidates
    body = f"003{ten}"
    assert ndcs_of_gtin(body + check_digit(body)) == candidates
    upc = f"3{ten}"
    assert read_label(upc + check_digit(upc), today=TODAY).ndcs == candidates
    assert ndcs_of_gtin(GTIN) == ()


def test_a_label_of_the_clinic_is_not_taken_for_a_medicine():
    assert read_label("20001-03", today=TODAY) == Label(own="20001-03")


def test_two_codes_of_one_box_are_one_label_and_two_of_two_boxes_are_none():
    product, lot = Label(gtin=GTIN), Label(lot="K1", expires_on=TODAY + timedelta(days=9))

    both = combine([product, lot])

    assert (both.gtin, both.lot) == (GTIN, "K1")
    with pytest.raises(LabelUnreadable) as refused:
        combine([lot, Label(lot="K2")])
    assert refused.value.field == "lot (10)"
    with pytest.raises(LabelUnreadable):
        combine([Label(ndcs=("1",)), Label(ndcs=("2",))])
    assert combine([Label(ndcs=("1", "2")), Label(ndcs=("2", "3"))]).ndcs == ("2",)
