"""What will enter the transparency log: one row per contract-relevant transition."""

from __future__ import annotations

from django.db import models

from tenants.models.base import TenantModel


class PendingEntry(TenantModel):
    """A transition, written in its own transaction; the sequencer turns it into a log leaf."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=160)
    kind = models.CharField(max_length=60)
    subject_uid = models.UUIDField()
    payload = models.JSONField()

    class Meta:
        indexes = [models.Index(fields=["tenant", "subject_uid", "id"])]
