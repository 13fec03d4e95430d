"""The server's clock and its new identifiers: the only place that reads either."""

import os
from datetime import UTC, datetime
from uuid import UUID


def now() -> datetime:
    """This moment, aware, UTC, to the microsecond (what PostgreSQL keeps)."""
    return datetime.now(UTC)


def new_id() -> UUID:
    """A new UUID of version 7: sorts by time, made here because PostgreSQL 15 has none."""
    milliseconds = int(now().timestamp() * 1000)
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (2**48 - 1)) << 80 | random & (2**80 - 1)
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return UUID(int=value)
