"""Many people at once: every row is the one person's answer; the box holds for anybody; work can be stopped."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a_kinetics_room import (
    ADULT,
    BRISK,
    NAMES,
    PROMISED,
    doses_of,
    one_of_each_route,
    worst,
)
from vigil.evidence.models import default_effect_site, load_model
from vigil.kinetics import box, filling, population
from vigil.kinetics.cohort import DosesDiffer, EtasInvalid, build_cohort, values_of_many
from vigil.kinetics.exposure import EndInvalid, LevelInvalid, exposures
from vigil.kinetics.facts import Dose, Model, Subject
from vigil.kinetics.filling import fill
from vigil.kinetics.pieces import TimesInvalid, piecewise
from vigil.kinetics.population import (
    EtasOrSeed,
    PopulationCourse,
    PopulationExposures,
    PopulationQuantiles,
    ProbabilityInvalid,
    Stopped,
    draw_etas,
    outermost,
    quantiles,
    refusal_of_any,
    simulate_population,
)
from vigil.kinetics.system import build_schedule, build_system, covariance_of, values_for
from vigil.units.refusals import Refused

EVERY_MODEL = pytest.mark.parametrize("name", NAMES)
INFUSION = (Dose(amount_ug=35_000, route="iv", duration_minutes=40.0),)
HOUR = np.arange(0.0, 61.0)


def people_of(model: Model, count: int, *, seed: int = 4) -> list[Subject]:
    """People from all corners of the model's box."""
    generator = np.random.default_rng(seed)
    box_of = model.box
    return [
        Subject(
            age_years=float(generator.uniform(box_of.age_years_min, box_of.age_years_max)),
            weight_kg=float(generator.uniform(box_of.weight_kg_min, box_of.weight_kg_max)),
            population="japanese" if person % 3 == 0 else None,
        )
        for person in range(count)
    ]


@EVERY_MODEL
def test_every_row_is_the_one_persons_answer(name: str) -> None:
    """INV-KIN-21: values, matrices, schedules, courses and exposures, person by person."""
    model = load_model(name)
    people, doses = people_of(model, 7), one_of_each_route(model)
    etas = draw_etas(model, 7, seed=11)
    names, _ = covariance_of(model)
    cohort = build_cohort(model, people, doses, etas=etas, effect_site=default_effect_site())
    times = np.arange(0.0, 1200.0, 3.0)
    courses = np.empty((7, len(cohort.analytes), len(times)))

    fill(cohort, times, courses)
    measured = population.measure(cohort, end_minutes=1200.0)

    for person, subject in enumerate(people):
        values = values_for(model, subject, etas=dict(zip(names, etas[person], strict=True)))
        system = build_system(model, values, effect_site=default_effect_site())
        schedule = build_schedule(model, values, doses, states=system.states)
        np.testing.assert_allclose(cohort.system(person).rates, system.rates, rtol=1e-13)
        np.testing.assert_allclose(cohort.system(person).outputs, system.outputs, rtol=1e-13)
        assert worst(courses[person], piecewise(system, schedule, times)) <= PROMISED
        one = exposures(system, schedule, end_minutes=1200.0)
        peaks = [one[a].cmax_ng_per_ml for a in system.analytes]
        np.testing.assert_allclose(measured.cmax_ng_per_ml[person], peaks, rtol=1e-9)


@EVERY_MODEL
def test_values_of_many_are_the_values_of_each(name: str) -> None:
    """INV-KIN-21: weight, age, population and deviation, parameter by parameter."""
    model = load_model(name)
    people, etas = people_of(model, 9), draw_etas(model, 9, seed=2)
    names, _ = covariance_of(model)

    together = values_of_many(model, people, etas)

    for person, subject in enumerate(people):
        alone = values_for(model, subject, etas=dict(zip(names, etas[person], strict=True)))
        assert set(alone) == set(together)
        for parameter, value in alone.items():
            assert together[parameter][person] == pytest.approx(value, rel=1e-14)


