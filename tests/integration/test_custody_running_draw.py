"""A syringe from which an infusion runs is not wasted: nobody can say yet what is left in it."""

import pytest
from django.urls import reverse

from a_session_scene import morning
from conftest import PASSWORD
from vigil.custody import queries
from vigil.people.models import Staff as StaffRow
from vigil.record.clock import new_id

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
