"""A buyer's choice: one plan, its machine time claimed, and the question put to each factory."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from evidence.services.transitions import (
    Change,
    StateConflict,
    record_change,
    record_changes,
    transition,
    transition_all,
)
from marketplace.core.asked import AskedOrder
from marketplace.core.frozen import FrozenPart
from marketplace.core.offering import (
    answer_by,
    commission_minor,
    offer_uid,
    routes_of_frozen,
    shares_of,
)
from marketplace.core.plan_json import PlanDocument
from marketplace.core.share import Share
from marketplace.core.terms import Terms
from marketplace.models import (
    ASIDE,
    Commitment,
    Offer,
    Order,
    OrderState,
    Plan,
    PlanPurpose,
    PlanRequest,
    PlanRequestState,
    PlanState,
)
from marketplace.services.answers import confirm_order_if_covered
from marketplace.services.commitments import commitments_of
from marketplace.services.dropping import drop_lots
from marketplace.services.holds import free_hold, needs_room
from marketplace.services.making_room import RoomTaken, ask_for_room
from marketplace.services.matching import MATCHER
from marketplace.services.planning import request_plans
from marketplace.services.rerouting import reroute_lots
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.errors import Conflict, NotFound
from tenants.live import announce
from tenants.models import Organisation
from tenants.services.outbox import send_after_commit


class PlanGone(NotFound):
    code = "plan_not_found"


class PlanNotOpen(Conflict):
    """The plan, or another of its order, is chosen already, or the order has moved on."""

    code = "plan_not_open"


@transaction.atomic
def choose_plan(*, organisation: Organisation, by: Actor, now: datetime, uid: UUID | str) -> Plan:
    """Take one of an order's plans; its offers go out as soon as the machine time is claimed.

    The order is claimed by one conditional UPDATE: of several choices exactly one wins. A plan
    that changes a limit of the order does so when its time is claimed, not before.

    Raises:
        PlanGone: the organisation has no such plan.
        PlanNotOpen: a plan is chosen, this one is superseded, or the order has ended.
    """
    plan = Plan.objects.filter(buyer_id=organisation.pk, uid=uid).first()
    if plan is None:
        raise PlanGone(_("There is no such plan."))
    if not open_order_of(plan, by, now).update(chosen_plan_uid=plan.uid):
        raise PlanNotOpen(
            _("A plan of this order is chosen already, or the order has ended. Load it again.")
        )
    # Time that is held for this plan does not run out between here and the claim (`end_holds`).
    PlanRequest.objects.select_for_update().get(buyer_id=organisation.pk, pk=plan.request_id)
    try:
        transition(plan, to=PlanState.CHOSEN, by=by, now=now, evidence=_summary(plan))
    except StateConflict as error:
        raise PlanNotOpen(_("This plan is out of date. Choose one of the newer ones.")) from error
    send_after_commit(
        tenant_id=organisation.pk,
        topic="plan.chosen",
        buyer_id=organisation.pk,
        plan_uid=str(plan.uid),
    )
    announce(tenant_ids=(organisation.pk,), key=f"order:{plan.order_uid}")
    return plan


def open_order_of(plan: Plan, by: Actor, now: datetime) -> QuerySet[Order]:
    """Return the plan's order, if it waits for a choice among this plan and its siblings.

    Plans can be read as soon as they are stored. The message that moves the order on may come
    after the choice; then the choice does that first.
    """
    mine = Order.objects.of(plan.buyer_id).filter(uid=plan.order_uid)
    newest = (
        PlanRequest.objects.filter(buyer_id=plan.buyer_id, order_uid=plan.order_uid)
        .exclude(purpose__in=ASIDE)
        .order_by("-id")
        .first()
    )
    if newest is None or newest.pk != plan.request_id:
        return mine.none()
    if newest.purpose == PlanPurpose.SHARE:
        return mine.filter(state=OrderState.OFFERED, chosen_plan_uid=newest.frozen["plan_uid"])
    for order in mine.filter(state=OrderState.POSTED):
        with suppress(StateConflict):
            transition(order, to=OrderState.PLANNED, by=by, now=now)
    return mine.filter(state=OrderState.PLANNED, chosen_plan_uid=None)


def _summary(plan: Plan) -> dict[str, Any]:
    return {
        "order_uid": str(plan.order_uid),
        "kind": plan.kind,
        "cost_minor": plan.cost_minor,
        "currency": plan.currency,
        "completes_at": plan.completes_at.isoformat(),
        "suppliers": plan.supplier_count,
        "bound_minutes": plan.bound_minutes,
        "terms": plan.terms,
    }


def claim_and_offer(*, buyer_id: int, plan_uid: str, now: datetime) -> None:
    """Claim a chosen plan's machine time, then ask its factories; safe to run again.

    The exclusion constraint decides who came first. Who came second keeps his order and learns
    so in a sentence.
    """
    with acting_as(PLATFORM_ID):
        plan = Plan.objects.filter(platform_id=PLATFORM_ID, uid=plan_uid).get()
        if plan.state != PlanState.CHOSEN:
            return
        is_claimed = _claim(plan, now)
    if not is_claimed:
        _hand_back(buyer_id=buyer_id, plan=plan, now=now)
        return
    with acting_as(buyer_id):
        _offer(plan, now)


def _claim(plan: Plan, now: datetime) -> bool:
    """Write the plan's commitments, all or none; tell whether they stand."""
    document = PlanDocument.from_json(plan.schedule)
    rows = commitments_of(plan, document)
    offers = {row.offer_uid for row in rows}
    if Commitment.objects.of(PLATFORM_ID).filter(offer_uid__in=offers).exists():
        return True  # this message came before
    try:
        with transaction.atomic():
            _free_replaced(plan, document)
            free_hold(plan.order_uid)
            if needs_room(plan):
                rows = ask_for_room(plan, rows, now=now)
            Commitment.objects.bulk_create(rows, batch_size=1000)
    except (IntegrityError, RoomTaken):
        return False
    return True


