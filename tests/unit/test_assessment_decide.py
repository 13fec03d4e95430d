"""Assessment: what the rules of a protocol say of answers."""

import pytest

from journey_examples import eligible_answers
from vigil.assessment.domain.decide import UnfitAnswers, decide_assessment
from vigil.evidence.protocols import load_protocol, protocol_ids

EXCLUSIONS = [
    (name, rule.when)
    for name in protocol_ids()
    for rule in load_protocol(name).eligibility
    if rule.kind == "exclude" and rule.when.isidentifier()
]


@pytest.mark.parametrize("protocol_id", protocol_ids())
def test_every_answer_no_and_normal_numbers_is_eligible(protocol_id):
    """A patient without any of the exclusions gets in, with nothing to explain."""
    decision = decide_assessment(load_protocol(protocol_id), eligible_answers(protocol_id))

    assert decision.verdict == "eligible"
    assert all(found.verdict == "false" for found in decision.findings)


@pytest.mark.parametrize(("protocol_id", "question"), EXCLUSIONS)
def test_each_exclusion_alone_excludes(protocol_id, question):
    """INV-ASM-01: one exclusion is enough, whatever else is answered."""
    answers = eligible_answers(protocol_id) | {question: True}

    decision = decide_assessment(load_protocol(protocol_id), answers)

    assert decision.verdict == "excluded"


@pytest.mark.parametrize(("protocol_id", "question"), EXCLUSIONS)
@pytest.mark.parametrize("is_asked", [True, False])
def test_each_unknown_exclusion_alone_keeps_the_patient_out(protocol_id, question, is_asked):
    """INV-ASM-02: not known yet and not asked are both no 'no', and the question is named."""
    answers = eligible_answers(protocol_id)
    del answers[question]
    if is_asked:
        answers[question] = None

    decision = decide_assessment(load_protocol(protocol_id), answers)

    unknown = [found for found in decision.findings if found.verdict == "unknown"]
    assert decision.verdict == "more-needed"
    assert [found.missing for found in unknown] == [(question,)]


@pytest.mark.parametrize(
    ("sbp", "dbp", "verdict"),
    [
        (159, 99, "eligible"),
        (160, 99, "excluded"),
        (159, 100, "excluded"),
        (160, None, "excluded"),
        (159, None, "more-needed"),
        (None, None, "more-needed"),
    ],
)
def test_a_pressure_at_the_limit_excludes_and_half_a_pressure_does_not_include(sbp, dbp, verdict):
    """The limit itself is refused; one high half is enough to exclude, one good half is not enough."""
    answers = eligible_answers() | {"resting_sbp": sbp, "resting_dbp": dbp}

    assert decide_assessment(load_protocol("ket-mdd-iv"), answers).verdict == verdict


def test_a_warning_never_decides():
    """A warning is listed and changes no verdict."""
    answers = eligible_answers() | {"takes_benzodiazepine": True, "mania_history": None}

    decision = decide_assessment(load_protocol("ket-mdd-iv"), answers)

    warned = {found.rule_id for found in decision.findings if found.verdict == "true"}
    assert decision.verdict == "eligible"
    assert warned == {"KET-W-BENZODIAZEPINE"}


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("shoe_size", 42),
        ("pregnant", 0),
        ("pregnant", "no"),
        ("resting_sbp", True),
        ("resting_sbp", 12),
        ("resting_sbp", 999),
    ],
)
def test_an_answer_that_is_not_an_answer_to_the_question_is_an_error(name, answer):
    """Zero is not no, true is not a number, and a slip of the keyboard is not a pressure."""
    answers = eligible_answers() | {name: answer}

    with pytest.raises(UnfitAnswers, match=name):
        decide_assessment(load_protocol("ket-mdd-iv"), answers)
