"""What actions and queries of this room both read: newest values, moments of observation, discharge facts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from vigil.evidence.protocols import load_protocol
from vigil.session import rows
from vigil.session.domain.decide import DischargeFacts, Reading
from vigil.session.domain.facts import KIND_METRICS, SessionState
from vigil.session.domain.gate import AHEAD
from vigil.session.models import Sample as SampleRow

_NEWEST = """
SELECT wanted.session_id, wanted.metric, newest.*
FROM unnest(%s::uuid[]) AS wanted_session(session_id)
CROSS JOIN unnest(%s::text[]) AS wanted_metric(metric)
CROSS JOIN LATERAL (SELECT wanted_session.session_id, wanted_metric.metric) AS wanted
CROSS JOIN LATERAL (
    SELECT s.id, s.value_milli, s.unit, s.quality, s.source, s.measured_at, s.received_at
    FROM session_sample s
    WHERE s.session_id = wanted.session_id AND s.metric = wanted.metric {and_more}
    ORDER BY s.measured_at DESC, s.id DESC LIMIT 1) AS newest
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest stored value of a metric in a session."""

    sample_id: int
    value_milli: int | None
    unit: str
    quality: str
    source: str
    measured_at: datetime
    received_at: datetime


def newest(
    session_ids: Sequence[UUID], metrics: Iterable[str], *, only_good: bool
) -> dict[tuple[UUID, str], Newest]:
    """The newest sample of each metric in each session; with `only_good`, of those the gate believes.

    A sample stamped ahead of its arrival is no newest one: a wrong clock must not hide what comes after it.
    Only a metric of which nothing else is stored answers with it, so that its screen can say "not believed".
    """
    wanted = list(metrics)
    found = _newest(session_ids, wanted, and_more=_NOT_AHEAD + (_GOOD if only_good else ""))
    missing = [each for each in wanted if any((one, each) not in found for one in session_ids)]
    if only_good or not missing:
        return found
    return _newest(session_ids, missing, and_more="") | found


_GOOD = " AND s.quality = 'good'"
_NOT_AHEAD = f" AND s.measured_at <= s.received_at + interval '{AHEAD.seconds} seconds'"


def _newest(
    session_ids: Sequence[UUID], metrics: list[str], *, and_more: str
) -> dict[tuple[UUID, str], Newest]:
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST.format(and_more=and_more), [list(session_ids), metrics])
        return {
            (row[0], row[1]): Newest(
                sample_id=row[2],
                value_milli=row[3],
                unit=row[4],
                quality=row[5],
                source=row[6],
                measured_at=row[7],
                received_at=row[8],
            )
            for row in cursor.fetchall()
        }


def newest_device_value_at(session_ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """When the newest value of a device was received, for the sessions that have one."""
    found: dict[UUID, datetime] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wanted.session_id, newest.received_at FROM unnest(%s::uuid[]) AS wanted(session_id) "
            "CROSS JOIN LATERAL (SELECT s.received_at FROM session_sample s "
            "WHERE s.session_id = wanted.session_id AND s.source = 'device' "
            "AND s.value_milli IS NOT NULL ORDER BY s.id DESC LIMIT 1) AS newest",
            [list(session_ids)],
        )
        found.update(cursor.fetchall())
    return found


def observed_moments(session_id: UUID, kinds: Iterable[str]) -> Mapping[str, list[datetime]]:
    """The moments at which each kind of observation was complete, rising.

    A pressure is complete when both its numbers are in: its moment is that of the older one.
    """
    moments: dict[str, list[datetime]] = {}
    for kind in sorted(set(kinds)):
        metrics = KIND_METRICS[kind]
        values = SampleRow.objects.filter(
            session_id=session_id, metric__in=metrics, quality="good"
        ).order_by("id")
        last: dict[str, datetime] = {}
        found: list[datetime] = []
        for metric, source, measured_at, received_at in values.values_list(
            "metric", "source", "measured_at", "received_at"
        ):
            seen_at = measured_at if source == "manual" else received_at
            last[metric] = max(seen_at, last.get(metric, seen_at))
            complete_at = min(last.values()) if len(last) == len(metrics) else None
            if complete_at is not None and (not found or complete_at > found[-1]):
                found.append(complete_at)
        moments[kind] = found
    return moments


def discharge_facts(
    state: SessionState, *, answers: Mapping[str, bool | None], escort_name: str
) -> DischargeFacts:
    """What the discharge of this session looks at now."""
    protocol = load_protocol(state.protocol_id)
    metrics = [metric for kind in KIND_METRICS.values() for metric in kind]
    found = newest([state.session_id], metrics, only_good=True)
    return DischargeFacts(
        state=state,
        rule=protocol.discharge,
        duties=protocol.observations,
        readings={
            metric: Reading(value_milli=value.value_milli, measured_at=value.measured_at)
            for (_, metric), value in found.items()
            if value.value_milli is not None
        },
        alarms=tuple(rows.alarms_of([state.session_id])[state.session_id]),
        answers=answers,
        escort_name=escort_name,
    )
