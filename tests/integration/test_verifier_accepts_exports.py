"""What Vigil exports, the independent verifier accepts; what was changed afterwards, it does not."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connection, transaction

from vigil.record.actions import CARE, CUSTODY, append
from vigil.record.export import export_record

pytestmark = pytest.mark.django_db

CLINIC = UUID(int=1)
VERIFIER = Path(__file__).parents[2] / "verifier" / "verify.py"


@pytest.fixture
def write(at: datetime) -> Callable[..., None]:
    def _write(register: str, kind: str, body: object) -> None:
        with transaction.atomic():
            append(
                clinic_id=CLINIC, register=register, kind=kind, subject="s-1", by="nurse", at=at,
                body=body,
            )  # fmt: skip

    return _write


def moved(*changes: tuple[str, int]) -> dict[str, object]:
    return {"movements": [{"account": account, "ug": ug} for account, ug in changes]}


@pytest.fixture
def day(write: Callable[..., None]) -> None:
    """A small day with a vial, text in several scripts, and both registers."""
    write(CARE, "people.Registered", {"name": 'Zoë 测试 "quoted" \\ \u2028 µ', "note": None})
    write(CUSTODY, "custody.Received", moved(("supplier", -200_000), ("container:1", 200_000)))
    write(CUSTODY, "custody.Drawn", moved(("container:1", -35_000), ("draw:1", 35_000)))
    write(CARE, "session.Started", {"dose_ug": 35_000})
    write(CUSTODY, "custody.Given", moved(("draw:1", -35_000), ("patient", 35_000)))
    write(CUSTODY, "custody.Counted", moved())


def exported() -> bytes:
    file = io.BytesIO()
    export_record(CLINIC, file)
    return file.getvalue()


def verify(path: Path, *arguments: str) -> tuple[int, dict[str, object]]:
    """Exit code and answer of the verifier as its user runs it, with nothing of Vigil to import."""
    ran = subprocess.run(
        [sys.executable, "-I", "-S", str(VERIFIER), str(path), "--json", *arguments],
        capture_output=True, text=True, check=False, cwd=path.parent, env={},
    )  # fmt: skip
    return ran.returncode, json.loads(ran.stdout) if ran.stdout else {"stderr": ran.stderr}


def test_an_export_is_accepted(day: None, tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    path.write_bytes(exported())

    code, answer = verify(path)

    assert code == 0
    assert (answer["accepted"], answer["count"], answer["anchored"]) == (True, 6, False)
    assert answer["heads"]["custody"][0] == 4


def test_an_empty_record_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    path.write_bytes(exported())

    assert verify(path)[1]["count"] == 0


def test_the_export_seals_what_still_waits(day: None) -> None:
    lines = [json.loads(line) for line in exported().splitlines()]

    assert [(row["register"], row["seq"]) for row in lines[1:-1]] == [
        ("care", 1), ("care", 2), ("custody", 1), ("custody", 2), ("custody", 3), ("custody", 4),
    ]  # fmt: skip
    assert lines[-1]["count"] == 6


def test_an_export_holds_one_clinic_only(day: None, at: datetime) -> None:
    before = exported()
    with transaction.atomic():
        append(
            clinic_id=UUID(int=2), register=CUSTODY, kind="custody.Held", subject="x", by="other",
            at=at, body={},
        )  # fmt: skip

    assert exported().splitlines()[1:-1] == before.splitlines()[1:-1]
    assert len(before.splitlines()) == 8


def test_a_head_written_down_earlier_is_found_in_a_longer_record(
    day: None, write: Callable[..., None], tmp_path: Path
) -> None:
    head = json.loads(exported().splitlines()[-1])["heads"]["custody"]["hash"]
    write(CUSTODY, "custody.Held", {})
    path = tmp_path / "record.jsonl"
    path.write_bytes(exported())

    code, answer = verify(path, "--head", head)

    assert (code, answer["anchored"]) == (0, True)
    in_groups = " ".join(head[start : start + 16].upper() for start in range(0, 64, 16))
    assert verify(path, "--head", in_groups)[0] == 0


def test_a_row_changed_in_the_database_is_rejected_and_named(day: None, tmp_path: Path) -> None:
    """An insider with the guard switched off changes one amount: the export shows it."""
    exported()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE record_entry DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE record_entry SET body = replace(body, '35000', '30000') WHERE kind = 'custody.Drawn'"
        )
        cursor.execute("ALTER TABLE record_entry ENABLE TRIGGER USER")
    path = tmp_path / "record.jsonl"
    path.write_bytes(exported())

    code, answer = verify(path)

    assert code == 1
    assert (answer["register"], answer["seq"]) == ("custody", 2)


def test_a_row_removed_in_the_database_is_rejected(day: None, tmp_path: Path) -> None:
    exported()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE record_link DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM record_link WHERE register = 'custody' AND seq = 2")
        cursor.execute("ALTER TABLE record_link ENABLE TRIGGER USER")
    path = tmp_path / "record.jsonl"
    path.write_bytes(exported())

    code, answer = verify(path)

    assert (code, answer["register"], answer["seq"]) == (1, "custody", 3)


def test_drug_that_appears_from_nowhere_is_rejected_and_named(
    day: None, write: Callable[..., None], tmp_path: Path
) -> None:
    write(CUSTODY, "custody.Wasted", moved(("draw:1", -5_000), ("waste", 4_000)))
    path = tmp_path / "record.jsonl"
    path.write_bytes(exported())

    code, answer = verify(path)

    assert (code, answer["register"], answer["seq"]) == (1, "custody", 5)
    assert "zero" in str(answer["reason"])


def test_more_given_than_was_there_is_rejected_and_named(
    day: None, write: Callable[..., None], tmp_path: Path
) -> None:
    write(CUSTODY, "custody.Given", moved(("draw:1", -1), ("patient", 1)))
    path = tmp_path / "record.jsonl"
    path.write_bytes(exported())

    code, answer = verify(path)

    assert (code, answer["seq"]) == (1, 5)
    assert "falls to -1 ug" in str(answer["reason"])


def test_a_file_that_is_not_there_is_unusable(tmp_path: Path) -> None:
    code, _ = verify(tmp_path / "nothing.jsonl")

    assert code == 2
    (tmp_path / "x").write_bytes(b"")
    assert verify(tmp_path / "x", "--head", "short")[0] == 2


def test_the_printed_answer_says_what_a_missing_head_means(day: None, tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    path.write_bytes(exported())

    ran = subprocess.run(
        [sys.executable, str(VERIFIER), str(path)], capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0
    assert ran.stdout.startswith("ACCEPTED: 6 entries")
    assert "cut off" in ran.stdout


def test_the_verifier_imports_only_the_standard_library() -> None:
    import ast

    tree = ast.parse(VERIFIER.read_text())
    names = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }

    assert names == {"argparse", "hashlib", "json", "re", "sys"}
