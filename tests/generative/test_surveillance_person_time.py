"""Surveillance: what must hold of person-time and of the verdict for any clinic."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from vigil.evidence.claim import load_claim_policy
from vigil.statistics.claim import decide_claim
from vigil.surveillance.domain.facts import YEAR_SECONDS, Watched
from vigil.surveillance.domain.watch import person_time, person_years

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
# Also after now, and before the first dose.
moments = st.integers(-3000, 1000).map(lambda hours: NOW + timedelta(hours=7.3 * hours))
patients = st.builds(
    Watched,
    patient_id=st.just(UUID(int=1)),
    first_dose_at=st.none() | moments,
    last_contact_at=st.none() | moments,
    case_at=st.none() | moments,
)


def times(some, now=NOW):
    found = [person_time(one, now=now, unknown_after_days=60) for one in some]
    return [one for one in found if one is not None]


@given(patients)
def test_person_time_is_never_negative_and_never_longer_than_since_the_first_dose(one):
    """INV-SUR-01."""
    for found in times([one]):
        since = (NOW - one.first_dose_at) // timedelta(seconds=1)
        assert 0 <= found.seconds <= since
        assert 0 <= found.unseen_seconds <= since
        assert not (found.is_case and found.is_unknown)
        if not found.is_case:
            assert found.seconds + found.unseen_seconds <= since


@given(st.lists(patients, max_size=8), st.integers(0, 8), st.randoms())
def test_person_years_add_up_in_any_order_and_grouping(some, cut, random):
    """INV-SUR-02: sums are exact, because they are whole seconds."""
    counted = times(some)
    shuffled = list(counted)
    random.shuffle(shuffled)

    assert person_years(shuffled) == person_years(counted)
    assert sum(one.seconds for one in counted[:cut]) + sum(
        one.seconds for one in counted[cut:]
    ) == round(person_years(counted) * YEAR_SECONDS)


@given(patients, st.timedeltas(timedelta(0), timedelta(days=900)))
def test_waiting_without_contact_never_adds_time(one, wait):
    """INV-SUR-01: silence earns nothing."""
    if any(
        m is not None and m > NOW for m in (one.first_dose_at, one.last_contact_at, one.case_at)
    ):
        return
    for before, after in zip(times([one]), times([one], now=NOW + wait), strict=True):
        assert before.seconds == after.seconds
        assert after.unseen_seconds >= before.unseen_seconds


@given(
    events=st.integers(0, 5),
    years=st.floats(0, 299.999),
    ascertainment=st.none() | st.floats(0, 100),
)
def test_nothing_is_claimed_under_300_patient_years(events, years, ascertainment):
    """INV-SUR-04: with the declared policy, in neither direction."""
    policy = load_claim_policy()
    found = decide_claim(
        events=events, person_years=years, ascertainment_percent=ascertainment,
        margin_per_100=policy.margin_per_100, confidence=policy.confidence,
        sensitivity=policy.sensitivity, patient_years_min=policy.patient_years_min,
        ascertainment_percent_min=policy.ascertainment_percent_min,
    )  # fmt: skip

    assert found.verdict == "NOT ENOUGH EVIDENCE YET"
    assert found.years_missing > 0


@given(
    events=st.integers(0, 5),
    years=st.floats(300, 5000),
    ascertainment=st.none() | st.floats(0, 84.9),
)
def test_it_is_never_supported_while_too_few_were_asked(events, years, ascertainment):
    """INV-SUR-05."""
    policy = load_claim_policy()
    found = decide_claim(
        events=events, person_years=years, ascertainment_percent=ascertainment,
        margin_per_100=policy.margin_per_100, confidence=policy.confidence,
        sensitivity=policy.sensitivity, patient_years_min=policy.patient_years_min,
        ascertainment_percent_min=policy.ascertainment_percent_min,
    )  # fmt: skip

    assert found.verdict != "SUPPORTED"
