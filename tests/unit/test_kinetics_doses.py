"""A dose as text: what is read, what is refused and in which words. INV-KIN-60."""

import pytest

from vigil.kinetics.doses import (
    DRUGS,
    MINUTES_MAX,
    ROUTES,
    SALT_WORDS,
    DoseNotWritable,
    DoseTextInvalid,
    parse_dose,
    show_dose,
)
from vigil.kinetics.facts import Dose

READ = [
    (
        "35 mg iv over 40 min at 0 min",
        Dose(amount_ug=35_000, route="iv", duration_minutes=40.0),
    ),
    ("10 mg iv bolus at 0 min", Dose(amount_ug=10_000, route="iv")),
    ("25 mg sublingual at 0 min", Dose(amount_ug=25_000, route="sublingual")),
    ("28 mg nasal at 0 min", Dose(amount_ug=28_000, route="nasal")),
    ("84 mg nasal at 0 min", Dose(amount_ug=84_000, route="nasal")),
    ("84 mg nasal", Dose(amount_ug=84_000, route="nasal")),
    ("28 mg nasal at 5 min", Dose(amount_ug=28_000, route="nasal", start_minutes=5.0)),
    ("84 mg oral at 72 h", Dose(amount_ug=84_000, route="oral", start_minutes=4320.0)),
    (
        "35 mg esketamine iv over 40 min",
        Dose(amount_ug=35_000, route="iv", duration_minutes=40.0, drug="esketamine"),
    ),
    (
        "0.5 mg ketamine iv bolus at 1.1 h",
        Dose(amount_ug=500, route="iv", start_minutes=66.0, drug="ketamine"),
    ),
    ("1 ug iv bolus", Dose(amount_ug=1, route="iv")),
    ("250 µg iv over 0.5 min", Dose(amount_ug=250, route="iv", duration_minutes=0.5)),
    ("12.345 mg im at 90 min", Dose(amount_ug=12_345, route="im", start_minutes=90.0)),
    ("35 mg IV over 40 min", Dose(amount_ug=35_000, route="iv", duration_minutes=40.0)),
    ("35 mg Esketamine IV bolus", Dose(amount_ug=35_000, route="iv", drug="esketamine")),
    ("  35  mg iv   bolus ", Dose(amount_ug=35_000, route="iv")),
    ("1 mg im at 9999999 min", Dose(amount_ug=1_000, route="im", start_minutes=9_999_999.0)),
]


@pytest.mark.parametrize(("text", "dose"), READ, ids=[text for text, _ in READ])
def test_a_plain_dose_is_read_as_it_is_written(text: str, dose: Dose) -> None:
    """INV-KIN-60: the six ways of the interface, and their neighbours."""
    assert parse_dose(text) == dose


@pytest.mark.parametrize(("text", "dose"), READ, ids=[text for text, _ in READ])
def test_what_is_shown_is_read_as_the_same_dose(text: str, dose: Dose) -> None:
    """INV-KIN-61: show and read are inverse."""
    assert parse_dose(show_dose(dose)) == dose


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("drug", [None, *DRUGS])
def test_every_route_and_drug_of_the_facts_can_be_written(route, drug) -> None:
    """A route that a model may have and nobody can write would be a dead end."""
    dose = Dose(amount_ug=28_000, route=route, drug=drug, start_minutes=12.5)

    assert parse_dose(show_dose(dose)) == dose


