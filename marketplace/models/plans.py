"""What the matcher proposes to a buyer, and the platform's record of time that is spoken for."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Q, Value
from django.utils.translation import gettext_lazy as _

from tenants.ids import uuid7
from tenants.models.base import TenantModel
from tenants.models.ranges import IdRange


class PlanRequestState(models.TextChoices):
    REQUESTED = "requested", _("Asked")
    """The matcher has not looked yet."""
    SOLVING = "solving", _("Planning")
    """A band may be there; plans are being made."""
    READY = "ready", _("Ready")
    """Plans are there."""
    FAILED = "failed", _("No plan")
    """`message` says why and what would mend it."""


class PlanPurpose(models.TextChoices):
    INQUIRY = "inquiry", _("Inquiry")
    """Who could do this? Answered by a band alone; holds nothing and has no order yet."""
    ORDER = "order", _("Order")
    """A band, then alternatives to choose from."""
    SHARE = "share", _("Returned share")
    """Only what came back is planned again; `frozen` says what stays."""
    DRILL = "drill", _("What if a factory stops")
    """As a share, with what a factory has not started; shown, and never chosen or applied."""
    EVENT = "event", _("Re-plan after an event")
    """As a share, with lots that something holds up; a proposal carries its answer."""
    STEERED = "steered", _("Steered")
    """One more plan beside those of an order, made to the wishes in `steering`."""


ASIDE = (PlanPurpose.INQUIRY, PlanPurpose.DRILL, PlanPurpose.STEERED, PlanPurpose.EVENT)
"""Questions that leave every order as it is: they are never an order's newest request."""


class PlanRequest(models.Model):
    """A bilateral row of buyer and platform: an order as the matcher may see it, and its answer.

    `snapshot` has the shape of `marketplace.core.asked.AskedOrder`, `frozen` of
    `marketplace.core.frozen.FrozenPart`; `excluded` are suppliers that are not asked (again).
    `band` and `message` are what the platform answers; a message beside a search for plans says
    that there is none, and only ways out are looked for. A failed request may have plans all the
    same, each of which changes one limit of the order; `held_until` tells how long the machine time
    of these is held for the buyer, which happens once in an order's life. While `waiting_since` is
    set, it is asked again as soon as the market's mark is not `market_mark` any more. `steering`
    has the shape of `marketplace.core.steering.Steering`, and `base_plan_uid` names the plan that
    is steered; its answer stands beside that plan, and an order has one such request under way at a
    time.
    """

    TRANSITIONS = {
        "solving": frozenset({"requested"}),
        "ready": frozenset({"solving"}),
        "failed": frozenset({"requested", "solving", "ready"}),
    }

    uid = models.UUIDField(default=uuid7, editable=False, unique=True)
    buyer = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    platform = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    order_uid = models.UUIDField()
    purpose = models.CharField(max_length=8, choices=PlanPurpose, default=PlanPurpose.ORDER)
    snapshot = models.JSONField()
    frozen = models.JSONField(default=dict)
    excluded = models.JSONField(default=list)
    steering = models.JSONField(default=dict)
    base_plan_uid = models.UUIDField(null=True)
    band = models.JSONField(null=True)
    state = models.CharField(
        max_length=10, choices=PlanRequestState, default=PlanRequestState.REQUESTED
    )
    message = models.JSONField(default=dict)
    solve_run_uid = models.UUIDField(null=True)
    best_minutes = models.PositiveIntegerField(null=True)
    bound_minutes = models.PositiveIntegerField(null=True)
    stop_requested_at = models.DateTimeField(null=True)
    waiting_since = models.DateTimeField(null=True)
    market_mark = models.CharField(max_length=60, blank=True, default="")
    held_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["buyer", "order_uid", "-id"]),
            models.Index(fields=["platform", "-id"]),
            models.Index(
                fields=["platform"],
                name="share_waits",
                condition=Q(waiting_since__isnull=False),
            ),
            models.Index(
                fields=["buyer", "held_until"],
                name="holds_of_a_buyer",
                condition=Q(held_until__isnull=False),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["buyer", "order_uid"],
                name="one_steering_at_a_time",
                condition=Q(purpose="steered", state__in=("requested", "solving")),
            ),
            models.UniqueConstraint(
                fields=["order_uid"],
                name="an_order_is_held_once",
                condition=Q(held_until__isnull=False),
            ),
            models.CheckConstraint(
                name="steered_from_a_plan",
                condition=Q(purpose="steered", base_plan_uid__isnull=False)
                | (~Q(purpose="steered") & Q(base_plan_uid__isnull=True)),
            ),
        ]


class PlanState(models.TextChoices):
    PROPOSED = "proposed", _("Proposed")
    """Waits for the buyer."""
    CHOSEN = "chosen", _("Chosen")
    """Its shares are offered."""
    SUPERSEDED = "superseded", _("Superseded")
    """Another was chosen or the order was planned again."""


