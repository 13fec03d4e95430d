"""A dose as a researcher writes it, and back.

In: text such as `35 mg iv over 40 min at 0 min`. Out: a `Dose` in whole micrograms, or an error that names the text, what
is wrong and what is expected. Nothing is guessed: an ambiguous text is no dose.
"""

import re
import typing

from vigil.kinetics.facts import Dose, Drug, Route
from vigil.units.amounts import NotExact, parse_amount, show_mg

ROUTES: tuple[str, ...] = typing.get_args(Route)
DRUGS: tuple[str, ...] = typing.get_args(Drug)

EXPECTED = (
    "an amount, the drug if the model leaves it open, a route and a time, such as '35 mg iv over 40 min at 0 min', "
    "'10 mg iv bolus at 0 min', '84 mg esketamine nasal at 5 min'"
)

SALT_WORDS = ("hydrochloride", "hcl", "salt", "chlorhydrate")
"""Words for the salt. Its mass is not the mass of the drug: 32.3 mg of the hydrochloride hold 28 mg of esketamine."""

MINUTES_PER_HOUR = 60
MINUTES_MAX = 9_999_999
"""Seven digits, the most that one number has here: 19 years."""
DECIMALS_MAX = 6
"""As in `units.amounts`: a millionth of a minute is finer than any pump's clock."""

_NUMBER = re.compile(r"(?P<whole>0|[1-9][0-9]{0,6})(?:\.(?P<fraction>[0-9]{1,6}))?", re.ASCII)


class DoseTextInvalid(ValueError):
    """The text is not one dose; nothing was guessed. `code` is KIN-DOSE-TEXT, or KIN-SALT for an amount of salt."""

    def __init__(self, text: str, reason: str, *, code: str = "KIN-DOSE-TEXT") -> None:
        self.text = text
        self.reason = reason
        self.code = code
        super().__init__(f"Read the dose {text!r} and refused it: {reason}. Expected {EXPECTED}.")


class DoseNotWritable(ValueError):
    """A dose holds a time that no text of at most six decimals says."""

    def __init__(self, minutes: float) -> None:
        self.minutes = minutes
        super().__init__(
            f"{minutes!r} min has no exact text; expected 0 to {MINUTES_MAX} min with at most {DECIMALS_MAX} decimals. "
            "Round the time first."
        )


def parse_dose(text: str) -> Dose:
    """The one dose that the text says, in micrograms of base.

    Args:
        text: `AMOUNT [DRUG] ROUTE [bolus | over TIME] [at TIME]` in ASCII (`µg` is known too). AMOUNT is a decimal and
            mg or ug; DRUG is ketamine or esketamine; ROUTE is iv, im, nasal, oral or sublingual; TIME is a decimal and
            min or h. Without `at` the dose is given at 0 min. An iv dose says `bolus` or `over`, no other route does.

    Raises:
        DoseTextInvalid: anything else; its `code` is KIN-SALT when the amount is of the salt.

    >>> parse_dose("84 mg nasal")
    Dose(amount_ug=84000, route='nasal', start_minutes=0.0, duration_minutes=None, drug=None)
    >>> parse_dose("35 mg iv over 40 min at 1.5 h").start_minutes
    90.0
    """
    # Only the space separates: a tab or a no-break space came from somewhere that may have lost more.
    words = [word for word in text.split(" ") if word]
    amount_ug = _read_amount(text, words)
    words = words[2:]
    drug = _take_drug(text, words)
    route = _take_route(text, words)
    duration = _take_duration(text, words, route)
    start = _take_start(text, words)
    if words:
        raise DoseTextInvalid(text, f"{' '.join(words)!r} is left over")
    return Dose(
        amount_ug=amount_ug,
        route=route,
        start_minutes=start,
        duration_minutes=duration,
        drug=drug,
    )


def show_dose(dose: Dose) -> str:
    """The text of the dose, which `parse_dose` reads back as the same dose.

    Raises:
        DoseNotWritable: a time that no plain decimal says.

    >>> show_dose(Dose(amount_ug=35_000, route="iv", duration_minutes=40.0, drug="esketamine"))
    '35 mg esketamine iv over 40 min at 0 min'
    """
    words = [show_mg(dose.amount_ug)]
    if dose.drug is not None:
        words.append(dose.drug)
    words.append(dose.route)
    if dose.duration_minutes is not None:
        words.append(f"over {_show_minutes(dose.duration_minutes)}")
    elif dose.route == "iv":
        words.append("bolus")
    words.append(f"at {_show_minutes(dose.start_minutes)}")
    return " ".join(words)


