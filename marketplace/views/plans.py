"""Plan alternatives: side by side, one by one, chosen; and the planning run behind them."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from marketplace.core.plan_json import PlanDocument, PlanSummary
from marketplace.core.steering import Wishes
from marketplace.models import Order, Plan, PlanPurpose, PlanState
from marketplace.selectors import plans as selectors
from marketplace.selectors.catalogue import process_names
from marketplace.selectors.orders import newest_requests
from marketplace.selectors.steering import steering_context
from marketplace.services.choosing import PlanGone, choose_plan
from marketplace.services.orders import find_order
from marketplace.services.planning import stop_and_use
from marketplace.services.waiting import wait_for_room
from tenants.access import member
from tenants.clock import site_now
from tenants.core.roles import Act
from tenants.templatetags.formats import money, number

MINUTES_PER_DAY = 1440


@member(Act.READ, seat="buyer")
@require_GET
def plans(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Compare the newest alternatives of an order."""
    order = find_order(organisation=request.acting.tenant, uid=uid)
    newest = newest_requests(order.tenant_id, [order.uid]).get(order.uid)
    found = [] if newest is None else selectors.plans_of_request(newest)
    context = {
        "order": order,
        "request_row": newest,
        "plans": found,
        "options": [_option(plan) for plan in found],
        "bound_days": found[0].bound_minutes / MINUTES_PER_DAY if found else None,
        "cost_bound": found[0].reasons.get("cost_bound") if found else None,
        "assumed": _assumed(found),
    }
    return render(request, "buyer/plans.html", context)


def _assumed(plans: list[Plan]) -> list[tuple[str, list[str]]]:
    """Return what each plan assumes under its title; once, without a title, where all agree."""
    processes = process_names()
    told = [(plan.title, selectors.assumed_sentences(plan, processes)) for plan in plans]
    if told and all(sentences == told[0][1] for _title, sentences in told):
        told = [("", told[0][1])]
    return [(title, sentences) for title, sentences in told if sentences]


def _option(plan: Plan) -> dict[str, Any]:
    return {
        "label": plan.title,
        "x": plan.makespan_minutes / MINUTES_PER_DAY,
        "y": plan.cost_minor / 100,
        "x_text": number(plan.makespan_minutes / MINUTES_PER_DAY, 2),
        "y_text": money(plan.cost_minor, plan.currency),
        "chosen": plan.state == PlanState.CHOSEN,
    }


def own_plan(request: HttpRequest, uid: UUID) -> Plan:
    plan = selectors.find_plan(request.acting.tenant_id, uid)
    if plan is None:
        raise PlanGone(_("There is no such plan."))
    return plan


@member(Act.READ, seat="buyer")
@require_GET
def plan(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Show one plan: who does what, when, for how much, and why."""
    return plan_page(request, uid)


def plan_page(
    request: HttpRequest,
    uid: UUID,
    *,
    wishes: Wishes | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    """Show a plan's page; with `refusal`, as answer to `wishes` that were not taken."""
    found = own_plan(request, uid)
    order = Order.objects.of(found.buyer_id).get(uid=found.order_uid)
    processes = process_names()
    summary = PlanSummary.from_json(found.schedule)
    can_choose = selectors.is_open(found, order)
    context = {
        "plan": found,
        "order": order,
        "shares": selectors.share_rows(found, summary, processes),
        "left_out": selectors.left_out_rows(found, processes),
        "assumed": selectors.assumed_sentences(found, processes),
        "operation_count": summary.operation_count,
        "lot_count": summary.lot_count,
        "slack": order.due_at - found.completes_at,
        "is_simulated": summary.is_simulated,
        "can_choose": can_choose,
        "way": selectors.way_of(order, found) if found.terms else None,
        "held_until": selectors.held_until(found, site_now()) if can_choose else None,
        "is_share": found.request.purpose == PlanPurpose.SHARE,
        "gantt_height": min(560, 80 + 28 * (summary.machine_count + len(summary.suppliers))),
    }
    context |= steering_context(
        found, can_steer=can_choose and not found.terms, processes=processes, wishes=wishes
    )
    context["refusal"] = refusal
    return render(request, "buyer/plan.html", context, status=status)


@member(Act.READ, seat="buyer")
@require_GET
def plan_gantt(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Give a plan's bars; a browser that knows them already gets nothing."""
    found = own_plan(request, uid)
    language, zone = get_language() or "en", request.user.time_zone
    tag = hashlib.sha256(f"{found.uid}/{found.state}/{language}/{zone}".encode()).hexdigest()[:24]
    if request.headers.get("If-None-Match") == f'"{tag}"':
        return HttpResponse(status=304, headers={"ETag": f'"{tag}"'})
    bars = selectors.gantt_of(
        found,
        PlanDocument.from_json(found.schedule),
        process_names(),
        zone=zone,
        now=site_now(),
        chinese=language.startswith("zh"),
    )
    headers = {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}
    return JsonResponse(bars, headers=headers, json_dumps_params={"separators": (",", ":")})


@member(Act.TRADE, seat="buyer")
@require_POST
def plan_choose(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Take a plan; its factories are asked at once."""
    chosen = choose_plan(
        organisation=request.acting.tenant, by=request.actor, now=site_now(), uid=uid
    )
    messages.success(request, _("The plan is chosen. Its factories are being asked."))
    return redirect("order", uid=chosen.order_uid)


@member(Act.TRADE, seat="buyer")
@require_POST
def plan_stop(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Stop looking for better plans and use what there is."""
    asked = stop_and_use(
        organisation=request.acting.tenant, by=request.actor, now=site_now(), uid=uid
    )
    if asked.base_plan_uid is not None:
        return redirect("plan", uid=asked.base_plan_uid)
    return redirect("order", uid=asked.order_uid)


@member(Act.TRADE, seat="buyer")
@require_POST
def share_wait(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Keep a share that came back open until there is capacity for it."""
    waiting = wait_for_room(
        organisation=request.acting.tenant, by=request.actor, now=site_now(), uid=uid
    )
    messages.success(request, _("The share waits. It is planned as soon as there is room."))
    return redirect("order", uid=waiting.order_uid)
