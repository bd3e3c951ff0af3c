"""One order as its page shows it: standing, band, planning, plans, offers, history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from marketplace.core.band import Band
from marketplace.models import (
    Funding,
    Order,
    OrderState,
    PlanKind,
    PlanPurpose,
    PlanRequest,
    PlanRequestState,
    PlanState,
)
from marketplace.selectors.catalogue import process_names
from marketplace.selectors.drills import DRILLABLE
from marketplace.selectors.orders import UNDER_WAY, has_no_plan, newest_requests
from marketplace.selectors.plans import offers_of_order, plans_of_request, way_of
from marketplace.selectors.settlement import payments_of
from marketplace.wording import ACTS, sentence
from tenants.models import AuditEntry
from tenants.templatetags.formats import clock_text

STAGES = (
    OrderState.POSTED,
    OrderState.PLANNED,
    OrderState.OFFERED,
    OrderState.CONFIRMED,
    OrderState.IN_PRODUCTION,
    OrderState.DELIVERED,
    OrderState.ACCEPTED,
)
WITH_PROGRESS = (
    OrderState.CONFIRMED,
    OrderState.IN_PRODUCTION,
    OrderState.DELIVERED,
    OrderState.ACCEPTED,
)
CANCELLABLE = Order.TRANSITIONS["cancelled"]


def order_page(order: Order, *, now: datetime) -> dict[str, Any]:
    """Return everything the page of one order needs, in a fixed number of queries."""
    processes = process_names()
    request = newest_requests(order.tenant_id, [order.uid]).get(order.uid)
    steps = [
        {"process": step.process, "requirements": step.requirements}
        for step in order.steps.select_related("process")
    ]
    context: dict[str, Any] = {
        "order": order,
        "steps": steps,
        "now": now,
        "request_row": request,
        "stages": [stage.label for stage in STAGES],
        "stage": stage_number(order),
        "history": _history(order),
        "can_cancel": order.state in CANCELLABLE,
        "has_progress": order.state in WITH_PROGRESS,
        "can_drill": order.state in DRILLABLE,
        "offers": offers_of_order(order.tenant_id, order.uid),
        "payment": _open_payment(order),
    }
    if request is not None:
        context |= _planning(order, request, now) | band_context(request, processes)
    return context


def _open_payment(order: Order) -> Funding | None:
    """Return what has to be paid in, or looked for at the bank, before production begins."""
    if order.state != OrderState.CONFIRMED:
        return None
    return payments_of(buyer_id=order.tenant_id).filter(order_uid=order.uid).first()


def band_context(request: PlanRequest, processes: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a request's band with its assumptions in words, or its message."""
    names = process_names() if processes is None else processes
    currency = _asked(request, "currency")
    message = sentence(request.message, processes=names, currency=currency)
    if not request.band:
        return {"band": None, "message": message}
    band = Band.from_json(request.band)
    due_at = datetime.fromisoformat(_asked(request, "due_at"))
    return {
        "band": band,
        "message": message,
        "dates": _date_chart(band, due_at),
        "is_late": min([band.likely_at, *(one.completes_at for one in band.offers)]) > due_at,
        "band_steps": [
            {
                "process": names.get(s.process, s.process),
                "machines": s.machines,
                "suppliers": s.suppliers,
            }
            for s in band.steps
        ],
        "assumed": [
            sentence({"code": code, "values": {}}, processes=names) for code in band.assumed
        ],
    }


def _asked(request: PlanRequest, name: str) -> str:
    """Return a field of what was asked, without fetching the whole snapshot if possible."""
    known: str | None = getattr(request, f"snapshot_{name}", None)
    return known or request.snapshot[name]


def _date_chart(band: Band, due_at: datetime) -> dict[str, Any]:
    """Return the numbers and words of the chart of dates; numbers are seconds."""
    shown = {"low": band.earliest_at, "likely": band.likely_at, "mark": due_at}
    return {name: moment.timestamp() for name, moment in shown.items()} | {
        f"{name}_text": day_text(moment) for name, moment in shown.items()
    }


def day_text(moment: datetime) -> str:
    """Write day and hour of an instant in the reader's zone."""
    return clock_text(timezone.localtime(moment), timezone.now())


def _planning(order: Order, request: PlanRequest, now: datetime) -> dict[str, Any]:
    is_share = request.purpose == PlanPurpose.SHARE
    waits = request.state == PlanRequestState.READY and (
        order.state == OrderState.PLANNED and order.chosen_plan_uid is None
    )
    best, bound = request.best_minutes, request.bound_minutes
    is_proven = best is not None and bound is not None and best > 0
    share_waits = is_share and request.state == PlanRequestState.READY
    has_failed = has_no_plan(order, request)
    found = plans_of_request(request) if waits or share_waits or has_failed else []
    found = [plan for plan in found if plan.state == PlanState.PROPOSED]
    ways = sorted((plan for plan in found if plan.terms), key=lambda plan: plan.pk)
    is_held = request.held_until is not None and request.held_until > now
    return {
        "is_planning": request.state in UNDER_WAY,
        "is_share": is_share,
        "has_failed": has_failed,
        "ways": [way_of(order, plan) for plan in ways],
        "held_until": request.held_until if is_held else None,
        "has_room": any(plan.kind == PlanKind.ROOM for plan in ways),
        "plans": [plan for plan in found if not plan.terms],
        "gap": (best - bound) / best if is_proven else None,
        "seconds": max(0, int((now - request.created_at).total_seconds())),
    }


def stage_number(order: Order) -> int:
    """Return which stage an order is in, from 1; 0 for one that is not posted or has ended."""
    return 1 + STAGES.index(OrderState(order.state)) if order.state in STAGES else 0


def _history(order: Order) -> list[dict[str, Any]]:
    entries = AuditEntry.objects.of(order.tenant_id).filter(subject_uid=order.uid)
    return [
        {
            "at": entry.at,
            "title": ACTS.get(entry.action.rpartition(">")[2], entry.action),
            "by": entry.actor,
            "done": True,
        }
        for entry in entries.order_by("-id")[:20]
    ]
