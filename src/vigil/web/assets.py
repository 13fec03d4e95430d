"""Where the built islands are: hashed file names from Vite's manifest.

In: the name of an island. Out: its script and style tags; a clear error when nothing was built.
"""

import json
from functools import lru_cache
from pathlib import Path

from django.contrib.staticfiles.storage import staticfiles_storage
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from whitenoise.storage import CompressedManifestStaticFilesStorage

DIST = Path(__file__).parent / "static" / "dist"


class NotBuilt(RuntimeError):
    """The islands of the pages were never built, or this one is not among them."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The page script {name!r} is not built. Run `make setup` (or `npm ci && npm run build`) "
            "and start again. Nothing was recorded or lost."
        )


class StaticFiles(CompressedManifestStaticFilesStorage):
    """Hashed addresses once the files were collected; plain ones before that (tests, first run)."""

    def stored_name(self, name: str) -> str:
        """The collected name, or the plain one when nothing was collected yet."""
        return super().stored_name(name) if self.hashed_files else name


def island_tags(name: str, *, is_optional: bool = False) -> SafeString:
    """The tags of an island's styles and script.

    Raises:
        NotBuilt: there is no such built island, unless it is optional.
    """
    entry = _manifest().get(f"{name}.ts")
    if entry is None:
        if is_optional:
            return mark_safe("")
        raise NotBuilt(name)
    styles = format_html_join(
        "\n", '<link rel="stylesheet" href="{}">', ((_url(css),) for css in _styles(entry))
    )
    script = format_html('<script type="module" src="{}"></script>', _url(entry["file"]))
    return format_html("{}\n{}", styles, script)


def _styles(entry: dict) -> list[str]:
    """Styles of the entry and of every chunk it imports, each once, imports first."""
    manifest = _manifest()
    found: list[str] = []
    for imported in entry.get("imports", []):
        found += _styles(manifest[imported])
    return list(dict.fromkeys(found + entry.get("css", [])))


def _url(file: str) -> str:
    return staticfiles_storage.url(f"dist/{file}")


def _manifest() -> dict[str, dict]:
    path = DIST / "manifest.json"
    if not path.exists():
        return {}
    return _read_manifest(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read_manifest(path: Path, changed_ns: int) -> dict[str, dict]:
    """Read again only when the build changed it."""
    return json.loads(path.read_text())
