"""L1 on a real database: the same rules and the same reference as the pure model, through actions and queries."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from a_custody_machine import Safe, fired
from a_custody_real_room import RealRoom
from vigil.custody import queries
from vigil.custody.domain.fold import fold
from vigil.custody.domain.ledger import FLOWS
from vigil.custody.models import Act as ActRow
from vigil.custody.rows import act_fact

pytestmark = pytest.mark.django_db

STEPS = int(os.environ.get("VIGIL_CUSTODY_REAL_STEPS", "400"))


class RealSafe(Safe):
    def new_room(self):
        return RealRoom()

    def teardown(self):
        """Fold of the stored acts = balance rows = movements; no invariant query finds anything."""
        clinic_id = self.room.clinic.clinic_id
        rows = ActRow.objects.filter(clinic_id=clinic_id).order_by("id")
        book = fold(act_fact(row) for row in rows)

        assert self.room.ask_everything() == ()
        assert {
            each.container_id: each for each in queries.containers(clinic_id)
        } == book.containers
        for draw_id, draw in book.draws.items():
            assert queries.draw(draw_id, clinic_id=clinic_id) == draw
        totals = queries.totals(clinic_id)
        assert totals.unexplained_ug == totals.under_investigation_ug
        assert sum(each.ug for each in queries.balance(clinic_id)) == 0
        for each in book.containers:
            story = queries.history(each, clinic_id=clinic_id)
            assert story.lines[-1].balance_ug == book.containers[each].remaining_ug


def test_the_room_on_a_database_agrees_with_the_reference_ledger():
    """INV-CUS-01 to -09: constraints, triggers, retries and queries never disagree with plain subtraction."""
    fired.clear()
    budget = settings(
        max_examples=STEPS // 40, stateful_step_count=40, deadline=None, database=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip

    while fired.total() < STEPS:
        run_state_machine_as_test(RealSafe, settings=budget)

    assert len(fired) >= len(FLOWS), "many different rules were tried"
