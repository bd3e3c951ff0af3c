"""Work orders: opened by an accepted offer, released by the order's money, ended by cancelling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q, Sum
from django.db.models.functions import Coalesce

from devices.services.planned_runs import Run, plan_runs
from evidence.services.transitions import Change, record_changes, transition, transition_all
from marketplace.core.share import Share, ShareOperation
from marketplace.models import (
    Offer,
    Operation,
    OperationState,
    Order,
    OrderState,
    WorkOrder,
    WorkOrderState,
)
from tenants.actors import Actor
from tenants.ids import uuid7
from tenants.live import announce


def open_work(*, offer: Offer, share: Share, by: Actor, now: datetime) -> list[WorkOrder]:
    """Make the work orders, operations and planned machine runs of an accepted share."""
    steps = sorted({operation.step for operation in share.operations})
    orders = {step: _work_order(offer, share, step) for step in steps}
    WorkOrder.objects.bulk_create(orders.values())
    Operation.objects.bulk_create(
        [_operation(offer, orders[one.step], one, now) for one in share.operations]
    )
    plan_runs(
        tenant_id=offer.supplier_id,
        runs=[
            Run(
                machine_id=one.machine_id,
                start_at=one.start_at,
                end_at=one.end_at,
                label=f"{orders[one.step].number} / {one.lot}",
                quantity=one.quantity,
                subject_uid=one.uid,
                kind=one.process,
                set_up_minutes=one.set_up_minutes,
            )
            for one in share.operations
        ],
    )
    record_changes((Change(row=row, change="opened") for row in orders.values()), by=by, now=now)
    announce(tenant_ids=(offer.supplier_id,), key="work")
    return list(orders.values())


@transaction.atomic
def begin_production(*, order_uid: UUID, by: Actor, now: datetime) -> list[int]:
    """Move a funded order of the acting buyer into production; returns whose work to release."""
    order = (
        Order.objects.of(by.tenant_id)
        .filter(uid=order_uid, state=OrderState.CONFIRMED)
        .select_for_update(no_key=True)
        .first()
    )
    if order is not None:
        transition(order, to=OrderState.IN_PRODUCTION, by=by, now=now)
        announce(tenant_ids=(by.tenant_id,), key=f"order:{order_uid}")
    return list(
        WorkOrder.objects.of_buyer(by.tenant_id)
        .filter(order_uid=order_uid, state=WorkOrderState.CONFIRMED)
        .order_by("supplier_id")
        .values_list("supplier_id", flat=True)
        .distinct()
    )


@transaction.atomic
def release_work_orders(*, order_uid: UUID, by: Actor, now: datetime) -> int:
    """Let a factory begin: the order's money is there. Returns how many; twice changes nothing."""
    waiting = list(
        WorkOrder.objects.of_supplier(by.tenant_id)
        .filter(order_uid=order_uid, state=WorkOrderState.CONFIRMED)
        .order_by("pk")
        .select_for_update(no_key=True)
    )
    transition_all(waiting, to=WorkOrderState.RELEASED, by=by, now=now)
    settle_work_orders(waiting, by=by, now=now)
    announce(tenant_ids=(by.tenant_id,), key="work")
    return len(waiting)


def cancel_work(*, offers: Iterable[Offer], by: Actor, now: datetime) -> None:
    """End the work orders of withdrawn offers, before anything was released."""
    work_orders = list(
        WorkOrder.objects.of_buyer(by.tenant_id)
        .filter(offer__in=list(offers), state=WorkOrderState.CONFIRMED)
        .order_by("pk")
        .select_for_update(no_key=True)
    )
    operations = list(
        Operation.objects.of_buyer(by.tenant_id)
        .filter(work_order__in=work_orders)
        .exclude(state=OperationState.CANCELLED)
        .order_by("pk")
        .select_for_update(no_key=True)
    )
    transition_all(work_orders, to=WorkOrderState.CANCELLED, by=by, now=now)
    cancel_operations(operations, by=by, now=now)


def cancel_operations(operations: Sequence[Operation], *, by: Actor, now: datetime) -> None:
    """End locked operations for good.

    A name says which lot and step of a plan it is; who is asked for that lot next may bear it.
    """
    transition_all(operations, to=OperationState.CANCELLED, by=by, now=now)
    for operation in operations:
        operation.uid = uuid7()
    Operation.objects.bulk_update(operations, ["uid"])


