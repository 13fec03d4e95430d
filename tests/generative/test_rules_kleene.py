"""The engine against a slow, obvious evaluator of three-valued logic."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from vigil.rules.engine import compile_rules, evaluate

BOOLS = ("a", "b", "c", "d")
SCHEMA = {**dict.fromkeys(BOOLS, "bool"), "n": "int"}
WORD = {True: "true", False: "false", None: "unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OneRule:
    when: str
    rule_id: str = "R"
    message: str = ""


def kleene(tree: tuple, facts: dict[str, bool | int | None]) -> bool | None:
    """The truth of a tree by Kleene's tables; None is unknown."""
    if tree[0] == "fact":
        return facts[tree[1]]
    if tree[0] == "least":
        return None if facts["n"] is None else facts["n"] >= tree[1]
    if tree[0] == "not":
        inner = kleene(tree[1], facts)
        return None if inner is None else not inner
    left, right = kleene(tree[1], facts), kleene(tree[2], facts)
    decisive = tree[0] == "or"
    if left is decisive or right is decisive:
        return decisive
    return None if left is None or right is None else not decisive


def cel_text(tree: tuple) -> str:
    if tree[0] == "fact":
        return tree[1]
    if tree[0] == "least":
        return f"n >= {tree[1]}"
    if tree[0] == "not":
        return f"!({cel_text(tree[1])})"
    sign = "||" if tree[0] == "or" else "&&"
    return f"({cel_text(tree[1])} {sign} {cel_text(tree[2])})"


leaves = st.one_of(
    st.tuples(st.just("fact"), st.sampled_from(BOOLS)),
    st.tuples(st.just("least"), st.integers(-3, 3)),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["and", "or"]), inner, inner),
    ),
    max_leaves=12,
)
facts_with_unknowns = st.fixed_dictionaries(
    {
        **{name: st.sampled_from([True, False, None]) for name in BOOLS},
        "n": st.one_of(st.none(), st.integers(-4, 4)),
    }
)


@given(tree=trees, facts=facts_with_unknowns)
def test_the_verdict_is_that_of_kleene_logic(tree: tuple, facts: dict) -> None:
    compiled = compile_rules([OneRule(when=cel_text(tree))], SCHEMA)

    (finding,) = evaluate(compiled, facts)

    assert finding.verdict == WORD[kleene(tree, facts)]
    assert bool(finding.missing) == (finding.verdict == "unknown")
    assert all(facts[name] is None for name in finding.missing)


@given(tree=trees, facts=facts_with_unknowns, truth=st.booleans(), number=st.integers(-4, 4))
def test_learning_more_never_takes_a_verdict_back(
    tree: tuple, facts: dict, truth: bool, number: int
) -> None:
    compiled = compile_rules([OneRule(when=cel_text(tree))], SCHEMA)
    learnt = {
        name: (number if name == "n" else truth) if value is None else value
        for name, value in facts.items()
    }

    (before,), (after,) = evaluate(compiled, facts), evaluate(compiled, learnt)

    assert after.verdict != "unknown"
    assert before.verdict in ("unknown", after.verdict)
