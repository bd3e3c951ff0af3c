"""The end of an order: delivered when all has arrived, accepted when all is inspected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q

from evidence.services.transitions import transition
from marketplace.models import (
    Operation,
    OperationState,
    Order,
    OrderState,
    Proposal,
    ProposalState,
)
from tenants.actors import Actor
from tenants.live import announce
from tenants.services.outbox import send_after_commit


@dataclass(frozen=True, kw_only=True)
class LotCounts:
    """How many lots of an order there are, and how many have come to which end.

    While lots change hands some are nobody's for a moment, and not counted: that is no end.
    """

    lots: int
    delivered: int
    ended: int
    are_changing_hands: bool

    @property
    def all_delivered(self) -> bool:
        return 0 < self.lots == self.delivered and not self.are_changing_hands

    @property
    def all_ended(self) -> bool:
        return 0 < self.lots == self.ended and not self.are_changing_hands


@transaction.atomic
def close_if_complete(*, order_uid: UUID, by: Actor, now: datetime) -> Order | None:
    """Move a buyer's order to delivered or accepted if its lots say so; returns the order.

    The order is locked, so the last of several inspections sees all the others. Pieces that were
    scrapped, rejected or lost are counted as cancelled: quantity = accepted + cancelled at the end.
    """
    order = lock_order(order_uid=order_uid, by=by)
    if order is None or order.state not in (OrderState.IN_PRODUCTION, OrderState.DELIVERED):
        return order
    counts = count_lots(order_uid=order_uid, by=by)
    if counts.all_delivered and order.state == OrderState.IN_PRODUCTION:
        transition(order, to=OrderState.DELIVERED, by=by, now=now)
    if counts.all_ended:
        transition(
            order,
            to=OrderState.ACCEPTED,
            by=by,
            now=now,
            evidence={"accepted": order.accepted_quantity},
            cancelled_quantity=order.quantity - order.accepted_quantity,
        )
        send_after_commit(
            tenant_id=by.tenant_id,
            topic="order.accepted",
            buyer_id=by.tenant_id,
            order_uid=str(order.uid),
        )
    announce(tenant_ids=(by.tenant_id,), key=f"order:{order.uid}")
    return order


def lock_order(*, order_uid: UUID, by: Actor) -> Order | None:
    """Lock a buyer's order; taken before any of its shipments and operations."""
    return (
        Order.objects.of(by.tenant_id).filter(uid=order_uid).select_for_update(no_key=True).first()
    )


def count_lots(*, order_uid: UUID, by: Actor) -> LotCounts:
    """Count an order's lots by the state of their last operation."""
    lost = Q(state=OperationState.FINISHED, good=0)
    found = (
        Operation.objects.of_buyer(by.tenant_id)
        .filter(order_uid=order_uid, next_operation_uid=None)
        .exclude(state=OperationState.CANCELLED)
        .aggregate(
            lots=Count("pk"),
            delivered=Count("pk", filter=Q(delivered_at__isnull=False) | lost),
            ended=Count("pk", filter=Q(inspected_at__isnull=False) | lost),
        )
    )
    leaving = Proposal.objects.of_buyer(by.tenant_id).filter(
        order_uid=order_uid, state=ProposalState.ACCEPTED
    )
    return LotCounts(**found, are_changing_hands=leaving.exclude(leaving=[]).exists())
