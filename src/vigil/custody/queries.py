"""The only readers of custody that other rooms may call; they return frozen facts, never querysets."""

from datetime import date
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from vigil.custody import catalogue
from vigil.custody.domain.facts import (
    Container,
    ContainerStory,
    Counted,
    CountSummary,
    Discrepancy,
    Draw,
    Period,
    Product,
    RegisterPage,
    SeenBy,
    Totals,
)
from vigil.custody.domain.register import Recorded, register_of, story_of
from vigil.custody.models import Act as ActRow
from vigil.custody.models import Container as ContainerRow
from vigil.custody.models import Count as CountRow
from vigil.custody.models import CountLine as CountLineRow
from vigil.custody.models import Discrepancy as DiscrepancyRow
from vigil.custody.models import Draw as DrawRow
from vigil.custody.models import Movement as MovementRow
from vigil.custody.rows import act_fact, container_fact, draw_fact, product_fact


def products(clinic_id: UUID) -> tuple[Product, ...]:
    """Every product that the clinic may receive."""
    return catalogue.products(clinic_id)


def containers(clinic_id: UUID) -> tuple[Container, ...]:
    """Every container of the clinic, empty ones too, by label."""
    rows = ContainerRow.objects.filter(clinic_id=clinic_id).select_related("product")
    return tuple(container_fact(row) for row in rows.order_by("label"))


def container(container_id: UUID, *, clinic_id: UUID) -> Container | None:
    """The clinic's container with this id, or None."""
    rows = ContainerRow.objects.filter(id=container_id, clinic_id=clinic_id)
    row = rows.select_related("product").first()
    return None if row is None else container_fact(row)


def draw(draw_id: UUID, *, clinic_id: UUID) -> Draw | None:
    """The clinic's draw with this id as it stands now, or None."""
    row = DrawRow.objects.filter(id=draw_id, clinic_id=clinic_id).select_related("act").first()
    return None if row is None else draw_fact(row)


def draws_for(purpose_id: UUID, *, clinic_id: UUID) -> tuple[Draw, ...]:
    """Every draw made for one purpose (a session), oldest first."""
    return _draws(DrawRow.objects.filter(purpose_id=purpose_id, clinic_id=clinic_id))


def open_draws(clinic_id: UUID) -> tuple[Draw, ...]:
    """Draws that still hold drug: what is in syringes and hands now, oldest first."""
    return _draws(DrawRow.objects.filter(clinic_id=clinic_id, remaining_ug__gt=0))


def is_day_open(clinic_id: UUID, on: date) -> bool:
    """Whether an opening count stands for this date and no closing count came after it."""
    last = (
        CountRow.objects.filter(clinic_id=clinic_id, day=on, kind__in=("opening", "closing"))
        .order_by("-act_id")
        .first()
    )
    return last is not None and last.kind == "opening"


def counts(clinic_id: UUID, *, on: date | None = None) -> tuple[CountSummary, ...]:
    """Counts of the clinic, or of one date, newest first; at most fifty."""
    rows = CountRow.objects.filter(clinic_id=clinic_id).select_related("act")
    if on is not None:
        rows = rows.filter(day=on)
    return tuple(_count_summary(row) for row in rows.order_by("-act_id")[:50])


def count(count_id: UUID, *, clinic_id: UUID) -> Counted | None:
    """The clinic's count with this id, line by line, or None."""
    row = CountRow.objects.filter(id=count_id, clinic_id=clinic_id).select_related("act").first()
    if row is None:
        return None
    counted = act_fact(row.act)
    assert isinstance(counted, Counted)
    return counted


def discrepancies(clinic_id: UUID) -> tuple[Discrepancy, ...]:
    """Every difference that a count opened, oldest first."""
    rows = (
        DiscrepancyRow.objects.filter(clinic_id=clinic_id)
        .select_related("line__container__product", "owner")
        .order_by("opened_at", "id")
    )
    return tuple(_discrepancy(row) for row in rows)


def book_amounts_seen_by(clinic_id: UUID) -> SeenBy:
    """Who was shown a container's book amount by a difference, and nothing moved since."""
    lines = CountLineRow.objects.filter(
        clinic_id=clinic_id, discrepancy__isnull=False
    ).select_related("count__act")
    seen: dict[UUID, frozenset[UUID]] = {}
    for line in lines:
        act = line.count.act
        moved_since = MovementRow.objects.filter(
            Q(source_id=line.container_id) | Q(target_id=line.container_id), act_id__gt=act.id
        )
        if not moved_since.exists():
            seen[line.container_id] = seen.get(line.container_id, frozenset()) | {
                act.by_id,
                act.witness_id,
            }
    return seen


