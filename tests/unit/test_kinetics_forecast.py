"""The forecast's refusals, its contradictions, its words and its draws."""

import dataclasses
import math
import sys

import numpy as np
import pytest

from a_forecast_scene import (
    DOMINO,
    EFFECT_SITE,
    GIVEN,
    KAMP,
    NOW,
    OTTO,
    PAIR,
    PEREZ,
    REST,
    SIMONS,
    SUBJECT,
    YOUNG,
    infusion,
    prepared,
    refreshed,
    without_variability,
)
from vigil.kinetics import courses
from vigil.kinetics.bands import interval_of, peak_minutes
from vigil.kinetics.courses import courses_of
from vigil.kinetics.draws import (
    EFFECT_SITE as EFFECT_ROW,
)
from vigil.kinetics.draws import (
    SITE,
    RouteNotPrepared,
    draw,
    half_life_sd,
    inputs_of,
    kept_states,
    residual_draws,
    varied,
)
from vigil.kinetics.facts import Dose, Subject
from vigil.kinetics.forecast import Forecast, forecast, prepare, refresh
from vigil.kinetics.forecast_limits import (
    POINTS_MAX,
    RATE_RECORD_MINUTES_MAX,
    ForecastInvalid,
)
from vigil.kinetics.system import covariance_of, values_for
from vigil.units.refusals import Refused


def ask(**changes) -> Forecast | Refused:
    question = {
        "given": GIVEN, "rest": REST, "now_minutes": NOW, "until_minutes": NOW + 60.0, "draws": 40,
        "seed": 1, "effect_site": EFFECT_SITE, "last_rate_record_minutes_ago": 2.0,
        "models": PAIR, "subject": SUBJECT, **changes,
    }  # fmt: skip
    return forecast(question.pop("models"), question.pop("subject"), **question)


def code_of(answer: Forecast | Refused) -> str:
    assert isinstance(answer, Refused), "a forecast was given"
    assert answer.message
    assert str(SUBJECT.weight_kg) not in answer.message, "no patient detail in a message"
    return answer.code


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("models", [(), (KAMP,), (KAMP, KAMP)])
def test_one_model_is_no_forecast(models) -> None:
    """INV-KIN-46: never one curve; the same model twice is one."""
    assert code_of(ask(models=models)) == "KIN-ONE-MODEL"


def test_a_model_without_variability_has_no_honest_band() -> None:
    """INV-KIN-46."""
    assert code_of(ask(models=(KAMP, without_variability(DOMINO)))) == "KIN-NO-VARIABILITY"


@pytest.mark.parametrize(
    ("minutes", "is_refused"),
    [(0.0, False), (RATE_RECORD_MINUTES_MAX, False), (30.000001, True), (1e9, True),
     (-1e-9, True), (math.nan, True), (math.inf, True), (None, True)],
)  # fmt: skip
def test_a_rate_nobody_recorded_for_half_an_hour_is_refused(minutes, is_refused) -> None:
    """INV-KIN-46: the boundary is 30 minutes, itself allowed; a moment in the future or none is refused."""
    answer = ask(last_rate_record_minutes_ago=minutes)

    assert isinstance(answer, Refused) == is_refused
    if is_refused:
        assert code_of(answer) == "KIN-RATE-OLD"


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        (Subject(age_years=40, weight_kg=None), "KIN-WEIGHT-UNKNOWN"),
        (Subject(age_years=None, weight_kg=70), "KIN-AGE-UNKNOWN"),
        (Subject(age_years=17, weight_kg=70), "KIN-CHILD"),
        (Subject(age_years=40, weight_kg=700), "KIN-WEIGHT-OUTSIDE"),
        (Subject(age_years=40, weight_kg=70, is_pregnant=True), "KIN-PREGNANCY"),
        (Subject(age_years=40, weight_kg=70, has_severe_hepatic_impairment=True), "KIN-LIVER"),
    ],
)
def test_a_person_whom_a_model_does_not_speak_of_is_refused_before_anything_is_drawn(
    subject, code
) -> None:
    """INV-KIN-46: the box of every model is asked, also when only preparing."""
    early = prepare(PAIR, subject, effect_site=EFFECT_SITE, routes=("iv",), draws=10, seed=1)

    assert code_of(early) == code
    assert code_of(ask(subject=subject)) == code


