"""Tables of plan. Written by `actions`, read by `queries`."""

from django.db import models
from django.db.models import F, Q

from vigil.record.clock import new_id
from vigil.record.schema import append_only


class Adoption(models.Model):
    """The clinic adopted the exact bytes of one protocol file."""

    id = models.UUIDField(primary_key=True, default=new_id)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    protocol_id = models.CharField(max_length=64)
    protocol_version = models.PositiveIntegerField()
    protocol_hash = models.CharField(max_length=64)
    adopted_by = models.ForeignKey("people.Staff", on_delete=models.PROTECT)
    adopted_at = models.DateTimeField()
    key = models.UUIDField(unique=True)

    class Meta:
        triggers = append_only("plan_adoption")
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "protocol_id", "protocol_hash"], name="plan_adopted_once"
            ),
            models.UniqueConstraint(fields=["clinic", "id"], name="plan_adoption_clinic_id"),
        ]


class Plan(models.Model):
    """One signed version of a patient's plan; the highest version counts."""

    id = models.UUIDField(primary_key=True, default=new_id)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    patient = models.ForeignKey("people.Patient", on_delete=models.PROTECT)
    assessment = models.ForeignKey("assessment.Assessment", on_delete=models.PROTECT)
    consent = models.ForeignKey("people.Consent", on_delete=models.PROTECT)
    adoption = models.ForeignKey(Adoption, on_delete=models.PROTECT)
    version = models.PositiveIntegerField()
    reason = models.CharField(max_length=500, blank=True)
    protocol_id = models.CharField(max_length=64)
    protocol_version = models.PositiveIntegerField()
    protocol_hash = models.CharField(max_length=64)
    drug = models.CharField(max_length=16)
    route = models.CharField(max_length=2)
    ug_per_kg = models.PositiveIntegerField(null=True)
    fixed_ug = models.PositiveIntegerField(null=True)
    infusion_minutes = models.PositiveIntegerField(null=True)
    sessions = models.PositiveIntegerField()
    interval_hours_min = models.PositiveIntegerField()
    intention = models.CharField(max_length=500)
    measure = models.CharField(max_length=200)
    measure_baseline = models.PositiveSmallIntegerField()
    review_on = models.DateField()
    consented_at = models.DateTimeField()
    signed_by = models.ForeignKey("people.Staff", on_delete=models.PROTECT)
    signed_at = models.DateTimeField()
    content_hash = models.CharField(max_length=64)
    key = models.UUIDField(unique=True)

    class Meta:
        triggers = append_only("plan_plan")
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="plan_plan_clinic_id"),
            # Two screens that sign at once cannot both become the next version.
            models.UniqueConstraint(fields=["patient", "version"], name="plan_version_once"),
            models.CheckConstraint(
                # Said as "not null" too: a CHECK lets through what it cannot decide.
                condition=Q(ug_per_kg__isnull=False, ug_per_kg__gt=0, fixed_ug__isnull=True)
                | Q(fixed_ug__isnull=False, fixed_ug__gt=0, ug_per_kg__isnull=True),
                name="plan_one_dose",
            ),
            models.CheckConstraint(
                condition=Q(sessions__gte=1, version__gte=1), name="plan_counts_from_1"
            ),
            models.CheckConstraint(
                condition=Q(version=1) | ~Q(reason=""), name="plan_change_has_reason"
            ),
            models.CheckConstraint(
                condition=~Q(intention="") & ~Q(measure=""), name="plan_has_intention"
            ),
            models.CheckConstraint(
                condition=Q(measure_baseline__lte=10), name="plan_measure_0_to_10"
            ),
            models.CheckConstraint(
                condition=Q(consented_at__lte=F("signed_at")), name="plan_consent_before_signing"
            ),
        ]
