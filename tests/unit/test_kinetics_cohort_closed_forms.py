"""Crowds built by hand: rows that stay apart, slabs that cover everybody once, refusals with value and limit."""

import math
import threading

import numpy as np
import pytest

from a_kinetics_by_hand import (
    bateman,
    bolus,
    one_bolus,
    one_infusion,
    system_of,
    two_bolus,
    two_infusion,
)
from vigil.kinetics.cohort import Cohort, DosesDiffer, EtasInvalid, cohort_of_one
from vigil.kinetics.exposure import exposures
from vigil.kinetics.facts import Schedule
from vigil.kinetics.filling import Stopped, fill, in_slabs
from vigil.kinetics.modes import NotACompartmentSystem
from vigil.kinetics.pieces import TimesInvalid
from vigil.kinetics.population import EtasOrSeed, ProbabilityInvalid, _one_group, measure


def crowd_of(ka: np.ndarray, k: np.ndarray, dose: np.ndarray) -> Cohort:
    """People of Bateman's system, each with rates and a dose of their own, 1 L."""
    one = cohort_of_one(bateman(v=1.0).system, bateman(v=1.0).schedule)
    people = len(ka)
    rates = np.zeros((people, 2, 2))
    rates[:, 0, 0], rates[:, 1, 0], rates[:, 1, 1] = -ka, ka, -k
    boluses = np.zeros((people, 1, 2))
    boluses[:, 0, 0] = dose
    return Cohort(
        states=one.states,
        analytes=one.analytes,
        rates=rates,
        outputs=np.repeat(one.outputs, people, axis=0),
        reach=np.repeat(one.reach, people, axis=0),
        minutes=np.zeros((people, 1)),
        boluses=boluses,
        inputs=np.zeros((people, 1, 0)),
        into=(),
    )


@pytest.mark.parametrize("people", [1, 63, 64, 65, 130])
def test_everybody_has_their_own_course_and_peak(people: int) -> None:
    """INV-KIN-21: on both sides of a slab; Bateman's formula for each."""
    ka = np.linspace(0.3, 0.9, people)
    k = np.linspace(0.01, 0.2, people)
    dose = np.linspace(10.0, 1000.0, people)
    crowd = crowd_of(ka, k, dose)
    times = np.array([0.0, 1.0, 4.0, 30.0])
    out = np.full((people, 1, 4), np.nan)

    fill(crowd, times, out)
    found = measure(crowd, end_minutes=5000.0)

    assert len(crowd) == people
    height = (dose * ka / (ka - k))[:, None]
    expected = height * (np.exp(-np.outer(k, times)) - np.exp(-np.outer(ka, times)))
    np.testing.assert_allclose(out[:, 0], expected, rtol=1e-10, atol=1e-12)
    tmax = np.log(ka / k) / (ka - k)
    np.testing.assert_allclose(found.tmax_minutes[:, 0], tmax, rtol=1e-6)
    np.testing.assert_allclose(found.cmax_ng_per_ml[:, 0], dose * np.exp(-k * tmax), rtol=1e-9)
    np.testing.assert_allclose(found.auc_ng_h_per_ml[:, 0], dose / k / 60, rtol=1e-10)
    assert found.above_minutes is None


def test_one_person_goes_into_a_cohort_and_comes_out_again() -> None:
    """System and schedule, entry by entry; the input is a state of its own."""
    case = two_infusion()

    cohort = cohort_of_one(case.system, case.schedule)

    assert cohort.into == (0,)
    assert cohort.rates.shape == (1, 3, 3)
    assert cohort.rates[0, :, 2].tolist() == [1.0, 0.0, 0.0]
    assert not cohort.rates[0, 2].any()
    assert cohort.inputs.tolist() == [[[25.0], [0.0]]]
    system, schedule = cohort.system(0), cohort.schedule(0)
    np.testing.assert_array_equal(system.rates, case.system.rates)
    np.testing.assert_array_equal(system.outputs, case.system.outputs)
    assert (system.states, system.analytes) == (case.system.states, case.system.analytes)
    np.testing.assert_array_equal(schedule.minutes, case.schedule.minutes)
    np.testing.assert_array_equal(schedule.rates, case.schedule.rates)
    np.testing.assert_array_equal(schedule.boluses, case.schedule.boluses)


