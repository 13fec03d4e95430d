"""The alarm engine against a slow, obvious one that looks at the whole history again at every step.

A step is a quarter of a second. Values come on whole seconds, so what is true "for more than" some seconds shows
one step later; people act two steps later. So no two things happen at once but the values of one second.
"""

import math
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from vigil.evidence.protocols import Limit, ObservationDuty
from vigil.session.domain.alarm import (
    Acknowledged,
    AlarmPolicy,
    Baseline,
    Began,
    Ended,
    Tick,
    Valued,
    run,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
STEPS = 4
"""Steps a second."""
LAST = 40 * STEPS


def limit(limit_id, metric, rule, threshold, **changes):
    whole = {
        "limit_id": limit_id, "metric": metric, "rule": rule, "limit": threshold, "clear": None, "delay_seconds": 0,
        "clear_seconds": 0, "priority": "medium", "is_latched": False, "message": limit_id, "certainty": "D",
        "source": "test",
    }  # fmt: skip
    return Limit(**{**whole, **changes})


LIMITS = (
    limit("low", "spo2", "below", 90, clear=92, delay_seconds=6, clear_seconds=4),
    limit(
        "very-low", "spo2", "below", 85, clear=92, delay_seconds=2, clear_seconds=3, is_latched=True
    ),
    limit("high", "sbp", "above", 180, clear=175),
    limit("rise", "sbp", "rise", 40, clear=35, delay_seconds=3, is_latched=True),
    limit("plain", "hr", "above", 130, delay_seconds=5),
    limit("silent", "spo2", "silent", 10),
    limit("silent-long", "hr", "silent", 5, delay_seconds=4, is_latched=True),
    limit("flat", "hr", "flat", 12),
)
POLICY = AlarmPolicy(limits=LIMITS, duties=())
VALUES = {
    "spo2": (80, 84, 85, 89, 90, 92, 93, 97),
    "sbp": (120, 154, 155, 159, 160, 174, 175, 180, 181),
    "hr": (80, 81, 130, 131),
}


def at(step):
    return NOON + timedelta(seconds=step) / STEPS


def valued(metric, value, second, is_good=True):
    return Valued(
        metric=metric, value_milli=value * 1000, is_good=is_good, at=at(second), seen_at=at(second)
    )


# --- the oracle: one limit, one step at a time ------------------------------------------------


def oracle(one, events):
    """The changes of one limit, as (kind, step). Events: (step, what, ...), at most one of a metric a step."""
    found, stands, holds, seen_by_person = [], False, False, False
    for now in range(LAST + 1):
        history = [event for event in events if event[0] <= now]
        if any(event[1] == "ended" for event in history if event[0] < now):
            holds_now, is_over = False, True
        else:
            is_over = any(event[1] == "ended" for event in history)
            holds_now = not is_over and (
                still_holds(one, history, now, since=started(found))
                if holds
                else begins(one, history, now, found)
            )
        # A person's act of this step counts for an alarm that stood before it.
        if stands and any(
            event == (now, "seen", one.limit_id, sum(kind == "raised" for kind, _ in found))
            for event in history
        ):
            seen_by_person = True
        if holds_now and not holds:
            if not stands:
                seen_by_person = False
            found.append(("again" if stands else "raised", now))
            stands = True
        if holds and not holds_now:
            found.append(("ended", now))
        holds = holds_now
        if stands and not holds and (seen_by_person or not one.is_latched):
            found.append(("cleared", now))
            stands = False
    return found


def started(found):
    return max((second for kind, second in found if kind in ("raised", "again")), default=None)


def values_of(one, history, since=-1):
    return [
        (s, v[1])
        for s, what, *v in history
        if what == "value" and v[0] == one.metric and v[2] and s > since
    ]


def baseline_of(history):
    return next((event[2] for event in history if event[1] == "baseline"), None)


def violates(one, value, baseline):
    if one.rule == "below":
        return value < one.limit
    if one.rule == "above":
        return value >= one.limit
    return baseline is not None and value - baseline >= one.limit


def is_past_clear(one, value, baseline):
    if one.clear is None:
        return not violates(one, value, baseline)
    if one.rule == "below":
        return value > one.clear
    if one.rule == "above":
        return value < one.clear
    return baseline is None or value - baseline < one.clear


def begins(one, history, now, found):
    began = next((event[0] for event in history if event[1] == "began"), None)
    if one.rule == "silent":
        if began is None:
            return False
        heard = max([began, *(s for s, _ in values_of(one, history))])
        return now - heard > (one.limit + one.delay_seconds) * STEPS
    # What violated before the last alarm ended was spoken for by that alarm.
    ended = max((second for kind, second in found if kind == "ended"), default=-1)
    values = values_of(one, history)
    if one.rule == "flat":
        if not values or values[-1][0] != now or began is None:
            return False
        same_since = now
        for second, value in reversed(values):
            if value != values[-1][1]:
                break
            same_since = second
        return now - same_since > (one.limit + one.delay_seconds) * STEPS
    run_since = None
    for second, value in values_of(one, history, since=ended):
        if violates(one, value, baseline_of(history)):
            run_since = second if run_since is None else run_since
        else:
            run_since = None
    return run_since is not None and now - run_since >= one.delay_seconds * STEPS


def still_holds(one, history, now, since):
    values = values_of(one, history, since=since)
    if one.rule == "silent":
        return not values
    if one.rule == "flat":
        before = values_of(one, [event for event in history if event[0] <= since])
        return all(value == before[-1][1] for _, value in values)
    clear_since = None
    for second, value in values:
        if is_past_clear(one, value, baseline_of(history)):
            clear_since = second if clear_since is None else clear_since
        else:
            clear_since = None
    return clear_since is None or now - clear_since < one.clear_seconds * STEPS


# --- histories ---------------------------------------------------------------------------------


def seconds(low, high, later=0):
    return st.integers(low, high).map(lambda second: second * STEPS + later)


samples = st.lists(
    st.tuples(
        seconds(0, 40),
        st.sampled_from([(m, v) for m, values in VALUES.items() for v in values]),
        st.booleans() | st.just(True),
    ),
    max_size=30,
    unique_by=lambda each: (each[0], each[1][0]),
)
acknowledgements = st.lists(
    st.tuples(
        seconds(0, 39, later=2),
        st.sampled_from([each.limit_id for each in LIMITS]),
        st.integers(1, 2),
    ),
    max_size=6,
    unique=True,
)
histories = st.builds(
    lambda values, seen, baseline, began, ended: sorted(
        [(second, "value", metric, value, good) for second, (metric, value), good in values]
        + [(second, "seen", limit_id, ordinal) for second, limit_id, ordinal in seen]
        + [(0, "baseline", 120)] * baseline
        + [(began, "began")]
        + ([(ended, "ended")] if ended is not None else []),
        key=lambda event: (event[0], ORDER[event[1]]),
    ),
    samples,
    acknowledgements,
    st.booleans(),
    seconds(0, 20),
    st.none() | seconds(21, 39, later=2),
)
ORDER = {"baseline": 0, "began": 1, "value": 2, "ended": 3, "seen": 4}


def engine_events(history, ticks=()):
    """The same history as the engine's events."""
    made = {
        "value": lambda s, metric, value, good: valued(metric, value, s, good),
        "baseline": lambda s, value: Baseline(metric="sbp", value_milli=value * 1000),
        "began": lambda s: Began(at=at(s)),
        "ended": lambda s: Ended(at=at(s)),
        "seen": lambda s, limit_id, ordinal: Acknowledged(
            limit_id=limit_id, ordinal=ordinal, at=at(s)
        ),
    }
    events = [(s, made[what](s, *rest)) for s, what, *rest in history]
    events += [(s, Tick(at=at(s))) for s in ticks]
    return [event for _, event in sorted(events, key=lambda each: each[0])]


def told_by_engine(transitions):
    # The engine finds "for more than" at the first microsecond after; the oracle at the next step.
    return [
        (t.limit_id, t.kind, math.ceil((t.at - NOON) / timedelta(seconds=1) * STEPS))
        for t in transitions
    ]


@settings(max_examples=1_000, deadline=None)
@given(histories)
def test_the_engine_and_the_oracle_tell_the_same(history):
    """INV-SES-10."""
    expected = {one.limit_id: oracle(one, history) for one in LIMITS}

    _, transitions = run(POLICY, [*engine_events(history), Tick(at=at(LAST))])

    for one in LIMITS:
        told = [
            (kind, s)
            for limit_id, kind, s in told_by_engine(transitions)
            if limit_id == one.limit_id
        ]
        assert told == expected[one.limit_id], one.limit_id


@settings(max_examples=500, deadline=None)
@given(histories, st.lists(st.integers(0, LAST), max_size=30))
def test_ticks_change_nothing_but_when_it_is_noticed(history, ticks):
    """INV-SES-11: a replay without the idle ticks of the first run ends in the same state."""
    plain, without = run(POLICY, [*engine_events(history), Tick(at=at(LAST))])
    ticked, with_ticks = run(POLICY, [*engine_events(history, ticks), Tick(at=at(LAST))])

    assert ticked == plain
    assert with_ticks == without


@settings(max_examples=300, deadline=None)
@given(histories)
def test_a_latched_alarm_is_cleared_only_after_a_person_has_seen_it(history):
    """INV-SES-12, both ways: no clearing without the person, and none by the person alone."""
    _, transitions = run(POLICY, [*engine_events(history), Tick(at=at(LAST))])
    latched = {one.limit_id for one in LIMITS if one.is_latched}

    for cleared in transitions:
        if cleared.kind != "cleared" or cleared.limit_id not in latched:
            continue
        story = [
            t for t in transitions
            if (t.limit_id, t.ordinal) == (cleared.limit_id, cleared.ordinal)
        ]  # fmt: skip
        raised_at = story[0].at
        assert [t.kind for t in story][-2:] == ["ended", "cleared"]
        assert any(
            what == "seen"
            and rest == [cleared.limit_id, cleared.ordinal]
            and raised_at <= at(s) <= cleared.at
            for s, what, *rest in history
        )


@settings(max_examples=200, deadline=None)
@given(histories)
def test_gated_values_do_not_exist_for_the_engine(history):
    """INV-SES-13: a value that is not believed neither raises, clears nor resets anything."""
    believed = [event for event in history if event[1] != "value" or event[4]]

    _, with_gated = run(POLICY, [*engine_events(history), Tick(at=at(LAST))])
    _, without = run(POLICY, [*engine_events(believed), Tick(at=at(LAST))])

    assert with_gated == without


DUTY = ObservationDuty(
    duty_id="pressure", name="Pressure", kind="pressure", minutes=(10, 20), every_minutes_after=15,
    late_after_minutes=2,
)  # fmt: skip
MISSED = (
    limit("missed", "pressure", "missed", 2, priority="low"),
    limit("missed-long", "pressure", "missed", 10),
)


def missed_oracle(one, sets, last_minute):
    """The changes of a `missed` limit, one minute at a time."""
    found, holds = [], False
    for now in range(last_minute + 1):
        taken = [minute for minute in sets if minute <= now]
        last = max(taken, default=None)
        pending = next(
            due for due in [10, 20, *range(35, 10_000, 15)] if last is None or due > last + 2
        )
        holds_now = now >= pending + one.limit
        if holds_now != holds:
            found += [("raised", now)] if holds_now else [("ended", now), ("cleared", now)]
        holds = holds_now
    return found


@settings(max_examples=200, deadline=None)
@given(st.sets(st.integers(0, 120), max_size=12))
def test_a_missed_observation_is_low_then_medium_until_it_is_taken(sets):
    """INV-SES-14."""
    policy = AlarmPolicy(limits=MISSED, duties=(DUTY,))
    minutes = sorted(sets)
    # A set is in just before its minute is looked at.
    events = [Began(at=NOON)]
    for minute in minutes:
        moment = NOON + timedelta(minutes=minute, microseconds=-1)
        for metric, value in (("sbp", 120), ("dbp", 80)):
            events.append(
                Valued(
                    metric=metric,
                    value_milli=value * 1000,
                    is_good=True,
                    at=moment,
                    seen_at=NOON + timedelta(minutes=minute),
                )
            )
    events.append(Tick(at=NOON + timedelta(minutes=120)))

    _, transitions = run(policy, events)

    for one in MISSED:
        told = [
            (t.kind, math.ceil((t.at - NOON).total_seconds() / 60))
            for t in transitions
            if t.limit_id == one.limit_id
        ]
        assert told == missed_oracle(one, minutes, 120)
