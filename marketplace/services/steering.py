"""A buyer's hand on a plan: pieces moved between places, places kept or left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from evidence.services.transitions import record_change
from marketplace.core.asked import AskedOrder
from marketplace.core.steering import (
    PlanPlace,
    Steering,
    Wishes,
    carried_over,
    steering_of,
    wish_faults,
)
from marketplace.models import Plan, PlanPurpose, PlanRequest
from marketplace.selectors.catalogue import process_names
from marketplace.selectors.steering import usual_goal
from marketplace.services.choosing import PlanGone, PlanNotOpen, open_order_of
from marketplace.services.planning import send_request
from marketplace.wording import sentence
from tenants.actors import Actor
from tenants.errors import Conflict, DomainError
from tenants.live import announce
from tenants.models import Organisation


class InvalidWishes(DomainError):
    """The wishes contradict the plan, the order or each other; nothing is asked."""

    code = "invalid_wishes"


class SteeringUnderWay(Conflict):
    """Another split of the same order is being planned."""

    code = "steering_under_way"


@transaction.atomic
def steer_plan(
    *, organisation: Organisation, by: Actor, now: datetime, uid: UUID | str, wishes: Wishes
) -> PlanRequest:
    """Ask for one more plan of an order, like the plan `uid` but for the wishes.

    What was moved by hand on the way to that plan stays moved, where nothing new speaks against it.
    The order's row is locked: of this and a choice, whoever comes second learns of the first.

    Raises:
        PlanGone: the organisation has no such plan.
        PlanNotOpen: the order does not wait for a choice among this plan and its siblings.
        InvalidWishes: with a sentence for each wish that cannot stand.
        SteeringUnderWay: another split of this order is being planned.
    """
    plan = (
        Plan.objects.filter(buyer_id=organisation.pk, uid=uid)
        .select_related("request", "steering")
        .first()
    )
    if plan is None:
        raise PlanGone(_("There is no such plan."))
    is_steerable = (
        plan.request.purpose == PlanPurpose.ORDER and not plan.terms and plan.reasons.get("places")
    )
    if not is_steerable or open_order_of(plan, by, now).select_for_update().first() is None:
        raise PlanNotOpen(_("Only plans that wait for your choice can be steered. Load it again."))
    steering = _steering(plan, wishes)
    request = PlanRequest(
        buyer=organisation,
        platform_id=plan.platform_id,
        order_uid=plan.order_uid,
        purpose=PlanPurpose.STEERED,
        snapshot=plan.request.snapshot,
        excluded=plan.request.excluded,
        steering=steering.to_json(),
        base_plan_uid=plan.uid,
        created_at=now,
    )
    try:
        with transaction.atomic():
            request.save()
    except IntegrityError as error:
        raise SteeringUnderWay(
            _("Another split of this order is being planned. Wait for it, or stop it.")
        ) from error
    evidence = {"base_plan_uid": str(plan.uid), **request.steering}
    record_change(request, change="steered", by=by, now=now, evidence=evidence)
    send_request(request)
    announce(tenant_ids=(organisation.pk,), key=f"order:{plan.order_uid}")
    return request


def _steering(plan: Plan, wishes: Wishes) -> Steering:
    order = AskedOrder.from_json(plan.request.snapshot)
    processes = [step.process for step in order.steps]
    places = [PlanPlace.from_json(place) for place in plan.reasons["places"]]
    faults = list(wish_faults(wishes, places, quantity=order.quantity, processes=processes))
    if faults:
        names = process_names()
        said = [
            sentence({"code": one.code, "values": one.values}, processes=names) for one in faults
        ]
        raise InvalidWishes(" ".join(said), errors={"wishes": said})
    goal = wishes.goal or usual_goal(plan)
    if plan.steering is not None:
        before = Steering.from_json(plan.steering.steering)
        wishes = carried_over(wishes, before.wishes, places, quantity=order.quantity)
    return steering_of(
        replace(wishes, goal=goal),
        places,
        quantity=order.quantity,
        steps=len(processes),
        lot=max(plan.schedule["operations"]["quantity"]),
        goal=goal,
        keep_by=max(order.due_at, plan.completes_at),
        before_at=plan.completes_at,
        before_cost_minor=plan.cost_minor,
    )
