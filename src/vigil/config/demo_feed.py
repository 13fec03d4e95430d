"""Simulated monitors of the demo clinic: one for each chair with an open session, once a second, over MLLP.

In: the open sessions of clinics that are simulated, and no other. Out: ORU^R01 messages to the gateway.
Run: `python -m vigil.config.demo_feed`.
"""

import logging
import os
import signal
import sys
import time
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vigil.config.settings")

ASK_SECONDS = 2.0
"""How often the open sessions are looked up."""

SURGE_AFTER_MINUTES = 34.0
"""When the second infusion of the morning shows a surge, so that an alarm can be seen without waiting long."""

log = logging.getLogger("vigil.demo_feed")


def main() -> int:
    """Send until SIGTERM."""
    django.setup()
    from django.db import OperationalError, connection

    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: stopping.append(number))
    ward = Ward()
    asked = -ASK_SECONDS
    while not stopping:
        begun = time.monotonic()
        try:
            if begun - asked >= ASK_SECONDS:
                ward.look()
                asked = begun
        except OperationalError:
            # The monitors of a ward do not stop because a database does.
            connection.close()
        ward.send_all()
        ward.rest(max(0.0, 1.0 - (time.monotonic() - begun)))
    return 0


class Ward:
    """The monitors that are on now."""

    def __init__(self) -> None:
        from vigil.exchange.devices.codes import load_codes

        self.codes = load_codes()
        self.monitors: dict[UUID, Bedside] = {}

    def look(self) -> None:
        """Switch monitors on where a session opened and off where one closed."""
        from vigil.people.queries import clinics
        from vigil.record.clock import now
        from vigil.session.queries import open_sessions, state

        seen: set[UUID] = set()
        for clinic in clinics():
            if not clinic.is_simulated:
                continue
            for each in open_sessions(clinic.clinic_id):
                current = state(each.session_id, clinic_id=clinic.clinic_id, now=now())
                if current is None or current.discharged_at is not None:
                    continue
                seen.add(each.session_id)
                if each.session_id not in self.monitors:
                    self.monitors[each.session_id] = Bedside(each, clinic.clinic_id)
                self.monitors[each.session_id].started_at = current.started_at
        for gone in set(self.monitors) - seen:
            self.monitors.pop(gone).close()

    def send_all(self) -> None:
        """One message from each monitor."""
        for monitor in self.monitors.values():
            monitor.send(self.codes)

    def rest(self, seconds: float) -> None:
        """Listen for acknowledgements until the next second."""
        if not self.monitors:
            time.sleep(seconds)
        for monitor in self.monitors.values():
            monitor.listen(seconds / len(self.monitors))


class Bedside:
    """One simulated monitor at one chair."""

    def __init__(self, open_session, clinic_id: UUID) -> None:
        from django.conf import settings

        from vigil.config.demo_visits import body_of
        from vigil.exchange.devices.sender import Sender
        from vigil.exchange.devices.simulator import Monitor, Planted
        from vigil.people.queries import patient
        from vigil.record.clock import new_id

        person = patient(open_session.patient_id, clinic_id=clinic_id)
        assert person is not None
        assert person.is_simulated, "a simulated monitor never sits beside a real patient"
        surge = SURGE_AFTER_MINUTES if open_session.phase == "running" else None
        self.location = open_session.device_location
        self.started_at = None
        self.monitor = Monitor(patient=body_of(person), planted=Planted(surge_minute=surge))
        self.sender = Sender(host="127.0.0.1", port=settings.MLLP_PORT, give_up_seconds=1e9)
        self.run = new_id().hex[-8:]
        self.sent = 0

    def send(self, codes) -> None:
        """Read the simulated patient and send what the monitor shows."""
        from vigil.config.demo_visits import monitor_name
        from vigil.exchange.devices.messages import write_oru
        from vigil.record.clock import now
        from vigil.units.durations import elapsed

        at = now().replace(microsecond=0)
        minute = -1.0
        if self.started_at is not None:
            minute = elapsed(self.started_at, at).total_seconds() / 60
        if self.sender.is_full:
            # The gateway is away: like a real monitor, this one keeps little and goes on showing.
            return
        self.sent += 1
        control_id = f"{self.run}-{self.sent}"
        payload = write_oru(
            self.monitor.read(minute, at), codes=codes, control_id=control_id,
            sender=monitor_name(self.location), location=self.location, at=at,
        )  # fmt: skip
        self.sender.send(control_id, payload)

    def listen(self, seconds: float) -> None:
        """Take acknowledgements in, sending again what was not answered."""
        self.sender.rest(seconds)

    def close(self) -> None:
        """Switch the monitor off."""
        self.sender.close()


if __name__ == "__main__":
    sys.exit(main())
