"""A re-plan that the buyer has to agree to: the promised date breaks, or other factories move too.

Acts as the buyer. The factories whose lots move are asked after the buyer, each by a proposal of
its own; nothing changes before all of them have agreed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from evidence.services.transitions import Change as Recorded
from evidence.services.transitions import StateConflict, record_changes, transition
from marketplace.core.disruption import Move, moved_minutes, moves_by_supplier
from marketplace.core.frozen import FrozenPart
from marketplace.core.leaving import Leaving
from marketplace.core.offering import answer_by
from marketplace.core.plan_json import PlanDocument
from marketplace.models import (
    Operation,
    Order,
    Plan,
    PlanRequest,
    Promise,
    Proposal,
    ProposalState,
)
from marketplace.selectors.drills import DRILLABLE
from marketplace.services.closing import lock_order
from marketplace.services.elsewhere import ask_takers, still_stands
from marketplace.services.moving import (
    CHANGED,
    UNSTARTED,
    ProposalDecided,
    ProposalGone,
    ProposalStale,
)
from tenants.actors import Actor
from tenants.live import announce

NO_LATER_THAN = timedelta(days=90)
"""How much later than promised an order may be done in a plan that its buyer is asked about."""


def put_to_buyer(
    proposal: Proposal,
    frozen: FrozenPart,
    plans: Sequence[Plan],
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Put the plan of the least lateness to the buyer; of equal ones the one that moves least.

    Where it keeps the date after all, there is nothing to ask of the buyer: the factories are
    asked at once.
    """
    found = [(moves_of(frozen, plan), plan) for plan in plans]
    moves, best = min(found, key=lambda one: (one[1].completes_at, moved_minutes(one[0])))
    assert proposal.promised_at is not None, "written when it was planned"
    earliest_at = best.completes_at - timedelta(minutes=best.makespan_minutes - best.bound_minutes)
    promise = Promise.KEPT
    if best.completes_at > proposal.promised_at:
        is_proven = earliest_at > proposal.promised_at
        promise = Promise.UNAVOIDABLE if is_proven else Promise.NOT_FOUND
    shares = moves_by_supplier(frozen.plan, moves)
    own = shares.get(proposal.supplier_id, [])
    transition(
        proposal,
        to=ProposalState.PUT,
        by=by,
        now=now,
        evidence={"plan_uid": str(best.uid), "lots": len(moves), "promise": promise},
        plan_uid=best.uid,
        moves=[one.to_json() for one in own],
        leaving=[],
        moved_minutes=moved_minutes(own),
        parties=len({proposal.supplier_id, *shares}),
        promise=promise,
        completes_at=best.completes_at,
        earliest_at=earliest_at,
        expires_at=_decide_by(moves, now=now),
    )
    if promise == Promise.KEPT:
        _ask_factories(proposal, frozen, moves, by=by, now=now)


@transaction.atomic
def accept_later(*, proposal_uid: UUID, by: Actor, now: datetime) -> Proposal:
    """Agree, as the buyer, to a later date, or to lots going elsewhere; the factories are asked.

    The proposal is claimed by one conditional UPDATE. The promise moves when all have agreed.

    Raises:
        ProposalGone: no such proposal to the acting buyer.
        ProposalDecided: it does not wait for the buyer any more.
        ProposalStale: a lot that would move has begun, or the order's plan is another.
    """
    proposal = _put(proposal_uid, by=by, now=now)
    order = lock_order(order_uid=proposal.order_uid, by=by)
    assert order is not None, "a proposal is of an order"
    assert proposal.request_uid is not None, "written when it was planned"
    assert proposal.plan_uid is not None, "a check of the table"
    leaving = [Leaving.from_json(one) for one in proposal.leaving]
    request = PlanRequest.objects.get(buyer_id=by.tenant_id, uid=proposal.request_uid)
    frozen = FrozenPart.from_json(request.frozen)
    plan = Plan.objects.get(buyer_id=by.tenant_id, uid=proposal.plan_uid)
    moves = moves_of(frozen, plan)
    if not _still_stands(order, frozen, moves) or not still_stands(order, leaving):
        raise ProposalStale(_("Work has begun on what would move, or the plan is another by now."))
    if not leaving:
        _ask_factories(proposal, frozen, moves, by=by, now=now)
        return proposal
    try:
        ask_takers(proposal, by=by, now=now)
    except StateConflict as error:
        raise ProposalDecided(CHANGED) from error
    return proposal


