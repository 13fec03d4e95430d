"""What can be true of an assessment. Frozen; read by every room above."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

Answer = bool | int | None
"""Yes or no, a whole number, or None: asked and not known yet. A name that is absent was not asked."""

Verdict = Literal["eligible", "excluded", "more-needed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One rule of the protocol, read against the answers.

    `verdict` says whether the rule's condition holds ("true"), does not hold ("false"), or cannot be
    told yet ("unknown"; then `missing` names the questions that would tell).
    """

    rule_id: str
    kind: Literal["exclude", "warn"]
    verdict: Literal["true", "false", "unknown"]
    text: str
    source: str
    certainty: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the rules say about one set of answers."""

    verdict: Verdict
    findings: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """One assessment as it was saved; a later answer is a later assessment."""

    assessment_id: UUID
    clinic_id: UUID
    patient_id: UUID
    protocol_id: str
    protocol_version: int
    protocol_hash: str
    answers: Mapping[str, Answer]
    verdict: Verdict
    findings: tuple[Reason, ...]
    completed_by: UUID
    completed_by_name: str
    completed_at: datetime

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """The findings that explain the verdict: what excludes, what is missing, what to watch."""
        return tuple(
            found
            for found in self.findings
            if found.verdict == "true" or (found.kind == "exclude" and found.verdict == "unknown")
        )

    @property
    def missing(self) -> tuple[str, ...]:
        """Questions that stand between the patient and a verdict, each once, in rule order."""
        names = (
            name
            for found in self.findings
            if found.kind == "exclude" and found.verdict == "unknown"
            for name in found.missing
        )
        return tuple(dict.fromkeys(names))
