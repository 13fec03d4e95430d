"""Rows to facts and facts to rows: the only place that knows both shapes.

In: a row of custody, or an act. Out: the frozen fact, or the rows that keep the act.
"""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import msgspec

from vigil.custody.domain.facts import (
    Act,
    Container,
    Counted,
    CountLine,
    Draw,
    Drawn,
    Given,
    Held,
    Product,
    PutBack,
    Received,
    Released,
    Wasted,
)
from vigil.custody.domain.fold import status_of
from vigil.custody.domain.ledger import Account, movements_of, signed_lines
from vigil.custody.models import Account as AccountRow
from vigil.custody.models import Act as ActRow
from vigil.custody.models import Container as ContainerRow
from vigil.custody.models import Count as CountRow
from vigil.custody.models import CountLine as CountLineRow
from vigil.custody.models import Discrepancy as DiscrepancyRow
from vigil.custody.models import Draw as DrawRow
from vigil.custody.models import Movement as MovementRow
from vigil.custody.models import Product as ProductRow
from vigil.record.actions import CUSTODY, append
from vigil.record.canonical import canonical, plain
from vigil.record.clock import new_id, now

KINDS: dict[str, type[Act]] = {
    "received": Received,
    "drawn": Drawn,
    "given": Given,
    "wasted": Wasted,
    "put-back": PutBack,
    "counted": Counted,
    "held": Held,
    "released": Released,
}
_KIND_OF: dict[type[Act], str] = {fact: kind for kind, fact in KINDS.items()}


def act_fact(row: ActRow) -> Act:
    """The act exactly as it was first answered."""
    return msgspec.json.decode(row.body, type=KINDS[row.kind])


def product_fact(row: ProductRow) -> Product:
    """The product of a row."""
    return Product(
        product_id=row.id,
        name=row.name,
        drug=row.drug,
        form="device" if row.form == "device" else "vial",
        strength_ug_per_ml=row.strength_ug_per_ml,
        content_ug=row.content_ug,
        is_second_strength=row.is_second_strength,
    )


def container_fact(row: ContainerRow) -> Container:
    """The container of a row whose product is loaded."""
    return Container(
        container_id=row.id,
        product=product_fact(row.product),
        lot=row.lot,
        expires_on=row.expires_on,
        label=row.label,
        filled_ug=row.filled_ug,
        remaining_ug=row.remaining_ug,
        status=status_of(
            filled_ug=row.filled_ug, remaining_ug=row.remaining_ug, is_held=row.is_held
        ),
    )


def draw_fact(row: DrawRow) -> Draw:
    """The draw of a row whose act and container are loaded."""
    drawn = act_fact(row.act)
    assert isinstance(drawn, Drawn)
    return Draw(
        draw_id=row.id,
        container_id=row.container_id,
        container_label=drawn.container_label,
        lot=drawn.lot,
        expires_on=drawn.expires_on,
        product=drawn.product,
        patient_id=row.patient_id,
        plan_id=row.plan_id,
        purpose_id=row.purpose_id,
        drawn_ug=row.drawn_ug,
        given_ug=row.given_ug,
        wasted_ug=row.wasted_ug,
        returned_ug=row.returned_ug,
        remaining_ug=row.remaining_ug,
        drawn_by=drawn.by.staff_id,
        drawn_by_name=drawn.by.name,
        witness=drawn.witness.staff_id,
        witness_name=drawn.witness.name,
        at=drawn.at,
    )


def write_act(
    act: Act, *, clinic_id: UUID, key: UUID, request_hash: str, owner_id: UUID | None = None
) -> None:
    """Write the act, its rows, its movements and its entry in the chained register, all or none.

    The caller holds the transaction and the locks. `owner_id` owns the discrepancies of a count.
    """
    kind = _KIND_OF[type(act)]
    witness = getattr(act, "witness", None)
    row = ActRow.objects.create(
        act_id=new_id(),
        clinic_id=clinic_id,
        kind=kind,
        at=act.at,
        recorded_at=now(),
        by_id=act.by.staff_id,
        witness_id=None if witness is None else witness.staff_id,
        key=key,
        request_hash=request_hash,
        body=canonical(act),
    )
    _write_children(act, row, owner_id)
    _write_movements(act, row)
    append(
        clinic_id=clinic_id,
        register=CUSTODY,
        kind=f"custody.{type(act).__name__}",
        subject=_subject(act),
        by=act.by.staff_id,
        at=act.at,
        body=_record_body(act, row.act_id, key),
    )


