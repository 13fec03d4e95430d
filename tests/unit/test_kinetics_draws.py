"""Drawn people: who differs from whom, by how much, and which of their modes may be trusted. INV-KIN-49."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a_small_model import (
    CLEARANCE,
    HALF_LIFE,
    LEAVES,
    PERSON,
    SURE,
    UPTAKE,
    VOLUME,
    alike,
    bolus,
    effect_site,
    small_model,
)
from vigil.evidence.models import load_model, model_names
from vigil.kinetics.draws import (
    CONDITION_MAX,
    EFFECT_SITE,
    INTERVAL_SHARE,
    SITE,
    Drawn,
    RouteNotPrepared,
    draw,
    half_life_sd,
    inputs_of,
    kept_states,
    residual_draws,
    root_of,
    varied,
)
from vigil.kinetics.facts import Covariance, Dose
from vigil.kinetics.population import draw_etas
from vigil.kinetics.system import EFFECT, build_system, covariance_of, values_for

MANY = 20_000


def drawn_of(model=None, *, draws: int = 6, seed: int = 1, routes=("iv",), site=SURE) -> Drawn:
    return draw(
        model or small_model(), PERSON, effect_site=site, routes=routes, draws=draws, seed=seed
    )


def logs(drawn: Drawn, name: str, typical: float) -> np.ndarray:
    return np.log(drawn.values[name] / typical)


# --- what is drawn ------------------------------------------------------------------------------


def test_people_who_do_not_differ_are_the_typical_person() -> None:
    drawn = alike(5)
    typical = values_for(small_model(), PERSON)

    assert set(drawn.values) == set(typical)
    for name, values in drawn.values.items():
        assert values.tolist() == [typical[name]] * 5
    np.testing.assert_allclose(drawn.half_life_minutes, [HALF_LIFE] * 5)


def test_the_scale_of_the_draws_is_the_published_variance() -> None:
    """Mean 0 and variance 0.09 of the logarithm: each within four of its own standard errors."""
    drawn = drawn_of(small_model(variances={"cl": 0.09}), draws=MANY)

    found = logs(drawn, "cl", CLEARANCE)

    assert abs(found.mean()) < 4 * 0.3 / math.sqrt(MANY)
    assert abs(found.var() - 0.09) < 4 * 0.09 * math.sqrt(2 / MANY)
    assert drawn.values["v"].tolist() == [VOLUME] * MANY


def test_days_differ_on_top_of_people() -> None:
    """A forecast is of one day: variance between days adds to that between people."""
    both = drawn_of(small_model(variances={"cl": 0.05}, occasions={"cl": 0.04}), draws=MANY)

    assert abs(logs(both, "cl", CLEARANCE).var() - 0.09) < 4 * 0.09 * math.sqrt(2 / MANY)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_parameters_that_go_together_are_drawn_together(sign) -> None:
    model = small_model(
        variances={"v": 0.04, "cl": 0.09}, covariances=(Covariance(a="v", b="cl", value=sign * 0.048),)
    )  # fmt: skip

    drawn = drawn_of(model, draws=MANY)

    together = np.corrcoef(logs(drawn, "v", VOLUME), logs(drawn, "cl", CLEARANCE))[0, 1]
    assert together == pytest.approx(sign * 0.8, abs=4 * 0.36 / math.sqrt(MANY))


def test_parameters_without_a_covariance_are_drawn_apart() -> None:
    drawn = drawn_of(small_model(variances={"v": 0.04, "cl": 0.09}), draws=MANY)

    apart = np.corrcoef(logs(drawn, "v", VOLUME), logs(drawn, "cl", CLEARANCE))[0, 1]
    assert abs(apart) < 4 / math.sqrt(MANY)


def test_the_half_life_is_drawn_apart_from_the_parameters() -> None:
    drawn = drawn_of(small_model(variances={"cl": 0.09}), draws=MANY, site=effect_site())

    apart = np.corrcoef(np.log(drawn.half_life_minutes), logs(drawn, "cl", CLEARANCE))[0, 1]
    assert abs(apart) < 4 / math.sqrt(MANY)


def test_nineteen_of_twenty_half_lives_lie_in_the_published_interval() -> None:
    """5 to 20 min about 10: symmetric on the logarithm, so one in forty beyond each end."""
    drawn = drawn_of(draws=MANY, site=effect_site(low=5.0, high=20.0))

    assert INTERVAL_SHARE == 0.95
    for beyond in (drawn.half_life_minutes < 5.0, drawn.half_life_minutes > 20.0):
        assert abs(beyond.mean() - 0.025) < 4 * math.sqrt(0.025 / MANY)


@given(middle=st.floats(1.0, 30.0), width=st.floats(1.0, 9.0))
def test_the_width_of_a_half_life_is_that_of_its_interval(middle, width) -> None:
    """INV-KIN-49: 1.96 SD on each side are the interval; its unit does not count."""
    site = dataclasses.replace(effect_site(), half_life_low=middle / width, half_life_high=middle * width)  # fmt: skip

    found = half_life_sd(site)

    assert math.exp(2 * 1.959963985 * found) == pytest.approx(width**2, rel=1e-8)
    in_hours = dataclasses.replace(site, half_life_low=middle / width / 60, half_life_high=middle * width / 60)  # fmt: skip
    assert half_life_sd(in_hours) == pytest.approx(found, abs=1e-12)


def test_a_log_normal_moves_by_a_factor_and_a_fraction_by_its_odds() -> None:
    lognormal = small_model(variances={"f": 1.0})
    logit = small_model(variances={"f": 1.0}, kinds={"f": "logit"})
    eta = np.array([-2.0, 0.0, math.log(3.0)])

    np.testing.assert_allclose(varied(lognormal, "f", 0.2, eta), [0.2 * math.exp(-2), 0.2, 0.6])
    # Odds of 1 to 4 times three are 3 to 4.
    np.testing.assert_allclose(varied(logit, "f", 0.2, eta)[1:], [0.2, 3.0 / 7.0])
    assert varied(logit, "f", 0.2, eta)[0] == pytest.approx(1 / (1 + 4 * math.exp(2)))


def test_the_same_seed_gives_the_same_people_whoever_asks_for_how_much_else() -> None:
    """Residuals, half-lives and people have random numbers of their own."""
    model = small_model(variances={"cl": 0.09}, residual=(0.1, 1.0))
    one, narrow, other = (
        drawn_of(model),
        drawn_of(model, site=effect_site()),
        drawn_of(model, seed=2),
    )

    np.testing.assert_array_equal(one.values["cl"], narrow.values["cl"])
    assert not np.any(one.values["cl"] == other.values["cl"])
    before = residual_draws(one, 3)
    np.testing.assert_array_equal(residual_draws(one, 3), before)
    np.testing.assert_array_equal(residual_draws(narrow, 3), before)
    assert not np.any(residual_draws(other, 3) == before)
    for column in (logs(one, "cl", CLEARANCE) / 0.3, np.log(narrow.half_life_minutes)):
        assert abs(np.corrcoef(column, before[0])[0, 1]) < 0.999
    normal = logs(one, "cl", CLEARANCE) / 0.3
    assert not np.allclose(np.abs(normal), np.abs(before.ravel()[:6]))
    half_lives = np.log(narrow.half_life_minutes / HALF_LIFE) / half_life_sd(effect_site())
    assert not np.allclose(np.abs(normal), np.abs(half_lives))
    assert not np.allclose(half_lives, before.ravel()[:6])


def test_longer_forecasts_have_the_same_scatter_where_they_overlap() -> None:
    drawn = alike(4)

    assert residual_draws(drawn, 9).shape == (9, 4)
    np.testing.assert_array_equal(residual_draws(drawn, 9)[:5], residual_draws(drawn, 5))


def test_one_person_is_no_draw() -> None:
    with pytest.raises(AssertionError):
        alike(1)
    assert len(alike(2).half_life_minutes) == 2


# --- the root of a covariance -------------------------------------------------------------------


def test_a_root_gives_its_covariance_back_also_where_two_always_go_together() -> None:
    for covariance in (
        np.diag([4.0, 9.0]),
        np.array([[1.0, 2.0], [2.0, 4.0]]),
        np.zeros((3, 3)),
        np.zeros((0, 0)),
    ):
        root = root_of(covariance)
        np.testing.assert_allclose(root @ root.T, covariance, atol=1e-12)


def test_what_is_no_covariance_is_our_mistake() -> None:
    with pytest.raises(AssertionError, match="not a covariance"):
        root_of(np.array([[1.0, 2.0], [2.0, 1.0]]))


@pytest.mark.parametrize("name", model_names())
def test_a_cohort_and_a_forecast_draw_from_one_covariance(name) -> None:
    """Both generators of people: the same spread from the same published table, each with its own seeds."""
    model = load_model(name)
    names, covariance = covariance_of(model)

    etas = draw_etas(model, 4_000, seed=3)

    assert etas.shape == (4_000, len(names))
    spread = np.sqrt(np.diag(covariance))
    error = np.abs(np.cov(etas.T).reshape(covariance.shape) - covariance)
    assert np.all(error <= 5 * np.outer(spread, spread) * math.sqrt(2 / 4_000) + 1e-12)


def test_a_cohort_is_its_normal_numbers_turned_by_the_root() -> None:
    """The rule that both keep, written out: standard normal numbers of a generator, times the root."""
    model = small_model(variances={"v": 0.04, "cl": 0.09}, covariances=(Covariance(a="v", b="cl", value=0.03),))  # fmt: skip
    normal = np.random.default_rng(11).standard_normal((5, 2))

    root = root_of(covariance_of(model)[1])

    np.testing.assert_array_equal(draw_etas(model, 5, seed=11), normal @ root.T)
    assert draw_etas(model, 0, seed=11).shape == (0, 2)
    assert draw_etas(small_model(), 7, seed=11).shape == (7, 0)


# --- which places are kept ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("routes", "kept"),
    [
        (("iv",), ("central",)),
        (("oral",), ("central", "depot")),
        (("nasal",), ("central", "depot")),
        (("sublingual",), ("central",)),
        (("iv", "oral"), ("central", "depot")),
        ((), ()),
    ],
)
def test_only_places_on_a_way_from_dose_to_blood_are_kept(routes, kept) -> None:
    """The metabolite takes and never gives back; the depot is kept where something is put into it."""
    assert kept_states(small_model(), routes) == kept
    if kept:
        assert drawn_of(routes=routes).states == (*kept, EFFECT)


def test_a_place_that_gives_back_is_kept() -> None:
    model = small_model()
    returning = dataclasses.replace(
        model,
        transfers=(*model.transfers, dataclasses.replace(model.transfers[2], to_compartment="depot")),
    )  # fmt: skip

    assert kept_states(returning, ("iv",)) == ("central", "depot", "lost")


# --- rates and modes ----------------------------------------------------------------------------


def test_the_rates_of_the_small_model_by_hand() -> None:
    """Order: blood, depot, effect site. Columns give, rows take."""
    drawn = drawn_of(routes=("oral",))
    ke0 = math.log(2.0) / HALF_LIFE

    wanted = [[-LEAVES, UPTAKE, 0.0], [0.0, -UPTAKE, 0.0], [ke0 / VOLUME, 0.0, -ke0]]
    for rates in drawn.rates:
        np.testing.assert_allclose(rates, wanted, atol=1e-15)
    np.testing.assert_allclose(drawn.seen[0], [[1 / VOLUME, 0.0, 0.0], [0.0, 0.0, 1.0]])
    assert (SITE, EFFECT_SITE) == (0, 1)


def test_a_mass_ratio_of_what_is_measured_counts_at_both_places() -> None:
    """A measured salt, or a metabolite's mass: the output's ratio multiplies what is seen and what the effect site follows."""
    model = small_model()
    (output,) = model.outputs
    heavier = dataclasses.replace(model, outputs=(dataclasses.replace(output, ratio="later"),))

    plain, found = drawn_of(model), drawn_of(heavier)

    np.testing.assert_allclose(found.seen[:, SITE], 0.8 * plain.seen[:, SITE])
    np.testing.assert_allclose(found.rates[:, -1, 0], 0.8 * plain.rates[:, -1, 0])
    np.testing.assert_allclose(found.rates[:, :-1, :-1], plain.rates[:, :-1, :-1])


def test_only_the_first_output_is_what_a_forecast_shows() -> None:
    """A metabolite that is measured too changes neither which places are kept nor what is seen."""
    model = small_model()
    (blood,) = model.outputs
    compartments = (*model.compartments[:2], dataclasses.replace(model.compartments[2], volume="v"))
    metabolite = dataclasses.replace(blood, analyte="norketamine", compartment="lost")
    two = dataclasses.replace(model, compartments=compartments, outputs=(blood, metabolite))

    plain, found = drawn_of(model, routes=("oral",)), drawn_of(two, routes=("oral",))

    assert found.states == plain.states == ("central", "depot", EFFECT)
    np.testing.assert_array_equal(found.seen, plain.seen)
    np.testing.assert_array_equal(found.rates, plain.rates)


@pytest.mark.parametrize("name", model_names())
def test_a_drawn_person_is_the_person_that_the_one_person_code_builds(name) -> None:
    """Two ways to one matrix: arrays over people here, one person with the same values there."""
    model, site = load_model(name), effect_site()
    person = dataclasses.replace(PERSON, age_years=6.0, weight_kg=20.0) if model.box.is_of_children else PERSON  # fmt: skip
    routes = tuple(route.route for route in model.routes)

    drawn = draw(model, person, effect_site=site, routes=routes, draws=3, seed=9)

    for index in range(3):
        values = {key: float(value[index]) for key, value in drawn.values.items()}
        half_life = float(drawn.half_life_minutes[index])
        system = build_system(
            model, values, effect_site=dataclasses.replace(site, half_life_minutes=half_life)
        )
        kept = [system.states.index(state) for state in drawn.states]
        np.testing.assert_allclose(drawn.rates[index], system.rates[np.ix_(kept, kept)], rtol=1e-12)
        rows = system.outputs[np.ix_([0, -1], kept)]
        np.testing.assert_allclose(drawn.seen[index], rows, rtol=1e-12)


def test_modes_put_together_are_the_rates() -> None:
    """V diag(p) V^-1: `left` is what is seen of V, so for what is seen the pieces give back the rates."""
    drawn = drawn_of(small_model(variances={"cl": 0.2, "ka": 0.2}), routes=("oral",), site=effect_site())  # fmt: skip

    assert drawn.is_modal.all()
    for k in range(6):
        back = drawn.left[k] @ drawn.right[k]
        np.testing.assert_allclose(back, drawn.seen[k], atol=1e-12)
        moved = drawn.left[k] * drawn.poles[k] @ drawn.right[k]
        np.testing.assert_allclose(moved, drawn.seen[k] @ drawn.rates[k], atol=1e-12)
    np.testing.assert_allclose(
        np.sort(drawn.poles[0]),
        np.sort([-drawn.values["cl"][0] / VOLUME, -drawn.values["ka"][0], -math.log(2) / drawn.half_life_minutes[0]]),
    )  # fmt: skip


def test_modes_that_nearly_meet_are_not_trusted() -> None:
    """How far two rates must be apart to lose less than six digits: closer than a few millionths is too close."""
    near, far = (math.log(2.0) / (LEAVES * (1.0 + gap)) for gap in (1e-9, 1e-2))

    for half_life, is_trusted in ((near, False), (far, True)):
        site = dataclasses.replace(SURE, half_life_minutes=half_life, half_life_low=half_life, half_life_high=half_life)  # fmt: skip
        assert drawn_of(site=site).is_modal.tolist() == [is_trusted] * 6
    assert CONDITION_MAX == 10**6


def test_swinging_modes_are_not_trusted() -> None:
    """A ring of three equal one-way steps turns: its rates are complex and no sum of plain decays."""
    model = small_model()
    compartments = (*model.compartments[:2], dataclasses.replace(model.compartments[2], volume="v"))
    blood, depot, lost = model.transfers
    ring = dataclasses.replace(
        model,
        compartments=compartments,
        transfers=(
            dataclasses.replace(blood, clearance=None, rate="ka"),
            dataclasses.replace(lost, rate="ka", to_compartment="depot"),
            depot,
        ),
    )

    drawn = drawn_of(ring, routes=("iv",))

    assert not drawn.is_modal.any()
    assert np.isfinite(drawn.poles).all()


# --- what enters --------------------------------------------------------------------------------


def test_what_enters_by_vein_by_hand() -> None:
    doses = (Dose(amount_ug=900, route="iv", start_minutes=4.0, duration_minutes=30.0), bolus(70, 2.0))  # fmt: skip

    found = inputs_of(alike(3), given=doses, rest=())

    assert found.begin.tolist() == [2.0, 4.0]
    assert found.lasting.tolist() == [[0.0] * 3, [30.0] * 3]
    assert found.strength.tolist() == [[70.0] * 3, [30.0] * 3]
    assert (found.state, found.given) == ((0, 0), 2)


def test_what_is_swallowed_enters_by_its_share_and_the_lost_part_is_left_out() -> None:
    drawn = drawn_of(routes=("iv", "oral"))

    found = inputs_of(drawn, given=(bolus(800, 1.0, "oral"),), rest=(bolus(50, 9.0),))

    assert found.state == (drawn.states.index("depot"), drawn.states.index("central"))
    np.testing.assert_allclose(found.strength, [[400.0] * 6, [50.0] * 6])
    assert (found.given, len(found.begin)) == (1, 2)


def test_a_duration_of_the_model_makes_a_rate_for_each_person() -> None:
    drawn = drawn_of(small_model(variances={"d": 0.2}), routes=("sublingual",))

    found = inputs_of(drawn, given=(bolus(600, 0.0, "sublingual"),), rest=())

    np.testing.assert_array_equal(found.lasting[0], drawn.values["d"])
    np.testing.assert_allclose(found.strength[0] * found.lasting[0], [600.0] * 6)
    assert np.ptp(found.lasting) > 1.0


def test_devices_are_counted_one_by_one_and_later_ones_give_less() -> None:
    drawn = drawn_of(routes=("nasal",))

    found = inputs_of(drawn, given=(bolus(28_000, 0.0, "nasal"),), rest=(bolus(56_000, 5.0, "nasal"),))  # fmt: skip

    assert found.begin.tolist() == [0.0, 5.0, 5.0]
    np.testing.assert_allclose(found.strength[:, 0], [14_000.0, 11_200.0, 11_200.0])
    assert found.given == 1


def test_nothing_enters_where_nothing_is_given() -> None:
    found = inputs_of(alike(3), given=(), rest=())

    assert (found.begin.shape, found.lasting.shape, found.strength.shape) == ((0,), (0, 3), (0, 3))
    assert (found.state, found.given) == ((), 0)


@pytest.mark.parametrize("place", ["given", "rest"])
def test_a_route_without_draws_is_named_with_those_that_have(place) -> None:
    drawn = drawn_of(routes=("iv", "oral"))
    doses = {"given": (), "rest": (), place: (bolus(28_000, 0.0, "nasal"),)}

    with pytest.raises(RouteNotPrepared) as caught:
        inputs_of(drawn, **doses)

    assert (caught.value.route, caught.value.prepared) == ("nasal", ("iv", "oral"))
    assert "'nasal'" in str(caught.value)
    assert "prepared for iv, oral" in str(caught.value)
    assert "Prepare again" in str(caught.value)


@given(cut=st.integers(0, 5), amounts=st.lists(st.integers(1, 9_000), min_size=5, max_size=5))
@settings(deadline=None)
def test_wherever_the_day_is_cut_the_same_enters(cut, amounts) -> None:
    """INV-KIN-61: given and rest together are the whole; the cut only says how many stand before it."""
    drawn = DRAWN_ORAL
    doses = tuple(bolus(a, 2.0 * k, "oral" if a % 2 else "iv") for k, a in enumerate(amounts))

    found = inputs_of(drawn, given=doses[:cut], rest=doses[cut:])
    whole = inputs_of(drawn, given=doses, rest=())

    assert found.given == cut
    assert found.state == whole.state
    np.testing.assert_array_equal(found.begin, whole.begin)
    np.testing.assert_array_equal(found.strength, whole.strength)


DRAWN_ORAL = drawn_of(routes=("iv", "oral"))
