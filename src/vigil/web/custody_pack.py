"""The inspection pack of a period: every figure from the acts of the book, each sum held against the balances.

In: a clinic, a period, who the registrant is. Out: tables, and sums by product that must close.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from vigil.custody import papers, queries
from vigil.custody.domain.deeds import Arrived, Corrected, DeadSpaceBooked, Lost, Sent, SentOut
from vigil.custody.domain.facts import (
    Act,
    Container,
    Counted,
    Draw,
    Given,
    Period,
    Product,
    Received,
    Wasted,
)
from vigil.custody.domain.ledger import OUTSIDE, movements_of
from vigil.custody.domain.register import Recorded
from vigil.custody.domain.wording import COUNT_NAMES, text_of
from vigil.people import queries as people
from vigil.people.domain.facts import Clinic, Patient
from vigil.record import queries as record
from vigil.units.amounts import show_mg

Cell = str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One paper of the pack. `name` is its file; amounts stand in whole µg, and beside it as people read them."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """One product over the period, µg: what stood there, what came, where it went, what stands there."""

    product: Product
    opening_ug: int
    received_ug: int
    given_ug: int
    wasted_ug: int
    returned_ug: int
    distributor_ug: int
    loss_ug: int
    closing_ug: int

    @property
    def unexplained_ug(self) -> int:
        """What the sum does not explain: 0, or a fault of the program."""
        went_ug = (
            self.given_ug + self.wasted_ug + self.returned_ug + self.distributor_ug + self.loss_ug
        )
        return self.opening_ug + self.received_ug - went_ug - self.closing_ug


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Everything an inspector asks for a period, and the heads of the record it was read from."""

    clinic: Clinic
    registrant: str
    period: Period
    made_at: datetime
    sums: tuple[Sum, ...]
    tables: tuple[Table, ...]
    heads: tuple[tuple[str, int, str], ...]

    @property
    def unexplained_ug(self) -> int:
        """The greatest amount that any product's sum leaves open; 0 is the only right answer."""
        return max((abs(each.unexplained_ug) for each in self.sums), default=0)

    def table(self, name: str) -> Table:
        """The paper with this name."""
        return next(each for each in self.tables if each.name == name)


@dataclass(frozen=True, kw_only=True)
class _Source:
    """What the papers are written from."""

    clinic_id: UUID
    zone: ZoneInfo
    deeds: tuple[Recorded, ...]
    containers: dict[UUID, Container]
    patients: dict[UUID, Patient]

    def when(self, moment: datetime) -> str:
        """The moment on the clinic's wall, with its offset."""
        return moment.astimezone(self.zone).isoformat(sep=" ", timespec="minutes")

    def draw(self, draw_id: UUID) -> Draw:
        """The draw that an act of the book names."""
        found = queries.draw(draw_id, clinic_id=self.clinic_id)
        assert found is not None, "an act names a draw of its own clinic"
        return found

    def patient(self, patient_id: UUID) -> tuple[str, str]:
        """Number and name."""
        found = self.patients.get(patient_id)
        return ("", "") if found is None else (found.number, found.name)


def pack_of(clinic_id: UUID, period: Period, *, registrant: str, made_at: datetime) -> Pack:
    """The pack of a clinic for a period that has begun.

    Args:
        registrant: name, number and address as the registration says them; the clinic's name when empty.
    """
    clinic = people.clinic(clinic_id)
    source = _Source(
        clinic_id=clinic_id,
        zone=ZoneInfo(clinic.time_zone),
        deeds=papers.deeds_between(clinic_id, start=period.start, end=period.end),
        containers={each.container_id: each for each in queries.containers(clinic_id)},
        patients={each.patient_id: each for each in people.patients(clinic_id)},
    )
    inventory = _inventory(source, period)
    return Pack(
        clinic=clinic,
        registrant=registrant.strip() or clinic.name,
        period=period,
        made_at=made_at,
        sums=_sums(source, period),
        tables=(inventory, *(write(source) for write in _WRITERS), _differences(source, period)),
        heads=tuple((each.register, each.seq, each.hash) for each in record.heads(clinic_id)),
    )


_INSTANT = timedelta(microseconds=1)
"""A balance counts both ends: just before the start, and just before the end, are what a period needs."""


def _sums(source: _Source, period: Period) -> tuple[Sum, ...]:
    before = _held(source, period.start - _INSTANT)
    after = _held(source, period.end - _INSTANT)
    flows: dict[Product, dict[str, int]] = {}
    for each in source.deeds:
        for product, kind, ug in _flows(each.act, source):
            by_kind = flows.setdefault(product, {})
            by_kind[kind] = by_kind.get(kind, 0) + ug
    products = sorted({*before, *after, *flows}, key=lambda each: (each.drug, each.name))
    return tuple(
        Sum(
            product=product,
            opening_ug=before.get(product, 0),
            received_ug=-flows.get(product, {}).get("supplier", 0),
            given_ug=flows.get(product, {}).get("patient", 0),
            wasted_ug=flows.get(product, {}).get("waste", 0),
            returned_ug=flows.get(product, {}).get("returned", 0),
            distributor_ug=flows.get(product, {}).get("distributor", 0),
            loss_ug=flows.get(product, {}).get("loss", 0),
            closing_ug=after.get(product, 0),
        )
        for product in products
    )


