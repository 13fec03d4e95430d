"""The gateway as its own process: what is acknowledged is stored, whatever is killed."""

import signal
import threading
import time

import pytest

from devices_world import Line, message, shared_world
from vigil.exchange.devices.mllp import wrap, wrap_all
from vigil.exchange.devices.sender import NoGateway, Sender


@pytest.fixture(scope="module")
def world():
    return shared_world()


@pytest.fixture
def gateway(world):
    return world.shared_gateway()


STORED = (
    "SELECT split_part(message_id, '#', 1), metric, value_milli, sub_id FROM session_sample "
    "WHERE device = %s"
)


def expected(numbers, sender):
    rows = set()
    for n in numbers:
        name = f"{sender}-{n}"
        rows |= {
            (name, "hr", (60 + n % 60) * 1000, "1.1.1.1"),
            (name, "spo2", (90 + n % 10) * 1000, "1.2.1.1"),
            (name, "pulse", (61 + n % 60) * 1000, "1.2.1.2"),
            (name, "rr", (10 + n % 10) * 1000, "1.3.1.1"),
        }
    return rows


def stored(world, sender):
    return world.sql(STORED, sender)


def test_every_acknowledged_value_is_stored_exactly(world, gateway):
    """INV-DEV-06."""
    line = Line(gateway.port)

    for n in range(50):
        ack = line.ask(message(n, sender="EXACT"))
        assert (ack.code, ack.control_id) == ("AA", f"EXACT-{n}")

    rows = stored(world, "EXACT")
    assert set(rows) == expected(range(50), "EXACT")
    assert len(rows) == 200
    assert "No session is open at this chair" in ack.reason


def test_answers_come_in_order_for_many_frames_in_one_write(world, gateway):
    line = Line(gateway.port)

    line.send_bytes(wrap_all([message(n, sender="PIPE") for n in range(200)]))

    assert [line.ack().control_id for _ in range(200)] == [f"PIPE-{n}" for n in range(200)]
    assert len(stored(world, "PIPE")) == 800


def test_a_message_sent_again_is_answered_again_and_stored_once(world, gateway):
    line = Line(gateway.port)
    payload = message(1, sender="AGAIN")

    codes = [line.ask(payload).code for _ in range(3)]

    assert codes == ["AA"] * 3
    assert len(stored(world, "AGAIN")) == 4
    line.send_bytes(wrap_all([payload] * 5))
    assert [line.ack().code for _ in range(5)] == ["AA"] * 5
    assert len(stored(world, "AGAIN")) == 4


def test_a_control_id_used_again_for_other_values_loses_nothing(world, gateway):
    """Monitors count from 1 again after a restart, and two of one kind count alike."""
    line = Line(gateway.port)
    first = message(7, sender="COUNT")

    assert line.ask(first).code == "AA"
    assert line.ask(first.replace(b"|67|", b"|99|")).code == "AA"
    assert line.ask(message(7, sender="COUNT", place="KET^2^A")).code == "AA"

    assert len(stored(world, "COUNT")) == 12


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda p: p.replace(b"MDC_PULS_OXIM_SAT_O2", b"MDC_CONC_AWAY_CO2_ET"), "DEV-CODE-NAME"),
        (lambda p: p.replace(b"|NM|", b"|ST|"), "DEV-VALUE-TYPE"),
        (lambda p: p[:200], "DEV-NO-PLACE"),
        (lambda p: b"\x00\xff" + p, "DEV-TEXT"),
        (lambda p: b"hello", "DEV-NO-MSH"),
        (lambda p: b"", "DEV-NO-MSH"),
    ],
)
def test_a_malformed_message_gets_ae_with_its_reason_and_its_bytes_are_quarantined(
    world, gateway, damage, code
):
    """INV-DEV-07: never silence, never a crash, nothing of it becomes a vital sign."""
    line = Line(gateway.port)
    sent = damage(message(3, sender=f"BAD-{code}"))

    ack = line.ask(sent)

    assert ack.code == "AE"
    assert ack.reason
    rows = world.sql(
        "SELECT payload, reason FROM exchange_quarantinedframe WHERE code = %s AND payload = %s",
        code, sent,
    )  # fmt: skip
    assert [(bytes(payload), bool(reason)) for payload, reason in rows] == [(sent, True)]
    assert stored(world, f"BAD-{code}") == []
    assert line.ask(message(4, sender="GOOD")).code == "AA"


