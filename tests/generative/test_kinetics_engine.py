"""Properties of the exact engine: two engines agree, and both obey what any linear system obeys."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from a_kinetics_room import (
    ADULT,
    BRISK,
    DAYS_28,
    NAMES,
    PROMISED,
    built,
    doses_of,
    one_of_each_route,
    schedules,
    systems,
    times_about,
    worst,
)
from vigil.evidence.models import load_model
from vigil.kinetics import slow
from vigil.kinetics.cohort import cohort_of_one
from vigil.kinetics.engine import concentrations
from vigil.kinetics.exposure import exposures
from vigil.kinetics.facts import LinearSystem, Schedule
from vigil.kinetics.filling import fill
from vigil.kinetics.pieces import Decays, pieces_of, piecewise

EVERY_MODEL = pytest.mark.parametrize("name", NAMES)
LINEAR = 1e-11
"""Two answers that are each right to 1e-12 may differ by this after a sum."""


def peaks_of(system: LinearSystem, schedule: Schedule, until: float) -> np.ndarray:
    found = exposures(system, schedule, end_minutes=until)
    return np.array([found[analyte].cmax_ng_per_ml for analyte in system.analytes])


@EVERY_MODEL
@given(drawn=st.data())
@settings(BRISK, max_examples=25)
def test_the_fast_and_the_slow_engine_agree_to_ten_digits(name: str, drawn: st.DataObject) -> None:
    """INV-KIN-10: every shipped model, any doses of 28 days, unsorted and repeated times, gaps of no length."""
    system, schedule = built(name, drawn.draw(doses_of(load_model(name))))
    times = drawn.draw(times_about(schedule))

    fast = concentrations(system, schedule, times)
    expected = slow.concentrations(system, schedule, times)

    assert worst(fast, expected, peaks_of(system, schedule, float(times.max()))) <= PROMISED


@EVERY_MODEL
@given(drawn=st.data())
@settings(BRISK, max_examples=12)
def test_people_unlike_the_typical_one_agree_too(name: str, drawn: st.DataObject) -> None:
    """INV-KIN-10: deviations of two SD bring rates close to each other and far apart; the digits stay."""
    model = load_model(name)
    varying = [p for p in model.parameters if p.variability is not None]
    etas = {
        p.name: drawn.draw(st.floats(-2.0, 2.0)) * p.variability.variance**0.5
        for p in varying
        if p.variability is not None
    }
    system, schedule = built(model, drawn.draw(doses_of(model, most=3)), etas=etas)
    times = drawn.draw(times_about(schedule, most=25))

    fast = concentrations(system, schedule, times)

    expected = slow.concentrations(system, schedule, times)
    assert worst(fast, expected, peaks_of(system, schedule, float(times.max()))) <= PROMISED


@given(drawn=st.data())
@settings(BRISK, max_examples=60)
def test_systems_that_no_paper_has_agree_too(drawn: st.DataObject) -> None:
    """INV-KIN-10: loops, equal rates, states that nothing leaves: whatever the modes cannot do, the exponential does."""
    system = drawn.draw(systems())
    schedule = drawn.draw(schedules(len(system.states)))
    times = drawn.draw(times_about(schedule, most=20))

    fast = concentrations(system, schedule, times)

    expected = slow.concentrations(system, schedule, times)
    assert worst(fast, expected, peaks_of(system, schedule, float(times.max()))) <= PROMISED


@given(drawn=st.data())
@settings(BRISK, max_examples=40)
def test_the_compiled_engine_agrees_on_any_system(drawn: st.DataObject) -> None:
    """INV-KIN-18: compiled and NumPy engine are one closed form; on an even grid and on any other."""
    system = drawn.draw(systems())
    schedule = drawn.draw(schedules(len(system.states)))
    step = drawn.draw(st.sampled_from([1 / 60, 0.25, 1.0, 7.5]))
    even = drawn.draw(st.floats(0.0, 100.0)) + step * np.arange(drawn.draw(st.integers(2, 400)))
    odd = np.sort(drawn.draw(times_about(schedule, most=20)))
    people = cohort_of_one(system, schedule)

    for times in (even, odd):
        out = np.full((1, len(system.analytes), len(times)), np.nan)
        fill(people, times, out)

        assert worst(out[0], piecewise(system, schedule, times)) <= LINEAR


@EVERY_MODEL
@given(drawn=st.data())
@settings(BRISK, max_examples=20)
def test_the_compiled_engine_agrees_on_every_model(name: str, drawn: st.DataObject) -> None:
    """INV-KIN-18: a grid that starts anywhere, of any step, over any doses."""
    system, schedule = built(name, drawn.draw(doses_of(load_model(name))))
    step = drawn.draw(st.sampled_from([1 / 60, 0.25, 1.0, 7.5]))
    times = drawn.draw(st.floats(0.0, DAYS_28)) + step * np.arange(drawn.draw(st.integers(2, 3000)))
    out = np.full((1, len(system.analytes), len(times)), np.nan)

    fill(cohort_of_one(system, schedule), times, out)

    peaks = peaks_of(system, schedule, float(times[-1]))
    assert worst(out[0], piecewise(system, schedule, times), peaks) <= PROMISED


@EVERY_MODEL
@given(drawn=st.data())
@settings(BRISK, max_examples=15)
def test_the_modes_never_change_the_answer(name: str, drawn: st.DataObject) -> None:
    """INV-KIN-17: with modes and without them, piece by piece by the exponential alone, the course is one."""
    system, schedule = built(name, drawn.draw(doses_of(load_model(name), most=2)))
    end = float(schedule.minutes[-1]) + 500.0
    times = np.linspace(float(schedule.minutes[0]), end, 101)

    alone = np.zeros((len(system.analytes), len(times)))
    for piece in pieces_of(system, schedule, end_minutes=end, with_modes=False):
        inside = (times >= piece.start) & (times <= piece.end)
        alone[:, inside] = piece.at(times[inside] - piece.start)

    assert worst(piecewise(system, schedule, times), alone) <= PROMISED


@EVERY_MODEL
@given(drawn=st.data())
@settings(BRISK, max_examples=15)
def test_courses_add(name: str, drawn: st.DataObject) -> None:
    """INV-KIN-12: what two sets of inputs bring about together is the sum of what each brings."""
    model = load_model(name)
    system, both = built(model, drawn.draw(doses_of(model, most=4)))
    kept = drawn.draw(
        st.lists(st.booleans(), min_size=len(both.minutes), max_size=len(both.minutes))
    )
    mask = np.array(kept, dtype=float)[:, None]
    times = drawn.draw(times_about(both))

    one = replace(both, boluses=both.boluses * mask, rates=both.rates * mask)
    other = replace(both, boluses=both.boluses * (1 - mask), rates=both.rates * (1 - mask))
    added = concentrations(system, one, times) + concentrations(system, other, times)

    assert worst(added, concentrations(system, both, times)) <= PROMISED


@EVERY_MODEL
@given(drawn=st.data(), factor=st.floats(1e-3, 1e3))
@settings(BRISK, max_examples=15)
def test_twice_the_dose_is_twice_the_concentration(
    name: str, drawn: st.DataObject, factor: float
) -> None:
    """INV-KIN-13: concentrations are in proportion to the doses."""
    system, once = built(name, drawn.draw(doses_of(load_model(name), most=3)))
    times = drawn.draw(times_about(once))
    more = replace(once, boluses=once.boluses * factor, rates=once.rates * factor)

    assert (
        worst(concentrations(system, more, times), factor * concentrations(system, once, times))
        <= LINEAR
    )


@EVERY_MODEL
@given(drawn=st.data(), later=st.integers(1, 20_000))
@settings(BRISK, max_examples=15)
def test_a_course_does_not_know_the_hour(name: str, drawn: st.DataObject, later: int) -> None:
    """INV-KIN-14: given later, the same course comes later."""
    model = load_model(name)
    # Quarter minutes: their sums are exact, so that only the engine is judged.
    doses = tuple(
        replace(dose, start_minutes=np.floor(dose.start_minutes * 4) / 4)
        for dose in drawn.draw(doses_of(model, most=3))
    )
    system, now = built(model, doses)
    times = np.floor(drawn.draw(times_about(now)) * 4) / 4
    _, then = built(
        model, tuple(replace(dose, start_minutes=dose.start_minutes + later) for dose in doses)
    )

    shifted = concentrations(system, then, times + later)

    assert worst(shifted, concentrations(system, now, times)) <= PROMISED


@EVERY_MODEL
@given(drawn=st.data())
@settings(BRISK, max_examples=20)
def test_no_concentration_is_negative(name: str, drawn: st.DataObject) -> None:
    """INV-KIN-16: at no time, however small the concentration."""
    system, schedule = built(name, drawn.draw(doses_of(load_model(name))))
    times = drawn.draw(times_about(schedule))

    found = concentrations(system, schedule, times)

    peaks = peaks_of(system, schedule, float(times.max()))
    assert np.all(found >= -1e-16 * peaks[:, None])
    assert np.all(np.isfinite(found))


@given(drawn=st.data())
@settings(BRISK, max_examples=50)
def test_drug_that_never_leaves_is_all_still_there(drawn: st.DataObject) -> None:
    """INV-KIN-15: in a closed system the amounts add up to what entered."""
    system = drawn.draw(systems())
    size = len(system.states)
    rates = system.rates.copy()
    np.fill_diagonal(rates, 0.0)
    np.fill_diagonal(rates, -rates.sum(axis=0))
    closed = replace(
        system,
        rates=rates,
        outputs=np.eye(size),
        analytes=tuple(f"a{k}" for k in range(size)),
    )
    schedule = drawn.draw(schedules(size))
    entered = (
        schedule.boluses.sum() + (schedule.rates.sum(axis=1)[:-1] * np.diff(schedule.minutes)).sum()
    )
    assume(entered > 0)
    after = float(schedule.minutes[-1]) + drawn.draw(st.floats(0.0, 10_000.0))

    amounts = concentrations(closed, schedule, np.array([after]))

    np.testing.assert_allclose(amounts.sum(), entered, rtol=1e-10)


@EVERY_MODEL
@given(drawn=st.data())
@settings(BRISK, max_examples=15)
def test_the_order_and_company_of_times_change_nothing(name: str, drawn: st.DataObject) -> None:
    """INV-KIN-25: a value belongs to its time, not to its place in the list."""
    system, schedule = built(name, drawn.draw(doses_of(load_model(name), most=3)))
    times = drawn.draw(times_about(schedule))
    order = np.array(drawn.draw(st.permutations(range(len(times)))))

    together = concentrations(system, schedule, times)

    np.testing.assert_array_equal(
        concentrations(system, schedule, times[order]), together[:, order]
    )


@EVERY_MODEL
def test_an_even_grid_and_its_points_one_by_one_agree(name: str) -> None:
    """INV-KIN-25: the table of powers on an even grid is the exponential at each point."""
    model = load_model(name)
    system, schedule = built(model, one_of_each_route(model), subject=ADULT)
    times = np.arange(0.0, 5000.0, 0.5)
    picked = np.arange(0, len(times), 137)

    grid = concentrations(system, schedule, times)
    alone = np.column_stack([concentrations(system, schedule, times[k : k + 1]) for k in picked])

    assert worst(grid[:, picked], alone, grid.max(axis=1)) <= PROMISED


@EVERY_MODEL
def test_pieces_follow_each_other_without_a_gap_or_a_jump(name: str) -> None:
    """INV-KIN-17: where the series hands over to the decays both give one value."""
    model = load_model(name)
    system, schedule = built(model, one_of_each_route(model))
    pieces = list(pieces_of(system, schedule, end_minutes=3000.0))

    assert pieces[0].start == schedule.minutes[0]
    assert pieces[-1].end == 3000.0
    assert any(isinstance(piece, Decays) for piece in pieces)
    for before, after in pairwise(pieces):
        assert after.start == before.end
        if after.start not in schedule.minutes:
            end = before.at(np.array([before.end - before.start]))
            assert worst(after.at(np.zeros(1)), end) <= PROMISED
