"""Idle time for sale: a firm's windows, and the platform's listing of what is published."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Q, Value
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantModel
from tenants.models.ranges import IdRange


class WindowState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    """Drawn, not yet for sale."""
    LISTED = "listed", _("Listed")
    """For sale."""
    WITHDRAWN = "withdrawn", _("Withdrawn")
    """Not for sale any more."""


class CapacityWindow(TenantModel):
    """A span in which a machine stands idle and may be bought, with its price and minimum lot.

    A machine has one price at a time: all its windows that lie ahead carry the same.
    """

    TRANSITIONS = {
        "listed": frozenset({"draft", "withdrawn"}),
        "withdrawn": frozenset({"draft", "listed"}),
    }

    machine = models.ForeignKey("devices.Machine", models.PROTECT, related_name="+", db_index=False)
    during = DateTimeRangeField()
    price_minor_per_hour = models.PositiveBigIntegerField(_("Price per hour"))
    currency = models.CharField(max_length=3)
    minimum_lot = models.PositiveIntegerField(_("Minimum lot"), default=1)
    state = models.CharField(max_length=10, choices=WindowState, default=WindowState.DRAFT)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["tenant", "machine", "during"])]
        constraints = [
            models.CheckConstraint(name="window_has_time", condition=~Q(during__isempty=True)),
            models.CheckConstraint(name="window_minimum_lot", condition=Q(minimum_lot__gte=1)),
            models.CheckConstraint(name="window_price", condition=Q(price_minor_per_hour__gt=0)),
            ExclusionConstraint(
                name="window_no_overlap",
                expressions=[
                    (IdRange(F("machine"), F("machine"), Value("[]")), RangeOperators.OVERLAPS),
                    ("during", RangeOperators.OVERLAPS),
                ],
                condition=~Q(state="withdrawn"),
            ),
        ]

    @property
    def hours(self) -> float:
        return float((self.during.upper - self.during.lower).total_seconds() / 3600)


class ListingState(models.TextChoices):
    LISTED = "listed", _("Listed")
    """The matcher offers it."""
    WITHDRAWN = "withdrawn", _("Withdrawn")
    """Kept for the record."""


class Listing(TenantModel):
    """The platform's copy of one machine's published capacity; all that the matcher reads.

    `tenant` is the platform; the supplier may read its own. `snapshot` holds supplier, site and
    machine as they were published, in the shape of `marketplace.core.listed.ListedMachine`.
    What the machine has shown for each process stands beside what is stated, in the snapshot;
    `on_time_share` speaks of the `on_time_lots` lots that it has finished, None below the least.
    `windows` is a list of [start, end) pairs, ISO 8601 UTC, ordered, without overlaps.
    `version` counts the writings: who has read an older one may not write.
    """

    supplier = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    machine_id = models.BigIntegerField()
    machine_uid = models.UUIDField()
    processes = models.JSONField(default=list)
    snapshot = models.JSONField()
    windows = models.JSONField(default=list)
    price_minor_per_hour = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    minimum_lot = models.PositiveIntegerField(default=1)
    on_time_share = models.FloatField(null=True)
    on_time_lots = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, choices=ListingState)
    version = models.PositiveBigIntegerField(default=0)
    listed_until = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "state", "listed_until"]),
            models.Index(fields=["tenant", "supplier"]),
        ]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "machine_id"], name="listing_once")
        ]
