"""The answers to monitors."""

from datetime import UTC, datetime

import hl7
import pytest

from vigil.exchange.devices.acks import Ack, accept, control_id_in, read_ack, refuse

AT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


def test_an_acceptance_carries_the_control_id():
    answer = accept(control_id="M1", ack_id="A1", at=AT)

    assert read_ack(answer) == Ack(code="AA", control_id="M1", reason="")
    assert str(hl7.parse(answer.decode())["MSA"][0][2]) == "M1"


def test_a_refusal_says_why_and_where_to_another_reader_too():
    answer = refuse(
        control_id="M1", ack_id="A1", at=AT, place="OBX-5", error="DEV-VALUE",
        reason="'9|7' is not a plain decimal number.",
    )  # fmt: skip

    other = hl7.parse(answer.decode())
    assert str(other["MSA"][0][1]) == "AE"
    assert str(other["ERR"][0][2]) == "OBX-5"
    assert str(other["ERR"][0][5]) == "DEV-VALUE"
    assert other.unescape(str(other["MSA"][0][3])) == "'9|7' is not a plain decimal number."


@pytest.mark.parametrize("text", ["a\rb", "a|b", "\x0b\x1c", "a\nMSA|AA|M1"])
def test_nothing_in_a_reason_or_id_can_forge_a_segment_or_a_frame(text):
    answer = refuse(control_id=text, ack_id="A", at=AT, place="", error="E", reason=text)

    assert b"\x0b" not in answer
    assert b"\x1c" not in answer
    assert answer.count(b"\r") == 3
    assert read_ack(answer).code == "AE"


@pytest.mark.parametrize(
    ("payload", "control_id"),
    [
        (b"MSH|^~\\&|a||||||ORU|M1|P", "M1"),
        (b"\r\nMSH|^~\\&|a||||||ORU|M1", "M1"),
        (b"MSH|^~\\&|a||||||ORU", ""),
        (b"MSH|^~\\&|a||||||ORU|\x01|", ""),
        (b"rubbish", ""),
        (b"", ""),
    ],
)
def test_the_control_id_of_a_damaged_message_is_read_when_it_can_be(payload, control_id):
    assert control_id_in(payload) == control_id
