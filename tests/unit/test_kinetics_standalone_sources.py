"""Which files the stand-alone package takes, and what it says where there are none. INV-KIN-69."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOOK = ROOT / "packages/kinetics/sources.py"


@pytest.fixture(scope="module")
def sources() -> ModuleType:
    """The build hook as a module."""
    spec = importlib.util.spec_from_file_location("kinetics_sources", HOOK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_repository_around_it_is_found(sources: ModuleType) -> None:
    assert sources.vigil(HOOK.parent) == ROOT / "src/vigil"


def test_what_lies_inside_comes_first(sources: ModuleType, tmp_path: Path) -> None:
    """A source distribution inside a clone builds itself and not the clone."""
    inside = tmp_path / "packages/kinetics"
    for folder in (inside, tmp_path):
        made = folder / "src/vigil/kinetics"
        made.mkdir(parents=True)
        (made / "facts.py").write_text("")

    assert sources.vigil(inside) == inside / "src/vigil"


def test_without_sources_it_says_where_it_looked(sources: ModuleType, tmp_path: Path) -> None:
    """A copied folder alone cannot be built; the message says what to do."""
    folder = tmp_path / "packages/kinetics"
    folder.mkdir(parents=True)

    with pytest.raises(sources.VigilMissing) as caught:
        sources.vigil(folder)

    assert str(folder / "src/vigil") in str(caught.value)
    assert str(tmp_path / "src/vigil") in str(caught.value)
    assert "whole clone or from a source distribution" in str(caught.value)


def test_every_chosen_file_exists_once(sources: ModuleType) -> None:
    chosen = sources.chosen(ROOT / "src/vigil")

    assert len(chosen) == len(set(chosen)) > 30
    assert not [name for name in chosen if not (ROOT / "src/vigil" / name).is_file()]


def test_nothing_is_chosen_that_a_build_or_an_editor_left(
    sources: ModuleType, tmp_path: Path
) -> None:
    """Compiled files, notes and hidden files of a working folder stay out of what people install."""
    folder = tmp_path / "vigil"
    for name in (*sources.FOLDERS, "kinetics/__pycache__"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    kept = [
        "kinetics/facts.py",
        "evidence/data/kinetics/a.toml",
        "evidence/data/kinetics/SHA256SUMS",
    ]
    left = ["kinetics/facts.pyc", "kinetics/README.md", "kinetics/.facts.py.swp", "kinetics/__pycache__/facts.py",
            "kinetics/notes.txt", "evidence/data/kinetics/a.toml.orig"]  # fmt: skip
    for name in (*kept, *left):
        (folder / name).write_text("")

    assert set(sources.chosen(folder)) - set(sources.FILES) == set(kept)


def test_the_single_files_of_other_rooms_are_few_and_needed(sources: ModuleType) -> None:
    """Each further one would be another room that researchers install without knowing."""
    imported = {
        name
        for path in sources.chosen(ROOT / "src/vigil")
        if path.endswith(".py")
        for name in sources.FILES
        if f"vigil.{name.removesuffix('.py').replace('/', '.')}" in (ROOT / "src/vigil" / path).read_text()
    }  # fmt: skip

    assert set(sources.FILES) - imported == {
        "__init__.py",
        "units/__init__.py",
        "evidence/__init__.py",
    }
