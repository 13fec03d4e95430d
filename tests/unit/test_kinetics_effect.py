"""The curve of the simulated patient keeps to its published anchors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil.evidence.physiology import load_physiology
from vigil.kinetics.effect import InfusionNotPositive, effect

MINUTES = np.arange(-10.0, 200.0, 0.5)


def crossing(share: float, after: float) -> float:
    """The first minute after `after` at which the effect is at or below `share`."""
    shape = effect(MINUTES, 40.0)
    return float(MINUTES[(after < MINUTES) & (shape <= share + 1e-12)][0])


def test_it_rises_from_zero_and_peaks_between_thirty_and_forty_five_minutes() -> None:
    shape = effect(MINUTES, 40.0)
    peak = float(MINUTES[int(np.argmax(shape))])

    assert not shape[MINUTES <= 0].any()
    assert 30 <= peak <= 45
    assert peak == load_physiology().anchor("peak_minutes").value
    assert shape.max() == 1.0


def test_half_is_gone_by_sixty_to_eighty_minutes() -> None:
    assert 60 <= crossing(0.5, after=40.0) <= 80


def test_it_is_back_at_baseline_by_ninety_to_hundred_and_twenty_minutes() -> None:
    assert 90 <= crossing(0.0, after=40.0) <= 120
    assert effect(np.array([90.0]), 40.0)[0] < 0.1


@given(
    minutes=st.lists(st.floats(-100, 1000), min_size=1, max_size=50),
    infusion_minutes=st.floats(1, 240),
)
def test_it_stays_a_share_and_has_one_peak(minutes: list[float], infusion_minutes: float) -> None:
    elapsed = np.sort(np.array(minutes))

    shape = effect(elapsed, infusion_minutes)

    assert ((shape >= 0) & (shape <= 1)).all()
    before, after = shape[elapsed <= infusion_minutes], shape[elapsed >= infusion_minutes]
    assert (np.diff(before) >= -1e-12).all()
    assert (np.diff(after) <= 1e-12).all()


@pytest.mark.parametrize("infusion_minutes", [0.0, -1.0, float("nan")])
def test_an_infusion_of_no_length_is_refused(infusion_minutes: float) -> None:
    with pytest.raises(InfusionNotPositive):
        effect(np.array([1.0]), infusion_minutes)
