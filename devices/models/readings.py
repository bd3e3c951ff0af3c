"""Frames as they came, what was refused, and what follows from them."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Value

from devices.models.machines import MachineState
from tenants.models.base import TenantModel, TenantQuerySet
from tenants.models.ranges import IdRange


class Frame(models.Model):
    """One message of a device, stored once: identity is (device, boot, seq).

    `at` is the device's time corrected by its steady offset, `sent_at` as the device wrote it.
    """

    tenant = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    device = models.ForeignKey("devices.Device", models.PROTECT, related_name="+", db_index=False)
    boot = models.BigIntegerField()
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    sent_at = models.DateTimeField()
    received_at = models.DateTimeField()
    metrics = models.JSONField()

    objects = TenantQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["device", "at"])]
        constraints = [models.UniqueConstraint(fields=["device", "boot", "seq"], name="frame_once")]


class QuarantinedFrame(TenantModel):
    """A message that could not be taken, with the reason; unknown senders fall to the platform."""

    device_uid = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField()
    reason = models.CharField(max_length=30)
    detail = models.CharField(max_length=300)
    payload = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["tenant", "-received_at"])]


class LatestReading(models.Model):
    """The newest live values of a machine; one row each."""

    tenant = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    machine = models.OneToOneField(
        "devices.Machine", models.PROTECT, related_name="latest", primary_key=True
    )
    at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=MachineState, default=MachineState.OFFLINE)
    metrics = models.JSONField(default=dict)

    objects = TenantQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["tenant"])]


class Rollup(models.Model):
    """Count, sum, minimum, maximum and last of a metric of a machine in a bucket of time."""

    tenant = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    machine = models.ForeignKey("devices.Machine", models.PROTECT, related_name="+", db_index=False)
    metric = models.CharField(max_length=60)
    bucket = models.DateTimeField()
    minutes = models.PositiveIntegerField()
    count = models.BigIntegerField()
    sum = models.FloatField()
    minimum = models.FloatField()
    maximum = models.FloatField()
    last = models.FloatField()
    last_at = models.DateTimeField()

    objects = TenantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "machine", "metric", "minutes", "bucket"], name="rollup_once"
            )
        ]


class StateInterval(models.Model):
    """A span in which a machine was in one state; spans of a machine never overlap."""

    tenant = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    machine = models.ForeignKey("devices.Machine", models.PROTECT, related_name="+", db_index=False)
    state = models.CharField(max_length=12, choices=MachineState)
    during = DateTimeRangeField()

    objects = TenantQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["tenant", "machine", "during"])]
        constraints = [
            ExclusionConstraint(
                name="state_no_overlap",
                expressions=[
                    (IdRange(F("machine"), F("machine"), Value("[]")), RangeOperators.OVERLAPS),
                    ("during", RangeOperators.OVERLAPS),
                ],
            )
        ]
