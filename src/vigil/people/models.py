"""Tables of people. Written by `actions`, read by `queries`."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from vigil.people.duties import Duty
from vigil.record.clock import new_id
from vigil.record.schema import append_only


class Clinic(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id)
    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, default="UTC")
    is_simulated = models.BooleanField(default=False)
    phone = models.CharField(max_length=32, blank=True, default="", db_default="")


class Staff(AbstractBaseUser):
    """A person who signs in. Duties, not roles, say what they may do."""

    id = models.UUIDField(primary_key=True, default=new_id)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT)
    login = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    duties = ArrayField(models.CharField(max_length=16), default=list)
    is_active = models.BooleanField(default=True)

    objects = BaseUserManager()
    USERNAME_FIELD = "login"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="people_staff_clinic_id"),
            models.CheckConstraint(
                condition=Q(duties__contained_by=[duty.value for duty in Duty]),
                name="people_staff_known_duties",
            ),
        ]


class Patient(models.Model):
    """The patient as known now; every change is also an entry of the record."""

    id = models.UUIDField(primary_key=True, default=new_id)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT)
    number = models.CharField(max_length=16)
    name = models.CharField(max_length=120)
    born_on = models.DateField()
    sex = models.CharField(max_length=16)
    phone = models.CharField(max_length=32, blank=True)
    allergies = ArrayField(models.CharField(max_length=120), null=True)
    is_simulated = models.BooleanField(default=False)
    registered_at = models.DateTimeField()
    key = models.UUIDField(unique=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="people_patient_clinic_id"),
            models.UniqueConstraint(fields=["clinic", "number"], name="people_patient_number"),
            models.CheckConstraint(condition=~Q(name=""), name="people_patient_has_name"),
        ]


class Correction(models.Model):
    """What is known of a patient was corrected: what stood there, what stands there now, and why."""

    id = models.UUIDField(primary_key=True, default=new_id)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT)
    before = models.JSONField()
    after = models.JSONField()
    reason = models.CharField(max_length=200)
    corrected_by = models.ForeignKey(Staff, on_delete=models.PROTECT)
    at = models.DateTimeField()
    key = models.UUIDField(unique=True)

    class Meta:
        triggers = append_only("people_correction")
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="people_correction_clinic_id"),
            models.CheckConstraint(condition=~Q(reason=""), name="people_correction_has_reason"),
        ]


class SignInAttempt(models.Model):
    """A password that is being tried or was wrong; kept for a minute, to slow down guessing.

    No fact of a clinic: a stranger's guess belongs to none. `scope` is a keyed hash, because what
    is typed as a login name is at times a password.
    """

    scope = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["scope", "at"], name="people_attempt_scope_at")]


class Presence(models.Model):
    """A prescriber came on site or left; the newest row of a person counts."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT)
    staff = models.ForeignKey(Staff, on_delete=models.PROTECT)
    is_on_site = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        triggers = append_only("people_presence")


class Consent(models.Model):
    """A patient agreed, or took it back, for one version of one protocol; the newest row counts."""

    id = models.UUIDField(primary_key=True, default=new_id)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT)
    protocol_id = models.CharField(max_length=64)
    protocol_version = models.PositiveIntegerField()
    protocol_hash = models.CharField(max_length=64)
    text_version = models.PositiveIntegerField()
    text_hash = models.CharField(max_length=64, help_text="SHA-256 of the words that were read")
    is_given = models.BooleanField()
    recorded_by = models.ForeignKey(Staff, on_delete=models.PROTECT)
    at = models.DateTimeField()
    key = models.UUIDField(unique=True)

    class Meta:
        triggers = append_only("people_consent")
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="people_consent_clinic_id"),
        ]
        indexes = [
            models.Index(
                fields=["clinic", "patient", "protocol_hash", "-at"], name="people_consent_newest"
            ),
        ]
