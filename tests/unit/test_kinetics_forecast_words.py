"""The whole forecast on models solved with a pencil: curves, moments, words and what is handed to whom. INV-KIN-44, 48, 60."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a_small_model import (
    PERSON,
    SURE,
    VOLUME,
    blood_after_bolus,
    blood_of_infusion,
    bolus,
    effect_after_bolus,
    effect_site,
    small_model,
)
from vigil.kinetics.draws import EFFECT_SITE, SITE, residual_draws
from vigil.kinetics.facts import Dose
from vigil.kinetics.forecast import Forecast, Prepared, forecast, prepare, refresh
from vigil.kinetics.forecast_limits import ForecastInvalid
from vigil.kinetics.planned import DRAWS, bands_so_far, planned_course
from vigil.units.refusals import Refused

TINY = {"cl": 1e-18}
"""People who differ by less than can be seen, so that every band is the pencil's curve."""
ONE = small_model("one", variances=TINY, residual=(0.1, 3.0), notes=("own note",))
TWO = small_model("two", variances=TINY, residual=(0.0, 2.0), site="arterial")
GIVEN = (bolus(10_000),)
INFUSION = Dose(amount_ug=40_000, route="iv", duration_minutes=40.0)


def prepared(*models, site=SURE, draws=8, seed=5, routes=("iv",)) -> Prepared:
    found = prepare(models or (ONE, TWO), PERSON, effect_site=site, routes=routes, draws=draws, seed=seed)  # fmt: skip
    assert isinstance(found, Prepared)
    return found


def refreshed(scene: Prepared | None = None, **question) -> Forecast:
    asked = {
        "given": (bolus(10_000),), "rest": (), "now_minutes": 10.0, "until_minutes": 70.0,
        "last_rate_record_minutes_ago": 0.0, **question,
    }  # fmt: skip
    found = refresh(scene or prepared(), **asked)
    assert isinstance(found, Forecast), found
    return found


# --- curves -------------------------------------------------------------------------------------


def test_bands_of_people_who_do_not_differ_are_the_pencils_curve() -> None:
    found = refreshed()

    wanted = effect_after_bolus(10_000, found.time_minutes)
    for model in found.models:
        for bands in (model.as_planned, model.if_stopped):
            for edge in (bands.low90, bands.median, bands.high90):
                np.testing.assert_allclose(edge, wanted, rtol=1e-6)


def test_as_planned_adds_the_rest_and_if_stopped_leaves_it_out() -> None:
    found = refreshed(rest=(bolus(6_000, 20.0), bolus(1_000, 30.0)))

    time = found.time_minutes
    given_part = effect_after_bolus(10_000, time)
    whole = given_part + effect_after_bolus(6_000, time - 20.0) + effect_after_bolus(1_000, time - 30.0)  # fmt: skip
    for model in found.models:
        np.testing.assert_allclose(model.if_stopped.median, given_part, rtol=1e-6)
        np.testing.assert_allclose(model.as_planned.median, whole, rtol=1e-6)


def test_an_infusion_stopped_half_way_is_half_an_infusion() -> None:
    found = refreshed(
        given=(dataclasses.replace(INFUSION, amount_ug=20_000, duration_minutes=20.0),),
        rest=(dataclasses.replace(INFUSION, amount_ug=20_000, start_minutes=20.0, duration_minutes=20.0),),
        now_minutes=20.0, compared_with_measurement=False,
    )  # fmt: skip

    whole = refreshed(given=(), rest=(INFUSION,), now_minutes=0.0, until_minutes=70.0)
    np.testing.assert_allclose(
        found.models[0].as_planned.median, whole.models[0].as_planned.median[20:], rtol=1e-6
    )
    assert found.models[0].if_stopped.median[-1] < found.models[0].as_planned.median[-1]


def test_the_peak_is_that_of_calculus() -> None:
    """At the top k exp(-k t) = k0 exp(-k0 t): t is log(k0 / k) / (k0 - k). A parabola through minutes finds it to a few seconds."""
    k, k0 = 1.0 / VOLUME, math.log(2.0) / 10.0
    top = math.log(k0 / k) / (k0 - k)

    found = refreshed(now_minutes=0.0)

    for model in found.models:
        assert model.peak.median == pytest.approx(top, abs=0.05)
        assert (model.peak.share_already, model.peak.share_later) == (0.0, 0.0)