def test_a_wrong_matrix_is_refused_before_a_cohort_is_made() -> None:
    """INV-KIN-27."""
    case = one_bolus(k=-0.1)

    with pytest.raises(NotACompartmentSystem, match=r"0\.1 1/min"):
        cohort_of_one(case.system, case.schedule)


def test_nobody_and_no_events_are_measured_as_nothing() -> None:
    """Shape (P, M) all the same."""
    case = one_bolus()
    empty = Schedule(minutes=np.zeros(0), boluses=np.zeros((0, 1)), rates=np.zeros((0, 1)))

    found = measure(cohort_of_one(case.system, empty), end_minutes=9.0, level_ng_per_ml=1.0)

    assert found.cmax_ng_per_ml.tolist() == [[0.0]]
    assert found.auc_ng_h_per_ml.tolist() == [[0.0]]
    assert found.above_minutes is not None
    assert found.above_minutes.tolist() == [[0.0]]


def test_the_short_way_is_for_one_place_that_takes_gives_and_shows() -> None:
    """INV-KIN-18: not where a depot, a second measured place or a way of no return is; nor where nothing leaves."""
    for case, place in (
        (one_bolus(), 0),
        (one_infusion(), 0),
        (two_infusion(), 0),
        (bateman(), None),
    ):
        assert _one_group(cohort_of_one(case.system, case.schedule)) == place
    kept = one_bolus(k=0.0)
    assert _one_group(cohort_of_one(kept.system, kept.schedule)) is None


def test_the_short_way_and_one_persons_way_measure_alike() -> None:
    """An infusion: the end of it, and half of its peak as a level."""
    case = two_infusion()
    one = exposures(case.system, case.schedule, end_minutes=77.0)["a0"]

    found = measure(cohort_of_one(case.system, case.schedule), end_minutes=77.0)

    assert found.cmax_ng_per_ml[0, 0] == pytest.approx(one.cmax_ng_per_ml, rel=1e-12)
    assert found.tmax_minutes[0, 0] == one.tmax_minutes == 40.0
    assert found.auc_ng_h_per_ml[0, 0] == pytest.approx(one.auc_ng_h_per_ml, rel=1e-12)


@pytest.mark.parametrize(("people", "slab"), [(1, 64), (64, 64), (65, 64), (7, 2), (7, 1), (6, 3)])
def test_slabs_cover_everybody_once_and_in_order(people: int, slab: int) -> None:
    """INV-KIN-23: no gap, no overlap, none longer than asked; the answers in order."""
    seen: list[tuple[int, int]] = []

    found = list(
        in_slabs(
            lambda part: list(range(people))[part],
            people,
            slab=slab,
            progress=lambda done, total: seen.append((done, total)),
        )
    )

    assert [p for part in found for p in part] == list(range(people))
    assert all(0 < len(part) <= slab for part in found)
    assert len(found) == math.ceil(people / slab)
    assert seen[-1] == (people, people)
    assert [done for done, _ in seen] == [min(slab * (n + 1), people) for n in range(len(found))]


def test_nobody_is_no_slab() -> None:
    """Nothing is called, nothing is given."""
    assert list(in_slabs(lambda part: part, 0)) == []


def test_one_slab_without_a_listener_needs_no_thread() -> None:
    """It is worked on where it was asked for."""
    here = threading.get_ident()

    assert list(in_slabs(lambda part: threading.get_ident(), 64)) == [here]


@pytest.mark.parametrize("answer", [None, True, 0])
def test_only_false_stops_the_work(answer: bool | None) -> None:
    """INV-KIN-23: None and 0 are not False."""
    found = list(in_slabs(lambda part: part.start, 5, slab=2, progress=lambda *_: answer))

    assert found == [0, 2, 4]


