"""Documents from acts: the story of one container, and the controlled-drug register.

In: acts with their server time, oldest first. Out: lines with running balances. Nothing is typed again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vigil.custody.domain.decide import amount_text
from vigil.custody.domain.facts import (
    Act,
    Counted,
    Drawn,
    Given,
    Held,
    Period,
    Product,
    PutBack,
    Received,
    RegisterPage,
    RegisterRow,
    Released,
    StoryLine,
    Wasted,
)
from vigil.custody.domain.ledger import movements_of
from vigil.units.amounts import show_mg


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
                text=_text(each.act, container_id),
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
        if _product_of(each.act, where) != product:
            continue
        change_ug = sum(_container_changes(each.act).values())
        balance_ug += change_ug
        if each.act.at < period.start:
            opening_ug = balance_ug
        elif each.act.at < period.end:
            rows.append(_row(each, product, change_ug, balance_ug, where, patients))
    closing_ug = rows[-1].balance_ug if rows else opening_ug
    return RegisterPage(
        product=product, opening_ug=opening_ug, rows=tuple(rows), closing_ug=closing_ug
    )


def _row(
    each: Recorded,
    product: Product,
    change_ug: int,
    balance_ug: int,
    where: dict[UUID, _Place],
    patients: dict[UUID, UUID],
) -> RegisterRow:
    act = each.act
    witness = getattr(act, "witness", None)
    draw_id = getattr(act, "draw_id", None)
    place = None if isinstance(act, Received) else where[_container_of(act)]
    used_ug = act.amount_ug if isinstance(act, Given | Wasted) and act.draw_id is not None else 0
    return RegisterRow(
        act_id=each.act_id,
        kind=each.kind,
        at=act.at,
        recorded_at=each.recorded_at,
        product=product,
        text=_text(act, None if place is None else _container_of(act)),
        container_label=_labels(act) if place is None else place.label,
        lot=act.lot if isinstance(act, Received) else where[_container_of(act)].lot,
        patient_id=None if draw_id is None else patients.get(draw_id),
        in_ug=max(change_ug, 0),
        out_ug=max(-change_ug, 0),
        used_ug=used_ug,
        balance_ug=balance_ug,
        by_name=act.by.name,
        witness_name=None if witness is None else witness.name,
        reference=act.invoice if isinstance(act, Received) else getattr(act, "reason", ""),
    )


def _labels(act: Act) -> str:
    assert isinstance(act, Received)
    first, last = act.containers[0].label, act.containers[-1].label
    return first if first == last else f"{first} to {last}"


def _product_of(act: Act, where: dict[UUID, _Place]) -> Product | None:
    """The product whose page the act stands on; counts and holds stand on none."""
    if isinstance(act, Counted | Held | Released):
        return None
    return act.product if isinstance(act, Received) else where[_container_of(act)].product


def _container_of(act: Act) -> UUID:
    assert isinstance(act, Drawn | Given | Wasted | PutBack)
    return act.container_id


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
    syringe_ug = 0
    for movement in movements_of(act):
        syringe_ug += movement.ug if movement.target.kind == "draw" else 0
        syringe_ug -= movement.ug if movement.source.kind == "draw" else 0
    return _container_changes(act).get(container_id, 0), syringe_ug


def _text(act: Act, container_id: UUID | None) -> str:
    if isinstance(act, Received):
        number = "" if container_id is not None else f"{len(act.containers)} × "
        amount = amount_text(act.product, act.product.content_ug)
        return f"Received {number}{amount}, invoice {act.invoice}"
    if isinstance(act, Drawn):
        return f"Drawn {amount_text(act.product, act.drawn_ug)}"
    if isinstance(act, Given):
        return f"Given {show_mg(act.amount_ug)}"
    if isinstance(act, Wasted):
        return (
            f"Wasted {show_mg(act.amount_ug)} from the {'vial' if act.draw_id is None else 'draw'}"
        )
    if isinstance(act, PutBack):
        return f"Put back {show_mg(act.amount_ug)}, whole and unused"
    if isinstance(act, Held):
        return f"Lot {act.lot} set aside"
    if isinstance(act, Released):
        return f"Lot {act.lot} released for use"
    return _count_text(act, container_id)


def _count_text(act: Counted, container_id: UUID | None) -> str:
    name = {"opening": "Opening", "closing": "Closing", "spot": "Spot"}[act.kind]
    for line in act.lines:
        if line.container_id == container_id:
            if not line.difference_ug:
                return f"{name} count: equal"
            return (
                f"{name} count: {show_mg(line.counted_ug)} found, book {show_mg(line.expected_ug)}"
            )
    return f"{name} count"
