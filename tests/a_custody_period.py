"""A clinic after some days of every kind of act, and what its movements say, read by plain SQL.

A second derivation for papers: nothing here goes through the queries, the facts or the fold that the papers use.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from a_custody_scene import count_all, sign_plan, stock
from conftest import PASSWORD
from vigil.custody import actions, queries
from vigil.people.domain.facts import Patient, Staff
from vigil.record.clock import new_id


@dataclass(frozen=True, kw_only=True)
class Worked:
    """What was done, for tests that look one thing up."""

    clinic_id: UUID
    start: datetime
    end: datetime
    patient: Patient
    plan_id: UUID
    labels: tuple[str, ...]


def work(
    *,
    compliance: Staff,
    nurse: Staff,
    witness: Staff,
    prescriber: Staff,
    patient: Patient,
    at: datetime,
) -> Worked:
    """Deliveries, draws, waste, put-back, count, correction, loss, transfer, dispatch; before, in and after the period."""
    plan_id = sign_plan(patient, prescriber, at)
    signed = {"witness_login": witness.login, "witness_password": PASSWORD}
    before, start = at, at + timedelta(days=1)
    stock(compliance, before, containers=2, lot="BEFORE")
    count_all(nurse, witness, before)

    def draw(label_at: int, amount_ug: int, when: datetime):
        container = [
            each for each in queries.containers(nurse.clinic_id) if each.remaining_ug >= amount_ug
        ]
        made = actions.draw(
            container_id=container[label_at].container_id, amount_ug=amount_ug, plan_id=plan_id,
            patient_id=patient.patient_id, purpose_id=new_id(), by=nurse, at=when, key=new_id(), **signed,
        )  # fmt: skip
        assert hasattr(made, "draw_id"), made
        return made

    def waste(drawn, amount_ug: int, when: datetime):
        answer = actions.waste(
            draw_id=drawn.draw_id, amount_ug=amount_ug, reason="left", by=nurse, at=when, key=new_id(), **signed
        )  # fmt: skip
        assert hasattr(answer, "amount_ug"), answer
        return answer

    early = draw(0, 30_000, before + timedelta(hours=1))
    actions.give(
        draw_id=early.draw_id,
        amount_ug=25_000,
        by=nurse,
        at=before + timedelta(hours=2),
        key=new_id(),
    )
    # Drawn before the period, wasted in it: it stands in a hand when the period begins.
    day = start + timedelta(hours=9)
    count_all(nurse, witness, day)
    waste(early, 5_000, day)
    ordered = actions.order(
        product_id=queries.products(nurse.clinic_id)[0].product_id, containers=4, supplier="Supply Ltd",
        reference="PO-1", by=compliance, at=day, key=new_id(),
    )  # fmt: skip
    product_id = queries.products(nurse.clinic_id)[0].product_id
    received = actions.receive(
        product_id=product_id, lot="=IN()", expires_on=(day + timedelta(days=400)).date(), containers=3,
        invoice="INV-IN", order_id=getattr(ordered, "order_id", None), by=compliance, at=day, key=new_id(),
    )  # fmt: skip
    assert hasattr(received, "containers"), received
    mid = draw(1, 40_000, day + timedelta(hours=1))
    actions.give(
        draw_id=mid.draw_id, amount_ug=30_000, by=nurse, at=day + timedelta(hours=2), key=new_id()
    )
    wasted = waste(mid, 8_000, day + timedelta(hours=3))
    assert wasted.amount_ug == 8_000
    loss = actions.declare_loss(
        draw_id=mid.draw_id, amount_ug=2_000, reason="syringe fell", by=compliance, at=day + timedelta(hours=4),
        key=new_id(), **signed,
    )  # fmt: skip
    assert hasattr(loss, "loss_id"), loss
    last = received.containers[-1].container_id
    dispatched = actions.send_out(
        container_ids=[last], to="distributor", recipient="Reverse Ltd", reference="F41", reason="damaged",
        by=compliance, at=day + timedelta(hours=5), key=new_id(), **signed,
    )  # fmt: skip
    assert hasattr(dispatched, "dispatch_id"), dispatched
    vial = next(
        each
        for each in queries.containers(nurse.clinic_id)
        if 0 < each.remaining_ug < each.filled_ug
    )
    count_all(
        nurse, witness, day + timedelta(hours=6), kind="spot", off={vial.container_id: -1_000}
    )
    drawn_act = next(
        line
        for line in queries.container_story(vial.container_id, clinic_id=nurse.clinic_id).lines
        if line.kind == "drawn"
    )
    amount_ug = -drawn_act.change_ug
    corrected = actions.correct(
        act_id=drawn_act.act_id, is_ug=amount_ug + 1_000, reason="misread", by=compliance,
        at=day + timedelta(hours=7), key=new_id(), **signed,
    )  # fmt: skip
    assert hasattr(corrected, "correction_id"), corrected
    end = start + timedelta(days=1)
    late = end + timedelta(hours=1)
    stock(compliance, late, containers=1, lot="AFTER", part="50 mg/mL")
    return Worked(
        clinic_id=nurse.clinic_id, start=start, end=end, patient=patient, plan_id=plan_id,
        labels=tuple(each.label for each in received.containers),
    )  # fmt: skip


def ten_days_before(moment: datetime) -> datetime:
    """The clinic's midnight ten days earlier: all that `work` does from there lies behind, each act on its own day."""
    day = moment.astimezone(ZoneInfo("America/New_York")).date() - timedelta(days=10)
    return datetime.combine(day, time.min, ZoneInfo("America/New_York"))


SIGNED = """
SELECT p.name, a.kind, a.id, act.at, act.kind, x.ug
FROM (
    SELECT clinic_id, act_id, target_id AS account_id, source_id AS other_id, ug FROM custody_movement
    UNION ALL
    SELECT clinic_id, act_id, source_id, target_id, -ug FROM custody_movement
) x
JOIN custody_account a ON a.id = x.account_id
JOIN custody_account o ON o.id = x.other_id
JOIN custody_act act ON act.id = x.act_id
LEFT JOIN custody_draw d ON d.id = coalesce(a.draw_id, o.draw_id)
JOIN custody_container c ON c.id = coalesce(a.container_id, d.container_id, o.container_id)
JOIN custody_product p ON p.id = c.product_id
WHERE x.clinic_id = %s
"""


def moved(clinic_id: UUID) -> list[tuple[str, str, UUID, datetime, str, int]]:
    """Every side of every movement: product, kind and id of the account, when, kind of act, signed micrograms."""
    with connection.cursor() as cursor:
        cursor.execute(SIGNED, [clinic_id])
        return cursor.fetchall()