class PlanKind(models.TextChoices):
    CHEAPEST = "cheapest", _("Cheapest")
    """Least cost within the due date."""
    FASTEST = "fastest", _("Fastest")
    """Earliest completion."""
    SAFEST = "safest", _("Safest")
    """Slack for slow machines."""
    BALANCED = "balanced", _("Balanced")
    """Cost and date weighed."""
    LATER = "later", _("Later date")
    """A way out: the earliest date beyond the due date."""
    DEARER = "dearer", _("Higher ceiling")
    """A way out: the least cost beyond the price ceiling."""
    SMALLER = "smaller", _("Fewer pieces")
    """A way out: what has no place is cancelled."""
    LARGER = "larger", _("More pieces")
    """A way out: whole lots of a size that the machines take."""
    ROOM = "room", _("Other lots make room")
    """A way out: no limit changes, and factories move lots of other orders within their dates."""
    STEERED = "steered", _("Steered")
    """Made to the buyer's own split."""


class Plan(models.Model):
    """One alternative, checked by the independent checker before it is stored.

    `schedule` has the shape of `marketplace.core.plan_json.PlanDocument`, in minutes from
    `origin_at`; `reasons` says why these machines were taken, and why others were not. `terms` is
    what choosing it changes in the order, in the shape of `marketplace.core.terms.Terms`. A steered
    plan belongs to the request of the plan that it was steered from, at the end of a chain; its
    `number` counts them within that request, and `steering` is what the buyer asked for.
    """

    TRANSITIONS = {
        "chosen": frozenset({"proposed"}),
        "superseded": frozenset({"proposed", "chosen"}),
    }

    uid = models.UUIDField(default=uuid7, editable=False, unique=True)
    buyer = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    platform = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", db_index=False
    )
    request = models.ForeignKey("marketplace.PlanRequest", models.PROTECT, related_name="plans")
    order_uid = models.UUIDField()
    kind = models.CharField(max_length=10, choices=PlanKind)
    number = models.PositiveIntegerField(null=True)
    steering = models.OneToOneField(
        "marketplace.PlanRequest", models.PROTECT, null=True, related_name="answer"
    )
    state = models.CharField(max_length=10, choices=PlanState, default=PlanState.PROPOSED)
    origin_at = models.DateTimeField()
    cost_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    completes_at = models.DateTimeField()
    makespan_minutes = models.PositiveIntegerField()
    bound_minutes = models.PositiveIntegerField()
    gap = models.FloatField()
    supplier_count = models.PositiveIntegerField()
    machine_count = models.PositiveIntegerField()
    schedule = models.JSONField()
    reasons = models.JSONField()
    terms = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["buyer", "order_uid", "-id"])]
        constraints = [
            models.UniqueConstraint(fields=["request", "number"], name="steered_plan_number_once")
        ]

    @property
    def title(self) -> str:
        """Return what the plan is called; steered ones are numbered."""
        kind = self.get_kind_display()
        return kind if self.number is None else f"{kind} {self.number}"


class Commitment(TenantModel):
    """The platform's copy of machine time that is spoken for, so that nobody plans on it.

    `tenant` is the platform. A span offered to one order is refused to every other: two live
    commitments of a machine never overlap. Time that is held is for a refused order's ways out,
    until `held_until`; it names no operation of a plan, because several plans may want it. Booked
    time that `yields_to` an offer is given up for it if its factory accepts; until then the offer
    has only what is free beside it.
    """

    TRANSITIONS = {
        "booked": frozenset({"offered"}),
        "released": frozenset({"held", "offered", "booked"}),
    }

    machine_id = models.BigIntegerField()
    during = DateTimeRangeField()
    order_uid = models.UUIDField()
    offer_uid = models.UUIDField(null=True)
    operation_uid = models.UUIDField()
    state = models.CharField(
        max_length=10,
        choices=[
            ("held", _("Held")),
            ("offered", _("Offered")),
            ("booked", _("Booked")),
            ("released", _("Released")),
        ],
    )
    held_until = models.DateTimeField(null=True)
    yields_to = models.UUIDField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "order_uid"]),
            models.Index(fields=["tenant", "offer_uid"]),
            models.Index(fields=["tenant", "machine_id", "during"]),
            models.Index(
                fields=["yields_to"], name="time_that_yields", condition=Q(yields_to__isnull=False)
            ),
            models.Index(fields=["held_until"], name="held_time", condition=Q(state="held")),
        ]
        constraints = [
            models.CheckConstraint(
                name="held_time_has_an_end",
                condition=~Q(state="held") | Q(held_until__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["operation_uid"],
                name="commitment_operation_once",
                condition=~Q(state="released"),
            ),
            ExclusionConstraint(
                name="commitment_no_overlap",
                expressions=[
                    (
                        IdRange(F("machine_id"), F("machine_id"), Value("[]")),
                        RangeOperators.OVERLAPS,
                    ),
                    ("during", RangeOperators.OVERLAPS),
                ],
                condition=~Q(state="released"),
            ),
        ]
