"""Runs of the solver."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantModel


class SolveState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    """Waits for a worker."""
    RUNNING = "running", _("Running")
    """Progress is in `best_minutes` and `bound_minutes`."""
    DONE = "done", _("Done")
    """`result` holds the alternatives."""
    FAILED = "failed", _("Failed")
    """`message` says why."""


class SolveRun(TenantModel):
    """One run: what was asked, how far it is, what came out. Times are minutes from `origin_at`.

    `heartbeat_at` is real time: a run whose heart has stopped may be taken over.
    """

    subject_uid = models.UUIDField()
    state = models.CharField(max_length=10, choices=SolveState, default=SolveState.QUEUED)
    origin_at = models.DateTimeField()
    problem = models.JSONField()
    result = models.JSONField(null=True)
    message = models.TextField(blank=True)
    best_minutes = models.PositiveIntegerField(null=True)
    bound_minutes = models.PositiveIntegerField(null=True)
    stop_requested_at = models.DateTimeField(null=True)
    seed = models.PositiveIntegerField(default=1)
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    cpu_seconds = models.FloatField(null=True)
    peak_memory_mb = models.FloatField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "-queued_at"]),
            models.Index(fields=["tenant", "subject_uid"]),
        ]
