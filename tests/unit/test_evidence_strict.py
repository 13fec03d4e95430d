"""A tree fills a fact whole or not at all (INV-EVI-01 for the files read without msgspec)."""

from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil.evidence.invalid import EvidenceInvalid
from vigil.evidence.strict import fill


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    name: str
    size: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    title: str
    count: int
    is_on: bool
    kind: Literal["a", "b"]
    items: tuple[Inner, ...] = ()
    words: tuple[str, ...] = ()
    one: Inner | None = None
    share: float | None = None


SOUND = {"title": "t", "count": 2, "is_on": True, "kind": "a"}


def refused(tree: object) -> EvidenceInvalid:
    with pytest.raises(EvidenceInvalid) as caught:
        fill(tree, Outer, file="x.toml")
    return caught.value


def test_a_sound_tree_becomes_the_fact() -> None:
    tree = SOUND | {
        "items": [{"name": "n", "size": 1}, {"name": "m", "size": 2.5}],
        "words": ["w"],
        "one": {"name": "o", "size": 3},
        "share": 1,
    }

    outer = fill(tree, Outer, file="x.toml")

    assert outer == Outer(
        title="t",
        count=2,
        is_on=True,
        kind="a",
        items=(Inner(name="n", size=1.0), Inner(name="m", size=2.5)),
        words=("w",),
        one=Inner(name="o", size=3.0),
        share=1.0,
    )
    assert isinstance(outer.items[0].size, float)


def test_what_is_left_out_keeps_its_default() -> None:
    outer = fill(SOUND, Outer, file="x.toml")

    assert outer.items == ()
    assert outer.one is None


@pytest.mark.parametrize("name", sorted(SOUND))
def test_a_missing_field_is_named(name: str) -> None:
    tree = {k: v for k, v in SOUND.items() if k != name}

    error = refused(tree)

    assert error.field == f"$.{name}"
    assert error.file == "x.toml"
    assert name in str(error)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("title", 1),
        ("title", ""),
        ("title", "  "),
        ("count", 2.0),
        ("count", True),
        ("count", "2"),
        ("is_on", 1),
        ("is_on", "true"),
        ("kind", "c"),
        ("kind", 1),
        ("items", {"name": "n", "size": 1}),
        ("words", "w"),
        ("one", ["n"]),
        ("share", "1"),
        ("share", True),
        ("share", float("nan")),
        ("share", float("inf")),
    ],
)
def test_a_wrong_value_is_refused_with_field_and_value(name: str, value: object) -> None:
    error = refused(SOUND | {name: value})

    assert error.field == f"$.{name}"
    assert error.value is value or error.value == value


def test_a_fault_deep_in_a_list_is_found() -> None:
    error = refused(SOUND | {"items": [{"name": "n", "size": 1}, {"name": "m", "size": "x"}]})

    assert error.field == "$.items[1].size"


def test_an_undeclared_field_deep_in_a_table_is_found() -> None:
    error = refused(SOUND | {"one": {"name": "n", "size": 1, "colour": "red"}})

    assert error.field == "$.one.colour"
    assert "name, size" in error.limit


@given(tree=st.none() | st.integers() | st.text() | st.lists(st.integers()))
def test_only_a_table_is_a_file(tree: object) -> None:
    assert refused(tree).field == "$"


@given(
    name=st.text(min_size=1).filter(lambda n: n not in Outer.__dataclass_fields__),
    value=st.integers(),
)
def test_no_undeclared_field_is_ever_let_through(name: str, value: int) -> None:
    assert refused(SOUND | {name: value}).field == f"$.{name}"
