"""The forecast of a chair: of its own facts, kept for seconds, one computation at a time, told in words that hold."""

import re
import threading
from dataclasses import replace
from datetime import UTC, date, timedelta
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a_session_giving import MINUTES, NOON, RATE, STAFF, checked_in, fact, started
from session_views import made_patient
from vigil.evidence.protocols import load_protocol
from vigil.kinetics.bands import Interval
from vigil.kinetics.readiness import Reached
from vigil.session.domain.facts import (
    DeviceGiven,
    OpenItem,
    Paused,
    RateChanged,
    Resumed,
    Started,
    Stopped,
)
from vigil.web import forecast_words, session_forecast
from vigil.web.session_forecast import KEPT_SECONDS, Keeper, floor_minute, read_asked, seed_of

IV, NASAL = load_protocol("ket-mdd-iv"), load_protocol("esk-trd-us")
PATIENT = made_patient(STAFF)
DAY = date(2026, 11, 23)
BODY_ITEMS = ("SES-SEDATION", "SES-DISSOCIATION", "SES-PRESSURE", "SES-OXYGEN", "SES-ORIENTATION", "SES-GAIT")  # fmt: skip


def clock(moment):
    return f"{moment.astimezone(UTC):%H:%M}"


def at(minute):
    return NOON + timedelta(minutes=minute)


def asked(facts, minute, *, protocol=IV, patient=PATIENT, answers=None):
    return read_asked(
        facts, patient=patient, protocol=protocol, answers=answers or {}, on=DAY, now=at(minute)
    )


def items(**met):
    """Every item of a discharge, unknown unless said."""
    codes = ("SES-FLOOR", *BODY_ITEMS, "SES-ESCORT", "SES-ESCORT-ARRIVED", "SES-INSTRUCTIONS")
    return tuple(
        OpenItem(code=code, text="", is_met=met.get(code[4:].lower()), waits_for="", asks="", source="")
        for code in codes
    )  # fmt: skip


def answer(facts, minute, *, keeper=None, known=None, **more):
    return (keeper or Keeper()).answer(
        asked(facts, minute, **more), now=at(minute), items_of=lambda: known or items()
    )


def infusion(*more):
    return [checked_in(), started(), *more]


def nasal(*more):
    return [
        checked_in(drug="esketamine", route="IN", dose_ug=56_000, infusion_minutes=None),
        started(None, 56_000),
        *more,
    ]


@pytest.fixture(scope="module")
def running():
    return answer(infusion(), 23)


# --- what is asked ------------------------------------------------------------------------------


def test_before_the_start_nothing_is_asked():
    assert asked([checked_in()], 0) is None


def test_the_person_is_the_one_weighed_at_this_check_in():
    found = asked(infusion(), 5)

    assert (found.subject.weight_kg, found.subject.age_years, found.subject.sex) == (
        68.0,
        54.0,
        "f",
    )


def test_both_models_are_of_both_sites_and_the_effect_site_is_told(running):
    """INV-WEB-06 (decision 0011): never one curve."""
    assert [each.site for each in running.forecast.models] == ["arterial", "venous"]
    caption = forecast_words.caption(running)
    assert "Facts solid, forecast light (effect site, two models: Kamp 2020 arterial, Clements 1981 venous" in caption  # fmt: skip
    assert "90 % band" in caption
    assert "not used by any alarm" in caption


@given(st.integers(0, 2**128 - 1))
def test_every_session_has_a_seed_that_the_generator_takes(number):
    assert 0 <= seed_of(UUID(int=number)) < 2**63


def test_the_lane_behind_now_meets_the_forecast_at_now(running):
    """No step at the line: both are the same drawn people at the same moment."""
    for past, each in zip(running.so_far.bands, running.forecast.models, strict=True):
        assert past.median[-1] == pytest.approx(each.as_planned.median[0], rel=1e-9)
        assert past.high90[-1] == pytest.approx(each.if_stopped.high90[0], rel=1e-9)


def test_if_stopped_is_never_above_as_planned(running):
    for each in running.forecast.models:
        assert np.all(each.if_stopped.median <= each.as_planned.median + 1e-9)


@pytest.mark.parametrize(
    ("answers", "code"),
    [({"pregnant": True}, "KIN-PREGNANCY"), ({"severe_liver_disease": True}, "KIN-LIVER")],
)
def test_who_no_model_speaks_of_gets_words_and_no_curve(answers, code):
    found = answer(infusion(), 10, answers=answers)

    assert (found.refused.code, found.forecast, found.so_far, found.ready) == (code, None, None, None)  # fmt: skip
    told = forecast_words.body(found, clock)
    assert told["state"] == "refused"
    assert told["words"].startswith("No forecast. ")
    assert "models" not in told


