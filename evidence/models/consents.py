"""Consent of a data owner to one reader, and every look that was taken."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from tenants.ids import uuid7
from tenants.models.base import TenantModel


class Purpose(models.TextChoices):
    LENDING = "lending", _("Deciding on and watching a loan")
    """The only purpose so far."""


class ReportScope(models.TextChoices):
    BEHAVIOUR = "behaviour", _("Behaviour grade with its reasons")
    """Grade and reasons."""
    MACHINES = "machines", _("Machine use by week")
    """Hours run by week, no order data."""
    ORDERS = "orders", _("Deliveries and payments")
    """Delivered quantities, punctuality, payments; no buyer names."""


class ConsentState(models.TextChoices):
    REQUESTED = "requested", _("Requested")
    """The lender has asked."""
    GRANTED = "granted", _("Granted")
    """The owner has agreed; reads work until `valid_until`."""
    DECLINED = "declined", _("Declined")
    """The owner has refused."""
    REVOKED = "revoked", _("Revoked")
    """The owner has withdrawn it; the next read fails."""


class Consent(models.Model):
    """Bilateral: `owner` lets `grantee` read reports for one purpose, in a scope, until a day.

    `notice` is the text that the owner agreed to, word for word. What was granted never changes:
    the database lets a granted consent be revoked and its reads be counted, nothing else.
    `granted_real_at` is the database's own clock, set by it, whatever the site clock says.
    """

    TRANSITIONS = {
        "granted": frozenset({"requested"}),
        "declined": frozenset({"requested"}),
        "revoked": frozenset({"granted"}),
    }

    uid = models.UUIDField(default=uuid7, editable=False, unique=True)
    owner = models.ForeignKey("tenants.Organisation", models.PROTECT, related_name="+")
    grantee = models.ForeignKey("tenants.Organisation", models.PROTECT, related_name="+")
    purpose = models.CharField(_("Purpose"), max_length=20, choices=Purpose)
    scope = ArrayField(
        models.CharField(max_length=12, choices=ReportScope), verbose_name=_("Scope")
    )
    notice = models.TextField(blank=True)
    notice_language = models.CharField(max_length=10, blank=True)
    valid_from = models.DateTimeField(null=True)
    valid_until = models.DateTimeField(_("Until"))
    granted_real_at = models.DateTimeField(null=True, editable=False)
    reads_left = models.PositiveIntegerField(default=100)
    state = models.CharField(max_length=10, choices=ConsentState, default=ConsentState.REQUESTED)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=160, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["owner", "state"]),
            models.Index(fields=["grantee", "state"]),
        ]
        constraints = [
            models.CheckConstraint(name="consent_two_parties", condition=~Q(owner=F("grantee"))),
            models.CheckConstraint(
                name="consent_scope_known",
                condition=Q(scope__contained_by=ReportScope.values, scope__len__gt=0),
            ),
            models.CheckConstraint(
                name="consent_granted_has_a_span",
                condition=~Q(state__in=["granted", "revoked"])
                | Q(
                    valid_from__isnull=False,
                    valid_until__gt=F("valid_from"),
                    granted_real_at__isnull=False,
                ),
            ),
            models.UniqueConstraint(
                fields=["owner", "grantee", "purpose"],
                name="consent_live_once",
                condition=Q(state__in=["requested", "granted"]),
            ),
        ]

    @property
    def scope_labels(self) -> list[Any]:
        """What may be read, in words."""
        return [ReportScope(part).label for part in self.scope]


class AccessEvent(TenantModel):
    """One look, or refused look, at the owner's data; written by the disclosing function only."""

    at = models.DateTimeField()
    reader = models.ForeignKey("tenants.Organisation", models.PROTECT, related_name="+")
    consent_uid = models.UUIDField(null=True)
    subject_uid = models.UUIDField(null=True)
    purpose = models.CharField(max_length=20)
    outcome = models.CharField(max_length=20)

    class Meta:
        indexes = [models.Index(fields=["tenant", "-at"])]
