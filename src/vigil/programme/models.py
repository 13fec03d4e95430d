"""Tables of the programme room. Written by `actions`, read by `queries`."""

from django.db import models
from django.db.models import Q

from vigil.record.clock import new_id
from vigil.record.schema import append_only


class Clearance(models.Model):
    """The gate was whole at this moment, for this session, plan, weight and dose."""

    id = models.UUIDField(primary_key=True, default=new_id)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    session = models.ForeignKey("session.Session", on_delete=models.PROTECT)
    plan = models.ForeignKey("plan.Plan", on_delete=models.PROTECT)
    plan_hash = models.CharField(max_length=64)
    protocol_hash = models.CharField(max_length=64)
    dose_ug = models.PositiveIntegerField()
    weight_g = models.PositiveIntegerField()
    items = models.JSONField()
    at = models.DateTimeField()
    by = models.ForeignKey("people.Staff", on_delete=models.PROTECT)
    key = models.UUIDField(unique=True)

    class Meta:
        triggers = append_only("programme_clearance")
        constraints = [
            models.UniqueConstraint(fields=["session"], name="programme_cleared_once"),
            models.CheckConstraint(
                condition=Q(dose_ug__gt=0, weight_g__gt=0), name="programme_clearance_dose"
            ),
        ]
