"""What the kinetic models are told of a session: never more, never less than what was given."""

import itertools
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from a_session_giving import (
    DOSE_UG,
    MINUTES,
    NOON,
    RATE,
    STAFF,
    checked_in,
    courses,
    fact,
    given_of,
    minutes_of,
    started,
)  # fmt: skip
from vigil.evidence.models import load_model
from vigil.evidence.protocols import load_protocol
from vigil.kinetics.facts import Subject
from vigil.kinetics.slow import concentrations
from vigil.kinetics.system import build_schedule, build_system, values_for
from vigil.session.domain.facts import (
    DeviceGiven,
    Noted,
    Observed,
    Paused,
    RateChanged,
    Resumed,
    Started,
    Stopped,
)
from vigil.session.domain.kinetics import read_giving

IV = load_protocol("ket-mdd-iv").dosing
NASAL = load_protocol("esk-trd-us").dosing


def read(facts, minutes, *, dosing=IV, infusion_minutes=MINUTES):
    return read_giving(
        facts, dosing=dosing, infusion_minutes=infusion_minutes, now=NOON + timedelta(minutes=minutes)
    )  # fmt: skip


def amount(doses):
    return sum(dose.amount_ug for dose in doses)


@given(courses())
def test_the_models_are_told_exactly_what_the_fold_says_was_given(course):
    """INV-SES-04, INV-KIN: one number for what was given, on the register and in the forecast."""
    facts, minute = course

    assert amount(read(facts, minute).given) == given_of(facts, minute)


@given(courses())
def test_given_and_rest_together_are_the_draw_unless_it_was_stopped(course):
    facts, minute = course
    giving = read(facts, minute)

    if giving.is_over:
        assert giving.rest == ()
    else:
        assert amount(giving.given) + amount(giving.rest) == DOSE_UG


@given(courses())
def test_nothing_given_lies_ahead_and_nothing_left_lies_behind(course):
    facts, minute = course
    giving = read(facts, minute)

    for dose in giving.given:
        assert dose.amount_ug > 0
        assert dose.start_minutes >= 0
        assert dose.start_minutes + (dose.duration_minutes or 0) <= giving.now_minutes + 1e-6
    for dose in giving.rest:
        assert dose.start_minutes >= giving.now_minutes
        assert dose.duration_minutes > 0


@given(courses())
def test_no_two_stretches_overlap(course):
    facts, minute = course
    doses = read(facts, minute).given

    for one, next_one in itertools.pairwise(doses):
        assert one.start_minutes + (one.duration_minutes or 0) <= next_one.start_minutes + 1e-9


@given(courses())
def test_without_a_pump_reading_each_stretch_flows_at_a_recorded_rate(course):
    """A second derivation: amount over time is one of the rates that somebody wrote down, to a microgram."""
    facts, minute = course
    assume(not (isinstance(facts[-1], Stopped) and facts[-1].given_from == "pump"))
    rates = {f.rate_ug_per_hour for f in facts if isinstance(f, Started | RateChanged | Resumed)}

    for dose in read(facts, minute).given:
        by_rate = [rate * dose.duration_minutes / 60 for rate in rates]
        assert min(abs(dose.amount_ug - each) for each in by_rate) <= 1 + 1e-6


@given(courses(), st.integers(1, 600))
def test_time_alone_only_adds_to_what_was_given(course, later):
    facts, minute = course

    assert amount(read(facts, minute + later).given) >= amount(read(facts, minute).given)


@given(courses())
def test_a_note_or_an_observation_tells_the_models_nothing(course):
    facts, minute = course
    silent = [f for f in facts if not isinstance(f, Noted | Observed)]

    assert read(silent, minute) == read(facts, minute)


@given(courses())
def test_the_age_of_the_record_is_that_of_the_newest_word_about_the_pump(course):
    """Past 30 min without one there is no forecast: the hazard is a change that nobody wrote down."""
    facts, minute = course
    giving = read(facts, minute)
    words = [
        f.at for f in facts if isinstance(f, Started | RateChanged | Resumed | Paused | Stopped)
    ]
    exact = (NOON + timedelta(minutes=minute) - words[-1]) / timedelta(minutes=1)

    expected = 0.0 if giving.is_over else exact
    assert giving.rate_record_minutes_ago == pytest.approx(expected, abs=1e-6)


def test_recording_the_same_rate_again_renews_the_record_and_changes_nothing_else():
    facts = [checked_in(), started()]
    again = [*facts, fact(RateChanged, 31, rate_ug_per_hour=RATE, reason="still so")]

    before, after = read(facts, 32), read(again, 32)

    assert (before.rate_record_minutes_ago, after.rate_record_minutes_ago) == (32.0, 1.0)
    assert amount(before.given) == amount(after.given)
    assert amount(before.rest) == amount(after.rest)


def test_before_the_start_there_is_nothing_to_tell():
    assert read([checked_in()], 0) is None


def test_a_plain_infusion_is_one_stretch_and_one_rest():
    giving = read([checked_in(), started()], 10)

    (given_now,), (rest,) = giving.given, giving.rest
    assert (given_now.amount_ug, given_now.duration_minutes) == (8_500, 10.0)
    assert (rest.amount_ug, rest.start_minutes, rest.duration_minutes) == (25_500, 10.0, 30.0)
    assert {given_now.drug, rest.drug} == {"ketamine"}


def test_an_empty_syringe_ends_the_stretch_when_it_ran_dry():
    """Nobody recorded the stop yet: the drug ended all the same, at minute 40."""
    (dose,) = read([checked_in(), started()], 55).given

    assert dose.amount_ug == DOSE_UG
    assert dose.duration_minutes == pytest.approx(40.0)
    assert read([checked_in(), started()], 55).rest == ()


