"""The days of a paper: none overlaps, none leaves a gap, wherever and whenever the clocks change."""

from datetime import UTC, date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from vigil.web.custody_papers import days_of

ZONES = (
    "America/New_York", "America/Phoenix", "America/Los_Angeles", "Europe/London", "Australia/Lord_Howe",
    "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca", "America/Santiago",
)  # fmt: skip


@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    first=st.dates(date(2012, 1, 1), date(2040, 1, 1)),
    more=st.integers(0, 400),
)
@example(zone=ZoneInfo("America/New_York"), first=date(2026, 11, 1), more=0)
@example(zone=ZoneInfo("America/New_York"), first=date(2026, 3, 8), more=0)
@example(zone=ZoneInfo("America/Santiago"), first=date(2026, 9, 5), more=1)
def test_days_follow_each_other_and_last_as_long_as_they_last(zone, first, more):
    """INV-CUS-03 needs it: an act on the edge stands in one paper, not in two and not in none."""
    whole = days_of(first, first + timedelta(days=more), zone=zone).period
    days = [
        days_of(*[first + timedelta(days=each)] * 2, zone=zone).period for each in range(more + 1)
    ]

    assert (days[0].start, days[-1].end) == (whole.start, whole.end)
    for day, after in pairwise(days):
        assert day.end.astimezone(UTC) == after.start.astimezone(UTC)
    for day in days:
        assert (
            timedelta(hours=23)
            <= day.end.astimezone(UTC) - day.start.astimezone(UTC)
            <= timedelta(hours=25)
        )