def test_an_age_outside_every_model_is_refused_in_words():
    old = made_patient(STAFF, born_on=date(1930, 1, 1))

    assert answer(infusion(), 10, patient=old).refused.code == "KIN-NO-MODEL"


def test_nasal_esketamine_has_one_model_and_so_no_forecast_but_published_readiness():
    found = answer(nasal(fact(DeviceGiven, 1, draw_id=STAFF, amount_ug=28_000)), 20, protocol=NASAL)

    assert found.refused.code == "KIN-ONE-MODEL"
    assert found.ready is not None
    assert forecast_words.ready(found, clock) is not None


def test_thirty_minutes_without_a_word_about_the_pump_end_the_forecast_and_a_word_brings_it_back():
    """The hazard: a rate was changed and nobody wrote it down."""
    keeper = Keeper()
    assert answer(infusion(), 29.9, keeper=keeper).refused is None
    assert answer(infusion(), 31, keeper=keeper).refused.code == "KIN-RATE-OLD"

    said_again = fact(RateChanged, 31, fact_id=2, rate_ug_per_hour=RATE, reason="read again")

    assert answer(infusion(said_again), 31.5, keeper=keeper).refused is None


def test_after_the_recorded_end_no_word_about_the_pump_is_needed():
    over = fact(Stopped, 40, given_ug=34_000, given_from="rate", reason="")

    assert answer(infusion(over), 100).refused is None


@pytest.mark.parametrize(("minute", "asks"), [(19.9, False), (20.5, True), (29, True)])
def test_the_page_asks_to_read_the_pump_ten_minutes_before_it_must(minute, asks):
    assert forecast_words.body(answer(infusion(), minute), clock)["asks_rate"] is asks


# --- what is kept -------------------------------------------------------------------------------


@pytest.fixture
def counted(monkeypatch):
    """How often a forecast is computed, and its people drawn."""
    calls = {"refresh": 0, "prepare": 0}
    for name in calls:
        real = getattr(session_forecast, name)

        def spy(*args, _name=name, _real=real, **more):
            calls[_name] += 1
            return _real(*args, **more)

        monkeypatch.setattr(session_forecast, name, spy)
    return calls


def test_screens_of_one_chair_share_one_answer(counted):
    keeper = Keeper()

    found = [answer(infusion(), 10, keeper=keeper) for _ in range(20)]

    assert counted == {"refresh": 1, "prepare": 1}
    assert all(each is found[0] for each in found)


def test_a_new_fact_is_answered_at_once_from_the_same_people(counted):
    """A pause must not wait for the kept answer to age."""
    keeper = Keeper()
    before = answer(infusion(), 10, keeper=keeper)

    after = answer(infusion(fact(Paused, 10, fact_id=2, reason="")), 10, keeper=keeper)

    assert after is not before
    assert counted == {"refresh": 2, "prepare": 1}


def test_an_answer_is_kept_for_seconds_and_not_longer(counted):
    keeper = Keeper()
    start = asked(infusion(), 10)

    for second in range(3 * KEPT_SECONDS):
        keeper.answer(start, now=at(10) + timedelta(seconds=second), items_of=items)

    assert counted["refresh"] == 3
    assert counted["prepare"] == 1


def test_two_sessions_never_share_an_answer():
    keeper = Keeper()
    other = replace(asked(infusion(), 10), session_id=UUID(int=99))

    one = answer(infusion(), 10, keeper=keeper)
    two = keeper.answer(other, now=at(10), items_of=items)

    assert one.asked.session_id != two.asked.session_id
    assert not np.array_equal(
        one.forecast.models[0].as_planned.median, two.forecast.models[0].as_planned.median
    )


def test_another_person_on_the_same_session_id_is_drawn_anew(counted):
    """A corrected birth date changes the person: the kept people are then not theirs."""
    keeper = Keeper()
    answer(infusion(), 10, keeper=keeper)

    younger = made_patient(STAFF, born_on=date(1990, 1, 1))
    keeper.answer(asked(infusion(), 10, patient=younger), now=at(11), items_of=items)

    assert counted["prepare"] == 2


