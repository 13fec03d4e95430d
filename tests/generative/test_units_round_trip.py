"""What is shown is read back the same, and whatever is read is what plain arithmetic says."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil.units.amounts import NotExact, parse_amount, show_kg, show_mg, show_ml
from vigil.units.durations import NaiveTime, elapsed, whole_minutes

amounts = st.integers(0, 9_999_999_999)
PLAIN = re.compile(
    r" *(?P<number>(0|[1-9][0-9]*)(\.[0-9]+)?) ?(?P<unit>mg|ug|mcg|mL|kg|g|mg/kg) *", re.ASCII
)
FACTOR = {"mg": 1000, "ug": 1, "mcg": 1, "mL": 1000, "kg": 1000, "g": 1, "mg/kg": 1000}


@given(value=amounts)
def test_an_amount_shown_is_read_back_the_same(value: int) -> None:
    assert parse_amount(show_mg(value), expect="ug").value == value
    assert parse_amount(show_ml(value), expect="ul").value == value
    assert parse_amount(show_kg(value), expect="g").value == value


@given(text=st.text("0123456789.,eE_+-NaInf½٥０ \u00a0mgukLcl/", max_size=16))
def test_a_text_is_read_as_plain_arithmetic_says_or_refused(text: str) -> None:
    """No guess: a text outside the plain grammar is refused; inside it, Decimal agrees exactly."""
    try:
        read = parse_amount(text)
    except NotExact:
        return
    plain = PLAIN.fullmatch(text)
    if plain is None:
        assert text.strip(" ").endswith(("uL", "ml", "mg/ml", "mg/mL", "ug/kg")), text
        return
    assert Decimal(plain["number"]) * FACTOR[plain["unit"]] == read.value


@given(pair=st.tuples(amounts, amounts))
def test_more_is_read_as_more(pair: tuple[int, int]) -> None:
    less, more = sorted(pair)

    assert parse_amount(show_mg(less)).value <= parse_amount(show_mg(more)).value


ZONES = ["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "UTC"]
moments = st.integers(1_700_000_000, 1_900_000_000)


@given(
    start=moments,
    seconds=st.integers(-200_000, 200_000),
    zones=st.tuples(st.sampled_from(ZONES), st.sampled_from(ZONES)),
)
def test_elapsed_is_the_true_time_in_any_pair_of_zones(
    start: int, seconds: int, zones: tuple[str, str]
) -> None:
    first = datetime.fromtimestamp(start, UTC).astimezone(ZoneInfo(zones[0]))
    second = datetime.fromtimestamp(start + seconds, UTC).astimezone(ZoneInfo(zones[1]))

    assert elapsed(first, second) == timedelta(seconds=seconds)
    assert whole_minutes(first, second) == seconds // 60


@given(start=moments, steps=st.tuples(st.integers(0, 100_000), st.integers(0, 100_000)))
def test_later_is_never_shorter(start: int, steps: tuple[int, int]) -> None:
    eastern = ZoneInfo("America/New_York")
    first = datetime.fromtimestamp(start, UTC).astimezone(eastern)
    sooner, later = (first.astimezone(UTC) + timedelta(seconds=step) for step in sorted(steps))

    assert elapsed(first, sooner.astimezone(eastern)) <= elapsed(first, later.astimezone(eastern))


@pytest.mark.parametrize(
    ("zone", "start", "end", "minutes"),
    [
        # Clocks go back an hour: one wall hour is two.
        ("America/New_York", (2026, 11, 1, 0, 30), (2026, 11, 1, 2, 30), 180),
        # Clocks go forward: two wall hours are one.
        ("America/New_York", (2026, 3, 8, 1, 30), (2026, 3, 8, 3, 30), 60),
        # Lord Howe moves by half an hour.
        ("Australia/Lord_Howe", (2026, 4, 5, 1, 0), (2026, 4, 5, 3, 0), 150),
        ("Australia/Lord_Howe", (2026, 10, 4, 1, 0), (2026, 10, 4, 3, 0), 90),
    ],
)
def test_elapsed_counts_through_a_clock_change(
    zone: str, start: tuple[int, ...], end: tuple[int, ...], minutes: int
) -> None:
    here = ZoneInfo(zone)

    assert whole_minutes(datetime(*start, tzinfo=here), datetime(*end, tzinfo=here)) == minutes


def test_the_second_half_past_one_is_an_hour_after_the_first() -> None:
    here = ZoneInfo("America/New_York")
    first = datetime(2026, 11, 1, 1, 30, tzinfo=here, fold=0)

    assert whole_minutes(first, first.replace(fold=1)) == 60


def test_a_moment_without_a_zone_is_refused() -> None:
    aware, naive = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1)  # noqa: DTZ001

    for pair in ((aware, naive), (naive, aware)):
        with pytest.raises(NaiveTime):
            elapsed(*pair)


def test_a_minute_is_never_met_early() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)

    assert whole_minutes(start, start + timedelta(seconds=59, microseconds=999_999)) == 0
    assert whole_minutes(start, start + timedelta(seconds=60)) == 1
    assert whole_minutes(start, start - timedelta(microseconds=1)) == -1
