"""The Chromium that browser tests drive.

In: VIGIL_CHROMIUM and the usual places. Out: the path of one that is there, or None; nothing is installed here.
"""

import os
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MACOS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
PLAYWRIGHT = (
    ("~/.cache/ms-playwright", "chromium-*/chrome-linux*/chrome"),
    ("~/Library/Caches/ms-playwright", "chromium-*/chrome-mac*/*.app/Contents/MacOS/*"),
)


def find_chromium() -> Path | None:
    """The browser named by VIGIL_CHROMIUM, else the system's, else one that Playwright installed."""
    named = os.environ.get("VIGIL_CHROMIUM")
    if named:
        return Path(named) if os.access(named, os.X_OK) else None
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    for path in MACOS:
        if os.access(path, os.X_OK):
            return Path(path)
    return _of_playwright()


def _of_playwright() -> Path | None:
    folders = list(PLAYWRIGHT)
    if os.environ.get("PLAYWRIGHT_BROWSERS_PATH"):
        folders += [(os.environ["PLAYWRIGHT_BROWSERS_PATH"], glob) for _, glob in PLAYWRIGHT]
    for folder, glob in folders:
        for path in sorted(Path(folder).expanduser().glob(glob), reverse=True):
            if os.access(path, os.X_OK):
                return path
    return None


if __name__ == "__main__":
    browser = find_chromium()
    if browser is None:
        raise SystemExit(1)
    print(browser)
