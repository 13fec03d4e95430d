"""Which observations fall due, and which are late.

In: the protocol's observation duties, the start, the moments at which each kind was observed. Out: `DutyDue`s.

An observation satisfies the occurrences due up to `late_after_minutes` ahead of it: taken a little early is
taken. An occurrence that nobody took before the next one could be taken is missed; the open one then keeps
counting from the earliest missed moment, so that lateness never starts again from zero.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from vigil.evidence.protocols import ObservationDuty
from vigil.session.domain.facts import DutyDue
from vigil.units.durations import elapsed


def next_due(
    duty: ObservationDuty, *, started_at: datetime, last: datetime | None
) -> datetime | None:
    """When the duty falls due next after its last observation; None when it never does again."""
    early = timedelta(minutes=duty.late_after_minutes)
    for due_at in _occurrences(duty, started_at):
        if last is None or due_at > last + early:
            return due_at
    return None


def dues(
    duties: Sequence[ObservationDuty],
    *,
    started_at: datetime,
    observed: Mapping[str, Sequence[datetime]],
    owner: str,
    now: datetime,
) -> tuple[DutyDue, ...]:
    """Every occurrence up to `now` and the open one of each duty, by due time.

    Args:
        observed: moments at which each kind of observation was complete, rising.
    """
    found: list[DutyDue] = []
    for duty in duties:
        moments = [moment for moment in observed.get(duty.kind, ()) if moment <= now]
        open_at = next_due(duty, started_at=started_at, last=moments[-1] if moments else None)
        found += _past(duty, started_at, moments, open_at, owner)
        if open_at is not None:
            found.append(_open(duty, open_at, owner, now))
    return tuple(sorted(found, key=lambda due: (due.due_at, due.duty_id)))


def _open(duty: ObservationDuty, due_at: datetime, owner: str, now: datetime) -> DutyDue:
    late_by = elapsed(due_at, now)
    is_late = late_by > timedelta(minutes=duty.late_after_minutes)
    state = "coming" if due_at > now else "late" if is_late else "due"
    return DutyDue(
        duty_id=duty.duty_id,
        name=duty.name,
        kind=duty.kind,
        due_at=due_at,
        owner=owner,
        state=state,  # type: ignore[arg-type]
        late_by_seconds=int(late_by.total_seconds()) if is_late else 0,
        done_at=None,
    )


def _past(
    duty: ObservationDuty,
    started_at: datetime,
    moments: Sequence[datetime],
    open_at: datetime | None,
    owner: str,
) -> Iterator[DutyDue]:
    """The occurrences before the open one: done, or missed when no observation fell into their window."""
    early = timedelta(minutes=duty.late_after_minutes)
    before_open = []
    for due_at in _occurrences(duty, started_at):
        before_open.append(due_at)
        if open_at is not None and due_at >= open_at:
            break
    for index, due_at in enumerate(before_open):
        if open_at is not None and due_at >= open_at:
            return
        until = before_open[index + 1] - early if index + 1 < len(before_open) else None
        taken = [m for m in moments if m >= due_at - early and (until is None or m < until)]
        yield DutyDue(
            duty_id=duty.duty_id,
            name=duty.name,
            kind=duty.kind,
            due_at=due_at,
            owner=owner,
            state="done" if taken else "missed",
            late_by_seconds=max(int(elapsed(due_at, taken[0]).total_seconds()), 0) if taken else 0,
            done_at=taken[0] if taken else None,
        )


def _occurrences(duty: ObservationDuty, started_at: datetime) -> Iterator[datetime]:
    """The due moments, rising; endless when the duty repeats."""
    for minutes in duty.minutes:
        yield started_at + timedelta(minutes=minutes)
    if duty.every_minutes_after is None:
        return
    minutes = duty.minutes[-1]
    while True:
        minutes += duty.every_minutes_after
        yield started_at + timedelta(minutes=minutes)
