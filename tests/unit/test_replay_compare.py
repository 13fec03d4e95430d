"""The comparison of a play: it finds each kind of difference."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest

from vigil.exchange.devices.codes import load_codes
from vigil.exchange.devices.messages import Spelled
from vigil.exchange.devices.recordings import Recording, Row
from vigil.exchange.devices.replay import Due, compare, due_rows, play, stamped_from
from vigil.record.clock import new_id
from vigil.session.domain.facts import MetricSample

AT = datetime(2026, 11, 23, 15, tzinfo=UTC)


class Deaf:
    """A sender that only notes; nothing goes over a socket here."""

    def __init__(self):
        self.sent, self.answers, self.resent = [], {}, 0

    def send(self, control_id, payload):
        self.sent.append((control_id, payload))

    def rest(self, seconds):
        pass

    def finish(self):
        pass


def spelled(code, text, at=AT):
    return Spelled(code=code, text=text, measured_at=at, sub_id="1.1")


def played(*sets):
    due = [Due(after_seconds=0.0, read=partial(tuple, values)) for values in sets]
    return play(
        due, total=len(due), sender=Deaf(), codes=load_codes(), run_id="RUN", monitor="M",
        location="K^1^A", clock=lambda: AT, progress=lambda _: None,
    )  # fmt: skip


def sample(one, **changes):
    made = MetricSample(
        sample_id=1, clinic_id=new_id(), session_id=new_id(), chair_id=new_id(), location="K^1^A",
        device="M", metric=one.metric, value_milli=one.value_milli, unit="",
        quality="good" if one.value_milli is not None else f"none:{one.text}", source="device",
        measured_at=one.measured_at, measured_at_source="OBX-14", received_at=AT, recorded_at=AT,
        message_id=one.message_id, sub_id=one.sub_id,
    )  # fmt: skip
    return replace(made, **changes)


SETS = (
    [spelled("147842", "72"), spelled("150456", "0")],
    [spelled("147842", "72.5"), spelled("150456", "")],
)


def test_what_is_stored_as_sent_is_equal():
    expected = played(*SETS).expected

    found = compare(expected, [sample(one) for one in expected], run_id="RUN")

    assert (found.is_equal, found.sent, found.stored, found.without_value) == (True, 4, 4, 2)


def test_a_gated_value_is_equal_and_counted():
    expected = played(*SETS).expected
    stored = [sample(one) for one in expected]
    stored[0] = replace(stored[0], quality="gated:slew")

    found = compare(expected, stored, run_id="RUN")

    assert (found.is_equal, found.gated) == (True, 1)


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        (lambda stored: stored[1:], (1, 0, 0)),
        (lambda stored: [*stored, stored[0]], (0, 1, 0)),
        (lambda stored: [replace(stored[0], value_milli=72_001), *stored[1:]], (0, 0, 1)),
        (lambda stored: [replace(stored[0], measured_at=AT + timedelta(milliseconds=1)), *stored[1:]], (0, 0, 1)),
        (lambda stored: [stored[0], replace(stored[1], quality="none:"), *stored[2:]], (0, 0, 1)),
        (lambda stored: [stored[0], replace(stored[1], value_milli=0, quality="good"), *stored[2:]], (0, 0, 1)),
        (lambda stored: [replace(stored[0], sub_id="9"), *stored[1:]], (1, 1, 0)),
    ],
)  # fmt: skip
def test_every_kind_of_difference_is_found_and_told(change, counts):
    expected = played(*SETS).expected

    found = compare(expected, change([sample(one) for one in expected]), run_id="RUN")

    assert (found.missing, found.extra, found.different) == counts
    assert not found.is_equal
    assert len(found.differences) == sum(counts)


def test_samples_of_other_messages_are_not_this_plays():
    expected = played(*SETS).expected
    other = sample(expected[0], message_id="OTHER-1#0")

    assert compare(expected, [*map(sample, expected), other], run_id="RUN").is_equal


def test_a_cuff_value_that_is_said_again_is_expected_once():
    cuff = spelled("150021", "121")
    later = spelled("150021", "121", AT + timedelta(minutes=5))

    expected = played([cuff], [cuff], [later]).expected

    assert [one.measured_at for one in expected] == [AT, AT + timedelta(minutes=5)]


def test_ctrl_c_ends_the_sending_and_tells_what_was_sent():
    class Interrupted(Deaf):
        def send(self, control_id, payload):
            if len(self.sent) == 1:
                raise KeyboardInterrupt
            super().send(control_id, payload)

    due = [Due(after_seconds=0.0, read=partial(tuple, values)) for values in SETS]

    found = play(
        due, total=2, sender=Interrupted(), codes=load_codes(), run_id="RUN", monitor="M",
        location="K^1^A", clock=lambda: AT, progress=lambda _: None,
    )  # fmt: skip

    assert (found.is_stopped, found.messages, len(found.expected)) == (True, 1, 2)


@pytest.mark.parametrize("speed", [0.0, 0.5, 1.0, 1.7, 20.0, 10_000.0])
def test_no_stamp_of_a_replay_runs_ahead_of_the_clock(speed):
    """Faster than life the stamps begin in the past and arrive at now with the last value."""
    rows = tuple(
        Row(offset=timedelta(seconds=second), values=(("147842", "80"),)) for second in range(480)
    )
    recording = Recording(name="made", rows=rows, started_at=None, not_sent=())

    started_at = stamped_from(recording, now=AT, speed=speed)
    due = list(due_rows(recording, started_at=started_at, speed=speed, keep_times=False))

    clocks = [AT + timedelta(seconds=one.after_seconds) for one in due]
    stamps = [one.read()[0].measured_at for one in due]
    assert all(stamp <= clock for stamp, clock in zip(stamps, clocks, strict=True))
    assert clocks[-1] - stamps[-1] < timedelta(milliseconds=1)
    if speed == 0 or speed > 1:
        apart = {after - before for before, after in pairwise(stamps)}
        assert apart <= {timedelta(milliseconds=n) for n in (999, 1000, 1001)}
