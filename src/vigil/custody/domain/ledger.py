"""Double entry: every act as movements from one account to another.

In: an act. Out: its movements, and the signed lines that the record keeps. A movement has two sides and a
positive amount, so an act cannot fail to balance: there is no way to write one side alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from vigil.custody.domain.facts import (
    Act,
    Counted,
    Drawn,
    Given,
    Held,
    PutBack,
    Received,
    Released,
    Wasted,
)

AccountKind = Literal["supplier", "container", "draw", "patient", "waste", "returned", "loss"]

OUTSIDE: tuple[AccountKind, ...] = ("supplier", "patient", "waste", "returned", "loss")
"""Accounts that a clinic has one of each; the others are one for each container and draw."""

FLOWS: frozenset[tuple[AccountKind, AccountKind]] = frozenset(
    {
        ("supplier", "container"),
        ("container", "draw"),
        ("container", "waste"),
        ("container", "returned"),
        ("container", "loss"),
        ("draw", "patient"),
        ("draw", "waste"),
        ("draw", "container"),
    }
)
"""The only ways drug moves; the database refuses any other."""


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


def container_account(container_id: UUID) -> Account:
    """The account of one container."""
    return Account(kind="container", of=container_id)


def draw_account(draw_id: UUID) -> Account:
    """The account of one syringe, bag or device in a hand."""
    return Account(kind="draw", of=draw_id)


def movements_of(act: Act) -> tuple[Movement, ...]:
    """What the act moved; a count, a hold and a release move nothing."""
    if isinstance(act, Received):
        return tuple(
            _move(SUPPLIER, container_account(each.container_id), act.product.content_ug)
            for each in act.containers
        )
    if isinstance(act, Drawn):
        target = draw_account(act.draw_id)
        return (_move(container_account(act.container_id), target, act.drawn_ug),)
    if isinstance(act, Given):
        return (_move(draw_account(act.draw_id), PATIENT, act.amount_ug),)
    if isinstance(act, Wasted):
        source = (
            container_account(act.container_id)
            if act.draw_id is None
            else draw_account(act.draw_id)
        )
        return (_move(source, WASTE, act.amount_ug),)
    if isinstance(act, PutBack):
        target = container_account(act.container_id)
        return (_move(draw_account(act.draw_id), target, act.amount_ug),)
    assert isinstance(act, Counted | Held | Released)
    return ()


def signed_lines(movements: Iterable[Movement]) -> tuple[tuple[str, int], ...]:
    """Each account's change, negative for out, by account name; the changes sum to zero."""
    change: dict[str, int] = {}
    for movement in movements:
        change[str(movement.source)] = change.get(str(movement.source), 0) - movement.ug
        change[str(movement.target)] = change.get(str(movement.target), 0) + movement.ug
    assert sum(change.values()) == 0
    return tuple(sorted(change.items()))


def _move(source: Account, target: Account, ug: int) -> Movement:
    assert ug > 0
    assert (source.kind, target.kind) in FLOWS
    return Movement(source=source, target=target, ug=ug)
