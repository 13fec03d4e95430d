"""The live stream: what was stored a moment ago, to every screen that watches. Served by the ASGI process alone.

In: a signed-in person's GET that the policy table lets in. Out: Server-Sent Events:
`samples` (JSON list; the event's id is the newest sample's), `state` (something happened: ask the page's fragments
again) and `heartbeat` each second (the server's time and the age of the gateway's last sign of life).

One database connection per process listens; each screen waits on it. A notification carries no value: values are
read from the database after it, so that a screen can only show what is stored.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.db import InterfaceError, OperationalError, connections
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

from vigil.people.duties import may
from vigil.people.queries import staff_fact
from vigil.record.canonical import plain
from vigil.record.clock import now
from vigil.session import queries
from vigil.session.domain.facts import MILLI, MetricSample
from vigil.web.heartbeats import heartbeat_age_seconds
from vigil.web.stream_hub import HUB, News, Subscriber

HEARTBEAT_SECONDS = 1.0
RECHECK_SECONDS = 3.0
"""How often an open stream asks whether its person may still see it: sign-out ends it within 5 s."""
BATCH = 2_000
"""Most samples of one event; a screen that was away longer gets several."""
CATCH_UP = timedelta(seconds=10)
"""How far back a board looks when it opens: its page already shows what is older."""

_READERS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="stream-read")
"""Few threads, so that many screens never hold many database connections."""


@require_safe
async def session(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """The samples and news of one session, from the sample after `Last-Event-ID` (or `?after=`) on."""
    clinic_id = request.staff.clinic_id
    if await _read(_state, session_id, clinic_id) is None:
        raise Http404
    await sync_to_async(connections.close_all)()
    return _answer(request, _session_events(session_id, clinic_id, last_event_id(request)))


@require_safe
async def board(request: HttpRequest) -> HttpResponse:
    """The samples and news of every open session of the clinic."""
    clinic_id = request.staff.clinic_id
    await sync_to_async(connections.close_all)()
    return _answer(request, _board_events(clinic_id))


# --- events ------------------------------------------------------------------------------------


async def _session_events(session_id: UUID, clinic_id: UUID, after: int) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    async with HUB.subscribe() as news:
        # What came between the page's read and now is waiting in the database.
        told = News(sessions={session_id: {"samples"}})
        while True:
            kinds = told.of(session_id)
            is_read = True
            if "samples" in kinds:
                async for found in _batches(session_id, clinic_id, after):
                    is_read = found is not None
                    if found:
                        after = found[-1].sample_id
                        yield samples_event(found)
            if "state" in kinds:
                yield event("state", {"session": str(session_id)})
            yield heartbeat_event()
            told = await _next(news, is_read=is_read)


async def _batches(
    session_id: UUID, clinic_id: UUID, after: int
) -> AsyncIterator[tuple[MetricSample, ...] | None]:
    """Everything after a sample, in pieces; None once when the database could not be asked."""
    while True:
        found = await _try_read(_samples, session_id, clinic_id, after)
        if found is None or found:
            yield found
        if not found or len(found) < BATCH:
            return
        after = found[-1].sample_id


async def _board_events(clinic_id: UUID) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    after: dict[UUID, int] = {}
    async with HUB.subscribe() as news:
        told = News(is_everything=True)
        while True:
            is_read = True
            if told.is_everything or any("state" in kinds for kinds in told.sessions.values()):
                opened = await _try_read(_open_sessions, clinic_id)
                is_read = opened is not None
                if opened is not None:
                    after = {session_id: after.get(session_id, 0) for session_id in opened}
                    yield event("state", {})
            for session_id in [one for one in after if "samples" in told.of(one)]:
                found = await _try_read(_newest, session_id, clinic_id, after[session_id])
                is_read = is_read and found is not None
                if found:
                    after[session_id] = found[-1].sample_id
                    yield samples_event(found)
            yield heartbeat_event()
            told = await _next(news, is_read=is_read)


async def _next(news: Subscriber, *, is_read: bool) -> News:
    """The next news; after a read that failed, a whole pause and then everything again."""
    if is_read:
        return await news.wait(HEARTBEAT_SECONDS)
    await asyncio.sleep(HEARTBEAT_SECONDS)
    return News(is_everything=True)


def event(name: str, body: object, *, event_id: int | None = None) -> str:
    """One Server-Sent Event; its body is JSON on one line, so that no line of it can be an event.

    >>> event("state", {"a": 1}, event_id=7)
    'id: 7\\nevent: state\\ndata: {"a":1}\\n\\n'
    """
    head = "" if event_id is None else f"id: {event_id}\n"
    return f"{head}event: {name}\ndata: {json.dumps(body, separators=(',', ':'))}\n\n"


def samples_event(samples: Iterable[MetricSample]) -> str:
    """The samples as one event whose id is that of the newest."""
    rows = [_plain_sample(sample) for sample in samples]
    return event("samples", rows, event_id=max(row["id"] for row in rows))


def _plain_sample(sample: MetricSample) -> dict[str, object]:
    return {
        "id": sample.sample_id,
        "session": str(sample.session_id),
        "metric": sample.metric,
        "value": None if sample.value_milli is None else sample.value_milli / MILLI,
        "quality": sample.quality,
        "source": sample.source,
        "measured": plain(sample.measured_at),
        # Ages count from here: a monitor's clock that is ahead cannot make a value young.
        "seen": plain(min(sample.measured_at, sample.received_at)),
    }


def heartbeat_event() -> str:
    """The server's time, and how the two things that the stream depends on are."""
    return event(
        "heartbeat",
        {
            "now": plain(now()),
            "gateway_age": heartbeat_age_seconds("gateway"),
            "is_listening": HUB.is_listening,
        },
    )


