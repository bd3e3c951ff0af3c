"""The machines' count beside the shop's claim."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Sum

from devices.services.planned_runs import counted_pieces
from marketplace.models import Operation, OperationState, WorkOrder
from marketplace.services.work_orders import lock_work_orders
from tenants.live import announce

COUNTS_MOVE_FOR = timedelta(days=30)
"""How long after its planned end a lot's count may still be moved by late frames."""


@transaction.atomic
def copy_counts(*, supplier_id: int, now: datetime) -> int:
    """Bring what the machines counted onto a supplier's operations and work orders.

    Returns how many operations changed. Counts are absolute, so it may run twice or late.
    """
    operations = list(
        Operation.objects.of_supplier(supplier_id)
        .filter(planned_end_at__gt=now - COUNTS_MOVE_FOR)
        .exclude(state=OperationState.CANCELLED)
        .only("pk", "uid", "counted", "work_order_id", "buyer_id", "order_uid")
    )
    counts = counted_pieces(
        tenant_id=supplier_id, subject_uids=[operation.uid for operation in operations]
    )
    moved = [row for row in operations if counts.get(row.uid, row.counted) != row.counted]
    work_orders = lock_work_orders(
        supplier_id=supplier_id, ids={row.work_order_id for row in moved}
    )
    for row in moved:
        row.counted = counts[row.uid]
    Operation.objects.bulk_update(moved, ["counted"])
    _add_up(list(work_orders.values()), now=now)
    for buyer_id, order_uid in {(row.buyer_id, row.order_uid) for row in moved}:
        announce(tenant_ids=(buyer_id,), key=f"order:{order_uid}")
    if moved:
        announce(tenant_ids=(supplier_id,), key="work")
    return len(moved)


def _add_up(work_orders: Sequence[WorkOrder], *, now: datetime) -> None:
    sums = dict(
        Operation.objects.filter(work_order__in=work_orders)
        .values_list("work_order_id")
        .annotate(sum=Sum("counted"))
    )
    for row in work_orders:
        row.counted = sums[row.pk]
        row.counted_at = now
    WorkOrder.objects.bulk_update(work_orders, ["counted", "counted_at"])
