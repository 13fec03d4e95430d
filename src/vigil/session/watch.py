"""The alarm watch: steps the pure engine over what is new in each open session and keeps what became true.

In: a clinic and the moment. Out: rows of `AlarmFact`. It keeps no truth of its own: after a restart the state is
rebuilt by replaying the session's own sequence, and each change has a number, so nothing is written twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from vigil.evidence.protocols import load_protocol
from vigil.people.domain.facts import Clinic
from vigil.record.actions import CARE, append
from vigil.session import rows
from vigil.session.domain.alarm import (
    NOTHING_KNOWN,
    Acknowledged,
    AlarmPolicy,
    AlarmState,
    Baseline,
    Began,
    Ended,
    Event,
    Tick,
    Transition,
    Valued,
    step,
)
from vigil.session.domain.facts import (
    MILLI,
    CheckedIn,
    Closed,
    Discharged,
    Observed,
    SessionFact,
    Started,
)
from vigil.session.models import AlarmFact as AlarmFactRow
from vigil.session.models import Sample as SampleRow
from vigil.session.models import Session as SessionRow
from vigil.session.models import SessionFact as FactRow
from vigil.session.samples import notify

BY = "alarm watch"

SAMPLES_AT_ONCE = 20_000
"""How many samples one run reads of one session: a restart catches up in a few runs, in bounded memory."""


@dataclass(slots=True)
class _Followed:
    """Where the watch stands in one session's sequence."""

    policy: AlarmPolicy
    state: AlarmState
    seq: int = 0
    has_baseline: bool = False
    has_begun: bool = False