def test_half_a_frame_and_bytes_outside_a_frame_are_quarantined(world, gateway):
    whole = message(1, sender="HALF")
    line = Line(gateway.port)
    line.send_bytes(b"\x0b" + whole[:300] + wrap(whole))

    cut, accepted = line.ack(), line.ack()

    assert (cut.code, cut.control_id) == ("AE", "HALF-1")
    assert accepted.code == "AA"
    bare = Line(gateway.port)
    bare.send_bytes(b"MSH|no frame around it")
    assert bare.ack().code == "AE"
    gone = Line(gateway.port)
    gone.send_bytes(b"\x0bMSH|half and gone")
    gone.close()
    deadline = time.monotonic() + 5
    wanted = {whole[:300], b"MSH|no frame around it", b"MSH|half and gone"}
    found: set[bytes] = set()
    while not wanted <= found and time.monotonic() < deadline:
        rows = world.sql("SELECT payload FROM exchange_quarantinedframe")
        found = {bytes(row[0]) for row in rows}
        time.sleep(0.05)
    assert wanted <= found


def test_a_message_over_the_limit_gets_ae_and_the_line_goes_on(world, gateway):
    line = Line(gateway.port)

    line.send_bytes(b"\x0b" + b"x" * 300_000 + b"\x1c\r" + wrap(message(1, sender="AFTER-BIG")))

    big, after = line.ack(), line.ack()
    assert (big.code, after.code) == ("AE", "AA")
    assert "longer than" in big.reason


def test_a_cuff_set_that_every_message_repeats_is_stored_once(world, gateway):
    line = Line(gateway.port)
    cuff = {"150021": "121", "150022": "79"}
    first = message(1, sender="CUFF", texts=cuff)

    for n in range(2, 6):
        line.ask(first.replace(b"|CUFF-1|", b"|CUFF-%d|" % n))
    line.ask(first)
    line.ask(message(700, sender="CUFF", texts={"150021": "140", "150022": "90"}))

    rows = world.sql(
        "SELECT metric, value_milli FROM session_sample WHERE device = 'CUFF' ORDER BY id"
    )
    assert rows == [("sbp", 121_000), ("dbp", 79_000), ("sbp", 140_000), ("dbp", 90_000)]
    repeats = world.sql("SELECT sum(repeats) FROM exchange_rawframe WHERE sender = 'CUFF'")
    assert repeats == [(8,)]


def test_a_cuff_set_without_its_own_time_is_fresh_only_when_it_changes(world, gateway):
    """A pressure whose age is unknown is never shown as measured now."""
    line = Line(gateway.port)

    def untimed(n, sbp):
        payload = message(n, sender="UNTIMED", texts={"150021": sbp, "150022": "80"})
        return payload.replace(b"|20261123150000.%03d+0000||||" % n, b"|||||")

    for n, sbp in enumerate(["120", "120", "120", "131", "131", "120"]):
        assert line.ask(untimed(n, sbp)).code == "AA"

    rows = world.sql(
        "SELECT value_milli, measured_at_source FROM session_sample "
        "WHERE device = 'UNTIMED' AND metric = 'sbp' ORDER BY id"
    )
    assert rows == [(120_000, "OBR-7"), (131_000, "OBR-7"), (120_000, "OBR-7")]


def test_an_unknown_place_and_an_unknown_code_are_kept_and_said(world, gateway):
    line = Line(gateway.port)
    payload = message(1, sender="LOST", place="WARD^9^Z") + (
        b"OBX|9|NM|149522^MDC_BLD_PULS_RATE_INV^MDC|1.9|77|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R\r"
    )

    ack = line.ask(payload)

    assert ack.code == "AA"
    assert "No chair is bound" in ack.reason
    assert len(stored(world, "LOST")) == 4
    assert world.sql("SELECT unknown FROM exchange_rawframe WHERE sender = 'LOST'") == [
        (["149522^MDC_BLD_PULS_RATE_INV^MDC"],)
    ]


