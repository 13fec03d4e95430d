"""The one way an act of custody runs: key, lock, decide, write, once. Used by the doors of this room alone.

In: what was asked and a function that locks and decides. Out: the act, or a `Refused` and nothing written.

Locks are taken in one order, so that no two acts wait for each other: transfer or discrepancy, containers by id, draw,
the register's head. They are NO KEY locks: a foreign key that is checked at the commit of another act does not wait.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from vigil.custody.domain import decide
from vigil.custody.domain.facts import Act, Container, Counted, Draw, Person
from vigil.custody.models import Act as ActRow
from vigil.custody.models import Container as ContainerRow
from vigil.custody.models import Draw as DrawRow
from vigil.custody.rows import CONTAINER_ROWS, act_fact, container_fact, draw_fact
from vigil.custody.writing import write_act
from vigil.people import queries as people
from vigil.people.actions import confirm_witness
from vigil.people.domain.facts import Staff
from vigil.people.duties import Duty
from vigil.record.canonical import canonical
from vigil.record.clock import new_id
from vigil.units.refusals import Refused

Fact = TypeVar("Fact", bound=Act)


def once(
    fact: type[Fact],
    asked: tuple[object, ...],
    choose: Callable[[], Act | Refused],
    *,
    by: Staff,
    key: UUID,
) -> Fact | Refused:
    """Lock, decide and write once for this key; a retry gets the first answer."""
    asked_hash = request_hash(asked, by)
    is_second_try = False
    while True:
        try:
            with transaction.atomic():
                act = choose()
                # A refusal may be the echo of this key's own first effect (the vial is empty by now), and a second
                # try has just met its key. The usual way asks nothing: the key's UNIQUE constraint watches.
                if isinstance(act, Refused) or is_second_try:
                    before = answered_before(fact, key, asked_hash)
                    if before is not None or isinstance(act, Refused):
                        return act if before is None else before
                write_act(
                    act,
                    clinic_id=by.clinic_id,
                    key=key,
                    request_hash=asked_hash,
                    owner_id=owner_of_differences(act, by.clinic_id),
                )
                assert isinstance(act, fact)
                return act
        except IntegrityError:
            # The same key was written before, or meanwhile: look again, one time.
            if is_second_try:
                raise
            is_second_try = True


def once_witnessed(
    fact: type[Fact],
    asked: tuple[object, ...],
    choose: Callable[[Person], Act | Refused],
    login: str,
    password: str,
    *,
    by: Staff,
    key: UUID,
) -> Fact | Refused:
    """As `_once`, after a second person signed in for this act. No lock is held while they do."""
    if (before := answered_before(fact, key, request_hash(asked, by))) is not None:
        return before
    witness = confirm_witness(login=login, password=password, for_performer=by)
    if isinstance(witness, Refused):
        return witness
    return once(fact, asked, lambda: choose(person(witness)), by=by, key=key)


def locked_containers(container_ids: Sequence[UUID], by: Staff) -> list[Container] | Refused:
    """The clinic's containers with these ids, locked in one order, or the refusal when one is not here."""
    rows = (
        ContainerRow.objects.filter(clinic_id=by.clinic_id, id__in=set(container_ids))
        .order_by("id")
        .select_for_update(no_key=True, of=("self",))
        .select_related(*CONTAINER_ROWS)
    )
    found = {row.id: container_fact(row) for row in rows}
    if set(container_ids) - set(found):
        return _UNKNOWN_CONTAINER
    return [found[each] for each in dict.fromkeys(container_ids)]


_UNKNOWN_CONTAINER = Refused(
    code="CUS-CONTAINER-UNKNOWN", message="This container is not in your safe. Look again."
)


def answered_before(fact: type[Fact], key: UUID, asked_hash: str) -> Fact | Refused | None:
    """What this key was answered, or None for a new key."""
    row = ActRow.objects.filter(key=key).first()
    if row is None:
        return None
    if row.request_hash != asked_hash:
        return Refused(
            code="CUS-KEY-REUSED",
            message="This form was already used for another act. Load the page again and retry.",
        )
    act = act_fact(row)
    assert isinstance(act, fact)
    return act


def request_hash(asked: tuple[object, ...], by: Staff) -> str:
    """SHA-256 of what was asked and by whom."""
    # The moment is left out: a retry comes later and is the same act. So is the password.
    text = canonical([by.clinic_id, by.staff_id, *asked])
    return hashlib.sha256(text.encode()).hexdigest()


def owner_of_differences(act: Act, clinic_id: UUID) -> UUID | None:
    """Who looks into a difference: someone who reconciles and did not count, if there is one."""
    if not isinstance(act, Counted) or not act.mismatches:
        return None
    counted_by = {act.by.staff_id, act.witness.staff_id}
    others = [
        each
        for each in people.staff_of(clinic_id, duty=Duty.RECONCILE)
        if each.staff_id not in counted_by
    ]
    others.sort(key=lambda each: Duty.REVIEW not in each.duties)
    return others[0].staff_id if others else act.by.staff_id


# --- rows, locked --------------------------------------------------------------------------------


def locked_container(container_id: UUID, by: Staff) -> Container | Refused:
    """The clinic's container, its row locked until the transaction ends, or the refusal."""
    row = (
        ContainerRow.objects.filter(id=container_id, clinic_id=by.clinic_id)
        .select_for_update(no_key=True, of=("self",))
        .select_related(*CONTAINER_ROWS)
        .first()
    )
    if row is None:
        return _UNKNOWN_CONTAINER
    return container_fact(row)


def locked_draw(draw_id: UUID, by: Staff) -> Draw | Refused:
    """The clinic's draw, its row locked until the transaction ends, or the refusal."""
    row = (
        DrawRow.objects.filter(id=draw_id, clinic_id=by.clinic_id)
        .select_for_update(no_key=True, of=("self",))
        .select_related("act")
        .first()
    )
    if row is None:
        return Refused(code="CUS-DRAW-UNKNOWN", message="This draw is not known here. Look again.")
    return draw_fact(row)


def locked_draw_and_container(draw_id: UUID, by: Staff) -> Draw | Refused:
    """The clinic's draw, with its container locked before it: for acts that move both."""
    container_id = (
        DrawRow.objects.filter(id=draw_id, clinic_id=by.clinic_id)
        .values_list("container_id", flat=True)
        .first()
    )
    if container_id is not None:
        locked_container(container_id, by)
    return locked_draw(draw_id, by)


def locked_lot(product_id: UUID, lot: str, by: Staff) -> list[Container]:
    """Every container of a lot, locked."""
    rows = (
        ContainerRow.objects.filter(clinic_id=by.clinic_id, product_id=product_id, lot=lot)
        .order_by("id")
        .select_for_update(no_key=True, of=("self",))
        .select_related(*CONTAINER_ROWS)
    )
    return [container_fact(row) for row in rows]


def person(staff: Staff) -> Person:
    """Who signs, with the name they have now."""
    return Person(staff_id=staff.staff_id, name=staff.name)


def day_of(by: Staff, at: datetime) -> date:
    """The date on the clinic's own wall at that moment."""
    return at.astimezone(ZoneInfo(people.clinic(by.clinic_id).time_zone)).date()


def new_ids(number: int) -> list[UUID]:
    """New ids, as many as asked within the limit of a delivery."""
    # One more than the limit is enough to be refused; a slip of the hand makes no million ids.
    return [new_id() for _ in range(min(max(number, 0), decide.CONTAINERS_PER_RECEIPT_MAX + 1))]