@transaction.atomic
def keep_waiting(*, proposal_uid: UUID, by: Actor, now: datetime) -> Proposal:
    """Keep to the promised date, as the buyer: nothing moves, and lots wait for what holds them up.

    Raises:
        ProposalGone, ProposalDecided: as for `accept_later`.
    """
    proposal = _put(proposal_uid, by=by, now=now)
    _decide(proposal, to=ProposalState.WAITING, by=by, now=now)
    announce(tenant_ids=(proposal.supplier_id,), key="work")
    announce(tenant_ids=(by.tenant_id,), key=f"order:{proposal.order_uid}")
    return proposal


def moves_of(frozen: FrozenPart, plan: Plan) -> tuple[Move, ...]:
    """Return what changes its place in a stored re-plan, whichever factory has it."""
    return frozen.moves_to(PlanDocument.from_json(plan.schedule))


def find_put(*, buyer_id: int, proposal_uid: UUID) -> Proposal:
    """Return a proposal about the buyer's order, whatever has become of it.

    Raises:
        ProposalGone: there is none to this buyer.
    """
    mine = Proposal.objects.of_buyer(buyer_id).filter(uid=proposal_uid, root_uid=None)
    proposal = mine.first()
    if proposal is None:
        raise ProposalGone(_("There is no such proposal."))
    return proposal


def _put(proposal_uid: UUID, *, by: Actor, now: datetime) -> Proposal:
    proposal = find_put(buyer_id=by.tenant_id, proposal_uid=proposal_uid)
    if proposal.state != ProposalState.PUT or proposal.expires_at is None:
        raise ProposalDecided(CHANGED)
    if now >= proposal.expires_at:
        raise ProposalDecided(_("The time to decide is over. A new proposal can be asked for."))
    return proposal


def _decide(
    proposal: Proposal, *, to: ProposalState, by: Actor, now: datetime, **fields: Any
) -> None:
    try:
        transition(proposal, to=to, by=by, now=now, **fields)
    except StateConflict as error:
        raise ProposalDecided(CHANGED) from error


def _still_stands(order: Order, frozen: FrozenPart, moves: Sequence[Move]) -> bool:
    waiting = Operation.objects.of_buyer(order.tenant_id).filter(
        uid__in=[one.operation_uid for one in moves], state__in=UNSTARTED
    )
    is_same_plan = order.chosen_plan_uid == frozen.plan_uid and order.state in DRILLABLE
    return is_same_plan and waiting.count() == len(moves)


def _ask_factories(
    proposal: Proposal, frozen: FrozenPart, moves: Sequence[Move], *, by: Actor, now: datetime
) -> None:
    """Ask each factory whose lots move: the one where it happened, then the others."""
    expires_at = _decide_by(moves, now=now)
    _decide(proposal, to=ProposalState.OPEN, by=by, now=now, expires_at=expires_at)
    parts = [
        Proposal(
            buyer_id=by.tenant_id,
            supplier_id=supplier_id,
            order_uid=proposal.order_uid,
            order_number=proposal.order_number,
            state=ProposalState.OPEN,
            root_uid=proposal.uid,
            parties=proposal.parties,
            plan_uid=proposal.plan_uid,
            moves=[one.to_json() for one in share],
            moved_minutes=moved_minutes(share),
            promise=proposal.promise,
            promised_at=proposal.promised_at,
            completes_at=proposal.completes_at,
            expires_at=expires_at,
            created_at=now,
        )
        for supplier_id, share in sorted(moves_by_supplier(frozen.plan, moves).items())
        if supplier_id != proposal.supplier_id
    ]
    Proposal.objects.bulk_create(parts)
    record_changes((Recorded(row=one, change="asked") for one in parts), by=by, now=now)
    announce(tenant_ids=(proposal.supplier_id, *(one.supplier_id for one in parts)), key="work")
    announce(tenant_ids=(by.tenant_id,), key=f"order:{proposal.order_uid}")


def _decide_by(moves: Sequence[Move], *, now: datetime) -> datetime:
    """Return until when somebody may decide: half the time until the first lot would begin."""
    return answer_by(
        now=now,
        starts_at=min(one.after.start_at for one in moves),
        window=timedelta(hours=settings.OFFER_WINDOW_HOURS),
    )
