"""Read vital signs out of one HL7 v2 message (IHE PCD-01, ORU^R01).

In: the bytes of one message, the table of vitals, the clinic's zone, the moment of arrival. Out: the
observations with the device's own spellings kept, or a rejection that says what was wrong and where.
No socket, no clock, no database, no floats. Strict about what is read, deaf to everything else.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from vigil.exchange.devices.acks import control_id_in
from vigil.exchange.devices.codes import Codes, Vital
from vigil.exchange.devices.decimals import NotDecimal, milli
from vigil.exchange.devices.hl7time import DEVICE_ZONE, Moment, NotATime, read_time

MDC = "MDC"
SEGMENTS_MAX = 2_000
"""Most segments in one message: a full set of vitals has about 40, alarms and settings included."""

_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}", re.ASCII)
_LINE_END = re.compile(r"\r\n|\r|\n")
_RESULT_HAS_VALUE = frozenset("FRPC")
_RESULT_HAS_NONE = frozenset("XN")
_CHARSETS = {"": None, "ASCII": "ascii", "8859/1": "latin-1", "UNICODE UTF-8": "utf-8"}
_ESCAPE = re.compile(r"\\(F|S|T|R|E)\\")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The message is not believed: nothing of it becomes a vital sign; its raw bytes are kept.

    `place` is the segment and field (`OBX-6`, segment number in `reason`), empty for the whole message.
    """

    code: str
    reason: str
    place: str
    control_id: str
    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One value of one vital.

    `value_milli` is in thousandths of `unit`, None exactly when there is none; then `quality` is
    `none:` and the device's spelling. `measured_at_source` is the field the time came from, with `/clinic`
    when the device sent no zone and the clinic's was used: `OBX-14`, `OBR-7/clinic`, `received`.
    `sub_id` is OBX-4, or the code when the device sends none.
    """

    code: str
    metric: str
    value_milli: int | None
    unit: str
    quality: str
    measured_at: datetime
    measured_at_source: str
    device: str
    sub_id: str
    is_episodic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedMessage:
    """A message that is believed.

    `unknown` holds the codes that the table does not know, as sent; they stay in the raw bytes only.
    """

    control_id: str
    sender: str
    location: str
    profile: str
    observations: tuple[Observation, ...]
    unknown: tuple[str, ...]


class _No(Exception):
    """Leaves the reading of a message with the reason; never leaves this module."""

    def __init__(self, code: str, reason: str, place: str = "") -> None:
        self.code, self.reason, self.place = code, reason, place


@dataclass(slots=True, kw_only=True)
class _Reading:
    """What is known while one message is read."""

    codes: Codes
    zone: ZoneInfo
    received_at: datetime
    marks: str = "|^~\\&"
    control_id: str = ""
    sender: str = ""
    profile: str = ""
    location: str = ""
    has_request: bool = False
    request_time: str = ""
    unknown: list[str] = field(default_factory=list)
    found: dict[tuple[str, str, datetime], Observation] = field(default_factory=dict)


def parse(
    payload: bytes, *, codes: Codes, zone: ZoneInfo, received_at: datetime
) -> ParsedMessage | Rejected:
    """The vital signs in one message, or why it is not believed.

    Args:
        payload: the message without its frame marks.
        zone: the clinic's zone, for times that the device sends without one.
        received_at: aware; the last resort for the time of measurement.
    """
    assert received_at.tzinfo is not None
    reading = _Reading(codes=codes, zone=zone, received_at=received_at.astimezone(UTC))
    try:
        for number, fields in _segments(_decode(payload), reading):
            try:
                _read_segment(reading, fields)
            except _No as no:
                no.reason = f"Segment {number}: {no.reason}"
                raise
        if not reading.location:
            raise _No("DEV-NO-PLACE", "The message names no place (unit^room^bed).", "PV1-3")
    except _No as no:
        return Rejected(
            code=no.code,
            reason=no.reason,
            place=no.place,
            control_id=reading.control_id or control_id_in(payload),
            sender=reading.sender,
        )
    return ParsedMessage(
        control_id=reading.control_id,
        sender=reading.sender,
        location=reading.location,
        profile=reading.profile,
        observations=_told_apart(list(reading.found.values())),
        unknown=tuple(reading.unknown),
    )


# --- the envelope --------------------------------------------------------------------------------


def _decode(payload: bytes) -> str:
    if b"\x00" in payload:
        raise _No("DEV-TEXT", "The message holds a zero byte.")
    head = re.split(rb"[\r\n]", payload.lstrip(b"\r\n"), maxsplit=1)[0]
    if not head.startswith(b"MSH") or len(head) < 8:
        raise _No("DEV-NO-MSH", "The message does not begin with a whole MSH segment.", "MSH")
    fields = head.split(head[3:4])
    declared = fields[17].decode("latin-1").strip() if len(fields) > 17 else ""
    if declared not in _CHARSETS:
        raise _No("DEV-CHARSET", f"The character set {declared[:40]!r} is not read here.", "MSH-18")
    try:
        return payload.decode(_CHARSETS[declared] or "utf-8")
    except UnicodeDecodeError:
        if not declared:
            # Older monitors send names in Latin-1 and do not say so; the fields read here are ASCII.
            return payload.decode("latin-1")
        raise _No("DEV-TEXT", f"The text is not {declared}, as MSH-18 says.", "MSH-18") from None


def _segments(text: str, reading: _Reading) -> Iterator[tuple[int, list[str]]]:
    """Every segment's fields, numbered from 1; MSH first, so that field n of all is at index n."""
    lines = [line for line in _LINE_END.split(text) if line]
    if len(lines) > SEGMENTS_MAX:
        raise _No("DEV-SIZE", f"The message has {len(lines)} segments; at most {SEGMENTS_MAX}.")
    marks = lines[0][3:8]
    if len(set(marks)) != 5 or any(mark.isalnum() or mark.isspace() for mark in marks):
        raise _No("DEV-MARKS", f"{marks!r} are not five different marks.", "MSH-2")
    reading.marks = marks
    separator = marks[0]
    yield 1, ["MSH", separator, *lines[0].split(separator)[1:]]
    for number, line in enumerate(lines[1:], start=2):
        fields = line.split(separator)
        if not _SEGMENT.fullmatch(fields[0]):
            raise _No("DEV-SEGMENT", f"Segment {number} begins with {fields[0][:10]!r}.")
        yield number, fields