@EVERY_MODEL
@given(drawn=st.data())
@settings(BRISK, max_examples=8)
def test_any_doses_reach_everybody(name: str, drawn: st.DataObject) -> None:
    """INV-KIN-21: durations that differ between people put their events in another order; each keeps their own."""
    model = load_model(name)
    people = people_of(model, 3)
    doses = drawn.draw(doses_of(model, most=4))
    etas = draw_etas(model, 3, seed=drawn.draw(st.integers(0, 99)))
    names, _ = covariance_of(model)
    cohort = build_cohort(model, people, doses, etas=etas)
    until = float(cohort.minutes.max()) + 300.0
    times = np.unique(np.concatenate([np.linspace(0.0, until, 150), cohort.minutes.ravel()]))
    courses = np.empty((3, len(cohort.analytes), len(times)))

    fill(cohort, times, courses)

    for person, subject in enumerate(people):
        values = values_for(model, subject, etas=dict(zip(names, etas[person], strict=True)))
        system = build_system(model, values)
        schedule = build_schedule(model, values, doses, states=system.states)
        assert worst(courses[person], piecewise(system, schedule, times)) <= PROMISED


def test_people_may_get_other_amounts() -> None:
    """Dosing by weight: a tuple of doses for each."""
    model = load_model("kamp_2020")
    people = [Subject(age_years=40.0, weight_kg=w) for w in (50.0, 70.0, 110.0)]
    doses = [
        (Dose(amount_ug=int(500 * p.weight_kg), route="iv", duration_minutes=40.0),) for p in people
    ]

    together = simulate_population(model, people, doses, HOUR)

    assert isinstance(together, PopulationCourse)
    for person in range(3):
        alone = simulate_population(model, people[person : person + 1], doses[person], HOUR)
        assert isinstance(alone, PopulationCourse)
        np.testing.assert_allclose(
            together.concentrations[person], alone.concentrations[0], rtol=1e-12
        )


@pytest.mark.parametrize(
    "second",
    [
        (),
        (*INFUSION, *INFUSION),
        (replace(INFUSION[0], start_minutes=1.0),),
        (replace(INFUSION[0], duration_minutes=None),),
    ],
    ids=["none", "two", "later", "at once"],
)
def test_people_may_not_get_other_kinds_of_doses(second: tuple[Dose, ...]) -> None:
    """INV-KIN-27: one cohort has one plan; the person is named by place."""
    with pytest.raises(DosesDiffer) as raised:
        build_cohort(load_model("kamp_2020"), [ADULT, ADULT], [INFUSION, second])

    assert raised.value.person == 1


def test_a_plan_for_each_of_other_people_is_refused() -> None:
    """INV-KIN-27: three plans for two people."""
    with pytest.raises(DosesDiffer):
        build_cohort(load_model("kamp_2020"), [ADULT, ADULT], [INFUSION] * 3)


@EVERY_MODEL
def test_draws_have_the_published_variance_and_covariance(name: str) -> None:
    """INV-KIN-26: over many draws, within five standard errors."""
    model = load_model(name)
    names, covariance = covariance_of(model)
    count = 40_000

    etas = draw_etas(model, count, seed=7)

    assert etas.shape == (count, len(names))
    if not names:
        return
    spread = np.sqrt(np.diag(covariance))
    assert np.all(np.abs(etas.mean(axis=0)) <= 5 * spread / np.sqrt(count))
    found = np.cov(etas.T).reshape(covariance.shape)
    assert np.all(np.abs(found - covariance) <= 5 * np.sqrt(2 / count) * np.outer(spread, spread))


def test_a_seed_is_a_crowd() -> None:
    """INV-KIN-26: the same seed gives the same people, another seed others, and more people begin with the fewer."""
    model = load_model("otto_2021")

    np.testing.assert_array_equal(draw_etas(model, 5, seed=1), draw_etas(model, 5, seed=1))
    np.testing.assert_array_equal(draw_etas(model, 9, seed=1)[:5], draw_etas(model, 5, seed=1))
    assert np.all(draw_etas(model, 5, seed=1) != draw_etas(model, 5, seed=2))
    assert draw_etas(model, 0, seed=1).shape[0] == 0


