"""The only readers of the session room that other rooms may call; they return frozen facts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from vigil.custody import queries as custody
from vigil.custody.domain.facts import Draw
from vigil.evidence.protocols import load_protocol
from vigil.people import queries as people
from vigil.plan import queries as plans
from vigil.session import rows
from vigil.session.domain.decide import discharge_items
from vigil.session.domain.due import dues
from vigil.session.domain.facts import (
    METRICS,
    MILLI,
    AlarmView,
    Chair,
    ChairView,
    CheckedIn,
    DrawView,
    DutyDue,
    Latest,
    MetricSample,
    OpenItem,
    OpenSession,
    SessionFact,
    SessionState,
    SessionSummary,
    SessionView,
)
from vigil.session.domain.fold import fold
from vigil.session.domain.note import NoteFacts, administration_note
from vigil.session.domain.note_facts import Note
from vigil.session.domain.story import story_line
from vigil.session.models import AlarmFact as AlarmFactRow
from vigil.session.models import Chair as ChairRow
from vigil.session.models import Sample as SampleRow
from vigil.session.models import Session as SessionRow
from vigil.session.reading import (
    Newest,
    discharge_facts,
    newest,
    newest_device_value_at,
    observed_moments,
)
from vigil.units.durations import elapsed, whole_minutes

SILENT_SECONDS = 5
"""A screen says "no data" when a watched session has had no value for this long (decision 9)."""

WATCHED_PHASES = ("running", "paused", "observing")


def chairs(clinic_id: UUID) -> tuple[Chair, ...]:
    """Every chair of a clinic, by name."""
    return tuple(
        rows.chair(r) for r in ChairRow.objects.filter(clinic_id=clinic_id).order_by("name")
    )


def board(clinic_id: UUID, *, now: datetime) -> tuple[ChairView, ...]:
    """Every chair with its open session (or None), by chair name."""
    open_rows = _sessions(clinic_id).exclude(phase="closed")
    by_chair = {row.chair_id: row.id for row in open_rows}
    seen = {view.chair_id: view for view in _views(list(by_chair.values()), clinic_id, now)}
    return tuple(
        ChairView(
            chair_id=each.chair_id,
            name=each.name,
            device_location=each.device_location,
            session=seen.get(each.chair_id),
        )
        for each in chairs(clinic_id)
    )


def view(session_id: UUID, *, clinic_id: UUID, now: datetime) -> SessionView | None:
    """Everything a screen about this session shows, or None when the clinic has no such session."""
    return next(iter(_views([session_id], clinic_id, now)), None)


def state(session_id: UUID, *, clinic_id: UUID, now: datetime) -> SessionState | None:
    """The fold of the session's facts at `now` (cheaper than `view`)."""
    if not _sessions(clinic_id).filter(pk=session_id).exists():
        return None
    return fold(rows.facts_of([session_id])[session_id], clinic_id=clinic_id, now=now)


def open_items(session_id: UUID, *, clinic_id: UUID, now: datetime) -> tuple[OpenItem, ...]:
    """Every condition of discharge as it stands at `now`, also while the drug still runs; () without such a session."""
    current = state(session_id, clinic_id=clinic_id, now=now)
    if current is None:
        return ()
    known = discharge_facts(current, answers={}, escort_name=current.escort_name)
    return discharge_items(known, now=now)


def check_in(session_id: UUID, *, clinic_id: UUID) -> CheckedIn | None:
    """What was asked and measured at check-in, or None when the clinic has no such session."""
    if not _sessions(clinic_id).filter(pk=session_id).exists():
        return None
    first = rows.facts_of([session_id])[session_id][0]
    assert isinstance(first, CheckedIn)
    return first


def facts(session_id: UUID, *, clinic_id: UUID) -> tuple[SessionFact, ...]:
    """Everything that happened in the session, in its sequence; () when the clinic has no such session."""
    if not _sessions(clinic_id).filter(pk=session_id).exists():
        return ()
    return tuple(rows.facts_of([session_id])[session_id])


