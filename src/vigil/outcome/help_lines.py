"""Whom a patient can call at once.

In: the clinic's time zone. Out: the emergency and crisis numbers of its country, when they are known
here; otherwise only "your local emergency number". No number is guessed.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

_FILE = Path(__file__).with_name("help_lines.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpLines:
    """Numbers to show; None where the clinic's country is not in our file."""

    name: str | None
    emergency: str | None
    crisis: str | None
    crisis_name: str | None


UNKNOWN = HelpLines(name=None, emergency=None, crisis=None, crisis_name=None)


def help_lines(time_zone: str) -> HelpLines:
    """The numbers for a clinic in this time zone."""
    return _by_zone().get(time_zone, UNKNOWN)


def countries() -> tuple[HelpLines, ...]:
    """Every country in our file, for a page that does not know the clinic."""
    return tuple(dict.fromkeys(_by_zone().values()))


@lru_cache(maxsize=1)
def _by_zone() -> dict[str, HelpLines]:
    found = {}
    for country in yaml.safe_load(_FILE.read_text(encoding="utf-8")):
        lines = HelpLines(
            name=country["name"],
            emergency=country["emergency"],
            crisis=country["crisis"],
            crisis_name=country["crisis_name"],
        )
        found.update(dict.fromkeys(country["zones"], lines))
    return found
