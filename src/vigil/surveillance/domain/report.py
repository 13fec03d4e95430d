"""Watched patients and the declared policy in, the claim report's numbers out. No clock, no database."""

from math import exp, log

from vigil.statistics.claim import Claim
from vigil.statistics.intervals import clopper_pearson, years_needed
from vigil.surveillance.domain.facts import Scenario, Share

EVENTS_LOOKED_AT_MAX = 400
"""Events up to which a design is searched: a margin three times the true rate needs about twenty."""

UNKNOWN_TIMES = (2, 5, 10)
"""How much more often the unseen are assumed to be cases (reference, claim report 5.1)."""


def scenarios(claim: Claim, *, unseen_years: float, sensitivity: float) -> tuple[Scenario, ...]:
    """The upper bound as seen, with cases that go unnoticed, and with worse luck among the unseen."""
    upper = claim.upper_per_100
    found = [
        Scenario(
            name="this clinic, as seen", assumption="every case was found", upper_per_100=upper
        ),
        Scenario(
            name=f"if {round(10 * (1 - sensitivity))} cases in 10 go unnoticed",
            assumption=f"sensitivity {sensitivity:g}",
            upper_per_100=claim.upper_true_per_100,
        ),
        Scenario(
            name="if those not seen are like the others",
            assumption="the same rate in the time that nobody saw",
            upper_per_100=upper,
        ),
    ]
    for times in UNKNOWN_TIMES:
        found.append(
            Scenario(
                name=f"if those not seen have {times} times the rate",
                assumption=f"{times} times the rate in the time that nobody saw",
                upper_per_100=_with_unseen(upper, claim.person_years, unseen_years, times),
            )
        )
    return tuple(found)


def _with_unseen(
    upper: float | None, seen_years: float, unseen_years: float, times: int
) -> float | None:
    if upper is None:
        return None
    return upper * (seen_years + times * unseen_years) / (seen_years + unseen_years)


def share(events: int, people: int, confidence: float = 0.95) -> Share:
    """A share of people with its exact two-sided interval, in percent."""
    if people == 0:
        return Share(events=0, people=0, percent=None, low_percent=None, high_percent=None)
    low, high = clopper_pearson(events, people, confidence)
    return Share(
        events=events,
        people=people,
        percent=100 * events / people,
        low_percent=100 * low,
        high_percent=100 * high,
    )


def years_for_answer(
    *, margin_per_100: float, true_rate_per_100: float, confidence: float, power: float
) -> float | None:
    """Person-years after which the claim would be supported with this chance, if the rate were that.

    The least of the exact designs 'at most k events in as many years as k events need'. None when
    no design up to EVENTS_LOOKED_AT_MAX has the power (the rate is too near the margin).
    """
    if true_rate_per_100 >= margin_per_100:
        return None
    for events in range(EVENTS_LOOKED_AT_MAX):
        years = years_needed(margin_per_100, events, confidence)
        if _poisson_at_most(events, true_rate_per_100 * years / 100) >= power:
            return years
    return None


def _poisson_at_most(events: int, mean: float) -> float:
    """The chance of at most that many events; terms in logarithms, so that none overflows."""
    if mean == 0:
        return 1.0
    total, term = 0.0, -mean
    for count in range(events + 1):
        term += log(mean) - log(count) if count else 0.0
        total += exp(term)
    return total
