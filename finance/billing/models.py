"""What a release pays to one supplier: the lines of its statement."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from tenants.ids import uuid7


class Payout(models.Model):
    """A bilateral row of platform and supplier: gross = commission + repayment + net."""

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