def test_a_stop_says_how_many_were_done_of_how_many() -> None:
    """INV-KIN-23: in words and in numbers."""
    with pytest.raises(Stopped, match="Stopped after 2 of 5 people, as asked") as raised:
        list(in_slabs(lambda part: part, 5, slab=2, progress=lambda *_: False))

    assert (raised.value.done, raised.value.total) == (2, 5)
    assert "3 of 9 times" in str(Stopped(3, 9, of="times"))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_bad_time_is_refused_also_when_nobody_is_asked(bad: float) -> None:
    """INV-KIN-27: before anything is filled."""
    case = one_bolus()
    cohort = cohort_of_one(case.system, case.schedule)

    with pytest.raises(TimesInvalid):
        fill(cohort, np.array([0.0, bad]), np.empty((1, 1, 2)))
    with pytest.raises(TimesInvalid):
        fill(cohort, np.array([bad]), np.empty((0, 1, 1)))


@pytest.mark.parametrize("kind", ["strided", "read-only", "whole numbers", "falling"])
def test_times_of_any_kind_of_array_are_taken(kind: str) -> None:
    """INV-KIN-25: and none of them is changed."""
    case = one_bolus(at=0.0)
    base = np.arange(0.0, 20.0, 2.0)
    times = {
        "strided": np.arange(0.0, 20.0)[::2],
        "read-only": base.copy(),
        "whole numbers": base.astype(np.int64),
        "falling": base[::-1].copy(),
    }[kind]
    times.flags.writeable = kind != "read-only"
    before, out = times.copy(), np.empty((1, 1, 10))

    fill(cohort_of_one(case.system, case.schedule), times, out)

    np.testing.assert_allclose(out[0, 0], 50.0 * np.exp(-0.05 * before), rtol=1e-12)
    np.testing.assert_array_equal(times, before)


def test_errors_name_what_came_and_what_was_expected() -> None:
    """INV-KIN-27: shapes, places, numbers, the next step."""
    assert "shape (2, 1); expected (2, 3)" in str(EtasInvalid((2, 1), (2, 3)))
    assert "doses of person 4 differ" in str(DosesDiffer(4))
    assert str(ProbabilityInvalid([0.5, 2.0])).startswith("Probabilities are (0.5, 2.0);")
    assert ProbabilityInvalid([2.0]).probabilities == (2.0,)
    assert "Leave out the seed" in str(EtasOrSeed())


@pytest.mark.parametrize("beside", [1, 2, 3])
@pytest.mark.parametrize("end", [5.0, 60.0, 5000.0])
def test_alike_places_beside_the_centre_are_one_place(beside: int, end: float) -> None:
    """INV-KIN-18: a third of the flow into each of three places that give back alike is all of it into one."""
    k10, k12, k21 = 0.04, 0.1, 0.02
    rates = np.zeros((beside + 1, beside + 1))
    rates[1:, 0], rates[0, 1:] = k12 / beside, k21
    np.fill_diagonal(rates, [-k10 - k12] + [-k21] * beside)
    system = system_of(rates.tolist(), [0.1] + [0.0] * beside)
    two = two_bolus(k10, k12, k21)
    assert two.area is not None
    cohort = cohort_of_one(system, bolus(beside + 1, (0.0, 0, 500.0)))
    level = float(two.course(np.array([30.0]))[0])

    found = measure(cohort, end_minutes=end, level_ng_per_ml=level)

    assert _one_group(cohort) == 0
    assert (found.cmax_ng_per_ml[0, 0], found.tmax_minutes[0, 0]) == (pytest.approx(50.0), 0.0)
    assert found.auc_ng_h_per_ml[0, 0] * 60 == pytest.approx(two.area(end), rel=1e-12)
    assert found.above_minutes is not None
    assert found.above_minutes[0, 0] == pytest.approx(min(end, 30.0), rel=1e-11)
