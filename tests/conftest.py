"""What tests share: a PostgreSQL of their own, a simulated clinic, its staff, a clock.

`DATABASE_URL` names another server to test on; otherwise the embedded one is started in a temporary folder.
"""

import atexit
import os
import shutil
import signal
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No test judges time: whoever else is on the machine must not decide whether it passes.
settings.register_profile("vigil", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("vigil")

os.environ.setdefault("VIGIL_SECRET_KEY", "only-for-tests-" + "0" * 40)
os.environ.setdefault("VIGIL_HOME", tempfile.mkdtemp(prefix="vigil-home-"))


@pytest.fixture(scope="session")
def django_db_modify_db_settings():
    """Point Django at a server of this test run; pure tests never start one."""
    from django.db import connections

    from vigil.config import postgres
    from vigil.config.settings import database

    if "DATABASE_URL" in os.environ:
        return
    root = Path(tempfile.mkdtemp(prefix="vigil-test-"))
    os.chmod(root, 0o755)
    cluster = postgres.create(root)
    # Tests may lose everything at a power cut: only here, never in the product.
    with open(cluster.data / "postgresql.conf", "a") as settings:
        settings.write("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n")
    process = postgres.start(cluster)
    connections["default"].settings_dict.update(database(cluster.url))

    def stop() -> None:
        # SIGINT is PostgreSQL's fast stop: it does not wait for connections that a failed test left open.
        process.send_signal(signal.SIGINT)
        process.wait(20)
        shutil.rmtree(root, ignore_errors=True)

    atexit.register(stop)


@pytest.fixture(autouse=True)
def _home_is_its_own():
    """What a test leaves in the clinic's home (a signing key, kept heads) is gone for the next one."""
    from django.test import override_settings

    with (
        tempfile.TemporaryDirectory(prefix="vigil-home-") as home,
        override_settings(HOME=Path(home)),
    ):
        yield


@pytest.fixture(scope="session", autouse=True)
def _passwords_are_cheap():
    """Hash at the least cost in this process; processes that a test starts hash as the product does."""
    from django.test import override_settings

    with override_settings(PASSWORD_HASHERS=["cheap_passwords.CheapArgon2"]):
        yield


PASSWORD = "correct horse battery staple"


@pytest.fixture
def at() -> datetime:
    """A quiet Monday morning."""
    return datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def server_morning(monkeypatch, tmp_path_factory) -> datetime:
    """The server's own clock set to a quiet Monday morning of the clinic, and running: for pages and commands, which read it.

    A test that took the machine's hour would cross the clinic's midnight whenever it ran late enough.
    """
    from vigil.record.clock import machine_now, now

    # Nine in New York, where the test clinic stands; no change of the clocks within weeks.
    morning = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
    offset = tmp_path_factory.mktemp("clock") / "offset"
    offset.write_text(str((morning - machine_now()).total_seconds()))
    monkeypatch.setenv("VIGIL_TEST_CLOCK", str(offset))
    return now()


@pytest.fixture
def key():
    """Makes a new idempotency key each time it is called."""
    from vigil.record.clock import new_id

    return new_id


@pytest.fixture
def clinic(db, at):
    from vigil.people.actions import found_clinic

    return found_clinic(name="Demo clinic", time_zone="America/New_York", is_simulated=True, at=at)


@pytest.fixture
def hire(clinic, at):
    """Employs a person with the given duties."""
    from vigil.people.actions import employ
    from vigil.people.duties import Duty

    def _hire(login: str, *duties: str):
        return employ(
            clinic_id=clinic.clinic_id, login=login, name=login.title(),
            duties=[Duty(duty) for duty in duties], password=PASSWORD, by="setup", at=at,
        )  # fmt: skip

    return _hire


@pytest.fixture
def front_desk(hire):
    return hire("desk", "register")


@pytest.fixture
def prescriber(hire):
    return hire("prescriber", "assess", "prescribe", "review", "witness")


@pytest.fixture
def nurse(hire):
    return hire("nurse1", "prepare", "witness", "give", "monitor", "discharge", "reconcile")


@pytest.fixture
def second_nurse(hire):
    return hire("nurse2", "prepare", "witness", "give", "monitor", "discharge", "reconcile")


@pytest.fixture
def compliance(hire):
    return hire("compliance", "receive", "reconcile", "review", "witness")


@pytest.fixture
def owner(hire):
    return hire("owner", "administer")


@pytest.fixture
def patient(front_desk, at, key):
    from datetime import date

    from vigil.people.actions import register_patient

    return register_patient(
        name="Test Patient", born_on=date(1972, 3, 14), sex="female", phone="", allergies=(),
        by=front_desk, at=at, key=key(),
    )  # fmt: skip