def _free_replaced(plan: Plan, document: PlanDocument) -> None:
    """Free what the plan before held and this one does not: returned, asked anew, or cancelled."""
    frozen = plan.request.frozen
    if not frozen:
        return
    held = Commitment.objects.of(PLATFORM_ID).filter(
        operation_uid__in=FrozenPart.from_json(frozen).freed_by(document)
    )
    held.exclude(state="released").update(state="released")


def _hand_back(*, buyer_id: int, plan: Plan, now: datetime) -> None:
    """Give the buyer the order back, to plan again from what is free now.

    A returned share is put to the planner again at once: nobody has to choose there.
    """
    message = {"code": "time_taken", "values": {}}
    with acting_as(PLATFORM_ID):
        request = PlanRequest.objects.get(pk=plan.request_id)
        if request.state == PlanRequestState.READY:
            evidence = {"evidence": message, "message": message}
            transition(request, to=PlanRequestState.FAILED, by=MATCHER, now=now, **evidence)
        elif request.purpose == PlanPurpose.ORDER:
            PlanRequest.objects.filter(pk=request.pk).update(message=message)
    with acting_as(buyer_id):
        chosen = Plan.objects.filter(buyer_id=buyer_id, pk=plan.pk, state=PlanState.CHOSEN).first()
        if chosen is None:
            return
        by = Actor.system(buyer_id)
        transition(chosen, to=PlanState.SUPERSEDED, by=by, now=now, evidence=message)
        before = request.frozen.get("plan_uid")
        mine = Order.objects.of(buyer_id).filter(uid=plan.order_uid, chosen_plan_uid=plan.uid)
        if mine.update(chosen_plan_uid=before) and before is not None:
            request_plans(
                order=Order.objects.of(buyer_id).get(uid=plan.order_uid),
                asked=AskedOrder.from_json(request.snapshot),
                now=now,
                purpose=PlanPurpose.SHARE,
                frozen=request.frozen,
                excluded=request.excluded,
            )
        announce(tenant_ids=(buyer_id,), key=f"order:{plan.order_uid}")


