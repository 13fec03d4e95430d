"""Published and twice-computed reference cases of the statistics (surveillance reference, section 2, cases 1-11; 5.2)."""

from math import exp, isclose

import pytest

from vigil.statistics.claim import decide_claim
from vigil.statistics.intervals import (
    CountInvalid,
    clopper_pearson,
    clopper_pearson_upper,
    garwood,
    rate_ratio,
    rate_ratio_p,
    upper_bound_one_sided,
    years_needed,
    zero_event_people_needed,
)

DIGITS = 1e-6


def near(found: float, expected: float) -> bool:
    return isclose(found, expected, rel_tol=DIGITS, abs_tol=1e-12)


@pytest.mark.parametrize(
    ("case", "events", "people", "low", "high"),
    [
        (1, 3, 200, 0.003104107622, 0.04320828192),
        (2, 0, 1148, 0.0, 0.003208152475),
        (3, 2, 1148, 0.0002110533708, 0.006278977464),
        (4, 7, 350, 0.008077935169, 0.04077177617),
        (5, 0, 200, 0.0, 0.01827534036),
        (11, 210, 58_483, 0.003122230793, 0.004109614536),
    ],
)
def test_clopper_pearson(case: int, events: int, people: int, low: float, high: float) -> None:
    found = clopper_pearson(events, people)

    assert near(found[0], low)
    assert near(found[1], high)


@pytest.mark.parametrize(
    ("case", "events", "people", "upper"),
    [(1, 3, 200, 0.0383097085), (2, 0, 1148, 0.002606121041), (5, 0, 200, 0.01486703923)],
)
def test_clopper_pearson_one_sided(case: int, events: int, people: int, upper: float) -> None:
    assert near(clopper_pearson_upper(events, people), upper)


@pytest.mark.parametrize(
    ("case", "events", "years", "low", "high"),
    [
        (6, 3, 100, 0.006186721229, 0.0876727307),
        (7, 0, 3777, 0.0, 0.0009766691697),
        (8, 12, 94.32, 0.06573977002, 0.2222390272),
        (9, 5, 2500, 0.000649394556, 0.004667332832),
    ],
)
def test_garwood(case: int, events: int, years: float, low: float, high: float) -> None:
    found = garwood(events, years)

    assert near(found[0], low)
    assert near(found[1], high)


def test_case_7_one_sided() -> None:
    assert near(upper_bound_one_sided(0, 3777), 0.0007931512506)


def test_case_10_rate_ratio() -> None:
    ratio, low, high = rate_ratio((11, 800), (3, 900))

    assert near(ratio, 4.125)
    assert near(low, 1.089672967)
    assert near(high, 23.0273658)
    assert near(rate_ratio_p((11, 800), (3, 900)), 0.028578731)


def test_the_exact_counts_behind_the_rule_of_three() -> None:
    assert [zero_event_people_needed(share) for share in (0.02, 0.01, 0.005)] == [149, 299, 598]
    # Clinical reference 0.7: a risk of 1 in 1,000 needs 2,995.
    assert zero_event_people_needed(0.001) == 2995


def test_no_event_supports_one_per_hundred_only_from_three_hundred_years() -> None:
    """5.2: -ln(0.05) x 100 = 299.57 person-years, worked by hand."""
    needed = years_needed(1.0, 0)

    assert near(needed, 299.5732273554)
    assert isclose(exp(-needed / 100), 0.05, rel_tol=1e-9)


@pytest.mark.parametrize(
    ("years", "events_allowed"),
    [(100, None), (300, 0), (500, 1), (1000, 4), (1500, 8), (3000, 20), (5000, 38)],
)
def test_events_allowed_by_the_margin(years: int, events_allowed: int | None) -> None:
    """5.2, second column: the most events with the one-sided upper bound below 1 per 100."""
    allowed = [k for k in range(60) if upper_bound_one_sided(k, years) < 0.01]

    assert (allowed[-1] if allowed else None) == events_allowed


POLICY = {
    "margin_per_100": 1.0, "confidence": 0.95, "sensitivity": 0.8,
    "ascertainment_percent_min": 85, "patient_years_min": 300,
}  # fmt: skip


def test_a_young_clinic_is_told_how_many_years_are_missing() -> None:
    """With sensitivity 0.8 the bound is divided by it: 299.57 / 0.8 = 374.47 person-years."""
    claim = decide_claim(events=0, person_years=3.2, ascertainment_percent=100.0, **POLICY)

    assert claim.verdict == "NOT ENOUGH EVIDENCE YET"
    assert near(claim.years_needed, 374.46653419)
    assert near(claim.years_missing, 371.26653419)
    # 2.995732 events at most in 3.2 years is 93.6166 per 100; if only 8 in 10 are found, 117.0208.
    assert near(claim.upper_per_100, 93.61663355)
    assert near(claim.upper_true_per_100, 117.0207919)


def test_no_patient_at_all_is_not_enough_evidence() -> None:
    claim = decide_claim(events=0, person_years=0, ascertainment_percent=None, **POLICY)

    assert claim.verdict == "NOT ENOUGH EVIDENCE YET"
    assert (claim.rate_per_100, claim.upper_per_100) == (None, None)


@pytest.mark.parametrize(
    ("events", "years", "ascertainment", "verdict"),
    [
        (0, 374.4, 100.0, "NOT ENOUGH EVIDENCE YET"),
        (0, 374.6, 100.0, "SUPPORTED"),
        (0, 374.6, 85.0, "SUPPORTED"),
        (0, 374.6, 84.9, "NOT ENOUGH EVIDENCE YET"),
        (0, 5000, None, "NOT ENOUGH EVIDENCE YET"),
        (4, 1000, 100.0, "NOT ENOUGH EVIDENCE YET"),
        (10, 1000, 100.0, "NOT ENOUGH EVIDENCE YET"),
        # The one-sided 95 % lower bound of 15 is 9.246 and of 16 is 10.036 (tables of exact Poisson limits).
        (15, 1000, 100.0, "NOT ENOUGH EVIDENCE YET"),
        (16, 1000, 100.0, "NOT SUPPORTED"),
        (30, 1000, 100.0, "NOT SUPPORTED"),
        (30, 1000, 20.0, "NOT SUPPORTED"),
        (30, 299, 100.0, "NOT ENOUGH EVIDENCE YET"),
    ],
)
def test_the_verdict_leaves_its_default_only_for_reasons(
    events: int, years: float, ascertainment: float | None, verdict: str
) -> None:
    claim = decide_claim(
        events=events, person_years=years, ascertainment_percent=ascertainment, **POLICY
    )

    assert claim.verdict == verdict
    assert bool(claim.reasons) == (verdict != "SUPPORTED")


@pytest.mark.parametrize(
    "change",
    [
        {"events": -1}, {"events": 1.5}, {"events": True}, {"person_years": -1},
        {"person_years": float("nan")}, {"ascertainment_percent": 101.0}, {"sensitivity": 0},
        {"confidence": 95}, {"margin_per_100": 0},
    ],
)  # fmt: skip
def test_what_cannot_be_counted_is_refused(change: dict[str, object]) -> None:
    asked = {"events": 0, "person_years": 10, "ascertainment_percent": 90.0, **POLICY, **change}

    with pytest.raises(CountInvalid):
        decide_claim(**asked)