def test_only_so_many_sessions_are_kept(counted):
    keeper = Keeper(sessions_kept=2)
    start = asked(infusion(), 10)
    several = [replace(start, session_id=UUID(int=number)) for number in (1, 2, 3, 1)]

    for each in several:
        keeper.answer(each, now=at(10), items_of=items)

    assert counted["prepare"] == 4


def test_while_one_is_computed_the_others_are_told_to_ask_again(monkeypatch):
    """INV-WEB-07: at most one of the web's threads is away from vital signs, however long the first forecast takes."""
    keeper, may_go, has_begun = Keeper(), threading.Event(), threading.Event()
    real = session_forecast.refresh

    def slow(*args, **more):
        has_begun.set()
        assert may_go.wait(20)
        return real(*args, **more)

    monkeypatch.setattr(session_forecast, "refresh", slow)
    found = []
    first = threading.Thread(target=lambda: found.append(answer(infusion(), 10, keeper=keeper)))
    first.start()
    assert has_begun.wait(20)

    same_chair = answer(infusion(), 10, keeper=keeper)
    other_chair = keeper.answer(
        replace(asked(infusion(), 10), session_id=UUID(int=7)), now=at(10), items_of=items
    )
    may_go.set()
    first.join(20)

    assert (same_chair, other_chair) == (None, None)
    assert found[0].forecast is not None
    assert answer(infusion(), 10, keeper=keeper) is found[0]


def test_who_may_wait_gets_the_answer_of_the_one_before(counted, monkeypatch):
    keeper, may_go, has_begun = Keeper(), threading.Event(), threading.Event()
    real = session_forecast.refresh

    def slow(*args, **more):
        has_begun.set()
        assert may_go.wait(20)
        return real(*args, **more)

    monkeypatch.setattr(session_forecast, "refresh", slow)
    found = []

    def ask(may_wait):
        found.append(
            keeper.answer(
                asked(infusion(), 10), now=at(10), items_of=items, may_wait=may_wait
            )
        )  # fmt: skip

    threads = [threading.Thread(target=ask, args=(True,)) for _ in range(3)]
    threads[0].start()
    assert has_begun.wait(20)
    for each in threads[1:]:
        each.start()
    may_go.set()
    for each in threads:
        each.join(20)

    assert len(found) == 3
    assert found[0] is found[1] is found[2]


def test_a_failure_leaves_the_next_ask_free(monkeypatch):
    """A bug in one forecast must not lock out every later one."""
    keeper = Keeper()

    def broken(*args, **more):
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(session_forecast, "refresh", broken)
        with pytest.raises(ZeroDivisionError):
            answer(infusion(), 10, keeper=keeper)

    assert answer(infusion(), 10, keeper=keeper).forecast is not None


# --- in words -----------------------------------------------------------------------------------


def test_as_planned_while_it_runs(running):
    assert forecast_words.planned_word(running) == "As planned"
    assert forecast_words.body(running, clock)["has_rest"] is True


def test_while_paused_the_curve_is_called_what_it_is():
    paused = answer(infusion(fact(Paused, 10, reason="")), 15)

    assert forecast_words.planned_word(paused) == "If resumed now"


def test_after_the_end_there_is_one_curve_and_no_if():
    over = answer(infusion(fact(Stopped, 20, given_ug=17_000, given_from="rate", reason="")), 30)
    told = forecast_words.body(over, clock)

    assert forecast_words.planned_word(over) == "As it is"
    assert told["has_rest"] is False
    assert all(line["stopped"] == "" for line in told["lines"])


def test_each_model_has_its_line_with_peak_and_level_in_the_clinics_time(running):
    kamp, clements = forecast_words.lines(running, clock)

    assert re.fullmatch(r"peak about 12:\d\d( \(12:\d\d to 12:\d\d\))?", kamp.peak)
    assert re.fullmatch(r"below 121 ng/mL from about 1[23]:\d\d \(.*\)", clements.below)
    assert kamp.title == "Kamp 2020"
    assert (kamp.site, clements.site) == ("arterial", "venous")


