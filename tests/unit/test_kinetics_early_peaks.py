"""A peak inside the first piece of a course that starts from nothing, several steps away from the dose.

There the first coefficients of the series are 0, so that the slope is 0 at the start without turning there.
"""

import math

import numpy as np
import pytest

from a_kinetics_by_hand import EARLY, Case, bolus, label, system_of
from vigil.kinetics import slow
from vigil.kinetics.cohort import cohort_of_one
from vigil.kinetics.crossings import series_zeros
from vigil.kinetics.exposure import exposures
from vigil.kinetics.population import measure


@pytest.mark.parametrize("case", EARLY, ids=label)
def test_the_peak_of_a_chain_is_found_inside_the_first_piece(case: Case) -> None:
    """INV-KIN-19: n / k, by one person's engine and by that of many."""
    found = exposures(case.system, case.schedule, end_minutes=900.0)["a0"]
    many = measure(cohort_of_one(case.system, case.schedule), end_minutes=900.0)

    assert found.cmax_ng_per_ml == pytest.approx(case.cmax, rel=1e-11)
    assert many.cmax_ng_per_ml[0, 0] == pytest.approx(case.cmax, rel=1e-11)
    assert found.tmax_minutes == pytest.approx(case.tmax, rel=1e-6)
    assert many.tmax_minutes[0, 0] == pytest.approx(case.tmax, rel=1e-6)


@pytest.mark.parametrize("fast", [0.5, 1.0, 1.05])
def test_no_grid_is_higher_behind_three_unequal_steps(fast: float) -> None:
    """INV-KIN-19: depot, transit, central: every rate near the largest, so the peak lies in the first piece."""
    rates = [[-1.0, 0.0, 0.0], [1.0, -fast, 0.0], [0.0, fast, -0.9]]
    system = system_of(rates, [0.0, 0.0, 1.0])
    schedule = bolus(3, (0.0, 0, 100.0))
    grid = slow.concentrations(system, schedule, np.arange(0.0, 20.0, 0.01))[0]

    found = exposures(system, schedule, end_minutes=100.0)["a0"].cmax_ng_per_ml

    assert grid.max() <= found * (1 + 1e-10)


def test_a_zero_is_found_behind_coefficients_that_are_nothing() -> None:
    """INV-KIN-20: x^2/2! - x^3/3! is 0 at 3; at 0 it only starts."""
    assert series_zeros(np.array([0.0, 0.0, 1.0, -1.0]), turns=4.0) == pytest.approx([3.0])
    assert series_zeros(np.array([0.0, -1.0, 1.0]), turns=4.0) == pytest.approx([2.0])
    # x (x - 1) (x - 3) = 3x - 4x^2 + x^3, written with factorials.
    found = series_zeros(np.array([0.0, 3.0, -8.0, 6.0]), turns=4.0)
    assert found == pytest.approx([1.0, 3.0])
    assert series_zeros(np.array([0.0, 3.0, -8.0, 6.0]), turns=math.pi / 2) == pytest.approx([1.0])
