"""From an event at a factory to proposals: asked as the factory, planned and answered as the buyer.

Every function may run twice: what is proposed follows from what is down now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, Max, Min, QuerySet
from django.utils.translation import gettext_lazy as _

from evidence.services.transitions import record_change, transition, transition_all
from marketplace.core.disruption import (
    Disruption,
    Move,
    Reach,
    carried_by,
    hit_by,
    moved_minutes,
)
from marketplace.core.frozen import FrozenPart
from marketplace.core.halts import halts_of, still_stand
from marketplace.core.leaving import may_leave
from marketplace.core.plan_json import PlanDocument
from marketplace.models import (
    Downtime,
    Operation,
    OperationState,
    Order,
    Plan,
    PlanPurpose,
    PlanRequest,
    PlanRequestState,
    Promise,
    Proposal,
    ProposalState,
)
from marketplace.models.bilateral import DealQuerySet
from marketplace.selectors.drills import DRILLABLE
from marketplace.selectors.slow_machines import slowed_orders
from marketplace.services.elsewhere import (
    lots_here,
    put_elsewhere,
    refusers_of,
    withdraw_from_takers,
)
from marketplace.services.later_dates import NO_LATER_THAN, moves_of, put_to_buyer
from marketplace.services.moving import UNSTARTED, ProposalGone, tell_of_end
from marketplace.services.orders import asked_of
from marketplace.services.planning import request_plans
from tenants.acting import acting_as
from tenants.actors import Actor
from tenants.errors import Conflict
from tenants.live import announce
from tenants.services.outbox import send_after_commit

ASKED = "proposal.asked"
FREEZE = timedelta(hours=1)
"""Nothing moves to an earlier time than this from now, so that is how long people may decide."""
LATER_FREEZE = timedelta(hours=2)
"""The same where the buyer decides, and then factories."""
ASK_BUYER = (Reach.ELSEWHERE, Reach.LATER)
OPEN = (ProposalState.ASKED, ProposalState.PUT, ProposalState.OPEN, ProposalState.AGREED)
UNCHANGED = (
    ProposalState.FAILED,
    ProposalState.DISMISSED,
    ProposalState.EXPIRED,
    ProposalState.WAITING,
    ProposalState.UNDONE,
)


class NothingToPropose(Conflict):
    """The machines run, or no lot waits for them."""

    code = "nothing_to_propose"


def propose_moves(*, supplier_id: int, now: datetime) -> None:
    """Ask for a re-plan of each order that a factory's halted machines hold up.

    A newer event takes the place of the proposal before. One that asks for the same moves changes
    nothing, also where a person has kept the plan or nothing was found; what holds nothing up any
    more ends.
    """
    with acting_as(supplier_id):
        by, wanted = Actor.system(supplier_id), _held_up(supplier_id, now)
        known = {
            one.order_uid: one
            for one in Proposal.objects.of_supplier(supplier_id)
            .filter(state__in=OPEN, root_uid=None)
            .order_by("pk")
            .select_for_update(no_key=True)
        }
        for order_uid, proposal in known.items():
            if order_uid not in wanted or not _says_the_same(proposal, wanted[order_uid]):
                transition(proposal, to=ProposalState.SUPERSEDED, by=by, now=now)
                tell_of_end(proposal, by=by)
                announce(tenant_ids=(proposal.buyer_id,), key=f"order:{order_uid}")
            else:
                del wanted[order_uid]
        for ended in _ended(supplier_id, wanted):
            if _says_the_same(ended, wanted[ended.order_uid]):
                del wanted[ended.order_uid]
        _ask_all(list(wanted.values()), by=by, now=now)


def _ended(supplier_id: int, order_uids: Iterable[UUID]) -> QuerySet[Proposal]:
    """Return of each order the newest proposal, if it ended without a change of the plan."""
    mine = Proposal.objects.of_supplier(supplier_id).filter(
        order_uid__in=list(order_uids), root_uid=None
    )
    newest = mine.order_by("order_uid", "-pk").distinct("order_uid").values("pk")
    return mine.filter(pk__in=newest, state__in=UNCHANGED)


def _says_the_same(known: Proposal, fresh: Proposal) -> bool:
    """Tell whether a newer look at an order asks for nothing that a proposal has not proposed."""
    if known.halts == fresh.halts:
        return True
    rows = Operation.objects.of_supplier(known.supplier_id).filter(
        order_uid=known.order_uid, state__in=UNSTARTED
    )
    places = rows.values_list("uid", "machine_id", "planned_start_at")
    return still_stand(
        [Move.from_json(one) for one in known.moves],
        before=known.halts,
        after=fresh.halts,
        waiting={uid: (machine_id, start_at) for uid, machine_id, start_at in places},
    )


def ask_again(*, proposal_uid: UUID, by: Actor, now: datetime) -> Proposal:
    """Ask for a new proposal after one that ended without a decision, as its factory.

    Raises:
        ProposalGone: no such proposal to the acting organisation.
        NothingToPropose: nothing holds the order up any more.
    """
    mine = Proposal.objects.of_supplier(by.tenant_id).filter(root_uid=None)
    old = mine.filter(uid=proposal_uid).first()
    if old is None:
        raise ProposalGone(_("There is no such proposal."))
    fresh = _held_up(by.tenant_id, now).get(old.order_uid)
    if fresh is None:
        raise NothingToPropose(_("No lot of this order waits for a machine or for material."))
    same_order = mine.filter(order_uid=old.order_uid, state__in=OPEN)
    open_ones = list(same_order.select_for_update(no_key=True))
    transition_all(open_ones, to=ProposalState.SUPERSEDED, by=by, now=now)
    for one in open_ones:
        tell_of_end(one, by=by)
    _ask_all([fresh], by=by, now=now)
    return fresh


def _ask_all(fresh: Sequence[Proposal], *, by: Actor, now: datetime) -> None:
    for proposal in fresh:
        proposal.save()
        record_change(proposal, change="asked", by=by, now=now, evidence={"halts": proposal.halts})
        send_after_commit(
            tenant_id=by.tenant_id,
            topic=ASKED,
            buyer_id=proposal.buyer_id,
            proposal_uid=str(proposal.uid),
        )
    announce(tenant_ids=(by.tenant_id,), key="work")


def _held_up(supplier_id: int, now: datetime) -> dict[UUID, Proposal]:
    """Return, by order, what to propose: lots begin too soon, or were planned too fast."""
    waiting = Operation.objects.of_supplier(supplier_id).filter(state__in=UNSTARTED)
    found: dict[UUID, Proposal] = {}
    held = [*_down(supplier_id, waiting, now), *_without_material(waiting, now)]
    for row, halt in [*held, *slowed_orders(supplier_id, from_at=now + FREEZE)]:
        proposal = found.setdefault(
            row["order_uid"],
            Proposal(
                buyer_id=row["buyer_id"],
                supplier_id=supplier_id,
                order_uid=row["order_uid"],
                order_number=row["order_number"],
                halts=[],
                created_at=now,
            ),
        )
        proposal.halts.append(halt)
    return found


Held = tuple[dict[str, Any], dict[str, Any]]
"""The order that is held up, and an entry of `Proposal.halts`."""


def _down(supplier_id: int, waiting: DealQuerySet, now: datetime) -> Iterator[Held]:
    """Yield each order with each machine that is down when lots of it are to begin there."""
    downtimes = {
        one.machine_id: one
        for one in Downtime.objects.of(supplier_id)
        .filter(ended_at=None, until_at__gt=now)
        .select_related("machine")
    }
    rows = (
        waiting.filter(machine_id__in=downtimes)
        .order_by("machine_id")
        .values("buyer_id", "order_uid", "order_number", "machine_id")
        .annotate(first_at=Min("planned_start_at"))
    )
    for row in rows:
        one = downtimes[row["machine_id"]]
        if row["first_at"] < one.until_at:
            halt = {"machine_id": one.machine_id, "machine": one.machine.code, "step": None}
            if one.reported_since is not None:
                halt["reported_since"] = one.reported_since.isoformat()
            yield row, {**halt, "until": one.until_at.isoformat()}


def _without_material(waiting: DealQuerySet, now: datetime) -> Iterator[Held]:
    """Yield each order with each step of which lots are to begin before their material is there."""
    rows = (
        waiting.filter(
            work_order__material_at__gt=now,
            planned_start_at__lt=F("work_order__material_at"),
        )
        .order_by("step")
        .values("buyer_id", "order_uid", "order_number", "step")
        .annotate(until_at=Max("work_order__material_at"))
    )
    for row in rows:
        halt = {"machine_id": None, "machine": "", "step": row["step"]}
        yield row, {**halt, "until": row["until_at"].isoformat()}


def plan_proposal(*, buyer_id: int, proposal_uid: UUID | str, now: datetime) -> None:
    """Put a proposal that was asked for to the planner, as the buyer."""
    with acting_as(buyer_id):
        mine = Proposal.objects.of_buyer(buyer_id).filter(uid=proposal_uid)
        order_uid = mine.values_list("order_uid", flat=True).get()
        order = Order.objects.of(buyer_id).filter(uid=order_uid).select_for_update().get()
        proposal = mine.filter(state=ProposalState.ASKED).select_for_update(no_key=True).first()
        if proposal is None:
            return
        if proposal.request_uid is not None:
            asked = PlanRequest.objects.get(buyer_id=buyer_id, uid=proposal.request_uid)
            if asked.frozen["plan_uid"] == str(order.chosen_plan_uid):
                return
        _plan(order, proposal, Reach.HIT, now=now)


def _plan(order: Order, proposal: Proposal, reach: Reach, *, now: datetime) -> None:
    """Ask with the lots within `reach` as the only open ones."""
    by = Actor.system(order.tenant_id)
    frozen = _frozen_part(order, proposal, reach, now=now)
    if frozen is None:
        transition(proposal, to=ProposalState.SUPERSEDED, by=by, now=now)
        return
    if reach is Reach.ELSEWHERE and not may_leave(frozen.returned, here=lots_here(order)):
        _plan(order, proposal, Reach.LATER, now=now)
        return
    promised_at = order.promised_at or order.due_at
    due_at = promised_at + NO_LATER_THAN if reach is Reach.LATER else promised_at
    request = request_plans(
        order=order,
        asked=replace(asked_of(order), due_at=due_at, price_ceiling_minor=None),
        now=now,
        purpose=PlanPurpose.EVENT,
        frozen=frozen.to_json(),
        excluded=refusers_of(order) if reach is Reach.ELSEWHERE else (),
    )
    proposal.request_uid, proposal.promised_at = request.uid, promised_at
    proposal.save(update_fields=["request_uid", "promised_at"])


def _frozen_part(
    order: Order, proposal: Proposal, reach: Reach, *, now: datetime
) -> FrozenPart | None:
    if order.state not in DRILLABLE or order.chosen_plan_uid is None:
        return None
    plan = Plan.objects.get(buyer_id=order.tenant_id, uid=order.chosen_plan_uid)
    document = PlanDocument.from_json(plan.schedule)
    operations = Operation.objects.of_buyer(order.tenant_id).filter(order_uid=order.uid)
    # A lot that was cancelled may have been asked for again since, by the same name.
    alive = operations.exclude(state__in=(*UNSTARTED, OperationState.CANCELLED))
    states = {(lot, step): state for lot, step, state in alive.values_list("lot", "step", "state")}
    begun = set(states)
    ended = {key for key, state in states.items() if state != OperationState.STARTED}
    begins_at = now + (LATER_FREEZE if reach in ASK_BUYER else FREEZE)
    disruption = Disruption(
        supplier_id=proposal.supplier_id,
        halts=halts_of(proposal.halts, document, plan.origin_at, ended=ended, begins_at=begins_at),
        begins_at=begins_at,
        reach=reach,
    )
    hit = hit_by(document, plan.origin_at, disruption, begun=begun)
    if not hit:
        return None
    if reach is Reach.LATER:
        hit = carried_by(document, hit, begun=begun)
    return FrozenPart(
        plan=document,
        plan_uid=plan.uid,
        origin_at=plan.origin_at,
        returned=hit,
        returned_by=proposal.supplier_id,
        offer_uid=proposal.uid,
        disruption=disruption,
    )


def plan_anew(order: Order, proposal: Proposal, *, by: Actor, now: datetime) -> None:
    """Plan a locked proposal again from what is so now; what was offered for it is taken back."""
    withdraw_from_takers(proposal, by=by, now=now)
    transition(proposal, to=ProposalState.ASKED, by=by, now=now)
    _plan(order, proposal, Reach.HIT, now=now)
    announce(tenant_ids=(proposal.supplier_id,), key="work")
    announce(tenant_ids=(by.tenant_id,), key=f"order:{order.uid}")


def answer_proposal(*, order: Order, request: PlanRequest, by: Actor, now: datetime) -> None:
    """Put a finished re-plan to the factory, or plan with more freedom; acts as the buyer.

    A plan that no longer starts from the order's own is made anew.
    """
    proposal = (
        Proposal.objects.of_buyer(by.tenant_id)
        .filter(request_uid=request.uid, state=ProposalState.ASKED)
        .select_for_update(no_key=True)
        .first()
    )
    if proposal is None:
        return
    frozen = FrozenPart.from_json(request.frozen)
    assert frozen.disruption is not None, "asked by a proposal"
    if order.chosen_plan_uid != frozen.plan_uid:
        _plan(order, proposal, Reach.HIT, now=now)
        return
    plans = list(Plan.objects.filter(buyer_id=by.tenant_id, request=request))
    reach = frozen.disruption.reach
    if request.state == PlanRequestState.READY and reach is Reach.LATER:
        put_to_buyer(proposal, frozen, plans, by=by, now=now)
    elif request.state == PlanRequestState.READY and reach is Reach.ELSEWHERE:
        if not put_elsewhere(proposal, frozen, plans, by=by, now=now):
            _plan(order, proposal, Reach.LATER, now=now)
    elif request.state == PlanRequestState.READY:
        _open(proposal, frozen, plans, by=by, now=now)
    elif reach.wider is not None:
        _plan(order, proposal, reach.wider, now=now)
    else:
        transition(
            proposal,
            to=ProposalState.FAILED,
            by=by,
            now=now,
            promise=Promise.NOT_FOUND,
            leaving=[],
            completes_at=None,
        )
    announce(tenant_ids=(proposal.supplier_id,), key="work")


def _open(
    proposal: Proposal, frozen: FrozenPart, plans: Sequence[Plan], *, by: Actor, now: datetime
) -> None:
    """Offer the plan that moves least; the deadline of all was the promised date."""
    found = [(moves_of(frozen, plan), plan) for plan in plans]
    least, best = min(found, key=lambda one: (moved_minutes(one[0]), one[1].completes_at))
    assert frozen.disruption is not None, "asked by a proposal"
    transition(
        proposal,
        to=ProposalState.OPEN,
        by=by,
        now=now,
        evidence={"plan_uid": str(best.uid), "lots": len(least)},
        plan_uid=best.uid,
        moves=[one.to_json() for one in least],
        leaving=[],
        moved_minutes=moved_minutes(least),
        parties=1,
        promise=Promise.KEPT,
        completes_at=best.completes_at,
        expires_at=frozen.disruption.begins_at,
    )
