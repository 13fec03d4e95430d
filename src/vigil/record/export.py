"""Write a clinic's whole record as one file that anyone can check without Vigil.

In: a clinic and an open binary file. Out: JSON Lines as specified in `docs/reference/record-export.md`.
"""

import hashlib
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO
from uuid import UUID

from vigil.record.actions import entry_text, seal
from vigil.record.canonical import canonical, plain
from vigil.record.clock import now
from vigil.record.heads import keys_of, sign_heads, signed_of
from vigil.record.models import Link
from vigil.record.queries import REGISTERS, HeadFact, heads
from vigil.record.signing import KeyUnusable

FORMAT = "vigil-record"
FORMAT_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an export holds. `sha256` is over every byte before the last line."""

    count: int
    heads: tuple[HeadFact, ...]
    sha256: str


def export_record(clinic_id: UUID, file: BinaryIO) -> Exported:
    """Write the record of a clinic: a header, every sealed entry in register order, a trailer.

    What still waits to be sealed is sealed first, so that the file is complete at the moment of its header.
    """
    for register in REGISTERS:
        while seal(clinic_id=clinic_id, register=register, is_thorough=True):
            pass
    # A record must be had at any time: a key that cannot be read is said elsewhere (`vigil doctor`).
    with suppress(KeyUnusable):
        sign_heads(clinic_id=clinic_id, at=now(), reason="export")
    found = heads(clinic_id)
    digest = hashlib.sha256()
    count = signed = 0
    file.write(header := _header(clinic_id, found))
    digest.update(header)
    for line, is_row in _lines(clinic_id, found):
        file.write(line)
        digest.update(line)
        count, signed = count + is_row, signed + (not is_row)
    trailer = {
        "count": count,
        "heads": {head.register: {"hash": head.hash, "seq": head.seq} for head in found},
        "sha256": digest.hexdigest(),
        "signed": signed,
    }
    file.write(_line(trailer))
    return Exported(count=count, heads=found, sha256=digest.hexdigest())


def _header(clinic_id: UUID, found: tuple[HeadFact, ...]) -> bytes:
    header: dict[str, Any] = {
        "clinic_id": clinic_id,
        "exported_at": now(),
        "format": FORMAT,
        "keys": keys_of(clinic_id),
        "registers": [head.register for head in found],
        "version": FORMAT_VERSION,
    }
    # The header has no place in a chain, so it carries its own hash.
    digest = hashlib.sha256(canonical(header).encode()).hexdigest()
    return _line({**header, "header_sha256": digest})


def _lines(clinic_id: UUID, found: tuple[HeadFact, ...]) -> Iterator[tuple[bytes, bool]]:
    """One line for each link up to the heads that were read, and after it those who signed it; whether it is a row."""
    for head in found:
        signed = deque(signed_of(clinic_id, head.register, seq_max=head.seq))
        links = Link.objects.filter(
            clinic_id=clinic_id, register=head.register, seq__lte=head.seq
        ).select_related("entry")
        for link in links.order_by("seq").iterator(chunk_size=1000):
            yield _line(_row(link)), True
            while signed and signed[0].seq == link.seq:
                yield _line(plain(signed.popleft())), False


def _row(link: Link) -> dict[str, Any]:
    return {
        "entry": entry_text(link.entry),
        "hash": link.hash,
        "previous_hash": link.previous_hash,
        "register": link.register,
        "seq": link.seq,
    }


def _line(value: dict[str, Any]) -> bytes:
    return canonical(value).encode() + b"\n"
