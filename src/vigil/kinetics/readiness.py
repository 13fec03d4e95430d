"""When a patient may be ready to leave: bounds of "ready by minute t", and the items that are still open.

In: minutes since the first dose, the minimum stay, the items of discharge as people recorded them, what the forecast says of falling
below a level, and published shares of patients who were ready. Out: for each minute the least and the most that the
evidence allows, and between which minutes half and 90 % are reached. It never shortens a minimum stay and never
ticks an item: before the floor it says 0, up to now it says 0 while any item is open, and while one is open it
never says more than OPEN_MAX.

Nothing published says how the ways to be unready hang together, so nothing is assumed about it. Each piece of evidence
bounds the share of patients for whom its items are met; all of them together are met at most as often as the rarest, and at
least as often as is left when every shortfall falls on another patient (the Frechet bounds). An open item without evidence may take any
time: then the least is 0. Both bounds are of patients for whom the same items are recorded as not met now.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from vigil.kinetics.bands import share_between
from vigil.kinetics.facts import FloatArray, Route, Source
from vigil.kinetics.forecast import Forecast

OPEN_MAX = 0.99
"""While a person has not recorded an item as met, no curve may look certain."""

HALF, NINETY = 0.5, 0.9
"""The shares whose minutes are told."""

POINTS_MAX = 2000
"""A day and a half of minutes; more is a mistake in the minutes."""


class ReadinessInvalid(ValueError):
    """The question makes no sense."""

    def __init__(self, field: str, value: object, limit: str) -> None:
        self.field = field
        self.value = value
        self.limit = limit
        super().__init__(f"{field} is {value!r}; {limit}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectLevel:
    """A published concentration of an effect, ng/mL, with its interval, and the items of discharge it speaks of.

    `bounds`: "most" when being below it is needed but not enough for the items (half of an effect is not its end), "both"
    when it is also enough.
    """

    name: str
    version: int
    title: str
    ng_per_ml: float
    low_ng_per_ml: float
    high_ng_per_ml: float
    covers: tuple[str, ...]
    bounds: Literal["most", "both"]
    certainty: str
    source: Source
    locator: str
    notes: tuple[str, ...] = ()
    content_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyShare:
    """Of the patients of a publication, between `low` and `high` were ready `minutes` after the first dose."""

    minutes: float
    low: float
    high: float
    certainty: str
    source: str
    locator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessAnchors:
    """Published shares of patients ready to leave after one product by one route, and which items that judgement covers."""

    name: str
    version: int
    title: str
    route: Route
    population: str
    covers: tuple[str, ...]
    shares: tuple[ReadyShare, ...]
    sources: tuple[Source, ...]
    notes: tuple[str, ...] = ()
    content_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One condition of discharge as recorded. `is_met` None: nobody has said, and that is not a yes."""

    code: str
    is_met: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """When a share is reached: not before `early`, and by `late`. None: not within the minutes shown."""

    early: float | None
    late: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessCurve:
    """Bounds of "ready by", shape (T,), each in [0, 1] and never falling; `minutes`: shape (T,), since the first dose.

    `open_items`: codes not recorded as met. `uncovered_items`: those of them that no evidence speaks of. `based_on`: each piece of
    evidence in words.
    """

    minutes: FloatArray
    low: FloatArray
    high: FloatArray
    floor_minute: float
    half_by: Reached
    ninety_by: Reached
    open_items: tuple[str, ...]
    uncovered_items: tuple[str, ...]
    based_on: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """The least and most share for whom the covered items are met by each minute and now."""

    covers: frozenset[str]
    low: FloatArray
    high: FloatArray
    low_now: float
    high_now: float
    words: str


def curve(
    *,
    elapsed_minutes: float,
    floor_minute: float,
    until_minute: float,
    items: tuple[Item, ...],
    forecast: Forecast | None = None,
    level: EffectLevel | None = None,
    anchors: ReadinessAnchors | None = None,
    every_minutes: float = 1.0,
) -> ReadinessCurve:
    """Bounds of "ready by minute t" from now on.

    Args:
        elapsed_minutes: now, since the first dose.
        floor_minute: the minimum stay ends then, on the same axis.
        until_minute: last minute, at least a step after now.
        items: every condition of discharge but the minimum stay.
        forecast: of this session, made now with `level` among its levels.
        level: below it, the items it covers are taken to be met.
        anchors: published shares for this product and route.
        every_minutes: step of the curve.

    Raises:
        ReadinessInvalid: minutes that make no sense, an item twice, a forecast without the level or of another moment.
    """
    minutes = _minutes(elapsed_minutes, floor_minute, until_minute, every_minutes)
    codes = [item.code for item in items]
    for code in codes:
        if codes.count(code) > 1:
            raise ReadinessInvalid("items", code, "an item is recorded once")
    opened = tuple(item.code for item in items if item.is_met is not True)
    evidence = [
        found
        for found in (
            _from_forecast(forecast, level, minutes),
            _from_anchors(anchors, minutes),
        )
        if found is not None and found.covers & set(opened)
    ]
    covered = frozenset[str]().union(*(found.covers for found in evidence))
    uncovered = tuple(code for code in opened if code not in covered)
    low, high = _bounds(evidence, minutes, items=items)
    before = minutes < floor_minute
    low, high = np.where(before, 0.0, low), np.where(before, 0.0, high)
    return ReadinessCurve(
        minutes=minutes,
        low=low,
        high=high,
        floor_minute=floor_minute,
        half_by=_reached(minutes, low, high, HALF),
        ninety_by=_reached(minutes, low, high, NINETY),
        open_items=opened,
        uncovered_items=uncovered,
        based_on=tuple(found.words for found in evidence),
        notes=_notes(opened, uncovered, evidence),
    )


