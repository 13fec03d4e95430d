"""The simulated patient answers the infusion around published means, and plants what it is asked to."""

import itertools
from datetime import UTC, datetime
from statistics import correlation, mean, stdev

import pytest

from vigil.evidence.physiology import load_physiology
from vigil.exchange.devices.codes import load_codes
from vigil.exchange.devices.simulator import (
    Monitor,
    Planted,
    draw_patient,
    mean_patient,
    vitals_at,
)

PHYSIOLOGY = load_physiology()
NOTHING = Planted()
AT = datetime(2026, 11, 23, 15, tzinfo=UTC)


def around(patient, minute, name, planted=NOTHING):
    """The mean over a minute: the noise of single seconds left out."""
    seconds = range(-30, 30)
    return mean(getattr(vitals_at(patient, minute + s / 60, planted), name) for s in seconds)


def test_the_mean_patient_rises_as_published_at_forty_minutes_and_is_back_by_a_hundred():
    """Yale 2024: +16.0/+11.0 mmHg at 40 min; Vankawala 2021: HR +4.09; Szarmach 2020: back by 90 min."""
    patient = mean_patient(PHYSIOLOGY)

    def rise(minute, name):
        return around(patient, minute, name) - around(patient, -5, name)

    assert rise(40, "sbp") == pytest.approx(16.0, abs=1.2)
    assert rise(40, "dbp") == pytest.approx(11.0, abs=1.0)
    assert rise(40, "hr") == pytest.approx(4.09, abs=0.5)
    assert rise(70, "sbp") == pytest.approx(8.0, abs=1.5)
    assert abs(rise(90, "sbp")) < 2.5
    assert abs(rise(101, "sbp")) < 1.0
    assert max(range(0, 120, 5), key=lambda m: around(patient, m, "sbp")) in (35, 40, 45)


def test_the_spread_of_patients_is_the_published_one():
    rises = [draw_patient(seed, PHYSIOLOGY).sbp_rise for seed in range(800)]

    assert mean(rises) == pytest.approx(16.0, abs=1.2)
    assert 9.5 < (sum((r - mean(rises)) ** 2 for r in rises) / len(rises)) ** 0.5 < 12.5


def test_the_same_seed_is_the_same_patient_and_the_same_second_the_same_value():
    one, two = draw_patient(7, PHYSIOLOGY), draw_patient(7, PHYSIOLOGY)

    assert one == two
    assert vitals_at(one, 12.5, NOTHING) == vitals_at(two, 12.5, NOTHING)
    assert one != draw_patient(8, PHYSIOLOGY)


def test_a_planted_surge_a_desaturation_and_a_dropout_come_when_asked_and_go():
    patient = mean_patient(PHYSIOLOGY)
    planted = Planted(surge_minute=20, desaturation_minute=50, dropout_minute=60)

    assert vitals_at(patient, 22, planted).sbp > 175
    assert vitals_at(patient, 31, planted).sbp < 150
    assert vitals_at(patient, 51, planted).spo2 < 90
    assert vitals_at(patient, 53, planted).spo2 > 94
    assert vitals_at(patient, 60.5, planted).spo2 is None
    assert vitals_at(patient, 61.5, planted).spo2 is not None


def test_no_second_changes_faster_than_a_sensor_is_believed():
    """Saturation by at most 8 points and rates by at most 60 a second: a planted event is no artefact."""
    patient = draw_patient(3, PHYSIOLOGY)
    planted = Planted(surge_minute=5, desaturation_minute=8)
    course = [vitals_at(patient, second / 60, planted) for second in range(0, 900)]

    for before, after in itertools.pairwise(course):
        assert abs(after.spo2 - before.spo2) <= 8
        assert abs(after.hr - before.hr) <= 60


def test_the_monitor_repeats_its_cuff_set_until_the_next_inflation():
    monitor = Monitor(patient=mean_patient(PHYSIOLOGY), planted=NOTHING, cuff_minutes=5)

    times = []
    for second in range(11 * 60):
        at = AT.replace(minute=second // 60, second=second % 60)
        (cuff,) = [v for v in monitor.read(second / 60, at) if v.code == "150021"]
        times.append(cuff.measured_at)

    assert sorted(set(times)) == [AT.replace(minute=m) for m in (0, 5, 10)]


def test_a_surge_is_measured_by_the_cuff_when_it_begins():
    monitor = Monitor(patient=mean_patient(PHYSIOLOGY), planted=Planted(surge_minute=11))

    texts = [
        int(value.text)
        for second in range(13 * 60)
        for value in monitor.read(second / 60, AT)
        if value.code == "150021"
    ]

    assert max(texts) > 170


def test_all_it_says_is_in_the_device_table():
    monitor = Monitor(patient=mean_patient(PHYSIOLOGY), planted=NOTHING)

    assert {value.code for value in monitor.read(0, AT)} <= set(load_codes().by_code)


def test_the_two_pressures_of_a_person_at_rest_go_together():
    """No patient of the demo rests at 101/86; and the published spread of the rises stays."""
    drawn = [draw_patient(seed, PHYSIOLOGY) for seed in range(800)]

    assert min(one.resting_sbp - one.resting_dbp for one in drawn) >= 35
    assert all(12 <= one.resting_rr <= 18 for one in drawn)
    assert correlation([p.resting_sbp for p in drawn], [p.resting_dbp for p in drawn]) > 0.5
    rises = [one.dbp_rise for one in drawn]
    assert mean(rises) == pytest.approx(11.0, abs=1.0)
    assert stdev(rises) == pytest.approx(8.45, abs=0.8)
    for one in drawn[:40]:
        for minute in range(0, 120, 5):
            now = vitals_at(one, minute, NOTHING)
            assert now.sbp - now.dbp >= 25
