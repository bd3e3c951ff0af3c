"""Lots on the road: from factory to factory, and from the last factory to the buyer."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from tenants.ids import uuid7


class ShipmentState(models.TextChoices):
    IN_TRANSIT = "in_transit", _("In transit")
    """Has left; `due_at` says when it should arrive."""
    DELIVERED = "delivered", _("Delivered")
    """The receiver has signed for it."""
    INSPECTED = "inspected", _("Inspected")
    """The buyer has accepted or rejected every piece."""


class Shipment(models.Model):
    """A bilateral row of sender and receiver with its lots as lines."""

    TRANSITIONS = {"delivered": frozenset({"in_transit"}), "inspected": frozenset({"delivered"})}

    uid = models.UUIDField(default=uuid7, editable=False, unique=True)
    sender = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    receiver = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    buyer_id = models.BigIntegerField()
    order_uid = models.UUIDField()
    order_number = models.CharField(max_length=20)
    number = models.CharField(max_length=30)
    is_final = models.BooleanField()
    quantity = models.PositiveBigIntegerField()
    state = models.CharField(max_length=10, choices=ShipmentState, default=ShipmentState.IN_TRANSIT)
    sent_at = models.DateTimeField()
    due_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)
    inspected_at = models.DateTimeField(null=True)
    accepted = models.PositiveBigIntegerField(default=0)
    rejected = models.PositiveBigIntegerField(default=0)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["sender", "state", "-id"]),
            models.Index(fields=["receiver", "state", "due_at"]),
            models.Index(fields=["order_uid"]),
        ]
        constraints = [
            models.CheckConstraint(
                name="shipment_inspection_adds_up",
                condition=~Q(state="inspected") | Q(quantity=F("accepted") + F("rejected")),
            ),
            models.CheckConstraint(name="shipment_quantity", condition=Q(quantity__gt=0)),
        ]


class ShipmentLine(models.Model):
    """One lot in a shipment; the parties are repeated so that the row has its own policy."""

    shipment = models.ForeignKey("marketplace.Shipment", models.CASCADE, related_name="lines")
    sender = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    receiver = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    operation_uid = models.UUIDField(unique=True)
    next_operation_uid = models.UUIDField(null=True)
    lot = models.PositiveIntegerField()
    quantity = models.PositiveBigIntegerField()
    accepted = models.PositiveBigIntegerField(default=0)
    reject_reason = models.CharField(_("Reason"), max_length=300, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["sender"]),
            models.Index(fields=["receiver"]),
            models.Index(fields=["next_operation_uid"]),
        ]
        constraints = [
            models.CheckConstraint(
                name="line_accepted", condition=Q(accepted__gte=0, accepted__lte=F("quantity"))
            ),
            models.CheckConstraint(name="line_quantity", condition=Q(quantity__gt=0)),
        ]
