"""One way to write a fact, and what has none."""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import pytest

from vigil.record.canonical import DEPTH_MAX, FIRST_HASH, NotCanonical, canonical, link_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    name: str
    at: datetime
    amounts: tuple[int, ...]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (-3, "-3"),
        ('µg \u2028 "\\\n', '"µg \u2028 \\"\\\\\\n"'),
        ("\x00", '"\\u0000"'),
        ({"b": 1, "a": [1, 2]}, '{"a":[1,2],"b":1}'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (date(2026, 11, 23), '"2026-11-23"'),
        (frozenset({"b", "a"}), '["a","b"]'),
        (frozenset({1, "a", None}), '["a",1,null]'),
    ],
)
def test_a_value_has_one_text(value: object, text: str) -> None:
    assert canonical(value) == text


def test_a_moment_is_written_in_utc_to_the_microsecond_whatever_its_zone() -> None:
    eastern = timezone(timedelta(hours=-5))

    assert (
        canonical(datetime(2026, 11, 23, 4, 0, tzinfo=eastern)) == '"2026-11-23T09:00:00.000000Z"'
    )
    assert canonical(datetime(700, 1, 2, tzinfo=UTC)) == '"0700-01-02T00:00:00.000000Z"'


def test_a_frozen_fact_is_written_by_its_fields() -> None:
    fact = Fact(name="a", at=datetime(2026, 1, 1, tzinfo=UTC), amounts=(1, 2))

    assert canonical(fact) == '{"amounts":[1,2],"at":"2026-01-01T00:00:00.000000Z","name":"a"}'


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        math.nan,
        b"bytes",
        datetime(2026, 1, 1),  # noqa: DTZ001
        {1: "a", "1": "b"},
        "\ud800",
        {"\ud800": 1},
        [object()],
        Fact,
    ],
)
def test_what_has_no_one_way_to_be_written_is_refused(value: object) -> None:
    with pytest.raises(NotCanonical):
        canonical(value)


def test_a_refusal_does_not_repeat_the_value() -> None:
    with pytest.raises(NotCanonical) as refused:
        canonical({"name": "Test Patient\ud800"})

    assert "Patient" not in str(refused.value)


def test_a_link_is_the_sha256_of_hash_number_and_text() -> None:
    """Worked by hand with coreutils: printf '%064d\\n1\\n{}' 0 | sha256sum."""
    worked = "857ee6299d26533d1f5f46c02209ae8bc34dc4898a8a9545493946b4ea59d6f3"

    assert link_hash(FIRST_HASH, 1, "{}") == worked


def nested(depth: int) -> object:
    value: object = []
    for level in range(depth - 1):
        value = [value] if level % 2 else {"a": value}
    return value


def test_what_the_export_cannot_hold_is_refused_with_the_act() -> None:
    """The limits of the format, one by one; both verifiers hold them too."""
    assert canonical(nested(DEPTH_MAX)).count("[") + canonical(nested(DEPTH_MAX)).count("{") == 100
    assert canonical(10**4300 - 1) == "9" * 4300
    for value in (nested(DEPTH_MAX + 1), 10**4300, -(10**4300), {"a": nested(DEPTH_MAX)}):
        with pytest.raises(NotCanonical):
            canonical(value)
