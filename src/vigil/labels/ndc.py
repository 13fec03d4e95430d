"""United States National Drug Codes: their printed and bare forms as one form of eleven digits.

In: an NDC as printed (4-4-2, 5-3-2, 5-4-1 or 5-4-2), ten or eleven bare digits, or a GTIN. Out: eleven digits. Pure.

Source: 21 CFR 207.33 (ten digits in three forms); the eleven-digit form of billing pads each part to 5-4-2.
"""

import re

from vigil.labels.gs1 import is_digits
from vigil.labels.unreadable import LabelUnreadable

FIELD = "NDC"
_PARTS = re.compile(r"(\d{4,5})-(\d{3,4})-(\d{1,2})", re.ASCII)
_FORMS = {(4, 4, 2), (5, 3, 2), (5, 4, 1), (5, 4, 2)}
_TEN_DIGIT_FORMS = ((4, 4, 2), (5, 3, 2), (5, 4, 1))
_GTIN_PREFIX = "03"
"""In a GTIN, an NDC of ten digits stands after 03; the first digit says which package it is."""


def ndcs_of(text: str) -> tuple[str, ...]:
    """The codes that the text can mean, eleven digits each: one for a printed NDC, up to three for ten bare digits.

    Raises:
        LabelUnreadable: it has no form of an NDC.

    >>> ndcs_of("0000-0010-20"), ndcs_of("00000-0010-20")
    (('00000001020',), ('00000001020',))
    >>> ndcs_of("0000001020")
    ('00000001020', '00000001020', '00000010200')
    """
    if is_digits(text) and len(text) == 11:
        return (text,)
    if is_digits(text) and len(text) == 10:
        return tuple(_padded(*_split(text, form)) for form in _TEN_DIGIT_FORMS)
    found = _PARTS.fullmatch(text)
    if found is None or tuple(map(len, found.groups())) not in _FORMS:
        raise LabelUnreadable(
            field=FIELD, wrong="its parts must have 4-4, 5-3 or 5-4 digits and then 1 or 2 more."
        )
    return (_padded(*found.groups()),)


def ndcs_of_gtin(gtin: str) -> tuple[str, ...]:
    """The codes that a GTIN of fourteen digits can stand for; none when it holds no NDC."""
    assert len(gtin) == 14
    return ndcs_of(gtin[3:13]) if gtin[1:3] == _GTIN_PREFIX else ()


def _split(digits: str, form: tuple[int, int, int]) -> tuple[str, str, str]:
    labeller, product, _ = form
    return digits[:labeller], digits[labeller : labeller + product], digits[labeller + product :]


def _padded(labeller: str, product: str, package: str) -> str:
    return labeller.zfill(5) + product.zfill(4) + package.zfill(2)
