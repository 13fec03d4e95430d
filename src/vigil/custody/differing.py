"""Readers of differences: discrepancies by age, their arithmetic, the law's clocks, what is known to mislead.

Named in `queries`, which is the door that other rooms use. In: a clinic id. Out: frozen facts; nobody is named a suspect.
"""

from functools import cache
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import yaml

from vigil.custody.balances import acts_of, recorded
from vigil.custody.domain.deeds import Closed
from vigil.custody.domain.differences import Arithmetic
from vigil.custody.domain.facts import Counted, CountSummary, Discrepancy
from vigil.custody.domain.readings import Clock, KnownDefect
from vigil.custody.domain.register import story_of
from vigil.custody.law import adopted_law
from vigil.custody.models import Count as CountRow
from vigil.custody.models import CountLine as CountLineRow
from vigil.custody.models import Discrepancy as DiscrepancyRow
from vigil.custody.rows import act_fact, product_fact
from vigil.people import queries as people

_LOADED = ("line__container__product", "line__count", "owner", "closing__act")
_DEFECTS = Path(__file__).with_name("known_defects.yaml")


def discrepancies(clinic_id: UUID, *, is_open_only: bool = False) -> tuple[Discrepancy, ...]:
    """Every difference that a count opened, oldest first; with `is_open_only` those nobody closed yet."""
    rows = DiscrepancyRow.objects.filter(clinic_id=clinic_id).select_related(*_LOADED)
    if is_open_only:
        rows = rows.filter(closing__isnull=True)
    return tuple(_discrepancy(row) for row in rows.order_by("opened_at", "id"))


def discrepancy(discrepancy_id: UUID, *, clinic_id: UUID) -> Discrepancy | None:
    """The clinic's discrepancy with this id, or None."""
    rows = DiscrepancyRow.objects.filter(id=discrepancy_id, clinic_id=clinic_id)
    row = rows.select_related(*_LOADED).first()
    return None if row is None else _discrepancy(row)


def arithmetic(discrepancy_id: UUID, *, clinic_id: UUID) -> Arithmetic | None:
    """Every act between the last count of the container that agreed and the one that did not, with the sums."""
    row = (
        DiscrepancyRow.objects.filter(id=discrepancy_id, clinic_id=clinic_id)
        .select_related(*_LOADED)
        .first()
    )
    if row is None:
        return None
    line, count_act_id = row.line, row.line.count.act_id
    agreed = (
        CountLineRow.objects.filter(
            container_id=line.container_id, count__act_id__lt=count_act_id, discrepancy=None
        )
        .select_related("count__act")
        .order_by("-count__act_id")
        .first()
    )
    acts = acts_of(line.container_id, clinic_id).filter(id__lte=count_act_id)
    story = story_of(recorded(acts), line.container_id)
    if agreed is None:
        start_ug, lines = 0, story
    else:
        after = [each.act_id for each in story].index(agreed.count.act.act_id)
        start_ug, lines = story[after].balance_ug, story[after + 1 :]
    return Arithmetic(
        discrepancy=_discrepancy(row),
        agreed=None if agreed is None else count_summary(agreed.count),
        start_ug=start_ug,
        lines=lines,
        book_ug=story[-1].balance_ug,
        counted_ug=line.counted_ug,
    )


def clocks(found: Discrepancy, *, clinic_id: UUID) -> tuple[Clock, ...]:
    """The times that the adopted law sets for a difference, soonest first; none while nobody adopted a law.

    They run from the moment the count was signed: the earliest that can be called discovery.
    """
    law = adopted_law(clinic_id)
    if law is None:
        return ()
    zone = ZoneInfo(people.clinic(clinic_id).time_zone)
    running = []
    for rule in (*law.of_kind("loss-notice"), *law.of_kind("loss-form")):
        due_at = rule.due_at(found.opened_at, zone=zone)
        assert due_at is not None, "a clock has a time"
        running.append(Clock(rule=rule, started_at=found.opened_at, due_at=due_at))
    return tuple(sorted(running, key=lambda each: (each.due_at, each.rule.name)))


def inventory_clocks(clinic_id: UUID) -> tuple[Clock, ...]:
    """When the adopted law wants the next inventory, counted from the last opening or closing count.

    Empty while nobody adopted a law or nothing was counted whole.
    """
    law = adopted_law(clinic_id)
    last = (
        CountRow.objects.filter(clinic_id=clinic_id, kind__in=("opening", "closing"))
        .select_related("act")
        .order_by("-act_id")
        .first()
    )
    if law is None or last is None:
        return ()
    zone = ZoneInfo(people.clinic(clinic_id).time_zone)
    running = []
    for rule in law.of_kind("inventory"):
        due_at = rule.due_at(last.act.at, zone=zone)
        assert due_at is not None, "a clock has a time"
        running.append(Clock(rule=rule, started_at=last.act.at, due_at=due_at))
    return tuple(sorted(running, key=lambda each: (each.due_at, each.rule.name)))


@cache
def known_defects() -> tuple[KnownDefect, ...]:
    """What can make a difference where nothing is missing; shown with every discrepancy."""
    return msgspec.convert(
        yaml.safe_load(_DEFECTS.read_text(encoding="utf-8")), tuple[KnownDefect, ...]
    )


def count_summary(row: CountRow) -> CountSummary:
    """A count whose act is loaded, in one line."""
    counted = act_fact(row.act)
    assert isinstance(counted, Counted)
    return CountSummary(
        count_id=row.id,
        kind=counted.kind,
        day=row.day,
        at=counted.at,
        by_name=counted.by.name,
        witness_name=counted.witness.name,
        containers=len(counted.lines),
        mismatches=len(counted.mismatches),
    )


def _discrepancy(row: DiscrepancyRow) -> Discrepancy:
    line = row.line
    closing = getattr(row, "closing", None)
    closed = None if closing is None else act_fact(closing.act)
    assert closed is None or isinstance(closed, Closed)
    return Discrepancy(
        discrepancy_id=row.id,
        container_id=line.container_id,
        container_label=line.container.label,
        product=product_fact(line.container.product),
        expected_ug=line.expected_ug,
        counted_ug=line.counted_ug,
        difference_ug=line.counted_ug - line.expected_ug,
        owner_id=row.owner_id,
        owner_name=row.owner.name,
        opened_at=row.opened_at,
        count_id=line.count_id,
        is_estimate=line.is_estimate,
        closing=closed,
    )