def _read_amount(text: str, words: list[str]) -> int:
    for word in words:
        if word.lower() in SALT_WORDS:
            raise DoseTextInvalid(
                text,
                f"{word!r} makes it an amount of salt, and models count the drug as base. Take the base amount "
                "from the label; it is not converted here",
                code="KIN-SALT",
            )
    if len(words) < 2:
        raise DoseTextInvalid(text, "an amount with its unit and a route are needed")
    if words[1].endswith("/kg"):
        raise DoseTextInvalid(text, "it is an amount per kilogram; write the whole amount in mg")
    try:
        amount = parse_amount(f"{words[0]} {words[1]}", expect="ug")
    except NotExact as error:
        raise DoseTextInvalid(text, error.reason) from error
    if amount.value == 0:
        raise DoseTextInvalid(text, "the amount is zero")
    return amount.value


def _take_drug(text: str, words: list[str]) -> Drug | None:
    if not words or words[0].lower() in ROUTES:
        return None
    word = words.pop(0).lower()
    if word not in DRUGS:
        # Not guessed: half of a racemate is S-ketamine, so the same milligrams under another name are another dose.
        raise DoseTextInvalid(text, f"{word!r} is neither a route nor a drug known here")
    return typing.cast(Drug, word)


def _take_route(text: str, words: list[str]) -> Route:
    if not words:
        raise DoseTextInvalid(text, f"the route is missing; one of {', '.join(ROUTES)}")
    word = words.pop(0).lower()
    if word not in ROUTES:
        raise DoseTextInvalid(text, f"{word!r} is not a route; one of {', '.join(ROUTES)}")
    return typing.cast(Route, word)


def _take_duration(text: str, words: list[str], route: Route) -> float | None:
    """Minutes of an infusion, or None when all is given at once."""
    way = words[0] if words else ""
    if route != "iv":
        if way in ("bolus", "over"):
            raise DoseTextInvalid(text, f"{way!r} belongs to iv, not to {route}")
        return None
    if way == "bolus":
        words.pop(0)
        return None
    if way != "over":
        raise DoseTextInvalid(text, "an iv dose says 'bolus' or 'over' how many minutes")
    words.pop(0)
    minutes = _take_minutes(text, words)
    if minutes == 0:
        raise DoseTextInvalid(text, "it lasts no time; write 'bolus'")
    return minutes


def _take_start(text: str, words: list[str]) -> float:
    if not words:
        return 0.0
    if words[0] != "at":
        raise DoseTextInvalid(text, f"{words[0]!r} stands where 'at' is expected")
    words.pop(0)
    return _take_minutes(text, words)


def _take_minutes(text: str, words: list[str]) -> float:
    """A time in minutes: the nearest float to the exact decimal."""
    if len(words) < 2:
        raise DoseTextInvalid(text, "a time needs a number and min or h")
    number, unit = words.pop(0), words.pop(0)
    match = _NUMBER.fullmatch(number)
    if match is None:
        raise DoseTextInvalid(text, f"{number!r} is not a plain decimal number")
    if unit not in ("min", "h"):
        raise DoseTextInvalid(text, f"{unit!r} is not a unit of time; min or h")
    fraction = match["fraction"] or ""
    scaled = int(match["whole"] + fraction) * (MINUTES_PER_HOUR if unit == "h" else 1)
    # One division of whole numbers rounds once, so 1.1 h is 66 min and not 66.00000000000001.
    minutes = scaled / int(10 ** len(fraction))
    if minutes > MINUTES_MAX:
        raise DoseTextInvalid(text, f"{number} {unit} is more than {MINUTES_MAX} min")
    return minutes


def _show_minutes(minutes: float) -> str:
    # A NaN or an infinity has no such text either.
    text = f"{minutes:.{DECIMALS_MAX}f}".rstrip("0").rstrip(".")
    if _NUMBER.fullmatch(text) is None or float(text) != minutes:
        raise DoseNotWritable(minutes)
    return f"{text} min"
