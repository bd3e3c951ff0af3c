"""The machines' count beside the shop's claim."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Sum

from devices.services.planned_runs import counted_pieces
from marketplace.models import Operation, OperationState, WorkOrder
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
    for row in moved:
        row.counted = counts[row.uid]
    Operation.objects.bulk_update(moved, ["counted"])
    _add_up({row.work_order_id for row in moved}, supplier_id=supplier_id, now=now)
    for buyer_id, order_uid in {(row.buyer_id, row.order_uid) for row in moved}:
        announce(tenant_ids=(buyer_id,), key=f"order:{order_uid}")
    if moved:
        announce(tenant_ids=(supplier_id,), key="work")
    return len(moved)


def _add_up(work_order_ids: set[int], *, supplier_id: int, now: datetime) -> None:
    work_orders = list(
        WorkOrder.objects.of_supplier(supplier_id)
        .filter(pk__in=work_order_ids)
        .order_by("pk")
        .select_for_update()
    )
    sums = dict(
        Operation.objects.of_supplier(supplier_id)
        .filter(work_order__in=work_orders)
        .values_list("work_order_id")
        .annotate(sum=Sum("counted"))
    )
    for row in work_orders:
        row.counted = sums[row.pk]
        row.counted_at = now
    WorkOrder.objects.bulk_update(work_orders, ["counted", "counted_at"])