def open_session_at(location: str, *, clinic_id: UUID) -> OpenSession | None:
    """The session open at the chair with this device location, or None."""
    row = (
        _sessions(clinic_id).exclude(phase="closed").filter(chair__device_location=location).first()
    )
    return None if row is None else rows.open_session(row)


def open_sessions(clinic_id: UUID) -> tuple[OpenSession, ...]:
    """Every session of the clinic that is not closed, by chair."""
    found = _sessions(clinic_id).exclude(phase="closed").order_by("chair__name")
    return tuple(rows.open_session(row) for row in found)


def sessions_of(patient_id: UUID, *, clinic_id: UUID) -> tuple[SessionSummary, ...]:
    """The patient's sessions, newest first."""
    return _summaries(_sessions(clinic_id).filter(patient_id=patient_id), clinic_id)


def sessions_between(
    clinic_id: UUID, *, start: datetime, end: datetime
) -> tuple[SessionSummary, ...]:
    """The clinic's sessions whose check-in lies in [start, end), newest first."""
    found = _sessions(clinic_id).filter(checked_in_at__gte=start, checked_in_at__lt=end)
    return _summaries(found, clinic_id)


def samples(
    session_id: UUID,
    *,
    clinic_id: UUID | None = None,
    after_id: int = 0,
    since: datetime | None = None,
    metrics: Iterable[str] | None = None,
    limit: int = 100_000,
) -> tuple[MetricSample, ...]:
    """The session's samples with `sample_id` > `after_id`, in the server's sequence.

    `since` keeps those measured at or after that moment; `metrics` keeps those metrics. Gated and
    "no value" samples are included: draw the first hollow, the second as a gap.
    """
    found = SampleRow.objects.filter(session_id=session_id, id__gt=after_id)
    if clinic_id is not None:
        found = found.filter(clinic_id=clinic_id)
    if since is not None:
        found = found.filter(measured_at__gte=since)
    if metrics is not None:
        found = found.filter(metric__in=list(metrics))
    return tuple(rows.sample(row) for row in found.order_by("id")[:limit])


def alarms(session_id: UUID, *, clinic_id: UUID) -> tuple[AlarmView, ...]:
    """Every alarm of the session, active ones first (not seen, by priority, oldest), then past ones."""
    if not _sessions(clinic_id).filter(pk=session_id).exists():
        return ()
    active, past = _split(rows.alarms_of([session_id])[session_id])
    return active + past


def alarm(alarm_id: UUID, *, clinic_id: UUID) -> AlarmView | None:
    """The alarm with this id (its `session_id` says where to go back to)."""
    found = list(AlarmFactRow.objects.filter(alarm_id=alarm_id, clinic_id=clinic_id).order_by("id"))
    return rows.fold_alarm(found) if found else None


def note(session_id: UUID, *, clinic_id: UUID) -> Note | None:
    """The administration note, derived from the facts; None when the clinic has no such session."""
    known = facts(session_id, clinic_id=clinic_id)
    if not known:
        return None
    checked_in = known[0]
    assert isinstance(checked_in, CheckedIn)
    patient = people.patient(checked_in.patient_id, clinic_id=clinic_id)
    plan = plans.plan(checked_in.plan_id, clinic_id=clinic_id)
    assert patient is not None
    assert plan is not None
    clinic = people.clinic(clinic_id)
    return administration_note(
        NoteFacts(
            clinic_name=clinic.name,
            zone=ZoneInfo(clinic.time_zone),
            patient=patient,
            plan=plan,
            protocol=load_protocol(checked_in.protocol_id),
            facts=known,
            samples=samples(session_id, clinic_id=clinic_id),
            draws=custody.draws_for(session_id, clinic_id=clinic_id),
            alarms=tuple(rows.alarms_of([session_id])[session_id]),
        )
    )


# --- how a view is put together ----------------------------------------------------------------


def _sessions(clinic_id: UUID):
    return SessionRow.objects.filter(clinic_id=clinic_id).select_related("chair")