def _read_segment(reading: _Reading, fields: list[str]) -> None:
    name = fields[0]
    if name == "OBX":
        _read_obx(reading, fields)
    elif name == "OBR":
        reading.has_request = True
        reading.request_time = _at(fields, 7)
    elif name == "PV1":
        _read_place(reading, fields)
    elif name == "MSH":
        _read_msh(reading, fields)


def _at(fields: Sequence[str], index: int) -> str:
    return fields[index].strip(" ") if index < len(fields) else ""


def _read_msh(reading: _Reading, fields: list[str]) -> None:
    if reading.control_id:
        raise _No("DEV-TWO-IN-ONE", "a second MSH stands in the same frame.", "MSH")
    component = reading.marks[1]
    reading.sender = _plain_text(_at(fields, 3), "MSH-3", required=False, most=199)
    reading.control_id = _plain_text(_at(fields, 10), "MSH-10", required=True, most=180)
    kind = _at(fields, 9).split(component)
    if kind[:2] != ["ORU", "R01"]:
        said = "^".join(kind)[:40]
        raise _No("DEV-TYPE", f"{said!r} is not read here, only ORU^R01.", "MSH-9")
    if not re.fullmatch(r"2\.[3-9](\.[0-9])?", _at(fields, 12).split(component)[0], re.ASCII):
        raise _No(
            "DEV-VERSION", f"HL7 version {_at(fields, 12)[:20]!r} is not read here.", "MSH-12"
        )
    # IHE_PCD_001 and PCD_DEC_001 name the same profile, and some monitors send none: kept, not judged.
    reading.profile = _at(fields, 21)[:199]


def _plain_text(text: str, place: str, *, required: bool, most: int) -> str:
    if required and not text:
        raise _No("DEV-EMPTY", f"{place} is empty.", place)
    if len(text) > most or not text.isprintable():
        raise _No("DEV-TEXT", f"{place} is longer than {most} characters or not plain.", place)
    return text


def _read_place(reading: _Reading, fields: list[str]) -> None:
    component, repetition, part = reading.marks[1], reading.marks[2], reading.marks[4]
    text = _at(fields, 3)
    if not text:
        return
    if repetition in text:
        raise _No("DEV-NO-PLACE", "the message names several places.", "PV1-3")
    parts = [_unescape(reading, piece.split(part)[0]) for piece in text.split(component)[:3]]
    place = "^".join(parts + [""] * (3 - len(parts)))
    _plain_text(place, "PV1-3", required=True, most=128)
    if place == "^^":
        return
    if reading.location and reading.location != place:
        raise _No("DEV-NO-PLACE", "the message names two different places.", "PV1-3")
    reading.location = place


def _unescape(reading: _Reading, text: str) -> str:
    separator, component, repetition, escape, part = tuple(reading.marks)
    if escape != "\\":
        return text
    meaning = {"F": separator, "S": component, "T": part, "R": repetition, "E": escape}
    return _ESCAPE.sub(lambda match: meaning[match[1]], text)


# --- one observation -----------------------------------------------------------------------------


def _read_obx(reading: _Reading, fields: list[str]) -> None:
    vital = _vital(reading, _at(fields, 3))
    if vital is None:
        if _at(fields, 2) or _at(fields, 5):
            # A container (MDS, VMD, channel) has neither type nor value: it is not a code we lack.
            reading.unknown.append(_at(fields, 3)[:199])
        return
    if not reading.has_request:
        raise _No("DEV-NO-OBR", "an OBX stands before any OBR.", "OBX")
    text = fields[5] if len(fields) > 5 else ""
    value_milli, quality = _value(reading, vital, fields, text)
    _check_unit(reading, vital, _at(fields, 6), is_needed=value_milli is not None)
    moment, source = _moment(reading, _at(fields, 14))
    _keep(
        reading,
        Observation(
            code=vital.code,
            metric=vital.metric,
            value_milli=value_milli,
            unit=vital.unit,
            quality=quality,
            measured_at=moment.at,
            measured_at_source=source,
            device=_device(reading, _at(fields, 18)),
            sub_id=_plain_text(_at(fields, 4), "OBX-4", required=False, most=50) or vital.code,
            is_episodic=vital.is_episodic,
        ),
    )


