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
    settled_id = models.BigIntegerField(
        null=True,
        help_text="entries up to this id are linked for good; only for how far sealing is",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic_id", "register"], name="record_head_once"),
        ]


def _hex(field: str, digits: int) -> Q:
    return Q(**{f"{field}__regex": f"^[0-9a-f]{{{digits}}}$"})


class Key(models.Model):
    """A public key that signs this clinic's heads; the private half is never in the database."""

    clinic_id = models.UUIDField()
    key_id = models.CharField(max_length=16)
    public_key = models.CharField(max_length=64)
    made_at = models.DateTimeField(help_text="when this clinic first signed with it")

    class Meta:
        triggers = append_only("record_key")
        constraints = [
            models.UniqueConstraint(fields=["clinic_id", "key_id"], name="record_key_once"),
            models.CheckConstraint(
                condition=_hex("key_id", 16) & _hex("public_key", 64), name="record_key_hex"
            ),
        ]


class SignedHead(models.Model):
    """One register's head as the clinic's key signed it. It names a link that stands in the chain."""

    clinic_id = models.UUIDField()
    register = models.CharField(max_length=32)
    seq = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    key_id = models.CharField(max_length=16)
    signature = models.CharField(max_length=128)
    signed_at = models.DateTimeField()
    reason = models.CharField(max_length=16, help_text="hour, count, export, anchor or asked")

    class Meta:
        triggers = append_only("record_signedhead")
        constraints = [
            models.UniqueConstraint(
                fields=["clinic_id", "register", "seq", "key_id", "signed_at"],
                name="record_signedhead_once",
            ),
            models.CheckConstraint(
                condition=_hex("hash", 64) & _hex("signature", 128), name="record_signedhead_hex"
            ),
            models.CheckConstraint(
                condition=Q(reason__in=["hour", "count", "export", "anchor", "asked"]),
                name="record_signedhead_reason",
            ),
        ]


class Anchor(models.Model):
    """A head that was written to a place outside this database."""

    clinic_id = models.UUIDField()
    anchor_id = models.UUIDField(help_text="one for all registers that were written together")
    place = models.CharField(max_length=16)
    register = models.CharField(max_length=32)
    seq = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    detail = models.CharField(max_length=300, help_text="file, address or time stamp; no patient")
    by = models.CharField(max_length=128)
    at = models.DateTimeField()

    class Meta:
        triggers = append_only("record_anchor")
        indexes = [models.Index(fields=["clinic_id", "place", "-at"], name="record_anchor_newest")]
        constraints = [
            models.UniqueConstraint(fields=["anchor_id", "register"], name="record_anchor_once"),
            models.CheckConstraint(
                condition=Q(place__in=["sheet", "mail", "clinic", "stamp"]),
                name="record_anchor_place",
            ),
            models.CheckConstraint(
                condition=_hex("hash", 64) & Q(seq__gte=1), name="record_anchor_hash"
            ),
        ]


class HeldHead(models.Model):
    """A head of another clinic's record that this clinic keeps for it."""

    clinic_id = models.UUIDField()
    of_clinic_id = models.UUIDField()
    register = models.CharField(max_length=32)
    seq = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    public_key = models.CharField(max_length=64)
    signature = models.CharField(max_length=128)
    signed_at = models.CharField(
        max_length=32, help_text="as it was signed: the other clinic's time"
    )
    held_at = models.DateTimeField()
    by = models.CharField(max_length=128)

    class Meta:
        triggers = append_only("record_heldhead")
        constraints = [
            # Two different hashes at one place are both kept: they prove two histories.
            models.UniqueConstraint(
                fields=["clinic_id", "of_clinic_id", "register", "seq", "hash", "public_key"],
                name="record_heldhead_once",
            ),
            models.CheckConstraint(
                condition=_hex("hash", 64) & _hex("public_key", 64) & _hex("signature", 128),
                name="record_heldhead_hex",
            ),
            models.CheckConstraint(
                condition=~Q(of_clinic_id=models.F("clinic_id")), name="record_heldhead_other"
            ),
        ]
