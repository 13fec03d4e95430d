"""Exposure of cases that are known in closed form, and what is bad input. INV-KIN-19, INV-KIN-27."""

import numpy as np
import pytest

from a_kinetics_room import built
from vigil.kinetics.exposure import (
    EndInvalid,
    LevelInvalid,
    exposures,
    stretches_above,
    time_above,
)
from vigil.kinetics.facts import Dose, LinearSystem, Schedule

ONE = LinearSystem(
    states=("central",), analytes=("ketamine",), rates=np.array([[-0.1]]), outputs=np.array([[0.5]])
)
DEPOT = LinearSystem(
    states=("depot", "central"),
    analytes=("ketamine",),
    rates=np.array([[-0.3, 0.0], [0.3, -0.1]]),
    outputs=np.array([[0.0, 1.0]]),
)


def bolus(amount: float, size: int = 1, at: float = 0.0) -> Schedule:
    boluses = np.zeros((1, size))
    boluses[0, 0] = amount
    return Schedule(minutes=np.array([at]), boluses=boluses, rates=np.zeros((1, size)))


def test_a_bolus_peaks_at_once_and_its_area_is_dose_over_clearance() -> None:
    """One compartment: Cmax = dose / V, AUC = dose / CL."""
    found = exposures(ONE, bolus(100.0, at=7.0), end_minutes=10_000.0)["ketamine"]

    assert found.cmax_ng_per_ml == 50.0
    assert found.tmax_minutes == 7.0
    assert found.auc_ng_h_per_ml == pytest.approx(50.0 / 0.1 / 60, rel=1e-14)


def test_absorption_peaks_where_the_textbook_says() -> None:
    """tmax = ln(ka / k) / (ka - k), and the value there."""
    found = exposures(DEPOT, bolus(100.0, size=2), end_minutes=1000.0)["ketamine"]

    tmax = np.log(3.0) / 0.2
    assert found.tmax_minutes == pytest.approx(tmax, rel=1e-7)
    assert found.cmax_ng_per_ml == pytest.approx(
        150.0 * (np.exp(-0.1 * tmax) - np.exp(-0.3 * tmax)), rel=1e-12
    )
    assert found.auc_ng_h_per_ml == pytest.approx(1000.0 / 60, rel=1e-12)


def test_an_infusion_peaks_at_its_end() -> None:
    """From the closed form, not from any grid."""
    system, schedule = built(
        "kamp_2020", (Dose(amount_ug=35_000, route="iv", start_minutes=3.3, duration_minutes=41.7),)
    )

    found = exposures(system, schedule, end_minutes=1000.0)

    assert found["ketamine"].tmax_minutes == 45.0
    assert found["effect"].tmax_minutes > 45.0


def test_the_time_above_of_a_bolus_is_a_logarithm() -> None:
    """50 falls to 5 in ln(10) / 0.1 minutes."""
    found = time_above(ONE, bolus(100.0), level_ng_per_ml=5.0, end_minutes=1000.0)

    assert found["ketamine"] == pytest.approx(np.log(10.0) / 0.1, rel=1e-12)


def test_stretches_that_touch_are_one() -> None:
    """A second bolus while the first is still above joins them; one long after does not."""
    schedule = Schedule(
        minutes=np.array([0.0, 5.0, 500.0]),
        boluses=np.full((3, 1), 100.0),
        rates=np.zeros((3, 1)),
    )

    found = stretches_above(ONE, schedule, level_ng_per_ml=5.0, end_minutes=1000.0)["ketamine"]

    assert [start for start, _ in found] == [0.0, 500.0]


def test_a_level_that_is_never_passed_has_no_stretch() -> None:
    """Above the peak there is nothing."""
    assert stretches_above(ONE, bolus(100.0), level_ng_per_ml=51.0, end_minutes=1000.0) == {
        "ketamine": ()
    }


def test_a_course_that_ends_above_is_above_until_its_end() -> None:
    """The last stretch stops where the question stops."""
    assert time_above(ONE, bolus(100.0), level_ng_per_ml=5.0, end_minutes=2.0)["ketamine"] == 2.0


@pytest.mark.parametrize("end", [0.0, 3.0])
def test_before_the_first_dose_there_is_nothing(end: float) -> None:
    """The peak of nothing is 0, at the end that was asked for."""
    found = exposures(ONE, bolus(100.0, at=7.0), end_minutes=end)["ketamine"]

    assert (found.cmax_ng_per_ml, found.tmax_minutes, found.auc_ng_h_per_ml) == (0.0, end, 0.0)


def test_no_doses_give_no_exposure() -> None:
    """An empty schedule peaks at 0, at minute 0."""
    empty = Schedule(minutes=np.zeros(0), boluses=np.zeros((0, 1)), rates=np.zeros((0, 1)))

    found = exposures(ONE, empty, end_minutes=100.0)["ketamine"]

    assert (found.cmax_ng_per_ml, found.tmax_minutes, found.auc_ng_h_per_ml) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_an_end_that_is_no_time_is_refused(bad: float) -> None:
    """INV-KIN-27: with the value and what to do."""
    with pytest.raises(EndInvalid, match="last minute wanted"):
        exposures(ONE, bolus(1.0), end_minutes=bad)
    with pytest.raises(EndInvalid):
        time_above(ONE, bolus(1.0), level_ng_per_ml=1.0, end_minutes=bad)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_a_level_that_is_no_concentration_is_refused(bad: float) -> None:
    """INV-KIN-27: with the value and what to do."""
    with pytest.raises(LevelInvalid, match="ng/mL"):
        stretches_above(ONE, bolus(1.0), level_ng_per_ml=bad, end_minutes=10.0)