def _triples(reading: _Reading, text: str) -> list[tuple[str, str, str]]:
    """The code, name and coding system of a coded field, and of its alternate."""
    parts = [part.strip(" ") for part in text.split(reading.marks[1])]
    parts += [""] * (6 - len(parts))
    return [(parts[0], parts[1], parts[2]), (parts[3], parts[4], parts[5])]


def _vital(reading: _Reading, text: str) -> Vital | None:
    """The vital that code and name agree on; None when the table knows neither."""
    found: list[Vital] = []
    for code, name, system in _triples(reading, text):
        if system not in (MDC, ""):
            # A vendor's number may equal an MDC number and mean something else.
            continue
        by_code, by_name = reading.codes.by_code.get(code), reading.codes.by_name.get(name)
        if by_code is None and by_name is None:
            continue
        if by_code is not by_name or by_code is None:
            raise _No(
                "DEV-CODE-NAME",
                f"code {code[:20]!r} and name {name[:60]!r} do not belong together in the table.",
                "OBX-3",
            )
        found.append(by_code)
    if len(found) == 2 and found[0] is not found[1]:
        raise _No("DEV-CODE-NAME", "the code and its alternate name two vitals.", "OBX-3")
    return found[0] if found else None


def _value(reading: _Reading, vital: Vital, fields: list[str], text: str) -> tuple[int | None, str]:
    """The value in thousandths and its quality; None with the device's spelling of no value."""
    spelling, status = text.strip(" "), _at(fields, 11)
    if len(status) != 1 or status not in _RESULT_HAS_VALUE | _RESULT_HAS_NONE:
        raise _No("DEV-STATUS", f"result status {status[:10]!r} is not read here.", "OBX-11")
    if spelling in ("", '""'):
        return None, f"none:{spelling}"
    if _at(fields, 2) != "NM":
        raise _No("DEV-VALUE-TYPE", f"type {_at(fields, 2)[:10]!r} is not NM.", "OBX-2")
    try:
        value_milli = milli(spelling)
    except NotDecimal as no:
        raise _No("DEV-VALUE", f"{no}.", "OBX-5") from None
    if status in _RESULT_HAS_NONE:
        return None, f"none:{spelling} with status {status}"
    if vital.means_none(value_milli):
        return None, f"none:{spelling}"
    return value_milli, vital.quality(value_milli)


def _check_unit(reading: _Reading, vital: Vital, text: str, *, is_needed: bool) -> None:
    if not text and not is_needed:
        return
    for code, name, _system in _triples(reading, text):
        if code == vital.unit_code and name in vital.unit_names:
            return
    raise _No(
        "DEV-UNIT",
        f"unit {text[:60]!r} does not belong to {vital.metric} in the table.",
        "OBX-6",
    )


def _moment(reading: _Reading, measured: str) -> tuple[Moment, str]:
    """When it was measured: OBX-14, or the request's OBR-7, or the arrival; and which of these."""
    for text, place in ((measured, "OBX-14"), (reading.request_time, "OBR-7")):
        if not text:
            continue
        try:
            moment = read_time(text, zone=reading.zone, near=reading.received_at)
        except NotATime as no:
            raise _No("DEV-TIME", f"{no}.", place) from None
        return moment, place if moment.zone == DEVICE_ZONE else f"{place}/clinic"
    return Moment(at=reading.received_at, zone=DEVICE_ZONE), "received"


def _device(reading: _Reading, equipment: str) -> str:
    """The equipment's own name, else the sender's: the first part that is not empty."""
    for text, place in ((equipment, "OBX-18"), (reading.sender, "MSH-3")):
        for part in text.split(reading.marks[1]):
            if part:
                return _plain_text(part, place, required=False, most=128)
    return ""


def _keep(reading: _Reading, found: Observation) -> None:
    key = (found.code, found.sub_id, found.measured_at)
    before = reading.found.setdefault(key, found)
    if before != found:
        raise _No(
            "DEV-TWICE",
            f"{found.metric} stands twice for one channel and one time, with two values.",
            "OBX-5",
        )


def _told_apart(found: Sequence[Observation]) -> tuple[Observation, ...]:
    """The observations, where two codes of one metric share a channel each with its code in `sub_id`."""
    codes: dict[tuple[str, str], set[str]] = {}
    for one in found:
        codes.setdefault((one.metric, one.sub_id), set()).add(one.code)
    return tuple(
        replace(one, sub_id=f"{one.sub_id}/{one.code}")
        if len(codes[one.metric, one.sub_id]) > 1
        else one
        for one in found
    )
