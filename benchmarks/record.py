"""How fast the record is written, sealed, watched, exported and verified on this machine.

Out: one JSON object a line, with the load at that moment; a figure without its load means little. `--rows N` sets the size (200,000).
Verifiers are measured by CPU time of one process: rows a second on one core.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import UUID

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

CLINIC = UUID(int=1)

FILL = """
INSERT INTO record_entry (entry_id, clinic_id, register, kind, subject, by, at, recorded_at, body)
SELECT gen_random_uuid(), %s, CASE WHEN g %% 2 = 0 THEN 'care' ELSE 'custody' END, 'custody.Given',
       gen_random_uuid()::text, gen_random_uuid()::text, now(), now(), %s
FROM generate_series(1, %s) g
"""

BODY = json.dumps(
    {"movements": [{"account": "supplier", "ug": -5}, {"account": f"patient:{CLINIC}", "ug": 5}], "note": "µg given as ordered"},
    separators=(",", ":"), sort_keys=True, ensure_ascii=False,
)  # fmt: skip
"""What an act with drug looks like: about as long as the real ones."""


def tell(**facts: object) -> None:
    print(
        json.dumps(facts | {"load": round(os.getloadavg()[0], 2), "cores": os.cpu_count()}),
        flush=True,
    )


def seconds(act) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def milliseconds(act, times: int) -> dict[str, float]:
    took = sorted(seconds(act) for _ in range(times))
    return {
        "median_ms": round(took[times // 2] * 1000, 2),
        "p99_ms": round(took[int(times * 0.99)] * 1000, 2),
    }


def cpu_seconds(*words: str) -> float:
    """CPU time of a child; it must accept."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def bench_database(rows: int, path: Path) -> None:
    """Sealing, watching and exporting a record of this many entries; leaves the export at `path`."""
    from django.db import connection, transaction

    from vigil.record import queries
    from vigil.record.actions import CARE, CUSTODY, append, seal
    from vigil.record.clock import now
    from vigil.record.export import export_record
    from vigil.record.heads import sign_due
    from vigil.record.own_heads import keep_heads
    from vigil.record.sealing import sealing

    with connection.cursor() as cursor:
        cursor.execute(FILL, [CLINIC, BODY, rows])
    took = 0.0
    for register in (CARE, CUSTODY):
        took += seconds(lambda register=register: _seal_all(seal, register))
    tell(what=f"sealing {rows} entries that waited", rows_a_second=round(rows / took))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")

    def act(register: str) -> None:
        with transaction.atomic():
            append(
                clinic_id=CLINIC,
                register=register,
                kind="custody.Given",
                subject="s",
                by="b",
                at=now(),
                body={"ug": 5},
            )

    tell(
        what="one act, custody register, linked in its transaction",
        **milliseconds(lambda: act(CUSTODY), 300),
    )
    tell(what="one act, care register", **milliseconds(lambda: act(CARE), 300))
    tell(what="how far sealing is (healthz)", **milliseconds(sealing, 200))
    tell(what="what waits (record page)", **milliseconds(lambda: queries.waiting(CLINIC), 200))
    tell(
        what="a round of sealing, 300 waiting",
        seconds=round(seconds(lambda: seal(clinic_id=CLINIC)), 3),
    )
    tell(
        what="a round of sealing, nothing waits",
        **milliseconds(lambda: seal(clinic_id=CLINIC), 200),
    )
    tell(
        what="signing what is due",
        seconds=round(seconds(lambda: sign_due(clinic_id=CLINIC, at=now())), 4),
    )
    tell(
        what="asking whether a head is due",
        **milliseconds(lambda: sign_due(clinic_id=CLINIC, at=now()), 200),
    )
    tell(
        what="keeping heads in the home",
        **milliseconds(lambda: keep_heads(clinic_id=CLINIC, at=now()), 50),
    )
    with open(path, "wb") as file:
        took = seconds(lambda: export_record(CLINIC, file))
    tell(what="export", rows_a_second=round(rows / took), bytes=path.stat().st_size)


def _seal_all(seal, register: str) -> None:
    while seal(clinic_id=CLINIC, register=register):
        pass


def bench_verifiers(rows: int, path: Path, what: str) -> None:
    from two_verifiers import IN_NODE, IN_PYTHON, node

    for name, words in (
        ("Python", (sys.executable, "-I", str(IN_PYTHON))),
        ("Node", (node(), str(IN_NODE))),
    ):
        took = min(cpu_seconds(*words, str(path)) for _ in range(3))
        tell(what=f"verifier in {name}, {what}", rows_a_second=round(rows / took))


def bench_signatures() -> None:
    """Signed heads a second: the part of a verification that grows with the hours, not with the acts."""
    import random

    from a_record_writer import key_of
    from two_verifiers import verify

    key = key_of(random.Random(1))
    public = verify.PublicKey(key.public)
    signature = key.private.sign(b"x")
    tell(
        what="one signature, pure Python", **milliseconds(lambda: public.fits(signature, b"x"), 300)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="vigil-bench-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        os.environ |= {
            "VIGIL_HOME": folder,
            "VIGIL_SECRET_KEY": "x" * 50,
            "DJANGO_SETTINGS_MODULE": "vigil.config.settings",
        }
        from vigil.config import postgres

        # As in the product: fsync and all other guards are on.
        cluster = postgres.create(root / "database")
        process = postgres.start(cluster)
        try:
            os.environ["DATABASE_URL"] = cluster.url
            import django
            from django.core.management import call_command

            django.setup()
            call_command("migrate", "record", verbosity=0, skip_checks=True)
            from vigil.record.signing import make_key

            make_key()
            bench_database(rows, root / "record.jsonl")
            bench_verifiers(rows + 600, root / "record.jsonl", "an export")
        finally:
            postgres.stop(process)
        from a_record_writer import honest_log

        (root / "many.jsonl").write_bytes(
            b"".join(honest_log(1, rows=60_000, signed_each=60_000).lines())
        )
        bench_verifiers(60_000, root / "many.jsonl", "generated, many scripts and escapes")
        bench_signatures()


if __name__ == "__main__":
    main()
