"""What the safe's pictures need: where the drug stands in a glass, and an amount as hand and book say it."""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils import timezone

from vigil.custody.domain.decide import amount_text
from vigil.custody.domain.facts import Container, Product
from vigil.custody.domain.readings import LotSummary
from vigil.units.amounts import UL_PER_ML, show_mg, show_ml

register = template.Library()

_TOP, _HEIGHT = 10, 88
"""The glass of the picture, in its own units: where it begins and how tall it is."""


@register.filter
def fill_top(container: Container) -> int:
    """Where the drug begins in the picture; a vial that holds a drop never looks empty."""
    if not container.remaining_ug:
        return _TOP + _HEIGHT
    filled = max(2, _HEIGHT * container.remaining_ug // container.filled_ug)
    return _TOP + _HEIGHT - filled


@register.filter
def of_product(amount_ug: int, product: Product) -> str:
    """`3.5 mL (35 mg)` for a vial, `28 mg` for a device."""
    return amount_text(product, amount_ug)


SYRINGE_STEP_UL = 10
"""The finest step that a syringe of this use is read to: 0.01 mL."""


@register.filter
def hand_volume(amount_ug: int, product: Product) -> str:
    """The volume as a syringe shows it: `2.7 mL`, or `about 2.72 mL` when it lies between two lines.

    Nothing for a device, whose drug is not measured by hand.
    """
    if product.is_device or not product.strength_ug_per_ml:
        return ""
    step_ug = product.strength_ug_per_ml * SYRINGE_STEP_UL
    steps, rest = divmod(amount_ug * UL_PER_ML, step_ug)
    if not rest:
        return show_ml(steps * SYRINGE_STEP_UL)
    nearest = steps + (2 * rest >= step_ug)
    if not nearest:
        return f"less than {show_ml(SYRINGE_STEP_UL)}"
    return f"about {show_ml(nearest * SYRINGE_STEP_UL)}"


@register.filter
def by_hand(amount_ug: int, product: Product) -> str:
    """The volume for the hand and the amount for the book: `about 2.72 mL (exactly 27.232 mg)`."""
    volume, exact = hand_volume(amount_ug, product), show_mg(amount_ug)
    if not volume:
        return exact
    is_between = not volume[0].isdigit()
    return f"{volume} ({'exactly ' if is_between else ''}{exact})"


@register.filter
def signed_mg(change_ug: int) -> str:
    """A change in mg with its sign; nothing for no change."""
    if not change_ug:
        return ""
    return f"{'+' if change_ug > 0 else '−'}{show_mg(abs(change_ug))}"


@register.filter
def grouped(number: int) -> str:
    """A whole number with thin gaps between its thousands: `1 468 400`."""
    return f"{number:,}".replace(",", "\u202f")


@register.simple_tag
def lot_url(lot: LotSummary) -> str:
    """The page of a lot."""
    return (
        f"{reverse('custody:lot')}?{urlencode({'product': lot.product.product_id, 'lot': lot.lot})}"
    )


@register.filter
def column_words(column: str) -> str:
    """A column of a file as words on paper: `given_at` as `Given at`, `amount_ug` as `Amount µg`."""
    return column.replace("_ug", " µg").replace("_", " ").capitalize()


@register.filter
def is_whole(cell: object) -> bool:
    """Whether a cell of a paper is a number."""
    return isinstance(cell, int)


@register.filter
def deadline(moment: datetime) -> str:
    """A moment that something is due by; a midnight is said as the end of the day before it."""
    local = timezone.localtime(moment)
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        return f"the end of {(local - timedelta(days=1)):%a %Y-%m-%d}"
    return f"{local:%a %Y-%m-%d %H:%M}"


RULE_WORDS = {
    "loss-notice": "Written notice",
    "loss-form": "Form",
    "inventory": "Inventory",
    "retention": "Keeping records",
    "register-entry": "Entry in the register",
    "estimate": "Estimating what is left",
    "dead-space": "Hub and needle",
    "witness": "Witness",
    "destruction": "Destruction",
    "note": "Note",
}


@register.filter
def rule_words(kind: str) -> str:
    """What a rule is about, in words."""
    return RULE_WORDS.get(kind, kind)


@register.filter
def unit_words(unit: str, amount: int) -> str:
    """`business-days` as `business day` or `business days`."""
    words = unit.replace("-", " ")
    return words.removesuffix("s") if amount == 1 else words
