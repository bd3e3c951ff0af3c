"""Machines that stand still, and what is proposed for the orders that they hold up."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.models.bilateral import DealModel
from tenants.models.base import TenantModel


class Downtime(TenantModel):
    """A machine that its firm has said is down until a time; ended early when it runs again.

    `reported_since` is set where nobody said so but its device reports it: then `until_at` is an
    assumption, which moves while the report lasts.
    """

    machine = models.ForeignKey("devices.Machine", models.PROTECT, related_name="+", db_index=False)
    until_at = models.DateTimeField()
    reason = models.CharField(_("Reason"), max_length=300, blank=True)
    said_by = models.CharField(max_length=160)
    said_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    reported_since = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "machine"])]
        constraints = [
            models.CheckConstraint(
                name="downtime_has_time", condition=Q(until_at__gt=models.F("said_at"))
            ),
            models.UniqueConstraint(
                fields=["tenant", "machine"],
                name="downtime_open_once",
                condition=Q(ended_at=None),
            ),
        ]


class ProposalState(models.TextChoices):
    ASKED = "asked", _("Planning")
    """A re-plan is being made."""
    PUT = "put", _("Waits for the buyer")
    """It breaks the promised date, or moves hours elsewhere: the buyer decides by `expires_at`."""
    OPEN = "open", _("Waits for a decision")
    """Its factory may accept it until `expires_at`."""
    AGREED = "agreed", _("Agreed, waits for the others")
    """Its factory holds the new hours beside the old ones; others have yet to agree."""
    FAILED = "failed", _("No place found")
    """The factory has no room that keeps everything else; `promise` says how sure that is."""
    ACCEPTED = "accepted", _("Accepted")
    """The factory's hours have moved; the order's plan follows."""
    APPLIED = "applied", _("In the plan")
    """The order's plan says the same."""
    DISMISSED = "dismissed", _("Dismissed")
    """The factory keeps to the plan as it was, and said why."""
    EXPIRED = "expired", _("Expired")
    """Nobody decided in time."""
    WAITING = "waiting", _("The buyer waits")
    """The buyer keeps to the promised date; the plan stays as it was."""
    UNDONE = "undone", _("Not agreed by all")
    """Another factory did not agree in time, so that all stays as it was."""
    SUPERSEDED = "superseded", _("Superseded")
    """Something newer happened, or nothing needs to move any more."""


class Promise(models.TextChoices):
    KEPT = "kept", _("Promised date kept")
    """The plan ends by the promised date."""
    UNAVOIDABLE = "unavoidable", _("Promised date broken, proven here")
    """The proven bound, for these factories and with all else as it is, lies beyond that date."""
    NOT_FOUND = "not_found", _("Promised date broken")
    """Nothing better was found; that proves nothing."""


class Proposal(DealModel):
    """A re-plan of lots that one factory has not started, for it to accept: a row of both parties.

    `supplier` is whose own lots move; what is agreed of pieces and price stays. `moves` have the
    shape of `marketplace.core.disruption.Move`, `halts` say what the event there is: `machine_id`
    with the code `machine` is down, or the material of `step` is late, `until` an instant.
    Where a device alone reports it, `reported_since` says from when, and `until` is assumed. For a
    slow machine and a `step`, `rate` and `planned_rate`, pieces an hour, stand in place of `until`.
    Where a lot that comes later moves the hours of other factories, each has a proposal of its own
    that stands or falls with the first, whose uid is its `root_uid`; `parties` counts all of them.
    `earliest_at` is what a bound proves: with all else as it is, the order is not done sooner.
    With an `offer_uid` the lots make room for another order's share: who accepts that offer has
    accepted this, which begins so.
    `leaving` are lots that go to other factories, each of which gets an offer with this proposal's
    uid, in the shape of `marketplace.core.leaving.Leaving`: they go when all offers are accepted,
    unless their factory has said no; then `parties` counts it and the offers.
    """

    TRANSITIONS = {
        "put": frozenset({"asked"}),
        "open": frozenset({"asked", "put"}),
        "asked": frozenset({"put", "open", "agreed"}),
        "failed": frozenset({"asked"}),
        "agreed": frozenset({"open"}),
        "accepted": frozenset({"open", "agreed"}),
        "applied": frozenset({"accepted"}),
        "dismissed": frozenset({"open"}),
        "expired": frozenset({"put", "open"}),
        "waiting": frozenset({"put"}),
        "undone": frozenset({"open", "agreed"}),
        "superseded": frozenset({"asked", "put", "open", "agreed", "failed"}),
    }

    root_uid = models.UUIDField(null=True)
    offer_uid = models.UUIDField(null=True)
    parties = models.PositiveSmallIntegerField(default=1)
    halts = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=ProposalState, default=ProposalState.ASKED)
    request_uid = models.UUIDField(null=True)
    plan_uid = models.UUIDField(null=True)
    moves = models.JSONField(default=list)
    leaving = models.JSONField(default=list)
    moved_minutes = models.PositiveIntegerField(default=0)
    promise = models.CharField(max_length=12, choices=Promise, blank=True, default="")
    promised_at = models.DateTimeField(null=True)
    completes_at = models.DateTimeField(null=True)
    earliest_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=160, blank=True, default="")
    reason = models.CharField(_("Reason"), max_length=300, blank=True, default="")
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["buyer", "order_uid", "-id"]),
            models.Index(fields=["supplier", "state", "-id"]),
            models.Index(
                fields=["expires_at"],
                name="proposal_expires",
                condition=Q(state__in=("put", "open")),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["order_uid", "supplier"],
                name="proposal_under_way_once",
                condition=Q(root_uid=None, state__in=("asked", "put", "open", "agreed")),
            ),
            models.UniqueConstraint(
                fields=["root_uid", "supplier"],
                name="proposal_part_once",
                condition=Q(state__in=("open", "agreed", "accepted")),
            ),
            models.UniqueConstraint(
                fields=["order_uid"],
                name="proposal_applied_one_by_one",
                condition=Q(root_uid=None, state="accepted"),
            ),
            models.CheckConstraint(
                name="proposal_open_has_plan",
                condition=~Q(state__in=("put", "open", "agreed", "accepted", "applied"))
                | Q(plan_uid__isnull=False, expires_at__isnull=False),
            ),
            models.CheckConstraint(
                name="proposal_dismissed_with_reason",
                condition=~Q(state="dismissed") | ~Q(reason=""),
            ),
        ]
