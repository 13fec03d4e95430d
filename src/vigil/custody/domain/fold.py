"""Facts to state: what the acts, in their order, leave in each container and each draw.

In: acts, oldest first. Out: a Book. The database keeps the same balances by itself; the two must agree.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from vigil.custody.domain.deeds import (
    Arrived,
    Corrected,
    DeadSpaceBooked,
    Diluted,
    Lost,
    PlaceOpened,
    Sent,
    SentOut,
    Side,
    UseChanged,
)
from vigil.custody.domain.facts import (
    Act,
    Drawn,
    Given,
    Held,
    PutBack,
    Received,
    Released,
    Wasted,
)
from vigil.custody.domain.things import (
    SAFE,
    Container,
    Draw,
    Place,
    Status,
    on_the_way_to,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Every container, draw and place of a clinic, by id."""

    containers: dict[UUID, Container] = field(default_factory=dict)
    draws: dict[UUID, Draw] = field(default_factory=dict)
    places: dict[UUID, Place] = field(default_factory=dict)


def status_of(*, filled_ug: int, remaining_ug: int, is_held: bool) -> Status:
    """How a container stands: held before empty before open before sealed."""
    if is_held:
        return "held"
    if remaining_ug == 0:
        return "empty"
    return "sealed" if remaining_ug == filled_ug else "open"


def fold(acts: Iterable[Act]) -> Book:
    """The book after the acts, which come oldest first."""
    ledger = Ledger()
    for act in acts:
        ledger.add(act)
    return ledger.book()


class _Held:
    """A container while acts are added: plain numbers, so that ten thousand acts take milliseconds."""

    __slots__ = ("act", "is_held", "label", "place", "remaining_ug", "transfer_id")

    def __init__(self, act: Received, label: str) -> None:
        self.act = act
        self.label = label
        self.remaining_ug = act.product.content_ug
        self.is_held = False
        self.place = SAFE
        self.transfer_id: UUID | None = None


class _InHand:
    """A draw while acts are added. `gone` holds what left it, by where it went."""

    __slots__ = ("act", "diluted_to_ul", "drawn_ug", "gone", "is_in_use", "remaining_ug")

    def __init__(self, act: Drawn) -> None:
        self.act = act
        self.drawn_ug = self.remaining_ug = act.drawn_ug
        self.gone = {"patient": 0, "waste": 0, "container": 0, "loss": 0}
        self.diluted_to_ul: int | None = None
        self.is_in_use = False


