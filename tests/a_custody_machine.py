"""Forty-odd things people do at a safe, as rules of a stateful model: the room under test against the reference.

Each rule asks the reference whether it is allowed, then the room, and holds the two answers together.
`MachineOf(room)` makes the machine; `fired` counts every rule and every pair of rules, over all examples.
"""

from collections import Counter
from functools import wraps

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from custody_reference_ledger import ReferenceLedger
from vigil.units.refusals import Refused

amounts = st.one_of(
    st.integers(1, 400).map(lambda n: n * 500), st.sampled_from([28_000, 200_000, 7, 0, -10, 10])
)
picks = st.integers(0, 10**6)
people = st.integers(0, 3)
lots = st.sampled_from(["L1", "L2"])
products = st.integers(0, 1)
edges = st.sampled_from([-10, 0, 0, 10, -500])

fired: Counter[str] = Counter()
pairs: Counter[tuple[str, str]] = Counter()
allowed: Counter[str] = Counter()


def counted(method):
    """Counts that the rule fired, and after which other."""

    @wraps(method)
    def run(self, *arguments, **named):
        name = method.__name__
        fired[name] += 1
        pairs[self.last_rule, name] += 1
        self.last_rule = name
        answer = method(self, *arguments, **named)
        # A story ran other rules: what comes next comes after the story.
        self.last_rule = name
        return answer

    return run


def act(**strategies):
    """A rule that is counted."""
    return lambda method: rule(**strategies)(counted(method))


has_vials = precondition(lambda self: self.ref.vials)
has_draws = precondition(lambda self: self.ref.draws)
has_gaps = precondition(lambda self: self.ref.gaps)
has_booked = precondition(lambda self: self.ref.booked)
EXPIRES = {"L1": 1, "L2": 300}


