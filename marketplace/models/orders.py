"""A buyer's order and its routing."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from tenants.models.base import TenantModel


class OrderState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    """Being written."""
    POSTED = "posted", _("Posted")
    """With the matcher: a band first, then plans."""
    PLANNED = "planned", _("Plans ready")
    """Plans wait for the buyer's choice."""
    OFFERED = "offered", _("Offered")
    """Factories are asked; their answers have a clock."""
    CONFIRMED = "confirmed", _("Confirmed")
    """Every share is accepted; money is asked for."""
    IN_PRODUCTION = "in_production", _("In production")
    """Funded and running."""
    DELIVERED = "delivered", _("Delivered")
    """Everything has arrived."""
    ACCEPTED = "accepted", _("Accepted")
    """Inspected, accepted, paid out."""
    CANCELLED = "cancelled", _("Cancelled")
    """Ended before production."""


class Order(TenantModel):
    """What a buyer wants made. Quantity = accepted + open + cancelled, always."""

    TRANSITIONS = {
        "posted": frozenset({"draft", "planned", "posted", "offered"}),
        "planned": frozenset({"posted", "offered"}),
        "offered": frozenset({"planned"}),
        "confirmed": frozenset({"offered"}),
        "in_production": frozenset({"confirmed"}),
        "delivered": frozenset({"in_production"}),
        "accepted": frozenset({"delivered", "in_production"}),
        "cancelled": frozenset({"draft", "posted", "planned", "offered", "confirmed"}),
    }

    number = models.CharField(max_length=20)
    title = models.CharField(_("Title"), max_length=120)
    quantity = models.PositiveBigIntegerField(_("Quantity"))
    unit = models.CharField(_("Unit"), max_length=20, default="pcs")
    currency = models.CharField(_("Currency"), max_length=3, default="CNY")
    earliest_start_at = models.DateTimeField()
    due_at = models.DateTimeField(_("Due date"))
    price_ceiling_minor = models.PositiveBigIntegerField(_("Price ceiling"), null=True, blank=True)
    lot_size = models.PositiveIntegerField(_("Lot size"), null=True, blank=True)
    ship_to = models.CharField(_("Deliver to"), max_length=200, blank=True)
    ship_to_x_km = models.FloatField(default=0)
    ship_to_y_km = models.FloatField(default=0)
    note = models.TextField(_("Note to factories"), blank=True)
    state = models.CharField(max_length=14, choices=OrderState, default=OrderState.DRAFT)
    accepted_quantity = models.PositiveBigIntegerField(default=0)
    cancelled_quantity = models.PositiveBigIntegerField(default=0)
    promised_at = models.DateTimeField(null=True)
    cost_minor = models.PositiveBigIntegerField(null=True)
    chosen_plan_uid = models.UUIDField(null=True)
    created_by = models.CharField(max_length=160)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "state", "-id"]),
            models.Index(fields=["tenant", "-id"]),
        ]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="order_number_once"),
            models.CheckConstraint(name="order_quantity", condition=Q(quantity__gt=0)),
            models.CheckConstraint(
                name="order_quantity_conserved",
                condition=Q(quantity__gte=F("accepted_quantity") + F("cancelled_quantity")),
            ),
            models.CheckConstraint(
                name="order_dates", condition=Q(due_at__gt=F("earliest_start_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"


class OrderStep(TenantModel):
    """One step of an order's routing: a process and what the machine must hold for it."""

    order = models.ForeignKey(
        "marketplace.Order", models.CASCADE, related_name="steps", db_index=False
    )
    position = models.PositiveSmallIntegerField()
    process = models.ForeignKey("marketplace.Process", models.PROTECT, related_name="+")
    requirements = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "order", "position"], name="step_position_once"
            )
        ]
