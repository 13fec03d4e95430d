"""Tables around the ledger: orders, places, transfers, preparing, losses, corrections, closings, adoptions.

Each row belongs to one act. Triggers of migration 0006 move what a container's or a draw's row says of them.
"""

from django.db import models
from django.db.models import F, Q

from vigil.custody.models.ledger import Act, Container, Discrepancy, Draw, Product
from vigil.record.schema import append_only

PLACE_KINDS = ("safe", "cabinet", "quarantine")
CLOSED_BY = ("correction", "counting-error", "loss")


class Order(models.Model):
    """Containers ordered on a paper; deliveries name it."""

    id = models.UUIDField(primary_key=True)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    act = models.OneToOneField(Act, on_delete=models.PROTECT)
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    containers = models.IntegerField()

    class Meta:
        triggers = append_only("custody_order")
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="custody_order_clinic_id"),
            models.CheckConstraint(condition=Q(containers__gt=0), name="custody_order_positive"),
        ]


class Delivery(models.Model):
    """What a receipt brought of an order."""

    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    act = models.OneToOneField(Act, on_delete=models.PROTECT)
    order = models.ForeignKey(Order, on_delete=models.PROTECT)
    containers = models.IntegerField()

    class Meta:
        triggers = append_only("custody_delivery")
        constraints = [
            models.CheckConstraint(condition=Q(containers__gt=0), name="custody_delivery_positive"),
        ]


class Place(models.Model):
    """A cabinet, another safe or a quarantine shelf. The first safe has no row: it is where nothing moved yet."""

    id = models.UUIDField(primary_key=True)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    act = models.OneToOneField(Act, on_delete=models.PROTECT)
    kind = models.CharField(max_length=16)
    name = models.CharField(max_length=64)

    class Meta:
        triggers = append_only("custody_place")
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="custody_place_clinic_id"),
            models.UniqueConstraint(fields=["clinic", "name"], name="custody_place_name"),
            models.CheckConstraint(
                condition=Q(kind__in=PLACE_KINDS), name="custody_place_known_kind"
            ),
        ]


class Transfer(models.Model):
    """Containers on the way to a place (none: the safe), due there by `due_at`."""

    id = models.UUIDField(primary_key=True)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    act = models.OneToOneField(Act, on_delete=models.PROTECT)
    target = models.ForeignKey(Place, on_delete=models.PROTECT, null=True)
    due_at = models.DateTimeField()

    class Meta:
        triggers = append_only("custody_transfer")
        constraints = [
            models.UniqueConstraint(fields=["clinic", "id"], name="custody_transfer_clinic_id"),
        ]


class Arrival(models.Model):
    """The other half of a transfer: once, by a second person (trigger)."""

    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    act = models.OneToOneField(Act, on_delete=models.PROTECT)
    transfer = models.OneToOneField(Transfer, on_delete=models.PROTECT)

    class Meta:
        triggers = append_only("custody_arrival")


class Placement(models.Model):
    """A container left (`transfer`) or came to a place (`place`; neither: the safe). Moves the container's row."""

    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    act = models.ForeignKey(Act, on_delete=models.PROTECT)
    container = models.ForeignKey(Container, on_delete=models.PROTECT)
    place = models.ForeignKey(Place, on_delete=models.PROTECT, null=True)
    transfer = models.ForeignKey(Transfer, on_delete=models.PROTECT, null=True)

    class Meta:
        triggers = append_only("custody_placement")
        constraints = [
            models.UniqueConstraint(fields=["act", "container"], name="custody_placement_once"),
            models.CheckConstraint(
                condition=Q(place=None) | Q(transfer=None), name="custody_placement_is_one"
            ),
        ]


class Dilution(models.Model):
    """A draw was made up to a volume, once. Sets the draw's `diluted_to_ul`."""

    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    act = models.OneToOneField(Act, on_delete=models.PROTECT)
    draw = models.OneToOneField(Draw, on_delete=models.PROTECT)
    to_volume_ul = models.IntegerField()

    class Meta:
        triggers = append_only("custody_dilution")
        constraints = [
            models.CheckConstraint(
                condition=Q(to_volume_ul__gt=0), name="custody_dilution_positive"
            ),
        ]


