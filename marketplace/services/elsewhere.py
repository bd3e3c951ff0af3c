"""Lots that only other factories can make in time: put to the buyer, then offered to those.

The buyer's part acts as the buyer, the claim of machine time as the platform.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from evidence.services.transitions import record_changes, transition
from marketplace.core.frozen import FrozenPart
from marketplace.core.leaving import Leaving, arrives_in_time, leaving_of, waiting_name
from marketplace.core.offering import answer_by, offer_uid, shares_of
from marketplace.core.plan_json import PlanDocument, instant
from marketplace.models import (
    Commitment,
    Funding,
    Offer,
    OfferState,
    Operation,
    OperationState,
    Order,
    Plan,
    Promise,
    Proposal,
    ProposalState,
)
from marketplace.models.bilateral import DealQuerySet
from marketplace.services.choosing import birth_of, offer_row
from marketplace.services.closing import lock_order
from marketplace.services.moving import UNSTARTED
from marketplace.services.offers import withdraw_offers
from marketplace.services.orders import asked_of
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.live import announce
from tenants.services.outbox import send_after_commit

OFFERED = "lots.offered"
RETURNED = (OfferState.DECLINED, OfferState.LAPSED)


def lots_here(order: Order) -> set[tuple[int, int]]:
    """Return (lot, step) of an order's lots whose pieces were sent to that step, or are lost."""
    sent = Operation.objects.of_buyer(order.tenant_id).filter(order_uid=order.uid)
    ended = sent.filter(state__in=(OperationState.FINISHED, OperationState.SHIPPED))
    rows = ended.values_list("lot", "step", "state", "good")
    return {
        (lot, step + 1)
        for lot, step, state, good in rows
        if state == OperationState.SHIPPED or not good
    }


def refusers_of(order: Order) -> set[int]:
    """Return the factories that did not take lots of an order which another one gave up."""
    asked = Offer.objects.of_buyer(order.tenant_id).filter(order_uid=order.uid)
    returned = asked.filter(proposal_uid__isnull=False, state__in=RETURNED)
    return set(returned.values_list("supplier_id", flat=True))


def put_elsewhere(
    proposal: Proposal,
    frozen: FrozenPart,
    plans: Sequence[Plan],
    *,
    by: Actor,
    now: datetime,
) -> bool:
    """Put the cheapest plan that keeps date and money to the buyer; tell whether there is one.

    What the buyer has paid in, or is asked for, is all that there is: a second payment of an
    order is not known here.
    """
    assert proposal.promised_at is not None, "written when it was planned"
    paid = _paid_in(proposal)
    within = [
        (one, plan)
        for one in plans
        if one.completes_at <= proposal.promised_at
        and one.cost_minor <= paid
        and arrives_in_time(plan := PlanDocument.from_json(one.schedule), frozen)
    ]
    if not within:
        return False
    best, document = min(within, key=lambda one: (one[0].cost_minor, one[0].completes_at))
    leaving = leaving_of(frozen)
    transition(
        proposal,
        to=ProposalState.PUT,
        by=by,
        now=now,
        evidence={
            "plan_uid": str(best.uid),
            "leaving": len(leaving),
            "cost_minor": best.cost_minor,
        },
        plan_uid=best.uid,
        moves=[],
        leaving=[one.to_json() for one in leaving],
        moved_minutes=0,
        parties=1 + len(document.by_supplier()),
        promise=Promise.KEPT,
        completes_at=best.completes_at,
        earliest_at=best.completes_at
        - timedelta(minutes=best.makespan_minutes - best.bound_minutes),
        expires_at=_answer_by(document, best, now=now),
    )
    return True


def ask_takers(proposal: Proposal, *, by: Actor, now: datetime) -> None:
    """Have the lots offered elsewhere, as the buyer who has agreed to it.

    Until they begin there, their factory may say that it makes them itself; its silence is none.
    """
    plan = plan_of_proposal(proposal)
    first_at = _first_start(PlanDocument.from_json(plan.schedule), plan)
    transition(proposal, to=ProposalState.OPEN, by=by, now=now, expires_at=first_at)
    send_after_commit(
        tenant_id=by.tenant_id,
        topic=OFFERED,
        buyer_id=by.tenant_id,
        proposal_uid=str(proposal.uid),
    )
    announce(tenant_ids=(proposal.supplier_id,), key="work")
    announce(tenant_ids=(by.tenant_id,), key=f"order:{proposal.order_uid}")


def still_stands(order: Order, leaving: Sequence[Leaving]) -> bool:
    """Tell, as the buyer, whether all lots that leave still wait where they were."""
    places = {one.operation_uid: one for one in leaving}
    rows = Operation.objects.of_buyer(order.tenant_id).filter(
        uid__in=places, state__in=UNSTARTED, counted=0
    )
    here = lots_here(order)
    found = {row.uid for row in rows if (row.lot, row.step) not in here}
    return found == places.keys()