# --- reading the database without holding the loop ---------------------------------------------


def _state(session_id: UUID, clinic_id: UUID) -> object:
    return queries.state(session_id, clinic_id=clinic_id, now=now())


def _samples(session_id: UUID, clinic_id: UUID, after: int) -> tuple[MetricSample, ...]:
    return queries.samples(session_id, clinic_id=clinic_id, after_id=after, limit=BATCH)


def _newest(session_id: UUID, clinic_id: UUID, after: int) -> tuple[MetricSample, ...]:
    return queries.samples(
        session_id, clinic_id=clinic_id, after_id=after, since=now() - CATCH_UP, limit=BATCH
    )


def _open_sessions(clinic_id: UUID) -> tuple[UUID, ...]:
    return tuple(one.session_id for one in queries.open_sessions(clinic_id))


async def _read(query: Callable[..., object], *args: object) -> object:
    return await asyncio.get_running_loop().run_in_executor(_READERS, _in_thread, query, args)


async def _try_read(query: Callable[..., tuple], *args: object) -> tuple | None:
    """What the query found; None while the database is away."""
    try:
        return await _read(query, *args)
    except (OperationalError, InterfaceError):
        return None


def _in_thread(query: Callable[..., object], args: tuple) -> object:
    connections["default"].close_if_unusable_or_obsolete()
    try:
        return query(*args)
    except Exception:
        # A connection that failed is not asked again: the thread's next read opens its own.
        connections["default"].close()
        raise


# --- the answer --------------------------------------------------------------------------------


def last_event_id(request: HttpRequest) -> int:
    """The newest sample that the screen has: what the browser says on its own retry, else what the page asked."""
    for said in (request.headers.get("Last-Event-ID", ""), request.GET.get("after", "")):
        if said.isascii() and said.isdigit() and len(said) < 19:
            return int(said)
    return 0


def _answer(request: HttpRequest, events: AsyncIterator[str]) -> StreamingHttpResponse:
    watched = while_allowed(events, request.session.session_key, request.resolver_match.view_name)
    answer = StreamingHttpResponse(watched, content_type="text/event-stream")
    answer["Cache-Control"] = "no-store"
    answer["X-Accel-Buffering"] = "no"
    origin = request.headers.get("Origin", "")
    answer["Vary"] = "Origin"
    if is_own_page(origin, host=request.get_host()):
        answer["Access-Control-Allow-Origin"] = origin
        answer["Access-Control-Allow-Credentials"] = "true"
    return answer


async def while_allowed(
    events: AsyncIterator[str], session_key: str | None, route: str
) -> AsyncIterator[str]:
    """The events, until the person has signed out, was let go or lost the duty."""
    loop = asyncio.get_running_loop()
    asked = loop.time()
    async for text in events:
        if loop.time() - asked >= RECHECK_SECONDS:
            asked = loop.time()
            # None: the database is away, so nobody can have signed out in it either.
            if await _try_read(still_may, session_key, route) is False:
                return
        yield text


def still_may(session_key: str | None, route: str) -> bool:
    """Whether the holder of this sign-in may see the route now, asked of the database afresh."""
    request = HttpRequest()
    request.session = SessionStore(session_key)
    person = get_user(request)
    return (
        person.is_authenticated
        and person.is_active
        and may(staff_fact(person).duties, route, method="GET")
    )


def is_own_page(origin: str, *, host: str) -> bool:
    """Whether a page of this installation asks: the same machine, on the port of the pages.

    >>> is_own_page("http://evil.example", host="127.0.0.1:8001")
    False
    """
    parts = urlsplit(origin)
    try:
        port = parts.port
    except ValueError:
        return False
    asked = urlsplit(f"//{host}").hostname
    return (
        parts.scheme in ("http", "https") and parts.hostname == asked and port == settings.WEB_PORT
    )


app_name = "stream"
urlpatterns = [
    path("stream/board", board, name="board"),
    path("stream/sessions/<uuid:session_id>", session, name="session"),
]