def test_falling_below_is_told_for_both_questions_and_as_a_share_of_time() -> None:
    found = refreshed(rest=(bolus(6_000, 20.0),), levels_ng_per_ml=(50.0, 1e-9), until_minutes=190.0)  # fmt: skip
    fine = np.linspace(10.0, 190.0, 360_001)
    stopped = effect_after_bolus(10_000, fine)
    planned = stopped + effect_after_bolus(6_000, fine - 20.0)

    for model in found.models:
        for curve, interval in ((stopped, model.below_if_stopped[50.0]), (planned, model.below[50.0])):  # fmt: skip
            last = float(fine[np.flatnonzero(curve >= 50.0)[-1]])
            assert interval.median == pytest.approx(last, abs=0.05)
            assert interval.low90 == pytest.approx(last, abs=0.05)
        assert model.below[50.0].median > model.below_if_stopped[50.0].median
        shares = model.stays_below[50.0]
        crossed = model.below[50.0].median
        np.testing.assert_array_equal(shares, (found.time_minutes >= crossed).astype(float))
        assert model.below[1e-9].share_later == 1.0
        assert not model.stays_below[1e-9].any()


def test_a_moment_within_the_last_step_is_still_told() -> None:
    """The level is chosen to be crossed half a minute before the end."""
    at = float(effect_after_bolus(10_000, np.array([69.5]))[0])

    for model in refreshed(levels_ng_per_ml=(at,)).models:
        assert model.below[at].median == pytest.approx(69.5, abs=0.01)
        assert model.below[at].share_later == 0.0


@pytest.mark.parametrize("level", [0.0, -5.0, math.nan, math.inf])
def test_a_refresh_does_not_answer_for_a_level_that_is_none(level) -> None:
    with pytest.raises(ForecastInvalid) as caught:
        refreshed(levels_ng_per_ml=(level,))

    assert caught.value.field == "levels_ng_per_ml"


def test_levels_not_asked_for_are_not_answered() -> None:
    (first, _) = refreshed().models

    assert (first.below, first.below_if_stopped, first.stays_below) == ({}, {}, {})


def test_people_who_differ_more_have_wider_bands() -> None:
    widths = []
    for variance in (0.01, 0.04, 0.16):
        pair = tuple(small_model(name, variances={"cl": variance}) for name in ("one", "two"))
        model = refreshed(prepared(*pair, draws=200)).models[0]
        widths.append(float(np.log(model.as_planned.high90[-1] / model.as_planned.low90[-1])))

    assert widths == sorted(widths)
    # Twice the SD is about twice the width of the logarithm: 60 minutes on, decay is nearly all there is.
    assert widths[2] / widths[0] == pytest.approx(4.0, rel=0.35)


def test_a_half_life_in_doubt_widens_the_effect_site_and_not_the_blood() -> None:
    doubtful = prepared(site=effect_site(), draws=60)

    (effect, _) = refreshed(doubtful, until_minutes=40.0).models
    assert np.all(effect.as_planned.high90[5:] > effect.as_planned.low90[5:] * 1.02)
    silent = tuple(
        dataclasses.replace(m, residuals=(dataclasses.replace(m.residuals[0], proportional=0.0, additive_ng_per_ml=0.0),))
        for m in (ONE, TWO)
    )  # fmt: skip
    (blood, _) = refreshed(prepared(*silent, site=effect_site(), draws=60), compared_with_measurement=True).models  # fmt: skip
    np.testing.assert_allclose(blood.as_planned.high90, blood.as_planned.low90, rtol=1e-6)


# --- compared with measurement ------------------------------------------------------------------


def test_measured_blood_is_the_course_plus_its_scatter_by_hand() -> None:
    """SD is the root of (0.1 c)^2 + 3^2, times the draws' own normal numbers, never below nothing."""
    scene = prepared(draws=21)

    found = refreshed(scene, compared_with_measurement=True)

    course = blood_after_bolus(10_000, found.time_minutes)[:, None]
    for drawn, model in zip(scene.drawn, found.models, strict=True):
        (residual,) = drawn.model.residuals
        spread = np.sqrt((residual.proportional * course) ** 2 + residual.additive_ng_per_ml**2)
        scatter = residual_draws(drawn, len(course))
        measured = np.sort(np.maximum(course + spread * scatter, 0.0), axis=1)
        # 21 draws: every edge is one of them.
        for edge, place in (("low90", 1), ("low50", 5), ("median", 10), ("high50", 15), ("high90", 19)):  # fmt: skip
            np.testing.assert_allclose(
                getattr(model.as_planned, edge), measured[:, place], rtol=1e-6, atol=1e-6
            )


