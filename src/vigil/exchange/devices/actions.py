"""The only writers of the doors: keep what arrived, in one commit with the samples it held.

In: arrivals that were read. Out: what became of each, once it is committed.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction

from vigil.exchange.devices.facts import Arrival, Kept
from vigil.exchange.devices.oru import Observation, ParsedMessage, Rejected
from vigil.exchange.models import CuffMemory, QuarantinedFrame, RawFrame
from vigil.record.actions import CARE, append
from vigil.session.actions import record_samples
from vigil.session.domain.facts import Incoming, StoredSample

NO_CHAIR = "Kept. No chair is bound to this place, so nobody sees these values."
NO_SESSION = "Kept. No session is open at this chair."


@transaction.atomic
def keep(arrivals: Sequence[Arrival], *, clinic_id: UUID, zone: str) -> tuple[Kept, ...]:
    """Commit raw bytes and samples, or raw bytes and the reason; answers in the given order.

    A message that was kept before (same sender, control id and bytes) is answered again and stored once.

    Args:
        zone: name of the clinic's zone, in which times without one were read.
    """
    digests = [hashlib.sha256(arrival.payload).hexdigest() for arrival in arrivals]
    seen = _seen(clinic_id, digests)
    memory = Memory(clinic_id)
    kept: list[Kept | None] = []
    fresh: list[_Fresh] = []
    for arrival, digest in zip(arrivals, digests, strict=True):
        reading = arrival.reading
        if isinstance(reading, Rejected):
            kept.append(_quarantine(clinic_id, arrival, reading, digest))
        elif (reading.sender, reading.control_id, digest) in seen:
            kept.append(Kept(status="duplicate"))
        else:
            seen.add((reading.sender, reading.control_id, digest))
            kept.append(None)
            observations = memory.without_repeats(reading)
            fresh.append(_Fresh(arrival, reading, digest, observations))
    stored = iter(_store(clinic_id, zone, fresh))
    memory.save()
    return tuple(next(stored) if what is None else what for what in kept)


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A message that is new, and what of it is not a repetition."""

    arrival: Arrival
    reading: ParsedMessage
    digest: str
    observations: tuple[Observation, ...]


def _seen(clinic_id: UUID, digests: Sequence[str]) -> set[tuple[str, str, str]]:
    rows = RawFrame.objects.filter(clinic_id=clinic_id, sha256__in=digests)
    return set(rows.values_list("sender", "control_id", "sha256"))


def _quarantine(clinic_id: UUID, arrival: Arrival, reading: Rejected, digest: str) -> Kept:
    row = QuarantinedFrame(
        clinic_id=clinic_id,
        sender=_text(reading.sender),
        control_id=_text(reading.control_id),
        sha256=digest,
        payload=arrival.payload,
        received_at=arrival.received_at,
        code=reading.code,
        place=reading.place,
        reason=reading.reason[:500],
    )
    QuarantinedFrame.objects.bulk_create([row], ignore_conflicts=True)
    return Kept(status="quarantined")


def _text(text: str) -> str:
    return text[:199].replace("\x00", "")


def _store(clinic_id: UUID, zone: str, fresh: Sequence[_Fresh]) -> list[Kept]:
    RawFrame.objects.bulk_create(
        RawFrame(
            clinic_id=clinic_id,
            sender=one.reading.sender,
            control_id=one.reading.control_id,
            sha256=one.digest,
            payload=one.arrival.payload,
            received_at=one.arrival.received_at,
            location=one.reading.location,
            zone=zone,
            profile=one.reading.profile,
            samples=len(one.observations),
            repeats=len(one.reading.observations) - len(one.observations),
            unknown=list(one.reading.unknown),
        )
        for one in fresh
    )
    stored = iter(
        record_samples(
            [_incoming(clinic_id, one, found) for one in fresh for found in one.observations]
        )
    )
    return [
        Kept(status="stored", note=_note(list(islice(stored, len(one.observations)))))
        for one in fresh
    ]


def message_id(control_id: str, digest: str) -> str:
    """The name of a message that no other has: monitors count from 1 again, and two count alike."""
    return f"{control_id}#{digest[:16]}"


