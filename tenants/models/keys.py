"""API keys and the replies that make a repeated request harmless."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantModel


class Scope(models.TextChoices):
    READ = "read", _("Read")
    """Read everything the organisation sees."""
    CAPACITY = "capacity", _("Capacity")
    """Write machines, windows and listings."""
    ORDERS = "orders", _("Orders")
    """Post orders, choose plans, inspect and accept."""
    OFFERS = "offers", _("Offers")
    """Accept and decline offers."""
    PRODUCTION = "production", _("Production")
    """Report work, ship and receive."""
    PAYMENTS = "payments", _("Payments")
    """Send proof of payment; for the platform, confirm it."""
    READINGS = "readings", _("Readings")
    """Send device frames over HTTP."""


class ApiKey(TenantModel):
    """A key of an integrator: `of_<prefix>_<secret>`, of which only a hash is kept."""

    name = models.CharField(_("Name"), max_length=80)
    prefix = models.CharField(max_length=12, unique=True)
    secret_hash = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=12, choices=Scope), verbose_name=_("Scopes"))
    created_by = models.ForeignKey("tenants.Person", models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(_("Expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "-created_at"])]


class IdempotentReply(TenantModel):
    """The reply to a request that carried an Idempotency-Key, given again when it is repeated."""

    key = models.CharField(max_length=80)
    request_hash = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "key"], name="idempotency_key_once")
        ]
