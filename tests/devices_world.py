"""What the device tests share: a PostgreSQL of their own, a clinic with chairs, a gateway process.

Everything is real: the server keeps fsync on, the gateway is its own process, messages go over sockets.
"""

import atexit
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import psycopg

from vigil.config import postgres
from vigil.exchange.devices.acks import Ack, read_ack
from vigil.exchange.devices.codes import load_codes
from vigil.exchange.devices.messages import CHANNELS, Spelled, write_oru
from vigil.exchange.devices.mllp import Frame, Framer, wrap

CODES = load_codes()
AT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)

FOUND = """
import django; django.setup()
from datetime import UTC, date, datetime
from a_custody_scene import sign_plan
from conftest import PASSWORD
from vigil.people.actions import employ, found_clinic, register_patient
from vigil.people.duties import Duty
from vigil.record.clock import new_id
from vigil.session import actions

at = datetime(2026, 11, 23, 9, tzinfo=UTC)
clinic = found_clinic(name="Test clinic", time_zone="America/New_York", is_simulated=True, at=at)
who = {"clinic_id": clinic.clinic_id, "password": PASSWORD, "by": "setup", "at": at}
desk, prescriber, nurse = (
    employ(login=login, name=login, duties=[Duty(d) for d in duties], **who)
    for login, duties in (
        ("desk", ["register"]), ("prescriber", ["assess", "prescribe"]), ("nurse", ["monitor"]),
    )
)
print(clinic.clinic_id)
for n in (1, 2, 3, 4):
    chair = actions.add_chair(
        clinic_id=clinic.clinic_id, name=f"Chair {n}", device_location=f"KET^{n}^A", by="setup", at=at
    )
    if n in (3, 4):
        patient = register_patient(
            name=f"Test Patient {n}", born_on=date(1972, 3, 14), sex="female", phone="", allergies=(),
            by=desk, at=at, key=new_id(),
        )
        seated = actions.check_in(
            patient_id=patient.patient_id, plan_id=sign_plan(patient, prescriber, at),
            chair_id=chair.chair_id, weight_g=70_000, sbp=124, dbp=78, escort_name="Simulated Friend",
            escort_phone="555 0100", food_minutes=600, drink_minutes=300, by=nurse, at=at, key=new_id(),
        )
        print(seated.session_id)
"""
"""Chairs 1 and 2 are free; at 3 and 4 a patient has been checked in."""


@dataclass
class World:
    """One database server with one clinic in it."""

    cluster: postgres.Cluster
    home: Path
    server: subprocess.Popen | None = None
    clinic_id: str = ""
    sessions: tuple[str, ...] = ()
    gateways: list = field(default_factory=list)
    shared: "Running | None" = None

    @property
    def env(self) -> dict[str, str]:
        return {
            **os.environ,
            "DATABASE_URL": self.cluster.url,
            "VIGIL_HOME": str(self.home),
            "VIGIL_SECRET_KEY": "only-for-tests-" + "0" * 40,
            "DJANGO_SETTINGS_MODULE": "vigil.config.settings",
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
        }

    def run(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [sys.executable, *argv], env=self.env, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0 or not check, done.stderr[-2000:]
        return done

    def sql(self, query: str, *values: object) -> list[tuple]:
        with psycopg.connect(self.cluster.url, autocommit=True) as db:
            return db.execute(query, values).fetchall()

    def start_server(self) -> None:
        self.server = postgres.start(self.cluster)

    def kill_server(self) -> None:
        """kill -9 of the whole database: the postmaster and every child."""
        assert self.server is not None
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.server.pid)], capture_output=True, text=True
        ).stdout.split()
        self.server.kill()
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        self.server.wait(10)

    def shared_gateway(self) -> "Running":
        """One gateway for the tests that do not kill it."""
        if self.shared is None or self.shared.process.poll() is not None:
            self.shared = self.gateway()
        return self.shared

    def gateway(self, module: str = "vigil.exchange.devices.gateway", port: int = 0) -> "Running":
        env = {**self.env, "VIGIL_MLLP_PORT": str(port)}
        log = open(self.home / "gateway.log", "ab")  # noqa: SIM115 - the process keeps it
        process = subprocess.Popen(
            [sys.executable, "-m", module], env=env, stdout=subprocess.PIPE, stderr=log
        )
        self.gateways.append(process)
        said = process.stdout.readline()
        assert said, (self.home / "gateway.log").read_text()[-3000:]
        return Running(process=process, port=json.loads(said)["port"])

    def close(self) -> None:
        for process in self.gateways:
            if process.poll() is None:
                process.kill()
                process.wait(10)
        if self.server is not None:
            postgres.stop(self.server)
        shutil.rmtree(self.home.parent, ignore_errors=True)


@dataclass
class Running:
    """A gateway process that listens."""

    process: subprocess.Popen
    port: int

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@cache
def shared_world() -> World:
    """A fresh server, for all device tests of one run, with every table and one clinic of four chairs."""
    root = Path(tempfile.mkdtemp(prefix="vigil-devices-"))
    os.chmod(root, 0o755)
    home = root / "home"
    home.mkdir()
    world = World(cluster=postgres.create(root / "database"), home=home)
    world.start_server()
    atexit.register(world.close)
    world.run("-m", "django", "migrate", "--skip-checks", "-v", "0")
    world.clinic_id, *sessions = world.run("-c", FOUND).stdout.split()
    world.sessions = tuple(sessions)
    return world


def message(
    number: int, *, sender: str, place: str = "KET^1^A", texts: dict | None = None
) -> bytes:
    """A monitor's message: four vitals, different in each."""
    texts = texts or {
        "147842": str(60 + number % 60),
        "150456": str(90 + number % 10),
        "149530": str(61 + number % 60),
        "151578": str(10 + number % 10),
    }
    at = AT.replace(microsecond=(number % 1000) * 1000)
    values = [
        Spelled(code=code, text=text, measured_at=at, sub_id=CHANNELS[code])
        for code, text in texts.items()
    ]
    return write_oru(
        values, codes=CODES, control_id=f"{sender}-{number}", sender=sender, location=place, at=AT
    )


class Line:
    """A socket to a gateway, without any cleverness."""

    def __init__(self, port: int, timeout: float = 5.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.framer = Framer()
        self.waiting: list[Ack] = []

    def send(self, payload: bytes) -> None:
        self.socket.sendall(wrap(payload))

    def send_bytes(self, raw: bytes) -> None:
        self.socket.sendall(raw)

    def ack(self) -> Ack:
        while not self.waiting:
            piece = self.socket.recv(1 << 16)
            if not piece:
                raise ConnectionError("the gateway hung up")
            for item in self.framer.feed(piece):
                assert isinstance(item, Frame)
                self.waiting.append(read_ack(item.payload))
        return self.waiting.pop(0)

    def ask(self, payload: bytes) -> Ack:
        self.send(payload)
        return self.ack()

    def close(self) -> None:
        self.socket.close()