def test_the_narrowest_box_decides() -> None:
    """INV-KIN-46: outside ANY model's box is outside."""
    older = Subject(age_years=60, weight_kg=70)
    assert isinstance(ask(subject=older), Forecast)

    assert code_of(ask(models=(KAMP, SIMONS), subject=older)) == "KIN-AGE-OUTSIDE"


def test_pieces_of_an_infusion_are_judged_as_the_whole() -> None:
    """INV-KIN-46: a dose too large in one piece is too large in forty."""
    whole = (infusion(0.0, 40.0, 190_000),)
    pieces = tuple(infusion(float(k), k + 1.0, 190_000 // 40) for k in range(40))

    answers = [
        ask(given=doses, rest=(), now_minutes=40.0, until_minutes=90.0) for doses in (whole, pieces)
    ]

    assert [code_of(answer) for answer in answers] == ["KIN-DOSE-OUTSIDE"] * 2


def test_a_first_second_of_an_infusion_is_not_too_small_a_dose() -> None:
    answer = ask(
        given=(infusion(0.0, 0.1, 20),), rest=(infusion(0.1, 40.0, 34_980),), now_minutes=0.1,
        until_minutes=60.0,
    )  # fmt: skip

    assert isinstance(answer, Forecast)


def test_nothing_given_and_nothing_planned_is_refused() -> None:
    assert code_of(ask(given=(), rest=())) == "KIN-DOSE-NONE"


def test_a_route_that_a_model_does_not_know_is_refused_and_never_converted() -> None:
    spray = (Dose(amount_ug=28_000, route="nasal"),)

    assert code_of(ask(models=(PEREZ, OTTO), given=spray, rest=())) == "KIN-ROUTE"
    early = prepare(
        (PEREZ, OTTO), YOUNG, effect_site=EFFECT_SITE, routes=("nasal",), draws=10, seed=1
    )
    assert code_of(early) == "KIN-ROUTE"


def test_bands_to_compare_need_a_published_error_of_measurement() -> None:
    silent = dataclasses.replace(OTTO, name="silent", residuals=())
    scene = prepared((SIMONS, silent), YOUNG)

    answer = refresh(
        scene, given=GIVEN, rest=REST, now_minutes=NOW, until_minutes=60.0,
        last_rate_record_minutes_ago=0.0, compared_with_measurement=True,
    )  # fmt: skip

    assert code_of(answer) == "KIN-NO-RESIDUAL"


# --- contradictions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"given": (infusion(0.0, 20.1, 10_000),)}, "given"),
        ({"given": (Dose(amount_ug=10_000, route="iv", start_minutes=21.0),)}, "given"),
        ({"rest": (infusion(19.9, 40.0, 10_000),)}, "rest"),
        ({"levels_ng_per_ml": (0.0,)}, "levels_ng_per_ml"),
        ({"levels_ng_per_ml": (math.nan,)}, "levels_ng_per_ml"),
        ({"levels_ng_per_ml": (121.0, math.inf)}, "levels_ng_per_ml"),
        ({"every_minutes": 0.0}, "every_minutes"),
        ({"every_minutes": math.nan}, "every_minutes"),
        ({"until_minutes": NOW + 1.9}, "until_minutes"),
        ({"until_minutes": math.nan}, "until_minutes"),
        ({"until_minutes": NOW + POINTS_MAX}, "until_minutes"),
        ({"now_minutes": -0.1}, "now_minutes"),
        ({"now_minutes": math.nan}, "now_minutes"),
        ({"draws": 1}, "draws"),
        ({"seed": -1}, "seed"),
    ],
)  # fmt: skip
def test_a_question_that_contradicts_itself_is_an_error(changes, field) -> None:
    """INV-KIN-47: the error names the field and the value."""
    with pytest.raises(ForecastInvalid) as caught:
        ask(**changes)

    assert caught.value.field == field
    assert repr(caught.value.value) in str(caught.value)