def test_scatter_is_added_once_to_the_whole_and_once_to_what_was_given() -> None:
    found = refreshed(rest=(bolus(6_000, 20.0),), compared_with_measurement=True)

    before = found.time_minutes < 20.0
    for model in found.models:
        np.testing.assert_allclose(model.as_planned.median[before], model.if_stopped.median[before])
        assert np.all(model.as_planned.median[~before] > model.if_stopped.median[~before])


# --- words and names ----------------------------------------------------------------------------


def test_each_answer_names_its_model_and_place() -> None:
    one, two = refreshed().models

    assert (one.model, one.model_version, one.title, one.site) == ("one", 2, "The one one", "venous")  # fmt: skip
    assert (two.model, two.site, two.effect_site) == ("two", "arterial", "site")


def test_the_notes_of_an_ordinary_forecast() -> None:
    found = refreshed(prepared(site=effect_site()))

    half_life, error = found.notes
    assert "around 10 min" in half_life
    assert "interval of 5 to 20 min" in half_life
    assert "(SD of the logarithm 0.35)" in half_life
    assert error == "Error of measurement is not in these bands: they are not for comparison with measured values."  # fmt: skip


def test_the_notes_of_a_comparison() -> None:
    found = refreshed(compared_with_measurement=True)

    assert found.notes == (
        "Bands of blood at each model's sampling site, with the error of measurement: to lay measured values beside.",
    )
    assert [m.effect_site for m in found.models] == [None, None]
    assert found.models[0].notes == ("own note",)
    assert found.models[1].notes == ()


def test_a_model_of_another_site_than_the_effect_site_follows_says_so_before_its_own_notes() -> (
    None
):
    one, two = refreshed(prepared(site=effect_site(follows="arterial"))).models

    assert one.notes[0].startswith("The model's samples are venous and the effect site follows arterial blood")  # fmt: skip
    assert one.notes[1:] == ("own note",)
    assert two.notes == ()


def test_borrowed_variability_is_said_first() -> None:
    borrowed = dataclasses.replace(ONE, borrowed_variability_from="lender")

    one, two = refreshed(prepared(borrowed, TWO)).models

    assert one.notes == (
        "Its paper gives no variability between people: that of lender is used.", "own note",
    )  # fmt: skip
    assert len(two.notes) == 1


# --- doors --------------------------------------------------------------------------------------


def once(*models, given=GIVEN, rest=(), **question):
    asked = {
        "now_minutes": 10.0, "until_minutes": 20.0, "draws": 4, "seed": 1, "effect_site": SURE,
        "last_rate_record_minutes_ago": 0.0, **question,
    }  # fmt: skip
    return forecast(models or (ONE, TWO), PERSON, given=given, rest=rest, **asked)


def test_asked_once_routes_come_from_all_doses() -> None:
    found = once(rest=(bolus(4_000, 12.0, "oral"),))

    assert isinstance(found, Forecast)
    assert found.models[0].as_planned.median[-1] > found.models[0].if_stopped.median[-1]


def test_a_step_is_a_minute_unless_said() -> None:
    assert once().time_minutes.tolist() == [float(t) for t in range(10, 21)]
    assert len(once(every_minutes=2.0).time_minutes) == 6
    assert len(refreshed().time_minutes) == 61


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"last_rate_record_minutes_ago": None}, "KIN-RATE-OLD"),
        ({"given": ()}, "KIN-DOSE-NONE"),
        ({"given": (bolus(2_000_000),)}, "KIN-DOSE-OUTSIDE"),
    ],
)
def test_asked_once_it_refuses_what_a_refresh_refuses(changes, code) -> None:
    found = once(**changes)

    assert isinstance(found, Refused)
    assert found.code == code


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"draws": 1}, "draws", "draws is 1; a band needs at least 2."),
        ({"draws": 0}, "draws", "draws is 0; a band needs at least 2."),
        ({"seed": -1}, "seed", "seed is -1; it must be 0 or more."),
    ],
)
def test_too_few_draws_or_a_seed_below_nothing(changes, field, words) -> None:
    with pytest.raises(ForecastInvalid) as caught:
        prepared(**changes)

    assert (caught.value.field, str(caught.value)) == (field, words)


def test_the_least_that_may_be_asked() -> None:
    scene = prepared(draws=2, seed=0)

    assert (scene.draws, scene.seed, scene.subject) == (2, 0, PERSON)
    assert [d.seed for d in scene.drawn] == [0, 0]


