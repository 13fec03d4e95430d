"""How fast the pump runs for a prepared dose: mL to mL/h, and back, exactly.

In: a prepared volume, a pump, the ordered minutes, and the final volume when the dose is diluted. Out: the rate to set
with every step laid open, what was given at any minute, and the close-out of the syringe; or the refusal in words.
Nothing here talks to a pump.

A diluted concentration need not be a whole number, so it stays an exact fraction; the one rounding of the rate is down
to a step of the pump.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from vigil.kinetics.preparation import NG_PER_UG, PPM, Prepared, require_whole
from vigil.units.refusals import Refused

MINUTES_PER_HOUR = 60
SECONDS_PER_MINUTE = 60

RateLimit = Literal["infusion time", "dose rate cap", "pump"]


class MinutesNegative(ValueError):
    """A moment before the pump started."""

    def __init__(self, minutes: int | Fraction) -> None:
        self.minutes = minutes
        super().__init__(f"{minutes} min is before the start; expected 0 or more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pump:
    """A syringe pump: the step of its rate, and its highest rate if it has one, microlitres per hour.

    0.1 mL/h is a `step_ul_per_hour` of 100.
    """

    step_ul_per_hour: int
    ul_per_hour_max: int | None = None

    def __post_init__(self) -> None:
        require_whole("step_ul_per_hour", self.step_ul_per_hour, least=1)
        if self.ul_per_hour_max is not None:
            require_whole("ul_per_hour_max", self.ul_per_hour_max, least=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateReading:
    """What a rate gave by a minute: everything as exact fractions.

    `given_ul` never exceeds what the syringe held.
    """

    rate_ul_per_hour: int
    minutes: Fraction
    given_ul: Fraction
    given_ng: Fraction
    ng_per_minute: Fraction
    weight_g: int

    @property
    def given_ug(self) -> int:
        """The amount given so far, micrograms, rounded down."""
        return self.given_ng // NG_PER_UG

    @property
    def ug_per_kg_per_hour(self) -> Fraction:
        """The dose rate, micrograms per kilogram per hour, exactly."""
        return self.ng_per_minute * MINUTES_PER_HOUR / self.weight_g

    @property
    def ug_per_kg(self) -> Fraction:
        """The dose given so far, micrograms per kilogram, exactly."""
        return self.given_ng / self.weight_g


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpSetting:
    """A rate to set, and how it came about.

    `exact_ul_per_hour` is the highest rate that the ordered time, the dose rate cap and the pump allow, and `limited_by`
    says which decided; `rate_ul_per_hour` is that rounded down to a step of the pump, so the infusion is never faster
    than ordered. `infused_ul` is what the syringe holds on the pump: the drawn volume, or the volume it was made up to.
    """

    prepared: Prepared
    pump: Pump
    infusion_minutes: int
    infused_ul: int
    exact_ul_per_hour: Fraction
    limited_by: RateLimit
    rate_ul_per_hour: int

    @property
    def ug_per_ml(self) -> Fraction:
        """The concentration on the pump, micrograms per millilitre, exactly."""
        return Fraction(self.prepared.drawn_ng, self.infused_ul)

    @property
    def ug_per_kg_per_hour(self) -> Fraction:
        """The dose rate at this setting, micrograms per kilogram per hour, exactly."""
        return self.rate_ul_per_hour * self.ug_per_ml / self.prepared.weight_g

    @property
    def rounding_ul_per_hour(self) -> Fraction:
        """What rounding to the pump took from the rate, microlitres per hour, 0 or less."""
        return self.rate_ul_per_hour - self.exact_ul_per_hour

    @property
    def rounding_ppm(self) -> int:
        """The same in parts per million of the exact rate, 0 or less, never told smaller than it is."""
        return self.rounding_ul_per_hour * PPM // self.exact_ul_per_hour

    @property
    def duration_minutes(self) -> Fraction:
        """How long the syringe takes to empty at this rate, minutes, exactly; never less than ordered."""
        return Fraction(self.infused_ul * MINUTES_PER_HOUR, self.rate_ul_per_hour)

    @property
    def duration_seconds(self) -> int:
        """The same in whole seconds, rounded up, so that the last drop is in."""
        return math.ceil(self.duration_minutes * SECONDS_PER_MINUTE)

    def given_by(self, minutes: int | Fraction) -> RateReading:
        """What this setting gave by a minute since its start, 0 or more."""
        return read_rate(
            self.rate_ul_per_hour,
            minutes=minutes,
            held_ul=self.infused_ul,
            held_ng=self.prepared.drawn_ng,
            weight_g=self.prepared.weight_g,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedOut:
    """Where a drawn amount went: given and wasted, and nothing else.

    Volumes are as on the pump. `given_ug` is rounded down to a whole microgram and `wasted_ug` is the rest, so the two
    are always exactly what was drawn.
    """

    drawn_ug: int
    given_ul: int
    wasted_ul: int
    given_ug: int
    wasted_ug: int


def set_pump(
    prepared: Prepared,
    *,
    pump: Pump,
    infusion_minutes: int | None,
    made_up_to_ul: int | None = None,
) -> PumpSetting | Refused:
    """The rate for a prepared dose: the fastest step of the pump within the ordered time and every cap.

    Args:
        prepared: what is drawn.
        pump: the pump at hand.
        infusion_minutes: as ordered, or None when no time was.
        made_up_to_ul: final volume when the drawn volume is diluted, microlitres; None for undiluted.

    Returns:
        `PumpSetting`, or `Refused` with one of KIN-MINUTES, KIN-DILUTION-LESS, KIN-DILUTION-STEP, KIN-RATE-ZERO.

    Raises:
        NotWholeNumber: minutes or volume that are not ints.
    """
    if infusion_minutes is None:
        return NO_MINUTES
    require_whole("infusion_minutes", infusion_minutes)
    if infusion_minutes <= 0:
        return NO_MINUTES
    infused_ul = prepared.drawn_ul if made_up_to_ul is None else made_up_to_ul
    if (refused := _refuse_dilution(prepared, infused_ul)) is not None:
        return refused
    exact_ul_per_hour, limited_by = _fastest(prepared, pump, infusion_minutes, infused_ul)
    rate_ul_per_hour = exact_ul_per_hour // pump.step_ul_per_hour * pump.step_ul_per_hour
    if rate_ul_per_hour == 0:
        return RATE_ZERO
    return PumpSetting(
        prepared=prepared,
        pump=pump,
        infusion_minutes=infusion_minutes,
        infused_ul=infused_ul,
        exact_ul_per_hour=exact_ul_per_hour,
        limited_by=limited_by,
        rate_ul_per_hour=rate_ul_per_hour,
    )


def read_rate(
    rate_ul_per_hour: int,
    *,
    minutes: int | Fraction,
    held_ul: int,
    held_ng: int,
    weight_g: int,
) -> RateReading:
    """What a pump rate is as a dose: the way back from mL/h to micrograms a minute and to the total.

    Args:
        rate_ul_per_hour: as the pump shows it, microlitres per hour, 0 or more.
        minutes: how long it ran, 0 or more.
        held_ul: what the syringe held at the start, microlitres, 1 or more.
        held_ng: the amount in it, nanograms, 0 or more.
        weight_g: measured weight, grams, 1 or more.

    Raises:
        NotWholeNumber: one of them is no whole number or too small (`minutes` may also be a Fraction).
        MinutesNegative: `minutes` is below 0.

    >>> reading = read_rate(
    ...     5_200, minutes=30, held_ul=3_510, held_ng=35_100_000, weight_g=70_250)
    >>> reading.given_ul, reading.given_ug
    (Fraction(2600, 1), 26000)
    """
    require_whole("rate_ul_per_hour", rate_ul_per_hour, least=0)
    require_whole("held_ul", held_ul, least=1)
    require_whole("held_ng", held_ng, least=0)
    require_whole("weight_g", weight_g, least=1)
    if not isinstance(minutes, Fraction):
        require_whole("minutes", minutes)
    if minutes < 0:
        raise MinutesNegative(minutes)
    ng_per_ul = Fraction(held_ng, held_ul)
    given_ul = min(Fraction(rate_ul_per_hour) * minutes / MINUTES_PER_HOUR, Fraction(held_ul))
    return RateReading(
        rate_ul_per_hour=rate_ul_per_hour,
        minutes=Fraction(minutes),
        given_ul=given_ul,
        given_ng=given_ul * ng_per_ul,
        ng_per_minute=rate_ul_per_hour * ng_per_ul / MINUTES_PER_HOUR,
        weight_g=weight_g,
    )


def close_out(setting: PumpSetting, *, given_ul: int, wasted_ul: int) -> ClosedOut | Refused:
    """Where the drawn amount went, or the refusal when given and wasted are not what the syringe held.

    Args:
        setting: what was on the pump.
        given_ul: what the pump says it gave, microlitres, 0 or more.
        wasted_ul: what was left and destroyed, microlitres, 0 or more.

    Returns:
        `ClosedOut`, or `Refused` with KIN-CLOSE-MISMATCH: the session stays open until someone explains it.

    Raises:
        NotWholeNumber: a volume that is not an int, or negative.
    """
    require_whole("given_ul", given_ul, least=0)
    require_whole("wasted_ul", wasted_ul, least=0)
    if given_ul + wasted_ul != setting.infused_ul:
        return MISMATCH
    drawn_ug = setting.prepared.drawn_ug
    given_ug = given_ul * drawn_ug // setting.infused_ul
    return ClosedOut(
        drawn_ug=drawn_ug,
        given_ul=given_ul,
        wasted_ul=wasted_ul,
        given_ug=given_ug,
        wasted_ug=drawn_ug - given_ug,
    )


def _fastest(
    prepared: Prepared, pump: Pump, infusion_minutes: int, infused_ul: int
) -> tuple[Fraction, RateLimit]:
    """The highest rate that everything allows, microlitres per hour, and what decided; the time wins a tie."""
    fastest = Fraction(infused_ul * MINUTES_PER_HOUR, infusion_minutes)
    limited_by: RateLimit = "infusion time"
    cap = prepared.caps.ug_per_kg_per_hour_max
    if cap is not None:
        # ug/kg/h times g is ng/h; divided by ng/ul it is ul/h.
        by_cap = Fraction(cap * prepared.weight_g * infused_ul, prepared.drawn_ng)
        if by_cap < fastest:
            fastest, limited_by = by_cap, "dose rate cap"
    if pump.ul_per_hour_max is not None and pump.ul_per_hour_max < fastest:
        fastest, limited_by = Fraction(pump.ul_per_hour_max), "pump"
    return fastest, limited_by


NO_MINUTES = Refused(
    code="KIN-MINUTES",
    message="No infusion time of at least one minute is ordered. A prescriber signs the time first.",
)
RATE_ZERO = Refused(
    code="KIN-RATE-ZERO",
    message="The rate is less than one step of this pump. Make the dose up to a larger volume, "
    "or take a finer pump.",
)
MISMATCH = Refused(
    code="KIN-CLOSE-MISMATCH",
    message="Given and wasted together are not what the syringe held. Measure again before closing.",
)


def _refuse_dilution(prepared: Prepared, infused_ul: int) -> Refused | None:
    require_whole("made_up_to_ul", infused_ul)
    if infused_ul < prepared.drawn_ul:
        return Refused(
            code="KIN-DILUTION-LESS",
            message="A dose cannot be made up to less than the volume that is drawn.",
        )
    if infused_ul % prepared.syringe.step_ul:
        return Refused(
            code="KIN-DILUTION-STEP",
            message="The final volume is not on a line of this syringe. Choose one that is.",
        )
    return None
