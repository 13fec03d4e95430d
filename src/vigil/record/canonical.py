"""One way to write a fact as bytes, and the hash that chains it.

In: plain values. Out: canonical JSON text (sorted keys, no spaces, UTF-8, no floats) and SHA-256 links.
The export format in `docs/reference/record-export.md` is specified from here.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

FIRST_HASH = "0" * 64
"""What the first entry of a register is linked to."""

DEPTH_MAX = 100
"""Lists and objects inside each other: what the export format allows, and far more than a fact needs."""

NUMBER_MAX = 10**4300 - 1
"""The largest whole number of the export format, 4,300 digits: what Python reads without a second thought."""

BYTES_MAX = 1_000_000
"""Longest text of one fact, bytes: written as an export line with every letter escaped twice it stays below 16 MiB."""


class NotCanonical(TypeError):
    """The value has no one way to be written (a float, a naive time, an unknown type)."""

    def __init__(self, value: object, reason: str = "it has no one way to be written") -> None:
        # The value itself stays out of the message: it may be a patient's.
        super().__init__(f"{type(value).__name__} has no canonical form in the record: {reason}.")


def plain(value: Any, depth: int = 0) -> Any:
    """The value as JSON kinds only: text, whole numbers, booleans, null, lists and objects.

    Raises:
        NotCanonical: a float, a naive datetime, half a character, two keys with one name, a type with no rule,
            or more than the export format can hold.
    """
    if isinstance(value, str):
        return _whole_text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) > NUMBER_MAX:
            raise NotCanonical(value, "it has more than 4,300 digits")
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
        return _named(
            value, {each.name: getattr(value, each.name) for each in fields(value)}, depth
        )
    if isinstance(value, Mapping):
        named = _named(value, value, depth)
        if len(named) != len(value):
            raise NotCanonical(value, "two of its keys are written alike")
        return named
    if isinstance(value, tuple | list):
        return _listed(value, value, depth)
    if isinstance(value, frozenset | set):
        return sorted(_listed(value, value, depth), key=canonical)
    raise NotCanonical(value)


def _named(value: object, items: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    _may_hold_more(value, depth)
    return {_whole_text(str(key)): plain(item, depth + 1) for key, item in items.items()}


def _listed(value: object, items: Iterable[Any], depth: int) -> list[Any]:
    _may_hold_more(value, depth)
    return [plain(item, depth + 1) for item in items]


def _may_hold_more(value: object, depth: int) -> None:
    if depth >= DEPTH_MAX:
        raise NotCanonical(value, f"it is nested deeper than {DEPTH_MAX} levels")


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
