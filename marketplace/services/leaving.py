"""Lots change hands: all at once, when every factory that takes some of them has accepted.

One transaction of the buyer decides it; what follows is each organisation's own part, and may run
twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from evidence.services.transitions import Change, record_change, record_changes, transition
from marketplace.core.leaving import Leaving, handed_over
from marketplace.core.offering import routes_of_frozen
from marketplace.core.plan_json import PlanDocument
from marketplace.core.share import Share
from marketplace.models import (
    Commitment,
    Offer,
    OfferState,
    Operation,
    OperationState,
    Order,
    OrderState,
    Plan,
    Proposal,
    ProposalState,
    WorkOrder,
)
from marketplace.services.agreeing import UNDER_WAY, is_still_planned_so
from marketplace.services.answers import Answer, give_back_hours
from marketplace.services.closing import lock_order
from marketplace.services.dropping import end_operations
from marketplace.services.elsewhere import (
    offer_leaving,
    offers_of,
    plan_of_proposal,
    still_stands,
)
from marketplace.services.offers import spans_of, waiting_names
from marketplace.services.production import pass_on_finished, tell_of_lost_lot
from marketplace.services.proposals import ACCEPTED
from marketplace.services.proposing import plan_anew
from marketplace.services.rerouting import reroute_lots
from marketplace.services.shipping import take_in_delivered
from marketplace.services.work_orders import (
    lock_work_orders,
    open_work,
    release_work_orders,
    settle_work_orders,
)
from scheduling.services.reservations import book_spans, release_spans
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.live import announce
from tenants.services.outbox import NotYet, send_after_commit


def offer_or_plan_anew(*, buyer_id: int, proposal_uid: UUID | str, now: datetime) -> None:
    """Offer the lots that leave; where the hours are gone by now, plan from what is free."""
    if not offer_leaving(buyer_id=buyer_id, proposal_uid=proposal_uid, now=now):
        _start_again(buyer_id, proposal_uid, now=now)


def follow_taker(*, buyer_id: int, answer: Answer, now: datetime) -> None:
    """Draw the consequences of an answer to lots that another factory gives up, as the buyer.

    Raises:
        NotYet: another change of the order is being applied.
    """
    assert answer.proposal_uid is not None, "asked with a proposal"
    if answer.is_accepted:
        conclude_leaving(buyer_id=buyer_id, proposal_uid=answer.proposal_uid, now=now)
    elif answer.returns_to_planner:
        _start_again(buyer_id, answer.proposal_uid, now=now, offer_uid=answer.offer_uid)


def conclude_leaving(*, buyer_id: int, proposal_uid: UUID | str, now: datetime) -> None:
    """Let lots change hands, as the buyer, once all who take some of them have accepted.

    Raises:
        NotYet: another change of the order is being applied.
    """
    with acting_as(buyer_id):
        decide_leaving(proposal_uid=proposal_uid, by=Actor.system(buyer_id), now=now)


@transaction.atomic
def decide_leaving(*, proposal_uid: UUID | str, by: Actor, now: datetime) -> None:
    """Take lots from their factory if all who take some have accepted; else change nothing.

    In this one transaction the lots end there and their ways lead elsewhere: of what begins, or is
    sent there, at the same moment one comes first. What came first plans the rest anew.

    Raises:
        NotYet: another change of the order is being applied.
    """
    mine = Proposal.objects.of_buyer(by.tenant_id).filter(uid=proposal_uid)
    order = lock_order(order_uid=mine.get().order_uid, by=by)
    assert order is not None, "a proposal is of an order"
    proposal = mine.filter(state__in=UNDER_WAY).select_for_update(no_key=True).first()
    if proposal is None or not proposal.leaving:
        return
    offers = list(offers_of(proposal).order_by("pk").select_for_update(no_key=True))
    is_complete = len(offers) == proposal.parties - 1
    if not is_complete or any(one.state != OfferState.ACCEPTED for one in offers):
        return
    leaving = [Leaving.from_json(one) for one in proposal.leaving]
    _lock_work(order, leaving)
    if not is_still_planned_so(order, proposal) or not still_stands(order, leaving):
        plan_anew(order, proposal, by=by, now=now)
        return
    try:
        with transaction.atomic():
            transition(proposal, to=ProposalState.ACCEPTED, by=by, now=now)
    except IntegrityError as error:
        raise NotYet("another change of the order is being applied") from error
    plan = PlanDocument.from_json(plan_of_proposal(proposal).schedule)
    _change_hands(order, leaving, plan, by=by, now=now)
    send_after_commit(
        tenant_id=by.tenant_id,
        topic=ACCEPTED,
        buyer_id=by.tenant_id,
        proposal_uid=str(proposal.uid),
    )
    announce(tenant_ids=(proposal.supplier_id,), key="work")
    announce(tenant_ids=(by.tenant_id,), key=f"order:{order.uid}")


def hand_over(*, proposal: Proposal, now: datetime) -> None:
    """Let everybody follow after lots have changed hands; safe to run again.

    Those who take them open their work and take in what has come already, the factory that had
    them gives its hours back, and the platform's record says who has which.
    """
    with acting_as(proposal.buyer_id):
        offers = list(offers_of(proposal).filter(state=OfferState.ACCEPTED).order_by("pk"))
    for offer in offers:
        with acting_as(offer.supplier_id):
            _open(offer, by=Actor.system(offer.supplier_id), now=now)
    with acting_as(proposal.supplier_id):
        _give_up(proposal, by=Actor.system(proposal.supplier_id), now=now)
    with acting_as(PLATFORM_ID):
        _rename_commitments(proposal, offers)
    with acting_as(proposal.buyer_id):
        order = Order.objects.of(proposal.buyer_id).get(uid=proposal.order_uid)
        _tell_of_lost_lots(proposal, by=Actor.system(proposal.buyer_id))
    if order.state != OrderState.CONFIRMED:
        for offer in offers:
            with acting_as(offer.supplier_id):
                by = Actor.system(offer.supplier_id)
                release_work_orders(order_uid=order.uid, by=by, now=now)


def price_anew(proposal: Proposal, order: Order, plan: Plan, *, by: Actor, now: datetime) -> None:
    """Let an order cost what its new plan costs; what is paid in beyond goes back at the end."""
    if not proposal.leaving or order.cost_minor == plan.cost_minor:
        return
    before, order.cost_minor = order.cost_minor, plan.cost_minor
    order.save(update_fields=["cost_minor"])
    evidence = {"before": before, "after": plan.cost_minor, "currency": order.currency}
    record_change(order, change="price_moved", by=by, now=now, evidence=evidence)


def _start_again(
    buyer_id: int, proposal_uid: UUID | str, *, now: datetime, offer_uid: UUID | None = None
) -> None:
    """Plan a proposal anew, as the buyer, if it is under way; `offer_uid` is of its plan then."""
    with acting_as(buyer_id):
        by = Actor.system(buyer_id)
        mine = Proposal.objects.of_buyer(buyer_id).filter(uid=proposal_uid)
        order = lock_order(order_uid=mine.get().order_uid, by=by)
        assert order is not None, "a proposal is of an order"
        proposal = mine.filter(state__in=UNDER_WAY).select_for_update(no_key=True).first()
        if proposal is None or not proposal.leaving:
            return
        if offer_uid is not None and not offers_of(proposal).filter(uid=offer_uid).exists():
            return  # what was asked of that factory has been planned anew since
        plan_anew(order, proposal, by=by, now=now)


def _lock_work(order: Order, leaving: Sequence[Leaving]) -> None:
    """Lock what changes when lots leave: their work orders, then they and their neighbours."""
    mine = Operation.objects.of_buyer(order.tenant_id).filter(order_uid=order.uid)
    here = mine.filter(uid__in=[one.operation_uid for one in leaving])
    work_orders = WorkOrder.objects.of_buyer(order.tenant_id).filter(
        pk__in=set(here.values_list("work_order_id", flat=True))
    )
    list(work_orders.order_by("pk").select_for_update(no_key=True))
    ways = {(one.lot, one.step + beside) for one in leaving for beside in (-1, 0, 1)}
    rows = mine.filter(lot__in={one.lot for one in leaving}).values_list("pk", "lot", "step")
    keys = [pk for pk, lot, step in rows if (lot, step) in ways]
    list(mine.filter(pk__in=keys).order_by("pk").select_for_update(no_key=True))


def _change_hands(
    order: Order, leaving: Sequence[Leaving], plan: PlanDocument, *, by: Actor, now: datetime
) -> None:
    """End lots where they were, and lead their ways to who takes them; all rows are locked."""
    uids = [one.operation_uid for one in leaving]
    mine = Operation.objects.of_buyer(by.tenant_id)
    left = mine.filter(uid__in=uids).values("work_order__offer")
    losers = list(Offer.objects.of_buyer(by.tenant_id).filter(pk__in=left).order_by("pk"))
    evidence = {"lots": sorted({one.lot for one in leaving})}
    end_operations(uids, by=by, now=now)
    record_changes(
        (Change(row=one, change="reduced", evidence=evidence) for one in losers), by=by, now=now
    )
    reroute_lots(order_uid=order.uid, routes=list(routes_of_frozen(plan)), by=by, now=now)
    senders = {following: taker for _, taker, following in handed_over(plan, leaving)}
    receiving = list(mine.filter(uid__in=[uid for uid in senders if uid is not None]))
    for row in receiving:
        row.previous_supplier_id = senders[row.uid]
    Operation.objects.bulk_update(receiving, ["previous_supplier"])


@transaction.atomic
def _open(offer: Offer, *, by: Actor, now: datetime) -> None:
    """Open the work of an accepted offer whose lots are the factory's own now; once."""
    mine = Offer.objects.of_supplier(by.tenant_id).filter(pk=offer.pk)
    offer = mine.select_for_update(no_key=True).get()
    if offer.state != OfferState.ACCEPTED or offer.work_orders.exists():
        return
    share = Share.from_json(offer.snapshot)
    release_spans(subject_uids=[name for name, _ in waiting_names(offer)], by=by, now=now)
    book_spans(spans=spans_of(offer, share, are_waiting=False), by=by, now=now)
    open_work(offer=offer, share=share, by=by, now=now)
    uids = [one.uid for one in share.operations]
    pass_on_finished(operation_uids=uids, by=by, now=now)
    take_in_delivered(operation_uids=uids, by=by, now=now)


