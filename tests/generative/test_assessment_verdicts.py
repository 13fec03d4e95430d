"""Assessment: what holds for any answers whatever."""

from hypothesis import given
from hypothesis import strategies as st

from journey_examples import YES
from vigil.assessment.domain.decide import decide_assessment
from vigil.evidence.protocols import load_protocol, protocol_ids


def answer_to(question):
    """Any answer to one question, unknown included."""
    if question.kind == "bool":
        return st.sampled_from([True, False, False, False, None])
    return st.none() | st.integers(question.low, question.high)


@st.composite
def protocol_and_answers(draw):
    """A protocol and any answers to its questions, some of them not asked."""
    protocol = load_protocol(draw(st.sampled_from(protocol_ids())))
    answers = {question.name: draw(answer_to(question)) for question in protocol.questions}
    unasked = draw(st.sets(st.sampled_from(sorted(answers)), max_size=3))
    return protocol, {name: value for name, value in answers.items() if name not in unasked}


@st.composite
def nearly_eligible(draw):
    """Answers that mostly say no, so that the rare verdict is met often too."""
    protocol = load_protocol(draw(st.sampled_from(protocol_ids())))
    answers = {
        question.name: question.name in YES if question.kind == "bool" else (question.low or 0) + 60
        for question in protocol.questions
        if question.name != "failed_trials"
    }
    for question in protocol.questions:
        if draw(st.integers(0, 20)) == 0:
            answers[question.name] = draw(answer_to(question))
    return protocol, answers


any_case = protocol_and_answers() | nearly_eligible()


def exclusions(decision):
    """The findings of exclusions by rule."""
    return {found.rule_id: found for found in decision.findings if found.kind == "exclude"}


@given(any_case)
def test_eligible_exactly_when_every_exclusion_is_decided_false(case):
    """INV-ASM-02: an unknown is not a no."""
    decision = decide_assessment(*case)

    verdicts = {found.verdict for found in exclusions(decision).values()}
    assert (decision.verdict == "eligible") == (verdicts == {"false"})
    assert (decision.verdict == "excluded") == ("true" in verdicts)


@given(any_case)
def test_what_is_missing_is_named_and_is_truly_unanswered(case):
    """More-needed names questions, only unanswered ones; a decided rule names none."""
    protocol, answers = case

    decision = decide_assessment(protocol, answers)

    for found in decision.findings:
        assert (found.verdict == "unknown") == bool(found.missing)
        assert all(answers.get(name) is None for name in found.missing)
    missing = [found for found in exclusions(decision).values() if found.missing]
    assert (decision.verdict == "more-needed") <= bool(missing)


@given(any_case, st.data())
def test_one_more_answer_never_overturns_a_decided_verdict(case, data):
    """INV-ASM-03: answering an unknown decides what was open and overturns nothing that was decided.

    So an excluded patient cannot be made eligible by filling in blanks, nor an eligible one excluded.
    """
    protocol, answers = case
    before = decide_assessment(protocol, answers)
    unknown = [q for q in protocol.questions if answers.get(q.name) is None]
    more = {q.name: data.draw(answer_to(q), label=q.name) for q in unknown}

    after = decide_assessment(protocol, answers | more)

    for old, new in zip(before.findings, after.findings, strict=True):
        assert old.verdict in ("unknown", new.verdict)
    assert before.verdict in ("more-needed", after.verdict)


@given(any_case)
def test_all_answers_known_always_gives_a_verdict(case):
    """There is no dead end: a patient about whom everything is known is in or out."""
    protocol, answers = case
    known = {
        question.name: (False if question.kind == "bool" else question.low)
        if answers.get(question.name) is None
        else answers[question.name]
        for question in protocol.questions
    }

    assert decide_assessment(protocol, known).verdict in ("eligible", "excluded")
