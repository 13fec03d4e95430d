"""The bridges from a plan and a session to the models, and from a forecast to words, each worked out by hand.

In: orders, timelines and intervals of round numbers. Out: the line a nurse reads, the doses a model is told, the sentence under a
chart. Nothing here asks a model.
"""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from a_session_giving import NOON, checked_in, fact, started
from vigil.evidence.models import load_model
from vigil.evidence.protocols import Dosing
from vigil.kinetics.bands import Bands, Interval
from vigil.kinetics.facts import Dose
from vigil.kinetics.readiness import Reached
from vigil.plan.domain.course import planned_doses
from vigil.plan.domain.preparing import Preparation, prepare_order, show_percent
from vigil.session.domain.facts import Paused, RateChanged, Resumed, Stopped
from vigil.session.domain.kinetics import read_giving
from vigil.web import forecast_words as words

# --- plan: the line from order to pump -------------------------------------------------------------

LINES = {
    # 0.5 x 68 = 34 mg = 3.4 mL; in 40 min 5.1 mL/h: nothing is rounded anywhere.
    "nothing lost": (
        500, 68_000, 10_000, 100,
        "0.5 mg/kg × 68.0 kg = 34 mg = 3.4 mL of 10 mg/mL = 5.1 mL/h for 40 min, rounding 0 %",
    ),
    # 0.5 x 70.25 = 35.125 mg; steps of 0.1 mg draw 35.1 mg = 3.51 mL; 5.265 -> 5.2 mL/h; 3.51 / 5.2 h = 40.5 min.
    # 0.025 of 35.125 mg are 0.0712 %, told as 0.08.
    "a tenth of a milligram": (
        500, 70_250, 10_000, 100,
        "0.5 mg/kg × 70.25 kg = 35.125 mg; drawn 35.1 mg = 3.51 mL of 10 mg/mL = 5.2 mL/h for 40 min 30 s, "
        "rounding −0.08 %",
    ),
    # 0.75 x 150 = 112.5 mg, the cap is 100 mg = 2 mL of 50 mg/mL; 3 mL/h.
    "cut": (
        750, 150_000, 50_000, 1_000,
        "0.75 mg/kg × 150.0 kg = 112.5 mg, cut by the total cap to 100 mg = 2 mL of 50 mg/mL = 3 mL/h for 40 min, "
        "rounding 0 %",
    ),
}  # fmt: skip