def test_a_course_says_what_it_was_made_with() -> None:
    """Model, version, site, analytes, deviations: enough to make it again."""
    model = load_model("otto_2021")

    made = simulate_population(
        model, [ADULT] * 3, INFUSION, HOUR, seed=5, effect_site=default_effect_site()
    )

    assert isinstance(made, PopulationCourse)
    assert (made.model, made.model_version, made.site) == (model.name, model.version, model.site)
    assert made.analytes == ("ketamine", "norketamine", "effect")
    assert made.effect_site == default_effect_site().name
    assert made.etas is not None
    again = simulate_population(
        model, [ADULT] * 3, INFUSION, HOUR, etas=made.etas, effect_site=default_effect_site()
    )
    assert isinstance(again, PopulationCourse)
    np.testing.assert_array_equal(again.concentrations, made.concentrations)
    np.testing.assert_array_equal(made.of("norketamine"), made.concentrations[:, 1])
    with pytest.raises(ValueError, match="tuple"):
        made.of("caffeine")


def test_the_answer_may_be_written_where_the_caller_says() -> None:
    """A long answer is made once, not copied."""
    into = np.full((2, 1, len(HOUR)), np.nan)

    made = simulate_population(load_model("kamp_2020"), [ADULT] * 2, INFUSION, HOUR, into=into)

    assert isinstance(made, PopulationCourse)
    assert made.concentrations is into
    assert np.all(np.isfinite(into))


def test_an_answer_far_larger_than_the_caches_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """INV-KIN-18: writing past the caches changes no bit, whatever the alignment of a row."""
    model = load_model("simons_2022")
    cohort = build_cohort(
        model,
        [ADULT] * 3,
        (Dose(amount_ug=50_000, route="sublingual"),),
        etas=draw_etas(model, 3, seed=1),
    )
    for count in (1, 7, 1023, 1024, 1025, 5003):
        times = np.arange(float(count))
        through = np.full((3, 3, count), np.nan)
        past = np.full((3, 3, count), np.nan)

        fill(cohort, times, through)
        with monkeypatch.context() as patched:
            patched.setattr(filling, "PAST_CACHES_BYTES", -1)
            fill(cohort, times, past)

        np.testing.assert_array_equal(through, past)


def test_unsorted_times_are_answered_in_their_order() -> None:
    """INV-KIN-25: a value belongs to its time."""
    times = np.array([40.0, 0.0, 60.0, 1.0, 40.0])

    made = simulate_population(load_model("kamp_2020"), [ADULT] * 2, INFUSION, times, seed=1)
    sorted_ = simulate_population(
        load_model("kamp_2020"), [ADULT] * 2, INFUSION, np.sort(times), seed=1
    )

    assert isinstance(made, PopulationCourse)
    assert isinstance(sorted_, PopulationCourse)
    np.testing.assert_array_equal(
        made.concentrations, sorted_.concentrations[:, :, [2, 0, 4, 1, 3]]
    )


