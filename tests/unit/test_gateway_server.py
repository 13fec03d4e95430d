"""The sockets of the gateway, with a keeper that fails on demand in place of the database."""

import asyncio
import contextlib
from datetime import UTC, datetime

import pytest

from vigil.exchange.devices import server
from vigil.exchange.devices.acks import accept, control_id_in, read_ack
from vigil.exchange.devices.mllp import Framer, wrap, wrap_all
from vigil.exchange.devices.server import Gateway, StorageAway

AT = datetime(2026, 11, 23, 15, tzinfo=UTC)


class Keeper:
    """Keeps in memory what it is given; away while `is_away`."""

    def __init__(self):
        self.kept, self.batches, self.notes, self.is_away = [], [], [], False
        self.error = None

    def keep(self, taken):
        if self.error:
            raise self.error
        if self.is_away:
            raise StorageAway("test")
        self.batches.append(len(taken))
        self.kept += [one.item.payload for one in taken]
        return [
            accept(control_id=control_id_in(one.item.payload), ack_id="A", at=AT) for one in taken
        ]

    def note_back(self, *, lost_at, at, waiting):
        self.notes.append(waiting)


@contextlib.asynccontextmanager
async def serving(keeper, **how):
    gateway = Gateway(keeper=keeper, clock=lambda: AT, **how)
    stop, ports = asyncio.Event(), []
    task = asyncio.create_task(
        gateway.serve(host="127.0.0.1", port=0, stop=stop, ready=ports.append)
    )
    while not ports and not task.done():
        await asyncio.sleep(0.01)
    try:
        yield gateway, ports[0], task
    finally:
        stop.set()
        with contextlib.suppress(RuntimeError):
            await asyncio.wait_for(task, 10)


def message(n):
    return f"MSH|^~\\&|a|||||||M{n}|P\r".encode()


async def acks(reader, count):
    framer, found = Framer(), []
    while len(found) < count:
        piece = await asyncio.wait_for(reader.read(65536), 5)
        assert piece, "the gateway hung up"
        found += [read_ack(frame.payload).control_id for frame in framer.feed(piece)]
    return found


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(server, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(server, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(server, "WATCH_SECONDS", 0.02)
    monkeypatch.setattr(server, "DRAIN_SECONDS", 0.5)


def test_messages_that_come_together_share_a_commit_and_are_answered_in_order():
    async def play():
        keeper = Keeper()
        async with serving(keeper) as (_, port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(wrap_all([message(n) for n in range(60)]))
            assert await acks(reader, 60) == [f"M{n}" for n in range(60)]
        assert len(keeper.batches) < 20

    asyncio.run(play())


def test_while_storage_is_away_nobody_is_answered_and_then_everybody():
    """INV-DEV-06: the connection is kept, and the same bytes are committed when it is back."""

    async def play():
        keeper = Keeper()
        keeper.is_away = True
        async with serving(keeper) as (gateway, port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(wrap(message(1)))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.3)
            assert gateway.lost_at is not None
            keeper.is_away = False
            assert await acks(reader, 1) == ["M1"]
            assert keeper.kept == [message(1)]
            assert keeper.notes == [1]
            assert gateway.lost_at is None

    asyncio.run(play())


def test_one_sender_cannot_fill_the_memory_while_storage_is_away():
    async def play():
        keeper = Keeper()
        keeper.is_away = True
        async with serving(keeper) as (gateway, port, _):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(wrap_all([message(n) for n in range(5000)]))
            await asyncio.sleep(0.3)
            assert gateway.counts.waiting <= server.WAITING_PER_CONNECTION_MAX + 2

    asyncio.run(play())


def test_what_a_sender_sent_before_it_hung_up_is_kept():
    async def play():
        keeper = Keeper()
        async with serving(keeper) as (_, port, _):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(wrap(message(1)))
            await writer.drain()
            writer.transport.abort()
            await asyncio.sleep(0.01)
            _, half = await asyncio.open_connection("127.0.0.1", port)
            half.write(wrap(message(2)))
            half.close()
            await asyncio.sleep(0.3)
        assert message(2) in keeper.kept

    asyncio.run(play())


def test_a_fault_of_our_own_ends_the_process_instead_of_leaving_it_deaf():
    async def play():
        keeper = Keeper()
        keeper.error = RuntimeError("our bug")
        async with serving(keeper) as (_, port, task):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(wrap(message(1)))
            await asyncio.wait([task], timeout=5)
            with pytest.raises(RuntimeError, match="our bug"):
                task.result()

    asyncio.run(play())


def test_the_beat_stops_when_the_alarm_watch_no_longer_comes_round(monkeypatch):
    """Screens then say that monitoring is lost: it is."""
    monkeypatch.setattr(server, "WATCH_STALLED_SECONDS", 0.3)
    beats, fails = [], []

    def watch_once():
        if fails:
            raise StorageAway("test")

    async def play():
        async with serving(Keeper(), watch_once=watch_once, beat=lambda: beats.append(1)):
            await asyncio.sleep(0.6)
            assert len(beats) > 5
            fails.append(1)
            await asyncio.sleep(0.6)
            count = len(beats)
            await asyncio.sleep(0.3)
            assert len(beats) == count
            fails.clear()
            await asyncio.sleep(0.3)
            assert len(beats) > count

    asyncio.run(play())


def test_noise_that_goes_on_is_answered(monkeypatch):
    monkeypatch.setattr(server, "NOISE_SECONDS", 0.1)

    async def play():
        keeper = Keeper()
        async with serving(keeper) as (_, port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"MSH|^~\\&|no frame||||||ORU|M9")
            assert await acks(reader, 1) == ["M9"]
            writer.write(wrap(message(10)))
            assert await acks(reader, 1) == ["M10"]

    asyncio.run(play())
