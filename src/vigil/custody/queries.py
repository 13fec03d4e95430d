"""The only readers of custody that other rooms may call; they return frozen facts, never querysets.

The readers beside it are named here too, so that a caller needs this module alone: `balances`, `differing`, `law`.
"""

from datetime import date
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from vigil.custody import catalogue
from vigil.custody.balances import (
    acts_between,
    acts_of,
    balance,
    lots,
    open_transfers,
    order,
    orders,
    patients_of_lot,
    places,
    recorded,
)
from vigil.custody.differing import (
    arithmetic,
    clocks,
    count_summary,
    discrepancies,
    discrepancy,
    inventory_clocks,
    known_defects,
)
from vigil.custody.domain.facts import (
    Container,
    ContainerStory,
    Counted,
    CountSummary,
    Draw,
    Period,
    Product,
    RegisterPage,
    SeenBy,
    Totals,
)
from vigil.custody.domain.register import register_of, story_of
from vigil.custody.law import adopted_law, declared_ul, is_allowed
from vigil.custody.models import Act as ActRow
from vigil.custody.models import Container as ContainerRow
from vigil.custody.models import Count as CountRow
from vigil.custody.models import CountLine as CountLineRow
from vigil.custody.models import Draw as DrawRow
from vigil.custody.models import Movement as MovementRow
from vigil.custody.rows import (
    CONTAINER_ROWS,
    act_fact,
    container_fact,
    draw_fact,
    product_fact,
)

__all__ = (
    "acts_between", "adopted_law", "arithmetic", "balance", "book_amounts_seen_by", "clocks", "container",
    "container_story", "containers", "count", "counts", "declared_ul", "disagreements", "discrepancies",
    "discrepancy", "draw", "draws_for", "history", "inventory_clocks", "is_allowed", "is_day_open",
    "known_defects", "lots", "open_draws", "open_transfers", "order", "orders", "patients_of_lot", "places",
    "products", "register", "totals", "unexplained_ug",
)  # fmt: skip


def products(clinic_id: UUID) -> tuple[Product, ...]:
    """Every product that the clinic may receive."""
    return catalogue.products(clinic_id)


def containers(clinic_id: UUID) -> tuple[Container, ...]:
    """Every container of the clinic, empty ones too, by label."""
    rows = ContainerRow.objects.filter(clinic_id=clinic_id).select_related(*CONTAINER_ROWS)
    return tuple(container_fact(row) for row in rows.order_by("label"))


def container(container_id: UUID, *, clinic_id: UUID) -> Container | None:
    """The clinic's container with this id, or None."""
    rows = ContainerRow.objects.filter(id=container_id, clinic_id=clinic_id)
    row = rows.select_related(*CONTAINER_ROWS).first()
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
    return tuple(count_summary(row) for row in rows.order_by("-act_id")[:50])


def count(count_id: UUID, *, clinic_id: UUID) -> Counted | None:
    """The clinic's count with this id, line by line, or None."""
    row = CountRow.objects.filter(id=count_id, clinic_id=clinic_id).select_related("act").first()
    if row is None:
        return None
    counted = act_fact(row.act)
    assert isinstance(counted, Counted)
    return counted


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
    lines = story_of(recorded(acts_of(container_id, clinic_id)), container_id)
    draws = _draws(DrawRow.objects.filter(container_id=container_id, clinic_id=clinic_id))
    return ContainerStory(container=found, lines=lines, draws=draws)


def history(container_id: UUID, *, clinic_id: UUID) -> ContainerStory | None:
    """The same as `container_story`, by the name that the command line uses."""
    return container_story(container_id, clinic_id=clinic_id)


def register(clinic_id: UUID, period: Period) -> tuple[RegisterPage, ...]:
    """The controlled-drug register of a period: one page for each product ever received."""
    acts = recorded(ActRow.objects.filter(clinic_id=clinic_id))
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
        cursor.execute(_TOTALS, {"clinic": clinic_id})
        received, given, wasted, returned, stock, in_syringes, distributor, loss = cursor.fetchone()
    return Totals(
        received_ug=received,
        given_ug=given,
        wasted_ug=wasted,
        returned_ug=returned,
        stock_ug=stock,
        in_syringes_ug=in_syringes,
        distributor_ug=distributor,
        under_investigation_ug=loss,
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
WITH change AS (
    SELECT target_id AS account_id, ug FROM custody_movement WHERE clinic_id = %(clinic)s
    UNION ALL
    SELECT source_id, -ug FROM custody_movement WHERE clinic_id = %(clinic)s
)
SELECT
    coalesce(-sum(c.ug) FILTER (WHERE a.kind = 'supplier'), 0)::bigint,
    coalesce(sum(c.ug) FILTER (WHERE a.kind = 'patient'), 0)::bigint,
    coalesce(sum(c.ug) FILTER (WHERE a.kind = 'waste'), 0)::bigint,
    coalesce(sum(c.ug) FILTER (WHERE a.kind = 'returned'), 0)::bigint,
    coalesce(sum(c.ug) FILTER (WHERE a.kind = 'container'), 0)::bigint,
    coalesce(sum(c.ug) FILTER (WHERE a.kind = 'draw'), 0)::bigint,
    coalesce(sum(c.ug) FILTER (WHERE a.kind = 'distributor'), 0)::bigint,
    coalesce(sum(c.ug) FILTER (WHERE a.kind = 'loss'), 0)::bigint
FROM change c
JOIN custody_account a ON a.id = c.account_id
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
