"""Lots that make room for another order's share, between the platform and their factory."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tenants.ids import uuid7


class DisplacementState(models.TextChoices):
    PLANNED = "planned", _("Planned")
    """A buyer may choose the plan that needs it."""
    ASKED = "asked", _("Asked")
    """The offer that needs it is out; nobody else may have these lots moved."""
    AGREED = "agreed", _("Agreed")
    """The factory has accepted that offer, and its lots have moved."""
    APPLIED = "applied", _("Applied")
    """The platform's record of machine time says the same."""
    ENDED = "ended", _("Ended")
    """The offer ended otherwise, or one of the orders is planned otherwise by now."""


class Displacement(models.Model):
    """What of a factory's own lots moves if it accepts an offer: a row of platform and factory.

    Whose order the offer is for never sees it. `moves` have the shape of
    `marketplace.core.disruption.Move`; `plans` name by order the plan that each move starts from.
    `order_uid` is the order that needs the room.
    """

    TRANSITIONS = {
        "asked": frozenset({"planned"}),
        "agreed": frozenset({"asked"}),
        "applied": frozenset({"agreed"}),
        "ended": frozenset({"asked"}),
    }

    uid = models.UUIDField(default=uuid7, editable=False, unique=True)
    platform = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    supplier = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    order_uid = models.UUIDField()
    plan_uid = models.UUIDField()
    offer_uid = models.UUIDField(unique=True)
    plans = models.JSONField()
    moves = models.JSONField()
    state = models.CharField(
        max_length=10, choices=DisplacementState, default=DisplacementState.PLANNED
    )
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["platform", "plan_uid"]),
            models.Index(fields=["supplier", "offer_uid"]),
            models.Index(
                fields=["platform", "order_uid"],
                name="displacement_asked",
                condition=Q(state="asked"),
            ),
        ]