def _held(source: _Source, at: datetime) -> dict[Product, int]:
    """What safe and syringes held of each product, µg."""
    held: dict[Product, int] = {}
    for each in queries.balance(source.clinic_id, at):
        if each.product is not None:
            held[each.product] = held.get(each.product, 0) + each.ug
    return held


def _flows(act: Act, source: _Source) -> Iterator[tuple[Product, str, int]]:
    """What an act brought to (or, negative, took from) each account outside, by product."""
    own = getattr(act, "container_id", None)
    for movement in movements_of(act):
        for account, ug in ((movement.source, -movement.ug), (movement.target, movement.ug)):
            if account.kind in OUTSIDE:
                other = movement.target if account is movement.source else movement.source
                container_id = other.of if own is None else own
                assert container_id is not None
                yield source.containers[container_id].product, account.kind, ug


# --- the papers ------------------------------------------------------------------------------------


def _inventory(source: _Source, period: Period) -> Table:
    at_start = {
        each.account: each for each in queries.balance(source.clinic_id, period.start - _INSTANT)
    }
    at_end = {
        each.account: each for each in queries.balance(source.clinic_id, period.end - _INSTANT)
    }
    rows: list[tuple[Cell, ...]] = []
    for account in sorted({*at_start, *at_end}):
        first, last = at_start.get(account), at_end.get(account)
        found = last or first
        assert found is not None
        start_ug, end_ug = (0 if first is None else first.ug), (0 if last is None else last.ug)
        if found.product is None or not (start_ug or end_ug):
            continue
        where = "container" if found.kind == "container" else "drawn, in a hand"
        expires = ""
        if found.kind == "container" and found.of is not None:
            expires = source.containers[found.of].expires_on.isoformat()
        rows.append(
            (
                found.product.name, found.label, found.lot, expires, where,
                start_ug, end_ug, show_mg(start_ug), show_mg(end_ug),
            )
        )  # fmt: skip
    return Table(
        name="inventory",
        title="Inventory at the start and at the end of the period",
        columns=(
            "product", "container", "lot", "expiry", "where", "start_ug", "end_ug", "start", "end",
        ),
        rows=tuple(sorted(rows, key=lambda row: tuple(str(cell) for cell in row[:5]))),
        note="By the book, at the first and the last instant. Physical counts stand under Counts.",
    )  # fmt: skip


def _receipts(source: _Source) -> Table:
    rows = []
    for each, act in _of(source, Received):
        order = (
            None
            if act.order_id is None
            else queries.order(act.order_id, clinic_id=source.clinic_id)
        )
        full_ug = act.product.content_ug * len(act.containers)
        first, last = act.containers[0].label, act.containers[-1].label
        rows.append(
            (
                source.when(act.at), act.product.name, act.lot, act.expires_on.isoformat(),
                len(act.containers), first if first == last else f"{first} to {last}", full_ug, show_mg(full_ug),
                act.invoice, "" if order is None else order.ordered.supplier,
                "" if order is None else order.ordered.reference, act.by.name, source.when(each.recorded_at),
            )
        )  # fmt: skip
    return Table(
        name="receipts",
        title="Receipts",
        columns=(
            "received_at", "product", "lot", "expiry", "containers", "labels", "amount_ug", "amount",
            "invoice", "supplier", "order", "received_by", "recorded_at",
        ),
        rows=tuple(rows),
        note="The supplier is known where the delivery was matched to an order; else see the invoice.",
    )  # fmt: skip


def _dispensing(source: _Source) -> Table:
    rows = []
    for each, act in _of(source, Given):
        draw = source.draw(act.draw_id)
        rows.append(
            (
                source.when(act.at), *source.patient(draw.patient_id), draw.product.name, act.container_label,
                draw.lot, act.amount_ug, show_mg(act.amount_ug), draw.drawn_by_name, draw.witness_name,
                source.when(draw.at), act.by.name, source.when(each.recorded_at),
            )
        )  # fmt: skip
    return Table(
        name="dispensing-log",
        title="Dispensing log",
        columns=(
            "given_at", "patient_number", "patient", "product", "container", "lot", "amount_ug", "amount",
            "drawn_by", "draw_witness", "drawn_at", "given_by", "recorded_at",
        ),
        rows=tuple(rows),
        note="As first recorded; corrections stand in their own table and in the sums. Vigil holds no address of "
        "a patient: the number leads to the clinic's file.",
    )  # fmt: skip


