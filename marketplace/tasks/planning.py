"""From an order to its plans, to offers, and back when a share returns."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from marketplace.services.choosing import claim_and_offer
from marketplace.services.drills import widen_drill
from marketplace.services.holds import end_holds as end_holds_now
from marketplace.services.matching import answer_request
from marketplace.services.plan_making import make_plans
from marketplace.services.replanning import release_commitments, take_answer
from marketplace.services.settlement import close_funding
from marketplace.services.stops import TOPIC as DRILL_WANTED
from marketplace.services.stops import drill_wanted
from marketplace.services.waiting import TOPIC as SHARE_RETRY
from marketplace.services.waiting import retry_share, wake_waiting_shares
from tenants.acting import PLATFORM_ID, acting_as
from tenants.clock import site_now
from tenants.services.outbox import handles


@handles("plan.requested")
def plan_requested(buyer_id: int, request_uid: str) -> None:
    """Give the band at once."""
    answer_request(buyer_id=buyer_id, request_uid=request_uid, now=site_now())


@handles("plan.solve", queue="solve")
def plan_solve(buyer_id: int, request_uid: str) -> None:
    """Make the alternatives, in a child process."""
    make_plans(buyer_id=buyer_id, request_uid=request_uid, clock=site_now)


@handles("plans.answered")
def plans_answered(buyer_id: int, request_uid: str) -> None:
    """Let the buyer choose, take a returned share's plan, or let a drill move more."""
    take_answer(buyer_id=buyer_id, request_uid=request_uid, now=site_now())
    widen_drill(buyer_id=buyer_id, request_uid=request_uid, now=site_now())


@handles("plan.chosen")
def plan_chosen(buyer_id: int, plan_uid: str) -> None:
    """Claim the machine time and ask the factories."""
    claim_and_offer(buyer_id=buyer_id, plan_uid=plan_uid, now=site_now())


@handles("order.cancelled")
def order_cancelled(buyer_id: int, order_uid: str) -> None:
    """Free what was held for the order, and ask no more money for it."""
    release_commitments(order_uid=order_uid, now=site_now())
    with acting_as(PLATFORM_ID):
        close_funding(buyer_id=buyer_id, order_uid=UUID(order_uid), now=site_now())


@shared_task(name="marketplace.wake_waiting_shares")
def wake_shares() -> None:
    """Look whether returned shares that wait may have a place now; beat asks every few seconds."""
    wake_waiting_shares()


@shared_task(name="marketplace.end_holds")
def end_holds() -> None:
    """Free what was held for refused orders whose time to think is over."""
    end_holds_now(now=site_now())


@handles(SHARE_RETRY)
def share_retry(buyer_id: int, request_uid: str) -> None:
    """Ask for a waiting share again."""
    retry_share(buyer_id=buyer_id, request_uid=request_uid, now=site_now())


@handles(DRILL_WANTED)
def try_stop(buyer_id: int, order_uid: str, supplier_uid: str) -> None:
    """Try on one order what a factory's stop would mean."""
    drill_wanted(buyer_id=buyer_id, order_uid=order_uid, supplier_uid=supplier_uid, now=site_now())
