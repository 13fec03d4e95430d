"""An order for one weight as a volume to draw and a rate to set, in one line that shows every step.

In: a protocol's dosing, an order, a measured weight, the vial that the clinic stocks. Out: `kinetics` preparation and pump
setting, and the line; or the refusal in words. The amount is the session's own (`planned_dose_ug`); here it only gets its
volume and its rate.
"""

from dataclasses import dataclass

from vigil.evidence.protocols import Dosing
from vigil.kinetics.preparation import PPM, Caps, Order, Prepared, Syringe, Vial, prepare
from vigil.kinetics.pump import SECONDS_PER_MINUTE, Pump, PumpSetting, set_pump
from vigil.units.amounts import UL_PER_ML, show_kg, show_mg, show_ml
from vigil.units.refusals import Refused

PUMP = Pump(step_ul_per_hour=100)
"""Syringe pumps are set in steps of 0.1 mL/h; the clinic records no pump, and this one is the common one."""

NG_PER_MG = 1_000_000

STRENGTH_IN = "base"
"""What the catalogue's strengths count: its labels give ketamine as base (custody/catalogue.yaml)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What is drawn and, for an infusion, what the pump is set to when the dose is given undiluted."""

    prepared: Prepared
    setting: PumpSetting | None

    @property
    def line(self) -> str:
        """Every step from the order to the pump, with what rounding took."""
        rate = "" if self.setting is None else f" = {_rate_words(self.setting)}"
        rounding = f"rounding {show_percent(self.prepared.rounding_ppm)}"
        return f"{_order_words(self.prepared)}{_drawn_words(self.prepared)}{rate}, {rounding}"


def prepare_order(
    dosing: Dosing,
    *,
    drug: str,
    weight_g: int | None,
    ug_per_kg: int | None,
    fixed_ug: int | None,
    strength_ug_per_ml: int,
    content_ug: int,
) -> Preparation | Refused:
    """The volume and the rate of an order from a vial, or why there are none.

    Args:
        dosing: the protocol's; its caps and its smallest step bound the amount, its infusion time the rate.
        drug: of the plan, and of the vial.
        weight_g: measured weight, grams, or None when unknown.
        ug_per_kg: the order per weight, or None.
        fixed_ug: the order as an amount, or None.
        strength_ug_per_ml: of the vial.
        content_ug: of the vial.

    Returns:
        `Preparation` whose amount is `evidence.protocols.dose_ug` of the same order; or `Refused` of `kinetics`, or
        KIN-STEP-VOLUME when the protocol's smallest step is no whole number of microlitres of this vial.
    """
    step_ul, rest = divmod(dosing.step_ug * UL_PER_ML, strength_ug_per_ml)
    if rest:
        return STEP_NO_VOLUME
    prepared = prepare(
        Order(drug=drug, ug_per_kg=ug_per_kg, fixed_ug=fixed_ug),
        weight_g=weight_g,
        vial=Vial(
            drug=drug,
            strength_as=STRENGTH_IN,
            ug_per_ml=strength_ug_per_ml,
            content_ul=content_ug * UL_PER_ML // strength_ug_per_ml,
        ),
        syringe=Syringe(step_ul=step_ul),
        caps=Caps(total_ug_max=dosing.total_ug_max, ug_per_kg_max=dosing.ug_per_kg_max),
    )
    if isinstance(prepared, Refused):
        return prepared
    if dosing.infusion_minutes is None:
        return Preparation(prepared=prepared, setting=None)
    setting = set_pump(prepared, pump=PUMP, infusion_minutes=dosing.infusion_minutes)
    return (
        setting if isinstance(setting, Refused) else Preparation(prepared=prepared, setting=setting)
    )


def _order_words(prepared: Prepared) -> str:
    """The order times the weight, and what a cap left of it."""
    asked = _show_ng(prepared.asked_ng)
    if prepared.order.ug_per_kg is not None:
        per_kg = show_mg(prepared.order.ug_per_kg)
        asked = f"{per_kg}/kg × {show_kg(prepared.weight_g)} = {asked}"
    if prepared.allowed_by == "order":
        return asked
    return f"{asked}, cut by the {prepared.allowed_by} to {_show_ng(prepared.allowed_ng)}"


def _drawn_words(prepared: Prepared) -> str:
    """The drawn amount where rounding changed it, and its volume."""
    volume = f"{show_ml(prepared.drawn_ul)} of {show_mg(prepared.vial.ug_per_ml)}/mL"
    if prepared.rounding_ng:
        return f"; drawn {show_mg(prepared.drawn_ug)} = {volume}"
    return f" = {volume}"


def _rate_words(setting: PumpSetting) -> str:
    """The rate, and how long the syringe then takes."""
    minutes, seconds = divmod(setting.duration_seconds, SECONDS_PER_MINUTE)
    lasts = f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    return f"{show_ml(setting.rate_ul_per_hour)}/h for {lasts}"


def _show_ng(amount_ng: int) -> str:
    """Nanograms in mg, exactly: `35125000` is `35.125 mg`."""
    whole, rest = divmod(amount_ng, NG_PER_MG)
    fraction = f"{rest:06d}".rstrip("0")
    return f"{whole}.{fraction} mg" if fraction else f"{whole} mg"


def show_percent(ppm: int) -> str:
    """Parts per million, 0 or less, in percent to two places, never shown smaller than it is.

    >>> show_percent(0), show_percent(-1), show_percent(-712)
    ('0 %', '−0.01 %', '−0.08 %')
    """
    assert -PPM <= ppm <= 0, "rounding only takes away"
    hundredths = -(ppm // 100)
    return f"−{hundredths // 100}.{hundredths % 100:02d} %" if hundredths else "0 %"


STEP_NO_VOLUME = Refused(
    code="KIN-STEP-VOLUME",
    message="The protocol's smallest step is no whole number of microlitres of this vial. Take another strength.",
)
