"""The question to a factory: will you make this share?"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.models.bilateral import DealModel


class OfferState(models.TextChoices):
    OFFERED = "offered", _("Waiting for an answer")
    """The clock runs until `expires_at`."""
    ACCEPTED = "accepted", _("Accepted")
    """Machine time is booked."""
    DECLINED = "declined", _("Declined")
    """The share went back to the planner."""
    LAPSED = "lapsed", _("Lapsed")
    """No answer in time; the share went back to the planner."""
    WITHDRAWN = "withdrawn", _("Withdrawn")
    """The buyer cancelled."""


class Offer(DealModel):
    """One supplier's share of a chosen plan, as it was shown to it.

    `snapshot` is all that the supplier sees of the order, in the shape of
    `marketplace.core.share.Share`. One with a `proposal_uid` asks for lots that another factory
    gives up: accepted, it holds the hours, and its work opens when that proposal is accepted.
    """

    TRANSITIONS = {
        "accepted": frozenset({"offered"}),
        "declined": frozenset({"offered"}),
        "lapsed": frozenset({"offered"}),
        "withdrawn": frozenset({"offered", "accepted"}),
    }

    plan_uid = models.UUIDField()
    proposal_uid = models.UUIDField(null=True)
    quantity = models.PositiveBigIntegerField()
    machine_minutes = models.PositiveBigIntegerField()
    price_minor = models.PositiveBigIntegerField()
    commission_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    snapshot = models.JSONField()
    state = models.CharField(max_length=10, choices=OfferState, default=OfferState.OFFERED)
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=160, blank=True)
    decline_reason = models.CharField(_("Reason"), max_length=300, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["buyer", "order_uid"]),
            models.Index(fields=["supplier", "state", "expires_at"]),
            models.Index(fields=["expires_at"], name="offer_open", condition=Q(state="offered")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["plan_uid", "supplier"], name="offer_once_per_plan"),
        ]
