"""How far the sealing of the record has come.

In: nothing. Out: how long the oldest waiting entry has waited, and when the newest link was made.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, Min

from vigil.record.models import Entry, Link

NEWEST_LOOKED_AT = 5000
"""Entries looked at, newest first. The worker seals in order, so what waits is always among the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """`waiting_since`: when the oldest unsealed entry was recorded; None when none waits."""

    waiting_since: datetime | None
    newest_seal_at: datetime | None

    def waiting_seconds(self, at: datetime) -> float:
        """Seconds the oldest unsealed entry has waited; 0 when none waits."""
        if self.waiting_since is None:
            return 0.0
        return max(0.0, (at - self.waiting_since).total_seconds())


def sealing() -> Sealing:
    """The state of sealing over all clinics."""
    newest = Entry.objects.aggregate(id=Max("id"))["id"] or 0
    waiting = Entry.objects.filter(id__gt=newest - NEWEST_LOOKED_AT, link=None)
    last = Link.objects.order_by("-id").values_list("sealed_at", flat=True).first()
    return Sealing(
        waiting_since=waiting.aggregate(since=Min("recorded_at"))["since"], newest_seal_at=last
    )
