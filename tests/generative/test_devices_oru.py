"""Reading device messages: never a crash, never a value that another reader does not see."""

import random
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import hl7
from hl7apy.parser import parse_message
from hypothesis import given, settings
from hypothesis import strategies as st

from vigil.exchange.devices.acks import accept, read_ack, refuse
from vigil.exchange.devices.codes import load_codes
from vigil.exchange.devices.decimals import milli, show_milli
from vigil.exchange.devices.hl7time import read_time, write_time
from vigil.exchange.devices.messages import CHANNELS, Spelled, write_oru
from vigil.exchange.devices.oru import ParsedMessage, Rejected, parse

AT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
CODES = load_codes()

numbers = st.integers(1, 299_999).map(show_milli)
spellings = st.one_of(numbers, st.sampled_from(["", "0", "-100", "32767", "-32001", "-32768"]))
values = st.builds(
    Spelled,
    code=st.sampled_from(sorted(CHANNELS)),
    text=spellings,
    measured_at=st.integers(-5_000, 5_000).map(lambda ms: AT + timedelta(milliseconds=ms)),
    sub_id=st.sampled_from(["1.1.1.1", "1.3.1", "1.3.2"]),
)
sets = st.lists(
    values, min_size=1, max_size=9, unique_by=lambda v: (CODES.by_code[v.code].metric, v.sub_id)
)


def write(found):
    return write_oru(
        found, codes=CODES, control_id="M1", sender="MON", location="KET^1^A", at=AT
    )  # fmt: skip


def read(payload):
    return parse(payload, codes=CODES, zone=UTC_ZONE, received_at=AT)


@given(sent=sets)
def test_what_a_monitor_writes_is_what_is_read(sent):
    """INV-DEV-03: exact values, exact times, every spelling of no value kept."""
    found = read(write(sent))

    assert isinstance(found, ParsedMessage)
    assert len(found.observations) == len(sent)
    for value, observation in zip(sent, found.observations, strict=True):
        assert (observation.code, observation.sub_id) == (value.code, value.sub_id)
        assert observation.measured_at == value.measured_at
        if observation.value_milli is None:
            assert observation.quality == f"none:{value.text}"
            assert value.text in ("", "0", "-100", "32767", "-32001", "-32768")
        else:
            assert show_milli(observation.value_milli) == value.text


def rows_of_python_hl7(payload):
    message = hl7.parse(payload.decode())
    return [
        (str(row[3][0][0]), str(row[4]), str(row[5]), str(row[14]))
        for row in message.segments("OBX") if str(row[2]) == "NM"
    ]  # fmt: skip


def rows_of_hl7apy(payload):
    message = parse_message(payload.decode(), find_groups=False, validation_level=2)
    return [
        (row.obx_3.obx_3_1.to_er7(), row.obx_4.to_er7(), row.obx_5.to_er7(), row.obx_14.to_er7())
        for row in message.obx if row.obx_2.to_er7() == "NM"
    ]  # fmt: skip


def rows_of_ours(payload, spelled):
    found = read(payload)
    assert isinstance(found, ParsedMessage)
    return [
        (o.code, o.sub_id, show_milli(o.value_milli) if o.value_milli is not None
         else o.quality.removeprefix("none:"), write_time(o.measured_at))
        for o in found.observations
    ]  # fmt: skip


@given(sent=sets)
@settings(max_examples=60, deadline=None)
def test_python_hl7_reads_the_same_values(sent):
    payload = write(sent)

    assert rows_of_ours(payload, sent) == rows_of_python_hl7(payload)


@given(sent=sets)
@settings(max_examples=15, deadline=None)
def test_hl7apy_reads_the_same_values(sent):
    payload = write(sent)

    assert rows_of_ours(payload, sent) == rows_of_hl7apy(payload)


def mutate(payload: bytes, rng: random.Random) -> bytes:
    """The message damaged in one to four ways, as lines, memories and vendors damage them."""
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randrange(len(payload) + 1), rng.randint(1, 40)
        match rng.randrange(8):
            case 0:
                payload = payload[:at] + bytes([rng.randrange(256)]) + payload[at + 1 :]
            case 1:
                payload = payload[:at] + payload[at + length :]
            case 2:
                payload = payload[:at] + payload[at : at + length] * 2 + payload[at + length :]
            case 3:
                payload = payload[:at]
            case 4:
                marks = (b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n")
                payload = payload.replace(rng.choice(marks), rng.choice(marks), rng.randint(1, 3))
            case 5:
                lines = payload.split(b"\r")
                rng.shuffle(lines)
                payload = b"\r".join(lines)
            case 6:
                nasty = (
                    b"1e9",
                    b"NaN",
                    b"\xff\xfe",
                    b"\\X00\\",
                    "９７".encode(),
                    b"9" * 400,
                    b"OBX|",
                )
                payload = payload[:at] + rng.choice(nasty) + payload[at:]
            case 7:
                payload = payload[:at] + rng.randbytes(length) + payload[at:]
    return payload


def answer_to(payload):
    found = read(payload)
    if isinstance(found, Rejected):
        assert found.code
        assert found.reason
        return found, refuse(
            control_id=found.control_id, ack_id="A", at=AT, reason=found.reason,
            place=found.place, error=found.code,
        )  # fmt: skip
    assert found.control_id
    assert found.location
    return found, accept(control_id=found.control_id, ack_id="A", at=AT)


def test_three_thousand_damaged_messages_are_each_answered():
    """INV-DEV-05: 0 crashes; always AA or AE; what is accepted has only values that stand in the bytes."""
    rng = random.Random(20261123)
    whole = write(
        [
            Spelled(code=code, text=show_milli(60_000 + 500 * n), measured_at=AT, sub_id=sub)
            for n, (code, sub) in enumerate(CHANNELS.items())
        ]
    )
    counts = {"AA": 0, "AE": 0}

    for _ in range(3_000):
        damaged = mutate(whole, rng)
        found, answer = answer_to(damaged)

        code = read_ack(answer).code
        counts[code] += 1
        assert isinstance(found, ParsedMessage) == (code == "AA")
        if isinstance(found, ParsedMessage):
            seen = {milli(text.decode()) for text in re.findall(rb"(?<=\|)[+-]?[0-9]{1,9}(?:\.[0-9]{1,3})?(?= *\|)", damaged)}  # fmt: skip
            assert {o.value_milli for o in found.observations} - {None} <= seen

    assert counts["AA"] > 100, counts
    assert counts["AE"] > 1_000, counts


@given(payload=st.binary(max_size=400))
def test_any_bytes_are_answered(payload):
    """INV-DEV-05."""
    answer_to(payload)


@given(body=st.text(alphabet="MSHOBXPVR|^~\\&\r0123456789NM.-+ ", max_size=300))
def test_any_text_that_looks_like_a_message_is_answered(body):
    """INV-DEV-05."""
    answer_to(b"MSH|^~\\&|S||||||ORU^R01|M1|P|2.6\rPV1||I|A^1^1\rOBR|1\r" + body.encode())


@given(value=st.integers(-(10**9), 10**9))
def test_thousandths_shown_and_read_again_are_the_same(value):
    assert milli(show_milli(value)) == value


@given(
    ms=st.integers(0, 10**12),
    zone=st.sampled_from(["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
)
def test_a_local_time_is_read_as_the_moment_it_was_when_it_just_arrived(ms, zone):
    """A device without a zone: right through both clock changes, when messages come at once."""
    at = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    text = at.astimezone(ZoneInfo(zone)).strftime("%Y%m%d%H%M%S.%f")[:-3]

    assert read_time(text, zone=ZoneInfo(zone), near=at).at == at
