"""Tables of outcome. Every one is append-only; written by `actions`, read by `queries`."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from vigil.record.clock import new_id
from vigil.record.schema import append_only


class Invitation(models.Model):
    """One patient is asked to answer one version of one scale, in one span of time."""

    id = models.UUIDField(primary_key=True, default=new_id)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    patient = models.ForeignKey("people.Patient", on_delete=models.PROTECT)
    scale_id = models.CharField(max_length=32)
    scale_version = models.IntegerField()
    session_id = models.UUIDField(null=True, help_text="the session it follows up, opaque here")
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    invited_by = models.ForeignKey("people.Staff", null=True, on_delete=models.PROTECT)
    invited_at = models.DateTimeField()
    key = models.UUIDField(unique=True)

    class Meta:
        triggers = append_only("outcome_invite")
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="outcome_invitation_clinic_id"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("due_at")), name="outcome_invitation_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(scale_version__gte=1), name="outcome_invitation_version_from_1"
            ),
        ]
        indexes = [models.Index(fields=["clinic", "patient", "due_at"], name="outcome_inv_patient")]


class Link(models.Model):
    """A way in to one invitation: only the hash of its token, never the token."""

    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    invitation = models.ForeignKey(Invitation, on_delete=models.PROTECT, related_name="links")
    token_hash = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey("people.Staff", on_delete=models.PROTECT)
    made_at = models.DateTimeField()

    class Meta:
        triggers = append_only("outcome_link")
        constraints = [
            models.CheckConstraint(
                condition=Q(token_hash__regex=r"^[0-9a-f]{64}$"),  # noqa: S106
                name="outcome_link_is_a_hash",
            ),
        ]


class Answer(models.Model):
    """One tap; the newest row of an item counts. NULL means that the patient skipped it."""

    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    invitation = models.ForeignKey(Invitation, on_delete=models.PROTECT, related_name="answers")
    item = models.CharField(max_length=32)
    value = models.SmallIntegerField(null=True)
    answered_at = models.DateTimeField()
    key = models.UUIDField(unique=True)

    class Meta:
        triggers = [
            *append_only("outcome_answer"),
            # The action checks this too; the table refuses it for whoever writes past the action.
            pgtrigger.Trigger(
                name="outcome_answer_late",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="IF EXISTS (SELECT 1 FROM outcome_completed"
                " WHERE invitation_id = NEW.invitation_id) THEN"
                " RAISE EXCEPTION 'outcome: the questionnaire is completed'"
                " USING ERRCODE = 'check_violation'; END IF; RETURN NEW;",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(value__isnull=True) | Q(value__gte=0, value__lte=100),
                name="outcome_answer_value_0_to_100",
            ),
            models.CheckConstraint(condition=~Q(item=""), name="outcome_answer_has_item"),
        ]
        indexes = [models.Index(fields=["invitation", "id"], name="outcome_answer_in_order")]


class Completed(models.Model):
    """The questionnaire is finished: one row, and no answer after it."""

    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    invitation = models.OneToOneField(
        Invitation, on_delete=models.PROTECT, related_name="completed"
    )
    total = models.SmallIntegerField(null=True)
    band = models.CharField(max_length=64, null=True)
    flags = ArrayField(models.CharField(max_length=64), default=list)
    completed_at = models.DateTimeField()

    class Meta:
        triggers = append_only("outcome_done")
        constraints = [
            models.CheckConstraint(
                condition=Q(total__isnull=True) | Q(total__gte=0),
                name="outcome_completed_total_from_0",
            ),
        ]


class Flag(models.Model):
    """An answer that a person must act on. Once per invitation and kind, whatever is tapped after."""

    id = models.UUIDField(primary_key=True, default=new_id)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    patient = models.ForeignKey("people.Patient", on_delete=models.PROTECT)
    invitation = models.ForeignKey(Invitation, on_delete=models.PROTECT, related_name="flags")
    kind = models.CharField(max_length=32)
    raised_at = models.DateTimeField()

    class Meta:
        triggers = append_only("outcome_flag")
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="outcome_flag_clinic_id"),
            models.UniqueConstraint(fields=["invitation", "kind"], name="outcome_flag_once"),
            models.CheckConstraint(
                condition=Q(kind__in=["suicidal-thoughts", "suicidal-thoughts-unanswered"]),
                name="outcome_flag_known_kind",
            ),
        ]


class Acknowledgement(models.Model):
    """A named person took a flag on, and said what they did."""

    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    flag = models.OneToOneField(Flag, on_delete=models.PROTECT, related_name="acknowledgement")
    by = models.ForeignKey("people.Staff", on_delete=models.PROTECT)
    at = models.DateTimeField()
    note = models.CharField(max_length=500)
    key = models.UUIDField(unique=True)

    class Meta:
        triggers = append_only("outcome_ack")
        constraints = [
            models.CheckConstraint(condition=~Q(note=""), name="outcome_ack_says_what"),
        ]
