"""A clinic's signed heads as one small file that leaves the house.

In: signed heads and keys. Out: canonical JSON that another Vigil, a colleague or a time-stamping authority keeps, and a mail
with it. It holds no patient's details. Read back strictly: a file of another form or with a signature that does not fit is refused.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from uuid import UUID

from vigil.record.canonical import canonical
from vigil.record.heads import KeyFact, SignedHeadFact
from vigil.record.signing import fits, head_message, key_id_of
from vigil.record.words import words_of
from vigil.units.refusals import Refused

FORMAT = "vigil-heads"
VERSION = 1
BYTES_MAX = 1_000_000
"""A file of heads has some hundred bytes; a larger one is something else."""

FIELDS = {"clinic_id", "clinic_name", "format", "heads", "keys", "version", "written_at"}
KEY_FIELDS = {"key_id", "made_at", "public_key"}
HEAD_TEXTS = ("hash", "key_id", "register", "signature", "signed_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadHead:
    """A head of a file whose signature fits. `signed_at` as it was signed."""

    register: str
    seq: int
    hash: str
    public_key: str
    signature: str
    signed_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadFile:
    """Another clinic's heads."""

    clinic_id: UUID
    clinic_name: str
    heads: tuple[ReadHead, ...]


def write_heads(
    *,
    clinic_id: UUID,
    clinic_name: str,
    heads: Sequence[SignedHeadFact],
    keys: Sequence[KeyFact],
    at: datetime,
) -> bytes:
    """The file's bytes: one canonical object and a line feed."""
    used = {head.key_id for head in heads}
    text = canonical(
        {
            "clinic_id": clinic_id,
            "clinic_name": clinic_name,
            "format": FORMAT,
            "heads": list(heads),
            "keys": [key for key in keys if key.key_id in used],
            "version": VERSION,
            "written_at": at,
        }
    )
    return text.encode() + b"\n"


def read_heads(content: bytes) -> HeadFile | Refused:
    """The heads of a file, or why it is not one that can be believed."""
    try:
        return _read(content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Refused(
            code="REC-HEADS-FORM",
            message="This is no file of heads that a Vigil clinic has written.",
        )


def _read(content: bytes) -> HeadFile | Refused:
    if len(content) > BYTES_MAX:
        raise ValueError
    text = content.decode("utf-8")
    found: dict[str, Any] = json.loads(text)
    if canonical(found) + "\n" != text or (found["format"], found["version"]) != (FORMAT, VERSION):
        raise ValueError
    if set(found) != FIELDS or not isinstance(found["clinic_name"], str):
        raise ValueError
    keys = {key["key_id"]: key["public_key"] for key in found["keys"] if set(key) == KEY_FIELDS}
    if len(keys) != len(found["keys"]) or any(key_id_of(keys[one]) != one for one in keys):
        raise ValueError
    clinic_id = UUID(found["clinic_id"])
    heads = []
    for head in found["heads"]:
        if set(head) != {*HEAD_TEXTS, "seq"} or type(head["seq"]) is not int:
            raise ValueError
        message = head_message(
            clinic_id=clinic_id, register=head["register"], seq=head["seq"], digest=head["hash"],
            key_id=head["key_id"], signed_at=head["signed_at"],
        )  # fmt: skip
        public_key = keys[head["key_id"]]
        if not fits(public_key=public_key, signature=head["signature"], message=message):
            return Refused(
                code="REC-HEADS-SIGNATURE",
                message="A signature in this file does not fit: it was changed on its way.",
            )
        heads.append(
            ReadHead(
                register=head["register"], seq=head["seq"], hash=head["hash"], public_key=public_key,
                signature=head["signature"], signed_at=head["signed_at"],
            )
        )  # fmt: skip
    if not heads:
        raise ValueError
    return HeadFile(clinic_id=clinic_id, clinic_name=found["clinic_name"], heads=tuple(heads))


def head_argument(clinic_id: UUID, register: str, seq: int, digest: str) -> str:
    """A head as `--head` of the verifiers takes it, and as the QR code holds it."""
    return f"{clinic_id}:{register}:{seq}:{digest}"


def mail_with(
    content: bytes, *, clinic_id: UUID, clinic_name: str, heads: Sequence[SignedHeadFact], to: str,
    at: datetime,
) -> bytes:  # fmt: skip
    """A mail, ready to be sent by any mail program, with the heads in words and the file attached."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = f"Heads of the record of {clinic_name}, {at:%Y-%m-%d %H:%M} UTC"
    if to:
        mail["To"] = to
    # Mail programs open it as a draft.
    mail["X-Unsent"] = "1"
    lines = [
        f"Heads of the record of {clinic_name} at {at:%Y-%m-%d %H:%M} UTC.",
        "Keep this mail: with it anyone can show later that the record was cut or rewritten.",
        "It holds no patient's details.",
        "",
    ]
    for head in heads:
        lines += [
            f"Register {head.register}, {head.seq} entries:",
            f"  {words_of(head.hash)}",
            f"  --head {head_argument(clinic_id, head.register, head.seq, head.hash)}",
            "",
        ]
    lines.append(f"SHA-256 of the attached file: {hashlib.sha256(content).hexdigest()}")
    mail.set_content("\n".join(lines))
    mail.add_attachment(
        content, maintype="application", subtype="json", filename=f"heads-{at:%Y%m%d-%H%M%S}.json"
    )
    return mail.as_bytes()
