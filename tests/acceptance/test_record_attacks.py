"""Fourteen classes of attack and more, each thrown many times: both verifiers find all, at the line that was worked out.

`VIGIL_ATTACKS` sets how many of each class; `make attacks` throws 650, more than ten thousand in all.
"""

import os
from collections import Counter

import pytest

from a_record_attack import KINDS, attacks
from a_record_writer import honest_log
from two_verifiers import Case, Verdict, in_node, in_python

EACH = int(os.environ.get("VIGIL_ATTACKS", "200"))
SEED = int(os.environ.get("VIGIL_SEED", "20261124"))

ATTACKED = attacks(EACH, SEED)
CASES = [Case(b"".join(one.lines), one.heads, one.keys) for one in ATTACKED]


@pytest.fixture(scope="module")
def verdicts() -> tuple[list[Verdict], list[Verdict]]:
    return [in_python(case) for case in CASES], in_node(CASES)


def test_every_class_was_thrown() -> None:
    assert Counter(one.kind for one in ATTACKED) == dict.fromkeys(KINDS, EACH)
    assert len(KINDS) >= 14


@pytest.mark.parametrize("which", [0, 1], ids=["python", "node"])
def test_every_attack_is_found_at_its_line(which: int, verdicts) -> None:
    """INV-REC-05: none passes, and the line named is the first that is not what was sealed."""
    wrong = [
        (number, one.kind, one.bad_line, verdict)
        for number, (one, verdict) in enumerate(zip(ATTACKED, verdicts[which], strict=True))
        if verdict.line != one.bad_line
    ]

    print(
        f"\n{len(ATTACKED)} attacks, seed {SEED}: {len(ATTACKED) - len(wrong)} found at their line"
    )
    assert wrong == []


def test_the_records_that_were_attacked_are_accepted_untouched() -> None:
    """Positive control: it is the attack that is found, not the record."""
    cases = [
        Case(b"".join(honest_log(seed, version=version, rows=rows, signed_each=3).lines()))
        for seed in range(60)
        for version in (1, 2)
        for rows in (0, 1, 8 + seed % 9)
    ]

    assert {in_python(case) for case in cases} == {Verdict(None)}
    assert set(in_node(cases)) == {Verdict(None)}


def test_what_is_found_by_heads_and_keys_from_outside_is_not_found_without() -> None:
    """Positive control and the known limit: these files are sound in themselves; only what stands outside tells."""
    bare = [
        Case(case.content)
        for case, one in zip(CASES, ATTACKED, strict=True)
        if (case.heads or case.keys)
    ]

    assert len(bare) > EACH
    assert {in_python(case) for case in bare} == {Verdict(None)}
    assert set(in_node(bare)) == {Verdict(None)}
