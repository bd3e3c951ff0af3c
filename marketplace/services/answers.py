"""What follows from a factory's answer: for the platform, the buyer and the factory itself.

Each function is one organisation's part and may run twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from devices.services.planned_runs import drop_runs
from evidence.services.transitions import transition, transition_all
from marketplace.core.leaving import waiting_name
from marketplace.core.share import Share
from marketplace.models import (
    Commitment,
    Offer,
    OfferState,
    Operation,
    OperationState,
    Order,
    OrderState,
)
from marketplace.services.closing import lock_order
from marketplace.services.making_room import settle_room
from marketplace.services.rerouting import join_chains
from marketplace.services.settlement import ask_for_funding
from scheduling.services.reservations import release_spans
from tenants.acting import PLATFORM_ID
from tenants.actors import Actor
from tenants.live import announce


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answered offer, as the others need to know it; `operation_uids` name its hours."""

    state: str
    offer_uid: UUID
    order_uid: UUID
    operation_uids: tuple[UUID, ...]
    proposal_uid: UUID | None = None

    @property
    def is_accepted(self) -> bool:
        return self.state == OfferState.ACCEPTED

    @property
    def is_withdrawn(self) -> bool:
        return self.state == OfferState.WITHDRAWN

    @property
    def returns_to_planner(self) -> bool:
        return self.state in (OfferState.DECLINED, OfferState.LAPSED)


def answer_of(*, buyer_id: int, offer_uid: UUID) -> Answer:
    """Return where an offer of the acting buyer stands, with the operations it is about."""
    offer = Offer.objects.of_buyer(buyer_id).get(uid=offer_uid)
    names = [one.uid for one in Share.from_json(offer.snapshot).operations]
    if offer.proposal_uid is not None:
        # Whoever takes lots has their hours under these names first, and under their own then.
        names += [waiting_name(offer.uid, name) for name in names]
    return Answer(
        state=offer.state,
        offer_uid=offer.uid,
        order_uid=offer.order_uid,
        operation_uids=tuple(names),
        proposal_uid=offer.proposal_uid,
    )


@transaction.atomic
def settle_commitments(*, answer: Answer, by: Actor, now: datetime) -> None:
    """Book or free the platform's copy of the machine time that the offer was about.

    Looked up by the offer: what is planned again keeps its name and may be with another by now.
    """
    if answer.state == OfferState.OFFERED:
        return
    settle_room(offer=answer.offer_uid, now=now)
    to = "booked" if answer.is_accepted else "released"
    commitments = list(
        Commitment.objects.of(PLATFORM_ID)
        .filter(offer_uid=answer.offer_uid, state__in=Commitment.TRANSITIONS[to])
        .order_by("pk")
        .select_for_update(no_key=True)
    )
    transition_all(commitments, to=to, by=by, now=now)


@transaction.atomic
def confirm_order_if_covered(*, order_uid: UUID, by: Actor, now: datetime) -> bool:
    """Confirm a buyer's order when every piece of every step is accepted; ask for its money.

    The order is locked, so of several last answers one confirms it.
    """
    order = lock_order(order_uid=order_uid, by=by)
    if order is None or order.state != OrderState.OFFERED or not _is_covered(order, by=by):
        return False
    join_chains(order_uid=order_uid, by=by)
    transition(order, to=OrderState.CONFIRMED, by=by, now=now)
    ask_for_funding(order=order, by=by, now=now)
    announce(tenant_ids=(by.tenant_id,), key=f"order:{order.uid}")
    return True


def _is_covered(order: Order, *, by: Actor) -> bool:
    open_offers = Offer.objects.of_buyer(by.tenant_id).filter(
        order_uid=order.uid, state=OfferState.OFFERED
    )
    if open_offers.exists():
        return False
    pieces = (
        Operation.objects.of_buyer(by.tenant_id)
        .filter(order_uid=order.uid)
        .exclude(state=OperationState.CANCELLED)
        .values("step")
        .annotate(pieces=Sum("quantity"))
        .values_list("pieces", flat=True)
    )
    return list(pieces) == [order.quantity - order.cancelled_quantity] * order.steps.count()


@transaction.atomic
def give_back_hours(*, operation_uids: Iterable[UUID], by: Actor, now: datetime) -> None:
    """Free the machine hours of a share that the buyer took back, as the factory.

    An operation keeps its name when it is offered again: what is accepted by now stays booked.
    """
    asked = list(operation_uids)
    live = set(
        Operation.objects.of_supplier(by.tenant_id)
        .filter(uid__in=asked)
        .exclude(state=OperationState.CANCELLED)
        .values_list("uid", flat=True)
    )
    uids = [uid for uid in asked if uid not in live]
    release_spans(subject_uids=uids, by=by, now=now)
    drop_runs(tenant_id=by.tenant_id, subject_uids=uids)
    announce(tenant_ids=(by.tenant_id,), key="work")
