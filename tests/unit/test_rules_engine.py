"""Rules load only when they are sound, and an unknown is not a no."""

from dataclasses import dataclass

import pytest

from vigil.evidence.protocols import load_protocol, protocol_ids
from vigil.rules.engine import FactInvalid, RuleInvalid, compile_rules, evaluate

SCHEMA = {"psychosis": "bool", "pregnant": "bool", "sbp": "int"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OneRule:
    when: str
    rule_id: str = "R-1"
    message: str = "no"


def verdict_of(when: str, **facts: object) -> tuple[str, tuple[str, ...]]:
    (finding,) = evaluate(compile_rules([OneRule(when=when)], SCHEMA), facts)
    return finding.verdict, finding.missing


@pytest.mark.parametrize(
    ("when", "facts", "verdict", "missing"),
    [
        ("psychosis || sbp >= 160", {"sbp": 170}, "true", ()),
        ("psychosis || sbp >= 160", {"sbp": 120}, "unknown", ("psychosis",)),
        ("psychosis || sbp >= 160", {"sbp": 120, "psychosis": None}, "unknown", ("psychosis",)),
        ("psychosis || sbp >= 160", {"sbp": 120, "psychosis": False}, "false", ()),
        ("psychosis || sbp >= 160", {}, "unknown", ("psychosis", "sbp")),
        ("psychosis && sbp >= 160", {"sbp": 120}, "false", ()),
        ("!pregnant", {}, "unknown", ("pregnant",)),
        ("sbp >= 160", {"sbp": 160}, "true", ()),
        ("sbp >= 160", {"sbp": 159}, "false", ()),
        ("pregnant == psychosis", {"pregnant": True}, "unknown", ("psychosis",)),
        ("true", {}, "true", ()),
    ],
)
def test_a_verdict_is_unknown_exactly_when_the_known_facts_leave_it_open(
    when: str, facts: dict[str, object], verdict: str, missing: tuple[str, ...]
) -> None:
    assert verdict_of(when, **facts) == (verdict, missing)


def test_a_rule_that_cannot_be_worked_out_is_unknown_and_raises_nothing() -> None:
    assert verdict_of("100 / sbp > 1", sbp=0) == ("unknown", ())
    assert verdict_of("sbp + 9223372036854775807 > 1", sbp=1) == ("unknown", ())


@pytest.mark.parametrize(
    "when",
    [
        "psychosis || undeclared",
        "sbp",
        "psychosis && sbp",
        "sbp >",
        "",
        "sbp > 1.5",
        "psychosis; sbp > 1",
    ],
)
def test_an_unsound_rule_does_not_load_and_is_named(when: str) -> None:
    with pytest.raises(RuleInvalid) as refused:
        compile_rules([OneRule(when=when, rule_id="X-7")], SCHEMA)

    assert "X-7" in str(refused.value)


def test_the_refusal_names_the_undeclared_fact() -> None:
    with pytest.raises(RuleInvalid, match="undeclared"):
        compile_rules([OneRule(when="psychosis || undeclared")], SCHEMA)


@pytest.mark.parametrize(
    "facts",
    [{"other": True}, {"psychosis": 1}, {"sbp": True}, {"sbp": "120"}, {"sbp": 2**63}],
)
def test_a_fact_of_another_kind_is_refused(facts: dict[str, object]) -> None:
    compiled = compile_rules([OneRule(when="psychosis || sbp > 1")], SCHEMA)

    with pytest.raises(FactInvalid):
        evaluate(compiled, facts)


def test_a_name_in_a_text_is_no_fact() -> None:
    assert verdict_of("'sbp' == 'sbp' && psychosis", psychosis=True) == ("true", ())


@pytest.mark.parametrize("protocol_id", protocol_ids())
def test_every_rule_of_a_protocol_loads_and_each_bool_question_is_used(protocol_id: str) -> None:
    protocol = load_protocol(protocol_id)
    schema = {question.name: question.kind for question in protocol.questions}

    findings = evaluate(compile_rules(protocol.eligibility, schema), {})

    assert {finding.verdict for finding in findings} == {"unknown"}
    assert {name for finding in findings for name in finding.missing} == set(schema)
