"""Section 4: Brier score and calibration of the readiness curve at 60, 75, 90 and 120 minutes against the simulated base rate.

Each simulated patient is one drawn person of Kamp or Domino (truth by the slow engine), ready when the effect site has
fallen below the patient's own level and the minimum stay is over. The forecast is made at minute 20 of an infusion that is then
stopped, paused or finished, so that sessions differ and a base rate cannot know how.
"""

import dataclasses
from functools import cache

import numpy as np
import pytest

from a_forecast_clinic import scene, subject, truth_course
from a_forecast_scene import DOMINO, KAMP, infusion
from vigil.evidence.priors import load_effect_level
from vigil.kinetics.facts import Dose
from vigil.kinetics.forecast import Forecast, refresh
from vigil.kinetics.readiness import Item, curve

PATIENTS = 600
NOW, UNTIL = 20.0, 150.0
AT = (60.0, 75.0, 90.0, 120.0)
"""At the last one nearly everybody is ready: a base rate of 1 cannot be beaten, so it is judged by calibration only."""
FLOOR = 45.0
LEVEL = load_effect_level("olofsen_c50")
OPEN = (Item(code="SES-DISSOCIATION", is_met=None),)


def a_rest(generator: np.random.Generator, weight: float) -> tuple[Dose, ...]:
    """What is still planned at minute 20: nothing, the usual, or a slower or longer second half."""
    kind = generator.integers(0, 4)
    amount = round(250.0 * weight * (1.0, 1.0, 1.8, 1.0)[kind])
    if kind == 0:
        return ()
    start = NOW if kind != 3 else NOW + 15.0
    return (infusion(start, start + (0, 20.0, 45.0, 40.0)[kind], amount),)


@cache
def clinic() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least, most and truth at each of AT, each shape (PATIENTS, 4)."""
    generator = np.random.default_rng(99)
    level = dataclasses.replace(LEVEL, bounds="both")
    least, most, ready = [], [], []
    for number in range(PATIENTS):
        weight = float(generator.choice((54.0, 72.0, 90.0, 108.0)))
        given = (infusion(0.0, NOW, round(250.0 * weight)),)
        rest = a_rest(generator, weight)
        answer = refresh(
            scene(weight, 1.0), given=given, rest=rest, now_minutes=NOW, until_minutes=UNTIL,
            levels_ng_per_ml=(level.ng_per_ml,), last_rate_record_minutes_ago=0.0,
        )  # fmt: skip
        assert isinstance(answer, Forecast)
        found = curve(
            elapsed_minutes=NOW, floor_minute=FLOOR, until_minute=UNTIL, items=OPEN,
            forecast=answer, level=level,
        )  # fmt: skip
        places = [int(np.flatnonzero(found.minutes == minute)[0]) for minute in AT]
        least.append(found.low[places])
        most.append(found.high[places])
        times = np.arange(NOW, UNTIL + 1, 3.0)
        course = truth_course(
            (KAMP, DOMINO)[number % 2], subject(weight), given + rest, times, generator
        )
        high = np.flatnonzero(course >= level.ng_per_ml)
        since = times[high[-1]] + 1.5 if len(high) else NOW
        ready.append([max(since, FLOOR) <= minute for minute in AT])
    return np.array(least), np.array(most), np.array(ready, dtype=float)


@pytest.mark.parametrize("place", range(len(AT)))
def test_the_share_that_was_ready_lies_between_the_bounds(place) -> None:
    """INV-KIN-96: calibration in the large: the truth comes from either model, the bounds span both."""
    least, most, ready = clinic()

    error = 2 * np.sqrt(0.25 / PATIENTS)
    print(
        f"{AT[place]:g} min: {least[:, place].mean():.3f} <= {ready[:, place].mean():.3f} <= {most[:, place].mean():.3f}"
    )
    assert least[:, place].mean() - error <= ready[:, place].mean() <= most[:, place].mean() + error


@pytest.mark.parametrize("place", range(len(AT) - 1))
def test_the_curve_beats_the_base_rate(place) -> None:
    """INV-KIN-96: Brier score of the middle of the bounds against saying the clinic's own rate to everybody."""
    least, most, ready = clinic()
    said, truth = (least + most)[:, place] / 2, ready[:, place]

    score = float(np.mean((said - truth) ** 2))

    base = float(np.mean((truth.mean() - truth) ** 2))
    print(f"{AT[place]:g} min: Brier {score:.3f}, base rate {base:.3f}")
    assert base > 0.005, "a base rate of 0 or 1 would prove nothing"
    assert score < base


def test_where_the_curve_says_more_more_were_ready() -> None:
    """INV-KIN-96: calibration in fifths: observed within 0.12 of the bounds' span in each."""
    least, most, ready = (part.ravel() for part in clinic())
    said = (least + most) / 2
    edges = np.quantile(said, (0.2, 0.4, 0.6, 0.8))
    fifth = np.searchsorted(edges, said)

    observed = [ready[fifth == k].mean() for k in range(5) if np.any(fifth == k)]
    for k in range(5):
        inside = fifth == k
        if inside.sum() > 50:
            assert least[inside].mean() - 0.12 <= ready[inside].mean() <= most[inside].mean() + 0.12
    assert observed[-1] > observed[0] + 0.5


def test_a_curve_of_the_wrong_level_is_found_out() -> None:
    """Positive control: bounds of certainty ("everybody is ready") miss the truth."""
    _, _, ready = clinic()

    assert ready[:, 0].mean() < 0.95
