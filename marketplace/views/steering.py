"""A buyer's hand on a plan: the panel, the split under way, and its answer."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from marketplace.core.steering import Wishes
from marketplace.forms.steering import wishes_of
from marketplace.models import Order, PlanRequestState
from marketplace.selectors import steering as selectors
from marketplace.selectors.catalogue import process_names
from marketplace.selectors.plans import is_open
from marketplace.services.steering import InvalidWishes, SteeringUnderWay, steer_plan
from marketplace.views.plans import own_plan, plan_page
from tenants.access import member
from tenants.clock import site_now
from tenants.core.roles import Act


@member(Act.TRADE, seat="buyer")
@require_POST
def plan_steer(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Ask for one more plan, with another split."""
    plan = own_plan(request, uid)
    wishes = Wishes()
    try:
        wishes = wishes_of(request.POST, selectors.places_of_plan(plan))
        steer_plan(
            organisation=request.acting.tenant,
            by=request.actor,
            now=site_now(),
            uid=uid,
            wishes=wishes,
        )
    except (InvalidWishes, SteeringUnderWay) as refusal:
        return plan_page(request, uid, wishes=wishes, refusal=str(refusal), status=refusal.status)
    return redirect(reverse("plan", args=[uid]) + "#steering")


@member(Act.READ, seat="buyer")
@require_GET
def plan_steering(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Show how far a split is; once it is planned, lead to its plan."""
    plan = own_plan(request, uid)
    order = Order.objects.of(plan.buyer_id).get(uid=plan.order_uid)
    context = selectors.steering_context(
        plan, can_steer=is_open(plan, order), processes=process_names()
    )
    asked = context["asked"]
    if asked is not None and asked.state == PlanRequestState.READY:
        answer = selectors.plans_after(plan).first()
        if answer is not None:
            return HttpResponse(headers={"HX-Redirect": reverse("plan", args=[answer.uid])})
    return render(request, "buyer/_steering.html", {"plan": plan, "order": order, **context})