def offer_leaving(*, buyer_id: int, proposal_uid: UUID | str, now: datetime) -> bool:
    """Claim the hours that lots have elsewhere, then ask those factories; safe to run again.

    Returns False when somebody else has booked the hours by now. Where the proposal has ended
    meanwhile, what was claimed is freed again.
    """
    with acting_as(buyer_id):
        proposal = Proposal.objects.of_buyer(buyer_id).get(uid=proposal_uid)
        if not _is_out(proposal):
            return True
        plan = plan_of_proposal(proposal)
    with acting_as(PLATFORM_ID):
        is_claimed = _claim(plan)
    if not is_claimed:
        return False
    with acting_as(buyer_id):
        is_asked = _offer(proposal, plan, now=now)
    if not is_asked:
        with acting_as(PLATFORM_ID):
            _commitments_of(plan).exclude(state="released").update(state="released")
    return True


def plan_of_proposal(proposal: Proposal) -> Plan:
    """Return, as the buyer, the plan that a proposal puts in place of the order's own."""
    assert proposal.plan_uid is not None, "a check of the table"
    return Plan.objects.get(buyer_id=proposal.buyer_id, uid=proposal.plan_uid)


def offers_of(proposal: Proposal) -> DealQuerySet:
    """Return the offers of lots that leave by a proposal's plan, as its buyer."""
    if proposal.plan_uid is None:
        return Offer.objects.none()
    mine = Offer.objects.of_buyer(proposal.buyer_id).filter(order_uid=proposal.order_uid)
    return mine.filter(proposal_uid=proposal.uid, plan_uid=proposal.plan_uid)


def withdraw_from_takers(proposal: Proposal, *, by: Actor, now: datetime) -> None:
    """Take back what was offered of lots that stay; hours that are booked for it go back."""
    uids = list(offers_of(proposal).values_list("uid", flat=True))
    if uids:
        withdraw_offers(order_uid=proposal.order_uid, by=by, now=now, only=uids)


def _is_out(proposal: Proposal) -> bool:
    return proposal.state in (ProposalState.OPEN, ProposalState.AGREED) and bool(proposal.leaving)


def _claim(plan: Plan) -> bool:
    """Write commitments for the new places, beside those of the factory that has the lots."""
    if _commitments_of(plan).exists():
        return True  # this message came before
    document = PlanDocument.from_json(plan.schedule)
    rows = [
        Commitment(
            tenant_id=PLATFORM_ID,
            machine_id=document.machines[one.machine].id,
            during=(instant(plan.origin_at, one.start), instant(plan.origin_at, one.end)),
            order_uid=plan.order_uid,
            offer_uid=offer_uid(plan.uid, supplier),
            operation_uid=waiting_name(
                offer_uid(plan.uid, supplier), document.operation_uid(one.lot, one.step)
            ),
            state="offered",
        )
        for supplier, operations in document.by_supplier().items()
        for one in operations
    ]
    try:
        with transaction.atomic():
            Commitment.objects.bulk_create(rows, batch_size=1000)
    except IntegrityError:
        return False
    return True


def _commitments_of(plan: Plan) -> QuerySet[Commitment]:
    suppliers = PlanDocument.from_json(plan.schedule).by_supplier()
    offers = [offer_uid(plan.uid, supplier) for supplier in suppliers]
    return Commitment.objects.of(PLATFORM_ID).filter(offer_uid__in=offers)


def _offer(proposal: Proposal, plan: Plan, *, now: datetime) -> bool:
    """Ask each factory that would take lots; False when the proposal has ended meanwhile."""
    by = Actor.system(plan.buyer_id)
    order = lock_order(order_uid=plan.order_uid, by=by)
    assert order is not None, "a proposal is of an order"
    mine = Proposal.objects.of_buyer(plan.buyer_id).filter(pk=proposal.pk)
    root = mine.select_for_update(no_key=True).get()
    if not _is_out(root) or root.plan_uid != plan.uid:
        return False
    document = PlanDocument.from_json(plan.schedule)
    if Offer.objects.of_buyer(plan.buyer_id).filter(plan_uid=plan.uid).exists():
        return True  # this message came before
    expires_at = _answer_by(document, plan, now=now)
    fresh = []
    for supplier, share in shares_of(asked_of(order), document, plan.origin_at).items():
        row = offer_row(plan, order, supplier, share, None, now)
        row.proposal_uid, row.expires_at = root.uid, expires_at
        fresh.append(row)
    Offer.objects.bulk_create(fresh)
    record_changes((birth_of(row) for row in fresh), by=by, now=now)
    announce(tenant_ids=tuple(row.supplier_id for row in fresh), key="offers")
    announce(tenant_ids=(plan.buyer_id,), key=f"order:{plan.order_uid}")
    return True


def _paid_in(proposal: Proposal) -> int:
    fundings = Funding.objects.filter(buyer_id=proposal.buyer_id, order_uid=proposal.order_uid)
    return fundings.values_list("amount_minor", flat=True).get()


def _first_start(document: PlanDocument, plan: Plan) -> datetime:
    fresh = [one.start for one in document.operations if not one.frozen]
    return instant(plan.origin_at, min(fresh))


def _answer_by(document: PlanDocument, plan: Plan, *, now: datetime) -> datetime:
    return answer_by(
        now=now,
        starts_at=_first_start(document, plan),
        window=timedelta(hours=settings.OFFER_WINDOW_HOURS),
    )
