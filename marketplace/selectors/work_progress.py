"""A factory's view of how far its own work orders are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from marketplace.core.progress import deviates
from marketplace.models import Operation, OperationState, WorkOrder

ENDED = (OperationState.FINISHED, OperationState.SHIPPED)


@dataclass(frozen=True, kw_only=True)
class WorkProgress:
    """A work order with the plan's tick, what has come in, and its lots by state."""

    work_order: WorkOrder
    planned_now: int = 0
    received: int = 0
    lots: int = 0
    ended: int = 0
    cancelled: int = 0
    """Pieces of lots that the buyer has cancelled since."""

    @property
    def quantity(self) -> int:
        """Return the pieces that are left to make; of a cancelled work order, what it was about."""
        return self.work_order.quantity - self.cancelled or self.work_order.quantity

    @property
    def claimed(self) -> int:
        return self.work_order.claimed_good + self.work_order.claimed_scrap

    @property
    def in_process(self) -> int:
        return self.received - self.claimed

    @property
    def is_question(self) -> bool:
        return deviates(claimed=self.claimed, counted=self.work_order.counted)

    @property
    def is_late(self) -> bool:
        return self.ended < self.lots and self.claimed < self.planned_now


def with_progress(work_orders: Iterable[WorkOrder], *, now: datetime) -> list[WorkProgress]:
    """Return work orders with their progress, in one query for all of them."""
    rows = list(work_orders)
    gone = Q(state=OperationState.CANCELLED)
    sums = {
        found.pop("work_order_id"): found
        for found in Operation.objects.filter(work_order__in=rows)
        .values("work_order_id")
        .annotate(
            planned_now=Coalesce(Sum("quantity", filter=~gone & Q(planned_end_at__lte=now)), 0),
            pieces=Coalesce(Sum("received", filter=~gone), 0),
            lots=Count("pk", filter=~gone),
            ended=Count("pk", filter=Q(state__in=ENDED)),
            cancelled=Coalesce(Sum("quantity", filter=gone), 0),
        )
    }
    return [
        WorkProgress(
            work_order=row,
            planned_now=found["planned_now"],
            received=found["pieces"],
            lots=found["lots"],
            ended=found["ended"],
            cancelled=found["cancelled"],
        )
        if (found := sums.get(row.pk))
        else WorkProgress(work_order=row)
        for row in rows
    ]


def progress_of(work_order: WorkOrder, *, now: datetime) -> WorkProgress:
    """Return one work order's progress."""
    return with_progress([work_order], now=now)[0]
