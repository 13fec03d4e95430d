"""What templates may say, and what a form reads."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.test import RequestFactory
from django.utils import timezone

from session_views import (
    made_alarm,
    made_board,
    made_chair,
    made_duty,
    made_id,
    made_latest,
    made_view,
)
from vigil.custody.domain.facts import Product
from vigil.evidence.protocols import load_protocol
from vigil.session.domain.facts import SessionView
from vigil.session.rows import by_urgency
from vigil.units.refusals import Refused
from vigil.web import chair_cards, theme
from vigil.web.custody_stories import entered_later
from vigil.web.session_forms import CheckInForm, ObserveForm, RateForm, StopForm
from vigil.web.templatetags import vigil
from vigil.web.templatetags.custody_parts import by_hand

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLINIC = made_id("clinic")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (vigil.mg(35_000), "35 mg"), (vigil.mg(0), "0 mg"), (vigil.mg(None), "–"),
        (vigil.ml(3_500), "3.5 mL"), (vigil.ml(None), "–"),
        (vigil.kg(68_000), "68.0 kg"), (vigil.kg(None), "–"),
        (vigil.clock(83), "1:23"), (vigil.clock(3723), "1:02:03"), (vigil.clock(-5), "0:05"),
        (vigil.clock(None), "–"), (vigil.from_milli(97_000), "97"), (vigil.from_milli(36_600), "36.6"),
        (vigil.from_milli(-500), "−0.5"), (vigil.from_milli(None), "–"),
        (vigil.age_years(date(1972, 11, 23), date(2026, 11, 23)), 54),
        (vigil.age_years(date(1972, 11, 24), date(2026, 11, 23)), 53),
        (vigil.age_years(date(1972, 2, 29), date(2026, 2, 28)), 53),
    ],
)  # fmt: skip
def test_a_value_is_shown_in_one_exact_way(said, shown):
    assert said == shown


def test_a_moment_is_shown_on_the_clinics_own_clock():
    with timezone.override(ZoneInfo("America/New_York")):
        shown = (vigil.clinic_time(NOON), vigil.clinic_datetime(NOON), vigil.clinic_seconds(NOON))

    assert shown == ("07:00", "2026-11-23 07:00", "07:00:00")
    assert vigil.clinic_time(None) == "–"


def test_two_keys_are_never_the_same():
    assert vigil.new_key() != vigil.new_key()


@pytest.mark.parametrize(
    ("cookie", "theme_of_page"), [("dark", "dark"), ("light", "light"), ("<b>", None), ("", None)]
)
def test_only_the_two_known_themes_reach_a_page(cookie, theme_of_page):
    request = RequestFactory().get("/", headers={"cookie": f"vigil_theme={cookie}"})

    assert theme.chosen_theme(request) == theme_of_page


@pytest.mark.parametrize(
    ("came_from", "target"),
    [
        ("http://testserver/board?x=1", "/board?x=1"), ("http://evil.example/board", "/"),
        ("//evil.example", "/"), ("", "/"),
    ],
)  # fmt: skip
def test_a_theme_never_sends_anyone_to_another_site(came_from, target):
    request = RequestFactory().post("/theme", {"theme": "dark"}, headers={"referer": came_from})

    answer = theme.theme(request)

    assert answer["Location"] == target
    assert answer.cookies["vigil_theme"].value == "dark"


# --- the board's words -------------------------------------------------------------------------


def card_of(view: SessionView) -> chair_cards.ChairCard:
    return chair_cards.chair_card(
        made_chair(view, view.chair), protocol=load_protocol(view.protocol_id), trend=None, now=NOON
    )


def test_the_board_says_what_the_design_sheet_shows():
    calm, surge, watching, silent = (card_of(c.session) for c in made_board(CLINIC, at=NOON))

    assert [c.strip.kind for c in (calm, surge, watching, silent)] == [
        "calm", "medium", "calm", "silent",
    ]  # fmt: skip
    assert surge.strip.words == "Pressure 186/112"
    assert surge.strip.others == 1
    assert surge.advice.startswith("Repeat the cuff")
    assert calm.progress.words == "23 of 40 min"
    assert calm.progress.detail == "19.6 of 34 mg IV"
    assert watching.progress.words == "78 of 120 min"
    assert watching.waits[0] == "42 more minutes"
    assert calm.rated == "MOAA/S 5 · dissociation 4/10"
    assert [number.text for number in calm.numbers] == ["142/86", "97", "88", "14"]
    assert calm.numbers[0].delta == "+14 / +8"
    assert not any(number.is_hollow for number in calm.numbers)
    assert all(number.is_hollow for number in silent.numbers)


@pytest.mark.parametrize(
    ("priority", "kind"), [("high", "high"), ("medium", "silent"), ("low", "silent")]
)
def test_only_a_high_alarm_is_louder_than_silence(priority, kind):
    alarm = made_alarm(
        CLINIC, at=NOON, metric="spo2", priority=priority, message="Low. Look.", value=80
    )
    view = made_view(
        CLINIC, chair="Chair 1", at=NOON, alarms=(alarm,), is_data_silent=True, data_age_seconds=6
    )

    assert chair_cards.strip(view, now=NOON).kind == kind


def test_silence_is_louder_than_a_high_alarm_that_somebody_has_seen():
    alarm = made_alarm(
        CLINIC, at=NOON, metric="spo2", priority="high", message="Low.", value=80, seen_by="Ana"
    )
    view = made_view(
        CLINIC, chair="Chair 1", at=NOON, alarms=(alarm,), is_data_silent=True, data_age_seconds=6
    )

    first, second = chair_cards.strips(view, now=NOON)

    assert (first.kind, first.others, second.alarm) == ("silent", 1, alarm)


def test_every_standing_alarm_has_a_strip_and_the_unseen_one_its_button():
    low = made_alarm(
        CLINIC, at=NOON, metric="pressure", priority="low", message="Pressure is late. Take it.",
        value=5, limit_id="pressure-missed",
    )  # fmt: skip
    high = made_alarm(
        CLINIC, at=NOON, metric="spo2", priority="high", message="Low.", value=80, seen_by="Ana",
        limit_id="spo2-low",
    )  # fmt: skip
    card = card_of(made_view(CLINIC, chair="Chair 1", at=NOON, alarms=by_urgency([high, low])))

    assert [one.alarm for one in chair_cards.strips(card.session, now=NOON)] == [low, high]
    assert (card.strip.alarm, card.strip.others, card.to_see) == (low, 1, low)
    assert card.to_see_words == ""


def test_under_silence_the_button_says_which_alarm_it_is_for():
    low = made_alarm(
        CLINIC, at=NOON, metric="pressure", priority="low", message="Pressure is late. Take it.",
        value=5,
    )  # fmt: skip
    view = made_view(
        CLINIC, chair="Chair 1", at=NOON, alarms=(low,), is_data_silent=True, data_age_seconds=6
    )

    card = card_of(view)

    assert card.to_see == low
    assert card.to_see_words == "Pressure is late"


@pytest.mark.parametrize(
    ("state", "quality", "doubt"),
    [("due", "good", ""), ("late", "good", "old"), ("due", "gated:late", "not believed"), ("due", "none:-100", "old")],
)  # fmt: skip
def test_a_pressure_older_than_its_duty_allows_is_hollow_with_its_age_in_words(
    state, quality, doubt
):
    view = made_view(
        CLINIC, chair="Chair 1", at=NOON,
        latest={
            metric: made_latest(metric, value, at=NOON, age=1500, quality=quality)
            for metric, value in (("sbp", 142), ("dbp", 86))
        },
        duties=(made_duty("Pressure", at=NOON, seconds=-600, state=state, kind="pressure"),),
    )  # fmt: skip

    pressure = chair_cards.numbers(view)[0]

    assert (pressure.doubt, pressure.is_hollow) == (doubt, doubt != "")
    assert pressure.age_words == "25 min ago"


def test_what_a_discharge_waits_for_is_the_first_item_and_a_count():
    watching = next(c for c in made_board(CLINIC, at=NOON) if c.name == "Chair 3")

    assert card_of(watching.session).more_waits == 3


@pytest.mark.parametrize(
    ("amount_ug", "said"),
    [
        (27_000, "2.7 mL (27 mg)"), (27_232, "about 2.72 mL (exactly 27.232 mg)"),
        (27_250, "about 2.73 mL (exactly 27.25 mg)"), (20, "less than 0.01 mL (exactly 0.02 mg)"),
    ],
)  # fmt: skip
def test_an_amount_to_waste_is_said_as_a_syringe_shows_it(amount_ug, said):
    """The exact amount stays; the hand is told what it can measure."""
    vial = Product(
        product_id=CLINIC, name="ketamine 10 mg/mL vial", drug="ketamine", form="vial",
        strength_ug_per_ml=10_000, content_ug=200_000,
    )  # fmt: skip

    assert by_hand(amount_ug, vial) == said


@pytest.mark.parametrize(
    ("minutes", "later"),
    [((0, 1, 2), (0, 0, 0)), ((0, 60, 30, 45, 61), (0, 0, 1, 1, 0)), ((5, 5), (0, 0)), ((), ())],
)
def test_a_line_entered_after_one_that_happened_later_says_so(minutes, later):
    lines = [SimpleNamespace(at=NOON + timedelta(minutes=minute)) for minute in minutes]

    assert [is_later for _, is_later in entered_later(lines)] == [bool(each) for each in later]


@pytest.mark.parametrize(("age", "is_hollow"), [(0, False), (5, False), (6, True)])
def test_a_number_of_the_monitor_is_hollow_after_five_seconds(age, is_hollow):
    view = made_view(
        CLINIC, chair="Chair 1", at=NOON, latest={"hr": made_latest("hr", 80, at=NOON, age=age)}
    )

    heart = chair_cards.numbers(view)[2]

    assert heart.is_hollow is is_hollow


@pytest.mark.parametrize(("given", "shown"), [(0, "0.0"), (19_699, "19.6"), (34_000, "34.0")])
def test_a_rising_amount_is_never_rounded_up(given, shown):
    assert chair_cards.show_running_mg(given) == shown


def test_no_priority_is_told_by_colour_alone():
    assert len(set(chair_cards.ICONS.values())) == 3


# --- what a nurse types ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("posted", "is_taken"),
    [
        ({"moaas": "5"}, True), ({"sbp": "142", "dbp": "86"}, True), ({}, False),
        ({"sbp": "142"}, False), ({"sbp": "86", "dbp": "142"}, False), ({"moaas": "6"}, False),
        ({"sbp": "1.5", "dbp": "1"}, False), ({"dissociation": "11"}, False), ({"hr": "0"}, False),
    ],
)  # fmt: skip
def test_a_set_is_whole_or_refused(posted, is_taken):
    form = ObserveForm(posted)

    assert form.is_valid() is is_taken
    if is_taken:
        assert form.values() == {name: int(value) for name, value in posted.items()}
    else:
        assert isinstance(form.as_refusal(), Refused)
        assert form.as_refusal().message


@pytest.mark.parametrize(
    ("text", "rate"),
    [("51.0", 51_000), ("51.0 mg/h", 51_000), ("0.5", 500), ("1,5", None), (".5", None), ("", None), ("51 mg", None)],
)  # fmt: skip
def test_a_rate_is_read_exactly_or_refused(text, rate):
    form = RateForm({"act": "change", "rate": text, "reason": "pressure"})

    assert form.is_valid() is (rate is not None)
    if rate is not None:
        assert form.cleaned_data["rate"] == rate


@pytest.mark.parametrize(("act", "needs"), [("pause", True), ("change", True), ("resume", False)])
def test_a_pause_and_a_change_need_a_reason(act, needs):
    form = RateForm({"act": act, "rate": "51", "reason": ""})

    assert form.is_valid() is not needs


@pytest.mark.parametrize(("text", "ug"), [("", None), ("33.2", 33_200), ("33.2 mg", 33_200)])
def test_the_pump_may_be_left_unread(text, ug):
    form = StopForm({"pump": text, "reason": ""})

    assert form.is_valid()
    assert form.cleaned_data["pump"] == ug


@pytest.mark.parametrize(
    ("text", "grams"), [("68.0", 68_000), ("68.0 kg", 68_000), ("68,0", None), ("150 lb", None)]
)
def test_a_weight_is_read_exactly_or_refused(text, grams):
    form = check_in(weight=text)

    form.is_valid()

    assert form.cleaned_data.get("weight") == grams
    assert ("weight" in form.errors) is (grams is None)


@pytest.mark.parametrize(
    ("ate_at", "minutes"), [("06:30", 30), ("07:00", 0), ("08:00", 23 * 60), ("", None)]
)
def test_a_later_time_of_day_was_yesterdays(ate_at, minutes):
    """07:00 in New York: a breakfast at 08:00 cannot have been today."""
    with timezone.override(ZoneInfo("America/New_York")):
        form = check_in(ate_at=ate_at)

        assert form.is_valid(), form.errors
        assert form.facts()["food_minutes"] == minutes


def check_in(**changes: str) -> CheckInForm:
    free = made_chair(None, "Chair 1")
    asked = {"chair": str(free.chair_id), "weight": "70.0"} | changes
    return CheckInForm(asked, chairs=(free,), at=NOON, weight_before=None)
