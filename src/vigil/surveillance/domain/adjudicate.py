"""Answers to the criteria in, a verdict that fits them out, or a refusal.

The person decides; the domain only refuses a verdict that the answers contradict.
"""

from collections.abc import Mapping
from datetime import date

from vigil.surveillance.domain.facts import CaseDefinition, Verdict
from vigil.units.refusals import Refused


def count_met(
    criteria: Mapping[str, bool | None], definition: CaseDefinition, *, under_supervision: bool
) -> int:
    """How many criteria are met; with `under_supervision`, only those that count for a supervised drug."""
    return sum(
        criteria.get(one.criterion_id) is True
        for one in definition.criteria
        if one.counts_under_supervision or not under_supervision
    )


def decide_verdict(
    *,
    verdict: Verdict,
    criteria: Mapping[str, bool | None],
    has_distress: bool | None,
    onset_on: date | None,
    first_dose_on: date | None,
    today: date,
    reason: str,
    definition: CaseDefinition,
) -> Refused | None:
    """Nothing when the verdict fits the answers; otherwise what contradicts it."""
    known = {one.criterion_id for one in definition.criteria}
    assert set(criteria) == known, "the form asks exactly the criteria of the definition"
    if not reason.strip():
        return Refused(code="SUR-REASON", message="Say in a sentence what you based this on.")
    if verdict == "case":
        return _decide_case(criteria, has_distress, onset_on, first_dose_on, today, definition)
    if verdict == "no-case" and _could_be_case(criteria, has_distress, definition):
        return Refused(
            code="SUR-NOT-EXCLUDED",
            message="The answers do not exclude a case: some criteria are met or were not asked. "
            "Choose 'Cannot tell yet', or ask the rest.",
        )
    return None


def _decide_case(
    criteria: Mapping[str, bool | None],
    has_distress: bool | None,
    onset_on: date | None,
    first_dose_on: date | None,
    today: date,
    definition: CaseDefinition,
) -> Refused | None:
    met = count_met(criteria, definition, under_supervision=True)
    if met < definition.criteria_needed or (definition.needs_distress and has_distress is not True):
        return Refused(
            code="SUR-NOT-MET",
            message=f"A case needs distress or impairment and at least {definition.criteria_needed} "
            f"criteria besides tolerance; {met} are met.",
        )
    if first_dose_on is None:
        return Refused(code="SUR-UNTREATED", message="This patient has had no dose here.")
    if onset_on is None or not first_dose_on <= onset_on <= today:
        return Refused(
            code="SUR-ONSET",
            message="Give the day it began, from the first dose to today. What began before is not new.",
        )
    return None


def _could_be_case(
    criteria: Mapping[str, bool | None], has_distress: bool | None, definition: CaseDefinition
) -> bool:
    if definition.needs_distress and has_distress is False:
        return False
    not_excluded = sum(
        criteria[one.criterion_id] is not False
        for one in definition.criteria
        if one.counts_under_supervision
    )
    return not_excluded >= definition.criteria_needed
