"""The plan of an order whose lots made room for another, written anew as the platform."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from marketplace.core.disruption import Move
from marketplace.core.listed import ListedMachine
from marketplace.core.making_room import moved_plan
from marketplace.core.plan_json import PlanDocument, PlanMachine, instant
from marketplace.models import Listing, Plan, PlanState
from tenants.acting import PLATFORM_ID


def plan_with_moves(
    *, order_uid: UUID, plan_uid: UUID, moves: Sequence[Move], now: datetime
) -> None:
    """Write an order's chosen plan anew with lots where they made room; twice changes nothing.

    Each move was checked together with the plan that needed it, within the time that the rest of
    its order leaves it; until it is applied, no other change of the order is.
    """
    if Plan.objects.filter(platform_id=PLATFORM_ID, uid=plan_uid).exists():
        return
    chosen = Plan.objects.filter(
        platform_id=PLATFORM_ID, order_uid=order_uid, state=PlanState.CHOSEN
    )
    base = chosen.select_related("request").latest("pk")
    before = PlanDocument.from_json(base.schedule)
    document = moved_plan(before, moves, base.origin_at, _machines(before, moves))
    makespan = max(0, base.makespan_minutes + document.completes - before.completes)
    bound = min(base.bound_minutes, makespan)
    Plan.objects.create(
        uid=plan_uid,
        buyer_id=base.buyer_id,
        platform_id=PLATFORM_ID,
        request=base.request,
        order_uid=order_uid,
        kind=base.kind,
        origin_at=base.origin_at,
        cost_minor=base.cost_minor,
        currency=base.currency,
        completes_at=instant(base.origin_at, document.completes),
        makespan_minutes=makespan,
        bound_minutes=bound,
        gap=(makespan - bound) / makespan if makespan else 0.0,
        supplier_count=len(document.suppliers),
        machine_count=len(document.machines),
        schedule=document.to_json(),
        reasons=base.reasons,
        created_at=now,
    )


def _machines(plan: PlanDocument, moves: Iterable[Move]) -> dict[int, PlanMachine]:
    """Return the machines that a plan uses once its lots have moved, and others, by their ids."""
    known = {one.id: one for one in plan.machines}
    steps: dict[int, set[int]] = {}
    for move in moves:
        steps.setdefault(move.after.machine_id, set()).add(move.step)
    suppliers = {one.id: position for position, one in enumerate(plan.suppliers)}
    fresh = Listing.objects.of(PLATFORM_ID).filter(machine_id__in=steps.keys() - known.keys())
    for row in fresh:
        listed = ListedMachine.from_json(row.snapshot)
        known[row.machine_id] = PlanMachine(
            id=row.machine_id,
            code=listed.machine_code,
            type=listed.machine_type,
            supplier=suppliers[row.supplier_id],
            place=listed.site_name,
            is_simulated=listed.is_simulated,
            rates=tuple(_rates(plan, listed, steps[row.machine_id])),
        )
    return known


def _rates(
    plan: PlanDocument, listed: ListedMachine, steps: Iterable[int]
) -> Iterable[tuple[int, float]]:
    for step in sorted(steps):
        capability = listed.capability(plan.processes[step - 1])
        if capability is not None:
            yield step, float(capability.planned.rate_per_hour)
