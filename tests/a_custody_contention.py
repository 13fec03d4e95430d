"""Many threads at one vial, in six shapes of contention; prints one line of JSON.

Run by test_custody_concurrency on a database of its own: `a_custody_contention.py CLIENTS`. Each client has its own
connection and tries twice; nobody tries again after an answer.
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
from vigil.custody import actions, queries
from vigil.custody.invariants import broken
from vigil.custody.models import Act
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


def together(clients: int, *acts) -> list[object]:
    """What every client was answered: client n does act n, around, twice."""
    barrier, answers, died = threading.Barrier(clients), [], []

    def client(number: int) -> None:
        try:
            barrier.wait(600)
            for turn in range(TRIES):
                answers.append(acts[(number + turn) % len(acts)]())
        except Exception as error:
            died.append(f"{type(error).__name__}: {error}")
        finally:
            connection.close()

    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    assert not died, died[:3]
    assert len(answers) == clients * TRIES, "a thread hangs"
    return answers


def outcome(scene: Scene, answers: list[object], **more: object) -> dict[str, object]:
    """What the shape left behind."""
    clinic_id = scene.nurse.clinic_id
    links = Link.objects.filter(clinic_id=clinic_id, register="custody").order_by("-seq")
    return {
        "done": Counter(type(each).__name__ for each in answers if not isinstance(each, Refused)),
        "codes": Counter(each.code for each in answers if isinstance(each, Refused)),
        "left_ug": scene.vial_now().remaining_ug,
        "unexplained_ug": queries.unexplained_ug(clinic_id),
        "disagreements": len(queries.disagreements(clinic_id)),
        "acts": Act.objects.filter(clinic_id=clinic_id).count(),
        "entries": Entry.objects.filter(clinic_id=clinic_id, register="custody").count(),
        "links": links[0].seq,
        **more,
    }


def many_draws(clients: int) -> dict[str, object]:
    """Write skew on one vial: every tablet draws 45 mg with a key of its own."""
    scene = make_scene()
    return outcome(scene, together(clients, lambda: scene.draw(45_000)))


def one_key(clients: int) -> dict[str, object]:
    """The same request from every tablet: one insert wins, all get its answer."""
    scene = make_scene()
    key, purpose = new_id(), new_id()
    answers = together(clients, lambda: scene.draw(45_000, key=key, purpose_id=purpose))
    ids = {each.draw_id for each in answers if not isinstance(each, Refused)}
    return outcome(scene, answers, different=len(ids))


def two_nurses_one_draw(clients: int) -> dict[str, object]:
    """One syringe given and wasted at once, 3 mg at a time."""
    scene = make_scene()
    draw_id = scene.draw(50_000).draw_id
    answers = together(
        clients,
        lambda: actions.give(
            draw_id=draw_id, amount_ug=3_000, by=scene.nurse, at=scene.at, key=new_id()
        ),
        lambda: scene.waste(draw_id, 3_000),
    )
    (draw,) = queries.open_draws(scene.nurse.clinic_id)
    return outcome(scene, answers, draw_left_ug=draw.remaining_ug)


def count_during_draws(clients: int) -> dict[str, object]:
    """A count sees one moment: what it expected is what the book held then, whatever is drawn around it."""
    scene = make_scene()
    held = {scene.vial.container_id: 200_000}

    def count():
        return actions.count(
            kind="spot", counted_ug=held, witness_login=scene.witness.login,
            witness_password=PASSWORD, by=scene.nurse, at=scene.at, key=new_id(),
        )  # fmt: skip

    return outcome(scene, together(clients, lambda: scene.draw(5_000), count))


def transfers(clients: int) -> dict[str, object]:
    """One vial sent to two cabinets at once, received and drawn from: it is at one place at every moment."""
    scene = make_scene()
    signed = {"by": scene.nurse, "at": scene.at}
    places = [
        actions.open_place(kind="cabinet", name=f"Cabinet {n}", key=new_id(), **signed).place
        for n in (1, 2)
    ]

    def send(place):
        return lambda: actions.send(
            container_ids=[scene.vial.container_id], place_id=place.place_id, reason="busy",
            key=new_id(), **signed,
        )  # fmt: skip

    def arrive():
        for transfer in queries.open_transfers(scene.nurse.clinic_id):
            return actions.arrive(
                transfer_id=transfer.sent.transfer_id, by=scene.witness, at=scene.at, key=new_id()
            )
        return Refused(code="NOTHING-SENT", message="")

    return outcome(
        scene,
        together(clients, send(places[0]), arrive, send(places[1]), lambda: scene.draw(5_000)),
    )


def corrections(clients: int) -> dict[str, object]:
    """One act corrected by many while its draw is given and wasted and a discrepancy of its vial is closed."""
    scene = make_scene()
    drawn = scene.draw(50_000)
    act_id = Act.objects.get(clinic_id=scene.nurse.clinic_id, kind="drawn").act_id
    count_all(
        scene.nurse, scene.witness, scene.at, kind="spot", off={scene.vial.container_id: 5_000}
    )
    (gap,) = queries.discrepancies(scene.nurse.clinic_id)
    witnessed = {
        "witness_login": scene.witness.login, "witness_password": PASSWORD, "by": scene.nurse,
        "at": scene.at,
    }  # fmt: skip

    def correct():
        return actions.correct(
            act_id=act_id, is_ug=45_000, reason="read wrong", key=new_id(), **witnessed
        )

    def close():
        made = Act.objects.filter(clinic_id=scene.nurse.clinic_id, kind="corrected")
        references = [row.correction.id for row in made.select_related("correction")]
        return actions.close_discrepancy(
            discrepancy_id=gap.discrepancy_id, how="correction", references=references,
            note="found", key=new_id(), **witnessed,
        )  # fmt: skip

    return outcome(
        scene,
        together(
            clients, correct, lambda: scene.waste(drawn.draw_id, 3_000), close,
            lambda: actions.give(
                draw_id=drawn.draw_id, amount_ug=3_000, by=scene.nurse, at=scene.at, key=new_id()
            ),
        ),
    )  # fmt: skip


SHAPES = (many_draws, one_key, two_nurses_one_draw, count_during_draws, transfers, corrections)

if __name__ == "__main__":
    with override_settings(PASSWORD_HASHERS=FAST):
        told = {shape.__name__: shape(int(sys.argv[1])) for shape in SHAPES}
    told["broken"] = [f"{each.invariant}: {each.what}" for each in broken()]
    print(json.dumps(told))
