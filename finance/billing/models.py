"""What the platform is to pay out: to suppliers, to lenders, and back to buyers."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from tenants.ids import uuid7


class Payout(models.Model):
    """A line of a supplier's statement, bilateral of platform and supplier.

    What one release pays for one work order (`subject_uid`): gross = commission + repayment + net.
    """

    uid = models.UUIDField(default=uuid7, editable=False, unique=True)
    platform = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    supplier = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    release_uid = models.UUIDField()
    subject_uid = models.UUIDField()
    label = models.CharField(max_length=80)
    currency = models.CharField(max_length=3)
    gross_minor = models.PositiveBigIntegerField()
    commission_minor = models.PositiveBigIntegerField()
    repayment_minor = models.PositiveBigIntegerField(default=0)
    net_minor = models.PositiveBigIntegerField()
    loan_uid = models.UUIDField(null=True)
    booked_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    paid_reference = models.CharField(max_length=120, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["supplier", "-booked_at"]),
            models.Index(fields=["platform", "paid_at"]),
        ]
        constraints = [
            models.UniqueConstraint(fields=["release_uid", "subject_uid"], name="payout_once"),
            models.CheckConstraint(
                name="payout_adds_up",
                condition=Q(
                    gross_minor=F("commission_minor") + F("repayment_minor") + F("net_minor")
                ),
            ),
        ]

    @property
    def expected_at(self) -> datetime:
        """When the supplier may expect the money."""
        return self.booked_at + PAID_WITHIN


PAID_WITHIN = timedelta(days=2)
"""When a payee may expect the bank's transfer after its line was booked."""


class RemittanceKind(models.TextChoices):
    REPAYMENT = "repayment", _("Repayment to a lender")
    """Taken from a supplier's release for its loan."""
    REFUND = "refund", _("Refund to a buyer")
    """What was left of an order's money when it closed."""


class Remittance(models.Model):
    """Money that passes through to a lender or back to a buyer: bilateral of platform and payee.

    `subject_uid` is the loan or the order, `source_uid` the payout or the order that it came from.
    """

    uid = models.UUIDField(default=uuid7, editable=False, unique=True)
    platform = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    payee = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=10, choices=RemittanceKind)
    subject_uid = models.UUIDField()
    source_uid = models.UUIDField()
    label = models.CharField(max_length=80)
    currency = models.CharField(max_length=3)
    amount_minor = models.PositiveBigIntegerField()
    booked_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    paid_reference = models.CharField(max_length=120, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["payee", "-booked_at"]),
            models.Index(fields=["platform", "paid_at"]),
        ]
        constraints = [
            models.UniqueConstraint(fields=["kind", "source_uid"], name="remittance_once"),
            models.CheckConstraint(name="remittance_amount", condition=Q(amount_minor__gt=0)),
        ]

    @property
    def expected_at(self) -> datetime:
        """When the payee may expect the money."""
        return self.booked_at + PAID_WITHIN
