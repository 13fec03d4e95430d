"""Tables of assessment. Written by `actions`, read by `queries`."""

from django.db import models
from django.db.models import Q

from vigil.record.clock import new_id
from vigil.record.schema import append_only


class Assessment(models.Model):
    """One saved assessment with the verdict of that moment; never edited, a later one counts."""

    id = models.UUIDField(primary_key=True, default=new_id)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    patient = models.ForeignKey("people.Patient", on_delete=models.PROTECT)
    protocol_id = models.CharField(max_length=64)
    protocol_version = models.PositiveIntegerField()
    protocol_hash = models.CharField(max_length=64)
    answers = models.JSONField()
    findings = models.JSONField()
    verdict = models.CharField(max_length=16)
    completed_by = models.ForeignKey("people.Staff", on_delete=models.PROTECT)
    completed_at = models.DateTimeField()
    key = models.UUIDField(unique=True)

    class Meta:
        triggers = append_only("assessment_row")
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="assessment_clinic_id"),
            models.CheckConstraint(
                condition=Q(verdict__in=["eligible", "excluded", "more-needed"]),
                name="assessment_known_verdict",
            ),
        ]
        indexes = [
            models.Index(fields=["clinic", "patient", "-completed_at"], name="assessment_newest"),
        ]
