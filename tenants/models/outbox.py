"""The transactional outbox: what must happen after a commit, written with the commit."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from tenants.models.base import TenantModel


class OutboxMessage(TenantModel):
    """One fact for the subscribers of `topic`; done when `handled_at` is set.

    The relay sends each message to Celery and sends it again until it is handled, so handlers
    are safe to run twice. `attempts` counts the sendings; `last_error` is for the operator.
    """

    topic = models.CharField(max_length=60)
    queue = models.CharField(max_length=10, default="default")
    payload = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField(auto_now_add=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    handled_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="outbox_open", condition=Q(handled_at=None)),
            models.Index(fields=["tenant", "-created_at"]),
        ]
