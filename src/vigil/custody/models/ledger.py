"""Tables of custody. Written by `actions` alone, read by `queries`; no method writes.

Balances (`remaining_ug`, `given_ug`, ...) are moved by a trigger of `custody_movement` (migration 0002) and
by nothing else: whoever inserts a movement, by whatever door, moves both balances or neither.
"""

from django.db import models
from django.db.models import F, Q

from vigil.custody.domain.ledger import OUTSIDE
from vigil.record.schema import append_only

ACT_KINDS = (
    "received",
    "drawn",
    "given",
    "wasted",
    "put-back",
    "counted",
    "held",
    "released",
    "ordered",
    "place-opened",
    "sent",
    "arrived",
    "sent-out",
    "diluted",
    "dead-space-set",
    "dead-space",
    "use-changed",
    "lost",
    "corrected",
    "closed",
    "adopted",
)
WITNESSED_KINDS = ("drawn", "wasted", "put-back", "counted", "released")
"""Acts that no one person can do alone; the database asks for the second name."""

WITNESSED_KINDS_SINCE = (
    "sent-out",
    "diluted",
    "dead-space-set",
    "dead-space",
    "lost",
    "corrected",
    "closed",
)
"""The same for the acts that came later: a constraint of their own, so that the first one stays as it was."""

COUNT_KINDS = ("opening", "closing", "spot", "handover")


class Product(models.Model):
    """A product of the catalogue, as it was when the clinic first received it."""

    id = models.UUIDField(primary_key=True)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    name = models.CharField(max_length=120)
    drug = models.CharField(max_length=32)
    form = models.CharField(max_length=16)
    strength_ug_per_ml = models.IntegerField(null=True)
    content_ug = models.IntegerField()
    is_second_strength = models.BooleanField(default=False)

    class Meta:
        triggers = append_only("custody_product")
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="custody_product_clinic_id"),
            models.CheckConstraint(
                condition=Q(content_ug__gt=0), name="custody_product_content_positive"
            ),
            models.CheckConstraint(
                condition=Q(form="vial", strength_ug_per_ml__gt=0)
                | Q(form="device", strength_ug_per_ml=None),
                name="custody_product_strength_fits_form",
            ),
            # Said once more: a CHECK lets through what it cannot decide, and no strength compares with NULL.
            models.CheckConstraint(
                condition=~Q(form="vial") | Q(strength_ug_per_ml__isnull=False),
                name="custody_product_vial_has_strength",
            ),
        ]


class Act(models.Model):
    """One act in the safe: who, before whom, when, and the whole fact as it was answered.

    `id` is the server's order; acts on one container are in a line behind its row lock.
    """

    act_id = models.UUIDField(unique=True)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    kind = models.CharField(max_length=16)
    at = models.DateTimeField(help_text="when it happened")
    recorded_at = models.DateTimeField(help_text="when the server wrote it")
    by = models.ForeignKey("people.Staff", on_delete=models.PROTECT, related_name="+")
    witness = models.ForeignKey(
        "people.Staff", on_delete=models.PROTECT, related_name="+", null=True
    )
    key = models.UUIDField(
        unique=True, help_text="made by the client: the same act is written once"
    )
    request_hash = models.CharField(max_length=64, help_text="what was asked with that key")
    body = models.TextField(help_text="canonical JSON of the fact")

    class Meta:
        triggers = append_only("custody_act")
        indexes = [models.Index(fields=["clinic", "at"], name="custody_act_at")]
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="custody_act_clinic_id"),
            models.CheckConstraint(condition=Q(kind__in=ACT_KINDS), name="custody_act_known_kind"),
            models.CheckConstraint(
                condition=Q(witness=None) | ~Q(witness=F("by")), name="custody_act_witness_is_other"
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=WITNESSED_KINDS) | Q(witness__isnull=False),
                name="custody_act_witness_needed",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=WITNESSED_KINDS_SINCE) | Q(witness__isnull=False),
                name="custody_act_witness_needed_since",
            ),
        ]


class Container(models.Model):
    """A labelled vial or device. What it is never changes; what it holds moves with the ledger."""

    id = models.UUIDField(primary_key=True)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    lot = models.CharField(max_length=64)
    expires_on = models.DateField()
    label = models.CharField(max_length=32)
    filled_ug = models.IntegerField()
    remaining_ug = models.IntegerField(default=0)
    is_held = models.BooleanField(default=False)
    place = models.ForeignKey(
        "custody.Place", on_delete=models.PROTECT, null=True, help_text="none: the safe"
    )
    transfer = models.ForeignKey(
        "custody.Transfer", on_delete=models.PROTECT, null=True, help_text="while it is on the way"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(place=None) | Q(transfer=None), name="custody_container_at_one_place"
            ),
            models.UniqueConstraint(fields=["clinic", "id"], name="custody_container_clinic_id"),
            models.UniqueConstraint(fields=["clinic", "label"], name="custody_container_label"),
            models.CheckConstraint(
                condition=Q(remaining_ug__gte=0) & Q(remaining_ug__lte=F("filled_ug")),
                name="custody_container_never_over_or_under",
            ),
        ]


