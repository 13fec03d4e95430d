"""Tables of the doors: what arrived, byte for byte. Written by `actions`, read by `queries`."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from vigil.record.schema import append_only


class RawFrame(models.Model):
    """A device message that was accepted, as it arrived; its samples were stored in the same commit."""

    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    sender = models.CharField(max_length=199, blank=True, help_text="MSH-3")
    control_id = models.CharField(max_length=199, help_text="MSH-10")
    sha256 = models.CharField(max_length=64)
    payload = models.BinaryField()
    received_at = models.DateTimeField()
    location = models.CharField(max_length=128, help_text="PV1-3, unit^room^bed")
    zone = models.CharField(max_length=64, help_text="the clinic's, for times sent without one")
    profile = models.CharField(max_length=199, blank=True, help_text="MSH-21")
    samples = models.IntegerField(help_text="values handed to the session room")
    repeats = models.IntegerField(
        help_text="cuff values that an earlier message had already brought"
    )
    unknown = ArrayField(
        models.CharField(max_length=199), default=list, help_text="codes that the table lacks"
    )

    class Meta:
        triggers = append_only("exchange_raw")
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "sender", "control_id", "sha256"], name="exchange_raw_once"
            ),
            models.CheckConstraint(
                condition=Q(samples__gte=0, repeats__gte=0), name="exchange_raw_samples"
            ),
        ]
        indexes = [models.Index(fields=["clinic", "received_at"], name="exchange_raw_by_time")]


class QuarantinedFrame(models.Model):
    """Bytes that arrived and were not believed, as they arrived, and why. Sent again, they stand once."""

    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    sender = models.CharField(max_length=199, blank=True)
    control_id = models.CharField(max_length=199, blank=True)
    sha256 = models.CharField(max_length=64)
    payload = models.BinaryField()
    received_at = models.DateTimeField(help_text="when it first arrived")
    code = models.CharField(max_length=32)
    place = models.CharField(max_length=32, blank=True)
    reason = models.CharField(max_length=500)

    class Meta:
        triggers = append_only("exchange_quarantine")
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "sha256", "code"], name="exchange_quarantine_once"
            ),
            models.CheckConstraint(
                condition=~Q(code="") & ~Q(reason=""), name="exchange_quarantine_says_why"
            ),
        ]
        indexes = [models.Index(fields=["clinic", "received_at"], name="exchange_quarantine_time")]


class CuffMemory(models.Model):
    """The newest cuff values of a monitor: what keeps a value that every message repeats from looking fresh.

    A memory aid, not a fact; every repetition is still in the raw bytes.
    """

    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    location = models.CharField(max_length=128)
    device = models.CharField(max_length=128)
    newest = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "location", "device"], name="exchange_cuff_once"
            ),
        ]
