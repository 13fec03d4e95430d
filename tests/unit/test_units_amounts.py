"""Dose text: exact or refused, never guessed."""

import pytest

from vigil.units.amounts import Amount, NotExact, parse_amount, show_kg, show_mg, show_ml

NUMBERS_REFUSED = [
    ".5", "5.", "0,5", "1,000", "1.000,0", "1e3", "1E3", "1_0", "０.５", "５", "٥", "५", "½", "1½", "NaN", "nan", "inf",
    "Infinity", "-0", "-1", "+1", "−1", "00.5", "05", "0x10", "1 000", "1\u00a0000", "1\u202f000", "1'000", "5..0",
    "5.0.0", "5.0000000", "12345678", "¹", "5²", "Ⅴ", "1/2", "50%", "~5", "5-10", "5 - 10",
]  # fmt: skip
"""The list of reliability F4, and its relatives."""

TEXTS_REFUSED = [
    "", " ", "mg", "5", "5.0", "0.5 ", "5 mgs", "5 MG", "5 Mg", "5 milligram", "5 units", "5 U", "5 mg/kg/h", "5 mg/kg/min",
    "5 mg kg", "5\u00a0mg", "5\u2009mg", "5  mg", "5\tmg", "5\nmg", "5 mg\n", "\u00a05 mg", "5 mg\u200b", "5 ｍｇ", "5 мг",
    "5 mg 5", "5 mg mg", "five mg", "0.0001 mg", "0.5 ug", "0.0005 mL", "0.5 g",
]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS_REFUSED)
@pytest.mark.parametrize("unit", ["mg", " mg", " mL", " mg/kg"])
def test_a_number_that_is_not_plain_is_refused(number: str, unit: str) -> None:
    with pytest.raises(NotExact) as refused:
        parse_amount(number + unit)

    assert repr(number + unit) in str(refused.value), "the person sees the reading that was refused"
    assert refused.value.reason


@pytest.mark.parametrize("text", TEXTS_REFUSED)
def test_a_text_that_is_not_one_number_and_one_known_unit_is_refused(text: str) -> None:
    with pytest.raises(NotExact):
        parse_amount(text)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("0.5 mg/kg", 500, "ug_per_kg"),
        ("0.50 mg/kg", 500, "ug_per_kg"),
        ("35 mg", 35_000, "ug"),
        ("35mg", 35_000, "ug"),
        (" 35 mg ", 35_000, "ug"),
        ("0 mg", 0, "ug"),
        ("0.001 mg", 1, "ug"),
        ("250 ug", 250, "ug"),
        ("250 mcg", 250, "ug"),
        ("250 \u00b5g", 250, "ug"),
        ("250 \u03bcg", 250, "ug"),
        ("5.0 mL", 5_000, "ul"),
        ("5 ml", 5_000, "ul"),
        ("12 uL", 12, "ul"),
        ("72.45 kg", 72_450, "g"),
        ("10 mg/mL", 10_000, "ug_per_ml"),
        ("52.5 mg/h", 52_500, "ug_per_hour"),
        ("9999999 mg", 9_999_999_000, "ug"),
    ],
)
def test_an_exact_text_is_read(text: str, value: int, unit: str) -> None:
    assert parse_amount(text) == Amount(value=value, unit=unit)


def test_a_unit_of_another_kind_is_refused() -> None:
    with pytest.raises(NotExact, match="ug is needed"):
        parse_amount("5 mL", expect="ug")


def test_an_amount_is_shown_with_a_leading_digit_and_no_trailing_zero() -> None:
    assert [show_mg(ug) for ug in (0, 1, 500, 1_000, 35_000, 36_200)] == [
        "0 mg", "0.001 mg", "0.5 mg", "1 mg", "35 mg", "36.2 mg",
    ]  # fmt: skip
    assert show_ml(3_500) == "3.5 mL"
    assert [show_kg(g) for g in (68_000, 72_450, 500)] == ["68.0 kg", "72.45 kg", "0.5 kg"]
