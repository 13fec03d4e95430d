"""The engine's contract at its edges: times, events, and what is bad input."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from a_kinetics_room import PROMISED, built, one_of_each_route, worst
from vigil.evidence.models import load_model
from vigil.kinetics import slow
from vigil.kinetics.engine import COMPILED_FROM_TIMES, concentrations
from vigil.kinetics.facts import LinearSystem, Schedule
from vigil.kinetics.modes import NotACompartmentSystem
from vigil.kinetics.pieces import TimesInvalid, piecewise, step_of

SOURCES = Path(__file__).resolve().parents[2] / "src"


def one_compartment(rate: float = 0.1) -> LinearSystem:
    return LinearSystem(
        states=("central",),
        analytes=("ketamine",),
        rates=np.array([[-rate]]),
        outputs=np.array([[0.5]]),
    )


def schedule_of(*events: tuple[float, float, float]) -> Schedule:
    """Events of one compartment: minute, bolus, rate from then on."""
    rows = np.array(events, dtype=float).reshape(-1, 3)
    return Schedule(minutes=rows[:, 0], boluses=rows[:, 1:2], rates=rows[:, 2:])


@pytest.mark.parametrize("engine_of", [slow.concentrations, concentrations])
def test_a_bolus_counts_from_its_own_minute(engine_of) -> None:
    """Before: what was there. At the minute itself: what is there after it."""
    schedule = schedule_of((10.0, 100.0, 0.0), (20.0, 100.0, 0.0))
    times = np.array([0.0, 9.999, 10.0, np.nextafter(20.0, 0.0), 20.0])

    found = engine_of(one_compartment(), schedule, times)[0]

    left = 50.0 * np.exp(-1.0)
    assert found.tolist() == pytest.approx([0.0, 0.0, 50.0, left, left + 50.0], rel=1e-13)


@pytest.mark.parametrize("engine_of", [slow.concentrations, concentrations])
def test_an_infusion_rises_to_its_end_and_falls_after(engine_of) -> None:
    """The textbook form: rate / loss * (1 - exp(-loss t)), then exp(-loss (t - end))."""
    schedule = schedule_of((5.0, 0.0, 20.0), (45.0, 0.0, 0.0))
    times = np.array([5.0, 5.001, 25.0, 45.0, 145.0])

    found = engine_of(one_compartment(), schedule, times)[0]

    top = 100.0 * -np.expm1(-4.0)
    expected = [
        0.0,
        100.0 * -np.expm1(-0.1 * (5.001 - 5.0)),
        100.0 * -np.expm1(-2.0),
        top,
        top * np.exp(-10.0),
    ]
    assert found.tolist() == pytest.approx(expected, rel=1e-12)


def test_no_times_give_no_values() -> None:
    """An empty question has an empty answer of the right shape."""
    assert concentrations(one_compartment(), schedule_of((0, 1, 0)), np.array([])).shape == (1, 0)


def test_no_doses_give_nothing() -> None:
    """A schedule without events is zero at all times."""
    empty = Schedule(minutes=np.zeros(0), boluses=np.zeros((0, 1)), rates=np.zeros((0, 1)))

    assert not concentrations(one_compartment(), empty, np.arange(5.0)).any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_time_that_no_clock_shows_is_refused(bad: float) -> None:
    """INV-KIN-27: with the value and what to do."""
    with pytest.raises(TimesInvalid, match="finite"):
        concentrations(one_compartment(), schedule_of((0, 1, 0)), np.array([0.0, bad]))


def test_a_matrix_that_is_no_compartment_system_is_refused() -> None:
    """INV-KIN-27: before anything is computed."""
    wrong = LinearSystem(
        states=("a", "b"),
        analytes=("a",),
        rates=np.array([[-1.0, -0.1], [0.0, -1.0]]),
        outputs=np.array([[1.0, 0.0]]),
    )
    schedule = Schedule(minutes=np.zeros(1), boluses=np.ones((1, 2)), rates=np.zeros((1, 2)))

    with pytest.raises(NotACompartmentSystem):
        concentrations(wrong, schedule, np.arange(3.0))


def test_a_gap_of_no_length_is_one_moment() -> None:
    """Two events at one minute are both given."""
    twice = schedule_of((0.0, 100.0, 5.0), (0.0, 100.0, 0.0), (30.0, 0.0, 0.0))
    once = schedule_of((0.0, 200.0, 0.0))
    times = np.array([0.0, 1.0, 30.0, 60.0])

    np.testing.assert_allclose(
        concentrations(one_compartment(), twice, times),
        concentrations(one_compartment(), once, times),
        rtol=1e-13,
    )


def test_drug_that_nothing_removes_stays() -> None:
    """A compartment without a way out holds what entered; at a constant rate it fills in a straight line."""
    schedule = schedule_of((0.0, 10.0, 2.0), (40.0, 0.0, 0.0))

    found = concentrations(one_compartment(0.0), schedule, np.array([0.0, 20.0, 40.0, 40320.0]))[0]

    assert found.tolist() == pytest.approx([5.0, 25.0, 45.0, 45.0], rel=1e-12)


@pytest.mark.parametrize("length", [COMPILED_FROM_TIMES - 1, COMPILED_FROM_TIMES])
def test_the_answer_does_not_show_which_code_gave_it(length: int) -> None:
    """INV-KIN-18: on both sides of the length from which compiled code is used."""
    model = load_model("perez_ruixo_2021")
    system, schedule = built(model, one_of_each_route(model))
    times = np.linspace(0.0, 2000.0, length)

    found = concentrations(system, schedule, times)

    assert worst(found, piecewise(system, schedule, times)) <= PROMISED


@pytest.mark.parametrize(
    ("times", "step"),
    [
        (np.arange(0.0, 1441.0), 1.0),
        (np.arange(86_401) / 60, 1 / 60),
        (np.linspace(3.0, 40_320.0, 5000), (40_320.0 - 3.0) / 4999),
        (np.array([0.0, 1.0, 2.0, 3.0 + 1e-9]), 0.0),
        (np.array([0.0, 1.0, 3.0]), 0.0),
        (np.array([5.0]), 0.0),
        (np.array([]), 0.0),
        (np.array([5.0, 5.0, 5.0]), 0.0),
    ],
    ids=["minutes", "seconds", "linspace", "a nanominute off", "uneven", "one", "none", "repeated"],
)
def test_an_even_grid_is_known_by_its_own_rounding(times: np.ndarray, step: float) -> None:
    """INV-KIN-25: only a list that a table of powers can serve to ten digits counts as even."""
    assert step_of(times) == pytest.approx(step, rel=1e-12)


BLOCKED = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("numba", "llvmlite"):
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, Absent())
"""

