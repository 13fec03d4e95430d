"""The only readers of the doors that other rooms may call; they return frozen facts."""

from datetime import datetime
from uuid import UUID

from vigil.exchange.devices.facts import DoorCounts, Quarantined
from vigil.exchange.models import QuarantinedFrame, RawFrame


def quarantined(clinic_id: UUID, *, limit: int = 100) -> tuple[Quarantined, ...]:
    """The newest messages that were not believed, newest first."""
    rows = QuarantinedFrame.objects.filter(clinic_id=clinic_id).order_by("-id")[:limit]
    return tuple(
        Quarantined(
            quarantine_id=row.id,
            code=row.code,
            place=row.place,
            reason=row.reason,
            sender=row.sender,
            control_id=row.control_id,
            size=len(row.payload),
            received_at=row.received_at,
        )
        for row in rows
    )


def quarantined_bytes(quarantine_id: int, *, clinic_id: UUID) -> bytes | None:
    """The bytes of a message that was not believed, exactly as they arrived, or None."""
    row = QuarantinedFrame.objects.filter(pk=quarantine_id, clinic_id=clinic_id).first()
    return None if row is None else bytes(row.payload)


def counts(clinic_id: UUID, *, since: datetime) -> DoorCounts:
    """How many messages arrived since a moment and what became of them."""
    frames = RawFrame.objects.filter(clinic_id=clinic_id, received_at__gte=since)
    refused = QuarantinedFrame.objects.filter(clinic_id=clinic_id, received_at__gte=since)
    return DoorCounts(
        accepted=frames.count(),
        quarantined=refused.count(),
        with_unknown_codes=frames.exclude(unknown=[]).count(),
    )
