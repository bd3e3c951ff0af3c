"""What goes in and out of the API about orders and their plans."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from marketplace.core.asked import AskedOrder, AskedStep
from marketplace.models import Order, Plan, PlanRequest
from marketplace.wording import sentence


class StepIO(serializers.Serializer):
    """A process of the catalogue by its code, and what the machine must hold for it."""

    process = serializers.CharField(max_length=40)
    requirements = serializers.DictField(required=False, default=dict)


class OrderIn(serializers.Serializer):
    """An order; money in minor units, as a string. What is wrong is said field by field."""

    title = serializers.CharField(max_length=120)
    quantity = serializers.IntegerField()
    unit = serializers.CharField(max_length=20, default="pcs")
    currency = serializers.CharField(max_length=3, default="CNY")
    steps = StepIO(many=True)
    earliest_start_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    price_ceiling = serializers.IntegerField(required=False, allow_null=True, default=None)
    lot_size = serializers.IntegerField(required=False, allow_null=True, default=None)
    ship_to = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    ship_to_x_km = serializers.FloatField(required=False, default=0)
    ship_to_y_km = serializers.FloatField(required=False, default=0)
    note = serializers.CharField(max_length=4000, required=False, default="", allow_blank=True)

    def asked(self) -> AskedOrder:
        """Return the order in the shape of the services."""
        fields: dict[str, Any] = dict(self.validated_data)
        steps = tuple(AskedStep(**step) for step in fields.pop("steps"))
        return AskedOrder(steps=steps, price_ceiling_minor=fields.pop("price_ceiling"), **fields)


class OrderStepOut(serializers.Serializer):
    position = serializers.IntegerField()
    process = serializers.CharField(source="process.code")
    requirements = serializers.DictField()


class OrderOut(serializers.ModelSerializer):
    steps = OrderStepOut(many=True)
    cost = serializers.CharField(source="cost_minor", allow_null=True)
    price_ceiling = serializers.CharField(source="price_ceiling_minor", allow_null=True)

    class Meta:
        model = Order
        fields = [
            *("uid", "number", "title", "quantity", "unit", "currency", "steps", "state"),
            *("earliest_start_at", "due_at", "price_ceiling", "lot_size", "ship_to", "note"),
            *("accepted_quantity", "cancelled_quantity", "promised_at", "cost"),
            *("chosen_plan_uid", "created_at"),
        ]


class PlanRequestOut(serializers.ModelSerializer):
    """How far the matcher is. `band` is the first range of date and price."""

    order = serializers.UUIDField(source="order_uid")
    detail = serializers.SerializerMethodField()

    class Meta:
        model = PlanRequest
        fields = [
            *("uid", "order", "purpose", "state", "band", "detail", "message"),
            *("best_minutes", "bound_minutes", "stop_requested_at", "waiting_since", "created_at"),
        ]

    def get_detail(self, request: PlanRequest) -> str:
        """Say in words why there is no plan, or nothing."""
        if not request.message or "code" not in request.message:
            return ""
        currency = request.snapshot["currency"]
        said = sentence(request.message, processes=self.context["processes"], currency=currency)
        return str(said)


class PlanOut(serializers.ModelSerializer):
    """One alternative without its schedule.

    `terms` is what choosing it changes in the order (`due_at`, `price_ceiling_minor`, `quantity`):
    only plans for a returned share that found no place within the order's limits have any.
    """

    order = serializers.UUIDField(source="order_uid")
    request = serializers.UUIDField(source="request.uid")
    cost = serializers.CharField(source="cost_minor")

    class Meta:
        model = Plan
        fields = [
            *("uid", "order", "request", "kind", "state", "cost", "currency", "completes_at"),
            *("makespan_minutes", "bound_minutes", "gap", "supplier_count", "machine_count"),
            "terms",
        ]


class PlanDetailOut(PlanOut):
    """One alternative with its operations; minutes count from `origin_at`."""

    operations = serializers.SerializerMethodField()

    class Meta(PlanOut.Meta):
        fields = [*PlanOut.Meta.fields, "origin_at", "operations"]

    def get_operations(self, plan: Plan) -> list[dict[str, Any]]:
        """List who does what when; machines by code, suppliers by name."""
        document = self.context["document"]
        return [
            {
                "lot": operation.lot,
                "step": operation.step,
                "supplier": document.suppliers[document.machines[operation.machine].supplier].name,
                "machine": document.machines[operation.machine].code,
                "start": operation.start,
                "end": operation.end,
                "quantity": operation.quantity,
                "set_up_minutes": operation.set_up,
            }
            for operation in document.operations
        ]
