"""Facts to rows: one act with its rows, its movements and its entry in the chained register, all or none.

In: an act, decided, inside the caller's transaction. Out: rows. `rows` is the other way.
"""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction

from vigil.custody.domain.deeds import (
    Adopted,
    Arrived,
    Closed,
    Corrected,
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
    CountLine,
    Drawn,
    Held,
    Product,
    Received,
    Released,
)
from vigil.custody.domain.ledger import Account, movements_of, recorded_lines
from vigil.custody.models import Account as AccountRow
from vigil.custody.models import Act as ActRow
from vigil.custody.models import Adoption as AdoptionRow
from vigil.custody.models import Arrival as ArrivalRow
from vigil.custody.models import Closing as ClosingRow
from vigil.custody.models import Container as ContainerRow
from vigil.custody.models import Correction as CorrectionRow
from vigil.custody.models import Count as CountRow
from vigil.custody.models import CountLine as CountLineRow
from vigil.custody.models import DeadSpace as DeadSpaceRow
from vigil.custody.models import Delivery as DeliveryRow
from vigil.custody.models import Dilution as DilutionRow
from vigil.custody.models import Discrepancy as DiscrepancyRow
from vigil.custody.models import Draw as DrawRow
from vigil.custody.models import Loss as LossRow
from vigil.custody.models import Movement as MovementRow
from vigil.custody.models import Order as OrderRow
from vigil.custody.models import Place as PlaceRow
from vigil.custody.models import Placement as PlacementRow
from vigil.custody.models import Product as ProductRow
from vigil.custody.models import Transfer as TransferRow
from vigil.custody.models import Use as UseRow
from vigil.custody.rows import KIND_OF
from vigil.record.actions import CUSTODY, append
from vigil.record.canonical import canonical, plain
from vigil.record.clock import new_id, now


def write_act(
    act: Act, *, clinic_id: UUID, key: UUID, request_hash: str, owner_id: UUID | None = None
) -> None:
    """Write the act, its rows, its movements and its entry in the chained register, all or none.

    The caller holds the transaction and the locks. `owner_id` owns the discrepancies of a count.
    """
    kind = KIND_OF[type(act)]
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


_KNOWN_ACCOUNTS: set[UUID] = set()
"""Outside accounts that this process saw committed: they are never deleted, so nobody looks again."""


def open_outside_account(clinic_id: UUID, kind: str) -> UUID:
    """The clinic's one account of this kind, made at its first use."""
    account_id = outside_account_id(clinic_id, kind)
    if account_id not in _KNOWN_ACCOUNTS:
        AccountRow.objects.get_or_create(id=account_id, clinic_id=clinic_id, kind=kind)
        transaction.on_commit(lambda: _KNOWN_ACCOUNTS.add(account_id))
    return account_id


def _subject(act: Act) -> UUID:
    match act:
        case Received():
            return act.receipt_id
        case Counted():
            return act.count_id
        case Held() | Released():
            return act.hold_id
        case Ordered():
            return act.order_id
        case PlaceOpened():
            assert act.place.place_id is not None
            return act.place.place_id
        case Sent() | Arrived():
            return act.transfer_id
        case SentOut():
            return act.dispatch_id
        case DeadSpaceSet():
            return act.declaration_id
        case Adopted():
            return act.adoption_id
    return act.container_id


def _record_body(act: Act, act_id: UUID, key: UUID) -> dict[str, Any]:
    lines = recorded_lines(act)
    body: dict[str, Any] = plain(act)
    return {
        **body,
        "act_id": act_id,
        "key": key,
        "movements": [{"account": account, "ug": ug} for account, ug in lines],
    }


def _write_children(act: Act, row: ActRow, owner_id: UUID | None) -> None:
    own = {"clinic_id": row.clinic_id, "act": row}
    match act:
        case Received():
            _write_containers(act, row.clinic_id)
            if act.order_id is not None:
                DeliveryRow.objects.create(
                    **own, order_id=act.order_id, containers=len(act.containers)
                )
        case Drawn():
            _write_draw(act, row)
        case Counted():
            _write_count(act, row, owner_id)
        case Held() | Released():
            ContainerRow.objects.filter(clinic_id=row.clinic_id, id__in=act.container_ids).update(
                is_held=isinstance(act, Held)
            )
        case Ordered():
            _keep_product(act.product, row.clinic_id)
            OrderRow.objects.create(
                **own,
                id=act.order_id,
                product_id=act.product.product_id,
                containers=act.containers,
            )
        case PlaceOpened():
            place = act.place
            PlaceRow.objects.create(**own, id=place.place_id, kind=place.kind, name=place.name)
        case Sent():
            TransferRow.objects.create(
                **own, id=act.transfer_id, target_id=act.target.place_id, due_at=act.due_at
            )
            _write_placements(act, row, transfer_id=act.transfer_id)
        case Arrived():
            ArrivalRow.objects.create(**own, transfer_id=act.transfer_id)
            _write_placements(act, row, place_id=act.target.place_id)
        case _:
            _write_of_a_draw_or_difference(act, own)


def _write_of_a_draw_or_difference(act: Act, own: dict[str, Any]) -> None:
    match act:
        case Diluted():
            DilutionRow.objects.create(**own, draw_id=act.draw_id, to_volume_ul=act.to_volume_ul)
        case UseChanged():
            UseRow.objects.create(**own, draw_id=act.draw_id, is_in_use=act.is_in_use)
        case DeadSpaceSet():
            _keep_product(act.product, own["clinic_id"])
            DeadSpaceRow.objects.create(
                **own, product_id=act.product.product_id, volume_ul_max=act.volume_ul_max
            )
        case Lost():
            LossRow.objects.create(
                **own,
                id=act.loss_id,
                container_id=act.container_id,
                draw_id=act.draw_id,
                discrepancy_id=act.discrepancy_id,
                amount_ug=act.amount_ug,
            )
        case Corrected():
            corrects = ActRow.objects.get(act_id=act.corrects, clinic_id=own["clinic_id"])
            CorrectionRow.objects.create(
                **own,
                id=act.correction_id,
                corrects=corrects,
                container_id=act.container_id,
                draw_id=act.draw_id,
                was_ug=act.was_ug,
                is_ug=act.is_ug,
                reason=act.reason,
            )
        case Closed():
            ClosingRow.objects.create(
                **own, id=act.closing_id, discrepancy_id=act.discrepancy_id, how=act.how
            )
        case Adopted():
            AdoptionRow.objects.create(
                **own,
                id=act.adoption_id,
                jurisdiction_id=act.jurisdiction_id,
                version=act.version,
                content_hash=act.content_hash,
            )


def _write_placements(
    act: Sent | Arrived,
    row: ActRow,
    *,
    place_id: UUID | None = None,
    transfer_id: UUID | None = None,
) -> None:
    PlacementRow.objects.bulk_create(
        PlacementRow(
            clinic_id=row.clinic_id,
            act=row,
            container_id=each,
            place_id=place_id,
            transfer_id=transfer_id,
        )
        for each in act.container_ids
    )


def _write_containers(act: Received, clinic_id: UUID) -> None:
    product = act.product
    _keep_product(product, clinic_id)
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


def _keep_product(product: Product, clinic_id: UUID) -> None:
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
            is_estimate=line.is_estimate,
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
