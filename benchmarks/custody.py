"""How fast the controlled-drug ledger is here: acts a second with the chain on, and the fold of a long history.

Out: one JSON object a line, with the load at that moment; a figure without its load means little. The server is the
product's own, with its own settings: every act is on the disk before it is answered. Witness passwords are hashed with a
cheap function: signing in is measured elsewhere. `benchmarks/custody.py [SECONDS] [PROCESSES]`.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from uuid import UUID

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

THREADS = 4
"""Connections in each process."""

HISTORY = 10_000
STEP_UG = 10


def tell(**facts: object) -> None:
    print(
        json.dumps(facts | {"load": round(os.getloadavg()[0], 2), "cores": os.cpu_count()}),
        flush=True,
    )


def write_for(seconds: float, *, clinics: int) -> int:
    """Acts written in that time by the threads of this process, each giving from a draw of its own."""
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection
    from django.test.utils import override_settings

    from a_custody_contention import make_scene
    from vigil.custody import actions
    from vigil.record.clock import new_id, now

    fast = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]
    with override_settings(PASSWORD_HASHERS=fast):
        scenes = [make_scene() for _ in range(clinics)]
        draws = [scenes[n % clinics].draw(40_000).draw_id for n in range(THREADS)]
    written = [0] * THREADS
    print("ready", flush=True)
    sys.stdin.readline()
    end = time.monotonic() + seconds

    def client(number: int) -> None:
        nurse = scenes[number % clinics].nurse
        while time.monotonic() < end:
            given = actions.give(
                draw_id=draws[number], amount_ug=STEP_UG, by=nurse, at=now(), key=new_id()
            )
            assert hasattr(given, "amount_ug"), given
            written[number] += 1
        connection.close()

    threads = [threading.Thread(target=client, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(written)


def bench_acts(url: str, *, seconds: float, processes: int, clinics: int) -> None:
    """Several processes with several connections each, together."""
    environment = {
        **os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "vigil.config.settings",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")]),
    }  # fmt: skip
    writers = [
        subprocess.Popen(
            [sys.executable, __file__, "--write", str(seconds), str(clinics)], env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(processes)
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdout.readline().strip() == "ready"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    acts = sum(int(writer.communicate()[0].split()[-1]) for writer in writers)
    tell(
        what="ledger acts a second, chain on", a_second=round(acts / seconds), acts=acts,
        processes=processes, connections=processes * THREADS, clinics=processes * clinics,
    )  # fmt: skip


def bench_fold() -> None:
    """A history of 10,000 acts of one vial, in memory, to its state; and with the reading of its JSON."""
    import django

    django.setup()
    import msgspec

    from a_custody_room import PureRoom
    from vigil.custody.domain.fold import fold
    from vigil.custody.rows import KIND_OF, KINDS
    from vigil.record.canonical import canonical

    room = PureRoom()
    received, _ = room.receive(0, 1, "L", 300, 0)
    vial = received.containers[0].container_id
    room.open_days[0] = True
    while len(room.acts) < HISTORY:
        drawn, _ = room.draw(vial, STEP_UG, False, 0, 1, UUID(int=7))
        if len(room.acts) < HISTORY:
            room.give(drawn.draw_id, STEP_UG, 0)
    kept = [(KIND_OF[type(act)], canonical(act)) for act in room.acts]
    for what, work in (
        ("fold", lambda: fold(room.acts)),
        (
            "fold with the reading of its JSON",
            lambda: fold(msgspec.json.decode(body, type=KINDS[kind]) for kind, body in kept),
        ),
    ):
        walls, cpus = [], []
        for _ in range(9):
            began, busy = time.perf_counter(), time.process_time()
            work()
            walls.append(time.perf_counter() - began)
            cpus.append(time.process_time() - busy)
        tell(
            what=f"{what}, {HISTORY} acts of one vial",
            median_ms=round(sorted(walls)[4] * 1000, 1),
            processor_ms=round(sorted(cpus)[4] * 1000, 1),
        )


def main(seconds: float = 10, processes: int = 2) -> None:
    from vigil.config import postgres

    bench_fold()
    with tempfile.TemporaryDirectory(prefix="vigil-bench-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        cluster = postgres.create(root)
        server = postgres.start(cluster)
        try:
            os.environ["DATABASE_URL"] = cluster.url
            subprocess.run(
                [sys.executable, "-c", "import django; django.setup(); "
                 "from django.core.management import call_command as run; run('migrate', verbosity=0)"],
                check=True,
            )  # fmt: skip
            bench_acts(cluster.url, seconds=seconds, processes=processes, clinics=1)
            bench_acts(cluster.url, seconds=seconds, processes=processes, clinics=THREADS)
        finally:
            postgres.stop(server)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vigil.config.settings")
    os.environ.setdefault("VIGIL_SECRET_KEY", "only-for-benchmarks-" + "0" * 40)
    if sys.argv[1:2] == ["--write"]:
        print(write_for(float(sys.argv[2]), clinics=int(sys.argv[3])))
    else:
        main(*[float(sys.argv[1])] if sys.argv[1:2] else [], *map(int, sys.argv[2:3]))
