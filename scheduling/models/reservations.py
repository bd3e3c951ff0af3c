"""Machine time that is spoken for."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Q, Value
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantModel
from tenants.models.ranges import IdRange


class ReservationState(models.TextChoices):
    HELD = "held", _("Held")
    """For an answer, until `held_until`."""
    BOOKED = "booked", _("Booked")
    """By an accepted offer."""
    BLOCKED = "blocked", _("Blocked")
    """By maintenance."""
    DONE = "done", _("Done")
    """The work is over."""
    RELEASED = "released", _("Released")
    """Free again."""


class Reservation(TenantModel):
    """A span of one machine's time; two live ones never overlap (the database refuses)."""

    TRANSITIONS = {
        "booked": frozenset({"held"}),
        "done": frozenset({"booked", "blocked"}),
        "released": frozenset({"held", "booked", "blocked"}),
    }

    machine = models.ForeignKey("devices.Machine", models.PROTECT, related_name="+", db_index=False)
    during = DateTimeRangeField()
    state = models.CharField(max_length=10, choices=ReservationState)
    held_until = models.DateTimeField(null=True)
    subject_uid = models.UUIDField()

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "machine", "during"]),
            models.Index(fields=["tenant", "subject_uid"]),
        ]
        constraints = [
            models.CheckConstraint(name="reservation_has_time", condition=~Q(during__isempty=True)),
            models.CheckConstraint(
                name="reservation_held_until",
                condition=~Q(state="held") | Q(held_until__isnull=False),
            ),
            ExclusionConstraint(
                name="reservation_no_overlap",
                expressions=[
                    (IdRange(F("machine"), F("machine"), Value("[]")), RangeOperators.OVERLAPS),
                    ("during", RangeOperators.OVERLAPS),
                ],
                condition=~Q(state="released"),
            ),
        ]