def test_a_dose_ending_now_by_a_clock_that_rounds_is_accepted() -> None:
    answer = ask(given=(infusion(0.0, NOW + 1e-9, 10_000),), rest=(infusion(NOW - 1e-9, 40.0, 9),))

    assert isinstance(answer, Forecast)


def test_a_route_that_was_not_prepared_is_an_error() -> None:
    scene = prepared((PEREZ, dataclasses.replace(PEREZ, name="twin")), routes=("nasal",))

    with pytest.raises(RouteNotPrepared, match="'iv'"):
        refreshed(scene, given=(infusion(0.0, 20.0, 10_000),), rest=())


# --- the answer ---------------------------------------------------------------------------------


def test_the_grid_starts_now_and_ends_at_until() -> None:
    answer = refreshed(prepared(), until_minutes=NOW + 90.0, every_minutes=1.5)

    assert answer.time_minutes[0] == NOW
    assert answer.time_minutes[-1] == NOW + 90.0
    assert len(answer.time_minutes) == 61


def test_nothing_left_means_both_questions_have_one_answer() -> None:
    """INV-KIN-44."""
    answer = refreshed(prepared(), rest=(), levels_ng_per_ml=(121.0,))

    for model in answer.models:
        np.testing.assert_array_equal(model.as_planned.median, model.if_stopped.median)
        assert model.below == model.below_if_stopped


def test_before_the_first_dose_stopping_means_nothing_at_all() -> None:
    answer = refreshed(
        prepared(), given=(), rest=(infusion(0.0, 40.0, 35_000),), now_minutes=0.0,
        until_minutes=60.0, levels_ng_per_ml=(10.0,),
    )  # fmt: skip

    for model in answer.models:
        assert np.all(model.if_stopped.high90 == 0.0)
        assert np.all(model.as_planned.low90[5:] > 0.0)
        assert model.below_if_stopped[10.0].share_already == 1.0


def test_after_the_end_the_peak_is_past_and_within_minutes() -> None:
    """The effect site lags: at the end of the infusion it still rises, two hours later it has long fallen."""
    full = (infusion(0.0, 40.0, 35_000),)
    at_end = refreshed(prepared(), given=full, rest=(), now_minutes=40.0, until_minutes=160.0)
    later = refreshed(prepared(), given=full, rest=(), now_minutes=160.0, until_minutes=280.0)

    for model in at_end.models:
        assert model.peak.median is not None
        # Within the first step the moment is told to within that step: one model's peak comes half a minute later.
        assert 40.0 <= model.peak.median < 50.0
        assert model.peak.high90 is not None
        assert model.peak.high90 > 40.0
        assert model.peak.share_later == 0.0
    for model in later.models:
        assert model.peak.share_already == 1.0
        assert model.peak.median == 160.0


def test_a_peak_beyond_the_times_shown_is_not_given_a_minute() -> None:
    answer = refreshed(prepared(), until_minutes=NOW + 10.0)

    for model in answer.models:
        assert model.peak.share_later == 1.0
        assert model.peak.median is None


def test_a_level_never_reached_is_told_as_a_share() -> None:
    answer = refreshed(prepared(), levels_ng_per_ml=(1e6, 1e-3))

    for model in answer.models:
        assert model.below[1e6].share_already == 1.0
        assert model.below[1e6].median == NOW
        assert model.below[1e-3].share_later == 1.0
        assert model.below[1e-3].median is None


def test_each_model_says_whose_it_is() -> None:
    answer = refreshed(prepared())

    assert [m.model for m in answer.models] == ["kamp_2020", "domino_1982"]
    assert {m.effect_site for m in answer.models} == {"olofsen_2022"}
    assert all(m.site in ("arterial", "venous") for m in answer.models)
    assert all(m.title and m.model_version >= 1 for m in answer.models)


