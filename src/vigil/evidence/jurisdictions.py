"""What the law of a place asks of controlled stock: clocks, intervals, what may be estimated.

In: `data/jurisdictions/*.yaml`. Out: frozen rules. A rule marked K was confirmed in no primary source: it is off until a
named person of the clinic signs it off by its name. No rule here is legal advice; each names where it was read.
"""

import dataclasses
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

from vigil.evidence.invalid import EvidenceInvalid, content_hash
from vigil.evidence.loading import evidence_bytes, evidence_ids, read_evidence

RuleKind = Literal[
    "loss-notice", "loss-form", "inventory", "retention", "register-entry", "estimate",
    "dead-space", "witness", "destruction", "note",
]  # fmt: skip
"""What a rule is about: the product acts on `loss-notice`, `loss-form`, `inventory`, `estimate`, `dead-space`."""

TimeUnit = Literal["hours", "business-days", "days", "months", "years"]

_SATURDAY = 5
MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. `amount` and `unit` are a time, for a rule that has one; `counted_from` says from when."""

    name: str
    kind: RuleKind
    says: str
    amount: int | None = None
    unit: TimeUnit | None = None
    counted_from: str = ""
    form: str = ""
    source: str
    certainty: Literal["R", "r", "K", "D"]
    note: str = ""

    @property
    def is_confirmed(self) -> bool:
        """Whether the rule was read in a source; K was not."""
        return self.certainty != "K"

    def due_at(self, start: datetime, *, zone: ZoneInfo) -> datetime | None:
        """When the rule's time has run out, counted from `start`; None for a rule without a time.

        A day ends at the midnight that ends it, by the clinic's wall. Weekends are no business days; public
        holidays are not known here and count as business days, so that a clock may run out early and never late.

        Args:
            start: aware.
            zone: the clinic's time zone.
        """
        if self.amount is None or self.unit is None:
            return None
        local = start.astimezone(zone)
        if self.unit == "hours":
            return start + timedelta(hours=self.amount)
        if self.unit == "business-days":
            last = _business_days_after(local, self.amount)
        elif self.unit == "days":
            last = local + timedelta(days=self.amount)
        else:
            months = self.amount * (MONTHS_A_YEAR if self.unit == "years" else 1)
            last = _months_after(local, months)
        return datetime.combine(last.date() + timedelta(days=1), time(), tzinfo=zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jurisdiction:
    """The rules of one place, and the hash of the bytes that said so."""

    jurisdiction_id: str
    version: int
    name: str
    rules: tuple[Rule, ...]
    content_hash: str = ""

    def unconfirmed(self) -> tuple[Rule, ...]:
        """Rules that need a person's name before they count."""
        return tuple(rule for rule in self.rules if not rule.is_confirmed)

    def enabled(self, signed_off: frozenset[str]) -> tuple[Rule, ...]:
        """The rules that count for a clinic that signed these names off."""
        return tuple(rule for rule in self.rules if rule.is_confirmed or rule.name in signed_off)


def jurisdiction_ids() -> tuple[str, ...]:
    """The names of the jurisdiction files, sorted."""
    return evidence_ids("jurisdictions")


@cache
def load_jurisdiction(jurisdiction_id: str) -> Jurisdiction:
    """One jurisdiction, checked.

    Raises:
        EvidenceMissing: no file has that name.
        EvidenceInvalid: its file is not sound.
    """
    content = evidence_bytes("jurisdictions", jurisdiction_id)
    return parse_jurisdiction(content, file=f"{jurisdiction_id}.yaml")


def parse_jurisdiction(content: bytes, *, file: str) -> Jurisdiction:
    """The jurisdiction that a file's bytes say.

    Raises:
        EvidenceInvalid: see `read_evidence`; also a rule twice, half a time, or a clock without a time.
    """
    place = read_evidence(content, Jurisdiction, file=file)
    names = [rule.name for rule in place.rules]
    for rule in place.rules:
        if names.count(rule.name) > 1:
            raise EvidenceInvalid(
                file=file, field="$.rules", value=rule.name, limit="a rule must be written once"
            )
        is_clock = rule.kind in ("loss-notice", "loss-form", "inventory")
        has_time = rule.amount is not None and rule.unit is not None and rule.amount > 0
        is_half = (rule.amount is None) != (rule.unit is None)
        if is_half or (is_clock and not has_time):
            raise EvidenceInvalid(
                file=file, field=f"$.rules[{rule.name}].amount", value=rule.amount,
                limit="a time is a whole number above zero with its unit; a clock needs one",
            )  # fmt: skip
    return dataclasses.replace(place, content_hash=content_hash(content))


def _business_days_after(start: datetime, days: int) -> datetime:
    last = start
    while days:
        last += timedelta(days=1)
        days -= last.weekday() < _SATURDAY
    return last


def _months_after(start: datetime, months: int) -> datetime:
    """The same day of a later month, or the last day before it when that month is shorter."""
    years, month0 = divmod(start.month - 1 + months, MONTHS_A_YEAR)
    for back in range(4):
        try:
            return start.replace(year=start.year + years, month=month0 + 1, day=start.day - back)
        except ValueError:
            continue
    raise AssertionError("a month has at least 28 days")
