"""The worker: seals every clinic's care register twice a second, signs heads, and asks for follow-up answers.

In: entries that no link holds yet; finished sessions. Out: links of the hash chain; signed heads; invitations; a beat.
Run: `python -m vigil.config.worker`.
"""

import logging
import os
import signal
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vigil.config.settings")

SEAL_EVERY_SECONDS = 0.5
"""An act is sealed within a second of its commit (decision 0007): two rounds and their work fit."""

INVITE_EVERY_SECONDS = 20.0
"""A follow-up is asked for the next morning; half a minute more or less is nothing."""

KEEP_EVERY_SECONDS = 1.0
"""How often it is asked whether a head is due; after a count it is signed within that, for the sheet."""

log = logging.getLogger("vigil.worker")


def main() -> int:
    """Work until SIGTERM."""
    django.setup()
    from django.db import DatabaseError, InterfaceError, OperationalError, connection

    from vigil.record.heartbeat import beat

    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: stopping.append(number))
    invited_at = -INVITE_EVERY_SECONDS
    kept_at = -KEEP_EVERY_SECONDS
    while not stopping:
        try:
            sealed = seal_once()
            if time.monotonic() - kept_at >= KEEP_EVERY_SECONDS:
                keep_once()
                kept_at = time.monotonic()
            if time.monotonic() - invited_at >= INVITE_EVERY_SECONDS:
                invite_once()
                invited_at = time.monotonic()
            beat("worker")
            if sealed:
                log.debug("sealed %d entries", sealed)
        except (OperationalError, InterfaceError) as error:
            # The database is away or restarting: nothing is lost, the entries wait. Every other error ends
            # this process, and the supervisor shows it and starts a new one.
            log.warning("waiting for the database: %s", type(error).__name__)
            try:
                connection.close()
            except DatabaseError:
                log.warning("the broken connection could not be closed")
        time.sleep(SEAL_EVERY_SECONDS)
    return 0


def seal_once() -> int:
    """Seal what waits in every clinic; returns how many entries."""
    from vigil.people.queries import clinics
    from vigil.record.actions import CARE, seal

    return sum(seal(clinic_id=clinic.clinic_id, register=CARE) for clinic in clinics())


def keep_once() -> int:
    """Sign the heads that are due and keep them outside the database; returns how many were signed."""
    from vigil.people.queries import clinics
    from vigil.record.clock import now
    from vigil.record.heads import sign_due
    from vigil.record.own_heads import keep_heads
    from vigil.record.signing import KeyUnusable

    signed = 0
    try:
        for clinic in clinics():
            signed += sign_due(clinic_id=clinic.clinic_id, at=now())
            keep_heads(clinic_id=clinic.clinic_id, at=now())
    except (KeyUnusable, OSError) as error:
        # Sealing must go on without a key or a full disk; `vigil doctor` and /status show it.
        log.error("heads are not signed or kept: %s", error)
    return signed


def invite_once() -> int:
    """Ask for the answers that follow finished sessions; returns how many were newly asked for."""
    from vigil.outcome.actions import invite_due
    from vigil.people.queries import clinics
    from vigil.record.clock import now

    return sum(invite_due(clinic.clinic_id, now()) for clinic in clinics())


if __name__ == "__main__":
    sys.exit(main())