class Use(models.Model):
    """Whoever a draw was made for claimed it, or gave the claim back. Sets the draw's `is_in_use`."""

    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    act = models.OneToOneField(Act, on_delete=models.PROTECT)
    draw = models.ForeignKey(Draw, on_delete=models.PROTECT)
    is_in_use = models.BooleanField()

    class Meta:
        triggers = append_only("custody_use")


class DeadSpace(models.Model):
    """How much of a product two people declared may stay in hub and needle; the newest row counts."""

    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    act = models.OneToOneField(Act, on_delete=models.PROTECT)
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    volume_ul_max = models.IntegerField()

    class Meta:
        triggers = append_only("custody_deadspace")
        constraints = [
            models.CheckConstraint(
                condition=Q(volume_ul_max__gte=0), name="custody_deadspace_not_negative"
            ),
        ]


class Loss(models.Model):
    """A confirmed shortage that two people moved to loss under investigation."""

    id = models.UUIDField(primary_key=True)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    act = models.OneToOneField(Act, on_delete=models.PROTECT)
    container = models.ForeignKey(Container, on_delete=models.PROTECT)
    draw = models.ForeignKey(Draw, on_delete=models.PROTECT, null=True)
    discrepancy = models.ForeignKey(Discrepancy, on_delete=models.PROTECT, null=True)
    amount_ug = models.IntegerField()

    class Meta:
        triggers = append_only("custody_loss")
        constraints = [
            models.CheckConstraint(condition=Q(amount_ug__gt=0), name="custody_loss_positive"),
            models.CheckConstraint(
                condition=Q(draw__isnull=False) | Q(discrepancy__isnull=False),
                name="custody_loss_was_counted",
            ),
        ]


class Correction(models.Model):
    """The pair that puts one amount of one act right. `corrects` is corrected once on each container."""

    id = models.UUIDField(primary_key=True)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT, related_name="+")
    act = models.OneToOneField(Act, on_delete=models.PROTECT)
    corrects = models.ForeignKey(Act, on_delete=models.PROTECT, related_name="+")
    container = models.ForeignKey(Container, on_delete=models.PROTECT)
    draw = models.ForeignKey(Draw, on_delete=models.PROTECT, null=True)
    was_ug = models.IntegerField()
    is_ug = models.IntegerField()
    reason = models.CharField(max_length=500)

    class Meta:
        triggers = append_only("custody_correction")
        constraints = [
            models.UniqueConstraint(
                fields=["corrects", "container"], name="custody_correction_once"
            ),
            models.CheckConstraint(
                condition=Q(was_ug__gte=0, is_ug__gte=0) & ~Q(was_ug=F("is_ug")),
                name="custody_correction_changes",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="custody_correction_has_reason"),
            models.CheckConstraint(
                condition=~Q(act=F("corrects")), name="custody_correction_of_another"
            ),
        ]


class Closing(models.Model):
    """Two people closed a discrepancy with what explains it."""

    id = models.UUIDField(primary_key=True)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT)
    act = models.OneToOneField(Act, on_delete=models.PROTECT)
    discrepancy = models.OneToOneField(Discrepancy, on_delete=models.PROTECT)
    how = models.CharField(max_length=16)

    class Meta:
        triggers = append_only("custody_closing")
        constraints = [
            models.CheckConstraint(
                condition=Q(how__in=CLOSED_BY), name="custody_closing_known_how"
            ),
        ]


class Adoption(models.Model):
    """A named person took a jurisdiction file for the clinic; the newest row counts."""

    id = models.UUIDField(primary_key=True)
    clinic = models.ForeignKey("people.Clinic", on_delete=models.PROTECT, related_name="+")
    act = models.OneToOneField(Act, on_delete=models.PROTECT)
    jurisdiction_id = models.CharField(max_length=64)
    version = models.IntegerField()
    content_hash = models.CharField(max_length=64)

    class Meta:
        triggers = append_only("custody_adoption")