def _views(session_ids: Sequence[UUID], clinic_id: UUID, now: datetime) -> list[SessionView]:
    found = {row.id: row for row in _sessions(clinic_id).filter(pk__in=session_ids)}
    ids = list(found)
    if not ids:
        return []
    all_facts, all_alarms = rows.facts_of(ids), rows.alarms_of(ids)
    any_values = newest(ids, METRICS, only_good=False)
    good_values = newest(ids, METRICS, only_good=True)
    heard_at = newest_device_value_at(ids)
    views = []
    for session_id, row in found.items():
        known = all_facts[session_id]
        current = fold(known, clinic_id=clinic_id, now=now)
        latest = _latest(current, any_values, good_values, now)
        age = _age(heard_at.get(session_id), now)
        views.append(
            _view(row, current, known, all_alarms[session_id], latest=latest, data_age=age, now=now)
        )
    return views


def _view(
    row: SessionRow,
    current: SessionState,
    known: Sequence[SessionFact],
    alarm_views: Sequence[AlarmView],
    *,
    latest: Mapping[str, Latest],
    data_age: int | None,
    now: datetime,
) -> SessionView:
    clinic_id = current.clinic_id
    patient = people.patient(current.patient_id, clinic_id=clinic_id)
    plan = plans.plan(current.plan_id, clinic_id=clinic_id)
    assert patient is not None
    assert plan is not None
    protocol = load_protocol(current.protocol_id)
    draws = custody.draws_for(current.session_id, clinic_id=clinic_id)
    unreconciled_ug = sum(draw.remaining_ug for draw in draws)
    owner = current.started_by or known[0].by_name
    open_duties, past_duties = _duties(current, owner, now)
    active, past = _split(alarm_views)
    items = ()
    if current.phase == "observing":
        known_now = discharge_facts(current, answers={}, escort_name=current.escort_name)
        items = discharge_items(known_now, now=now)
    is_ready = current.phase == "checked-in" and unreconciled_ug == current.dose_ug
    is_watched = current.phase in WATCHED_PHASES
    return SessionView(
        session_id=current.session_id,
        clinic_id=clinic_id,
        patient_id=current.patient_id,
        patient=patient,
        plan_id=current.plan_id,
        protocol_id=current.protocol_id,
        protocol_title=protocol.title,
        intention=plan.intention,
        chair_id=current.chair_id,
        chair=current.chair,
        device_location=row.chair.device_location,
        phase="ready" if is_ready else current.phase,
        weight_g=current.weight_g,
        weighed_at=current.weighed_at,
        drug=current.drug,
        route=current.route,
        rate_ug_per_hour=None if current.infusion_minutes is None else current.rate_ug_per_hour,
        dose_ug=current.dose_ug,
        infusion_minutes=current.infusion_minutes,
        given_ug=current.given_ug,
        drawn_ug=sum(draw.drawn_ug for draw in draws),
        checked_in_at=current.checked_in_at,
        started_at=current.started_at,
        stopped_at=current.stopped_at,
        discharged_at=current.discharged_at,
        closed_at=current.closed_at,
        minutes_since_start=(
            None if current.started_at is None else whole_minutes(current.started_at, now)
        ),
        latest=latest,
        data_age_seconds=data_age,
        is_data_silent=is_watched and (data_age is None or data_age > SILENT_SECONDS),
        duties=open_duties,
        duties_past=past_duties,
        next_duty=open_duties[0] if open_duties else None,
        alarms=active,
        alarms_past=past,
        discharge_items=items,
        is_dischargeable=bool(items) and all(item.is_met or item.asks for item in items),
        draws=tuple(_draw_view(draw) for draw in draws),
        unreconciled_ug=unreconciled_ug,
        events=tuple(story_line(fact) for fact in known),
        escort_name=current.escort_name,
        escort_phone=current.escort_phone,
        owner=owner,
    )


