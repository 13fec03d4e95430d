"""A controlled-drug ledger in dictionaries and subtraction: slow, plain, and sharing no code with the product.

The model tests hold the custody room against it: whatever is tried, both must allow the same and hold the same.
A balance is the sum of the log. Accounts are `("c", vial)`, `("d", draw)` and words such as "patient".
"""


class ReferenceLedger:
    def __init__(self):
        self.vials, self.draws, self.orders, self.ways, self.gaps = {}, {}, {}, {}, {}
        self.log, self.booked = [], {}
        self.today, self.is_open, self.dead_space_ul = 0, False, {}

    def holds(self, account):
        return sum(change.get(account, 0) for change in self.log)

    def line(self, act=None, vial=None, draw=None, source=None, target=None, ug=0, corrects=None):
        """One line of the log; with an act it can be corrected later."""
        change = {}
        if source is not None:
            change[source], change[target] = -ug, ug
        self.log.append(change)
        if act is not None:
            self.booked[act, vial] = {
                "draw": draw, "source": source, "target": target, "ug": ug,
                "at": len(self.log) - 1, "newer": None, "corrects": corrects,
            }  # fmt: skip

    def drawn(self, draw):
        taken = (b for b in self.booked.values() if b["target"] == ("d", draw))
        return next(each["ug"] for each in taken if each["newer"] is None)

    def correct(self, act, vial, ug, new_act):
        """The net of the pair: the wrong amount back, the right one forth."""
        b = self.booked[act, vial]
        self.log.append({b["source"]: b["ug"] - ug, b["target"]: ug - b["ug"]})
        self.booked[new_act, vial] = {**b, "ug": ug, "at": len(self.log) - 1, "corrects": act}
        b["newer"] = new_act

    def may_take(self, vial, ug):
        v, held = self.vials[vial], self.holds(("c", vial))
        return 0 < ug <= held and (ug == v["full"] if v["device"] else ug % v["step"] == 0)

    def may_draw(self, vial, ug, device, by, witness):
        v = self.vials[vial]
        is_usable = not v["held"] and v["way"] is None and v["kind"] != "quarantine"
        is_right = v["device"] == device and self.today <= v["expires"] and self.is_open
        return by != witness and is_usable and is_right and self.may_take(vial, ug)

    def may_waste_vial(self, vial, ug, by, witness):
        is_here = not self.vials[vial]["held"] and self.vials[vial]["way"] is None
        return by != witness and is_here and self.may_take(vial, ug)

    def may_leave_draw(self, draw, ug, by, witness):
        """Waste, loss: all that leaves a draw but giving."""
        d = self.draws[draw]
        return by != witness and not d["in_use"] and 0 < ug <= self.holds(("d", draw))

    def may_put_back(self, draw, by, witness):
        left = self.holds(("d", draw))
        is_device = self.vials[self.draws[draw]["vial"]]["device"]
        is_whole = is_device and left > 0 and left == self.drawn(draw)
        return by != witness and not self.draws[draw]["in_use"] and is_whole

    def may_dilute(self, draw, ul, by, witness):
        d, left, v = self.draws[draw], self.holds(("d", draw)), self.vials[self.draws[draw]["vial"]]
        if by == witness or v["device"] or d["diluted"] or left == 0 or left != self.drawn(draw):
            return False
        return left // v["step"] < ul <= 1_000_000

    def dead_space_ug(self, draw):
        d, v = self.draws[draw], self.vials[self.draws[draw]["vial"]]
        ul = self.dead_space_ul.get(v["product"], 0)
        if v["device"] or self.drawn(draw) == 0:
            return 0
        return ul * self.drawn(draw) // d["diluted"] if d["diluted"] else ul * v["step"]

    def may_send(self, vials, place):
        return bool(vials) and all(
            self.vials[each]["way"] is None and self.vials[each]["place"] != place for each in vials
        )

    def may_send_out(self, vials, by, witness, paper):
        is_full = bool(vials) and all(
            self.holds(("c", each)) and self.vials[each]["way"] is None for each in vials
        )
        return by != witness and paper and is_full

    def may_correct(self, act, vial, ug, by, witness):
        b, v = self.booked[act, vial], self.vials[vial]
        draw = b["draw"]
        if by == witness or b["newer"] or ug < 0 or ug == b["ug"]:
            return False
        if draw is not None and self.draws[draw]["in_use"]:
            return False
        is_at_vial = ("c", vial) in (b["source"], b["target"])
        if v["device"] and b["source"] != ("d", draw) and ug not in (0, v["full"]):
            return False
        if is_at_vial and not v["device"] and ug % v["step"]:
            return False
        if b["source"] == "supplier" and ug not in (0, v["full"]):
            return False
        diluted = draw is not None and b["target"] == ("d", draw) and self.draws[draw]["diluted"]
        if diluted and ug // v["step"] >= diluted:
            return False
        for account, shift in ((b["source"], b["ug"] - ug), (b["target"], ug - b["ug"])):
            if isinstance(account, tuple) and not self.fits_since(account, b["at"], shift):
                return False
        return True

    def fits_since(self, account, at, shift):
        """Whether the balance, shifted from that line on, stays within nothing and full at each line."""
        full = self.vials[account[1]]["full"] if account[0] == "c" else 10**12
        balance = 0
        for place, change in enumerate(self.log):
            balance += change.get(account, 0)
            if place >= at and not 0 <= balance + shift <= full:
                return False
        return True

    def has_seen(self, vial, people):
        """Whether one of them was shown the book amount of a vial from which nothing moved since."""
        return any(
            gap["vial"] == vial and set(people) & set(gap["pair"])
            and not any(("c", vial) in change for change in self.log[gap["at"] + 1 :])
            for gap in self.gaps.values()
        )  # fmt: skip

    def effective(self, act, vial):
        booked = self.booked[act, vial]
        while booked["newer"]:
            booked = self.booked[booked["newer"], vial]
        return booked["ug"]

    def may_lose(self, gap, ug, by, witness):
        g = self.gaps[gap]
        lost = sum(self.effective(act, g["vial"]) for act in g["losses"])
        if by == witness or g["closed"] or ug <= 0 or lost + ug > -g["difference"]:
            return False
        return ug <= self.holds(("c", g["vial"]))

    def explained_by_corrections(self, gap, acts):
        g, total = self.gaps[gap], 0
        for act in acts:
            b = root = self.booked[act, g["vial"]]
            while root["corrects"]:
                root = self.booked[root["corrects"], g["vial"]]
            if b["at"] > g["at"] > root["at"]:
                total += self.log[b["at"]].get(("c", g["vial"]), 0)
        return total == g["difference"]
