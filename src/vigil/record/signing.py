"""The clinic's signing key, and what it signs.

In: a private key file in the clinic's home (never in the database), heads. Out: Ed25519 signatures that both verifiers check.
Who can write the database but cannot read the home can rewrite a chain, and cannot sign it.
"""

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings

from vigil.record.canonical import canonical

HEAD_FORMAT = "vigil-head"
"""Stands in what is signed, so that a signature of a head can never pass for one of something else."""


class KeyUnusable(RuntimeError):
    """The key file is there but is not a key that signs heads."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"The signing key {path} cannot be used: {reason}. Put the right file back from your "
            "backup, or move it away and let `vigil up` make a new one."
        )


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the names it goes by."""

    private: Ed25519PrivateKey

    @property
    def public_key(self) -> str:
        """64 hexadecimal digits."""
        return self.private.public_key().public_bytes_raw().hex()

    @property
    def key_id(self) -> str:
        return key_id_of(self.public_key)

    def sign(self, message: bytes) -> str:
        """128 hexadecimal digits."""
        return self.private.sign(message).hex()


def key_id_of(public_key: str) -> str:
    """The first 16 hexadecimal digits of the hash of a public key."""
    return hashlib.sha256(bytes.fromhex(public_key)).hexdigest()[:16]


def head_message(
    *, clinic_id: UUID, register: str, seq: int, digest: str, key_id: str, signed_at: datetime | str
) -> bytes:
    """The bytes that a signature of a head covers, as the export format says."""
    return canonical(
        {
            "clinic_id": clinic_id,
            "format": HEAD_FORMAT,
            "hash": digest,
            "key_id": key_id,
            "register": register,
            "seq": seq,
            "signed_at": signed_at,
        }
    ).encode()


def fits(*, public_key: str, signature: str, message: bytes) -> bool:
    """Whether the signature (128 digits) is that key's (64 digits) of the message."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_path() -> Path:
    """Where the private key of this installation lies."""
    return Path(settings.HOME) / "record-key.pem"


def make_key() -> bool:
    """Make the private key unless one lies there; whether one was made."""
    path = key_path()
    if path.exists():
        return False
    _write_key(path)
    return True


def rotate_key() -> SigningKey:
    """Put a new private key in place of the old one, which is gone; its public half stays in the record."""
    path = key_path()
    _write_key(path)
    found = own_key()
    assert found is not None
    return found


def own_key() -> SigningKey | None:
    """The key of this installation; None when it has none, and then nothing is signed.

    Raises:
        KeyUnusable: the file cannot be read or holds something else.
    """
    path = key_path()
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise KeyUnusable(path, str(error)) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyUnusable(path, "it is not an Ed25519 key")
    return SigningKey(private)


def _write_key(path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".new")
    partial.unlink(missing_ok=True)
    # Made for its owner alone from the first byte, and whole before it has its name.
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
