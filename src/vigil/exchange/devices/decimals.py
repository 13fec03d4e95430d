"""Decimals of devices as whole thousandths.

In: the text of a number. Out: an integer, exactly; or nothing when the text is not one plain decimal. No floats.
"""

import re

MILLI = 1_000

_DECIMAL = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]{1,9})(?:\.(?P<fraction>[0-9]{1,9}))?", re.ASCII
)


class NotDecimal(ValueError):
    """The text is not one plain decimal in whole thousandths; nothing was guessed."""


def milli(text: str) -> int:
    """The decimal in thousandths, exactly.

    Raises:
        NotDecimal: an exponent, a comma, a bare point, a digit that is not ASCII, or a finer step.

    >>> milli("36.65"), milli("-100"), milli("097.5000")
    (36650, -100000, 97500)
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise NotDecimal(f"{text[:20]!r} is not a plain decimal number")
    fraction = match["fraction"] or ""
    if fraction[3:].strip("0"):
        raise NotDecimal(f"{text[:20]!r} is finer than one thousandth")
    magnitude = int(match["whole"]) * MILLI + int(fraction[:3].ljust(3, "0"))
    return -magnitude if match["sign"] == "-" else magnitude


def show_milli(value_milli: int) -> str:
    """The thousandths as the shortest plain decimal.

    >>> show_milli(36_650), show_milli(97_000), show_milli(-500)
    ('36.65', '97', '-0.5')
    """
    whole, rest = divmod(abs(value_milli), MILLI)
    sign = "-" if value_milli < 0 else ""
    return f"{sign}{whole}.{rest:03d}".rstrip("0").rstrip(".")