@transaction.atomic
def _give_up(proposal: Proposal, *, by: Actor, now: datetime) -> None:
    """Give back the hours of lots that have left; their work orders may be done with that."""
    uids = [UUID(one["uid"]) for one in proposal.leaving]
    give_back_hours(operation_uids=uids, by=by, now=now)
    mine = WorkOrder.objects.of_supplier(by.tenant_id).filter(
        order_uid=proposal.order_uid, operations__state=OperationState.CANCELLED
    )
    ids = set(mine.values_list("pk", flat=True))
    rows = list(lock_work_orders(supplier_id=by.tenant_id, ids=ids).values())
    settle_work_orders(rows, by=by, now=now)


@transaction.atomic
def _rename_commitments(proposal: Proposal, offers: Sequence[Offer]) -> None:
    """Let the time of lots that have left bear their names where they are now."""
    names = {waiting: uid for offer in offers for waiting, uid in waiting_names(offer)}
    live = Commitment.objects.of(PLATFORM_ID).exclude(state="released")
    live.filter(operation_uid__in=names.values()).exclude(
        offer_uid__in=[one.uid for one in offers]
    ).update(state="released")
    rows = list(live.filter(operation_uid__in=names).order_by("pk").select_for_update(no_key=True))
    for row in rows:
        row.operation_uid = names[row.operation_uid]
    Commitment.objects.bulk_update(rows, ["operation_uid"])


def _tell_of_lost_lots(proposal: Proposal, *, by: Actor) -> None:
    """Tell who takes a lot of which nothing was left by the time that it changed hands."""
    uids = [UUID(one["uid"]) for one in proposal.leaving]
    lost = Operation.objects.of_buyer(by.tenant_id).filter(
        next_operation_uid__in=uids, state=OperationState.FINISHED, good=0
    )
    for operation in lost:
        tell_of_lost_lot(operation, by=by)