def test_the_words_tell_borrowed_variability_the_drawn_half_life_and_the_missing_error() -> None:
    """INV-KIN-48: honest display."""
    answer = refreshed(prepared())

    words = " ".join(answer.notes)
    assert "5.1 to 13" in words
    assert "8.3" in words
    assert "Error of measurement is not in these bands" in words
    for model, shown in zip(PAIR, answer.models, strict=True):
        borrowed = [note for note in shown.notes if "simons_2022" in note]
        assert bool(borrowed) == (model.borrowed_variability_from == "simons_2022")


def test_a_venous_model_under_an_arterial_effect_site_says_so() -> None:
    answer = refreshed(prepared((SIMONS, OTTO), YOUNG))

    said = {
        m.model: any("the effect site follows" in note for note in m.notes) for m in answer.models
    }
    assert said == {"simons_2022": False, "otto_2021": True}


def test_bands_to_compare_are_of_blood_and_hold_the_error() -> None:
    """INV-KIN-48: included where compared, excluded where not; the effect site is never measured."""
    scene = prepared((SIMONS, OTTO), YOUNG, draws=4_000)
    ask_blood = {"given": (infusion(0.0, 40.0, 20_000),), "rest": (), "now_minutes": 60.0,
                 "until_minutes": 120.0}  # fmt: skip

    compared = refreshed(scene, compared_with_measurement=True, **ask_blood)

    for drawn, shown in zip(scene.drawn, compared.models, strict=True):
        inputs = inputs_of(drawn, given=ask_blood["given"], rest=())
        blood = courses_of(drawn, inputs, compared.time_minutes, row=SITE, chosen=slice(None))
        without = np.quantile(blood, (0.05, 0.95), axis=1)
        assert shown.effect_site is None
        assert np.all(shown.as_planned.high90 > without[1])
        assert np.all(shown.as_planned.low90 < without[0])
        # Log-scale widths add as squares where the error is proportional.
        residual = drawn.model.residuals[0]
        own = np.log(without[1] / without[0]) / 2
        told = np.log(shown.as_planned.high90 / shown.as_planned.low90) / 2
        np.testing.assert_allclose(told, np.hypot(own, 1.645 * residual.proportional), rtol=0.15)


def test_the_error_of_measurement_does_not_flicker() -> None:
    scene = prepared((SIMONS, OTTO), YOUNG)

    first, again = (refreshed(scene, compared_with_measurement=True) for _ in range(2))

    np.testing.assert_array_equal(
        first.models[0].as_planned.low90, again.models[0].as_planned.low90
    )
    assert not np.array_equal(
        residual_draws(scene.drawn[0], 3)[0], residual_draws(scene.drawn[0], 3)[1]
    )


# --- the draws ----------------------------------------------------------------------------------


def test_drawn_people_have_the_published_spread_and_covariance() -> None:
    """INV-KIN-49: logarithms of Otto's parameters against its own table, over 40,000 draws."""
    drawn = draw(OTTO, YOUNG, effect_site=EFFECT_SITE, routes=("iv",), draws=40_000, seed=8)
    names, wanted = covariance_of(OTTO)
    typical = values_for(OTTO, YOUNG)

    etas = np.array([np.log(drawn.values[name] / typical[name]) for name in names])

    spread = np.sqrt(np.diag(wanted))
    assert np.all(np.abs(etas.mean(axis=1)) < 4 * spread / 200)
    error = np.abs(np.cov(etas) - wanted) / np.outer(spread, spread)
    assert error.max() < 0.03


def test_a_fraction_is_drawn_on_the_logit_and_stays_one() -> None:
    eta = np.array([-50.0, -1.0, 0.0, 1.0, 50.0])
    (name,) = (p.name for p in PEREZ.parameters if p.variability and p.variability.kind == "logit")

    found = varied(PEREZ, name, 0.54, eta)

    assert np.all((found >= 0) & (found <= 1))
    np.testing.assert_allclose(
        np.log(found[1:4] / (1 - found[1:4])) - np.log(0.54 / 0.46), eta[1:4]
    )


