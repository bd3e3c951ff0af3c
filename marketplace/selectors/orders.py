"""A buyer's orders: the list, one order's page, and which of them is at risk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Min, Q, QuerySet
from django.db.models.fields.json import KT

from marketplace.core.band import Band
from marketplace.models import (
    ASIDE,
    Funding,
    FundingState,
    Offer,
    OfferState,
    Operation,
    OperationState,
    Order,
    OrderState,
    PlanPurpose,
    PlanRequest,
    PlanRequestState,
)
from marketplace.selectors.proposals import waits_for_buyer

LEVELS = ("bad", "warn", "info", "ok")
ENDED = (OrderState.ACCEPTED, OrderState.CANCELLED)
UNDER_WAY = (PlanRequestState.REQUESTED, PlanRequestState.SOLVING)
MOST_CARDS = 60
TIGHT_SHARE = 0.1
"""Slack below this part of the whole time from start to due date is called tight."""
SORTS = {"number": "number", "due": "due_at", "quantity": "quantity", "cost": "cost_minor"}


def order_list(
    tenant_id: int, *, state: str = "", search: str = "", sort: str = ""
) -> QuerySet[Order]:
    """Return the organisation's orders, newest first unless sorted otherwise."""
    orders = Order.objects.of(tenant_id)
    if state in OrderState.values:
        orders = orders.filter(state=state)
    if search:
        orders = orders.filter(Q(number__icontains=search) | Q(title__icontains=search))
    column = SORTS.get(sort.lstrip("-"))
    if column is None:
        return orders.order_by("-id")
    return orders.order_by(f"-{column}" if sort.startswith("-") else column, "-id")


def count_by_state(tenant_id: int) -> dict[str, int]:
    """Return how many orders are in each state."""
    rows = Order.objects.of(tenant_id).values_list("state").annotate(n=Count("id"))
    return dict(rows)


def newest_requests(tenant_id: int, order_uids: Iterable[UUID]) -> dict[UUID, PlanRequest]:
    """Return the newest plan request of each order, without its bulky columns."""
    rows = (
        PlanRequest.objects.filter(buyer_id=tenant_id, order_uid__in=list(order_uids))
        .exclude(purpose__in=ASIDE)
        .order_by("order_uid", "-id")
        .distinct("order_uid")
        .annotate(
            snapshot_due_at=KT("snapshot__due_at"),
            snapshot_currency=KT("snapshot__currency"),
            frozen_plan_uid=KT("frozen__plan_uid"),
        )
        .defer("snapshot", "frozen")
    )
    return {row.order_uid: row for row in rows}


def has_no_plan(order: Order, request: PlanRequest | None) -> bool:
    """Tell whether an order's newest request found no plan and nothing was chosen since.

    A returned share may go on by a plan that changes a limit, though its request stays failed.
    """
    if request is None or request.state != PlanRequestState.FAILED:
        return False
    if request.purpose == PlanPurpose.SHARE:
        return order.state == OrderState.OFFERED and getattr(
            request, "frozen_plan_uid", None
        ) == str(order.chosen_plan_uid)
    is_open = order.state in (OrderState.POSTED, OrderState.PLANNED)
    return is_open and order.chosen_plan_uid is None


@dataclass(frozen=True, kw_only=True)
class OrderRisk:
    """Where an order stands: how bad, until when, why, and what to do next.

    `cause` and `action` are codes of words; `slack` is due date less expected date.
    """

    order: Order
    level: str
    expected_at: datetime | None
    slack: timedelta | None
    cause: str
    action: str
    values: dict[str, object] = field(default_factory=dict)


def orders_by_risk(tenant_id: int, *, now: datetime) -> list[OrderRisk]:
    """Return the open orders, the worst first; six queries however many there are."""
    orders = list(
        Order.objects.of(tenant_id).exclude(state__in=ENDED).order_by("due_at", "id")[:MOST_CARDS]
    )
    uids = [order.uid for order in orders]
    requests = newest_requests(tenant_id, uids)
    answers = _answers(tenant_id, uids)
    late = _late_operations(tenant_id, uids, now)
    sent = set(
        Funding.objects.filter(
            buyer_id=tenant_id, order_uid__in=uids, state=FundingState.PROVED
        ).values_list("order_uid", flat=True)
    )
    risks = [
        _risk(order, requests.get(order.uid), answers.get(order.uid, {}), late, sent, now)
        for order in orders
    ]
    put = waits_for_buyer(tenant_id, uids)
    risks = [
        replace(one, level="bad", cause=put[one.order.uid], action="decide_date")
        if one.order.uid in put
        else one
        for one in risks
    ]
    far = timedelta(days=10_000)
    return sorted(
        risks,
        key=lambda risk: (LEVELS.index(risk.level), far if risk.slack is None else risk.slack),
    )


