"""How far the sealing of the record has come.

In: nothing. Out: how long the oldest waiting entry has waited, and when the newest link was made.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, Min, Q

from vigil.record.models import Entry, Head, Link

NEWEST_LOOKED_AT = 5000
"""Entries looked at of registers that were never sealed: the worker begins with a new one within a second."""


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
    # Only what lies above each register's settled mark: below it nothing waits (see `unlinked`).
    known = above = Q(pk__in=())
    for clinic_id, register, settled_id in Head.objects.values_list(
        "clinic_id", "register", "settled_id"
    ):
        own = Q(clinic_id=clinic_id, register=register)
        known |= own
        above |= own & Q(id__gt=settled_id or 0)
    newest = Entry.objects.aggregate(id=Max("id"))["id"] or 0
    unknown = ~known & Q(id__gt=newest - NEWEST_LOOKED_AT)
    since = [
        Entry.objects.filter(where, link=None).aggregate(since=Min("recorded_at"))["since"]
        for where in (above, unknown)
    ]
    last = Link.objects.order_by("-id").values_list("sealed_at", flat=True).first()
    return Sealing(waiting_since=min(filter(None, since), default=None), newest_seal_at=last)