def test_the_half_life_is_drawn_as_wide_as_its_published_interval() -> None:
    """INV-KIN-49: median 8.3 min; 95 % of the draws span a factor of 13.0 / 5.1."""
    drawn = draw(KAMP, SUBJECT, effect_site=EFFECT_SITE, routes=("iv",), draws=100_000, seed=2)

    low, middle, high = np.quantile(drawn.half_life_minutes, (0.025, 0.5, 0.975))

    assert abs(middle / EFFECT_SITE.half_life_minutes - 1) < 0.01
    ratio = EFFECT_SITE.half_life_high / EFFECT_SITE.half_life_low
    assert abs((high / low) / ratio - 1) < 0.02
    assert abs(half_life_sd(EFFECT_SITE) - 0.2387) < 1e-4


def test_every_model_meets_the_same_half_lives() -> None:
    """The effect site is one of the person, not of the model."""
    scene = prepared()

    np.testing.assert_array_equal(
        scene.drawn[0].half_life_minutes, scene.drawn[1].half_life_minutes
    )


def test_another_seed_is_another_draw_and_the_same_seed_the_same() -> None:
    one, same, other = (prepared(seed=seed).drawn[0].poles for seed in (4, 4, 5))

    np.testing.assert_array_equal(one, same)
    assert not np.any(one == other)


def test_only_what_reaches_the_measured_place_is_kept() -> None:
    assert kept_states(SIMONS, ("iv",)) == ("central", "peripheral1", "peripheral2")
    assert "mucosa" in kept_states(SIMONS, ("sublingual",))
    assert not any("norketamine" in name for name in kept_states(PEREZ, ("nasal", "oral")))


def test_draws_whose_modes_cannot_be_trusted_go_the_slow_way() -> None:
    """Two equal rates have no two vectors: the answer is that of the exponentials, not noise."""
    drawn = draw(KAMP, SUBJECT, effect_site=EFFECT_SITE, routes=("iv",), draws=3, seed=1)
    spoilt = dataclasses.replace(
        drawn, is_modal=np.array([True, False, True]), right=drawn.right.copy()
    )
    spoilt.right[1] = np.nan
    inputs = inputs_of(drawn, given=GIVEN, rest=())
    time = np.arange(20.0, 90.0)

    found = courses_of(spoilt, inputs, time, row=EFFECT_ROW, chosen=slice(None))

    wanted = courses_of(drawn, inputs, time, row=EFFECT_ROW, chosen=slice(None))
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


def test_without_numba_there_is_no_recurrence_and_no_error(monkeypatch) -> None:
    courses.recurrence.cache_clear()
    monkeypatch.setitem(sys.modules, "numba", None)
    try:
        assert courses.recurrence() is None
    finally:
        courses.recurrence.cache_clear()


def test_later_devices_count_across_now() -> None:
    """A rest of the plan knows that a device was given before it: it absorbs less."""
    drawn = draw(PEREZ, SUBJECT, effect_site=EFFECT_SITE, routes=("nasal",), draws=4, seed=1)
    first = Dose(amount_ug=28_000, route="nasal", start_minutes=0.0)
    second = Dose(amount_ug=28_000, route="nasal", start_minutes=5.0)

    both = inputs_of(drawn, given=(first,), rest=(second,))
    alone = inputs_of(drawn, given=(), rest=(second,))

    nose = drawn.states.index("nose")
    later = both.strength[both.given :][[s == nose for s in both.state[both.given :]]]
    fresh = alone.strength[[s == nose for s in alone.state]]
    (route,) = (r for r in PEREZ.routes if r.route == "nasal")
    assert route.later_device is not None
    np.testing.assert_allclose(
        later / fresh, np.full((1, 4), PEREZ.parameter(route.later_device).value)
    )
    assert np.all(later < fresh)


# --- moments ------------------------------------------------------------------------------------


def test_a_course_that_never_moves_has_its_peak_already() -> None:
    assert peak_minutes(np.full((5, 2), 3.0), np.arange(5.0)).tolist() == [0.0, 0.0]


def test_an_interval_over_one_draw_is_that_draw() -> None:
    found = interval_of(np.array([7.0]), first=0.0, last=10.0)

    assert (found.low90, found.median, found.high90) == (7.0, 7.0, 7.0)
    assert (found.share_already, found.share_later) == (0.0, 0.0)
