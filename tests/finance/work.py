"""Work that was promised, made, sent and inspected, so that a release may pay for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from marketplace.models import Offer, Operation, Shipment, ShipmentLine, WorkOrder
from tenants.acting import acting_as
from tests.factories import NOW
from tests.finance.conftest import Deal


def _parties(deal: Deal, who: str) -> dict[str, object]:
    return {
        "buyer_id": deal.buyer.tenant_id,
        "supplier_id": getattr(deal, who).tenant_id,
        "order_uid": deal.order.uid,  # type: ignore[attr-defined]
        "order_number": deal.order.number,  # type: ignore[attr-defined]
    }


def make_work(deal: Deal, who: str, *, number: str, price: int, quantity: int = 10) -> Operation:
    """Return the finished only lot of an accepted offer's work order, which goes to the buyer."""
    uid, parties = uuid4(), _parties(deal, who)
    lot = uid.int % 1_000_000_000
    asked = {"uid": str(uid), "lot": lot, "step": 1, "machine_id": 1}
    asked |= {"quantity": quantity, "price_minor": price}
    span = {"starts_at": NOW, "ends_at": NOW + timedelta(hours=1), "currency": "CNY"}
    with acting_as(deal.buyer.tenant_id):
        offer = Offer.objects.create(
            **parties,
            **span,
            plan_uid=uuid4(),
            quantity=quantity,
            machine_minutes=60,
            price_minor=price,
            commission_minor=0,
            snapshot={"operations": [asked]},
            expires_at=NOW + timedelta(days=2),
            created_at=NOW,
        )
    with acting_as(getattr(deal, who).tenant_id):
        Offer.objects.filter(pk=offer.pk).update(state="accepted", answered_at=NOW)
        work_order = WorkOrder.objects.create(
            **parties,
            **span,
            offer=offer,
            number=number,
            title="Plates",
            step=1,
            process_code="blanking",
            quantity=quantity,
            price_minor=price,
        )
        Operation.objects.create(
            **parties,
            uid=uid,
            work_order=work_order,
            lot=lot,
            step=1,
            machine_id=1,
            machine_code="M-1",
            planned_start_at=NOW,
            planned_end_at=NOW + timedelta(hours=1),
            quantity=quantity,
            received=quantity,
            price_minor=price,
            state="ready",
        )
        mine = Operation.objects.filter(uid=uid)
        mine.update(state="started")
        mine.update(state="finished", good=quantity)
        return mine.select_related("work_order").get()


def deliver(operation: Operation, *, sent_at: datetime, due_at: datetime, at: datetime) -> Shipment:
    """Send a lot to its buyer, who signs for it at `at`."""
    with acting_as(operation.supplier_id):
        shipment = Shipment.objects.create(
            sender_id=operation.supplier_id,
            receiver_id=operation.buyer_id,
            buyer_id=operation.buyer_id,
            order_uid=operation.order_uid,
            order_number=operation.order_number,
            number=f"S-{operation.lot}",
            is_final=True,
            quantity=operation.good,
            sent_at=sent_at,
            due_at=due_at,
        )
        ShipmentLine.objects.create(
            shipment=shipment,
            sender_id=operation.supplier_id,
            receiver_id=operation.buyer_id,
            operation_uid=operation.uid,
            lot=operation.lot,
            quantity=operation.good,
        )
    with acting_as(operation.buyer_id):
        Shipment.objects.filter(pk=shipment.pk).update(state="delivered", delivered_at=at)
    return shipment


def inspected(operation: Operation) -> UUID:
    """Deliver a lot and accept it whole; returns the shipment's uid."""
    shipment = deliver(operation, sent_at=NOW, due_at=NOW, at=NOW)
    with acting_as(operation.buyer_id):
        Shipment.objects.filter(pk=shipment.pk).update(
            state="inspected", inspected_at=NOW, accepted=operation.good
        )
    return shipment.uid
