"""The guard: stops what a killed supervisor leaves behind.

In (standard input, from the supervisor): `watch PID SIGNAL`, `forget PID`, `bye`. Out: when the input ends without
`bye`, the supervisor was killed, and every watched process group is stopped, last started first.
"""

import os
import signal
import sys
import time


def main() -> int:
    """Listen until the supervisor says goodbye or dies."""
    # A Ctrl-C of the terminal is the supervisor's business.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watched: dict[int, int] = {}
    for line in sys.stdin:
        word, *numbers = line.split()
        if word == "bye":
            return 0
        if word == "watch":
            watched[int(numbers[0])] = int(numbers[1])
        elif word == "forget":
            watched.pop(int(numbers[0]), None)
    _stop_all(watched)
    return 0


def _stop_all(watched: dict[int, int]) -> None:
    database = [pid for pid, number in watched.items() if number == signal.SIGINT]
    others = [pid for pid in reversed(watched) if pid not in database]
    for pid in others:
        _signal(pid, watched[pid])
    _wait(others, seconds=5)
    for pid in others:
        _signal(pid, signal.SIGKILL)
    # PostgreSQL last, and never by SIGKILL: it flushes what the others committed.
    for pid in database:
        _signal(pid, signal.SIGINT)
    _wait(database, seconds=30)


def _signal(pid: int, number: int) -> bool:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _wait(pids: list[int], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(_signal(pid, 0) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