def dosing(step_ug: int, **changes) -> Dosing:
    return Dosing(**{
        "kind": "per-kg", "ug_per_kg": 500, "ug_per_kg_max": 750, "total_ug_max": 100_000,
        "step_ug": step_ug, "infusion_minutes": 40, **changes,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("ug_per_kg", "weight_g", "strength", "step_ug", "line"), LINES.values(), ids=LINES
)
def test_the_line_says_every_step_as_the_pencil_does(ug_per_kg, weight_g, strength, step_ug, line):
    """INV-KIN-34: order, weight, amount, volume, rate, time, loss: in that order, with their units."""
    found = prepare_order(
        dosing(step_ug), drug="ketamine", weight_g=weight_g, ug_per_kg=ug_per_kg, fixed_ug=None,
        strength_ug_per_ml=strength, content_ug=200_000,
    )  # fmt: skip

    assert isinstance(found, Preparation)
    assert found.line == line
    # 200 mg of 10 or 50 mg/mL are a vial of 20 or 4 mL.
    assert found.prepared.vial.content_ul == Fraction(200_000, strength) * 1000


def test_without_a_pump_the_line_ends_with_the_volume() -> None:
    found = prepare_order(
        dosing(100, infusion_minutes=None), drug="ketamine", weight_g=68_000, ug_per_kg=None,
        fixed_ug=20_000, strength_ug_per_ml=10_000, content_ug=200_000,
    )  # fmt: skip

    assert isinstance(found, Preparation)
    assert found.line == "20 mg = 2 mL of 10 mg/mL, rounding 0 %"


@pytest.mark.parametrize(
    ("ppm", "text"),
    [(0, "0 %"), (-1, "−0.01 %"), (-100, "−0.01 %"), (-101, "−0.02 %"), (-10_000, "−1.00 %"),
     (-123_456, "−12.35 %"), (-1_000_000, "−100.00 %")],
)  # fmt: skip
def test_a_loss_is_told_in_hundredths_of_a_percent_and_never_smaller(ppm: int, text: str) -> None:
    assert show_percent(ppm) == text


@pytest.mark.parametrize(
    ("rest", "dose_ug", "starts", "amounts"),
    [
        (5, 84_000, (0.0, 5.0, 10.0), (28_000,) * 3),
        (5, 70_000, (0.0, 5.0, 10.0), (28_000, 28_000, 14_000)),
        (None, 56_000, (0.0, 0.0), (28_000,) * 2),
        (5, 27_999, (0.0,), (27_999,)),
    ],
)
def test_devices_of_a_plan_follow_each_other_by_their_rest(rest, dose_ug, starts, amounts) -> None:
    """Without a rest in the protocol they are given at once, and never before the start."""
    found = planned_doses(
        drug="esketamine", route="IN", dose_ug=dose_ug, infusion_minutes=None,
        dosing=dosing(28_000, infusion_minutes=None, device_ug=28_000, device_rest_minutes=rest),
    )  # fmt: skip

    assert tuple(d.start_minutes for d in found) == starts
    assert tuple(d.amount_ug for d in found) == amounts
    assert {(d.route, d.drug, d.duration_minutes) for d in found} == {("nasal", "esketamine", None)}


# --- session: what was given -----------------------------------------------------------------------

IV = dosing(100)


def told(*facts, at: float, drawn_ug: int = 34_000, rate: int = 51_000):
    """Given and rest as (start, minutes, ug) at a minute since the start: 34 mg at 51 mg/h are 40 minutes."""
    giving = read_giving(
        [checked_in(), started(rate, drawn_ug), *facts], dosing=IV, infusion_minutes=40,
        now=NOON + timedelta(minutes=at),
    )  # fmt: skip
    assert giving is not None
    spans = [
        [(d.start_minutes, d.duration_minutes, d.amount_ug) for d in part]
        for part in (giving.given, giving.rest)
    ]
    return giving, *spans


def stopped(minutes: float, given_ug: int, given_from: str = "rate"):
    return fact(Stopped, minutes, given_ug=given_ug, given_from=given_from, reason="")


def paused(minutes: float):
    return fact(Paused, minutes, reason="")


def changed(minutes: float, rate: int):
    return fact(RateChanged, minutes, rate_ug_per_hour=rate, reason="")


def resumed(minutes: float, rate: int):
    return fact(Resumed, minutes, rate_ug_per_hour=rate)


TIMELINES = {
    # 51 mg/h are 0.85 mg a minute.
    "a quarter in": ((), 10.0, [(0.0, 10.0, 8_500)], [(10.0, 30.0, 25_500)]),
    "at its end": ((), 40.0, [(0.0, 40.0, 34_000)], []),
    "long after its end": ((), 90.0, [(0.0, 40.0, 34_000)], []),
    # 20 min at 0.85 mg, then at 0.425 mg a minute: 17 mg, 4.25 mg, and 12.75 mg left for 30 minutes.
    "slowed by half": (
        (changed(20.0, 25_500),), 30.0, [(0.0, 20.0, 17_000), (20.0, 10.0, 4_250)], [(30.0, 30.0, 12_750)],
    ),
    # 8.5 mg, ten minutes of nothing; what is left would flow at the rate from before.
    "paused": ((paused(10.0),), 20.0, [(0.0, 10.0, 8_500)], [(20.0, 30.0, 25_500)]),
    # Then at 1.7 mg a minute: 8.5 mg in five minutes, 17 mg left for ten.
    "resumed at twice the rate": (
        (paused(10.0), resumed(20.0, 102_000)), 25.0, [(0.0, 10.0, 8_500), (20.0, 5.0, 8_500)],
        [(25.0, 10.0, 17_000)],
    ),
    "stopped by the clock": (
        (stopped(20.0, 17_000),), 50.0, [(0.0, 20.0, 17_000)], [],
    ),
    # The pump says 18 mg where 10 minutes at 0.85 and 10 at 1.7 would be 25.5 mg: a third is 6 mg, two thirds 12.
    "stopped by the pump's own number": (
        (changed(10.0, 102_000), stopped(20.0, 18_000, "pump")), 30.0,
        [(0.0, 10.0, 6_000), (10.0, 10.0, 12_000)], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("facts", "at", "given", "rest"), TIMELINES.values(), ids=TIMELINES)
def test_a_timeline_is_told_as_the_pencil_does(facts, at, given, rest) -> None:
    """INV-SES-04: each stretch at one rate, and what the syringe still holds from now on."""
    giving, found, left = told(*facts, at=at)

    assert found == given
    assert left == rest
    assert giving.now_minutes == at
    assert giving.is_over is any(isinstance(f, Stopped) for f in facts)
    assert giving.is_paused is (bool(facts) and isinstance(facts[-1], Paused))


@pytest.mark.parametrize(
    ("facts", "at", "minutes_ago"),
    [
        ((), 12.0, 12.0),
        ((changed(5.0, 51_000),), 12.0, 7.0),
        ((paused(5.0), resumed(9.0, 51_000)), 12.0, 3.0),
        ((stopped(5.0, 4_250),), 12.0, 0.0),
    ],
)
def test_the_age_of_the_record_counts_from_the_newest_word(facts, at, minutes_ago) -> None:
    assert told(*facts, at=at)[0].rate_record_minutes_ago == minutes_ago


@pytest.mark.parametrize("minutes", [-3.0, 0.0])
def test_a_moment_before_the_start_is_the_start_and_gives_nothing(minutes: float) -> None:
    """Two clocks may differ by minutes; no drug flows before the pump was started."""
    giving, found, left = told(at=minutes)

    assert (giving.now_minutes, found) == (0.0, [])
    assert left == [(0.0, 40.0, 34_000)]


# --- words of a forecast ---------------------------------------------------------------------------

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def clock(moment: datetime) -> str:
    return moment.strftime("%H:%M")


def interval(low=None, median=None, high=None, already: float = 0.0) -> Interval:
    fields = dict.fromkeys(Interval.__dataclass_fields__)
    return Interval(**(fields | {"low90": low, "median": median, "high90": high, "share_already": already}))  # fmt: skip


def bands(*middle: float) -> Bands:
    values = np.array(middle)
    return Bands(median=values, low50=values - 5, high50=values + 5, low90=values - 10, high90=values + 10)  # fmt: skip


def answer(peak=None, below=None, *, names=("kamp_2020", "clements_1981"), is_paused=False,
           is_over=False, rest=True, ago=0.0, stopped=None, found=None):  # fmt: skip
    rest_doses = (Dose(amount_ug=1_000, route="iv", start_minutes=20.0, duration_minutes=20.0),)
    given = (Dose(amount_ug=1_000, route="iv", duration_minutes=20.04),)
    each = [
        SimpleNamespace(
            model=name, site=load_model(name).site, peak=peak or interval(28.0, 30.0, 34.0),
            below={100.0: below or interval(50.0, 60.0, 75.0)},
            below_if_stopped={100.0: stopped or interval(22.0, 24.0, 30.0)},
            as_planned=bands(*np.arange(100.0, 111.0)), if_stopped=bands(*np.arange(90.0, 79.0, -1)),
        )
        for name in names
    ]  # fmt: skip
    giving = SimpleNamespace(
        started_at=START, is_paused=is_paused, is_over=is_over, rest=rest_doses if rest else (),
        given=given, now_minutes=20.04, rate_record_minutes_ago=ago,
    )  # fmt: skip
    protocol = SimpleNamespace(discharge=SimpleNamespace(floor_from="start", floor_minutes=90))
    return SimpleNamespace(
        asked=SimpleNamespace(giving=giving, protocol=protocol), refused=None, until_minutes=60.0,
        level=SimpleNamespace(ng_per_ml=100.0, title="Half of the Effect"), ready=found,
        forecast=SimpleNamespace(models=each, time_minutes=np.arange(20.0, 31.0)),
        so_far=SimpleNamespace(time_minutes=np.arange(0.0, 21.0), bands=[bands(*np.arange(21.0))] * len(names)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("peak", "text"),
    [
        (interval(28.0, 30.0, 34.0), "peak about 09:30 (09:28 to 09:34)"),
        (interval(28.0, 30.0), "peak about 09:30 (09:28 or later)"),
        (interval(None, 30.0, 34.0), "peak about 09:30"),
        (interval(30.0, 30.0, 30.4), "peak about 09:30"),
        (interval(28.0), "its peak is beyond the time shown"),
        (interval(28.0, 30.0, 34.0, already=0.95), "peak about 09:30 (09:28 to 09:34)"),
        (interval(28.0, 30.0, 34.0, already=0.955), "past its peak"),
    ],
)
def test_a_peak_is_told_by_the_clock_and_with_its_doubt(peak: Interval, text: str) -> None:
    """Nine o'clock is the start. More than 95 of 100 must be past it before it is told as past."""
    assert [line.peak for line in words.lines(answer(peak), clock)] == [text] * 2


@pytest.mark.parametrize(
    ("below", "text"),
    [
        (interval(50.0, 60.0, 75.0), "below 100 ng/mL from about 10:00 (09:50 to 10:15)"),
        (interval(50.0, 60.0), "below 100 ng/mL from about 10:00 (09:50 or later)"),
        (interval(50.0), "not below 100 ng/mL within the time shown"),
        (interval(20.0, 20.0, 21.0, already=0.96), "below 100 ng/mL from now on"),
        (interval(20.0, 20.0, 20.0, already=0.95), "below 100 ng/mL from about 09:20"),
    ],
)
def test_falling_below_is_told_as_planned_and_if_stopped(below: Interval, text: str) -> None:
    as_planned = words.lines(answer(below=below), clock)
    if_stopped = words.lines(answer(stopped=below), clock)
    without_rest = words.lines(answer(below=below, rest=False), clock)

    assert [line.below for line in as_planned] == [text] * 2
    assert [line.below_if_stopped for line in if_stopped] == [text] * 2
    assert [line.below_if_stopped for line in without_rest] == ["", ""]
    assert [(line.style, line.title, line.site) for line in as_planned] == [
        ("one", "Kamp 2020", "arterial"), ("two", "Clements 1981", "venous"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "count"),
    [
        (("kamp_2020", "clements_1981"), "two models: Kamp 2020 arterial, Clements 1981 venous;"),
        (
            ("kamp_2020", "clements_1981", "domino_1982"),
            "three models: Kamp 2020 arterial, Clements",
        ),
        (
            ("kamp_2020", "clements_1981", "domino_1982", "hijazi_2003"),
            "4 models: Kamp 2020 arterial",
        ),
    ],
)
def test_the_caption_counts_and_names_its_models(names, count: str) -> None:
    caption = words.caption(answer(names=names))

    assert count in caption
    assert caption.startswith("Facts solid, forecast light (effect site, ")
    assert caption.endswith("not used by any alarm).")


@pytest.mark.parametrize(
    ("case", "word", "ways"),
    [
        ({}, "As planned", ("as planned", "if stopped now")),
        ({"is_paused": True}, "If resumed now", ("if resumed now", "if stopped now")),
        ({"rest": False}, "As it is", ("as it is",)),
        ({"is_over": True, "rest": False}, "As it is", ("as it is",)),
    ],
)
def test_the_curve_is_called_what_it_stands_for(case, word: str, ways) -> None:
    asked = answer(**case)

    assert words.planned_word(asked) == word
    assert words.columns(asked) == tuple(
        f"{name}, {way}"
        for name in ("Kamp 2020 (arterial)", "Clements 1981 (venous)")
        for way in ways
    )
    assert {len(row.cells) for row in words.rows(asked, clock)} == {2 * len(ways)}


def test_rows_are_five_minutes_apart_before_and_after_now() -> None:
    """0 to 15 lie behind, 20 is now, 25 and 30 are coming: each middle with its 90 % band."""
    rows = words.rows(answer(), clock)

    assert [(r.minute, r.at, r.is_past) for r in rows] == [
        (m, f"09:{m:02d}", m < 20) for m in (0, 5, 10, 15, 20, 25, 30)
    ]
    assert rows[2].cells == ("10 (0–20)",) * 4
    assert rows[5].cells == ("105 (95–115)", "85 (75–95)") * 2


@pytest.mark.parametrize(("ago", "asks"), [(0.0, False), (20.0, False), (20.1, True)])
def test_the_body_is_plain_and_cut_to_tenths(ago: float, asks: bool) -> None:
    body = words.body(answer(ago=ago), clock)

    assert (body["state"], body["asks_rate"], body["now"], body["until"]) == ("drawn", asks, 20.0, 60.0)  # fmt: skip
    assert (body["given"], body["rest"], body["has_rest"]) == ([[0.0, 20.0]], [[20.0, 40.0]], True)
    assert body["level_words"] == "100 ng/mL is half of the Effect. Being below it ticks nothing."
    first = body["lines"][0]
    assert first["title"] == "Kamp 2020, arterial"
    assert first["words"] == (
        "peak about 09:30 (09:28 to 09:34); below 100 ng/mL from about 10:00 (09:50 to 10:15)."
    )
    assert first["stopped"] == (
        "If stopped now: below 100 ng/mL from about 09:24 (09:22 to 09:30)."
    )
    planned = body["models"][1]["planned"]
    assert planned["t"][:2] == [20.0, 21.0]
    assert (planned["low90"][0], planned["low50"][0], planned["mid"][0]) == (90.0, 95.0, 100.0)
    assert (planned["high50"][0], planned["high90"][0]) == (105.0, 110.0)


def reached(early=None, late=None) -> Reached:
    return Reached(early=early, late=late)


@pytest.mark.parametrize(
    ("half", "ninety", "when", "text"),
    [
        (reached(100.0, 120.0), reached(130.0, 150.0), "10:40 to 11:00", "half by then; 90 % by 11:10 to 11:30"),
        (reached(90.5, 90.5), reached(130.0, None), "10:30", "half by then; 90 % not before 11:10"),
        (reached(100.0, 120.0), reached(), "10:40 to 11:00", "half by then; 90 % later than shown"),
        (reached(100.0, None), reached(130.0, None), "not before 10:40", "how soon after is not known"),
        (reached(), reached(), "not before 10:30", "how soon after is not known"),
    ],
)  # fmt: skip
def test_readiness_is_a_range_above_its_floor_and_never_a_promise(half, ninety, when, text) -> None:
    """Floor ninety minutes after nine: 10:30. What is not known is said."""
    found = SimpleNamespace(
        floor_minute=90.0, half_by=half, ninety_by=ninety, uncovered_items=("SES-GAIT", "SES-X")
    )
    told_words = words.ready(answer(found=found), clock)

    assert told_words is not None
    assert (told_words["half"], told_words["words"]) == (when, text)
    assert told_words["note"] == (
        "Floor 90 min after the start: 10:30. This never ticks a box. Nothing published says how long these take: "
        "gait, SES-X."
    )
    assert words.ready(answer(), clock) is None
