"""What a keyboard-wedge scanner typed, as a label: which product, which lot, until when.

In: the typed text, a date. Out: a `Label`, or `LabelUnreadable` that names the field. Which product a code belongs to
is not known here. Pure.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from vigil.labels import gs1
from vigil.labels.ndc import ndcs_of, ndcs_of_gtin
from vigil.labels.unreadable import LabelUnreadable

LETTERS_MAX = 200
"""Two full lines of GS1 fields; more came from another source than a box or a vial."""

_OWN_LABEL = re.compile(r"\d{5,7}-\d{2,3}", re.ASCII)
_SYMBOLOGY = re.compile(r"\][A-Za-z][0-9A-Za-z]", re.ASCII)
_GS1_SYMBOLOGIES = ("]C1", "]e0", "]d2", "]Q3", "]J1")
_NDC_WORD = re.compile(r"NDC[ :]*", re.ASCII | re.IGNORECASE)


Said = TypeVar("Said")


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What one code, or several codes of one box, say. Absent is None.

    `gtin` has fourteen digits; `ndcs` are the eleven-digit codes it can mean; `own` is a label of this clinic.
    """

    gtin: str | None = None
    ndcs: tuple[str, ...] = ()
    expires_on: date | None = None
    lot: str | None = None
    serial: str | None = None
    own: str | None = None

    @property
    def names_a_product(self) -> bool:
        """Whether the code says which product it is on."""
        return self.gtin is not None or bool(self.ndcs)


def read_label(text: str, *, today: date) -> Label:
    """What the scanned text says.

    Args:
        text: at most LETTERS_MAX letters; blanks and line ends around it are dropped.
        today: decides the century of an expiry.

    Raises:
        LabelUnreadable: it is no label of a medicine or of this clinic; the field at fault is named.

    >>> read_label("20001-03", today=date(2026, 11, 24)).own
    '20001-03'
    >>> read_label("]d2010290000000010017271231" + "10K2291", today=date(2026, 11, 24)).lot
    'K2291'
    """
    text = text.strip(" \t\r\n\v\f")
    if not text:
        raise LabelUnreadable(field="scan", wrong="nothing was read. Scan again.")
    if len(text) > LETTERS_MAX:
        raise LabelUnreadable(
            field="scan", wrong="it is too long for one label. Scan one code only."
        )
    symbology, text = _without_symbology(text)
    if symbology in _GS1_SYMBOLOGIES:
        return _of_fields(text, today)
    if _OWN_LABEL.fullmatch(text):
        return Label(own=text)
    bare = _NDC_WORD.sub("", text, count=1) if _NDC_WORD.match(text) else text
    if bare != text or _has_two_dashes(bare):
        return Label(ndcs=ndcs_of(bare))
    if gs1.is_digits(text) and len(text) in (10, 11):
        return Label(ndcs=ndcs_of(text))
    if gs1.is_digits(text) and len(text) <= 14:
        return _of_gtin(text)
    return _of_fields(text, today)


def combine(labels: Sequence[Label]) -> Label:
    """One label of several codes of one box: what one leaves out, another says.

    Raises:
        LabelUnreadable: two codes say different things: they are not of one box.

    >>> combine([Label(gtin="02900000000100"), Label(lot="K2291")]).lot
    'K2291'
    """
    return Label(
        gtin=_agreed(gs1.NAMES[gs1.GTIN], [each.gtin for each in labels]),
        ndcs=_agreed_ndcs([each.ndcs for each in labels if each.ndcs]),
        expires_on=_agreed(gs1.NAMES[gs1.EXPIRY], [each.expires_on for each in labels]),
        lot=_agreed(gs1.NAMES[gs1.LOT], [each.lot for each in labels]),
        serial=_agreed(gs1.NAMES[gs1.SERIAL], [each.serial for each in labels]),
        own=_agreed("label", [each.own for each in labels]),
    )


def _agreed(field: str, values: Sequence[Said | None]) -> Said | None:
    said = {value for value in values if value is not None}
    if len(said) > 1:
        raise LabelUnreadable(
            field=field,
            wrong="two codes were scanned and they differ. Scan the codes of one box only.",
        )
    return next(iter(said), None)


def _agreed_ndcs(candidates: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    if not candidates:
        return ()
    common = set(candidates[0]).intersection(*candidates[1:])
    if not common:
        raise LabelUnreadable(
            field="NDC",
            wrong="two codes were scanned and they differ. Scan the codes of one box only.",
        )
    return tuple(sorted(common))


def _without_symbology(text: str) -> tuple[str, str]:
    found = _SYMBOLOGY.match(text)
    return ("", text) if found is None else (found[0], text[found.end() :])


def _of_gtin(digits: str) -> Label:
    gtin = gs1.gtin_of(digits)
    return Label(gtin=gtin, ndcs=ndcs_of_gtin(gtin))


def _of_fields(text: str, today: date) -> Label:
    fields = gs1.fields_of(text)
    gtin = gs1.gtin_of(fields[gs1.GTIN]) if gs1.GTIN in fields else None
    expiry = fields.get(gs1.EXPIRY)
    label = Label(
        gtin=gtin,
        ndcs=() if gtin is None else ndcs_of_gtin(gtin),
        expires_on=None if expiry is None else gs1.expiry_of(expiry, today=today),
        lot=fields.get(gs1.LOT),
        serial=fields.get(gs1.SERIAL),
    )
    if label == Label():
        raise LabelUnreadable(
            field="scan",
            wrong="the code names no product, lot or expiry. Scan another code of the box.",
        )
    return label


def _has_two_dashes(text: str) -> bool:
    return text.count("-") == 2 and gs1.is_digits(text.replace("-", ""))
