"""Modes against quadratics and triangles solved by hand, by one person's finder and that of many; and bounds of reach."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from a_kinetics_by_hand import bateman, chain, effect_of_bolus, exchange, ring, roots_of, system_of
from vigil.kinetics.cohort import pattern_of
from vigil.kinetics.facts import FloatArray, LinearSystem
from vigil.kinetics.many_modes import find_modes
from vigil.kinetics.modes import (
    Modes,
    NotACompartmentSystem,
    check_rates,
    flow_of,
    groups_of,
    modes_of,
)

Find = Callable[[FloatArray], Modes]


def plainly(rates: FloatArray) -> Modes:
    """The finder of one person."""
    return modes_of(flow_of(system_of(rates.tolist(), [1.0] + [0.0] * (len(rates) - 1)), ()))


def by_twin(rates: FloatArray) -> Modes:
    """The finder of many people."""
    size = len(rates)
    pattern = pattern_of(rates[None])
    found, vectors, duals = np.empty(size), np.empty((size, size)), np.empty((size, size))
    work = np.empty((7, max(2 * size, 4), size))
    count = find_modes(rates, pattern.states, pattern.starts, found, vectors, duals, work)
    return Modes(rates=found[:count], vectors=vectors[:count].T, duals=duals[:count])


BOTH = pytest.mark.parametrize("find", [plainly, by_twin])


@BOTH
@pytest.mark.parametrize(
    ("k10", "k12", "k21"), [(0.04, 0.1, 0.02), (1.0, 1e-3, 0.5), (0.01, 3.0, 0.01), (0.2, 0.2, 0.2)]
)
def test_two_compartments_decay_at_the_roots_of_their_quadratic(
    find: Find, k10: float, k12: float, k21: float
) -> None:
    """Slowest first; each mode's share in the centre is (a - k21)/(a - b)."""
    a, b = roots_of(k10, k12, k21)

    modes = find(np.array([[-k10 - k12, k21], [k12, -k21]]))

    assert modes.rates.tolist() == pytest.approx([-b, -a], rel=1e-12)
    shares = modes.vectors[0] * modes.duals[:, 0]
    assert shares.tolist() == pytest.approx([(k21 - b) / (a - b), (a - k21) / (a - b)], rel=1e-10)
    np.testing.assert_allclose(modes.duals @ modes.vectors, np.eye(2), atol=1e-12)


@BOTH
@pytest.mark.parametrize("gap", [1e-3, 1e-5, 10.0])
def test_a_depot_and_its_centre_have_their_own_rates(find: Find, gap: float) -> None:
    """A triangle shows its rates; the depot's share seen in the centre is ka/(k - ka)."""
    k, ka = 0.1, 0.1 * (1 + gap)

    modes = find(np.array([[-ka, 0.0], [ka, -k]]))

    assert modes.rates.tolist() == pytest.approx([-k, -ka], rel=1e-14)
    seen = modes.vectors[1] * modes.duals[:, 0]
    assert seen.tolist() == pytest.approx([ka / (ka - k), -ka / (ka - k)], rel=1e-9)


@BOTH
@pytest.mark.parametrize("gap", [0.0, 1e-9, 9e-8])
def test_rates_too_close_for_their_vectors_are_left_out(find: Find, gap: float) -> None:
    """Nearer than ten million times together, half the digits would be gone: the exponential does it."""
    k = 0.1

    assert len(find(np.array([[-k * (1 + gap), 0.0], [k * (1 + gap), -k]])).rates) == 0


@BOTH
@pytest.mark.parametrize("steps", [1, 2, 4])
def test_a_chain_of_equal_rates_has_no_mode_that_can_be_used(find: Find, steps: int) -> None:
    """One vector between all of them."""
    assert len(find(chain(steps).system.rates).rates) == 0


@BOTH
def test_a_ring_has_complex_rates_and_no_mode(find: Find) -> None:
    """Round one way only: the flows do not balance."""
    assert len(find(ring().system.rates).rates) == 0


@BOTH
def test_an_unbalanced_triangle_has_no_mode_and_a_balanced_one_has_three(find: Find) -> None:
    """Kolmogorov: the product of the rates round one way is that round the other, or there is no symmetric form."""
    one_way = np.array([[0.0, 0.2, 0.1], [0.1, 0.0, 0.3], [0.4, 0.5, 0.0]])
    # 0 to 1 to 2 to 0: 0.1 * 0.5 * 0.1; the other way: 0.4 * 0.3 * 0.2.
    other = one_way.copy()
    other[2, 0] = 0.1 * 0.5 * 0.1 / (0.3 * 0.2)
    for rates, count in ((one_way, 0), (other, 3)):
        rates = rates - np.diag(rates.sum(axis=0)) - 0.05 * np.eye(3)

        modes = find(rates)

        assert len(modes.rates) == count
        if count:
            # Each place loses 0.05 to the outside: all drug together decays at exactly that.
            assert modes.rates[0] == pytest.approx(-0.05, rel=1e-12)
            assert modes.rates.sum() == pytest.approx(np.trace(rates), rel=1e-12)


@BOTH
def test_a_system_that_loses_nothing_keeps_a_mode_that_does_not_decay(find: Find) -> None:
    """Rate 0 and -(there + back)."""
    modes = find(exchange().system.rates)

    assert modes.rates.tolist() == pytest.approx([0.0, -0.04], abs=1e-16)


