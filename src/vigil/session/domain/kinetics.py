"""What the kinetic models are told of a session: what was really given, and what the plan still holds.

In: the session's facts in the server's sequence, the protocol's dosing, the moment. Out: `kinetics.facts.Dose`s on minutes
since the start. The amounts add up to what the fold says was given, to the microgram.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import cast

from vigil.evidence.protocols import Dosing
from vigil.kinetics.facts import Dose, Drug
from vigil.session.domain.facts import (
    CheckedIn,
    DeviceGiven,
    Paused,
    RateChanged,
    Resumed,
    SessionFact,
    Started,
    Stopped,
)
from vigil.session.domain.fold import rate_before_pause, rate_now
from vigil.session.domain.given import MICROSECONDS_PER_HOUR, MINUTES_PER_HOUR
from vigil.units.durations import elapsed

MICROSECOND = timedelta(microseconds=1)
MICROSECONDS_PER_MINUTE = 60_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Giving:
    """What a session gave until `now_minutes` and what its plan still holds from then on.

    Minutes count from the start. `rate_record_minutes_ago`: since somebody last recorded what the pump does; 0 when
    nothing can flow any more. `stopped_minutes`: when the end was recorded. `is_paused`: `rest` is then what would flow if the pump were resumed now, at the rate from
    before the pause.
    """

    started_at: datetime
    now_minutes: float
    given: tuple[Dose, ...]
    rest: tuple[Dose, ...]
    rate_record_minutes_ago: float
    is_paused: bool
    stopped_minutes: float | None

    @property
    def is_over(self) -> bool:
        """Whether somebody recorded that the drug ended."""
        return self.stopped_minutes is not None


def read_giving(
    facts: Sequence[SessionFact], *, dosing: Dosing, infusion_minutes: int | None, now: datetime
) -> Giving | None:
    """What was given and what is left, at `now`; None before the start.

    Args:
        facts: of one session, in the server's sequence, from its check-in.
        dosing: of the session's protocol; says how long to rest between two devices.
        infusion_minutes: of the session; None for devices.
        now: not before the newest fact.
    """
    checked_in = facts[0]
    assert isinstance(checked_in, CheckedIn), "a session begins with its check-in"
    started = next((fact for fact in facts if isinstance(fact, Started)), None)
    if started is None:
        return None
    # The check-in wrote the protocol's drug, and a protocol's drug is one of the two.
    drug = cast(Drug, checked_in.drug)
    stopped = next((fact for fact in facts if isinstance(fact, Stopped)), None)
    now_minutes = _minutes(started.at, now)
    if infusion_minutes is None:
        given = _devices(facts, started, drug)
        rest = _devices_left(checked_in, given, dosing, now_minutes, drug)
    else:
        given = _stretches(facts, started, stopped, now, drug)
        rest = _infusion_left(facts, started, given, now_minutes, drug)
    is_paused = stopped is None and isinstance(_last_rate_fact(facts), Paused)
    is_flowing = stopped is None and infusion_minutes is not None
    return Giving(
        started_at=started.at,
        now_minutes=now_minutes,
        given=given,
        rest=() if stopped is not None else rest,
        rate_record_minutes_ago=_minutes(_last_rate_fact(facts).at, now) if is_flowing else 0.0,
        is_paused=is_paused,
        stopped_minutes=None if stopped is None else _minutes(started.at, stopped.at),
    )


def _minutes(start: datetime, end: datetime) -> float:
    """Minutes between, never negative: a moment recorded before the start counts as the start."""
    return max(elapsed(start, end) // MICROSECOND, 0) / MICROSECONDS_PER_MINUTE


def _last_rate_fact(facts: Sequence[SessionFact]) -> SessionFact:
    """The newest fact that says what the pump does."""
    kinds = (Started, RateChanged, Resumed, Paused, Stopped)
    return next(fact for fact in reversed(facts) if isinstance(fact, kinds))


# --- by pump ------------------------------------------------------------------------------------


def _stretches(
    facts: Sequence[SessionFact],
    started: Started,
    stopped: Stopped | None,
    now: datetime,
    drug: Drug,
) -> tuple[Dose, ...]:
    """One infusion for each stretch at one rate; together what the fold says was given."""
    runs = _runs(facts, started.at, now)
    exact = [0]
    for start, end, rate in runs:
        exact.append(exact[-1] + rate * (end - start))
    if stopped is not None and stopped.given_from == "pump":
        return _as_pumped(runs, exact, stopped.given_ug, drug)
    return _until_empty(runs, exact, started.drawn_ug, drug)


def _runs(
    facts: Sequence[SessionFact], start: datetime, now: datetime
) -> list[tuple[int, int, int]]:
    """Start and end in microseconds since the start, and the rate, of each stretch in which the pump ran."""
    changes = [
        (max(elapsed(start, fact.at) // MICROSECOND, 0), rate_now(facts[: place + 1]))
        for place, fact in enumerate(facts)
        if isinstance(fact, Started | RateChanged | Resumed | Paused | Stopped)
    ]
    changes.append((max(elapsed(start, now) // MICROSECOND, 0), 0))
    return [
        (begin, end, rate) for (begin, rate), (end, _) in pairwise(changes) if rate and end > begin
    ]


def _until_empty(
    runs: list[tuple[int, int, int]], exact: list[int], drawn_ug: int, drug: Drug
) -> tuple[Dose, ...]:
    """The stretches by their rates, ending when the syringe was empty."""
    doses = []
    for place, (begin, end, rate) in enumerate(runs):
        before_ug = min(exact[place] // MICROSECONDS_PER_HOUR, drawn_ug)
        after_ug = min(exact[place + 1] // MICROSECONDS_PER_HOUR, drawn_ug)
        left = max(drawn_ug * MICROSECONDS_PER_HOUR - exact[place], 0)
        length = min(float(end - begin), left / rate)
        doses += _infusion(after_ug - before_ug, begin, length, drug)
    return tuple(doses)


def _as_pumped(
    runs: list[tuple[int, int, int]], exact: list[int], given_ug: int, drug: Drug
) -> tuple[Dose, ...]:
    """The stretches as recorded, with the amount that the pump showed shared out by what the rates would have given."""
    whole = exact[-1]
    if not whole:
        return (Dose(amount_ug=given_ug, route="iv", drug=drug),) if given_ug else ()
    doses = []
    for place, (begin, end, _) in enumerate(runs):
        amount_ug = given_ug * exact[place + 1] // whole - given_ug * exact[place] // whole
        doses += _infusion(amount_ug, begin, float(end - begin), drug)
    return tuple(doses)


def _infusion(amount_ug: int, begin: int, length: float, drug: Drug) -> list[Dose]:
    """One infusion, or none when not even a microgram had come."""
    if not amount_ug:
        return []
    return [
        Dose(
            amount_ug=amount_ug,
            route="iv",
            start_minutes=begin / MICROSECONDS_PER_MINUTE,
            duration_minutes=length / MICROSECONDS_PER_MINUTE,
            drug=drug,
        )
    ]


def _infusion_left(
    facts: Sequence[SessionFact],
    started: Started,
    given: tuple[Dose, ...],
    now_minutes: float,
    drug: Drug,
) -> tuple[Dose, ...]:
    """What is still in the syringe, at the rate that runs now or ran before the pause."""
    left_ug = started.drawn_ug - sum(dose.amount_ug for dose in given)
    rate = rate_now(facts) or rate_before_pause(facts)
    if left_ug <= 0 or not rate:
        return ()
    minutes = left_ug * MINUTES_PER_HOUR / rate
    return (
        Dose(amount_ug=left_ug, route="iv", start_minutes=now_minutes, duration_minutes=minutes,
             drug=drug),
    )  # fmt: skip


# --- by device ----------------------------------------------------------------------------------


def _devices(facts: Sequence[SessionFact], started: Started, drug: Drug) -> tuple[Dose, ...]:
    return tuple(
        Dose(
            amount_ug=fact.amount_ug,
            route="nasal",
            start_minutes=_minutes(started.at, fact.at),
            drug=drug,
        )
        for fact in facts
        if isinstance(fact, DeviceGiven)
    )


def _devices_left(
    checked_in: CheckedIn, given: tuple[Dose, ...], dosing: Dosing, now_minutes: float, drug: Drug
) -> tuple[Dose, ...]:
    """The devices that the order still holds, each after the rest that the protocol asks for."""
    if dosing.device_ug is None:
        return ()
    left_ug = checked_in.dose_ug - sum(dose.amount_ug for dose in given)
    rest = dosing.device_rest_minutes or 0
    first = now_minutes
    if given:
        first = max(now_minutes, max(dose.start_minutes for dose in given) + rest)
    return tuple(
        Dose(
            amount_ug=dosing.device_ug, route="nasal", start_minutes=first + place * rest, drug=drug
        )
        for place in range(max(left_ug, 0) // dosing.device_ug)
    )
