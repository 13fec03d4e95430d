"""The custody room behind one plain door, so that the model can try it twice: pure, and on a database.

`PureRoom` is decide and fold; the other is in `a_custody_real_room`. Each answers with the act or the refusal.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from vigil.custody.domain import decide
from vigil.custody.domain.correcting import booked_of, decide_correct, since_of
from vigil.custody.domain.counting import decide_count
from vigil.custody.domain.deeds import Corrected, Lost, Sent
from vigil.custody.domain.differences import decide_close, decide_lose
from vigil.custody.domain.facts import Authorisation, Counted, Discrepancy, Person, Product
from vigil.custody.domain.fold import Ledger
from vigil.custody.domain.ledger import movements_of, side_account
from vigil.custody.domain.placing import (
    decide_arrive,
    decide_open_place,
    decide_order,
    decide_send,
    decide_send_out,
)
from vigil.custody.domain.preparing import (
    decide_dead_space,
    decide_dilute,
    decide_set_dead_space,
    decide_use,
)
from vigil.custody.domain.things import SAFE
from vigil.units.refusals import Refused

NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
DAY_ONE = date(2026, 11, 23)
PEOPLE = [Person(staff_id=UUID(int=i), name=f"Nurse {i}") for i in (1, 2, 3, 4)]
PRODUCTS = [
    Product(
        product_id=UUID(int=10), name="vial", drug="ketamine", form="vial",
        strength_ug_per_ml=10_000, content_ug=200_000,
    ),
    Product(
        product_id=UUID(int=28), name="device", drug="esketamine", form="device",
        strength_ug_per_ml=None, content_ug=28_000,
    ),
]  # fmt: skip


class PureRoom:
    """Decide and fold, with the acts kept in a list. The clock is `day`."""

    def __init__(self):
        self.ledger, self.acts, self.act_ids, self.orders, self.sent = Ledger(), [], [], {}, {}
        self.containers, self.gaps, self.arrived, self.dead_space = [], {}, set(), {}
        self.places, self.place_ids, self.counts = {None: SAFE}, [], {}
        self.day, self.last_id, self.open_days = 0, 1_000, {}

    products = PRODUCTS

    def new_id(self):
        self.last_id += 1
        return UUID(int=self.last_id)

    @property
    def at(self):
        return NOON + timedelta(days=self.day)

    @property
    def today(self):
        return DAY_ONE + timedelta(days=self.day)

    def signed(self, by, witness=None):
        signed = {"by": PEOPLE[by], "at": self.at}
        return signed if witness is None else {**signed, "witness": PEOPLE[witness]}

    def keep(self, answer):
        """The act becomes history; its id is what a correction names."""
        if isinstance(answer, Refused):
            return answer, None
        self.ledger.add(answer)
        self.acts.append(answer)
        self.act_ids.append(self.new_id())
        return answer, self.act_ids[-1]

    def order(self, product, number, reference, by):
        answer = decide_order(
            product=PRODUCTS[product], containers=number, supplier="Supplier", reference=reference,
            order_id=self.new_id(), **self.signed(by),
        )  # fmt: skip
        if not isinstance(answer, Refused):
            self.orders[answer.order_id] = [answer, number]
        return self.keep(answer)

    def receive(self, product, number, lot, days, by, order=None):
        ordered, waiting = self.orders.get(order, (None, 0))
        answer = decide.decide_receive(
            product=PRODUCTS[product], lot=lot, expires_on=DAY_ONE + timedelta(days=days),
            invoice="I", container_ids=[self.new_id() for _ in range(number)],
            receipt_number=self.last_id, known_expiry=None, receipt_id=self.new_id(),
            on=self.today, order=ordered, waiting=waiting, **self.signed(by),
        )  # fmt: skip
        if not isinstance(answer, Refused):
            self.containers += [each.container_id for each in answer.containers]
            if order is not None:
                self.orders[order][1] -= number
        return self.keep(answer)

    def draw(self, vial, ug, for_device, by, witness, purpose):
        form, drug = ("device", "esketamine") if for_device else ("vial", "ketamine")
        answer = decide.decide_draw(
            self.ledger.container(vial),
            authorisation=Authorisation(
                plan_id=UUID(int=5), patient_id=UUID(int=6), drug=drug, form=form
            ),
            amount_ug=ug, purpose_id=purpose, reason="", draw_id=self.new_id(), on=self.today,
            is_day_open=self.open_days.get(self.day, False), **self.signed(by, witness),
        )  # fmt: skip
        return self.keep(answer)

    def give(self, draw, ug, by):
        return self.keep(
            decide.decide_give(self.ledger.draw(draw), amount_ug=ug, **self.signed(by))
        )

    def waste_draw(self, draw, ug, reason, by, witness):
        return self.keep(
            decide.decide_waste_draw(
                self.ledger.draw(draw), amount_ug=ug, reason=reason, **self.signed(by, witness)
            )
        )

    def waste_vial(self, vial, ug, reason, by, witness):
        return self.keep(
            decide.decide_waste_container(
                self.ledger.container(vial), amount_ug=ug, reason=reason,
                **self.signed(by, witness),
            )
        )  # fmt: skip

    def put_back(self, draw, by, witness):
        return self.keep(decide.decide_put_back(self.ledger.draw(draw), **self.signed(by, witness)))

    def dilute(self, draw, ul, by, witness):
        return self.keep(
            decide_dilute(
                self.ledger.draw(draw), to_volume_ul=ul, diluent="saline",
                **self.signed(by, witness),
            )
        )  # fmt: skip

    def use(self, draw, is_in_use, purpose, by):
        return self.keep(
            decide_use(
                self.ledger.draw(draw), is_in_use=is_in_use, purpose_id=purpose, **self.signed(by)
            )
        )

    def set_dead_space(self, product, ul, by, witness):
        answer = decide_set_dead_space(
            PRODUCTS[product], volume_ul_max=ul, is_allowed=True, reason="measured",
            declaration_id=self.new_id(), **self.signed(by, witness),
        )  # fmt: skip
        if not isinstance(answer, Refused):
            self.dead_space[answer.product.product_id] = ul
        return self.keep(answer)

    def book_dead_space(self, draw, ug, by, witness):
        drawn = self.ledger.draw(draw)
        declared = self.dead_space.get(drawn.product.product_id, 0)
        return self.keep(
            decide_dead_space(
                drawn, amount_ug=ug, volume_ul_max=declared, **self.signed(by, witness)
            )
        )

    def hold(self, product, lot, by):
        return self.keep(
            decide.decide_hold(
                self._lot(product, lot), reason="recall", hold_id=self.new_id(), **self.signed(by)
            )
        )

    def release(self, product, lot, by, witness):
        return self.keep(
            decide.decide_release(
                self._lot(product, lot), reason="ok", hold_id=self.new_id(),
                **self.signed(by, witness),
            )
        )  # fmt: skip

    def _lot(self, product, lot):
        everything = [self.ledger.container(each) for each in self.containers]
        return [
            each for each in everything if each.lot == lot and each.product == PRODUCTS[product]
        ]

    def open_place(self, kind, name, by):
        answer = decide_open_place(
            list(self.places.values()), kind=kind, name=name, place_id=self.new_id(),
            **self.signed(by),
        )  # fmt: skip
        if not isinstance(answer, Refused):
            self.places[answer.place.place_id] = answer.place
        return self.keep(answer)

    def send(self, vials, place, by):
        answer = decide_send(
            [self.ledger.container(each) for each in vials], target=self.places[place],
            reason="needed there", within_hours=2, transfer_id=self.new_id(), **self.signed(by),
        )  # fmt: skip
        if isinstance(answer, Sent):
            self.sent[answer.transfer_id] = answer
        return self.keep(answer)

    def arrive(self, transfer, by):
        answer = decide_arrive(
            self.sent[transfer], is_received=transfer in self.arrived, **self.signed(by)
        )
        if not isinstance(answer, Refused):
            self.arrived.add(transfer)
        return self.keep(answer)

    def send_out(self, vials, to, reference, by, witness):
        return self.keep(
            decide_send_out(
                [self.ledger.container(each) for each in vials], to=to, recipient="Recipient",
                reference=reference, reason="expired", dispatch_id=self.new_id(),
                **self.signed(by, witness),
            )
        )  # fmt: skip

    def count(self, kind, counted, by, witness, seen_by):
        answer = decide_count(
            [self.ledger.container(each) for each in self.containers], kind=kind,
            counted_ug=counted, is_day_open=self.open_days.get(self.day, False), seen_by=seen_by,
            count_id=self.new_id(), day=self.today, **self.signed(by, witness),
        )  # fmt: skip
        if isinstance(answer, Counted):
            if kind in ("opening", "closing"):
                self.open_days[self.day] = kind == "opening"
            self.counts[answer.count_id] = (answer, len(self.acts))
            for line in answer.mismatches:
                gap = Discrepancy(
                    discrepancy_id=self.new_id(), container_id=line.container_id,
                    container_label=line.label, product=self.ledger.container(line.container_id).product,
                    expected_ug=line.expected_ug, counted_ug=line.counted_ug,
                    difference_ug=line.difference_ug, owner_id=UUID(int=1), owner_name="",
                    opened_at=self.at, count_id=answer.count_id,
                )  # fmt: skip
                self.gaps[gap.discrepancy_id] = gap
        return self.keep(answer)

    def gaps_of(self, counted):
        return {
            gap.container_id: each
            for each, gap in self.gaps.items()
            if gap.count_id == counted.count_id
        }

    def lose_gap(self, gap, ug, by, witness):
        found = self.gaps[gap]
        losses = [
            (place, act) for place, act in enumerate(self.acts)
            if isinstance(act, Lost) and act.discrepancy_id == gap
        ]  # fmt: skip
        return self.keep(
            decide_lose(
                self.ledger.container(found.container_id), amount_ug=ug, discrepancy=found,
                already_ug=sum(self._effective_ug(place) for place, _ in losses), reason="missing",
                loss_id=self.new_id(), **self.signed(by, witness),
            )
        )  # fmt: skip

    def lose_draw(self, draw, ug, by, witness):
        return self.keep(
            decide_lose(
                self.ledger.draw(draw), amount_ug=ug, discrepancy=None, already_ug=0,
                reason="dropped and gone", loss_id=self.new_id(), **self.signed(by, witness),
            )
        )  # fmt: skip

    def _effective_ug(self, place):
        act = self.acts[place]
        ug, act_id = act.amount_ug, self.act_ids[place]
        for later in self.acts:
            if isinstance(later, Corrected) and later.corrects == act_id:
                ug, act_id = later.is_ug, self.act_ids[self.acts.index(later)]
        return ug

    def correct(self, act_id, vial, ug, by, witness):
        place = self.act_ids.index(act_id)
        act = self.acts[place]
        booked = booked_of(act, act_id=act_id, container_id=vial)
        if isinstance(booked, Refused):
            return booked, None
        container = self.ledger.container(booked.container_id)
        draw = None if booked.draw_id is None else self.ledger.draw(booked.draw_id)
        again = any(
            isinstance(each, Corrected) and each.corrects == act_id and each.container_id == vial
            for each in self.acts
        )
        return self.keep(
            decide_correct(
                booked, is_ug=ug, is_corrected_already=again, container=container, draw=draw,
                source_since=self._since(booked, booked.source, place),
                target_since=self._since(booked, booked.target, place), reason="typed wrong",
                correction_id=self.new_id(), **self.signed(by, witness),
            )
        )  # fmt: skip

    def _since(self, booked, side, place):
        if side not in ("container", "draw"):
            return None
        account = side_account(booked, side)
        changes = [
            sum(
                (move.target == account) * move.ug - (move.source == account) * move.ug
                for move in movements_of(act)
            )
            for act in self.acts
        ]
        limit = self.ledger.container(booked.container_id).filled_ug
        return since_of(
            changes[place + 1 :], start_ug=sum(changes[: place + 1]),
            limit_ug=limit if side == "container" else None,
        )  # fmt: skip

    def close(self, gap, how, references, by, witness):
        """`references` are the acts' ids of corrections and losses, or a count's id."""
        found = self.gaps[gap]
        counted, since = self.counts[found.count_id]
        named = {self.act_ids.index(each) for each in references if each in self.act_ids}
        recount = next((self.counts[each] for each in references if each in self.counts), None)
        answer = decide_close(
            found, how=how, references=references,
            corrections=[
                self.acts[place] for place in named
                if place > since and isinstance(self.acts[place], Corrected)
                and self._root(place) < since
            ],
            recount=recount[0] if recount is not None and recount[1] > since else None,
            first_pair=frozenset({counted.by.staff_id, counted.witness.staff_id}),
            losses=[
                replace(self.acts[place], amount_ug=self._effective_ug(place)) for place in named
                if isinstance(self.acts[place], Lost) and self.acts[place].discrepancy_id == gap
            ],
            note="looked into", closing_id=self.new_id(), **self.signed(by, witness),
        )  # fmt: skip
        if not isinstance(answer, Refused):
            self.gaps[gap] = replace(found, closing=answer)
        return self.keep(answer)

    def _root(self, place):
        while isinstance(self.acts[place], Corrected):
            place = self.act_ids.index(self.acts[place].corrects)
        return place

    def container(self, vial):
        return self.ledger.container(vial)

    def drawn(self, draw):
        return self.ledger.draw(draw)
