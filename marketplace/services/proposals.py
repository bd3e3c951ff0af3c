"""What a person decides about a proposal: its factory's hours move, or the plan stays."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from evidence.services.transitions import StateConflict, transition
from marketplace.core.disruption import Move
from marketplace.models import Proposal, ProposalState
from marketplace.services.moving import (
    CHANGED,
    ProposalDecided,
    ProposalGone,
    hold_hours,
    lock_waiting,
    move_lots,
    tell_of_end,
)
from tenants.actors import Actor
from tenants.errors import DomainError
from tenants.live import announce
from tenants.services.outbox import send_after_commit

ACCEPTED = "proposal.accepted"
AGREED = "proposal.agreed"


class NoReason(DomainError):
    code = "reason_missing"


@transaction.atomic
def accept_proposal(*, proposal_uid: UUID, by: Actor, now: datetime) -> Proposal:
    """Move the factory's own lots as proposed: reservations, runs and operations, all or none.

    The proposal is claimed by one conditional UPDATE, of one order one at a time; the lots are
    locked; the database refuses hours that are booked by then. What is agreed does not change.
    Where other factories have to agree too, the new hours are held until all have, and no lot
    begins meanwhile.

    Raises:
        ProposalGone: no such proposal to the acting organisation.
        ProposalDecided: it is not open any more, or another of the order is being applied.
        ProposalStale: a lot has begun, or hours are booked; ask for a new proposal.
    """
    proposal = _open_proposal(proposal_uid, by=by, now=now)
    is_shared = proposal.parties > 1
    if is_shared:
        _decide(proposal, to=ProposalState.AGREED, by=by, now=now)
    else:
        _claim(proposal, by=by, now=now)
    # Read after the claim, which nobody changes any more.
    proposal.refresh_from_db(fields=["moves", "parties"])
    if is_shared != (proposal.parties > 1):
        raise ProposalDecided(CHANGED)
    moves = [Move.from_json(one) for one in proposal.moves]
    operations = lock_waiting(moves, by=by)
    if is_shared:
        hold_hours(proposal, moves, by=by, now=now)
    else:
        move_lots(moves, operations, by=by, now=now)
    send_after_commit(
        tenant_id=by.tenant_id,
        topic=AGREED if is_shared else ACCEPTED,
        buyer_id=proposal.buyer_id,
        proposal_uid=str(proposal.uid),
    )
    announce(tenant_ids=(by.tenant_id,), key="work")
    return proposal


@transaction.atomic
def dismiss_proposal(*, proposal_uid: UUID, reason: str, by: Actor, now: datetime) -> Proposal:
    """Keep to the plan as it is; the buyer is owed a reason. What others agreed to ends with it.

    Raises:
        ProposalGone, ProposalDecided: as for `accept_proposal`.
        NoReason: no reason is given.
    """
    proposal = _open_proposal(proposal_uid, by=by, now=now)
    reason = reason.strip()
    if not reason:
        raise NoReason(_("Say why you keep to the plan: the buyer reads it."))
    _decide(proposal, to=ProposalState.DISMISSED, by=by, now=now, reason=reason[:300])
    tell_of_end(proposal, by=by)
    announce(tenant_ids=(by.tenant_id,), key="work")
    announce(tenant_ids=(proposal.buyer_id,), key=f"order:{proposal.order_uid}")
    return proposal


def _open_proposal(proposal_uid: UUID, *, by: Actor, now: datetime) -> Proposal:
    proposal = Proposal.objects.of_supplier(by.tenant_id).filter(uid=proposal_uid).first()
    if proposal is None:
        raise ProposalGone(_("There is no such proposal."))
    if proposal.state != ProposalState.OPEN or proposal.expires_at is None:
        raise ProposalDecided(CHANGED)
    if now >= proposal.expires_at:
        raise ProposalDecided(_("The time to decide is over: its first lot would begin now."))
    return proposal


def _decide(proposal: Proposal, *, to: str, by: Actor, now: datetime, **fields: Any) -> None:
    try:
        transition(
            proposal,
            to=to,
            by=by,
            now=now,
            evidence=dict(fields),
            decided_at=now,
            decided_by=by.name,
            **fields,
        )
    except StateConflict as error:
        raise ProposalDecided(CHANGED) from error


def _claim(proposal: Proposal, *, by: Actor, now: datetime) -> None:
    try:
        with transaction.atomic():
            _decide(proposal, to=ProposalState.ACCEPTED, by=by, now=now)
    except IntegrityError as error:
        raise ProposalDecided(
            _("Another change of this order is being applied. Try again in a moment.")
        ) from error