def _incoming(clinic_id: UUID, one: _Fresh, found: Observation) -> Incoming:
    return Incoming(
        clinic_id=clinic_id,
        location=one.reading.location,
        device=found.device,
        metric=found.metric,
        value_milli=found.value_milli,
        unit=found.unit,
        quality=found.quality,
        source="device",
        measured_at=found.measured_at,
        measured_at_source=found.measured_at_source,
        received_at=one.arrival.received_at,
        message_id=message_id(one.reading.control_id, one.digest),
        sub_id=found.sub_id,
    )


def _note(stored: Sequence[StoredSample]) -> str:
    if not stored or any(sample.session_id is not None for sample in stored):
        return ""
    return NO_SESSION if any(sample.chair_id is not None for sample in stored) else NO_CHAIR


class Memory:
    """The newest cuff values of each monitor, for the time of one commit."""

    def __init__(self, clinic_id: UUID) -> None:
        self._clinic_id = clinic_id
        self._rows: dict[tuple[str, str], CuffMemory] = {}
        self._changed: set[tuple[str, str]] = set()

    def without_repeats(self, reading: ParsedMessage) -> tuple[Observation, ...]:
        """The observations that are not cuff values an earlier message had already brought.

        With its own time a value is a repetition when that time and the value are known already. Without
        one, the whole set is, when it equals the newest: better one true measurement missed, which the
        duty clock tells, than an old pressure shown as now.
        """
        cuff = [found for found in reading.observations if found.is_episodic]
        if not cuff:
            return reading.observations
        untimed = {
            f"{found.code}/{found.sub_id}": f"{found.value_milli} {found.quality}"
            for found in cuff
            if not _has_own_time(found)
        }
        newest = self._newest(reading.location, cuff[0].device)
        is_repeated_set = bool(untimed) and newest.get("untimed") == untimed
        fresh = [
            found
            for found in reading.observations
            if not found.is_episodic or not self._is_repeat(found, newest, is_repeated_set)
        ]
        self._learn(reading.location, cuff, untimed)
        return tuple(fresh)

    def save(self) -> None:
        """Write what changed."""
        for place in sorted(self._changed):
            self._rows[place].save()

    def _newest(self, location: str, device: str) -> dict[str, Any]:
        place = (location, device)
        if place not in self._rows:
            self._rows[place] = (
                CuffMemory.objects.select_for_update()
                .filter(clinic_id=self._clinic_id, location=location, device=device)
                .first()
            ) or CuffMemory(clinic_id=self._clinic_id, location=location, device=device)
        return dict(self._rows[place].newest)

    @staticmethod
    def _is_repeat(found: Observation, newest: dict[str, Any], is_repeated_set: bool) -> bool:
        if not _has_own_time(found):
            return is_repeated_set
        return newest.get(f"{found.code}/{found.sub_id}") == _timed(found)

    def _learn(self, location: str, cuff: list[Observation], untimed: dict[str, str]) -> None:
        row = self._rows[location, cuff[0].device]
        learnt = {f"{o.code}/{o.sub_id}": _timed(o) for o in cuff if _has_own_time(o)}
        newest = {**row.newest, **learnt, **({"untimed": untimed} if untimed else {})}
        if newest != row.newest:
            row.newest = newest
            self._changed.add((location, cuff[0].device))


def _has_own_time(found: Observation) -> bool:
    return found.measured_at_source.startswith("OBX-14")


def _timed(found: Observation) -> str:
    return f"{found.measured_at.isoformat()} {found.value_milli} {found.quality}"


@transaction.atomic
def note_storage_back(*, clinic_id: UUID, lost_at: datetime, at: datetime, waiting: int) -> None:
    """Write into the record that device messages could not be stored for a while."""
    append(
        clinic_id=clinic_id,
        register=CARE,
        kind="exchange.StorageWasLost",
        subject="gateway",
        by="gateway",
        at=at,
        body={"lost_at": lost_at, "back_at": at, "messages_waiting": waiting},
    )
