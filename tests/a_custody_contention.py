"""Many threads draw 45 mg from one new vial at once, twice each; in two runs; prints one line of JSON.

Run by test_custody_concurrency on a database of its own: `a_custody_contention.py CLIENTS`.
"""

# ruff: noqa: E402  Django is set up before anything of it is imported: this file is a program, not a module.

import json
import sys
import threading
from collections import Counter
from datetime import date

import django

django.setup()

from django.conf import settings
from django.db import connection
from django.test.utils import override_settings

from a_custody_scene import Scene, count_all, sign_plan, stock
from conftest import PASSWORD
from vigil.custody import queries
from vigil.custody.domain.facts import Drawn
from vigil.people.actions import employ, found_clinic, register_patient
from vigil.people.duties import Duty
from vigil.record.clock import new_id, now
from vigil.record.models import Entry, Link
from vigil.units.refusals import Refused

# The contention is in the database: a fast password hash lets all threads meet there.
FAST = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]
TRIES = 2


def make_scene() -> Scene:
    """A clinic of this run with one full vial and an open day."""
    at, mark = now(), new_id().hex
    clinic = found_clinic(name=mark, time_zone="UTC", is_simulated=True, at=at)
    first, second = (
        employ(
            clinic_id=clinic.clinic_id, login=f"{mark}-{n}", name=f"Nurse {n}", duties=list(Duty),
            password=PASSWORD, by="setup", at=at,
        )
        for n in (1, 2)
    )  # fmt: skip
    patient = register_patient(
        name="Simulated Patient", born_on=date(1972, 3, 14), sex="female", phone="", allergies=(),
        by=first, at=at, key=new_id(),
    )  # fmt: skip
    plan_id = sign_plan(patient, first, at)
    (vial,) = stock(first, at)
    count_all(first, second, at)
    return Scene(vial=vial, patient=patient, plan_id=plan_id, nurse=first, witness=second, at=at)


def contend(clients: int, *, has_one_key: bool) -> dict[str, object]:
    """What happened when every thread drew twice."""
    scene = make_scene()
    clinic_id = scene.nurse.clinic_id
    together = threading.Barrier(clients)
    answers: list[Drawn | Refused] = []
    one = {"key": new_id(), "purpose_id": new_id()} if has_one_key else {}

    def draw() -> None:
        together.wait(30)
        for _ in range(TRIES):
            answers.append(scene.draw(45_000, **one))
        connection.close()

    threads = [threading.Thread(target=draw) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    drawn = [each for each in answers if isinstance(each, Drawn)]
    assert len(answers) == clients * TRIES, "a thread died; its trace stands above"
    return {
        "drawn": len(drawn),
        "answers": len({each.draw_id for each in drawn}),
        "drawn_ug": 200_000 - scene.vial_now().remaining_ug,
        "left_ug": scene.vial_now().remaining_ug,
        "codes": Counter(each.code for each in answers if isinstance(each, Refused)),
        "unexplained_ug": queries.unexplained_ug(clinic_id),
        "disagreements": len(queries.disagreements(clinic_id)),
        "entries": Entry.objects.filter(clinic_id=clinic_id, register="custody").count(),
        "links": Link.objects.filter(clinic_id=clinic_id, register="custody")
        .order_by("-seq")[0]
        .seq,
    }


if __name__ == "__main__":
    with override_settings(PASSWORD_HASHERS=FAST):
        clients = int(sys.argv[1])
        told = {
            "own-keys": contend(clients, has_one_key=False),
            "one-key": contend(clients, has_one_key=True),
        }
    print(json.dumps(told))
