"""How long ago a long-running process last said that it works.

In: the process's name. Out: seconds, or None when it never ran.
"""

from datetime import UTC, datetime

from django.conf import settings

from vigil.record.clock import machine_now
from vigil.units.durations import elapsed


def heartbeat_age_seconds(process: str) -> float | None:
    """Seconds since the process touched its heartbeat file, by the machine's own clock."""
    try:
        touched = (settings.HEARTBEATS / process).stat().st_mtime
    except FileNotFoundError:
        return None
    return max(elapsed(datetime.fromtimestamp(touched, UTC), machine_now()).total_seconds(), 0.0)
