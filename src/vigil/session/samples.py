"""Store samples: bind each to the session open at its chair, gate it, keep it once.

In: what devices and nurses sent. Out: rows, and which of them were new. Only `actions` calls this.

The rows of the sessions concerned are locked first, in id order: a session cannot close under its samples, and
its `seq` and sample ids rise in commit order, so a reader who has seen `seq` n has seen everything before it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import connection

from vigil.session.domain.facts import Incoming, StoredSample
from vigil.session.domain.gate import AHEAD, Known, gate
from vigil.session.models import Chair as ChairRow
from vigil.session.models import Session as SessionRow

_TEXT_LIMITS = {"location": 128, "device": 128, "metric": 32, "unit": 32, "quality": 64}

_INSERT = """
INSERT INTO session_sample (
    clinic_id, session_id, chair_id, seq, location, device, metric, value_milli, unit, quality, source,
    measured_at, measured_at_source, stated_at, received_at, recorded_at, message_id, sub_id)
SELECT * FROM unnest(
    %s::uuid[], %s::uuid[], %s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::bigint[],
    %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::timestamptz[], %s::timestamptz[],
    %s::timestamptz[], %s::text[], %s::text[])
ON CONFLICT DO NOTHING
RETURNING id, clinic_id, device, message_id, metric, sub_id, stated_at
"""

_NEWEST_GOOD = """
SELECT wanted.session_id, wanted.device, wanted.metric, newest.value_milli, newest.measured_at
FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS wanted(session_id, device, metric)
CROSS JOIN LATERAL (
    SELECT value_milli, measured_at FROM session_sample s
    WHERE s.session_id = wanted.session_id AND s.metric = wanted.metric
      AND s.device = wanted.device AND s.quality = 'good'
      AND s.measured_at <= s.received_at + %s
    ORDER BY s.measured_at DESC, s.id DESC LIMIT 1) AS newest
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """The chair of a location and the session open there, with the sequence number of this batch."""

    chair_id: UUID
    session_id: UUID | None
    seq: int | None


def store(samples: Sequence[Incoming], *, recorded_at: datetime) -> tuple[StoredSample, ...]:
    """Store each sample once and tell who listens. The caller holds the transaction."""
    samples = [_shortened(sample) for sample in samples]
    seats = _seats(samples)
    qualities = _qualities(samples, seats)
    new_ids = _insert(samples, seats, qualities, recorded_at)
    stored = []
    for sample, quality in zip(samples, qualities, strict=True):
        # Popped: the second of two equal values in one batch is the duplicate.
        sample_id = new_ids.pop(_identity(sample), None)
        seat = seats.get((sample.clinic_id, sample.location))
        stored.append(
            StoredSample(
                status="duplicate" if sample_id is None else "stored",
                sample_id=sample_id,
                session_id=seat.session_id if seat else None,
                chair_id=seat.chair_id if seat else None,
                quality=quality,
            )
        )
    for session_id in sorted(
        {row.session_id for row in stored if row.sample_id is not None} - {None}, key=str
    ):
        notify(session_id, "samples")
    return tuple(stored)


def notify(session_id: UUID, what: str) -> None:
    """Tell the listeners of `vigil_session`; they hear it when the transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('vigil_session', %s)", [f"{session_id} {what}"])


def _shortened(sample: Incoming) -> Incoming:
    """The sample with over-long texts cut to what the table holds: odd input is kept, not lost."""
    too_long = {
        name: getattr(sample, name)[:limit]
        for name, limit in _TEXT_LIMITS.items()
        if len(getattr(sample, name)) > limit
    }
    return replace(sample, **too_long) if too_long else sample


def _seats(samples: Iterable[Incoming]) -> Mapping[tuple[UUID, str], Seat]:
    places = {(sample.clinic_id, sample.location) for sample in samples}
    chairs = {
        (chair.clinic_id, chair.device_location): chair.id
        for chair in ChairRow.objects.filter(
            clinic_id__in={clinic_id for clinic_id, _ in places},
            device_location__in={location for _, location in places},
        )
    }
    open_rows = {
        row.chair_id: row
        for row in SessionRow.objects.select_for_update(no_key=True)
        .filter(chair_id__in=list(chairs.values()))
        .exclude(phase="closed")
        .order_by("id")
    }
    for row in open_rows.values():
        row.seq += 1
        row.save(update_fields=["seq"])
    return {
        place: Seat(
            chair_id=chairs[place],
            session_id=open_rows[chairs[place]].id if chairs[place] in open_rows else None,
            seq=open_rows[chairs[place]].seq if chairs[place] in open_rows else None,
        )
        for place in places
        if place in chairs
    }


def _qualities(samples: Sequence[Incoming], seats: Mapping[tuple[UUID, str], Seat]) -> list[str]:
    sessions = [_session_of(sample, seats) for sample in samples]
    known = _newest_good(samples, sessions)
    qualities = []
    for sample, session_id in zip(samples, sessions, strict=True):
        name = (session_id, sample.device, sample.metric)
        # A nurse may enter a set late and out of order; it is what she saw, so only its range is judged.
        before = known.get(name) if sample.source == "device" else None
        quality = gate(
            sample.metric,
            sample.value_milli,
            said=sample.quality,
            measured_at=sample.measured_at,
            received_at=sample.received_at,
            before=before,
        )
        if quality == "good" and session_id is not None:
            assert sample.value_milli is not None
            known[name] = Known(value_milli=sample.value_milli, measured_at=sample.measured_at)
        qualities.append(quality[:64])
    return qualities


def _session_of(sample: Incoming, seats: Mapping[tuple[UUID, str], Seat]) -> UUID | None:
    seat = seats.get((sample.clinic_id, sample.location))
    return seat.session_id if seat else None


def _newest_good(
    samples: Sequence[Incoming], sessions: Sequence[UUID | None]
) -> dict[tuple[UUID | None, str, str], Known]:
    names = {
        (session_id, sample.device, sample.metric)
        for sample, session_id in zip(samples, sessions, strict=True)
        if session_id is not None
    }
    if not names:
        return {}
    columns = [list(column) for column in zip(*names, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST_GOOD, [*columns, AHEAD])
        return {
            (session_id, device, metric): Known(value_milli=value_milli, measured_at=measured_at)
            for session_id, device, metric, value_milli, measured_at in cursor.fetchall()
        }


def _insert(
    samples: Sequence[Incoming],
    seats: Mapping[tuple[UUID, str], Seat],
    qualities: Sequence[str],
    recorded_at: datetime,
) -> dict[tuple[object, ...], int]:
    if not samples:
        return {}
    rows = []
    for sample, quality in zip(samples, qualities, strict=True):
        seat = seats.get((sample.clinic_id, sample.location))
        rows.append(
            (
                sample.clinic_id, seat.session_id if seat else None, seat.chair_id if seat else None,
                seat.seq if seat else None, sample.location, sample.device, sample.metric,
                sample.value_milli, sample.unit, quality, sample.source, sample.measured_at,
                sample.measured_at_source, _stated_at(sample), sample.received_at, recorded_at,
                sample.message_id, sample.sub_id,
            )
        )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [list(column) for column in zip(*rows, strict=True)])
        return {tuple(row[1:]): row[0] for row in cursor.fetchall()}


def _stated_at(sample: Incoming) -> datetime | None:
    return None if sample.measured_at_source == "received" else sample.measured_at


def _identity(sample: Incoming) -> tuple[object, ...]:
    """What makes a value the same value when it is sent again."""
    return (
        sample.clinic_id, sample.device, sample.message_id, sample.metric, sample.sub_id,
        _stated_at(sample),
    )  # fmt: skip
