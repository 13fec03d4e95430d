"""The table of vitals that this clinic reads from devices, arranged for looking up.

In: the cited table of evidence. Out: for a code or a name, the one vital that both must agree on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from vigil.evidence.devices import DeviceTable, MetricCode, load_devices
from vigil.exchange.devices.decimals import MILLI

NOT_CONFIRMED = "gated:code not confirmed"
"""Quality of a value whose code nobody has confirmed in a primary source: kept, shown hollow, not believed."""

OUT_OF_RANGE = "gated:outside what a body can have"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vital:
    """One vital as it is spelled on the wire, and the metric it becomes; numbers in thousandths.

    `none_exact` and `none_upto` are numbers that mean "no value". `is_episodic`: measured now and then
    and repeated in every message between (cuff pressures and the pulse of the cuff).
    """

    code: str
    names: frozenset[str]
    metric: str
    unit: str
    unit_code: str
    unit_names: frozenset[str]
    none_exact: frozenset[int]
    none_upto: int | None
    low_milli: int | None
    high_milli: int | None
    is_confirmed: bool
    is_episodic: bool

    def means_none(self, value_milli: int) -> bool:
        """Whether this number is a spelling of 'no value'."""
        is_upto = self.none_upto is not None and value_milli <= self.none_upto
        return is_upto or value_milli in self.none_exact

    def quality(self, value_milli: int) -> str:
        """`good`, or `gated:` and why the number is kept and not believed."""
        if not self.is_confirmed:
            return NOT_CONFIRMED
        if self.low_milli is not None and value_milli < self.low_milli:
            return OUT_OF_RANGE
        if self.high_milli is not None and value_milli > self.high_milli:
            return OUT_OF_RANGE
        return "good"


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """Every vital of the table, by code and by name."""

    vitals: tuple[Vital, ...]
    by_code: Mapping[str, Vital] = field(init=False)
    by_name: Mapping[str, Vital] = field(init=False)

    def __post_init__(self) -> None:
        by_code = {vital.code: vital for vital in self.vitals}
        by_name = {name: vital for vital in self.vitals for name in vital.names}
        assert len(by_code) == len(self.vitals), "a code stands twice"
        assert len(by_name) == sum(len(vital.names) for vital in self.vitals), "a name stands twice"
        object.__setattr__(self, "by_code", by_code)
        object.__setattr__(self, "by_name", by_name)


EPISODIC = frozenset((150021, 150022, 150023, 149546))
"""Codes measured with a cuff: a monitor repeats them in every message until the next inflation."""


@cache
def load_codes() -> Codes:
    """The table that the product ships, arranged."""
    return arrange(load_devices())


def arrange(table: DeviceTable) -> Codes:
    """A table of evidence, arranged for looking up."""
    return Codes(vitals=tuple(_vital(table, row) for row in table.codes))


def _vital(table: DeviceTable, row: MetricCode) -> Vital:
    spellings = [none for none in table.no_value if not none.metrics or row.metric in none.metrics]
    exact = {none.value for none in spellings if none.kind == "exact"}
    upto = [none.value for none in spellings if none.kind == "at-most" and none.value is not None]
    plausible = table.range_of(row.metric)
    return Vital(
        code=str(row.code),
        names=frozenset(row.names),
        metric=row.metric,
        unit=row.unit,
        unit_code=str(row.unit_code),
        unit_names=frozenset(row.unit_names),
        none_exact=frozenset(value * MILLI for value in exact if value is not None),
        none_upto=max(upto) * MILLI if upto else None,
        low_milli=None if plausible is None else plausible.low * MILLI,
        high_milli=None if plausible is None else plausible.high * MILLI,
        is_confirmed=row.certainty != "K",
        is_episodic=row.code in EPISODIC,
    )
