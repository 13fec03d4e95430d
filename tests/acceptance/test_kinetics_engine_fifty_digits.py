"""Both engines against mpmath's own exponential in fifty digits: goal G1 of the reference, INV-KIN-11."""

import numpy as np
import pytest

from a_kinetics_room import (
    ADULT,
    DAYS_28,
    NAMES,
    PROMISED,
    built,
    in_fifty_digits,
    one_of_each_route,
    worst,
)
from vigil.evidence.models import load_model
from vigil.kinetics import slow
from vigil.kinetics.cohort import cohort_of_one
from vigil.kinetics.engine import concentrations
from vigil.kinetics.exposure import exposures
from vigil.kinetics.facts import Dose, LinearSystem, Schedule
from vigil.kinetics.filling import fill

ASKED = np.array([0.001, 0.02, 0.5, 39.0, 40.0, 200.0, 1000.0, 5000.0, 20_000.0, DAYS_28])


@pytest.mark.parametrize("name", NAMES)
def test_every_model_is_right_to_ten_digits(name: str) -> None:
    """From a tenth of a second after the first dose to 28 days later, where a value is above a millionth of the peak."""
    model = load_model(name)
    system, schedule = built(model, one_of_each_route(model))
    expected = in_fifty_digits(system, schedule, ASKED)
    found = exposures(system, schedule, end_minutes=DAYS_28)
    peaks = np.array([found[analyte].cmax_ng_per_ml for analyte in system.analytes])
    compiled = np.empty((1, *expected.shape))

    fill(cohort_of_one(system, schedule), ASKED, compiled)

    assert worst(slow.concentrations(system, schedule, ASKED), expected, peaks) <= PROMISED
    assert worst(concentrations(system, schedule, ASKED), expected, peaks) <= PROMISED
    assert worst(compiled[0], expected, peaks) <= PROMISED


@pytest.mark.parametrize("name", ["kamp_2020", "perez_ruixo_2021", "simons_2022"])
def test_eight_doses_over_28_days_are_right_at_the_end(name: str) -> None:
    """What little is left of seven doses adds to the eighth without losing a digit."""
    model = load_model(name)
    route = model.routes[-1]
    doses = tuple(
        Dose(
            amount_ug=route.device_ug or 20_000,
            route=route.route,
            start_minutes=5040.0 * k,
            duration_minutes=40.0 if route.route == "iv" else None,
        )
        for k in range(8)
    )
    system, schedule = built(model, doses, subject=ADULT)
    times = np.array([5039.0, 5041.0, 7 * 5040.0, 7 * 5040.0 + 45, DAYS_28])

    expected = in_fifty_digits(system, schedule, times)

    assert worst(concentrations(system, schedule, times), expected) <= PROMISED


def chain(rates: list[float]) -> tuple[LinearSystem, Schedule]:
    """A bolus into the first of a chain of compartments; the last one is measured."""
    size = len(rates)
    matrix = np.diag([-r for r in rates]).astype(float)
    for k in range(size - 1):
        matrix[k + 1, k] = rates[k]
    outputs = np.zeros((1, size))
    outputs[0, -1] = 1.0
    system = LinearSystem(
        states=tuple(f"s{k}" for k in range(size)),
        analytes=("last",),
        rates=matrix,
        outputs=outputs,
    )
    boluses = np.zeros((1, size))
    boluses[0, 0] = 1000.0
    return system, Schedule(minutes=np.zeros(1), boluses=boluses, rates=np.zeros((1, size)))


@pytest.mark.parametrize("gap", [0.0, 1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1.0])
@pytest.mark.parametrize("size", [2, 3, 5])
def test_rates_that_nearly_meet_lose_no_digit(gap: float, size: int) -> None:
    """Equal rates have too few eigenvectors, close ones have nearly parallel ones; the answer knows neither."""
    system, schedule = chain([0.1 * (1 + gap * k) for k in range(size)])
    times = np.array([0.01, 1.0, 10.0, 60.0, 200.0])
    expected = in_fifty_digits(system, schedule, times)
    peaks = np.array([expected.max()])
    compiled = np.empty((1, *expected.shape))

    fill(cohort_of_one(system, schedule), times, compiled)

    assert worst(concentrations(system, schedule, times), expected, peaks) <= PROMISED
    assert worst(compiled[0], expected, peaks) <= PROMISED


@pytest.mark.parametrize("size", [2, 4])
def test_a_chain_of_equal_rates_is_the_gamma_density(size: int) -> None:
    """A second derivation: the amount in the last of n equal compartments is k^(n-1) t^(n-1) / (n-1)! exp(-k t)."""
    system, schedule = chain([0.1] * size)
    times = np.array([0.5, 5.0, 30.0, 120.0, 300.0])
    factorial = float(np.prod(np.arange(1, size)))

    expected = 1000.0 * (0.1 * times) ** (size - 1) / factorial * np.exp(-0.1 * times)

    assert worst(concentrations(system, schedule, times), expected[None]) <= PROMISED


def test_a_one_way_ring_with_complex_rates_is_right() -> None:
    """Drug that goes round in one direction swings; no real mode describes it."""
    matrix = np.array([[-0.5, 0.0, 0.5], [0.5, -0.5, 0.0], [0.0, 0.5, -0.51]])
    assert np.abs(np.linalg.eigvals(matrix).imag).max() > 0.1
    system = LinearSystem(
        states=("a", "b", "c"), analytes=("a", "c"), rates=matrix, outputs=np.eye(3)[[0, 2]]
    )
    boluses = np.array([[100.0, 0, 0], [0, 0, 0], [0, 0, 0]])
    flows = np.array([[0.0, 0, 0], [3.0, 0, 0], [0, 0, 0]])
    schedule = Schedule(minutes=np.array([0.0, 30.0, 70.0]), boluses=boluses, rates=flows)
    times = np.array([0.1, 3.0, 29.0, 31.0, 69.0, 70.0, 500.0])

    expected = in_fifty_digits(system, schedule, times)

    assert worst(concentrations(system, schedule, times), expected) <= PROMISED
    assert worst(slow.concentrations(system, schedule, times), expected) <= PROMISED
