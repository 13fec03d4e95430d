"""The identity bar of one patient, the same on every page about them, also while a session is open.

In: a patient and the moment. Out: the seven things, from the patient's open session when there is one.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from vigil.people.domain.facts import Patient
from vigil.session import queries as sessions
from vigil.session.domain.facts import SessionView
from vigil.web.session_chart import drug_detail, drug_now, next_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What `web/_bar.html` shows beside who the patient is. Nothing known is None or empty, and said so."""

    weight_g: int | None = None
    weight_at: datetime | None = None
    drug_now: str = ""
    drug_detail: str = ""
    since: datetime | None = None
    stopped_at: datetime | None = None
    next_duty: str = ""
    next_owner: str = ""
    next_at: datetime | None = None
    next_is_late: bool = False
    data_age: int | None = None
    goal: str = ""
    session_id: UUID | None = None
    """The open session it was read from; the bar of an open session renews itself."""


def read_bar(
    patient: Patient, *, at: datetime, goal: str = "", next_duty: str = "", next_owner: str = ""
) -> Bar:
    """The bar of a patient at `at`.

    The words given stand only where there is no open session: what is due at the chair comes first.
    """
    view = open_view(patient, at=at)
    if view is None:
        return Bar(goal=goal, next_duty=next_duty, next_owner=next_owner)
    return bar_of(view)


def open_view(patient: Patient, *, at: datetime) -> SessionView | None:
    """The patient's open session, or None."""
    for one in sessions.open_sessions(patient.clinic_id):
        if one.patient_id == patient.patient_id:
            return sessions.view(one.session_id, clinic_id=patient.clinic_id, now=at)
    return None


def bar_of(view: SessionView) -> Bar:
    """The bar of a session that was read already: the same words as on the page at the chair."""
    due = view.next_duty
    has_left = view.phase in ("discharged", "closed")
    return Bar(
        weight_g=view.weight_g,
        weight_at=view.weighed_at,
        drug_now=drug_now(view),
        drug_detail=drug_detail(view),
        since=view.started_at,
        stopped_at=view.stopped_at if has_left else None,
        next_duty=due.name if due else next_words(view),
        next_owner=due.owner if due else view.owner,
        next_at=due.due_at if due else None,
        next_is_late=bool(due and due.state == "late"),
        # After the patient left the monitor watches nobody.
        data_age=None if has_left else view.data_age_seconds,
        goal=view.intention,
        session_id=None if view.phase == "closed" else view.session_id,
    )
