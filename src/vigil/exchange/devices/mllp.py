"""Cut a stream of bytes into MLLP frames, and write the answers to them.

In: bytes as they arrive, in pieces of any size. Out: whole messages, and everything that is not one, with its
reason; nothing that arrived is dropped without a word. No socket, no clock, no files.

A frame is 0x0B, the message, 0x1C, 0x0D. Both marks may not stand inside a message, so a frame ends at 0x1C
itself: a missing last CR or a LF in its place costs nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass

START = b"\x0b"
END = b"\x1c"
CR = b"\r"
SIZE_MAX = 256 * 1024
"""Longest message accepted, bytes: a full vital set is about 2 kB, one with waveforms about 40 kB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One whole message, without its marks."""

    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """Bytes that arrived and are not a whole message: what they were, and why they were refused.

    `wants_answer` is false for noise in front of a frame: the sender waits for one answer, to its frame.
    """

    code: str
    reason: str
    payload: bytes
    wants_answer: bool = True


class Framer:
    """Keeps what has arrived of one connection and gives back whole frames.

    The result depends only on the bytes, never on how they were cut into pieces.

    >>> framer = Framer()
    >>> framer.feed(b"\\x0bMSH"), framer.feed(b"|1\\x1c\\r")
    ((), (Frame(payload=b'MSH|1'),))
    """

    def __init__(self, *, size_max: int = SIZE_MAX) -> None:
        assert size_max > 0
        self._size_max = size_max
        self._is_inside = False
        self._is_skipping = False
        self._kept = bytearray()

    def feed(self, piece: bytes) -> tuple[Frame | Broken, ...]:
        """What became complete with this piece, in the order of arrival."""
        found: list[Frame | Broken] = []
        position = 0
        while position < len(piece):
            step = self._inside if self._is_inside else self._outside
            position = step(piece, position, found)
        return tuple(found)

    def is_waiting(self) -> bool:
        """Whether bytes have arrived that belong to no whole message yet."""
        return self._is_inside or bool(self._kept)

    def is_inside(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._is_inside

    def close(self) -> tuple[Broken, ...]:
        """What is left when the sender stops: half a frame, or bytes outside any frame."""
        kept, was_inside, was_skipping = bytes(self._kept), self._is_inside, self._is_skipping
        self._reset(is_inside=False)
        if was_inside and not was_skipping:
            return (_cut_short(kept),)
        return () if not kept else (_noise(kept, wants_answer=True),)

    def _reset(self, *, is_inside: bool) -> None:
        self._is_inside = is_inside
        self._is_skipping = False
        self._kept = bytearray()

    def _outside(self, piece: bytes, position: int, found: list[Frame | Broken]) -> int:
        start = piece.find(START, position)
        upto = len(piece) if start < 0 else start
        self._keep_noise(piece[position:upto], found)
        if start < 0:
            return len(piece)
        if self._kept:
            found.append(_noise(bytes(self._kept), wants_answer=False))
        self._reset(is_inside=True)
        return start + 1

    def _keep_noise(self, noise: bytes, found: list[Frame | Broken]) -> None:
        # Line ends between frames are the last CR of the frame before, or a dialect's spelling of it.
        while noise:
            noise = noise if self._kept else noise.lstrip(b"\r\n")
            room = self._size_max - len(self._kept)
            self._kept += noise[:room]
            noise = noise[room:]
            if len(self._kept) == self._size_max:
                found.append(_noise(bytes(self._kept), wants_answer=True))
                self._kept = bytearray()

    def _inside(self, piece: bytes, position: int, found: list[Frame | Broken]) -> int:
        start, end = piece.find(START, position), piece.find(END, position)
        marks = [mark for mark in (start, end) if mark >= 0]
        upto = min(marks, default=len(piece))
        self._keep_payload(piece[position:upto], found)
        if not marks:
            return len(piece)
        kept, was_skipping = bytes(self._kept), self._is_skipping
        is_new_frame = upto == start
        self._reset(is_inside=is_new_frame)
        if not was_skipping:
            found.append(_cut_short(kept) if is_new_frame else Frame(payload=kept))
        return upto + 1

    def _keep_payload(self, payload: bytes, found: list[Frame | Broken]) -> None:
        if self._is_skipping:
            return
        room = self._size_max - len(self._kept)
        self._kept += payload[:room]
        if len(payload) > room:
            found.append(_oversize(bytes(self._kept), self._size_max))
            self._is_skipping = True
            self._kept = bytearray()


def _cut_short(kept: bytes) -> Broken:
    return Broken(
        code="DEV-FRAME-CUT",
        reason=f"The frame stopped after {len(kept)} bytes without its end mark 0x1C.",
        payload=kept,
    )


def _oversize(kept: bytes, size_max: int) -> Broken:
    return Broken(
        code="DEV-FRAME-SIZE",
        reason=f"The message is longer than {size_max} bytes; only the first {size_max} were kept.",
        payload=kept,
    )


def _noise(kept: bytes, *, wants_answer: bool) -> Broken:
    return Broken(
        code="DEV-FRAME-NOISE",
        reason=f"{len(kept)} bytes arrived outside any frame (a frame begins with 0x0B).",
        payload=kept,
        wants_answer=wants_answer,
    )


def wrap(payload: bytes) -> bytes:
    """The message as one frame.

    >>> wrap(b"MSH")
    b'\\x0bMSH\\x1c\\r'
    """
    return START + payload + END + CR


def wrap_all(payloads: Iterable[bytes]) -> bytes:
    """Several messages as frames, one after the other."""
    return b"".join(wrap(payload) for payload in payloads)
