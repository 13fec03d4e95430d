"""Where a patient stands: assessed, planned, treated, followed up. Facts in, a picture and one next step out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from vigil.assessment.domain.facts import Assessment
from vigil.people.duties import Duty
from vigil.plan.domain.facts import Plan

StepState = Literal["done", "now", "ahead", "stopped"]

STATE_WORDS = {"done": "done", "now": "next", "ahead": "not yet", "stopped": "stopped"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Treated:
    """One session, as the journey needs it."""

    session_id: UUID
    protocol_id: str
    chair: str
    started_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of the four steps of the journey."""

    name: str
    state: StepState
    detail: str

    @property
    def state_word(self) -> str:
        """The state in words: no state is told by colour alone."""
        return STATE_WORDS[self.state]


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """The one thing to do next: `route` names the page that does it, `duty` whose it is."""

    text: str
    action: str
    route: str
    duty: Duty
    target: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """Where the patient stands, in one word, in four steps, and what comes next."""

    stage: str
    steps: tuple[Step, ...]
    next_step: NextStep | None
    sessions_done: int
    sessions_planned: int

    @property
    def dots(self) -> tuple[bool, ...]:
        """One per planned session, true when it has been given."""
        planned = max(self.sessions_planned, self.sessions_done)
        return tuple(number < self.sessions_done for number in range(planned))


def read_journey(
    *,
    assessment: Assessment | None,
    plan: Plan | None,
    sessions: Iterable[Treated] = (),
    answers: int = 0,
) -> Journey:
    """The journey of one patient.

    Args:
        assessment: the newest one of any protocol.
        plan: the newest signed one.
        sessions: every session of the patient, in any order.
        answers: how many questionnaires the patient has finished.
    """
    sessions = tuple(sessions)
    in_chair = next((s for s in sessions if s.closed_at is None), None)
    # A session under way is not given yet; one that was closed before a start gave nothing.
    done = sum(
        1
        for s in sessions
        if plan is not None
        and s.protocol_id == plan.protocol_id
        and s.started_at is not None
        and s.closed_at is not None
    )
    planned = 0 if plan is None else plan.sessions
    stage, next_step = _stage(assessment, plan, in_chair=in_chair, done=done)
    return Journey(
        stage=stage,
        steps=(
            _assessed(assessment),
            _planned(assessment, plan),
            _treated(plan, in_chair=in_chair, done=done),
            Step(
                name="Outcomes",
                state="done" if answers else "ahead",
                detail=f"{answers} questionnaire{'' if answers == 1 else 's'} answered"
                if answers
                else "No answers yet",
            ),
        ),
        next_step=next_step,
        sessions_done=done,
        sessions_planned=planned,
    )


def _stage(
    assessment: Assessment | None, plan: Plan | None, *, in_chair: Treated | None, done: int
) -> tuple[str, NextStep | None]:
    if in_chair is not None:
        return f"At {in_chair.chair} now", NextStep(
            text=f"The patient is at {in_chair.chair}.",
            action="Open the session",
            route="session:session",
            duty=Duty.MONITOR,
            target=in_chair.session_id,
        )
    # A later assessment counts against the plan only when it no longer lets the patient in.
    if plan is None or (
        assessment is not None
        and assessment.completed_at > plan.signed_at
        and assessment.verdict != "eligible"
    ):
        return _before_plan(assessment)
    if plan.consented_at is None:
        return "Consent withdrawn", NextStep(
            text="The patient took the consent back. Nothing is given under this plan.",
            action="Open the plan",
            route="plan:plan",
            duty=Duty.PRESCRIBE,
            target=plan.plan_id,
        )
    if done >= plan.sessions:
        return "Course complete", NextStep(
            text=f"All {plan.sessions} planned sessions are given. Review before anything more.",
            action="Review the course",
            route="programme:review",
            duty=Duty.PRESCRIBE,
        )
    return f"Session {done + 1} of {plan.sessions} next", NextStep(
        text=f"Session {done + 1} of {plan.sessions} is next.",
        action="Check in",
        route="session:check-in",
        duty=Duty.MONITOR,
    )


def _before_plan(assessment: Assessment | None) -> tuple[str, NextStep]:
    if assessment is None:
        return "To assess", NextStep(
            text="Nobody has assessed this patient yet.",
            action="Start the assessment",
            route="assessment:assess",
            duty=Duty.ASSESS,
        )
    if assessment.verdict == "more-needed":
        count = len(assessment.missing)
        return "Answers missing", NextStep(
            text=f"The assessment lacks {count} answer{'' if count == 1 else 's'}. "
            "An unknown is not a no.",
            action="Continue the assessment",
            route="assessment:assess",
            duty=Duty.ASSESS,
        )
    if assessment.verdict == "excluded":
        return "Excluded", NextStep(
            text="The protocol excludes this patient. No plan can be signed.",
            action="See why",
            route="assessment:assess",
            duty=Duty.ASSESS,
        )
    return "Ready to plan", NextStep(
        text="Eligible. The plan is not signed yet.",
        action="Make the plan",
        route="plan:new",
        duty=Duty.PRESCRIBE,
    )


def _assessed(assessment: Assessment | None) -> Step:
    if assessment is None:
        return Step(name="Assessed", state="now", detail="Not assessed yet")
    words: dict[str, tuple[StepState, str]] = {
        "eligible": ("done", "Eligible"),
        "excluded": ("stopped", "Excluded by the protocol"),
        "more-needed": ("now", f"{len(assessment.missing)} answers missing"),
    }
    state, detail = words[assessment.verdict]
    return Step(name="Assessed", state=state, detail=detail)


def _planned(assessment: Assessment | None, plan: Plan | None) -> Step:
    if plan is not None:
        if plan.consented_at is None:
            return Step(name="Planned", state="stopped", detail="Consent withdrawn")
        return Step(
            name="Planned",
            state="done",
            detail=f"Version {plan.version}, signed by {plan.signed_by_name}",
        )
    is_next = assessment is not None and assessment.verdict == "eligible"
    return Step(name="Planned", state="now" if is_next else "ahead", detail="No plan signed")


def _treated(plan: Plan | None, *, in_chair: Treated | None, done: int) -> Step:
    if in_chair is not None:
        return Step(name="Sessions", state="now", detail=f"At {in_chair.chair} now")
    if plan is None:
        return Step(name="Sessions", state="ahead", detail="None planned")
    if done >= plan.sessions:
        return Step(name="Sessions", state="done", detail=f"All {plan.sessions} given")
    state: StepState = "now" if plan.consented_at is not None else "stopped"
    return Step(name="Sessions", state=state, detail=f"{done} of {plan.sessions} given")
