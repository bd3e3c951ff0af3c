"""Machines that run slower than planned, as far as open lots of their factory wait for them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F

from marketplace.core.slower import QueuedLot, slow_orders
from marketplace.models import Capability, LearnedRate, Operation, OperationState
from marketplace.selectors.learned import planned_figures
from marketplace.selectors.reported import OPEN_WORK


@dataclass(frozen=True, kw_only=True)
class OpenLot:
    """A lot in a machine's queue, and the order that it belongs to as its factory knows it."""

    lot: QueuedLot
    step: int
    order: dict[str, Any]


def open_lots(supplier_id: int, machine_ids: Collection[int]) -> dict[int, list[OpenLot]]:
    """Return what machines of a factory have to make still, by planned start; one query."""
    rows = (
        Operation.objects.of_supplier(supplier_id)
        .filter(machine_id__in=machine_ids, state__in=OPEN_WORK)
        .order_by("machine_id", "planned_start_at")
        .values(
            *("machine_id", "buyer_id", "order_uid", "order_number", "step", "state"),
            *("planned_start_at", "planned_end_at", "set_up_minutes", "quantity"),
            process=F("work_order__process_code"),
        )
    )
    found: dict[int, list[OpenLot]] = {}
    for row in rows:
        lot = QueuedLot(
            order_uid=row["order_uid"],
            process=row["process"],
            start_at=row["planned_start_at"],
            end_at=row["planned_end_at"],
            set_up_minutes=row["set_up_minutes"],
            quantity=row["quantity"],
            is_waiting=row["state"] != OperationState.STARTED,
        )
        order = {name: row[name] for name in ("buyer_id", "order_uid", "order_number")}
        one = OpenLot(lot=lot, step=row["step"], order=order)
        found.setdefault(row["machine_id"], []).append(one)
    return found


def learned_rates(supplier_id: int, rows: Collection[LearnedRate]) -> dict[tuple[int, int], float]:
    """Return by machine and process the rate that plans reckon with, where it is a learned one.

    At most one query. Where the owner has plans reckon with what is stated, nothing is learned.
    """
    used = {(row.machine_id, row.process_id): row for row in rows if row.is_used and row.rate_usual}
    if not used:
        return {}
    capabilities = Capability.objects.of(supplier_id).filter(machine__in={key[0] for key in used})
    return {
        key: float(planned_figures(one, used[key]).rate_per_hour)
        for one in capabilities
        if (key := (one.machine_id, one.process_id)) in used
    }


def slowed_orders(
    supplier_id: int, *, from_at: datetime
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each order with each slow machine for which lots wait that were planned faster.

    Lots that begin before `from_at` are past helping. As entries of `Proposal.halts` they keep
    the figures of when the machine was found slow, so that another run changes nothing. One
    query when no machine is slow, else three.
    """
    rows = LearnedRate.objects.of(supplier_id).filter(slow_rate__isnull=False)
    slow = list(rows.select_related("machine", "process").order_by("machine_id", "process_id"))
    rates = learned_rates(supplier_id, slow)
    queues = open_lots(supplier_id, {key[0] for key in rates}) if rates else {}
    for one in slow:
        rate, said = rates.get((one.machine_id, one.process_id)), one.slow
        if rate is None or said is None:
            continue
        process = one.process.code
        ahead = [it for it in queues.get(one.machine_id, ()) if it.lot.start_at >= from_at]
        orders = slow_orders((it.lot for it in ahead), process=process, rate=rate)
        held = {
            (it.lot.order_uid, it.step): it.order
            for it in ahead
            if it.lot.process == process and it.lot.order_uid in orders
        }
        for (_order_uid, step), order in held.items():
            halt = {"machine_id": one.machine_id, "machine": one.machine.code, "step": step}
            yield order, {**halt, "rate": said.rate, "planned_rate": said.planned_rate}
