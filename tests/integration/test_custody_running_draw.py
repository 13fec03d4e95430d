"""A syringe from which an infusion runs is not wasted: nobody can say yet what is left in it."""

from datetime import timedelta

import pytest
from django.urls import reverse

from a_session_scene import morning
from conftest import PASSWORD
from vigil.custody import actions, queries
from vigil.people.models import Staff as StaffRow
from vigil.record.clock import new_id
from vigil.session import actions as session

pytestmark = pytest.mark.django_db


@pytest.fixture
def running(clinic, patient, prescriber, nurse, second_nurse, compliance, at):
    scene = morning(clinic, patient, nurse, second_nurse, prescriber, compliance, at)
    scene.check_in()
    scene.draw()
    scene.start()
    return scene


def test_waste_is_refused_until_the_infusion_has_ended(client, running, nurse):
    """The waste would take what the register must still book as given."""
    (drawn,) = queries.draws_for(running.session_id, clinic_id=nurse.clinic_id)
    client.force_login(StaffRow.objects.get(pk=nurse.staff_id))

    page = client.post(
        reverse("custody:waste", args=[drawn.draw_id]),
        {
            "key": new_id(),
            "ug": drawn.remaining_ug,
            "reason": "Infusion ended early",
            "witness_login": "nurse2",
            "witness_password": PASSWORD,
        },
    )

    assert "Record its end first" in page.content.decode()
    (after,) = queries.draws_for(running.session_id, clinic_id=nurse.clinic_id)
    assert after.wasted_ug == 0


def test_the_safe_asks_nobody_to_waste_what_is_being_given(client, running, nurse):
    client.force_login(StaffRow.objects.get(pk=nurse.staff_id))

    page = client.get(reverse("custody:safe")).content.decode()

    assert "is still in a syringe" not in page


def test_custody_itself_refuses_it_whoever_asks(running, nurse, second_nurse, at):
    """INV-CUS-11: not the page but the ledger holds it; giving ends the claim, and then the rest is wasted."""
    (drawn,) = queries.draws_for(running.session_id, clinic_id=nurse.clinic_id)

    def waste():
        return actions.waste(
            draw_id=drawn.draw_id, amount_ug=queries.draw(drawn.draw_id, clinic_id=nurse.clinic_id).remaining_ug,
            reason="ended early", witness_login="nurse2", witness_password=PASSWORD, by=nurse,
            at=at + timedelta(hours=2), key=new_id(),
        )  # fmt: skip

    refused = waste()
    session.stop(
        session_id=running.session_id, pump_ug=drawn.drawn_ug - 5_000, reason="ended early", by=nurse,
        at=at + timedelta(hours=1), key=new_id(),
    )  # fmt: skip
    after = queries.draw(drawn.draw_id, clinic_id=nurse.clinic_id)
    wasted = waste()

    assert drawn.is_in_use
    assert refused.code == "CUS-BEING-GIVEN"
    assert not after.is_in_use
    assert after.given_ug == drawn.drawn_ug - 5_000
    assert wasted.amount_ug == 5_000
    assert queries.unexplained_ug(nurse.clinic_id) == 0
