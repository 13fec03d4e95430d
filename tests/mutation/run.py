"""How many small slips in a module its tests notice.

In: the name of a module and the test files that should notice. Out: a progress line, the slips that nobody noticed, and one
JSON line with the score. Stop it with Ctrl-C: what is known by then is still told.

    python tests/mutation/run.py vigil.kinetics.preparation tests/unit/test_kinetics_preparation.py

Each mutant is a file in a temporary folder that is found before the real module; nothing in the working tree is touched.
Each runs in a process of its own, so a mutant that never ends is ended. The tests must not need Django or a conftest.
Exit code 1 when a slip survived, 2 when the tests fail without any.

Why not a package: mutmut (3.8.1 was tried) leaves every decorated function alone, so no property and no compiled kernel is
tested; cosmic-ray (8.7.0 was tried) edits the files of the working tree in place and spends its time on annotations.
"""

import argparse
import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

# The tests' folder must be on the path first, also when this file is started from elsewhere.
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

from mutation.mutants import Mutant, mutants  # noqa: E402

SLOWER_MAX = 10
"""A mutant may run this many times longer than the unchanged module before it counts as never ending."""

SECONDS_LEAST = 10
POLL_SECONDS = 0.005


class Shadow(importlib.abc.MetaPathFinder):
    """Finds one module in another file than its own."""

    def __init__(self, module: str, file: Path) -> None:
        self.module = module
        self.file = file

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.module:
            return None
        return importlib.util.spec_from_file_location(fullname, self.file)


@dataclass(slots=True)
class Score:
    """What is known so far."""

    total: int
    killed: int = 0
    ended: int = 0
    survivors: list[Mutant] = field(default_factory=list)

    @property
    def tried(self) -> int:
        return self.killed + self.ended + len(self.survivors)

    @property
    def percent(self) -> float:
        return round(100 * (self.killed + self.ended) / self.tried, 1) if self.tried else 0.0


def module_file(module: str, source: Path) -> Path:
    """The file of a module, without importing it."""
    return source.joinpath(*module.split(".")).with_suffix(".py")


def run_tests(module: str, text: str, tests: Sequence[str], *, seconds_max: float) -> int | None:
    """The exit code of the tests with this text as the module, or None when they had to be ended."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        file = Path(folder) / f"{module.rpartition('.')[2]}.py"
        file.write_text(text, encoding="utf-8")
        pid = os.fork()
        if pid == 0:
            _be_the_child(module, file, tests)
        return _wait(pid, seconds_max)


def _be_the_child(module: str, file: Path, tests: Sequence[str]) -> None:
    """Run the tests in this process and end it. Never returns."""
    code: int = pytest.ExitCode.INTERNAL_ERROR
    try:
        os.setpgid(0, 0)
        sys.meta_path.insert(0, Shadow(module, file))
        sys.dont_write_bytecode = True
        # Compiled kernels must not be taken from the cache of the unchanged module.
        os.environ["NUMBA_CACHE_DIR"] = str(file.parent)
        with open(os.devnull, "w") as silence:
            os.dup2(silence.fileno(), 1)
            os.dup2(silence.fileno(), 2)
            options = [
                "-c",
                os.devnull,
                "--rootdir",
                str(ROOT),
                "--noconftest",
                "--import-mode=importlib",
            ]
            plugins = ["-p", "no:django", "-p", "no:cacheprovider"]
            code = pytest.main([*options, *plugins, "-x", "-q", *tests])
    finally:
        os._exit(code)


def _wait(pid: int, seconds_max: float) -> int | None:
    """The child's exit code, or None after ending it."""
    limit = time.monotonic() + seconds_max
    try:
        while time.monotonic() < limit:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(POLL_SECONDS)
    except BaseException:
        _end(pid)
        raise
    _end(pid)
    return None


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def try_all(
    module: str,
    text: str,
    tests: Sequence[str],
    *,
    seconds_each: float,
    seconds_max: float,
    every: int,
) -> Iterator[Score]:
    """The score after each mutant, until all are tried or the time is over."""
    chosen = list(mutants(text))[::every]
    score = Score(total=len(chosen))
    limit = time.monotonic() + seconds_max
    yield score
    for mutant in chosen:
        if time.monotonic() > limit:
            return
        code = run_tests(module, mutant.text, tests, seconds_max=seconds_each)
        if code is None:
            score.ended += 1
        elif code == pytest.ExitCode.OK:
            score.survivors.append(mutant)
        else:
            score.killed += 1
        yield score


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="How many small slips in a module its tests notice."
    )
    parser.add_argument("module", help="such as vigil.kinetics.preparation")
    parser.add_argument("tests", nargs="+", help="test files that should notice")
    parser.add_argument("--source", type=Path, default=ROOT / "src", help="folder of the package")
    parser.add_argument("--seconds-max", type=float, default=900, help="stop after this long (900)")
    parser.add_argument(
        "--seconds-each",
        type=float,
        help="end a mutant after this long (10 x the unchanged module)",
    )
    parser.add_argument("--every", type=int, default=1, help="try only every n-th mutant (1)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    asked = read_arguments(arguments)
    # The same examples for every mutant, and nothing remembered from one to the next.
    settings.register_profile("mutation", derandomize=True, database=None, deadline=None)
    settings.load_profile("mutation")
    text = module_file(asked.module, asked.source).read_text(encoding="utf-8")
    began = time.monotonic()
    code = run_tests(asked.module, text, asked.tests, seconds_max=asked.seconds_max)
    if code != pytest.ExitCode.OK:
        print(
            f"The tests do not pass without a slip (exit code {code}). Run them first.",
            file=sys.stderr,
        )
        return 2
    seconds_each = asked.seconds_each or max(SECONDS_LEAST, SLOWER_MAX * (time.monotonic() - began))
    score = Score(total=0)
    with contextlib.suppress(KeyboardInterrupt):
        for score in try_all(
            asked.module, text, asked.tests,
            seconds_each=seconds_each, seconds_max=asked.seconds_max, every=asked.every,
        ):  # fmt: skip
            _show(score)
    print(file=sys.stderr)
    for survivor in score.survivors:
        print(f"survived  {survivor}")
    print(json.dumps(_summary(asked.module, score, seconds=time.monotonic() - began)))
    return 1 if score.survivors else 0


def _show(score: Score) -> None:
    line = f"{score.tried}/{score.total} tried, {len(score.survivors)} survived"
    if sys.stderr.isatty():
        print(f"\r{line}", end="", file=sys.stderr, flush=True)
    elif score.tried % 50 == 0:
        print(line, file=sys.stderr, flush=True)


def _summary(module: str, score: Score, *, seconds: float) -> dict[str, object]:
    return {
        "module": module,
        "mutants": score.total,
        "tried": score.tried,
        "killed": score.killed,
        "never_ended": score.ended,
        "survived": len(score.survivors),
        "score_percent": score.percent,
        "seconds": round(seconds, 1),
        "load": round(os.getloadavg()[0], 2),
    }


if __name__ == "__main__":
    sys.exit(main())
