"""Which modes are kept: those that reproduce the matrix, and no other. INV-KIN-17."""

import numpy as np
import pytest
from hypothesis import given, settings

from a_kinetics_room import (
    ADULT,
    BRISK,
    NAMES,
    PROMISED,
    built,
    one_of_each_route,
    systems,
    worst,
)
from vigil.evidence.models import load_model
from vigil.kinetics import slow
from vigil.kinetics.cohort import cohort_of_one, pattern_of
from vigil.kinetics.facts import LinearSystem, Schedule
from vigil.kinetics.filling import fill
from vigil.kinetics.many_modes import find_modes
from vigil.kinetics.modes import (
    Modes,
    NotACompartmentSystem,
    check_rates,
    flow_of,
    groups_of,
    modes_of,
)
from vigil.kinetics.pieces import piecewise


def compiled_modes(rates: np.ndarray) -> Modes:
    """What the compiled twin of `modes_of` finds."""
    size = len(rates)
    pattern = pattern_of(rates[None])
    found, vectors, duals = np.empty(size), np.empty((size, size)), np.empty((size, size))
    # As the engine gives it: a row of `work` holds four lists even of a single state.
    work = np.empty((7, max(2 * size, 4), size))
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
def test_whatever_either_way_keeps_is_a_rate_of_the_matrix(system: LinearSystem) -> None:
    """INV-KIN-17: A - rate is singular, to nine digits of A, judged by singular values that neither way computes.

    That both keep the same ones is not promised: at the edge of the proof rounding decides, and what one leaves out the
    exponential moves (`test_a_mode_that_only_one_way_keeps_changes_no_course`).
    """
    flow = flow_of(system, ())
    size = np.linalg.norm(flow.rates, 2)

    for modes in (modes_of(flow), compiled_modes(flow.rates)):
        for rate in modes.rates:
            apart = np.linalg.svd(flow.rates - rate * np.eye(len(flow.rates)), compute_uv=False)
            assert apart.min() <= 1e-9 * size


def one_sided() -> LinearSystem:
    """Found by chance: a slow place holds a millionth of the fast mode, and only one way proves that mode."""
    rates = np.zeros((5, 5))
    rates[0, 0] = -1.52275389
    rates[1, [1, 2, 4]] = -0.03, 1e-4, 0.05
    rates[2, [1, 2]] = 0.01, -1e-4
    rates[3, 1] = 0.01
    rates[4, [1, 4]] = 0.01, -2.32141371
    return LinearSystem(
        states=tuple(f"s{k}" for k in range(5)),
        analytes=("a0", "a1"),
        rates=rates,
        outputs=np.array([[0, 0, 0, 0, 0.01157762], [0, 0, 0, 0.0077095, 0]]),
    )


@pytest.mark.parametrize("entered", range(5))
def test_a_mode_that_only_one_way_keeps_changes_no_course(entered: int) -> None:
    """INV-KIN-18: with or without that mode, compiled, by NumPy and slowly, the course is one to ten digits."""
    system, boluses = one_sided(), np.zeros((1, 5))
    boluses[0, entered] = 1000.0
    schedule = Schedule(minutes=np.zeros(1), boluses=boluses, rates=np.zeros((1, 5)))
    times = np.array([0.0, 0.5, 3.0, 40.0, 300.0, 5000.0, 40_000.0])
    compiled = np.empty((1, 2, len(times)))

    fill(cohort_of_one(system, schedule), times, compiled)

    expected = slow.concentrations(system, schedule, times)
    assert worst(piecewise(system, schedule, times), expected) <= PROMISED
    assert worst(compiled[0], expected) <= PROMISED


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
