"""Contacts in, person-time out; checks in, tallies out. Time that nobody saw is unknown, never negative.

Data in: moments. Data out: whole seconds, so that sums are exact in any order.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from vigil.surveillance.domain.facts import (
    YEAR_SECONDS,
    CaseDefinition,
    CheckTally,
    PersonTime,
    Watched,
)
from vigil.units.durations import elapsed


def person_time(watched: Watched, *, now: datetime, unknown_after_days: int) -> PersonTime | None:
    """The time from the first dose to the last contact (or to the case), or None for an untreated patient.

    The time after the last contact counts for nothing: not as time without a case, not as a case.
    """
    first = watched.first_dose_at
    if first is None or first > now:
        return None
    last = max(first, min(watched.last_contact_at or first, now))
    case = watched.case_at if watched.case_at is not None and watched.case_at <= now else None
    end = last if case is None else max(first, min(case, now))
    is_unknown = case is None and elapsed(last, now) > timedelta(days=unknown_after_days)
    return PersonTime(
        patient_id=watched.patient_id,
        seconds=_whole_seconds(first, end),
        unseen_seconds=_whole_seconds(last, now) if is_unknown else 0,
        is_unknown=is_unknown,
        is_case=case is not None,
    )


def person_years(times: Iterable[PersonTime]) -> float:
    """The sum in years of 365.25 days: added as whole seconds, divided once."""
    return sum(time.seconds for time in times) / YEAR_SECONDS


def tally_checks(
    watched: Sequence[Watched], definition: CaseDefinition, *, now: datetime
) -> tuple[CheckTally, ...]:
    """For each scheduled check, how many patients it fell due for, and how many were asked in time.

    A check is due once its window has ended or it was done. A patient with a case has no later checks.
    """
    tallies = []
    for check in definition.checks:
        states = [_is_done(one, check.day, definition, now) for one in watched]
        tallies.append(
            CheckTally(
                name=check.name,
                due=sum(state is not None for state in states),
                done=sum(state is True for state in states),
            )
        )
    return tuple(tallies)


def ascertainment_percent(tallies: Iterable[CheckTally]) -> float | None:
    """Share of due checks that were done, in percent; None when none fell due yet."""
    counted = list(tallies)
    due = sum(tally.due for tally in counted)
    return 100 * sum(tally.done for tally in counted) / due if due else None


def _is_done(watched: Watched, day: int, definition: CaseDefinition, now: datetime) -> bool | None:
    """True, False, or None when it is not due for this patient."""
    if watched.first_dose_at is None:
        return None
    due = watched.first_dose_at + timedelta(days=day)
    if watched.case_at is not None and watched.case_at < due:
        return None
    opens = due - timedelta(days=definition.days_early)
    closes = due + timedelta(days=definition.days_late)
    if any(opens <= moment <= min(closes, now) for moment in watched.checked_at):
        return True
    return False if now > closes else None


def _whole_seconds(start: datetime, end: datetime) -> int:
    """Whole seconds, rounded down: the claim never gets time that was not there."""
    return max(0, elapsed(start, end) // timedelta(seconds=1))
