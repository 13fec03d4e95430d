"""How long ago a long-running process last said that it works: for the pages that show it.

In: the process's name. Out: seconds, or None when it never ran.
"""

from vigil.record.heartbeat import beat_age_seconds


def heartbeat_age_seconds(process: str) -> float | None:
    """Seconds since the process's last beat, by the machine's own clock; None when it never beat."""
    return beat_age_seconds(process)
