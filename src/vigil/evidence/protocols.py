"""Treatment protocols: cited files that a named person adopts before any patient is treated by them.

In: `data/protocols/*.yaml`. Out: frozen `Protocol` facts, each number with its source and certainty, and the
dose arithmetic that a protocol's own caps bound.

Certainty of a number: "R" read in a primary source, "r" read in a secondary page, "K" general knowledge that no
primary source confirmed here (a clinic's own policy until a person verifies it), "D" derived by arithmetic.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from vigil.evidence.invalid import EvidenceInvalid, content_hash
from vigil.evidence.loading import evidence_bytes, evidence_ids, read_evidence

G_PER_KG = 1_000

Certainty = Literal["R", "r", "K", "D"]


class DoseNotOffered(ValueError):
    """The order is not one that the protocol's dosing can turn into an amount."""

    def __init__(self, asked: object, offered: str) -> None:
        self.asked = asked
        self.offered = offered
        super().__init__(f"The order says {asked!r}; this protocol offers {offered}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a number was read."""

    source_id: str
    citation: str
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One number of a protocol, with where it was read and how sure that is.

    `name` is the path of the field it stands for, such as `dosing.ug_per_kg`; `value` is exact text.
    """

    name: str
    value: str
    unit: str
    source: str
    locator: str
    certainty: Certainty


@dataclass(frozen=True, slots=True, kw_only=True)
class Dosing:
    """How a signed order becomes an amount.

    `per-kg`: micrograms per kilogram of measured weight, over `infusion_minutes`. `fixed`: one of `fixed_ug`.
    Both are bounded by `total_ug_max`, and a per-kg dose by `ug_per_kg_max`, then rounded DOWN to `step_ug`.
    """

    kind: Literal["per-kg", "fixed"]
    ug_per_kg: int | None = None
    ug_per_kg_max: int | None = None
    fixed_ug: tuple[int, ...] = ()
    first_fixed_ug: int | None = None
    total_ug_max: int
    step_ug: int
    infusion_minutes: int | None = None
    device_ug: int | None = None
    device_rest_minutes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing an assessment asks; its answer is the fact `name` of the eligibility rules."""

    name: str
    kind: Literal["bool", "int"]
    text: str
    section: str
    help: str = ""
    unit: str = ""
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityRule:
    """A condition (CEL over the questions' names) that excludes a patient or warns the prescriber when true."""

    rule_id: str
    when: str
    kind: Literal["exclude", "warn"]
    message: str
    source: str
    certainty: Certainty


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationDuty:
    """An observation that falls due at `minutes` from the start, then every `every_minutes_after`."""

    duty_id: str
    name: str
    kind: Literal["pressure", "sedation", "dissociation", "oxygen"]
    minutes: tuple[int, ...]
    every_minutes_after: int | None = None
    late_after_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One alarm rule.

    `limit` and `clear` are whole units of the metric (`%`, `/min`, `mmHg`, a MOAA/S level).

    | rule     | raised while                               | cleared by              |
    |----------|--------------------------------------------|-------------------------|
    | `below`  | value < limit                              | value > clear           |
    | `above`  | value >= limit                             | value < clear           |
    | `rise`   | value - baseline >= limit                  | value - baseline < clear|
    | `silent` | no good value for more than `limit` seconds | a good value           |
    | `flat`   | the same value for more than `limit` seconds | another value         |
    | `missed` | the duty of kind `metric` is `limit` minutes past due | the observation |

    The condition must hold for `delay_seconds` before it is raised, and its end for `clear_seconds` before it clears.
    A latched alarm stays after its condition has ended until a person has acknowledged it.
    """

    limit_id: str
    metric: str
    rule: Literal["below", "above", "rise", "silent", "flat", "missed"]
    limit: int
    clear: int | None = None
    delay_seconds: int
    clear_seconds: int = 0
    priority: Literal["high", "medium", "low"]
    is_latched: bool
    message: str
    certainty: Certainty
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRule:
    """What must hold at the chair before the dose: pressure, fasting.

    At `review` a prescriber weighs the risk; at `defer` the session does not start. Minutes are since the last meal or drink.
    """

    sbp_review: int
    dbp_review: int
    sbp_defer: int | None = None
    dbp_defer: int | None = None
    food_minutes: int
    fluid_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DischargeRule:
    """What must hold before the patient leaves. Rises are over the pressure at check-in, in mmHg."""

    floor_minutes: int
    floor_from: Literal["start", "stop"]
    sedation_min: int
    sbp_rise_max: int
    dbp_rise_max: int
    spo2_min: int
    dissociation_max: int
    needs_escort: bool
    needs_gait: bool
    needs_orientation: bool
    needs_driving_advice: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """A scale the patient is asked to answer after each session."""

    scale_id: str
    hours_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """A treatment protocol as its file says it; `content_hash` is the SHA-256 of the file's bytes."""

    protocol_id: str
    version: int
    title: str
    indication: str
    drug: Literal["ketamine", "esketamine"]
    route: Literal["IV", "IN"]
    form: Literal["vial", "device"]
    dosing: Dosing
    sessions: int
    interval_hours_min: int
    weight_age_hours_max: int
    assessment_age_days_max: int
    start: StartRule
    questions: tuple[Question, ...]
    eligibility: tuple[EligibilityRule, ...]
    observations: tuple[ObservationDuty, ...]
    limits: tuple[Limit, ...]
    discharge: DischargeRule
    follow_up: tuple[FollowUp, ...]
    parameters: tuple[Parameter, ...]
    sources: tuple[Source, ...]
    content_hash: str = ""

    @property
    def unverified(self) -> tuple[Parameter, ...]:
        """The numbers that no primary source confirmed: what a person takes on by adopting the protocol."""
        return tuple(row for row in self.parameters if row.certainty == "K")


def protocol_ids() -> tuple[str, ...]:
    """The ids of every protocol file, sorted.

    >>> protocol_ids()
    ('esk-trd-us', 'ket-mdd-iv')
    """
    return evidence_ids("protocols")


@cache
def load_protocol(protocol_id: str) -> Protocol:
    """The protocol of that id, checked.

    Raises:
        EvidenceMissing: no such protocol.
        EvidenceInvalid: its file is not sound.
    """
    return parse_protocol(evidence_bytes("protocols", protocol_id), file=f"{protocol_id}.yaml")


def parse_protocol(content: bytes, *, file: str) -> Protocol:
    """The protocol that a file's bytes say, with a parameter row for every number, limits included.

    Raises:
        EvidenceInvalid: see `read_evidence`; also a number without a row or with another value in it, an id twice, a
            source that is not listed, or a dosing that lacks what its kind needs.
    """
    protocol = read_evidence(content, Protocol, file=file)
    if protocol.content_hash:
        raise _invalid(file, "content_hash", protocol.content_hash, "it is computed, never written")
    for check in (_check_ids, _check_sources, _check_dosing, _check_bounds, _check_numbers):
        check(protocol, file)
    rows = protocol.parameters + tuple(_limit_rows(protocol))
    return dataclasses.replace(protocol, parameters=rows, content_hash=content_hash(content))


def dose_ug(dosing: Dosing, *, weight_g: int, ug_per_kg: int | None, fixed_ug: int | None) -> int:
    """The amount to draw, in micrograms: never above a cap, rounded down to the drawable step.

    Args:
        dosing: the protocol's dosing.
        weight_g: measured weight, grams, more than 0.
        ug_per_kg: the order of a per-kg plan, micrograms per kilogram; above the protocol's maximum it is cut to it.
        fixed_ug: the order of a fixed plan, micrograms; must be one that the protocol offers.

    Raises:
        DoseNotOffered: the order is of the other kind, not more than 0, or not one of the fixed doses.

    >>> dose_ug(load_protocol("ket-mdd-iv").dosing, weight_g=70_000, ug_per_kg=500, fixed_ug=None)
    35000
    """
    if weight_g <= 0:
        raise DoseNotOffered(f"{weight_g} g", "a dose for a measured weight above 0 g")
    if dosing.kind == "fixed":
        if fixed_ug not in dosing.fixed_ug or ug_per_kg is not None:
            offered = ", ".join(f"{amount} ug" for amount in dosing.fixed_ug)
            raise DoseNotOffered(fixed_ug if ug_per_kg is None else f"{ug_per_kg} ug/kg", offered)
        return _down_to_step(min(fixed_ug, dosing.total_ug_max), dosing.step_ug)
    if ug_per_kg is None or fixed_ug is not None or ug_per_kg <= 0:
        raise DoseNotOffered(
            f"{fixed_ug} ug" if fixed_ug is not None else ug_per_kg, "a dose per kilogram above 0"
        )
    assert dosing.ug_per_kg_max is not None, "the loader refuses a per-kg dosing without a cap"
    uncapped_ug = weight_g * min(ug_per_kg, dosing.ug_per_kg_max) // G_PER_KG
    return _down_to_step(min(uncapped_ug, dosing.total_ug_max), dosing.step_ug)


def _down_to_step(amount_ug: int, step_ug: int) -> int:
    return amount_ug - amount_ug % step_ug


def _invalid(file: str, field: str, value: object, limit: str) -> EvidenceInvalid:
    return EvidenceInvalid(file=file, field=f"$.{field}", value=value, limit=limit)


def _check_ids(protocol: Protocol, file: str) -> None:
    named: dict[str, list[str]] = {
        "questions": [row.name for row in protocol.questions],
        "eligibility": [row.rule_id for row in protocol.eligibility],
        "observations": [row.duty_id for row in protocol.observations],
        "limits": [row.limit_id for row in protocol.limits],
        "parameters": [row.name for row in protocol.parameters],
        "sources": [row.source_id for row in protocol.sources],
    }
    for field, ids in named.items():
        for one in ids:
            if ids.count(one) > 1:
                raise _invalid(file, field, one, "an id must be written once")
    if file != f"{protocol.protocol_id}.yaml":
        raise _invalid(file, "protocol_id", protocol.protocol_id, "it must be the file's name")


def _check_sources(protocol: Protocol, file: str) -> None:
    known = {row.source_id for row in protocol.sources}
    cited = [(f"parameters[{row.name}].source", row.source) for row in protocol.parameters]
    cited += [(f"limits[{row.limit_id}].source", row.source) for row in protocol.limits]
    cited += [(f"eligibility[{row.rule_id}].source", row.source) for row in protocol.eligibility]
    for field, source in cited:
        if source not in known:
            raise _invalid(file, field, source, f"it is not one of {', '.join(sorted(known))}")


def _check_dosing(protocol: Protocol, file: str) -> None:
    dosing = protocol.dosing
    for name in ("total_ug_max", "step_ug"):
        if getattr(dosing, name) <= 0:
            raise _invalid(file, f"dosing.{name}", getattr(dosing, name), "expected more than 0")
    if dosing.kind == "per-kg":
        for name in ("ug_per_kg", "ug_per_kg_max", "infusion_minutes"):
            if (getattr(dosing, name) or 0) <= 0:
                raise _invalid(
                    file,
                    f"dosing.{name}",
                    getattr(dosing, name),
                    "a per-kg dosing needs it above 0",
                )
        if (dosing.ug_per_kg or 0) > (dosing.ug_per_kg_max or 0):
            raise _invalid(file, "dosing.ug_per_kg", dosing.ug_per_kg, "it is above ug_per_kg_max")
        return
    if not dosing.fixed_ug:
        raise _invalid(file, "dosing.fixed_ug", (), "a fixed dosing needs at least one dose")
    for amount in dosing.fixed_ug:
        if not 0 < amount <= dosing.total_ug_max or amount % dosing.step_ug:
            raise _invalid(
                file, "dosing.fixed_ug", amount, "a whole number of steps, at most total_ug_max"
            )


def _check_bounds(protocol: Protocol, file: str) -> None:
    above_zero = ("version", "sessions", "interval_hours_min")
    for name in (*above_zero, "weight_age_hours_max", "assessment_age_days_max"):
        if getattr(protocol, name) <= 0:
            raise _invalid(file, name, getattr(protocol, name), "expected more than 0")
    for duty in protocol.observations:
        steps = list(duty.minutes)
        field = f"observations[{duty.duty_id}].minutes"
        if not steps or steps != sorted(set(steps)) or steps[0] < 0:
            raise _invalid(file, field, duty.minutes, "expected rising minutes from the start")
    for limit in protocol.limits:
        if limit.delay_seconds < 0 or limit.clear_seconds < 0:
            raise _invalid(file, f"limits[{limit.limit_id}]", limit, "a delay is 0 s or more")


def _check_numbers(protocol: Protocol, file: str) -> None:
    """INV-EVI-02: every number has a row that says where it was read, and the row says the same number."""
    rows = {row.name: row.value for row in protocol.parameters}
    numbers = dict(_numbers(protocol))
    for name, value in numbers.items():
        if name not in rows:
            raise _invalid(file, name, value, "a number without a parameters row")
        if rows[name] != value:
            raise _invalid(file, name, value, f"its parameters row says {rows[name]!r}")
    for name in rows:
        # Rows named `policy.` are cited statements that no single number carries.
        if name not in numbers and not name.startswith("policy."):
            raise _invalid(file, "parameters", name, "it names no number of this protocol")


def _numbers(protocol: Protocol) -> Iterator[tuple[str, str]]:
    ages = ("weight_age_hours_max", "assessment_age_days_max")
    for name in ("sessions", "interval_hours_min", *ages):
        yield name, str(getattr(protocol, name))
    for room in ("dosing", "start", "discharge"):
        part = getattr(protocol, room)
        for field in dataclasses.fields(part):
            value = getattr(part, field.name)
            if isinstance(value, int) and not isinstance(value, bool):
                yield f"{room}.{field.name}", str(value)
            elif isinstance(value, tuple) and value:
                yield f"{room}.{field.name}", ", ".join(str(item) for item in value)
    for duty in protocol.observations:
        yield f"observations.{duty.duty_id}.minutes", ", ".join(str(m) for m in duty.minutes)
        yield f"observations.{duty.duty_id}.late_after_minutes", str(duty.late_after_minutes)
        if duty.every_minutes_after is not None:
            yield f"observations.{duty.duty_id}.every_minutes_after", str(duty.every_minutes_after)
    for follow_up in protocol.follow_up:
        yield f"follow_up.{follow_up.scale_id}.hours_after", str(follow_up.hours_after)


_UNIT_OF_RULE = {"silent": "s", "flat": "s", "missed": "min past due"}
_UNIT_OF_METRIC = {
    "hr": "/min", "pulse": "/min", "spo2": "%", "rr": "/min", "sbp": "mmHg", "dbp": "mmHg",
    "map": "mmHg", "etco2": "mmHg", "moaas": "MOAA/S level",
}  # fmt: skip


def _limit_rows(protocol: Protocol) -> Iterator[Parameter]:
    for row in protocol.limits:
        unit = _UNIT_OF_RULE.get(row.rule) or _UNIT_OF_METRIC.get(row.metric, "")
        for name in ("limit", "clear", "delay_seconds", "clear_seconds"):
            value = getattr(row, name)
            if value is not None:
                yield Parameter(
                    name=f"limits.{row.limit_id}.{name}",
                    value=str(value),
                    unit="s" if name.endswith("seconds") else unit,
                    source=row.source,
                    locator="limits",
                    certainty=row.certainty,
                )
