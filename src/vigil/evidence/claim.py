"""What the claim report was told before any data: margin, confidence, ascertainment, sensitivity, benchmark.

In: `data/claim/dependence.yaml`. Out: one frozen policy. A clinic may tighten the margin and never loosen it after data.
"""

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import Literal

from vigil.evidence.invalid import EvidenceInvalid, content_hash
from vigil.evidence.loading import evidence_bytes, read_evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A published count to stand beside ours, not comparable in how it was found."""

    title: str
    events: int
    patients: int
    caveat: str
    source: str
    certainty: Literal["R", "r", "K", "D"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPolicy:
    """The pre-declared rule of the claim report."""

    policy_id: str
    version: int
    claim: str
    case_definition: str
    margin_per_100: float
    confidence: float
    ascertainment_percent_min: int
    sensitivity: float
    patient_years_min: int
    unknown_after_days: int
    benchmark: Benchmark
    source: str
    content_hash: str = ""


@cache
def load_claim_policy() -> ClaimPolicy:
    """The policy, checked.

    Raises:
        EvidenceInvalid: its file is not sound.
    """
    return parse_claim_policy(evidence_bytes("claim", "dependence"), file="dependence.yaml")


def parse_claim_policy(content: bytes, *, file: str) -> ClaimPolicy:
    """The policy that a file's bytes say.

    Raises:
        EvidenceInvalid: see `read_evidence`; also a share outside its range.
    """
    policy = read_evidence(content, ClaimPolicy, file=file)
    ranges = {
        "margin_per_100": 0 < policy.margin_per_100 <= 100,
        "confidence": 0.5 < policy.confidence < 1,
        "ascertainment_percent_min": 0 < policy.ascertainment_percent_min <= 100,
        "sensitivity": 0 < policy.sensitivity <= 1,
        "patient_years_min": policy.patient_years_min > 0,
        "unknown_after_days": policy.unknown_after_days > 0,
    }
    for field, is_within in ranges.items():
        if not is_within:
            raise EvidenceInvalid(
                file=file, field=f"$.{field}", value=getattr(policy, field), limit="out of range"
            )
    return dataclasses.replace(policy, content_hash=content_hash(content))
