"""One ear per process on the database's channel `vigil_session`, and its fan-out to every open screen.

In: notifications "<session id> samples" and "<session id> state". Out: for each subscriber what it has not heard yet,
coalesced, so that a slow screen costs nothing. When the database went away and came back, everybody is told to look
at everything: notifications of the meantime are lost, the rows are not.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
from django.db import connections

CHANNEL = "vigil_session"
RETRY_SECONDS = 1.0
KINDS = frozenset({"samples", "state"})

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class News:
    """What a subscriber has not heard yet: kinds by session, or that anything may have happened."""

    sessions: dict[UUID, set[str]] = field(default_factory=dict)
    is_everything: bool = False

    def of(self, session_id: UUID) -> frozenset[str]:
        """The kinds of news of one session."""
        return KINDS if self.is_everything else frozenset(self.sessions.get(session_id, ()))


class Subscriber:
    """One screen: collects news until it is asked for them."""

    def __init__(self) -> None:
        self._news = News()
        self._bell = asyncio.Event()

    def tell(self, session_id: UUID, kind: str) -> None:
        """Add one piece of news."""
        self._news.sessions.setdefault(session_id, set()).add(kind)
        self._bell.set()

    def tell_everything(self) -> None:
        """Say that anything may have happened."""
        self._news.is_everything = True
        self._bell.set()

    async def wait(self, seconds: float) -> News:
        """The news so far, at once when there are some, else those of the next `seconds`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._bell.wait(), timeout=seconds)
        self._bell.clear()
        news, self._news = self._news, News()
        return news


class Hub:
    """Listens while somebody subscribes, and reconnects by itself."""

    def __init__(self) -> None:
        self._subscribers: set[Subscriber] = set()
        self._task: asyncio.Task[None] | None = None
        self.is_listening = False

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Subscriber]:
        """A subscriber for as long as the block runs."""
        subscriber = Subscriber()
        self._subscribers.add(subscriber)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._listen())
        try:
            yield subscriber
        finally:
            self._subscribers.discard(subscriber)
            if not self._subscribers and self._task is not None:
                self._task.cancel()
                self._task = None
                self.is_listening = False

    def hear(self, payload: str) -> None:
        """Hand one notification to every subscriber; one that cannot be read means: look at everything."""
        session_text, _, kind = payload.partition(" ")
        try:
            session_id = UUID(session_text)
        except ValueError:
            return self.miss()
        if kind not in KINDS:
            return self.miss()
        for subscriber in self._subscribers:
            subscriber.tell(session_id, kind)

    def miss(self) -> None:
        """News may have been lost: everybody looks at everything."""
        for subscriber in self._subscribers:
            subscriber.tell_everything()

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except psycopg.OperationalError as error:
                log.warning(
                    "The live stream lost the database (%s); trying again.", type(error).__name__
                )
            self.is_listening = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen_once(self) -> None:
        async with await psycopg.AsyncConnection.connect(
            **connection_parameters(), autocommit=True
        ) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            self.is_listening = True
            self.miss()
            async for notification in connection.notifies():
                self.hear(notification.payload)


def connection_parameters() -> dict[str, object]:
    """How Django itself connects, for a connection that is not Django's."""
    wanted = connections["default"].get_connection_params()
    return {
        name: value
        for name, value in wanted.items()
        if name in ("dbname", "user", "password", "host", "port") and value
    }


HUB = Hub()
"""The one ear of this process."""
