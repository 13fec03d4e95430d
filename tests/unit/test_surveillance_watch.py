"""Surveillance: person-time, checks and adjudication rules, at their boundaries."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from vigil.surveillance.definition import load_definition
from vigil.surveillance.domain.adjudicate import count_met, decide_verdict
from vigil.surveillance.domain.facts import Watched
from vigil.surveillance.domain.watch import ascertainment_percent, person_time, tally_checks
from vigil.units.refusals import Refused

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
DAY_SECONDS = 86_400
DEFINITION = load_definition()


def watched(first=None, last=None, case=None, checked=()):
    """A patient whose moments are given in days before now."""
    return Watched(
        patient_id=UUID(int=1),
        first_dose_at=None if first is None else NOW - first * DAY,
        last_contact_at=None if last is None else NOW - last * DAY,
        case_at=None if case is None else NOW - case * DAY,
        checked_at=tuple(NOW - one * DAY for one in checked),
    )


def time_of(one):
    return person_time(one, now=NOW, unknown_after_days=60)


def test_an_untreated_patient_gives_no_time():
    assert time_of(watched()) is None
    assert time_of(watched(first=-1)) is None


@pytest.mark.parametrize(
    ("first", "last", "days", "is_unknown"),
    [
        (100, 40, 60, False),
        (100, 60, 40, False),
        (100, 61, 39, True),
        (100, 100, 0, True),
        (0, 0, 0, False),
    ],
)
def test_time_stops_at_the_last_contact_and_60_days_of_silence_is_unknown(
    first, last, days, is_unknown
):
    """INV-SUR-01: silence is unknown, never time without a case."""
    found = time_of(watched(first=first, last=last))

    assert found.seconds == days * DAY_SECONDS
    assert found.is_unknown is is_unknown
    assert found.unseen_seconds == (last * DAY_SECONDS if is_unknown else 0)


def test_silence_of_60_days_and_a_second_is_unknown():
    one = watched(first=100, last=60)

    later = person_time(one, now=NOW + timedelta(seconds=1), unknown_after_days=60)

    assert later.is_unknown
    assert later.seconds == 40 * DAY_SECONDS


def test_a_case_ends_the_time_and_is_never_unknown():
    found = time_of(watched(first=200, last=100, case=150))

    assert found.is_case
    assert not found.is_unknown
    assert found.seconds == 50 * DAY_SECONDS


def test_a_contact_before_the_first_dose_gives_no_negative_time():
    assert time_of(watched(first=10, last=50)).seconds == 0


def test_a_clock_change_neither_adds_nor_takes_an_hour():
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("America/New_York")
    one = Watched(
        patient_id=UUID(int=1),
        first_dose_at=datetime(2026, 10, 31, 12, tzinfo=zone),
        last_contact_at=datetime(2026, 11, 1, 12, tzinfo=zone),
        case_at=None,
    )

    assert time_of(one).seconds == 25 * 3600


def test_a_check_is_due_when_its_window_has_ended_or_it_was_done():
    late, early = DEFINITION.days_late, DEFINITION.days_early

    def month_1(**kwargs):
        tally = tally_checks([watched(**kwargs)], DEFINITION, now=NOW)[0]
        return tally.due, tally.done

    assert month_1(first=30 + late, last=0) == (0, 0)
    assert month_1(first=30 + late + 1, last=0) == (1, 0)
    assert month_1(first=30, last=0, checked=(0,)) == (1, 1)
    assert month_1(first=30 - early, last=0, checked=(0,)) == (1, 1)
    assert month_1(first=30 - early - 1, last=0, checked=(0,)) == (0, 0)
    assert month_1(first=200, last=0, checked=(200 - 30 - late - 1,)) == (1, 0)


def test_nothing_due_is_unknown_not_100_percent():
    assert (
        ascertainment_percent(tally_checks([watched(first=1, last=0)], DEFINITION, now=NOW)) is None
    )


ALL_NO = {one.criterion_id: False for one in DEFINITION.criteria}
TWO = ALL_NO | {"craving": True, "time-spent": True}


def decide(verdict, criteria, **kwargs):
    asked = {
        "has_distress": True, "onset_on": date(2026, 11, 1), "first_dose_on": date(2026, 10, 1),
        "today": date(2026, 11, 23), "reason": "Interview",
    }  # fmt: skip
    found = decide_verdict(
        verdict=verdict, criteria=criteria, definition=DEFINITION, **(asked | kwargs)
    )
    return found.code if isinstance(found, Refused) else "fits"


@pytest.mark.parametrize(
    ("verdict", "criteria", "kwargs", "code"),
    [
        ("case", TWO, {}, "fits"),
        ("case", ALL_NO | {"craving": True}, {}, "SUR-NOT-MET"),
        ("case", ALL_NO | {"craving": True, "tolerance": True}, {}, "SUR-NOT-MET"),
        ("case", TWO, {"has_distress": None}, "SUR-NOT-MET"),
        ("case", TWO, {"has_distress": False}, "SUR-NOT-MET"),
        ("case", TWO, {"onset_on": None}, "SUR-ONSET"),
        ("case", TWO, {"onset_on": date(2026, 9, 30)}, "SUR-ONSET"),
        ("case", TWO, {"onset_on": date(2026, 10, 1)}, "fits"),
        ("case", TWO, {"onset_on": date(2026, 11, 24)}, "SUR-ONSET"),
        ("case", TWO, {"first_dose_on": None}, "SUR-UNTREATED"),
        ("no-case", ALL_NO, {}, "fits"),
        ("no-case", ALL_NO | {"craving": True}, {}, "fits"),
        ("no-case", TWO, {}, "SUR-NOT-EXCLUDED"),
        ("no-case", ALL_NO | {"craving": None, "time-spent": None}, {}, "SUR-NOT-EXCLUDED"),
        ("no-case", TWO, {"has_distress": False}, "fits"),
        ("cannot-tell", TWO, {}, "fits"),
        ("no-case", ALL_NO, {"reason": "  "}, "SUR-REASON"),
    ],
)
def test_a_verdict_must_fit_the_answers(verdict, criteria, kwargs, code):
    """INV-SUR-03: an unasked criterion excludes nothing; tolerance alone never makes a case."""
    assert decide(verdict, criteria, **kwargs) == code


def test_both_counts_are_kept():
    criteria = ALL_NO | {"craving": True, "tolerance": True}

    assert count_met(criteria, DEFINITION, under_supervision=False) == 2
    assert count_met(criteria, DEFINITION, under_supervision=True) == 1