class AlarmWatch:
    """Watches the open sessions of one clinic; call `run_once` twice a second."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic_id = clinic.clinic_id
        self._followed: dict[UUID, _Followed] = {}

    def run_once(self, now: datetime) -> tuple[Transition, ...]:
        """Look at everything new up to `now`; returns what became true and was written."""
        open_rows = SessionRow.objects.filter(clinic_id=self.clinic_id).exclude(phase="closed")
        ids = list(open_rows.order_by("id").values_list("id", flat=True))
        # A session that was closed since the last run is looked at once more, to end its alarms.
        ids += [each for each in self._followed if each not in ids]
        written: list[Transition] = []
        for session_id in ids:
            written += self._run(session_id, now)
        return tuple(written)

    def _run(self, session_id: UUID, now: datetime) -> tuple[Transition, ...]:
        try:
            with transaction.atomic():
                found, row, followed = self._step(session_id, now)
        except IntegrityError:
            # Another watch wrote this change first. Its rows are the truth: replay them at the next run.
            self._followed.pop(session_id, None)
            return ()
        # Kept in memory only after the commit: a failed run is run again from the same place.
        self._followed[session_id] = followed
        if row.phase == "closed":
            del self._followed[session_id]
        return found

    def _step(
        self, session_id: UUID, now: datetime
    ) -> tuple[tuple[Transition, ...], SessionRow, _Followed]:
        # The lock keeps writers of this session out: what is numbered up to `seq` is all there is.
        row = SessionRow.objects.select_for_update(no_key=True).get(pk=session_id)
        known = self._followed.get(session_id)
        followed = _replayed(row) if known is None else replace(known)
        found: list[Transition] = []
        for event in (*_events(session_id, followed, until=row.seq), Tick(at=now)):
            followed.state, transitions = step(followed.policy, followed.state, event)
            found += transitions
        _write(row, followed.policy, found, now=now)
        followed.seq = row.seq
        return tuple(found), row, followed


def _replayed(row: SessionRow) -> _Followed:
    """The state that an earlier watch had reached, from the store alone.

    Its ticks are known from what they wrote: those that wrote nothing changed nothing.
    """
    facts = rows.facts_of([row.id])[row.id]
    checked_in = facts[0]
    assert isinstance(checked_in, CheckedIn)
    protocol = load_protocol(checked_in.protocol_id)
    policy = AlarmPolicy(limits=protocol.limits, duties=protocol.observations)
    followed = _Followed(policy=policy, state=NOTHING_KNOWN)
    ticks = (
        AlarmFactRow.objects.filter(session_id=row.id, step__isnull=False)
        .order_by("seq", "signal_at")
        .values_list("seq", "signal_at")
        .distinct()
    )
    for seq, signal_at in ticks:
        for event in (*_events(row.id, followed, until=seq), Tick(at=signal_at)):
            followed.state, _ = step(policy, followed.state, event)
        followed.seq = seq
    return followed


def _events(session_id: UUID, followed: _Followed, *, until: int) -> list[Event]:
    """What happened in the session after `followed.seq` up to `until`, in its sequence."""
    if until <= followed.seq:
        return []
    wanted = {"session_id": session_id, "seq__gt": followed.seq, "seq__lte": until}
    found: list[tuple[int, int, Event]] = []
    for row in FactRow.objects.filter(**wanted).order_by("seq"):
        found += [(row.seq, 0, event) for event in _events_of(rows.fact(row), followed)]
    for row in AlarmFactRow.objects.filter(kind="acknowledged", **wanted):
        event = Acknowledged(limit_id=row.limit_id, ordinal=row.ordinal, at=row.at)
        found.append((row.seq, 0, event))
    samples = SampleRow.objects.filter(**wanted).order_by("seq", "id")
    for seq, sample_id, event in _valued(samples):
        found.append((seq, sample_id, event))
    return [event for *_, event in sorted(found, key=lambda each: each[:2])]


def _valued(samples) -> Iterable[tuple[int, int, Valued]]:
    columns = (
        "seq", "id", "metric", "value_milli", "quality", "source", "measured_at", "received_at",
    )  # fmt: skip
    found = samples.values_list(*columns).iterator(chunk_size=SAMPLES_AT_ONCE)
    for seq, sample_id, metric, value_milli, quality, source, measured_at, received_at in found:
        yield (
            seq,
            sample_id,
            Valued(
                metric=metric,
                value_milli=value_milli,
                is_good=quality == "good",
                at=received_at,
                seen_at=measured_at if source == "manual" else received_at,
            ),
        )


def _events_of(fact: SessionFact, followed: _Followed) -> list[Event]:
    if isinstance(fact, CheckedIn):
        followed.has_baseline = fact.sbp is not None
        pressure = (("sbp", fact.sbp), ("dbp", fact.dbp))
        return [Baseline(metric=m, value_milli=v * MILLI) for m, v in pressure if v is not None]
    if isinstance(fact, Observed) and not (followed.has_baseline or followed.has_begun):
        values = fact.values_milli
        return [Baseline(metric=m, value_milli=values[m]) for m in ("sbp", "dbp") if m in values]
    if isinstance(fact, Started):
        followed.has_begun = True
        return [Began(at=fact.at)]
    if isinstance(fact, Discharged | Closed):
        return [Ended(at=fact.at)]
    return []


def _write(
    row: SessionRow, policy: AlarmPolicy, found: Sequence[Transition], *, now: datetime
) -> None:
    limits = {limit.limit_id: limit for limit in policy.limits}
    facts = []
    for transition in found:
        limit = limits[transition.limit_id]
        facts.append(
            AlarmFactRow(
                clinic_id=row.clinic_id, session_id=row.id, seq=row.seq,
                alarm_id=rows.alarm_id(row.id, limit.limit_id, transition.ordinal),
                limit_id=limit.limit_id, ordinal=transition.ordinal, step=transition.step,
                kind=transition.kind, metric=limit.metric, priority=limit.priority,
                message=limit.message, is_latched=limit.is_latched,
                value_milli=transition.value_milli, at=transition.at, signal_at=max(now, transition.at),
            )
        )  # fmt: skip
        append(
            clinic_id=row.clinic_id,
            register=CARE,
            kind=f"session.Alarm{transition.kind.capitalize()}",
            subject=row.id,
            by=BY,
            at=transition.at,
            body={
                "limit_id": limit.limit_id,
                "ordinal": transition.ordinal,
                "step": transition.step,
            },
        )
    if facts:
        AlarmFactRow.objects.bulk_create(facts)
        notify(row.id, "state")
