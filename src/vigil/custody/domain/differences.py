"""Differences between count and book: what lies between two counts, losses, closing. Pure, as `decide` is.

In: a discrepancy and the acts around it. Out: its arithmetic, an act, or the refusal. Nothing here names a suspect.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vigil.custody.domain.decide import refuse_in_use, refuse_no_reason, refuse_self
from vigil.custody.domain.deeds import Closed, ClosedBy, Corrected, Lost
from vigil.custody.domain.facts import Counted, CountSummary, Discrepancy, StoryLine
from vigil.custody.domain.things import Container, Draw, Person
from vigil.units.amounts import show_mg
from vigil.units.refusals import Refused

NOTICE = (
    "A difference says that a count and the book are not equal. It does not say why, and it says nothing about "
    "anyone. Most are slips in writing, reading or measuring. The list holds every act between two counts, with "
    "the people who signed them, because they may remember what happened."
)
"""Shown with every discrepancy (decision 0014)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    """From the last count that agreed to the one that did not: `start_ug` plus every change is `book_ug`.

    `agreed` is None when no count ever agreed; then the lines begin with the delivery and `start_ug` is 0.
    """

    discrepancy: Discrepancy
    agreed: CountSummary | None
    start_ug: int
    lines: tuple[StoryLine, ...]
    book_ug: int
    counted_ug: int

    @property
    def difference_ug(self) -> int:
        """Counted less book: negative is missing, positive is too much."""
        return self.counted_ug - self.book_ug


def decide_lose(
    holder: Container | Draw,
    *,
    amount_ug: int,
    discrepancy: Discrepancy | None,
    already_ug: int,
    reason: str,
    loss_id: UUID,
    by: Person,
    witness: Person,
    at: datetime,
) -> Lost | Refused:
    """Move a confirmed shortage to loss under investigation: two people, never more than is missing.

    Args:
        holder: the container that a count found short, or the draw that is gone.
        discrepancy: the difference that a count opened on the container; None for a draw only.
        already_ug: what was declared lost for this discrepancy before.
    """
    if (refused := refuse_self(by, witness) or refuse_no_reason(reason)) is not None:
        return refused
    if amount_ug <= 0:
        return Refused(code="CUS-AMOUNT-ZERO", message="The amount must be more than zero.")
    if isinstance(holder, Draw):
        refused = refuse_in_use(holder)
        label, draw_id = holder.container_label, holder.draw_id
    else:
        refused = _refuse_more_than_missing(discrepancy, amount_ug + already_ug)
        label, draw_id = holder.label, None
    if refused is not None:
        return refused
    if amount_ug > holder.remaining_ug:
        return Refused(
            code="CUS-LOSS-OVER",
            message=f"The book holds {show_mg(holder.remaining_ug)} there, not {show_mg(amount_ug)}.",
        )
    return Lost(
        loss_id=loss_id,
        container_id=holder.container_id,
        container_label=label,
        draw_id=draw_id,
        discrepancy_id=None if discrepancy is None else discrepancy.discrepancy_id,
        amount_ug=amount_ug,
        reason=reason.strip(),
        by=by,
        witness=witness,
        at=at,
    )


def _refuse_more_than_missing(discrepancy: Discrepancy | None, lost_ug: int) -> Refused | None:
    if discrepancy is None or discrepancy.closing is not None:
        return Refused(
            code="CUS-LOSS-UNCOUNTED",
            message="A loss from a container begins with a count that found it. Count first.",
        )
    if lost_ug > -discrepancy.difference_ug:
        return Refused(
            code="CUS-LOSS-OVER",
            message=f"The count found {show_mg(max(-discrepancy.difference_ug, 0))} missing, "
            f"not {show_mg(lost_ug)}.",
        )
    return None


def decide_close(
    discrepancy: Discrepancy,
    *,
    how: ClosedBy,
    references: Sequence[UUID],
    corrections: Sequence[Corrected],
    recount: Counted | None,
    first_pair: frozenset[UUID],
    losses: Sequence[Lost],
    note: str,
    closing_id: UUID,
    by: Person,
    witness: Person,
    at: datetime,
) -> Closed | Refused:
    """Close a discrepancy with what explains all of it; anything less stays open.

    Args:
        references: ids of the corrections, of the recount, or of the losses.
        corrections: the corrections named, of acts on this container before the count.
        recount: the count named, when it came after and held this container.
        first_pair: who made the count that differed.
        losses: the losses declared for this discrepancy that were named.
    """
    if (refused := refuse_self(by, witness) or refuse_no_reason(note)) is not None:
        return refused
    if discrepancy.closing is not None:
        return Refused(code="CUS-CLOSED", message="This discrepancy was already closed.")
    if how == "counting-error":
        refused = _refuse_recount(discrepancy, recount, first_pair)
    else:
        explained_ug = (
            sum(_change_at(each, discrepancy.container_id) for each in corrections)
            if how == "correction"
            else -sum(each.amount_ug for each in losses)
        )
        refused = _refuse_unexplained(discrepancy, explained_ug)
    if refused is not None:
        return refused
    return Closed(
        closing_id=closing_id,
        discrepancy_id=discrepancy.discrepancy_id,
        container_id=discrepancy.container_id,
        container_label=discrepancy.container_label,
        how=how,
        references=tuple(references),
        note=note.strip(),
        by=by,
        witness=witness,
        at=at,
    )


def _change_at(correction: Corrected, container_id: UUID) -> int:
    """How much more the container holds by a correction, µg."""
    if correction.container_id != container_id:
        return 0
    if correction.target == "container":
        return correction.change_ug
    return -correction.change_ug if correction.source == "container" else 0


def _refuse_unexplained(discrepancy: Discrepancy, explained_ug: int) -> Refused | None:
    if explained_ug == discrepancy.difference_ug:
        return None
    rest_ug = discrepancy.difference_ug - explained_ug
    return Refused(
        code="CUS-NOT-EXPLAINED",
        message=f"{show_mg(abs(rest_ug))} of the difference is not explained by this. It stays open.",
    )


def _refuse_recount(
    discrepancy: Discrepancy, recount: Counted | None, first_pair: frozenset[UUID]
) -> Refused | None:
    line = (
        None
        if recount is None
        else next(
            (each for each in recount.lines if each.container_id == discrepancy.container_id), None
        )
    )
    if recount is None or line is None or line.difference_ug or line.is_estimate:
        return Refused(
            code="CUS-RECOUNT",
            message="A counting error is shown by a later, measured count of this container that agrees.",
        )
    if first_pair & {recount.by.staff_id, recount.witness.staff_id}:
        return Refused(
            code="CUS-RECOUNT-PAIR",
            message="The recount must be by two people who did not make the first count.",
        )
    return None
