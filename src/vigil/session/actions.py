"""The only writers of the session room. Every act: duty, row lock, fold, decide, fact, record.

The same key again gives the state as it is now and has no second effect.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction

from vigil.custody import actions as custody
from vigil.custody import queries as custody_queries
from vigil.custody.domain.facts import Draw
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
from vigil.session.domain.decide import (
    decide_check_in,
    decide_close,
    decide_discharge,
    decide_given,
    decide_phase,
    decide_rate,
    decide_start,
    decide_values,
    discharge_items,
)
from vigil.session.domain.facts import (
    MILLI,
    UNITS,
    AlarmView,
    Chair,
    Clearance,
    Incoming,
    SessionFact,
    SessionState,
    StoredSample,
)
from vigil.session.domain.fold import fold, given_by_rate, rate_before_pause
from vigil.session.domain.given import planned_rate_ug_per_hour
from vigil.session.models import AlarmFact as AlarmFactRow
from vigil.session.models import Chair as ChairRow
from vigil.session.models import Session as SessionRow
from vigil.session.models import SessionFact as FactRow
from vigil.session.reading import discharge_facts
from vigil.session.samples import notify, store
from vigil.units.refusals import Refused

Body = dict[str, Any]

EVENT_NAMES = (
    "anxious", "nausea", "vomited", "dizzy", "headache", "comforted", "line-checked", "emergency", "note",
)  # fmt: skip
"""What a nurse can record with one tap; `text` adds words."""


def add_chair(
    *, clinic_id: UUID, name: str, device_location: str, by: str, at: datetime
) -> Chair | Refused:
    """Add a chair; `device_location` is what its monitor sends as its place. Run by setup or the demo."""
    if not name.strip() or not device_location.strip():
        return Refused(code="SES-CHAIR-NAME", message="A chair needs a name and a device location.")
    try:
        with transaction.atomic():
            row = ChairRow.objects.create(
                clinic_id=clinic_id, name=name.strip(), device_location=device_location.strip()
            )
            append(
                clinic_id=clinic_id,
                register=CARE,
                kind="session.ChairAdded",
                subject=row.id,
                by=by,
                at=at,
                body={"name": row.name, "device_location": row.device_location},
            )
    except IntegrityError:
        return Refused(
            code="SES-CHAIR-EXISTS", message="A chair with this name or location exists already."
        )
    return rows.chair(row)


def check_in(
    *,
    patient_id: UUID,
    plan_id: UUID,
    chair_id: UUID,
    weight_g: int,
    weighed_at: datetime | None = None,
    is_weight_confirmed: bool = False,
    sbp: int | None,
    dbp: int | None,
    escort_name: str,
    escort_phone: str,
    food_minutes: int | None,
    drink_minutes: int | None,
    by: Staff,
    at: datetime,
    key: UUID,
) -> SessionState | Refused:
    """Seat a patient who has a signed plan; pressures in mmHg, None when not taken (MONITOR).

    `food_minutes` and `drink_minutes` are minutes since the last food and drink, None when not asked.
    `is_weight_confirmed` says that the nurse looked twice at a change of more than 10 %.
    """
    if (refused := lacks_duty(by, Duty.MONITOR)) is not None:
        return refused
    if (again := _again(key, "CheckedIn", None, by=by, at=at)) is not None:
        return again
    weighed_at = weighed_at or at
    refused = decide_check_in(weight_g=weight_g, weighed_at=weighed_at, sbp=sbp, dbp=dbp, at=at)
    if refused is not None:
        return refused
    chosen = _plan_and_dose(plan_id, patient_id=patient_id, weight_g=weight_g, by=by)
    if isinstance(chosen, Refused):
        return chosen
    plan, dose_ug = chosen
    chair = ChairRow.objects.filter(pk=chair_id, clinic_id=by.clinic_id).first()
    if chair is None:
        return Refused(code="SES-CHAIR-UNKNOWN", message="Choose a chair from the list.")
    before = (
        SessionRow.objects.filter(patient_id=patient_id, clinic_id=by.clinic_id)
        .order_by("-checked_in_at")
        .first()
    )
    protocol = load_protocol(plan.protocol_id)
    body = rows.body(
        patient_id=patient_id, plan_id=plan_id, plan_hash=plan.content_hash, chair_id=chair.id,
        chair=chair.name, protocol_id=plan.protocol_id, protocol_version=protocol.version,
        protocol_hash=protocol.content_hash, drug=plan.drug, route=plan.route, dose_ug=dose_ug,
        infusion_minutes=plan.infusion_minutes, weight_g=weight_g, weighed_at=weighed_at,
        weight_before_g=before.weight_g if before else None, is_weight_confirmed=is_weight_confirmed,
        sbp=sbp, dbp=dbp, escort_name=escort_name.strip(), escort_phone=escort_phone.strip(),
        food_minutes=food_minutes, drink_minutes=drink_minutes,
    )  # fmt: skip
    try:
        with transaction.atomic():
            row = SessionRow.objects.create(
                clinic_id=by.clinic_id, patient_id=patient_id, plan_id=plan_id, chair=chair,
                phase="checked-in", weight_g=weight_g, dose_ug=dose_ug, checked_in_at=at,
            )  # fmt: skip
            _write(row, "CheckedIn", body, by=by, at=at, key=key)
            pressure = {"sbp": sbp, "dbp": dbp}
            _store_manual(
                row, chair, {name: v for name, v in pressure.items() if v is not None},
                measured_at=at, by=by, at=at, key=key,
            )  # fmt: skip
            return _state(row, at=at)
    except IntegrityError as error:
        if (again := _again(key, "CheckedIn", None, by=by, at=at)) is not None:
            return again
        return _seat_taken(error)


def start(
    *, session_id: UUID, clearance: Clearance, by: Staff, at: datetime, key: UUID
) -> SessionState | Refused:
    """Begin the infusion, or give the first nasal device (GIVE). Called by programme.actions.start_session."""

    def choose(state: SessionState, facts: list[SessionFact], row: SessionRow) -> Body | Refused:
        plan = plans.plan(state.plan_id, clinic_id=by.clinic_id)
        draws = _draws(row)
        refused = decide_start(
            state,
            clearance,
            plan_hash=plan.content_hash if plan else None,
            in_syringe_ug=sum(draw.remaining_ug for draw in draws),
            at=at,
        )
        if refused is not None:
            return refused
        rate = None
        if state.infusion_minutes is not None:
            rate = planned_rate_ug_per_hour(state.dose_ug, infusion_minutes=state.infusion_minutes)
        return rows.body(
            clearance_id=clearance.clearance_id,
            drawn_ug=sum(draw.remaining_ug for draw in draws),
            rate_ug_per_hour=rate,
        )

    def after(row: SessionRow) -> Refused | None:
        state = _state(row, at=at)
        if state.infusion_minutes is not None:
            return None
        return _give_device(row, _draws(row)[0], by=by, at=at, key=uuid5(key, "first device"))

    return _act(
        "Started",
        choose,
        session_id=session_id,
        duty=(Duty.GIVE,),
        by=by,
        at=at,
        key=key,
        after=after,
    )


def give_device(
    *, session_id: UUID, draw_id: UUID, by: Staff, at: datetime, key: UUID
) -> SessionState | Refused:
    """Give the next nasal device whole (GIVE); the last one of the dose ends the giving."""
    if (refused := lacks_duty(by, Duty.GIVE)) is not None:
        return refused
    if (again := _again(key, "DeviceGiven", session_id, by=by, at=at)) is not None:
        return again
    with transaction.atomic():
        row = _locked(session_id, by)
        if row is None:
            return _unknown()
        if (again := _again(key, "DeviceGiven", session_id, by=by, at=at)) is not None:
            return again
        answer = _give_chosen(row, draw_id, by=by, at=at, key=key)
        if answer is not None:
            transaction.set_rollback(True)
            return answer
        return _state(row, at=at)


def pause(
    *, session_id: UUID, reason: str, by: Staff, at: datetime, key: UUID
) -> SessionState | Refused:
    """Pause the infusion (GIVE)."""

    def choose(state: SessionState, facts: list[SessionFact], row: SessionRow) -> Body | Refused:
        refused = decide_phase(state, ["running"], act="pause") or _needs_rate(state)
        return refused or rows.body(reason=reason.strip())

    return _act("Paused", choose, session_id=session_id, duty=(Duty.GIVE,), by=by, at=at, key=key)


def resume(*, session_id: UUID, by: Staff, at: datetime, key: UUID) -> SessionState | Refused:
    """Resume at the rate before the pause (GIVE)."""

    def choose(state: SessionState, facts: list[SessionFact], row: SessionRow) -> Body | Refused:
        refused = decide_phase(state, ["paused"], act="resume")
        return refused or rows.body(rate_ug_per_hour=rate_before_pause(facts))

    return _act("Resumed", choose, session_id=session_id, duty=(Duty.GIVE,), by=by, at=at, key=key)


def change_rate(
    *, session_id: UUID, rate_ug_per_hour: int, reason: str, by: Staff, at: datetime, key: UUID
) -> SessionState | Refused:
    """Change the rate that the pump now runs at (GIVE); never above the planned rate."""

    def choose(state: SessionState, facts: list[SessionFact], row: SessionRow) -> Body | Refused:
        refused = decide_rate(state, rate_ug_per_hour)
        return refused or rows.body(rate_ug_per_hour=rate_ug_per_hour, reason=reason.strip())

    return _act(
        "RateChanged", choose, session_id=session_id, duty=(Duty.GIVE,), by=by, at=at, key=key
    )


def stop(
    *,
    session_id: UUID,
    pump_ug: int | None = None,
    reason: str = "",
    by: Staff,
    at: datetime,
    key: UUID,
) -> SessionState | Refused:
    """End the infusion (GIVE) and enter what was given in the register of the safe.

    `pump_ug` is the given amount read from the pump; None uses the rate over time.
    """

    def choose(state: SessionState, facts: list[SessionFact], row: SessionRow) -> Body | Refused:
        refused = decide_phase(state, ["running", "paused"], act="stop")
        if refused is not None:
            return refused
        given = decide_given(state, by_rate_ug=given_by_rate(facts, now=at), pump_ug=pump_ug)
        if isinstance(given, Refused):
            return given
        given_ug, given_from = given
        return rows.body(given_ug=given_ug, given_from=given_from, reason=reason.strip())

    def after(row: SessionRow) -> Refused | None:
        return _enter_given(row, by=by, at=at, key=key)

    return _act(
        "Stopped",
        choose,
        session_id=session_id,
        duty=(Duty.GIVE,),
        by=by,
        at=at,
        key=key,
        after=after,
    )


def observe(
    *,
    session_id: UUID,
    measured_at: datetime,
    values: Mapping[str, int],
    by: Staff,
    at: datetime,
    key: UUID,
) -> SessionState | Refused:
    """Record a set that the nurse took (MONITOR); whole units by metric, e.g. {"moaas": 5, "sbp": 128}."""

    def choose(state: SessionState, facts: list[SessionFact], row: SessionRow) -> Body | Refused:
        if not values:
            return Refused(code="SES-EMPTY", message="Enter at least one value.")
        if measured_at > at:
            return Refused(code="SES-AHEAD", message="It was measured after this moment.")
        if measured_at < state.checked_in_at:
            return Refused(code="SES-BEFORE", message="It was measured before the check-in.")
        refused = decide_phase(
            state, ["checked-in", "running", "paused", "observing"], act="take observations"
        )
        refused = refused or decide_values(values)
        milli = {name: value * MILLI for name, value in sorted(values.items())}
        return refused or rows.body(measured_at=measured_at, values_milli=milli)

    def after(row: SessionRow) -> Refused | None:
        _store_manual(row, row.chair, values, measured_at=measured_at, by=by, at=at, key=key)
        return None

    return _act(
        "Observed", choose, session_id=session_id, duty=(Duty.MONITOR,), by=by, at=at, key=key,
        after=after,
    )  # fmt: skip


def note_event(
    *, session_id: UUID, name: str, text: str, by: Staff, at: datetime, key: UUID
) -> SessionState | Refused:
    """Record something that happened (MONITOR): a name of `EVENT_NAMES`, and words."""

    def choose(state: SessionState, facts: list[SessionFact], row: SessionRow) -> Body | Refused:
        if name not in EVENT_NAMES or (name == "note" and not text.strip()):
            return Refused(code="SES-EVENT", message="Choose what happened, or write a note.")
        if state.phase == "closed":
            return decide_phase(state, [], act="take notes") or _unknown()
        return rows.body(name=name, text=text.strip()[:1000])

    return _act("Noted", choose, session_id=session_id, duty=(Duty.MONITOR,), by=by, at=at, key=key)


def acknowledge(*, alarm_id: UUID, by: Staff, at: datetime, key: UUID) -> AlarmView | Refused:
    """Say "seen, I am going" (MONITOR, GIVE or PRESCRIBE). It never clears a latched alarm by itself."""
    if (refused := lacks_duty(by, Duty.MONITOR, Duty.GIVE, Duty.PRESCRIBE)) is not None:
        return refused
    first = AlarmFactRow.objects.filter(
        alarm_id=alarm_id, clinic_id=by.clinic_id, kind="raised"
    ).first()
    if first is None:
        return Refused(code="SES-ALARM-UNKNOWN", message="There is no such alarm.")
    with transaction.atomic():
        row = _locked(first.session_id, by)
        assert row is not None
        alarm = _alarm(alarm_id)
        if alarm.acknowledged_at is not None:
            return alarm
        if alarm.cleared_at is not None:
            return Refused(code="SES-ALARM-CLEARED", message="The alarm has cleared already.")
        row.seq += 1
        row.save(update_fields=["seq"])
        AlarmFactRow.objects.create(
            clinic_id=by.clinic_id, session_id=row.id, seq=row.seq, alarm_id=alarm_id,
            limit_id=first.limit_id, ordinal=first.ordinal, step=None, kind="acknowledged",
            metric=first.metric, priority=first.priority, message=first.message,
            is_latched=first.is_latched, value_milli=None, at=at, signal_at=at, by_id=by.staff_id,
            by_name=by.name, key=key,
        )  # fmt: skip
        _record(
            row, "AlarmAcknowledged", {"alarm_id": alarm_id, "limit_id": first.limit_id}, by, at
        )
        notify(row.id, "state")
        return _alarm(alarm_id)


def discharge(
    *,
    session_id: UUID,
    answers: Mapping[str, bool | None],
    escort_name: str,
    by: Staff,
    at: datetime,
    key: UUID,
) -> SessionState | Refused:
    """Let the patient go (DISCHARGE), or refuse and list everything it waits for.

    `answers`: one yes/no/None per item of `SessionView.discharge_items` whose `asks` is not "".
    """

    def choose(state: SessionState, facts: list[SessionFact], row: SessionRow) -> Body | Refused:
        refused = decide_phase(state, ["observing"], act="end in discharge")
        if refused is not None:
            return refused
        known = discharge_facts(state, answers=answers, escort_name=escort_name)
        items = discharge_items(known, now=at)
        refused = decide_discharge(items)
        return refused or rows.body(
            answers=dict(answers),
            escort_name=escort_name.strip(),
            items=tuple(item.text for item in items),
        )

    return _act(
        "Discharged", choose, session_id=session_id, duty=(Duty.DISCHARGE,), by=by, at=at, key=key
    )


def close(
    *, session_id: UUID, reason: str = "", by: Staff, at: datetime, key: UUID
) -> SessionState | Refused:
    """Free the chair (DISCHARGE), once nothing of this session is left in a syringe or device.

    A session that never started may be closed too; then the reason says why.
    """

    def choose(state: SessionState, facts: list[SessionFact], row: SessionRow) -> Body | Refused:
        remaining_ug = sum(draw.remaining_ug for draw in _draws(row))
        refused = decide_close(state, remaining_ug=remaining_ug)
        if refused is None and state.phase == "checked-in" and not reason.strip():
            refused = Refused(
                code="SES-REASON", message="Say why the session ends before it started."
            )
        return refused or rows.body(reason=reason.strip())

    return _act(
        "Closed", choose, session_id=session_id, duty=(Duty.DISCHARGE,), by=by, at=at, key=key
    )


def record_samples(samples: Sequence[Incoming]) -> tuple[StoredSample, ...]:
    """Store what devices sent, each value once, in one transaction; answers in the given order.

    Odd values are stored with the quality that says why they are not believed; a value of a place where no
    session is open is stored without one.
    """
    with transaction.atomic():
        return store(samples, recorded_at=now())


# --- the one way an act runs -------------------------------------------------------------------

Choose = Callable[[SessionState, list[SessionFact], SessionRow], Body | Refused]
After = Callable[[SessionRow], Refused | None]


def _act(
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
        row = _locked(session_id, by)
        if row is None:
            return _unknown()
        if (again := _again(key, kind, session_id, by=by, at=at)) is not None:
            return again
        facts = rows.facts_of([row.id])[row.id]
        refused = _not_back_in_time(facts, at)
        body = refused or choose(fold(facts, clinic_id=row.clinic_id, now=at), facts, row)
        if isinstance(body, Refused):
            return body
        _write(row, kind, body, by=by, at=at, key=key)
        if after is not None and (refused := after(row)) is not None:
            # The room below said no: nothing of this act may stay.
            transaction.set_rollback(True)
            return refused
        return _state(row, at=at)


def _not_back_in_time(facts: Sequence[SessionFact], at: datetime) -> Refused | None:
    if at >= facts[-1].at:
        return None
    return Refused(
        code="SES-TIME", message="The act is earlier than the last one of this session. Try again."
    )


def _locked(session_id: UUID, by: Staff) -> SessionRow | None:
    return (
        SessionRow.objects.select_for_update(no_key=True, of=("self",))
        .select_related("chair")
        .filter(pk=session_id, clinic_id=by.clinic_id)
        .first()
    )


def _again(
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
    return _state(before.session, at=at)


def _write(row: SessionRow, kind: str, body: Body, *, by: Staff, at: datetime, key: UUID) -> None:
    """Append the fact, keep the row's phase in step, record the act, tell who listens."""
    row.seq += 1
    FactRow.objects.create(
        clinic_id=row.clinic_id, session=row, seq=row.seq, kind=kind, body=body, at=at,
        recorded_at=now(), by_id=by.staff_id, by_name=by.name, key=key,
    )  # fmt: skip
    row.phase = _state(row, at=at).phase
    row.save(update_fields=["seq", "phase"])
    _record(row, kind, body, by, at)
    notify(row.id, "state")


