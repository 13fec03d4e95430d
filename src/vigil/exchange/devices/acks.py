"""The answer to a device message: AA when it is kept, AE with the reason when it is refused.

In: the control id and the outcome. Out: the bytes of an ACK message; and back, for senders.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from vigil.exchange.devices.mllp import START

_ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}
REASON_LENGTH_MAX = 250
"""Longest reason sent back, characters: more does not fit the field of older receivers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """An answer as a sender reads it."""

    code: str
    control_id: str
    reason: str

    @property
    def is_accepted(self) -> bool:
        return self.code == "AA"


def accept(*, control_id: str, ack_id: str, at: datetime, note: str = "") -> bytes:
    """AA: the message is committed. `note` says what was kept when that is not everything."""
    return _ack("AA", control_id=control_id, ack_id=ack_id, at=at, reason=note, place="", error="")


def refuse(
    *, control_id: str, ack_id: str, at: datetime, reason: str, place: str, error: str
) -> bytes:
    """AE: the raw bytes are quarantined; says why and where.

    Args:
        control_id: MSH-10 of the message, empty when none could be read.
        place: segment and field such as `OBX-3`, empty when it is the frame.
        error: stable code such as `DEV-CODE-NAME`.
    """
    return _ack(
        "AE", control_id=control_id, ack_id=ack_id, at=at, reason=reason, place=place, error=error
    )


def _ack(
    code: str, *, control_id: str, ack_id: str, at: datetime, reason: str, place: str, error: str
) -> bytes:
    assert at.tzinfo is not None
    stamp = at.astimezone(UTC).strftime("%Y%m%d%H%M%S.%f")[:-3] + "+0000"
    text = escape(reason[:REASON_LENGTH_MAX])
    segments = [
        f"MSH|^~\\&|VIGIL||||{stamp}||ACK^R01^ACK|{escape(ack_id)}|P|2.6|||||||UNICODE UTF-8",
        f"MSA|{code}|{_echo(control_id)}|{text}",
    ]
    if code != "AA":
        segments.append(f"ERR||{escape(place)}|207^Application error^HL70357|E|{error}|||{text}")
    return "".join(f"{segment}\r" for segment in segments).encode()


def escape(text: str) -> str:
    """The text with HL7's own marks and every control character escaped."""
    return "".join(
        _ESCAPES.get(letter) or (f"\\X{ord(letter):02X}\\" if letter < " " else letter)
        for letter in text
    )


def _echo(control_id: str) -> str:
    """The control id as the sender wrote it, so that the sender knows its own again."""
    return "".join(
        f"\\X{ord(letter):02X}\\" if letter < " " or letter == "|" else letter
        for letter in control_id
    )


def read_ack(payload: bytes) -> Ack | None:
    """The answer in a message from a receiver, or None when it holds none."""
    for segment in payload.decode("utf-8", "replace").replace("\n", "\r").split("\r"):
        fields = segment.split("|")
        if fields[0] == "MSA" and len(fields) >= 3:
            reason = fields[3] if len(fields) > 3 else ""
            return Ack(code=fields[1], control_id=fields[2], reason=reason)
    return None


def control_id_in(payload: bytes) -> str:
    """MSH-10 of a message that may be damaged, or empty: a best reading, only to name it in an answer."""
    head = payload.lstrip(START + b"\r\n \t")[:2000].replace(b"\n", b"\r").split(b"\r")[0]
    if not head.startswith(b"MSH") or len(head) < 8:
        return ""
    fields = head.split(head[3:4])
    text = fields[9].decode("utf-8", "replace")[:199] if len(fields) > 9 else ""
    return text if text.isprintable() else ""
