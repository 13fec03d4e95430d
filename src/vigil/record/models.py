"""Tables of the record: what happened, and the links that seal it."""

from django.db import models
from django.db.models import Q

from vigil.record.schema import append_only


class Entry(models.Model):
    """One act, as it was first written. No foreign keys: the record never blocks and never loses."""

    entry_id = models.UUIDField(unique=True)
    clinic_id = models.UUIDField()
    register = models.CharField(max_length=32)
    kind = models.CharField(max_length=64)
    subject = models.CharField(max_length=128, help_text="what it is about, such as a patient id")
    by = models.CharField(max_length=128, help_text="id of the person, or the name of the process")
    at = models.DateTimeField(help_text="when it happened")
    recorded_at = models.DateTimeField(help_text="when the server wrote it")
    body = models.TextField(help_text="canonical JSON; the exact bytes that are hashed")

    class Meta:
        triggers = append_only("record_entry")
        indexes = [
            models.Index(fields=["clinic_id", "register", "id"], name="record_by_register"),
            models.Index(fields=["subject", "id"], name="record_by_subject"),
        ]


class Link(models.Model):
    """The place of one entry in its register's hash chain."""

    clinic_id = models.UUIDField()
    register = models.CharField(max_length=32)
    seq = models.BigIntegerField()
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="link")
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)
    sealed_at = models.DateTimeField()

    class Meta:
        triggers = append_only("record_link")
        constraints = [
            models.UniqueConstraint(
                fields=["clinic_id", "register", "seq"], name="record_link_seq_once"
            ),
            models.CheckConstraint(condition=Q(seq__gte=1), name="record_link_seq_from_1"),
        ]


class Head(models.Model):
    """The newest link of each register; its row lock puts writers of one register in a line."""

    clinic_id = models.UUIDField()
    register = models.CharField(max_length=32)
    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="0" * 64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic_id", "register"], name="record_head_once"),
        ]