class Safe(RuleBasedStateMachine):
    """Subclasses name the room in `new_room`."""

    def new_room(self):
        raise NotImplementedError

    def __init__(self):
        super().__init__()
        self.room, self.ref, self.last_rule = self.new_room(), ReferenceLedger(), "begin"
        self.purposes, self.acts, self.touched = {}, [], set()

    # --- how answers are held together ---------------------------------------------------------

    def same(self, answered, is_allowed):
        """The room's answer must be the reference's. Returns the act's id, or None for a refusal."""
        answer, act_id = answered
        assert isinstance(answer, Refused) != is_allowed, (is_allowed, answer)
        if is_allowed:
            allowed[self.last_rule] += 1
            self.acts.append(act_id)
        return answer if is_allowed else None

    def pick(self, group, pick):
        return sorted(group)[pick % len(group)]

    def names(self, *accounts):
        self.touched |= {each for each in accounts if isinstance(each, tuple)}

    @initialize()
    def begin(self):
        self.receive_of(0, 2, "L2")
        self.receive_of(1, 2, "L1")
        self.count_all("opening", 0, 1)

    # --- stock ---------------------------------------------------------------------------------

    def receive_of(self, product, number, lot, order=None):
        ref, is_known = self.ref, order is None or self.ref.orders[order][0] == product
        in_date = EXPIRES[lot] >= ref.today
        waiting = None if order is None else ref.orders[order][1]
        answer = self.same(
            self.room.receive(product, number, lot, EXPIRES[lot], 0, order),
            number > 0 and in_date and is_known,
        )
        if answer is None:
            return
        assert answer.surplus == (None if order is None else number - waiting)
        if order is not None:
            ref.orders[order][1] -= number
        kind = self.room.products[product]
        for each in answer.containers:
            vial = each.container_id
            ref.vials[vial] = {
                "full": kind.content_ug, "device": product == 1, "step": 10, "lot": lot,
                "product": product, "expires": EXPIRES[lot], "held": False, "way": None,
                "place": None, "kind": "safe",
            }  # fmt: skip
            ref.line(self.acts[-1], vial, None, "supplier", ("c", vial), kind.content_ug)
            # One act, one line of the log for each container: an act's lines stand together.
            self.names(("c", vial))

    @act(product=products, number=st.integers(0, 2), reference=st.sampled_from(["PO-1", " "]))
    def order(self, product, number, reference):
        answer = self.same(
            self.room.order(product, number, reference, 0), number > 0 and reference == "PO-1"
        )
        if answer is not None:
            self.ref.orders[answer.order_id] = [product, number]
            self.ref.line()

    @act(product=products, number=st.integers(0, 2), lot=lots)
    def receive(self, product, number, lot):
        self.receive_of(product, number, lot)

    @precondition(lambda self: self.ref.orders)
    @act(product=products, number=st.integers(1, 2), lot=lots, pick=picks)
    def receive_on_order(self, product, number, lot, pick):
        self.receive_of(product, number, lot, self.pick(self.ref.orders, pick))

    @act(days=st.just(1))
    def time_passes(self, days):
        if self.ref.today < 4:
            self.room.day += days
            self.ref.today += days
            self.ref.is_open = False

    @act(kind=st.sampled_from(["cabinet", "quarantine"]), name=st.sampled_from(["A", "B", "Safe"]))
    def open_place(self, kind, name):
        known = {each.name for each in self.room.places.values()}
        if self.same(self.room.open_place(kind, name, 0), name not in known) is not None:
            self.ref.line()

    def send_these(self, vials, place, by):
        answer = self.same(self.room.send(vials, place, by), self.ref.may_send(vials, place))
        if answer is not None:
            self.ref.ways[answer.transfer_id] = {"by": by, "place": place, "vials": vials}
            for each in vials:
                self.ref.vials[each]["way"] = answer.transfer_id
            self.ref.line()

    @has_vials
    @act(pick=picks, place=picks, by=people)
    def send_one(self, pick, place, by):
        places = sorted(self.room.places, key=str)
        self.send_these([self.pick(self.ref.vials, pick)], places[place % len(places)], by)

    @has_vials
    @act(lot=lots, place=picks, by=people)
    def send_a_lot(self, lot, place, by):
        places = sorted(self.room.places, key=str)
        vials = [each for each, v in self.ref.vials.items() if v["lot"] == lot]
        self.send_these(sorted(vials), places[place % len(places)], by)

    @precondition(lambda self: self.ref.ways)
    @act(pick=picks, by=people)
    def arrive(self, pick, by):
        chosen = self.pick(self.ref.ways, pick)
        way = self.ref.ways[chosen]
        is_open = any(self.ref.vials[each]["way"] == chosen for each in way["vials"])
        if self.same(self.room.arrive(chosen, by), is_open and by != way["by"]) is not None:
            for each in way["vials"]:
                kind = self.room.places[way["place"]].kind
                self.ref.vials[each].update(way=None, place=way["place"], kind=kind)
            self.ref.line()

    @has_vials
    @act(pick=picks, by=people, witness=people, to=st.sampled_from(["distributor", "returned"]),
         reference=st.sampled_from(["F-41", ""]), whole_lot=st.booleans())  # fmt: skip
    def send_out(self, pick, by, witness, to, reference, whole_lot):
        chosen = self.pick(self.ref.vials, pick)
        lot = self.ref.vials[chosen]["lot"]
        vials = [
            each
            for each, v in self.ref.vials.items()
            if v["lot"] == lot and self.ref.holds(("c", each))
        ]
        vials = sorted(vials) if whole_lot else [chosen]
        is_allowed = self.ref.may_send_out(vials, by, witness, bool(reference))
        if self.same(self.room.send_out(vials, to, reference, by, witness), is_allowed) is not None:
            for each in vials:
                full = self.ref.holds(("c", each))
                self.ref.line(self.acts[-1], each, None, ("c", each), to, full)
                self.names(("c", each))

    @has_vials
    @act(pick=picks)
    def hold(self, pick):
        v = self.ref.vials[self.pick(self.ref.vials, pick)]
        free = [
            o for each, o in self.ref.vials.items()
            if (o["lot"], o["product"]) == (v["lot"], v["product"])
            and not o["held"] and self.ref.holds(("c", each))
        ]  # fmt: skip
        if self.same(self.room.hold(v["product"], v["lot"], 0), bool(free)) is not None:
            for each in free:
                each["held"] = True
            self.ref.line()

    @has_vials
    @act(pick=picks, by=people, witness=people)
    def release(self, pick, by, witness):
        v = self.ref.vials[self.pick(self.ref.vials, pick)]
        same = [
            o
            for o in self.ref.vials.values()
            if (o["lot"], o["product"]) == (v["lot"], v["product"])
        ]
        is_allowed = any(o["held"] for o in same) and by != witness
        if (
            self.same(self.room.release(v["product"], v["lot"], by, witness), is_allowed)
            is not None
        ):
            for each in same:
                each["held"] = False
            self.ref.line()

    # --- draws ---------------------------------------------------------------------------------

    def draw_from(self, vial, ug, device, by, witness):
        purpose = self.room.new_id()
        is_allowed = self.ref.may_draw(vial, ug, device, by, witness)
        answer = self.same(self.room.draw(vial, ug, device, by, witness, purpose), is_allowed)
        if answer is not None:
            draw = answer.draw_id
            self.ref.draws[draw] = {
                "vial": vial,
                "purpose": purpose,
                "diluted": None,
                "in_use": False,
            }
            self.ref.line(self.acts[-1], vial, draw, ("c", vial), ("d", draw), ug)
            self.names(("c", vial), ("d", draw))

    @has_vials
    @act(pick=picks, ug=amounts, device=st.booleans(), by=people, witness=people)
    def draw(self, pick, ug, device, by, witness):
        self.draw_from(self.pick(self.ref.vials, pick), ug, device, by, witness)

    @has_vials
    @act(pick=picks, past=edges)
    def draw_at_the_edge(self, pick, past):
        vial = self.pick(self.ref.vials, pick)
        left = self.ref.holds(("c", vial))
        self.draw_from(vial, left + past, self.ref.vials[vial]["device"], 0, 1)

    @has_vials
    @act(pick=picks, by=people)
    def draw_witnessed_by_oneself(self, pick, by):
        vial = self.pick(self.ref.vials, pick)
        self.draw_from(vial, 10_000, False, by, by)

    @has_vials
    @act(pick=picks, n=st.integers(1, 10))
    def draw_in_order(self, pick, n):
        vial = self.pick(self.ref.vials, pick)
        v = self.ref.vials[vial]
        self.draw_from(vial, v["full"] if v["device"] else n * 5_000, v["device"], 2, 3)

    def give_of(self, draw, ug):
        is_allowed = 0 < ug <= self.ref.holds(("d", draw))
        if self.same(self.room.give(draw, ug, 0), is_allowed) is not None:
            self.leaves(draw, "patient", ug)

    def leaves(self, draw, where, ug):
        vial = self.ref.draws[draw]["vial"]
        self.ref.line(self.acts[-1], vial, draw, ("d", draw), where, ug)
        self.names(("d", draw))

    @has_draws
    @act(pick=picks, ug=amounts)
    def give(self, pick, ug):
        self.give_of(self.pick(self.ref.draws, pick), ug)

    @has_draws
    @act(pick=picks, past=st.sampled_from([-1, 0, 1, -1000]))
    def give_at_the_edge(self, pick, past):
        draw = self.pick(self.ref.draws, pick)
        self.give_of(draw, self.ref.holds(("d", draw)) + past)

    def waste_of(self, draw, ug, by, witness, reason):
        is_allowed = reason == "left" and self.ref.may_leave_draw(draw, ug, by, witness)
        if self.same(self.room.waste_draw(draw, ug, reason, by, witness), is_allowed) is not None:
            self.leaves(draw, "waste", ug)

    @has_draws
    @act(pick=picks, ug=amounts, by=people, witness=people)
    def waste_draw(self, pick, ug, by, witness):
        self.waste_of(self.pick(self.ref.draws, pick), ug, by, witness, "left")

    @has_draws
    @act(
        pick=picks,
        past=st.sampled_from([-1, 0, 0, 1]),
        reason=st.sampled_from(["left", "left", " "]),
    )
    def waste_what_is_left(self, pick, past, reason):
        draw = self.pick(self.ref.draws, pick)
        self.waste_of(draw, self.ref.holds(("d", draw)) + past, 0, 1, reason)

    @has_vials
    @act(pick=picks, ug=amounts, by=people, witness=people, is_all=st.booleans())
    def waste_vial(self, pick, ug, by, witness, is_all):
        vial = self.pick(self.ref.vials, pick)
        ug = self.ref.holds(("c", vial)) if is_all else ug
        is_allowed = self.ref.may_waste_vial(vial, ug, by, witness)
        if self.same(self.room.waste_vial(vial, ug, "broken", by, witness), is_allowed) is not None:
            self.ref.line(self.acts[-1], vial, None, ("c", vial), "waste", ug)
            self.names(("c", vial))

    @has_draws
    @act(pick=picks, by=people, witness=people)
    def put_back(self, pick, by, witness):
        draw = self.pick(self.ref.draws, pick)
        is_allowed = self.ref.may_put_back(draw, by, witness)
        if self.same(self.room.put_back(draw, by, witness), is_allowed) is not None:
            vial = self.ref.draws[draw]["vial"]
            ug = self.ref.holds(("d", draw))
            self.ref.line(None, None, None, ("d", draw), ("c", vial), ug)
            self.names(("d", draw), ("c", vial))

    @has_draws
    @act(
        pick=picks,
        ul=st.sampled_from([0, 500, 5_000, 50_000, 1_000_001]),
        by=people,
        witness=people,
    )
    def dilute(self, pick, ul, by, witness):
        draw = self.pick(self.ref.draws, pick)
        is_allowed = self.ref.may_dilute(draw, ul, by, witness)
        if self.same(self.room.dilute(draw, ul, by, witness), is_allowed) is not None:
            self.ref.draws[draw]["diluted"] = ul
            self.ref.line()
            self.names(("d", draw))

    def use(self, draw, is_in_use, purpose):
        d = self.ref.draws[draw]
        has_drug = self.ref.holds(("d", draw)) > 0 or not is_in_use
        is_allowed = purpose == d["purpose"] and d["in_use"] != is_in_use and has_drug
        if self.same(self.room.use(draw, is_in_use, purpose, 0), is_allowed) is not None:
            d["in_use"] = is_in_use
            self.ref.line()
            self.names(("d", draw))

    @has_draws
    @act(pick=picks)
    def begin_giving(self, pick):
        draw = self.pick(self.ref.draws, pick)
        self.use(draw, True, self.ref.draws[draw]["purpose"])

    @has_draws
    @act(pick=picks)
    def end_giving(self, pick):
        draw = self.pick(self.ref.draws, pick)
        self.use(draw, False, self.ref.draws[draw]["purpose"])

    @has_draws
    @act(pick=picks, is_in_use=st.booleans())
    def claim_anothers_draw(self, pick, is_in_use):
        self.use(self.pick(self.ref.draws, pick), is_in_use, self.room.new_id())

    @act(product=products, ul=st.sampled_from([0, 100, 200, 501]), by=people, witness=people)
    def set_dead_space(self, product, ul, by, witness):
        is_allowed = by != witness and product == 0 and ul <= 500
        if self.same(self.room.set_dead_space(product, ul, by, witness), is_allowed) is not None:
            self.ref.dead_space_ul[product] = ul
            self.ref.line()

    @has_draws
    @act(pick=picks, past=st.sampled_from([0, 0, 0, -1, 1]), by=people, witness=people)
    def book_dead_space(self, pick, past, by, witness):
        draw = self.pick(self.ref.draws, pick)
        left = self.ref.holds(("d", draw))
        ug = left + past
        is_allowed = (
            past == 0
            and self.ref.may_leave_draw(draw, ug, by, witness)
            and ug <= self.ref.dead_space_ug(draw)
        )
        if self.same(self.room.book_dead_space(draw, ug, by, witness), is_allowed) is not None:
            self.leaves(draw, "waste", ug)

    @has_draws
    @act(pick=picks, n=st.integers(1, 4))
    def give_all_but_the_dead_space(self, pick, n):
        draw = self.pick(self.ref.draws, pick)
        self.give_of(draw, self.ref.holds(("d", draw)) - n * 500)

    # --- counts and differences ----------------------------------------------------------------

    def count_of(self, kind, counted_ug, by, witness):
        ref = self.ref
        due = {each for each in ref.vials if ref.holds(("c", each))}
        is_kind = kind == "spot" or ref.is_open == (kind != "opening")
        is_whole = bool(counted_ug) if kind == "spot" else due <= set(counted_ug)
        is_possible = all(
            0 <= ug <= ref.vials[each]["full"]
            and (not ref.vials[each]["device"] or ug in (0, ref.vials[each]["full"]))
            for each, ug in counted_ug.items()
        )
        pair = (by, witness)
        is_blind = kind != "spot" or not any(ref.has_seen(each, pair) for each in counted_ug)
        is_allowed = by != witness and is_kind and is_whole and is_possible and is_blind
        answer = self.same(
            self.room.count(kind, counted_ug, by, witness, self.seen_by()), is_allowed
        )
        if answer is None:
            return
        ref.line()
        if kind in ("opening", "closing"):
            ref.is_open = kind == "opening"
        differ = {each: ug - ref.holds(("c", each)) for each, ug in counted_ug.items()}
        assert {line.container_id: line.difference_ug for line in answer.lines} == differ
        for vial, gap in self.room.gaps_of(answer).items():
            assert differ[vial]
            ref.gaps[gap] = {
                "vial": vial, "difference": differ[vial], "pair": pair, "at": len(ref.log) - 1,
                "losses": [], "closed": False,
            }  # fmt: skip
        self.last_count = (answer.count_id, pair, differ, len(ref.log) - 1)

    last_count = None

    def seen_by(self):
        """For the pure room only; the real one asks its tables."""
        from a_custody_room import PEOPLE

        return {
            vial: frozenset(
                each.staff_id
                for place, each in enumerate(PEOPLE)
                if self.ref.has_seen(vial, [place])
            )
            for vial in self.ref.vials
        }

    def count_all(self, kind, by, witness):
        held = {each: self.ref.holds(("c", each)) for each in self.ref.vials}
        self.count_of(kind, {each: ug for each, ug in held.items() if ug}, by, witness)

    @act(by=people, witness=people)
    def open_the_day(self, by, witness):
        self.count_all("opening", by, witness)

    @act(by=people, witness=people)
    def close_the_day(self, by, witness):
        self.count_all("closing", by, witness)

    @act(by=people, witness=people)
    def hand_over(self, by, witness):
        self.count_all("handover", by, witness)

    @has_vials
    @act(pick=picks, by=people, witness=people)
    def spot_count(self, pick, by, witness):
        vial = self.pick(self.ref.vials, pick)
        self.count_of("spot", {vial: self.ref.holds(("c", vial))}, by, witness)

    @has_vials
    @act(
        pick=picks,
        by=people,
        witness=people,
        off=st.sampled_from([-500, -1_000, 500, 10**9, -28_000]),
    )
    def count_something_else(self, pick, by, witness, off):
        vial = self.pick(self.ref.vials, pick)
        self.count_of("spot", {vial: self.ref.holds(("c", vial)) + off}, by, witness)

    @has_vials
    @act(kind=st.sampled_from(["opening", "closing", "handover"]))
    def leave_a_vial_uncounted(self, kind):
        held = {each: ug for each in sorted(self.ref.vials) if (ug := self.ref.holds(("c", each)))}
        self.count_of(kind, dict(list(held.items())[1:]), 0, 1)

    @has_gaps
    @act(pick=picks, past=st.sampled_from([0, 0, 10, -10]), by=people, witness=people)
    def declare_a_loss(self, pick, past, by, witness):
        gap = self.pick(self.ref.gaps, pick)
        g = self.ref.gaps[gap]
        ug = -g["difference"] + past
        is_allowed = self.ref.may_lose(gap, ug, by, witness)
        if self.same(self.room.lose_gap(gap, ug, by, witness), is_allowed) is not None:
            self.ref.line(self.acts[-1], g["vial"], None, ("c", g["vial"]), "loss", ug)
            g["losses"].append(self.acts[-1])
            self.names(("c", g["vial"]))

    @has_draws
    @act(pick=picks, past=st.sampled_from([0, -1, 1]), by=people, witness=people)
    def lose_a_draw(self, pick, past, by, witness):
        draw = self.pick(self.ref.draws, pick)
        ug = self.ref.holds(("d", draw)) + past
        is_allowed = self.ref.may_leave_draw(draw, ug, by, witness)
        if self.same(self.room.lose_draw(draw, ug, by, witness), is_allowed) is not None:
            self.leaves(draw, "loss", ug)

    # --- corrections and closing ---------------------------------------------------------------

    def correct_to(self, booked, ug, by=0, witness=1):
        act_id, vial = booked
        is_allowed = self.ref.may_correct(act_id, vial, ug, by, witness)
        if self.same(self.room.correct(act_id, vial, ug, by, witness), is_allowed) is not None:
            self.ref.correct(act_id, vial, ug, self.acts[-1])
            line = self.ref.booked[act_id, vial]
            self.names(line["source"], line["target"])

    def booked_at(self, pick, where=None):
        known = [
            each for each, b in self.ref.booked.items()
            if where is None or where in (b["target"], b["target"][0])
        ]  # fmt: skip
        return known[pick % len(known)] if known else None

    @has_booked
    @act(pick=picks, ug=amounts, by=people, witness=people)
    def correct_any(self, pick, ug, by, witness):
        self.correct_to(self.booked_at(pick), ug, by, witness)

    @has_booked
    @act(pick=picks, shift=st.sampled_from([-5_000, -500, 500, 5_000, 7]),
         where=st.sampled_from(["patient", "waste", "d", "loss"]))  # fmt: skip
    def correct_a_little(self, pick, shift, where):
        booked = self.booked_at(pick, where)
        if booked is not None:
            self.correct_to(booked, self.ref.booked[booked]["ug"] + shift)

    @has_booked
    @act(pick=picks)
    def undo(self, pick):
        self.correct_to(self.booked_at(pick), 0)

    @has_booked
    @act(pick=picks)
    def correct_again(self, pick):
        old = [each for each, b in self.ref.booked.items() if b["newer"]]
        if old:
            chosen = old[pick % len(old)]
            self.correct_to(chosen, self.ref.booked[chosen]["ug"] + 500)

    @has_gaps
    @act(pick=picks)
    def correct_what_explains_a_gap(self, pick):
        """The way a mistake is found: a draw from that vial was booked by the difference too high or low."""
        g = self.ref.gaps[self.pick(self.ref.gaps, pick)]
        for booked, line in list(self.ref.booked.items()):
            is_draw = line["source"] == ("c", g["vial"]) and line["target"][0] == "d"
            if is_draw and line["newer"] is None and line["at"] < g["at"]:
                self.correct_to(booked, line["ug"] - g["difference"])
                return

    @has_gaps
    @act(pick=picks, by=people, witness=people)
    def close_by_correction(self, pick, by, witness):
        gap = self.pick(self.ref.gaps, pick)
        g = self.ref.gaps[gap]
        acts = [
            act_id for (act_id, vial), b in self.ref.booked.items()
            if b["corrects"] and vial == g["vial"]
        ]  # fmt: skip
        is_allowed = (
            by != witness and not g["closed"] and self.ref.explained_by_corrections(gap, acts)
        )
        if self.same(self.room.close(gap, "correction", acts, by, witness), is_allowed) is not None:
            g["closed"] = True
            self.ref.line()

    @has_gaps
    @act(pick=picks, by=people, witness=people)
    def close_by_loss(self, pick, by, witness):
        gap = self.pick(self.ref.gaps, pick)
        g = self.ref.gaps[gap]
        lost = sum(self.ref.effective(each, g["vial"]) for each in g["losses"])
        is_allowed = by != witness and not g["closed"] and -lost == g["difference"]
        answered = self.room.close(gap, "loss", list(g["losses"]), by, witness)
        if self.same(answered, is_allowed) is not None:
            g["closed"] = True
            self.ref.line()

    @has_gaps
    @act(pick=picks, by=people, witness=people)
    def close_by_recount(self, pick, by, witness):
        gap = self.pick(self.ref.gaps, pick)
        g = self.ref.gaps[gap]
        count_id, pair, differ, at = self.last_count
        is_shown = differ.get(g["vial"]) == 0 and at > g["at"] and not set(pair) & set(g["pair"])
        is_allowed = by != witness and not g["closed"] and is_shown
        answered = self.room.close(gap, "counting-error", [count_id], by, witness)
        if self.same(answered, is_allowed) is not None:
            g["closed"] = True
            self.ref.line()

    @has_gaps
    @act(pick=picks, by=people)
    def recount_by_others(self, pick, by):
        vial = self.ref.gaps[self.pick(self.ref.gaps, pick)]["vial"]
        self.count_of("spot", {vial: self.ref.holds(("c", vial))}, by, (by + 2) % 4)

    # --- whole stories, so that the rare ends are reached often ---------------------------------

    def usable(self, device):
        """A vial or device of which 20 mg can be drawn now; a new one when there is none."""
        ref = self.ref
        if not ref.is_open:
            self.count_all("opening", 0, 1)
        for _ in range(2):
            for each in sorted(ref.vials):
                ug = ref.vials[each]["full"] if device else 20_000
                if ref.may_draw(each, ug, device, 0, 1) and not ref.has_seen(each, range(4)):
                    return each
            self.receive_of(int(device), 1, "L2")
        return None

    def draw_for_a_story(self, vial):
        v = self.ref.vials[vial]
        before = set(self.ref.draws)
        self.draw_from(vial, v["full"] if v["device"] else 20_000, v["device"], 0, 1)
        (draw,) = set(self.ref.draws) - before
        return draw, sorted(self.ref.draws).index(draw)

    @act(is_given=st.booleans())
    def a_device_goes_back(self, is_given):
        vial = self.usable(device=True)
        if vial is not None:
            draw, place = self.draw_for_a_story(vial)
            if is_given:
                self.give_of(draw, 10_000)
            self.put_back(pick=place, by=2, witness=3)

    @act(rest=st.sampled_from([500, 1_000, 1_010]), is_diluted=st.booleans())
    def a_rest_stays_in_the_hub(self, rest, is_diluted):
        vial = self.usable(device=False)
        if vial is not None:
            self.set_dead_space(product=0, ul=100, by=0, witness=1)
            draw, place = self.draw_for_a_story(vial)
            if is_diluted:
                self.dilute(pick=place, ul=5_000, by=0, witness=1)
            self.give_of(draw, 20_000 - rest)
            self.book_dead_space(pick=place, past=0, by=0, witness=1)

    def gap_of(self, vial, off, by, witness):
        before = set(self.ref.gaps)
        self.count_of("spot", {vial: self.ref.holds(("c", vial)) + off}, by, witness)
        new = set(self.ref.gaps) - before
        return sorted(self.ref.gaps).index(new.pop()) if new else None

    @act(off=st.sampled_from([500, -500]), amount=st.sampled_from([0, 0, 10]))
    def a_mistake_is_found(self, off, amount):
        vial = self.usable(device=False)
        if vial is not None:
            self.draw_for_a_story(vial)
            booked = next(reversed(self.ref.booked))
            gap = self.gap_of(vial, off, 0, 1)
            if gap is not None:
                self.correct_to(booked, 20_000 - off + amount)
                self.close_by_correction(pick=gap, by=2, witness=3)

    @act(is_whole=st.booleans())
    def a_vial_is_short(self, is_whole):
        vial = self.usable(device=False)
        if vial is not None and (gap := self.gap_of(vial, -1_000, 0, 1)) is not None:
            self.declare_a_loss(pick=gap, past=0 if is_whole else -10, by=2, witness=3)
            self.close_by_loss(pick=gap, by=2, witness=3)

    @act(by=people, witness=people)
    def a_slip_of_the_eye(self, by, witness):
        vial = self.usable(device=False)
        if vial is not None and (gap := self.gap_of(vial, -1_000, 0, 1)) is not None:
            self.count_of("spot", {vial: self.ref.holds(("c", vial))}, by, witness)
            self.close_by_recount(pick=gap, by=2, witness=3)

    @precondition(lambda self: self.ref.gaps and self.ref.booked)
    @act(pick=picks)
    def a_loss_is_found_again(self, pick):
        booked = self.booked_at(pick, "loss")
        if booked is not None:
            self.correct_to(booked, 0)

    @act(kind=st.sampled_from(["cabinet", "quarantine"]), by=people)
    def a_vial_goes_to_another_place(self, kind, by):
        vial = self.usable(device=False)
        if vial is not None:
            self.open_place(kind=kind, name=kind)
            goal = next(each for each, place in self.room.places.items() if place.kind == kind)
            before = set(self.ref.ways)
            self.send_these([vial], goal, 0)
            self.draw_from(vial, 20_000, False, 0, 1)
            for each in set(self.ref.ways) - before:
                self.arrive(pick=sorted(self.ref.ways).index(each), by=by)
            self.draw_from(vial, 20_000, False, 0, 1)

    @act(number=st.integers(1, 3))
    def an_order_comes(self, number):
        before = set(self.ref.orders)
        self.order(product=0, number=2, reference="PO-1")
        (order,) = set(self.ref.orders) - before
        place = sorted(self.ref.orders).index(order)
        self.receive_on_order(product=0, number=number, lot="L2", pick=place)

    @act(is_done=st.booleans())
    def a_recall(self, is_done):
        vial = self.usable(device=False)
        if vial is not None:
            place = sorted(self.ref.vials).index(vial)
            self.hold(pick=place)
            self.draw_in_order(pick=place, n=1)
            if is_done:
                self.send_out(
                    pick=place, by=0, witness=1, to="distributor", reference="F-41", whole_lot=True
                )

    # --- what holds after each step ------------------------------------------------------------

    @invariant()
    def what_was_touched_is_as_the_reference_holds_it(self):
        """INV-CUS-01, -02, I2, I3: after every step, by two derivations."""
        for kind, each in self.touched:
            left = self.ref.holds((kind, each))
            if kind == "c":
                container, v = self.room.container(each), self.ref.vials[each]
                assert 0 <= container.remaining_ug == left <= container.filled_ug
                assert container.is_held == v["held"]
                assert (container.transfer_id is None) == (v["way"] is None)
            else:
                draw = self.room.drawn(each)
                gone = draw.given_ug + draw.wasted_ug + draw.returned_ug + draw.lost_ug
                assert 0 <= draw.remaining_ug == left == draw.drawn_ug - gone
                assert draw.drawn_ug == self.ref.drawn(each)
                assert (draw.diluted_to_ul, draw.is_in_use) == (
                    self.ref.draws[each]["diluted"], self.ref.draws[each]["in_use"],
                )  # fmt: skip
        self.touched = set()
