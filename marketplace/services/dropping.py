"""Lots that are cancelled while others of the same offers stay as they were accepted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from evidence.services.transitions import Change, record_changes, transition_all
from marketplace.core.frozen import FrozenPart
from marketplace.core.plan_json import PlanDocument
from marketplace.core.share import Share, ShareOperation
from marketplace.models import (
    Offer,
    OfferState,
    Operation,
    OperationState,
    WorkOrder,
    WorkOrderState,
)
from marketplace.services.offers import withdraw_offers
from marketplace.services.work_orders import cancel_operations
from tenants.actors import Actor
from tenants.live import announce
from tenants.services.outbox import send_after_commit


@transaction.atomic
def drop_lots(
    *, order_uid: UUID, frozen: FrozenPart, plan: PlanDocument, by: Actor, now: datetime
) -> None:
    """Take back, as the buyer, what live offers hold of lots that `plan` does not make.

    What an offer asks for never changes. Of an accepted one the operations of those lots end; its
    factory gives their hours back by the message `lots.dropped`. One that is still open is taken
    back whole, and the plan asks for its other lots anew; so is one whose factory has accepted
    since the plan was made. The offers are locked, so an acceptance comes before or after this.

    Raises:
        ProductionPaid: a work order of an offer that is taken back is released already.
    """
    lots = {one.lot for one in plan.operations}
    live = list(
        Offer.objects.of_buyer(by.tenant_id)
        .filter(order_uid=order_uid, state__in=[OfferState.OFFERED, OfferState.ACCEPTED])
        .order_by("pk")
        .select_for_update(no_key=True)
    )
    whole: list[UUID] = []
    changes: list[Change] = []
    gone_by_offer: list[tuple[Offer, list[UUID]]] = []
    for offer in live:
        operations = Share.from_json(offer.snapshot).operations
        gone = [one.uid for one in operations if one.lot not in lots]
        if _is_asked_anew(operations, plan) or (gone and len(gone) == len(operations)):
            whole.append(offer.uid)
        elif gone:
            gone_by_offer.append((offer, gone))
            evidence = {"lots": sorted({o.lot for o in operations if o.lot not in lots})}
            changes.append(Change(row=offer, change="reduced", evidence=evidence))
    withdraw_offers(order_uid=order_uid, by=by, now=now, only=whole)
    end_operations([uid for _, gone in gone_by_offer for uid in gone], by=by, now=now)
    record_changes(changes, by=by, now=now)
    kept = {frozen.plan.operation_uid(*one) for one in frozen.kept_for_set_up(plan)}
    for offer, gone in gone_by_offer:
        send_after_commit(
            tenant_id=by.tenant_id,
            topic="lots.dropped",
            supplier_id=offer.supplier_id,
            operation_uids=[str(uid) for uid in gone if uid not in kept],
        )
    announce(tenant_ids=tuple({offer.supplier_id for offer in live}), key="offers")


def _is_asked_anew(operations: Sequence[ShareOperation], plan: PlanDocument) -> bool:
    found = (plan.at(one.lot, one.step) for one in operations)
    return any(one is not None and not one.frozen for one in found)


def end_operations(uids: Iterable[UUID], *, by: Actor, now: datetime) -> None:
    """Cancel operations that have not begun, and the work orders of which nothing is left."""
    operations = list(
        Operation.objects.of_buyer(by.tenant_id)
        .filter(uid__in=list(uids), state__in=Operation.TRANSITIONS[OperationState.CANCELLED])
        .order_by("pk")
        .select_for_update(no_key=True)
    )
    cancel_operations(operations, by=by, now=now)
    left = Operation.objects.of_buyer(by.tenant_id).exclude(state=OperationState.CANCELLED)
    empty = (
        WorkOrder.objects.of_buyer(by.tenant_id)
        .filter(
            pk__in={one.work_order_id for one in operations},
            state__in=WorkOrder.TRANSITIONS[WorkOrderState.CANCELLED],
        )
        .exclude(pk__in=left.values("work_order_id"))
    )
    transition_all(list(empty.order_by("pk")), to=WorkOrderState.CANCELLED, by=by, now=now)