def container_story(container_id: UUID, *, clinic_id: UUID) -> ContainerStory | None:
    """The whole life of one container, oldest first, with the balance after each act; or None."""
    found = container(container_id, clinic_id=clinic_id)
    if found is None:
        return None
    lines = story_of(_recorded(_acts_of(container_id, clinic_id)), container_id)
    draws = _draws(DrawRow.objects.filter(container_id=container_id, clinic_id=clinic_id))
    return ContainerStory(container=found, lines=lines, draws=draws)


def register(clinic_id: UUID, period: Period) -> tuple[RegisterPage, ...]:
    """The controlled-drug register of a period: one page for each product ever received."""
    acts = _recorded(ActRow.objects.filter(clinic_id=clinic_id))
    received = {
        row.product_id: product_fact(row.product)
        for row in ContainerRow.objects.filter(clinic_id=clinic_id).select_related("product")
    }
    ordered = sorted(received.values(), key=lambda each: (each.drug, each.name))
    return register_of(acts, products=ordered, period=period)


def totals(clinic_id: UUID) -> Totals:
    """Where all the drug ever received is, from the movements alone.

    No balance row is read: this is the second derivation that the balances are held against.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, [clinic_id])
        received, given, wasted, returned, stock, in_syringes = cursor.fetchone()
    return Totals(
        received_ug=received,
        given_ug=given,
        wasted_ug=wasted,
        returned_ug=returned,
        stock_ug=stock,
        in_syringes_ug=in_syringes,
    )


def unexplained_ug(clinic_id: UUID) -> int:
    """Received less given, wasted, returned, stock and syringes: 0, or drug went where none may."""
    return totals(clinic_id).unexplained_ug


def disagreements(clinic_id: UUID) -> tuple[UUID, ...]:
    """Containers and draws whose balance row differs from their movements: none, or a defect of ours."""
    with connection.cursor() as cursor:
        cursor.execute(_DISAGREEMENTS, {"clinic": clinic_id})
        return tuple(row[0] for row in cursor.fetchall())


_TOTALS = """
SELECT
    coalesce(sum(m.ug) FILTER (WHERE s.kind = 'supplier'), 0)::bigint,
    coalesce(sum(m.ug) FILTER (WHERE t.kind = 'patient'), 0)::bigint,
    coalesce(sum(m.ug) FILTER (WHERE t.kind = 'waste'), 0)::bigint,
    coalesce(sum(m.ug) FILTER (WHERE t.kind = 'returned'), 0)::bigint,
    (coalesce(sum(m.ug) FILTER (WHERE t.kind = 'container'), 0)
     - coalesce(sum(m.ug) FILTER (WHERE s.kind = 'container'), 0))::bigint,
    (coalesce(sum(m.ug) FILTER (WHERE t.kind = 'draw'), 0)
     - coalesce(sum(m.ug) FILTER (WHERE s.kind = 'draw'), 0))::bigint
FROM custody_movement m
JOIN custody_account s ON s.id = m.source_id
JOIN custody_account t ON t.id = m.target_id
WHERE m.clinic_id = %s
"""

_DISAGREEMENTS = """
WITH change AS (
    SELECT target_id AS account_id, ug FROM custody_movement WHERE clinic_id = %(clinic)s
    UNION ALL
    SELECT source_id, -ug FROM custody_movement WHERE clinic_id = %(clinic)s
), moved AS (
    SELECT account_id, sum(ug) AS ug FROM change GROUP BY account_id
), balance AS (
    SELECT id, remaining_ug FROM custody_container WHERE clinic_id = %(clinic)s
    UNION ALL
    SELECT id, remaining_ug FROM custody_draw WHERE clinic_id = %(clinic)s
)
SELECT balance.id FROM balance LEFT JOIN moved ON moved.account_id = balance.id
WHERE balance.remaining_ug <> coalesce(moved.ug, 0)
ORDER BY balance.id
"""


def _draws(rows: QuerySet[DrawRow]) -> tuple[Draw, ...]:
    return tuple(draw_fact(row) for row in rows.select_related("act").order_by("act_id"))


def _acts_of(container_id: UUID, clinic_id: UUID) -> QuerySet[ActRow]:
    draws = DrawRow.objects.filter(container_id=container_id).values("id")
    moved = MovementRow.objects.filter(
        Q(source_id=container_id)
        | Q(target_id=container_id)
        | Q(source_id__in=draws)
        | Q(target_id__in=draws)
    )
    counted = CountLineRow.objects.filter(container_id=container_id)
    return ActRow.objects.filter(
        Q(id__in=moved.values("act_id"))
        | Q(id__in=counted.values("count__act_id"))
        | Q(kind__in=("held", "released"), body__contains=str(container_id)),
        clinic_id=clinic_id,
    )


def _recorded(rows: QuerySet[ActRow]) -> list[Recorded]:
    return [
        Recorded(act_id=row.act_id, kind=row.kind, recorded_at=row.recorded_at, act=act_fact(row))
        for row in rows.order_by("id")
    ]


def _count_summary(row: CountRow) -> CountSummary:
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
    )
