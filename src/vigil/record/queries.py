"""The only readers of the record.

In: a clinic, a subject. Out: frozen facts; never a queryset.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Min

from vigil.record.actions import CARE, CUSTODY
from vigil.record.canonical import FIRST_HASH
from vigil.record.models import Entry, Head, Link

REGISTERS = (CARE, CUSTODY)
"""Every register, in the order of the export."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFact:
    """One act as it was first written. `seq` and `hash` are None until it is sealed."""

    entry_id: UUID
    register: str
    kind: str
    subject: str
    by: str
    at: datetime
    recorded_at: datetime
    body: str
    seq: int | None
    hash: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadFact:
    """The newest link of one register: write `hash` down outside, and truncation can be found."""

    register: str
    seq: int
    hash: str
    sealed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Entries of a register that no link holds yet, and when the oldest was recorded."""

    register: str
    entries: int
    oldest_at: datetime | None


def entries_of(subject: object, *, clinic_id: UUID) -> tuple[EntryFact, ...]:
    """Every act about a subject (a patient, a container, a session), oldest first."""
    rows = Entry.objects.filter(clinic_id=clinic_id, subject=str(subject))
    return tuple(_fact(row) for row in rows.select_related("link").order_by("id"))


def recent_entries(clinic_id: UUID, *, limit: int = 50) -> tuple[EntryFact, ...]:
    """The newest acts of a clinic, newest first."""
    rows = Entry.objects.filter(clinic_id=clinic_id).select_related("link")
    return tuple(_fact(row) for row in rows.order_by("-id")[:limit])


def heads(clinic_id: UUID) -> tuple[HeadFact, ...]:
    """The head of every register; an empty register has seq 0 and the first hash."""
    rows = {row.register: row for row in Head.objects.filter(clinic_id=clinic_id)}
    return tuple(_head(clinic_id, register, rows.get(register)) for register in REGISTERS)


def waiting(clinic_id: UUID) -> tuple[Waiting, ...]:
    """What is not sealed yet, for every register."""
    settled = dict(Head.objects.filter(clinic_id=clinic_id).values_list("register", "settled_id"))
    found = []
    for register in REGISTERS:
        rows = Entry.objects.filter(
            clinic_id=clinic_id, register=register, id__gt=settled.get(register) or 0, link=None
        )
        told = rows.aggregate(entries=Count("id"), oldest=Min("recorded_at"))
        found.append(Waiting(register=register, entries=told["entries"], oldest_at=told["oldest"]))
    return tuple(found)


def _head(clinic_id: UUID, register: str, row: Head | None) -> HeadFact:
    if row is None or row.seq == 0:
        return HeadFact(register=register, seq=0, hash=FIRST_HASH, sealed_at=None)
    newest = Link.objects.get(clinic_id=clinic_id, register=register, seq=row.seq)
    return HeadFact(register=register, seq=row.seq, hash=row.hash, sealed_at=newest.sealed_at)


def _fact(row: Entry) -> EntryFact:
    link = getattr(row, "link", None)
    return EntryFact(
        entry_id=row.entry_id,
        register=row.register,
        kind=row.kind,
        subject=row.subject,
        by=row.by,
        at=row.at,
        recorded_at=row.recorded_at,
        body=row.body,
        seq=link.seq if link else None,
        hash=link.hash if link else None,
    )