def _record(row: SessionRow, kind: str, body: Body, by: Staff, at: datetime) -> None:
    append(
        clinic_id=row.clinic_id,
        register=CARE,
        kind=f"session.{kind}",
        subject=row.id,
        by=by.staff_id,
        at=at,
        body=body,
    )


def _state(row: SessionRow, *, at: datetime) -> SessionState:
    return fold(rows.facts_of([row.id])[row.id], clinic_id=row.clinic_id, now=at)


def _unknown() -> Refused:
    return Refused(code="SES-UNKNOWN", message="There is no such session in this clinic.")


def _needs_rate(state: SessionState) -> Refused | None:
    if state.infusion_minutes is not None:
        return None
    return Refused(code="SES-NO-RATE", message="A nasal device cannot be paused.")


def _seat_taken(error: IntegrityError) -> Refused:
    if "session_one_open_per_patient" in str(error):
        return Refused(
            code="SES-PATIENT-OPEN", message="This patient has an open session. Close it first."
        )
    if "session_one_open_per_chair" in str(error):
        return Refused(
            code="SES-CHAIR-TAKEN", message="This chair has an open session. Choose another chair."
        )
    raise error


def _plan_and_dose(
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


# --- drug --------------------------------------------------------------------------------------


def _draws(row: SessionRow) -> tuple[Draw, ...]:
    return tuple(
        sorted(custody_queries.draws_for(row.id, clinic_id=row.clinic_id), key=lambda d: d.at)
    )


def _enter_given(row: SessionRow, *, by: Staff, at: datetime, key: UUID) -> Refused | None:
    """Enter the given amount in the safe's register, over the draws in the order they were made."""
    if _state(row, at=at).infusion_minutes is None:
        # Each device was entered when it was given.
        return None
    left_ug = _state(row, at=at).given_ug
    for draw in _draws(row):
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


def _give_chosen(
    row: SessionRow, draw_id: UUID, *, by: Staff, at: datetime, key: UUID
) -> Refused | None:
    state = _state(row, at=at)
    if (refused := decide_phase(state, ["running"], act="give a device")) is not None:
        return refused
    if state.infusion_minutes is not None:
        return Refused(code="SES-NO-DEVICE", message="This session gives an infusion, not devices.")
    draw = next((each for each in _draws(row) if each.draw_id == draw_id), None)
    if draw is None or draw.remaining_ug == 0:
        return Refused(
            code="SES-DEVICE", message="This device is not drawn for this session, or it is empty."
        )
    return _give_device(row, draw, by=by, at=at, key=key)


def _give_device(
    row: SessionRow, draw: Draw, *, by: Staff, at: datetime, key: UUID
) -> Refused | None:
    answer = custody.give(
        draw_id=draw.draw_id, amount_ug=draw.remaining_ug, by=by, at=at, key=uuid5(key, "custody")
    )
    if isinstance(answer, Refused):
        return answer
    body = rows.body(draw_id=draw.draw_id, amount_ug=draw.remaining_ug)
    _write(row, "DeviceGiven", body, by=by, at=at, key=key)
    state = _state(row, at=at)
    if state.given_ug >= state.dose_ug:
        body = rows.body(
            given_ug=state.given_ug, given_from="devices", reason="the whole dose is given"
        )
        _write(row, "Stopped", body, by=by, at=at, key=uuid5(key, "stopped"))
    return None


# --- values typed by a person ------------------------------------------------------------------


def _store_manual(
    row: SessionRow,
    chair: ChairRow,
    values: Mapping[str, int],
    *,
    measured_at: datetime,
    by: Staff,
    at: datetime,
    key: UUID,
) -> None:
    samples = [
        Incoming(
            clinic_id=row.clinic_id,
            location=chair.device_location,
            device=f"by hand: {by.name}",
            metric=metric,
            value_milli=value * MILLI,
            unit=UNITS[metric],
            source="manual",
            measured_at=measured_at,
            measured_at_source="manual",
            received_at=at,
            message_id=str(key),
        )
        for metric, value in sorted(values.items())
    ]
    store(samples, recorded_at=now())
    # The samples took the next number of the session's sequence: the row in hand must know it.
    row.refresh_from_db(fields=["seq"])


def _alarm(alarm_id: UUID) -> AlarmView:
    return rows.fold_alarm(AlarmFactRow.objects.filter(alarm_id=alarm_id).order_by("id"))