@pytest.mark.parametrize("call", ["simulate", "exposures", "quantiles"])
def test_work_stops_when_asked_and_says_how_far_it_came(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """INV-KIN-23: by the exception, with the number done; nothing runs on."""
    model = load_model("kamp_2020")
    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> bool:
        seen.append((done, total))
        return len(seen) < 2

    monkeypatch.setattr(population, "STRETCH_BYTES", 8 * 1000 * 100)
    monkeypatch.setattr(population, "SHORT_SLAB", 100)
    people, times = [ADULT] * 1000, np.arange(0.0, 5000.0, 5.0)
    calls = {
        "simulate": lambda: simulate_population(
            model, people, INFUSION, HOUR, seed=1, progress=progress
        ),
        "exposures": lambda: population.exposures(
            model, people, INFUSION, end_minutes=60.0, seed=1, progress=progress
        ),
        "quantiles": lambda: quantiles(
            model, people, INFUSION, times, probabilities=(0.5,), seed=1, progress=progress
        ),
    }

    with pytest.raises(Stopped, match="as asked") as raised:
        calls[call]()

    assert len(seen) == 2
    assert seen[0][0] < seen[1][0] < seen[1][1]
    assert (raised.value.done, raised.value.total) == seen[1]
    assert not [t for t in threading.enumerate() if t.name.startswith("ThreadPoolExecutor")]


def test_progress_reaches_the_end_and_may_say_nothing() -> None:
    """INV-KIN-23: a callback that returns nothing never stops the work; the last report is the whole."""
    seen: list[tuple[int, int]] = []

    made = simulate_population(
        load_model("kamp_2020"),
        [ADULT] * 130,
        INFUSION,
        HOUR,
        progress=lambda done, total: seen.append((done, total)),
    )

    assert isinstance(made, PopulationCourse)
    assert seen[-1] == (130, 130)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_an_error_in_a_thread_is_not_swallowed() -> None:
    """What goes wrong in a slab reaches the caller."""

    def breaks(part: slice) -> None:
        raise ZeroDivisionError(part.start)

    with pytest.raises(ZeroDivisionError):
        list(population.in_slabs(breaks, 1000))


SUBJECTS = st.builds(
    Subject,
    age_years=st.one_of(
        st.none(), st.floats(-1.0, 120.0), st.just(float("nan")), st.floats(18.0, 70.0)
    ),
    weight_kg=st.one_of(
        st.none(), st.floats(0.0, 300.0), st.just(float("nan")), st.floats(50.0, 90.0)
    ),
    is_pregnant=st.sampled_from([None, False, False, True]),
    has_severe_hepatic_impairment=st.sampled_from([None, False, False, True]),
    interacting=st.sampled_from([(), (), ("ticlopidine",)]),
)
SOUND = st.builds(Subject, age_years=st.floats(18.0, 70.0), weight_kg=st.floats(45.0, 100.0))


@given(
    people=st.lists(st.one_of(SOUND, SOUND, SUBJECTS), min_size=1, max_size=12),
    name=st.sampled_from(NAMES),
    drawn=st.data(),
)
@settings(BRISK, max_examples=400)
def test_somebody_is_refused_exactly_when_one_of_them_would_be(
    people: list[Subject], name: str, drawn: st.DataObject
) -> None:
    """INV-KIN-22: asking a few outermost people is asking everybody."""
    model = load_model(name)
    doses = drawn.draw(doses_of(model, most=3))

    found = refusal_of_any(model, people, doses)

    each = [box.refusal(model, person, doses) for person in people]
    assert (found is None) == all(answer is None for answer in each)
    if found is not None:
        assert found in each


@given(people=st.lists(SUBJECTS, max_size=30))
@settings(BRISK, max_examples=200)
def test_the_outermost_are_few_of_the_people(people: list[Subject]) -> None:
    """INV-KIN-22: nobody is made up."""
    assert all(any(chosen is person for person in people) for chosen in outermost(people))
    assert bool(outermost(people)) == bool(people)


@pytest.mark.parametrize("call", ["simulate", "exposures", "quantiles"])
def test_one_person_outside_the_box_refuses_the_crowd(call: str) -> None:
    """INV-KIN-22: no number is given for anybody."""
    model = load_model("kamp_2020")
    people = [ADULT] * 50 + [replace(ADULT, weight_kg=300.0)] + [ADULT] * 50
    calls = {
        "simulate": lambda: simulate_population(model, people, INFUSION, HOUR),
        "exposures": lambda: population.exposures(model, people, INFUSION, end_minutes=60.0),
        "quantiles": lambda: quantiles(model, people, INFUSION, HOUR, probabilities=(0.5,)),
    }

    answer = calls[call]()

    assert isinstance(answer, Refused)
    assert answer.code == "KIN-WEIGHT-OUTSIDE"


def test_one_persons_dose_outside_the_box_refuses_the_crowd() -> None:
    """INV-KIN-22: doses by person are each looked at."""
    model = load_model("kamp_2020")
    doses = [INFUSION] * 9 + [(replace(INFUSION[0], amount_ug=10**9),)]

    answer = simulate_population(model, [ADULT] * 10, doses, HOUR)

    assert isinstance(answer, Refused)
    assert answer.code == "KIN-DOSE-OUTSIDE"


@pytest.mark.parametrize("probabilities", [(0.5,), (0.05, 0.25, 0.5, 0.75, 0.95), (1.0, 0.0)])
def test_quantiles_are_those_of_the_stored_courses(
    probabilities: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """INV-KIN-24: exact, over stretches of any width, in the order asked for."""
    model = load_model("otto_2021")
    times = np.arange(0.0, 300.0, 2.0)
    stored = simulate_population(model, [ADULT] * 101, INFUSION, times, seed=3)
    assert isinstance(stored, PopulationCourse)

    for width in (8 * 2 * 101 * 17, 64 * 2**20, 1):
        monkeypatch.setattr(population, "STRETCH_BYTES", width)
        found = quantiles(
            model, [ADULT] * 101, INFUSION, times, probabilities=probabilities, seed=3
        )

        assert isinstance(found, PopulationQuantiles)
        expected = np.quantile(stored.concentrations, probabilities, axis=0)
        np.testing.assert_allclose(found.concentrations, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("bad", [(-0.1,), (1.1,), (float("nan"),)])
def test_a_probability_outside_0_to_1_is_refused(bad: tuple[float, ...]) -> None:
    """INV-KIN-27: with the value and what to do."""
    with pytest.raises(ProbabilityInvalid, match="from 0 to 1"):
        quantiles(load_model("kamp_2020"), [ADULT], INFUSION, HOUR, probabilities=bad)


def test_bad_input_is_told_with_its_value() -> None:
    """INV-KIN-27: shapes, numbers, two ways at once."""
    model = load_model("kamp_2020")

    with pytest.raises(EtasInvalid, match=r"\(2, 1\)"):
        simulate_population(model, [ADULT] * 2, INFUSION, HOUR, etas=np.zeros((2, 1)))
    etas = draw_etas(model, 2, seed=1)
    with pytest.raises(EtasInvalid):
        simulate_population(model, [ADULT] * 2, INFUSION, HOUR, etas=etas * np.nan)
    with pytest.raises(EtasOrSeed):
        simulate_population(model, [ADULT] * 2, INFUSION, HOUR, etas=etas, seed=1)
    with pytest.raises(TimesInvalid):
        simulate_population(model, [ADULT], INFUSION, np.array([0.0, np.inf]))
    with pytest.raises(EndInvalid):
        population.exposures(model, [ADULT], INFUSION, end_minutes=-1.0)
    with pytest.raises(LevelInvalid):
        population.exposures(model, [ADULT], INFUSION, end_minutes=60.0, level_ng_per_ml=0.0)


def test_exposures_come_with_time_above_only_when_a_level_was_named() -> None:
    """No level, no number."""
    model = load_model("kamp_2020")

    without = population.exposures(model, [ADULT] * 2, INFUSION, end_minutes=600.0, seed=1)
    with_it = population.exposures(
        model, [ADULT] * 2, INFUSION, end_minutes=600.0, level_ng_per_ml=100.0, seed=1
    )

    assert isinstance(without, PopulationExposures)
    assert isinstance(with_it, PopulationExposures)
    assert without.above_minutes is None
    assert with_it.above_minutes is not None
    assert np.all((with_it.above_minutes > 0) & (with_it.above_minutes < 600))
    np.testing.assert_allclose(with_it.cmax_ng_per_ml, without.cmax_ng_per_ml, rtol=1e-12)


def test_many_threads_may_ask_at_once() -> None:
    """A web server's threads: every answer is that of a quiet hour."""
    model = load_model("kamp_2020")
    expected = simulate_population(model, [ADULT] * 200, INFUSION, HOUR, seed=9)
    assert isinstance(expected, PopulationCourse)
    found: list[np.ndarray] = []

    def ask() -> None:
        made = simulate_population(model, [ADULT] * 200, INFUSION, HOUR, seed=9)
        assert isinstance(made, PopulationCourse)
        found.append(made.concentrations)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    for each in found:
        np.testing.assert_array_equal(each, expected.concentrations)
