"""Accessibility of a page, judged by axe-core (WCAG 2.0 A to 2.2 AA and its best practices).

In: an open page. Out: one line per violation; an empty list is the only good answer.
"""

from functools import cache
from pathlib import Path

from playwright.sync_api import Page

SCRIPT = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@cache
def _script() -> str:
    if not SCRIPT.exists():
        raise FileNotFoundError(f"{SCRIPT} is missing. Run `make setup` (or `npm ci`) first.")
    return SCRIPT.read_text()


def violations(page: Page) -> list[str]:
    """What axe finds wrong on the page as it stands now: rule, count, and the first places."""
    # `evaluate` does not go through the page's content security policy; a script tag would be refused by it.
    page.evaluate(_script())
    found = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}}).then(r => r.violations)",
        TAGS,
    )
    return [
        f"{one['id']} x{len(one['nodes'])}: {one['help']} at "
        + "; ".join(" ".join(map(str, node["target"])) for node in one["nodes"][:3])
        for one in found
    ]
