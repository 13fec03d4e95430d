"""Heads as paper carries them: a QR code to scan, words to read aloud, digits to compare.

In: signed heads. Out: what a template prints. The code holds what `--head` of both verifiers takes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import segno

from vigil.record import queries
from vigil.record.anchors import AnchoredHead
from vigil.record.head_file import head_argument
from vigil.record.heads import newest_signed
from vigil.record.words import words_of

NAMES = {queries.CUSTODY: "Controlled drugs", queries.CARE: "Care"}

QR_ERROR_CORRECTION = "m"
"""15 % of the code may be soiled: paper in a safe gets creased, and a larger code is harder to scan."""

QR_BORDER = 4
"""Modules of white around the code that readers need (ISO/IEC 18004)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadCard:
    """One register's head. `image`: the QR code as a data address; `argument`: what it says."""

    name: str
    register: str
    seq: int
    words: str
    groups: tuple[str, ...]
    signed_at: datetime | None
    image: str
    argument: str


def card(
    clinic_id: UUID, *, register: str, seq: int, digest: str, signed_at: datetime | None
) -> HeadCard:
    """The head as a card."""
    argument = head_argument(clinic_id, register, seq, digest)
    code = segno.make(argument, error=QR_ERROR_CORRECTION, micro=False)
    return HeadCard(
        name=NAMES[register],
        register=register,
        seq=seq,
        words=words_of(digest),
        groups=tuple(digest[at : at + 16] for at in range(0, 64, 16)),
        signed_at=signed_at,
        # Black on white whatever the theme: a reader needs the contrast.
        image=code.svg_data_uri(border=QR_BORDER, dark="#000", light="#fff"),
        argument=argument,
    )


def newest_cards(clinic_id: UUID) -> tuple[HeadCard, ...]:
    """The newest signed head of each register, controlled drugs first."""
    return _cards(
        clinic_id, ((h.register, h.seq, h.hash, h.signed_at) for h in newest_signed(clinic_id))
    )


def sheet_cards(clinic_id: UUID, heads: Iterable[AnchoredHead]) -> tuple[HeadCard, ...]:
    """The heads that one sheet was written with, controlled drugs first."""
    return _cards(clinic_id, ((h.register, h.seq, h.hash, h.at) for h in heads))


def _cards(
    clinic_id: UUID, heads: Iterable[tuple[str, int, str, datetime]]
) -> tuple[HeadCard, ...]:
    return tuple(
        card(clinic_id, register=register, seq=seq, digest=digest, signed_at=at)
        for register, seq, digest, at in sorted(heads, reverse=True)
    )