def _minutes(now: float, floor: float, until: float, every: float) -> FloatArray:
    if not 0 <= now < np.inf:
        raise ReadinessInvalid("elapsed_minutes", now, "it counts from the first dose")
    if not 0 <= floor < np.inf:
        raise ReadinessInvalid("floor_minute", floor, "the minimum stay is 0 minutes or more")
    if not 0 < every < np.inf:
        raise ReadinessInvalid("every_minutes", every, "a step is more than 0 minutes")
    if not 1 <= (until - now) / every < POINTS_MAX:
        raise ReadinessInvalid(
            "until_minute", until, f"1 to {POINTS_MAX} steps of {every:g} min after {now:g}"
        )
    return np.asarray(now + every * np.arange(int((until - now) / every) + 1))


def _bounds(
    evidence: list[_Evidence], minutes: FloatArray, *, items: tuple[Item, ...]
) -> tuple[FloatArray, FloatArray]:
    """Least and most, of patients for whom the items stand as recorded.

    With N: everything recorded as not met is not met now. P(N) is at least 1 - sum of F(now); a piece of evidence is fulfilled
    by t for at most F(t) - F(now) of all, and fails at t for at most 1 - F(t). Divided by P(N) these are the bounds.
    """
    opened = {item.code for item in items if item.is_met is not True}
    refuted = {item.code for item in items if item.is_met is False}
    if not opened:
        return np.ones(len(minutes)), np.ones(len(minutes))
    covered = frozenset[str]().union(*(found.covers for found in evidence))
    # Only what a person recorded as not met is known of now; where nobody has said, every patient is still possible.
    known = [found for found in evidence if found.covers & refuted]
    left = 1.0 - sum(found.high_now for found in known)
    low, high = np.zeros(len(minutes)), np.ones(len(minutes))
    if left > 0:
        if opened <= covered:
            low = 1.0 - sum((1.0 - found.low for found in evidence), np.zeros(len(minutes))) / left
        for found in evidence:
            high = np.minimum(high, _most(found, left, is_known=bool(found.covers & refuted)))
    # What is open now is not met now, whatever the evidence says of other patients.
    later = minutes > minutes[0]
    return np.clip(low, 0.0, OPEN_MAX) * later, np.clip(high, 0.0, OPEN_MAX) * later


def _most(found: _Evidence, left: float, *, is_known: bool) -> FloatArray:
    """The most that one piece of evidence allows: the ratio is monotone in F(now), so one end of it is the largest."""
    if not is_known:
        return found.high / left
    others = left + found.high_now
    at_most = (found.high - found.high_now) / left
    at_least = (found.high - found.low_now) / (others - found.low_now)
    return np.maximum(at_most, at_least)


def _from_forecast(
    forecast: Forecast | None, level: EffectLevel | None, minutes: FloatArray
) -> _Evidence | None:
    """The share of drawn people who stay below the level from each minute on, least and most over the models."""
    if forecast is None or level is None:
        return None
    if abs(forecast.now_minutes - minutes[0]) > forecast.time_minutes[1] - forecast.time_minutes[0]:
        raise ReadinessInvalid(
            "forecast", forecast.now_minutes, f"it must be made now, at minute {minutes[0]:g}"
        )
    if any(level.ng_per_ml not in model.stays_below for model in forecast.models):
        raise ReadinessInvalid(
            "forecast", level.ng_per_ml, "the forecast must have this level among its levels"
        )
    bounds = [
        share_between(model.stays_below[level.ng_per_ml], forecast.time_minutes, minutes)
        for model in forecast.models
    ]
    low = np.min([least for least, _ in bounds], axis=0) * (level.bounds == "both")
    high = np.max([most for _, most in bounds], axis=0)
    names = ", ".join(model.model for model in forecast.models)
    return _Evidence(
        covers=frozenset(level.covers),
        low=low,
        high=high,
        low_now=float(low[0]),
        high_now=float(high[0]),
        words=f"Forecast of the effect site falling below {level.ng_per_ml:g} ng/mL ({level.title}; {names}).",
    )


def _from_anchors(anchors: ReadinessAnchors | None, minutes: FloatArray) -> _Evidence | None:
    """At least the share of the last published minute, at most that of the next one."""
    if anchors is None:
        return None
    ordered = sorted(anchors.shares, key=lambda share: share.minutes)
    at = np.array([share.minutes for share in ordered])
    lows = np.array([0.0, *np.maximum.accumulate([share.low for share in ordered])])
    highs = np.array(
        [*np.minimum.accumulate([share.high for share in reversed(ordered)])[::-1], 1.0]
    )
    low = lows[np.searchsorted(at, minutes, side="right")]
    high = highs[np.searchsorted(at, minutes, side="left")]
    return _Evidence(
        covers=frozenset(anchors.covers),
        low=low,
        high=high,
        low_now=float(low[0]),
        high_now=float(high[0]),
        words=f"{anchors.title}: {anchors.population}.",
    )


def _reached(minutes: FloatArray, low: FloatArray, high: FloatArray, share: float) -> Reached:
    def first(bound: FloatArray) -> float | None:
        reached = np.flatnonzero(bound >= share)
        return float(minutes[reached[0]]) if len(reached) else None

    return Reached(early=first(high), late=first(low))


def _notes(
    opened: tuple[str, ...], uncovered: tuple[str, ...], evidence: list[_Evidence]
) -> tuple[str, ...]:
    notes = ["A person decides; this ticks nothing and does not shorten the minimum stay."]
    if opened and not evidence:
        notes.append(
            "No evidence speaks of the open items: only the minimum stay bounds this curve."
        )
    if uncovered:
        notes.append(
            f"Nothing is known of when these are met: {', '.join(uncovered)}. Until then the least is 0."
        )
    return tuple(notes)
