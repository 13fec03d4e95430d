"""The readiness curve by hand, its contradictions, and its files and those of the pressure prior."""

import math

import numpy as np
import pytest

from a_forecast_scene import GIVEN, NOW, REST, prepared, refreshed
from vigil.evidence.invalid import EvidenceInvalid, EvidenceMissing
from vigil.evidence.priors import (
    load_effect_level,
    load_pressure_prior,
    load_readiness,
    parse_effect_level,
    parse_pressure_prior,
    parse_readiness,
    prior_names,
)
from vigil.kinetics.readiness import (
    Item,
    ReadinessAnchors,
    ReadinessInvalid,
    ReadyShare,
    curve,
)

NASAL = load_readiness("ready_nasal_esketamine")
LEVEL = load_effect_level("olofsen_c50")
CLINICAL = tuple(Item(code=code, is_met=None) for code in NASAL.covers)


def nasal(**changes):
    question = {
        "elapsed_minutes": 30.0, "floor_minute": 120.0, "until_minute": 180.0, "items": CLINICAL,
        "anchors": NASAL, **changes,
    }  # fmt: skip
    return curve(**question)


# --- by hand ------------------------------------------------------------------------------------


def test_the_published_shares_stand_at_ninety_and_a_hundred_and_twenty_minutes() -> None:
    """Sanity of section 4: at least 90 % by 90 and 96.5 % by 120 minutes, but nothing before the floor."""
    found = nasal(floor_minute=0.0)

    at = dict(zip(found.minutes.tolist(), found.low.tolist(), strict=True))
    assert at[89.0] == 0.0
    assert math.isclose(at[90.0], 0.90)
    assert math.isclose(at[120.0], 0.965)
    with_floor = nasal()
    assert with_floor.half_by.late == with_floor.ninety_by.late == 120.0
    assert with_floor.half_by.early == 120.0


def test_an_escort_who_is_not_there_leaves_the_least_at_nothing() -> None:
    found = nasal(items=(*CLINICAL, Item(code="SES-ESCORT-ARRIVED", is_met=False)))

    assert found.uncovered_items == ("SES-ESCORT-ARRIVED",)
    assert np.all(found.low == 0)
    assert found.ninety_by.late is None
    assert found.ninety_by.early == 120.0


def test_only_the_escort_missing_makes_the_published_shares_beside_the_point() -> None:
    """Evidence of items that are met already says nothing of the one that is open."""
    met = tuple(Item(code=item.code, is_met=True) for item in CLINICAL)

    found = nasal(items=(*met, Item(code="SES-ESCORT-ARRIVED", is_met=None)))

    assert found.based_on == ()
    assert any("only the minimum stay" in note for note in found.notes)


def test_all_met_and_past_the_floor_is_ready_from_now() -> None:
    met = tuple(Item(code=item.code, is_met=True) for item in CLINICAL)

    found = nasal(items=met, elapsed_minutes=130.0)

    assert found.half_by.early == found.half_by.late == 130.0
    assert found.open_items == ()


NOT_YET = tuple(Item(code=code, is_met=False) for code in NASAL.covers)


def test_still_waiting_after_the_published_minutes_says_less_not_more() -> None:
    """At 125 minutes, recorded as not ready: one of the 3.5 %, of whom the published share says nothing more."""
    found = nasal(elapsed_minutes=125.0, items=NOT_YET)

    assert np.all(found.low == 0)
    assert found.high[0] == 0
    assert found.half_by.early == 126.0


def test_where_nobody_has_said_anything_the_published_share_stands() -> None:
    """INV-KIN-92: unknown is not a yes, and it is not a no either."""
    found = nasal(elapsed_minutes=125.0)

    assert found.low[0] == 0
    np.testing.assert_allclose(found.low[1:], 0.965)


def test_the_share_is_of_those_who_are_not_ready_now() -> None:
    """By hand: F(now) between 0.5 and 0.6, F(t) between 0.8 and 0.9: least 1 - 0.2 / 0.4, most 0.4 / 0.5."""
    shares = ReadinessAnchors(
        name="a", version=1, title="t", route="nasal", population="p", covers=("SES-GAIT",),
        sources=NASAL.sources,
        shares=tuple(
            ReadyShare(minutes=m, low=low, high=high, certainty="R", source="s", locator="l")
            for m, low, high in ((50.0, 0.5, 0.6), (60.0, 0.8, 0.9))
        ),
    )  # fmt: skip

    found = curve(
        elapsed_minutes=50.0, floor_minute=0.0, until_minute=60.0,
        items=(Item(code="SES-GAIT", is_met=False),), anchors=shares,
    )  # fmt: skip

    assert math.isclose(found.low[-1], 0.5)
    assert math.isclose(found.high[-1], 0.8)


def test_without_any_evidence_only_the_floor_speaks() -> None:
    found = nasal(anchors=None)

    assert np.all(found.low == 0)
    assert found.half_by.early == 120.0
    assert found.half_by.late is None


