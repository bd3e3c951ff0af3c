"""How far a buyer's order is, from the operations of all its factories."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from marketplace.core.progress import StepBalance, deviates
from marketplace.models import Operation, OperationState, WorkOrder
from tenants.models import Organisation

BEGUN = (OperationState.STARTED, OperationState.FINISHED, OperationState.SHIPPED)


@dataclass(frozen=True, kw_only=True)
class FactoryProgress:
    """One work order: where the plan is, what the shop claims, what the machines counted."""

    work_order: WorkOrder
    supplier: Organisation
    quantity: int
    planned_now: int
    received: int

    @property
    def claimed(self) -> int:
        return self.work_order.claimed_good + self.work_order.claimed_scrap

    @property
    def is_question(self) -> bool:
        return deviates(claimed=self.claimed, counted=self.work_order.counted)

    @property
    def is_behind(self) -> bool:
        return self.claimed < self.planned_now


@dataclass(frozen=True, kw_only=True)
class LotTrace:
    """One lot's way through machines and shipments to the buyer."""

    lot: int
    operations: list[Operation]

    @property
    def last(self) -> Operation:
        return self.operations[-1]

    @property
    def scrap(self) -> int:
        return sum(operation.scrap for operation in self.operations)

    @property
    def rejected(self) -> int:
        return self.last.good - self.last.accepted if self.last.inspected_at else 0


def operations_of_order(*, buyer_id: int, order_uid: UUID) -> QuerySet[Operation]:
    """Return the live operations of a buyer's order."""
    return (
        Operation.objects.of_buyer(buyer_id)
        .filter(order_uid=order_uid)
        .exclude(state=OperationState.CANCELLED)
    )


def step_balances(*, buyer_id: int, order_uid: UUID) -> list[StepBalance]:
    """Return the pieces at each step of an order, in one query."""
    rows = list(
        operations_of_order(buyer_id=buyer_id, order_uid=order_uid)
        .values("step")
        .annotate(
            process=Max("work_order__process_code"),
            planned=Sum("quantity"),
            pieces_here=Coalesce(Sum("received"), 0),
            pieces_begun=Coalesce(Sum("received", filter=Q(state__in=BEGUN)), 0),
            good_pieces=Sum("good"),
            scrap_pieces=Sum("scrap"),
            counted_pieces=Sum("counted"),
            sent=Coalesce(Sum("good", filter=Q(state=OperationState.SHIPPED)), 0),
            delivered=Coalesce(Sum("good", filter=Q(delivered_at__isnull=False)), 0),
        )
        .order_by("step")
    )
    arrivals = [row["pieces_here"] for row in rows[1:]] + [row["delivered"] for row in rows[-1:]]
    return [
        StepBalance(
            step=row["step"],
            process=row["process"],
            planned=row["planned"],
            received=row["pieces_here"],
            started=row["pieces_begun"],
            good=row["good_pieces"],
            scrap=row["scrap_pieces"],
            counted=row["counted_pieces"],
            sent=row["sent"],
            arrived=arrived,
        )
        for row, arrived in zip(rows, arrivals, strict=True)
    ]


def factories_of_order(*, buyer_id: int, order_uid: UUID, now: datetime) -> list[FactoryProgress]:
    """Return the order's work orders with their factories, by step, in two queries."""
    work_orders = list(
        WorkOrder.objects.of_buyer(buyer_id)
        .filter(order_uid=order_uid)
        .exclude(state="cancelled")
        .select_related("supplier")
        .order_by("step", "starts_at", "pk")
    )
    sums = {
        row["work_order_id"]: row
        for row in operations_of_order(buyer_id=buyer_id, order_uid=order_uid)
        .values("work_order_id")
        .annotate(
            planned=Sum("quantity"),
            due=Coalesce(Sum("quantity", filter=Q(planned_end_at__lte=now)), 0),
            here=Coalesce(Sum("received"), 0),
        )
    }
    return [
        FactoryProgress(
            work_order=row,
            supplier=row.supplier,
            quantity=sums[row.pk]["planned"] if row.pk in sums else row.quantity,
            planned_now=sums[row.pk]["due"] if row.pk in sums else 0,
            received=sums[row.pk]["here"] if row.pk in sums else 0,
        )
        for row in work_orders
    ]


def lot_numbers(*, buyer_id: int, order_uid: UUID) -> QuerySet[Operation, int]:
    """Return the numbers of an order's lots, for paging."""
    return (
        operations_of_order(buyer_id=buyer_id, order_uid=order_uid)
        .order_by("lot")
        .values_list("lot", flat=True)
        .distinct()
    )


def traces_of(*, buyer_id: int, order_uid: UUID, lots: Iterable[int]) -> list[LotTrace]:
    """Return the way of some lots, in one query."""
    by_lot: dict[int, list[Operation]] = defaultdict(list)
    rows = (
        operations_of_order(buyer_id=buyer_id, order_uid=order_uid)
        .filter(lot__in=list(lots))
        .select_related("supplier", "work_order")
        .order_by("lot", "step")
    )
    for row in rows:
        by_lot[row.lot].append(row)
    return [LotTrace(lot=lot, operations=found) for lot, found in by_lot.items()]


def order_lots_summary(*, buyer_id: int, order_uid: UUID) -> dict[str, Any]:
    """Return how many lots an order has, how many were delivered and inspected, and when last."""
    return (
        operations_of_order(buyer_id=buyer_id, order_uid=order_uid)
        .filter(next_operation_uid=None)
        .aggregate(
            lots=Count("pk"),
            delivered=Count("pk", filter=Q(delivered_at__isnull=False)),
            inspected=Count("pk", filter=Q(inspected_at__isnull=False)),
            last_delivered_at=Max("delivered_at"),
            accepted_pieces=Coalesce(Sum("accepted"), 0),
            rejected_pieces=Coalesce(
                Sum(F("good") - F("accepted"), filter=Q(inspected_at__isnull=False)), 0
            ),
        )
    )
