"""What bedside monitors say: codes, units, and their spellings of "no value".

In: `data/devices/mdc.yaml`. Out: frozen rows. A message is believed only when code, name and unit agree with one row.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from vigil.evidence.invalid import EvidenceInvalid
from vigil.evidence.loading import evidence_bytes, read_evidence

Metric = Literal["hr", "pulse", "spo2", "rr", "sbp", "dbp", "map", "temp", "etco2"]
Certainty = Literal["R", "r", "K", "D"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCode:
    """One code of the 11073 nomenclature: which metric it is, in which unit. `names` are its accepted spellings."""

    metric: Metric
    code: int
    names: tuple[str, ...]
    unit_code: int
    unit_names: tuple[str, ...]
    unit: str
    loinc: str
    loinc_certainty: Certainty
    certainty: Certainty
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoValue:
    """A device's way to say that it has no value.

    `empty`: nothing in the field. `exact`: exactly `value`. `at-most`: `value` or lower. `metrics` empty means all.
    """

    spelling: str
    kind: Literal["empty", "exact", "at-most"]
    value: int | None = None
    metrics: tuple[Metric, ...] = ()
    seen_in: str
    certainty: Certainty


@dataclass(frozen=True, slots=True, kw_only=True)
class Plausible:
    """The range in which a number can be a living patient's; outside it the value is gated, never dropped.

    `slew_per_second`: a faster change than this is gated too.
    """

    metric: Metric
    low: int
    high: int
    slew_per_second: int | None = None
    unit: str
    certainty: Certainty


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTable:
    """The whole table."""

    version: int
    codes: tuple[MetricCode, ...]
    no_value: tuple[NoValue, ...]
    plausible: tuple[Plausible, ...]
    source: str

    def by_code(self, code: int) -> MetricCode | None:
        """The row of that code, or None."""
        return next((row for row in self.codes if row.code == code), None)

    def range_of(self, metric: str) -> Plausible | None:
        """The plausible range of a metric, or None."""
        return next((row for row in self.plausible if row.metric == metric), None)


@cache
def load_devices() -> DeviceTable:
    """The device table, checked.

    Raises:
        EvidenceInvalid: its file is not sound.
    """
    return parse_devices(evidence_bytes("devices", "mdc"), file="mdc.yaml")


def parse_devices(content: bytes, *, file: str) -> DeviceTable:
    """The table that a file's bytes say.

    Raises:
        EvidenceInvalid: see `read_evidence`; also a code twice, or a no-value number where none belongs.
    """
    table = read_evidence(content, DeviceTable, file=file)
    codes = [row.code for row in table.codes]
    for code in codes:
        if codes.count(code) > 1:
            raise EvidenceInvalid(
                file=file, field="$.codes", value=code, limit="a code must be written once"
            )
    for row in table.no_value:
        if (row.kind == "empty") != (row.value is None):
            raise EvidenceInvalid(
                file=file, field=f"$.no_value[{row.spelling}].value", value=row.value,
                limit="`empty` has no number; `exact` and `at-most` need one",
            )  # fmt: skip
    return table
