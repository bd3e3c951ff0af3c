"""Sites, machines, their shift calendar, the devices on them, and the runs planned for them."""

from __future__ import annotations

from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantModel


class Site(TenantModel):
    """A factory: where machines stand. `x_km`, `y_km` are a schematic position, not a map."""

    name = models.CharField(_("Name"), max_length=120)
    name_zh = models.CharField(_("Chinese name"), max_length=120, blank=True)
    city = models.CharField(_("City"), max_length=80, blank=True)
    time_zone = models.CharField(_("Time zone"), max_length=40, default="Asia/Shanghai")
    x_km = models.FloatField(default=0)
    y_km = models.FloatField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="site_name_once")]

    def __str__(self) -> str:
        return self.name


class MachineState(models.TextChoices):
    RUNNING = "running", _("Running")
    """Executing, producing parts."""
    SET_UP = "set_up", _("Set-up")
    """Executing in set-up mode."""
    IDLE = "idle", _("Idle")
    """On and not executing."""
    MAINTENANCE = "maintenance", _("Maintenance")
    """Taken out by plan."""
    DOWN = "down", _("Down")
    """Out of service."""
    OFFLINE = "offline", _("Offline")
    """No word from its device."""


class Machine(TenantModel):
    """One machine of a factory."""

    site = models.ForeignKey(
        "devices.Site", models.PROTECT, related_name="machines", db_index=False
    )
    code = models.CharField(_("Code"), max_length=40)
    name = models.CharField(_("Name"), max_length=120, blank=True)
    machine_type = models.CharField(_("Type"), max_length=60)
    is_active = models.BooleanField(default=True)
    is_simulated = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "site"])]
        constraints = [models.UniqueConstraint(fields=["tenant", "code"], name="machine_code_once")]

    def __str__(self) -> str:
        return self.code


class Shift(TenantModel):
    """A weekly working time in the site's zone; an end at or before the start is the next day."""

    site = models.ForeignKey("devices.Site", models.CASCADE, related_name="shifts", db_index=False)
    weekday = models.PositiveSmallIntegerField()
    starts_at = models.TimeField()
    ends_at = models.TimeField()

    class Meta:
        indexes = [models.Index(fields=["tenant", "site", "weekday"])]
        constraints = [
            models.CheckConstraint(name="shift_weekday", condition=Q(weekday__lte=6)),
            models.UniqueConstraint(
                fields=["tenant", "site", "weekday", "starts_at"], name="shift_once"
            ),
        ]


class Device(TenantModel):
    """A box on a machine that sends frames; its key is derived, never stored (core/keys.py)."""

    machine = models.ForeignKey(
        "devices.Machine", models.PROTECT, related_name="devices", db_index=False
    )
    name = models.CharField(_("Name"), max_length=64, blank=True)
    key_version = models.PositiveIntegerField(default=1)
    is_simulated = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    last_seen_at = models.DateTimeField(null=True)
    clock_offset_ms = models.BigIntegerField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "machine"])]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"], name="device_name_once", condition=~Q(name="")
            )
        ]

    def __str__(self) -> str:
        return self.name


class PlannedRun(TenantModel):
    """What a machine is meant to do: written by the business process that owns `subject_uid`.

    `kind` names the work as its owner does: runs of one kind on one machine can be compared.
    `set_up_minutes` is what was planned for setting up, 0 when the work before goes on.
    """

    machine = models.ForeignKey(
        "devices.Machine", models.PROTECT, related_name="planned_runs", db_index=False
    )
    during = DateTimeRangeField()
    label = models.CharField(max_length=120)
    quantity = models.PositiveIntegerField()
    subject_uid = models.UUIDField()
    kind = models.CharField(max_length=40, blank=True, default="")
    set_up_minutes = models.PositiveIntegerField(default=0)
    counted = models.BigIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["tenant", "machine", "during"])]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "subject_uid"], name="planned_run_subject_once"
            ),
            models.CheckConstraint(name="planned_run_counts_up", condition=Q(counted__gte=0)),
            models.CheckConstraint(name="planned_run_has_time", condition=~Q(during__isempty=True)),
        ]
