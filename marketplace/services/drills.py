"""The drill: what would an order's best re-plan be if one of its factories stopped now?"""

from __future__ import annotations

from datetime import datetime
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
)
from marketplace.selectors.drills import DRILLABLE
from marketplace.selectors.orders import UNDER_WAY
from marketplace.services.orders import OrderGone, asked_of
from marketplace.services.planning import request_plans
from marketplace.services.replanning import RETURNED
from tenants.actors import Actor
from tenants.errors import Conflict, NotFound
from tenants.ids import uuid7
from tenants.live import announce
from tenants.models import Organisation
from tenants.services.audit import record_act

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
    frozen = _without(order, supplier_id[0])
    gave_back = offers.filter(state__in=RETURNED).values_list("supplier_id", flat=True)
    request = request_plans(
        order=order,
        asked=asked_of(order),
        now=now,
        purpose=PlanPurpose.DRILL,
        frozen=frozen.to_json(),
        excluded={supplier_id[0], *gave_back},
    )
    record_act(by=by, now=now, action="drill.asked", subject="planrequest", subject_uid=request.uid)
    announce(tenant_ids=(organisation.pk,), key=f"order:{order.uid}")
    return request


def _without(order: Order, supplier_id: int) -> FrozenPart:
    if order.state not in DRILLABLE or order.chosen_plan_uid is None:
        raise NothingToDrill(_("Not all factories have accepted, or the work is done."))
    plan = Plan.objects.get(buyer_id=order.tenant_id, uid=order.chosen_plan_uid)
    document = PlanDocument.from_json(plan.schedule)
    operations = Operation.objects.of_buyer(order.tenant_id).filter(order_uid=order.uid)
    started = operations.filter(state__in=STARTED).values_list("lot", "step")
    returned = stopped_part(document, supplier_id=supplier_id, started=set(started))
    if not returned:
        raise NothingToDrill(_("This factory has started all of its lots."))
    return FrozenPart(
        plan=document,
        plan_uid=plan.uid,
        origin_at=plan.origin_at,
        returned=returned,
        returned_by=supplier_id,
        offer_uid=uuid7(),  # no offer gave rise to it
    )
