"""Pages of the product in a browser without a server: each request goes to Django's own test client.

In: a signed-in client. Out: a browser page whose requests run inside the test's own database transaction.
The live stream is refused, as if its process were down.
"""

import contextvars
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from urllib.parse import urljoin, urlsplit

from django.test import Client
from playwright.sync_api import Browser, Page, Route

HOST = "http://127.0.0.1:8000"


@contextmanager
def page_of(
    browser: Browser, client: Client, *, width: int = 1366, theme: str = "light", **options: object
) -> Iterator[Page]:
    """A page of the product, seen by the client's person in a theme and width."""
    client.cookies["vigil_theme"] = theme
    context = browser.new_context(
        viewport={"width": width, "height": 860}, color_scheme=theme, base_url=HOST, **options
    )
    page = context.new_page()
    # A machine that is busy with other work is slow, and no page of the product is wrong for it.
    page.set_default_timeout(180_000)
    # The driver answers routes in a context of its own, where Django would open another connection and see nothing
    # of this test's transaction: each answer is made in the context of the test instead.
    here = contextvars.copy_context()
    page.route(re.compile("."), lambda route: _answer(route, client, here))
    try:
        yield page
    finally:
        context.close()


def _answer(route: Route, client: Client, here: contextvars.Context) -> None:
    request = route.request
    parts = urlsplit(request.url)
    if f"{parts.scheme}://{parts.netloc}" != HOST:
        route.abort()
        return
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    kept = ("accept", "referer", "origin", "content-type", "hx-request", "x-csrftoken")
    headers = {name: value for name, value in request.headers.items() if name in kept}
    answer = here.copy().run(
        client.generic, request.method, path, data=request.post_data_buffer or b"",
        content_type=headers.pop("content-type", "application/octet-stream"),
        headers=headers | {"host": parts.netloc},
    )  # fmt: skip
    if 300 <= answer.status_code < 400:
        # A redirect that a route answers would leave the routes: the page goes there by itself instead.
        target = escape(urljoin(request.url, answer["Location"]))
        route.fulfill(
            content_type="text/html", body=f'<meta http-equiv="refresh" content="0;url={target}">'
        )
        return
    body = b"".join(answer) if answer.streaming else answer.content
    route.fulfill(status=answer.status_code, headers=dict(answer.items()), body=body)
