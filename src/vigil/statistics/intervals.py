"""Exact intervals for counts: events and person-time or people in, bounds out.

Exact means: the coverage is never below the confidence stated, whatever the true rate is.
"""

from math import inf, isfinite, log
from typing import Any


class CountInvalid(ValueError):
    """A count, an exposure or a confidence that no interval can be made of."""

    def __init__(self, name: str, value: object, limit: str) -> None:
        self.name = name
        self.value = value
        self.limit = limit
        super().__init__(f"{name} is {value!r}; expected {limit}.")


def garwood(events: int, person_years: float, confidence: float = 0.95) -> tuple[float, float]:
    """The exact two-sided interval of a Poisson rate, events per person-year.

    Args:
        events: 0 or more.
        person_years: more than 0.
        confidence: in (0, 1).

    Returns:
        Lower and upper bound per person-year; the lower is 0 with no events.

    Raises:
        CountInvalid: an argument is out of range.

    Source: Garwood 1936.

    >>> low, high = garwood(3, 100)
    >>> round(low, 6), round(high, 6)
    (0.006187, 0.087673)
    """
    _check_events(events)
    _check_exposure(person_years)
    tail = (1 - _checked_confidence(confidence)) / 2
    low = float(_special().gammaincinv(events, tail)) if events else 0.0
    high = float(_special().gammaincinv(events + 1, 1 - tail))
    return low / person_years, high / person_years


def upper_bound_one_sided(events: int, person_years: float, confidence: float = 0.95) -> float:
    """The exact one-sided upper bound of a Poisson rate, events per person-year.

    Raises:
        CountInvalid: an argument is out of range.

    >>> round(upper_bound_one_sided(0, 3777), 10)
    0.0007931513
    """
    _check_events(events)
    _check_exposure(person_years)
    return float(_special().gammaincinv(events + 1, _checked_confidence(confidence))) / person_years


def years_needed(margin_per_100: float, events: int, confidence: float = 0.95) -> float:
    """Person-years at which the one-sided upper bound of that many events equals the margin.

    Args:
        margin_per_100: events per 100 person-years, more than 0.
        events: 0 or more.
        confidence: in (0, 1).

    Raises:
        CountInvalid: an argument is out of range.

    >>> round(years_needed(1.0, 0), 2)
    299.57
    """
    if not (isfinite(margin_per_100) and margin_per_100 > 0):
        raise CountInvalid("margin_per_100", margin_per_100, "more than 0")
    return upper_bound_one_sided(events, 1.0, confidence) * 100 / margin_per_100


def clopper_pearson(events: int, people: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact two-sided interval of a proportion.

    Raises:
        CountInvalid: an argument is out of range.

    >>> low, high = clopper_pearson(3, 200)
    >>> round(low, 6), round(high, 6)
    (0.003104, 0.043208)
    """
    _check_events(events)
    _check_people(events, people)
    tail = (1 - _checked_confidence(confidence)) / 2
    low = float(_special().betaincinv(events, people - events + 1, tail)) if events else 0.0
    high = (
        float(_special().betaincinv(events + 1, people - events, 1 - tail))
        if events < people
        else 1.0
    )
    return low, high


def clopper_pearson_upper(events: int, people: int, confidence: float = 0.95) -> float:
    """The exact one-sided upper bound of a proportion.

    Raises:
        CountInvalid: an argument is out of range.
    """
    _check_events(events)
    _check_people(events, people)
    one_sided = _checked_confidence(confidence)
    return (
        float(_special().betaincinv(events + 1, people - events, one_sided))
        if events < people
        else 1.0
    )


def rate_ratio(
    first: tuple[int, float], second: tuple[int, float], confidence: float = 0.95
) -> tuple[float, float, float]:
    """The ratio of two Poisson rates with its exact conditional interval: ratio, low, high.

    Args:
        first: events and person-years of the group of interest.
        second: events and person-years of the group it is compared with.
        confidence: in (0, 1).

    Raises:
        CountInvalid: an argument is out of range, or there are no events at all.
    """
    (events_1, years_1), (events_2, years_2) = first, second
    for events, years in (first, second):
        _check_events(events)
        _check_exposure(years)
    if events_1 + events_2 == 0:
        raise CountInvalid("events", 0, "at least one event in either group")
    share_low, share_high = clopper_pearson(events_1, events_1 + events_2, confidence)
    scale = years_2 / years_1
    high = inf if share_high >= 1 else share_high / (1 - share_high) * scale
    ratio = inf if events_2 == 0 else events_1 / events_2 * scale
    return ratio, share_low / (1 - share_low) * scale, high


def rate_ratio_p(first: tuple[int, float], second: tuple[int, float]) -> float:
    """The exact two-sided p-value that two Poisson rates are equal.

    Sums the probabilities of every split that is as unlikely as the one seen, or more so.

    Raises:
        CountInvalid: an argument is out of range, or there are no events at all.
    """
    (events_1, years_1), (events_2, years_2) = first, second
    for events, years in (first, second):
        _check_events(events)
        _check_exposure(years)
    total = events_1 + events_2
    if total == 0:
        raise CountInvalid("events", 0, "at least one event in either group")
    share = years_1 / (years_1 + years_2)
    chances = [_binomial_chance(k, total, share) for k in range(total + 1)]
    # Chances that are equal but for rounding count as equal (R does the same, with the same slack).
    return min(1.0, sum(chance for chance in chances if chance <= chances[events_1] * (1 + 1e-7)))


def _binomial_chance(k: int, n: int, share: float) -> float:
    below = float(_special().betainc(n - k, k + 1, 1 - share)) if k < n else 1.0
    before = float(_special().betainc(n - k + 1, k, 1 - share)) if k > 0 else 0.0
    return below - before


def zero_event_people_needed(share: float, confidence: float = 0.95) -> int:
    """How many people without an event exclude a share that high, one-sided.

    Raises:
        CountInvalid: an argument is out of range.

    >>> [zero_event_people_needed(share) for share in (0.02, 0.01, 0.005)]
    [149, 299, 598]
    """
    if not 0 < share < 1:
        raise CountInvalid("share", share, "more than 0 and less than 1")
    tail = 1 - _checked_confidence(confidence)
    needed = int(log(tail) / log(1 - share))
    while (1 - share) ** needed > tail:
        needed += 1
    return needed


def _special() -> Any:
    # Imported at the first interval, not at the start: with NumPy it is a third of the pages' start-up and
    # of their memory, and only the claim asks for an interval.
    from scipy import special

    return special


def _check_events(events: int) -> None:
    if isinstance(events, bool) or not isinstance(events, int) or events < 0:
        raise CountInvalid("events", events, "a whole number, 0 or more")


def _check_people(events: int, people: int) -> None:
    if isinstance(people, bool) or not isinstance(people, int) or people < max(1, events):
        raise CountInvalid("people", people, "a whole number, at least 1 and at least the events")


def _check_exposure(person_years: float) -> None:
    if not (isfinite(person_years) and person_years > 0):
        raise CountInvalid("person_years", person_years, "more than 0 and finite")


def _checked_confidence(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise CountInvalid("confidence", confidence, "more than 0 and less than 1")
    return confidence
