"""What a shop reports of its operations, and what follows for the lot.

Everything here is set-based: two hundred reports cost the statements of one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from evidence.services.transitions import Change, record_changes, transition_all
from marketplace.core.disruption import Place
from marketplace.core.lots import (
    Claim,
    LotOnMachine,
    Outcome,
    Refusal,
    ReportRefused,
    after_claim,
)
from marketplace.models import Operation, OperationState, WorkOrder, WorkOrderState
from marketplace.services.moving import agreed_places, is_at
from marketplace.services.work_orders import begin_work, lock_work_orders, settle_work_orders
from scheduling.services.reservations import finish_spans, release_spans
from tenants.actors import Actor
from tenants.errors import Conflict
from tenants.live import announce
from tenants.services.outbox import send_after_commit

SENTENCES: dict[Refusal, Promise] = {
    Refusal.UNKNOWN: _("There is no such operation in your shop."),
    Refusal.NOT_RELEASED: _("The buyer's money is not in yet. You can start when it is."),
    Refusal.LOT_NOT_HERE: _("The lot has not arrived yet. Sign for its shipment first."),
    Refusal.MOVING: _(
        "It is agreed that this lot moves to other hours. It can start when the factories "
        "concerned have answered."
    ),
    Refusal.TOO_MANY: _("Good and scrap together are more than the pieces that came in."),
    Refusal.NEGATIVE: _("Pieces cannot be below zero."),
    Refusal.ENDED: _("All pieces of this lot are reported already."),
}
REPORTED_FIELDS = ["good", "scrap", "started_at", "reported_at", "finished_at"]


class ReportNotTaken(Conflict):
    """A report that contradicts the lot; `reason` is the refusal's code."""

    code = "report_not_taken"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a shop says of an operation: running totals, true at `at` (None: now)."""

    operation_uid: UUID
    good: int
    scrap: int
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ReportResult:
    """What became of one report: its outcome, or why it could not be taken."""

    operation_uid: UUID
    outcome: Outcome | None = None
    refusal: Refusal | None = None

    @property
    def sentence(self) -> str:
        return str(SENTENCES[self.refusal]) if self.refusal else ""


def start_operation(*, operation_uid: UUID, by: Actor, now: datetime) -> None:
    """Say that work on a lot has begun; said again, or after a report, it changes nothing.

    Raises:
        ReportNotTaken: the lot or the money is not here yet, or there is no such operation.
    """
    report_operation(report=Report(operation_uid=operation_uid, good=0, scrap=0), by=by, now=now)


def report_operation(*, report: Report, by: Actor, now: datetime) -> Outcome:
    """Take one report.

    Raises:
        ReportNotTaken: it contradicts what is known of the lot.
    """
    (result,) = report_operations(reports=[report], by=by, now=now)
    if result.outcome is None:
        raise ReportNotTaken(result.sentence, reason=result.refusal)
    return result.outcome


@transaction.atomic
def report_operations(*, reports: Sequence[Report], by: Actor, now: datetime) -> list[ReportResult]:
    """Take many reports, each on its own: what cannot be taken is refused by name.

    Reports are running totals, so they may be sent again. Finished lots whose next operation is in
    the same shop are passed on at once, and a report of that operation may stand in the same call.
    Work orders are locked first, then operations, each in the order of their keys.
    """
    shop = _Shop.lock(supplier_id=by.tenant_id, uids={report.operation_uid for report in reports})
    results: dict[int, ReportResult] = {}
    known = []
    for index, report in enumerate(reports):
        if report.operation_uid in shop.operations:
            known.append((shop.operations[report.operation_uid].step, index))
        else:
            results[index] = _refused(report, Refusal.UNKNOWN)
    for _step, group in groupby(sorted(known), key=lambda pair: pair[0]):
        indexes = [index for _same, index in group]
        outcomes = _take(shop, [reports[index] for index in indexes], by=by, now=now)
        results.update(zip(indexes, outcomes, strict=True))
    shop.settle(by=by, now=now)
    return [results[index] for index in range(len(reports))]


@transaction.atomic
def end_lot(*, operation_uid: UUID, by: Actor, now: datetime) -> Operation | None:
    """End an operation whose lot was lost before it: nothing comes, its hours are free again.

    Returns the operation, or None when it has ended or begun otherwise.
    """
    found = Operation.objects.of_supplier(by.tenant_id).filter(uid=operation_uid).first()
    if found is None or found.state != OperationState.WAITING:
        return None
    shop = _Shop.lock(supplier_id=by.tenant_id, uids={operation_uid})
    operation = shop.operations[operation_uid]
    if operation.state != OperationState.WAITING:
        return None
    operation.received = 0
    operation.received_at = now
    Operation.objects.bulk_update([operation], ["received", "received_at"])
    transition_all([operation], to=OperationState.FINISHED, by=by, now=now, finished_at=now)
    release_spans(subject_uids=[operation.uid], by=by, now=now)
    shop.finished.append(operation)
    shop.settle(by=by, now=now)
    return operation


@dataclass(kw_only=True)
class _Shop:
    """The locked work orders and operations of one call, by key, and what has happened to them."""

    work_orders: dict[int, WorkOrder]
    operations: dict[UUID, Operation]
    moving: Mapping[UUID, Place | None]
    changed: dict[UUID, Operation]
    finished: list[Operation]

    @classmethod
    def lock(cls, *, supplier_id: int, uids: set[UUID]) -> _Shop:
        own = Operation.objects.of_supplier(supplier_id)
        asked = own.filter(uid__in=uids).exclude(state=OperationState.CANCELLED)
        pairs = list(asked.values_list("uid", "work_order_id", "next_operation_uid"))
        wanted = {uid for uid, _order, _next in pairs} | {
            next_uid for _uid, _order, next_uid in pairs if next_uid is not None
        }
        work_orders = lock_work_orders(
            supplier_id=supplier_id, ids={order_id for _uid, order_id, _next in pairs}
        )
        locked = own.filter(uid__in=wanted).order_by("pk").select_for_update(no_key=True)
        return cls(
            work_orders=work_orders,
            operations={row.uid: row for row in locked},
            moving=agreed_places(supplier_id),
            changed={},
            finished=[],
        )

    def settle(self, *, by: Actor, now: datetime) -> None:
        """Add up, and tell everybody whom it concerns, once for the whole call."""
        touched = {row.work_order_id for row in [*self.changed.values(), *self.finished]}
        rows = [self.work_orders[pk] for pk in sorted(touched)]
        settle_work_orders(rows, by=by, now=now)
        for operation in self.finished:
            if operation.good == 0:
                tell_of_lost_lot(operation, by=by)
        by_buyer = defaultdict(set)
        for row in rows:
            by_buyer[row.buyer_id].add(row.order_uid)
        for buyer_id, order_uids in by_buyer.items():
            for order_uid in order_uids:
                announce(tenant_ids=(buyer_id,), key=f"order:{order_uid}")
        if rows:
            announce(tenant_ids=(by.tenant_id,), key="work")


def _take(
    shop: _Shop, reports: Sequence[Report], *, by: Actor, now: datetime
) -> list[ReportResult]:
    """Take the reports of one step and pass finished lots on to the next step in this shop."""
    results, changed = [], {}
    for report in reports:
        operation = shop.operations[report.operation_uid]
        at = max(min(report.at or now, now), operation.received_at or now)
        try:
            lot, outcome = after_claim(
                _lot_of(operation, shop),
                Claim(good=report.good, scrap=report.scrap, at=at),
            )
        except ReportRefused as refused:
            results.append(_refused(report, refused.reason))
            continue
        results.append(ReportResult(operation_uid=report.operation_uid, outcome=outcome))
        if _write(operation, lot):
            changed[operation.uid] = operation
    _store(shop, list(changed.values()), by=by, now=now)
    return results


def _lot_of(operation: Operation, shop: _Shop) -> LotOnMachine:
    # Only what was asked for has its work order here; a lot's next operation is never reported.
    work_order = shop.work_orders[operation.work_order_id]
    goes_to = shop.moving.get(operation.uid)
    is_there = goes_to is not None and is_at(operation, goes_to)
    return LotOnMachine(
        is_released=work_order.state != WorkOrderState.CONFIRMED,
        is_moving=operation.uid in shop.moving and not is_there,
        is_ended=operation.finished_at is not None,
        received=operation.received,
        good=operation.good,
        scrap=operation.scrap,
        started_at=operation.started_at,
        reported_at=operation.reported_at,
        finished_at=operation.finished_at,
    )


def _write(operation: Operation, lot: LotOnMachine) -> bool:
    """Put the decided values on the row; False when they are what it has."""
    before = tuple(getattr(operation, name) for name in REPORTED_FIELDS)
    for name in REPORTED_FIELDS:
        setattr(operation, name, getattr(lot, name))
    return before != tuple(getattr(operation, name) for name in REPORTED_FIELDS)


def _store(shop: _Shop, rows: Sequence[Operation], *, by: Actor, now: datetime) -> None:
    if not rows:
        return
    Operation.objects.bulk_update(rows, REPORTED_FIELDS)
    claims = {row.pk: {"good": row.good, "scrap": row.scrap} for row in rows}
    running = [row for row in rows if row.state == OperationState.STARTED]
    record_changes(
        (Change(row=row, change="reported", evidence=claims[row.pk]) for row in running),
        by=by,
        now=now,
    )
    begun = [row for row in rows if row.state == OperationState.READY]
    transition_all(begun, to=OperationState.STARTED, by=by, now=now, evidence=claims)
    begun_in = {row.work_order_id for row in begun}
    begin_work([shop.work_orders[pk] for pk in sorted(begun_in)], by=by, now=now)
    finished = [
        row for row in rows if row.finished_at is not None and row.state == OperationState.STARTED
    ]
    transition_all(finished, to=OperationState.FINISHED, by=by, now=now, evidence=claims)
    finish_spans(subject_uids=[row.uid for row in finished], by=by, now=now)
    shop.changed.update({row.uid: row for row in rows})
    shop.finished.extend(finished)
    _pass_on(shop, finished, by=by, now=now)


def _pass_on(shop: _Shop, finished: Iterable[Operation], *, by: Actor, now: datetime) -> None:
    """Give finished lots to the next operation in the same shop: no shipment is needed."""
    pairs = [
        (row, shop.operations[row.next_operation_uid])
        for row in finished
        if row.next_operation_uid is not None
        and row.next_supplier_id == by.tenant_id
        and row.good > 0
        and row.next_operation_uid in shop.operations
    ]
    if not pairs:
        return
    transition_all(
        [row for row, _next in pairs], to=OperationState.SHIPPED, by=by, now=now, shipped_at=now
    )
    for row, following in pairs:
        following.received = row.good
        following.received_at = now
    following_rows = [following for _row, following in pairs]
    Operation.objects.bulk_update(following_rows, ["received", "received_at"])
    transition_all(following_rows, to=OperationState.READY, by=by, now=now)


@transaction.atomic
def pass_on_finished(*, operation_uids: Iterable[UUID], by: Actor, now: datetime) -> None:
    """Give lots that were finished before their next operation was this shop's own to that one."""
    mine = Operation.objects.of_supplier(by.tenant_id).filter(
        next_operation_uid__in=list(operation_uids), state=OperationState.FINISHED
    )
    uids = set(mine.values_list("uid", flat=True))
    if uids:
        shop = _Shop.lock(supplier_id=by.tenant_id, uids=uids)
        rows = [one for uid in sorted(uids) if (one := shop.operations[uid]).shipped_at is None]
        _pass_on(shop, rows, by=by, now=now)


def tell_of_lost_lot(operation: Operation, *, by: Actor) -> None:
    """Let whoever comes after know, on commit, that nothing of a finished lot is left."""
    send_after_commit(
        tenant_id=by.tenant_id,
        topic="lot.lost",
        buyer_id=operation.buyer_id,
        order_uid=str(operation.order_uid),
        supplier_id=operation.next_supplier_id,
        operation_uid=operation.next_operation_uid and str(operation.next_operation_uid),
    )


def _refused(report: Report, reason: Refusal) -> ReportResult:
    return ReportResult(operation_uid=report.operation_uid, refusal=reason)