def _offer(plan: Plan, now: datetime) -> None:
    """Put the plan's shares to its suppliers, as the buyer, in a handful of statements.

    Where it makes fewer lots, what others hold of those that are left out ends here.
    """
    by = Actor.system(plan.buyer_id)
    order = Order.objects.of(plan.buyer_id).select_for_update().get(uid=plan.order_uid)
    if order.state not in (OrderState.PLANNED, OrderState.OFFERED):
        return  # cancelled in the meantime: its own message releases the time
    terms = Terms.from_json(plan.terms)
    asked = terms.of(AskedOrder.from_json(plan.request.snapshot))
    document = PlanDocument.from_json(plan.schedule)
    if terms.quantity is not None and plan.request.frozen:
        frozen = FrozenPart.from_json(plan.request.frozen)
        drop_lots(order_uid=order.uid, frozen=frozen, plan=document, by=by, now=now)
    rows = [
        offer_row(plan, order, supplier, share, terms.room_until, now)
        for supplier, share in shares_of(asked, document, plan.origin_at).items()
    ]
    known = set(
        Offer.objects.of_buyer(plan.buyer_id)
        .filter(plan_uid=plan.uid)
        .values_list("uid", flat=True)
    )
    fresh = [row for row in rows if row.uid not in known]
    Offer.objects.bulk_create(fresh)
    record_changes((birth_of(row) for row in fresh), by=by, now=now)
    routes = list(routes_of_frozen(document))
    if routes:
        reroute_lots(order_uid=order.uid, routes=routes, by=by, now=now)
    fields: dict[str, Any] = {"promised_at": plan.completes_at, "cost_minor": plan.cost_minor}
    fields |= _amended(order, terms, by=by, now=now)
    if order.state == OrderState.PLANNED:
        transition(order, to=OrderState.OFFERED, by=by, now=now, **fields)
    else:
        Order.objects.of(plan.buyer_id).filter(pk=order.pk).update(**fields)
    # A steered plan that is being stored waits for this lock, or is seen here.
    PlanRequest.objects.select_for_update().get(buyer_id=plan.buyer_id, pk=plan.request_id)
    others = Plan.objects.filter(buyer_id=plan.buyer_id, order_uid=plan.order_uid)
    others = others.exclude(pk=plan.pk).exclude(state=PlanState.SUPERSEDED)
    others = others.defer("schedule", "reasons")
    transition_all(list(others), to=PlanState.SUPERSEDED, by=by, now=now)
    announce(tenant_ids=(plan.buyer_id,), key=f"order:{plan.order_uid}")
    announce(tenant_ids=tuple(row.supplier_id for row in fresh), key="offers")
    confirm_order_if_covered(order_uid=order.uid, by=by, now=now)


def _amended(order: Order, terms: Terms, *, by: Actor, now: datetime) -> dict[str, Any]:
    """Return the limits of the order that the terms change, recorded with what they were."""
    fields: dict[str, Any] = {}
    if terms.due_at is not None:
        fields["due_at"] = terms.due_at
    if terms.price_ceiling_minor is not None:
        fields["price_ceiling_minor"] = terms.price_ceiling_minor
    if terms.quantity is not None and terms.quantity > order.quantity:
        fields |= {"quantity": terms.quantity, "cancelled_quantity": 0}
    elif terms.quantity is not None:
        fields["cancelled_quantity"] = order.quantity - terms.quantity
    before = {name: getattr(order, name) for name in fields}
    if fields != before:
        evidence = {"before": _plain(before), "after": _plain(fields)}
        record_change(order, change="amended", by=by, now=now, evidence=evidence)
    return fields


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {n: v.isoformat() if isinstance(v, datetime) else v for n, v in fields.items()}


def birth_of(offer: Offer) -> Change:
    """Return what stands in the record of an offer that is made."""
    return Change(
        row=offer,
        change="offered",
        evidence={
            "order_uid": str(offer.order_uid),
            "price_minor": offer.price_minor,
            "quantity": offer.quantity,
            "expires_at": offer.expires_at.isoformat(),
        },
    )


def offer_row(
    plan: Plan, order: Order, supplier: int, share: Share, until: datetime | None, now: datetime
) -> Offer:
    """Return the offer of a share; where lots make room for it, it stands no longer than that."""
    starts_at = min(one.start_at for one in share.operations)
    price = share.price_minor
    return Offer(
        uid=offer_uid(plan.uid, supplier),
        buyer_id=plan.buyer_id,
        supplier_id=supplier,
        order_uid=order.uid,
        order_number=order.number,
        plan_uid=plan.uid,
        quantity=sum(one.quantity for one in share.operations),
        machine_minutes=share.machine_minutes,
        price_minor=price,
        commission_minor=commission_minor(price, settings.COMMISSION_BASIS_POINTS),
        currency=plan.currency,
        starts_at=starts_at,
        ends_at=max(one.end_at for one in share.operations),
        snapshot=share.to_json(),
        expires_at=answer_by(
            now=now,
            starts_at=starts_at if until is None else min(starts_at, until),
            window=timedelta(hours=settings.OFFER_WINDOW_HOURS),
        ),
        created_at=now,
    )
