"""A drill for every order that a factory's stop would touch, asked by the operator."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from marketplace.selectors.stops import affected_orders
from marketplace.services.drills import NoSuchFactory, NothingToDrill, ask_drill
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.models import Organisation
from tenants.services.audit import record_act
from tenants.services.outbox import send_after_commit

TOPIC = "drill.wanted"


@transaction.atomic
def ask_stop(*, supplier: Organisation, by: Actor, now: datetime) -> int:
    """Write one message for each order with time booked at a supplier: how many.

    Only the buyer may ask about its order: the message's handler acts as the buyer.
    """
    orders = affected_orders(supplier.pk, now)
    for order_uid, buyer_id in orders.items():
        send_after_commit(
            tenant_id=PLATFORM_ID,
            topic=TOPIC,
            buyer_id=buyer_id,
            order_uid=str(order_uid),
            supplier_uid=str(supplier.uid),
        )
    record_act(
        by=by, now=now, action="stop.drilled", subject="organisation", subject_uid=supplier.uid
    )
    return len(orders)


def drill_wanted(
    *, buyer_id: int, order_uid: UUID | str, supplier_uid: UUID | str, now: datetime
) -> None:
    """Ask for the drill as the buyer; an order that has moved on is passed over."""
    with acting_as(buyer_id):
        try:
            ask_drill(
                organisation=Organisation.objects.get(pk=buyer_id),
                by=Actor.system(buyer_id),
                now=now,
                order_uid=order_uid,
                supplier_uid=supplier_uid,
            )
        except (NothingToDrill, NoSuchFactory):
            return
