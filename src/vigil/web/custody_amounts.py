"""An amount as a person types it on a page of the safe: read by the one strict parser, never guessed.

In: typed text. Out: whole micrograms or microlitres, or the refusal with the reading it refused.
"""

from vigil.custody.domain.facts import Product
from vigil.custody.domain.reading import read_counted
from vigil.units.amounts import NotExact, parse_amount
from vigil.units.refusals import Refused


def read_booked(text: str, product: Product) -> int | Refused:
    """The right amount of an act, µg: in mg or µg as the register writes it, in mL for a vial, 0 for nothing."""
    typed = text.strip(" ")
    if typed == "0":
        return 0
    if product.is_device or not typed.endswith(("mL", "ml", "µL")):
        try:
            return parse_amount(typed, expect="ug").value
        except NotExact as error:
            return Refused(code="CUS-DOSE-TEXT", message=str(error))
    return read_counted(typed, product)


def read_volume(text: str) -> int | Refused:
    """A volume in whole µL; a bare number is mL, whose unit stands beside the box."""
    typed = text.strip(" ")
    if typed.replace(".", "", 1).isdigit() and typed.isascii():
        typed = f"{typed} mL"
    try:
        return parse_amount(typed, expect="ul").value
    except NotExact as error:
        return Refused(code="CUS-DOSE-TEXT", message=str(error))
