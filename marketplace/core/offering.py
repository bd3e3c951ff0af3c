"""Cut a plan into the shares that its suppliers are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from marketplace.core.asked import AskedOrder
from marketplace.core.plan_json import PlanDocument, PlanOperation, derived_uid, instant
from marketplace.core.share import Route, Share, ShareOperation


def offer_uid(plan_uid: UUID, supplier_id: int) -> UUID:
    """Return the name of a supplier's offer in a plan, the same however often it is made."""
    return derived_uid(plan_uid, f"offer/{supplier_id}")


def shares_of(order: AskedOrder, plan: PlanDocument, origin_at: datetime) -> dict[int, Share]:
    """Return what each supplier is newly asked to do, by the supplier's id."""
    return {
        supplier: Share(
            title=order.title,
            unit=order.unit,
            currency=order.currency,
            order_quantity=order.quantity,
            step_count=len(order.steps),
            due_at=order.due_at,
            note=order.note,
            ship_to=order.ship_to,
            requirements=_requirements(order, operations),
            operations=tuple(_share_operation(plan, one, origin_at) for one in operations),
        )
        for supplier, operations in plan.by_supplier().items()
    }


def routes_of_frozen(plan: PlanDocument) -> Iterator[Route]:
    """Yield where the lots of frozen operations go when their next step is planned anew."""
    for one in plan.operations:
        following = plan.at(one.lot, one.step + 1)
        if one.frozen and following is not None and not following.frozen:
            yield Route(
                operation_uid=plan.operation_uid(one.lot, one.step),
                next_supplier_id=_supplier_id(plan, following),
                next_operation_uid=plan.operation_uid(one.lot, one.step + 1),
                transport_minutes=one.lag,
            )


def answer_by(*, now: datetime, starts_at: datetime, window: timedelta) -> datetime:
    """Return until when an offer stands: its window, or half the time to its start if sooner."""
    return now + max(timedelta(minutes=1), min(window, (starts_at - now) / 2))


def commission_minor(price_minor: int, basis_points: int) -> int:
    """Return the platform's part of a price, rounded down."""
    return price_minor * basis_points // 10_000


def _supplier_id(plan: PlanDocument, operation: PlanOperation) -> int:
    return plan.supplier_of(operation).id


def _requirements(
    order: AskedOrder, operations: list[PlanOperation]
) -> dict[str, dict[str, int | float | str]]:
    steps = {one.step for one in operations}
    return {
        order.steps[step - 1].process: dict(order.steps[step - 1].requirements)
        for step in sorted(steps)
        if order.steps[step - 1].requirements
    }


def _share_operation(plan: PlanDocument, one: PlanOperation, origin_at: datetime) -> ShareOperation:
    before, after = plan.at(one.lot, one.step - 1), plan.at(one.lot, one.step + 1)
    machine = plan.machines[one.machine]
    return ShareOperation(
        uid=plan.operation_uid(one.lot, one.step),
        lot=one.lot,
        step=one.step,
        process=plan.processes[one.step - 1],
        machine_id=machine.id,
        machine_code=machine.code,
        start_at=instant(origin_at, one.start),
        end_at=instant(origin_at, one.end),
        quantity=one.quantity,
        set_up_minutes=one.set_up,
        price_minor=one.price,
        previous_supplier_id=None if before is None else _supplier_id(plan, before),
        next_supplier_id=None if after is None else _supplier_id(plan, after),
        next_operation_uid=None if after is None else plan.operation_uid(one.lot, one.step + 1),
        transport_minutes=one.lag,
    )
