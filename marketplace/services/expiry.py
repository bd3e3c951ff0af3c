"""The sweep for unanswered offers: it reads offers of all organisations and changes none."""

from __future__ import annotations

from datetime import datetime

from django.db import connections

from marketplace.models import Offer, OfferState
from tenants.acting import acting_as
from tenants.models import OutboxMessage

ALIAS = "sweep"
TOPIC = "offer.expired"
AT_ONCE = 500


def hand_on_expired_offers(*, now: datetime) -> int:
    """Write a message to the buyer of each open offer past its expiry; returns how many.

    Runs as the sweep's own role. An offer whose message is still open gets no second one.
    """
    with acting_as(0, using=ALIAS):
        expired = list(
            Offer.objects.using(ALIAS)
            .filter(state=OfferState.OFFERED, expires_at__lte=now)
            .order_by("expires_at")
            .values_list("buyer_id", "uid")[:AT_ONCE]
        )
        if not expired:
            return 0
        under_way = set(
            OutboxMessage.objects.using(ALIAS)
            .filter(topic=TOPIC, handled_at=None)
            .values_list("payload__offer_uid", flat=True)
        )
        messages = [
            OutboxMessage(
                tenant_id=buyer_id,
                topic=TOPIC,
                payload={"buyer_id": buyer_id, "offer_uid": str(uid)},
            )
            for buyer_id, uid in expired
            if str(uid) not in under_way
        ]
        OutboxMessage.objects.using(ALIAS).bulk_create(messages)
        with connections[ALIAS].cursor() as cursor:
            cursor.execute("notify outbox")
    return len(messages)