def test_a_real_forecast_bounds_the_curve_from_above() -> None:
    """The two rooms fit: a forecast made now, the published level, the item it covers."""
    answer = refreshed(
        prepared(), given=GIVEN, rest=REST, until_minutes=NOW + 120, levels_ng_per_ml=(LEVEL.ng_per_ml,)
    )  # fmt: skip

    found = curve(
        elapsed_minutes=NOW, floor_minute=60.0, until_minute=140.0,
        items=(Item(code="SES-DISSOCIATION", is_met=False),), forecast=answer, level=LEVEL,
    )  # fmt: skip

    shares = np.max([m.stays_below[LEVEL.ng_per_ml] for m in answer.models], axis=0)
    assert "121 ng/mL" in found.based_on[0]
    assert "kamp_2020, domino_1982" in found.based_on[0]
    assert np.all(found.high[found.minutes >= 60.0] <= np.minimum(shares, 0.99)[40:] + 1e-12)
    assert found.high[-1] > 0.9


def test_it_says_that_a_person_decides() -> None:
    assert nasal().notes[0].startswith("A person decides")


# --- contradictions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"elapsed_minutes": -1.0}, "elapsed_minutes"),
        ({"elapsed_minutes": math.nan}, "elapsed_minutes"),
        ({"floor_minute": -1.0}, "floor_minute"),
        ({"floor_minute": math.inf}, "floor_minute"),
        ({"until_minute": 30.5}, "until_minute"),
        ({"until_minute": 1e6}, "until_minute"),
        ({"until_minute": math.nan}, "until_minute"),
        ({"every_minutes": 0.0}, "every_minutes"),
        ({"items": (*CLINICAL, CLINICAL[0])}, "items"),
    ],
)
def test_a_question_that_contradicts_itself_is_an_error(changes, field) -> None:
    with pytest.raises(ReadinessInvalid) as caught:
        nasal(**changes)

    assert caught.value.field == field
    assert repr(caught.value.value) in str(caught.value)


def test_a_forecast_of_another_moment_or_without_the_level_is_an_error() -> None:
    with_level = refreshed(prepared(), levels_ng_per_ml=(LEVEL.ng_per_ml,))
    without = refreshed(prepared(), levels_ng_per_ml=(60.0,))
    question = {
        "floor_minute": 0.0, "until_minute": 150.0, "items": CLINICAL, "level": LEVEL,
    }  # fmt: skip

    with pytest.raises(ReadinessInvalid, match="made now"):
        curve(elapsed_minutes=NOW + 5, forecast=with_level, **question)
    with pytest.raises(ReadinessInvalid, match="this level"):
        curve(elapsed_minutes=NOW, forecast=without, **question)


# --- files --------------------------------------------------------------------------------------

PRIOR_TOML = b"""
name = "p"
version = 1
title = "t"
drug = "esketamine"
site = "venous"
is_enabled = false
basis = "own"
[[sources]]
source_id = "own"
citation = "c"
read_as = "r"
[baseline]
name = "baseline"
value = 124.0
unit = "mmHg"
cv = 0.1
certainty = "K"
source = "own"
locator = "l"
[slope]
name = "slope"
value = 0.09
unit = "mmHg per ng/mL"
cv = 1.0
certainty = "K"
source = "own"
locator = "l"
[half_life]
name = "half_life"
value = 5.1
unit = "min"
low = 2.0
high = 13.0
share = 0.95
certainty = "K"
source = "own"
locator = "l"
[day_sd]
name = "day_sd"
value = 7.7
unit = "mmHg"
certainty = "R"
source = "own"
locator = "l"
[reading_sd]
name = "reading_sd"
value = 6.0
unit = "mmHg"
certainty = "K"
source = "own"
locator = "l"
"""


def test_every_file_of_the_folder_loads_and_names_itself() -> None:
    assert prior_names() == ("olofsen_c50", "pressure_s_ketamine", "ready_nasal_esketamine")
    assert load_pressure_prior("pressure_s_ketamine").name == "pressure_s_ketamine"
    assert LEVEL.name == "olofsen_c50"
    assert NASAL.name == "ready_nasal_esketamine"


def test_an_unknown_name_is_missing_and_the_known_ones_are_said() -> None:
    with pytest.raises(EvidenceMissing, match="olofsen_c50"):
        load_effect_level("nobody")


def test_the_level_is_arithmetic_on_the_published_amount() -> None:
    """0.51 (0.38 to 0.66) nmol/mL of ketamine, 237.7 ng per nmol."""
    for told, published in (
        (LEVEL.ng_per_ml, 0.51), (LEVEL.low_ng_per_ml, 0.38), (LEVEL.high_ng_per_ml, 0.66)
    ):  # fmt: skip
        assert abs(told - published * 237.7) < 0.5
    assert LEVEL.bounds == "most"
    assert LEVEL.certainty == "D"


