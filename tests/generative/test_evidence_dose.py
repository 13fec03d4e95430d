"""The dose is never above a cap, never above the order, and loses less than one step."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from vigil.evidence.protocols import Dosing, dose_ug

dosings = st.builds(
    Dosing,
    kind=st.just("per-kg"),
    ug_per_kg=st.just(1),
    ug_per_kg_max=st.integers(1, 5_000),
    total_ug_max=st.integers(1, 500_000),
    step_ug=st.integers(1, 5_000),
    infusion_minutes=st.just(40),
)
weights_g = st.integers(500, 400_000)
orders = st.integers(1, 50_000)


@given(dosing=dosings, weight_g=weights_g, ug_per_kg=orders)
def test_a_dose_is_the_capped_order_rounded_down(
    dosing: Dosing, weight_g: int, ug_per_kg: int
) -> None:
    """Second derivation, in exact fractions."""
    capped = min(
        Fraction(min(ug_per_kg, dosing.ug_per_kg_max) * weight_g, 1000),
        Fraction(dosing.total_ug_max),
    )

    dose = dose_ug(dosing, weight_g=weight_g, ug_per_kg=ug_per_kg, fixed_ug=None)

    assert dose % dosing.step_ug == 0
    assert 0 <= capped - dose < dosing.step_ug


@given(dosing=dosings, weights=st.tuples(weights_g, weights_g), ug_per_kg=orders)
def test_a_heavier_person_is_never_given_less(
    dosing: Dosing, weights: tuple[int, int], ug_per_kg: int
) -> None:
    lighter, heavier = (
        dose_ug(dosing, weight_g=weight, ug_per_kg=ug_per_kg, fixed_ug=None)
        for weight in sorted(weights)
    )

    assert lighter <= heavier
