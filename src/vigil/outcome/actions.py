"""The only writers of outcome: ask a patient, keep their answers, finish, act on a flag.

In: staff for `invite`, `make_link` and `acknowledge`; a patient's token for `answer` and `complete`;
the schedule for `invite_due`. Out: facts, or a refusal with nothing written.
"""

from datetime import datetime, timedelta
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction

from vigil.evidence.protocols import load_protocol
from vigil.evidence.scales import load_scale
from vigil.outcome import links, queries
from vigil.outcome.domain.decide import CLOSED, decide_acknowledge, decide_answer, decide_flag
from vigil.outcome.domain.facts import (
    OPEN_FOR,
    Answered,
    Completed,
    Flag,
    Invitation,
    Questionnaire,
)
from vigil.outcome.domain.fold import asked_items, first_unanswered
from vigil.outcome.models import Acknowledgement as AcknowledgementRow
from vigil.outcome.models import Answer as AnswerRow
from vigil.outcome.models import Completed as CompletedRow
from vigil.outcome.models import Flag as FlagRow
from vigil.outcome.models import Invitation as InvitationRow
from vigil.outcome.models import Link as LinkRow
from vigil.people import queries as people
from vigil.people.actions import lacks_duty
from vigil.people.domain.facts import Staff
from vigil.people.duties import Duty
from vigil.record.actions import CARE, append
from vigil.scales.scoring import Item, score
from vigil.session import queries as sessions
from vigil.units.refusals import Refused

LINKS_MAX = 20
"""Links for one invitation: enough for a lost message, few enough to notice a fault."""

INVITERS = (Duty.ASSESS, Duty.MONITOR, Duty.DISCHARGE)
ACKNOWLEDGERS = (Duty.PRESCRIBE, Duty.ASSESS, Duty.MONITOR, Duty.REVIEW)
PATIENT = "patient-link"
"""Who answered, in the record: the holder of the link. Vigil cannot know more than that."""


def invite(
    *,
    patient_id: UUID,
    scale_id: str,
    due_at: datetime,
    by: Staff,
    at: datetime,
    key: UUID,
    session_id: UUID | None = None,
) -> Invitation | Refused:
    """Ask a patient to answer a scale, and make the link to send.

    The same key again asks nothing again; it makes one more link, because the first is stored nowhere.
    """
    if (refused := lacks_duty(by, *INVITERS)) is not None:
        return refused
    if people.patient(patient_id, clinic_id=by.clinic_id) is None:
        return Refused(code="OUT-PATIENT", message="This patient is not of this clinic.")
    if due_at + OPEN_FOR <= at:
        return Refused(
            code="OUT-DUE-PAST", message="That time has passed. Choose when the questions open."
        )
    with transaction.atomic():
        row = _invite_once(
            clinic_id=by.clinic_id,
            patient_id=patient_id,
            scale_id=scale_id,
            session_id=session_id,
            due_at=due_at,
            by=by,
            at=at,
            key=key,
        )
        if row.clinic_id != by.clinic_id or row.patient_id != patient_id:
            return Refused(code="OUT-KEY", message="This form was used before. Open it again.")
        return _link(row, by=by, at=at)


def make_link(*, invitation_id: UUID, by: Staff, at: datetime) -> Invitation | Refused:
    """One more link to an invitation that is still to be answered."""
    if (refused := lacks_duty(by, *INVITERS)) is not None:
        return refused
    with transaction.atomic():
        row = (
            InvitationRow.objects.select_for_update(of=("self",))
            .filter(pk=invitation_id, clinic_id=by.clinic_id)
            .first()
        )
        if row is None or queries.phase_of(row, now=at) not in ("open", "not-open"):
            return Refused(
                code="OUT-INVITATION",
                message="These questions are finished or their time has passed. Ask again.",
            )
        return _link(row, by=by, at=at)


