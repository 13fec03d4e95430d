"""The one way an act of a session runs: duty, lock, key, fold, decide, fact, record. Used by `actions` alone."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from vigil.evidence.protocols import DoseNotOffered, load_protocol
from vigil.people import queries as people
from vigil.people.actions import lacks_duty
from vigil.people.domain.facts import Staff
from vigil.people.duties import Duty
from vigil.plan import queries as plans
from vigil.plan.domain.dose import planned_dose_ug
from vigil.plan.domain.facts import Plan
from vigil.record.actions import CARE, append
from vigil.record.clock import now
from vigil.session import rows
from vigil.session.domain.facts import (
    SessionFact,
    SessionState,
)
from vigil.session.domain.fold import fold
from vigil.session.models import Session as SessionRow
from vigil.session.models import SessionFact as FactRow
from vigil.session.samples import notify
from vigil.units.refusals import Refused

Body = dict[str, Any]

Choose = Callable[[SessionState, list[SessionFact], SessionRow], Body | Refused]
After = Callable[[SessionRow], Refused | None]


def act(
    kind: str,
    choose: Choose,
    *,
    session_id: UUID,
    duty: tuple[Duty, ...],
    by: Staff,
    at: datetime,
    key: UUID,
    after: After | None = None,
) -> SessionState | Refused:
    """Duty, lock, key, fold, decide, write: the state after the act, or the refusal and nothing written."""
    if (refused := lacks_duty(by, *duty)) is not None:
        return refused
    with transaction.atomic():
        row = locked(session_id, by)
        if row is None:
            return unknown()
        if (again := again_of(key, kind, session_id, by=by, at=at)) is not None:
            return again
        facts = rows.facts_of([row.id])[row.id]
        refused = _not_back_in_time(facts, at)
        body = refused or choose(fold(facts, clinic_id=row.clinic_id, now=at), facts, row)
        if isinstance(body, Refused):
            return body
        write(row, kind, body, by=by, at=at, key=key)
        if after is not None and (refused := after(row)) is not None:
            # The room below said no: nothing of this act may stay.
            transaction.set_rollback(True)
            return refused
        return state_of(row, at=at)


def _not_back_in_time(facts: Sequence[SessionFact], at: datetime) -> Refused | None:
    if at >= facts[-1].at:
        return None
    return Refused(
        code="SES-TIME", message="The act is earlier than the last one of this session. Try again."
    )


def locked(session_id: UUID, by: Staff) -> SessionRow | None:
    return (
        SessionRow.objects.select_for_update(no_key=True, of=("self",))
        .select_related("chair")
        .filter(pk=session_id, clinic_id=by.clinic_id)
        .first()
    )


def again_of(
    key: UUID, kind: str, session_id: UUID | None, *, by: Staff, at: datetime
) -> SessionState | Refused | None:
    """The answer to a key that was used before, or None for a new key."""
    before = FactRow.objects.filter(key=key).select_related("session").first()
    if before is None:
        return None
    is_same = (before.kind, before.clinic_id) == (kind, by.clinic_id)
    if not is_same or session_id not in (None, before.session_id):
        return Refused(
            code="SES-KEY", message="This form was used for another act. Open the page again."
        )
    return state_of(before.session, at=at)


def write(row: SessionRow, kind: str, body: Body, *, by: Staff, at: datetime, key: UUID) -> None:
    """Append the fact, keep the row's phase in step, record the act, tell who listens."""
    row.seq += 1
    FactRow.objects.create(
        clinic_id=row.clinic_id, session=row, seq=row.seq, kind=kind, body=body, at=at,
        recorded_at=now(), by_id=by.staff_id, by_name=by.name, key=key,
    )  # fmt: skip
    row.phase = state_of(row, at=at).phase
    row.save(update_fields=["seq", "phase"])
    record(row, kind, body, by, at)
    notify(row.id, "state")


def record(row: SessionRow, kind: str, body: Body, by: Staff, at: datetime) -> None:
    append(
        clinic_id=row.clinic_id,
        register=CARE,
        kind=f"session.{kind}",
        subject=row.id,
        by=by.staff_id,
        at=at,
        body=body,
    )


def state_of(row: SessionRow, *, at: datetime) -> SessionState:
    return fold(rows.facts_of([row.id])[row.id], clinic_id=row.clinic_id, now=at)


def unknown() -> Refused:
    return Refused(code="SES-UNKNOWN", message="There is no such session in this clinic.")


def needs_rate(state: SessionState) -> Refused | None:
    if state.infusion_minutes is not None:
        return None
    return Refused(code="SES-NO-RATE", message="A nasal device cannot be paused.")


def seat_taken(error: IntegrityError) -> Refused:
    if "session_one_open_per_patient" in str(error):
        return Refused(
            code="SES-PATIENT-OPEN", message="This patient has an open session. Close it first."
        )
    if "session_one_open_per_chair" in str(error):
        return Refused(
            code="SES-CHAIR-TAKEN", message="This chair has an open session. Choose another chair."
        )
    raise error


def plan_and_dose(
    plan_id: UUID, *, patient_id: UUID, weight_g: int, by: Staff
) -> tuple[Plan, int] | Refused:
    if people.patient(patient_id, clinic_id=by.clinic_id) is None:
        return Refused(code="SES-PATIENT-UNKNOWN", message="There is no such patient here.")
    plan = plans.signed_plan(patient_id, clinic_id=by.clinic_id)
    if plan is None or plan.plan_id != plan_id:
        return Refused(
            code="SES-PLAN",
            message="This is not the patient's newest signed plan. Open the patient again.",
        )
    try:
        dose_ug = planned_dose_ug(plan, load_protocol(plan.protocol_id), weight_g=weight_g)
    except DoseNotOffered as error:
        return Refused(code="SES-DOSE", message=str(error))
    return plan, dose_ug