class Draw(models.Model):
    """What left a container for one patient. Its four places always sum to what was drawn."""

    id = models.UUIDField(primary_key=True)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    act = models.OneToOneField(Act, on_delete=models.PROTECT)
    container = models.ForeignKey(Container, on_delete=models.PROTECT)
    patient = models.ForeignKey("people.Patient", on_delete=models.PROTECT)
    plan = models.ForeignKey("plan.Plan", on_delete=models.PROTECT)
    purpose_id = models.UUIDField(help_text="opaque here: the session that the drug is for")
    drawn_ug = models.IntegerField(default=0)
    given_ug = models.IntegerField(default=0)
    wasted_ug = models.IntegerField(default=0)
    returned_ug = models.IntegerField(default=0)
    remaining_ug = models.IntegerField(default=0)
    lost_ug = models.IntegerField(default=0, db_default=0)
    diluted_to_ul = models.IntegerField(null=True)
    is_in_use = models.BooleanField(default=False, db_default=False)

    class Meta:
        indexes = [models.Index(fields=["clinic", "purpose_id"], name="custody_draw_purpose")]
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="custody_draw_clinic_id"),
            models.CheckConstraint(
                condition=Q(
                    drawn_ug=F("given_ug")
                    + F("wasted_ug")
                    + F("returned_ug")
                    + F("lost_ug")
                    + F("remaining_ug")
                ),
                name="custody_draw_balances",
            ),
            models.CheckConstraint(
                condition=Q(lost_ug__gte=0, drawn_ug__gte=0), name="custody_draw_lost_not_under"
            ),
            models.CheckConstraint(
                condition=Q(
                    given_ug__gte=0, wasted_ug__gte=0, returned_ug__gte=0, remaining_ug__gte=0
                ),
                name="custody_draw_never_under",
            ),
        ]


class Account(models.Model):
    """One side of a movement. A container's and a draw's account has the container's or draw's id."""

    id = models.UUIDField(primary_key=True)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    kind = models.CharField(max_length=16)
    container = models.OneToOneField(Container, on_delete=models.PROTECT, null=True)
    draw = models.OneToOneField(Draw, on_delete=models.PROTECT, null=True)

    class Meta:
        triggers = append_only("custody_account")
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="custody_account_clinic_id"),
            models.UniqueConstraint(
                fields=["clinic", "kind"],
                condition=Q(container=None, draw=None),
                name="custody_account_one_outside",
            ),
            models.CheckConstraint(
                condition=Q(kind="container", container=F("id"), draw=None)
                | Q(kind="draw", draw=F("id"), container=None)
                | Q(kind__in=OUTSIDE, container=None, draw=None),
                name="custody_account_is_one_place",
            ),
            # Said once more: with no container or draw named, the CHECK above cannot decide and lets it through.
            models.CheckConstraint(
                condition=(~Q(kind="container") | Q(container__isnull=False))
                & (~Q(kind="draw") | Q(draw__isnull=False)),
                name="custody_account_names_its_place",
            ),
        ]


class Movement(models.Model):
    """Drug from one account to another: two sides and a positive amount, so it always balances."""

    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    act = models.ForeignKey(Act, on_delete=models.PROTECT)
    source = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    target = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    ug = models.IntegerField()

    class Meta:
        triggers = append_only("custody_movement")
        constraints = [
            models.CheckConstraint(condition=Q(ug__gt=0), name="custody_movement_positive"),
            models.CheckConstraint(
                condition=~Q(source=F("target")), name="custody_movement_two_sides"
            ),
        ]


class Count(models.Model):
    """Two people counted the safe, blind."""

    id = models.UUIDField(primary_key=True)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    act = models.OneToOneField(Act, on_delete=models.PROTECT)
    kind = models.CharField(max_length=16)
    day = models.DateField(help_text="in the clinic's time zone")

    class Meta:
        triggers = append_only("custody_count")
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="custody_count_clinic_id"),
            models.CheckConstraint(
                condition=Q(kind__in=COUNT_KINDS), name="custody_count_known_kind"
            ),
        ]


class CountLine(models.Model):
    """One container of a count. A line that differs must open a discrepancy in the same transaction."""

    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    count = models.ForeignKey(Count, on_delete=models.PROTECT)
    container = models.ForeignKey(Container, on_delete=models.PROTECT)
    expected_ug = models.IntegerField()
    counted_ug = models.IntegerField()
    is_estimate = models.BooleanField(default=False, db_default=False)

    class Meta:
        triggers = append_only("custody_countline")
        constraints = [
            models.UniqueConstraint(fields=["count", "container"], name="custody_countline_once"),
            models.UniqueConstraint(fields=["clinic", "id"], name="custody_countline_clinic_id"),
            models.CheckConstraint(
                condition=Q(expected_ug__gte=0, counted_ug__gte=0),
                name="custody_countline_not_negative",
            ),
        ]


class Discrepancy(models.Model):
    """A count line that did not equal the book: it has an owner, and its clock runs from `opened_at`."""

    id = models.UUIDField(primary_key=True)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    line = models.OneToOneField(CountLine, on_delete=models.PROTECT)
    owner = models.ForeignKey("people.Staff", on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()

    class Meta:
        triggers = append_only("custody_discrepancy")
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="custody_discrepancy_clinic_id"),
        ]