@BOTH
def test_modes_put_together_are_the_matrix(find: Find) -> None:
    """Depot, two exchanging places, a follower: vectors times rates times duals, entry by entry."""
    rates = np.array(
        [[-0.3, 0, 0, 0], [0.3, -0.14, 0.02, 0], [0, 0.1, -0.02, 0], [0, 0.07, 0, -0.07]]
    )

    modes = find(rates)

    assert len(modes.rates) == 4
    assert np.all(np.diff(modes.rates) <= 0)
    np.testing.assert_allclose((modes.vectors * modes.rates) @ modes.duals, rates, atol=1e-14)
    np.testing.assert_allclose(modes.vectors @ modes.duals, np.eye(4), atol=1e-12)


@BOTH
@pytest.mark.parametrize("unit", [1e-6, 60.0, 1e5])
def test_the_unit_of_time_changes_no_vector(find: Find, unit: float) -> None:
    """Rates scale, shares do not."""
    rates = np.array([[-0.3, 0, 0], [0.3, -0.14, 0.02], [0, 0.1, -0.02]])

    one, other = find(rates), find(rates * unit)

    np.testing.assert_allclose(other.rates, one.rates * unit, rtol=1e-12)
    np.testing.assert_allclose(
        other.vectors[1] * other.duals[:, 0], one.vectors[1] * one.duals[:, 0], rtol=1e-9
    )


def reach_of_first(system: LinearSystem) -> list[float]:
    return flow_of(system, ()).reach[0].tolist()


def test_what_a_unit_can_cause_is_at_most_one_over_the_volume() -> None:
    """Depot and centre alike: all of a unit may arrive."""
    assert reach_of_first(bateman(v=5.0).system) == [0.2, 0.2]
    assert reach_of_first(chain(3, v=4.0).system) == [0.25] * 4


def test_what_lies_behind_the_measured_place_can_cause_nothing() -> None:
    """A metabolite never comes back."""
    system = system_of([[-0.1, 0.0], [0.1, -0.2]], [0.5, 0.0])

    assert reach_of_first(system) == [0.5, 0.0]


def test_an_effect_site_reaches_no_higher_than_what_it_follows() -> None:
    """One unit in the centre is 1/V there and never more at the site; one at the site is itself."""
    assert reach_of_first(effect_of_bolus(v=8.0).system) == pytest.approx([0.125, 1.0], rel=1e-12)


def test_an_input_has_no_bound_and_stands_behind_the_states() -> None:
    """One column of 1 for each input, nothing that it loses."""
    flow = flow_of(bateman().system, (0, 1))

    assert flow.inputs == (0, 1)
    assert flow.rates.shape == (4, 4)
    assert flow.rates[:2, 2:].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert not flow.rates[2:].any()
    assert flow.outputs.tolist() == [[0.0, 0.2, 0.0, 0.0]]
    assert np.all(np.isinf(flow.reach[:, 2:]))
    assert np.all(np.isfinite(flow.reach[:, :2]))


def test_groups_stand_in_the_order_drug_flows_whatever_the_order_of_states() -> None:
    """Written backwards: the depot last, two that exchange together."""
    rates = np.array(
        [[-0.07, 0.07, 0, 0], [0, -0.14, 0.02, 0.3], [0, 0.1, -0.02, 0], [0, 0, 0, -0.3]]
    )

    assert groups_of(rates) == [[3], [1, 2], [0]]
    pattern = pattern_of(rates[None])
    assert pattern.states.tolist() == [3, 1, 2, 0]
    assert pattern.starts.tolist() == [0, 1, 3, 4]
    filled = set(zip(pattern.rows.tolist(), pattern.columns.tolist(), strict=True))
    assert filled == {(0, 0), (0, 1), (1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, 3)}


def test_a_long_way_round_is_still_one_group() -> None:
    """Seven places in a ring: each arrives everywhere, after six steps."""
    ring_of_seven = np.roll(np.eye(7), 1, axis=0) - np.eye(7)

    assert groups_of(ring_of_seven) == [list(range(7))]


def test_a_long_line_is_as_many_groups_as_places() -> None:
    """In order."""
    assert groups_of(np.eye(9, k=-1) - np.eye(9)) == [[k] for k in range(9)]


@pytest.mark.parametrize(("row", "column"), [(0, 1), (1, 0)])
@pytest.mark.parametrize("bad", [-1e-12, -3.0, math.nan, math.inf])
def test_a_flow_from_where_nothing_is_is_named(row: int, column: int, bad: float) -> None:
    """INV-KIN-27: the entry in the message, in a crowd's matrices too."""
    crowd = np.array([[[-1.0, 0.0], [0.5, -1.0]]] * 3)
    crowd[2, row, column] = bad

    with pytest.raises(NotACompartmentSystem, match=f"The rate matrix holds {bad:g} 1/min"):
        check_rates(crowd)
    check_rates(crowd[:2])


@pytest.mark.parametrize("bad", [1e-12, 2.0, math.nan, -math.inf])
def test_a_place_that_grows_by_itself_is_named(bad: float) -> None:
    """INV-KIN-27: 0 is allowed on the diagonal, more is not."""
    with pytest.raises(NotACompartmentSystem) as raised:
        check_rates(np.array([[bad]]))

    assert raised.value.rate == bad or math.isnan(bad)
    check_rates(np.zeros((2, 2)))
