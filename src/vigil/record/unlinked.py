"""Entries that no link holds yet, found without looking again at all that was ever written.

In: a clinic and a register. Out: its unlinked entries, oldest first.

An entry gets its id when it is written and is seen when its transaction commits, so a lower id may appear
after a higher one is linked. An id is *settled* when it and all below it can never appear any more; only
what lies above is looked at. Why nothing is skipped:

1. An INSERT locks the table (RowExclusiveLock) before it takes an id of the sequence, and holds that lock
   until its transaction has ended and what it wrote can be seen. A transaction number would not do for
   this: it is given out after the id.
2. First the newest id N is read, then the locks, then the entries, each with a snapshot of its own.
   Ids up to N were all taken before the first of the three. If nobody else holds the lock at the second,
   whoever took one of them has ended, and the third sees all of them that will ever be.
3. If all those found are linked and that is committed, N is settled. While anybody is writing, nothing is.

What is settled is kept in the memory of this process, for one connection: a new start, a restored database
and a thorough round look at everything.
"""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from django.db import connection, transaction

from vigil.record.models import Entry

_settled: MutableMapping[Any, dict[tuple[UUID, str], int]] = WeakKeyDictionary()
"""By the driver's connection: the settled id of each register."""

_IS_QUIET = """
SELECT current_setting('transaction_isolation') = 'read committed' AND NOT EXISTS (
    SELECT FROM pg_locks
    WHERE relation = 'record_entry'::regclass AND mode = 'RowExclusiveLock' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND pid IS DISTINCT FROM pg_backend_pid()
)
"""
"""Stricter isolation has one snapshot for all three looks, so there nothing is ever settled. What this
transaction itself wrote it sees; what was prepared for a two-phase commit has no pid and counts as writing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlinked:
    """`settles_id`: the id that is settled once all the entries are linked; None when none is."""

    entries: tuple[Entry, ...]
    settles_id: int | None


def unlinked(*, clinic_id: UUID, register: str, limit: int, is_thorough: bool) -> Unlinked:
    """The entries of a register above what is settled, or from its beginning when thorough."""
    newest_id = _newest_id()
    is_quiet = _is_quiet()
    after_id = 0 if is_thorough else settled_id(clinic_id=clinic_id, register=register)
    # Ids only grow; a smaller newest one is another past, such as a backup put back.
    if after_id > newest_id:
        after_id = 0
    waiting = Entry.objects.filter(
        clinic_id=clinic_id, register=register, id__gt=after_id, link=None
    )
    entries = tuple(waiting.order_by("id")[:limit])
    is_all = len(entries) < limit
    return Unlinked(entries=entries, settles_id=newest_id if is_quiet and is_all else None)


def settle_on_commit(found: Unlinked, *, clinic_id: UUID, register: str) -> None:
    """Remember what was found as settled when, and only when, its links are committed."""
    if (settles_id := found.settles_id) is None:
        return

    def settle() -> None:
        _settled.setdefault(connection.connection, {})[clinic_id, register] = settles_id

    transaction.on_commit(settle)


def settled_id(*, clinic_id: UUID, register: str) -> int:
    """Up to where nothing is left to find on this connection; 0 when that is not known."""
    return _settled.get(connection.connection, {}).get((clinic_id, register), 0)


def _newest_id() -> int:
    return Entry.objects.order_by("-id").values_list("id", flat=True).first() or 0


def _is_quiet() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_IS_QUIET)
        (is_quiet,) = cursor.fetchone()
    return bool(is_quiet)