class Ledger:
    """A book that acts are added to one by one; `book()` gives the frozen state."""

    def __init__(self) -> None:
        self._containers: dict[UUID, _Held] = {}
        self._draws: dict[UUID, _InHand] = {}
        self._places: dict[UUID, Place] = {}

    def add(self, act: Act) -> None:
        """Add one more act. Acts that move and mark nothing (counts, orders, closings) change nothing."""
        change = _CHANGES.get(type(act))
        if change is not None:
            change(self, act)

    def container(self, container_id: UUID) -> Container:
        """One container as it stands now."""
        held = self._containers[container_id]
        product = held.act.product
        return Container(
            container_id=container_id,
            product=product,
            lot=held.act.lot,
            expires_on=held.act.expires_on,
            label=held.label,
            filled_ug=product.content_ug,
            remaining_ug=held.remaining_ug,
            status=status_of(
                filled_ug=product.content_ug,
                remaining_ug=held.remaining_ug,
                is_held=held.is_held,
            ),
            place=held.place,
            transfer_id=held.transfer_id,
        )

    def draw(self, draw_id: UUID) -> Draw:
        """One draw as it stands now."""
        hand = self._draws[draw_id]
        act, gone = hand.act, hand.gone
        return Draw(
            draw_id=draw_id,
            container_id=act.container_id,
            container_label=act.container_label,
            lot=act.lot,
            expires_on=act.expires_on,
            product=act.product,
            patient_id=act.patient_id,
            plan_id=act.plan_id,
            purpose_id=act.purpose_id,
            drawn_ug=hand.drawn_ug,
            given_ug=gone["patient"],
            wasted_ug=gone["waste"],
            returned_ug=gone["container"],
            remaining_ug=hand.remaining_ug,
            drawn_by=act.by.staff_id,
            drawn_by_name=act.by.name,
            witness=act.witness.staff_id,
            witness_name=act.witness.name,
            at=act.at,
            lost_ug=gone["loss"],
            diluted_to_ul=hand.diluted_to_ul,
            is_in_use=hand.is_in_use,
        )

    def book(self) -> Book:
        """Everything as it stands now."""
        return Book(
            containers={each: self.container(each) for each in self._containers},
            draws={each: self.draw(each) for each in self._draws},
            places=dict(self._places),
        )

    def _received(self, act: Received) -> None:
        for each in act.containers:
            self._containers[each.container_id] = _Held(act, each.label)

    def _drawn(self, act: Drawn) -> None:
        self._out_of_container(act.container_id, act.drawn_ug)
        self._draws[act.draw_id] = _InHand(act)

    def _given(self, act: Given) -> None:
        self._out_of_draw(act.draw_id, "patient", act.amount_ug)

    def _wasted(self, act: Wasted) -> None:
        if act.draw_id is None:
            self._out_of_container(act.container_id, act.amount_ug)
        else:
            self._out_of_draw(act.draw_id, "waste", act.amount_ug)

    def _lost(self, act: Lost) -> None:
        if act.draw_id is None:
            self._out_of_container(act.container_id, act.amount_ug)
        else:
            self._out_of_draw(act.draw_id, "loss", act.amount_ug)

    def _dead_space(self, act: DeadSpaceBooked) -> None:
        self._out_of_draw(act.draw_id, "waste", act.amount_ug)

    def _put_back(self, act: PutBack) -> None:
        self._out_of_draw(act.draw_id, "container", act.amount_ug)
        self._out_of_container(act.container_id, -act.amount_ug)

    def _sent_out(self, act: SentOut) -> None:
        for each in act.containers:
            self._out_of_container(each.container_id, each.amount_ug)

    def _corrected(self, act: Corrected) -> None:
        """The pair, netted: what an act left on both sides is as if the right amount had stood there."""
        change_ug = act.change_ug
        if act.source == "container":
            self._out_of_container(act.container_id, change_ug)
        elif act.source == "draw":
            assert act.draw_id is not None
            self._out_of_draw(act.draw_id, act.target, change_ug)
        if act.target == "container" and act.source != "draw":
            self._out_of_container(act.container_id, -change_ug)
        elif act.target == "draw":
            assert act.draw_id is not None
            hand = self._draws[act.draw_id]
            hand.drawn_ug += change_ug
            hand.remaining_ug += change_ug
            assert hand.remaining_ug >= 0

    def _held(self, act: Held | Released) -> None:
        is_held = isinstance(act, Held)
        for container_id in act.container_ids:
            self._containers[container_id].is_held = is_held

    def _opened(self, act: PlaceOpened) -> None:
        assert act.place.place_id is not None
        self._places[act.place.place_id] = act.place

    def _sent(self, act: Sent) -> None:
        for each in act.container_ids:
            self._containers[each].place = on_the_way_to(act.target)
            self._containers[each].transfer_id = act.transfer_id

    def _arrived(self, act: Arrived) -> None:
        for each in act.container_ids:
            self._containers[each].place = act.target
            self._containers[each].transfer_id = None

    def _diluted(self, act: Diluted) -> None:
        self._draws[act.draw_id].diluted_to_ul = act.to_volume_ul

    def _use_changed(self, act: UseChanged) -> None:
        self._draws[act.draw_id].is_in_use = act.is_in_use

    def _out_of_container(self, container_id: UUID, ug: int) -> None:
        held = self._containers[container_id]
        held.remaining_ug -= ug
        assert 0 <= held.remaining_ug <= held.act.product.content_ug

    def _out_of_draw(self, draw_id: UUID, to: Side, ug: int) -> None:
        hand = self._draws[draw_id]
        hand.remaining_ug -= ug
        hand.gone[to] += ug
        assert hand.remaining_ug >= 0
        assert hand.gone[to] >= 0


_CHANGES: dict[type[Act], Callable[[Ledger, Any], None]] = {
    Received: Ledger._received,
    Drawn: Ledger._drawn,
    Given: Ledger._given,
    Wasted: Ledger._wasted,
    Lost: Ledger._lost,
    DeadSpaceBooked: Ledger._dead_space,
    PutBack: Ledger._put_back,
    SentOut: Ledger._sent_out,
    Corrected: Ledger._corrected,
    Held: Ledger._held,
    Released: Ledger._held,
    PlaceOpened: Ledger._opened,
    Sent: Ledger._sent,
    Arrived: Ledger._arrived,
    Diluted: Ledger._diluted,
    UseChanged: Ledger._use_changed,
}
