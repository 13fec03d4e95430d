"""What to draw for an order: mg/kg to mg to mL, and back, in whole numbers only.

In: an order, a measured weight, a vial, a syringe, the caps of the signed protocol. Out: the volume to draw with every
step laid open, or the refusal in words. No dose is ever proposed: without an order there is only a refusal.

Micrograms per kilogram times grams, and micrograms per millilitre times microlitres, are both whole nanograms. So the
way from order to volume is exact, and the one rounding is down to a line of the syringe.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from vigil.units.refusals import Refused

NG_PER_UG = 1_000
PPM = 1_000_000
"""Parts of a whole in which a rounding error is told: 10,000 ppm are 1 %."""

WEIGHT_G_MIN = 30_000
WEIGHT_G_MAX = 200_000
"""Lightest and heaviest weight answered, grams: the range in which every case of the dose grid was checked
(kinetics reference, section 4). Outside it a typing error is likelier than a patient of this clinic."""

Limit = Literal["order", "per-kg cap", "total cap"]

_DRUGS = ("ketamine", "esketamine")
"""The racemate and its S form, the only two names that are not ambiguous here."""


class NotWholeNumber(ValueError):
    """A quantity is not a whole number of its unit, or below what it can be."""

    def __init__(self, name: str, value: object, least: int | None = None) -> None:
        self.name = name
        self.value = value
        self.least = least
        range_text = "" if least is None else f" of {least} or more"
        super().__init__(
            f"{name} is {value!r}; expected a whole number (int){range_text}. "
            "Read it with vigil.units.amounts.parse_amount."
        )


class StepNotWholeMicrograms(ValueError):
    """A volume of this strength holds a part of a microgram, which no register can count."""

    def __init__(self, volume_ul: int, ug_per_ml: int) -> None:
        self.volume_ul = volume_ul
        self.ug_per_ml = ug_per_ml
        super().__init__(
            f"{volume_ul} uL of {ug_per_ml} ug/mL is no whole number of micrograms. "
            "Check the strength in the catalogue, or use a syringe with a coarser line."
        )


def require_whole(name: str, value: object, *, least: int | None = None) -> None:
    """Nothing, when the value is an int (no bool, no float) of at least `least`.

    Raises:
        NotWholeNumber: it is not.
    """
    # `type` and not `isinstance`: True is an int in Python and never an amount.
    if type(value) is not int or (least is not None and value < least):
        raise NotWholeNumber(name, value, least)


# --- what comes in ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a prescriber ordered, as base: micrograms per kilogram, or a fixed amount, never both.

    Any whole number can be held here; `prepare` refuses one that is not more than 0.
    """

    drug: str
    ug_per_kg: int | None = None
    fixed_ug: int | None = None

    def __post_init__(self) -> None:
        for name in ("ug_per_kg", "fixed_ug"):
            if (value := getattr(self, name)) is not None:
                require_whole(name, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vial:
    """A vial by its label: strength in micrograms per millilitre, content in microlitres, both more than 0.

    `strength_as` says what the strength counts: "base", "hydrochloride" or, when the label is silent, "". Only "base"
    is calculated with.
    """

    drug: str
    strength_as: str
    ug_per_ml: int
    content_ul: int

    def __post_init__(self) -> None:
        require_whole("ug_per_ml", self.ug_per_ml, least=1)
        require_whole("content_ul", self.content_ul, least=1)
        _require_whole_ug(self.content_ul, self.ug_per_ml)


@dataclass(frozen=True, slots=True, kw_only=True)
class Syringe:
    """A syringe by the distance of its lines: `step_ul` microlitres, such as 10, 100 or 1,000."""

    step_ul: int

    def __post_init__(self) -> None:
        require_whole("step_ul", self.step_ul, least=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The caps of the protocol that the clinic signed; each more than 0.

    `ug_per_kg_max` may be None only where orders are fixed amounts; `ug_per_kg_per_hour_max` bounds the pump.
    """

    total_ug_max: int
    ug_per_kg_max: int | None = None
    ug_per_kg_per_hour_max: int | None = None

    def __post_init__(self) -> None:
        require_whole("total_ug_max", self.total_ug_max, least=1)
        for name in ("ug_per_kg_max", "ug_per_kg_per_hour_max"):
            if (value := getattr(self, name)) is not None:
                require_whole(name, value, least=1)


# --- what comes out -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A volume to draw, and how it came about.

    `asked_ng` is the order times the weight, exactly; `allowed_ng` is what the caps leave of it and `allowed_by` says
    which one decided ("order" when no cap took anything); `drawn_ul` is `allowed_ng` rounded down to a line of the
    syringe. Always `drawn_ng <= allowed_ng <= asked_ng`.
    """

    order: Order
    weight_g: int
    vial: Vial
    syringe: Syringe
    caps: Caps
    asked_ng: int
    allowed_ng: int
    allowed_by: Limit
    drawn_ul: int

    @property
    def drawn_ng(self) -> int:
        """The amount in the drawn volume, nanograms, exactly."""
        return self.drawn_ul * self.vial.ug_per_ml

    @property
    def drawn_ug(self) -> int:
        """The amount in the drawn volume, micrograms, exactly: what the register books."""
        return self.drawn_ng // NG_PER_UG

    @property
    def capped_ng(self) -> int:
        """What a cap took away, nanograms, 0 or less."""
        return self.allowed_ng - self.asked_ng

    @property
    def rounding_ng(self) -> int:
        """What rounding to the syringe took away, nanograms, exactly; 0 or less."""
        return self.drawn_ng - self.allowed_ng

    @property
    def rounding_ug(self) -> int:
        """The same in micrograms, 0 or less, never told smaller than it is."""
        # Floor division of a negative number goes away from zero.
        return self.rounding_ng // NG_PER_UG

    @property
    def rounding_ppm(self) -> int:
        """The same in parts per million of the asked dose, 0 or less, never told smaller than it is."""
        return self.rounding_ng * PPM // self.asked_ng

    @property
    def ug_per_kg(self) -> Fraction:
        """The dose that is really drawn, micrograms per kilogram, exactly."""
        return Fraction(self.drawn_ng, self.weight_g)

    @property
    def vial_count(self) -> int:
        """How many full vials the volume takes, 1 or more."""
        return -(-self.drawn_ul // self.vial.content_ul)

    @property
    def left_ul(self) -> int:
        """What stays in the last vial, microlitres, by its label: the waste that custody asks for."""
        return self.vial_count * self.vial.content_ul - self.drawn_ul

    @property
    def left_ug(self) -> int:
        """What stays in the last vial, micrograms, exactly."""
        return self.left_ul * self.vial.ug_per_ml // NG_PER_UG


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnReading:
    """What a volume in a syringe is for one weight: nanograms, and micrograms per kilogram, exactly."""

    volume_ul: int
    weight_g: int
    amount_ng: int

    @property
    def amount_ug(self) -> int | None:
        """The amount in whole micrograms, or None when it is none."""
        return whole_ug(self.amount_ng)

    @property
    def ug_per_kg(self) -> Fraction:
        """The dose, micrograms per kilogram, exactly."""
        return Fraction(self.amount_ng, self.weight_g)


# --- the arithmetic -----------------------------------------------------------------------------


def drawable_ul(amount_ng: int, *, ug_per_ml: int, step_ul: int) -> int:
    """The largest volume on a line of the syringe that holds no more than the amount.

    Args:
        amount_ng: nanograms, 0 or more.
        ug_per_ml: strength as base, micrograms per millilitre, 1 or more.
        step_ul: distance of the syringe's lines, microlitres, 1 or more.

    Returns:
        Microlitres, a multiple of `step_ul`, 0 or more.

    >>> drawable_ul(34_999_999, ug_per_ml=10_000, step_ul=10)
    3490
    """
    return amount_ng // (ug_per_ml * step_ul) * step_ul


def whole_ug(amount_ng: int) -> int | None:
    """The nanograms as micrograms, or None when they are no whole number of them.

    >>> whole_ug(35_000_000), whole_ug(35_000_001)
    (35000, None)
    """
    amount_ug, rest_ng = divmod(amount_ng, NG_PER_UG)
    return None if rest_ng else amount_ug


def exact_volume_ul(amount_ug: int, *, ug_per_ml: int) -> int | None:
    """The volume that holds exactly the amount, microlitres, or None when it is no whole number of them.

    >>> exact_volume_ul(35_000, ug_per_ml=10_000), exact_volume_ul(35_001, ug_per_ml=10_000)
    (3500, None)
    """
    volume_ul, rest_ng = divmod(amount_ug * NG_PER_UG, ug_per_ml)
    return None if rest_ng else volume_ul


def exact_amount_ug(volume_ul: int, *, ug_per_ml: int) -> int | None:
    """The amount in the volume, micrograms, or None when it is no whole number of them.

    >>> exact_amount_ug(3_500, ug_per_ml=10_000), exact_amount_ug(1, ug_per_ml=10_500)
    (35000, None)
    """
    return whole_ug(volume_ul * ug_per_ml)


def prepare(
    order: Order | None, *, weight_g: int | None, vial: Vial, syringe: Syringe, caps: Caps
) -> Prepared | Refused:
    """The volume to draw for an order: the largest the syringe can show within the order and every cap.

    Args:
        order: what was ordered, or None when nothing was.
        weight_g: measured weight, grams, or None when unknown.
        vial: the vial at hand, its strength as base.
        syringe: the syringe at hand.
        caps: of the signed protocol.

    Returns:
        `Prepared`, or `Refused` with one of KIN-ORDER-NONE, KIN-ORDER-TWO, KIN-DOSE-ZERO, KIN-DRUG-UNCLEAR,
        KIN-DRUG-OTHER, KIN-SALT-BASE, KIN-WEIGHT-UNKNOWN, KIN-WEIGHT-RANGE, KIN-CAP-NONE, KIN-DRAW-ZERO.

    Raises:
        NotWholeNumber: the weight is not an int.
        StepNotWholeMicrograms: one line of the syringe holds a part of a microgram of this vial.

    >>> prepared = prepare(
    ...     Order(drug="ketamine", ug_per_kg=500), weight_g=70_250, syringe=Syringe(step_ul=10),
    ...     vial=Vial(drug="ketamine", strength_as="base", ug_per_ml=10_000, content_ul=20_000),
    ...     caps=Caps(total_ug_max=100_000, ug_per_kg_max=750))
    >>> prepared.asked_ng, prepared.drawn_ul, prepared.drawn_ug, prepared.rounding_ug, prepared.left_ul
    (35125000, 3510, 35100, -25, 16490)
    """
    if order is None:
        return NO_ORDER
    refused = (
        refuse_order(order)
        or refuse_substance(order.drug, product=vial.drug, strength_as=vial.strength_as)
        or refuse_weight(weight_g)
    )
    if refused is not None:
        return refused
    if order.ug_per_kg is not None and caps.ug_per_kg_max is None:
        return NO_CAP
    assert weight_g is not None, "refuse_weight refuses an unknown weight"
    _require_whole_ug(syringe.step_ul, vial.ug_per_ml)
    asked_ng = _asked_ng(order, weight_g)
    allowed_ng, allowed_by = _within_caps(asked_ng, weight_g, caps)
    drawn_ul = drawable_ul(allowed_ng, ug_per_ml=vial.ug_per_ml, step_ul=syringe.step_ul)
    if drawn_ul == 0:
        return DRAW_ZERO
    return Prepared(
        order=order,
        weight_g=weight_g,
        vial=vial,
        syringe=syringe,
        caps=caps,
        asked_ng=asked_ng,
        allowed_ng=allowed_ng,
        allowed_by=allowed_by,
        drawn_ul=drawn_ul,
    )


def read_drawn(
    volume_ul: int, *, drug: str, weight_g: int | None, vial: Vial
) -> DrawnReading | Refused:
    """What a drawn volume is: the way back from mL to mg and mg/kg.

    Args:
        volume_ul: as the syringe shows it, microlitres.
        drug: the ordered drug.
        weight_g: measured weight, grams, or None when unknown.
        vial: what it was drawn from, its strength as base.

    Returns:
        `DrawnReading`, or `Refused` as `prepare` does, and KIN-VOLUME-ZERO.

    Raises:
        NotWholeNumber: a volume or weight that is not an int.
    """
    require_whole("volume_ul", volume_ul)
    refused = refuse_substance(
        drug, product=vial.drug, strength_as=vial.strength_as
    ) or refuse_weight(weight_g)
    if refused is not None:
        return refused
    if volume_ul <= 0:
        return Refused(code="KIN-VOLUME-ZERO", message="The syringe holds nothing. Read it again.")
    assert weight_g is not None, "refuse_weight refuses an unknown weight"
    return DrawnReading(
        volume_ul=volume_ul, weight_g=weight_g, amount_ng=volume_ul * vial.ug_per_ml
    )


def _asked_ng(order: Order, weight_g: int) -> int:
    if order.ug_per_kg is not None:
        return order.ug_per_kg * weight_g
    assert order.fixed_ug is not None, "refuse_order refuses an order with neither dose"
    return order.fixed_ug * NG_PER_UG


def _within_caps(asked_ng: int, weight_g: int, caps: Caps) -> tuple[int, Limit]:
    """What the caps leave, and which decided; equal to the order means the order did."""
    allowed_ng = asked_ng
    allowed_by: Limit = "order"
    if caps.ug_per_kg_max is not None and caps.ug_per_kg_max * weight_g < allowed_ng:
        allowed_ng, allowed_by = caps.ug_per_kg_max * weight_g, "per-kg cap"
    if caps.total_ug_max * NG_PER_UG < allowed_ng:
        allowed_ng, allowed_by = caps.total_ug_max * NG_PER_UG, "total cap"
    return allowed_ng, allowed_by


def _require_whole_ug(volume_ul: int, ug_per_ml: int) -> None:
    if volume_ul * ug_per_ml % NG_PER_UG:
        raise StepNotWholeMicrograms(volume_ul, ug_per_ml)


# --- what is refused ----------------------------------------------------------------------------

NO_ORDER = Refused(
    code="KIN-ORDER-NONE",
    message="No dose is ordered, and none is proposed here. A prescriber signs the dose first.",
)
NO_CAP = Refused(
    code="KIN-CAP-NONE",
    message="The signed protocol has no cap per kilogram, so no dose per kilogram is worked out. "
    "Add the cap to the protocol and sign it.",
)
DRAW_ZERO = Refused(
    code="KIN-DRAW-ZERO",
    message="The dose is less than one line of this syringe. Take a finer syringe or a weaker vial.",
)


def refuse_order(order: Order) -> Refused | None:
    """The refusal when the order is not one dose of more than 0, else None."""
    doses = [each for each in (order.ug_per_kg, order.fixed_ug) if each is not None]
    if not doses:
        return NO_ORDER
    if len(doses) == 2:
        return Refused(
            code="KIN-ORDER-TWO",
            message="The order names a dose per kilogram and a fixed dose. Ask the prescriber which one.",
        )
    (dose,) = doses
    if dose <= 0:
        return Refused(
            code="KIN-DOSE-ZERO",
            message="The ordered dose must be more than zero. Read the order again.",
        )
    return None


def refuse_substance(ordered: str, *, product: str, strength_as: str) -> Refused | None:
    """The refusal when racemate and S form, or base and salt, could be confused, else None."""
    for name in (ordered, product):
        if name not in _DRUGS:
            return Refused(
                code="KIN-DRUG-UNCLEAR",
                message=f"{name!r} does not say whether the racemate or the S form is meant. "
                "Name it ketamine (the racemate) or esketamine (the S form).",
            )
    if ordered != product:
        return Refused(
            code="KIN-DRUG-OTHER",
            message=f"The order is for {ordered}, the product is {product}. The racemate and the S form "
            "are not exchanged milligram for milligram. Take the ordered drug.",
        )
    if strength_as != "base":
        return Refused(
            code="KIN-SALT-BASE",
            message=f"The strength is given as {strength_as or 'not stated'}, and doses are ordered as base. "
            "Enter the base equivalent from the label; it is not guessed here.",
        )
    return None


def refuse_weight(weight_g: int | None) -> Refused | None:
    """The refusal when the weight is unknown or outside WEIGHT_G_MIN to WEIGHT_G_MAX, else None.

    Raises:
        NotWholeNumber: the weight is neither None nor an int.
    """
    if weight_g is None:
        return Refused(
            code="KIN-WEIGHT-UNKNOWN",
            message="The weight is not known. Weigh the patient; nothing is worked out from a guess.",
        )
    require_whole("weight_g", weight_g)
    if not WEIGHT_G_MIN <= weight_g <= WEIGHT_G_MAX:
        return Refused(
            code="KIN-WEIGHT-RANGE",
            message=f"The weight is outside {WEIGHT_G_MIN // 1000} to {WEIGHT_G_MAX // 1000} kg. Was it "
            "entered in pounds or grams? For a patient really outside it, ask a pharmacist.",
        )
    return None
