"""Time stamps by RFC 3161: a stranger's word that a document existed at a moment.

In: the hash of a document. Out: a request file (`.tsq`) for any time-stamping authority; from its response (`.tsr`), when
it was stamped. Only the few DER forms that these two need. The authority's own signature is not judged here: that needs
its certificate, and `openssl ts -verify` does it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from vigil.units.refusals import Refused

SHA256_OID = bytes.fromhex("0609608648016503040201")
"""The object identifier 2.16.840.1.101.3.4.2.1 of SHA-256, as DER."""

SIGNED_DATA_OID = bytes.fromhex("06092a864886f70d010702")
"""1.2.840.113549.1.7.2, signed data (RFC 5652)."""

TST_INFO_OID = bytes.fromhex("060b2a864886f70d0109100104")
"""1.2.840.113549.1.9.16.1.4, the contents of a time stamp (RFC 3161)."""

INTEGER, OCTETS, SEQUENCE, TIME, FIRST, BOOLEAN = 0x02, 0x04, 0x30, 0x18, 0xA0, 0x01

GRANTED = (0, 1)
"""Granted, and granted with changes; any other status is a refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """What an authority says: this document's hash was before it at this moment."""

    digest: str
    at: datetime
    serial: int


class _NotDer(ValueError):
    """The bytes are not the form they should be."""


def request(content: bytes, *, nonce: int) -> bytes:
    """A time stamp request for the content, asking for the authority's certificate with the answer.

    Args:
        nonce: 64 random bits; the response must repeat them, so an old one cannot stand for a new one.
    """
    imprint = _der(
        SEQUENCE,
        _der(SEQUENCE, SHA256_OID + b"\x05\x00") + _der(OCTETS, hashlib.sha256(content).digest()),
    )
    return _der(SEQUENCE, _int(1) + imprint + _int(nonce) + _der(BOOLEAN, b"\xff"))


def read_response(response: bytes, *, content: bytes, asked: bytes) -> Stamped | Refused:
    """When the content was stamped, or why the response is no stamp of it.

    Args:
        asked: the request that the response answers.
    """
    try:
        return _read(response, content=content, asked=asked)
    except (_NotDer, ValueError, IndexError, StopIteration):
        return Refused(
            code="REC-STAMP-FORM",
            message="This is no time stamp response that can be read (RFC 3161).",
        )


def _read(response: bytes, *, content: bytes, asked: bytes) -> Stamped | Refused:
    outer = _items(_one(response, SEQUENCE))
    status = _number(next(_items(_inside(next(outer), SEQUENCE))))
    if status not in GRANTED:
        return Refused(
            code="REC-STAMP-REFUSED",
            message=f"The authority refused the request (status {status}). Ask again, or another one.",
        )
    info = list(_items(_tst_info(_inside(next(outer), SEQUENCE))))
    imprint = list(_items(_inside(info[2], SEQUENCE)))
    digest = _inside(imprint[1], OCTETS)
    if digest != hashlib.sha256(content).digest():
        return Refused(
            code="REC-STAMP-OTHER", message="The time stamp is of another document than this one."
        )
    nonce = list(_items(_one(asked, SEQUENCE)))[2]
    if not any(item == nonce for item in info[5:]):
        return Refused(
            code="REC-STAMP-NONCE", message="The time stamp answers another request than this one."
        )
    moment = _inside(info[4], TIME).decode("ascii")
    form = "%Y%m%d%H%M%S.%fZ" if "." in moment else "%Y%m%d%H%M%SZ"
    at = datetime.strptime(moment, form).replace(tzinfo=UTC)
    return Stamped(digest=digest.hex(), at=at, serial=_number(info[3]))


def _tst_info(token: bytes) -> bytes:
    """What is inside the contents of a time stamp token."""
    kind, wrapped = _items(token)
    _demand(kind[1] == SIGNED_DATA_OID)
    signed = list(_items(_one(_inside(wrapped, FIRST), SEQUENCE)))
    kind, held = _items(_inside(signed[2], SEQUENCE))
    _demand(kind[1] == TST_INFO_OID)
    return _one(_inside(held, FIRST, OCTETS), SEQUENCE)


# --- DER -----------------------------------------------------------------------------------------


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + content


def _int(number: int) -> bytes:
    return _der(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


_Item = tuple[int, bytes]
"""A tag and, for object identifiers the whole element, for others what is inside."""


def _items(content: bytes) -> Iterator[_Item]:
    place = 0
    while place < len(content):
        tag, size, start = content[place], content[place + 1], place + 2
        if size >= 0x80:
            _demand(1 <= size & 0x7F <= 4)
            end = start + (size & 0x7F)
            size, start = int.from_bytes(content[start:end], "big"), end
        _demand(start + size <= len(content))
        inside = content[start : start + size]
        yield tag, content[place : start + size] if tag == 0x06 else inside
        place = start + size


def _one(content: bytes, tag: int) -> bytes:
    (item,) = _items(content)
    return _inside(item, tag)


def _inside(item: _Item, *tags: int) -> bytes:
    """What is inside elements with these tags, one in the other."""
    tag, content = item
    _demand(tag == tags[0])
    return _one(content, tags[1]) if len(tags) == 2 else content


def _number(item: _Item) -> int:
    return int.from_bytes(_inside(item, INTEGER), "big", signed=True)


def _demand(holds: bool) -> None:
    if not holds:
        raise _NotDer
