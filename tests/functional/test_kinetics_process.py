"""`vigil kinetics` as people start it: its own process, without database, home or a place to write. INV-KIN-74, INV-KIN-76."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.functional

ROOT = Path(__file__).resolve().parents[2]
VIGIL = [sys.executable, "-m", "vigil.config.command", "kinetics"]
ASKED = ["simulate", "--model", "perez_ruixo_2021", "--dose", "84 mg nasal", "--age-years", "40", "--weight-kg", "70"]  # fmt: skip
LONG = [*ASKED, "--hours", "672", "--every-minutes", "1", "--bands", "20000"]
"""28 days by the minute of 20,000 people: far longer than any of these tests waits."""


def run(*words: str, **more) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*VIGIL, *words], capture_output=True, text=True, check=False, **more)


def test_it_needs_no_database_and_no_folder_of_a_clinic(tmp_path: Path) -> None:
    """A researcher has neither: the settings point nowhere and nothing is made."""
    environment = os.environ | {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
        "VIGIL_HOME": str(tmp_path / "home"),
        "HOME": str(tmp_path),
    }

    said = run(*ASKED, "--hours", "1", "--json", env=environment, cwd=tmp_path)

    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["model"] == "perez_ruixo_2021"
    assert not (tmp_path / "home").exists()
    assert not [path for path in tmp_path.iterdir() if path.name != ".cache"]


def test_ctrl_c_stops_long_work_and_leaves_no_file(tmp_path: Path) -> None:
    """INV-KIN-76: at once, with exit code 130, no traceback and nothing half."""
    process = subprocess.Popen(
        [*VIGIL, *LONG, "--csv", str(tmp_path / "long.csv")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        wait_until_it_works(process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()

    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert out == ""
    assert list(tmp_path.iterdir()) == []


def wait_until_it_works(process: subprocess.Popen[str]) -> None:
    """Return once the process has used processor time for a while: it is past its imports and calculates."""
    import psutil

    watched = psutil.Process(process.pid)
    for _ in range(600):
        assert process.poll() is None, process.stderr and process.stderr.read()
        if watched.cpu_times().user > 4:
            return
        time.sleep(0.1)
    raise AssertionError("it never began to calculate")


def test_a_reader_that_goes_away_is_no_failure() -> None:
    """`vigil kinetics simulate ... | head -1`: exit code 0, no traceback."""
    words = [*VIGIL, *ASKED, "--hours", "672", "--every-minutes", "0.5"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None

    first = process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()

    assert "perez_ruixo_2021, venous" in first
    assert process.wait(timeout=60) == 0
    assert "Traceback" not in err


def test_python_without_assertions_is_refused() -> None:
    """STYLE section 6: assertions guard our own mistakes, also in the engine."""
    said = subprocess.run(
        [sys.executable, "-O", "-m", "vigil.config.command", "kinetics", *ASKED, "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert said.returncode == 1
    assert said.stdout == ""
    assert "python -O" in said.stderr


def test_two_questions_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    """INV-KIN-76: both write the same file; it is whole, whoever came last."""
    path = tmp_path / "course.csv"
    processes = [
        subprocess.Popen(
            [*VIGIL, *ASKED, "--hours", hours, "--csv", str(path)], stdout=subprocess.PIPE
        )
        for hours in ("24", "48", "24", "48")
    ]

    assert [process.wait(timeout=120) for process in processes] == [0, 0, 0, 0]

    lines = path.read_text().splitlines()
    assert len(lines) in {1442, 2882}
    assert all(line.count(",") == 4 for line in lines)
    assert list(tmp_path.iterdir()) == [path]
