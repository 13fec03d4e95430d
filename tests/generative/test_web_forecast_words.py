"""Whatever happened in a session, its forecast is either told whole or refused in words; never half, never nonsense."""

import json
import re
from datetime import UTC, date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a_session_giving import NOON, STAFF, courses, given_of
from session_views import made_patient
from vigil.evidence.protocols import load_protocol
from vigil.session.domain.facts import OpenItem
from vigil.web import forecast_words
from vigil.web.session_forecast import Keeper, floor_minute, read_asked

IV = load_protocol("ket-mdd-iv")
PATIENT = made_patient(STAFF)
CODES = ("SES-FLOOR", "SES-SEDATION", "SES-DISSOCIATION", "SES-PRESSURE", "SES-OXYGEN", "SES-ALARM", "SES-ORIENTATION", "SES-GAIT", "SES-ESCORT")  # fmt: skip
KEEPER = Keeper()
items = st.tuples(*(st.sampled_from([None, False, True]) for _ in CODES)).map(
    lambda met: tuple(
        OpenItem(code=code, text="", is_met=is_met, waits_for="", asks="", source="")
        for code, is_met in zip(CODES, met, strict=True)
    )
)
FAST = settings(max_examples=25, deadline=None)


def clock(moment):
    return f"{moment.astimezone(UTC):%H:%M}"


def answered(course, known=()):
    """The answer to a course of facts: a keeper of its own, so that no other example's people are used."""
    facts, minute = course
    now = NOON + timedelta(minutes=minute)
    asked = read_asked(facts, patient=PATIENT, protocol=IV, answers={}, on=date(2026, 11, 23), now=now)  # fmt: skip
    return Keeper().answer(asked, now=now, items_of=lambda: known)


@given(courses(), items)
@FAST
def test_a_forecast_is_told_or_refused_and_the_body_is_plain_json(course, known):
    """No NaN, no infinity, no None where a number is drawn: `allow_nan` would raise."""
    found = answered(course, known)

    told = json.loads(json.dumps(forecast_words.body(found, clock), allow_nan=False))

    assert (told["state"] == "drawn") == (found.forecast is not None) == (found.refused is None)
    assert ("models" in told) == (told["state"] == "drawn")
    assert ("code" in told) == (told["state"] == "refused")


@given(courses(), items)
@FAST
def test_no_sentence_holds_a_hole_or_the_inside_of_a_program(course, known):
    told = forecast_words.body(answered(course, known), clock)
    said = [told.get("words", ""), told.get("caption", ""), told.get("level_words", "")]
    said += [f"{line['words']} {line['stopped']}" for line in told.get("lines", ())]
    said += list((told["ready"] or {}).values())

    for sentence in said:
        assert not re.search(r"None|nan|inf\b|\{|\}|Interval|SES-", sentence)
        assert all(re.fullmatch(r"[0-2]\d:[0-5]\d", t) for t in re.findall(r"\d+:\d+", sentence))


@given(courses())
@FAST
def test_the_lane_before_now_is_of_what_was_given_and_the_one_after_begins_there(course):
    found = answered(course)
    if found.forecast is None:
        return

    for past, each in zip(found.so_far.bands, found.forecast.models, strict=True):
        assert past.median[0] == pytest.approx(0.0, abs=1e-9)
        assert past.median[-1] == pytest.approx(each.as_planned.median[0], rel=1e-9, abs=1e-12)
        assert past.low90[-1] == pytest.approx(each.if_stopped.low90[0], rel=1e-9, abs=1e-12)
        if given_of(*course) == 0:
            assert np.all(past.high90 <= 1e-9)


@given(courses())
@FAST
def test_stopping_never_brings_more_than_going_on(course):
    found = answered(course)
    if found.forecast is None:
        return

    for each in found.forecast.models:
        for name in ("median", "low50", "high50", "low90", "high90"):
            going_on, stopped = getattr(each.as_planned, name), getattr(each.if_stopped, name)
            assert np.all(stopped <= going_on + 1e-9)
        if not found.asked.giving.rest:
            assert np.array_equal(each.as_planned.median, each.if_stopped.median)


@given(courses(), items)
@FAST
def test_readiness_waits_for_the_floor_and_for_every_open_item(course, known):
    """INV: never before the minimum stay; nothing about readiness without a forecast of this infusion."""
    found = answered(course, known)
    if found.forecast is None:
        assert found.ready is None
        return

    floor = floor_minute(found.asked)
    assert np.all(found.ready.high[found.ready.minutes < floor] == 0.0)
    told = forecast_words.ready(found, clock)
    assert clock(NOON + timedelta(minutes=floor)) in told["note"]
    assert "never ticks a box" in told["note"]
    open_codes = {item.code for item in known if item.is_met is not True}
    assert set(found.ready.open_items) == open_codes - {"SES-FLOOR", "SES-ESCORT"}


@given(courses())
@FAST
def test_every_row_of_the_table_is_a_point_of_the_curve(course):
    found = answered(course)
    if found.forecast is None:
        return
    rows = forecast_words.rows(found, clock)
    ahead = [row for row in rows if not row.is_past]
    first = found.forecast.models[0].as_planned

    assert [row.at for row in rows] == [
        clock(NOON + timedelta(minutes=float(minute)))
        for minute in (
            *(m for m in found.so_far.time_minutes[:-1] if m % 5 == 0),
            *found.forecast.time_minutes[::5],
        )
    ]
    for place, row in enumerate(ahead):
        middle, low, high = map(int, re.fullmatch(r"(\d+) \((\d+)–(\d+)\)", row.cells[0]).groups())
        assert middle == int(f"{first.median[5 * place]:.0f}")
        assert low <= middle <= high


@given(courses())
@FAST
def test_the_dose_lane_holds_what_was_given_before_now_and_what_is_left_after(course):
    told = forecast_words.body(answered(course), clock)

    for begin, end in told["given"]:
        assert 0 <= begin <= end <= told["now"] + 0.05
    for begin, end in told["rest"]:
        assert told["now"] - 0.05 <= begin <= end


@given(courses(), st.integers(0, 4))
@FAST
def test_the_answer_is_the_same_whoever_asks_first(course, second):
    """The keeper changes when an answer is made, never what it says."""
    facts, minute = course
    now = NOON + timedelta(minutes=minute)
    asked = read_asked(facts, patient=PATIENT, protocol=IV, answers={}, on=date(2026, 11, 23), now=now)  # fmt: skip

    alone = Keeper().answer(asked, now=now, items_of=lambda: ())
    shared = KEEPER.answer(asked, now=now, items_of=lambda: (), may_wait=True)

    if alone.forecast is not None and shared.asked == asked:
        ours, theirs = alone.forecast.models[0], shared.forecast.models[0]
        assert np.array_equal(ours.as_planned.median, theirs.as_planned.median)
