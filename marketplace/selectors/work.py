"""What a factory has been asked, has accepted, makes, sends and awaits."""

from __future__ import annotations

from django.db.models import Case, Prefetch, QuerySet, Value, When

from marketplace.models import (
    Offer,
    OfferState,
    Operation,
    OperationState,
    Shipment,
    ShipmentLine,
    ShipmentState,
    WorkOrder,
    WorkOrderState,
)

URGENT = (OperationState.STARTED, OperationState.READY, OperationState.FINISHED)
LIVE_WORK = (WorkOrderState.CONFIRMED, WorkOrderState.RELEASED, WorkOrderState.IN_PROCESS)


def offers_to(supplier_id: int, *, state: str = "") -> QuerySet[Offer]:
    """Return the offers to a factory: those that wait first, the soonest to expire on top."""
    offers = Offer.objects.of_supplier(supplier_id).select_related("buyer")
    if state:
        offers = offers.filter(state=state)
    return offers.order_by("-pk")


def open_offers(supplier_id: int) -> QuerySet[Offer]:
    """Return the offers that wait for an answer, the soonest to expire first."""
    return (
        Offer.objects.of_supplier(supplier_id)
        .filter(state=OfferState.OFFERED)
        .select_related("buyer")
        .order_by("expires_at", "pk")
    )


def work_orders_of(supplier_id: int) -> QuerySet[WorkOrder]:
    """Return a factory's work orders with their buyers, by planned start."""
    return (
        WorkOrder.objects.of_supplier(supplier_id)
        .select_related("buyer")
        .order_by("starts_at", "pk")
    )


def operations_of(supplier_id: int) -> QuerySet[Operation]:
    """Return a factory's operations with the work order and the neighbours of each lot."""
    return (
        Operation.objects.of_supplier(supplier_id)
        .exclude(state=OperationState.CANCELLED)
        .select_related("work_order", "previous_supplier", "next_supplier", "buyer")
        .order_by("planned_start_at", "pk")
    )


def lots_of_work_order(work_order: WorkOrder) -> QuerySet[Operation]:
    """Return a work order's operations: on a machine first, then what can begin or leave."""
    urgency = Case(
        *(When(state=state, then=Value(place)) for place, state in enumerate(URGENT)),
        default=Value(len(URGENT)),
    )
    return (
        operations_of(work_order.supplier_id)
        .filter(work_order=work_order)
        .order_by(urgency, "planned_start_at", "pk")
    )


def lots_to_ship(supplier_id: int) -> QuerySet[Operation]:
    """Return finished lots of which something is left, waiting to leave."""
    return operations_of(supplier_id).filter(state=OperationState.FINISHED, good__gt=0)


def shipments_to(organisation_id: int) -> QuerySet[Shipment]:
    """Return what is or was on its way to an organisation, the soonest due first."""
    return _with_lots(
        Shipment.objects.filter(receiver_id=organisation_id).select_related("sender"),
        ShipmentLine.objects.filter(receiver_id=organisation_id),
    ).order_by("due_at", "pk")


def shipments_from(organisation_id: int) -> QuerySet[Shipment]:
    """Return what an organisation has sent, newest first."""
    return _with_lots(
        Shipment.objects.filter(sender_id=organisation_id).select_related("receiver"),
        ShipmentLine.objects.filter(sender_id=organisation_id),
    ).order_by("-pk")


def awaited(organisation_id: int) -> QuerySet[Shipment]:
    """Return the shipments that an organisation has not signed for."""
    return shipments_to(organisation_id).filter(state=ShipmentState.IN_TRANSIT)


def _with_lots(shipments: QuerySet[Shipment], lines: QuerySet[ShipmentLine]) -> QuerySet[Shipment]:
    return shipments.prefetch_related(Prefetch("lines", lines.order_by("lot"), to_attr="lots"))