def invite_due(clinic_id: UUID, now: datetime) -> int:
    """Ask for each follow-up that a session's protocol calls for; returns how many were new.

    Run by the worker as often as it likes: a session is followed up once per scale and hour, and not
    at all when a person asked the same after it. A time that passed while nothing ran is written down
    too, so that it counts as a gap and is not forgotten.
    """
    made = 0
    for patient in people.patients(clinic_id):
        done = sessions.sessions_of(patient.patient_id, clinic_id=clinic_id)
        for session in sorted(done, key=lambda one: one.checked_in_at):
            if session.started_at is None or session.stopped_at is None:
                continue
            for follow_up in load_protocol(session.protocol_id).follow_up:
                key = uuid5(session.session_id, f"{follow_up.scale_id}/{follow_up.hours_after}")
                due_at = session.stopped_at + timedelta(hours=follow_up.hours_after)
                if InvitationRow.objects.filter(key=key).exists() or _is_asked(
                    clinic_id, patient.patient_id, follow_up.scale_id, session.stopped_at, due_at
                ):
                    continue
                with transaction.atomic():
                    _invite_once(
                        clinic_id=clinic_id,
                        patient_id=patient.patient_id,
                        scale_id=follow_up.scale_id,
                        session_id=session.session_id,
                        due_at=due_at,
                        by=None,
                        at=now,
                        key=key,
                    )
                made += 1
    return made


def answer(
    *, token: str, item: str, value: int | None, at: datetime, key: UUID
) -> Questionnaire | Refused:
    """Keep one answer of the holder of a link; the same key again keeps nothing twice.

    A safety item raises its flag in this same transaction, before the patient has finished.
    """
    with transaction.atomic():
        row = _held(token)
        if row is None:
            return CLOSED
        if (first := AnswerRow.objects.filter(key=key).first()) is not None:
            return CLOSED if first.invitation_id != row.id else queries.questionnaire(row, now=at)
        items = asked_items(load_scale(row.scale_id))
        asked = next((one for one in items if one.item_id == item), None)
        decided = decide_answer(
            phase=queries.phase_of(row, now=at),
            item=item,
            value=value,
            choices=() if asked is None else [option.value for option in asked.options],
            answers_so_far=row.answers.count(),
            answers_last_minute=row.answers.filter(
                answered_at__gt=at - timedelta(minutes=1)
            ).count(),
            at=at,
        )
        if isinstance(decided, Refused):
            return decided
        _write_answer(row, decided, key=key)
        _raise_flag(row, asked, decided)
        return queries.questionnaire(row, now=at)


def complete(*, token: str, at: datetime) -> Questionnaire | Refused:
    """Finish the questionnaire and keep its score, once every item was answered or skipped."""
    with transaction.atomic():
        row = _held(token)
        if row is None:
            return CLOSED
        current = queries.questionnaire(row, now=at)
        if current.phase == "completed":
            return current
        if current.phase != "open":
            return CLOSED
        scale = load_scale(row.scale_id)
        items = [one.item_id for one in asked_items(scale)]
        if first_unanswered(items, current.answers) is not None:
            return Refused(code="OUT-UNANSWERED", message="Some questions are still to be seen.")
        result = score(scale, current.answers)
        fact = Completed(
            total=result.total, band=result.band, flags=tuple(result.flags), completed_at=at
        )
        CompletedRow.objects.create(
            clinic_id=row.clinic_id,
            invitation=row,
            total=fact.total,
            band=fact.band,
            flags=list(fact.flags),
            completed_at=at,
        )
        _append(row, kind="outcome.Completed", by=PATIENT, at=at, body=fact)
        return queries.questionnaire(row, now=at)


def acknowledge(*, flag_id: UUID, note: str, by: Staff, at: datetime, key: UUID) -> Flag | Refused:
    """Say who took a flag on and what they did; the same key again gives the same answer."""
    if (refused := lacks_duty(by, *ACKNOWLEDGERS)) is not None:
        return refused
    with transaction.atomic():
        row = (
            FlagRow.objects.select_for_update(of=("self",))
            .filter(pk=flag_id, clinic_id=by.clinic_id)
            .first()
        )
        if row is None:
            return Refused(code="OUT-FLAG", message="This flag is not of this clinic.")
        done = AcknowledgementRow.objects.filter(flag=row).first()
        if done is not None and done.key == key:
            return queries.flag_fact(row)
        if (no := decide_acknowledge(is_acknowledged=done is not None, note=note)) is not None:
            return no
        AcknowledgementRow.objects.create(
            clinic_id=by.clinic_id, flag=row, by_id=by.staff_id, at=at, note=note.strip(), key=key
        )
        append(
            clinic_id=by.clinic_id,
            register=CARE,
            kind="outcome.FlagAcknowledged",
            subject=row.patient_id,
            by=by.staff_id,
            at=at,
            body={"flag_id": row.id, "kind": row.kind, "note": note.strip()},
        )
        return queries.flag_fact(FlagRow.objects.get(pk=row.id))


