"""A day of the real custody room, exported: the verifier recomputes its balances and names a forged row."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from a_custody_scene import Scene, count_all, sign_plan, stock
from vigil.custody import actions
from vigil.record.clock import new_id
from vigil.record.export import export_record

pytestmark = pytest.mark.django_db

VERIFIER = Path(__file__).parents[2] / "verifier" / "verify.py"


@pytest.fixture
def exported(
    patient, prescriber, compliance, nurse, second_nurse, clinic, at, tmp_path: Path
) -> Path:
    """Received, counted, drawn, given, wasted; then the export."""
    (vial,) = stock(compliance, at)
    count_all(nurse, second_nurse, at)
    scene = Scene(
        vial=vial, patient=patient, plan_id=sign_plan(patient, prescriber, at), nurse=nurse,
        witness=second_nurse, at=at,
    )  # fmt: skip
    drawn = scene.draw(50_000)
    actions.give(draw_id=drawn.draw_id, amount_ug=35_000, by=nurse, at=at, key=new_id())
    scene.waste(drawn.draw_id, 15_000)
    file = io.BytesIO()
    export_record(clinic.clinic_id, file)
    path = tmp_path / "record.jsonl"
    path.write_bytes(file.getvalue())
    return path


def verify(path: Path) -> tuple[int, dict[str, object]]:
    ran = subprocess.run(
        [sys.executable, str(VERIFIER), str(path), "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return ran.returncode, json.loads(ran.stdout)


def test_a_real_day_is_accepted(exported: Path) -> None:
    code, answer = verify(exported)

    assert (code, answer["accepted"]) == (0, True)
    assert answer["heads"]["custody"][0] >= 5


def test_the_file_holds_movements_for_the_verifier_to_add_up(exported: Path) -> None:
    """Positive control: the balances it recomputes are not empty."""
    balances: dict[str, int] = {}
    for line in exported.read_text().splitlines()[1:-1]:
        entry = json.loads(json.loads(line)["entry"])
        if entry["kind"].startswith("custody."):
            for movement in json.loads(entry["body"]).get("movements", []):
                account = movement["account"].partition(":")[0]
                balances[account] = balances.get(account, 0) + movement["ug"]

    assert balances == {
        "supplier": -200_000, "container": 150_000, "draw": 0, "patient": 35_000, "waste": 15_000,
    }  # fmt: skip


def test_one_changed_amount_is_rejected_and_its_row_named(exported: Path) -> None:
    content = exported.read_bytes()
    assert content.count(b"custody.Given") == 1
    lines = content.split(b"\n")
    (number,) = [n for n, line in enumerate(lines, start=1) if b"custody.Given" in line]
    lines[number - 1] = lines[number - 1].replace(b"35000", b"34000")
    exported.write_bytes(b"\n".join(lines))

    code, answer = verify(exported)

    assert (code, answer["line"], answer["register"]) == (1, number, "custody")
