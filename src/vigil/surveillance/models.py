"""Tables of surveillance. Written by `actions`, read by `queries`."""

from django.db import models
from django.db.models import Q

from vigil.record.clock import new_id
from vigil.record.schema import append_only


class Adjudication(models.Model):
    """A named person asked the criteria and decided; the newest row of a patient counts."""

    id = models.UUIDField(primary_key=True, default=new_id)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    patient = models.ForeignKey("people.Patient", on_delete=models.PROTECT)
    definition_version = models.PositiveSmallIntegerField()
    criteria = models.JSONField(help_text="criterion id -> true, false or null (not asked)")
    has_distress = models.BooleanField(null=True)
    verdict = models.CharField(max_length=16)
    onset_on = models.DateField(null=True)
    reason = models.CharField(max_length=1000)
    adjudicated_by = models.ForeignKey("people.Staff", on_delete=models.PROTECT)
    at = models.DateTimeField()
    key = models.UUIDField(unique=True)

    class Meta:
        triggers = append_only("surv_adjudication")
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="surv_adjudication_clinic_id"),
            models.CheckConstraint(
                condition=Q(verdict__in=["case", "no-case", "cannot-tell"]),
                name="surv_adjudication_known_verdict",
            ),
            models.CheckConstraint(
                condition=Q(
                    verdict="case",
                    onset_on__isnull=False,
                    has_distress__isnull=False,
                    has_distress=True,
                )
                | (~Q(verdict="case") & Q(onset_on__isnull=True)),
                name="surv_case_has_onset_and_distress",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="surv_adjudication_has_reason"),
        ]
        indexes = [
            models.Index(fields=["clinic", "patient", "at"], name="surv_adjudication_newest")
        ]
