"""The gate before a dose: the whole decision table."""

from dataclasses import replace
from itertools import combinations, product

import pytest

from vigil.programme.domain.facts import GateFacts
from vigil.programme.domain.gate import decide_gate, is_ready

WHOLE = GateFacts(
    is_plan_newest=True, is_protocol_adopted=True, is_protocol_unchanged=True,
    is_assessment_eligible=True, is_consented=True, is_first_session=False, hours_since_last=48,
    interval_hours=48, sessions_done=5, sessions_planned=6, weight_age_hours=23,
    weight_age_hours_max=24, is_weight_change_large=True, is_weight_confirmed=True, sbp=139, dbp=89,
    sbp_review=140, dbp_review=90, sbp_defer=160, dbp_defer=100, is_prescriber_on_site=True,
    escort_name="R. Example", food_minutes=120, food_minutes_needed=120, drink_minutes=30,
    drink_minutes_needed=30, is_day_open=True, dose_ug=35_000, in_syringe_ug=35_000,
    has_give_duty=True,
)  # fmt: skip
"""Everything met, each at its boundary."""

NOT_MET = {
    "PRO-PLAN": {"is_plan_newest": False},
    "PRO-ADOPTED": {"is_protocol_adopted": False},
    "PRO-PROTOCOL": {"is_protocol_unchanged": False},
    "PRO-ASSESSMENT": {"is_assessment_eligible": False},
    "PRO-CONSENT": {"is_consented": False},
    "PRO-INTERVAL": {"hours_since_last": 47},
    "PRO-COUNT": {"sessions_done": 6},
    "PRO-WEIGHT": {"weight_age_hours": 24},
    "PRO-WEIGHT-CHANGE": {"is_weight_confirmed": False},
    "PRO-PRESSURE": {"dbp": 100},
    "PRO-FOOD": {"food_minutes": 119},
    "PRO-DRINK": {"drink_minutes": 29},
    "PRO-PRESCRIBER": {"is_prescriber_on_site": False},
    "PRO-DAY": {"is_day_open": False},
    "PRO-DRAW": {"in_syringe_ug": 34_999},
    "PRO-GIVE": {"has_give_duty": False},
}
UNKNOWN = {
    "PRO-PLAN": {"is_plan_newest": None},
    "PRO-ADOPTED": {"is_protocol_adopted": None},
    "PRO-PROTOCOL": {"is_protocol_unchanged": None},
    "PRO-ASSESSMENT": {"is_assessment_eligible": None},
    "PRO-CONSENT": {"is_consented": None},
    "PRO-INTERVAL": {"hours_since_last": None},
    "PRO-COUNT": {"sessions_done": None},
    "PRO-WEIGHT": {"weight_age_hours": None},
    "PRO-WEIGHT-CHANGE": {"is_weight_change_large": None},
    "PRO-PRESSURE": {"sbp": None},
    "PRO-FOOD": {"food_minutes": None},
    "PRO-DRINK": {"drink_minutes": None},
    "PRO-ESCORT": {"escort_name": " "},
    "PRO-PRESCRIBER": {"is_prescriber_on_site": None},
    "PRO-DAY": {"is_day_open": None},
    "PRO-DRAW": {"dose_ug": None},
    "PRO-GIVE": {"has_give_duty": None},
}
CODES = list(UNKNOWN)


def found(facts):
    return {item.code: item.is_met for item in decide_gate(facts)}


def test_the_whole_gate_is_ready_and_says_every_item():
    assert found(WHOLE) == dict.fromkeys(found(WHOLE), True)
    assert set(found(WHOLE)) == set(CODES)
    assert is_ready(decide_gate(WHOLE))


def test_every_combination_of_open_items_is_not_ready_and_names_exactly_them():
    """INV-PRO-01, all 2^17 combinations of met and open; the open ones alternate between no and unknown."""
    for count, chosen in enumerate(product((False, True), repeat=len(CODES))):
        broken = [code for code, is_open in zip(CODES, chosen, strict=True) if is_open]
        changes = {}
        for index, code in enumerate(broken):
            table = NOT_MET if (index + count) % 2 and code in NOT_MET else UNKNOWN
            changes |= table[code]
        items = decide_gate(replace(WHOLE, **changes))

        assert is_ready(items) == (not broken)
        assert [item.code for item in items if item.is_met is not True] == [
            item.code for item in items if item.code in broken
        ]


def test_every_pair_of_values_is_read_on_its_own():
    """An item never hides another: each pair of items in each of their three values."""
    for first, second in combinations(CODES, 2):
        for one, two in product(({}, NOT_MET, UNKNOWN), repeat=2):
            values = found(replace(WHOLE, **{**one.get(first, {}), **two.get(second, {})}))
            for code, table in ((first, one), (second, two)):
                expected = True if not table.get(code) else (False if table is NOT_MET else None)
                assert values[code] is expected, (first, second)


def test_every_open_item_says_what_to_do():
    for code in CODES:
        for table in (NOT_MET, UNKNOWN):
            if code in table:
                (item,) = [i for i in decide_gate(replace(WHOLE, **table[code])) if i.code == code]
                assert item.waits_for.endswith((".", "drawn."))


@pytest.mark.parametrize(
    ("changes", "is_met"),
    [
        ({"is_first_session": True, "hours_since_last": None}, True),
        ({"is_weight_change_large": False, "is_weight_confirmed": False}, True),
        ({"is_weight_change_large": True, "is_weight_confirmed": None}, None),
        ({"sbp": 159, "dbp": 99}, True),
        ({"sbp": 160}, False),
        ({"sbp": 220, "sbp_defer": None, "dbp_defer": None}, True),
        ({"weight_age_hours": -1}, False),
        ({"in_syringe_ug": 35_001}, False),
    ],
)
def test_boundaries(changes, is_met):
    assert is_ready(decide_gate(replace(WHOLE, **changes))) == (is_met is True)


def test_a_pressure_to_weigh_is_said():
    (item,) = [i for i in decide_gate(replace(WHOLE, sbp=140)) if i.code == "PRO-PRESSURE"]

    assert item.is_met is True
    assert "a prescriber weighs the risk" in item.text
