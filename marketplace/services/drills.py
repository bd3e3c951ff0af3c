"""The drill: what would an order's best re-plan be if one of its factories stopped now?"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.core.drill import stopped_part
from marketplace.core.frozen import FrozenPart
from marketplace.core.plan_json import PlanDocument
from marketplace.models import (
    Offer,
    Operation,
    OperationState,
    Order,
    Plan,
    PlanPurpose,
    PlanRequest,
    PlanRequestState,
)
from marketplace.selectors.drills import DRILLABLE
from marketplace.selectors.orders import UNDER_WAY
from marketplace.services.orders import OrderGone, asked_of
from marketplace.services.planning import request_plans
from marketplace.services.replanning import RETURNED
from tenants.acting import acting_as
from tenants.actors import Actor
from tenants.errors import Conflict, NotFound
from tenants.ids import uuid7
from tenants.live import announce
from tenants.models import Organisation
from tenants.services.audit import record_act

OPEN_DATE = timedelta(days=90)
"""How much later than due an order may be where its factories' hours have to move anyway."""
STARTED = (OperationState.STARTED, OperationState.FINISHED, OperationState.SHIPPED)


class NoSuchFactory(NotFound):
    code = "factory_not_in_order"


class NothingToDrill(Conflict):
    """The order is not in the factories' hands, or this one has started everything."""

    code = "nothing_to_drill"


@transaction.atomic
def ask_drill(
    *,
    organisation: Organisation,
    by: Actor,
    now: datetime,
    order_uid: UUID | str,
    supplier_uid: UUID | str,
) -> PlanRequest:
    """Ask for plans as if a factory stopped now; nothing is held, offered or changed.

    All others keep their hours at first; `widen_drill` follows where that leaves no room.
    The order is locked, so that a drill which is still being planned answers a second question.

    Raises:
        OrderGone: the organisation has no such order.
        NoSuchFactory: no share of the order is with it.
        NothingToDrill: nothing of the order waits to be started there.
    """
    mine = Order.objects.of(organisation.pk).filter(uid=order_uid)
    order = mine.select_for_update().first()
    if order is None:
        raise OrderGone(_("There is no such order."))
    offers = Offer.objects.of_buyer(organisation.pk).filter(order_uid=order.uid)
    supplier_id = offers.filter(supplier__uid=supplier_uid).values_list("supplier_id", flat=True)
    if not supplier_id:
        raise NoSuchFactory(_("This factory has no share of the order."))
    open_one = PlanRequest.objects.filter(
        buyer_id=organisation.pk,
        order_uid=order.uid,
        purpose=PlanPurpose.DRILL,
        frozen__returned_by=supplier_id[0],
        state__in=UNDER_WAY,
    ).first()
    if open_one is not None:
        return open_one
    request = _ask(order, _without(order, supplier_id[0]), now)
    record_act(by=by, now=now, action="drill.asked", subject="planrequest", subject_uid=request.uid)
    return request


def widen_drill(*, buyer_id: int, request_uid: UUID | str, now: datetime) -> None:
    """Ask again, with later steps and the date moving too, where others' hours left no room.

    A machine that nobody has is not found by moving more, so that answer stays. Safe twice.
    """
    with acting_as(buyer_id):
        drills = PlanRequest.objects.filter(buyer_id=buyer_id, purpose=PlanPurpose.DRILL)
        failed = drills.filter(uid=request_uid, state=PlanRequestState.FAILED).first()
        if failed is None or failed.message.get("code") == "no_fit":
            return
        narrow = FrozenPart.from_json(failed.frozen)
        mine = Order.objects.of(buyer_id).filter(uid=failed.order_uid)
        order = mine.select_for_update().first()
        newer = drills.filter(
            order_uid=failed.order_uid, frozen__returned_by=narrow.returned_by, pk__gt=failed.pk
        )
        if order is None or narrow.is_widened or newer.exists():
            return
        try:
            wider = _without(order, narrow.returned_by, later=True)
        except NothingToDrill:
            return  # the order has moved on
        _ask(order, wider, now)


def _ask(order: Order, frozen: FrozenPart, now: datetime) -> PlanRequest:
    offers = Offer.objects.of_buyer(order.tenant_id).filter(order_uid=order.uid)
    gave_back = offers.filter(state__in=RETURNED).values_list("supplier_id", flat=True)
    asked = asked_of(order)
    if frozen.is_widened:
        asked = replace(asked, due_at=asked.due_at + OPEN_DATE)
    request = request_plans(
        order=order,
        asked=asked,
        now=now,
        purpose=PlanPurpose.DRILL,
        frozen=frozen.to_json(),
        excluded={frozen.returned_by, *gave_back},
    )
    announce(tenant_ids=(order.tenant_id,), key=f"order:{order.uid}")
    return request


def _without(order: Order, supplier_id: int, *, later: bool = False) -> FrozenPart:
    if order.state not in DRILLABLE or order.chosen_plan_uid is None:
        raise NothingToDrill(_("Not all factories have accepted, or the work is done."))
    plan = Plan.objects.get(buyer_id=order.tenant_id, uid=order.chosen_plan_uid)
    document = PlanDocument.from_json(plan.schedule)
    operations = Operation.objects.of_buyer(order.tenant_id).filter(order_uid=order.uid)
    started = operations.filter(state__in=STARTED).values_list("lot", "step")
    returned = stopped_part(document, supplier_id=supplier_id, started=set(started), later=later)
    if not returned:
        raise NothingToDrill(_("This factory has started all of its lots."))
    return FrozenPart(
        plan=document,
        plan_uid=plan.uid,
        origin_at=plan.origin_at,
        returned=returned,
        returned_by=supplier_id,
        offer_uid=uuid7(),  # no offer gave rise to it
        is_widened=later,
    )
