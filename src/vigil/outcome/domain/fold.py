"""Facts in, state out: which phase a questionnaire is in, which answer counts, which item comes next."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from vigil.outcome.domain.facts import Answered, Phase
from vigil.scales.scoring import Item, Scale


def asked_items(scale: Scale) -> tuple[Item, ...]:
    """The items that a phone asks: the scored ones, which are the instrument's own count."""
    return tuple(item for item in scale.items if item.is_scored)


def fold_phase(
    *, due_at: datetime, expires_at: datetime, completed_at: datetime | None, now: datetime
) -> Phase:
    """The phase of a questionnaire at a moment. A completed one stays completed until it expires."""
    if now >= expires_at:
        return "expired"
    if completed_at is not None:
        return "completed"
    return "open" if now >= due_at else "not-open"


def fold_answers(answers: Iterable[Answered]) -> dict[str, int | None]:
    """The answer that counts for each item: the last one given, in the order of the server."""
    return {answer.item: answer.value for answer in answers}


def first_unanswered(items: Sequence[str], answers: Mapping[str, int | None]) -> int | None:
    """Place (from 1) of the first item that was neither answered nor skipped, or None."""
    for place, item in enumerate(items, start=1):
        if item not in answers:
            return place
    return None