def lock_work_orders(*, supplier_id: int, ids: Iterable[int]) -> dict[int, WorkOrder]:
    """Lock work orders in the order of their keys, before any of their operations.

    Locks here are never on keys (`no_key`): whoever writes an operation twice in a transaction
    refers to its work order's key, and would wait for a lock on it in the wrong order.
    """
    return {
        row.pk: row
        for row in WorkOrder.objects.of_supplier(supplier_id)
        .filter(pk__in=list(ids))
        .order_by("pk")
        .select_for_update(no_key=True)
    }


def settle_work_orders(
    work_orders: Sequence[WorkOrder], *, by: Actor, now: datetime
) -> list[WorkOrder]:
    """Add up the operations of locked work orders and move each to where it stands.

    The caller has locked the rows, so that two reports at once cannot lose each other's pieces.
    Returns the work orders that are completed by this.
    """
    ended = Q(operations__state__in=[OperationState.FINISHED, OperationState.SHIPPED])
    planned = ~Q(operations__state=OperationState.CANCELLED)
    sums = {
        row["pk"]: row
        for row in WorkOrder.objects.filter(pk__in=[one.pk for one in work_orders])
        .values("pk")
        .annotate(
            good=Coalesce(Sum("operations__good"), 0),
            scrap=Coalesce(Sum("operations__scrap"), 0),
            planned=Coalesce(Sum("operations__quantity", filter=planned), 0),
            ended=Coalesce(Sum("operations__quantity", filter=ended), 0),
        )
    }
    completed = []
    for row in work_orders:
        found = sums[row.pk]
        row.claimed_good, row.claimed_scrap = found["good"], found["scrap"]
        may_end = row.state in WorkOrder.TRANSITIONS[WorkOrderState.COMPLETED]
        if may_end and found["ended"] == found["planned"]:
            completed.append(row)
    WorkOrder.objects.bulk_update(work_orders, ["claimed_good", "claimed_scrap"])
    transition_all(completed, to=WorkOrderState.COMPLETED, by=by, now=now, completed_at=now)
    return completed


def begin_work(work_orders: Sequence[WorkOrder], *, by: Actor, now: datetime) -> None:
    """Move released work orders to in process; the others stay as they are."""
    begun = [row for row in work_orders if row.state == WorkOrderState.RELEASED]
    transition_all(begun, to=WorkOrderState.IN_PROCESS, by=by, now=now, started_at=now)


def _work_order(offer: Offer, share: Share, step: int) -> WorkOrder:
    mine = [operation for operation in share.operations if operation.step == step]
    return WorkOrder(
        buyer_id=offer.buyer_id,
        supplier_id=offer.supplier_id,
        order_uid=offer.order_uid,
        order_number=offer.order_number,
        offer=offer,
        number=f"{offer.order_number}-{step}-{offer.uid.hex[-4:].upper()}",
        title=share.title,
        unit=share.unit,
        step=step,
        process_code=mine[0].process,
        is_last_step=mine[0].is_last_step,
        quantity=sum(operation.quantity for operation in mine),
        price_minor=sum(operation.price_minor for operation in mine),
        currency=share.currency,
        starts_at=min(operation.start_at for operation in mine),
        ends_at=max(operation.end_at for operation in mine),
    )


def _operation(
    offer: Offer, work_order: WorkOrder, planned: ShareOperation, now: datetime
) -> Operation:
    here = planned.is_first_step
    return Operation(
        uid=planned.uid,
        buyer_id=offer.buyer_id,
        supplier_id=offer.supplier_id,
        order_uid=offer.order_uid,
        order_number=offer.order_number,
        work_order=work_order,
        lot=planned.lot,
        step=planned.step,
        machine_id=planned.machine_id,
        machine_code=planned.machine_code,
        planned_start_at=planned.start_at,
        planned_end_at=planned.end_at,
        set_up_minutes=planned.set_up_minutes,
        quantity=planned.quantity,
        price_minor=planned.price_minor,
        previous_supplier_id=planned.previous_supplier_id,
        next_supplier_id=planned.next_supplier_id,
        next_operation_uid=planned.next_operation_uid,
        transport_minutes=planned.transport_minutes,
        state=OperationState.READY if here else OperationState.WAITING,
        received=planned.quantity if here else None,
        received_at=now if here else None,
    )
