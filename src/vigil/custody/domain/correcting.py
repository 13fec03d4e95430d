"""A wrong amount to a correction, or the refusal. Pure, as `decide` is.

In: the act as booked, how low and how high each balance stood since, and the right amount. Out: `Corrected`.
A correction is a new pair of movements: the wrong one backwards, the right one forwards. Nothing is edited.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vigil.custody.domain.decide import refuse_in_use, refuse_no_reason, refuse_self
from vigil.custody.domain.deeds import Corrected, DeadSpaceBooked, Lost, SentOut, Side
from vigil.custody.domain.facts import Act, Drawn, Given, Received, Wasted
from vigil.custody.domain.things import Container, Draw, Person
from vigil.units.amounts import show_mg, show_ml
from vigil.units.refusals import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """One movement as it stands in the book now: the act that says it, its two sides and its amount."""

    act_id: UUID
    kind: str
    container_id: UUID
    draw_id: UUID | None
    source: Side
    target: Side
    ug: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """How low and how high a balance stood after an act and after each act since, µg; `limit_ug` is full."""

    lowest_ug: int
    highest_ug: int
    limit_ug: int | None

    def refuses(self, change_ug: int) -> bool:
        """Whether this much more would have taken the balance below zero or over full at any moment."""
        is_over = self.limit_ug is not None and self.highest_ug + change_ug > self.limit_ug
        return self.lowest_ug + change_ug < 0 or is_over


def since_of(changes: Iterable[int], *, start_ug: int, limit_ug: int | None) -> Since:
    """The lowest and highest of a running balance. `start_ug` is the balance right after the act itself.

    >>> since_of([-30, 10], start_ug=50, limit_ug=None)
    Since(lowest_ug=20, highest_ug=50, limit_ug=None)
    """
    lowest_ug = highest_ug = balance_ug = start_ug
    for change_ug in changes:
        balance_ug += change_ug
        lowest_ug, highest_ug = min(lowest_ug, balance_ug), max(highest_ug, balance_ug)
    return Since(lowest_ug=lowest_ug, highest_ug=highest_ug, limit_ug=limit_ug)


CORRECTABLE: dict[type[Act], str] = {
    Received: "received",
    Drawn: "drawn",
    Given: "given",
    Wasted: "wasted",
    DeadSpaceBooked: "dead-space",
    Lost: "lost",
    SentOut: "sent-out",
}
"""Acts whose amount a correction may put right, and the word for what it was."""


def booked_of(act: Act, *, act_id: UUID, container_id: UUID | None) -> Booked | Refused:
    """The one movement of an act on one container that a correction may replace, or the refusal.

    `container_id` chooses among the containers of a delivery or a dispatch; the others have one.
    """
    lines = _lines(act)
    found = [line for line in lines if container_id in (None, line[0])]
    if not found:
        return Refused(
            code="CUS-NOT-CORRECTABLE",
            message="This act moved no amount that a correction could put right here. A put-back is "
            "undone by drawing the device again.",
        )
    if len(found) > 1:
        return Refused(
            code="CUS-CORRECT-WHICH", message="The act names several containers. Say which one."
        )
    container, draw, source, target, ug = found[0]
    kind = act.corrected_kind if isinstance(act, Corrected) else CORRECTABLE[type(act)]
    return Booked(
        act_id=act_id,
        kind=kind,
        container_id=container,
        draw_id=draw,
        source=source,
        target=target,
        ug=ug,
    )


def _lines(act: Act) -> list[tuple[UUID, UUID | None, Side, Side, int]]:
    match act:
        case Received():
            full_ug = act.product.content_ug
            return [
                (each.container_id, None, "supplier", "container", full_ug)
                for each in act.containers
            ]
        case Drawn():
            return [(act.container_id, act.draw_id, "container", "draw", act.drawn_ug)]
        case Given():
            return [(act.container_id, act.draw_id, "draw", "patient", act.amount_ug)]
        case Wasted() | DeadSpaceBooked():
            side: Side = "container" if act.draw_id is None else "draw"
            return [(act.container_id, act.draw_id, side, "waste", act.amount_ug)]
        case Lost():
            side = "container" if act.draw_id is None else "draw"
            return [(act.container_id, act.draw_id, side, "loss", act.amount_ug)]
        case SentOut():
            return [
                (each.container_id, None, "container", act.to, each.amount_ug)
                for each in act.containers
            ]
        case Corrected():
            return [(act.container_id, act.draw_id, act.source, act.target, act.is_ug)]
    return []


def decide_correct(
    booked: Booked,
    *,
    is_ug: int,
    is_corrected_already: bool,
    container: Container,
    draw: Draw | None,
    source_since: Since | None,
    target_since: Since | None,
    reason: str,
    correction_id: UUID,
    by: Person,
    witness: Person,
    at: datetime,
) -> Corrected | Refused:
    """Replace an amount by the right one, unless the book could not have held it at every moment since.

    Args:
        is_ug: the right amount, 0 when nothing moved at all.
        is_corrected_already: a newer correction replaced this amount; that one is the one to correct.
        container, draw: as they stand now.
        source_since, target_since: the two balances since the act; None for what lies outside the clinic.
    """
    refused = (
        refuse_self(by, witness)
        or refuse_no_reason(reason)
        or (_CORRECTED_ALREADY if is_corrected_already else None)
        or (None if draw is None else refuse_in_use(draw))
        or _refuse_amount(booked, is_ug, container, draw)
    )
    if refused is not None:
        return refused
    change_ug = is_ug - booked.ug
    if source_since is not None and source_since.refuses(-change_ug):
        return _refuse_prefix(booked.source, -change_ug)
    if target_since is not None and target_since.refuses(change_ug):
        return _refuse_prefix(booked.target, change_ug)
    return Corrected(
        correction_id=correction_id,
        corrects=booked.act_id,
        corrected_kind=booked.kind,
        container_id=booked.container_id,
        container_label=container.label,
        draw_id=booked.draw_id,
        source=booked.source,
        target=booked.target,
        was_ug=booked.ug,
        is_ug=is_ug,
        reason=reason.strip(),
        by=by,
        witness=witness,
        at=at,
    )


_CORRECTED_ALREADY = Refused(
    code="CUS-CORRECTED",
    message="This amount was corrected already. Open the newest correction and correct that one.",
)


def _refuse_amount(
    booked: Booked, is_ug: int, container: Container, draw: Draw | None
) -> Refused | None:
    if is_ug < 0 or is_ug == booked.ug:
        return Refused(
            code="CUS-CORRECT-SAME",
            message=f"The book says {show_mg(booked.ug)} already. Write the right amount, 0 or more.",
        )
    product = container.product
    if product.is_device and booked.source != "draw" and is_ug not in (0, container.filled_ug):
        return Refused(
            code="CUS-DEVICE-WHOLE",
            message=f"A device is whole: {show_mg(container.filled_ug)} or nothing.",
        )
    is_measured = "container" in (booked.source, booked.target) and not product.is_device
    if is_measured and product.volume_ul(is_ug) is None:
        return Refused(
            code="CUS-NOT-MEASURABLE",
            message=f"{show_mg(is_ug)} is no whole number of microlitres of {product.name}.",
        )
    if booked.target == "draw" and draw is not None and draw.diluted_to_ul is not None:
        drawn_ul = product.volume_ul(is_ug)
        assert drawn_ul is not None, "asked above"
        if drawn_ul >= draw.diluted_to_ul:
            return Refused(
                code="CUS-CORRECT-DILUTED",
                message=f"It was made up to {show_ml(draw.diluted_to_ul)}: less than that was drawn.",
            )
    if booked.source == "supplier" and is_ug not in (0, container.filled_ug):
        return Refused(
            code="CUS-RECEIVE-WHOLE",
            message="A container came in full, or it did not come. A broken one is wasted.",
        )
    return None


def _refuse_prefix(side: Side, change_ug: int) -> Refused:
    what = "container" if side == "container" else "draw"
    direction = "less" if change_ug < 0 else "more"
    return Refused(
        code="CUS-CORRECT-OVER",
        message=f"With {show_mg(abs(change_ug))} {direction} the {what} would have held less than nothing "
        "or more than full at some moment since. Correct the later act first.",
    )
