"""Drills of an order, factory by factory, with what the newest one found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from marketplace.core.drill import DrillOutcome, outcome_of
from marketplace.core.frozen import FrozenPart
from marketplace.core.plan_json import PlanDocument, instant
from marketplace.models import (
    Offer,
    OfferState,
    OrderState,
    Plan,
    PlanPurpose,
    PlanRequest,
)
from tenants.models import Organisation

DRILLABLE = (OrderState.CONFIRMED, OrderState.IN_PRODUCTION)
WORDS = {
    "share_short": "drill_short",
    "share_without_room": "drill_without_room",
    "share_too_dear": "drill_too_dear",
    "miss_excluded": "miss_stopped",
}


@dataclass(frozen=True, kw_only=True)
class DrillRow:
    """A factory of the order; `outcome` is None while nothing is known or nothing was found."""

    supplier: Organisation
    request: PlanRequest | None
    plan: Plan | None
    outcome: DrillOutcome | None
    message: dict[str, Any]


def drill_rows(*, buyer_id: int, order_uid: UUID) -> list[DrillRow]:
    """Return the factories that hold a share, with their newest drill; three queries."""
    offers = (
        Offer.objects.of_buyer(buyer_id)
        .filter(order_uid=order_uid, state=OfferState.ACCEPTED)
        .select_related("supplier")
        .defer("snapshot")
        .order_by("supplier__name", "id")
    )
    suppliers = {offer.supplier_id: offer.supplier for offer in offers}
    asked = PlanRequest.objects.filter(
        buyer_id=buyer_id, order_uid=order_uid, purpose=PlanPurpose.DRILL
    )
    newest = asked.order_by("frozen__returned_by", "-id").distinct("frozen__returned_by")
    found = {row.frozen["returned_by"]: row for row in newest}
    plans = plans_by_request(Plan.objects.filter(buyer_id=buyer_id, request__in=found.values()))
    return [drill_row(supplier, found.get(pk), plans) for pk, supplier in suppliers.items()]


def plans_by_request(found: Iterable[Plan]) -> dict[int, list[Plan]]:
    """Return plans by the id of the request that they answer."""
    plans: dict[int, list[Plan]] = {}
    for plan in found:
        plans.setdefault(plan.request_id, []).append(plan)
    return plans


def drill_row(
    supplier: Organisation, request: PlanRequest | None, by_request: Mapping[int, list[Plan]]
) -> DrillRow:
    """Return a factory with what a drill found; `request` is None where none was asked."""
    plans = [] if request is None else by_request.get(request.pk, [])
    plan = outcome = None
    if request is not None and plans:
        frozen = FrozenPart.from_json(request.frozen)
        plan = _best(frozen, plans)
        outcome = outcome_of(
            frozen,
            PlanDocument.from_json(plan.schedule),
            bound_minutes=plan.makespan_minutes - plan.bound_minutes,
            asked_at=request.created_at,
        )
    message = {} if request is None else _reworded(request.message)
    return DrillRow(supplier=supplier, request=request, plan=plan, outcome=outcome, message=message)


def _best(frozen: FrozenPart, plans: list[Plan]) -> Plan:
    """Take the cheapest that makes everything by the promised date, else the earliest."""
    whole = [plan for plan in plans if "quantity" not in plan.terms] or plans
    promised_at = instant(frozen.origin_at, frozen.plan.completes)
    kept = [plan for plan in whole if plan.completes_at <= promised_at]
    if kept:
        return min(kept, key=lambda plan: (plan.cost_minor, plan.completes_at))
    return min(whole, key=lambda plan: (plan.completes_at, plan.cost_minor))


def _reworded(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message in the words of a drill, in which no share came back."""
    if "code" not in message:
        return message
    values = {
        name: _reworded(value) if isinstance(value, dict) else value
        for name, value in message.get("values", {}).items()
    }
    return {"code": WORDS.get(message["code"], message["code"]), "values": values}
