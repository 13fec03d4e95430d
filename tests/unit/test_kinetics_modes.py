"""Which modes are kept: those that reproduce the matrix, and no other. INV-KIN-17."""

import numpy as np
import pytest
from hypothesis import given, settings

from a_kinetics_room import ADULT, BRISK, NAMES, built, one_of_each_route, systems
from vigil.evidence.models import load_model
from vigil.kinetics.cohort import pattern_of
from vigil.kinetics.facts import LinearSystem
from vigil.kinetics.many_modes import find_modes
from vigil.kinetics.modes import (
    Modes,
    NotACompartmentSystem,
    check_rates,
    flow_of,
    groups_of,
    modes_of,
)


def compiled_modes(rates: np.ndarray) -> Modes:
    """What the compiled twin of `modes_of` finds."""
    size = len(rates)
    pattern = pattern_of(rates[None])
    found, vectors, duals = np.empty(size), np.empty((size, size)), np.empty((size, size))
    work = np.empty((7, 2 * size, size))
    count = find_modes(rates, pattern.states, pattern.starts, found, vectors, duals, work)
    return Modes(rates=found[:count], vectors=vectors[:count].T, duals=duals[:count])


BOTH = pytest.mark.parametrize(
    "find", [lambda flow: modes_of(flow), lambda flow: compiled_modes(flow.rates)]
)


def system_of(rates: list[list[float]]) -> LinearSystem:
    matrix = np.array(rates, dtype=float)
    return LinearSystem(
        states=tuple(f"s{k}" for k in range(len(matrix))),
        analytes=("a",),
        rates=matrix,
        outputs=np.eye(len(matrix))[:1],
    )


@BOTH
@pytest.mark.parametrize("name", NAMES)
def test_every_mode_that_is_kept_belongs_to_the_matrix(name: str, find) -> None:
    """A v = rate v and w A = rate w, and the vectors of different modes know nothing of each other."""
    model = load_model(name)
    system, schedule = built(model, one_of_each_route(model))
    inputs = tuple(int(s) for s in np.flatnonzero(schedule.rates.any(axis=0)))
    flow = flow_of(system, inputs)

    modes = find(flow)

    scale = np.abs(flow.rates).max()
    # A vector is as large as the other side of its mode allows: both are judged together.
    size = np.linalg.norm(modes.vectors, axis=0) * np.linalg.norm(modes.duals, axis=1)
    assert len(modes.rates) >= 3
    right = flow.rates @ modes.vectors - modes.vectors * modes.rates
    left = modes.duals @ flow.rates - modes.rates[:, None] * modes.duals
    assert np.all(
        np.linalg.norm(right, axis=0) <= 1e-11 * scale * np.linalg.norm(modes.vectors, axis=0)
    )
    assert np.all(
        np.linalg.norm(left, axis=1) <= 1e-11 * scale * np.linalg.norm(modes.duals, axis=1)
    )
    together = modes.duals @ modes.vectors
    limits = 1e-9 * np.sqrt(np.outer(size, size)) + 1e-9
    assert np.all(
        np.abs(together - np.eye(len(together))) <= limits * np.maximum(1.0, np.abs(together).max())
    )


@BOTH
@pytest.mark.parametrize("name", NAMES)
def test_the_rates_are_eigenvalues_and_none_grows(name: str, find) -> None:
    """A second derivation: NumPy's general solver finds each of them among its own."""
    model = load_model(name)
    system, _ = built(model, one_of_each_route(model))
    flow = flow_of(system, ())

    modes = find(flow)

    known = np.linalg.eigvals(flow.rates)
    assert np.all(modes.rates < 0)
    assert np.all(np.diff(modes.rates) <= 0)
    for rate in modes.rates:
        assert np.abs(known - rate).min() <= 1e-6 * abs(rate)


@BOTH
def test_modes_are_complete_where_nothing_stands_in_the_way(find) -> None:
    """The three-compartment model has three, and with its input four."""
    system, _ = built("kamp_2020", (), with_effect=False)

    assert len(find(flow_of(system, ())).rates) == 3
    assert len(find(flow_of(system, (0,))).rates) == 4


