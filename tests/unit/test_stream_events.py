"""The live stream's events, its resume, and its ear on the database."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.test import RequestFactory

from session_views import made_id, made_samples, made_view
from vigil.web import stream
from vigil.web.stream_hub import KINDS, Hub

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ONE, OTHER = made_id("one"), made_id("other")


def test_an_event_is_one_line_of_data_and_an_empty_line():
    text = stream.event("state", {"words": "two\nlines\r\n\nevent: fake"}, event_id=7)

    lines = text.split("\n")
    assert lines[:2] == ["id: 7", "event: state"]
    assert lines[3:] == ["", ""]
    assert json.loads(lines[2].removeprefix("data: ")) == {"words": "two\nlines\r\n\nevent: fake"}
    assert "\r" not in text


def test_the_id_of_a_samples_event_is_its_newest_sample():
    view = made_view(made_id("clinic"), chair="Chair 1", at=NOON)
    samples = made_samples(view, at=NOON)[:9]

    head, _, body = stream.samples_event(samples).partition("\ndata: ")

    assert head == "id: 9\nevent: samples"
    rows = json.loads(body)
    assert [row["id"] for row in rows] == list(range(1, 10))
    assert {row["session"] for row in rows} == {str(view.session_id)}
    assert all(row["measured"].endswith("Z") for row in rows)


@pytest.mark.parametrize(
    ("header", "query", "after"),
    [
        ("12", "5", 12), ("", "5", 5), ("", "", 0), ("x", "5", 5), ("-1", "", 0), ("", "１２", 0),
        ("1" * 40, "", 0),
    ],
)  # fmt: skip
def test_a_stream_goes_on_after_the_last_sample_the_screen_has(header, query, after):
    request = RequestFactory().get("/", {"after": query}, headers={"Last-Event-ID": header})

    assert stream.last_event_id(request) == after


@pytest.mark.parametrize(
    ("origin", "is_own"),
    [
        ("http://127.0.0.1:{web}", True), ("http://127.0.0.1:1", False),
        ("http://localhost:{web}", False), ("http://127.0.0.1.evil.example:{web}", False),
        ("http://evil.example:{web}", False), ("null", False), ("", False),
        ("http://127.0.0.1:99999999", False), ("file://127.0.0.1:{web}", False),
    ],
)  # fmt: skip
def test_only_the_pages_of_this_installation_may_read_the_stream(origin, is_own):
    asked = origin.format(web=settings.WEB_PORT)

    assert stream.is_own_page(asked, host=f"127.0.0.1:{settings.STREAM_PORT}") is is_own


def heard_by_two(*payloads: str):
    """What two subscribers of one hub were told."""

    async def run():
        hub = Hub()
        hub._listen = lambda: asyncio.sleep(3600)
        async with hub.subscribe() as first, hub.subscribe() as second:
            for payload in payloads:
                hub.hear(payload)
            return await first.wait(0.01), await second.wait(0.01), await first.wait(0.01)

    return asyncio.run(run())


def test_every_screen_hears_the_news_once_and_together():
    first, second, again = heard_by_two(f"{ONE} samples", f"{ONE} samples", f"{OTHER} state")

    assert first == second
    assert first.sessions == {ONE: {"samples"}, OTHER: {"state"}}
    assert not again.sessions
    assert not again.is_everything


@pytest.mark.parametrize("payload", ["", "rubbish", f"{ONE} dance", "samples", f"{ONE}"])
def test_news_that_cannot_be_read_means_look_at_everything(payload):
    first, _, _ = heard_by_two(payload)

    assert first.is_everything
    assert first.of(OTHER) == KINDS