def test_the_prior_of_the_reference_ships_switched_off() -> None:
    """INV-KIN-88: 0.09 mmHg per ng/mL of venous S-ketamine, CV 100 %, half-life 2 to 13 min; nobody signed it."""
    prior = load_pressure_prior("pressure_s_ketamine")

    assert not prior.is_enabled
    assert prior.slope.value == 0.09
    assert (prior.drug, prior.site) == ("esketamine", "venous")
    assert math.isclose(prior.slope.log_variance, math.log(2.0))
    assert math.isclose(
        math.exp(2 * 1.959964 * math.sqrt(prior.half_life.log_variance)), 13.0 / 2.0, rel_tol=1e-6
    )
    assert math.isclose(prior.half_life.value, math.sqrt(2.0 * 13.0), rel_tol=0.01)
    assert {prior.slope.certainty, prior.half_life.certainty} == {"K"}
    assert "not signed" in prior.basis


def changed(old: bytes, new: bytes) -> bytes:
    assert old in PRIOR_TOML
    return PRIOR_TOML.replace(old, new, 1)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (changed(b"is_enabled = false", b"is_enabled = true"), "$.is_enabled"),
        (changed(b"value = 0.09", b"value = 0.0"), "$.slope.value"),
        (changed(b'source = "own"\nlocator', b'source = "nobody"\nlocator'), "$.baseline.source"),
        (changed(b"cv = 1.0\n", b""), "$.slope"),
        (changed(b"share = 0.95\n", b""), "$.half_life"),
        (changed(b"low = 2.0", b"low = 13.0"), "$.half_life"),
        (changed(b"cv = 0.1", b"cv = 0.0"), "$.baseline"),
        (changed(b'site = "venous"', b'site = "capillary"'), "$.site"),
        (changed(b"version = 1", b"version = 1\nextra = 2"), "$.extra"),
        (b"\xff", "$"),
        (b"name = ", "$"),
    ],
)
def test_an_unsound_prior_is_refused_with_its_field(content, field) -> None:
    """INV-KIN-88: above all one that is enabled on numbers nobody confirmed."""
    with pytest.raises(EvidenceInvalid) as caught:
        parse_pressure_prior(content, file="p.toml")

    assert caught.value.field == field


def test_a_prior_of_confirmed_numbers_may_be_enabled() -> None:
    confirmed = PRIOR_TOML.replace(b'"K"', b'"R"').replace(
        b"is_enabled = false", b"is_enabled = true"
    )

    assert parse_pressure_prior(confirmed, file="p.toml").is_enabled


READY_TOML = b"""
name = "r"
version = 1
title = "t"
route = "nasal"
population = "p"
covers = ["SES-GAIT"]
[[sources]]
source_id = "s"
citation = "c"
read_as = "r"
[[shares]]
minutes = 90.0
low = 0.5
high = 0.9
certainty = "R"
source = "s"
locator = "l"
[[shares]]
minutes = 120.0
low = 0.6
high = 1.0
certainty = "R"
source = "s"
locator = "l"
"""


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (b"minutes = 120.0", b"minutes = 90.0", "$.shares[1].minutes"),
        (b"minutes = 90.0", b"minutes = 0.0", "$.shares[0].minutes"),
        (b"low = 0.6", b"low = 0.4", "$.shares[1].low"),
        (b"high = 0.9", b"high = 0.4", "$.shares[0].low"),
        (b"high = 1.0", b"high = 1.1", "$.shares[1].low"),
        (b'certainty = "R"', b'certainty = "sure"', "$.shares[0].certainty"),
        (b'source = "s"\nlocator', b'source = "x"\nlocator', "$.shares[0].source"),
    ],
)
def test_shares_that_fall_or_leave_zero_to_one_are_refused(old, new, field) -> None:
    assert parse_readiness(READY_TOML, file="r.toml").shares[1].low == 0.6

    with pytest.raises(EvidenceInvalid) as caught:
        parse_readiness(READY_TOML.replace(old, new, 1), file="r.toml")

    assert caught.value.field == field


LEVEL_TOML = b"""
name = "l"
version = 1
title = "t"
ng_per_ml = 121.0
low_ng_per_ml = 90.0
high_ng_per_ml = 157.0
covers = []
bounds = "most"
certainty = "D"
locator = "l"
[source]
source_id = "s"
citation = "c"
read_as = "r"
"""


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (b"ng_per_ml = 121.0", b"ng_per_ml = 89.0", "$.ng_per_ml"),
        (b"low_ng_per_ml = 90.0", b"low_ng_per_ml = 0.0", "$.ng_per_ml"),
        (b"high_ng_per_ml = 157.0", b"high_ng_per_ml = 120.0", "$.ng_per_ml"),
        (b'certainty = "D"', b'certainty = "Z"', "$.certainty"),
        (b'bounds = "most"', b'bounds = "least"', "$.bounds"),
    ],
)
def test_a_level_outside_its_own_interval_is_refused(old, new, field) -> None:
    assert parse_effect_level(LEVEL_TOML, file="l.toml").ng_per_ml == 121.0

    with pytest.raises(EvidenceInvalid) as caught:
        parse_effect_level(LEVEL_TOML.replace(old, new, 1), file="l.toml")

    assert caught.value.field == field
