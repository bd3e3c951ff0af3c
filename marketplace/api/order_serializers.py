"""What goes in and out of the API about orders and their plans."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers

from marketplace.core.asked import AskedOrder, AskedStep
from marketplace.core.steering import GOALS, PlanPlace, Wish, Wishes
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


class WishIO(serializers.Serializer):
    """So many pieces of a step (from 1) for a place, kept to about a lot more or less."""

    step = serializers.IntegerField()
    place = serializers.CharField(max_length=64)
    pieces = serializers.IntegerField()


class SteerIn(serializers.Serializer):
    """How a plan is to differ: places are named by the `uid` of the plan's own `places`.

    `pinned` places keep what they make, `excluded` ones get nothing. The `goal`, near the plan in
    date and cost, `cost` or `makespan`, is that of the plan which is steered unless it is given.
    """

    pieces = WishIO(many=True, required=False, default=list)
    pinned = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, default=list
    )
    excluded = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, default=list
    )
    goal = serializers.ChoiceField(choices=GOALS, required=False, default="")

    def wishes(self) -> Wishes:
        """Return the wishes in the shape of the services."""
        given = self.validated_data
        return Wishes(
            pieces=tuple(Wish(**wish) for wish in given["pieces"]),
            pinned=frozenset(given["pinned"]),
            excluded=frozenset(given["excluded"]),
            goal=given["goal"],
        )


class PlanRequestOut(serializers.ModelSerializer):
    """How far the matcher is. `band` is the first range of date and price.

    The machine time of plans that change a limit is held for the buyer until `held_until`. For a
    split that a buyer asked for, `base_plan` is the plan that was steered and `plan` the
    answer, once there is one.
    """

    order = serializers.UUIDField(source="order_uid")
    detail = serializers.SerializerMethodField()
    base_plan = serializers.UUIDField(source="base_plan_uid", allow_null=True)
    plan = serializers.SerializerMethodField()

    class Meta:
        model = PlanRequest
        fields = [
            *("uid", "order", "purpose", "state", "band", "detail", "message"),
            *("best_minutes", "bound_minutes", "stop_requested_at", "waiting_since", "created_at"),
            "held_until",
            *("base_plan", "plan"),
        ]

    def get_plan(self, request: PlanRequest) -> UUID | None:
        """Return the steered plan, once it is made."""
        answers = Plan.objects.filter(steering=request) if request.base_plan_uid else None
        return None if answers is None else answers.values_list("uid", flat=True).first()

    def get_detail(self, request: PlanRequest) -> str:
        """Say in words why there is no plan, or nothing."""
        if not request.message or "code" not in request.message:
            return ""
        currency = request.snapshot["currency"]
        said = sentence(request.message, processes=self.context["processes"], currency=currency)
        return str(said)


class PlanOut(serializers.ModelSerializer):
    """One alternative without its schedule.

    A steered plan has a `number` and names the plan it was `steered_from`. `terms` is what choosing
    it changes in the order (`due_at`, `price_ceiling_minor`, `quantity`): only plans for what found
    no place within the order's limits have any. With `room_factories` no limit changes: so many
    factories have to move lots of other orders first, before `room_until`.
    """

    order = serializers.UUIDField(source="order_uid")
    request = serializers.UUIDField(source="request.uid")
    cost = serializers.CharField(source="cost_minor")
    steered_from = serializers.UUIDField(
        source="steering.base_plan_uid", default=None, allow_null=True
    )

    class Meta:
        model = Plan
        fields = [
            *("uid", "order", "request", "kind", "state", "cost", "currency", "completes_at"),
            *("makespan_minutes", "bound_minutes", "gap", "supplier_count", "machine_count"),
            *("terms", "number", "steered_from"),
        ]


class PlanDetailOut(PlanOut):
    """One alternative with its operations; minutes count from `origin_at`."""

    operations = serializers.SerializerMethodField()
    places = serializers.SerializerMethodField()

    class Meta(PlanOut.Meta):
        fields = [*PlanOut.Meta.fields, "origin_at", "places", "operations"]

    def get_places(self, plan: Plan) -> list[dict[str, Any]]:
        """List the places that may do a step, with the pieces that they make of it here."""
        return [
            {
                "uid": place.uid,
                "supplier": place.supplier,
                "site": place.site,
                "steps": [{"step": step, "pieces": place.pieces(step)} for step in place.able],
            }
            for place in map(PlanPlace.from_json, plan.reasons.get("places", []))
        ]

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