def _invite_once(
    *,
    clinic_id: UUID,
    patient_id: UUID,
    scale_id: str,
    session_id: UUID | None,
    due_at: datetime,
    by: Staff | None,
    at: datetime,
    key: UUID,
) -> InvitationRow:
    try:
        with transaction.atomic():
            row = InvitationRow.objects.create(
                clinic_id=clinic_id,
                patient_id=patient_id,
                scale_id=scale_id,
                scale_version=load_scale(scale_id).version,
                session_id=session_id,
                due_at=due_at,
                expires_at=due_at + OPEN_FOR,
                invited_by_id=None if by is None else by.staff_id,
                invited_at=at,
                key=key,
            )
    except IntegrityError:
        # A double click, or a second worker: the first one counts.
        return InvitationRow.objects.get(key=key)
    _append(
        row,
        kind="outcome.Invited",
        by="schedule" if by is None else by.staff_id,
        at=at,
        body=queries.invitation_fact(row),
    )
    return row


def _is_asked(
    clinic_id: UUID, patient_id: UUID, scale_id: str, stopped_at: datetime, due_at: datetime
) -> bool:
    """Whether the same scale was asked for after this session and in time for its follow-up."""
    return InvitationRow.objects.filter(
        clinic_id=clinic_id,
        patient_id=patient_id,
        scale_id=scale_id,
        due_at__gte=stopped_at,
        due_at__lte=due_at,
    ).exists()


def _link(row: InvitationRow, *, by: Staff, at: datetime) -> Invitation | Refused:
    if row.links.count() >= LINKS_MAX:
        return Refused(
            code="OUT-LINKS", message="Many links were made for these questions. Ask again instead."
        )
    token = links.new_token()
    LinkRow.objects.create(
        clinic_id=row.clinic_id,
        invitation=row,
        token_hash=links.token_hash(token),
        made_by_id=by.staff_id,
        made_at=at,
    )
    _append(row, kind="outcome.LinkMade", by=by.staff_id, at=at, body={"invitation_id": row.id})
    return queries.invitation_fact(row, token=token)


def _held(token: str) -> InvitationRow | None:
    """The invitation of the token, its row locked, or None for a token that opens nothing."""
    if not links.is_ours(token):
        return None
    link = LinkRow.objects.filter(token_hash=links.token_hash(token)).first()
    if link is None:
        return None
    return InvitationRow.objects.select_for_update(of=("self",)).get(pk=link.invitation_id)


def _write_answer(row: InvitationRow, fact: Answered, *, key: UUID) -> None:
    AnswerRow.objects.create(
        clinic_id=row.clinic_id,
        invitation=row,
        item=fact.item,
        value=fact.value,
        answered_at=fact.answered_at,
        key=key,
    )
    body = {"invitation_id": row.id, "item": fact.item, "value": fact.value}
    _append(row, kind="outcome.Answered", by=PATIENT, at=fact.answered_at, body=body)


def _raise_flag(row: InvitationRow, item: Item, fact: Answered) -> None:
    kind = decide_flag(flag=item.flag, flag_at=item.flag_at, value=fact.value)
    if kind is None or row.flags.filter(kind=kind).exists():
        return
    FlagRow.objects.create(
        clinic_id=row.clinic_id,
        patient_id=row.patient_id,
        invitation=row,
        kind=kind,
        raised_at=fact.answered_at,
    )
    body = {"invitation_id": row.id, "kind": kind}
    _append(row, kind="outcome.FlagRaised", by=PATIENT, at=fact.answered_at, body=body)


def _append(row: InvitationRow, *, kind: str, by: object, at: datetime, body: object) -> None:
    append(
        clinic_id=row.clinic_id,
        register=CARE,
        kind=kind,
        subject=row.patient_id,
        by=by,
        at=at,
        body=body,
    )
