"""What the law of a place asks: clocks by the clinic's own wall, and nothing that nobody confirmed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil.evidence.invalid import EvidenceInvalid
from vigil.evidence.jurisdictions import (
    Rule,
    jurisdiction_ids,
    load_jurisdiction,
    parse_jurisdiction,
)

NEW_YORK = ZoneInfo("America/New_York")
ZONES = [NEW_YORK, ZoneInfo("Europe/London"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("UTC")]
moments = st.integers(0, 15 * 365 * 24 * 60).map(
    lambda minutes: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def clock(amount: int, unit: str) -> Rule:
    return Rule(
        name="x", kind="loss-notice", says="x", amount=amount, unit=unit, source="x", certainty="R"
    )


@pytest.mark.parametrize("name", jurisdiction_ids())
def test_every_rule_says_where_it_was_read(name):
    """Numbers have papers; what was not read says so."""
    place = load_jurisdiction(name)

    assert place.jurisdiction_id == name
    assert len(place.content_hash) == 64
    for rule in place.rules:
        assert rule.source
        assert rule.says
        assert rule.certainty in ("R", "r", "K", "D")
        if "not read" in rule.source and rule.kind != "note":
            assert not rule.is_confirmed, rule.name


@pytest.mark.parametrize("name", jurisdiction_ids())
def test_an_unconfirmed_rule_is_off_until_its_name_is_signed(name):
    """Decision 0012: K ships disabled."""
    place = load_jurisdiction(name)
    unconfirmed = {rule.name for rule in place.unconfirmed()}

    assert unconfirmed
    assert not unconfirmed & {rule.name for rule in place.enabled(frozenset())}
    for each in unconfirmed:
        on = {rule.name for rule in place.enabled(frozenset({each}))}
        assert unconfirmed & on == {each}


def test_the_federal_clocks_are_one_business_day_and_forty_five_days():
    """The two times of the reference, as the file says them; the second waits for a name."""
    rules = {rule.name: rule for rule in load_jurisdiction("us-dea").rules}

    notice, form = rules["theft-loss-notice"], rules["form-106"]
    assert (notice.amount, notice.unit, notice.certainty) == (1, "business-days", "R")
    assert (form.amount, form.unit, form.certainty) == (45, "days", "K")


@pytest.mark.parametrize(
    ("found", "due"),
    [
        ("2026-11-23T09:00", "2026-11-25T00:00"),  # Monday: all of Tuesday
        (
            "2026-11-26T23:59",
            "2026-11-28T00:00",
        ),  # Thursday: all of Friday (a holiday is not known)
        ("2026-11-27T09:00", "2026-12-01T00:00"),  # Friday: all of Monday
        ("2026-11-28T09:00", "2026-12-01T00:00"),  # Saturday: all of Monday
        ("2026-11-29T09:00", "2026-12-01T00:00"),  # Sunday: all of Monday
    ],
)
def test_one_business_day_ends_with_the_next_working_day(found, due):
    """By the clinic's own wall; weekends do not count."""
    start = datetime.fromisoformat(found).replace(tzinfo=NEW_YORK)

    assert clock(1, "business-days").due_at(start, zone=NEW_YORK) == datetime.fromisoformat(
        due
    ).replace(tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    ("found", "amount", "unit", "due"),
    [
        ("2026-01-31", 1, "months", "2026-03-01"),
        ("2028-02-29", 1, "years", "2029-03-01"),
        ("2026-11-23", 2, "years", "2028-11-24"),
        ("2026-08-31", 6, "months", "2027-03-01"),
        ("2026-11-23", 45, "days", "2027-01-08"),
    ],
)
def test_a_day_ends_at_the_midnight_that_ends_it(found, amount, unit, due):
    start = datetime.fromisoformat(found + "T12:00").replace(tzinfo=NEW_YORK)

    expected = datetime.fromisoformat(due).replace(tzinfo=NEW_YORK)
    assert clock(amount, unit).due_at(start, zone=NEW_YORK) == expected


@given(start=moments, amount=st.integers(1, 60), zone=st.sampled_from(ZONES))
def test_a_clock_gives_at_least_its_days_and_less_than_one_more(start, amount, zone):
    """Across both changes of the clocks, in zones with half hours too: counted by another way."""
    due = clock(amount, "days").due_at(start, zone=zone)

    days = due.astimezone(zone).date().toordinal() - start.astimezone(zone).date().toordinal()
    assert days == amount + 1
    assert due.astimezone(zone).hour in (0, 1), "midnight, or the first moment there is that day"


@given(start=moments, amount=st.integers(1, 20), zone=st.sampled_from(ZONES))
def test_a_business_clock_passes_exactly_its_working_days(start, amount, zone):
    """Counted day by day, by another way."""
    due = clock(amount, "business-days").due_at(start, zone=zone)

    first = start.astimezone(zone).date()
    last = (due.astimezone(zone) - timedelta(hours=2)).date()
    working = [
        day
        for offset in range(1, (last - first).days + 1)
        if (day := first + timedelta(days=offset)).weekday() < 5
    ]
    assert len(working) == amount
    assert last.weekday() < 5


@given(start=moments, hours=st.integers(1, 100))
def test_hours_are_true_hours(start, hours):
    assert clock(hours, "hours").due_at(start, zone=NEW_YORK) - start == timedelta(hours=hours)


RULE = """
  - name: {name}
    kind: {kind}
    says: x
    source: x
    certainty: R
{more}"""
HEAD = "jurisdiction_id: x\nversion: 1\nname: X\nrules:"


@pytest.mark.parametrize(
    ("rules", "because"),
    [
        (RULE.format(name="a", kind="note", more="") * 2, "once"),
        (RULE.format(name="a", kind="loss-notice", more=""), "a clock needs one"),
        (RULE.format(name="a", kind="note", more="    amount: 2\n"), "with its unit"),
        (RULE.format(name="a", kind="note", more="    unit: days\n"), "with its unit"),
        (
            RULE.format(name="a", kind="inventory", more="    amount: 0\n    unit: days\n"),
            "above zero",
        ),
        (RULE.format(name="a", kind="rumour", more=""), "rumour|Invalid enum"),
        (RULE.format(name="a", kind="note", more="    guess: 1\n"), "not declared"),
    ],
)
def test_a_file_that_is_not_sound_is_refused(rules, because):
    with pytest.raises(EvidenceInvalid, match=because):
        parse_jurisdiction((HEAD + rules).encode(), file="x.yaml")
