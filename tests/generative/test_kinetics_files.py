"""What is written is what was calculated, for any courses: CSV and Parquet read back are the columns. INV-KIN-76."""

import csv
import tempfile
from pathlib import Path

import duckdb
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vigil.config.kinetics_files import write_csv, write_parquet
from vigil.kinetics.bands import bands_of
from vigil.kinetics.facts import Course, Exposure
from vigil.kinetics.table import Spread, as_columns

NAMES = st.lists(st.sampled_from(["ketamine", "norketamine", "hydroxynorketamine", "effect"]), min_size=1, unique=True)  # fmt: skip
VALUES = st.floats(0, 1e12)
PEAK = Exposure(cmax_ng_per_ml=1.0, tmax_minutes=1.0, auc_ng_h_per_ml=1.0)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list]:
    """The columns of one to three models, some of them with bands."""
    courses, spreads = [], []
    for index in range(draw(st.integers(1, 3))):
        times = sorted(draw(st.lists(st.floats(0, 1e6), min_size=1, max_size=8, unique=True)))
        values = {
            name: np.array(draw(st.lists(VALUES, min_size=len(times), max_size=len(times))))
            for name in draw(NAMES)
        }
        courses.append(
            Course(
                model=f"model_{index}",
                model_version=1,
                site=draw(st.sampled_from(["arterial", "venous"])),
                effect_site=None,
                time_minutes=np.array(times),
                concentrations=values,
                metrics=dict.fromkeys(values, PEAK),
            )
        )
        bands = {n: bands_of(np.stack([v, v * 2, v * 3], axis=1)) for n, v in values.items()}
        spreads.append(draw(st.sampled_from([None, Spread(people=3, seed=1, bands=bands)])))
    return as_columns(courses, spreads)


@given(columns=tables())
def test_csv_read_back_is_the_columns(columns: dict[str, list]) -> None:
    """INV-KIN-76: text holds every number to its last digit."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "course.csv"
        write_csv(columns, path)
        with path.open(newline="", encoding="utf-8") as file:
            heading, *rows = csv.reader(file)

    assert heading == list(columns)
    for name, column in zip(heading, zip(*rows, strict=True), strict=True):
        if name in ("model", "site"):
            assert list(column) == columns[name]
        else:
            assert [float(cell) if cell else None for cell in column] == columns[name]


@given(columns=tables())
@settings(deadline=None)
def test_parquet_read_back_is_the_columns(columns: dict[str, list]) -> None:
    """INV-KIN-76: doubles bit for bit, null where a model has no such analyte, rows in their order."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "it's a course.parquet"
        write_parquet(columns, path)
        with duckdb.connect() as connection:
            found = connection.read_parquet(str(path))
            names, rows = found.columns, found.fetchall()

    assert names == list(columns)
    assert {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)} == columns  # fmt: skip
