"""The sender: each message until it is answered, byte for byte the same when sent again."""

import socket
import threading
import time

import pytest

from vigil.exchange.devices.acks import accept, control_id_in
from vigil.exchange.devices.mllp import Framer, wrap
from vigil.exchange.devices.sender import NoGateway, Sender
from vigil.record.clock import now


def message(n):
    return f"MSH|^~\\&|a|||||||M{n}|P\r".encode()


class Receiver:
    """Answers on a socket; drops the first `deaf` connections after reading from them."""

    def __init__(self, deaf=0):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.heard, self.deaf = [], deaf
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            line, _ = self.server.accept()
            if self.deaf:
                self.deaf -= 1
                self.heard += [frame.payload for frame in Framer().feed(line.recv(1 << 16))]
                line.close()
                continue
            threading.Thread(target=self._answer, args=(line,), daemon=True).start()

    def _answer(self, line):
        framer = Framer()
        while piece := line.recv(1 << 16):
            for frame in framer.feed(piece):
                self.heard.append(frame.payload)
                line.sendall(
                    wrap(accept(control_id=control_id_in(frame.payload), ack_id="A", at=now()))
                )


def test_every_message_is_answered_once():
    receiver = Receiver()
    sender = Sender(host="127.0.0.1", port=receiver.port)

    for n in range(100):
        sender.send(f"M{n}", message(n))
    sender.finish()

    assert list(sender.answers) == [f"M{n}" for n in range(100)]
    assert receiver.heard == [message(n) for n in range(100)]
    assert sender.resent == 0


def test_what_a_broken_line_swallowed_is_sent_again_the_same():
    receiver = Receiver(deaf=2)
    sender = Sender(host="127.0.0.1", port=receiver.port, answer_seconds=0.5)

    for n in range(5):
        sender.send(f"M{n}", message(n))
    sender.finish()

    assert set(sender.answers) == {f"M{n}" for n in range(5)}
    assert set(receiver.heard) == {message(n) for n in range(5)}
    assert sender.resent > 0


def test_answers_are_read_while_it_rests():
    receiver = Receiver()
    sender = Sender(host="127.0.0.1", port=receiver.port)
    sender.send("M1", message(1))

    sender.rest(0.3)

    assert list(sender.answers) == ["M1"]


def test_nobody_there_is_told_with_what_is_not_acknowledged():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    sender = Sender(host="127.0.0.1", port=port, give_up_seconds=0.5)
    sender.send("M1", message(1))
    began = time.monotonic()

    with pytest.raises(NoGateway, match=r"1 messages are not acknowledged.*vigil up"):
        sender.finish()

    assert time.monotonic() - began < 3
