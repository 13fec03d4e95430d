"""What is prepared is what the safe's register books: one arithmetic, two rooms.

The custody cross-check of the kinetics reference, section 4: amount drawn = given + wasted.
"""

from datetime import UTC, date, datetime
from uuid import UUID

from hypothesis import assume, given
from hypothesis import strategies as st

from vigil.custody.catalogue import products
from vigil.custody.domain.decide import (
    choose_container,
    decide_draw,
    decide_give,
    decide_waste_draw,
)
from vigil.custody.domain.facts import (
    Authorisation,
    Container,
    Draw,
    Drawn,
    Given,
    Person,
    Product,
    Wasted,
)
from vigil.custody.domain.reading import read_counted
from vigil.kinetics.devices import CountedDevices, Device, count_devices
from vigil.kinetics.preparation import (
    Caps,
    Order,
    Prepared,
    Syringe,
    Vial,
    exact_amount_ug,
    exact_volume_ul,
    prepare,
)
from vigil.kinetics.pump import ClosedOut, Pump, PumpSetting, close_out, set_pump
from vigil.units.amounts import show_ml

CLINIC = UUID(int=1)
VIALS = [one for one in products(CLINIC) if one.form == "vial"]
DEVICES = [one for one in products(CLINIC) if one.form == "device"]
NURSE = Person(staff_id=UUID(int=2), name="nurse")
WITNESS = Person(staff_id=UUID(int=3), name="witness")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TODAY = date(2026, 11, 24)


def vial_of(product: Product) -> Vial:
    """The catalogue's vial as the preparation sees it."""
    content_ul = product.volume_ul(product.content_ug)
    assert product.strength_ug_per_ml is not None
    assert content_ul is not None
    return Vial(
        drug=product.drug,
        strength_as="base",
        ug_per_ml=product.strength_ug_per_ml,
        content_ul=content_ul,
    )


def container_of(product: Product) -> Container:
    return Container(
        container_id=UUID(int=4), product=product, lot="L1", expires_on=date(2027, 1, 1), label="1-01",
        filled_ug=product.content_ug, remaining_ug=product.content_ug, status="sealed",
    )  # fmt: skip


def authorised(product: Product) -> Authorisation:
    return Authorisation(
        plan_id=UUID(int=5), patient_id=UUID(int=6), drug=product.drug, form=product.form
    )


def drawn_from(product: Product, *, amount_ug: int) -> Drawn:
    """The draw that custody books for an amount."""
    container = container_of(product)
    assert choose_container([container], authorisation=authorised(product), on=TODAY)
    answer = decide_draw(
        container, authorisation=authorised(product), amount_ug=amount_ug, purpose_id=UUID(int=7),
        reason="the first strength is used up", is_day_open=True, draw_id=UUID(int=8), on=TODAY, by=NURSE,
        witness=WITNESS, at=NOON,
    )  # fmt: skip
    assert isinstance(answer, Drawn), answer
    return answer


def as_draw(drawn: Drawn, *, given_ug: int = 0) -> Draw:
    return Draw(
        draw_id=drawn.draw_id, container_id=drawn.container_id, container_label=drawn.container_label,
        lot=drawn.lot, expires_on=drawn.expires_on, product=drawn.product, patient_id=drawn.patient_id,
        plan_id=drawn.plan_id, purpose_id=drawn.purpose_id, drawn_ug=drawn.drawn_ug, given_ug=given_ug,
        wasted_ug=0, returned_ug=0, remaining_ug=drawn.drawn_ug - given_ug, drawn_by=NURSE.staff_id,
        drawn_by_name=NURSE.name, witness=WITNESS.staff_id, witness_name=WITNESS.name, at=NOON,
    )  # fmt: skip


prepared_doses = st.builds(
    lambda product, ug_per_kg, weight_g, step_ul: (
        product,
        prepare(
            Order(drug=product.drug, ug_per_kg=ug_per_kg),
            weight_g=weight_g,
            vial=vial_of(product),
            syringe=Syringe(step_ul=step_ul),
            caps=Caps(total_ug_max=100_000, ug_per_kg_max=750),
        ),
    ),
    product=st.sampled_from(VIALS),
    ug_per_kg=st.integers(50, 1_000),
    weight_g=st.integers(30_000, 200_000),
    step_ul=st.sampled_from([10, 100]),
)


