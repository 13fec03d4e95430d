"""What the safe's pictures need: where the drug stands in a glass, and an amount as hand and book say it."""

from django import template

from vigil.custody.domain.decide import amount_text
from vigil.custody.domain.facts import Container, Product

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


@register.filter
def signed_mg(change_ug: int) -> str:
    """A change in mg with its sign; nothing for no change."""
    from vigil.units.amounts import show_mg

    if not change_ug:
        return ""
    return f"{'+' if change_ug > 0 else '−'}{show_mg(abs(change_ug))}"
