"""What an administration note is made of. Frozen."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of the note and the facts that it came from ("fact:12", "sample:90", "draw:<id>"...)."""

    text: str
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRow:
    """One row of the flowsheet: minutes from start, cells in the order of `Note.flow_columns`."""

    minutes: int | None
    measured_at: datetime
    source: str
    by_name: str
    cells: tuple[str, ...]
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSection:
    title: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """The administration note: sections in reading order; the flowsheet belongs under "Course"."""

    session_id: UUID
    title: str
    sections: tuple[NoteSection, ...]
    flow_columns: tuple[str, ...]
    flow: tuple[FlowRow, ...]
