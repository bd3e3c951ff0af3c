"""Who did what, when."""

from __future__ import annotations

from django.db import models

from tenants.models.base import TenantModel


class AuditEntry(TenantModel):
    """One act in an organisation; never changed, never deleted."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=160)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=60)
    subject_uid = models.UUIDField(null=True)
    detail = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "-at"]),
            models.Index(fields=["tenant", "subject_uid"]),
        ]
