"""Courses as columns, JSON and text: nothing is lost, nothing is guessed. INV-KIN-76."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil.kinetics.bands import Bands, bands_of
from vigil.kinetics.facts import Course, Exposure
from vigil.kinetics.table import (
    EDGES,
    Spread,
    TimesDiffer,
    analytes_of,
    as_columns,
    as_json,
    render_plain,
)

FINITE = st.floats(0, 1e6, allow_subnormal=False)


def made(
    name: str, site: str = "venous", *, times=(0.0, 1.0), **values: tuple[float, ...]
) -> Course:
    """A course with these numbers."""
    return Course(
        model=name,
        model_version=3,
        site=site,  # type: ignore[arg-type]
        effect_site="olofsen_2022" if "effect" in values else None,
        time_minutes=np.array(times),
        concentrations={analyte: np.array(v) for analyte, v in values.items()},
        metrics={
            analyte: Exposure(cmax_ng_per_ml=max(v), tmax_minutes=1.0, auc_ng_h_per_ml=2.5)
            for analyte, v in values.items()
        },
        notes=("read this",),
    )


ONE = made("one", ketamine=(1.0, 2.0), effect=(0.5, 0.75))
OTHER = made("other", "arterial", ketamine=(3.0, 4.0), norketamine=(5.0, 6.0))


def spread(course: Course) -> Spread:
    """Bands around a course, from three people."""
    return Spread(
        people=3,
        seed=9,
        bands={
            analyte: bands_of(np.stack([values * k for k in (0.5, 1.0, 2.0)], axis=1))
            for analyte, values in course.concentrations.items()
        },
    )


def test_columns_hold_one_row_for_each_model_and_time() -> None:
    """A missing analyte is None and not 0: 0 would be a measurement."""
    assert as_columns([ONE, OTHER]) == {
        "model": ["one", "one", "other", "other"],
        "site": ["venous", "venous", "arterial", "arterial"],
        "time_minutes": [0.0, 1.0, 0.0, 1.0],
        "ketamine_ng_per_ml": [1.0, 2.0, 3.0, 4.0],
        "norketamine_ng_per_ml": [None, None, 5.0, 6.0],
        "effect_ng_per_ml": [0.5, 0.75, None, None],
    }


def test_the_effect_site_comes_last() -> None:
    assert analytes_of([ONE, OTHER]) == ["ketamine", "norketamine", "effect"]


def test_bands_stand_beside_their_analyte() -> None:
    """A model without bands has empty cells where another one has them."""
    columns = as_columns([ONE, OTHER], [None, spread(OTHER)])

    names = list(columns)
    assert names[3:9] == ["ketamine_ng_per_ml", *(f"ketamine_ng_per_ml_{edge}" for edge in EDGES)]
    for edge in EDGES:
        expected = getattr(spread(OTHER).bands["ketamine"], edge).tolist()
        assert columns[f"ketamine_ng_per_ml_{edge}"] == [None, None, *expected]
        assert columns[f"effect_ng_per_ml_{edge}"] == [None] * 4
    assert len({len(column) for column in columns.values()}) == 1


def test_the_edges_are_the_middle_and_both_bands() -> None:
    """What stands in a file must be what the drawing shades."""
    assert set(EDGES) == {"median", "low50", "high50", "low90", "high90"}


def test_json_is_the_shape_of_the_interface() -> None:
    assert as_json(OTHER) == {
        "model": "other",
        "site": "arterial",
        "time_minutes": [0.0, 1.0],
        "ketamine_ng_per_ml": [3.0, 4.0],
        "norketamine_ng_per_ml": [5.0, 6.0],
        "metrics": {
            "ketamine": {"cmax_ng_per_ml": 4.0, "tmax_minutes": 1.0, "auc_ng_h_per_ml": 2.5},
            "norketamine": {"cmax_ng_per_ml": 6.0, "tmax_minutes": 1.0, "auc_ng_h_per_ml": 2.5},
        },
        "model_version": 3,
        "notes": ["read this"],
    }


def test_json_adds_what_was_asked_for() -> None:
    shown = as_json(ONE, spread(ONE))

    assert shown["effect_site"] == "olofsen_2022"
    assert shown["bands"] == {
        "people": 3,
        "seed": 9,
        **{
            f"{analyte}_ng_per_ml": {edge: getattr(bands, edge).tolist() for edge in EDGES}
            for analyte, bands in spread(ONE).bands.items()
        },
    }
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown


@given(values=st.lists(st.tuples(FINITE, FINITE), min_size=1, max_size=20))
def test_every_number_survives_columns_and_json(values: list[tuple[float, float]]) -> None:
    """INV-KIN-76: to the last bit, also through text."""
    ketamine, norketamine = (tuple(column) for column in zip(*values, strict=True))
    times = tuple(float(k) for k in range(len(values)))
    course = made("m", times=times, ketamine=ketamine, norketamine=norketamine)

    columns = as_columns([course])
    read = json.loads(json.dumps(as_json(course)))

    assert columns["ketamine_ng_per_ml"] == list(ketamine) == read["ketamine_ng_per_ml"]
    assert columns["norketamine_ng_per_ml"] == list(norketamine) == read["norketamine_ng_per_ml"]
    assert columns["time_minutes"] == list(times) == read["time_minutes"]


@given(
    values=st.lists(FINITE, min_size=1, max_size=12),
    names=st.lists(st.text("abc_2", min_size=1, max_size=30), min_size=1, max_size=4),
)
def test_the_lines_of_a_table_are_equally_long_and_say_each_number(
    values: list[float], names: list[str]
) -> None:
    """INV-KIN-76: four digits of every number, in line under its heading, however long a name is."""
    times = tuple(float(k) for k in range(len(values)))
    courses = [
        made(name, times=times, ketamine=tuple(values), effect=tuple(values)) for name in names
    ]

    lines = list(render_plain(courses))

    table = lines[: lines.index("")]
    assert len({len(line) for line in table}) == 1
    assert len(table) == 2 + len(values)
    columns = len("ketamine ng/mL") + 2 + len("effect ng/mL")
    widths = [max(len(f"{name}, venous"), columns) for name in names]
    assert len(table[0]) == 9 + sum(2 + width for width in widths), "no wider than it must be"
    for line, minute, value in zip(table[2:], times, values, strict=True):
        first, *cells = line.split()
        assert float(first) == minute
        assert len(cells) == 2 * len(names)
        assert all(float(cell) == pytest.approx(value, rel=5e-4) for cell in cells)


def test_courses_at_different_times_do_not_stand_in_one_table() -> None:
    longer = made("longer", times=(0.0, 2.0), ketamine=(1.0, 2.0))

    with pytest.raises(TimesDiffer, match="one and longer"):
        list(render_plain([ONE, longer]))


def test_peaks_areas_and_notes_stand_below() -> None:
    below = list(render_plain([OTHER]))[5:]

    assert below == [
        "other, arterial: ketamine peaks at 4 ng/mL after 1 min; area 2.5 ng*h/mL",
        "other, arterial: norketamine peaks at 6 ng/mL after 1 min; area 2.5 ng*h/mL",
        "  note: read this",
    ]


def test_bands_have_no_other_edge() -> None:
    """A new edge of a band must enter files and drawings, or this says so."""
    assert tuple(Bands.__dataclass_fields__) == EDGES
