"""GS1 element strings to fields: GTIN, expiry, lot, serial, each checked.

In: the text between a scanner and its Enter, a date. Out: fields by application identifier, checked. Pure.

Source: GS1 General Specifications: application identifiers and their lengths (section 3.2, figure 7.8.5-2), character
set 82 (7.11), check digit (7.9), dates (7.12).
"""

import re
from calendar import monthrange
from datetime import date

from vigil.labels.unreadable import LabelUnreadable

SEPARATOR = "\x1d"
"""FNC1 between two fields reaches the keyboard as ASCII 29 (GS)."""

SEPARATOR_SPELLINGS = ("<GS>", "{GS}", "<FNC1>", "{FNC1}", "^]", "~", "|")
"""What scanners type in its place when a browser would drop the control character; none but the letters is of set 82."""

GTIN, LOT, EXPIRY, SERIAL = "01", "10", "17", "21"

FIXED = {
    "00": 18, "01": 14, "02": 14, "11": 6, "12": 6, "13": 6, "15": 6, "16": 6, "17": 6, "20": 2,
    "410": 13, "411": 13, "412": 13, "413": 13, "414": 13, "415": 13, "416": 13, "417": 13,
}  # fmt: skip
"""Digits of the fields that need no separator after them."""

VARIABLE = {
    "10": 20, "21": 20, "22": 20, "30": 8, "37": 8, "240": 30, "241": 30, "243": 20, "250": 30,
    "251": 30, "400": 30, "401": 30, "403": 30, "710": 20, "711": 20, "712": 20, "713": 20,
    "714": 20, "715": 20, "716": 20, "717": 20, "90": 30, "91": 90, "92": 90, "93": 90, "94": 90,
    "95": 90, "96": 90, "97": 90, "98": 90, "99": 90,
}  # fmt: skip
"""Most characters of the fields that a separator or the end closes."""

NAMES = {GTIN: "GTIN (01)", LOT: "lot (10)", EXPIRY: "expiry (17)", SERIAL: "serial (21)"}

_SET_82 = re.compile(r"[A-Za-z0-9!\"%&'()*+,\-./:;<=>?_]+", re.ASCII)
_BRACKETED = re.compile(r"\((\d{2,4})\)", re.ASCII)

YEARS_AHEAD_MAX = 50
"""A two-digit year lies at most 50 years ahead of today's and at most 49 behind (GS1, section 7.12)."""


def fields_of(text: str) -> dict[str, str]:
    """Every field of an element string, by application identifier, each with a length and letters it may have.

    Args:
        text: with or without a leading FNC1; separators as GS or as one of SEPARATOR_SPELLINGS; or the printed form
            with application identifiers in brackets.

    Raises:
        LabelUnreadable: a field is unknown, too short, too long, doubled, or holds what no code can hold.

    >>> fields_of("010290000000010017280200" + "10K2291" + chr(29) + "21A7")
    {'01': '02900000000100', '17': '280200', '10': 'K2291', '21': 'A7'}
    """
    if _BRACKETED.match(text):
        return _collect(_bracketed(text))
    for spelling in SEPARATOR_SPELLINGS:
        text = text.replace(spelling, SEPARATOR)
    return _collect(_running(text.strip(SEPARATOR)))


