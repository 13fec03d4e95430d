"""The command line: its exit codes, and what it refuses."""

import os
import subprocess
import sys

import pytest

from vigil.config import ports
from vigil.config.command import SUBCOMMANDS
from vigil.config.unfit import Unfit


def vigil(
    *words: str, flags: tuple[str, ...] = (), **more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *flags, "-m", "vigil.config.command", *words],
        env=os.environ | more, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_version_is_printed() -> None:
    said = vigil("--version")

    assert said.returncode == 0
    assert said.stdout.startswith("vigil ")


def test_help_names_every_subcommand() -> None:
    said = vigil("--help")

    assert said.returncode == 0
    assert not [name for name in SUBCOMMANDS if f"\n    {name}" not in said.stdout]


@pytest.mark.parametrize(
    "words", [[], ["fly"], ["up", "--no-such-flag"], ["up", "--web-port", "x"]]
)
def test_misuse_is_exit_code_2(words: list[str]) -> None:
    said = vigil(*words)

    assert said.returncode == 2
    assert "usage: vigil" in said.stderr


@pytest.mark.parametrize(
    ("flags", "more"), [(("-O",), {}), ((), {"PYTHONOPTIMIZE": "1"})], ids=["flag", "environment"]
)
def test_python_without_assertions_is_refused(flags: tuple[str, ...], more: dict[str, str]) -> None:
    """Assertions guard our own mistakes; `-O` drops them."""
    said = vigil("up", flags=flags, **more)

    assert said.returncode == 1
    assert "python -O" in said.stderr


def test_settings_too_refuse_python_without_assertions() -> None:
    """A server started by hand must not slip past the command line's check."""
    said = subprocess.run(
        [sys.executable, "-O", "-c", "import vigil.config.settings"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert said.returncode == 1
    assert "python -O" in said.stderr


@pytest.mark.parametrize("text", ["0", "65536", "-1", "80 80", "８０００", "8_000", "web"])
def test_a_text_that_is_no_port_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("VIGIL_WEB_PORT", text)

    with pytest.raises(Unfit, match="VIGIL_WEB_PORT"):
        ports._number(None, "VIGIL_WEB_PORT", 8000)
