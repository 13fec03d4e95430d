"""Anchors: heads that stand in places outside this database, and what they are worth together.

In: a place to which the heads are written. Out: the file for it, one append-only row for each register, an entry in the record, and
the guarantee that the places give today. And the other way round: heads of other clinics that are kept here for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from vigil.record.actions import CARE, CUSTODY, append, seal
from vigil.record.clock import new_id
from vigil.record.head_file import ReadHead, head_argument, read_heads, write_heads
from vigil.record.heads import SignedHeadFact, keys_of, sign_heads, signed_of
from vigil.record.models import Anchor, Head, HeldHead
from vigil.units.refusals import Refused

PLACES = ("sheet", "mail", "clinic", "stamp")
"""Count sheet on paper, mail to somebody outside, second clinic, time-stamping authority."""

FRESH = timedelta(days=7)
"""An anchor older than this protects too little: a week's acts could be cut off unseen."""

PLACES_WANTED = 2
"""With one place, whoever holds it and this machine can rewrite everything; two must conspire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """What was written, and the file's bytes for the place."""

    anchor_id: UUID
    heads: tuple[SignedHeadFact, ...]
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchoredHead:
    """One head of one anchor, as it was written to its place."""

    place: str
    register: str
    seq: int
    hash: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceState:
    """How far one place reaches. `behind`: entries of the controlled drugs' register since its newest anchor."""

    place: str
    newest_at: datetime | None
    detail: str
    behind: int
    is_fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFact:
    """A head of another clinic, kept here. `is_disputed`: another hash is kept for the same row."""

    of_clinic_id: UUID
    register: str
    seq: int
    hash: str
    public_key: str
    signed_at: str
    held_at: datetime
    is_disputed: bool

    @property
    def argument(self) -> str:
        return head_argument(self.of_clinic_id, self.register, self.seq, self.hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What an import kept. `disputed`: these rows had another hash when they were kept before: two histories.
    `is_key_new`: an earlier import of that clinic was signed by another key."""

    clinic_id: UUID
    clinic_name: str
    kept: int
    disputed: tuple[HeldFact, ...]
    is_key_new: bool


def anchor(
    *, clinic_id: UUID, clinic_name: str, place: str, detail: str, by: object, at: datetime
) -> Anchored | Refused:
    """Sign the heads as they stand, note that they go to `place`, and return the file for it."""
    assert place in PLACES
    seal(clinic_id=clinic_id, register=CARE)
    with transaction.atomic():
        heads = sign_heads(clinic_id=clinic_id, at=at, reason="anchor")
        if not heads:
            return Refused(
                code="REC-NO-HEADS",
                message="There is nothing signed to write down: no entry yet, or no signing key. "
                "`vigil up` makes the key.",
            )
        anchor_id = new_id()
        _write_rows(anchor_id, clinic_id, place=place, detail=detail, heads=heads, by=by, at=at)
    content = write_heads(
        clinic_id=clinic_id, clinic_name=clinic_name, heads=heads, keys=keys_of(clinic_id), at=at
    )
    return Anchored(anchor_id=anchor_id, heads=heads, content=content)


def anchor_stamped(
    *, clinic_id: UUID, content: bytes, detail: str, by: object, at: datetime
) -> Anchored | Refused:
    """Note that a time stamp of this file of our own heads was read."""
    found = read_heads(content)
    if isinstance(found, Refused):
        return found
    if found.clinic_id != clinic_id:
        return Refused(code="REC-HEADS-OTHER", message="This file holds another clinic's heads.")
    known = {
        (head.register, head.seq, head.hash): head
        for asked in found.heads
        for head in signed_of(clinic_id, asked.register, seq_max=asked.seq)
    }
    heads = [known.get((head.register, head.seq, head.hash)) for head in found.heads]
    if None in heads:
        return Refused(
            code="REC-HEADS-UNKNOWN",
            message="The record here does not hold these heads: it went back, or the file is of another history.",
        )
    with transaction.atomic():
        anchor_id = new_id()
        signed = tuple(head for head in heads if head is not None)
        _write_rows(anchor_id, clinic_id, place="stamp", detail=detail, heads=signed, by=by, at=at)
    return Anchored(anchor_id=anchor_id, heads=signed, content=content)


def places(clinic_id: UUID, *, at: datetime) -> tuple[PlaceState, ...]:
    """Where the last anchors stand, one for each kind of place."""
    head = Head.objects.filter(clinic_id=clinic_id, register=CUSTODY).first()
    seq = head.seq if head else 0
    rows = Anchor.objects.filter(clinic_id=clinic_id)
    found = []
    for place in PLACES:
        newest = rows.filter(place=place).order_by("-at").first()
        reach = rows.filter(place=place, register=CUSTODY).aggregate(seq=Max("seq"))["seq"] or 0
        found.append(
            PlaceState(
                place=place,
                newest_at=newest.at if newest else None,
                detail=newest.detail if newest else "",
                behind=max(0, seq - reach),
                is_fresh=newest is not None and timedelta(0) <= at - newest.at <= FRESH,
            )
        )
    return tuple(found)


def anchored(anchor_id: UUID, *, clinic_id: UUID) -> tuple[AnchoredHead, ...]:
    """The heads of one anchor; empty when this clinic has none with that id."""
    rows = Anchor.objects.filter(clinic_id=clinic_id, anchor_id=anchor_id).order_by("register")
    return tuple(
        AnchoredHead(place=row.place, register=row.register, seq=row.seq, hash=row.hash, at=row.at)
        for row in rows
    )


def guarantee(states: Sequence[PlaceState]) -> str:
    """What the places prove together today, in one sentence."""
    fresh = [state for state in states if state.is_fresh]
    days = FRESH.days
    if len(fresh) >= PLACES_WANTED:
        return (
            f"{len(fresh)} places outside hold heads of the last {days} days: to cut or rewrite what they cover "
            "unseen, somebody must change all of them too."
        )
    if fresh:
        return (
            f"Weaker: only one place outside holds heads of the last {days} days. Whoever controls it and this "
            "machine can cut or rewrite the record unseen."
        )
    if any(state.newest_at for state in states):
        return (
            f"Weak: no place outside holds heads of the last {days} days. Whoever controls this machine can cut off "
            "or rewrite, unseen, all that came after the last one."
        )
    return (
        "None: no head was ever written outside. Whoever controls this machine can cut off or rewrite everything "
        "unseen; only changes that leave the chain broken show."
    )


def hold(*, clinic_id: UUID, content: bytes, by: object, at: datetime) -> Held | Refused:
    """Keep another clinic's heads for it. Heads that contradict kept ones are kept too: together they are the proof."""
    found = read_heads(content)
    if isinstance(found, Refused):
        return found
    if found.clinic_id == clinic_id:
        return Refused(
            code="REC-HEADS-OWN",
            message="These are this clinic's own heads; another clinic keeps them.",
        )
    before = HeldHead.objects.filter(clinic_id=clinic_id, of_clinic_id=found.clinic_id)
    keys = set(before.values_list("public_key", flat=True))
    with transaction.atomic():
        kept = sum(_keep(head, found.clinic_id, clinic_id, by=by, at=at) for head in found.heads)
        disputed = tuple(
            fact
            for fact in held(clinic_id, of_clinic_id=found.clinic_id)
            if fact.is_disputed and any(_is_at(fact, head) for head in found.heads)
        )
        append(
            clinic_id=clinic_id, register=CARE, kind="record.HeadsHeld", subject=found.clinic_id, by=by,
            at=at, body={"heads": [[h.register, h.seq, h.hash] for h in found.heads],
                         "is_disputed": bool(disputed)},
        )  # fmt: skip
    return Held(
        clinic_id=found.clinic_id,
        clinic_name=found.clinic_name,
        kept=kept,
        disputed=disputed,
        is_key_new=bool(keys) and not {head.public_key for head in found.heads} <= keys,
    )


def held(clinic_id: UUID, *, of_clinic_id: UUID | None = None) -> tuple[HeldFact, ...]:
    """The heads kept here for other clinics, newest last."""
    rows = HeldHead.objects.filter(clinic_id=clinic_id).order_by(
        "of_clinic_id", "register", "seq", "id"
    )
    if of_clinic_id is not None:
        rows = rows.filter(of_clinic_id=of_clinic_id)
    kept = list(rows)
    hashes: dict[tuple[UUID, str, int], set[str]] = {}
    for row in kept:
        hashes.setdefault((row.of_clinic_id, row.register, row.seq), set()).add(row.hash)
    return tuple(
        HeldFact(
            of_clinic_id=row.of_clinic_id, register=row.register, seq=row.seq, hash=row.hash,
            public_key=row.public_key, signed_at=row.signed_at, held_at=row.held_at,
            is_disputed=len(hashes[row.of_clinic_id, row.register, row.seq]) > 1,
        )
        for row in kept
    )  # fmt: skip


def _is_at(fact: HeldFact, head: ReadHead) -> bool:
    return (fact.register, fact.seq) == (head.register, head.seq)


def _keep(head: ReadHead, of_clinic_id: UUID, clinic_id: UUID, *, by: object, at: datetime) -> bool:
    _, is_new = HeldHead.objects.get_or_create(
        clinic_id=clinic_id, of_clinic_id=of_clinic_id, register=head.register, seq=head.seq,
        hash=head.hash, public_key=head.public_key,
        defaults={"signature": head.signature, "signed_at": head.signed_at, "held_at": at, "by": str(by)},
    )  # fmt: skip
    return bool(is_new)


def _write_rows(
    anchor_id: UUID, clinic_id: UUID, *, place: str, detail: str, heads: Sequence[SignedHeadFact],
    by: object, at: datetime,
) -> None:  # fmt: skip
    for head in heads:
        Anchor.objects.create(
            clinic_id=clinic_id, anchor_id=anchor_id, place=place, register=head.register, seq=head.seq,
            hash=head.hash, detail=detail, by=str(by), at=at,
        )  # fmt: skip
    append(
        clinic_id=clinic_id, register=CARE, kind="record.Anchored", subject=anchor_id, by=by, at=at,
        body={"detail": detail, "heads": [[h.register, h.seq, h.hash] for h in heads], "place": place},
    )  # fmt: skip
