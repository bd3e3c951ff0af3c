"""Several factories that have to agree to one re-plan: all of them, or everything stays.

Each function is one organisation's part and may run twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q

from evidence.services.transitions import transition_all
from marketplace.models import Order, PlanRequest, Proposal, ProposalState
from marketplace.models.bilateral import DealQuerySet
from marketplace.selectors.drills import DRILLABLE
from marketplace.services.closing import lock_order
from marketplace.services.elsewhere import withdraw_from_takers
from marketplace.services.proposals import ACCEPTED
from tenants.acting import acting_as
from tenants.actors import Actor
from tenants.live import announce
from tenants.services.outbox import NotYet, send_after_commit

FREED = "proposal.freed"
UNDER_WAY = (ProposalState.OPEN, ProposalState.AGREED)
ENDED_BY_ONE = (ProposalState.DISMISSED, ProposalState.EXPIRED, ProposalState.SUPERSEDED)


def conclude_if_agreed(*, buyer_id: int, proposal_uid: UUID | str, now: datetime) -> None:
    """Accept a re-plan, as the buyer, once the last of its factories has agreed.

    The order is locked, so of several last answers one accepts it. A plan that has moved on
    meanwhile ends it.

    Raises:
        NotYet: another change of the order is being applied.
    """
    with acting_as(buyer_id):
        by = Actor.system(buyer_id)
        root = root_of(buyer_id, proposal_uid)
        order = lock_order(order_uid=root.order_uid, by=by)
        assert order is not None, "a proposal is of an order"
        parts = list(parts_of(root).filter(state__in=UNDER_WAY).select_for_update(no_key=True))
        announce(tenant_ids=(buyer_id,), key=f"order:{order.uid}")
        has_all = len(parts) == root.parties
        if not has_all or any(one.state != ProposalState.AGREED for one in parts):
            return
        if not is_still_planned_so(order, root):
            end_change(root, to=ProposalState.SUPERSEDED, by=by, now=now)
            return
        try:
            with transaction.atomic():
                transition_all(parts, to=ProposalState.ACCEPTED, by=by, now=now)
        except IntegrityError as error:
            raise NotYet("another change of the order is being applied") from error
        send_after_commit(
            tenant_id=buyer_id, topic=ACCEPTED, buyer_id=buyer_id, proposal_uid=str(root.uid)
        )


def end_with(*, buyer_id: int, proposal_uid: UUID | str, now: datetime) -> None:
    """End what stands or falls with a proposal that has ended, as the buyer."""
    with acting_as(buyer_id):
        by = Actor.system(buyer_id)
        lock_order(order_uid=root_of(buyer_id, proposal_uid).order_uid, by=by)
        ended = Proposal.objects.of_buyer(buyer_id).get(uid=proposal_uid)
        root = root_of(buyer_id, proposal_uid)
        if ended.state not in ENDED_BY_ONE or ended.plan_uid != root.plan_uid:
            return  # the order has been planned anew since, which ended all of it
        is_newer = ended.state == ProposalState.SUPERSEDED
        to = ProposalState.SUPERSEDED if is_newer else ProposalState.UNDONE
        end_change(root, to=to, by=by, now=now)


def end_change(root: Proposal, *, to: ProposalState, by: Actor, now: datetime) -> None:
    """End what is left under way of a re-plan, and have the hours given back that are held."""
    parts = list(parts_of(root).select_for_update(no_key=True))
    left = [one for one in parts if one.state in UNDER_WAY]
    transition_all(left, to=to, by=by, now=now)
    free_parts(parts, by=by)
    withdraw_from_takers(root, by=by, now=now)
    announce(tenant_ids=tuple(one.supplier_id for one in parts), key="work")
    announce(tenant_ids=(by.tenant_id,), key=f"order:{root.order_uid}")


def free_parts(parts: Iterable[Proposal], *, by: Actor) -> None:
    """Have each factory give back, on commit, the hours that it held for a re-plan."""
    for one in parts:
        send_after_commit(
            tenant_id=by.tenant_id,
            topic=FREED,
            supplier_id=one.supplier_id,
            proposal_uid=str(one.uid),
        )


def root_of(buyer_id: int, proposal_uid: UUID | str) -> Proposal:
    """Return the proposal that another stands or falls with, or itself."""
    mine = Proposal.objects.of_buyer(buyer_id)
    one = mine.get(uid=proposal_uid)
    return one if one.root_uid is None else mine.get(uid=one.root_uid)


def parts_of(root: Proposal) -> DealQuerySet:
    """Return the proposals of a re-plan, its root among them, in the order of their keys.

    A root that was planned anew has older parts, which are of another plan.
    """
    mine = Proposal.objects.of_buyer(root.buyer_id).filter(order_uid=root.order_uid)
    here = mine.filter(Q(uid=root.uid) | Q(root_uid=root.uid, plan_uid=root.plan_uid))
    return here.order_by("pk")


def is_still_planned_so(order: Order, root: Proposal) -> bool:
    """Tell whether a re-plan starts from the order's own plan, and the order is under way."""
    assert root.request_uid is not None, "written when it was planned"
    request = PlanRequest.objects.get(buyer_id=order.tenant_id, uid=root.request_uid)
    is_same_plan = request.frozen["plan_uid"] == str(order.chosen_plan_uid)
    return is_same_plan and order.state in DRILLABLE