@pytest.mark.parametrize(
    ("peak", "words"),
    [
        (Interval(median=41.0, low50=40, high50=41, low90=40.0, high90=43.0, share_already=0.0, share_later=0.0), "peak about 12:41 (12:40 to 12:43)"),
        (Interval(median=41.0, low50=41, high50=41, low90=41.2, high90=41.4, share_already=0.0, share_later=0.0), "peak about 12:41"),
        (Interval(median=30.0, low50=30, high50=30, low90=30.0, high90=30.0, share_already=0.97, share_later=0.0), "past its peak"),
        (Interval(median=30.0, low50=30, high50=30, low90=30.0, high90=36.0, share_already=0.6, share_later=0.0), "peak about 12:30 (12:30 to 12:36)"),
        (Interval(median=None, low50=None, high50=None, low90=None, high90=None, share_already=0.0, share_later=1.0), "its peak is beyond the time shown"),
        (Interval(median=41.0, low50=40, high50=44, low90=40.0, high90=None, share_already=0.0, share_later=0.06), "peak about 12:41 (12:40 or later)"),
    ],
)  # fmt: skip
def test_a_peak_is_told_as_past_only_when_nearly_all_are_past_it(peak, words):
    assert forecast_words._peak(peak, NOON, clock) == words


@pytest.mark.parametrize(
    ("share", "median", "words"),
    [(0.96, 23.0, "below 121 ng/mL from now on"), (0.6, 23.0, "from about 12:23"), (0.0, None, "not below 121 ng/mL within the time shown")],
)  # fmt: skip
def test_below_is_told_as_now_only_when_nearly_all_are_below(running, share, median, words):
    interval = Interval(median=median, low50=median, high50=median, low90=median, high90=median, share_already=share, share_later=0.0)  # fmt: skip

    assert words in forecast_words._below(interval, running, clock)


def test_the_level_is_named_with_its_paper_and_ticks_nothing(running):
    words = forecast_words.level_words(running)

    assert words.startswith("121 ng/mL is half of the largest effect")
    assert "Olofsen 2022" in words
    assert words.endswith("ticks nothing.")


NUMBERS = ("t", "mid", "low50", "high50", "low90", "high90")


def test_the_body_holds_plain_numbers_of_one_length_in_order(running):
    told = forecast_words.body(running, clock)

    assert told["state"] == "drawn"
    for model in told["models"]:
        for part in ("so_far", "planned", "stopped"):
            curve = model[part]
            assert len({len(curve[name]) for name in NUMBERS}) == 1
            assert curve["t"] == sorted(curve["t"])
            for row in zip(*(curve[n] for n in ("low90", "low50", "mid", "high50", "high90")), strict=True):  # fmt: skip
                assert list(row) == sorted(row)
                assert all(isinstance(value, float) for value in row)
        assert model["so_far"]["t"][-1] == told["now"] == model["planned"]["t"][0]
        assert model["planned"]["t"][-1] <= told["until"]


def test_the_dose_lane_shows_what_was_given_and_what_is_left(running):
    told = forecast_words.body(running, clock)

    assert told["given"] == [[0.0, 23.0]]
    assert told["rest"] == [[23.0, 40.0]]


def test_a_pause_is_a_gap_in_the_dose_lane():
    resumed = infusion(fact(Paused, 5, reason=""), fact(Resumed, 9, rate_ug_per_hour=RATE))

    told = forecast_words.body(answer(resumed, 12), clock)

    assert told["given"] == [[0.0, 5.0], [9.0, 12.0]]


def test_the_table_has_past_now_and_coming_and_a_head_for_every_cell(running):
    rows = forecast_words.rows(running, clock)
    columns = forecast_words.columns(running)

    assert all(len(row.cells) == len(columns) == 4 for row in rows)
    past = [row for row in rows if row.is_past]
    assert [row.minute for row in past] == [0, 5, 10, 15, 20]
    assert rows[len(past)].at == "12:23"
    assert not rows[-1].is_past
    assert "if stopped now" in columns[1]


def test_after_the_end_the_table_has_one_column_a_model():
    over = answer(infusion(fact(Stopped, 20, given_ug=17_000, given_from="rate", reason="")), 30)

    assert len(forecast_words.columns(over)) == 2
    assert all(len(row.cells) == 2 for row in forecast_words.rows(over, clock))


@given(st.integers(0, 39), st.integers(0, 200))
@settings(max_examples=12, deadline=None)
def test_the_time_axis_always_reaches_past_now(stop, later):
    over = fact(Stopped, stop, given_ug=1_000 + stop, given_from="pump", reason="")

    found = answer(infusion(over), stop + later)

    assert found.until_minutes % 20 == 0
    assert found.until_minutes >= stop + later + 40
    assert found.until_minutes >= MINUTES + IV.discharge.floor_minutes


# --- ready to leave -----------------------------------------------------------------------------


