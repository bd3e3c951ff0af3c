"""What follows from an accepted proposal: commitments, the order's plan, others planned anew."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from evidence.services.transitions import record_change, transition, transition_all
from marketplace.core.disruption import Move
from marketplace.core.plan_json import PlanDocument
from marketplace.core.share import Route
from marketplace.models import (
    Operation,
    Order,
    Plan,
    PlanState,
    Promise,
    Proposal,
    ProposalState,
)
from marketplace.services.agreeing import free_parts, parts_of
from marketplace.services.closing import lock_order
from marketplace.services.commitments import move_commitments
from marketplace.services.elsewhere import withdraw_from_takers
from marketplace.services.leaving import hand_over, price_anew
from marketplace.services.making_room import end_room_of, settle_room
from marketplace.services.moved_plans import plan_with_moves
from marketplace.services.moving import move_agreed_lots, tell_of_end
from marketplace.services.proposing import ASKED, OPEN
from marketplace.services.rerouting import reroute_lots
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.live import announce
from tenants.services.outbox import send_after_commit


def apply_accepted(*, buyer_id: int, proposal_uid: UUID | str, now: datetime) -> None:
    """Carry an accepted proposal to the platform's commitments and into the order's plan.

    Where several factories have agreed, each moves its lots first; one that accepted alone has.
    Lots that made room for another order's offer get their plan here.
    Safe to run again. Other proposals of the order started from the plan before: planned anew.

    Raises:
        NotYet: the hours are still offered to another order, whose offer cannot be accepted.
    """
    with acting_as(buyer_id):
        root = Proposal.objects.of_buyer(buyer_id).get(uid=proposal_uid)
        parts = list(parts_of(root).filter(state=ProposalState.ACCEPTED))
    if root.state != ProposalState.ACCEPTED:
        return
    if root.leaving:
        hand_over(proposal=root, now=now)
    elif root.parties > 1:
        for one in parts:
            with acting_as(one.supplier_id):
                by = Actor.system(one.supplier_id)
                move_agreed_lots(proposal_uid=one.uid, by=by, now=now)
    moves = [Move.from_json(move) for one in parts for move in one.moves]
    with acting_as(PLATFORM_ID):
        if root.offer_uid is not None:
            settle_room(offer=root.offer_uid, now=now)
        move_commitments(moves)
        end_room_of(order_uid=root.order_uid, but_offer=root.offer_uid, now=now)
        if root.offer_uid is not None:
            assert root.plan_uid is not None, "a check of the table"
            plan_with_moves(order_uid=root.order_uid, plan_uid=root.plan_uid, moves=moves, now=now)
    with acting_as(buyer_id):
        _take_plan(root, moves, by=Actor.system(buyer_id), now=now)


def _take_plan(proposal: Proposal, moves: Sequence[Move], *, by: Actor, now: datetime) -> None:
    order = lock_order(order_uid=proposal.order_uid, by=by)
    assert order is not None, "a proposal is of an order"
    assert proposal.plan_uid is not None, "a check of the table"
    accepted = parts_of(proposal).filter(state=ProposalState.ACCEPTED)
    parts = list(accepted.select_for_update(no_key=True))
    if not parts:
        return
    plan = Plan.objects.get(buyer_id=by.tenant_id, uid=proposal.plan_uid)
    document = PlanDocument.from_json(plan.schedule)
    lags = {(one.lot, one.step): one.lag for one in document.operations}
    rows = Operation.objects.of_buyer(by.tenant_id).filter(
        uid__in=[one.operation_uid for one in moves]
    )
    routes = [
        Route(
            operation_uid=row.uid,
            next_supplier_id=row.next_supplier_id,
            next_operation_uid=row.next_operation_uid,
            transport_minutes=lags[row.lot, row.step],
        )
        for row in rows
    ]
    reroute_lots(order_uid=order.uid, routes=routes, by=by, now=now)
    old = list(
        Plan.objects.filter(buyer_id=by.tenant_id, order_uid=order.uid)
        .exclude(pk=plan.pk)
        .exclude(state=PlanState.SUPERSEDED)
        .defer("schedule", "reasons")
    )
    transition_all(old, to=PlanState.SUPERSEDED, by=by, now=now)
    transition(plan, to=PlanState.CHOSEN, by=by, now=now)
    Order.objects.of(by.tenant_id).filter(pk=order.pk).update(chosen_plan_uid=plan.uid)
    price_anew(proposal, order, plan, by=by, now=now)
    if proposal.promise != Promise.KEPT:
        _move_promise(order, plan, by=by, now=now)
    transition_all(parts, to=ProposalState.APPLIED, by=by, now=now)
    _plan_others_anew(order, by=by, now=now)
    announce(tenant_ids=(by.tenant_id,), key=f"order:{order.uid}")
    announce(tenant_ids=tuple(one.supplier_id for one in parts), key="work")


def _move_promise(order: Order, plan: Plan, *, by: Actor, now: datetime) -> None:
    """Promise the date that the buyer has agreed to."""
    before, order.promised_at = order.promised_at, plan.completes_at
    order.save(update_fields=["promised_at"])
    evidence = {
        "before": None if before is None else before.isoformat(),
        "after": plan.completes_at.isoformat(),
    }
    record_change(order, change="promise_moved", by=by, now=now, evidence=evidence)


def _plan_others_anew(order: Order, *, by: Actor, now: datetime) -> None:
    others = list(
        Proposal.objects.of_buyer(by.tenant_id)
        .filter(order_uid=order.uid, state__in=OPEN)
        .order_by("pk")
        .select_for_update(no_key=True)
    )
    parts = [one for one in others if one.root_uid is not None]
    transition_all(parts, to=ProposalState.SUPERSEDED, by=by, now=now)
    roots = [one for one in others if one.root_uid is None]
    free_parts([*parts, *(one for one in roots if one.state == ProposalState.AGREED)], by=by)
    opened = [one for one in roots if one.state != ProposalState.ASKED]
    for one in opened:
        withdraw_from_takers(one, by=by, now=now)
    transition_all(opened, to=ProposalState.ASKED, by=by, now=now)
    for one in roots:
        send_after_commit(
            tenant_id=by.tenant_id, topic=ASKED, buyer_id=by.tenant_id, proposal_uid=str(one.uid)
        )


@transaction.atomic
def expire_proposal(*, proposal_uid: UUID, by: Actor, now: datetime) -> None:
    """End a proposal that nobody decided in time, as its buyer; what others agreed to with it."""
    undecided = (ProposalState.PUT, ProposalState.OPEN)
    proposal = (
        Proposal.objects.of_buyer(by.tenant_id)
        .filter(uid=proposal_uid, state__in=undecided, expires_at__lte=now)
        .select_for_update(no_key=True)
        .first()
    )
    if proposal is None:
        return
    transition(proposal, to=ProposalState.EXPIRED, by=by, now=now)
    tell_of_end(proposal, by=by)
    announce(tenant_ids=(proposal.supplier_id,), key="work")
    announce(tenant_ids=(by.tenant_id,), key=f"order:{proposal.order_uid}")
