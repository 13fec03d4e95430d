"""Courses as files: CSV, Parquet, PNG, SVG.

In: courses, and how simulated people differ. Out: a file, whole or not at all: it is written beside its place and moved there at the end, so that a
stopped command leaves no half one.

Parquet is written by DuckDB (one package, no other beneath it, and it reads the same file back); drawings by matplotlib.
Both come with the extra `research`, because a clinic needs neither.
"""

import contextlib
import csv
import importlib.util
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from vigil.config.kinetics_chart import Drawn, draw_courses
from vigil.config.unfit import Unfit
from vigil.kinetics.facts import Course
from vigil.kinetics.table import Column, Spread, as_columns

Write = Callable[[Path], None]

NEEDS = {"csv": "csv", "parquet": "duckdb", "png": "matplotlib", "svg": "matplotlib"}
"""Which package writes each kind."""


def refuse_missing(kind: str) -> None:
    """Nothing, when this kind of file can be written here.

    Raises:
        Unfit: its package is not installed; says how to get it.
    """
    if importlib.util.find_spec(NEEDS[kind]) is None:
        raise Unfit(
            f"--{kind} needs {NEEDS[kind]}, which is not installed. Get it with: pip install 'vigil[research]'"
        )


def write_whole(path: Path, write: Write) -> None:
    """Write a file beside its place and move it there.

    Raises:
        Unfit: the operating system refused.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(beside)
        os.replace(beside, path)
    except OSError as error:
        # Not `unfit.reason`: it would name the file beside, which nobody asked for.
        raise Unfit(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def writer(
    kind: str,
    courses: Sequence[Course],
    spreads: Sequence[Spread | None],
    *,
    given: Sequence[str],
    person: str,
    is_logarithmic: bool,
) -> Write:
    """The function that writes these courses as that kind of file to a path."""
    if kind == "csv":
        return lambda path: write_csv(as_columns(courses, spreads), path)
    if kind == "parquet":
        return lambda path: write_parquet(as_columns(courses, spreads), path)
    drawn = [Drawn(course=c, spread=s) for c, s in zip(courses, spreads, strict=True)]
    return lambda path: draw_courses(
        drawn,
        path,
        kind="png" if kind == "png" else "svg",
        given=given,
        person=person,
        is_logarithmic=is_logarithmic,
    )


def write_csv(columns: dict[str, Column], path: Path) -> None:
    """Rows with a heading; every number to the last digit, an empty cell where a model has no such analyte."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(columns)
        out.writerows(zip(*columns.values(), strict=True))


def write_parquet(columns: dict[str, Column], path: Path) -> None:
    """One Parquet table; text and double columns, null where a model has no such analyte."""
    import duckdb
    import numpy as np

    table = {
        name: np.array(values, dtype=object if isinstance(values[0], str) else np.float64)
        for name, values in columns.items()
    }
    with duckdb.connect() as connection:
        connection.register("course", table)
        # A NaN stands for a missing value here, and DuckDB reads NumPy's NaN as null.
        try:
            connection.table("course").write_parquet(str(path))
        except duckdb.IOException as error:
            # The rest of its lines are DuckDB's own advice.
            raise OSError(str(error).partition("\n")[0]) from error
