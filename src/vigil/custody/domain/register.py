"""Documents from acts: the story of one container, and the controlled-drug register.

In: acts with their server time, oldest first. Out: lines with running balances. Nothing is typed again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vigil.custody.domain.deeds import Corrected, DeadSpaceBooked, Lost, SentOut
from vigil.custody.domain.facts import (
    Act,
    Drawn,
    Given,
    Period,
    Product,
    PutBack,
    Received,
    RegisterPage,
    RegisterRow,
    StoryLine,
    Wasted,
)
from vigil.custody.domain.ledger import movements_of
from vigil.custody.domain.wording import text_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An act with what the server added: its id, its kind and when it was written."""

    act_id: UUID
    kind: str
    recorded_at: datetime
    act: Act


def story_of(recorded: Iterable[Recorded], container_id: UUID) -> tuple[StoryLine, ...]:
    """The life of one container: each act's text, change, and the balance after it."""
    lines: list[StoryLine] = []
    balance_ug = in_syringes_ug = 0
    for each in recorded:
        change_ug, syringe_ug = _change(each.act, container_id)
        balance_ug += change_ug
        in_syringes_ug += syringe_ug
        witness = getattr(each.act, "witness", None)
        lines.append(
            StoryLine(
                act_id=each.act_id,
                kind=each.kind,
                at=each.act.at,
                recorded_at=each.recorded_at,
                text=text_of(each.act, container_id),
                change_ug=change_ug,
                balance_ug=balance_ug,
                in_syringes_ug=in_syringes_ug,
                by_name=each.act.by.name,
                witness_name=None if witness is None else witness.name,
                reason=getattr(each.act, "reason", ""),
                patient_id=getattr(each.act, "patient_id", None),
                purpose_id=getattr(each.act, "purpose_id", None),
            )
        )
    return tuple(lines)


def register_of(
    recorded: Sequence[Recorded], *, products: Sequence[Product], period: Period
) -> tuple[RegisterPage, ...]:
    """One page of the register for each product, with what it opened and closed with."""
    where = _where(recorded)
    patients = {
        each.act.draw_id: each.act.patient_id for each in recorded if isinstance(each.act, Drawn)
    }
    return tuple(_page(product, recorded, where, patients, period) for product in products)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    product: Product
    lot: str
    label: str


def _where(recorded: Iterable[Recorded]) -> dict[UUID, _Place]:
    return {
        container.container_id: _Place(
            product=each.act.product, lot=each.act.lot, label=container.label
        )
        for each in recorded
        if isinstance(each.act, Received)
        for container in each.act.containers
    }


def _page(
    product: Product,
    recorded: Iterable[Recorded],
    where: dict[UUID, _Place],
    patients: dict[UUID, UUID],
    period: Period,
) -> RegisterPage:
    opening_ug = balance_ug = 0
    rows: list[RegisterRow] = []
    for each in recorded:
        places = [
            (container_id, where[container_id])
            for container_id in _containers_of(each.act)
            if where[container_id].product == product
        ]
        if not places:
            continue
        changes = _container_changes(each.act)
        change_ug = sum(changes.get(container_id, 0) for container_id, _ in places)
        balance_ug += change_ug
        if each.act.at < period.start:
            opening_ug = balance_ug
        elif each.act.at < period.end:
            rows.append(_row(each, places, change_ug, balance_ug, patients))
    closing_ug = rows[-1].balance_ug if rows else opening_ug
    return RegisterPage(
        product=product, opening_ug=opening_ug, rows=tuple(rows), closing_ug=closing_ug
    )


def _row(
    each: Recorded,
    places: Sequence[tuple[UUID, _Place]],
    change_ug: int,
    balance_ug: int,
    patients: dict[UUID, UUID],
) -> RegisterRow:
    act = each.act
    witness = getattr(act, "witness", None)
    draw_id = getattr(act, "draw_id", None)
    only_id, place = places[0]
    lots = sorted({place.lot for _, place in places})
    return RegisterRow(
        act_id=each.act_id,
        kind=each.kind,
        at=act.at,
        recorded_at=each.recorded_at,
        product=place.product,
        text=text_of(act, only_id if len(places) == 1 and not isinstance(act, Received) else None),
        container_label=_labels([place.label for _, place in places]),
        lot=", ".join(lots),
        patient_id=None if draw_id is None else patients.get(draw_id),
        in_ug=max(change_ug, 0),
        out_ug=max(-change_ug, 0),
        used_ug=_used_ug(act),
        balance_ug=balance_ug,
        by_name=act.by.name,
        witness_name=None if witness is None else witness.name,
        reference=_reference(act),
    )


def _used_ug(act: Act) -> int:
    """What left a draw by the act, µg: it had left the safe before. A correction may take some back."""
    if isinstance(act, Given | Wasted | DeadSpaceBooked | Lost) and act.draw_id is not None:
        return act.amount_ug
    if isinstance(act, Corrected) and act.source == "draw":
        return act.change_ug
    return 0


def _reference(act: Act) -> str:
    if isinstance(act, Received):
        return act.invoice
    if isinstance(act, SentOut):
        return act.reference
    return str(getattr(act, "reason", ""))


def _labels(labels: Sequence[str]) -> str:
    first, last = labels[0], labels[-1]
    return first if first == last else f"{first} to {last}"


def _containers_of(act: Act) -> tuple[UUID, ...]:
    """The containers on whose page the act stands: acts that move an amount, and no others."""
    if isinstance(act, Received | SentOut):
        return tuple(each.container_id for each in act.containers)
    if isinstance(act, Drawn | Given | Wasted | PutBack | DeadSpaceBooked | Lost | Corrected):
        return (act.container_id,)
    return ()


def _container_changes(act: Act) -> dict[UUID, int]:
    changes: dict[UUID, int] = {}
    for movement in movements_of(act):
        for account, ug in ((movement.source, -movement.ug), (movement.target, movement.ug)):
            if account.kind == "container":
                assert account.of is not None
                changes[account.of] = changes.get(account.of, 0) + ug
    return changes


def _change(act: Act, container_id: UUID) -> tuple[int, int]:
    """How much the act changed the container itself, and what of it is in syringes."""
    change_ug = syringe_ug = 0
    for movement in movements_of(act):
        for account, ug in ((movement.source, -movement.ug), (movement.target, movement.ug)):
            change_ug += ug if account.of == container_id else 0
            syringe_ug += ug if account.kind == "draw" else 0
    return change_ug, syringe_ug
