"""How people answer an infusion, as published: the anchors of the simulated patient and of nothing clinical.

In: `data/physiology/ketamine-infusion.yaml`. Out: frozen anchors, each with its estimator and citation.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from vigil.evidence.invalid import EvidenceInvalid
from vigil.evidence.loading import evidence_bytes, read_evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """One published figure. `estimator` says what was averaged: published rises differ five-fold by it."""

    name: str
    value: float
    sd: float | None = None
    unit: str
    estimator: str
    population: str
    source: str
    certainty: Literal["R", "r", "K", "D"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Physiology:
    """The anchors of one drug, dose and route."""

    version: int
    title: str
    anchors: tuple[Anchor, ...]

    def anchor(self, name: str) -> Anchor:
        """The anchor of that name.

        Raises:
            KeyError: there is none.
        """
        for anchor in self.anchors:
            if anchor.name == name:
                return anchor
        raise KeyError(name)


@cache
def load_physiology() -> Physiology:
    """The anchors of 0.5 mg/kg over 40 minutes, checked.

    Raises:
        EvidenceInvalid: the file is not sound.
    """
    content = evidence_bytes("physiology", "ketamine-infusion")
    return parse_physiology(content, file="ketamine-infusion.yaml")


def parse_physiology(content: bytes, *, file: str) -> Physiology:
    """The anchors that a file's bytes say.

    Raises:
        EvidenceInvalid: see `read_evidence`; also an anchor twice or a negative SD.
    """
    physiology = read_evidence(content, Physiology, file=file)
    names = [anchor.name for anchor in physiology.anchors]
    for anchor in physiology.anchors:
        if names.count(anchor.name) > 1:
            raise EvidenceInvalid(
                file=file, field="$.anchors", value=anchor.name, limit="written once"
            )
        if anchor.sd is not None and anchor.sd < 0:
            raise EvidenceInvalid(
                file=file, field=f"$.anchors[{anchor.name}].sd", value=anchor.sd, limit="0 or more"
            )
    return physiology