def outside_account_id(clinic_id: UUID, kind: str) -> UUID:
    """The id of the clinic's one account of this kind: made from both, so nobody looks it up."""
    return uuid5(clinic_id, f"account:{kind}")


def open_outside_account(clinic_id: UUID, kind: str) -> UUID:
    """The clinic's one account of this kind, made at its first use."""
    account_id = outside_account_id(clinic_id, kind)
    AccountRow.objects.get_or_create(id=account_id, clinic_id=clinic_id, kind=kind)
    return account_id


def _subject(act: Act) -> UUID:
    if isinstance(act, Received):
        return act.receipt_id
    if isinstance(act, Counted):
        return act.count_id
    if isinstance(act, Held | Released):
        return act.hold_id
    return act.container_id


def _record_body(act: Act, act_id: UUID, key: UUID) -> dict[str, Any]:
    lines = signed_lines(movements_of(act))
    body: dict[str, Any] = plain(act)
    return {
        **body,
        "act_id": act_id,
        "key": key,
        "movements": [{"account": account, "ug": ug} for account, ug in lines],
    }


def _write_children(act: Act, row: ActRow, owner_id: UUID | None) -> None:
    if isinstance(act, Received):
        _write_containers(act, row.clinic_id)
    elif isinstance(act, Drawn):
        _write_draw(act, row)
    elif isinstance(act, Counted):
        _write_count(act, row, owner_id)
    elif isinstance(act, Held | Released):
        ContainerRow.objects.filter(clinic_id=row.clinic_id, id__in=act.container_ids).update(
            is_held=isinstance(act, Held)
        )


def _write_containers(act: Received, clinic_id: UUID) -> None:
    product = act.product
    ProductRow.objects.get_or_create(
        id=product.product_id,
        clinic_id=clinic_id,
        defaults={
            "name": product.name,
            "drug": product.drug,
            "form": product.form,
            "strength_ug_per_ml": product.strength_ug_per_ml,
            "content_ug": product.content_ug,
            "is_second_strength": product.is_second_strength,
        },
    )
    ContainerRow.objects.bulk_create(
        ContainerRow(
            id=each.container_id,
            clinic_id=clinic_id,
            product_id=product.product_id,
            lot=act.lot,
            expires_on=act.expires_on,
            label=each.label,
            filled_ug=product.content_ug,
        )
        for each in act.containers
    )
    AccountRow.objects.bulk_create(
        AccountRow(
            id=each.container_id,
            clinic_id=clinic_id,
            kind="container",
            container_id=each.container_id,
        )
        for each in act.containers
    )


def _write_draw(act: Drawn, row: ActRow) -> None:
    DrawRow.objects.create(
        id=act.draw_id,
        clinic_id=row.clinic_id,
        act=row,
        container_id=act.container_id,
        patient_id=act.patient_id,
        plan_id=act.plan_id,
        purpose_id=act.purpose_id,
    )
    AccountRow.objects.create(
        id=act.draw_id, clinic_id=row.clinic_id, kind="draw", draw_id=act.draw_id
    )


def _write_count(act: Counted, row: ActRow, owner_id: UUID | None) -> None:
    count = CountRow.objects.create(
        id=act.count_id, clinic_id=row.clinic_id, act=row, kind=act.kind, day=act.day
    )
    for line in act.lines:
        line_row = CountLineRow.objects.create(
            clinic_id=row.clinic_id,
            count=count,
            container_id=line.container_id,
            expected_ug=line.expected_ug,
            counted_ug=line.counted_ug,
        )
        if line.difference_ug:
            _open_discrepancy(line, line_row, owner_id, act.at)


def _open_discrepancy(
    line: CountLine, line_row: CountLineRow, owner_id: UUID | None, at: datetime
) -> None:
    assert line.difference_ug != 0
    assert owner_id is not None, "a discrepancy always has an owner"
    DiscrepancyRow.objects.create(
        id=new_id(), clinic_id=line_row.clinic_id, line=line_row, owner_id=owner_id, opened_at=at
    )


def _write_movements(act: Act, row: ActRow) -> None:
    MovementRow.objects.bulk_create(
        MovementRow(
            clinic_id=row.clinic_id,
            act=row,
            source_id=_account_id(row.clinic_id, movement.source),
            target_id=_account_id(row.clinic_id, movement.target),
            ug=movement.ug,
        )
        for movement in movements_of(act)
    )


def _account_id(clinic_id: UUID, account: Account) -> UUID:
    if account.of is not None:
        return account.of
    return open_outside_account(clinic_id, account.kind)
