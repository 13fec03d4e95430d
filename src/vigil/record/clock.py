"""The server's clock and its new identifiers: the only place that reads either.

`VIGIL_TEST_CLOCK` may name a file that holds an offset in seconds; `now()` adds it. Only for tests and
demos: every page then shows a banner, and `vigil doctor` refuses it for a clinic that is not simulated.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

_seen: tuple[tuple[int, int, int], timedelta] | None = None
"""The file's (inode, size, change time) at the last read and the offset it held."""


class ClockUnreadable(RuntimeError):
    """The file of the test clock is missing or holds no number: time would silently be wrong."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"VIGIL_TEST_CLOCK={path}: {reason}. Write an offset in seconds into it.")


def now() -> datetime:
    """This moment, aware, UTC, to the microsecond (what PostgreSQL keeps)."""
    return machine_now() + clock_offset()


def machine_now() -> datetime:
    """The machine's own time, without the test offset: for the age of a heartbeat, never for a fact."""
    return datetime.now(UTC)


def is_test_clock() -> bool:
    """Whether a test clock is set, be its offset zero or not."""
    return bool(os.environ.get("VIGIL_TEST_CLOCK"))


def clock_offset() -> timedelta:
    """What the test clock adds: zero without one. The file is read again only when it changed."""
    global _seen  # noqa: PLW0603 - one clock per process
    path = os.environ.get("VIGIL_TEST_CLOCK")
    if not path:
        return timedelta(0)
    try:
        found = os.stat(path)
        version = (found.st_ino, found.st_size, found.st_mtime_ns)
        if _seen is None or _seen[0] != version:
            _seen = (version, timedelta(seconds=float(Path(path).read_text())))
    except (OSError, ValueError, OverflowError) as error:
        raise ClockUnreadable(path, str(error)) from error
    return _seen[1]


def new_id() -> UUID:
    """A new UUID of version 7: sorts by time, made here because PostgreSQL 15 has none."""
    milliseconds = int(now().timestamp() * 1000)
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (2**48 - 1)) << 80 | random & (2**80 - 1)
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return UUID(int=value)
