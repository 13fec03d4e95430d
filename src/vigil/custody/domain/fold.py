"""Facts to state: what the acts, in their order, leave in each container and each draw.

In: acts, oldest first. Out: a Book. The database keeps the same balances by itself; the two must agree.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from uuid import UUID

from vigil.custody.domain.facts import (
    Act,
    Container,
    Counted,
    Draw,
    Drawn,
    Given,
    Held,
    PutBack,
    Received,
    Released,
    Status,
    Wasted,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Every container and draw of a clinic, by id."""

    containers: dict[UUID, Container] = field(default_factory=dict)
    draws: dict[UUID, Draw] = field(default_factory=dict)


def status_of(*, filled_ug: int, remaining_ug: int, is_held: bool) -> Status:
    """How a container stands: held before empty before open before sealed."""
    if is_held:
        return "held"
    if remaining_ug == 0:
        return "empty"
    return "sealed" if remaining_ug == filled_ug else "open"


def fold(acts: Iterable[Act]) -> Book:
    """The book after the acts, which come oldest first."""
    book = Book()
    for act in acts:
        book = apply(book, act)
    return book


def apply(book: Book, act: Act) -> Book:
    """The book after one more act."""
    containers, draws = dict(book.containers), dict(book.draws)
    if isinstance(act, Received):
        containers |= _received(act)
    elif isinstance(act, Drawn):
        containers[act.container_id] = _changed(containers[act.container_id], -act.drawn_ug)
        draws[act.draw_id] = _new_draw(act)
    elif isinstance(act, Given):
        draw = draws[act.draw_id]
        draws[act.draw_id] = replace(
            _less(draw, act.amount_ug), given_ug=draw.given_ug + act.amount_ug
        )
    elif isinstance(act, Wasted) and act.draw_id is None:
        containers[act.container_id] = _changed(containers[act.container_id], -act.amount_ug)
    elif isinstance(act, Wasted):
        assert act.draw_id is not None
        draw = draws[act.draw_id]
        draws[act.draw_id] = replace(
            _less(draw, act.amount_ug), wasted_ug=draw.wasted_ug + act.amount_ug
        )
    elif isinstance(act, PutBack):
        containers[act.container_id] = _changed(containers[act.container_id], act.amount_ug)
        draw = draws[act.draw_id]
        draws[act.draw_id] = replace(
            _less(draw, act.amount_ug), returned_ug=draw.returned_ug + act.amount_ug
        )
    elif isinstance(act, Held | Released):
        is_held = isinstance(act, Held)
        for container_id in act.container_ids:
            containers[container_id] = _with_hold(containers[container_id], is_held)
    else:
        assert isinstance(act, Counted)
    return Book(containers=containers, draws=draws)


def _received(act: Received) -> dict[UUID, Container]:
    filled_ug = act.product.content_ug
    return {
        each.container_id: Container(
            container_id=each.container_id,
            product=act.product,
            lot=act.lot,
            expires_on=act.expires_on,
            label=each.label,
            filled_ug=filled_ug,
            remaining_ug=filled_ug,
            status="sealed",
        )
        for each in act.containers
    }


def _new_draw(act: Drawn) -> Draw:
    return Draw(
        draw_id=act.draw_id,
        container_id=act.container_id,
        container_label=act.container_label,
        lot=act.lot,
        expires_on=act.expires_on,
        product=act.product,
        patient_id=act.patient_id,
        plan_id=act.plan_id,
        purpose_id=act.purpose_id,
        drawn_ug=act.drawn_ug,
        given_ug=0,
        wasted_ug=0,
        returned_ug=0,
        remaining_ug=act.drawn_ug,
        drawn_by=act.by.staff_id,
        drawn_by_name=act.by.name,
        witness=act.witness.staff_id,
        witness_name=act.witness.name,
        at=act.at,
    )


def _changed(container: Container, change_ug: int) -> Container:
    remaining_ug = container.remaining_ug + change_ug
    assert 0 <= remaining_ug <= container.filled_ug
    status = status_of(
        filled_ug=container.filled_ug, remaining_ug=remaining_ug, is_held=container.is_held
    )
    return replace(container, remaining_ug=remaining_ug, status=status)


def _with_hold(container: Container, is_held: bool) -> Container:
    status = status_of(
        filled_ug=container.filled_ug, remaining_ug=container.remaining_ug, is_held=is_held
    )
    return replace(container, status=status)


def _less(draw: Draw, amount_ug: int) -> Draw:
    assert 0 < amount_ug <= draw.remaining_ug
    return replace(draw, remaining_ug=draw.remaining_ug - amount_ug)