def _duties(
    current: SessionState, owner: str, now: datetime
) -> tuple[tuple[DutyDue, ...], tuple[DutyDue, ...]]:
    """Open duties, the most pressing first, and past ones; nothing is due once the patient has left."""
    if current.started_at is None:
        return (), ()
    until = current.discharged_at or current.closed_at or now
    duties = load_protocol(current.protocol_id).observations
    found = dues(
        duties,
        started_at=current.started_at,
        observed=observed_moments(current.session_id, [duty.kind for duty in duties]),
        owner=owner,
        now=min(until, now),
    )
    is_open = current.phase in WATCHED_PHASES
    open_states = ("coming", "due", "late")
    return (
        tuple(due for due in found if due.state in open_states and is_open),
        tuple(due for due in found if due.state not in open_states),
    )


def _latest(
    current: SessionState,
    any_values: Mapping[tuple[UUID, str], Newest],
    good_values: Mapping[tuple[UUID, str], Newest],
    now: datetime,
) -> dict[str, Latest]:
    found = {}
    baselines = {"sbp": current.baseline_sbp, "dbp": current.baseline_dbp}
    for metric in METRICS:
        newest_any = any_values.get((current.session_id, metric))
        if newest_any is None:
            continue
        good = good_values.get((current.session_id, metric))
        shown = good or newest_any
        before, value_milli = baselines.get(metric), good.value_milli if good else None
        found[metric] = Latest(
            metric=metric,
            value_milli=value_milli,
            unit=shown.unit,
            quality=newest_any.quality,
            source=shown.source,
            measured_at=shown.measured_at,
            # A value is at least as old as the time since it came: a clock ahead cannot make it young.
            age_seconds=_age(min(shown.measured_at, shown.received_at), now),
            from_baseline=(
                None
                if before is None or value_milli is None
                else (value_milli + MILLI // 2) // MILLI - before
            ),
            sample_id=shown.sample_id,
        )
    return found


def _age(since: datetime | None, now: datetime) -> int | None:
    return None if since is None else max(int(elapsed(since, now).total_seconds()), 0)


def _split(
    found: Sequence[AlarmView],
) -> tuple[tuple[AlarmView, ...], tuple[AlarmView, ...]]:
    active = rows.by_urgency([each for each in found if each.is_active])
    return active, tuple(each for each in found if not each.is_active)


def _draw_view(draw: Draw) -> DrawView:
    return DrawView(
        draw_id=draw.draw_id,
        container_label=draw.container_label,
        lot=draw.lot,
        product=draw.product.name,
        form=draw.product.form,
        drawn_ug=draw.drawn_ug,
        given_ug=draw.given_ug,
        wasted_ug=draw.wasted_ug,
        returned_ug=draw.returned_ug,
        remaining_ug=draw.remaining_ug,
        drawn_by=draw.drawn_by_name,
        witness=draw.witness_name,
        at=draw.at,
    )


def _summaries(found, clinic_id: UUID) -> tuple[SessionSummary, ...]:
    ordered = list(found.order_by("-checked_in_at", "-id"))
    all_facts = rows.facts_of([row.id for row in ordered])
    return tuple(_summary(row, all_facts[row.id], clinic_id) for row in ordered)


def _summary(row: SessionRow, known: Sequence[SessionFact], clinic_id: UUID) -> SessionSummary:
    current = fold(known, clinic_id=clinic_id, now=known[-1].at)
    return SessionSummary(
        session_id=row.id,
        patient_id=row.patient_id,
        plan_id=row.plan_id,
        protocol_id=current.protocol_id,
        chair=current.chair,
        phase=current.phase,
        drug=current.drug,
        route=current.route,
        dose_ug=current.dose_ug,
        given_ug=current.given_ug,
        weight_g=current.weight_g,
        weighed_at=current.weighed_at,
        checked_in_at=current.checked_in_at,
        started_at=current.started_at,
        stopped_at=current.stopped_at,
        discharged_at=current.discharged_at,
        closed_at=current.closed_at,
    )
