"""Amounts of drug and volume as whole numbers of the smallest unit.

In: text a person typed or a label carries. Out: integer micrograms, microlitres, grams, and text to show.
No floats: 0.1 + 0.2 mL must equal 0.3 mL.
"""

import re
from dataclasses import dataclass

UG_PER_MG = 1_000
UL_PER_ML = 1_000
G_PER_KG = 1_000

_NUMBER = re.compile(r"(?P<whole>0|[1-9][0-9]{0,6})(?:\.(?P<fraction>[0-9]{1,6}))?", re.ASCII)
_AMOUNT = re.compile(r"(?P<number>\S+?) ?(?P<unit>[a-zA-Zµμ/]+)")
_UNITS = {
    "mg": ("ug", UG_PER_MG),
    "ug": ("ug", 1),
    "µg": ("ug", 1),
    "μg": ("ug", 1),
    "mcg": ("ug", 1),
    "g": ("g", 1),
    "kg": ("g", G_PER_KG),
    "mL": ("ul", UL_PER_ML),
    "ml": ("ul", UL_PER_ML),
    "uL": ("ul", 1),
    "µL": ("ul", 1),
    "μL": ("ul", 1),
    "mg/kg": ("ug_per_kg", UG_PER_MG),
    "ug/kg": ("ug_per_kg", 1),
    "µg/kg": ("ug_per_kg", 1),
    "mg/mL": ("ug_per_ml", UG_PER_MG),
    "mg/ml": ("ug_per_ml", UG_PER_MG),
    "mg/h": ("ug_per_hour", UG_PER_MG),
    "mL/h": ("ul_per_hour", UL_PER_ML),
}


class NotExact(ValueError):
    """The text is not one exact amount; nothing was guessed."""

    def __init__(self, text: str, reason: str) -> None:
        self.text = text
        self.reason = reason
        super().__init__(f"Read {text!r} and refused it: {reason}. Nothing was recorded.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A whole number of one base unit: ug, ul, g, ug_per_kg, ug_per_ml, ug_per_hour, ul_per_hour."""

    value: int
    unit: str


def parse_amount(text: str, *, expect: str | None = None) -> Amount:
    """The one exact amount that the text says.

    Args:
        text: an ASCII decimal and a unit, such as `35 mg`, `0.5 mg/kg`, `3.5 mL`.
        expect: base unit that the caller needs (`ug`, `ul`, `g`, `ug_per_kg`, ...), or None for any.

    Raises:
        NotExact: a bare point, a comma, an exponent, an underscore, a digit that is not ASCII, a
            missing or unknown unit, a finer step than the base unit, or zero with a sign.

    >>> parse_amount("0.5 mg/kg")
    Amount(value=500, unit='ug_per_kg')
    >>> parse_amount("1,000 mg")
    Traceback (most recent call last):
    ...
    vigil.units.amounts.NotExact: Read '1,000 mg' and refused it: a comma could mean thousands or a decimal. Nothing was recorded.
    """
    stripped = text.strip(" ")
    match = _AMOUNT.fullmatch(stripped)
    if match is None:
        raise NotExact(text, _why_no_amount(stripped))
    number = _NUMBER.fullmatch(match["number"])
    if number is None:
        raise NotExact(text, _why_no_number(match["number"]))
    if match["unit"] not in _UNITS:
        raise NotExact(text, f"{match['unit']!r} is not a unit known here")
    base, factor = _UNITS[match["unit"]]
    if expect is not None and base != expect:
        raise NotExact(text, f"it is in {match['unit']}, and {expect} is needed")
    fraction = number["fraction"] or ""
    scaled = int(number["whole"] + fraction) * factor
    value, rest = divmod(scaled, 10 ** len(fraction))
    if rest:
        raise NotExact(text, f"it is finer than 1 {base}")
    return Amount(value=value, unit=base)


def _why_no_amount(text: str) -> str:
    if not text:
        return "it is empty"
    if not text.isascii() and not any(letter in text for letter in "µμ"):
        return "it holds a character that is not plain ASCII"
    if "," in text:
        return "a comma could mean thousands or a decimal"
    if text[-1].isdigit() or text[-1] == ".":
        return "the unit is missing"
    return "it is not a number and a unit"


def _why_no_number(number: str) -> str:
    if "," in number:
        return "a comma could mean thousands or a decimal"
    if number.startswith("."):
        return "a digit is missing before the point"
    if number.endswith("."):
        return "a digit is missing after the point"
    if number.startswith(("-", "+", "−")):
        return "an amount has no sign"
    if not number.isascii():
        return "it holds a digit that is not plain ASCII"
    if re.fullmatch(r"0[0-9]+(\..*)?", number):
        return "it begins with a spare zero"
    return f"{number!r} is not a plain decimal number"


def _decimal(value: int, *, places: int) -> str:
    """The exact decimal with no trailing zero and always a leading digit."""
    assert value >= 0
    whole, rest = divmod(value, 10**places)
    fraction = f"{rest:0{places}d}".rstrip("0")
    return f"{whole}.{fraction}" if fraction else str(whole)


def show_mg(amount_ug: int) -> str:
    """The amount in mg, exactly: no trailing zero, always a leading digit.

    >>> show_mg(35_000), show_mg(500)
    ('35 mg', '0.5 mg')
    """
    return f"{_decimal(amount_ug, places=3)} mg"


def show_ml(volume_ul: int) -> str:
    """The volume in mL, exactly.

    >>> show_ml(3_500)
    '3.5 mL'
    """
    return f"{_decimal(volume_ul, places=3)} mL"


def show_kg(weight_g: int) -> str:
    """The weight in kg, exactly, with at least one decimal (a weight is measured to 0.1 kg).

    >>> show_kg(68_000), show_kg(72_450)
    ('68.0 kg', '72.45 kg')
    """
    text = _decimal(weight_g, places=3)
    return f"{text if '.' in text else text + '.0'} kg"
