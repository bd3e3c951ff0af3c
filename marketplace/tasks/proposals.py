"""From a machine that is down to proposals, and from a decision to the order's plan."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from marketplace.services.agreeing import FREED, conclude_if_agreed, end_with
from marketplace.services.applying import apply_accepted, expire_proposal
from marketplace.services.downtimes import HALTED
from marketplace.services.elsewhere import OFFERED
from marketplace.services.expiry import PROPOSAL as EXPIRED
from marketplace.services.leaving import conclude_leaving, offer_or_plan_anew
from marketplace.services.moving import ENDED, free_held_hours
from marketplace.services.proposals import ACCEPTED, AGREED
from marketplace.services.proposing import ASKED, plan_proposal, propose_moves
from marketplace.services.reported_downtimes import REPORTED, follow_reports, hand_on_reports
from tenants.acting import acting_as
from tenants.actors import Actor
from tenants.clock import site_now
from tenants.services.outbox import handles


@shared_task(name="marketplace.sweep_reports")
def sweep_reports() -> None:
    """Find whose downtimes do not say what devices say; beat asks every few seconds."""
    hand_on_reports(now=site_now())


@handles(REPORTED, merges=True)
def follow_what_devices_report(*, supplier_id: int) -> None:
    """Open, prolong and end what only devices report of a factory's machines."""
    with acting_as(supplier_id):
        follow_reports(supplier_id=supplier_id, now=site_now())


@handles(HALTED, merges=True)
def propose_after_halt(*, supplier_id: int) -> None:
    """Look which orders a factory's halted machines hold up now."""
    propose_moves(supplier_id=supplier_id, now=site_now())


@handles(ASKED)
def plan_what_is_asked(*, buyer_id: int, proposal_uid: str) -> None:
    """Ask for a re-plan that leaves everything else as it is."""
    plan_proposal(buyer_id=buyer_id, proposal_uid=proposal_uid, now=site_now())


@handles(AGREED)
def conclude_what_is_agreed(*, buyer_id: int, proposal_uid: str) -> None:
    """Look whether all factories of a re-plan have agreed."""
    conclude_if_agreed(buyer_id=buyer_id, proposal_uid=proposal_uid, now=site_now())
    conclude_leaving(buyer_id=buyer_id, proposal_uid=proposal_uid, now=site_now())


@handles(OFFERED)
def offer_what_leaves(*, buyer_id: int, proposal_uid: str) -> None:
    """Ask the factories that would take lots which another one cannot make in time."""
    offer_or_plan_anew(buyer_id=buyer_id, proposal_uid=proposal_uid, now=site_now())


@handles(ENDED)
def end_what_falls_with_it(*, buyer_id: int, proposal_uid: str) -> None:
    """End what other factories have agreed to together with a proposal that has ended."""
    end_with(buyer_id=buyer_id, proposal_uid=proposal_uid, now=site_now())


@handles(FREED)
def free_what_was_held(*, supplier_id: int, proposal_uid: str) -> None:
    """Give the hours back that a factory held for a proposal."""
    with acting_as(supplier_id):
        by = Actor.system(supplier_id)
        free_held_hours(proposal_uid=UUID(proposal_uid), by=by, now=site_now())


@handles(ACCEPTED)
def apply_what_is_accepted(*, buyer_id: int, proposal_uid: str) -> None:
    """Let commitments and the order's plan follow the factory's hours."""
    apply_accepted(buyer_id=buyer_id, proposal_uid=proposal_uid, now=site_now())


@handles(EXPIRED)
def end_expired_proposal(*, buyer_id: int, proposal_uid: str) -> None:
    """Let an undecided proposal end, as its buyer."""
    with acting_as(buyer_id):
        expire_proposal(proposal_uid=UUID(proposal_uid), by=Actor.system(buyer_id), now=site_now())
