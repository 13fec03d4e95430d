"""Words of a head: the writer and both verifiers say the same, and the hash comes back."""

import string

from hypothesis import given
from hypothesis import strategies as st

from two_verifiers import verify
from vigil.record.words import CONSONANTS, VOWELS, WORDS, words_of

digests = st.text(alphabet="0123456789abcdef", min_size=64, max_size=64)


@given(digests)
def test_the_first_128_bits_come_back_from_the_words(digest: str) -> None:
    words = words_of(digest)

    assert words == verify.words_of(digest)
    assert verify.hash_of_words(words.split(" ")) == digest[:32]


def test_the_letters_hold_what_they_should() -> None:
    """Four bits and two bits: eight words of five letters are 128 bits, not fewer."""
    assert len(set(CONSONANTS)) == 16
    assert len(set(VOWELS)) == 4
    assert not set(CONSONANTS) & set(VOWELS)
    assert set(CONSONANTS + VOWELS) <= set(string.ascii_lowercase)
    assert WORDS * (3 * 4 + 2 * 2) == 128


def test_a_hash_worked_by_hand() -> None:
    """7f00 0001 is 'lusab babad' in the paper on proquints: the loopback address 127.0.0.1."""
    assert words_of("7f000001" + "0" * 56).startswith("lusab babad ")
