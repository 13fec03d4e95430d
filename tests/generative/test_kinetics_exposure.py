"""Peak, area and time above, from the closed form: against a dense grid, against mass balance, against the compiled twin."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a_kinetics_room import (
    BRISK,
    DAYS_28,
    NAMES,
    built,
    doses_of,
    one_of_each_route,
    schedules,
    systems,
)
from vigil.evidence.models import load_model
from vigil.kinetics import population, slow
from vigil.kinetics.cohort import cohort_of_one
from vigil.kinetics.crossings import decay_zeros, series_zeros, sign_changes
from vigil.kinetics.engine import concentrations
from vigil.kinetics.exposure import exposures, stretches_above, time_above
from vigil.kinetics.facts import LinearSystem, Schedule
from vigil.kinetics.population import measure

EVERY_MODEL = pytest.mark.parametrize("name", NAMES)


def grid_of(schedule: Schedule, end: float, count: int = 400) -> np.ndarray:
    """Times that are dense just after each event and reach to the end."""
    after = np.concatenate([[0.0], np.geomspace(1e-3, 3000.0, count)])
    times = np.concatenate([m + after for m in schedule.minutes] + [[end]])
    return np.unique(times[times <= end])


def last_minutes(schedule: Schedule) -> float:
    return float(schedule.minutes[-1])


@EVERY_MODEL
@given(drawn=st.data())
@settings(BRISK, max_examples=8)
def test_no_grid_finds_a_higher_value_and_a_fine_one_comes_close(
    name: str, drawn: st.DataObject
) -> None:
    """INV-KIN-19: the peak is the highest value that any grid can find, at the time that is said."""
    system, schedule = built(name, drawn.draw(doses_of(load_model(name), most=4)))
    end = last_minutes(schedule) + drawn.draw(st.floats(1.0, 3000.0))
    courses = concentrations(system, schedule, grid_of(schedule, end))

    found = exposures(system, schedule, end_minutes=end)

    for row, analyte in enumerate(system.analytes):
        peak = found[analyte]
        there = slow.concentrations(system, schedule, np.array([peak.tmax_minutes]))[row, 0]
        before = np.nextafter(peak.tmax_minutes, -np.inf)
        just_before = slow.concentrations(system, schedule, np.array([before]))[row, 0]
        assert courses[row].max() <= peak.cmax_ng_per_ml * (1 + 1e-10)
        assert courses[row].max() >= peak.cmax_ng_per_ml * 0.999
        assert max(there, just_before) == pytest.approx(peak.cmax_ng_per_ml, rel=1e-8)


@EVERY_MODEL
@given(drawn=st.data())
@settings(BRISK, max_examples=8)
def test_the_area_is_what_a_collecting_compartment_holds(name: str, drawn: st.DataObject) -> None:
    """INV-KIN-19: a second derivation: a compartment that gathers the concentration, moved by the slow engine."""
    system, schedule = built(
        name, drawn.draw(doses_of(load_model(name), most=4)), with_effect=False
    )
    end = last_minutes(schedule) + drawn.draw(st.floats(1.0, 3000.0))
    size, rows = len(system.states), len(system.analytes)
    rates = np.zeros((size + rows, size + rows))
    rates[:size, :size] = system.rates
    rates[size:, :size] = system.outputs
    gathering = LinearSystem(
        states=(*system.states, *(f"area{k}" for k in range(rows))),
        analytes=system.analytes,
        rates=rates,
        outputs=np.eye(size + rows)[size:],
    )
    wider = replace(
        schedule,
        boluses=np.pad(schedule.boluses, ((0, 0), (0, rows))),
        rates=np.pad(schedule.rates, ((0, 0), (0, rows))),
    )

    found = exposures(system, schedule, end_minutes=end)

    expected = slow.concentrations(gathering, wider, np.array([end]))[:, 0] / 60
    ours = [found[analyte].auc_ng_h_per_ml for analyte in system.analytes]
    np.testing.assert_allclose(ours, expected, rtol=1e-10)


@pytest.mark.parametrize(
    "name", [n for n in NAMES if any(r.route == "iv" for r in load_model(n).routes)]
)
@given(drawn=st.data())
@settings(BRISK, max_examples=8)
def test_area_times_clearance_is_the_intravenous_dose(name: str, drawn: st.DataObject) -> None:
    """INV-KIN-15: all of an intravenous dose leaves; clearance is derived from the matrix alone."""
    model = load_model(name)
    doses = tuple(
        replace(dose, route="iv", amount_ug=dose.amount_ug, duration_minutes=dose.duration_minutes)
        for dose in drawn.draw(
            doses_of(replace(model, routes=tuple(r for r in model.routes if r.route == "iv")))
        )
    )
    system, schedule = built(model, doses)
    given_ug = sum(dose.amount_ug for dose in doses)
    into = np.flatnonzero(schedule.boluses.any(axis=0) | schedule.rates.any(axis=0))
    assert len(into) == 1
    # What one unit put there leaves behind in all: the inverse of the matrix, by NumPy.
    lasting = system.outputs @ np.linalg.solve(-system.rates, np.eye(len(system.rates))[:, into[0]])

    found = exposures(system, schedule, end_minutes=last_minutes(schedule) + 200_000.0)

    for row, analyte in enumerate(system.analytes):
        area = found[analyte].auc_ng_h_per_ml * 60
        assert area == pytest.approx(given_ug * lasting[row], rel=1e-10)


@EVERY_MODEL
@given(drawn=st.data())
@settings(BRISK, max_examples=8)
def test_the_effect_site_sees_the_whole_area(name: str, drawn: st.DataObject) -> None:
    """INV-KIN-15: it delays the first analyte and neither adds nor loses."""
    system, schedule = built(name, drawn.draw(doses_of(load_model(name), most=3)))

    found = exposures(system, schedule, end_minutes=last_minutes(schedule) + 200_000.0)

    first, effect = found[system.analytes[0]], found["effect"]
    assert effect.auc_ng_h_per_ml == pytest.approx(first.auc_ng_h_per_ml, rel=1e-9)
    assert effect.cmax_ng_per_ml <= first.cmax_ng_per_ml * (1 + 1e-12)


@EVERY_MODEL
@given(drawn=st.data(), share=st.floats(0.001, 0.99))
@settings(BRISK, max_examples=8)
def test_the_stretches_above_a_level_are_those_a_grid_sees(
    name: str, drawn: st.DataObject, share: float
) -> None:
    """INV-KIN-20: inside every stretch a grid point is above, outside below, and each end is a crossing or an event."""
    system, schedule = built(name, drawn.draw(doses_of(load_model(name), most=4)))
    end = last_minutes(schedule) + drawn.draw(st.floats(1.0, 3000.0))
    peak = exposures(system, schedule, end_minutes=end)[system.analytes[0]].cmax_ng_per_ml
    level = peak * share
    times = grid_of(schedule, end)
    courses = concentrations(system, schedule, times)

    found = stretches_above(system, schedule, level_ng_per_ml=level, end_minutes=end)
    minutes = time_above(system, schedule, level_ng_per_ml=level, end_minutes=end)

    for row, analyte in enumerate(system.analytes):
        inside = np.zeros(len(times), dtype=bool)
        for start, stop in found[analyte]:
            assert 0 <= start < stop <= end
            inside |= (times >= start) & (times < stop)
        clear = np.abs(courses[row] / level - 1) > 1e-9
        assert np.array_equal(
            inside[clear & (times < end)], (courses[row] > level)[clear & (times < end)]
        )
        assert minutes[analyte] == pytest.approx(sum(b - a for a, b in found[analyte]), abs=1e-9)
        edges = [moment for stretch in found[analyte] for moment in stretch if moment < end]
        edges = [m for m in edges if np.abs(schedule.minutes - m).min() > 1e-9]
        if edges:
            there = slow.concentrations(system, schedule, np.array(edges))[row]
            np.testing.assert_allclose(there, level, rtol=1e-7)


@EVERY_MODEL
@given(drawn=st.data())
@settings(BRISK, max_examples=3)
def test_a_higher_level_is_exceeded_for_less_time(name: str, drawn: st.DataObject) -> None:
    """INV-KIN-20: time above falls with the level, is 0 at the peak and all the time before it near 0."""
    system, schedule = built(name, drawn.draw(doses_of(load_model(name), most=3)))
    end = last_minutes(schedule) + 500.0
    peaks = exposures(system, schedule, end_minutes=end)
    for analyte in (system.analytes[0], "effect"):
        peak = peaks[analyte].cmax_ng_per_ml
        above = [
            time_above(system, schedule, level_ng_per_ml=peak * share, end_minutes=end)[analyte]
            for share in (0.05, 0.2, 0.5, 0.9, 1.01)
        ]
        assert all(less <= more + 1e-9 for more, less in pairwise(above))
        assert above[-1] == 0.0
        assert above[0] <= end


@EVERY_MODEL
@given(drawn=st.data(), split=st.floats(0.1, 0.9))
@settings(BRISK, max_examples=8)
def test_areas_of_two_stretches_add(name: str, drawn: st.DataObject, split: float) -> None:
    """INV-KIN-19: an area never falls as the end moves on, and the peak neither."""
    system, schedule = built(name, drawn.draw(doses_of(load_model(name), most=3)))
    end = last_minutes(schedule) + 800.0

    early = exposures(system, schedule, end_minutes=end * split)
    late = exposures(system, schedule, end_minutes=end)

    for analyte in system.analytes:
        assert early[analyte].auc_ng_h_per_ml <= late[analyte].auc_ng_h_per_ml * (1 + 1e-12)
        assert early[analyte].cmax_ng_per_ml <= late[analyte].cmax_ng_per_ml * (1 + 1e-12)


@EVERY_MODEL
@given(drawn=st.data(), share=st.floats(0.01, 0.9))
@settings(BRISK, max_examples=8)
def test_the_compiled_twin_measures_the_same(name: str, drawn: st.DataObject, share: float) -> None:
    """INV-KIN-18: peak, its time, area and time above of one person, by both ways."""
    system, schedule = built(name, drawn.draw(doses_of(load_model(name), most=3)))
    end = last_minutes(schedule) + drawn.draw(st.floats(1.0, 3000.0))
    one = exposures(system, schedule, end_minutes=end)
    level = one[system.analytes[0]].cmax_ng_per_ml * share

    found = measure(cohort_of_one(system, schedule), end_minutes=end, level_ng_per_ml=level)

    above = time_above(system, schedule, level_ng_per_ml=level, end_minutes=end)
    assert found.above_minutes is not None
    for row, analyte in enumerate(system.analytes):
        expected = one[analyte]
        assert found.cmax_ng_per_ml[0, row] == pytest.approx(expected.cmax_ng_per_ml, rel=1e-9)
        assert found.auc_ng_h_per_ml[0, row] == pytest.approx(expected.auc_ng_h_per_ml, rel=1e-9)
        assert found.above_minutes[0, row] == pytest.approx(above[analyte], rel=1e-6, abs=1e-5)
        at = slow.concentrations(system, schedule, found.tmax_minutes[0, row : row + 1])[row, 0]
        before = np.nextafter(found.tmax_minutes[0, row : row + 1], -np.inf)
        just_before = slow.concentrations(system, schedule, before)[row, 0]
        assert max(at, just_before) == pytest.approx(expected.cmax_ng_per_ml, rel=1e-8)


@given(drawn=st.data())
@settings(BRISK, max_examples=60)
def test_systems_that_no_paper_has_are_measured_too(drawn: st.DataObject) -> None:
    """INV-KIN-19: loops, equal rates, drug that stays: no grid finds a higher value."""
    system = drawn.draw(systems(most=4))
    schedule = drawn.draw(schedules(len(system.states), most=3))
    end = last_minutes(schedule) + drawn.draw(st.floats(0.0, 1500.0))
    times = grid_of(schedule, end, count=120)
    courses = concentrations(system, schedule, times)

    found = exposures(system, schedule, end_minutes=end)
    twin = measure(cohort_of_one(system, schedule), end_minutes=end)

    for row, analyte in enumerate(system.analytes):
        assert courses[row].max() <= found[analyte].cmax_ng_per_ml * (1 + 1e-10)
        assert twin.cmax_ng_per_ml[0, row] == pytest.approx(found[analyte].cmax_ng_per_ml, rel=1e-8)
        assert twin.auc_ng_h_per_ml[0, row] == pytest.approx(
            found[analyte].auc_ng_h_per_ml, rel=1e-8
        )


COEFFICIENTS = st.lists(st.floats(-10.0, 10.0).map(lambda x: round(x, 3)), min_size=1, max_size=7)


@given(coefficients=COEFFICIENTS, drawn=st.data())
@settings(BRISK, max_examples=200)
def test_no_zero_of_a_sum_of_decays_is_missed(
    coefficients: list[float], drawn: st.DataObject
) -> None:
    """INV-KIN-20: wherever a fine grid sees the sign change there is a zero between, and there are never more than Descartes
    allows."""
    own = np.array(coefficients)
    rates = -np.cumsum([drawn.draw(st.floats(0.01, 1.0)) for _ in own])
    grid = np.linspace(0.0, 20.0, 2001)
    values = own @ np.exp(np.outer(rates, grid))

    found = decay_zeros(own, rates, minutes=20.0)

    assert len(found) <= sign_changes(own)
    assert found == sorted(found)
    scale = np.abs(own).max(initial=0.0)
    for zero in found:
        assert 0 <= zero <= 20.0
        terms = np.abs(own) @ np.exp(rates * zero)
        assert abs(own @ np.exp(rates * zero)) <= 1e-9 * max(terms, 1e-9 * scale)
    clear = np.abs(values) > 1e-9 * scale
    for k in np.flatnonzero(clear[1:] & clear[:-1] & (values[1:] * values[:-1] < 0)):
        assert any(grid[k] <= zero <= grid[k + 1] for zero in found)


@given(roots=st.lists(st.floats(0.05, 3.9), max_size=5, unique_by=lambda x: round(x, 1)))
@settings(BRISK, max_examples=200)
def test_the_zeros_of_a_series_are_the_roots_it_was_made_from(roots: list[float]) -> None:
    """INV-KIN-20: a polynomial is multiplied out from its roots; they come back, in order."""
    polynomial = (
        np.polynomial.Polynomial.fromroots(roots) if roots else np.polynomial.Polynomial([1.0])
    )
    factorials = np.cumprod([1.0, *range(1, len(polynomial.coef))])

    found = series_zeros(polynomial.coef * factorials, turns=4.0)

    assert found == pytest.approx(sorted(roots), abs=1e-6)


@pytest.mark.parametrize(
    ("signs", "changes"),
    [([], 0), ([0.0, 0.0], 0), ([1.0, 0.0, -1.0], 1), ([1.0, -1.0, 1.0], 2), ([-2.0, -1.0], 0)],
)
def test_zeros_do_not_count_as_a_change_of_sign(signs: list[float], changes: int) -> None:
    """Descartes passes over coefficients that are 0."""
    assert sign_changes(np.array(signs)) == changes


def test_28_days_are_measured_to_the_last_minute() -> None:
    """An end inside an infusion measures up to there and no further."""
    from vigil.kinetics.facts import Dose

    system, schedule = built(
        "kamp_2020",
        (Dose(amount_ug=35_000, route="iv", start_minutes=DAYS_28 - 20, duration_minutes=40.0),),
    )

    half = exposures(system, schedule, end_minutes=DAYS_28)["ketamine"]
    whole = exposures(system, schedule, end_minutes=DAYS_28 + 20)["ketamine"]

    assert half.tmax_minutes == DAYS_28
    assert whole.tmax_minutes == DAYS_28 + 20
    assert half.cmax_ng_per_ml < whole.cmax_ng_per_ml


@st.composite
def one_groups(draw: st.DrawFn) -> tuple[LinearSystem, Schedule]:
    """A compartment with up to three beside it, and doses into it: what most published intravenous models are."""
    beside = draw(st.integers(0, 3))
    rates = np.zeros((beside + 1, beside + 1))
    flows = st.one_of(st.floats(1e-3, 2.0), st.sampled_from([0.05, 0.05, 0.2]))
    for k in range(1, beside + 1):
        rates[k, 0], rates[0, k] = draw(flows), draw(flows)
    np.fill_diagonal(rates, -rates.sum(axis=0))
    rates[0, 0] -= draw(st.floats(1e-3, 1.0))
    outputs = np.zeros((1, beside + 1))
    outputs[0, 0] = 1 / draw(st.floats(1.0, 300.0))
    system = LinearSystem(
        states=tuple(f"s{k}" for k in range(beside + 1)),
        analytes=("ketamine",),
        rates=rates,
        outputs=outputs,
    )
    schedule = draw(schedules(1))
    wide = ((0, 0), (0, beside))
    return system, replace(
        schedule, boluses=np.pad(schedule.boluses, wide), rates=np.pad(schedule.rates, wide)
    )


@given(drawn=one_groups(), share=st.floats(1e-4, 0.999), further=st.floats(0.0, 3000.0))
@settings(BRISK, max_examples=300)
def test_the_short_way_for_one_group_measures_the_same(
    drawn: tuple[LinearSystem, Schedule], share: float, further: float
) -> None:
    """INV-KIN-18: tanks side by side and pieces of a course are one answer, also where the short way has to give up."""
    system, schedule = drawn
    end = last_minutes(schedule) + further
    one = exposures(system, schedule, end_minutes=end)["ketamine"]
    level = max(one.cmax_ng_per_ml * share, 1e-9)
    cohort = cohort_of_one(system, schedule)

    found = measure(cohort, end_minutes=end, level_ng_per_ml=level)

    above = time_above(system, schedule, level_ng_per_ml=level, end_minutes=end)["ketamine"]
    assert population._one_group(cohort) == 0
    assert found.cmax_ng_per_ml[0, 0] == pytest.approx(one.cmax_ng_per_ml, rel=1e-10)
    assert found.auc_ng_h_per_ml[0, 0] == pytest.approx(one.auc_ng_h_per_ml, rel=1e-9, abs=1e-12)
    assert found.above_minutes is not None
    assert found.above_minutes[0, 0] == pytest.approx(above, rel=1e-7, abs=1e-6)
    there = slow.concentrations(system, schedule, found.tmax_minutes[0])[0, 0]
    before = np.nextafter(found.tmax_minutes[0], -np.inf)
    just_before = slow.concentrations(system, schedule, before)[0, 0]
    assert max(there, just_before) == pytest.approx(one.cmax_ng_per_ml, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_short_way_is_taken_only_where_it_holds(name: str) -> None:
    """INV-KIN-18: metabolites, depots and effect sites go the general way."""
    model = load_model(name)
    with_effect, without = (
        cohort_of_one(*built(model, one_of_each_route(model), with_effect=has))
        for has in (True, False)
    )
    plain = len(model.outputs) == 1 and all(r.route == "iv" for r in model.routes)

    assert population._one_group(with_effect) is None
    assert (population._one_group(without) is not None) == plain


@given(x=st.floats(-745.0, 0.0))
@settings(BRISK, max_examples=500)
def test_the_exponential_in_one_register_is_the_exponential(x: float) -> None:
    """Within two units of the last digit, down to where exp is 0 for every purpose."""
    from vigil.kinetics.one_group_exposures import _exp, _lasting

    assert _exp(x) == pytest.approx(np.exp(max(x, -700.0)), rel=4.5e-16)
    assert _lasting(-x) == pytest.approx(-np.expm1(x) / -x if x else 1.0, rel=1e-15)
