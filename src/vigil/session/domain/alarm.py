"""The alarm engine: a pure step from what is known to what is raised, ended and cleared.

In: the protocol's limits and observation duties, the state, one event. Out: the next state and the transitions.

Events come in the order of the session's own sequence. Time is carried by deadlines: a delay that runs out
between two events is found by the next event or `Tick`, with the moment at which it ran out. A `Tick` that
finds nothing changes nothing, so a replay needs only the ticks that found something.

The meaning of each rule stands with `vigil.evidence.protocols.Limit`. Two choices beyond that table:

* before an alarm is raised, its delay runs only while every value violates the limit; after it is raised, it
  ends only when the value has been past `clear` for `clear_seconds` (hysteresis);
* only values that the gate believes are looked at. A gated value neither raises nor resets anything, and it
  does not count as a signal: a channel that sends nothing believable is silent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from vigil.evidence.protocols import Limit, ObservationDuty
from vigil.session.domain.due import next_due
from vigil.session.domain.facts import KIND_METRICS, MILLI

JUST_AFTER = timedelta(microseconds=1)
"""Rules that say "for more than" fire at the first moment after."""


# --- events ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Valued:
    """A stored sample. `at` is when the server received it; `seen_at` is the moment it counts for as an
    observation (when the nurse took it, or when the device's value was received)."""

    metric: str
    value_milli: int | None
    is_good: bool
    at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The value at check-in from which a rise is counted."""

    metric: str
    value_milli: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """The drug was started: silence and missed observations count from here."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The patient was discharged or left: nothing is watched any more."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """A person has seen the alarm of this limit that stands now."""

    limit_id: str
    ordinal: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """It is now this late."""

    at: datetime


Event = Valued | Baseline | Began | Ended | Acknowledged | Tick


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """Something became true of the `ordinal`-th alarm of a limit, as its `step`-th change.

    "raised", "ended" (the condition is over), "again" (it came back while the latched alarm still stood),
    "cleared" (the alarm is gone).
    """

    kind: Literal["raised", "ended", "again", "cleared"]
    limit_id: str
    ordinal: int
    step: int
    at: datetime
    value_milli: int | None


# --- state -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The newest good value of a metric; `since` is when it took this value without a change."""

    value_milli: int
    at: datetime
    since: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is known about one limit. `ordinal` counts its alarms; `step` the changes of the newest one.

    `stands`: an alarm is shown. `holds`: its condition is true. `deadline`: when it changes by itself.
    """

    ordinal: int = 0
    step: int = 0
    stands: bool = False
    holds: bool = False
    is_acknowledged: bool = False
    violating_since: datetime | None = None
    clearing_since: datetime | None = None
    value_milli: int | None = None
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmState:
    """Everything the engine remembers of one session."""

    began_at: datetime | None = None
    is_over: bool = False
    baseline: Mapping[str, int] = field(default_factory=dict)
    seen: Mapping[str, Seen] = field(default_factory=dict)
    watched: Mapping[str, Watched] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmPolicy:
    """The limits and duties of the protocol that the session runs under."""

    limits: tuple[Limit, ...]
    duties: tuple[ObservationDuty, ...]


NOTHING_KNOWN = AlarmState()


def step(
    policy: AlarmPolicy, state: AlarmState, event: Event
) -> tuple[AlarmState, tuple[Transition, ...]]:
    """The state after the event, and what became true, in time order.

    Deadlines before the event come first, then the event. What runs out at the very moment of a value is left to
    the other values of that moment: a message holds many, and their order must not matter.
    """
    if isinstance(event, Baseline):
        known = {**state.baseline, event.metric: event.value_milli}
        return replace(state, baseline=known), ()
    state, before = _run_out(policy, state, until=event.at)
    state, now = _apply(policy, state, event)
    reached = _limits_reached(policy, event)
    state, after = _run_out(policy, state, until=event.at, including=reached)
    return state, (*before, *now, *after)


def _limits_reached(policy: AlarmPolicy, event: Event) -> frozenset[str]:
    """The limits that change at the very moment of the event: all for a tick, its own for a value."""
    return frozenset(
        limit.limit_id
        for limit in policy.limits
        if isinstance(event, Tick) or (isinstance(event, Valued) and _concerns(limit, event.metric))
    )


def run(policy: AlarmPolicy, events: Sequence[Event]) -> tuple[AlarmState, tuple[Transition, ...]]:
    """The state and all transitions of a whole list of events."""
    state, found = NOTHING_KNOWN, []
    for event in events:
        state, transitions = step(policy, state, event)
        found.extend(transitions)
    return state, tuple(found)


# --- events, one by one ------------------------------------------------------------------------


def _apply(
    policy: AlarmPolicy, state: AlarmState, event: Event
) -> tuple[AlarmState, list[Transition]]:
    if isinstance(event, Began):
        return _begun(policy, state, event.at), []
    if isinstance(event, Valued):
        return _valued(policy, state, event)
    if isinstance(event, Acknowledged):
        return _acknowledged(state, event)
    if isinstance(event, Ended):
        return _over(policy, state, event.at)
    return state, []


def _valued(
    policy: AlarmPolicy, state: AlarmState, event: Valued
) -> tuple[AlarmState, list[Transition]]:
    if not event.is_good or event.value_milli is None or state.is_over:
        return state, []
    before = state.seen.get(event.metric)
    unchanged = before is not None and before.value_milli == event.value_milli
    seen = Seen(
        value_milli=event.value_milli,
        at=event.at,
        since=before.since if before is not None and unchanged else event.at,
        seen_at=event.seen_at if before is None else max(event.seen_at, before.seen_at),
    )
    state = replace(state, seen={**state.seen, event.metric: seen})
    found: list[Transition] = []
    for limit in policy.limits:
        if not _concerns(limit, event.metric):
            continue
        watched, transitions = _look(policy, state, limit, event.at)
        state = _keep(policy, state, limit, watched)
        found += transitions
    return state, found


def _begun(policy: AlarmPolicy, state: AlarmState, at: datetime) -> AlarmState:
    state = replace(state, began_at=at)
    for limit in policy.limits:
        state = _keep(policy, state, limit, state.watched.get(limit.limit_id, Watched()))
    return state


def _concerns(limit: Limit, metric: str) -> bool:
    if limit.rule == "missed":
        return metric in KIND_METRICS.get(limit.metric, ())
    return limit.metric == metric


def _look(
    policy: AlarmPolicy, state: AlarmState, limit: Limit, at: datetime
) -> tuple[Watched, list[Transition]]:
    """What a new good value means for one limit: its delay starts or stops, its end starts or stops."""
    watched = state.watched.get(limit.limit_id, Watched())
    if limit.rule in ("silent", "missed"):
        return _look_for_signal(policy, state, limit, watched, at)
    seen = state.seen[limit.metric]
    if limit.rule == "flat":
        return _look_for_change(state, limit, watched, at)
    if watched.holds:
        is_past_clear = _is_clear(state, limit, seen.value_milli)
        since = (watched.clearing_since or at) if is_past_clear else None
        return replace(watched, clearing_since=since), []
    if not _violates(state, limit, seen.value_milli):
        return replace(watched, violating_since=None), []
    since = watched.violating_since or at
    return replace(watched, violating_since=since, value_milli=seen.value_milli), []


def _look_for_signal(
    policy: AlarmPolicy, state: AlarmState, limit: Limit, watched: Watched, at: datetime
) -> tuple[Watched, list[Transition]]:
    """A channel that speaks again, or a duty that is done, is over at once."""
    if not watched.holds:
        return watched, []
    if limit.rule == "missed":
        due_at = _pending(policy, state, limit)
        if due_at is not None and due_at + _lateness(limit) < at:
            return watched, []
    return _end(limit, watched, at)


def _look_for_change(
    state: AlarmState, limit: Limit, watched: Watched, at: datetime
) -> tuple[Watched, list[Transition]]:
    seen = state.seen[limit.metric]
    if watched.holds:
        return _end(limit, watched, at) if seen.since == at else (watched, [])
    if state.began_at is None or at <= _flat_from(limit, seen):
        return watched, []
    return _hold(limit, replace(watched, value_milli=seen.value_milli), at)


def _acknowledged(state: AlarmState, event: Acknowledged) -> tuple[AlarmState, list[Transition]]:
    watched = state.watched.get(event.limit_id, Watched())
    if not watched.stands or watched.ordinal != event.ordinal:
        return state, []
    watched = replace(watched, is_acknowledged=True)
    found: list[Transition] = []
    if not watched.holds:
        watched, found = _clear(event.limit_id, watched, event.at)
    return replace(state, watched={**state.watched, event.limit_id: watched}), found


def _over(
    policy: AlarmPolicy, state: AlarmState, at: datetime
) -> tuple[AlarmState, list[Transition]]:
    found: list[Transition] = []
    for limit in policy.limits:
        watched = state.watched.get(limit.limit_id, Watched())
        if watched.holds:
            watched, transitions = _end(limit, watched, at)
            found += transitions
        state = _keep(policy, state, limit, replace(watched, violating_since=None))
    return replace(state, is_over=True), found


# --- deadlines ---------------------------------------------------------------------------------


def _run_out(
    policy: AlarmPolicy,
    state: AlarmState,
    *,
    until: datetime,
    including: frozenset[str] = frozenset(),
) -> tuple[AlarmState, list[Transition]]:
    """Apply every deadline before `until`, the earliest first; of limits `including`, also at it."""
    found: list[Transition] = []
    if state.is_over:
        return state, found
    while True:
        waiting = [
            (watched.deadline, index)
            for index, limit in enumerate(policy.limits)
            if (watched := state.watched.get(limit.limit_id)) is not None
            and watched.deadline is not None
            and (
                watched.deadline < until
                or (watched.deadline == until and limit.limit_id in including)
            )
        ]
        if not waiting:
            return state, found
        deadline, index = min(waiting)
        limit = policy.limits[index]
        watched = state.watched[limit.limit_id]
        change = _end if watched.holds else _hold
        watched, transitions = change(limit, watched, deadline)
        state = _keep(policy, state, limit, watched)
        found += transitions


def _deadline(
    policy: AlarmPolicy, state: AlarmState, limit: Limit, watched: Watched
) -> datetime | None:
    """The next moment at which this limit changes if nothing else happens."""
    if watched.holds:
        if watched.clearing_since is None:
            return None
        return watched.clearing_since + timedelta(seconds=limit.clear_seconds)
    if limit.rule == "silent":
        return _silent_from(state, limit)
    if limit.rule == "missed":
        due_at = _pending(policy, state, limit)
        return None if due_at is None else due_at + _lateness(limit)
    if watched.violating_since is None:
        return None
    return watched.violating_since + timedelta(seconds=limit.delay_seconds)


def _silent_from(state: AlarmState, limit: Limit) -> datetime | None:
    if state.began_at is None:
        return None
    seen = state.seen.get(limit.metric)
    heard_at = state.began_at if seen is None else max(seen.at, state.began_at)
    return heard_at + timedelta(seconds=limit.limit + limit.delay_seconds) + JUST_AFTER


def _flat_from(limit: Limit, seen: Seen) -> datetime:
    return seen.since + timedelta(seconds=limit.limit + limit.delay_seconds)


def _lateness(limit: Limit) -> timedelta:
    return timedelta(minutes=limit.limit, seconds=limit.delay_seconds)


def _pending(policy: AlarmPolicy, state: AlarmState, limit: Limit) -> datetime | None:
    """When the earliest duty of this kind falls due that nobody has done yet."""
    if state.began_at is None:
        return None
    moments = [state.seen.get(metric) for metric in KIND_METRICS[limit.metric]]
    last = None if None in moments else min(seen.seen_at for seen in moments if seen is not None)
    pending = [
        due_at
        for duty in policy.duties
        if duty.kind == limit.metric
        and (due_at := next_due(duty, started_at=state.began_at, last=last)) is not None
    ]
    return min(pending, default=None)


# --- one limit ---------------------------------------------------------------------------------


def _violates(state: AlarmState, limit: Limit, value_milli: int) -> bool:
    if limit.rule == "below":
        return value_milli < limit.limit * MILLI
    if limit.rule == "above":
        return value_milli >= limit.limit * MILLI
    assert limit.rule == "rise"
    before = state.baseline.get(limit.metric)
    return before is not None and value_milli - before >= limit.limit * MILLI


def _is_clear(state: AlarmState, limit: Limit, value_milli: int) -> bool:
    if limit.clear is None:
        return not _violates(state, limit, value_milli)
    if limit.rule == "below":
        return value_milli > limit.clear * MILLI
    if limit.rule == "above":
        return value_milli < limit.clear * MILLI
    before = state.baseline.get(limit.metric)
    return before is None or value_milli - before < limit.clear * MILLI


def _hold(limit: Limit, watched: Watched, at: datetime) -> tuple[Watched, list[Transition]]:
    """The condition has lasted its delay: a new alarm, or the latched one holds again."""
    is_new = not watched.stands
    watched = replace(
        watched,
        ordinal=watched.ordinal + 1 if is_new else watched.ordinal,
        step=0 if is_new else watched.step + 1,
        stands=True,
        holds=True,
        is_acknowledged=False if is_new else watched.is_acknowledged,
        violating_since=None,
        clearing_since=None,
    )
    return watched, [_transition("raised" if is_new else "again", limit.limit_id, watched, at)]


def _end(limit: Limit, watched: Watched, at: datetime) -> tuple[Watched, list[Transition]]:
    """The condition is over; the alarm is cleared too unless it is latched and nobody has seen it."""
    watched = replace(watched, holds=False, clearing_since=None, step=watched.step + 1)
    found = [_transition("ended", limit.limit_id, watched, at)]
    if not limit.is_latched or watched.is_acknowledged:
        watched, cleared = _clear(limit.limit_id, watched, at)
        found += cleared
    return watched, found


def _clear(limit_id: str, watched: Watched, at: datetime) -> tuple[Watched, list[Transition]]:
    watched = replace(watched, stands=False, step=watched.step + 1, value_milli=None)
    return watched, [_transition("cleared", limit_id, watched, at)]


def _transition(
    kind: Literal["raised", "ended", "again", "cleared"],
    limit_id: str,
    watched: Watched,
    at: datetime,
) -> Transition:
    return Transition(
        kind=kind,
        limit_id=limit_id,
        ordinal=watched.ordinal,
        step=watched.step,
        at=at,
        value_milli=watched.value_milli,
    )


def _keep(policy: AlarmPolicy, state: AlarmState, limit: Limit, watched: Watched) -> AlarmState:
    watched = replace(watched, deadline=_deadline(policy, state, limit, watched))
    return replace(state, watched={**state.watched, limit.limit_id: watched})
