"""Tokens of patients' links: 128 random bits, signed.

In: the secret key. Out: a token to send, its hash to store. A forged token is refused here, without
reading the database, so guessing costs the clinic nothing and learns nothing.
"""

import hashlib
import secrets

from django.core import signing

_SALT = "vigil.outcome.link"
_RANDOM_BYTES = 16


def _signer() -> signing.Signer:
    return signing.Signer(salt=_SALT, sep=".", algorithm="sha256")


def new_token() -> str:
    """A fresh token: 22 letters of 128 random bits, a point, and the signature."""
    return _signer().sign(secrets.token_urlsafe(_RANDOM_BYTES))


def is_ours(token: str) -> bool:
    """Whether this installation signed the token."""
    # Longer than any token of ours: refused before any hashing.
    if len(token) > 100 or not token.isascii():
        return False
    try:
        _signer().unsign(token)
    except signing.BadSignature:
        return False
    return True


def token_hash(token: str) -> str:
    """What is stored of a token: SHA-256, from which it cannot be found again."""
    return hashlib.sha256(token.encode()).hexdigest()