@BOTH
def test_equal_rates_in_a_row_are_left_out(find) -> None:
    """Two equal compartments in a row have one eigenvector between them; what lies past them keeps its own."""
    system = system_of([[-0.1, 0, 0], [0.1, -0.1, 0], [0, 0.1, -0.02]])

    assert find(flow_of(system, ())).rates.tolist() == pytest.approx([-0.02])


@BOTH
def test_equal_rates_that_do_not_meet_are_kept(find) -> None:
    """Two depots of one rate beside each other are no chain."""
    system = system_of([[-0.1, 0, 0], [0, -0.1, 0], [0.1, 0.1, -0.02]])

    assert find(flow_of(system, ())).rates.tolist() == pytest.approx([-0.02, -0.1, -0.1])


@BOTH
def test_a_one_way_ring_is_left_out(find) -> None:
    """Its rates are complex; the compartment before it, whose rate lies elsewhere, cannot be followed through it by the
    compiled twin and may be by the other."""
    system = system_of([[-0.5, 0.0, 0.5], [0.5, -0.5, 0.0], [0.0, 0.5, -0.51]])

    assert len(find(flow_of(system, ())).rates) == 0


@given(system=systems())
@settings(BRISK, max_examples=200)
def test_both_ways_to_modes_find_the_same_rates(system: LinearSystem) -> None:
    """INV-KIN-18: what the compiled twin keeps, the other keeps too."""
    flow = flow_of(system, ())
    ours, twin = modes_of(flow).rates, compiled_modes(flow.rates).rates

    for rate in twin:
        assert np.abs(ours - rate).min(initial=np.inf) <= 1e-9 * abs(rate) + 1e-15


@given(system=systems())
@settings(BRISK, max_examples=100)
def test_groups_are_in_the_order_in_which_drug_flows(system: LinearSystem) -> None:
    """Each state stands in one group, and nothing flows from a later group to an earlier one."""
    groups = groups_of(system.rates)

    assert sorted(s for group in groups for s in group) == list(range(len(system.states)))
    for index, group in enumerate(groups):
        later = [s for other in groups[index + 1 :] for s in other]
        assert not system.rates[np.ix_(group, later)].any()


@pytest.mark.parametrize("wrong", [-1e-9, np.nan, np.inf])
def test_a_matrix_that_takes_from_where_nothing_is_is_refused(wrong: float) -> None:
    """INV-KIN-27: with the value and what to do."""
    with pytest.raises(NotACompartmentSystem, match="sign of the transfers") as raised:
        check_rates(np.array([[-1.0, wrong], [0.0, -1.0]]))

    assert raised.value.rate == wrong or np.isnan(wrong)


def test_a_compartment_that_makes_drug_is_refused() -> None:
    """INV-KIN-27: a positive rate on the diagonal grows without end."""
    with pytest.raises(NotACompartmentSystem):
        check_rates(np.array([[0.1]]))


def test_the_reach_of_a_unit_is_never_exceeded() -> None:
    """What the bound promises, asked of the exponential: no unit anywhere ever causes more."""
    for name in NAMES:
        model = load_model(name)
        system, _ = built(model, one_of_each_route(model), subject=ADULT)
        flow = flow_of(system, ())
        step = np.eye(len(flow.rates))
        from vigil.kinetics.slow import matrix_exponential

        for minutes in (0.0, 0.1, 1.0, 5.0, 30.0, 200.0, 2000.0):
            caused = flow.outputs @ matrix_exponential(flow.rates * minutes) @ step
            assert np.all(caused <= flow.reach * (1 + 1e-12))


def test_a_system_that_makes_drug_has_no_bound() -> None:
    """Then the modes are trusted only where they leave nothing out."""
    system = system_of([[-0.1, 0.5], [0.1, -0.2]])

    assert np.all(np.isinf(flow_of(system, ()).reach))
