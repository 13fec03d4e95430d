"""A scan on a page of the safe: what was scanned, and whether it is what the page is about.

In: a request, the containers of the book. Out: the product or container that the code names, or the refusal in words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.http import HttpRequest

from vigil.custody import queries
from vigil.custody.domain.facts import Container, Product
from vigil.labels import LETTERS_MAX, Label
from vigil.units.refusals import Refused
from vigil.web.custody_forms import posted
from vigil.web.product_codes import CODES_MAX, CodesInvalid, Scanned, codes_of, read_scans


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The codes that were scanned into a page, and what they say together."""

    texts: tuple[str, ...]
    scanned: Scanned | None
    refused: Refused | None

    @property
    def kept(self) -> tuple[str, ...]:
        """What the next scan is read together with: nothing after a refusal."""
        return () if self.refused is not None else self.texts


def scan_of(request: HttpRequest, *, today: date) -> Scan:
    """What was scanned into the page that asks."""
    texts = tuple(
        text[: LETTERS_MAX + 1]
        for text in posted(request).getlist("scan")[: CODES_MAX + 1]
        if text.strip()
    )
    clinic_id = request.staff.clinic_id
    try:
        answer = read_scans(
            texts,
            codes=codes_of(clinic_id),
            products=queries.products(clinic_id),
            clinic_id=clinic_id,
            today=today,
        )
    except CodesInvalid:
        answer = Refused(
            code="CUS-SCAN-FILE",
            message="The clinic's own file of codes cannot be read. Tell whoever administers the clinic; "
            "until then choose by the label.",
        )
    if isinstance(answer, Refused):
        return Scan(texts=texts, scanned=None, refused=answer)
    return Scan(texts=texts, scanned=answer, refused=None)


def refuse_expired(scan: Scan, *, today: date) -> Refused | None:
    """The refusal when the code itself says that its lot has expired."""
    expires_on = None if scan.scanned is None else scan.scanned.label.expires_on
    if expires_on is None or expires_on >= today:
        return None
    return Refused(
        code="CUS-SCAN-EXPIRED",
        message=f"The code says this lot expired on {expires_on.isoformat()}. Put the box aside; do not use it.",
    )


def scanned_container(
    scanned: Scanned,
    *,
    chosen: Container,
    is_asked_for: bool,
    usable: Sequence[Container],
    everything: Iterable[Container],
    today: date,
) -> Container | Refused:
    """The container that the scan points to among those that may be used, or why not.

    Args:
        chosen: what the page would take.
        is_asked_for: a person chose it; then the scan must be of it, and is never followed elsewhere.
        usable: what fits the plan, best first.
        everything: all containers of the clinic, to say what is wrong with one that does not fit.
    """
    label, everything = scanned.label, tuple(everything)
    # The clinic's own label names its container; another code only says what kind of container it is.
    product = scanned.product or (chosen.product if label.own is None else None)
    pointed = [
        each
        for each in everything
        if label.own in (None, each.label)
        and label.lot in (None, each.lot)
        and product in (None, each.product)
    ]
    if _is_other_product(scanned.product, usable, pointed, today):
        assert scanned.product is not None
        return Refused(
            code="CUS-SCAN-PRODUCT",
            message=f"The code says {scanned.product.name}. That does not fit this plan and stock: "
            f"{chosen.product.name} does. Put the scanned one back.",
        )
    if not pointed and label.own in {each.label for each in everything}:
        return Refused(
            code="CUS-SCAN",
            message=f"The codes are of two containers: {label.own} is another product or lot. Scan one only.",
        )
    what = _what(label, product or chosen.product)
    fitting = [each for each in usable if each in pointed]
    if not fitting:
        return _why_not(what, pointed, today)
    if chosen not in fitting and is_asked_for:
        return Refused(
            code="CUS-SCAN-LOT",
            message=f"You scanned {_lower(what)}, but chose {chosen.label}, lot {chosen.lot}. "
            "Take the one you chose, or choose the one in your hand.",
        )
    found = chosen if chosen in fitting else fitting[0]
    if label.expires_on is not None and label.expires_on != found.expires_on:
        return Refused(
            code="CUS-SCAN-EXPIRY",
            message=f"The code says expiry {label.expires_on.isoformat()}; the book has "
            f"{found.expires_on.isoformat()} for {found.label}. Put it aside and look both up.",
        )
    return found


def _is_other_product(
    product: Product | None,
    usable: Sequence[Container],
    pointed: Sequence[Container],
    today: date,
) -> bool:
    """Whether the scanned product is not of this plan; one of the plan that is held or expired is said as such."""
    if product is None or product in {each.product for each in usable}:
        return False
    return not any(_state(each, today) for each in pointed)


def _what(label: Label, product: Product) -> str:
    """What was scanned, in words."""
    if label.own is not None:
        return f"Container {label.own}"
    return product.name if label.lot is None else f"Lot {label.lot} of {product.name}"


def _why_not(what: str, pointed: Sequence[Container], today: date) -> Refused:
    if not pointed:
        return Refused(
            code="CUS-SCAN-LOT", message=f"{what} is not in this safe's book. Was it received?"
        )
    states = [_state(each, today) for each in pointed]
    reason = next((each for each in states if each), "does not fit this plan")
    return Refused(
        code="CUS-SCAN-NOT-USABLE", message=f"{what} {reason}. Nothing is drawn from it."
    )


def _state(container: Container, today: date) -> str:
    if container.is_held:
        return "is held"
    if container.expires_on < today:
        return f"expired on {container.expires_on.isoformat()}"
    if not container.remaining_ug:
        return "is empty"
    if not container.place.is_for_use:
        return f"stands in {container.place.name}"
    return ""


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:] if text.startswith(("Lot", "Container")) else text
