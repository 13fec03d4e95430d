"""A day in the safe against a small plain ledger: decide + fold must agree with it, whatever is tried.

The reference below knows only dictionaries and subtraction; it shares no code with the room.
"""

from datetime import UTC, date, datetime
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from vigil.custody.domain import decide
from vigil.custody.domain.counting import decide_count
from vigil.custody.domain.facts import Authorisation, Period, Person, Product
from vigil.custody.domain.fold import Book, apply, fold
from vigil.custody.domain.ledger import movements_of, signed_lines
from vigil.custody.domain.register import Recorded, register_of, story_of
from vigil.units.refusals import Refused

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TODAY, EXPIRY = date(2026, 11, 23), date(2027, 8, 31)
PEOPLE = [Person(staff_id=UUID(int=i), name=f"P{i}") for i in (1, 2)]
VIAL = Product(
    product_id=UUID(int=10), name="vial", drug="ketamine", form="vial", strength_ug_per_ml=10_000,
    content_ug=200_000,
)  # fmt: skip
DEVICE = Product(
    product_id=UUID(int=28), name="device", drug="ketamine", form="device", strength_ug_per_ml=None,
    content_ug=28_000,
)  # fmt: skip

people = st.sampled_from(PEOPLE)
amounts = st.one_of(
    st.integers(1, 400).map(lambda n: n * 500), st.sampled_from([28_000, 200_000, 7, 0, -10])
)
picks = st.integers(0, 10**6)


