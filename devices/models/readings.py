"""Frames as they came, what was refused, and what follows from them.

Rows that follow from frames take tenant and machine from the device's row, where the database
holds both; checking them again for every row would double the cost of a frame.
"""

from __future__ import annotations

from decimal import Decimal

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Q, Value
from django.utils.translation import gettext_lazy as _

from devices.models.machines import MachineState
from tenants.models.base import TenantModel, TenantQuerySet
from tenants.models.ranges import IdRange


class QuarantineReason(models.TextChoices):
    MALFORMED = "malformed", _("Not a frame")
    """No JSON, or a field is missing or of a wrong kind."""
    TOO_LARGE = "too_large", _("Too large")
    """More bytes, frames or metrics than a message may carry."""
    UNKNOWN_DEVICE = "unknown_device", _("Unknown device")
    """Nobody has added this device, or it belongs to somebody else than the sender."""
    REVOKED = "revoked", _("Device taken out of use")
    """The device was revoked."""
    BAD_MAC = "bad_mac", _("Wrong signature")
    """Not signed with the device's present key."""
    BAD_CLOCK = "bad_clock", _("Impossible time")
    """The device's time is before 2020 or more than a day ahead."""


class ExactSumField(models.FloatField):
    """A sum kept as an exact decimal number, so that the order of adding never shows."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "numeric"

    def from_db_value(self, value: Decimal | None, *args: object) -> float | None:
        return None if value is None else float(value)


class TelemetryRow(models.Model):
    """A row that follows from frames; its organisation comes from the device's row."""

    tenant = models.ForeignKey(
        "tenants.Organisation",
        models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )

    objects = TenantQuerySet.as_manager()

    class Meta:
        abstract = True


class Frame(TelemetryRow):
    """One frame of a device, stored once: identity is (device, boot, seq).

    `sent_at` is the time as the device wrote it. What is told by the site's clock takes the
    boot's correction from it: that is found out later, and a frame is never changed.
    """

    tenant = models.ForeignKey(
        "tenants.Organisation",
        models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    device = models.ForeignKey("devices.Device", models.PROTECT, related_name="+", db_index=False)
    boot = models.BigIntegerField()
    seq = models.BigIntegerField()
    sent_at = models.DateTimeField()
    received_at = models.DateTimeField()
    metrics = models.JSONField()

    class Meta:
        indexes = [models.Index(fields=["device", "sent_at"])]
        constraints = [models.UniqueConstraint(fields=["device", "boot", "seq"], name="frame_once")]


class QuarantinedFrame(TenantModel):
    """A message that could not be taken, with the reason; unknown senders fall to the platform.

    The same message again is counted in `times`, so that a device that repeats itself stays one
    line.
    """

    device_uid = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField()
    last_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1)
    reason = models.CharField(max_length=30, choices=QuarantineReason)
    detail = models.CharField(max_length=300)
    payload = models.BinaryField()
    digest = models.BinaryField(max_length=32)

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "-received_at"]),
            models.Index(fields=["tenant", "device_uid"]),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "reason", "digest"], name="quarantined_frame_once"
            )
        ]


class ReadingPost(TenantModel):
    """Frames sent over HTTP, kept from the reply until the ingest worker has stored them."""

    received_at = models.DateTimeField()
    body = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["tenant", "id"], name="reading_post_waiting")]


class Boot(TelemetryRow):
    """One start of a device, from which its frames count `seq`; one row for many frames.

    `correction_ms` is taken from the device's times: the steady error of its clock, or 0.
    """

    tenant = models.ForeignKey(
        "tenants.Organisation",
        models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    device = models.ForeignKey("devices.Device", models.PROTECT, related_name="+", db_index=False)
    machine = models.ForeignKey(
        "devices.Machine", models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    boot = models.BigIntegerField()
    first_sent_at = models.DateTimeField()
    last_sent_at = models.DateTimeField()
    last_received_at = models.DateTimeField()
    correction_ms = models.BigIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["machine"])]
        constraints = [models.UniqueConstraint(fields=["device", "boot"], name="boot_once")]


class ClockBin(TelemetryRow):
    """How often a boot's clock differed from the site's by about `bin` minutes."""

    tenant = models.ForeignKey(
        "tenants.Organisation",
        models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    device = models.ForeignKey(
        "devices.Device", models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    boot = models.BigIntegerField()
    bin = models.IntegerField()
    count = models.BigIntegerField()
    sum_ms = models.DecimalField(max_digits=30, decimal_places=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device", "boot", "bin"], name="clock_bin_once")
        ]


class LatestReading(TelemetryRow):
    """The newest live values of a machine; one row each."""

    tenant = models.ForeignKey(
        "tenants.Organisation",
        models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    machine = models.OneToOneField(
        "devices.Machine", models.PROTECT, related_name="latest", primary_key=True
    )
    at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=MachineState, default=MachineState.OFFLINE)
    metrics = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["tenant"]),
            models.Index(
                fields=["tenant", "machine"],
                name="latest_out_of_service",
                condition=Q(state__in=("down", "maintenance")),
            ),
        ]


class Rollup(TelemetryRow):
    """Count, sum, minimum, maximum and last of a metric of a machine in a bucket of time."""

    tenant = models.ForeignKey(
        "tenants.Organisation",
        models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    machine = models.ForeignKey(
        "devices.Machine", models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    metric = models.CharField(max_length=60)
    bucket = models.DateTimeField()
    minutes = models.PositiveIntegerField()
    count = models.BigIntegerField()
    sum = ExactSumField()
    minimum = models.FloatField()
    maximum = models.FloatField()
    last = models.FloatField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "machine", "metric", "minutes", "bucket"], name="rollup_once"
            )
        ]


class StateInterval(TelemetryRow):
    """A span in which a machine was in one state; spans of a machine never overlap."""

    tenant = models.ForeignKey(
        "tenants.Organisation",
        models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    machine = models.ForeignKey(
        "devices.Machine", models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    state = models.CharField(max_length=12, choices=MachineState)
    during = DateTimeRangeField()

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


class ProducedHour(TelemetryRow):
    """The pieces that a machine's counter made in one hour; resets are not pieces."""

    tenant = models.ForeignKey(
        "tenants.Organisation",
        models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    machine = models.ForeignKey(
        "devices.Machine", models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    hour = models.DateTimeField()
    pieces = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "machine", "hour"], name="produced_hour_once")
        ]
