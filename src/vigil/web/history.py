"""A session's samples, thinned for a screen without hiding anything that matters.

In: stored samples in any order and a span of time. Out: per pixel column the lowest, the middle and the highest
believed value; a gap where nothing was known; values that were not believed, apart, to be drawn hollow. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median_low

from vigil.session.domain.facts import MILLI, MetricSample
from vigil.units.durations import elapsed

GAP_SECONDS = 15
"""A continuous channel that is silent for longer is drawn as a gap, never as a line across it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What was believed within one pixel column; all three are None at a gap.

    `at_seconds` counts from the start of the span: of the first value, or of the start of the gap.
    """

    at_seconds: float
    low_milli: int | None
    middle_milli: int | None
    high_milli: int | None

    @property
    def is_gap(self) -> bool:
        return self.middle_milli is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressure:
    """One reading of the cuff: both values of the same device and moment."""

    at_seconds: float
    sbp_milli: int
    dbp_milli: int
    is_believed: bool
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hollow:
    """One value that was kept and not believed, with why."""

    at_seconds: float
    value_milli: int
    why: str


def decimate(
    samples: Iterable[MetricSample],
    *,
    start: datetime,
    column_seconds: float,
    gap_seconds: float = GAP_SECONDS,
) -> tuple[Column, ...]:
    """The believed values of one metric by pixel column, with a gap wherever nothing was known.

    A gap stands between two values that are more than `gap_seconds` apart, and between two values
    when the device said in between that it had none.

    Args:
        samples: samples of one metric; those measured before `start` are left out.
        column_seconds: width of a column, more than 0.
    """
    assert column_seconds > 0
    columns: list[Column] = []
    held: list[tuple[float, int]] = []
    is_broken = False
    last_seconds: float | None = None
    for at_seconds, sample in _in_time(samples, start):
        if not sample.is_good:
            # A value that is not believed neither joins the line nor breaks it; "no value" breaks it.
            is_broken = is_broken or sample.value_milli is None
            continue
        if last_seconds is not None and (is_broken or at_seconds - last_seconds > gap_seconds):
            columns += _columns(held, column_seconds)
            columns.append(_gap(last_seconds, at_seconds))
            held = []
        held.append((at_seconds, sample.value_milli))
        last_seconds, is_broken = at_seconds, False
    return (*columns, *_columns(held, column_seconds))


def hollow(samples: Iterable[MetricSample], *, start: datetime) -> tuple[Hollow, ...]:
    """The values that were kept and not believed, in time."""
    return tuple(
        Hollow(
            at_seconds=at_seconds,
            value_milli=sample.value_milli,
            why=sample.quality.partition(":")[2],
        )
        for at_seconds, sample in _in_time(samples, start)
        if not sample.is_good and sample.value_milli is not None
    )


def pressures(samples: Iterable[MetricSample], *, start: datetime) -> tuple[Pressure, ...]:
    """Readings whose upper and lower value came from the same device at the same moment, in time."""
    found: dict[tuple[datetime, str], dict[str, MetricSample]] = {}
    for _, sample in _in_time(samples, start):
        if sample.metric in ("sbp", "dbp") and sample.value_milli is not None:
            found.setdefault((sample.measured_at, sample.device), {})[sample.metric] = sample
    return tuple(
        Pressure(
            at_seconds=elapsed(start, measured_at).total_seconds(),
            sbp_milli=pair["sbp"].value_milli,
            dbp_milli=pair["dbp"].value_milli,
            is_believed=pair["sbp"].is_good and pair["dbp"].is_good,
            source=pair["sbp"].source,
        )
        for (measured_at, _), pair in found.items()
        if len(pair) == 2
    )


def _in_time(
    samples: Iterable[MetricSample], start: datetime
) -> Sequence[tuple[float, MetricSample]]:
    placed = (
        (elapsed(start, sample.measured_at) / timedelta(seconds=1), sample) for sample in samples
    )
    return sorted(
        (pair for pair in placed if pair[0] >= 0), key=lambda pair: (pair[0], pair[1].sample_id)
    )


def _columns(held: Sequence[tuple[float, int]], column_seconds: float) -> list[Column]:
    """One run without a gap, by column; an extreme is never averaged away."""
    by_column: dict[int, list[tuple[float, int]]] = {}
    for at_seconds, value_milli in held:
        by_column.setdefault(int(at_seconds // column_seconds), []).append(
            (at_seconds, value_milli)
        )
    return [
        Column(
            at_seconds=values[0][0],
            low_milli=min(value for _, value in values),
            middle_milli=median_low(value for _, value in values),
            high_milli=max(value for _, value in values),
        )
        for values in by_column.values()
    ]


def _gap(from_seconds: float, to_seconds: float) -> Column:
    return Column(
        at_seconds=(from_seconds + to_seconds) / 2,
        low_milli=None,
        middle_milli=None,
        high_milli=None,
    )


def plain_columns(columns: Sequence[Column]) -> dict[str, list[float | int | None]]:
    """The columns as four lists for the chart: seconds, and low, middle and high in whole or exact units."""
    return {
        "t": [round(column.at_seconds, 1) for column in columns],
        "low": [_units(column.low_milli) for column in columns],
        "mid": [_units(column.middle_milli) for column in columns],
        "high": [_units(column.high_milli) for column in columns],
    }


def _units(value_milli: int | None) -> float | int | None:
    if value_milli is None:
        return None
    return value_milli // MILLI if value_milli % MILLI == 0 else value_milli / MILLI
