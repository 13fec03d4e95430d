"""G8, section 3.4: what readings can tell of a person, over simulated patients: recovery, calibration, and what is withheld."""

import dataclasses
from functools import cache

import numpy as np
import pytest
from scipy.stats import chisquare, kstest

from a_forecast_scene import ARTERIAL, OTTO, SIGNED, SIMONS, YOUNG
from a_pressure_clinic import Patient, a_patient, recovery, simulate
from vigil.kinetics.individual import LeftOut, leave_one_out

PATIENTS = 400
SCENES = {"six effects": (SIMONS, ARTERIAL), "venous": (OTTO, SIGNED)}
P_MIN = 0.01
BINS = 20


@cache
def clinic(name: str) -> list[Patient]:
    model, prior = SCENES[name]
    return simulate(model, prior, patients=PATIENTS, seed=41)


@pytest.mark.parametrize("name", sorted(SCENES))
def test_baseline_and_slope_are_recovered_and_kinetics_are_not(name) -> None:
    """INV-KIN-85: the pattern of the reference: pressure is identifiable from pressure, volumes and flows are not."""
    table = recovery(clinic(name))

    for effect, (correlation, shrinkage, told) in table.items():
        print(
            f"{name:12} {effect:10} r {correlation:5.2f} shrinkage {shrinkage:5.0%} told {told:5.0%}"
        )
    assert table["baseline"][0] > 0.9
    assert table["slope"][0] > 0.8
    assert table["slope"][1] < 0.35
    for effect in set(table) - {"baseline", "slope", "half_life"}:
        assert table[effect][0] < 0.5
        assert table[effect][1] > 0.5


@pytest.mark.parametrize("name", sorted(SCENES))
def test_shrinkage_told_to_one_person_is_that_of_the_clinic(name) -> None:
    """INV-KIN-84: two definitions, one number: mean over people against the spread of their estimates."""
    for effect, (_, over_patients, told) in recovery(clinic(name)).items():
        assert abs(over_patients - told) < 0.12, effect


@pytest.mark.parametrize("name", sorted(SCENES))
@pytest.mark.parametrize("effect", ["baseline", "slope"])
def test_ranks_of_the_truth_are_uniform(name, effect) -> None:
    """INV-KIN-86: simulation-based calibration: p above 0.01 by chi-square over 20 bins."""
    ranks = np.array([patient.rank(effect) for patient in clinic(name)])

    found = chisquare(np.histogram(ranks, BINS, (0, 1))[0]).pvalue

    inside = np.mean(np.abs(ranks - 0.5) < 0.45)
    print(
        f"{name} {effect}: p {found:.3f}, KS {kstest(ranks, 'uniform').pvalue:.3f}, 90 % holds {inside:.3f}"
    )
    assert found > P_MIN
    assert 0.86 < inside < 0.94


@pytest.mark.parametrize(
    ("effect", "field", "factor"), [("baseline", "day_sd", 0.4), ("slope", "slope", 2.5)]
)
def test_a_wrong_belief_is_found_out(effect, field, factor) -> None:
    """Positive control: days believed steadier than they are, or a slope believed steeper, are not uniform."""
    value = getattr(SIGNED, field)
    believed = dataclasses.replace(
        SIGNED, **{field: dataclasses.replace(value, value=value.value * factor)}
    )
    patients = simulate(OTTO, SIGNED, patients=PATIENTS, seed=41, believed=believed)
    wrong = np.array([patient.rank(effect) for patient in patients])

    assert chisquare(np.histogram(wrong, BINS, (0, 1))[0]).pvalue < P_MIN


def test_intervals_hold_nine_in_ten_of_the_true_values_told() -> None:
    """INV-KIN-86: what a reader sees: the interval printed beside a value."""
    inside = []
    for patient in clinic("venous"):
        for estimate in patient.answer.estimates:
            if estimate.value is not None and estimate.name in ("baseline", "slope"):
                true = estimate.population * np.exp(patient.true[estimate.name])
                inside.append(estimate.low90 <= true <= estimate.high90)

    assert len(inside) > PATIENTS
    assert 0.87 < np.mean(inside) < 0.93


def test_a_session_left_out_is_predicted_better_where_people_differ() -> None:
    """INV-KIN-87: shown where it helps: for most patients of a clinic in which slopes differ by 100 %."""
    generator = np.random.default_rng(3)
    shown = []
    for _ in range(60):
        _, sessions = a_patient(OTTO, SIGNED, generator, 5)
        answer = leave_one_out(SIGNED, OTTO, YOUNG, sessions)
        assert isinstance(answer, LeftOut)
        assert answer.is_shown == (answer.individual_mmhg <= 0.9 * answer.population_mmhg)
        shown.append(answer.is_shown)

    assert np.mean(shown) > 0.6


def test_where_nobody_differs_nothing_individual_is_shown() -> None:
    """INV-KIN-87: positive control: everybody is the population, so the rule keeps the estimate from the screen."""
    generator = np.random.default_rng(4)
    calm = dataclasses.replace(
        SIGNED,
        baseline=dataclasses.replace(SIGNED.baseline, cv=0.001),
        slope=dataclasses.replace(SIGNED.slope, cv=0.001),
    )
    shown = 0
    for _ in range(40):
        _, sessions = a_patient(OTTO, calm, generator, 5)
        answer = leave_one_out(SIGNED, OTTO, YOUNG, sessions)
        assert isinstance(answer, LeftOut)
        shown += answer.is_shown

    assert shown <= 4