def _destructions(source: _Source) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for each in source.deeds:
        act = each.act
        if isinstance(act, Wasted | DeadSpaceBooked):
            how = "destroyed, witnessed"
            if isinstance(act, DeadSpaceBooked):
                how = "left in hub and needle, estimated"
            container = source.containers[act.container_id]
            origin = "container" if act.draw_id is None else "draw"
            reason = act.reason if isinstance(act, Wasted) else ""
            rows.append(
                (
                    source.when(act.at), container.product.name, act.container_label, container.lot, origin, how,
                    act.amount_ug, show_mg(act.amount_ug), reason, act.by.name, act.witness.name,
                    source.when(each.recorded_at),
                )
            )  # fmt: skip
        elif isinstance(act, SentOut):
            rows.extend(_sent_out(each, act, source))
    return Table(
        name="destructions",
        title="Destructions, and stock that left the clinic",
        columns=(
            "at", "product", "container", "lot", "from", "how", "amount_ug", "amount", "reason",
            "by", "witness", "recorded_at",
        ),
        rows=tuple(rows),
    )  # fmt: skip


def _sent_out(each: Recorded, act: SentOut, source: _Source) -> Iterator[tuple[Cell, ...]]:
    how = "to a reverse distributor" if act.to == "distributor" else "back to the supplier"
    for out in act.containers:
        yield (
            source.when(act.at), out.product.name, out.label, out.lot, "container",
            f"{how}: {act.recipient}, paper {act.reference}", out.amount_ug, show_mg(out.amount_ug),
            act.reason, act.by.name, act.witness.name, source.when(each.recorded_at),
        )  # fmt: skip


def _losses(source: _Source) -> Table:
    rows = [
        (
            source.when(act.at), source.containers[act.container_id].product.name, act.container_label,
            source.containers[act.container_id].lot, act.amount_ug, show_mg(act.amount_ug), act.reason,
            "" if act.discrepancy_id is None else str(act.discrepancy_id), act.by.name, act.witness.name,
            source.when(each.recorded_at),
        )
        for each, act in _of(source, Lost)
    ]  # fmt: skip
    return Table(
        name="losses",
        title="Losses under investigation",
        columns=(
            "at", "product", "container", "lot", "amount_ug", "amount", "reason", "difference",
            "by", "witness", "recorded_at",
        ),
        rows=tuple(rows),
        note="A loss is what a count did not find. It says nothing about anyone.",
    )  # fmt: skip


def _differences(source: _Source, period: Period) -> Table:
    found = [
        each
        for each in queries.discrepancies(source.clinic_id)
        if period.start <= each.opened_at < period.end
    ]
    return Table(
        name="differences",
        title="Differences between count and book",
        columns=(
            "opened_at", "difference", "product", "container", "counted_ug", "book_ug", "difference_ug",
            "owner", "state", "note",
        ),
        rows=tuple(
            (
                source.when(each.opened_at), str(each.discrepancy_id), each.product.name, each.container_label,
                each.counted_ug, each.expected_ug, each.difference_ug, each.owner_name,
                "open" if each.closing is None else f"closed {source.when(each.closing.at)}: {each.closing.how}",
                "" if each.closing is None else each.closing.note,
            )
            for each in found
        ),
    )  # fmt: skip


def _corrections(source: _Source) -> Table:
    rows = [
        (
            source.when(act.at), source.containers[act.container_id].product.name, act.container_label,
            text_of(act, act.container_id), act.was_ug, act.is_ug, f"{act.source} to {act.target}", act.reason,
            str(act.corrects), act.by.name, act.witness.name, source.when(each.recorded_at),
        )
        for each, act in _of(source, Corrected)
    ]  # fmt: skip
    return Table(
        name="corrections",
        title="Corrections",
        columns=(
            "at", "product", "container", "correction", "was_ug", "is_ug", "between", "reason", "corrects",
            "by", "witness", "recorded_at",
        ),
        rows=tuple(rows),
        note="Both amounts stand in the register; nothing was overwritten.",
    )  # fmt: skip


def _counts(source: _Source) -> Table:
    rows = [
        (
            source.when(act.at), COUNT_NAMES[act.kind], len(act.lines), sum(each.counted_ug for each in act.lines),
            len(act.mismatches), sum(each.is_estimate for each in act.lines), act.by.name, act.witness.name,
        )
        for _, act in _of(source, Counted)
    ]  # fmt: skip
    return Table(
        name="counts",
        title="Counts",
        columns=(
            "at", "kind", "containers", "counted_ug", "differing", "estimated", "by", "witness",
        ),
        rows=tuple(rows),
    )  # fmt: skip


def _transfers(source: _Source) -> Table:
    rows = [
        (
            source.when(each.act.at), "sent" if isinstance(each.act, Sent) else "received", each.act.target.name,
            ", ".join(each.act.labels), getattr(each.act, "reason", ""), each.act.by.name,
        )
        for each in source.deeds
        if isinstance(each.act, Sent | Arrived)
    ]  # fmt: skip
    return Table(
        name="transfers",
        title="Transfers between places of the clinic",
        columns=("at", "what", "place", "containers", "reason", "by"),
        rows=tuple(rows),
    )


_WRITERS: tuple[Callable[[_Source], Table], ...] = (
    _receipts,
    _dispensing,
    _destructions,
    _losses,
    _corrections,
    _counts,
    _transfers,
)


Deed = TypeVar("Deed", bound=Act)


def _of(source: _Source, kind: type[Deed]) -> Iterable[tuple[Recorded, Deed]]:
    """The acts of one kind, with what the server added."""
    return ((each, each.act) for each in source.deeds if isinstance(each.act, kind))
