"""Checks that a later migration replaced let through all that the old ones did, and more (decision 0024)."""

import pytest
from django.db.migrations import AddConstraint
from django.db.migrations.loader import MigrationLoader

from vigil.custody.domain.ledger import FLOWS, OUTSIDE
from vigil.custody.models.ledger import (
    ACT_KINDS,
    COUNT_KINDS,
    WITNESSED_KINDS,
    WITNESSED_KINDS_SINCE,
)
from vigil.custody.rows import KINDS
from vigil.people.duties import Duty


def checks(app: str, name: str) -> list[object]:
    """Every version of a check, oldest first."""
    disk = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    return [
        operation.constraint.condition
        for (label, _), migration in sorted(disk.items())
        if label == app
        for operation in migration.operations
        if isinstance(operation, AddConstraint) and operation.constraint.name == name
    ]


def listed(condition: object) -> set[str]:
    """The words that an `in` or `contained_by` check names."""
    (child,) = condition.children
    return set(child[1])


@pytest.mark.parametrize(
    ("app", "name", "now"),
    [
        ("custody", "custody_act_known_kind", ACT_KINDS),
        ("custody", "custody_count_known_kind", COUNT_KINDS),
        ("people", "people_staff_known_duties", [duty.value for duty in Duty]),
    ],
)
def test_a_list_of_words_only_grew(app, name, now):
    """Old rows stay valid, and an older program's rows too."""
    first, *_, last = [listed(each) for each in checks(app, name)]

    assert first < last == set(now)


def test_the_accounts_outside_only_grew():
    first, last = checks("custody", "custody_account_is_one_place")

    old = {word for child in first.children for key, word in _pairs(child) if key == "kind__in"}
    new = {word for child in last.children for key, word in _pairs(child) if key == "kind__in"}
    assert old == {("supplier", "patient", "waste", "returned", "loss")}
    assert new == {OUTSIDE}
    assert set(next(iter(old))) < set(next(iter(new)))


def _pairs(child):
    for key, value in getattr(child, "children", ()):
        yield key, tuple(value) if isinstance(value, list | tuple) else value


def test_every_kind_of_act_has_its_fact_and_says_whether_it_needs_a_witness():
    """A kind without a fact could be written and never read."""
    assert set(KINDS) == set(ACT_KINDS)
    for kind, fact in KINDS.items():
        has_witness = "witness" in fact.__dataclass_fields__
        assert has_witness == (kind in WITNESSED_KINDS + WITNESSED_KINDS_SINCE), kind


def test_every_way_has_two_known_ends():
    inside = {"container", "draw"}

    for source, target in FLOWS:
        assert {source, target} <= inside | set(OUTSIDE)
        assert {source, target} & inside
