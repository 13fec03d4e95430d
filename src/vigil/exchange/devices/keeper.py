"""Reads messages and commits them: the side of the gateway that touches the database.

In: messages off a socket. Out: their answers, after the commit. Each part is called in one thread of its own.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import InterfaceError, OperationalError, ProgrammingError, connections

from vigil.exchange.devices import acks
from vigil.exchange.devices.actions import keep, note_storage_back
from vigil.exchange.devices.codes import Codes, load_codes
from vigil.exchange.devices.facts import Arrival, Kept
from vigil.exchange.devices.mllp import Broken
from vigil.exchange.devices.oru import ParsedMessage, Rejected, parse
from vigil.exchange.devices.server import StorageAway, Taken
from vigil.people.domain.facts import Clinic
from vigil.people.queries import clinics
from vigil.record.clock import new_id, now
from vigil.session.watch import AlarmWatch

log = logging.getLogger("vigil.gateway")

Answer = TypeVar("Answer")

_AWAY = (OperationalError, InterfaceError, ProgrammingError)
"""The server is away, full or not migrated yet: the same message may be tried again later."""


def the_clinic() -> Clinic:
    """The clinic whose monitors speak to this box: there is one to a box."""
    found = reaching_storage(clinics)
    if not found:
        raise StorageAway("No clinic is set up yet.")
    if len(found) > 1:
        raise StorageAway("This box holds several clinics; the gateway serves exactly one.")
    return found[0]


def reaching_storage(act: Callable[[], Answer]) -> Answer:
    """What the act gives; StorageAway when the database could not be reached."""
    try:
        return act()
    except _AWAY as error:
        connections["default"].close()
        raise StorageAway(type(error).__name__) from error


class DatabaseKeeper:
    """Commits messages for one clinic."""

    def __init__(self, *, codes: Codes | None = None) -> None:
        self._codes = codes or load_codes()
        self._clinic: Clinic | None = None

    def keep(self, taken: Sequence[Taken]) -> list[bytes]:
        """Commit all in one transaction, then give their answers, in order.

        Raises:
            StorageAway: nothing was committed; the same may be tried again.
        """
        clinic = self._served_clinic()
        arrivals = [self._read(clinic, one) for one in taken]
        try:
            kept = reaching_storage(
                lambda: keep(arrivals, clinic_id=clinic.clinic_id, zone=clinic.time_zone)
            )
        except StorageAway:
            raise
        except Exception:
            log.exception("A commit of %d messages failed; each is tried alone.", len(arrivals))
            return [self._keep_alone(clinic, arrival) for arrival in arrivals]
        return [_answer(one, what) for one, what in zip(arrivals, kept, strict=True)]

    def note_back(self, *, lost_at: datetime, at: datetime, waiting: int) -> None:
        """Write into the record that storage was away and is back."""
        clinic = self._served_clinic()
        reaching_storage(
            lambda: note_storage_back(
                clinic_id=clinic.clinic_id, lost_at=lost_at, at=at, waiting=waiting
            )
        )

    def _served_clinic(self) -> Clinic:
        if self._clinic is None:
            self._clinic = the_clinic()
        return self._clinic

    def _read(self, clinic: Clinic, taken: Taken) -> Arrival:
        item = taken.item
        reading: ParsedMessage | Rejected
        if isinstance(item, Broken):
            reading = Rejected(
                code=item.code,
                reason=item.reason,
                place="",
                control_id=acks.control_id_in(item.payload),
                sender="",
            )
        else:
            reading = parse(
                item.payload,
                codes=self._codes,
                zone=ZoneInfo(clinic.time_zone),
                received_at=taken.received_at,
            )
        return Arrival(payload=item.payload, received_at=taken.received_at, reading=reading)

    def _keep_alone(self, clinic: Clinic, arrival: Arrival) -> bytes:
        """One message by itself; what the database refuses is quarantined like any other."""
        try:
            (kept,) = reaching_storage(
                lambda: keep([arrival], clinic_id=clinic.clinic_id, zone=clinic.time_zone)
            )
            return _answer(arrival, kept)
        except StorageAway:
            raise
        except Exception as error:
            log.exception("A message was refused by the database.")
            refused = _refused_by_database(arrival, error)
        try:
            (kept,) = reaching_storage(
                lambda: keep([refused], clinic_id=clinic.clinic_id, zone=clinic.time_zone)
            )
        except StorageAway:
            raise
        except Exception:
            log.exception("A message could not even be quarantined.")
            return _not_kept(refused)
        return _answer(refused, kept)


def _refused_by_database(arrival: Arrival, error: Exception) -> Arrival:
    reading = arrival.reading
    return Arrival(
        payload=arrival.payload,
        received_at=arrival.received_at,
        reading=Rejected(
            code="DEV-NOT-STORED",
            reason=f"The database refused it ({type(error).__name__}).",
            place="",
            control_id=reading.control_id,
            sender=reading.sender,
        ),
    )


def _not_kept(arrival: Arrival) -> bytes:
    return acks.refuse(
        control_id=arrival.reading.control_id,
        ack_id=str(new_id()),
        at=now(),
        reason="Nothing was kept, not even the raw bytes. Send it again.",
        place="",
        error="DEV-NOT-KEPT",
    )


def _answer(arrival: Arrival, kept: Kept) -> bytes:
    """AA for what is stored (or was before), AE for what is quarantined."""
    reading = arrival.reading
    if isinstance(reading, ParsedMessage):
        return acks.accept(
            control_id=reading.control_id, ack_id=str(new_id()), at=now(), note=kept.note
        )
    return acks.refuse(
        control_id=reading.control_id,
        ack_id=str(new_id()),
        at=now(),
        reason=reading.reason,
        place=reading.place,
        error=reading.code,
    )


class Watcher:
    """Runs the alarm watch of every clinic here; built again from what is stored after each failure."""

    def __init__(self) -> None:
        self._watches: dict[UUID, AlarmWatch] = {}

    def run_once(self) -> None:
        """One round of the alarm watch.

        Raises:
            StorageAway: the database could not be reached.
        """
        watches, self._watches = self._watches, {}
        for clinic in reaching_storage(clinics):
            watch = watches.get(clinic.clinic_id) or AlarmWatch(clinic)
            reaching_storage(partial(watch.run_once, now()))
            self._watches[clinic.clinic_id] = watch
