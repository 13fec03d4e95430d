"""Signs of life of the long-running processes: one small file each, its change time is the beat.

In: the name of a process. Out: the age of its last beat. Files, not rows: a beat must not need the database.
"""

from datetime import UTC, datetime

from django.conf import settings

from vigil.record.clock import machine_now


def beat(process: str) -> None:
    """Say that the process is at work now."""
    settings.HEARTBEATS.mkdir(parents=True, exist_ok=True)
    (settings.HEARTBEATS / process).touch()


def beat_age_seconds(process: str) -> float | None:
    """Seconds since the process last said so, 0 or more; None when it never did."""
    try:
        touched = (settings.HEARTBEATS / process).stat().st_mtime
    except FileNotFoundError:
        return None
    return max(0.0, (machine_now() - datetime.fromtimestamp(touched, UTC)).total_seconds())
