"""Work orders of a factory, and the operations on lots that they are made of."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from marketplace.models.bilateral import DealModel


class WorkOrderState(models.TextChoices):
    CONFIRMED = "confirmed", _("Confirmed")
    """Accepted; waits for the order's money."""
    RELEASED = "released", _("Released")
    """Funded: may start."""
    IN_PROCESS = "in_process", _("In process")
    """At least one operation has started."""
    COMPLETED = "completed", _("Completed")
    """Every operation is finished."""
    CANCELLED = "cancelled", _("Cancelled")
    """Ended before it started."""


class WorkOrder(DealModel):
    """One factory's part in one step of an order.

    The shop's claim (`claimed_good`, `claimed_scrap`) stands beside the machines' own count.
    `material_at` is when it says that late material comes.
    """

    TRANSITIONS = {
        "released": frozenset({"confirmed"}),
        "in_process": frozenset({"released", "in_process"}),
        "completed": frozenset({"released", "in_process"}),
        "cancelled": frozenset({"confirmed", "released"}),
    }

    offer = models.ForeignKey("marketplace.Offer", models.PROTECT, related_name="work_orders")
    number = models.CharField(max_length=30)
    title = models.CharField(max_length=120)
    unit = models.CharField(max_length=20, default="pcs")
    step = models.PositiveSmallIntegerField()
    process_code = models.CharField(max_length=40)
    is_last_step = models.BooleanField(default=False)
    quantity = models.PositiveBigIntegerField()
    price_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    state = models.CharField(
        max_length=10, choices=WorkOrderState, default=WorkOrderState.CONFIRMED
    )
    claimed_good = models.PositiveBigIntegerField(default=0)
    claimed_scrap = models.PositiveBigIntegerField(default=0)
    counted = models.PositiveBigIntegerField(default=0)
    counted_at = models.DateTimeField(null=True)
    material_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["buyer", "order_uid"]),
            models.Index(fields=["supplier", "state", "starts_at"]),
        ]
        constraints = [
            models.UniqueConstraint(fields=["offer", "step"], name="work_order_step_once"),
            models.CheckConstraint(
                name="work_order_quantity",
                condition=Q(quantity__gte=F("claimed_good") + F("claimed_scrap")),
            ),
        ]


class OperationState(models.TextChoices):
    WAITING = "waiting", _("Waiting for the lot")
    """The lot has not arrived from the step before."""
    READY = "ready", _("Ready")
    """The lot is here (or it is the first step)."""
    STARTED = "started", _("Started")
    """On the machine."""
    FINISHED = "finished", _("Finished")
    """Started = good + scrap."""
    SHIPPED = "shipped", _("Sent on")
    """The lot has left for the next factory or the buyer."""
    CANCELLED = "cancelled", _("Cancelled")
    """The buyer cancelled before production."""


class Operation(DealModel):
    """One lot on one machine in one step. `quantity` is planned, `received` what really came in.

    A lot of which nothing is left ends early: its later operations are finished with 0 received.
    `good` and `scrap` are the shop's claim and run up to `received`; `counted` is the machine's.
    `accepted` of the buyer's inspection stands on every operation of the lot's chain.
    """

    TRANSITIONS = {
        "ready": frozenset({"waiting"}),
        "started": frozenset({"ready"}),
        "finished": frozenset({"started", "waiting"}),
        "cancelled": frozenset({"waiting", "ready"}),
        "shipped": frozenset({"finished"}),
    }

    work_order = models.ForeignKey(
        "marketplace.WorkOrder", models.PROTECT, related_name="operations"
    )
    lot = models.PositiveIntegerField()
    step = models.PositiveSmallIntegerField()
    machine_id = models.BigIntegerField()
    machine_code = models.CharField(max_length=40)
    planned_start_at = models.DateTimeField()
    planned_end_at = models.DateTimeField()
    set_up_minutes = models.PositiveIntegerField(default=0)
    quantity = models.PositiveBigIntegerField()
    received = models.PositiveBigIntegerField(null=True)
    good = models.PositiveBigIntegerField(default=0)
    scrap = models.PositiveBigIntegerField(default=0)
    counted = models.PositiveBigIntegerField(default=0)
    accepted = models.PositiveBigIntegerField(default=0)
    price_minor = models.PositiveBigIntegerField()
    previous_supplier = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", null=True, db_index=False
    )
    next_supplier = models.ForeignKey(
        "tenants.Organisation", models.PROTECT, related_name="+", null=True, db_index=False
    )
    next_operation_uid = models.UUIDField(null=True)
    transport_minutes = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, choices=OperationState)
    received_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    reported_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    shipped_at = models.DateTimeField(null=True)
    shipment_number = models.CharField(max_length=30, blank=True)
    delivered_at = models.DateTimeField(null=True)
    inspected_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["buyer", "order_uid", "lot", "step"]),
            models.Index(fields=["supplier", "state", "planned_start_at"]),
            models.Index(fields=["work_order", "planned_start_at"]),
            models.Index(fields=["next_operation_uid"]),
            models.Index(
                fields=["supplier", "machine_id", "planned_start_at"],
                name="operation_open_on_machine",
                condition=Q(state__in=("waiting", "ready", "started")),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["order_uid", "lot", "step"],
                name="operation_once",
                condition=~Q(state="cancelled"),
            ),
            models.CheckConstraint(
                name="operation_receives_at_most",
                condition=Q(received=None) | Q(received__lte=F("quantity")),
            ),
            models.CheckConstraint(
                name="operation_accepted_is_good", condition=Q(accepted__lte=F("good"))
            ),
            models.CheckConstraint(
                name="operation_conserves",
                condition=Q(received=None, good=0, scrap=0)
                | Q(received__isnull=False, received__gte=F("good") + F("scrap")),
            ),
            models.CheckConstraint(
                name="operation_finished_conserves",
                condition=~Q(state__in=["finished", "shipped"])
                | Q(received=F("good") + F("scrap")),
            ),
        ]


class Correction(DealModel):
    """A slip of the pen in a finished lot's report, put right; never changed and never removed.

    Pieces move between good and scrap only: the lot is finished, so together they stay what came
    in. The operation carries the newest figures; the corrections say what stood there before.
    """

    operation = models.ForeignKey(
        "marketplace.Operation", models.PROTECT, related_name="corrections"
    )
    good_before = models.PositiveBigIntegerField()
    scrap_before = models.PositiveBigIntegerField()
    good = models.PositiveBigIntegerField()
    scrap = models.PositiveBigIntegerField()
    reason = models.CharField(max_length=300)
    corrected_by = models.CharField(max_length=160)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["operation", "-id"])]
        constraints = [
            models.CheckConstraint(
                name="correction_conserves",
                condition=Q(good=F("good_before") + F("scrap_before") - F("scrap")),
            ),
            models.CheckConstraint(name="correction_corrects", condition=~Q(good=F("good_before"))),
            models.CheckConstraint(name="correction_has_reason", condition=~Q(reason="")),
        ]
