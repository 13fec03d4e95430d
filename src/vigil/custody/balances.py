"""Readers of stock: balances at any instant, acts of a period, lots and who got them, orders, transfers, places.

Named in `queries`, which is the door that other rooms use. In: a clinic id. Out: frozen facts, never querysets.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Count as CountOf
from django.db.models import Q, QuerySet, Sum

from vigil.custody.domain.deeds import Ordered, Sent
from vigil.custody.domain.facts import Act, Counted
from vigil.custody.domain.readings import (
    ActLine,
    Balance,
    LotPatient,
    LotSummary,
    OrderState,
    TransferState,
)
from vigil.custody.domain.register import Recorded
from vigil.custody.domain.things import SAFE, Place
from vigil.custody.domain.wording import text_of
from vigil.custody.models import Act as ActRow
from vigil.custody.models import Closing as ClosingRow
from vigil.custody.models import Container as ContainerRow
from vigil.custody.models import CountLine as CountLineRow
from vigil.custody.models import Draw as DrawRow
from vigil.custody.models import Movement as MovementRow
from vigil.custody.models import Order as OrderRow
from vigil.custody.models import Place as PlaceRow
from vigil.custody.models import Placement as PlacementRow
from vigil.custody.models import Transfer as TransferRow
from vigil.custody.rows import act_fact, place_fact, product_fact


def balance(clinic_id: UUID, at: datetime | None = None) -> tuple[Balance, ...]:
    """What every account held at an instant, by what happened until then (both ends included); now, if none.

    Containers and draws that existed by then, empty ones too, and the six accounts outside the safe. An act that
    was entered late counts from when it happened: the answer for a past instant can change by a late entry or stay
    as it is for ever, and the record shows which. Corrections count from when they were made.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BALANCE, {"clinic": clinic_id, "at": at})
        moved = {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
    containers = {
        row.id: row
        for row in ContainerRow.objects.filter(clinic_id=clinic_id, id__in=moved).select_related(
            "product"
        )
    }
    draws = {
        row.id: row
        for row in DrawRow.objects.filter(clinic_id=clinic_id, id__in=moved).select_related(
            "container__product"
        )
    }
    answers = []
    for account_id, (kind, ug) in moved.items():
        drawn = draws.get(account_id)
        held = containers.get(account_id) or (None if drawn is None else drawn.container)
        is_inside = held is not None
        answers.append(
            Balance(
                account=f"{kind}:{account_id}" if is_inside else kind,
                kind=kind,
                of=account_id if is_inside else None,
                label="" if held is None else held.label,
                product=None if held is None else product_fact(held.product),
                lot="" if held is None else held.lot,
                ug=ug,
            )
        )
    return tuple(sorted(answers, key=lambda each: (_ORDER[each.kind], each.label, each.account)))


_ORDER = {
    kind: place
    for place, kind in enumerate(
        (
            "container", "draw", "patient", "waste", "returned", "distributor", "loss", "supplier",
        )
    )
}  # fmt: skip

_BALANCE = """
WITH change AS (
    SELECT m.target_id AS account_id, m.ug, m.act_id FROM custody_movement m WHERE m.clinic_id = %(clinic)s
    UNION ALL
    SELECT m.source_id, -m.ug, m.act_id FROM custody_movement m WHERE m.clinic_id = %(clinic)s
)
SELECT c.account_id, a.kind, sum(c.ug)::bigint
FROM change c
JOIN custody_account a ON a.id = c.account_id
JOIN custody_act act ON act.id = c.act_id
WHERE act.at <= %(at)s OR %(at)s::timestamptz IS NULL
GROUP BY c.account_id, a.kind
"""


def acts_between(
    clinic_id: UUID,
    *,
    start: datetime,
    end: datetime,
    container_id: UUID | None = None,
) -> tuple[ActLine, ...]:
    """Every act that happened from `start` up to but not including `end`, in the server's order.

    With `container_id` only the acts that this container's story holds.
    """
    rows = ActRow.objects.filter(clinic_id=clinic_id, at__gte=start, at__lt=end)
    if container_id is not None:
        rows = rows & acts_of(container_id, clinic_id)
    return tuple(_act_line(each, container_id) for each in recorded(rows))


def lots(clinic_id: UUID) -> tuple[LotSummary, ...]:
    """Every lot ever received, by product and lot: what is left, what is held, how many patients got it."""
    rows = ContainerRow.objects.filter(clinic_id=clinic_id).select_related("product")
    by_lot: dict[tuple[UUID, str], list[ContainerRow]] = {}
    for row in rows.order_by("label"):
        by_lot.setdefault((row.product_id, row.lot), []).append(row)
    drawn = {
        (row["container__product_id"], row["container__lot"]): row
        for row in DrawRow.objects.filter(clinic_id=clinic_id)
        .values("container__product_id", "container__lot")
        .annotate(
            patients=CountOf("patient_id", distinct=True, filter=Q(given_ug__gt=0)),
            in_syringes=Sum("remaining_ug"),
        )
    }
    found = [_lot(rows, drawn.get(key, {})) for key, rows in by_lot.items()]
    return tuple(sorted(found, key=lambda each: (each.product.name, each.lot)))


def patients_of_lot(clinic_id: UUID, *, product_id: UUID, lot: str) -> tuple[LotPatient, ...]:
    """Every draw of a lot from which a patient got drug, oldest first: whom a recall must reach."""
    rows = (
        DrawRow.objects.filter(
            clinic_id=clinic_id,
            container__product_id=product_id,
            container__lot=lot,
            given_ug__gt=0,
        )
        .select_related("container", "act")
        .order_by("act_id")
    )
    return tuple(
        LotPatient(
            patient_id=row.patient_id,
            draw_id=row.id,
            purpose_id=row.purpose_id,
            container_label=row.container.label,
            given_ug=row.given_ug,
            drawn_at=row.act.at,
        )
        for row in rows
    )


def orders(clinic_id: UUID, *, is_open_only: bool = False) -> tuple[OrderState, ...]:
    """Orders with what came of them, newest first; `is_open_only` leaves out those that came whole."""
    rows = OrderRow.objects.filter(clinic_id=clinic_id).select_related("act")
    states = [_order_state(row) for row in rows.order_by("-act_id")]
    return tuple(each for each in states if not is_open_only or each.waiting > 0)


def order(order_id: UUID, *, clinic_id: UUID) -> OrderState | None:
    """The clinic's order with this id, or None."""
    row = OrderRow.objects.filter(id=order_id, clinic_id=clinic_id).select_related("act").first()
    return None if row is None else _order_state(row)


def places(clinic_id: UUID) -> tuple[Place, ...]:
    """The safe, and every other place by name."""
    rows = PlaceRow.objects.filter(clinic_id=clinic_id).order_by("name")
    return (SAFE, *(place_fact(row) for row in rows))


def open_transfers(clinic_id: UUID) -> tuple[TransferState, ...]:
    """Transfers that nobody received yet, the one due first foremost. Ask each `is_overdue(now)`: the alarm."""
    rows = TransferRow.objects.filter(clinic_id=clinic_id, arrival__isnull=True)
    states = []
    for row in rows.select_related("act").order_by("due_at"):
        sent = act_fact(row.act)
        assert isinstance(sent, Sent)
        states.append(TransferState(sent=sent))
    return tuple(states)


def acts_of(container_id: UUID, clinic_id: UUID) -> QuerySet[ActRow]:
    """The rows of every act in the life of a container: used inside this room only."""
    draws = DrawRow.objects.filter(container_id=container_id).values("id")
    moved = MovementRow.objects.filter(
        Q(source_id=container_id)
        | Q(target_id=container_id)
        | Q(source_id__in=draws)
        | Q(target_id__in=draws)
    )
    counted = CountLineRow.objects.filter(container_id=container_id)
    placed = PlacementRow.objects.filter(container_id=container_id)
    closed = ClosingRow.objects.filter(discrepancy__line__container_id=container_id)
    return ActRow.objects.filter(
        Q(id__in=moved.values("act_id"))
        | Q(id__in=counted.values("count__act_id"))
        | Q(id__in=placed.values("act_id"))
        | Q(id__in=closed.values("act_id"))
        | Q(dilution__draw__container_id=container_id)
        | Q(use__draw__container_id=container_id)
        | Q(kind__in=("held", "released"), body__contains=str(container_id)),
        clinic_id=clinic_id,
    )


def recorded(rows: QuerySet[ActRow]) -> list[Recorded]:
    """Acts with what the server added, in its order: used inside this room only."""
    return [
        Recorded(act_id=row.act_id, kind=row.kind, recorded_at=row.recorded_at, act=act_fact(row))
        for row in rows.order_by("id")
    ]


def _act_line(each: Recorded, container_id: UUID | None) -> ActLine:
    act = each.act
    return ActLine(
        act_id=each.act_id,
        kind=each.kind,
        at=act.at,
        recorded_at=each.recorded_at,
        text=text_of(act, container_id),
        container_labels=_labels(act),
        by=act.by,
        witness=getattr(act, "witness", None),
        reason=str(getattr(act, "reason", "") or getattr(act, "note", "")),
    )


def _labels(act: Act) -> tuple[str, ...]:
    own = getattr(act, "container_label", None)
    if own is not None:
        return (str(own),)
    if isinstance(act, Counted):
        return tuple(line.label for line in act.lines)
    several: Iterable[object] = getattr(act, "containers", ())
    if isinstance(several, tuple):
        return tuple(each.label for each in several)
    return tuple(getattr(act, "labels", ()))


def _lot(rows: list[ContainerRow], drawn: dict[str, int]) -> LotSummary:
    first = rows[0]
    return LotSummary(
        product=product_fact(first.product),
        lot=first.lot,
        expires_on=first.expires_on,
        containers=len(rows),
        with_drug=sum(row.remaining_ug > 0 for row in rows),
        held=sum(row.is_held for row in rows),
        remaining_ug=sum(row.remaining_ug for row in rows),
        in_syringes_ug=drawn.get("in_syringes", 0),
        patients=drawn.get("patients", 0),
    )


def _order_state(row: OrderRow) -> OrderState:
    ordered = act_fact(row.act)
    assert isinstance(ordered, Ordered)
    received = row.delivery_set.aggregate(total=Sum("containers"))["total"] or 0
    return OrderState(ordered=ordered, received=received)