ASK = """
import json
import sys
import numpy as np
from vigil.evidence import load_model
from vigil.evidence.models import default_effect_site
from vigil.kinetics.compiled import IS_COMPILED
from vigil.kinetics.engine import concentrations
from vigil.kinetics.facts import Dose, Subject
from vigil.kinetics.population import exposures, simulate_population
from vigil.kinetics.system import build_schedule, build_system, values_for

model = load_model("simons_2022")
subject = Subject(age_years=30.0, weight_kg=70.0)
values = values_for(model, subject)
system = build_system(model, values, effect_site=default_effect_site())
doses = (Dose(amount_ug=50_000, route="sublingual"), Dose(amount_ug=20_000, route="iv", start_minutes=90.0, duration_minutes=20.0))
schedule = build_schedule(model, values, doses, states=system.states)
times = np.arange(0.0, 1500.0, 0.25)
people = simulate_population(model, [subject] * 3, doses[:1], np.arange(0.0, 600.0), seed=5)
measured = exposures(model, [subject] * 2, doses[:1], end_minutes=300.0, level_ng_per_ml=5.0, seed=5)
print(json.dumps({
    "compiled": IS_COMPILED,
    "loaded": sorted({n.partition(".")[0] for n in sys.modules}),
    "course": concentrations(system, schedule, times).tolist(),
    "people": people.concentrations.tolist(),
    "peaks": measured.cmax_ng_per_ml.tolist(),
    "above": measured.above_minutes.tolist(),
}))
"""


def run(code: str, **extra: str) -> dict:
    import json

    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(SOURCES), **extra},
    )
    return json.loads(found.stdout)


def test_without_numba_the_numbers_are_the_same() -> None:
    """INV-KIN-18, goal G15: NumPy alone answers, and answers alike."""
    with_it, without = run(ASK), run(BLOCKED + ASK)

    assert with_it["compiled"]
    assert not without["compiled"]
    assert not {"numba", "llvmlite", "scipy"} & set(without["loaded"])
    assert worst(np.array(without["course"]), np.array(with_it["course"])) <= PROMISED
    for ours, other in zip(with_it["people"], without["people"], strict=True):
        assert worst(np.array(other), np.array(ours)) <= PROMISED
    np.testing.assert_allclose(without["peaks"], with_it["peaks"], rtol=PROMISED)
    np.testing.assert_allclose(without["above"], with_it["above"], rtol=PROMISED, atol=1e-9)


def test_code_that_cannot_be_kept_on_disk_is_compiled_all_the_same() -> None:
    """A package and a home that nobody may write to: Numba finds no place to keep the code, as for this text, which has no file."""
    code = """
import json
import vigil.kinetics.compiled as compiled
def twice(x):
    return 2 * x
made = compiled.compiled(twice)
print(json.dumps({"found": made(21), "is_compiled": bool(made.signatures), "kept": type(made._cache).__name__}))
"""

    found = run(code)

    assert found == {"found": 42, "is_compiled": True, "kept": "NullCache"}


def test_asking_for_few_times_never_loads_the_compiler() -> None:
    """The command line answers before a compiler would have been loaded."""
    code = """
import json, sys
import numpy as np
from vigil.evidence import load_model
from vigil.kinetics import Dose, Subject, simulate
model = load_model("kamp_2020")
simulate(model, Subject(age_years=40.0, weight_kg=70.0), (Dose(amount_ug=35_000, route="iv", duration_minutes=40.0),), np.arange(1441.0))
print(json.dumps(sorted({n.partition(".")[0] for n in sys.modules})))
"""

    assert "numba" not in run(code)
