"""Framing: the result depends on the bytes, never on how they were cut."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from vigil.exchange.devices.mllp import Broken, Frame, Framer, wrap_all

messages = st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\x0b", b"").replace(b"\x1c", b"")), max_size=8)  # fmt: skip


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[a:b] for a, b in itertools.pairwise(edges)]


def read(pieces: list[bytes], *, size_max: int = 1000) -> list[Frame | Broken]:
    framer = Framer(size_max=size_max)
    found = [item for piece in pieces for item in framer.feed(piece)]
    return [*found, *framer.close()]


@given(sent=messages, places=st.lists(st.integers(0, 500), max_size=60))
def test_any_cutting_of_any_frames_gives_the_same_frames(sent, places):
    """INV-DEV-01."""
    assert read(cut(wrap_all(sent), places)) == [Frame(payload=payload) for payload in sent]


@given(
    stream=st.lists(st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\n", b"abc", b"x" * 9])).map(b"".join),
    places=st.lists(st.integers(0, 500), max_size=60),
    size_max=st.integers(1, 20),
)  # fmt: skip
def test_any_cutting_of_any_bytes_gives_the_same_answer(stream, places, size_max):
    """INV-DEV-01, for broken streams too."""
    assert read(cut(stream, places), size_max=size_max) == read([stream], size_max=size_max)


@given(stream=st.lists(st.sampled_from([b"\x0b", b"\x1c", b"abc", b"de"])).map(b"".join))
def test_no_byte_of_content_is_dropped_without_a_word(stream):
    """INV-DEV-02: what is in no frame is in something broken."""
    kept = b"".join(item.payload for item in read([stream]))

    content = stream.replace(b"\x0b", b"").replace(b"\x1c", b"")
    marks_as_noise = kept.count(b"\x1c")
    assert kept.replace(b"\x1c", b"") == content
    assert marks_as_noise <= stream.count(b"\x1c")
