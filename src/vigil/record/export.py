"""Write a clinic's whole record as one file that anyone can check without Vigil.

In: a clinic and an open binary file. Out: JSON Lines as specified in `docs/reference/record-export.md`.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO
from uuid import UUID

from vigil.record.actions import entry_text, seal
from vigil.record.canonical import canonical
from vigil.record.clock import now
from vigil.record.models import Link
from vigil.record.queries import REGISTERS, HeadFact, heads

FORMAT = "vigil-record"
FORMAT_VERSION = 1


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
    found = heads(clinic_id)
    digest = hashlib.sha256()
    count = -1
    for line in _lines(clinic_id, found):
        file.write(line)
        digest.update(line)
        count += 1
    trailer = {
        "count": count,
        "heads": {head.register: {"hash": head.hash, "seq": head.seq} for head in found},
        "sha256": digest.hexdigest(),
    }
    file.write(_line(trailer))
    return Exported(count=count, heads=found, sha256=digest.hexdigest())


def _lines(clinic_id: UUID, found: tuple[HeadFact, ...]) -> Iterator[bytes]:
    """The header line, then one line for each link up to the heads that were read."""
    header: dict[str, Any] = {
        "clinic_id": clinic_id,
        "exported_at": now(),
        "format": FORMAT,
        "registers": [head.register for head in found],
        "version": FORMAT_VERSION,
    }
    # The header has no place in a chain, so it carries its own hash.
    digest = hashlib.sha256(canonical(header).encode()).hexdigest()
    yield _line({**header, "header_sha256": digest})
    for head in found:
        links = Link.objects.filter(
            clinic_id=clinic_id, register=head.register, seq__lte=head.seq
        ).select_related("entry")
        for link in links.order_by("seq").iterator(chunk_size=1000):
            yield _line(
                {
                    "entry": entry_text(link.entry),
                    "hash": link.hash,
                    "previous_hash": link.previous_hash,
                    "register": link.register,
                    "seq": link.seq,
                }
            )


def _line(value: dict[str, Any]) -> bytes:
    return canonical(value).encode() + b"\n"
