"""The only writers of the record: append an entry, link it into its register's chain.

In: who did what to what, when. Out: one row that is never edited.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from vigil.record.canonical import BYTES_MAX, NotCanonical, canonical, link_hash
from vigil.record.clock import new_id, now
from vigil.record.models import Entry, Head, Link
from vigil.record.unlinked import Unlinked, settle_on_commit, unlinked

CUSTODY = "custody"
"""The register that is chained in the same transaction; the others are sealed within a second."""

CARE = "care"
"""Everything else that happens to a patient or to the clinic."""

SETTLE_EVERY = 500
"""Entries after which a quiet register's mark of what is settled is moved on: readers look at so many at most."""


def append(
    *,
    clinic_id: UUID,
    register: str,
    kind: str,
    subject: object,
    by: object,
    at: datetime,
    body: Any,
) -> UUID:
    """Write one act and return its entry id. The caller holds the transaction.

    Args:
        register: `CUSTODY` (linked at once) or `CARE` (sealed by the worker).
        kind: room and fact, such as `custody.Drawn`.
        subject: id of what it is about (patient, container, session).
        by: staff id, or the name of a process such as `gateway`.
        at: when it happened, aware.
        body: a frozen fact or mapping of plain values; no floats.

    Raises:
        NotCanonical: something in it has no one way to be written; nothing is written.
    """
    assert transaction.get_connection().in_atomic_block, "the record is written with the act itself"
    # Refused here, with the act: a care entry that cannot be written would stop the sealing of all that follow.
    canonical([kind, str(subject), str(by), at])
    written = canonical(body)
    if len(written.encode()) > BYTES_MAX:
        raise NotCanonical(body, f"written out it is longer than {BYTES_MAX} bytes")
    entry = Entry.objects.create(
        entry_id=new_id(),
        clinic_id=clinic_id,
        register=register,
        kind=kind,
        subject=str(subject),
        by=str(by),
        at=at,
        recorded_at=now(),
        body=written,
    )
    if register == CUSTODY:
        head = _locked_head(clinic_id, register)
        # Whoever writes one here links it in the same transaction: an older one that commits later is linked too.
        head.settled_id = max(head.settled_id or 0, entry.id)
        _link(head, [entry])
    return entry.entry_id


def seal(
    *, clinic_id: UUID, register: str = CARE, limit: int = 5000, is_thorough: bool = False
) -> int:
    """Link the entries that are not linked yet, oldest first; returns how many.

    A thorough round looks at all that was ever written; the others start where nothing can be left behind.
    """
    with transaction.atomic():
        head = _locked_head(clinic_id, register)
        found = unlinked(
            clinic_id=clinic_id, register=register, limit=limit, is_thorough=is_thorough
        )
        if found.entries:
            _link(head, found.entries)
        _settle(head, found)
        settle_on_commit(found, clinic_id=clinic_id, register=register)
    return len(found.entries)


def entry_text(entry: Entry) -> str:
    """The canonical text of a whole entry: what the chain hashes and what the export holds."""
    return canonical(
        {
            "at": entry.at,
            "body": entry.body,
            "by": entry.by,
            "clinic_id": entry.clinic_id,
            "entry_id": entry.entry_id,
            "kind": entry.kind,
            "recorded_at": entry.recorded_at,
            "register": entry.register,
            "subject": entry.subject,
        }
    )


def _locked_head(clinic_id: UUID, register: str) -> Head:
    rows = Head.objects.select_for_update().filter(clinic_id=clinic_id, register=register)
    if (head := rows.first()) is not None:
        return head
    # Only a register's very first act comes here; two that come at once make one row.
    Head.objects.get_or_create(clinic_id=clinic_id, register=register)
    return rows.get()


def _link(head: Head, entries: Sequence[Entry]) -> None:
    links = []
    for entry in entries:
        digest = link_hash(head.hash, head.seq + 1, entry_text(entry))
        links.append(
            Link(
                clinic_id=head.clinic_id,
                register=head.register,
                seq=head.seq + 1,
                entry=entry,
                previous_hash=head.hash,
                hash=digest,
                sealed_at=now(),
            )
        )
        head.seq += 1
        head.hash = digest
    Link.objects.bulk_create(links)
    head.save(update_fields=["seq", "hash", "settled_id"])


def _settle(head: Head, found: Unlinked) -> None:
    """Keep with the head what these links settle, so that readers need not look below it."""
    if found.settles_id is None or found.settles_id < (head.settled_id or 0) + SETTLE_EVERY:
        return
    head.settled_id = found.settles_id
    head.save(update_fields=["settled_id"])
