"""Whether a value is believed, before any alarm looks at it.

In: a value, the newest good value of the same metric. Out: "good", "gated:<why>" or "none:<spelling>".
A gated value is kept and drawn hollow; it neither raises an alarm nor resets a running delay.

The order: the device's own "no value", the physical range, ahead of the clock, older than what is known, the slew.
These bounds say what a sensor cannot have seen, not what is healthy; limits of care live in protocols.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from vigil.session.domain.facts import METRICS, MILLI
from vigil.units.durations import elapsed

PHYSICAL_RANGE: Mapping[str, tuple[int, int]] = {
    "hr": (10, 300), "pulse": (10, 300), "spo2": (1, 100), "rr": (0, 120), "sbp": (20, 300),
    "dbp": (10, 250), "map": (10, 280), "temp": (20, 45), "etco2": (0, 150), "moaas": (0, 5),
    "dissociation": (0, 10), "anxiety": (0, 10), "nausea": (0, 3), "pain": (0, 10),
}  # fmt: skip
"""Lowest and highest whole value that can be real, both included. Devices send 0 for "no pulse found"."""

SLEW_PER_SECOND: Mapping[str, int] = {"spo2": 8, "hr": 60, "pulse": 60}
"""Fastest believable change a second (reference: monitoring, artefact gate)."""


AHEAD = timedelta(seconds=60)
"""A stamp further than this ahead of its arrival is a wrong clock, not a late network; nearer is a clock's drift."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The newest good value of a metric from one device."""

    value_milli: int
    measured_at: datetime


def gate(
    metric: str,
    value_milli: int | None,
    *,
    said: str,
    measured_at: datetime,
    received_at: datetime,
    before: Known | None,
) -> str:
    """The quality of a value.

    Args:
        value_milli: thousandths of the metric's unit, None when there is none.
        said: the quality that the device's door gave it ("good", "gated:...", "none:...").
        measured_at: when it was measured, aware.
        received_at: when it came, by the server's clock.
        before: the newest good value of this metric from the same device, or None.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    >>> gate("spo2", 127_000, said="good", measured_at=noon, received_at=noon, before=None)
    'gated:range'
    """
    if value_milli is None:
        return said if said.startswith("none:") else "none:empty"
    if said != "good":
        # A door that calls a present value "none" contradicts itself: kept, not believed.
        return said if said.startswith("gated:") else "gated:contradiction"
    if metric not in METRICS:
        return "gated:unknown-metric"
    low, high = PHYSICAL_RANGE[metric]
    if not low * MILLI <= value_milli <= high * MILLI:
        return "gated:range"
    if elapsed(received_at, measured_at) > AHEAD:
        return "gated:ahead"
    if before is None:
        return "good"
    if measured_at < before.measured_at:
        # What is stamped later than now cannot prove that a present value comes too late.
        is_present = elapsed(measured_at, received_at) <= AHEAD
        return "good" if is_present and before.measured_at > received_at else "gated:late"
    if _is_too_fast(metric, value_milli, measured_at, before):
        return "gated:slew"
    return "good"


def _is_too_fast(metric: str, value_milli: int, measured_at: datetime, before: Known) -> bool:
    if metric not in SLEW_PER_SECOND:
        return False
    # Two values of one second are judged as if a second apart: clocks of monitors have no finer step.
    passed = max(elapsed(before.measured_at, measured_at), timedelta(seconds=1))
    microseconds = passed // timedelta(microseconds=1)
    change_milli = abs(value_milli - before.value_milli)
    return change_milli * 1_000_000 > SLEW_PER_SECOND[metric] * MILLI * microseconds
