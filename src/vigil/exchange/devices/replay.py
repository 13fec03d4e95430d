"""Play vital signs into a chair through the gateway, and compare what was sent with what is stored.

In: rows of spelled values, with their times. Out: what was sent, what was answered, and every difference.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from vigil.exchange.devices.codes import Codes
from vigil.exchange.devices.decimals import milli
from vigil.exchange.devices.messages import CHANNELS, Spelled, write_oru
from vigil.exchange.devices.recordings import Recording, Row
from vigil.exchange.devices.sender import Sender
from vigil.session.domain.facts import MetricSample


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One message to be sent: when (seconds from the start of the play) and what it says then."""

    after_seconds: float
    read: Callable[[], tuple[Spelled, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One value that must be stored, exactly so."""

    message_id: str
    metric: str
    sub_id: str
    text: str
    value_milli: int | None
    measured_at: datetime


@dataclass(slots=True, kw_only=True)
class Played:
    """What was sent so far."""

    total: int
    messages: int = 0
    values: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    notes: set[str] = field(default_factory=set)
    expected: list[Expected] = field(default_factory=list)
    is_stopped: bool = False
    resent: int = 0
    acknowledged: int = 0


def due_rows(
    recording: Recording, *, started_at: datetime, speed: float, keep_times: bool
) -> Iterator[Due]:
    """The messages of a recording.

    Args:
        started_at: the moment the first row is said to be measured at (see `stamped_from`).
        speed: how many times faster than it was recorded; 0 sends without waiting.
        keep_times: values keep their recorded distance. Without it they do so too, unless the play is slower
            than the recording: then they are stamped as they are sent.
    """
    for row in recording.rows:
        after_seconds = row.offset.total_seconds() / speed if speed else 0.0
        is_slow = 0 < speed < 1
        apart = timedelta(seconds=after_seconds) if is_slow and not keep_times else row.offset
        measured_at = whole_ms(started_at + apart)
        yield Due(after_seconds=after_seconds, read=partial(_spelled, row, measured_at))


def stamped_from(recording: Recording, *, now: datetime, speed: float) -> datetime:
    """The stamp of the first row, so that no stamp of a play that begins now is ahead of the clock.

    Values keep their recorded distance, and a fast play sends them closer together: it begins in the past, by
    what it gains on the clock, and its last value is stamped as it is sent. All at once (0) ends now.
    """
    if 0 < speed <= 1:
        return now
    length = recording.rows[-1].offset
    return now - (length - length / speed if speed else length)


def _spelled(row: Row, measured_at: datetime) -> tuple[Spelled, ...]:
    return tuple(
        Spelled(code=code, text=text, measured_at=measured_at, sub_id=CHANNELS[code])
        for code, text in row.values
    )


def whole_ms(at: datetime) -> datetime:
    """The moment as a monitor can write it: to the millisecond."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def play(
    due: Iterable[Due],
    *,
    total: int,
    sender: Sender,
    codes: Codes,
    run_id: str,
    monitor: str,
    location: str,
    clock: Callable[[], datetime],
    progress: Callable[[Played], None],
) -> Played:
    """Send every message at its time and wait for every answer. Ctrl-C ends the sending, not the waiting.

    Args:
        run_id: begins every control id, so that two plays never have one in common.
        monitor: the name sent in MSH-3.
    """
    played = Played(total=total)
    said: set[tuple[str, str, datetime, str]] = set()
    started = time.monotonic()
    try:
        for number, one in enumerate(due, start=1):
            sender.rest(one.after_seconds - (time.monotonic() - started))
            values = one.read()
            control_id = f"{run_id}-{number}"
            payload = write_oru(
                values,
                codes=codes,
                control_id=control_id,
                sender=monitor,
                location=location,
                at=clock(),
            )
            sender.send(control_id, payload)
            _expect(played, said, values, codes, control_id, payload)
            _count(played, sender)
            progress(played)
    except KeyboardInterrupt:
        played.is_stopped = True
    sender.finish()
    _count(played, sender)
    progress(played)
    return played


def _count(played: Played, sender: Sender) -> None:
    played.resent = sender.resent
    for control_id, ack in sender.answers.items():
        if ack.is_accepted:
            played.acknowledged += 1
            played.notes.update({ack.reason} - {""})
        else:
            played.refused[control_id] = ack.reason
    sender.answers.clear()


def _expect(
    played: Played,
    said: set[tuple[str, str, datetime, str]],
    values: Sequence[Spelled],
    codes: Codes,
    control_id: str,
    payload: bytes,
) -> None:
    played.messages += 1
    played.values += len(values)
    digest = hashlib.sha256(payload).hexdigest()
    for value in values:
        vital = codes.by_code[value.code]
        name = (value.code, value.sub_id, value.measured_at, value.text)
        if vital.is_episodic and name in said:
            # One inflation of the cuff, said again: it is stored once.
            continue
        said.add(name)
        number = milli(value.text) if value.text else None
        is_none = number is None or vital.means_none(number)
        played.expected.append(
            Expected(
                message_id=f"{control_id}#{digest[:16]}",
                metric=vital.metric,
                sub_id=value.sub_id,
                text=value.text,
                value_milli=None if is_none else number,
                measured_at=value.measured_at,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was sent against what is stored. `differences` holds one line each, at most a hundred."""

    sent: int
    stored: int
    missing: int
    extra: int
    different: int
    gated: int
    without_value: int
    differences: tuple[str, ...]

    @property
    def is_equal(self) -> bool:
        return self.missing == self.extra == self.different == 0


def compare(
    expected: Sequence[Expected], stored: Iterable[MetricSample], *, run_id: str
) -> Comparison:
    """Every difference between what was sent in this play and what is stored, sample for sample.

    A value equals when number, spelling of no value, channel and time of measurement are the same; whether
    it is believed (good or gated) is the session's judgement, and is only counted.
    """
    found: dict[tuple[str, str, str], list[MetricSample]] = {}
    for sample in stored:
        if sample.message_id.startswith(f"{run_id}-"):
            found.setdefault((sample.message_id, sample.metric, sample.sub_id), []).append(sample)
    missing, different, gated, empty = [], [], 0, 0
    total = sum(len(samples) for samples in found.values())
    for one in expected:
        name = (one.message_id, one.metric, one.sub_id)
        samples = found.get(name, [])
        if not samples:
            missing.append(f"missing: {one.metric} {one.text!r} of {one.message_id}")
            continue
        sample = samples.pop(0)
        if not _is_same(one, sample):
            different.append(
                f"different: {one.metric} of {one.message_id}: sent {one.text!r} "
                f"{one.measured_at.isoformat()}, stored {sample.value_milli} {sample.quality!r} "
                f"{sample.measured_at.isoformat()}"
            )
        gated += sample.quality.startswith("gated:")
        empty += sample.value_milli is None
    extra = [f"extra: {s.metric} of {s.message_id}" for left in found.values() for s in left]
    return Comparison(
        sent=len(expected),
        stored=total,
        missing=len(missing),
        extra=len(extra),
        different=len(different),
        gated=gated,
        without_value=empty,
        differences=tuple([*missing, *different, *extra][:100]),
    )


def _is_same(one: Expected, sample: MetricSample) -> bool:
    is_same_value = one.value_milli == sample.value_milli
    is_same_spelling = one.value_milli is not None or sample.quality == f"none:{one.text}"
    return is_same_value and is_same_spelling and one.measured_at == sample.measured_at