REFUSED = [
    ("", "an amount with its unit and a route are needed"),
    ("84", "an amount with its unit and a route are needed"),
    ("nasal", "an amount with its unit and a route are needed"),
    ("84 mg", "the route is missing"),
    ("84 mg esketamine", "the route is missing"),
    ("84 mg rectal", "'rectal' is neither a route nor a drug"),
    ("84 mg esketamine rectal", "'rectal' is not a route"),
    ("84 mg arketamine nasal", "'arketamine' is neither a route nor a drug"),
    ("84 mg racemate nasal", "'racemate' is neither a route nor a drug"),
    ("84 mg S-ketamine nasal", "'s-ketamine' is neither a route nor a drug"),
    ("84 mg base nasal", "'base' is neither a route nor a drug"),
    ("84 nasal at 0 min", "'nasal' is not a unit"),
    ("84 kg nasal", "it is in kg, and ug is needed"),
    ("84 mL nasal", "it is in mL, and ug is needed"),
    ("84 mg/h iv over 40 min", "it is in mg/h, and ug is needed"),
    ("0.5 mg/kg iv over 40 min", "an amount per kilogram"),
    ("84 Mg nasal", "'Mg' is not a unit"),
    ("84 MG nasal", "'MG' is not a unit"),
    ("84mg nasal at 0 min", "'84mg' is not a plain decimal number"),
    ("0 mg nasal", "the amount is zero"),
    ("0.000 mg nasal", "the amount is zero"),
    ("-84 mg nasal", "an amount has no sign"),
    ("+84 mg nasal", "an amount has no sign"),
    ("84,0 mg nasal", "a comma could mean thousands or a decimal"),
    (".5 mg nasal", "a digit is missing before the point"),
    ("5. mg nasal", "a digit is missing after the point"),
    ("1e3 mg nasal", "is not a plain decimal number"),
    ("084 mg nasal", "it begins with a spare zero"),
    ("0.0001 mg iv bolus", "it is finer than 1 ug"),
    ("nan mg nasal", "is not a plain decimal number"),
    ("inf mg nasal", "is not a plain decimal number"),
    ("84 mg iv", "says 'bolus' or 'over'"),
    ("84 mg iv at 0 min", "says 'bolus' or 'over'"),
    ("84 mg iv over", "a time needs a number and min or h"),
    ("84 mg iv over 40", "a time needs a number and min or h"),
    ("84 mg iv over 0 min", "it lasts no time"),
    ("84 mg iv over -40 min", "'-40' is not a plain decimal number"),
    ("84 mg iv over 40 minutes", "'minutes' is not a unit of time"),
    ("84 mg iv over 40 s", "'s' is not a unit of time"),
    ("84 mg iv over 40 Min", "'Min' is not a unit of time"),
    ("84 mg iv over nan min", "'nan' is not a plain decimal number"),
    ("84 mg iv over 1e1 min", "'1e1' is not a plain decimal number"),
    ("84 mg iv over 4_0 min", "'4_0' is not a plain decimal number"),
    ("84 mg iv over 040 min", "'040' is not a plain decimal number"),
    ("84 mg iv over ４０ min", "is not a plain decimal number"),
    ("84 mg iv bolus over 40 min", "'over' stands where 'at' is expected"),
    ("84 mg iv over 40 min bolus", "'bolus' stands where 'at' is expected"),
    ("84 mg nasal over 40 min", "'over' belongs to iv, not to nasal"),
    ("84 mg oral bolus", "'bolus' belongs to iv, not to oral"),
    ("84 mg im over 1 min", "'over' belongs to iv, not to im"),
    ("84 mg nasal at", "a time needs a number and min or h"),
    ("84 mg nasal at 5", "a time needs a number and min or h"),
    ("84 mg nasal at -5 min", "'-5' is not a plain decimal number"),
    ("84 mg nasal at inf min", "'inf' is not a plain decimal number"),
    ("84 mg nasal at 5 d", "'d' is not a unit of time"),
    ("84 mg nasal 5 min", "'5' stands where 'at' is expected"),
    ("84 mg nasal at 5 min twice", "'twice' is left over"),
    ("84 mg nasal at 5 min at 6 min", "'at 6 min' is left over"),
    ("84 mg nasal nasal", "'nasal' stands where 'at' is expected"),
    ("84 mg ketamine esketamine nasal", "'esketamine' is not a route"),
    ("84 mg\tnasal", "it is not a number and a unit"),
    ("84\u00a0mg nasal", "a character that is not plain ASCII"),
    ("84 mg nasal at 5 min\n", "is not a unit of time"),
    ("84 mg nasal at 9999999 h", "more than 9999999 min"),
    ("84 mg nasal at 10000000 min", "'10000000' is not a plain decimal number"),
    ("99999999 mg nasal", "is not a plain decimal number"),
    ("84 mg nasal; 84 mg nasal", "'nasal;' is neither a route nor a drug"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED, ids=[repr(text) for text, _ in REFUSED])
def test_an_unclear_dose_is_refused_and_says_why(text: str, reason: str) -> None:
    """INV-KIN-60: nothing is guessed; text, reason and what is expected stand in the message."""
    with pytest.raises(DoseTextInvalid) as caught:
        parse_dose(text)

    assert caught.value.code == "KIN-DOSE-TEXT"
    assert caught.value.text == text
    assert reason in caught.value.reason
    assert repr(text) in str(caught.value)
    assert caught.value.reason in str(caught.value)
    assert "such as '35 mg iv over 40 min at 0 min'" in str(caught.value)


@pytest.mark.parametrize("word", [*SALT_WORDS, "HCl", "HCL", "Hydrochloride"])
@pytest.mark.parametrize(
    "form",
    ["32.3 mg {} nasal", "32.3 mg esketamine {} nasal", "32.3 {} mg nasal", "32.3 mg nasal {}"],
)
def test_an_amount_of_salt_is_refused_by_its_own_code(word: str, form: str) -> None:
    """INV-KIN-62: the mass of the salt is not the mass of the drug and is never converted."""
    with pytest.raises(DoseTextInvalid) as caught:
        parse_dose(form.format(word))

    assert caught.value.code == "KIN-SALT"
    assert "base" in caught.value.reason


def test_the_expected_examples_of_the_message_are_read() -> None:
    """A message that teaches a text which is refused would send people in a circle."""
    from vigil.kinetics.doses import EXPECTED

    examples = EXPECTED.split("'")[1::2]

    assert len(examples) == 3
    assert all(parse_dose(example).amount_ug > 0 for example in examples)


@pytest.mark.parametrize(
    "minutes",
    [float("nan"), float("inf"), -1.0, -0.0, 1e-7, 0.1234567, MINUTES_MAX + 1.0, 1 / 3],
)
def test_a_time_that_no_text_says_is_not_written(minutes: float) -> None:
    """INV-KIN-61: what is shown is the dose and not nearly the dose."""
    with pytest.raises(DoseNotWritable) as caught:
        show_dose(Dose(amount_ug=1_000, route="nasal", start_minutes=minutes))

    assert repr(minutes) in str(caught.value)
    with pytest.raises(DoseNotWritable):
        show_dose(Dose(amount_ug=1_000, route="iv", duration_minutes=minutes))


def test_show_is_canonical() -> None:
    """One dose has one text, however it was typed."""
    texts = [
        "35 mg iv over 40 min",
        "35000 ug IV over 40.0 min at 0.0 h",
        " 35.000 mg iv over 40 min at 0 min",
    ]

    assert {show_dose(parse_dose(text)) for text in texts} == {"35 mg iv over 40 min at 0 min"}
