"""Files are whole or not there, and each kind knows what it needs. INV-KIN-76."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from vigil.config import kinetics_files as files
from vigil.config.kinetics_files import refuse_missing, write_csv, write_whole, writer
from vigil.config.unfit import Unfit
from vigil.kinetics.facts import Course, Exposure

COURSE = Course(
    model="one",
    model_version=1,
    site="venous",
    effect_site=None,
    time_minutes=np.array([0.0, 0.1, 0.2]),
    concentrations={"ketamine": np.array([0.0, 1 / 3, 2 / 3])},
    metrics={"ketamine": Exposure(cmax_ng_per_ml=2 / 3, tmax_minutes=0.2, auc_ng_h_per_ml=0.01)},
)
HOW = {"given": ["1 mg iv bolus at 0 min"], "person": "40 years, 70 kg", "is_logarithmic": False}


def says(text: str) -> files.Write:
    return lambda path: path.write_text(text) and None


def test_a_file_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"

    write_whole(path, says("whole"))

    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_while_it_is_written_the_old_one_stands(tmp_path: Path) -> None:
    """A reader sees the old file or the new one, and no third."""
    path = tmp_path / "a.csv"
    path.write_text("old")

    def half(part: Path) -> None:
        part.write_text("ha")
        assert path.read_text() == "old"
        assert part.parent == path.parent, "a move within a folder is one step"
        assert part != path
        part.write_text("half and half")

    write_whole(path, half)

    assert path.read_text() == "half and half"


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, AssertionError, ValueError])
def test_whatever_stops_it_leaves_the_old_file_and_no_part(tmp_path: Path, error) -> None:
    """A broken calculation is our mistake and is told as one; the file of before is safe."""
    path = tmp_path / "a.csv"
    path.write_text("old")

    def stops(part: Path) -> None:
        part.write_text("ha")
        raise error

    with pytest.raises(error):
        write_whole(path, stops)

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("number", [1, 13, 21, 28, 30])
def test_the_operating_systems_no_becomes_words(tmp_path: Path, number: int) -> None:
    """Not permitted, no permission, a folder, no space, read-only: path and reason, no traceback."""
    path = tmp_path / "a.csv"

    def refused(_: Path) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(Unfit) as caught:
        write_whole(path, refused)

    assert str(caught.value) == f"cannot write {path}: {os.strerror(number)}"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.mkdir()

    with pytest.raises(Unfit, match="cannot write"):
        write_whole(path, says("x"))

    assert list(tmp_path.iterdir()) == [path]
    assert list(path.iterdir()) == []


def test_a_new_file_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    """Not those of a secret temporary file: a colleague must be able to read it."""
    plain = tmp_path / "plain"
    plain.write_text("x")

    write_whole(tmp_path / "a.csv", says("x"))

    assert stat.S_IMODE((tmp_path / "a.csv").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.parametrize("kind", list(files.NEEDS))
def test_each_kind_has_its_package_here(kind: str) -> None:
    """`make setup` brings all of them, so that no test of a kind is left out."""
    refuse_missing(kind)


@pytest.mark.parametrize("kind", [kind for kind in files.NEEDS if kind != "csv"])
def test_a_missing_package_is_named_with_the_way_to_get_it(kind: str, monkeypatch) -> None:
    monkeypatch.setitem(files.NEEDS, kind, "no_such_package_here")

    with pytest.raises(Unfit) as caught:
        refuse_missing(kind)

    assert f"--{kind} needs no_such_package_here" in str(caught.value)
    assert "pip install 'vigil[research]'" in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "begins"),
    [("csv", b"model,site,"), ("parquet", b"PAR1"), ("png", b"\x89PNG"), ("svg", b"<?xml")],
)
def test_each_kind_writes_its_own_form(tmp_path: Path, kind: str, begins: bytes) -> None:
    path = tmp_path / "without-an-ending"

    writer(kind, [COURSE], [None], **HOW)(path)

    assert path.read_bytes().startswith(begins)


def test_every_kind_of_the_command_can_be_written() -> None:
    """A flag without a writer would fail after the work is done."""
    from vigil.config.commands.kinetics import FILE_KINDS

    assert set(FILE_KINDS) == set(files.NEEDS)


def test_csv_is_plain_and_exact(tmp_path: Path) -> None:
    """One third is written with all its digits, and None as nothing."""
    path = tmp_path / "a.csv"

    write_csv({"model": ["a,b", 'say "x"'], "x": [1 / 3, None]}, path)

    assert path.read_bytes() == b'model,x\r\n"a,b",0.3333333333333333\r\n"say ""x""",\r\n'
