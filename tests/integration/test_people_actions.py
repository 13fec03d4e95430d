"""People: registering, witnessing, presence."""

from datetime import date

import pytest

from vigil.people import actions

pytestmark = pytest.mark.django_db


def test_the_same_key_registers_one_patient(front_desk, at, key):
    """A double click records once."""
    once = key()
    ask = {
        "name": "Ana",
        "born_on": date(1980, 1, 1),
        "sex": "female",
        "phone": "",
        "allergies": None,
    }

    first = actions.register_patient(**ask, by=front_desk, at=at, key=once)
    second = actions.register_patient(**ask, by=front_desk, at=at, key=once)

    assert first == second
