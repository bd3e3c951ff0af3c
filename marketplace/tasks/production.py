"""Messages between factories, buyer and platform from the offer to the last inspected lot."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from marketplace.services.answers import (
    answer_of,
    confirm_order_if_covered,
    give_back_hours,
    settle_commitments,
)
from marketplace.services.closing import close_if_complete
from marketplace.services.expiry import hand_on_expired_offers, hand_on_expired_proposals
from marketplace.services.learning import LEARN, ask_to_learn, learn_rates
from marketplace.services.leaving import follow_taker
from marketplace.services.machine_counts import copy_counts
from marketplace.services.offers import lapse_offer
from marketplace.services.production import end_lot
from marketplace.services.replanning import replan_share
from marketplace.services.work_orders import begin_production, release_work_orders
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.clock import site_now
from tenants.services.outbox import handles


@shared_task(name="marketplace.sweep_expired_offers")
def sweep_expired_offers() -> None:
    """Find what was not answered in time, of all organisations; beat asks every few seconds."""
    hand_on_expired_offers(now=site_now())
    hand_on_expired_proposals(now=site_now())


@handles("offer.expired")
def end_expired_offer(*, buyer_id: int, offer_uid: str) -> None:
    """Let an unanswered offer lapse, as its buyer."""
    with acting_as(buyer_id):
        lapse_offer(offer_uid=UUID(offer_uid), by=Actor.system(buyer_id), now=site_now())


@handles("offer.answered")
def draw_consequences(*, buyer_id: int, supplier_id: int, offer_uid: str) -> None:
    """Carry a factory's answer to the platform's record of machine time and to the order."""
    with acting_as(buyer_id):
        answer = answer_of(buyer_id=buyer_id, offer_uid=UUID(offer_uid))
    with acting_as(PLATFORM_ID):
        settle_commitments(answer=answer, by=Actor.system(PLATFORM_ID), now=site_now())
    if answer.proposal_uid is not None:
        follow_taker(buyer_id=buyer_id, answer=answer, now=site_now())
    elif answer.is_accepted:
        with acting_as(buyer_id):
            confirm_order_if_covered(
                order_uid=answer.order_uid, by=Actor.system(buyer_id), now=site_now()
            )
    elif answer.returns_to_planner:
        replan_share(
            buyer_id=buyer_id,
            order_uid=answer.order_uid,
            offer_uid=UUID(offer_uid),
            now=site_now(),
        )
    if answer.is_withdrawn:
        with acting_as(supplier_id):
            give_back_hours(
                operation_uids=answer.operation_uids, by=Actor.system(supplier_id), now=site_now()
            )


@handles("lots.dropped")
def free_dropped_lots(*, supplier_id: int, operation_uids: list[str]) -> None:
    """Give a factory the hours back that it had for lots that were cancelled."""
    with acting_as(supplier_id):
        give_back_hours(
            operation_uids=[UUID(uid) for uid in operation_uids],
            by=Actor.system(supplier_id),
            now=site_now(),
        )


@handles("funding.confirmed")
def begin_funded_production(*, buyer_id: int, order_uid: str) -> None:
    """Put a paid order into production and release the work of each of its factories."""
    with acting_as(buyer_id):
        suppliers = begin_production(
            order_uid=UUID(order_uid), by=Actor.system(buyer_id), now=site_now()
        )
    for supplier_id in suppliers:
        with acting_as(supplier_id):
            release_work_orders(
                order_uid=UUID(order_uid), by=Actor.system(supplier_id), now=site_now()
            )


@handles("lot.lost")
def follow_lost_lot(
    *, buyer_id: int, order_uid: str, supplier_id: int | None, operation_uid: str | None
) -> None:
    """End the next operation of a lot of which nothing is left, or count it at the buyer."""
    if supplier_id is not None and operation_uid is not None:
        with acting_as(supplier_id):
            end_lot(operation_uid=UUID(operation_uid), by=Actor.system(supplier_id), now=site_now())
        return
    with acting_as(buyer_id):
        close_if_complete(order_uid=UUID(order_uid), by=Actor.system(buyer_id), now=site_now())


@handles("devices.counted", merges=True)
def show_machine_counts(*, supplier_id: int) -> None:
    """Bring the machines' counts beside the shop's claims; what they teach follows."""
    with acting_as(supplier_id):
        if copy_counts(supplier_id=supplier_id, now=site_now()):
            ask_to_learn(supplier_id=supplier_id)


@handles(LEARN, merges=True)
def learn_from_runs(*, supplier_id: int) -> None:
    """Work out what a supplier's machines have shown, for the next plan and for what waits."""
    learn_rates(supplier_id=supplier_id, now=site_now())
