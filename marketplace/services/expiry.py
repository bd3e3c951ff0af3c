"""The sweep for what nobody answered: it reads rows of all organisations and changes none."""

from __future__ import annotations

from datetime import datetime

from django.db import connections, models

from marketplace.models import Offer, OfferState, Proposal, ProposalState
from tenants.acting import acting_as
from tenants.models import OutboxMessage

ALIAS = "sweep"
OFFER, PROPOSAL = "offer.expired", "proposal.expired"
AT_ONCE = 500


def hand_on_expired_offers(*, now: datetime) -> int:
    """Write a message to the buyer of each open offer past its expiry; returns how many."""
    open_ones = Offer.objects.using(ALIAS).filter(state=OfferState.OFFERED)
    return _hand_on(open_ones, topic=OFFER, name="offer_uid", now=now)


def hand_on_expired_proposals(*, now: datetime) -> int:
    """Write a message to the buyer of each open proposal past its expiry; returns how many."""
    undecided = (ProposalState.PUT, ProposalState.OPEN)
    open_ones = Proposal.objects.using(ALIAS).filter(state__in=undecided)
    return _hand_on(open_ones, topic=PROPOSAL, name="proposal_uid", now=now)


def _hand_on(open_ones: models.QuerySet, *, topic: str, name: str, now: datetime) -> int:
    """Runs as the sweep's own role; a row whose message is still open gets no second one."""
    with acting_as(0, using=ALIAS):
        expired = list(
            open_ones.filter(expires_at__lte=now)
            .order_by("expires_at")
            .values_list("buyer_id", "uid")[:AT_ONCE]
        )
        if not expired:
            return 0
        under_way = set(
            OutboxMessage.objects.using(ALIAS)
            .filter(topic=topic, handled_at=None)
            .values_list(f"payload__{name}", flat=True)
        )
        messages = [
            OutboxMessage(
                tenant_id=buyer_id, topic=topic, payload={"buyer_id": buyer_id, name: str(uid)}
            )
            for buyer_id, uid in expired
            if str(uid) not in under_way
        ]
        OutboxMessage.objects.using(ALIAS).bulk_create(messages)
        with connections[ALIAS].cursor() as cursor:
            cursor.execute("notify outbox")
    return len(messages)
