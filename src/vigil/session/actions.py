"""The only writers of the session room. Every act: duty, row lock, fold, decide, fact, record.

The same key again gives the state as it is now and has no second effect.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction

from vigil.evidence.protocols import load_protocol
from vigil.people.actions import lacks_duty
from vigil.people.domain.facts import Staff
from vigil.people.duties import Duty
from vigil.plan import queries as plans
from vigil.record.actions import CARE, append
from vigil.record.clock import now
from vigil.session import rows
from vigil.session.acts import (
    Body,
    act,
    again_of,
    locked,
    needs_rate,
    plan_and_dose,
    record,
    seat_taken,
    state_of,
    unknown,
    write,
)
from vigil.session.domain.clearance import Clearance
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
    Incoming,
    SessionFact,
    SessionState,
    StoredSample,
)
from vigil.session.domain.fold import given_by_rate, rate_before_pause
from vigil.session.domain.given import planned_rate_ug_per_hour
from vigil.session.giving import claim_draws, draws_of, enter_given, give_chosen, give_next_device
from vigil.session.models import AlarmFact as AlarmFactRow
from vigil.session.models import Chair as ChairRow
from vigil.session.models import Session as SessionRow
from vigil.session.reading import discharge_facts
from vigil.session.samples import notify, store
from vigil.units.refusals import Refused

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
    if (again := again_of(key, "CheckedIn", None, by=by, at=at)) is not None:
        return again
    weighed_at = weighed_at or at
    refused = decide_check_in(weight_g=weight_g, weighed_at=weighed_at, sbp=sbp, dbp=dbp, at=at)
    if refused is not None:
        return refused
    chosen = plan_and_dose(plan_id, patient_id=patient_id, weight_g=weight_g, by=by)
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
            write(row, "CheckedIn", body, by=by, at=at, key=key)
            pressure = {"sbp": sbp, "dbp": dbp}
            store_manual(
                row, chair, {name: v for name, v in pressure.items() if v is not None},
                measured_at=at, by=by, at=at, key=key,
            )  # fmt: skip
            return state_of(row, at=at)
    except IntegrityError as error:
        if (again := again_of(key, "CheckedIn", None, by=by, at=at)) is not None:
            return again
        return seat_taken(error)


def start(
    *, session_id: UUID, clearance: Clearance, by: Staff, at: datetime, key: UUID
) -> SessionState | Refused:
    """Begin the infusion, or give the first nasal device (GIVE). Called by programme.actions.start_session."""

    def choose(state: SessionState, facts: list[SessionFact], row: SessionRow) -> Body | Refused:
        plan = plans.plan(state.plan_id, clinic_id=by.clinic_id)
        draws = draws_of(row)
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
        state = state_of(row, at=at)
        if state.infusion_minutes is not None:
            return claim_draws(row, is_in_use=True, by=by, at=at, key=key)
        return give_next_device(row, draws_of(row)[0], by=by, at=at, key=uuid5(key, "first device"))

    return act(
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
    if (again := again_of(key, "DeviceGiven", session_id, by=by, at=at)) is not None:
        return again
    with transaction.atomic():
        row = locked(session_id, by)
        if row is None:
            return unknown()
        if (again := again_of(key, "DeviceGiven", session_id, by=by, at=at)) is not None:
            return again
        answer = give_chosen(row, draw_id, by=by, at=at, key=key)
        if answer is not None:
            transaction.set_rollback(True)
            return answer
        return state_of(row, at=at)


def pause(
    *, session_id: UUID, reason: str, by: Staff, at: datetime, key: UUID
) -> SessionState | Refused:
    """Pause the infusion (GIVE)."""

    def choose(state: SessionState, facts: list[SessionFact], row: SessionRow) -> Body | Refused:
        refused = decide_phase(state, ["running"], act="pause") or needs_rate(state)
        return refused or rows.body(reason=reason.strip())

    return act("Paused", choose, session_id=session_id, duty=(Duty.GIVE,), by=by, at=at, key=key)


def resume(*, session_id: UUID, by: Staff, at: datetime, key: UUID) -> SessionState | Refused:
    """Resume at the rate before the pause (GIVE)."""

    def choose(state: SessionState, facts: list[SessionFact], row: SessionRow) -> Body | Refused:
        refused = decide_phase(state, ["paused"], act="resume")
        return refused or rows.body(rate_ug_per_hour=rate_before_pause(facts))

    return act("Resumed", choose, session_id=session_id, duty=(Duty.GIVE,), by=by, at=at, key=key)


def change_rate(
    *, session_id: UUID, rate_ug_per_hour: int, reason: str, by: Staff, at: datetime, key: UUID
) -> SessionState | Refused:
    """Change the rate that the pump now runs at (GIVE); never above the planned rate."""

    def choose(state: SessionState, facts: list[SessionFact], row: SessionRow) -> Body | Refused:
        refused = decide_rate(state, rate_ug_per_hour)
        return refused or rows.body(rate_ug_per_hour=rate_ug_per_hour, reason=reason.strip())

    return act(
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
        # What still runs is not in use any more from here on; only then can it be booked as given.
        refused = claim_draws(row, is_in_use=False, by=by, at=at, key=key)
        return refused or enter_given(row, by=by, at=at, key=key)

    return act(
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
        store_manual(row, row.chair, values, measured_at=measured_at, by=by, at=at, key=key)
        return None

    return act(
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
            return decide_phase(state, [], act="take notes") or unknown()
        return rows.body(name=name, text=text.strip()[:1000])

    return act("Noted", choose, session_id=session_id, duty=(Duty.MONITOR,), by=by, at=at, key=key)


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
        row = locked(first.session_id, by)
        assert row is not None
        alarm = alarm_of(alarm_id)
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
        record(row, "AlarmAcknowledged", {"alarm_id": alarm_id, "limit_id": first.limit_id}, by, at)
        notify(row.id, "state")
        return alarm_of(alarm_id)


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

    return act(
        "Discharged", choose, session_id=session_id, duty=(Duty.DISCHARGE,), by=by, at=at, key=key
    )


def close(
    *, session_id: UUID, reason: str = "", by: Staff, at: datetime, key: UUID
) -> SessionState | Refused:
    """Free the chair (DISCHARGE), once nothing of this session is left in a syringe or device.

    A session that never started may be closed too; then the reason says why.
    """

    def choose(state: SessionState, facts: list[SessionFact], row: SessionRow) -> Body | Refused:
        remaining_ug = sum(draw.remaining_ug for draw in draws_of(row))
        refused = decide_close(state, remaining_ug=remaining_ug)
        if refused is None and state.phase == "checked-in" and not reason.strip():
            refused = Refused(
                code="SES-REASON", message="Say why the session ends before it started."
            )
        return refused or rows.body(reason=reason.strip())

    return act(
        "Closed", choose, session_id=session_id, duty=(Duty.DISCHARGE,), by=by, at=at, key=key
    )


def record_samples(samples: Sequence[Incoming]) -> tuple[StoredSample, ...]:
    """Store what devices sent, each value once, in one transaction; answers in the given order.

    Odd values are stored with the quality that says why they are not believed; a value of a place where no
    session is open is stored without one.
    """
    with transaction.atomic():
        return store(samples, recorded_at=now())


# --- values typed by a person ------------------------------------------------------------------


def store_manual(
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


def alarm_of(alarm_id: UUID) -> AlarmView:
    return rows.fold_alarm(AlarmFactRow.objects.filter(alarm_id=alarm_id).order_by("id"))
