"""A returned share without a place that waits: asked again when the market has changed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from evidence.services.transitions import record_change
from marketplace.core.frozen import FrozenPart
from marketplace.models import ASIDE, PlanPurpose, PlanRequest, PlanRequestState
from marketplace.services.matching import mark_of
from marketplace.services.planning import RequestGone
from marketplace.services.replanning import lock_offered, request_share
from tenants.acting import PLATFORM_ID, acting_as
from tenants.actors import Actor
from tenants.errors import Conflict
from tenants.live import announce
from tenants.models import Organisation, OutboxMessage
from tenants.services.outbox import send_after_commit

TOPIC = "share.retry"
AT_ONCE = 200


class NothingToWaitFor(Conflict):
    """The share has a place by now, another way was chosen, or the order has moved on."""

    code = "nothing_to_wait_for"


@transaction.atomic
def wait_for_room(
    *, organisation: Organisation, by: Actor, now: datetime, uid: UUID | str
) -> PlanRequest:
    """Keep a share without a place open until capacity appears; asked twice, nothing changes.

    The order is locked, so of this and a choice of another way exactly one comes first.

    Raises:
        RequestGone: the organisation has no such request.
        NothingToWaitFor: it is not the newest of an order whose share has no place.
    """
    mine = PlanRequest.objects.filter(buyer_id=organisation.pk, purpose=PlanPurpose.SHARE)
    request = mine.filter(uid=uid).first()
    if request is None:
        raise RequestGone(_("There is no such planning run."))
    order = lock_offered(buyer_id=organisation.pk, order_uid=request.order_uid)
    if order is None or not _is_open(request, order.chosen_plan_uid):
        raise NothingToWaitFor(
            _("There is nothing to wait for any more. Load the page to see where it stands.")
        )
    if mine.filter(pk=request.pk, waiting_since=None).update(waiting_since=now):
        request.waiting_since = now
        record_change(
            order, change="waiting", by=by, now=now, evidence={"request_uid": str(request.uid)}
        )
        announce(tenant_ids=(organisation.pk,), key=f"order:{order.uid}")
    return request


def wake_waiting_shares() -> int:
    """Write a message to the buyer of each waiting share whose market has changed: how many.

    Acts as the platform, which is a party of every request. A share whose message is still open
    gets no second one.
    """
    with acting_as(PLATFORM_ID):
        waiting = list(
            PlanRequest.objects.filter(
                platform_id=PLATFORM_ID,
                waiting_since__isnull=False,
                state=PlanRequestState.FAILED,
            ).order_by("id")[:AT_ONCE]
        )
        under_way = set(
            OutboxMessage.objects.of(PLATFORM_ID)
            .filter(topic=TOPIC, handled_at=None)
            .values_list("payload__request_uid", flat=True)
        )
        woken = [
            request
            for request in waiting
            if str(request.uid) not in under_way and mark_of(request) != request.market_mark
        ]
        for request in woken:
            send_after_commit(
                tenant_id=PLATFORM_ID,
                topic=TOPIC,
                buyer_id=request.buyer_id,
                request_uid=str(request.uid),
            )
    return len(woken)


def retry_share(*, buyer_id: int, request_uid: UUID | str, now: datetime) -> None:
    """Ask for a waiting share again, as its buyer; safe to run twice."""
    with acting_as(buyer_id):
        request = PlanRequest.objects.get(buyer_id=buyer_id, uid=request_uid)
        order = lock_offered(buyer_id=buyer_id, order_uid=request.order_uid)
        if order is None or not _is_open(request, order.chosen_plan_uid):
            return
        request.refresh_from_db(fields=["waiting_since"])
        if request.waiting_since is not None:
            offer_uid = FrozenPart.from_json(request.frozen).offer_uid
            request_share(order=order, offer_uid=offer_uid, now=now)


def _is_open(request: PlanRequest, chosen_plan_uid: UUID | None) -> bool:
    """Tell whether a failed request is its order's newest and no plan of it is chosen."""
    newer = PlanRequest.objects.filter(
        buyer_id=request.buyer_id, order_uid=request.order_uid, pk__gt=request.pk
    ).exclude(purpose__in=ASIDE)
    return (
        request.state == PlanRequestState.FAILED
        and request.frozen["plan_uid"] == str(chosen_plan_uid)
        and not newer.exists()
    )
