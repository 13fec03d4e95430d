"""The mutation runner itself: it makes the slips it claims, and tells noticed from unnoticed ones."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mutation.mutants import mutants

RUN = Path(__file__).with_name("run.py")

SLIPS = {
    "a < b": ["a <= b", "a >= b"],
    "a <= b < c": ["a < b < c", "a > b < c", "a <= b <= c", "a <= b >= c"],
    "a is None": ["a is not None"],
    "a not in b": ["a in b"],
    "a + b": ["a - b"],
    "a // b": ["a * b", "a / b", "a % b"],
    "a and b": ["a or b"],
    "not a": ["a"],
    "-a": ["a"],
    "7": ["8", "6"],
    "True": ["False"],
    "'mg'": ["'mg~'"],
    "1.5": ["1.516"],
    "min(a, b)": ["max(a, b)"],
    "math.floor(a)": ["math.ceil(a)"],
    "a if b else c": ["a if not b else c"],
    "a if b < c else a": ["a if b <= c else a", "a if b >= c else a"],
}


@pytest.mark.parametrize(("before", "after"), SLIPS.items(), ids=SLIPS)
def test_an_expression_has_exactly_these_slips(before: str, after: list[str]):
    found = {mutant.text for mutant in mutants(f"x = {before}")}

    assert found == {f"x = {each}" for each in after}


STATEMENTS = {
    "x += 1": {"x -= 1", "x += 2", "x += 0"},
    "def f():\n    return a": {"def f():\n    return None"},
    "def f():\n    return None": set(),
    "check(a)": {"pass"},
    "raise Wrong(a)": {"pass"},
    "if a:\n    b = c": {"if not a:\n    b = c"},
}


@pytest.mark.parametrize(("before", "after"), STATEMENTS.items(), ids=STATEMENTS)
def test_a_statement_has_exactly_these_slips(before: str, after: set[str]):
    assert {mutant.text for mutant in mutants(before)} == after


@pytest.mark.parametrize(
    "text",
    [
        '"""What comes out, 1 of 2."""',
        "x: int | None",
        "def f(a: int | None) -> int | None:\n    pass",
        "@dataclass(frozen=True, slots=True)\nclass A:\n    pass",
        "assert a < 1, 'our bug'",
        "x = f'{a + 1}'",
        "x = Literal['order', 'cap']",
        "from a import b",
    ],
)
def test_where_a_slip_changes_no_answer_there_is_none(text: str):
    assert list(mutants(text)) == []


def test_the_code_of_a_refusal_is_changed_and_its_message_is_not():
    found = [mutant.after for mutant in mutants("x = Refused(code='KIN', message='Weigh.')")]

    assert found == ["'KIN~'"]


def test_every_mutant_of_a_shipped_module_compiles_and_differs():
    text = (RUN.parents[2] / "src/vigil/kinetics/preparation.py").read_text(encoding="utf-8")
    plain = ast.unparse(ast.parse(text))

    texts = [mutant.text for mutant in mutants(text)]

    assert len(texts) > 100
    for each in texts:
        compile(each, "mutant", "exec")
        assert each != plain


DOUBLE = "def double(a):\n    if a < 0:\n        raise ValueError(a)\n    return a * 2\n"
GOOD = """
import pytest
from room.double import double

def test_double():
    assert (double(3), double(0)) == (6, 0)
    with pytest.raises(ValueError):
        double(-1)
"""
WEAK = "from room.double import double\n\ndef test_double():\n    assert double(2) == 4\n"
WRONG = "from room.double import double\n\ndef test_double():\n    assert double(2) == 5\n"
ENDLESS = "def reach(a):\n    while a < 3:\n        a += 1\n    return a\n"
REACH = "from room.reach import reach\n\ndef test_reach():\n    assert reach(0) == 3\n    assert reach(5) == 5\n"


def run(folder: Path, name: str, module: str, test: str, *options: str) -> tuple[int, str]:
    """The exit code and the output of the runner on a small room."""
    (folder / "room").mkdir()
    (folder / "room/__init__.py").touch()
    (folder / f"room/{name}.py").write_text(module)
    (folder / "test_room.py").write_text(test)
    done = subprocess.run(
        [sys.executable, str(RUN), f"room.{name}", str(folder / "test_room.py"), "--source", str(folder), *options],
        capture_output=True, text=True, check=False, env={"PYTHONPATH": str(folder), "PATH": ""},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def summary(output: str) -> dict[str, object]:
    return json.loads(next(line for line in output.splitlines() if line.startswith("{")))


def test_good_tests_notice_every_slip_and_leave_the_module_as_it_was(tmp_path: Path):
    code, output = run(tmp_path, "double", DOUBLE, GOOD)

    # a < 0: two comparisons and two constants; raise; return None; a * 2: two operators and two constants.
    assert code == 0, output
    assert (summary(output)["mutants"], summary(output)["score_percent"]) == (10, 100.0)
    assert (tmp_path / "room/double.py").read_text() == DOUBLE


def test_weak_tests_are_told_what_they_missed(tmp_path: Path):
    """2 + 2 is 4 too."""
    code, output = run(tmp_path, "double", DOUBLE, WEAK)

    assert code == 1
    assert "survived  line 4: a * 2  ->  a + 2" in output
    assert "survived  line 3: raise ValueError(a)  ->  (removed)" in output


def test_failing_tests_are_no_score(tmp_path: Path):
    code, output = run(tmp_path, "double", DOUBLE, WRONG)

    assert code == 2
    assert "do not pass without a slip" in output


def test_a_mutant_that_never_ends_is_ended_and_counted(tmp_path: Path):
    """`a -= 1` and `a += 0` count down or stand still for ever."""
    code, output = run(tmp_path, "reach", ENDLESS, REACH, "--seconds-each", "2")

    assert code == 0, output
    assert summary(output)["never_ended"] >= 2


def test_the_time_is_bounded_and_what_is_known_is_told(tmp_path: Path):
    code, output = run(tmp_path, "double", DOUBLE, GOOD, "--every", "5", "--seconds-max", "30")

    assert code == 0
    assert summary(output)["tried"] == 2