def test_the_gateway_beats_and_stops_cleanly_when_told(world):
    gateway = world.gateway()
    line = Line(gateway.port)
    line.ask(message(1, sender="BYE"))
    beat = world.home / "heartbeats" / "gateway"
    before = beat.stat().st_mtime

    time.sleep(1.5)

    assert beat.stat().st_mtime > before
    line.send_bytes(wrap_all([message(n, sender="BYE") for n in range(2, 40)]))
    time.sleep(0.05)
    gateway.process.send_signal(signal.SIGTERM)
    assert gateway.process.wait(10) == 0
    acked = []
    try:
        while True:
            acked.append(line.ack().control_id)
    except (ConnectionError, TimeoutError):
        pass
    names = {row[0] for row in stored(world, "BYE")}
    assert set(acked) <= names


class Load:
    """A sender in a thread, that sends on until told to stop."""

    def __init__(self, port: int, name: str, total: int) -> None:
        self.sender = Sender(host="127.0.0.1", port=port, answer_seconds=1.0, give_up_seconds=25.0)
        self.name, self.total = name, total
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            for n in range(self.total):
                self.sender.send(f"{self.name}-{n}", message(n, sender=self.name))
            self.sender.finish()
        except NoGateway as error:
            self.error = error

    @property
    def acked(self) -> int:
        return sum(ack.is_accepted for ack in list(self.sender.answers.values()))

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + 20
        while self.acked < count and time.monotonic() < deadline:
            time.sleep(0.005)
        assert self.acked >= count


def lost_and_doubled(world, load):
    names = [row[0] for row in stored(world, load.name)]
    acked = {c for c, ack in load.sender.answers.items() if ack.is_accepted}
    whole = {name for name in set(names) if names.count(name) == 4}
    return acked - whole, [name for name in set(names) if names.count(name) > 4]


@pytest.mark.parametrize("kill_after", [40, 160, 333])
def test_kill_9_of_the_gateway_loses_no_acknowledged_value_and_doubles_none(world, kill_after):
    """INV-DEV-06 through a crash: what had no answer is sent again, and stored once."""
    running = world.gateway()
    name = f"KILLG{kill_after}"
    load = Load(running.port, name, 600)
    load.wait_for(kill_after)

    running.kill()
    acked_at_kill = dict(load.sender.answers)
    at_kill = {row[0] for row in stored(world, name)}
    again = world.gateway(port=running.port)
    load.thread.join(40)

    assert load.error is None
    assert set(acked_at_kill) <= at_kill
    assert load.acked == 600
    assert lost_and_doubled(world, load) == (set(), [])
    assert set(stored(world, name)) == expected(range(600), name)
    again.process.terminate()
    assert again.process.wait(10) == 0


@pytest.mark.parametrize("kill_after", [60, 250])
def test_kill_9_of_the_database_loses_no_acknowledged_value_and_doubles_none(
    world, gateway, kill_after
):
    """INV-DEV-06: no answer while storage is away, and the connection is kept."""
    name = f"KILLD{kill_after}"
    load = Load(gateway.port, name, 600)
    load.wait_for(kill_after)

    world.kill_server()
    time.sleep(0.2)
    acked_while_away = load.acked
    time.sleep(0.5)
    assert load.acked == acked_while_away
    assert gateway.process.poll() is None
    world.start_server()
    load.thread.join(40)

    assert load.error is None
    assert load.acked == 600
    assert lost_and_doubled(world, load) == (set(), [])
    assert set(stored(world, name)) == expected(range(600), name)
    deadline = time.monotonic() + 5
    while not (notes := world.sql("SELECT body FROM record_entry WHERE kind = 'exchange.StorageWasLost'")) and time.monotonic() < deadline:  # fmt: skip
        time.sleep(0.1)
    assert notes


def test_a_gateway_that_answers_before_the_commit_is_seen_to_lose(world):
    """The control of the two tests above: their measure finds a loss when there is one."""
    running = world.gateway(module="devices_eager_gateway")
    load = Load(running.port, "EAGER", 600)
    load.wait_for(200)

    running.kill()
    acked = {c for c, ack in list(load.sender.answers.items()) if ack.is_accepted}
    lost = acked - {row[0] for row in stored(world, "EAGER")}
    load.sender.give_up_seconds = 0.0
    load.thread.join(20)

    assert lost
