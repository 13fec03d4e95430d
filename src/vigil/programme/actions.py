"""The only writers of the programme room: the clearance before a dose."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from vigil.people.actions import lacks_duty
from vigil.people.domain.facts import Staff
from vigil.people.duties import Duty
from vigil.programme import queries
from vigil.programme.models import Clearance as ClearanceRow
from vigil.record.actions import CARE, append
from vigil.session import actions as session_actions
from vigil.session import queries as sessions
from vigil.session.domain.clearance import Clearance
from vigil.session.domain.facts import CheckedIn, SessionState
from vigil.units.refusals import Refused


def start_session(
    *, session_id: UUID, by: Staff, at: datetime, key: UUID
) -> SessionState | Refused:
    """Clear the dose and start it (GIVE), or refuse and list every item that is not met."""
    if (refused := lacks_duty(by, Duty.GIVE)) is not None:
        return refused
    with transaction.atomic():
        row = ClearanceRow.objects.filter(key=key, clinic_id=by.clinic_id).first()
        if row is None:
            cleared = _clear(session_id, by=by, at=at, key=key)
            if isinstance(cleared, Refused):
                return cleared
            row = cleared
        answer = session_actions.start(
            session_id=session_id, clearance=_clearance(row), by=by, at=at, key=key
        )
        if isinstance(answer, Refused):
            transaction.set_rollback(True)
        return answer


def _clear(session_id: UUID, *, by: Staff, at: datetime, key: UUID) -> ClearanceRow | Refused:
    checked_in = sessions.check_in(session_id, clinic_id=by.clinic_id)
    state = sessions.state(session_id, clinic_id=by.clinic_id, now=at)
    gate = queries.gate(session_id, clinic_id=by.clinic_id, by=by, now=at)
    if gate is None or checked_in is None or state is None:
        return Refused(code="PRO-UNKNOWN", message="There is no such session in this clinic.")
    if state.phase != "checked-in":
        return Refused(
            code="PRO-PHASE", message=f"The session is {state.phase}: it cannot start now."
        )
    if not gate.is_ready:
        waiting = [item.waits_for for item in gate.items if item.is_met is not True]
        return Refused(code="PRO-GATE", message="Not yet. " + " ".join(waiting))
    return _write(checked_in, tuple(item.text for item in gate.items), by=by, at=at, key=key)


def _write(
    checked_in: CheckedIn, items: tuple[str, ...], *, by: Staff, at: datetime, key: UUID
) -> ClearanceRow:
    row = ClearanceRow.objects.create(
        clinic_id=by.clinic_id, session_id=checked_in.session_id, plan_id=checked_in.plan_id,
        plan_hash=checked_in.plan_hash, protocol_hash=checked_in.protocol_hash,
        dose_ug=checked_in.dose_ug, weight_g=checked_in.weight_g, items=list(items), at=at,
        by_id=by.staff_id, key=key,
    )  # fmt: skip
    append(
        clinic_id=by.clinic_id,
        register=CARE,
        kind="programme.Cleared",
        subject=checked_in.session_id,
        by=by.staff_id,
        at=at,
        body=_clearance(row),
    )
    return row


def _clearance(row: ClearanceRow) -> Clearance:
    return Clearance(
        clearance_id=row.id,
        session_id=row.session_id,
        plan_id=row.plan_id,
        plan_hash=row.plan_hash,
        protocol_hash=row.protocol_hash,
        dose_ug=row.dose_ug,
        weight_g=row.weight_g,
        items=tuple(row.items),
        given_at=row.at,
        given_by=row.by_id,
    )
