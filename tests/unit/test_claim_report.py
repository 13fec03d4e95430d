"""The claim report's own arithmetic, against published or separately derived figures."""

import math

import pytest

from vigil.statistics.claim import decide_claim
from vigil.surveillance.domain.report import scenarios, share, years_for_answer


def claim(events, years, ascertainment=100.0):
    return decide_claim(
        events=events, person_years=years, ascertainment_percent=ascertainment, margin_per_100=1.0,
        confidence=0.95, sensitivity=0.8, ascertainment_percent_min=85, patient_years_min=300,
    )  # fmt: skip


def test_the_published_benchmark_has_its_published_interval():
    """Reference case 11: 210 of 58,483."""
    found = share(210, 58_483)

    assert found.low_percent == pytest.approx(0.3122230793, rel=1e-6)
    assert found.high_percent == pytest.approx(0.4109614536, rel=1e-6)


def test_a_share_of_nobody_is_unknown():
    assert share(0, 0).percent is None


def test_the_first_year_of_a_clinic_is_not_enough():
    """Reference 5.1: 200 patient-years and no event leave 1.50 per 100."""
    found = claim(0, 200.0)

    assert found.verdict == "NOT ENOUGH EVIDENCE YET"
    assert found.upper_per_100 == pytest.approx(1.4979, abs=1e-4)


def test_1500_patient_years_give_nine_chances_in_ten():
    """Reference 5.2: 8 events allowed at 1,500 patient-years, power .903 at a true rate of 0.36."""
    years = years_for_answer(margin_per_100=1.0, true_rate_per_100=0.36, confidence=0.95, power=0.9)

    # Derived apart: the bound of 8 events, and the plain sum of the Poisson chances.
    chance = sum(
        math.exp(-0.0036 * years) * (0.0036 * years) ** k / math.factorial(k) for k in range(9)
    )
    assert 1440 < years < 1500
    assert chance >= 0.9


def test_no_design_answers_when_the_rate_is_at_the_margin():
    assert (
        years_for_answer(margin_per_100=1.0, true_rate_per_100=1.0, confidence=0.95, power=0.9)
        is None
    )


def test_scenarios_stand_in_order_and_the_unseen_pull_the_bound_up():
    found = scenarios(claim(0, 184.0), unseen_years=24.0, sensitivity=0.8)

    seen, unnoticed, same, twice, five, ten = (one.upper_per_100 for one in found)
    assert seen == pytest.approx(1.628, abs=1e-3)
    assert unnoticed == pytest.approx(seen / 0.8)
    assert same == seen
    assert five == pytest.approx(seen * (184 + 5 * 24) / 208)
    assert seen < twice < five < ten


def test_without_patient_time_every_bound_is_unknown():
    found = scenarios(claim(0, 0.0, None), unseen_years=0.0, sensitivity=0.8)

    assert {one.upper_per_100 for one in found} == {None}