def _answers(tenant_id: int, uids: list[UUID]) -> dict[UUID, Counter[str]]:
    rows = (
        Offer.objects.of_buyer(tenant_id)
        .filter(order_uid__in=uids)
        .values_list("order_uid", "state")
        .annotate(n=Count("id"))
    )
    found: dict[UUID, Counter[str]] = {}
    for uid, state, count in rows:
        found.setdefault(uid, Counter())[state] = count
    return found


def _late_operations(
    tenant_id: int, uids: list[UUID], now: datetime
) -> dict[UUID, tuple[int, timedelta]]:
    done = (OperationState.FINISHED, OperationState.SHIPPED, OperationState.CANCELLED)
    rows = (
        Operation.objects.of_buyer(tenant_id)
        .filter(order_uid__in=uids, planned_end_at__lt=now)
        .exclude(state__in=done)
        .values_list("order_uid")
        .annotate(n=Count("id"), first=Min("planned_end_at"))
    )
    return {uid: (count, now - first) for uid, count, first in rows}


def _risk(
    order: Order,
    request: PlanRequest | None,
    answers: dict[str, int],
    late: dict[UUID, tuple[int, timedelta]],
    sent: set[UUID],
    now: datetime,
) -> OrderRisk:
    """Say the worst that is known of an order; what waits for the buyer comes before tightness."""
    expected = _expected(order, request)
    level, cause, action, values = _standing(order, request, answers)
    if cause == "money_asked" and order.uid in sent:
        level, cause, action = "info", "money_sent", "follow"
    if order.state == OrderState.IN_PRODUCTION and order.uid in late:
        count, by = late[order.uid]
        expected = None if expected is None else expected + by
        level, cause, values = "warn", "operations_late", {"count": count, "by": by}
    slack = None if expected is None else order.due_at - expected
    span = order.due_at - order.earliest_start_at
    if slack is not None and level != "bad":
        if slack < timedelta(0):
            level = "bad"
            cause = "late" if cause in ("on_time", "plans_ready", "answers_open") else cause
        elif slack < span * TIGHT_SHARE and level == "ok":
            level, cause = "warn", "tight"
    return OrderRisk(
        order=order,
        level=level,
        expected_at=expected,
        slack=slack,
        cause=cause,
        action=action,
        values=values,
    )


def _expected(order: Order, request: PlanRequest | None) -> datetime | None:
    if order.promised_at is not None:
        return order.promised_at
    if request is not None and request.band:
        return Band.from_json(request.band).likely_at
    return None


def _standing(
    order: Order, request: PlanRequest | None, answers: dict[str, int]
) -> tuple[str, str, str, dict[str, object]]:
    """Return (level, cause, action, values) by the order's state alone."""
    open_offers = answers.get(OfferState.OFFERED, 0)
    total = open_offers + answers.get(OfferState.ACCEPTED, 0)
    if request is not None and has_no_plan(order, request):
        if request.waiting_since is not None:
            return "warn", "share_waits", "follow", {}
        if request.purpose == PlanPurpose.SHARE:
            return "bad", "share_stuck", "choose_way", {}
        return "bad", "no_plan", "see_why", {}
    match order.state:
        case OrderState.DRAFT:
            return "info", "draft", "finish_draft", {}
        case OrderState.POSTED:
            return "info", "planning", "see_band", {}
        case OrderState.PLANNED:
            return "warn", "plans_ready", "choose_plan", {}
        case OrderState.OFFERED:
            share = request is not None and request.purpose == PlanPurpose.SHARE
            if share and request is not None and request.state in UNDER_WAY:
                return "warn", "share_returned", "follow", {}
            values: dict[str, object] = {"open": open_offers, "total": total}
            return "ok", "answers_open", "follow", values
        case OrderState.CONFIRMED:
            return "warn", "money_asked", "pay", {}
        case OrderState.DELIVERED:
            return "warn", "to_inspect", "inspect", {}
        case _:
            return "ok", "on_time", "follow", {}
