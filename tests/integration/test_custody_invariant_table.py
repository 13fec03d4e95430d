"""The table of invariants says what is there: guards of the database, rules of the model, queries; none missing, none made up."""

import re
from pathlib import Path

import pytest
from django.db import connection

from vigil.custody.invariants import INVARIANTS

pytestmark = pytest.mark.django_db

TABLE = Path(__file__).parents[2] / "docs" / "reference" / "custody-invariants.md"
ASKED = {"I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I10", "I12", "I13"}
"""Those of the register; the others are of time, messages and monitors."""

GUARDS = """
SELECT conname FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
UNION SELECT tgname FROM pg_trigger WHERE NOT tgisinternal
"""
OF_CUSTODY = """
SELECT tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT tgisinternal AND (relname LIKE 'custody\\_%%' OR relname = 'record_link') AND tgname NOT LIKE 'pgtrigger%%'
"""
ELSEWHERE = {"custody_dilutes"}
"""Triggers that keep a row's own word (what a draw was diluted to) and belong to no invariant."""


def rows() -> dict[str, list[set[str]]]:
    """Name of the invariant to the names in its four cells."""
    found = {}
    for line in TABLE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.fullmatch(r"I\d+", cells[0]):
            found[cells[0]] = [set(re.findall(r"`([^`]+)`", cell)) for cell in cells[1:]]
    return found


def asked(sql: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return {name for (name,) in cursor.fetchall()}


def test_each_invariant_stands_three_times():
    assert set(rows()) == ASKED
    for name, (_, database, model, query) in rows().items():
        assert database, name
        assert model, name
        assert query, name


def test_every_guard_that_the_table_names_is_in_the_database():
    named = set().union(*(database for _, database, _, _ in rows().values()))

    assert named <= asked(GUARDS)


def test_every_trigger_of_custody_is_in_the_table():
    """A guard that nobody can name the reason of is one that the next change drops."""
    named = set().union(*(database for _, database, _, _ in rows().values()))

    assert asked(OF_CUSTODY) - ELSEWHERE <= named


def test_the_queries_of_the_table_are_all_the_queries():
    by_query = {name: query for name, (_, _, _, query) in rows().items()}

    assert set().union(*by_query.values()) == {each.name for each in INVARIANTS}
    assert all(each.startswith(f"{name}-") for name, query in by_query.items() for each in query)


def test_the_model_has_what_the_table_says():
    tests = Path(__file__).parents[1]
    files = (
        "a_custody_machine.py",
        "a_custody_room.py",
        "a_custody_real_room.py",
        "generative/test_custody_model.py",
    )
    known = "".join((tests / each).read_text() for each in files)
    named = set().union(*(model for _, _, model, _ in rows().values()))

    assert [each for each in named if f"def {each}(" not in known] == []
