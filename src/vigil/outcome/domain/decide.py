"""State and a request in; an allowed fact or a refusal out. No clock, no database."""

from collections.abc import Collection
from datetime import datetime

from vigil.outcome.domain.facts import Answered, FlagKind, Phase
from vigil.units.refusals import Refused

ANSWERS_PER_MINUTE_MAX = 30
"""A thumb taps an answer a second at best; more is a machine."""

ANSWERS_MAX = 300
"""Nine questions, each changed thirty times: more than any person, few enough to store."""

CLOSED = Refused(
    code="OUT-LINK",
    message="This link cannot be opened. It may have been used, or its time may have passed.",
)
TOO_FAST = Refused(
    code="OUT-RATE",
    message="Too many answers came at once. Wait a minute, then go on. What was saved stays saved.",
)


def decide_answer(
    *,
    phase: Phase,
    item: str,
    value: int | None,
    choices: Collection[int],
    answers_so_far: int,
    answers_last_minute: int,
    at: datetime,
) -> Answered | Refused:
    """Record the answer while the questionnaire is open and the value is one that the item offers.

    `choices` is empty for an item that the scale does not have. `value` None means skipped.
    """
    if phase != "open":
        return CLOSED
    if answers_so_far >= ANSWERS_MAX or answers_last_minute >= ANSWERS_PER_MINUTE_MAX:
        return TOO_FAST
    if not choices or (value is not None and value not in choices):
        return Refused(
            code="OUT-ANSWER", message="That is not one of the answers. Choose one of those shown."
        )
    return Answered(item=item, value=value, answered_at=at)


def decide_flag(*, flag: str | None, flag_at: int | None, value: int | None) -> FlagKind | None:
    """The flag that an answer raises: any thought of self-harm, or that question left open.

    `flag` and `flag_at` are the item's own, from its scale. A skipped safety question is unknown, and
    an unknown is not a no.
    """
    if flag is None or flag_at is None:
        return None
    if value is None:
        return f"{flag}-unanswered"
    return flag if value >= flag_at else None


def decide_acknowledge(*, is_acknowledged: bool, note: str) -> Refused | None:
    """Allow the first acknowledgement that says what was done."""
    if is_acknowledged:
        return Refused(code="OUT-FLAG-DONE", message="Someone already took this. Nothing changed.")
    if not note.strip():
        return Refused(code="OUT-FLAG-NOTE", message="Say what you did, such as 'Called at 10:20'.")
    return None
