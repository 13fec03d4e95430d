"""Rule conditions in CEL with unknowns: facts and rules in, findings with reasons out.

Evaluation is three-valued: a fact that nobody knows makes a rule unknown only when the known facts leave it open.
An unknown is not a no. The CEL runtime stays behind this module.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol, get_args

from cel_expr_python import cel

Kind = Literal["bool", "int"]
Verdict = Literal["true", "false", "unknown"]
Fact = bool | int | None

INT_MAX = 2**63 - 1
"""The largest whole number CEL can hold."""

_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_TOKEN = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|(?P<name>[A-Za-z_][A-Za-z0-9_]*)")


class RuleInvalid(ValueError):
    """A rule that does not load: it names an undeclared fact, is not CEL, or does not answer yes or no."""

    def __init__(self, *, rule_id: str, when: str, reason: str) -> None:
        self.rule_id = rule_id
        self.when = when
        self.reason = reason
        super().__init__(f"Rule {rule_id} ({when}) was not loaded: {reason}")


class FactInvalid(ValueError):
    """A fact that was not declared, or has another kind than declared."""

    def __init__(self, *, name: str, value: object, reason: str) -> None:
        self.name = name
        self.value = value
        self.reason = reason
        super().__init__(f"Fact {name!r} is {value!r}: {reason}. No rule was evaluated.")


class Rule(Protocol):
    """What the engine needs of a rule."""

    @property
    def rule_id(self) -> str: ...
    @property
    def when(self) -> str: ...
    @property
    def message(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one rule says. `missing` names every unknown fact of an unknown rule, in the rule's order."""

    rule_id: str
    verdict: Verdict
    missing: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Condition:
    program: Any
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRules:
    """Rules that loaded, with the facts they may use."""

    schema: tuple[tuple[str, Kind], ...]
    rules: tuple[tuple[str, str, _Condition], ...]


def compile_rules(rules: Iterable[Rule], schema: Mapping[str, Kind]) -> CompiledRules:
    """The rules, checked against the declared facts.

    Args:
        rules: conditions in CEL, each with an id and a message.
        schema: fact name to kind. A rule may name these facts and no others.

    Raises:
        RuleInvalid: see the class.
        FactInvalid: a declared name or kind is not sound.
    """
    declared = tuple(sorted(schema.items()))
    for name, kind in declared:
        if _NAME.fullmatch(name) is None:
            raise FactInvalid(name=name, value=kind, reason="a name is lower-case snake_case")
        if kind not in get_args(Kind):
            raise FactInvalid(name=name, value=kind, reason="a kind is `bool` or `int`")
    compiled = tuple(
        (rule.rule_id, rule.message, _condition(rule.rule_id, rule.when, declared))
        for rule in rules
    )
    return CompiledRules(schema=declared, rules=compiled)


def evaluate(compiled: CompiledRules, facts: Mapping[str, Fact]) -> tuple[Finding, ...]:
    """One finding for each rule, in the order of the rules.

    Args:
        compiled: from `compile_rules`.
        facts: name to value; None or absent means nobody knows.

    Raises:
        FactInvalid: a fact that was not declared, or of another kind.
    """
    _check_facts(dict(compiled.schema), facts)
    known = {name: value for name, value in facts.items() if value is not None}
    return tuple(
        _finding(rule_id, message, condition, known)
        for rule_id, message, condition in compiled.rules
    )


def _check_facts(schema: Mapping[str, Kind], facts: Mapping[str, Fact]) -> None:
    for name, value in facts.items():
        if name not in schema:
            raise FactInvalid(name=name, value=value, reason="it was not declared")
        if value is None:
            continue
        # type(), not isinstance(): True is an int in Python, and would pass for 1.
        if type(value).__name__ != schema[name]:
            raise FactInvalid(name=name, value=value, reason=f"expected {schema[name]}")
        if type(value) is int and not -INT_MAX <= value <= INT_MAX:
            raise FactInvalid(name=name, value=value, reason="it is beyond 64 bits")


def _finding(
    rule_id: str, message: str, condition: _Condition, known: Mapping[str, bool | int]
) -> Finding:
    used = {name: known[name] for name in condition.names if name in known}
    answer = condition.program.eval(data=used).value()
    if isinstance(answer, bool):
        verdict: Verdict = "true" if answer else "false"
        return Finding(rule_id=rule_id, verdict=verdict, missing=(), message=message)
    # A condition that cannot be worked out (an unknown fact, a division by zero) is unknown, never false.
    missing = tuple(name for name in condition.names if name not in known)
    return Finding(rule_id=rule_id, verdict="unknown", missing=missing, message=message)


@lru_cache(maxsize=4096)
def _condition(rule_id: str, when: str, declared: tuple[tuple[str, Kind], ...]) -> _Condition:
    kinds = dict(declared)
    found = (match["name"] for match in _TOKEN.finditer(when) if match["name"] is not None)
    names = tuple(dict.fromkeys(name for name in found if name in kinds))
    # Only the facts that the text names are declared to CEL, so that `names` is proven complete.
    types = {"bool": cel.Type.BOOL, "int": cel.Type.INT}
    env = cel.NewEnv(variables={name: types[kinds[name]] for name in names})
    try:
        program = env.compile(when)
    except (RuntimeError, TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0].removeprefix("INVALID_ARGUMENT: ")
        raise RuleInvalid(rule_id=rule_id, when=when, reason=reason) from error
    if program.return_type() != cel.Type.BOOL:
        kind = program.return_type().name()
        raise RuleInvalid(rule_id=rule_id, when=when, reason=f"it answers {kind}, not yes or no")
    return _Condition(program=program, names=names)
