"""One way to write a fact as bytes, and the hash that chains it.

In: plain values. Out: canonical JSON text (sorted keys, no spaces, UTF-8, no floats) and SHA-256 links.
The export format in `docs/reference/record-export.md` is specified from here.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

FIRST_HASH = "0" * 64
"""What the first entry of a register is linked to."""


class NotCanonical(TypeError):
    """The value has no one way to be written (a float, a naive time, an unknown type)."""

    def __init__(self, value: object) -> None:
        super().__init__(f"{type(value).__name__} has no canonical form in the record.")


def plain(value: Any) -> Any:
    """The value as JSON kinds only: text, whole numbers, booleans, null, lists and objects.

    Raises:
        NotCanonical: a float, a naive datetime, or a type with no rule.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise NotCanonical(value)
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, frozenset | set):
        return sorted(plain(item) for item in value)
    raise NotCanonical(value)


def canonical(value: Any) -> str:
    """The value as canonical JSON text."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def link_hash(previous_hash: str, seq: int, entry_text: str) -> str:
    """SHA-256 of `previous_hash`, the sequence number and the entry's canonical text, by line feeds."""
    message = f"{previous_hash}\n{seq}\n{entry_text}".encode()
    return hashlib.sha256(message).hexdigest()
