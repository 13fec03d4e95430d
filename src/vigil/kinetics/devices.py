"""How many nasal devices an order is: whole devices only.

In: an order of a fixed amount, a device, the caps of the signed protocol. Out: the number of devices, or the refusal in
words. The patient's weight does not enter: a device gives what it holds to everybody.
"""

from dataclasses import dataclass
from typing import Literal

from vigil.kinetics.preparation import (
    NO_ORDER,
    Caps,
    Order,
    refuse_order,
    refuse_substance,
    require_whole,
)
from vigil.units.refusals import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A nasal device by its label: micrograms that it gives, more than 0.

    `content_as` says what they count: "base", "hydrochloride" or, when the label is silent, "".
    """

    drug: str
    content_as: str
    content_ug: int

    def __post_init__(self) -> None:
        require_whole("content_ug", self.content_ug, least=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedDevices:
    """A number of whole devices, 1 or more, and whether the order or the total cap decided it."""

    order: Order
    device: Device
    caps: Caps
    asked_ug: int
    allowed_by: Literal["order", "total cap"]
    device_count: int

    @property
    def amount_ug(self) -> int:
        """What the devices give together, micrograms, exactly; never above the order or the cap."""
        return devices_ug(self.device_count, device=self.device)

    @property
    def capped_ug(self) -> int:
        """What the cap took away, micrograms, 0 or less."""
        return self.amount_ug - self.asked_ug


def devices_ug(device_count: int, *, device: Device) -> int:
    """What a number of devices gives, micrograms: the way back.

    Raises:
        NotWholeNumber: the count is not an int of 0 or more.

    >>> devices_ug(3, device=Device(drug="esketamine", content_as="base", content_ug=28_000))
    84000
    """
    require_whole("device_count", device_count, least=0)
    return device_count * device.content_ug


def count_devices(order: Order | None, *, device: Device, caps: Caps) -> CountedDevices | Refused:
    """The devices of an order; a total cap leaves the most whole devices that it holds.

    Returns:
        `CountedDevices`, or `Refused` with one of KIN-ORDER-NONE, KIN-ORDER-TWO, KIN-DOSE-ZERO, KIN-DRUG-UNCLEAR,
        KIN-DRUG-OTHER, KIN-SALT-BASE, KIN-DEVICE-PER-KG, KIN-DEVICE-PART, KIN-DEVICE-CAP.
    """
    if order is None:
        return NO_ORDER
    refused = refuse_order(order) or refuse_substance(
        order.drug, product=device.drug, strength_as=device.content_as
    )
    if refused is not None:
        return refused
    if order.fixed_ug is None:
        return PER_KG
    if order.fixed_ug % device.content_ug:
        return PART
    allowed_ug = min(order.fixed_ug, caps.total_ug_max)
    if allowed_ug < device.content_ug:
        return ABOVE_CAP
    return CountedDevices(
        order=order,
        device=device,
        caps=caps,
        asked_ug=order.fixed_ug,
        allowed_by="order" if allowed_ug == order.fixed_ug else "total cap",
        device_count=allowed_ug // device.content_ug,
    )


PER_KG = Refused(
    code="KIN-DEVICE-PER-KG",
    message="A device is ordered as an amount, not per kilogram. Ask the prescriber for the amount.",
)
PART = Refused(
    code="KIN-DEVICE-PART",
    message="The order is not a whole number of devices, and a device is never given in part.",
)
ABOVE_CAP = Refused(
    code="KIN-DEVICE-CAP",
    message="One device holds more than the signed protocol allows in a session.",
)
