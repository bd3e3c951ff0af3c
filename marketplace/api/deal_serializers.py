"""What goes in and out of the API about offers, work and shipments."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from marketplace.core.share import Share
from marketplace.models import Offer, Operation, Shipment, ShipmentLine, WorkOrder

MOST_REPORTS = 2_000


class OfferedOperationOut(serializers.Serializer):
    uid = serializers.UUIDField()
    lot = serializers.IntegerField()
    step = serializers.IntegerField()
    process = serializers.CharField()
    machine_code = serializers.CharField()
    start_at = serializers.DateTimeField()
    end_at = serializers.DateTimeField()
    quantity = serializers.IntegerField()
    set_up_minutes = serializers.IntegerField()
    price = serializers.CharField(source="price_minor")


class ShareOut(serializers.Serializer):
    title = serializers.CharField()
    unit = serializers.CharField()
    order_quantity = serializers.IntegerField()
    step_count = serializers.IntegerField()
    due_at = serializers.DateTimeField()
    note = serializers.CharField()
    ship_to = serializers.CharField()
    requirements = serializers.DictField()
    operations = OfferedOperationOut(many=True)


class PlaceOut(serializers.Serializer):
    machine_code = serializers.CharField()
    start_at = serializers.DateTimeField()
    end_at = serializers.DateTimeField()
    set_up_minutes = serializers.IntegerField()


class MoveOut(serializers.Serializer):
    """A lot of another order of the factory: where it lies, and where it goes to make room."""

    operation = serializers.UUIDField(source="operation_uid")
    lot = serializers.IntegerField()
    step = serializers.IntegerField()
    before = PlaceOut()
    after = PlaceOut()


class OfferOut(serializers.ModelSerializer):
    """An offer with all that its supplier sees of the order; money in minor units, as strings.

    `moves` are lots of its own other orders that move when the offer is accepted, in the same
    transaction and within the dates that those orders are promised; most offers have none.
    With a `proposal_uid` it asks for lots that another factory gives up: accepted, it holds the
    hours, and work orders open when everybody who is asked has accepted.
    """

    price = serializers.CharField(source="price_minor")
    commission = serializers.CharField(source="commission_minor")
    share = serializers.SerializerMethodField()
    moves = serializers.SerializerMethodField()

    class Meta:
        model = Offer
        fields = [
            *("uid", "order_uid", "order_number", "state", "quantity", "machine_minutes"),
            *("price", "commission", "currency", "starts_at", "ends_at", "expires_at"),
            *("answered_at", "answered_by", "decline_reason", "share"),
            *("moves", "proposal_uid"),
        ]

    @extend_schema_field(ShareOut)
    def get_share(self, offer: Offer) -> Any:
        return ShareOut(Share.from_json(offer.snapshot)).data

    @extend_schema_field(MoveOut(many=True))
    def get_moves(self, offer: Offer) -> Any:
        return MoveOut(self.context["moves"].get(offer.uid, []), many=True).data


class DeclineIn(serializers.Serializer):
    reason = serializers.CharField(max_length=300)


class WorkOrderOut(serializers.ModelSerializer):
    """A factory's part in a step: the shop's claim beside the machines' count."""

    price = serializers.CharField(source="price_minor")

    class Meta:
        model = WorkOrder
        fields = [
            *("uid", "number", "order_uid", "order_number", "title", "unit", "step"),
            *("process_code", "quantity", "price", "currency", "starts_at", "ends_at", "state"),
            *("claimed_good", "claimed_scrap", "counted", "counted_at"),
        ]


class OperationOut(serializers.ModelSerializer):
    work_order = serializers.UUIDField(source="work_order.uid")

    class Meta:
        model = Operation
        fields = [
            *("uid", "work_order", "order_uid", "lot", "step", "machine_code", "state"),
            *("planned_start_at", "planned_end_at", "set_up_minutes", "quantity", "received"),
            *("good", "scrap", "counted", "accepted", "started_at", "finished_at"),
            *("next_operation_uid", "transport_minutes"),
        ]


class ReportIn(serializers.Serializer):
    """Running totals of one operation, true at `at` (default: now)."""

    operation = serializers.UUIDField()
    good = serializers.IntegerField(min_value=0)
    scrap = serializers.IntegerField(min_value=0)
    at = serializers.DateTimeField(required=False)


class ReportsIn(serializers.Serializer):
    reports = ReportIn(many=True)

    def validate_reports(self, reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len(reports) > MOST_REPORTS:
            raise serializers.ValidationError(
                _("At most %(most)s reports in one call.") % {"most": MOST_REPORTS}
            )
        return reports


class ReportOut(serializers.Serializer):
    """What became of one report: `outcome`, or `refusal` with its sentence."""

    operation = serializers.UUIDField(source="operation_uid")
    outcome = serializers.CharField(allow_null=True)
    refusal = serializers.CharField(allow_null=True)
    detail = serializers.CharField(source="sentence")


class ReportsOut(serializers.Serializer):
    results = ReportOut(many=True)


class ShipmentLineOut(serializers.ModelSerializer):
    operation = serializers.UUIDField(source="operation_uid")
    next_operation = serializers.UUIDField(source="next_operation_uid", allow_null=True)

    class Meta:
        model = ShipmentLine
        fields = [
            *("lot", "quantity", "accepted", "reject_reason", "operation", "next_operation"),
        ]


class ShipmentOut(serializers.ModelSerializer):
    lines = ShipmentLineOut(many=True)

    class Meta:
        model = Shipment
        fields = [
            *("uid", "number", "order_uid", "order_number", "is_final", "quantity", "state"),
            *("sent_at", "due_at", "delivered_at", "inspected_at", "accepted", "rejected", "lines"),
        ]


class DepartureIn(serializers.Serializer):
    """A lot that has left, at `at` (default: now)."""

    operation = serializers.UUIDField()
    at = serializers.DateTimeField(required=False)


class ShipIn(serializers.Serializer):
    """The lots that leave: `operations` now, or `departures` each at its own instant."""

    operations = serializers.ListField(
        child=serializers.UUIDField(), max_length=MOST_REPORTS, required=False, default=list
    )
    departures = DepartureIn(many=True, required=False, default=list)
    note = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if not 1 <= len(given["operations"]) + len(given["departures"]) <= MOST_REPORTS:
            raise serializers.ValidationError(
                _("Name at least one lot and at most %(most)s.") % {"most": MOST_REPORTS}
            )
        return given


class ArrivalIn(serializers.Serializer):
    """A shipment that has come, at `at` (default: now)."""

    shipment = serializers.UUIDField()
    at = serializers.DateTimeField(required=False)


class ReceiveIn(serializers.Serializer):
    """The shipments to sign for: `shipments` now, or `arrivals` each at its own instant."""

    shipments = serializers.ListField(
        child=serializers.UUIDField(), max_length=MOST_REPORTS, required=False, default=list
    )
    arrivals = ArrivalIn(many=True, required=False, default=list)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if not 1 <= len(given["shipments"]) + len(given["arrivals"]) <= MOST_REPORTS:
            raise serializers.ValidationError(
                _("Name at least one shipment and at most %(most)s.") % {"most": MOST_REPORTS}
            )
        return given


class AcceptIn(serializers.Serializer):
    shipments = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=MOST_REPORTS
    )


class VerdictIn(serializers.Serializer):
    operation = serializers.UUIDField()
    accepted = serializers.IntegerField(min_value=0)
    reason = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)


class InspectIn(serializers.Serializer):
    """Lot by lot; without lines everything is accepted."""

    lines = VerdictIn(many=True, required=False)
