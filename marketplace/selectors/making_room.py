"""Whose lots may make room for an order in a hurry, as the platform reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from marketplace.core.asked import AskedOrder
from marketplace.core.fitting import OnSale, fit
from marketplace.core.making_room import (
    Booked,
    OtherLot,
    OtherOrder,
    Room,
    lots_that_may_move,
    room_of,
    with_hours_of,
)
from marketplace.core.plan_json import PlanDocument
from marketplace.core.problem_of import problem_of
from marketplace.core.spans import Span
from marketplace.models import Commitment, Plan, PlanState
from marketplace.selectors.market import machines_on_sale
from scheduling.services.answers import due_as_deadline
from tenants.acting import PLATFORM_ID

FREEZE = timedelta(hours=2)
"""What begins sooner stays, and nothing moves there: first the buyer decides, then factories."""
MOST_ORDERS, MOST_LOTS = 20, 1_500
"""So many orders are looked at, those with most on the machines in question, and lots in all."""


def room_for(
    order: AskedOrder,
    market: Sequence[OnSale],
    *,
    order_id: str,
    order_uid: UUID,
    excluded: frozenset[int],
    origin_at: datetime,
    now: datetime,
) -> Room | None:
    """Return the question in which lots of other orders may move; None where none may.

    Only lots of orders whose factories have all accepted, which nothing else moves already.
    """
    freeze_at = now + FREEZE
    if order.due_at <= freeze_at:
        return None
    able = fit(order, [_as_if_empty(one, order) for one in market], excluded_suppliers=excluded)
    machines = {one.machine_id for one in able.machines}
    lots: list[OtherLot] = []
    for other, booked in _others(machines, Span(freeze_at, order.due_at), but=order_uid):
        mine = list(lots_that_may_move(other, booked=booked, freeze_at=freeze_at))
        lots += mine if len(lots) + len(mine) <= MOST_LOTS else []
    if not lots:
        return None
    processes = {lot.order.plan.processes[lot.operation.step - 1] for lot in lots}
    known = {one.machine_id: one for one in market}
    for one in machines_on_sale(processes=processes, now=now):
        known.setdefault(one.machine_id, one)
    opened = with_hours_of(known.values(), lots)
    found = fit(order, opened, excluded_suppliers=excluded)
    if not found.is_complete:
        return None
    problem = problem_of(order, found, order_id=order_id, origin_at=origin_at, now=freeze_at)
    room = room_of(due_as_deadline(problem), found, opened, lots, origin_at=origin_at)
    return room if room.lots else None


def _as_if_empty(one: OnSale, order: AskedOrder) -> OnSale:
    """Return a machine as if it had time, to see whether it may do a step at all."""
    return replace(one, free=(Span(order.earliest_start_at, order.due_at),))


def _others(
    machines: Collection[int], frame: Span, *, but: UUID
) -> list[tuple[OtherOrder, Booked]]:
    """Return the orders that have booked hours on some machines within `frame`, with these.

    An order of which anything waits for an answer, or to be planned again, is left out.
    """
    live = Commitment.objects.of(PLATFORM_ID)
    rows = live.filter(
        machine_id__in=list(machines),
        state="booked",
        yields_to=None,
        during__startswith__gte=frame.start,
        during__startswith__lt=frame.end,
    ).exclude(order_uid=but)
    booked: dict[UUID, dict[UUID, tuple[int, Span]]] = {}
    for order_uid, operation_uid, machine, during in rows.values_list(
        "order_uid", "operation_uid", "machine_id", "during"
    ):
        place = (machine, Span(during.lower, during.upper))
        booked.setdefault(order_uid, {})[operation_uid] = place
    unsettled = live.filter(order_uid__in=list(booked), state__in=("offered", "held"))
    for order_uid in set(unsettled.values_list("order_uid", flat=True)):
        del booked[order_uid]
    counts = Counter({order_uid: len(mine) for order_uid, mine in booked.items()})
    most = [order_uid for order_uid, _ in counts.most_common(MOST_ORDERS)]
    plans = (
        Plan.objects.filter(platform_id=PLATFORM_ID, order_uid__in=most, state=PlanState.CHOSEN)
        .select_related("request")
        .order_by("order_uid", "-pk")
        .distinct("order_uid")
    )
    settled = set(
        live.filter(order_uid__in=most, state="booked").values_list("operation_uid", flat=True)
    )
    others = [_other(plan) for plan in plans]
    return [(one, booked[one.order_uid]) for one in others if _names(one.plan) <= settled]


def _names(plan: PlanDocument) -> set[UUID]:
    return {plan.operation_uid(one.lot, one.step) for one in plan.operations}


def _other(plan: Plan) -> OtherOrder:
    return OtherOrder(
        order_uid=plan.order_uid,
        plan_uid=plan.uid,
        asked=AskedOrder.from_json(plan.request.snapshot),
        plan=PlanDocument.from_json(plan.schedule),
        origin_at=plan.origin_at,
    )
