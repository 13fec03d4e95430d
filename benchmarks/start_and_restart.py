"""How long this machine takes to start Vigil, to answer, and to bring back what dies.

Out: one JSON object a line, with the load at that moment; a figure without its load means little.
"""

import json
import os
import signal
import statistics
import sys
import timeit
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from a_supervised_system import System, eventually

from vigil.record.clock import machine_now, now


def tell(**facts: object) -> None:
    print(
        json.dumps(facts | {"load": round(os.getloadavg()[0], 2), "cores": os.cpu_count()}),
        flush=True,
    )


def seconds(act) -> float:
    return timeit.timeit(act, number=1)


def bench_start(system: System) -> None:
    system.start()
    tell(what="first start, empty folder", seconds=system.ready["seconds"])
    system.stop()
    for _ in range(3):
        system.start()
        tell(what="start again", seconds=system.ready["seconds"])
        system.stop()


def bench_answers(system: System) -> None:
    took = sorted(seconds(system.health) for _ in range(200))
    tell(
        what="healthz, 200 in a row",
        median_ms=round(statistics.median(took) * 1000, 2),
        p99_ms=round(took[197] * 1000, 2),
    )


def bench_restarts(system: System) -> None:
    for name in ("web", "stream", "worker", "gateway", "postgres"):
        eventually(system.is_well)
        killed = system.pids()[name]
        began = machine_now()
        os.kill(killed, signal.SIGKILL)
        eventually(lambda name=name, killed=killed: system.pids().get(name) not in (None, killed))
        eventually(
            lambda name=name: (
                system.answers(name) and (system.health() or {}).get("database") == "ok"
            )
        )
        tell(
            what=f"kill -9 of {name}, until it serves",
            seconds=round((machine_now() - began).total_seconds(), 2),
        )


def main() -> None:
    tell(
        what="one reading of the clock",
        microseconds=round(timeit.timeit(now, number=100_000) * 10, 2),
    )
    system = System()
    try:
        bench_start(system)
        system.start()
        bench_answers(system)
        bench_restarts(system)
        tell(what="stop", seconds=round(seconds(system.stop), 2))
    finally:
        system.close()


if __name__ == "__main__":
    main()
