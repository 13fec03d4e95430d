"""How sure a number or a rule is, in words. A mark in, words out."""

CERTAINTY_WORDS = {
    "R": "Confirmed in a primary source",
    "r": "Seen in a secondary source",
    "K": "Not confirmed: local policy",
    "D": "Arithmetic",
}
"""The certainty marks of evidence files, as a reader of the page sees them."""


def certainty_words(mark: str) -> str:
    """The words of a mark; KeyError for a mark that the evidence room does not use."""
    return CERTAINTY_WORDS[mark]
