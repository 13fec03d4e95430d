"""Given amounts and duties: laws that hold for every course of a session."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil.evidence.protocols import ObservationDuty
from vigil.session.domain.due import dues, next_due
from vigil.session.domain.gate import Known, gate
from vigil.session.domain.given import Stretch, integrated_ug, planned_rate_ug_per_hour

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
stretches = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(0, 4 * 3_600_000_000)), max_size=8
).map(
    lambda pairs: [
        Stretch(rate_ug_per_hour=rate, start=NOON, end=NOON + timedelta(microseconds=length))
        for rate, length in pairs
    ]
)


@given(stretches, st.integers(0, 10**7))
def test_the_given_amount_is_the_exact_integral_rounded_down_once(parts, drawn_ug):
    """INV-SES-04: never above the draw, never a rounding of each part."""
    exact = sum(
        Fraction((part.end - part.start) // timedelta(microseconds=1))
        * part.rate_ug_per_hour
        / 3_600_000_000
        for part in parts
    )

    assert integrated_ug(parts, drawn_ug=drawn_ug) == min(int(exact), drawn_ug)


@given(st.integers(1, 10**6), st.integers(1, 600))
def test_the_planned_rate_gives_the_whole_dose_in_its_minutes(dose_ug, minutes):
    rate = planned_rate_ug_per_hour(dose_ug, infusion_minutes=minutes)
    whole = Stretch(rate_ug_per_hour=rate, start=NOON, end=NOON + timedelta(minutes=minutes))

    assert integrated_ug([whole], drawn_ug=dose_ug) == dose_ug
    assert (rate - 1) * minutes < dose_ug * 60


def test_a_clock_that_steps_back_gives_no_negative_amount():
    back = Stretch(rate_ug_per_hour=60_000, start=NOON, end=NOON - timedelta(minutes=1))

    assert integrated_ug([back], drawn_ug=10) == 0


duties = st.builds(
    lambda first, gaps, every, late: ObservationDuty(
        duty_id="pressure", name="Pressure", kind="pressure",
        minutes=tuple(first + sum(gaps[:index]) for index in range(len(gaps) + 1)),
        every_minutes_after=every, late_after_minutes=late,
    ),
    st.integers(0, 20), st.lists(st.integers(11, 30), max_size=4), st.none() | st.integers(11, 60),
    st.integers(0, 5),
)  # fmt: skip
moments = st.lists(st.integers(0, 300), max_size=12, unique=True).map(
    lambda minutes: [NOON + timedelta(minutes=minute) for minute in sorted(minutes)]
)


@given(duties, moments, st.integers(0, 300))
def test_one_duty_has_one_open_occurrence_and_its_state_follows_the_clock(duty, taken, minute):
    """INV-SES-14: due at its moment, late after its minutes, done only by an observation."""
    now = NOON + timedelta(minutes=minute)
    found = dues([duty], started_at=NOON, observed={"pressure": taken}, owner="Ana", now=now)
    open_ones = [due for due in found if due.state in ("coming", "due", "late")]
    late_after = timedelta(minutes=duty.late_after_minutes)

    assert len(open_ones) <= 1
    assert open_ones or duty.every_minutes_after is None
    for due in open_ones:
        assert (due.state == "coming") == (due.due_at > now)
        assert (due.state == "late") == (now - due.due_at > late_after)
        assert not [m for m in taken if m <= now and m >= due.due_at - late_after]
    for due in found:
        if due.state == "done":
            assert due.done_at in taken
            assert due.done_at >= due.due_at - late_after
    assert list(found) == sorted(found, key=lambda due: due.due_at)


@given(duties, moments)
def test_an_observation_never_brings_a_duty_back(duty, taken):
    last, before = None, next_due(duty, started_at=NOON, last=None)
    for last in taken:
        after = next_due(duty, started_at=NOON, last=last)
        assert after is None or before is None or after >= before
        before = after


@given(
    st.sampled_from(["hr", "spo2", "sbp", "wibble"]), st.none() | st.integers(-(10**6), 10**6),
    st.sampled_from(["good", "none:---", "gated:probe-off"]), st.integers(-5, 200),
    st.none() | st.integers(0, 300_000), st.integers(0, 100),
)  # fmt: skip
def test_the_artefact_gate_never_believes_what_is_not_there(
    metric, value, said, seconds, before, received
):
    """INV-SES-13."""
    known = None if before is None else Known(value_milli=before, measured_at=NOON)
    measured_at, received_at = (NOON + timedelta(seconds=each) for each in (seconds, received))

    quality = gate(
        metric, value, said=said, measured_at=measured_at, received_at=received_at, before=known
    )

    assert quality.startswith("none:") == (value is None)
    if quality == "good":
        assert said == "good"
        assert metric != "wibble"
        assert known is None or seconds >= 0
        assert seconds - received <= 60


@given(st.integers(0, 100_000), st.integers(1, 100_000), st.integers(0, 60))
def test_a_known_value_of_the_future_calls_no_present_value_late(ahead, apart, drift):
    """A clock that was wrong once must not silence the monitor until the clock has caught up."""
    received_at = NOON + timedelta(seconds=apart)
    known = Known(value_milli=80_000, measured_at=received_at + timedelta(seconds=1 + ahead))

    quality = gate(
        "hr", 80_000, said="good", measured_at=received_at - timedelta(seconds=drift),
        received_at=received_at, before=known,
    )  # fmt: skip

    assert quality == "good"


@pytest.mark.parametrize(("seconds", "quality"), [(60, "good"), (61, "gated:ahead")])
def test_a_stamp_more_than_a_minute_ahead_of_its_arrival_is_not_believed(seconds, quality):
    measured_at = NOON + timedelta(seconds=seconds)

    found = gate("hr", 80_000, said="good", measured_at=measured_at, received_at=NOON, before=None)

    assert found == quality
