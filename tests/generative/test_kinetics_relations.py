"""What must hold between answers of `simulate` and `simulate_population`, whatever the numbers are.

No concentration is written down here. Each test asks the public door two questions whose answers a law ties together: of units, of
time, of weight, of routes, of a lag. The few literals are published shares and exponents. INV-KIN-70, INV-KIN-71.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vigil.evidence.models import effect_site_names, load_effect_site, load_model, model_names
from vigil.kinetics import parse_dose, population, simulate, simulate_population
from vigil.kinetics.facts import Course, Dose, Subject
from vigil.kinetics.system import EFFECT, covariance_of

BRISK = settings(max_examples=12, deadline=None)
CARE = [name for name in model_names() if not load_model(name).box.is_of_children]
BY_MG_PER_KG = ("clements_1981", "domino_1982", "hijazi_2003")
"""Printed per kilogram: every volume and clearance goes with the weight itself."""
ALLOMETRIC = ("kamp_2020", "herd_2007", "hornik_2018", "flint_2017")
"""Volumes with the weight, clearances with its power of three quarters, and nothing else in the model."""
FOREVER = np.array([0.0, 60 * 1440.0])
TIMES = np.concatenate([np.linspace(0.0, 120.0, 41), [180.0, 360.0, 1440.0]])
ADULT = Subject(age_years=30.0, weight_kg=70.0)


def ask(name: str, *doses: Dose, times=TIMES, who: Subject = ADULT, **more) -> Course:
    answer = simulate(load_model(name), who, doses, np.asarray(times, float), purpose=more.pop("purpose", "care"), **more)  # fmt: skip
    assert isinstance(answer, Course), answer
    return answer


def alike(one: Course, two: Course, *, rel: float = 1e-9) -> None:
    """Every analyte of both is the same course, to a part of its own peak."""
    assert one.concentrations.keys() == two.concentrations.keys()
    for analyte, values in one.concentrations.items():
        peak = one.metrics[analyte].cmax_ng_per_ml
        assert two.concentrations[analyte] == pytest.approx(values, rel=rel, abs=rel * peak)


def iv(ug: int, minutes: float | None = None, start: float = 0.0) -> Dose:
    return Dose(amount_ug=ug, route="iv", duration_minutes=minutes, start_minutes=start)


models = st.sampled_from(CARE)
amounts = st.integers(1, 10).map(lambda k: 960 * k)
"""Up to 9.6 mg: inside every adult box, and a multiple of many parts."""

# --- units and time ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CARE)
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("9.6 mg iv over 30 min at 60 min", "9600 ug iv over 0.5 h at 1 h"),
        ("0.96 mg iv bolus at 90 min", "960 µg IV bolus at 1.5 h"),
        ("9.6 mg iv over 30 min", "9.60 mg iv over 30.000 min at 0 h"),
    ],
)
def test_the_unit_of_a_text_leaves_no_trace(name: str, one: str, other: str) -> None:
    """INV-KIN-62: mg or ug, minutes or hours: not one bit of the course differs."""
    first, second = (ask(name, parse_dose(text)) for text in (one, other))

    for analyte, values in first.concentrations.items():
        assert np.array_equal(values, second.concentrations[analyte])
    assert first.metrics == second.metrics


@given(models, amounts, st.sampled_from([2, 3, 4, 8]), st.floats(1.0, 60.0))
@BRISK
def test_an_infusion_in_parts_end_to_end_is_the_infusion(name, ug, parts, minutes) -> None:
    """INV-KIN-12: where one syringe ends and the next begins nothing can be seen."""
    each = minutes / parts
    pieces = [iv(ug // parts, each, k * each) for k in range(parts)]

    alike(ask(name, iv(ug, minutes)), ask(name, *pieces))


@given(models, amounts, st.floats(1.0, 60.0), st.integers(1, 400_000))
@BRISK
def test_a_later_session_is_the_same_session_later(name, ug, minutes, later) -> None:
    """INV-KIN-14: models know minutes since a dose, not the day."""
    before = ask(name, iv(ug, minutes))
    after = ask(name, iv(ug, minutes, float(later)), times=TIMES + later)

    alike(before, after, rel=1e-7)
    for analyte, metric in before.metrics.items():
        moved = after.metrics[analyte]
        assert moved.tmax_minutes - later == pytest.approx(metric.tmax_minutes, abs=1e-3)
        assert moved.auc_ng_h_per_ml == pytest.approx(metric.auc_ng_h_per_ml, rel=1e-7)


@given(models, amounts, st.floats(5.0, 60.0))
@BRISK
def test_two_infusions_side_by_side_are_one_of_twice_the_rate(name, ug, minutes) -> None:
    """INV-KIN-12: two pumps on one line."""
    alike(ask(name, iv(ug // 2, minutes), iv(ug // 2, minutes)), ask(name, iv(ug, minutes)))


@pytest.mark.parametrize("name", CARE)
def test_a_short_infusion_is_a_bolus_at_its_middle(name: str) -> None:
    """The mean of an exponential over d minutes is its value at the middle, but for (rate * d)^2 / 24.

    At 0.02 min and rates below 10 per minute that is less than 0.2 %.
    """
    short, times = 0.02, np.array([1.0, 2.0, 5.0, 20.0, 60.0, 240.0])
    infusion = ask(name, iv(9_600, short), times=times).concentrations["ketamine"]
    bolus = ask(name, iv(9_600), times=times - short / 2).concentrations["ketamine"]

    assert infusion == pytest.approx(bolus, rel=2e-3)


@pytest.mark.parametrize("name", CARE)
def test_how_fast_it_is_given_moves_the_peak_and_never_the_area(name: str) -> None:
    """Slower: a lower and later peak; the whole area is the same, also of each metabolite."""
    courses = [ask(name, iv(9_600, m), times=FOREVER) for m in (None, 5.0, 20.0, 60.0)]

    for analyte, metric in courses[0].metrics.items():
        peaks = [c.metrics[analyte].cmax_ng_per_ml for c in courses]
        moments = [c.metrics[analyte].tmax_minutes for c in courses]
        assert peaks == sorted(peaks, reverse=True)
        assert moments == sorted(moments)
        for course in courses[1:]:
            area = course.metrics[analyte].auc_ng_h_per_ml
            assert area == pytest.approx(metric.auc_ng_h_per_ml, rel=1e-6)


# --- weight --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BY_MG_PER_KG)
@given(kg=st.integers(45, 120), ug_per_kg=st.integers(100, 900))
@BRISK
def test_models_per_kilogram_give_one_course_for_one_dose_per_kilogram(name, kg, ug_per_kg):
    """Section 1.1 of the reference: linear in weight, so half a milligram per kilogram is one curve for all."""
    small = ask(name, iv(50 * ug_per_kg, 40.0), who=replace(ADULT, weight_kg=50.0))
    other = ask(name, iv(kg * ug_per_kg, 40.0), who=replace(ADULT, weight_kg=float(kg)))

    alike(small, other)


@pytest.mark.parametrize("name", ["perez_ruixo_2021"])
@pytest.mark.parametrize("kg", [39.0, 61.5, 120.0, 170.0])
def test_models_without_weight_give_one_course_for_one_dose(name: str, kg: float) -> None:
    """Weight was tested in that paper and not kept: milligrams count, and not milligrams per kilogram."""
    alike(ask(name, iv(9_600, 40.0)), ask(name, iv(9_600, 40.0), who=replace(ADULT, weight_kg=kg)))


@pytest.mark.parametrize("name", ALLOMETRIC)
@given(share=st.floats(0.0, 1.0))
@BRISK
def test_allometric_models_run_slower_by_the_fourth_root_of_the_weight(name, share) -> None:
    """Volume ~ W and clearance ~ W^0.75 make every rate ~ W^-0.25: the same course on a slower clock.

    A dose per kilogram over a time that goes with W^0.25 gives the same concentrations at times that go with W^0.25.
    """
    box = load_model(name).box
    age = min(box.age_years_max, 30.0)
    light = max(box.weight_kg_min, 10.0)
    # Whole kilograms keep the dose exact; never above the box, whose edge need not be one.
    heavy = max(
        math.floor(light + share * (min(box.weight_kg_max, 120.0) - light)), math.ceil(light)
    )
    slower = (heavy / light) ** 0.25
    times, minutes = np.array([0.5, 3.0, 10.0, 30.0, 45.0, 90.0, 300.0]), 20.0

    one = ask(name, iv(round(light * 1000), minutes), times=times, purpose="research",
              who=Subject(age_years=age, weight_kg=light))  # fmt: skip
    two = ask(name, iv(heavy * 1000, minutes * slower), times=times * slower, purpose="research",
              who=Subject(age_years=age, weight_kg=float(heavy)))  # fmt: skip

    alike(one, two)


# --- routes --------------------------------------------------------------------------------------

FR, LATER = 0.54, 0.62
"""Perez-Ruixo 2021, Table 3: the share taken up through the nose from the first device, and what is left of it for each later one."""
NASAL = "perez_ruixo_2021"


def area(*doses: Dose, name: str = NASAL, analyte: str = "ketamine") -> float:
    return ask(name, *doses, times=FOREVER).metrics[analyte].auc_ng_h_per_ml


def devices(*starts: float) -> tuple[Dose, ...]:
    return tuple(Dose(amount_ug=28_000, route="nasal", start_minutes=s) for s in starts)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_nasal_area_is_made_of_the_vein_and_the_mouth(count: int) -> None:
    """What the nose takes up counts as by vein; the rest is swallowed and counts as by mouth.

    So the area of one, two, three devices follows from two other routes and two published shares: 62, 54 and 51 % of
    what the vein would give, as in section 1.4 of the reference.
    """
    by_vein, by_mouth = (area(replace(iv(28_000), route=route)) for route in ("iv", "oral"))
    shares = [FR] + [FR * LATER] * (count - 1)
    expected = sum(share * by_vein + (1 - share) * by_mouth for share in shares)

    found = area(*devices(*(5.0 * k for k in range(count))))

    assert found == pytest.approx(expected, rel=1e-7)
    published = {1: 62, 2: 54, 3: 51}
    if count in published:
        assert round(100 * found / (count * by_vein)) == published[count]


def test_devices_far_apart_are_first_devices_again() -> None:
    """Thirty minutes are one sitting in that model; from then on each device is a first one."""
    one = area(*devices(0.0))

    assert area(*devices(0.0, 31.0)) == pytest.approx(2 * one, rel=1e-7)
    assert area(*devices(0.0, 31.0, 62.0)) == pytest.approx(3 * one, rel=1e-7)
    assert area(*devices(0.0, 30.0)) < 1.9 * one


@pytest.mark.parametrize(("count", "ug"), [(2, 56_000), (3, 84_000)])
def test_devices_at_one_moment_are_one_dose_of_so_many(count: int, ug: int) -> None:
    """Written as 84 mg or as three times 28 mg: what is counted is devices."""
    alike(
        ask(NASAL, *devices(*[0.0] * count)),
        ask(NASAL, Dose(amount_ug=ug, route="nasal")),
    )


@pytest.mark.parametrize(("name", "route"), [("perez_ruixo_2021", "oral"), ("ashraf_2018", "oral")])
def test_the_gut_and_the_liver_turn_ketamine_into_its_metabolite(name: str, route: str) -> None:
    """First pass: by mouth there is less ketamine than by vein, and more metabolite for each part of it."""
    by_vein, by_mouth = (
        ask(name, replace(iv(10_000), route=way), times=FOREVER).metrics for way in ("iv", route)
    )
    parent, metabolite = (
        by_mouth[a].auc_ng_h_per_ml / by_vein[a].auc_ng_h_per_ml
        for a in ("ketamine", "norketamine")
    )

    assert parent < 0.5 < 1.0 < metabolite / parent
    assert by_mouth["ketamine"].tmax_minutes > by_vein["ketamine"].tmax_minutes


@given(st.integers(10_000, 28_000), st.sampled_from(["iv", "oral"]), st.floats(0.0, 600.0))
@BRISK
def test_routes_do_not_hear_of_each_other(ug, route, start) -> None:
    """INV-KIN-12: nose and another way together are the sum of each alone, point by point."""
    spray, other = devices(0.0)[0], Dose(amount_ug=ug, route=route, start_minutes=start)
    both, one, two = (ask(NASAL, *d) for d in ((spray, other), (spray,), (other,)))

    for analyte, values in both.concentrations.items():
        total = one.concentrations[analyte] + two.concentrations[analyte]
        assert values == pytest.approx(total, rel=1e-9, abs=1e-9 * total.max())


# --- the effect site -----------------------------------------------------------------------------

SITES = sorted(
    (load_effect_site(n) for n in effect_site_names()), key=lambda s: s.half_life_minutes
)


@pytest.mark.parametrize("name", CARE)
@pytest.mark.parametrize("minutes", [5.0, 40.0])
def test_the_effect_peaks_where_the_curves_cross(name: str, minutes: float) -> None:
    """At its highest the effect neither rises nor falls, so what drives it stands at the very same height."""
    for site in SITES:
        peak = ask(name, iv(9_600, minutes), effect_site=site).metrics[EFFECT]
        there = ask(name, iv(9_600, minutes), times=[peak.tmax_minutes], effect_site=site)

        assert peak.tmax_minutes >= minutes
        assert float(there.concentrations["ketamine"][0]) == pytest.approx(
            peak.cmax_ng_per_ml, rel=1e-5
        )


@pytest.mark.parametrize("name", CARE)
def test_a_slower_effect_is_lower_and_later_and_loses_nothing(name: str) -> None:
    """The four published constants in order of their half-lives; the whole area is that of the blood."""
    courses = [ask(name, iv(9_600, 20.0), times=FOREVER, effect_site=site) for site in SITES]
    peaks = [c.metrics[EFFECT] for c in courses]

    heights = [p.cmax_ng_per_ml for p in peaks]
    assert heights == sorted(heights, reverse=True)
    assert [p.tmax_minutes for p in peaks] == sorted(p.tmax_minutes for p in peaks)
    for course in courses:
        blood = course.metrics["ketamine"]
        assert course.metrics[EFFECT].cmax_ng_per_ml < blood.cmax_ng_per_ml
        assert course.metrics[EFFECT].auc_ng_h_per_ml == pytest.approx(
            blood.auc_ng_h_per_ml, rel=1e-6
        )


@pytest.mark.parametrize("name", CARE)
def test_the_effect_rises_by_its_half_life_towards_the_blood(name: str) -> None:
    """dCe/dt = ln 2 / half-life * (C - Ce), by central differences of a hundredth of a minute."""
    site, step = SITES[-1], 0.01
    middle = np.array([5.0, 15.0, 30.0, 55.0, 90.0, 200.0])
    times = np.sort(np.concatenate([middle - step, middle, middle + step]))
    found = ask(name, iv(9_600, 40.0), times=times, effect_site=site).concentrations
    before, now, after = found[EFFECT].reshape(-1, 3).T
    slope = math.log(2) / site.half_life_minutes * (found["ketamine"][1::3] - now)

    assert (after - before) / (2 * step) == pytest.approx(slope, rel=1e-4, abs=1e-5 * now.max())


# --- people --------------------------------------------------------------------------------------


def row_of(name: str, etas: np.ndarray) -> list[dict[str, float]]:
    names = covariance_of(load_model(name))[0]
    return [dict(zip(names, map(float, row), strict=True)) for row in etas]


def by_sorting(values: list[float], chance: float) -> float:
    """A quantile as a statistician draws it: the sorted values at equal distances, a straight line between two."""
    ordered = sorted(values)
    place = chance * (len(ordered) - 1)
    low = min(int(place), len(ordered) - 2)
    return ordered[low] + (place - low) * (ordered[low + 1] - ordered[low])


@pytest.mark.parametrize("name", CARE)
def test_quantiles_of_many_are_those_of_as_many_single_answers(name: str) -> None:
    """INV-KIN-21: five people asked one by one through `simulate`, sorted by hand."""
    if not covariance_of(load_model(name))[0]:
        pytest.fail(f"{name} has no variability, and this table must then leave it out by name")
    model, dose, times = load_model(name), iv(9_600, 40.0), [1.0, 40.0, 90.0, 400.0]
    etas = population.draw_etas(model, 5, seed=5)
    chances = (0.0, 0.05, 0.5, 0.83, 1.0)

    found = population.quantiles(model, [ADULT] * 5, (dose,), np.array(times),
                                 probabilities=chances, etas=etas)  # fmt: skip
    single = [ask(name, dose, times=times, etas=row) for row in row_of(name, etas)]

    assert isinstance(found, population.PopulationQuantiles)
    for m, analyte in enumerate(found.analytes):
        for t in range(len(times)):
            values = [float(c.concentrations[analyte][t]) for c in single]
            for q, chance in enumerate(chances):
                expected = by_sorting(values, chance)
                assert found.concentrations[q, m, t] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("name", ["kamp_2020", "clements_1981", "domino_1982"])
def test_the_whole_area_of_each_drawn_person_is_the_dose_over_their_clearance(name: str) -> None:
    """Of everything that differs between people only the clearance decides the whole area."""
    model, people = load_model(name), 25
    etas = population.draw_etas(model, people, seed=11)
    names = covariance_of(model)[0]
    found = population.exposures(
        model, [ADULT] * people, (iv(9_600, 40.0),), end_minutes=float(FOREVER[-1]), etas=etas
    )
    clearance = model.parameter("cl")
    per_hour = 60.0 if clearance.unit == "L/min" else 1.0
    typical = (
        clearance.value
        * per_hour
        * (70.0 / clearance.weight_reference_kg) ** (clearance.weight_exponent)
    )
    deviation = etas[:, names.index("cl")] if "cl" in names else np.zeros(people)

    assert isinstance(found, population.PopulationExposures)
    # ug / (L/h) is ug*h/L, the same number as ng*h/mL.
    assert found.auc_ng_h_per_ml[:, 0] == pytest.approx(
        9_600 / (typical * np.exp(deviation)), rel=1e-6
    )


@pytest.mark.parametrize("name", CARE)
def test_a_crowd_of_one_is_the_person(name: str) -> None:
    """INV-KIN-21: courses and measures alike, with an effect site and somebody's own deviations."""
    model, dose, site = load_model(name), iv(9_600, 40.0), SITES[-1]
    etas = population.draw_etas(model, 1, seed=3)
    (row,) = row_of(name, etas)
    single = ask(name, dose, etas=row, effect_site=site)

    crowd = simulate_population(model, [ADULT], (dose,), TIMES, etas=etas, effect_site=site)
    measured = population.exposures(
        model, [ADULT], (dose,), end_minutes=float(TIMES[-1]), etas=etas, effect_site=site
    )

    assert isinstance(crowd, population.PopulationCourse)
    assert isinstance(measured, population.PopulationExposures)
    assert crowd.analytes == measured.analytes == tuple(single.concentrations)
    for m, (analyte, values) in enumerate(single.concentrations.items()):
        metric = single.metrics[analyte]
        assert crowd.of(analyte)[0] == pytest.approx(values, rel=1e-9, abs=1e-9 * values.max())
        assert measured.cmax_ng_per_ml[0, m] == pytest.approx(metric.cmax_ng_per_ml, rel=1e-9)
        assert measured.tmax_minutes[0, m] == pytest.approx(metric.tmax_minutes, abs=1e-3)
        assert measured.auc_ng_h_per_ml[0, m] == pytest.approx(metric.auc_ng_h_per_ml, rel=1e-9)


@given(st.permutations(range(6)), models)
@BRISK
def test_people_stand_in_any_order(order, name) -> None:
    """INV-KIN-21: nobody's course depends on who stands beside them."""
    model, dose = load_model(name), iv(9_600, 40.0)
    etas = population.draw_etas(model, 6, seed=8)
    weights = [replace(ADULT, weight_kg=55.0 + 5 * k) for k in range(6)]

    plain = simulate_population(model, weights, (dose,), TIMES, etas=etas)
    mixed = simulate_population(model, [weights[k] for k in order], (dose,), TIMES, etas=etas[order])  # fmt: skip

    assert np.allclose(mixed.concentrations, plain.concentrations[order], rtol=1e-12, atol=0)
