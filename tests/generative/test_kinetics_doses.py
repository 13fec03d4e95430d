"""Doses as text: show and read are inverse, and nothing outside the grammar is read. INV-KIN-60, INV-KIN-61."""

import math
import re
from decimal import Decimal

from hypothesis import assume, example, given
from hypothesis import strategies as st

from vigil.kinetics.doses import (
    MINUTES_MAX,
    DoseNotWritable,
    DoseTextInvalid,
    parse_dose,
    show_dose,
)
from vigil.kinetics.facts import Dose

DRUGS = st.sampled_from([None, "ketamine", "esketamine"])
ROUTES = st.sampled_from(["iv", "im", "nasal", "oral", "sublingual"])
MILLIONTHS = st.integers(min_value=0, max_value=MINUTES_MAX * 10**6)
"""A time in millionths of a minute: every time that a text can say."""


@st.composite
def doses(draw: st.DrawFn) -> Dose:
    """Any dose that has a text."""
    route = draw(ROUTES)
    duration = draw(st.none() | MILLIONTHS.filter(bool)) if route == "iv" else None
    return Dose(
        amount_ug=draw(st.integers(min_value=1, max_value=10**9)),
        route=route,
        start_minutes=draw(MILLIONTHS) / 10**6,
        duration_minutes=None if duration is None else duration / 10**6,
        drug=draw(DRUGS),
    )


@given(dose=doses())
def test_show_then_read_is_the_same_dose(dose: Dose) -> None:
    """INV-KIN-61, for every dose that has a text."""
    assert parse_dose(show_dose(dose)) == dose


GRAMMAR = re.compile(
    r" *(?P<number>(?:0|[1-9]\d{0,6})(?:\.\d{1,6})?) +(?P<unit>mg|ug|mcg|µg|μg)"
    r"(?: +(?P<drug>(?i:ketamine|esketamine)))?"
    r" +(?P<route>(?i:iv|im|nasal|oral|sublingual))"
    r"(?:(?P<bolus> +bolus)| +over +(?P<over>(?:0|[1-9]\d{0,6})(?:\.\d{1,6})?) +(?P<over_unit>min|h))?"
    r"(?: +at +(?P<at>(?:0|[1-9]\d{0,6})(?:\.\d{1,6})?) +(?P<at_unit>min|h))? *",
    re.ASCII,
)
"""The grammar once more, written as one expression and with decimals instead of whole numbers."""


def read_by_the_grammar(text: str) -> Dose | None:
    """The dose, by the second derivation; None where there is none."""
    match = GRAMMAR.fullmatch(text)
    if match is None:
        return None
    amount_ug = Decimal(match["number"]) * (1000 if match["unit"] == "mg" else 1)
    is_iv = match["route"].lower() == "iv"
    has_way = match["bolus"] is not None or match["over"] is not None
    over = exact_minutes(match["over"], match["over_unit"])
    at = exact_minutes(match["at"], match["at_unit"])
    if amount_ug != amount_ug.to_integral() or amount_ug == 0 or is_iv != has_way or over == 0:
        return None
    if max(over or 0, at or 0) > MINUTES_MAX:
        return None
    return Dose(
        amount_ug=int(amount_ug),
        route=match["route"].lower(),
        start_minutes=float(at or 0),
        duration_minutes=None if over is None else float(over),
        drug=match["drug"] and match["drug"].lower(),
    )


def exact_minutes(number: str | None, unit: str | None) -> Decimal | None:
    return None if number is None else Decimal(number) * (60 if unit == "h" else 1)


def read(text: str) -> Dose | None:
    try:
        return parse_dose(text)
    except DoseTextInvalid as error:
        caught = error
    assert caught.text == text
    assert caught.code in {"KIN-DOSE-TEXT", "KIN-SALT"}
    return None


