"""The smallest flow there is, one state, stays inside the arrays that its caller made."""

import numpy as np

from vigil.kinetics.many_modes import find_modes


def test_one_state_needs_no_room_beyond_what_is_asked_for() -> None:
    """INV-KIN-18: `work` of shape (7, max(2 S, 4), S), as documented; uncompiled, so that a place outside it is noticed."""
    uncompiled = getattr(find_modes, "py_func", find_modes)
    found, vectors, duals = np.empty(1), np.empty((1, 1)), np.empty((1, 1))

    count = uncompiled(
        np.array([[-0.25]]),
        np.array([0]),
        np.array([0, 1]),
        found,
        vectors,
        duals,
        np.empty((7, 4, 1)),
    )

    assert count == 1
    assert found.tolist() == [-0.25]
    assert float(vectors[0, 0] * duals[0, 0]) == 1.0
