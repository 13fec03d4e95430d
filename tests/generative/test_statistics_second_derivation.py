"""The intervals against plain sums and bisection: no special function is shared."""

from collections.abc import Callable
from math import comb, exp, isclose, log

from hypothesis import given
from hypothesis import strategies as st

from vigil.statistics.intervals import (
    clopper_pearson,
    garwood,
    rate_ratio,
    upper_bound_one_sided,
    years_needed,
)

events_of = st.integers(0, 60)
years_of = st.floats(0.5, 5000)
confidences = st.floats(0.6, 0.995)


def poisson_at_most(events: int, mean: float) -> float:
    """P(X <= events), summed term by term from the largest to keep small tails exact."""
    if mean == 0:
        return 1.0
    terms, term = [], exp(-mean)
    for k in range(events + 1):
        if k:
            term *= mean / k
        terms.append(term)
    return sum(sorted(terms))


def bisect(is_below: Callable[[float], bool], low: float, high: float) -> float:
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return (low + high) / 2


@given(events=events_of, years=years_of, confidence=confidences)
def test_garwood_is_where_the_poisson_tails_reach_half_the_error(
    events: int, years: float, confidence: float
) -> None:
    tail = (1 - confidence) / 2
    high = bisect(lambda mean: poisson_at_most(events, mean) > tail, 0.0, 400.0)
    low = (
        bisect(lambda mean: 1 - poisson_at_most(events - 1, mean) < tail, 0.0, 400.0)
        if events
        else 0.0
    )

    found = garwood(events, years, confidence)

    assert isclose(found[0] * years, low, rel_tol=1e-7, abs_tol=1e-9)
    assert isclose(found[1] * years, high, rel_tol=1e-7)


@given(events=events_of, margin=st.floats(0.05, 20), confidence=confidences)
def test_years_needed_bring_the_upper_bound_to_the_margin(
    events: int, margin: float, confidence: float
) -> None:
    years = years_needed(margin, events, confidence)

    assert isclose(poisson_at_most(events, years * margin / 100), 1 - confidence, rel_tol=1e-6)
    assert isclose(upper_bound_one_sided(events, years, confidence) * 100, margin, rel_tol=1e-9)


@given(years=years_of, confidence=confidences)
def test_no_event_leaves_the_logarithm(years: float, confidence: float) -> None:
    assert isclose(
        upper_bound_one_sided(0, years, confidence), -log(1 - confidence) / years, rel_tol=1e-9
    )


@given(people=st.integers(1, 80), share=st.floats(0, 1), confidence=confidences)
def test_clopper_pearson_is_where_the_binomial_tails_reach_half_the_error(
    people: int, share: float, confidence: float
) -> None:
    events = round(people * share)
    tail = (1 - confidence) / 2

    def at_most(k: int, p: float) -> float:
        return sum(sorted(comb(people, i) * p**i * (1 - p) ** (people - i) for i in range(k + 1)))

    high = bisect(lambda p: at_most(events, p) > tail, 0.0, 1.0) if events < people else 1.0
    low = bisect(lambda p: 1 - at_most(events - 1, p) < tail, 0.0, 1.0) if events else 0.0

    found = clopper_pearson(events, people, confidence)

    assert isclose(found[0], low, rel_tol=1e-6, abs_tol=1e-9)
    assert isclose(found[1], high, rel_tol=1e-6, abs_tol=1e-9)


@given(
    first=st.tuples(st.integers(0, 30), years_of), second=st.tuples(st.integers(1, 30), years_of)
)
def test_a_rate_ratio_turned_round_is_its_inverse(
    first: tuple[int, float], second: tuple[int, float]
) -> None:
    ratio, low, high = rate_ratio(first, second)
    back, back_low, back_high = rate_ratio(second, first)

    assert low <= ratio <= high
    if first[0]:
        assert isclose(back, 1 / ratio, rel_tol=1e-9)
        assert isclose(back_low, 1 / high, rel_tol=1e-6)
        assert isclose(back_high, 1 / low, rel_tol=1e-6)
