"""The direction contracts hold on the real tree, and each is seen to refuse a planted violation.

The planted violations are positive controls: remove or loosen a contract in pyproject.toml and its case fails.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINTER = Path(sys.executable).with_name("lint-imports")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]
NAMES = {contract["id"]: contract["name"] for contract in CONTRACTS}
TABLE_ROOMS = sorted(path.parent.name for path in (ROOT / "src/vigil").glob("*/migrations"))
ROOMS_UPWARD = (
    "units", "rules", "evidence", "record", "people", "assessment", "plan", "custody", "session",
    "outcome", "surveillance", "programme", "web", "config",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """A module that breaks one contract."""

    contract: str
    path: str
    text: str


UPWARD = [
    Plant(contract="layers", path=f"{low}/planted.py", text=f"import vigil.{high}\n")
    for low, high in pairwise(ROOMS_UPWARD)
]
BESIDE = [
    Plant(contract="layers", path="web/planted.py", text="import vigil.exchange\n"),
    Plant(contract="layers", path="rules/planted.py", text="import vigil.scales\n"),
    Plant(contract="layers", path="utils/__init__.py", text=""),
]
IMPURE = [
    Plant(contract="pure", path=f"{folder}/planted.py", text=f"import {module}\n")
    for folder, module in (
        ("units", "time"),
        ("kinetics", "django.conf"),
        ("rules", "psycopg"),
        ("scales", "httpx"),
        ("statistics", "random"),
        ("evidence", "granian"),
        ("custody/domain", "django.db"),
        ("session/domain", "vigil.record.clock"),
    )
]
TABLES = [
    Plant(
        contract=f"{room}-tables",
        path="config/planted.py",
        text=f"from vigil.{room} import models\n",
    )
    for room in TABLE_ROOMS
]


def lint(source: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    """What the linter says of a tree, with the project's own contracts."""
    chosen = [word for contract in contracts for word in ("--contract", contract)]
    return subprocess.run(
        [LINTER, "--no-cache", "--config", ROOT / "pyproject.toml", *chosen],
        cwd=source, env=os.environ | {"PYTHONPATH": str(source)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A copy of the sources that a test may break."""
    source = tmp_path_factory.mktemp("tree") / "src"
    shutil.copytree(
        ROOT / "src/vigil", source / "vigil",
        ignore=shutil.ignore_patterns("__pycache__", "static", "templates", "islands"),
    )  # fmt: skip
    return source


def test_the_contracts_are_kept() -> None:
    """Design section 3, on the tree as it is."""
    said = lint(ROOT / "src")

    assert said.returncode == 0, said.stdout


@pytest.fixture(scope="module")
def said_of_clean_tree(tree) -> str:
    """What the linter says before anything is planted."""
    return lint(tree).stdout


@pytest.mark.parametrize(
    "plant",
    [*UPWARD, *BESIDE, *IMPURE, *TABLES],
    ids=lambda plant: f"{plant.contract}:{plant.path}:{plant.text.split()[-1:]}",
)
def test_a_planted_violation_is_refused(tree: Path, said_of_clean_tree: str, plant: Plant) -> None:
    """Positive control: the contract is kept without the plant and broken with it."""
    name = NAMES[plant.contract]
    assert f"{name} KEPT" in said_of_clean_tree
    planted = tree / "vigil" / plant.path
    planted.parent.mkdir(exist_ok=True)
    planted.write_text(plant.text)

    try:
        said = lint(tree, plant.contract)
    finally:
        planted.unlink()
        if plant.path.startswith("utils/"):
            planted.parent.rmdir()

    assert said.returncode == 1, said.stdout
    assert f"{name} BROKEN" in said.stdout


def test_a_planted_cycle_is_refused(tree: Path) -> None:
    """Positive control: two siblings that import each other, at the top and deep inside a room."""
    for folder in ("units", "custody/domain"):
        package = "vigil." + folder.replace("/", ".")
        one, other = (tree / "vigil" / folder / f"planted_{name}.py" for name in ("one", "other"))
        one.write_text(f"import {package}.planted_other\n")
        other.write_text(f"import {package}.planted_one\n")

        said = lint(tree, "acyclic")
        one.unlink()
        other.unlink()

        assert said.returncode == 1, said.stdout
        assert f"No cycles are allowed in {package}." in said.stdout


def test_every_room_with_tables_has_its_contract() -> None:
    """A new room cannot forget to protect its tables."""
    protected = {
        contract["id"]: contract["allowed_importers"]
        for contract in CONTRACTS
        if contract["type"] == "protected"
    }

    assert protected == {f"{room}-tables": [f"vigil.{room}"] for room in TABLE_ROOMS}


def test_no_contract_is_loosened() -> None:
    """An ignored import is a design decision, never a way to make a build pass."""
    assert not [contract["id"] for contract in CONTRACTS if "ignore_imports" in contract]
    assert {contract["type"] for contract in CONTRACTS} == {
        "layers",
        "forbidden",
        "acyclic_siblings",
        "protected",
    }
