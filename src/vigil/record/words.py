"""A hash as words that can be read aloud.

In: a hash. Out: eight words of five letters that hold its first 128 bits (the construction of proquints,
D. S. Wilkerson 2009). No list of words: the verifiers carry the same rule in a few lines.
"""

CONSONANTS = "bdfghjklmnprstvz"
"""Sixteen letters, 4 bits each; none that sounds like another one of them when spelled in English or German."""

VOWELS = "aiou"
WORDS = 8
"""To make a second record that fits given words takes about 2^128 tries; two records alike about 2^64."""


def words_of(digest: str) -> str:
    """The first 128 bits of a hash (64 hexadecimal digits) as eight words.

    >>> words_of("0123" + "f" * 28 + "0" * 32)
    'bahog zuzuz zuzuz zuzuz zuzuz zuzuz zuzuz zuzuz'
    """
    assert len(digest) == 64
    return " ".join(_word(int(digest[at : at + 4], 16)) for at in range(0, 4 * WORDS, 4))


def _word(bits: int) -> str:
    return (
        CONSONANTS[bits >> 12]
        + VOWELS[bits >> 10 & 3]
        + CONSONANTS[bits >> 6 & 15]
        + VOWELS[bits >> 4 & 3]
        + CONSONANTS[bits & 15]
    )
