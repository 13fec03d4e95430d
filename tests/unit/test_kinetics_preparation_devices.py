"""Nasal devices: whole ones only."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil.kinetics.devices import CountedDevices, Device, count_devices, devices_ug
from vigil.kinetics.preparation import Caps, NotWholeNumber, Order
from vigil.units.refusals import Refused

DEVICE = Device(drug="esketamine", content_as="base", content_ug=28_000)
CAPS = Caps(total_ug_max=84_000)


def ordered(fixed_ug: int) -> Order:
    return Order(drug="esketamine", fixed_ug=fixed_ug)


@pytest.mark.parametrize(("fixed_ug", "device_count"), [(28_000, 1), (56_000, 2), (84_000, 3)])
def test_the_labelled_doses_are_one_two_or_three_devices(fixed_ug: int, device_count: int):
    answer = count_devices(ordered(fixed_ug), device=DEVICE, caps=CAPS)

    assert answer == CountedDevices(
        order=ordered(fixed_ug), device=DEVICE, caps=CAPS, asked_ug=fixed_ug, allowed_by="order",
        device_count=device_count,
    )  # fmt: skip
    assert (answer.amount_ug, answer.capped_ug) == (fixed_ug, 0)


@pytest.mark.parametrize(
    ("cap_ug", "device_count"), [(83_999, 2), (56_000, 2), (55_999, 1), (28_000, 1)]
)
def test_a_cap_leaves_the_whole_devices_below_it(cap_ug: int, device_count: int):
    answer = count_devices(ordered(84_000), device=DEVICE, caps=Caps(total_ug_max=cap_ug))

    assert (answer.device_count, answer.allowed_by) == (device_count, "total cap")
    assert answer.capped_ug == device_count * 28_000 - 84_000


REFUSED = {
    "nothing ordered": ({"order": None}, "KIN-ORDER-NONE"),
    "an order without a dose": ({"order": Order(drug="esketamine")}, "KIN-ORDER-NONE"),
    "two doses": ({"order": Order(drug="esketamine", fixed_ug=56_000, ug_per_kg=1)}, "KIN-ORDER-TWO"),
    "nothing at all": ({"order": ordered(0)}, "KIN-DOSE-ZERO"),
    "less than nothing": ({"order": ordered(-28_000)}, "KIN-DOSE-ZERO"),
    "per kilogram": ({"order": Order(drug="esketamine", ug_per_kg=500)}, "KIN-DEVICE-PER-KG"),
    "half a device": ({"order": ordered(14_000)}, "KIN-DEVICE-PART"),
    "one and a half": ({"order": ordered(42_000)}, "KIN-DEVICE-PART"),
    "a microgram more": ({"order": ordered(56_001)}, "KIN-DEVICE-PART"),
    "a microgram less": ({"order": ordered(55_999)}, "KIN-DEVICE-PART"),
    "cap below one": ({"caps": Caps(total_ug_max=27_999)}, "KIN-DEVICE-CAP"),
    "racemate ordered": ({"order": Order(drug="ketamine", fixed_ug=56_000)}, "KIN-DRUG-OTHER"),
    "unclear drug": ({"device": dataclasses.replace(DEVICE, drug="spray")}, "KIN-DRUG-UNCLEAR"),
    "content as salt": (
        {"device": dataclasses.replace(DEVICE, content_as="hydrochloride")}, "KIN-SALT-BASE",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changed", "code"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_whole_number_of_the_right_device_is_refused(changed, code):
    """INV-KIN-37: a device is never given in part."""
    answer = count_devices(**({"order": ordered(56_000), "device": DEVICE, "caps": CAPS} | changed))

    assert isinstance(answer, Refused)
    assert answer.code == code
    assert answer.message


@given(
    fixed_ug=st.integers(-10, 400_000), content_ug=st.integers(1, 50_000),
    total_ug_max=st.integers(1, 400_000),
)  # fmt: skip
def test_devices_laid_side_by_side_are_the_order_or_the_most_under_the_cap(
    fixed_ug: int, content_ug: int, total_ug_max: int
):
    """INV-KIN-37, by a second derivation: one device after another is laid down while order and cap allow."""
    device = dataclasses.replace(DEVICE, content_ug=content_ug)
    on_the_table = list(range(content_ug, max(fixed_ug, 0) + 1, content_ug))
    is_whole = bool(on_the_table) and on_the_table[-1] == fixed_ug
    within = [amount for amount in on_the_table if amount <= total_ug_max]

    answer = count_devices(ordered(fixed_ug), device=device, caps=Caps(total_ug_max=total_ug_max))

    assert isinstance(answer, CountedDevices) == (is_whole and bool(within))
    if isinstance(answer, CountedDevices):
        assert answer.device_count == len(within)
        assert answer.amount_ug == within[-1] == devices_ug(len(within), device=device)
        assert (answer.allowed_by == "order") == (fixed_ug <= total_ug_max)


@pytest.mark.parametrize("device_count", [-1, 1.5, True, "2"])
def test_a_number_of_devices_is_a_whole_number(device_count):
    with pytest.raises(NotWholeNumber, match=r"^device_count is "):
        devices_ug(device_count, device=DEVICE)


def test_no_device_is_no_drug():
    assert devices_ug(0, device=DEVICE) == 0


@pytest.mark.parametrize("content_ug", [0, -28_000, 28.0, True])
def test_a_device_that_holds_nothing_is_a_bug(content_ug):
    with pytest.raises(NotWholeNumber, match=r"^content_ug is "):
        dataclasses.replace(DEVICE, content_ug=content_ug)


def test_a_device_of_one_microgram_is_the_smallest():
    assert dataclasses.replace(DEVICE, content_ug=1).content_ug == 1
