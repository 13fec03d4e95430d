"""Questionnaires and ratings: a definition and answers in, a score with its reasons out.

Nothing is guessed: a missing answer leaves no total, unless the scale has a published rule for it, that rule was switched
on, and no safety item is among the missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


class AnswerNotOffered(ValueError):
    """An answer that the item does not offer, or an item that the scale does not have."""

    def __init__(self, *, scale_id: str, item_id: str, value: object, offered: str) -> None:
        self.scale_id = scale_id
        self.item_id = item_id
        self.value = value
        self.offered = offered
        super().__init__(f"{scale_id} {item_id}: the answer {value!r} is not one of {offered}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One answer: its words and its points."""

    value: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question. `flag` is raised by an answer of `flag_at` or more; a flagged item is never imputed."""

    item_id: str
    text: str
    help: str = ""
    options: tuple[Option, ...]
    is_scored: bool = True
    flag: str | None = None
    flag_at: int | None = None
    loinc: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A named range of totals, both ends included."""

    name: str
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prorating:
    """A published rule for missing answers: total = mean of the answered items x number of items."""

    missing_max: int
    certainty: Literal["R", "r", "K", "D"]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A questionnaire or rating as its file says it."""

    scale_id: str
    version: int
    title: str
    instruction: str
    answered_by: Literal["patient", "staff"]
    items: tuple[Item, ...]
    bands: tuple[Band, ...] = ()
    remission_below: int | None = None
    response_percent: int | None = None
    prorating: Prorating | None = None
    loinc_total: str = ""
    licence: str
    source: str
    content_hash: str = ""

    @property
    def low(self) -> int:
        """The smallest total."""
        return sum(min(o.value for o in item.options) for item in self.items if item.is_scored)

    @property
    def high(self) -> int:
        """The largest total."""
        return sum(max(o.value for o in item.options) for item in self.items if item.is_scored)

    @property
    def safety_items(self) -> tuple[str, ...]:
        """The items whose answers raise a flag; never imputed."""
        return tuple(item.item_id for item in self.items if item.flag is not None)

    def item(self, item_id: str) -> Item:
        """The item of that id.

        Raises:
            AnswerNotOffered: the scale has no such item.
        """
        for item in self.items:
            if item.item_id == item_id:
                return item
        raise AnswerNotOffered(
            scale_id=self.scale_id, item_id=item_id, value=None,
            offered=", ".join(item.item_id for item in self.items),
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What the answers amount to. `total` and `band` are None while a needed answer is missing."""

    scale_id: str
    total: int | None
    band: str | None
    missing: tuple[str, ...]
    flags: tuple[str, ...]
    is_prorated: bool = False


def score(scale: Scale, answers: Mapping[str, int | None], *, may_prorate: bool = False) -> Score:
    """The total, its band, what is missing, and the flags that answers raise.

    Args:
        scale: the definition.
        answers: item id to points; None or absent means not answered. Flags are raised by partial answers too.
        may_prorate: use the scale's rule for missing answers. Off unless a named person has verified the rule.

    Raises:
        AnswerNotOffered: points that the item does not offer, or an unknown item.
    """
    _check_answers(scale, answers)
    scored = tuple(item for item in scale.items if item.is_scored)
    missing = tuple(item.item_id for item in scored if answers.get(item.item_id) is None)
    points = [value for item in scored if (value := answers.get(item.item_id)) is not None]
    is_prorated = bool(missing) and may_prorate and _may_impute(scale, missing)
    total = None
    if not missing:
        total = sum(points)
    elif is_prorated:
        total = _prorated(points, of=len(scored))
    return Score(
        scale_id=scale.scale_id,
        total=total,
        band=None if total is None else band_of(scale, total),
        missing=missing,
        flags=_flags(scale, answers),
        is_prorated=is_prorated,
    )


def band_of(scale: Scale, total: int) -> str | None:
    """The name of the band that holds the total, or None when the scale has no bands."""
    return next((band.name for band in scale.bands if band.low <= total <= band.high), None)


def is_remission(scale: Scale, total: int) -> bool:
    """Whether the total is below the scale's published remission line."""
    assert scale.remission_below is not None, "only a scale with a published line is asked"
    return total < scale.remission_below


def is_response(scale: Scale, *, baseline: int, total: int) -> bool:
    """Whether the total fell by the scale's response percentage or more from a baseline above zero."""
    assert scale.response_percent is not None, "only a scale with a published line is asked"
    return baseline > 0 and (baseline - total) * 100 >= baseline * scale.response_percent


def _check_answers(scale: Scale, answers: Mapping[str, int | None]) -> None:
    for item_id, value in answers.items():
        item = scale.item(item_id)
        offered = [option.value for option in item.options]
        # bool is an int in Python: True must not count as one point.
        if value is not None and (isinstance(value, bool) or value not in offered):
            raise AnswerNotOffered(
                scale_id=scale.scale_id, item_id=item_id, value=value,
                offered=", ".join(str(one) for one in offered),
            )  # fmt: skip


def _may_impute(scale: Scale, missing: tuple[str, ...]) -> bool:
    if scale.prorating is None or len(missing) > scale.prorating.missing_max:
        return False
    return all(scale.item(item_id).flag is None for item_id in missing)


def _prorated(points: list[int], *, of: int) -> int:
    """Mean of the answered items times the number of items, half rounded up."""
    return (2 * sum(points) * of + len(points)) // (2 * len(points))


def _flags(scale: Scale, answers: Mapping[str, int | None]) -> tuple[str, ...]:
    def is_raised(item: Item) -> bool:
        value = answers.get(item.item_id)
        return value is not None and item.flag_at is not None and value >= item.flag_at

    return tuple(item.flag for item in scale.items if item.flag is not None and is_raised(item))
