"""The shape of an infusion's effect on vital signs over time, for the simulated patient only.

Minutes in, a share of the peak out. It is not a concentration and no claim about any person: it is a smooth curve through
published means (rise from zero, largest at 30 to 45 minutes, half gone by 60 to 80, back by 90 to 120 after the start of a
40-minute infusion).
"""

import numpy as np
from numpy.typing import NDArray

DECLINE_MINUTES = 60.0
"""From the end of the infusion to baseline: 100 minutes after the start of a 40-minute infusion."""


class InfusionNotPositive(ValueError):
    """An infusion must last longer than nothing."""

    def __init__(self, infusion_minutes: float) -> None:
        self.infusion_minutes = infusion_minutes
        super().__init__(f"The infusion lasts {infusion_minutes!r} min; expected more than 0.")


def effect(elapsed_minutes: NDArray[np.float64], infusion_minutes: float) -> NDArray[np.float64]:
    """The effect as a share of its peak.

    Args:
        elapsed_minutes: shape (T,), minutes since the start; before it there is no effect.
        infusion_minutes: how long the infusion runs, more than 0.

    Returns:
        Shape (T,), in [0, 1]: 0 at the start, 1 when the infusion ends, 0 again DECLINE_MINUTES later.

    Raises:
        InfusionNotPositive: `infusion_minutes` is 0 or less, or not a number.

    Source: peak time 40 min (Yale 2024) and baseline by 90 to 120 min (Szarmach 2020); see evidence/data/physiology.

    >>> effect(np.array([0.0, 20.0, 40.0, 70.0, 100.0]), 40.0).round(2)
    array([0. , 0.5, 1. , 0.5, 0. ])
    """
    if not infusion_minutes > 0:
        raise InfusionNotPositive(infusion_minutes)
    rising = np.clip(elapsed_minutes / infusion_minutes, 0.0, 1.0)
    falling = np.clip((elapsed_minutes - infusion_minutes) / DECLINE_MINUTES, 0.0, 1.0)
    share = np.minimum(_half_cosine(rising), 1.0 - _half_cosine(falling))
    assert share.shape == elapsed_minutes.shape
    return share


def _half_cosine(part: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 to 1 without corners as `part` goes from 0 to 1."""
    return np.asarray((1.0 - np.cos(np.pi * part)) / 2.0, dtype=np.float64)
