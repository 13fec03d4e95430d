"""The heads that this machine keeps for itself, outside the database: how a restored old backup shows.

In: a clinic's heads. Out: one line each in `heads.jsonl` of the clinic's home, at most one a minute; and whether the database
still holds the newest of them. A database that lacks what this file has seen has gone back in time, or is another one.

A whole machine that is put back takes this file with it: then only places outside tell. Lines are read back strictly, but
a last one that a power cut tore is passed over.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from vigil.record.actions import CARE, append
from vigil.record.canonical import canonical, plain
from vigil.record.models import Head, Link
from vigil.record.queries import heads
from vigil.record.signing import head_message, own_key
from vigil.units.refusals import Refused

KEEP_EVERY = timedelta(minutes=1)
"""A head is kept at most this often: what a restored backup lacks is then known to the minute."""

FILE_BYTES_MAX = 2_000_000
"""A longer file is set aside and one older one kept: about a working week each, read in some 20 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WentBack:
    """A row that this machine has seen sealed and the database does not hold: it was restored, cut or made anew."""

    register: str
    seq: int
    hash: str
    kept_at: str
    has_other: bool
    """Whether another row stands at that place now."""


def heads_path() -> Path:
    """The file of kept heads."""
    return Path(settings.HOME) / "heads.jsonl"


def keep_heads(*, clinic_id: UUID, at: datetime) -> int:
    """Write what grew since the last line into the file; returns how many lines.

    Nothing is written while history has gone back: the newest line stays the proof of it.
    """
    newest = _newest_lines(clinic_id)
    if _missing(clinic_id, newest):
        return 0
    key = own_key()
    lines = []
    for head in heads(clinic_id):
        last = newest.get(head.register)
        if head.seq == 0 or (last is not None and not _is_due(last, head.seq, at)):
            continue
        line: dict[str, Any] = {
            "at": at, "clinic_id": clinic_id, "hash": head.hash, "key_id": None,
            "register": head.register, "seq": head.seq, "signature": None,
        }  # fmt: skip
        if key is not None:
            message = head_message(
                clinic_id=clinic_id, register=head.register, seq=head.seq, digest=head.hash,
                key_id=key.key_id, signed_at=at,
            )  # fmt: skip
            line |= {"key_id": key.key_id, "signature": key.sign(message)}
        lines.append(line)
    _write(lines)
    return len(lines)


def went_back(clinic_id: UUID) -> tuple[WentBack, ...]:
    """What this machine has seen sealed and the database lacks, newest line of each register; empty when all is well."""
    return _missing(clinic_id, _newest_lines(clinic_id))


def accept_loss(
    *, clinic_id: UUID, reason: str, by: object, at: datetime
) -> tuple[WentBack, ...] | Refused:
    """Record that history went back and why; what was lost is named in the record for ever."""
    lost = went_back(clinic_id)
    if not lost:
        return Refused(
            code="REC-NOTHING-LOST",
            message="History did not go back here; there is nothing to accept.",
        )
    if not reason.strip():
        return Refused(
            code="REC-REASON",
            message="Say why, such as: restored last night's backup after the fire.",
        )
    with transaction.atomic():
        append(
            clinic_id=clinic_id, register=CARE, kind="record.HistoryWentBack", subject=clinic_id, by=by,
            at=at, body={"lost": list(lost), "reason": reason.strip()},
        )  # fmt: skip
    _write([{"accepted_at": at, "clinic_id": clinic_id, "reason": reason.strip()}])
    return lost


def _missing(clinic_id: UUID, newest: Mapping[str, dict[str, Any]]) -> tuple[WentBack, ...]:
    # A clinic that this database never knew is another database's: nothing to compare.
    if not newest or not Head.objects.filter(clinic_id=clinic_id).exists():
        return ()
    found = []
    for register, line in newest.items():
        links = Link.objects.filter(clinic_id=clinic_id, register=register, seq=line["seq"])
        digest = links.values_list("hash", flat=True).first()
        if digest != line["hash"]:
            found.append(
                WentBack(
                    register=register, seq=line["seq"], hash=line["hash"], kept_at=line["at"],
                    has_other=digest is not None,
                )
            )  # fmt: skip
    return tuple(found)


def _is_due(last: Mapping[str, Any], seq: int, at: datetime) -> bool:
    age = at - datetime.fromisoformat(last["at"])
    # A clock that was set back must not stop the keeping.
    return bool(seq != last["seq"] and not timedelta(0) <= age < KEEP_EVERY)


@dataclass(slots=True)
class _Read:
    """What was read of the file so far: its inode and change time, how many bytes, the newest lines by clinic and register."""

    path: Path
    inode: int
    changed_ns: int
    size: int
    newest: dict[str, dict[str, dict[str, Any]]]


_read: _Read | None = None
"""The worker asks each second: only what was appended since is read."""


def _newest_lines(clinic_id: UUID) -> dict[str, dict[str, Any]]:
    """The last kept line of each register, after the last accepted loss."""
    global _read  # noqa: PLW0603 - one file per process
    path = heads_path()
    try:
        found = path.stat()
    except FileNotFoundError:
        _read = None
        return {}
    known = _read
    is_same = known is not None and (known.path, known.inode) == (path, found.st_ino)
    if known is None or not is_same or not _has_only_grown(known, found):
        known = _Read(path, found.st_ino, 0, 0, {})
        older = path.with_suffix(".1.jsonl")
        if older.exists():
            _take(known.newest, older.read_bytes())
    if known.size < found.st_size:
        with open(path, "rb") as file:
            file.seek(known.size)
            fresh = file.read()
        # What is not ended by a line feed yet is read the next time.
        whole = fresh[: fresh.rfind(b"\n") + 1]
        _take(known.newest, whole)
        known.size += len(whole)
    known.changed_ns = found.st_mtime_ns
    _read = known
    return known.newest.get(str(clinic_id), {})


def _has_only_grown(known: _Read, found: os.stat_result) -> bool:
    return known.changed_ns == found.st_mtime_ns or known.size < found.st_size


def _take(newest: dict[str, dict[str, dict[str, Any]]], content: bytes) -> None:
    """Fold lines into the newest ones."""
    for text in content.decode("utf-8", errors="replace").split("\n"):
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if not isinstance(line, dict) or "clinic_id" not in line:
            continue
        if "accepted_at" in line:
            newest[line["clinic_id"]] = {}
        elif "register" in line:
            newest.setdefault(line["clinic_id"], {})[line["register"]] = line


def _write(lines: list[dict[str, Any]]) -> None:
    if not lines:
        return
    path = heads_path()
    if path.exists() and path.stat().st_size > FILE_BYTES_MAX:
        path.replace(path.with_suffix(".1.jsonl"))
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
        # A line feed first: a line that a power cut tore ends there and spoils no other.
        file.write(b"".join(b"\n" + canonical(plain(line)).encode() for line in lines) + b"\n")
        file.flush()
        os.fsync(file.fileno())
