"""An act in one short sentence, for register and story. Plain clinical English; nobody is blamed.

In: an act, and the container it is read from. Out: text.
"""

from uuid import UUID

from vigil.custody.domain.decide import amount_text
from vigil.custody.domain.deeds import (
    Adopted,
    Arrived,
    Closed,
    Corrected,
    DeadSpaceBooked,
    DeadSpaceSet,
    Diluted,
    Lost,
    Ordered,
    PlaceOpened,
    Sent,
    SentOut,
    UseChanged,
)
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
from vigil.units.amounts import show_mg, show_ml

COUNT_NAMES = {
    "opening": "Opening",
    "closing": "Closing",
    "spot": "Spot",
    "handover": "Handover",
}
RECIPIENT_NAMES = {"distributor": "reverse distributor", "returned": "supplier"}
CLOSED_NAMES = {
    "correction": "explained by a correction",
    "counting-error": "a counting error, shown by a recount",
    "loss": "moved to loss under investigation",
}
CORRECTED_NAMES = {
    "received": "received",
    "drawn": "drawn",
    "given": "given",
    "wasted": "wasted",
    "dead-space": "left in hub and needle",
    "lost": "moved to loss",
    "sent-out": "sent out",
}


def text_of(act: Act, container_id: UUID | None) -> str:
    """The act in a sentence, as read on the page of `container_id`, or of no container."""
    match act:
        case Received():
            number = "" if container_id is not None else f"{len(act.containers)} × "
            amount = amount_text(act.product, act.product.content_ug)
            return f"Received {number}{amount}, invoice {act.invoice}"
        case Drawn():
            return f"Drawn {amount_text(act.product, act.drawn_ug)}"
        case Given():
            return f"Given {show_mg(act.amount_ug)}"
        case Wasted():
            holder = "vial" if act.draw_id is None else "draw"
            return f"Wasted {show_mg(act.amount_ug)} from the {holder}"
        case PutBack():
            return f"Put back {show_mg(act.amount_ug)}, whole and unused"
        case Held():
            return f"Lot {act.lot} set aside"
        case Released():
            return f"Lot {act.lot} released for use"
        case Counted():
            return _count_text(act, container_id)
    return _text_around(act, container_id)


def _text_around(act: Act, container_id: UUID | None) -> str:
    match act:
        case Ordered():
            return f"Ordered {act.containers} × {act.product.name}, number {act.reference}"
        case PlaceOpened():
            return f"{act.place.name} came into use ({act.place.kind})"
        case Sent():
            return f"Sent to {act.target.name}"
        case Arrived():
            return f"Received in {act.target.name}"
        case SentOut():
            ug = sum(
                each.amount_ug
                for each in act.containers
                if container_id in (None, each.container_id)
            )
            to = RECIPIENT_NAMES[act.to]
            return f"Sent out {show_mg(ug)} to the {to} {act.recipient}, paper {act.reference}"
        case Diluted():
            return f"Draw made up to {show_ml(act.to_volume_ul)} with {act.diluent}"
        case DeadSpaceSet():
            return f"Hub and needle of {act.product.name}: at most {show_ml(act.volume_ul_max)}"
        case DeadSpaceBooked():
            return f"Left in hub and needle, estimated: {show_mg(act.amount_ug)}"
        case UseChanged():
            return "Giving from the draw began" if act.is_in_use else "Giving from the draw ended"
        case Lost():
            return f"Moved to loss under investigation: {show_mg(act.amount_ug)}"
        case Corrected():
            what = CORRECTED_NAMES[act.corrected_kind]
            return f"Corrected: {show_mg(act.is_ug)} {what}, not {show_mg(act.was_ug)}"
        case Closed():
            return f"Discrepancy closed: {CLOSED_NAMES[act.how]}"
        case Adopted():
            return f"Rules of {act.jurisdiction_id} adopted"
    raise AssertionError(f"no words for {type(act).__name__}")


def _count_text(act: Counted, container_id: UUID | None) -> str:
    name = COUNT_NAMES[act.kind]
    for line in act.lines:
        if line.container_id == container_id:
            how = ", estimated" if line.is_estimate else ""
            if not line.difference_ug:
                return f"{name} count: equal{how}"
            return (
                f"{name} count: {show_mg(line.counted_ug)} found{how}, "
                f"book {show_mg(line.expected_ug)}"
            )
    return f"{name} count"
