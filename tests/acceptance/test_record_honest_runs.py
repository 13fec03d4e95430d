"""Honest histories raise nothing: not a verifier, not the look back, through all that a clinic lives through.

Each run is a clinic of its own with days of acts, and its own mishaps: a clock that jumps, a night when the clocks change, an hour
that comes twice, a rotated key, a lost key, anchors in every place, sealing in small rounds. Then the whole database is upgraded, vacuumed,
dumped and restored into another one, and every clinic is exported and judged again from there.
`VIGIL_HONEST` sets how many; 60 by default, `make attacks` runs 1,000.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from two_verifiers import Case, Verdict, in_node, in_python
from vigil.config import postgres

RUNS = int(os.environ.get("VIGIL_HONEST", "60"))
SEED = int(os.environ.get("VIGIL_SEED", "20261124"))
ROOT = Path(__file__).resolve().parents[2]


def django(url: str, home: Path, *words: str) -> str:
    environment = {
        **os.environ, "DATABASE_URL": url, "VIGIL_HOME": str(home), "DJANGO_SETTINGS_MODULE": "vigil.config.settings",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")]),
        "VIGIL_TEST_CLOCK": str(home / "clock"),
    }  # fmt: skip
    ran = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    """A server of this test alone: it is dumped and restored whole."""
    with tempfile.TemporaryDirectory(prefix="vigil-honest-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        made = postgres.create(root)
        with (made.data / "postgresql.conf").open("a") as conf:
            conf.write("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n")
        process = postgres.start(made)
        try:
            yield made
        finally:
            postgres.stop(process)


@pytest.fixture(scope="module")
def lived(cluster: postgres.Cluster, tmp_path_factory) -> dict[str, object]:
    """The runs, lived in one process; half of them begun on the tables of the version that landed, and upgraded."""
    home = tmp_path_factory.mktemp("home")
    (home / "clock").write_text("0")
    django(
        cluster.url, home, "-m", "django", "migrate", "record", "0001", "--skip-checks", "-v", "0"
    )
    words = [str(ROOT / "tests" / "a_honest_clinic.py"), str(RUNS), str(SEED)]
    old = json.loads(django(cluster.url, home, *words, "old", str(home / "exports")))
    django(cluster.url, home, "-m", "django", "migrate", "record", "--skip-checks", "-v", "0")
    new = json.loads(django(cluster.url, home, *words, "new", str(home / "exports")))
    assert old["written"] > 0
    return {"home": home, **new}


def judge(folder: Path, lived: dict[str, object]) -> list[Verdict]:
    """Both verifiers on every clinic's export, with every head and key that was ever written down outside."""
    outside: dict[str, dict[str, list[str]]] = lived["outside"]  # type: ignore[assignment]
    cases = [
        Case((folder / f"{clinic}.jsonl").read_bytes(), known["heads"], known["keys"])
        for clinic, known in outside.items()
    ]
    mine, theirs = [in_python(case) for case in cases], in_node(cases)
    assert mine == theirs
    return [verdict for verdict in mine if verdict != Verdict(None)]


def test_every_honest_run_is_accepted_by_both(lived: dict[str, object]) -> None:
    outside: dict[str, dict[str, list[str]]] = lived["outside"]  # type: ignore[assignment]
    assert len(outside) == RUNS
    assert sum(len(known["heads"]) for known in outside.values()) > RUNS
    assert lived["went_back"] == []
    mishaps: dict[str, int] = lived["mishaps"]  # type: ignore[assignment]
    assert set(mishaps) == {
        "clock back",
        "clock ahead",
        "autumn night",
        "spring night",
        "new key",
        "key away",
        "anchor",
        "upgrade",
    }

    wrong = judge(lived["home"] / "exports", lived)

    print(f"\n{RUNS} honest runs, seed {SEED}: {mishaps}; {len(wrong)} false alarms")
    assert wrong == []


def test_after_vacuum_dump_and_restore_nothing_is_raised(
    cluster: postgres.Cluster, lived: dict[str, object]
) -> None:
    home = lived["home"]
    environment = {**os.environ, "PGPASSWORD": (cluster.root / "password").read_text().strip()}
    with psycopg.connect(cluster.url, autocommit=True) as db:
        db.execute("VACUUM (FULL, ANALYZE)")
        db.execute("CREATE DATABASE restored")
    place = ["-h", str(cluster.socket), "-U", "vigil"]
    with tempfile.TemporaryDirectory(prefix="vigil-dump-") as folder:
        dump = str(Path(folder) / "dump")
        subprocess.run(
            [cluster.bin / "pg_dump", *place, "-Fc", "-f", dump, "vigil"],
            env=environment,
            check=True,
        )
        subprocess.run(
            [
                cluster.bin / "pg_restore",
                *place,
                "--no-acl",
                "--exit-on-error",
                "-d",
                "restored",
                dump,
            ],
            env=environment,
            check=True,
        )
    url = cluster.url.replace("/vigil?", "/restored?")

    words = [
        str(ROOT / "tests" / "a_honest_clinic.py"),
        str(RUNS),
        str(SEED),
        "restored",
        str(home / "again"),
    ]
    again = json.loads(django(url, home, *words))

    assert again["went_back"] == []
    assert judge(home / "again", lived) == []


def test_a_changed_row_in_one_of_them_is_seen(
    cluster: postgres.Cluster, lived: dict[str, object]
) -> None:
    """Positive control: the same way of looking finds one changed actor in one clinic, and only there."""
    home = lived["home"]
    with psycopg.connect(cluster.url) as db:
        db.execute("SET session_replication_role = replica")
        (clinic,) = db.execute(
            "UPDATE record_entry SET by = 'somebody' WHERE id = (SELECT min(entry_id) FROM record_link WHERE register = 'care') RETURNING clinic_id::text"
        ).fetchone()

    words = [
        str(ROOT / "tests" / "a_honest_clinic.py"),
        str(RUNS),
        str(SEED),
        "restored",
        str(home / "forged"),
    ]
    django(cluster.url, home, *words)

    assert len(judge(home / "forged", lived)) == 1
    changed = (home / "forged" / f"{clinic}.jsonl").read_bytes()
    assert in_python(Case(changed)).line is not None
