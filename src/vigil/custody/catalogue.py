"""The products that a clinic may receive, read from `catalogue.yaml`; ids are the same at every start.

In: a clinic id. Out: frozen products.
"""

from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import yaml

from vigil.custody.domain.facts import Product

_FILE = Path(__file__).with_name("catalogue.yaml")


@cache
def _entries() -> tuple[dict[str, Any], ...]:
    return tuple(yaml.safe_load(_FILE.read_text(encoding="utf-8")))


def products(clinic_id: UUID) -> tuple[Product, ...]:
    """Every product of the catalogue, first strength first."""
    return tuple(_product(clinic_id, entry) for entry in _entries())


def _product(clinic_id: UUID, entry: dict[str, Any]) -> Product:
    # The id is made from the clinic and the slug, so a product needs no set-up step of its own.
    return Product(
        product_id=uuid5(clinic_id, entry["slug"]),
        **{name: value for name, value in entry.items() if name != "slug"},
    )
