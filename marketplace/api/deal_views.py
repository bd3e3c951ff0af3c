"""Offers, work and shipments over REST."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from marketplace.api.deal_serializers import (
    AcceptIn,
    DeclineIn,
    InspectIn,
    OfferOut,
    OperationOut,
    ReceiveIn,
    ReportsIn,
    ReportsOut,
    ShipIn,
    ShipmentOut,
    WorkOrderOut,
)
from marketplace.models import Offer, Operation, Shipment, WorkOrder
from marketplace.selectors.offer_room import moves_for
from marketplace.services.inspection import Verdict, inspect_shipment
from marketplace.services.offers import OfferUnknown, accept_offer, decline_offer
from marketplace.services.production import Report, report_operations
from marketplace.services.shipping import ShipmentUnknown, receive_shipments, ship_operations
from tenants.api.idempotency import idempotent
from tenants.api.queries import choice_of, uid_of
from tenants.clock import site_now


def _acting(request: Request) -> dict[str, Any]:
    return {"by": request.user.actor, "now": site_now()}  # type: ignore[union-attr]


def _read(serializer_class: Any, request: Request) -> dict[str, Any]:
    given = serializer_class(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


class OffersView(ListAPIView):
    """The offers made to the own organisation; `?state=offered` those that wait."""

    serializer_class = OfferOut

    def get_queryset(self) -> QuerySet[Offer]:
        found = Offer.objects.of_supplier(self.request.organisation.pk)
        state = choice_of(self.request, "state", Offer._meta.get_field("state"))
        return found.filter(state=state) if state else found

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """Give the serializer what moves for the offers of this page, in one query."""
        offers = args[0] if args else []
        moves = moves_for(self.request.organisation.pk, offers)
        return OfferOut(*args, context={"moves": moves}, **kwargs)


def _offer_out(offer: Offer) -> dict[str, Any]:
    return OfferOut(offer, context={"moves": moves_for(offer.supplier_id, [offer])}).data


class OfferView(APIView):
    @extend_schema(responses=OfferOut)
    def get(self, request: Request, uid: UUID) -> Response:
        """Show one offer."""
        own = Offer.objects.of_supplier(request.organisation.pk)  # type: ignore[attr-defined]
        offer = own.filter(uid=uid).first()
        if offer is None:
            raise OfferUnknown(_("There is no such offer."))
        return Response(_offer_out(offer))


class OfferAcceptView(APIView):
    write_scope = "offers"

    @extend_schema(request=None, responses=OfferOut)
    @idempotent
    def post(self, request: Request, uid: UUID) -> Response:
        """Accept: the machine time is booked at once, or a sentence says why it cannot be."""
        return Response(_offer_out(accept_offer(offer_uid=uid, **_acting(request))))


class OfferDeclineView(APIView):
    write_scope = "offers"

    @extend_schema(request=DeclineIn, responses=OfferOut)
    @idempotent
    def post(self, request: Request, uid: UUID) -> Response:
        """Decline with a reason: the share goes back to the planner."""
        own = Offer.objects.of_supplier(request.organisation.pk)  # type: ignore[attr-defined]
        if not own.filter(uid=uid).exists():
            raise OfferUnknown(_("There is no such offer."))
        reason = _read(DeclineIn, request)["reason"]
        offer = decline_offer(offer_uid=uid, reason=reason, **_acting(request))
        return Response(_offer_out(offer))


class WorkOrdersView(ListAPIView):
    """Work orders of the own organisation, as supplier or as buyer; `?order=` narrows."""

    serializer_class = WorkOrderOut

    def get_queryset(self) -> QuerySet[WorkOrder]:
        own = self.request.organisation.pk
        found = WorkOrder.objects.filter(Q(supplier_id=own) | Q(buyer_id=own))
        order = uid_of(self.request, "order")
        return found.filter(order_uid=order) if order else found


class OperationsView(ListAPIView):
    """Operations of the own organisation; `?order=`, `?work_order=`, `?state=` narrow."""

    serializer_class = OperationOut

    def get_queryset(self) -> QuerySet[Operation]:
        own = self.request.organisation.pk
        found = Operation.objects.filter(Q(supplier_id=own) | Q(buyer_id=own))
        found = found.select_related("work_order")
        if order := uid_of(self.request, "order"):
            found = found.filter(order_uid=order)
        if work_order := uid_of(self.request, "work_order"):
            found = found.filter(work_order__uid=work_order)
        state = choice_of(self.request, "state", Operation._meta.get_field("state"))
        return found.filter(state=state) if state else found


class ReportsView(APIView):
    write_scope = "production"

    @extend_schema(request=ReportsIn, responses=ReportsOut)
    @idempotent
    def post(self, request: Request) -> Response:
        """Take many reports, each on its own; they are running totals and may be repeated."""
        reports = [
            Report(
                operation_uid=one["operation"],
                good=one["good"],
                scrap=one["scrap"],
                at=one.get("at"),
            )
            for one in _read(ReportsIn, request)["reports"]
        ]
        results = report_operations(reports=reports, **_acting(request))
        return Response(ReportsOut({"results": results}).data)


class ShipmentsView(ListAPIView):
    """Shipments from and to the own organisation; `?direction=in|out`, `?state=` narrow."""

    serializer_class = ShipmentOut
    write_scope = "production"

    def get_queryset(self) -> QuerySet[Shipment]:
        own = self.request.organisation.pk
        direction = self.request.query_params.get("direction", "")
        incoming, outgoing = Q(receiver_id=own), Q(sender_id=own)
        parts = {"in": incoming, "out": outgoing}
        found = Shipment.objects.filter(parts.get(direction, incoming | outgoing))
        state = choice_of(self.request, "state", Shipment._meta.get_field("state"))
        found = found.filter(state=state) if state else found
        return found.prefetch_related("lines")

    @extend_schema(request=ShipIn, responses=ShipmentOut(many=True))
    @idempotent
    def post(self, request: Request) -> Response:
        """Send finished lots on; lots that have left already are not sent twice."""
        given = _read(ShipIn, request)
        named = [*given["operations"], *(one["operation"] for one in given["departures"])]
        left_at = {one["operation"]: one["at"] for one in given["departures"] if "at" in one}
        shipments = ship_operations(
            operation_uids=named, note=given["note"], left_at=left_at, **_acting(request)
        )
        return Response(_shipments_out(request, shipments), status=201)


class SignedByEither(APIView):
    """A factory signs with the scope `production`, a buyer with `orders`."""

    @property
    def write_scope(self) -> str:
        scopes = self.request.user.scopes  # type: ignore[union-attr]
        return "orders" if "orders" in scopes else "production"


class ReceiveView(SignedByEither):
    @extend_schema(request=ReceiveIn, responses=ShipmentOut(many=True))
    @idempotent
    def post(self, request: Request) -> Response:
        """Sign for shipments; signed for twice, they are received once."""
        given = _read(ReceiveIn, request)
        named = [*given["shipments"], *(one["shipment"] for one in given["arrivals"])]
        arrived_at = {one["shipment"]: one["at"] for one in given["arrivals"] if "at" in one}
        shipments = receive_shipments(
            shipment_uids=named, arrived_at=arrived_at, **_acting(request)
        )
        return Response(_shipments_out(request, shipments))


class ReceiveOneView(SignedByEither):
    @extend_schema(request=None, responses=ShipmentOut)
    @idempotent
    def post(self, request: Request, uid: UUID) -> Response:
        """Sign for one shipment."""
        (shipment,) = receive_shipments(shipment_uids=[uid], **_acting(request))
        return Response(ShipmentOut(shipment).data)


class InspectAllView(APIView):
    write_scope = "orders"

    @extend_schema(request=AcceptIn, responses=ShipmentOut(many=True))
    @idempotent
    def post(self, request: Request) -> Response:
        """Accept every piece of many final shipments."""
        uids = _read(AcceptIn, request)["shipments"]
        done = [inspect_shipment(shipment_uid=uid, **_acting(request)) for uid in uids]
        return Response(_shipments_out(request, done))


class InspectView(APIView):
    write_scope = "orders"

    @extend_schema(request=InspectIn, responses=ShipmentOut)
    @idempotent
    def post(self, request: Request, uid: UUID) -> Response:
        """Accept or reject the pieces of a final shipment, lot by lot; what is accepted is paid."""
        own = Shipment.objects.filter(receiver_id=request.organisation.pk)  # type: ignore[attr-defined]
        if not own.filter(uid=uid).exists():
            raise ShipmentUnknown(_("There is no such shipment to you."))
        lines = _read(InspectIn, request).get("lines")
        verdicts = lines and [
            Verdict(
                operation_uid=line["operation"], accepted=line["accepted"], reason=line["reason"]
            )
            for line in lines
        ]
        shipment = inspect_shipment(shipment_uid=uid, verdicts=verdicts, **_acting(request))
        return Response(ShipmentOut(shipment).data)


def _shipments_out(request: Request, chosen: list[Shipment]) -> Any:
    """Return shipments as they now stand, their lots read in one query."""
    own = request.organisation.pk  # type: ignore[attr-defined]
    rows = Shipment.objects.filter(
        Q(receiver_id=own) | Q(sender_id=own), pk__in=[shipment.pk for shipment in chosen]
    )
    return ShipmentOut(rows.order_by("pk").prefetch_related("lines"), many=True).data
