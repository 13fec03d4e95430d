"""Which product a code on a box or vial stands for, and what a scan means for the page that asked.

In: a label as read, the codes of this installation and of the demo. Out: the product, or the refusal in words.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID, uuid5

import msgspec
import yaml
from django.conf import settings

from vigil.custody import queries as custody
from vigil.custody.domain.facts import Product
from vigil.labels import Label, LabelUnreadable, combine, read_label
from vigil.labels.gs1 import gtin_of
from vigil.labels.ndc import ndcs_of
from vigil.people import queries as people
from vigil.units.refusals import Refused

DEMO_CODES = Path(__file__).with_name("product_codes.yaml")
OWN_CODES = "product-codes.yaml"
CODES_MAX = 5
"""Codes of one box that may be scanned together: product, lot, expiry and serial stand on four at most."""


class CodesInvalid(ValueError):
    """The file of codes cannot be believed; nothing of it is used."""

    def __init__(self, path: Path, wrong: str) -> None:
        super().__init__(f"{path}: {wrong}. Mend the file, or remove it; then scan again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductCode:
    """One code of one product: how many containers its package holds. `product` is the catalogue's short name."""

    product: str
    gtin: str | None = None
    ndc: str | None = None
    containers: int = 1
    is_demo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """A label whose product is known, or that named none (a second code of a box, or a clinic's own label)."""

    label: Label
    product: Product | None
    containers: int | None


def codes_of(clinic_id: UUID) -> tuple[ProductCode, ...]:
    """The codes that count for a clinic: its own, and the demo's when it is simulated.

    Raises:
        CodesInvalid: its own file is not sound.
    """
    own = Path(settings.HOME) / OWN_CODES
    found = read_codes(own) if own.is_file() else ()
    known = {each.product_id for each in custody.products(clinic_id)}
    strange = [each.product for each in found if uuid5(clinic_id, each.product) not in known]
    if strange:
        raise CodesInvalid(own, f"{strange[0]!r} is no product of the catalogue")
    if people.clinic(clinic_id).is_simulated:
        found += read_codes(DEMO_CODES)
    return found


def read_codes(path: Path) -> tuple[ProductCode, ...]:
    """The codes that a file lists, each sound and none twice.

    Raises:
        CodesInvalid: not YAML, a field that is unknown or missing, a wrong check digit, or a code written twice.
    """
    try:
        lines = yaml.safe_load(path.read_text(encoding="utf-8"))
        codes = msgspec.convert(lines or [], tuple[ProductCode, ...])
        found = tuple(_sound(each, path) for each in codes)
    except (
        OSError,
        UnicodeDecodeError,
        yaml.YAMLError,
        msgspec.ValidationError,
        LabelUnreadable,
    ) as error:
        raise CodesInvalid(path, str(error).splitlines()[0]) from error
    for field in ("gtin", "ndc"):
        written = [code for each in found if (code := getattr(each, field)) is not None]
        twice = {code for code in written if written.count(code) > 1}
        if twice:
            raise CodesInvalid(path, f"{field} {min(twice)} is written twice")
    return found


def _sound(code: ProductCode, path: Path) -> ProductCode:
    if code.gtin is None and code.ndc is None:
        raise CodesInvalid(path, f"a line of {code.product} has neither gtin nor ndc")
    if code.containers < 1:
        raise CodesInvalid(path, f"containers of {code.product} must be 1 or more")
    gtin = None if code.gtin is None else gtin_of(code.gtin)
    ndcs = () if code.ndc is None else ndcs_of(code.ndc)
    if len(set(ndcs)) > 1:
        raise CodesInvalid(
            path, f"write the NDC of {code.product} with its dashes or as eleven digits"
        )
    return dataclasses.replace(code, gtin=gtin, ndc=ndcs[0] if ndcs else None)


def read_scans(
    texts: Sequence[str],
    *,
    codes: Sequence[ProductCode],
    products: Sequence[Product],
    clinic_id: UUID,
    today: date,
) -> Scanned | Refused | None:
    """What the codes of one box say together; None when nothing was scanned."""
    texts = [text for text in texts if text.strip()]
    if not texts:
        return None
    if len(texts) > CODES_MAX:
        return Refused(
            code="CUS-SCAN", message="Too many codes for one box. Clear them and scan again."
        )
    try:
        label = combine([read_label(text, today=today) for text in texts])
    except LabelUnreadable as error:
        return Refused(
            code="CUS-SCAN",
            message=f"The code cannot be used. {str(error)[:1].upper()}{str(error)[1:]}",
        )
    if not label.names_a_product:
        return Scanned(label=label, product=None, containers=None)
    return _with_product(label, codes, products, clinic_id)


def _with_product(
    label: Label, codes: Sequence[ProductCode], products: Sequence[Product], clinic_id: UUID
) -> Scanned | Refused:
    fits = [each for each in codes if each.gtin is not None and each.gtin == label.gtin]
    fits = fits or [each for each in codes if each.ndc is not None and each.ndc in label.ndcs]
    named = {each.product for each in fits}
    if len(named) > 1:
        return Refused(
            code="CUS-SCAN-TWO",
            message="Ten digits without dashes fit two products here. Scan another code of the box.",
        )
    by_id = {each.product_id: each for each in products}
    found = next((by_id.get(uuid5(clinic_id, name)) for name in named), None)
    if found is None:
        return Refused(
            code="CUS-SCAN-UNKNOWN",
            message="This code is on no product of this clinic. If the box is right, whoever administers the "
            "clinic adds its code; until then choose the product by its label, with a second pair of eyes.",
        )
    # A package's number is certain only when one code fits.
    numbers = {each.containers for each in fits}
    return Scanned(
        label=label, product=found, containers=numbers.pop() if len(numbers) == 1 else None
    )
