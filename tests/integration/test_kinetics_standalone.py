"""The kinetics alone: the wheel, unpacked into an empty folder, with NumPy and Numba and nothing else. INV-KIN-69, goal G15."""

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "packages/kinetics"
FORBIDDEN = (
    "django",
    "msgspec",
    "yaml",
    "scipy",
    "psycopg",
    "celpy",
    "granian",
    "pandas",
    "hatchling",
)

GUARD = """
import sys

allowed = set(sys.stdlib_module_names) | set({allowed!r}) | {{"vigil"}}


class Refuses:
    \"\"\"Says that nothing beyond the allowed packages is installed.\"\"\"

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ImportError(f"{{name}} is not installed here")
        return None


assert not [name for name in sys.modules if name.partition(".")[0] in {forbidden!r}]
sys.meta_path.insert(0, Refuses())
sys.path.insert(0, {folder!r})
"""

ASK = """
import json
from dataclasses import asdict
import numpy as np
import vigil
from vigil.evidence import load_model
from vigil.evidence.models import default_effect_site, model_names
from vigil.kinetics import Subject, parse_dose, simulate, simulate_population
from vigil.units.refusals import Refused

assert vigil.__file__.startswith({folder!r}), vigil.__file__
subject = Subject(age_years=30, weight_kg=70)
found = {{}}
for name in model_names():
    model = load_model(name)
    course = simulate(
        model, subject, (parse_dose("5 mg iv over 40 min"), parse_dose("2 mg iv bolus at 90 min")),
        np.linspace(0.0, 600.0, 61), effect_site=default_effect_site(),
    )
    found[name] = (
        course.code if isinstance(course, Refused)
        else {{a: c.tolist() for a, c in course.concentrations.items()}}
        | {{f"{{a}} metrics": list(asdict(m).values()) for a, m in course.metrics.items()}}
    )
people = simulate_population(
    load_model("simons_2022"), [subject] * 20, (parse_dose("50 mg sublingual"),), np.linspace(0.0, 600.0, 21), seed=3
)
found["people"] = {{a: people.of(a).tolist() for a in people.analytes}}
import sys
print(json.dumps({{"found": found, "loaded": sorted({{n.partition(".")[0] for n in sys.modules}})}}))
"""


