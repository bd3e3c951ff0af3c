"""A share that came back: planned again with everything that others promised left as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import transaction

from evidence.services.transitions import transition
from marketplace.core.frozen import FrozenPart
from marketplace.core.plan_json import PlanDocument
from marketplace.core.share import Share
from marketplace.models import (
    Commitment,
    Offer,
    OfferState,
    Order,
    OrderState,
    Plan,
    PlanPurpose,
    PlanRequest,
    PlanRequestState,
    PlanState,
)
from marketplace.services.choosing import PlanNotOpen, choose_plan
from marketplace.services.making_room import end_room_for
from marketplace.services.offers import withdraw_offers
from marketplace.services.orders import asked_of
from marketplace.services.planning import request_plans
from marketplace.services.proposing import answer_proposal
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.live import announce
from tenants.models import Organisation
from tenants.services.outbox import NotYet

RETURNED = (OfferState.DECLINED, OfferState.LAPSED)
LIVE = (OfferState.OFFERED, OfferState.ACCEPTED)


def replan_share(
    *, buyer_id: int, order_uid: UUID | str, offer_uid: UUID | str, now: datetime
) -> None:
    """Ask the planner, as the buyer, for somebody else to do what an offer gave back.

    Accepted and still open shares stay exactly as they are; suppliers that gave a share of this
    order back are not asked again. Safe to run again: a returned offer is planned once.

    Raises:
        NotYet: the offers of the chosen plan are not out.
    """
    with acting_as(buyer_id):
        order = lock_offered(buyer_id=buyer_id, order_uid=order_uid)
        if order is None:
            return
        mine = PlanRequest.objects.filter(buyer_id=buyer_id, order_uid=order.uid)
        if mine.filter(frozen__offer_uid=str(offer_uid)).exists():
            return
        request_share(order=order, offer_uid=UUID(str(offer_uid)), now=now)


def lock_offered(*, buyer_id: int, order_uid: UUID | str) -> Order | None:
    """Lock an order whose offers are out, as its buyer; None when it has moved on."""
    mine = Order.objects.of(buyer_id).filter(uid=order_uid, state=OrderState.OFFERED)
    return mine.select_for_update().first()


def request_share(*, order: Order, offer_uid: UUID, now: datetime) -> None:
    """Ask for plans of what nobody holds of a locked order; `offer_uid` is what gave rise to it.

    Raises:
        NotYet: the offers of the chosen plan are not out.
    """
    buyer_id = order.tenant_id
    offers = list(Offer.objects.of_buyer(buyer_id).filter(order_uid=order.uid).order_by("id"))
    assert order.chosen_plan_uid is not None, "an offered order has its plan"
    plan = Plan.objects.get(buyer_id=buyer_id, uid=order.chosen_plan_uid)
    document = PlanDocument.from_json(plan.schedule)
    # A plan that only leaves lots out has no offers of its own.
    left = order.quantity - order.cancelled_quantity
    has_only_kept = not document.by_supplier() and document.quantity == left
    if not has_only_kept and not any(offer.plan_uid == plan.uid for offer in offers):
        raise NotYet(f"the offers of plan {plan.uid} are not out")
    request_plans(
        order=order,
        asked=asked_of(order),
        now=now,
        purpose=PlanPurpose.SHARE,
        frozen=_frozen_part(plan, document, offers, offer_uid).to_json(),
        excluded={offer.supplier_id for offer in offers if offer.state in RETURNED},
    )
    announce(tenant_ids=(buyer_id,), key=f"order:{order.uid}")


def _frozen_part(
    plan: Plan, document: PlanDocument, offers: list[Offer], offer_uid: UUID
) -> FrozenPart:
    """Take what nobody holds out of the plan: operations whose newest offer is not live."""
    owner: dict[tuple[int, int], Offer] = {}
    for offer in offers:
        for operation in Share.from_json(offer.snapshot).operations:
            owner[operation.lot, operation.step] = offer
    returned: set[tuple[int, int]] = set()
    open_ones: dict[UUID, set[tuple[int, int]]] = {}
    for one in document.operations:
        key = (one.lot, one.step)
        if owner[key].state not in LIVE:
            returned.add(key)
        elif owner[key].state == OfferState.OFFERED:
            open_ones.setdefault(owner[key].uid, set()).add(key)
    return FrozenPart(
        plan=document,
        plan_uid=plan.uid,
        origin_at=plan.origin_at,
        returned=frozenset(returned),
        unanswered=tuple(frozenset(keys) for keys in open_ones.values()),
        returned_by=next(offer.supplier_id for offer in offers if offer.uid == offer_uid),
        offer_uid=offer_uid,
    )


def take_answer(*, buyer_id: int, request_uid: str, now: datetime) -> None:
    """Draw the buyer's consequences of a request that has its answer; safe to run again.

    An order's plans wait for the buyer. A returned share's plan is taken without asking when it
    keeps the due date and the price ceiling; otherwise the buyer chooses what gives way. Where
    nothing fits between what others have promised, offers that nobody has answered make room first.
    """
    with acting_as(buyer_id):
        by = Actor.system(buyer_id)
        request = PlanRequest.objects.get(buyer_id=buyer_id, uid=request_uid)
        order = Order.objects.of(buyer_id).filter(uid=request.order_uid).first()
        if order is None:
            return
        if request.purpose == PlanPurpose.DRILL:
            pass  # only shown
        elif request.purpose == PlanPurpose.EVENT:
            answer_proposal(order=order, request=request, by=by, now=now)
        elif request.state == PlanRequestState.FAILED:
            if request.purpose == PlanPurpose.SHARE and order.state == OrderState.OFFERED:
                _make_room(order, request, by, now)
        elif request.purpose == PlanPurpose.SHARE:
            _take_share(order, request, by, now)
        elif request.purpose == PlanPurpose.ORDER and order.state == OrderState.POSTED:
            transition(order, to=OrderState.PLANNED, by=by, now=now)
        announce(tenant_ids=(buyer_id,), key=f"order:{order.uid}")


def _take_share(order: Order, request: PlanRequest, by: Actor, now: datetime) -> None:
    plans = Plan.objects.filter(
        buyer_id=order.tenant_id, request=request, state=PlanState.PROPOSED
    ).only("uid", "completes_at", "cost_minor")
    within = [
        plan
        for plan in plans
        if plan.completes_at <= max(order.due_at, order.promised_at or order.due_at)
        and (order.price_ceiling_minor is None or plan.cost_minor <= order.price_ceiling_minor)
    ]
    if not within:
        return
    best = min(within, key=lambda plan: (plan.cost_minor, plan.completes_at))
    buyer = Organisation.objects.get(pk=order.tenant_id)
    try:
        with transaction.atomic():
            choose_plan(organisation=buyer, by=by, now=now, uid=best.uid)
    except PlanNotOpen:
        return  # a newer request plans this share too, or the buyer was quicker


def _make_room(order: Order, request: PlanRequest, by: Actor, now: datetime) -> None:
    """Take open offers back whose lots have to move, and plan them with what returned."""
    frozen = FrozenPart.from_json(request.frozen)
    if frozen.is_widened or order.chosen_plan_uid != frozen.plan_uid:
        return
    open_offers = {
        offer.uid: frozenset(
            (one.lot, one.step) for one in Share.from_json(offer.snapshot).operations
        )
        for offer in Offer.objects.of_buyer(order.tenant_id).filter(
            order_uid=order.uid, state=OfferState.OFFERED
        )
    }
    taken = frozen.widened(open_offers)
    if not taken:
        return
    withdraw_offers(order_uid=order.uid, by=by, now=now, only=taken)
    wider = replace(
        frozen,
        returned=frozen.returned.union(*(open_offers[uid] for uid in taken)),
        unanswered=tuple(keys for uid, keys in open_offers.items() if uid not in taken),
        is_widened=True,
    )
    request_plans(
        order=order,
        asked=asked_of(order),
        now=now,
        purpose=PlanPurpose.SHARE,
        frozen=wider.to_json(),
        excluded=request.excluded,
    )


def release_commitments(*, order_uid: str, now: datetime) -> None:
    """Free all machine time that is held for a cancelled order, as the platform."""
    with acting_as(PLATFORM_ID):
        end_room_for(order_uid=order_uid, now=now)
        Commitment.objects.of(PLATFORM_ID).filter(order_uid=order_uid).exclude(
            state="released"
        ).update(state="released")
