"""A real Chromium for tests of pages: found, or a clear error; never a silent skip.

In: nothing, or VIGIL_CHROMIUM. Out: the path of the browser, and a browser started with the right flags.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
FLAGS = ("--disable-background-networking", "--hide-scrollbars", "--disable-gpu")


class NoChromium(RuntimeError):
    """There is no browser to test with."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"No Chromium found {where}. Install one (`make test` does), or name it in VIGIL_CHROMIUM."
        )


def chromium_path() -> str:
    """The browser to use: the one named, the system's, or playwright's own.

    Raises:
        NoChromium: there is none; the message says how to get one.
    """
    named = os.environ.get("VIGIL_CHROMIUM")
    if named:
        if not os.access(named, os.X_OK):
            raise NoChromium(f"at VIGIL_CHROMIUM={named}")
        return named
    found = next(filter(None, map(shutil.which, NAMES)), None)
    found = found or next((path for path in MAC if os.access(path, os.X_OK)), None)
    found = found or _playwrights_own()
    if found is None:
        raise NoChromium("on the PATH, among the applications, or in playwright's folder")
    return found


def _playwrights_own() -> str | None:
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser for as long as the block runs."""
    path = chromium_path()
    # Chromium's own sandbox does not start for root; tests load only pages of this product.
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else list(FLAGS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            browser.close()