class Safe(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.book = Book()
        self.acts: list = []
        self.last_id = 1_000
        # The reference ledger.
        self.full: dict[UUID, int] = {}
        self.inside: dict[UUID, int] = {}
        self.is_device: dict[UUID, bool] = {}
        self.held: set[UUID] = set()
        self.hands: dict[UUID, list] = {}
        self.sums = {"received": 0, "given": 0, "wasted": 0}
        self.is_open = False

    def new_id(self) -> UUID:
        self.last_id += 1
        return UUID(int=self.last_id)

    def take(self, answer, is_allowed: bool):
        """The room's answer must be the reference's; then it becomes history."""
        assert isinstance(answer, Refused) != is_allowed, answer
        if is_allowed:
            assert sum(ug for _, ug in signed_lines(movements_of(answer))) == 0
            self.acts.append(answer)
            self.book = apply(self.book, answer)
        return is_allowed

    def pick(self, group: dict, pick: int) -> UUID:
        return sorted(group)[pick % len(group)]

    @initialize(product=st.sampled_from([VIAL, DEVICE]))
    def begin(self, product):
        self.receive(product, 2, 0)

    @rule(
        product=st.sampled_from([VIAL, DEVICE]), number=st.integers(0, 3), days=st.integers(-1, 1)
    )
    def receive(self, product, number, days):
        ids = [self.new_id() for _ in range(number)]
        answer = decide.decide_receive(
            product=product, lot=f"L{days}", expires_on=date(2026, 11, 23 + days), invoice="I",
            container_ids=ids, receipt_number=self.last_id, known_expiry=None,
            receipt_id=self.new_id(), on=TODAY, by=PEOPLE[0], at=NOON,
        )  # fmt: skip
        if self.take(answer, is_allowed=number > 0 and days >= 0):
            for each in ids:
                self.full[each] = self.inside[each] = product.content_ug
                self.is_device[each] = product is DEVICE
                self.sums["received"] += product.content_ug

    @precondition(lambda self: self.full)
    @rule(pick=picks, amount=amounts, by=people, witness=people, for_device=st.booleans())
    def draw(self, pick, amount, by, witness, for_device):
        chosen, draw_id = self.pick(self.full, pick), self.new_id()
        container = self.book.containers[chosen]
        answer = decide.decide_draw(
            container,
            authorisation=Authorisation(
                plan_id=UUID(int=5), patient_id=UUID(int=6), drug="ketamine",
                form="device" if for_device else "vial",
            ),
            amount_ug=amount, purpose_id=UUID(int=7), reason="", is_day_open=self.is_open,
            draw_id=draw_id, on=TODAY, by=by, witness=witness, at=NOON,
        )  # fmt: skip
        fits = amount == self.full[chosen] if self.is_device[chosen] else amount % 10 == 0
        is_allowed = (
            by is not witness
            and self.is_open
            and for_device == self.is_device[chosen]
            and chosen not in self.held
            and 0 < amount <= self.inside[chosen]
            and fits
        )
        if self.take(answer, is_allowed):
            self.inside[chosen] -= amount
            self.hands[draw_id] = [amount, chosen, amount]

    @precondition(lambda self: self.full)
    @rule(pick=picks, past=st.sampled_from([-10, 0, 10, 500]))
    def draw_at_the_edge(self, pick, past):
        """What is left, a little less, a little more: with everything else in order."""
        if not self.is_open:
            self.count("opening", 0, 0)
        chosen = self.pick(self.full, pick)
        amount = self.inside[chosen] + past
        self.draw(pick, amount, PEOPLE[0], PEOPLE[1], self.is_device[chosen])

    @precondition(lambda self: self.hands)
    @rule(pick=picks, past=st.sampled_from([-1, 0, 1]))
    def give_at_the_edge(self, pick, past):
        self.give(pick, self.hands[self.pick(self.hands, pick)][0] + past)

    @precondition(lambda self: self.hands)
    @rule(pick=picks, amount=amounts)
    def give(self, pick, amount):
        chosen = self.pick(self.hands, pick)
        answer = decide.decide_give(
            self.book.draws[chosen], amount_ug=amount, by=PEOPLE[0], at=NOON
        )
        if self.take(answer, is_allowed=0 < amount <= self.hands[chosen][0]):
            self.hands[chosen][0] -= amount
            self.sums["given"] += amount

    @precondition(lambda self: self.hands)
    @rule(
        pick=picks, amount=amounts, by=people, witness=people, reason=st.sampled_from(["left", " "])
    )
    def waste_draw(self, pick, amount, by, witness, reason):
        chosen = self.pick(self.hands, pick)
        answer = decide.decide_waste_draw(
            self.book.draws[chosen],
            amount_ug=amount,
            reason=reason,
            by=by,
            witness=witness,
            at=NOON,
        )
        fits = by is not witness and reason == "left" and 0 < amount <= self.hands[chosen][0]
        if self.take(answer, is_allowed=fits):
            self.hands[chosen][0] -= amount
            self.sums["wasted"] += amount

    @precondition(lambda self: self.full)
    @rule(pick=picks, amount=amounts, by=people, witness=people)
    def waste_container(self, pick, amount, by, witness):
        chosen = self.pick(self.full, pick)
        answer = decide.decide_waste_container(
            self.book.containers[chosen], amount_ug=amount, reason="broken", by=by, witness=witness,
            at=NOON,
        )  # fmt: skip
        fits = amount == self.full[chosen] if self.is_device[chosen] else amount % 10 == 0
        is_allowed = (
            by is not witness
            and chosen not in self.held
            and 0 < amount <= self.inside[chosen]
            and fits
        )
        if self.take(answer, is_allowed):
            self.inside[chosen] -= amount
            self.sums["wasted"] += amount

    @precondition(lambda self: self.hands)
    @rule(pick=picks, by=people, witness=people)
    def put_back(self, pick, by, witness):
        chosen = self.pick(self.hands, pick)
        left, container, drawn = self.hands[chosen]
        answer = decide.decide_put_back(self.book.draws[chosen], by=by, witness=witness, at=NOON)
        is_allowed = by is not witness and self.is_device[container] and left == drawn > 0
        if self.take(answer, is_allowed):
            self.hands[chosen][0] = 0
            self.inside[container] += drawn

    @rule(
        kind=st.sampled_from(["opening", "closing"]), off=st.sampled_from([0, 0, -500]), pick=picks
    )
    def count(self, kind, off, pick):
        counted = {each: ug for each, ug in self.inside.items() if ug}
        if counted and off:
            chosen = self.pick(counted, pick)
            counted[chosen] = 0 if self.is_device[chosen] else counted[chosen] + off
        answer = decide_count(
            self.book.containers.values(), kind=kind, counted_ug=counted, is_day_open=self.is_open,
            seen_by={}, count_id=self.new_id(), day=TODAY, by=PEOPLE[0], witness=PEOPLE[1], at=NOON,
        )  # fmt: skip
        is_possible = all(ug >= 0 for ug in counted.values())
        if self.take(answer, is_allowed=is_possible and self.is_open == (kind == "closing")):
            self.is_open = kind == "opening"
            differ = {line.container_id: line.difference_ug for line in answer.mismatches}
            assert differ == {
                each: ug - self.inside[each]
                for each, ug in counted.items()
                if ug != self.inside[each]
            }

    @precondition(lambda self: self.full)
    @rule(pick=picks)
    def hold(self, pick):
        lot = self.book.containers[self.pick(self.full, pick)].lot
        lot_containers = [each for each in self.book.containers.values() if each.lot == lot]
        free = {
            each.container_id
            for each in lot_containers
            if each.container_id not in self.held and self.inside[each.container_id]
        }
        answer = decide.decide_hold(
            lot_containers, reason="recall", hold_id=self.new_id(), by=PEOPLE[0], at=NOON
        )
        if self.take(answer, is_allowed=bool(free)):
            self.held |= free

    @precondition(lambda self: self.held)
    @rule(pick=picks)
    def release(self, pick):
        lot = self.book.containers[sorted(self.held)[pick % len(self.held)]].lot
        lot_containers = [each for each in self.book.containers.values() if each.lot == lot]
        answer = decide.decide_release(
            lot_containers, reason="ok", hold_id=self.new_id(), by=PEOPLE[0], witness=PEOPLE[1],
            at=NOON,
        )  # fmt: skip
        self.take(answer, is_allowed=True)
        self.held -= {each.container_id for each in lot_containers}

    @invariant()
    def never_below_zero_and_never_over_full(self):
        for each, container in self.book.containers.items():
            assert 0 <= container.remaining_ug <= container.filled_ug
            assert container.remaining_ug == self.inside[each]
            assert container.is_held == (each in self.held)
        for each, draw in self.book.draws.items():
            assert draw.remaining_ug == self.hands[each][0] >= 0
            assert draw.drawn_ug == (
                draw.given_ug + draw.wasted_ug + draw.returned_ug + draw.remaining_ug
            )

    @invariant()
    def nothing_appears_and_nothing_disappears(self):
        stock = sum(each.remaining_ug for each in self.book.containers.values())
        in_hands = sum(each.remaining_ug for each in self.book.draws.values())
        sums = self.sums
        assert sums["received"] == sums["given"] + sums["wasted"] + stock + in_hands

    def teardown(self):
        assert fold(self.acts) == self.book
        recorded = [
            Recorded(act_id=UUID(int=i), kind="x", recorded_at=NOON, act=act)
            for i, act in enumerate(self.acts)
        ]
        for each, container in self.book.containers.items():
            lines = story_of([one for one in recorded if repr(each) in repr(one.act)], each)
            assert lines[-1].balance_ug == container.remaining_ug
        everything = Period(start=NOON, end=NOON.replace(hour=13))
        for page in register_of(recorded, products=[VIAL, DEVICE], period=everything):
            held = [each for each in self.book.containers.values() if each.product == page.product]
            assert page.closing_ug == sum(each.remaining_ug for each in held)


Safe.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestSafe = Safe.TestCase