def _collect(pairs: list[tuple[str, str]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for identifier, value in pairs:
        if fields.setdefault(identifier, value) != value:
            raise LabelUnreadable(
                field=name_of(identifier), wrong="it stands twice in this code, and differs."
            )
    return fields


def _running(text: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        identifier = _identifier_at(text, at)
        at += len(identifier)
        if identifier in FIXED:
            end = at + FIXED[identifier]
        else:
            found = text.find(SEPARATOR, at)
            end = len(text) if found < 0 else found
        pairs.append((identifier, _checked(identifier, text[at:end])))
        at = end
        # A separator is allowed after a fixed field too.
        while at < len(text) and text[at] == SEPARATOR:
            at += 1
    return pairs


def _identifier_at(text: str, at: int) -> str:
    for length in (2, 3):
        identifier = text[at : at + length]
        if identifier in FIXED or identifier in VARIABLE:
            return identifier
    raise LabelUnreadable(
        field="application identifier",
        wrong="after the fields read so far stands one that is on no medicine known here, or the scanner dropped "
        "the separator between two fields. Set it to send the separator, or type lot and expiry.",
    )


def _bracketed(text: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    marks = [mark for mark in _BRACKETED.finditer(text) if mark[1] in FIXED or mark[1] in VARIABLE]
    if not marks or marks[0].start():
        raise LabelUnreadable(
            field="application identifier", wrong="the first number in brackets is not known here."
        )
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, end in zip(marks, ends, strict=True):
        pairs.append((mark[1], _checked(mark[1], text[mark.end() : end].strip())))
    return pairs


def _checked(identifier: str, value: str) -> str:
    length = FIXED.get(identifier)
    if length is not None:
        if len(value) != length or not is_digits(value):
            raise LabelUnreadable(
                field=name_of(identifier), wrong=f"it must be {length} digits. Scan it again."
            )
        return value
    length_max = VARIABLE[identifier]
    if not 1 <= len(value) <= length_max:
        raise LabelUnreadable(
            field=name_of(identifier),
            wrong=f"it must have 1 to {length_max} characters, not {len(value)}; did the scanner drop a separator?",
        )
    if not _SET_82.fullmatch(value):
        raise LabelUnreadable(
            field=name_of(identifier),
            wrong="it holds a character that no such code has. Is the scanner set to this keyboard's language?",
        )
    return value


def gtin_of(digits: str) -> str:
    """The 14-digit GTIN of 8, 12, 13 or 14 digits whose check digit fits.

    Raises:
        LabelUnreadable: another length, or a check digit that does not fit: a digit was misread.

    >>> gtin_of("2900000000109")
    Traceback (most recent call last):
    ...
    vigil.labels.unreadable.LabelUnreadable: GTIN (01): its check digit does not fit: a digit was misread. Scan it again.
    >>> gtin_of("2900000000100")
    '02900000000100'
    """
    if len(digits) not in (8, 12, 13, 14) or not is_digits(digits):
        raise LabelUnreadable(field=NAMES[GTIN], wrong="it must be 8, 12, 13 or 14 digits.")
    if check_digit(digits[:-1]) != digits[-1]:
        raise LabelUnreadable(
            field=NAMES[GTIN],
            wrong="its check digit does not fit: a digit was misread. Scan it again.",
        )
    return digits.zfill(14)


def check_digit(digits: str) -> str:
    """The digit that follows these in a GTIN: weights 3, 1, 3 ... from the right, up to the next ten.

    >>> check_digit("629104150021")
    '3'
    """
    assert is_digits(digits)
    total = sum(
        int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(reversed(digits))
    )
    return str(-total % 10)


def expiry_of(digits: str, *, today: date) -> date:
    """The last day on which the drug may be used. Day 00 is the last day of the month.

    Args:
        digits: YYMMDD.
        today: decides the century: the year lies at most 50 years ahead of it and 49 behind.

    Raises:
        LabelUnreadable: no such day.

    >>> expiry_of("280200", today=date(2026, 11, 24)), expiry_of("760101", today=date(2026, 11, 24))
    (datetime.date(2028, 2, 29), datetime.date(2076, 1, 1))
    """
    wrong = LabelUnreadable(
        field=NAMES[EXPIRY],
        wrong="it is no date of the form YYMMDD. Read it from the label and type it.",
    )
    if len(digits) != 6 or not is_digits(digits):
        raise wrong
    year, month, day = _year(int(digits[:2]), today), int(digits[2:4]), int(digits[4:])
    if not 1 <= month <= 12:
        raise wrong
    last = monthrange(year, month)[1]
    if day > last:
        raise wrong
    return date(year, month, day or last)


def _year(two_digits: int, today: date) -> int:
    century, this_year = divmod(today.year, 100)
    ahead = two_digits - this_year
    if ahead > YEARS_AHEAD_MAX:
        century -= 1
    elif ahead <= -YEARS_AHEAD_MAX:
        century += 1
    return century * 100 + two_digits


def name_of(identifier: str) -> str:
    """How a person calls the field."""
    return NAMES.get(identifier, f"field ({identifier})")


def is_digits(text: str) -> bool:
    """Whether the text is plain digits 0 to 9 and nothing else."""
    return text.isascii() and text.isdigit()
