"""Both verifiers as tests ask them: the one in Python in this process, the one in Node once for many files.

In: records as bytes, heads and keys from outside. Out: verdicts that can be compared.
"""

import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
IN_PYTHON = ROOT / "verifier" / "verify.py"
IN_NODE = ROOT / "verifier2" / "verify.mjs"


def node() -> str:
    """The Node that the project uses: the system's, or the one that `make setup` brought."""
    own = ROOT / ".venv" / "bin" / "node"
    return str(own) if own.exists() else "node"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_in_python", IN_PYTHON)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


verify = _load()
sys.set_int_max_str_digits(verify.DIGITS_MAX)


@dataclass(frozen=True, slots=True)
class Case:
    """A file to judge and what is known outside."""

    content: bytes
    heads: Sequence[str] = ()
    keys: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`line` is None when accepted, 0 when the file cannot be judged."""

    line: int | None
    reason: str = field(default="", compare=False)


def in_python(case: Case) -> Verdict:
    try:
        verify.verify(verify.lines_of(io.BytesIO(case.content)), case.heads, case.keys)
    except verify.Bad as bad:
        return Verdict(bad.line, bad.reason)
    except verify.Unusable as error:
        return Verdict(0, str(error))
    return Verdict(None)


def in_node(cases: Sequence[Case]) -> list[Verdict]:
    """One process for all of them."""
    with tempfile.TemporaryDirectory(prefix="vigil-judge-") as folder:
        asked = []
        for number, case in enumerate(cases):
            path = os.path.join(folder, str(number))
            with open(path, "wb") as file:
                file.write(case.content)
            asked.append(
                json.dumps({"path": path, "heads": list(case.heads), "keys": list(case.keys)})
            )
        ran = subprocess.run(
            [node(), str(ROOT / "tests" / "judge_many.mjs")], input="".join(f"{one}\n" for one in asked),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    # Not splitlines: a reason may hold a separator that Python takes for the end of a line.
    answers = [json.loads(answer) for answer in ran.stdout.split("\n") if answer]
    assert len(answers) == len(cases)
    return [
        Verdict(0) if "unusable" in answer
        else Verdict(None if answer["accepted"] else answer["line"], answer.get("reason", ""))
        for answer in answers
    ]  # fmt: skip