@given(dose=prepared_doses)
def test_custody_reads_the_prepared_volume_and_amount_alike(dose):
    """INV-KIN-36: the volume for the amount and the amount for the volume are the same in both rooms."""
    product, prepared = dose
    assume(isinstance(prepared, Prepared))

    assert product.volume_ul(prepared.drawn_ug) == prepared.drawn_ul
    assert product.amount_ug(prepared.drawn_ul) == prepared.drawn_ug
    assert product.amount_ug(prepared.left_ul) == prepared.left_ug
    assert read_counted(show_ml(prepared.drawn_ul), product) == prepared.drawn_ug
    assert drawn_from(product, amount_ug=prepared.drawn_ug).drawn_ug == prepared.drawn_ug


@given(
    strength=st.integers(1, 200_000), volume_ul=st.integers(0, 50_000), amount_ug=st.integers(0, 500_000)
)  # fmt: skip
def test_both_rooms_convert_every_amount_and_volume_alike(strength, volume_ul, amount_ug):
    """The twin conversions of `Product` and of the preparation never differ, also where there is no whole number."""
    product = Product(
        product_id=CLINIC, name="any", drug="ketamine", form="vial", strength_ug_per_ml=strength,
        content_ug=200_000,
    )  # fmt: skip

    assert product.volume_ul(amount_ug) == exact_volume_ul(amount_ug, ug_per_ml=strength)
    assert product.amount_ug(volume_ul) == exact_amount_ug(volume_ul, ug_per_ml=strength)


@given(dose=prepared_doses, share=st.integers(1, 99), added=st.integers(0, 3_000))
def test_what_is_given_and_wasted_closes_the_draw(dose, share, added):
    """INV-KIN-36: prepare, draw, give a part, waste the rest: the register holds nothing back and nothing over."""
    product, prepared = dose
    assume(isinstance(prepared, Prepared))
    setting = set_pump(
        prepared, pump=Pump(step_ul_per_hour=100), infusion_minutes=40,
        made_up_to_ul=prepared.drawn_ul + added * prepared.syringe.step_ul,
    )  # fmt: skip
    assume(isinstance(setting, PumpSetting))
    given_ul = setting.infused_ul * share // 100
    closed = close_out(setting, given_ul=given_ul, wasted_ul=setting.infused_ul - given_ul)
    assert isinstance(closed, ClosedOut)
    assume(closed.given_ug > 0)
    draw = drawn_from(product, amount_ug=prepared.drawn_ug)

    gave = decide_give(as_draw(draw), amount_ug=closed.given_ug, by=NURSE, at=NOON)
    wasted = decide_waste_draw(
        as_draw(draw, given_ug=closed.given_ug), amount_ug=closed.wasted_ug, reason="left over",
        by=NURSE, witness=WITNESS, at=NOON,
    )  # fmt: skip

    assert isinstance(gave, Given)
    assert isinstance(wasted, Wasted)
    assert gave.amount_ug + wasted.amount_ug == draw.drawn_ug
    if added == 0:
        # Undiluted, the part in the pump is a volume of the product itself.
        assert product.amount_ug(closed.given_ul) == closed.given_ug
        assert product.amount_ug(closed.wasted_ul) == closed.wasted_ug


@given(device_count=st.integers(1, 3))
def test_a_counted_device_is_the_whole_container_of_the_register(device_count):
    """INV-KIN-37: devices are drawn one by one, each whole."""
    (product,) = DEVICES
    device = Device(drug=product.drug, content_as="base", content_ug=product.content_ug)

    counted = count_devices(
        Order(drug=product.drug, fixed_ug=device_count * product.content_ug),
        device=device, caps=Caps(total_ug_max=84_000),
    )  # fmt: skip

    assert isinstance(counted, CountedDevices)
    draws = [
        drawn_from(product, amount_ug=counted.device.content_ug)
        for _ in range(counted.device_count)
    ]
    assert sum(draw.drawn_ug for draw in draws) == counted.amount_ug
