"""The facts of one session's giving, made up whole: a check-in, a start, and whatever a test adds.

In: minutes since the start. Out: facts of the session room; nothing is stored anywhere.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from vigil.session.domain.facts import (
    CheckedIn,
    Noted,
    Observed,
    Paused,
    RateChanged,
    Resumed,
    Started,
    Stopped,
)
from vigil.session.domain.fold import fold

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SESSION, STAFF = UUID(int=1), UUID(int=2)
DOSE_UG, MINUTES, RATE = 34_000, 40, 51_000
"""0.5 mg/kg of 68 kg over 40 minutes: 34 mg at 51 mg/h."""


def fact(kind, minutes, *, fact_id=1, **more):
    at = NOON + timedelta(minutes=minutes)
    return kind(
        fact_id=fact_id, session_id=SESSION, at=at, recorded_at=at, by=STAFF, by_name="Ana", **more
    )


def checked_in(*, drug="ketamine", route="IV", dose_ug=DOSE_UG, infusion_minutes=MINUTES):
    return fact(
        CheckedIn, -20, patient_id=STAFF, plan_id=STAFF, plan_hash="", chair_id=STAFF, chair="1",
        protocol_id="ket-mdd-iv", protocol_version=1, protocol_hash="", drug=drug, route=route,
        dose_ug=dose_ug, infusion_minutes=infusion_minutes, weight_g=68_000, weighed_at=NOON,
        weight_before_g=None, is_weight_confirmed=True, sbp=None, dbp=None, escort_name="",
        escort_phone="", food_minutes=None, drink_minutes=None,
    )  # fmt: skip


def started(rate=RATE, drawn_ug=DOSE_UG):
    return fact(Started, 0, clearance_id=STAFF, drawn_ug=drawn_ug, rate_ug_per_hour=rate)


def given_of(facts, minutes):
    return fold(facts, clinic_id=STAFF, now=NOON + timedelta(minutes=minutes)).given_ug


minutes_of = st.integers(0, 200 * 60_000_000).map(lambda us: us / 60_000_000)
acts = st.sampled_from(["change", "pause", "resume", "note", "observe"])


@st.composite
def courses(draw):
    """The facts of an infusion with changes, pauses and notes, perhaps stopped, and a moment after them."""
    moments = sorted(draw(st.lists(minutes_of, min_size=1, max_size=9)))
    facts = [checked_in(), started(draw(st.integers(1, 200_000)))]
    is_running = True
    for minute in moments[:-1]:
        act = draw(acts)
        if act == "note":
            facts.append(fact(Noted, minute, name="note", text="calm"))
        elif act == "observe":
            facts.append(fact(Observed, minute, measured_at=NOON, values_milli={"moaas": 5000}))
        elif act == "resume" and not is_running:
            facts.append(fact(Resumed, minute, rate_ug_per_hour=draw(st.integers(1, 200_000))))
            is_running = True
        elif act == "pause" and is_running:
            facts.append(fact(Paused, minute, reason=""))
            is_running = False
        elif act == "change" and is_running:
            rate = draw(st.integers(1, 200_000))
            facts.append(fact(RateChanged, minute, rate_ug_per_hour=rate, reason=""))
    if draw(st.booleans()):
        minute = moments[-1]
        by_rate = given_of(facts, minute)
        pump = draw(st.none() | st.integers(0, DOSE_UG))
        facts.append(
            fact(Stopped, minute, given_ug=by_rate if pump is None else pump,
                 given_from="rate" if pump is None else "pump", reason="")
        )  # fmt: skip
    return facts, moments[-1] + draw(st.integers(0, 120))
