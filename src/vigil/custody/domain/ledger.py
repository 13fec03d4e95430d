"""Double entry: every act as movements from one account to another.

In: an act. Out: its movements, and the signed lines that the record keeps. A movement has two sides and a
positive amount, so an act cannot fail to balance: there is no way to write one side alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from vigil.custody.domain.deeds import Corrected, DeadSpaceBooked, Lost, SentOut, Side
from vigil.custody.domain.facts import Act, Drawn, Given, PutBack, Received, Wasted

AccountKind = Side

OUTSIDE: tuple[AccountKind, ...] = (
    "supplier",
    "patient",
    "waste",
    "returned",
    "distributor",
    "loss",
)
"""Accounts that a clinic has one of each; the others are one for each container and draw."""

FLOWS: frozenset[tuple[AccountKind, AccountKind]] = frozenset(
    {
        ("supplier", "container"),
        ("container", "draw"),
        ("container", "waste"),
        ("container", "returned"),
        ("container", "distributor"),
        ("container", "loss"),
        ("draw", "patient"),
        ("draw", "waste"),
        ("draw", "loss"),
        ("draw", "container"),
    }
)
"""The only ways drug moves; the database refuses any other. A correction may also go each way back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A place where drug is, or where it came from or went."""

    kind: AccountKind
    of: UUID | None = None

    def __str__(self) -> str:
        return self.kind if self.of is None else f"{self.kind}:{self.of}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """`ug` micrograms, more than zero, from one account to another."""

    source: Account
    target: Account
    ug: int


SUPPLIER = Account(kind="supplier")
PATIENT = Account(kind="patient")
WASTE = Account(kind="waste")
LOSS = Account(kind="loss")


def container_account(container_id: UUID) -> Account:
    """The account of one container."""
    return Account(kind="container", of=container_id)


def draw_account(draw_id: UUID) -> Account:
    """The account of one syringe, bag or device in a hand."""
    return Account(kind="draw", of=draw_id)


def movements_of(act: Act) -> tuple[Movement, ...]:
    """What the act moved; a count, a hold, a transfer between places and a signature move nothing."""
    match act:
        case Received():
            full_ug = act.product.content_ug
            return tuple(
                _move(SUPPLIER, container_account(each.container_id), full_ug)
                for each in act.containers
            )
        case Drawn():
            source, target = container_account(act.container_id), draw_account(act.draw_id)
            return (_move(source, target, act.drawn_ug),)
        case Given():
            return (_move(draw_account(act.draw_id), PATIENT, act.amount_ug),)
        case Wasted():
            return (_move(_holder(act), WASTE, act.amount_ug),)
        case DeadSpaceBooked():
            return (_move(draw_account(act.draw_id), WASTE, act.amount_ug),)
        case Lost():
            return (_move(_holder(act), LOSS, act.amount_ug),)
        case PutBack():
            source, target = draw_account(act.draw_id), container_account(act.container_id)
            return (_move(source, target, act.amount_ug),)
        case SentOut():
            gone = Account(kind=act.to)
            return tuple(
                _move(container_account(each.container_id), gone, each.amount_ug)
                for each in act.containers
            )
        case Corrected():
            return _pair(act)
    return ()


def signed_lines(movements: Iterable[Movement]) -> tuple[tuple[str, int], ...]:
    """Each account's change, negative for out, by account name; the changes sum to zero."""
    change: dict[str, int] = {}
    for movement in movements:
        change[str(movement.source)] = change.get(str(movement.source), 0) - movement.ug
        change[str(movement.target)] = change.get(str(movement.target), 0) + movement.ug
    assert sum(change.values()) == 0
    return tuple(sorted(change.items()))


def recorded_lines(act: Act) -> tuple[tuple[str, int], ...]:
    """The signed lines that the record keeps. A correction shows both movements of its pair, not their sum."""
    movements = movements_of(act)
    if not isinstance(act, Corrected):
        return signed_lines(movements)
    return tuple(line for each in movements for line in signed_lines([each]))


def _holder(act: Wasted | Lost) -> Account:
    if act.draw_id is None:
        return container_account(act.container_id)
    return draw_account(act.draw_id)


def _pair(act: Corrected) -> tuple[Movement, ...]:
    """The wrong movement backwards, then the right one; a side of zero is left out."""
    source = side_account(act, act.source)
    target = side_account(act, act.target)
    assert (act.source, act.target) in FLOWS
    pair = ((target, source, act.was_ug), (source, target, act.is_ug))
    return tuple(Movement(source=a, target=b, ug=ug) for a, b, ug in pair if ug)


def side_account(act: Corrected, side: Side) -> Account:
    """The account that a side of a correction names."""
    if side == "container":
        return container_account(act.container_id)
    if side == "draw":
        assert act.draw_id is not None
        return draw_account(act.draw_id)
    return Account(kind=side)


def _move(source: Account, target: Account, ug: int) -> Movement:
    assert ug > 0
    assert (source.kind, target.kind) in FLOWS
    return Movement(source=source, target=target, ug=ug)
