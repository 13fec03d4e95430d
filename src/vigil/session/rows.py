"""Rows of this room into frozen facts, and back: the one mapping between tables and facts."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID, uuid5

import msgspec

from vigil.record.canonical import plain
from vigil.session.domain.facts import (
    AlarmView,
    Chair,
    CheckedIn,
    Closed,
    DeviceGiven,
    Discharged,
    MetricSample,
    Noted,
    Observed,
    OpenSession,
    Paused,
    RateChanged,
    Resumed,
    SessionFact,
    Started,
    Stopped,
)
from vigil.session.models import AlarmFact as AlarmFactRow
from vigil.session.models import Chair as ChairRow
from vigil.session.models import Sample as SampleRow
from vigil.session.models import Session as SessionRow
from vigil.session.models import SessionFact as FactRow

KINDS: Mapping[str, type[SessionFact]] = {
    kind.__name__: kind
    for kind in (
        CheckedIn, Started, RateChanged, Paused, Resumed, DeviceGiven, Stopped, Observed, Noted,
        Discharged, Closed,
    )
}  # fmt: skip

HEADER = tuple(field.name for field in fields(SessionFact))


def fact(row: FactRow) -> SessionFact:
    """The frozen fact of a row."""
    header = {
        "fact_id": row.id,
        "session_id": row.session_id,
        "at": row.at,
        "recorded_at": row.recorded_at,
        "by": row.by_id,
        "by_name": row.by_name,
    }
    return msgspec.convert({**row.body, **header}, KINDS[row.kind])


def body(**values: Any) -> Any:
    """The values of a fact as they are stored."""
    return plain(values)


def facts_of(session_ids: Sequence[UUID]) -> dict[UUID, list[SessionFact]]:
    """The facts of each session, in the session's sequence."""
    found: dict[UUID, list[SessionFact]] = {session_id: [] for session_id in session_ids}
    for row in FactRow.objects.filter(session_id__in=session_ids).order_by("seq"):
        found[row.session_id].append(fact(row))
    return found


def sample(row: SampleRow) -> MetricSample:
    """The frozen fact of a sample row."""
    return MetricSample(
        sample_id=row.id,
        clinic_id=row.clinic_id,
        session_id=row.session_id,
        chair_id=row.chair_id,
        location=row.location,
        device=row.device,
        metric=row.metric,
        value_milli=row.value_milli,
        unit=row.unit,
        quality=row.quality,
        source=row.source,
        measured_at=row.measured_at,
        measured_at_source=row.measured_at_source,
        received_at=row.received_at,
        recorded_at=row.recorded_at,
        message_id=row.message_id,
        sub_id=row.sub_id,
    )


def chair(row: ChairRow) -> Chair:
    """The frozen fact of a chair row."""
    return Chair(
        chair_id=row.id,
        clinic_id=row.clinic_id,
        name=row.name,
        device_location=row.device_location,
    )


def open_session(row: SessionRow) -> OpenSession:
    """The frozen fact of an open session; the row comes with its chair."""
    return OpenSession(
        session_id=row.id,
        clinic_id=row.clinic_id,
        chair_id=row.chair_id,
        chair=row.chair.name,
        device_location=row.chair.device_location,
        patient_id=row.patient_id,
        phase=row.phase,
    )


def alarm_id(session_id: UUID, limit_id: str, ordinal: int) -> UUID:
    """The id of the n-th alarm of a limit in a session: the same after every replay."""
    return uuid5(session_id, f"{limit_id}:{ordinal}")


def alarms_of(session_ids: Sequence[UUID]) -> dict[UUID, list[AlarmView]]:
    """The alarms of each session, folded from their facts, oldest first."""
    grouped: dict[UUID, dict[UUID, list[AlarmFactRow]]] = {each: {} for each in session_ids}
    for row in AlarmFactRow.objects.filter(session_id__in=session_ids).order_by("id"):
        grouped[row.session_id].setdefault(row.alarm_id, []).append(row)
    return {
        session_id: [fold_alarm(rows) for rows in alarms.values()]
        for session_id, alarms in grouped.items()
    }


def fold_alarm(rows: Sequence[AlarmFactRow]) -> AlarmView:
    """One alarm from its facts, in order."""
    first = rows[0]
    ended_at = cleared_at = acknowledged_at = acknowledged_by = None
    for row in rows:
        if row.kind == "ended":
            ended_at = row.at
        elif row.kind == "again":
            ended_at = None
        elif row.kind == "cleared":
            cleared_at = row.at
        elif row.kind == "acknowledged":
            acknowledged_at, acknowledged_by = row.at, row.by_name
    return AlarmView(
        alarm_id=first.alarm_id,
        session_id=first.session_id,
        limit_id=first.limit_id,
        metric=first.metric,
        priority=first.priority,
        message=first.message,
        value_milli=first.value_milli,
        condition_at=first.at,
        signal_at=first.signal_at,
        acknowledged_at=acknowledged_at,
        acknowledged_by=acknowledged_by,
        ended_at=ended_at,
        cleared_at=cleared_at,
        is_latched=first.is_latched,
    )


PRIORITY_ORDER = {"high": 0, "medium": 1, "low": 2}


def by_urgency(alarms: Sequence[AlarmView]) -> tuple[AlarmView, ...]:
    """Those that nobody has seen yet first; among them the highest priority, then the oldest."""
    return tuple(
        sorted(
            alarms,
            key=lambda a: (
                a.acknowledged_at is not None,
                PRIORITY_ORDER[a.priority],
                a.condition_at,
            ),
        )
    )
