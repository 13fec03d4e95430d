"""Typed text to micrograms by the one strict parser; concentration comes from the product.

In: what a person typed into a count. Out: whole micrograms, or the refusal with the reading it refused.
"""

import re

from vigil.custody.domain.facts import Product
from vigil.units.amounts import NotExact, parse_amount
from vigil.units.refusals import Refused

_BARE_NUMBER = re.compile(r"[0-9.]+", re.ASCII)
_DEVICES = {"0": 0, "1": 1, "0 devices": 0, "1 device": 1}


def read_counted(text: str, product: Product) -> int | Refused:
    """What was found in one container, µg: mL for a vial (the unit stands beside the box), 1 or 0 for a device."""
    typed = text.strip(" ")
    if product.is_device:
        if typed not in _DEVICES:
            return _not_exact(
                f"Read {text!r} and refused it: a device is 1 (there) or 0 (not there)."
            )
        return _DEVICES[typed] * product.content_ug
    if _BARE_NUMBER.fullmatch(typed):
        typed = f"{typed} mL"
    try:
        volume_ul = parse_amount(typed, expect="ul").value
    except NotExact as error:
        return _not_exact(str(error))
    amount_ug = product.amount_ug(volume_ul)
    if amount_ug is None:
        return _not_exact(f"Read {text!r} and refused it: it is finer than 1 µg of drug.")
    return amount_ug


def _not_exact(message: str) -> Refused:
    return Refused(code="CUS-DOSE-TEXT", message=message)
