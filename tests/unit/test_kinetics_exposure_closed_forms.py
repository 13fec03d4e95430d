"""Peak, its time, area and time above against logarithms and quadratics worked out by hand, one person and many."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from a_kinetics_by_hand import (
    FADING,
    Case,
    bateman,
    bolus,
    chain,
    exchange,
    infusion,
    label,
    one_bolus,
    one_infusion,
    repeated,
    ring,
    roots_of,
    system_of,
    two_bolus,
)
from vigil.kinetics import exposure, population
from vigil.kinetics.cohort import cohort_of_one
from vigil.kinetics.exposure import EndInvalid, LevelInvalid, exposures, stretches_above, time_above
from vigil.kinetics.facts import LinearSystem, Schedule
from vigil.kinetics.population import measure

Measured = tuple[float, float, float, float]
Measure = Callable[[LinearSystem, Schedule, float, float], Measured]


def by_pieces(system: LinearSystem, schedule: Schedule, end: float, level: float) -> Measured:
    """Peak, its time, area in ng/mL * min, minutes above, by the engine of one person."""
    name = system.analytes[0]
    found = exposures(system, schedule, end_minutes=end)[name]
    above = time_above(system, schedule, level_ng_per_ml=level, end_minutes=end)[name]
    return found.cmax_ng_per_ml, found.tmax_minutes, found.auc_ng_h_per_ml * 60, above


def by_many(system: LinearSystem, schedule: Schedule, end: float, level: float) -> Measured:
    """The same by the engine of many people, in whichever way it takes."""
    found = measure(cohort_of_one(system, schedule), end_minutes=end, level_ng_per_ml=level)
    assert found.above_minutes is not None
    arrays = (found.cmax_ng_per_ml, found.tmax_minutes, found.auc_ng_h_per_ml * 60)
    return (*(float(a[0, 0]) for a in arrays), float(found.above_minutes[0, 0]))  # type: ignore[return-value]


def by_many_generally(
    system: LinearSystem, schedule: Schedule, end: float, level: float
) -> Measured:
    """The same, never by the short way."""
    cohort = cohort_of_one(system, schedule)
    found = np.zeros((4, 1, len(system.analytes)))
    population._general(cohort, end, level, found)(slice(0, 1))
    return tuple(found[:, 0, 0].tolist())  # type: ignore[return-value]


WAYS = {"pieces": by_pieces, "many": by_many, "general": by_many_generally}
EVERY_WAY = pytest.mark.parametrize("measured", WAYS.values(), ids=WAYS)
EVERY_CASE = pytest.mark.parametrize("case", FADING, ids=label)
WITH_AREA = pytest.mark.parametrize("case", [c for c in FADING if c.area is not None], ids=label)


def halved(course: Callable[[float], float], low: float, high: float) -> float:
    """Where a course that only rises or falls passes 0: sixty halvings, nothing else."""
    is_below = course(low) < 0
    for _ in range(200):
        middle = (low + high) / 2
        if (course(middle) < 0) == is_below:
            low = middle
        else:
            high = middle
    return (low + high) / 2


@EVERY_WAY
@EVERY_CASE
def test_the_peak_and_its_time_are_those_on_paper(case: Case, measured: Measure) -> None:
    """INV-KIN-19: ln(ka/k)/(ka - k), n/k, the end of an infusion, the minute of a bolus."""
    cmax, tmax, _, _ = measured(case.system, case.schedule, 900.0, 1.0)

    assert cmax == pytest.approx(case.cmax, rel=1e-11)
    # Near a peak the course is flat: its time is known to the root of the digits of its height.
    assert tmax == pytest.approx(case.tmax, rel=1e-6, abs=1e-9)


@EVERY_WAY
@WITH_AREA
@pytest.mark.parametrize("end", [0.0, 2.0, 3.0, 10.0, 32.0, 60.0, 900.0, 40_320.0])
def test_the_area_until_any_minute_is_the_integral(
    case: Case, measured: Measure, end: float
) -> None:
    """INV-KIN-19: the antiderivative, before, at, between and long after the events."""
    assert case.area is not None

    area = measured(case.system, case.schedule, end, 1.0)[2]

    # The formula's own differences lose digits where next to nothing has come in.
    assert area == pytest.approx(case.area(end), rel=1e-10, abs=1e-11 * case.area(1e6))


@EVERY_WAY
@EVERY_CASE
@pytest.mark.parametrize("share", [0.999, 0.7, 0.2, 0.01])
def test_the_time_above_is_between_the_two_crossings(
    case: Case, measured: Measure, share: float
) -> None:
    """INV-KIN-20: the formula halved on each side of its peak."""
    if case.name == "five boluses":
        share = 0.2 * share  # once above, above until long after the last: two crossings, not ten
    level = case.cmax * share

    above = measured(case.system, case.schedule, 20_000.0, level)[3]

    def over(t: float) -> float:
        return float(case.course(np.array([t]))[0]) - level

    grid = np.linspace(0.0, 2000.0, 400_001)
    values = case.course(grid) - level
    expected = 0.0
    for k in np.flatnonzero(np.diff(np.sign(values)) != 0):
        edge = halved(over, float(grid[k]), float(grid[k + 1]))
        expected += edge if values[k] > 0 else -edge
    assert above == pytest.approx(expected, rel=1e-6, abs=2e-6)


@EVERY_WAY
def test_a_bolus_is_above_a_level_for_a_logarithm_of_minutes(measured: Measure) -> None:
    """ln(c0 / level) / k, to all digits; cut at the end asked for."""
    case = one_bolus(at=3.0)

    for level in (49.0, 25.0, 1.0, 1e-3):
        whole = math.log(50.0 / level) / 0.05
        assert measured(case.system, case.schedule, 5000.0, level)[3] == pytest.approx(
            whole, rel=1e-10
        )
        assert measured(case.system, case.schedule, 4.0, level)[3] == pytest.approx(
            min(1.0, whole), rel=1e-10
        )


@EVERY_WAY
def test_an_infusion_crosses_a_level_on_its_way_up_and_down(measured: Measure) -> None:
    """Up at -ln(1 - level/steady)/k, down ln(top/level)/k after the end."""
    case, k, steady = one_infusion(), 0.05, 50.0
    top = case.cmax

    for level in (0.5, 10.0, 30.0):
        up = -math.log1p(-level / steady) / k
        down = 30.0 + math.log(top / level) / k
        above = measured(case.system, case.schedule, 1e4, level)[3]
        assert above == pytest.approx(down - up, rel=1e-10)


@EVERY_WAY
@pytest.mark.parametrize("end", [2.0, 2.5, 31.9])
def test_an_end_inside_an_infusion_is_the_peak_so_far(measured: Measure, end: float) -> None:
    """A rising course is highest where one stops looking."""
    case = one_infusion()

    cmax, tmax, _, _ = measured(case.system, case.schedule, end, 1.0)

    assert cmax == pytest.approx(float(case.course(np.array([end]))[0]), rel=1e-10, abs=1e-13)
    assert tmax == end


@EVERY_WAY
def test_a_level_above_the_peak_is_never_passed(measured: Measure) -> None:
    """Nor is one that is only touched, at the peak itself."""
    case = bateman()

    assert measured(case.system, case.schedule, 500.0, case.cmax * 1.0001)[3] == 0.0
    assert measured(case.system, case.schedule, 500.0, case.cmax * (1 - 1e-9))[3] < 0.05


@EVERY_WAY
def test_of_equal_peaks_the_first_counts(measured: Measure) -> None:
    """Two boluses so far apart that nothing is left of the first."""
    schedule = bolus(1, (5.0, 0, 400.0), (50_000.0, 0, 400.0))

    cmax, tmax, _, _ = measured(one_bolus().system, schedule, 60_000.0, 1.0)

    assert (cmax, tmax) == (50.0, 5.0)


@EVERY_WAY
def test_a_later_higher_peak_takes_the_place_of_an_earlier_one(measured: Measure) -> None:
    """50 at minute 5; what is left of it and 25 more at minute 10 is higher, later 30 is not."""
    schedule = bolus(1, (5.0, 0, 400.0), (10.0, 0, 200.0), (300.0, 0, 240.0))

    cmax, tmax, area, _ = measured(one_bolus().system, schedule, 1e5, 1.0)

    assert cmax == pytest.approx(50.0 * math.exp(-0.25) + 25.0, rel=1e-13)
    assert tmax == 10.0
    assert area == pytest.approx(840.0 / 8.0 / 0.05, rel=1e-12)


@EVERY_WAY
def test_the_whole_area_is_dose_over_clearance(measured: Measure) -> None:
    """INV-KIN-15: however the drug is spread on its way."""
    for case, clearance in ((two_bolus(), 0.4), (bateman(), 0.15), (chain(4), 0.4)):
        given_ug = float(case.schedule.boluses.sum())
        area = measured(case.system, case.schedule, 1e5, 1.0)[2]
        assert area == pytest.approx(given_ug / clearance, rel=1e-11)


@EVERY_WAY
def test_a_system_that_loses_nothing_has_an_area_that_grows_for_ever(measured: Measure) -> None:
    """The constant term counts by its length; above a level it stays above."""
    case = exchange()
    assert case.area is not None

    cmax, tmax, area, above = measured(case.system, case.schedule, 2000.0, 22.5)

    assert area == pytest.approx(case.area(2000.0), rel=1e-11)
    assert cmax == pytest.approx(45.0, rel=1e-11)
    assert tmax > 500.0
    assert above == pytest.approx(2000.0 - math.log(2.0) / 0.04, rel=1e-9)


@pytest.mark.parametrize("measured", [by_pieces, by_many_generally])
def test_a_ring_swings_and_every_crossing_is_found(measured: Measure) -> None:
    """INV-KIN-20: complex rates; the course dips below its final third and comes back."""
    case = ring(k=1.0)
    wave = math.sqrt(3) / 2
    level = 30.0
    # y = 30 where cos(wave t) = 0: at (m + 1/2) pi / wave, above before the first and between second and third.
    zeros = [(m + 0.5) * math.pi / wave for m in range(4)]

    cmax, tmax, _, above = measured(case.system, case.schedule, zeros[2] + 0.5, level)

    assert (cmax, tmax) == (90.0, 0.0)
    assert above == pytest.approx(zeros[0] + zeros[2] - zeros[1], rel=1e-6)


def test_the_stretches_are_told_one_by_one() -> None:
    """Five boluses, each above 18 for a while: from the dose to ln(c/18)/k later."""
    case = repeated(k=0.1)
    q = math.exp(-4.5)

    found = stretches_above(case.system, case.schedule, level_ng_per_ml=18.0, end_minutes=500.0)

    heights = [20.0 * (1 - q ** (n + 1)) / (1 - q) for n in range(5)]
    expected = [(45.0 * n, 45.0 * n + math.log(h / 18.0) / 0.1) for n, h in enumerate(heights)]
    assert len(found["a0"]) == 5
    for one, other in zip(found["a0"], expected, strict=True):
        assert one == pytest.approx(other, rel=1e-11)


def test_stretches_that_meet_at_an_event_are_one_stretch() -> None:
    """Above throughout both pieces: no edge at the second dose."""
    case = repeated(k=0.001)

    found = stretches_above(case.system, case.schedule, level_ng_per_ml=5.0, end_minutes=225.0)

    assert found == {"a0": ((0.0, 225.0),)}


def test_two_analytes_are_measured_each_on_their_own() -> None:
    """Depot and central: their peaks, areas and times above do not mix."""
    case = bateman(v=1.0)
    both = replace(case.system, analytes=("d", "c"), outputs=np.eye(2))

    found = exposures(both, case.schedule, end_minutes=1e4)
    above = time_above(both, case.schedule, level_ng_per_ml=50.0, end_minutes=1e4)
    twin = measure(cohort_of_one(both, case.schedule), end_minutes=1e4, level_ng_per_ml=50.0)

    assert found["d"].cmax_ng_per_ml == 100.0
    assert found["d"].tmax_minutes == 0.0
    assert found["d"].auc_ng_h_per_ml * 60 == pytest.approx(500.0, rel=1e-12)
    assert found["c"].tmax_minutes == pytest.approx(case.tmax, rel=1e-7)
    assert found["c"].auc_ng_h_per_ml * 60 == pytest.approx(100.0 / 0.03, rel=1e-12)
    assert above["d"] == pytest.approx(math.log(2.0) / 0.2, rel=1e-11)
    assert twin.above_minutes is not None
    assert twin.above_minutes[0] == pytest.approx([above["d"], above["c"]], rel=1e-9)
    assert twin.tmax_minutes[0] == pytest.approx([0.0, case.tmax], rel=1e-6)


@pytest.mark.parametrize("k12", [0.01, 0.4])
def test_the_slow_root_rules_the_end_of_two_compartments(k12: float) -> None:
    """Doubling of the level far out takes ln 2 / b minutes off, b the smaller root."""
    case = two_bolus(k12=k12)
    _, b = roots_of(0.04, k12, 0.02)

    for measured in WAYS.values():
        low, high = (measured(case.system, case.schedule, 1e6, c)[3] for c in (1e-7, 2e-7))
        assert low - high == pytest.approx(math.log(2.0) / b, rel=1e-7)


@EVERY_WAY
def test_a_bolus_and_an_infusion_at_once_may_dip_before_they_rise(measured: Measure) -> None:
    """Two compartments: the bolus spreads first, then the infusion fills; both ends of the dip are known."""
    k10, k12, k21 = 0.01, 0.3, 0.02
    system = system_of([[-k10 - k12, k21], [k12, -k21]], [1.0, 0.0])
    flow = infusion(2, start=0.0, minutes=400.0, state=0, rate=1.0)
    schedule = replace(flow, boluses=np.array([[40.0, 0.0], [0.0, 0.0]]))
    a, b = roots_of(k10, k12, k21)

    def course(t: float) -> float:
        terms = [((a - k21) / (a - b), a), ((k21 - b) / (a - b), b)]
        return sum(c * (40.0 * math.exp(-r * t) + (1 - math.exp(-r * t)) / r) for c, r in terms)

    cmax, tmax, _, above = measured(system, schedule, 400.0, 20.0)

    down = halved(lambda t: course(t) - 20.0, 0.0, 10.0)
    up = halved(lambda t: course(t) - 20.0, 30.0, 400.0)
    assert course(20.0) < 20.0
    assert above == pytest.approx(down + 400.0 - up, rel=1e-7)
    assert (cmax, tmax) == (
        pytest.approx(max(40.0, course(400.0)), rel=1e-11),
        400.0 if course(400.0) > 40.0 else 0.0,
    )


def test_many_people_at_the_same_minutes_are_each_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """INV-KIN-21: more people than stand together in one step, each with another clearance."""
    loss = np.linspace(0.01, 0.2, 70)
    one = cohort_of_one(one_bolus().system, one_bolus(at=0.0).schedule)
    crowd = replace(
        one,
        rates=-loss[:, None, None],
        outputs=np.repeat(one.outputs, 70, axis=0),
        reach=np.repeat(one.reach, 70, axis=0),
        minutes=np.repeat(one.minutes, 70, axis=0),
        boluses=np.repeat(one.boluses, 70, axis=0),
        inputs=np.repeat(one.inputs, 70, axis=0),
    )

    short = measure(crowd, end_minutes=30.0, level_ng_per_ml=20.0)
    with monkeypatch.context() as patched:
        patched.setattr(population, "_one_group", lambda cohort: None)
        general = measure(crowd, end_minutes=30.0, level_ng_per_ml=20.0)

    for found in (short, general):
        assert found.above_minutes is not None
        assert found.cmax_ng_per_ml.shape == (70, 1)
        np.testing.assert_allclose(found.cmax_ng_per_ml[:, 0], 50.0, rtol=1e-13)
        areas = 50.0 / loss * -np.expm1(-loss * 30.0) / 60.0
        np.testing.assert_allclose(found.auc_ng_h_per_ml[:, 0], areas, rtol=1e-12)
        minutes = np.minimum(30.0, math.log(2.5) / loss)
        np.testing.assert_allclose(found.above_minutes[:, 0], minutes, rtol=1e-11)


@pytest.mark.parametrize("bad", [-1e-9, -5.0, math.nan, math.inf, -math.inf])
def test_a_bad_end_is_named_and_kept(bad: float) -> None:
    """INV-KIN-27: the message holds the value, the exception carries it."""
    with pytest.raises(EndInvalid, match=rf"End is {bad:g} min; expected a finite time") as raised:
        exposure.check_end(bad)

    assert raised.value.end_minutes == bad or math.isnan(bad)


@pytest.mark.parametrize("bad", [0.0, -0.5, math.nan, math.inf])
def test_a_bad_level_is_named_and_kept(bad: float) -> None:
    """INV-KIN-27: a level of 0 is passed by everything, so it is none."""
    with pytest.raises(LevelInvalid, match=rf"Level is {bad:g} ng/mL; expected more") as raised:
        exposure.check_level(bad)

    assert raised.value.level_ng_per_ml == bad or math.isnan(bad)


@pytest.mark.parametrize("good", [0.0, 5e-324, 1.0, 1e300])
def test_any_finite_end_and_any_level_above_nothing_are_taken(good: float) -> None:
    """The boundary belongs to the end and not to the level."""
    exposure.check_end(good)
    exposure.check_level(good + 5e-324)

    case = one_bolus(at=0.0)
    assert exposures(case.system, case.schedule, end_minutes=0.0)["a0"].cmax_ng_per_ml == 50.0
