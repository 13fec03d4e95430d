"""A patient's scores in, the course in words out: baseline, latest, response, remission, worse.

No baseline means no response: a fall from a score that was taken after the first dose is not one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from vigil.outcome.domain.facts import ScorePoint
from vigil.scales.scoring import Scale, is_remission, is_response


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What the scores amount to. `change` is latest minus baseline: below zero is better.

    None in `is_response`, `is_remission` or `is_worse` means unknown, never no.
    """

    baseline: ScorePoint | None
    latest: ScorePoint | None
    change: int | None
    fall_percent: int | None
    is_response: bool | None
    is_remission: bool | None
    is_worse: bool | None


def fold_course(
    points: Sequence[ScorePoint], *, first_dose_at: datetime | None, scale: Scale
) -> Course:
    """The course of one patient on one scale; `points` oldest first.

    The baseline is the last total at or before the first dose. Before any dose there is no course yet.
    """
    scored = [point for point in points if point.total is not None]
    before = [point for point in scored if first_dose_at is None or point.at <= first_dose_at]
    baseline = before[-1] if before else None
    after = [] if first_dose_at is None else [p for p in scored if p.at > first_dose_at]
    latest = after[-1] if after else None
    if latest is None or latest.total is None:
        return Course(
            baseline=baseline, latest=None, change=None, fall_percent=None, is_response=None,
            is_remission=None, is_worse=None,
        )  # fmt: skip
    remission = None if scale.remission_below is None else is_remission(scale, latest.total)
    if baseline is None or baseline.total is None:
        return Course(
            baseline=None, latest=latest, change=None, fall_percent=None, is_response=None,
            is_remission=remission, is_worse=None,
        )  # fmt: skip
    change = latest.total - baseline.total
    return Course(
        baseline=baseline,
        latest=latest,
        change=change,
        fall_percent=None if baseline.total == 0 else -change * 100 // baseline.total,
        is_response=None
        if scale.response_percent is None
        else is_response(scale, baseline=baseline.total, total=latest.total),
        is_remission=remission,
        is_worse=change > 0,
    )
