"""Signed heads: the clinic's key says which record it stood for, and when.

In: a clinic whose registers have grown. Out: signed heads, kept with the record and exported with it. Without a key in the
clinic's home nothing is signed, and everything else works.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from vigil.record.actions import CUSTODY
from vigil.record.models import Entry, Head, Key, SignedHead
from vigil.record.queries import REGISTERS
from vigil.record.signing import SigningKey, head_message, own_key

SIGN_EVERY = timedelta(hours=1)
"""A register that grew is signed at least this often: what is unsigned an insider without the key could rewrite.
More often costs the verifier half a millisecond a signature for ever."""

COUNTED = "custody.Counted"
"""The entry after which the controlled drugs' head is signed at once, for the count sheet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHeadFact:
    """A head and the clinic's signature of it."""

    register: str
    seq: int
    hash: str
    key_id: str
    signature: str
    signed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFact:
    """A public key that signed heads of the clinic."""

    key_id: str
    public_key: str
    made_at: datetime


def sign_heads(
    *, clinic_id: UUID, at: datetime, reason: str, registers: Iterable[str] = REGISTERS
) -> tuple[SignedHeadFact, ...]:
    """The signed heads of the registers as they stand now; empty ones, and all without a key, are left out.

    A head that this key signed already is not signed again.
    """
    key = own_key()
    if key is None:
        return ()
    found = []
    with transaction.atomic():
        for register in sorted(registers):
            head = Head.objects.select_for_update().filter(clinic_id=clinic_id, register=register)
            if (row := head.first()) is not None and row.seq > 0:
                found.append(_signed(row, key, at=at, reason=reason))
    return tuple(found)


def sign_due(*, clinic_id: UUID, at: datetime) -> int:
    """Sign what grew and was not signed for an hour, and controlled drugs after a count; returns how many."""
    due = [
        row.register
        for row in Head.objects.filter(clinic_id=clinic_id, seq__gt=0)
        if _is_due(row, at)
    ]
    if not due:
        return 0
    return len(sign_heads(clinic_id=clinic_id, at=at, reason="hour", registers=due))


def newest_signed(clinic_id: UUID) -> tuple[SignedHeadFact, ...]:
    """The newest signed head of each register, where there is one."""
    found = (_newest(clinic_id, register) for register in REGISTERS)
    return tuple(_fact(row) for row in found if row is not None)


def signed_of(clinic_id: UUID, register: str, *, seq_max: int) -> tuple[SignedHeadFact, ...]:
    """All signed heads of a register up to a row, in the order of the export."""
    rows = SignedHead.objects.filter(clinic_id=clinic_id, register=register, seq__lte=seq_max)
    return tuple(_fact(row) for row in rows.order_by("seq", "signed_at", "key_id"))


def keys_of(clinic_id: UUID) -> tuple[KeyFact, ...]:
    """Every public key of the clinic, the old ones too, by id."""
    return tuple(
        KeyFact(key_id=row.key_id, public_key=row.public_key, made_at=row.made_at)
        for row in Key.objects.filter(clinic_id=clinic_id).order_by("key_id")
    )


def _is_due(head: Head, at: datetime) -> bool:
    newest = _newest(head.clinic_id, head.register)
    if newest is None:
        return True
    if head.seq == newest.seq:
        return False
    # A clock that was set back must not stop the signing: then "an hour ago" is in the future.
    is_old = not timedelta(0) <= at - newest.signed_at < SIGN_EVERY
    return is_old or (head.register == CUSTODY and _was_counted(head, after_seq=newest.seq))


def _was_counted(head: Head, *, after_seq: int) -> bool:
    return Entry.objects.filter(
        link__clinic_id=head.clinic_id, link__register=head.register, link__seq__gt=after_seq,
        kind=COUNTED,
    ).exists()  # fmt: skip


def _newest(clinic_id: UUID, register: str) -> SignedHead | None:
    rows = SignedHead.objects.filter(clinic_id=clinic_id, register=register)
    return rows.order_by("-seq", "-signed_at").first()


def _signed(head: Head, key: SigningKey, *, at: datetime, reason: str) -> SignedHeadFact:
    own = SignedHead.objects.filter(
        clinic_id=head.clinic_id, register=head.register, seq=head.seq, key_id=key.key_id
    )
    if (before := own.first()) is not None:
        return _fact(before)
    Key.objects.get_or_create(
        clinic_id=head.clinic_id,
        key_id=key.key_id,
        defaults={"public_key": key.public_key, "made_at": at},
    )
    message = head_message(
        clinic_id=head.clinic_id,
        register=head.register,
        seq=head.seq,
        digest=head.hash,
        key_id=key.key_id,
        signed_at=at,
    )
    row = SignedHead.objects.create(
        clinic_id=head.clinic_id,
        register=head.register,
        seq=head.seq,
        hash=head.hash,
        key_id=key.key_id,
        signature=key.sign(message),
        signed_at=at,
        reason=reason,
    )
    return _fact(row)


def _fact(row: SignedHead) -> SignedHeadFact:
    return SignedHeadFact(
        register=row.register,
        seq=row.seq,
        hash=row.hash,
        key_id=row.key_id,
        signature=row.signature,
        signed_at=row.signed_at,
    )
