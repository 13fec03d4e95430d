"""The expected 'no': a code that stays the same and a sentence for the person who asked."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An act that was not allowed; nothing was written.

    `code` is stable (`CUS-WITNESS-SELF`); `message` says what was wrong and what to do next, with no
    patient detail.
    """

    code: str
    message: str