def test_a_pause_says_so_and_what_would_flow_is_at_the_rate_from_before():
    facts = [
        checked_in(),
        started(),
        fact(RateChanged, 5, rate_ug_per_hour=30_000, reason=""),
        fact(Paused, 10, reason=""),
    ]

    giving = read(facts, 25)

    assert giving.is_paused
    assert amount(giving.given) == 51_000 * 5 // 60 + 30_000 * 5 // 60
    (rest,) = giving.rest
    assert rest.amount_ug / rest.duration_minutes == pytest.approx(30_000 / 60)
    assert rest.start_minutes == 25.0


def test_a_resumed_infusion_is_not_paused():
    facts = [
        checked_in(),
        started(),
        fact(Paused, 5, reason=""),
        fact(Resumed, 9, rate_ug_per_hour=RATE),
    ]

    assert not read(facts, 10).is_paused


@pytest.mark.parametrize("pump_ug", [0, 1, 17_000, 20_001, DOSE_UG])
def test_the_pumps_own_reading_is_shared_out_over_the_recorded_stretches(pump_ug):
    facts = [
        checked_in(),
        started(),
        fact(Paused, 10, reason=""),
        fact(Resumed, 15, rate_ug_per_hour=RATE),
        fact(Stopped, 25, given_ug=pump_ug, given_from="pump", reason=""),
    ]

    doses = read(facts, 60).given

    assert amount(doses) == pump_ug
    if pump_ug > 1:
        assert abs(doses[0].amount_ug - doses[1].amount_ug) <= 1


def test_a_pump_that_gave_something_in_no_recorded_time_is_told_as_given_at_once():
    """Stopped in the moment of the start: the amount is known, its time is not."""
    facts = [
        checked_in(), started(),
        fact(Stopped, 0, given_ug=500, given_from="pump", reason=""),
    ]  # fmt: skip

    (dose,) = read(facts, 5).given

    assert (dose.amount_ug, dose.duration_minutes) == (500, None)


@given(st.lists(minutes_of, max_size=3), st.integers(0, 60), st.sampled_from([56_000, 84_000]))
def test_devices_are_told_whole_and_the_rest_keeps_its_rests(moments, later, dose_ug):
    """28 mg at a time; each next one no earlier than the protocol's rest after the one before."""
    moments = sorted(moments)[: dose_ug // 28_000]
    facts = [
        checked_in(drug="esketamine", route="IN", dose_ug=dose_ug, infusion_minutes=None),
        started(None, dose_ug),
        *(fact(DeviceGiven, m, draw_id=STAFF, amount_ug=28_000) for m in moments),
    ]
    minute = (moments[-1] if moments else 0) + later

    giving = read(facts, minute, dosing=NASAL, infusion_minutes=None)

    assert [dose.start_minutes for dose in giving.given] == pytest.approx(moments)
    assert amount(giving.given) + amount(giving.rest) == dose_ug
    assert {d.amount_ug for d in (*giving.given, *giving.rest)} == {28_000}
    assert {d.route for d in (*giving.given, *giving.rest)} == {"nasal"}
    times = [dose.start_minutes for dose in giving.rest]
    assert all(b - a == pytest.approx(5.0) for a, b in itertools.pairwise(times))
    if times and moments:
        assert times[0] >= max(moments[-1] + 5, giving.now_minutes) - 1e-6
    assert giving.rate_record_minutes_ago == 0.0


def test_after_the_end_no_device_is_expected():
    facts = [
        checked_in(drug="esketamine", route="IN", dose_ug=56_000, infusion_minutes=None),
        started(None, 56_000),
        fact(DeviceGiven, 1, draw_id=STAFF, amount_ug=28_000),
        fact(Stopped, 10, given_ug=28_000, given_from="devices", reason=""),
    ]

    giving = read(facts, 20, dosing=NASAL, infusion_minutes=None)

    assert (giving.rest, giving.is_over) == ((), True)


@given(courses())
def test_the_course_of_a_model_holds_what_was_given_and_no_more(course):
    """Conservation, by the slow engine: with nothing leaving, the amount in the body is the amount given."""
    facts, minute = course
    giving = read(facts, minute)
    assume(giving.given)
    sealed = _sealed()
    values = values_for(sealed, Subject(age_years=40.0, weight_kg=70.0))
    system = build_system(sealed, values)
    schedule = build_schedule(sealed, values, giving.given, states=system.states)

    (course_of_one,) = concentrations(system, schedule, np.array([giving.now_minutes + 1]))

    in_body_ug = float(course_of_one[0]) * values[sealed.compartments[0].volume]
    assert in_body_ug == pytest.approx(given_of(facts, minute), rel=1e-9, abs=1e-6)


def _sealed():
    """A shipped model whose first compartment lets nothing out."""
    return replace(load_model("kamp_2020"), transfers=())


def test_a_moment_recorded_before_the_start_counts_as_the_start():
    """A clock that stepped back gives no negative time."""
    early = replace(started(), at=NOON + timedelta(minutes=3))

    giving = read([checked_in(), early], 1)

    assert giving.now_minutes == 0.0
    assert giving.given == ()


@given(st.integers(1, 100_000), st.integers(1, 240))
def test_the_rest_lasts_exactly_as_long_as_its_rate_needs(rate, minute):
    facts = [checked_in(), started(rate)]
    giving = read(facts, minute)

    for dose in giving.rest:
        exact = Fraction(dose.amount_ug * 60, rate)
        assert dose.duration_minutes == pytest.approx(float(exact), rel=1e-12)