NUMBERS = st.one_of(
    st.integers(0, 10**8).map(str),
    st.from_regex(r"\A\d{1,8}\.\d{1,7}\Z", fullmatch=True),
    st.sampled_from(
        ["0", "0.0", "40", "1.1", "00", "-1", "+1", "nan", "inf", "1e3", "1,5", "４０", "", "."]
    ),
)
WORDS = st.sampled_from(
    ["mg", "ug", "mcg", "µg", "g", "kg", "mL", "mg/kg", "MG", "ketamine", "esketamine", "Esketamine", "iv", "IV",
     "im", "nasal", "oral", "sublingual", "rectal", "bolus", "over", "at", "min", "h", "s", "d", "hcl", "twice"]
)  # fmt: skip
SPACES = st.sampled_from([" ", "  ", " ", "\t", "\u00a0", ""])


@st.composite
def nearly_doses(draw: st.DrawFn) -> str:
    """The text of a dose in which words are mostly right."""
    number = st.integers(0, 10**6).map(str) | NUMBERS
    unit = draw(st.sampled_from(["mg", "mg", "ug", "µg"]) | WORDS)
    words = [draw(number), unit]
    if draw(st.booleans()):
        words.append(draw(st.sampled_from(["ketamine", "esketamine"]) | WORDS))
    words.append(draw(st.sampled_from(["iv", "iv", "nasal", "oral", "sublingual", "im"]) | WORDS))
    way = draw(st.sampled_from(["bolus", "over", "none"]))
    if way == "bolus":
        words.append("bolus")
    if way == "over":
        words += ["over", draw(number), draw(st.sampled_from(["min", "min", "h"]) | WORDS)]
    if draw(st.booleans()):
        words += ["at", draw(number), draw(st.sampled_from(["min", "min", "h"]) | WORDS)]
    return " ".join(words)


@given(text=nearly_doses())
@example("35 mg iv over 40 min at 0 min")
@example("84 mg nasal")
@example("1 mg iv over 1.1 h at 0.000001 h")
def test_a_text_is_read_exactly_when_the_grammar_has_it(text: str) -> None:
    """INV-KIN-60: the parser and a second derivation of the grammar agree on text and value."""
    assert read(text) == read_by_the_grammar(text)


@given(words=st.lists(NUMBERS | WORDS, max_size=9), space=SPACES)
def test_no_heap_of_words_is_read_but_by_the_grammar(words: list[str], space: str) -> None:
    """INV-KIN-60: also when the words stand in any order and with any space between them."""
    text = space.join(words)

    assert read(text) == read_by_the_grammar(text)


@given(text=st.text(max_size=60))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    """INV-KIN-60: no text makes an internal error."""
    assert read(text) == read_by_the_grammar(text)


@given(dose=doses(), index=st.integers(0), letter=st.characters())
def test_one_changed_letter_never_makes_a_dose_that_shows_as_the_old_one(
    dose: Dose, index: int, letter: str
) -> None:
    """INV-KIN-61: two texts that read as one dose differ only in case, spaces or spare zeros."""
    text = show_dose(dose)
    at = index % len(text)
    changed = text[:at] + letter + text[at + 1 :]
    assume(changed.lower() != text.lower())

    found = read(changed)

    assert found is None or found != dose or plain(changed) == plain(text)


def plain(text: str) -> str:
    """The text without what does not change a dose: trailing zeros of a fraction, and how a microgram is spelt."""
    text = re.sub(r"(\.\d*?)0+(?=\D|$)", r"\1", text)
    return re.sub(r"\.(?=\D|$)", "", text).lower()


@given(minutes=st.floats())
def test_a_time_is_written_exactly_or_not_at_all(minutes: float) -> None:
    """INV-KIN-61: for any float, also a NaN and an infinity."""
    dose = Dose(amount_ug=1, route="nasal", start_minutes=minutes)

    try:
        text = show_dose(dose)
    except DoseNotWritable:
        text = ""

    has_text = (
        0 <= minutes <= MINUTES_MAX
        and math.copysign(1.0, minutes) > 0
        and float(round(Decimal(minutes), 6)) == minutes
    )
    assert bool(text) == has_text
    if text:
        assert parse_dose(text).start_minutes == minutes
