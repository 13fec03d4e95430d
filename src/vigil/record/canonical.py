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

    def __init__(self, value: object, reason: str = "it has no one way to be written") -> None:
        # The value itself stays out of the message: it may be a patient's.
        super().__init__(f"{type(value).__name__} has no canonical form in the record: {reason}.")


def plain(value: Any) -> Any:
    """The value as JSON kinds only: text, whole numbers, booleans, null, lists and objects.

    Raises:
        NotCanonical: a float, a naive datetime, half a character, two keys with one name, or a type with no rule.
    """
    if isinstance(value, str):
        return _whole_text(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise NotCanonical(value, "it has no time zone")
        # Not strftime: it leaves the zeros off a year before 1000 on some systems.
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        named = {_whole_text(str(key)): plain(item) for key, item in value.items()}
        if len(named) != len(value):
            raise NotCanonical(value, "two of its keys are written alike")
        return named
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, frozenset | set):
        return sorted((plain(item) for item in value), key=canonical)
    raise NotCanonical(value)


def _whole_text(text: str) -> str:
    """The text, unless it holds half of a surrogate pair, which no UTF-8 can carry."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise NotCanonical(text, "it holds half a character") from error
    return str(text)


def canonical(value: Any) -> str:
    """The value as canonical JSON text."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def link_hash(previous_hash: str, seq: int, entry_text: str) -> str:
    """SHA-256 of `previous_hash`, the sequence number and the entry's canonical text, by line feeds."""
    message = f"{previous_hash}\n{seq}\n{entry_text}".encode()
    return hashlib.sha256(message).hexdigest()
