"""Readers for papers: the whole acts of a period, and what may explain a difference.

In: a clinic id. Out: frozen facts as they were answered, oldest first. Beside `queries`, for pages and files that print.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vigil.custody.balances import acts_of, recorded
from vigil.custody.domain.deeds import Corrected, Lost
from vigil.custody.domain.facts import Act, Counted
from vigil.custody.domain.register import Recorded
from vigil.custody.models import Act as ActRow
from vigil.custody.models import CountLine as CountLineRow
from vigil.custody.models import Discrepancy as DiscrepancyRow
from vigil.custody.rows import act_fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanations:
    """Acts after a count that may explain its difference. Which do, two people say when they close it."""

    corrections: tuple[Corrected, ...]
    losses: tuple[Lost, ...]
    recounts: tuple[Counted, ...]


def deeds_between(clinic_id: UUID, *, start: datetime, end: datetime) -> tuple[Recorded, ...]:
    """Every act that happened from `start` up to but not including `end`, whole, in the server's order."""
    return tuple(recorded(ActRow.objects.filter(clinic_id=clinic_id, at__gte=start, at__lt=end)))


def deed(act_id: UUID, *, clinic_id: UUID) -> Act | None:
    """The clinic's act with this id, whole, or None."""
    row = ActRow.objects.filter(act_id=act_id, clinic_id=clinic_id).first()
    return None if row is None else act_fact(row)


def explanations(discrepancy_id: UUID, *, clinic_id: UUID) -> Explanations:
    """What was corrected, declared lost or counted again on the container since the difference was found."""
    row = (
        DiscrepancyRow.objects.filter(id=discrepancy_id, clinic_id=clinic_id)
        .select_related("line__count")
        .first()
    )
    if row is None:
        return Explanations(corrections=(), losses=(), recounts=())
    line = row.line
    later = acts_of(line.container_id, clinic_id).filter(id__gt=line.count.act_id)
    acts = [each.act for each in recorded(later)]
    agreed = CountLineRow.objects.filter(container_id=line.container_id, discrepancy=None)
    agreed_counts = set(agreed.values_list("count_id", flat=True))
    return Explanations(
        corrections=tuple(act for act in acts if isinstance(act, Corrected)),
        losses=tuple(
            act for act in acts if isinstance(act, Lost) and act.discrepancy_id == discrepancy_id
        ),
        recounts=tuple(
            act for act in acts if isinstance(act, Counted) and act.count_id in agreed_counts
        ),
    )
