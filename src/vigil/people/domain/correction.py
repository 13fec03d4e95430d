"""Which details of a patient may be corrected, by whom, and to what. Facts in; changes or a refusal out."""

from datetime import date

from vigil.people.domain.facts import UNCHANGED, Correction, Patient, Staff
from vigil.people.duties import Duty
from vigil.units.refusals import Refused

NAME_LENGTH_MAX = 120
"""Letters that the columns of a name and of one allergy hold (people.models)."""

PHONE_LENGTH_MAX = 32
REASON_LENGTH_MAX = 200

BORN_FIRST = date(1900, 1, 1)
"""Nobody alive was born before: an earlier year is a slip."""

FOR_THE_DESK = frozenset({"name", "born_on", "phone"})
"""What only the front desk corrects; whoever asks the patient may write down an allergy."""


def why_no_name(name: str) -> Refused | None:
    """The refusal of a name that is empty or too long, or None."""
    if 0 < len(name.strip()) <= NAME_LENGTH_MAX:
        return None
    return Refused(
        code="PEO-NAME", message=f"A patient needs a name of 1 to {NAME_LENGTH_MAX} letters."
    )


def why_no_birth_date(born_on: date, *, today: date) -> Refused | None:
    """The refusal of a birth date that cannot be, or None."""
    if BORN_FIRST <= born_on <= today:
        return None
    return Refused(
        code="PEO-BORN", message=f"Born on {born_on} is not between {BORN_FIRST} and today."
    )


def decide_correction(
    held: Patient, asked: Correction, *, reason: str, by: Staff, today: date
) -> dict[str, object] | Refused:
    """The details that change, by name, or the refusal. What is asked as it stands is no change."""
    wanted = {
        name: value
        for name in ("name", "born_on", "phone", "allergies")
        if (value := _clean(getattr(asked, name))) is not UNCHANGED
    }
    changes = {name: value for name, value in wanted.items() if value != getattr(held, name)}
    if not changes:
        return Refused(code="PEO-UNCHANGED", message="These details stand there already.")
    if changes.keys() & FOR_THE_DESK and Duty.REGISTER not in by.duties:
        return Refused(
            code="PEO-DUTY",
            message="Name, birth date and phone need the duty to register. Ask the front desk.",
        )
    if not 0 < len(reason.strip()) <= REASON_LENGTH_MAX:
        return Refused(
            code="PEO-REASON",
            message=f"Say why in 1 to {REASON_LENGTH_MAX} letters: it stays in the record.",
        )
    return _why_not(changes, today=today) or changes


def _clean(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _why_not(changes: dict[str, object], *, today: date) -> Refused | None:
    """Why one of the new details cannot be right, or None."""
    if "name" in changes and (refused := why_no_name(str(changes["name"]))) is not None:
        return refused
    born_on = changes.get("born_on")
    if isinstance(born_on, date):
        refused = why_no_birth_date(born_on, today=today)
        if refused is not None:
            return refused
    if len(str(changes.get("phone", ""))) > PHONE_LENGTH_MAX:
        return Refused(
            code="PEO-PHONE", message=f"A phone number has at most {PHONE_LENGTH_MAX} letters."
        )
    listed = changes.get("allergies")
    if isinstance(listed, tuple) and not all(0 < len(x) <= NAME_LENGTH_MAX for x in listed):
        return Refused(
            code="PEO-ALLERGY", message=f"Each allergy has 1 to {NAME_LENGTH_MAX} letters."
        )
    return None