def test_the_floor_counts_from_the_planned_end_while_it_runs_and_from_the_record_after():
    assert floor_minute(asked(infusion(), 10)) == pytest.approx(100.0)
    stopped = infusion(fact(Stopped, 20, given_ug=17_000, given_from="rate", reason=""))
    assert floor_minute(asked(stopped, 30)) == pytest.approx(80.0)
    assert floor_minute(asked(nasal(), 30, protocol=NASAL)) == NASAL.discharge.floor_minutes


def test_a_pause_moves_the_floor():
    paused = infusion(fact(Paused, 10, reason=""))

    assert floor_minute(asked(paused, 25)) == pytest.approx(25 + 30 + 60)


@given(st.integers(1, 39), st.integers(0, 120))
@settings(max_examples=15, deadline=None)
def test_nobody_is_ever_likely_ready_before_the_floor(stop, later):
    """INV: a prediction never shortens a minimum stay."""
    over = fact(Stopped, stop, given_ug=900 * stop, given_from="pump", reason="")
    found = answer(infusion(over), stop + later)

    curve = found.ready
    early = curve.minutes < floor_minute(found.asked)
    assert np.all(curve.high[early] == 0.0)
    if curve.half_by.early is not None:
        assert curve.half_by.early >= floor_minute(found.asked)


def test_readiness_is_told_with_its_floor_and_that_it_ticks_nothing(running):
    told = forecast_words.ready(running, clock)

    assert told["note"].startswith("Floor 60 min after the pump stops: 13:40. This never ticks a box.")  # fmt: skip
    assert told["half"] == "not before 13:40"
    assert told["words"] == "how soon after is not known"
    assert "pressure" in told["note"]


@given(st.integers(0, 59))
@settings(max_examples=10, deadline=None)
def test_the_earliest_moment_and_the_floor_are_told_as_one_time(seconds):
    """Two times a minute apart would make a nurse ask which one counts."""
    found = answer(infusion(), 23 + seconds / 60)
    told = forecast_words.ready(found, clock)

    assert told["half"].removeprefix("not before ") in told["note"]


@pytest.mark.parametrize(
    ("half", "ninety", "words"),
    [
        ((100.0, 100.0), (120.0, 120.0), ("13:40", "half by then; 90 % by 14:00")),
        ((100.0, 110.0), (120.0, 130.0), ("13:40 to 13:50", "half by then; 90 % by 14:00 to 14:10")),
        ((110.0, 115.0), (120.0, None), ("13:50 to 13:55", "half by then; 90 % not before 14:00")),
        ((110.0, 115.0), (None, None), ("13:50 to 13:55", "half by then; 90 % later than shown")),
        ((110.0, None), (120.0, None), ("not before 13:50", "how soon after is not known")),
        ((None, None), (None, None), ("not before 13:40", "how soon after is not known")),
    ],
)  # fmt: skip
def test_what_is_known_of_readiness_is_told_and_no_more(running, half, ninety, words):
    """A bound is never told as a moment: an open end says that it is open."""
    found = replace(
        running,
        ready=replace(
            running.ready, half_by=Reached(early=half[0], late=half[1]),
            ninety_by=Reached(early=ninety[0], late=ninety[1]),
        ),
    )  # fmt: skip

    told = forecast_words.ready(found, clock)

    assert (told["half"], told["words"]) == words


def test_the_escort_is_not_part_of_how_the_patient_is(running):
    assert not {code for code in running.ready.open_items if "ESCORT" in code}
    assert "SES-FLOOR" not in running.ready.open_items


def test_what_a_person_recorded_as_met_is_not_open_any_more():
    found = answer(infusion(), 23, known=items(sedation=True, gait=True))

    assert not {"SES-SEDATION", "SES-GAIT"} & set(found.ready.open_items)
    assert "SES-PRESSURE" in found.ready.open_items


def test_an_old_record_leaves_no_readiness_behind():
    """Nobody knows what the pump does, so nobody knows when it ends."""
    assert answer(infusion(), 31).ready is None


def test_a_start_without_any_given_amount_is_answered_too():
    assert answer(infusion(), 0).forecast is not None


def test_the_words_for_an_unknown_pump_say_what_brings_the_forecast_back():
    words = forecast_words.body(answer(infusion(), 31), clock)["words"]

    assert "Record the rate" in words


def test_a_start_fact_alone_names_its_session():
    assert isinstance(infusion()[1], Started)
    assert asked(infusion(), 1).session_id == infusion()[0].session_id
