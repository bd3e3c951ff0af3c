"""Money of an order as buyer and platform agree on it; the books themselves are in finance."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.ids import uuid7


class FundingState(models.TextChoices):
    ASKED = "asked", _("Payment asked for")
    """The buyer is to pay."""
    PROVED = "proved", _("Proof sent")
    """The buyer says it has paid; the operator looks at the bank account."""
    CONFIRMED = "confirmed", _("Received")
    """The money is there and held."""


class Funding(models.Model):
    """What a buyer pays in for an order: bilateral of buyer and platform.

    `closed_at`: the order was cancelled; what arrives nevertheless is owed back at once.
    """

    TRANSITIONS = {
        "proved": frozenset({"asked"}),
        "confirmed": frozenset({"proved"}),
        "asked": frozenset({"proved"}),
    }

    uid = models.UUIDField(default=uuid7, editable=False, unique=True)
    buyer = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    platform = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    order_uid = models.UUIDField(unique=True)
    order_number = models.CharField(max_length=20)
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    provider = models.CharField(max_length=20, default="bank_transfer")
    payment_reference = models.CharField(_("Reference to quote"), max_length=40)
    proof = models.CharField(_("Bank reference of your transfer"), max_length=120, blank=True)
    state = models.CharField(max_length=10, choices=FundingState, default=FundingState.ASKED)
    created_at = models.DateTimeField()
    proved_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["buyer", "-id"]),
            models.Index(fields=["platform", "state", "-id"]),
        ]
        constraints = [
            models.CheckConstraint(
                name="funding_amount_positive", condition=models.Q(amount_minor__gt=0)
            ),
        ]


class Release(models.Model):
    """What one inspected shipment releases: bilateral of buyer and platform.

    `shares` is a list of {supplier_id, work_order_uid, work_order_number, amount_minor}; they add
    up to `amount_minor`. The platform books it once and pays each supplier its net.
    """

    uid = models.UUIDField(default=uuid7, editable=False, unique=True)
    buyer = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    platform = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    order_uid = models.UUIDField()
    order_number = models.CharField(max_length=20)
    shipment_uid = models.UUIDField(unique=True)
    quantity = models.PositiveBigIntegerField()
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    shares = models.JSONField()
    created_at = models.DateTimeField()
    booked_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["buyer", "order_uid"]),
            models.Index(fields=["platform", "-id"]),
        ]
