"""The only writers of custody: receive, count, draw, give, waste, put back, hold, release.

Each is one transaction: lock the row, decide (pure), then the act, its movements and its entry in the chained
register, or a `Refused` and nothing. The same key again gives the same answer and no second effect.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from vigil.custody import catalogue, queries
from vigil.custody.authority import authorisation_of
from vigil.custody.domain import decide
from vigil.custody.domain.counting import decide_count
from vigil.custody.domain.facts import (
    Act,
    Container,
    Counted,
    CountKind,
    Draw,
    Drawn,
    Given,
    Held,
    Person,
    PutBack,
    Received,
    Released,
    Wasted,
)
from vigil.custody.models import Account as AccountRow
from vigil.custody.models import Act as ActRow
from vigil.custody.models import Container as ContainerRow
from vigil.custody.models import Draw as DrawRow
from vigil.custody.rows import act_fact, container_fact, draw_fact, open_outside_account, write_act
from vigil.people import queries as people
from vigil.people.actions import confirm_witness, lacks_duty
from vigil.people.domain.facts import Staff
from vigil.people.duties import Duty
from vigil.record.canonical import canonical
from vigil.record.clock import new_id
from vigil.units.refusals import Refused

Fact = TypeVar("Fact", bound=Act)

RECEIPT_NUMBER_FIRST = 20_001
"""Labels begin with five digits, so that a label is never read as an amount."""


def receive(
    *,
    product_id: UUID,
    lot: str,
    expires_on: date,
    containers: int,
    invoice: str,
    by: Staff,
    at: datetime,
    key: UUID,
) -> Received | Refused:
    """Take a delivery of one lot in: `containers` full vials or devices, labelled here."""
    if (refused := lacks_duty(by, Duty.RECEIVE)) is not None:
        return refused
    product = next(
        (each for each in catalogue.products(by.clinic_id) if each.product_id == product_id), None
    )
    if product is None:
        return Refused(code="CUS-PRODUCT-UNKNOWN", message="Choose a product from the list.")
    asked = ("receive", product_id, lot, expires_on, containers, invoice)

    def choose() -> Act | Refused:
        # The supplier's row puts deliveries in a line: each takes the next number for its labels.
        supplier = open_outside_account(by.clinic_id, "supplier")
        AccountRow.objects.select_for_update().get(id=supplier)
        received = ActRow.objects.filter(clinic_id=by.clinic_id, kind="received").count()
        known = ContainerRow.objects.filter(
            clinic_id=by.clinic_id, product_id=product_id, lot=lot.strip()
        ).first()
        return decide.decide_receive(
            product=product,
            lot=lot,
            expires_on=expires_on,
            invoice=invoice,
            container_ids=_new_ids(containers),
            receipt_number=RECEIPT_NUMBER_FIRST + received,
            known_expiry=None if known is None else known.expires_on,
            receipt_id=new_id(),
            on=_day(by, at),
            by=_person(by),
            at=at,
        )

    return _once(Received, asked, choose, by=by, key=key)


def draw(
    *,
    container_id: UUID,
    amount_ug: int,
    plan_id: UUID,
    patient_id: UUID,
    purpose_id: UUID,
    witness_login: str,
    witness_password: str,
    by: Staff,
    at: datetime,
    key: UUID,
    reason: str = "",
) -> Drawn | Refused:
    """Draw an amount from a container for one patient, before a second person who signs in now.

    `reason` is needed for a second strength only.
    """
    if (refused := lacks_duty(by, Duty.PREPARE)) is not None:
        return refused
    asked = (
        "draw",
        container_id,
        amount_ug,
        plan_id,
        patient_id,
        purpose_id,
        witness_login,
        reason,
    )

    def choose(witness: Person) -> Act | Refused:
        container = _locked_container(container_id, by)
        if isinstance(container, Refused):
            return container
        authorisation = authorisation_of(plan_id, patient_id=patient_id, clinic_id=by.clinic_id)
        if isinstance(authorisation, Refused):
            return authorisation
        day = _day(by, at)
        return decide.decide_draw(
            container,
            authorisation=authorisation,
            amount_ug=amount_ug,
            purpose_id=purpose_id,
            reason=reason,
            is_day_open=queries.is_day_open(by.clinic_id, day),
            draw_id=new_id(),
            on=day,
            by=_person(by),
            witness=witness,
            at=at,
        )

    return _once_witnessed(Drawn, asked, choose, witness_login, witness_password, by=by, key=key)


def give(*, draw_id: UUID, amount_ug: int, by: Staff, at: datetime, key: UUID) -> Given | Refused:
    """Record what of a draw went into its patient."""
    if (refused := lacks_duty(by, Duty.GIVE)) is not None:
        return refused

    def choose() -> Act | Refused:
        drawn = _locked_draw(draw_id, by)
        if isinstance(drawn, Refused):
            return drawn
        return decide.decide_give(drawn, amount_ug=amount_ug, by=_person(by), at=at)

    return _once(Given, ("give", draw_id, amount_ug), choose, by=by, key=key)


def waste(
    *,
    amount_ug: int,
    witness_login: str,
    witness_password: str,
    reason: str,
    by: Staff,
    at: datetime,
    key: UUID,
    draw_id: UUID | None = None,
    container_id: UUID | None = None,
) -> Wasted | Refused:
    """Destroy what is left of a draw, or of a container (name exactly one), before a second person."""
    assert (draw_id is None) != (container_id is None), "waste names a draw or a container"
    if (refused := lacks_duty(by, Duty.PREPARE)) is not None:
        return refused
    asked = ("waste", draw_id, container_id, amount_ug, witness_login, reason)

    def choose(witness: Person) -> Act | Refused:
        act = {
            "amount_ug": amount_ug, "reason": reason, "by": _person(by), "witness": witness, "at": at,
        }  # fmt: skip
        if draw_id is not None:
            drawn = _locked_draw(draw_id, by)
            return drawn if isinstance(drawn, Refused) else decide.decide_waste_draw(drawn, **act)
        assert container_id is not None
        container = _locked_container(container_id, by)
        if isinstance(container, Refused):
            return container
        return decide.decide_waste_container(container, **act)

    return _once_witnessed(Wasted, asked, choose, witness_login, witness_password, by=by, key=key)


def put_back(
    *,
    draw_id: UUID,
    witness_login: str,
    witness_password: str,
    by: Staff,
    at: datetime,
    key: UUID,
) -> PutBack | Refused:
    """Put an unused whole device back into the safe, before a second person."""
    if (refused := lacks_duty(by, Duty.PREPARE)) is not None:
        return refused

    def choose(witness: Person) -> Act | Refused:
        drawn = _locked_draw(draw_id, by)
        if isinstance(drawn, Refused):
            return drawn
        return decide.decide_put_back(drawn, by=_person(by), witness=witness, at=at)

    return _once_witnessed(
        PutBack, ("put-back", draw_id, witness_login), choose, witness_login, witness_password,
        by=by, key=key,
    )  # fmt: skip


def count(
    *,
    kind: CountKind,
    counted_ug: Mapping[UUID, int],
    witness_login: str,
    witness_password: str,
    by: Staff,
    at: datetime,
    key: UUID,
) -> Counted | Refused:
    """Record a blind count by two people; each difference opens a discrepancy with owner and clock."""
    if (refused := lacks_duty(by, Duty.RECONCILE)) is not None:
        return refused
    asked = (
        "count", kind, sorted((str(each), ug) for each, ug in counted_ug.items()), witness_login,
    )  # fmt: skip

    def choose(witness: Person) -> Act | Refused:
        # Every container stands still while its book amount is compared.
        rows = (
            ContainerRow.objects.filter(clinic_id=by.clinic_id)
            .order_by("id")
            .select_for_update(of=("self",))
            .select_related("product")
        )
        day = _day(by, at)
        return decide_count(
            [container_fact(row) for row in rows],
            kind=kind,
            counted_ug=counted_ug,
            is_day_open=queries.is_day_open(by.clinic_id, day),
            seen_by=queries.book_amounts_seen_by(by.clinic_id),
            count_id=new_id(),
            day=day,
            by=_person(by),
            witness=witness,
            at=at,
        )

    return _once_witnessed(Counted, asked, choose, witness_login, witness_password, by=by, key=key)


def hold_lot(
    *, product_id: UUID, lot: str, reason: str, by: Staff, at: datetime, key: UUID
) -> Held | Refused:
    """Set a lot aside (recall, doubt): from now on nothing of it is drawn. One person may do it."""
    if (refused := lacks_duty(by, Duty.RECEIVE, Duty.PREPARE, Duty.RECONCILE)) is not None:
        return refused

    def choose() -> Act | Refused:
        lot_containers = _locked_lot(product_id, lot, by)
        return decide.decide_hold(
            lot_containers, reason=reason, hold_id=new_id(), by=_person(by), at=at
        )

    return _once(Held, ("hold", product_id, lot, reason), choose, by=by, key=key)


def release_lot(
    *,
    product_id: UUID,
    lot: str,
    reason: str,
    witness_login: str,
    witness_password: str,
    by: Staff,
    at: datetime,
    key: UUID,
) -> Released | Refused:
    """Give a lot that was set aside back to use, by two people."""
    if (refused := lacks_duty(by, Duty.RECONCILE)) is not None:
        return refused

    def choose(witness: Person) -> Act | Refused:
        return decide.decide_release(
            _locked_lot(product_id, lot, by),
            reason=reason, hold_id=new_id(), by=_person(by), witness=witness, at=at,
        )  # fmt: skip

    return _once_witnessed(
        Released, ("release", product_id, lot, reason, witness_login), choose,
        witness_login, witness_password, by=by, key=key,
    )  # fmt: skip


# --- one act, once -------------------------------------------------------------------------------


def _once(
    fact: type[Fact],
    asked: tuple[object, ...],
    choose: Callable[[], Act | Refused],
    *,
    by: Staff,
    key: UUID,
) -> Fact | Refused:
    """Lock, decide and write once for this key; a retry gets the first answer."""
    request_hash = _request_hash(asked, by)
    is_last_try = False
    while True:
        if (before := _answered_before(fact, key, request_hash)) is not None:
            return before
        try:
            with transaction.atomic():
                act = choose()
                # `choose` waited for a row lock: the same key may have been written meanwhile.
                if (before := _answered_before(fact, key, request_hash)) is not None:
                    return before
                if isinstance(act, Refused):
                    return act
                write_act(
                    act,
                    clinic_id=by.clinic_id,
                    key=key,
                    request_hash=request_hash,
                    owner_id=_owner_of_differences(act, by.clinic_id),
                )
                assert isinstance(act, fact)
                return act
        except IntegrityError:
            # The same key arrived twice at once and the other one won: look again, one time.
            if is_last_try:
                raise
            is_last_try = True


def _once_witnessed(
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
    if (before := _answered_before(fact, key, _request_hash(asked, by))) is not None:
        return before
    witness = confirm_witness(login=login, password=password, for_performer=by)
    if isinstance(witness, Refused):
        return witness
    return _once(fact, asked, lambda: choose(_person(witness)), by=by, key=key)


def _answered_before(fact: type[Fact], key: UUID, request_hash: str) -> Fact | Refused | None:
    row = ActRow.objects.filter(key=key).first()
    if row is None:
        return None
    if row.request_hash != request_hash:
        return Refused(
            code="CUS-KEY-REUSED",
            message="This form was already used for another act. Load the page again and retry.",
        )
    act = act_fact(row)
    assert isinstance(act, fact)
    return act


def _request_hash(asked: tuple[object, ...], by: Staff) -> str:
    # The moment is left out: a retry comes later and is the same act. So is the password.
    text = canonical([by.clinic_id, by.staff_id, *asked])
    return hashlib.sha256(text.encode()).hexdigest()


def _owner_of_differences(act: Act, clinic_id: UUID) -> UUID | None:
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


def _locked_container(container_id: UUID, by: Staff) -> Container | Refused:
    row = (
        ContainerRow.objects.filter(id=container_id, clinic_id=by.clinic_id)
        .select_for_update(of=("self",))
        .select_related("product")
        .first()
    )
    if row is None:
        return Refused(
            code="CUS-CONTAINER-UNKNOWN", message="This container is not in your safe. Look again."
        )
    return container_fact(row)


def _locked_draw(draw_id: UUID, by: Staff) -> Draw | Refused:
    row = (
        DrawRow.objects.filter(id=draw_id, clinic_id=by.clinic_id)
        .select_for_update(of=("self",))
        .select_related("act")
        .first()
    )
    if row is None:
        return Refused(code="CUS-DRAW-UNKNOWN", message="This draw is not known here. Look again.")
    return draw_fact(row)


def _locked_lot(product_id: UUID, lot: str, by: Staff) -> list[Container]:
    rows = (
        ContainerRow.objects.filter(clinic_id=by.clinic_id, product_id=product_id, lot=lot)
        .order_by("id")
        .select_for_update(of=("self",))
        .select_related("product")
    )
    return [container_fact(row) for row in rows]


def _person(staff: Staff) -> Person:
    return Person(staff_id=staff.staff_id, name=staff.name)


def _day(by: Staff, at: datetime) -> date:
    """The date on the clinic's own wall at that moment."""
    return at.astimezone(ZoneInfo(people.clinic(by.clinic_id).time_zone)).date()


def _new_ids(number: int) -> list[UUID]:
    # One more than the limit is enough to be refused; a slip of the hand makes no million ids.
    return [new_id() for _ in range(min(max(number, 0), decide.CONTAINERS_PER_RECEIPT_MAX + 1))]
