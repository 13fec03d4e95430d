"""The sockets of the gateway: framing, waiting for the commit, answering in order.

In: bytes of any number of senders, and a keeper that commits. Out: one answer to each message, only after its
commit, in the order in which the messages came. No database here: `keeper` has it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from vigil.exchange.devices.mllp import SIZE_MAX, Broken, Frame, Framer, wrap

log = logging.getLogger("vigil.gateway")

BATCH_SECONDS = 0.010
"""How long a message waits for others to share its commit: 5 to 20 ms cost no one anything."""

BATCH_MAX = 500
"""Most messages in one commit."""

RETRY_SECONDS = 0.5
"""Between two tries to reach a database that is away."""

WAITING_PER_CONNECTION_MAX = 64
"""Messages of one sender that may wait for their commit; then its socket is not read until one is done."""

WAITING_BYTES_MAX = 64 * 1024 * 1024
"""Bytes of all senders that may wait; then no socket is read."""

NOISE_SECONDS = 2.0
HALF_FRAME_SECONDS = 30.0
"""How long a sender may rest inside noise, or inside a frame, before it is told that this is no message."""

WATCH_SECONDS = 0.5
BEAT_SECONDS = 1.0
WATCH_STALLED_SECONDS = 5.0
"""Without a finished alarm watch for so long the gateway stops beating: screens then say monitoring is lost."""

DRAIN_SECONDS = 3.0
"""How long a stop waits for what has arrived to be committed and answered."""


class StorageAway(Exception):
    """The database cannot be reached now; nothing was committed, and the same may be tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One message as it came off a socket, or what was not a message."""

    item: Frame | Broken
    received_at: datetime


class Keeper(Protocol):
    """What commits messages. `keep` runs in one thread of its own."""

    def keep(self, taken: Sequence[Taken]) -> list[bytes]:
        """Commit all, then give the answers in the same order; raises StorageAway."""
        ...

    def note_back(self, *, lost_at: datetime, at: datetime, waiting: int) -> None:
        """Write down that storage was away and is back."""
        ...


@dataclass(slots=True, kw_only=True)
class _Waiting:
    taken: Taken
    answer: asyncio.Future[bytes]

    @property
    def size(self) -> int:
        return len(self.taken.item.payload)


@dataclass(slots=True, kw_only=True)
class Counts:
    """What the gateway has done since it started."""

    connections: int = 0
    answered: int = 0
    waiting: int = 0
    waiting_bytes: int = 0


@dataclass(slots=True, kw_only=True)
class Gateway:
    """Sockets on one side, one committing thread on the other."""

    keeper: Keeper
    clock: Callable[[], datetime]
    watch_once: Callable[[], None] | None = None
    beat: Callable[[], None] | None = None
    size_max: int = SIZE_MAX
    counts: Counts = field(default_factory=Counts)
    lost_at: datetime | None = None
    watched_at: float | None = None
    _queue: asyncio.Queue[_Waiting] = field(default_factory=asyncio.Queue)
    _has_room: asyncio.Event = field(default_factory=asyncio.Event)
    _connections: set[asyncio.Task[None]] = field(default_factory=set)
    _is_stopping: bool = False

    async def serve(
        self, *, host: str, port: int, stop: asyncio.Event, ready: Callable[[int], None]
    ) -> None:
        """Answer monitors until `stop` is set; `ready` is told the port once it listens."""
        self._has_room.set()
        server = await asyncio.start_server(self._accept, host, port, limit=1 << 16)
        tasks = [asyncio.create_task(self._commit_forever())]
        if self.watch_once is not None:
            tasks.append(asyncio.create_task(self._watch_forever(self.watch_once)))
        if self.beat is not None:
            tasks.append(asyncio.create_task(self._beat_forever(self.beat)))
        ready(server.sockets[0].getsockname()[1])
        watched = asyncio.create_task(stop.wait())
        try:
            # A loop that ends on its own is our bug: better to end and be brought back than to be deaf.
            done, _ = await asyncio.wait([watched, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {watched}:
                task.result()
        finally:
            watched.cancel()
            server.close()
            await self._drain()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _drain(self) -> None:
        self._is_stopping = True
        deadline = asyncio.get_running_loop().time() + DRAIN_SECONDS
        while self.counts.waiting and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    # --- one connection ------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self.counts.connections += 1
        answers: asyncio.Queue[asyncio.Future[bytes] | None] = asyncio.Queue(
            WAITING_PER_CONNECTION_MAX
        )
        answering = asyncio.create_task(self._answer(writer, answers))
        try:
            await self._read(reader, answers)
            await answers.put(None)
            await answering
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            # The sender went away, or we stop: what it sent is committed all the same, and the
            # sender, having no answer, sends it again.
            pass
        finally:
            answering.cancel()
            writer.close()
            self.counts.connections -= 1
            self._connections.discard(task)

    async def _read(
        self,
        reader: asyncio.StreamReader,
        answers: "asyncio.Queue[asyncio.Future[bytes] | None]",
    ) -> None:
        framer = Framer(size_max=self.size_max)
        while not self._is_stopping:
            await self._has_room.wait()
            piece = await self._next_piece(reader, framer)
            found = framer.close() if piece in (None, b"") else framer.feed(piece or b"")
            for item in found:
                await self._take(item, answers)
            if piece == b"":
                return

    async def _next_piece(self, reader: asyncio.StreamReader, framer: Framer) -> bytes | None:
        """The next bytes; empty when the sender stopped; None when it rests in what is no message."""
        rest = None
        if framer.is_waiting():
            rest = HALF_FRAME_SECONDS if framer.is_inside() else NOISE_SECONDS
        try:
            return await asyncio.wait_for(reader.read(1 << 16), rest)
        except TimeoutError:
            return None

    async def _take(
        self, item: Frame | Broken, answers: "asyncio.Queue[asyncio.Future[bytes] | None]"
    ) -> None:
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(taken=Taken(item=item, received_at=self.clock()), answer=future)
        self.counts.waiting += 1
        self.counts.waiting_bytes += waiting.size
        if self.counts.waiting_bytes > WAITING_BYTES_MAX:
            self._has_room.clear()
        self._queue.put_nowait(waiting)
        if isinstance(item, Frame) or item.wants_answer:
            await answers.put(future)

    async def _answer(
        self,
        writer: asyncio.StreamWriter,
        answers: "asyncio.Queue[asyncio.Future[bytes] | None]",
    ) -> None:
        while (future := await answers.get()) is not None:
            answer = await asyncio.shield(future)
            writer.write(wrap(answer))
            await writer.drain()
            self.counts.answered += 1

    # --- commits -------------------------------------------------------------------------------

    async def _commit_forever(self) -> None:
        with ThreadPoolExecutor(1, thread_name_prefix="keeper") as thread:
            while True:
                batch = await self._gather()
                answers = await self._commit(thread, batch)
                for waiting, answer in zip(batch, answers, strict=True):
                    self.counts.waiting -= 1
                    self.counts.waiting_bytes -= waiting.size
                    if not waiting.answer.done():
                        waiting.answer.set_result(answer)
                if self.counts.waiting_bytes <= WAITING_BYTES_MAX:
                    self._has_room.set()

    async def _gather(self) -> list[_Waiting]:
        batch = [await self._queue.get()]
        await asyncio.sleep(BATCH_SECONDS)
        while len(batch) < BATCH_MAX and not self._queue.empty():
            batch.append(self._queue.get_nowait())
        return batch

    async def _commit(self, thread: ThreadPoolExecutor, batch: list[_Waiting]) -> list[bytes]:
        loop = asyncio.get_running_loop()
        taken = [waiting.taken for waiting in batch]
        while True:
            try:
                answers = await loop.run_in_executor(thread, self.keeper.keep, taken)
            except StorageAway as away:
                if self.lost_at is None:
                    self.lost_at = self.clock()
                    log.error("Storage is away, no message is acknowledged: %s", away)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                await self._say_back(thread)
                return answers

    async def _say_back(self, thread: ThreadPoolExecutor) -> None:
        if self.lost_at is None:
            return
        lost_at, at, waiting = self.lost_at, self.clock(), self.counts.waiting
        log.warning("Storage is back after %s; %d messages had waited.", at - lost_at, waiting)
        note = lambda: self.keeper.note_back(lost_at=lost_at, at=at, waiting=waiting)  # noqa: E731
        try:
            await asyncio.get_running_loop().run_in_executor(thread, note)
        except StorageAway:
            return  # Away again: the note is written when it stays.
        self.lost_at = None

    # --- alarms and beats ----------------------------------------------------------------------

    async def _watch_forever(self, watch_once: Callable[[], None]) -> None:
        with ThreadPoolExecutor(1, thread_name_prefix="watch") as thread:
            loop, is_well = asyncio.get_running_loop(), True
            self.watched_at = loop.time()
            while True:
                try:
                    await loop.run_in_executor(thread, watch_once)
                    self.watched_at, is_well = loop.time(), True
                except StorageAway as away:
                    if is_well:
                        log.error("The alarm watch cannot reach the database: %s", away)
                    is_well = False
                except Exception:
                    # The watch must come round again; without it the beat stops and screens say so.
                    if is_well:
                        log.exception("The alarm watch failed; it is tried again.")
                    is_well = False
                await asyncio.sleep(WATCH_SECONDS)

    async def _beat_forever(self, beat: Callable[[], None]) -> None:
        while True:
            age_seconds = asyncio.get_running_loop().time() - (self.watched_at or 0.0)
            if self.watched_at is None or age_seconds <= WATCH_STALLED_SECONDS:
                with contextlib.suppress(OSError):
                    beat()
            await asyncio.sleep(BEAT_SECONDS)
