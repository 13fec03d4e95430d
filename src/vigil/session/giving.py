"""What moves drug in a session: devices given, and the given amount entered in the safe's register.

Each answers None, or the refusal of the room below; then the whole act is rolled back.
"""

from datetime import datetime
from uuid import UUID, uuid5

from vigil.custody import actions as custody
from vigil.custody import queries as custody_queries
from vigil.custody.domain.facts import Draw
from vigil.people.domain.facts import Staff
from vigil.session import rows
from vigil.session.acts import state_of, write
from vigil.session.domain.decide import (
    decide_phase,
)
from vigil.session.models import Session as SessionRow
from vigil.units.refusals import Refused


def draws_of(row: SessionRow) -> tuple[Draw, ...]:
    return tuple(
        sorted(custody_queries.draws_for(row.id, clinic_id=row.clinic_id), key=lambda d: d.at)
    )


def claim_draws(
    row: SessionRow, *, is_in_use: bool, by: Staff, at: datetime, key: UUID
) -> Refused | None:
    """Tell custody that an infusion runs from the session's draws, or no longer: meanwhile nothing is wasted there."""
    for draw in draws_of(row):
        if draw.is_in_use == is_in_use or (is_in_use and draw.remaining_ug == 0):
            continue
        answer = custody.change_use(
            draw_id=draw.draw_id,
            is_in_use=is_in_use,
            purpose_id=row.id,
            by=by,
            at=at,
            key=uuid5(key, f"in use {is_in_use} {draw.draw_id}"),
        )
        if isinstance(answer, Refused):
            return answer
    return None


def enter_given(row: SessionRow, *, by: Staff, at: datetime, key: UUID) -> Refused | None:
    """Enter the given amount in the safe's register, over the draws in the order they were made."""
    if state_of(row, at=at).infusion_minutes is None:
        # Each device was entered when it was given.
        return None
    left_ug = state_of(row, at=at).given_ug
    for draw in draws_of(row):
        amount_ug = min(left_ug, draw.remaining_ug)
        if amount_ug == 0:
            continue
        answer = custody.give(
            draw_id=draw.draw_id,
            amount_ug=amount_ug,
            by=by,
            at=at,
            key=uuid5(key, str(draw.draw_id)),
        )
        if isinstance(answer, Refused):
            return answer
        left_ug -= amount_ug
    if left_ug:
        return Refused(
            code="SES-DRAW-SHORT",
            message="The draws of this session no longer hold what was given. Look at the safe.",
        )
    return None


def give_chosen(
    row: SessionRow, draw_id: UUID, *, by: Staff, at: datetime, key: UUID
) -> Refused | None:
    state = state_of(row, at=at)
    if (refused := decide_phase(state, ["running"], act="give a device")) is not None:
        return refused
    if state.infusion_minutes is not None:
        return Refused(code="SES-NO-DEVICE", message="This session gives an infusion, not devices.")
    draw = next((each for each in draws_of(row) if each.draw_id == draw_id), None)
    if draw is None or draw.remaining_ug == 0:
        return Refused(
            code="SES-DEVICE", message="This device is not drawn for this session, or it is empty."
        )
    return give_next_device(row, draw, by=by, at=at, key=key)


def give_next_device(
    row: SessionRow, draw: Draw, *, by: Staff, at: datetime, key: UUID
) -> Refused | None:
    answer = custody.give(
        draw_id=draw.draw_id, amount_ug=draw.remaining_ug, by=by, at=at, key=uuid5(key, "custody")
    )
    if isinstance(answer, Refused):
        return answer
    body = rows.body(draw_id=draw.draw_id, amount_ug=draw.remaining_ug)
    write(row, "DeviceGiven", body, by=by, at=at, key=key)
    state = state_of(row, at=at)
    if state.given_ug >= state.dose_ug:
        body = rows.body(
            given_ug=state.given_ug, given_from="devices", reason="the whole dose is given"
        )
        write(row, "Stopped", body, by=by, at=at, key=uuid5(key, "stopped"))
    return None
