"""The only readers of outcome that other rooms and pages may call; they return frozen facts."""

from datetime import datetime
from uuid import UUID

from django.db.models import Count, Max

from vigil.outcome import links
from vigil.outcome.domain.facts import (
    Answered,
    Completed,
    Flag,
    Gap,
    Invitation,
    Phase,
    Questionnaire,
    ScorePoint,
)
from vigil.outcome.domain.fold import fold_answers, fold_phase
from vigil.outcome.models import Completed as CompletedRow
from vigil.outcome.models import Flag as FlagRow
from vigil.outcome.models import Invitation as InvitationRow
from vigil.outcome.models import Link as LinkRow


def trajectory(
    patient_id: UUID, *, clinic_id: UUID, scale_id: str | None = None
) -> tuple[ScorePoint, ...]:
    """Finished questionnaires of a patient, oldest first; of one scale when it is named."""
    rows = CompletedRow.objects.filter(clinic_id=clinic_id, invitation__patient_id=patient_id)
    if scale_id is not None:
        rows = rows.filter(invitation__scale_id=scale_id)
    return tuple(
        ScorePoint(
            scale_id=row.invitation.scale_id,
            total=row.total,
            at=row.completed_at,
            band=row.band,
            invitation_id=row.invitation_id,
        )
        for row in rows.select_related("invitation").order_by("completed_at", "id")
    )


def gaps(
    patient_id: UUID, *, clinic_id: UUID, now: datetime, scale_id: str | None = None
) -> tuple[Gap, ...]:
    """Questionnaires that ended unanswered, oldest first: unknown, never 'no change'."""
    rows = InvitationRow.objects.filter(
        clinic_id=clinic_id, patient_id=patient_id, expires_at__lte=now, completed=None
    )
    if scale_id is not None:
        rows = rows.filter(scale_id=scale_id)
    return tuple(
        Gap(
            scale_id=row.scale_id,
            due_at=row.due_at,
            expires_at=row.expires_at,
            invitation_id=row.id,
        )
        for row in rows.order_by("due_at")
    )


def due_invitations(
    clinic_id: UUID, *, now: datetime, patient_id: UUID | None = None
) -> tuple[Invitation, ...]:
    """Invitations that can still be answered, or will open, soonest due first."""
    rows = InvitationRow.objects.filter(clinic_id=clinic_id, expires_at__gt=now, completed=None)
    if patient_id is not None:
        rows = rows.filter(patient_id=patient_id)
    rows = rows.annotate(link_count=Count("links", distinct=True)).annotate(
        last_answered_at=Max("answers__answered_at")
    )
    return tuple(
        invitation_fact(row, links_made=row.link_count, last_answered_at=row.last_answered_at)
        for row in rows.order_by("due_at")
    )


def by_token(token: str, *, now: datetime) -> Questionnaire | None:
    """Where the holder of a link stands, or None for a link that opens nothing (any reason).

    A token that we did not sign is refused before any read of the database.
    """
    if not links.is_ours(token):
        return None
    link = (
        LinkRow.objects.filter(token_hash=links.token_hash(token))
        .select_related("invitation")
        .first()
    )
    if link is None:
        return None
    current = questionnaire(link.invitation, now=now)
    return None if current.phase == "expired" else current


def open_flags(clinic_id: UUID, *, patient_id: UUID | None = None) -> tuple[Flag, ...]:
    """Flags that nobody acknowledged yet, oldest first."""
    rows = FlagRow.objects.filter(clinic_id=clinic_id, acknowledgement=None)
    if patient_id is not None:
        rows = rows.filter(patient_id=patient_id)
    return tuple(flag_fact(row) for row in rows.order_by("raised_at"))


def flags_of(patient_id: UUID, *, clinic_id: UUID) -> tuple[Flag, ...]:
    """Every flag of a patient, newest first, with who took it on."""
    rows = FlagRow.objects.filter(clinic_id=clinic_id, patient_id=patient_id)
    return tuple(
        flag_fact(row) for row in rows.select_related("acknowledgement__by").order_by("-raised_at")
    )


def flag(flag_id: UUID, *, clinic_id: UUID) -> Flag | None:
    """The flag of this clinic with this id, or None."""
    row = FlagRow.objects.filter(pk=flag_id, clinic_id=clinic_id).first()
    return None if row is None else flag_fact(row)


def last_contact(patient_id: UUID, *, clinic_id: UUID, until: datetime) -> datetime | None:
    """When the patient last answered a question, up to a moment, or None."""
    rows = InvitationRow.objects.filter(
        clinic_id=clinic_id, patient_id=patient_id, answers__answered_at__lte=until
    )
    return rows.aggregate(last=Max("answers__answered_at"))["last"]


def phase_of(row: InvitationRow, *, now: datetime) -> Phase:
    """The phase of an invitation's questionnaire at a moment (for `actions`)."""
    completed = CompletedRow.objects.filter(invitation=row).first()
    return fold_phase(
        due_at=row.due_at,
        expires_at=row.expires_at,
        completed_at=None if completed is None else completed.completed_at,
        now=now,
    )


def questionnaire(row: InvitationRow, *, now: datetime) -> Questionnaire:
    """Where an invitation stands. Answers of a completed one stay out: a link never reads them back."""
    completed = CompletedRow.objects.filter(invitation=row).first()
    answers = () if completed is not None else row.answers.order_by("id")
    return Questionnaire(
        invitation=invitation_fact(row),
        answers=fold_answers(
            Answered(item=one.item, value=one.value, answered_at=one.answered_at) for one in answers
        ),
        completed=None
        if completed is None
        else Completed(
            total=completed.total,
            band=completed.band,
            flags=tuple(completed.flags),
            completed_at=completed.completed_at,
        ),
        phase=phase_of(row, now=now),
    )


def invitation_fact(
    row: InvitationRow,
    *,
    token: str | None = None,
    links_made: int = 0,
    last_answered_at: datetime | None = None,
) -> Invitation:
    """The frozen fact of an invitation row."""
    return Invitation(
        invitation_id=row.id,
        clinic_id=row.clinic_id,
        patient_id=row.patient_id,
        scale_id=row.scale_id,
        scale_version=row.scale_version,
        session_id=row.session_id,
        due_at=row.due_at,
        expires_at=row.expires_at,
        invited_by=row.invited_by_id,
        invited_at=row.invited_at,
        links=links_made,
        last_answered_at=last_answered_at,
        token=token,
        path=None if token is None else f"/q/{token}",
    )


def flag_fact(row: FlagRow) -> Flag:
    """The frozen fact of a flag row, with its acknowledgement when there is one."""
    taken = getattr(row, "acknowledgement", None)
    return Flag(
        flag_id=row.id,
        clinic_id=row.clinic_id,
        patient_id=row.patient_id,
        invitation_id=row.invitation_id,
        kind=row.kind,
        raised_at=row.raised_at,
        acknowledged_by=None if taken is None else taken.by_id,
        acknowledged_by_name=None if taken is None else taken.by.name,
        acknowledged_at=None if taken is None else taken.at,
        note="" if taken is None else taken.note,
    )
