"""The custody room on a database behind the same door as `a_custody_room.PureRoom`: actions and queries."""

from datetime import date, timedelta
from itertools import count as counter

from django.db import connection

from a_custody_room import DAY_ONE, NOON
from a_custody_scene import product_named, sign_plan
from conftest import PASSWORD
from vigil.custody import actions, queries
from vigil.custody.domain.things import SAFE
from vigil.custody.invariants import broken
from vigil.custody.models import Act as ActRow
from vigil.evidence.jurisdictions import load_jurisdiction
from vigil.people.actions import employ, found_clinic, register_patient
from vigil.people.duties import Duty
from vigil.record.clock import new_id
from vigil.units.refusals import Refused

_numbers = counter(1)


class RealRoom:
    """A clinic of its own for each example: four people with every duty, two patients with plans."""

    def __init__(self):
        number = next(_numbers)
        self.day, self.facts, self.places = 0, {}, {None: SAFE}
        self.clinic = found_clinic(
            name=f"Model {number}", time_zone="America/New_York", is_simulated=True, at=NOON
        )
        self.people = [
            employ(
                clinic_id=self.clinic.clinic_id, login=f"m{number}-{n}", name=f"Nurse {n}",
                duties=list(Duty), password=PASSWORD, by="setup", at=NOON,
            )
            for n in range(4)
        ]  # fmt: skip
        self.plans = [self._plan(name) for name in ("ket-mdd-iv", "esk-trd-us")]
        self.products = [
            product_named(self.clinic.clinic_id, part) for part in ("10 mg/mL", "28 mg device")
        ]
        law = load_jurisdiction("us-dea")
        adopted = actions.adopt_jurisdiction(
            jurisdiction_id="us-dea", content_hash=law.content_hash,
            signed_off=["dead-space-estimate"], password=PASSWORD, **self.signed(0),
        )  # fmt: skip
        assert not isinstance(adopted, Refused), adopted

    def _plan(self, protocol_id):
        patient = register_patient(
            name="Model Patient", born_on=date(1972, 3, 14), sex="female", phone="", allergies=(),
            by=self.people[0], at=NOON, key=new_id(),
        )  # fmt: skip
        plan_id = sign_plan(patient, self.people[0], NOON, protocol_id=protocol_id)
        return patient.patient_id, plan_id

    new_id = staticmethod(new_id)

    @property
    def at(self):
        return NOON + timedelta(days=self.day)

    def signed(self, by, witness=None):
        signed = {"by": self.people[by], "at": self.at, "key": new_id()}
        if witness is None:
            return signed
        return {
            **signed, "witness_login": self.people[witness].login, "witness_password": PASSWORD,
        }  # fmt: skip

    def did(self, action, **asked):
        """The answer and the act's id; every act is asked for a second time with its key."""
        answer = action(**asked)
        if isinstance(answer, Refused):
            return answer, None
        assert action(**asked) == answer, "a retry is answered the same"
        act_id = ActRow.objects.get(key=asked["key"]).act_id
        self.facts[act_id] = answer
        return answer, act_id

    def order(self, product, number, reference, by):
        return self.did(
            actions.order, product_id=self.products[product].product_id, containers=number,
            supplier="Supplier", reference=reference, **self.signed(by),
        )  # fmt: skip

    def receive(self, product, number, lot, days, by, order=None):
        return self.did(
            actions.receive, product_id=self.products[product].product_id, lot=lot,
            expires_on=DAY_ONE + timedelta(days=days), containers=number, invoice="I",
            order_id=order, **self.signed(by),
        )  # fmt: skip

    def draw(self, vial, ug, for_device, by, witness, purpose):
        patient_id, plan_id = self.plans[int(for_device)]
        return self.did(
            actions.draw, container_id=vial, amount_ug=ug, plan_id=plan_id, patient_id=patient_id,
            purpose_id=purpose, **self.signed(by, witness),
        )  # fmt: skip

    def give(self, draw, ug, by):
        return self.did(actions.give, draw_id=draw, amount_ug=ug, **self.signed(by))

    def waste_draw(self, draw, ug, reason, by, witness):
        return self.did(
            actions.waste, draw_id=draw, amount_ug=ug, reason=reason, **self.signed(by, witness)
        )

    def waste_vial(self, vial, ug, reason, by, witness):
        return self.did(
            actions.waste, container_id=vial, amount_ug=ug, reason=reason,
            **self.signed(by, witness),
        )  # fmt: skip

    def put_back(self, draw, by, witness):
        return self.did(actions.put_back, draw_id=draw, **self.signed(by, witness))

    def dilute(self, draw, ul, by, witness):
        return self.did(
            actions.dilute, draw_id=draw, to_volume_ul=ul, diluent="saline",
            **self.signed(by, witness),
        )  # fmt: skip

    def use(self, draw, is_in_use, purpose, by):
        return self.did(
            actions.change_use, draw_id=draw, is_in_use=is_in_use, purpose_id=purpose,
            **self.signed(by),
        )  # fmt: skip

    def set_dead_space(self, product, ul, by, witness):
        return self.did(
            actions.set_dead_space, product_id=self.products[product].product_id,
            volume_ul_max=ul, reason="measured", **self.signed(by, witness),
        )  # fmt: skip

    def book_dead_space(self, draw, ug, by, witness):
        return self.did(
            actions.book_dead_space, draw_id=draw, amount_ug=ug, **self.signed(by, witness)
        )

    def hold(self, product, lot, by):
        return self.did(
            actions.hold_lot, product_id=self.products[product].product_id, lot=lot,
            reason="recall", **self.signed(by),
        )  # fmt: skip

    def release(self, product, lot, by, witness):
        return self.did(
            actions.release_lot, product_id=self.products[product].product_id, lot=lot,
            reason="ok", **self.signed(by, witness),
        )  # fmt: skip

    def open_place(self, kind, name, by):
        answer = self.did(actions.open_place, kind=kind, name=name, **self.signed(by))
        if answer[1] is not None:
            self.places[answer[0].place.place_id] = answer[0].place
        return answer

    def send(self, vials, place, by):
        return self.did(
            actions.send, container_ids=vials, place_id=place, reason="needed there",
            **self.signed(by),
        )  # fmt: skip

    def arrive(self, transfer, by):
        return self.did(actions.arrive, transfer_id=transfer, **self.signed(by))

    def send_out(self, vials, to, reference, by, witness):
        return self.did(
            actions.send_out, container_ids=vials, to=to, recipient="Recipient",
            reference=reference, reason="expired", **self.signed(by, witness),
        )  # fmt: skip

    def count(self, kind, counted, by, witness, seen_by):
        return self.did(actions.count, kind=kind, counted_ug=counted, **self.signed(by, witness))

    def gaps_of(self, counted):
        return {
            each.container_id: each.discrepancy_id
            for each in queries.discrepancies(self.clinic.clinic_id)
            if each.count_id == counted.count_id
        }

    def lose_gap(self, gap, ug, by, witness):
        return self.did(
            actions.declare_loss, discrepancy_id=gap, amount_ug=ug, reason="missing",
            **self.signed(by, witness),
        )  # fmt: skip

    def lose_draw(self, draw, ug, by, witness):
        return self.did(
            actions.declare_loss, draw_id=draw, amount_ug=ug, reason="dropped and gone",
            **self.signed(by, witness),
        )  # fmt: skip

    def correct(self, act_id, vial, ug, by, witness):
        return self.did(
            actions.correct, act_id=act_id, container_id=vial, is_ug=ug, reason="typed wrong",
            **self.signed(by, witness),
        )  # fmt: skip

    def close(self, gap, how, references, by, witness):
        def named(each):
            fact = self.facts.get(each)
            return getattr(fact, "correction_id", None) or getattr(fact, "loss_id", None) or each

        return self.did(
            actions.close_discrepancy, discrepancy_id=gap, how=how,
            references=[named(each) for each in references], note="looked into",
            **self.signed(by, witness),
        )  # fmt: skip

    def container(self, vial):
        return queries.container(vial, clinic_id=self.clinic.clinic_id)

    def drawn(self, draw):
        return queries.draw(draw, clinic_id=self.clinic.clinic_id)

    def ask_everything(self):
        """The deferred constraints at once, and every invariant query."""
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        return broken()
