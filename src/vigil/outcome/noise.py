"""How far a score moves by chance alone, as a cited note.

In: a scale's id. Out: the points and where they come from, or None when nothing is known.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

_FILE = Path(__file__).with_name("reliable_change.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliableChange:
    """The least change that is unlikely to be chance. `certainty` K: not confirmed, for reading only."""

    scale_id: str
    points: int
    certainty: str
    source: str


@lru_cache(maxsize=8)
def reliable_change(scale_id: str) -> ReliableChange | None:
    """The note for a scale, or None."""
    rows = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return next((ReliableChange(**row) for row in rows if row["scale_id"] == scale_id), None)
