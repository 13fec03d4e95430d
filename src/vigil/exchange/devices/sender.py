"""Send messages as a careful monitor does: each until it is answered.

In: messages. Out: the answer to each. A message without an answer is sent again on a new connection, byte for
byte the same; the receiver stores it once.
"""

import select
import socket
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from vigil.exchange.devices.acks import Ack, read_ack
from vigil.exchange.devices.mllp import Frame, Framer, wrap

ANSWER_SECONDS = 5.0
"""Without any answer for so long, everything unanswered is sent again."""

WINDOW = 32
"""Most messages under way at once."""

RECONNECT_SECONDS = 0.25


class NoGateway(Exception):
    """Nobody answers on the port; what was not acknowledged may not be stored."""


@dataclass(slots=True, kw_only=True)
class Sender:
    """One monitor's line to the gateway. Not for several threads.

    `give_up_seconds`: how long to go on without any connection or answer before `NoGateway`.
    """

    host: str
    port: int
    answer_seconds: float = ANSWER_SECONDS
    give_up_seconds: float = 60.0
    window: int = WINDOW
    answers: dict[str, Ack] = field(default_factory=dict)
    resent: int = 0
    _unanswered: "OrderedDict[str, bytes]" = field(default_factory=OrderedDict)
    _socket: socket.socket | None = None
    _framer: Framer = field(default_factory=Framer)
    _heard_at: float = field(default_factory=time.monotonic)
    _tried_at: float = field(default_factory=time.monotonic)

    @property
    def is_full(self) -> bool:
        """Whether one more message would have to wait for an answer first."""
        return len(self._unanswered) >= self.window

    def send(self, control_id: str, payload: bytes) -> None:
        """Put a message under way; waits while too many are."""
        assert control_id not in self._unanswered
        while self.is_full:
            self._step(0.1)
        if not self._unanswered:
            # The silence that counts is the one after a question.
            self._heard_at = self._tried_at = time.monotonic()
        self._unanswered[control_id] = payload
        if self._socket is None:
            self._connect()
        else:
            self._write(payload)

    def rest(self, seconds: float) -> None:
        """Listen for answers for so long, sending again where needed; at least for those already here."""
        until = time.monotonic() + seconds
        if self._unanswered:
            self._step(0.0)
        while (left := until - time.monotonic()) > 0:
            if self._unanswered:
                self._step(min(left, 0.1))
            else:
                time.sleep(left)

    def finish(self) -> None:
        """Wait until every message is answered."""
        while self._unanswered:
            self._step(0.1)

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _step(self, seconds: float) -> None:
        if self._socket is None:
            time.sleep(min(seconds, RECONNECT_SECONDS))
            self._connect()
        else:
            self._listen(seconds)
        now = time.monotonic()
        if now - self._heard_at > self.give_up_seconds:
            raise NoGateway(
                f"No answer from {self.host}:{self.port} for {self.give_up_seconds:g} s; "
                f"{len(self._unanswered)} messages are not acknowledged. Is `vigil up` running?"
            )
        if now - max(self._heard_at, self._tried_at) > self.answer_seconds:
            self.close()

    def _connect(self) -> None:
        self._tried_at = time.monotonic()
        try:
            self._socket = socket.create_connection((self.host, self.port), timeout=2.0)
        except OSError:
            return
        self._framer = Framer()
        waiting = list(self._unanswered.values())
        # The newest was never sent yet when a send finds no line; all others are sent again.
        self.resent += max(0, len(waiting) - 1)
        for payload in waiting:
            self._write(payload)

    def _write(self, payload: bytes) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendall(wrap(payload))
        except OSError:
            self.close()

    def _listen(self, seconds: float) -> None:
        assert self._socket is not None
        try:
            readable, _, _ = select.select([self._socket], [], [], seconds)
            if not readable:
                return
            piece = self._socket.recv(1 << 16)
        except OSError:
            piece = b""
        if not piece:
            self.close()
            return
        for item in self._framer.feed(piece):
            ack = read_ack(item.payload) if isinstance(item, Frame) else None
            if ack is not None and self._unanswered.pop(ack.control_id, None) is not None:
                self.answers[ack.control_id] = ack
                self._heard_at = time.monotonic()
