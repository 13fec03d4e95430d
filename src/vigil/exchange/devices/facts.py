"""What can be true of a message that came through a door. Frozen."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from vigil.exchange.devices.oru import ParsedMessage, Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One message (or what was not one) as it arrived, and how it was read."""

    payload: bytes
    received_at: datetime
    reading: ParsedMessage | Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of an arrival, now committed.

    `note` says what a person should know: no chair is bound to the place, or no session is open there.
    """

    status: Literal["stored", "duplicate", "quarantined"]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A message that was not believed, as a list shows it."""

    quarantine_id: int
    code: str
    place: str
    reason: str
    sender: str
    control_id: str
    size: int
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorCounts:
    """How many messages were accepted and refused since a moment."""

    accepted: int
    quarantined: int
    with_unknown_codes: int