def build(target: str, folder: Path, into: Path) -> Path:
    """What hatchling makes of a folder, without a download."""
    said = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(into)],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    (made,) = into.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built once."""
    return build("wheel", PACKAGE, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder with the wheel's files."""
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run_alone(
    folder: Path, code: str, *, allowed: tuple[str, ...], cache: Path
) -> subprocess.CompletedProcess[str]:
    """What a fresh interpreter says that finds only the standard library, the allowed packages and this folder."""
    guard = GUARD.format(allowed=allowed, forbidden=FORBIDDEN, folder=str(folder))
    return subprocess.run(
        [sys.executable, "-c", guard + code.format(folder=str(folder))],
        cwd=cache, env=os.environ | {"PYTHONPATH": "", "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def with_numba(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    said = run_alone(
        unpacked,
        ASK,
        allowed=("numpy", "numba", "llvmlite"),
        cache=tmp_path_factory.mktemp("cache"),
    )
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def test_the_wheel_simulates_with_numpy_and_numba_alone(with_numba: dict) -> None:
    """INV-KIN-69: no Django, msgspec, YAML or SciPy is needed, and every shipped model answers or refuses."""
    assert not set(with_numba["loaded"]) & set(FORBIDDEN)
    assert "numpy" in with_numba["loaded"]
    answered = {name for name, found in with_numba["found"].items() if isinstance(found, dict)}
    assert len(answered) >= 7
    assert "people" in answered
    assert set(with_numba["found"]) - answered == {"flint_2017", "herd_2007", "hornik_2018"}
    assert np.shape(with_numba["found"]["people"]["hydroxynorketamine"]) == (20, 21)


def test_the_wheel_says_the_same_as_the_repository(with_numba: dict) -> None:
    """INV-KIN-69: the same sources, so the same numbers to the last digits."""
    from vigil.evidence.models import default_effect_site, load_model
    from vigil.kinetics import Subject, parse_dose, simulate
    from vigil.kinetics.facts import Course

    doses = (parse_dose("5 mg iv over 40 min"), parse_dose("2 mg iv bolus at 90 min"))
    for name, found in with_numba["found"].items():
        if name == "people":
            continue
        answer = simulate(
            load_model(name), Subject(age_years=30, weight_kg=70), doses,
            np.linspace(0.0, 600.0, 61), effect_site=default_effect_site(),
        )  # fmt: skip
        if isinstance(answer, Course):
            for analyte, values in answer.concentrations.items():
                np.testing.assert_allclose(found[analyte], values, rtol=1e-12, atol=1e-12)
        else:
            assert found == answer.code


def test_without_numba_the_same_numbers_come_from_numpy(
    unpacked: Path, with_numba: dict, tmp_path: Path
) -> None:
    """INV-KIN-69: Numba makes it fast, never different."""
    said = run_alone(unpacked, ASK, allowed=("numpy",), cache=tmp_path)

    assert said.returncode == 0, said.stderr
    alone = json.loads(said.stdout)
    assert "numba" not in alone["loaded"]
    assert alone["found"].keys() == with_numba["found"].keys()
    for name, found in alone["found"].items():
        if isinstance(found, dict):
            for what, values in found.items():
                np.testing.assert_allclose(
                    values, with_numba["found"][name][what], rtol=1e-9, atol=1e-9
                )
        else:
            assert found == with_numba["found"][name]


@pytest.mark.parametrize("package", ["scipy", "msgspec", "yaml", "django"])
@pytest.mark.parametrize(
    "module", ["kinetics/simulation.py", "evidence/models.py", "units/refusals.py"]
)
def test_the_guard_sees_a_planted_import(
    wheel: Path, tmp_path: Path, package: str, module: str
) -> None:
    """Positive control: one import too many anywhere on the way and the wheel does not run alone."""
    folder = tmp_path / "planted"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    planted = folder / "vigil" / module
    planted.write_text(planted.read_text() + f"\nimport {package}\n")

    said = run_alone(folder, ASK, allowed=("numpy", "numba", "llvmlite"), cache=tmp_path)

    assert said.returncode != 0
    assert f"{package} is not installed here" in said.stderr


def test_an_altered_model_of_the_wheel_is_not_loaded(wheel: Path, tmp_path: Path) -> None:
    """Issue item 1: a file that is not the one that was checked is refused, also where a researcher installed it."""
    folder = tmp_path / "altered"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    model = folder / "vigil/evidence/data/kinetics/kamp_2020.toml"
    model.write_text(model.read_text().replace("value = 84", "value = 85", 1))

    said = run_alone(folder, ASK, allowed=("numpy", "numba", "llvmlite"), cache=tmp_path)

    assert said.returncode != 0
    assert "EvidenceInvalid" in said.stderr
    assert "kamp_2020.toml: checksum" in said.stderr


def test_the_effect_and_the_dose_arithmetic_do_not_wait_for_numba(
    unpacked: Path, tmp_path: Path
) -> None:
    """Importing the package loads no compiler; the engine does when it is first asked."""
    code = """
import sys, vigil.kinetics, vigil.kinetics.effect, vigil.kinetics.doses, vigil.kinetics.box, vigil.kinetics.preparation
print([n for n in sys.modules if n.partition(".")[0] in ("numba", "llvmlite")])
"""
    said = run_alone(unpacked, code, allowed=("numpy", "numba", "llvmlite"), cache=tmp_path)

    assert said.returncode == 0, said.stderr
    assert said.stdout.strip() == "[]"


def test_the_public_names_are_found_and_no_other(unpacked: Path, tmp_path: Path) -> None:
    """`from vigil.kinetics import simulate, simulate_population` is the interface of the issue."""
    code = """
import vigil.kinetics as k
print(sorted(n for n in k.__all__ if callable(getattr(k, n))), dir(k) == sorted(k.__all__))
try:
    k.nothing
except AttributeError as error:
    print(error)
"""
    said = run_alone(unpacked, code, allowed=("numpy", "numba", "llvmlite"), cache=tmp_path)

    assert said.returncode == 0, said.stderr
    names, missing = said.stdout.splitlines()
    assert "'simulate', 'simulate_population'" in names
    assert names.endswith("True")
    assert missing == "module 'vigil.kinetics' has no attribute 'nothing'"


def test_the_wheel_asks_for_numpy_and_numba_only(wheel: Path) -> None:
    """Issue: a researcher can `pip install` it alone; each need has its reason beside it."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("METADATA"))
        said = Parser().parsestr(archive.read(name).decode())
    needs = [re.split(r"[<>=]", need)[0] for need in said.get_all("Requires-Dist") or []]

    assert sorted(needs) == ["numba", "numpy"]
    assert said["Name"] == "vigil-kinetics"
    text = (PACKAGE / "pyproject.toml").read_text()
    assert re.findall(r'^  "(\w+)\S*", +# \w', text, re.MULTILINE) == ["numpy", "numba"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert said["Version"] == project["version"], "one version for one set of sources"


def test_the_wheel_holds_the_kinetics_whole_and_no_other_room(unpacked: Path) -> None:
    """Not a copy: every file is the repository's, byte for byte, and none of the clinic's rooms is in it."""
    files = {
        str(p.relative_to(unpacked)): p
        for p in (unpacked / "vigil").rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }

    for name, path in files.items():
        source = ROOT / ("LICENSE" if name == "vigil/kinetics/LICENSE" else f"src/{name}")
        assert path.read_bytes() == source.read_bytes(), name
    assert {Path(name).parts[1] for name in files} == {
        "__init__.py",
        "evidence",
        "kinetics",
        "units",
    }
    for folder in ("kinetics", "evidence/data/kinetics", "evidence/data/effect-sites"):
        own = {
            str(p.relative_to(ROOT / "src"))
            for p in (ROOT / "src/vigil" / folder).iterdir()
            if p.is_file() and p.suffix != ".md"
        }
        assert own <= set(files), folder


def test_a_source_distribution_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    """Whoever gets the source distribution, and not the repository, builds the same files."""
    archive = build("sdist", PACKAGE, tmp_path / "sdist")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "source", filter="data")
    (folder,) = (tmp_path / "source").iterdir()

    again = build("wheel", folder, tmp_path / "again")

    def contents(path: Path) -> dict[str, int]:
        with zipfile.ZipFile(path) as of:
            return {info.filename: info.CRC for info in of.infolist()}

    assert contents(again) == contents(wheel)


def test_the_readme_of_the_package_runs_as_it_stands(unpacked: Path, tmp_path: Path) -> None:
    """A first example that fails would be the last one a researcher tries."""
    (code,) = re.findall(r"```python\n(.*?)```", (PACKAGE / "README.md").read_text(), re.DOTALL)

    said = run_alone(
        unpacked, code.replace("{", "{{").replace("}", "}}"), allowed=("numpy", "numba", "llvmlite"), cache=tmp_path
    )  # fmt: skip

    assert said.returncode == 0, said.stderr
    first, second = said.stdout.splitlines()
    assert re.fullmatch(r"venous 72\.6 ng/mL", first)
    assert second.startswith("Exposure(cmax_ng_per_ml=72.6")
