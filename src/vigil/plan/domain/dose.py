"""What a plan's dose is for a measured weight.

Data in: a plan or a dose, a protocol, a weight. Data out: whole micrograms and microlitres.
"""

from dataclasses import dataclass

from vigil.evidence.protocols import Dosing, Protocol, dose_ug
from vigil.plan.domain.facts import Plan
from vigil.units.amounts import G_PER_KG, UL_PER_ML, show_mg


class WrongProtocol(ValueError):
    """The plan was signed for another protocol."""

    def __init__(self, planned: str, given: str) -> None:
        self.planned = planned
        self.given = given
        super().__init__(f"The plan is for {planned!r}; the protocol given is {given!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseReading:
    """A dose for one weight, and what rounding and caps made of it.

    `asked_ug` is the order times the weight before any cap or rounding, rounded down to 1 ug;
    `volume_ul` is None for a device.
    """

    weight_g: int
    asked_ug: int
    dose_ug: int
    step_ug: int
    is_capped: bool
    actual_ug_per_kg: int
    strength_ug_per_ml: int | None
    volume_ul: int | None

    @property
    def rounded_ug(self) -> int:
        """What rounding down to the drawable step took away; 0 when a cap decided."""
        return 0 if self.is_capped else self.asked_ug - self.dose_ug


def planned_dose_ug(plan: Plan, protocol: Protocol, *, weight_g: int) -> int:
    """The amount of one session, micrograms, for a measured weight in grams, more than 0.

    Raises:
        WrongProtocol: the plan was signed for another protocol.
    """
    if plan.protocol_id != protocol.protocol_id:
        raise WrongProtocol(plan.protocol_id, protocol.protocol_id)
    return dose_ug(
        protocol.dosing, weight_g=weight_g, ug_per_kg=plan.ug_per_kg, fixed_ug=plan.fixed_ug
    )


def read_dose(
    dosing: Dosing,
    *,
    weight_g: int,
    ug_per_kg: int | None,
    fixed_ug: int | None,
    strength_ug_per_ml: int | None,
) -> DoseReading:
    """The dose for a weight with its arithmetic laid open, as the order form shows it."""
    amount_ug = dose_ug(dosing, weight_g=weight_g, ug_per_kg=ug_per_kg, fixed_ug=fixed_ug)
    asked_ug = fixed_ug if ug_per_kg is None else weight_g * ug_per_kg // G_PER_KG
    assert asked_ug is not None, "dose_ug refuses an order with neither dose"
    return DoseReading(
        weight_g=weight_g,
        asked_ug=asked_ug,
        dose_ug=amount_ug,
        step_ug=dosing.step_ug,
        # Rounding takes away less than one step; whatever more is missing, a cap took.
        is_capped=asked_ug - amount_ug >= dosing.step_ug,
        actual_ug_per_kg=amount_ug * G_PER_KG // weight_g,
        strength_ug_per_ml=strength_ug_per_ml,
        volume_ul=None
        if strength_ug_per_ml is None
        else amount_ug * UL_PER_ML // strength_ug_per_ml,
    )


def show_ug_per_kg(ug_per_kg: int) -> str:
    """The dose per weight in mg/kg, exactly.

    >>> show_ug_per_kg(500)
    '0.5 mg/kg'
    """
    return f"{show_mg(ug_per_kg)}/kg"
