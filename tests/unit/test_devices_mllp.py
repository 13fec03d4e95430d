"""Framing: what a stream of bytes holds."""

from vigil.exchange.devices.mllp import Broken, Frame, Framer, wrap, wrap_all


def payloads(found):
    return [item.payload for item in found if isinstance(item, Frame)]


def test_a_frame_split_at_every_byte_is_one_frame():
    framer = Framer()

    found = [item for byte in wrap(b"MSH|1\rPID|2\r") for item in framer.feed(bytes([byte]))]

    assert found == [Frame(payload=b"MSH|1\rPID|2\r")]


def test_many_frames_in_one_read_come_out_in_order():
    found = Framer().feed(wrap_all([b"one", b"two", b"three"]))

    assert payloads(found) == [b"one", b"two", b"three"]


def test_the_last_cr_may_be_missing_or_a_line_feed():
    for tail in (b"", b"\n", b"\r", b"\r\n"):
        framer = Framer()

        found = framer.feed(b"\x0bone\x1c" + tail) + framer.feed(wrap(b"two"))

        assert found == (Frame(payload=b"one"), Frame(payload=b"two")), tail


def test_a_frame_without_its_last_cr_does_not_wait_for_the_next_one():
    assert Framer().feed(b"\x0bone\x1c") == (Frame(payload=b"one"),)


def test_noise_before_a_frame_is_handed_over_and_asks_for_no_answer_of_its_own():
    noise, frame = Framer().feed(b"\x00noise" + wrap(b"one"))

    assert (noise.code, noise.payload) == ("DEV-FRAME-NOISE", b"\x00noise")
    assert not noise.wants_answer
    assert frame == Frame(payload=b"one")


def test_a_second_start_mark_cuts_the_frame_before_it():
    cut, frame = Framer().feed(b"\x0bhalf" + wrap(b"whole"))

    assert (cut.code, cut.payload, cut.wants_answer) == ("DEV-FRAME-CUT", b"half", True)
    assert frame == Frame(payload=b"whole")


def test_a_message_over_the_limit_is_refused_once_and_the_next_one_is_read():
    framer = Framer(size_max=10)

    found = framer.feed(wrap(b"x" * 10)) + framer.feed(wrap(b"y" * 11)) + framer.feed(wrap(b"z"))

    assert payloads(found) == [b"x" * 10, b"z"]
    (broken,) = [item for item in found if isinstance(item, Broken)]
    assert (broken.code, broken.payload) == ("DEV-FRAME-SIZE", b"y" * 10)
    assert "10 bytes" in broken.reason


def test_an_endless_message_takes_no_more_memory_than_the_limit():
    framer = Framer(size_max=1000)
    framer.feed(b"\x0b")

    found = [item for _ in range(500) for item in framer.feed(b"x" * 1000)]

    assert [item.code for item in found] == ["DEV-FRAME-SIZE"]
    assert len(framer._kept) == 0


def test_what_is_left_when_the_sender_stops_is_handed_over():
    half, noise, nothing, oversize = Framer(), Framer(), Framer(), Framer(size_max=2)
    half.feed(b"\x0bhalf")
    noise.feed(b"MSH|without a frame")
    nothing.feed(wrap(b"one") + b"\r\n")
    oversize.feed(b"\x0babcdef")

    assert [(b.code, b.payload) for b in half.close()] == [("DEV-FRAME-CUT", b"half")]
    (left,) = noise.close()
    assert (left.code, left.payload, left.wants_answer) == (
        "DEV-FRAME-NOISE", b"MSH|without a frame", True,
    )  # fmt: skip
    assert nothing.close() == ()
    assert oversize.close() == ()
    assert not half.is_waiting()
