"""Draws 10 µg after another until it is killed; a program for test_custody_kill.

`a_custody_writer.py setup` makes a clinic and prints what a writer needs. `a_custody_writer.py write FILE` waits for a number
on each line of its input and forks a writer for it (`pid N`), that draws the numbers FIRST, FIRST + 1, ...: it prints
`try N` before each and `ack N` when the action has answered; `end` follows when it is dead. `check` prints what the invariant
queries find. Number N has always the same key: a number tried again is the same request.
"""

# ruff: noqa: E402  Django is set up before anything of it is imported: this file is a program, not a module.

import json
import os
import sys
from pathlib import Path
from uuid import UUID, uuid5

import django

django.setup()

from django.conf import settings
from django.test.utils import override_settings

from conftest import PASSWORD
from vigil.custody import actions
from vigil.custody.domain.facts import Drawn
from vigil.custody.invariants import broken
from vigil.people import queries as people
from vigil.record.clock import now

FAST = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]
NUMBERS = UUID(int=0xC0DE)
STEP_UG = 10


def key_of(number: int) -> UUID:
    return uuid5(NUMBERS, str(number))


def setup() -> None:
    from a_custody_contention import make_scene

    scene = make_scene()
    told = {
        "vial": scene.vial.container_id, "patient": scene.patient.patient_id, "plan": scene.plan_id,
        "nurse": scene.nurse.staff_id, "witness": scene.witness.login,
    }  # fmt: skip
    print(json.dumps({name: str(value) for name, value in told.items()}))


def fork_writers(file: str) -> None:
    """A writer for each line of input: forked before there is a connection, so that it starts at once."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            # What a killed writer says of its lost connection is no news.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
            try:
                write(file, int(line))
            finally:
                os._exit(1)
        print(f"pid {child}", flush=True)
        os.waitpid(child, 0)
        print("end 0", flush=True)


def write(file: str, first: int) -> None:
    scene = json.loads(Path(file).read_text())
    nurse = people.staff(UUID(scene["nurse"]))
    number = first
    while True:
        print(f"try {number}", flush=True)
        answer = actions.draw(
            container_id=UUID(scene["vial"]), amount_ug=STEP_UG, plan_id=UUID(scene["plan"]),
            patient_id=UUID(scene["patient"]), purpose_id=key_of(-number),
            witness_login=scene["witness"], witness_password=PASSWORD, by=nurse, at=now(),
            key=key_of(number),
        )  # fmt: skip
        assert isinstance(answer, Drawn), answer
        print(f"ack {number}", flush=True)
        number += 1


if __name__ == "__main__":
    with override_settings(PASSWORD_HASHERS=FAST):
        if sys.argv[1] == "setup":
            setup()
        elif sys.argv[1] == "check":
            print(json.dumps([f"{each.invariant}: {each.what}" for each in broken()]))
        else:
            fork_writers(sys.argv[2])
