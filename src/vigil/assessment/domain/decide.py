"""Whether the protocol's rules let this patient in.

Data in: a protocol and answers. Data out: a verdict with every rule's finding. An unknown is not a no.
"""

from collections.abc import Iterable, Mapping

from vigil.assessment.domain.facts import Answer, Decision, Reason, Verdict
from vigil.evidence.protocols import Protocol, Question
from vigil.rules.engine import Finding, compile_rules, evaluate


class UnfitAnswers(ValueError):
    """The answers are not answers to this protocol's questions."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"Answer {name!r}: {reason}. Nothing was recorded.")


def checked_answers(
    questions: Iterable[Question], answers: Mapping[str, Answer]
) -> dict[str, Answer]:
    """The answers in the order of the questions, each of its question's kind.

    Raises:
        UnfitAnswers: a name that is no question, a number for yes or no, yes or no for a number, or a
            number outside the question's range.
    """
    known = {question.name: question for question in questions}
    for name, answer in answers.items():
        if name not in known:
            raise UnfitAnswers(name, "the protocol asks no such question")
        if answer is None:
            continue
        # In Python True is also a number, so the exact type is compared.
        wanted = bool if known[name].kind == "bool" else int
        if type(answer) is not wanted:
            raise UnfitAnswers(name, f"expected {known[name].kind}, got {type(answer).__name__}")
        _check_range(known[name], answer)
    return {name: answers[name] for name in known if name in answers}


def _check_range(question: Question, answer: Answer) -> None:
    if question.kind != "int":
        return
    assert isinstance(answer, int)
    if question.low is not None and answer < question.low:
        raise UnfitAnswers(question.name, f"{answer} is below {question.low} {question.unit}")
    if question.high is not None and answer > question.high:
        raise UnfitAnswers(question.name, f"{answer} is above {question.high} {question.unit}")


def decide_assessment(protocol: Protocol, answers: Mapping[str, Answer]) -> Decision:
    """Excluded when any exclusion holds, else more-needed when any cannot be told, else eligible.

    Raises:
        UnfitAnswers: see `checked_answers`.
    """
    checked = checked_answers(protocol.questions, answers)
    schema = {question.name: question.kind for question in protocol.questions}
    facts = {name: checked.get(name) for name in schema}
    findings = evaluate(compile_rules(protocol.eligibility, schema), facts)
    reasons = _reasons(protocol, findings)
    return Decision(verdict=verdict_of(reasons), findings=reasons)


def verdict_of(reasons: Iterable[Reason]) -> Verdict:
    """The verdict of findings; only exclusions decide, a warning never does."""
    verdicts = {reason.verdict for reason in reasons if reason.kind == "exclude"}
    if "true" in verdicts:
        return "excluded"
    if "unknown" in verdicts:
        return "more-needed"
    return "eligible"


def _reasons(protocol: Protocol, findings: Iterable[Finding]) -> tuple[Reason, ...]:
    by_id = {finding.rule_id: finding for finding in findings}
    assert len(by_id) == len(protocol.eligibility), "every rule is read exactly once"
    return tuple(
        Reason(
            rule_id=rule.rule_id,
            kind=rule.kind,
            verdict=by_id[rule.rule_id].verdict,
            text=rule.message,
            source=rule.source,
            certainty=rule.certainty,
            missing=tuple(by_id[rule.rule_id].missing),
        )
        for rule in protocol.eligibility
    )
