"""Tables of the session room. Written by `actions` and `watch`, read by `queries`."""

from django.db import models
from django.db.models import F, Q

from vigil.record.clock import new_id
from vigil.record.schema import append_only


class Chair(models.Model):
    """A chair and the place that its monitor names in its messages."""

    id = models.UUIDField(primary_key=True, default=new_id)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    name = models.CharField(max_length=64)
    device_location = models.CharField(max_length=128)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="session_chair_clinic_id"),
            models.UniqueConstraint(fields=["clinic", "name"], name="session_chair_name"),
            models.UniqueConstraint(
                fields=["clinic", "device_location"], name="session_chair_location"
            ),
            models.CheckConstraint(
                condition=~Q(name="") & ~Q(device_location=""), name="session_chair_is_named"
            ),
        ]


class Session(models.Model):
    """One visit to a chair. What happened is in the facts; `phase` and `seq` guard them.

    Its row lock puts every writer of one session in a line; `seq` is the session's own sequence, taken under
    that lock, so facts, samples and alarms of one session have one order that a replay can trust.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    patient = models.ForeignKey("people.Patient", on_delete=models.PROTECT)
    plan = models.ForeignKey("plan.Plan", on_delete=models.PROTECT)
    chair = models.ForeignKey(Chair, on_delete=models.PROTECT)
    phase = models.CharField(max_length=16)
    weight_g = models.PositiveIntegerField()
    dose_ug = models.PositiveIntegerField()
    checked_in_at = models.DateTimeField()
    seq = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="session_clinic_id"),
            models.UniqueConstraint(
                fields=["chair"], condition=~Q(phase="closed"), name="session_one_open_per_chair"
            ),
            models.UniqueConstraint(
                fields=["patient"],
                condition=~Q(phase="closed"),
                name="session_one_open_per_patient",
            ),
            models.CheckConstraint(
                condition=Q(
                    phase__in=[
                        "checked-in",
                        "running",
                        "paused",
                        "observing",
                        "discharged",
                        "closed",
                    ]
                ),
                name="session_known_phase",
            ),
            models.CheckConstraint(
                condition=Q(weight_g__gte=20_000, weight_g__lte=400_000, dose_ug__gt=0),
                name="session_weight_and_dose",
            ),
        ]
        indexes = [models.Index(fields=["clinic", "checked_in_at"], name="session_by_day")]


class SessionFact(models.Model):
    """One thing that happened in a session. `id` is the server's sequence."""

    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    session = models.ForeignKey(Session, on_delete=models.PROTECT)
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=32)
    body = models.JSONField()
    at = models.DateTimeField(help_text="when it happened")
    recorded_at = models.DateTimeField()
    by = models.ForeignKey("people.Staff", on_delete=models.PROTECT)
    by_name = models.CharField(max_length=120)
    key = models.UUIDField(unique=True)

    class Meta:
        triggers = append_only("session_fact")
        constraints = [
            models.UniqueConstraint(fields=["session", "seq"], name="session_fact_seq"),
            models.UniqueConstraint(
                fields=["session", "kind"],
                condition=Q(kind__in=["CheckedIn", "Started", "Stopped", "Discharged", "Closed"]),
                name="session_fact_happens_once",
            ),
        ]


class Sample(models.Model):
    """One value as it arrived. `id` is the server's sequence over all chairs.

    `stated_at` is the device's own time, null when it stated none; with it, a value that is sent again is the
    same value, and it is stored once.
    """

    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    session = models.ForeignKey(Session, null=True, on_delete=models.PROTECT, db_index=False)
    chair = models.ForeignKey(Chair, null=True, on_delete=models.PROTECT, db_index=False)
    seq = models.BigIntegerField(null=True)
    location = models.CharField(max_length=128)
    device = models.CharField(max_length=128)
    metric = models.CharField(max_length=32)
    value_milli = models.BigIntegerField(null=True)
    unit = models.CharField(max_length=32)
    quality = models.CharField(max_length=64)
    source = models.CharField(max_length=16)
    measured_at = models.DateTimeField()
    measured_at_source = models.CharField(max_length=16)
    stated_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    message_id = models.CharField(max_length=200)
    sub_id = models.CharField(max_length=64, blank=True)

    class Meta:
        triggers = append_only("session_sample")
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "device", "message_id", "metric", "sub_id", "stated_at"],
                nulls_distinct=False,
                name="session_sample_once",
            ),
            models.CheckConstraint(
                condition=Q(value_milli__isnull=True, quality__startswith="none:")
                | (Q(value_milli__isnull=False) & ~Q(quality__startswith="none:")),
                name="session_sample_value_or_none",
            ),
            models.CheckConstraint(
                condition=Q(session__isnull=True, seq__isnull=True)
                | Q(session__isnull=False, chair__isnull=False, seq__isnull=False),
                name="session_sample_bound_whole",
            ),
            models.CheckConstraint(
                condition=Q(source__in=["device", "manual"]), name="session_sample_source"
            ),
        ]
        indexes = [
            models.Index(fields=["session", "id"], name="session_sample_order"),
            models.Index(
                fields=["session", "metric", "-measured_at"], name="session_sample_latest"
            ),
        ]


class AlarmFact(models.Model):
    """One change of one alarm. `seq` is the session's sequence that the change follows from."""

    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    session = models.ForeignKey(Session, on_delete=models.PROTECT)
    seq = models.BigIntegerField()
    alarm_id = models.UUIDField()
    limit_id = models.CharField(max_length=64)
    ordinal = models.PositiveIntegerField()
    step = models.PositiveIntegerField(null=True)
    kind = models.CharField(max_length=16)
    metric = models.CharField(max_length=32)
    priority = models.CharField(max_length=8)
    message = models.CharField(max_length=500)
    is_latched = models.BooleanField()
    value_milli = models.BigIntegerField(null=True)
    at = models.DateTimeField(help_text="when it became true")
    signal_at = models.DateTimeField(help_text="when the watch, or the person, told it")
    by = models.ForeignKey("people.Staff", null=True, on_delete=models.PROTECT)
    by_name = models.CharField(max_length=120, blank=True)
    key = models.UUIDField(unique=True, null=True)

    class Meta:
        triggers = append_only("session_alarmfact")
        constraints = [
            models.UniqueConstraint(fields=["alarm_id", "step"], name="session_alarm_step_once"),
            models.UniqueConstraint(
                fields=["alarm_id"],
                condition=Q(kind="acknowledged"),
                name="session_alarm_acknowledged_once",
            ),
            models.CheckConstraint(
                condition=Q(kind="acknowledged", step=None, by__isnull=False, key__isnull=False)
                | Q(
                    kind__in=["raised", "ended", "again", "cleared"],
                    step__isnull=False,
                    by=None,
                    key=None,
                ),
                name="session_alarm_person_or_engine",
            ),
            models.CheckConstraint(
                condition=Q(signal_at__gte=F("at")) | Q(kind="acknowledged"),
                name="session_alarm_told_after",
            ),
        ]
        indexes = [
            models.Index(fields=["session", "id"], name="session_alarm_order"),
            models.Index(fields=["alarm_id"], name="session_alarm_by_id"),
        ]