def test_a_route_is_refused_by_the_model_that_lacks_it_with_all_that_is_missing() -> None:
    vein = dataclasses.replace(TWO, routes=TWO.routes[:1])

    found = prepare((ONE, vein), PERSON, effect_site=SURE, routes=("iv", "oral", "nasal"), draws=4, seed=1)  # fmt: skip

    assert isinstance(found, Refused)
    assert found.code == "KIN-ROUTE"
    assert "The model two does not speak of this route (nasal, oral)." in found.message


def test_a_comparison_without_any_error_is_refused_only_when_compared() -> None:
    scene = prepared(ONE, dataclasses.replace(TWO, residuals=()))
    question = {"given": (bolus(1_000),), "rest": (), "now_minutes": 5.0, "until_minutes": 9.0, "last_rate_record_minutes_ago": 0.0}  # fmt: skip

    assert isinstance(refresh(scene, **question), Forecast)
    found = refresh(scene, compared_with_measurement=True, **question)
    assert isinstance(found, Refused)
    assert found.code == "KIN-NO-RESIDUAL"
    late = refresh(scene, compared_with_measurement=True, **{**question, "last_rate_record_minutes_ago": 99.0})  # fmt: skip
    assert late.code == "KIN-RATE-OLD"


@given(amount=st.integers(100, 90_000), factor=st.integers(2, 5))
@settings(deadline=None, max_examples=20)
def test_a_forecast_is_in_proportion_to_the_dose(amount, factor) -> None:
    """INV-KIN-61: bands multiply, moments of the peak stay, a level in proportion is crossed at one time."""
    plain = refreshed(SCENE, given=(bolus(amount),), levels_ng_per_ml=(amount / 90,))
    more = refreshed(SCENE, given=(bolus(amount * factor),), levels_ng_per_ml=(amount * factor / 90,))  # fmt: skip

    for one, other in zip(plain.models, more.models, strict=True):
        np.testing.assert_allclose(other.as_planned.high90, factor * one.as_planned.high90, rtol=1e-9)  # fmt: skip
        assert other.peak.median == pytest.approx(one.peak.median, abs=1e-6)
        (first,), (second,) = one.below.values(), other.below.values()
        assert second.median == pytest.approx(first.median, abs=1e-6)


SCENE = prepared(*(small_model(n, variances={"cl": 0.1, "v": 0.1}) for n in ("one", "two")), draws=30)  # fmt: skip


# --- the plan -----------------------------------------------------------------------------------


def test_the_planned_course_is_the_pencils_at_both_places() -> None:
    found = planned_course(ONE, PERSON, (INFUSION, bolus(500, 50.0)), effect_site=SURE, until_minutes=90, draws=4, seed=1)  # fmt: skip

    time = found.time_minutes
    assert time.tolist() == [float(t) for t in range(91)]
    blood = blood_of_infusion(40_000, 40.0, time) + blood_after_bolus(500, time - 50.0)
    np.testing.assert_allclose(found.in_blood.median, blood, rtol=1e-6, atol=1e-9)
    ask_forecast = refreshed(given=(), rest=(INFUSION, bolus(500, 50.0)), now_minutes=0.0, until_minutes=90.0)  # fmt: skip
    np.testing.assert_allclose(found.at_effect.median, ask_forecast.models[0].as_planned.median, rtol=1e-6, atol=1e-9)  # fmt: skip
    assert (found.model, found.effect_site) == (ONE, SURE)


def test_a_plan_of_two_ways_draws_for_both() -> None:
    found = planned_course(ONE, PERSON, (bolus(500), bolus(4_000, 5.0, "oral")), effect_site=SURE, until_minutes=60, draws=2, seed=1)  # fmt: skip
    vein = planned_course(ONE, PERSON, (bolus(500),), effect_site=SURE, until_minutes=60, draws=2, seed=1)  # fmt: skip

    assert np.all(found.in_blood.median[6:] > vein.in_blood.median[6:])
    np.testing.assert_allclose(found.in_blood.median[:6], vein.in_blood.median[:6], rtol=1e-6)


def test_fifty_people_lie_beyond_each_edge_of_a_plans_wide_band() -> None:
    assert DRAWS * 0.05 == 50


def test_what_came_so_far_is_at_the_effect_site_and_of_what_was_given() -> None:
    drawn = prepared().drawn[0]
    time = np.array([0.0, 3.0, 10.0])

    found = bands_so_far(drawn, (bolus(10_000),), time)

    np.testing.assert_allclose(found.median, effect_after_bolus(10_000, time), rtol=1e-6, atol=1e-9)
    assert (SITE, EFFECT_SITE) == (0, 1)
