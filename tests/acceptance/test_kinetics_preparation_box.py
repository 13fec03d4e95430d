"""The box of the dose arithmetic from outside and inside: a million random requests, and every clinical pump setting.

Source: kinetics reference, goal G14 (no unrefused input outside the box in 1e6 draws) and section 4.
"""

import random
from collections import Counter

from a_dose_grid import SIGNED, WEIGHTS_TENTHS
from vigil.kinetics.preparation import Caps, Order, Prepared, Syringe, Vial, prepare
from vigil.kinetics.pump import Pump, PumpSetting, set_pump

DRAWS = 1_000_000
SEED = 20_261_124

WEIGHTS_G = (None, -1, 0, 1, 29_999, 30_000, 30_001, 70_000, 199_999, 200_000, 200_001, 7 * 10**7)
DOSES = (None, -500, -1, 0, 1, 50, 500, 750, 751, 35_000, 10**9)
CAPS = tuple(
    Caps(total_ug_max=total, ug_per_kg_max=per_kg)
    for total in (1, 99, 50_000, 100_000, 10**9)
    for per_kg in (None, 1, 750, 2_000)
)
SYRINGES = tuple(Syringe(step_ul=step) for step in (10, 100, 1_000))
DRUGS = (
    "ketamine",
    "ketamine",
    "ketamine",
    "esketamine",
    "esketamine",
    "S-ketamine",
    "arketamine",
    "",
)
VIALS = tuple(
    Vial(drug=drug, strength_as=strength_as, ug_per_ml=strength, content_ul=20_000)
    for drug in DRUGS
    for strength_as in ("base", "base", "base", "hydrochloride", "")
    for strength in (10_000, 50_000, 100_000)
)


def test_a_million_random_requests_leave_none_unrefused_outside_the_box():
    """INV-KIN-32, G14: sound parts mixed with edges and faults; answers and every refusal must occur."""
    draw = random.Random(SEED)
    seen: Counter[str] = Counter()

    for _ in range(DRAWS):
        # Each part is sound four times in five, so that one fault alone is the common case.
        weight_g = draw.randint(30_000, 200_000) if draw.random() < 0.8 else draw.choice(WEIGHTS_G)
        ug_per_kg = draw.randint(1, 2_000) if draw.random() < 0.8 else draw.choice(DOSES)
        fixed_ug = draw.randint(1, 200_000) if draw.random() < 0.8 else draw.choice(DOSES)
        if draw.random() < 0.8:
            ug_per_kg, fixed_ug = draw.choice([(ug_per_kg, None), (None, fixed_ug)])
        vial, caps = draw.choice(VIALS), draw.choice(CAPS)
        drug = vial.drug if draw.random() < 0.8 else draw.choice(DRUGS)
        answer = prepare(
            Order(drug=drug, ug_per_kg=ug_per_kg, fixed_ug=fixed_ug),
            weight_g=weight_g, vial=vial, syringe=draw.choice(SYRINGES), caps=caps,
        )  # fmt: skip

        if not isinstance(answer, Prepared):
            seen[answer.code] += 1
            continue
        seen["prepared"] += 1
        assert drug == vial.drug in {"ketamine", "esketamine"}
        assert vial.strength_as == "base"
        assert 30_000 <= weight_g <= 200_000
        assert (ug_per_kg is None) != (fixed_ug is None)
        assert (ug_per_kg or 0) + (fixed_ug or 0) > 0
        assert 0 < answer.drawn_ug <= caps.total_ug_max
        assert fixed_ug is None or answer.drawn_ug <= fixed_ug
        if caps.ug_per_kg_max is not None:
            assert answer.drawn_ug * 1_000 <= caps.ug_per_kg_max * weight_g
        else:
            assert ug_per_kg is None

    # Positive control: the draws reach an answer and every refusal, so the assertions above were not idle.
    assert set(seen) == {
        "prepared", "KIN-ORDER-NONE", "KIN-ORDER-TWO", "KIN-DOSE-ZERO", "KIN-DRUG-UNCLEAR", "KIN-DRUG-OTHER",
        "KIN-SALT-BASE", "KIN-WEIGHT-UNKNOWN", "KIN-WEIGHT-RANGE", "KIN-CAP-NONE", "KIN-DRAW-ZERO",
    }  # fmt: skip
    assert seen["prepared"] > 50_000


def test_every_clinical_dose_in_forty_minutes_at_every_weight_has_the_highest_slow_enough_rate():
    """INV-KIN-38, by multiplication alone: R x 40 min never passes V, one step more would; 0.05 to 0.75 mg/kg."""
    pump = Pump(step_ul_per_hour=100)
    checked = 0

    for strength in (10_000, 50_000, 100_000):
        vial = Vial(drug="ketamine", strength_as="base", ug_per_ml=strength, content_ul=20_000)
        for ug_per_kg in range(50, 751, 50):
            order = Order(drug="ketamine", ug_per_kg=ug_per_kg)
            for tenths in WEIGHTS_TENTHS:
                prepared = prepare(
                    order, weight_g=tenths * 100, vial=vial, syringe=Syringe(step_ul=10), caps=SIGNED
                )  # fmt: skip
                assert isinstance(prepared, Prepared)
                setting = set_pump(prepared, pump=pump, infusion_minutes=40)
                volume = prepared.drawn_ul * 60
                if not isinstance(setting, PumpSetting):
                    assert setting.code == "KIN-RATE-ZERO"
                    assert volume < 100 * 40
                    continue
                assert setting.rate_ul_per_hour % 100 == 0
                assert (
                    setting.rate_ul_per_hour * 40 <= volume < (setting.rate_ul_per_hour + 100) * 40
                )
                checked += 1

    assert checked > 70_000
