"""The keeper in one process with the database: what it does when the database says no."""

import asyncio
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, OperationalError, connections

from devices_world import message
from vigil.exchange.devices import actions, keeper, queries, server
from vigil.exchange.devices.acks import read_ack
from vigil.exchange.devices.keeper import DatabaseKeeper, Watcher
from vigil.exchange.devices.mllp import Broken, Frame, wrap
from vigil.exchange.devices.server import Gateway, StorageAway, Taken

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 23, 15, tzinfo=UTC)


def taken(*payloads):
    return [Taken(item=Frame(payload=payload), received_at=AT) for payload in payloads]


def codes(answers):
    return [read_ack(answer).code for answer in answers]


def test_what_was_kept_and_refused_can_be_listed(clinic):
    good, bad = message(1, sender="A"), message(2, sender="A").replace(b"|NM|", b"|ST|")
    unknown = message(3, sender="A") + b"OBX|9|NM|1^X^MDC|1.9|77|||||R\r"
    broken = Taken(item=Broken(code="DEV-FRAME-CUT", reason="cut.", payload=b"MSH"), received_at=AT)

    answers = DatabaseKeeper().keep([*taken(good, bad, unknown), broken])

    assert codes(answers) == ["AA", "AE", "AA", "AE"]
    counts = queries.counts(clinic.clinic_id, since=AT)
    assert (counts.accepted, counts.quarantined, counts.with_unknown_codes) == (2, 2, 1)
    newest, oldest = queries.quarantined(clinic.clinic_id)
    assert (newest.code, oldest.code) == ("DEV-FRAME-CUT", "DEV-VALUE-TYPE")
    assert (oldest.place, oldest.control_id, oldest.size) == ("OBX-2", "A-2", len(bad))
    kept = queries.quarantined_bytes(oldest.quarantine_id, clinic_id=clinic.clinic_id)
    assert kept == bad


def test_a_message_that_the_database_refuses_is_quarantined_and_its_neighbours_are_stored(
    clinic, monkeypatch
):
    """INV-DEV-07."""
    whole = actions.record_samples

    def refusing(samples):
        if any(sample.message_id.startswith("B-2#") for sample in samples):
            raise IntegrityError("refused")
        return whole(samples)

    monkeypatch.setattr(actions, "record_samples", refusing)

    answers = DatabaseKeeper().keep(taken(*[message(n, sender="B") for n in (1, 2, 3)]))

    assert codes(answers) == ["AA", "AE", "AA"]
    (refused,) = queries.quarantined(clinic.clinic_id)
    assert (refused.code, refused.control_id) == ("DEV-NOT-STORED", "B-2")
    assert queries.counts(clinic.clinic_id, since=AT).accepted == 2


def test_a_message_that_cannot_even_be_quarantined_is_not_said_to_be_kept(clinic, monkeypatch):
    def refusing(arrivals, **_):
        raise IntegrityError("refused")

    monkeypatch.setattr(keeper, "keep", refusing)

    (answer,) = DatabaseKeeper().keep(taken(message(1, sender="C")))

    ack = read_ack(answer)
    assert ack.code == "AE"
    assert "Nothing was kept" in ack.reason


def test_without_a_server_or_a_clinic_nothing_is_answered(db, monkeypatch):
    with pytest.raises(StorageAway, match="No clinic"):
        DatabaseKeeper().keep(taken(message(1, sender="D")))
    Watcher().run_once()

    def away():
        raise OperationalError("gone")

    monkeypatch.setattr(keeper, "clinics", away)
    monkeypatch.setattr(keeper.connections["default"], "close", lambda: None)
    with pytest.raises(StorageAway):
        Watcher().run_once()


class ClosingKeeper(DatabaseKeeper):
    """Leaves no connection behind in the gateway's thread: the test database is dropped afterwards."""

    def keep(self, taken):
        try:
            return super().keep(taken)
        finally:
            connections.close_all()


def test_a_system_without_a_clinic_beats_and_answers_nobody(db, monkeypatch):
    """Set up but still empty, it is well: there is nothing to watch, and a monitor's message waits."""
    monkeypatch.setattr(server, "WATCH_STALLED_SECONDS", 0.3)
    monkeypatch.setattr(server, "WATCH_SECONDS", 0.02)
    monkeypatch.setattr(server, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(server, "DRAIN_SECONDS", 0.1)
    beats, rounds = [], []

    def watch_once():
        try:
            Watcher().run_once()
            rounds.append(1)
        finally:
            connections.close_all()

    async def run():
        gateway = Gateway(
            keeper=ClosingKeeper(), clock=lambda: AT, watch_once=watch_once,
            beat=lambda: beats.append(1),
        )  # fmt: skip
        stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
        served = asyncio.create_task(
            gateway.serve(host="127.0.0.1", port=0, stop=stop, ready=port.set_result)
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", await port)
        writer.write(wrap(message(1, sender="F")))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 1.0)
        # Beats of the first moments prove nothing: the watch may fail for so long without being missed.
        count = len(beats)
        await asyncio.sleep(0.5)
        stop.set()
        writer.close()
        await served
        return count, gateway.lost_at

    count, lost_at = asyncio.run(run())

    assert rounds
    assert len(beats) > count
    assert lost_at == AT


def test_the_rows_of_what_arrived_cannot_be_changed(clinic):
    from django.db import InternalError, ProgrammingError, connection, transaction

    DatabaseKeeper().keep(taken(message(1, sender="E"), b"bad"))

    for table in ("exchange_rawframe", "exchange_quarantinedframe"):
        for act in (f"UPDATE {table} SET sender = 'x'", f"DELETE FROM {table}"):
            with (
                pytest.raises((InternalError, ProgrammingError), match="pgtrigger"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(act)
