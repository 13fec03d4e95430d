"""Guessing is slow: wrong passwords per login and per source are counted, over a short window."""

from datetime import timedelta

import pytest

from conftest import PASSWORD
from vigil.people import actions, attempts
from vigil.people.models import SignInAttempt
from vigil.units.refusals import Refused

pytestmark = pytest.mark.django_db

WRONG = "wrong horse battery staple"


@pytest.fixture
def clock(monkeypatch, at):
    held = {"now": at}
    monkeypatch.setattr(attempts, "machine_now", lambda: held["now"])
    return held


def sign_in(client, login="nurse1", password=WRONG, address="203.0.113.7"):
    return client.post("/sign-in", {"login": login, "password": password}, REMOTE_ADDR=address)


def guess(client, times, **how):
    return [sign_in(client, **how).status_code for _ in range(times)]


def test_the_tenth_wrong_password_is_the_last_for_a_while(client, nurse, clock):
    """Hazard: a password found by trying. The wait is told, and the right password waits too."""
    assert guess(client, attempts.WRONG_PER_LOGIN_MAX) == [400] * attempts.WRONG_PER_LOGIN_MAX

    answer = sign_in(client, password=PASSWORD)

    assert answer.status_code == 429
    assert b"Wait 60 seconds" in answer.content
    assert client.get("/").status_code == 302


def test_the_wait_is_short_and_not_made_longer_by_trying(client, nurse, clock):
    """Nobody is locked out for long by a stranger."""
    guess(client, attempts.WRONG_PER_LOGIN_MAX)
    clock["now"] += attempts.WINDOW - timedelta(seconds=1)
    assert guess(client, 5) == [429] * 5

    clock["now"] += timedelta(seconds=1)

    assert sign_in(client, password=PASSWORD).status_code == 302


def test_one_login_that_is_guessed_at_does_not_stop_another(client, nurse, second_nurse, clock):
    guess(client, attempts.WRONG_PER_LOGIN_MAX)

    assert sign_in(client, login="nurse2", password=PASSWORD).status_code == 302


def test_one_address_cannot_try_every_login(client, nurse, clock):
    """Also names that do not exist count, and another address is free."""
    most = attempts.WRONG_PER_SOURCE_MAX
    for number in range(most):
        assert sign_in(client, login=f"nobody{number}").status_code == 400

    assert sign_in(client, password=PASSWORD).status_code == 429
    assert sign_in(client, password=PASSWORD, address="203.0.113.8").status_code == 302


def test_an_unknown_name_waits_as_a_known_one_does(client, nurse, clock):
    """The wait tells nothing about who works here."""
    most = attempts.WRONG_PER_LOGIN_MAX + 1

    assert guess(client, most, login="nobody") == guess(client, most, address="203.0.113.8")


def test_right_passwords_are_not_counted(client, nurse, clock):
    for _ in range(attempts.WRONG_PER_LOGIN_MAX + 2):
        assert sign_in(client, password=PASSWORD).status_code == 302

    assert not SignInAttempt.objects.exists()


def test_a_witness_is_guessed_at_no_faster(nurse, second_nurse, clock):
    """INV-PEO-06: the second signature is worth no less than a sign-in, and both count together."""

    def confirm(password):
        return actions.confirm_witness(login="nurse2", password=password, for_performer=nurse)

    codes = [confirm(WRONG).code for _ in range(attempts.WRONG_PER_LOGIN_MAX)]
    assert set(codes) == {"PEO-WITNESS-SIGN-IN"}
    waits = confirm(PASSWORD)
    assert isinstance(waits, Refused)
    assert waits.code == "PEO-WAIT"

    clock["now"] += attempts.WINDOW
    assert confirm(PASSWORD) == second_nurse


def test_a_signature_is_guessed_at_no_faster(prescriber, clock):
    """A screen left open is not a person, however often one tries."""
    for _ in range(attempts.WRONG_PER_LOGIN_MAX):
        assert actions.confirm_self(password=WRONG, by=prescriber).code == "PEO-PASSWORD"

    assert actions.confirm_self(password=PASSWORD, by=prescriber).code == "PEO-WAIT"
    clock["now"] += attempts.WINDOW
    assert actions.confirm_self(password=PASSWORD, by=prescriber) is None


def test_no_name_and_no_address_is_kept_and_old_guesses_are_forgotten(client, nurse, clock):
    """What was typed as a name may be a password: only a keyed hash is stored, and not for long."""
    sign_in(client, login="my secret password")
    assert not SignInAttempt.objects.filter(scope__contains="secret").exists()
    assert all(len(row.scope) == 64 for row in SignInAttempt.objects.all())

    clock["now"] += attempts.WINDOW
    sign_in(client, login="somebody else")

    assert set(SignInAttempt.objects.values_list("at", flat=True)) == {clock["now"]}
